"""Which calls count: service hours, tests, closed queues; by hand. The centre is open 10:00-16:00, Monday to Friday."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kpis.calls.calls import contacts
from kpis.columns import empty
from kpis.model import Rules
from telemetry.events import Event
from tests.kpis.made import SITE, T0, figures, log
from tests.kpis.worlds import S

OPEN = replace(SITE, hours={"mon-fri": "10:00-16:00"}, holidays="")
"""T0 is a Thursday, ten in the morning: the moment of opening."""
CLOSES = 6 * 3600


def call(at, wait=5, callid="1.1", number="811", end="CONNECT"):
    told = f"CONNECT|{wait}|{callid}x|{wait}" if end == "CONNECT" else f"{end}|1|1|{wait}"
    return f"{at}|{callid}|q|NONE|ENTERQUEUE||{number}|1\n{at + wait}|{callid}|q|A|{told}\n"


OF_CALLS = frozenset(name for facts in contacts(empty(), Rules({}, {}, {}, {})).values() for name in facts.counts)


def told(f):
    """The measures of calls that are not 0."""
    return {name: n for name, n in f.measures.items() if n and name in OF_CALLS}


def as_test(events):
    """As calls from a test number are marked when they come in."""
    return [e._replace(b=1) if e.type == "call.entered" else e for e in events]


@pytest.mark.parametrize(("at", "offered"), [(-1, 0), (0, 1), (CLOSES - 1, 1), (CLOSES, 0)])
def test_a_call_counts_from_the_moment_of_opening_to_before_that_of_closing(at, offered):
    f = figures(log(call(at)), OPEN)
    assert (f.calls_offered, f.calls_answered, f.queue_entries) == (offered, offered, offered)
    assert (f.calls_outside_hours, f.calls_outside_hours_answered) == (1 - offered, 1 - offered)


def test_a_centre_that_declares_no_hours_is_always_open():
    f = figures(log(call(-3 * 3600) + call(12 * 3600, callid="1.2")))
    assert (f.calls_offered, f.calls_outside_hours, f.calls_outside_hours_lost_rate) == (2, 0, None)


def test_a_call_that_came_before_closing_and_was_lost_after_it_is_lost():
    f = figures(log(call(CLOSES - 1, wait=30, end="ABANDON")), OPEN)
    assert (f.calls_lost, f.abandoned_call_rate, f.calls_outside_hours) == (1, 1, 0)


def test_what_comes_outside_hours_is_in_no_other_figure():
    night = call(20 * 3600, callid="1.1", end="ABANDON") + call(21 * 3600, callid="1.2") + "79200|1.3|q|NONE|CLOSED|\n"
    apart = {"calls_outside_hours": 3, "calls_outside_hours_answered": 1, "calls_outside_hours_lost": 2}
    f = figures(log(night + call(60, callid="2.1")), OPEN)
    assert {name: getattr(f, name) for name in apart} == apart
    assert f.calls_outside_hours_lost_rate == pytest.approx(2 / 3)
    day = figures(log(call(60, callid="2.1") + "79200|NONE|NONE|NONE|CONFIGRELOAD|"), OPEN)
    others = {k: v for k, v in told(f).items() if k not in apart and not k.startswith("turned_away")}
    assert others == told(day)


def test_who_calls_before_opening_and_is_answered_after_it_is_told_apart():
    f = figures(
        log(call(-10, wait=10, callid="1.1") + call(-10, wait=9, callid="1.2") + call(-30, wait=2, callid="1.3")), OPEN
    )
    assert (f.calls_before_opening, f.calls_outside_hours_answered, f.calls_offered) == (1, 3, 0)


def test_a_queue_closed_in_service_hours_loses_the_call():
    text = "60|1.1|q|NONE|CLOSED|"
    assert (figures(log(text), OPEN).calls_offered, figures(log(text), OPEN).calls_lost) == (1, 1)
    assert (figures(log(text)).calls_offered, figures(log(text)).calls_lost) == (0, 0)


def test_a_passage_is_in_service_hours_when_its_call_is():
    """Sent on to a second queue after closing time."""
    f = figures(
        log(f"""
        {CLOSES - 60}|1.1|a|NONE|ENTERQUEUE||811|1
        {CLOSES - 50}|1.1|a|A|CONNECT|10|1.2|4
        {CLOSES + 10}|1.1|a|A|BLINDTRANSFER|700|internal|10|60|1
        {CLOSES + 10}|1.1|b|NONE|ENTERQUEUE||811|1
        {CLOSES + 20}|1.1|b|B|CONNECT|10|1.3|4
        """),
        OPEN,
    )
    assert (f.queue_passages, f.queue_passages_answered, f.calls_offered) == (2, 2, 1)


def test_test_calls_are_counted_as_such_and_in_no_other_figure():
    tests = as_test(log(call(0) + call(60, callid="1.2", end="ABANDON") + "70|1.3|q|NONE|ENTERQUEUE||811|1"))
    assert told(figures(tests)) == {"calls_test": 3}


def test_a_test_call_outside_hours_is_a_test():
    f = figures(as_test(log(call(CLOSES + 60))), OPEN)
    assert (f.calls_test, f.calls_outside_hours) == (1, 0)


def test_a_test_call_is_nobody_s_repeat_and_no_first_attempt():
    end = "50000|NONE|NONE|NONE|CONFIGRELOAD|"
    events = log(call(0)) + as_test(log(call(60, callid="1.2"))) + log(end)
    f = figures(events)
    assert (f.measures["fcr_eligible"], f.measures["fcr_resolved"], f.calls_first_attempts) == (1, 1, 1)


def test_a_test_number_in_one_queue_makes_the_whole_call_a_test():
    first, second = log(call(0)), log("9|1.1|other|NONE|ENTERQUEUE||811|1")
    assert figures(first + as_test(second)).calls_test == 1


def test_refusals_count_at_any_hour():
    assert figures(log("-60|1.1|q|NONE|CLOSED|"), OPEN).turned_away_closed == 1


def did(at, contact, unit="02-1"):
    return Event(SITE.id, "pbx", "", "call.did", (T0 + at) * S, unit, contact)


def test_how_many_of_those_who_dialled_the_number_spoke_to_a_person():
    events = [
        did(0, "1.1"),
        did(0, "1.2"),
        did(9, "1.3"),
        did(-5, "1.4"),
        *log(call(1)),
        *log(call(2, callid="1.2", end="ABANDON")),
    ]
    f = figures(events, OPEN)
    assert (f.calls_reached_number, f.calls_reached_number_answered_rate) == (3, pytest.approx(1 / 3))
    assert f.calls_did_without_entry == 2


def test_a_number_told_of_twice_is_one_call():
    f = figures([did(0, "1.1"), did(2, "1.1"), *log(call(3))])
    assert (f.calls_reached_number, f.calls_reached_number_answered_rate, f.calls_did_without_entry) == (1, 1, 0)
