"""One number, wherever it is read: Prometheus, API, wallboard, command line, and the simulator that knows the truth."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from kpis.model import By, Kind
from kpis.results import KPIS
from telemetry.board import WALL
from telemetry.metric_names import metric_name, today_name
from telemetry.simulate import Day, demo_config_toml, run_simulation, simulate_day
from tests.servers import Server, mosquitto, need, prometheus
from tests.service.harness import ROOT, Gecc, fetch, wait_until

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
OF_THE_PROCESS = ("gecc_commits_total", "gecc_commit_seconds_total")
"""They begin anew with the process; all others go on."""


def evening() -> tuple[str, datetime]:
    """A time zone in which it is about eight in the evening: today's offices are closed, and today is not over."""
    offset = (20 - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-offset:+d}", datetime.now(UTC) + timedelta(hours=offset)


@dataclass
class Played:
    day: Day
    service: Gecc
    prometheus: Server
    config: Path
    period: dict[str, str]

    def rows(self, by: str = "total") -> list[dict]:
        return self.service.json("/v1/kpis", site="demo", by=by, **self.period)

    def figures(self) -> dict[str, dict]:
        return {row["kpi"]: row for row in self.rows()}

    def query(self, expression: str) -> dict[str, float]:
        """Prometheus' answer: unit (or "") → value."""
        url = f"http://127.0.0.1:{self.prometheus.port}/api/v1/query?{urlencode({'query': expression})}"
        rows = json.loads(fetch(url))["data"]["result"]
        return {row["metric"].get("unit", ""): float(row["value"][1]) for row in rows}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The simulated day, today, in the service, and scraped."""
    folder = tmp_path_factory.mktemp("same-number")
    zone, now = evening()
    day = simulate_day(site="demo", day=now.date(), timezone=zone, seed=5)
    assert day.actions[-1].time_us < time.time() * 1e6, "the simulated day is not over"
    log = folder / "queue_log"
    log.touch()
    with mosquitto() as broker:
        text = demo_config_toml("demo", broker.port, 0, log).replace("Asia/Bangkok", zone)
        config = folder / "gecc.toml"
        config.write_text(text.replace('id = "demo"\n', 'id = "demo"\nfcr_window_s = 3600\n', 1))
        with Gecc(config) as service, prometheus([service.url.removeprefix("http://")]) as scraper:
            asyncio.run(run_simulation(day, host="127.0.0.1", port=broker.port, pbx_log=log))
            played = Played(
                day, service, scraper, config, {"from": f"{now.date()}", "to": f"{now.date() + timedelta(days=1)}"}
            )
            wait_until(lambda: is_whole(day, service.metrics()), "the day is not in /metrics")
            shown = None
            while shown != (shown := settled(played.rows())):
                time.sleep(1.5)  # one more refresh, until nothing is still on its way
            since_s = time.time()
            wait_until(
                lambda: min(played.query("timestamp(gecc_events_total)").values(), default=0) > since_s, "no scrape"
            )
            yield played


def total(page: dict[str, float], name: str) -> float:
    return sum(value for series, value in page.items() if series.startswith(f"{name}{{"))


def is_whole(day: Day, page: dict[str, float]) -> bool:
    names = ("tickets_issued", "tickets_served", "votes", "calls_offered", "calls_answered")
    return all(total(page, f"gecc_{name}_total") == day.truth[name] for name in names)


def test_the_figures_are_the_simulators_truth(played):
    truth, figures = played.day.truth, played.figures()
    counts = {
        "tickets_issued": "tickets_issued", "tickets_served": "tickets_served", "tickets_no_show": "no_shows",
        "votes": "votes", "calls_offered": "calls_offered", "calls_answered": "calls_answered",
        "calls_abandoned": "calls_abandoned", "calls_timed_out": "calls_timed_out", "calls_no_agent": "calls_no_agent",
        "calls_left_by_key": "calls_left_by_key",
    }  # fmt: skip
    assert {kpi: figures[kpi]["value"] for kpi in counts} == {kpi: truth[name] for kpi, name in counts.items()}
    means = {
        "ticket_wait_seconds_mean": (truth["ticket_wait_ms"] / 1000, truth["tickets_called"]),
        "asa_seconds": (truth["call_wait_s"], truth["calls_answered"]),
        "talk_seconds_mean": (truth["call_talk_s"], truth["calls_answered"]),
        "satisfaction_mean_percent": (truth["vote_score_sum"] / 5 * 100, truth["votes"]),
    }
    got = {kpi: (figures[kpi]["numerator"], figures[kpi]["denominator"]) for kpi in means}
    assert got == {kpi: (pytest.approx(num, rel=1e-12), den) for kpi, (num, den) in means.items()}
    lost = truth["calls_offered"] - truth["calls_answered"] - truth["calls_left_by_key"]
    assert figures["abandoned_call_rate"]["value"] == lost / truth["calls_offered"]


def test_every_figure_of_the_wall_is_the_same_number_everywhere(played):
    figures = played.figures()
    command = [
        sys.executable,
        "-m",
        "telemetry",
        "kpis",
        "--data",
        str(played.service.data),
        "--config",
        str(played.config),
    ]
    period = ["--from", played.period["from"], "--to", played.period["to"]]
    printed = subprocess.run(
        [*command, "--site", "demo", *period, "--format", "json"], cwd=ROOT, capture_output=True, check=True
    )
    assert settled(json.loads(printed.stdout)) == settled(played.rows()), "gecc kpis and /v1/kpis"

    board = {row["kpi"]: row for row in played.service.json("/v1/board", site="demo")["today"]}
    page = played.service.metrics()
    assert list(board) == list(WALL)
    for name, kpi in WALL.items():
        row, shown = figures[name], board[name]
        assert [shown[k] for k in ("n", "ci_low", "ci_high", "target", "verdict", "numerator", "denominator")] == [
            row[k] for k in ("n", "ci_low", "ci_high", "target", "verdict", "numerator", "denominator")
        ]
        if kpi.kind is Kind.HISTOGRAM:
            assert {b["label"]: b["count"] for b in shown["bins"]} == row["value"]
            for label, measure in kpi.bins:
                assert (
                    total(page, f"gecc_{measure}_total")
                    == row["value"][label]
                    == sum(played.query(f"gecc_{measure}_total").values())
                )
            continue
        assert shown["value"] == row["value"] is not None, name
        assert page[f'gecc_today_{name}{{site="demo"}}'] == row["value"], name
        assert played.query(f"gecc_today_{name}") == {"": row["value"]}, name
    told = [k for k in KPIS.values() if k.kind is not Kind.HISTOGRAM and k.by not in (By.AGENT, By.DEVICE)]
    for kpi in told:
        value, shown = figures[kpi.name]["value"], page.get(f'{today_name(kpi)}{{site="demo"}}')
        if shown is None:
            assert not value, (kpi.name, "a sample where there is data")
        else:
            assert shown == pytest.approx(value / 1000 if kpi.name.endswith("_ms") else value, rel=1e-12), kpi.name
    agents = [today_name(k) for k in KPIS.values() if k.by is By.AGENT]
    assert not [series for series in page if series.split("{")[0] in agents], "no sample of persons"


def settled(rows: list[dict]) -> list[dict]:
    """The rows without what goes on with every second: how much of today the sources have told of so far."""
    return [{k: v for k, v in row.items() if k != "coverage"} for row in rows if KPIS[row["kpi"]].by is not By.DEVICE]


def test_the_wallboard_shows_the_same_numbers(played):
    if CHROMIUM is None:
        need("chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    board = played.service.json("/v1/board", site="demo")["today"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page()
        page.goto(f"{played.service.url}/?lang=en")
        page.locator("#kpis li").first.wait_for(timeout=20_000)
        shown = [" ".join(text.split()) for text in page.locator("#kpis li").all_inner_texts()]
        numbers = page.locator("#kpis li .number").all_inner_texts()
        labels = page.locator("#kpis li .label").all_inner_texts()
        browser.close()
    assert labels == [row["label_en"] for row in board]
    for row, number, text in zip(board, numbers, shown, strict=True):
        assert f"n = {row['n']:,}" in text
        if row["unit_kind"] == "histogram":
            assert text.endswith(" ".join(f"{bin_['count']:,} {bin_['label']}" for bin_ in row["bins"]))
            continue
        value, step = read(number)
        exact = row["value"] * 100 if row["unit_kind"] == "ratio" else row["value"]
        assert math.isclose(value, exact, abs_tol=step / 2 + 1e-9), (row["kpi"], number)


def read(text: str) -> tuple[float, float]:
    """A number as the wallboard writes it, and the size of its last digit."""
    if ":" in text:
        parts = [int(part) for part in text.split(":")]
        return sum(part * 60**i for i, part in enumerate(reversed(parts))), 1
    digits = re.fullmatch(r"([\d,]+)(?:\.(\d+))?%?", text)
    assert digits, text
    return float(text.rstrip("%").replace(",", "")), 10.0 ** -len(digits[2] or "")


def test_prometheus_says_that_its_page_is_clean(played):
    checked = subprocess.run(
        [need("promtool"), "check", "metrics"],
        input=fetch(f"{played.service.url}/metrics"),
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_numerators_and_denominators_of_each_unit_agree_with_the_counters(played):
    page = played.service.metrics()
    compared = 0
    for row in played.rows("unit"):
        kpi = KPIS[row["kpi"]]
        for measure, value in ((kpi.numerator, row["numerator"]), (kpi.denominator, row["denominator"])):
            if not measure or measure.startswith("fcr_") or value is None:
                continue
            # What is 0 has no series unless the other part of a ratio has one.
            counter = page.get(f'{metric_name(measure)}_total{{site="demo",unit="{row["unit"]}"}}', 0)
            if measure.endswith("_ms"):
                counter *= 1000
            if measure == kpi.numerator:  # percent, of shares
                counter *= kpi.times / (kpi.per if measure.endswith("_ms") else 1)
            as_figure = counter
            assert as_figure == pytest.approx(value, rel=1e-12), (row["kpi"], row["unit"], measure)
            compared += 1
    assert compared > 100


def test_histograms_have_their_edges_and_agree_with_the_telephone_log(played):
    page = played.service.metrics()
    rang, waited = rings_and_waits(played.day)
    for name, seconds in (("gecc_call_ring_seconds", rang), ("gecc_call_wait_seconds", waited)):
        for edge in (5, 10, 15, 20):
            got = page[f'{name}_bucket{{le="{edge}.0",site="demo",unit="hotline"}}']
            assert got == sum(s <= edge for s in seconds), (name, edge)
        assert page[f'{name}_count{{site="demo",unit="hotline"}}'] == len(seconds) == played.day.truth["calls_answered"]
        assert page[f'{name}_sum{{site="demo",unit="hotline"}}'] == pytest.approx(sum(seconds), rel=1e-12)
        assert page[f'{name}_bucket{{le="+Inf",site="demo",unit="hotline"}}'] == len(seconds)
    for service, minutes in (("idcard", 30), ("info", 15), ("damrongdhama", 60)):
        bucket = f'gecc_ticket_wait_seconds_bucket{{le="{minutes * 60}.0",site="demo",unit="{service}"}}'
        assert page[bucket] == page[f'gecc_tickets_within_target_total{{site="demo",unit="{service}"}}']
    for edge in (5, 10, 15, 20):
        assert f'gecc_ticket_wait_seconds_bucket{{le="{edge}.0",site="demo",unit="idcard"}}' in page


def rings_and_waits(day: Day) -> tuple[list[float], list[int]]:
    """Seconds of ringing and of waiting of each answered call, read from the lines of the log."""
    tried: dict[str, float] = defaultdict(float)
    rang: dict[str, float] = {}
    waited: dict[str, int] = {}
    for action in day.actions:
        if not action.line:
            continue
        call, _queue, _agent, event, *data = action.line.split("|")
        if event == "RINGNOANSWER" and call not in rang:
            tried[call] += int(data[0]) / 1000
        elif event == "CONNECT" and call not in rang:
            waited[call], rang[call] = int(data[0]), tried[call] + int(data[2])
    return list(rang.values()), list(waited.values())


def test_counters_do_not_go_down_when_the_service_is_killed_and_started_again(played):
    def counters() -> dict[str, float]:
        page = played.service.metrics()
        return {
            k: v
            for k, v in page.items()
            if re.search(r"(_total|_bucket|_count|_sum)(\{|$)", k) and k not in OF_THE_PROCESS
        }

    before = counters()
    assert before["gecc_events_total"] > 3000
    played.service.kill()
    played.service.start()
    end = time.monotonic() + 60
    while missing := before.keys() - counters().keys():
        assert time.monotonic() < end, missing
        time.sleep(0.1)
    after = counters()
    assert {k: (v, after[k]) for k, v in before.items() if after[k] < v} == {}
    assert {k: (v, after[k]) for k, v in before.items() if after[k] != v and "records_" not in k} == {}
