"""Agents: the calls they handled, and where their time went, from their definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading.agent_time import LONGEST, Span, Time, times_of
from tests.kpis.second_reading.base import (
    Contact,
    Contacts,
    Value,
    count,
    milliseconds,
    quarter,
    quotient,
    ratio,
    total,
)
from tests.kpis.second_reading.call_sources import tell_apart

TALKED = ("call.completed", "call.transferred")


@dataclass
class OfAgent(Contact):
    by: ClassVar[str] = "agent"


@dataclass
class Answer(OfAgent):
    """A call handled; the unit is the agent, "" where nobody is named."""

    answer_us: int
    queue: str
    talk: int | None
    transferred: bool


@dataclass
class Ring(OfAgent):
    refused: bool


@dataclass
class Wrap(OfAgent):
    begin_us: int
    wrap: int | None


@dataclass
class Placed(OfAgent):
    begin_us: int
    talk: int | None


def read(events: Sequence[Event], site: Site, _contacts: Contacts) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time."""
    counted, _ = tell_apart(events)
    answers, placed = answers_of(counted, site), placed_by(counted, site)
    of_agents = [e for e in counted if e.party]
    rings = [
        Ring(site.id, e.party, quarter(site, e.time_us), refused=0 <= e.a <= 1000)
        for e in of_agents
        if e.type == "call.ring_no_answer"
    ]
    wraps = [
        Wrap(site.id, e.party, quarter(site, e.time_us), e.time_us, told(e.a))
        for e in of_agents
        if e.type == "call.wrap_up_started"
    ]
    busy: dict[str, list[Span]] = defaultdict(list)
    for agent, begin_us, ms in (
        *((a.unit, a.answer_us, a.talk) for a in answers),
        *((w.unit, w.begin_us, w.wrap) for w in wraps),
        *((p.unit, p.begin_us, p.talk) for p in placed),
    ):
        if agent and ms:
            begin = milliseconds(begin_us)
            busy[agent].append((begin, begin + min(ms, LONGEST)))
    return {
        "agent_calls": answers,
        "agent_rings": rings,
        "agent_wraps": wraps,
        "agent_placed": placed,
        "agent_time": times_of(events, site, busy),
    }


def told(slot: int) -> int | None:
    return slot if slot >= 0 else None


def before(end: Event) -> int:
    """When that began of which the event tells the end, believed for 24 hours."""
    return end.time_us - min(told(end.b) or 0, LONGEST) * 1000


def answers_of(events: Sequence[Event], site: Site) -> list[Answer]:
    """Of each (call, queue, agent) each connect begins one; what stands before the first belongs to the first."""
    handled: dict[tuple[str, str, str], list[list[Event]]] = defaultdict(list)
    for e in events:
        if e.type not in ("call.connected", *TALKED) or not e.contact:
            continue
        mine = handled[e.contact, e.unit, e.party]
        if not mine or (e.type == "call.connected" and any(x.type == "call.connected" for x in mine[-1])):
            mine.append([])
        mine[-1].append(e)
    return [answer_of(rows, site) for of in handled.values() for rows in of]


def answer_of(events: Sequence[Event], site: Site) -> Answer:
    connect = next((e for e in events if e.type == "call.connected"), None)
    ends = [e for e in events if e.type in TALKED]
    at_us = connect.time_us if connect else before(ends[0])
    talks = [e.b for e in ends if told(e.b) is not None]
    return Answer(
        site=site.id,
        unit=events[0].party,
        quarter=quarter(site, at_us),
        answer_us=at_us,
        queue=events[0].unit,
        talk=sum(talks) if talks else None,
        transferred=any(e.type == "call.transferred" for e in ends),
    )


def placed_by(events: Sequence[Event], site: Site) -> list[Placed]:
    """One for each (call, agent): it ends when the first that tells of it says, after the longest talk that any tells."""
    calls: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for e in events:
        if e.type == "call.outbound" and e.contact and e.party:
            calls[e.contact, e.party].append(e)
    out = []
    for (_, agent), rows in calls.items():
        longest = max(rows, key=lambda e: e.b)
        begin_us = before(rows[0]._replace(b=longest.b))
        out.append(Placed(site.id, agent, quarter(site, begin_us), begin_us, told(longest.b)))
    return out


def named(c: Contacts) -> list[Answer]:
    return [a for a in c["agent_calls"] if a.unit]


def talks(c: Contacts) -> list[int]:
    return [a.talk for a in named(c) if a.talk is not None]


def wraps(c: Contacts) -> list[int]:
    return [w.wrap for w in c["agent_wraps"] if w.wrap is not None]


def spent(which: Callable[[Time], bool]) -> Callable[[Contacts], Value]:
    return lambda c: total(t.ms for t in c["agent_time"] if which(t))


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "agent_calls": lambda c: count(named(c)),
    "agent_calls_unnamed": lambda c: count(not a.unit for a in c["agent_calls"]),
    "agent_talk_seconds_mean": lambda c: quotient(sum(talks(c)), len(talks(c)), per=1000),
    "agent_wrap_seconds_mean": lambda c: quotient(sum(wraps(c)), len(wraps(c)), per=1000),
    "agent_handle_seconds_mean": lambda c: quotient(sum(talks(c)) + sum(wraps(c)), len(talks(c)), per=1000),
    "agent_calls_transferred": lambda c: count(a.transferred for a in named(c)),
    "agent_transfer_rate": lambda c: ratio([a.transferred for a in named(c)], named(c)),
    "agent_rings_unanswered": lambda c: count(not r.refused for r in c["agent_rings"]),
    "agent_rings_refused": lambda c: count(r.refused for r in c["agent_rings"]),
    "agent_calls_placed": lambda c: count(c["agent_placed"]),
    "agent_signed_in_ms": spent(lambda t: t.signed_in),
    "agent_available_ms": spent(lambda t: t.open and not t.busy),
    "agent_paused_ms": spent(lambda t: t.signed_in and not t.open and not t.busy),
    "agent_busy_ms": spent(lambda t: t.signed_in and t.busy),
    "agent_busy_untold_ms": spent(lambda t: t.busy and not t.signed_in),
    "agent_occupancy": lambda c: quotient(
        sum(t.ms for t in c["agent_time"] if t.signed_in and t.busy),
        sum(t.ms for t in c["agent_time"] if t.signed_in and (t.busy or t.open)),
    ),
}
