"""The figures that a centre is led by, and the names that the recording rules give them.

A rate over a period is a sum of numerators over a sum of denominators, whatever the place: a mean of rates says nothing.
"""

from __future__ import annotations

from fractions import Fraction

from kpis.model import KPI
from kpis.results import KPIS
from telemetry.metric_names import measures, metric_name

HEADLINE: tuple[str, ...] = (
    "answered_within_3_rings_rate",
    "abandoned_call_rate",
    "first_attempt_lost_rate",
    "service_level_rate",
    "asa_seconds",
    "ticket_wait_within_target_rate",
    "ticket_wait_seconds_mean",
    "queue_fairness_rate",
    "ticket_no_show_rate",
    "service_within_manual_rate",
    "satisfaction_rate",
    "satisfaction_rate_for_results",
    "satisfaction_mean_percent",
    "satisfaction_mean_percent_steps_and_time",
    "reply_within_target_rate",
    "complaints_settled_rate",
    "complaints_settled_by_due_rate",
)
"""KPIs with a numerator and a denominator that are counters: those on the wall, those with a target, and what explains them."""
LEVELS: dict[str, tuple[str, ...]] = {
    "unit": ("site", "unit"),
    "site": ("site",),
    "province": ("province",),
    "country": (),
}
"""Level → the labels that its series carry."""
WINDOWS = ("1h", "1d", "28d")


def headline() -> tuple[KPI, ...]:
    """The rows of HEADLINE."""
    return tuple(KPIS[name] for name in HEADLINE)


def increase_name(level: str, measure: str, window: str) -> str:
    """What a counter rose by at a level."""
    return f"{level}:{metric_name(measure)}:increase{window}"


def ratio_name(level: str, kpi: KPI, window: str) -> str:
    """A KPI's value at a level, in the unit of its gauge of today."""
    return f"{level}:{metric_name(kpi.name)}:ratio{window}"


def n_name(level: str, kpi: KPI, window: str) -> str:
    """How many contacts that value is of."""
    return f"{level}:{metric_name(kpi.name)}:n{window}"


def verdict_name(kpi: KPI) -> str:
    """1 met, 0 not met over 28 days; no sample where there is no target or too little data."""
    return f"site:{metric_name(kpi.name)}:verdict28d"


def per(measure: str) -> int:
    """How many of the core's units one unit of the measure's counter is."""
    kpi = measures()[measure]
    return 1000 if measure.endswith("_ms") else kpi.per if measure == kpi.numerator else 1


def factor(kpi: KPI) -> Fraction:
    """What numerator's counter ÷ denominator's counter is multiplied by to give the KPI."""
    return Fraction(kpi.times * per(kpi.numerator), kpi.per * per(kpi.denominator))
