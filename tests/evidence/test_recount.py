"""What a pack's own checker counts from records alone, against the figures of the service: to the last digit."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from kpis.model import Teller
from kpis.results import KPIS, evaluate
from kpis.rollup import one_group, roll_up
from telemetry.archive.seal import declared
from telemetry.config import Site
from telemetry.events import MISSING
from telemetry.evidence.checker import verify_calls, verify_figures
from telemetry.evidence.counted import HEADLINE
from telemetry.evidence.in_force import for_checkers
from tests.kpis import worlds
from tests.kpis.second_reading.call_sources import LOGS
from tests.kpis.simulated import week
from tests.kpis.test_lab import decoded
from tests.kpis.worlds import World

OF_CALLS = ("abandoned_call_rate", "first_attempt_lost_rate", "answered_within_3_rings_rate", "service_level_rate")
NOT_SIMULATED = ["first_contact_resolution_rate", "reply_within_target_rate", "complaints_settled_rate"]
"""Of a week: its window is as long."""
PERIOD = {"first": "1000-01-01", "last": "3000-12-31"}
"""Broken records may put a call decades away."""


def recounted(events, site, tellers=None):
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
    span = (rows[0].time, rows[-1].time) if rows else (0, 0)
    manifest = {**PERIOD, **for_checkers(site, *span, tellers or {})}
    centre = verify_figures.Centre(manifest, json.loads(declared(site)))
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
    site = Site(id="lab", fcr_window_s=300.0)
    events = decoded()
    world = World(tuple(events), (site,))
    got = recounted(events, site)
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
        tellers = {name: Teller(*log) for name, log in LOGS.items()}
        assert recounted(mine.events, site, tellers) == core(mine), site.id
