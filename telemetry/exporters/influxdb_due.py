"""From the journal to due days, and from due days to points: what the exporter knows of each configured site."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from kpis.columns import DAY_US, I64, QUARTERS_A_DAY
from telemetry.config import Site
from telemetry.cubes import site_cube
from telemetry.exporters import influxdb_days, influxdb_points
from telemetry.exporters.influxdb_points import QUARTER_S, Point
from telemetry.exporters.influxdb_state import SiteRow, State
from telemetry.journal_follower import Changes, Follower
from telemetry.rules import names_of, zones_of

log = logging.getLogger("gecc.influxdb")


class Sites:
    """The configured sites of a journal."""

    def __init__(self, journal: Follower, sites: Sequence[Site]) -> None:
        self._journal = journal
        self.of = {site.id: site for site in sites}
        self._codes = {journal.code(site.id): site for site in sites}
        self._declared = {site.id: frozenset(names_of(site)) for site in sites}
        self._zones = {site.id: zones_of([site], journal.code) for site in sites}
        self._swept: dict[str, int] = {}
        """Site → the local day whose night was last looked at."""

    def today(self, site: Site, now_us: int) -> int:
        """The local day of the site, days since 1970."""
        return int(self._local(site, np.array([now_us], np.int64))[0] // DAY_US)

    def _local(self, site: Site, us: I64) -> I64:
        return self._zones[site.id].to_local(us, np.full(len(us), self._journal.code(site.id), np.int32))

    def _day(self, site: Site, at: I64) -> I64:
        """The local days of quarters of an hour in UTC."""
        return self._local(site, at * QUARTER_S * 1_000_000) // DAY_US

    # -- events → due days -------------------------------------------------------------------------------------------

    def begin(self, state: State) -> None:
        """Whatever is not as it was when the file was written makes all days of its sites due: another journal, other
        rules, a site that is new here, events that left the journal before they were read."""
        with state.transaction():
            offset, mark = state.offset, state.meta("mark")
            left = self._journal.left_upto()
            unread = left > offset
            another = offset > left and self._journal.identity(offset) != mark
            if another:
                log.warning("the journal is not the one that was read before: every day is compared again")
                state.set_meta("offset", "0")
            for site in self.of.values():
                known, rules = state.site(site.id), self._rules(site)
                if known is not None and known.zone != site.timezone:
                    state.move_days(site.id, partial(self._day, site))
                if known is None and not offset and not unread:
                    state.set_site(site.id, SiteRow(rules, site.timezone))
                elif known is None or known.rules != rules or another or unread:
                    self._everything(state, site, SiteRow(rules, site.timezone))
                else:
                    self._swept[site.id] = known.swept_day if known.swept_day is not None else -1

    def _rules(self, site: Site) -> str:
        """Of everything but events that decides what the points of a site are."""
        tellers = self._journal.note("tellers")
        mine = {k: v for k, v in tellers.items() if k.startswith(f"{site.id}/")} if isinstance(tellers, dict) else {}
        parts = (influxdb_points.VERSION, influxdb_points.shapes(), site, sorted(mine.items()))
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _everything(self, state: State, site: Site, row: SiteRow) -> None:
        span = self._journal.span(site.id)
        days = set(state.days_written(site.id))
        if span is not None:
            first, last = (self._local(site, np.array(span, np.int64)) // DAY_US).tolist()
            days |= set(range(first, last + 1))
            row = row._replace(first_day=first, last_day=last, heard_day=last)
            days |= influxdb_days.of_all(self._journal.matters(site.id), self._zones[site.id])
        state.make_due(site.id, dict.fromkeys(sorted(days), influxdb_days.AGAIN))
        state.set_site(site.id, row)

    def read(self, state: State, now_us: int, most: int) -> bool:
        """Make due what the next events change; whether there are more of them."""
        changes = self._journal.changes(state.offset, most)
        if not len(changes.seq):
            return False
        last = int(changes.seq[-1])
        with state.transaction():
            for code in np.unique(changes.site).tolist():
                if code in self._codes:
                    self._read_site(state, self._codes[code], changes, changes.site == code, now_us)
            state.set_meta("offset", str(last))
            state.set_meta("mark", self._journal.identity(last))
        return len(changes.seq) == most

    def _read_site(self, state: State, site: Site, changes: Changes, rows: np.ndarray, now_us: int) -> None:
        known = state.site(site.id) or SiteRow(self._rules(site), site.timezone)
        days = self._local(site, changes.time_us[rows]) // DAY_US
        due, known = influxdb_days.of_events(
            days, changes.seq[rows], changes.type[rows], site, known, self.today(site, now_us)
        )
        touched = changes.matter[rows]
        touched = touched[touched != 0]
        if len(touched):
            known_matters = self._journal.matters(site.id, voided=True)  # what was voided stood on days of its own
            matters = influxdb_days.of_matters(known_matters, touched, self._zones[site.id])
            due = influxdb_days.merged([due, matters])
        state.make_due(site.id, due)
        state.set_site(site.id, known)

    def look_again(self, state: State, now_us: int) -> None:
        """Once in each night of a site: make due what time alone may have changed, and the days that have just ended, whole,
        for a store that was killed may have lost what it had taken."""
        for site in self.of.values():
            today = self.today(site, now_us)
            if self._swept.get(site.id, -1) >= today:
                continue
            known = state.site(site.id)
            if known is not None and known.first_day is not None:
                matters = self._journal.matters(site.id)
                due = influxdb_days.nightly(matters, site, known, today, self._zones[site.id])
                with state.transaction():
                    state.doubt("site = ? AND day BETWEEN ? AND ?", site.id, today - 2, today - 1)
                    state.make_due(site.id, due)
                    state.set_site(site.id, known._replace(swept_day=today))
                self._swept[site.id] = today

    # -- due days → points -------------------------------------------------------------------------------------------

    def points(
        self, state: State, name: str, days: Sequence[int], now_us: int, *, far: bool
    ) -> Mapping[int, list[Point]]:
        """The points of each of these days, which ascend and are either all over or all not; without `far` only those of
        measurements that the days around suffice for."""
        site, declared = self.of[name], self._declared[name]
        quarters = days[0] * QUARTERS_A_DAY, (days[-1] + 1) * QUARTERS_A_DAY
        cube = site_cube(self._journal, site, quarters, now_us, far=far)
        self._journal.learn()
        out: dict[int, list[Point]] = {day: [] for day in days}

        def label(code: int) -> str:
            return state.label(name, self._journal.names[code], declared)

        for point in influxdb_points.points(cube, label, site.timezone, far=far):
            if point.day in out:
                out[point.day].append(point)
        return out
