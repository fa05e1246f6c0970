"""How many agents or counters a target needs, half-hour by half-hour, and what one more or fewer would do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kpis.columns import I64, MISSING
from kpis.staffing.erlang import Queue, queue

MOST_SERVERS = 10_000
"""Nobody is told to find more; what needs more has no answer."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached: so large a share answered in time, or no more than so large a share who give up."""

    within_s: float
    share: float = 0.8
    """Of all who come, answered within `within_s` seconds."""
    most_abandoned: float | None = None
    """Where given, the share who may give up; it is then the whole goal, and needs a patience."""

    def reached(self, q: Queue) -> npt.NDArray[np.bool_]:
        """Whether each queue keeps it; one without steady state does not."""
        if self.most_abandoned is not None:
            return np.asarray(q.abandoned <= self.most_abandoned)
        return np.asarray(q.within >= self.share)


def needed(
    load: npt.ArrayLike, handle_s: npt.ArrayLike, goal: Goal, patience_s: npt.ArrayLike = np.inf
) -> I64:  # fmt: skip
    """Smallest number of servers that reaches the goal for each load (erlangs).

    0 where nobody comes. MISSING where load, handle time or patience is not known (NaN), where a goal of abandonment has
    no finite patience, and where `MOST_SERVERS` would not do.
    """
    a, aht, patience = (
        np.atleast_1d(x)
        for x in np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (load, handle_s, patience_s)))
    )
    out = np.full(a.shape, MISSING, np.int64)
    known = ~np.isnan(a) & ~np.isnan(aht) & ~np.isnan(patience)
    out[known & (a == 0)] = 0
    if goal.most_abandoned is not None:
        known &= np.isfinite(patience)
    rows = known & (a > 0) & (a < MOST_SERVERS)
    a, aht, patience = a[rows], aht[rows], patience[rows]

    def good(n: I64) -> npt.NDArray[np.bool_]:
        return goal.reached(queue(a, n, aht, goal.within_s, patience))

    low = np.zeros(len(a), np.int64)  # never enough
    high = np.minimum(np.ceil(a + 2 * np.sqrt(a)).astype(np.int64) + 1, MOST_SERVERS)
    while len(a) and not (enough := good(high) | (high == MOST_SERVERS)).all():
        low = np.where(enough, low, high)
        high = np.where(enough, high, np.minimum(high * 2, MOST_SERVERS))
    while (high - low > 1).any():
        middle = np.maximum((low + high) // 2, 1)
        enough = good(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    out[rows] = np.where(good(high), high, MISSING) if len(a) else high
    return out
