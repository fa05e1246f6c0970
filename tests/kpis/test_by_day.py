"""The headline call figures by centre and day, straight from calls, are those that the cube gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.calls.by_day import QUANTILES, Calls, by_day
from kpis.columns import DAY_US, MISSING, Zones
from kpis.declared import ALWAYS, steps
from kpis.model import Rules
from kpis.results import facts_of
from tests.kpis import worlds
from tests.kpis.worlds import columns_of, names_of, rules_and_zones

COUNTS = ("calls_offered", "calls_answered", "calls_lost", "answered_within_target", "answered_wait_known",
          "answered_wait_ms")  # fmt: skip
RINGS = ("rings_1", "rings_2", "rings_3", "rings_4", "rings_5_or_more")


def calls_of(facts):
    """The offered calls among facts, as columns."""
    counts = facts.counts
    rows = np.flatnonzero(counts["calls_offered"])

    def known(mask, value):
        return np.where(counts[mask], counts[value], MISSING)[rows]

    return rows, Calls(
        site=facts.site[rows],
        arrival_us=facts.arrival_us[rows],
        answered=counts["calls_answered"][rows].astype(bool),
        lost=counts["calls_lost"][rows].astype(bool),
        wait_ms=known("answered_wait_known", "answered_wait_ms"),
        ring_ms=known("calls_ring_known", "ring_ms"),
    )


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(worlds.worlds(), st.randoms(use_true_random=False))
def test_every_figure_is_that_of_the_cube_whatever_the_order_of_calls(world, random):
    names = names_of(world)
    rules, zones = rules_and_zones(world, names)
    facts = facts_of(columns_of(world.events, names), rules, zones)["calls"]
    rows, calls = calls_of(facts)
    order = list(range(len(rows)))
    random.shuffle(order)
    got = by_day(Calls(*(getattr(calls, f)[order] for f in Calls.__slots__)), rules, zones)
    day = zones.to_local(facts.arrival_us, facts.site) // DAY_US
    seen = 0
    for d in range(len(got.calls_offered)):
        for s, site in enumerate(got.sites.tolist()):
            here = (facts.site == site) & (day == got.first_day + d) & (facts.counts["calls_offered"] > 0)
            for name in COUNTS:
                assert getattr(got, name)[d, s] == facts.counts[name][here].sum(), name
            assert got.rings[d, :, s].tolist() == [facts.counts[name][here].sum() for name in RINGS]
            waits = np.sort(facts.seconds["call_wait_s"][here & (facts.seconds["call_wait_s"] >= 0)])
            want = (
                [waits[max(int(np.ceil(q * len(waits) - 1e-9)), 1) - 1] for q in QUANTILES]
                if len(waits)
                else [np.nan] * 3
            )
            np.testing.assert_array_equal(got.wait_s[d, s], want)
            seen += int(here.sum())
    assert seen == len(rows)


def made(n, sites, *, longest_ms=100_000, seed=1):
    rng = np.random.default_rng(seed)
    return Calls(
        site=rng.choice(sites, n).astype(np.int32),
        arrival_us=np.sort(rng.integers(0, 3 * DAY_US, n)),
        answered=rng.random(n) < 0.9,
        lost=np.zeros(n, bool),
        wait_ms=rng.integers(0, longest_ms, n),
        ring_ms=rng.integers(0, 40_000, n),
    )


def plain_rules(sites, limits=20_000):
    of = dict(zip(sites, limits if isinstance(limits, list) else [limits] * len(sites), strict=True))
    return Rules(
        ring_cycle_ms=dict.fromkeys(sites, 5000), ring_clock={}, short_abandon_ms={}, fcr_window_us={},
        service_level_ms=steps((s, ALWAYS, ms) for s, ms in of.items()),
    )  # fmt: skip


UTC = Zones({}, (np.array([-(2**62)]),), (np.array([0]),))


@pytest.mark.parametrize(("sites", "longest_ms"), [(range(1, 2000), 100_000), (range(1, 5), 9_000_000_000)])
def test_many_sites_and_long_waits_take_the_wide_sort_and_give_the_same(sites, longest_ms):
    sites = list(sites)
    calls = made(5000, sites[:4], longest_ms=longest_ms)
    got = by_day(calls, plain_rules(sites), UTC)
    for s, site in enumerate(sites[:4]):
        here = (calls.site == site) & (calls.arrival_us < DAY_US) & calls.answered
        waits = np.sort(-(-calls.wait_ms[here] // 1000))
        assert got.wait_s[0, s].tolist() == [waits[max(int(np.ceil(q * len(waits) - 1e-9)), 1) - 1] for q in QUANTILES]
        assert got.answered_wait_ms[0, s] == calls.wait_ms[here].sum()


def test_each_site_is_held_to_its_own_service_level_as_it_was_in_force():
    calls = replace(made(2000, [1, 2]), wait_ms=np.full(2000, 15_000))
    own = by_day(calls, plain_rules([1, 2], [10_000, 20_000]), UTC)
    assert own.answered_within_target[:, 0].sum() == 0
    assert (own.answered_within_target[:, 1] == own.calls_answered[:, 1]).all()
    dated = plain_rules([1, 2])
    dated = replace(dated, service_level_ms=steps([(1, ALWAYS, 10_000), (1, DAY_US, 20_000), (2, ALWAYS, 20_000)]))
    got = by_day(calls, dated, UTC)
    assert got.answered_within_target[0, 0] == 0
    assert (got.answered_within_target[1:, 0] == got.calls_answered[1:, 0]).all()


def test_no_calls_have_no_days():
    got = by_day(made(0, [1]), plain_rules([1]), UTC)
    assert got.calls_offered.shape == (0, 1)
