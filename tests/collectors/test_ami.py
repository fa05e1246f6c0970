"""Asterisk's Manager Interface: logged in without the password on the wire, followed line by line, lost and found."""

from __future__ import annotations

import asyncio
import time

import pytest

from collectors.ami import AmiCollector
from collectors.base import NotConnected
from collectors.lines import MAX_RECORD
from tests.collectors.contract import Journal, until
from tests.collectors.tcp_tools import Asterisk, Pbx, Proxy, in_loop, served
from tests.servers import few_files, open_files

JOIN = b"Event: QueueCallerJoin\r\nQueue: idcard\r\nUniqueid: 1795254206.26\r\n\r\n"
JOIN_LINES = [b"Event: QueueCallerJoin", b"Queue: idcard", b"Uniqueid: 1795254206.26", b""]
FAST = {"connect_s": 1.0, "steady_s": 0.1, "beat_s": 0.1, "spool_options": {"idle_s": 0.05}}


def ami(tmp_path, port, password="secret", **options):
    return lambda: AmiCollector(
        name="s/ami",
        site="s",
        spool=tmp_path / "spool",
        address=f"127.0.0.1:{port}",
        username="gecc",
        password=password,
        **(FAST | options),
    )


@in_loop
async def test_it_logs_in_by_challenge_asks_for_the_state_and_hands_out_the_events_as_a_log_holds_them(tmp_path):
    async with Asterisk() as asterisk:
        journal = Journal(ami(tmp_path, asterisk.port, events="call,agent"))
        run = asyncio.create_task(journal.run(lambda: JOIN_LINES[2] in journal.records and len(journal.records) >= 10))
        await asterisk.say(JOIN)
        await run
    assert [action["Action"] for action in asterisk.actions] == [
        "Challenge",
        "Login",
        "QueueStatus",
        "CoreShowChannels",
    ]
    assert asterisk.actions[1]["Events"] == "call,agent"
    assert b"secret" not in asterisk.received
    at = journal.records.index(JOIN_LINES[0])
    assert journal.records[at : at + 4] == JOIN_LINES
    assert journal.records[:3] == [b"Response: Success", b"ActionID: gecc-QueueStatus", b""]
    assert b"Challenge: 4711" not in journal.records
    assert journal.restarts == [0]


@in_loop
async def test_each_event_bears_the_time_it_came(tmp_path):
    async with Asterisk(mute=True) as asterisk:
        journal = Journal(ami(tmp_path, asterisk.port))
        run = asyncio.create_task(journal.run(journal.has(12)))
        times = []
        for number in range(3):
            await asyncio.sleep(0.1)
            sent_us = time.time_ns() // 1000
            await asterisk.say(JOIN)
            while len(journal.records) < 4 * (number + 1):
                await asyncio.sleep(0.002)
            times.append((sent_us, time.time_ns() // 1000))
        await run
    for number, (sent_us, there_us) in enumerate(times):
        assert sent_us <= journal.received_us[4 * number] <= there_us


@in_loop
async def test_a_wrong_password_is_refused_with_what_the_server_says(tmp_path):
    async with Asterisk() as asterisk:
        it = ami(tmp_path, asterisk.port, password="wrong")()
        with pytest.raises(NotConnected, match="refused gecc: Authentication failed"):
            await it.connect("")
    assert b"wrong" not in asterisk.received


@in_loop
async def test_what_is_no_manager_interface_is_said(tmp_path):
    async def web(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with served(web) as port:
        with pytest.raises(NotConnected, match="no Asterisk Manager Interface"):
            await ami(tmp_path, port)().connect("")


@pytest.mark.parametrize(
    "says", [b"", b"Asterisk Call Manager/1\r\n" + b"x" * 200_000, b"Asterisk Call Manager/1\r\n\r\n"]
)
@in_loop
async def test_a_log_in_that_goes_wrong_is_not_connected(tmp_path, says):
    before = open_files()

    async def odd(reader, writer):
        writer.write(says)
        await writer.drain()
        await asyncio.sleep(0.05)

    async with served(odd) as port:
        for _ in range(3):
            with pytest.raises(NotConnected):
                await ami(tmp_path, port)().connect("")
    await few_files(before)


@in_loop
async def test_a_server_that_says_nothing_is_not_connected(tmp_path):
    async with Pbx() as pbx:
        with pytest.raises(NotConnected):
            await ami(tmp_path, pbx.port, connect_s=0.1)().connect("")


def test_a_password_cannot_smuggle_in_an_action(tmp_path):
    with pytest.raises(ValueError, match="line ends"):
        ami(tmp_path, 1, password="x\r\nAction: Originate")()


@in_loop
async def test_a_connection_cut_in_the_middle_of_an_event_begins_the_next_as_a_new_log(tmp_path):
    async with Asterisk(mute=True) as asterisk, Proxy(asterisk.port) as proxy:
        journal = Journal(ami(tmp_path, proxy.port))
        run = asyncio.create_task(journal.run(lambda: journal.gaps and journal.records[-4:] == JOIN_LINES))
        await asterisk.say(JOIN)
        while not journal.records:
            await asyncio.sleep(0.005)
        proxy.cut_after = 30
        await asterisk.say(JOIN)
        async with asyncio.timeout(30):
            while asterisk.connections < 2:
                await asyncio.sleep(0.005)
        await asterisk.say(JOIN)
        await run
    cut_at = journal.restarts[1]
    assert journal.records[:4] == JOIN_LINES
    assert cut_at == 4, "of what was cut off nothing is handed out: nobody would keep a caller's number for it"
    assert journal.records[cut_at:] == JOIN_LINES
    assert [gap.kind for gap in journal.gaps] == ["silence"]
    assert [a["Action"] for a in asterisk.actions].count("QueueStatus") == 2


@in_loop
async def test_a_silent_server_is_asked_and_given_up(tmp_path):
    async with Asterisk(mute=True) as asterisk:
        journal = Journal(ami(tmp_path, asterisk.port, ping_s=0.05, silent_s=0.5, steady_s=5))
        await journal.run(lambda: journal.problems)
    assert "no sign of life for 0.5 s" in journal.problems[0]
    assert [a["Action"] for a in asterisk.actions].count("Ping") >= 2


@in_loop
async def test_a_quiet_server_that_answers_pings_is_kept(tmp_path):
    async with Asterisk() as asterisk:
        journal = Journal(ami(tmp_path, asterisk.port, ping_s=0.05, silent_s=1.0))
        await journal.run(until(2.5))
    assert journal.problems == []
    assert asterisk.connections == 1
    assert [a["Action"] for a in asterisk.actions].count("Ping") >= 8


@in_loop
async def test_a_half_open_connection_is_a_silence_from_the_last_that_was_heard(tmp_path):
    async with Asterisk() as asterisk, Proxy(asterisk.port) as proxy:
        journal = Journal(ami(tmp_path, proxy.port, ping_s=0.05, silent_s=1.5, steady_s=0.1))
        run = asyncio.create_task(journal.run(lambda: journal.gaps))
        await asyncio.sleep(0.3)
        assert journal.problems == []
        dark_us = time.time_ns() // 1000
        proxy.silent = True
        while not journal.problems:
            await asyncio.sleep(0.01)
        proxy.silent = False
        await run
    (gap,) = journal.gaps
    assert dark_us - 500_000 <= gap.from_us <= dark_us + 500_000
    assert gap.to_us > dark_us + 1_000_000


@in_loop
async def test_a_line_without_end_is_bounded(tmp_path):
    async with Asterisk(mute=True) as asterisk:
        journal = Journal(ami(tmp_path, asterisk.port))
        run = asyncio.create_task(journal.run(lambda: journal.records[-1:] == [b"Event: Next"]))
        await asterisk.say(b"Event: " + b"x" * 1_000_000 + b"\r\nEvent: Next\r\n")
        await run
    assert [len(line) for line in journal.records] == [MAX_RECORD, 11]
