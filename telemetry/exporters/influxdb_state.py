"""What the exporter knows over restarts, in a SQLite file of its own: how far it has read the journal, which days of which
sites are still to be sent, what the store has of each day, and what it refused.

The offset and the days that it makes due change in one transaction; a day stops being due in the transaction that says
what the store now has of it, after the store has taken it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from telemetry.exporters.influxdb_points import Series, clean

_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE site(
  site TEXT PRIMARY KEY, rules TEXT NOT NULL, zone TEXT NOT NULL, first_day INTEGER, last_day INTEGER, heard_day INTEGER,
  swept_day INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE unit(site TEXT NOT NULL, unit TEXT NOT NULL, label TEXT NOT NULL, PRIMARY KEY(site, unit)) STRICT, WITHOUT ROWID;
CREATE TABLE series(
  n INTEGER PRIMARY KEY, site TEXT NOT NULL, measurement TEXT NOT NULL, unit TEXT NOT NULL,
  UNIQUE(site, measurement, unit)) STRICT;
CREATE TABLE due(
  site TEXT NOT NULL, day INTEGER NOT NULL, seq INTEGER, far INTEGER NOT NULL, PRIMARY KEY(site, day)) STRICT, WITHOUT ROWID;
CREATE INDEX due_seq ON due(seq) WHERE seq IS NOT NULL;
CREATE TABLE written(site TEXT NOT NULL, day INTEGER NOT NULL, points BLOB NOT NULL, at_s INTEGER NOT NULL,
  PRIMARY KEY(site, day)) STRICT;
CREATE INDEX written_at ON written(at_s);
CREATE TABLE aside(
  series INTEGER NOT NULL, at INTEGER NOT NULL, line TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY(series, at)) STRICT, WITHOUT ROWID
"""
MOST_UNITS = 50
"""Units of a site beyond those it declares that have tags of their own; the rest together are `other`."""
MOST_ASIDE = 10_000
"""Refused points that are kept; the newest ones."""
ENTRY = np.dtype([("series", "<u4"), ("at", "<i4"), ("hash", "<u8")])
Written = npt.NDArray[np.void]
"""Points of one day that the store has, as ENTRY; a hash of 0 is a point that was replaced by zeros."""
DOUBTED = 2
"""In place of the hash of a point that the store may have lost. Those of fields are odd."""


class Due(NamedTuple):
    """A local day of a site that is to be sent."""

    seq: int | None
    """Journal offset of the first event that asks for it; None where it is only looked at again."""
    far: bool
    """Also what takes more than the days around to compute."""


class SiteRow(NamedTuple):
    """What was known of a site when its events were last read."""

    rules: str = ""
    zone: str = ""
    first_day: int | None = None
    last_day: int | None = None
    heard_day: int | None = None
    """Of the last event of a telephone system."""
    swept_day: int | None = None


class State:
    """The file; for one thread."""

    def __init__(self, path: Path, destination: str) -> None:
        self._series: dict[tuple[str, Series], int] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        try:
            self._begin(destination)
        except BaseException:
            self._db.close()
            raise

    def _begin(self, destination: str) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        if not self._db.execute("SELECT 1 FROM sqlite_schema").fetchone():
            with self.transaction():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
        if self.meta("destination") != destination:  # another store has nothing of what this one has
            with self.transaction():
                for table in ("meta", "site", "due", "written", "aside"):
                    self._db.execute(f"DELETE FROM {table}")  # noqa: S608
                self.set_meta("destination", destination)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, on the disk, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def set_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT INTO meta VALUES (?,?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value))

    @property
    def offset(self) -> int:
        """Journal offset up to which events have been read, and their days sent or made due."""
        return int(self.meta("offset") or 0)

    def site(self, site: str) -> SiteRow | None:
        row = self._db.execute(
            "SELECT rules, zone, first_day, last_day, heard_day, swept_day FROM site WHERE site = ?", (site,)
        ).fetchone()
        return SiteRow(*row) if row else None

    def set_site(self, site: str, row: SiteRow) -> None:
        self._db.execute("INSERT OR REPLACE INTO site VALUES (?,?,?,?,?,?,?)", (site, *row))

    # -- days that are due -------------------------------------------------------------------------------------------

    def make_due(self, site: str, days: Mapping[int, Due]) -> None:
        self._db.executemany(
            "INSERT INTO due VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET far = max(far, excluded.far),"
            " seq = coalesce(min(seq, excluded.seq), seq, excluded.seq)",
            [(site, day, due.seq, due.far) for day, due in days.items()],
        )

    def due(self, site: str, first: int, after: int, most: int = 500) -> dict[int, Due]:
        """The due days first <= day < after of a site, in their order."""
        rows = self._db.execute(
            "SELECT day, seq, far FROM due WHERE site = ? AND day >= ? AND day < ? ORDER BY day LIMIT ?",
            (site, first, after, most),
        )
        return {day: Due(seq, bool(far)) for day, seq, far in rows}

    def due_sites(self) -> list[str]:
        """The sites that have due days. Each costs one step in the index, however many days it has."""
        rows = self._db.execute(
            "WITH RECURSIVE at(site) AS (SELECT min(site) FROM due"
            " UNION ALL SELECT (SELECT min(site) FROM due WHERE due.site > at.site) FROM at WHERE at.site IS NOT NULL)"
            " SELECT site FROM at WHERE site IS NOT NULL"
        )
        return [site for (site,) in rows]

    def done(self, site: str, day: int) -> None:
        self._db.execute("DELETE FROM due WHERE site = ? AND day = ?", (site, day))

    def sent_upto(self) -> int:
        """Journal offset up to which the store has everything."""
        row = self._db.execute("SELECT min(seq) FROM due WHERE seq IS NOT NULL").fetchone()
        return self.offset if row[0] is None else min(int(row[0]) - 1, self.offset)

    # -- what the store has ------------------------------------------------------------------------------------------

    def written(self, site: str, day: int) -> Written:
        row = self._db.execute("SELECT points FROM written WHERE site = ? AND day = ?", (site, day)).fetchone()
        return np.frombuffer(row[0] if row else b"", ENTRY)

    def set_written(self, site: str, day: int, points: Written, at_s: float) -> None:
        if len(points):
            row = (site, day, points.tobytes(), int(at_s))
            self._db.execute("INSERT OR REPLACE INTO written VALUES (?,?,?,?)", row)
        else:
            self._db.execute("DELETE FROM written WHERE site = ? AND day = ?", (site, day))

    def doubt(self, where: str, *values: object) -> None:
        """The store may have lost what it said it had of these days (a condition on `written`): they are sent again whole."""
        rows = self._db.execute(f"SELECT site, day, points FROM written WHERE {where}", values).fetchall()  # noqa: S608
        for site, day, blob in rows:
            points = np.frombuffer(blob, ENTRY).copy()
            points["hash"] = DOUBTED
            self._db.execute("UPDATE written SET points = ? WHERE site = ? AND day = ?", (points.tobytes(), site, day))
            self.make_due(site, {day: Due(None, far=True)})

    def move_days(self, site: str, day_of: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]) -> None:
        """Put what was written to the days that it belongs to now: the site's time zone is another one."""
        rows = self._db.execute("SELECT points FROM written WHERE site = ?", (site,)).fetchall()
        points = np.frombuffer(b"".join(row[0] for row in rows), ENTRY)
        self._db.execute("DELETE FROM written WHERE site = ?", (site,))
        day = day_of(points["at"].astype(np.int64))
        for one in np.unique(day).tolist():
            self.set_written(site, one, points[day == one], 0)

    def days_written(self, site: str) -> list[int]:
        return [day for (day,) in self._db.execute("SELECT day FROM written WHERE site = ?", (site,))]

    def series(self, site: str, of: Series) -> int:
        """The number of a series, given at first sight."""
        if (site, of) not in self._series:
            self._db.execute("INSERT OR IGNORE INTO series(site, measurement, unit) VALUES (?,?,?)", (site, *of))
            row = self._db.execute(
                "SELECT n FROM series WHERE site = ? AND measurement = ? AND unit = ?", (site, *of)
            ).fetchone()
            self._series[site, of] = int(row[0])
        return self._series[site, of]

    def series_of(self, number: int) -> Series:
        return Series(*self._db.execute("SELECT measurement, unit FROM series WHERE n = ?", (number,)).fetchone())

    def label(self, site: str, unit: str, declared: Iterable[str]) -> str:
        """The tag of a unit. Units that nobody declared have one of their own as long as there is room, for good."""
        if not unit or unit in declared:
            return clean(unit)
        if site not in self._labels:
            self._labels[site] = dict(
                self._db.execute("SELECT unit, label FROM unit WHERE site = ?", (site,)).fetchall()
            )
        known = self._labels[site]
        if unit not in known:
            if sum(label != "other" for label in known.values()) >= MOST_UNITS:
                return "other"
            known[unit] = clean(unit)
            self._db.execute("INSERT INTO unit VALUES (?,?,?)", (site, unit, known[unit]))
        return known[unit]

    # -- what the store refused --------------------------------------------------------------------------------------

    def set_aside(self, rows: Sequence[tuple[int, int, str, str]]) -> None:
        """(series, at, line, reason) of points that the store will not have; the rest goes on without them."""
        self._db.executemany("INSERT OR REPLACE INTO aside VALUES (?,?,?,?)", rows)
        self.set_meta("set_aside", str(self.number_set_aside + len(rows)))
        if (self.number_set_aside) > MOST_ASIDE:
            self._db.execute(
                "DELETE FROM aside WHERE (series, at) IN (SELECT series, at FROM aside ORDER BY at LIMIT"
                " max(0, (SELECT count(*) FROM aside) - ?))",
                (MOST_ASIDE,),
            )

    def taken(self, points: Iterable[tuple[int, int]]) -> None:
        """The store has taken these (series, at): they are not set aside any more."""
        if self._db.execute("SELECT 1 FROM aside LIMIT 1").fetchone():
            self._db.executemany("DELETE FROM aside WHERE series = ? AND at = ?", points)

    @property
    def number_set_aside(self) -> int:
        """Since the file was made."""
        return int(self.meta("set_aside") or 0)

    def aside(self, most: int = 20) -> list[tuple[str, str]]:
        """(line, reason) of points that are set aside, the newest first."""
        rows: list[Any] = self._db.execute(
            "SELECT line, reason FROM aside ORDER BY at DESC LIMIT ?", (most,)
        ).fetchall()
        return rows
