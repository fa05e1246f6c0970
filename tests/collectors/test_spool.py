"""Bytes on the disk before anything is made of them: through crashes, torn and damaged files, and a full disk."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import threading
import time

import pytest

from collectors.spool import Spool
from collectors.spool_files import DATA, GAP, Lost
from tests.collectors.tcp_tools import in_loop
from tests.servers import open_files


def spool(folder, **options):
    return Spool(folder, **({"retry_s": 0.02, "idle_s": 0.05} | options))


async def settled(it, within=30):
    async with asyncio.timeout(within):
        while not it.settled:
            await it.moved()


async def everything(it, seq=0):
    frames = []
    while more := await it.read(seq):
        frames += more
        seq = more[-1].seq + 1
    return frames


def texts(frames):
    return [frame.data for frame in frames if frame.kind == DATA]


def gaps(frames):
    return [Lost.load(frame.data) for frame in frames if frame.kind == GAP]


def files(folder):
    return sorted(folder.iterdir())


def content(folder):
    return b"".join(path.read_bytes() for path in files(folder))


@in_loop
async def test_what_was_appended_comes_back_in_order_with_its_time(tmp_path):
    it = spool(tmp_path / "s")
    await it.open(0)
    for n in range(100):
        it.append(1000 + n, b"%d" % n, stream=n % 3)
    await settled(it)
    frames = await everything(it)
    assert [(f.time_us, f.data, f.stream) for f in frames] == [(1000 + n, b"%d" % n, n % 3) for n in range(100)]
    assert [f.seq for f in frames] == list(range(1, 101))
    await it.aclose()


@in_loop
async def test_nothing_is_handed_out_before_it_is_synced(tmp_path):
    synced = []

    def sync(fd):
        time.sleep(0.05)
        synced.append(os.fstat(fd).st_size)

    it = spool(tmp_path / "s", sync=sync)
    await it.open(0)
    it.append(1, b"x")
    assert await it.read(0) == []
    await settled(it)
    assert synced
    assert texts(await it.read(0)) == [b"x"]
    await it.aclose()


@in_loop
async def test_all_that_came_during_a_sync_is_one_group_and_the_loop_does_not_wait_for_the_disk(tmp_path):
    syncs, done, waited_for_nobody = 0, threading.Event(), []

    def sync(_fd):
        nonlocal syncs
        syncs += 1
        waited_for_nobody.append(done.wait(5))

    it = spool(tmp_path / "s", sync=sync)
    await it.open(0)
    for n in range(50):
        it.append(n, b"x")
        await asyncio.sleep(0.001)
    done.set()
    await settled(it)
    assert all(waited_for_nobody)
    assert syncs <= 2
    await it.aclose()


@in_loop
async def test_only_the_service_may_read_it(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir(mode=0o755)
    it = spool(folder)
    await it.open(0)
    it.append(1, b"0812345678")
    await settled(it)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in files(folder)] == [0o600]
    await it.aclose()


@in_loop
async def test_a_restart_goes_on_from_what_was_committed(tmp_path):
    it = spool(tmp_path / "s")
    await it.open(0)
    for n in range(10):
        it.append(n, b"%d" % n)
    await settled(it)
    it.forget(4)
    await it.aclose()
    again = spool(tmp_path / "s")
    await again.open(4)
    assert texts(await everything(again, 4)) == [b"%d" % n for n in range(3, 10)]
    again.append(99, b"new")
    await settled(again)
    assert (await everything(again, 11))[0].data == b"new"
    await again.aclose()


@in_loop
async def test_what_is_committed_is_deleted_when_its_file_ends_and_when_it_is_quiet(tmp_path):
    folder = tmp_path / "s"
    it = spool(folder, segment_bytes=500)
    await it.open(0)
    for n in range(40):
        it.append(n, b"caller 0812345678 %d" % n)
        await settled(it)
    assert len(files(folder)) > 3
    it.forget(20)
    async with asyncio.timeout(30):
        while texts(await everything(it, 1))[:1] == [b"caller 0812345678 0"]:
            await asyncio.sleep(0.01)
    assert b"0812345678 0" not in content(folder)
    assert texts(await everything(it, 20))[-1] == b"caller 0812345678 39"
    it.forget(41)
    async with asyncio.timeout(30):
        while files(folder):
            await asyncio.sleep(0.01)
    it.append(1, b"next")
    await settled(it)
    assert [(f.seq, f.data) for f in await it.read(41)] == [(41, b"next")]
    await it.aclose()


@in_loop
async def test_a_source_that_is_never_quiet_leaves_nothing_for_long_either(tmp_path):
    folder = tmp_path / "s"
    it = spool(folder, segment_s=0.05, idle_s=60)
    await it.open(0)
    it.append(0, b"0812345678")
    for n in range(30):
        it.append(n, b"x")
        await settled(it)
        it.forget(it.end)
        await asyncio.sleep(0.01)
    assert b"0812345678" not in content(folder)
    await it.aclose()


@in_loop
async def test_closing_leaves_nothing_that_is_committed(tmp_path):
    it = spool(tmp_path / "s", idle_s=60)
    await it.open(0)
    it.append(1, b"x")
    await settled(it)
    it.forget(2)
    await it.aclose()
    assert files(tmp_path / "s") == []


@pytest.mark.parametrize("cut", range(1, 60, 7))
@in_loop
async def test_a_torn_end_is_cut_and_told_and_the_rest_stays(tmp_path, cut):
    folder = tmp_path / "s"
    it = spool(folder)
    await it.open(0)
    for n in range(5):
        it.append(1000 + n, b"record %d of the PBX, which is long enough" % n)
    await settled(it)
    await it.aclose()
    (last,) = files(folder)
    os.truncate(last, last.stat().st_size - cut)
    again = spool(folder, clock=lambda: 7.0)
    await again.open(0)
    again.append(2000, b"after")
    await settled(again)
    frames = await everything(again)
    assert texts(frames) == [b"record %d of the PBX, which is long enough" % n for n in range(4)] + [b"after"]
    (gap,) = gaps(frames)
    assert (gap.kind, gap.from_us, gap.to_us) == ("damaged", 1003, 7_000_000)
    assert "had not been written whole" in gap.detail
    await again.aclose()


@pytest.mark.parametrize("seed", range(20))
@in_loop
async def test_damage_in_the_middle_costs_only_what_it_hit_and_is_told(tmp_path, seed):
    folder = tmp_path / "s"
    it = spool(folder, segment_bytes=300)
    await it.open(0)
    for n in range(30):
        it.append(1000 + n, b"record %02d" % n)
        if n % 7 == 6:
            await settled(it)
    await settled(it)
    await it.aclose()
    hit = files(folder)[seed % 3]
    block = bytearray(hit.read_bytes())
    block[(seed * 37) % (len(block) - 60)] ^= 0xFF
    hit.write_bytes(block)
    again = spool(folder)
    await again.open(1)
    frames = await everything(again, 1)
    assert len(texts(frames)) == 29
    assert [f.seq for f in frames] == sorted(f.seq for f in frames)
    (gap,) = gaps(frames)
    assert gap.kind == "damaged"
    assert "1 frames" in gap.detail
    await again.aclose()


@in_loop
async def test_a_spool_that_was_deleted_goes_on_behind_the_cursor(tmp_path):
    it = spool(tmp_path / "s")
    await it.open(500)
    it.append(1, b"x")
    await settled(it)
    assert [(f.seq, f.data) for f in await it.read(500)] == [(500, b"x")]
    await it.aclose()


class Disk:
    """A disk that can be full."""

    full = False

    def __call__(self, fd):
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fdatasync(fd)


@in_loop
async def test_a_full_disk_is_waited_for_in_bounded_memory_then_what_is_lost_is_told_to_the_byte(tmp_path):
    disk = Disk()
    it = spool(tmp_path / "s", sync=disk, waiting_bytes=10_000)
    await it.open(0)
    it.append(1, b"before")
    await settled(it)
    disk.full = True
    sent = [b"%03d" % n + b"." * 997 for n in range(50)]
    for n, data in enumerate(sent):
        it.append(100 + n, data)
        await asyncio.sleep(0.002)
        await asyncio.wait_for(it.room(), 5)
        assert it._waits <= 12_000
    assert "No space left" in it.problem
    disk.full = False
    await settled(it)
    it.append(999, b"after")
    await settled(it)
    frames = await everything(it)
    got = texts(frames)
    assert got[0] == b"before"
    assert got[-1] == b"after"
    kept = got[1:-1]
    assert kept == sent[: len(kept)]
    assert 5 <= len(kept) < 50
    (gap,) = gaps(frames)
    assert gap.kind == "overflow"
    assert (gap.from_us, gap.to_us) == (100 + len(kept), 149)
    assert f"{1000 * (50 - len(kept))} bytes" in gap.detail
    assert [f.kind for f in frames[-2:]] == [GAP, DATA]
    await it.aclose()


@pytest.mark.parametrize("truncates", [True, False])
@in_loop
async def test_a_short_full_disk_loses_and_repeats_nothing_also_over_a_restart(tmp_path, monkeypatch, truncates):
    """Also when what a failed write left cannot be cut off: its repetition bears the same numbers."""
    if not truncates:
        monkeypatch.setattr("collectors.spool_files.os.ftruncate", lambda *_: (_ for _ in ()).throw(OSError("EIO")))
    disk = Disk()
    it = spool(tmp_path / "s", sync=disk)
    await it.open(0)
    for n in range(60):
        disk.full = n % 20 > 10
        it.append(n, b"%d" % n)
        await asyncio.sleep(0.003)
    disk.full = False
    await settled(it)
    await it.aclose()
    again = spool(tmp_path / "s")
    await again.open(1)
    frames = await everything(again, 1)
    assert texts(frames) == [b"%d" % n for n in range(60)]
    assert gaps(frames) == []
    await again.aclose()


@in_loop
async def test_a_spool_never_grows_beyond_its_largest_size(tmp_path):
    it = spool(tmp_path / "s", most_bytes=20_000, waiting_bytes=5_000, segment_bytes=4_000)
    await it.open(0)
    for n in range(100):
        it.append(n, b"." * 1000)
        await it.room()  # as whoever reads a socket does
        await asyncio.sleep(0.001)
    assert "as much as it may" in it.problem
    assert len(content(tmp_path / "s")) <= 20_000
    it.forget(it.end)
    await settled(it)
    assert it.problem == ""
    await it.aclose()


@in_loop
async def test_a_slow_disk_is_waited_for_and_nothing_is_lost(tmp_path):
    it = spool(tmp_path / "s", sync=lambda _fd: time.sleep(0.02), waiting_bytes=10_000)
    await it.open(0)
    for n in range(100):
        it.append(n, b"%02d" % n + b"." * 1000)
        await it.room()
        assert it._waits < 12_000
    await settled(it)
    assert len(texts(await everything(it))) == 100
    await it.aclose()


@in_loop
async def test_a_crash_at_any_time_keeps_what_was_handed_out(tmp_path):
    """The files as they were at every sync: each is a state that a crash can leave."""
    states = []
    folder = tmp_path / "s"

    def sync(fd):
        os.fdatasync(fd)
        states.append({path.name: path.read_bytes() for path in files(folder)})

    it = spool(folder, segment_bytes=300, sync=sync)
    await it.open(0)
    for n in range(30):
        it.append(n, b"record %d" % n)
        await settled(it)
    await it.aclose()
    for number, state in enumerate(states):
        old = tmp_path / f"crash{number}"
        old.mkdir()
        for name, block in state.items():
            (old / name).write_bytes(block + (b"\xa5GSP torn" if name == max(state) else b""))
        again = spool(old)
        await again.open(1)
        assert texts(await everything(again, 1)) == [b"record %d" % n for n in range(number + 1)]
        await again.aclose()


@in_loop
async def test_closing_is_safe_twice_and_before_opening_and_leaves_no_file_open(tmp_path):
    before = open_files()
    it = spool(tmp_path / "s")
    await it.aclose()
    await it.open(0)
    it.append(1, b"x")
    await it.aclose()
    await it.aclose()
    assert open_files() == before


def test_a_told_loss_is_plain_json():
    assert json.loads(Lost("overflow", 1, 2, "x").frame().data) == ["overflow", 1, 2, "x"]
