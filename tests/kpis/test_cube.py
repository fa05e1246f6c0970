"""The cube: where a contact is counted, exact sums, quantiles."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from kpis.columns import QUARTERS_A_DAY, group, hash_names
from kpis.cube import Cube, Seconds, merge, pack, quantile, roll_up
from telemetry.config import Site
from tests.kpis.made import figures, log, press, ticket
from tests.kpis.worlds import BERLIN, S


def epoch(text):
    return int(datetime.fromisoformat(text).timestamp())


def local_quarters(at, site):
    """Local times at which the quarters begin that hold a vote of this moment."""
    cells = figures(press(5, start=at, site=site), site).cells
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
    f = figures(both, BERLIN)
    assert (f.votes, len(f.cells)) == (2, 1)


def test_a_call_over_midnight_belongs_to_the_day_in_which_it_arrived():
    at = epoch("2026-01-01T16:59:50Z")
    f = figures(
        log("0|1.1|q|NONE|ENTERQUEUE||8|1\n40|1.1|q|A|CONNECT|40|1.2|9\n900|1.1|q|A|COMPLETEAGENT|40|860|1", start=at)
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


def test_sums_are_exact_beyond_what_a_double_holds():
    n, large = 3_000_000, (1 << 32) - 1
    many = Cube(pack(np.zeros(n, np.int64), np.zeros(n, np.int64), np.arange(n)), {"m": np.full(n, large)}, {})
    sums, _ = roll_up(many, np.zeros(n, np.int64), 1)
    assert sums["m"].tolist() == [large * n]


def test_merging_nothing_and_cubes_of_nothing_is_nothing():
    nothing = Cube(np.empty(0, np.uint64), {}, {})
    assert len(merge([])) == len(merge([nothing, nothing])) == 0


def test_a_measure_that_only_one_cube_has_survives_the_merge():
    key = pack(*(np.ones(1, np.int64),) * 3)
    merged = merge([Cube(key, {"old": np.array([1])}, {}), Cube(key, {"new": np.array([2])}, {})])
    assert {name: v.tolist() for name, v in merged.sums.items()} == {"old": [1], "new": [2]}


def test_a_cell_says_its_site_unit_and_quarter():
    cube = Cube(pack(np.array([7, 2**20 - 1]), np.array([2**20 - 1, 0]), np.array([0, 2**24 - 1])), {}, {})
    assert (cube.site.tolist(), cube.unit.tolist()) == ([7, 2**20 - 1], [2**20 - 1, 0])
    assert cube.quarter.tolist() == [0, 2**24 - 1]


def test_keys_that_share_their_upper_bits_are_still_told_apart():
    key = np.array([9, 8, 9, 11, 8, 10], np.uint64)
    g = group(key)
    assert (key[g.order].tolist(), g.order.tolist()) == ([8, 8, 9, 9, 10, 11], [1, 4, 0, 2, 5, 3])
    assert g.starts.tolist() == [0, 2, 4, 5]


def test_only_the_empty_name_hashes_to_zero():
    assert hash_names([b"", b"a", b"b", b"x" * 64]).astype(bool).tolist() == [False, True, True, True]
    assert len(set(hash_names([str(i).encode() for i in range(1000)]).tolist())) == 1000
