"""Counters: what each did with the tickets that came to it, and the work that a day brought to those that were open.

A ticket is what ticket_story.py says it is. All that one counter does with one ticket is one visit: it belongs to the
counter and to the first event there. A leg of service is that of ticket_legs.py; it is the counter's that ended it, where
the end names none the one's that began it. One that was forgotten (longer than 4 hours) has no time. When counters are
open is in counter_hours.py, who can serve what in cover.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.columns import I32, I64, U64, Bool, Columns, Zones, among, group, pair, rows_where, total
from kpis.keeping import Kept
from kpis.model import By, Facts, Rules
from kpis.staff import counter_hours, counter_kpis, cover
from kpis.staff.counter_hours import ANY_WORK, Days
from kpis.tickets.ticket_legs import Legs, summed
from kpis.tickets.ticket_story import CALLED, FINISHED, HELD, ISSUED, RECALLED, STARTED, TRANSFERRED, Story

_CALL, _START, _FINISH, _SEND, _HOLD, _LEG, _FORGOTTEN = (1 << bit for bit in range(7))
_SEEN = np.zeros(128, np.int64)
"""What a type of event says of a visit."""
_SEEN[[CALLED, RECALLED]] = _CALL
_SEEN[[STARTED, FINISHED, TRANSFERRED, HELD]] = _START, _FINISH, _SEND, _HOLD

KPIS = counter_kpis.KPIS


@dataclass(frozen=True, slots=True)
class _Work:
    """Tickets with who acted. Arrays have a number for each row of the story."""

    story: Story
    counter: I32
    """0 where nobody is named."""
    leg: Bool
    """Whether a leg of service ends with the row."""
    forgotten: Bool
    """Whether that leg was not ended when the person went."""
    ms: I64
    """How long it was; 0 in other rows, and where it was forgotten."""


def contacts(
    cols: Columns, rules: Rules, zones: Zones, handled: Facts, s: Story, legs: Legs, kept: Kept
) -> dict[str, Facts]:  # fmt: skip
    """What counters did, when they were open, what work there was for them, and who can serve what, beside what agents
    `handled` (agents.py); `s` are the tickets among these events, with their `legs`."""
    said = kept.part("counter_words", lambda: counter_hours.words(cols, zones))
    told, words, days = counter_hours.told(cols, rules, zones, said)
    of_counters, finished = kept.part("counters", lambda: worked(s, legs, days))
    covered = kept.part("cover", lambda: cover.contacts(handled, finished, zones))
    return {"counters": told, "counter_words": words, **of_counters, **covered}


def worked(s: Story, legs: Legs, days: Days) -> tuple[dict[str, Facts], cover.Served]:
    """What does not depend on the time that has passed, and which services were finished; `days` are those that counters
    told of."""
    work = _work(s, legs)
    active, active_days = counter_hours.active(work.story, work.counter, days)
    of_counters = {
        "counter_activity": active,
        "counter_visits": _visits(work),
        "counter_load": _load(work, days, active_days),
    }
    return of_counters, _finished(work)


def _work(s: Story, legs: Legs) -> _Work:
    n = len(s.kind)
    ms, forgotten, leg = np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    leg[legs.ended] = True
    forgotten[legs.ended] = legs.forgotten
    ms[legs.ended] = np.where(legs.forgotten, 0, legs.ms)
    counter = np.where(ANY_WORK[s.kind], s.party, 0)
    unnamed = counter[legs.ended] == 0
    counter[legs.ended[unnamed]] = s.party[legs.began[unnamed]]
    return _Work(s, counter, leg, forgotten, ms)


def _visits(w: _Work) -> Facts:
    s = w.story
    rows = rows_where(ANY_WORK[s.kind] & ((w.counter != 0) | (s.kind == FINISHED)))
    g = group(pair(s.ticket[rows].astype(np.uint64), w.counter[rows].astype(np.uint64)))
    rows, at = rows[g.order], g.starts
    first = rows[at]
    seen = _SEEN[s.kind[rows]] | np.where(w.leg[rows], _LEG, 0) | np.where(w.forgotten[rows], _FORGOTTEN, 0)
    seen = np.bitwise_or.reduceat(seen, at) if len(at) else seen

    def any_of(flags: int) -> Bool:
        found: Bool = (seen & flags) != 0
        return found

    named = w.counter[first] != 0
    called, finished, started = named & any_of(_CALL), any_of(_FINISH), any_of(_START)
    ended, forgotten = named & any_of(_FINISH | _SEND), named & any_of(_FORGOTTEN)
    timed = named & any_of(_LEG) & ~forgotten
    return Facts(
        by=By.COUNTER,
        site=s.site[s.ticket[first]],
        unit=w.counter[first],
        arrival_us=s.time_us[first],
        counts={
            "counter_tickets_called": called,
            "counter_tickets_not_started": called & ~started & ~ended & ~any_of(_HOLD),
            "counter_tickets_finished": finished & named,
            "counter_tickets_ended": ended,
            "counter_starts_not_pressed": ended & ~started,
            "counter_tickets_timed": timed,
            "counter_tickets_forgotten": forgotten,
            "counter_service_ms": np.where(timed, total(w.ms[rows], at), 0),
            "tickets_finished_counter_unnamed": finished & ~named,
        },
        state={"seq": s.seq[first]},
    )


def _load(w: _Work, days: Days, active_days: U64) -> Facts:
    """Each ticket at its arrival, on days of which it is known when counters were open."""
    s = w.story
    issue = s.first(ISSUED)
    issued = issue < len(s.kind)
    worked = rows_where(w.ms)
    work = summed(s.ticket[worked], w.ms[worked], len(s.at))
    of_day = pair(s.site.astype(np.uint64), s.day.astype(np.uint64))
    told, active = among(of_day, days.told), among(of_day, active_days)
    return Facts(
        by=By.SITE,
        site=s.site,
        unit=np.zeros(len(s.site), np.int32),
        arrival_us=s.time_us[np.where(issued, issue, s.at)],
        counts={
            "tickets_issued_counters_told": issued & told,
            "work_counters_told_ms": np.where(told, work, 0),
            "tickets_issued_counters_active": issued & active,
            "work_counters_active_ms": np.where(active, work, 0),
        },
        state={"seq": s.seq[s.at]},
    )


def _finished(w: _Work) -> cover.Served:
    """Services that were finished at a counter: the one that the ticket was last issued for or transferred to; where
    neither tells of it, the one that the end names."""
    s = w.story
    rows = rows_where((s.kind == FINISHED) & (w.counter != 0))
    row = np.arange(len(s.kind))
    names = ((s.kind == ISSUED) | (s.kind == TRANSFERRED)) & (s.unit != 0)
    in_force = np.maximum.accumulate(np.where(names, row, -1))[rows] if len(rows) else rows
    ticket = s.ticket[rows]
    unit = np.where(in_force >= s.at[ticket], s.unit[in_force], s.unit[rows])
    rows, unit = rows[unit != 0], unit[unit != 0]
    no_agent = np.zeros(len(rows), np.bool_)
    return cover.Served(s.site[s.ticket[rows]], unit, w.counter[rows], s.time_us[rows], no_agent)
