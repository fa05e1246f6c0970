"""Waits of tickets: to the first call and altogether, by priority, in their line, with and without triage."""

from __future__ import annotations

import numpy as np

from kpis.columns import I64, MISSING, Bool, pick
from kpis.declared import place
from kpis.model import Rules
from kpis.tickets.ticket_legs import waited_again
from kpis.tickets.ticket_line import called_ahead
from kpis.tickets.ticket_story import TRIAGED, Tickets

READY, PAPERS_MISSING, REFERRED = 1, 2, 3
"""Outcomes of a triage."""
NOT_TOLD = 0
"""What stands for a disposition or outcome that is not there."""

Counts = dict[str, Bool | I64]


def waits(t: Tickets, rules: Rules) -> tuple[Counts, dict[str, I64]]:
    """Waits, by priority and with or without triage, the order in the line, and what went before."""
    s, issued, arrival = t.story, t.issued, t.arrival_us
    both = issued & (t.called < len(s.kind))
    called_us = np.where(both, pick(s.time_us, t.called), arrival)
    known = both & (called_us >= arrival)
    opening = rules.calendar.next_open(arrival, s.site) if rules.calendar.of_site else arrival
    early = known & (opening > arrival) & (opening <= called_us)
    wait_us = np.where(known, called_us - np.where(early, opening, arrival), 0)
    wait_ms = wait_us // 1000
    wait_s = in_seconds(known, wait_ms)
    again_us, again_known = waited_again(s, t.called)
    whole, whole_ms = known & again_known, (wait_us + again_us) // 1000
    target = rules.ticket_target_ms.at(place(s.site, t.unit), arrival)
    promised = known & (target != MISSING)
    priority = np.where(issued, s.a[t.begin], MISSING)
    first, ordinary = known & (priority > 0), known & (priority == 0)
    in_line, ahead, ahead_of_gone = called_ahead(s, t.unit)

    screening = s.first(TRIAGED)
    screened = screening < len(s.kind)
    outcome = np.where(screened, s.a[s.last(TRIAGED)], NOT_TOLD)
    screening_us = np.where(screened, pick(s.time_us, screening), arrival)
    before = issued & screened & (screening_us <= arrival)
    known_screened, known_straight = known & screened, known & ~screened
    counts: Counts = {
        "tickets_called": known,
        "ticket_wait_ms": wait_ms,
        "ticket_wait_invalid": both & ~known,
        "tickets_before_opening": early,
        "tickets_with_target": promised,
        "tickets_within_target": promised & (wait_ms <= target),
        "tickets_whole_wait_known": whole,
        "ticket_whole_wait_ms": np.where(whole, whole_ms, 0),
        "tickets_priority": issued & (priority > 0),
        "tickets_priority_unknown": issued & (priority == MISSING),
        "tickets_priority_called": first,
        "ticket_wait_priority_ms": np.where(first, wait_ms, 0),
        "tickets_ordinary_called": ordinary,
        "ticket_wait_ordinary_ms": np.where(ordinary, wait_ms, 0),
        "tickets_called_from_line": in_line,
        "tickets_called_in_order": in_line & ~ahead,
        "tickets_called_in_order_of_gone": in_line & ~ahead_of_gone,
        "triages": screened,
        "triages_ready": outcome == READY,
        "triages_papers_missing": outcome == PAPERS_MISSING,
        "triages_referred": outcome == REFERRED,
        "triages_outcome_unknown": screened & ((outcome < READY) | (outcome > REFERRED)),
        "tickets_triaged": issued & screened,
        "tickets_triaged_called": known_screened,
        "ticket_wait_triaged_ms": np.where(known_screened, wait_ms, 0),
        "tickets_untriaged_called": known_straight,
        "ticket_wait_untriaged_ms": np.where(known_straight, wait_ms, 0),
        "tickets_triaged_before_issue": before,
        "triage_to_issue_ms": np.where(before, arrival - screening_us, 0) // 1000,
    }
    return counts, {
        "ticket_wait_s": wait_s,
        "ticket_wait_priority_s": np.where(first, wait_s, -1),
        "ticket_wait_ordinary_s": np.where(ordinary, wait_s, -1),
        "ticket_whole_wait_s": in_seconds(whole, whole_ms),
    }


def in_seconds(known: Bool, ms: I64) -> I64:
    """Whole seconds rounded up where known, else -1."""
    return np.where(known, (ms + 999) // 1000, -1)
