"""Who can serve what: in each local calendar month, the people who served each service.

Somebody serves a service who answers a call of its queue (the agent), or finishes a ticket of it (the counter: counters
stand for their staff, for tickets name nobody else). An agent and a counter are two, even where they are one person.
Only the first time in a month counts, so that figures of whole months add up; a shorter period has the part of it
that fell there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kpis.columns import DAY_US, I32, I64, U64, Bool, Zones, group, mix, pair, rows_where
from kpis.model import By, Facts


class Served(NamedTuple):
    """A service that somebody served."""

    site: I32
    unit: I32
    staff: I32
    time_us: I64
    by_agent: Bool


def contacts(handled: Facts, finished: Served, zones: Zones) -> dict[str, Facts]:
    """The first times of the months; `handled` is what agents did, as agents.py has it, `finished` the tickets' services."""
    queue = handled.state["queue"]
    rows = rows_where(handled.counts["agent_calls"] & (queue != 0))
    answers = Served(
        handled.site[rows],
        queue[rows].astype(np.int32),
        handled.unit[rows],
        handled.arrival_us[rows],
        np.ones(len(rows), np.bool_),
    )
    s = Served(
        np.concatenate([answers.site, finished.site]),
        np.concatenate([answers.unit, finished.unit]),
        np.concatenate([answers.staff, finished.staff]),
        np.concatenate([answers.time_us, finished.time_us]),
        np.concatenate([answers.by_agent, finished.by_agent]),
    )
    month = mix(_months(zones.to_local(s.time_us, s.site)), s.site.astype(np.uint64))
    staff = s.staff.astype(np.uint64) << np.uint64(1) | s.by_agent
    unit = s.unit.astype(np.uint64)
    g = group(mix(mix(month, staff), unit))  # each month, person and service
    once = g.order[g.starts]
    when = np.minimum.reduceat(s.time_us[g.order], g.starts) if len(once) else s.time_us
    order = np.argsort(when, kind="stable")
    can, when = once[order], when[order]
    month, staff, unit = month[can], staff[can], unit[can]
    g = group(pair(month, unit))
    first = np.zeros(len(can), np.bool_)
    second = np.zeros(len(can), np.bool_)
    first[g.order[g.starts]] = True
    several = np.append(g.starts[1:], len(can)) - g.starts > 1
    second[g.order[g.starts[several] + 1]] = True
    newcomer = np.zeros(len(can), np.bool_)
    g = group(mix(month, staff))
    newcomer[g.order[g.starts]] = True
    agent = s.by_agent[can]
    site_of, unit_of, staff_of = s.site[can], s.unit[can], s.staff[can]
    return {
        "cover": Facts(
            site=site_of,
            unit=unit_of,
            arrival_us=when,
            counts={"services_served_in_month": first, "services_with_cover": second},
        ),
        "cover_agents": Facts(
            by=By.AGENT,
            site=site_of[agent],
            unit=staff_of[agent],
            arrival_us=when[agent],
            counts={"agent_services": agent[agent], "agents_in_month": newcomer[agent]},
        ),
        "cover_counters": Facts(
            by=By.COUNTER,
            site=site_of[~agent],
            unit=staff_of[~agent],
            arrival_us=when[~agent],
            counts={"counter_services": ~agent[~agent], "counters_in_month": newcomer[~agent]},
        ),
    }


def _months(local_us: I64) -> U64:
    """Local calendar months since 1970."""
    return (local_us // DAY_US).view("M8[D]").astype("M8[M]").astype(np.uint64)
