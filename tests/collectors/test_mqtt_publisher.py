"""What publishes at a broker lets go of it, however its start ends."""

from __future__ import annotations

import asyncio

from collectors.mqtt_publisher import MqttPublisher
from tests.collectors.mqtt_tools import Peer, played
from tests.collectors.tcp_tools import in_loop
from tests.publisher import packet
from tests.servers import few_files, open_files


def publishing(port: int) -> asyncio.Task[None]:
    publisher = MqttPublisher(host="127.0.0.1", port=port, client_id="p", status_topic="status")
    return asyncio.create_task(publisher.run(lambda: {"topic": b"said"}))


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@in_loop
async def test_its_start_can_be_given_up_at_any_time():
    async def silence(peer: Peer) -> None:
        await peer.reader.read()

    async with played(silence) as port:
        before = open_files()
        for patience_s in (0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.1):
            task = publishing(port)
            await asyncio.sleep(patience_s)
            await ended(task)
        await few_files(before, within=5)  # before the keepalive would let go of it


@in_loop
async def test_a_broker_that_refuses_keeps_no_connection():
    heard = asyncio.Event()

    async def refuse(peer: Peer) -> None:
        assert (await peer.packet())[0] == 0x10
        peer.writer.write(packet(0x20, b"\0\x87\0"))
        await peer.reader.read()
        heard.set()

    async with played(refuse) as port:
        task = publishing(port)
        async with asyncio.timeout(30):
            await heard.wait()
        await ended(task)


@in_loop
async def test_it_is_cancelled_while_it_publishes():
    said = asyncio.Event()

    async def part(peer: Peer) -> None:
        assert (await peer.packet())[0] == 0x10
        peer.writer.write(packet(0x20, b"\0\0\0"))
        while (got := await peer.packet())[0] & 0xF0 == 0x30:
            said.set()
            length = got[2] << 8 | got[3]
            peer.writer.write(packet(0x40, got[4 + length : 6 + length]))

    async with played(part) as port:
        before = open_files()
        for _ in range(3):
            said.clear()
            task = publishing(port)
            async with asyncio.timeout(30):
                await said.wait()
            await ended(task)
        await few_files(before, within=5)  # before the keepalive would let go of it
