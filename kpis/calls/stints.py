"""Stints: one passage of a call through one queue, or its refusal by one, rebuilt from the events of any PBX."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from kpis.columns import I64, MISSING, U64, UNKNOWN, Bool, Columns, Groups, group, pair, rows_where

# Codes of telemetry.events.EVENT_TYPES; a test holds the two tables together.
ENTERED, RING_NO_ANSWER, RING_CANCELLED, CONNECTED, COMPLETED, TRANSFERRED = range(51, 57)
ABANDONED, TIMED_OUT, NO_AGENT, LEFT_BY_KEY, WITHDRAWN, SYSTEM_DROP, AGENT_DUMPED = range(57, 64)
TURNED_AWAY_EMPTY, TURNED_AWAY_FULL, TURNED_AWAY_CLOSED = range(64, 67)

OPEN, ANSWERED, CENSORED = 0, 1, 2
"""Outcomes beside the codes above: still waiting; a person answered; the end was never told."""
TEST = 1
"""What the second number of an entry is when the caller is one of the site's test numbers."""

_Rows = npt.NDArray[np.intp]
_Found = tuple[_Rows, _Rows]
"""Which of some rows are `none`, and where each is in the columns (anywhere, if it is none)."""

_ENTRY, _CONNECT, _DONE, _EXIT, _RANG, _REFUSAL, _SENT, _OTHER = (np.uint8(1 << bit) for bit in range(8))
_KIND = np.zeros(128, np.uint8)
"""What an event is to a passage, as bits; 0 is no part of one."""
_KIND[ENTERED : TURNED_AWAY_CLOSED + 1] = _OTHER
_KIND[ENTERED] = _ENTRY
_KIND[RING_NO_ANSWER] = _RANG
_KIND[CONNECTED] = _CONNECT
_KIND[COMPLETED] = _DONE
_KIND[TRANSFERRED] = _DONE | _SENT
_KIND[ABANDONED : SYSTEM_DROP + 1] = _EXIT
_KIND[TURNED_AWAY_EMPTY : TURNED_AWAY_CLOSED + 1] = _EXIT | _REFUSAL


@dataclass(frozen=True, slots=True)
class Stints:
    """Stints as columns of equal length: those of one call stand together, in the order in which they began (of one
    instant in the order of their first events, these by time and journal). A number that is not known is MISSING."""

    of: _Rows
    """Stint → its call; non-decreasing."""
    call: U64
    """A hash that names each call, ascending: one call id of one site is one call."""
    site: I64
    unit: I64
    enter_us: I64
    caller: I64
    caller_alias: I64
    """The caller's token under the privacy key before; 0 outside the change of keys."""
    test: Bool
    """It was entered from one of the site's test numbers."""
    answered: Bool
    transferred: Bool
    """A conversation in it ended with the call being sent on."""
    outcome: I64
    wait_ms: I64
    ring_last_ms: I64
    ring_tried_ms: I64
    """Ringing of the attempts in vain before the answer; 0 when there was none."""
    talk_ms: I64
    talk_known: Bool
    """Whether the end of a conversation told how long it was."""
    seq: I64
    """Journal offset of its first event."""


class _Passages:
    """The events of calls, by call and passage, in time order in each. A row here is a place in this order."""

    def __init__(self, cols: Columns) -> None:
        kind = _KIND.take(cols.type)
        told = rows_where((kind != 0) & (cols.contact != 0))
        all_told = len(told) == len(cols)
        site, contact = (cols.site, cols.contact) if all_told else (cols.site[told], cols.contact[told])
        call = pair(site.astype(np.uint64), contact)
        order, calls = _by_call(call, cols.time_us if all_told else cols.time_us[told])
        index = order if all_told else told[order]
        unit, of_call = cols.unit[index], calls.of_row
        kind = kind[index]
        refusals = rows_where(kind & _REFUSAL)
        unit[refusals] = ~unit[refusals]  # a refusal stands apart from the passages through its queue
        elsewhere = (unit[1:] != unit[:-1]) & (of_call[1:] == of_call[:-1])
        new = np.zeros(len(index), np.bool_)
        new[calls.starts] = True
        if elsewhere.any():
            of_several = np.zeros(len(calls), np.bool_)
            of_several[of_call[1:][elsewhere]] = True
            rows = rows_where(of_several[of_call])
            by_unit = rows[np.lexsort((unit[rows], of_call[rows]))]
            index[rows], kind[rows], unit[rows] = index[by_unit], kind[by_unit], unit[by_unit]
            new[1:] |= unit[1:] != unit[:-1]
        of = np.cumsum(new) - 1 if elsewhere.any() else of_call
        entries = rows_where(kind & _ENTRY)
        entered = of.take(entries)
        again = entered[1:] == entered[:-1]
        if again.any():  # each further entry begins another passage
            new[entries[1:][again]] = True
            of = np.cumsum(new) - 1
        self.cols, self.index, self.kind, self.of, self.entries = cols, index, kind, of, entries
        self.at = calls.starts if of is of_call else rows_where(new)
        self.none = len(index)
        self.call = call[order[calls.starts]]
        self.of_call = of_call[self.at]

    def __len__(self) -> int:
        return len(self.at)

    def rows(self, kind: np.uint8) -> _Rows:
        return rows_where(self.kind & kind)

    def first(self, rows: _Rows) -> _Rows:
        """For each passage, the first of these rows (ascending) that is in it; `none` where no one is."""
        out = np.full(len(self), self.none)
        out[self.of[rows[::-1]]] = rows[::-1]  # of several assignments to one place the last stays
        return out

    def find(self, rows: _Rows) -> _Found:
        """Where these rows, some of which may be `none`, are in the columns."""
        return rows_where(rows == self.none), self.index.take(rows, mode="clip")


def _read(values: npt.NDArray[np.integer[Any]], found: _Found, missing: int = MISSING) -> I64:
    """A column's number at each row that was looked for, `missing` where there was none."""
    lacking, index = found
    out = values.take(index).astype(np.int64, copy=False)
    out[lacking] = missing
    return out


def stints(cols: Columns) -> Stints:
    """Cut each (call, queue) into passages: the k-th entry and what follows it. What stands before the first
    entry (a log that starts mid-call, clocks that disagree) belongs to the first. A refusal is no part of a passage
    that follows or went before: it is a stint of no length, one for each (call, queue)."""
    p = _Passages(cols)
    n, none, done = len(p), p.none, p.rows(_DONE)
    enter = np.full(n, none)
    enter[p.of[p.entries]] = p.entries
    connect = p.first(p.rows(_CONNECT))
    answer = np.minimum(connect, p.first(done))
    answered = answer < none
    leave, longest = _exits(p)

    talked, talk_of = cols.b[p.index[done]], p.of[done]
    talk_ms, talk_known, transferred = np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    np.add.at(talk_ms, talk_of, np.maximum(talked, 0))
    talk_known[talk_of if (talked >= 0).all() else talk_of[talked >= 0]] = True
    transferred[talk_of[rows_where(p.kind[done] & _SENT)]] = True

    told_by = np.where(connect < none, connect, np.where(answered, answer, longest))
    entered = p.find(enter)
    enter_us, wait_ms = _times(p, enter, _read(cols.time_us, entered), told_by)
    alias, ring_last = _read(cols.c, entered), _read(cols.b, p.find(connect))
    alias[alias == MISSING] = 0
    ring_last[ring_last < 0] = MISSING
    outcome = _read(cols.type, p.find(leave), OPEN)
    outcome[answered] = ANSWERED
    first = p.index[p.at]
    out = Stints(
        of=p.of_call,
        call=p.call,
        site=cols.site[first].astype(np.int64),
        unit=cols.unit[first].astype(np.int64),
        enter_us=enter_us,
        caller=_read(cols.caller, entered, 0),
        caller_alias=alias,
        test=_read(cols.b, entered) == TEST,
        answered=answered,
        transferred=transferred,
        outcome=outcome,
        wait_ms=wait_ms,
        ring_last_ms=ring_last,
        ring_tried_ms=_tried(p, connect),
        talk_ms=talk_ms,
        talk_known=talk_known,
        seq=cols.seq[first],
    )
    return out if len(p.call) == n else _in_order(out, cols.time_us[first])


def _by_call(call: U64, time_us: I64) -> tuple[_Rows, Groups]:
    """The order that brings calls together, in time order within each; rows of one instant stay in journal order.

    A journal is almost in time order, so time is only checked; rows are sorted by it when a call is found wrong.
    """
    g = group(call)
    if np.any(time_us[1:] < time_us[:-1]):
        t = time_us[g.order]
        if np.any((t[1:] < t[:-1]) & (g.of_row[1:] == g.of_row[:-1])):
            by_time = np.argsort(time_us, kind="stable")
            g = group(call[by_time])
            return by_time[g.order], g
    return g.order, g


def _in_order(s: Stints, heard_us: I64) -> Stints:
    """The stints of each call in the order in which they began; `heard_us` is of their first events."""
    several = np.bincount(s.of) > 1
    rows = rows_where(several[s.of])
    by_time = rows[np.lexsort((s.seq[rows], heard_us[rows], s.enter_us[rows], s.of[rows]))]
    for name in _SORTED:
        values = getattr(s, name)
        values[rows] = values[by_time]
    return s


_SORTED = tuple(f.name for f in fields(Stints) if f.name not in ("of", "call"))


def _exits(p: _Passages) -> tuple[_Rows, _Rows]:
    """The first exit of each passage, and of the exits of that one's type the one of the longest wait: logs that write
    a record for each telephone that rang write the exit several times, each with the time until that telephone fell
    silent."""
    rows = p.rows(_EXIT)
    leave = p.first(rows)
    if len(rows) == np.count_nonzero(leave < p.none):
        return leave, leave
    type_ = p.cols.type[p.index[rows]]
    rows = rows[type_ == _read(p.cols.type, p.find(leave))[p.of[rows]]]
    rows = rows[np.lexsort((-rows, p.cols.a[p.index[rows]], p.of[rows]))]
    longest = leave.copy()
    longest[p.of[rows]] = rows  # of several assignments to one place the last stays
    return leave, longest


def _times(p: _Passages, enter: _Rows, enter_us: I64, told_by: _Rows) -> tuple[I64, I64]:
    """When each passage began and how long its caller waited, by its entry and by the event that tells of its end.

    The wait is what the PBX says; where it does not, the time from entry to answer or exit. The microseconds of a log
    of whole seconds are the order of its lines: rounding to milliseconds takes them out.
    """
    cols, none = p.cols, p.none
    wait = _read(cols.a, p.find(told_by))
    doubtful = rows_where((enter == none) | (wait < 0))
    if not len(doubtful):
        return enter_us, wait
    begin, told_by, said = enter[doubtful], told_by[doubtful], wait[doubtful]
    told = p.find(told_by)
    end = _read(cols.time_us, told)
    ended = told_by < none
    is_done = np.append(p.kind & _DONE, np.uint8(0))[told_by] != 0
    talk = np.where(is_done, np.maximum(_read(cols.b, told), 0), 0)
    derived = np.where(ended, end - (np.maximum(said, 0) + talk) * 1000, cols.time_us[p.index[p.at[doubtful]]])
    since = np.where(begin < none, enter_us[doubtful], derived)
    measured = np.where(ended, (end - since + 500) // 1000 - talk, MISSING)
    whole = (begin < none) | (p.kind[p.at[doubtful]] & _REFUSAL != 0)
    enter_us[doubtful] = since
    wait[doubtful] = np.where(
        said >= 0, said, np.where(ended & whole & (measured >= 0) & (said != UNKNOWN), measured, MISSING)
    )
    return enter_us, wait


def _tried(p: _Passages, until: _Rows) -> I64:
    """Ring time of each passage's attempts in vain before its answer: lines within a second of the one before are
    phones that rang in parallel and count their longest; attempts one after another add up."""
    out = np.zeros(len(p), np.int64)
    rows = p.rows(_RANG)
    if not len(rows):
        return out
    ring_ms = p.cols.a[p.index[rows]]
    there = (ring_ms >= 0) & (rows < until[p.of[rows]])
    rows, ring_ms = rows[there], ring_ms[there]
    second, of = p.cols.time_us[p.index[rows]] // 1_000_000, p.of[rows]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (of[1:] != of[:-1]) | (second[1:] - second[:-1] > 1)
    at = rows_where(new)
    if len(at):
        np.add.at(out, of[at], np.maximum.reduceat(ring_ms, at))
    return out
