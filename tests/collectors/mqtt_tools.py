"""What the tests of the MQTT collector share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from collectors.base import Message
from collectors.mqtt import MqttCollector
from tests.publisher import Publisher, packet

TOPIC = "gecc/v1/site-1/kiosk-1/ticket"


def collector(port: int, **options) -> MqttCollector:
    return MqttCollector(**{"name": "m", "host": "127.0.0.1", "port": port, **options})


def drop(it: MqttCollector) -> None:
    """The connection ends as if the process had been killed: no goodbye, nothing more is sent."""
    it._connection.fail("dropped by the test")


async def publish(port: int, payloads: Iterable[bytes], *, topic: str = TOPIC, context=None, **options) -> list[bytes]:
    """The payloads that the broker has acknowledged."""

    def run() -> list[bytes]:
        with Publisher(port, context=context) as publisher:
            publisher.publish(topic, payloads, **options)
            return publisher.acked

    return await asyncio.to_thread(run)


async def receive(it: MqttCollector, count: int, *, ack: bool = True, within: float = 30) -> list[Message]:
    """The next messages, at least `count`; fewer when no more come in time."""
    messages: list[Message] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            async for batch in it.batches():
                messages += batch.records
                if ack:
                    batch.ack()
                if len(messages) >= count:
                    break
    return messages


def numbers(count: int, prefix: str = "") -> list[bytes]:
    return [f"{prefix}{i}".encode() for i in range(count)]


def payloads(messages: Iterable[Message]) -> list[bytes]:
    return [m.payload for m in messages]


class Peer:
    """The broker's end of one connection, played by a test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, v5: bool) -> None:
        self.reader, self.writer, self.v5 = reader, writer, v5

    async def packet(self) -> bytes:
        """The next packet of the collector, whole; all of its packets are shorter than 128 bytes."""
        head = await self.reader.readexactly(2)
        return head + await self.reader.readexactly(head[1])

    async def welcome(self, *, before_suback: bytes = b"", granted: bytes = b"\x01") -> None:
        """Accept the connection and its subscription."""
        assert (await self.packet())[0] == 0x10
        self.writer.write(packet(0x20, b"\0\0\0" if self.v5 else b"\0\0"))
        subscribe = await self.packet()
        self.writer.write(before_suback)
        self.writer.write(packet(0x90, subscribe[2:4] + (b"\0" if self.v5 else b"") + granted))


@asynccontextmanager
async def played(part: Callable[[Peer], Awaitable[None]], *, v5: bool = True) -> AsyncIterator[int]:
    """A broker whose part in each connection is `part`; gives its port. A failed assertion of it is raised here."""
    failures: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await part(Peer(reader, writer, v5=v5))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except AssertionError as exc:
            failures.append(exc)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.05)
        if failures:
            raise failures[0]
