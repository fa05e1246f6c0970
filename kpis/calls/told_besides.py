"""What logs say of a call beside its passages: how long the caller was on hold, and that the call went to voicemail.

Neither changes what else a call was. Any source that knows it counts, also one whose passages of the call do not: the
best log of a telephone system is often the one that cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.columns import I64, MISSING, U64, Bool, Columns, group, mix, pair, rows_where

HELD, VOICEMAIL = 69, 70


@dataclass(frozen=True, slots=True)
class Besides:
    """Of each call."""

    hold_ms: I64
    """Time on hold, 0 when it is told that there was none; MISSING when nothing is told."""
    voicemail: Bool
    at_voicemail: U64
    """All calls that went to voicemail, by site and contact, also those that met no queue."""

    def measures(self, offered: Bool, answered: Bool, lost: Bool, outside: Bool) -> dict[str, Bool | I64]:
        """What is counted of it, of the calls that are these."""
        known = answered & (self.hold_ms != MISSING)
        return {
            "calls_hold_known": known,
            "calls_held": known & (self.hold_ms > 0),
            "hold_ms": np.where(known, self.hold_ms, 0),
            "calls_to_voicemail": offered & self.voicemail,
            "calls_lost_to_voicemail": lost & self.voicemail,
            "calls_outside_hours_to_voicemail": outside & self.voicemail,
        }


def told_besides(cols: Columns, call: U64) -> Besides:
    """`call` names the calls that are told of in queues, ascending.

    Time on hold is the sum of the `call.held` of one source that give a number of 0 or more; of several sources the
    greatest sum.
    """
    hold_ms, voicemail = np.full(len(call), MISSING), np.zeros(len(call), np.bool_)
    rows = rows_where(((cols.type == HELD) | (cols.type == VOICEMAIL)) & (cols.contact != 0))
    if not len(rows):
        return Besides(hold_ms, voicemail, np.empty(0, np.uint64))
    key = pair(cols.site[rows].astype(np.uint64), cols.contact[rows])
    is_mail, told_ms, source = cols.type[rows] == VOICEMAIL, cols.a[rows], cols.source[rows]
    at_voicemail = key[is_mail]
    place = np.searchsorted(call, key)
    found = place < len(call)
    found[found] = call[place[found]] == key[found]
    voicemail[place[found & is_mail]] = True
    held = rows_where(found & ~is_mail & (told_ms >= 0))
    g = group(mix(key[held], source[held].astype(np.uint64)))
    if len(g):
        np.maximum.at(hold_ms, place[held[g.order[g.starts]]], np.add.reduceat(told_ms[held[g.order]], g.starts))
    return Besides(hold_ms, voicemail, at_voicemail)
