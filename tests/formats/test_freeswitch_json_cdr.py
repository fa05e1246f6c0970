"""What the decoder of FreeSWITCH's JSON CDRs and events promises beyond its folder of cases."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from itertools import permutations
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from collectors.formats.freeswitch_json_cdr import FreeswitchJsonCdr, recognise
from collectors.formats.options import Options
from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, REJECT_REASONS, UNKNOWN
from telemetry.simulate.makes.freeswitch_json_cdr import leg_uuid, written
from tests.formats.sim_calls import some_calls
from tests.formats.smdr_properties import hostile, in_one_go, in_pieces, stored, true_lines
from tests.kpis.made import SITE, figures

FORMAT = "freeswitch_json_cdr"
BODIES = true_lines(FORMAT)
CALLS = some_calls(7, 200)
LOG = [w.data for w in written(CALLS, ZoneInfo("Asia/Bangkok"))]
ANSWERED = [c for c in CALLS if c.outcome == "answered"]

HANGUP = """Event-Name: CHANNEL_HANGUP_COMPLETE
Core-UUID: 651a8db2
Event-Date-Local: 2026-11-21%2009%3A00%3A06
Unique-ID: a-leg
Call-Direction: inbound
Caller-Caller-ID-Number: 0812345678
Caller-Destination-Number: 1003
Caller-RDNIS: 020001111
Other-Type: originatee
Other-Leg-Unique-ID: b-leg
Other-Leg-Destination-Number: 1003
variable_uuid: a-leg
variable_start_uepoch: 1795226400471153
variable_answer_uepoch: 1795226400971147
variable_bridge_uepoch: 1795226400971147
variable_end_uepoch: 1795226466010851
variable_originate_disposition: SUCCESS
variable_bridge_uuid: b-leg
variable_switch_r_sdp: v%3D0%0D%0Ao%3D-
variable_hangup_cause: NORMAL_CLEARING
"""
RINGING = """Event-Name: CHANNEL_HANGUP_COMPLETE
Unique-ID: b-leg
Call-Direction: outbound
Caller-Destination-Number: 1003
Other-Type: originator
Other-Leg-Unique-ID: a-leg
Other-Leg-Caller-ID-Number: 0812345678
Other-Leg-Destination-Number: 1003
Other-Leg-RDNIS: 020001111
variable_uuid: b-leg
variable_start_uepoch: 1795226400500000
variable_progress_uepoch: 1795226400600000
variable_answer_uepoch: 1795226400950000
variable_bridge_uepoch: 1795226400971147
variable_end_uepoch: 1795226466000000
variable_hangup_cause: NORMAL_CLEARING
"""


def make(**options):
    return FreeswitchJsonCdr(site=SITE.id, source="pbx", options=Options(**options))


def read(*bodies, **options):
    got = make(**options).feed(bodies, 0)
    assert not got.rejected
    return got.events


@given(hostile(FORMAT))
@settings(max_examples=100, deadline=None)
def test_whatever_the_bodies_hold_they_become_events_rejects_or_are_counted(bodies):
    decoder = make()
    for body in bodies:
        got = decoder.feed([body], 0)
        assert got.events or got.rejected or got.ignored
        assert {no.reason for no in got.rejected} <= REJECT_REASONS.keys()
        for event in got.events:
            assert all(getattr(event, need) for need in EVENT_TYPES[event.type].needs)
            assert all(len(name.encode()) <= MAX_NAME for name in (event.unit, event.contact, event.party, event.id))
            assert all(v in (MISSING, UNKNOWN) or 0 <= v < 2**53 for v in (event.a, event.b, event.c))
            assert 0 < event.time_us < 2**62
            assert not event.extra or json.loads(event.extra)
        decoder.load(decoder.dump())


@pytest.mark.parametrize("seed", range(3))
def test_batches_and_restarts_between_any_two_documents_change_nothing(seed):
    assert in_pieces(make, BODIES + LOG, seed) == in_one_go(make, BODIES + LOG)


def test_documents_that_come_again_give_nothing_new():
    decoder = make()
    first = {e.id: e for e in decoder.feed(LOG, 0).events}
    decoder.restart()
    assert {e.id for e in decoder.feed(LOG, 0).events} == first.keys()


def test_the_legs_of_a_call_make_the_same_call_in_whatever_order_they_come():
    call = next(c for c in ANSWERED if len(c.attempts) == 3)
    legs = [w.data for w in written([call], ZoneInfo("Asia/Bangkok"))]
    assert len(legs) == 4
    tellings = {frozenset(read(*order)) for order in permutations(legs)}
    assert len(tellings) == 1
    for order in permutations(legs):
        got = figures(stored(read(*order)))
        assert (got.calls_offered, got.calls_answered) == (1, 1)
        assert got.measures["ring_ms"] == sum(a.until_us - a.from_us for a in call.attempts) // 1000


def test_any_wrapping_of_a_document_gives_the_same_events():
    body = LOG[0]
    text = json.dumps(json.loads(body), indent=1).encode()
    form, base64 = quote(body.decode(), safe="").encode(), b64encode(body)
    folded = b"\n".join(base64[i : i + 72] for i in range(0, len(base64), 72))
    as_form = b"cdr=" + base64.replace(b"+", b" ")
    for one in (
        text,
        b"cdr=" + form,
        b"cdr=" + base64,
        b"cdr=" + folded,
        as_form,
        b"x=1&cdr=" + form + b"&y=2",
        b"[" + body + b"]",
    ):
        assert read(one) == read(body)
    assert read(b"".join(LOG)) == read(*LOG)


def test_a_document_beyond_a_mebibyte_is_refused_and_not_kept_whole():
    (no,) = make().feed([b'{"variables": {"x": "' + b"y" * 2**20 + b'"}}'], 0).rejected
    assert no.reason == "too_large"
    assert len(no.raw) <= 1024


def test_a_channels_event_tells_its_leg_as_a_cdr_would():
    entered, connected, completed = read(HANGUP.encode())
    assert (entered.person, entered.unit, entered.contact) == ("0812345678", "020001111", "a-leg")
    assert (connected.a, connected.b, connected.party) == (500, 500, "1003")
    assert completed.b == 65_040
    (heard,) = read(RINGING.replace("\n", "\r\n").encode())
    assert (heard.type, heard.contact, heard.unit, heard.b) == ("call.connected", "a-leg", "020001111", 350)
    both = figures(read((RINGING + "\n" + HANGUP).encode()))
    assert (both.calls_offered, both.calls_answered, both.measures["ring_ms"]) == (1, 1, 350)


def test_calls_between_extensions_are_calls_where_extensions_call_as_citizens_do():
    inside = HANGUP.replace("0812345678", "1001").encode()
    assert read(inside) == []
    assert [e.type for e in read(inside, internal_digits=0)] == ["call.entered", "call.connected", "call.completed"]


def test_a_simulated_day_gives_back_its_calls():
    events = stored(read(*LOG))
    got = figures(events)
    assert (got.calls_offered, got.calls_answered) == (len(CALLS), len(ANSWERED))
    for outcome in ("abandoned", "timed_out", "no_agent", "left_by_key"):
        assert got.measures[f"calls_{outcome}"] == sum(c.outcome == outcome for c in CALLS)
    assert got.measures["answered_wait_ms"] == sum(c.answer_us - c.arrival_us for c in ANSWERED) // 1000
    assert got.measures["talk_ms"] == sum(c.end_us - c.answer_us for c in ANSWERED) // 1000
    assert got.measures["calls_ring_last_known"] == len(ANSWERED)
    rang = {e.contact: e.b for e in events if e.type == "call.connected"}
    for call in ANSWERED:
        (took,) = (a for a in call.attempts if a.answered)
        assert rang[leg_uuid(call.id)] == (took.until_us - took.from_us) // 1000


def test_events_of_the_queue_and_cdrs_of_one_source_are_one_call_each():
    told = [line for line in BODIES if b'"m-1"' in line and (b'"CC-Action"' in line or b"1003" in line)]
    events = [line for line in told if b'"CC-Action"' in line]
    assert len(told) > len(events) > 5
    alone = figures(stored(make().feed(events, 0).events))
    for seed in range(10):
        # Its first event says that the source tells of queues; after that any order will do.
        mixed = events[:1] + random.Random(seed).sample(told, len(told))
        got = figures(stored(make().feed(mixed, 0).events))
        assert (got.calls_offered, got.calls_answered) == (1, 1)
        ours = [{k: v for k, v in f.measures.items() if v and not k.startswith("coverage")} for f in (got, alone)]
        assert ours[0] == ours[1]  # a record's arrival is dated finer than an event's, and the log begins then


def test_a_caller_who_is_taken_back_to_his_place_did_not_abandon():
    member = '"CC-Queue":"q","CC-Member-UUID":"m","CC-Member-CID-Number":"0812345678"'
    gone = f'{{"CC-Action":"member-queue-end",{member},"CC-Member-Session-UUID":"first","CC-Cause":"Cancel","CC-Cancel-Reason":"BREAK_OUT","CC-Member-Joined-Time":"1795226400","CC-Member-Leaving-Time":"1795226430"}}'
    back = f'{{"CC-Action":"member-queue-resume",{member},"CC-Member-Session-UUID":"second","Event-Date-Timestamp":"1795226450000000"}}'
    taken = f'{{"CC-Action":"bridge-agent-start",{member},"CC-Member-Session-UUID":"second","CC-Agent":"1001","CC-Agent-Called-Time":"1795226455","CC-Agent-Answered-Time":"1795226460","CC-Member-Joined-Time":"1795226400"}}'
    assert figures(read(gone.encode())).measures["calls_abandoned"] == 1
    got = figures(stored(read(gone.encode(), back.encode(), taken.encode())))
    assert (got.calls_offered, got.calls_answered, got.measures["calls_abandoned"]) == (1, 1, 0)
    assert got.measures["answered_wait_ms"] == 60_000


def test_no_id_unit_extra_or_state_holds_the_number_of_a_caller():
    decoder = make()
    said = ""
    for body in [*BODIES, *LOG]:
        got = decoder.feed([body], 0)
        said += "".join(f"{e.id} {e.contact} {e.unit} {e.party} {e.extra}" for e in got.events) + decoder.dump()
    assert not any(number in said for number in ("0812345678", "0891112222", *(c.number for c in CALLS if c.number)))


def test_members_who_hung_up_are_not_remembered_for_ever():
    decoder = make()
    lost = next(w for w in LOG if b"BREAK_OUT" in w)
    for n in range(1000):
        document = json.loads(lost)
        document["variables"] |= {"uuid": f"call-{n}", "cc_member_uuid": f"member-{n}"}
        decoder.feed([json.dumps(document).encode()], 0)
    assert len(decoder.dump()) < 10_000


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (LOG[0], "of a call in a queue"),
        (HANGUP.encode(), "an event of a channel"),
        (b'{"CC-Action": "members-count"}', "mod_callcenter"),
        (b"cdr=" + quote(LOG[0].decode(), safe="").encode(), "mod_json_cdr"),
    ],
)
def test_what_freeswitch_sends_is_recognised_by_kind(body, what):
    guess = recognise([body])
    assert guess is not None
    assert (guess.sure, what in guess.what) == (1.0, True)
    assert recognise(body.split(b"\n")) is not None


@pytest.mark.parametrize(
    "body", [b"", b'{"a": 1}', b"[]", b"1767236400|x|q|NONE|ENTERQUEUE||08|1", b"Name: value", b"\xff"]
)
def test_what_others_write_is_not_claimed(body):
    assert recognise([body]) is None
