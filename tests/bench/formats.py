"""How fast logs are read, beside a plain Python loop over the same file that only takes its lines apart.

The loop is `for line in file: line.split(delimiter)`, or `json.loads(line)` where records are JSON documents. "Checked"
is every field that is read of every record found, typed and validated, by the very functions that the decoders call,
once the lines have been read from the file. "Events" is everything from the file to canonical events with their ids.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from collectors.formats import FORMATS  # noqa: E402
from collectors.formats.ami_stream import Blocks, StreamClock, fields  # noqa: E402
from collectors.formats.asterisk_ami import _READ  # noqa: E402
from collectors.formats.asterisk_queue_log import _AT_ONCE, _SCANNER  # noqa: E402
from collectors.formats.freeswitch_bodies import documents  # noqa: E402
from collectors.formats.freeswitch_document import leg_of  # noqa: E402
from collectors.formats.freeswitch_json_cdr import decoded  # noqa: E402
from collectors.formats.options import Options  # noqa: E402
from collectors.formats.scanned import AT_ONCE, ScannedFormat  # noqa: E402
from collectors.tail import read_lines  # noqa: E402
from tests.bench.logs import LOGS, records  # noqa: E402

RECEIVED_US = 1_795_240_000_000_000
RUNS = 5


def split(file: Path, delimiter: bytes | None) -> None:
    with file.open("rb") as lines:
        for line in lines:
            line.split(delimiter)


def load(file: Path) -> None:
    with file.open("rb") as lines:
        for line in lines:
            json.loads(line)


def check_queue_log(file: Path) -> float:
    """Seconds that a queue_log takes to be checked as its decoder does it."""
    took = 0.0
    for part in read_lines(file):
        began = time.perf_counter()
        for at in range(0, len(part.lines), _AT_ONCE):
            _SCANNER.scan(part.lines[at : at + _AT_ONCE])
        took += time.perf_counter() - began
    return took


def check_scanned(file: Path, decoder: ScannedFormat) -> float:
    """The same of a format that looks at many lines at once. The few that are not plain are read singly, to their events."""
    took, known = 0.0, False
    for part in read_lines(file):
        if not known:  # the first lines may name the columns
            decoder.feed(part.lines[:100], RECEIVED_US)
            known = True
        began = time.perf_counter()
        for at in range(0, len(part.lines), AT_ONCE):
            lines = part.lines[at : at + AT_ONCE]
            scan = decoder._scan(lines, RECEIVED_US)
            assert scan is not None
            cells = scan[0]
            odd = np.flatnonzero(~cells.plain)
            if cells.lines is not None:
                odd = np.setdiff1d(np.arange(len(lines)), cells.lines[cells.plain])
            for n in odd.tolist():
                decoder._read(lines[n], RECEIVED_US)
        took += time.perf_counter() - began
    return took


def check_documents(file: Path) -> float:
    """The same of JSON documents: decoded into their fields, and a leg of a call made of them."""
    took = 0.0
    for part in read_lines(file):
        began = time.perf_counter()
        for body in part.lines:
            for document in documents(body):
                leg_of(decoded(document))
        took += time.perf_counter() - began
    return took


def check_blocks(file: Path) -> float:
    """The same of a manager connection: its blocks, and of those that are read the fields and the time."""
    took, blocks, clock = 0.0, Blocks(), StreamClock()
    for part in read_lines(file):
        began = time.perf_counter()
        for block in blocks.add(part.lines):
            if block[7:].split(b"\n", 1)[0] in _READ:
                clock.now(fields(block), RECEIVED_US)
        took += time.perf_counter() - began
    return took


def check(file: Path, format_: str) -> float:
    decoder = FORMATS[format_].make(site="s", source="pbx", options=Options(**LOGS[format_].settings))
    if isinstance(decoder, ScannedFormat):
        return check_scanned(file, decoder)
    others = {
        "asterisk_queue_log": check_queue_log,
        "asterisk_ami": check_blocks,
        "freeswitch_json_cdr": check_documents,
    }
    return others[format_](file)


def decode(file: Path, format_: str) -> tuple[int, int]:
    """How many records and events; events are let go of as the service does."""
    decoder = FORMATS[format_].make(site="s", source="pbx", options=Options(**LOGS[format_].settings))
    lines = events = 0
    for part in read_lines(file):
        got = decoder.feed(part.lines, RECEIVED_US)
        assert not got.rejected, got.rejected[0]
        lines += len(part.lines)
        events += len(got.events)
    return lines, events


def timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def measure(format_: str, file: Path) -> str:
    """One row of the table: medians of runs that take turns."""
    delimiter = LOGS[format_].delimiter
    documents = FORMATS[format_].records == "documents"
    steps: dict[str, Callable[[], float]] = {
        "loop": lambda: timed((lambda: load(file)) if documents else (lambda: split(file, delimiter))),
        "checked": lambda: check(file, format_),
        "events": lambda: timed(lambda: decode(file, format_)),
    }
    lines, events = decode(file, format_)
    runs = [{name: step() for name, step in steps.items()} for _ in range(RUNS)]
    took = {name: statistics.median(run[name] for run in runs) for name in steps}
    size_mb = file.stat().st_size / 1e6

    def rate(step: str) -> str:
        return f"{lines / took[step]:>9,.0f} {size_mb / took[step]:>5,.0f} MB {took['loop'] / took[step]:6.2f}"

    loop = f"{lines / took['loop']:>9,.0f} {size_mb / took['loop']:>5,.0f} MB"
    return f"{format_:20} {lines:>8,} {loop} {rate('checked')} {rate('events')} {events / took['events']:>10,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("formats", nargs="*", default=list(LOGS), metavar="FORMAT")
    args = parser.parse_args()
    gc.set_threshold(100_000, 50, 100)  # as the service and the import do
    print(f"{'':20} {'':>8} {'loop':>18} {'checked':>18} {'x loop':>6} {'events':>18} {'x loop':>6} {'events':>10}")
    print(
        f"{'':20} {'lines':>8} {'lines/s':>9} {'/s':>8} {'lines/s':>9} {'/s':>8} {'':6} {'lines/s':>9} {'/s':>8} {'':6} {'/s':>10}"
    )
    with tempfile.TemporaryDirectory(prefix="gecc-bench-") as folder:
        for format_ in args.formats:
            file = Path(folder) / f"{format_}.log"
            file.write_bytes(b"".join(record.rstrip(b"\r\n") + b"\n" for record in records(format_)))
            print(measure(format_, file), flush=True)


if __name__ == "__main__":
    main()
