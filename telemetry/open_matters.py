"""Conversations and cases that began before the open days and still go on: their events stay in memory.

They are bounded: of a matter that ended, for a month (whoever writes again then goes on with it); of one that nobody has
touched, for a year; and of a site, the newest events.
"""

from __future__ import annotations

import numpy as np

from kpis.columns import DAY_US, Bool, Columns, bring_together, last_row, mix, pair
from kpis.cube import block_of
from kpis.model import By
from telemetry.cubes import MATTERS

LONGEST_US = 366 * DAY_US
ENDED_FOR_US = 31 * DAY_US
MOST_EVENTS = 20_000
"""Of one site."""

BLOCK = block_of("cases", By.UNIT)
"""The block of a cube that tells of them by unit."""

_ENDED = np.zeros(128, np.bool_)
_ENDED[[24, 108]] = True
_STATE = _ENDED.copy()
_STATE[[25, 109]] = True
_FIRST_OF_CASES = 100


def of_matters(cols: Columns) -> Bool:
    """Which events are of a conversation or a case."""
    out: Bool = MATTERS[cols.type] & (cols.contact != 0)
    return out


def kept(cols: Columns, now_us: int) -> Columns:
    """The events, of one site and of matters only, that stay in memory, in the order of their matters."""
    if not len(cols):
        return cols
    family = (cols.type >= _FIRST_OF_CASES).astype(np.uint64)
    cols, g = bring_together(cols, mix(pair(cols.site.astype(np.uint64), cols.contact), family))
    last = cols.time_us[np.append(g.starts[1:], len(cols)) - 1]
    state = last_row(_STATE[cols.type], g.starts)
    ended = (state >= 0) & _ENDED[cols.type[state]]
    stays = last >= np.where(ended, now_us - ENDED_FOR_US, now_us - LONGEST_US)
    size = np.diff(g.starts, append=len(cols))
    newest = np.argsort(-last, kind="stable")
    room = np.empty(len(g), np.bool_)
    room[newest] = np.cumsum(np.where(stays, size, 0)[newest]) <= MOST_EVENTS
    return cols.take((stays & room)[g.of_row])
