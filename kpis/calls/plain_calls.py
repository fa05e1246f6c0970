"""Calls of the commonest courses, which most are, straight from their events: an entry, a telephone that rang, and a
conversation or an exit, all in one queue. They are what `kpis.calls.stints` makes of them, in a fraction of its time.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kpis.calls.call_rows import CallRows
from kpis.calls.stints import (
    ABANDONED,
    ANSWERED,
    COMPLETED,
    CONNECTED,
    ENTERED,
    RING_NO_ANSWER,
    SYSTEM_DROP,
    TEST,
    TRANSFERRED,
)
from kpis.columns import I64, MISSING, U64, Bool, Columns, rows_where

_Rows = npt.NDArray[np.intp]
_ENTRY, _RANG, _CONNECT, _DONE, _EXIT = range(1, 6)
_KIND = np.zeros(128, np.uint8)
"""What an event is in a course; 0 is in none."""
_KIND[[ENTERED, RING_NO_ANSWER, CONNECTED]] = _ENTRY, _RANG, _CONNECT
_KIND[COMPLETED : TRANSFERRED + 1] = _DONE
_KIND[ABANDONED : SYSTEM_DROP + 1] = _EXIT
_KIND_BITS = 3
_FIRST = 1 << _KIND_BITS
"""Marks the first event of a call."""
_COURSES = (
    (_ENTRY, _CONNECT, _DONE),
    (_ENTRY, _EXIT),
    (_ENTRY, _RANG, _CONNECT, _DONE),
    (_ENTRY, _RANG, _EXIT),
)


def plain_calls(events: Columns, call: U64, there: Bool) -> tuple[list[CallRows], _Rows]:
    """The calls of the common courses, and the rows of the events of the other ones, ascending. `call` is the hash of each
    event's call, and only events that are `there` count."""
    order, kind, bits = _by_call(events, call, there)
    name = call.take(order)
    other = name[1:] != name[:-1]
    if (other & (name[1:] >> bits == name[:-1] >> bits)).any():
        return [], rows_where(there)  # the hashes of two calls begin alike: their events may stand mixed
    mark = np.full(len(order) + 1, _FIRST, np.uint8)
    mark[:-1] = kind
    mark[:1] |= np.uint8(_FIRST)
    mark[1:-1] |= other.view(np.uint8) << np.uint8(_KIND_BITS)
    in_time = not np.any(events.time_us[1:] < events.time_us[:-1])
    found, left = [], np.ones(len(order), np.bool_)
    for course in _COURSES:
        at = _begins(mark, course)
        rows = [order.take(at + i) for i in range(len(course))]
        wait_ms = events.a.take(rows[-1 if course[-1] == _EXIT else -2])
        keep = _kept(events, rows, in_time) & (wait_ms >= 0)
        if not keep.all():
            at, wait_ms, rows = at[keep], wait_ms[keep], [of[keep] for of in rows]
        found.append(_rows(events, name.take(at), dict(zip(course, rows, strict=True)), wait_ms))
        for i in range(len(course)):
            left[at + i] = False
    rest = order[left]
    rest.sort()
    return found, rest


def _by_call(events: Columns, call: U64, there: Bool) -> tuple[_Rows, npt.NDArray[np.uint8], np.uint64]:
    """The rows that are there in the order of their calls, those of one call in the order they have; what each is in a
    course; and how many lower bits of the hashes the order does not look at.

    One in-place sort of (upper bits of the hash | row number | kind).
    """
    n = len(call)
    bits = (max(n - 1, 1)).bit_length() + _KIND_BITS
    low = np.uint64((1 << bits) - 1)
    place = np.arange(n, dtype=np.uint64)
    place <<= np.uint64(_KIND_BITS)
    place |= _KIND.take(events.type)
    packed = call & ~low
    packed |= place
    if not there.all():
        packed = packed[there]
    packed.sort()
    kind = packed.astype(np.uint8) & np.uint8(_FIRST - 1)
    packed &= low
    packed >>= np.uint64(_KIND_BITS)
    return packed.view(np.intp), kind, np.uint64(bits)


def _begins(mark: npt.NDArray[np.uint8], course: tuple[int, ...]) -> _Rows:
    """Where a call of this course begins; behind the last event stands the mark of a first one."""
    n = len(mark) - len(course)
    if n <= 0:
        return np.empty(0, np.intp)
    fits = mark[len(course) :] >= _FIRST
    for i, kind in enumerate(course):
        fits &= mark[i : n + i] == (kind if i else kind | _FIRST)
    return rows_where(fits)


def _kept(events: Columns, rows: list[_Rows], in_time: bool) -> Bool:
    """Which calls were in one queue and are told of in the order of time."""
    unit = events.unit.take(rows[0])
    keep = np.ones(len(unit), np.bool_)
    for of in rows[1:]:
        keep &= events.unit.take(of) == unit
    if not in_time:
        for of, after in pairwise(rows):
            keep &= events.time_us.take(of) <= events.time_us.take(after)
    return keep


def _rows(events: Columns, call: U64, of: dict[int, _Rows], wait_ms: I64) -> CallRows:
    """The calls whose events stand in these rows."""
    first, n = of[_ENTRY], len(call)
    test = events.b.take(first) == TEST
    caller, alias = events.caller.take(first), events.c.take(first)
    caller[test] = 0
    alias[(alias == MISSING) | (caller == 0)] = 0
    ring_last_ms, talk_ms = np.full(n, MISSING), np.zeros(n, np.int64)
    if _CONNECT in of:
        ring_last_ms = events.b.take(of[_CONNECT])
        ring_last_ms[ring_last_ms < 0] = MISSING
        talk_ms = np.maximum(events.b.take(of[_DONE]), 0)
    arrival_us = events.time_us.take(first)
    return CallRows(
        call=call,
        site=events.site.take(first),
        unit=events.unit.take(first),
        arrival_us=arrival_us,
        since_us=arrival_us,
        test=test,
        met_open=np.ones(n, np.bool_),
        outcome=np.full(n, ANSWERED, np.int16) if _CONNECT in of else events.type.take(of[_EXIT]),
        wait_ms=wait_ms,
        ring_last_ms=ring_last_ms,
        ring_tried_ms=np.maximum(events.a.take(of[_RANG]), 0) if _RANG in of else np.zeros(n, np.int64),
        talk_ms=talk_ms,
        caller=caller,
        alias=alias,
    )
