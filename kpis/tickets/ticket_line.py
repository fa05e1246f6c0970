"""Fairness of a line: who was called ahead of somebody who came before.

A line is the tickets of one site, service and priority (a number, or none told) issued on one local day. A ticket stands in
it from its issue to its first event other than issue, triage and re-activation: to its call or start, or out of the line.
"""

from __future__ import annotations

import numpy as np

from kpis.columns import I32, Bool, group, mix, pair, rows_where
from kpis.tickets.ticket_story import (
    CALLED,
    CANCELLED,
    FINISHED,
    HELD,
    ISSUED,
    NO_SHOW,
    RECALLED,
    STARTED,
    TRANSFERRED,
    Story,
)


def called_ahead(s: Story, unit: I32) -> tuple[Bool, Bool, Bool]:
    """For each ticket: was it called or started out of its line; did a ticket issued strictly earlier then stand in it
    still, to a strictly later instant or to the end; and did one that left it at a strictly later instant."""
    n_rows, n = len(s.kind), len(s.at)
    taken, ahead, ahead_of_gone = (np.zeros(n, np.bool_) for _ in range(3))
    issue = s.first(ISSUED)
    leave = s.first(CALLED, RECALLED, STARTED, HELD, TRANSFERRED, FINISHED, NO_SHOW, CANCELLED)
    issued = rows_where(issue < n_rows)
    if not len(issued):
        return taken, ahead, ahead_of_gone
    bits = len(issued).bit_length()
    packed = (s.moment[issue[issued]] << bits) | np.arange(len(issued))
    packed.sort()
    issued = issued[packed & ((1 << bits) - 1)]
    day_of_site = (s.site[issued].astype(np.int64) << 32 | s.day[issued]).astype(np.uint64)
    line = mix(pair(s.a[issue[issued]].astype(np.uint64), day_of_site), unit[issued].astype(np.uint64))
    g = group(line)
    who = issued[g.order]

    came = s.moment[issue[who]]
    leave = leave[who]
    gone = leave < n_rows
    last = np.where(gone, leave, n_rows - 1)
    left = np.where(gone, s.moment[last], n_rows)
    kind = s.kind[last]
    called = gone & ((kind == CALLED) | (kind == STARTED)) & (left >= came)
    # Lines one after another, each with its own range of instants, so that one running maximum serves all.
    base = g.of_row * (n_rows + 1)
    first = np.ones(len(who), np.bool_)
    first[1:] = (g.of_row[1:] != g.of_row[:-1]) | (came[1:] != came[:-1])
    same = np.maximum.accumulate(np.where(first, np.arange(len(who)), 0))
    latest = np.concatenate([[-1], np.maximum.accumulate(base + left)])[same]
    latest_gone = np.concatenate([[-1], np.maximum.accumulate(base + np.where(gone, left, 0))])[same]
    taken[who] = called
    ahead[who] = called & (latest > base + left)
    ahead_of_gone[who] = called & (latest_gone > base + left)
    return taken, ahead, ahead_of_gone
