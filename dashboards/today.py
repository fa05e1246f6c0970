"""Today at one centre: the wallboard's numbers, who waits now, and how the day went so far."""

from __future__ import annotations

from dashboards import promql
from dashboards.figures import chart, figure_now
from dashboards.layout import Board, Placed, Section, Variable
from dashboards.panels import AMBER, BLUE, GREEN, GREY, RED, Query, bars, number, words_for
from dashboards.wording import COUNTED, Words
from kpis.model import Kind
from kpis.results import KPIS
from telemetry.metric_names import today_name

SITE = "label_values(gecc_site_info, site)"
"""Every centre of the configuration."""


def site(w: Words) -> Variable:
    return Variable("site", w["site"], SITE)


def unit(w: Words, *metrics: str) -> Variable:
    """The units of the chosen centre that any of these metrics is told of."""
    named = metrics[0] if len(metrics) == 1 else f'{{__name__=~"{"|".join(metrics)}",'
    chosen = f'{named}{{site="$site"}}' if len(metrics) == 1 else f'{named}site="$site"}}'
    return Variable("unit", w["unit"], f"label_values({chosen}, unit)", all_of_them=True)


def board(w: Words) -> Board:
    wall = sorted((k for k in KPIS.values() if k.wall), key=lambda k: k.wall)
    figures = [figure_now(k, w) if k.kind is not Kind.HISTOGRAM else _parts(k.name, w) for k in wall]
    charts = [chart(KPIS[name], w) for name in ("calls_offered", "tickets_issued", "votes", "calls_lost")]
    return Board(
        "today",
        w["today_title"],
        w["today_intro"],
        [
            Section(w["now"], now(w)),
            Section(w["today_figures"], figures),
            Section(w["today_course"], charts),
        ],
        [site(w), unit(w, "gecc_calls_offered_total", "gecc_tickets_issued_total", "gecc_votes_total")],
        refresh="30s",
    )


def now(w: Words) -> list[Placed]:
    """The centre, and who waits."""
    open_or_not = words_for(("1", w["is_open"], GREEN), ("0", w["is_closed"], GREY))
    name = Query('gecc_site_info{site="$site"}', f"{{{{name_{w.lang}}}}}")
    waits = [
        number(w.panel("tickets_waiting", COUNTED, 0), [Query(promql_now("gecc_tickets_waiting"), w["tickets_waiting"])]),
        number(
            w.panel("longest_ticket_wait", "s", 0),
            [Query(f"max(gecc_longest_ticket_wait_seconds{{{promql.PLACE}}})", w["longest_ticket_wait"])],
        ),
        number(w.panel("calls_waiting", COUNTED, 0), [Query(promql_now("gecc_calls_waiting"), w["calls_waiting"])]),
        number(
            w.panel("longest_call_wait", "s", 0),
            [Query(f"max(gecc_longest_call_wait_seconds{{{promql.PLACE}}})", w["longest_call_wait"])],
        ),
    ]  # fmt: skip
    state = [
        number(w.panel("centre", "none"), [name], name=True),
        number(
            w.panel("service_open", "none"), [Query('gecc_service_open{site="$site"}', w["service_open"])],
            mappings=open_or_not,
        ),
        number(w.panel("counters_open", COUNTED, 0), [Query('gecc_counters_open{site="$site"}', w["counters_open"])]),
        number(
            w.panel("last_heard", "s", 0),
            [Query('time() - gecc_last_event_timestamp_seconds{site="$site"}', w["last_heard"])],
            colours=[(None, GREEN), (900, AMBER), (3600, RED)],
        ),
    ]  # fmt: skip
    return [Placed(panel, 6, 4) for panel in (*state, *waits)]


def promql_now(metric: str) -> str:
    return f"sum({metric}{{{promql.PLACE}}})"


def _parts(name: str, w: Words) -> Placed:
    """Today's distribution, part by part."""
    kpi = KPIS[name]
    queries = [Query(f'{today_name(kpi)}{{{promql.SITE},bin="{label}"}}', w.bin(label)) for label, _ in kpi.bins]
    return Placed(
        number(w.head(kpi, "today"), [*queries, Query(promql.today_n(kpi), "n", "n")], colours=[(None, BLUE)]), 8, 5
    )


def hourly(kpi_name: str, w: Words) -> Placed:
    """A count hour by hour, whatever window the rest is shown in."""
    kpi = KPIS[kpi_name]
    expr = f"sum by (unit) ({promql.grown(kpi.numerator, promql.place(kpi), '1h')})"
    return Placed(bars(w.head(kpi, "hourly"), [Query(expr, "{{unit}}")], window="1h"), 12, 8)
