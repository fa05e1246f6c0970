"""The cube: where a contact is counted, exact sums, quantiles."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from kpis import rollup
from kpis.blocks import LONGEST_S, add_rows, cells_of, narrow
from kpis.columns import QUARTERS_A_DAY, group, hash_names
from kpis.cube import NOTHING, Seconds, build, by_site, coarsen, merge, pack, select
from kpis.model import By
from kpis.rollup import labelled, quantile, roll_up, roll_up_all
from telemetry.config import Site
from telemetry.parallel import in_threads
from tests.kpis.cells import UTC, facts, total
from tests.kpis.made import figures, log, press, ticket
from tests.kpis.worlds import BERLIN, S


def epoch(text):
    return int(datetime.fromisoformat(text).timestamp())


def local_quarters(at, site):
    """Local times at which the quarters begin that hold a vote of this moment."""
    cells = figures(press(5, start=at, site=site), site, unit="idcard").cells
    return [str(np.datetime64(15 * q, "m")).replace("T", " ") for _, q in cells]


@pytest.mark.parametrize(
    ("at", "there"),
    [
        ("2026-01-01T02:59:59Z", "2026-01-01 09:45"),
        ("2026-01-01T03:00:00Z", "2026-01-01 10:00"),
        ("2026-01-01T03:14:59Z", "2026-01-01 10:00"),
        ("2026-01-01T03:15:00Z", "2026-01-01 10:15"),
        ("2026-01-01T16:59:59Z", "2026-01-01 23:45"),
        ("2026-01-01T17:00:00Z", "2026-01-02 00:00"),
        ("2024-02-28T17:00:00Z", "2024-02-29 00:00"),
        ("2025-12-31T17:00:00Z", "2026-01-01 00:00"),
    ],
)
def test_a_contact_stands_in_its_local_quarter_and_a_day_begins_at_1700_utc(at, there):
    assert local_quarters(epoch(at), Site(id="bangrak")) == [there]


@pytest.mark.parametrize(
    ("at", "there"),
    [
        ("2026-03-29T00:59:59Z", "2026-03-29 01:45"),
        ("2026-03-29T01:00:00Z", "2026-03-29 03:00"),
        ("2026-10-25T00:59:59Z", "2026-10-25 02:45"),
        ("2026-10-25T01:00:00Z", "2026-10-25 02:00"),
        ("2026-10-25T02:00:00Z", "2026-10-25 03:00"),
    ],
)
def test_where_clocks_change_the_quarter_is_what_the_wall_clock_says(at, there):
    assert local_quarters(epoch(at), BERLIN) == [there]


def test_the_hour_that_comes_twice_keeps_all_its_contacts():
    both = press(5, start=epoch("2026-10-25T00:20:00Z"), site=BERLIN) + press(
        1, start=epoch("2026-10-25T01:20:00Z"), site=BERLIN
    )
    f = figures(both, BERLIN, unit="idcard")
    assert (f.votes, len(f.cells)) == (2, 1)


def test_a_call_over_midnight_belongs_to_the_day_in_which_it_arrived():
    at = epoch("2026-01-01T16:59:50Z")
    f = figures(
        log("0|1.1|q|NONE|ENTERQUEUE||8|1\n40|1.1|q|A|CONNECT|40|1.2|9\n900|1.1|q|A|COMPLETEAGENT|40|860|1", start=at),
    )
    assert (f.calls_answered, f.talk_seconds_mean) == (1, 860)
    assert [q // QUARTERS_A_DAY for _, q in f.cells] == [at * S // 86_400_000_000]


@pytest.mark.parametrize(
    ("values", "q", "rank"),
    [
        ([7], 0.5, 7),
        ([7], 0.9, 7),
        ([1, 2], 0.5, 1),
        ([1, 2, 3], 0.5, 2),
        (range(1, 11), 0.5, 5),
        (range(1, 11), 0.9, 9),
        (range(1, 12), 0.9, 10),
        (range(1, 101), 0.9, 90),
        ([0, 0, 0, 500], 0.5, 0),
        ([0, 0, 0, 500], 0.9, 500),
        (range(1, 1001), 0.9, 900),
        (range(1, 1001), 1.0, 1000),
        ([7], 1.0, 7),
    ],
)
def test_a_quantile_is_the_nearest_rank(values, q, rank):
    counts = [(v, list(values).count(v)) for v in sorted(set(values))]
    h = Seconds(np.zeros(len(counts), np.int64), *(np.array(x, np.int64) for x in zip(*counts, strict=True)))
    assert quantile(h, 1, q).tolist() == [rank]


def test_quantiles_of_several_groups_do_not_touch_and_an_empty_one_has_none():
    h = Seconds(np.array([1, 1, 3]), np.array([4, 9, 2]), np.array([3, 1, 5]))
    assert [str(x) for x in quantile(h, 5, 0.9)] == ["nan", "9.0", "nan", "2.0", "nan"]


def test_waits_are_rounded_up_to_whole_seconds_in_quantiles_only():
    f = figures(ticket("0 issued, 1.001 called"))
    assert (f.ticket_wait_seconds_p50, f.ticket_wait_seconds_mean) == (2, 1.001)


def one_row(name, value, **more):
    return build({"f": facts([1], [1], [1], {name: [value]}, **more)}, UTC)


def test_sums_are_exact_beyond_what_a_double_holds():
    n, large = 1_000_000, (1 << 42) - 1
    rows = facts(np.ones(n), np.ones(n), np.arange(n), {"m": np.full(n, large)})
    assert large * n > 1 << 53
    assert total(build({"f": rows}, UTC))[0] == {"m": large * n}


@pytest.mark.parametrize("n", [1, 255, 256, 65_535, 65_536, 70_000])
def test_a_cell_counts_right_however_many_contacts_fall_into_it(n):
    """Counters of one cell lie side by side, as narrow as the fullest cell allows."""
    every, none, third = np.ones(n, bool), np.zeros(n, bool), np.arange(n) % 3 == 0
    rows = facts(
        np.ones(n), np.ones(n), np.ones(n), {"a": every, "b": third, "c": none, "d": every, "ms": np.full(n, 2**40)}
    )
    cube = build({"f": rows}, UTC)
    assert total(cube)[0] == {"a": n, "b": int(third.sum()), "c": 0, "d": n, "ms": n * 2**40}
    assert total(merge([cube, cube]))[0] == {"a": 2 * n, "b": 2 * int(third.sum()), "c": 0, "d": 2 * n, "ms": n * 2**41}


def test_amounts_below_zero_are_kept():
    cube = one_row("offset_ms", -5)
    assert total(merge([cube, cube, one_row("offset_ms", 3)]))[0] == {"offset_ms": -7}


def test_merging_nothing_and_cubes_of_nothing_is_nothing():
    empty = build({"f": facts([], [], [], {"m": np.empty(0, bool)}, {"h": []})}, UTC)
    assert len(merge([])) == len(merge([NOTHING, NOTHING])) == len(merge([empty, empty])) == 0
    assert merge([empty, empty]).measures == ("m",)
    assert merge([empty, empty]).histograms == ("h",)


def test_a_measure_that_only_one_cube_has_survives_the_merge():
    merged = merge([one_row("old", 1, seconds={"x": [7]}), one_row("new", True, seconds={"y": [9], "x": [8]})])
    assert total(merged) == ({"old": 1, "new": 1}, {"x": {7: 1, 8: 1}, "y": {9: 1}})


def test_days_and_sites_that_follow_each_other_are_put_together_as_they_are():
    def day(site, first):
        return build({"f": facts([site] * 3, [5, 2, 9], [first, first + 1, first + 2], {"m": [1, 2, 3]})}, UTC)

    parts = [day(2, 96), day(1, 0), day(2, 0), day(1, 96)]
    merged = merge(parts).blocks["unit"]
    assert list(zip(merged.site.tolist(), merged.quarter.tolist(), strict=True)) == [
        (site, first + i) for site in (1, 2) for first in (0, 96) for i in range(3)
    ]
    assert total(merge(parts))[0] == {"m": 24}


def test_units_of_one_family_are_not_those_of_another():
    cube = build(
        {
            "calls": facts([1, 1], [7, 8], [0, 0], {"calls": [True, True]}),
            "agents": facts([1], [7], [0], {"talk_ms": [5]}, by=By.AGENT),
        },
        UTC,
    )
    found, places = labelled(cube, lambda block: block.unit if block.by is By.UNIT else -1 - block.unit)
    sums, _ = roll_up(cube, places, len(found))
    assert found.tolist() == [7, 8]
    assert {name: v.tolist() for name, v in sums.items()} == {"calls": [1, 1], "talk_ms": [0, 0]}


def test_a_ratio_may_take_its_parts_from_two_families():
    cube = build(
        {
            "votes": facts([1], [7], [3], {"votes": [True]}),
            "tickets": facts([1] * 4, [7] * 4, [3, 3, 4, 5], {"tickets": [1] * 4}),
        },
        UTC,
    )
    found, places = labelled(cube, lambda block: block.quarter)
    sums, _ = roll_up(cube, places, len(found))
    assert (found.tolist(), sums["votes"].tolist(), sums["tickets"].tolist()) == ([3, 4, 5], [1, 0, 0], [2, 1, 1])


def test_a_row_that_stands_for_many_counts_as_many_in_its_histogram():
    cube = build(
        {"f": facts([1] * 4, [1] * 4, [0] * 4, {}, {"h": [3, 3, 4, 5]}, weight=np.array([10, 300, 1, 0]))}, UTC
    )
    assert total(cube)[1] == {"h": {3: 310, 4: 1}}


def test_a_time_longer_than_a_histogram_tells_apart_counts_as_its_longest():
    cube = build({"f": facts([1, 1], [1, 1], [0, 0], {}, {"h": [LONGEST_S + 1, LONGEST_S]})}, UTC)
    assert total(cube)[1] == {"h": {LONGEST_S: 2}}


def test_a_cell_says_its_site_unit_and_quarter():
    cube = build({"f": facts([7, 2**20 - 1], [2**20 - 1, 0], [0, 2**24 - 1], {"m": [1, 2]})}, UTC).blocks["unit"]
    assert (cube.site.tolist(), cube.unit.tolist()) == ([7, 2**20 - 1], [2**20 - 1, 0])
    assert cube.quarter.tolist() == [0, 2**24 - 1]
    assert cube.measure("m").tolist() == [1, 2]
    assert cube.measure("other") is None


@pytest.mark.parametrize("sites", [1, 2, 400])
def test_cells_come_in_the_order_of_their_keys_however_far_apart_they_are(sites):
    dice = np.random.default_rng(sites)
    n = 5000
    key = pack(dice.integers(0, sites, n) * 2000, dice.integers(0, 2**20, n), dice.integers(0, 2**24, n))
    g = cells_of(key)
    assert np.array_equal(key[g.order[g.starts]], np.unique(key))
    assert np.array_equal(key[g.order][g.starts][g.of_row], key[g.order])


def test_a_cube_cut_by_site_is_the_cubes_of_the_sites():
    rows = facts([3, 1, 3, 2], [5, 5, 6, 5], [9, 8, 7, 6], {"m": [1, 2, 4, 8]}, {"h": [60, 70, 80, 90]})
    whole = build({"f": rows, "none": facts([], [], [], {"x": []}, by=By.SITE)}, UTC)
    parts = by_site(whole)
    assert {site: total(part) for site, part in parts.items()} == {
        1: ({"m": 2}, {"h": {70: 1}}),
        2: ({"m": 8}, {"h": {90: 1}}),
        3: ({"m": 5}, {"h": {60: 1, 80: 1}}),
    }
    assert total(merge(list(parts.values()))) == ({"m": 15}, {"h": {60: 1, 70: 1, 80: 1, 90: 1}})


def test_many_cubes_roll_up_like_all_in_one(monkeypatch):
    monkeypatch.setattr(rollup, "_CUBES_AT_ONCE", 3)
    dice = np.random.default_rng(1)
    cubes = [
        build({"f": facts([d % 3 + 1] * 9, [5] * 9, d * 96 + np.arange(9), {"m": dice.integers(0, 9, 9)}, {"h": dice.integers(0, 4, 9)})}, UTC)
        for d in range(8)
    ]  # fmt: skip
    whole = merge(cubes)
    places = {name: block.site - 1 for name, block in whole.blocks.items()}
    one = roll_up(whole, places, 3)
    for each in (map, in_threads):
        again = roll_up(merge(cubes, each), places, 3, each)
        for many in (again, roll_up_all(cubes, lambda block: block.site - 1, 3, each)):
            assert {name: v.tolist() for name, v in many[0].items()} == {name: v.tolist() for name, v in one[0].items()}
            for part in ("cell", "second", "count"):
                assert getattr(many[1]["h"], part).tolist() == getattr(one[1]["h"], part).tolist()


@pytest.mark.parametrize("n", [1, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("most", [1, 255, 65_535, 2**32 - 1, 2**50])
def test_rows_are_added_up_exactly_whatever_holds_them(n, most):
    dice = np.random.default_rng(n)
    rows, of = dice.integers(most // 2, most, (n, 3), endpoint=True), dice.integers(-1, 4, n)
    want = [
        [sum(v for v, g in zip(rows[:, m].tolist(), of.tolist(), strict=True) if g == k) for m in range(3)]
        for k in range(4)
    ]
    assert add_rows(narrow(rows), of, 4).tolist() == want
    assert add_rows(narrow(rows), np.zeros(n, np.int64), 1).tolist() == [[sum(rows[:, m].tolist()) for m in range(3)]]


def test_cells_of_a_day_hold_what_its_quarters_held():
    rows = facts([1] * 4, [5, 5, 6, 5], [9, 95, 96, 191], {"m": [1, 2, 4, 8]}, {"h": [60, 60, 80, 90]})
    day = coarsen(build({"f": rows}, UTC)).blocks["unit"]
    assert list(zip(day.quarter.tolist(), day.unit.tolist(), day.measure("m").tolist(), strict=True)) == [
        (0, 5, 3), (96, 5, 8), (96, 6, 4)
    ]  # fmt: skip
    assert (day.seconds.cell.tolist(), day.seconds.second.tolist(), day.seconds.count.tolist()) == (
        [0, 1, 2], [60, 90, 80], [2, 1, 1]
    )  # fmt: skip


def test_cells_that_are_left_out_take_their_histograms_along():
    rows = facts([1, 2, 3], [5] * 3, [0] * 3, {"m": [1, 2, 4]}, {"h": [60, 70, 80], "k": [1, -1, 2]})
    kept = select(build({"f": rows}, UTC), lambda block: block.site != 2)
    assert total(kept) == ({"m": 5}, {"h": {60: 1, 80: 1}, "k": {1: 1, 2: 1}})


def test_keys_that_share_their_upper_bits_are_still_told_apart():
    key = np.array([9, 8, 9, 11, 8, 10], np.uint64)
    g = group(key)
    assert (key[g.order].tolist(), g.order.tolist()) == ([8, 8, 9, 9, 10, 11], [1, 4, 0, 2, 5, 3])
    assert g.starts.tolist() == [0, 2, 4, 5]


def test_only_the_empty_name_hashes_to_zero():
    assert hash_names([b"", b"a", b"b", b"x" * 64]).astype(bool).tolist() == [False, True, True, True]
    assert len(set(hash_names([str(i).encode() for i in range(1000)]).tolist())) == 1000
