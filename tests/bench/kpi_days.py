"""The headline figures of a year of calls by centre and day, beside the same questions in DuckDB and in Polars.

Everybody reads the same columns from memory and their answers must be equal. Quantiles are nearest-rank, of whole
seconds rounded up. Run: python tests/bench/kpi_days.py [--calls N] [--runs N]
"""

from __future__ import annotations

import telemetry  # isort: skip  # noqa: F401  before NumPy: it chooses the faster sort

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kpis.calls.by_day import Calls, by_day, resolution_by_day
from kpis.columns import DAY_US
from telemetry.parallel import in_threads
from tests.bench import kpi_data as data
from tests.bench.peers import Engine, peak_mb, print_peak, table, take_turns

COLUMNS = ("site", "arrival_us", "answered", "lost", "wait_ms", "ring_ms", "caller")
DAY = f"(arrival_us + {data.ZONE_US}) // {DAY_US}"
RINGS = [(k * data.CYCLE_MS, (k + 1) * data.CYCLE_MS) for k in range(4)] + [(4 * data.CYCLE_MS, 2**62)]
Q = (0.5, 0.9, 0.95)

SQL_DAYS = f"""
select site, {DAY} as day, count(*) as offered, count(*) filter (answered) as answered, count(*) filter (lost) as lost,
  {", ".join(f"count(*) filter (answered and ring_ms >= {a} and ring_ms < {b}) as r{k}" for k, (a, b) in enumerate(RINGS))},
  count(*) filter (answered and wait_ms <= {data.LIMIT_MS}) as in_time, sum(wait_ms) filter (answered) as wait,
  quantile_disc((wait_ms + 999) // 1000, {list(Q)}) filter (answered) as q
from calls group by all"""
SQL_FCR = f"""
select site, {DAY} as day, count(*) as eligible,
  count(*) filter (next is null or next - arrival_us > {data.WINDOW_MS * 1000}) as resolved
from (select site, arrival_us, answered, lead(arrival_us) over (partition by site, caller order by arrival_us) as next
      from calls where caller <> 0)
where answered and arrival_us + {data.WINDOW_MS * 1000} <= (select max(arrival_us) from calls) group by all"""


class Numpy(Engine):
    """The core."""

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self.calls = Calls(**{name: columns[name] for name in COLUMNS[:-1]})
        self.tokens = columns["caller"], np.zeros(len(columns["caller"]), np.int64)
        end = int(self.calls.arrival_us.max())
        self.rules = data.replaced(data.rules(), end)
        self.zones = data.zones()

    def days(self) -> object:
        return by_day(self.calls, self.rules, self.zones)

    def fcr(self) -> object:
        return resolution_by_day(self.calls, self.tokens, self.rules, self.zones, in_threads)

    def plain(self, question: str, answer) -> np.ndarray:
        if question == "fcr":
            some = answer.fcr_eligible > 0
            return rows(answer, some, [answer.fcr_eligible, answer.fcr_resolved])
        a, some = answer, answer.calls_offered > 0
        counted = [
            a.calls_offered,
            a.calls_answered,
            a.calls_lost,
            *a.rings.transpose(1, 0, 2),
            a.answered_within_target,
        ]
        waits = np.nan_to_num(np.moveaxis(a.wait_s, 2, 0), nan=-1).astype(np.int64)
        return rows(a, some, [*counted, a.answered_wait_ms, *waits])


def rows(answer, some, values) -> np.ndarray:
    """(site, day, values...) in that order."""
    day, place = np.nonzero(some)
    out = np.column_stack([answer.sites[place], answer.first_day + day, *(v[some] for v in values)])
    return out[np.lexsort((out[:, 1], out[:, 0]))]


class DuckDB(Engine):
    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self.db = duckdb.connect(config={"threads": 2})
        self.db.register("given", pl.DataFrame(columns))
        self.db.execute("create table calls as select * from given")
        self.db.unregister("given")

    def days(self) -> object:
        return self.db.execute(SQL_DAYS).fetchnumpy()

    def fcr(self) -> object:
        return self.db.execute(SQL_FCR).fetchnumpy()

    def plain(self, question: str, answer) -> np.ndarray:
        columns = [np.asarray(v) for k, v in answer.items() if k != "q"]
        if question == "days":
            columns = [np.ma.filled(c, 0) for c in (np.ma.asarray(answer[k]) for k in answer if k != "q")]
            listed = np.ma.asarray(answer["q"])
            gone = np.ma.getmaskarray(listed)
            waits = np.array([[-1] * len(Q) if g else v for v, g in zip(listed.data, gone, strict=True)], np.int64)
            columns += list(waits.T)
        out = np.column_stack(columns).astype(np.int64)
        return out[np.lexsort((out[:, 1], out[:, 0]))]


class Polars(Engine):
    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self.frame = pl.DataFrame(columns)
        self.end = int(columns["arrival_us"].max())

    def days(self) -> object:
        answered, ring = pl.col("answered"), pl.col("ring_ms")
        wait = pl.col("wait_ms").filter(answered)
        sorted_s = ((wait + 999) // 1000).sort()
        rank = [((wait.len() * q - 1e-9).ceil().cast(pl.Int64) - 1).clip(0) for q in Q]
        return (
            self.frame.lazy()
            .group_by("site", ((pl.col("arrival_us") + data.ZONE_US) // DAY_US).alias("day"))
            .agg(
                pl.len().alias("offered"),
                answered.sum().alias("answered"),
                pl.col("lost").sum(),
                *[(answered & (ring >= a) & (ring < b)).sum().alias(f"r{k}") for k, (a, b) in enumerate(RINGS)],
                (answered & (pl.col("wait_ms") <= data.LIMIT_MS)).sum().alias("in_time"),
                wait.sum().alias("wait"),
                *[sorted_s.get(r, null_on_oob=True).fill_null(-1).alias(f"q{q}") for q, r in zip(Q, rank, strict=True)],
            )
            .collect()
        )

    def fcr(self) -> object:
        window = data.WINDOW_MS * 1000
        next_ = pl.col("arrival_us").shift(-1).over("site", "caller", order_by="arrival_us")
        return (
            self.frame.lazy()
            .filter(pl.col("caller") != 0)
            .with_columns(next_.alias("next"))
            .filter(pl.col("answered") & (pl.col("arrival_us") + window <= self.end))
            .group_by("site", ((pl.col("arrival_us") + data.ZONE_US) // DAY_US).alias("day"))
            .agg(
                pl.len().alias("eligible"),
                (pl.col("next").is_null() | (pl.col("next") - pl.col("arrival_us") > window)).sum().alias("resolved"),
            )
            .collect()
        )

    def plain(self, question: str, answer) -> np.ndarray:
        out = np.column_stack([answer[c].to_numpy() for c in answer.columns]).astype(np.int64)
        return out[np.lexsort((out[:, 1], out[:, 0]))]


ENGINES = {"the core": Numpy, "DuckDB": DuckDB, "Polars": Polars}
QUESTIONS = {"days": COLUMNS[:-1], "fcr": ("site", "arrival_us", "answered", "caller")}


def floors(columns: dict[str, np.ndarray]) -> dict[str, tuple[str, float]]:
    """What nobody who answers from these columns can be faster than."""
    out = {}
    for question, names in QUESTIONS.items():
        took = []
        for _ in range(3):
            began = time.perf_counter()
            for name in names:
                columns[name].copy()
            took.append(time.perf_counter() - began)
        out[question] = f"copying the {sum(columns[n].nbytes for n in names) / 1e6:.0f} MB read", min(took)
    return out


def one_sort(columns: dict[str, np.ndarray]) -> float:
    """Seconds of the one sort that FCR needs."""
    key = np.random.default_rng(1).integers(0, 2**63, len(columns["site"]), np.uint64)
    began = time.perf_counter()
    key.sort()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a million calls")
    parser.add_argument("--memory", nargs=3, metavar=("ENGINE", "QUESTION", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        name, question, folder = options.memory
        columns = {c: np.load(Path(folder) / f"{c}.npy") for c in COLUMNS}
        print_peak(getattr(ENGINES[name](columns), question))
        return
    n = 1_000_000 if options.quick else options.calls
    calls, caller = data.calls(n)
    columns = {name: getattr(calls, name) for name in COLUMNS[:-1]} | {"caller": caller}
    with tempfile.TemporaryDirectory() as folder:
        for name, values in columns.items():
            np.save(Path(folder) / f"{name}.npy", values)
        engines = {name: make(columns) for name, make in ENGINES.items()}
        floor, sort_s = floors(columns), one_sort(columns)
        print(
            f"{n:,} calls of {data.SITES} centres in {data.DAYS} days; {os.cpu_count()} processors, others with 2 threads"
        )
        for question, words, goal in (
            ("days", "counts, rates, rings, service level, mean, p50, p90, p95 of wait by centre and day", 3),
            ("fcr", "first-contact resolution in 7 days by centre and day", 4),
        ):
            found = take_turns(engines, question, options.runs)
            memory = {e: peak_mb(__file__, e, question, folder) for e in engines}
            print(table(words, found, memory, goal=goal, floor=floor[question]))
            if question == "days":
                print("  bound: the processor's work in its cache, one small sort a day; then memory bandwidth")
            else:
                print(
                    f"  bound: sorting hashes ({sort_s:.3f} s for {n:,} at once), then reading the calls of each caller, in cache"
                )


if __name__ == "__main__":
    main()
