"""What the decoder of call records promises beyond its folder of cases, and how near a real day it comes."""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats.asterisk_cdr_columns import problems, recognise
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.options import Options
from telemetry.events import UNKNOWN
from telemetry.simulate.makes import asterisk_cdr
from tests.formats import line_promises as promises
from tests.formats.sim_calls import some_calls
from tests.kpis.made import figures

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
REAL = gzip.decompress((LAB / "cdr.csv.gz").read_bytes()).split(b"\n")[:-1]
CASES = list(promises.cases("asterisk_cdr"))
LINES = [line for _, lines in CASES for line in lines] + REAL[:50]
UTC_ = {"timezone": "UTC"}
CALLS = some_calls(7, 150)
WRITTEN = promises.simulated(asterisk_cdr, CALLS)
QUEUE_LOG = QueueLog(site="s", source="pbx").feed((LAB / "queue_log").read_bytes().split(b"\n")[:-1], 0).events


@given(promises.hostile(LINES))
@settings(max_examples=150, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines):
    promises.sound("asterisk_cdr", lines, UTC_)


@given(st.sampled_from([*CASES, (UTC_, REAL[:80])]), st.lists(st.integers(0, 80), max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_restart_between_any_two_lines_changes_nothing(case, cuts):
    promises.same_however_divided("asterisk_cdr", case[1], case[0], cuts)


def test_records_of_one_call_share_its_entry_and_nothing_else():
    for lines, told in ((REAL, UTC_), (WRITTEN, None)):
        first, log = promises.read("asterisk_cdr", lines, told)
        log.restart()
        assert log.feed(lines, promises.NEAR_US).events == first.events
        shared = Counter(e.id for e in first.events)
        assert {e.type for e in first.events if shared[e.id] > 1} <= {"call.entered", "call.did"}
        of = defaultdict(set)
        for event in first.events:
            of[event.id].add((event.contact, event.unit, event.type))
        assert all(len(said) == 1 for said in of.values())


def test_records_without_channel_numbers_are_calls_by_themselves_and_the_same_when_read_again():
    lines = [line[: line.index(b',"DOCUMENTATION"')] + b',"DOCUMENTATION"' for line in REAL[:60]]
    first, log = promises.read("asterisk_cdr", lines + lines[-1:], UTC_)
    log.restart()
    assert log.feed(lines + lines[-1:], promises.NEAR_US).events == first.events
    assert len({e.contact for e in first.events}) == len(lines) + 1
    assert not any(e.person and e.person in e.contact for e in first.events)


def test_a_header_is_known_again_after_a_rotation_and_counts_until_then():
    columns = "start,src,dst,dstchannel,lastapp,duration,disposition,uniqueid"
    row = b"2026-11-21 09:43:26,0812345678,1000,SIP/a-00000001,Dial,9,NO ANSWER,1795254206.1"
    got, log = promises.read("asterisk_cdr", [columns.encode(), row], UTC_)
    log.restart()
    again = log.feed([row, columns.upper().encode(), row], promises.NEAR_US)
    assert again.events == got.events * 2
    assert not again.rejected


# The real day.


def real_day():
    got, _ = promises.read("asterisk_cdr", REAL, UTC_)
    assert not got.rejected
    return list({e.id: e for e in reversed(got.events)}.values())[::-1]


def by_call(events, *types):
    return {e.contact for e in events if e.type in types}


def test_every_caller_whom_a_person_answered_is_told_as_answered_and_nobody_else():
    events = real_day()
    in_queues = by_call(QUEUE_LOG, "call.connected")
    assert len(in_queues) == 231
    answered = by_call(events, "call.connected")
    assert in_queues < answered
    direct = {e.contact for e in events if e.type == "call.connected" and e.contact not in in_queues}
    assert Counter(e.unit for e in events if e.contact in direct and e.type == "call.connected") == {
        "1000": 30,
        "0": 13,
    }


@pytest.mark.parametrize(
    ("queue", "entered", "told", "answered"),
    [("idcard", 166, 166, 126), ("complaints", 131, 130, 76), ("info", 71, 47, 29)],
)
def test_callers_who_left_a_queue_before_any_telephone_rang_are_told_only_as_having_reached_the_number(
    queue, entered, told, answered
):
    """Of the callers who entered by queue_log, call records tell whom a telephone rang for, and who hung up. Whom the
    queue gave up before stands in them as any announcement does: most of those of `info`, whose one agent had paused."""
    events, first = real_day(), {}
    for event in QUEUE_LOG:
        if event.type == "call.entered":
            first.setdefault(event.contact, event.unit)
    in_log = {contact for contact, unit in first.items() if unit == queue}
    assert len(in_log) == entered
    assert len(in_log & by_call(events, "call.entered")) == told
    assert in_log - by_call(events, "call.entered") <= by_call(events, "call.did")
    assert len(in_log & by_call(QUEUE_LOG, "call.connected")) == answered
    assert in_log & by_call(QUEUE_LOG, "call.connected") <= by_call(events, "call.connected")


def test_the_core_counts_what_the_records_tell_and_shows_the_rest_as_reached_without_entry():
    got = figures(real_day_of_site())
    assert (got.calls_offered, got.calls_answered, got.calls_lost) == (391, 274, 117)
    assert got.measures["calls_did_without_entry"] == 443 - 391
    # Of 30 answers of the desk telephone 3 came in the second of the call: that looks as if something had answered before.
    assert got.measures["answered_wait_known"] == got.measures["calls_ring_known"] == 27


def real_day_of_site():
    return [e._replace(person="", caller=int(e.person) if e.person.isdigit() else 0) for e in real_day()]


def test_waits_and_rings_of_queues_are_never_invented():
    for event in real_day():
        if event.type in ("call.connected", "call.abandoned") and event.unit in ("idcard", "complaints", "info"):
            assert event.a == UNKNOWN
            assert event.b < 0


def test_the_desk_telephone_rings_as_long_as_its_channel_events_say_where_the_second_tells():
    lines = gzip.decompress((LAB / "cel.csv.gz").read_bytes()).split(b"\n")[:-1]
    cel = promises.read("asterisk_cel", lines, UTC_)[0].events
    want, got = (
        {e.contact: e.b for e in events if e.type == "call.connected" and e.unit == "1000"}
        for events in (cel, real_day())
    )
    assert want.keys() == got.keys()
    off = [abs(want[call] - ring_ms) for call, ring_ms in got.items() if ring_ms >= 0]
    assert len(off) == 27
    assert max(off) <= 1000


def test_simulated_calls_are_found_again_as_far_as_records_tell():
    got, _ = promises.read("asterisk_cdr", WRITTEN)
    assert not got.rejected
    found = promises.measured(list({e.id: e for e in reversed(got.events)}.values()))
    rang = [c for c in CALLS if c.attempts or c.outcome == "abandoned"]
    assert found["calls_offered"] == len(rang)
    assert found["calls_did_without_entry"] == len(CALLS) - len(rang)
    assert found["calls_answered"] == sum(c.outcome == "answered" for c in CALLS)
    assert found["answered_wait_known"] == found["calls_ring_known"] == 0


def test_ids_tell_neither_who_called_nor_who_served():
    other = [line.replace(b"08", b"09").replace(b"PJSIP/2", b"PJSIP/3") for line in WRITTEN[:50]]
    ids = [[e.id for e in promises.read("asterisk_cdr", lines)[0].events] for lines in (WRITTEN[:50], other)]
    assert len(ids[0]) == len(ids[1])
    assert not any(e.person and e.person in e.id + e.contact for e in promises.read("asterisk_cdr", WRITTEN)[0].events)


def test_a_sample_is_recognised_with_its_width_its_zone_and_what_it_cannot_tell():
    guess = recognise(REAL[:40])
    assert (guess.sure, guess.settings) == (1.0, UTC_)
    assert "21 columns" in guess.what
    assert "neither how long a call waited in a queue" in guess.what
    assert recognise(WRITTEN[:40]).settings == {"timezone": "Asia/Bangkok"}
    short = [line[: line.index(b',"DOCUMENTATION"')] + b',"DOCUMENTATION"' for line in REAL[:40]]
    assert "cannot be joined" in recognise(short).what
    rows = [
        b'"","0812345678","1000","in","SIP/a-1","SIP/b-1","Dial","","2026-11-21 09:43:26","","2026-11-21 09:43:29",3,0,"BUSY","3","","1795254206.1","",7'
    ]
    sample = recognise(rows)
    assert sample.settings["columns"][:2] == ["clid", "src"]
    assert sample.settings["timezone"] == "UTC"
    got, _ = promises.read("asterisk_cdr", rows, sample.settings)
    assert [e.type for e in got.events] == ["call.entered", "call.no_agent"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_exported_with_a_header_is_recognised_whatever_stands_between_its_columns(delimiter):
    names = "calldate src dst channel dstchannel lastapp lastdata duration billsec disposition uniqueid"
    cells = (
        "2026-11-21 09:00:00|0812345678|101|SIP/t-00000001|SIP/101-00000002|Dial|SIP/101|35|30|ANSWERED|1795226400.1"
    )
    rows = [b"\xef\xbb\xbf" + delimiter.join(names.split()).encode(), cells.replace("|", delimiter).encode()]
    guess = recognise(rows)
    assert guess.settings.get("delimiter", ",") == delimiter
    got, _ = promises.read("asterisk_cdr", rows, {"timezone": "Asia/Bangkok", **guess.settings})
    assert [(e.type, e.unit) for e in got.events][:2] == [("call.entered", "101"), ("call.connected", "101")]


def test_empty_columns_at_the_end_do_not_make_another_width_of_it():
    line = b",".join(REAL[0].split(b",")[:-3])  # 18 columns, of a file saved by a spreadsheet with two more
    got, _ = promises.read("asterisk_cdr", [line + b',"",'], UTC_)
    assert not got.rejected
    assert got.events == promises.read("asterisk_cdr", [line], UTC_)[0].events


def test_records_in_an_order_of_their_own_are_recognised_and_their_columns_asked_for():
    (lines,) = (lines for told, lines in CASES if told.get("columns"))
    assert "say which columns" in recognise(lines).what


@pytest.mark.parametrize("lines", [[], [b"1767240000|1.1|q|M|CONNECT|5|1.2|3"], [b"a,b", b"\xff", b'"']])
def test_other_logs_are_not_taken_for_call_records(lines):
    assert recognise(lines) is None


def test_columns_that_leave_out_what_is_needed_are_a_problem_of_the_settings():
    assert problems(Options(columns=("src", "dst"))) != []
    assert problems(Options()) == []


def test_a_simulated_log_has_the_wall_clock_of_its_zone():
    assert b'"2026-11-21 09:' in asterisk_cdr.written(CALLS[:1], promises.BANGKOK)[0].data
    assert b'"2026-11-21 02:' in asterisk_cdr.written(CALLS[:1], UTC)[0].data


def test_a_number_of_a_person_stands_in_person_and_nowhere_else():
    for told, lines in CASES:
        for event in promises.read("asterisk_cdr", lines, told)[0].events:
            assert not any(number in repr(event._replace(person="")) for number in ("08123456", "0899999999"))
