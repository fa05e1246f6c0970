"""The headline figures of very many calls straight from their events: what a ministry asks of a year of all centres.

The calls are those of `kpis.calls.calls` and the figures those of its KPIs; what else may be asked of a call is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from kpis.calls.by_day import Calls, Days, Resolution, by_day, resolution_by_day
from kpis.calls.call_rows import CallRows, clocks, ring_ms
from kpis.calls.call_scope import scope_of
from kpis.calls.calls import RESTARTED, cut_off, last_heard
from kpis.calls.many_calls import call_rows
from kpis.calls.stints import ANSWERED, CENSORED, LEFT_BY_KEY, OPEN
from kpis.columns import Columns, Zones, concat, rows_where
from kpis.declared import Told
from kpis.each import Each
from kpis.model import Rules


def headline(
    parts: Iterable[Columns], rules: Rules, zones: Zones, size: int = 0, each: Each = map
) -> tuple[Days, Resolution]:
    """The figures by day and centre of a journal whose parts can be gone through twice; one source tells of each system."""
    ends: dict[int, int] = {}
    restarts: list[Columns] = []

    class Listened:
        """The parts, as what they say beside calls is kept."""

        def __iter__(self) -> Iterator[Columns]:
            for part in parts:
                for site, time_us in last_heard(part).items():
                    ends[site] = max(ends.get(site, time_us), time_us)
                again = rows_where(part.type == RESTARTED)
                if len(again):
                    restarts.append(part.take(again))
                yield part

    rows = call_rows(Listened(), size, each)
    ends.update(rules.end_us)
    return figures(rows, rules, zones, ends, concat(restarts))


def figures(
    rows: CallRows, rules: Rules, zones: Zones, ends: dict[int, int], restarts: Columns
) -> tuple[Days, Resolution]:
    """The figures of these calls. `ends` is site → time of its last PBX event."""
    waiting = rows_where(rows.outcome == OPEN)
    if len(waiting):
        gone = cut_off(rows.site[waiting].astype(np.int64), rows.since_us[waiting], ends, restarts)
        rows.outcome[waiting[gone]] = CENSORED
    scope = scope_of(rows.site.astype(np.int64), rows.arrival_us, rows.test, rules.calendar)
    offered = rows.met_open
    if not offered.all():
        offered = offered | rules.calendar.declared(rows.site.astype(np.int64))
    offered = offered & scope.inside
    answered = (rows.outcome == ANSWERED) & scope.inside
    lost = offered & ~answered & (rows.outcome != LEFT_BY_KEY) & (rows.outcome != OPEN)
    ring = ring_ms(rows.ring_last_ms, rows.ring_tried_ms, rows.wait_ms, Told(rows.site)(clocks(rules)))
    all_ = Calls(rows.site, rows.arrival_us, answered, lost, rows.wait_ms, ring)
    judged = replace(rules, end_us=ends)
    resolution = resolution_by_day(all_, (rows.caller, rows.alias), judged, zones)
    if not offered.all():
        all_ = Calls(*(getattr(all_, name)[offered] for name in Calls.__slots__))
    return by_day(all_, rules, zones), resolution
