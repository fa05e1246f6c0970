"""Service levels by their five formulas, waits over all exits, and virtual waits; by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.calls.survival import survival
from kpis.cube import Seconds
from tests.kpis.made import SITE, clocked, figures, log
from tests.kpis.test_call_scope import call

LEVELS = (
    "service_level_asterisk_rate",
    "service_level_asterisk2_rate",
    "service_level_genesys_rate",
    "service_level_excluding_short_rate",
    "service_level_rate",
)


def ended(*calls):
    """Calls of (end, wait), one after another."""
    return log("".join(call(100 * i, wait, f"1.{i}", str(900 + i), end) for i, (end, wait) in enumerate(calls)))


def test_the_five_formulas_of_service_level_differ():
    """20 s and 5 s. In time: 3 of 4 answered. Abandoned: one short, one in time, one late. One by key, one timed out."""
    f = figures([
        *ended(
            ("CONNECT", 1), ("CONNECT", 20), ("CONNECT", 5), ("CONNECT", 21),
            ("ABANDON", 4), ("ABANDON", 20), ("ABANDON", 21), ("EXITWITHTIMEOUT", 30),
        ),
        *log("2000|2.1|q|NONE|ENTERQUEUE||7|1\n2003|2.1|q|NONE|EXITWITHKEY|0|1|1|3"),
    ])  # fmt: skip
    wanted = (Fraction(3, 4), Fraction(5, 7), Fraction(3, 6), Fraction(3, 8), Fraction(3, 9))
    assert [getattr(f, name) for name in LEVELS] == [pytest.approx(float(x)) for x in wanted]


def test_an_answer_of_unknown_wait_is_not_in_time_and_counted():
    f = figures(log("100|1.1|q|A|ATTENDEDTRANSFER|"))
    assert (f.answered_wait_unknown, f.service_level_asterisk_rate, f.service_level_genesys_rate) == (1, 0, 0)
    assert f.call_wait_all_seconds_mean is None


def test_waits_over_all_exits_hold_those_who_left():
    f = figures(ended(("CONNECT", 10), ("ABANDON", 30), ("EXITWITHTIMEOUT", 60), ("CONNECT", 20)))
    assert f.call_wait_all_seconds_mean == 30
    assert (f.call_wait_all_seconds_p50, f.call_wait_all_seconds_p95, f.call_wait_all_seconds_max) == (20, 60, 60)
    assert (f.call_wait_seconds_p50, f.call_wait_seconds_p95, f.asa_seconds) == (10, 20, 15)
    assert f.results["call_wait_all_seconds_p50"].n[0] == 4


def test_refused_and_waiting_calls_have_no_exit():
    f = figures(log("0|1.1|q|NONE|FULL|\n9|1.2|q|NONE|ENTERQUEUE||8|1") + ended(("CONNECT", 7)))
    assert (f.measures["exit_wait_known"], f.call_wait_all_seconds_max) == (1, 7)


def test_the_virtual_wait_takes_those_who_left_as_waits_that_were_cut_short():
    """Answered at 10, 20, 30; left at 10 and 25. S = 4/5, then 4/5 × 2/3 = 8/15, then 0."""
    f = figures(ended(("CONNECT", 10), ("ABANDON", 10), ("CONNECT", 20), ("ABANDON", 25), ("CONNECT", 30)))
    assert (f.call_virtual_wait_seconds_p50, f.call_virtual_wait_seconds_p90) == (30, 30)
    assert f.results["call_virtual_wait_seconds_p50"].n[0] == 5


def test_a_virtual_wait_that_is_never_reached_is_none():
    f = figures(ended(("CONNECT", 10), ("ABANDON", 30), ("ABANDON", 30)))
    assert (f.call_virtual_wait_seconds_p50, f.call_virtual_wait_seconds_p90) == (None, None)


def test_without_departures_the_virtual_wait_is_the_wait():
    f = figures(ended(*(("CONNECT", w) for w in range(1, 11))))
    assert (f.call_virtual_wait_seconds_p50, f.call_virtual_wait_seconds_p90) == (5, 9)
    assert (f.call_wait_seconds_p50, f.call_wait_seconds_p90) == (5, 9)


def kaplan_meier(ends, left, q):
    """In fractions, as the textbook has it."""
    s = Fraction(1)
    for t in sorted(set(ends)):
        at_risk = sum(x >= t for x in (*ends, *left))
        s *= Fraction(at_risk - ends.count(t), at_risk)
        if s <= (1 - q) * (1 + Fraction(1, 10**9)):
            return t
    return None


def histogram(groups):
    rows = [(i, t, of.count(t)) for i, of in enumerate(groups) for t in sorted(set(of))]
    return Seconds(*(np.array(x, np.int64) for x in (zip(*rows, strict=True) if rows else ((), (), ()))))


waits = st.lists(st.integers(0, 8), max_size=30)


@given(
    st.lists(st.tuples(waits, waits), min_size=1, max_size=4),
    st.sampled_from((Fraction(1, 2), Fraction(9, 10), Fraction(1, 3))),
)
def test_virtual_waits_of_several_groups_are_those_of_exact_fractions(groups, q):
    ends, left = (histogram([g[i] for g in groups]) for i in (0, 1))
    got = survival(ends, left, len(groups), float(q))
    assert [None if np.isnan(x) else int(x) for x in got] == [kaplan_meier(*g, q) for g in groups]


def rang(*ring_s, site=SITE):
    text = "".join(
        f"{100 * i}|1.{i}|q|NONE|ENTERQUEUE||8|1\n{100 * i + r}|1.{i}|q|A|CONNECT|{r}|1.{i}x|{r}\n"
        for i, r in enumerate(ring_s)
    )
    return figures(log(text, site), site)


def test_three_rings_are_shown_under_cycles_of_five_and_six_seconds_whatever_the_centre_s_own():
    for cycle in (4.0, 5.0, 6.0):
        f = rang(14, 15, 17, 18, site=clocked("agent_total", ring_cycle_s=cycle))
        assert (f.answered_within_3_rings_rate_5s, f.answered_within_3_rings_rate_6s) == (0.25, 0.75)


def test_three_rings_of_all_offered_hold_the_lost_against_the_centre():
    events = log("0|1.1|q|NONE|ENTERQUEUE||8|1\n4|1.1|q|A|CONNECT|4|1.2|4") + log(call(50, callid="1.9", end="ABANDON"))
    f = figures(events)
    assert (f.answered_within_3_rings_rate, f.answered_within_3_rings_rate_of_offered) == (1, 0.5)


def test_the_most_rings_are_a_number_of_rings():
    assert rang(2, 31, 9).rings_to_answer_max == 7
