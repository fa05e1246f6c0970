"""From when until when a site is looked at, and its local days in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.kept import Kept
from tests.kpis.second_reading import hours
from tests.kpis.second_reading.base import local
from tests.kpis.second_reading.hours import Span


@dataclass
class Known:
    site: Site
    first_us: int
    """Its first event ever."""
    begin_us: int
    """The same, or what is looked at begins later."""
    cut_us: int
    """Its cut-off."""
    stop_us: int
    """The same, or what is looked at ends sooner."""

    @property
    def days(self) -> Iterator[date]:
        """The local days from the one to the other."""
        day = self.day(self.begin_us)
        while day <= self.day(self.stop_us):
            yield day
            day += timedelta(days=1)

    def day(self, us: int) -> date:
        return local(self.site, us).date()

    def edges(self, day: date) -> tuple[int, int]:
        """The day as instants, that of the cut-off only as far as it."""
        begin, end = (hours.instant(self.site, day + timedelta(days=d), 0) for d in (0, 1))
        return begin, min(end, self.cut_us)


def known_of(events: Sequence[Event], site: Site, kept: Kept, as_of_us: int | None) -> Known | None:
    """None of a site that nothing was ever told of."""
    told = [e.time_us for e in events]
    ever = [*told, *kept.of(site.id).first_us.values()]
    if not ever:
        return None
    cut_us = max([*told, min(ever)]) if as_of_us is None else as_of_us
    return Known(site, min(ever), max(min(ever), kept.from_us), cut_us, min(cut_us, kept.to_us))


def together(spans: Iterable[Span]) -> list[Span]:
    """The same time as intervals that are apart; those that touch are one."""
    out: list[Span] = []
    for a, b in sorted(span for span in spans if span[0] < span[1]):
        if out and a <= out[-1][1]:
            out[-1] = out[-1][0], max(b, out[-1][1])
        else:
            out.append((a, b))
    return out
