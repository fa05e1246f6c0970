"""What holds for every row of the KPI table in any world. A new row is covered as soon as the oracle defines it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.columns import QUARTERS_A_DAY
from kpis.cube import Cube, by_site, coarsen, merge, select, within
from kpis.model import By, Kind
from kpis.results import KPIS, evaluate, facts_of
from kpis.rollup import labelled, roll_up
from telemetry.config import Site
from telemetry.definitions import families
from telemetry.periods import STEPS
from tests.kpis import worlds
from tests.kpis.cells import cells, same_cells
from tests.kpis.second_reading import all as oracle
from tests.kpis.second_reading.base import wilson
from tests.kpis.second_reading.call_sources import LOGS
from tests.kpis.worlds import QUIET, SITES, WEEK_US, World, cube, names_of

NEAR = 1e-12
NO_DATES = {"holidays": "", "closed": (), "open": (), "other_hours": {}, "windows": (), "changes": ()}
slow = settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))


def results(of: Cube, label=None):
    """The labels that cells have, and every row of the table for each; all cells together without a label."""
    found, places = labelled(of, label or (lambda block: np.zeros(len(block), np.int64)))
    n = len(found) if label else 1
    sums, seconds = roll_up(of, places, n)
    return found.tolist(), {name: evaluate(kpi, sums, seconds, n) for name, kpi in KPIS.items()}


def plain(result, i=0):
    """A result as Python values that can be compared; None is no data."""
    numbers = (result.value, result.numerator, result.denominator, result.ci_low, result.ci_high)
    shown = [None if math.isnan(x[i]) else float(x[i]) for x in numbers]
    return (*shown, int(result.n[i]), {label: int(v[i]) for label, v in result.bins.items()})


def everything(of: Cube):
    return {name: plain(r) for name, r in results(of)[1].items()}


def by_place(of: Cube, texts):
    """(what the unit is, site, unit) by name → every row that is told by such units."""
    kinds = list(By)
    keys, rows = results(of, lambda block: kinds.index(block.by) << 40 | block.site << 20 | block.unit)
    return {
        (kinds[key >> 40], texts[key >> 20 & 0xFFFFF], texts[key & 0xFFFFF]): {
            name: plain(r, i) for name, r in rows.items() if KPIS[name].by is kinds[key >> 40]
        }
        for i, key in enumerate(keys)
    }


def everywhere(of: Cube) -> list[int]:
    """The quarters of any cell."""
    return sorted({q for block in of.blocks.values() for q in block.quarter.tolist()})


def agree(got, contacts, where):
    """The core's rows against the oracle's reading of the same contacts."""
    for name in got:
        kpi = KPIS[name]
        want, (value, numerator, _, low, high, n, bins) = oracle.KPIS[name](contacts), got[name]
        assert n == want.n, (name, where)
        if kpi.kind is Kind.HISTOGRAM:
            assert bins == want.bins, (name, where)
            continue
        assert (value is None) == (want.value is None), (name, where)
        if value is not None:
            assert value == pytest.approx(want.value, rel=NEAR, abs=0), (name, where)
        if kpi.kind is Kind.RATIO:
            assert numerator == want.numerator, (name, where)
            interval = wilson(want.numerator, want.n) or (None, None)
            assert (low, high) == pytest.approx(interval, abs=1e-9), (name, where)


@pytest.mark.parametrize("name", KPIS)
def test_the_oracle_defines_every_row_of_the_table(name):
    assert name in oracle.KPIS


@slow
@given(worlds.worlds())
def test_every_value_equals_the_oracle_by_site_and_unit_and_in_total(world):
    names, contacts = names_of(world), oracle.read(world.events, world.sites, world.kept)
    core = cube(world, names)
    agree(everything(core), contacts, "total")
    for place, rows in by_place(core, names.texts).items():
        agree(rows, contacts.where(lambda c, at=place: (c.by, c.site, c.unit) == at), place)


@slow
@given(worlds.worlds())
def test_every_value_equals_the_oracle_by_local_quarter_of_an_hour(world):
    contacts = oracle.read(world.events, world.sites, world.kept)
    quarters, rows = results(cube(world), lambda block: block.quarter)
    assert quarters == sorted({c.quarter for c in contacts.everything()})
    for i, quarter in enumerate(quarters):
        of_quarter = contacts.where(lambda c, q=quarter: c.quarter == q)
        agree({name: plain(r, i) for name, r in rows.items()}, of_quarter, quarter)


@slow
@given(worlds.worlds(), st.permutations(range(3)))
def test_sites_computed_apart_merge_to_the_whole_in_any_order(world, order):
    names = names_of(world)
    parts = [cube(world.of(site), names) for site in world.sites]
    whole = cube(world, names)
    same_cells(merge(parts), whole)
    same_cells(merge([parts[i] for i in order]), whole)
    same_cells(merge([merge(parts[1:]), parts[0]]), whole)


def alone(of: Cube):
    """What a cube holds without the families whose figures are of whole days: a batch does not hold them. Their batches
    are in test_whole_days.py."""
    whole_days = {name for name, family in families().items() if family in ("days", "contacts", "presence", "delays")}
    out = {}
    for block, rows in cells(of).items():
        for place, row in rows.items():
            kept = {name: value for name, value in row.items() if name not in whole_days and value}
            if kept:
                out[block, place] = kept
    return out


@slow
@given(worlds.worlds())
def test_a_measure_is_kept_in_the_same_table_whatever_the_events(world):
    """Else the cubes of two days would not add up."""
    nothing = cube(World((), world.sites))
    for family, block in cube(world).blocks.items():
        assert list(map(set, block.names)) == list(map(set, nothing.blocks[family].names)), family


@slow
@given(worlds.worlds(), st.randoms(use_true_random=False))
def test_batches_that_cut_no_contact_merge_to_the_whole(world, random):
    """Calls of known callers stay together, because repeat calls are looked for, and so do the tickets of a site, which
    stand in one line, with its votes, which are of tickets, what one of several logs of a system tells, and all that agents and
    counters do; restarts reach every batch."""
    names = names_of(world)
    heard = [e for e in world.events if e.type.startswith(("call.", "agent.", "source."))]
    end_us = {names.code(e.site): e.time_us for e in sorted(heard, key=lambda e: e.time_us)}
    as_of_us = {names.code(e.site): e.time_us for e in sorted(world.events, key=lambda e: e.time_us)}
    known = {
        (e.site, e.contact)
        for e in world.events
        if e.caller or e.party or e.source in LOGS or e.type.startswith(("ticket.", "vote."))
    }
    batch_of = defaultdict(lambda: random.randrange(3))
    parts = [[], [], []]
    for e in world.events:
        call = e.site, e.contact
        if e.type == "source.restarted":
            for part in parts:
                part.append(e)
        else:
            parts[batch_of[e.site if call in known else call]].append(e)
    cubes = [cube(replace(world, events=tuple(part)), names, end_us, as_of_us) for part in parts]
    whole = cube(world, names, end_us, as_of_us)
    assert alone(merge(cubes)) == alone(whole)
    assert alone(merge(cubes[::-1])) == alone(whole)


@slow
@given(worlds.worlds())
def test_days_cut_from_a_cube_merge_and_roll_up_to_the_whole(world):
    whole = cube(world)
    days = sorted({q // QUARTERS_A_DAY for q in everywhere(whole)})
    parts = [within(whole, (day * QUARTERS_A_DAY, (day + 1) * QUARTERS_A_DAY)) for day in days]
    same_cells(merge([*parts, select(whole, lambda block: np.zeros(len(block), bool))]), whole)
    assert everything(merge(parts[::-1])) == everything(whole)


@slow
@given(worlds.worlds(), st.randoms(use_true_random=False))
def test_any_split_by_site_and_day_merges_to_the_whole_in_any_order(world, random):
    whole = cube(world)
    part_of = defaultdict(lambda: random.randrange(4))

    def of(block, part):
        places = zip(block.site.tolist(), (block.quarter // QUARTERS_A_DAY).tolist(), strict=True)
        return np.array([part_of[place] == part for place in places], bool)

    parts = [select(whole, lambda block, p=p: of(block, p)) for p in range(4)]
    random.shuffle(parts)
    same_cells(merge(parts), whole)
    same_cells(merge([merge(parts[2:]), merge(parts[:2])]), whole)
    there = {family: of for family, of in cells(whole).items() if of}
    assert {family: of for family, of in cells(merge(list(by_site(whole).values()))).items() if of} == there
    assert everything(merge([whole, whole])) == everything(merge([*parts, *parts]))


LEVELS = {
    "unit": lambda site, unit, t: unit,
    "half_hour": lambda site, unit, t: t.replace(minute=t.minute // 30 * 30, second=0, microsecond=0),
    "hour": lambda site, unit, t: t.replace(minute=0, second=0, microsecond=0),
    "day": lambda site, unit, t: datetime(t.year, t.month, t.day, tzinfo=UTC),
    "month": lambda site, unit, t: datetime(t.year, t.month, 1, tzinfo=UTC),
    "quarter": lambda site, unit, t: datetime(t.year, (t.month - 1) // 3 * 3 + 1, 1, tzinfo=UTC),
    "fiscal_year": lambda site, unit, t: datetime(t.year - (t.month < 10), 10, 1, tzinfo=UTC),
    "province": lambda site, unit, t: PROVINCES[site],
    "country": lambda site, unit, t: "",
}
PROVINCES = {"bangrak": "Bangkok", "phuket": "South", "berlin": "South"}


def from_scratch(world, names, level):
    """Label → measures and histograms, added up row by row from the facts."""
    rules, zones = worlds.rules_and_zones(world, names)
    clock = {names.code(site.id): ZoneInfo(site.timezone) for site in world.sites}
    out = defaultdict(Counter)
    heard = world.kept.heard(names.code)
    for f in facts_of(worlds.columns_of(world.events, names), rules, zones, heard).values():
        for i, (site, unit, us) in enumerate(zip(f.site.tolist(), f.unit.tolist(), f.arrival_us.tolist(), strict=True)):
            t = datetime.fromtimestamp(us // worlds.S, clock[site]).replace(tzinfo=UTC, fold=0)
            mine = out[LEVELS[level](names.texts[site], (f.by, names.texts[unit]), t)]
            for name, values in f.counts.items():
                mine[name] += int(values[i])
            for name, values in f.seconds.items():
                if values[i] >= 0:
                    mine[name, int(values[i])] += 1 if f.weight is None else int(f.weight[i])
    return {label: +sums | {k: v for k, v in sums.items() if v < 0} for label, sums in out.items()}


def rolled_up(of, names, level):
    """The same, from a cube."""
    kinds, provinces = list(By), sorted(set(PROVINCES.values()))
    labels = {
        "unit": (lambda b: kinds.index(b.by) << 20 | b.unit, lambda x: (kinds[x >> 20], names.texts[x & 0xFFFFF])),
        "province": (
            lambda b: np.array([provinces.index(PROVINCES[names.texts[c]]) for c in b.site.tolist()], np.int64),
            provinces.__getitem__,
        ),
        "country": (lambda b: np.zeros(len(b), np.int64), lambda x: ""),
    }
    if level in STEPS:
        step = STEPS[level]
        label, text = (
            (lambda b: step.of(b.quarter)),
            lambda x: datetime(1970, 1, 1, tzinfo=UTC) + step.begin(x) * timedelta(minutes=15),
        )
    else:
        label, text = labels[level]
    found, places = labelled(of, label)
    sums, seconds = roll_up(of, places, len(found))
    out = {text(x): {name: int(v[i]) for name, v in sums.items() if v[i]} for i, x in enumerate(found.tolist())}
    for name, h in seconds.items():
        for g, second, n in zip(h.cell.tolist(), h.second.tolist(), h.count.tolist(), strict=True):
            out[text(int(found[g]))][name, second] = n
    return out


@slow
@given(worlds.worlds(), st.sampled_from(sorted(LEVELS)))
def test_a_roll_up_is_the_computation_from_scratch_at_every_level(world, level):
    names = names_of(world)
    whole = cube(world, names)
    scratch = from_scratch(world, names, level)
    assert rolled_up(whole, names, level) == scratch
    if level not in ("half_hour", "hour"):
        assert rolled_up(coarsen(whole), names, level) == scratch


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
    """At centres whose calendar knows weeks and no dates: a holiday does not shift with the events."""
    world = replace(world, sites=tuple(replace(site, **NO_DATES) for site in world.sites))
    a, b = cube(world), cube(world.shifted(WEEK_US))
    assert everything(a) == everything(b)
    assert [q + 7 * QUARTERS_A_DAY for q in everywhere(a)] == everywhere(b)


@slow
@given(worlds.worlds(sites=SITES[:2]), worlds.worlds(sites=(Site(id="yala", timezone="America/New_York"),)))
def test_an_unrelated_site_changes_no_value(world, other):
    both = World((*other.events, *world.events), (*world.sites, *other.sites), world.kept)
    names = names_of(both)
    whole = cube(both, names)
    ours = select(whole, lambda block: block.site != names.code("yala"))
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
    """But for figures of a centre over what its counters tell, such as their load."""
    names = names_of(world)
    core = cube(world, names)
    of = {name: block.by for block in core.blocks.values() for name in (*block.tallies.names, *block.amounts.names)}
    total, places = everything(core), by_place(core, names.texts)
    for name, kpi in KPIS.items():
        parts = [rows[name] for rows in places.values() if name in rows]
        if kpi.kind is Kind.COUNT:
            assert sum(part[0] for part in parts) == total[name][0], name
        if of.get(kpi.denominator, kpi.by) is kpi.by:
            assert sum(part[5] for part in parts) == total[name][5], name


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
