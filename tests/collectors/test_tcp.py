"""Call records by TCP, both ways: whole lines, each once, and every silence told."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import time

import pytest

from collectors.base import NotConnected
from collectors.lines import MAX_RECORD
from collectors.replay import StreamCutter
from collectors.spooled import Keepalive
from collectors.tcp import PanasonicLogin, TcpCollector
from tests.collectors.contract import Journal, on_disk, until
from tests.collectors.tcp_tools import Panasonic, Pbx, Proxy, cancelled_at, in_loop, reset, served
from tests.servers import few_files, free_port, open_files

FAST = {"connect_s": 1.0, "refusal_s": 0.1, "steady_s": 0.1, "beat_s": 0.1, "spool_options": {"idle_s": 0.05}}


def client(tmp_path, port, **options):
    return lambda: TcpCollector(
        name="s/pbx", site="s", spool=tmp_path / "spool", connect=f"127.0.0.1:{port}", **(FAST | options)
    )


def server(tmp_path, port=0, **options):
    return lambda: TcpCollector(
        name="s/pbx", site="s", spool=tmp_path / "spool", listen=f"127.0.0.1:{port}", **(FAST | options)
    )


def spooled(tmp_path):
    return on_disk(tmp_path / "spool")


async def kept(tmp_path, data):
    """Until it is on the disk, of what is not committed yet."""
    async with asyncio.timeout(30):
        while data not in spooled(tmp_path):
            await asyncio.sleep(0.002)


async def came(journal):
    """Until there is a record."""
    async with asyncio.timeout(30):
        while not journal.records:
            await asyncio.sleep(0.002)


async def listening(journal):
    async with asyncio.timeout(30):
        while journal.collector is None or not journal.collector.port:
            await asyncio.sleep(0.002)
    return journal.collector.port


# Lines.


def cut(blocks, *, lone_cr=True):
    cutter = StreamCutter(lone_cr=lone_cr)
    return [line for block in blocks for line in cutter.feed(block)] + cutter.rest()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_are_the_same_wherever_the_blocks_are_cut_and_whatever_ends_them(end):
    lines = [b"one", b"", b"two \x00 \xa1\xd2", "สามสาย".encode(), b"four"]
    stream = end.join(lines) + end
    assert cut([stream]) == lines
    assert cut([stream[i : i + 1] for i in range(len(stream))]) == lines
    for at in range(len(stream)):
        assert cut([stream[:at], stream[at:]]) == lines


def test_a_stream_without_line_ends_is_held_in_bounded_memory_and_its_line_is_handed_out_once():
    cutter = StreamCutter(lone_cr=True)
    lines = []
    for _ in range(1000):
        lines += cutter.feed(b"x" * 10_000)
        assert cutter.held <= MAX_RECORD
    lines += cutter.feed(b"end\nnext\n")
    assert [len(line) for line in lines] == [MAX_RECORD, 4]
    assert lines[1] == b"next"


def test_a_carriage_return_inside_a_line_stays_where_lines_end_with_line_feeds():
    assert cut([b"a\rb\r", b"\nc\n"], lone_cr=False) == [b"a\rb", b"c"]


# As client.


@in_loop
async def test_records_come_as_they_are_written_each_with_the_time_it_came(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port))
        run = asyncio.create_task(journal.run(journal.has(3)))
        before_us = time.time_ns() // 1000
        await pbx.say(b"one\r\ntw")
        await kept(tmp_path, b"tw")
        middle_us = time.time_ns() // 1000
        await pbx.say(b"o\r\nthree\r\n")
        await run
    assert journal.records == [b"one", b"two", b"three"]
    assert journal.restarts == [0]
    assert before_us <= journal.received_us[0] <= middle_us <= journal.received_us[1] <= time.time_ns() // 1000
    assert journal.gaps == []


@in_loop
async def test_a_lost_connection_ends_its_half_line_and_the_silence_is_told_once(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port))
        run = asyncio.create_task(journal.run(journal.has(4)))
        await pbx.say(b"one\nhalf a li")
        await kept(tmp_path, b"half a li")
        lost_us = time.time_ns() // 1000
        await pbx.hang_up()
        await pbx.say(b"ne of another\ntwo\n")
        await run
    assert journal.records == [b"one", b"half a li", b"ne of another", b"two"]
    assert journal.restarts == [0, 2]
    assert "closed by the other end" in journal.problems[0]
    (gap,) = journal.gaps
    assert (gap.site, gap.source, gap.kind) == ("s", "s/pbx", "silence")
    assert lost_us <= gap.from_us <= gap.to_us <= time.time_ns() // 1000
    assert "closed by the other end" in gap.detail


@in_loop
async def test_a_reset_is_a_loss_too(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port))
        run = asyncio.create_task(journal.run(journal.has(2)))
        await pbx.say(b"one\n")
        await came(journal)
        await pbx.hang_up(reset)
        await pbx.say(b"two\n")
        await run
    assert journal.records == [b"one", b"two"]
    assert [gap.kind for gap in journal.gaps] == ["silence"]
    assert "reset" in journal.problems[0].lower()


@in_loop
async def test_a_restart_of_the_service_tells_the_silence_from_when_it_last_heard_the_pbx(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port))
        run = asyncio.create_task(journal.run(until(0.6)))
        await pbx.say(b"one\n")
        await run
        heard_us = journal.received_us[0]
        down_us = time.time_ns() // 1000
        await asyncio.sleep(0.2)
        run = asyncio.create_task(journal.run(journal.has(2)))
        await pbx.say(b"two\n")
        await run
    (gap,) = journal.gaps
    assert gap.kind == "silence"
    assert heard_us <= gap.from_us <= down_us + 50_000
    assert gap.to_us - gap.from_us >= 200_000


@in_loop
async def test_a_connection_that_fails_again_and_again_is_one_silence(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port, steady_s=5))
        run = asyncio.create_task(journal.run(journal.has(2)))
        await pbx.say(b"one\n")
        await came(journal)
        for _ in range(4):
            await pbx.hang_up()
        await pbx.say(b"two\n")
        await run
    (gap,) = journal.gaps
    assert gap.from_us >= journal.received_us[0]
    assert gap.to_us <= journal.received_us[1]


@in_loop
async def test_a_quiet_connection_tells_its_silence_without_a_record(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port))
        await journal.run(lambda: len(journal.batches) >= 1)
        await journal.run(lambda: journal.gaps)
    assert journal.records == []
    assert [gap.kind for gap in journal.gaps] == ["silence"]


@in_loop
async def test_a_pbx_that_is_not_there_is_not_connected(tmp_path):
    journal = Journal(client(tmp_path, free_port()))
    await journal.run(lambda: len(journal.problems) >= 2)
    assert "refused" in journal.problems[0].lower() or "Connect call failed" in journal.problems[0]


@pytest.mark.parametrize("address", ["no.such.host.invalid:1", f"{'x' * 70}.example:1", "a..b:1"])
@in_loop
async def test_a_name_that_is_no_host_is_not_connected(tmp_path, address):
    it = client(tmp_path, 1)()
    it._connect = address
    with pytest.raises(NotConnected):
        await it.connect("")


@in_loop
async def test_what_came_before_a_crash_is_handed_out_though_the_pbx_is_gone(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port))
        run = asyncio.create_task(journal.run(until(5), crash_at=1))
        await pbx.say(b"one\ntwo\n")
        await run
    assert journal.records == []
    await journal.run(journal.has(2))
    assert journal.records == [b"one", b"two"]


@in_loop
async def test_a_half_open_connection_is_given_up_after_its_silence(tmp_path):
    async with Pbx() as pbx, Proxy(pbx.port) as proxy:
        journal = Journal(client(tmp_path, proxy.port, silent_s=0.15, steady_s=5))
        run = asyncio.create_task(journal.run(journal.has(2)))
        await pbx.say(b"one\n")
        await came(journal)
        proxy.silent = True
        async with asyncio.timeout(30):
            while not journal.problems:
                await asyncio.sleep(0.005)
        proxy.silent = False
        async with asyncio.timeout(30):
            while pbx.connections < 2:
                await asyncio.sleep(0.005)
        await pbx.say(b"two\n")
        await run
    assert "no sign of life for 0.15 s" in journal.problems[0]
    assert journal.gaps[0].from_us == journal.received_us[0]
    assert journal.gaps[0].to_us - journal.gaps[0].from_us >= 150_000


@in_loop
async def test_the_kernel_watches_for_a_peer_that_is_gone(tmp_path):
    async with Pbx() as pbx:
        it = client(tmp_path, pbx.port, keepalive=Keepalive(7, 3, 2))()
        await it.connect("")
        (writer,) = it._writers
        sock = writer.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [7, 3, 2, 13_000]
        await it.aclose()


@in_loop
async def test_the_socket_is_read_while_nobody_takes_batches(tmp_path):
    async with Pbx() as pbx:
        it = client(tmp_path, pbx.port)()
        await it.connect("")
        lines = [b"%07d" % n + b"." * 200 for n in range(20_000)]
        await asyncio.wait_for(pbx.say(b"\n".join(lines) + b"\n"), 30)
        async with asyncio.timeout(30):
            while lines[-1] not in spooled(tmp_path):
                await asyncio.sleep(0.02)
        got = []
        async for batch in it.batches():
            got += batch.records
            batch.ack()
            if len(got) >= len(lines):
                break
        assert got == lines
        await it.aclose()


@in_loop
async def test_random_cuts_lose_only_what_was_on_its_way_and_repeat_nothing(tmp_path):
    rng = random.Random(7)
    async with Pbx() as pbx, Proxy(pbx.port) as proxy:
        journal = Journal(client(tmp_path, proxy.port))
        stop = False
        run = asyncio.create_task(journal.run(lambda: stop, within=60))
        for n in range(600):
            await pbx.say(b"<%06d>\r\n" % n)
            await asyncio.sleep(0.001)
            if rng.random() < 0.02:
                proxy.cut_after = rng.randrange(1, 200)
        await asyncio.sleep(0.5)
        stop = True
        await run
    whole = [int(line[1:7]) for line in journal.records if len(line) == 8 and line.startswith(b"<")]
    assert whole == sorted(set(whole))
    assert len(whole) > 300
    cuts = [line for line in journal.records if len(line) != 8]
    assert all(len(line) < 8 for line in cuts), cuts  # never two halves in one
    connections = len(journal.restarts)
    assert 1 <= len(journal.gaps) <= connections


@pytest.mark.parametrize("seed", range(4))
@in_loop
async def test_random_crashes_lose_and_repeat_nothing_that_was_received(tmp_path, seed):
    rng = random.Random(seed)
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port, spool_options={"idle_s": 0.01, "segment_bytes": 2000}))
        n = 0
        sent = []
        for _ in range(12):
            run = asyncio.create_task(journal.run(until(30), crash_at=rng.randrange(1, 6)))
            connections = pbx.connections
            while pbx.connections == connections:
                await asyncio.sleep(0.002)
            while not run.done():
                stream = b"".join(b"%06d\r\n" % i for i in range(n, n + 5))
                sent += range(n, n + 5)
                n += 5
                at = rng.randrange(len(stream))
                for part, pause_s in ((stream[:at], rng.choice([0, 0.002, 0.015])), (stream[at:], 0.003)):
                    for writer in pbx.writers:
                        writer.write(part)
                    await asyncio.sleep(pause_s)
            await run
        await asyncio.sleep(0.05)
        last = len(journal.records)
        await journal.run(until(0.3))
    numbers = [int(line) for line in journal.records if len(line) == 6]
    assert len(numbers) == len(set(numbers)) == len([i for i in numbers if i in set(sent)])
    assert numbers == sorted(numbers)
    assert last < len(journal.records) or last > 50
    assert len(journal.gaps) >= 5
    # What is missing was on its way when a connection was given up: never more than was written around one crash.
    missing = sorted(set(range(numbers[-1])) - set(numbers))
    runs = sum(1 for i, m in enumerate(missing) if i == 0 or missing[i - 1] != m - 1)
    assert runs <= 13


@in_loop
async def test_a_disk_that_cannot_be_read_is_not_connected(tmp_path, monkeypatch):
    async with Pbx() as pbx:
        it = client(tmp_path, pbx.port)()
        await it.connect("")

        def broken(*_):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(it._spool._files, "read", broken)
        await pbx.say(b"one\n")
        with pytest.raises(NotConnected, match="Input/output error"):
            await asyncio.wait_for(anext(it.batches()), 30)
        await it.aclose()


@in_loop
async def test_callers_numbers_do_not_stay_on_the_disk(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port, beat_s=60, steady_s=60))
        stop = False
        run = asyncio.create_task(journal.run(lambda: stop))
        await pbx.say(b"call from 0812345678\n")
        await came(journal)
        async with asyncio.timeout(30):
            while b"0812345678" in spooled(tmp_path):
                await asyncio.sleep(0.01)
        assert b"0812345678" not in journal.cursor.encode()
        stop = True
        await run


# As server.


async def dial(port, data=b""):
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    return writer


@in_loop
async def test_a_pbx_that_connects_is_heard_and_may_come_again_without_a_gap_when_it_ends_in_order(tmp_path):
    journal = Journal(server(tmp_path))
    run = asyncio.create_task(journal.run(journal.has(20)))
    port = await listening(journal)
    for n in range(20):
        writer = await dial(port, b"%02d\r\n" % n)
        writer.close()
        await asyncio.sleep(0.01)
    await run
    assert journal.records == [b"%02d" % n for n in range(20)]
    assert journal.gaps == []
    assert journal.restarts == []


@in_loop
async def test_a_connection_to_us_that_breaks_is_a_silence_until_the_next(tmp_path):
    journal = Journal(server(tmp_path))
    run = asyncio.create_task(journal.run(journal.has(2)))
    port = await listening(journal)
    writer = await dial(port, b"one\n")
    await came(journal)
    reset(writer)
    await asyncio.sleep(0.1)
    writer = await dial(port, b"two\n")
    await run
    writer.close()
    (gap,) = journal.gaps
    assert gap.kind == "silence"
    assert gap.to_us - gap.from_us >= 90_000


@in_loop
async def test_a_service_that_did_not_listen_tells_it(tmp_path):
    port = free_port()
    journal = Journal(server(tmp_path, port))
    for text in (b"one\n", b"two\n"):
        run = asyncio.create_task(journal.run(lambda text=text: text.strip() in journal.records))
        await listening(journal)
        writer = await dial(port, text)
        writer.close()
        await run
        journal.collector = None
        await asyncio.sleep(0.1)
    (gap,) = journal.gaps
    assert gap.to_us - gap.from_us >= 90_000
    assert "did not run" in gap.detail or "the service ended" in gap.detail


@in_loop
async def test_the_lines_of_connections_are_kept_apart_also_over_a_crash(tmp_path):
    it = server(tmp_path)()
    await it.connect("")
    writers = [await dial(it.port) for _ in range(3)]
    for part in (b"line of ", b"con", b"nection %d\nsecond of %d\nthi"):
        for number, writer in enumerate(writers):
            writer.write(part % ((number, number) if b"%" in part else ()))
            await writer.drain()
            await asyncio.sleep(0.02)
    writers[1].write(b"rd of 1\nfourth")
    async with asyncio.timeout(30):
        while spooled(tmp_path).count(b"thi") < 3 or b"fourth" not in spooled(tmp_path):
            await asyncio.sleep(0.01)
    records = []
    async for batch in it.batches():
        if len(records) >= 4:
            break  # a crash: this batch is lost
        records += batch.records
        cursor = batch.cursor
        batch.ack()
    assert len(records) == 4
    await it.aclose()
    for writer in writers:
        writer.close()
    it = server(tmp_path)()
    await it.connect(cursor)
    async for batch in it.batches():
        records += batch.records
        batch.ack()
        if len(records) >= 10:
            break
    await it.aclose()
    assert sorted(records[-3:]) == [b"fourth", b"thi", b"thi"]
    for number, rest in enumerate(([b"thi"], [b"third of 1", b"fourth"], [b"thi"])):
        ours = [line for line in records if line.endswith(b"%d" % number)]
        assert ours == [b"line of connection %d" % number, b"second of %d" % number] + [
            x for x in rest if x[-1:].isdigit()
        ]


@in_loop
async def test_more_connections_than_four_are_refused_and_the_four_go_on(tmp_path):
    journal = Journal(server(tmp_path))
    run = asyncio.create_task(journal.run(journal.has(4)))
    port = await listening(journal)
    writers = [await dial(port) for _ in range(4)]
    await asyncio.sleep(0.05)
    reader, extra = await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 30)
    extra.close()
    for n, writer in enumerate(writers):
        writer.write(b"%d\n" % n)
    await run
    assert sorted(journal.records) == [b"0", b"1", b"2", b"3"]
    for writer in writers:
        writer.close()


@in_loop
async def test_endless_bytes_without_a_line_end_are_one_record_and_harm_nobody(tmp_path):
    journal = Journal(server(tmp_path))
    run = asyncio.create_task(journal.run(journal.has(3), within=60))
    port = await listening(journal)
    flood, good = await dial(port), await dial(port)
    for n in range(200):
        flood.write(b"x" * 50_000)
        await flood.drain()
        if n == 100:
            good.write(b"a good line\n")
    flood.write(b"\nafter\n")
    await run
    flood.close()
    good.close()
    assert sorted(map(len, journal.records)) == [5, 11, MAX_RECORD]


@in_loop
async def test_a_port_that_is_taken_is_not_connected(tmp_path):
    async with served(lambda *_: asyncio.sleep(0)) as port:
        it = server(tmp_path, port)()
        with pytest.raises(NotConnected, match="address already in use"):
            await it.connect("")


# Panasonic's log-in.


@pytest.mark.parametrize("telnet", [False, True])
@pytest.mark.parametrize("echo", [b"", b"\r\n", b"*******\r\n", b"*******\r"])
@in_loop
async def test_the_log_in_is_made_and_nothing_of_it_is_a_record(tmp_path, echo, telnet):
    pbx = Panasonic(echo=echo, telnet=telnet)
    async with pbx:
        make = client(tmp_path, pbx.port, login=lambda: PanasonicLogin("PCCSMDR"))
        journal = Journal(make)
        run = asyncio.create_task(journal.run(journal.has(3)))
        await pbx.say(b"  Date     Time    Ext CO\r**/**/** **:****  101 01\r01/02/04 10:30AM\r")
        await run
        assert pbx.heard == [b"SMDR\r\n", b"PCCSMDR\r\n"]
    assert journal.records == [b"  Date     Time    Ext CO", b"**/**/** **:****  101 01", b"01/02/04 10:30AM"]
    assert b"PCCSMDR" not in spooled(tmp_path)


@in_loop
async def test_a_refused_password_is_said(tmp_path):
    async with Panasonic() as pbx:
        it = client(tmp_path, pbx.port, login=lambda: PanasonicLogin("wrong"), refusal_s=1)()
        with pytest.raises(NotConnected, match="refused the password"):
            await it.connect("")


@in_loop
async def test_a_pbx_that_never_asks_is_said(tmp_path):
    async with Pbx() as pbx:
        it = client(tmp_path, pbx.port, login=lambda: PanasonicLogin("x"), connect_s=0.1)()
        with pytest.raises(NotConnected, match="not asked for"):
            await it.connect("")


def test_the_log_in_is_the_same_byte_by_byte():
    dialogue = b"\xff\xfb\x01-"
    login = PanasonicLogin("PCCSMDR")
    answers = [login.feed(bytes([b]))[0] for b in dialogue]
    assert [a for a in answers if a] == [b"SMDR\r\n"]
    answers = [login.feed(bytes([b]))[0] for b in b"SMDR\r\nEnter Password:"]
    assert [a for a in answers if a] == [b"PCCSMDR\r\n"]
    assert login.ready
    records = b""
    for b in b"*******\r\n\r\n01/02/04 10:30AM\r\n":
        records += bytes([b]) if login.done else login.feed(bytes([b]))[1]
    assert records.strip() == b"01/02/04 10:30AM"


@in_loop
async def test_a_connection_is_known_to_live_for_as_long_as_the_kernel_would_have_noticed(tmp_path):
    it = client(tmp_path, 1, keepalive=Keepalive(20, 10, 3), clock=lambda: 1000.0)()
    it._heard_us = {1: 10_000_000, 2: 995_000_000}
    assert it._proven_us(1) == (1000 - 60) * 1_000_000
    assert it._proven_us(2) == 995_000_000


# Everything is let go of.


@in_loop
async def test_cancelling_at_any_time_leaves_nothing_open(tmp_path):
    async with Pbx() as pbx, Panasonic() as panasonic:
        makes = [
            client(tmp_path, pbx.port),
            client(tmp_path, panasonic.port, login=lambda: PanasonicLogin("PCCSMDR")),
            server(tmp_path),
        ]

        async def use(it):
            try:
                await it.connect("")
                async for batch in it.batches():
                    batch.ack()
            finally:
                await it.aclose()

        for rounds in range(3):
            for make in makes:
                for turns in (0, 1, 2, 4, 8, 16):
                    task = asyncio.create_task(use(make()))
                    for _ in range(turns):
                        await asyncio.sleep(0.001)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
            await asyncio.sleep(0.1)
            if rounds == 0:
                before = open_files()
        await few_files(before)


@in_loop
async def test_a_server_cancelled_wherever_its_start_waits_lets_go_of_its_port(tmp_path):
    steps = 0
    for step in itertools.count(1):
        it = server(tmp_path, port := free_port())()
        came = await cancelled_at(step, it._reach())
        await it.aclose()
        with socket.create_server(("127.0.0.1", port)):
            steps += came
        if not came:
            break
    assert steps


@in_loop
async def test_a_quiet_source_costs_nothing(tmp_path):
    async with Pbx() as pbx:
        journal = Journal(client(tmp_path, pbx.port))
        selector = asyncio.get_running_loop()._selector
        select, turns = selector.select, itertools.count(1)
        selector.select = lambda timeout=None: (next(turns), select(timeout))[1]
        await journal.run(until(1.0))
    assert next(turns) < 1000, "five for each look of the journal whether it is done"


@pytest.mark.parametrize("refusal", [b"-", b"Enter Password:", b"Password error\r\n-"])
@pytest.mark.parametrize("echo", [b"", b"*****", b"Password1"])
def test_a_panasonic_that_echoes_the_password_is_understood_when_it_refuses_and_when_it_does_not(echo, refusal):
    def asked() -> PanasonicLogin:
        login = PanasonicLogin("Password1")
        assert login.feed(b"-") == (b"SMDR\r\n", b"")
        assert login.feed(b"Enter Password:") == (b"Password1\r\n", b"")
        return login

    for parts in ([echo + b"\r\n" + refusal], [echo[:4], echo[4:] + b"\r", b"\n", refusal]):
        login = asked()
        with pytest.raises(NotConnected, match="refused the password"):
            for part in parts:
                assert login.feed(part) == (b"", b"")
    login = asked()
    assert login.feed(echo + b"\r\n") == (b"", b"")
    assert login.feed(b"11/21/26 09:01AM") == (b"", b"11/21/26 09:01AM")
    assert login.done
