"""A simulated centre-year before and after its sealed days have left the journal: sizes, and what reading costs.

python tests/bench/retention.py [--days 250]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

from evidence import HOUR_US, SITE, make

from telemetry import gone
from telemetry.archive.retention import leaving
from telemetry.archive.store import Store
from telemetry.figures import query
from telemetry.journal import Journal
from telemetry.journal_reader import JournalReader

_A = TypeVar("_A")


def timed(work: Callable[[], _A], times: int = 5) -> tuple[float, _A]:
    """Median CPU seconds, and what came of it; nothing is remembered from one time to the next."""
    spent = []
    for _ in range(times):
        gone._read.cache_clear()
        start = time.process_time()
        out = work()
        spent.append(time.process_time() - start)
    return median(spent), out


def used(journal: Journal) -> int:
    """Bytes of the journal's file that hold something."""
    pages, free, size = (
        journal._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=250)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gecc-bench-") as folder:
        data = Path(folder)
        n = make(data, args.days, 500, 300)
        journal, reader, store = Journal(data), JournalReader(data), Store(data)
        span = journal.span(SITE.id) or (0, 0)
        now_us = span[1] + 500 * 24 * HOUR_US

        def read() -> tuple[float, float, object]:
            columns, _ = timed(lambda: reader.columns([SITE.id], *span))
            kpis, rows = timed(lambda: query(reader, SITE, None, None, now_us=span[1]))
            return columns, kpis, rows

        size, (columns, kpis, rows) = used(journal), read()
        start = time.process_time()
        days = [one.day for one in leaving(journal, store, SITE, now_us, 35) if journal.let_go(one)]
        spent = time.process_time() - start
        after, (columns_after, kpis_after, rows_after) = used(journal), read()
        assert rows == rows_after, "a figure has changed"
        files = sum(path.stat().st_size for path in store.folder.rglob("events.parquet"))
        journal.close()
    print(
        f"{n:,} events; {len(days)} days left, {spent / len(days) * 1e3:.0f} ms of CPU each; every figure is what it was"
    )
    print(
        f"journal            {size / n:7.1f} -> {after / n:6.1f} bytes an event ({files / n:.1f} in the sealed files)"
    )
    print(
        f"columns of it all  {columns * 1e3:7.0f} -> {columns_after * 1e3:6.0f} ms ({columns_after / columns:.1f} times)"
    )
    print(f"all its KPIs       {kpis * 1e3:7.0f} -> {kpis_after * 1e3:6.0f} ms ({kpis_after / kpis:.2f} times)")


if __name__ == "__main__":
    main()
