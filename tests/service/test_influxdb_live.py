"""The running service and a real store, killed at their worst moments: every point is there once, and as /v1/kpis has it."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from kpis.model import By
from kpis.results import KPIS
from telemetry.exporters.influxdb_points import shapes
from telemetry.journal_reader import JournalReader
from tests.servers import Server, influxd, victoria_metrics
from tests.service.harness import Gecc, Lives, fetch, metrics, noon_zone, tally, wait_until
from tests.telemetry.influxdb_tools import FakeStore

SENT = {name: shape.measurement for shape in shapes() for name in shape.measures}
KILLS = 6


def write_config(folder: Path, store_port: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "queue_log").touch()
    file = folder / "gecc.toml"
    file.write_text(
        f"""data = 'data'
[web]
port = 0
[influxdb]
url = 'http://127.0.0.1:{store_port}'
bucket = 'gecc'
interval_s = 0.1
timeout_s = 5
[[sites]]
id = 'nonthaburi'
timezone = '{noon_zone()}'
[[sites.sources]]
id = 'pbx'
format = 'asterisk_queue_log'
tail = 'queue_log'
""",
        "utf-8",
    )
    return file


class Pbx:
    """Calls of two queues, spread over some hours, or over days; each answered, or lost."""

    def __init__(self, log: Path, days: int = 0) -> None:
        self._log, self.calls, self.events = log, 0, 0
        self._apart_s = 86_400 // 30 if days else 3
        self._start = int(time.time()) - (days * 86_400 if days else 9000)

    def ring(self, calls: int) -> None:
        with self._log.open("a") as log:
            for n in range(self.calls, self.calls + calls):
                at, queue, call = self._start + n * self._apart_s, ("hotline", "info")[n % 2], f"{self._start}.{n}"
                lines = [f"{at}|{call}|{queue}|NONE|ENTERQUEUE||08{n:08}|1"]
                if n % 5:
                    lines.append(f"{at + 2}|{call}|{queue}|Anong|CONNECT|2|{call}x|1")
                    lines.append(f"{at + 60}|{call}|{queue}|Anong|COMPLETECALLER|2|58|1")
                else:
                    lines.append(f"{at + 9}|{call}|{queue}|NONE|ABANDON|1|1|9")
                log.write("\n".join(lines) + "\n")
                self.events += len(lines)
        self.calls += calls


Sums = Counter[tuple[str, str]]
"""(measurement and field, unit) → sum over all points."""


def held_by_victoria(store: Server) -> Sums:
    """What its points add up to. Each is there once."""
    fetch(f"http://127.0.0.1:{store.port}/internal/force_flush")
    url = f"http://127.0.0.1:{store.port}/api/v1/export?match%5B%5D=%7B__name__%3D~%22gecc_.%2B%22%7D"
    out: Sums = Counter()
    with urllib.request.urlopen(url, timeout=20) as answer:
        for row in map(json.loads, answer):
            assert len(set(row["timestamps"])) == len(row["timestamps"]), row["metric"]
            assert all(t % 900_000 == 0 for t in row["timestamps"])
            out[row["metric"]["__name__"], row["metric"].get("unit", "")] += sum(row["values"])
    page = metrics(fetch(f"http://127.0.0.1:{store.port}/metrics"))
    assert page['vm_rows_invalid_total{type="influx"}'] == 0
    return out


def influxql(store: Server, q: str) -> Any:
    body = urlencode({"db": "gecc", "q": q}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{store.port}/query", body, timeout=20) as answer:
        return json.load(answer)["results"][0]


def held_by_influxd(store: Server) -> Sums:
    """What its points add up to."""
    out: Sums = Counter()
    for row in influxql(store, "SELECT sum(*) FROM /gecc_.*/ GROUP BY unit").get("series", ()):
        for column, value in zip(row["columns"][1:], row["values"][0][1:], strict=True):
            out[f"{row['name']}_{column.removeprefix('sum_')}", row["tags"]["unit"]] += value or 0
    return out


@contextmanager
def write_api_of_2x(store: Server) -> Iterator[FakeStore]:
    """The path and the answers of the write API of 2.x, before a store of 1.x that keeps the points."""

    def answer(lines: list[str]) -> tuple[int, dict[str, str], str] | None:
        url = f"http://127.0.0.1:{store.port}/write?db=gecc&precision=s"
        try:
            with urllib.request.urlopen(url, "\n".join(lines).encode(), timeout=5) as said:
                return said.status, {}, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {}, error.read().decode()
        except OSError:
            return None

    influxql(store, "CREATE DATABASE gecc")
    with FakeStore() as front:
        front.answer = answer
        yield front


def wrong(service: Gecc, points: Sums) -> list[tuple[str, str, Any, Any]]:
    """(kpi, unit, what /v1/kpis has, what the store has) wherever these differ."""
    out, compared = [], 0
    for by in ("unit", "total"):
        for row in service.json("/v1/kpis", site="nonthaburi", by=by):
            kpi = KPIS[row["kpi"]]
            parts = [m for m in (kpi.numerator, kpi.denominator) if m]
            if kpi.kind in ("ratio", "mean", "count") and kpi.by in (By.UNIT, By.SITE) and set(parts) <= SENT.keys():
                has = [
                    sum(
                        v
                        for (f, u), v in points.items()
                        if f == f"{SENT[m]}_{m}"
                        and by in ("total", u and "unit")
                        and (by == "total" or u == row["unit"])
                    )
                    for m in parts
                ]
                said = [round((row["numerator"] or 0) * kpi.per / kpi.times), row["denominator"] or 0][: len(parts)]
                compared += any(said)
                if has != said:
                    out.append((row["kpi"], row["unit"], said, has))
    assert compared > 30
    return out


def has_read(data: Path, pbx: Pbx) -> bool:
    """Every call has been read."""
    return (data / "influxdb.db").exists() and tally(data, "events") >= pbx.events


def settled(data: Path, pbx: Pbx) -> bool:
    """Every call has been read, and nothing is due any more."""
    if not has_read(data, pbx):
        return False
    with closing(sqlite3.connect(f"file:{data / 'influxdb.db'}?mode=ro", uri=True, timeout=10)) as db:
        try:
            due = db.execute("SELECT count(*) FROM due").fetchone()
            read = db.execute("SELECT value FROM meta WHERE key = 'offset'").fetchone()
        except sqlite3.OperationalError:  # it is just being made
            return False
    return due == (0,) and read == (str(JournalReader(data).ends()[0]),)


def settle(lives: Lives, pbx: Pbx) -> None:
    """Two lives in peace: one reads what is left, and the other writes everything. (What comes while a life goes on may
    make days due that it only looks at again a quarter of an hour later, and the first calls of callers after an hour.)"""
    for done in (has_read, settled):
        lives.launch()
        wait_until(lambda done=done: done(lives.folder / "data", pbx), f"not {done.__name__}")
        lives.stop()


def lived(config: Path, pbx: Pbx, options: tuple[str, ...], crash: str, kills: int) -> int:
    """Calls come in while the service lives and dies; how often it was killed."""
    pbx.ring(40)
    with Lives(config, *options, crash=crash) as lives:
        lives.launch()
        while lives.ended().count(-signal.SIGKILL) < kills:
            assert lives.is_alive(), lives.log
            pbx.ring(5)
            time.sleep(0.1)
        lives.stop()
        assert set(lives.ended()) <= {-signal.SIGKILL, 0}, lives.log
    return lives.ended().count(-signal.SIGKILL)


@pytest.mark.parametrize("point", ["influx_before_write", "influx_after_write"])
def test_killed_around_its_writes_the_store_has_every_point_as_v1_kpis_has_it(tmp_path, tell, point):
    with influxd() as store, write_api_of_2x(store) as front:
        config = write_config(tmp_path / "service", front.port)
        pbx = Pbx(config.parent / "queue_log")
        kills = lived(config, pbx, ("--believe",), f"{point}:0.5", KILLS)
        with Lives(config, "--believe") as last:
            settle(last, pbx)
        with Gecc(config) as service:
            assert wrong(service, held_by_influxd(store)) == []
    tell(f"{point}: {kills} kills, {len(front.calls)} calls, {sum(map(len, front.calls))} points")


def test_a_day_that_is_done_before_it_is_written_is_missing(tmp_path):
    with influxd() as store, write_api_of_2x(store) as front:
        config = write_config(tmp_path / "service", front.port)
        pbx = Pbx(config.parent / "queue_log")
        pbx.ring(40)
        with Lives(config, "--done-early", crash="influx_before_write:1") as lives:
            settle(lives, pbx)
            assert lives.ended().count(-signal.SIGKILL) >= 1
        with Lives(config, "--believe") as last:
            settle(last, pbx)
        front.stop()
        with Gecc(config) as service:
            assert wrong(service, held_by_influxd(store)) != []


def test_the_store_is_killed_while_it_is_written_to_and_has_everything_in_the_end(tmp_path, tell):
    with influxd() as store, write_api_of_2x(store) as front:
        config = write_config(tmp_path / "service", front.port)
        pbx = Pbx(config.parent / "queue_log")
        with Gecc(config) as service:
            for _ in range(2):
                pbx.ring(30)
                wait_until(lambda: service.metrics()["gecc_influxdb_behind_events"] == 0, "behind")
                store.kill()
                pbx.ring(30)
                wait_until(lambda: service.metrics()["gecc_influxdb_up"] == 0, "not noticed")
                wait_until(lambda: has_read(service.data, pbx), "not read")
                assert json.loads(fetch(f"{service.url}/readyz"))["problems"] == [], "events are still taken"
                store.start()
                wait_until(lambda: service.metrics()["gecc_influxdb_up"] == 1, "not noticed")
            wait_until(lambda: settled(service.data, pbx), "behind")
            assert wrong(service, held_by_influxd(store)) == []
            failures = {k: v for k, v in service.metrics().items() if k.startswith("gecc_influxdb_failures_total")}
            assert json.loads(fetch(f"{service.url}/healthz"))["influxdb"]["up"] is True
            assert service.stop() == 0
    tell(f"store killed twice: {failures}")


def test_the_past_comes_whole_into_a_victoria_metrics_while_both_are_killed(tmp_path, tell):
    """It does not replace values, so what is written again here is the same."""
    with victoria_metrics() as store:
        config = write_config(tmp_path / "service", store.port)
        whole = config.read_text("utf-8")
        config.write_text(re.sub(r"(?s)\[influxdb\].*?(?=\[\[sites)", "", whole), "utf-8")
        pbx = Pbx(config.parent / "queue_log", days=40)
        pbx.ring(1200)
        with Gecc(config) as service:
            wait_until(lambda: service.figures(site="nonthaburi")["calls_offered"]["value"] == pbx.calls, "not read")
        config.write_text(whole, "utf-8")
        kills = 0
        for point in ("influx_before_write", "influx_after_write"):
            with Lives(config, crash=f"{point}:0.9") as lives:
                lives.launch()
                wait_until(
                    lambda lives=lives: lives.ended().count(-signal.SIGKILL) >= 2 or settled(service.data, pbx),
                    lives.log,
                )
                lives.stop()
                kills += lives.ended().count(-signal.SIGKILL)
            store.kill()
            store.start()
        with Gecc(config) as service:
            wait_until(lambda: service.metrics()["gecc_influxdb_points_total"] > 0, "nothing given again")
            wait_until(lambda: settled(service.data, pbx), "behind")
            assert wrong(service, held_by_victoria(store)) == []
        assert kills >= 3
    tell(f"the past: {kills} kills of the service, 2 of the store")
