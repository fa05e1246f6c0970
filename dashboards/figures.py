"""The panel of any KPI, from its row alone: a new row of the table has its panels without another edit."""

from __future__ import annotations

from dataclasses import replace

from dashboards import promql
from dashboards.layout import Placed, Section
from dashboards.panels import Query, bars, line, number
from dashboards.wording import Words
from kpis.model import KPI, Better, By, Kind
from kpis.results import GROUPS
from telemetry.metric_names import metric_name

CHART_W, CHART_H = 12, 8
NUMBER_W, NUMBER_H = 8, 5
OF_NOBODY = (By.AGENT,)
"""Persons have no series: no label may name one, and no total of theirs is a figure of the centre."""


def has_target(kpi: KPI) -> bool:
    """Whether a target line means something: a count grows with the time that is looked at."""
    return kpi.better is not Better.NONE and kpi.kind not in (Kind.COUNT, Kind.HISTOGRAM)


def chart(kpi: KPI, w: Words) -> Placed:
    """The KPI over time, as well as counters can tell it."""
    how = promql.form(kpi)
    head = w.head(kpi, how)
    if how in ("count", "standing"):
        head = replace(head, no_data=w["none_counted"])
    where = promql.place(kpi)
    if how == "count":
        # One unit's own colour; a centre's total has none to tell apart.
        by = kpi.by is By.UNIT
        expr = f"sum by (unit) ({promql.grown(kpi.numerator, where)})" if by else promql.increase(kpi.numerator, where)
        return Placed(bars(head, [Query(expr, "{{unit}}" if by else w.label(kpi))]), CHART_W, CHART_H)
    if how == "bins":
        queries = [Query(promql.increase(m, where), w.bin(label)) for label, m in kpi.bins]
        return Placed(bars(head, queries), CHART_W, CHART_H)
    if how == "standing":
        by_unit = f"sum by (unit) ({metric_name(kpi.numerator)}{{{where}}})"
        return Placed(line(head, [Query(by_unit, "{{unit}}")]), CHART_W, CHART_H)
    if how == "standing_bins":
        queries = [Query(promql.standing(m, where), w.bin(label)) for label, m in kpi.bins]
        return Placed(bars(head, queries), CHART_W, CHART_H)
    queries = [_value(kpi, how, w), *_target(kpi, w), *_n(kpi, how)]
    return Placed(line(head, queries), CHART_W, CHART_H)


def figure_now(kpi: KPI, w: Words, width: int = NUMBER_W, height: int = NUMBER_H) -> Placed:
    """Today's figure in large digits: the wallboard's number, with its target and n."""
    queries = [Query(promql.today(kpi), w["today"])]
    if has_target(kpi):
        queries.append(Query(promql.target(kpi), w["target"], "target"))
    if kpi.kind is not Kind.COUNT:
        queries.append(Query(promql.today_n(kpi), "n", "n"))
    better = str(kpi.better) if has_target(kpi) else ""
    return Placed(number(w.head(kpi, "today"), queries, better=better), width, height)


def everything(groups: tuple[str, ...], w: Words) -> list[Section]:
    """Every figure of these groups that has no person in it, folded up under what it is."""
    sections = []
    for group in groups:
        shown = [kpi for kpi in GROUPS[group] if kpi.by not in OF_NOBODY]
        for part, kinds in PARTS.items():
            charts = [chart(kpi, w) for kpi in shown if _part(kpi) in kinds]
            if charts:
                title = w["all_of"].format(group=w.groups[f"group_{group}"], part=w[f"part_{part}"])
                sections.append(Section(title, charts, folded=True))
    return sections


PARTS = {"rates": ("rates",), "times": ("times",), "counts": ("counts",), "parts": ("parts",)}
"""The rows that the figures of a group are folded into, in their order."""


def _part(kpi: KPI) -> str:
    if kpi.kind is Kind.HISTOGRAM:
        return "parts"
    if kpi.kind is Kind.COUNT:
        return "counts"
    return "times" if kpi.unit == "seconds" else "rates"


def _value(kpi: KPI, how: str, w: Words) -> Query:
    if how == "share":
        return Query(promql.share(kpi), w.label(kpi))
    return Query(promql.quantile(kpi) if how == "quantile" else promql.today(kpi), w.label(kpi))


def _target(kpi: KPI, w: Words) -> list[Query]:
    return [Query(promql.target(kpi), w["target"], "target")] if has_target(kpi) else []


def _n(kpi: KPI, how: str) -> list[Query]:
    """How many contacts a point is of."""
    where = promql.place(kpi)
    if kpi.kind is Kind.COUNT:
        return []
    if how == "share":
        return [Query(promql.increase(kpi.denominator, where), "n", "n")]
    if how == "quantile":
        return [Query(f"sum(increase({promql.bucket(kpi)}_count{{{where}}}[{promql.STEP}]))", "n", "n")]
    of = promql.today_n(kpi)
    return [Query(of, "n", "n")] if of else []
