"""`gecc import` of a big queue_log: the share of each step, and the whole beside the journal's own bulk rate.

The bulk rate is that of `Journal.commit` alone: the same events, ready and tokenised, in the same batches.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from collectors.formats.asterisk_queue_log import _AT_ONCE, _SCANNER, QueueLog  # noqa: E402
from collectors.tail import read_lines  # noqa: E402
from telemetry.commands.importing import import_files  # noqa: E402
from telemetry.events import Decoded  # noqa: E402
from telemetry.journal import Journal, Unit  # noqa: E402
from telemetry.pipeline import refuse_future_events  # noqa: E402
from telemetry.privacy import Pseudonyms  # noqa: E402
from tests.bench.logs import queue_log  # noqa: E402

SITE, FORMAT = "nonthaburi", "asterisk_queue_log"
SOURCE = f"{SITE}/{FORMAT}"
RUNS = 3


def steps(file: Path, data: Path) -> tuple[Counter[str], list[Decoded]]:
    """Seconds of each step, and the batches ready to be committed."""
    took: Counter[str] = Counter()
    ready = []
    data.mkdir()
    pseudonyms = Pseudonyms(data / "keys.json", time.time_ns() // 1000)
    decoder = QueueLog(site=SITE, source=SOURCE)
    parts = read_lines(file)
    while True:
        began = time.perf_counter()
        part = next(parts, None)
        took["read"] += time.perf_counter() - began
        if part is None:
            return took, ready
        began = time.perf_counter()
        for at in range(0, len(part.lines), _AT_ONCE):
            _SCANNER.scan(part.lines[at : at + _AT_ONCE])
        checked = time.perf_counter()
        decoded = decoder.feed(part.lines, 0)  # which checks them once more
        made = time.perf_counter()
        refuse_future_events(decoded, time.time_ns() // 1000)
        pseudonyms.protect(decoded)
        took["parsed and checked"] += checked - began
        took["made into events"] += (made - checked) - (checked - began)
        took["tokenised"] += time.perf_counter() - made
        ready.append(decoded)


def bulk(ready: list[Decoded], data: Path) -> float:
    """Seconds of the journal alone, from its making to its closing, as the import has them."""
    began = time.perf_counter()
    journal = Journal(data)
    journal.ensure([SITE])
    for decoded in ready:
        journal.commit([Unit(SOURCE, decoded, time.time_ns() // 1000)])
    journal.pack()
    journal.close()
    return time.perf_counter() - began


def whole(file: Path, data: Path) -> float:
    """Seconds of the command."""
    args = Namespace(data=data, config=None, site=SITE, format=FORMAT, source=None, set=[], files=[file])
    began = time.perf_counter()
    with redirect_stdout(StringIO()) as said:
        assert import_files(args) == 0
    took = time.perf_counter() - began
    assert " duplicates 0, rejects 0," in said.getvalue(), said.getvalue()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=150, help="how often the laboratory's log is repeated")
    args = parser.parse_args()
    gc.set_threshold(100_000, 50, 100)
    each: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="gecc-bench-") as folder:
        root = Path(folder)
        file = root / "queue_log"
        file.write_bytes(queue_log(args.times))
        for run in range(RUNS):
            took, ready = steps(file, root / f"keys-{run}")
            os.sync()  # what others wrote is no part of anybody's work
            took["committed"] = bulk(ready, root / f"bulk-{run}")
            events = sum(len(decoded.events) for decoded in ready)
            del ready
            os.sync()
            took["import"] = whole(file, root / f"import-{run}")
            for name, s in took.items():
                each.setdefault(name, []).append(s)
        size_mb = file.stat().st_size / 1e6
    median = {name: statistics.median(all_) for name, all_ in each.items()}
    imported = median.pop("import")
    print(f"queue_log of {events:,} lines, {size_mb:.1f} MB; each step by itself:")
    for name, s in median.items():
        print(f"  {name:20} {events / s:>11,.0f} lines/s  {s / sum(median.values()):4.0%} of the steps' time")
    print(f"  {'gecc import':20} {events / imported:>11,.0f} lines/s")
    print(f"whole import: {median['committed'] / imported:.2f} of the journal's bulk rate")


if __name__ == "__main__":
    main()
