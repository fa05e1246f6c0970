"""Events of tickets brought together: which of them are one ticket, and where its first and its last of a type stands.

A ticket is one number of one site on one local day, from its issue on; the same number issued again is another ticket.
What stands before the first issue of a number belongs to its first ticket. A ticket's events are in time order, those of
one instant in journal order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kpis.columns import DAY_US, I32, I64, Bool, Columns, Zones, group, mix, rows_where

# Codes of telemetry.events.EVENT_TYPES; a test holds the two tables together.
ISSUED, CALLED, RECALLED, STARTED, HELD, TRANSFERRED, FINISHED, NO_SHOW, CANCELLED, REACTIVATED = range(10, 20)
TRIAGED = 26

Rows = npt.NDArray[np.intp]

TYPES = (*range(ISSUED, REACTIVATED + 1), TRIAGED)
_PLACE = np.full(128, -1, np.int64)
_PLACE[list(TYPES)] = range(len(TYPES))


@dataclass(frozen=True, slots=True)
class Story:
    """Rows of events, those of one ticket one after another; `ticket`s are numbered in that order."""

    time_us: I64
    kind: npt.NDArray[np.int16]
    unit: I32
    party: I32
    a: I64
    seq: I64
    moment: I64
    """Number of the row's instant among all instants: equal where times are equal, greater where later."""
    ticket: Rows
    """Ticket of each row."""
    at: Rows
    """First row of each ticket."""
    site: I32
    """Of each ticket."""
    day: I64
    """Local day of each ticket, days since 1970."""
    _firsts: I64
    _lasts: I64

    def first(self, *types: int) -> Rows:
        """For each ticket its first row of any of these types; the number of rows where there is none."""
        found: Rows = self._firsts[_PLACE[types[0]]]
        for type_ in types[1:]:
            found = np.minimum(found, self._firsts[_PLACE[type_]])
        return found

    def last(self, *types: int) -> Rows:
        """For each ticket its last row of any of these types; -1 where there is none."""
        found: Rows = self._lasts[_PLACE[types[0]]]
        for type_ in types[1:]:
            found = np.maximum(found, self._lasts[_PLACE[type_]])
        return found

    def rows(self, *types: int) -> Rows:
        """All rows of these types."""
        wanted: Bool = self.kind == types[0]
        for type_ in types[1:]:
            wanted |= self.kind == type_
        return rows_where(wanted)

    def count(self, rows: Rows) -> I64:
        """How many of these rows each ticket has."""
        return np.bincount(self.ticket[rows], minlength=len(self.at)).astype(np.int64, copy=False)


@dataclass(frozen=True, slots=True)
class Tickets:
    """What all measures start from; arrays have a number for each ticket."""

    story: Story
    issued: Bool
    begin: Rows
    """Row of the issue, else of the first event."""
    arrival_us: I64
    unit: I32
    over: Bool
    """Its local day has ended."""
    called: Rows
    """Row of the first call or start."""
    taken: Rows
    """Row of the last call, recall or start."""
    finish: Rows
    """Row of the last finish."""
    missed: Bool
    """Marked as not come, and neither re-activated, started nor finished since."""
    withdrawn: Bool
    """Cancelled, and nothing of that since; not missed."""

    @property
    def finished(self) -> Bool:
        return self.finish >= 0


def story_of(cols: Columns, zones: Zones) -> Story:
    """The tickets among these events, whatever order the events are in."""
    rows = rows_where((_PLACE[cols.type] >= 0) & (cols.contact != 0))
    time_us = cols.time_us[rows]
    if np.any(time_us[1:] < time_us[:-1]):  # a journal is almost in time order
        rows = rows[np.argsort(time_us, kind="stable")]
        time_us = cols.time_us[rows]
    site = cols.site[rows]
    day = zones.to_local(time_us, site) // DAY_US
    g = group(mix(cols.contact[rows], (site.astype(np.int64) << 32 | day).astype(np.uint64)))
    moment = np.zeros(len(rows), np.int64)
    np.cumsum(time_us[1:] != time_us[:-1], out=moment[1:])

    rows, time_us, moment = rows[g.order], time_us[g.order], moment[g.order]
    kind = cols.type[rows]
    new = np.zeros(len(rows), np.bool_)
    new[g.starts] = True
    issued = kind == ISSUED
    nth = np.cumsum(issued)
    before = nth[g.starts] - issued[g.starts]
    new |= issued & (nth - before[g.of_row] > 1)
    at, ticket = rows_where(new), np.cumsum(new) - 1

    n, n_tickets = len(rows), len(at)
    cell = _PLACE[kind] * n_tickets + ticket
    firsts, lasts = (np.full(len(TYPES) * n_tickets, nothing, np.int64) for nothing in (n, -1))
    row = np.arange(n)
    lasts[cell] = row  # of several assignments to one place the last stays
    firsts[cell[::-1]] = row[::-1]
    shape = len(TYPES), n_tickets
    return Story(
        time_us, kind, cols.unit[rows], cols.party[rows], cols.a[rows], cols.seq[rows], moment, ticket, at,
        site[g.order[at]], day[g.order[at]], firsts.reshape(shape), lasts.reshape(shape),
    )  # fmt: skip
