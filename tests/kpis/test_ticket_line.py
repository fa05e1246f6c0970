"""Fairness of the line, by hand."""

from __future__ import annotations

import pytest

from tests.kpis.made import SITE, T0, figures, ticket
from tests.kpis.worlds import PHUKET


def fairness(*stories, **more):
    """Of tickets A0, A1, …: their line, and that among tickets that left it."""
    events = [e for i, story in enumerate(stories) for e in ticket(story, f"A{i}")]
    f = figures(events, **more)
    return f.queue_fairness_rate, f.queue_fairness_rate_among_called


def test_who_is_called_in_the_order_of_issue_is_called_fairly():
    assert fairness("0 issued, 100 called", "10 issued, 110 called", "20 issued, 120 called") == (1, 1)


def test_whoever_is_called_while_an_earlier_ticket_waits_is_called_ahead():
    assert fairness("0 issued, 120 called", "10 issued, 100 called", "20 issued, 110 called") == pytest.approx(
        (1 / 3, 1 / 3)
    )


def test_one_late_ticket_called_first_is_one_call_ahead_however_many_it_passed():
    assert fairness("0 issued, 200 called", "10 issued, 210 called", "20 issued, 100 called") == pytest.approx(
        (2 / 3, 2 / 3)
    )


@pytest.mark.parametrize("story", ["0 issued=0, 200 called", "0 issued=1, 200 called", "0 issued, 200 called"])
def test_every_priority_has_a_line_of_its_own(story):
    others = [f"10 issued{p}, 100 called" for p in ("=0", "=1", "") if not story.startswith(f"0 issued{p},")]
    assert fairness(story, *others)[0] == 1


def test_every_service_and_every_centre_has_a_line_of_its_own():
    assert fairness("0 issued tax, 200 called", "10 issued, 100 called")[0] == 1
    f = figures(
        ticket("0 issued, 200 called", site=PHUKET) + ticket("10 issued, 100 called", "A2"), sites=(SITE, PHUKET)
    )
    assert f.queue_fairness_rate == 1


def test_every_local_day_has_a_line_of_its_own():
    midnight = T0 + 14 * 3600
    events = ticket("-60 issued", "A1", start=midnight) + ticket("60 issued, 120 called", "A2", start=midnight)
    assert figures(events).queue_fairness_rate == 1


@pytest.mark.parametrize("leaves", ["cancelled", "no_show", "transferred tax", "finished", "started", "recalled"])
def test_who_left_the_line_before_is_not_passed_over(leaves):
    assert fairness(f"0 issued, 90 {leaves}", "10 issued, 100 called")[0] == 1
    assert fairness(f"0 issued, 110 {leaves}", "10 issued, 100 called", "20 issued, 120 called")[0] < 1


def test_who_never_leaves_the_line_is_passed_over_by_all_but_not_among_those_who_left_it():
    assert fairness("0 issued", "10 issued, 100 called", "20 issued, 110 called") == (0, 1)


def test_equal_instants_pass_over_nobody():
    assert fairness("0 issued, 200 called", "0 issued, 100 called") == (1, 1)
    assert fairness("0 issued, 100 called", "10 issued, 100 called") == (1, 1)


def test_only_what_is_called_out_of_its_line_is_counted():
    f = figures(
        ticket("0 issued, 50 transferred tax, 100 called", "A1")
        + ticket("0 issued, 50 cancelled, 60 reactivated, 100 called", "A2")
        + ticket("50 called, 60 issued", "A3")
        + ticket("50 called", "A4")
        + ticket("10 issued, 100 called", "A5")
    )
    assert (f.results["queue_fairness_rate"].n[0], f.queue_fairness_rate) == (1, 1)
