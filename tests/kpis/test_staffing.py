"""Staffing: the formulas against their vectors, against state probabilities one by one, and against simulated queues."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest

from kpis.columns import MISSING
from kpis.staffing.erlang import erlang_b, erlang_c, queue
from kpis.staffing.staffing import MOST_SERVERS, Goal, needed

VECTOR = {"load": 10, "servers": 12, "handle_s": 180, "within_s": 20}


def test_erlang_b_and_c_give_the_published_numbers():
    assert f"{erlang_b(10, 12):.6f}" == "0.119739"
    assert f"{erlang_c(10, 12):.6f}" == "0.449388"
    q = queue(**VECTOR)
    assert (f"{q.within:.6f}", f"{q.asa_s:.3f}") == ("0.640158", "40.445")
    assert (q.wait_share, q.wait_s, q.abandoned) == (erlang_c(10, 12), q.asa_s, 0)
    assert q.occupancy == 10 / 12


def test_erlang_a_gives_the_published_numbers():
    q = queue(**VECTOR, patience_s=120)
    assert (f"{q.abandoned:.6f}", f"{q.wait_s:.4f}") == ("0.061597", "7.3917")
    assert (f"{q.wait_share:.6f}", f"{q.occupancy:.6f}") == ("0.279807", "0.782002")


def states(load, servers, handle_s, within_s, patience_s):
    """Erlang A from the probability of every single state; the service level by adding up its density."""
    birth, leave, gone = load / handle_s, 1 / handle_s, 1 / patience_s
    most = servers + int(3 * birth / gone) + 2000
    logs = [0.0]
    for k in range(1, most):
        logs.append(logs[-1] + math.log(birth / (min(k, servers) * leave + max(k - servers, 0) * gone)))
    p = np.exp(np.array(logs) - max(logs))
    p /= p.sum()
    length = (p * np.maximum(np.arange(most) - servers, 0)).sum()

    def density(v):  # of those who wait v and are still there
        return birth * p[servers - 1] * np.exp(birth / gone * -np.expm1(-gone * v) - servers * leave * v - gone * v)

    v = np.linspace(0, within_s, 200_001)
    answered = np.trapezoid(density(v), v)
    long = np.linspace(0, 60 * patience_s, 2_000_001)
    asa = np.trapezoid(long * density(long), long) / (1 - gone * length / birth)
    wait = length / birth
    lost = gone * wait
    return p[servers:].sum(), p[:servers].sum() + answered, asa, wait, lost, load * (1 - lost) / servers


@pytest.mark.parametrize(
    "case",
    [
        (10, 12, 180, 20, 120),
        (300, 280, 240, 20, 90),
        (300, 330, 240, 20, 90),
        (50, 70, 200, 20, 600),
        (3, 1, 300, 60, 60),
        (30, 20, 300, 5, 1000),
        (0.05, 1, 300, 20, 60),
    ],
)
def test_erlang_a_is_what_its_states_add_up_to_with_a_few_servers_and_with_hundreds(case):
    q = queue(*case[:4], patience_s=case[4])
    got = (q.wait_share, q.within, q.asa_s, q.wait_s, q.abandoned, q.occupancy)
    assert np.array(got) == pytest.approx(states(*case), rel=1e-6)


def test_erlang_b_is_the_plain_quotient_of_sums():
    for load in (0.3, 4.0, 20.0):
        for servers in (0, 1, 5, 30):
            terms = [load**k / math.factorial(k) for k in range(servers + 1)]
            assert erlang_b(load, servers) == pytest.approx(terms[-1] / sum(terms), rel=1e-12)


def test_arrays_give_what_single_numbers_give():
    load, servers = np.array([0.0, 3.5, 10, 40, 5]), np.array([0, 5, 12, 38, 9])
    patience = np.array([60, np.inf, 120, 90, np.inf])
    together = queue(load, servers, 180, 20, patience)
    for i in range(len(load)):
        alone = queue(load[i], servers[i], 180, 20, patience[i])
        for name in ("wait_share", "within", "asa_s", "wait_s", "abandoned", "occupancy"):
            np.testing.assert_array_equal(getattr(together, name)[i], getattr(alone, name))


@pytest.mark.parametrize("load", [12, 12.5, 100])
def test_more_work_than_servers_has_no_steady_state_unless_callers_give_up(load):
    assert np.isnan(erlang_c(load, 12))
    endless = queue(load, 12, 180, 20)
    assert np.isnan([endless.wait_share, endless.within, endless.asa_s, endless.wait_s, endless.occupancy]).all()
    impatient = queue(load, 12, 180, 20, 60)
    assert 0 < impatient.within < 1
    assert impatient.abandoned >= 1 - 12 / load


def test_very_patient_callers_are_those_who_never_give_up():
    patient, endless = queue(**VECTOR, patience_s=1e9), queue(**VECTOR)
    assert patient.within == pytest.approx(endless.within, abs=1e-6)
    assert patient.asa_s == pytest.approx(endless.asa_s, rel=1e-5)


def test_nobody_coming_is_no_wait_and_nobody_serving_is_no_answer():
    q = queue(0, 3, 180, 20, 60)
    assert (q.wait_share, q.within, q.asa_s, q.wait_s, q.abandoned, q.occupancy) == (0, 1, 0, 0, 0, 0)
    q = queue(5, 0, 180, 20, 60)
    assert (q.wait_share, q.within, q.abandoned) == (1, 0, 1)
    assert q.wait_s == pytest.approx(60)
    assert np.isnan([q.asa_s, q.occupancy]).all()


def test_extremes_neither_overflow_nor_vanish():
    q = queue([5000, 9000, 1, 1e-9], [100, 9100, 2000, 1], 180, 20, [7200, 60, 60, 1])
    for name in ("wait_share", "within", "wait_s", "abandoned", "occupancy"):
        values = getattr(q, name)
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    assert q.abandoned[0] == pytest.approx(0.98, abs=1e-9)
    assert q.wait_s[0] == pytest.approx(0.98 * 7200)
    assert (q.within[2], q.abandoned[2]) == (1, 0)


def test_what_is_not_known_stays_unknown():
    for q in (queue(np.nan, 3, 180, 20, 60), queue(np.nan, 3, 180, 20), queue(2, 3, np.nan, 20, 60)):
        assert np.isnan([q.within, q.wait_s, q.abandoned]).all() or np.isnan([q.within, q.wait_s]).all()


@pytest.mark.parametrize("patience_s", [np.inf, 90.0])
@pytest.mark.parametrize("goal", [Goal(20), Goal(900, 0.9), Goal(20, most_abandoned=0.05)])
def test_needed_is_the_smallest_number_that_reaches_the_goal(goal, patience_s):
    load = np.array([0.01, 0.4, 1, 3.7, 10, 55, 240, 700])
    if goal.most_abandoned is not None and np.isinf(patience_s):
        assert (needed(load, 180, goal, patience_s) == MISSING).all(), "nobody gives up: nothing to reach"
        return
    n = needed(load, 180, goal, patience_s)
    assert goal.reached(queue(load, n, 180, goal.within_s, patience_s)).all()
    assert not goal.reached(queue(load, n - 1, 180, goal.within_s, patience_s)).any()
    assert (np.diff(n) >= 0).all()


def test_ten_erlangs_need_fourteen_for_eighty_per_cent_in_twenty_seconds():
    assert needed(10, 180, Goal(20, 0.8)).tolist() == [14]
    assert needed(10, 180, Goal(20, 0.8), 120).tolist() == [12]


def test_nobody_is_needed_where_nobody_comes_and_nobody_knows_where_nothing_is_known():
    assert needed([0, np.nan, 2], [180, 180, np.nan], Goal(20)).tolist() == [0, MISSING, MISSING]
    assert needed([0, np.nan], [np.nan, 180], Goal(20)).tolist() == [MISSING, MISSING]
    assert needed([], [], Goal(20)).tolist() == []


def test_a_load_beyond_reason_has_no_answer_and_a_huge_one_has():
    assert needed([1e9, MOST_SERVERS - 0.5, np.inf], 180, Goal(20), 60)[[0, 2]].tolist() == [MISSING, MISSING]
    assert 5000 < needed(5000, 180, Goal(20))[0] < 5200


# Simulated queues: first come, first served; each replication is one number, and they are independent.

REPLICATIONS, CALLS, WARM_UP = 30, 7000, 1000
T975 = 2.045
"""Student's t for 29 degrees of freedom."""


def simulated(load, servers, handle_s, within_s, patience_s=None):
    """(within, wait of all, gave up) of each replication."""
    rng = np.random.default_rng(20_261)
    out = []
    for _ in range(REPLICATIONS):
        come = np.cumsum(rng.exponential(handle_s / load, CALLS)).tolist()
        take = rng.exponential(handle_s, CALLS).tolist()
        patience = rng.exponential(patience_s, CALLS).tolist() if patience_s else [math.inf] * CALLS
        free, waits, lost = [0.0] * servers, [], []
        for t, s, p in zip(come, take, patience, strict=True):
            wait = max(free[0] - t, 0.0)
            lost.append(wait > p)
            waits.append(min(wait, p))
            if wait <= p:
                heapq.heapreplace(free, t + wait + s)
        w, gone = np.array(waits[WARM_UP:]), np.array(lost[WARM_UP:])
        out.append(((~gone & (w <= within_s)).mean(), w.mean(), gone.mean()))
    return np.array(out)


def covers(runs, value):
    """Whether the 95 % interval of the mean of the replications holds the value."""
    return abs(runs.mean() - value) <= T975 * runs.std(ddof=1) / math.sqrt(len(runs))


def test_a_simulated_queue_is_as_erlang_c_says_and_not_as_erlang_a():
    runs = simulated(**VECTOR)
    right, wrong = queue(**VECTOR), queue(**VECTOR, patience_s=120)
    assert covers(runs[:, 0], right.within)
    assert covers(runs[:, 1], right.wait_s)
    assert not covers(runs[:, 0], wrong.within)
    assert not covers(runs[:, 1], wrong.wait_s)


def test_a_simulated_queue_with_patience_is_as_erlang_a_says_and_not_as_erlang_c():
    runs = simulated(**VECTOR, patience_s=120)
    right, wrong = queue(**VECTOR, patience_s=120), queue(**VECTOR)
    for column, name in enumerate(("within", "wait_s", "abandoned")):
        assert covers(runs[:, column], getattr(right, name)), name
        assert not covers(runs[:, column], getattr(wrong, name)), f"known-bad control: {name}"


def test_the_number_needed_keeps_its_goal_in_a_simulated_queue():
    goal = Goal(20, 0.8)
    n = int(needed(10, 180, goal, 120)[0])
    assert simulated(10, n, 180, 20, 120)[:, 0].mean() >= 0.8
    assert simulated(10, n - 1, 180, 20, 120)[:, 0].mean() < 0.8
