"""What the 3CX decoder promises beyond its folder of cases."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats.options import Options
from collectors.formats.threecx_cdr import ALL_COLUMNS, problems, recognise
from telemetry.simulate.makes import threecx_cdr
from tests.formats import line_promises as promises
from tests.formats.sim_calls import some_calls

CASES = list(promises.cases("threecx_cdr"))
LINES = [line for _, lines in CASES for line in lines]
CALLS = some_calls(4, 120)
WRITTEN = promises.simulated(threecx_cdr, CALLS)


@given(promises.hostile(LINES), st.sampled_from([own for own, _ in CASES]))
@settings(max_examples=100, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines, own):
    promises.sound("threecx_cdr", lines, own)


@given(st.sampled_from(CASES), st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_restart_between_any_two_lines_changes_nothing(case, cuts):
    promises.same_however_divided("threecx_cdr", case[1], case[0], cuts)


def test_the_same_file_read_again_gives_the_same_ids():
    promises.same_when_read_again("threecx_cdr", WRITTEN)


def test_simulated_calls_are_found_again_but_for_the_ringing_of_queues_and_keys():
    got, _ = promises.read("threecx_cdr", WRITTEN)
    assert not got.rejected
    found = promises.measured(got.events)
    assert promises.truth(CALLS).items() <= found.items()
    assert found["calls_ring_known"] == found["calls_left_by_key"] == 0
    assert found["calls_lost"] == len(CALLS) - found["calls_answered"]
    polled = [e.party for e in got.events if e.type == "call.ring_no_answer"]
    assert sorted(polled) == sorted(a.extension for c in CALLS for a in c.attempts if not a.answered)


def test_the_zone_of_the_times_is_the_one_that_is_told():
    here, there = (
        promises.read("threecx_cdr", WRITTEN, {"timezone": zone})[0].events for zone in ("Asia/Bangkok", "UTC")
    )
    assert {b.time_us - a.time_us for a, b in zip(here, there, strict=True)} == {7 * 3600 * 1_000_000}


def test_a_header_holds_for_its_file_alone():
    header = b";".join(c.encode() for c in ("time-start", "time-answered", "time-end", "callid", "to-dn"))
    row = b"2026-11-21 09:00:00;;2026-11-21 09:00:09;c1;800"
    got, log = promises.read("threecx_cdr", [header, row], {"delimiter": ";"})
    assert [e.type for e in got.events] == ["call.entered", "call.abandoned"]
    log.restart()
    assert "27 expected" in log.feed([row], 0).rejected[0].detail


def test_a_list_of_columns_that_cannot_work_is_told_before_anything_is_read():
    assert problems(Options()) == []
    told = " ".join(problems(Options(columns=("time-start", "wen", "time-start"))))
    for wrong in ("'wen'", "twice", "'time-answered' is missing", "'historyid' is missing"):
        assert wrong in told


def test_a_sample_is_recognised_and_says_what_must_be_known():
    guess = recognise(WRITTEN[:20])
    assert guess.sure == 1.0
    assert "UTC or local" in guess.what
    assert not guess.settings
    other = [b";".join(reversed(line.removeprefix(b"Call ").split(b","))) for line in WRITTEN[:20]]
    assert recognise(other).settings == {"delimiter": ";", "columns": list(ALL_COLUMNS)}
    assert recognise([b",".join(c.encode() for c in ALL_COLUMNS)]).sure == 1.0
    assert recognise([b'"1","2026-11-21 09:00:00","ANSWERED"']) is None
    assert recognise([]) is None
