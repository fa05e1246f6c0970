"""What the format for any other make promises beyond its folder of cases."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats.generic_csv import problems, recognise
from collectors.formats.options import Options
from telemetry.simulate.makes import generic_csv
from tests.formats import line_promises as promises
from tests.formats.sim_calls import some_calls

CASES = list(promises.cases("generic_csv"))
LINES = [line for _, lines in CASES for line in lines]
CALLS = some_calls(5, 120)
WRITTEN = promises.simulated(generic_csv, CALLS)
PAGE = Path(__file__).parents[2] / "deploy" / "pbx" / "any-other.md"
GOOD = {"start": "1", "talk": "2", "unit": "3"}


@given(promises.hostile(LINES), st.sampled_from([own for own, _ in CASES]))
@settings(max_examples=100, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines, own):
    promises.sound("generic_csv", lines, own)


NAMES = (
    "start",
    "date",
    "time",
    "end",
    "talk",
    "talk_in",
    "times_in",
    "unit",
    "unit_is",
    "outcome",
    "outcome.A",
    "skip",
)


@given(
    st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=9)), st.one_of(st.text(max_size=9), st.sampled_from(("1", "2:3", "9:1", "ms", "x", "answered")))),
    st.lists(st.binary(max_size=40), max_size=3),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_whatever_a_mapping_holds_it_is_told_to_be_wrong_or_reads(fields, lines):
    assert all(isinstance(wrong, str) for wrong in problems(Options(fields=fields)))
    promises.sound("generic_csv", lines, {"fields": fields})


@given(st.sampled_from(CASES), st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_restart_between_any_two_lines_changes_nothing(case, cuts):
    promises.same_however_divided("generic_csv", case[1], case[0], cuts)


def test_the_same_file_read_again_gives_the_same_ids():
    promises.same_when_read_again("generic_csv", WRITTEN, generic_csv.SETTINGS)
    without_ids = {
        **generic_csv.SETTINGS,
        "fields": {k: v for k, v in generic_csv.SETTINGS["fields"].items() if k != "call"},
    }
    promises.same_when_read_again("generic_csv", [*WRITTEN, WRITTEN[-1]], without_ids)


def test_simulated_calls_are_found_again():
    got, _ = promises.read("generic_csv", WRITTEN, generic_csv.SETTINGS)
    assert not got.rejected
    found = promises.measured(got.events)
    assert promises.truth(CALLS).items() <= found.items()
    rings = [a.until_us - a.from_us for c in CALLS for a in c.attempts if a.answered]
    assert (found["calls_ring_known"], found["ring_ms"]) == (len(rings), sum(rings) // 1000)
    assert found["calls_left_by_key"] == sum(c.outcome == "left_by_key" for c in CALLS)


def test_calls_without_a_number_have_ids_that_tell_neither_who_called_nor_who_served():
    def ids(caller, agent):
        line = f"2026-11-21 09:00:00,5,800,{caller},{agent}".encode()
        got, _ = promises.read("generic_csv", [line], {"fields": {**GOOD, "caller": "4", "agent": "5"}})
        return [(e.id, e.contact) for e in got.events]

    assert ids("0812345678", "Anong") == ids("0899999999", "Boon")


def test_a_mapping_that_takes_the_callers_number_for_the_call_keeps_it_nowhere():
    fields = {**GOOD, "caller": "4", "call": "4"}
    got, _ = promises.read("generic_csv", [b"2026-11-21 09:00:00,5,800,0812345678"], {"fields": fields})
    assert got.events == [] and "caller's number" in got.rejected[0].detail


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "when a call began"),
        ({"colour": "x"}, 'fields."colour" is not known'),
        ({"start": "0"}, "counted from 1"),
        ({"start": "9:3"}, "the first before the last"),
        ({"start": " "}, "is empty"),
        ({"date": "1"}, "fields.time is missing"),
        ({"start": "1", "date": "2", "time": "3"}, "either start, or date and time"),
        ({"start": "1:9", "talk": "2"}, "mixed"),
        ({"start": "1", "unit": "2"}, "whether a call was answered"),
        ({"start": "1", "talk": "2"}, "nothing tells the queue"),
        ({"talk_in": "hours"}, "fields.talk_in: 'hours', expected one of s, ms, min, clock"),
        ({"ring_in": "ms"}, "say also where ring stands"),
        ({"times_in": "epoch", "date": "1", "time": "2"}, "stand in one place"),
        ({"date": "1", "time": "2", "date_is": "end", "outcome": "3"}, "when a call began"),
        ({"date": "1", "time": "2", "date_is": "finish"}, "expected one of start, end"),
        ({"start": "1", "date_is": "end"}, "say also where date and time stand"),
        ({"date": "1", "time": "2", "date_is": "end", "end": "3"}, "end stands in two places"),
        ({"times_in": "moon"}, "expected one of local, epoch, epoch_ms"),
        ({"outcome": "4"}, "say what each means"),
        ({"outcome.OK": "fine"}, "expected one of answered, abandoned"),
        ({"outcome.OK": "answered"}, "say also where outcome stands"),
    ],
)
def test_every_mistake_in_a_mapping_is_told_before_anything_is_read(fields, told):
    assert any(told in wrong for wrong in problems(Options(fields=fields)))
    assert problems(Options(fields=GOOD)) == []


def test_all_mistakes_are_told_at_once():
    assert len(problems(Options(fields={"start": "0", "colour": "x", "talk_in": "h"}))) >= 4


def test_an_unknown_log_is_described_by_its_columns_and_never_claimed():
    guess = recognise(WRITTEN[:10])
    assert guess.sure < 0.1
    assert "3 'Call No'" in guess.what
    assert guess.settings["delimiter"] == ";"
    assert recognise([b"no columns here", b"nor here"]) is None
    assert recognise([]) is None


def test_the_examples_of_the_page_read_the_samples_beside_them():
    blocks = re.findall(r"```(\w*)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    samples = [text for kind, text in blocks if kind == "text"]
    written = [tomllib.loads(text)["sites"]["sources"][0] for kind, text in blocks if kind == "toml"]
    assert len(samples) == len(written) == 2
    for sample, source in zip(samples, written, strict=True):
        own = {k: v for k, v in source.items() if k not in ("id", "format", "tail", "listen")}
        assert problems(Options(**own)) == []
        got, _ = promises.read("generic_csv", sample.encode().splitlines(), own)
        assert not got.rejected
        kinds = [e.type for e in got.events]
        assert {"call.connected", "call.abandoned"} <= set(kinds)
