"""What becomes of tickets, by hand: no-shows that nobody marks, people who leave, who is called and never started."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telemetry.events import Event
from tests.kpis.made import SITE, T0, figures, ticket
from tests.kpis.worlds import PHUKET, S

DAY = 86_400


def heard(after_s, site=SITE):
    """A sign of life of the centre, whatever it says."""
    return [Event(site.id, "kiosk", "", "device.heartbeat", (T0 + after_s) * S, party="kiosk")]


@pytest.mark.parametrize(
    ("story", "no_shows"),
    [
        ("0 issued, 60 called, 90 recalled, 120 recalled", 1),
        ("0 issued, 60 called, 90 called, 120 called", 1),
        ("0 issued, 60 called, 120 recalled", 0),  # twice only
        ("0 issued, 60 called, 90 recalled, 119.999 recalled", 0),  # not over 60 seconds
        ("0 issued, 60 called, 90 recalled, 120 recalled, 130 started", 0),
        ("0 issued, 60 called, 90 recalled, 120 recalled, 130 finished", 0),
        ("0 issued, 60 called, 90 recalled, 120 recalled, 130 cancelled", 0),
        ("0 issued, 60 called, 90 recalled, 100 transferred tax, 120 called", 0),
        ("0 issued, 60 called, 90 recalled, 120 recalled, 200 reactivated", 0),
        ("0 issued, 60 called, 90 no_show, 99 reactivated, 100 called, 130 called, 160 called", 1),
    ],
)
def test_called_three_times_over_a_minute_and_never_started_is_a_no_show_though_nobody_marks_it(story, no_shows):
    f = figures(ticket(story))
    assert (f.tickets_no_show, f.tickets_no_show_implied) == (no_shows, no_shows)


def test_how_many_calls_over_what_time_make_a_no_show_is_the_centres_rule():
    story = "0 issued, 60 called, 70 recalled"
    assert figures(ticket(story), replace(SITE, no_show_calls=2, no_show_s=10.0)).tickets_no_show == 1
    assert figures(ticket(story), replace(SITE, no_show_calls=2, no_show_s=10.5)).tickets_no_show == 0


def test_the_no_show_rate_is_over_tickets_called():
    f = figures(
        ticket("0 issued, 60 called, 90 no_show", "A1")
        + ticket("0 issued, 60 no_show", "A2")  # the call is lost, but who did not come was called
        + ticket("0 issued, 60 called, 90 recalled, 150 recalled", "A3")
        + ticket("0 issued, 60 called, 90 started", "A4")
        + ticket("0 issued", "A5")
    )
    assert (f.tickets_no_show, f.tickets_no_show_implied, f.ticket_no_show_rate) == (3, 1, 0.75)


def test_a_ticket_left_only_when_its_day_is_over():
    assert figures(ticket("0 issued") + heard(3600)).tickets_left == 0
    f = figures(ticket("0 issued") + heard(DAY))
    assert (f.tickets_left, f.ticket_left_rate) == (1, 1)
    assert figures(ticket("0 issued") + heard(3600)).ticket_left_rate is None


def test_another_centres_next_day_ends_no_day_here():
    f = figures(ticket("0 issued") + heard(DAY, PHUKET), sites=(SITE, PHUKET))
    assert f.tickets_left == 0


@pytest.mark.parametrize(
    ("after", "left"),
    [
        ("60 called", 0),
        ("60 recalled", 0),
        ("60 started", 0),
        ("60 finished", 0),
        ("60 no_show", 0),
        ("60 cancelled", 0),
        ("60 cancelled, 90 reactivated", 1),
        ("60 transferred tax", 1),
        ("60 triaged=1", 1),
    ],
)
def test_who_left_was_never_called_and_did_not_cancel(after, left):
    f = figures(ticket(f"0 issued, {after}") + heard(DAY))
    assert f.tickets_left == left


def test_a_number_that_was_never_issued_has_not_left():
    assert figures(ticket("0 triaged=1") + heard(DAY)).tickets_left == 0


@pytest.mark.parametrize(
    ("after", "never"),
    [
        ("60 called, 90 finished", 1),
        ("60 called, 90 started, 120 finished", 0),
        ("60 called, 90 no_show", 0),
        ("60 called, 90 recalled, 150 recalled", 0),
        ("60 called, 90 cancelled", 0),
        ("60 called", 1),
        ("60 finished", 0),
    ],
)
def test_called_and_never_started_counts_when_it_ended_or_its_day_did(after, never):
    assert figures(ticket(f"0 issued, {after}") + heard(DAY)).tickets_called_not_started == never


def test_a_ticket_just_called_is_on_its_way():
    assert figures(ticket("0 issued, 60 called") + heard(70)).tickets_called_not_started == 0


def test_cancelled_tickets_are_counted_unless_they_wait_again():
    f = figures(ticket("0 issued, 60 cancelled", "A1") + ticket("0 issued, 60 cancelled, 90 reactivated", "A2"))
    assert (f.tickets_cancelled, f.ticket_reactivations) == (1, 1)


def test_a_call_straight_after_a_call_is_a_recall_and_one_after_a_hold_is_not():
    f = figures(
        ticket(
            "0 issued, 60 called, 90 called, 120 recalled, 130 started, 200 held, 300 called, 310 started, 400 finished"
        )
    )
    assert f.ticket_recalls == 2


def test_transfers_to_another_service_are_told_from_those_to_another_counter():
    f = figures(
        ticket(
            "0 issued, 10 called, 20 transferred idcard, 30 called, 40 transferred tax, 50 called, 60 transferred tax"
        )
        + ticket("0 called, 10 transferred tax", "A002")  # of what service it was before is not known
    )
    assert (f.tickets_transferred, f.ticket_transfers_to_other_service) == (2, 1)


def test_who_is_served_without_a_ticket_is_counted():
    f = figures(
        ticket("0 called, 10 started, 90 finished", "A1") + ticket("0 finished", "A2") + ticket("0 called", "A3")
    )
    assert (f.tickets_walk_direct, f.tickets_issued, f.tickets_served) == (2, 0, 2)
