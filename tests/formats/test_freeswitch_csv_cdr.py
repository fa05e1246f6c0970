"""What the decoder of FreeSWITCH's CSV CDRs promises beyond its folder of cases."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from collectors.formats.freeswitch_csv_cdr import FreeswitchCsvCdr, problems, recognise
from collectors.formats.freeswitch_rows import EXAMPLE
from collectors.formats.options import Options
from telemetry.simulate.makes.freeswitch_csv_cdr import written
from telemetry.simulate.makes.freeswitch_json_cdr import leg_uuid
from tests.formats.sim_calls import S, some_calls
from tests.formats.smdr_properties import (
    RECEIVED_US,
    hostile,
    in_one_go,
    in_pieces,
    keeps_its_promises,
    stored,
    true_lines,
)
from tests.kpis.made import SITE, figures

LINES = true_lines("freeswitch_csv_cdr")
CALLS = some_calls(7, 200)
BANGKOK = ZoneInfo("Asia/Bangkok")
LOG = [w.data.removesuffix(b"\n") for w in written(CALLS, BANGKOK)]
ANSWERED = [c for c in CALLS if c.outcome == "answered"]
RANG = [c for c in CALLS if c.attempts]
LATER = [w.data.removesuffix(b"\n") for w in written(some_calls(8, 1, CALLS[-1].end_us + 3600 * S), BANGKOK)]
CALLER = next(line for line in LINES if b"00000001-4c15" in line and b'"00000002-4c15' in line)
TELEPHONE = next(line for line in LINES if line.startswith(b'"","0812345678","1001"'))


def make(**options):
    return FreeswitchCsvCdr(site=SITE.id, source="pbx", options=Options(**options))


def read(*lines, **options):
    got = make(**options).feed(lines, RECEIVED_US)
    assert not got.rejected
    return got.events


def without_person(events):
    return [e._replace(person="") for e in events]


@pytest.mark.parametrize("pattern", ["", "a", "b"])
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(pattern):
    @given(hostile("freeswitch_csv_cdr"))
    @settings(max_examples=40, deadline=None)
    def holds(lines):
        keeps_its_promises(make(pattern=pattern, era="auto"), lines)

    holds()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pattern", ["a", "b", "ab"])
def test_batches_and_restarts_change_nothing_but_the_caller_of_a_row_that_is_held_back(pattern, seed):
    def one():
        return make(pattern=pattern)

    assert without_person(in_pieces(one, LINES + LOG, seed)) == without_person(in_one_go(one, LINES + LOG))


def test_a_log_that_is_read_again_gives_nothing_new():
    decoder = make()
    first = {e.id for e in decoder.feed(LOG + LATER, RECEIVED_US).events}
    decoder.restart()
    assert {e.id for e in decoder.feed(LOG + LATER, RECEIVED_US).events} <= first


def test_two_rows_are_one_call_that_rings_as_the_telephones_row_says_whichever_comes_first():
    told = [figures(stored(read(*rows))) for rows in ((CALLER, TELEPHONE), (TELEPHONE, CALLER))]
    for got in told:
        assert (got.calls_offered, got.calls_answered) == (1, 1)
        assert [got.measures[f"{name}_ms"] for name in ("ring", "talk", "answered_wait")] == [5000, 53_000, 7000]


def test_callers_rows_alone_say_that_somebody_answered_and_not_how_soon():
    got = figures(read(CALLER, pattern="a"))
    assert (got.calls_offered, got.calls_answered) == (1, 1)
    assert (got.measures["calls_ring_known"], got.measures["answered_wait_known"], got.measures["talk_ms"]) == (0, 0, 0)


def test_of_rows_of_one_uuid_the_first_counts_and_an_answer_before_a_loss():
    lost = CALLER.replace(b"2026-11-21 09:00:00", b"", 2).replace(b'"","",', b'"2026-11-21 09:00:00","",', 1)
    again = CALLER.replace(b"NORMAL_CLEARING", b"USER_BUSY")
    assert [e.id for e in stored(read(CALLER, again, pattern="a"))] == [e.id for e in read(CALLER, pattern="a")]
    got = figures(stored(read(lost, CALLER, pattern="a")))
    assert (got.calls_offered, got.calls_answered) == (1, 1)


def test_a_row_that_is_held_back_is_told_when_the_log_goes_on_or_is_known_to_have_ended():
    lost = next(line for line in LINES if b'"1005"' in line)
    decoder = make(pattern="ab")
    assert decoder.feed([lost], RECEIVED_US).events == []
    assert [e.type for e in decoder.flush()] == ["call.entered", "call.timed_out"]
    assert decoder.flush() == []
    assert [e.type for e in read(lost, *LATER)][:2] == ["call.entered", "call.timed_out"]
    assert [e.type for e in read(lost, pattern="a")] == ["call.entered", "call.timed_out"]


def test_a_simulated_day_gives_back_the_calls_that_rang_somewhere():
    events = stored(read(*LOG, *LATER, pattern="ab", units={"2000": "info"}))
    events = [e for e in events if e.contact in {leg_uuid(c.id) for c in CALLS}]
    got = figures(events)
    assert (got.calls_offered, got.calls_answered) == (len(RANG), len(ANSWERED))
    # Of those who met only the queue's music the example template says what it says of a menu.
    assert sum(e.type == "call.did" for e in events) == len(CALLS) - len(RANG)
    assert got.measures["answered_wait_ms"] == sum(c.answer_us - c.arrival_us for c in ANSWERED) // 1000
    assert got.measures["talk_ms"] == sum(c.end_us - c.answer_us for c in ANSWERED) // 1000
    rang = {e.contact: e.b for e in events if e.type == "call.connected"}
    for call in ANSWERED:
        (took,) = (a for a in call.attempts if a.answered)
        assert rang[leg_uuid(call.id)] == (took.until_us - took.from_us) // 1000
    in_vain = [e for e in events if e.type in ("call.ring_no_answer", "call.ring_cancelled")]
    assert len(in_vain) == sum(not a.answered for c in CALLS for a in c.attempts if a.until_us <= c.end_us)


def test_no_id_unit_extra_or_state_holds_the_number_of_a_caller_or_of_whom_we_called():
    decoder = make(pattern="ab")
    said = ""
    for line in [*LINES, *LOG]:
        got = decoder.feed([line], RECEIVED_US)
        said += "".join(f"{e.id} {e.contact} {e.unit} {e.extra}" for e in got.events) + decoder.dump()
    assert not any(number in said for number in ("0812345678", "0834567890", *(c.number for c in CALLS if c.number)))


def test_a_row_whose_columns_have_moved_makes_no_call_of_its_callers_number():
    cells = CALLER.split(b",")
    number, uuid = cells[1], next(i for i, cell in enumerate(cells) if b"00000001-4c15" in cell)
    got = make(pattern="ab").feed([b",".join([*cells[:uuid], number, *cells[uuid + 1 :]])], RECEIVED_US)
    assert not got.events
    assert [r.detail for r in got.rejected] == ["uuid: it is the caller's number"]


def test_rows_that_nobody_names_are_not_held_for_ever():
    decoder = make(pattern="ab")
    for n in range(1000):
        decoder.feed([TELEPHONE.replace(b"00000002", b"%08d" % n)], RECEIVED_US)
    assert len(decoder.dump()) < 20_000


def test_settings_that_make_no_sense_are_named():
    assert problems(Options(pattern="ab", columns=EXAMPLE)) == []
    assert "pattern: 'c'" in problems(Options(pattern="c"))[0]
    assert "uuid and hangup_cause missing" in problems(Options(columns=("start_stamp",)))[0]


def test_the_log_is_recognised_with_the_legs_that_it_holds():
    both, callers = recognise([TELEPHONE, CALLER]), recognise([CALLER])
    assert both is not None
    assert callers is not None
    assert (both.sure, both.settings) == (1.0, {"pattern": "ab"})
    assert callers.settings == {"pattern": "a"}
    assert "no ring time" in callers.what
    assert recognise([",".join(EXAMPLE).encode()]) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"1767236400|1767236399.1|q|NONE|ENTERQUEUE||0812345678|1",
        b"2026/11/21 09:41:28,00:00:00,9,8004206,I,4324,4324,,0,1000014155,0,E4324,Joe Bloggs,T9161,LINE 5.1,0,0",
        b'"","0812345678","3000","default","""x"" <1>","SIP/1","SIP/2","Dial","x","2026-11-21 09:00:00","","2026-11-21 09:00:09",9,0,"NO ANSWER","DOCUMENTATION"',
    ],
)
def test_logs_of_other_makes_are_not_claimed(line):
    assert recognise([line]) is None
