"""What every second reading is written with: contacts, their place and hour, and the plain formulas.

A second reading shares nothing with the core and is written to be checked line by line against the definitions; speed is
no aim. Durations are milliseconds, None is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from statistics import NormalDist
from typing import ClassVar
from zoneinfo import ZoneInfo

from telemetry.config import Site
from telemetry.events import MISSING

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local wall-clock time


def number(slot: int) -> int | None:
    return None if slot == MISSING else slot


def milliseconds(us: int) -> int:
    """To the nearest, a half upwards: the microseconds of a log of whole seconds are only the order of its lines."""
    return (us + 500) // 1000


def local(site: Site, time_us: int) -> datetime:
    """Wall-clock time at the site, without its zone."""
    there = datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(ZoneInfo(site.timezone))
    return there.replace(tzinfo=None) + timedelta(microseconds=time_us % 1_000_000)


def quarter(site: Site, time_us: int) -> int:
    return (local(site, time_us) - EPOCH) // timedelta(minutes=15)


@dataclass
class Contact:
    """Whatever is counted, at its place and quarter of an hour."""

    by: ClassVar[str] = "unit"
    """What `unit` is: unit, agent, counter, device or site."""
    site: str
    unit: str
    quarter: int


class Contacts(dict[str, list]):
    """Kind → what there is of it."""

    def __missing__(self, kind: str) -> list:
        return []

    def where(self, keep: Callable[[Contact], bool]) -> Contacts:
        return Contacts({kind: [c for c in of if keep(c)] for kind, of in self.items()})

    def everything(self) -> list[Contact]:
        return [c for of in self.values() for c in of]


@dataclass
class Value:
    value: float | None
    """None is no data; of a histogram it stays None."""
    n: int
    numerator: int | None = None
    bins: dict[str, int] | None = None


def count(contacts: Iterable[object]) -> Value:
    n = sum(map(bool, contacts))
    return Value(float(n), n, n)


def ratio(part: Iterable[object], whole: Iterable[object]) -> Value:
    k, n = (sum(map(bool, x)) for x in (part, whole))
    return Value(float(Fraction(k, n)) if n else None, n, k)


def mean(values: Iterable[Fraction | int | None]) -> Value:
    known = [v for v in values if v is not None]
    return Value(float(Fraction(sum(known), len(known))) if known else None, len(known))


def total(numbers: Iterable[int]) -> Value:
    n = sum(numbers)
    return Value(float(n), n, n)


def quotient(numerator: int, n: int, times: int = 1, per: int = 1) -> Value:
    return Value(float(Fraction(numerator * times, n * per)) if n else None, n)


def seconds(values: Iterable[int | None]) -> Value:
    return mean(None if v is None else Fraction(v, 1000) for v in values)


def nearest_rank(percent: int, values: Iterable[int | None]) -> Value:
    """The smallest whole second that at least `percent` of the values do not exceed."""
    known = sorted(-(-v // 1000) for v in values if v is not None)
    return Value(float(known[-(-percent * len(known) // 100) - 1]) if known else None, len(known))


def wilson(k: int, n: int) -> tuple[float, float] | None:
    """The 95 % score interval; none without data, and none where the parts are not of the whole."""
    if n == 0 or k > n:
        return None
    z, p = NormalDist().inv_cdf(0.975), k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)
