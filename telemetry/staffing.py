"""Agents and counters that a centre needs, from its journal: what it met in each half-hour of the week, how many the target
takes, what one more would change, and who will come in the next weeks.

Measured over whole local days, at most `HISTORY_WEEKS` of them, from the half-hour of the first call (ticket) to the day of
the last; the current day is not over and does not count, nor does a service day without a single event of the centre.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import F64, I64, MISSING, Columns, Zones
from kpis.declared import place
from kpis.model import Rules
from kpis.results import KPIS, facts_of
from kpis.staffing import halfhours, present
from kpis.staffing.erlang import Queue, queue
from kpis.staffing.forecast import Forecast, forecast
from kpis.staffing.halfhours import A_WEEK, HALF_US, Grid, Slots, Work
from kpis.staffing.staffing import Goal, needed
from telemetry.config import Site
from telemetry.hours import DAYS
from telemetry.journal_reader import JournalReader
from telemetry.rules import rules_of, since_us, zones_of

HISTORY_WEEKS, MOST_WEEKS = 26, 26
LEAST_DAYS = 4
"""A half-hour of the week that was service time on fewer days has too little data."""
SHARE_OF_CALLS, SHARE_OF_TICKETS = 0.8, 0.9
"""Who is to be answered or called in time, where the centre has no target of its own."""
HALL = "*"
"""All services together: counters of which each serves them all."""
_WEEK_US = A_WEEK * HALF_US
_THAI_DAYS = ("จ", "อ", "พ", "พฤ", "ศ", "ส", "อา")


@dataclass(frozen=True, slots=True)
class Change:
    """A question: so many more or fewer, at one half-hour, of one day of the week or of each."""

    day: int | None
    half: int
    more: int


@dataclass(frozen=True, slots=True)
class Need:
    """What one queue, one service, or all services together met and need. Arrays are of the half-hours of the week."""

    kind: str
    """`calls` or `tickets`."""
    unit: str
    from_us: int
    to_us: int
    silent_days: int
    slots: Slots
    goal: Goal | None
    """None where the centre declares none."""
    handle_s: F64
    handle_n: I64
    patience_s: F64
    """Infinite where it is not known: nobody is taken to give up."""
    patience_n: I64
    present: F64
    needed: I64
    """MISSING where it is not known; `state` says why."""
    coming: Forecast
    coming_from_us: int
    coming_open_us: I64
    coming_first: int
    """Number of the first coming half-hour, local."""
    coming_needed: I64

    @property
    def load(self) -> F64:
        """Erlangs: arrivals × handle time; 0 where nobody came."""
        rate = self.slots.per_second
        return np.where(rate == 0, 0.0, rate * self.handle_s)

    def enough(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which slots have data enough to say something."""
        return (self.slots.days >= LEAST_DAYS) & ~np.isnan(self.load)

    def state(self, slot: int) -> str:
        """`closed`, `insufficient_data`, `no_target`, `beyond` (no number of servers in reason would do) or `ok`."""
        if not self.slots.days[slot]:
            return "closed"
        if not self.enough()[slot]:
            return "insufficient_data"
        if self.goal is None:
            return "no_target"
        return "ok" if self.needed[slot] != MISSING else "beyond"

    def met_with(self, servers: I64) -> Queue:
        """What callers would meet with these numbers of servers, slot by slot; NaN without steady state or data."""
        within_s = self.goal.within_s if self.goal else np.nan
        enough = self.enough() & (servers >= 0)
        load = np.where(enough, self.load, np.nan)
        handle = np.where(np.isnan(self.handle_s), 1.0, self.handle_s)
        return queue(load, np.maximum(servers, 0), handle, within_s, self.patience_s)


def staffing(journal: JournalReader, site: Site, *, now_us: int, unit: str | None = None, weeks: int = 4) -> list[Need]:
    """Every queue, every service and all services together; or only `unit`. ValueError for what cannot be asked.

    Nothing where there is no whole day of data.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        raise ValueError(f"weeks: expected 1 to {MOST_WEEKS}, got {weeks}")
    span, code = journal.span(site.id), journal.code(site.id)
    needs: list[Need] = []
    if span is not None:
        rules, zones = rules_of([site], journal.code, tellers=journal.tellers()), zones_of([site], journal.code)
        end_us = min(_midnight(span[1], site, 1), _midnight(now_us, site, 0))
        first_us = max(span[0], _midnight(end_us, site, -7 * HISTORY_WEEKS))
        if end_us > first_us:
            cols = journal.columns([site.id], first_us - HALF_US * 48, end_us)
            rules = replace(rules, end_us=journal.last_heard([site.id]))
            facts = facts_of(cols, rules, zones)
            centre = _Centre(site, code, rules, zones, cols, (first_us, end_us), weeks, journal.names)
            needs += centre.calls(halfhours.calls(facts["calls"], code, rules.calendar, zones))
            needs += centre.tickets(halfhours.tickets(facts["tickets"], code, rules.calendar, zones))
    if unit is not None:
        known = [need.unit for need in needs]
        if unit not in known and unit not in {s.id for s in site.services}:
            raise ValueError(f"unit: expected one of {', '.join(known) or 'none, for there is no data'}, got {unit!r}")
        needs = [need for need in needs if need.unit == unit]
    return needs


@dataclass(frozen=True, slots=True)
class _Centre:
    site: Site
    code: int
    rules: Rules
    zones: Zones
    cols: Columns
    span_us: tuple[int, int]
    weeks: int
    names: list[str]

    def calls(self, work: Work) -> Iterator[Need]:
        period = self._period(work)
        if period is None:
            return
        g = self._grid(*period)
        limit_ms = self.rules.service_level_ms.at(np.array([self.code], np.int64), np.array([period[1] - 1], np.int64))
        goal = Goal(float(limit_ms[0]) / 1000, self._share("service_level_rate", SHARE_OF_CALLS, period[1]))
        for unit in self._units(g, work):
            there = present.agents(g, self.cols, self.code, unit, self.zones)
            slots = halfhours.slots(g, work, unit)
            patience = slots.patience_s(self.site.min_n)
            yield self._need("calls", unit, self.names[unit], period, g, work, slots, goal, there, patience)

    def tickets(self, work: Work) -> Iterator[Need]:
        period = self._period(work)
        if period is None:
            return
        g = self._grid(*period)
        counters = present.counters(g, self.cols, self.code, self.zones)
        endless = np.full(A_WEEK, np.inf), np.zeros(A_WEEK, np.int64)
        units = np.array(self._units(g, work), np.int64)
        site, at = np.full(len(units), self.code, np.int64), np.full(len(units), period[1] - 1, np.int64)
        limits_ms = self.rules.ticket_target_ms.at(place(site, units), at)
        share = self._share("ticket_wait_within_target_rate", SHARE_OF_TICKETS, period[1])

        def goal_of(limit_ms: int) -> Goal | None:
            return None if limit_ms == MISSING else Goal(limit_ms / 1000, share)

        if len(units) > 1:
            # First come, first served: all wait alike, so the shortest time declared is the one that decides.
            shortest = min((ms for ms in limits_ms.tolist() if ms != MISSING), default=MISSING)
            slots = halfhours.slots(g, work, None)
            yield self._need("tickets", None, HALL, period, g, work, slots, goal_of(shortest), counters, endless)
        unknown = np.full(A_WEEK, np.nan)
        for unit, limit_ms in zip(units.tolist(), limits_ms.tolist(), strict=True):
            there = counters if len(units) == 1 else unknown
            slots = halfhours.slots(g, work, unit)
            yield self._need(
                "tickets", unit, self.names[unit], period, g, work, slots, goal_of(limit_ms), there, endless
            )

    def _period(self, work: Work) -> tuple[int, int] | None:
        """From the half-hour of the first of these contacts to the end of the day of the last."""
        first_us, end_us = self.span_us
        halves = work.half[work.came & (work.half >= self._half(first_us)) & (work.half <= self._half(end_us - 1))]
        if not len(halves):
            return None
        since_us = max(first_us, self._local_us(int(halves.min())))
        return since_us, min(end_us, self._local_us((int(halves.max()) // 48 + 1) * 48))

    def _units(self, g: Grid, work: Work) -> list[int]:
        return sorted(halfhours.units(g, work), key=lambda unit: self.names[unit])

    def _half(self, time_us: int) -> int:
        return int(halfhours.half_of(np.array([time_us], np.int64), self.code, self.zones)[0])

    def _local_us(self, half: int) -> int:
        """The instant at which a local half-hour begins."""
        there = datetime(1970, 1, 1) + timedelta(microseconds=half * HALF_US)  # noqa: DTZ001  its zone follows
        return round(there.replace(tzinfo=ZoneInfo(self.site.timezone)).timestamp()) * 1_000_000

    def _grid(self, from_us: int, to_us: int) -> Grid:
        return halfhours.grid(from_us, to_us, self.code, self.rules.calendar, self.zones, self.cols.time_us)

    def _share(self, kpi: str, default: float, end_us: int) -> float:
        """The target in force at the end of the data."""
        standard = KPIS[kpi].target if kpi in KPIS else None
        share = self.site.targets.get(kpi, default if standard is None else standard)
        for change in sorted(self.site.changes, key=lambda c: c.since):
            if since_us(self.site, change) < end_us:
                share = change.targets.get(kpi, share)
        return share

    def _need(
        self, kind: str, unit: int | None, name: str, period: tuple[int, int], g: Grid, work: Work, slots: Slots,
        goal: Goal | None, there: F64, patience: tuple[F64, I64],
    ) -> Need:  # fmt: skip
        handle_s, handle_n = slots.handle_s(self.site.min_n)
        handle_s = np.where(handle_s > 0, handle_s, np.nan)  # work that takes no time was not measured
        patience_s = np.where(np.isnan(patience[0]) | (patience[0] <= 0), np.inf, patience[0])
        until_us = self._local_us(g.first + len(g) + self.weeks * A_WEEK)
        ahead = halfhours.grid(period[1], until_us, self.code, self.rules.calendar, self.zones)
        coming = forecast(halfhours.arrivals(g, work, unit), g.open_us, ahead.open_us)
        slot = halfhours.slot_of(ahead.first + np.arange(len(ahead), dtype=np.int64))
        rate = np.where(ahead.open_us > 0, coming.mean * 1e6 / np.maximum(ahead.open_us, 1), 0.0)
        load = np.where(rate == 0, 0.0, rate * handle_s[slot])
        need = Need(
            kind, name, *period, g.silent_days, slots, goal, handle_s, handle_n, patience_s, patience[1], there,
            np.full(A_WEEK, MISSING, np.int64), coming, period[1], ahead.open_us, ahead.first,
            np.full(len(ahead), MISSING, np.int64),
        )  # fmt: skip
        if goal is None:
            return need
        return replace(
            need,
            needed=needed(np.where(need.enough(), need.load, np.nan), handle_s, goal, patience_s),
            coming_needed=needed(load, handle_s[slot], goal, patience_s[slot]),
        )


def what_if(text: str) -> Change:
    """The question of `mon 10:00 +1`, or `10:00 +1` for every day. ValueError says what is wrong."""
    found = re.fullmatch(r"\s*(?:([^\W\d]+)\.?\s+)?(\d{1,2})[:.](00|30)\s*([+-]\d{1,3})\s*", text.lower())
    day = found[1] if found else None
    days = dict(zip((*DAYS, *_THAI_DAYS), (*range(7), *range(7)), strict=True))
    if not found or int(found[2]) > 23 or (day is not None and day not in days):
        raise ValueError(
            f'what-if: expected a half-hour and a change such as "mon 10:00 +1" or "10:00 +1", got {text!r}'
        )
    return Change(None if day is None else days[day], int(found[2]) * 2 + (found[3] == "30"), int(found[4]))


def _midnight(time_us: int, site: Site, days: int) -> int:
    """The beginning of the local day of an instant, or of a day so many after it."""
    zone = ZoneInfo(site.timezone)
    day = datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(zone).date() + timedelta(days=days)
    return round(datetime.combine(day, time(), zone).timestamp()) * 1_000_000
