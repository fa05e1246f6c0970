"""What the decoder of Panasonic's SMDR promises beyond its folder of cases."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from collectors.formats.options import Options
from collectors.formats.panasonic_layouts import with_year
from collectors.formats.panasonic_smdr import PanasonicSmdr, problems, recognise
from telemetry.simulate.makes.panasonic_smdr import written
from tests.formats.sim_calls import some_calls
from tests.formats.smdr_properties import (
    HERE,
    RECEIVED_US,
    hostile,
    in_one_go,
    in_pieces,
    keeps_its_promises,
    stored,
    true_lines,
)
from tests.kpis.made import SITE, figures

LINES = true_lines("panasonic_smdr")
CALLS = some_calls(7, 200)
BANGKOK = ZoneInfo("Asia/Bangkok")
LOG = [w.data.removesuffix(b"\n") for w in written(CALLS, BANGKOK)]
NOW_US = CALLS[-1].end_us
ANSWERED = [c for c in CALLS if c.outcome == "answered"]
MINUTE_US = 60_000_000


def make(**options):
    return PanasonicSmdr(site=SITE.id, source="pbx", options=Options(**options))


def case(name):
    return (HERE / "panasonic_smdr" / name / "input.log").read_bytes().split(b"\n")[:-1]


def told(lines, received_us=RECEIVED_US, **options):
    return figures(stored(make(**options).feed(lines, received_us).events))


@given(hostile("panasonic_smdr"))
@settings(max_examples=150, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines):
    keeps_its_promises(make(), lines)


@pytest.mark.parametrize("pattern", ["A", "B", "C", "DBS"])
def test_also_where_a_pattern_is_configured(pattern):
    keeps_its_promises(make(pattern=pattern), LINES)


@pytest.mark.parametrize("seed", range(5))
def test_batches_and_restarts_between_any_two_lines_change_nothing(seed):
    for lines in (LOG, case("lines_of_one_call"), case("ways_to_end_a_call"), case("dbs_and_icx"), case("pattern_b")):
        assert in_pieces(make, lines, seed) == in_one_go(make, lines)


@pytest.mark.parametrize("lines", [case("lines_of_one_call"), LOG], ids=["lines of one call", "a day"])
def test_a_log_that_is_read_again_gives_the_same_events(lines):
    decoder = make()
    first = decoder.feed(lines, RECEIVED_US).events
    decoder.restart()
    assert decoder.feed(lines, RECEIVED_US).events == first


def test_a_call_that_goes_on_in_the_next_file_stays_one_call():
    received, answered, ended, *_ = case("lines_of_one_call")
    decoder = make()
    events = decoder.feed([received, answered], RECEIVED_US).events
    decoder.restart()
    events += decoder.feed([ended], RECEIVED_US).events
    assert len({e.contact for e in events}) == 1


def test_no_id_or_state_holds_the_number_of_a_caller_or_of_whom_we_called():
    decoder = make()
    said = ""
    for line in [*LINES, *LOG]:
        got = decoder.feed([line], RECEIVED_US)
        said += "".join(f"{e.id} {e.contact} {e.unit} {e.party} {e.extra}" for e in got.events) + decoder.dump()
    assert not any(number in said for number in ("0812345678", "0213334444", *(c.number for c in CALLS if c.number)))


def test_calls_that_may_go_on_are_remembered_for_minutes_and_not_for_ever():
    decoder = make()
    decoder.feed(LOG, NOW_US)
    assert len(decoder.dump()) < 8_000
    line = case("lines_of_one_call")[0]
    trunks = [line.replace(b" 03 <I>08123456", b" %02d <I>08%06d" % (n % 100, n)) for n in range(5000)]
    decoder.feed(trunks, RECEIVED_US)
    assert len(decoder.dump()) < 60_000


def test_every_call_counts_once_however_many_lines_it_has():
    got = told(case("lines_of_one_call"), pattern="A")
    assert (got.calls_offered, got.calls_answered, got.calls_abandoned) == (12, 9, 2)


def test_the_figures_of_a_simulated_day_are_the_truth_but_for_what_the_log_cannot_tell():
    got = told(LOG, NOW_US)
    assert (got.calls_offered, got.calls_answered) == (len(CALLS), len(ANSWERED))
    assert got.calls_lost == len(CALLS) - len(ANSWERED)
    assert got.calls_abandoned == got.calls_lost  # it knows no queue limits and no keys
    waited_ms = sum(c.answer_us - c.arrival_us for c in ANSWERED) // 1000
    assert (got.measures["answered_wait_ms"], got.measures["ring_ms"]) == (waited_ms, waited_ms)


def test_arrivals_are_early_by_less_than_a_minute():
    """Told of the last segment, as the first has the others' minutes before it."""
    arrivals = sorted(e.time_us for e in stored(make().feed(LOG, NOW_US).events) if e.type == "call.entered")
    assert all(0 <= c.arrival_us - a < 2 * MINUTE_US for a, c in zip(arrivals, CALLS, strict=True))


@pytest.mark.parametrize("name", ["pattern_b", "dbs_and_icx"])
def test_a_ring_time_that_is_not_told_is_missing_and_never_0(name):
    events = [e for e in make().feed(case(name), RECEIVED_US).events if e.type == "call.connected"]
    assert events
    assert all(e.b != 0 for e in events)
    if name == "pattern_b":
        assert told(case(name)).measures["calls_ring_known"] == 0
        assert told(case(name)).measures["answered_wait_known"] == 0


@pytest.mark.parametrize(
    ("name", "settings_", "words"),
    [
        ("ways_to_end_a_call", {"pattern": "A"}, "pattern A, whose times have no seconds"),
        ("pattern_b", {"pattern": "B"}, "pattern B, which carries no ring time"),
        ("pattern_c", {"pattern": "C"}, "pattern C"),
        ("dbs_and_icx", {"pattern": "DBS"}, "DBS/ICX SMDR, whose dates have no year"),
        ("dates_and_names", {"pattern": "A", "date_order": "dmy"}, "pattern A"),
    ],
)
def test_its_pattern_is_recognised_with_what_it_cannot_tell(name, settings_, words):
    guess = recognise(case(name))
    assert guess.settings == settings_
    assert words in guess.what
    assert guess.sure > 0.5


def test_columns_of_another_log_are_not_taken_for_a_patterns():
    lines = case("columns_of_no_pattern")
    guess = recognise(lines[:6])
    assert "columns that no pattern has" in guess.what
    assert guess.settings == {}
    assert guess.sure <= 0.5
    assert recognise([lines[0]]) is None  # a header without ring and cost is of no pattern
    assert recognise(lines[6:8]).settings == {"pattern": "A"}


@pytest.mark.parametrize(
    ("days", "order", "open_"),
    [
        (["21/11/26", "22/11/26"], "dmy", False),
        (["26/11/21", "26/11/22"], "ymd", False),
        (["69/11/21"], "ymd", False),
        (["21/11/69"], "dmy", False),
        (["21/11/26"], "dmy", True),
        (["11/21/26"], None, False),
        (["11/12/26"], None, True),
    ],
)
def test_the_order_of_dates_is_told_as_far_as_the_lines_show_it(days, order, open_):
    guess = recognise([f"{day} 01:09PM 101   01 <I>0812345679             0'03 00:01'00".encode() for day in days])
    assert guess.settings.get("date_order") == order
    assert ("these lines do not show" in guess.what) is open_


def test_a_day_without_a_year_is_of_the_past():
    near_us = 1_795_254_000_000_000  # 2026-11-21
    assert with_year("12/31", "mdy", near_us) == "2025-12-31"
    assert with_year("11/22", "mdy", near_us) == "2026-11-22"


@pytest.mark.parametrize(
    "line",
    [b"", b"--------", b"1767236400|1767236409.1|gecc|NONE|DID|1", b'"a","b"', b"2026/01/02 11:00:00,00:01:00,6,,I,2"],
)
def test_other_logs_are_not_taken_for_it(line):
    assert recognise([line] * 5) is None


def test_a_pattern_that_does_not_exist_is_a_problem_of_the_configuration():
    assert problems(Options(pattern="A")) == problems(Options()) == ()
    assert "'D'" in problems(Options(pattern="D"))[0]
