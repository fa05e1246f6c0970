"""Tickets: events → tickets (one person's one visit to one counter service) → measures. Their KPIs are in ticket_kpis.py.

A ticket is one number issued on one local day; the same number issued again is another ticket. It belongs to the
service it was issued for and to the moment of issue; where that is lost, to the service and the moment of its first event.

Durations are whole milliseconds, rounded down once: a wait, all waits together, a way, a leg, a stay.
"""

from __future__ import annotations

import numpy as np

from kpis.columns import DAY_US, I64, MISSING, Bool, Columns, Zones, pick, rows_where
from kpis.declared import Told
from kpis.model import Facts, Rules
from kpis.tickets.ticket_legs import (
    Legs,
    called_again,
    left_open,
    moved_on,
    passages,
    summed,
    walked,
)
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
    Story,
    Tickets,
)
from kpis.tickets.ticket_waits import NOT_TOLD, Counts, in_seconds, waits

WAITING, TAKEN, SERVED, MISSED, WITHDRAWN, SCREENED = range(6)
"""Where a ticket stands after its last event; a taken one was called or is being served, of a screened one only the triage
is known."""
DONE, MUST_RETURN = 1, 3
"""Dispositions of a finish, the first and the last."""
_NEVER = 2**62


def contacts(cols: Columns, rules: Rules, zones: Zones, s: Story, legs: Legs) -> dict[str, Facts]:
    """The tickets among these events, which are `s` with their `legs`, and their passages through services."""
    issue = s.first(ISSUED)
    issued = issue < len(s.kind)
    begin = np.where(issued, issue, s.at)
    again = s.last(REACTIVATED, STARTED, FINISHED)
    missed = s.last(NO_SHOW) > again
    t = Tickets(
        story=s,
        issued=issued,
        begin=begin,
        arrival_us=s.time_us[begin],
        unit=s.unit[begin],
        over=_day_over(cols, s, rules, zones),
        called=s.first(CALLED, STARTED),
        taken=s.last(CALLED, RECALLED, STARTED),
        finish=s.last(FINISHED),
        missed=missed,
        withdrawn=(s.last(CANCELLED) > again) & ~missed,
    )
    moved, state = moved_on(s), _state(t)
    waited, wait_seconds = waits(t, rules)
    at_counter, counter_seconds = _at_counter(t, legs)
    tickets = Facts(
        site=s.site,
        unit=t.unit,
        arrival_us=t.arrival_us,
        counts={
            **_fates(t, rules),
            **waited,
            **at_counter,
            "ticket_transfers_to_other_service": s.count(moved),
        },
        seconds={**wait_seconds, **counter_seconds},
        state=state,
    )
    real = state["standing"] != SCREENED
    return {"tickets": tickets, "ticket_passages": passages(s, legs, moved, t.unit, t.arrival_us, real, rules)}


def _fates(t: Tickets, rules: Rules) -> Counts:
    """What became of the tickets."""
    s, issued, finished = t.story, t.issued, t.finished
    rung, started, marked = s.last(CALLED, RECALLED) >= 0, s.last(STARTED) >= 0, s.last(NO_SHOW) >= 0
    implied = _missed_silently(s, rung & ~started & ~finished & ~t.missed & ~t.withdrawn, rules)
    no_show = (t.missed & ~finished) | implied
    return {
        "tickets_issued": issued,
        "tickets_served": finished,
        "tickets_no_show": no_show,
        "tickets_no_show_implied": implied,
        "tickets_called_at_all": rung | marked,
        "tickets_cancelled": t.withdrawn & ~finished,
        "tickets_issued_day_over": issued & t.over,
        "tickets_left": issued & t.over & (t.taken < 0) & ~finished & ~marked & ~t.withdrawn,
        "tickets_called_not_started": rung & ~started & ~no_show & ~t.withdrawn & (finished | t.over),
        "tickets_walk_direct": ~issued & (started | finished),
        "tickets_served_outside_official": finished & ~_in_official_hours(s, rules),
        "tickets_transferred": s.last(TRANSFERRED) >= 0,
        "ticket_recalls": called_again(s),
        "ticket_reactivations": s.count(s.rows(REACTIVATED)),
    }


def _at_counter(t: Tickets, legs: Legs) -> tuple[Counts, dict[str, I64]]:
    """The way to the counter, the service there, the whole stay, and the result."""
    s, finished = t.story, t.finished
    service_ms = summed(legs.ticket, legs.ms, len(s.at))
    forgotten = t.over & left_open(s)
    forgotten[legs.ticket[legs.forgotten]] = True
    served = np.zeros(len(s.at), np.bool_)
    served[legs.ticket] = True
    served &= ~forgotten
    finish_us = np.where(finished, pick(s.time_us, t.finish), t.arrival_us)
    stayed = t.issued & finished & ~forgotten & (finish_us >= t.arrival_us)
    stay_ms = np.where(stayed, finish_us - t.arrival_us, 0) // 1000
    walk_ms = walked(s)
    walk_known = walk_ms != MISSING
    result = np.where(finished, s.a[t.finish], NOT_TOLD)
    disposed, done = (result >= DONE) & (result <= MUST_RETURN), result == DONE
    counts: Counts = {
        "tickets_with_walk": walk_known,
        "ticket_walk_ms": np.where(walk_known, walk_ms, 0),
        "tickets_with_service_time": served,
        "service_ms": np.where(served, service_ms, 0),
        "tickets_service_forgotten": forgotten,
        "tickets_with_stay": stayed,
        "ticket_stay_ms": stay_ms,
        "tickets_disposed": disposed,
        "tickets_done": done,
        "tickets_done_at_one_counter": done & (s.last(TRANSFERRED) < 0),
        "tickets_without_disposition": finished & ~disposed,
    }
    return counts, {
        "ticket_walk_s": in_seconds(walk_known, walk_ms),
        "service_s": in_seconds(served, service_ms),
        "ticket_stay_s": in_seconds(stayed, stay_ms),
    }


def _state(t: Tickets) -> dict[str, I64]:
    """What the live views read."""
    s = t.story
    moved = s.last(TRANSFERRED)
    standing = np.where(t.issued | (s.last(HELD) >= 0), WAITING, SCREENED)
    for which, where in (
        (t.taken >= 0, TAKEN),
        (t.finished, SERVED),
        (s.last(TRANSFERRED, REACTIVATED) > np.maximum(t.taken, t.finish), WAITING),
        (t.withdrawn, WITHDRAWN),
        (t.missed, MISSED),
    ):
        standing[which] = where
    return {
        "standing": standing,
        "waiting_since_us": np.where(moved >= 0, pick(s.time_us, moved), t.arrival_us),
        "waiting_unit": np.where(moved >= 0, s.unit[moved], t.unit).astype(np.int64),
        "taken_us": pick(s.time_us, t.taken),
        "taken_seq": pick(s.seq, t.taken),
        "seq": s.seq[t.begin],
    }


def _day_over(cols: Columns, s: Story, rules: Rules, zones: Zones) -> Bool:
    """Which tickets' local day has ended at the cut-off of their site: a given one, else its last event of any kind."""
    if not len(s.at):
        return np.zeros(0, np.bool_)
    first, last = int(cols.site.min()), int(cols.site.max())
    latest = np.full(last + 1, -_NEVER, np.int64)
    if first == last:
        latest[first] = cols.time_us.max()
    else:
        np.maximum.at(latest, cols.site, cols.time_us)
    for code, us in rules.as_of_us.items():
        if 0 <= code <= last:
            latest[code] = us
    sites = rows_where(latest > -_NEVER).astype(np.int32)
    latest[sites] = zones.to_local(latest[sites], sites) // DAY_US
    over: Bool = latest[s.site] > s.day
    return over


def _missed_silently(s: Story, asked: Bool, rules: Rules) -> Bool:
    """Which of the tickets asked for were called so often over such a time since the last transfer or re-activation."""
    out = np.zeros(len(s.at), np.bool_)
    who = rows_where(asked)
    if not len(who):
        return out
    rows = s.rows(CALLED, RECALLED)
    rows = rows[asked[s.ticket[rows]]]
    rows = rows[rows > s.last(TRANSFERRED, REACTIVATED)[s.ticket[rows]]]
    ticket = s.ticket[rows]
    first, last = np.zeros(len(s.at), np.int64), np.zeros(len(s.at), np.int64)
    last[ticket] = s.time_us[rows]
    first[ticket[::-1]] = s.time_us[rows[::-1]]
    told = Told(s.site[who])
    often = s.count(rows)[who] >= told(rules.no_show_calls, _NEVER)
    long = (last[who] - first[who]) // 1000 >= told(rules.no_show_ms, _NEVER)
    out[who] = often & long
    return out


def _in_official_hours(s: Story, rules: Rules) -> Bool:
    """Whether each ticket's service began in official hours: with its first start, where that was never pressed with its
    first call, where that is not told either with its first finish."""
    if not rules.calendar.of_site:
        return np.ones(len(s.at), np.bool_)
    begin = np.full(len(s.at), len(s.kind), np.int64)
    for type_ in (FINISHED, CALLED, STARTED):
        row = s.first(type_)
        begin = np.where(row < len(s.kind), row, begin)
    known = begin < len(s.kind)
    out = np.ones(len(s.at), np.bool_)
    out[known] = rules.calendar.is_official(s.time_us[begin[known]], s.site[known])
    return out
