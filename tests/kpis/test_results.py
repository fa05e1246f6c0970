"""Values, intervals and verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from kpis.model import KPI, Better, Kind
from kpis.results import ENOUGH, KPIS, evaluate, verdict, within
from kpis.stats import wilson
from tests.kpis.worlds import World, cube

VECTORS = [
    (7, 20, 0.1812, 0.5671, 4),
    (80, 100, 0.711, 0.867, 3),
    (85, 100, 0.767, 0.907, 3),
    (320, 400, 0.758, 0.836, 3),
    (5, 100, 0.0215, 0.1118, 4),
    (0, 20, 0, 0.161, 3),
]


@pytest.mark.parametrize(("k", "n", "low", "high", "places"), VECTORS)
def test_the_interval_is_wilsons(k, n, low, high, places):
    got = wilson(np.array([float(k)]), np.array([float(n)]))
    assert [round(float(x[0]), places) for x in got] == [low, high]


@pytest.mark.parametrize(
    ("n", "fewest_of_80", "fewest_of_85"), [(50, 46, 48), (100, 88, 92), (200, 172, 180), (400, 336, 354), (1000, 825, 873)]
)  # fmt: skip
def test_the_fewest_successes_whose_lower_bound_keeps_the_standard(n, fewest_of_80, fewest_of_85):
    low, _ = wilson(np.arange(n + 1.0), np.full(n + 1, float(n)))
    assert [int(np.argmax(low >= standard)) for standard in (0.80, 0.85)] == [fewest_of_80, fewest_of_85]


@pytest.mark.parametrize(("n", "most"), [(100, 0), (200, 3), (400, 11), (1000, 36)])
def test_the_most_abandons_whose_upper_bound_keeps_five_percent(n, most):
    _, high = wilson(np.arange(n + 1.0), np.full(n + 1, float(n)))
    assert int(np.flatnonzero(high <= 0.05).max()) == most


def test_no_interval_without_data_or_for_parts_beyond_the_whole():
    low, high = wilson(np.array([0.0, 3.0]), np.array([0.0, 2.0]))
    assert np.isnan([*low, *high]).all()


def made(kind, **kw):
    words = dict.fromkeys(("label_en", "label_th", "definition_en", "definition_th"), "x")
    return KPI(name="k", kind=kind, unit="ratio", **words, **kw)


def test_a_mean_is_rounded_once():
    kpi = made(Kind.MEAN, numerator="a", denominator="b", times=100, per=3)
    r = evaluate(kpi, {"a": np.array([1, 0, 5]), "b": np.array([7, 0, 0])}, {}, 3)
    assert [str(x) for x in r.value] == [str(100 / 21), "nan", "nan"]
    assert r.n.tolist() == [7, 0, 0]


def test_a_measure_that_no_cell_has_is_no_data():
    r = evaluate(made(Kind.RATIO, numerator="a", denominator="b"), {}, {}, 2)
    assert np.isnan(r.value).all()
    assert r.n.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("better", "value", "said"),
    [
        (Better.LOWER, 0.05, "met"),
        (Better.LOWER, 0.0501, "not_met"),
        (Better.HIGHER, 0.05, "met"),
        (Better.HIGHER, 0.0499, "not_met"),
        (Better.NONE, 0.05, None),
    ],
)
def test_the_point_figure_decides_and_the_target_itself_keeps_it(better, value, said):
    assert verdict(made(Kind.RATIO, better=better), value, ENOUGH, 0.05) == said


def test_few_contacts_give_no_verdict_and_no_target_gives_none():
    kpi = made(Kind.RATIO, better=Better.LOWER)
    assert verdict(kpi, 0.0, ENOUGH - 1, 0.05) == "insufficient_data"
    assert verdict(kpi, float("nan"), ENOUGH, 0.05) == "insufficient_data"
    assert verdict(kpi, 0.0, ENOUGH, None) is None


def test_no_quarters_are_no_cells():
    assert len(within(cube(World(())), (0, 10))) == 0


def test_the_standard_targets_are_five_and_eighty_percent():
    assert {name: k.target for name, k in KPIS.items() if k.target is not None} == {
        "abandoned_call_rate": 0.05,
        "first_attempt_lost_rate": 0.05,
        "satisfaction_rate": 0.80,
        "satisfaction_mean_percent": 85.0,
        "satisfaction_mean_percent_steps_and_time": 85.0,
        "satisfaction_rate_for_results": 0.80,
        "complaints_settled_rate": 0.80,
    }
