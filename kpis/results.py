"""KPIs evaluated: from a cube to values with numerator, denominator, n, interval and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kpis.calls import call_kpis, calls
from kpis.calls.survival import counted, joined, survival
from kpis.columns import F64, I64, Columns, Zones
from kpis.cube import Cube, Seconds, build, select, within
from kpis.days import days
from kpis.heard import NOTHING, Heard
from kpis.keeping import Kept, ahead
from kpis.local_days import spans
from kpis.matters import case_kpis, cases, conversation_kpis, conversations
from kpis.model import KPI, Better, Facts, Kind, Rules
from kpis.presence import presence
from kpis.rollup import quantile
from kpis.staff import agents, counters
from kpis.stats import wilson
from kpis.tickets import ticket_kpis, tickets
from kpis.tickets.ticket_legs import Legs, legs_of
from kpis.tickets.ticket_story import Story, story_of
from kpis.votes import answer_kpis, satisfaction, satisfaction_kpis

__all__ = ["GROUPS", "KPIS", "Result", "cube_of", "evaluate", "facts_of", "select", "verdict", "within"]

GROUPS: dict[str, tuple[KPI, ...]] = {
    "calls": call_kpis.KPIS,
    "agents": agents.KPIS,
    "tickets": ticket_kpis.KPIS,
    "counters": counters.KPIS,
    "days": days.KPIS,
    "votes": (*satisfaction_kpis.KPIS, *answer_kpis.KPIS),
    "conversations": conversation_kpis.KPIS,
    "cases": case_kpis.KPIS,
    "presence": presence.KPIS,
}
"""The KPIs by what they are about."""
KPIS: dict[str, KPI] = {row.name: row for rows in GROUPS.values() for row in rows}
"""Every KPI, by name, in the order they are listed."""

ENOUGH = 30
"""Fewer contacts than this give no verdict."""


def facts_of(
    cols: Columns, rules: Rules, zones: Zones, heard: Heard = NOTHING, kept: Kept | None = None
) -> dict[str, Facts]:
    """Every contact among these events, and what else is counted, by family. Of what is `kept` of some of the events of a
    site only what more of them and the clock can change is made anew."""
    if kept is None:
        kept = Kept()
    else:
        kept.take_up(cols, rules, zones)
    of_agents = agents.contacts(cols, rules, kept)
    story, legs, of_tickets = kept.part("tickets", lambda: _tickets(cols, rules, zones), kept.day)
    talks = kept.part(
        "conversations",
        lambda: conversations.contacts(cols, rules, zones),
        until_us=lambda made: min(
            conversations.same_until(made, kept.as_of_us), ahead("conversations", cols, kept.as_of_us)
        ),
    )
    of_cases = kept.part(
        "cases",
        lambda: cases.contacts(cols, rules, zones),
        kept.day,
        lambda made: min(cases.same_until(made, kept.as_of_us), ahead("cases", cols, kept.as_of_us)),
    )
    families = {
        **kept.part("calls", lambda: calls.contacts(cols, rules)),
        **of_tickets,
        **kept.part("votes", lambda: satisfaction.contacts(cols, rules, zones)),
        **of_agents,
        **counters.contacts(cols, rules, zones, of_agents["agents"], story, legs, kept),
        **talks,
        **of_cases,
    }
    known = spans(cols, rules, heard)
    return {
        **families,
        **days.contacts(cols, rules, zones, families, known, kept),
        **presence.contacts(cols, rules, zones, known, heard),
    }


def _tickets(cols: Columns, rules: Rules, zones: Zones) -> tuple[Story, Legs, dict[str, Facts]]:
    story = story_of(cols, zones)
    legs = legs_of(story)
    return story, legs, tickets.contacts(cols, rules, zones, story, legs)


def cube_of(cols: Columns, rules: Rules, zones: Zones, heard: Heard = NOTHING) -> Cube:
    """Events to cube: the steps that every place which shows a number goes through.

    A cohort is chosen from the cube (`within`), not from the events: calls cross midnight, and callers call again.
    """
    return build(facts_of(cols, rules, zones, heard), zones)


@dataclass(frozen=True, slots=True)
class Result:
    """One KPI for some groups; arrays of one length. NaN is no data."""

    kpi: KPI
    value: F64
    """NaN for a histogram, whose value is `bins`."""
    numerator: F64
    denominator: F64
    n: I64
    ci_low: F64
    ci_high: F64
    bins: Mapping[str, I64]


def evaluate(kpi: KPI, sums: Mapping[str, I64], seconds: Mapping[str, Seconds], n_groups: int) -> Result:
    """The KPI of each group of a roll-up."""
    nan = np.full(n_groups, np.nan)
    zero = np.zeros(n_groups, np.int64)

    def measure(name: str) -> I64:
        return sums.get(name, zero)

    def histogram(name: str) -> Seconds:
        nothing = np.empty(0, np.int64)
        return seconds.get(name, Seconds(nothing, nothing, nothing))

    num, den, low, high = nan, nan, nan, nan
    n = zero
    if kpi.kind is Kind.COUNT:
        n = measure(kpi.numerator)
        value = num = n.astype(np.float64)
    elif kpi.kind is Kind.HISTOGRAM:
        n = measure(kpi.denominator)
        return Result(kpi, nan, nan, nan, n, nan, nan, {label: measure(name) for label, name in kpi.bins})
    elif kpi.kind is Kind.QUANTILE:
        h = histogram(kpi.histogram)
        if kpi.censored:
            h = joined(h, histogram(kpi.censored))
        n = counted(h, n_groups)
        value = quantile(h, n_groups, kpi.q)
    elif kpi.kind is Kind.SURVIVAL:
        ends, left = histogram(kpi.histogram), histogram(kpi.censored)
        n = counted(ends, n_groups) + counted(left, n_groups)
        value = survival(ends, left, n_groups, kpi.q)
    else:
        n = measure(kpi.denominator)
        num, den = measure(kpi.numerator).astype(np.float64), n.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(n > 0, num * kpi.times / (den * kpi.per), np.nan)
        if kpi.kind is Kind.RATIO:
            low, high = wilson(num, den)
    return Result(kpi, value, num, den, n, low, high, {})


def verdict(
    kpi: KPI, value: float, n: int, target: float | None, *, min_n: int = ENOUGH, coverage: float = float("nan"),
    min_coverage: float = 0.0,
) -> str | None:  # fmt: skip
    """`met`, `not_met`, `insufficient_data`, or None where there is no target. The point figure decides.

    `coverage` is the part of the service time that was told of; NaN, where that is not known, does not stand in the way.
    """
    if target is None or kpi.better is Better.NONE:
        return None
    if n < min_n or np.isnan(value) or coverage < min_coverage:
        return "insufficient_data"
    if kpi.beyond and value == target:
        return "not_met"
    return "met" if (value <= target if kpi.better is Better.LOWER else value >= target) else "not_met"
