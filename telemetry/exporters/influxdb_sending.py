"""What changed on a day, and giving it to the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from telemetry.exporters.influxdb_points import FAR, Point, line, zeros
from telemetry.exporters.influxdb_state import ENTRY, State, Written
from telemetry.exporters.influxdb_store import MOST_POINTS, Store


@dataclass(frozen=True, slots=True)
class Change:
    """One day of a site: what the store does not have yet, and what it will have then."""

    site: str
    day: int
    points: list[tuple[int, Point]]
    """With the number of their series."""
    written: Written

    @classmethod
    def of(cls, state: State, site: str, day: int, points: Sequence[Point], *, far: bool) -> Change:
        """The difference between these points of the day and what was written of it. A point that is no more becomes one
        of zeros; without `far`, what is not near stays as it is."""
        had = {(int(s), int(at)): int(h) for s, at, h in state.written(site, day).tolist()}
        has: dict[tuple[int, int], int] = {}
        new = []
        for point in points:
            key = state.series(site, point.series), point.at
            has[key] = point.hash()
            if had.get(key) != has[key]:
                new.append((key[0], point))
        for key, before in had.items():
            if key not in has:
                series = state.series_of(key[0])
                if far or series.measurement not in FAR:
                    has[key] = 0
                    if before:
                        new.append((key[0], Point(series, key[1], zeros(series), day)))
                else:
                    has[key] = before
        rows = np.array([(*key, h) for key, h in has.items()], ENTRY)
        return cls(site, day, new, rows)


class Sending:
    """One round of calls."""

    def __init__(self, state: State, store: Store, crashpoint: Callable[[str], None], now_s: float) -> None:
        self._state, self._store, self._crashpoint, self._now_s = state, store, crashpoint, now_s
        self.calls = 0
        """That the store has answered well."""
        self.taken = 0
        self.refused: list[tuple[str, str]] = []
        """(line, reason)"""

    def send(self, changes: Sequence[Change]) -> None:
        """Write them, whole days together as far as a call holds them. Each is done when the store has all of it."""
        for some in _calls(changes):
            points = [(change.site, number, point) for change in some for number, point in change.points]
            refused: list[tuple[int, int, str, str]] = []
            rest = iter(points)
            while part := list(islice(rest, MOST_POINTS)):
                lines = [line(site, point) for site, _, point in part]
                self._crashpoint("influx_before_write")
                answers = self._store.write(lines)
                self._crashpoint("influx_after_write")
                self.calls += 1
                self.taken += len(part) - len(answers)
                for no in answers:
                    _, number, point = part[no.line]
                    refused.append((number, point.at, lines[no.line], no.reason))
            self.refused += [row[2:] for row in refused]
            with self._state.transaction():
                bad = {row[:2] for row in refused}
                self._state.taken(key for _, number, point in points if (key := (number, point.at)) not in bad)
                if refused:
                    self._state.set_aside(refused)
                for change in some:
                    self._state.set_written(change.site, change.day, change.written, self._now_s)
                    self._state.done(change.site, change.day)


def _calls(changes: Sequence[Change]) -> Iterator[list[Change]]:
    some: list[Change] = []
    n = 0
    for change in changes:
        if some and n + len(change.points) > MOST_POINTS:
            yield some
            some, n = [], 0
        some.append(change)
        n += len(change.points)
    if some:
        yield some
