"""Which calls the figures are over, their service levels, waits and handle times, from the definitions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from tests.kpis.second_reading.base import Contacts, Value, count, nearest_rank, ratio, seconds

NEAR = Fraction(1, 10**9)


def in_scope(c: Contacts) -> list:
    return [x for x in c["calls"] if x.inside]


def offered(c: Contacts) -> list:
    return [x for x in c["calls"] if x.offered]


def answered(c: Contacts) -> list:
    return [x for x in in_scope(c) if x.answered]


def abandoned(c: Contacts) -> list:
    """By the caller hanging up."""
    return [x for x in in_scope(c) if x.outcome == "call.abandoned"]


def not_short(calls: list) -> list:
    return [x for x in calls if not x.short]


def in_time(calls: list) -> list:
    return [x for x in calls if x.in_time]


def left(c: Contacts) -> list:
    """Calls that entered a queue and left the last one unanswered: there is an exit, and with it a wait."""
    return [x for x in in_scope(c) if not x.answered and x.entries]


def exits(c: Contacts) -> list[int | None]:
    """Waits until the answer or the exit."""
    return [x.wait for x in (*answered(c), *left(c))]


def virtual_wait(c: Contacts, beyond: Fraction) -> Value:
    """By Kaplan and Meier: the first second with an answer where at most a share `beyond` would still wait."""
    ends = [-(-x.wait // 1000) for x in answered(c) if x.wait is not None]
    cut_short = [-(-x.wait // 1000) for x in left(c) if x.wait is not None]
    still = Fraction(1)
    n = len(ends) + len(cut_short)
    for t in sorted(set(ends)):
        at_risk = sum(x >= t for x in (*ends, *cut_short))
        still *= Fraction(at_risk - ends.count(t), at_risk)
        if still <= beyond * (1 + NEAR):
            return Value(float(t), n)
    return Value(None, n)


def handle_time(c: Contacts) -> Value:
    """Talk of the calls whose talk is known, and the wrap-ups that are told of, over these calls."""
    talked = [x.talk for x in answered(c) if x.talk is not None]
    total = sum(talked) + sum(wrap_ups(c))
    return Value(float(Fraction(total, 1000 * len(talked))) if talked else None, len(talked))


def wrap_ups(c: Contacts) -> list[int]:
    return [x.wrap for x in c["wrap_ups"] if x.inside and x.wrap is not None]


def hold_told(c: Contacts) -> list:
    return [x for x in answered(c) if x.hold is not None]


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "service_level_rate": lambda c: ratio(in_time(answered(c)), offered(c)),
    "service_level_asterisk_rate": lambda c: ratio(in_time(answered(c)), answered(c)),
    "service_level_asterisk2_rate": lambda c: ratio(in_time(answered(c) + abandoned(c)), answered(c) + abandoned(c)),
    "service_level_genesys_rate": lambda c: ratio(in_time(answered(c)), answered(c) + not_short(abandoned(c))),
    "service_level_excluding_short_rate": lambda c: ratio(in_time(answered(c)), not_short(offered(c))),
    "asa_seconds": lambda c: seconds(x.wait for x in answered(c)),
    "call_wait_seconds_p50": lambda c: nearest_rank(50, (x.wait for x in answered(c))),
    "call_wait_seconds_p90": lambda c: nearest_rank(90, (x.wait for x in answered(c))),
    "call_wait_seconds_p95": lambda c: nearest_rank(95, (x.wait for x in answered(c))),
    "answered_wait_unknown": lambda c: count(x.wait is None for x in answered(c)),
    "call_wait_all_seconds_mean": lambda c: seconds(exits(c)),
    "call_wait_all_seconds_p50": lambda c: nearest_rank(50, exits(c)),
    "call_wait_all_seconds_p90": lambda c: nearest_rank(90, exits(c)),
    "call_wait_all_seconds_p95": lambda c: nearest_rank(95, exits(c)),
    "call_wait_all_seconds_max": lambda c: nearest_rank(100, exits(c)),
    "call_virtual_wait_seconds_p50": lambda c: virtual_wait(c, Fraction(1, 2)),
    "call_virtual_wait_seconds_p90": lambda c: virtual_wait(c, Fraction(1, 10)),
    "talk_seconds_mean": lambda c: seconds(x.talk for x in answered(c)),
    "aht_seconds_mean": handle_time,
    "wrap_up_seconds_mean": lambda c: seconds(wrap_ups(c)),
    "hold_seconds_mean": lambda c: seconds(x.hold for x in answered(c)),
    "calls_held_rate": lambda c: ratio([x.hold > 0 for x in hold_told(c)], hold_told(c)),
    "calls_hold_known": lambda c: count(hold_told(c)),
}
