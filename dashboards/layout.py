"""One dashboard: its variables, and its panels on a grid of 24 columns, from left to right and from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.panels import DATASOURCE, AnyPanel
from dashboards.wording import Words

COLUMNS = 24
WINDOWS = "15m,1h,4h,1d,7d"


@dataclass(frozen=True, slots=True)
class Placed:
    panel: AnyPanel
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a heading; folded ones ask nothing of the store until somebody opens them."""

    title: str
    panels: Sequence[Placed]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """A list to choose from, filled by `label_values`."""

    name: str
    label: str
    query: str
    all_of_them: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    key: str
    """Part of its file's name and of its uid; never changes."""
    title: str
    about: str
    sections: Sequence[Section]
    variables: Sequence[Variable] = ()
    first: str = "now/d"
    """Where its time begins when it is opened."""
    last: str = "now"
    window: str = "1h"
    """How much time a point covers when it is opened; empty: it has no charts of counts."""
    refresh: str = "1m"


def uid(key: str, lang: str) -> str:
    """Fixed for ever: links, home dashboards and bookmarks hold it."""
    return f"gecc-{lang}-{key}"


def text(board: Board, w: Words) -> str:
    """The dashboard's file."""
    made = (
        build.Dashboard(board.title)
        .uid(uid(board.key, w.lang))
        .description(board.about)
        .tags(["gecc", f"gecc-{w.lang}"])
        .readonly()
        .timezone("browser")
        .week_start("monday")
        .fiscal_year_start_month(9)  # counted from 0: the Thai fiscal year begins in October
        .time(board.first, board.last)
        .refresh(board.refresh)
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .version(1)
        .variables(_variables(board, w))
        .links(_links(board, w))
        .annotations([])
    )
    number, y = 0, 0
    for section in board.sections:
        number += 1
        row = build.Row(section.title).id(number).collapsed(section.folded).grid_pos(_at(0, y, COLUMNS, 1))
        y += 1
        inner, below = [], y
        x = tallest = 0
        for placed in section.panels:
            if x + placed.width > COLUMNS:
                x, below, tallest = 0, below + tallest, 0
            number += 1
            inner.append(placed.panel.id(number).grid_pos(_at(x, below, placed.width, placed.height)))  # type: ignore[attr-defined]
            x += placed.width
            tallest = max(tallest, placed.height)
        if section.folded:
            for panel in inner:
                row = row.with_panel(panel)
        made = made.with_row(row)
        if not section.folded:
            y = below + tallest
            for panel in inner:
                made = made.with_panel(panel)
    return _lines(json.loads(json.dumps(made.build(), cls=JSONEncoder)))


def _lines(made: dict[str, Any]) -> str:
    """JSON with a line for each panel: a change is seen where it is."""

    def one(value: Any) -> str:
        if isinstance(value, dict) and value.get("panels"):
            parts = [f"{json.dumps(k)}: {one(value[k]) if k == 'panels' else flat(value[k])}" for k in sorted(value)]
            return "{" + ", ".join(parts) + "}"
        if isinstance(value, list):
            return "[\n" + ",\n".join(map(one, value)) + "\n]"
        return flat(value)

    def flat(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    return (
        "{\n"
        + ",\n".join(f"{json.dumps(k)}: {one(made[k]) if k == 'panels' else flat(made[k])}" for k in sorted(made))
        + "\n}\n"
    )


def _at(x: int, y: int, w: int, h: int) -> model.GridPos:
    return model.GridPos(x=x, y=y, w=w, h=h)


def _variables(board: Board, w: Words) -> list[Builder[model.VariableModel]]:
    out: list[Builder[model.VariableModel]] = [
        build.DatasourceVariable("datasource").label(w["datasource"]).type("prometheus")
    ]
    for v in board.variables:
        one = build.QueryVariable(v.name).label(v.label).datasource(DATASOURCE)
        one = one.query({"query": v.query, "refId": f"variable-{v.name}"}).sort(model.VariableSort.NATURAL_ASC)
        one = one.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        if v.all_of_them:
            every = model.VariableOption(selected=True, text=w["all"], value="$__all")
            one = one.multi(multi=True).include_all(include_all=True).all_value(".*").current(every)
        out.append(one)
    if board.window:
        options = [model.VariableOption(selected=x == board.window, text=x, value=x) for x in WINDOWS.split(",")]
        out.append(
            build.IntervalVariable("window").label(w["window"]).values(WINDOWS).options(options).auto(auto=False)
            .current(model.VariableOption(selected=True, text=board.window, value=board.window))
        )  # fmt: skip
    return out


def _links(board: Board, w: Words) -> list[Builder[model.DashboardLink]]:
    others = build.DashboardLink(w["dashboards"]).type(model.DashboardLinkType.DASHBOARDS).tags([f"gecc-{w.lang}"])
    other = "en" if w.lang == "th" else "th"
    there = build.DashboardLink(w["other_language"]).type(model.DashboardLinkType.LINK)
    return [
        others.as_dropdown(as_dropdown=True).include_vars(include_vars=True).keep_time(keep_time=True),
        there.url(f"/d/{uid(board.key, other)}").include_vars(include_vars=True).keep_time(keep_time=True),
    ]
