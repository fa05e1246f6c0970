"""Days that have left the journal: their events are in their sealed files, and are read from there.

Of each file the journal keeps where it is and its SHA-256, what times and offsets it spans, and a digest of the identity of
every event that left, so that one that comes again after years is still known; it is looked for among those of its time,
since a source that tells an event again tells the same time. Conversations and cases go on for months, and of what was told
by hand more was said than is sealed: their few rows stay, and are in the file as well.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kpis.columns import DAY_US, I64, Columns
from telemetry import packs
from telemetry.events import Event

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = """
CREATE TABLE gone(
  n INTEGER PRIMARY KEY, site INTEGER NOT NULL, day TEXT NOT NULL, file TEXT NOT NULL, events INTEGER NOT NULL,
  first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
  heard_us INTEGER NOT NULL, ids BLOB NOT NULL, UNIQUE(site, day)) STRICT;
CREATE INDEX gone_time ON gone(site, first_us, last_us, heard_us) WHERE events > 0;
CREATE INDEX gone_seq ON gone(first_seq, last_seq) WHERE events > 0
"""
"""`day` is the name of the sealed folder, of an amendment too; `ids` holds `DIGEST` bytes an event that left."""
DIGEST = 16
_DAYS_KNOWN = 64
"""The identities of so many days of a site are held in memory."""


class GoneError(Exception):
    """The file of a day that left is missing or was changed; the text names it."""


class Leaving(NamedTuple):
    """A sealed day that is to leave."""

    site: str
    day: str
    file: str
    seqs: I64
    """Journal offsets of its events."""


class File(NamedTuple):
    """Where the events of a day that left are."""

    site: int
    day: str
    sha256: str


class Known:
    """Identities of what has left, for the one who writes."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._until: dict[int, int] = {}
        self._latest = 0
        self._days: dict[tuple[int, int], frozenset[bytes]] = {}
        self.look()

    def look(self) -> None:
        """Take note of what has left by now."""
        rows = self._db.execute("SELECT site, max(last_us) FROM gone WHERE events > 0 GROUP BY site")
        self._until, self._days = dict(rows.fetchall()), {}
        self._latest = max(self._until.values(), default=-(2**63))

    def new(self, site: Sequence[int], source: Sequence[int], ids: Sequence[str], time_us: Sequence[int]) -> list[bool] | None:  # fmt: skip
        """Which of these events are not among what has left; None where all are later than that."""
        if min(time_us) > self._latest:
            return None
        until = self._until
        return [
            us > until.get(place, -1) or _digest(of, id_) not in self._day(place, us // DAY_US)
            for place, of, id_, us in zip(site, source, ids, time_us, strict=True)
        ]

    def _day(self, site: int, day: int) -> frozenset[bytes]:
        found = self._days.get((site, day))
        if found is None:
            rows = self._db.execute(
                "SELECT ids FROM gone WHERE events > 0 AND site = ? AND first_us < ? AND last_us >= ?",
                (site, (day + 1) * DAY_US, day * DAY_US),
            )
            while len(self._days) >= _DAYS_KNOWN:
                del self._days[next(iter(self._days))]
            found = frozenset(ids[i : i + DIGEST] for (ids,) in rows for i in range(0, len(ids), DIGEST))
            self._days[site, day] = found
        return found


def make(db: sqlite3.Connection) -> None:
    """Make the table, inside the caller's transaction."""
    for statement in SCHEMA.split(";"):
        db.execute(statement)


def leave(db: sqlite3.Connection, site: int, leaving: Leaving, stay: str) -> None:
    """Take the events of a day out, inside the caller's transaction; the rows that the condition `stay` holds for remain,
    but in no pack. All of them must be packed. ValueError where the journal does not hold exactly these."""
    seqs = json.dumps(leaving.seqs.tolist())
    rows = db.execute(
        "SELECT time_us, site, type FROM event WHERE seq IN (SELECT value FROM json_each(?))", (seqs,)
    ).fetchall()
    if len(rows) != len(leaving.seqs) or any(row[1] != site for row in rows):
        raise ValueError(
            f"{leaving.site} {leaving.day}: {len(rows)} of its {len(leaving.seqs)} events are in the journal"
        )
    of = f"FROM event WHERE seq IN (SELECT value FROM json_each(?)) AND NOT {stay}"  # noqa: S608
    ids = b"".join(_digest(source, id_) for source, id_ in db.execute(f"SELECT source, id {of}", (seqs,)))
    times = [row[0] for row in rows]
    heard = [row[0] for row in rows if packs.HEARD[row[2]]]
    packs.remove(db, site, {us // DAY_US for us in times}, leaving.seqs)
    db.execute(f"DELETE {of}", (seqs,))
    spans = (min(times), max(times), int(leaving.seqs.min()), int(leaving.seqs.max())) if rows else (0, 0, 0, 0)
    db.execute(
        "INSERT INTO gone(site, day, file, events, first_us, last_us, first_seq, last_seq, heard_us, ids)"
        " VALUES (?,?,?,?,?,?,?,?,?,?)",
        (site, leaving.day, leaving.file, len(rows), *spans, max(heard, default=0), ids),
    )


def days(db: sqlite3.Connection, site: int) -> set[str]:
    """Names of the sealed folders of a site whose events have left."""
    return {day for (day,) in db.execute("SELECT day FROM gone WHERE site = ?", (site,))}


def last_seq(db: sqlite3.Connection) -> int:
    """Newest journal offset of what has left; 0 where nothing has."""
    return int(db.execute("SELECT coalesce(max(last_seq), 0) FROM gone WHERE events > 0").fetchone()[0])


def span(db: sqlite3.Connection, site: int) -> tuple[int, int] | None:
    """Times of the first and the last event of a site that left."""
    row = db.execute("SELECT min(first_us), max(last_us) FROM gone WHERE events > 0 AND site = ?", (site,)).fetchone()
    return None if row[0] is None else (int(row[0]), int(row[1]))


def last_heard(db: sqlite3.Connection, sites: Sequence[int]) -> dict[int, int]:
    """Site → time of the last PBX event that left."""
    rows = db.execute(
        "SELECT site, max(heard_us) FROM gone WHERE events > 0 AND site IN (SELECT value FROM json_each(?)) GROUP BY site",
        (json.dumps(list(sites)),),
    )
    return {site: heard for site, heard in rows if heard}


def files(db: sqlite3.Connection, sites: Sequence[int], from_us: int, to_us: int) -> list[File]:
    """Where the events of these sites are that left and are of [from_us, to_us)."""
    rows = db.execute(
        "SELECT site, day, file FROM gone WHERE events > 0 AND site IN (SELECT value FROM json_each(?))"
        " AND first_us < ? AND last_us >= ?",
        (json.dumps(list(sites)), to_us, from_us),
    )
    return [File(*row) for row in rows]


def files_from(
    db: sqlite3.Connection, first_seq: int, last_seq: int, site: int | None = None
) -> Iterator[tuple[int, File]]:
    """(first offset, file) of what holds events with offsets in [first_seq, last_seq], in the order of these; of one site."""
    rows = db.execute(
        "SELECT first_seq, site, day, file FROM gone WHERE events > 0 AND first_seq <= ? AND last_seq >= ?"
        " AND (?3 IS NULL OR site = ?3) ORDER BY first_seq",
        (last_seq, first_seq, site),
    )
    return ((first, File(*row)) for first, *row in rows.fetchall())


class Past:
    """Reads the files of one data folder."""

    def __init__(self, data: Path) -> None:
        self._archive = data / "archive"

    def columns(self, found: Iterable[File], names: Sequence[str], code: Callable[[str], int]) -> Columns:
        """The events of these files, in the order of the journal. Raises GoneError."""
        from telemetry.archive.read_back import columns_of  # noqa: PLC0415  loads long, and is seldom wanted

        return columns_of([self._table(file, names) for file in found], code)

    def told(self, file: File, names: Sequence[str]) -> dict[int, tuple[int, int, Event]]:
        """Offset → (offset, received_us, event) of one file. Raises GoneError."""
        from telemetry.archive.read_back import told_of  # noqa: PLC0415

        return {row[0]: row for row in told_of(self._table(file, names))}

    def _table(self, file: File, names: Sequence[str]) -> pa.Table:
        return _read(self._archive / names[file.site] / file.day[:4] / file.day / "events.parquet", file.sha256)


@lru_cache(maxsize=32)
def _read(path: Path, digest: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        content = path.read_bytes()
    except OSError as problem:
        raise GoneError(f"{path}: {problem.strerror}; the events of that day are there and nowhere else") from problem
    if sha256(content).hexdigest() != digest:
        raise GoneError(f"{path}: was changed after it was sealed")
    return pq.read_table(pa.BufferReader(content))


def _digest(source: int, id_: str) -> bytes:
    return blake2b(f"{source} {id_}".encode(), digest_size=DIGEST).digest()
