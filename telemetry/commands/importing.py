"""`gecc import`: logs of the past into the journal, a part at a time."""

from __future__ import annotations

import gc
import sys
import time
import tomllib
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from collectors.base import HoldsBack
from collectors.formats import FORMATS
from collectors.recognition import SAMPLE, is_wrong
from collectors.tail import read_lines, read_whole
from telemetry.commands.common import settings_of
from telemetry.config import Config, Site, Source, source_from
from telemetry.events import Decoded
from telemetry.journal import Journal, Unit
from telemetry.pipeline import refuse_future_events
from telemetry.privacy import Pseudonyms
from telemetry.rules import names_of
from telemetry.sources import decoder_of, name_of, teller_of

IMPORTED = sorted(name for name, row in FORMATS.items() if row.records in ("lines", "documents") and row.recognise)
"""The formats whose logs can be imported."""
MOST_SHOWN = 20
"""Rejects that an import prints; all of them are kept in the journal."""


def import_files(args: Namespace) -> int:
    """gecc import"""
    settings, site = settings_of(args, make=True)
    source = _source(args, site)
    kind = FORMATS[source.format].records
    for file in args.files:
        if not file.is_file():
            raise OSError(f"{file}: {'is a folder' if file.is_dir() else 'no such file'}")
        if wrong := is_wrong(source.format, first_records(file, kind)):
            raise OSError(f"{file}: {wrong}")
    counts = _import(settings, site, source, args.files)
    names = ("records", "events", "duplicates", "rejects", "ignored")
    print(", ".join(f"{'lines' if name == 'records' and kind == 'lines' else name} {counts[name]}" for name in names))
    understood = counts["events"] + counts["duplicates"] + counts["ignored"]
    return 1 if counts["rejects"] and not understood else 0  # nothing was readable: the wrong file, or format


def _import(settings: Config, site: Site, source: Source, files: Sequence[Path]) -> Counter[str]:
    gc.set_threshold(100_000, 50, 100)  # batches are many small tuples that hold no cycles
    name, counts = name_of(source, site), Counter[str]()
    journal = Journal(settings.data)
    try:
        journal.ensure([x for s in settings.sites for x in names_of(s)])
        if (teller := teller_of(source, site)) is not None:
            journal.set_tellers({name: (*teller[:2], False)}, keep=True)
        pseudonyms = Pseudonyms(settings.data / "keys.json", time.time_ns() // 1000, {site.id: site.test_numbers})
        decoder = decoder_of(source, site)
        # One after the other: a thread of its own for the journal takes as long, and what changing between them costs.
        for records, first in _with_progress(files, FORMATS[source.format].records):
            if first:
                decoder.restart()
            now_us = time.time_ns() // 1000
            decoded = decoder.feed(records, now_us)
            refuse_future_events(decoded, now_us)
            pseudonyms.protect(decoded)
            _show(decoded, counts["rejects"])
            counts["events"] += journal.commit([Unit(name, decoded, now_us)]).new[0]
            counts["records"] += len(records)
            counts["decoded"] += len(decoded.events)
            counts["rejects"] += len(decoded.rejected)
            counts["ignored"] += decoded.ignored
        held = Decoded(list(decoder.flush())) if isinstance(decoder, HoldsBack) else Decoded()
        pseudonyms.protect(held)
        counts["decoded"] += len(held.events)
        counts["events"] += journal.commit([Unit(name, held, time.time_ns() // 1000)]).new[0]
        journal.pack()
    finally:
        journal.close()
    counts["duplicates"] = counts["decoded"] - counts["events"]
    return counts


def _source(args: Namespace, site: Site) -> Source:
    """The source the logs belong to: the site's own as it is configured, with what `--set` says beside it."""
    own = next((s for s in site.sources if s.id == args.source or (not args.source and s.format == args.format)), None)
    said = settings_from(args.set)
    if own is not None and own.format == args.format and not said:
        return own
    given: dict[str, Any] = {"id": args.source or (own.id if own else args.format), "format": args.format, **said}
    return source_from(given, Path(), FORMATS, free_id=True)


def settings_from(assignments: Sequence[str]) -> Mapping[str, Any]:
    """`NAME=VALUE` as a setting of a source: the value is TOML, or else a text."""
    said: dict[str, Any] = {}
    for one in assignments:
        name, equals, value = one.partition("=")
        if not equals:
            raise ValueError(f"--set: expected NAME=VALUE, got {one!r}")
        try:
            said[name] = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            said[name] = value
    return said


def first_records(file: Path, kind: str) -> list[bytes]:
    """Enough of a file to know its format by."""
    if kind == "documents":
        return [read_whole(file)]
    for part in read_lines(file):
        if any(line.strip() for line in part.lines):
            return part.lines[:SAMPLE]
    return []


def _with_progress(files: Sequence[Path], kind: str) -> Iterator[tuple[list[bytes], bool]]:
    """The records of all files, and whether they are the first of one; on a terminal a bar says how far it is."""
    bar, shown = sys.stderr.isatty(), 0.0
    for i, file in enumerate(files):
        if kind == "documents":
            yield [read_whole(file)], True
            continue
        for n, part in enumerate(read_lines(file)):
            yield part.lines, n == 0
            if bar and time.monotonic() - shown > 0.1:
                shown = time.monotonic()
                done = part.done_bytes / max(part.total_bytes, 1)
                place = f"{file.name} ({i + 1}/{len(files)})"
                print(f"\r{place} [{'#' * round(done * 30):30}] {done:4.0%}", end="", file=sys.stderr)
    if bar:
        print("\r\x1b[K", end="", file=sys.stderr)


def _show(decoded: Decoded, before: int) -> None:
    for r in decoded.rejected[: max(0, MOST_SHOWN - before)]:
        print(f"rejected: {r.reason}: {r.detail}: {r.raw[:80]!r}", file=sys.stderr)
