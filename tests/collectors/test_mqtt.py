"""The MQTT collector against a real Mosquitto, in both versions of the protocol."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress

import aiomqtt
import pytest

from collectors.base import Batch, Message, NotConnected
from tests.collectors.mqtt_tools import TOPIC, collector, drop, numbers, payloads, publish, receive
from tests.servers import mosquitto


@pytest.fixture(params=["5", "3.1.1"])
def version(request) -> str:
    return request.param


def test_a_message_is_acknowledged_only_when_its_batch_is(version):
    async def run():
        with mosquitto() as broker:
            it = collector(broker.port, version=version)
            await it.connect()
            assert not it.session_present
            sent = await publish(broker.port, numbers(300))
            assert payloads(await receive(it, 300, ack=False)) == sent
            drop(it)
            await it.connect()
            assert it.session_present
            assert payloads(await receive(it, 300)) == sent, "redelivered, in order"
            await it.aclose()
            await it.connect()
            assert await receive(it, 1, within=0.3) == [], "acknowledged for good"
            await it.aclose()

    asyncio.run(run())


class AutomaticAck:
    """The known-bad control: aiomqtt as documented, which acknowledges what nobody has stored yet."""

    def __init__(self, port: int, version: str) -> None:
        self._port, self._client = port, None
        self._version = {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": False}
        if version == "5":
            properties = aiomqtt.client.Properties(1)
            properties.SessionExpiryInterval = 3600
            self._version = {"protocol": aiomqtt.ProtocolVersion.V5, "clean_start": False, "properties": properties}

    async def connect(self) -> None:
        self._client = aiomqtt.Client("127.0.0.1", self._port, identifier="gecc", **self._version)
        await self._client.__aenter__()
        await self._client.subscribe("gecc/v1/+/+/+", qos=1)

    async def batches(self) -> AsyncIterator[Batch]:
        async for message in self._client.messages:
            yield Batch([Message(str(message.topic), message.payload)], lambda: None)

    def drop(self) -> None:
        self._client._client._sock_close()

    async def aclose(self) -> None:
        self.drop()


async def survive(it, crash, port: int, count: int) -> tuple[set[bytes], set[bytes], int]:
    """Crash at the worst moments, between reading, storing and acknowledging, while `count` are published."""
    dice, stored, crashes = random.Random(7), set(), 0
    await it.connect()
    publishing = asyncio.create_task(publish(port, numbers(count)))
    while not publishing.done() or crashes < 20:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                async for batch in it.batches():
                    await asyncio.sleep(0.002)  # a commit
                    if dice.random() < 0.1:
                        break
                    stored.update(payloads(batch.records))
                    if dice.random() < 0.1:
                        break
                    batch.ack()
        crash()
        crashes += 1
        await it.connect()
    with suppress(TimeoutError):
        async with asyncio.timeout(1) as quiet:
            async for batch in it.batches():
                stored.update(payloads(batch.records))
                batch.ack()
                quiet.reschedule(asyncio.get_running_loop().time() + 1)
    await it.aclose()
    return set(publishing.result()), stored, crashes


def test_nothing_acknowledged_to_a_device_is_lost_over_crashes(version):
    with mosquitto() as broker:
        it = collector(broker.port, version=version, max_batch=50)
        acked, stored, crashes = asyncio.run(survive(it, lambda: drop(it), broker.port, 3000))
    assert crashes >= 20
    assert len(acked) == 3000
    assert acked <= stored


@pytest.mark.filterwarnings("ignore")
def test_the_same_crashes_cost_messages_with_automatic_acknowledgement(version):
    with mosquitto() as broker:
        it = AutomaticAck(broker.port, version)
        acked, stored, _ = asyncio.run(survive(it, it.drop, broker.port, 3000))
    assert acked - stored, "the harness must be able to see a loss"


def test_an_acknowledgement_of_an_old_session_takes_nothing_from_a_new_one(version):
    async def run():
        with mosquitto() as broker:
            it = collector(broker.port, version=version)
            await it.connect()
            await publish(broker.port, numbers(50, "old"))
            old = await anext(it.batches())
            assert old.records
            broker.kill()
            broker.start()  # empty: packet ids begin again at 1
            await it.connect()
            assert not it.session_present
            new = await publish(broker.port, numbers(50, "new"))
            assert payloads(await receive(it, 50, ack=False)) == new
            old.ack()
            drop(it)
            await it.connect()
            assert payloads(await receive(it, 50)) == new
            await it.aclose()

    asyncio.run(run())


def test_a_broker_restarted_with_its_session_store_loses_nothing(version):
    async def run():
        with mosquitto(persistence=True) as broker:
            it = collector(broker.port, version=version)
            await it.connect()
            await it.aclose()
            sent = await publish(broker.port, numbers(300))
            broker.stop()
            with pytest.raises(NotConnected):
                await it.connect()
            broker.start()
            await it.connect()
            assert it.session_present
            assert payloads(await receive(it, 300)) == sent
            await it.aclose()

    asyncio.run(run())


def test_the_retain_flag_is_visible(version):
    async def run():
        with mosquitto() as broker:
            await publish(broker.port, [b"online"], retain=True)
            it = collector(broker.port, version=version)
            await it.connect()
            assert await receive(it, 1) == [Message(TOPIC, b"online", True)]
            await publish(broker.port, [b"event"], retain=True)
            live = await receive(it, 1)
            assert live == [Message(TOPIC, b"event", version == "5")], "3.1.1 hides it from those already subscribed"
            await it.aclose()
            await it.connect()
            again = await receive(it, 1, within=0.3 if version == "5" else 30)
            assert len(again) == (0 if version == "5" else 1), "MQTT 5: not once more at each reconnect"
            await it.aclose()

    asyncio.run(run())


def test_large_payloads_arrive_and_none_can_block_the_session(version):
    async def run():
        with mosquitto() as broker:
            it = collector(broker.port, version=version)
            await it.connect()
            await publish(broker.port, [b"x" * 1_000_000, b"y" * 3_000_000, b"after"])
            kept = [(p[:1], len(p)) for p in payloads(await receive(it, 2 if version == "5" else 3))]
            assert kept[0] == (b"x", 1_000_000)
            assert kept[-1] == (b"a", 5)
            if version == "3.1.1":  # has no way to refuse: cut off, still too large for any format, and acknowledged
                assert kept[1][0] == b"y"
                assert 1_500_000 < kept[1][1] < 3_000_000
            await it.aclose()
            await it.connect()
            assert await receive(it, 1, within=0.3) == []
            await it.aclose()

    asyncio.run(run())


def test_messages_of_qos_0_are_delivered_too(version):
    async def run():
        with mosquitto() as broker:
            it = collector(broker.port, version=version)
            await it.connect()
            await publish(broker.port, [b"zero"], qos=0)
            await publish(broker.port, [b"one"])
            assert payloads(await receive(it, 2)) == [b"zero", b"one"]
            await it.aclose()

    asyncio.run(run())
