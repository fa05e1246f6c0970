"""What a site's declaration meant on one day, sealed with it: instants in place of rules that need a list of holidays or of
time zones to be read, and which logs tell of one telephone system."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kpis.calendar import Hours
from telemetry.hours import calendar_of
from telemetry.rules import zones_of
from telemetry.settings import Site


def in_force(site: Site, day: date, tellers: object) -> dict[str, Any]:
    """JSON values: `day` [from_us, to_us]; `zone` [[since_us, offset_us], …]; `hours` of the day by kind as
    [[from_us, to_us], …], None where none are declared; `systems` source → [system, rank, followed]."""
    zone = ZoneInfo(site.timezone)
    edges = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    known = tellers if isinstance(tellers, Mapping) else {}
    return {
        "day": list(edges),
        "zone": _offsets(site, edges),
        "hours": _hours(site, edges),
        "systems": {name: list(row) for name, row in sorted(known.items()) if name.startswith(f"{site.id}/")},
    }


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).timestamp()) * 1_000_000


def _offsets(site: Site, edges: tuple[int, int]) -> list[list[int]]:
    zones = zones_of([site], lambda _name: 0)
    starts, offsets = zones.starts_us[0], zones.offsets_us[0]
    first, last = (
        max(int(np.searchsorted(starts, edges[0], side="right")) - 1, 0),
        int(np.searchsorted(starts, edges[1])),
    )
    rows = [[int(a), int(b)] for a, b in zip(starts[first:last], offsets[first:last], strict=True)]
    rows[0][0] = edges[0]
    return rows


def _hours(site: Site, edges: tuple[int, int]) -> dict[str, Any] | None:
    calendar = calendar_of([site], lambda _name: 0)
    if not calendar.of_site:
        return None
    plan = calendar.plans[0]
    return {
        "service": _within(plan.service, edges),
        "official": _within(plan.official, edges),
        "lunch": _within(plan.lunch, edges),
        "windows": {name: _within(of, edges) for name, of in plan.windows},
    }


def _within(hours: Hours, edges: tuple[int, int]) -> list[list[int]]:
    """Those that begin on the day: none goes on over midnight."""
    first, last = np.searchsorted(hours.start_us, edges).tolist()
    return [[int(a), int(b)] for a, b in zip(hours.start_us[first:last], hours.end_us[first:last], strict=True)]
