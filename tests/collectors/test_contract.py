"""What every collector promises, asked of every one: a source is played, a pipeline reads it, crashes, comes again.

The control acknowledges at receipt, and loses: so these tests can fail.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from collectors.ami import AmiCollector
from collectors.lines import MAX_RECORD
from collectors.mqtt import MqttCollector
from collectors.tail import Tail
from collectors.tcp import TcpCollector
from collectors.watch import Watch
from tests.collectors.contract import Journal, on_disk, until
from tests.collectors.tcp_tools import Asterisk, Pbx, in_loop
from tests.publisher import Publisher
from tests.servers import few_files, free_port, mosquitto, open_files

NAMES = [
    "ศูนย์ราชการสะดวก".encode(),
    "ศูนย์ราชการสะดวก".encode("tis-620"),
    b"nul \x00 in the middle\x00",
    b"\xff\xfe\x80 no text at all \x01\x7f",
    b'a,"quoted ""line""",;|\t',
]

_SOCKETS = {"connect_s": 1.0, "steady_s": 0.05, "beat_s": 0.1, "spool_options": {"idle_s": 0.03}}


class Source:
    """One kind of source: `make` a collector of it, `say` lines by it."""

    between = ()
    end = b"\n"
    loses_what_is_said_unheard = False
    """Whether what it says while nobody is connected is gone; then a gap must tell it."""

    def __init__(self, folder):
        self.folder = folder

    async def start(self):
        pass

    async def stop(self):
        pass

    def make(self):
        raise NotImplementedError

    async def say(self, lines):
        await self.say_bytes(b"".join(line + self.end for line in lines))

    async def say_bytes(self, data):
        raise NotImplementedError

    async def ready(self):
        """Until it is heard, for those that must be."""

    async def break_off(self):
        """Whatever lets the collector lose its source."""


class TailSource(Source):
    rotates = True

    async def start(self):
        self.path = self.folder / "log"
        self.path.touch()

    def make(self):
        return Tail(name="s/x", site="s", path=self.path, poll_s=0.003, idle_s=0.03)

    async def say_bytes(self, data):
        with self.path.open("ab") as log:
            log.write(data)

    async def break_off(self):
        self.path.rename(self.path.with_name("log.1"))


class WatchSource(Source):
    """Each saying is a file of its own."""

    async def start(self):
        self.path = self.folder / "drop"
        self.path.mkdir()
        self.count = 0

    def make(self):
        return Watch(name="s/x", site="s", folder=self.path, poll_s=0.005, settle_s=0.01)

    async def say_bytes(self, data):
        self.count += 1
        hidden = self.path / f".{self.count}"
        hidden.write_bytes(data)
        hidden.rename(self.path / f"{self.count}.log")


class PeerSource(Source):
    loses_what_is_said_unheard = True

    async def say_bytes(self, data):
        await self.pbx.say(data)

    async def ready(self):
        async with asyncio.timeout(30):
            while not self.pbx.writers:
                await asyncio.sleep(0.002)

    async def break_off(self):
        await self.pbx.hang_up()

    async def stop(self):
        await self.pbx.__aexit__(None, None, None)


class ClientSource(PeerSource):
    async def start(self):
        self.pbx = await Pbx().__aenter__()

    def make(self):
        connect = f"127.0.0.1:{self.pbx.port}"
        return TcpCollector(name="s/x", site="s", spool=self.folder / "spool", connect=connect, **_SOCKETS)


class AmiSource(PeerSource):
    """Each saying is a message, which an empty line ends."""

    end = b"\r\n"
    between = (b"",)

    async def say_bytes(self, data):
        await super().say_bytes(data + self.end if data.endswith(b"\n") else data)

    async def start(self):
        self.pbx = await Asterisk(mute=True).__aenter__()

    def make(self):
        address = f"127.0.0.1:{self.pbx.port}"
        login = {"address": address, "username": "gecc", "password": "secret"}
        return AmiCollector(name="s/x", site="s", spool=self.folder / "spool", **login, **_SOCKETS)


class ServerSource(Source):
    loses_what_is_said_unheard = True
    writer = None

    async def start(self):
        self.port = free_port()

    def make(self):
        listen = f"127.0.0.1:{self.port}"
        return TcpCollector(name="s/x", site="s", spool=self.folder / "spool", listen=listen, **_SOCKETS)

    async def ready(self):
        async with asyncio.timeout(30):
            while self.writer is None or self.reader.at_eof() or self.writer.is_closing():
                if self.writer is not None:
                    self.writer.close()
                try:
                    self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.005)
                    continue
                await asyncio.sleep(0.02)

    async def say_bytes(self, data):
        await self.ready()
        self.writer.write(data)
        await self.writer.drain()

    async def break_off(self):
        self.writer.transport.abort()

    async def stop(self):
        if self.writer is not None:
            self.writer.close()


class MqttSource(Source):
    """A broker with a session: it keeps what is not acknowledged."""

    async def start(self):
        self.context = mosquitto()
        self.broker = self.context.__enter__()
        self.client_id = f"contract-{random.randrange(10**9)}"
        it = self.make()
        await it.connect("")  # from here on there is a session
        await it.aclose()

    def make(self):
        return MqttCollector(
            name="s/x", host="127.0.0.1", port=self.broker.port, client_id=self.client_id, topics=("t",), max_batch=3
        )

    async def say(self, lines):
        def publish():
            with Publisher(self.broker.port) as publisher:
                publisher.publish("t", lines)

        await asyncio.to_thread(publish)

    async def break_off(self):
        self.broker.kill()
        await asyncio.to_thread(self.broker.start)

    async def stop(self):
        self.context.__exit__(None, None, None)


LINES = [TailSource, WatchSource, ClientSource, ServerSource, AmiSource]
EVERY = [*LINES, MqttSource]
SPOOLED = [ClientSource, ServerSource, AmiSource]


def of(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__.removesuffix("Source").lower())


@asynccontextmanager
async def played(kind, tmp_path):
    source = kind(tmp_path)
    await source.start()
    journal = Journal(source.make, source.between)
    try:
        yield source, journal
    finally:
        await source.stop()


def said(journal):
    return [getattr(record, "payload", record) for record in journal.records]


async def hear(source, journal, count, **options):
    """A run that is connected when this returns."""
    run = asyncio.create_task(journal.run(lambda: len(journal.records) >= count, **options))
    await connected(journal)
    await source.ready()
    return run


async def connected(journal):
    async with asyncio.timeout(30):
        while not journal.connected:
            await asyncio.sleep(0.002)


@of(EVERY)
@in_loop
async def test_what_is_said_comes_once_in_order_and_as_it_was(kind, tmp_path):
    async with played(kind, tmp_path) as (source, journal):
        run = await hear(source, journal, 2 * len(NAMES))
        await source.say(NAMES)
        await source.say(NAMES)
        await run
        assert said(journal) == NAMES * 2


@of([TailSource, WatchSource, MqttSource])
@in_loop
async def test_a_source_that_keeps_what_is_not_acknowledged_gives_it_again_after_every_crash(kind, tmp_path):
    lines = [b"%04d" % n for n in range(60)]
    async with played(kind, tmp_path) as (source, journal):
        for at in range(0, 60, 5):
            await source.say(lines[at : at + 5])
        for crash_at in (1, 2, 3, 1, 2):
            await journal.run(until(0.5), crash_at=crash_at)
        await journal.run(journal.has(60))
        assert said(journal) == lines


@of(SPOOLED)
@in_loop
async def test_a_source_that_cannot_say_it_again_loses_nothing_that_was_received_in_any_crash(kind, tmp_path):
    lines = [b"%04d" % n for n in range(60)]
    async with played(kind, tmp_path) as (source, journal):
        it = source.make()
        await it.connect("")
        await source.ready()
        for at in range(0, 60, 5):
            await source.say(lines[at : at + 5])
            await asyncio.sleep(0.015)
        await received(source, lines[-1])
        await it.aclose()
        for crash_at in (1, 2, 3, 1, 2):
            await journal.run(until(0.5), crash_at=crash_at)
        await journal.run(journal.has(60))
        assert said(journal) == lines


async def received(source, line):
    async with asyncio.timeout(30):
        while line not in on_disk(source.folder / "spool"):
            await asyncio.sleep(0.01)


@of([ClientSource, ServerSource, AmiSource, MqttSource])
@in_loop
async def test_known_bad_acknowledging_at_receipt_loses(kind, tmp_path):
    lines = [b"%04d" % n for n in range(30)]
    async with played(kind, tmp_path) as (source, journal):
        if kind is MqttSource:
            await source.say(lines)
        else:
            it = source.make()
            await it.connect("")
            await source.ready()
            for at in range(0, 30, 5):
                await source.say(lines[at : at + 5])
                await asyncio.sleep(0.015)
            await received(source, lines[-1])
            await it.aclose()
        for _ in range(3):
            await journal.run(until(0.5), crash_at=1, ack_at_receipt=True)
        await journal.run(journal.has(1))
        await journal.run(until(0.5))
        assert 0 < len(said(journal)) < 30


@of(SPOOLED)
@in_loop
async def test_nothing_is_deleted_before_it_is_acknowledged(kind, tmp_path):
    async with played(kind, tmp_path) as (source, _):
        it = source.make()
        await it.connect("")
        await source.ready()
        await source.say([b"0812345678"])
        async for batch in it.batches():
            if batch.records:
                break
        await asyncio.sleep(0.15)
        await received(source, b"0812345678")
        await it.aclose()
        assert b"0812345678" in on_disk(tmp_path / "spool")
        await it.connect("")

        async def gone():
            while b"0812345678" in on_disk(tmp_path / "spool"):
                await asyncio.sleep(0.01)

        async def take():
            async for batch in it.batches():
                batch.ack()

        taking = asyncio.create_task(take())
        await asyncio.wait_for(gone(), 30)
        taking.cancel()
        await asyncio.wait([taking])
        await it.aclose()


@of(EVERY)
@in_loop
async def test_a_source_that_is_lost_is_found_again(kind, tmp_path):
    async with played(kind, tmp_path) as (source, journal):
        run = await hear(source, journal, 4)
        await source.say([b"one", b"two"])
        while len(journal.records) < 2:
            await asyncio.sleep(0.005)
        await source.break_off()
        await asyncio.sleep(0.05)
        if kind is MqttSource:  # a broker without persistence has lost the session
            while not journal.problems:
                await asyncio.sleep(0.01)
            await connected(journal)
        await source.say([b"three", b"four"])
        await run
        assert said(journal) == [b"one", b"two", b"three", b"four"]


@of(SPOOLED)
@in_loop
async def test_what_may_have_been_said_unheard_is_told_as_a_gap(kind, tmp_path):
    async with played(kind, tmp_path) as (source, journal):
        for text in (b"one", b"two"):
            run = await hear(source, journal, len(journal.records) + 1)
            await source.say([text])
            await run
            await asyncio.sleep(0.05)
        (gap,) = journal.gaps
        assert (gap.site, gap.source, gap.kind) == ("s", "s/x", "silence")
        assert gap.from_us < gap.to_us


@of(LINES)
@in_loop
async def test_lines_may_end_with_cr_lf_and_a_decoder_sees_at_most_the_cr(kind, tmp_path):
    async with played(kind, tmp_path) as (source, journal):
        run = await hear(source, journal, 3)
        await source.say_bytes(b"one\r\ntwo\r\nthree\r\n")
        await run
        assert [line.removesuffix(b"\r") for line in journal.records] == [b"one", b"two", b"three"]


@of([TailSource, *SPOOLED])
@in_loop
async def test_a_line_that_comes_in_parts_is_one(kind, tmp_path):
    async with played(kind, tmp_path) as (source, journal):
        run = await hear(source, journal, 2)
        for part in (b"a line ", b"in pa", "rts ที่".encode()[:-1], "rts ที่".encode()[-1:] + b"\nnext\n"):
            await source.say_bytes(part)
            await asyncio.sleep(0.03)
        await run
        assert journal.records == ["a line in parts ที่".encode(), b"next"]


@of(LINES)
@in_loop
async def test_a_half_line_at_the_end_is_never_joined_to_what_comes_after(kind, tmp_path):
    async with played(kind, tmp_path) as (source, journal):
        whole = [b"one", b"lf", b"two"]
        if kind is not AmiSource:  # whose messages have several lines: the beginning of one says nothing
            whole.insert(1, b"ha")
        end = b"\n" + source.end * (kind is AmiSource)
        run = await hear(source, journal, len(whole))
        await source.say_bytes(b"one" + end + b"ha")
        await asyncio.sleep(0.1)
        await source.break_off()
        await asyncio.sleep(0.03)
        await source.say_bytes(b"lf" + end + b"two" + end)
        await run
        assert [line for line in journal.records if line] == whole


@of(LINES)
@in_loop
async def test_a_line_of_more_than_64_kib_is_cut_and_told_by_its_length_and_the_next_is_whole(kind, tmp_path):
    async with played(kind, tmp_path) as (source, journal):
        run = await hear(source, journal, 3)
        await source.say_bytes(b"first" + source.end + b"x" * 300_000 + source.end + b"last" + source.end)
        await run
        assert [len(line) for line in journal.records] == [5, MAX_RECORD, 4]


@of(LINES)
@in_loop
async def test_garbage_harms_nobody(kind, tmp_path):
    rng = random.Random(1)
    async with played(kind, tmp_path) as (source, journal):
        run = asyncio.create_task(journal.run(lambda: b"whole" in journal.records))
        await source.ready()
        for _ in range(20):
            await source.say_bytes(rng.randbytes(rng.randrange(1, 20_000)))
            await asyncio.sleep(0.002)
        await source.say_bytes(source.end + b"whole" + source.end)
        await run
        assert all(len(line) <= MAX_RECORD for line in journal.records)


@of(EVERY)
@in_loop
async def test_closing_is_safe_twice_and_before_connecting(kind, tmp_path):
    async with played(kind, tmp_path) as (source, _):
        it = source.make()
        await it.aclose()
        await it.aclose()
        await it.connect("")
        await it.aclose()
        await it.aclose()


@of(LINES)
@in_loop
async def test_cancelling_in_the_middle_leaves_no_file_open(kind, tmp_path):
    async with played(kind, tmp_path) as (source, _):

        async def use():
            it = source.make()
            try:
                await it.connect("")
                async for batch in it.batches():
                    batch.ack()
            finally:
                await it.aclose()

        counts = []
        for ms in (0, 1, 2, 4, 8, 16, 32) * 2:
            task = asyncio.create_task(use())
            await asyncio.sleep(ms / 1000)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.sleep(0.03)
            counts.append(open_files())
        await few_files(max(counts[:7]))


@of([TailSource, WatchSource])
@in_loop
async def test_rotation_and_packing_lose_and_repeat_nothing(kind, tmp_path):
    lines = [b"%04d" % n for n in range(50)]
    async with played(kind, tmp_path) as (source, journal):
        run = asyncio.create_task(journal.run(journal.has(50)))
        for at in range(0, 50, 10):
            await source.say(lines[at : at + 10])
            await asyncio.sleep(0.05)
            if kind is TailSource:
                for n in range(4, 0, -1):
                    if (old := source.path.with_name(f"log.{n}")).exists():
                        old.rename(source.path.with_name(f"log.{n + 1}"))
                source.path.rename(source.path.with_name("log.1"))
        await run
        assert journal.records == lines
