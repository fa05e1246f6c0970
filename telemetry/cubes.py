"""From the journal to cubes: one site over a period, read piece by piece, and many sites one after another.

What a question needs of the time around its period is read with it. Of the open ends (a conversation without a reply, a
case that is not settled, a centre that is still open today) the cut-off is said here: the moment of asking where the
period reaches it, else the last event of the site. So a question about the past has one answer until new events come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kpis.columns import DAY_US, QUARTER_US, Zones, concat
from kpis.cube import NOTHING, Cube, build, coarsen, merge, within
from kpis.heard import CASES, CONVERSATIONS, KIND_OF_TYPE
from kpis.model import Facts
from kpis.results import facts_of
from telemetry.journal_reader import JournalReader
from telemetry.periods import STEPS
from telemetry.rules import rules_of, zones_of
from telemetry.settings import Site

MATTERS = np.isin(KIND_OF_TYPE, (CONVERSATIONS, CASES))
"""Types of events of conversations and cases: they go on for months, so all of a site's are read."""
MONTHS_AT_ONCE = 3
"""A site is read in pieces of so many months, each with what lies around it: fewer would read that more often."""
FARTHEST_ZONE_US = 14 * 3_600_000_000
"""No local time is further from UTC."""
AROUND_US = DAY_US + FARTHEST_ZONE_US
"""A day around a period, whatever its zone: for calls that cross midnight, and for what other logs tell of them
(kpis.calls.sources looks half a day around a call)."""


def site_cube(
    journal: JournalReader, site: Site, quarters: tuple[int, int], now_us: int = 0, *, far: bool = True
) -> Cube:
    """The site's cells of local quarters first <= quarter < last; `now_us` is the moment of asking, 0 if unknown. Without
    `far` only the days around are read: then all is right but what callers did in the window of first-contact resolution,
    and what of agents, counters and services was the first in its month."""
    told = site_facts(journal, site, quarters, now_us, far=far)
    parts = [within(build(facts, zones), piece) for piece, facts, zones in told]
    return merge(parts) if parts else NOTHING


def site_facts(
    journal: JournalReader, site: Site, quarters: tuple[int, int], now_us: int = 0, *, far: bool = True
) -> Iterator[tuple[tuple[int, int], Mapping[str, Facts], Zones]]:
    """What the cells are made from: pieces of that time, and the facts of each. A fact counts where its local quarter lies
    in its piece; the others are there because they tell something of these. Nothing where the site has no event."""
    span = journal.span(site.id)
    if span is None:
        return
    zones = zones_of([site], journal.code)
    code = journal.code(site.id)
    as_of_us = span[1]
    if now_us > span[1] and quarters[1] * QUARTER_US > _local(zones, now_us, code):
        as_of_us = now_us
    rules = rules_of(
        [site], journal.code, tellers=journal.tellers(), end_us=journal.last_heard([site.id]), as_of_us={code: as_of_us}
    )
    matters = journal.matters(site.id)
    window = round(site.fcr_window_s * 1e6) if far else 0
    for first, last in _months(quarters, (_local(zones, span[0], code), _local(zones, max(as_of_us, span[1]), code))):
        begin = _month(first) if far else first
        lowest = min(first * QUARTER_US - window, begin * QUARTER_US) - AROUND_US
        highest = last * QUARTER_US + window + AROUND_US
        cols = journal.columns([site.id], max(lowest, span[0]), max(min(highest, span[1] + 1), lowest))
        heard = journal.heard([site.id], lowest, highest)
        if len(matters):
            cols = concat([cols.take(~MATTERS[cols.type]), matters])
        yield (first, last), facts_of(cols, rules, zones, heard), zones


def day_cubes(
    journal: JournalReader, sites: Sequence[Site], quarters: tuple[int, int], now_us: int = 0
) -> Iterator[tuple[Site, Cube]]:
    """The sites' cells of that time as cells of days, site by site: only one site's events are in memory at once."""
    for site in sites:
        yield site, coarsen(site_cube(journal, site, quarters, now_us))


def _months(quarters: tuple[int, int], known_us: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The period cut into pieces, at beginnings of local months of which something is known."""
    begin, last = quarters
    known = known_us[0] // QUARTER_US, known_us[1] // QUARTER_US
    while begin < last:
        end = _month(max(begin, known[0]), MONTHS_AT_ONCE)
        end = last if end > known[1] else min(end, last)
        yield begin, end
        begin = end


def _month(quarter: int, later: int = 0) -> int:
    """The quarter at which the month of a quarter begins, or a later month."""
    month = STEPS["month"]
    return month.begin(int(month.of(np.array([quarter], np.int64))[0]) + later)


def _local(zones: Zones, us: int, code: int) -> int:
    return int(zones.to_local(np.array([us], np.int64), np.array([max(code, 0)], np.int32))[0])
