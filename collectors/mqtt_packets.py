"""The part of MQTT that a collector needs at speed: PUBLISH packets of whole blocks, in one loop."""

from __future__ import annotations

from collections.abc import Callable

from collectors.base import Message

MAX_PACKET = 2 * 1024 * 1024
"""Largest packet kept whole; asked of a broker that speaks MQTT 5, cut off when another sends more."""

_PUBLISH, _PUBACK, _PUBREC = 0x30, b"\x40\x02", b"\x50\x02"
_USUAL = 0x32
"""A PUBLISH with QoS 1, neither retained nor sent again."""


class MalformedError(ValueError):
    """Bytes that are no MQTT; there is no way to find the next packet behind them."""


class Inbox:
    """A broker's byte stream as messages and, one for one, the packets that acknowledge them. Sans-I/O.

    `other` gets every packet that is no PUBLISH, and says whether the stream goes on.
    """

    def __init__(self, *, properties: bool, other: Callable[[int, bytes], bool]) -> None:
        self.messages: list[Message] = []
        self.acks: list[bytes] = []
        self._properties = properties
        self._other = other
        self._topics: dict[bytes, str] = {}
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0
        self._skip = 0

    def feed(self, block: bytes) -> None:
        """Take what the socket gave, cut anywhere. Raises `MalformedError`."""
        if self._skip:
            skipped = min(self._skip, len(block))
            self._skip -= skipped
            block = block[skipped:]
        if self._parts:
            self._parts.append(block)
            self._have += len(block)
            if self._have < self._need:
                return
            block = b"".join(self._parts)
            self._parts = []
        # One loop, local names, no call for a packet with a known topic: this is where the time goes.
        new, message, topics, properties = tuple.__new__, Message, self._topics, self._properties
        add, ack = self.messages.append, self.acks.append
        pos, size = 0, len(block)
        while pos < size:
            try:
                head = block[pos]
                length = block[pos + 1]
                at = pos + 2
                if length > 127:
                    if block[at] < 128:
                        length += (block[at] << 7) - 128
                        at += 1
                    else:
                        length, at = _varint(block[pos + 1 : pos + 5], pos + 1)
            except IndexError:
                need = size - pos + 1
                break
            end = at + length
            if end > size:
                need = min(end - pos, MAX_PACKET)
                if size - pos < need:
                    break
                self._skip = end - size
                end = size
            if head & 0xF0 != _PUBLISH:
                pos = end
                if not self._other(head, block[at:end]):
                    return
                continue
            if length < 2:
                raise MalformedError("PUBLISH without a topic")
            topic_at = at + 2
            topic_end = topic_at + (block[at] << 8 | block[at + 1])
            body = topic_end + 2 if head & 6 else topic_end
            said = b""
            if properties:
                if body + 1 > end:
                    raise MalformedError("PUBLISH without properties")
                skip = block[body]
                body += 1
                if skip > 127:
                    skip, body = _varint(block[body - 1 : body + 3].ljust(4, b"\xff"), body - 1)
                if skip:
                    said = block[body : body + skip]
                    body += skip
            if body > end:
                raise MalformedError("PUBLISH shorter than its parts")
            raw = block[topic_at:topic_end]
            topic = topics.get(raw)
            if topic is None:
                topic = self._name(raw)
            if head & 2:
                ack(_PUBACK + block[topic_end : topic_end + 2])
            else:
                ack(_PUBREC + block[topic_end : topic_end + 2] if head & 4 else b"")
            if head == _USUAL:
                add(new(message, (topic, block[body:end], False, said, False)))
            else:
                add(new(message, (topic, block[body:end], (head & 1) == 1, said, (head & 8) == 8)))
            pos = end
        if pos < size:
            self._parts = [block[pos:]]
            self._have, self._need = size - pos, need

    def _name(self, raw: bytes) -> str:
        """The topic's text. Invalid UTF-8 shows as backslashes, so that the format can refuse it by name."""
        if len(self._topics) > 100_000:
            self._topics.clear()
        topic = self._topics[raw] = raw.decode("utf-8", "backslashreplace")
        return topic


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The variable byte integer `data` begins with, and where it ends if it begins at `at`."""
    value = 0
    for i, byte in enumerate(data):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, at + i + 1
    if len(data) < 4:
        raise IndexError
    raise MalformedError("length of more than four bytes")
