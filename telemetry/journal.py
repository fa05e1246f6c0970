"""The truth: an append-only store of events in one SQLite file.

One transaction holds a batch's events, its source's cursor, its rejects and its gaps; `commit` returns after fsync.
The same (source, id) is stored once; ids are ordered in time or by boot and sequence, so that the index grows at its
edges and the rate does not fall as history grows. Rows are for writing safely and for the newest minutes; what lies
behind is also packed as column blobs per site and day, so that `columns` is a few reads. Packs are derived: rows stay
the truth, until their day is sealed and leaves (gone.py). One process writes; readers in any process never block it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from kpis.columns import Bool, Columns, concat, empty, hash_names
from telemetry import gone, heard, packs
from telemetry.archive.checkpoint import looked_upto
from telemetry.events import BY_HAND, EVENT_TYPES, MISSING, Decoded, Event
from telemetry.journal_reader import OF_MATTERS, SCHEMA_VERSION, JournalError, JournalReader, connect, unpacked
from telemetry.voided import source_of

log = logging.getLogger("gecc.journal")

_SCHEMA = """
CREATE TABLE name(code INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE event(
  seq INTEGER PRIMARY KEY, source INTEGER NOT NULL, id TEXT NOT NULL, site INTEGER NOT NULL, type INTEGER NOT NULL,
  time_us INTEGER NOT NULL, received_us INTEGER NOT NULL, unit INTEGER NOT NULL, contact TEXT NOT NULL,
  party INTEGER NOT NULL, caller INTEGER NOT NULL, a INTEGER, b INTEGER, c INTEGER, extra TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX event_identity ON event(source, id);
CREATE TABLE pack(
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, site INTEGER NOT NULL, day INTEGER NOT NULL,
  n INTEGER NOT NULL, heard_us INTEGER NOT NULL, columns BLOB NOT NULL) STRICT;
CREATE INDEX pack_place ON pack(site, day);
CREATE TABLE packed(upto_seq INTEGER NOT NULL) STRICT;
INSERT INTO packed VALUES (0);
CREATE TABLE cursor(source INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE reject(
  n INTEGER PRIMARY KEY, source INTEGER NOT NULL, site INTEGER NOT NULL, received_us INTEGER NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, raw BLOB NOT NULL) STRICT;
CREATE TABLE gap(
  n INTEGER PRIMARY KEY, source INTEGER NOT NULL, site INTEGER NOT NULL, kind TEXT NOT NULL,
  from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, detail TEXT NOT NULL, UNIQUE(source, kind, from_us, to_us)) STRICT;
CREATE TABLE tally(source INTEGER NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(source, what)) STRICT;
CREATE TABLE note(key TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
"""
_INSERT = "INSERT OR IGNORE INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_MATTERS = f"CREATE INDEX IF NOT EXISTS event_matters ON event(site, time_us) WHERE {OF_MATTERS}"
_PACKED_AT_ONCE = 50_000
"""Rows of a journal that is packed anew."""
_CODE_OF_TYPE = {name: row.code for name, row in EVENT_TYPES.items()}


class DiskFullError(JournalError):
    """Nothing of the batch was stored; the same batch may be committed again when there is room."""


class JournalInUseError(JournalError):
    """Another process writes this journal."""


class Unit(NamedTuple):
    """What one source's batch brings to a commit."""

    source: str
    decoded: Decoded
    received_us: int
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit stored."""

    columns: Columns
    """The new events only."""
    new: list[int]
    """Per unit: how many of its events were new; the rest were duplicates."""


def no_crash(_point: str) -> None:
    """Crash points are for tests; in service they do nothing."""


class Journal(JournalReader):
    """The journal of one data folder, for the one process that writes it; it holds the folder's lock.

    `commit`, `pack` and the other writing methods belong to one thread at a time.
    """

    def __init__(self, data: Path, *, pack_rows: int = 50_000, crashpoint: Callable[[str], None] = no_crash) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._pack_rows = pack_rows
        self._crashpoint = crashpoint
        with ExitStack() as undo:  # who is refused holds nothing
            self._lock = undo.enter_context(_take_lock(data / "lock"))
            self._db = undo.enter_context(closing(_open(data / "journal.db")))
            super().__init__(data)
            self.ensure([""])
            self._told = heard.told(self._db)
            self._next_seq = 1 + self._given_upto(data / "archive")
            self._gone = gone.Known(self._db)
            self._tail: list[Columns] = [unpacked(self._db)]
            undo.pop_all()

    def _given_upto(self, archive: Path) -> int:
        """The newest offset that was ever given: an old copy of the journal that was put back may not know of it, but the
        seals do, and no offset may stand for two events."""
        newest, sealed = self.ends()[0], looked_upto(archive)
        if sealed > newest:
            log.warning("%s is older than its sealed days: new events are numbered from where those end", self.path)
        return max(newest, sealed)

    def close(self) -> None:
        """Close the file and let go of the folder."""
        self._db.close()
        self._lock.close()

    def ensure(self, names: Sequence[str]) -> None:
        """Give these names codes (sites and units of the configuration, before any event names them)."""
        missing = [n for n in dict.fromkeys(names) if n not in self.codes]
        if missing:
            with self._transaction():
                self._intern(missing)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of what is written inside, on the disk, or nothing of it, whatever went wrong."""
        known = len(self.names)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as problem:
            for name in self.names[known:]:
                del self.codes[name]
            del self.names[known:]
            if self._db.in_transaction:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            if not isinstance(problem, sqlite3.Error):
                raise
            if getattr(problem, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise DiskFullError(f"{self.path}: the disk is full") from problem
            raise JournalError(f"{self.path}: {problem}") from problem

    def _intern(self, names: Sequence[str]) -> None:
        for name in names:
            code = len(self.names)
            self._db.execute("INSERT INTO name VALUES (?, ?)", (code, name))
            self.names.append(name)
            self.codes[name] = code

    def _load_names(self, db: sqlite3.Connection) -> None:
        if not self.names:  # afterwards the writer knows every name: it makes them
            super()._load_names(db)

    def set_tellers(self, rows: Mapping[str, tuple[str, int, bool]], *, keep: bool = False) -> None:
        """Keep of each source which telephone system it tells of, its rank there, and whether it is followed.
        With `keep`, what is known of a source already stays; else a source that is none of these is followed no more."""
        kept = self.note("tellers")
        before = kept if isinstance(kept, dict) else {}
        new = {source: list(row) for source, row in rows.items()}
        after = {**new, **before} if keep else {**{s: [*row[:2], False] for s, row in before.items()}, **new}
        if after != before:
            self.ensure(list(rows))
            self.set_note("tellers", after)

    def set_note(self, key: str, value: object) -> None:
        """Keep a small JSON value beside the events (counters that must not go down over a restart).
        Raises as `commit` does."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO note VALUES (?,?) ON CONFLICT DO UPDATE SET text = excluded.text", (key, json.dumps(value))
            )

    def commit(self, units: Sequence[Unit]) -> Committed:
        """Store all units in one transaction and return after fsync. Raises DiskFullError, or JournalError when the
        disk fails otherwise: then nothing may be acknowledged and the process must end."""
        with self._transaction():
            columns, new, told = self._insert(units)
            self._crashpoint("before_commit")
        self._crashpoint("after_commit")
        self._told.update(told)
        if len(columns):
            self._next_seq = int(columns.seq[-1]) + 1
            self._tail.append(columns)
            if sum(map(len, self._tail)) >= self._pack_rows:
                self.pack()
        return Committed(columns, new)

    def _insert(self, units: Sequence[Unit]) -> tuple[Columns, list[int], dict[heard.Place, int]]:
        parts: list[Columns] = []
        new: list[int] = []
        tally, seq = heard.Tally(), self._next_seq
        for unit in units:
            events = unit.decoded.events
            columns = empty()
            if events:
                columns, kept = self._insert_events(events, unit.received_us, seq)
                if unit.source.endswith(f"/{BY_HAND}"):  # people are no source that could be late, or silent
                    tally.by_hand(columns)
                else:
                    tally.took(columns, kept, unit.received_us)
                columns = columns if kept is None else columns.take(kept)
                seq += len(events)
                parts.append(columns)
            new.append(len(columns))
            self._insert_rest(unit, len(columns), tally)
        return concat(parts), new, tally.write(self._db, self._told)

    def _insert_events(self, events: list[Event], received_us: int, first_seq: int) -> tuple[Columns, Bool | None]:
        """The events as columns, and which of them are new; None: all are."""
        db, codes = self._db, self.codes
        site, source, ids, kind, time_us, unit, contact, party, _, a, b, c, caller, extra = zip(*events, strict=True)
        if missing := {*site, *source, *unit, *party} - codes.keys():
            self._intern(sorted(missing))
        n = len(events)
        site_code, unit_code, party_code = [codes[x] for x in site], [codes[x] for x in unit], [codes[x] for x in party]
        type_code, source_code = [_CODE_OF_TYPE[x] for x in kind], [codes[x] for x in source]
        before = db.total_changes
        rows: Iterable[tuple[object, ...]] = zip(
            range(first_seq, first_seq + n),
            source_code,
            ids,
            site_code,
            type_code,
            time_us,
            [received_us] * n,
            unit_code,
            contact,
            party_code,
            caller,
            [None if x == MISSING else x for x in a],
            [None if x == MISSING else x for x in b],
            [None if x == MISSING else x for x in c],
            extra,
            strict=True,
        )
        fresh = self._gone.new(site_code, source_code, ids, time_us)
        db.executemany(_INSERT, rows if fresh is None else compress(rows, fresh))
        columns = Columns(
            seq=np.arange(first_seq, first_seq + n, dtype=np.int64),
            time_us=np.array(time_us, np.int64),
            site=np.array(site_code, np.int32),
            type=np.array(type_code, np.int16),
            unit=np.array(unit_code, np.int32),
            contact=hash_names([x.encode() for x in contact]),
            party=np.array(party_code, np.int32),
            caller=np.array(caller, np.int64),
            a=np.array(a, np.int64),
            b=np.array(b, np.int64),
            c=np.array(c, np.int64),
            source=np.array(source_code, np.int32),
        )
        if db.total_changes - before == n:
            return columns, None
        stored = db.execute("SELECT seq FROM event WHERE seq >= ? ORDER BY seq", (first_seq,)).fetchall()
        kept = np.zeros(n, np.bool_)
        kept[[row[0] - first_seq for row in stored]] = True
        return columns, kept

    def _insert_rest(self, unit: Unit, new: int, tally: heard.Tally) -> None:
        db, decoded = self._db, unit.decoded
        if missing := {unit.source, *(g.site for g in decoded.gaps)} - self.codes.keys():
            self._intern(sorted(missing))
        # A reject may name anything: what is not known already gets no code.
        source, code = self.codes[unit.source], self.codes.get
        refused = [
            (code(r.source, source), code(r.site, 0), unit.received_us, r.reason, r.detail, r.raw)
            for r in decoded.rejected
        ]
        db.executemany(
            "INSERT INTO reject(source, site, received_us, reason, detail, raw) VALUES (?,?,?,?,?,?)", refused
        )
        tally.refused(((row[1], row[0]) for row in refused), unit.received_us)
        db.executemany(
            "INSERT OR IGNORE INTO gap(source, site, kind, from_us, to_us, detail) VALUES (?,?,?,?,?,?)",
            [(code(g.source, source), self.codes[g.site], g.kind, g.from_us, g.to_us, g.detail) for g in decoded.gaps],
        )
        counted = {
            "events": new,
            "duplicates": len(decoded.events) - new,
            "ignored": decoded.ignored,
            "gaps": len(decoded.gaps),
        }
        for r in decoded.rejected:
            counted[f"rejected:{r.reason}"] = counted.get(f"rejected:{r.reason}", 0) + 1
        db.executemany(
            "INSERT INTO tally VALUES (?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
            [(source, what, n) for what, n in counted.items() if n]
            + [(told, "refused", n) for told, n in Counter(row[0] or source for row in refused).items()],
        )
        if unit.cursor:
            db.execute(
                "INSERT INTO cursor VALUES (?,?) ON CONFLICT DO UPDATE SET text = excluded.text", (source, unit.cursor)
            )

    def pack(self) -> None:
        """Pack the rows committed since the last time as column blobs per site and day."""
        cols = concat(self._tail)
        if not len(cols):
            return
        try:
            with self._transaction():
                packs.write(self._db, cols)
                self._db.execute("UPDATE packed SET upto_seq = ?", (self._next_seq - 1,))
        except DiskFullError:
            return  # the rows are safe; the next commit tries again
        self._tail = []

    def let_go(self, leaving: gone.Leaving) -> bool:
        """Take the events of a sealed day out; its file has them from now on. False where that must wait for room on the
        disk. ValueError where the journal does not hold exactly these; else raises as `commit` does."""
        self.pack()
        if any(map(len, self._tail)):
            return False
        try:
            with self._transaction():
                gone.leave(self._db, self.code(leaving.site), leaving, self._stay(leaving.site))
                self._crashpoint("before_leave")
        except DiskFullError:
            return False
        self._crashpoint("after_leave")
        self._gone.look()
        return True

    def _stay(self, site: str) -> str:
        """Of which events of a site the rows never leave: those that go on for months, and what was told by hand, for what
        was said with it is in no record."""
        return f"({OF_MATTERS} OR source = {self.code(source_of(site))})"

    def forget_rejects(self, before_us: int) -> None:
        """Drop the text of what came before then and could not be read; that it came, and why it was refused, stays."""
        with self._transaction():
            where = "received_us < ? AND (detail <> '' OR length(raw) > 0)"
            self._db.execute(f"UPDATE reject SET detail = '', raw = x'' WHERE {where}", (before_us,))  # noqa: S608


def _open(path: Path) -> sqlite3.Connection:
    db: sqlite3.Connection | None = None
    try:
        db = connect(path, writable=True)
        db.execute("PRAGMA page_size=8192")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA secure_delete=ON")  # a cursor may hold the beginning of a record, with a caller's number
        db.execute("PRAGMA journal_size_limit=134217728")
        db.execute("PRAGMA wal_autocheckpoint=8000")  # 64 MB: hot index pages are written back once, not ten times
        db.execute("PRAGMA cache_size=-65536")
        if int(db.execute("PRAGMA user_version").fetchone()[0]) == 0:
            db.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(_MATTERS)
            heard.make(db)
            gone.make(db)
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            db.execute("COMMIT")
        _migrate(db)
    except sqlite3.DatabaseError as problem:
        if db is not None:
            db.close()
        raise JournalError(f"{path}: {problem}") from problem
    return db


def _migrate(db: sqlite3.Connection) -> None:
    """Bring a journal of an earlier version up to this one. Rows are the truth: packs are made anew from them, some rows
    at a time, since memory need not hold the years that a journal may."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version == 1:
        log.warning("the journal is of an earlier version: it is packed anew, once")
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM pack")
        db.execute("UPDATE packed SET upto_seq = 0")
        while len(cols := unpacked(db, _PACKED_AT_ONCE)):
            packs.write(db, cols)
            db.execute("UPDATE packed SET upto_seq = ?", (int(cols.seq[-1]),))
        db.execute("PRAGMA user_version=2")
        db.execute("COMMIT")
    if version in (1, 2):
        log.warning("the journal is of an earlier version: what came when, and how late, is counted, once")
        db.execute("BEGIN IMMEDIATE")
        db.execute(_MATTERS)
        heard.make(db)
        db.execute("PRAGMA user_version=3")
        db.execute("COMMIT")
    if version in (1, 2, 3):
        db.execute("BEGIN IMMEDIATE")
        gone.make(db)
        db.execute("DROP INDEX event_matters")
        db.execute(_MATTERS)
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        db.execute("COMMIT")


def _take_lock(path: Path) -> IO[str]:
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise JournalInUseError(
            f"{path.parent}: already in use by another gecc (process {holder or 'unknown'})"
        ) from problem
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
