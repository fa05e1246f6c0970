"""Messages a second of the device format, beside plain JSON decoding of the same payloads.

Run: python tests/bench/kiosk_json.py [--count N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from collectors.base import Message
from collectors.formats.kiosk_json import DeviceRow, KioskJson, SiteRow
from telemetry.events import Decoded

BATCH = 1000
RECEIVED_US = 1_795_230_000_000_000  # 2026-11-21 10:00 +07:00
SITES = {
    "nonthaburi": SiteRow({f"k{n}": DeviceRow() for n in range(8)}, frozenset({"idcard", "civil-registration"})),
}


def plain(n: int) -> Message:
    """A ticket as small hardware sends it, 200 bytes with its topic's."""
    said = {
        "event": ("issued", "called", "started", "finished")[n % 4],
        "ticket": f"A{n % 1000:03d}",
        "service": "civil-registration",
        "counter": f"window-{n % 9:02d}",
        "boot": "6f1d2c7a90b34e21",
        "seq": n // 8,
        "time": f"2026-11-21T09:{n // 60 % 60:02d}:{n % 60:02d}.{n * 7 % 1000:03d}+07:00",
    }
    return Message(f"gecc/v1/nonthaburi/k{n % 8}/ticket", json.dumps(said).encode())


def cloud(n: int) -> Message:
    """The same ticket as a structured CloudEvent."""
    said = {
        "specversion": "1.0",
        "id": f"6f1d2c7a90:{n}",
        "source": f"/nonthaburi/k{n % 8}",
        "type": f"th.gecc.ticket.{('issued', 'called', 'started', 'finished')[n % 4]}",
        "time": f"2026-11-21T02:{n // 60 % 60:02d}:{n % 60:02d}.{n * 7 % 1000:03d}Z",
        "subject": f"A{n % 1000:03d}",
        "data": {"service": "civil-registration", "counter": str(n % 9)},
    }
    return Message(f"gecc/v1/nonthaburi/k{n % 8}/event", json.dumps(said).encode())


def extra(n: int) -> Message:
    """A plain ticket with a field of its own: the careful way."""
    topic, payload, *_ = plain(n)
    return Message(topic, payload[:-1] + b', "panel": "left"}')


def rate(fresh: Callable[[], Callable[[Any], object]], inputs: Sequence[Any], count: int) -> float:
    """Messages (`count` in all `inputs`) a second, median of five runs of fresh workers; results are let go of as the service does."""
    took_s = []
    for _ in range(5):
        work = fresh()
        start = time.perf_counter()
        for one in inputs:
            work(one)
        took_s.append(time.perf_counter() - start)
    return count / statistics.median(took_s)


def feeder() -> Callable[[Any], Decoded]:
    decoder = KioskJson(sites=SITES)
    return lambda batch: decoder.feed(batch, RECEIVED_US)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000, help="messages")
    count: int = parser.parse_args().count
    for name, make in (("plain", plain), ("CloudEvents", cloud), ("plain with extra", extra)):
        messages = [make(n) for n in range(count)]
        batches = [messages[n : n + BATCH] for n in range(0, count, BATCH)]
        payloads = [message.payload for message in messages]
        got = [len(one.events) for one in map(feeder(), batches)]
        assert sum(got) == count
        print(f"{name}, {sum(map(len, payloads)) / count:.0f} bytes a payload; messages/s:")
        print(f"  KioskJson.feed       {rate(feeder, batches, count):>12,.0f}")
        print(f"  msgspec.json.decode  {rate(lambda: msgspec.json.decode, payloads, count):>12,.0f}")
        print(f"  json.loads           {rate(lambda: json.loads, payloads, count):>12,.0f}")


if __name__ == "__main__":
    main()
