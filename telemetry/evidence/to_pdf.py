"""Documents as PDF: A4, tagged, for archives (PDF/A-3a) and for every reader (PDF/UA-1), the same bytes for the same report.

Typst sets them with the typeface of the product and nothing of the machine; the time in a file is the report's cut-off.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import segno
import typst

from telemetry.evidence import appendices, documents
from telemetry.evidence.blocks import Block, Blocks
from telemetry.evidence.charts import picture
from telemetry.evidence.fonts import FAMILY, fonts_in, printable
from telemetry.evidence.model import Report, Sheet
from telemetry.evidence.rows import Chart
from telemetry.evidence.typst_text import cut
from telemetry.evidence.wording import Say, thai_digits

STANDARDS: Final[list[typst.PDFStandard]] = ["a-3a", "ua-1"]
_TEMPLATES: Final = Path(str(resources.files("telemetry.evidence") / "templates"))


@dataclass(frozen=True, slots=True)
class Pdf:
    """One file."""

    data: bytes
    pages: int


class Printer:
    """Prints the documents of one report. FontError, before anything is made, when the typeface is missing or another one."""

    def __init__(self, report: Report, fonts: Path | None = None) -> None:
        self._report, self._say = report, Say(report.lang)
        folder = fonts_in(fonts)
        found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])
        self._typst = typst.Compiler(root=str(_TEMPLATES), font_paths=found)
        self._common = self._head_and_foot()

    def index(self) -> Pdf:
        return self._made("doc_index", lambda b: documents.index(self._report, b))

    def summary(self) -> Pdf:
        return self._made("doc_summary", lambda b: documents.summary(self._report, b))

    def sheet(self, one: Sheet) -> Pdf:
        return self._made("doc_sheet", lambda b: documents.sheet(self._report, one, b), item=one.item)

    def method(self) -> Pdf:
        return self._made("doc_method", lambda b: appendices.method(self._report, b))

    def quality(self) -> Pdf:
        return self._made("doc_quality", lambda b: appendices.quality(self._report, b))

    def memo(self) -> Pdf:
        """ValueError for a report without one."""
        of = self._report.memo
        if of is None:
            raise ValueError("the report has no memorandum")
        return self._made("doc_memo", lambda b: appendices.memo(self._report, of, b))

    def surprise(self) -> Pdf:
        """ValueError for a report without one."""
        of = self._report.surprise
        if of is None:
            raise ValueError("the report has no surprise check")
        return self._made("doc_surprise", lambda b: appendices.surprise(self._report, of, b))

    def svg(self, chart: Chart) -> bytes:
        """A chart alone, as an SVG whose words are shapes, for slides and web pages."""
        told = picture(chart, self._say)
        size = {"width": told.width, "height": told.height, "marks": told.marks, "legend": told.legend}
        data = {"lang": self._say.lang, "font": FAMILY, "picture": size}
        made = self._typst.compile(
            input=_TEMPLATES / "chart.typ", format="svg", sys_inputs={"data": _json(data)}, timestamp=self._time_s()
        )
        return made[0] if isinstance(made, list) else made or b""

    def _made(self, key: str, blocks: Callable[[Blocks], list[Block]], **values: object) -> Pdf:
        title = printable(self._say(key, **values))
        data = {**self._common, "title": title, "blocks": blocks(Blocks(self._say))}
        made = self._typst.compile(
            input=_TEMPLATES / "document.typ",
            format="pdf",
            sys_inputs={"data": _json(data)},
            pdf_standards=STANDARDS,
            timestamp=self._time_s(),
        )
        pages = json.loads(self._typst.query("<pages>", field="value", one=True))
        return Pdf(made if isinstance(made, bytes) else b"", int(pages))

    def _time_s(self) -> int:
        return int(self._report.cut_off.timestamp())

    def _head_and_foot(self) -> dict[str, Any]:
        report, say = self._report, self._say
        run = thai_digits if say.lang == "th" else str
        mark = report.mark
        code = io.BytesIO()
        told = f"gecc {mark.code} sha256:{mark.manifest_sha256}"
        segno.make(told, error="m", micro=False).save(code, kind="svg", xmldecl=False, border=4)
        return {
            "lang": say.lang,
            "font": FAMILY,
            "author": printable(report.centre.name),
            "head": {
                "centre": cut(report.centre.name),
                "period": cut(run(say.period(report.period, short=True))),
                "cut_off": cut(run(say("head_cut_off", at=say.day_short(report.cut_off)))),
                "page": say("head_page", page="{page}", pages="{pages}"),
                "provisional": say("head_provisional") if report.provisional else "",
            },
            "foot": {
                "code": say("foot_code", code=mark.code),
                "hash": say("foot_hash", hash=mark.manifest_sha256),
                "qr": code.getvalue().decode(),
            },
        }


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, allow_nan=False)
