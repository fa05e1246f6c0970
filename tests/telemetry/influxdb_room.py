"""A journal, a store and the exporter between them, by a clock that is told; and what the points must add up to."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from kpis.model import By
from kpis.results import KPIS, evaluate
from kpis.rollup import labelled, roll_up
from telemetry.config import Config, Influxdb, Service, Site
from telemetry.cubes import site_cube
from telemetry.events import Decoded, Event
from telemetry.exporters import influxdb_store
from telemetry.exporters.influxdb import Exporter
from telemetry.exporters.influxdb_points import shapes
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from telemetry.rules import names_of, zones_of
from tests.telemetry.influxdb_tools import FakeStore

S = 1_000_000
DAY_US = 86_400 * S
SENT = frozenset(name for shape in shapes() for name in shape.measures)
"""Measures that points carry."""
SUMS = {name: kpi for name, kpi in KPIS.items() if kpi.kind in ("count", "ratio", "mean") and kpi.by in (By.UNIT, By.SITE)
        and {m for m in (kpi.numerator, kpi.denominator) if m} <= SENT}  # fmt: skip


class Room:
    """A journal, a store that is a dictionary, and an exporter between them; time is told."""

    def __init__(self, folder, sites, now_us, *, store=None) -> None:
        self.folder, self.sites, self.now_us, self.mono = folder, sites, now_us, 0.0
        self.store = store or FakeStore()
        self.journal = Journal(folder, pack_rows=40)
        self.journal.ensure([x for s in sites for x in names_of(s)])
        self.open()

    def open(self, sites=None) -> None:
        self.sites = sites or self.sites
        url = self.store.url if self.store.port else "http://127.0.0.1:1"
        config = Config(data=self.folder, sites=tuple(self.sites), influxdb=Influxdb(url=url, bucket="b", timeout_s=2))
        self.exporter = Exporter(
            config, clock=lambda: self.now_us / 1e6, monotonic=lambda: self.mono, worked=lambda: 0.0,
        )  # fmt: skip
        if not self.store.port:
            self.exporter._store.write = self.write

    def write(self, lines):
        assert 0 < len(lines) <= influxdb_store.MOST_POINTS
        self.store.calls.append(lines)
        self.store.take(lines)
        return []

    def commit(self, *events) -> None:
        if events:
            self.journal.commit([Unit(events[0].source, Decoded(list(events)), self.now_us)])

    def settle(self, steps=500) -> None:
        """Until nothing is due: whatever waits to be looked at again gets its time."""
        idle = 0
        for _ in range(steps):
            wait = self.exporter.step()
            self.mono += wait
            state = self.exporter._state
            if state is not None and not state.due_sites() and not self.exporter._gathered:
                idle += 1
                if idle > 2:
                    return
            elif wait > 0:
                self.mono += 1000
        raise AssertionError(f"still due: {self.exporter.status}")

    def pass_time(self, us) -> None:
        self.now_us += us
        self.mono += us / 1e6

    def close(self) -> None:
        self.exporter.close()
        self.journal.close()


SITE = Site(id="bkk", services=(Service(id="idcard", target_minutes=10), Service(id="civil")))
NOON_US = 1_795_150_800 * S
"""Noon of a Friday in Bangkok, 2026-11-20."""


def tickets(
    first: int, many: int, at_us: int = NOON_US, units=("idcard", "civil"), apart_us: int = 60 * S
) -> list[Event]:
    out = []
    for n in range(first, first + many):
        fact = {"site": "bkk", "source": "bkk/k1", "unit": units[n % len(units)], "contact": f"A{n:04}"}
        t = at_us + (n - first) * apart_us
        out.append(Event(id=f"b:{2 * n:010}", type="ticket.issued", time_us=t, **fact))
        out.append(Event(id=f"b:{2 * n + 1:010}", type="ticket.called", time_us=t + (n % 30) * S, **fact))
    return out


def until(room, what, most_s=20_000.0):
    """Step by the simulated clock until it is so; the seconds that went by."""
    began = room.mono
    while not what():
        wait = room.exporter.step()
        room.pass_time(int(max(wait, 0.001) * S))
        assert room.mono - began < most_s, room.exporter.status
    return room.mono - began


def nothing_due(room):
    state = room.exporter._state
    return state is not None and state.offset == room.journal.ends()[0] and state.sent_upto() == state.offset


def issued(room):
    return room.store.total("tickets_issued", site="bkk")


def points_say(room, site):
    """(kpi, unit or None for the whole site, day) → (numerator, denominator) as the points have it, where not both are 0."""
    zone, out = ZoneInfo(site.timezone), {}
    for (_, tags, at), fields in room.store.points.items():
        has = dict(tags)
        if has["site"] == site.id:
            day = datetime.fromtimestamp(at, zone).date().isoformat()
            for name, kpi in SUMS.items():
                sums = [fields.get(m, 0) for m in (kpi.numerator, kpi.denominator)]
                if any(sums):
                    for unit in {None, has.get("unit", "")} if kpi.by is By.UNIT else {None}:
                        had = out.get((name, unit, day), (0, 0))
                        out[name, unit, day] = had[0] + sums[0], had[1] + sums[1]
    return {key: sums for key, sums in out.items() if any(sums)}


def core_says(room, site):
    """The same of the cube that /v1/kpis is made of: of the days that are over, and of those that are not."""
    reader = JournalReader(room.folder)
    zones = zones_of([site], reader.code)
    today = int(zones.to_local(np.array([room.now_us]), np.array([reader.code(site.id)]))[0] // DAY_US)
    out = {}
    first = int((reader.span(site.id) or (room.now_us,))[0] // DAY_US) - 2
    for days in ((min(first, today), today), (today, today + 20_000)):
        cube = site_cube(reader, site, tuple(day * 96 for day in days), room.now_us)
        for by_unit in (False, True):

            def label(block, by_unit=by_unit):
                mine = block.by is By.UNIT if by_unit else block.by in (By.UNIT, By.SITE)
                return np.where(mine, block.quarter // 96 << 20 | (block.unit if by_unit else 0), -1)

            labels, places = labelled(cube, label)
            sums, seconds = roll_up(cube, places, len(labels))
            for name, kpi in SUMS.items():
                if by_unit and kpi.by is not By.UNIT:
                    continue
                r = evaluate(kpi, sums, seconds, len(labels))
                for i in np.flatnonzero(np.nan_to_num(r.numerator) + np.nan_to_num(r.denominator)):
                    day = date(1970, 1, 1) + timedelta(days=int(labels[i]) >> 20)
                    unit = reader.names[int(labels[i]) & 0xFFFFF] if by_unit else None
                    out[name, unit, day.isoformat()] = tuple(
                        int(np.nan_to_num(x[i])) for x in (r.numerator, r.denominator)
                    )
    return out


def rows_say(room, site, day):
    """The same of the rows of /v1/kpis itself, of one day."""
    out, after = {}, day + timedelta(days=1)
    for by in ("total", "unit"):
        rows = query(JournalReader(room.folder), site, str(day), str(after), now_us=room.now_us, by=by)
        for row in rows:
            kpi = SUMS.get(row["kpi"])
            sums = [row["numerator"] or 0, row["denominator"] or 0]
            if kpi is not None and any(sums):
                out[row["kpi"], row["unit"], str(day)] = round(sums[0] * kpi.per / kpi.times), sums[1]
    return out


def same(room, days=1):
    for site in room.sites:
        told = points_say(room, site)
        true = core_says(room, site)
        assert {k: (told.get(k), true.get(k)) for k in told.keys() | true.keys() if told.get(k) != true.get(k)} == {}, (
            site.id
        )
        for day in random.Random(1).sample(sorted({key[2] for key in told}), min(days, len({key[2] for key in told}))):
            mine = {key: sums for key, sums in told.items() if key[2] == day}
            assert mine == rows_say(room, site, date.fromisoformat(day))
