"""Who was there: how many counters were open, and how many agents were in a queue and not at a pause, in each half-hour."""

from __future__ import annotations

import numpy as np

from kpis.columns import F64, I64, Columns, Zones
from kpis.staffing.halfhours import A_DAY, A_WEEK, HALF_US, Grid, slot_of

COUNTER_OPENED, COUNTER_CLOSED = 30, 31
AGENT_ADDED, AGENT_REMOVED, AGENT_PAUSED, AGENT_UNPAUSED = 80, 81, 82, 83
LONGEST_SHIFT_US = 16 * 3_600_000_000
"""Nobody stays so long without a word: whoever seems to was forgotten, and that time is left out."""


def counters(g: Grid, cols: Columns, site: int, zones: Zones) -> F64:
    """Mean number of counters open in each half-hour of the week; NaN where it is not known."""
    ev = cols.take((cols.site == site) & ((cols.type == COUNTER_OPENED) | (cols.type == COUNTER_CLOSED)))
    return _mean(g, ev, ev.party.astype(np.int64), COUNTER_OPENED, site, zones)


def agents(g: Grid, cols: Columns, site: int, unit: int, zones: Zones) -> F64:
    """Mean number of agents who were in the queue and not at a pause, in each half-hour of the week; NaN where not known.
    An agent is there from being added, but at a pause, or from the end of a pause, until the next pause or removal."""
    of_agents = (cols.type >= AGENT_ADDED) & (cols.type <= AGENT_UNPAUSED)
    ev = cols.take((cols.site == site) & (cols.unit == unit) & of_agents)
    return _mean(g, ev, ev.party.astype(np.int64), (AGENT_ADDED, AGENT_UNPAUSED), site, zones)


def _mean(g: Grid, ev: Columns, who: I64, on: int | tuple[int, ...], site: int, zones: Zones) -> F64:
    """Time present ÷ service time of the days that tell of anybody at all."""
    out = np.full(A_WEEK, np.nan)
    if not len(ev) or not len(g):
        return out
    # Of one instant, being there comes last: whoever is taken out and put back in one stroke is there.
    there = np.isin(ev.type, on) & ~((ev.type == AGENT_ADDED) & (ev.a == 1))
    order = np.lexsort((ev.seq, there, ev.time_us, who))
    who, there = who[order], there[order]
    local = zones.to_local(ev.time_us[order], np.full(len(ev), site, np.int32))
    following = np.append(local[1:], 0)
    stays = there[:-1] & (who[1:] == who[:-1])
    rows = np.flatnonzero(np.append(stays, False))
    rows = rows[(following[rows] > local[rows]) & (following[rows] - local[rows] <= LONGEST_SHIFT_US)]
    half, ms = _split(local[rows], following[rows])
    at = half - g.first
    keep = (at >= 0) & (at < len(g))
    present = np.zeros(len(g), np.int64)
    np.add.at(present, at[keep], ms[keep])
    told = np.zeros(len(g) // A_DAY, np.bool_)
    day = local // HALF_US // A_DAY - g.first // A_DAY
    told[day[(day >= 0) & (day < len(told))]] = True
    counts = np.repeat(told, A_DAY) & (g.open_us > 0)
    slot = slot_of(g.first + np.flatnonzero(counts))
    sums, time_us = np.zeros(A_WEEK, np.int64), np.zeros(A_WEEK, np.int64)
    np.add.at(sums, slot, present[counts])
    np.add.at(time_us, slot, g.open_us[counts])
    known = time_us > 0
    out[known] = sums[known] * 1000 / time_us[known]
    return out


def _split(start_us: I64, end_us: I64) -> tuple[I64, I64]:
    """Spans cut at half-hours: (half-hour, milliseconds) of each piece."""
    first = start_us // HALF_US
    pieces = -(-end_us // HALF_US) - first
    row = np.repeat(np.arange(len(first)), pieces)
    half = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    us = np.minimum(end_us[row], (half + 1) * HALF_US) - np.maximum(start_us[row], half * HALF_US)
    return half, us // 1000
