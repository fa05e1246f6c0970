"""The KPIs of calls, from their definitions: volumes, losses, rings, resolution, transfers, passages, calls placed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.kpis.second_reading.base import Contacts, Value, count, ratio, seconds
from tests.kpis.second_reading.call_waits import (
    abandoned,
    answered,
    in_scope,
    not_short,
    offered,
)


def ended_by(c: Contacts, outcome: str) -> list:
    return [x for x in in_scope(c) if x.outcome == outcome]


def outside(c: Contacts) -> list:
    return [x for x in c["calls"] if x.outside]


def first_attempts(c: Contacts) -> list:
    return [x for x in offered(c) if not x.tried_before]


def rings(c: Contacts) -> Value:
    known = [min(x.rings, 5) for x in answered(c) if x.rings is not None]
    labels = {1: "1", 2: "2", 3: "3", 4: "4", 5: "5+"}
    return Value(None, len(known), bins={label: known.count(r) for r, label in labels.items()})


def most_rings(c: Contacts) -> Value:
    known = [x.rings for x in answered(c) if x.rings is not None]
    return Value(float(max(known)) if known else None, len(known))


def within_3(known: Iterable[int | None]) -> Value:
    told = [r for r in known if r is not None]
    return ratio([r <= 3 for r in told], [True for _ in told])


def rang_less_than(c: Contacts, limit_s: int) -> Value:
    told = [x.ring for x in answered(c) if x.ring is not None]
    return ratio([ms < limit_s * 1000 for ms in told], [True for _ in told])


def eligible(c: Contacts) -> list:
    return [x for x in in_scope(c) if x.eligible]


def resolved(of: list) -> Value:
    return ratio([not x.repeated for x in of], of)


def transferred(c: Contacts) -> list:
    return [x for x in in_scope(c) if x.sent_on is not None]


def goes_on(call) -> bool:
    """Any passage or refusal after that of its first transfer."""
    return len(call.stints) > call.sent_on + 1


def answered_after(call) -> bool:
    return any(s.outcome == "answered" for s in call.stints[call.sent_on + 1 :])


def passages(c: Contacts) -> list:
    return [s for s in c["stints"] if s.inside and not s.refused]


def refusals(c: Contacts, outcome: str) -> Value:
    return count(s.outcome == outcome and not s.of_test for s in c["stints"])


def entries(c: Contacts) -> Value:
    n = sum(x.entries for x in in_scope(c))
    return Value(float(n), n)


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "calls_offered": lambda c: count(offered(c)),
    "calls_answered": lambda c: count(answered(c)),
    "calls_abandoned": lambda c: count(abandoned(c)),
    "calls_timed_out": lambda c: count(ended_by(c, "call.timed_out")),
    "calls_no_agent": lambda c: count(ended_by(c, "call.no_agent")),
    "calls_left_by_key": lambda c: count(ended_by(c, "call.left_by_key")),
    "calls_lost": lambda c: count(x.lost for x in offered(c)),
    "calls_outcome_unknown": lambda c: count(ended_by(c, "unknown")),
    "abandoned_call_rate": lambda c: ratio([x.lost for x in offered(c)], offered(c)),
    "abandoned_call_rate_plain": lambda c: ratio(abandoned(c), offered(c)),
    "abandoned_call_rate_excluding_short": lambda c: ratio(not_short(abandoned(c)), not_short(offered(c))),
    "first_attempt_lost_rate": lambda c: ratio([x.lost for x in first_attempts(c)], first_attempts(c)),
    "calls_first_attempts": lambda c: count(first_attempts(c)),
    "calls_first_attempts_caller_unknown": lambda c: count(not x.tokens for x in offered(c)),
    "calls_outside_hours": lambda c: count(outside(c)),
    "calls_outside_hours_answered": lambda c: count(x.answered for x in outside(c)),
    "calls_outside_hours_lost": lambda c: count(x.missed for x in outside(c)),
    "calls_outside_hours_lost_rate": lambda c: ratio([x.missed for x in outside(c)], outside(c)),
    "calls_before_opening": lambda c: count(x.answered and x.early for x in outside(c)),
    "calls_test": lambda c: count(x.test for x in c["calls"]),
    "rings_to_answer": rings,
    "answered_within_3_rings_rate": lambda c: within_3(x.rings for x in answered(c)),
    "answered_within_3_rings_rate_of_offered": lambda c: ratio(
        [x.rings is not None and x.rings <= 3 for x in answered(c)], offered(c)
    ),
    "answered_within_3_rings_rate_last_attempt": lambda c: within_3(x.rings_last for x in answered(c)),
    "answered_within_3_rings_rate_5s": lambda c: rang_less_than(c, 15),
    "answered_within_3_rings_rate_6s": lambda c: rang_less_than(c, 18),
    "rings_to_answer_max": most_rings,
    "first_contact_resolution_rate": lambda c: resolved(eligible(c)),
    "first_contact_resolution_rate_of_first_contacts": lambda c: resolved([x for x in eligible(c) if not x.continues]),
    "fcr_eligible": lambda c: count(eligible(c)),
    "fcr_excluded_unknown_caller": lambda c: count(not x.tokens for x in answered(c)),
    "fcr_excluded_window_open": lambda c: count(bool(x.tokens) and not x.window_over for x in answered(c)),
    "calls_transferred": lambda c: count(transferred(c)),
    "calls_transferred_elsewhere": lambda c: count(not goes_on(x) for x in transferred(c)),
    "transfer_success_rate": lambda c: ratio(
        [answered_after(x) for x in transferred(c)], [goes_on(x) for x in transferred(c)]
    ),
    "calls_reached_number": lambda c: count(x.counts for x in c["reached"]),
    "calls_reached_number_answered_rate": lambda c: ratio(
        [x.answered for x in c["reached"]], [x.counts for x in c["reached"]]
    ),
    "queue_entries": entries,
    "queue_passages": lambda c: count(passages(c)),
    "queue_passages_answered": lambda c: count(s.outcome == "answered" for s in passages(c)),
    "queue_passages_abandoned": lambda c: count(s.outcome == "call.abandoned" for s in passages(c)),
    "queue_wait_seconds_mean": lambda c: seconds(
        s.wait for s in passages(c) if s.outcome in ("answered", "call.abandoned")
    ),
    "turned_away_empty": lambda c: refusals(c, "call.turned_away_empty"),
    "turned_away_full": lambda c: refusals(c, "call.turned_away_full"),
    "turned_away_closed": lambda c: refusals(c, "call.turned_away_closed"),
    "calls_did_without_entry": lambda c: count(c["did_without_entry"]),
    "calls_to_voicemail": lambda c: count(x.voicemail for x in offered(c)),
    "calls_lost_to_voicemail": lambda c: count(x.voicemail and x.lost for x in offered(c)),
    "calls_outside_hours_to_voicemail": lambda c: count(x.voicemail for x in outside(c)),
    "calls_did_to_voicemail": lambda c: count(x.voicemail for x in c["did_without_entry"]),
    "calls_only_in_other_log": lambda c: count(c["only_in_other_log"]),
    "calls_outbound": lambda c: count(c["placed"]),
    "calls_outbound_answered": lambda c: count(x.talk > 0 for x in c["placed"]),
    "calls_back": lambda c: count(x.back for x in c["placed"]),
    "calls_outbound_number_unknown": lambda c: count(not x.token for x in c["placed"]),
}
