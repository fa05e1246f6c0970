"""Calls refused by a full, empty or closed queue, and logs with holes: made-up cases in the manner of real ones."""

from __future__ import annotations

import pytest

from kpis.model import By
from kpis.results import evaluate, select
from kpis.rollup import labelled, roll_up
from tests.kpis.made import SITE, figures, log
from tests.kpis.worlds import World, cube, names_of

HOUR_Q = 4


def hours(events, unit):
    """Hour of the day → (received, answered, abandoned, refused: empty, full, closed, mean wait) of one queue."""
    world = World(tuple(events), (SITE,))
    names = names_of(world)
    of = select(cube(world, names), lambda b: (b.unit == names.code(unit)) & (b.by is By.UNIT))
    found, places = labelled(of, lambda block: block.quarter // HOUR_Q)
    sums, _ = roll_up(of, places, len(found))
    out = {}
    for i, hour in enumerate(found.tolist()):
        m = {name: int(values[i]) for name, values in sums.items()}
        if any(m[name] for name in m if name.startswith(("queue_", "turned_", "calls_"))):
            refused = [m[f"turned_away_{why}"] for why in ("empty", "full", "closed")]
            wait = m["queue_wait_ms"] / m["queue_wait_known"] / 1000 if m["queue_wait_known"] else None
            received = m["queue_passages"] + sum(refused)
            row = received, m["queue_passages_answered"], m["queue_passages_abandoned"], *refused, wait
            out[hour % 24] = row
    return out


@pytest.mark.parametrize("refusal", ["FULL|", "JOINEMPTY|", "DIVERT_CA_RATIO|", "DIVERT_HOLDTIME|"])
def test_a_refused_call_is_offered_and_lost(refusal):
    f = figures(log(f"0|1.1|q|NONE|{refusal}"))
    assert (f.calls_offered, f.calls_lost, f.abandoned_call_rate, f.service_level_rate) == (1, 1, 1, 0)
    assert (f.queue_passages, f.queue_entries) == (0, 0)


def test_a_call_that_met_only_a_closed_queue_is_not_offered():
    f = figures(log("0|1.1|q|NONE|CLOSED|"))
    assert (f.turned_away_closed, f.calls_offered, f.calls_lost, f.abandoned_call_rate) == (1, 0, 0, None)


def test_a_call_that_went_on_from_a_closed_queue_to_an_open_one_is_offered():
    f = figures(log("""
        0|1.1|night|NONE|CLOSED|
        0|1.1|day|NONE|ENTERQUEUE||812345678|1
        6|1.1|day|A|CONNECT|6|1.2|5
    """))  # fmt: skip
    assert (f.calls_offered, f.calls_answered, f.asa_seconds) == (1, 1, 6)


def test_a_call_refused_and_let_in_at_its_next_try_is_one_call_and_one_passage():
    f = figures(log("""
        0|1.1|q|NONE|FULL|
        10|1.1|q|NONE|FULL|
        20|1.1|q|NONE|ENTERQUEUE||812345678|1
        27|1.1|q|NONE|ABANDON|1|1|7
    """))  # fmt: skip
    assert (f.calls_offered, f.calls_abandoned, f.queue_entries) == (1, 1, 1)
    assert (f.queue_passages, f.queue_passages_abandoned, f.turned_away_full) == (1, 1, 1)


def test_a_passage_that_ended_is_not_undone_by_a_refusal_after_it():
    f = figures(log("""
        0|1.1|q|NONE|ENTERQUEUE||812345678|1
        60|1.1|q|NONE|EXITWITHTIMEOUT|1|1|60
        60|1.1|q|NONE|JOINEMPTY|
    """))  # fmt: skip
    assert (f.calls_offered, f.calls_lost, f.queue_passages, f.turned_away_empty) == (1, 1, 1, 1)


def test_the_caller_is_known_from_the_queue_that_let_the_call_in():
    """The line of a refusal names no caller."""
    f = figures(log("""
        0|1.1|idcard|NONE|FULL|
        0|1.1|info|NONE|ENTERQUEUE||812345678|1
        9|1.1|info|A|CONNECT|9|1.2|4
        5000|NONE|NONE|NONE|CONFIGRELOAD|
    """))  # fmt: skip
    assert (f.measures["fcr_eligible"], f.measures["answered_caller_unknown"]) == (1, 0)
    assert (f.asa_seconds, f.first_contact_resolution_rate) == (9, 1)


def test_a_passage_belongs_to_the_hour_of_its_entry_and_not_of_its_answer():
    events = log("""
        3598|1.1|a|NONE|ENTERQUEUE||812345678|1
        3603|1.1|a|Anong|CONNECT|5|1.2|4
        4200|1.1|a|Anong|COMPLETECALLER|5|597|1
        4200|1.1|b|NONE|ENTERQUEUE||812345678|1
        4200|1.1|b|Boon|RINGNOANSWER|0
        4203|1.1|b|Chai|CONNECT|3|1.3|2
        7300|1.1|b|Chai|COMPLETEAGENT|3|3097|1
    """)
    assert hours(events, "a") == {10: (1, 1, 0, 0, 0, 0, 5)}
    assert hours(events, "b") == {11: (1, 1, 0, 0, 0, 0, 3)}


def test_lines_that_stand_before_the_entry_of_their_call_belong_to_it():
    events = log("""
        2|1.1|q|Anong|CONNECT|3
        5|1.1|q|Anong|COMPLETEAGENT|3|3|1
        3600|1.1|q|NONE|ENTERQUEUE||812345678|1
    """)
    assert hours(events, "q") == {11: (1, 1, 0, 0, 0, 0, 3)}


def test_the_mean_wait_is_of_the_answered_and_the_abandoned():
    events = log("""
        0|1.1|q|NONE|ENTERQUEUE||8|1
        0|1.2|q|NONE|ENTERQUEUE||9|2
        0|1.3|q|NONE|ENTERQUEUE||7|3
        4|1.1|q|NONE|ABANDON|1|1|4
        9|1.2|q|Anong|CONNECT|9|1.9|5
        60|1.3|q|NONE|EXITWITHTIMEOUT|1|1|60
    """)
    assert hours(events, "q") == {10: (3, 1, 1, 0, 0, 0, 6.5)}


def test_every_kind_of_refusal_counts_in_its_own_hour():
    events = log("""
        0|1.1|q|NONE|JOINEMPTY|
        3599|1.2|q|NONE|FULL|
        3600|1.3|q|NONE|CLOSED|
        3600|1.4|q|NONE|DIVERT_WAITTIME|
        3600|1.5|other|NONE|CLOSED|
    """)
    assert hours(events, "q") == {10: (2, 0, 0, 1, 1, 0, None), 11: (2, 0, 0, 0, 1, 1, None)}


def test_an_end_in_a_queue_whose_entry_is_lost_is_received_and_answered_there():
    events = log("0|1.1|first|NONE|ENTERQUEUE||8|1\n240|1.1|second|Anong|COMPLETEAGENT|12|6|1")
    assert hours(events, "first") == {10: (1, 0, 0, 0, 0, 0, None)}
    assert hours(events, "second") == {10: (1, 1, 0, 0, 0, 0, 12)}


def test_only_closed_calls_give_no_rate():
    f = figures(log("0|1.1|q|NONE|CLOSED|\n9|1.2|q|NONE|CLOSED|"))
    for name in ("abandoned_call_rate", "abandoned_call_rate_plain", "service_level_rate"):
        assert getattr(f, name) is None, name
    assert evaluate(f.results["service_level_rate"].kpi, {}, {}, 1).n.tolist() == [0]
