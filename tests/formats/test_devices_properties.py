"""What the decoders of devices promise for any bytes at all, and for any order of good ones."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.base import Message
from collectors.devices import Devices
from collectors.formats.kiosk_json import DeviceRow, SiteRow
from collectors.formats.sparkplug_wire import Metric, Payload, WireError, payload, write
from telemetry.events import EVENT_TYPES, MAX_NAME, REJECT_REASONS
from tests.formats.mqtt_properties import properties

NOW_US = 1_795_230_000_000_000
CASES = 100
PRESSES = {
    *("single", "S", "0/S", "input:0/single_push", "single_push", "button1/single", "good", "remote/single"),
    *("Buttons/1", "Key/ok", "press", "Push"),
}
TOPICS = {
    "zigbee2mqtt": ("z/b", ["z/b", "z/b/action", "z/b/click", "z/b/availability", "z/bridge/state", "z/b/x"]),
    "shelly": ("sh", [f"sh/{part}" for part in ("input_event/0", "input_event/1", "events/rpc", "online", "sensor/battery")]),
    "tasmota": ("t", ["stat/t/RESULT", "stat/t/BUTTON1", "stat/t/SWITCH1", "tele/t/LWT", "stat/t/POWER"]),
    "esphome": ("e", ["e/binary_sensor/good/state", "e/event/remote/state", "e/status", "e/x"]),
    "homeassistant": ("h", ["h", "h/state", "h/availability", "h/status"]),
    "cloudevents_mqtt": ("c", ["c", "c/x", "c/status"]),
    "sparkplug_b": ("g/edge/dev", [f"spBv1.0/g/{t}/edge" for t in ("NBIRTH", "NDATA", "NDEATH")]
                    + [f"spBv1.0/g/{t}/edge/dev" for t in ("DBIRTH", "DDATA", "DDEATH", "DCMD")]),
}  # fmt: skip

NUMBERS = (
    st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.integers(0, 9)
)
WORDS = st.sampled_from(["", *sorted(PRESSES), "SINGLE", "NotifyEvent", "online", "offline", "ON", "OFF", "btn_down"])
TEXTS = WORDS | st.text(max_size=70)
KEYS = st.sampled_from([
    *("action", "click", "battery", "last_seen", "state", "event", "event_cnt", "method", "params", "events", "component"),
    *("ts", "Button1", "ACTION", "event_type", "specversion", "id", "source", "type", "subject", "data", "sequence", "time"),
    *("recordedtime", "score", "service"),
]) | TEXTS  # fmt: skip
VALUES = st.recursive(
    NUMBERS | TEXTS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
METRICS = st.builds(
    Metric,
    name=st.none() | st.sampled_from(["Buttons/1", "Key", "Push", "bdSeq"]) | st.text(max_size=9),
    alias=st.none() | st.integers(0, 3) | st.integers(0, 2**64 - 1),
    time_ms=st.none() | st.integers(NOW_US // 1000 - 9999, NOW_US // 1000 + 9999) | st.integers(0, 2**64 - 1),
    historical=st.booleans(),
    transient=st.booleans(),
    value=st.none() | st.booleans() | st.integers(0, 200) | st.integers(0, 2**64 - 1) | st.sampled_from(["", "ok"]),
)
NODES = st.builds(
    Payload,
    time_ms=st.none() | st.integers(0, 2**64 - 1) | st.just(NOW_US // 1000),
    seq=st.none() | st.integers(0, 260),
    metrics=st.lists(METRICS, max_size=4),
)
PAYLOADS = (
    st.binary(max_size=80)
    | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(KEYS, VALUES, max_size=5).map(lambda value: json.dumps(value).encode())
    | NODES.map(write)
)
PROPERTIES = (
    st.just(b"")
    | st.binary(max_size=40)
    | st.dictionaries(KEYS, TEXTS, max_size=5).map(
        lambda said: properties({"user_properties": {"specversion": "1.0", **said}})
    )
)


def decoder(convention: str) -> Devices:
    row = DeviceRow(
        "button", counter="1", convention=convention, topic=TOPICS[convention][0], presses=dict.fromkeys(PRESSES, 4)
    )
    return Devices(sites={"s": SiteRow({"b": row})})


def messages(convention: str):
    return st.builds(
        Message, st.sampled_from(TOPICS[convention][1]), PAYLOADS, st.booleans(), PROPERTIES, st.booleans()
    )


@pytest.mark.parametrize("convention", TOPICS)
def test_any_bytes_on_any_topic_become_events_or_rejects_or_nothing(convention):
    @settings(max_examples=CASES, deadline=None)
    @given(
        st.lists(messages(convention), min_size=1, max_size=8),
        st.lists(st.integers(-5_000_000, 90_000_000), min_size=8, max_size=8),
    )
    def any_bytes(said, pauses_us):
        it = decoder(convention)
        it.load("")
        now_us = NOW_US
        for message, pause_us in zip(said, pauses_us, strict=False):
            now_us += pause_us
            got = it.feed([message], now_us)
            assert got.events or got.rejected or got.ignored
            for event in got.events:
                assert (event.site, event.source) == ("s", "s/b")
                assert event.type in EVENT_TYPES
                assert 0 < len(event.id.encode()) <= MAX_NAME
                assert event.type != "vote.cast" or 1 <= event.a <= event.b
            for no in got.rejected:
                assert no.reason in REJECT_REASONS
                assert len(no.detail) <= 120 or convention == "cloudevents_mqtt"
                no.detail.encode()
            if kept := it.dump():  # and the state goes through a restart
                it.load(kept)
                other = decoder(convention)
                other.load(kept)
                assert other.state("s/b") == it.state("s/b")

    any_bytes()


@settings(max_examples=CASES, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_sparkplug_payload_or_not(data):
    with contextlib.suppress(WireError):
        assert payload(data).metrics is not None


@settings(max_examples=CASES, deadline=None)
@given(NODES)
def test_what_is_written_as_sparkplug_is_read_as_it_was(node):
    read = payload(write(node))
    for metric, was in zip(read.metrics, node.metrics, strict=True):
        if isinstance(was.value, int) and not isinstance(was.value, bool):
            assert metric.value == was.value  # written as unsigned
    assert (read.time_ms, read.seq) == (node.time_ms, node.seq)
    assert [(m.name, m.alias, m.time_ms, m.historical) for m in read.metrics] == [
        (m.name, m.alias, m.time_ms, m.historical) for m in node.metrics
    ]


@settings(max_examples=CASES, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["json", "plain", "both"]), st.integers(1, 3), st.integers(900_000, 10**8)),
        max_size=30,
    )
)
def test_presses_are_counted_exactly_whatever_tells_them_and_however_often(presses):
    it = decoder("zigbee2mqtt")
    now_us, votes = NOW_US, 0
    for via, times, pause_us in presses:
        now_us += pause_us
        one = [Message("z/b", b'{"action":"single","battery":9}')] * (via != "plain")
        one += [Message("z/b/action", b"single")] * (via != "json")
        for message in one * times:
            now_us += 1000
            votes += sum(e.type == "vote.cast" for e in it.feed([message], now_us).events)
    assert votes == len(presses)
