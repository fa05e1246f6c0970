"""Every query of every dashboard and of every list to choose from, asked of a real Prometheus and a real VictoriaMetrics."""

from __future__ import annotations

import json
import math
import re
import time

import pytest

from dashboards import build, rules
from tests.dashboards.fed import Fed, fed
from tests.dashboards.shown import Asked, asked, boards, variables
from tests.dashboards.stores import RECORDED, VMALERT, Store
from tests.service.harness import wait_until

pytestmark = pytest.mark.timeout(300)  # three servers, three starts and three rounds come before the first test
CHOSEN = {
    "$site": "demo",
    "$unit": ".*",
    "$province": ".*",
    "$instance": ".*",
    "$__interval": "2h",
    "$__rate_interval": "2h",
}
"""What Grafana puts in the place of variables."""
EXCUSED = {
    "gecc_votes_invalid_total": "every format refuses such a vote; the figure is of journals from before they did",
    "gecc_services_declared_total": "counted at a month's first contact only, which a day of tests does not hold",
    "gecc_services_with_cover_total": "rises once a month for each service, and a store sees no rise from nothing",
}
"""Metric → why it cannot rise within a test; whether it is there at all is looked for but for the first."""
RECORDED_OF = ("site:gecc_{}:ratio28d", "country:gecc_{}:n28d", "site:gecc_{}:verdict28d")
AS_LONG_S = range(-10, 120, 2)
"""How long a copied value stands, since nobody records it again."""
METRIC = re.compile(r"[a-z_:]*gecc_[a-z0-9_:]+|\bup\b|\bscrape_\w+")
STORES = ("prometheus", "victoria-metrics")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with fed(tmp_path_factory.mktemp("dashboards"), rules.files()["prometheus/recording.yml"]) as it:
        copy_recorded(it)
        yield it


def copy_recorded(it: Fed) -> None:
    """What Prometheus has recorded, into the other store, but for what a vmalert records there itself."""
    one, other = it.stores.values()
    names = {m for asks in asked() for m in RECORDED.findall(asks.expr)}
    own = {m for m in names if any(f":gecc_{kpi}:" in m for kpi in VMALERT)}
    wait_until(lambda: names <= one.names(), "Prometheus has not recorded everything", 30)
    wait_until(lambda: own <= other.flushed().names(), "vmalert has not recorded everything", 30)
    lines = []
    for row in one.instant('{__name__=~".+:gecc_.+:.+"}'):
        name = row["metric"].pop("__name__")
        if name in names - own:
            labels = ",".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in row["metric"].items())
            at = int(row["value"][0])
            lines += [f"{name}{{{labels}}} {row['value'][1]} {1000 * (at + s)}" for s in AS_LONG_S]
    other.take("\n".join(lines) + "\n")


def filled(text: str) -> str:
    for name in sorted(CHOSEN, key=len, reverse=True):
        text = text.replace(name, CHOSEN[name])
    assert "$" not in text, text
    return text


def answer(store: Store, one: Asked, now: float) -> list[float]:
    """Every number that a panel would show; none where it would say that there is no data."""
    expr = filled(one.expr)
    rows = store.instant(expr, now) if one.instant else store.over(expr, now - 4, now, 2)
    points = [p for row in rows for p in (row["values"] if "values" in row else [row["value"]])]
    return [v for _, text in points if not math.isnan(v := float(text))]


def empty(store: Store, queries: list[Asked]) -> list[Asked]:
    now = time.time()
    known: dict[tuple[str, bool], bool] = {}
    for one in queries:
        if (one.expr, one.instant) not in known:
            known[one.expr, one.instant] = bool(answer(store, one, now))
    return [one for one in queries if not known[one.expr, one.instant]]


def excused(one: Asked) -> bool:
    return any(name in one.expr for name in EXCUSED)


@pytest.mark.parametrize("name", STORES)
def test_every_panel_has_an_answer(running, name):
    store = running.stores[name]
    nothing = [one for one in empty(store, asked()) if not excused(one)]
    end = time.monotonic() + 30  # what vmalert records may just be late on a busy machine
    while nothing and time.monotonic() < end:
        time.sleep(1)
        nothing = empty(store, nothing)
    assert [str(one) for one in nothing] == []


@pytest.mark.parametrize("name", STORES)
def test_every_list_to_choose_from_has_entries(running, name):
    store = running.stores[name]
    for board in boards().values():
        for variable in variables(board).values():
            if variable["type"] == "query":
                match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
                assert match, variable
                assert store.values(filled(match[1]), match[2]), (board["title"], variable["name"])


@pytest.mark.parametrize("name", STORES)
def test_every_metric_that_a_query_names_is_there(running, name):
    """Of alternatives in one query each must be."""
    there = running.stores[name].names()
    for one in asked():
        named = set(METRIC.findall(re.sub(r'"[^"]*"', "", one.expr)))
        assert {m for m in named if m not in there and m != next(iter(EXCUSED))} == set(), str(one)


@pytest.mark.parametrize("name", STORES)
def test_a_misspelt_metric_is_found(running, name):
    good = next(one for one in asked() if "gecc_calls_offered_total" in one.expr)
    bad = Asked(good.board, good.panel, good.expr.replace("calls_offered", "calls_ofered"), good.instant)
    assert empty(running.stores[name], [good, bad]) == [bad]


def test_both_stores_say_the_same_of_today(running):
    queries = [one for one in asked() if one.board == "grafana/en/today.json" and "gecc_today_" in one.expr]
    now = time.time()
    said = [[answer(store, one, now) for one in queries] for store in running.stores.values()]
    for a, b in zip(*said, strict=True):
        assert a == pytest.approx(b, rel=1e-11)  # one of them keeps twelve digits
    assert len(build.BOARDS) < len(queries)


def test_vmalert_records_what_prometheus_records(running):
    one, other = running.stores.values()
    names = [what.format(kpi) for kpi in VMALERT for what in RECORDED_OF]

    def said(store: Store) -> list[list[float]]:
        return [sorted(round(float(row["value"][1]), 9) for row in store.instant(name)) for name in names]

    wait_until(lambda: said(one) == said(other.flushed()), "vmalert says something else")
    assert all(said(one))
