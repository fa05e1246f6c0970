"""Calls, from their definitions. Their KPIs are in call_kpis.py and call_waits.py."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading import call_kpis, call_waits
from tests.kpis.second_reading.base import Contact, Contacts, local, milliseconds
from tests.kpis.second_reading.call import Call, Stint
from tests.kpis.second_reading.call_others import (
    at_voicemail,
    holds_of,
    placed_of,
    reached_of,
    unqueued_of,
    wrap_ups_of,
)
from tests.kpis.second_reading.call_passages import stints_of, sum_of_known
from tests.kpis.second_reading.call_sources import tell_apart
from tests.kpis.second_reading.hours import declares, is_open, next_open

FOUR_HOURS_US = 4 * 3600 * 1_000_000
DAY_MS = 86_400_000

KPIS = {**call_kpis.KPIS, **call_waits.KPIS}


def read(events: Sequence[Event], site: Site, _contacts: Contacts) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time."""
    heard = max((e.time_us for e in events if e.type.startswith(("call.", "agent.", "source."))), default=0)
    restarts = [e.time_us for e in events if e.type == "source.restarted"]
    events, elsewhere = tell_apart(events)
    stints = stints_of(events, site)
    calls = {contact: call_of(of_call, site, heard, restarts) for contact, of_call in stints.items()}
    holds, mail = holds_of(events), at_voicemail(events)
    for contact, call in calls.items():
        call.hold, call.voicemail = holds.get(contact), contact in mail
        for stint in call.stints:
            stint.inside, stint.of_test = call.inside, call.test
    look_around(list(calls.values()), site, heard)
    return {
        "stints": [stint for of_call in stints.values() for stint in of_call],
        "calls": list(calls.values()),
        "wrap_ups": wrap_ups_of(events, site),
        "reached": reached_of(events, site, calls),
        **unqueued_of(events, elsewhere, site, calls),
        "placed": placed_of(events, site, calls.values()),
    }


def call_of(stints: list[Stint], site: Site, heard: int, restarts: Sequence[int]) -> Call:
    first, last = stints[0], stints[-1]
    answered = next((i for i, s in enumerate(stints) if s.outcome == "answered"), None)
    until = stints if answered is None else stints[: answered + 1]
    wait = None if any(s.wait is None for s in until) else sum(s.wait or 0 for s in until)
    outcome = last.outcome if answered is None else "answered"
    if outcome == "open" and (
        heard - last.enter_us > FOUR_HOURS_US or any(restart > last.enter_us for restart in restarts)
    ):
        outcome = "unknown"
    ring = ring_last = None
    if answered is not None:
        ring_last = stints[answered].ring_last
        total = None if ring_last is None else sum(s.ring_tried for s in until) + ring_last
        ring = {"agent_total": total, "agent_last": ring_last, "queue": wait}[site.ring_clock]

    def rings(ms: int | None) -> int | None:
        return None if ms is None else math.floor(Fraction(ms, 1000) / Fraction(site.ring_cycle_s)) + 1

    arrival = first.enter_us
    test = any(s.test for s in stints)
    inside = not test and is_open(site, arrival)
    met_more_than_closed_queues = any(s.outcome != "call.turned_away_closed" for s in stints)
    opening = next_open(site, arrival)
    known = next((s for s in stints if s.caller), None)
    return Call(
        site=site.id,
        unit=first.unit,
        quarter=first.quarter,
        arrival_us=arrival,
        stints=stints,
        outcome=outcome,
        inside=inside,
        test=test,
        offered=inside and (met_more_than_closed_queues or declares(site)),
        wait=wait,
        ring=ring,
        ring_last=ring_last,
        talk=sum_of_known(s.talk for s in stints),
        short=outcome == "call.abandoned" and wait is not None and wait < site.short_abandon_s * 1000,
        in_time=wait is not None and wait <= limit_s(site, arrival) * 1000,
        early=opening > arrival and wait is not None and arrival + wait * 1000 >= opening,
        rings=rings(ring),
        rings_last=rings(ring_last),
        tokens=frozenset({known.caller, known.alias} - {0}) if known and not test else frozenset(),
    )


def limit_s(site: Site, time_us: int) -> float:
    """The limit of an answer in time on that day at the site: the last that was declared."""
    day = local(site, time_us).date()
    told = [(c.since, c.service_level_s) for c in site.changes if c.service_level_s is not None and c.since <= day]
    return max(told)[1] if told else site.service_level_s


def look_around(calls: Sequence[Call], site: Site, heard: int) -> None:
    """What the other calls of the caller say of each call; times to the millisecond."""
    window = round(site.fcr_window_s * 1000)
    of_token: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        for token in call.tokens:
            of_token[token].append(call)
    for call in calls:
        t = milliseconds(call.arrival_us)
        others = [(milliseconds(x.arrival_us), x) for token in call.tokens for x in of_token[token]]
        call.window_over = t + window <= milliseconds(heard)
        call.repeated = any(t < u <= t + window for u, _ in others)
        call.continues = any(t - window <= u < t and x.answered for u, x in others)
        call.tried_before = any(t - DAY_MS <= u < t and x.offered for u, x in others)
