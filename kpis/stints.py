"""Stints: one passage of a call through one queue, or its refusal by one, rebuilt from the events of any PBX."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kpis.columns import I64, MISSING, U64, UNKNOWN, Bool, Columns, bring_together, first_row, mix, pair, pick, total

# Codes of telemetry.events.EVENT_TYPES; a test holds the two tables together.
ENTERED, RING_NO_ANSWER, RING_CANCELLED, CONNECTED, COMPLETED, TRANSFERRED = range(51, 57)
ABANDONED, TIMED_OUT, NO_AGENT, LEFT_BY_KEY, WITHDRAWN, SYSTEM_DROP, AGENT_DUMPED = range(57, 64)
TURNED_AWAY_EMPTY, TURNED_AWAY_FULL, TURNED_AWAY_CLOSED = range(64, 67)

OPEN, ANSWERED, CENSORED = 0, 1, 2
"""Outcomes beside the codes above: still waiting; a person answered; the end was never told."""


def _types(*codes: int) -> Bool:
    table = np.zeros(128, np.bool_)
    table[list(codes)] = True
    return table


_FAMILY = _types(*range(ENTERED, TURNED_AWAY_CLOSED + 1))
_REFUSAL = _types(TURNED_AWAY_EMPTY, TURNED_AWAY_FULL, TURNED_AWAY_CLOSED)
_EXIT = _types(*range(ABANDONED, SYSTEM_DROP + 1)) | _REFUSAL
_ANSWER = _types(CONNECTED, COMPLETED, TRANSFERRED)


@dataclass(frozen=True, slots=True)
class Stints:
    """Stints as columns of equal length. A number that is not known is MISSING."""

    call: U64
    """Which call: equal for the stints of one call id of one site."""
    site: I64
    unit: I64
    enter_us: I64
    seq: I64
    """Journal offset of its first event: which of the stints that began at one instant came first."""
    caller: I64
    caller_alias: I64
    """The caller's token under the privacy key before; 0 outside the change of keys."""
    answered: Bool
    outcome: I64
    wait_ms: I64
    ring_last_ms: I64
    ring_tried_ms: I64
    """Ringing of the attempts in vain before the answer; 0 when there was none."""
    talk_ms: I64
    talk_known: Bool
    """Whether the end of a conversation told how long it was."""


def stints(cols: Columns) -> Stints:
    """Cut each (call, queue) into passages: the k-th entry and what follows it. What stands before the first
    entry (a log that starts mid-call, clocks that disagree) belongs to the first. A refusal is no part of a passage
    that follows or went before: it is a stint of no length, one for each (call, queue)."""
    ev = cols.take(_FAMILY[cols.type] & (cols.contact != 0))
    call = pair(ev.site.astype(np.uint64), ev.contact)
    place = np.where(_REFUSAL[ev.type], ~ev.unit, ev.unit).astype(np.uint64)
    ev, g = bring_together(ev, mix(call, place))
    call = pair(ev.site.astype(np.uint64), ev.contact)
    entered = ev.type == ENTERED
    entries = np.cumsum(entered)
    before = entries[g.starts] - entered[g.starts].astype(np.int64)
    k = np.maximum(entries - before[g.of_row], 1)
    new = np.ones(len(k), np.bool_)
    new[1:] = (g.of_row[1:] != g.of_row[:-1]) | (k[1:] != k[:-1])
    at = np.flatnonzero(new)

    enter = first_row(entered, at)
    answer = first_row(_ANSWER[ev.type], at)
    connect = first_row(ev.type == CONNECTED, at)
    leave = first_row(_EXIT[ev.type], at)
    done = (ev.type == COMPLETED) | (ev.type == TRANSFERRED)
    talk = np.where(done & (ev.b > 0), ev.b, 0)
    answered = answer < len(ev)
    alias = pick(ev.c, enter)

    # The wait is what the PBX says; where it does not, the time from entry to answer or exit. The microseconds of a
    # log of whole seconds are the order of its lines: rounding to milliseconds takes them out.
    told_by = np.where(connect < len(ev), connect, np.where(answered, answer, _longest(ev, at, leave)))
    wait, end_us, talk_ms = pick(ev.a, told_by), pick(ev.time_us, told_by), np.maximum(pick(talk, told_by), 0)
    ended = end_us != MISSING
    enter_us = pick(ev.time_us, enter)
    derived = np.where(ended, end_us - (np.maximum(wait, 0) + talk_ms) * 1000, ev.time_us[at])
    enter_us = np.where(enter_us != MISSING, enter_us, derived)
    measured = (end_us - enter_us + 500) // 1000 - talk_ms
    measurable = ended & (measured >= 0) & ((enter < len(ev)) | _REFUSAL[ev.type[at]])
    return Stints(
        call=call[at],
        site=ev.site[at].astype(np.int64),
        unit=ev.unit[at].astype(np.int64),
        enter_us=enter_us,
        seq=ev.seq[at],
        caller=np.where(enter < len(ev), pick(ev.caller, enter), 0),
        caller_alias=np.where(alias == MISSING, 0, alias),
        answered=answered,
        outcome=np.where(answered, ANSWERED, np.maximum(pick(ev.type.astype(np.int64), leave), OPEN)),
        wait_ms=np.where(wait >= 0, wait, np.where(measurable & (wait != UNKNOWN), measured, MISSING)),
        ring_last_ms=pick(ev.b, connect),
        ring_tried_ms=_tried(ev, at, connect),
        talk_ms=total(talk, at),
        talk_known=total((done & (ev.b >= 0)).astype(np.int64), at) > 0,
    )


def _longest(ev: Columns, starts: npt.NDArray[np.intp], leave: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Of the exits of the first one's type in each stint, the one of the longest wait: logs that write a record for each
    telephone that rang write the exit several times, each with the time until that telephone fell silent."""
    stint = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(ev))))
    first = np.append(ev.type, 0)[leave]  # 0, which is no exit, where a stint has none
    rows = np.flatnonzero(_EXIT[ev.type] & (ev.type == first[stint]))
    if len(rows) == np.count_nonzero(leave < len(ev)):
        return leave
    rows = rows[np.lexsort((-rows, ev.a[rows], stint[rows]))]
    out = leave.copy()
    out[stint[rows]] = rows  # of several assignments to one place the last stays
    return out


def _tried(ev: Columns, starts: npt.NDArray[np.intp], until: npt.NDArray[np.intp]) -> I64:
    """Ring time of each stint's attempts in vain before its answer: lines within a second of the one before are
    phones that rang in parallel and count their longest; attempts one after another add up."""
    stint = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(ev))))
    rows = np.flatnonzero((ev.type == RING_NO_ANSWER) & (ev.a >= 0) & (np.arange(len(ev)) < until[stint]))
    out = np.zeros(len(starts), np.int64)
    second, of = ev.time_us[rows] // 1_000_000, stint[rows]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (of[1:] != of[:-1]) | (second[1:] - second[:-1] > 1)
    at = np.flatnonzero(new)
    if len(at):
        np.add.at(out, of[at], np.maximum.reduceat(ev.a[rows], at))
    return out
