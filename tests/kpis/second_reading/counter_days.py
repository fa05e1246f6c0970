"""What counters told of their days, from the definitions: opened, closed, and words that contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, NamedTuple

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading.agent_time import quarters
from tests.kpis.second_reading.base import Contact, local, milliseconds, quarter

QUARTER_US = 900_000_000
OPENED, CLOSED = "counter.opened", "counter.closed"
WORK = (
    "ticket.called",
    "ticket.recalled",
    "ticket.started",
    "ticket.held",
    "ticket.transferred",
    "ticket.finished",
    "ticket.no_show",
)


@dataclass
class OfCounter(Contact):
    by: ClassVar[str] = "counter"


@dataclass
class Open(OfCounter):
    ms: int


@dataclass
class Word(OfCounter):
    what: str
    """What it is: `opened`, `closed`, or what is wrong with it."""
    never_closed: bool = False


class CounterDay(NamedTuple):
    counter: str
    date: date
    open: list[Open]
    words: list[Word]

    @property
    def opened(self) -> bool:
        return any(word.what == "opened" for word in self.words)


def days_of(events: Sequence[Event], site: Site) -> list[CounterDay]:
    """Of every counter that told of itself or worked."""
    told: dict[tuple[str, date], list[Event]] = defaultdict(list)
    for e in events:
        if e.party and e.type in (OPENED, CLOSED, *WORK):
            told[e.party, local(site, e.time_us).date()].append(e)
    latest_us = max((e.time_us for e in events), default=0)
    return [day_of(counter, day, rows, site, latest_us) for (counter, day), rows in told.items()]


def day_of(counter: str, day: date, events: Sequence[Event], site: Site, latest_us: int) -> CounterDay:
    words: list[Word] = []
    stretches: list[tuple[int, int | None]] = []
    """Open from and to; None: not closed that day."""
    for e in events:
        if e.type not in (OPENED, CLOSED):
            continue
        is_open = bool(stretches) and stretches[-1][1] is None
        if e.type == OPENED:
            what = "opened twice" if is_open else "opened"
            if not is_open:
                stretches.append((e.time_us, None))
        elif is_open:
            what = "closed"
            stretches[-1] = stretches[-1][0], e.time_us
        else:
            what = "closed twice" if words else "closed unopened"
        words.append(Word(site.id, counter, quarter(site, e.time_us), what))

    if stretches:
        for e in events:
            if e.type in WORK and not any(a <= e.time_us and (b is None or e.time_us <= b) for a, b in stretches):
                words.append(Word(site.id, counter, quarter(site, e.time_us), "work while closed"))
    if stretches and stretches[-1][1] is None:
        begin_us = stretches[-1][0]
        if local(site, latest_us).date() == day:
            stretches[-1] = begin_us, max(latest_us, begin_us)
        else:
            stretches[-1] = begin_us, events[-1].time_us
            next(w for w in reversed(words) if w.what == "opened").never_closed = True
    return CounterDay(counter, day, list(pieces(counter, stretches, site)), words)


def pieces(counter: str, stretches: Sequence[tuple[int, int | None]], site: Site) -> Iterator[Open]:
    for a, b in stretches:
        for begin, end in quarters(milliseconds(a), milliseconds(a if b is None else b)):
            yield Open(site.id, counter, quarter(site, begin * 1000), end - begin)
