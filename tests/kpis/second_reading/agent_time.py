"""Where the time of agents went, from the definitions: places signed in to, open or paused, and work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading.base import Contact, milliseconds, quarter
from tests.kpis.second_reading.call_sources import LOGS

LONGEST = 24 * 3600 * 1000
QUARTER = 900_000
Span = tuple[int, int]
"""Milliseconds since 1970, the end not included."""

IN, OUT = ("agent.added", "agent.logged_in"), ("agent.removed", "agent.logged_out")
PAUSED, UNPAUSED = ("agent.paused", "agent.paused_all"), ("agent.unpaused", "agent.unpaused_all")
OF_ALL = ("agent.paused_all", "agent.unpaused_all")
RESTARTED = "source.restarted"
WORDS = (*IN, *OUT, *PAUSED, *UNPAUSED)
SAME_WORD_S = 10


@dataclass
class Time(Contact):
    """A piece of an agent's time in which nothing changes."""

    by: ClassVar[str] = "agent"
    ms: int
    signed_in: bool
    open: bool
    busy: bool


class Stretch(NamedTuple):
    """Signed in to a place from one word to the next."""

    begin: int
    end: int
    queue: bool
    """It is a queue, and not all of them."""
    open: bool


def times_of(events: Sequence[Event], site: Site, busy: Mapping[str, Sequence[Span]]) -> list[Time]:
    """Of every agent whom a word or work is told of."""
    said = told_once([e for e in events if e.type == RESTARTED or (e.type in WORDS and e.party)])
    heard = [milliseconds(e.time_us) for e in events if e.type.startswith(("call.", "agent.", "source."))]
    out: list[Time] = []
    for agent in sorted({*busy, *(e.party for e in said if e.type != RESTARTED)}):
        stretches = signed_in([e for e in said if e.type == RESTARTED or e.party == agent], max(heard))
        out += time_of(site, agent, stretches, busy.get(agent, ()))
    return out


def told_once(words: Sequence[Event]) -> list[Event]:
    """Without those that a better log of the same telephone system tells too, at most 10 seconds apart."""

    def is_better(of: Event, than: Event) -> bool:
        if of.source not in LOGS or than.source not in LOGS:
            return False
        a, b = LOGS[of.source], LOGS[than.source]
        same = (of.type, of.party, of.unit) == (than.type, than.party, than.unit)
        return same and a.system == b.system and a.rank < b.rank and abs(second(of) - second(than)) <= SAME_WORD_S

    return [e for e in words if not any(is_better(other, e) for other in words)]


def second(e: Event) -> int:
    return e.time_us // 1_000_000


def place_of(word: Event) -> str:
    """The queue that it is about; "" is all of them."""
    return "" if word.type in OF_ALL else word.unit


def signed_in(words: Sequence[Event], heard: int) -> list[Stretch]:
    """Of one agent's words and the restarts, in order."""
    out: list[Stretch] = []
    for place in sorted({place_of(e) for e in words if e.type != RESTARTED}):
        about = [
            e for e in words if e.type == RESTARTED or place_of(e) == place or (place_of(e) == "" and e.type not in IN)
        ]
        out += at_place(place, about, heard)
    return out


def at_place(place: str, words: Sequence[Event], heard: int) -> Iterator[Stretch]:
    said: int | None = None
    """When the agent was last said to be signed in here; None: is not."""
    since, is_open = 0, False
    for e in words:
        now = milliseconds(e.time_us)
        if said is not None:
            yield Stretch(since, min(now, said + LONGEST, heard), place != "", is_open)
        if e.type in (*OUT, RESTARTED):
            said = None
        elif e.type in IN:
            said, is_open = now, not (e.type == "agent.added" and e.a == 1)
        else:
            is_open = e.type in UNPAUSED
            if place_of(e):
                said = now
        since = now
    if said is not None:
        yield Stretch(since, min(said + LONGEST, heard), place != "", is_open)


def time_of(site: Site, agent: str, stretches: Sequence[Stretch], busy: Sequence[Span]) -> Iterator[Time]:
    edges = sorted({t for s in stretches for t in (s.begin, s.end)} | {t for span in busy for t in span})
    for a, b in pairwise(edges):
        here = [s for s in stretches if s.begin <= a < s.end]
        works = any(begin <= a < end for begin, end in busy)
        queues = [s for s in here if s.queue]
        is_open = any(s.open for s in queues or here)
        if not here and not works:
            continue
        for begin, end in quarters(a, b):
            yield Time(site.id, agent, quarter(site, begin * 1000), end - begin, bool(here), is_open, works)


def quarters(begin: int, end: int) -> Iterator[Span]:
    """[begin, end) cut where quarters of an hour begin."""
    while begin < end:
        until = min(end, (begin // QUARTER + 1) * QUARTER)
        yield begin, until
        begin = until
