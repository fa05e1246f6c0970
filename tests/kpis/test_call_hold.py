"""Time on hold and voicemail, which are told beside the passages of a call; by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telemetry.events import MISSING, Event
from tests.kpis.made import SITE, T0, figures, log
from tests.kpis.test_repeats import abandoned, answered
from tests.kpis.test_sources import CDR, QUEUE_LOG, call, told
from tests.kpis.worlds import S


def held(at, contact, ms, source="pbx", unit="q"):
    return Event(SITE.id, source, "", "call.held", (T0 + at) * S, unit, contact, "agent-1", a=ms)


def mail(at, contact, source="pbx"):
    return Event(SITE.id, source, "", "call.voicemail", (T0 + at) * S, "", contact)


def test_hold_is_the_mean_over_the_answered_calls_of_which_it_is_told():
    calls = log(answered(0, 811, "1.1") + answered(100, 822, "1.2") + answered(200, 833, "1.3"))
    f = figures([*calls, held(20, "1.1", 30_000), held(120, "1.2", 0)])
    assert (f.hold_seconds_mean, f.calls_held_rate, f.calls_hold_known, f.calls_answered) == (15, 0.5, 2, 3)


def test_hold_is_part_of_talk_and_adds_nothing_to_handle_time():
    calls = log(answered(0, 811, "1.1"))
    assert figures([*calls, held(20, "1.1", 3000)]).aht_seconds_mean == figures(calls).aht_seconds_mean


def test_the_conversations_of_a_call_add_up_their_hold_and_two_sources_do_not():
    calls = log(answered(0, 811, "1.1"))
    said = [held(20, "1.1", 4000), held(30, "1.1", 5000, unit="r"), held(30, "1.1", 8000, source="live")]
    assert figures([*calls, *said]).measures["hold_ms"] == 9000


@pytest.mark.parametrize("ms", [MISSING, -1])
def test_a_hold_of_unknown_length_is_not_told(ms):
    f = figures([*log(answered(0, 811, "1.1")), held(20, "1.1", ms)])
    assert (f.calls_hold_known, f.hold_seconds_mean, f.calls_held_rate) == (0, None, None)


def test_nobody_who_was_not_answered_was_held():
    f = figures([*log(abandoned(0, 811, "1.1")), held(20, "1.1", 1000), held(20, "9.9", 1000)])
    assert (f.calls_hold_known, f.measures["hold_ms"]) == (0, 0)


def test_a_lost_call_that_went_to_voicemail_stays_lost_and_is_told():
    events = log(abandoned(0, 811, "1.1") + abandoned(100, 822, "1.2") + answered(200, 833, "1.3"))
    without, f = figures(events), figures([*events, mail(40, "1.1"), mail(41, "1.1"), mail(260, "1.3")])
    assert (f.calls_to_voicemail, f.calls_lost_to_voicemail) == (2, 1)
    for name in ("calls_offered", "calls_answered", "calls_abandoned", "calls_lost", "abandoned_call_rate"):
        assert getattr(f, name) == getattr(without, name)


def test_voicemail_outside_service_hours_is_told_apart():
    site = replace(SITE, hours={"mon-fri": "08:30-09:30"}, holidays="")
    f = figures([*log(abandoned(0, 811, "1.1")), mail(40, "1.1")], site)
    assert (f.calls_outside_hours_to_voicemail, f.calls_to_voicemail, f.calls_lost_to_voicemail) == (1, 0, 0)


def test_voicemail_of_a_call_that_met_no_queue_is_told_apart():
    did = Event(SITE.id, "pbx", "", "call.did", T0 * S, "1111", "7.1")
    f = figures([did, mail(5, "7.1"), did._replace(contact="7.2")])
    assert (f.calls_did_without_entry, f.calls_did_to_voicemail, f.calls_to_voicemail) == (2, 1, 0)


def test_what_only_a_lesser_log_knows_of_a_call_counts_with_the_better_log_of_it():
    events = [
        *call(QUEUE_LOG, "c1", 0, "entered", "timed_out"),
        *call(CDR, "c1", 0, "did", "voicemail"),
        *call(QUEUE_LOG, "c2", 60, "entered", "connected", "completed"),
        held(90, "c2", 7000, source=CDR, unit="idcard"),
    ]
    got = told(events)
    assert (got["calls_offered"], got["calls_lost_to_voicemail"], got["hold_ms"]) == (2, 1, 7000)
    assert (got["calls_did_without_entry"], got["calls_did_to_voicemail"]) == (0, 0)
