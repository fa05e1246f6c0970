"""`gecc backup`: the journal as it stands at one moment, copied while the service goes on writing it.

The copy is a journal like any other. The keys of pseudonyms are no part of it: whoever has both can find out callers by
trying all numbers, and a key that the service has destroyed must not live on in old copies. `--keys` copies them apart.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from argparse import Namespace
from contextlib import closing
from pathlib import Path

from telemetry.journal_reader import JournalError, connect


def backup(args: Namespace) -> int:
    """gecc backup"""
    journal, out = args.data / "journal.db", args.out
    if not journal.exists():
        raise JournalError(f"{journal}: no journal here")
    if out.is_dir():
        out /= time.strftime("journal-%Y%m%d-%H%M%S.db")
    events, left = copy_journal(journal, out)
    print(f"{out}: {events} events, {out.stat().st_size} bytes, checked")
    if left:
        print(
            f"The events of {left} days are in {args.data / 'archive'} alone: copy that folder as well", file=sys.stderr
        )
    if args.keys:
        _copy_whole(args.data / "keys.json", args.keys)
        print(f"{args.keys}: the keys of pseudonyms; keep them apart from the journal, and no longer than 31 days")
    else:
        print(
            "Without keys.json: a journal put back gets new ones, and calls, callers and agents of before and after are"
            " then strangers to each other (--keys copies them)",
            file=sys.stderr,
        )
    return 0


def copy_journal(journal: Path, out: Path) -> tuple[int, int]:
    """Copy it whole, check the copy, and give it its name when it is on the disk; how many events it holds, and how many
    days have left it for their sealed files."""
    part = out.with_name(out.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            closing(connect(journal, writable=False)) as source,
            closing(sqlite3.connect(part, isolation_level=None)) as copy,
        ):
            source.backup(copy)  # in one go: step by step it would begin anew whenever something is written
            copy.execute("PRAGMA journal_mode=DELETE")  # one file that can be copied on
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise JournalError(f"{journal}: the copy is damaged: {found}")
            events = int(copy.execute("SELECT count(*) FROM event").fetchone()[0])
            left = _left(copy)
        _on_disk(part, out)
    except sqlite3.Error as problem:
        raise JournalError(f"{journal}: {problem}") from problem
    finally:
        part.unlink(missing_ok=True)
    return events, left


def _left(copy: sqlite3.Connection) -> int:
    """How many days have left the journal; none of one that is of a version before that."""
    if not copy.execute("SELECT 1 FROM sqlite_schema WHERE name = 'gone'").fetchone():
        return 0
    return int(copy.execute("SELECT count(*) FROM gone WHERE events > 0").fetchone()[0])


def _copy_whole(file: Path, out: Path) -> None:
    part = out.with_name(out.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        copy.write(file.read_bytes())
    _on_disk(part, out)


def _on_disk(part: Path, out: Path) -> None:
    for path, name in ((part, out), (out.parent, None)):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if name is not None:
            path.replace(name)
