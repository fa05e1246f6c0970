"""Waits of tickets, by hand: from the opening, again after a transfer, by priority, with triage."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from telemetry.settings import Change
from tests.kpis.made import SITE, T0, figures, ticket

OFFICE = replace(SITE, hours={"mon-sun": "08:30-16:30"}, holidays="")
EIGHT = T0 - 2 * 3600
"""Eight in the morning, half an hour before the office opens."""
FIVE = T0 + 7 * 3600
"""Five in the afternoon, when it is closed."""


def test_who_came_before_the_opening_and_is_called_after_it_waits_from_the_opening():
    f = figures(ticket("0 issued, 2400 called", start=EIGHT), OFFICE)
    assert (f.tickets_before_opening, f.ticket_wait_seconds_mean) == (1, 600)
    assert f.ticket_wait_within_target_rate == 1


def test_a_call_at_the_opening_is_a_wait_of_no_time():
    f = figures(ticket("0 issued, 1800 called", start=EIGHT), OFFICE)
    assert (f.tickets_before_opening, f.ticket_wait_seconds_mean) == (1, 0)


def test_who_is_called_before_the_opening_waits_from_the_issue():
    f = figures(ticket("0 issued, 1200 called", start=EIGHT), OFFICE)
    assert (f.tickets_before_opening, f.ticket_wait_seconds_mean) == (0, 1200)


def test_who_is_called_after_the_close_of_the_same_evening_waits_from_the_issue():
    f = figures(ticket("0 issued, 600 called", start=FIVE), OFFICE)
    assert (f.tickets_before_opening, f.ticket_wait_seconds_mean) == (0, 600)


def test_a_centre_that_declares_no_hours_opens_with_every_ticket():
    f = figures(ticket("0 issued, 2400 called", start=EIGHT))
    assert (f.tickets_before_opening, f.ticket_wait_seconds_mean) == (0, 2400)


def test_the_declared_time_in_force_at_the_issue_counts():
    site = replace(SITE, changes=(Change(since=date(2026, 1, 2), target_minutes={"idcard": 5.0}),))
    today, tomorrow = ticket("0 issued, 400 called"), ticket("0 issued, 400 called", start=T0 + 86_400)
    assert figures(today, site).ticket_wait_within_target_rate == 1
    assert figures(tomorrow, site).ticket_wait_within_target_rate == 0


def test_quantiles_of_waits_are_nearest_ranks_and_the_longest_is_the_last():
    f = figures([e for i in range(1, 21) for e in ticket(f"0 issued, {i * 60} called", f"A{i:03}")])
    assert (f.ticket_wait_seconds_p50, f.ticket_wait_seconds_p90) == (600, 1080)
    assert (f.ticket_wait_seconds_p95, f.ticket_wait_seconds_longest) == (1140, 1200)


def test_a_transferred_ticket_waits_again_and_its_waits_add_up():
    f = figures(ticket("0 issued, 100 called, 200 started, 300 transferred tax, 350 called, 400 started, 500 finished"))
    assert (f.ticket_wait_seconds_mean, f.ticket_whole_wait_seconds_mean) == (100, 150)


def test_a_ticket_that_waits_already_does_not_begin_to_wait_anew():
    f = figures(ticket("0 issued, 100 called, 200 transferred tax, 260 transferred idcard, 300 called"))
    assert f.ticket_whole_wait_seconds_mean == 100 + 100


def test_a_transfer_before_the_first_call_is_part_of_the_first_wait():
    f = figures(ticket("0 issued, 60 transferred tax, 100 called"))
    assert (f.ticket_wait_seconds_mean, f.ticket_whole_wait_seconds_mean) == (100, 100)


def test_a_reactivated_ticket_waits_again():
    f = figures(ticket("0 issued, 100 called, 160 no_show, 400 reactivated, 450 called"))
    assert f.ticket_whole_wait_seconds_mean == 100 + 50


@pytest.mark.parametrize("after", ["", ", 300 finished", ", 300 cancelled", ", 300 no_show", ", 300 held, 350 called"])
def test_waits_together_are_not_known_where_a_later_one_did_not_end_with_a_call(after):
    f = figures(ticket(f"0 issued, 100 called, 200 transferred tax{after}"))
    assert (f.ticket_wait_seconds_mean, f.ticket_whole_wait_seconds_mean) == (100, None)


def test_waits_are_added_up_before_they_are_rounded_down_to_milliseconds():
    f = figures(ticket("0 issued, 1.0006 called, 2 transferred tax, 3.0006 called"))
    assert (f.ticket_wait_seconds_mean, f.ticket_whole_wait_seconds_mean) == (1.0, 2.001)
    assert (f.ticket_wait_seconds_p50, f.ticket_whole_wait_seconds_p90) == (1, 3)


def test_a_part_of_a_millisecond_beyond_the_declared_time_is_within_it():
    f = figures(ticket("0 issued, 600.0009 called"))
    assert (f.ticket_wait_within_target_rate, f.ticket_wait_seconds_longest) == (1, 600)


def test_a_recall_neither_ends_nor_begins_a_wait():
    f = figures(ticket("0 issued, 100 called, 200 transferred tax, 250 recalled, 300 called"))
    assert f.ticket_whole_wait_seconds_mean == 200


def test_waits_are_told_apart_by_priority_and_those_that_tell_none_are_counted():
    f = figures(
        ticket("0 issued=1, 60 called", "P1")
        + ticket("0 issued=2, 120 called", "P2")
        + ticket("0 issued=0, 600 called", "A1")
        + ticket("0 issued, 900 called", "A2")
    )
    assert (f.ticket_wait_priority_seconds_mean, f.ticket_wait_ordinary_seconds_mean) == (90, 600)
    assert (f.ticket_wait_priority_seconds_p90, f.ticket_wait_ordinary_seconds_p90) == (120, 600)
    assert (f.tickets_priority, f.tickets_priority_unknown, f.measures["tickets_called"]) == (2, 1, 4)


def test_waits_with_and_without_triage_stand_beside_each_other():
    f = figures(ticket("0 triaged=1, 60 issued, 160 called", "A1") + ticket("0 issued, 300 called", "A2"))
    assert (f.ticket_wait_triaged_seconds_mean, f.ticket_wait_untriaged_seconds_mean) == (100, 300)
    assert (f.ticket_triage_rate, f.triage_to_issue_seconds_mean) == (0.5, 60)


def test_a_triage_after_the_issue_has_no_time_before_it():
    f = figures(ticket("0 issued, 60 triaged=1, 160 called"))
    assert (f.ticket_triage_rate, f.triage_to_issue_seconds_mean) == (1, None)


def test_who_is_screened_and_sent_away_is_screened_and_has_no_ticket():
    f = figures(ticket("0 triaged=2", "N1") + ticket("0 issued", "A1"))
    assert (f.triages, f.tickets_issued, f.ticket_triage_rate) == (1, 1, 0)
    assert f.measures["service_passages"] == 1


def test_the_last_triage_of_a_ticket_says_how_it_ended():
    f = figures(
        ticket("0 triaged=2, 600 triaged=1, 610 issued", "A1")
        + ticket("0 triaged=3", "A2")
        + ticket("0 triaged, 5 issued", "A3")
    )
    bins = {label: int(n[0]) for label, n in f.results["triage_outcomes"].bins.items()}
    assert bins == {"ready": 1, "papers_missing": 0, "referred": 1, "not_told": 1}
    assert f.triages == 3
