"""Panels as typed objects: each has a unit, a description, its queries and the words for no data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import common, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
WINDOW = "$window"
"""Shortest time that one point of a chart covers."""
GREEN, RED, AMBER, BLUE, GREY = "green", "red", "orange", "blue", "text"
P = TypeVar("P", stat.Panel, timeseries.Panel, table.Panel, heatmap.Panel)


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    legend: str = "__auto"
    role: str = ""
    """`target`: a dashed line; `limit`: another line that must be kept; `n`: pale bars on an axis of their own; `seconds`: a
    time among counts, on an axis of its own."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a reader sees of any panel first."""

    title: str
    about: str
    unit: str
    no_data: str
    decimals: int | None = None


def line(head: Head, queries: Sequence[Query], *, top: float | None = None) -> timeseries.Panel:
    """Figures over time, with their target and n."""
    panel = _chart(head, queries).draw_style(kinds.GraphDrawStyle.LINE).line_width(2).fill_opacity(8)
    panel = panel.show_points(kinds.VisibilityMode.AUTO).span_nulls(span_nulls=False)
    return panel.axis_soft_min(0) if top is None else panel.axis_soft_min(0).max(top)


def bars(head: Head, queries: Sequence[Query], *, window: str = WINDOW, stacked: bool = True) -> timeseries.Panel:
    """Counts of each stretch of time."""
    panel = _chart(head, queries, window).draw_style(kinds.GraphDrawStyle.BARS).line_width(1).fill_opacity(70)
    mode = kinds.StackingMode.NORMAL if stacked else kinds.StackingMode.NONE
    return panel.stacking(common.StackingConfig().mode(mode).group("A")).axis_soft_min(0)


def number(head: Head, queries: Sequence[Query], *, colours: Sequence[tuple[float | None, str]] = (), better: str = "",
           mappings: Sequence[Any] = (), name: bool = False) -> stat.Panel:  # fmt: skip
    """Figures of now in large digits. With `better` (`higher`, `lower`) and a query of role `target` the colour tells
    whether the target is met, whatever the centre has declared."""
    panel = _headed(stat.Panel(), head).wide_layout(wide_layout=True)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel = panel.graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.VALUE)
    several = len(queries) > 1
    mode = kinds.BigValueTextMode.NAME if name else kinds.BigValueTextMode.AUTO
    panel = panel.text_mode(mode).orientation(kinds.VizOrientation.HORIZONTAL if several else kinds.VizOrientation.AUTO)
    if mappings:
        panel = panel.mappings(list(mappings))
    for ref, query in zip(_REFS, queries, strict=False):
        panel = panel.with_target(_query(query.expr, ref, query.legend).instant())
        if query.role == "n":
            panel = panel.override_by_query(ref, [_of("unit", "locale"), _of("decimals", 0), _fixed(GREY)])
        if query.role == "target":
            panel = panel.override_by_query(ref, [_fixed(GREY)])
    steps = list(colours)
    aim = next((q for q in queries if q.role == "target"), None)
    if better and aim:
        below, above = (RED, GREEN) if better == "higher" else (GREEN, RED)
        steps = [(None, below)]
        panel = panel.with_target(_query(aim.expr, "Z", "limit").instant()).with_transformation(
            model.DataTransformerConfig(
                id_val="configFromData",
                options={
                    "applyTo": {"id": "byFrameRefID", "options": "A"},
                    "configRefId": "Z",
                    "mappings": [
                        {
                            "fieldName": "limit",
                            "handlerArguments": {"threshold": {"color": above}},
                            "handlerKey": "threshold1",
                        }
                    ],
                },
            )
        )
    return panel.thresholds(thresholds(steps or [(None, BLUE)]))


def rows(head: Head, columns: Sequence[tuple[str, str, Sequence[model.DynamicConfigValue]]], names: dict[str, str],
         hidden: Sequence[str] = (), sort: str = "") -> table.Panel:  # fmt: skip
    """One row for each set of labels that the queries share. `columns` are (heading, query, properties); `names` the
    headings of labels."""
    panel = _headed(table.Panel(), head).cell_height(kinds.TableCellHeight.MD).inspect(inspect=False)
    panel = panel.align(kinds.FieldTextAlignment.AUTO)
    renamed = dict(names)
    for ref, (heading, expr, properties) in zip(_REFS, columns, strict=False):
        panel = panel.with_target(_query(expr, ref, "").instant().format(PromQueryFormat.TABLE))
        renamed[f"Value #{ref}" if len(columns) > 1 else "Value"] = heading
        panel = panel.override_by_name(heading, list(properties))
    order = {name: i for i, name in enumerate(renamed)}
    panel = panel.transformations(
        [
            model.DataTransformerConfig(id_val="merge", options={}),
            model.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": dict.fromkeys(("Time", *hidden), True),
                    "indexByName": order,
                    "renameByName": renamed,
                },
            ),
        ]
    )
    return panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(desc=False)]) if sort else panel


def heat(head: Head, expr: str, legend: str, y_unit: str, *, buckets: bool) -> heatmap.Panel:
    """Colour tells how many; `buckets`: of a histogram's, otherwise one row a series."""
    kind = PromQueryFormat.HEATMAP if buckets else PromQueryFormat.TIME_SERIES
    hidden_nowhere = common.HideSeriesConfig().legend(legend=False).tooltip(tooltip=False).viz(viz=False)
    panel = _headed(heatmap.Panel(), head).calculate(calculate=False).hide_from(hidden_nowhere)
    panel = panel.with_target(_query(expr, "A", legend).range().format(kind).interval(WINDOW))
    panel = panel.cell_values(heatmap.CellValues().unit(head.unit).decimals(0))
    panel = panel.y_axis(heatmap.YAxisConfig().unit(y_unit).axis_placement(kinds.AxisPlacement.LEFT))
    colour = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").exponent(0.5).steps(64)
    return panel.color(colour).show_legend()


def thresholds(steps: Sequence[tuple[float | None, str]]) -> ThresholdsConfig:
    made = [model.Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(made)


def words_for(*pairs: tuple[str, str, str]) -> list[model.ValueMapping]:
    """(value, text, colour) shown instead of a number."""
    options = {
        value: model.ValueMappingResult(text=text, color=colour, index=i)
        for i, (value, text, colour) in enumerate(pairs)
    }
    return [model.ValueMap(options=options)]


_REFS = "ABCDEFGHIJKLMNOPQRSTUVWXY"


def _chart(head: Head, queries: Sequence[Query], window: str = WINDOW) -> timeseries.Panel:
    panel = _headed(timeseries.Panel(), head)
    panel = panel.legend(
        common.VizLegendOptions()
        .show_legend(show_legend=True)
        .placement(kinds.LegendPlacement.BOTTOM)
        .display_mode(kinds.LegendDisplayMode.LIST)
    ).tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI))
    for ref, query in zip(_REFS, queries, strict=False):
        panel = panel.with_target(_query(query.expr, ref, query.legend).range().interval(window))
        if query.role:
            panel = panel.override_by_query(ref, _ROLES[query.role])
    return panel


def _headed(panel: P, head: Head) -> P:
    panel = panel.title(head.title).description(head.about).unit(head.unit).no_value(head.no_data)
    if head.decimals is not None:
        panel = panel.decimals(head.decimals)
    return panel.datasource(DATASOURCE)


def _query(expr: str, ref: str, legend: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expr).ref_id(ref).datasource(DATASOURCE)
    return query.legend_format(legend) if legend else query


def _of(name: str, value: Any) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val=name, value=value)


def _fixed(colour: str) -> model.DynamicConfigValue:
    return _of("color", {"mode": "fixed", "fixedColor": colour})


def plain(unit: str, decimals: int | None = None) -> list[model.DynamicConfigValue]:
    """Properties of a column of numbers."""
    return [_of("unit", unit), *([] if decimals is None else [_of("decimals", decimals)])]


def said(mappings: Sequence[model.ValueMapping], nothing: str) -> list[model.DynamicConfigValue]:
    """Properties of a column of words."""
    coloured = [_of("custom.cellOptions", {"type": "color-text"})]
    return [_of("mappings", list(mappings)), _of("noValue", nothing), *coloured]


def _line(colour: str) -> list[model.DynamicConfigValue]:
    return [
        _of("custom.drawStyle", "line"),
        _of("custom.lineStyle", {"fill": "dash", "dash": [10, 10]}),
        _of("custom.lineWidth", 2),
        _of("custom.fillOpacity", 0),
        _of("custom.showPoints", "never"),
        _of("custom.stacking", {"mode": "none", "group": "A"}),
        _fixed(colour),
    ]


_ROLES = {
    "seconds": [_of("unit", "s"), _of("custom.axisPlacement", "right"), _fixed(AMBER)],
    "target": _line(RED),
    "limit": _line(AMBER),
    "n": [
        _of("custom.drawStyle", "bars"),
        _of("custom.fillOpacity", 15),
        _of("custom.lineWidth", 0),
        _of("custom.axisPlacement", "right"),
        _of("custom.axisLabel", "n"),
        _of("unit", "locale"),
        _of("decimals", 0),
        _of("min", 0),
        _of("max", None),
        _fixed(GREY),
    ],
}

AnyPanel = Builder[model.Panel]
