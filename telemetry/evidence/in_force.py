"""What was in force at a centre, as plain data: from its sealed settings back to a site, and what a checker needs beside
them to count again (its local time, its service hours, which logs tell of one telephone system)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any

import numpy as np

from kpis.columns import Zones
from kpis.model import Teller
from telemetry.hours import calendar_of
from telemetry.rules import zones_of
from telemetry.settings import Change, Channel, Service, Site, Window

_ROWS: Mapping[str, type[Any]] = {"services": Service, "channels": Channel, "windows": Window, "changes": Change}
_DATES = ("since", "until")
_FEW_DAYS_US = 62 * 86_400_000_000
"""Hours go on so far beyond the records: the next opening of a record's time must be among them."""


def site_of(declared: Mapping[str, Any]) -> Site:
    """The site that a sealed day declares. What this version does not know is left out; what it knew not yet has defaults."""
    known: dict[str, Any] = _known(Site, declared)
    for name, of in _ROWS.items():
        if name in known:
            known[name] = tuple(of(**_known(of, row)) for row in known[name])
    for name in ("closed", "open"):
        known[name] = tuple(date.fromisoformat(day) for day in known.get(name, ()))
    return Site(**known)


def _known(of: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    out = {f.name: row[f.name] for f in fields(of) if f.name in row}
    return out | {name: date.fromisoformat(out[name]) for name in _DATES if out.get(name)}


def for_checkers(site: Site, from_us: int, to_us: int, tellers: Mapping[str, Teller]) -> dict[str, Any]:
    """JSON values: `zone` [[since_us, offset_us], …], `hours` [[from_us, to_us], …] or None where none are declared,
    `systems` source → [system, rank, followed]."""
    zones = zones_of([site], lambda _name: 0)
    return {
        "zone": _offsets(zones, from_us - _FEW_DAYS_US, to_us + _FEW_DAYS_US),
        "hours": _hours(site, from_us - _FEW_DAYS_US, to_us + _FEW_DAYS_US),
        "systems": {source: [str(t.system), t.rank, t.followed] for source, t in sorted(tellers.items())},
    }


def _offsets(zones: Zones, from_us: int, to_us: int) -> list[list[int]]:
    starts, offsets = zones.starts_us[0], zones.offsets_us[0]
    first = max(int(np.searchsorted(starts, from_us, side="right")) - 1, 0)
    last = int(np.searchsorted(starts, to_us, side="right"))
    rows = [[int(a), int(b)] for a, b in zip(starts[first:last], offsets[first:last], strict=True)]
    rows[0][0] = -(2**62)
    return rows


def _hours(site: Site, from_us: int, to_us: int) -> list[list[int]] | None:
    calendar = calendar_of([site], lambda _name: 0)
    if not calendar.of_site:
        return None
    service = calendar.plans[0].service
    first = int(np.searchsorted(service.end_us, from_us, side="right"))
    last = int(np.searchsorted(service.start_us, to_us, side="left"))
    return [[int(a), int(b)] for a, b in zip(service.start_us[first:last], service.end_us[first:last], strict=True)]
