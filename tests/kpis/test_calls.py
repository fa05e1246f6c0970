"""Calls, by hand: each test keeps one promise of how a log becomes figures."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from kpis.calls.calls import LONGEST_WAIT_US
from tests.kpis.made import SITE, T0, clocked, figures, log
from tests.kpis.worlds import S

GOLDEN = """
0|NONE|NONE|NONE|QUEUESTART|
10|1767236409.1|gecc|NONE|DID|021234567
10|1767236409.1|gecc|NONE|ENTERQUEUE||812345678|1
25|1767236409.1|gecc|Anong|RINGNOANSWER|15000
38|1767236409.1|gecc|Boon|CONNECT|28|1767236430.3|8
138|1767236409.1|gecc|Boon|BLINDTRANSFER|700|from-internal|28|100|1
138|1767236409.1|gecc|NONE|ENTERQUEUE||812345678|1
141|1767236409.1|gecc|Chai|CONNECT|3|1767236538.5|3
201|1767236409.1|gecc|Chai|COMPLETECALLER|3|60|1
300|1767236699.9|gecc|NONE|ENTERQUEUE|||1
303|1767236699.9|gecc|Anong|RINGCANCELED|2870
303|1767236699.9|gecc|NONE|ABANDON|1|1|3
350|1767236749.4|gecc|NONE|ENTERQUEUE||898765432|2
410|1767236749.4|gecc|NONE|EXITWITHTIMEOUT|2|2|60
500|NONE|NONE|Anong|PAUSEALL|Lunch
500|NONE|gecc|Anong|PAUSE|Lunch
600|NONE|NONE|NONE|CONFIGRELOAD|
"""


def test_the_golden_day_counts_three_calls_however_often_one_is_transferred():
    f = figures(log(GOLDEN))
    assert (f.calls_offered, f.calls_answered, f.calls_abandoned, f.calls_timed_out) == (3, 1, 1, 1)
    assert (f.queue_entries, f.queue_passages, f.queue_passages_answered) == (4, 4, 2)


def test_the_golden_day_has_three_abandoned_rates():
    f = figures(log(GOLDEN))
    assert f.abandoned_call_rate == pytest.approx(2 / 3)
    assert f.abandoned_call_rate_plain == pytest.approx(1 / 3)
    assert f.abandoned_call_rate_excluding_short == 0
    assert f.results["abandoned_call_rate_excluding_short"].n[0] == 2


@pytest.mark.parametrize(
    ("clock", "rings"),
    [("agent_last", {"2": 1}), ("agent_total", {"5+": 1}), ("queue", {"5+": 1})],
)
def test_the_three_clocks_disagree_on_the_same_golden_call(clock, rings):
    """The phone that answered rang 8 s; with the attempt before it 23 s; the caller waited 28 s."""
    f = figures(log(GOLDEN), clocked(clock))
    assert f.rings_to_answer == rings
    assert f.measures["ring_ms"] == {"agent_last": 8_000, "agent_total": 23_000, "queue": 28_000}[clock]
    assert f.answered_within_3_rings_rate == (clock == "agent_last")
    assert f.answered_within_3_rings_rate_last_attempt == 1


def test_the_first_answer_ends_the_wait_and_talk_of_all_passages_adds_up():
    f = figures(log(GOLDEN))
    assert (f.asa_seconds, f.talk_seconds_mean) == (28, 160)


def test_phones_that_ring_at_once_are_one_attempt_of_the_longest():
    f = figures(log("""
        0|1.1|q|NONE|ENTERQUEUE||812345678|1
        10|1.1|q|A|RINGNOANSWER|10000
        10|1.1|q|B|RINGNOANSWER|9000
        11|1.1|q|C|RINGNOANSWER|10000
        25|1.1|q|A|RINGNOANSWER|9000
        25|1.1|q|B|RINGNOANSWER|10000
        32|1.1|q|B|CONNECT|32|1.2|2
    """))  # fmt: skip
    assert f.measures["ring_ms"] == 10_000 + 10_000 + 2_000


def test_two_equal_lines_of_one_second_are_two_phones():
    f = figures(log("""
        0|1.1|q|NONE|ENTERQUEUE||812345678|1
        10|1.1|q|A|RINGNOANSWER|0
        10|1.1|q|A|RINGNOANSWER|0
        12|1.1|q|B|CONNECT|12|1.2|0
    """))  # fmt: skip
    assert (f.measures["ring_ms"], f.rings_to_answer) == (0, {"1": 1})


def test_attempts_one_after_another_add_up():
    f = figures(log("""
        0|1.1|q|NONE|ENTERQUEUE||812345678|1
        5|1.1|q|A|RINGNOANSWER|5000
        15|1.1|q|B|RINGNOANSWER|5000
        20|1.1|q|C|CONNECT|20|1.2|4
    """))  # fmt: skip
    assert (f.measures["ring_ms"], f.rings_to_answer) == (14_000, {"3": 1})


def test_ringing_after_the_answer_counts_for_nothing():
    f = figures(log("""
        0|1.1|q|NONE|ENTERQUEUE||8|1
        4|1.1|q|A|CONNECT|4|1.2|4
        4|1.1|q|B|RINGNOANSWER|15000
    """))  # fmt: skip
    assert (f.measures["ring_ms"], f.rings_to_answer) == (4_000, {"1": 1})


@pytest.mark.parametrize(("ring", "rings"), [(0, "1"), (4, "1"), (5, "2"), (9, "2"), (14, "3"), (15, "4"), (20, "5+")])
def test_a_ring_begins_with_every_cycle(ring, rings):
    f = figures(log(f"0|1.1|q|NONE|ENTERQUEUE||8|1\n{ring}|1.1|q|A|CONNECT|{ring}|1.2|{ring}"))
    assert f.rings_to_answer == {rings: 1}
    assert f.answered_within_3_rings_rate == (ring < 15)


def test_under_a_cycle_of_six_seconds_17_seconds_are_three_rings():
    f = figures(log("0|1.1|q|NONE|ENTERQUEUE||8|1\n17|1.1|q|A|CONNECT|17|1.2|17"), replace(SITE, ring_cycle_s=6.0))
    assert f.rings_to_answer == {"3": 1}


def test_ringing_that_the_log_does_not_tell_is_in_no_histogram():
    f = figures(log("0|1.1|q|NONE|ENTERQUEUE||8|1\n9|1.1|q|A|CONNECT|9"))
    assert (f.calls_answered, f.rings_to_answer, f.answered_within_3_rings_rate) == (1, {}, None)


def test_the_first_end_wins_where_old_versions_write_three():
    f = figures(log("""
        0|1.1|q|NONE|ENTERQUEUE||812345678|1
        30|1.1|q|NONE|EXITEMPTY|1|1|30
        30|1.1|q|NONE|EXITEMPTY|1|1|30
        31|1.1|q|NONE|ABANDON|1|1|31
    """))  # fmt: skip
    assert (f.calls_offered, f.calls_no_agent, f.calls_abandoned, f.calls_lost) == (1, 1, 0, 1)
    assert f.queue_passages_abandoned == 0


@pytest.mark.parametrize("end", ["SYSCOMPAT|", "WITHDRAW|1|1|9|info"])
def test_a_call_that_the_system_drops_is_lost(end):
    f = figures(log(f"0|1.1|q|NONE|ENTERQUEUE||8|1\n9|1.1|q|NONE|{end}"))
    assert (f.calls_lost, f.calls_abandoned, f.calls_outcome_unknown) == (1, 0, 0)


def test_a_refusal_by_the_agent_is_no_end():
    f = figures(log("""
        0|1.1|q|NONE|ENTERQUEUE||8|1
        5|1.1|q|A|AGENTDUMP|
        9|1.1|q|B|CONNECT|9|1.2|3
    """))  # fmt: skip
    assert (f.calls_answered, f.calls_lost, f.asa_seconds) == (1, 0, 9)


def test_a_call_left_by_key_is_offered_and_neither_answered_nor_lost():
    f = figures(log("0|1.1|q|NONE|ENTERQUEUE||8|1\n9|1.1|q|NONE|EXITWITHKEY|0|1|1|9"))
    assert (f.calls_offered, f.calls_left_by_key, f.calls_answered, f.calls_lost) == (1, 1, 0, 0)


def test_a_log_that_starts_in_the_middle_of_a_call_rebuilds_its_arrival():
    f = figures(log("3600|1.1|q|A|COMPLETEAGENT|300|1200|1"))
    assert (f.calls_offered, f.calls_answered, f.asa_seconds, f.talk_seconds_mean) == (1, 1, 300, 1200)
    assert [quarter % 96 for _, quarter in f.cells] == [(11 * 60 - 25) // 15]


def test_a_wait_that_nobody_told_and_nobody_can_measure_is_not_zero():
    f = figures(log("100|1.1|q|A|ATTENDEDTRANSFER|\n200|1.2|q|NONE|ABANDON|"))
    assert (f.calls_answered, f.calls_abandoned, f.asa_seconds, f.service_level_rate) == (1, 1, None, 0)
    assert (f.measures["calls_not_short"], f.queue_wait_seconds_mean) == (2, None)


def test_a_wait_that_is_not_told_is_the_time_from_entry_to_the_whole_second():
    lines = "0|9.9|q|NONE|ENTERQUEUE||7|1\n0|9.8|q|NONE|ENTERQUEUE||6|2\n5|9.8|q|NONE|ABANDON|"
    f = figures(log(lines))
    assert (f.measures["queue_wait_ms"], f.measures["calls_abandoned_not_short"]) == (5_000, 1)


def test_an_entry_whose_end_is_lost_leaves_the_wait_unknown():
    f = figures(log("""
        0|1.1|q|NONE|ENTERQUEUE||8|1
        90|1.1|q|NONE|ENTERQUEUE||8|1
        93|1.1|q|A|CONNECT|3|1.2|3
    """))  # fmt: skip
    assert (f.calls_offered, f.calls_answered, f.queue_entries) == (1, 1, 2)
    assert (f.asa_seconds, f.service_level_rate) == (None, 0)


def test_an_answered_call_without_its_end_stays_answered():
    f = figures(log("0|1.1|q|NONE|ENTERQUEUE||8|1\n9|1.1|q|A|CONNECT|9|1.2|3\n50|NONE|NONE|NONE|QUEUESTART|"))
    assert (f.calls_answered, f.calls_lost, f.calls_outcome_unknown, f.talk_seconds_mean) == (1, 0, 0, None)


def test_a_restart_of_the_pbx_cuts_off_who_is_waiting():
    f = figures(log("0|1.1|q|NONE|ENTERQUEUE||8|1\n50|NONE|NONE|NONE|QUEUESTART|\n60|1.2|q|NONE|ENTERQUEUE||9|1"))
    assert (f.calls_offered, f.calls_outcome_unknown, f.calls_lost) == (2, 1, 1)


def test_who_is_still_waiting_is_offered_and_neither_lost_nor_answered():
    f = figures(log("0|1.1|q|NONE|ENTERQUEUE||8|1\n60|NONE|NONE|NONE|CONFIGRELOAD|"))
    assert (f.calls_offered, f.calls_answered, f.calls_lost, f.abandoned_call_rate) == (1, 0, 0, 0)


@pytest.mark.parametrize(("after", "lost"), [(LONGEST_WAIT_US // S, 0), (LONGEST_WAIT_US // S + 1, 1)])
def test_a_call_open_for_more_than_four_hours_is_lost(after, lost):
    f = figures(log(f"0|1.1|q|NONE|ENTERQUEUE||8|1\n{after}|NONE|NONE|NONE|CONFIGRELOAD|"))
    assert (f.calls_lost, f.calls_outcome_unknown) == (lost, lost)


@pytest.mark.parametrize(("wait", "short"), [(0, 1), (4, 1), (5, 0), (6, 0)])
def test_a_short_abandon_is_under_five_seconds(wait, short):
    f = figures(log(f"0|1.1|q|NONE|ENTERQUEUE||8|1\n{wait}|1.1|q|NONE|ABANDON|1|1|{wait}"))
    assert (f.measures["calls_not_short"], f.measures["calls_abandoned_not_short"]) == (1 - short, 1 - short)
    assert f.abandoned_call_rate_excluding_short == (None if short else 1)
    assert (f.calls_offered, f.abandoned_call_rate) == (1, 1)


@pytest.mark.parametrize(("wait", "in_time"), [(0, 1), (20, 1), (21, 0)])
def test_the_service_level_includes_its_last_second(wait, in_time):
    f = figures(log(f"0|1.1|q|NONE|ENTERQUEUE||8|1\n{wait}|1.1|q|A|CONNECT|{wait}|1.2|3"))
    assert f.service_level_rate == in_time


def test_a_transfer_belongs_to_its_first_queue_and_each_passage_to_its_own():
    lines = """
        0|1.1|idcard|NONE|ENTERQUEUE||8|1
        8|1.1|idcard|A|CONNECT|8|1.2|4
        18|1.1|idcard|A|BLINDTRANSFER|1300|internal|8|10|1
        19|1.1|info|NONE|ENTERQUEUE||8|1
        49|1.1|info|NONE|ABANDON|1|1|30
    """
    idcard, info = (figures(log(lines), unit=unit) for unit in ("idcard", "info"))
    assert (idcard.calls_offered, idcard.calls_answered, idcard.queue_entries, idcard.queue_passages) == (1, 1, 2, 1)
    assert (info.calls_offered, info.calls_abandoned, info.queue_entries, info.queue_passages) == (0, 0, 0, 1)
    assert (info.queue_passages_abandoned, info.queue_wait_seconds_mean) == (1, 30)


def test_waits_of_several_queues_add_up_to_the_first_answer():
    f = figures(log("""
        0|1.1|idcard|NONE|ENTERQUEUE||8|1
        60|1.1|idcard|NONE|EXITWITHTIMEOUT|1|1|60
        60|1.1|info|NONE|ENTERQUEUE||8|1
        67|1.1|info|A|CONNECT|7|1.2|4
    """))  # fmt: skip
    assert (f.calls_answered, f.calls_timed_out, f.asa_seconds, f.call_wait_seconds_p90) == (1, 0, 67, 67)


@pytest.mark.parametrize("queues", list(permutations("abc")))
def test_passages_that_begin_at_one_instant_stand_in_the_order_of_their_lines(queues):
    events = [
        e._replace(time_us=T0 * S)
        for queue in queues
        for e in log(f"0|1.1|{queue}|NONE|ENTERQUEUE||8|1\n0|1.1|{queue}|NONE|EXITWITHTIMEOUT|1|1|0")
    ]
    assert figures(events, unit=queues[0]).calls_offered == 1


def test_passages_that_begin_at_one_instant_stand_alike_however_late_a_line_is_stored():
    """That of `b` began 15 s before its line: when that of `a` did."""
    entered = log("60|1.1|a|NONE|ENTERQUEUE||8|1")
    sent_on = log("75|1.1|b|B|BLINDTRANSFER|700|internal|15|0|1")
    for events in (entered + sent_on, sent_on + entered):
        assert figures(events, unit="a").calls_offered == 1
