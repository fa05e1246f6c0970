"""Recording rules: sums over sums at every level and window, exact over outages, worked out by promtool and by vmalert."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from dashboards import rules, rules_recording
from dashboards.headline import (
    HEADLINE,
    LEVELS,
    WINDOWS,
    factor,
    headline,
    increase_name,
    n_name,
    per,
    ratio_name,
    verdict_name,
)
from kpis.model import Better
from kpis.results import KPIS
from telemetry.metric_names import metric_name, target_name
from tests.dashboards.promtool import as_file, check, series

GENERATED = Path(__file__).parent.parent.parent / "dashboards" / "generated"
GROUPS = rules_recording.groups()
NAMES = [rule["record"] for group in GROUPS for rule in group["rules"]]
KPI = KPIS["abandoned_call_rate"]
LOST, OFFERED = "gecc_calls_lost", "gecc_calls_offered"
PLACES = {"s1": "north", "s2": "north", "s3": "south", "s4": ""}
MEASURES = list(dict.fromkeys(m for kpi in headline() for m in (kpi.numerator, kpi.denominator)))


def test_the_committed_files_are_those_of_the_table():
    made = rules.files()
    assert made == rules.files()
    there = {str(p.relative_to(GENERATED)): p.read_text() for p in (GENERATED / "prometheus").iterdir()}
    assert there == made, "run: gecc dashboards build"


def test_no_two_rules_have_one_name():
    assert len(NAMES) == len(set(NAMES))


def test_every_figure_on_the_wall_that_has_parts_and_every_one_with_a_target_is_a_headline():
    told = {k.name for k in KPIS.values() if (k.wall or k.target is not None) and k.numerator and k.denominator}
    assert told <= set(HEADLINE)


def site_info(places: dict[str, str], n: int) -> dict[str, str]:
    infos = {
        f'gecc_site_info{{site="{s}",province="{p}",job="gecc",instance="i"}}': f"1+0x{n}" for s, p in places.items()
    }
    return {**infos, 'gecc_build_info{version="1",job="gecc",instance="i"}': f"1+0x{n}"}


def slopes(measure: str) -> dict[tuple[str, str], int]:
    """What a measure of each place rises by in a minute; all different."""
    first = 1 + MEASURES.index(measure) * 7
    return {(site, unit): first + i for i, (site, unit) in enumerate((s, u) for s in PLACES for u in ("u1", "u2"))}


def label(level: str, key: tuple[str, ...]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in zip(LEVELS[level], key, strict=True)) + "}"


def rises(measure: str, level: str, minutes: int) -> dict[tuple[str, ...], int]:
    out: dict[tuple[str, ...], int] = {}
    for (site, unit), slope in slopes(measure).items():
        key = {"unit": (site, unit), "site": (site,), "province": (PLACES[site],), "country": ()}[level]
        if key != ("",):
            out[key] = out.get(key, 0) + slope * minutes
    return out


def expected_of_all() -> dict[str, dict[str, float]]:
    """Record → labels → value after 25 hours of steady rise, by plain arithmetic."""
    minutes = {"1h": 60, "1d": 23 * 60, "28d": 25 * 60}
    out: dict[str, dict[str, float]] = {}
    for measure in MEASURES:
        for window in WINDOWS:
            for level in LEVELS:
                values = rises(measure, level, minutes[window])
                out[increase_name(level, measure, window)] = {label(level, k): v for k, v in values.items()}
    for kpi in headline():
        for window in WINDOWS:
            for level in LEVELS:
                num, den = (rises(m, level, minutes[window]) for m in (kpi.numerator, kpi.denominator))
                times = float(factor(kpi))
                ratio = {k: times * num[k] / den[k] for k in num}
                if per(kpi.numerator) != 1:
                    ratio = {k: math.floor(1e9 * times * num[k] / den[k] + 0.5) / 1e9 for k in num}
                out[ratio_name(level, kpi, window)] = {label(level, k): v for k, v in ratio.items()}
                out[n_name(level, kpi, window)] = {label(level, k): v for k, v in den.items()}
        if kpi.better is not Better.NONE:
            value = {
                k: times * num[k] / den[k]
                for num, den in [tuple(rises(m, "site", 1) for m in (kpi.numerator, kpi.denominator))]
                for k in num
            }
            keeps = {k: v < 0.99 if kpi.better is Better.LOWER else v > 0.99 for k, v in value.items()}
            out[verdict_name(kpi)] = {label("site", k): float(yes) for k, yes in keeps.items()}
    return out


def test_each_rule_is_the_sum_over_the_sum_at_its_level_and_window():
    hours = 25
    n = hours * 60
    world = site_info(PLACES, n)
    for measure in MEASURES:
        for (site, unit), slope in slopes(measure).items():
            world[f'{metric_name(measure)}_total{{site="{site}",unit="{unit}",job="gecc",instance="i"}}'] = (
                f"1000+{slope}x{n}"
            )
    for site in PLACES:
        world[f'gecc_verdict_min_n{{site="{site}"}}'] = f"30+0x{n}"
        for kpi in headline():
            world[f'{target_name(kpi)}{{site="{site}"}}'] = f"0.99+0x{n}"
        world[f'gecc_source_rejected_total{{site="{site}",unit="u1"}}'] = f"5+2x{n}"
        world[f'gecc_source_lag_seconds{{site="{site}",unit="u1"}}'] = f"7+0x{n}"
    expected = expected_of_all()
    one = {f'{{site="{s}",unit="u1"}}': 1.0 for s in PLACES}
    expected["unit:gecc_source_rejected:increase1h"] = dict.fromkeys(one, 120.0)
    expected["unit:gecc_source_lag_seconds:at_hour"] = dict.fromkeys(one, 7.0)
    expected["unit:gecc_source_lag_seconds:usual7d"] = dict.fromkeys(one, 7.0)
    expected["site:gecc_steady:info"] = {f'{{site="{s}"}}': 1.0 for s in PLACES}
    for measure in MEASURES:
        begun = 1000
        values = {label("unit", k): v for k, v in slopes(measure).items()}
        expected[rules_recording.kept_name(measure)] = {k: begun + v * n for k, v in values.items()}
        expected[rules_recording.base_name(measure, "1d")] = {k: begun + v * (n - 23 * 60) for k, v in values.items()}
        expected[rules_recording.base_name(measure, "28d")] = {k: float(begun) for k in values}
    assert set(expected) == set(NAMES)
    asked = [
        {
            "expr": name,
            "eval_time": f"{hours}h",
            "exp_samples": [{"labels": name + labels, "value": value} for labels, value in values.items()],
        }
        for name, values in expected.items()
    ]
    ok, said = check(
        yaml.dump({"groups": GROUPS}, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)),
        [{"interval": "1m", "input_series": series(world), "promql_expr_test": asked}],
        every="1h",
        order=[g["name"] for g in GROUPS],
    )
    assert ok, said[:4000]


# What is special about counters, shown with one KPI's rules.


def calls_rules() -> str:
    words = (LOST, OFFERED, "gecc_abandoned_call_rate", "gecc_steady")
    return as_file([r for g in GROUPS for r in g["rules"] if r["record"].split(":")[1] in words])


def calls(
    world: dict[str, str], asked: dict[tuple[str, str], float | None], *, places: dict[str, str] | None = None
) -> None:
    """Evaluated every hour; (query, time) → its one value, None for no sample."""
    n = 31 * 24 * 12
    tests = [
        {"expr": query, "eval_time": at, "exp_samples": [] if value is None else [{"labels": "{}", "value": value}]}
        for (query, at), value in asked.items()
    ]
    one = {
        "interval": "5m",
        "input_series": series({**site_info(places or {"s1": "north"}, n), **world}),
        "promql_expr_test": tests,
    }
    ok, said = check(calls_rules(), [one], every="1h")
    assert ok, said[:3000]


def offered(unit: str = "u1", site: str = "s1", metric: str = OFFERED) -> str:
    return f'{metric}_total{{site="{site}",unit="{unit}",job="gecc",instance="i"}}'


def total(window: str, level: str = "site") -> str:
    return f"sum({level}:{OFFERED}:increase{window})"


def test_28_days_end_now_and_begin_at_the_hour():
    """Five minutes, one call: after 30 days the window holds 27 days and 23 hours."""
    calls(
        {offered(): f"7+1x{31 * 24 * 12}"},
        {
            (total("28d"), "30d"): (27 * 24 + 23) * 12,
            (total("1d"), "30d"): 23 * 12,
            (total("1h"), "30d"): 12,
        },
    )


def test_an_outage_of_any_length_loses_nothing():
    """From hour 5 to hour 55 nothing is scraped; the counter went on."""
    calls(
        {offered(): "0+1x60 _x600 661+1x600"},
        {(total("28d"), "60h"): 60 * 12, (total("28d"), "100h"): 100 * 12},
    )  # fmt: skip


def test_a_queue_that_is_new_at_a_known_site_is_counted_from_nothing():
    calls(
        {offered(): "100+0x600", offered("u2"): "_x30 3+0x600"},
        {(total("1h"), "3h"): 3, (total("28d"), "10h"): 3, (total("1h"), "10h"): 0},
    )


def test_what_was_counted_before_prometheus_came_is_not_of_the_past_hour():
    world = {offered(): "5000+0x600"}
    calls(world, {(total("1h"), "0h"): 0, (total("28d"), "0h"): 0, (total("28d"), "20h"): 0})


def test_a_counter_that_a_new_version_brings_is_not_all_of_this_hour():
    info = {
        'gecc_build_info{version="1",job="gecc",instance="i"}': "1+0x29 stale",
        'gecc_build_info{version="2",job="gecc",instance="i"}': "_x30 1+0x600",
    }
    calls({**info, offered(): "_x30 9000+0x600"}, {(total("1h"), "3h"): 0, (total("28d"), "10h"): 0})


def test_a_counter_that_went_down_counts_on_from_the_next_hour_and_never_jumps():
    """It went down half an hour before the fourth hour."""
    world = {offered(): "900+1x41 0+1x600"}
    calls(world, {(total("1h"), "4h"): 6, (total("28d"), "4h"): 0, (total("28d"), "10h"): 72})


def test_a_rate_of_many_places_is_no_mean_of_rates():
    places = {"s1": "north", "s2": "north"}
    world = {
        offered(site="s1"): "0+100x600", offered(site="s1", metric=LOST): "0+50x600",
        offered(site="s2"): "0+900x600", offered(site="s2", metric=LOST): "0+0x600",
    }  # fmt: skip
    ratio = "sum(province:gecc_abandoned_call_rate:ratio1h)"
    calls(world, {(ratio, "5h"): 0.05, ("sum(country:gecc_abandoned_call_rate:ratio28d)", "5h"): 0.05}, places=places)


def test_without_a_contact_there_is_no_rate():
    world = {offered(): "40+0x600", offered(metric=LOST): "4+0x600"}
    calls(world, {("sum(site:gecc_abandoned_call_rate:ratio28d)", "5h"): None, (total("28d"), "5h"): 0})


@pytest.mark.parametrize(
    ("kpi_name", "value", "n", "target", "met"),
    [
        ("abandoned_call_rate", 0.05, 30, 0.05, 1),
        ("abandoned_call_rate", 0.0501, 30, 0.05, 0),
        ("abandoned_call_rate", 0.5, 29, 0.05, None),
        ("abandoned_call_rate", 0.5, 30, None, None),
        ("satisfaction_rate", 0.8, 30, 0.8, 1),
        ("satisfaction_rate", 0.799, 30, 0.8, 0),
        ("satisfaction_rate_for_results", 0.8, 30, 0.8, 0),
        ("satisfaction_rate_for_results", 0.801, 30, 0.8, 1),
        ("satisfaction_mean_percent", 85.0, 30, 85.0, 1),
    ],
)
def test_a_verdict_is_that_of_the_figure_the_target_and_the_least_n(kpi_name, value, n, target, met):
    kpi = KPIS[kpi_name]
    rule = [r for g in GROUPS for r in g["rules"] if r["record"] == verdict_name(kpi)]
    world = {
        f'{ratio_name("site", kpi, "28d")}{{site="s1"}}': str(value),
        f'{n_name("site", kpi, "28d")}{{site="s1"}}': str(n),
        'gecc_verdict_min_n{site="s1",job="gecc"}': "30",
    }
    if target is not None:
        world[f'{target_name(kpi)}{{site="s1",job="gecc"}}'] = str(target)
    name = verdict_name(kpi)
    samples = [] if met is None else [{"labels": f'{name}{{site="s1"}}', "value": met}]
    test = {
        "interval": "1m",
        "input_series": series(world),
        "promql_expr_test": [{"expr": name, "eval_time": "0m", "exp_samples": samples}],
    }
    ok, said = check(as_file(rule), [test])
    assert ok, said
