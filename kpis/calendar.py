"""The hours of service centres: when each is open, as instants, and what time of them lies between two instants.

Intervals are half-open and in UTC, so nothing here knows of days, zones or holidays. A site that declares no hours is
always open: every hour is a service hour there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kpis.columns import I32, I64, Bool

NEVER = 2**62
"""Later than any instant."""
FEW = 100
"""Of so few instants it costs more to see which hours they can lie in."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Intervals [start_us, end_us), ascending and disjoint."""

    start_us: I64
    end_us: I64
    _until_us: I64 = field(init=False, repr=False, compare=False)
    """The end of the last of so many intervals, from none on; …"""
    _whole_us: I64 = field(init=False, repr=False, compare=False)
    """… and how long they are together."""

    def __post_init__(self) -> None:
        """What is asked for again and again is added up once."""
        object.__setattr__(self, "_until_us", np.concatenate([[-(2**62)], self.end_us]))
        object.__setattr__(self, "_whole_us", np.concatenate([[0], np.cumsum(self.end_us - self.start_us)]))

    def inside(self, time_us: I64) -> Bool:
        """Whether each instant lies in one of them."""
        return self._inside(time_us, self._begun(time_us))

    def _begun(self, time_us: I64) -> npt.NDArray[np.intp]:
        """How many of them have begun at each instant. The instants of a question lie close together among the hours of
        decades, so only those in between are searched."""
        if len(time_us) < FEW:
            return self.start_us.searchsorted(time_us, side="right")
        begun, between = (int(self.start_us.searchsorted(t, side="right")) for t in (time_us.min(), time_us.max()))
        out: npt.NDArray[np.intp] = self.start_us[begun:between].searchsorted(time_us, side="right")
        out += begun
        return out

    def _inside(self, time_us: I64, follows: npt.NDArray[np.intp]) -> Bool:
        """The same, where the interval that follows each instant is known."""
        out: Bool = time_us < self._until_us.take(follows)
        return out

    def before(self, time_us: I64) -> I64:
        """Microseconds of these hours that lie before each instant; the time between two is the difference."""
        follows = self._begun(time_us)
        out: I64 = self._whole_us.take(follows) - np.maximum(self._until_us.take(follows) - time_us, 0)
        return out

    def past(self, spent_us: I64) -> I64:
        """The first instant at which more than so much of these hours, of all since the first, is over; `NEVER` where that
        is all of them. It lies behind any hour that ends just then."""
        k = np.searchsorted(self._whole_us, spent_us, side="right")
        out = np.full(len(spent_us), NEVER, np.int64)
        some = np.flatnonzero(k < len(self._whole_us))
        out[some] = self.start_us[k[some] - 1] + spent_us[some] - self._whole_us[k[some] - 1]
        return out

    def next(self, time_us: I64) -> I64:
        """Each instant itself where it lies inside, else the next beginning; the instant where none follows."""
        n, place = len(self.start_us), self._begun(time_us)
        outside = np.flatnonzero(~self._inside(time_us, place) & (place < n))
        out = time_us.copy()
        out[outside] = self.start_us[place[outside]]
        return out


def hours(start_us: I64 | None = None, end_us: I64 | None = None) -> Hours:
    """Hours from ascending edges; none without."""
    nothing = np.empty(0, np.int64)
    return Hours(nothing if start_us is None else start_us, nothing if end_us is None else end_us)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a centre declares of its time."""

    service: Hours
    """Official hours and declared extra windows together."""
    official: Hours
    lunch: Hours
    """The lunch break of each day that has official hours."""
    windows: tuple[tuple[str, Hours], ...] = ()
    """Declared extra windows by id; those of other hours lie outside the official ones."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The plans of all sites; sites that declare the same share one."""

    of_site: Mapping[int, int] = field(default_factory=dict)
    """Site code → index of its plan; a site that is not here declares no hours."""
    plans: tuple[Plan, ...] = ()

    def declared(self, site: I32 | I64) -> Bool:
        """Which rows are of sites that declare hours."""
        out: Bool = np.isin(site, list(self.of_site))
        return out

    def is_open(self, time_us: I64, site: I32 | I64) -> Bool:
        """Whether each row's instant is a service hour of its site."""
        return self._inside(time_us, site, lambda plan: plan.service, otherwise=True)

    def is_official(self, time_us: I64, site: I32 | I64) -> Bool:
        """Whether each row's instant is an official hour of its site, windows not counted."""
        return self._inside(time_us, site, lambda plan: plan.official, otherwise=True)

    def is_lunch(self, time_us: I64, site: I32 | I64) -> Bool:
        """Whether each row's instant is in its site's lunch break; never where none is declared."""
        return self._inside(time_us, site, lambda plan: plan.lunch, otherwise=False)

    def _inside(self, time_us: I64, site: I32 | I64, hours: Callable[[Plan], Hours], *, otherwise: bool) -> Bool:
        found = self._rows(site)
        if len(found) == 1 and isinstance(found[0][1], slice):
            return hours(found[0][0]).inside(time_us)
        out = np.full(len(time_us), otherwise)
        for plan, rows in found:
            out[rows] = hours(plan).inside(time_us[rows])
        return out

    def next_open(self, time_us: I64, site: I32 | I64) -> I64:
        """Each row's instant where it is a service hour, else the next opening."""
        out = time_us.copy()
        for plan, rows in self._rows(site):
            out[rows] = plan.service.next(time_us[rows])
        return out

    def service_us(self, from_us: I64, to_us: I64, site: I32 | I64) -> I64:
        """Microseconds of service hours in [from_us, to_us) of each row; 0 where to_us is not later."""
        us: I64 = to_us - from_us
        for plan, rows in self._rows(site):
            us[rows] = plan.service.before(to_us[rows]) - plan.service.before(from_us[rows])
        return np.maximum(us, 0)

    def past(self, from_us: I64, service_us: I64, site: I32 | I64) -> I64:
        """The first instant at which more than `service_us` of service hours since `from_us` are over, of each row."""
        out = from_us + service_us
        for plan, rows in self._rows(site):
            out[rows] = plan.service.past(plan.service.before(from_us[rows]) + service_us[rows])
        return out

    def _rows(self, site: I32 | I64) -> list[tuple[Plan, Bool | slice]]:
        """Each plan with the rows it holds for."""
        if not self.plans or not len(site):
            return []
        if (site == site[0]).all():
            only = self.of_site.get(int(site[0]), -1)
            return [(self.plans[only], slice(None))] if only >= 0 else []
        codes, where = np.unique(site, return_inverse=True)
        plan = np.array([self.of_site.get(int(c), -1) for c in codes], np.int64)[where]
        return [(self.plans[p], plan == p) for p in np.unique(plan).tolist() if p >= 0]
