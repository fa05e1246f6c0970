"""Calls of very many events, some at a time in the order of the journal, so that they stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kpis.calls.call_chain import Chain
from kpis.calls.call_rows import NAMES, CallRows, joined, rows_of
from kpis.calls.plain_calls import plain_calls
from kpis.calls.stints import ENTERED, TURNED_AWAY_CLOSED, stints
from kpis.columns import U64, Bool, Columns, concat, empty, pair, rows_where
from kpis.each import Each

AT_ONCE = 1 << 18
"""Events."""
_SPAN_US = 4 * 3600 * 1_000_000
"""A window is at least so long, so that few calls lie in two."""
_LARGEST = 1 << 21
_BLOCK = 1 << 20
_TAIL_US = 20 * 60 * 1_000_000
"""Calls with an event so shortly before the end of a window may go on in the next one."""
_SLOT_BITS = np.uint64(46)
_SLOTS = 1 << 18
_PIECES, _PIECE_BITS = 4, 62
"""All calls in pieces of about the same size, by their hashes."""


def call_rows(parts: Iterable[Columns], size: int = 0, each: Each = map) -> CallRows:
    """The calls of these parts of a journal, of windows of `size` events (0: by their number and how dense they are).

    The same calls as if all were read at once, in another order. `parts` are gone through once, and once more if a call
    is told of in windows far apart. `each` may be the map of a pool of threads.
    """
    found, waiting, ended = _Found(), empty(), list[Columns]()
    for rows, left, edge in each(_within, _windows(parts, size)):
        found.add(rows)
        waiting = concat([waiting, left])
        goes_on = edge[_call(waiting) >> _SLOT_BITS]
        ended.append(waiting.take(~goes_on))
        waiting = waiting.take(goes_on)
        if sum(map(len, ended)) >= AT_ONCE:  # a window's few alone would cost as many calls of NumPy as all of it
            found.add(_calls_of(concat(ended)))
            ended = []
    found.add(_calls_of(concat([*ended, waiting])))
    out = found.all()
    torn = np.concatenate(list(each(_twice, ((out.call, i) for i in range(_PIECES)))))
    if not len(torn):
        return out
    again = concat([part.take(_among(_call(part), torn)) for part in parts])
    whole, kept = joined(_calls_of(again)), ~_among(out.call, torn)
    return joined([CallRows(*(getattr(out, name)[kept] for name in NAMES)), whole])


def _twice(of: tuple[U64, int]) -> U64:
    """The names that stand more than once in one piece of all."""
    call, piece = of
    first = piece << _PIECE_BITS
    names = call[(call >= np.uint64(first)) & (call <= np.uint64(first + (1 << _PIECE_BITS) - 1))]
    names.sort()
    return np.unique(names[1:][names[1:] == names[:-1]])


class _Found:
    """Rows put together. Each column grows in place, as large blocks do without a copy: to give memory out twice costs the
    system more than the work on it."""

    def __init__(self) -> None:
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self._filled = 0

    def add(self, parts: Sequence[CallRows]) -> None:
        for rows in parts:
            self._add(rows)

    def _add(self, rows: CallRows) -> None:
        first, self._filled = self._filled, self._filled + len(rows.call)
        if not self._columns:
            self._columns = {name: np.empty(_BLOCK, getattr(rows, name).dtype) for name in NAMES}
        room = len(self._columns["call"])
        for name, column in self._columns.items():
            if self._filled > room:
                column.resize(max(self._filled, room * 5 // 4 + _BLOCK), refcheck=False)
            column[first : self._filled] = getattr(rows, name)

    def all(self) -> CallRows:
        """Everything; nothing is left."""
        for column in self._columns.values():
            column.resize(self._filled, refcheck=False)
        return CallRows(*(self._columns.pop(name) for name in NAMES))


def _rows(events: Columns, call: U64, there: Bool) -> list[CallRows]:
    """The calls of the events that are there."""
    found, rest = plain_calls(events, call, there)
    if len(rest):
        found.append(rows_of(Chain(stints(events.take(rest)))))
    return found


def _calls_of(events: Columns) -> list[CallRows]:
    return _rows(events, _call(events), _is_call(events))


class _Window(NamedTuple):
    events: Columns
    tail: int
    """Where the events begin that are of calls that may go on in the next window."""
    before: Columns
    """Those of the window before."""


def _windows(parts: Iterable[Columns], size: int) -> Iterator[_Window]:
    before = empty()
    for part in parts:
        step = size or _dense(part)
        for first in range(0, len(part), step):
            events = part.take(slice(first, first + step))
            tail = int(events.time_us.searchsorted(events.time_us[-1] - _TAIL_US))
            tail = min(tail, len(events) - 1)
            yield _Window(events, tail, before)
            before = events.take(slice(tail, None))


def _within(window: _Window) -> tuple[list[CallRows], Columns, Bool]:
    """The calls that lie in the window alone, the events of those that may not, and the slots of those that may go on."""
    events, call = window.events, _call(window.events)
    slot = (call >> _SLOT_BITS).view(np.int64)
    edge = np.zeros(_SLOTS, np.bool_)
    edge[slot[window.tail :]] = True
    torn = edge.copy()
    torn[_call(window.before) >> _SLOT_BITS] = True
    apart = torn.take(slot)
    there = _is_call(events)
    return _rows(events, call, there & ~apart), events.take(there & apart), edge


def _dense(part: Columns) -> int:
    """Events of a window."""
    if len(part) <= AT_ONCE:
        return AT_ONCE
    span_us = max(int(part.time_us.max()) - int(part.time_us.min()), 1)
    return min(max(AT_ONCE, len(part) * _SPAN_US // span_us), _LARGEST)


def _call(events: Columns) -> U64:
    return pair(events.site.astype(np.uint64), events.contact)


def _is_call(events: Columns) -> Bool:
    out: Bool = (events.type >= ENTERED) & (events.type <= TURNED_AWAY_CLOSED) & (events.contact != 0)
    return out


def _among(call: U64, torn: U64) -> Bool:
    slots = np.zeros(_SLOTS, np.bool_)
    slots[torn >> _SLOT_BITS] = True
    likely = rows_where(slots[call >> _SLOT_BITS])
    out = np.zeros(len(call), np.bool_)
    out[likely] = np.isin(call[likely], torn)
    return out
