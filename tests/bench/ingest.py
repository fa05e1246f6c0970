"""How fast the whole service takes messages in: from publishers through a real Mosquitto to the committed journal.

In one run, on the same cores: (a) a plain aiomqtt loop that acknowledges automatically and stores nothing, (b) the
cheapest reader there is, (c) the service. With --history also (d) the service with that many rows already in its
journal, and how long `columns` takes over all of them beside memory-mapped .npy files of the same columns.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kpis.columns import DTYPES  # noqa: E402
from telemetry.events import Decoded, Event  # noqa: E402
from telemetry.journal import Journal, Unit  # noqa: E402
from tests.bench.mqtt_readers import WINDOW, measure, publish_load  # noqa: E402
from tests.servers import mosquitto  # noqa: E402

SITES, KIOSKS = 25, 4
STEPS = ("issued", "called", "started", "finished")


def messages(count: int, publisher: int) -> Iterator[str]:
    """Plain JSON of tickets going through their day, about 200 bytes each, as `topic, tab, payload`."""
    start = time.time() - 3600
    for i in range(count):
        # Each publisher plays half of the kiosks; each kiosk numbers its own messages.
        half = KIOSKS // 2
        site, kiosk, ticket = i % SITES, publisher * half + i // SITES % half, i // (SITES * 4)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start + 3000 * i / count)) + f".{i % 1000:03}Z"
        payload = {
            "event": STEPS[i // SITES % 4],
            "ticket": f"{'AB'[publisher]}{ticket % 100000:05}",
            "service": "idcard",
            "counter": "3",
            "boot": f"2026-11-21-{publisher}",
            "seq": i // (SITES * half),
            "time": stamp,
        }
        if i // SITES % 4 == 0:
            payload["priority"] = 0
        yield f"gecc/v1/site-{site}/kiosk-{kiosk}/ticket\t{json.dumps(payload, separators=(',', ':'))}"


def configuration(data: Path, mqtt_port: int) -> Path:
    file = data / "gecc.toml"
    sites = "".join(
        f'[[sites]]\nid = "site-{s}"\n[[sites.services]]\nid = "idcard"\ntarget_minutes = 30\n'
        + "".join(f'[[sites.devices]]\nid = "kiosk-{k}"\n' for k in range(KIOSKS))
        for s in range(SITES)
    )
    file.write_text(
        f"[web]\nport = 0\n[mqtt]\nhost = '127.0.0.1'\nport = {mqtt_port}\nreceive_maximum = {WINDOW}\n{sites}"
    )
    return file


@contextmanager
def service(data: Path, mqtt_port: int, profile: str = "") -> Iterator[str]:
    """`gecc run` in a process of its own; gives the address of its web."""
    command = [*(["-m", "cProfile", "-o", profile] if profile else []), "-m", "telemetry", "run"]
    log = data / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command, "--config", str(configuration(data, mqtt_port))],
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            text = log.read_text()
            if "mqtt: connected" in text:
                yield text.split("listening on ")[1].split()[0]
                break
            assert process.poll() is None and time.monotonic() < deadline, text
            time.sleep(0.02)
    finally:
        process.terminate()
        process.wait(60)


def highest(data: Path) -> int:
    with sqlite3.connect(f"file:{data / 'journal.db'}?mode=ro", uri=True) as db:
        return db.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0]


def run_service(count: int, lines: list[Path], data: Path, profile: str = "") -> dict[str, float]:
    """Messages a second into the journal, and how much later the figures showed them all."""
    with mosquitto(max_inflight_messages=WINDOW) as server, service(data, server.port, profile) as url:
        before = highest(data)
        earlier = _counted(url)
        with publish_load(server.port, count, lines=lines) as go:
            began = time.perf_counter()
            go()
            while highest(data) < before + count:
                time.sleep(0.02)
            took = time.perf_counter() - began
            while _counted(url) < earlier + count / 4:
                time.sleep(0.1)
            shown = time.perf_counter() - began - took
    return {"rate": count / took, "shown_s": shown}


def _counted(url: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        rows = answer.read().decode().splitlines()
    return sum(float(r.rsplit(" ", 1)[1]) for r in rows if r.startswith("gecc_tickets_issued_total{"))


def fill(data: Path, rows: int) -> None:
    """A journal with this many events of the past, as a year of the sites would leave it."""
    journal = Journal(data, pack_rows=200_000)
    per_commit, day_us = 10_000, 86_400_000_000
    start = int(time.time() * 1e6) - 370 * day_us
    step = rows // (SITES * 4000) * day_us // rows  # a centre has about 4,000 events a day
    for first in range(0, rows, per_commit):
        events = [
            Event(f"site-{i % SITES}", f"site-{i % SITES}/kiosk-{i // SITES % KIOSKS}", f"old:{i:010}",
                  f"ticket.{STEPS[i // SITES % 4]}", start + i * step, "idcard", f"A{i // (SITES * 4) % 1000:03}", "3")
            for i in range(first, min(first + per_commit, rows))
        ]  # fmt: skip
        journal.commit([Unit("mqtt", Decoded(events), start)])
    journal.pack()
    journal.close()


def time_columns(data: Path) -> tuple[float, float]:
    """Seconds for `columns` over the whole journal, and for the same columns from memory-mapped .npy files."""
    journal = Journal(data)
    sites = [f"site-{s}" for s in range(SITES)]
    journal.columns(sites[:1], 0, 2**62)
    ours, floor = [], []
    with tempfile.TemporaryDirectory() as folder:
        columns = journal.columns(sites, 0, 2**62)
        for name in DTYPES:
            np.save(f"{folder}/{name}.npy", getattr(columns, name))
        del columns
        for _ in range(3):
            began = time.perf_counter()
            columns = journal.columns(sites, 0, 2**62)
            ours.append(time.perf_counter() - began)
            del columns
            began = time.perf_counter()
            copies = [np.array(np.load(f"{folder}/{name}.npy", mmap_mode="r")) for name in DTYPES]
            floor.append(time.perf_counter() - began)
            del copies
    journal.close()
    return statistics.median(ours), statistics.median(floor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--history", type=int, default=0, help="rows already in the journal for (d)")
    parser.add_argument("--only-service", action="store_true")
    parser.add_argument("--profile", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gecc-bench-") as temporary:
        root = Path(temporary)
        lines = [root / "0.lines", root / "1.lines"]
        for i, path in enumerate(lines):
            path.write_text("\n".join(messages(args.count // 2, i)) + "\n")
        size = len(next(messages(1, 0)).split("\t")[1])
        print(f"{args.count} messages of about {size} bytes, QoS 1, {len(lines)} publishers on the same cores")
        rates: dict[str, list[float]] = {}

        def note(name: str, rate: float) -> None:
            rates.setdefault(name, []).append(rate)

        if args.history:
            (root / "old").mkdir()
            began = time.perf_counter()
            fill(root / "old", args.history)
            print(f"journal of {args.history:,} rows made in {time.perf_counter() - began:.0f} s")
        for run in range(args.runs):
            old, data = root / f"old-{run}", root / f"data-{run}"
            data.mkdir()
            if args.history:
                subprocess.run(["cp", "-r", str(root / "old"), str(old)], check=True)
            os.sync()  # writing out the copy is no part of anybody's work
            if not args.only_service:
                for name in ("plain aiomqtt 2.5.1", "bare"):
                    note(name, args.count / measure(name, args.count, size, sys.executable, real=True)["seconds"])
            turns = [("service", data), ("service, old journal", old)][: 2 if args.history else 1]
            for name, folder in turns if run % 2 else turns[::-1]:
                result = run_service(args.count, lines, folder, args.profile)
                note(name, result["rate"])
                print(f"  run {run}, {name}: figures complete {result['shown_s']:.2f} s after the journal", flush=True)
        median = {name: statistics.median(r) for name, r in rates.items()}
        for name, rate in median.items():
            text = f"{name:28} {rate:9,.0f} msg/s"
            for other in ("plain aiomqtt 2.5.1", "bare", "service"):
                if other in median and other != name:
                    text += f"  {rate / median[other]:5.2f} x {other}"
            print(text)
        if args.history:
            ours, floor = time_columns(root / "old")
            print(
                f"columns over {args.history:,} rows: {ours:.2f} s, memory-mapped .npy {floor:.2f} s, ratio {ours / floor:.2f}"
            )


if __name__ == "__main__":
    main()
