"""Agents and counters of generated worlds: words of any order, at the edges of quarters, days and months, and work that
is told twice, by halves, or by nobody."""

from __future__ import annotations

from hypothesis import strategies as st

from telemetry.events import MISSING, UNKNOWN, Event

S = 1_000_000
AGENTS, QUEUES = ("Anong", "Boon"), ("", "idcard", "info")
COUNTERS = ("counter-1", "counter-2")
WORDS = (
    "added", "added", "removed", "paused", "paused", "unpaused", "unpaused", "paused_all", "unpaused_all",
    "logged_in", "logged_out", "setting_changed",
)  # fmt: skip
GAPS_US = (
    0, 0, 1, 400, 499, 500, 999, S, 60 * S, 300 * S, 899 * S, 900 * S, 3600 * S, 30_000 * S, 86_399 * S, 86_400 * S,
)  # fmt: skip
BEGINS_S = (-86_400, -3600, 0, 0, 0, 1, 300, 900, 3600)
WORK = (
    "connected",
    "connected",
    "completed",
    "completed",
    "transferred",
    "ring_no_answer",
    "wrap_up_started",
    "outbound",
)
TALKS = (MISSING, UNKNOWN, 0, 1, 30_000, 60_000, 60_000, 900_000, 86_400_000, 86_400_001, 10**12)
RINGS = (MISSING, UNKNOWN, 0, 999, 1000, 1001, 15_000)
GIVEN_AN_AGENT = ("call.ring_no_answer", "call.connected", "call.completed", "call.transferred")
GIVEN_A_COUNTER = ("called", "recalled", "started", "held", "transferred", "finished", "no_show", "issued")


@st.composite
def words(draw, start_us, site):
    """What is told of one agent, in order."""
    t = start_us + draw(st.sampled_from(BEGINS_S)) * S
    agent, events = draw(st.sampled_from(AGENTS)), []
    logs = draw(st.sampled_from((("pbx",), ("pbx",), (f"{site.id}-log", f"{site.id}-cel"))))
    for word in draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)):
        slot = draw(st.sampled_from((MISSING, 0, 1, 1))) if word == "added" else MISSING
        unit = draw(st.sampled_from(QUEUES))
        told = Event(site.id, draw(st.sampled_from(logs)), "", f"agent.{word}", t, unit, "", agent, a=slot)
        events.append(told)
        if told.source != "pbx" and draw(st.booleans()):  # by both, each by its clock
            by_us = draw(st.sampled_from((0, 400, S, -S, 10 * S, 11 * S, -11 * S)))
            events.append(told._replace(source=draw(st.sampled_from(logs)), time_us=t + by_us))
        t += draw(st.sampled_from(GAPS_US))
    return events


@st.composite
def work(draw, start_us, site):
    """Calls of agents as no telephone system should tell them: a list of the events of each."""
    out = []
    for contact in draw(st.lists(st.sampled_from(("work-1", "work-2")), unique=True)):
        t, events = start_us + draw(st.sampled_from(BEGINS_S)) * S, []
        for word in draw(st.lists(st.sampled_from(WORK), min_size=1, max_size=6)):
            a = draw(
                st.sampled_from(TALKS if word == "wrap_up_started" else RINGS if word == "ring_no_answer" else (0,))
            )
            b = draw(st.sampled_from(TALKS)) if word in ("completed", "transferred", "outbound") else MISSING
            who = draw(st.sampled_from((*AGENTS, *AGENTS, "")))
            events.append(
                Event(site.id, "pbx", "", f"call.{word}", t, draw(st.sampled_from(QUEUES[1:])), contact, who, a=a, b=b)
            )
            t += draw(st.sampled_from(GAPS_US))
        out.append(events)
    return out


@st.composite
def openings(draw, start_us, site):
    """What one counter tells of itself, in order."""
    t = start_us + draw(st.sampled_from(BEGINS_S)) * S
    counter, events = draw(st.sampled_from(COUNTERS)), []
    for word in draw(st.lists(st.sampled_from(("opened", "opened", "closed")), min_size=1, max_size=5)):
        events.append(Event(site.id, "hall", "", f"counter.{word}", t, party=counter))
        t += draw(st.sampled_from(GAPS_US))
    return events


@st.composite
def staffed(draw, contacts, start_us, site):
    """The same contacts with somebody who acts in them, most often the same one, and what staff do beside."""
    out = contacts
    if draw(st.booleans()):
        out = [draw(acted(events)) for events in contacts]
    beside = st.one_of(
        words(start_us, site).map(lambda x: [x]), openings(start_us, site).map(lambda x: [x]), work(start_us, site)
    )
    return out + [events for found in draw(st.lists(beside, max_size=4)) for events in found]


@st.composite
def acted(draw, events):
    agent = draw(st.sampled_from((*AGENTS, "")))
    counter = draw(st.sampled_from((*COUNTERS, *COUNTERS, "")))
    out = []
    for e in events:
        family, _, word = e.type.partition(".")
        who = agent if e.type in GIVEN_AN_AGENT else counter if family == "ticket" and word in GIVEN_A_COUNTER else ""
        if who and not e.party and draw(st.sampled_from((True,) * 5 + (False,))):
            out.append(e._replace(party=who))
            continue
        if e.type == "ticket.called" and draw(st.booleans()):
            counter = draw(st.sampled_from(COUNTERS))
        out.append(e)
    return out
