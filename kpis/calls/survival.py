"""Waits of those who were answered and of those who left before: together, and as Kaplan and Meier read them."""

from __future__ import annotations

import numpy as np

from kpis.columns import F64, I64
from kpis.cube import Seconds

NEAR = 1e-9


def joined(a: Seconds, b: Seconds) -> Seconds:
    """Both histograms as one, in the order of (cell, second); entries of one second may stand twice."""
    cell, second, count = (np.concatenate(x) for x in ((a.cell, b.cell), (a.second, b.second), (a.count, b.count)))
    order = np.lexsort((second, cell))
    return Seconds(cell[order], second[order], count[order])


def counted(h: Seconds, n_groups: int) -> I64:
    """How many contacts each group's histogram holds."""
    out = np.zeros(n_groups, np.int64)
    np.add.at(out, h.cell, h.count)
    return out


def survival(ends: Seconds, censored: Seconds, n_groups: int, q: float) -> F64:
    """Kaplan-Meier quantile of each group: the wait that a share `q` would have had by then if nobody had left.

    At each second t with d > 0 known ends, r is the number of contacts, of both histograms, of t seconds or more: who left
    at t itself still counts as waiting then (of one second, ends come before departures). S(t) is the product of
    (r - d) / r over these seconds up to t. The quantile is the smallest such t with S(t) <= (1 - q) × (1 + 1e-9); NaN
    where S never falls so far. The tolerance is wider than any rounding of the product in double precision, so that every
    order of multiplication, and exact fractions too, give the same second.
    """
    out = np.full(n_groups, np.nan)
    if not len(ends.cell):
        return out
    both = joined(ends, censored)
    # Every entry of `ends` with the number that is at risk then: all of its group less those of fewer seconds.
    running = np.concatenate([[0], np.cumsum(both.count)])
    place = both.cell << 32 | both.second
    begin = np.searchsorted(place, ends.cell << 32 | ends.second, side="left")
    after = np.searchsorted(both.cell, ends.cell, side="right")
    at_risk = running[after] - running[begin]
    share = (at_risk - ends.count) / at_risk
    first = np.searchsorted(ends.cell, ends.cell, side="left")
    nth = np.arange(len(first)) - first  # place of each entry in its group
    step = 1
    while step <= nth.max():  # products over ever longer stretches: log2(n) passes for all groups at once
        share[step:] *= np.where(nth[step:] >= step, share[:-step], 1.0)
        step *= 2
    reached = np.flatnonzero(share <= (1 - q) * (1 + NEAR))[::-1]
    out[ends.cell[reached]] = ends.second[reached]  # of several assignments to one place the last stays: the smallest
    return out
