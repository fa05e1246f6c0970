"""Service hours as instants: what lies inside, how much lies between, when the next begins."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kpis.calendar import Calendar, Plan, hours

HOURS = hours(np.array([10, 30, 60]), np.array([20, 50, 61]))
CALENDAR = Calendar({7: 0}, (Plan(HOURS, HOURS, hours(np.array([12]), np.array([14]))),))
instants = st.integers(0, 80)


def inside(t):
    return 10 <= t < 20 or 30 <= t < 50 or t == 60


def test_an_interval_holds_its_beginning_and_not_its_end():
    assert HOURS.inside(np.array([9, 10, 19, 20, 30, 49, 50, 60, 61])).tolist() == [
        False, True, True, False, True, True, False, True, False,
    ]  # fmt: skip


@given(st.lists(instants, min_size=1), st.lists(instants, min_size=1))
def test_time_between_two_instants_is_what_lies_inside(a, b):
    n = min(len(a), len(b))
    first, last = np.array(a[:n]), np.array(b[:n])
    want = [sum(inside(t) for t in range(x, y)) for x, y in zip(a, b, strict=False)]
    assert CALENDAR.service_us(first, last, np.full(n, 7, np.int32)).tolist() == want


@given(st.lists(instants, min_size=1))
def test_the_next_opening_is_the_instant_itself_or_the_first_that_follows(times):
    want = [next((u for u in range(t, 61) if inside(u)), t) for t in times]
    assert HOURS.next(np.array(times)).tolist() == want


def test_a_site_without_hours_is_always_open_and_every_microsecond_counts():
    site, t = np.array([7, 8], np.int32), np.array([25, 25])
    assert CALENDAR.is_open(t, site).tolist() == [False, True]
    assert CALENDAR.declared(site).tolist() == [True, False]
    assert CALENDAR.is_lunch(np.array([13, 13]), site).tolist() == [True, False]
    assert CALENDAR.service_us(t, t + 10, site).tolist() == [5, 10]
    assert CALENDAR.next_open(t, site).tolist() == [30, 25]


def test_no_rows_and_no_hours_are_nothing_wrong():
    nothing = np.empty(0, np.int64)
    assert len(CALENDAR.service_us(nothing, nothing, nothing.astype(np.int32))) == 0
    assert hours().inside(np.array([1, 2])).tolist() == [False, False]
    assert hours().next(np.array([1, 2])).tolist() == [1, 2]
    assert hours().before(np.array([1, 2])).tolist() == [0, 0]
