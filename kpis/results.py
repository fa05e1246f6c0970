"""KPIs evaluated: from a cube to values with numerator, denominator, n, interval and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kpis import call_kpis, calls, satisfaction, tickets
from kpis.columns import F64, I64, Bool, Columns, Zones
from kpis.cube import Cube, Seconds, build, quantile
from kpis.model import KPI, Better, Facts, Kind, Rules
from kpis.stats import wilson

KPIS: dict[str, KPI] = {row.name: row for row in (*call_kpis.KPIS, *tickets.KPIS, *satisfaction.KPIS)}
"""Every KPI, by name, in the order they are listed."""

ENOUGH = 30
"""Fewer contacts than this give no verdict."""


def facts_of(cols: Columns, rules: Rules, zones: Zones) -> dict[str, Facts]:
    """Every contact among these events: `calls`, `stints`, `unqueued` calls, `tickets`, `votes`."""
    called, stints, unqueued = calls.contacts(cols, rules)
    return {
        "calls": called,
        "stints": stints,
        "unqueued": unqueued,
        "tickets": tickets.contacts(cols, rules, zones),
        "votes": satisfaction.contacts(cols),
    }


def cube_of(cols: Columns, rules: Rules, zones: Zones) -> Cube:
    """Events to cube: the steps that every place which shows a number goes through.

    A cohort is chosen from the cube (`within`), not from the events: calls cross midnight, and callers call again.
    """
    return build(list(facts_of(cols, rules, zones).values()), zones)


def within(cube: Cube, quarters: tuple[int, int]) -> Cube:
    """The cells of quarters first <= quarter < last (local quarters of an hour since 1970)."""
    keep = (cube.quarter >= quarters[0]) & (cube.quarter < quarters[1])
    return cube if keep.all() else select(cube, keep)


def select(cube: Cube, keep: Bool) -> Cube:
    """The cells that `keep` holds for."""
    new = np.cumsum(keep) - 1
    seconds = {}
    for name, h in cube.seconds.items():
        rows = keep[h.cell]
        seconds[name] = Seconds(new[h.cell[rows]].astype(np.int64), h.second[rows], h.count[rows])
    return Cube(cube.key[keep], {name: v[keep] for name, v in cube.sums.items()}, seconds)


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

    num, den, low, high = nan, nan, nan, nan
    n = zero
    if kpi.kind is Kind.COUNT:
        n = measure(kpi.numerator)
        value = num = n.astype(np.float64)
    elif kpi.kind is Kind.HISTOGRAM:
        n = measure(kpi.denominator)
        return Result(kpi, nan, nan, nan, n, nan, nan, {label: measure(name) for label, name in kpi.bins})
    elif kpi.kind is Kind.QUANTILE:
        nothing = np.empty(0, np.int64)
        h = seconds.get(kpi.histogram, Seconds(nothing, nothing, nothing))
        n = np.bincount(h.cell, weights=h.count, minlength=n_groups).astype(np.int64)
        value = quantile(h, n_groups, kpi.q)
    else:
        n = measure(kpi.denominator)
        num, den = measure(kpi.numerator).astype(np.float64), n.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(n > 0, num * kpi.times / (den * kpi.per), np.nan)
        if kpi.kind is Kind.RATIO:
            low, high = wilson(num, den)
    return Result(kpi, value, num, den, n, low, high, {})


def verdict(kpi: KPI, value: float, n: int, target: float | None) -> str | None:
    """`met`, `not_met`, `insufficient_data`, or None where there is no target. The point figure decides."""
    if target is None or kpi.better is Better.NONE:
        return None
    if n < ENOUGH or np.isnan(value):
        return "insufficient_data"
    return "met" if (value <= target if kpi.better is Better.LOWER else value >= target) else "not_met"
