"""Cubes of centre-days added up to the country, ticks of the live view, and a year of 500 centres.

A centre's day is 5,000 events of every kind. Run: python tests/bench/kpi_cube.py [--cubes N] [--sites N]
"""

from __future__ import annotations

import telemetry  # isort: skip  # noqa: F401  before NumPy: it chooses the faster sort

import argparse
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

from kpis.blocks import Block, Cube
from kpis.columns import DAY_US, Columns, bring_together, concat, pair
from kpis.cube import by_site, coarsen, merge, pack, rekey, within
from kpis.each import Each
from kpis.results import cube_of
from kpis.rollup import one_group, roll_up, roll_up_all
from telemetry.config import Site
from telemetry.journal import Journal
from telemetry.live import SITES_AT_ONCE, Live
from telemetry.parallel import in_threads
from telemetry.rules import rules_of, zones_of
from tests.bench.kpi_day import CODE, NAMES, day, later, site
from tests.bench.peers import memory_mb

NOON_US = 1_795_230_000_000_000 // DAY_US * DAY_US + 9 * 3600 * 1_000_000
"""16:00 in Bangkok, half an hour before the centres close."""
OPENS_US = NOON_US - 27_000_000_000
FIRST_SITE = len(NAMES) + 1


def size_mb(cube: Cube) -> float:
    """Bytes of a cube's arrays."""
    arrays = ((b.key, b.tallies.rows, b.amounts.rows, b.seconds.entry, b.seconds.count) for b in cube.blocks.values())
    return sum(a.nbytes for of in arrays for a in of) / 1e6


def timed(ask: Callable[[], object], runs: int) -> float:
    """Median seconds."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        answer = ask()
        took.append(time.perf_counter() - began)
        del answer
    return statistics.median(took)


def code(name: str) -> int:
    number = name.removeprefix("centre-")
    return int(number) + FIRST_SITE if number.isdecimal() else CODE.get(name, -1)


def moved(cube: Cube, to_site: int, days: int) -> Cube:
    """Another centre's day alike."""

    def key(block: Block) -> np.ndarray:
        return pack(np.full(len(block), to_site), block.unit, block.quarter + 96 * days)

    return rekey(cube, key)


def merging(n: int, runs: int) -> None:
    sites = [site(i) for i in range(8)]
    zones = zones_of(sites, code)
    made = []
    for i, one in enumerate(sites):
        at = code(one.id)
        rules = rules_of([one], code, as_of_us={at: OPENS_US + DAY_US})
        made.append(cube_of(day(at, OPENS_US, np.random.default_rng(i)), rules, zones))
    cubes = [moved(made[i % 8], i % 500 + FIRST_SITE, i // 500) for i in range(n)]
    mb = sum(map(size_mb, cubes))
    cells = sum(len(b) for b in cubes[0].blocks.values())

    def country(each: Each = in_threads) -> object:
        return roll_up_all(cubes, lambda block: np.zeros(len(block), np.int64), 1, each)

    def both(each: Each = in_threads) -> object:
        whole = merge(cubes, each)
        return roll_up(whole, one_group(whole), 1, each)

    def alone(ask: Callable[[Each], object]) -> float:
        return timed(lambda: ask(map), runs)

    sums, seconds = country()
    also, seconds_also = both()
    assert all((sums[name] == also[name]).all() for name in also)
    assert all((seconds[name].count == seconds_also[name].count).all() for name in seconds_also)
    print(f"{n:,} centre-day cubes, {mb:,.0f} MB, {cells:,} cells, {len(cubes[0].measures)} measures a centre")
    print(f"{'':42}{'2 threads':>11}{'1 thread':>13}")
    print(
        f"  rolled up to the country                {timed(country, runs):>11.3f} s {alone(country):>11.3f} s   (goal 1 s)"
    )
    print(f"  merged, then rolled up to the country   {timed(both, runs):>11.3f} s {alone(both):>11.3f} s")
    everything = np.ones(int(mb * 1e6), np.uint8)
    print(f"  floor: reading those {mb:,.0f} MB             {timed(everything.max, 3):>13.3f} s (1 thread)")
    print(f"  floor of merging: copying them          {timed(everything.copy, 3):>13.3f} s (1 thread)")
    print(
        "  bound: the interpreter's work for each cube (some arrays each), then memory bandwidth; of a cube as large as all"
    )
    print("  of them, the memory that the system hands out")


def ticks(n: int, runs: int) -> None:
    sites = [site(i) for i in range(n)]
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        journal.ensure([*NAMES, *(s.id for s in sites)])
        assert all(journal.code(name) == at for name, at in CODE.items())
        assert journal.code("centre-0") == FIRST_SITE, journal.code("centre-0")
        live = Live(journal, sites, clock=lambda: NOON_US / 1e6)
        live.load()
        days = [day(code(s.id), OPENS_US, np.random.default_rng(i), 1.1) for i, s in enumerate(sites)]
        days = [d.take(d.time_us <= NOON_US) for d in days]
        live.refresh([concat(days)])
        seq = 10_000_000

        rng = np.random.default_rng(0)
        _, of_each_kind = np.unique(days[0].type, return_index=True)

        def any_one(of: Columns) -> Columns:
            return of.take(rng.integers(0, len(of), 1))

        def tick(some: list[Columns], events: Callable[[Columns], Columns] = any_one) -> Callable[[], None]:
            def run() -> None:
                nonlocal seq
                fresh = concat([events(d) for d in some])
                seq += len(fresh)
                live.refresh([replace(fresh, seq=np.arange(seq - len(fresh), seq))])

            return run

        print(f"\nlive view of {n} centres, {len(days[0]):,} events of each today")
        one, every = tick(days[:1]), tick(days[:1], lambda of: of.take(of_each_kind))
        print(f"  a tick, one event of one centre         {timed(one, 40 * runs) * 1e3:>8.2f} ms  (goal 5 ms)")
        print(f"  a tick, one of each kind of one centre  {timed(every, 10 * runs) * 1e3:>8.2f} ms  (goal 5 ms)")
        for what, ask, goal in (
            (f"a tick, all {n} changed", tick(days), "   (goal 1 s)"),
            (f"all {n} looked at, nothing new", lambda: live.refresh([], everything=True), ""),
            ("  the first of these from scratch", lambda: from_scratch(live, sites), ""),
            ("  floor: their events by contact, once", lambda: by_contact(live, sites), ""),
        ):
            took, processor = timed(ask, runs), cpu(ask)
            print(f"  {what:38}  {took:>8.3f} s, {processor:.3f} s of the processors{goal}")
        print(
            "  bound: the interpreter's work for each NumPy call where few changed; the parts that changed, and what depends"
        )
        print("  on the time (presence, days), where many did")
        journal.close()


def from_scratch(live: Live, sites: list[Site]) -> None:
    """What a tick of all sites comes to where nothing is kept."""
    rules = rules_of(sites, code, as_of_us={code(s.id): NOON_US for s in sites})
    zones = zones_of(sites, code)
    for first in range(0, len(sites), SITES_AT_ONCE):
        by_site(cube_of(concat([live.columns_of(s.id) for s in sites[first : first + SITES_AT_ONCE]]), rules, zones))


def by_contact(live: Live, sites: list[Site]) -> None:
    """One step of the many: the events of each contact are brought together."""
    for first in range(0, len(sites), SITES_AT_ONCE):
        events = concat([live.columns_of(s.id) for s in sites[first : first + SITES_AT_ONCE]])
        bring_together(events, pair(events.site.astype(np.uint64), events.contact))


def cpu(ask: Callable[[], object]) -> float:
    """Seconds of the processors, the least of three."""
    took = []
    for _ in range(3):
        began = time.process_time()
        ask()
        took.append(time.process_time() - began)
    return min(took)


def year(days: int) -> None:
    one, at = site(0), code("centre-0")
    rules, zones = rules_of([one], code, as_of_us={at: OPENS_US + days * DAY_US}), zones_of([one], code)
    base = [day(at, OPENS_US, np.random.default_rng(i)) for i in range(16)]
    before = memory_mb()
    began = time.perf_counter()
    made, n = [], 0
    for first in range(0, days, 30):
        span = range(first, min(first + 30, days))
        events = concat([later(base[d % 16], d) for d in span])
        n += len(events)
        quarters = tuple((OPENS_US // DAY_US + d) * 96 for d in (span[0], span[-1] + 1))
        made.append(coarsen(within(cube_of(events, rules, zones), quarters)))
    whole = merge(made)
    took = time.perf_counter() - began
    print(f"\na year of a centre, {days} days, {n:,} events, a month at a time, kept as cells of days")
    print(
        f"  {took:.2f} s, {took / n * 1e9:,.0f} ns an event; {size_mb(whole):.1f} MB kept; peak {memory_mb(peak=True) - before:.0f} MB"
    )
    print(
        f"  500 centres one after another: {500 * took / 60:.0f} minutes on one processor, {500 * size_mb(whole) / 1e3:.1f} GB"
        " of cubes if all are kept in memory (goal 4 GB); streamed, one centre's"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cubes", type=int, default=10_000)
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--days", type=int, default=245)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    options = parser.parse_args()
    part = 10 if options.quick else 1
    logging.disable(logging.WARNING)
    merging(options.cubes // part, options.runs)
    ticks(options.sites // part, options.runs)
    year(options.days // part)


if __name__ == "__main__":
    main()
