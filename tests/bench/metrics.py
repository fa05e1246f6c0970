"""How long a page of /metrics takes for many centres in the middle of their day, beside prometheus_client's own encoder
over the same samples, and for how long whoever takes events in waits meanwhile.

Run: python tests/bench/metrics.py [--sites N] [--runs N]
"""

from __future__ import annotations

import telemetry  # isort: skip  # noqa: F401  before NumPy: it chooses the faster sort

import argparse
import asyncio
import gc
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kpis.columns import DAY_US, Columns, concat
from telemetry.events import EVENT_TYPES
from telemetry.exporters.prometheus import Pages
from telemetry.exporters.text import Text
from telemetry.health import Health
from telemetry.journal import Journal
from telemetry.live import Live
from telemetry.metrics_view import MetricsView
from telemetry.settings import Device
from tests.bench.kpi_cube import NOON_US, OPENS_US
from tests.bench.kpi_day import CODE, NAMES, day, site
from tests.telemetry.metrics_room import ByClient, samples

GOAL_S = 0.25
_ISSUED = EVENT_TYPES["ticket.issued"].code


class Country:
    """A live view of some centres, and its pages."""

    def __init__(self, folder: str, n: int) -> None:
        kinds = (("kiosk-1", "kiosk"), ("kiosk-2", "kiosk"), ("button-1", "button"), ("counter-1", "counter"))
        devices = tuple(Device(id=name, kind=kind) for name, kind in kinds)
        self.sites = [replace(site(i), province=f"province-{i % 77}", devices=devices) for i in range(n)]
        self.journal = Journal(Path(folder))
        self.journal.ensure([*NAMES, *(s.id for s in self.sites)])
        assert all(self.journal.code(name) == at for name, at in CODE.items())
        self.live = Live(self.journal, self.sites, clock=lambda: NOON_US / 1e6)
        self.live.load()
        days = [day(self.live.codes[s.id], OPENS_US, np.random.default_rng(i), 1.1) for i, s in enumerate(self.sites)]
        self.today = [one.take(one.time_us <= NOON_US) for one in days]
        self._seq = 0
        self.happen([*(_yesterday(one) for one in days), *self.today])
        self.pages = Pages()
        self._health = Health()
        self._health.source("mqtt").connected = True
        self._latest = {f"{s.id}/{d.id}": NOON_US for s in self.sites for d in s.devices}

    def happen(self, parts: list[Columns]) -> None:
        fresh = concat(parts)
        self._seq += len(fresh)
        self.live.refresh([replace(fresh, seq=np.arange(self._seq - len(fresh), self._seq) + 1)])

    def tickets(self, sites: int, turn: int) -> None:
        """Ten more people come to some of the centres."""
        parts = [one.take(np.flatnonzero(one.type == _ISSUED)[:10]) for one in self.today[:sites]]
        self.happen([replace(one, contact=one.contact + np.uint64(turn)) for one in parts])

    def view(self) -> MetricsView:
        return MetricsView(
            version="1",
            sites={code: name for name, code in self.live.codes.items()},
            configured=self.sites,
            names=self.journal.names,
            snapshot=self.live.snapshot,
            health=self._health,
            earlier={},
            latest_us=self._latest,
            connected=lambda _site, _name: True,
            at_us=NOON_US,
            calendar=self.live.calendar,
        )

    def page(self) -> bytes:
        return self.pages.render(self.view())

    def take_up(self) -> None:
        self.pages.take_up(lambda: self.live.snapshot)


def _yesterday(events: Columns) -> Columns:
    """The same day before; calls and tickets are other ones."""
    contact = np.where(events.contact == 0, np.uint64(0), events.contact ^ np.uint64(1 << 40))
    return replace(events, time_us=events.time_us - DAY_US, contact=contact)


def timed(ask: Callable[[], object], before: Callable[[int], object], runs: int) -> tuple[float, float]:
    """Median seconds by the clock and of the processor; `before` comes before each run and is not measured."""
    took: list[tuple[float, float]] = []
    for turn in range(runs):
        before(turn + 1)
        clock, processor = time.perf_counter(), time.process_time()
        answer = ask()
        took.append((time.perf_counter() - clock, time.process_time() - processor))
        del answer
    return statistics.median(t for t, _ in took), statistics.median(t for _, t in took)


async def stalls(country: Country, work: Callable[[], object] | None, runs: int) -> list[float]:
    """How late an event loop is that wants to wake every millisecond while that is done in a thread; None: nothing."""
    late: list[float] = []
    for turn in range(runs):
        country.tickets(len(country.sites), 100 + turn)
        done = asyncio.create_task(asyncio.to_thread(work) if work else asyncio.sleep(0.2))
        while not done.done():
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - began - 0.001)
        await done
    return sorted(late)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as the service does
    with tempfile.TemporaryDirectory(prefix="gecc-metrics-") as folder:
        country = Country(folder, args.sites)
        clock, processor = timed(country.page, lambda _: None, 1)
        page = country.page()
        series = sum(line[:1] != b"#" for line in page.splitlines())
        print(f"{args.sites} centres, {len(country.today[0]):,} events of each today and a whole day before")
        print(f"{series:,} series, {len(page) / 1e6:.1f} MB")
        print(f"{'':42}{'s':>8}{'s of CPU':>10}")
        print(f"  {'the first page, made at the start':40}{clock:>8.3f}{processor:>10.3f}")

        def change(sites: int, *, take_up: bool = False) -> Callable[[int], None]:
            def run(turn: int) -> None:
                if sites:
                    country.tickets(sites, turn)
                if take_up:
                    country.take_up()

            return run

        for what, before, goal in (
            ("nothing changed", change(0), ""),
            ("one centre changed", change(1), ""),
            ("every centre changed, taken up before", change(args.sites, take_up=True), f"   (goal {GOAL_S:g} s)"),
            ("every centre changed", change(args.sites), ""),
        ):
            ours = timed(country.page, before, args.runs)
            print(f"  {what:40}{ours[0]:>8.3f}{ours[1]:>10.3f}{goal}")
        taking = timed(country.take_up, change(args.sites), args.runs)
        print(f"  {'taking up, after a refresh of all':40}{taking[0]:>8.3f}{taking[1]:>10.3f}")
        families = country.pages.families(country.view())

        def text() -> bytes:
            fresh = Text()
            return b"".join(part for family in families for part in fresh.of(family, openmetrics=False))

        ours = timed(text, change(0), args.runs)
        print(f"  {'the text alone, nothing kept':40}{ours[0]:>8.3f}{ours[1]:>10.3f}")
        by_client = ByClient(families)
        theirs = timed(lambda: by_client.page(openmetrics=False), lambda _: None, 1 if args.runs < 3 else 3)
        print(f"  {'prometheus_client, the text alone':40}{theirs[0]:>8.3f}{theirs[1]:>10.3f}", end="")
        print(f"   {theirs[1] / ours[1]:.1f} times ours, in CPU")
        assert samples(country.page()) == samples(by_client.page(openmetrics=False))
        print("  samples equal")
        works = (("idle", None), ("page, every centre changed", country.page), ("taking up", country.take_up))
        for what, work in works:
            late = asyncio.run(stalls(country, work, args.runs))
            p50, p99 = (late[int(len(late) * q)] * 1e3 for q in (0.5, 0.99))
            print(f"  event loop late, {what:27} p50 {p50:.2f} ms, p99 {p99:.2f} ms, worst {late[-1] * 1e3:.2f} ms")
        print("  bound: adding up the cells of all centres (NumPy), then writing the numbers that changed")
        country.journal.close()


if __name__ == "__main__":
    main()
