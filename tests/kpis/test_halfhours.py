"""Half-hours of the week, by hand: what counts, over how many days, how long each took and how patient people were."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from kpis.calls import stints
from kpis.results import facts_of
from kpis.staffing import halfhours, present
from kpis.staffing.halfhours import A_DAY, HALF_US
from telemetry.config import Site
from telemetry.events import EVENT_TYPES, MISSING, Event
from telemetry.rules import rules_of, zones_of
from tests.kpis.worlds import S, World, columns_of, names_of

OFFICE = Site(id="bkk", hours={"mon-fri": "08:30-16:30"})
ALWAYS = Site(id="bkk")
MONDAY = date(2026, 3, 2)
FIRST, LAST = "2026-03-02", "2026-03-30"
"""Four weeks from a Monday; no public holiday in them but 3 March (Makha Bucha)."""
TEN_MONDAY = 20


def us(text, zone="Asia/Bangkok"):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * S


def call(at, number, wait_s=10, talk_s=120, end="completed", unit="hotline"):
    t = us(at) if isinstance(at, str) else at
    fact = {"site": "bkk", "source": "pbx", "id": "", "unit": unit, "contact": f"c{number}", "party": "agent-1"}
    out = [Event(type="call.entered", time_us=t, **fact)]
    if end == "completed":
        out.append(Event(type="call.connected", time_us=t + wait_s * S, a=wait_s * 1000, **fact))
        talk = MISSING if talk_s is None else talk_s * 1000
        out.append(Event(type="call.completed", time_us=t + (wait_s + (talk_s or 60)) * S, b=talk, **fact))
    elif end:
        out.append(Event(type=f"call.{end}", time_us=t + wait_s * S, a=wait_s * 1000, **fact))
    return out


class Met:
    """The half-hours of these events, whole days from FIRST to before LAST."""

    def __init__(self, events, site=OFFICE, first=FIRST, last=LAST, heard=None):
        names = names_of(World(tuple(events), (site,)))
        self.cols, self.code, self.names = columns_of(events, names), names.code(site.id), names
        rules, self.zones = rules_of([site], names.code), zones_of([site], names.code)
        facts = facts_of(self.cols, rules, self.zones)
        where = (self.code, rules.calendar, self.zones)
        self.calls = halfhours.calls(facts["calls"], *where)
        self.tickets = halfhours.tickets(facts["tickets"], *where)
        span = us(first, site.timezone), us(last, site.timezone)
        self.grid = halfhours.grid(*span, *where, heard)

    def slots(self, work=None, unit="hotline"):
        unit = None if unit is None else self.names.code(unit)
        return halfhours.slots(self.grid, self.calls if work is None else work, unit)


def test_codes_are_those_of_the_vocabulary():
    assert EVENT_TYPES["counter.opened"].code == present.COUNTER_OPENED
    assert EVENT_TYPES["counter.closed"].code == present.COUNTER_CLOSED
    agents = ("agent.added", "agent.removed", "agent.paused", "agent.unpaused")
    codes = (present.AGENT_ADDED, present.AGENT_REMOVED, present.AGENT_PAUSED, present.AGENT_UNPAUSED)
    assert [EVENT_TYPES[name].code for name in agents] == list(codes)
    assert EVENT_TYPES["call.abandoned"].code == stints.ABANDONED


def test_the_week_begins_on_monday():
    days = (np.datetime64("2026-03-02") - np.datetime64("1970-01-01")).astype(np.int64)
    assert halfhours.slot_of(np.array([days * 48, days * 48 + 335, days * 48 + 336])).tolist() == [0, 335, 0]


def test_a_half_hour_has_the_days_on_which_it_was_service_time():
    s = Met([]).slots(unit=None)
    assert s.days[[16, 17, 32, 33]].tolist() == [0, 4, 4, 0]
    assert s.days[A_DAY + TEN_MONDAY] == 3, "Makha Bucha is a holiday"
    assert not s.days[5 * A_DAY :].any()
    assert s.open_us[TEN_MONDAY] == 4 * HALF_US


def test_without_declared_hours_every_half_hour_counts():
    s = Met([], ALWAYS).slots(unit=None)
    assert (s.days == 4).all()
    assert (s.per_second == 0).all()


def test_arrivals_are_those_in_service_time_of_the_unit():
    events = [
        *call("2026-03-02T10:00", 1),
        *call("2026-03-02T10:29:59", 2),
        *call("2026-03-09T10:15", 3),
        *call("2026-03-02T10:30", 4),
        *call("2026-03-02T08:29:59", 5),
        *call("2026-03-02T16:30", 6),
        *call("2026-03-03T10:00", 7),
        *call("2026-03-30T10:00", 8),
        *call("2026-03-02T10:10", 9, unit="tax"),
    ]
    met = Met(events)
    s = met.slots()
    assert {i: int(n) for i, n in enumerate(s.arrivals) if n} == {TEN_MONDAY: 3, TEN_MONDAY + 1: 1}
    assert s.per_second[TEN_MONDAY] == 3 / (4 * 1800)
    assert met.slots(unit=None).arrivals[TEN_MONDAY] == 4
    by_half_hour = halfhours.arrivals(met.grid, met.calls, met.names.code("hotline"))
    assert by_half_hour.sum() == 4
    assert by_half_hour[TEN_MONDAY] == 2


def test_a_service_day_without_any_event_of_the_centre_is_not_known_and_not_counted():
    heard = np.array([us(f"2026-03-{day:02}T07:00") for day in (2, 9, 16, 4, 28)], np.int64)
    met = Met([], heard=heard)
    assert met.slots(unit=None).days[[TEN_MONDAY, 2 * A_DAY + TEN_MONDAY]].tolist() == [3, 1]
    assert met.grid.silent_days == 19 - 4


def test_a_period_that_begins_within_a_day_counts_what_is_left_of_it():
    s = Met([], first="2026-03-02T10:15", last="2026-03-04").slots(unit=None)
    assert s.days[[19, 20, 21]].tolist() == [0, 1, 1]
    assert s.open_us[20] == HALF_US // 2


def test_no_time_at_all_is_no_half_hours():
    met = Met([], first=LAST)
    assert len(met.grid) == 0
    assert not met.slots(unit=None).days.any()


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Europe/Berlin"])
def test_half_hours_are_of_local_time_in_zones_of_quarters_and_of_summer_time(zone):
    site = replace(OFFICE, timezone=zone, holidays="")
    met = Met([], site)
    s = met.slots(unit=None)
    assert s.days[[16, 17, 32, 33]].tolist() == [0, 4, 4, 0]
    assert s.open_us.sum() == 20 * 8 * 2 * HALF_US


def test_handle_time_is_talk_and_after_call_work_over_calls_whose_talk_is_known():
    fact = {"site": "bkk", "source": "pbx", "id": "", "unit": "hotline", "contact": "", "party": "agent-1"}
    events = [
        *call("2026-03-02T10:00", 1, talk_s=100),
        *call("2026-03-02T10:05", 2, talk_s=200),
        *call("2026-03-02T10:06", 3, talk_s=None),
        *call("2026-03-02T10:07", 4, wait_s=30, end="abandoned"),
        Event(type="call.wrap_up_started", time_us=us("2026-03-02T10:02"), a=30_000, **fact),
        Event(type="call.wrap_up_started", time_us=us("2026-03-02T10:09"), a=MISSING, **fact),
    ]
    s = Met(events).slots()
    assert (s.handled[TEN_MONDAY], s.handle_ms[TEN_MONDAY]) == (2, 330_000)
    seconds, n = s.handle_s(2)
    assert (seconds[TEN_MONDAY], n[TEN_MONDAY]) == (165, 2)


def test_handle_time_is_of_the_slot_where_it_has_enough_and_of_the_week_elsewhere():
    events = [*call("2026-03-02T10:00", 1, talk_s=100), *call("2026-03-02T10:05", 2, talk_s=100)]
    events += call("2026-03-05T11:00", 3, talk_s=400)
    s = Met(events).slots()
    seconds, n = s.handle_s(2)
    assert (seconds[TEN_MONDAY], n[TEN_MONDAY]) == (100, 2)
    assert (seconds[3 * A_DAY + 22], n[3 * A_DAY + 22]) == (200, 3)
    seconds, n = s.handle_s(4)
    assert np.isnan(seconds).all(), "three calls are not four"
    assert set(n.tolist()) == {3}


def test_patience_is_all_waiting_over_those_who_gave_up():
    """Whoever was answered or sent away was ready to wait at least so long; of a call still open nothing is known."""
    events = [
        *call("2026-03-02T10:00", 1, wait_s=40),
        *call("2026-03-02T10:01", 2, wait_s=20, end="abandoned"),
        *call("2026-03-02T10:02", 3, wait_s=60, end="timed_out"),
        *call("2026-03-02T10:03", 4, wait_s=100, end="abandoned"),
        *call("2026-03-02T10:04", 5, end=""),
    ]
    s = Met(events).slots()
    assert (s.waited[TEN_MONDAY], s.gave_up[TEN_MONDAY], s.wait_ms[TEN_MONDAY]) == (4, 2, 220_000)
    assert s.patience_s(1)[0][TEN_MONDAY] == 110
    assert np.isnan(s.patience_s(3)[0]).all()


def test_patience_is_found_again_from_callers_who_have_it():
    """The mean of those who gave up alone would be far too short: the patient were answered."""
    rng = np.random.default_rng(4)
    offered, patience = rng.exponential(40, 3000).round(3), rng.exponential(100, 3000).round(3)
    gave_up = patience < offered
    events = []
    for i in range(3000):
        t = us("2026-03-02T10:00") + i * 500_000
        seconds = min(offered[i], patience[i])
        one = call(t, i, end="abandoned" if gave_up[i] else "completed", wait_s=0, talk_s=1)
        events += [e._replace(a=round(seconds * 1000)) if e.type != "call.entered" else e for e in one]
    s = Met(events).slots()
    assert s.gave_up.sum() == gave_up.sum()
    estimate = s.patience_s(30)[0][TEN_MONDAY]
    assert estimate == pytest.approx(100, rel=0.1)
    assert patience[gave_up].mean() < 60


def test_tickets_take_service_and_the_way_to_the_counter_and_nobody_knows_their_patience():
    def ticket(number, *steps):
        fact = {"site": "bkk", "source": "kiosk", "id": "", "contact": number}
        t = us("2026-03-02T10:00")
        return [
            Event(type=f"ticket.{kind}", time_us=t + at * S, unit="idcard" if kind == "issued" else "", **fact)
            for at, kind in steps
        ]

    events = [
        *ticket("A1", (0, "issued"), (60, "called"), (70, "started"), (370, "finished")),
        *ticket("A2", (5, "issued"), (90, "called"), (200, "no_show")),
        *ticket("A3", (9, "called"), (10, "started"), (50, "finished")),
    ]
    met = Met(events)
    s = met.slots(met.tickets, "idcard")
    assert (s.arrivals[TEN_MONDAY], s.handled[TEN_MONDAY], s.handle_ms[TEN_MONDAY]) == (2, 1, 310_000)
    assert (s.waited.sum(), s.gave_up.sum()) == (0, 0)


def test_many_milliseconds_are_no_overflow():
    """A load of a country on one half-hour."""
    yes, huge = np.ones(4, np.bool_), np.full(4, 10**17)
    half = np.full(4, Met([]).grid.first + TEN_MONDAY)
    work = halfhours.Work(half, yes, np.zeros(4, np.int64), yes, yes, huge, huge, yes)
    s = halfhours.slots(Met([]).grid, work, None)
    assert s.handle_s(1)[0][TEN_MONDAY] == 1e14
    assert s.patience_s(1)[0][TEN_MONDAY] == 1e14


def counter(at, what, party="1"):
    return Event("bkk", "c", "", f"counter.{what}", us(at), "", "", party)


def agent(at, what, party="agent-1", unit="hotline"):
    return Event("bkk", "pbx", "", f"agent.{what}", us(at), unit, "", party)


def test_counters_are_there_from_opening_to_closing():
    events = [
        counter("2026-03-02T08:30", "opened"),
        counter("2026-03-02T10:15", "closed"),
        counter("2026-03-02T10:00", "opened", "2"),
        counter("2026-03-02T10:30", "closed", "2"),
    ]
    met = Met(events)
    there = present.counters(met.grid, met.cols, met.code, met.zones)
    assert there[[17, 19, 20, 21]].tolist() == [1, 1, 1.5, 0]
    assert np.isnan(there[A_DAY + 20]), "no Tuesday tells of anybody"


def test_a_counter_that_was_never_closed_was_forgotten():
    met = Met([counter("2026-03-02T08:30", "opened"), counter("2026-03-04T08:30", "opened")])
    there = present.counters(met.grid, met.cols, met.code, met.zones)
    assert there[TEN_MONDAY] == 0


def test_agents_are_there_from_being_added_but_for_their_pauses():
    events = [
        agent("2026-03-02T08:00", "added"),
        agent("2026-03-02T10:00", "paused"),
        agent("2026-03-02T10:15", "unpaused"),
        agent("2026-03-02T12:00", "removed"),
        agent("2026-03-02T08:30", "added", "agent-2", "tax"),
        agent("2026-03-02T09:30", "removed", "agent-2", "tax"),
    ]
    met = Met(events)

    def there(unit):
        return present.agents(met.grid, met.cols, met.code, met.names.code(unit), met.zones)

    assert there("hotline")[[17, 19, 20, 21, 24]].tolist() == [1, 1, 0.5, 1, 0]
    assert there("tax")[[17, 18, 19]].tolist() == [1, 1, 0]


def test_an_agent_who_is_added_at_a_pause_is_there_from_its_end():
    added = agent("2026-03-02T09:00", "added")._replace(a=1)
    met = Met([added, agent("2026-03-02T10:00", "unpaused"), agent("2026-03-02T12:00", "removed")])
    there = present.agents(met.grid, met.cols, met.code, met.names.code("hotline"), met.zones)
    assert there[[19, 20, 23]].tolist() == [0, 1, 1]


def test_who_was_there_is_not_known_where_nobody_tells():
    met = Met([*call("2026-03-02T10:00", 1)])
    assert np.isnan(present.counters(met.grid, met.cols, met.code, met.zones)).all()
    assert np.isnan(present.agents(met.grid, met.cols, met.code, met.names.code("hotline"), met.zones)).all()
