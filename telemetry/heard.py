"""What the journal keeps of its sources beside their events: who told of what since when, and what came in each quarter of
an hour, how late, how often again, and how much of it was refused. Written with each commit, in its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kpis.columns import DAY_US, I64, MISSING, QUARTER_US, Bool, Columns
from kpis.heard import KIND_OF_TYPE, OTHER, Heard, lag_second, lag_seconds

SCHEMA = """
CREATE TABLE told(
  site INTEGER NOT NULL, source INTEGER NOT NULL, kind INTEGER NOT NULL, since_us INTEGER NOT NULL,
  PRIMARY KEY(site, source, kind)) STRICT, WITHOUT ROWID;
CREATE TABLE received(
  site INTEGER NOT NULL, quarter INTEGER NOT NULL, source INTEGER NOT NULL, events INTEGER NOT NULL,
  duplicates INTEGER, rejected INTEGER NOT NULL, ahead INTEGER NOT NULL, lag_ms INTEGER NOT NULL,
  PRIMARY KEY(site, quarter, source)) STRICT, WITHOUT ROWID;
CREATE TABLE delay(
  site INTEGER NOT NULL, quarter INTEGER NOT NULL, source INTEGER NOT NULL, seconds INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(site, quarter, source, seconds)) STRICT, WITHOUT ROWID
"""
"""`received` holds what came in a quarter of an hour (of receipt, counted since 1970); `duplicates` is NULL for the time
before it was kept. `delay` holds its new events by how late they were."""

Place = tuple[int, int, int]
"""Site, source, kind."""
_TELL = "INSERT INTO told VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET since_us = min(since_us, excluded.since_us)"
_RECEIVE = (
    "INSERT INTO received VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET events = events + excluded.events,"
    " duplicates = duplicates + excluded.duplicates, rejected = rejected + excluded.rejected,"
    " ahead = ahead + excluded.ahead, lag_ms = lag_ms + excluded.lag_ms"
)
_DELAY = "INSERT INTO delay VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
_CODE = (1 << 20) - 1


class Tally:
    """What one commit brings. The events of all its units are looked at together."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._refused: dict[tuple[int, int, int], int] = {}
        self._by_hand: dict[Place, int] = {}

    def took(self, events: Columns, new: Bool | None, received_us: int) -> None:
        """These events came; `new` says which of them were not known already, None that all were new."""
        self._parts.append((events, new, received_us))

    def by_hand(self, events: Columns) -> None:
        """People told these: they say since when there is something to tell, and nothing of how sources work."""
        for site, source, us in zip(events.site.tolist(), events.source.tolist(), events.time_us.tolist(), strict=True):
            place = (site, source, OTHER)
            self._by_hand[place] = min(us, self._by_hand.get(place, us))

    def refused(self, places: Iterable[tuple[int, int]], received_us: int) -> None:
        """A record was refused for each (site, source)."""
        for site, source in places:
            key = (site, received_us // QUARTER_US, source)
            self._refused[key] = self._refused.get(key, 0) + 1

    def write(self, db: sqlite3.Connection, known: Mapping[Place, int]) -> dict[Place, int]:
        """Add all of it to the tables; what is new in `told`, where `known` is what stands there."""
        if self._refused:
            db.executemany(_RECEIVE, [(*key, 0, 0, n, 0, 0) for key, n in self._refused.items()])
        since = self._by_hand
        if self._parts:
            few = sum(len(events) for events, _, _ in self._parts) <= FEW
            received, delays, told = _one_by_one(self._parts) if few else _as_columns(self._parts)
            db.executemany(_RECEIVE, received)
            db.executemany(_DELAY, delays)
            since = since | told
        earlier = {place: us for place, us in since.items() if us < known.get(place, 2**62)}
        if earlier:
            db.executemany(_TELL, [(*place, us) for place, us in earlier.items()])
        return earlier


Part = tuple[Columns, Bool | None, int]
"""Events, which of them are new (None: all), and when they came."""
Rows = Iterable[tuple[int, ...]]
FEW = 100
"""Up to so many events of a commit it is faster to count them one by one."""


def _one_by_one(parts: Sequence[Part]) -> tuple[Rows, Rows, dict[Place, int]]:
    """Rows of `received` and of `delay`, and the first time of each place."""
    received: dict[tuple[int, int, int], list[int]] = {}
    delays: dict[tuple[int, int, int, int], int] = {}
    since: dict[Place, int] = {}
    for events, new, received_us in parts:
        quarter = received_us // QUARTER_US
        fresh = [True] * len(events) if new is None else new.tolist()
        told = (
            events.site.tolist(),
            events.source.tolist(),
            KIND_OF_TYPE[events.type].tolist(),
            events.time_us.tolist(),
        )
        for site, source, kind, us, is_new in zip(*told, fresh, strict=True):
            row = received.setdefault((site, quarter, source), [0, 0, 0, 0, 0])
            since[site, source, kind] = min(us, since.get((site, source, kind), us))
            lag_us = received_us - us
            row[0 if is_new else 1] += 1
            if is_new and lag_us < 0:
                row[3] += 1
            elif is_new:
                row[4] += lag_us // 1000
                late = (site, quarter, source, lag_second(lag_us))
                delays[late] = delays.get(late, 0) + 1
    return ((*key, *row) for key, row in received.items()), ((*key, n) for key, n in delays.items()), since


def _as_columns(parts: Sequence[Part]) -> tuple[Rows, Rows, dict[Place, int]]:
    """The same, of many events at once."""
    sizes = [len(events) for events, _, _ in parts]
    site, source, kind, time_us = (
        np.concatenate([getattr(events, name) for events, _, _ in parts]).astype(np.int64)
        for name in ("site", "source", "type", "time_us")
    )
    new = np.concatenate([np.ones(n, np.bool_) if k is None else k for n, (_, k, _) in zip(sizes, parts, strict=True)])
    received_us = np.repeat(np.array([us for _, _, us in parts], np.int64), sizes)
    place, lag_us = site << 20 | source, received_us - time_us
    key, of = np.unique(place << 24 | np.maximum(received_us // QUARTER_US, 0), return_inverse=True)
    late, n = new & (lag_us >= 0), len(key)
    events, everything, ahead = (np.bincount(of[rows], minlength=n) for rows in (new, slice(None), new & (lag_us < 0)))
    lag_ms = np.zeros(n, np.int64)
    np.add.at(lag_ms, of[late], lag_us[late] // 1000)
    received = (*_where(key), events, everything - events, np.zeros(n, np.int64), ahead, lag_ms)
    delays, many = np.unique(of[late] << 40 | lag_seconds(lag_us[late]), return_counts=True)
    delayed = (*_where(key[delays >> 40]), delays & ((1 << 40) - 1), many)

    of_kind, of = np.unique(place << 3 | KIND_OF_TYPE[kind], return_inverse=True)
    since = np.full(len(of_kind), 2**62, np.int64)
    np.minimum.at(since, of, time_us)
    places = zip((of_kind >> 23).tolist(), (of_kind >> 3 & _CODE).tolist(), (of_kind & 7).tolist(), strict=True)
    return _rows(received), _rows(delayed), dict(zip(places, since.tolist(), strict=True))


def _where(key: I64) -> tuple[I64, I64, I64]:
    """Site, quarter and source."""
    return key >> 44, key & ((1 << 24) - 1), key >> 24 & _CODE


def _rows(columns: Sequence[I64]) -> Rows:
    return zip(*(x.tolist() for x in columns), strict=True)


def told(db: sqlite3.Connection) -> dict[Place, int]:
    """Which source of which site told of which kind, and the time of its first event of that kind."""
    rows = db.execute("SELECT site, source, kind, since_us FROM told")
    return {(site, source, kind): since_us for site, source, kind, since_us in rows}


def make(db: sqlite3.Connection) -> None:
    """Make the tables, inside the caller's transaction, and fill them from the rows of a journal that had none. How
    often events came again was not kept then."""
    for statement in SCHEMA.split(";"):
        db.execute(statement)
    since: dict[Place, int] = {}
    for site, source, kind, us in db.execute("SELECT site, source, type, min(time_us) FROM event GROUP BY 1, 2, 3"):
        at = (site, source, int(KIND_OF_TYPE[kind]))
        since[at] = min(us, since.get(at, us))
    db.executemany(_TELL, [(*at, us) for at, us in since.items()])
    quarter, lag = f"received_us / {QUARTER_US}", "(received_us - time_us)"
    db.execute(
        f"INSERT INTO received SELECT site, {quarter}, source, count(*), NULL, 0, sum({lag} < 0),"  # noqa: S608
        f" sum(CASE WHEN {lag} >= 0 THEN {lag} / 1000 ELSE 0 END) FROM event GROUP BY 1, 2, 3"
    )
    db.execute(
        f"INSERT INTO received SELECT site, {quarter}, source, 0, NULL, count(*), 0, 0 FROM reject WHERE true GROUP BY 1, 2, 3"  # noqa: S608
        " ON CONFLICT DO UPDATE SET rejected = rejected + excluded.rejected"
    )
    db.create_function("late", 1, lag_second, deterministic=True)
    db.execute(
        f"INSERT INTO delay SELECT site, q, source, late(s * 1000000), sum(n) FROM"  # noqa: S608
        f" (SELECT site, {quarter} AS q, source, ({lag} + 999999) / 1000000 AS s, count(*) AS n FROM event"
        f" WHERE {lag} >= 0 GROUP BY 1, 2, 3, 4) GROUP BY 1, 2, 3, 4"
    )


def read(db: sqlite3.Connection, sites: Sequence[int], from_us: int, to_us: int) -> Heard:
    """What is known beside the events that `JournalReader.columns` gives for the same question."""
    from_us, to_us = from_us // DAY_US * DAY_US, -(-to_us // DAY_US) * DAY_US
    quarters = (from_us // QUARTER_US, to_us // QUARTER_US)

    def rows(table: str, columns: Sequence[str], where: str = "true", values: Sequence[int] = ()) -> list[I64]:
        found = db.execute(
            f"SELECT {', '.join(columns)} FROM {table} WHERE site IN ({','.join('?' * len(sites))}) AND {where}",  # noqa: S608
            (*sites, *values),
        )
        return list(np.array(found.fetchall(), np.int64).reshape(-1, len(columns)).T.copy())

    told = rows("told", ("site", "source", "kind", "since_us"))
    lost = "CASE kind WHEN 'sequence' THEN CAST(detail AS INTEGER) ELSE 0 END"  # it begins with the number
    gap = rows("gap", ("site", "source", "from_us", "to_us", lost), "to_us >= ? AND from_us < ?", (from_us, to_us))
    between = "quarter >= ? AND quarter < ?"
    duplicates = f"coalesce(duplicates, {MISSING})"
    tally = rows(
        "received",
        ("site", "source", "quarter", "events", duplicates, "rejected", "ahead", "lag_ms"),
        between,
        quarters,
    )
    delay = rows("delay", ("site", "source", "quarter", "seconds", "n"), between, quarters)
    first: dict[int, int] = {}
    for site, us in zip(told[0].tolist(), told[3].tolist(), strict=True):
        first[site] = min(us, first.get(site, us))
    return Heard(
        from_us,
        to_us,
        first,
        **_columns("told", TOLD, told),
        **_columns("gap", GAP, gap),
        **_columns("tally", TALLY, tally),
        **_columns("lag", LAG, delay),
    )


TOLD = ("site", "source", "kind", "since_us")
GAP = ("site", "source", "from_us", "to_us", "lost")
TALLY = ("site", "source", "quarter_us", "events", "duplicates", "rejected", "ahead", "lag_ms")
LAG = ("site", "source", "quarter_us", "s", "n")


def _columns(prefix: str, names: Sequence[str], columns: Sequence[I64]) -> dict[str, Any]:
    """The columns under the names that `Heard` gives them; quarters become instants."""
    out: dict[str, Any] = {}
    for name, column in zip(names, columns, strict=True):
        is_code = name in ("site", "source")
        out[f"{prefix}_{name}"] = (
            column.astype(np.int32) if is_code else column * (QUARTER_US if name == "quarter_us" else 1)
        )
    return out
