"""Stretches of time, cut where quarters of an hour begin, and rows in the order of time.

Every zone's offset has been a whole number of quarters of an hour since 1990, so local quarters begin where those of
UTC do. Times are milliseconds since 1970 UTC: the microseconds of a log of whole seconds are only the order of its lines.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kpis.columns import I64, QUARTER_US, Columns

QUARTER_MS = QUARTER_US // 1000

Rows = npt.NDArray[np.intp]


def to_ms(time_us: I64) -> I64:
    """To the nearest millisecond, a half upwards."""
    return (time_us + 500) // 1000


def in_time(cols: Columns, rows: Rows) -> Rows:
    """The rows in the order of time, those of one instant in journal order. A journal is almost in time order."""
    time_us = cols.time_us[rows]
    return rows[np.argsort(time_us, kind="stable")] if np.any(time_us[1:] < time_us[:-1]) else rows


def repeated(count: I64 | Rows) -> tuple[Rows, I64]:
    """(row, k) for each row `count[row]` times, k from 0."""
    of = np.repeat(np.arange(len(count)), count)
    return of, np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)


def pieces(from_ms: I64, to_ms: I64) -> tuple[Rows, I64, I64]:
    """Each [from, to) cut at quarters: (row that it is a piece of, from, to). Nothing where to is not later."""
    first = from_ms // QUARTER_MS
    of, k = repeated(np.where(to_ms > from_ms, (to_ms - 1) // QUARTER_MS - first + 1, 0))
    edge = (first[of] + k) * QUARTER_MS
    return of, np.maximum(edge, from_ms[of]), np.minimum(edge + QUARTER_MS, to_ms[of])
