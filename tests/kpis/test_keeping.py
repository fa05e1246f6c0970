"""What is kept of a day while it goes on: with it and without it, every tick says the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.building import build
from kpis.columns import DAY_US, MISSING
from kpis.keeping import READS, Kept, ahead
from kpis.matters import cases, conversations
from kpis.model import Teller
from kpis.results import facts_of
from telemetry.events import EVENT_TYPES
from telemetry.rules import rules_of, zones_of
from tests.bench.kpi_day import CODE, NAMES, day, site
from tests.kpis import worlds
from tests.kpis.cells import same_cells
from tests.kpis.test_second_reading_matters import long_worlds
from tests.kpis.worlds import columns_of, names_of, rules_and_zones

NOON_US = 1_795_230_000_000_000 // DAY_US * DAY_US + 9 * 3600 * 1_000_000
CENTRE = len(NAMES) + 1
slow = settings(deadline=None, max_examples=5, suppress_health_check=list(HealthCheck))


def same_facts(a, b):
    assert a.keys() == b.keys()
    for name, one in a.items():
        other = b[name]
        for what in ("site", "unit", "arrival_us"):
            assert np.array_equal(getattr(one, what), getattr(other, what)), (name, what)
        for what in ("counts", "seconds", "state"):
            mine, others = getattr(one, what), getattr(other, what)
            assert list(mine) == list(others), (name, what)
            assert all(np.array_equal(mine[x], others[x]) for x in mine), (name, what)


def agree(kept, cols, rules, zones, heard):
    facts, scratch = facts_of(cols, rules, zones, heard, kept), facts_of(cols, rules, zones, heard)
    same_facts(facts, scratch)
    same_cells(build(facts, zones, kept), build(scratch, zones))
    return facts


@slow
@given(worlds.worlds(), st.randoms(use_true_random=False), st.booleans())
def test_any_day_in_any_ticks_is_what_it_is_from_scratch(world, chance, several_tell):
    names = names_of(world)
    rules, zones = rules_and_zones(world, names)
    rules = rules if several_tell else replace(rules, tellers={})
    heard = world.kept.heard(names.code)
    everything = columns_of(world.events, names)
    for code in np.unique(everything.site).tolist():
        cols, kept = everything.take(everything.site == code), Kept()
        now_us, upto = int(cols.time_us.max()), 0
        while upto < len(cols):
            upto = min(upto + chance.choice((1, 2, 5, 40)), len(cols))
            now_us += chance.choice((0, 1, 60_000_000, DAY_US // 3))
            agree(kept, cols.take(slice(0, upto)), replace(rules, as_of_us={code: now_us}), zones, heard)


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(long_worlds(), st.randoms(use_true_random=False))
def test_what_waits_is_what_it_was_until_its_time_has_come(world, chance):
    names = names_of(world)
    rules, zones = rules_and_zones(world, names)
    everything = columns_of(world.events, names)
    for code in np.unique(everything.site).tolist():
        cols = everything.take(everything.site == code)
        for name, family in {"conversations": conversations, "cases": cases}.items():
            last_us, before, until_us = 0, None, 0
            for at_us in instants(cols, rules, zones, code, chance):
                facts = family.contacts(cols, replace(rules, as_of_us={code: at_us}), zones)
                day = [int(zones.to_local(np.array([us]), cols.site[:1])[0]) // DAY_US for us in (last_us, at_us)]
                if last_us < at_us < until_us and (name == "conversations" or day[0] == day[1]):
                    same_facts(before, facts)
                last_us, before = at_us, facts
                until_us = min(family.same_until(facts, at_us), ahead(name, cols, at_us))


def instants(cols, rules, zones, code, chance):
    """Just before, at and after some of all that may be waited for, in their order."""
    later = replace(rules, as_of_us={code: int(cols.time_us.max())})
    due = conversations.contacts(cols, later, zones)["conversations"].state["reply_due_us"]
    told = [x[(x != MISSING) & (x > 0) & (x < 2**50)] * 1000 for x in (cols.a, cols.b)]
    ages = [cols.time_us + us for us in (*conversations.AGES_US, *cases.AGES_US)]
    edges = np.unique(np.concatenate([cols.time_us, *told, *ages, due[due != MISSING]]))
    edges = edges[(edges >= cols.time_us.min()) & (edges < cols.time_us.max() + 70 * DAY_US)]
    some = chance.sample(edges.tolist(), min(25, len(edges)))
    return sorted({us + near for us in some for near in (-1, 0, 1, 1000, 1001)})


@pytest.fixture(scope="module")
def busy():
    """A busy day, its rules and zones."""
    one = replace(site(0), id="centre")
    code = {**CODE, "centre": CENTRE}.get
    cols = day(CENTRE, NOON_US - 27_000_000_000, np.random.default_rng(5), 0.1)
    rules = rules_of([one], lambda name: code(name, -1), as_of_us={CENTRE: NOON_US})
    return cols, rules, zones_of([one], lambda name: code(name, -1))


def one_more(cols, kind, rng, later_us=0):
    """The events and one more of this type, about something that another of them is about, or so much after them."""
    rows = rng.integers(0, len(cols), 6)
    picked = [cols.take(rows[i : i + 1]) for i in range(6)]
    extra = replace(
        picked[0],
        seq=cols.seq.max(keepdims=True) + 1,
        time_us=cols.time_us.max(keepdims=True) + later_us if later_us else picked[0].time_us,
        type=np.array([kind], np.int16),
        contact=picked[1].contact,
        unit=picked[2].unit,
        party=picked[3].party,
        a=picked[4].a,
        source=picked[5].source,
    )
    columns = type(cols).__slots__
    return type(cols)(*(np.concatenate([getattr(cols, c), getattr(extra, c)]) for c in columns))


BETTER = {CODE["pbx"]: Teller(1, 2), CODE["kiosk"]: Teller(1, 1)}


@pytest.mark.parametrize("tellers", [{}, BETTER], ids=["one log", "two logs"])
@pytest.mark.parametrize("kind", sorted({of.code for of in EVENT_TYPES.values()}))
def test_an_event_of_any_type_changes_no_part_that_does_not_read_it(busy, kind, tellers):
    cols, rules, zones = busy
    rules, rng, kept = replace(rules, tellers=tellers), np.random.default_rng(kind), Kept()
    cols = cols.take((cols.type != kind) & (cols.source != CODE["kiosk"]) if tellers else cols.type != kind)
    for later_us in (0, 0, 5 * 3600 * 1_000_000, 0):
        agree(kept, cols, rules, zones, worlds.NOTHING.heard(lambda _: -1))
        cols = one_more(cols, kind, rng, later_us)
        if tellers:
            cols = replace(cols, source=np.append(cols.source[:-1], np.int32(CODE["kiosk"])))
    agree(kept, cols, rules, zones, worlds.NOTHING.heard(lambda _: -1))


GROUPS = {"tickets": (10, 29), "conversations": (20, 25), "counters": (30, 31), "votes": (40, 41), "calls": (50, 70), "agents": (80, 88), "cases": (100, 109)}  # fmt: skip


@pytest.mark.parametrize("halves", ["contact", "party"])
@pytest.mark.parametrize("group", GROUPS)
def test_what_half_of_the_contacts_or_people_did_is_taken_up_when_it_comes_later(busy, group, halves):
    cols, rules, zones = busy
    first, last = GROUPS[group]
    of_half = np.unique(getattr(cols, halves))[::2]
    late = (cols.type >= first) & (cols.type <= last) & np.isin(getattr(cols, halves), of_half)
    order = np.concatenate([np.flatnonzero(~late), np.flatnonzero(late)])
    cols = replace(cols.take(order), seq=np.arange(1, len(order) + 1))
    kept, heard = Kept(), worlds.NOTHING.heard(lambda _: -1)
    for upto in (int((~late).sum()), len(cols)):
        agree(kept, cols.take(slice(0, upto)), rules, zones, heard)


def test_what_no_event_and_no_time_touched_is_not_made_again(busy):
    cols, rules, zones = busy
    kept = Kept()
    heard = worlds.NOTHING.heard(lambda _: -1)
    before = agree(kept, cols, rules, zones, heard)
    later = replace(rules, as_of_us={CENTRE: NOON_US + 1_000_000})
    after = agree(kept, one_more(cols, 92, np.random.default_rng(1)), later, zones, heard)
    kept_parts = {"calls", "agents", "agent_time", "tickets", "votes", "cover", "conversations", "cases"}
    assert {name for name in after if after[name] is before[name]} >= kept_parts
    assert after["contacts"] is before["contacts"]
    assert set(READS) <= {*kept_parts, "counters", "counter_words", "demand"}


@pytest.mark.parametrize(
    ("cols_of", "rules_of_now"),
    [
        (lambda cols: cols.take(slice(50, None)), lambda rules: rules),
        (lambda cols: cols.take(slice(0, 250)), lambda rules: rules),
        (lambda cols: replace(cols.take(slice(None, None, -1)), time_us=cols.time_us), lambda rules: rules),
        (lambda cols: cols, lambda rules: replace(rules, vote_pause_us={CENTRE: 600_000_000})),
        (lambda cols: cols, lambda rules: replace(rules, as_of_us={CENTRE: NOON_US + DAY_US})),
        (lambda cols: cols, lambda rules: replace(rules, as_of_us={})),
    ],
    ids=["the first are gone", "the last are gone", "others", "another rule", "the next day", "no cut-off"],
)
def test_of_other_events_or_by_other_rules_everything_is_made_anew(busy, cols_of, rules_of_now):
    cols, rules, zones = busy
    kept, heard = Kept(), worlds.NOTHING.heard(lambda _: -1)
    agree(kept, cols, rules, zones, heard)
    agree(kept, cols_of(cols), rules_of_now(rules), zones, heard)
    agree(kept, cols, rules, zones, heard)
