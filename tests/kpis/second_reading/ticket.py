"""One ticket and its passages through services, from their definitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading import hours
from tests.kpis.second_reading.base import Contact, local, number, quarter

FOUR_HOURS = 4 * 3600 * 1000
DISPOSITIONS = DONE, REFERRED, MUST_RETURN = 1, 2, 3


def ms(from_us: int, to_us: int) -> int:
    """Whole milliseconds, rounded down."""
    return (to_us - from_us) // 1000


def minutes_in_force(site: Site, name: str, unit: str, time_us: int) -> float | None:
    """What the service had declared at that instant: changes hold from the beginning of their day."""
    found = next((getattr(s, name) for s in site.services if s.id == unit), None)
    for change in site.changes:
        if change.since <= local(site, time_us).date():
            found = getattr(change, name).get(unit, found)
    return found


@dataclass
class Leg:
    """A time at a counter: places of the events it began and ended with."""

    began: int
    ended: int
    ms: int

    @property
    def forgotten(self) -> bool:
        return self.ms > FOUR_HOURS


@dataclass
class Passage(Contact):
    over: bool
    service: int | None
    """None where it has no leg, or one that nobody ended."""
    manual: float | None
    """Minutes in the manual when it began."""

    @property
    def judged(self) -> bool:
        return self.over and self.service is not None and self.manual is not None

    @property
    def within(self) -> bool:
        return self.judged and self.service <= round(self.manual * 60_000)


@dataclass
class Ticket(Contact):
    centre: Site
    events: list[Event]
    """All of it, in the order of time; places are indices of this list."""
    day: date
    over: bool
    """Its local day is over."""
    ahead: bool = False
    """Called ahead of an earlier ticket that stood in the line still."""
    ahead_of_gone: bool = False
    """The same among tickets that left the line."""

    def places(self, *words: str) -> list[int]:
        return [i for i, e in enumerate(self.events) if e.type.removeprefix("ticket.") in words]

    def has(self, *words: str) -> bool:
        return bool(self.places(*words))

    def first(self, *words: str) -> Event | None:
        return next((self.events[i] for i in self.places(*words)), None)

    def last(self, *words: str) -> int:
        """Place of the last of them; -1 without any."""
        return max(self.places(*words), default=-1)

    def follows(self, word: str, *words: str) -> bool:
        """There is such an event with none of `words` after it."""
        return self.has(word) and self.last(word) > self.last(*words)

    # -- what it is

    @cached_property
    def issue(self) -> Event | None:
        return self.first("issued")

    @property
    def issued(self) -> bool:
        return self.issue is not None

    @property
    def arrival_us(self) -> int:
        return (self.issue or self.events[0]).time_us

    @property
    def only_screened(self) -> bool:
        return len(self.places("triaged")) == len(self.events)

    # -- what became of it

    @cached_property
    def served(self) -> bool:
        return self.has("finished")

    @cached_property
    def marked_missed(self) -> bool:
        return not self.served and self.follows("no_show", "reactivated", "started")

    @cached_property
    def missed_silently(self) -> bool:
        since = self.last("transferred", "reactivated")
        calls = [self.events[i].time_us for i in self.places("called", "recalled") if i > since]
        return (
            not self.served
            and not self.marked_missed
            and len(calls) >= self.centre.no_show_calls
            and calls[-1] - calls[0] >= self.centre.no_show_s * 1_000_000
            and not self.has("started")
            and not self.follows("cancelled", "reactivated")
        )

    @property
    def no_show(self) -> bool:
        return self.marked_missed or self.missed_silently

    @property
    def left(self) -> bool:
        seen = self.has("called", "recalled", "started", "finished", "no_show")
        return self.issued and self.over and not seen and not self.follows("cancelled", "reactivated")

    @property
    def cancelled(self) -> bool:
        return self.follows("cancelled", "started", "reactivated") and not self.served and not self.marked_missed

    @property
    def called_not_started(self) -> bool:
        again = "reactivated", "finished"
        cancelled = self.follows("cancelled", *again) and not self.follows("no_show", *again)
        called = self.has("called", "recalled") and not self.has("started")
        return called and not self.no_show and not cancelled and (self.served or self.over)

    @property
    def walk_direct(self) -> bool:
        return not self.issued and self.has("started", "finished")

    @cached_property
    def outside_official(self) -> bool:
        begin = self.first("started") or self.first("called") or self.first("finished")
        return self.served and not hours.is_official(self.centre, begin.time_us)

    @property
    def recalls(self) -> int:
        names = [e.type for e in self.events]
        calls = "ticket.called", "ticket.recalled"
        again = sum(a in calls and b == "ticket.called" for a, b in pairwise(names))
        return names.count("ticket.recalled") + again

    @cached_property
    def moves(self) -> list[int]:
        """Places of transfers to another service than the issue or transfer before named."""
        return [
            b
            for a, b in pairwise(self.places("issued", "transferred"))
            if self.events[b].type == "ticket.transferred" and self.events[a].unit != self.events[b].unit
        ]

    # -- its waits

    @cached_property
    def call(self) -> Event | None:
        return self.first("called", "started")

    @property
    def wait_invalid(self) -> bool:
        return self.issued and self.call is not None and self.call.time_us < self.arrival_us

    @property
    def called(self) -> bool:
        """It has a first wait."""
        return self.issued and self.call is not None and not self.wait_invalid

    @cached_property
    def waits_from_us(self) -> int:
        """Its issue, or the opening that it was issued before."""
        opening = hours.next_open(self.centre, self.arrival_us)
        return opening if opening <= self.call.time_us else self.arrival_us

    @property
    def before_opening(self) -> bool:
        return self.called and self.waits_from_us > self.arrival_us

    @cached_property
    def wait(self) -> int | None:
        return ms(self.waits_from_us, self.call.time_us) if self.called else None

    @cached_property
    def within(self) -> bool | None:
        """In the declared time; None where none is declared or the wait is not known."""
        declared = minutes_in_force(self.centre, "target_minutes", self.unit, self.arrival_us)
        return None if declared is None or self.wait is None else self.wait <= round(declared * 60_000)

    @cached_property
    def whole_wait(self) -> int | None:
        if not self.called:
            return None
        us, since = self.call.time_us - self.waits_from_us, None
        for e in self.events[min(self.places("called", "started")) + 1 :]:
            word = e.type.removeprefix("ticket.")
            if word in ("transferred", "reactivated"):
                since = e.time_us if since is None else since
            elif since is not None and word in ("called", "started"):
                us, since = us + e.time_us - since, None
            elif since is not None and word in ("held", "finished", "no_show", "cancelled"):
                return None
        return ms(0, us) if since is None else None

    @property
    def priority(self) -> int | None:
        """None where it is not issued or tells none."""
        return number(self.issue.a) if self.issue else None

    # -- triage

    @property
    def screened(self) -> bool:
        return self.has("triaged")

    @property
    def outcome(self) -> int | None:
        return number(self.events[self.last("triaged")].a) if self.screened else None

    @property
    def triage_to_issue(self) -> int | None:
        if not (self.issued and self.screened):
            return None
        first = self.first("triaged").time_us
        return ms(first, self.arrival_us) if first <= self.arrival_us else None

    # -- at the counter

    @property
    def walk(self) -> int | None:
        start = min(self.places("started"), default=0)
        if start == 0 or self.events[start - 1].type not in ("ticket.called", "ticket.recalled"):
            return None
        return ms(self.events[start - 1].time_us, self.events[start].time_us)

    @cached_property
    def legs(self) -> list[Leg]:
        found, after = [], -1
        for end in self.places("finished", "transferred", "held"):
            for words in (("started",), ("called", "recalled")):
                began = max((i for i in self.places(*words) if after < i < end), default=None)
                if began is not None:
                    found.append(Leg(began, end, ms(self.events[began].time_us, self.events[end].time_us)))
                    after = end
                    break
        return found

    @property
    def forgotten(self) -> bool:
        open_still = self.follows("started", "finished", "transferred", "held", "no_show", "cancelled")
        return any(leg.forgotten for leg in self.legs) or (self.over and open_still)

    @property
    def service(self) -> int | None:
        return sum(leg.ms for leg in self.legs) if self.legs and not self.forgotten else None

    @property
    def stay(self) -> int | None:
        if not self.issued or not self.served or self.forgotten:
            return None
        us = self.events[self.last("finished")].time_us - self.arrival_us
        return ms(0, us) if us >= 0 else None

    @property
    def disposition(self) -> int | None:
        """None where it is not finished, or finished without one."""
        said = self.events[self.last("finished")].a if self.served else None
        return said if said in DISPOSITIONS else None

    @property
    def passages(self) -> Iterator[Passage]:
        edges = [0, *self.moves, len(self.events)]
        for i, (a, b) in enumerate(pairwise(edges)):
            begin_us, unit = (self.events[a].time_us, self.events[a].unit) if i else (self.arrival_us, self.unit)
            legs = [leg for leg in self.legs if a <= leg.began < b]
            known = bool(legs) and not any(leg.forgotten for leg in legs)
            yield Passage(
                site=self.site,
                unit=unit,
                quarter=quarter(self.centre, begin_us),
                over=b < len(self.events) or any(a <= end < b for end in self.places("finished")),
                service=sum(leg.ms for leg in legs) if known else None,
                manual=minutes_in_force(self.centre, "service_minutes", unit, begin_us),
            )

    # -- its line

    @property
    def line(self) -> tuple[str, int | None, date]:
        return self.unit, self.priority, self.day

    @cached_property
    def leaves(self) -> Event | None:
        """What it leaves its line with."""
        return next(
            (e for e in self.events if e.type not in ("ticket.issued", "ticket.triaged", "ticket.reactivated")), None
        )

    @property
    def called_from_line(self) -> bool:
        out = self.leaves
        called = out is not None and out.type in ("ticket.called", "ticket.started")
        return self.issued and called and out.time_us >= self.arrival_us
