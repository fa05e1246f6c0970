"""Worlds to compute with: sites and their events, as `Event`s for the oracle and as columns for the core.

The strategies make believable streams first and then spoil them: lines lost, clocks apart, numbers not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from hypothesis import strategies as st

from kpis.columns import Columns, Zones, hash_names
from kpis.cube import Cube
from kpis.model import Rules, Teller
from kpis.results import cube_of
from telemetry.config import Service, Site
from telemetry.events import EVENT_TYPES, MISSING, UNKNOWN, Event
from telemetry.rules import names_of as declared
from telemetry.rules import rules_of, zones_of
from telemetry.settings import Change, Channel, Window
from tests.kpis import worlds_calls, worlds_days, worlds_matters, worlds_staff, worlds_tickets
from tests.kpis.kept import NOTHING, Kept
from tests.kpis.second_reading.call_sources import LOGS

S = 1_000_000
SHOWN = 200
"""Events of a world that are written out; Hypothesis warns of more, and small ones are what it looks for."""
WEEK_US = 7 * 86_400 * S
QUEUES = ("idcard", "info")
SERVICES = ("idcard", "tax")
NUMBERS = ("A001", "A002", "B001")
TOKENS = (0x1B4E_81B5_9E2F_03A7, -0x6A09_E667_F3BC_C908, 0x3C6E_F372_FE94_F82B, -0x510E_527F_ADE6_82D1)

BANGKOK = Site(
    id="bangrak",
    fcr_window_s=600.0,
    services=(Service(id="idcard", target_minutes=10.0, service_minutes=5.0), Service(id="tax", target_minutes=None)),
    hours={"mon-fri": "08:30-14:30", "sat,sun": "08:00-12:00"},
    lunch="13:45-14:15",
    windows=(
        Window(id="evening", days="mon-fri", hours="15:00-17:00"),
        Window(id="night", days="mon,tue", hours="00:00-00:40, 23:50-24:00", on_holidays=True),
    ),
    channels=(Channel(id="line", reply_minutes=10.0, clock="service"), Channel(id="web")),
    changes=(
        Change(
            since=date(2026, 3, 3),
            target_minutes={"idcard": 5.0},
            service_minutes={"tax": 10.0},
            reply_minutes={"line": 15.0, "web": 60.0},
        ),
    ),
)
PHUKET = Site(
    id="phuket",
    ring_clock="queue",
    ring_cycle_s=6.0,
    short_abandon_s=3.0,
    service_level_s=15.0,
    fcr_window_s=1800.0,
    services=(Service(id="tax", target_minutes=5.0, service_minutes=1.0),),
    hours={"mon-sun": "08:00-14:00"},
    lunch="11:00-11:30, 12:30-12:45",
    silent_s=120.0,
    other_hours={"2026-03-03": "00:05-01:00"},
    no_show_calls=2,
    no_show_s=1.0,
    vote_pause_s=2.5,
    vote_link_s=60.0,
    channels=(Channel(id="email", reply_minutes=240.0, clock="service"),),
)
BERLIN = Site(id="berlin", timezone="Europe/Berlin", ring_clock="agent_last", fcr_window_s=86_400.0)
SITES = (BANGKOK, PHUKET, BERLIN)

QUIET = 1_773_037_800 * S
"""2026-03-09 06:30Z: a Monday noon in Bangkok, with no change of clocks and no holiday for two weeks."""
STARTS = (
    QUIET,
    1_772_470_500 * S,  # 2026-03-02 16:55Z: five minutes to midnight in Bangkok, and to a holiday
    1_774_745_400 * S,  # 2026-03-29 00:50Z: ten minutes before Berlin's clocks go forward
    1_792_889_400 * S,  # 2026-10-25 00:50Z: ten minutes before they go back
)


@dataclass(frozen=True)
class World:
    events: tuple[Event, ...]
    """In journal order."""
    sites: tuple[Site, ...] = SITES
    kept: Kept = NOTHING
    """What the journal keeps beside them."""

    def _repr_pretty_(self, printer, cycle) -> None:
        """What Hypothesis shows of a failure: short enough to read."""
        lines = [
            f"{e.time_us / S:.6f} {e.site} {e.source} {e.type} {e.contact} {e.unit} {e.party} {e[9:13]}"
            for e in self.events[:SHOWN]
        ]
        more = len(self.events) - len(lines)
        printer.text("World(\n  " + "\n  ".join(lines) + (f"\n  and {more} more" if more else "") + ")")

    def shifted(self, by_us: int) -> World:
        moved = tuple(worlds_matters.shifted(e, by_us) for e in self.events)
        return replace(self, events=moved, kept=self.kept.shifted(by_us))

    def of(self, site: Site) -> World:
        """The same with what one site told alone."""
        return replace(self, events=tuple(e for e in self.events if e.site == site.id), kept=self.kept.of(site.id))


class Names:
    """Codes of names, as a journal gives them: "" first."""

    def __init__(self, names: Sequence[str]) -> None:
        self.codes = {name: code for code, name in enumerate(dict.fromkeys(["", *names]))}
        self.texts = list(self.codes)

    def code(self, name: str) -> int:
        return self.codes.get(name, -1)


def names_of(world: World) -> Names:
    said = [name for e in world.events for name in (e.site, e.unit, e.party, e.source)]
    return Names([*(name for s in world.sites for name in declared(s)), *said, *world.kept.names()])


def columns_of(events: Sequence[Event], names: Names) -> Columns:
    return Columns(
        seq=np.arange(1, len(events) + 1, dtype=np.int64),
        time_us=np.array([e.time_us for e in events], np.int64),
        site=np.array([names.code(e.site) for e in events], np.int32),
        type=np.array([EVENT_TYPES[e.type].code for e in events], np.int16),
        unit=np.array([names.code(e.unit) for e in events], np.int32),
        contact=hash_names([e.contact.encode() for e in events]),
        party=np.array([names.code(e.party) for e in events], np.int32),
        caller=np.array([e.caller for e in events], np.int64),
        a=np.array([e.a for e in events], np.int64),
        b=np.array([e.b for e in events], np.int64),
        c=np.array([e.c for e in events], np.int64),
        source=np.array([names.code(e.source) for e in events], np.int32),
    )


def rules_and_zones(
    world: World, names: Names, end_us: dict[int, int] | None = None, as_of_us: dict[int, int] | None = None
) -> tuple[Rules, Zones]:
    tellers = {names.codes[source]: Teller(*log) for source, log in LOGS.items() if source in names.codes}
    return rules_of(world.sites, names.code, end_us, tellers, as_of_us), zones_of(world.sites, names.code)


def cube(
    world: World, names: Names | None = None, end_us: dict[int, int] | None = None,
    as_of_us: dict[int, int] | None = None,
) -> Cube:  # fmt: skip
    names = names or names_of(world)
    rules, zones = rules_and_zones(world, names, end_us, as_of_us)
    return cube_of(columns_of(world.events, names), rules, zones, world.kept.heard(names.code))


# -- strategies -------------------------------------------------------------------------------------------------------

gaps = st.sampled_from((0, 0, 1, 2, 3, 5, 15, 20, 21, 120))
told = st.sampled_from((True, True, True, False))
rare = st.sampled_from((False,) * 7 + (True,))


@st.composite
def passages(draw, kind):
    """(seconds after the one before, type, a, b) of one passage through a queue."""
    steps, waited = [], 0
    if kind != "refused" and not draw(rare):
        steps.append((draw(gaps), "call.entered", 1, MISSING))
    for _ in range(draw(st.sampled_from((0, 0, 1, 2, 3)))):
        gap = draw(st.sampled_from((0, 1, 1, 2, 5, 15)))
        waited += gap
        steps.append((gap, "call.ring_no_answer", draw(st.sampled_from((0, 999, 5000, 15000, MISSING))), MISSING))
    if draw(rare):
        steps.append((1, "call.agent_dumped", MISSING, MISSING))
    gap = draw(gaps)
    waited += gap
    wait = draw(st.sampled_from((waited * 1000,) * 6 + (MISSING, UNKNOWN)))
    ring = draw(st.sampled_from((0, 4999, 5000, 14999, 15000, 25000, MISSING)))
    talk = draw(st.sampled_from((0, 4000, 61000, MISSING)))
    if kind == "answered":
        if not draw(rare):
            steps.append((gap, "call.connected", wait, ring))
        if not draw(rare):
            ended = draw(st.sampled_from(("call.completed", "call.completed", "call.transferred")))
            steps.append((max(talk, 0) // 1000, ended, wait, talk))
    elif kind == "refused":
        steps.append((gap, draw(st.sampled_from(REFUSED)), MISSING, MISSING))
    elif kind == "left":
        exit_ = draw(st.sampled_from(EXITS))
        steps += [(gap, exit_, wait, 1)] * draw(st.sampled_from((1, 1, 2)))
        if draw(rare):  # a record for each telephone that rang
            steps.append((0, exit_, max(wait, 0) + draw(st.sampled_from((-1000, 0, 4000))), 1))
        if draw(rare):
            steps.append((1, "call.abandoned", wait, 1))
    return steps


REFUSED = ("call.turned_away_empty", "call.turned_away_full", "call.turned_away_closed")
EXITS = (
    "call.abandoned",
    "call.abandoned",
    "call.timed_out",
    "call.no_agent",
    "call.left_by_key",
    "call.withdrawn",
    "call.system_drop",
)


@st.composite
def calls(draw, start_us, site, contact):
    t = start_us + draw(st.sampled_from((0, 1, 300, 599, 600, 601, 899, 900, 1800, 7200))) * S
    caller = draw(st.sampled_from((0, *TOKENS[:3])))
    alias = draw(st.sampled_from((MISSING, MISSING, TOKENS[0], TOKENS[3])))
    kinds = draw(st.lists(st.sampled_from(("answered", "answered", "left", "left", "refused", "open")), min_size=1, max_size=3))  # fmt: skip
    events = []
    for kind in kinds:
        unit = draw(st.sampled_from(QUEUES))
        for gap, name, a, b in draw(passages(kind)):
            t += gap * S
            entered = name == "call.entered"
            events.append(
                Event(site.id, "pbx", "", name, t, unit, contact, "", a=a, b=b,
                      c=alias if entered and caller else MISSING, caller=caller if entered else 0)
            )  # fmt: skip
        t += draw(gaps) * S
    for name, a in draw(st.sampled_from(BESIDES)):
        source = draw(st.sampled_from(("pbx", "pbx", "live")))
        events.append(Event(site.id, source, "", name, t, draw(st.sampled_from(QUEUES)), contact, "", a=a))
    return events


BESIDES = (
    (),
    (),
    (),
    (("call.held", 0),),
    (("call.held", 21_000), ("call.held", 4000)),
    (("call.held", MISSING), ("call.voicemail", MISSING)),
    (("call.voicemail", MISSING),),
)
"""What is told of a call beside its passages: type, a."""


@st.composite
def tickets(draw, start_us, site):
    t = start_us + draw(st.integers(0, 1500)) * S
    contact = draw(st.sampled_from(NUMBERS))
    story = draw(st.sampled_from(STORIES))
    events = []
    for word in story.split():
        name = f"ticket.{word}"
        unit = draw(st.sampled_from(SERVICES)) if word in ("issued", "transferred") else ""
        slot = draw(st.sampled_from((MISSING, *TICKET_SLOTS[word]))) if word in TICKET_SLOTS else MISSING
        events.append(Event(site.id, "kiosk", "", name, t, unit, contact, a=slot))
        t += draw(st.sampled_from((0, 1, 299, 300, 301, 600, 601, 3600))) * S + draw(st.sampled_from((0, 0, 1500)))
    return events


STORIES = (
    "issued",
    "issued called started finished",
    "issued called finished",
    "issued started finished",
    "issued called recalled started held started finished",
    "issued called started transferred called started finished",
    "issued called recalled no_show",
    "issued called no_show reactivated called started finished",
    "issued called no_show reactivated called no_show",
    "issued called no_show called",
    "issued cancelled",
    "called issued started finished",
    "called started finished",
    "issued called finished issued called finished",
    "issued called started finished finished",
    "issued recalled finished",
    "issued called no_show finished",
    "triaged issued called started finished",
    "issued triaged called started finished",
    "triaged",
    "issued called recalled recalled",
    "issued called called recalled transferred called",
    "issued called started transferred transferred called held called started finished",
    "issued cancelled reactivated called started finished",
    "issued called started",
)
TICKET_SLOTS = {"issued": (0, 0, 1, 2), "finished": (1, 1, 2, 3, 4), "triaged": (1, 2, 3)}
"""Priorities, dispositions, outcomes of triage."""


@st.composite
def votes(draw, start_us, site):
    t = start_us + draw(st.integers(0, 3000)) * S
    scale = draw(st.sampled_from((2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 1, MISSING)))
    score = scale - draw(st.sampled_from((0, 1, 1, 2, 2, 3, 4, 9, -1))) if scale > 1 else draw(st.integers(0, 3))
    return [Event(site.id, "button", "", "vote.cast", t, draw(st.sampled_from(SERVICES)), a=score, b=scale)]


@st.composite
def others(draw, start_us, site):
    """What is no contact, but moves the time until which the PBX is known, or cuts its calls off."""
    t = start_us + draw(st.integers(0, 40_000)) * S
    quiet = ("source.restarted", "source.reloaded", "agent.paused", "device.heartbeat")
    name = draw(st.sampled_from((*quiet, "call.did", "call.did", "call.voicemail", "vote.dropped")))
    of_call = name in ("call.did", "call.voicemail")
    contact = draw(st.sampled_from(("x1", "x2", "call-0"))) if of_call else ""
    unit = draw(st.sampled_from(("", *QUEUES))) if of_call else ""
    return [Event(site.id, "pbx", "", name, t, unit, contact, "agent-1")]


@st.composite
def contacts_of(draw, start_us, site):
    """Lists of the events of one contact each."""
    out = [draw(calls(start_us, site, f"call-{i}")) for i in range(draw(st.integers(1, 6)))]
    out += [draw(tickets(start_us, site)) for _ in range(draw(st.integers(0, 4)))]
    out += draw(worlds_calls.calls(start_us, site)) + draw(worlds_calls.beside(start_us, site))
    out += draw(worlds_calls.returning(start_us, site))
    out += draw(st.lists(worlds_tickets.tickets(start_us, site), max_size=2))
    out += draw(st.one_of(st.just([]), worlds_tickets.lines(start_us, site)))
    out += draw(st.lists(votes(start_us, site), max_size=6))
    out += draw(worlds_days.days_of(start_us, site))
    out += draw(worlds_matters.matters_of(start_us, site))
    out += draw(st.lists(others(start_us, site), max_size=2))
    return draw(worlds_staff.staffed(out, start_us, site))


@st.composite
def worlds(draw, starts=STARTS, sites=SITES):
    """Sites with events in journal order: in time order but for a few, lines of one second in the order they were
    written, which sources tell apart by microseconds or not at all."""
    start_us = draw(st.sampled_from(starts))
    contacts = [events for site in sites for events in draw(contacts_of(start_us, site))]
    events = [e for rows in contacts for e in rows if not draw_rarely(draw, rows)]
    if events and draw(st.booleans()):  # clocks apart: one event stands elsewhere in time
        i = draw(st.integers(0, len(events) - 1))
        by = draw(st.sampled_from((-30, -2, -1, 1, 2, 30))) * S
        events[i] = events[i]._replace(time_us=events[i].time_us + by)
    events.sort(key=lambda e: e.time_us)
    if draw(st.booleans()):
        events = [e._replace(time_us=e.time_us + i) for i, e in enumerate(events)]
    for _ in range(draw(st.integers(0, 3)) if events else 0):  # late: stored after what happened later
        events.append(events.pop(draw(st.integers(0, len(events) - 1))))
    kept = draw(worlds_days.kept(start_us, sites, events))
    return World(tuple(worlds_days.seen(events, kept)), tuple(sites), kept)


def draw_rarely(draw, rows):
    """Whether to lose this line; contacts of one line keep it."""
    return len(rows) > 1 and draw(rare)
