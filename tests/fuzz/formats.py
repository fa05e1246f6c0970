"""`make fuzz`: true records of every format, spoilt in every way, and what each of them must become.

Whatever a record holds: nothing is raised, it becomes events, a reject or is counted as ignored, events are such as the
journal takes, ids name no caller, and what a decoder carries over a restart stays small.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from collectors.base import Guess, HoldsBack, Message  # noqa: E402
from collectors.formats import FORMATS  # noqa: E402
from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, REJECT_REASONS, UNKNOWN, Decoded, Event  # noqa: E402
from telemetry.privacy import Pseudonyms  # noqa: E402
from tests.formats import test_formats as cases  # noqa: E402
from tests.fuzz.spoiling import spoilt  # noqa: E402

RECORDS_A_LIFE, RECORDS_A_CHUNK = 200, 5000
"""One decoder reads so many records; a chunk is what one seed makes and one process does."""
MOST_STATE = 1 << 20
LAB = ROOT / "tests" / "data" / "asterisk-lab"
_LAB = {
    "asterisk_cdr": "cdr.csv.gz",
    "asterisk_cel": "cel.csv.gz",
    "asterisk_ami": "ami.log.gz",
    "asterisk_queue_log": "queue_log",
}
_LAB_LINES = 3000
_NUMBER = re.compile(r"0\d{8,9}")
_YEARS_US = (946_684_800_000_000, 4_102_444_800_000_000)
_SENDERS_IDS = frozenset(("cloudevents_http", "cloudevents_mqtt", "kiosk_json"))
"""Formats whose senders make the ids."""


class World(NamedTuple):
    """A configuration of a format, and true records of it."""

    case: Path
    received_us: int
    records: Sequence[Any]


class Report(NamedTuple):
    """What became of the records of a chunk."""

    counts: Counter[str]
    failures: list[str]


@lru_cache
def worlds(format_: str) -> list[World]:
    """The cases of a format, and the laboratory's log of it."""
    out = []
    for case in sorted((cases.HERE / format_).glob("*/")):
        told = cases.context(cases.HERE / format_) | cases.context(case)
        given = [r for r in cases.records(case) if isinstance(r, Message) or len(r) < 100_000]
        out.append(World(case, told.get("received_us", 0) or 1_795_230_000_000_000, _records(format_, given)))
    if format_ in _LAB:
        path = LAB / _LAB[format_]
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        out.append(out[0]._replace(records=_records(format_, data.split(b"\n")[:_LAB_LINES])))
    return out


def _records(format_: str, lines: Sequence[Any]) -> Sequence[Any]:
    """A record is a line, a document, a message, or with AMI a block."""
    return b"\n".join(lines).split(b"\n\n") if format_ == "asterisk_ami" else lines


def _spoilt(format_: str, rng: random.Random, records: Sequence[Any]) -> Any:
    one = rng.choice(records)
    if FORMATS[format_].records == "lines" and format_ != "asterisk_ami":
        return spoilt(rng, one, records).replace(b"\n", b"")
    if isinstance(one, bytes):
        return spoilt(rng, one, records)
    other = rng.choice(records)
    if rng.random() < 0.1:
        one = one._replace(topic=spoilt(rng, one.topic.encode(), [other.topic.encode()]).decode("utf-8", "replace"))
    if rng.random() < 0.05:
        one = one._replace(retained=not one.retained)
    if rng.random() < 0.05:
        one = one._replace(dup=not one.dup)
    if rng.random() < 0.1:
        one = one._replace(properties=spoilt(rng, one.properties, [other.properties]))
    if rng.random() < 0.05:
        one = one._replace(topic=other.topic)
    return one._replace(payload=spoilt(rng, one.payload, [other.payload]))


def _fed(format_: str, record: Any) -> list[Any]:
    return [*record.split(b"\n"), b""] if format_ == "asterisk_ami" else [record]


def chunk(format_: str, seed: int, number: int, size: int = RECORDS_A_CHUNK) -> Report:
    """Spoil and feed `size` records. The same seed and number make the same ones."""
    counts: Counter[str] = Counter()
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        pseudonyms = Pseudonyms(Path(folder) / "keys.json", 0)
        for at in range(0, size, RECORDS_A_LIFE):
            rng = random.Random(f"{format_}.{seed}.{number}.{at}")
            try:
                for _ in _life(format_, rng, min(RECORDS_A_LIFE, size - at), pseudonyms, counts):
                    pass
            except Exception:  # noqa: BLE001  whatever it is, it is what we look for
                failures.append(f"--formats {format_} --seed {seed} --chunk {number}, life {at}: {_told()}")
    return Report(counts, failures)


def _told() -> str:
    """The exception in hand, with what it came from."""
    return "\n".join(one[:1500] for one in traceback.format_exc(limit=-3).split("\n") if one.strip())


def _life(format_: str, rng: random.Random, size: int, pseudonyms: Pseudonyms, counts: Counter[str]) -> Iterator[None]:
    """What one decoder goes through; failed assertions tell the record."""
    world = rng.choice(worlds(format_))
    row = FORMATS[format_]
    records = [_spoilt(format_, rng, world.records) for _ in range(size)]
    if row.recognise:
        guess = row.recognise([line for record in records[:30] for line in _fed(format_, record)])
        assert guess is None or (isinstance(guess, Guess) and 0 < guess.sure <= 1 and guess.what), guess
    decoder, whole, undisturbed = cases.decoder(format_, world.case), Decoded(), True
    for record in records:
        got = decoder.feed(_fed(format_, record), world.received_us)
        counts["records"] += 1
        counts["events"] += len(got.events)
        counts["ignored"] += got.ignored
        counts.update(f"rejected {no.reason}" for no in got.rejected)
        whole.events += got.events
        whole.rejected += got.rejected
        whole.ignored += got.ignored
        try:
            _check(format_, record, got, pseudonyms)
        except Exception as problem:
            raise AssertionError(f"record {record!r:.3000}") from problem
        turn = rng.random()
        if turn < 0.02:
            undisturbed = False
            state = decoder.dump()
            assert len(state) <= MOST_STATE, f"a state of {len(state)} characters"
            counts["state"] = max(counts["state"], len(state))
            decoder = cases.decoder(format_, world.case)
            decoder.load(state)
            assert row.records == "messages" or decoder.dump() == state, "a state that is taken up is another"
        elif turn < 0.03:
            undisturbed = False
            decoder.restart()
        yield
    if isinstance(decoder, HoldsBack):
        for event in decoder.flush():
            _valid(event)
    if undisturbed and row.records != "messages":  # those depend on when they come
        again = cases.decoder(format_, world.case)
        together = again.feed([line for record in records for line in _fed(format_, record)], world.received_us)
        assert together == whole, "records together become something else than one by one"


def _check(format_: str, record: Any, got: Decoded, pseudonyms: Pseudonyms) -> None:
    became = len(got.events) + len(got.rejected) + got.ignored
    assert became or format_ == "asterisk_ami", "nothing became of it"
    if FORMATS[format_].records == "lines" and format_ != "asterisk_ami":
        assert bool(got.events) + len(got.rejected) + got.ignored == 1, "it is counted twice"
    for no in got.rejected:
        assert no.reason in REJECT_REASONS, no.reason
        assert no.detail.isprintable(), no.detail
        assert 0 < len(no.detail) <= 1000, no.detail
        assert isinstance(no.raw, bytes)
    persons = [event.person for event in got.events]
    for event in got.events:
        _valid(event)
    pseudonyms.protect(got)
    for event, person in zip(got.events, persons, strict=True):
        assert not event.person
        if _NUMBER.fullmatch(person):
            assert person not in event.extra, event
            assert format_ in _SENDERS_IDS or person not in event.id, event


def _valid(event: Event) -> None:
    row = EVENT_TYPES[event.type]
    assert all(getattr(event, need) for need in row.needs), event
    for name in (event.unit, event.contact, event.party, event.id):
        assert len(name.encode()) <= MAX_NAME, event
        assert name.isprintable(), event
    assert event.id
    for name, number in zip(("a", "b", "c"), (event.a, event.b, event.c), strict=True):
        least = -(2**53) if row.slots[:1] == ("utc_offset_ms",) and name == "a" else 0
        assert number in (MISSING, UNKNOWN) or least <= number < 2**53, event
    assert isinstance(event.time_us, int), event
    assert _YEARS_US[0] <= event.time_us < _YEARS_US[1], event
    event.person.encode()
    assert not event.extra or isinstance(json.loads(event.extra), dict), event
    event.extra.encode()


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Spoilt records of every format: nothing but events and rejects comes out."
    )
    parser.add_argument("--count", type=int, default=1_000_000, help="records a format")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--formats", nargs="*", default=list(FORMATS))
    parser.add_argument("--chunk", type=int, help="only this one, to see a failure again")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    print(f"seed {args.seed}, {args.count:,} records a format, {args.jobs} processes", flush=True)
    failed = 0
    with ProcessPoolExecutor(args.jobs) as pool:
        for format_ in args.formats:
            began = time.perf_counter()
            chunks = range(-(-args.count // RECORDS_A_CHUNK)) if args.chunk is None else [args.chunk]
            sizes = [min(RECORDS_A_CHUNK, args.count - n * RECORDS_A_CHUNK) for n in chunks]
            total, failures = Counter(), []
            for counts, found in pool.map(
                chunk, *zip(*((format_, args.seed, n, s) for n, s in zip(chunks, sizes, strict=True)), strict=True)
            ):
                state = max(total["state"], counts["state"])
                total.update(counts)
                total["state"] = state
                failures += found
            rejected = sum(n for what, n in total.items() if what.startswith("rejected "))
            print(
                f"{format_:20} {total['records']:>9,} records: {total['events']:>9,} events {rejected:>9,} rejects "
                f"{total['ignored']:>9,} ignored; state up to {total['state']:>7,} B; {len(failures)} failures; {time.perf_counter() - began:.0f} s",
                flush=True,
            )
            for text in failures[:5]:
                print(text, flush=True)
            failed += len(failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
