"""Calls that reached a number of the centre (`call.did`): whether a person answered, and those that met no queue."""

from __future__ import annotations

import numpy as np

from kpis.calendar import Calendar
from kpis.columns import I64, U64, Bool, Columns, absent, concat, empty, group, pair, rows_where
from kpis.model import Facts

REACHED = 50


def reached(
    cols: Columns, call: U64, answered: Bool, inside: Bool, elsewhere: Columns, calendar: Calendar, at_voicemail: U64
) -> dict[str, Facts]:
    """The calls that are not offered, and how the numbers of the centre were answered.

    `call` names the calls that are told of in queues, ascending; `answered` and `inside` are about each of them.
    `elsewhere` are events of calls that only a lesser log knows. `at_voicemail` names the calls that went to voicemail.
    """
    rows = rows_where((cols.type == REACHED) & (cols.contact != 0))
    did = cols.take(rows) if len(rows) else empty()
    key = pair(did.site.astype(np.uint64), did.contact)
    return {
        "unqueued": _unqueued(did.take(absent(key, call)) if len(rows) else did, elsewhere, at_voicemail),
        "reached": _numbers(did, key, call, answered, inside, calendar),
    }


def _unqueued(did: Columns, elsewhere: Columns, at_voicemail: U64) -> Facts:
    """Calls that are not offered: those that reached a number and no queue, and those that only a lesser log knows. A call
    id that two telephone systems of a site tell of may be both."""
    elsewhere = elsewhere.take(elsewhere.contact != 0) if len(elsewhere) else elsewhere
    ev = concat([did, elsewhere]) if len(elsewhere) else did
    is_elsewhere = np.arange(len(ev)) >= len(did)
    first, at = _first_and_entry(ev, is_elsewhere)
    no_entry = ~is_elsewhere[at]
    mail = np.zeros(len(at), np.bool_)
    if len(at_voicemail):
        mail = no_entry & np.isin(pair(ev.site[at].astype(np.uint64), ev.contact[at]), at_voicemail)
    return Facts(
        site=ev.site[at],
        unit=ev.unit[at],
        arrival_us=ev.time_us[first],
        counts={
            "calls_did_without_entry": no_entry,
            "calls_did_to_voicemail": mail,
            "calls_only_in_other_log": is_elsewhere[at],
        },
        state={"seq": ev.seq[first]},
    )


def _first_and_entry(ev: Columns, apart: Bool) -> tuple[I64, I64]:
    """Of each call its first event, which says when; and what says where: its first event in a queue, if there is one.
    Events that are `apart` are of other calls than those that are not."""
    if not len(ev):
        nothing = np.empty(0, np.int64)
        return nothing, nothing
    g = group(pair(ev.site.astype(np.uint64) << np.uint64(1) | apart, ev.contact))
    order = np.argsort(ev.time_us, kind="stable")
    first = np.full(len(g), len(ev), np.int64)
    of_event = np.empty(len(ev), np.int64)
    of_event[g.order] = g.of_row
    first[of_event[order[::-1]]] = order[::-1]
    entered = np.full(len(g), -1, np.int64)
    rows = order[ev.type[order] != REACHED][::-1]
    entered[of_event[rows]] = rows
    return first, np.where(entered >= 0, entered, first)


def _numbers(did: Columns, key: U64, call: U64, answered: Bool, inside: Bool, calendar: Calendar) -> Facts:
    """A row for each call that reached a number, at the instant when it did. One that met a queue is in scope when the
    call is; any other when it came in service hours."""
    first, _ = _first_and_entry(did, np.zeros(len(did), np.bool_))
    if not len(first):
        nothing = np.empty(0, np.bool_)
        counts = {"calls_reached_number": nothing, "calls_reached_number_answered": nothing}
        return Facts(did.site, did.unit, did.time_us, counts, state={"seq": did.seq})
    site, time_us = did.site[first], did.time_us[first]
    queued = np.zeros(len(first), np.bool_)
    place = np.minimum(np.searchsorted(call, key[first]), max(len(call) - 1, 0))
    if len(call):
        queued = call[place] == key[first]
        counts_in = np.where(queued, inside[place], calendar.is_open(time_us, site))
        by_person = queued & answered[place] & inside[place]
    else:
        counts_in, by_person = calendar.is_open(time_us, site), queued
    counts = {"calls_reached_number": counts_in, "calls_reached_number_answered": by_person}
    return Facts(site, did.unit[first], time_us, counts, state={"seq": did.seq[first]})
