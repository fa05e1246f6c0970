"""Who can serve what in a month, from the definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading.agents import OfAgent
from tests.kpis.second_reading.base import Contact, Contacts, Value, local, quarter, quotient, ratio
from tests.kpis.second_reading.counter_days import OfCounter
from tests.kpis.second_reading.counters import acts_of, tickets_of


class Served(NamedTuple):
    """Somebody served a service."""

    time_us: int
    month: tuple[int, int]
    unit: str
    kind: str
    """agent or counter: the two are never one."""
    who: str


@dataclass
class Service(Contact):
    """Served the first time in a month, and the first time by another."""

    nth: int


@dataclass
class AgentService(OfAgent):
    """An agent's first answer of a queue in a month."""

    newcomer: bool
    """The first of any queue."""


@dataclass
class CounterService(OfCounter):
    newcomer: bool


def read(events: Sequence[Event], site: Site, contacts: Contacts) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time; after agents and counters."""
    served = sorted([*by_agents(contacts, site), *by_counters(events, site)], key=lambda s: s.time_us)
    people: dict[object, list[str]] = {}
    services, of_agents, of_counters = [], [], []
    units: dict[object, list[str]] = {}
    for s in served:
        mine = units.setdefault((s.month, s.kind, s.who), [])
        if s.unit in mine:
            continue
        at = quarter(site, s.time_us)
        if s.kind == "agent":
            of_agents.append(AgentService(site.id, s.who, at, newcomer=not mine))
        else:
            of_counters.append(CounterService(site.id, s.who, at, newcomer=not mine))
        mine.append(s.unit)
        others = people.setdefault((s.month, s.unit), [])
        others.append(s.who)
        services.append(Service(site.id, s.unit, at, nth=len(others)))
    return {"cover": services, "cover_agents": of_agents, "cover_counters": of_counters}


def month(site: Site, time_us: int) -> tuple[int, int]:
    there = local(site, time_us)
    return there.year, there.month


def by_agents(contacts: Contacts, site: Site) -> Iterator[Served]:
    """An agent serves by answering a call of the queue."""
    for a in contacts["agent_calls"]:
        if a.unit and a.queue:
            yield Served(a.answer_us, month(site, a.answer_us), a.queue, "agent", a.unit)


def by_counters(events: Sequence[Event], site: Site) -> Iterator[Served]:
    """A counter serves by finishing a ticket of the service that the ticket was last issued for or transferred to; where
    neither tells of one, of that which the end names."""
    for ticket in tickets_of(events, site):
        service = ""
        for act in acts_of(ticket):
            e = act.event
            if e.type in ("ticket.issued", "ticket.transferred"):
                service = e.unit or service
            elif e.type == "ticket.finished" and act.counter and (service or e.unit):
                yield Served(e.time_us, month(site, e.time_us), service or e.unit, "counter", act.counter)


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "agent_services_mean": lambda c: quotient(len(c["cover_agents"]), sum(s.newcomer for s in c["cover_agents"])),
    "counter_services_mean": lambda c: quotient(len(c["cover_counters"]), sum(s.newcomer for s in c["cover_counters"])),
    "cross_cover_rate": lambda c: ratio([s.nth == 2 for s in c["cover"]], [s.nth == 1 for s in c["cover"]]),
}
