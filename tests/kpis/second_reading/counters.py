"""Counters, from their definitions: when they were open, what they did with tickets, and the work that came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading.base import Contact, Contacts, Value, count, local, quarter, quotient, ratio, total
from tests.kpis.second_reading.counter_days import QUARTER_US, WORK, CounterDay, OfCounter, days_of

FOUR_HOURS = 4 * 3600 * 1000
CALLED, ENDED = ("ticket.called", "ticket.recalled"), ("ticket.finished", "ticket.transferred", "ticket.held")
SHOWS_WORK = ("ticket.called", "ticket.started", "ticket.finished")


@dataclass
class Act:
    """What a counter did with a ticket."""

    event: Event
    counter: str
    leg: int | None
    """Milliseconds of the leg of service that it ends."""


@dataclass
class Quarter(OfCounter):
    """A quarter of an hour in which a counter was at work."""

    untold: bool


@dataclass
class Visit(OfCounter):
    """All that one counter did with one ticket; the unit is "" for ends of which no counter is known."""

    did: set[str] = field(default_factory=set)
    legs: list[int] = field(default_factory=list)

    def any(self, *types: str) -> bool:
        return bool(self.unit) and not self.did.isdisjoint(types)

    @property
    def served(self) -> bool:
        return self.any("ticket.finished", "ticket.transferred")

    @property
    def time(self) -> int | None:
        known = self.unit and self.legs and max(self.legs) <= FOUR_HOURS
        return sum(self.legs) if known else None


@dataclass
class Load(Contact):
    """A ticket, as the work that it brought."""

    by: ClassVar[str] = "site"
    issued: bool
    work: int
    told: bool
    """On its day a counter told that it opened."""
    active: bool
    """On its day a counter was at work."""


def read(events: Sequence[Event], site: Site, _contacts: Contacts) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time."""
    tickets = [acts_of(rows) for rows in tickets_of(events, site)]
    days = days_of(events, site)
    at_work: dict[tuple[str, int], date] = {}
    for act in (act for acts in tickets for act in acts):
        if act.event.type in SHOWS_WORK and act.counter:
            at_work.setdefault((act.counter, act.event.time_us // QUARTER_US), local(site, act.event.time_us).date())
    told_by = {(day.counter, day.date) for day in days if day.opened}
    return {
        "counter_open": [piece for day in days for piece in day.open],
        "counter_words": [word for day in days for word in day.words],
        "counter_quarters": [
            Quarter(site.id, counter, quarter(site, n * QUARTER_US), untold=(counter, day) not in told_by)
            for (counter, n), day in at_work.items()
        ],
        "counter_visits": [visit for acts in tickets for visit in visits_of(acts, site)],
        "counter_load": [load_of(acts, site, days, set(at_work.values())) for acts in tickets],
    }


def tickets_of(events: Sequence[Event], site: Site) -> list[list[Event]]:
    """One number of one local day, from its issue on; the same number issued again is another ticket."""
    tickets: dict[tuple[str, date], list[list[Event]]] = defaultdict(list)
    for e in events:
        if not e.type.startswith("ticket.") or not e.contact:
            continue
        mine = tickets[e.contact, local(site, e.time_us).date()]
        if not mine or (e.type == "ticket.issued" and any(x.type == "ticket.issued" for x in mine[-1])):
            mine.append([])
        mine[-1].append(e)
    return [rows for of_number in tickets.values() for rows in of_number]


def acts_of(events: Sequence[Event]) -> list[Act]:
    """All events of a ticket. An end that names no counter is that counter's with whose start, or else whose last call,
    the leg began."""
    out = []
    started: Event | None = None
    called: Event | None = None
    for e in events:
        counter, leg = e.party if e.type in WORK else "", None
        if e.type == "ticket.started":
            started = e
        elif e.type in CALLED:
            called = e
        elif e.type in ENDED:
            began = started or called
            if began:
                leg = (e.time_us - began.time_us) // 1000
                counter = counter or began.party
            started = called = None
        out.append(Act(e, counter, leg))
    return out


def visits_of(acts: Sequence[Act], site: Site) -> list[Visit]:
    visits: dict[str, Visit] = {}
    for act in acts:
        if act.event.type not in WORK or not (act.counter or act.event.type == "ticket.finished"):
            continue
        at = quarter(site, act.event.time_us)
        visit = visits.setdefault(act.counter, Visit(site.id, act.counter, at))
        visit.did.add(act.event.type)
        if act.leg is not None:
            visit.legs.append(act.leg)
    return list(visits.values())


def load_of(acts: Sequence[Act], site: Site, days: Sequence[CounterDay], active: set[date]) -> Load:
    """At the ticket's issue, or its first event where none is told."""
    issue = next((act.event for act in acts if act.event.type == "ticket.issued"), None)
    begin = issue or acts[0].event
    day = local(site, begin.time_us).date()
    return Load(
        site=site.id,
        unit="",
        quarter=quarter(site, begin.time_us),
        issued=issue is not None,
        work=sum(act.leg for act in acts if act.leg is not None and act.leg <= FOUR_HOURS),
        told=any(d.opened for d in days if d.date == day),
        active=day in active,
    )


def words(c: Contacts, what: str) -> Value:
    return count(w.what == what for w in c["counter_words"])


def called_in_vain(v: Visit) -> bool:
    return v.any(*CALLED) and not v.any("ticket.started", *ENDED)


def open_ms(c: Contacts) -> int:
    return sum(piece.ms for piece in c["counter_open"])


def times(c: Contacts) -> list[int]:
    return [v.time for v in c["counter_visits"] if v.time is not None]


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "counter_open_told_ms": lambda c: total([open_ms(c)]),
    "counter_active_quarters": lambda c: count(c["counter_quarters"]),
    "counter_active_quarters_untold": lambda c: count(q.untold for q in c["counter_quarters"]),
    "counters_never_closed": lambda c: count(w.never_closed for w in c["counter_words"]),
    "counter_opened_twice": lambda c: words(c, "opened twice"),
    "counter_closed_twice": lambda c: words(c, "closed twice"),
    "counter_closed_unopened": lambda c: words(c, "closed unopened"),
    "counter_work_while_closed": lambda c: words(c, "work while closed"),
    "counter_tickets_finished": lambda c: count(v.any("ticket.finished") for v in c["counter_visits"]),
    "tickets_finished_counter_unnamed": lambda c: count(not v.unit for v in c["counter_visits"]),
    "counter_service_seconds_mean": lambda c: quotient(sum(times(c)), len(times(c)), per=1000),
    "counter_tickets_not_started": lambda c: count(map(called_in_vain, c["counter_visits"])),
    "counter_not_started_rate": lambda c: ratio(
        map(called_in_vain, c["counter_visits"]), (v.any(*CALLED) for v in c["counter_visits"])
    ),
    "counter_start_not_pressed_rate": lambda c: ratio(
        (v.served and not v.any("ticket.started") for v in c["counter_visits"]), (v.served for v in c["counter_visits"])
    ),
    "arrivals_per_open_counter_hour": lambda c: quotient(
        sum(t.issued for t in c["counter_load"] if t.told), open_ms(c), times=3_600_000
    ),
    "arrivals_per_active_counter_hour": lambda c: quotient(
        sum(t.issued for t in c["counter_load"] if t.active), len(c["counter_quarters"]), times=4
    ),
    "counter_load_told": lambda c: quotient(sum(t.work for t in c["counter_load"] if t.told), open_ms(c)),
    "counter_load_active": lambda c: quotient(
        sum(t.work for t in c["counter_load"] if t.active), len(c["counter_quarters"]), per=900_000
    ),
}
