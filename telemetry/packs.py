"""Packs: runs of events as one blob each, column after column, kept per site and UTC day in the journal's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kpis.columns import DAY_US, DTYPES, I64, Columns, concat, group
from telemetry.events import EVENT_TYPES

STORED = [(name, dtype) for name, dtype in DTYPES.items() if name != "site"]
"""The columns of a pack, one after another; its site stands in the row."""

HEARD = np.zeros(128, np.bool_)
"""Event types that say that the PBX was heard of."""
HEARD[[row.code for name, row in EVENT_TYPES.items() if name.startswith(("call.", "agent.", "source."))]] = True


def write(db: sqlite3.Connection, cols: Columns) -> None:
    """Pack these events, inside the caller's transaction.

    A new run is joined with the one before it as long as that is less than four times its size, so that a day ends up
    as a few runs and no row is copied more than a few times.
    """
    day = cols.time_us // DAY_US
    g = group((cols.site.astype(np.uint64) << np.uint64(32)) | day.astype(np.uint64))
    cols, day = cols.take(g.order), day[g.order]
    for rows in g.slices():
        _write_run(db, cols.take(rows), int(cols.site[rows.start]), int(day[rows.start]))


def remove(db: sqlite3.Connection, site: int, days: Iterable[int], seqs: I64) -> None:
    """Take the events with these offsets out of the packs of a site's UTC days, inside the caller's transaction."""
    for day in days:
        for (rowid,) in db.execute("SELECT rowid FROM pack WHERE site = ? AND day = ?", (site, day)).fetchall():
            run = _read_run(db, rowid, site)
            left = run.take(~np.isin(run.seq, seqs))
            if len(left) < len(run):
                db.execute("DELETE FROM pack WHERE rowid = ?", (rowid,))
                if len(left):
                    _insert_run(db, left, site, day)


def _write_run(db: sqlite3.Connection, run: Columns, site: int, day: int) -> None:
    older = db.execute("SELECT rowid, n FROM pack WHERE site = ? AND day = ? ORDER BY last_seq DESC", (site, day))
    total, joined = len(run), []
    for rowid, n in older.fetchall():
        if n >= 4 * total:
            break
        total += n
        joined.append((rowid,))
    if joined:
        parts = [_read_run(db, rowid, site) for (rowid,) in reversed(joined)]
        run = concat([*parts, run])
        db.executemany("DELETE FROM pack WHERE rowid = ?", joined)
    _insert_run(db, run, site, day)


def _insert_run(db: sqlite3.Connection, run: Columns, site: int, day: int) -> None:
    heard = run.time_us[HEARD[run.type]]
    blob = b"".join(np.ascontiguousarray(getattr(run, name)).tobytes() for name, _ in STORED)
    db.execute(
        "INSERT INTO pack VALUES (?,?,?,?,?,?,?)",
        (int(run.seq[0]), int(run.seq[-1]), site, day, len(run), int(heard.max()) if len(heard) else 0, blob),
    )


def _read_run(db: sqlite3.Connection, rowid: int, site: int) -> Columns:
    n, blob = db.execute("SELECT n, columns FROM pack WHERE rowid = ?", (rowid,)).fetchone()
    out = {name: np.empty(n, dtype) for name, dtype in DTYPES.items()}
    fill(out, 0, site, n, blob)
    return columns_of(out)


def fill(out: Mapping[str, np.ndarray[Any, Any]], at: int, site: int, n: int, blob: bytes) -> None:
    """Put a pack's `n` events into `out` from row `at` on."""
    offset = 0
    out["site"][at : at + n] = site
    for name, dtype in STORED:
        out[name][at : at + n] = np.frombuffer(blob, dtype, n, offset)
        offset += n * dtype.itemsize


def columns_of(by_name: Mapping[str, Any]) -> Columns:
    """Columns from arrays by name, of the types in DTYPES."""
    return Columns(**by_name)
