"""Criteria: for each figure that the standard judges by, the verdict over 28 days, its value and n, and where it goes.

The series come from the recording rules; see `dashboards.headline`.
"""

from __future__ import annotations

from collections.abc import Callable

from grafana_foundation_sdk.models.dashboard import ValueMapping

from dashboards import promql
from dashboards.figures import CHART_H, everything, has_target
from dashboards.headline import headline, n_name, ratio_name, verdict_name
from dashboards.layout import Board, Placed, Section
from dashboards.panels import GREEN, RED, AnyPanel, Query, line, number, plain, rows, said, words_for
from dashboards.today import site, unit
from dashboards.wording import COUNTED, Words
from kpis.model import KPI
from kpis.results import GROUPS

SHOWN_ELSEWHERE = ("calls", "agents", "tickets", "counters", "votes", "conversations", "cases", "presence")


def verdict_words(w: Words) -> list[ValueMapping]:
    return words_for(("1", w["met"], GREEN), ("0", w["not_met"], RED))


def board(w: Words) -> Board:
    judged = [kpi for kpi in headline() if kpi.criteria]
    rest = tuple(group for group in GROUPS if group not in SHOWN_ELSEWHERE)
    return Board(
        "criteria", w["criteria_title"], w["criteria_intro"],
        [
            Section(w["verdicts"], [Placed(_table(judged, w), 24, 2 + len(judged))]),
            Section(w["trends"], [panel for kpi in judged for panel in (_now(kpi, w), _trend(kpi, w))]),
            *everything(rest, w),
        ],
        [site(w), unit(w, "gecc_contacts_total")],
        first="now-28d", window="1d", refresh="15m",
    )  # fmt: skip


def _table(kpis: list[KPI], w: Words) -> AnyPanel:
    """One row a figure and its criteria: verdict, and n."""

    def every(name: Callable[[KPI], str], only: Callable[[KPI], bool] = lambda _: True) -> str:
        one = 'label_replace(label_replace({}{{site="$site"}}, "figure", "{}", "", ""), "criteria", "{}", "", "")'
        return " or ".join(one.format(name(k), w.label(k), ", ".join(k.criteria)) for k in kpis if only(k))

    head = w.panel("verdicts", COUNTED)
    return rows(
        head,
        [
            (w["verdict"], every(verdict_name, has_target), said(verdict_words(w), w["too_little"])),
            ("n", every(lambda k: n_name("site", k, "28d")), plain(COUNTED, 0)),
        ],
        {"criteria": w["criteria"], "figure": w["figure"]},
        hidden=("site", "__name__"),
        sort=w["criteria"],
    )


def _title(kpi: KPI, w: Words) -> str:
    return f"{', '.join(kpi.criteria)} · {w.label(kpi)}"


def _now(kpi: KPI, w: Words) -> Placed:
    aim = [Query(promql.target(kpi), w["target"], "target")] if has_target(kpi) else []
    queries = [
        Query(f"{ratio_name('site', kpi, '28d')}{{{promql.SITE}}}", w["of_28_days"]),
        *aim,
        Query(f"{n_name('site', kpi, '28d')}{{{promql.SITE}}}", "n", "n"),
    ]
    better = str(kpi.better) if aim else ""
    return Placed(number(w.head(kpi, "recorded", _title(kpi, w)), queries, better=better), 8, CHART_H)


def _trend(kpi: KPI, w: Words) -> Placed:
    aim = [Query(promql.target(kpi), w["target"], "target")] if has_target(kpi) else []
    queries = [
        Query(f"{ratio_name('site', kpi, '28d')}{{{promql.SITE}}}", w["of_28_days"]),
        Query(f"{ratio_name('site', kpi, '1d')}{{{promql.SITE}}}", w["of_1_day"]),
        *aim,
        Query(f"{n_name('site', kpi, '1d')}{{{promql.SITE}}}", w["n_of_1_day"], "n"),
    ]
    return Placed(line(w.head(kpi, "recorded", f"{_title(kpi, w)}: {w['trend']}"), queries), 16, CHART_H)
