"""The stream: the newest board at once and at each change, never a queue of old ones, and signs of life between."""

import asyncio
import json
import socket
import time

import pytest

from telemetry.web import serving

SITE = "amphoe-mueang"


async def events(answer):
    """(event, id, data) of each block; comments as ("comment", "", text)."""
    block = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line.startswith(":"):
            yield "comment", "", line[1:].strip()
        elif line:
            name, _, value = line.partition(": ")
            block[name] = value
        elif block:
            if "data" in block:
                yield block.get("event", "message"), block.get("id", ""), json.loads(block["data"])
            else:
                yield "retry", "", block["retry"]
            block = {}


async def next_board(stream):
    async for kind, version, data in stream:
        if kind == "message":
            assert version == str(data["version"])
            return data
    raise AssertionError("the stream ended")


def heavy(board):
    board["filler"] = "x" * 200_000


async def deaf_reader(app):
    """A connection that asked for the stream and takes in as little as the kernel lets it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, app.address)
    await loop.sock_sendall(sock, b"GET /v1/stream HTTP/1.0\r\n\r\n")
    return sock


async def drain(sock):
    """All that still comes until the end; a reset is an end too."""
    got = bytearray()
    try:
        async with asyncio.timeout(30):
            while chunk := await asyncio.get_running_loop().sock_recv(sock, 1 << 20):
                got += chunk
    except (ConnectionResetError, TimeoutError):
        pass
    sock.close()
    return bytes(got)


def test_the_board_comes_at_once_and_at_each_change(web_kit):
    async def case():
        service = web_kit.FakeService()
        async with web_kit.running(service) as app, app.http.get("/v1/stream", params={"site": SITE}) as answer:
            assert answer.headers["X-Accel-Buffering"] == "no"
            stream = events(answer)
            assert await anext(stream) == ("retry", "", "2000")
            assert await next_board(stream) == web_kit.board()
            await service.push(lambda board: board["now"].update(tickets_waiting=24))
            assert (await next_board(stream))["now"]["tickets_waiting"] == 24

    asyncio.run(case())


@pytest.mark.parametrize("last", ["1", "999999", "not a number", ""])
def test_a_returning_reader_gets_the_newest_board_whatever_it_saw_last(web_kit, last):
    async def case():
        headers = {"Last-Event-ID": last}
        async with web_kit.running(web_kit.FakeService()) as app, app.http.get("/v1/stream", headers=headers) as answer:
            assert (await next_board(events(answer)))["version"] == 1

    asyncio.run(case())


def test_a_quiet_stream_beats_with_a_comment_and_the_time(web_kit):
    async def case():
        service = web_kit.FakeService()
        async with web_kit.running(service, heartbeat_s=0.05) as app, app.http.get("/v1/stream") as answer:
            seen = []
            async for kind, _, data in events(answer):
                seen.append((kind, data))
                if [k for k, _ in seen].count("comment") == 4:
                    break
            beats = [data for kind, data in seen if kind == "beat"]
            assert [kind for kind, _ in seen].count("message") == 1
            assert beats[0]["now_ms"] == service.now_ms()

    asyncio.run(case())


def test_a_burst_of_changes_ends_with_the_newest(web_kit):
    async def case():
        service = web_kit.FakeService()
        async with web_kit.running(service) as app, app.http.get("/v1/stream") as answer:
            stream = events(answer)
            await next_board(stream)
            for _ in range(200):
                await service.push()
            versions = []
            while not versions or versions[-1] < 201:
                versions.append((await next_board(stream))["version"])
            assert versions == sorted(set(versions))

    asyncio.run(case())


def test_a_slow_reader_skips_to_the_newest(web_kit):
    async def case():
        service = web_kit.FakeService()
        async with web_kit.running(service, blocked_s=30) as app:
            await service.push(heavy)
            sock = await deaf_reader(app)
            for _ in range(40):
                await asyncio.sleep(0.01)
                await service.push()
            got = b""
            async with asyncio.timeout(30):
                while b"id: 42\n" not in got or not got.endswith(b"\n\n"):
                    got += await asyncio.get_running_loop().sock_recv(sock, 1 << 20)
            sock.close()
            # The first one was on its way, a few were in the kernel; the rest was never sent.
            assert got.count(b"\nid: ") < 10

    asyncio.run(case())


def test_a_reader_that_takes_nothing_is_dropped(web_kit):
    async def case():
        service = web_kit.FakeService()
        async with web_kit.running(service, blocked_s=0.2) as app:
            await service.push(heavy)
            sock = await deaf_reader(app)
            for _ in range(30):
                await asyncio.sleep(0.03)
                await service.push()
            began = time.monotonic()
            got = await drain(sock)
            assert time.monotonic() - began < 20, "still open"
            assert got.count(b"\nid: ") < 30

    asyncio.run(case())


def test_open_screens_do_not_hold_up_a_shutdown(web_kit, monkeypatch):
    monkeypatch.setattr(serving, "SHUTDOWN_S", 60.0)

    async def case():
        async with web_kit.running(web_kit.FakeService()) as app:
            answers = [await app.http.get("/v1/stream") for _ in range(20)]
            began = time.monotonic()
        assert time.monotonic() - began < 20
        for answer in answers:
            answer.close()

    asyncio.run(case())


def test_a_fault_in_the_service_ends_the_stream_and_not_the_server(web_kit, caplog):
    async def case():
        service = web_kit.FakeService()
        async with web_kit.running(service) as app:
            async with app.http.get("/v1/stream") as answer:
                await next_board(events(answer))
                service.broken = True
                await service.push()
                assert b"secret" not in await answer.content.read()
            service.broken = False
            async with app.http.get("/v1/stream") as answer:
                assert (await next_board(events(answer)))["version"] == 2

    asyncio.run(case())
    assert "stream of site" in caplog.text
