"""The half-hours in which most people were kept waiting beyond what is declared, or lost on the telephone, and why, as far
as the data tells: how many waited already, how many came, who was there to serve them, and how long each took, against what
is usual there.

Kept waiting: tickets that had a target and were not called within it, and calls that were lost; each in the half-hour of
its arrival, as the figures have it. Usual is the mean of the same half-hour of the week on the other days of the period and
of the 8 weeks before its end, in service time only; of fewer than `LEAST_DAYS` such days nothing is said to be usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from kpis.columns import DAY_US, I64, QUARTER_US, QUARTERS_A_DAY, Bool, Zones
from kpis.model import Facts
from kpis.staffing import halfhours
from kpis.staffing.halfhours import A_DAY, A_WEEK, HALF_US, Work
from telemetry.cubes import site_facts
from telemetry.journal_reader import JournalReader
from telemetry.rules import rules_of, zones_of
from telemetry.settings import Site

MOST: Final = 10
LEAST_DAYS: Final = 3
HISTORY_DAYS: Final = 56
LONGEST_DAYS: Final = 400
A_HALF: Final = 2
"""Quarters of an hour."""
HALF_MS: Final = 1_800_000
MORE, FEWER, SLOWER = 1.5, 0.75, 1.3
"""From which part of the usual on arrivals, servers and handle times are called a reason."""
TICKETS, CALLS = "tickets", "calls"
CAME, HANDLED, HANDLE_MS, SERVED, LINE = range(5)
"""What is added up of each half-hour: who came, of how many the handle time is known, that time, the time of servers, and
who waited when it began."""
LINE_FROM: Final = 3
"""A shorter line is no reason."""


@dataclass(frozen=True, slots=True)
class Against:
    """A number of the half-hour and what is usual there; None is not known."""

    here: float | None
    usual: float | None
    days: int
    """Out of how many other days the usual is."""

    @property
    def ratio(self) -> float | None:
        return self.here / self.usual if self.here is not None and self.usual else None


@dataclass(frozen=True, slots=True)
class Half:
    """One half-hour. The three numbers are of what went worst in it: tickets, or calls."""

    quarter: int
    """Its first local quarter of an hour."""
    late: int
    """Tickets that were not called within their target."""
    with_target: int
    lost: int
    offered: int
    of: str
    """`tickets` or `calls`: whichever more were kept waiting of."""
    line: Against
    """Who waited already when it began, of those of whom it is known when they were called."""
    arrivals: Against
    servers: Against
    """Counters that told they were open, or agents at work or available, on average over the half-hour."""
    handle_s: Against
    reasons: tuple[str, ...]
    """`line`, `arrivals`, `servers`, `handle`, the strongest first; `usual` where all are known and none is; `unknown`."""

    @property
    def people(self) -> int:
        return self.late + self.lost


def worst(
    journal: JournalReader, site: Site, period: tuple[int, int], *, now_us: int = 0, most: int = MOST
) -> list[Half]:
    """The worst half-hours of these local quarters, the worst first; none of those in which nobody was kept waiting.
    ValueError where the period is too long to be looked at by half-hours."""
    if period[1] - period[0] > LONGEST_DAYS * QUARTERS_A_DAY:
        raise ValueError(f"from: a period by half-hours may have {LONGEST_DAYS} days at most")
    if journal.span(site.id) is None:
        return []
    first_day = min(period[0] // QUARTERS_A_DAY, -(-period[1] // QUARTERS_A_DAY) - HISTORY_DAYS)
    centre = _Centre(
        journal, site, (first_day * QUARTERS_A_DAY, -(-period[1] // QUARTERS_A_DAY) * QUARTERS_A_DAY), now_us
    )
    rows = centre.rows(period)
    return [centre.half(at) for at in rows[:most].tolist()]


class _Centre:
    """What a site met in each half-hour of the history, one after another."""

    def __init__(self, journal: JournalReader, site: Site, quarters: tuple[int, int], now_us: int) -> None:
        self._code = journal.code(site.id)
        self._calendar = rules_of([site], journal.code).calendar
        self._first, self._size = quarters[0] // A_HALF, (quarters[1] - quarters[0]) // A_HALF
        self._sums = {name: np.zeros(self._size, np.int64) for name in ("late", "with_target", "lost", "offered")}
        self._met = {kind: np.zeros((5, self._size), np.int64) for kind in (TICKETS, CALLS)}
        for piece, facts, zones in site_facts(journal, site, quarters, now_us, far=False):
            for kind, make, of_servers, there_ms in (
                (TICKETS, halfhours.tickets, "counters", "counter_open_told_ms"),
                (CALLS, halfhours.calls, "agent_time", "agent_busy_or_available_ms"),
            ):
                self._add_bad(facts[kind], zones, piece)
                self._add_work(make(facts[kind], self._code, self._calendar, zones), kind, piece)
                self._add_line(facts[kind], kind, zones, piece)
                f = facts[of_servers]
                half, rows = self._within(zones.to_local(f.arrival_us, f.site) // QUARTER_US, piece)
                np.add.at(self._met[kind][SERVED], half, f.counts[there_ms][rows].astype(np.int64))
        self._open_us = self._opened(journal, site, quarters)
        self._over = self._size
        if now_us:
            at = halfhours.half_of(np.array([now_us], np.int64), self._code, zones_of([site], journal.code))
            self._over = min(self._size, int(at[0]) - self._first)

    def _within(self, quarter: I64, piece: tuple[int, int]) -> tuple[I64, Bool]:
        """Half-hours (from the first) of the quarters in a piece, and which these are."""
        rows = (quarter >= piece[0]) & (quarter < piece[1])
        return quarter[rows] // A_HALF - self._first, rows

    def _add_bad(self, f: Facts, zones: Zones, piece: tuple[int, int]) -> None:
        half, rows = self._within(zones.to_local(f.arrival_us, f.site) // QUARTER_US, piece)
        for name, plus, minus in (
            ("late", "tickets_with_target", "tickets_within_target"), ("with_target", "tickets_with_target", ""),
            ("lost", "calls_lost", ""), ("offered", "calls_offered", ""),
        ):  # fmt: skip
            if plus in f.counts:
                values = f.counts[plus][rows].astype(np.int64)
                np.add.at(self._sums[name], half, values - f.counts[minus][rows] if minus else values)

    def _add_work(self, work: Work, kind: str, piece: tuple[int, int]) -> None:
        half, rows = self._within(work.half * A_HALF, piece)
        rows_in = work.inside[rows]
        for i, values in ((CAME, work.came), (HANDLED, work.handled), (HANDLE_MS, work.handle_ms)):
            np.add.at(self._met[kind][i], half[rows_in], values[rows][rows_in])

    def _add_line(self, f: Facts, kind: str, zones: Zones, piece: tuple[int, int]) -> None:
        """From the first beginning of a half-hour after they came to the last before they were called or gone."""
        came = zones.to_local(f.arrival_us, f.site)
        if kind == TICKETS:
            known, wait_ms = f.counts["tickets_called"].astype(np.bool_), f.counts["ticket_wait_ms"].astype(np.int64)
        else:
            known, wait_ms = f.counts["calls_offered"].astype(np.bool_), f.state["wait_ms"]
        quarter = came // QUARTER_US
        rows = known & (wait_ms > 0) & (quarter >= piece[0]) & (quarter < piece[1])
        first = came[rows] // HALF_US + 1 - self._first
        after = -(-(came[rows] + wait_ms[rows] * 1000) // HALF_US) - self._first
        step = np.zeros(self._size + 1, np.int64)
        np.add.at(step, np.minimum(first, self._size), 1)
        np.add.at(step, np.minimum(np.maximum(after, first), self._size), -1)
        self._met[kind][LINE] += np.cumsum(step[:-1])

    def _opened(self, journal: JournalReader, site: Site, quarters: tuple[int, int]) -> I64:
        """Service time in each half-hour, of the days on which the centre was heard of."""
        from_us, to_us = (q * QUARTER_US for q in quarters)
        time_us = journal.columns([site.id], from_us - DAY_US, to_us + DAY_US).time_us
        out = np.zeros(self._size, np.int64)
        if len(time_us):
            zones = zones_of([site], journal.code)
            g = halfhours.grid(int(time_us.min()), int(time_us.max()) + 1, self._code, self._calendar, zones, time_us)
            at = g.first + np.arange(len(g)) - self._first
            there = (at >= 0) & (at < self._size)
            out[at[there]] = g.open_us[there]
        return out

    def rows(self, period: tuple[int, int]) -> I64:
        """Half-hours (from the first) of the period that are over and in which people were kept waiting, the worst first."""
        people = self._sums["late"] + self._sums["lost"]
        at = np.arange(self._size)
        there = (
            (people > 0)
            & (at < self._over)
            & (at >= period[0] // A_HALF - self._first)
            & (at < -(-period[1] // A_HALF) - self._first)
        )
        found = np.flatnonzero(there)
        return found[np.lexsort((found, -people[found]))]

    def half(self, at: int) -> Half:
        late, with_target, lost, offered = (int(self._sums[n][at]) for n in ("late", "with_target", "lost", "offered"))
        kind = TICKETS if late >= lost else CALLS
        met = self._met[kind]
        others = np.arange(at % A_WEEK, self._size, A_WEEK)
        others = others[(others != at) & (self._open_us[others] > 0)]
        told = others[self._tells(met, others)]
        handled = int(met[HANDLED][others].sum())
        usual_s = int(met[HANDLE_MS][others].sum()) / handled / 1000 if handled and len(others) >= LEAST_DAYS else None
        own = int(met[HANDLED][at])
        line = Against(float(met[LINE][at]), _mean(met[LINE][others]), len(others))
        arrivals = Against(float(met[CAME][at]), _mean(met[CAME][others]), len(others))
        servers = Against(
            float(met[SERVED][at]) / HALF_MS if self._tells(met, np.array([at]))[0] else None,
            None if (ms := _mean(met[SERVED][told])) is None else ms / HALF_MS,
            len(told),
        )
        handle = Against(int(met[HANDLE_MS][at]) / own / 1000 if own else None, usual_s, len(others))
        why = _reasons(line, arrivals, servers, handle)
        quarter = (self._first + at) * A_HALF
        return Half(quarter, late, with_target, lost, offered, kind, line, arrivals, servers, handle, why)

    def _tells(self, met: I64, at: I64) -> Bool:
        """Whether the local day of each half-hour tells of anybody who was there."""
        return np.asarray(met[SERVED].reshape(-1, A_DAY).any(axis=1)[at // A_DAY])


def _mean(values: I64) -> float | None:
    return float(values.mean()) if len(values) >= LEAST_DAYS else None


def _reasons(line: Against, arrivals: Against, servers: Against, handle: Against) -> tuple[str, ...]:
    """What was out of the usual, by how far; see `Half.reasons`."""
    long = line.here is not None and line.usual is not None and line.here >= LINE_FROM
    strength = {
        "line": (line.here or 0) / max(line.usual or 0, 1) / MORE if long else 0.0,
        "arrivals": (arrivals.ratio or 0) / MORE,
        "servers": FEWER / max(servers.ratio, 0.01) if servers.ratio is not None else 0.0,
        "handle": (handle.ratio or 0) / SLOWER,
    }
    found = sorted((name for name, by in strength.items() if by >= 1), key=lambda name: -strength[name])
    if found:
        return tuple(found)
    known = line.usual is not None and all(x.ratio is not None for x in (arrivals, servers, handle))
    return ("usual",) if known else ("unknown",)
