"""Queries that Prometheus and VictoriaMetrics answer alike, formed from rows of the table of KPIs.

A share or mean of a period is the increase of its numerator over the increase of its denominator, summed first: no
ratio is ever averaged.
"""

from __future__ import annotations

from functools import cache

from dashboards.headline import factor
from kpis.columns import Zones, empty
from kpis.model import KPI, Better, By, Kind
from kpis.results import KPIS, facts_of
from telemetry.closed_days import COUNTED, HISTOGRAMS
from telemetry.metric_names import STANDING, measures, metric_name, target_name, today_n_name, today_name
from telemetry.rules import rules_of

SITE = 'site="$site"'
PLACE = 'site="$site",unit=~"$unit"'
STEP = "$__interval"
"""One point of a chart."""


@cache
def counters() -> frozenset[str]:
    """The measures that /metrics counts: those of units and of sites, without what is decided later or only stands."""
    zones = Zones({}, (empty().time_us,), (empty().time_us,))
    families = facts_of(empty(), rules_of([], lambda _: -1), zones).values()
    told = {name for facts in families if facts.by in COUNTED for name in facts.counts}
    return frozenset(told & measures().keys())


def place(kpi: KPI) -> str:
    """The labels that choose what a KPI is shown of."""
    return PLACE if kpi.by is By.UNIT else SITE


def increase(measure: str, where: str = PLACE, over: str = STEP) -> str:
    """How much a measure grew in one point, all units together."""
    return f"sum({grown(measure, where, over)})"


def grown(measure: str, where: str = PLACE, over: str = STEP) -> str:
    return f"increase({metric_name(measure)}_total{{{where}}}[{over}])"


def share(kpi: KPI, where: str = "", over: str = STEP, by: str = "") -> str:
    """A ratio or mean over its denominator; without any contact it has no value."""
    where = where or place(kpi)
    group = f" by ({by}) " if by else ""
    num, den = (f"sum{group}({grown(m, where, over)})" for m in (kpi.numerator, kpi.denominator))
    times = factor(kpi)
    return f"{num} / ({den} > 0)" if times == 1 else f"{float(times):.12g} * {num} / ({den} > 0)"


def quantile(kpi: KPI, where: str = PLACE, over: str = STEP) -> str:
    """A quantile of waiting or ringing, within the edges of the histogram's buckets."""
    return f"histogram_quantile({kpi.q:g}, sum by (le) (increase({bucket(kpi)}_bucket{{{where}}}[{over}])))"


def bucket(kpi: KPI) -> str:
    """The metric of a KPI's histogram."""
    return metric_name(kpi.histogram)


def today(kpi: KPI) -> str:
    """Today's figure of the centre: the wallboard's."""
    return f"{today_name(kpi)}{{{SITE}}}"


def today_n(kpi: KPI) -> str:
    """What today's figure is of: a count that is told of anyhow, or the n beside figures that have a target; empty for
    figures that have neither."""
    count = next((k for k in KPIS.values() if k.kind is Kind.COUNT and k.numerator == kpi.denominator), None)
    if count and kpi.denominator:
        return today(count)
    told = kpi.wall or kpi.better is not Better.NONE
    return f"{today_n_name(kpi)}{{{SITE}}}" if told else ""


def target(kpi: KPI) -> str:
    return f"{target_name(kpi)}{{{SITE}}}"


def standing(measure: str, where: str = PLACE) -> str:
    """How much of it there is now, of whatever day."""
    return f"sum({metric_name(measure)}{{{where}}})"


def form(kpi: KPI) -> str:
    """How a chart of this KPI is formed: `count`, `share`, `bins`, `quantile`, `standing`, `standing_bins`, `today`."""
    if kpi.kind is Kind.HISTOGRAM:
        return "standing_bins" if kpi.denominator.startswith(STANDING) else "bins"
    if kpi.kind is Kind.COUNT and kpi.numerator.startswith(tuple(m for m in STANDING if "not_yet" not in m)):
        return "standing"
    if kpi.kind is Kind.COUNT and kpi.numerator in counters():
        return "count"
    if kpi.kind in (Kind.RATIO, Kind.MEAN) and {kpi.numerator, kpi.denominator} <= counters():
        return "share"
    if kpi.kind is Kind.QUANTILE and kpi.histogram in HISTOGRAMS and not kpi.censored and kpi.q < 1:
        return "quantile"
    return "today"
