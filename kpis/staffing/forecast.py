"""Forecast of arrivals by half-hour, and how wrong it would have been: every forecast is back-tested against the naive one.

Method. A day is ordinary unless it is closed, silent, or special: special is a day on which fewer than half or more than
double as many came per hour as is the median of its weekday, and further from it than three standard deviations of
chance. Over the ordinary days of the last eight weeks each half-hour of the week has a mean; the level is arrivals ÷ what
those means expect, over the ordinary days of the last four weeks, with weights 4, 3, 2 and 1 from the newest.
Forecast = mean × level × service time that the calendar gives that half-hour. Naive is the same half-hour of the last week
in which it was service time. Where the back-test does not find the first better, the naive one is used.

No library: statsforecast and statsmodels bring numba, SciPy and pandas for models that a centre's few months of half-hours
cannot feed, and a mean times a level is what can be explained to those who plan by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.columns import F64, I64, Bool
from kpis.staffing.halfhours import A_DAY, A_WEEK, HALF_US

WINDOW, LEVEL_WEEKS = 8, 4
LEARNING = 4
"""Weeks that must lie before the first forecast of a back-test."""
MOST_ORIGINS = 26
INTERVAL = (0.1, 0.9)
"""80 % of the errors of the back-test lie between."""


@dataclass(frozen=True, slots=True)
class Errors:
    """How one way of forecasting did in the back-test."""

    mae: float
    """Mean absolute error, contacts a half-hour."""
    rmsse: float
    """Root of mean squared error ÷ that of the naive forecast one week ahead, within what was learnt from first."""
    mase: float
    """Mean absolute error ÷ that of the naive forecast one week ahead, within what was learnt from first."""
    bias: float
    """Mean of forecast − what came."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Arrivals of the coming half-hours; NaN where the calendar is open and nothing is known of such a half-hour."""

    method: str
    """`level`, `naive`, or `none`: too little data to say anything, or to say how wrong it would be."""
    mean: F64
    low: F64
    high: F64
    """80 % interval of each half-hour, from the errors of the back-test."""
    day_mean: F64
    day_low: F64
    day_high: F64
    """The same for whole days."""
    weeks: int
    """Weeks of data."""
    origins: int
    """Weeks at whose beginning the back-test forecast."""
    n: int
    """Half-hours that it compared."""
    level: Errors | None
    naive: Errors | None


def forecast(arrivals: I64, open_us: I64, coming_open_us: I64) -> Forecast:
    """From whole days of half-hours, the last one just before the first that is coming; `coming` are whole weeks.

    The back-test goes back week by week and forecasts as many weeks as are coming, as far as there is data, from what
    was known then; at least one such week, after four of learning, must be there for a forecast to be given.
    """
    y, o = _weeks(arrivals), _weeks(open_us) / HALF_US
    future = coming_open_us.reshape(-1, A_WEEK) / HALF_US
    count = len(y)
    seen = np.flatnonzero(o.sum(axis=1) > 0)
    count_seen = count - int(seen[0]) if len(seen) else 0
    y, o = y[count - count_seen :], o[count - count_seen :]
    origins = range(max(LEARNING, count_seen - MOST_ORIGINS), count_seen)
    tests = [(_predict(y[:k], o[:k], o[k : k + len(future)]), y[k : k + len(future)]) for k in origins]
    actual = np.concatenate([rows for _, rows in tests]) if tests else np.empty((0, A_WEEK))
    of = [np.concatenate([p[i] for p, _ in tests]) if tests else np.empty((0, A_WEEK)) for i in (0, 1)]
    opened = np.concatenate([o[k : k + len(future)] for k in origins]) if tests else np.empty((0, A_WEEK))
    both = (opened > 0) & ~np.isnan(of[0]) & ~np.isnan(of[1])
    if not both.any():
        nothing = np.full(future.size, np.nan)
        days = np.full(future.size // A_DAY, np.nan)
        return Forecast("none", nothing, nothing, nothing, days, days, days, count_seen, len(tests), 0, None, None)
    scale = _naive_scale(y[:LEARNING], o[:LEARNING])
    level, naive = (_errors(f[both] - actual[both], scale) for f in of)
    better = level.mae < naive.mae
    chosen = of[0 if better else 1]
    mean = _predict(y, o, future)[0 if better else 1].ravel()
    # Of days those whose every open half-hour was forecast.
    whole = _by_day(both | (opened == 0)).all(axis=-1) & (_by_day(opened).sum(axis=-1) > 0)
    day_mean = _by_day(mean).sum(axis=-1)
    low, high = _around(mean, chosen[both], actual[both])
    day_low, day_high = _around(
        day_mean, _by_day(np.where(both, chosen, 0)).sum(axis=-1)[whole], _by_day(actual).sum(axis=-1)[whole]
    )
    return Forecast(
        "level" if better else "naive", mean, low, high, day_mean, day_low, day_high,
        count_seen, len(tests), int(both.sum()), level, naive,
    )  # fmt: skip


def _weeks(values: I64) -> F64:
    """Rows of seven days, the last one ending with the data; days before the first are 0."""
    missing = -len(values) % A_WEEK
    return np.concatenate([np.zeros(missing), values.astype(np.float64)]).reshape(-1, A_WEEK)


def _by_day(values: F64 | Bool) -> F64:
    return values.reshape(*values.shape[:-1], -1, A_DAY).astype(np.float64)


def ordinary(y: F64, o: F64) -> Bool:
    """Which days of these weeks are ordinary, as the beginning of this module says: [week, day]."""
    came, hours = _by_day(y).sum(axis=-1), _by_day(o).sum(axis=-1)
    is_open = hours > 0
    rate = np.where(is_open, came / np.where(is_open, hours, 1), np.nan)
    median = np.zeros(7)
    some = is_open.any(axis=0)
    median[some] = np.nanmedian(rate[:, some], axis=0)
    expected = median * hours
    far = np.abs(came - expected) > 3 * np.sqrt(np.maximum(expected, 1))
    out: Bool = is_open & ~(far & ((came > 2 * expected) | (came < expected / 2)))
    return out


def _predict(y: F64, o: F64, future: F64) -> tuple[F64, F64]:
    """(forecast, naive) for the weeks that follow; NaN where nothing like them was open, 0 where they are closed."""
    y, o = y[-WINDOW:], o[-WINDOW:]
    good = np.repeat(ordinary(y, o), A_DAY, axis=1) & (o > 0)
    came, hours = np.where(good, y, 0), np.where(good, o, 0)
    known = hours.sum(axis=0) > 0
    mean = np.where(known, came.sum(axis=0) / np.where(known, hours.sum(axis=0), 1), np.nan)
    weight = np.arange(max(LEVEL_WEEKS - len(y), 0) + 1, LEVEL_WEEKS + 1)[:, None]
    recent = slice(-len(weight), None)
    expected = float((weight * np.nan_to_num(mean) * hours[recent]).sum())
    level = float((weight * came[recent]).sum()) / expected if expected > 0 else 1.0
    last = np.where(o > 0, np.arange(len(y))[:, None], -1).max(axis=0)
    column = np.arange(A_WEEK)
    rate = np.where(last >= 0, y[last, column] / np.where(last >= 0, o[last, column], 1), np.nan)
    return (np.where(future > 0, mean * level * future, 0.0), np.where(future > 0, rate * future, 0.0))


def _naive_scale(y: F64, o: F64) -> tuple[float, float]:
    """Mean absolute and mean squared difference of each half-hour from that a week before, where both were open."""
    both = (o[1:] > 0) & (o[:-1] > 0)
    difference = (y[1:] - y[:-1])[both]
    if not len(difference):
        return np.nan, np.nan
    return float(np.abs(difference).mean()), float((difference**2).mean())


def _errors(error: F64, scale: tuple[float, float]) -> Errors:
    mae, mse = float(np.abs(error).mean()), float((error**2).mean())
    return Errors(
        mae,
        float(np.sqrt(mse / scale[1])) if scale[1] > 0 else np.nan,
        mae / scale[0] if scale[0] > 0 else np.nan,
        float(error.mean()),
    )


def _around(mean: F64, told: F64, came: F64) -> tuple[F64, F64]:
    """The interval around a forecast: errors grow with the root of what comes, so they are compared as multiples of it.
    Where nobody was expected and nobody came there was nothing to be wrong about."""
    some = (told > 0) | (came > 0)
    if not some.any():
        return mean, mean
    error = (came - told)[some] / np.sqrt(np.maximum(told[some], 1))
    low, high = np.quantile(error, INTERVAL)
    width = np.sqrt(np.maximum(mean, 1)) * (mean > 0)
    return np.maximum(mean + min(low, 0) * width, 0), mean + max(high, 0) * width
