"""A real telephone day in small as its manager connection received it, against the telephones and against queue_log.

The log carries no `Timestamp`. Numbers of calls agree exactly; times agree to the second in which the PBX acted.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from collectors.formats.asterisk_ami import AsteriskAmi
from collectors.formats.asterisk_queue_log import QueueLog
from kpis.model import Teller
from kpis.results import facts_of
from telemetry.rules import rules_of, zones_of
from tests.kpis.made import SITE, figures
from tests.kpis.worlds import World, columns_of, names_of

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
LINES = gzip.decompress((LAB / "ami.log.gz").read_bytes()).split(b"\n")[:-1]
QUEUE_LOG = (LAB / "queue_log").read_bytes().split(b"\n")[:-1]
PHONES = json.loads(gzip.decompress((LAB / "telephones.json.gz").read_bytes()))
EXPECTED = json.loads((LAB / "expected.json").read_text(encoding="utf-8"))
QUEUES = tuple(EXPECTED["by_first_queue"])
IMPORTED_US = 1_798_000_000_000_000
"""A month after the day: the time of the import must date nothing."""

NUMBER_OF = {
    "Somchai": "1111", "Malee": "1111", "Anan": "1111", "Pim": "1567", "Krit": "1567", "Nok": "1300",
    "Desk": "1000", "Operator": "1567",
}  # fmt: skip
"""The number by which a telephone is reached first; the operator by key from 1567."""
DEVICE_OF = {"Desk": "SIP/agent7", "Operator": "SIP/agent8"}

RANKS = {"queue_log": 1, "ami": 3}
REFUSED = {"idcard": 9, "complaints": 0, "info": 18}
"""Callers whom a full queue or one without agents refused on arrival: queue_log has no line of them."""
BY_OPERATOR = 13
"""Callers who left `complaints` by key, all of whom the operator answered: queue_log does not see who answers there."""


@pytest.fixture(scope="module")
def events():
    got = AsteriskAmi(site=SITE.id, source="ami").feed(LINES, IMPORTED_US)
    assert not got.rejected
    return got.events


@pytest.fixture(scope="module")
def contact_of(events):
    """Telephone's call → contact: of equal number dialled, in order of their start, each start within its second."""
    arrived = {}
    for event in events:
        if event.type == "call.did":
            arrived.setdefault(event.unit, []).append(event.contact)
    persons = {e.contact: e.person for e in reversed(events) if e.type == "call.entered"}
    out = {}
    for number, contacts in arrived.items():
        calls = sorted((c["start"], k) for k, c in enumerate(PHONES["calls"]) if c["dnis"] == number)
        contacts.sort(key=lambda contact: tuple(map(int, contact.split("."))))
        for (start, k), contact in zip(calls, contacts, strict=True):
            assert -0.05 <= start - int(contact.split(".")[0]) < 1.05
            assert persons.get(contact) in (None, PHONES["calls"][k]["number"])
            out[k] = contact
    return out


def human_answers():
    """Which of the telephones' calls were answered by a person, and when and by whom first. What a person picked up
    ended together with the caller's telephone, unless it was transferred (`refer`) or had been transferred to them."""
    out, transferred_to = {}, 0
    for ring in sorted((r for r in PHONES["rings"] if r["result"] == "answered"), key=lambda r: r["answered"]):
        number = NUMBER_OF[ring["agent"].split("/")[1]]
        of = [
            k
            for k, call in enumerate(PHONES["calls"])
            if call["dnis"] == number
            and call["start"] <= ring["answered"] < call["end"]
            and ("refer" in ring["plan"] or abs(call["end"] - ring["end"]) < 0.05)
        ]
        if not of:
            transferred_to += 1
        else:
            out[ring["answered"]] = (ring["agent"].split("/")[1], number, of)
    assert transferred_to == 3
    return out


def test_every_call_of_the_telephones_is_there_under_the_number_it_dialled(events, contact_of):
    reached = Counter(e.unit for e in events if e.type == "call.did")
    assert reached == Counter(c["dnis"] for c in PHONES["calls"])
    assert len(set(contact_of.values())) == len(PHONES["calls"]) == 443


def test_as_many_calls_were_answered_as_people_picked_up_per_number_and_in_total(events):
    number = {e.contact: e.unit for e in events if e.type == "call.did"}
    answered = {e.contact for e in events if e.type == "call.connected"}
    truth = Counter(number for _, number, _ in human_answers().values())
    assert Counter(number[contact] for contact in answered) == truth
    assert sum(truth.values()) == figures(events).calls_answered == 274


def test_each_call_is_answered_when_its_telephone_was_picked_up_to_the_second(events, contact_of):
    first = {}
    for event in sorted((e for e in events if e.type == "call.connected"), key=lambda e: e.time_us):
        first.setdefault(event.contact, event)
    early, found = [], set()
    for at_s, (agent, _, of) in human_answers().items():
        there = [first[contact_of[k]] for k in of if contact_of[k] in first]
        fits = [e for e in there if e.party == DEVICE_OF.get(agent, agent) and -0.1 < at_s - e.time_us / 1e6 < 1.2]
        assert len(fits) == 1, (agent, at_s)
        early.append(at_s - fits[0].time_us / 1e6)
        found.add(fits[0].contact)
    assert found == first.keys()
    assert sum(-0.01 <= e < 1 for e in early) >= 272  # one clock rounds up, one is late; the rest in their second


def test_rings_are_as_long_as_the_telephones_rang_within_a_second(events):
    rang = {}
    for ring in PHONES["rings"]:
        agent = ring["agent"].split("/")[1]
        if ring["result"] == "answered" and agent not in DEVICE_OF:
            rang.setdefault(agent, []).append((ring["answered"], ring["ring"]))
    told = {}
    for event in sorted(events, key=lambda e: e.time_us):
        if event.type == "call.connected":
            told.setdefault(event.party, []).append(event.b)
    for agent, rings in rang.items():
        pairs = zip(sorted(rings), told[agent], strict=True)
        assert all(abs(ring_s - ring_ms / 1000) <= 1.01 for (_, ring_s), ring_ms in pairs)


def in_queues(events):
    """What queue_log tells of as well: passages through queues, but not what lay on hold."""
    not_told = ("call.turned_away_full", "call.turned_away_empty", "call.held")
    return [e for e in events if e.unit in QUEUES and e.type not in not_told]


def told(got):
    m = got.measures
    return {
        **{
            name: int(getattr(got, name))
            for name in (
                "calls_offered", "calls_answered", "calls_abandoned", "calls_timed_out", "calls_no_agent",
                "calls_left_by_key", "calls_lost", "queue_entries",
            )
        },
        "calls_short_abandoned": m["calls_offered"] - m["calls_not_short"],
        "abandoned_call_rate": got.abandoned_call_rate,
        "abandoned_call_rate_plain": got.abandoned_call_rate_plain,
        "abandoned_call_rate_excluding_short": got.abandoned_call_rate_excluding_short,
        "answered_within_3_rings": m["answered_within_3_rings"],
        "answered_within_3_rings_last_attempt": m["answered_within_3_rings_last_attempt"],
        "rings_histogram": {k.rstrip("+"): n for k, n in got.rings_to_answer.items()},
        "answered_within_target": m["answered_within_target"],
        "service_level": got.service_level_rate,
        "asa_seconds": got.asa_seconds,
        "wait_p50": got.call_wait_seconds_p50,
        "wait_p90": got.call_wait_seconds_p90,
        "talk_seconds": m["talk_ms"] // 1000,
    }  # fmt: skip


@pytest.mark.parametrize("queue", [None, *QUEUES])
def test_the_figures_of_the_queues_are_those_of_queue_log(events, queue):
    want = dict(EXPECTED["by_first_queue"][queue] if queue else EXPECTED["total"])
    del want["rings_histogram_last_attempt"]
    assert told(figures(in_queues(events), unit=queue)) == want


@pytest.mark.parametrize("queue", QUEUES)
def test_where_all_that_it_tells_differs_from_queue_log_it_is_by_refusals_and_the_operator(events, queue):
    want, got = EXPECTED["by_first_queue"][queue], figures(events, unit=queue)
    by_operator = BY_OPERATOR if queue == "complaints" else 0
    assert got.calls_offered == want["calls_offered"] + REFUSED[queue]
    assert got.turned_away_empty + got.turned_away_full >= REFUSED[queue]  # transferred calls are refused as well
    assert got.calls_answered == want["calls_answered"] + by_operator
    assert got.calls_left_by_key == want["calls_left_by_key"] - by_operator == 0
    assert got.calls_lost == want["calls_lost"] + REFUSED[queue]
    for name in ("calls_abandoned", "calls_timed_out", "calls_no_agent"):
        assert getattr(got, name) == want[name]


def test_calls_to_the_desk_telephone_are_told_too(events):
    got = figures(events, unit="1000")
    assert (got.calls_offered, got.calls_answered, got.calls_abandoned, got.calls_timed_out) == (48, 30, 8, 10)
    assert figures(events).calls_offered == EXPECTED["total"]["calls_offered"] + sum(REFUSED.values()) + 48 == 443


def test_every_event_of_a_call_in_a_queue_says_what_its_line_in_queue_log_says(events):
    def row(event):
        return event.contact, event.type, event.unit, event.party, event.a, event.b, event.c

    lines = QueueLog(site=SITE.id, source="pbx").feed(QUEUE_LOG, IMPORTED_US).events
    of_log = [e for e in lines if e.contact and e.type not in ("call.did", "call.ring_cancelled", "call.left_by_key")]
    own = [e for e in in_queues(events) if e.contact and e.type != "call.left_by_key"]
    assert Counter(map(row, own)) == Counter(map(row, of_log))
    by_key = [{(e.contact, e.a, e.extra) for e in of if e.type == "call.left_by_key"} for of in (events, lines)]
    assert by_key[0] == by_key[1]


def test_the_time_of_each_event_is_that_of_its_line_or_up_to_a_silence_earlier(events):
    lines = QueueLog(site=SITE.id, source="pbx").feed(QUEUE_LOG, IMPORTED_US).events
    of_log = {(e.contact, e.type, e.unit, e.party): e.time_us // 10**6 for e in lines if e.contact}
    late = [
        e.time_us // 10**6 - of_log[key]
        for e in in_queues(events)
        if e.contact and (key := (e.contact, e.type, e.unit, e.party)) in of_log and e.type != "call.ring_no_answer"
    ]
    assert set(late) <= {-2, -1, 0, 1}
    assert late.count(0) / len(late) > 0.94


def counts(events):
    """Every measure, by the rule for several sources of one telephone system."""
    world = World(tuple(events), (SITE,))
    names = names_of(world)
    tellers = {
        names.code(source): Teller(0, rank, followed=True) for source, rank in RANKS.items() if source in names.codes
    }
    rules = rules_of([SITE], names.code, tellers=tellers)
    facts = facts_of(columns_of(world.events, names), rules, zones_of([SITE], names.code))
    return {name: int(np.sum(f.counts[name])) for f in facts.values() for name in f.counts}


def test_together_with_queue_log_the_figures_are_those_of_queue_log(events):
    lines = QueueLog(site=SITE.id, source="queue_log").feed(QUEUE_LOG, IMPORTED_US).events
    alone, both = counts(lines), counts([*lines, *events])
    extra = {name for name in both if both[name] != alone[name]}
    assert extra <= {"calls_only_in_other_log", "calls_did_without_entry", "calls_hold_known"}
    assert (both["calls_hold_known"], both["calls_held"]) == (both["calls_answered"], 0)  # nobody held a call that day
    refused_without_a_line = REFUSED["info"] + 48  # and the desk telephone, which queue_log knows nothing of
    assert both["calls_only_in_other_log"] == refused_without_a_line
    assert both["calls_did_without_entry"] == alone["calls_did_without_entry"] == REFUSED["idcard"]


def test_pieces_of_the_log_make_the_same_events(events):
    pieces, state = [], ""
    for at in range(0, len(LINES), 33_333):
        decoder = AsteriskAmi(site=SITE.id, source="ami")
        decoder.load(state)
        pieces += decoder.feed(LINES[at : at + 33_333], IMPORTED_US + at).events
        state = decoder.dump()
    assert pieces == events
    assert len({e.id for e in events}) == len(events)
