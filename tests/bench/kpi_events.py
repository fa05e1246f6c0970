"""Interleaved queue events to calls, beside the same question in DuckDB and in Polars.

A call's arrival, first queue, answer, exit, wait, ringing and talk, also where one of its events is lost. Everybody reads
the same columns from memory; every row must be equal. The others' queries take the earliest of (time | number) packed,
which both are faster with than with their own first and arg_min.
Run: python tests/bench/kpi_events.py [--calls N] [--runs N]
"""

from __future__ import annotations

import telemetry  # isort: skip  # noqa: F401  before NumPy: it chooses the faster sort

import argparse
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kpis.calls.call_rows import ring_ms
from kpis.calls.many_calls import AT_ONCE, call_rows
from kpis.calls.stints import ANSWERED
from kpis.columns import DTYPES, MISSING, Columns, pair
from telemetry.parallel import in_threads
from tests.bench import kpi_data as data
from tests.bench.peers import Engine, peak_mb, print_peak, table, take_turns

READ = ("site", "contact", "time_us", "type", "unit", "a", "b")
ROW_BYTES = 84
"""Of a call, as the core gives it."""
BITS = 17
LOW = (1 << BITS) - 1
T = f"(time_us - {data.BEGIN_US})"

SQL = f"""
create or replace temp table rows as
select site, contact, (case when entered = first then first else (coalesce(ans, exi) >> {BITS}) - (coalesce(ans, exi) & {LOW}) * 1000
    end) + {data.BEGIN_US} as arrival, (unit & 3) + 1000 as unit, case when ans is null then coalesce(code, 0) else 1 end as outcome,
  coalesce(coalesce(ans, exi) & {LOW}, {MISSING}) as wait,
  case when con >> {BITS} = ans >> {BITS} then (con & {LOW}) + coalesce(tried, 0) else {MISSING} end as ring,
  coalesce(talk, 0) as talk
from (select site, contact, min({T}) as first, min({T}) filter (type = 51) as entered, min({T} << 2 | (unit - 1000)) as unit,
    min({T} << {BITS} | a) filter (type >= 54 and type <= 56) as ans, min({T} << {BITS} | b) filter (type = 54) as con,
    min({T} << {BITS} | a) filter (type >= 57) as exi, max(type) filter (type >= 57) as code,
    (sum(b) filter (type = 55 or type = 56))::bigint as talk, (sum(a) filter (type = 52))::bigint as tried
  from events group by site, contact)"""
NAMES = ("arrival", "unit", "outcome", "wait", "ring", "talk")


def in_order(key: np.ndarray, columns: list[np.ndarray]) -> np.ndarray:
    order = np.argsort(key)
    return np.column_stack([key[order].view(np.int64), *(np.asarray(c)[order].astype(np.int64) for c in columns)])


class Numpy(Engine):
    """The core."""

    def __init__(self, events: Columns) -> None:
        self.parts = [events]

    def calls(self) -> object:
        return call_rows(self.parts, each=in_threads)

    def plain(self, _question: str, r) -> np.ndarray:
        ring = ring_ms(r.ring_last_ms, r.ring_tried_ms, r.wait_ms, np.zeros(1, np.int64))
        ring[r.outcome != ANSWERED] = MISSING
        return in_order(r.call, [r.arrival_us, r.unit, r.outcome, r.wait_ms, ring, r.talk_ms])


class OneThread(Numpy):
    def calls(self) -> object:
        return call_rows(self.parts)


class DuckDB(Engine):
    def __init__(self, events: Columns) -> None:
        self.db = duckdb.connect(config={"threads": 2})
        self.db.register("given", pl.DataFrame({name: getattr(events, name) for name in READ}))
        self.db.execute("create table events as select * from given")
        self.db.unregister("given")

    def calls(self) -> object:
        return self.db.execute(SQL)

    def plain(self, _question: str, _answer) -> np.ndarray:
        r = self.db.execute("select * from rows").fetchnumpy()
        return in_order(pair(r["site"].astype(np.uint64), r["contact"]), [r[name] for name in NAMES])


class Polars(Engine):
    def __init__(self, events: Columns) -> None:
        self.frame = pl.DataFrame({name: getattr(events, name) for name in READ})

    def calls(self) -> object:
        c, t, kind = pl.col, pl.col("time_us") - data.BEGIN_US, pl.col("type")
        packed = t * (1 << BITS)

        def of(where: pl.Expr, value: pl.Expr) -> pl.Expr:
            return pl.when(where).then(value)

        told = pl.coalesce("ans", "exi")
        return (
            self.frame.lazy()
            .group_by("site", "contact")
            .agg(
                t.min().alias("first"),
                of(kind == 51, t).min().alias("entered"),
                (t * 4 + c("unit") - 1000).min().alias("unit"),
                of((kind >= 54) & (kind <= 56), packed + c("a")).min().alias("ans"),
                of(kind == 54, packed + c("b")).min().alias("con"),
                of(kind >= 57, packed + c("a")).min().alias("exi"),
                of(kind >= 57, kind).max().alias("code"),
                of((kind == 55) | (kind == 56), c("b")).sum().alias("talk"),
                of(kind == 52, c("a")).sum().alias("tried"),
            )
            .select(
                "site",
                "contact",
                (
                    pl.when(c("entered") == c("first"))
                    .then(c("first"))
                    .otherwise(told // (1 << BITS) - (told & LOW) * 1000)
                    + data.BEGIN_US
                ).alias("arrival"),
                ((c("unit") & 3) + 1000).alias("unit"),
                pl.when(c("ans").is_null()).then(c("code").fill_null(0)).otherwise(1).alias("outcome"),
                (told & LOW).fill_null(MISSING).alias("wait"),
                pl.when(c("con") // (1 << BITS) == c("ans") // (1 << BITS))
                .then((c("con") & LOW) + c("tried"))
                .otherwise(MISSING)
                .alias("ring"),
                "talk",
            )
            .collect()
        )

    def plain(self, _question: str, answer) -> np.ndarray:
        r = {name: answer[name].to_numpy() for name in answer.columns}
        return in_order(pair(r["site"].astype(np.uint64), r["contact"]), [r[name] for name in NAMES])


ENGINES = {"the core": Numpy, "the core, 1 thread": OneThread, "DuckDB": DuckDB, "Polars": Polars}


def floor(events: Columns) -> tuple[str, float]:
    names = (*READ, "caller", "c")
    began = time.perf_counter()
    for name in names:
        getattr(events, name).copy()
    return f"copying the {sum(getattr(events, n).nbytes for n in names) / 1e6:.0f} MB read", time.perf_counter() - began


def sorts(events: Columns, at_once: int = AT_ONCE) -> float:
    """Seconds of sorting the hashes of each window, and of the calls found."""
    key = pair(events.site.astype(np.uint64), events.contact)
    began = time.perf_counter()
    for first in range(0, len(key), at_once):
        key[first : first + at_once].sort()
    return time.perf_counter() - began


def writing(n: int) -> tuple[float, float]:
    """How large the rows of so many calls are, MB, and the seconds of writing that much into memory that is handed out as
    they grow."""
    size = n * ROW_BYTES
    began = time.perf_counter()
    rows = np.empty(size // 8, np.uint8)
    for _ in range(8):
        first = len(rows)
        rows.resize(first + size // 8, refcheck=False)
        rows[first:] = 1
    return size / 1e6, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a million calls")
    parser.add_argument("--memory", nargs=3, metavar=("ENGINE", "QUESTION", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        name, question, folder = options.memory
        events = Columns(**{c: np.load(Path(folder) / f"{c}.npy") for c in DTYPES})
        engine = ENGINES[name](events)
        print_peak(getattr(engine, question))
        return
    n = 1_000_000 if options.quick else options.calls
    events = data.gathered(data.events(n), int(n * 3.2))
    with tempfile.TemporaryDirectory() as folder:
        for name in DTYPES:
            np.save(Path(folder) / f"{name}.npy", getattr(events, name))
        memory = {engine: peak_mb(__file__, engine, "calls", folder) for engine in ENGINES}
    least, sort_s, (rows_mb, rows_s) = floor(events), sorts(events), writing(n)
    print(
        f"{len(events):,} events of {n:,} calls of {data.SITES} centres in {data.DAYS} days; everybody with 2 threads"
    )
    found = take_turns({name: make(events) for name, make in ENGINES.items()}, "calls", options.runs)
    print(table("queue events to calls", found, memory, goal=1.5, floor=least))
    print(
        f"  bound: bringing the events of a call together: sorts {sort_s:.3f} s (1 thread), then reading its columns in that\n"
        f"  order; writing the {rows_mb:,.0f} MB of rows: {rows_s:.3f} s (1 thread)"
    )


if __name__ == "__main__":
    main()
