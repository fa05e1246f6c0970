"""Tickets, by hand."""

from __future__ import annotations

import pytest

from kpis.tickets.tickets import MISSED, SCREENED, SERVED, TAKEN, WAITING, WITHDRAWN
from tests.kpis.made import SITE, figures, states, ticket
from tests.kpis.worlds import PHUKET

MIDNIGHT = 1_767_286_800
"""2026-01-01 17:00Z, when 2 January begins in Bangkok."""


def test_the_wait_goes_from_issue_to_the_first_call():
    f = figures(ticket("0 issued, 300 called, 420 recalled, 450 started, 900 finished"))
    assert (f.tickets_issued, f.tickets_served, f.tickets_no_show) == (1, 1, 0)
    assert (f.ticket_wait_seconds_mean, f.service_seconds_mean) == (300, 450)


def test_a_start_without_a_call_ends_the_wait():
    assert figures(ticket("0 issued, 300 started, 900 finished")).ticket_wait_seconds_mean == 300


def test_a_start_never_pressed_counts_service_from_the_last_call():
    assert figures(ticket("0 issued, 300 called, 420 recalled, 900 finished")).service_seconds_mean == 480


def test_an_end_without_call_and_start_has_no_service_time():
    f = figures(ticket("0 issued, 900 finished"))
    assert (f.tickets_served, f.service_seconds_mean, f.ticket_wait_seconds_mean) == (1, None, None)


def test_service_at_several_counters_and_around_a_hold_adds_up():
    f = figures(
        ticket("0 issued, 100 called, 110 started, 200 transferred tax, 300 called, 310 started, 400 finished")
        + ticket("0 issued, 50 called, 60 started, 100 held, 500 started, 520 finished", "A002")
    )
    assert f.measures["service_ms"] == (90 + 90 + 40 + 20) * 1000
    assert f.service_seconds_mean == 120


def test_a_transfer_is_one_ticket_of_the_service_it_was_issued_for():
    f = figures(ticket("0 issued, 100 called, 200 transferred tax, 300 called, 400 finished"), unit="idcard")
    assert (f.tickets_issued, f.tickets_served, f.ticket_wait_seconds_mean) == (1, 1, 100)


def test_a_no_show_is_one_who_was_called_and_not_served_later():
    f = figures(ticket("0 issued, 300 called, 330 recalled, 360 no_show"))
    assert (f.tickets_no_show, f.tickets_served, f.ticket_wait_seconds_mean) == (1, 0, 300)


@pytest.mark.parametrize(
    ("after", "no_shows"),
    [
        ("500 reactivated, 600 called, 610 started, 700 finished", 0),
        ("500 reactivated", 0),
        ("500 reactivated, 600 called, 660 no_show", 1),
        ("500 called", 1),
        ("500 started", 0),
        ("500 finished", 0),
    ],
)
def test_a_no_show_is_reversed_by_what_follows(after, no_shows):
    f = figures(ticket(f"0 issued, 300 called, 360 no_show, {after}"))
    assert (f.tickets_issued, f.tickets_no_show) == (1, no_shows)


def test_a_call_before_the_issue_is_no_wait_and_is_counted():
    f = figures(ticket("0 issued, 60 called, 90 finished") + ticket("30 called, 32 issued, 90 finished", "A002"))
    assert (f.ticket_wait_seconds_mean, f.measures["ticket_wait_invalid"], f.tickets_issued) == (60, 1, 2)


def test_a_ticket_called_before_its_issue_still_belongs_to_its_service():
    f = figures(ticket("30 called, 32 issued, 90 finished"), unit="idcard")
    assert (f.tickets_issued, f.tickets_served) == (1, 1)


def test_a_wait_of_no_time_is_a_wait():
    assert figures(ticket("0 issued, 0 called")).ticket_wait_seconds_mean == 0


@pytest.mark.parametrize(("called", "within"), [(599.999, 1), (600, 1), (600.001, 0)])
def test_the_declared_time_includes_its_last_moment(called, within):
    assert figures(ticket(f"0 issued, {called} called")).ticket_wait_within_target_rate == within


def test_services_that_declare_no_time_stay_out_of_the_rate():
    f = figures(ticket("0 issued, 9000 called", unit="tax"))
    assert (f.ticket_wait_within_target_rate, f.ticket_wait_seconds_mean) == (None, 9000)


def test_the_same_number_issued_again_is_another_ticket():
    f = figures(ticket("0 issued, 60 called, 90 finished, 600 issued, 900 called, 950 finished"))
    assert (f.tickets_issued, f.tickets_served, f.ticket_wait_seconds_mean) == (2, 2, 180)


def test_a_number_of_the_next_local_day_is_another_ticket_even_where_its_issue_is_lost():
    events = ticket("-3600 issued", start=MIDNIGHT) + ticket("3600 called, 3900 finished", start=MIDNIGHT)
    f = figures(events)
    assert (f.tickets_issued, f.tickets_served, f.ticket_wait_seconds_mean) == (1, 1, None)
    assert len(states(events, "tickets")["standing"]) == 2


def test_a_ticket_whose_issue_is_lost_was_served_but_has_no_wait():
    f = figures(ticket("300 called, 310 started, 400 finished"))
    assert (f.tickets_issued, f.tickets_served, f.ticket_wait_seconds_mean) == (0, 1, None)


def test_equal_numbers_of_two_centres_are_two_tickets():
    events = ticket("0 issued, 60 called") + ticket("0 issued, 10 called", site=PHUKET)
    f = figures(events, sites=(SITE, PHUKET))
    assert f.measures["tickets_called"] == 1


@pytest.mark.parametrize(
    ("story", "standing"),
    [
        ("0 issued", WAITING),
        ("0 issued, 60 called", TAKEN),
        ("0 issued, 60 called, 90 started", TAKEN),
        ("0 issued, 60 called, 90 finished", SERVED),
        ("0 issued, 60 called, 90 no_show", MISSED),
        ("0 issued, 60 called, 90 no_show, 120 reactivated", WAITING),
        ("0 issued, 60 cancelled", WITHDRAWN),
        ("0 issued, 60 called, 90 transferred tax", WAITING),
        ("0 issued, 60 called, 90 transferred tax, 120 called", TAKEN),
        ("0 triaged=1", SCREENED),
        ("0 triaged=1, 60 issued", WAITING),
    ],
)
def test_where_a_ticket_stands(story, standing):
    assert states(ticket(story), "tickets")["standing"] == [standing]
