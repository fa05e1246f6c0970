"""The MQTT collector against brokers that misbehave, or do what Mosquitto never would."""

from __future__ import annotations

import asyncio
import struct

import pytest

from collectors.base import Message, NotConnected
from tests.collectors.mqtt_tools import TOPIC, Peer, collector, numbers, payloads, played, publish, receive
from tests.publisher import publish_packet
from tests.servers import few_files, open_files


@pytest.fixture(params=["5", "3.1.1"])
def version(request) -> str:
    return request.param


def puback(mid: int) -> bytes:
    return b"\x40\x02" + struct.pack(">H", mid)


def test_a_topic_of_invalid_utf_8_is_handed_on_and_acknowledged(version):
    async def run():
        async def part(peer: Peer):
            await peer.welcome()
            peer.writer.write(publish_packet(b"gecc/\xff/x", b"poison", mid=7, v5=peer.v5))
            assert await peer.packet() == puback(7)
            peer.writer.write(publish_packet(TOPIC, b"next", mid=8, v5=peer.v5))
            assert await peer.packet() == puback(8)

        async with played(part, v5=version == "5") as port:
            it = collector(port, version=version)
            await it.connect()
            assert await receive(it, 2) == [Message("gecc/\\xff/x", b"poison"), Message(TOPIC, b"next")]
            await it.aclose()

    asyncio.run(run())


def test_what_comes_before_the_subscription_is_confirmed_is_kept(version):
    async def run():
        async def part(peer: Peer):
            early = [publish_packet(TOPIC, p, mid=i + 1, v5=peer.v5) for i, p in enumerate(numbers(500))]
            await peer.welcome(before_suback=b"".join(early))
            for i in range(500):
                assert await peer.packet() == puback(i + 1)

        async with played(part, v5=version == "5") as port:
            it = collector(port, version=version)
            await it.connect()
            assert payloads(await receive(it, 500)) == numbers(500)
            await it.aclose()

    asyncio.run(run())


def test_qos_2_is_taken_over_only_after_the_acknowledgement(version):
    async def run():
        acknowledged = asyncio.Event()

        async def part(peer: Peer):
            await peer.welcome()
            peer.writer.write(publish_packet(TOPIC, b"twice", mid=9, qos=2, v5=peer.v5))
            assert await peer.packet() == b"\x50\x02\x00\x09"
            assert acknowledged.is_set()
            peer.writer.write(b"\x62\x02\x00\x09")
            assert await peer.packet() == b"\x70\x02\x00\x09"

        async with played(part, v5=version == "5") as port:
            it = collector(port, version=version)
            await it.connect()
            batches = it.batches()
            batch = await anext(batches)
            await asyncio.sleep(0.1)
            acknowledged.set()
            batch.ack()
            with pytest.raises(NotConnected):
                await anext(batches)

    asyncio.run(run())


def test_the_crash_point_lies_between_two_halves_of_the_acknowledgements():
    async def run():
        class CrashError(Exception):
            pass

        def crash(name: str) -> None:
            assert name == "between_acks"
            raise CrashError

        seen: list[bytes] = []

        async def part(peer: Peer):
            await peer.welcome(before_suback=b"".join(publish_packet(TOPIC, b"", mid=i, v5=True) for i in (1, 2, 3, 4)))
            while True:
                seen.append(await peer.packet())

        async with played(part) as port:
            it = collector(port, crashpoint=crash)
            await it.connect()
            batch = await anext(it.batches())
            with pytest.raises(CrashError):
                batch.ack()
            await asyncio.sleep(0.1)
            assert seen == [puback(1), puback(2)]
            await it.aclose()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("last_words", "reason"),
    [
        (b"\xe0\x02\x8e\x00", "taken over"),
        (b"\xe0\x02\x8b\x00", "shutting down"),
        (b"\x30\x05\x00\x63abc", "PUBLISH"),
        (b"\x32\xff\xff\xff\xff\x01", "length"),
        (b"\xf0\x00", "(?i)protocol"),
        (b"\x20\x00", "CONNACK"),
        (b"", "closed by the broker"),
    ],
)
def test_a_broker_that_leaves_or_talks_nonsense_is_not_connected(last_words, reason):
    async def run():
        async def part(peer: Peer):
            await peer.welcome()
            peer.writer.write(last_words)
            await asyncio.sleep(0.1)

        async with played(part) as port:
            it = collector(port)
            await it.connect()
            with pytest.raises(NotConnected, match=reason):
                await anext(it.batches())
            await it.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("granted", [b"\x00", b"\x87"])
def test_a_subscription_without_acknowledgements_is_no_connection(granted):
    async def run():
        async with played(lambda peer: peer.welcome(granted=granted)) as port:
            with pytest.raises(NotConnected, match=r"gecc/v1/\+/\+/\+"):
                await collector(port).connect()

    asyncio.run(run())


def test_an_attempt_to_connect_can_be_given_up():
    async def run():
        async def silence(peer: Peer):
            await peer.reader.read()

        async with played(silence) as port:
            before = open_files()
            for patience in (0.0001, 0.001, 0.01, 0.1):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(patience):
                        await collector(port).connect()
            await few_files(before)

    asyncio.run(run())


def test_a_flood_waits_at_the_broker_while_a_batch_is_in_hand():
    async def run():
        flood = publish_packet(TOPIC, b"x" * 1000, qos=0, v5=True) * 1000
        sent = 0

        async def part(peer: Peer):
            nonlocal sent
            await peer.welcome()
            for _ in range(64):
                peer.writer.write(flood)
                await peer.writer.drain()
                sent += 1000
            await peer.packet()

        async with played(part) as port:
            it = collector(port)
            await it.connect()
            batches = it.batches()
            got = len((await anext(batches)).records)
            await asyncio.sleep(0.5)
            assert sent < 64_000
            assert len(it._connection._inbox.messages) < 1000
            while got < 64_000:
                got += len((await anext(batches)).records)
            assert got == 64_000
            await it.aclose()

    asyncio.run(run())


def test_acknowledgements_and_goodbye_arrive_although_unread_messages_wait(version):
    async def run():
        heard = asyncio.get_running_loop().create_future()

        async def part(peer: Peer):
            await peer.welcome()
            peer.writer.write(publish_packet(TOPIC, b"first", mid=1, v5=peer.v5))
            await asyncio.sleep(0.1)
            peer.writer.write(b"".join(publish_packet(TOPIC, b"x" * 1000, mid=i, v5=peer.v5) for i in range(2, 1000)))
            await asyncio.sleep(0.1)
            heard.set_result([await peer.packet(), await peer.packet()])

        async with played(part, v5=version == "5") as port:
            it = collector(port, version=version)
            await it.connect()
            batch = await anext(it.batches())
            await asyncio.sleep(0.2)
            batch.ack()
            await it.aclose()
            assert await heard == [puback(1), b"\xe0\x00"]

    asyncio.run(run())


@pytest.mark.filterwarnings("ignore")
def test_the_broker_of_the_demonstration_delivers_everything():
    from amqtt.broker import Broker  # noqa: PLC0415  # slow to import, and needed here alone

    async def run():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
        anyone = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        broker = Broker({"listeners": {"default": listener}, "plugins": anyone})
        await broker.start()
        try:
            it = collector(port, version="3.1.1")
            await it.connect()
            sent = await publish(port, numbers(50))
            assert payloads(await receive(it, 50)) == sent
            await it.aclose()
        finally:
            await broker.shutdown()

    asyncio.run(run())
