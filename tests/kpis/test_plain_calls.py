"""Calls of the common courses, read straight from their events, are those that their stints make; all others are left."""

from __future__ import annotations

import numpy as np
import pytest

from kpis.calls.call_chain import Chain
from kpis.calls.call_rows import CallRows, joined, rows_of
from kpis.calls.many_calls import call_rows
from kpis.calls.plain_calls import plain_calls
from kpis.calls.stints import (
    ABANDONED,
    COMPLETED,
    CONNECTED,
    ENTERED,
    RING_CANCELLED,
    RING_NO_ANSWER,
    TEST,
    TIMED_OUT,
    TRANSFERRED,
    TURNED_AWAY_FULL,
    stints,
)
from kpis.columns import MISSING, Columns, mix, pair
from telemetry.parallel import in_threads
from tests.bench import kpi_data

S = 1_000_000
PLAIN = {
    "answered": [(ENTERED, 1), (CONNECTED, 9000, 4000), (COMPLETED, 9000, 60_000)],
    "sent on": [(ENTERED, 1), (CONNECTED, 9000, MISSING), (TRANSFERRED, 9000, MISSING)],
    "lost": [(ENTERED, 1), (ABANDONED, 30_000, 1)],
    "rang before": [(ENTERED, 1), (RING_NO_ANSWER, 15_000), (CONNECTED, 20_000, 2000), (COMPLETED, 20_000, 1)],
    "rang, then timed out": [(ENTERED, 1), (RING_NO_ANSWER, -1), (TIMED_OUT, 0, 1)],
    "of a test": [(ENTERED, 1, TEST), (CONNECTED, 0, -1), (COMPLETED, 0, 0)],
}
OTHERS = {
    "no entry": [(CONNECTED, 9000, 4000), (COMPLETED, 9000, 60_000)],
    "still open": [(ENTERED, 1)],
    "twice": [(ENTERED, 1), (ABANDONED, 1, 1), (ENTERED, 1), (ABANDONED, 1, 1)],
    "refused": [(TURNED_AWAY_FULL, MISSING)],
    "its wait is not told": [(ENTERED, 1), (CONNECTED, MISSING, 4000), (COMPLETED, MISSING, 60_000)],
    "a ring was cancelled": [(ENTERED, 1), (RING_CANCELLED, 1), (ABANDONED, 9000, 1)],
    "answered, then lost": [(ENTERED, 1), (CONNECTED, 1, 1), (ABANDONED, 1, 1)],
}


def events_of(calls, *, contacts=None):
    """The first events of all calls, then their second ones, …; each a second later."""
    told = sorted((i, k, line) for k, lines in enumerate(calls) for i, line in enumerate(lines))
    return written([(k, line) for _, k, line in told], contacts)


def written(told, contacts=None):
    """Lines of calls that are counted from 0, each a second later."""
    n, of = len(told), np.array([k for k, _ in told])
    ids = np.arange(1, n + 1, dtype=np.uint64) if contacts is None else np.array(contacts, np.uint64)
    whole = np.array([(*line, MISSING, MISSING)[:3] for _, line in told], np.int64)
    return Columns(
        seq=np.arange(n), time_us=np.arange(n) * S, site=np.ones(n, np.int32), type=whole[:, 0].astype(np.int16),
        unit=np.full(n, 7, np.int32), contact=ids[of], party=np.zeros(n, np.int32), caller=of * 11 + 1,
        a=whole[:, 1].copy(), b=whole[:, 2].copy(), c=np.where(of % 2 > 0, of, MISSING), source=np.ones(n, np.int32),
    )  # fmt: skip


def read(events):
    return plain_calls(events, pair(events.site.astype(np.uint64), events.contact), np.ones(len(events), np.bool_))


def in_order(rows):
    order = np.argsort(rows.call)
    return {name: getattr(rows, name)[order].tolist() for name in CallRows.__slots__}


def by_stints(events):
    return in_order(rows_of(Chain(stints(events))))


def test_calls_of_the_common_courses_are_read_straight():
    events = events_of(list(PLAIN.values()))
    found, rest = read(events)
    assert rest.tolist() == []
    assert in_order(joined(found)) == by_stints(events)


@pytest.mark.parametrize("name", OTHERS)
def test_the_events_of_all_other_calls_are_left_in_their_order(name):
    events = events_of([*PLAIN.values(), OTHERS[name]])
    found, rest = read(events)
    assert rest.tolist() == np.flatnonzero(events.contact == len(PLAIN) + 1).tolist()
    assert in_order(joined([*found, rows_of(Chain(stints(events.take(rest))))])) == by_stints(events)


def test_a_call_of_two_queues_is_no_plain_one():
    events = events_of([PLAIN["answered"], PLAIN["lost"]])
    events.unit[np.flatnonzero(events.contact == 2)[1]] = 8
    assert read(events)[1].tolist() == np.flatnonzero(events.contact == 2).tolist()
    assert in_order(call_rows([events])) == by_stints(events)


def test_lines_that_were_written_late_are_read_in_the_order_of_time():
    events = events_of(list(PLAIN.values()))
    events.time_us[:] = events.time_us[-1] - events.time_us
    assert read(events)[1].tolist() == list(range(len(events)))
    assert in_order(call_rows([events])) == by_stints(events)


def test_events_that_are_not_there_are_in_no_call():
    events = events_of([PLAIN["answered"], PLAIN["lost"]])
    call = pair(events.site.astype(np.uint64), events.contact)
    found, rest = plain_calls(events, call, events.contact == 2)
    assert [rows.call.tolist() for rows in found if len(rows.call)] == [[call[events.contact == 2][0]]]
    assert rest.tolist() == []


def named(hashes):
    """Contacts of site 1 whose calls have these hashes: `mix` backwards."""
    h = np.array(hashes, np.uint64)
    for _ in range(3):
        h = np.array(hashes, np.uint64) ^ (h >> np.uint64(29))
    h = h * np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
    return h ^ mix(np.ones(1, np.uint64), np.uint64(0x243F6A8885A308D3))


def test_calls_whose_hashes_begin_alike_are_kept_apart():
    answered, lost = PLAIN["answered"], PLAIN["lost"]
    lines = [(k, line) for k, lines in enumerate((answered, lost, lost)) for line in lines]
    hashes = [1 << 60 | 3, 1 << 60 | 1, 1 << 61]
    events = written([*lines, *((0, line) for line in lost)], named(hashes))  # the first call comes back
    assert sorted(set(pair(events.site.astype(np.uint64), events.contact).tolist())) == sorted(hashes)
    found, rest = read(events)
    assert in_order(joined([*found, rows_of(Chain(stints(events.take(rest))))])) == by_stints(events)
    assert in_order(call_rows([events])) == by_stints(events)


def test_calls_are_the_same_whoever_shares_the_work():
    events = kpi_data.gathered(kpi_data.events(3000, sites=3, days=4), 10_000)
    alone, shared = call_rows([events], 1000), call_rows([events], 1000, in_threads)
    assert in_order(shared) == in_order(alone) == by_stints(events)
    assert shared.call.tolist() == alone.call.tolist()
    assert 2990 < len(alone.call) <= 3000
