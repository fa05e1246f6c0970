"""Conversations on online channels: events → conversations → measures. Their KPIs: conversation_kpis.

A conversation is one contact at one site. It begins with the first event by the citizen (`conversation.opened` or
`conversation.message`) and belongs to that moment and to the channel named there, else to the first channel that any of
its events names. The first reply is the first `conversation.replied` since then that no machine wrote. One without any
event by the citizen has no beginning: it is counted apart, at its first event, and is in no other measure.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kpis.columns import I32, I64, MISSING, Bool, Columns, Zones, last_row, pick, rows_where
from kpis.declared import place
from kpis.matters.matters import Matters, between, matters, milliseconds, nothing, seconds, stays_until, users
from kpis.model import Facts, Rules

# Codes of telemetry.events; a test holds the tables together.
OPENED, MESSAGE, REPLIED, ASSIGNED, CLOSED, REOPENED = range(20, 26)
DONE, MUST_RETURN = 1, 3
"""First and last disposition."""

MINUTE_US = 60_000_000
AGES_US = (15 * MINUTE_US, 60 * MINUTE_US, 240 * MINUTE_US, 1440 * MINUTE_US, 4320 * MINUTE_US)
AGES = ("under_15_min", "15_to_60_min", "1_to_4_h", "4_to_24_h", "1_to_3_days", "3_days_or_more")
"""Ages of what waits for a reply, by those edges."""


def contacts(cols: Columns, rules: Rules, zones: Zones) -> dict[str, Facts]:
    """The conversations among these events as of the cut-off, and the persons of each month."""
    m = matters(cols, OPENED, REOPENED, rules)
    return _facts(m, rules, zones) if len(m) else nothing(_facts)


def same_until(facts: Mapping[str, Facts], as_of_us: int) -> int:
    """Until when these facts of one site stay as they were at the cut-off if no event comes."""
    f = facts["conversations"]
    to_come = f.state["to_come_us"]
    waiting = f.counts["conversations_waiting"]
    return stays_until(as_of_us, [(f.arrival_us[waiting], AGES_US)], [to_come[to_come != MISSING]])


def _facts(m: Matters, rules: Rules, zones: Zones) -> dict[str, Facts]:
    ev, n = m.ev, len(m.ev)
    row = np.arange(n)
    citizen = (ev.type == OPENED) | (ev.type == MESSAGE)
    begin = m.first(citizen)
    begun = begin < n
    since = row >= begin[m.of_row]
    begin_us = np.where(begun, m.time(begin), ev.time_us[m.at])
    unit = m.unit(np.where(begun, begin, m.at))

    by_hand = (ev.type == REPLIED) & (ev.a != 1)
    reply = m.first(by_hand & since)
    replied = reply < n
    target_ms = rules.reply_target_ms.at(place(m.site, unit), begin_us)
    until_us = np.where(replied, m.time(reply), m.as_of_us)
    waited_ms = _waited_ms(m, unit, begin_us, until_us, rules)
    due = begun & (target_ms != MISSING)
    in_time = due & replied & (waited_ms <= target_ms)
    overdue = due & ~replied & (waited_ms > target_ms)

    closed = last_row((ev.type == CLOSED) & since, m.at)
    ended = begun & (closed > last_row((ev.type == REOPENED) & since, m.at))
    reopened = begun & m.has((ev.type == REOPENED) & since)
    how = pick(ev.a, closed)
    told = begun & (how >= DONE) & (how <= MUST_RETURN)
    handled_ms = milliseconds(begin_us, m.time(closed), ended)
    waiting = begun & ~replied & ~ended
    due_us = _due_us(m, unit, begin_us, target_ms, due & ~replied, rules)
    of_unit, people = users(m, begun, unit, begin_us, zones, "conversation")
    facts = Facts(
        site=m.site,
        unit=unit,
        arrival_us=begin_us,
        counts={
            "conversations": begun,
            "conversations_beginning_unknown": ~begun,
            "conversations_replied": replied,
            "conversations_replied_before": begun & m.has(by_hand & ~since),
            "conversations_with_target": (due & replied) | overdue,
            "conversations_replied_in_time": in_time,
            "conversations_not_yet_due": due & ~replied & ~overdue,
            "conversations_without_target": begun & ~due,
            "conversations_never_answered": begun & ~replied & ended,
            "conversations_waiting": waiting,
            **_ages(m.as_of_us - begin_us, waiting),
            "conversations_waiting_overdue": waiting & overdue,
            "conversations_closed": ended,
            "conversation_handled_ms": handled_ms,
            "conversations_reopened": reopened,
            "conversations_with_disposition": told,
            "conversations_without_disposition": begun & (closed >= 0) & ~told,
            "conversations_resolved": told & (how == DONE) & ~reopened,
            "conversation_messages": m.number(citizen),
            "conversation_replies": np.where(begun, m.number(by_hand), 0),
            "conversation_automatic_replies": np.where(begun, m.number((ev.type == REPLIED) & ~by_hand), 0),
            "conversations_outside_hours": begun & ~rules.calendar.is_open(begin_us, m.site),
            **of_unit,
        },
        seconds={
            "conversation_reply_s": seconds(waited_ms, replied),
            "conversation_handled_s": seconds(handled_ms, ended),
        },
        state={
            "reply_due_us": np.where(waiting, due_us, MISSING),
            "to_come_us": np.where(overdue, MISSING, due_us),
            "seq": ev.seq[m.at],
        },
    )
    return {"conversations": facts, **people}


def _due_us(m: Matters, unit: I32, begin_us: I64, target_ms: I64, unanswered: Bool, rules: Rules) -> I64:
    """Until when each that no person has answered is to be, by the clock of its channel; MISSING for the others."""
    out = np.full(len(m), MISSING, np.int64)
    out[unanswered] = begin_us[unanswered] + target_ms[unanswered] * 1000
    rows = rows_where(unanswered & _served(m, unit, rules))
    out[rows] = rules.calendar.past(begin_us[rows], target_ms[rows] * 1000, m.site[rows])
    return out


def _served(m: Matters, unit: I32, rules: Rules) -> Bool:
    """Which are of channels where only service hours count."""
    served = [key[0] << 32 | key[1] for key, on in rules.reply_in_service_hours.items() if on]
    out: Bool = np.isin(place(m.site, unit), served) if served else np.zeros(len(m), np.bool_)
    return out


def _waited_ms(m: Matters, unit: I32, from_us: I64, to_us: I64, rules: Rules) -> I64:
    """Whole milliseconds between two instants by the clock of the channel: all of them, or those in service hours."""
    out = milliseconds(from_us, to_us, np.ones(len(m), np.bool_))
    rows = rows_where(_served(m, unit, rules))
    if len(rows):
        out[rows] = rules.calendar.service_us(from_us[rows], to_us[rows], m.site[rows]) // 1000
    return out


def _ages(age_us: I64, waiting: Bool) -> dict[str, Bool]:
    by_age = between(age_us, waiting, AGES_US)
    return {f"conversations_waiting_{name}": rows for name, rows in zip(AGES, by_age, strict=True)}
