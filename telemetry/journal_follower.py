"""A reader that asks the journal for many sites one after another: what is not yet packed is read once and kept."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import numpy as np

from kpis.columns import I64, U64, Columns, concat, empty, hash_names
from telemetry.journal_reader import OF_MATTERS, JournalReader, rows_after


class Changes(NamedTuple):
    """Events after an offset: arrays of one length."""

    seq: I64
    site: I64
    type: I64
    time_us: I64
    matter: U64
    """Contact of events of conversations and cases, as columns have it; 0 for any other."""


class Follower(JournalReader):
    """A reader for one thread."""

    _tail: Columns = empty()
    _upto = 0
    _last = 0

    def _unpacked(self, db: sqlite3.Connection) -> Columns:
        upto = int(db.execute("SELECT upto_seq FROM packed").fetchone()[0])
        if upto != self._upto:
            self._tail = self._tail.take(self._tail.seq > upto)
            self._upto, self._last = upto, max(upto, self._last)
        fresh = rows_after(db, self._last)
        if len(fresh):
            self._tail, self._last = concat([self._tail, fresh]), int(fresh.seq[-1])
        return self._tail

    def changes(self, after: int, most: int) -> Changes:
        """The next events after journal offset `after`."""
        with self._reading() as db:
            rows = db.execute(
                f"SELECT seq, site, type, time_us, CASE WHEN {OF_MATTERS} THEN contact ELSE '' END FROM event"  # noqa: S608
                " WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, most),
            ).fetchall()
            self._load_names(db)
        seq, site, kind, us = np.array([row[:4] for row in rows], np.int64).reshape(-1, 4).T
        return Changes(seq, site, kind, us, hash_names([row[4].encode() for row in rows]))

    def learn(self) -> None:
        """The names that were given since the last time."""
        with self._reading() as db:
            self._load_names(db)

    def identity(self, seq: int) -> str:
        """What tells the event at an offset from any other; "" where there is none, or it has left the journal."""
        with self._reading() as db:
            row = db.execute("SELECT source, id FROM event WHERE seq = ?", (seq,)).fetchone()
        return f"{row[0]} {row[1]}" if row else ""
