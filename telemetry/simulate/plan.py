"""Who comes when, and who works when: the plan of a simulated centre, before anything happens."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US

OPENS_H, CLOSES_H = 8.5, 16.5
LAST_TICKET_H = 16.25
VISITORS_BY_HOUR = {8.5: 0.09, 9: 0.17, 10: 0.18, 11: 0.13, 12: 0.07, 13: 0.13, 14: 0.11, 15: 0.09, 16: 0.03}
"""Share of the day's visitors who come in the hour that begins here; the last ends with the last ticket."""
CALLS_BY_HOUR = {8.5: 0.08, 9: 0.18, 10: 0.17, 11: 0.13, 12: 0.08, 13: 0.12, 14: 0.12, 15: 0.09, 16: 0.03}
NIGHT_SHARE, LEAST_SHARE = 0.165, 0.09
"""The same for an hour outside office hours, and for a slow one: a demonstration runs at any time of day."""


class Work(NamedTuple):
    """One service as the simulation needs it."""

    id: str
    letter: str
    """First of its ticket numbers."""
    share: float
    """Part of the visitors who come for it."""
    mean_min: float
    """Mean service time."""
    name_th: str
    name_en: str
    target_min: float


SERVICES = (
    Work("idcard", "A", 0.44, 5.5, "บัตรประจำตัวประชาชน", "ID card", 30),
    Work("civil", "B", 0.26, 7.5, "ทะเบียนราษฎร", "Civil registration", 30),
    Work("general", "C", 0.13, 7.0, "ทะเบียนทั่วไปและทะเบียนครอบครัว", "General and family registration", 45),
    Work("info", "D", 0.12, 3.5, "ประชาสัมพันธ์และรับคำขอ", "Information and applications", 15),
    Work("damrongdhama", "E", 0.05, 15.0, "ศูนย์ดำรงธรรมอำเภอ", "Damrongdhama complaints centre", 60),
)
HOTLINE = "hotline"
AGENTS = ("Anong", "Boonmee", "Chai", "Duangjai")
COUNTERS = 8
VISITORS, CALLS = 400, 250
NEVER_US = 4_102_444_800_000_000
KIOSKS = 2


class Shift(NamedTuple):
    """When one counter is staffed, or one agent is there."""

    start_us: int
    end_us: int
    breaks: tuple[tuple[int, int, str], ...] = ()
    """From, to, and why."""


class Plan(NamedTuple):
    """Everything that is fixed before the first person comes."""

    visitors_us: list[int]
    """Arrival times."""
    calls_us: list[int]
    counters: list[Shift]
    agents: dict[str, Shift]
    closes_us: int
    """Nobody calls back after it, and devices fall silent."""


class Agenda:
    """What is still to happen, in the order of time."""

    def __init__(self) -> None:
        self.now_us = 0
        self._due: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()

    def at(self, time_us: float, do: Callable[..., None], *args: Any) -> None:
        """Have `do` happen at a time, on a whole millisecond, and not before now."""
        whole_us = max(self.now_us, round(time_us / 1000) * 1000)
        heapq.heappush(self._due, (whole_us, next(self._order), do, args))

    def after(self, seconds: float, do: Callable[..., None], *args: Any) -> None:
        self.at(self.now_us + seconds * 1e6, do, *args)

    @property
    def next_us(self) -> int:
        return self._due[0][0] if self._due else NEVER_US

    def run(self, until_us: int) -> None:
        """Let everything happen that is due before then."""
        while self.next_us < until_us:
            self.now_us, _, do, args = heapq.heappop(self._due)
            do(*args)


def office_day(
    rng: np.random.Generator, day: date, zone: str, *, counters: int, agents: Sequence[str], visitors: int, calls: int
) -> Plan:
    """An ordinary working day, 08:30 to 16:30: the peak from 9 to 11, and half the staff at lunch from 12 to 13."""
    midnight_us = local_us(day, zone)

    def at(hour: float) -> int:
        return midnight_us + round(hour * HOUR_US)

    # Drawn first, so that other staff does not change who comes.
    visitors_us = _spread(rng, visitors, [(at(a), at(b), w) for a, b, w in _hours(VISITORS_BY_HOUR)])
    calls_us = _spread(rng, calls, [(at(a), at(b), w) for a, b, w in _hours(CALLS_BY_HOUR)])
    shifts = [Shift(at(OPENS_H), at(CLOSES_H), (_lunch(at, number),)) for number in range(counters)]
    people = {}
    for number, name in enumerate(agents):
        early = at(OPENS_H) + int(rng.integers(-240, 0)) * 1_000_000
        tea_h = 10 + number * 0.25
        breaks = (
            (at(tea_h), at(tea_h + 0.2), "Break"),
            _lunch(at, number, early_h=0.08),
            (at(tea_h + 4), at(tea_h + 4.2), "Break"),
        )
        # For ten minutes both lunches overlap: the moment in which nobody answers.
        people[name] = Shift(early, at(CLOSES_H), breaks)
    return Plan(visitors_us, calls_us, shifts, people, closes_us=at(CLOSES_H))


def until_now(rng: np.random.Generator, now: datetime, zone: str, *, speed: float) -> Plan:
    """A centre that has been open today up to now as usual, and never closes; from now on it has `speed` times the
    staff. It opened at 08:30, or two hours ago if that is earlier, but never yesterday. Who comes later is
    told by `arrivals`."""
    midnight_us = local_us(now.astimezone(ZoneInfo(zone)).date(), zone)
    now_us = int(now.timestamp() * 1e6)
    opens_us = max(midnight_us, min(midnight_us + int(OPENS_H * HOUR_US), now_us - 2 * HOUR_US))
    more = max(1, round(speed))
    starts = [opens_us if number < COUNTERS else now_us for number in range(COUNTERS * more)]
    people = {name: Shift(opens_us, NEVER_US) for name in AGENTS}
    people |= {f"{name} {number}": Shift(now_us, NEVER_US) for number in range(2, more + 1) for name in AGENTS}
    visitors_us, calls_us = arrivals(rng, opens_us, now_us, zone)
    return Plan(visitors_us, calls_us, [Shift(start_us, NEVER_US) for start_us in starts], people, NEVER_US)


def arrivals(
    rng: np.random.Generator, from_us: int, to_us: int, zone: str, *, speed: float = 1
) -> tuple[list[int], list[int]]:
    """Visitors and first calls of some time of any day, `speed` times as many as on an ordinary day."""
    coming: tuple[list[int], list[int]] = [], []
    while from_us < to_us:
        until_us = min((from_us // HOUR_US + 1) * HOUR_US, to_us)
        hour = datetime.fromtimestamp(from_us / 1e6, ZoneInfo(zone)).hour
        for times, total, by_hour in zip(coming, (VISITORS, CALLS), (VISITORS_BY_HOUR, CALLS_BY_HOUR), strict=True):
            share = max(LEAST_SHARE, by_hour.get(hour, NIGHT_SHARE))
            expected = total * share * speed * (until_us - from_us) / HOUR_US
            times.extend(_spread(rng, int(rng.poisson(expected)), [(from_us, until_us, 1)]))
        from_us = until_us
    return coming


def local_us(day: date, zone: str) -> int:
    """Midnight at which a local day begins, µs since 1970 UTC."""
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp()) * 1_000_000


def yesterday(zone: str) -> date:
    return datetime.now(ZoneInfo(zone)).date() - timedelta(days=1)


def _lunch(at: Callable[[float], int], number: int, *, early_h: float = 0) -> tuple[int, int, str]:
    """Lunch in two shifts; the second goes `early_h` before it should, and the first is back as much too late."""
    start_h, end_h = (12, 12.5 + early_h) if number % 2 == 0 else (12.5 - early_h, 13)
    return at(start_h), at(end_h), "Lunch"


def _hours(shares: dict[float, float]) -> list[tuple[float, float, float]]:
    starts = list(shares)
    return list(zip(starts, [*starts[1:], LAST_TICKET_H], shares.values(), strict=True))


def _spread(rng: np.random.Generator, total: int, pieces: Sequence[tuple[int, int, float]]) -> list[int]:
    """`total` times in order, spread over pieces of time by weight."""
    weights = np.array([weight for _, _, weight in pieces], float)
    counts = rng.multinomial(total, weights / weights.sum())
    times = [rng.integers(start, end, count) for (start, end, _), count in zip(pieces, counts, strict=True)]
    return [int(us) // 1000 * 1000 for us in np.sort(np.concatenate(times))]
