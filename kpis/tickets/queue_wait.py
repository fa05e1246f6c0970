"""How long somebody in a line will wait: a range, from how fast the line was called today and at this time of other days.

The line of one service is called at a pace: calls per second in which anybody waited. The pace of each half-hour of the
day is known from the days before; how much faster or slower today is, from the calls of the last hour. Both are known
only so well, and calls come irregularly: so the time until the call of somebody with k before them is a distribution (k + 1
events of a Poisson process whose pace is gamma distributed), and the answer is the range between two of its quantiles.
Which two is learnt: those between which `SHARE` of the waits of the days before lay, when the same was asked at each issue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.columns import DAY_US, F64, I64, MISSING, Bool, Zones, rows_where
from kpis.tickets.ticket_story import (
    CALLED,
    CANCELLED,
    FINISHED,
    HELD,
    ISSUED,
    NO_SHOW,
    REACTIVATED,
    STARTED,
    TRANSFERRED,
    Story,
)

SHARE = 0.8
"""Of the waits lie within the range."""
WINDOW_S = 3600.0
"""What was called longer ago says nothing of now."""
PRIOR = 8.0
"""Calls that the pace of the days before is worth beside those of the last hour."""
PRIOR_ALONE = 1.0
"""The same where there are no days before, and it is today's own mean pace."""
LEAST_CALLS = 5
"""Fewer calls in all give no range."""
AT_ONCE_S = 15.0
"""Who is called within this time met a free counter: that is no pace of a line."""
LONGEST_S = 4 * 3600.0
"""A range that ends later than this is none."""
PSEUDO = 30
"""Waits as the distribution expects them, which the learnt quantiles begin with."""
MOST_DAYS = 28
_EDGE_US, _HALVES, _HALF_US = 900_000_000, 48, 1_800_000_000
_MOST_AHEAD = 400
_SHARES = np.linspace(0, 1, 1025)[:-1]

_ENDS = np.zeros(128, np.bool_)
_ENDS[[CALLED, STARTED, HELD, FINISHED, NO_SHOW, CANCELLED]] = True
_BEGINS = np.zeros(128, np.bool_)
_BEGINS[[ISSUED, TRANSFERRED, REACTIVATED]] = True


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits of tickets in the lines of one site's services: one row for each time that a ticket began to wait."""

    unit: I64
    since_us: I64
    until_us: I64
    """When it was called or went; the end of its local day where neither is told."""
    called: Bool
    priority: I64

    def take(self, rows: Bool) -> Waits:
        return Waits(self.unit[rows], self.since_us[rows], self.until_us[rows], self.called[rows], self.priority[rows])


def waits_of(s: Story, zones: Zones) -> Waits:
    """The waits in the stories of one site's tickets."""
    rows = rows_where(_ENDS[s.kind] | _BEGINS[s.kind])
    kind, ticket = s.kind[rows], s.ticket[rows]
    begins = rows_where(_BEGINS[kind])
    row = rows[begins]
    following = np.append(ticket[1:], -1)[begins] == ticket[begins]
    after = np.append(rows[1:], 0)[begins]
    end = np.append(kind[1:], 0)[begins]
    told = np.arange(len(s.kind))
    named = np.maximum.accumulate(np.where(((s.kind == ISSUED) | (s.kind == TRANSFERRED)) & (s.unit != 0), told, -1))
    of, site = named[row] if len(named) else row, s.site[s.ticket[row]]
    unit = np.where(of >= s.at[s.ticket[row]], s.unit[of], 0).astype(np.int64)
    since = s.time_us[row]
    local = zones.to_local(since, site)
    until = np.where(following, s.time_us[after], since + (DAY_US - local % DAY_US))
    first = s.first(ISSUED)
    issued = first < len(s.kind)
    priority = np.where(issued, s.a[np.minimum(first, max(len(s.kind) - 1, 0))] if len(s.kind) else 0, 0)
    priority = np.where(priority == MISSING, 0, priority)[s.ticket[row]]
    called = following & ((end == CALLED) | (end == STARTED))
    known = unit != 0
    return Waits(unit, since, np.maximum(until, since), called, priority).take(known)


def ahead_of(w: Waits, at_us: I64, priority: I64) -> I64:
    """How many of one line's waits stand before somebody who comes at each of these instants with this priority."""
    out = np.zeros(len(at_us), np.int64)
    for p in np.unique(priority).tolist():
        mine, theirs = priority == p, w.priority >= p
        began = np.searchsorted(np.sort(w.since_us[theirs]), at_us[mine], side="left")
        ended = np.searchsorted(np.sort(w.until_us[theirs]), at_us[mine], side="right")
        out[mine] = np.maximum(began - ended, 0)
    return out


class Pace:
    """The pace of one line, as the days before tell it; `today` alone, where there are none."""

    def __init__(self, before: Waits, zones: Zones, site: int, *, alone: bool = False) -> None:
        """`alone`: these waits are all that there is, so that there is one pace for the whole day."""
        self._zones, self._site = zones, site
        self._prior = PRIOR_ALONE if alone else PRIOR
        slow = _slow(before)
        self.calls = int(np.count_nonzero(slow))
        if not self.calls:
            return
        line = _Busy(before)
        edges = np.arange(int(before.since_us.min()) // _EDGE_US, int(before.until_us.max()) // _EDGE_US + 2) * _EDGE_US
        busy = np.bincount(self._half(edges[:-1]), np.diff(line.seconds(edges)), _HALVES)
        calls = np.bincount(self._half(before.until_us[slow]), minlength=_HALVES)
        mean = self.calls / max(float(busy.sum()), 1.0)
        self._profile: F64 = np.full(_HALVES, mean) if alone else (calls + LEAST_CALLS) / (busy + LEAST_CALLS / mean)

    def _half(self, time_us: I64) -> I64:
        local = self._zones.to_local(time_us, np.full(len(time_us), self._site, np.int64))
        return local // _HALF_US % _HALVES

    def usual(self, from_us: int, to_us: int) -> tuple[I64, F64]:
        """Instants of that time, and how many calls are usual until each while somebody waits."""
        edges = np.arange(from_us // _EDGE_US, to_us // _EDGE_US + 2) * _EDGE_US
        rate = self._profile[self._half(edges[:-1])]
        return edges, np.concatenate([[0.0], np.cumsum(rate * (_EDGE_US / 1e6))])

    def seen(self, today: Waits, at_us: I64) -> tuple[F64, F64]:
        """Calls in the hour before each instant, and how many were usual for the time of it in which somebody waited;
        both with what the days before are worth. What is after the instant is not read."""
        calls, window = np.sort(today.until_us[_slow(today)]), np.int64(WINDOW_S * 1e6)
        n = (np.searchsorted(calls, at_us) - np.searchsorted(calls, at_us - window)).astype(np.float64)
        busy = _Busy(today)
        edges, _ = self.usual(int(at_us.min()) - int(window), int(at_us.max()))
        spent = np.diff(busy.seconds(edges)) * self._profile[self._half(edges[:-1])]
        sums = np.concatenate([[0.0], np.cumsum(spent)])

        def upto(time_us: I64) -> F64:
            i = np.clip((time_us - edges[0]) // _EDGE_US, 0, len(edges) - 2)
            within = busy.seconds(time_us) - busy.seconds(edges[i])
            return np.asarray(sums[i] + within * self._profile[self._half(edges[i])], np.float64)

        return n + self._prior, np.maximum(upto(at_us) - upto(at_us - window), 0) + self._prior

    def reached(self, w: Waits, today: Waits) -> F64:
        """For each of these waits of one day: the probability, as it was when it began, of its being over when it was."""
        n, usual = self.seen(today, w.since_us)
        edges, sums = self.usual(int(w.since_us.min()), int(w.until_us.max()))
        at = (w.since_us - edges[0]) / 1e6, (w.until_us - edges[0]) / 1e6
        grid = (edges - edges[0]) / 1e6
        spent = np.interp(at[1], grid, sums) - np.interp(at[0], grid, sums)
        return called_by(ahead_of(today, w.since_us, w.priority), n, spent / (spent + usual))

    def after(self, today: Waits, now_us: int, ahead: I64, levels: tuple[float, ...]) -> list[F64]:
        """For somebody with so many before them: the seconds from now by which they are called with each probability;
        infinite where that is further than can be told."""
        n, usual = self.seen(today, np.array([now_us], np.int64))
        edges, sums = self.usual(now_us, now_us + 2 * int(LONGEST_S * 1e6))
        grid = (edges - now_us) / 1e6
        sums -= np.interp(0.0, grid, sums)
        there = called_by(ahead[:, None], n, _SHARES[None, :])
        shares = np.array([np.interp(levels, row, _SHARES) for row in there])
        spent = usual * shares / (1 - shares)
        return [np.interp(spent[:, i], sums, grid, right=np.inf) for i in range(len(levels))]


def called_by(ahead: I64, n: F64, share: F64) -> F64:
    """Probability that ahead + 1 calls came, where `share` is time ÷ (time + time that the pace was seen for), both
    weighed by the usual pace, and `n` calls were seen: one less the sum of a negative binomial distribution."""
    ahead = np.minimum(ahead, _MOST_AHEAD)
    term = np.exp(n * np.log1p(-np.minimum(share, 1 - 1e-12)))
    total = np.zeros(np.broadcast_shapes(term.shape, ahead.shape))
    for j in range(int(ahead.max(initial=0)) + 1):
        total += np.where(j <= ahead, term, 0.0)
        term = term * ((n + j) / (j + 1)) * share
    return np.clip(1 - total, 0.0, 1.0)


def _learnt(reached: F64) -> tuple[float, float]:
    """The two probabilities between which `SHARE` of these lie, with some that are as the distribution expects them."""
    expected = (np.arange(PSEUDO) + 0.5) / PSEUDO
    edge = (1 - SHARE) / 2
    low, high = np.quantile(np.concatenate([reached, expected]), (edge, 1 - edge))
    return float(low), float(high)


class Lines:
    """The lines of one site, from the waits of whole days before, at most `MOST_DAYS` of them."""

    def __init__(self, before: Waits, zones: Zones, site: int) -> None:
        self._zones, self._site = zones, site
        day = _days(before, zones, site)
        before = before.take(day > day.max(initial=0) - MOST_DAYS)
        day = _days(before, zones, site)
        self._pace = {u: Pace(before.take(before.unit == u), zones, site) for u in np.unique(before.unit).tolist()}
        parts = [self._reached(before.take(before.unit == u), day[before.unit == u]) for u in self._pace]
        self.levels = _learnt(np.concatenate([np.zeros(0), *parts]))
        """The probabilities of the two ends of a range."""

    @property
    def units(self) -> frozenset[int]:
        """Services that gave tickets."""
        return frozenset(self._pace)

    def _reached(self, line: Waits, day: I64) -> F64:
        """What is learnt from: who had somebody before them and waited, each day as the other days would have told it."""
        out = [np.zeros(0)]
        for d in np.unique(day).tolist():
            others, that = Pace(line.take(day != d), self._zones, self._site), line.take(day == d)
            if others.calls >= LEAST_CALLS:
                asked = _slow(that) & (ahead_of(that, that.since_us, that.priority) > 0)
                out.append(others.reached(that, that)[asked])
        return np.concatenate(out)

    def ranges(self, today: Waits, unit: int, now_us: int, ahead: I64) -> tuple[F64, F64]:
        """From and to, in seconds from now, for those with so many before them in the line of a service. NaN where too few
        calls are known or the end is too far. Who is next may be called at once. What is after now is not read."""
        line = _upto(today.take(today.unit == unit), now_us)
        pace = self._pace.get(unit)
        if pace is None or pace.calls < LEAST_CALLS:
            pace = Pace(line, self._zones, self._site, alone=True)
        if pace.calls < LEAST_CALLS:
            return np.full(len(ahead), np.nan), np.full(len(ahead), np.nan)
        low, high = pace.after(line, now_us, ahead, self.levels)
        known = high <= LONGEST_S
        return np.where(known, np.where(ahead == 0, 0.0, low), np.nan), np.where(known, high, np.nan)


def _days(w: Waits, zones: Zones, site: int) -> I64:
    return zones.to_local(w.since_us, np.full(len(w.since_us), site, np.int64)) // DAY_US


def _upto(w: Waits, now_us: int) -> Waits:
    """As it was known then."""
    w = w.take(w.since_us <= now_us)
    return Waits(w.unit, w.since_us, np.minimum(w.until_us, now_us), w.called & (w.until_us <= now_us), w.priority)


class _Busy:
    """Seconds in which anybody waited."""

    def __init__(self, w: Waits) -> None:
        rows = w.until_us - w.since_us > AT_ONCE_S * 1e6
        times = np.concatenate([w.since_us[rows], w.until_us[rows]])
        step = np.repeat([1, -1], int(np.count_nonzero(rows)))
        order = np.lexsort((-step, times))
        self._times = times[order]
        waiting = np.cumsum(step[order]) > 0
        spent = np.where(waiting[:-1], np.diff(self._times), 0) / 1e6
        self._sums = np.concatenate([[0.0], np.cumsum(spent)])

    def seconds(self, upto_us: I64) -> F64:
        """Until each of these instants."""
        if not len(self._times):
            return np.zeros(len(upto_us))
        first = self._times[0]
        return np.asarray(np.interp((upto_us - first) / 1e6, (self._times - first) / 1e6, self._sums), np.float64)


def _slow(w: Waits) -> Bool:
    slow: Bool = w.called & (w.until_us - w.since_us > AT_ONCE_S * 1e6)
    return slow
