"""What lies between the events of a ticket: its times at counters, its waits after the first, its way to the counter,
and its passages through services."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.columns import I32, I64, MISSING, Bool, rows_where
from kpis.declared import place
from kpis.model import Facts, Rules
from kpis.tickets.ticket_story import (
    CALLED,
    CANCELLED,
    FINISHED,
    HELD,
    ISSUED,
    NO_SHOW,
    REACTIVATED,
    RECALLED,
    STARTED,
    TRANSFERRED,
    Rows,
    Story,
)

_ENDS_OR_BEGINS_A_WAIT = np.zeros(128, np.bool_)
_ENDS_OR_BEGINS_A_WAIT[[CALLED, STARTED, HELD, TRANSFERRED, FINISHED, NO_SHOW, CANCELLED, REACTIVATED]] = True
LONGEST_SERVICE_MS = 4 * 3_600_000
"""A time at a counter that is longer was not ended when the person went."""


@dataclass(frozen=True, slots=True)
class Legs:
    """Times at a counter, one after another. A leg ends with finished, transferred or held. It began with the last start
    since the leg before; where the start was never pressed, with the last call. What has neither is no leg."""

    ticket: Rows
    began: Rows
    """Row that it began with."""
    ended: Rows
    """Row that it ended with."""
    ms: I64
    forgotten: Bool
    """Longer than LONGEST_SERVICE_MS."""


def legs_of(s: Story) -> Legs:
    """The legs of all tickets."""
    ends = s.rows(FINISHED, TRANSFERRED, HELD)
    row = np.arange(len(s.kind))
    started = np.maximum.accumulate(np.where(s.kind == STARTED, row, -1))[ends]
    called = np.maximum.accumulate(np.where((s.kind == CALLED) | (s.kind == RECALLED), row, -1))[ends]
    ticket = s.ticket[ends]
    after = s.at[ticket] - 1
    after[1:] = np.maximum(after[1:], ends[:-1])
    began = np.where(started > after, started, np.where(called > after, called, -1))
    there = began >= 0
    ends, began = ends[there], began[there]
    ms = (s.time_us[ends] - s.time_us[began]) // 1000
    return Legs(ticket[there], began, ends, ms, ms > LONGEST_SERVICE_MS)


def summed(where: Rows, values: I64, n: int) -> I64:
    """Sums of values by place, in whole numbers."""
    out = np.zeros(n, np.int64)
    np.add.at(out, where, values)
    return out


def left_open(s: Story) -> Bool:
    """Which tickets were started and not let go since: none of finished, transferred, held, no-show, cancelled follows."""
    return s.last(STARTED) > s.last(FINISHED, TRANSFERRED, HELD, NO_SHOW, CANCELLED)


def waited_again(s: Story, called: Rows) -> tuple[I64, Bool]:
    """Microseconds that each ticket waited after its first call or start (`called`), and whether they can be told.

    Such a wait begins with a transfer or re-activation of a ticket that does not wait already. A call or start ends it;
    where anything else of held, finished, no-show, cancelled comes first, or nothing, it cannot be told.
    """
    n = len(s.at)
    concerned = s.last(TRANSFERRED, REACTIVATED) > called
    if not concerned.any():
        return np.zeros(n, np.int64), np.ones(n, np.bool_)
    rows = rows_where(concerned[s.ticket])
    rows = rows[_ENDS_OR_BEGINS_A_WAIT[s.kind[rows]]]
    kind, ticket = s.kind[rows], s.ticket[rows]
    again = (kind == TRANSFERRED) | (kind == REACTIVATED)
    waiting = np.zeros(len(rows), np.bool_)
    waiting[1:] = again[:-1] & (ticket[1:] == ticket[:-1])
    later = rows > called[ticket]
    begins = again & ~waiting & later
    ends = waiting & ~again & later & ((kind == CALLED) | (kind == STARTED))
    open_now = summed(ticket, begins.astype(np.int64) - ends, n)
    since_us = s.time_us[rows] - s.time_us[s.at[ticket]]
    return summed(ticket, np.where(ends, since_us, 0) - np.where(begins, since_us, 0), n), open_now == 0


def walked(s: Story) -> I64:
    """Milliseconds from the last call to the first start of each ticket; MISSING unless the start directly follows a call."""
    started = s.first(STARTED)
    there = rows_where((started < len(s.kind)) & (started > s.at))
    begin = started[there]
    called = (s.kind[begin - 1] == CALLED) | (s.kind[begin - 1] == RECALLED)
    there, begin = there[called], begin[called]
    out = np.full(len(s.at), MISSING, np.int64)
    out[there] = (s.time_us[begin] - s.time_us[begin - 1]) // 1000
    return out


def called_again(s: Story) -> I64:
    """How often each ticket was called again: recalls, and calls directly after a call or recall."""
    rows = s.rows(CALLED, RECALLED)
    again = s.kind[rows] == RECALLED
    again[1:] |= (rows[1:] == rows[:-1] + 1) & (s.ticket[rows[1:]] == s.ticket[rows[:-1]])
    return s.count(rows[again])


def moved_on(s: Story) -> Rows:
    """The rows of transfers to another service than the ticket's issue or transfer before named."""
    rows = s.rows(ISSUED, TRANSFERRED)
    earlier, rows = rows[:-1], rows[1:]
    moved = (s.kind[rows] == TRANSFERRED) & (s.ticket[rows] == s.ticket[earlier]) & (s.unit[rows] != s.unit[earlier])
    found: Rows = rows[moved]
    return found


def passages(s: Story, legs: Legs, moved: Rows, unit: I32, arrival_us: I64, real: Bool, rules: Rules) -> Facts:
    """Passages of tickets through services: the first begins with the ticket, a further one with each of the transfers to
    another service (`moved`). Tickets that are not `real` have none.

    A passage is over when the ticket moved on or a finish is in it. Its service time is that of the legs that began in it.
    """
    n = len(s.at) + len(moved)
    ticket, of_row, began_us, service = np.arange(n), s.ticket, arrival_us, unit
    if len(moved):
        new = np.zeros(len(s.kind), np.bool_)
        new[s.at] = True
        new[moved] = True
        of_row, ticket = np.cumsum(new) - 1, s.ticket[new]
        began_us, service = arrival_us[ticket], unit[ticket]
        further = of_row[moved]
        began_us[further], service[further] = s.time_us[moved], s.unit[moved]

    over = np.zeros(n, np.bool_)
    over[:-1] = ticket[1:] == ticket[:-1]
    over[of_row[s.rows(FINISHED)]] = True
    where = of_row[legs.began]
    service_ms = summed(where, legs.ms, n)
    known = np.zeros(n, np.bool_)
    known[where] = True
    known[where[legs.forgotten]] = False
    site = s.site[ticket]
    target = rules.service_target_ms.at(place(site, service), began_us)
    judged = over & known & (target != MISSING)
    keep = real[ticket]
    return Facts(
        site=site[keep],
        unit=service[keep],
        arrival_us=began_us[keep],
        counts={
            "service_passages": np.ones(int(np.count_nonzero(keep)), np.bool_),
            "services_with_manual_time": judged[keep],
            "services_within_manual_time": (judged & (service_ms <= target))[keep],
        },
        state={"seq": s.seq[s.at[ticket[keep]]]},
    )
