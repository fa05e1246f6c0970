"""Measures of small worlds as they leave their family: sums over its rows, and the rows themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from kpis.heard import NOTHING
from kpis.results import facts_of
from telemetry.config import Site
from telemetry.events import Event
from tests.kpis import worlds
from tests.kpis.worlds import World, names_of


def us(text, zone="Asia/Bangkok"):
    """A wall-clock time of 2026, such as `03-02 12:15`, as microseconds."""
    return round(datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZoneInfo(zone)).timestamp() * 1e6)


def event(kind, at, source="kiosk", site="bangrak", **more):
    return Event(site, source, "", kind, at if isinstance(at, int) else us(at), **more)


def family(name, events, site, *more_sites, heard=None, tellers=None, as_of=None):
    """The facts of one family, and the texts of codes. `heard` and `tellers` get the function that gives codes."""
    sites = (site, *more_sites)
    names = names_of(World(tuple(events), sites))
    for window in (w for s in sites for w in s.windows):
        names.codes.setdefault(window.id, len(names.codes))
    names.texts = list(names.codes)
    rules, zones = worlds.rules_and_zones(World(tuple(events), sites), names)
    rules = replace(
        rules,
        tellers=tellers(names.code) if tellers else {},
        as_of_us={} if as_of is None else {names.code(s.id): us(as_of) for s in sites},
    )
    said = heard(names.code) if heard else NOTHING
    return facts_of(worlds.columns_of(events, names), rules, zones, said)[name], names


def sums(name, events, site, *more_sites, of=None, **more):
    """Measure → its sum over the family's rows, those of the unit `of` only where that is given."""
    facts, names = family(name, events, site, *more_sites, **more)
    keep = facts.site == names.code(site.id)
    if of is not None:
        keep &= facts.unit == names.code(of)
    return {measure: int(np.asarray(value)[keep].sum()) for measure, value in facts.counts.items()}


def histogram(name, which, events, site, **more):
    """The seconds of a histogram, ascending."""
    facts, _ = family(name, events, site, **more)
    return sorted(s for s in facts.seconds[which].tolist() if s >= 0)


OPEN = Site(id="bangrak")
"""It declares no hours."""
OFFICE = Site(id="bangrak", hours={"mon-fri": "08:30-16:30"}, lunch="12:00-13:00")
"""2026-03-02 is a Monday, the 3rd a public holiday."""
