"""Which documents a pack holds, by preset; names are plain Latin letters, so that every unpacker writes them alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from kpis.model import Kind
from kpis.results import KPIS
from telemetry.evidence.model import KpiRow, Report
from telemetry.evidence.tables import Cell, Column, Table
from telemetry.evidence.to_csv import table_csv
from telemetry.evidence.to_pdf import Pdf, Printer
from telemetry.evidence.to_xlsx import workbook

MINISTRY, TABLES, QUALITY, METHOD = "03_ministry.csv", "03_tables.xlsx", "06_data_quality.pdf", "05_method.pdf"
_MINISTRY: Final = (
    "centre", "name", "organisation", "province", "from", "to", "kpi", "label", "unit", "value", "numerator", "n", "ci_low",
    "ci_high", "target", "verdict", "coverage", "provisional", "manifest_sha256",
)  # fmt: skip


def documents(
    report: Report, preset: str, *, fonts: Path | None = None, at: Callable[[str], None] = lambda _name: None
) -> dict[str, bytes]:
    """Name → file. FontError before anything is made where the typeface is missing; `at` is told what is made next."""
    printer = Printer(report, fonts)
    out: dict[str, bytes] = {}
    pages: dict[str, int] = {}
    for name, make in _printed(report, printer, preset):
        at(name)
        made = make()
        out[name], pages[name] = made.data, made.pages
    if preset == "full":
        at("00_index.pdf")
        index = tuple(replace(row, pages=pages.get(row.file)) for row in report.index)
        out["00_index.pdf"] = Printer(replace(report, index=index), fonts).index().data
    if preset == "ministry":
        out[MINISTRY] = ministry([(report, report.mark.manifest_sha256)])
    at(TABLES)
    out[TABLES] = workbook(report)
    return out


def _printed(report: Report, printer: Printer, preset: str) -> Iterator[tuple[str, Callable[[], Pdf]]]:
    if preset == "monthly":
        yield "01_memorandum.pdf", printer.memo
    elif preset == "surprise-check":
        yield "01_surprise_check.pdf", printer.surprise
    elif preset != "ministry":
        yield "01_summary.pdf", printer.summary
    for sheet in report.sheets:
        yield sheet.file, lambda sheet=sheet: printer.sheet(sheet)  # type: ignore[misc]
    if preset in ("full", "criterion"):
        yield METHOD, printer.method
    if preset != "ministry":
        yield QUALITY, printer.quality


def ministry(parts: Iterable[tuple[Report, str]]) -> bytes:
    """One row a centre and KPI, of each centre's report and the hash of its manifest."""
    columns = tuple(Column(name, 12) for name in _MINISTRY)
    rows = (_ministry_row(report, hash_, row) for report, hash_ in parts for row in report.summary)
    return table_csv(Table("ministry", "ministry", columns, tuple(rows)))


def _ministry_row(report: Report, manifest: str, row: KpiRow) -> tuple[Cell, ...]:
    centre, told = report.centre, not row.hidden
    numerator = (
        row.numerator if KPIS[row.kpi].kind in (Kind.RATIO, Kind.COUNT) else None
    )  # of a mean it is no number of people
    numbers = (row.value, numerator, row.n, row.ci_low, row.ci_high) if told else (None, None, "< 5", None, None)
    return (
        centre.id, centre.name, centre.organisation, centre.province, report.period.first, report.period.last, row.kpi,
        row.label, row.unit, *numbers, row.target, row.verdict, row.coverage, str(report.provisional).lower(), manifest,
    )  # fmt: skip
