"""Drop folders: each file once, whole, in order; what is still written is waited for, what is damaged is told."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import os
import shutil
import time

import pytest

from collectors.base import NotConnected
from collectors.watch import Watch
from tests.collectors.contract import Journal, until
from tests.collectors.tcp_tools import in_loop
from tests.servers import open_files


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "drop"
    path.mkdir()
    return path


class Looks:
    """A clock that knows how often it was asked: three times a look at the folder."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def __call__(self):
        self.asked.append(time.monotonic())
        return self.asked[-1]

    def since(self, then):
        return sum(t > then for t in self.asked[-9:])


LOOKS = Looks()


def watch(folder, **options):
    usual = {"poll_s": 0.01, "settle_s": 0.03, "monotonic": LOOKS}
    return lambda: Watch(name="s/w", site="s", folder=folder, **(usual | options))


def lines(name, count=3):
    return b"".join(b"%s %d\n" % (name.encode(), n) for n in range(count))


def drop(folder, name, content, age_s=10.0):
    """A file that was written before it was moved here."""
    path = folder / name
    hidden = folder / f".{name}.new"
    hidden.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    os.utime(hidden, (time.time() - age_s,) * 2)
    hidden.rename(path)
    return path


async def read(journal, quiet_s=0.15):
    """Until nothing has come for so long, and from two whole looks since: a busy machine looks seldom."""
    count, since = -1, time.monotonic()

    def done():
        nonlocal count, since
        if count != len(journal.batches):
            count, since = len(journal.batches), time.monotonic()
        return time.monotonic() - since > quiet_s and LOOKS.since(since + quiet_s / 2) >= 7

    await journal.run(done)
    return journal.records


@in_loop
async def test_files_are_read_once_each_in_the_order_of_their_numbers(folder):
    for number in (10, 9, 1, 100):
        drop(folder, f"cdr_{number}", lines(f"f{number}"))
    journal = Journal(watch(folder))
    await read(journal)
    assert [line.split()[0] for line in journal.records[::3]] == [b"f1", b"f9", b"f10", b"f100"]
    assert journal.restarts == [0, 3, 6, 9]
    drop(folder, "cdr_5", lines("f5"))
    await read(journal)
    await read(journal)
    assert journal.records[12:] == [b"f5 0", b"f5 1", b"f5 2"]
    assert journal.restarts == [0, 3, 6, 9, 12]


@in_loop
async def test_packed_files_are_unpacked_and_a_file_packed_after_it_was_read_is_not_read_again(folder):
    drop(folder, "a.csv.gz", lines("packed"))
    plain = drop(folder, "b.csv", lines("plain"))
    journal = Journal(watch(folder))
    await read(journal)
    drop(folder, "b.csv.gz", plain.read_bytes())
    plain.unlink()
    drop(folder, "c.csv.gz", lines("new"))
    await read(journal)
    await read(journal)
    assert [line.split()[0] for line in journal.records] == [b"packed"] * 3 + [b"plain"] * 3 + [b"new"] * 3
    assert journal.gaps == []


@in_loop
async def test_only_files_that_match_are_read_and_folders_and_unfinished_copies_are_left_alone(folder):
    for name in ("cdr_1", "cmr_1", ".cdr_2", "cdr_3.tmp", "cdr_4.part"):
        drop(folder, name, lines(name))
    (folder / "cdr_5").mkdir()
    (folder / "cdr_5" / "cdr_6").write_bytes(lines("inner"))
    os.mkfifo(folder / "cdr_7")
    journal = Journal(watch(folder, pattern="cdr_*"))
    await read(journal)
    assert journal.records == [b"cdr_1 0", b"cdr_1 1", b"cdr_1 2"]
    (folder / "cdr_3.tmp").rename(folder / "cdr_3")
    await read(journal)
    assert journal.records[3:] == [b"cdr_3.tmp 0", b"cdr_3.tmp 1", b"cdr_3.tmp 2"]


@in_loop
async def test_a_file_still_being_written_is_waited_for(folder):
    journal = Journal(watch(folder, settle_s=1.0))
    run = asyncio.create_task(journal.run(journal.has(5)))
    for n in range(5):
        with (folder / "slow").open("ab") as file:
            file.write(b"line ")
            file.flush()
            await asyncio.sleep(0.05)
            file.write(b"%d\n" % n)
        assert journal.records == []
    await run
    assert journal.records == [b"line %d" % n for n in range(5)]


@in_loop
async def test_a_file_with_a_wrong_clock_is_read_when_it_rests(folder):
    path = drop(folder, "future", lines("f"), age_s=-86400)
    journal = Journal(watch(folder))
    await read(journal)
    assert len(journal.records) == 3
    assert path.stat().st_mtime > time.time()


@in_loop
async def test_a_file_that_grows_is_read_on_and_one_that_is_replaced_is_new(folder):
    path = drop(folder, "day", lines("first"))
    journal = Journal(watch(folder))
    await read(journal)
    with path.open("ab") as file:
        file.write(lines("more"))
    await read(journal)
    assert [line.split()[0] for line in journal.records] == [b"first"] * 3 + [b"more"] * 3
    assert journal.restarts == [0]
    drop(folder, "day", lines("other") * 2)
    await read(journal)
    assert journal.records[6:] == (lines("other") * 2).split(b"\n")[:-1]
    assert journal.restarts == [0, 6]
    os.utime(path)
    await read(journal)
    assert len(journal.records) == 12


@in_loop
async def test_the_last_line_needs_no_end_and_comes_whole_when_it_gets_one(folder):
    path = drop(folder, "day", b"one\ntw")
    journal = Journal(watch(folder))
    await read(journal)
    assert journal.records == [b"one", b"tw"]
    os.utime(path)
    await read(journal)
    assert journal.records == [b"one", b"tw"]
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    await read(journal)
    assert journal.records == [b"one", b"tw", b"two", b"three"]
    with path.open("ab") as file:
        file.write(b"four\n")
    await read(journal)
    assert journal.records[4:] == [b"four"]


@in_loop
async def test_a_damaged_file_is_told_once_and_holds_up_nobody(folder):
    whole = gzip.compress(b"".join(b"%06d\n" % n for n in range(50_000)))
    (folder / "a.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "b.gz").write_bytes(b"\x1f\x8b no gzip at all")
    drop(folder, "c", lines("c"))
    for name in ("a.gz", "b.gz"):
        os.utime(folder / name, (1_600_000_000,) * 2)
    journal = Journal(watch(folder))
    await read(journal)
    await read(journal)
    assert journal.records[-3:] == [b"c 0", b"c 1", b"c 2"]
    numbers = [int(line) for line in journal.records[:-3]]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 10_000
    assert [(gap.kind, gap.from_us) for gap in journal.gaps] == [("damaged", 1_600_000_000_000_000)] * 2
    assert "a.gz" in journal.gaps[0].detail
    # Copied anew, it is read on from where it broke off.
    (folder / "a.gz").write_bytes(whole)
    await read(journal)
    assert [int(line) for line in journal.records if line.isdigit()] == list(range(50_000))


@in_loop
async def test_a_crash_in_the_middle_of_a_file_loses_and_repeats_nothing(folder):
    for name in ("1.csv", "2.csv.gz"):
        drop(folder, name, b"".join(b"%s %06d\n" % (name.encode(), n) for n in range(60_000)))
    journal = Journal(watch(folder))
    for crash_at in (1, 2, 3, 2, 1, 4):
        await journal.run(until(0.4), crash_at=crash_at)
    await read(journal)
    expected = [b"%s %06d" % (name, n) for name in (b"1.csv", b"2.csv.gz") for n in range(60_000)]
    assert journal.records == expected
    assert journal.restarts == [0, 60_000]
    assert journal.gaps == []


@in_loop
async def test_a_file_that_goes_away_in_the_middle_is_told(folder):
    path = drop(folder, "big", b"".join(b"%06d\n" % n for n in range(100_000)))
    journal = Journal(watch(folder))
    await journal.run(until(30), crash_at=2)
    path.unlink()
    drop(folder, "next", lines("next"))
    await read(journal)
    assert journal.records[-1] == b"next 2"
    assert [gap.kind for gap in journal.gaps] == ["rotated_away"]
    assert json.loads(journal.cursor)["known"].keys() == {"next"}


@in_loop
async def test_files_that_are_gone_are_forgotten_and_the_cursor_stays_small(folder):
    for n in range(60):
        drop(folder, f"f{n}", b"%d\n" % n)
        await asyncio.sleep(0.001)
    journal = Journal(watch(folder, most_known=10))
    await read(journal)
    assert len(journal.records) == 60
    drop(folder, "g", b"one more\n")
    await read(journal)
    assert len(json.loads(journal.cursor)["known"]) <= 11
    for n in range(0, 60, 2):
        (folder / f"f{n}").unlink()
    drop(folder, "a_late_one_whose_name_comes_first", b"late\n")
    await read(journal)
    await read(journal)
    assert journal.records[60:] == [b"one more", b"late"]


@in_loop
async def test_nothing_that_waits_is_taken_for_done_however_old_it_is(folder):
    names = [f"{n:02d}" for n in range(40)]
    for name in reversed(names):  # the first to be read changed last
        drop(folder, name, name.encode() + b"\n")
        await asyncio.sleep(0.001)
    journal = Journal(watch(folder, most_known=3))
    for _ in range(12):
        await journal.run(until(0.3), crash_at=5)
    await read(journal)
    assert journal.records == [name.encode() for name in names]


@in_loop
async def test_documents_come_whole_one_record_a_file(folder):
    for n in range(250):
        drop(folder, f"{n}.cdr.json", json.dumps({"uuid": n, "text": "a\nb"}).encode())
    drop(folder, "z.cdr.json", b"x" * (16 * 1024 * 1024 + 1))
    drop(folder, "zz.cdr.json.gz", b"{}")
    journal = Journal(watch(folder, pattern="*.cdr.json*", whole=True))
    await read(journal)
    await read(journal)
    assert [json.loads(record)["uuid"] for record in journal.records[:250]] == list(range(250))
    assert journal.records[250:] == [b"{}"]
    assert [gap.kind for gap in journal.gaps] == ["damaged"]
    assert "larger than" in journal.gaps[0].detail


@in_loop
async def test_a_folder_that_is_missing_is_not_connected_and_comes_back(tmp_path):
    folder = tmp_path / "later"
    it = watch(folder)()
    with pytest.raises(NotConnected, match="later"):
        await it.connect("")
    journal = Journal(watch(folder))
    run = asyncio.create_task(journal.run(journal.has(6)))
    await asyncio.sleep(0.03)
    folder.mkdir()
    drop(folder, "a", lines("a"))
    async with asyncio.timeout(30):
        while len(journal.records) < 3:
            await asyncio.sleep(0.01)
    shutil.rmtree(folder)
    await asyncio.sleep(0.05)
    folder.mkdir()
    drop(folder, "b", lines("b"))
    await run
    assert journal.records[3:] == [b"b 0", b"b 1", b"b 2"]


@in_loop
async def test_a_file_that_may_not_be_read_is_told_and_read_when_it_may(folder, monkeypatch):
    path = drop(folder, "a", lines("a"))
    path.chmod(0)
    really = os.open

    def as_nobody(name, *args):  # root may read everything
        if name == path and path.stat().st_mode & 0o400 == 0:
            raise PermissionError(13, "Permission denied")
        return really(name, *args)

    monkeypatch.setattr("collectors.watch_files.os.open", as_nobody)
    journal = Journal(watch(folder))
    await read(journal)
    await read(journal)
    assert [gap.kind for gap in journal.gaps] == ["damaged"]
    path.chmod(0o600)
    await read(journal)
    assert len(journal.records) == 3
    assert journal.restarts == [0]


@in_loop
async def test_cancelling_at_any_time_leaves_no_file_open(folder):
    drop(folder, "big.gz", b"".join(b"%06d\n" % n for n in range(200_000)))

    async def use(it):
        try:
            await it.connect("")
            async for batch in it.batches():
                batch.ack()
        finally:
            await it.aclose()

    before = open_files()
    for ms in range(12):
        task = asyncio.create_task(use(watch(folder)()))
        await asyncio.sleep(ms / 1000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert open_files() <= before + 1  # the loop's own pipe to its threads may come with the first


@in_loop
async def test_the_loop_goes_on_while_a_big_file_is_read(folder):
    drop(folder, "big.gz", os.urandom(1000).hex().encode() * 10_000)
    journal = Journal(watch(folder))
    run = asyncio.create_task(journal.run(journal.has(1)))
    longest = 0.0
    gc.disable()
    try:
        while not run.done():
            before = time.thread_time()  # of the loop's own thread: reading the file is another's
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - before)
    finally:
        gc.enable()
    await run
    assert longest < 0.15
