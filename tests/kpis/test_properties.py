"""What holds for every row of the KPI table in any world. A new row is covered as soon as the oracle defines it."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.columns import QUARTERS_A_DAY
from kpis.cube import Cube, merge, roll_up
from kpis.model import Kind
from kpis.results import KPIS, evaluate, select, within
from telemetry.config import Site
from tests.kpis import oracle, oracle_kpis, worlds
from tests.kpis.worlds import QUIET, SITES, WEEK_US, World, cube, names_of

NEAR = 1e-12
slow = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def results(of: Cube, group: np.ndarray | None = None, n: int = 1):
    """Every row of the table for `n` groups of cells; all cells together without any."""
    sums, seconds = roll_up(of, np.zeros(len(of), np.int64) if group is None else group, n)
    return {name: evaluate(kpi, sums, seconds, n) for name, kpi in KPIS.items()}


def plain(result, i=0):
    """A result as Python values that can be compared; None is no data."""
    numbers = (result.value, result.numerator, result.denominator, result.ci_low, result.ci_high)
    shown = [None if math.isnan(x[i]) else float(x[i]) for x in numbers]
    return (*shown, int(result.n[i]), {label: int(v[i]) for label, v in result.bins.items()})


def everything(of: Cube):
    return {name: plain(r) for name, r in results(of).items()}


def by_place(of: Cube, texts):
    """(site, unit) by name → every row."""
    keys, group = np.unique(np.stack([of.site, of.unit]), axis=1, return_inverse=True)
    rows = results(of, group.reshape(-1).astype(np.int64), keys.shape[1])
    return {
        (texts[site], texts[unit]): {name: plain(r, i) for name, r in rows.items()}
        for i, (site, unit) in enumerate(keys.T.tolist())
    }


def same_cells(a: Cube, b: Cube):
    assert a.key.tolist() == b.key.tolist()
    assert {k: v.tolist() for k, v in a.sums.items()} == {k: v.tolist() for k, v in b.sums.items()}
    assert a.seconds.keys() == b.seconds.keys()
    for name, h in a.seconds.items():
        other = b.seconds[name]
        rows = [(x.cell.tolist(), x.second.tolist(), x.count.tolist()) for x in (h, other)]
        assert rows[0] == rows[1], name


def agree(got, contacts, where):
    """The core's rows against the oracle's reading of the same contacts."""
    for name, kpi in KPIS.items():
        want, (value, numerator, _, low, high, n, bins) = oracle_kpis.KPIS[name](contacts), got[name]
        assert n == want.n, (name, where)
        if kpi.kind is Kind.HISTOGRAM:
            assert bins == want.bins, (name, where)
            continue
        assert (value is None) == (want.value is None), (name, where)
        if value is not None:
            assert value == pytest.approx(want.value, rel=NEAR, abs=0), (name, where)
        if kpi.kind is Kind.RATIO:
            assert numerator == want.numerator, (name, where)
            interval = oracle_kpis.wilson(want.numerator, want.n) or (None, None)
            assert (low, high) == pytest.approx(interval, abs=1e-9), (name, where)


@pytest.mark.parametrize("name", KPIS)
def test_the_oracle_defines_every_row_of_the_table(name):
    assert name in oracle_kpis.KPIS


@slow
@given(worlds.worlds())
def test_every_value_equals_the_oracle_by_site_and_unit_and_in_total(world):
    names, contacts = names_of(world), oracle.read(world.events, world.sites)
    core = cube(world, names)
    agree(everything(core), contacts, "total")
    for (site, unit), rows in by_place(core, names.texts).items():
        agree(rows, contacts.where(lambda c, s=site, u=unit: (c.site, c.unit) == (s, u)), (site, unit))


@slow
@given(worlds.worlds())
def test_every_value_equals_the_oracle_by_local_quarter_of_an_hour(world):
    contacts = oracle.read(world.events, world.sites)
    core = cube(world)
    quarters = sorted({c.quarter for c in contacts.everything()})
    assert sorted(set(core.quarter.tolist())) == quarters
    rows = results(core, np.searchsorted(quarters, core.quarter), len(quarters))
    for i, quarter in enumerate(quarters):
        of_quarter = contacts.where(lambda c, q=quarter: c.quarter == q)
        agree({name: plain(r, i) for name, r in rows.items()}, of_quarter, quarter)


@slow
@given(worlds.worlds(), st.permutations(range(3)))
def test_sites_computed_apart_merge_to_the_whole_in_any_order(world, order):
    names = names_of(world)
    parts = [
        cube(replace(world, events=tuple(e for e in world.events if e.site == site.id)), names) for site in world.sites
    ]
    whole = cube(world, names)
    same_cells(merge(parts), whole)
    same_cells(merge([parts[i] for i in order]), whole)
    same_cells(merge([merge(parts[1:]), parts[0]]), whole)


@slow
@given(worlds.worlds(), st.randoms(use_true_random=False))
def test_batches_that_cut_no_contact_merge_to_the_whole(world, random):
    """Calls of known callers stay together, because repeat calls are looked for; restarts reach every batch."""
    names = names_of(world)
    heard = [e for e in world.events if e.type.startswith(("call.", "agent.", "source."))]
    end_us = {names.code(e.site): e.time_us for e in sorted(heard, key=lambda e: e.time_us)}
    known = {(e.site, e.contact) for e in world.events if e.caller}
    batch_of = defaultdict(lambda: random.randrange(3))
    parts = [[], [], []]
    for e in world.events:
        call = e.site, e.contact
        if e.type == "source.restarted":
            for part in parts:
                part.append(e)
        else:
            parts[batch_of[e.site if call in known else call]].append(e)
    cubes = [cube(replace(world, events=tuple(part)), names, end_us) for part in parts]
    whole = cube(world, names, end_us)
    same_cells(merge(cubes), whole)
    same_cells(merge(cubes[::-1]), whole)


@slow
@given(worlds.worlds())
def test_days_cut_from_a_cube_merge_and_roll_up_to_the_whole(world):
    whole = cube(world)
    days = sorted(set((whole.quarter // QUARTERS_A_DAY).tolist()))
    parts = [within(whole, (day * QUARTERS_A_DAY, (day + 1) * QUARTERS_A_DAY)) for day in days]
    same_cells(merge([*parts, select(whole, np.zeros(len(whole), bool))]), whole)
    assert everything(merge(parts[::-1])) == everything(whole)


@slow
@given(worlds.worlds(), st.randoms(use_true_random=False))
def test_codes_of_sites_and_units_change_no_value(world, random):
    names = names_of(world)
    shuffled = names.texts[1:]
    random.shuffle(shuffled)
    other = worlds.Names(shuffled)
    assert by_place(cube(world, names), names.texts) == by_place(cube(world, other), other.texts)


@slow
@given(worlds.worlds(starts=(QUIET,)))
def test_a_shift_of_one_week_changes_no_value(world):
    a, b = cube(world), cube(world.shifted(WEEK_US))
    assert everything(a) == everything(b)
    assert [q + 7 * QUARTERS_A_DAY for q in a.quarter.tolist()] == b.quarter.tolist()


@slow
@given(worlds.worlds(sites=SITES[:2]), worlds.worlds(sites=(Site(id="yala", timezone="America/New_York"),)))
def test_an_unrelated_site_changes_no_value(world, other):
    both = World((*other.events, *world.events), (*world.sites, *other.sites))
    names = names_of(both)
    whole = cube(both, names)
    ours = select(whole, whole.site != names.code("yala"))
    same_cells(ours, cube(world, names))


@slow
@given(worlds.worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_contacts_arrive_changes_no_value(world, random):
    """Events of one contact keep their order among themselves, and so do those that cut off calls."""
    rows = defaultdict(list)
    for e in world.events:
        rows[e.site, e.contact or e.time_us].append(e)
    turns = [key for key, of in rows.items() for _ in of]
    random.shuffle(turns)
    queues = {key: iter(of) for key, of in rows.items()}
    names = names_of(world)
    mixed = replace(world, events=tuple(next(queues[key]) for key in turns))
    same_cells(cube(mixed, names), cube(world, names))


@slow
@given(worlds.worlds())
def test_counts_and_numbers_of_contacts_of_all_units_add_up_to_the_total(world):
    names = names_of(world)
    core = cube(world, names)
    total, places = everything(core), by_place(core, names.texts)
    for name, kpi in KPIS.items():
        if kpi.kind is Kind.COUNT:
            assert sum(rows[name][0] for rows in places.values()) == total[name][0], name
        assert sum(rows[name][5] for rows in places.values()) == total[name][5], name


@pytest.mark.parametrize("kpi", KPIS.values(), ids=KPIS)
def test_no_events_are_no_data(kpi):
    value, _, _, low, high, n, bins = everything(cube(World(())))[kpi.name]
    assert n == 0
    assert value == (0 if kpi.kind is Kind.COUNT else None)
    assert (low, high) == (None, None)
    assert set(bins.values()) <= {0}


@slow
@given(worlds.worlds())
def test_a_value_without_contacts_is_no_data_and_never_0_or_100_percent(world):
    for name, (value, _, _, low, high, n, _) in everything(cube(world)).items():
        if KPIS[name].kind is not Kind.COUNT and n == 0:
            assert (value, low, high) == (None, None, None), name
