"""A real telephone day in small, through decoder, journal and query: every figure as an independent reading has it."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from collectors.formats.asterisk_queue_log import QueueLog
from telemetry.config import Site
from telemetry.events import Decoded
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.privacy import Pseudonyms

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
LINES = (LAB / "queue_log").read_bytes().split(b"\n")[:-1]
EXPECTED = json.loads((LAB / "expected.json").read_text(encoding="utf-8"))
SITE = Site(id="lab", fcr_window_s=300.0)
RECEIVED_US = 1_795_260_000_000_000
PLACES = [("total", None), *(("unit", queue) for queue in EXPECTED["by_first_queue"])]


def decoded(lines=LINES):
    return QueueLog(site="lab", source="pbx").feed(lines, RECEIVED_US).events


def in_one_go(journal, pseudonyms):
    commit(journal, pseudonyms, decoded())


def commit(journal, pseudonyms, events):
    batch = Decoded(list(events))
    pseudonyms.protect(batch)
    return journal.commit([Unit("pbx", batch, RECEIVED_US)])


def in_pieces(journal, pseudonyms):
    """By a decoder that is stopped and taken up again between any two lines, the journal packing as it goes."""
    cuts = sorted(random.Random(5).sample(range(1, len(LINES)), 24))
    state = ""
    for i, (a, b) in enumerate(pairwise([0, *cuts, len(LINES)])):
        log = QueueLog(site="lab", source="pbx")
        log.load(state)
        commit(journal, pseudonyms, log.feed(LINES[a:b], RECEIVED_US).events)
        state = log.dump()
        if i % 5 == 4:
            journal.pack()


def twice(journal, pseudonyms):
    commit(journal, pseudonyms, decoded())
    assert commit(journal, pseudonyms, decoded()).new == [0]


def shuffled_calls(journal, pseudonyms):
    """Events of different calls in any order, those of one call in theirs."""
    random_ = random.Random(7)
    events = decoded()
    turns = [e.contact for e in events]
    random_.shuffle(turns)
    of = {contact: iter([e for e in events if e.contact == contact]) for contact in set(turns)}
    mixed = [next(of[contact]) for contact in turns]
    for at in range(0, len(mixed), 100):
        commit(journal, pseudonyms, mixed[at : at + 100])


def permuted_lines(journal, pseudonyms):
    """Within each second, lines of different calls in another order in the file itself."""
    random_ = random.Random(11)
    by_second = {}
    for line in LINES:
        by_second.setdefault(line.split(b"|", 1)[0], []).append(line)
    lines = []
    for of_second in by_second.values():
        turns = [line.split(b"|")[1] for line in of_second]
        random_.shuffle(turns)
        calls = {c: iter([x for x in of_second if x.split(b"|")[1] == c]) for c in set(turns)}
        lines += [next(calls[c]) for c in turns]
    assert lines != LINES
    commit(journal, pseudonyms, decoded(lines))


WAYS = (in_one_go, in_pieces, twice, shuffled_calls, permuted_lines)


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: way.__name__)
def journal(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param.__name__)
    journal = Journal(folder / "data")
    request.param(journal, Pseudonyms(folder / "keys", RECEIVED_US))
    yield journal
    journal.close()


def rows(journal, by, unit, site=SITE):
    found = {row["kpi"]: row for row in query(journal, site, None, None, by=by) if row["unit"] == unit}
    assert found
    return found


@pytest.mark.parametrize(("by", "unit"), PLACES)
def test_every_figure_is_as_an_independent_reading_counts_it(journal, by, unit):
    want = EXPECTED["total"] if unit is None else EXPECTED["by_first_queue"][unit]
    got = rows(journal, by, unit)
    told = {name: got[name]["value"] for name in want if name in got}
    told |= {
        "calls_short_abandoned": want["calls_offered"] - got["abandoned_call_rate_excluding_short"]["denominator"],
        "answered_within_3_rings": got["answered_within_3_rings_rate"]["numerator"],
        "answered_within_3_rings_last_attempt": got["answered_within_3_rings_rate_last_attempt"]["numerator"],
        "rings_histogram": {k.rstrip("+"): n for k, n in got["rings_to_answer"]["value"].items() if n},
        "answered_within_target": got["service_level_rate"]["numerator"],
        "service_level": got["service_level_rate"]["value"],
        "wait_p50": got["call_wait_seconds_p50"]["value"],
        "wait_p90": got["call_wait_seconds_p90"]["value"],
        "talk_seconds": got["talk_seconds_mean"]["numerator"],
    }
    last = rows(journal, by, unit, replace(SITE, ring_clock="agent_last"))["rings_to_answer"]["value"]
    told["rings_histogram_last_attempt"] = {k.rstrip("+"): n for k, n in last.items() if n}
    assert told == want


@pytest.mark.parametrize("window", EXPECTED["fcr"])
def test_first_contact_resolution_is_as_an_independent_reading_counts_it(journal, window):
    want = EXPECTED["fcr"][window]
    got = rows(journal, "total", None, replace(SITE, fcr_window_s=float(window)))["first_contact_resolution_rate"]
    assert (got["denominator"], got["numerator"]) == (want["eligible"], want["eligible"] - want["repeated"])
    assert got["value"] == pytest.approx(want["fcr"], rel=1e-15)


@pytest.mark.parametrize("by", ["unit", "hour", "day", "month"])
def test_counts_of_any_division_add_up_to_the_total(journal, by):
    total = rows(journal, "total", None)
    parts = query(journal, SITE, None, None, by=by)
    for name in ("calls_offered", "calls_lost", "queue_passages", "queue_entries"):
        assert sum(row["value"] for row in parts if row["kpi"] == name) == total[name]["value"]
