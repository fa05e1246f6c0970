"""The headline call figures of many centres, day by day, straight from calls: what a ministry asks of a year.

The same numbers as by way of the cube (a test holds them together), for when only these are asked and of very many calls.
A day of all centres stays in the processor's cache: each call's facts become one small class code, one `bincount` over
(centre, class) counts everything, and one in-place sort of (centre | wait) gives every quantile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kpis.calls import repeats
from kpis.columns import DAY_US, F64, I32, I64, MISSING, Bool, Zones
from kpis.each import Each
from kpis.model import Rules

_CLASSES = 16
_RING_UNKNOWN = 5
"""Ring classes of an answered call: 0 to 3 are 1 to 4 rings, 4 is five or more, 5 is not known."""
_LATE, _IN_TIME = 0, 6
"""First class of answered calls that were not, and were, in time; with the class of their rings added."""
_LOST, _OTHER = 12, 13
_LONGEST = np.uint64((1 << 42) - 1)
"""Milliseconds; a longer wait is none."""
QUANTILES = (0.5, 0.9, 0.95)
_SPAN = 1 << 20
"""Calls whose callers are looked for at a time."""
_Q = np.array(QUANTILES)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls as columns of one length, in any order."""

    site: I32 | I64
    arrival_us: I64
    answered: Bool
    lost: Bool
    """Offered and neither answered nor gone another way by the caller's choice."""
    wait_ms: I64
    """Of an answered call until its answer; MISSING where it is not known."""
    ring_ms: I64
    """Of an answered call by the site's clock; MISSING where it is not known."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Answered calls that can be judged by whether their caller called again, and those who did not: [days, sites]."""

    first_day: int
    sites: I64
    fcr_eligible: I64
    fcr_resolved: I64


@dataclass(frozen=True, slots=True)
class Days:
    """Sums and quantiles, arrays of [days, sites] but for two. A day without calls is 0, its waits NaN."""

    first_day: int
    """Local day, days since 1970."""
    sites: I64
    calls_offered: I64
    calls_answered: I64
    calls_lost: I64
    rings: I64
    """[days, 5, sites]: answered calls of 1, 2, 3, 4, 5 or more rings."""
    answered_within_target: I64
    answered_wait_known: I64
    answered_wait_ms: I64
    wait_s: F64
    """[days, sites, 3]: nearest-rank quantiles of answered waits in whole seconds, of `QUANTILES`."""


def by_day(calls: Calls, rules: Rules, zones: Zones) -> Days:
    """The figures of each local day of these calls and each site of the rules, in the order of codes.

    Memory beyond them: the result, and a day's worth.
    """
    sites, place, cycle = _places(rules, rules.ring_cycle_ms)
    cycle = _same(cycle)
    declared = rules.service_level_ms
    dated = len(declared.key) != len(np.unique(declared.key))
    limit = _same(declared.at(sites, np.full(len(sites), np.iinfo(np.int64).max)))
    first, days = _days(calls, zones)
    n = len(sites)
    out = _nothing(first, sites, len(days))
    for i, rows in enumerate(days):
        code = calls.site[rows]
        site, answered, wait = place.take(code), calls.answered[rows], calls.wait_ms[rows]
        in_force = declared.at(code.astype(np.int64), calls.arrival_us[rows]) if dated else _of(limit, site)
        in_time = answered & (wait.view(np.uint64) <= np.asarray(in_force).view(np.uint64))
        key = _classes(answered, calls.lost[rows], in_time, calls.ring_ms[rows], _of(cycle, site))
        key *= n
        key += site
        count = np.bincount(key, minlength=_CLASSES * n).reshape(_CLASSES, n)
        out.calls_lost[i] = count[_LOST]
        out.answered_within_target[i] = count[_IN_TIME:_LOST].sum(axis=0)
        rings = count[_LATE:_IN_TIME] + count[_IN_TIME:_LOST]
        out.rings[i] = rings[:_RING_UNKNOWN]
        out.calls_answered[i] = rings.sum(axis=0)
        out.calls_offered[i] = out.calls_answered[i] + count[_LOST] + count[_OTHER]
        out.answered_wait_known[i], out.answered_wait_ms[i], out.wait_s[i] = _waits(site, answered, wait, n)
    return out


def resolution_by_day(
    calls: Calls, tokens: tuple[I64, I64], rules: Rules, zones: Zones, each: Each = map
) -> Resolution:
    """First-contact resolution of each local day and site, as `repeats` defines it; `tokens` are caller and alias."""
    sites, place, window = _places(rules, rules.fcr_window_us)
    n = len(sites)
    first, days = _days(calls, zones)
    end = np.array([rules.end_us.get(s, MISSING) for s in sites.tolist()], np.int64)
    if len(calls.site) and (end == MISSING).any():
        last = np.full(n, MISSING)
        np.maximum.at(last, place.take(calls.site), calls.arrival_us)
        end = np.where(end == MISSING, last, end)
    window, latest = (window + 500) // 1000, _same((end + 500) // 1000 - (window + 500) // 1000)
    window, longest = _same(window), int(window.max(initial=0)) * 1000 + 1000
    count = np.zeros((len(days), 3, n), np.int64)
    spans = _spans(calls.arrival_us, days, longest)

    def work(span: tuple[int, int, int, int]) -> None:
        """Days from and to, calls from and to: those of the days, and those within a window after them."""
        day, end_day, from_, to = span
        code = calls.site[from_:to]
        when = calls.arrival_us[from_:to] + 500
        when //= 1000
        within = np.broadcast_to(window, len(when)) if len(window) == 1 else window[place.take(code)]
        caller, alias = (token[from_:to] for token in tokens)
        repeated = repeats.repeated(code, when, (caller, alias), within, each if len(spans) == 1 else map)
        for i in range(day, end_day):
            of_day = days[i]
            rows = slice(of_day.start - from_, of_day.stop - from_) if isinstance(of_day, slice) else of_day
            site = place.take(code[rows])
            judged = calls.answered[of_day] & (caller[rows] != 0) & (when[rows] <= _of(latest, site))
            key = (judged.view(np.uint8) + (judged & ~repeated[rows]).view(np.uint8)).astype(np.int64)
            key *= n
            key += site
            count[i] = np.bincount(key, minlength=3 * n).reshape(3, n)

    for _ in each(work, spans) if len(spans) > 1 else map(work, spans):
        pass
    return Resolution(first, sites, count[:, 1] + count[:, 2], count[:, 2])


def _places(rules: Rules, table: Mapping[int, int]) -> tuple[I64, I64, I64]:
    """The sites of the rules, the place of each code among them, and what the table says of them."""
    sites = np.array(sorted(rules.ring_cycle_ms), np.int64)
    place = np.zeros(int(sites.max(initial=0)) + 1, np.int64)
    place[sites] = np.arange(len(sites))
    return sites, place, np.array([table[s] for s in sites.tolist()], np.int64)


def _nothing(first: int, sites: I64, n_days: int) -> Days:
    shape = n_days, len(sites)
    return Days(
        first_day=first,
        sites=sites,
        calls_offered=np.zeros(shape, np.int64),
        calls_answered=np.zeros(shape, np.int64),
        calls_lost=np.zeros(shape, np.int64),
        rings=np.zeros((n_days, 5, len(sites)), np.int64),
        answered_within_target=np.zeros(shape, np.int64),
        answered_wait_known=np.zeros(shape, np.int64),
        answered_wait_ms=np.zeros(shape, np.int64),
        wait_s=np.full((*shape, len(QUANTILES)), np.nan),
    )


def _days(calls: Calls, zones: Zones) -> tuple[int, list[slice | I64]]:
    """The first local day, and the rows of each day from it on: slices where the calls are in the order of their days."""
    if not len(calls.site):
        return 0, []
    if (
        len(zones.offsets_us) == 1
        and len(zones.offsets_us[0]) == 1
        and np.all(calls.arrival_us[1:] >= calls.arrival_us[:-1])
    ):
        offset, times = int(zones.offsets_us[0][0]), calls.arrival_us
        first, last = ((int(t) + offset) // DAY_US for t in (times[0], times[-1]))
        edges = np.searchsorted(times, np.arange(first, last + 2) * DAY_US - offset).tolist()
        return first, [slice(a, b) for a, b in pairwise(edges)]
    local = zones.to_local(calls.arrival_us, calls.site.astype(np.int32, copy=False))
    day = local // DAY_US
    first, n = int(day.min()), int(day.max() - day.min()) + 1
    order = np.argsort((day - first).astype(np.uint16 if n < 1 << 16 else np.int64), kind="stable")
    edges = np.searchsorted(day[order], np.arange(first, first + n + 1)).tolist()
    return first, [order[a:b] for a, b in pairwise(edges)]


def _spans(arrival_us: I64, days: list[slice | I64], window_us: int) -> list[tuple[int, int, int, int]]:
    """Days that are read together, from and to, and their calls with those of a window after them: about a million calls
    at a time where they are in order, so that what is read in another order stays in the processor's cache."""
    ends = [day.stop for day in days if isinstance(day, slice)]
    if len(ends) < len(days) or not days:
        return [(0, len(days), 0, len(arrival_us))]
    out, first = [], 0
    while first < len(days):
        from_ = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, from_ + _SPAN, side="right")))
        to = np.searchsorted(arrival_us, int(arrival_us[max(ends[last - 1] - 1, 0)]) + window_us, side="right")
        out.append((first, last, from_, int(to)))
        first = last
    return out


def _same(by_site: I64) -> I64:
    """One number where all sites have the same, else theirs: most ministries set one."""
    return by_site[:1] if len(by_site) and (by_site == by_site[0]).all() else by_site


def _of(by_site: I64, site: I64) -> I64:
    return by_site if len(by_site) == 1 else by_site[site]


def _classes(answered: Bool, lost: Bool, in_time: Bool, ring_ms: I64, cycle_ms: I64) -> I64:
    unsigned, cycle = ring_ms.view(np.uint64), cycle_ms.view(np.uint64)  # MISSING is longer than anything
    classes = (unsigned >= cycle).view(np.uint8)
    for rings in range(2, 5):
        classes += (unsigned >= cycle * np.uint64(rings)).view(np.uint8)
    classes += (ring_ms < 0).view(np.uint8)
    classes += in_time.view(np.uint8) * np.uint8(_IN_TIME)
    classes *= answered.view(np.uint8)
    classes += (~answered).view(np.uint8) * np.uint8(_OTHER)
    classes -= (lost & ~answered).view(np.uint8)  # _LOST is the class before _OTHER
    return classes.astype(np.int64)


def _waits(site: I64, answered: Bool, wait_ms: I64, n_sites: int) -> tuple[I64, I64, F64]:
    """How many known waits of answered calls each site has, their sum, and their quantiles in whole seconds, rounded up.

    Ranks are found by one sort of (site | seconds), in 32 bits where both fit: half the memory, twice as fast.
    """
    told = wait_ms.view(np.uint64) <= _LONGEST
    told &= answered
    place = np.where(told, site, n_sites)  # the others lie behind every site
    if n_sites < 1 << 10 and int(wait_ms.max(initial=0)) < (1 << 22) * 1000 - 1000:
        packed, bits = (wait_ms.astype(np.uint32) + np.uint32(999)) // np.uint32(1000), 22
        packed |= place.astype(np.uint32) << np.uint32(bits)
    else:
        packed, bits = (np.where(told, wait_ms, 0) + 999) // 1000, 42
        packed |= place << bits
    packed.sort()
    edges = np.searchsorted(packed, (np.arange(n_sites + 1) << bits).astype(packed.dtype))
    n = edges[1:] - edges[:-1]
    out = np.full((n_sites, len(QUANTILES)), np.nan)
    some = n > 0
    rank = np.maximum(np.ceil(_Q * n[some, None] - 1e-9).astype(np.int64), 1)
    out[some] = packed[edges[:-1][some, None] + rank - 1] & packed.dtype.type((1 << bits) - 1)
    # Doubles hold whole numbers up to 2**53: a day's waits of a centre are far below.
    total = np.bincount(place, weights=wait_ms, minlength=n_sites)[:n_sites]
    return n, total.astype(np.int64), out
