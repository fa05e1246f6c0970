"""What a centre met in each half-hour: how many came, how long each took, how long people were ready to wait.

Everything is of one site. A half-hour is one of its local time; `first` is the number of a row's half-hour since the local
1970-01-01. A week begins on Monday: slot 0 is Monday 00:00, slot 335 Sunday 23:30.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.calendar import Calendar
from kpis.calls.stints import ABANDONED, CENSORED, OPEN
from kpis.columns import F64, I64, MISSING, QUARTER_US, Bool, Zones
from kpis.model import Facts

HALF_US = 1_800_000_000
A_DAY, A_WEEK = 48, 336


def slot_of(half: I64) -> I64:
    """The half-hour of the week of each half-hour since 1970, which began on a Thursday."""
    return (half + 3 * A_DAY) % A_WEEK


def half_of(time_us: I64, site: int, zones: Zones) -> I64:
    """The local half-hour of each instant."""
    return zones.to_local(time_us, np.full(len(time_us), site, np.int32)) // HALF_US


@dataclass(frozen=True, slots=True)
class Grid:
    """Half-hours one after another, whole local days."""

    first: int
    open_us: I64
    """Service time in each half-hour in which the centre was heard of; 0 where it is closed, or silent all day."""
    silent_days: int
    """Service days without a single event of the site: nothing is known of them, so they are not counted."""

    def __len__(self) -> int:
        return len(self.open_us)


def grid(from_us: int, to_us: int, site: int, calendar: Calendar, zones: Zones, heard_us: I64 | None = None) -> Grid:
    """The whole local days of [from_us, to_us); with `heard_us` (times of events) those days only that hold one.

    A site without declared hours is always open. Half-hours before `from_us` and from `to_us` on have no service time.
    """
    if to_us <= from_us:
        return Grid(0, np.empty(0, np.int64), 0)
    edges = half_of(np.array([from_us, to_us - 1], np.int64), site, zones) // A_DAY
    first, size = int(edges[0]) * A_DAY, int(edges[1] - edges[0] + 1) * A_DAY
    quarter = np.arange(from_us // QUARTER_US, -(-to_us // QUARTER_US), dtype=np.int64) * QUARTER_US
    code = np.full(len(quarter), site, np.int64)
    start, end = np.maximum(quarter, from_us), np.minimum(quarter + QUARTER_US, to_us)
    at = half_of(start, site, zones) - first
    open_us = np.zeros(size, np.int64)
    np.add.at(open_us, at, calendar.service_us(start, end, code))
    if heard_us is None:
        return Grid(first, open_us, 0)
    heard = np.zeros(size // A_DAY, np.bool_)
    day = half_of(heard_us, site, zones) // A_DAY - first // A_DAY
    heard[day[(day >= 0) & (day < len(heard))]] = True
    by_day = open_us.reshape(-1, A_DAY)
    silent = int(((by_day.sum(axis=1) > 0) & ~heard).sum())
    return Grid(first, np.where(heard[:, None], by_day, 0).ravel(), silent)


@dataclass(frozen=True, slots=True)
class Work:
    """Contacts of one kind, as rows, with what staffing needs to know of each; and work that is told of no contact."""

    half: I64
    """Local half-hour of arrival."""
    inside: Bool
    """It came in service time."""
    unit: I64
    came: Bool
    """It is a contact."""
    handled: Bool
    """Its handle time is known."""
    handle_ms: I64
    """0 where not known."""
    wait_ms: I64
    """Time until it was answered or left the queue; MISSING where not known."""
    gave_up: Bool


def calls(facts: Facts, site: int, calendar: Calendar, zones: Zones) -> Work:
    """Offered calls of the site (`calls` of `results.facts_of`). Handle time is the talk, and the after-call work that agents
    of the unit began in the half-hour, for it is told of no call."""
    rows = facts.site == site
    came = facts.counts["calls_offered"][rows].astype(np.bool_)
    outcome, wait = facts.state["outcome"][rows], facts.state["wait_ms"][rows]
    ended = came & (outcome != OPEN) & (outcome != CENSORED) & (wait >= 0)
    return Work(
        *_place(facts, rows, site, calendar, zones),
        came,
        came & facts.counts["answered_talk_known"][rows].astype(np.bool_),
        facts.counts["handle_ms"][rows].astype(np.int64),
        np.where(ended, wait, MISSING),
        ended & (outcome == ABANDONED),
    )


def tickets(facts: Facts, site: int, calendar: Calendar, zones: Zones) -> Work:
    """Tickets issued at the site (`tickets` of `results.facts_of`). Handle time is the service of all counters of a ticket,
    and the way to the first where it is known: the counter waits for it. Nobody's patience is known."""
    rows = (facts.site == site) & facts.counts["tickets_issued"].astype(np.bool_)
    handled = facts.counts["tickets_with_service_time"][rows] > 0
    way_ms = facts.counts["ticket_walk_ms"][rows].astype(np.int64)
    size = int(rows.sum())
    return Work(
        *_place(facts, rows, site, calendar, zones),
        np.ones(size, np.bool_),
        handled,
        np.where(handled, facts.counts["service_ms"][rows] + way_ms, 0),
        np.full(size, MISSING, np.int64),
        np.zeros(size, np.bool_),
    )


def _place(facts: Facts, rows: Bool, site: int, calendar: Calendar, zones: Zones) -> tuple[I64, Bool, I64]:
    time_us = facts.arrival_us[rows]
    inside = calendar.is_open(time_us, np.full(len(time_us), site, np.int64))
    return half_of(time_us, site, zones), inside, facts.unit[rows].astype(np.int64)


@dataclass(frozen=True, slots=True)
class Slots:
    """One unit's half-hours of the week, 336 of each; whole numbers, to be added up."""

    days: I64
    """Days on which the slot was service time."""
    open_us: I64
    """Service time of these days together."""
    arrivals: I64
    handled: I64
    """Contacts whose handle time is known."""
    handle_ms: I64
    """With the after-call work that began in the slot."""
    waited: I64
    """Contacts whose wait is known, however it ended."""
    wait_ms: I64
    gave_up: I64

    @property
    def per_second(self) -> F64:
        """Arrivals per second of service time; NaN where there was none."""
        return _over(self.arrivals.astype(np.float64) * 1e6, self.open_us)

    def handle_s(self, least: int) -> tuple[F64, I64]:
        """Handle time and after-call work ÷ contacts of known handle time, and their number: of the slot itself where
        there are `least`, else of all slots together; NaN where these have fewer too."""
        return _own_or_all(self.handle_ms, self.handled, least)

    def patience_s(self, least: int) -> tuple[F64, I64]:
        """Mean patience and the number who gave up, own or of all slots as in `handle_s`.

        Patience is known only of those who gave up; whoever was answered, or left the queue in another way, was ready
        to wait at least as long as they did. Of exponential patience the maximum-likelihood mean is then the whole
        waiting time of all of them ÷ those who gave up.
        """
        return _own_or_all(self.wait_ms, self.gave_up, least)


def _over(a: I64 | F64, b: I64) -> F64:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(b > 0, a / b, np.nan)


def _own_or_all(ms: I64, n: I64, least: int) -> tuple[F64, I64]:
    own, total = n >= max(least, 1), int(n.sum())
    of_all = int(ms.sum()) / 1000 / total if total >= max(least, 1) else np.nan
    return np.where(own, _over(ms, n * 1000), of_all), np.where(own, n, total)


def slots(g: Grid, work: Work, unit: int | None) -> Slots:
    """The slots of a unit, or of all of them together."""
    slot = slot_of(work.half)
    week = slot_of(g.first + np.arange(len(g), dtype=np.int64))
    rows = _on(g, work, unit)

    def add(of: I64, values: I64 | Bool, keep: Bool) -> I64:
        out = np.zeros(A_WEEK, np.int64)
        np.add.at(out, of[keep], values[keep])
        return out

    every = np.ones(len(g), np.bool_)
    waited = rows & (work.wait_ms >= 0)
    return Slots(
        days=add(week, g.open_us > 0, every),
        open_us=add(week, g.open_us, every),
        arrivals=add(slot, work.came, rows),
        handled=add(slot, work.handled, rows),
        handle_ms=add(slot, work.handle_ms, rows),
        waited=add(slot, waited, waited),
        wait_ms=add(slot, work.wait_ms, waited),
        gave_up=add(slot, work.gave_up, waited),
    )


def arrivals(g: Grid, work: Work, unit: int | None) -> I64:
    """How many came in each half-hour of the grid."""
    rows = _on(g, work, unit) & work.came
    return np.bincount((work.half - g.first)[rows], minlength=len(g)).astype(np.int64)


def units(g: Grid, work: Work) -> list[int]:
    """The units that contacts came to."""
    return [int(unit) for unit in np.unique(work.unit[_on(g, work, None) & work.came])]


def _on(g: Grid, work: Work, unit: int | None) -> Bool:
    """Which rows are of a half-hour that counts, in service time."""
    at = work.half - g.first
    out = work.inside & (at >= 0) & (at < len(g))
    out[out] = g.open_us[at[out]] > 0
    return out if unit is None else out & (work.unit == unit)
