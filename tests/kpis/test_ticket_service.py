"""At the counter, by hand: the way there, forgotten ends, the manual's time, the whole stay, results."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from telemetry.settings import Change, Service
from tests.kpis.made import SITE, T0, figures, ticket
from tests.kpis.test_ticket_fates import DAY, heard

MANUAL = replace(
    SITE,
    services=(Service(id="idcard", service_minutes=5.0), Service(id="tax", service_minutes=2.0), Service(id="info")),
)


def test_the_way_goes_from_the_last_call_to_the_first_start():
    f = figures(
        ticket("0 issued, 100 called, 130 recalled, 142 started, 200 held, 300 called, 390 started, 400 finished")
    )
    assert (f.ticket_walk_seconds_mean, f.ticket_walk_seconds_p95) == (12, 12)


@pytest.mark.parametrize(
    "story", ["0 issued, 100 started", "0 issued, 50 called, 90 no_show, 95 reactivated, 100 started"]
)
def test_a_start_that_does_not_follow_a_call_has_no_way(story):
    assert figures(ticket(story)).ticket_walk_seconds_mean is None


@pytest.mark.parametrize(("ends", "mean", "forgotten"), [(14_400, 14_400, 0), (14_400.001, None, 1)])
def test_a_service_of_more_than_four_hours_was_not_ended_when_the_person_went(ends, mean, forgotten):
    f = figures(ticket(f"0 started, {ends} finished", start=T0 - 7200))
    assert (f.service_seconds_mean, f.tickets_service_forgotten) == (mean, forgotten)


def test_one_forgotten_leg_takes_the_service_time_of_the_whole_ticket_and_its_stay():
    story = "0 issued, 0 started, 60 transferred tax, 100 started, 20000 finished"
    f = figures(ticket(story, start=T0 - 7200))
    assert (f.tickets_served, f.service_seconds_mean, f.ticket_stay_seconds_mean) == (1, None, None)


@pytest.mark.parametrize(
    ("after", "forgotten"),
    [
        ("60 started", 1),
        ("60 started, 90 finished", 0),
        ("60 started, 90 held", 0),
        ("60 started, 90 held, 120 started", 1),
        ("60 started, 90 cancelled", 0),
        ("60 called", 0),
    ],
)
def test_a_start_still_open_when_its_day_is_over_was_forgotten(after, forgotten):
    assert figures(ticket(f"0 issued, {after}") + heard(DAY)).tickets_service_forgotten == forgotten
    assert figures(ticket(f"0 issued, {after}") + heard(600)).tickets_service_forgotten == 0


def test_the_whole_stay_goes_from_issue_to_the_last_finish():
    f = figures(
        ticket("0 issued, 100 called, 400 finished, 500 reactivated, 520 called, 600 finished", "A1")
        + ticket("0 issued, 100 finished", "A2")
        + ticket("100 issued, 50 finished", "A3")
        + ticket("50 started, 80 finished", "A4")
    )
    assert (f.ticket_stay_seconds_mean, f.results["ticket_stay_seconds_mean"].n[0]) == (350, 2)
    assert (f.ticket_stay_seconds_p50, f.ticket_stay_seconds_p90) == (100, 600)


@pytest.mark.parametrize(("finished", "within"), [(299.999, 1), (300, 1), (300.001, 0)])
def test_the_manuals_time_includes_its_last_moment(finished, within):
    assert figures(ticket(f"0 issued, 0 started, {finished} finished"), MANUAL).service_within_manual_rate == within


def test_every_service_that_a_ticket_passes_through_has_its_own_time_in_the_manual():
    events = ticket("0 issued, 0 started, 290 transferred tax, 400 started, 530 finished")
    of = {unit: figures(events, MANUAL, unit=unit) for unit in ("idcard", "tax")}
    assert (of["idcard"].service_within_manual_rate, of["tax"].service_within_manual_rate) == (1, 0)
    assert (of["idcard"].service_passages, of["tax"].service_passages) == (1, 1)
    assert of["tax"].service_seconds_mean is None  # the ticket is that of the service it was issued for


def test_legs_at_two_counters_of_one_service_are_one_passage():
    f = figures(ticket("0 issued, 0 started, 200 transferred idcard, 300 started, 401 finished"), MANUAL)
    assert (f.service_passages, f.service_within_manual_rate) == (1, 0)


def test_a_service_that_is_not_over_and_one_without_a_time_in_the_manual_stay_out():
    events = (
        ticket("0 issued, 0 started, 100 held", "A1")
        + ticket("0 issued, 0 started, 100 finished", "A2", "info")
        + ticket("0 issued, 100 finished", "A3")
        + ticket("0 issued, 0 started, 15000 finished", "A4")
    )
    f = figures(events, MANUAL)
    assert (f.service_passages, f.service_within_manual_rate) == (4, None)


def test_the_manual_in_force_when_the_passage_began_counts():
    site = replace(MANUAL, changes=(Change(since=date(2026, 1, 2), service_minutes={"idcard": 1.0}),))
    story = "0 issued, 0 started, 120 finished"
    assert figures(ticket(story), site).service_within_manual_rate == 1
    assert figures(ticket(story, start=T0 + DAY), site).service_within_manual_rate == 0


def test_the_last_finish_says_how_it_ended():
    f = figures(
        ticket("0 issued, 10 started, 20 finished=1", "A1")
        + ticket("0 issued, 10 started, 20 transferred tax, 30 started, 40 finished=1", "A2")
        + ticket("0 issued, 10 started, 20 finished=1, 30 reactivated, 40 started, 50 finished=3", "A3")
        + ticket("0 issued, 10 started, 20 finished=2", "A4")
        + ticket("0 issued, 10 started, 20 finished", "A5")
        + ticket("0 issued, 10 started", "A6")
    )
    assert (f.ticket_fcr_rate_by_disposition, f.ticket_one_stop_rate) == (0.5, 0.25)
    assert (f.tickets_disposed, f.tickets_without_disposition) == (4, 1)


@pytest.mark.parametrize(
    ("story", "outside"),
    [
        ("0 issued, 10 started, 3600 finished", 0),
        ("23000 issued, 23300 started, 23700 finished", 0),  # begun before half past four and ended after
        ("23000 issued, 23500 started, 23700 finished", 1),
        ("23000 issued, 23500 called, 23700 finished", 1),
        ("23700 finished", 1),
        ("23500 started", 0),  # not finished
    ],
)
def test_service_is_outside_official_hours_when_it_begins_there(story, outside):
    site = replace(SITE, hours={"mon-sun": "08:30-16:30"}, holidays="")
    assert figures(ticket(story), site).tickets_served_outside_official == outside
    assert figures(ticket(story)).tickets_served_outside_official == 0
