"""Intervals for ratios."""

from __future__ import annotations

import numpy as np

from kpis.columns import F64

Z95 = 1.959963984540054


def wilson(successes: F64, n: F64) -> tuple[F64, F64]:
    """95 % Wilson score interval of successes / n, elementwise; NaN where n is 0 or successes exceed n.

    Brown, Cai and DasGupta, Statistical Science 16 (2001).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where((n > 0) & (successes <= n), successes / n, np.nan)
        z2 = Z95 * Z95
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z95 / (1 + z2 / n) * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        low, high = np.where(p == 0, 0.0, centre - half), np.where(p == 1, 1.0, centre + half)
        return low, high  # at the ends of the scale the formula gives them, but for rounding
