"""CloudEvents by HTTP: three forms of one event, and whatever else may come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats.cloudevents_http import MAX_EVENT, TYPES, CloudEventsHttp
from collectors.formats.cloudevents_modes import split
from collectors.formats.kiosk_fields import words
from telemetry.events import EVENT_TYPES, MAX_NAME, QUESTIONS, REJECT_REASONS

NOW_US = 1_795_000_000_000_000
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/helpdesk",
    "type": "th.gecc.conversation.opened",
    "subject": "m-1",
    "time": "2025-11-20T09:00:00+07:00",
    "data": {"channel": "email", "person": "somchai@example.com"},
}
UNITS = frozenset(("idcard", "civil"))


def decoder(**more):
    return CloudEventsHttp(
        site="nonthaburi", source="nonthaburi/crm", sites=frozenset(("nonthaburi", "phuket")), **more
    )


def read(event, **more):
    """The event, or the reason and detail of the reject."""
    out = decoder(**more).feed([event if isinstance(event, bytes) else json.dumps(event).encode()], NOW_US)
    assert len(out.events) + len(out.rejected) == 1
    return out.events[0] if out.events else (out.rejected[0].reason, out.rejected[0].detail)


def in_headers(event):
    attributes = {f"ce-{k}": v for k, v in event.items() if k != "data"}
    return [("Content-Type", "application/json"), *attributes.items()], json.dumps(event["data"]).encode()


def test_an_event_is_the_same_in_headers_in_a_body_and_in_a_batch():
    structured = split([("content-type", "application/cloudevents+json; charset=UTF-8")], json.dumps(EVENT).encode())
    binary = split(*in_headers(EVENT))
    batch = split([("Content-Type", "application/cloudevents-batch+json")], json.dumps([EVENT, EVENT]).encode())
    assert structured and binary and batch
    assert (structured.batch, binary.batch, batch.batch) == (False, False, True)
    assert len({read(one) for form in (structured, binary, batch) for one in form.records}) == 1


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ('"a \\"quoted\\" one"', 'a "quoted" one'),
        ("%C0%A0", "%C0%A0"),
        ("100%", "100%"),
        ("plain", "plain"),
    ],
)
def test_headers_are_decoded_as_the_specification_says(header, value):
    form = split([("ce-specversion", "1.0"), ("CE-Subject", header)], b"")
    assert form and json.loads(form.records[0])["subject"] == value


def test_an_attribute_that_is_given_twice_has_no_meaning():
    headers, body = in_headers(EVENT)
    form = split([*headers, ("ce-id", "2")], body)
    assert form and read(form.records[0])[0] == "bad_field"


def test_data_in_a_body_cannot_speak_for_the_headers():
    headers, _ = in_headers(EVENT)
    form = split(headers, b'{},"id":"forged"')
    assert form and read(form.records[0]) == ("bad_field", "$.data: expected a JSON object")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "application/json")],
        [("Content-Type", "text/plain"), ("ce-specversion", "1.0")],
        [("Content-Type", "application/cloudevents+json; charset=tis-620")],
        [("Content-Type", "application/cloudevents+avro")],
    ],
)
def test_what_carries_no_cloudevents_is_not_taken_for_some(headers):
    assert split(headers, b"{}") is None


@pytest.mark.parametrize(
    ("source", "ident"),
    [
        ("", "1"),
        ("crm", "1"),
        ("nonthaburi/crm", "1"),
        ("https://gecc.example/nonthaburi/crm", "1"),
        ("/helpdesk", "/helpdesk 1"),
        ("urn:very:long:" + "x" * 60, "9a6b7c1ac6f0c1c8 1"),
        ("mailto:somchai@example.com", "hash 1"),
    ],
)
def test_the_same_id_of_another_source_is_another_event(source, ident):
    got = read(EVENT | {"source": source}).id
    assert got == ident if " " not in ident or source == "/helpdesk" else (len(got), got[-2:]) == (18, " 1")


@pytest.mark.parametrize("source", ["phuket", "/phuket/crm", "https://gecc.example/phuket/crm", "phuket:crm"])
def test_an_event_that_claims_another_site_is_refused(source):
    assert read(EVENT | {"source": source})[0] == "bad_credentials"


def test_units_are_the_sites_own_or_a_channel_under_the_names_that_the_sender_has():
    ticket = EVENT | {"type": "ticket.issued", "data": {"service": "idcrd"}}
    assert read(ticket).unit == "idcrd"
    assert read(ticket, units=UNITS)[0] == "unknown_unit"
    assert read(EVENT, units=UNITS).unit == "email"


@pytest.mark.parametrize(
    ("person", "kept"),
    [
        ("081-234-5678", "081-234-5678"),
        ("+66 81 234 5678", "+66 81 234 5678"),
        ("A@B.co", "email:A@B.co"),
        ("line:U12", "line:U12"),
        ("Anonymous", ""),
        ("", ""),
    ],
)
def test_a_person_is_a_number_an_address_or_an_identity_on_a_channel(person, kept):
    assert read(EVENT | {"data": {"channel": "line", "person": person}}).person == kept


@pytest.mark.parametrize(
    "person", ["Somchai", "U4af4980629", 812345678, ["a@b.co"], "a b@c.de", "x" * 400, "fb:", "a\nb:c"]
)
def test_any_other_person_is_refused_and_not_repeated(person):
    reason, detail = read(EVENT | {"data": {"channel": "line", "person": person}})
    assert reason == "bad_field" and str(person) not in detail


def test_a_counter_is_no_person():
    ticket = EVENT | {"type": "ticket.called", "data": {"service": "idcard", "counter": "somchai@example.com"}}
    assert read(ticket)[0] == "bad_field"


def test_a_subject_that_is_no_text_is_not_repeated():
    assert read(EVENT | {"subject": 812345678}) == ("bad_field", "$.subject: expected text")


@pytest.mark.parametrize(
    "ident",
    [
        *(
            "0812345678",
            "tel-+66812345678",
            "081-234-5678",
            "(081) 234-5678",
            "08 1234 5678",
            "02-111-2222",
            "053 123 456",
        ),
        *("a@b.co", "x <a@b.co>", "U" + "0" * 32),
        "aeac4159-2093-c133-7f39-003293640508 003293640508",
    ],
)
def test_ids_that_are_of_a_person_are_refused(ident):
    assert read(EVENT | {"subject": ident})[0] == "bad_field"
    assert read(EVENT | {"id": ident})[0] == "bad_field"


@pytest.mark.parametrize(
    "ident",
    [
        "2568-00017",
        "01-2569-0001",
        "08-2569-00012",
        "2569-081-234-5678",
        "66f5d0a1-1234-0123-4567-0a1b2c3d4e5f",
        "aeac4159-2093-c133-7f39-003293640508",
        "case:AEAC4159-2093-C133-7F39-003293640508",
        "12345678",
        "01HZX0123456789ABCDEFGHJKM",
        "k7:0000000012",
    ],
)
def test_ids_of_systems_are_taken(ident):
    assert read(EVENT | {"subject": ident}).contact == ident


@given(st.uuids())
def test_no_uuid_is_taken_for_a_person(ident):
    assert read(EVENT | {"subject": str(ident)}).contact == str(ident)


def test_of_a_conversation_numbers_and_codes_are_kept_and_what_people_wrote_is_not():
    data = EVENT["data"] | {
        "topic": "id-card",
        "n": 3,
        "note": "เลขที่ 12/3",
        "subject": "สอบถาม",
        "x": {"from": "a", "y": ["b c"]},
    }
    assert json.loads(read(EVENT | {"data": data}).extra) == {
        "topic": "id-card", "n": 3, "note": "withheld", "subject": "withheld", "x": {"from": "withheld", "y": ["withheld"]},
    }  # fmt: skip


def test_a_complaint_needs_not_say_that_it_is_one():
    case = {"subject": "k-1", "data": {}}
    assert read(EVENT | case | {"type": "th.gecc.complaint.opened"}).a == 1
    assert read(EVENT | case | {"type": "th.gecc.case.opened"}).a != 1


def test_a_vote_names_the_question_that_it_answers():
    vote = EVENT | {"type": "th.gecc.vote.cast"}
    for name, code in QUESTIONS.items():
        got = read(vote | {"subject": "form-7", "data": {"score": 3, "scale_max": 5, "question": name}})
        assert (got.contact, got.a, got.b, got.c) == ("form-7", 3, 5, code)
    reason, detail = read(vote | {"data": {"score": 3, "scale_max": 5, "question": "parking"}})
    assert (reason, detail[:41]) == ("bad_field", "$.data.question: 'parking', expected one ")


@pytest.mark.parametrize("type_", ["th.gecc.ticket.triaged", "th.gecc.triage.ended"])
def test_a_triage_says_its_outcome_in_words_or_by_number(type_):
    triage = EVENT | {"type": type_, "subject": "A001"}
    for outcome, code in (("ready", 1), ("papers_missing", 2), ("referred", 3), (3, 3)):
        got = read(triage | {"data": {"outcome": outcome}})
        assert (got.type, got.contact, got.a) == ("ticket.triaged", "A001", code)
    reason, detail = read(triage | {"data": {"outcome": "tired"}})
    assert (reason, detail[:23]) == ("bad_field", "$.data.outcome: 'tired'")


def test_an_event_has_a_most():
    reason, _ = read(json.dumps(EVENT | {"data": {"channel": "email", "x": "y" * MAX_EVENT}}).encode())
    assert reason == "too_large"
    assert len(decoder().feed([b"x" * 1_000_000], NOW_US).rejected[0].raw) == 4096


def test_depth_is_no_way_in():
    for event in (b'{"a":' * 100_000, b'{"specversion":"1.0","x":' + b"[" * 900 + b"]" * 900 + b"}"):
        assert decoder().feed([event], NOW_US).rejected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SLOTS = sorted(
    {s for row in EVENT_TYPES.values() for s in row.slots if s} | {"due", "person", "caller", "unit", "site"}
)
EVENTS = st.fixed_dictionaries(
    {"specversion": st.just("1.0"), "id": st.text(max_size=70), "type": st.sampled_from(sorted(TYPES))},
    optional={
        "source": st.text(max_size=90),
        "subject": st.text(max_size=70) | VALUES,
        "time": st.datetimes().map(lambda t: t.isoformat() + "Z") | VALUES,
        "data": st.dictionaries(st.sampled_from(SLOTS) | st.text(max_size=5), VALUES, max_size=5) | VALUES,
        "extension": VALUES,
    },
)


@given(EVENTS)
def test_whatever_is_sent_becomes_an_event_within_its_limits_or_a_reject(event):
    out = decoder().feed([json.dumps(event).encode()], NOW_US)
    assert len(out.events) + len(out.rejected) == 1
    for e in out.events:
        assert (e.site, e.source) == ("nonthaburi", "nonthaburi/crm")
        assert all(len(name.encode()) <= MAX_NAME for name in (e.id, e.unit, e.contact, e.party)) and e.id
        assert all(isinstance(n, int) and -(2**63) <= n < 2**63 for n in (e.a, e.b, e.c))
        assert e.time_us <= NOW_US + 300_000_000
    assert all(r.reason in REJECT_REASONS for r in out.rejected)


@given(
    st.binary(max_size=300),
    st.lists(st.tuples(st.sampled_from(("Content-Type", "ce-specversion", "ce-id")), st.text())),
)
def test_no_body_and_no_headers_are_too_much(body, headers):
    form = split(headers, body)
    for record in [body, *(form.records if form else [])]:
        out = decoder().feed([record], NOW_US)
        assert len(out.events) + len(out.rejected) == 1


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_type_can_be_sent(type_):
    contact, unit, party = words(type_)
    data = {contact: "c-1", unit: "idcard", party: "1"}
    data |= {"score": 1, "scale_max": 5} if type_ == "vote.cast" else {}
    assert read({"specversion": "1.0", "id": "1", "type": f"th.gecc.{type_}", "data": data}).type == type_
