"""The stream of MQTT packets, cut and broken in every way."""

from __future__ import annotations

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collectors.base import Message
from collectors.mqtt_packets import Inbox, MalformedError
from tests.publisher import packet, text


def inbox(*, properties: bool) -> tuple[Inbox, list[tuple[int, bytes]]]:
    others: list[tuple[int, bytes]] = []

    def other(head: int, body: bytes) -> bool:
        others.append((head, body))
        return True

    return Inbox(properties=properties, other=other), others


@given(
    st.booleans(),
    st.lists(
        st.tuples(
            st.text(max_size=5),
            st.binary(max_size=300),
            st.integers(0, 2),
            st.booleans(),
            st.booleans(),
            st.integers(1, 65535),
        )
        | st.just(None),
        max_size=20,
    ),
    st.lists(st.integers(0, 4000), max_size=30),
    st.integers(0, 200),
)
def test_messages_are_the_same_however_the_stream_is_cut(v5, items, cuts, skipped):
    stream, messages, acks, pings = b"", [], [], 0
    length = bytes([skipped]) if skipped < 128 else bytes([skipped & 127 | 128, skipped >> 7])
    for item in items:
        if item is None:
            stream += b"\xd0\x00"
            pings += 1
            continue
        topic, payload, qos, retain, dup, mid = item
        number = struct.pack(">H", mid) if qos else b""
        extra = length + b"p" * skipped if v5 else b""
        stream += packet(0x30 | dup << 3 | qos << 1 | retain, text(topic) + number + extra + payload)
        messages.append(Message(topic, payload, retain, b"p" * skipped if v5 else b"", dup))
        acks.append([b"", b"\x40\x02", b"\x50\x02"][qos] + number)
    it, others = inbox(properties=v5)
    places = sorted({0, len(stream), *(c for c in cuts if c < len(stream))})
    for begin, end in pairwise(places):
        it.feed(stream[begin:end])
    assert it.messages == messages
    assert it.acks == acks
    assert others == [(0xD0, b"")] * pings


@given(st.booleans(), st.lists(st.binary(max_size=30), max_size=10))
def test_no_bytes_can_do_more_than_be_malformed(v5, blocks):
    it, _ = inbox(properties=v5)
    try:
        for block in blocks:
            it.feed(block)
    except MalformedError:
        pass
    assert len(it.messages) == len(it.acks)
