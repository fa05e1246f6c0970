"""Coverage: which part of the service time of each local day the sources of each kind of contact told of.

For each kind (calls, tickets, votes, conversations, cases) the tellers of a site are the sources that ever told of that
kind; sources of one telephone system are one teller of calls. For each teller and each local day from the site's first
event to its cut-off (its last event where none is given):

- expected: the site's service time of that day, the whole day where no hours are declared, that of the cut-off only as
  far as it;
- covered: 0 where none of the teller's sources told anything at all on that day; else the expected time less the time
  in which every source of it that told anything on that day was known to be missing something: a recorded gap, or
  from a `device.offline` to the next event of that source (both to the millisecond, as devices.py has them).

Both in whole milliseconds, rounded down; there is no row of a day on which nothing is expected. A row stands at the
beginning of its day; its unit is the teller's source, of a telephone system the one that tells best. The rows of devices
(devices.py) are made in the same way: expected from the first event of the device on, and up unless it was down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kpis.calendar import Calendar
from kpis.columns import DAY_US, I64, Bool, Columns, Zones, rows_where
from kpis.heard import CALLS, CASES, CONVERSATIONS, DEVICE, HEARTBEAT, KIND_OF_TYPE, TICKETS, VOTES, Heard
from kpis.local_days import Days, Rows, Spans, cut, distinct, place_of, spread
from kpis.model import Teller
from kpis.stack import Part, nothing

KINDS = {CALLS: "calls", TICKETS: "tickets", VOTES: "votes", CONVERSATIONS: "conversations", CASES: "cases"}
_MEASURES = (
    *(f"coverage_{name}{what}_ms" for name in KINDS.values() for what in ("", "_expected")),
    "device_up_ms", "device_expected_ms", "coverage_ms", "coverage_expected_ms",
)  # fmt: skip
"""Of each kind, of devices, and of all kinds together."""
_CODE = (1 << 20) - 1
_KIND_BITS = 3


Missing = tuple[Rows, I64, I64]
"""Intervals (place, from, to), those of one place disjoint; a place is a row of `Told.place`."""


@dataclass(frozen=True, slots=True)
class Told:
    """Which sources told of what, and on which days. A source of a site is a `place`: site << 20 | source."""

    place: I64
    """All of them, ascending."""
    site: Rows
    """Of each place: the index of its site."""
    kinds: Bool
    """(place, kind): it ever told of that."""
    since_us: I64
    """Of each place: when it first told of anything, as far as that is kept beside the events."""
    on_place: Rows
    """Place and day of each day on which it told anything."""
    on_day: I64
    of_event: Rows
    """Place of each event."""


def told(cols: Columns, known: Spans, heard: Heard, zones: Zones) -> Told:
    """Of these events, and of what was ever heard of these sites."""
    places, of_event = _places(cols, known)
    of_heard = heard.told_site.astype(np.int64) << 20 | heard.told_source
    at = places.searchsorted(of_heard)
    if len(of_heard) and not (len(places) and (places.take(at, mode="clip") == of_heard).all()):
        both = np.unique(np.concatenate([places, of_heard]))
        of_event, places, at = both.searchsorted(places).take(of_event), both, both.searchsorted(of_heard)
    kinds = np.zeros((len(places), HEARTBEAT + 1), np.bool_)
    kinds[at, heard.told_kind] = True
    since_us = np.full(len(places), 2**62, np.int64)
    np.minimum.at(since_us, at, heard.told_since_us)

    on_place, on_day = np.empty(0, np.intp), np.empty(0, np.int64)
    if len(cols):
        day = zones.to_local(cols.time_us, cols.site) // DAY_US
        first = int(day.min())
        n = int(day.max()) - first + 1
        key = (np.arange(len(places)) * n - first << _KIND_BITS).take(of_event)
        key += KIND_OF_TYPE.take(cols.type)
        day <<= _KIND_BITS
        key += day
        key = distinct(key, len(places) * n << _KIND_BITS)
        on = key >> _KIND_BITS
        kinds[on // n, key & ((1 << _KIND_BITS) - 1)] = True
        new = np.ones(len(on), np.bool_)
        np.not_equal(on[1:], on[:-1], out=new[1:])
        on = on[new]
        on_place, on_day = on // n, on % n + first
    kinds[:, DEVICE] |= kinds[:, HEARTBEAT]
    return Told(places, known.of(places >> 20), kinds, since_us, on_place, on_day, of_event)


def _places(cols: Columns, known: Spans) -> tuple[I64, Rows]:
    """The places that these events come from, ascending, and that of each event."""
    if not len(cols):
        return np.empty(0, np.int64), np.empty(0, np.intp)
    size = int(cols.source.max()) + 1
    sources = distinct(cols.source, size)
    of_event = place_of(cols.source, sources, size)
    if len(known.site) == 1:
        return np.int64(known.site[0]) << 20 | sources, of_event
    of_event += known.of(cols.site) * len(sources)
    size = len(known.site) * len(sources)
    pairs = distinct(of_event, size)
    place = known.site[pairs // len(sources)].astype(np.int64) << 20 | sources[pairs % len(sources)]
    return place, place_of(of_event, pairs, size)


def coverage(
    by: Told, days: Days, known: Spans, missing: Missing, down: Missing, since_us: I64, tellers: Mapping[int, Teller],
    calendar: Calendar, zones: Zones,
) -> Part:  # fmt: skip
    """The rows of all tellers, and of all devices, and days; `missing` is when something of a place is missing, `down` when
    a device was down, and `since_us` when each place was first heard of."""
    place, kind = by.kinds[:, CALLS : DEVICE + 1].nonzero()
    if not len(place) or not len(days.of):
        return nothing(amounts=_MEASURES)
    kind = kind + CALLS
    group, unit, group_site, group_kind = _groups(by, place, kind, tellers)
    table = np.full((len(by.place), DEVICE + 1), -1, np.int64)
    table[place, kind] = group

    # One row for each teller and device, and day of its site; `base` is where those of one begin.
    n = days.n[group_site]
    base = n.cumsum() - n
    of, offset = spread(n)
    row = days.base[group_site[of]] + offset
    is_device = group_kind == DEVICE
    since = np.full(len(n), -(2**62), np.int64)
    since[group[kind == DEVICE]] = since_us[place[kind == DEVICE]]
    start_us = np.maximum(days.start_us[row], since[of])
    expected = calendar.service_us(start_us, days.end_us[row], days.site[row])

    # Each day on which a source told anything, once for every kind that it ever tells of.
    begun = by.on_day - days.first[by.site[by.on_place]]
    inside = rows_where((begun >= 0) & (begun < days.n[by.site[by.on_place]]))
    teller = table[by.on_place[inside]]
    which, k = (teller >= 0).nonzero()
    flat = base[teller[which, k]] + begun[inside[which]]
    told_by = np.bincount(flat, minlength=len(of))
    told_by[is_device[of]] = 1
    covered = np.where(told_by > 0, expected, 0)
    if len(missing[0]):
        told_on = by.on_place[inside[which]] * np.int64(len(of)) + flat
        lost = _lost(by, days, known, missing, (table[:, :DEVICE], base, told_by, told_on), calendar, zones)
        covered -= np.where(told_by > 0, lost, 0)
    if len(down[0]):
        where, from_us, to_us = down
        owner, day_row, from_us, to_us = cut(from_us, to_us, by.site[where], days, known, zones)
        where = where[owner]
        flat = base[table[where, DEVICE]] + day_row - days.base[by.site[where]]
        np.subtract.at(covered, flat, calendar.service_us(from_us, to_us, days.site[day_row]))

    keep = rows_where(expected >= 1000)
    of, row, covered, expected = of[keep], row[keep], covered[keep] // 1000, expected[keep] // 1000
    measures = np.zeros((len(_MEASURES), len(keep)), np.int64)
    where, of_kind = np.arange(len(keep)), (group_kind[of] - CALLS) * 2
    measures[of_kind, where], measures[of_kind + 1, where] = covered, expected
    measures[-2:] = np.where(is_device[of], 0, (covered, expected))
    return Part(days.site[row], unit[of], days.start_us[row], dict(zip(_MEASURES, measures, strict=True)))


def _groups(by: Told, place: Rows, kind: Rows, tellers: Mapping[int, Teller]) -> tuple[Rows, I64, I64, I64]:
    """Of each (place, kind) its teller; of each teller its unit, the index of its site, and its kind."""
    source = by.place[place] & _CODE
    system, rank = source * 2, np.zeros(len(place), np.int64)
    if tellers:
        for code in np.unique(source[kind == CALLS]).tolist():
            if code in tellers:
                rows = (source == code) & (kind == CALLS)
                system[rows], rank[rows] = tellers[code].system * 2 + 1, tellers[code].rank
    key = kind.astype(np.int64) << 42 | by.site[place] << 22 | system
    order = np.lexsort((source, rank, key))
    new = np.ones(len(order), np.bool_)
    new[1:] = key[order][1:] != key[order][:-1]
    group = np.empty(len(order), np.intp)
    group[order] = np.cumsum(new) - 1
    best = order[new]
    return group, source[best], by.site[place][best], kind[best].astype(np.int64)


def _lost(
    by: Told, days: Days, known: Spans, missing: Missing, tellers: tuple[I64, I64, I64, I64],
    calendar: Calendar, zones: Zones,
) -> I64:  # fmt: skip
    """Of each teller and day: the service time of which each of its sources that told anything that day misses something."""
    table, base, told_by, told_on = tellers
    lost_us = np.zeros(len(told_by), np.int64)
    where, from_us, to_us = missing
    owner, row, a, b = cut(from_us, to_us, by.site[where], days, known, zones)
    where = where[owner]
    teller = table[where]
    which, k = (teller >= 0).nonzero()
    flat = base[teller[which, k]] + (row - days.base[by.site[where]])[which]
    counts = np.isin(where[which] * np.int64(len(told_by)) + flat, told_on)
    which, flat = which[counts], flat[counts]
    t, step = np.concatenate([a[which], b[which]]), np.repeat([1, -1], len(flat))
    flat = np.concatenate([flat, flat])
    order = np.lexsort((t, flat))
    t, flat = t[order], flat[order]
    without = np.cumsum(step[order])
    all_gone = rows_where((without > 0) & (without == told_by[flat]))
    site = known.site[_site_of_flat(flat[all_gone], base, table, by)]
    np.add.at(lost_us, flat[all_gone], calendar.service_us(t[all_gone], t[all_gone + 1], site))
    return lost_us


def _site_of_flat(flat: I64, base: I64, table: I64, by: Told) -> I64:
    site_of_teller = np.zeros(len(base), np.intp)
    place, kind = np.nonzero(table >= 0)
    site_of_teller[table[place, kind]] = by.site[place]
    out: I64 = site_of_teller[np.searchsorted(base, flat, side="right") - 1]
    return out
