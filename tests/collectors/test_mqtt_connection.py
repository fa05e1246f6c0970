"""How connections of the MQTT collector begin, last and end, with a real Mosquitto."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import time

import pytest

from collectors.base import NotConnected
from tests.collectors.mqtt_tools import collector, drop, numbers, payloads, publish, receive
from tests.servers import mosquitto, open_files


@pytest.fixture(params=["5", "3.1.1"])
def version(request) -> str:
    return request.param


def test_a_killed_broker_is_noticed_at_once_and_what_was_read_is_still_handed_out(version):
    async def run():
        with mosquitto() as broker:
            it = collector(broker.port, version=version, max_batch=10)
            await it.connect()
            sent = await publish(broker.port, numbers(30))
            batches = it.batches()
            read = list((await anext(batches)).records)
            broker.kill()
            begin = time.monotonic()
            with pytest.raises(NotConnected):
                while True:
                    read += (await anext(batches)).records
            assert payloads(read) == sent
            assert time.monotonic() - begin < 10, "before the keepalive of 15 s says so"

    asyncio.run(run())


def test_a_broker_that_falls_silent_is_given_up_within_two_keepalives(version):
    async def run():
        with mosquitto() as broker:
            it = collector(broker.port, version=version, keepalive=1)
            await it.connect()
            os.kill(broker.process.pid, signal.SIGSTOP)
            begin = time.monotonic()
            try:
                with pytest.raises(NotConnected, match="no sign of life"):
                    await anext(it.batches())
                assert time.monotonic() - begin < 3, "with a second for a loaded machine"
            finally:
                os.kill(broker.process.pid, signal.SIGCONT)
            await it.aclose()

    asyncio.run(run())


def test_a_quiet_connection_and_a_slow_commit_outlive_many_keepalives(version):
    async def run():
        with mosquitto() as broker:
            it = collector(broker.port, version=version, keepalive=2)
            await it.connect()
            await asyncio.sleep(4)
            await publish(broker.port, numbers(1))
            batches = it.batches()
            batch = await anext(batches)
            await publish(broker.port, numbers(2))
            await asyncio.sleep(4)
            batch.ack()
            assert len((await anext(batches)).records) == 2
            await it.aclose()

    asyncio.run(run())


def test_a_second_collector_of_the_same_name_takes_the_session_over(version):
    async def run():
        with mosquitto() as broker:
            first, second = (collector(broker.port, version=version) for _ in range(2))
            await first.connect()
            await second.connect()
            with pytest.raises(NotConnected):
                async with asyncio.timeout(30):
                    await anext(first.batches())
            sent = await publish(broker.port, numbers(3))
            assert payloads(await receive(second, 3)) == sent
            await first.aclose()
            await second.aclose()

    asyncio.run(run())


def test_no_file_descriptor_is_left_behind(version, tmp_path):
    def descriptors() -> int:
        return open_files()

    async def run():
        with mosquitto() as broker:
            it = collector(broker.port, version=version)
            await it.connect()
            await it.aclose()
            before = descriptors()
            for i in range(30):
                await it.connect()
                if i % 3 == 0:
                    await it.aclose()
                elif i % 3 == 1:
                    drop(it)
            await it.aclose()
            await it.aclose()
            assert descriptors() == before
            tls = collector(broker.port, version=version, tls_context=ssl.create_default_context())
            broker.kill()
            for each in (it, tls) * 5:
                with pytest.raises(NotConnected):
                    await each.connect()
            broker.start()
            with pytest.raises(NotConnected):
                await tls.connect()  # no TLS there
            assert descriptors() == before

    asyncio.run(run())


def test_tls_delivers_everything(version, tmp_path):
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-days",
            "2",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    files = {name: (tmp_path / name).read_bytes() for name in ("key.pem", "cert.pem")}
    lines = [f"{option} {{folder}}/{name}" for option, name in (("keyfile", "key.pem"), ("certfile", "cert.pem"))]

    async def run():
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        with mosquitto(lines=lines, files=files) as broker:
            with pytest.raises(NotConnected, match="certificate"):
                await collector(broker.port, version=version, tls_context=ssl.create_default_context()).connect()
            it = collector(broker.port, version=version, tls_context=context, host="localhost")
            await it.connect()
            sent = await publish(broker.port, [b"x" * 1_000_000, *numbers(3000)], context=context)
            assert payloads(await receive(it, len(sent))) == sent
            await it.aclose()
            await it.connect()
            assert it.session_present
            assert await receive(it, 1, within=0.3) == []
            await it.aclose()

    asyncio.run(run())


def test_a_wrong_password_is_said_to_be_one(version):
    async def run():
        with (
            mosquitto(lines=["allow_anonymous false"]) as broker,
            pytest.raises(NotConnected, match=r"(?i)not authori[sz]ed"),
        ):
            await collector(broker.port, version=version, username="u", password="wrong").connect()

    asyncio.run(run())
