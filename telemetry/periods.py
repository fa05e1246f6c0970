"""How a period is cut: half hours to fiscal years of local time, which begin on the first of October."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kpis.columns import I64, QUARTERS_A_DAY

_EPOCH_MONTH = 1970 * 12


class Step(NamedTuple):
    """One way to cut time. Quarters are local quarters of an hour since 1970."""

    of: Callable[[I64], I64]
    """Quarters → which step each lies in."""
    begin: Callable[[int], int]
    """The quarter at which a step begins; it ends where the next one begins."""


def _even(quarters: int) -> Step:
    return Step(lambda quarter: quarter // quarters, lambda step: step * quarters)


def _months(many: int, first: int) -> Step:
    """Steps of so many months, one of which begins with month `first` of the year."""
    shift = _EPOCH_MONTH - (first - 1)

    def of(quarter: I64) -> I64:
        day = (quarter // QUARTERS_A_DAY).astype("datetime64[D]")
        return (day.astype("datetime64[M]").astype(np.int64) + shift) // many

    def begin(step: int) -> int:
        return int(np.datetime64(step * many - shift, "M").astype("datetime64[D]").astype(int)) * QUARTERS_A_DAY

    return Step(of, begin)


STEPS: dict[str, Step] = {
    "half_hour": _even(2),
    "hour": _even(4),
    "day": _even(QUARTERS_A_DAY),
    "month": _months(1, 1),
    "quarter": _months(3, 10),
    "fiscal_year": _months(12, 10),
}
"""Quarters are those of the fiscal year."""
