"""Days of a centre and its contacts of every kind, by hand. 2 March 2026 is a Monday, the 3rd a public holiday."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telemetry.config import Service, Site
from telemetry.settings import Window
from tests.kpis.summed import OFFICE, OPEN, event, family, histogram, sums, us

EDGES = [event("source.reloaded", "03-02 08:00"), event("source.reloaded", "03-02 17:00")]
"""The Monday is known from before its opening until after its end."""


def lunches(*events, site=OFFICE, known=EDGES):
    s = sums("days", [*known, *events], site)
    return s["lunch_days_covered"], s["lunch_days"]


def ticket(issued, called, number="A1", unit="idcard"):
    return [
        event("ticket.issued", issued, unit=unit, contact=number),
        event("ticket.called", called, contact=number, party="1"),
    ]


@pytest.mark.parametrize(
    ("kind", "at", "covered"),
    [
        ("ticket.called", "03-02 12:00", 1),
        ("ticket.started", "03-02 12:30", 1),
        ("ticket.finished", "03-02 12:59:59.999", 1),
        ("call.connected", "03-02 12:01", 1),
        ("ticket.finished", "03-02 11:59:59.999", 0),
        ("ticket.called", "03-02 13:00", 0),
        ("ticket.issued", "03-02 12:30", 0),
        ("call.entered", "03-02 12:30", 0),
    ],
)
def test_a_lunch_break_is_covered_when_somebody_works_in_it(kind, at, covered):
    assert lunches(event(kind, at, contact="A1", unit="idcard")) == (covered, 1)


@pytest.mark.parametrize(
    ("told", "covered"),
    [
        ([("counter.opened", "03-02 08:30")], 1),
        ([("counter.opened", "03-02 12:00"), ("counter.closed", "03-02 13:00")], 1),
        ([("counter.opened", "03-02 08:30"), ("counter.closed", "03-02 12:59:59")], 0),
        ([("counter.opened", "03-02 12:00:01")], 0),
        ([("counter.opened", "03-02 08:30"), ("counter.opened", "03-02 09:00"), ("counter.closed", "03-02 11:00")], 0),
        ([("counter.closed", "03-02 11:00"), ("counter.opened", "03-02 11:00")], 1),
        ([("counter.opened", "03-01 16:00")], 0),
    ],
)
def test_a_counter_covers_the_break_through_which_it_was_told_open_that_day(told, covered):
    assert lunches(*(event(kind, at, party="1") for kind, at in told))[0] == covered


def test_a_closing_of_another_counter_closes_nothing():
    told = [event("counter.opened", "03-02 08:30", party="1"), event("counter.closed", "03-02 10:00", party="2")]
    assert lunches(*told) == (1, 1)


def test_breaks_before_the_first_event_and_those_not_over_do_not_count():
    early = [event("source.reloaded", "03-02 12:30"), event("source.reloaded", "03-02 17:00")]
    late = [event("source.reloaded", "03-02 08:00"), event("source.reloaded", "03-02 12:59")]
    assert lunches(known=early) == (0, 0)
    assert lunches(known=late) == (0, 0)


def test_holidays_weekends_and_centres_without_hours_have_no_lunch_break():
    week = [event("source.reloaded", "02-28 08:00"), event("source.reloaded", "03-08 23:00")]
    assert lunches(known=week) == (0, 4)
    assert lunches(site=OPEN) == (0, 0)


def test_waits_are_told_apart_by_lunch_peak_and_the_rest():
    events = [
        *ticket("03-02 12:10", "03-02 12:11"),
        *ticket("03-02 09:05", "03-02 09:07", "A2"),
        *ticket("03-02 09:59:59", "03-02 10:02:59", "A3"),
        *ticket("03-02 10:00", "03-02 10:04", "A4"),
    ]
    waits = {part: histogram("contacts", f"ticket_wait_{part}_s", events, OFFICE) for part in ("lunch", "peak", "rest")}
    assert waits == {"lunch": [60], "peak": [120, 180], "rest": [240]}


def test_the_peak_is_the_first_of_the_fullest_hours_of_each_day():
    events = [
        *ticket("03-02 14:05", "03-02 14:06"),
        *ticket("03-02 09:05", "03-02 09:07", "A2"),
        *ticket("03-04 15:05", "03-04 15:08", "A3"),
        event("call.entered", "03-04 15:30", unit="q", contact="c1"),
    ]
    s = sums("days", events, OPEN)
    assert (s["peak_hours"], s["peak_arrivals"]) == (2, 3)
    assert histogram("contacts", "ticket_wait_peak_s", events, OPEN) == [120, 180]


EVENING = replace(OFFICE, windows=(Window(id="evening", days="mon-fri", hours="16:30-19:00"), Window(id="sat", days="sat", hours="09:00-12:00")))  # fmt: skip


def test_a_declared_window_is_served_on_days_with_a_service_finished_in_it():
    events = [
        event("source.reloaded", "03-02 08:00"),
        event("ticket.finished", "03-02 18:59:59", contact="A1"),
        event("ticket.finished", "03-04 16:29:59", contact="A2"),
        event("call.completed", "03-07 09:00", contact="c", unit="q"),
        event("source.reloaded", "03-07 12:00"),
    ]
    s = sums("days", events, EVENING)
    assert (s["window_days_served"], s["window_days"]) == (2, 5)  # four evenings (not the holiday's) and a Saturday


NIGHTS = Site(
    id="bangrak",
    holidays="",
    hours={"mon-sun": "00:00-24:00"},
    windows=(Window(id="night", days="mon-fri", hours="00:00-02:00,22:00-24:00"),),
)


def test_hours_and_windows_that_touch_at_midnight_are_of_two_days():
    events = [
        event("source.reloaded", "03-02 00:00"),
        event("ticket.finished", "03-03 00:30", contact="A1"),
        event("source.reloaded", "03-04 12:00"),
    ]
    s = sums("days", events, NIGHTS)
    assert s["service_days"] == 3
    assert (s["window_days_served"], s["window_days"]) == (1, 3)


def test_parts_of_a_break_that_touch_are_one_and_others_count_each_by_itself():
    site = replace(OFFICE, lunch="11:00-11:30,11:30-12:00,13:00-13:30")
    known = [event("source.reloaded", "03-02 11:15"), event("source.reloaded", "03-02 13:30")]
    assert lunches(event("ticket.called", "03-02 11:40"), site=site, known=known) == (0, 1)
    assert lunches(event("ticket.called", "03-02 13:10"), site=site, known=known) == (1, 1)
    assert lunches(site=site, known=[known[0], event("source.reloaded", "03-02 13:29")]) == (0, 0)


def test_a_window_that_is_not_over_does_not_count_yet():
    events = [event("source.reloaded", "03-02 08:00"), event("ticket.finished", "03-02 18:00", contact="A1")]
    assert sums("days", events, EVENING)["window_days"] == 0


def test_services_finished_outside_official_hours_are_told_by_window():
    events = [
        event("ticket.finished", "03-02 16:29:59", contact="A1"),
        event("ticket.finished", "03-02 16:30", contact="A2"),
        event("ticket.finished", "03-02 16:31", contact="A2"),
        event("ticket.finished", "03-02 20:00", contact="A3"),
    ]
    by_unit = {unit: sums("windows", events, EVENING, of=unit)["services_outside_official"] for unit in ("evening", "")}
    assert by_unit == {"evening": 1, "": 1}
    assert sums("windows", events, OPEN)["services_outside_official"] == 0


DECLARED = replace(OFFICE, services=(Service(id="idcard"), Service(id="tax", category="information")))


def test_visitors_go_by_service_days_and_declared_services():
    events = [
        *ticket("03-02 08:00", "03-02 09:00"),
        *ticket("03-03 10:00", "03-03 10:05"),  # a holiday
        *ticket("03-04 10:00", "03-04 10:05"),
        event("source.reloaded", "03-05 08:29"),  # not yet open
    ]
    s = sums("days", events, DECLARED)
    assert (s["visitors"], s["service_days"], s["service_days_services"]) == (2, 2, 4)
    s = sums("days", events, OPEN)
    assert (s["visitors"], s["service_days"], s["visitors_of_services"], s["service_days_services"]) == (3, 4, 0, 0)


def test_services_in_use_are_counted_once_a_month():
    events = [
        *ticket("03-02 09:00", "03-02 09:01"),
        *ticket("03-04 09:00", "03-04 09:01"),
        *ticket("04-01 09:00", "04-01 09:01", unit="tax"),
        *ticket("04-01 09:00", "04-01 09:01", "A2"),
        *ticket("04-02 09:00", "04-02 09:01", unit="not declared"),
    ]
    s = sums("days", events, DECLARED)
    assert (s["services_used"], s["services_declared"]) == (3, 4)


def contacts(events, site=DECLARED):
    return {k.removeprefix("contacts_"): v for k, v in sums("contacts", events, site).items() if v}


def test_every_contact_counts_once_by_category_channel_and_time():
    events = [
        *ticket("03-02 08:29:59", "03-02 09:00", unit="tax"),
        event("call.entered", "03-02 16:29:59", unit="idcard", contact="c1"),
        event("call.abandoned", "03-02 16:40", unit="idcard", contact="c1"),
        event("conversation.opened", "03-02 16:30", unit="line", contact="v1"),
        event("case.opened", "03-02 10:00", unit="idcard", contact="k1", a=1),
        event("case.opened", "03-02 10:00", unit="idcard", contact="k2", a=2),
        event("call.did", "03-02 10:00", unit="idcard", contact="c2"),
    ]
    assert contacts(events) == {
        "contacts": 5, "mission": 2, "information": 1, "complaint": 1, "without_category": 1, "online": 1,
        "outside_official": 2, "outside_official_tickets": 1, "outside_official_conversations": 1,
    }  # fmt: skip


def test_a_case_that_came_by_an_online_channel_is_online():
    events = [event("case.opened", "03-02 10:00", unit="email", contact="k1", a=2)]
    assert contacts([*events, event("conversation.opened", "03-02 10:00", unit="email", contact="v")])["online"] == 2


def test_a_day_whose_midnight_the_clocks_skip_begins_when_they_do():
    site, zone = Site(id="havana", timezone="America/Havana"), "America/Havana"
    events = [
        event("source.reloaded", us("03-07 10:00", zone), site="havana"),
        event("ticket.called", us("03-08 10:00", zone), site="havana", contact="A1"),
    ]
    facts, _ = family("days", events, site)
    assert facts.arrival_us.tolist() == [us("03-07 00:00", zone), us("03-08 01:00", zone)]
    assert sums("presence", events, site)["coverage_tickets_expected_ms"] == (24 + 9) * 3_600_000


def test_an_hour_of_another_zone_is_an_hour_of_its_own_days():
    site = Site(id="berlin", timezone="Europe/Berlin", hours={"sun": "01:00-05:00"}, lunch="02:00-03:00", holidays="")
    zone = "Europe/Berlin"
    events = [
        event("source.reloaded", us("03-28 10:00", zone), site="berlin"),
        event("source.reloaded", us("04-06 10:00", zone), site="berlin"),
    ]
    s = sums("days", events, site)
    assert (s["lunch_days"], s["service_days"]) == (1, 2)  # on 29 March there is no hour from two to three
