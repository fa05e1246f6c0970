"""The forecast: what it makes of ordinary weeks, holidays and growth, and when it says that it knows nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kpis.staffing.forecast import forecast, ordinary
from kpis.staffing.halfhours import A_DAY, A_WEEK, HALF_US

OPEN = np.zeros(A_WEEK, np.int64)
for day in range(5):
    OPEN[day * A_DAY + 17 : day * A_DAY + 33] = HALF_US
MEAN = np.where(OPEN > 0, np.tile(np.linspace(4, 16, A_DAY), 7), 0)


def weeks(count, seed=1, level=lambda week: 1.0):
    """(arrivals, service time) of so many weeks of chance around MEAN."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([rng.poisson(MEAN * level(k)) for k in range(count)])
    return y.astype(np.int64), np.tile(OPEN, count)


def closed(y, o, *days):
    """The same with these days (0 is the first) closed."""
    y, o = y.copy(), o.copy()
    for day in days:
        y[day * A_DAY : (day + 1) * A_DAY] = o[day * A_DAY : (day + 1) * A_DAY] = 0
    return y, o


def test_it_beats_the_naive_forecast_where_weeks_differ_by_chance_only():
    f = forecast(*weeks(14), np.tile(OPEN, 4))
    assert f.method == "level"
    assert (f.weeks, f.origins) == (14, 10)
    assert f.level.mae < 0.85 * f.naive.mae
    assert f.level.mase < 0.9 < f.naive.mase
    assert f.level.rmsse < 0.9
    assert abs(f.level.bias) < 0.5
    assert f.mean[:A_WEEK] == pytest.approx(MEAN, rel=0.5, abs=0.01)
    assert f.mean.sum() == pytest.approx(4 * MEAN.sum(), rel=0.03)


def test_the_errors_are_those_a_plain_reading_finds():
    """Five weeks: learnt from four, tested on the fifth."""
    y, o = weeks(5)
    f = forecast(y, o, OPEN)
    assert f.origins == 1
    rows, is_open = y.reshape(5, A_WEEK).astype(float), OPEN > 0
    naive = rows[3][is_open] - rows[4][is_open]
    scale = np.diff(rows[:4], axis=0)[:, is_open]
    assert f.n == is_open.sum()
    assert f.naive.mae == pytest.approx(np.abs(naive).mean())
    assert f.naive.bias == pytest.approx(naive.mean())
    assert f.naive.mase == pytest.approx(np.abs(naive).mean() / np.abs(scale).mean())
    assert f.naive.rmsse == pytest.approx(np.sqrt((naive**2).mean() / (scale**2).mean()))
    mean = rows[:4].mean(axis=0)
    level = np.dot([1, 2, 3, 4], rows[:4].sum(axis=1)) / (10 * mean.sum())
    error = (mean * level - rows[4])[is_open]
    assert f.level.mae == pytest.approx(np.abs(error).mean())
    assert f.level.bias == pytest.approx(error.mean())


def test_where_the_level_jumps_the_naive_forecast_is_better_and_is_used():
    y, o = weeks(9, level=lambda week: 1.8**week)
    f = forecast(y, o, OPEN)
    assert f.method == "naive"
    assert f.naive.mae <= f.level.mae
    assert f.mean[OPEN > 0] == pytest.approx(y[-A_WEEK:][OPEN > 0])


def test_growth_of_a_few_per_cent_a_week_is_followed():
    y, o = weeks(14, level=lambda week: 1.03**week)
    f = forecast(y, o, OPEN)
    assert f.mean.sum() == pytest.approx(MEAN.sum() * 1.03**14, rel=0.08)


def test_four_fifths_of_what_comes_lies_in_the_interval():
    inside, inside_days, n, days = 0, 0, 0, 0
    for seed in range(12):
        f = forecast(*weeks(14, seed), np.tile(OPEN, 2))
        come = np.random.default_rng(1000 + seed).poisson(np.tile(MEAN, 2))
        is_open = np.tile(OPEN > 0, 2)
        inside += ((come >= f.low) & (come <= f.high))[is_open].sum()
        n += is_open.sum()
        by_day, is_open_day = come.reshape(-1, A_DAY).sum(axis=1), is_open.reshape(-1, A_DAY).any(axis=1)
        inside_days += ((by_day >= f.day_low) & (by_day <= f.day_high))[is_open_day].sum()
        days += is_open_day.sum()
    assert 0.77 < inside / n < 0.87
    assert 0.7 < inside_days / days < 0.9


def test_a_holiday_of_the_past_takes_nothing_from_the_future():
    y, o = weeks(10)
    whole = forecast(y, o, OPEN)
    with_holiday = forecast(*closed(y, o, 9 * 7, 8 * 7 + 1), OPEN)
    assert with_holiday.mean.sum() == pytest.approx(whole.mean.sum(), rel=0.03)
    assert with_holiday.mean[20] > 0, "the Monday after next is forecast although the last one was closed"


def test_a_holiday_to_come_is_forecast_to_be_empty_and_a_half_day_by_half():
    coming = OPEN.copy()
    coming[:A_DAY] = 0
    coming[A_DAY + 17] = HALF_US // 2
    f = forecast(*weeks(10), coming)
    plain = forecast(*weeks(10), OPEN)
    assert not f.mean[:A_DAY].any()
    assert not f.high[:A_DAY].any()
    assert f.mean[A_DAY + 17] == pytest.approx(plain.mean[A_DAY + 17] / 2)


def test_a_day_of_triple_the_usual_is_special_and_left_out():
    y, o = weeks(8)
    y[-5 * A_DAY : -4 * A_DAY] *= 3
    rows, opened = y.reshape(8, A_WEEK).astype(float), o.reshape(8, A_WEEK) / HALF_US
    out = ordinary(rows, opened)
    assert out.sum() == 8 * 5 - 1
    assert not out[7, 2]
    assert forecast(y, o, OPEN).mean.sum() == pytest.approx(MEAN.sum(), rel=0.06)


def test_few_weeks_are_too_few_and_nothing_is_said():
    for count in (0, 1, 4):
        f = forecast(*(weeks(count) if count else (np.empty(0, np.int64),) * 2), OPEN)
        assert (f.method, f.n, f.level, f.naive, f.weeks) == ("none", 0, None, None, count)
        assert np.isnan(f.mean).all()
        assert np.isnan(f.day_mean).all()
    assert forecast(*weeks(5), OPEN).method != "none"


def test_weeks_before_the_first_that_is_known_do_not_count():
    y, o = weeks(5)
    before = np.zeros(6 * A_WEEK, np.int64)
    assert forecast(np.concatenate([before, y]), np.concatenate([before, o]), OPEN).weeks == 5


def test_hours_that_were_never_open_are_not_forecast():
    coming = OPEN.copy()
    coming[40] = HALF_US
    f = forecast(*weeks(8), coming)
    assert np.isnan(f.mean[40])
    assert np.isnan(f.day_mean[0])
    assert f.day_mean[1] > 0


def test_where_nobody_ever_comes_nobody_is_forecast():
    f = forecast(np.zeros(8 * A_WEEK, np.int64), np.tile(OPEN, 8), OPEN)
    assert f.method == "naive", "it is not worse than the other"
    assert not f.mean.any()
    assert not f.high.any()


def test_data_of_some_days_more_than_whole_weeks_is_used_as_well():
    y, o = weeks(8)
    f = forecast(y[3 * A_DAY :], o[3 * A_DAY :], OPEN)
    assert f.weeks == 8
    assert np.isfinite(f.mean).all()
