"""Reading the journal: columns for the core, events for whoever follows, what is known of sources.

Every read uses a connection of its own and sees one committed state; no read blocks the writer.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kpis.columns import DAY_US, DTYPES, I64, Bool, Columns, concat, empty, hash_names
from kpis.heard import Heard
from kpis.model import Teller
from telemetry import gone, heard
from telemetry.events import MISSING, TYPE_OF_CODE, Event
from telemetry.packs import HEARD, columns_of, fill
from telemetry.voided import counting, source_of

SCHEMA_VERSION = 4
"""1 had packs without the column `source`, 2 kept nothing beside the events, 3 knew no corrections and nothing ever left it;
the writer makes all of it good."""
_ROWS = (
    "SELECT seq, time_us, site, type, unit, contact, party, caller, coalesce(a, ?1), coalesce(b, ?1), coalesce(c, ?1), source"
    " FROM event"
)
_EVENTS = (
    "SELECT seq, received_us, site, source, id, type, time_us, unit, contact, party, a, b, c, caller, extra FROM event"
)
_TAIL = f"{_ROWS} WHERE seq > (SELECT upto_seq FROM packed) ORDER BY seq LIMIT ?2"  # noqa: S608
OF_MATTERS = "(type BETWEEN 20 AND 25 OR type BETWEEN 100 AND 109 OR type = 98)"
"""Events of conversations and cases, which go on for months, and voids, which may be of theirs: an index of the journal finds
them without the others."""


class JournalError(Exception):
    """The journal cannot be opened or trusted; the text says why and what to do."""


class JournalReader:
    """One data folder's journal, for reading; any number of processes at once. What has left it for the files of sealed
    days is read from there."""

    def __init__(self, data: Path) -> None:
        self.path = data / "journal.db"
        self._past = gone.Past(data)
        self.names: list[str] = []
        """Text of every code."""
        self.codes: dict[str, int] = {}
        with self._reading() as db:
            self._load_names(db)

    def close(self) -> None:
        """Nothing stays open between reads."""

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if not self.path.exists():
            raise JournalError(f"{self.path}: no journal here")
        db = connect(self.path, writable=False)
        try:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version != SCHEMA_VERSION:
                earlier = "; start gecc run once: it brings the journal up to date" if version < SCHEMA_VERSION else ""
                raise JournalError(
                    f"{self.path}: written by another version of this program "
                    f"(its schema is {version}, this one reads {SCHEMA_VERSION}){earlier}"
                )
            db.execute("BEGIN")
            yield db
        except sqlite3.DatabaseError as problem:
            raise JournalError(f"{self.path}: {problem}") from problem
        except gone.GoneError as problem:
            raise JournalError(str(problem)) from problem
        finally:
            db.close()

    def _load_names(self, db: sqlite3.Connection) -> None:
        rows = db.execute("SELECT code, text FROM name WHERE code >= ? ORDER BY code", (len(self.names),))
        for code, text in rows.fetchall():
            self.names.append(text)
            self.codes[text] = code

    def _unpacked(self, db: sqlite3.Connection) -> Columns:
        return unpacked(db)

    def code(self, name: str) -> int:
        """The code of a name, -1 when the journal has never seen it."""
        return self.codes.get(name, -1)

    def columns(self, sites: Sequence[str], from_us: int, to_us: int, *, voided: bool = False) -> Columns:
        """Events of these sites whose UTC day touches [from_us, to_us) and that count, as columns; with `voided` all of them.

        Rows of one site and day are in journal order; sites and days follow each other in no promised order.
        """
        days, codes = (from_us // DAY_US, -(-to_us // DAY_US)), [self.code(s) for s in sites]
        where, values = f"day >= ? AND day < ? AND site IN ({_marks(codes)})", (*days, *codes)
        with self._reading() as db:
            runs = db.execute(
                f"SELECT rowid, site, n FROM pack WHERE {where} ORDER BY site, day, first_seq",  # noqa: S608
                values,
            ).fetchall()
            n = sum(size for _, _, size in runs)
            tail = self._unpacked(db)
            day = tail.time_us // DAY_US
            tail = tail.take((day >= days[0]) & (day < days[1]) & np.isin(tail.site, codes))
            out = {name: np.empty(n + len(tail), dtype) for name, dtype in DTYPES.items()}
            at = 0
            for rowid, site, size in runs:
                # Opened as a blob it is copied once, as a column of a row twice.
                with db.blobopen("pack", "columns", rowid, readonly=True) as blob:
                    fill(out, at, site, size, blob.read())
                at += size
            for name in DTYPES:
                out[name][at:] = getattr(tail, name)
            cols = columns_of(out)
            if files := gone.files(db, codes, days[0] * DAY_US, days[1] * DAY_US):
                self._load_names(db)
                cols = _with_past(cols, self._past.columns(files, self.names, self.code), days)
        return cols if voided else counting(cols)

    def heard(self, sites: Sequence[str], from_us: int, to_us: int) -> Heard:
        """What is known beside the events of the same question to `columns`: gaps, refusals, repeats, delays."""
        with self._reading() as db:
            return heard.read(db, [self.code(s) for s in sites], from_us, to_us)

    def matters(self, site: str, from_us: int = 0, *, voided: bool = False) -> Columns:
        """Every event of the site's conversations and cases from then on that counts, in journal order; with `voided` those
        that do not count as well, and every void."""
        with self._reading() as db:
            where = f"{OF_MATTERS} AND site = ?2 AND time_us >= ?3 ORDER BY seq"
            cols = _columns(db.execute(f"{_ROWS} WHERE {where}", (MISSING, self.code(site), from_us)).fetchall())
        return cols if voided else counting(cols)

    def last_heard(self, sites: Sequence[str]) -> dict[int, int]:
        """Site code → time of its last PBX event in the whole journal; sites without any are left out."""
        codes = [self.code(s) for s in sites]
        with self._reading() as db:
            rows = db.execute(
                f"SELECT site, max(heard_us) FROM pack WHERE site IN ({_marks(codes)}) GROUP BY site",  # noqa: S608
                codes,
            )
            out = gone.last_heard(db, codes)
            for site, us in rows:
                out[site] = max(out.get(site, 0), us)
            tail = self._unpacked(db)
        tail = tail.take(HEARD[tail.type] & np.isin(tail.site, codes))
        for code in np.unique(tail.site).tolist():
            out[code] = max(out.get(code, 0), int(tail.time_us[tail.site == code].max()))
        for site in sites:
            code = self.code(site)
            if code in out and self.code(source_of(site)) >= 0:  # what a pack was heard last of may have been voided
                us = self._found(site, range(out[code] // DAY_US, self._days(site)[0] - 1, -1), HEARD)
                out[code] = int(us.max(initial=0))
        return {code: us for code, us in out.items() if us}

    def ids(self, source: str, from_id: str, below_id: str) -> list[tuple[str, int]]:
        """(id, time in µs) of a source's events with ids in [from_id, below_id), in their order."""
        with self._reading() as db:
            return db.execute(
                "SELECT id, time_us FROM event WHERE source = ? AND id >= ? AND id < ? ORDER BY id",
                (self.code(source), from_id, below_id),
            ).fetchall()

    def span(self, site: str) -> tuple[int, int] | None:
        """Times of the site's first and last event that counts, None when it has none."""
        first, last = self._days(site)
        begin = self._found(site, range(first, last + 1))
        if not len(begin):
            return None
        return int(begin.min()), int(self._found(site, range(last, first - 1, -1)).max())

    def _days(self, site: str) -> tuple[int, int]:
        """The first and the last UTC day of which the site has events; no day at all where it has none."""
        code = self.code(site)
        with self._reading() as db:
            days = [
                d
                for d in db.execute("SELECT min(day), max(day) FROM pack WHERE site = ?", (code,)).fetchone()
                if d is not None
            ]
            t = (tail := self._unpacked(db)).time_us[tail.site == code]
            past = gone.span(db, code)
        days += [int(x) // DAY_US for x in ((t.min(), t.max()) if len(t) else ())]
        days += [us // DAY_US for us in past or ()]
        return min(days, default=0), max(days, default=-1)

    def _found(self, site: str, days: Iterable[int], types: Bool | None = None) -> I64:
        """Times of the events that count, of these types, on the first of these days that has any."""
        for day in days:
            cols = self.columns([site], day * DAY_US, day * DAY_US + 1)
            us = cols.time_us if types is None else cols.time_us[types[cols.type]]
            if len(us):
                return us
        return np.empty(0, np.int64)

    def read(self, after: int, limit: int = 1000) -> list[tuple[int, int, Event]]:
        """(seq, received_us, event) of the next events after journal offset `after`. What was not sealed of events that
        left is empty: what a source said beyond the vocabulary."""
        with self._reading() as db:
            rows = db.execute(f"{_EVENTS} WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)).fetchall()
            self._load_names(db)
            upto = rows[-1][0] if len(rows) == limit else 2**63 - 1
            left: dict[int, tuple[int, int, Event]] = {}
            for first, file in gone.files_from(db, after + 1, upto):
                if sum(seq < first for seq in left) >= limit:
                    break
                left |= {s: row for s, row in self._past.told(file, self.names).items() if after < s <= upto}
        found = left | {row[0]: row for row in self._as_events(rows)} if left else None
        return self._as_events(rows) if found is None else [found[seq] for seq in sorted(found)[:limit]]

    def at(self, seq: int, site: str) -> tuple[int, int, Event] | None:
        """(seq, received_us, event) of a site's event at a journal offset; None where it has none there."""
        code = self.code(site)
        with self._reading() as db:
            rows = db.execute(f"{_EVENTS} WHERE seq = ? AND site = ?", (seq, code)).fetchall()
            self._load_names(db)
            files = () if rows else gone.files_from(db, seq, seq, code)
            left = [row for _, file in files if (row := self._past.told(file, self.names).get(seq))]
        return next(iter(self._as_events(rows) or left), None)

    def held(self, seqs: Sequence[int]) -> list[tuple[int, int, Event]]:
        """The same of the events at these offsets that have not left, in the order of the journal."""
        with self._reading() as db:
            where = "WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq"
            rows = db.execute(f"{_EVENTS} {where}", (json.dumps(list(seqs)),)).fetchall()
            self._load_names(db)
        return self._as_events(rows)

    def left(self, site: str) -> set[str]:
        """Names of the sealed folders of a site whose events have left the journal."""
        with self._reading() as db:
            return gone.days(db, self.code(site))

    def left_upto(self) -> int:
        """The newest journal offset of what has left; 0 where nothing has."""
        with self._reading() as db:
            return gone.last_seq(db)

    def told(self, site: str, from_us: int, to_us: int, after: int, upto: int) -> list[tuple[int, int, Event]]:
        """The same of one site's events of [from_us, to_us) with offsets in (after, upto] that have not left, in the order
        of the journal."""
        days = from_us // DAY_US, -(-to_us // DAY_US)
        rows: list[tuple[Any, ...]] = []
        with self._reading() as db:
            runs = db.execute(
                "SELECT first_seq, last_seq FROM pack WHERE site = ? AND day >= ? AND day < ?", (self.code(site), *days)
            ).fetchall()
            runs += db.execute("SELECT upto_seq + 1, ? FROM packed", (upto,)).fetchall()
            where = "seq BETWEEN ? AND ? AND site = ? AND time_us >= ? AND time_us < ? ORDER BY seq"
            for first, last in _joined((max(a, after + 1), min(b, upto)) for a, b in runs):
                rows += db.execute(
                    f"{_EVENTS} WHERE {where}", (first, last, self.code(site), from_us, to_us)
                ).fetchall()
            self._load_names(db)
        return self._as_events(rows)

    def times_after(self, site: str, after: int, upto: int) -> list[int]:
        """Times in µs of a site's events with offsets in (after, upto]."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT time_us FROM event WHERE seq > ? AND seq <= ? AND site = ?", (after, upto, self.code(site))
            )
            return [t for (t,) in rows]

    def _as_events(self, rows: list[tuple[Any, ...]]) -> list[tuple[int, int, Event]]:
        name = self.names
        return [
            (
                seq,
                received_us,
                Event(
                    site=name[site],
                    source=name[source],
                    id=id_,
                    type=TYPE_OF_CODE[code],
                    time_us=time_us,
                    unit=name[unit],
                    contact=contact,
                    party=name[party],
                    a=MISSING if a is None else a,
                    b=MISSING if b is None else b,
                    c=MISSING if c is None else c,
                    caller=caller,
                    extra=extra,
                ),
            )
            for seq, received_us, site, source, id_, code, time_us, unit, contact, party, a, b, c, caller, extra in rows
        ]

    def by_hand(self, site: str, from_us: int = -(2**62), to_us: int = 2**62) -> list[tuple[int, int, Event]]:
        """(seq, received_us, event) of what was told by hand of [from_us, to_us) at a site, voids too, in journal order."""
        with self._reading() as db:
            where = "source = ? AND time_us >= ? AND time_us < ? ORDER BY seq"
            rows = db.execute(f"{_EVENTS} WHERE {where}", (self.code(source_of(site)), from_us, to_us)).fetchall()
            self._load_names(db)
        return self._as_events(rows)

    def offset(self, source: str, id_: str) -> int | None:
        """Journal offset of the event of that identity."""
        with self._reading() as db:
            row = db.execute("SELECT seq FROM event WHERE source = ? AND id = ?", (self.code(source), id_)).fetchone()
        return int(row[0]) if row else None

    def event(self, seq: int) -> Event | None:
        """The event at a journal offset."""
        found = self.read(seq - 1, 1)
        return found[0][2] if found and found[0][0] == seq else None

    def latest(self, since_us: int) -> dict[str, int]:
        """Source → time of its last event, of the sources heard of on or after the UTC day of `since_us`."""
        first = "SELECT min(coalesce((SELECT min(first_seq) FROM pack WHERE day >= ?), upto_seq + 1), upto_seq + 1) FROM packed"
        with self._reading() as db:
            rows = db.execute(
                f"SELECT source, max(time_us) FROM event WHERE seq >= ({first}) GROUP BY source",  # noqa: S608
                (since_us // DAY_US,),
            ).fetchall()
            self._load_names(db)
        return {self.names[source]: t for source, t in rows}

    def cursor(self, source: str) -> str:
        """The cursor that the source's last commit left, "" at the very first."""
        with self._reading() as db:
            row = db.execute("SELECT text FROM cursor WHERE source = ?", (self.code(source),)).fetchone()
        return str(row[0]) if row else ""

    def tally(self) -> dict[tuple[str, str], int]:
        """(source, what) → how many since the journal began: events, duplicates, ignored, gaps, rejected:<reason>.
        Under the source that was to blame, which may be a device of it: refused."""
        with self._reading() as db:
            rows = db.execute("SELECT source, what, n FROM tally").fetchall()
            self._load_names(db)
        return {(self.names[source], what): n for source, what, n in rows}

    def rejects(self, limit: int = 100) -> list[tuple[str, str, str, bytes]]:
        """(source, reason, detail, raw) of the newest rejects, newest first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT source, reason, detail, raw FROM reject ORDER BY n DESC LIMIT ?", (limit,)
            ).fetchall()
            self._load_names(db)
        return [(self.names[source], reason, detail, raw) for source, reason, detail, raw in rows]

    def rejects_after(self, number: int, limit: int = 1000) -> list[tuple[int, int, str, str, str, str]]:
        """(number, received_us, site, source, reason, detail) of the next rejects after that number, in their order.
        Site and source are "" where no device was known by the message."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT n, received_us, site, source, reason, detail FROM reject WHERE n > ? ORDER BY n LIMIT ?",
                (number, limit),
            ).fetchall()
            self._load_names(db)
        return [(n, us, self.names[site], self.names[source], *rest) for n, us, site, source, *rest in rows]

    def ends(self) -> tuple[int, int]:
        """Journal offset of the newest event, and number of the newest reject; 0 where there is none."""
        with self._reading() as db:
            row = db.execute(
                "SELECT (SELECT coalesce(max(seq), 0) FROM event), (SELECT coalesce(max(n), 0) FROM reject)"
            ).fetchone()
            return max(int(row[0]), gone.last_seq(db)), int(row[1])

    def gaps(self) -> list[tuple[str, str, int, int, str]]:
        """(source, kind, from_us, to_us, detail) of every known gap, in the order of their beginning."""
        with self._reading() as db:
            rows = db.execute("SELECT source, kind, from_us, to_us, detail FROM gap ORDER BY from_us").fetchall()
            self._load_names(db)
        return [(self.names[source], kind, a, b, detail) for source, kind, a, b, detail in rows]

    def gaps_of(self, site: str, from_us: int, to_us: int) -> list[tuple[str, str, int, int, str]]:
        """The same of one site's gaps that touch [from_us, to_us)."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT source, kind, from_us, to_us, detail FROM gap WHERE site = ? AND from_us < ? AND to_us >= ?"
                " ORDER BY from_us, source, kind",
                (self.code(site), to_us, from_us),
            ).fetchall()
            self._load_names(db)
        return [(self.names[source], kind, a, b, detail) for source, kind, a, b, detail in rows]

    def rejected(self, site: str, from_us: int, to_us: int) -> list[tuple[str, str, int]]:
        """(source, reason, how many) of a site's records that came in [from_us, to_us) and could not be read."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT source, reason, count(*) FROM reject WHERE site = ? AND received_us >= ? AND received_us < ?"
                " GROUP BY source, reason ORDER BY source, reason",
                (self.code(site), from_us, to_us),
            ).fetchall()
            self._load_names(db)
        return [(self.names[source], reason, n) for source, reason, n in rows]

    def tellers(self) -> dict[int, Teller]:
        """Source code → what it tells of, of the sources whose telephone system other sources may tell of as well."""
        kept = self.note("tellers")
        rows = kept.items() if isinstance(kept, dict) else ()
        systems = {name: n for n, name in enumerate(sorted({row[0] for _, row in rows}))}
        return {
            self.code(source): Teller(systems[row[0]], row[1], row[2]) for source, row in rows if source in self.codes
        }

    def note(self, key: str) -> object:
        """What the writer keeps under `key`, None when nothing."""
        with self._reading() as db:
            row = db.execute("SELECT text FROM note WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """A connection with the settings that both sides need; it begins no transaction by itself."""
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if writable else 'ro'}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA mmap_size=17179869184")
    return db


def unpacked(db: sqlite3.Connection, most: int = -1) -> Columns:
    """The newest rows, which no pack holds yet; the first `most` of them."""
    return _columns(db.execute(_TAIL, (MISSING, most)).fetchall())


def rows_after(db: sqlite3.Connection, seq: int) -> Columns:
    """The rows after a journal offset."""
    return _columns(db.execute(f"{_ROWS} WHERE seq > ?2 ORDER BY seq", (MISSING, seq)).fetchall())


def _columns(rows: list[tuple[Any, ...]]) -> Columns:
    if not rows:
        return empty()
    by_name = dict(zip(DTYPES, zip(*rows, strict=True), strict=True))
    contact = hash_names([x.encode() for x in by_name.pop("contact")])
    return columns_of({"contact": contact, **{name: np.array(v, DTYPES[name]) for name, v in by_name.items()}})


def _with_past(cols: Columns, past: Columns, days: tuple[int, int]) -> Columns:
    """What the journal holds and what has left it, of these UTC days, each site and day in the order of the journal."""
    day = past.time_us // DAY_US
    cols = concat([cols, past.take((day >= days[0]) & (day < days[1]))])
    return cols.take(np.lexsort((cols.seq, cols.time_us // DAY_US, cols.site)))


def _joined(runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs of offsets, both ends included, without overlaps; empty ones are left out."""
    out: list[tuple[int, int]] = []
    for first, last in sorted(run for run in runs if run[0] <= run[1]):
        if out and first <= out[-1][1] + 1:
            out[-1] = out[-1][0], max(out[-1][1], last)
        else:
            out.append((first, last))
    return out


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
