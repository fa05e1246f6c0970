"""From queue events to calls to the figures of every centre and day, of more and more calls of a year: does the time of a
call stay the same? Events come part by part, as a journal gives them; making them is not counted.

Run: python tests/bench/kpi_growth.py [--sizes MILLIONS ...]
"""

from __future__ import annotations

import telemetry  # isort: skip  # noqa: F401  before NumPy: it chooses the faster sort

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kpis.calls.straight import headline
from kpis.columns import Columns
from telemetry.parallel import in_threads
from tests.bench import kpi_data as data
from tests.bench.peers import print_peak


class Timed:
    """A year's events, and how long making them took."""

    def __init__(self, calls: int) -> None:
        self.calls, self.spent_s = calls, 0.0

    def __iter__(self) -> Iterator[Columns]:
        made = data.events(self.calls)
        while True:
            began = time.perf_counter()
            part = next(made, None)
            self.spent_s += time.perf_counter() - began
            if part is None:
                return
            yield part


def one(calls: int) -> None:
    """Seconds, and the peak of memory, of one size."""
    rules, zones = data.rules(), data.zones()

    def ask() -> float:
        events = Timed(calls)
        began = time.perf_counter()
        days, resolution = headline(events, rules, zones, each=in_threads)
        took = time.perf_counter() - began - events.spent_s
        print(took, int(days.calls_offered.sum()), int(resolution.fcr_eligible.sum()))
        return took

    print_peak(ask)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 3, 10, 30], help="million calls")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one)
        return
    print("queue events to calls to figures by centre and day, year of 500 centres")
    print(f"  {'calls':>12}{'s':>9}{'ns a call':>11}{'peak MB':>10}{'bytes a call':>14}")
    each = []
    for size in options.sizes:
        n = int(size * 1e6)
        command = [sys.executable, __file__, "--one", str(n)]
        said = [
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
            for _ in range(options.runs)
        ]
        took, peak = (statistics.median(float(run[i]) for run in said) for i in (0, -1))
        assert all(n * 0.98 < int(run[1]) <= n for run in said), said
        each.append(took / n)
        print(f"  {n:>12,}{took:>9.2f}{took / n * 1e9:>11.0f}{peak:>10.0f}{peak * 1e6 / n:>14.0f}", flush=True)
    print(
        f"  a call of {options.sizes[-1]:g} million takes {each[-1] / each[0]:.2f} times as long as one of {options.sizes[0]:g};"
        f" the greatest of all {max(each) / min(each):.2f} times the least (goal 1.3)"
    )
    print("  bound: the processor's work on windows of events in its cache; memory is the rows of the calls")


if __name__ == "__main__":
    main()
