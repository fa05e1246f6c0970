"""Lost on first attempt: each caller's first call in 24 hours, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kpis.made import SITE, figures, log
from tests.kpis.test_repeats import abandoned, answered

DAY = 86_400


def first(text, **kw):
    f = figures(log(text, **kw))
    return f.calls_first_attempts, f.measures["calls_first_attempts_lost"], f.first_attempt_lost_rate


def test_only_the_first_of_several_calls_is_an_attempt():
    assert first(abandoned(0, 811, "1.1") + abandoned(60, 811, "1.2") + answered(120, 811, "1.3")) == (1, 1, 1)


def test_a_second_call_does_not_make_good_the_first():
    text = abandoned(0, 811, "1.1") + answered(60, 811, "1.2") + answered(5, 822, "1.3")
    assert first(text) == (2, 1, 0.5)


@pytest.mark.parametrize(("after", "attempts"), [(DAY - 1, 1), (DAY, 1), (DAY + 1, 2)])
def test_the_day_before_a_call_holds_its_beginning(after, attempts):
    assert first(abandoned(0, 811, "1.1") + abandoned(after, 811, "1.2"))[0] == attempts


def test_a_chain_of_calls_less_than_a_day_apart_begins_once():
    text = "".join(abandoned(i * 80_000, 811, f"1.{i}") for i in range(4))
    assert first(text)[0] == 1


def test_two_calls_of_one_instant_are_both_first():
    assert first(abandoned(0, 811, "1.1") + answered(0, 811, "1.2")) == (2, 1, 0.5)


def test_each_call_of_an_unknown_caller_is_a_first_attempt_and_counted_as_such():
    f = figures(log(abandoned(0, "", "1.1") + abandoned(60, "", "1.2") + answered(70, 811, "1.3")))
    assert (f.calls_first_attempts, f.calls_first_attempts_caller_unknown) == (3, 2)
    assert f.first_attempt_lost_rate == pytest.approx(2 / 3)


def test_a_call_of_another_centre_is_no_attempt_here():
    other = replace(SITE, id="phuket")
    both = log(abandoned(0, 811, "1.1"), other) + log(abandoned(60, 811, "1.2"))
    assert figures(both, sites=(SITE, other)).calls_first_attempts == 1


def test_a_call_to_the_closed_centre_is_no_attempt():
    site = replace(SITE, hours={"mon-fri": "10:00-16:00"}, holidays="")
    f = figures(log(abandoned(-600, 811, "1.1") + abandoned(60, 811, "1.2"), site), site)
    assert (f.calls_first_attempts, f.first_attempt_lost_rate) == (1, 1)


def test_an_attempt_under_the_caller_s_key_before_is_found():
    text = abandoned(0, 811, "1.1") + abandoned(60, 99811, "1.2")
    assert first(text)[0] == 2
    assert first(text, aliases={"1.2": 811})[0] == 1


def test_the_standard_allows_five_of_a_hundred():
    f = figures(log(abandoned(0, 811, "1.1")))
    assert f.results["first_attempt_lost_rate"].kpi.target == 0.05
