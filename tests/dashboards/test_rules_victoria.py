"""The recording rules give the same numbers on VictoriaMetrics, evaluated there hour by hour as vmalert does it."""

from __future__ import annotations

import json
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from dashboards import rules_recording
from tests.servers import Server, need

BEGIN_S = 1_735_689_600  # an hour of the past: nothing is still on its way into the store
HOURS = 8
SCRAPED = ',job="gecc",instance="i"}'
"""What the scraper adds, where `I` stands."""
PREFIX = "gecc_calls_offered", "gecc_calls_lost", "gecc_abandoned_call_rate", "gecc_steady"
RULES = [
    rule
    for group in rules_recording.groups()
    for rule in group["rules"]
    if rule["record"].split(":")[1] in PREFIX and "country" not in rule["record"]
]
MINUTE: dict[str, object] = {
    # counter → what it shows in each minute, None where nothing is scraped
    'gecc_calls_offered_total{site="steady",unit="u1",I}': lambda m: 500 + 3 * m,
    'gecc_calls_lost_total{site="steady",unit="u1",I}': lambda m: 70 + m,
    'gecc_calls_offered_total{site="new",unit="u1",I}': lambda _: 100,
    'gecc_calls_offered_total{site="new",unit="u2",I}': lambda m: 3 if m >= 150 else None,
    'gecc_calls_offered_total{site="reset",unit="u1",I}': lambda m: 900 + m if m < 210 else m - 210,
    'gecc_calls_offered_total{site="outage",unit="u1",I}': lambda m: None if 100 < m < 310 else 2 * m,
    'gecc_build_info{version="1",I}': lambda _: 1,
    **{
        f'gecc_site_info{{site="{site}",province="north",I}}': lambda _: 1
        for site in ("steady", "new", "reset", "outage")
    },
}
EXPECTED = {
    ("increase1h", "steady"): 3 * 60,
    ("increase28d", "steady"): 3 * 60 * HOURS,
    ("increase1h", "new"): 0,
    ("increase28d", "new"): 3,
    ("increase1h", "reset"): 60,
    ("increase28d", "reset"): 240,
    ("increase1h", "outage"): 120,
    ("increase28d", "outage"): 120 * HOURS,
}


@contextmanager
def store():
    def command(port: int, folder: Path) -> list[str]:
        return [
            need("victoria-metrics"), f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y", "-search.latencyOffset=0s", "-memory.allowedBytes=256MB",
        ]  # fmt: skip

    with Server(command) as server:
        yield f"http://127.0.0.1:{server.port}"


def take(url: str, lines: list[str]) -> None:
    body = "\n".join(lines).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/import/prometheus", body), timeout=10).close()
    urllib.request.urlopen(f"{url}/internal/force_flush", timeout=10).close()


def ask(url: str, expr: str, at_s: int) -> list[tuple[dict[str, str], str]]:
    with urllib.request.urlopen(f"{url}/api/v1/query?{urlencode({'query': expr, 'time': at_s})}", timeout=10) as answer:
        return [(row["metric"], row["value"][1]) for row in json.load(answer)["data"]["result"]]


def evaluate(url: str, at_s: int) -> None:
    """One round of every rule, each seeing what those before it have made."""
    for rule in RULES:
        made = []
        for labels, value in ask(url, rule["expr"], at_s):
            pairs = ",".join(f'{name}="{text}"' for name, text in labels.items() if name != "__name__")
            made.append(f"{rule['record']}{{{pairs}}} {value} {at_s * 1000}")
        if made:
            take(url, made)


def test_outages_resets_and_new_queues_count_as_on_prometheus():
    lines = [
        f"{name.replace(',I}', SCRAPED)} {value} {(BEGIN_S + 60 * m) * 1000}"
        for name, shown in MINUTE.items()
        for m in range(-5, HOURS * 60 + 1)
        if (value := shown(m)) is not None
    ]
    end = BEGIN_S + HOURS * 3600
    with store() as url:
        take(url, lines)
        deadline = time.monotonic() + 60
        while not ask(url, "gecc_calls_offered_total", BEGIN_S):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for hour in range(HOURS + 1):
            evaluate(url, BEGIN_S + hour * 3600)
        got = {
            (window, site): float(value)
            for window in ("increase1h", "increase28d")
            for labels, value in ask(url, f"site:gecc_calls_offered:{window}", end)
            for site in [labels["site"]]
        }
        ratios = ask(url, 'site:gecc_abandoned_call_rate:ratio28d{site="steady"}', end)
        province = ask(url, "province:gecc_calls_offered:increase28d", end)
    # A window is open at its beginning there, as it is from Prometheus 3 on: of the past hour one minute's scrape is less.
    assert {key: value for key, value in got.items() if key[0] == "increase28d"} == {
        key: value for key, value in EXPECTED.items() if key[0] == "increase28d"
    }
    assert {key: value for key, value in got.items() if key[0] == "increase1h"} == {
        key: value * 59 / 60 for key, value in EXPECTED.items() if key[0] == "increase1h"
    }
    assert [float(value) for _, value in ratios] == [pytest.approx(1 / 3, rel=1e-11)]  # it keeps twelve digits
    assert [float(value) for _, value in province] == [sum(v for k, v in EXPECTED.items() if k[0] == "increase28d")]
