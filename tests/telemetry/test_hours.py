"""Declared hours become instants: weeks, holidays with their substitution days, half days, windows, changing clocks."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from telemetry.hours import calendar_of, days_of, problems, public_holidays, spans_of
from telemetry.settings import Site, Window

OFFICE = {"mon-fri": "08:30-16:30"}


def site(**more):
    return Site(id="a", **{"hours": OFFICE, "lunch": "12:00-13:00"} | more)


def us(text, zone="Asia/Bangkok"):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000


def is_open(where, *times, ask="is_open"):
    calendar = calendar_of([where], {"a": 1}.__getitem__)
    at = np.array([us(t, where.timezone) for t in times], np.int64)
    return getattr(calendar, ask)(at, np.ones(len(at), np.int32)).tolist()


def test_office_hours_begin_and_end_to_the_minute_on_weekdays_only():
    times = ("2026-11-20T08:29:59", "2026-11-20T08:30", "2026-11-20T16:29:59", "2026-11-20T16:30", "2026-11-21T10:00")
    assert is_open(site(), *times) == [False, True, True, False, False]


def test_public_holidays_and_their_substitution_days_are_closed():
    constitution, substitution, work = "2026-12-10T10:00", "2026-12-07T10:00", "2026-12-08T10:00"
    assert is_open(site(), constitution, substitution, work) == [False, False, True]
    assert is_open(site(holidays=""), constitution, substitution) == [True, True]


def test_offices_are_open_on_labour_day_and_closed_on_the_ploughing_day():
    assert is_open(site(), "2026-05-01T10:00", "2026-05-13T10:00") == [True, False]


def test_a_centre_may_close_and_open_otherwise_than_the_country():
    where = site(closed=(date(2026, 12, 8),), open=(date(2026, 12, 10),), other_hours={"2026-12-09": "08:30-12:00"})
    times = ("2026-12-08T10:00", "2026-12-10T10:00", "2026-12-09T11:59", "2026-12-09T12:00")
    assert is_open(where, *times) == [False, True, True, False]


def test_lunch_is_on_service_days_only():
    assert is_open(site(), "2026-11-20T12:30", "2026-11-21T12:30", ask="is_lunch") == [True, False]


def test_a_declared_window_is_a_service_hour_and_no_official_one():
    evening = Window(
        id="evening", days="mon-fri", hours="16:30-19:00", since=date(2026, 11, 1), until=date(2026, 11, 30)
    )
    where = site(windows=(evening,))
    times = ("2026-11-20T18:00", "2026-10-30T18:00", "2026-12-01T18:00", "2026-11-21T18:00")
    assert is_open(where, *times) == [True, False, False, False]
    assert is_open(where, "2026-11-20T18:00", ask="is_official") == [False]
    weekend = Window(id="weekend", days="sat,sun", hours="09:00-12:00", on_holidays=True)
    assert is_open(site(windows=(weekend,)), "2026-12-05T10:00") == [True]


def test_hours_follow_the_clocks_of_the_zone():
    berlin = site(timezone="Europe/Berlin", holidays="")
    assert is_open(berlin, "2026-03-27T08:30", "2026-03-30T08:30", "2026-03-30T08:29") == [True, True, False]


def test_sites_that_declare_the_same_share_a_plan_and_sites_without_hours_have_none():
    sites = [site(), Site(id="b", hours=OFFICE, lunch="12:00-13:00"), Site(id="c")]
    calendar = calendar_of(sites, {"a": 1, "b": 2, "c": 3}.__getitem__)
    assert calendar.of_site == {1: 0, 2: 0}
    assert len(calendar.plans) == 1


def test_substitution_days_come_from_a_list_that_is_kept():
    assert date(2027, 1, 1) in public_holidays("TH")
    assert public_holidays("") == frozenset()


@pytest.mark.parametrize("text", ["", "fri-mon", "monday", "mon-", "mon;tue"])
def test_days_that_are_none_are_said(text):
    with pytest.raises(ValueError, match="expected"):
        days_of(text)


@pytest.mark.parametrize("text", ["", "8-16", "16:30-08:30", "08:30-25:00", "08:30-12:00,11:00-16:00", "08:30"])
def test_hours_that_are_none_are_said(text):
    with pytest.raises(ValueError, match="expected hours"):
        spans_of(text)


def test_every_problem_of_a_site_is_told_with_its_place():
    wrong = Site(
        id="a", hours={"mon-fry": "08:30-16:30", "sat": "9-12"}, lunch="noon", other_hours={"31.12.": ""},
        windows=(Window(id="w", days="x", hours="y"),),
    )  # fmt: skip
    assert [at for at, _ in problems(wrong)] == [
        "hours.mon-fry", "hours.sat", "lunch", "other_hours.31.12.", "windows[0].days", "windows[0].hours",
    ]  # fmt: skip
    assert not list(problems(site(lunch="12:00-13:00", other_hours={"2026-12-31": ""})))
