"""A real Prometheus and a real VictoriaMetrics that scrape one service, know its last hour, and evaluate the same rules."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import yaml

from tests.servers import Server, need
from tests.service.harness import fetch

EVERY_S = 1
_INTERVAL = re.compile(r"^(\s+interval: ).*$", re.MULTILINE)


class Store:
    """What answers PromQL."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{server.port}"

    def instant(self, expr: str, at: float | None = None) -> list[dict]:
        """Series with a value; AssertionError with what the store says of a query that it cannot answer."""
        return self._asked("query", query=expr, **({} if at is None else {"time": f"{at:.3f}"}))

    def over(self, expr: str, start: float, end: float, step_s: float) -> list[dict]:
        return self._asked("query_range", query=expr, start=f"{start:.3f}", end=f"{end:.3f}", step=f"{step_s:g}")

    def values(self, metric: str, label: str) -> list[str]:
        """What Grafana's label_values(metric, label) lists."""
        rows = self._data(f"/api/v1/series?{urlencode({'match[]': metric})}")
        return sorted({row[label] for row in rows if label in row})

    def names(self) -> set[str]:
        return set(self._data("/api/v1/label/__name__/values"))

    def take(self, lines: str) -> None:
        """Store samples in the text form, with milliseconds; VictoriaMetrics only."""
        request = urllib.request.Request(f"{self.url}/api/v1/import/prometheus", lines.encode())
        urllib.request.urlopen(request, timeout=20).close()
        self.flushed()

    def flushed(self) -> Self:
        """With everything that it was given to be seen: what was asked for too early it would not look for again for ten
        seconds; VictoriaMetrics only."""
        fetch(f"{self.url}/internal/force_flush")
        time.sleep(0.2)
        return self

    def _asked(self, what: str, **query: str) -> list[dict]:
        return self._data(f"/api/v1/{what}?{urlencode(query)}")["result"]

    def _data(self, path: str) -> Any:
        answer = json.loads(fetch(f"{self.url}{path}"))
        assert answer["status"] == "success", answer
        return answer["data"]


def _ready(path: str) -> Callable[[int], bool]:
    def ready(port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    return ready


def history(page: str, at_s: Sequence[int], instance: str) -> str:
    """A page of metrics as it was at these times, in OpenMetrics."""
    out = []
    for line in page.splitlines():
        if not line or line.startswith("#"):
            continue
        series, value = line.replace(',unit=""', "").rsplit(" ", 1)
        name, brace, labels = series.partition("{")
        more = f'{{job="gecc",instance="{instance}"' + (f",{labels}" if brace else "}")
        out += [f"{name}{more} {value} {at}" for at in at_s]
    return "\n".join(out) + "\n# EOF\n"


def often(rules: str) -> str:
    """The rules, evaluated every second or two whatever they say."""
    return _INTERVAL.sub(rf"\g<1>{EVERY_S}s", rules)


def _scrape(target: str) -> str:
    return f"scrape_configs: [{{job_name: gecc, static_configs: [{{targets: [{target!r}]}}]}}]\n"


@contextmanager
def prometheus(target: str, rules: str, past: str) -> Iterator[Store]:
    """It records everything that the rules say."""
    program, promtool = need("prometheus"), need("promtool")

    def command(port: int, folder: Path) -> list[str]:
        (folder / "rules.yml").write_text(often(rules))
        every = f"global: {{scrape_interval: {EVERY_S}s, evaluation_interval: {EVERY_S}s}}\n"
        (folder / "prometheus.yml").write_text(f"{every}rule_files: [{folder}/rules.yml]\n{_scrape(target)}")
        if not (folder / "data").exists():
            (folder / "past").write_text(past)
            made = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(folder / "past"), str(folder / "data")]
            subprocess.run(made, check=True, capture_output=True)
            subprocess.run(["chmod", "-R", "a+rwX", str(folder / "data")], check=True)
        return [
            program,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]

    with Server(command, _ready("/-/ready")) as server:
        yield Store(server)


@contextmanager
def victoria_metrics(port: int, target: str, rules: str, past: str) -> Iterator[Store]:
    """Beside it a vmalert records what the rules say of the figures in VMALERT; each of its rules is a request."""
    program, alerter = need("victoria-metrics"), need("vmalert")

    def command(port: int, folder: Path) -> list[str]:
        (folder / "scrape.yml").write_text(f"global: {{scrape_interval: {EVERY_S}s}}\n{_scrape(target)}")
        return [
            program,
            f"-storageDataPath={folder}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-promscrape.config={folder}/scrape.yml",
            "-retentionPeriod=10y",
            "-search.latencyOffset=0s",
            "-memory.allowedBytes=256MB",
        ]

    of_store = Server(command, _ready("/health"))
    of_store.port = port
    with of_store as server:
        store = Store(server)
        store.take(re.sub(r" (\d+)$", r" \g<1>000", past.removesuffix("# EOF\n"), flags=re.MULTILINE))

        def alert(port: int, folder: Path) -> list[str]:
            (folder / "rules.yml").write_text(often(needed(rules, VMALERT)))
            return [
                alerter,
                f"-rule={folder}/rules.yml",
                f"-datasource.url={store.url}",
                f"-remoteWrite.url={store.url}",
                "-notifier.url=http://127.0.0.1:9",
                f"-httpListenAddr=127.0.0.1:{port}",
                f"-evaluationInterval={EVERY_S}s",
                "-remoteWrite.flushInterval=200ms",
            ]

        with Server(alert, _ready("/health")):
            yield store


VMALERT = ("answered_within_3_rings_rate", "satisfaction_mean_percent")
RECORDED = re.compile(r"\b(?:site|unit|province|country):\w+:\w+")


def needed(rules: str, kpis: Sequence[str]) -> str:
    """The rules of these figures and what those are made from."""
    groups = yaml.safe_load(rules)["groups"]
    made = {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}
    todo = [name for name in made if any(f"gecc_{kpi}:" in name for kpi in kpis)]
    kept: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in kept:
            kept.add(name)
            todo += RECORDED.findall(made.get(name, ""))
    for group in groups:
        group["rules"] = [rule for rule in group["rules"] if rule["record"] in kept]
    return yaml.safe_dump({"groups": [group for group in groups if group["rules"]]}, sort_keys=False)
