"""What the decoder of manager events promises beyond its folder of cases."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats.ami_open import CALLS_KEPT
from collectors.formats.asterisk_ami import AsteriskAmi, recognise
from collectors.formats.reading import MAX_LINE
from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, REJECT_REASONS
from telemetry.simulate.makes.asterisk_ami import written
from tests.formats.sim_calls import some_calls
from tests.kpis.made import SITE, figures

HERE = Path(__file__).parent
RECEIVED_US = 1_767_236_402_000_000
CASES = sorted((HERE / "asterisk_ami").glob("*/input.log"))
TRUE = [line for path in CASES for line in path.read_bytes().split(b"\n")[:-1]]
CALLS = some_calls(7, 200)
SIMULATED = [w.data.removesuffix(b"\n") for w in written(CALLS, UTC)]
ANSWERED = [c for c in CALLS if c.outcome == "answered"]


def make():
    return AsteriskAmi(site=SITE.id, source="ami")


def block(event, **values):
    return [f"{k}: {v}".encode() for k, v in {"Event": event, "Privilege": "call,all", **values}.items()] + [b""]


def arrival(channel, **values):
    return block("Newchannel", CallerIDNum="0812345678", Exten="1111", Uniqueid=channel, Linkedid=channel, **values)


def joined(channel, **values):
    return block("QueueCallerJoin", Uniqueid=channel, Linkedid=channel, Queue="idcard", Position=1, **values)


@st.composite
def hostile(draw):
    """A stretch of true lines, some of them with bytes cut, put in or changed, or anything at all among them."""
    at = draw(st.integers(0, len(TRUE) - 1))
    lines = TRUE[at : at + draw(st.integers(1, 60))]
    for _ in range(draw(st.integers(0, 6))):
        n = draw(st.integers(0, len(lines) - 1))
        line = bytearray(lines[n])
        cut = draw(st.integers(0, len(line)))
        piece = draw(
            st.sampled_from((b"", b"-", b"9", b": ", b"\n", b"\r", b"Event: ", b"1795254206.26", b"\0"))
            | st.binary(max_size=6)
        )
        line[cut : cut + draw(st.integers(0, 4))] = piece
        lines = [*lines[:n], bytes(line), *lines[n + draw(st.integers(0, 2)) :]]
        if not lines:
            return [bytes(line)]
    return lines


@given(hostile(), st.sampled_from((0, RECEIVED_US, 2**52)))
@settings(max_examples=150, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines, received_us):
    decoder = make()
    got = decoder.feed(lines, received_us)
    assert {no.reason for no in got.rejected} <= REJECT_REASONS.keys()
    assert all(no.detail and no.raw for no in got.rejected)
    for event in got.events:
        row = EVENT_TYPES[event.type]
        assert all(getattr(event, need) for need in row.needs)
        assert all(len(name.encode()) <= MAX_NAME for name in (event.unit, event.contact, event.party, event.id))
        assert all(v == MISSING or 0 <= v < 2**53 for v in (event.a, event.b, event.c))
        assert 0 < event.time_us < 2**62
        assert not event.extra or json.loads(event.extra)
    decoder.load(decoder.dump())


@given(hostile(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_batches_and_restarts_between_any_two_lines_change_nothing(lines, seed):
    rng = random.Random(seed)
    whole = make().feed(lines, RECEIVED_US)
    events, rejected, ignored, state, at = [], [], 0, "", 0
    while at < len(lines):
        decoder = make()
        decoder.load(state)
        until = at + rng.randint(1, 5)
        got = decoder.feed(lines[at:until], RECEIVED_US)
        events, rejected, ignored = events + got.events, rejected + got.rejected, ignored + got.ignored
        state, at = decoder.dump(), until
    assert (events, rejected, ignored) == (whole.events, whole.rejected, whole.ignored)


def test_a_stream_that_is_read_again_gives_the_same_events():
    decoder = make()
    first = decoder.feed(SIMULATED, RECEIVED_US).events
    decoder.restart()
    assert decoder.feed(SIMULATED, RECEIVED_US).events == first
    assert len({e.id for e in first}) == len(first)


def test_a_log_with_times_and_the_live_stream_give_the_same_ids():
    live = [line for line in SIMULATED if not line.startswith(b"Timestamp")]
    ids = [{e.id for e in make().feed(lines, CALLS[0].arrival_us).events} for lines in (SIMULATED, live)]
    assert ids[0] == ids[1]


def test_no_id_and_no_state_between_blocks_holds_the_number_of_a_caller_or_of_whom_we_called():
    decoder = make()
    said = ""
    for line in [*TRUE, *SIMULATED]:
        got = decoder.feed([line], RECEIVED_US)
        said += "".join(f"{e.id} {e.contact} {e.unit} {e.extra}" for e in got.events)
        said += decoder.dump() if line.strip() == b"" else ""
    assert not any(n in said for n in ("0812345678", "0899999999", *(c.number for c in CALLS if c.number)))


def test_calls_whose_end_never_comes_are_not_remembered_for_ever():
    decoder = make()
    for n in range(CALLS_KEPT + 500):
        decoder.feed(arrival(f"1767236400.{n}"), RECEIVED_US)
    assert len(json.loads(decoder.dump())[3]) == CALLS_KEPT
    decoder.feed(arrival(f"{1767236400 + 7 * 3600}.9000"), RECEIVED_US)
    assert len(json.loads(decoder.dump())[3]) == 1


def test_a_block_that_does_not_end_is_given_up_and_the_next_one_is_read():
    decoder = make()
    lines = [b"Event: QueueCallerJoin", *(b"Variable: " + b"x" * 1000 for _ in range(200))]
    for line in lines:
        decoder.feed([line], RECEIVED_US)
    assert len(decoder.dump()) < MAX_LINE + 2000
    got = decoder.feed([b"", *joined("1767236400.1")], RECEIVED_US)
    assert [no.reason for no in got.rejected] == ["line_too_long"]
    assert [e.type for e in got.events] == ["call.entered"]


def test_a_caller_in_the_queue_and_a_call_picked_up_are_told_at_once():
    decoder = make()
    assert [e.type for e in decoder.feed(joined("1767236400.1"), RECEIVED_US).events] == ["call.entered"]
    answer = block("AgentConnect", Uniqueid="1767236400.1", Queue="idcard", MemberName="Boon", HoldTime=4, RingTime=2)
    (event,) = decoder.feed(answer, RECEIVED_US + 4_000_000).events
    assert (event.type, event.time_us, event.a, event.b) == ("call.connected", RECEIVED_US + 4_000_000, 4000, 2000)


def test_a_stream_is_live_when_its_first_time_is_now_and_stays_so():
    decoder = make()
    decoder.feed(arrival(f"{RECEIVED_US // 10**6}.1"), RECEIVED_US)
    hours_later_us = RECEIVED_US + 9 * 3600 * 1_000_000
    (event,) = decoder.feed(
        block("QueueMemberPause", Queue="idcard", MemberName="Boon", Paused=1), hours_later_us
    ).events
    assert event.time_us == hours_later_us


def test_a_new_connection_goes_on_with_the_calls_of_the_one_before():
    decoder = make()
    now_s = RECEIVED_US // 10**6
    lines = [*arrival(f"{now_s}.1"), *joined(f"{now_s}.1"), b"Event: Hangup"]
    decoder.feed(lines, RECEIVED_US)
    decoder.restart()
    waiting = {"Queue": "idcard", "Position": 1, "Uniqueid": f"{now_s}.1", "CallerIDNum": "0812345678", "Wait": 9}
    again = decoder.feed([b"Asterisk Call Manager/9.0.0", *block("QueueEntry", **waiting)], RECEIVED_US + 9_000_000)
    assert (again.events, again.rejected) == ([], [])
    other = waiting | {"Uniqueid": f"{now_s + 1}.2", "Wait": 5}
    (event,) = decoder.feed(block("QueueEntry", **other), RECEIVED_US + 9_000_000).events
    assert (event.type, event.contact, event.time_us) == ("call.entered", f"{now_s + 1}.2", RECEIVED_US + 4_000_000)


def test_the_time_of_reading_dates_no_log_of_another_day():
    decoder = make()
    lines = [*arrival("1767200000.1"), *joined("1767200000.1"), *arrival("1767200009.2"), *joined("1767200009.2")]
    got = decoder.feed(lines, RECEIVED_US)
    assert [e.time_us // 10**6 for e in got.events] == [1767200000] * 2 + [1767200009] * 2
    assert len({e.time_us for e in got.events}) == 4


def test_a_time_ahead_of_the_reading_is_not_believed():
    decoder = make()
    decoder.feed(arrival("1767200000.1"), RECEIVED_US)
    (event,) = decoder.feed(arrival("4000000000.2"), RECEIVED_US).events
    assert event.time_us // 10**6 == 1767200000


@pytest.mark.parametrize("ahead_h", [-5, 0, 5.75, 7])
def test_the_wall_clock_of_channel_events_is_set_by_the_channels_they_tell_of(ahead_h):
    def cel(name, after_s):
        at = 1767200000 + after_s + int(ahead_h * 3600)
        wall = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
        return block("CEL", EventName=name, EventTime=wall, UniqueID="1767200000.1")

    decoder = make()
    decoder.feed([*cel("CHAN_START", 0), *cel("BRIDGE_ENTER", 42)], RECEIVED_US)
    (event,) = decoder.feed(joined("1767200000.1"), RECEIVED_US).events
    assert event.time_us == 1767200042 * 10**6


def test_a_log_in_does_not_make_a_restart_of_asterisk():
    decoder = make()
    lines = [*arrival("1767236400.900"), *joined("1767236400.900")]
    lines += [*block("FullyBooted", Uptime=500), *block("FullyBooted", Uptime=503)]
    assert "source.restarted" not in {e.type for e in decoder.feed(lines, RECEIVED_US).events}
    later_us = RECEIVED_US + 600_000_000
    (event,) = decoder.feed(block("FullyBooted", Uptime=10), later_us).events
    assert (event.type, event.time_us) == ("source.restarted", later_us - 10_000_000)


def test_the_figures_of_a_simulated_day_are_the_truth():
    got = figures(make().feed(SIMULATED, RECEIVED_US).events)
    assert (got.calls_offered, got.calls_answered) == (len(CALLS), len(ANSWERED))
    for outcome in ("abandoned", "timed_out", "no_agent", "left_by_key"):
        assert getattr(got, f"calls_{outcome}") == sum(c.outcome == outcome for c in CALLS)
    assert got.measures["answered_wait_ms"] == sum(c.answer_us - c.arrival_us for c in ANSWERED) // 1000
    assert got.measures["talk_ms"] == sum(c.end_us - c.answer_us for c in ANSWERED) // 1000
    assert got.measures["ring_ms"] == sum(a.until_us - a.from_us for c in ANSWERED for a in c.attempts) // 1000


def test_it_is_recognised_and_whether_it_carries_times_is_said():
    assert recognise(SIMULATED[:30]).sure == 1
    assert "no time of their own" not in recognise(SIMULATED[:30]).what
    assert "no time of their own" in recognise(arrival("1767236400.1")).what
    assert recognise(SIMULATED[8:30]).sure < 1


@pytest.mark.parametrize(
    "line",
    [b"", b"1767236400|1767236409.1|gecc|NONE|DID|1", b'"a","b"', b"Key: Value", b"02/01/26 10:03AM  1200 01 <I>"],
)
def test_other_logs_are_not_taken_for_it(line):
    assert recognise([line] * 5) is None
