"""Figures of sealed days: what the core makes of their records, cut by whatever a report is cut by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import QUARTERS_A_DAY, Zones
from kpis.cube import Cube, build, merge, within
from kpis.model import KPI, Kind
from kpis.results import KPIS, facts_of
from telemetry.archive.read_back import columns_of
from telemetry.evidence.sealed import Sealed, heard_of
from telemetry.evidence.terms import SealedTerms
from telemetry.figures import rows_of
from telemetry.in_memory import Names
from telemetry.rules import rules_of, zones_of
from telemetry.settings import Site
from telemetry.voided import counting

HEADLINE: Final = (
    "tickets_issued", "ticket_wait_seconds_p50", "ticket_wait_seconds_p90", "ticket_wait_within_target_rate",
    "calls_offered", "abandoned_call_rate", "first_attempt_lost_rate", "answered_within_3_rings_rate", "service_level_rate",
    "first_contact_resolution_rate", "satisfaction_rate", "satisfaction_mean_percent", "satisfaction_response_rate",
    "reply_within_target_rate", "complaints_settled_rate",
)  # fmt: skip
"""The figures of a summary: those that every pack's own checker counts again from the records."""
_EPOCH = date(1970, 1, 1).toordinal()
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """What sealed days say of a period."""

    terms: SealedTerms
    quarters: tuple[int, int]
    """Local quarters first <= q < last."""
    cube: Cube
    names: Names
    zones: Zones
    span_us: tuple[int, int]
    """First and last of the records; the last is the cut-off."""

    @property
    def site(self) -> Site:
        return self.terms.site

    @property
    def cut_off(self) -> datetime:
        """The last of the records, in the centre's local time."""
        return datetime.fromtimestamp(self.span_us[1] / 1e6, ZoneInfo(self.site.timezone)).replace(microsecond=0)

    def rows(self, by: str, lang: str) -> list[Row]:
        """Rows as `telemetry.figures` gives them."""
        names = self.names.texts
        return rows_of(self.cube, self.site, self.quarters, by=by, names=names, lang=lang, terms=self.terms)

    def summary(self) -> dict[str, dict[str, Any]]:
        """The headline figures with what they are judged by: what a checker must find again."""
        found = {row["kpi"]: row for row in self.rows("total", "en")}
        return {name: self._judged(KPIS[name], found[name]) for name in HEADLINE}

    def _judged(self, kpi: KPI, row: Row) -> dict[str, Any]:
        numerator = (row["numerator"] or 0) if kpi.kind in (Kind.RATIO, Kind.COUNT) else None
        targets = self.terms.targets(kpi, *self.quarters)
        return {
            "counted": [row["value"], numerator, row["n"]],
            "interval": None if row["ci_low"] is None else [row["ci_low"], row["ci_high"]],
            "targets": [[t.value, str(t.since) if t.since else None, t.why] for t in targets],
            "coverage": row["coverage"],
            "verdict": row["verdict"],
        }

    def local_seconds(self, time_us: Any) -> Any:
        """Wall-clock seconds since 1970 at the centre."""
        return self.zones.to_local(time_us, np.zeros(len(time_us), np.int32)) // 1_000_000


def count(found: Sealed) -> Counted:
    """The figures of a period from its sealed days."""
    names, terms = Names(), found.terms
    for name in terms.names():
        names.code(name)
    inside = cols = counting(columns_of(found.tables, names.code))
    if found.earlier:
        cols = counting(columns_of([*(table for _, table in found.earlier), *found.tables], names.code))
    code = names.code(found.site.id)
    span_us = (int(inside.time_us.min()), int(inside.time_us.max())) if len(inside) else (0, 0)
    known = {names.code(source): teller for source, teller in terms.tellers().items()}
    zones, calendar = zones_of([found.site], names.code), terms.calendar(names.code)
    heard = heard_of(found, names, code, (span_us[0], span_us[1] + 1))
    first, last = ((day.toordinal() - _EPOCH) * QUARTERS_A_DAY for day in (found.first, found.last))
    quarters = first, last + QUARTERS_A_DAY
    parts = []
    for site, spans in terms.counted_by(*quarters):
        rules = replace(rules_of([site], names.code, {}, known, {code: span_us[1]}), calendar=calendar)
        cube = build(facts_of(cols, rules, zones, heard), zones)
        parts += [(span, within(cube, span)) for span in spans]
    cube = merge([part for _, part in sorted(parts, key=lambda x: x[0])])
    return Counted(terms, quarters, cube, names, zones, span_us)
