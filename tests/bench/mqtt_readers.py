"""How fast MQTT comes in: several readers, one after the other, in one run on the same cores.

Through a real Mosquitto with its publishers beside it, and against a broker that costs next to nothing,
which shows the reader's own ceiling and its processor time a message. Compare the ratios, not the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests import publisher  # noqa: E402

TOPIC = "gecc/v1/site-1/kiosk-1/ticket"
FILTER = "gecc/v1/+/+/+"
WINDOW = 1000
"""Receive Maximum of every reader that can say one, and the broker's own limit for those that cannot."""


class Meter:
    """Time and processor time from the first message to the last."""

    def __init__(self, total: int) -> None:
        self._total, self._seen = total, 0
        self._wall = self._cpu = 0.0

    def add(self, count: int) -> bool:
        """Count messages; True when all have come."""
        if not self._seen:
            self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._seen += count
        return self._seen >= self._total

    def report(self) -> None:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        print(json.dumps({"seconds": wall, "cpu_us": 1e6 * cpu / self._total, "count": self._seen}), flush=True)


def ready() -> None:
    print("ready", flush=True)


# Readers. Each runs in a process of its own.


async def read_plain(port: int, total: int, _size: int) -> None:
    """aiomqtt as its documentation shows it: acknowledged on arrival, before anyone has seen the message."""
    import aiomqtt  # noqa: PLC0415

    meter = Meter(total)
    async with aiomqtt.Client("127.0.0.1", port, identifier="reader") as client:
        await client.subscribe(FILTER, qos=1)
        ready()
        async for _ in client.messages:
            if meter.add(1):
                break
        meter.report()


async def read_bare(port: int, total: int, size: int) -> None:
    """The cheapest reader there is: it knows every packet's length and number beforehand and only divides."""
    packet = len(publisher.publish_packet(TOPIC, b"x" * size, mid=1, v5=True))
    acks = b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in [*range(1, 65536), *range(1, 65536)])
    properties = b"\x21" + WINDOW.to_bytes(2, "big")
    buffer = bytearray(1 << 20)
    meter = Meter(total)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(publisher.connect_packet("reader", v5=True, properties=properties))
        assert sock.recv(100)[:1] == b"\x20"
        sock.sendall(publisher.packet(0x82, b"\0\1\0" + publisher.text(FILTER) + b"\1"))
        assert sock.recv(100)[:1] == b"\x90"
        ready()
        whole = rest = 0
        done = False
        while not done:
            rest += sock.recv_into(buffer)
            count, rest = divmod(rest, packet)
            if count:
                first = whole % 65535
                sock.sendall(acks[4 * first : 4 * (first + count)])
                whole += count
                done = meter.add(count)
        meter.report()


async def read_collector(port: int, total: int, _size: int, version: str = "5") -> None:
    """Our collector, acknowledging at once."""
    from collectors.mqtt import MqttCollector  # noqa: PLC0415

    collector = MqttCollector(name="bench", host="127.0.0.1", port=port, version=version, receive_maximum=WINDOW)
    await collector.connect()
    ready()
    meter = Meter(total)
    async for batch in collector.batches():
        done = meter.add(len(batch.records))
        batch.ack()
        if done:
            break
    meter.report()
    await collector.aclose()


async def read_collector_311(port: int, total: int, size: int) -> None:
    """The same with MQTT 3.1.1."""
    await read_collector(port, total, size, "3.1.1")


async def read_alpha(port: int, total: int, _size: int) -> None:
    """aiomqtt 3.0.0a1, whose only way is the manual acknowledgement, message by message."""
    import aiomqtt  # noqa: PLC0415

    meter = Meter(total)
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": port, "identifier": "reader", "receive_max": WINDOW}
    async with aiomqtt.Client(**options) as client:
        await client.subscribe(FILTER, max_qos=aiomqtt.QoS.AT_LEAST_ONCE)
        ready()
        async for message in client.messages():
            await client.puback(message.packet_id)
            if meter.add(1):
                break
        meter.report()


READERS: dict[str, Callable[[int, int, int], Any]] = {
    "plain aiomqtt 2.5.1": read_plain,
    "bare": read_bare,
    "MqttCollector": read_collector,
    "MqttCollector 3.1.1": read_collector_311,
    "aiomqtt 3.0.0a1": read_alpha,
}
ALPHA = "aiomqtt 3.0.0a1"


# The broker that costs next to nothing.


def fake_broker(total: int, size: int) -> None:
    """Serve one reader: `total` messages, at most `WINDOW` unacknowledged, all built beforehand."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        sock = server.accept()[0]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        v5 = sock.recv(1000)[8] == 5
        sock.sendall(publisher.packet(0x20, b"\0\0\0" if v5 else b"\0\0"))
        subscribe = sock.recv(1000)
        sock.sendall(publisher.packet(0x90, subscribe[2:4] + (b"\0\1" if v5 else b"\1")))
        packets = [publisher.publish_packet(TOPIC, b"x" * size, mid=i % 65535 + 1, v5=v5) for i in range(total)]
        one, blob = len(packets[0]), memoryview(b"".join(packets))
        time.sleep(0.2)
        sent = acked = rest = ack = 0
        while acked < total:
            allowed = min(total, acked + WINDOW)
            if allowed > sent:
                sock.sendall(blob[one * sent : one * allowed])
                sent = allowed
            block = sock.recv(1 << 20)
            if not block:
                break
            ack = ack or 2 + block[1]  # some write the reason code that may be left out
            new, rest = divmod(rest + len(block), ack)
            acked += new
        with suppress(ConnectionResetError):
            while sock.recv(1 << 20):  # until the reader has said goodbye
                pass


# Putting them together.


@contextmanager
def child(arguments: Sequence[str], python: str = sys.executable) -> Iterator[subprocess.Popen[str]]:
    """A Python program that says one line when it is ready; ended by its own pid if it does not end itself."""
    process = subprocess.Popen([python, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
        process.wait(30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(30)
        for stream in (process.stdin, process.stdout):
            stream.close()


@contextmanager
def publish_load(
    port: int, count: int, *, size: int = 200, publishers: int = 2, window: int = 500, lines: Sequence[Path] = ()
) -> Iterator[Callable[[], None]]:
    """Publishers in processes of their own, connected and ready; call what it yields to let them begin.

    Each sends its share of `count` synthetic messages, or one file of `lines` (topic, tab, payload).
    """
    program = str(ROOT / "tests" / "publisher.py")
    common = ["--port", str(port), "--window", str(window), "--size", str(size), "--topic", TOPIC]
    shares: list[list[str]] = [["--lines", str(path)] for path in lines] or [
        ["--count", str(count // publishers), "--first", str(i * (count // publishers))] for i in range(publishers)
    ]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(child([program, *common, *share, "--client-id", f"publisher-{i}"]))
            for i, share in enumerate(shares)
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"

        def go() -> None:
            for process in processes:
                process.stdin.write("go\n")
                process.stdin.flush()

        yield go


@contextmanager
def reader(name: str, port: int, count: int, size: int, python: str) -> Iterator[subprocess.Popen[str]]:
    """A reader in its own process, subscribed and waiting."""
    arguments = [__file__, "--as", name, "--port", str(port), "--count", str(count), "--size", str(size)]
    with child(arguments, python) as process:
        assert process.stdout.readline() == "ready\n", name
        yield process


def measure(name: str, count: int, size: int, python: str, *, real: bool) -> dict[str, float]:
    """One run of one reader."""
    from tests.servers import mosquitto  # noqa: PLC0415

    if real:
        with (
            mosquitto(max_inflight_messages=WINDOW) as server,
            reader(name, server.port, count, size, python) as process,
            publish_load(server.port, count, size=size) as go,
        ):
            go()
            return json.loads(process.stdout.readline())
    with child([__file__, "--as", "fake", "--count", str(count), "--size", str(size)]) as broker:
        port = int(broker.stdout.readline())
        with reader(name, port, count, size, python) as process:
            return json.loads(process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--as", dest="role", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="names of readers, separated by commas")
    parser.add_argument("--alpha", default=os.environ.get("AIOMQTT3_PYTHON", ""), help="a Python with aiomqtt 3.0.0a1")
    args = parser.parse_args()
    if args.role == "fake":
        fake_broker(args.count, args.size)
        return
    if args.role:
        asyncio.run(READERS[args.role](args.port, args.count, args.size))
        return

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds, so that no server is left behind
    names = [n for n in READERS if (not args.only or n in args.only.split(",")) and (n != ALPHA or args.alpha)]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("aiomqtt", "paho-mqtt"))
    print(
        f"{versions}, Python {sys.version.split()[0]}, {os.cpu_count()} cores; {args.count} messages of {args.size} bytes"
    )
    for title, real in (("through Mosquitto, publishers on the same cores", True), ("against a fake broker", False)):
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(args.runs):  # in turn, so that a slow minute of the machine hits all alike
            for name in names:
                python = args.alpha if name == ALPHA else sys.executable
                rows[name].append(measure(name, args.count, args.size, python, real=real))
        rates = {name: statistics.median(args.count / row["seconds"] for row in rows[name]) for name in names}
        cpu = {name: statistics.median(row["cpu_us"] for row in rows[name]) for name in names}
        bare, plain = (rates.get(name, float("nan")) for name in ("bare", "plain aiomqtt 2.5.1"))
        print(f"\n{title:48} {'msg/s':>9} {'x plain':>8} {'of bare':>8} {'CPU us/msg':>11}")
        for name in names:
            rate = rates[name]
            print(f"  {name:46} {rate:9,.0f} {rate / plain:8.2f} {rate / bare:8.0%} {cpu[name]:11.2f}")


if __name__ == "__main__":
    main()
