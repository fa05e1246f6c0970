"""A second reading of every definition, in dicts and loops: events → contacts; `oracle_kpis` goes on to values.

It shares nothing with the core and is written to be checked line by line against the definitions; speed is no aim.
Durations are milliseconds, None is not known.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from telemetry.config import Site
from telemetry.events import MISSING, UNKNOWN, Event

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local wall-clock time
FOUR_HOURS_US = 4 * 3600 * 1_000_000
REFUSALS = ("call.turned_away_empty", "call.turned_away_full", "call.turned_away_closed")
EXITS = (
    "call.abandoned",
    "call.timed_out",
    "call.no_agent",
    "call.left_by_key",
    "call.withdrawn",
    "call.system_drop",
    *REFUSALS,
)
TALKED = ("call.completed", "call.transferred")
PASSAGE = (
    "call.entered",
    "call.ring_no_answer",
    "call.ring_cancelled",
    "call.connected",
    "call.agent_dumped",
    *TALKED,
    *EXITS,
)


def number(slot: int) -> int | None:
    return None if slot == MISSING else slot


def milliseconds(us: int) -> int:
    """To the nearest: the microseconds of a log of whole seconds are only the order of its lines."""
    return round(Fraction(us, 1000))


def local(site: Site, time_us: int) -> datetime:
    """Wall-clock time at the site, without its zone."""
    there = datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(ZoneInfo(site.timezone))
    return there.replace(tzinfo=None) + timedelta(microseconds=time_us % 1_000_000)


def quarter(site: Site, time_us: int) -> int:
    return (local(site, time_us) - EPOCH) // timedelta(minutes=15)


@dataclass
class Contact:
    site: str
    unit: str
    quarter: int


@dataclass
class Stint(Contact):
    enter_us: int
    order: int
    """Place of its first event in time: decides between passages entered at one instant."""
    outcome: str
    """`answered`, `open`, or the event that ended it."""
    wait: int | None
    ring_last: int | None
    ring_tried: int
    talk: int | None
    caller: int
    alias: int


@dataclass
class Call(Contact):
    arrival_us: int
    outcome: str
    """`answered`, `open`, `unknown`, or the event that ended the last passage."""
    offered: bool
    wait: int | None
    ring: int | None
    """By the site's clock, of an answered call."""
    ring_last: int | None
    talk: int | None
    entries: int
    short: bool
    in_time: bool
    rings: int | None
    rings_last: int | None
    tokens: frozenset[int]
    fcr_eligible: bool = False
    repeated: bool = False

    @property
    def answered(self) -> bool:
        return self.outcome == "answered"

    @property
    def left(self) -> bool:
        return self.outcome == "call.left_by_key"

    @property
    def lost(self) -> bool:
        return self.offered and not self.answered and not self.left and self.outcome != "open"


@dataclass
class Ticket(Contact):
    issued: bool
    served: bool
    no_show: bool
    wait: int | None
    within: bool | None
    """Called within the declared time; None where none is declared or the wait is not known."""
    service: int | None


@dataclass
class Vote(Contact):
    score: int
    scale: int

    @property
    def satisfied(self) -> bool:
        return self.score > self.scale - (2 if self.scale >= 4 else 1)


@dataclass
class Contacts:
    calls: list[Call] = field(default_factory=list)
    stints: list[Stint] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    dropped: list[Contact] = field(default_factory=list)
    """Presses that are no votes."""
    unqueued: list[Contact] = field(default_factory=list)
    """Calls that reached a number and no queue."""

    def where(self, keep: Callable[[Contact], bool]) -> Contacts:
        return Contacts(*([c for c in getattr(self, kind.name) if keep(c)] for kind in fields(self)))

    def everything(self) -> list[Contact]:
        return [c for kind in fields(self) for c in getattr(self, kind.name)]


def read(events: Sequence[Event], sites: Iterable[Site]) -> Contacts:
    """Every contact among events in journal order."""
    out = Contacts()
    for site in sites:
        of_site = sorted((e for e in events if e.site == site.id), key=lambda e: e.time_us)
        stints = stints_of(of_site, site)
        out.stints += [stint for of_call in stints.values() for stint in of_call]
        out.calls += calls_of(stints, of_site, site)
        out.tickets += tickets_of(of_site, site)
        out.votes += [
            Vote(site.id, e.unit, quarter(site, e.time_us), e.a, e.b)
            for e in of_site
            if e.type == "vote.cast" and e.b >= 2 and 1 <= e.a <= e.b
        ]
        out.dropped += [Contact(site.id, e.unit, quarter(site, e.time_us)) for e in of_site if e.type == "vote.dropped"]
        reached: dict[str, Event] = {}
        for e in of_site:
            if e.type == "call.did" and e.contact and e.contact not in stints:
                reached.setdefault(e.contact, e)
        out.unqueued += [Contact(site.id, e.unit, quarter(site, e.time_us)) for e in reached.values()]
    return out


# -- calls ------------------------------------------------------------------------------------------------------------


def stints_of(events: Sequence[Event], site: Site) -> dict[str, list[Stint]]:
    """Call id → its passages in order. The k-th entry of a call in a queue opens its k-th passage; what stands
    before the first entry belongs to the first. A refusal is no passage: it stands by itself, once a queue."""
    passages: dict[tuple[str, str], list[list[tuple[int, Event]]]] = defaultdict(list)
    refused: dict[tuple[str, str], tuple[int, Event]] = {}
    for order, e in enumerate(events):
        key = e.contact, e.unit
        if e.type not in PASSAGE or not e.contact:
            continue
        if e.type in REFUSALS:
            refused.setdefault(key, (order, e))
            continue
        mine = passages[key]
        if not mine or (e.type == "call.entered" and any(x.type == "call.entered" for _, x in mine[-1])):
            mine.append([])
        mine[-1].append((order, e))
    out: dict[str, list[Stint]] = defaultdict(list)
    for (contact, _), of_queue in passages.items():
        out[contact] += [stint_of(rows, site) for rows in of_queue]
    for (contact, unit), (order, e) in refused.items():
        place = site.id, unit, quarter(site, e.time_us), e.time_us, order
        out[contact].append(Stint(*place, e.type, wait=0, ring_last=None, ring_tried=0, talk=None, caller=0, alias=0))
    for of_call in out.values():
        of_call.sort(key=lambda s: (s.enter_us, s.order))
    return out


def stint_of(rows: Sequence[tuple[int, Event]], site: Site) -> Stint:
    events = [e for _, e in rows]

    def first(*types: str) -> Event | None:
        return next((e for e in events if e.type in types), None)

    entered, connect = first("call.entered"), first("call.connected")
    answer, leave = first("call.connected", *TALKED), first(*EXITS)
    if leave:  # a log may write an exit for each telephone that rang: the longest wait is the caller's
        leave = max((e for e in events if e.type == leave.type), key=lambda e: e.a)
    told = connect or answer or leave
    talked_before = max(number(told.b) or 0, 0) if told and told.type in TALKED else 0
    wait = number(told.a) if told else None
    unknowable = wait == UNKNOWN
    wait = None if wait is not None and wait < 0 else wait  # of a clock that went back it says nothing
    if entered:
        enter_us = entered.time_us
        if told and wait is None and not unknowable:
            measured = milliseconds(told.time_us - enter_us) - talked_before
            wait = measured if measured >= 0 else None
    elif told:
        enter_us = told.time_us - ((wait or 0) + talked_before) * 1000
    else:
        enter_us = events[0].time_us
    return Stint(
        site=site.id,
        unit=events[0].unit,
        quarter=quarter(site, enter_us),
        enter_us=enter_us,
        order=rows[0][0],
        outcome="answered" if answer else leave.type if leave else "open",
        wait=wait,
        ring_last=number(connect.b) if connect else None,
        ring_tried=rung_in_vain(events[: events.index(connect)] if connect else events),
        talk=sum_of_known(number(e.b) for e in events if e.type in TALKED),
        caller=entered.caller if entered else 0,
        alias=(number(entered.c) or 0) if entered else 0,
    )


def sum_of_known(values: Iterable[int | None]) -> int | None:
    known = [v for v in values if v is not None and v >= 0]
    return sum(known) if known else None


def rung_in_vain(events: Sequence[Event]) -> int:
    """Attempts within a second of the one before rang in parallel and count their longest; others add up."""
    attempts: list[list[int]] = []
    last_second = None
    for e in events:
        if e.type == "call.ring_no_answer" and e.a >= 0:
            second = e.time_us // 1_000_000
            if last_second is None or second - last_second > 1:
                attempts.append([])
            attempts[-1].append(e.a)
            last_second = second
    return sum(max(attempt) for attempt in attempts)


def calls_of(stints: dict[str, list[Stint]], events: Sequence[Event], site: Site) -> list[Call]:
    heard = max((e.time_us for e in events if e.type.startswith(("call.", "agent.", "source."))), default=0)
    restarts = [e.time_us for e in events if e.type == "source.restarted"]
    calls = [call_of(of_call, site, heard, restarts) for of_call in stints.values()]
    window = round(site.fcr_window_s * 1000)
    by_token = defaultdict(list)
    for call in calls:
        for token in call.tokens:
            by_token[token].append(milliseconds(call.arrival_us))
    for call in calls:
        t = milliseconds(call.arrival_us)
        call.fcr_eligible = call.answered and bool(call.tokens) and t + window <= milliseconds(heard)
        call.repeated = any(t < later <= t + window for token in call.tokens for later in by_token[token])
    return calls


def call_of(stints: Sequence[Stint], site: Site, heard: int, restarts: Sequence[int]) -> Call:
    first, last = stints[0], stints[-1]
    answered = next((i for i, s in enumerate(stints) if s.outcome == "answered"), None)
    until = stints if answered is None else stints[: answered + 1]
    wait = None if any(s.wait is None for s in until) else sum(s.wait or 0 for s in until)
    outcome = last.outcome if answered is None else "answered"
    if outcome == "open" and (
        heard - last.enter_us > FOUR_HOURS_US or any(restart > last.enter_us for restart in restarts)
    ):
        outcome = "unknown"
    ring = ring_last = None
    if answered is not None:
        ring_last = stints[answered].ring_last
        total = None if ring_last is None else sum(s.ring_tried for s in until) + ring_last
        ring = {"agent_total": total, "agent_last": ring_last, "queue": wait}[site.ring_clock]
    known = next((s for s in stints if s.caller), None)

    def rings(ms: int | None) -> int | None:
        return None if ms is None else math.floor(Fraction(ms, 1000) / Fraction(site.ring_cycle_s)) + 1

    return Call(
        site=site.id,
        unit=first.unit,
        quarter=first.quarter,
        arrival_us=first.enter_us,
        outcome=outcome,
        offered=any(s.outcome != "call.turned_away_closed" for s in stints),
        wait=wait,
        ring=ring,
        ring_last=ring_last,
        talk=sum_of_known(s.talk for s in stints),
        entries=sum(s.outcome not in REFUSALS for s in stints),
        short=outcome == "call.abandoned" and wait is not None and wait < site.short_abandon_s * 1000,
        in_time=outcome == "answered" and wait is not None and wait <= site.service_level_s * 1000,
        rings=rings(ring),
        rings_last=rings(ring_last),
        tokens=frozenset({known.caller, known.alias} - {0}) if known else frozenset(),
    )


# -- tickets ----------------------------------------------------------------------------------------------------------


def tickets_of(events: Sequence[Event], site: Site) -> list[Ticket]:
    """One number issued on one local day; the same number issued again is another ticket."""
    tickets: dict[tuple[str, object], list[list[Event]]] = defaultdict(list)
    for e in events:
        if not e.type.startswith("ticket.") or not e.contact:
            continue
        mine = tickets[e.contact, local(site, e.time_us).date()]
        if not mine or (e.type == "ticket.issued" and any(x.type == "ticket.issued" for x in mine[-1])):
            mine.append([])
        mine[-1].append(e)
    return [ticket_of(rows, site) for of_number in tickets.values() for rows in of_number]


def ticket_of(events: Sequence[Event], site: Site) -> Ticket:
    def first(*types: str) -> Event | None:
        return next((e for e in events if e.type in types), None)

    issue, call = first("ticket.issued"), first("ticket.called", "ticket.started")
    wait = (call.time_us - issue.time_us) // 1000 if issue and call else None
    if wait is not None and wait < 0:
        wait = None  # the clocks disagree: not a wait, and not 0
    begin = issue or events[0]
    declared = {s.id: s.target_minutes for s in site.services}.get(begin.unit)
    served = first("ticket.finished") is not None
    missed = False
    for e in events:
        if e.type in ("ticket.reactivated", "ticket.started", "ticket.finished"):
            missed = False
        elif e.type == "ticket.no_show":
            missed = True
    return Ticket(
        site=site.id,
        unit=begin.unit,
        quarter=quarter(site, begin.time_us),
        issued=issue is not None,
        served=served,
        no_show=missed and not served,
        wait=wait,
        within=None if declared is None or wait is None else wait <= declared * 60_000,
        service=service_of(events),
    )


def service_of(events: Sequence[Event]) -> int | None:
    """A leg ends with finished, transferred or held and began with its last start, else with its last call."""
    legs = []
    started = called = None
    for e in events:
        if e.type == "ticket.started":
            started = e.time_us
        elif e.type in ("ticket.called", "ticket.recalled"):
            called = e.time_us
        elif e.type in ("ticket.finished", "ticket.transferred", "ticket.held"):
            began = called if started is None else started
            if began is not None:
                legs.append((e.time_us - began) // 1000)
            started = called = None
    return sum(legs) if legs else None
