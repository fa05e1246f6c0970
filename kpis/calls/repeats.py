"""Callers who call again: which of their calls is followed by another, and which comes after one.

Around a change of the privacy key a call carries two tokens (the alias is under the key before); two calls are the same
caller's when any token is the same. Times are taken to the millisecond: the microseconds of a log of whole seconds are
the order of its lines, and must not decide at the edges of a window. Calls of one instant are neither before nor after
each other.

One in-place sort of (hash bits | row) brings the calls of each caller together; the rest is done some callers at a time,
so that it stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kpis.columns import DAY_US, I32, I64, U64, Bool, pair, rows_where
from kpis.each import Each

DAY_MS = DAY_US // 1000
_AT_ONCE = 1 << 16
_Rows = npt.NDArray[np.intp]


class History(NamedTuple):
    """About each call; False where its caller is unknown."""

    repeated: Bool
    """The caller called again in (t, t + window], whatever became of it."""
    continued: Bool
    """An answered call of the caller came in [t - window, t)."""
    tried_before: Bool
    """An offered call of the caller came in [t - 24 h, t)."""


class _Series(NamedTuple):
    """Calls of some callers who called more than once, by caller and time."""

    rows: _Rows
    same: Bool
    """Of all but the last: the next is the same caller's."""
    t: I64
    pause: I64
    """Of all but the last: until the next."""
    ties: bool
    """Some of one caller are of one instant."""


def repeated(site: I32 | I64, when_ms: I64, tokens: tuple[I64, I64], window_ms: I64, each: Each = map) -> Bool:
    """`History.repeated` alone; a token of 0 is none."""
    out = np.zeros(len(site), np.bool_)
    window = _same(window_ms)
    for _ in _mark(site, when_ms, tokens, lambda s: _mark_repeated(out, s, window), each):
        pass
    return out


def histories(
    site: I32 | I64, when_ms: I64, tokens: tuple[I64, I64], window_ms: I64, answered: Bool, offered: Bool
) -> History:
    """What the calls of each caller at each site say of one another; a token of 0 is none."""
    out = History(*(np.zeros(len(site), np.bool_) for _ in range(3)))
    window = _same(window_ms)

    def mark_all(s: _Series) -> None:
        _mark_repeated(out.repeated, s, window)
        n = len(s.rows)
        before, at = np.arange(-1, n - 1), np.arange(n)
        new = np.ones(n, np.bool_)
        np.logical_not(s.same, out=new[1:])
        begins = np.maximum.accumulate(np.where(new, at, 0))
        if s.ties:
            instant = new.copy()
            instant[1:] |= s.t[1:] != s.t[:-1]
            before = np.maximum.accumulate(np.where(instant, at, 0)) - 1
        for happened, within, mark in (
            (answered, _of(window, s.rows), out.continued),
            (offered, np.full(1, DAY_MS), out.tried_before),
        ):
            earlier = np.maximum.accumulate(np.where(happened[s.rows], at, -1))[before]
            known = (before >= 0) & (earlier >= begins)  # of the same caller
            earlier[~known] = 0
            mark[s.rows[known & (s.t - s.t[earlier] <= within)]] = True

    for _ in _mark(site, when_ms, tokens, mark_all, map):
        pass
    return out


def _mark_repeated(out: Bool, s: _Series, window: I64) -> None:
    if not s.ties:
        soon = s.same & (s.pause <= _of(window, s.rows[:-1]))
        out[s.rows[:-1][soon]] = True
        return
    n = len(s.rows)
    later = s.same & (s.pause > 0)
    next_ = np.full(n, n)  # the first call of the next instant, or of the next caller
    next_[:-1] = np.where(~s.same | later, np.arange(1, n), n)
    next_ = np.minimum.accumulate(next_[::-1])[::-1]
    last = np.flatnonzero(~np.append(s.same, False))
    mine = next_ <= np.repeat(last, np.diff(last, prepend=-1))
    rows, t = s.rows[mine], s.t[mine]
    out[rows[s.t[next_[mine]] - t <= _of(window, rows)]] = True


def _mark(
    site: I32 | I64, when_ms: I64, tokens: tuple[I64, I64], mark: Callable[[_Series], None], each: Each
) -> Iterable[None]:
    """Mark the calls of all callers who called more than once, some callers at a time."""
    caller, alias = tokens
    aliased = rows_where(alias != 0)
    low = np.uint64((1 << max(1, (len(site) + len(aliased) - 1).bit_length())) - 1)
    facts, packed = _keys(site, when_ms, caller, aliased, alias, low)
    packed.sort()

    def work(part: U64) -> None:
        some = _of_callers(part, facts, low, aliased)
        if some is not None:
            mark(some)

    return each(work, _parts(packed, low))


def _parts(packed: U64, low: np.uint64) -> Iterator[U64]:
    """Some at a time, all of one hash together."""
    first, n = 0, len(packed)
    while first < n - 1:
        last = min(first + _AT_ONCE, n)
        if last < n:
            last = int(np.searchsorted(packed, packed[last - 1] | low, side="right"))
        yield packed[first:last]
        first = last


def _keys(site: I32 | I64, when_ms: I64, caller: I64, aliased: _Rows, alias: I64, low: np.uint64) -> tuple[U64, U64]:
    """Hash of (site, token) and instant of each call, and of each alias behind them; and the hashes of those that have a
    token, packed with where they are. What is read together later stands together: in a random place of a large array
    the way there is what costs."""
    n = len(site)
    facts = np.empty((n + len(aliased), 2), np.uint64)
    packed = np.empty(len(facts), np.uint64)
    filled = 0
    for a in range(0, n, _AT_ONCE):
        b = min(a + _AT_ONCE, n)
        key = pair(site[a:b].astype(np.uint64), caller[a:b].view(np.uint64))
        facts[a:b, 0], facts[a:b, 1] = key, when_ms[a:b].view(np.uint64)
        known = rows_where(caller[a:b] != 0)
        if len(known) < len(key):
            key = key[known]
        key &= ~low
        key |= (known + a).view(np.uint64)
        packed[filled : filled + len(known)] = key
        filled += len(known)
    if len(aliased):
        facts[n:, 0] = pair(site[aliased].astype(np.uint64), alias[aliased].view(np.uint64))
        facts[n:, 1] = when_ms[aliased].view(np.uint64)
        packed[filled:][: len(aliased)] = (facts[n:, 0] & ~low) | np.arange(n, len(facts), dtype=np.uint64)
    return facts, packed[: filled + len(aliased)]


def _of_callers(packed: U64, facts: U64, low: np.uint64, aliased: _Rows) -> _Series | None:
    alike = np.bitwise_xor(packed[1:], packed[:-1]) <= low
    several = np.count_nonzero(alike)
    if not several:
        return None
    if 2 * several < len(packed):  # most called once: they are left out first
        again = np.zeros(len(packed), np.bool_)
        again[1:] = alike
        again[:-1] |= alike
        packed = packed[again]
        alike = np.bitwise_xor(packed[1:], packed[:-1]) <= low
    rows = (packed & low).view(np.int64)
    of, t = np.ascontiguousarray(facts.take(rows, axis=0).T)
    t = t.view(np.int64)
    if len(aliased):
        n = len(facts) - len(aliased)
        rows = np.where(rows < n, rows, aliased[np.maximum(rows - n, 0)])
    same, pause = of[1:] == of[:-1], t[1:] - t[:-1]
    ties = bool(np.any(same & (pause <= 0)))
    if (ties and np.any(same & (pause < 0))) or not np.array_equal(same, alike):
        order = np.lexsort((t, of))  # calls are not in order of time, or two callers share the bits
        rows, of, t = rows[order], of[order], t[order]
        same, pause = of[1:] == of[:-1], t[1:] - t[:-1]
        ties = bool(np.any(same & (pause == 0)))
    return _Series(rows, same, t, pause, ties)


def _same(window_ms: I64) -> I64:
    """One number where all are the same: most sites have one window."""
    return window_ms[:1] if len(window_ms) and (window_ms == window_ms[0]).all() else window_ms


def _of(window: I64, rows: _Rows) -> I64:
    return window if len(window) == 1 else window[rows]
