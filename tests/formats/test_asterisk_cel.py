"""What the decoder of channel events promises beyond its folder of cases and the real day."""

from __future__ import annotations

import gzip
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats.asterisk_cel import problems, recognise
from collectors.formats.asterisk_cel_calls import MOST_CALLS
from collectors.formats.options import Options
from telemetry.simulate.makes import asterisk_cel
from tests.formats import line_promises as promises
from tests.formats.sim_calls import some_calls

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
REAL = gzip.decompress((LAB / "cel.csv.gz").read_bytes()).split(b"\n")[:-1]
CASES = list(promises.cases("asterisk_cel"))
LINES = [line for _, lines in CASES for line in lines] + REAL[:300]
UTC_ = {"timezone": "UTC"}
CALLS = some_calls(5, 150)
WRITTEN = promises.simulated(asterisk_cel, CALLS)


@given(promises.hostile(LINES))
@settings(max_examples=150, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines):
    promises.sound("asterisk_cel", lines, UTC_)


@given(st.lists(st.sampled_from(REAL[:60]), max_size=60))
@settings(max_examples=60, deadline=None)
def test_lines_in_any_order_lost_and_twice_become_sound_events(lines):
    promises.sound("asterisk_cel", lines, UTC_)


@given(st.sampled_from(CASES), st.lists(st.integers(0, 200), max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_restart_between_any_two_lines_changes_nothing(case, cuts):
    promises.same_however_divided("asterisk_cel", case[1], case[0], cuts)


@given(st.lists(st.integers(0, 1500), max_size=20))
@settings(max_examples=10, deadline=None)
def test_a_restart_between_any_two_lines_of_a_real_log_changes_nothing(cuts):
    promises.same_however_divided("asterisk_cel", REAL[:1500], UTC_, cuts)


@pytest.mark.parametrize("lines", [REAL, WRITTEN])
def test_the_same_file_read_again_gives_the_same_ids(lines):
    promises.same_when_read_again("asterisk_cel", lines, UTC_)


def test_an_entry_and_an_answer_are_told_with_the_line_that_tells_them():
    _, log = promises.read("asterisk_cel", [], UTC_)
    told = {b'"ANSWER"': "call.connected", b'"APP_START"': "call.entered"}
    for line in REAL[:60]:  # before the first transfer
        types = [e.type for e in log.feed([line], 0).events]
        phone_or_queue = b'"AppQueue"' in line or b'"AppDial"' in line or b'"APP_START"' in line
        for word, type_ in told.items():
            if line.startswith(word) and phone_or_queue:
                assert type_ in types


def test_an_open_call_goes_on_in_the_next_file():
    begun, log = promises.read("asterisk_cel", REAL[:10], UTC_)
    log.restart()
    types = [e.type for e in log.feed(REAL[10:30], 0).events]
    assert "call.completed" in types
    assert [e.type for e in begun.events].count("call.entered") == 1


def test_lines_of_one_second_keep_their_order_in_the_microseconds():
    entered = [e for e in promises.read("asterisk_cel", REAL, UTC_)[0].events if e.type == "call.entered"]
    assert len({e.time_us for e in entered}) == len(entered)


def test_more_calls_than_are_kept_cost_no_more_memory():
    lines = [REAL[0].replace(b".26", b".%d" % n) for n in range(MOST_CALLS + 500)]
    _, log = promises.read("asterisk_cel", lines, UTC_)
    assert len(log._calls._trees) == MOST_CALLS


def test_what_happened_before_a_line_that_cannot_be_read_is_not_lost_with_it():
    at = next(n for n, line in enumerate(REAL) if b'"APP_END"' in line and b'"Queue"' in line)
    later = REAL[0].replace(b"09:43:26", b"10:43:26")
    _, log = promises.read("asterisk_cel", REAL[: at + 1], UTC_)
    got = log.feed([later.replace(b"1567", b"x" * 80)], 0)
    assert (len(got.rejected), len(got.events)) == (1, 0)
    types = {e.type for e in log.feed([later], 0).events}
    assert types & {"call.completed", "call.timed_out", "call.no_agent"}


def test_simulated_calls_are_found_again_whole():
    got, _ = promises.read("asterisk_cel", WRITTEN)
    assert not got.rejected
    found, truth = promises.measured(got.events), promises.truth(CALLS)
    assert truth.items() <= found.items()
    assert found["calls_abandoned"] == sum(c.outcome == "abandoned" for c in CALLS)
    assert found["calls_left_by_key"] == sum(c.outcome == "left_by_key" for c in CALLS)
    answered = [c for c in CALLS if c.outcome == "answered"]
    assert found["ring_ms"] == sum(a.until_us - a.from_us for c in answered for a in c.attempts) // 1000
    assert found["talk_ms"] == sum(c.end_us - c.answer_us for c in answered) // 1000


def test_ids_tell_neither_who_called_nor_who_served():
    other = [line.replace(b'"08', b'"09').replace(b"PJSIP/2", b"PJSIP/3") for line in WRITTEN]
    ids = [[e.id for e in promises.read("asterisk_cel", lines)[0].events] for lines in (WRITTEN, other)]
    assert ids[0] == ids[1]
    for event in promises.read("asterisk_cel", WRITTEN)[0].events:
        assert not event.person or event.person not in repr(event._replace(person=""))


def test_a_sample_is_recognised_with_its_zone_and_what_it_cannot_tell():
    guess = recognise(REAL[:100])
    assert guess.sure == 1.0
    assert "whole seconds" in guess.what
    assert guess.settings == UTC_
    fine = recognise(WRITTEN[:100])
    assert (fine.sure, fine.settings) == (1.0, {})
    assert "microseconds" in fine.what
    ahead = [line.replace(b"2026-11-21 09:", b"2026-11-21 16:") for line in REAL[:100]]
    assert recognise(ahead).settings == {"timezone": "Asia/Bangkok"}
    assert "Queue is not among the apps" in recognise([line for line in REAL[:100] if b'"APP_' not in line]).what
    swapped = [b",".join(reversed(line.split(b","))) for line in WRITTEN[:50] if b"{" not in line]
    assert len(swapped) > 5
    assert "say which columns" in recognise(swapped).what


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"1767240000|1.1|q|M|CONNECT|5|1.2|3"],
        [
            b'"","0812345678","1111","in","","SIP/a-1","SIP/b-1","Queue","q","2026-11-21 09:43:26","","x",1,1,"ANSWERED","3"'
        ],
        [b'"ANSWER",1', b"\xff\xfe", b'"'],
    ],
)
def test_other_logs_are_not_taken_for_channel_events(lines):
    assert recognise(lines) is None


def test_columns_that_leave_out_what_is_needed_are_a_problem_of_the_settings():
    assert problems(Options(columns=("eventtype", "eventtime"))) != []
    assert problems(Options()) == []


def test_the_simulated_log_is_in_utc_whatever_the_zone():
    assert [w.data for w in asterisk_cel.written(CALLS, UTC)] == [w.data for w in asterisk_cel.written(CALLS, promises.BANGKOK)]  # fmt: skip


def test_a_number_of_a_person_stands_in_person_and_nowhere_else():
    for told, lines in CASES:
        for event in promises.read("asterisk_cel", lines, told)[0].events:
            assert not any(number in repr(event._replace(person="")) for number in ("08123456", "0899999999"))


def test_what_is_kept_of_open_calls_holds_nobodys_number():
    for told, lines in CASES:
        _, log = promises.read("asterisk_cel", [], told)
        for line in lines:
            log.feed([line], promises.NEAR_US)
            kept = repr(log._calls.dump())
            assert not any(number in kept for number in ("08123456", "0899999999"))
