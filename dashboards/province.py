"""Province: the centres side by side, each with its target, its n and its verdict; totals are of all contacts together."""

from __future__ import annotations

from dashboards.criteria import verdict_words
from dashboards.figures import has_target
from dashboards.headline import headline, n_name, ratio_name, verdict_name
from dashboards.layout import Board, Placed, Section, Variable
from dashboards.panels import Query, line, number, plain, rows, said
from dashboards.wording import COUNTED, Words, decimals_of, unit_of
from kpis.model import KPI
from telemetry.metric_names import target_name

OF = 'province=~"$province"'


def board(w: Words) -> Board:
    kpis = headline()
    centres = number(w.panel("centres", COUNTED, 0), [Query(f"count(gecc_site_info{{{OF}}})", w["centres"])])
    first = [
        Placed(centres, 6, 5),
        Placed(
            number(w.panel("centres_open", COUNTED, 0), [Query(f"sum({_of('gecc_service_open')})", w["centres_open"])]), 6, 5
        ),
        Placed(
            number(
                w.panel("centres_waiting", COUNTED, 0),
                [
                    Query(f"sum({_of('gecc_tickets_waiting')})", w["tickets_waiting"]),
                    Query(f"sum({_of('gecc_calls_waiting')})", w["calls_waiting"]),
                ],
            ),
            12,
            5,
        ),
    ]  # fmt: skip
    return Board(
        "province", w["province_title"], w["province_intro"],
        [
            Section(w["now"], first),
            *(Section(w.label(kpi), [_total(kpi, w), _centres(kpi, w), _trend(kpi, w)]) for kpi in kpis),
        ],
        [Variable("province", w["province"], "label_values(gecc_site_info, province)", all_of_them=True)],
        first="now-28d", window="1d", refresh="15m",
    )  # fmt: skip


def _of(series: str) -> str:
    """A series of the centres of the chosen provinces."""
    return f"{series} * on (site) group_left (province) gecc_site_info{{{OF}}}"


def _named(series: str, w: Words) -> str:
    return f"{series} * on (site) group_left (province, name_{w.lang}) gecc_site_info{{{OF}}}"


def _total(kpi: KPI, w: Words) -> Placed:
    """The country's and each chosen province's figure: of sums."""
    queries = [
        Query(ratio_name("country", kpi, "28d"), w["country"]),
        Query(n_name("country", kpi, "28d"), w["n_country"], "n"),
        Query(f"{ratio_name('province', kpi, '28d')}{{{OF}}}", "{{province}}"),
        Query(f"{n_name('province', kpi, '28d')}{{{OF}}}", "n {{province}}", "n"),
    ]
    return Placed(number(w.head(kpi, "recorded_total", w["together"]), queries), 8, 10)


def _centres(kpi: KPI, w: Words) -> Placed:
    unit, decimals = unit_of(kpi), decimals_of(kpi)
    columns = [(w["of_28_days"], _named(ratio_name("site", kpi, "28d"), w), plain(unit, decimals))]
    if has_target(kpi):
        columns += [
            (w["target"], _named(target_name(kpi), w), plain(unit, decimals)),
            (w["verdict"], _named(verdict_name(kpi), w), said(verdict_words(w), w["too_little"])),
        ]
    columns.append(("n", _named(n_name("site", kpi, "28d"), w), plain(COUNTED, 0)))
    names = {f"name_{w.lang}": w["site"], "province": w["province"]}
    panel = rows(w.head(kpi, "recorded_sites", w["side_by_side"]), columns, names, hidden=("site",), sort=w["site"])
    return Placed(panel, 16, 10)


def _trend(kpi: KPI, w: Words) -> Placed:
    queries = [
        Query(_named(ratio_name("site", kpi, "28d"), w), f"{{{{name_{w.lang}}}}}"),
        Query(f"sum({_of(n_name('site', kpi, '28d'))})", w["n_together"], "n"),
    ]
    return Placed(line(w.head(kpi, "recorded_sites", w["trend"]), queries), 24, 8)
