"""Many sites at once, tick by tick: what is kept of them and put together says what a computation from scratch says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis import many
from kpis.building import build
from kpis.columns import DAY_US, concat
from kpis.cube import by_site
from kpis.keeping import Kept
from kpis.many import of_many
from kpis.results import facts_of
from telemetry.events import EVENT_TYPES
from telemetry.rules import rules_of, zones_of
from telemetry.waiting import standing_in, waiting_in
from tests.bench.kpi_day import CODE, NAMES, day, site
from tests.kpis import worlds
from tests.kpis.cells import same_cells
from tests.kpis.test_keeping import BETTER, NOON_US, one_more
from tests.kpis.worlds import columns_of, names_of, rules_and_zones

slow = settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))


def agree(kept, columns, rules, zones, heard=worlds.NOTHING.heard(lambda _: -1)):  # noqa: B008
    facts, cube = of_many(columns, rules, zones, heard, kept=kept)
    scratch = facts_of(concat([*columns.values()]), rules, zones, heard)
    whole = build(scratch, zones)
    same_cells(cube, whole)
    assert {name: (block.by, *block.names) for name, block in cube.blocks.items()} == {
        name: (block.by, *block.names) for name, block in whole.blocks.items()
    }, "and in the same order: only so are cubes put together quickly"
    for code, part in by_site(cube).items():
        same_cells(part, by_site(whole)[code])
    at_us = max(rules.as_of_us.values())
    today = {c: int(zones.to_local(np.array([at_us]), np.array([c]))[0] // DAY_US) for c in columns}
    assert waiting_in(facts, today, at_us, zones) == waiting_in(scratch, today, at_us, zones)
    assert standing_in(facts) == standing_in(scratch)


@slow
@given(worlds.worlds(), st.randoms(use_true_random=False), st.booleans())
def test_any_sites_in_any_ticks_are_what_they_are_from_scratch(world, chance, several_tell):
    names = names_of(world)
    rules, zones = rules_and_zones(world, names)
    rules = rules if several_tell else replace(rules, tellers={})
    heard = world.kept.heard(names.code)
    everything = columns_of(world.events, names)
    codes = np.unique(everything.site).tolist()
    of = {code: everything.take(everything.site == code) for code in codes}
    kept, upto = {code: Kept() for code in codes}, dict.fromkeys(codes, 0)
    now_us = dict.fromkeys(codes, int(everything.time_us.max(initial=0)))
    while any(upto[code] < len(of[code]) for code in codes):
        for code in codes:
            upto[code] = min(upto[code] + chance.choice((0, 1, 5, 60)), len(of[code]))
            now_us[code] += chance.choice((0, 1, 60_000_000, DAY_US // 3))
        some = [code for code in codes if upto[code] and chance.random() < 0.8]
        if some:
            columns = {code: of[code].take(slice(0, upto[code])) for code in some}
            agree(kept, columns, replace(rules, as_of_us={code: now_us[code] for code in some}), zones, heard)


@pytest.fixture(scope="module")
def three():
    """A busy day of three centres, their rules and zones."""
    sites = [replace(site(i), id=f"centre-{i}") for i in range(3)]
    codes = {**CODE, **{f"centre-{i}": len(NAMES) + 1 + i for i in range(3)}}

    def code(name):
        return codes.get(name, -1)

    opens = NOON_US - 27_000_000_000
    columns = {code(s.id): day(code(s.id), opens, np.random.default_rng(i), 0.1) for i, s in enumerate(sites)}
    rules = rules_of(sites, code, as_of_us=dict.fromkeys(columns, NOON_US))
    return columns, rules, zones_of(sites, code)


KINDS = sorted({of.code for of in EVENT_TYPES.values()})


@pytest.mark.parametrize(
    ("kind", "tellers"),
    [*((kind, {}) for kind in KINDS), *((kind, BETTER) for kind in (10, 40, 51, 55, 92))],
)
def test_an_event_of_any_type_at_one_of_several_sites_changes_what_it_changes(three, kind, tellers):
    columns, rules, zones = three
    rules, rng, kept = replace(rules, tellers=tellers), np.random.default_rng(kind), {code: Kept() for code in columns}
    now = {code: cols.take(cols.type != kind) for code, cols in columns.items()}
    agree(kept, now, rules, zones)
    for code, later_us in zip(now, (0, 5 * 3600 * 1_000_000, 0), strict=True):
        now[code] = one_more(now[code], kind, rng, later_us)
        agree(kept, now, rules, zones)


def test_of_sites_that_nothing_came_to_no_part_is_made_again_but_the_time_goes_on(three, monkeypatch):
    columns, rules, zones = three
    kept = {code: Kept() for code in columns}
    agree(kept, columns, rules, zones)
    first, second, third = columns
    made = []

    def noted(_, name, codes, *more):
        made.append((name, list(codes)))
        keep(_, name, codes, *more)

    keep = many.Together.keep
    monkeypatch.setattr(many.Together, "keep", noted)
    later = replace(rules, as_of_us=dict.fromkeys(columns, NOON_US + 1_000_000))
    agree(kept, columns, later, zones)
    assert made == []
    agree(kept, {**columns, second: one_more(columns[second], 40, np.random.default_rng(1))}, later, zones)
    assert made == [("votes", [second])]
    del made[:]
    midnight = replace(rules, as_of_us={first: NOON_US, second: NOON_US + 1_000_000, third: NOON_US + DAY_US})
    agree(kept, {**columns, second: one_more(columns[second], 40, np.random.default_rng(1))}, midnight, zones)
    assert {"tickets", "counters", "cases"} <= {name for name, codes in made if codes == [third]}
