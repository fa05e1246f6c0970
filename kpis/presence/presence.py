"""Presence: which part of the service hours the sources told of, whether devices were up, and how well events came.

Of the events themselves: coverage (coverage.py), devices (devices.py), what devices say they lost, and how far off they
say that their clocks are. Of what the journal keeps beside them (heard.py): gaps, refusals, repeats, delays; without
it those are no data. The unit of every row is a source. The KPIs are in presence_kpis.py.
"""

from __future__ import annotations

import numpy as np

from kpis.columns import MISSING, QUARTER_US, Columns, Zones, rows_where
from kpis.heard import NOTHING, Heard
from kpis.local_days import Spans, days_of, distinct
from kpis.model import By, Facts, Rules
from kpis.presence.coverage import Missing, Told, coverage, told
from kpis.presence.devices import Downs, downs, incidents
from kpis.presence.presence_kpis import KPIS
from kpis.stack import Part, nothing, stack

__all__ = ["KPIS", "contacts"]

REPORTED = 97
ONLINE, OFFLINE, HEARTBEAT = 90, 91, 92
CLOCK_OFF_MS = 2000
"""A clock further off than this is flagged."""


def contacts(cols: Columns, rules: Rules, zones: Zones, known: Spans, heard: Heard = NOTHING) -> dict[str, Facts]:
    """The rows of presence, and the delays of events, which stand for many events each."""
    if rules.by_hand:
        cols = cols.take(~np.isin(cols.source, list(rules.by_hand)))
    by = told(cols, known, heard, zones)
    days = days_of(known, zones)
    down = downs(cols, by, known, heard, rules)
    missing = _missing(by, down, heard)
    return {
        "presence": stack(
            [
                coverage(
                    by, days, known, missing, (down.place, down.from_us, down.to_us), down.since_us, rules.tellers,
                    rules.calendar, zones,
                ),
                incidents(down, by, known, rules.calendar),
                _lost(cols, heard),
                _clocks(cols, by, zones),
                _tallies(heard),
            ],
            By.DEVICE,
        ),
        "delays": Facts(
            site=heard.lag_site, unit=heard.lag_source, arrival_us=heard.lag_quarter_us,
            counts={}, seconds={"delay_s": heard.lag_s}, by=By.DEVICE, weight=heard.lag_n,
        ),
    }  # fmt: skip


def _missing(by: Told, down: Downs, heard: Heard) -> Missing:
    """Intervals (place, from, to) of known gaps and of devices that were told off, disjoint for each place."""
    place, begin, end = down.said
    if len(heard.gap_site) and len(by.place):
        where = heard.gap_site.astype(np.int64) << 20 | heard.gap_source
        of_gap = np.minimum(by.place.searchsorted(where), len(by.place) - 1)
        there = rows_where(by.place[of_gap] == where)
        place, begin, end = (
            np.concatenate(x)
            for x in ((of_gap[there], place), (heard.gap_from_us[there], begin), (heard.gap_to_us[there], end))
        )
    longer = end > begin
    place, begin, end = place[longer], begin[longer], end[longer]
    if not len(place):
        return place, begin, end
    t, step, place = np.concatenate([begin, end]), np.repeat([1, -1], len(place)), np.concatenate([place, place])
    order = np.lexsort((t, place))
    depth = np.cumsum(step[order])
    before = depth - step[order]
    return place[order][before == 0], t[order][before == 0], t[order][depth == 0]


def _lost(cols: Columns, heard: Heard) -> Part:
    """What never came: gaps that the journal knows, and what devices say they lost."""
    rows = rows_where(cols.type == REPORTED)
    n_gaps, n_said = len(heard.gap_from_us), len(rows)
    if not n_gaps and not n_said:
        return nothing(amounts=("gaps_known", "sequence_missing", "losses_reported", "events_lost_reported"))
    return Part(
        np.concatenate([heard.gap_site, cols.site[rows]]),
        np.concatenate([heard.gap_source, cols.source[rows]]),
        np.concatenate([heard.gap_from_us, cols.time_us[rows]]),
        {
            "gaps_known": np.repeat([1, 0], [n_gaps, n_said]),
            "sequence_missing": np.concatenate([heard.gap_lost, np.zeros(n_said, np.int64)]),
            "losses_reported": np.repeat([0, 1], [n_gaps, n_said]),
            "events_lost_reported": np.concatenate([np.zeros(n_gaps, np.int64), np.maximum(cols.a[rows], 0)]),
        },
    )


def _clocks(cols: Columns, by: Told, zones: Zones) -> Part:
    """A row for each source and local quarter of an hour in which it said how far off its clock is (slot a), or whether it is
    synchronised (slot b), at its first such event."""
    rows = rows_where((cols.type == ONLINE) | (cols.type == HEARTBEAT))
    a, b = cols.a[rows], cols.b[rows]
    rows_told = rows_where((a != MISSING) | (b != MISSING))
    if not len(rows_told):
        return nothing(("clock_quarters", "clock_quarters_off"), (), ("clock_offset_s",))
    rows, a, b = rows[rows_told], a[rows_told], b[rows_told]
    time_us = cols.time_us[rows]
    quarter = zones.to_local(time_us, cols.site[rows]) // QUARTER_US
    first_quarter = int(quarter.min())
    n = int(quarter.max()) - first_quarter + 1
    key = by.of_event[rows] * n + (quarter - first_quarter)
    keys = distinct(key, len(by.place) * n)
    at = keys.searchsorted(key)
    worst, first = np.full(len(keys), -1, np.int64), np.full(len(keys), 2**62, np.int64)
    np.maximum.at(worst, at, np.where(a == MISSING, -1, np.abs(np.maximum(a, -(2**62)))))
    np.minimum.at(first, at, time_us)
    off = worst > CLOCK_OFF_MS
    off[at[b == 0]] = True
    place = by.place[keys // n]
    return Part(
        place >> 20, place & ((1 << 20) - 1), first,
        {"clock_quarters": np.ones(len(keys), np.bool_), "clock_quarters_off": off},
        {"clock_offset_s": np.where(worst < 0, -1, -(-worst // 1000))},
    )  # fmt: skip


def _tallies(heard: Heard) -> Part:
    """What came in each quarter of an hour of receipt."""
    repeats_known = heard.tally_duplicates != MISSING
    repeats = np.where(repeats_known, heard.tally_duplicates, 0)
    return Part(
        heard.tally_site, heard.tally_source, heard.tally_quarter_us,
        {
            "events_taken": heard.tally_events,
            "records_refused": heard.tally_rejected,
            "records_read": heard.tally_events + heard.tally_rejected,
            "events_repeated": repeats,
            "events_received": np.where(repeats_known, heard.tally_events + repeats, 0),
            "events_ahead": heard.tally_ahead,
            "events_timed": heard.tally_events - heard.tally_ahead,
            "delay_ms": heard.tally_lag_ms,
        },
    )  # fmt: skip
