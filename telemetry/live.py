"""The open days: their events in memory as columns, and one immutable snapshot of what they say.

A live figure is the batch figure of today so far. When events arrive only the sites they touch are computed again, at
most once a second, and never for more than about a fifth of the time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

import numpy as np

from kpis import stints, tickets
from kpis.calls import LONGEST_WAIT_US
from kpis.columns import DAY_US, I64, MISSING, QUARTERS_A_DAY, Bool, Columns, concat, empty, group
from kpis.cube import Cube, Seconds, build, merge, roll_up
from kpis.model import Facts
from kpis.results import facts_of, select, within
from telemetry.config import Site
from telemetry.journal import DiskFullError, Journal
from telemetry.rules import rules_of, zones_of

log = logging.getLogger("gecc.live")

SHORTEST_PAUSE_S = 1.0
SHARE_OF_TIME = 0.2
LONGEST_PAUSE_S = 30.0
"""Without any event a new version still comes this often: silence and the age of data are news too."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits in one unit, and what was called last."""

    tickets: int = 0
    tickets_since_us: int | None = None
    calls: int = 0
    calls_since_us: int | None = None
    called_seq: int | None = None
    """Journal offset of the newest call of a ticket."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the open days say. Versions of sites only grow."""

    version: Mapping[int, int]
    """Site code → version of its part."""
    as_of_us: int
    open_days: Cube
    """Yesterday and today of every site, by the site's own days."""
    today: Mapping[int, int]
    """Site code → its local day, days since 1970."""
    waiting: Mapping[int, Mapping[int, Waiting]]
    """Site code → unit code → who waits."""
    closed: Cube
    """Totals of the days before, for counters that go on over midnight and restarts; one cell a site and unit."""

    def all_today(self) -> Cube:
        """The cells of every site's today."""
        return select(
            self.open_days, self.open_days.quarter // QUARTERS_A_DAY == _by_site(self.open_days.site, self.today)
        )

    def of_today(self, site: int) -> Cube:
        """The cells of one site's today."""
        mine = select(self.open_days, self.open_days.site == site)
        return within(mine, (self.today[site] * QUARTERS_A_DAY, (self.today[site] + 1) * QUARTERS_A_DAY))


class Live:
    """The open days of all sites of a journal."""

    def __init__(self, journal: Journal, sites: Sequence[Site], *, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock
        self.codes = {s.id: journal.code(s.id) for s in sites}
        self._rules = rules_of(sites, journal.code, tellers=journal.tellers())
        self._zones = zones_of(sites, journal.code)
        self._columns: dict[int, Columns] = {}
        self._pending: list[Columns] = []
        self._loaded_seq = 0
        """Up to this journal offset the events came from the journal itself."""
        self._changed = asyncio.Condition()
        nothing = Cube(np.empty(0, np.uint64), {}, {})
        self.snapshot = Snapshot({}, 0, nothing, {}, {}, nothing)
        self._closed = nothing
        self._closed_upto: dict[int, int] = {}
        """Site code → first local day that is not yet in the closed totals."""
        self._kept_upto: dict[int, int] = {}
        """The same, as the journal has it."""

    def load(self) -> None:
        """Take the open days from the journal; what is older goes into the closed totals, once."""
        now_us = int(self._clock() * 1e6)
        today = self._local_days(now_us)
        self._closed, closed_upto = _closed_from(self._journal.note("counters"))
        if any(closed_upto.get(c, day - 1) > day - 1 for c, day in today.items()):
            log.warning("the clock was set back by days: the counters begin anew")
            self._closed, closed_upto = _closed_from(None)
        self._kept_upto = dict(closed_upto)
        oldest = min(
            [*(closed_upto.get(c, d - 1) for c, d in today.items()), *(d - 1 for d in today.values())], default=0
        )
        cols = self._journal.columns(list(self.codes), (oldest - 2) * DAY_US, now_us + 2 * DAY_US)
        self._closed_upto = {c: closed_upto.get(c, today[c] - 1) for c in today}
        self._columns, self._loaded_seq = {}, 0
        self.refresh([cols], everything=True)
        self._loaded_seq = int(cols.seq.max(initial=0))

    def add(self, columns: Columns) -> None:
        """Events that were just committed."""
        self._pending.append(columns)

    async def run(self, in_writer: Callable[[Callable[[], None]], Awaitable[object]]) -> None:
        """Refresh for ever; closed totals are kept in the journal by `in_writer` at the start and when a day ends."""
        while True:
            began = time.perf_counter()
            day_ended = self._local_days(int(self._clock() * 1e6)) != self.snapshot.today
            stale = self._clock() * 1e6 - self.snapshot.as_of_us > LONGEST_PAUSE_S * 1e6
            if self._pending or day_ended or stale:
                await asyncio.to_thread(self.refresh, self._take_pending(), everything=stale)
                async with self._changed:
                    self._changed.notify_all()
            if self._closed_upto != self._kept_upto:
                await self._keep_closed(in_writer)
            took = time.perf_counter() - began
            await asyncio.sleep(max(SHORTEST_PAUSE_S - took, took / SHARE_OF_TIME - took))

    async def changed(self, site: int, last_version: int) -> int:
        """Wait until the site's version is another than `last_version`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.snapshot.version.get(site, 0) != last_version)
        return self.snapshot.version.get(site, 0)

    def _take_pending(self) -> list[Columns]:
        """On the event loop, as `add` is: a list that a thread was given is never appended to."""
        taken, self._pending = self._pending, []
        return taken

    def refresh(self, parts: Sequence[Columns], *, everything: bool = False) -> None:
        """Compute the touched sites again and publish a new snapshot; with `everything` each site has a new version."""
        now_us = int(self._clock() * 1e6)
        fresh = concat(parts)
        old, today = self.snapshot, self._local_days(now_us)
        turned = {c for c, day in today.items() if old.today.get(c) != day}
        touched = self._append(fresh)
        if any(day - 1 < self._closed_upto[c] for c, day in today.items()):
            self.load()  # the clock was ahead and closed days that are not over
            return
        self._close_days({c: today[c] for c in turned})
        dirty = set(self.codes.values()) if everything else touched | turned
        facts = self._facts(sorted(dirty))
        cube = build(list(facts.values()), self._zones)
        cube = select(cube, self._is_open(cube))
        kept = select(old.open_days, ~np.isin(old.open_days.site, list(dirty)))
        waiting = {**old.waiting, **{c: {} for c in dirty}, **self._waiting(facts, now_us)}
        newer = self.codes.values() if everything else dirty
        version = {**old.version, **{c: old.version.get(c, 0) + 1 for c in newer}}
        self.snapshot = Snapshot(version, now_us, merge([kept, cube]), today, waiting, self._closed)

    def _append(self, fresh: Columns) -> set[int]:
        """Put new events to those of their sites; the sites that got any."""
        fresh = fresh.take(np.isin(fresh.site, list(self.codes.values())) & (fresh.seq > self._loaded_seq))
        # A log that is read for the first time brings years: what no open day can need is not kept.
        day = self._zones.to_local(fresh.time_us, fresh.site) // DAY_US
        fresh = fresh.take(day >= _by_site(fresh.site.astype(np.int64), self._closed_upto) - 1)
        g = group(fresh.site.astype(np.uint64))
        fresh = fresh.take(g.order)
        touched = set()
        for rows in g.slices():
            code = int(fresh.site[rows.start])
            touched.add(code)
            self._columns[code] = concat([self._columns.get(code, empty()), fresh.take(rows)])
        return touched

    def _facts(self, codes: Sequence[int]) -> dict[str, Facts]:
        cols = concat([self._columns[c] for c in codes if c in self._columns])
        return facts_of(cols, self._rules, self._zones)

    def _local_days(self, now_us: int) -> dict[int, int]:
        codes = np.array(list(self.codes.values()), np.int32)
        local = self._zones.to_local(np.full(len(codes), now_us, np.int64), codes)
        return {int(c): int(t // DAY_US) for c, t in zip(codes, local, strict=True)}

    def _is_open(self, cube: Cube) -> Bool:
        return cube.quarter // QUARTERS_A_DAY >= _by_site(cube.site, self._closed_upto)

    def _close_days(self, turned: Mapping[int, int]) -> None:
        """Add days before yesterday to the closed totals, and let go of their events."""
        due = {c: day - 1 for c, day in turned.items() if self._closed_upto.get(c, day - 1) < day - 1}
        if due:
            cube = build(list(self._facts(sorted(due)).values()), self._zones)
            days = cube.quarter // QUARTERS_A_DAY
            ended = (days >= _by_site(cube.site, self._closed_upto)) & (days < _by_site(cube.site, due))
            self._closed = _totals([self._closed, select(cube, ended)])
            self._closed_upto.update(due)
        for code, day in turned.items():
            cols = self._columns.get(code)
            if cols is not None:
                local = self._zones.to_local(cols.time_us, cols.site) // DAY_US
                self._columns[code] = cols.take(local >= day - 2)

    async def _keep_closed(self, in_writer: Callable[[Callable[[], None]], Awaitable[object]]) -> None:
        """Totals and how far they reach, in one note: half of it would count a day twice. Tried again on a full disk."""
        upto, note = dict(self._closed_upto), _closed_note(self._closed, self._closed_upto)
        try:
            await in_writer(partial(self._journal.set_note, "counters", note))
        except DiskFullError as problem:
            log.error("%s: the totals of the days before wait for room", problem)  # noqa: TRY400
        else:
            self._kept_upto = upto

    def _waiting(self, facts: Mapping[str, Facts], now_us: int) -> dict[int, dict[int, Waiting]]:
        out: dict[int, dict[int, Waiting]] = {}
        t, c = facts["tickets"], facts["calls"]
        today = self._local_days(now_us)
        now = self._zones.to_local(t.arrival_us, t.site) // DAY_US == _by_site(t.site.astype(np.int64), today)
        in_line = now & (t.state["standing"] == tickets.WAITING)
        tickets_by = _oldest(t.site[in_line], t.state["waiting_unit"][in_line], t.state["waiting_since_us"][in_line])
        ringing = (c.state["outcome"] == stints.OPEN) & (c.state["waiting_since_us"] > now_us - LONGEST_WAIT_US)
        calls_by = _oldest(c.site[ringing], c.state["waiting_unit"][ringing], c.state["waiting_since_us"][ringing])
        called = now & (t.state["taken_us"] != MISSING)
        newest = np.argsort(t.state["taken_us"][called], kind="stable")
        called_by = dict(
            zip(
                zip(t.site[called][newest].tolist(), t.state["waiting_unit"][called][newest].tolist(), strict=True),
                t.state["taken_seq"][called][newest].tolist(),
                strict=True,
            )
        )
        for site, unit in {*tickets_by, *calls_by, *called_by}:
            n_t, since_t = tickets_by.get((site, unit), (0, None))
            n_c, since_c = calls_by.get((site, unit), (0, None))
            out.setdefault(site, {})[unit] = Waiting(n_t, since_t, n_c, since_c, called_by.get((site, unit)))
        return out


def day_of(local_day: int) -> date:
    """The date of a local day number."""
    return datetime.fromtimestamp(local_day * 86400, UTC).date()


def _by_site(site: I64, table: Mapping[int, int]) -> I64:
    """`table[site]` for each row, 0 where it has none."""
    codes, where = np.unique(site, return_inverse=True)
    return np.array([table.get(int(c), 0) for c in codes], np.int64)[where]


def _oldest(
    site: np.ndarray[tuple[int], np.dtype[np.int32]], unit: I64, since: I64
) -> dict[tuple[int, int], tuple[int, int]]:
    """(site, unit) → how many, and the earliest since."""
    out: dict[tuple[int, int], tuple[int, int]] = {}
    for s, u, t in zip(site.tolist(), unit.tolist(), since.tolist(), strict=True):
        n, first = out.get((s, u), (0, t))
        out[s, u] = (n + 1, min(first, t))
    return out


def _totals(cubes: Sequence[Cube]) -> Cube:
    """The cubes as one with a single cell a site and unit."""
    flat = []
    for cube in cubes:
        key = cube.key >> np.uint64(24) << np.uint64(24)
        keys, group = np.unique(key, return_inverse=True)
        sums, seconds = roll_up(cube, group.astype(np.int64), len(keys))
        flat.append(Cube(keys, sums, seconds))
    return merge(flat)


def _closed_note(cube: Cube, upto: Mapping[int, int]) -> object:
    return {
        "upto": {str(site): day for site, day in upto.items()},
        "key": cube.key.tolist(),
        "sums": {k: v.tolist() for k, v in cube.sums.items()},
        "seconds": {k: [h.cell.tolist(), h.second.tolist(), h.count.tolist()] for k, h in cube.seconds.items()},
    }


def _closed_from(note: object) -> tuple[Cube, dict[int, int]]:
    if not isinstance(note, dict):
        return Cube(np.empty(0, np.uint64), {}, {}), {}
    cube = Cube(
        np.array(note["key"], np.uint64),
        {k: np.array(v, np.int64) for k, v in note["sums"].items()},
        {k: Seconds(*(np.array(x, np.int64) for x in v)) for k, v in note["seconds"].items()},
    )
    return cube, {int(site): day for site, day in note["upto"].items()}
