"""The open days: their events in memory as columns, and one immutable snapshot of what they say.

A live figure is the batch figure of today so far. When events arrive only the sites they touch are computed again, at
most once a second, and never for more than about a fifth of the time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from typing import TypeVar

import numpy as np

from kpis.calendar import Calendar
from kpis.columns import DAY_US, I64, QUARTERS_A_DAY, Bool, Columns, concat, empty, group
from kpis.cube import NOTHING, Block, Cube, build, by_site, merge, select, since, within
from kpis.heard import Heard, joined
from kpis.keeping import Kept
from kpis.many import of_many
from kpis.model import Facts
from kpis.results import facts_of
from telemetry import open_matters
from telemetry.closed_days import closed_from, closed_note, counted, totals
from telemetry.config import Site
from telemetry.journal import DiskFullError, Journal
from telemetry.rules import by_hand, rules_of, zones_of
from telemetry.voided import VOID
from telemetry.waiting import Standing, Waiting, by_site_table, standing_in, waiting_in

log = logging.getLogger("gecc.live")
_T = TypeVar("_T")
_Says = tuple[dict[int, Cube], dict[int, dict[int, Waiting]], dict[int, Standing]]

SHORTEST_PAUSE_S = 1.0
SHARE_OF_TIME = 0.2
SITES_AT_ONCE, ALONE, MOST_THREADS = 128, 16, 4
"""Sites of one run: NumPy's calls are worth their price, and memory stays small. Up to ALONE are not shared by threads."""
FEW_SITES, MOST_KEPT = 2, 16
"""So few changed sites are taken one by one, and of so many is kept all that was made of them: some megabytes each. Of the
others their cells are kept, which take half as much as their events."""
HEARD_FOR_US, HEARD_AT_ONCE = 60_000_000, 24
"""What the journal knows beside events (delays, refusals, gaps) is read anew after so long, of a few sites at a time."""
LONGEST_PAUSE_S = 30.0
"""Without any event a new version still comes this often: silence and the age of data are news too."""


@dataclass(frozen=True)
class Snapshot:
    """What the open days say. Versions of sites only grow.

    Each site has a cube of its own, so that a tick touches the sites that changed and no other; what is asked of all
    sites is put together when somebody asks, once.
    """

    version: Mapping[int, int]
    """Site code → version of its part."""
    as_of_us: int
    sites: Mapping[int, Cube]
    """Site code → yesterday and today, by the site's own days."""
    matters: Mapping[int, Cube]
    """Site code → its conversations and cases of any day, as they stand now: the backlog."""
    today: Mapping[int, int]
    """Site code → its local day, days since 1970."""
    waiting: Mapping[int, Mapping[int, Waiting]]
    """Site code → unit code → who waits."""
    standing: Mapping[int, Standing]
    """Site code → what else stands open there."""
    closed: Cube
    """Totals of the days before, for counters that go on over midnight and restarts; one cell a site and unit."""

    @cached_property
    def open_days(self) -> Cube:
        """Yesterday and today of every site."""
        return merge(list(self.sites.values()))

    @cached_property
    def counted(self) -> Cube:
        """Everything since the journal began that counters show; cells of any time."""
        return merge([self.closed, counted(self.open_days)])

    @cached_property
    def all_matters(self) -> Cube:
        """The conversations and cases of all sites, whenever they began, as they stand now."""
        return merge([cube for cube in self.matters.values() if cube.blocks])

    @cached_property
    def all_today(self) -> Cube:
        """The cells of every site's today."""
        return select(self.open_days, lambda block: _day(block) == by_site_table(block.site, self.today))

    def of_today(self, site: int) -> Cube:
        """The cells of one site's today."""
        mine, first = self.sites.get(site, NOTHING), self.today[site] * QUARTERS_A_DAY
        return within(since(mine, site, first), (first, first + QUARTERS_A_DAY))


class Live:
    """The open days of all sites of a journal."""

    def __init__(self, journal: Journal, sites: Sequence[Site], *, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock
        self.codes = {s.id: journal.code(s.id) for s in sites}
        self._sites = sites
        self._rules = rules_of(sites, journal.code, tellers=journal.tellers())
        self._zones = zones_of(sites, journal.code)
        self._site_codes = np.array(list(self.codes.values()), np.int32)
        self._is_site = np.zeros(int(self._site_codes.max(initial=0)) + 2, np.bool_)
        """By code; the last one stands for all that are higher."""
        self._is_site[self._site_codes] = True
        self._columns: dict[int, Columns] = {}
        self._matters: dict[int, Columns] = {}
        """Site code → events of conversations and cases from before the open days; see `open_matters`."""
        self._pending: list[Columns] = []
        self._loaded: dict[int, int] = {}
        """Site code → up to this journal offset its events came from the journal itself."""
        self._local = np.empty(0, np.int64)
        self._today: dict[int, int] = {}
        """The local day of each site when it was last asked for; the same dictionary as long as no day has ended."""
        self._names = 0
        """How many names the journal had when its sources were last looked at."""
        self._changed = asyncio.Condition()
        self.snapshot = Snapshot({}, 0, {}, {}, {}, {}, {}, NOTHING)
        self._heard: dict[int, tuple[int, Heard]] = {}
        """Site code → when it was read, and what it said."""
        self._kept: dict[int, Kept] = {}
        self._cells: dict[int, Kept] = {}
        """Site code → what was made of it when it was one of many, as `of_many` keeps it."""
        self._closed = NOTHING
        self._closed_upto: dict[int, int] = {}
        """Site code → first local day that is not yet in the closed totals."""
        self._kept_upto: dict[int, int] = {}
        """The same, as the journal has it."""

    @property
    def calendar(self) -> Calendar:
        """The hours of all sites."""
        return self._rules.calendar

    def load(self) -> None:
        """Take the open days from the journal; what is older goes into the closed totals, once."""
        now_us = int(self._clock() * 1e6)
        today = self._local_days(now_us)
        self._closed, closed_upto = closed_from(self._journal.note("counters"))
        if any(closed_upto.get(c, day - 1) > day - 1 for c, day in today.items()):
            log.warning("the clock was set back by days: the counters begin anew")
            self._closed, closed_upto = closed_from(None)
        self._kept_upto = dict(closed_upto)
        oldest = min(
            [*(closed_upto.get(c, d - 1) for c, d in today.items()), *(d - 1 for d in today.values())], default=0
        )
        cols = self._journal.columns(list(self.codes), (oldest - 2) * DAY_US, now_us + 2 * DAY_US)
        self._closed_upto = {c: closed_upto.get(c, today[c] - 1) for c in today}
        self._columns, self._loaded = {}, {}
        self._matters = {c: self._earlier(site, now_us) for site, c in self.codes.items()}
        self.refresh([cols], everything=True)
        self._loaded = dict.fromkeys(self.codes.values(), int(cols.seq.max(initial=0)))

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

    async def refreshed(self) -> None:
        """Wait for the next snapshot."""
        async with self._changed:
            await self._changed.wait()

    def columns_of(self, site: str) -> Columns:
        """Events of the site's open days, as far as they were taken up; may be asked in any thread."""
        return self._columns.get(self.codes[site], empty())

    def _take_pending(self) -> list[Columns]:
        """On the event loop, as `add` is: a list that a thread was given is never appended to."""
        taken, self._pending = self._pending, []
        return taken

    def refresh(self, parts: Sequence[Columns], *, everything: bool = False) -> None:
        """Compute the touched sites again and publish a new snapshot; with `everything` each site has a new version."""
        now_us = int(self._clock() * 1e6)
        fresh = concat(parts)
        old, today = self.snapshot, self._local_days(now_us)
        days = {} if today is old.today else today
        turned = {c for c, day in days.items() if old.today.get(c) != day}
        touched = self._append(fresh, now_us)
        if any(day - 1 < self._closed_upto[c] for c, day in days.items()):
            self.load()  # the clock was ahead and closed days that are not over
            return
        self._close_days({c: today[c] for c in turned}, now_us)
        dirty = set(self.codes.values()) if everything else touched | turned
        sites, matters = ({**of, **dict.fromkeys(dirty, NOTHING)} for of in (old.sites, old.matters))
        waiting = {**old.waiting, **{c: {} for c in dirty}}
        standing = {**old.standing, **dict.fromkeys(dirty, Standing())}

        def says(facts: Mapping[str, Facts], cube: Cube) -> _Says:
            return by_site(cube), waiting_in(facts, today, now_us, self._zones), standing_in(facts)

        for cubes, waits, stands in self._each(sorted(dirty), now_us, says):
            for code, cube in cubes.items():
                sites[code] = since(cube, code, self._closed_upto[code] * QUARTERS_A_DAY)
                matters[code] = Cube({f: b for f, b in cube.blocks.items() if f == open_matters.BLOCK and len(b)})
            waiting |= waits
            standing |= stands
        newer = self.codes.values() if everything else dirty
        version = {**old.version, **{c: old.version.get(c, 0) + 1 for c in newer}}
        self.snapshot = Snapshot(version, now_us, sites, matters, today, waiting, standing, self._closed)

    def _earlier(self, site: str, now_us: int) -> Columns:
        matters = self._journal.matters(site, now_us - open_matters.LONGEST_US)
        day = self._zones.to_local(matters.time_us, matters.site) // DAY_US
        before = day < self._closed_upto[self.codes[site]] - 1
        return open_matters.kept(matters.take(before & open_matters.of_matters(matters)), now_us)

    def _append(self, fresh: Columns, now_us: int) -> set[int]:
        """Put new events to those of their sites; the sites that got any, or lost some."""
        unread = fresh.seq > by_site_table(fresh.site.astype(np.int64), self._loaded)
        fresh = fresh.take(self._is_site.take(fresh.site, mode="clip") & unread)
        voided = set(fresh.site[fresh.type == VOID].tolist())
        for code in voided:
            self._read_anew(code, int(fresh.seq.max()), now_us)
        if voided:
            fresh = fresh.take(~np.isin(fresh.site, list(voided)))
        # A log that is read for the first time brings years: what no open day can need is not kept.
        day = self._zones.to_local(fresh.time_us, fresh.site) // DAY_US
        needed = day >= by_site_table(fresh.site.astype(np.int64), self._closed_upto) - 1
        late = fresh.take(~needed & open_matters.of_matters(fresh))
        for code in sorted(set(late.site.tolist())):
            self._matters[code] = concat([self._matters.get(code, empty()), late.take(late.site == code)])
        fresh = fresh.take(needed)
        g = group(fresh.site.astype(np.uint64))
        fresh = fresh.take(g.order)
        touched = voided | set(late.site.tolist())
        for rows in g.slices():
            code = int(fresh.site[rows.start])
            touched.add(code)
            self._columns[code] = concat([self._columns.get(code, empty()), fresh.take(rows)])
        return touched

    def _read_anew(self, code: int, upto: int, now_us: int) -> None:
        """A void may take away or give back any event: the site's are taken from the journal, which knows what counts. `upto`
        is the newest event that is known to be there."""
        site = next(name for name, c in self.codes.items() if c == code)
        cols = self._journal.columns([site], (self._closed_upto[code] - 3) * DAY_US, now_us + 2 * DAY_US)
        day = self._zones.to_local(cols.time_us, cols.site) // DAY_US
        self._columns[code] = cols.take(day >= self._closed_upto[code] - 1)
        self._matters[code] = self._earlier(site, now_us)
        self._loaded[code] = max(upto, int(cols.seq.max(initial=0)))

    def _each(self, codes: Sequence[int], now_us: int, of: Callable[[dict[str, Facts], Cube], _T]) -> Sequence[_T]:
        """`of` the facts of these sites and their cube, some sites at a time. Several runs at a time share the processors:
        NumPy lets go of the interpreter while it works. A few sites are taken one by one. What the next events will not
        change is kept."""
        if (names := len(self._journal.names)) != self._names:
            self._rules, self._names = replace(self._rules, by_hand=by_hand(self._sites, self._journal.code)), names
        rules = replace(self._rules, as_of_us=dict.fromkeys(codes, now_us))
        self._listen(codes, now_us)

        def events(code: int) -> Columns:
            return concat([held[code] for held in (self._matters, self._columns) if len(held.get(code, ()))])

        def work(some: Sequence[int]) -> _T:
            heard = joined([self._heard[c][1] for c in some])
            if not few:
                kept_of = {c: self._cells.setdefault(c, Kept()) for c in some}
                return of(*of_many({c: events(c) for c in some}, rules, self._zones, heard, kept=kept_of))
            kept = self._kept_of(some[0])
            facts = facts_of(events(some[0]), rules, self._zones, heard, kept)
            return of(facts, build(facts, self._zones, kept))

        few = len(codes) <= FEW_SITES
        if few:
            return [work([code]) for code in codes]
        threads = min(os.cpu_count() or 1, MOST_THREADS) if len(codes) > ALONE else 1
        runs = threads * -(-len(codes) // (threads * SITES_AT_ONCE))  # as many for each thread
        at_once = -(-len(codes) // runs)
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, (codes[i : i + at_once] for i in range(0, len(codes), at_once))))

    def _kept_of(self, code: int) -> Kept:
        """What is kept of a site, of the sites that were looked at last."""
        kept = self._kept.pop(code, None) or Kept()
        self._kept[code] = kept
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept

    def _listen(self, codes: Sequence[int], now_us: int) -> None:
        """Read anew what the journal knows of these sites beside their events, where that was long ago."""
        first = {c: (self._closed_upto[c] - 2) * DAY_US for c in codes}
        new = [c for c in codes if c not in self._heard or self._heard[c][1].from_us > first[c]]
        old = [c for c in codes if c not in new and not 0 <= now_us - self._heard[c][0] < HEARD_FOR_US]
        for c in [*new, *sorted(old, key=lambda c: self._heard[c][0])[:HEARD_AT_ONCE]]:
            heard = self._journal.heard([self._journal.names[c]], first[c], now_us + 2 * DAY_US)
            self._heard[c] = now_us, heard

    def _local_days(self, now_us: int) -> dict[int, int]:
        codes = self._site_codes
        local = self._zones.to_local(np.full(len(codes), now_us, np.int64), codes) // DAY_US
        if not np.array_equal(local, self._local):
            self._local, self._today = local, dict(zip(codes.tolist(), local.tolist(), strict=True))
        return self._today

    def _close_days(self, turned: Mapping[int, int], now_us: int) -> None:
        """Add days before yesterday to the closed totals, and let go of their events."""
        due = {c: day - 1 for c, day in turned.items() if self._closed_upto.get(c, day - 1) < day - 1}
        if due:
            upto = dict(self._closed_upto)

            def ended(block: Block) -> Bool:
                day = _day(block)
                return (day >= by_site_table(block.site, upto)) & (day < by_site_table(block.site, due))

            cubes = self._each(sorted(due), now_us, lambda _, cube: select(cube, ended))
            self._closed = totals([self._closed, *cubes])
            self._closed_upto.update(due)
        for code, day in turned.items():
            cols = self._columns.get(code)
            if cols is not None:
                local = self._zones.to_local(cols.time_us, cols.site) // DAY_US
                old = local < day - 2
                self._columns[code] = cols.take(~old)
                matters = [self._matters.get(code, empty()), cols.take(old & open_matters.of_matters(cols))]
                self._matters[code] = open_matters.kept(concat(matters), now_us)

    async def _keep_closed(self, in_writer: Callable[[Callable[[], None]], Awaitable[object]]) -> None:
        """Totals and how far they reach, in one note: half of it would count a day twice. Tried again on a full disk."""
        upto, note = dict(self._closed_upto), closed_note(self._closed, self._closed_upto)
        try:
            await in_writer(partial(self._journal.set_note, "counters", note))
        except DiskFullError as problem:
            log.error("%s: the totals of the days before wait for room", problem)  # noqa: TRY400
        else:
            self._kept_upto = upto


def day_of(local_day: int) -> date:
    """The date of a local day number."""
    return datetime.fromtimestamp(local_day * 86400, UTC).date()


def _day(block: Block) -> I64:
    return block.quarter // QUARTERS_A_DAY
