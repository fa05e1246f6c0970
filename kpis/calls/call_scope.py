"""Which calls the figures are over: those that arrived in the service hours of their centre and are no test.

A centre that declares no hours is always open. A call from one of the centre's test numbers is a test, whenever it came.
What is left out is counted: `calls_outside_hours` and what became of them, `calls_test`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.calendar import Calendar
from kpis.calls.stints import ANSWERED, LEFT_BY_KEY, OPEN
from kpis.columns import I64, MISSING, Bool, rows_where


@dataclass(frozen=True, slots=True)
class Scope:
    """Where each call stands; every call is in one of the three."""

    inside: Bool
    outside: Bool
    test: Bool
    all_inside: bool


def scope_of(site: I64, arrival_us: I64, test: Bool, calendar: Calendar) -> Scope:
    """The scope of each call, by its arrival."""
    if not calendar.of_site and not test.any():
        return Scope(np.ones(len(site), np.bool_), np.zeros(len(site), np.bool_), test, all_inside=True)
    is_open = calendar.is_open(arrival_us, site)
    inside = is_open & ~test
    return Scope(inside, ~is_open & ~test, test, bool(inside.all()))


def apart(scope: Scope, site: I64, arrival_us: I64, outcome: I64, wait_ms: I64, calendar: Calendar) -> dict[str, Bool]:
    """What became of the calls that are left out."""
    nothing = np.zeros(len(site), np.bool_)
    if scope.all_inside:
        names = (
            "calls_outside_hours",
            "calls_outside_hours_answered",
            "calls_outside_hours_lost",
            "calls_before_opening",
        )
        return {"calls_test": scope.test, **dict.fromkeys(names, nothing)}
    out, answered = scope.outside, outcome == ANSWERED
    early = nothing.copy()
    rows = rows_where(out & answered & (wait_ms != MISSING))
    opens_us = calendar.next_open(arrival_us[rows], site[rows])
    early[rows] = (opens_us > arrival_us[rows]) & (arrival_us[rows] + wait_ms[rows] * 1000 >= opens_us)
    return {
        "calls_test": scope.test,
        "calls_outside_hours": out,
        "calls_outside_hours_answered": out & answered,
        "calls_outside_hours_lost": out & ~answered & (outcome != LEFT_BY_KEY) & (outcome != OPEN),
        "calls_before_opening": early,
    }
