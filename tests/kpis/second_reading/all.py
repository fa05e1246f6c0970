"""The second reading of everything: events → contacts → the value of every KPI."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.kept import NOTHING, Kept
from tests.kpis.second_reading import (
    agents,
    calls,
    cases,
    conversations,
    counters,
    cover,
    days,
    presence,
    tickets,
    votes,
)
from tests.kpis.second_reading.base import Contacts, Value

FAMILIES = (calls, agents, tickets, counters, cover, votes, conversations, cases)
"""In this order: a later one may look at the contacts of those before."""
OF_WHOLE_DAYS = (days, presence)
"""These look at what the journal keeps besides."""
KPIS: dict[str, Callable[[Contacts], Value]] = {
    name: row for of in (*FAMILIES, *OF_WHOLE_DAYS) for name, row in of.KPIS.items()
}


def read(events: Sequence[Event], sites: Iterable[Site], kept: Kept = NOTHING) -> Contacts:
    """Every contact among events in journal order."""
    out = Contacts()
    for site in sites:
        of_site = sorted((e for e in events if e.site == site.id), key=lambda e: e.time_us)
        mine = Contacts()
        for family in FAMILIES:
            mine.update(family.read(of_site, site, mine))
        for family in OF_WHOLE_DAYS:
            mine.update(family.read(of_site, site, mine, kept))
        for kind, found in mine.items():
            out[kind] = out[kind] + found
    return out
