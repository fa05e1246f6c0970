"""The second reading of votes, conversations and cases against the core: on a week of the simulated centre, and where
matters go on for years, over changes of clocks, holidays and new standards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.cube import build
from kpis.matters import case_kpis, cases, conversation_kpis, conversations
from kpis.results import KPIS
from kpis.votes import answer_kpis, satisfaction, satisfaction_kpis
from telemetry.config import Site
from telemetry.events import Event
from telemetry.settings import Change, Channel, Window
from tests.kpis import worlds
from tests.kpis import worlds_matters as matters
from tests.kpis.second_reading import cases as read_cases
from tests.kpis.second_reading import conversations as read_conversations
from tests.kpis.second_reading import tickets as read_tickets
from tests.kpis.second_reading import votes as read_votes
from tests.kpis.second_reading.base import Contacts
from tests.kpis.simulated import SITE, week
from tests.kpis.test_properties import agree, by_place, everything, plain, results
from tests.kpis.worlds import S, World, columns_of, cube, names_of, rules_and_zones

READINGS = {
    read_votes: (satisfaction_kpis, answer_kpis),
    read_conversations: (conversation_kpis,),
    read_cases: (case_kpis,),
}
OF_TICKETS_TOO = "satisfaction_response_rate"
OURS = sorted({name for reading in READINGS for name in reading.KPIS} - {OF_TICKETS_TOO})
OFFICE = Site(
    id="bangrak",
    hours={"mon-fri": "08:30-12:00,13:00-16:30", "sat": "09:00-12:00"},
    closed=(date(2026, 3, 5),),
    open=(date(2026, 3, 3),),
    other_hours={"2026-03-06": "08:30-12:00", "2026-03-07": ""},
    windows=(
        Window(id="evening", days="mon-wed", hours="16:00-19:00"),
        Window(id="sunday", days="sun", hours="00:00-24:00", on_holidays=True, since=date(2026, 3, 8)),
    ),
    channels=(Channel(id="line", reply_minutes=10.0, clock="service"), Channel(id="web", clock="service")),
    changes=(
        Change(since=date(2026, 3, 4), reply_minutes={"line": 15.0, "web": 60.0}),
        Change(since=date(2026, 3, 3), reply_minutes={"email": 1.0}),
    ),
)
BY_NIGHT = Site(
    id="berlin",
    timezone="Europe/Berlin",
    hours={"mon-sun": "01:00-04:00"},
    holidays="",
    vote_pause_s=0.0,
    channels=(Channel(id="line", reply_minutes=60.0, clock="service"), Channel(id="chat", reply_minutes=1.0)),
)
CAIRO = Site(id="cairo", timezone="Africa/Cairo", vote_pause_s=2.5, vote_link_s=60.0)
SITES = (OFFICE, BY_NIGHT, CAIRO)
STARTS = (*worlds.STARTS, 1_793_307_300 * S)
"""The last: five minutes to midnight of 2026-10-29, when Cairo's clocks go back to 23 o'clock."""
slow = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))


@st.composite
def long_worlds(draw):
    start_us, gaps = draw(st.sampled_from(STARTS)), draw(st.sampled_from((matters.NEAR, matters.FAR)))
    told = [rows for site in SITES for rows in draw(matters.matters_of(start_us, site, gaps))]
    events = [e for rows in told for e in rows if not worlds.draw_rarely(draw, rows)]
    events.sort(key=lambda e: e.time_us)
    for _ in range(draw(st.integers(0, 3)) if events else 0):  # late: stored after what happened later
        events.append(events.pop(draw(st.integers(0, len(events) - 1))))
    return World(tuple(events), SITES)


def core(world, names, as_of_us=None):
    columns, (rules, zones) = columns_of(world.events, names), rules_and_zones(world, names, as_of_us=as_of_us)
    families = (satisfaction, conversations, cases)
    return build({name: f for of in families for name, f in of.contacts(columns, rules, zones).items()}, zones)


def second(world):
    out = Contacts()
    for site in world.sites:
        events = sorted((e for e in world.events if e.site == site.id), key=lambda e: e.time_us)
        for reading in READINGS:
            for kind, found in reading.read(events, site, out).items():
                out[kind] = out[kind] + found
    return out


def ours(rows, names=OURS):
    return {name: rows[name] for name in names if name in rows}


def test_every_row_of_votes_conversations_and_cases_is_read_twice():
    for reading, tables in READINGS.items():
        assert set(reading.KPIS) == {kpi.name for table in tables for kpi in table.KPIS} <= set(KPIS)


def test_a_simulated_week_says_the_same_to_both_readings_in_every_service_and_at_every_counter():
    world = week()
    names, core_of_all = names_of(world), cube(world)
    contacts = second(world)
    contacts.update(read_tickets.read(world.events, SITE, contacts))
    total = everything(core_of_all)
    agree(ours(total, (*OURS, OF_TICKETS_TOO)), contacts, "total")
    for place, rows in by_place(core_of_all, names.texts).items():
        here = contacts.where(lambda c, at=place: (c.by, c.site, c.unit) == at)
        agree(ours(rows, (*OURS, OF_TICKETS_TOO)), here, place)
    for name in ("votes", "satisfaction_rate", OF_TICKETS_TOO, "vote_point_days"):
        assert total[name][0] > 0, name


@slow
@given(long_worlds())
def test_matters_of_years_say_the_same_to_both_readings_at_every_place_and_quarter_of_an_hour(world):
    names, contacts = names_of(world), second(world)
    of = core(world, names)
    agree(ours(everything(of)), contacts, "total")
    for place, rows in by_place(of, names.texts).items():
        agree(ours(rows), contacts.where(lambda c, at=place: (c.by, c.site, c.unit) == at), place)
    quarters, rows = results(of, lambda block: block.quarter)
    assert quarters == sorted({c.quarter for c in contacts.everything()})
    for i, quarter in enumerate(quarters):
        here = contacts.where(lambda c, q=quarter: c.quarter == q)
        agree(ours({name: plain(r, i) for name, r in rows.items()}), here, quarter)


@slow
@given(long_worlds(), st.data())
def test_a_cut_off_is_as_if_nothing_had_happened_since(world, data):
    if not world.events:
        return
    cut_us = data.draw(st.sampled_from([e.time_us for e in world.events]))
    names = names_of(world)
    early = everything(core(world, names, {names.code(site.id): cut_us for site in SITES}))
    known = [Event(site.id, "pbx", "", "source.reloaded", cut_us) for site in SITES]
    until = replace(world, events=(*(e for e in world.events if e.time_us <= cut_us), *known))
    rows = [*read_conversations.KPIS, *read_cases.KPIS]
    agree(ours(early, rows), second(until), "as of the cut-off")
