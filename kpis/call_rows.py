"""Calls as rows of what is known of each, from any number of events: very many are read some at a time, in the order of
the journal, so that they stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from kpis.call_chain import Chain
from kpis.columns import I32, I64, MISSING, U64, Bool, Columns, concat, empty, pair, rows_where
from kpis.model import Rules
from kpis.stints import ENTERED, TURNED_AWAY_CLOSED, stints

AT_ONCE = 1 << 17
"""Events."""
_SPAN_US = 4 * 3600 * 1_000_000
"""A window is at least so long, so that few calls lie in two."""
_LARGEST = 1 << 21
_BLOCK = 1 << 20
_TAIL_US = 20 * 60 * 1_000_000
"""Calls with an event so shortly before the end of a window may go on in the next one."""
_SLOT_BITS = np.uint64(46)
_SLOTS = 1 << 18


@dataclass(frozen=True, slots=True)
class CallRows:
    """What the stints of each call say together; columns of equal length. A number that is not known is MISSING."""

    call: U64
    """A hash that names each call; ascending only where all events were read at once."""
    site: I32
    unit: I32
    arrival_us: I64
    since_us: I64
    """When its last stint began."""
    test: Bool
    met_open: Bool
    """It met a queue that was not closed."""
    outcome: npt.NDArray[np.int16]
    """Without regard to calls that were cut off."""
    wait_ms: I64
    ring_last_ms: I64
    ring_tried_ms: I64
    talk_ms: I64
    """0 where the call was not answered or its end not told."""
    caller: I64
    """0 where it is withheld or unknown, and of tests."""
    alias: I64


Each = Callable[[Callable[[Columns], CallRows], Iterable[Columns]], Iterable[CallRows]]
_NAMES = tuple(f.name for f in fields(CallRows))


def rows_of(chain: Chain) -> CallRows:
    """The rows of a chain's calls."""
    s, first = chain.s, chain.first
    test = chain.any(s.test)
    caller, alias = callers(chain, test)
    return CallRows(
        call=s.call,
        site=s.site[first].astype(np.int32),
        unit=s.unit[first].astype(np.int32),
        arrival_us=s.enter_us[first],
        since_us=s.enter_us[chain.last],
        test=test,
        met_open=chain.any(s.outcome != TURNED_AWAY_CLOSED),
        outcome=chain.outcome().astype(np.int16),
        wait_ms=chain.wait_ms(),
        ring_last_ms=chain.at(s.ring_last_ms, chain.first_answer),
        ring_tried_ms=chain.total(s.ring_tried_ms, chain.until),
        talk_ms=np.where(chain.first_answer < len(s.of), chain.total(s.talk_ms), 0),
        caller=caller,
        alias=alias,
    )


def callers(chain: Chain, test: Bool) -> tuple[I64, I64]:
    """The token of each call and its alias, 0 where it is withheld or unknown; `test` calls have none."""
    s, first = chain.s, chain.first
    caller, alias = s.caller[first], s.caller_alias[first]
    nameless = caller == 0
    if len(chain.more) and nameless.any():  # the line of a refusal names no caller: another stint may
        named = np.where(nameless, chain.first_where(s.caller != 0), first)
        caller, alias = chain.at(s.caller, named, 0), chain.at(s.caller_alias, named, 0)
    alias[(caller == 0) | test] = 0
    caller[test] = 0
    return caller, alias


_CLOCKS = {"agent_total": 0, "agent_last": 1, "queue": 2}


def clocks(rules: Rules) -> dict[int, int]:
    """Site → its clock, as `ring_ms` takes it."""
    return {site: _CLOCKS[clock] for site, clock in rules.ring_clock.items()}


def ring_ms(last_ms: I64, tried_ms: I64, wait_ms: I64, clock: I64) -> I64:
    """How long a call rang by its site's clock: 0 all attempts, 1 the last one, 2 the whole wait."""
    total = np.where(last_ms == MISSING, MISSING, last_ms + tried_ms)
    return np.select([clock == 1, clock == 2], [last_ms, wait_ms], total) if clock.any() else total


def call_rows(parts: Iterable[Columns], size: int = 0, each: Each = map) -> CallRows:
    """The calls of these parts of a journal, of windows of `size` events (0: by their number and how dense they are).

    The same calls as if all were read at once, in another order. `parts` are gone through once, and once more if a call
    is told of in windows far apart. `each` may be the map of a pool of threads.
    """
    found = _Found()
    for rows in each(_rows, _windows(parts, size)):
        found.add(rows)
    out = found.all()
    names = np.sort(out.call)
    torn = np.unique(names[1:][names[1:] == names[:-1]])
    if not len(torn):
        return out
    again = concat([part.take(_among(_call(part), torn)) for part in parts])
    whole, kept = _rows(again), ~_among(out.call, torn)
    return CallRows(*(np.concatenate([getattr(out, name)[kept], getattr(whole, name)]) for name in _NAMES))


class _Found:
    """Rows put together. Each column grows in place, as large blocks do without a copy: to give memory out twice costs the
    system more than the work on it."""

    def __init__(self) -> None:
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self._filled = 0

    def add(self, rows: CallRows) -> None:
        first, self._filled = self._filled, self._filled + len(rows.call)
        if not self._columns:
            self._columns = {name: np.empty(_BLOCK, getattr(rows, name).dtype) for name in _NAMES}
        room = len(self._columns["call"])
        for name, column in self._columns.items():
            if self._filled > room:
                column.resize(max(self._filled, room * 5 // 4 + _BLOCK), refcheck=False)
            column[first : self._filled] = getattr(rows, name)

    def all(self) -> CallRows:
        """Everything; nothing is left."""
        for column in self._columns.values():
            column.resize(self._filled, refcheck=False)
        return CallRows(*(self._columns.pop(name) for name in _NAMES))


def _rows(events: Columns) -> CallRows:
    return rows_of(Chain(stints(events)))


def _windows(parts: Iterable[Columns], size: int) -> Iterator[Columns]:
    """The events by windows. A call that may lie in two comes when its events of both are there: its rows have no
    contact in the windows themselves."""
    before, waiting = np.zeros(_SLOTS, np.bool_), empty()
    for part in parts:
        step = size or _dense(part)
        for first in range(0, len(part), step):
            events = part.take(slice(first, first + step))
            slot = _call(events) >> _SLOT_BITS
            edge = np.zeros(_SLOTS, np.bool_)
            tail = int(events.time_us.searchsorted(events.time_us[-1] - _TAIL_US))
            edge[slot[min(tail, len(slot) - 1) :]] = True
            apart = rows_where((edge | before)[slot])
            contact = events.contact.copy()
            contact[apart] = 0
            yield replace(events, contact=contact)
            some = events.take(apart)
            is_call = (some.type >= ENTERED) & (some.type <= TURNED_AWAY_CLOSED) & (some.contact != 0)
            waiting = concat([waiting, some.take(is_call)])
            goes_on = edge[_call(waiting) >> _SLOT_BITS]
            yield waiting.take(~goes_on)
            waiting, before = waiting.take(goes_on), edge
    yield waiting


def _dense(part: Columns) -> int:
    """Events of a window."""
    if len(part) <= AT_ONCE:
        return AT_ONCE
    span_us = max(int(part.time_us.max()) - int(part.time_us.min()), 1)
    return min(max(AT_ONCE, len(part) * _SPAN_US // span_us), _LARGEST)


def _call(events: Columns) -> U64:
    return pair(events.site.astype(np.uint64), events.contact)


def _among(call: U64, torn: U64) -> Bool:
    slots = np.zeros(_SLOTS, np.bool_)
    slots[torn >> _SLOT_BITS] = True
    likely = rows_where(slots[call >> _SLOT_BITS])
    out = np.zeros(len(call), np.bool_)
    out[likely] = np.isin(call[likely], torn)
    return out
