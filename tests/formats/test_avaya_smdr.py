"""What the decoder of Avaya's SMDR promises beyond its folder of cases."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from collectors.formats.avaya_smdr import AvayaSmdr, recognise
from collectors.formats.options import Options
from telemetry.simulate.makes.avaya_smdr import written
from tests.formats.sim_calls import some_calls
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

LINES = true_lines("avaya_smdr")
CALLS = some_calls(7, 200)
BANGKOK = ZoneInfo("Asia/Bangkok")
LOG = [w.data.removesuffix(b"\n") for w in written(CALLS, BANGKOK)]
ANSWERED = [c for c in CALLS if c.outcome == "answered"]
TWO_SEGMENTS = [line for line in LINES if b",1000014160," in line][:2]


def make(**options):
    return AvayaSmdr(site=SITE.id, source="pbx", options=Options(**options))


@given(hostile("avaya_smdr"))
@settings(max_examples=150, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines):
    keeps_its_promises(make(), lines)


@pytest.mark.parametrize("seed", range(5))
def test_batches_and_restarts_between_any_two_lines_change_nothing(seed):
    assert in_pieces(make, LINES + LOG, seed) == in_one_go(make, LINES + LOG)


def test_a_log_that_is_read_again_gives_the_same_events():
    decoder = make()
    first = decoder.feed(LINES, RECEIVED_US).events
    decoder.restart()
    assert decoder.feed(LINES, RECEIVED_US).events == first


def test_no_id_unit_or_state_holds_the_number_of_a_caller_or_of_whom_we_called():
    decoder = make()
    said = ""
    for line in [*LINES, *LOG]:
        got = decoder.feed([line], RECEIVED_US)
        said += "".join(f"{e.id} {e.contact} {e.unit} {e.party} {e.extra}" for e in got.events) + decoder.dump()
    assert not any(number in said for number in ("0812345678", "0213334444", *(c.number for c in CALLS if c.number)))


def test_calls_of_which_the_last_segment_never_comes_are_not_remembered_for_ever():
    decoder = make()
    for n in range(3000):
        line = TWO_SEGMENTS[0].replace(b"1000014160", str(n).encode())
        decoder.feed([line], RECEIVED_US)
    assert len(decoder.dump()) < 100_000
    decoder.feed([TWO_SEGMENTS[0].replace(b"2026/01/02", b"2026/01/09")], RECEIVED_US)
    assert len(decoder.dump()) < 200


def test_a_call_of_two_segments_is_one_call_whose_talk_adds_up():
    got = figures(stored(make().feed(TWO_SEGMENTS, RECEIVED_US).events))
    assert (got.calls_offered, got.calls_answered, got.asa_seconds) == (1, 1, 7)
    assert got.measures["talk_ms"] == (13 + 11 + 81) * 1000


def test_the_figures_of_a_simulated_day_are_the_truth():
    got = figures(stored(make().feed(LOG, RECEIVED_US).events))
    assert (got.calls_offered, got.calls_answered) == (len(CALLS), len(ANSWERED))
    assert got.calls_lost == len(CALLS) - len(ANSWERED)
    assert got.calls_abandoned == sum(c.outcome in ("abandoned", "no_agent") for c in CALLS)
    assert got.calls_timed_out == sum(c.outcome in ("timed_out", "left_by_key") for c in CALLS)
    waited_ms = sum(c.answer_us - c.arrival_us for c in ANSWERED) // 1000
    assert got.measures["answered_wait_ms"] == waited_ms
    assert got.measures["calls_ring_known"] == 0  # a hunt group: nobody knows how long one telephone rang


def test_wall_clock_times_are_those_of_the_zone_in_the_options():
    (tokyo, *_), (bangkok, *_) = (make(timezone=z).feed(LOG, 0).events for z in ("Asia/Tokyo", "Asia/Bangkok"))
    assert bangkok.time_us - tokyo.time_us == 2 * 3600 * 1_000_000
    assert bangkok.time_us in {c.arrival_us for c in CALLS}


def test_it_is_recognised_and_its_ring_time_is_called_what_it_is():
    guess = recognise(LOG[:20])
    assert guess.sure == 1
    assert "Avaya IP Office SMDR of 30 fields" in guess.what
    assert "wait" in guess.what
    assert recognise([line.replace(b"2026/", b"2569/") for line in LOG[:20]]).settings == {"era": "be"}


@pytest.mark.parametrize(
    "line", [b"", b"1767236400|1767236409.1|gecc|NONE|DID|1", b'"a","b"', b"02/01/26 10:03AM  1200 01 <I>", b"a," * 30]
)
def test_other_logs_are_not_taken_for_it(line):
    assert recognise([line] * 5) is None


def test_the_order_of_the_lines_of_different_calls_does_not_matter():
    shuffled = random.Random(3).sample(LOG, len(LOG))
    order = sorted(shuffled, key=lambda line: b",1,E" not in line)  # the first segment of a call before its second
    assert (
        figures(stored(make().feed(order, 0).events)).measures == figures(stored(make().feed(LOG, 0).events)).measures
    )


def test_a_byte_order_mark_and_anybodys_header_cost_no_call():
    header = (
        b"datetime,duration,ring,caller,direction,called,dialled,account,internal,callid,cont,p1,n1,p2,n2,hold,park"
    )
    decoded = make().feed([b"\xef\xbb\xbf" + header, LOG[0]], RECEIVED_US)
    assert (decoded.ignored, decoded.rejected) == (1, [])
    marked = make().feed([b"\xef\xbb\xbf" + LOG[0]], RECEIVED_US)
    assert marked.events == make().feed(LOG[:1], RECEIVED_US).events


def test_lines_that_end_in_carriage_returns_alone_are_not_taken_for_one_call():
    decoded = make().feed([LOG[0] + b"\r" + LOG[1]], RECEIVED_US)
    assert not decoded.events
    assert "CR alone" in decoded.rejected[0].detail
