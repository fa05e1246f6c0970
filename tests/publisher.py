"""A small fast MQTT publisher, QoS 1 with a window, that knows which of its messages the broker took.

Independent of the collector, so that it can bear witness. As a program it publishes a load:
packets are built beforehand, it says "ready", waits for a line on stdin, and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

MAX_MID = 65535


def packet(head: int, body: bytes) -> bytes:
    """One MQTT control packet."""
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | 128 if size else low)
        if not size:
            return bytes([head]) + length + body


def text(value: str | bytes) -> bytes:
    """An MQTT string: two bytes of length, then UTF-8 (or whatever bytes were given)."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


def connect_packet(
    client_id: str, *, v5: bool, keepalive: int = 60, clean: bool = True, properties: bytes = b""
) -> bytes:
    """A CONNECT. `properties` are encoded ones, MQTT 5 only."""
    body = text("MQTT") + bytes([5 if v5 else 4, 2 if clean else 0]) + struct.pack(">H", keepalive)
    if v5:
        body += bytes([len(properties)]) + properties
    return packet(0x10, body + text(client_id))


def publish_packet(
    topic: str | bytes, payload: bytes, *, mid: int = 0, qos: int = 1, v5: bool = False, retain: bool = False
) -> bytes:
    """A PUBLISH without properties."""
    body = text(topic) + (struct.pack(">H", mid) if qos else b"") + (b"\0" if v5 else b"") + payload
    return packet(0x30 | qos << 1 | retain, body)


class Publisher:
    """One connection that publishes in windows; `acked` holds the payloads the broker has acknowledged."""

    def __init__(
        self,
        port: int,
        *,
        client_id: str = "publisher",
        v5: bool = False,
        window: int = 100,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._v5, self._window = v5, window
        self._mid = 0
        self._outstanding: dict[int, bytes] = {}
        self._rest = b""
        self.acked: list[bytes] = []
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self._sock = context.wrap_socket(self._sock, server_hostname="localhost")
        self._sock.sendall(connect_packet(client_id, v5=v5))
        answer = self._sock.recv(4096)
        if answer[:1] != b"\x20" or answer[3] != 0:
            raise ConnectionError(f"CONNACK {answer!r}")

    def publish(self, topic: str | bytes, payloads: Iterable[bytes], *, qos: int = 1, retain: bool = False) -> None:
        """Publish all and, for QoS 1, wait until the broker has acknowledged all."""
        for payload in payloads:
            while len(self._outstanding) >= self._window:
                self._read_acks()
            if qos:
                self._mid = self._mid % MAX_MID + 1
                self._outstanding[self._mid] = payload
            self._sock.sendall(publish_packet(topic, payload, mid=self._mid, qos=qos, v5=self._v5, retain=retain))
        while self._outstanding:
            self._read_acks()

    def _read_acks(self) -> None:
        block = self._sock.recv(65536)
        if not block:
            raise ConnectionError("closed by the broker")
        data = self._rest + block
        pos = 0
        while pos + 2 <= len(data) and pos + 2 + data[pos + 1] <= len(data):
            if data[pos] == 0x40:
                payload = self._outstanding.pop(int.from_bytes(data[pos + 2 : pos + 4], "big"))
                if data[pos + 1] < 3 or data[pos + 4] < 128:
                    self.acked.append(payload)
            pos += 2 + data[pos + 1]
        self._rest = data[pos:]

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def synthetic(count: int, size: int, first: int = 0) -> list[bytes]:
    """Payloads of one size, each with its number."""
    return [b'{"id":"%012d"' % (first + i) + b" " * (size - 21) + b"}" for i in range(count)]


def run_load(
    port: int, messages: Sequence[tuple[str, bytes]], *, client_id: str, window: int, rate: float
) -> dict[str, float]:
    """Publish all of `messages` as fast as the window (and `rate` a second, if not 0) allows."""
    blob, ends = bytearray(), [0]
    for i, (topic, payload) in enumerate(messages):
        blob += publish_packet(topic, payload, mid=i % MAX_MID + 1)
        ends.append(len(blob))
    view, total = memoryview(bytes(blob)), len(messages)
    with Publisher(port, client_id=client_id) as publisher:
        sock = publisher._sock
        print("ready", flush=True)
        sys.stdin.readline()
        begin = time.perf_counter()
        sent = acked = rest = 0
        step = 1 if rate else max(1, window // 4)  # fewer, larger writes: the processor is the broker's to use
        while acked < total:
            allowed = min(total, acked + window)
            if rate:
                allowed = min(allowed, int((time.perf_counter() - begin) * rate) + 1)
            if allowed - sent >= step or allowed == total > sent:
                sock.sendall(view[ends[sent] : ends[allowed]])
                sent = allowed
            if sent == acked:
                time.sleep(0.001)
                continue
            # An MQTT 3.1.1 PUBACK has four bytes, so they can be counted without reading them.
            rest += len(sock.recv(65536))
            acked += rest // 4
            rest %= 4
        seconds = time.perf_counter() - begin
    return {"acked": acked, "seconds": seconds, "begin": begin}


def main() -> None:
    parser = argparse.ArgumentParser(description="publish a load over MQTT 3.1.1, QoS 1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--client-id", default="publisher")
    parser.add_argument("--window", type=int, default=100, help="messages outstanding")
    parser.add_argument("--rate", type=float, default=0, help="messages a second; 0 is as fast as it goes")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first synthetic message")
    parser.add_argument("--size", type=int, default=200, help="bytes of a synthetic payload")
    parser.add_argument("--topic", default="gecc/v1/site-1/kiosk-1/ticket")
    parser.add_argument("--lines", type=Path, help="file of messages to send instead: topic, tab, payload")
    args = parser.parse_args()
    if args.lines:
        rows = (line.split(b"\t", 1) for line in args.lines.read_bytes().splitlines())
        messages = [(topic.decode(), payload) for topic, payload in rows]
    else:
        messages = [(args.topic, payload) for payload in synthetic(args.count, args.size, args.first)]
    print(
        json.dumps(run_load(args.port, messages, client_id=args.client_id, window=args.window, rate=args.rate)),
        flush=True,
    )


if __name__ == "__main__":
    main()
