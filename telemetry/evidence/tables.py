"""The tables of the workbook and of CSV files for people, from the report: typed cells under headings in words.

A cell is words, a whole number, a float, a `Share` (0..1), a date, or None for what is not known. What is hidden is the
word for it, never its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from telemetry.evidence.found import Coverage, Gap
from telemetry.evidence.model import GROUPS, Report
from telemetry.evidence.rows import KpiRow
from telemetry.evidence.wording import Say


class Share(float):
    """A share of a whole, 0..1, shown in percent."""

    __slots__ = ()


Cell = str | int | float | Share | date | None
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  local wall-clock time, as it is printed


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    width: float
    """In letters."""


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet of the workbook."""

    key: str
    name: str
    """On the sheet's tab."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(report: Report) -> list[Table]:
    """All sheets, in their order; those of groups without figures are left out."""
    say = Say(report.lang)
    groups = dict(report.groups)
    out = [
        _kpis("summary", report.summary, say),
        _kpis("monthly", report.monthly, say, dated=True),
        _kpis("hourly", report.hourly, say, hour=True),
        *(_kpis(name, groups[name], say) for name in GROUPS if name in groups),
        _quality(report, say),
        _definitions(report, say),
        _targets(report, say),
    ]
    return [table for table in out if table.rows or table.key == "summary"]


def _kpis(key: str, rows: Sequence[KpiRow], say: Say, *, dated: bool = False, hour: bool = False) -> Table:
    columns: list[tuple[str, float, Callable[[KpiRow], Cell]]] = [(say("col_kpi"), 40, lambda r: r.label)]
    if any(row.of for row in rows):
        head = say("fact_centre" if key == "summary" else "col_of")  # a summary is cut by nothing but centres
        columns.append((head, 20, lambda r: r.of))
    if dated:
        columns += [
            (say("col_first"), 21, lambda r: r.first),
            (say("col_first_words"), 21, lambda r: _day(r.first, say)),
            (say("col_last"), 21, lambda r: r.last),
            (say("col_last_words"), 21, lambda r: _day(r.last, say)),
        ]
    if hour:
        columns.append((say("col_hour"), 18, lambda r: "" if r.hour is None else say.hour(r.hour)))
    columns += [
        (say("col_unit"), 9, lambda r: say.unit(r.unit)),
        (say("col_target"), 24, lambda r: "; ".join(say.goal(r))),
        (say("col_result"), 15, lambda r: _result(r, say)),
        (say("col_numerator"), 13, lambda r: _told(r, r.numerator)),
        (say("col_denominator"), 13, lambda r: _told(r, r.denominator)),
        (say("col_n"), 10, lambda r: say("hidden") if r.hidden else r.n),
        (say("col_low"), 13, lambda r: _told(r, _typed(r.unit, r.ci_low))),
        (say("col_high"), 13, lambda r: _told(r, _typed(r.unit, r.ci_high))),
        (say("col_coverage"), 13, lambda r: None if r.coverage is None else Share(r.coverage)),
        (say("col_verdict"), 15, lambda r: "" if r.hidden or r.verdict is None else say(r.verdict)),
        (say("col_name"), 30, lambda r: r.kpi),
    ]
    return _table(key, [(head, width) for head, width, _ in columns], say, ([f(r) for *_, f in columns] for r in rows))


def _result(row: KpiRow, say: Say) -> Cell:
    if row.hidden or row.bins:
        return say.result(row)
    return _typed(row.unit, row.value)


def _told(row: KpiRow, value: Cell) -> Cell:
    return None if row.hidden else value


def _typed(unit: str, value: float | None) -> Cell:
    """A share where the unit is one; a whole number where it is whole."""
    if value is None:
        return None
    if unit in ("ratio", "percent"):
        return Share(value / (100 if unit == "percent" else 1))
    return int(value) if float(value).is_integer() else value


def _quality(report: Report, say: Say) -> Table:
    """Coverage, gaps and corrections one after the other: what each row is stands in its first column."""
    heads = [
        (say("col_gap"), 30.0), (say("col_source"), 18), (say("col_source_kind"), 22), (say("col_day"), 21),
        (say("col_day_words"), 20), (say("col_from"), 22), (say("col_to"), 22), (say("col_count"), 12),
        (say("col_expected"), 16), (say("col_covered"), 16), (say("col_share"), 12), (say("col_detail"), 40),
        (say("col_who"), 20), (say("col_why"), 30),
    ]  # fmt: skip
    found, offset = report.quality, report.cut_off.utcoffset() or timedelta()
    rows: list[Sequence[Cell]] = [_covered(row, say) for row in found.coverage]
    rows += [_gap(row, say, offset) for row in (*found.gaps, *found.corrections)]
    for key, counts in (("gap_rejected", found.rejected), ("gap_late", found.late)):
        for one in counts:
            source, detail = ("", one.reason) if key == "gap_rejected" else (one.reason, "")
            rows.append([say(key), source, "", None, "", "", "", one.n, None, None, None, detail, "", ""])
    return _table("quality", heads, say, rows)


def _covered(row: Coverage, say: Say) -> Sequence[Cell]:
    share = None if row.share is None else Share(row.share)
    hours = row.expected_s / 3600, row.covered_s / 3600
    return [
        say("gap_coverage"), row.source, row.kind, row.day, _day(row.day, say), "", "", None, *hours, share, "", "", "",
    ]  # fmt: skip


def _gap(row: Gap, say: Say, offset: timedelta) -> Sequence[Cell]:
    first, last = (_moment(us, offset) for us in (row.first_us, row.last_us))
    return [
        say(f"gap_{row.kind}"), row.source, "", row.day, _day(row.day, say), first, last, row.n, None, None, None,
        row.detail, row.who, row.why,
    ]  # fmt: skip


def _definitions(report: Report, say: Say) -> Table:
    heads = [
        (say("col_group"), 24.0), (say("col_kpi"), 40), (say("col_name"), 34), (say("col_definition"), 80),
        (say("col_detail"), 80),
    ]  # fmt: skip
    rows = [
        [d.group, d.label, d.kpi, d.definition, "; ".join(f"{name}: {words}" for name, words in d.facts)]
        for d in report.definitions
    ]
    return _table("definitions", heads, say, rows)


def _targets(report: Report, say: Say) -> Table:
    heads = [
        (say("col_kpi"), 44.0), (say("col_of"), 18), (say("col_target"), 28), (say("col_value"), 12),
        (say("col_first"), 21), (say("col_first_words"), 20), (say("col_last"), 21), (say("col_last_words"), 20),
        (say("col_why"), 40), (say("col_name"), 34),
    ]  # fmt: skip
    rows = [
        [
            t.label, t.of, say.target(t.unit, t.better, t.value), _typed(t.unit, t.value), t.first, _day(t.first, say),
            t.last, _day(t.last, say), t.why, t.kpi,
        ]
        for t in report.targets
    ]  # fmt: skip
    return _table("targets", heads, say, rows)


def _table(key: str, heads: Iterable[tuple[str, float]], say: Say, rows: Iterable[Sequence[Cell]]) -> Table:
    columns = tuple(Column(head, width) for head, width in heads)
    return Table(key, say(f"sheet_{key}"), columns, tuple(tuple(row) for row in rows))


def _day(day: date | None, say: Say) -> str:
    """In words and Buddhist Era, in either language: spreadsheets show CE."""
    if day is None:
        return ""
    return say.day(day) if say.lang == "th" else f"{say.day(day)} (BE {day.year + 543})"


def _moment(us: int | None, offset: timedelta) -> str:
    """A time of the centre's wall clock, ISO."""
    return "" if us is None else (_EPOCH + timedelta(microseconds=us) + offset).isoformat(" ", "seconds")
