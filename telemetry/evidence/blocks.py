"""Pieces of a document, as the template paints them: headings, words, tables, charts with their tables, signatures.

Running text goes through `run` (Thai digits in Thai, cut into words), what stands in tables and charts through `cut`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from telemetry.evidence.chart_table import numbers
from telemetry.evidence.charts import picture
from telemetry.evidence.rows import Chart, KpiRow
from telemetry.evidence.typst_text import cut
from telemetry.evidence.wording import Say, thai_digits

Block = dict[str, Any]
Cell = str | dict[str, Any]
TABLE_SIZE: Final = 12.0
DOTS: Final = "." * 36
FEW_DOTS: Final = "." * 24


class Blocks:
    """Makes pieces in one language; charts are numbered in the order they are made."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self._charts = 0

    def run(self, text: str) -> str:
        """Running text."""
        return cut(thai_digits(text)) if self.say.lang == "th" else cut(text)

    def title(self, text: str) -> Block:
        return {"is": "title", "text": self.run(text)}

    def heading(self, key: str, **values: object) -> Block:
        return {"is": "heading", "level": 2, "text": self.run(self.say(key, **values))}

    def subheading(self, text: str) -> Block:
        return {"is": "heading", "level": 3, "text": self.run(text)}

    def text(self, text: str, *, size: float = 14, indent: float = 0, bold: bool = False) -> Block:
        return {"is": "text", "text": self.run(text), "size": size, "indent": indent, "bold": bold}

    def quote(self, text: str) -> Block:
        return {"is": "quote", "text": self.run(text)}

    def items(self, texts: Iterable[str]) -> Block:
        return {"is": "list", "items": [self.run(text) for text in texts]}

    def facts(self, rows: Iterable[tuple[str, str]], width: float = 118, *, exact: bool = False) -> Block:
        """Names with what is said of each, its digits as they are where `exact`; those of which nothing is said are left out."""
        return {
            "is": "facts",
            "width": width,
            "rows": [[self.run(k), cut(v) if exact else self.run(v)] for k, v in rows if v],
        }

    def table(
        self, columns: Sequence[tuple[str, float, str]], rows: Iterable[Sequence[Cell]], *,
        size: float = TABLE_SIZE, dense: bool = False,
    ) -> Block:  # fmt: skip
        """Columns are (head, share of the width or 0 for as wide as needed, `l` `c` or `r`)."""
        return {
            "is": "table",
            "size": size,
            "dense": dense,
            "columns": [{"text": cut(head), "width": width, "align": align} for head, width, align in columns],
            "rows": [[_cut_cell(cell) for cell in row] for row in rows],
        }

    def listed(self, key: str, block: Block) -> list[Block]:
        """A heading and a table, or the words that there is nothing."""
        return [self.heading(key), block if block["rows"] else self.text(self.say("no_rows"))]

    def verdict(self, word: str | None, text: str) -> Cell:
        """A word with the shape of its verdict."""
        return {"mark": word, "text": text} if word in ("met", "not_met", "insufficient_data") else text

    def kpis(self, rows: Sequence[KpiRow], *, coverage: bool = False) -> Block:
        """The table of figures: target, result, n, interval, verdict."""
        say = self.say
        heads = ["kpi", "target", "result", "n", "interval", *(["covered_share"] if coverage else []), "verdict"]
        widths = (3.2, 2.0, 1.8, 0.95, 1.85, 1.3, 1.75) if coverage else (2.3, 1.85, 1.75, 1.1, 2.0, 1.9)
        sides = ("l", "l", *"r" * (len(heads) - 3), "l")
        columns = [(say(f"col_{head}"), *place) for head, *place in zip(heads, widths, sides, strict=True)]
        size = TABLE_SIZE - 1.5 if coverage else TABLE_SIZE
        return self.table(columns, [self._kpi(row, coverage=coverage) for row in rows], size=size)

    def _kpi(self, row: KpiRow, *, coverage: bool) -> list[Cell]:
        say = self.say
        out: list[Cell] = [
            f"{row.label} ({row.of})" if row.of else row.label,
            {"lines": say.goal(row)},
            say.result(row),
            say.n(row.n, hidden=row.hidden),
            say.interval(row),
        ]
        if coverage:
            out.append(say.bare("ratio", row.coverage) + ("" if row.coverage is None else "%"))
        return [*out, "–" if row.hidden else self.verdict(row.verdict, say.verdict(row))]

    def chart(self, chart: Chart) -> Block:
        """A chart, the table of its values, and what must be known to read both."""
        self._charts += 1
        say, told = self.say, numbers(chart, self.say)
        wide = len(told.head) - 1
        first = 2.2 if wide > 4 else 2.8
        columns = [(head, 1.0 if i else first, "r" if i else "l") for i, head in enumerate(told.head)]
        size = 12.0 if wide <= 7 else 10.5 if wide <= 10 else 9.5
        notes = []
        if chart.kind == "map":
            unit = chart.unit_words or say.unit(chart.unit)
            notes.append(say("chart_map_key", unit=unit, beside=chart.beside_words))
        if any(cell in ("–", say("hidden")) for row in told.rows for cell in row):
            notes.append(say("chart_marks"))
        return {
            "is": "chart",
            **asdict(picture(chart, say)),
            "caption": self.run(say("chart_caption", n=self._charts, title=chart.title)),
            "table": self.table(columns, told.rows, size=size, dense=wide > 7),
            "notes": [*map(cut, notes), *([self.run(chart.note)] if chart.note else [])],
        }

    def signatures(self) -> Block:
        """Three people sign by hand; no name of anyone is printed."""
        say = self.say
        return {
            "is": "signatures",
            "who": [
                [
                    DOTS,
                    say("sign_name", dots=DOTS),
                    say(f"sign_{who}"),
                    say("sign_position", dots=FEW_DOTS),
                    say("sign_date", dots=FEW_DOTS),
                ]
                for who in ("made", "checked", "certified")
            ],
        }

    def sign_one(self) -> Block:
        """One signature at the right, as under a letter."""
        say = self.say
        lines = [DOTS, say("sign_name", dots=DOTS), say("sign_position", dots=FEW_DOTS)]
        return {"is": "signatures", "who": [[""], lines]}


def _cut_cell(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return cut(cell)
    if "lines" in cell:
        return {"lines": [cut(line) for line in cell["lines"]]}
    return {"mark": cell["mark"], "text": cut(cell["text"])}
