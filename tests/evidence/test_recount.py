"""What a pack's own checker counts from records alone, against the figures of the service: to the last digit."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings

from kpis.columns import QUARTERS_A_DAY
from kpis.model import Better, Kind
from kpis.results import KPIS, evaluate
from kpis.rollup import one_group, roll_up
from telemetry.archive.seal import declared
from telemetry.config import Site
from telemetry.events import MISSING
from telemetry.evidence.checker import verify_calls, verify_figures, verify_verdicts
from telemetry.evidence.counted import HEADLINE
from telemetry.verdicts import Coverage
from tests.kpis import worlds
from tests.kpis.second_reading.call_sources import LOGS
from tests.kpis.simulated import week
from tests.kpis.test_lab import decoded
from tests.kpis.worlds import SITES, World

LAB = Site(id="lab", fcr_window_s=300.0)
(WEEK,) = week().sites
OF_CALLS = ("abandoned_call_rate", "first_attempt_lost_rate", "answered_within_3_rings_rate", "service_level_rate")
NOT_SIMULATED = ["first_contact_resolution_rate", "reply_within_target_rate", "complaints_settled_rate"]
"""Of a week: its window is as long."""
PERIOD = "1000-01-01", "3000-12-31"
"""Broken records may put a call decades away."""
EPOCH = date(1970, 1, 1)


@cache
def settings_of(site_id, day):
    """As they are sealed with a day."""
    site = next(s for s in (*SITES, LAB, WEEK) if s.id == site_id)
    systems = {f"{site_id}/{source}": [str(log[0]), *log[1:]] for source, log in LOGS.items()}
    told = json.loads(declared(site, day, systems))
    told["in_force"]["systems"] = {source.split("/", 1)[1]: row for source, row in told["in_force"]["systems"].items()}
    return told


def centre_of(events, site):
    """Its days: from the first that any event can tell of to that of the last."""
    earliest = min((e.time_us - 1000 * (max(e.a, 0) + max(e.b, 0)) for e in events), default=0)
    first, last = (local_day(us, site) for us in (earliest, max((e.time_us for e in events), default=0)))
    first = max(first, date(2014, 12, 31)) if events else first
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return verify_figures.Centre(*PERIOD, [(str(day), settings_of(site.id, day)) for day in days])


def local_day(us, site):
    us = min(max(us, -(10**15)), 10**16)
    return datetime.fromtimestamp(us // 1_000_000, UTC).astimezone(ZoneInfo(site.timezone)).date()


def read(events):
    rows = [
        verify_figures.event(
            {"seq": str(seq), "time_us": str(e.time_us)}
            | {k: v for k in ("source", "type", "unit", "contact", "party") if (v := getattr(e, k))}
            | ({"person": f"{e.caller & (2**64 - 1):016x}"} if e.caller else {})
            | {k: str(v) for k in "abc" if (v := getattr(e, k)) != MISSING}
        )
        for seq, e in enumerate(events, 1)
    ]
    rows.sort()
    return rows


def recounted(events, site):
    rows, centre = read(events), centre_of(events, site)
    return dict([*verify_calls.figures(rows, centre), *verify_figures.figures(rows, centre)])


def core(world):
    cube = worlds.cube(world)
    sums, seconds = roll_up(cube, one_group(cube), 1)
    out = {}
    for name in HEADLINE:
        r = evaluate(KPIS[name], sums, seconds, 1)
        value, told = float(r.value[0]), KPIS[name].unit not in ("seconds", "percent")
        out[name] = [
            None if math.isnan(value) else value,
            (0 if math.isnan(r.numerator[0]) else int(r.numerator[0])) if told else None,
            int(r.n[0]),
        ]
    return out


def test_a_real_telephone_day_is_counted_alike():
    events = decoded()
    world = World(tuple(events), (LAB,))
    got = recounted(events, LAB)
    assert got == core(world)
    assert got["calls_offered"][0] > 100
    assert all(got[name][2] > 0 for name in OF_CALLS)


def test_a_simulated_week_is_counted_alike():
    world = week()
    (site,) = world.sites
    got = recounted(sorted(world.events, key=lambda e: e.time_us), site)
    assert got == core(world)
    assert [name for name in HEADLINE if not got[name][2]] == NOT_SIMULATED


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(worlds.worlds())
def test_random_worlds_are_counted_alike(world):
    for site in world.sites:
        mine = world.of(site)
        mine = replace(mine, sites=(site,))
        assert recounted(mine.events, site) == core(mine), site.id


def shares(world, site):
    """Coverage by the core, over all days from the first event to the last."""
    times = [e.time_us for e in world.events]
    kept = replace(world.kept, from_us=min(times), to_us=max(times) + 1, tallies=(), lags=())
    world, names = replace(world, kept=kept), worlds.names_of(world)
    cube = worlds.cube(world, names, as_of_us={names.code(site.id): max(times)})
    edges = [
        ((local_day(us, site) - EPOCH).days + more) * QUARTERS_A_DAY for us, more in ((min(times), 0), (max(times), 1))
    ]
    kinds = dict.fromkeys(KPIS[name].coverage for name in HEADLINE)
    return [None if math.isnan(x := Coverage(cube).of(kind, [tuple(edges)])[0]) else x for kind in kinds]


def found_again(world, site):
    """The same by the checker, from records and ledgers."""
    rows, centre = read(world.events), centre_of(world.events, site)
    ends = rows[0].time, rows[-1].time
    centre.period = range(centre.day(ends[0]), centre.day(ends[1]) + 1)
    told = defaultdict(set)
    for e in world.events:
        told[str(local_day(e.time_us, site))].add((e.source, e.type))
    words = {"calls": "call.did", "tickets": "ticket.issued", "votes": "vote.cast", "conversations": "conversation.opened",
             "cases": "case.opened"}  # fmt: skip
    before = {(t.source, words[t.kind]) for t in world.kept.told if t.kind in words}
    ledger = [{"kind": "downtime", "source": g.source, "from_us": g.from_us, "to_us": g.to_us} for g in world.kept.gaps]
    sources = verify_verdicts.Sources(told, before, [ledger], rows, ends, centre)
    return [sources.coverage(kind) for kind in dict.fromkeys(kind for _, _, kind in verify_verdicts.STANDARD.values())]


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(worlds.worlds())
def test_coverage_of_random_worlds_is_found_alike(world):
    for site in world.sites:
        mine = replace(world.of(site), sites=(site,))
        if mine.events:
            assert found_again(mine, site) == shares(mine, site), site.id


def test_the_checker_states_the_standard_as_the_table_of_figures_has_it():
    words = {Better.LOWER: "lower", Better.HIGHER: "higher", Better.NONE: ""}
    assert tuple(verify_verdicts.STANDARD) == HEADLINE
    for name, (better, target, kind) in verify_verdicts.STANDARD.items():
        kpi = KPIS[name]
        assert (better, target, f"{kind}s") == (words[kpi.better], kpi.target, kpi.coverage), name
        assert not kpi.beyond
        assert name.endswith("_rate") == (kpi.kind is Kind.RATIO)
