"""A log file under every way of rotating it: numbered lines in, the same numbers out, once each."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import shutil
import threading
import time

import pytest

from collectors.base import NotConnected
from collectors.lines import MAX_RECORD, LineCutter
from collectors.tail import Tail, read_lines
from tests.servers import open_files

FAST = {"name": "pbx", "site": "s", "poll_s": 0.003, "idle_s": 0.03}


class Reader:
    """A tail with the pipeline's memory: what was committed, and the cursor that was committed with it."""

    def __init__(self, path, **options):
        self.make = lambda: Tail(path=path, **(FAST | options))
        self.cursor = ""
        self.lines = []
        self.gaps = []

    def until(self, done, *, timeout_s=60.0, lose_last=False):
        """Run until `done()`; or, when it is a number of seconds, until nothing has come for so long and for eight whole looks: a
        busy machine looks seldom."""
        asyncio.run(self._run(done, timeout_s, lose_last))
        return self

    def quiet(self, quiet_s=0.15):
        """Run until nothing has come for so long."""
        return self.until(quiet_s)

    async def _run(self, done, timeout_s, lose_last):
        tail = self.make()
        looks, look = 0, tail._turn

        async def turn():
            nonlocal looks
            batch = await look()
            looks += 1
            return batch

        tail._turn = turn
        await tail.connect(self.cursor)
        batches = aiter(tail.batches())
        end = time.monotonic() + timeout_s
        waiting = None
        try:
            while not callable(done) or not done():
                waiting, looks = asyncio.ensure_future(anext(batches)), 0
                if callable(done):
                    await asyncio.wait([waiting], timeout=max(0, end - time.monotonic()))
                    assert waiting.done(), f"not done after {timeout_s} s: {len(self.lines)} lines"
                else:
                    await asyncio.wait([waiting], timeout=done)
                    while not waiting.done() and looks < 8:
                        await asyncio.wait([waiting], timeout=0.01)
                    if not waiting.done():
                        return
                batch = waiting.result()
                if lose_last and callable(done) and batch.records and random.random() < 0.3:
                    return  # killed between the batch and its commit
                self.lines += batch.records
                self.gaps += batch.gaps
                self.cursor = batch.cursor
                batch.ack()
        finally:
            if waiting is not None and not waiting.done():
                waiting.cancel()
                await asyncio.wait([waiting])
            await batches.aclose()
            await tail.aclose()
            await tail.aclose()

    @property
    def numbers(self):
        return [int(line) for line in self.lines]


def write(path, numbers, mode="ab"):
    with path.open(mode) as log:
        log.writelines(b"%07d\n" % n for n in numbers)


def rotate(path, keep=5):
    """As logrotate and Asterisk's `rotate` do: the oldest goes, the others move up, the log becomes .1."""
    path.with_name(f"{path.name}.{keep}").unlink(missing_ok=True)
    for n in range(keep - 1, 0, -1):
        old = path.with_name(f"{path.name}.{n}")
        if old.exists():
            old.rename(path.with_name(f"{path.name}.{n + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))


def copy_and_truncate(path):
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "queue_log"


def test_a_log_is_read_from_its_beginning_and_followed(log):
    write(log, range(10))
    reader = Reader(log).quiet()
    write(log, range(10, 20))
    assert reader.quiet().numbers == list(range(20))


def test_a_log_that_does_not_exist_yet_is_waited_for(log):
    reader = Reader(log / "later")
    reader.make = lambda: Tail(path=log, **FAST)
    reader.quiet(0.05)
    write(log, range(3))
    assert reader.quiet().numbers == [0, 1, 2]
    assert reader.gaps == []


def test_a_log_born_and_rotated_while_nobody_looked_is_read_from_the_first_place_known(log):
    reader = Reader(log).quiet(0.05)
    assert json.loads(reader.cursor)["ino"] == 0
    write(log, range(3))
    rotate(log)
    write(log, range(3, 6))
    assert reader.quiet().numbers == list(range(6))


def test_a_line_without_its_end_is_held_until_the_end_comes(log):
    log.write_bytes(b"1\n2")
    reader = Reader(log).quiet(0.05)
    assert reader.lines == [b"1"]
    with log.open("ab") as writer:
        writer.write(b"2\n3")
    assert reader.quiet().lines == [b"1", b"22"]


def test_bytes_written_one_by_one_make_the_same_lines(log):
    text = "1\r\nบัตร\n\n\0\0\n".encode()
    log.write_bytes(b"")
    reader = Reader(log)

    def slowly():
        with log.open("ab", buffering=0) as writer:
            for at in range(len(text)):
                writer.write(text[at : at + 1])
                time.sleep(0.002)

    thread = threading.Thread(target=slowly)
    thread.start()
    reader.until(lambda: len(reader.lines) == 4)
    thread.join()
    assert reader.lines == [b"1\r", "บัตร".encode(), b"", b"\0\0"]


def test_the_last_line_of_a_rotated_log_is_taken_once_its_writer_is_gone(log):
    log.write_bytes(b"1\n2")
    reader = Reader(log).quiet(0.05)
    rotate(log)
    write(log, [3])
    assert reader.quiet().numbers == [1, 2, 3]


def test_a_writer_that_has_not_changed_over_yet_is_followed_into_the_rotated_file(log):
    with log.open("ab", buffering=0) as old:
        old.write(b"1\n")
        reader = Reader(log).quiet(0.05)
        rotate(log)
        log.touch()
        reader.quiet()
        old.write(b"2\n")
        reader.quiet()
    write(log, [3])
    assert reader.quiet().numbers == [1, 2, 3]


def test_a_long_line_passes_as_one_record_of_bounded_length(log):
    log.write_bytes(b"1\n" + b"x" * 10_000_000 + b"\n2\n")
    reader = Reader(log).quiet()
    assert [len(line) for line in reader.lines] == [1, MAX_RECORD, 1]
    write(log, [3])
    assert int(reader.quiet().lines[-1]) == 3


def test_a_long_line_without_its_end_does_not_stop_the_event_loop(log):
    log.write_bytes(b"x" * 20_000_000)

    async def turns():
        tail = Tail(path=log, **FAST)
        await tail.connect("")
        batches = aiter(tail.batches())
        await anext(batches)
        waiting = asyncio.ensure_future(anext(batches))
        count = 0
        while tail._drained is None:
            await asyncio.sleep(0)
            count += 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await tail.aclose()
        return count, len(tail._cutter._begun)

    count, held = asyncio.run(turns())
    assert count > 20
    assert held <= MAX_RECORD


def test_a_chain_of_rotations_while_nobody_looked_is_read_in_order(log):
    write(log, range(5))
    reader = Reader(log).quiet(0.05)
    write(log, range(5, 10))
    for first in (10, 20, 30):
        time.sleep(0.01)
        rotate(log)
        write(log, range(first, first + 10))
    assert reader.quiet().numbers == list(range(40))
    assert reader.gaps == []


@pytest.mark.parametrize("name", ["{}.1767236400", "{}-20260101", "{}.7"])
def test_rotated_files_of_every_naming_are_found(log, name):
    write(log, range(5))
    reader = Reader(log).quiet(0.05)
    write(log, range(5, 10))
    log.rename(log.with_name(name.format(log.name)))
    write(log, range(10, 20))
    assert reader.quiet().numbers == list(range(20))


def test_a_rotated_log_that_went_for_good_is_a_gap(log):
    write(log, range(5))
    reader = Reader(log).quiet(0.05)
    write(log, range(5, 10))
    rotate(log)
    log.with_name("queue_log.1").rename(log.with_name("queue_log.1.gz"))
    write(log, range(10, 20))
    assert reader.quiet().numbers == [*range(5), *range(10, 20)]
    (gap,) = reader.gaps
    assert (gap.kind, gap.site, gap.source) == ("rotated_away", "s", "pbx")
    assert gap.from_us <= gap.to_us
    assert reader.quiet(0.05).gaps == [gap]


def test_a_packed_log_is_never_tailed(log):
    write(log, [1])
    reader = Reader(log).quiet(0.05)
    log.with_name("queue_log.2.gz").write_bytes(gzip.compress(b"9\n"))
    rotate(log)
    write(log, [2])
    assert reader.quiet().numbers == [1, 2]


def test_other_files_beside_the_log_are_left_alone(log):
    write(log, [1])
    reader = Reader(log).quiet(0.05)
    rotate(log)
    for name in ("queue_log.bak", "queue_log_notes.txt", "messages.1", "queue_log.d"):
        log.with_name(name).write_bytes(b"9\n")
    write(log, [2])
    assert reader.quiet().numbers == [1, 2]


def naive_follower(log, cursor):
    """The known-bad control: a file is its inode, a place its offset."""
    ino, offset = cursor
    now = log.stat()
    if now.st_ino != ino or now.st_size < offset:
        offset = 0
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().splitlines()
        return lines, (now.st_ino, file.tell())


def test_a_new_log_with_the_old_inode_is_a_new_log(log):
    write(log, range(5))
    reader = Reader(log).quiet(0.05)
    naive, (_, offset) = naive_follower(log, (0, 0))
    log.unlink()
    write(log, range(100, 110))
    ino = log.stat().st_ino  # ext4 gives the old one again at once; other file systems are made to
    reader.cursor = json.dumps(json.loads(reader.cursor) | {"ino": ino})
    assert reader.quiet().numbers == [*range(5), *range(100, 110)]
    assert [gap.kind for gap in reader.gaps] == ["truncated"]
    naive += naive_follower(log, (ino, offset))[0]
    assert len(naive) == 10, "the control must lose what was written before its offset"


def test_a_log_deleted_and_created_under_the_reader_loses_nothing(log):
    write(log, range(5))
    reader = Reader(log)

    def writer():
        for first in range(5, 65, 5):
            while len(reader.lines) < first:
                time.sleep(0.001)
            log.unlink()
            write(log, range(first, first + 5))

    thread = threading.Thread(target=writer)
    thread.start()
    reader.until(lambda: len(reader.lines) == 65)
    thread.join()
    assert reader.numbers == list(range(65))
    assert reader.gaps == []


def test_a_truncation_is_a_gap_and_the_rest_is_read_from_the_copy(log):
    write(log, range(5))
    reader = Reader(log).quiet(0.05)
    write(log, range(5, 10))
    copy_and_truncate(log)
    write(log, range(10, 30))
    assert reader.quiet().numbers == list(range(30))
    assert [gap.kind for gap in reader.gaps] == ["truncated"]
    write(log, [30])
    assert reader.quiet(0.05).numbers[-1] == 30
    assert len(reader.gaps) == 1


@pytest.mark.parametrize("after", [2, 5, 50])
def test_a_truncation_under_the_reader_is_seen_however_far_the_log_has_grown_again(log, after):
    write(log, range(5))
    reader = Reader(log)

    def truncate():
        os.truncate(log, 0)
        write(log, range(100, 100 + after))

    timer = threading.Timer(0.1, truncate)
    timer.start()
    reader.until(lambda: len(reader.lines) == 5 + after)
    timer.join()
    assert reader.numbers == [*range(5), *range(100, 100 + after)]
    assert [gap.kind for gap in reader.gaps] == ["truncated"]


def test_a_log_that_is_replaced_by_a_longer_copy_of_itself_is_read_on(log):
    """As rsync, editors and `sed -i` write: another file, the same beginning."""
    reader = Reader(log)
    log.write_bytes(b"".join(b"%d\n" % n for n in range(200)))
    reader.quiet()
    for until in (300, 400):
        copy = log.with_name("copy")
        copy.write_bytes(b"".join(b"%d\n" % n for n in range(until)))
        copy.replace(log)
        reader.quiet()
    assert reader.lines == [b"%d" % n for n in range(400)]
    assert not reader.gaps


def test_a_link_that_is_pointed_elsewhere_is_followed(log):
    first, second = log.with_name("queue_log.20260101"), log.with_name("queue_log.20260102")
    write(first, range(5))
    log.symlink_to(first)
    reader = Reader(log).quiet(0.05)
    write(first, range(5, 10))
    write(second, range(10, 20))
    log.unlink()
    log.symlink_to(second)
    assert reader.quiet().numbers == list(range(20))
    assert reader.gaps == []


class Writer(threading.Thread):
    """Writes numbered lines, some of them in two pieces, and rotates in between."""

    patient = True
    """Whether each file is there until something of it was read."""

    def __init__(self, log, turn, reader, count=6000, every=300):
        super().__init__(daemon=True)
        self.args = log, turn, reader, count, every

    def run(self):
        log, turn, reader, count, every = self.args
        for first in range(0, count, every):
            with log.open("ab", buffering=0) as file:
                for n in range(first, first + every, 10):
                    text = b"".join(b"%07d\n" % i for i in range(n, n + 10))
                    file.write(text[:37])
                    file.write(text[37:])
                    time.sleep(0.001)
            while len(reader.lines) <= first and self.patient:
                time.sleep(0.001)  # what nobody has seen cannot be missed when it goes
            if first + every < count:
                turn(log)


def recreate(log):
    """Rename away to where nobody looks, and create: only the open file remains to be read."""
    log.rename(log.with_name("old"))
    log.touch()


@pytest.mark.parametrize("turn", [rotate, recreate])
def test_a_writer_that_rotates_all_the_time_loses_nothing_and_doubles_nothing(log, turn):
    log.touch()
    reader = Reader(log)
    writer = Writer(log, turn, reader)
    writer.start()
    reader.until(lambda: len(reader.lines) >= 6000)
    writer.join()
    assert reader.quiet(0.05).numbers == list(range(6000))
    assert reader.gaps == []


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_points_while_the_log_rotates_nothing_is_lost_and_nothing_doubled(log, seed):
    random.seed(seed)
    log.touch()
    reader = Reader(log, max_batch_bytes=1000).quiet(0.01)
    writer = Writer(log, lambda log: rotate(log, keep=99), reader)
    writer.patient = False
    writer.start()
    kills = 0
    while len(reader.lines) < 6000:
        stop = time.monotonic() + random.uniform(0.0, 0.2)
        reader.until(lambda stop=stop: len(reader.lines) >= 6000 or time.monotonic() > stop, lose_last=True)
        kills += 1
    writer.join()
    assert reader.quiet(0.05).numbers == list(range(6000))
    assert reader.gaps == []
    assert kills > 5


def test_copy_and_truncate_under_a_busy_writer_doubles_nothing_and_is_counted(log):
    log.touch()
    reader = Reader(log)
    writer = Writer(log, copy_and_truncate, reader)
    writer.start()
    reader.until(lambda: bool(reader.lines) and int(reader.lines[-1]) == 5999)
    writer.join()
    assert reader.numbers == list(range(6000))
    assert {gap.kind for gap in reader.gaps} == {"truncated"}
    assert 1 <= len(reader.gaps) <= 19


def test_what_is_no_file_or_may_not_be_read_is_not_connected(log):
    log.mkdir()
    with pytest.raises(NotConnected):
        Reader(log).quiet(0.01)


def test_a_folder_that_is_gone_for_a_while_is_not_a_gap(log):
    write(log, range(3))
    reader = Reader(log).quiet(0.05)
    away = log.parent.with_name("away")
    log.parent.rename(away)
    with pytest.raises(NotConnected):
        reader.quiet(0.01)
    away.rename(log.parent)
    write(log, [3])
    assert reader.quiet().numbers == [0, 1, 2, 3]
    assert reader.gaps == []


def test_no_file_stays_open(log):
    before = open_files()
    write(log, range(3))
    reader = Reader(log).quiet(0.02)
    rotate(log)
    write(log, range(3, 6))
    reader.quiet(0.02)
    reader.quiet(0.1)
    assert open_files() == before


def test_a_whole_file_is_read_with_its_progress_packed_or_not(tmp_path):
    text = b"".join(b"%07d\n" % n for n in range(50_000)) + b"no end"
    (tmp_path / "a").write_bytes(text)
    (tmp_path / "b.gz").write_bytes(gzip.compress(text))
    for name in ("a", "b.gz"):
        parts = list(read_lines(tmp_path / name, block=10_000))
        assert [line for part in parts for line in part.lines] == text.split(b"\n")
        done = [part.done_bytes for part in parts]
        assert done == sorted(done)
        assert done[-1] == parts[-1].total_bytes == (tmp_path / name).stat().st_size


def test_a_damaged_packed_file_gives_its_lines_and_then_an_error(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(random.Random(1).randbytes(200_000))[:-50])
    with pytest.raises(OSError, match=r"a\.gz"):
        list(read_lines(path))


def test_lines_are_the_same_however_the_blocks_fall():
    text = b"one\n\ntwo\r\n" + b"x" * (MAX_RECORD + 10) + b"\n" + b"y" * (MAX_RECORD - 1) + b"\nlast"
    whole = [line[:MAX_RECORD] for line in text.split(b"\n")]
    for size in (1 << 20, 70_000, 4096, 7):
        cutter = LineCutter()
        got = []
        for at in range(0, len(text), size):
            got += cutter.feed(text[at : at + size])
        assert got + cutter.rest() == whole
        assert cutter.held == 0
