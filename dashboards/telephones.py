"""Telephones: rings, lost calls, service level, and when and how soon calls were answered."""

from __future__ import annotations

from dashboards import promql
from dashboards.figures import chart, everything, figure_now
from dashboards.layout import Board, Placed, Section
from dashboards.panels import Query, heat, line, number
from dashboards.today import hourly, site, unit
from dashboards.wording import COUNTED, Words
from kpis.results import KPIS


def board(w: Words) -> Board:
    now = [
        Placed(
            number(w.panel("calls_waiting", COUNTED, 0), [Query(_sum("gecc_calls_waiting"), w["calls_waiting"])]), 6, 5
        ),
        *(
            figure_now(KPIS[k], w, 6)
            for k in ("answered_within_3_rings_rate", "abandoned_call_rate", "service_level_rate")
        ),
    ]
    when = f"sum by (le) (increase(gecc_call_wait_seconds_bucket{{{promql.PLACE}}}[{promql.STEP}]))"
    waiting = [
        Query(f"sum by (unit) (gecc_calls_waiting{{{promql.PLACE}}})", "{{unit}}"),
        Query(
            f"max(gecc_longest_call_wait_seconds{{{promql.PLACE}}})", w["longest_call_wait"], "seconds"
        ),
    ]  # fmt: skip
    main = [
        *(chart(KPIS[k], w) for k in ("rings_to_answer", "answered_within_3_rings_rate")),
        hourly("calls_lost", w),
        *(chart(KPIS[k], w) for k in ("abandoned_call_rate", "service_level_rate")),
        Placed(heat(w.panel("answered_when", COUNTED, 0), when, "{{le}}", "s", buckets=True), 12, 8),
        Placed(line(w.panel("calls_waiting_over_time", COUNTED), waiting), 12, 8),
        *(chart(KPIS[k], w) for k in ("call_wait_seconds_p50", "call_wait_seconds_p90", "asa_seconds")),
    ]
    return Board(
        "telephones", w["telephones_title"], w["telephones_intro"],
        [Section(w["now"], now), Section(w["main"], main), *everything(("calls",), w)],
        [site(w), unit(w, "gecc_calls_offered_total")],
    )  # fmt: skip


def _sum(metric: str) -> str:
    return f"sum({metric}{{{promql.PLACE}}})"
