"""Figures of whole days: any cut-off, and what of their batches adds up to the whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.columns import QUARTERS_A_DAY
from kpis.cube import Cube, merge, select
from kpis.results import GROUPS
from tests.kpis import worlds
from tests.kpis.cells import cells, same_cells
from tests.kpis.kept import NOTHING, Told
from tests.kpis.second_reading import all as oracle
from tests.kpis.second_reading import days, presence
from tests.kpis.second_reading.base import Contacts, quarter
from tests.kpis.second_reading.call_sources import LOGS
from tests.kpis.test_properties import agree, by_place, everything
from tests.kpis.worlds import S, cube, names_of
from tests.kpis.worlds_days import kind_of

slow = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
MINE = {kpi.name for group in ("days", "presence") for kpi in GROUPS[group]}
FAMILIES = ("days", "contacts", "windows", "presence", "delays")
OF_MONTHS = ("services_used", "services_declared")
"""They stand at the first contact of a month, which a batch of days does not know."""
AFTER_US = (-86_400 * S, -1, 0, 1, 999, 1000, 900 * S, 900 * S + 1000, 40_000 * S, 3 * 86_400 * S)


def read(world, as_of_us):
    """The second reading as of these cut-offs; what else there is of contacts does not depend on one here."""
    out = Contacts()
    for site in world.sites:
        of_site = sorted((e for e in world.events if e.site == site.id), key=lambda e: e.time_us)
        mine = oracle.read(of_site, [site], world.kept)
        for family in (days, presence):
            for kind in family.read(of_site, site, mine, world.kept):
                mine.pop(kind, None)
            mine.update(family.read(of_site, site, mine, world.kept, as_of_us.get(site.id)))
        for kind, found in mine.items():
            out[kind] = out[kind] + found
    return out


@slow
@given(worlds.worlds(), st.lists(st.sampled_from((None, *AFTER_US)), min_size=3, max_size=3))
def test_days_and_presence_equal_the_oracle_as_of_any_cut_off(world, after):
    if any(us is not None and us < 0 for us in after):  # what began later is no conversation or case as of then
        events = tuple(e for e in world.events if not e.type.startswith(("conversation.", "case.")))
        world = replace(world, events=events)
    last = {e.site: e.time_us for e in sorted(world.events, key=lambda e: e.time_us)}
    as_of = {s.id: last[s.id] + us for s, us in zip(world.sites, after, strict=True) if us is not None and s.id in last}
    names, contacts = names_of(world), read(world, as_of)
    core = cube(world, names, None, {names.code(site): us for site, us in as_of.items()})
    agree({name: row for name, row in everything(core).items() if name in MINE}, contacts, "total")
    for place, rows in by_place(core, names.texts).items():
        mine = {name: row for name, row in rows.items() if name in MINE}
        agree(mine, contacts.where(lambda c, at=place: (c.by, c.site, c.unit) == at), place)


@slow
@given(worlds.worlds(), st.lists(st.integers(0, 1), min_size=3, max_size=3))
def test_batches_of_whole_sites_merge_to_the_whole(world, batch):
    names = names_of(world)
    parts = []
    for n in (0, 1):
        sites = [site.id for site, of in zip(world.sites, batch, strict=True) if of == n]
        events = tuple(e for e in world.events if e.site in sites)
        kept = replace(
            world.kept,
            **{
                x: tuple(r for r in getattr(world.kept, x) if r.site in sites)
                for x in ("told", "gaps", "tallies", "lags")
            },
        )
        parts.append(cube(replace(world, events=events, kept=kept), names))
    same_cells(merge(parts), cube(world, names))


def within_days(world):
    """The world without whatever reaches from one local day into another, and with what a journal keeps of its sources."""
    zones = {site.id: site for site in world.sites}

    def day(e):
        return quarter(zones[e.site], e.time_us) // QUARTERS_A_DAY

    days_of = defaultdict(set)
    for e in world.events:
        days_of[e.site, e.contact].add(day(e))
    events = [
        e for e in world.events
        if not e.type.startswith(("device.", "source.restarted")) and e.source not in LOGS
        and (not e.contact or len(days_of[e.site, e.contact]) == 1)
    ]  # fmt: skip
    told = {}
    for e in sorted(events, key=lambda e: e.time_us):
        told.setdefault((e.site, e.source, kind_of(e)), e.time_us)
    kept = replace(NOTHING, told=tuple(Told(*place, us) for place, us in told.items()))
    return replace(world, events=tuple(events), kept=kept), day


def told_apart(of: Cube):
    """What it holds of whole days, without what is 0."""
    found = {}
    for family, rows in cells(of).items():
        if family in FAMILIES:
            for place, row in rows.items():
                some = {name: v for name, v in row.items() if v and name not in OF_MONTHS}
                if some:
                    found[family, place] = some
    return found


@slow
@given(worlds.worlds(), st.randoms(use_true_random=False))
def test_batches_of_whole_days_of_sites_merge_to_the_whole(world, random):
    world, day = within_days(world)
    names = names_of(world)
    heard = [e for e in world.events if e.type.startswith(("call.", "agent.", "source."))]
    end_us = {names.code(e.site): e.time_us for e in sorted(heard, key=lambda e: e.time_us)}
    as_of_us = {names.code(e.site): e.time_us for e in sorted(world.events, key=lambda e: e.time_us)}
    batch_of = defaultdict(lambda: random.randrange(3))

    def ours(block, n):
        places = zip(block.site.tolist(), (block.quarter // QUARTERS_A_DAY).tolist(), strict=True)
        return np.array([batch_of[place] == n for place in places], np.bool_)

    parts = []
    for n in range(3):
        events = tuple(e for e in world.events if batch_of[names.code(e.site), day(e)] == n)
        whole_days = cube(replace(world, events=events), names, end_us, as_of_us)
        parts.append(select(whole_days, lambda block, n=n: ours(block, n)))
    assert told_apart(merge(parts)) == told_apart(cube(world, names, end_us, as_of_us))
