"""Figures of sealed days: what the core makes of their records, cut by whatever a report is cut by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from kpis.columns import QUARTERS_A_DAY, Zones
from kpis.cube import Cube, build, within
from kpis.model import Kind, Teller
from kpis.results import KPIS, facts_of
from telemetry.archive.read_back import columns_of
from telemetry.evidence.sealed import Sealed, heard_of
from telemetry.figures import rows_of
from telemetry.in_memory import Names
from telemetry.rules import names_of, rules_of, zones_of
from telemetry.settings import Site

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

    site: Site
    quarters: tuple[int, int]
    """Local quarters first <= q < last."""
    cube: Cube
    names: Names
    zones: Zones
    span_us: tuple[int, int]
    """First and last of the records; the last is the cut-off."""

    def rows(self, by: str, lang: str) -> list[Row]:
        """Rows as `telemetry.figures` gives them."""
        return rows_of(self.cube, self.site, self.quarters, by=by, names=self.names.texts, lang=lang)

    def summary(self) -> dict[str, list[Any]]:
        """KPI → [value, numerator, n] of the headline figures: what a checker must find again."""
        found = {row["kpi"]: row for row in self.rows("total", "en")}
        out = {}
        for name in HEADLINE:
            counted = KPIS[name].kind in (Kind.RATIO, Kind.COUNT)
            numerator = (found[name]["numerator"] or 0) if counted else None
            out[name] = [found[name]["value"], numerator, found[name]["n"]]
        return out

    def local_seconds(self, time_us: Any) -> Any:
        """Wall-clock seconds since 1970 at the centre."""
        return self.zones.to_local(time_us, np.zeros(len(time_us), np.int32)) // 1_000_000


def count(found: Sealed, tellers: dict[str, Teller]) -> Counted:
    """The figures of a period from its sealed days. `tellers` says which logs tell of one telephone system."""
    names = Names()
    for name in names_of(found.site):
        names.code(name)
    inside = columns_of(found.tables, names.code)
    cols = columns_of([*(table for _, table in found.earlier), *found.tables], names.code) if found.earlier else inside
    code = names.code(found.site.id)
    span_us = (int(inside.time_us.min()), int(inside.time_us.max())) if len(inside) else (0, 0)
    known = {names.code(source): teller for source, teller in tellers.items()}
    rules = rules_of([found.site], names.code, {}, known, {code: span_us[1]})
    zones = zones_of([found.site], names.code)
    heard = heard_of(found, names, code, (span_us[0], span_us[1] + 1))
    first, last = ((day.toordinal() - _EPOCH) * QUARTERS_A_DAY for day in (found.first, found.last))
    quarters = first, last + QUARTERS_A_DAY
    cube = within(build(facts_of(cols, rules, zones, heard), zones), quarters)
    return Counted(found.site, quarters, cube, names, zones, span_us)
