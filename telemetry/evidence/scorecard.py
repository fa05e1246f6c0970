"""The report of a period: figures, items of the standard, what was in force and what is known of the data, brought together
for the documents. The centre's own assessment; whoever certifies decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Literal
from zoneinfo import ZoneInfo

from kpis.model import KPI, Kind
from kpis.results import GROUPS as KPI_GROUPS
from kpis.results import KPIS
from telemetry.definitions import definition_rows
from telemetry.evidence import kpi_rows
from telemetry.evidence.catalogue import Catalogue, Item
from telemetry.evidence.counted import HEADLINE, Counted, Row
from telemetry.evidence.model import (
    GROUPS,
    LEAST,
    Centre,
    Chart,
    Count,
    DefinitionRow,
    Gate,
    IndexRow,
    KpiRow,
    Mark,
    Memo,
    Now,
    Period,
    Quality,
    Report,
    Sheet,
    Surprise,
    TargetRow,
)
from telemetry.evidence.quality_of import origins_of, quality_of, seal_of, with_days
from telemetry.evidence.sealed import Sealed
from telemetry.evidence.wording import Say, thai_digits
from telemetry.figures import define
from telemetry.settings import Site
from telemetry.text import words

State = Literal["met", "not_met", "insufficient_data", "shown", "document_needed", "attached"]
MOST_ROWS, MOST_CHARTS, LONGEST_TITLE = 12, 3, 120
"""Figures and pictures of one sheet, which is read in two minutes; every figure is in the workbook."""
LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "calls": ("calls_test", "calls_outside_hours", "calls_left_by_key", "fcr_excluded_unknown_caller", "fcr_excluded_window_open"),
    "tickets": ("ticket_wait_invalid", "tickets_no_show", "tickets_cancelled", "tickets_service_forgotten"),
    "votes": ("votes_bounced", "votes_dropped", "votes_invalid"),
    "conversations": ("conversations_not_yet_due", "conversations_without_target", "conversations_beginning_unknown"),
    "cases": ("complaints_withdrawn", "cases_withdrawn", "cases_receipt_unknown"),
}  # fmt: skip
"""Group → what its figures leave out, each counted."""
BY_HOUR = ("tickets_issued", "calls_offered", "abandoned_call_rate", "votes", "satisfaction_rate")
SURPRISE = (
    "tickets_issued", "ticket_wait_seconds_p50", "ticket_wait_seconds_p90", "ticket_wait_within_target_rate",
    "service_seconds_p50", "calls_offered", "abandoned_call_rate", "satisfaction_rate", "satisfaction_response_rate",
)  # fmt: skip
"""What a check without notice asks for: service, queue and first point, satisfaction."""
_NUMBER = re.compile(r"^[๐-๙0-9]+\.\s*")
"""Of a heading; the number of the item stands before it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the report is to hold."""

    period: Period
    lang: str
    preset: str
    item: str = ""
    """The only item, for the preset `criterion`."""


class Scorecard:
    """Makes the report of sealed days."""

    def __init__(
        self, found: Sealed, counted: Counted, standard: Catalogue, asked: Asked, manifest: str, code: str
    ) -> None:
        self._found, self._counted, self._standard, self._asked = found, counted, standard, asked
        self._lang, self._text, self._say = asked.lang, words(asked.lang, "scorecard"), Say(asked.lang)
        self._mark = Mark(code, manifest)
        self._total = {row["kpi"]: row for row in counted.rows("total", asked.lang)}
        self._months = counted.rows("month", asked.lang)
        self._units = counted.rows("unit", asked.lang)
        self._quality = quality_of(found, asked.lang)

    def report(self) -> Report:
        lang, found, asked = self._lang, self._found, self._asked
        sheets = tuple(self._sheet(item) for item in self._items())
        summary = tuple(self._row(name) for name in HEADLINE)
        site = found.site
        shown = {row.kpi for sheet in sheets for row in sheet.rows} | set(HEADLINE)
        return Report(
            lang=lang,
            centre=centre_of(site, lang),
            period=with_days(asked.period, found.terms, lang),
            cut_off=self._counted.cut_off,
            provisional=bool(found.unsealed),
            mark=self._mark,
            standard=f"{self._standard.name} · {self._standard.source}",
            index=self._index(sheets),
            gates=self._gates(sheets),
            summary=summary,
            sheets=sheets,
            monthly=tuple(kpi_rows.months(self._months, HEADLINE, lang)),
            hourly=tuple(kpi_rows.hours(self._counted, BY_HOUR, lang)),
            groups=tuple((group, self._group(KPI_GROUPS[group])) for group in GROUPS),
            quality=self._quality,
            seal=seal_of(found),
            targets=tuple(targets_of(self._counted, shown, lang)),
            definitions=tuple(self._definitions(shown)),
            versions=tuple((name, version(name)) for name in ("gecc-telemetry", "numpy", "pyarrow")),
            memo=self._memo(summary) if asked.preset == "monthly" else None,
            surprise=self._surprise() if asked.preset == "surprise-check" else None,
        )  # fmt: skip

    def _row(self, name: str) -> KpiRow:
        return kpi_rows.kpi_row(self._total[name], self._lang)

    def _items(self) -> Sequence[Item]:
        items = self._standard.supported()
        if self._asked.preset == "criterion":
            return [item for item in items if item.id == self._asked.item]
        return items if self._asked.preset == "full" else ()

    def _sheet(self, item: Item) -> Sheet:
        lang, kpis = self._lang, self._told(item)
        rows = tuple(self._row(kpi.name) for kpi in kpis)
        groups = [group for group in GROUPS if any(kpi in KPI_GROUPS[group] for kpi in kpis)]
        text = self._text
        limit = {"D": text["no_limits"], "D*": text["limit_case_system"]}.get(item.evidence, text["limit_partly"])
        left_out = [self._total[name] for group in groups for name in LEFT_OUT[group]]
        return Sheet(
            item=number(item.id, lang),
            id=item.id,
            heading=_NUMBER.sub("", item.heading_th),
            text=item.text_th,
            kind=item.shown,  # type: ignore[arg-type]
            rows=rows,
            charts=self._charts(rows),
            summary=item.summary_en,
            method=tuple(f"{kpi_rows.label(kpi, lang)}: {define(kpi, self._found.site, lang)}" for kpi in kpis),
            exclusions=tuple(Count(kpi_rows.label(KPIS[r["kpi"]], lang), r["n"]) for r in left_out if not _few(r)),
            limits=(limit, *self._more(item, kpis), *dict.fromkeys(filter(None, (define(kpi, self._found.site, lang, excludes=True) for kpi in kpis)))),
            coverage=tuple(c for c in self._quality.coverage if c.day is None),
            gaps=self._quality.gaps,
            origins=origins_of(self._found, lang),
        )  # fmt: skip

    def _told(self, item: Item) -> list[KPI]:
        """The figures of a sheet: what is judged first, then headlines and histograms, then the others; in their order."""
        kpis = [KPIS[name] for name in item.kpis]
        first = sorted(
            kpis,
            key=lambda k: (
                self._total[k.name]["verdict"] is None, k.name not in HEADLINE, k.kind is not Kind.HISTOGRAM,
                not self._total[k.name]["n"],
            ),
        )  # fmt: skip
        kept = {kpi.name for kpi in first[:MOST_ROWS]}
        return [kpi for kpi in kpis if kpi.name in kept]

    def _more(self, item: Item, kpis: Sequence[KPI]) -> Iterable[str]:
        more = len(item.kpis) - len(kpis)
        return [self._text["limit_more"].format(n=more)] if more else []

    def _charts(self, rows: Iterable[KpiRow]) -> tuple[Chart, ...]:
        rows = list(rows)
        course: dict[str, list[KpiRow]] = {}
        for one in kpi_rows.months(self._months, {row.kpi for row in rows}, self._lang):
            course.setdefault(one.kpi, []).append(one)
        judged = sorted(rows, key=lambda row: (row.target is None, not row.bins))
        made = (kpi_rows.chart_of(row, course, self._lang, self._say.month) for row in judged)
        return tuple(chart for chart in made if chart is not None)[:MOST_CHARTS]

    def _index(self, sheets: Sequence[Sheet]) -> tuple[IndexRow, ...]:
        by_id = {sheet.id: sheet for sheet in sheets}
        out = []
        for item in self._standard.items:
            sheet = by_id.get(item.id)
            title = item.text_th if self._lang == "th" or not item.summary_en else item.summary_en
            title = title if len(title) <= LONGEST_TITLE else f"{title[:LONGEST_TITLE]}…"
            file = sheet.file if sheet else ""
            state = state_of(sheet.rows) if sheet else "document_needed"
            out.append(IndexRow(number(item.id, self._lang), title, item.shown, file, None, state))  # type: ignore[arg-type]
        return tuple(out)

    def _gates(self, sheets: Sequence[Sheet]) -> tuple[Gate, ...]:
        states = {sheet.id: state_of(sheet.rows) for sheet in sheets}
        out = []
        for part in self._standard.parts if sheets else ():
            items = [item for item in self._standard.items if item.kind == part.kind]
            told = [states[item.id] for item in items if item.id in states]
            points = [item.points for item in items if states.get(item.id) == "met" and item.points is not None]
            asked = part.gate if self._lang == "en" else self._text["asked_all"] * part.gate.startswith("all")
            out.append(
                Gate(
                    self._text[f"part_{part.kind}"], part.items, len(told), told.count("met"), told.count("not_met"),
                    told.count("insufficient_data"), part.points, sum(points) if part.points else None, asked,
                )
            )  # fmt: skip
        return tuple(out)

    def _group(self, kpis: Iterable[KPI]) -> tuple[KpiRow, ...]:
        names = [kpi.name for kpi in kpis]
        whole = [self._row(name) for name in names if self._total[name]["n"]]
        return (*whole, *kpi_rows.by_unit(self._units, self._found.site, names, self._lang))

    def _definitions(self, names: Iterable[str]) -> Iterable[DefinitionRow]:
        wanted = set(names)
        for row in definition_rows(self._lang, self._found.site):
            if row["kpi"] in wanted:
                yield DefinitionRow(row["kpi"], row["label"], row["group"], row["definition"], tuple(row["facts"]))

    def _memo(self, rows: Sequence[KpiRow]) -> Memo:
        text = self._text
        missed = ", ".join(row.label for row in rows if row.verdict == "not_met")
        said = text["memo_not_met"].format(names=missed) if missed else text["memo_all_met"]
        site = self._found.site
        return Memo(
            text["memo_to"], text["memo_subject"], site.organisation, paragraphs=(said,), rows=tuple(rows),
            charts=self._charts(rows),
        )  # fmt: skip

    def _surprise(self) -> Surprise:
        """The newest sealed day, and the period."""
        text, zone = self._text, ZoneInfo(self._found.site.timezone)
        at = datetime.fromtimestamp(self._counted.span_us[1] / 1e6, zone)
        days = {row["from"]: row for row in self._counted.rows("day", self._lang) if row["kpi"] == "tickets_issued"}
        newest = max(days, default="")
        by_day = {r["kpi"]: r for r in self._counted.rows("day", self._lang) if r["from"] == newest}
        now = tuple(
            Now(text[key], self._say.value(KPIS[name].unit, by_day[name]["value"]), at)
            for key, name in (("now_tickets", "tickets_issued"), ("now_calls", "calls_offered"), ("now_votes", "satisfaction_rate"))
            if name in by_day and not _few(by_day[name])
        )  # fmt: skip
        rows = tuple(self._row(name) for name in SURPRISE)
        return Surprise(at, now, rows, self._charts(rows))


def centre_of(site: Site, lang: str) -> Centre:
    name = (site.name_th if lang == "th" else site.name_en) or site.id
    return Centre(site.id, name, site.organisation, site.province)


def targets_of(counted: Counted, names: Iterable[str], lang: str) -> Iterable[TargetRow]:
    """The targets in force in the period, each with its days."""
    wanted = set(names)
    for kpi in (kpi for kpi in KPIS.values() if kpi.name in wanted):
        told = counted.terms.targets(kpi, *counted.quarters)
        for i, one in enumerate(told):
            follows = told[i + 1].since if i + 1 < len(told) else None
            ends = follows - timedelta(days=1) if follows else None
            if one.value is not None:
                yield TargetRow(
                    kpi.name, kpi_rows.label(kpi, lang), kpi.unit, str(kpi.better), one.value, one.since, ends, one.why  # type: ignore[arg-type]
                )  # fmt: skip


def state_of(rows: Iterable[KpiRow]) -> State:
    """What the figures of an item say together: one that is not met outweighs all."""
    verdicts = {row.verdict for row in rows}
    for state in ("not_met", "insufficient_data", "met"):
        if state in verdicts:
            return state
    return "shown"


def number(id_: str, lang: str) -> str:
    """Q20.2 as the standard prints it: ๒๐.๒ in Thai; the id where it has another form."""
    plain = id_.lstrip("PQRJ")
    return thai_digits(plain) if lang == "th" and plain.replace(".", "").isdigit() else id_


def _few(row: Row) -> bool:
    return bool(0 < row["n"] < LEAST)


__all__ = ["Asked", "Quality", "Scorecard", "number", "state_of"]
