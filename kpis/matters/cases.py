"""Cases: complaints, and work that does not end at once. Events → cases → measures. Their KPIs: case_kpis.

A case is one contact at one site. It is received with its first `case.opened` and belongs to that moment and to the
service named there, else to the first service that any of its events names; what stands before the receipt is not read,
but counted. One that was never opened is counted apart, at its first event, and is in no other measure.

A case is ended when no `case.reopened` follows its last `case.settled`: with the result that this one gives. Rejected
with reasons is an end (ยุติ), for the citizen has been told why; withdrawn is none and leaves every ratio. Suggestions and
praise need no end and are in none either.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kpis.columns import DAY_US, I64, MISSING, Bool, Columns, Zones, last_row, pick, rows_where
from kpis.matters.case_steps import steps_of
from kpis.matters.matters import (
    Matters,
    between,
    local_day,
    matters,
    milliseconds,
    nothing,
    seconds,
    stays_until,
    users,
)
from kpis.model import Facts, Rules

# Codes of telemetry.events; a test holds the tables together.
OPENED, ACKNOWLEDGED, ASSIGNED, FORWARDED = range(100, 104)
NOTIFIED, LOOKED_UP, SETTLED, REOPENED = range(106, 110)
COMPLAINT, REQUEST, SUGGESTION, PRAISE = range(1, 5)
REJECTED, WITHDRAWN = 2, 3
LONGEST_DUE_US = 50 * 366 * DAY_US
"""A date further from the receipt than this is none."""

AGES_US = tuple(days * DAY_US for days in (7, 15, 30, 60))
AGES = ("under_7_days", "7_to_15_days", "15_to_30_days", "30_to_60_days", "60_days_or_more")
"""Ages of what is open, by those edges; a day is 24 hours."""


def contacts(cols: Columns, rules: Rules, zones: Zones) -> dict[str, Facts]:
    """The cases among these events as of the cut-off; those due, at their dates; their steps; the persons of each month."""
    m = matters(cols, OPENED, REOPENED, rules)
    return _facts(m, rules, zones) if len(m) else nothing(_facts)


def same_until(facts: Mapping[str, Facts], as_of_us: int) -> int:
    """Until when these facts of one site stay as they were at the cut-off if no event comes and its local day goes on."""
    f, steps = facts["cases"], facts["case_steps"]
    due_us, step_us = f.state["due_us"], steps.state["due_us"]
    to_come = (due_us != MISSING) & ~f.counts["cases_overdue"], (step_us != MISSING) & ~steps.counts["case_steps_due"]
    return stays_until(
        as_of_us, [(f.arrival_us[f.counts["cases_open"]], AGES_US)], [due_us[to_come[0]], step_us[to_come[1]]]
    )


def _facts(m: Matters, rules: Rules, zones: Zones) -> dict[str, Facts]:  # noqa: ARG001 - as `nothing` calls it
    ev, n = m.ev, len(m.ev)
    opened = m.first(ev.type == OPENED)
    received = opened < n
    since = np.arange(n) >= opened[m.of_row]
    received_us = np.where(received, m.time(opened), ev.time_us[m.at])
    unit = m.unit(np.where(received, opened, m.at))
    kind = pick(ev.a, m.first((ev.type == OPENED) & (ev.a >= COMPLAINT) & (ev.a <= PRAISE)))

    settled = last_row((ev.type == SETTLED) & since, m.at)
    again = (ev.type == REOPENED) & since
    ended = received & (settled > last_row(again, m.at))
    result = pick(ev.a, settled)
    withdrawn = ended & (result == WITHDRAWN)
    ended &= ~withdrawn
    work = received & ~withdrawn & (kind != SUGGESTION) & (kind != PRAISE)
    complaint = work & (kind == COMPLAINT)
    request = work & ~complaint
    done, still = work & ended, work & ~ended
    end_us = m.time(settled)

    due_us, due, moved, impossible = _due(m, since, work, received_us)
    late = done & due & (end_us // 1000 > due_us // 1000)
    overdue = still & due & (m.as_of_us // 1000 > due_us // 1000)

    day = local_day(received_us, m.site, zones)
    same_day = done & (local_day(np.where(done, end_us, received_us), m.site, zones) == day)
    day_over = work & (done | (local_day(m.as_of_us, m.site, zones) > day))
    lasting = day_over & ~same_day
    noticed = m.has((ev.type == NOTIFIED) & since)
    looks = np.where(work, m.number((ev.type == LOOKED_UP) & since), 0)

    acknowledged = m.first((ev.type == ACKNOWLEDGED) & since)
    forwarded = m.first((ev.type == FORWARDED) & since)
    sent = work & (forwarded < n)
    settle_ms = milliseconds(received_us, end_us, done)
    heard = complaint & (acknowledged < n)
    of_unit, people = users(m, received, unit, received_us, zones, "case")
    facts = Facts(
        site=m.site,
        unit=unit,
        arrival_us=received_us,
        counts={
            "cases_received": received,
            "cases_receipt_unknown": ~received,
            "cases_with_events_before_receipt": received & m.has(~since),
            **_kinds(received, kind),
            "cases": work,
            "cases_withdrawn": withdrawn,
            "cases_settled": done,
            "cases_open": still,
            **_ages("cases", m.as_of_us - received_us, still),
            "cases_overdue": overdue,
            "cases_settled_late": late,
            "cases_due_moved": moved,
            "cases_due_impossible": impossible,
            "cases_reopened": work & m.has(again),
            "cases_forwarded": sent,
            "cases_forwarded_settled": sent & ended,
            "cases_lasting": lasting,
            "cases_lasting_with_notice": lasting & noticed,
            "case_lookups": looks,
            "cases_looked_up": looks > 0,
            "requests_same_day": request & same_day,
            "requests_same_day_known": request & day_over,
            "complaints": complaint,
            "complaints_withdrawn": withdrawn & (kind == COMPLAINT),
            "complaints_settled": complaint & ended,
            "complaints_rejected": complaint & ended & (result == REJECTED),
            "complaints_open": complaint & ~ended,
            **_ages("complaints", m.as_of_us - received_us, complaint & ~ended),
            "complaints_overdue": complaint & overdue,
            "complaints_settled_late": complaint & late,
            "complaints_acknowledged": heard,
            **of_unit,
        },
        seconds={
            "complaint_acknowledge_s": _seconds(received_us, m.time(acknowledged), heard),
            "complaint_settle_s": seconds(settle_ms, done & complaint),
            "request_settle_s": seconds(settle_ms, done & request),
            "case_forward_s": _seconds(received_us, m.time(forwarded), sent),
        },
        state={
            "seq": ev.seq[m.at],
            "due_us": np.where(still & due, due_us, MISSING),
            "complaint_due_us": np.where(complaint & still & due, due_us, MISSING),
        },
    )
    come = rows_where(due & (done | overdue))
    at_dates = Facts(
        site=m.site[come],
        unit=unit[come],
        arrival_us=due_us[come],
        counts={
            "cases_due": np.ones(len(come), np.bool_),
            "cases_settled_by_due": (done & ~late)[come],
            "complaints_due": complaint[come],
            "complaints_settled_by_due": (complaint & done & ~late)[come],
        },
        state={"seq": ev.seq[m.at[come]]},
    )
    return {"cases": facts, "cases_due": at_dates, "case_steps": steps_of(m, unit), **people}


def _kinds(received: Bool, kind: I64) -> Mapping[str, Bool]:
    """Cases received by kind."""
    told = {"complaint": COMPLAINT, "request": REQUEST, "suggestion": SUGGESTION, "praise": PRAISE, "untold": MISSING}
    return {f"cases_of_kind_{name}": received & (kind == code) for name, code in told.items()}


def _due(m: Matters, since: Bool, work: Bool, received_us: I64) -> tuple[I64, Bool, Bool, Bool]:
    """For each case: the date in force, whether it has one, whether that is later than the first, and whether it is impossible.

    The date in force is the last that `case.opened` or `case.assigned` told since the receipt. One before the receipt,
    or more than 50 years after it, is impossible and as good as none.
    """
    told_ms = np.where(m.ev.type == OPENED, m.ev.b, m.ev.a)
    tells = ((m.ev.type == OPENED) | (m.ev.type == ASSIGNED)) & (told_ms != MISSING) & since
    first, last = pick(told_ms, m.first(tells)), pick(told_ms, last_row(tells, m.at))
    told = work & (last != MISSING)
    lowest, highest = received_us // 1000, (received_us + LONGEST_DUE_US) // 1000
    due = told & (last >= lowest) & (last <= highest)
    due_us = np.where(due, last, lowest) * 1000
    return due_us, due, due & (last > first), told & ~due


def _seconds(from_us: I64, to_us: I64, known: Bool) -> I64:
    return seconds(milliseconds(from_us, to_us, known), known)


def _ages(name: str, age_us: I64, still: Bool) -> dict[str, Bool]:
    return {f"{name}_open_{age}": rows for age, rows in zip(AGES, between(age_us, still, AGES_US), strict=True)}
