"""Votes, by hand."""

from __future__ import annotations

import pytest

from telemetry.events import MISSING
from tests.kpis.made import figures, press, ticket


@pytest.mark.parametrize(
    ("scale", "satisfied"),
    [(2, [2]), (3, [3]), (4, [3, 4]), (5, [4, 5]), (7, [6, 7]), (10, [9, 10])],
)
def test_the_satisfied_press_the_top_two_levels_or_the_top_one_of_short_scales(scale, satisfied):
    for score in range(1, scale + 1):
        assert figures(press(score, scale=scale)).satisfaction_rate == (score in satisfied)


@pytest.mark.parametrize("scale", range(2, 11))
def test_the_mean_percent_is_score_by_best_score_exactly(scale):
    scores = range(1, scale + 1)
    assert figures(press(*scores, scale=scale)).satisfaction_mean_percent == 100 * (scale + 1) / 2 / scale


def test_mixed_scales_are_averaged_as_shares_of_their_best_score():
    f = figures(press(1, scale=3) + press(3, scale=4) + press(5, scale=6))
    assert f.satisfaction_mean_percent == pytest.approx(100 * (1 / 3 + 3 / 4 + 5 / 6) / 3, rel=1e-15)


def test_four_point_two_of_five_is_84_percent_and_not_80():
    assert figures(press(4, 4, 4, 4, 5)).satisfaction_mean_percent == 84


@pytest.mark.parametrize(
    ("score", "scale"), [(0, 5), (6, 5), (-1, 5), (MISSING, 5), (3, MISSING), (1, 1), (1, 0), (MISSING, MISSING)]
)
def test_a_press_outside_its_scale_is_no_vote(score, scale):
    f = figures(press(score, scale=scale))
    assert (f.votes, f.satisfaction_rate, f.satisfaction_mean_percent) == (0, None, None)


def test_the_response_rate_is_votes_by_tickets_served():
    served = ticket("0 issued, 60 called, 90 finished") + ticket("0 issued, 60 called, 90 finished", "A002")
    f = figures(served + ticket("0 issued", "A003") + press(5))
    assert (f.satisfaction_response_rate, f.results["satisfaction_response_rate"].n[0]) == (0.5, 2)


def test_more_votes_than_tickets_are_shown_as_they_are_without_an_interval():
    f = figures(ticket("0 issued, 60 called, 90 finished") + press(5, 5, 5))
    r = f.results["satisfaction_response_rate"]
    assert (f.satisfaction_response_rate, str(r.ci_low[0]), str(r.ci_high[0])) == (3, "nan", "nan")


def test_votes_without_tickets_have_no_response_rate():
    assert figures(press(5)).satisfaction_response_rate is None
