"""When counters are open: as they tell it, and as their work shows it. The two are never mixed.

Told: `counter.opened` opens a counter until its next `counter.closed` of the same local day. One that is not closed that
day was forgotten: it was open until the last that it told or did that day, or, where the site's cut-off is in that day
still, until then. So no counter stays open over local midnight. Times are milliseconds, cut at quarters of an hour.

Words that contradict each other are counted and change nothing: opened while open, closed while closed, closed on a
day without any opening before it, and work with tickets at a counter that told of its day but was not open then.

Shown: a counter was at work in a quarter of an hour in which it called, started or finished a ticket.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.blocks import cells_of, pack
from kpis.columns import (
    DAY_US,
    I32,
    I64,
    QUARTER_US,
    U64,
    Bool,
    Columns,
    Groups,
    Zones,
    among,
    distinct,
    group,
    mix,
    pair,
    rows_where,
)
from kpis.declared import Told
from kpis.intervals import Rows, in_time, pieces, to_ms
from kpis.model import By, Facts, Rules
from kpis.tickets.ticket_story import CALLED, FINISHED, HELD, NO_SHOW, RECALLED, STARTED, TRANSFERRED, Story

# Codes of telemetry.events.EVENT_TYPES; a test holds the two tables together.
OPENED, CLOSED = 30, 31

ANY_WORK = np.zeros(128, np.bool_)
"""What a counter does with a ticket."""
ANY_WORK[[CALLED, RECALLED, STARTED, HELD, TRANSFERRED, FINISHED, NO_SHOW]] = True
_SHOWS_WORK = np.zeros(128, np.bool_)
_SHOWS_WORK[[CALLED, STARTED, FINISHED]] = True
_OF_COUNTERS = ANY_WORK.copy()
_OF_COUNTERS[[OPENED, CLOSED]] = True


@dataclass(frozen=True, slots=True)
class Days:
    """Local days on which a counter told that it opened."""

    told: U64
    """(site, day), as `pair` makes the number."""
    told_by: U64
    """(site, counter, day)."""


def counter_day(site: I32, counter: I32, day: U64) -> U64:
    """One number for a counter's local day."""
    return mix(pair(site.astype(np.uint64), counter.astype(np.uint64)), day)


def words(cols: Columns, zones: Zones) -> Facts:
    """What counters told, and their work while they told that they were closed, whatever the time is."""
    rows = rows_where(_OF_COUNTERS[cols.type] & (cols.party != 0))
    rows = in_time(cols, rows if np.any(cols.type[rows] >= OPENED) else rows[:0])
    site, party = cols.site[rows], cols.party[rows]
    day = (zones.to_local(cols.time_us[rows], site) // DAY_US).astype(np.uint64)
    g = group(counter_day(site, party, day))
    rows, day = rows[g.order], day[g.order]
    kind, time_us = cols.type[rows], cols.time_us[rows]
    n = len(rows)
    at = np.arange(n)
    opened, closed = kind == OPENED, kind == CLOSED
    word = np.where(opened | closed, at, -1)
    before = np.full(n, -1, np.intp)
    np.maximum.accumulate(word[:-1], out=before[1:])
    has_word = before >= g.starts[g.of_row]
    is_open = has_word & opened[before]
    opens = opened & ~is_open

    start = rows_where(opens)
    closing = np.minimum.accumulate(np.where(closed, at, n)[::-1])[::-1][start]
    after = np.append(g.starts[1:], n)[g.of_row[start]]
    forgotten = closing >= after
    until_us = time_us[np.where(forgotten, after - 1, closing)]
    outside = ANY_WORK[kind] & ~_inside(time_us, g, start, np.where(forgotten, _AT_LAST, until_us))
    told_of = np.zeros(len(g), np.bool_)
    told_of[g.of_row[start]] = True
    outside &= told_of[g.of_row]

    said = rows_where(opened | closed | outside)
    until, ever = np.zeros(n, np.int64), np.zeros(n, np.int64)
    until[start], ever[start] = until_us, forgotten
    rows = rows[said]
    return Facts(
        by=By.COUNTER,
        site=cols.site[rows],
        unit=cols.party[rows],
        arrival_us=time_us[said],
        counts={
            "counter_openings": opens[said],
            "counter_opened_twice": (opened & is_open)[said],
            "counter_closed_twice": (closed & has_word & ~is_open)[said],
            "counter_closed_unopened": (closed & ~has_word)[said],
            "counter_work_while_closed": outside[said],
        },
        state={"day": day[said].view(np.int64), "until_us": until[said], "forgotten": ever[said], "seq": cols.seq[rows]},
    )  # fmt: skip


def told(cols: Columns, rules: Rules, zones: Zones, said: Facts) -> tuple[Facts, Facts, Days]:
    """The time that counters told they were open, what was wrong with their words, and the days they told of; `said` are
    their `words`."""
    opens = said.counts["counter_openings"]
    start = rows_where(opens)
    site, party = said.site[start], said.unit[start]
    begin_us, day = said.arrival_us[start], said.state["day"][start]
    forgotten = said.state["forgotten"][start] != 0
    now = Told(site)(_cut_off(cols, site, rules))
    still = forgotten & (zones.to_local(now, site) // DAY_US == day)
    until = np.where(still, np.maximum(now, begin_us), said.state["until_us"][start])

    of, begin, end = pieces(to_ms(begin_us), to_ms(until))
    never, open_now = np.zeros(len(opens), np.bool_), np.zeros(len(opens), np.int64)
    never[start] = forgotten & ~still
    open_now[start] = still
    counts = {"counter_openings": opens, "counters_never_closed": never, **said.counts}
    state = {"open_now": open_now, "seq": said.state["seq"]}
    hours = Facts(
        by=By.COUNTER,
        site=site[of],
        unit=party[of],
        arrival_us=begin * 1000,
        counts={"counter_open_told_ms": end - begin},
    )
    number = day.astype(np.uint64)
    on = Days(distinct(pair(site.astype(np.uint64), number)), distinct(counter_day(site, party, number)))
    return hours, Facts(said.site, said.unit, said.arrival_us, counts, state=state, by=By.COUNTER), on


_AT_LAST = 2**62


def _inside(time_us: I64, g: Groups, start: Rows, until: I64) -> Bool:
    """Whether each row lies in one of the stretches [start, until] of its group, both ends included."""
    since = time_us - time_us[g.starts[g.of_row]]  # at most the 25 hours of a local day
    key = (g.of_row << 37) | since
    place = np.searchsorted(key[start], key, side="right") - 1
    out: Bool = place >= 0
    found = start[place[out]]
    out[out] = (g.of_row[found] == g.of_row[out]) & (time_us[out] <= until[place[out]])
    return out


def _cut_off(cols: Columns, site: I32, rules: Rules) -> dict[int, int]:
    """Site → the cut-off for what is still open there."""
    codes = rows_where(np.bincount(site)).tolist()
    if all(code in rules.as_of_us for code in codes):
        return {code: rules.as_of_us[code] for code in codes}
    latest = np.full(int(site.max(initial=0)) + 1, -_AT_LAST, np.int64)
    rows = cols.site < len(latest)
    np.maximum.at(latest, cols.site[rows], cols.time_us[rows])
    return {code: rules.as_of_us.get(code, int(latest[code])) for code in codes}


def active(s: Story, counter: I32, days: Days) -> tuple[Facts, U64]:
    """Each counter's quarters of an hour at work, and the (site, day) that have any."""
    rows = rows_where(_SHOWS_WORK[s.kind] & (counter != 0))
    ticket = s.ticket[rows]
    site = s.site[ticket]
    quarter = s.time_us[rows] // QUARTER_US
    g = cells_of(pack(site.astype(np.int64), counter[rows].astype(np.int64), quarter))
    first = g.order[g.starts]
    site, by, on = site[first], counter[rows[first]], s.day[ticket[first]].astype(np.uint64)
    facts = Facts(
        by=By.COUNTER,
        site=site,
        unit=by,
        arrival_us=quarter[first] * QUARTER_US,
        counts={
            "counter_active_quarters": np.ones(len(first), np.bool_),
            "counter_active_quarters_untold": ~among(counter_day(site, by, on), days.told_by),
        },
    )
    return facts, distinct(pair(site.astype(np.uint64), on))
