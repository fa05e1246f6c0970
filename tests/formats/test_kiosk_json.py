"""The device format against its folder of cases, and what it promises for any bytes at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.base import Message
from collectors.formats import kiosk_json
from collectors.formats.cloudevents import MAX_EXTRA
from collectors.formats.kiosk_fields import DEVICE_TYPES, KINDS, decoder, words
from collectors.formats.kiosk_json import MAX_PAYLOAD, DeviceRow, KioskJson, SiteRow
from collectors.rfc3339 import time_us
from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, QUESTIONS, REJECT_REASONS, Decoded, Event, to_cloudevent

CASES = Path(__file__).parent / "kiosk_json"
CONTEXT = json.loads((CASES / "context.json").read_text())
NOW_US = CONTEXT["received_us"]
TICKET = "gecc/v1/nonthaburi/k1/ticket"
ISSUED = {"event": "issued", "ticket": "A012", "service": "idcard", "boot": "k7", "seq": 12, "priority": 0}


def sites() -> dict[str, SiteRow]:
    return {
        site: SiteRow({d: DeviceRow(**row) for d, row in it["devices"].items()}, frozenset(it["units"]))
        for site, it in CONTEXT["sites"].items()
    }


def fed(*messages: Message, received_us: int = NOW_US) -> Decoded:
    return KioskJson(sites=sites()).feed(messages, received_us)


def shown(got: Decoded) -> dict:
    """What became of one message, as expected.jsonl writes it."""
    for event in got.events:
        said = event._asdict() | {"caller": event.caller or ""}
        return {key: value for key, value in said.items() if value not in ("", MISSING)}
    for no in got.rejected:
        return {"rejected": no.reason, "detail": no.detail} | ({"source": no.source} if no.source else {})
    return {"ignored": got.ignored}


def message(row: dict) -> Message:
    payload = bytes.fromhex(row["payload_hex"]) if "payload_hex" in row else row["payload"].encode()
    return Message(row["topic"], payload, row.get("retained", False))


@pytest.mark.parametrize("case", sorted(p.name for p in CASES.iterdir() if p.is_dir()))
def test_every_message_of_a_case_becomes_what_is_written_beside_it(case):
    rows = [json.loads(line) for line in (CASES / case / "input.jsonl").read_text().splitlines()]
    expected = [json.loads(line) for line in (CASES / case / "expected.jsonl").read_text().splitlines()]
    decoder_ = KioskJson(sites=sites())
    got = [shown(decoder_.feed([message(row)], NOW_US)) for row in rows]
    assert got == expected


def test_a_whole_batch_gives_what_its_messages_give_one_by_one():
    for case in ("ticket_story", "identity", "hostile_payloads", "extra"):
        rows = [json.loads(line) for line in (CASES / case / "input.jsonl").read_text().splitlines()]
        whole = fed(*map(message, rows))
        single = [fed(message(row)) for row in rows]
        assert whole.events == [event for one in single for event in one.events]
        assert whole.rejected == [no for one in single for no in one.rejected]


def test_a_payload_too_large_is_refused_unread_and_kept_in_part():
    fits = json.dumps(ISSUED).encode().ljust(MAX_PAYLOAD)
    assert len(fed(Message(TICKET, fits)).events) == 1
    (no,) = fed(Message(TICKET, fits + b" ")).rejected
    assert (no.reason, len(no.raw)) == ("too_large", 4096)
    assert str(MAX_PAYLOAD + 1) in no.detail


def test_every_type_that_a_device_may_send_can_be_said_plainly_and_as_a_cloudevent():
    for type_, row in DEVICE_TYPES.items():
        contact, unit, party = words(type_)
        data = {unit: "idcard"} | ({party: "x"} if type_ != "device.heartbeat" else {})
        data |= {slot: 1 for slot in row.slots if slot not in ("", "caller_previous_epoch", "scale_max")}
        plain = {"type": type_, contact: "c1", "boot": "b", "seq": 1, **data}
        cloud = {"specversion": "1.0", "id": "b:1", "type": f"th.gecc.{type_}", "subject": "c1", "data": data}
        topic = "gecc/v1/nonthaburi/k1/event"
        got = fed(*(Message(topic, json.dumps(said).encode()) for said in (plain, cloud)))
        assert not got.rejected, got.rejected
        assert got.events[0] == got.events[1]
        assert got.events[0].type == type_


def test_an_exported_event_comes_back_as_itself():
    event = fed(Message(TICKET, json.dumps(ISSUED).encode())).events[0]
    again = fed(Message("gecc/v1/nonthaburi/k1/event", json.dumps(to_cloudevent(event)).encode())).events[0]
    assert again == event


@pytest.mark.parametrize("name", ["triaged", "ticket.triaged", "triage.ended"])
def test_the_end_of_a_triage_is_told_on_the_tickets_topic_by_either_name(name):
    said = {"event": name, "ticket": "A001", "outcome": 2, "boot": "b", "seq": 1}
    (event,) = fed(Message(TICKET, json.dumps(said).encode())).events
    assert (event.type, event.contact, event.unit, event.a) == ("ticket.triaged", "A001", "", 2)
    (no,) = fed(Message(TICKET, json.dumps(said | {"outcome": 4}).encode())).rejected
    assert (no.reason, "outcome" in no.detail) == ("bad_field", True)


VOTE = {"score": 2, "scale_max": 4, "boot": "b", "seq": 1}


def votes(said: dict) -> list[Decoded]:
    """One vote, plainly and as a CloudEvent."""
    data = {key: value for key, value in said.items() if key not in ("boot", "seq")}
    cloud = {"specversion": "1.0", "id": "b:1", "type": "th.gecc.vote.cast", "data": data}
    return [fed(Message("gecc/v1/nonthaburi/b3/vote", json.dumps(one).encode())) for one in (said, cloud)]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_vote_may_name_the_question_that_it_answers(name):
    for got in votes(VOTE | {"question": name}) + votes(VOTE | {"question": QUESTIONS[name]}):
        assert [(e.a, e.b, e.c) for e in got.events] == [(2, 4, QUESTIONS[name])]


def test_a_vote_that_names_no_question_says_nothing_of_one():
    assert [got.events[0].c for got in votes(VOTE)] == [MISSING] * 2


@pytest.mark.parametrize("question", ["parking", "", 13, -1, True, ["staff"]])
def test_a_vote_on_a_question_that_nobody_knows_is_refused_and_the_question_named(question):
    for got in votes(VOTE | {"question": question}):
        assert [no.reason for no in got.rejected] == ["bad_field"]
        assert "question" in got.rejected[0].detail


def test_settled_at_this_contact_is_answered_by_yes_or_no_whatever_the_scale_of_the_device():
    plain = {"score": 2, "question": "resolved", "boot": "b", "seq": 1}
    assert [got.events[0].b for got in votes(plain)] == [2, 2]
    assert [got.events[0].b for got in votes(plain | {"question": "staff"})] == [4, 4]


def test_state_survives_a_restart_so_that_a_retained_status_is_not_told_twice():
    online = Message("gecc/v1/nonthaburi/k1/status", b"online", True)
    first = KioskJson(sites=sites())
    assert [e.type for e in first.feed([online], NOW_US).events] == ["device.online"]
    second = KioskJson(sites=sites())
    second.load(first.dump())
    again = second.feed([online], NOW_US + 1)
    assert (again.events, again.ignored) == ([], 1)
    assert second.dump() == first.dump()
    assert KioskJson(sites=sites()).dump() == ""


def test_changes_of_state_in_one_batch_keep_their_order_and_are_all_told():
    topic = "gecc/v1/nonthaburi/k1/status"
    got = fed(*(Message(topic, word) for word in (b"online", b"offline", b"online", b"online", b"offline")))
    assert [e.type.partition(".")[2] for e in got.events] == ["online", "offline", "online", "offline"]
    assert len({e.id for e in got.events}) == 4
    assert [e.time_us for e in got.events] == sorted({e.time_us for e in got.events})


def test_a_repeat_of_a_message_has_the_identity_of_the_first_whenever_it_comes():
    for said in (ISSUED, {"event": "called", "ticket": "A1", "time": "2026-11-21T09:59:00+07:00"}):
        one = Message(TICKET, json.dumps(said).encode())
        first, later = fed(one).events[0], fed(one, received_us=NOW_US + 3_000_000).events[0]
        assert (first.source, first.id) == (later.source, later.id)


def test_a_callers_number_goes_nowhere_but_to_person():
    said = {
        "event": "entered",
        "call": "c1",
        "queue": "hotline",
        "caller": "0812345678",
        "tel": "0812345678",
        "boot": "b",
        "seq": 1,
    }
    event = fed(Message("gecc/v1/nonthaburi/k1/call", json.dumps(said).encode())).events[0]
    assert event.person == "0812345678"
    assert not any("0812345678" in str(value) for key, value in event._asdict().items() if key != "person")


@pytest.mark.parametrize(
    "text",
    ["2026-11-21T09:00:00", "2026-11-21T09:00:00+24:00", "2026-11-21T09:00:00+7:00", "2026-13-01T00:00:00Z", "", "Z"],
)
def test_a_time_without_all_its_parts_is_no_time(text):
    for _ in range(2):  # also when its halves are remembered
        with pytest.raises(ValueError):
            time_us(text)


# --- for anything at all ---

NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
NAMES = st.one_of(
    st.sampled_from(["", "A1", "idcard", "hotline", "k7:12", "ก" * 30, "\x00", "x" * 65]), st.text(max_size=70)
)
VALUES = st.recursive(
    st.one_of(NUMBERS, NAMES, st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "ticket",
        "service",
        "counter",
        "call",
        "queue",
        "agent",
        "boot",
        "seq",
        "id",
        "time",
        "time_ms",
        "priority",
        "score",
        "scale_max",
        "lost",
        "disposition",
        "wait_ms",
        "ring_ms",
        "caller",
        "source",
        "subject",
        "sequence",
        "data",
        "state",
        "utc_offset_ms",
        "clock_synced",
        "panel",
        "phone",
    ]
)
LIKELY = {
    "boot": st.sampled_from(["k7", "b:1"]),
    "seq": st.integers(0, 99),
    "time": st.sampled_from(["2026-11-21T09:00:00+07:00", "2026-11-21T02:00:00.5Z", "2026-11-21T09:00:00"]),
    "time_ms": st.just(NOW_US // 1000),
    "score": st.integers(0, 6),
    "data": st.dictionaries(KEYS, VALUES, max_size=4),
}
SAID = st.dictionaries(KEYS, VALUES, max_size=8).flatmap(
    lambda said: st.fixed_dictionaries(
        {
            key: st.one_of(LIKELY[key], st.just(value)) if key in LIKELY else st.just(value)
            for key, value in said.items()
        }
    )
)
FORM = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from([name.partition(".")[2] for name in EVENT_TYPES] + ["noshow", "feedback.pressed"]),
        "type": st.sampled_from([*EVENT_TYPES, *(f"th.gecc.{name}" for name in EVENT_TYPES), "ticket.noshow"]),
        "specversion": st.just("1.0"),
    },
)
TOPICS = st.one_of(
    st.builds(
        "gecc/v1/{}/{}/{}".format,
        st.sampled_from(["nonthaburi", "openhouse"]),
        st.sampled_from(["k1", "b3"]),
        st.sampled_from(KINDS),
    ),
    st.text(max_size=40),
)


def promised(topic: str, payload: bytes, retained: bool) -> Decoded:
    """One message's outcome, with every promise checked."""
    got = fed(Message(topic, payload, retained))
    assert len(got.events) + len(got.rejected) + got.ignored == 1
    for event in got.events:
        storable(event)
    for no in got.rejected:
        assert no.reason in REJECT_REASONS
        assert len(no.detail) <= 4 * 120
        no.detail.encode()
        assert no.raw == payload
    return got


def storable(event: Event) -> None:
    for name in ("site", "source", "id", "type", "unit", "contact", "party", "person"):
        value = getattr(event, name)
        assert len(value.encode()) <= (MAX_NAME if name != "source" else 2 * MAX_NAME + 1)
        assert value.isprintable()
    for number in (event.time_us, event.a, event.b, event.c):
        assert type(number) is int
        assert -(2**63) <= number < 2**63
    assert all(getattr(event, need) for need in EVENT_TYPES[event.type].needs)
    assert len(event.extra.encode()) <= MAX_EXTRA
    if event.extra:
        json.loads(event.extra)


@given(TOPICS, st.binary(max_size=300), st.booleans())
def test_no_bytes_whatever_raise_or_vanish(topic, payload, retained):
    promised(topic, payload, retained)


@given(TOPICS, st.tuples(FORM, SAID), st.booleans())
def test_no_json_whatever_raises_or_vanishes(topic, said, retained):
    promised(topic, json.dumps(said[0] | said[1]).encode(), retained)


@given(st.sampled_from([k for k in KINDS if k != "status"]), FORM, SAID)
def test_the_quick_way_and_the_careful_way_tell_the_same(kind, form, said):
    payload = json.dumps(form | said).encode()
    decoder_ = KioskJson(sites=sites())
    topic = f"gecc/v1/nonthaburi/b3/{kind}"
    quick = decoder_.feed([Message(topic, payload)], NOW_US)
    route = decoder_._routes[topic]
    try:
        careful = [kiosk_json._carefully(route, payload, NOW_US)]
    except kiosk_json.No as no:
        assert [(r.reason, r.detail) for r in quick.rejected] == [
            (no.reason, f"{topic}: {no}"[:120].encode("utf-8", "backslashreplace").decode())
        ]
    else:
        assert quick.events == careful


@given(st.sampled_from(sorted(DEVICE_TYPES)), st.data())
def test_well_formed_messages_take_the_quick_way(type_, data):
    contact, unit, _ = words(type_)
    said = {"type": type_, contact: "A1", unit: "idcard", "boot": "k7", "seq": data.draw(st.integers(0, 2**63 - 1))}
    said |= {slot: 1 for slot in ("score", "lost") if slot in DEVICE_TYPES[type_].slots}
    assert decoder("event")(json.dumps(said).encode()).type_ == type_
