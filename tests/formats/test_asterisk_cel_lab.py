"""A real telephone day in small from its channel events alone, against the telephones and against queue_log.

The log has times of whole seconds: what it says of an instant is the second in which it was.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from collectors.formats.asterisk_cel import Cel
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.options import Options
from kpis.model import Teller
from kpis.results import facts_of
from telemetry.rules import rules_of, zones_of
from tests.kpis.made import SITE, figures
from tests.kpis.worlds import World, columns_of, names_of

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
LINES = gzip.decompress((LAB / "cel.csv.gz").read_bytes()).split(b"\n")[:-1]
PHONES = json.loads(gzip.decompress((LAB / "telephones.json.gz").read_bytes()))
EXPECTED = json.loads((LAB / "expected.json").read_text(encoding="utf-8"))
QUEUES = {"1111": "idcard", "1567": "complaints", "1300": "info"}
NUMBER_OF = {
    "agent1": "1111", "agent2": "1111", "agent3": "1111", "agent4": "1567", "agent5": "1567", "agent6": "1300",
    "agent7": "1000", "agent8": "1567",
}  # fmt: skip
"""The number by which a telephone is reached first; agent8 is the operator by key from 1567."""


@pytest.fixture(scope="module")
def events():
    got = Cel(site=SITE.id, source="cel", options=Options(timezone="UTC")).feed(LINES, 0)
    assert not got.rejected
    return got.events


@pytest.fixture(scope="module")
def lines_of_queue_log():
    return QueueLog(site=SITE.id, source="pbx").feed((LAB / "queue_log").read_bytes().split(b"\n")[:-1], 0).events


@pytest.fixture(scope="module")
def contact_of(events):
    """Telephone's call → contact, by number dialled, caller's number, and the second of the start."""
    persons = {e.contact: e.person for e in reversed(events) if e.type == "call.entered"}
    arrived = {(e.unit, persons[e.contact], e.time_us // 10**6): e.contact for e in events if e.type == "call.did"}
    return {k: arrived[c["dnis"], c["number"], int(c["start"])] for k, c in enumerate(PHONES["calls"])}


def picked_up():
    """Each answer of a person: (telephone, second), and the calls that it can have been the first answer of. What a
    person picked up ended together with the caller's telephone, unless it was sent on (`refer`) or had been."""
    out = []
    for ring in (r for r in PHONES["rings"] if r["result"] == "answered"):
        phone = ring["agent"].split("/")[0]
        of = [
            k
            for k, call in enumerate(PHONES["calls"])
            if call["dnis"] == NUMBER_OF[phone]
            and call["start"] <= ring["answered"] < call["end"]
            and ("refer" in ring["plan"] or abs(call["end"] - ring["end"]) < 0.05)
        ]
        out.append((phone, int(ring["answered"]), of))
    return out


def by_contact(events, *types):
    out = defaultdict(list)
    for event in sorted(events, key=lambda e: e.time_us):
        if event.type in types:
            out[event.contact].append(event)
    return out


def test_every_call_of_the_telephones_is_offered_under_the_number_it_dialled(events, contact_of):
    number = {e.contact: e.unit for e in events if e.type == "call.did"}
    assert len(set(contact_of.values())) == len(number) == 443
    offered = Counter(number[contact] for contact in by_contact(events, "call.entered"))
    assert offered == Counter(c["dnis"] for c in PHONES["calls"]) == {"1111": 175, "1567": 131, "1300": 89, "1000": 48}
    assert figures(events).calls_offered == 443


def test_as_many_calls_are_answered_as_people_picked_up_per_number_and_in_total(events):
    number = {e.contact: e.unit for e in events if e.type == "call.did"}
    answered = Counter(number[contact] for contact in by_contact(events, "call.connected"))
    assert answered == Counter(NUMBER_OF[phone] for phone, _, of in picked_up() if of)
    assert answered == {"1111": 126, "1567": 89, "1300": 29, "1000": 30}
    assert figures(events).calls_answered == 274


def test_every_answer_is_told_in_the_very_second_in_which_that_telephone_was_picked_up(events):
    told = Counter((e.party, e.time_us // 10**6) for e in events if e.type == "call.connected")
    assert told == Counter((f"SIP/{phone}", second) for phone, second, _ in picked_up())
    assert sum(told.values()) == 277


def test_each_call_was_answered_first_by_that_telephone_in_that_second(events, contact_of):
    first = {contact: of[0] for contact, of in by_contact(events, "call.connected").items()}
    found = Counter()
    for phone, second, of in picked_up():
        fits = [k for k in of if (e := first.get(contact_of[k])) and (e.party, e.time_us // 10**6) == (f"SIP/{phone}", second)]  # fmt: skip
        assert len(fits) == bool(of), (phone, second)
        found.update(contact_of[k] for k in fits)
    assert found == Counter(first.keys())


def test_rings_are_as_long_as_the_telephones_rang_within_a_second(events):
    truth, told = defaultdict(list), defaultdict(list)
    for ring in (r for r in PHONES["rings"] if r["result"] == "answered"):
        truth[f"SIP/{ring['agent'].split('/')[0]}", int(ring["answered"])].append(ring["ring"])
    for event in (e for e in events if e.type == "call.connected"):
        told[event.party, event.time_us // 10**6].append(event.b / 1000)
    off = [a - b for at, rings in told.items() for a, b in zip(sorted(rings), sorted(truth[at]), strict=True)]
    assert len(off) == 277
    assert min(off) > -1 and max(off) < 1.01


@pytest.mark.parametrize(
    ("type_", "slots"),
    [
        ("call.abandoned", ""), ("call.left_by_key", "a"), ("call.ring_no_answer", "a"), ("call.transferred", "ab"),
        ("call.completed", "bc"),
    ],
)  # fmt: skip
def test_what_queue_log_tells_of_a_call_is_told_alike(events, lines_of_queue_log, type_, slots):
    def told(of):
        return Counter(
            (e.contact, e.unit, e.time_us // 10**6, *(round(getattr(e, s), -3 if s != "c" else 0) for s in slots))
            for e in of
            if e.type == type_ and e.unit in QUEUES.values()
        )

    want, got = told(lines_of_queue_log), told(events)
    assert want and not want - got
    assert not got - want


def test_waits_are_those_of_queue_log_but_for_two_by_a_second(events, lines_of_queue_log):
    def waits(of):
        kinds = ("call.connected", "call.abandoned")
        return {(e.contact, e.unit): e.a for e in of if e.type in kinds and e.unit in QUEUES.values()}

    want, got = waits(lines_of_queue_log), waits(events)
    assert want.keys() == got.keys()
    assert Counter((got[at] - want[at]) // 1000 for at in want) == {0: len(want) - 2, -1: 2}


def test_why_calls_left_a_queue_is_told_as_queue_log_tells_it_but_for_one(events, lines_of_queue_log):
    """A queue that gave up for want of agents in the very second of its time limit is taken to have timed out."""
    exits = ("call.abandoned", "call.timed_out", "call.no_agent", "call.left_by_key", "call.connected")
    want, got = (
        Counter((e.contact, e.unit, e.type) for e in of if e.type in exits and e.unit in QUEUES.values())
        for of in (lines_of_queue_log, events)
    )
    assert [kind for _, _, kind in want - got] == ["call.no_agent"]
    assert [kind for _, _, kind in got - want] == ["call.timed_out"]


def test_callers_whom_a_queue_refused_are_told_though_queue_log_has_no_line_of_them(events, lines_of_queue_log):
    refused = {(e.contact, e.unit) for e in events if e.type == "call.turned_away_full"}
    passed = {(e.contact, e.unit) for e in lines_of_queue_log if e.type == "call.entered"}
    assert len(refused) == 29 and not refused & passed
    of_call = {contact for contact, _ in passed}
    assert Counter(unit for contact, unit in refused if contact not in of_call) == {"idcard": 9, "info": 18}


@pytest.mark.parametrize(("number", "refused", "by_operator"), [("1111", 9, 0), ("1567", 0, 13), ("1300", 18, 0)])
def test_figures_of_a_queue_are_those_of_queue_log_and_the_refused_and_whom_the_operator_answered(
    events, number, refused, by_operator
):
    want, got = EXPECTED["by_first_queue"][QUEUES[number]], figures(events, unit=QUEUES[number])
    assert got.calls_offered == want["calls_offered"] + refused
    assert got.calls_answered == want["calls_answered"] + by_operator
    assert got.calls_lost == want["calls_lost"] + refused
    assert got.calls_abandoned == want["calls_abandoned"]
    assert got.calls_timed_out + got.calls_no_agent == want["calls_timed_out"] + want["calls_no_agent"]
    assert got.calls_left_by_key == want["calls_left_by_key"] - by_operator == 0
    queue_only = figures([e for e in events if e.unit in QUEUES.values()], unit=QUEUES[number])
    assert queue_only.calls_left_by_key == want["calls_left_by_key"]
    assert queue_only.measures["answered_within_target"] == want["answered_within_target"]
    assert queue_only.asa_seconds == pytest.approx(want["asa_seconds"], abs=0.05)


def test_the_desk_telephone_is_told_too(events):
    got = figures(events, unit="1000")
    assert (got.calls_offered, got.calls_answered, got.calls_abandoned, got.calls_timed_out) == (48, 30, 8, 10)


def counts(events):
    """Every measure, by the rule for several sources of one telephone system."""
    world = World(tuple(events), (SITE,))
    names = names_of(world)
    ranks = {"pbx": 1, "cel": 2}
    tellers = {names.code(name): Teller(0, rank, followed=True) for name, rank in ranks.items() if name in names.codes}
    rules = rules_of([SITE], names.code, tellers=tellers)
    facts = facts_of(columns_of(world.events, names), rules, zones_of([SITE], names.code))
    return {name: int(np.sum(f.counts[name])) for f in facts.values() for name in f.counts}


def test_together_with_queue_log_the_figures_are_those_of_queue_log(events, lines_of_queue_log):
    alone, both = counts(lines_of_queue_log), counts([*lines_of_queue_log, *events])
    changed = {name: both[name] - alone[name] for name in both if both[name] != alone[name]}
    # 18 whom `info` refused and 48 calls of the desk telephone; of the 9 whom `idcard` refused queue_log has a DID line.
    assert changed == {"calls_only_in_other_log": 18 + 48}
    assert alone["calls_did_without_entry"] == 9
