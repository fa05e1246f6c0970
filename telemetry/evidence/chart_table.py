"""The table under a chart, from the chart's own values: what the eye reads off the picture, a screen reader reads here."""

from __future__ import annotations

from typing import Final, NamedTuple

from telemetry.evidence.charts import Scale, scale_of, wide_of
from telemetry.evidence.rows import Chart, Series
from telemetry.evidence.wording import Say

MOST_ACROSS: Final = 13
"""More labels than this stand below each other."""
LONGEST_LABEL: Final = 9


class Numbers(NamedTuple):
    """A head and rows of words; the first column names the rows."""

    head: list[str]
    rows: list[list[str]]


def numbers(chart: Chart, say: Say) -> Numbers:
    """Every value of the chart with its n and its target: months and hours from left to right where there is room."""
    rows = _series_rows(chart, scale_of(chart, say), say)
    across = len(chart.labels) <= MOST_ACROSS and max(map(wide_of, chart.labels), default=0) <= LONGEST_LABEL
    if across and chart.kind not in ("stacked", "across"):
        return Numbers([chart.labels_name, *chart.labels], rows)
    head = [chart.labels_name, *(row[0] for row in rows)]
    return Numbers(head, [[label, *(row[i + 1] for row in rows)] for i, label in enumerate(chart.labels)])


def _series_rows(chart: Chart, scale: Scale, say: Say) -> list[list[str]]:
    """One row a series, then the n behind them once where they share it, then the targets."""
    many = range(len(chart.labels))
    rows: list[list[str]] = []
    shared = len({s.n for s in chart.series}) == 1
    counts = all(s.n == s.values for s in chart.series)
    unit = f" ({scale.words})" if scale.words and chart.kind != "map" else ""
    for series in chart.series:
        rows.append([f"{series.name}{unit}", *(_cell(series, i, scale, say) for i in many)])
        if series.n and chart.kind != "map" and not counts and not (shared and len(chart.series) > 1):
            rows.append(["n", *(_n(series, i, say) for i in many)])
    if shared and len(chart.series) > 1 and chart.series[0].n and chart.kind != "map" and not counts:
        rows.append(["n", *(_n(chart.series[0], i, say) for i in many)])
    if any(t is not None for t in chart.targets):
        aims = [chart.targets[i] if i < len(chart.targets) else None for i in many]
        words = chart.target_words or say("legend_target")
        rows.append([f"{words}{unit}", *("–" if t is None else f"{t * scale.times:g}" for t in aims)])
    return rows


def _cell(series: Series, i: int, scale: Scale, say: Say) -> str:
    if series.hides(i):
        return say("hidden")
    value = series.values[i]
    words = "–" if value is None else scale.show(value)
    beside = series.beside[i] if i < len(series.beside) else None
    return words if beside is None else f"{words} / {beside:,.3g}"


def _n(series: Series, i: int, say: Say) -> str:
    n = series.n[i] if i < len(series.n) else None
    return "–" if n is None else say.n(n, hidden=series.hides(i))
