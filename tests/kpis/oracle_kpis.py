"""The oracle's formulas: contacts → the value of every KPI, from its definition."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from tests.kpis.oracle import REFUSALS, Call, Contacts, Stint


@dataclass
class Value:
    value: float | None
    """None is no data; of a histogram it stays None."""
    n: int
    numerator: int | None = None
    bins: dict[str, int] | None = None


def count(contacts: Iterable[object]) -> Value:
    n = sum(map(bool, contacts))
    return Value(float(n), n, n)


def ratio(part: Iterable[object], whole: Iterable[object]) -> Value:
    k, n = (sum(map(bool, x)) for x in (part, whole))
    return Value(float(Fraction(k, n)) if n else None, n, k)


def mean(values: Iterable[Fraction | int | None]) -> Value:
    known = [v for v in values if v is not None]
    return Value(float(Fraction(sum(known), len(known))) if known else None, len(known))


def seconds(values: Iterable[int | None]) -> Value:
    return mean(None if v is None else Fraction(v, 1000) for v in values)


def nearest_rank(percent: int, values: Iterable[int | None]) -> Value:
    """The smallest whole second that at least `percent` of the values do not exceed."""
    known = sorted(-(-v // 1000) for v in values if v is not None)
    return Value(float(known[-(-percent * len(known) // 100) - 1]) if known else None, len(known))


def answered(c: Contacts) -> list[Call]:
    return [call for call in c.calls if call.answered]


def offered(c: Contacts) -> list[Call]:
    return [call for call in c.calls if call.offered]


def ended_by(c: Contacts, outcome: str) -> list[Call]:
    return [call for call in c.calls if call.outcome == outcome]


def rings(c: Contacts) -> Value:
    known = [min(call.rings, 5) for call in answered(c) if call.rings is not None]
    labels = {1: "1", 2: "2", 3: "3", 4: "4", 5: "5+"}
    return Value(None, len(known), bins={label: known.count(r) for r, label in labels.items()})


def within_3(known: Iterable[int | None]) -> Value:
    told = [r for r in known if r is not None]
    return ratio([r <= 3 for r in told], [True for _ in told])


def passages(c: Contacts) -> list[Stint]:
    return [s for s in c.stints if s.outcome not in REFUSALS]


def waits_here(c: Contacts) -> list[int | None]:
    return [s.wait for s in c.stints if s.outcome in ("answered", "call.abandoned")]


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "calls_offered": lambda c: count(offered(c)),
    "calls_answered": lambda c: count(answered(c)),
    "calls_abandoned": lambda c: count(ended_by(c, "call.abandoned")),
    "calls_timed_out": lambda c: count(ended_by(c, "call.timed_out")),
    "calls_no_agent": lambda c: count(ended_by(c, "call.no_agent")),
    "calls_left_by_key": lambda c: count(ended_by(c, "call.left_by_key")),
    "calls_lost": lambda c: count(x.lost for x in c.calls),
    "calls_outcome_unknown": lambda c: count(ended_by(c, "unknown")),
    "abandoned_call_rate": lambda c: ratio([x.lost for x in c.calls], offered(c)),
    "abandoned_call_rate_plain": lambda c: ratio(ended_by(c, "call.abandoned"), offered(c)),
    "abandoned_call_rate_excluding_short": lambda c: ratio(
        [not x.short for x in ended_by(c, "call.abandoned")], [not x.short for x in offered(c)]
    ),
    "rings_to_answer": rings,
    "answered_within_3_rings_rate": lambda c: within_3(x.rings for x in answered(c)),
    "answered_within_3_rings_rate_last_attempt": lambda c: within_3(x.rings_last for x in answered(c)),
    "service_level_rate": lambda c: ratio([x.in_time for x in c.calls], offered(c)),
    "asa_seconds": lambda c: seconds(x.wait for x in answered(c)),
    "call_wait_seconds_p50": lambda c: nearest_rank(50, (x.wait for x in answered(c))),
    "call_wait_seconds_p90": lambda c: nearest_rank(90, (x.wait for x in answered(c))),
    "talk_seconds_mean": lambda c: seconds(x.talk for x in answered(c)),
    "first_contact_resolution_rate": lambda c: ratio(
        [x.fcr_eligible and not x.repeated for x in c.calls], [x.fcr_eligible for x in c.calls]
    ),
    "queue_entries": lambda c: Value(float(sum(x.entries for x in c.calls)), sum(x.entries for x in c.calls)),
    "queue_passages": lambda c: count(passages(c)),
    "queue_passages_answered": lambda c: count(s.outcome == "answered" for s in c.stints),
    "queue_passages_abandoned": lambda c: count(s.outcome == "call.abandoned" for s in c.stints),
    "queue_wait_seconds_mean": lambda c: seconds(waits_here(c)),
    "turned_away_empty": lambda c: count(s.outcome == "call.turned_away_empty" for s in c.stints),
    "turned_away_full": lambda c: count(s.outcome == "call.turned_away_full" for s in c.stints),
    "turned_away_closed": lambda c: count(s.outcome == "call.turned_away_closed" for s in c.stints),
    "calls_did_without_entry": lambda c: count(c.unqueued),
    "calls_only_in_other_log": lambda _: count([]),
    "tickets_issued": lambda c: count(t.issued for t in c.tickets),
    "tickets_served": lambda c: count(t.served for t in c.tickets),
    "tickets_no_show": lambda c: count(t.no_show for t in c.tickets),
    "ticket_wait_seconds_mean": lambda c: seconds(t.wait for t in c.tickets),
    "ticket_wait_seconds_p50": lambda c: nearest_rank(50, (t.wait for t in c.tickets)),
    "ticket_wait_seconds_p90": lambda c: nearest_rank(90, (t.wait for t in c.tickets)),
    "ticket_wait_within_target_rate": lambda c: ratio(
        [t.within for t in c.tickets], [t.within is not None for t in c.tickets]
    ),
    "service_seconds_mean": lambda c: seconds(t.service for t in c.tickets),
    "votes": lambda c: count(c.votes),
    "votes_dropped": lambda c: count(c.dropped),
    "satisfaction_rate": lambda c: ratio([v.satisfied for v in c.votes], c.votes),
    "satisfaction_mean_percent": lambda c: mean(Fraction(100 * v.score, v.scale) for v in c.votes),
    "satisfaction_response_rate": lambda c: ratio(c.votes, [t.served for t in c.tickets]),
}


def wilson(k: int, n: int) -> tuple[float, float] | None:
    """The 95 % score interval; none without data, and none where the parts are not of the whole."""
    if n == 0 or k > n:
        return None
    z, p = NormalDist().inv_cdf(0.975), k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)
