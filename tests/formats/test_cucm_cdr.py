"""What the CUCM decoder promises beyond its folder of cases."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats.cucm_cdr import problems, recognise
from collectors.formats.options import Options
from telemetry.simulate.makes import cucm_cdr
from tests.formats import line_promises as promises
from tests.formats.sim_calls import some_calls

CASES = list(promises.cases("cucm_cdr"))
LINES = [line for _, lines in CASES for line in lines]
CALLS = some_calls(3, 120)
WRITTEN = promises.simulated(cucm_cdr, CALLS)


@given(promises.hostile(LINES), st.booleans())
@settings(max_examples=100, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines, header):
    promises.sound("cucm_cdr", (WRITTEN[:2] if header else []) + lines, {"fields": {"machines": "8000"}})


@given(st.sampled_from(CASES), st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_restart_between_any_two_lines_changes_nothing(case, cuts):
    promises.same_however_divided("cucm_cdr", case[1], case[0], cuts)


def test_the_same_file_read_again_gives_the_same_ids():
    promises.same_when_read_again("cucm_cdr", WRITTEN)


def test_a_file_without_a_header_is_not_read_by_the_header_of_the_one_before():
    got, log = promises.read("cucm_cdr", WRITTEN)
    assert got.events
    log.restart()
    (no,) = log.feed([WRITTEN[5]], 0).rejected
    assert "no header line" in no.detail


def test_columns_may_stand_in_any_order():
    rows = [line.split(b",") for line in WRITTEN]
    moved = [b",".join([row[0], *reversed(row[1:])]) for row in rows]
    assert promises.read("cucm_cdr", moved)[0] == promises.read("cucm_cdr", WRITTEN)[0]


def test_simulated_calls_are_found_again_but_for_their_ringing_and_keys():
    got, _ = promises.read("cucm_cdr", WRITTEN)
    assert not got.rejected
    found = promises.measured(got.events)
    assert promises.truth(CALLS).items() <= found.items()
    assert found["calls_ring_known"] == found["calls_left_by_key"] == 0
    hung_up = sum(c.outcome in ("abandoned", "left_by_key") for c in CALLS)
    assert found["calls_abandoned"] == hung_up
    assert found["calls_lost"] == len(CALLS) - found["calls_answered"]


def test_ids_tell_neither_who_called_nor_who_served():
    other = [line.replace(b'"08', b'"09') for line in WRITTEN]
    ids = [[e.id for e in promises.read("cucm_cdr", lines)[0].events] for lines in (WRITTEN, other)]
    assert ids[0] == ids[1]


def test_a_sample_is_recognised_and_says_what_it_cannot_tell():
    guess = recognise(WRITTEN[:40])
    assert guess.sure == 1.0
    assert "no ring time" in guess.what
    assert "Zero Duration" not in guess.what
    assert recognise([b"1767240000|1.1|q|M|CONNECT|5|1.2|3"]) is None
    assert recognise([]) is None


def test_a_log_without_lost_calls_is_said_to_leave_them_out():
    answered = [call for call in CALLS if call.outcome == "answered"]
    assert "lost calls are missing" in recognise(promises.simulated(cucm_cdr, answered)[:60]).what


def test_the_records_of_voice_quality_are_told_from_those_of_calls():
    guess = recognise([b'"cdrRecordType","globalCallID_callManagerId","globalCallID_callId","nodeId"', b"2,1,5,1"])
    assert "call management records" in guess.what


def test_a_setting_that_it_does_not_know_is_told():
    assert problems(Options(fields={"machines": "8000"})) == []
    assert "'machine'" in repr(problems(Options(fields={"machine": "8000"}))).replace('"', "'")


@pytest.mark.parametrize("split", [b"\n", b"\r\n"])
def test_a_carriage_return_makes_no_difference(split):
    lines = b"".join(line + split for line in WRITTEN).split(b"\n")[:-1]
    assert promises.read("cucm_cdr", lines)[0] == promises.read("cucm_cdr", WRITTEN)[0]
