"""Handle time, transfers, and calls that the centre placed; by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kpis.cube import merge
from kpis.rollup import one_group, roll_up
from telemetry.events import MISSING, Event
from tests.kpis.made import SITE, T0, figures, log
from tests.kpis.test_call_scope import told
from tests.kpis.test_repeats import END, abandoned, answered
from tests.kpis.worlds import Names, S, World, cube

NAMES = Names([SITE.id, "q", "pbx", "agent-1", "A"])


def wrap(at, ms, unit="q"):
    return Event(SITE.id, "pbx", "", "call.wrap_up_started", (T0 + at) * S, unit, "", "agent-1", a=ms)


def placed(at, contact, talk=MISSING, caller=0, source="pbx"):
    return Event(SITE.id, source, "", "call.outbound", (T0 + at) * S, "", contact, "agent-1", b=talk, caller=caller)


def talked(at, callid, talk, queue="q"):
    return log(f"""
        {at}|{callid}|{queue}|NONE|ENTERQUEUE||811|1
        {at + 5}|{callid}|{queue}|A|CONNECT|5|{callid}x|5
        {at + 5 + talk}|{callid}|{queue}|A|COMPLETECALLER|5|{talk}|1
    """)


def test_handle_time_is_talk_and_what_is_told_of_wrap_up():
    f = figures([*talked(0, "1.1", 60), *talked(100, "1.2", 100), wrap(66, 20_000), wrap(300, MISSING)])
    assert (f.talk_seconds_mean, f.aht_seconds_mean, f.wrap_up_seconds_mean) == (80, 90, 20)
    assert f.measures["wrap_ups"] == 2


def test_handle_time_without_any_wrap_up_is_talk():
    f = figures(talked(0, "1.1", 60))
    assert (f.aht_seconds_mean, f.wrap_up_seconds_mean) == (60, None)


def test_a_call_whose_talk_nobody_tells_does_not_thin_out_handle_time():
    f = figures([*talked(0, "1.1", 60), *log("100|1.2|q|NONE|ENTERQUEUE||8|1\n109|1.2|q|A|CONNECT|9|1.3|3")])
    assert (f.calls_answered, f.aht_seconds_mean) == (2, 60)


def test_a_wrap_up_is_no_call():
    assert told(figures([wrap(0, 5000)])) == {
        "wrap_ups": 1, "wrap_ups_known": 1, "wrap_up_ms": 5000, "handle_ms": 5000,
    }  # fmt: skip


def test_a_wrap_up_counts_in_service_hours_only():
    site = replace(SITE, hours={"mon-fri": "10:00-16:00"}, holidays="")
    f = figures([*talked(0, "1.1", 60), wrap(66, 20_000), wrap(-66, 30_000)], site)
    assert (f.aht_seconds_mean, f.measures["wrap_ups"]) == (80, 1)


def test_a_time_with_wrap_ups_adds_up_with_one_without():
    parts = [cube(World(tuple(of), (SITE,)), NAMES) for of in (talked(0, "1.1", 60), [wrap(66, 20_000)])]
    sums, _ = roll_up(whole := merge(parts), one_group(whole), 1)
    assert (sums["calls_answered"][0], sums["handle_ms"][0], sums["wrap_ups"][0]) == (1, 80_000, 1)


SENT = "0|{0}|a|NONE|ENTERQUEUE||811|1\n5|{0}|a|A|CONNECT|5|x|5\n30|{0}|a|A|BLINDTRANSFER|700|internal|5|25|1\n"


def test_a_transfer_is_a_success_when_a_person_answers_in_the_next_queue():
    on = "30|{0}|b|NONE|ENTERQUEUE||811|1\n"
    events = log(
        SENT.format("1.1") + on.format("1.1") + "35|1.1|b|B|CONNECT|5|y|5\n"
        + SENT.format("1.2") + on.format("1.2") + "60|1.2|b|NONE|ABANDON|1|1|30\n"
        + SENT.format("1.3")
    )  # fmt: skip
    f = figures(events)
    assert (f.calls_transferred, f.calls_transferred_elsewhere, f.transfer_success_rate) == (3, 1, 0.5)


def test_an_answer_before_the_transfer_is_no_success_of_it():
    f = figures(log("""
        0|1.1|a|NONE|ENTERQUEUE||811|1
        5|1.1|a|A|CONNECT|5|x|5
        20|1.1|a|A|BLINDTRANSFER|700|internal|5|15|1
        20|1.1|a|NONE|ENTERQUEUE||811|1
        50|1.1|a|NONE|ABANDON|1|1|30
    """))  # fmt: skip
    assert (f.calls_transferred, f.transfer_success_rate, f.queue_entries) == (1, 0, 2)


def test_calls_that_the_centre_places_are_no_calls_of_citizens():
    f = figures([placed(0, "9.1", 30_000), placed(60, "9.2"), placed(70, "9.3", 0)])
    assert (f.calls_outbound, f.calls_outbound_answered, f.calls_outbound_number_unknown) == (3, 1, 3)
    assert (f.calls_offered, f.calls_back, f.queue_entries) == (0, 0, 0)


def test_a_placed_call_that_two_logs_tell_of_is_one():
    f = figures([placed(0, "9.1", MISSING), placed(0, "9.1", 30_000, source="cdr")])
    assert (f.calls_outbound, f.calls_outbound_answered) == (1, 1)


@pytest.mark.parametrize(("at", "back"), [(-1, 0), (0, 1), (60, 1), (86_400, 1), (86_401, 0)])
def test_a_call_back_follows_a_lost_call_within_a_day(at, back):
    assert figures([*log(abandoned(0, 811, "1.1")), placed(at, "9.1", 1000, 811)]).calls_back == back


def test_a_call_to_somebody_who_was_answered_is_no_call_back():
    events = log(answered(0, 811, "1.1") + abandoned(0, 822, "1.2"))
    assert figures([*events, placed(60, "9.1", 1000, 811)]).calls_back == 0


def test_a_call_back_reaches_who_called_under_the_key_before():
    events = log(abandoned(0, 99811, "1.1"), aliases={"1.1": 811})
    assert figures([*events, placed(60, "9.1", 1000, 811)]).calls_back == 1


def test_the_centre_s_own_call_back_is_no_repeat_of_the_citizen():
    f = figures([*log(answered(0, 811, "1.1") + END), placed(60, "9.1", 30_000, 811)])
    assert (f.measures["fcr_eligible"], f.measures["fcr_resolved"]) == (1, 1)
