"""The queue of tickets: who waits, how long people waited against what is declared, how many counters were open for how
many people, whether it was in turn, and who did not come."""

from __future__ import annotations

from dashboards import promql
from dashboards.figures import chart, everything, figure_now
from dashboards.layout import Board, Placed, Section
from dashboards.panels import Query, heat, line, number
from dashboards.today import site, unit
from dashboards.wording import COUNTED, Words
from kpis.results import KPIS

WAIT = "gecc_ticket_wait_seconds"


def board(w: Words) -> Board:
    place = promql.PLACE
    now = [
        number(w.panel("tickets_waiting", COUNTED, 0), [Query(f"sum(gecc_tickets_waiting{{{place}}})", w["tickets_waiting"])]),
        number(
            w.panel("longest_ticket_wait", "s", 0),
            [Query(f"max(gecc_longest_ticket_wait_seconds{{{place}}})", w["longest_ticket_wait"])],
        ),
        number(w.panel("counters_open", COUNTED, 0), [Query('gecc_counters_open{site="$site"}', w["counters_open"])]),
    ]  # fmt: skip
    waits = [
        Query(_quantile(0.5), w["p50"]),
        Query(_quantile(0.9), w["p90"]),
        Query(promql.target(KPIS["ticket_wait_seconds_p90"]), w["target_p90"], "target"),
        Query(f"min(gecc_ticket_wait_target_seconds{{{place}}})", w["declared_wait"], "limit"),
        Query(f"sum(increase({WAIT}_count{{{place}}}[{promql.STEP}]))", "n", "n"),
    ]
    arrivals = promql.increase("tickets_issued", promql.SITE)
    counters = f'count_values("counters", gecc_counters_open{{{promql.SITE}}}) * on () group_left () {arrivals}'
    waiting = Query(f"sum by (unit) (gecc_tickets_waiting{{{place}}})", "{{unit}}")
    main = [
        Placed(line(w.panel("tickets_waiting_over_time", COUNTED), [waiting]), 12, 8),
        Placed(line(w.panel("ticket_waits", "s", kpi=KPIS["ticket_wait_seconds_p90"], how="quantile"), waits), 12, 8),
        Placed(
            heat(w.panel("arrivals_by_counters", COUNTED, 0), counters, "{{counters}}", "none", buckets=False), 24, 8
        ),
        *(
            chart(KPIS[k], w)
            for k in ("ticket_wait_within_target_rate", "queue_fairness_rate", "ticket_no_show_rate", "tickets_no_show")
        ),
    ]
    return Board(
        "queue", w["queue_title"], w["queue_intro"],
        [
            Section(w["now"], [*(Placed(p, 6, 5) for p in now), figure_now(KPIS["ticket_wait_seconds_p90"], w, 6)]),
            Section(w["main"], main),
            *everything(("tickets", "counters", "agents"), w),
        ],
        [site(w), unit(w, "gecc_tickets_issued_total")],
    )  # fmt: skip


def _quantile(q: float) -> str:
    return f"histogram_quantile({q:g}, sum by (le) (increase({WAIT}_bucket{{{promql.PLACE}}}[{promql.STEP}])))"
