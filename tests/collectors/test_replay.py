"""Frames → lines: from every cursor the same lines come on, whatever was cut where and however often it stopped."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.lines import MAX_RECORD
from collectors.replay import ALIVE, BEGAN, CLOSED, OPENED, TOGETHER_US, BlockCutter, Replay
from collectors.spool_files import DATA, GAP, Frame, Lost


def replay(*, lone_cr=True, new_file=False, cursor="", forget=lambda _: None):
    it = Replay("s/x", "s", "the PBX", lone_cr, new_file, forget)
    it.load(cursor)
    return it


def frames_of(seed):
    """What a day of sockets may look like."""
    rng = random.Random(seed)
    ends = [b"\n", b"\r\n", b"\r"]
    frames, open_, now_us = [], {}, 1_000_000

    def add(kind, stream=0, data=b""):
        frames.append(Frame(len(frames) + 1, now_us, kind, stream, data))

    for _ in range(rng.randrange(5, 120)):
        now_us += rng.choice([0, 10, 1000, 20_000, 2_000_000])
        what = rng.random()
        if what < 0.1 and len(open_) < 4:
            stream = max([*open_, 0]) + 1 if frames else 1
            open_[stream] = rng.choice(ends)
            add(OPENED, stream)
        elif what < 0.15 and open_:
            stream = rng.choice(list(open_))
            del open_[stream]
            facts = {"since_us": now_us - 5, "why": "x", "lost": rng.random() < 0.5}
            add(CLOSED, stream, json.dumps(facts).encode())
        elif what < 0.18:
            open_.clear()
            add(BEGAN)
        elif what < 0.21:
            add(ALIVE)
        elif what < 0.23:
            add(GAP, 0, Lost("overflow", now_us - 3, now_us, "x").frame().data)
        elif open_:
            stream = rng.choice(list(open_))
            size = rng.choice([1, 3, 20, 200, 70_000])
            text = open_[stream].join(b"%d" % rng.randrange(10**6) for _ in range(size // 5 + 1))
            add(DATA, stream, (text + open_[stream] * rng.randrange(2))[-size:] or b"x")
    return frames


def feed(it, frames, rng=None):
    """The batches, of the frames fed at once or in pieces."""
    if rng is None:
        return it.feed(frames)
    batches, at = [], 0
    while at < len(frames):
        count = rng.randrange(1, 10)
        batches += it.feed(frames[at : at + count])
        at += count
    return batches


@pytest.mark.parametrize("new_file", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_from_every_cursor_on_the_same_lines_and_gaps_come_and_nothing_needed_was_forgotten(seed, new_file):
    frames = frames_of(seed)
    rng = random.Random(seed)
    forgotten = []
    full = feed(replay(new_file=new_file, forget=forgotten.append), frames, rng)
    lines = [line for batch in full for line in batch.records]
    lost = [batch.gaps for batch in full]
    for number in sorted(rng.sample(range(len(full)), min(8, len(full)))):
        batch = full[number]
        forgotten.clear()
        batch.ack()
        (before,) = forgotten
        again = replay(new_file=new_file, cursor=batch.cursor)
        assert before <= again.first or not again.first
        rest = feed(again, [f for f in frames if f.seq >= max(before, again.first)], rng)
        done = sum(len(b.records) for b in full[: number + 1])
        assert [line for b in rest for line in b.records] == lines[done:]
        ours = [gap for b in rest for gap in b.gaps if gap.kind == "overflow"]
        assert ours == [gap for gaps in lost[number + 1 :] for gap in gaps if gap.kind == "overflow"]
        if new_file:
            begins = sum(b.restarts for b in rest)
            assert begins == sum(b.restarts for b in full[number + 1 :])


@pytest.mark.parametrize("seed", range(25))
def test_no_line_holds_bytes_of_two_connections_or_of_both_sides_of_a_loss(seed):
    frames, letters, parts = [], {}, 0
    for frame in frames_of(seed):
        if frame.kind in {BEGAN, GAP}:
            letters.clear()
        elif frame.kind == OPENED:
            letters.pop(frame.stream, None)
        elif frame.kind == DATA:
            if frame.stream not in letters:
                parts += 1
                letters[frame.stream] = 32 + parts % 200
            data = bytes(b if b in b"\r\n" else letters[frame.stream] for b in frame.data)
            frames.append(frame._replace(data=data))
            continue
        frames.append(frame)
    for batch in feed(replay(), frames):
        for line in batch.records:
            assert len(set(line)) <= 1
            assert len(line) <= MAX_RECORD


def test_lines_that_came_together_are_one_batch_and_others_bear_their_own_time():
    frames = [Frame(1, 5, OPENED, 1, b"")]
    frames += [Frame(n + 2, 1000 + n * 4000, DATA, 1, b"%d\n" % n) for n in range(6)]
    batches = feed(replay(), frames)
    assert [(b.received_us, list(b.records)) for b in batches] == [
        (1000, [b"0", b"1", b"2"]),
        (13_000, [b"3", b"4", b"5"]),
    ]
    assert TOGETHER_US < 12_000


def test_after_a_loss_the_rest_of_the_line_it_hit_is_skipped():
    frames = [
        Frame(1, 1, OPENED, 1, b""),
        Frame(2, 2, DATA, 1, b"one\ntwo, begu"),
        Frame(3, 3, GAP, 0, Lost("overflow", 2, 3, "x").frame().data),
        Frame(4, 4, DATA, 1, b"n elsewhere\nthree\n"),
    ]
    batches = feed(replay(), frames)
    assert [line for b in batches for line in b.records] == [b"one", b"two, begu", b"three"]
    assert [gap.kind for b in batches for gap in b.gaps] == ["overflow"]


def test_the_cursor_holds_nothing_of_what_was_said():
    frames = [Frame(1, 1, OPENED, 1, b""), Frame(2, 2, DATA, 1, b"x\n0812345678")]
    (batch,) = feed(replay(), frames)
    assert "0812345678" not in batch.cursor


@given(st.lists(st.sampled_from([b"Event: A", b"CallerIDNum: 0812345678", b"", b"x" * 40]), max_size=12), st.data())
def test_messages_of_several_lines_are_handed_out_whole_however_they_come(lines, data):
    stream = b"".join(line + data.draw(st.sampled_from([b"\n", b"\r\n"])) for line in lines)
    cutter, got = BlockCutter(lone_cr=False), []
    while stream:
        n = data.draw(st.integers(1, 30))
        part, stream = stream[:n], stream[n:]
        out = cutter.feed(part)
        assert not out or out[-1] == b""  # nothing of a message that is still coming
        got += out
    assert got == lines[: len(got)]
    held = lines[len(got) :]
    assert not any(line and not following for line, following in pairwise(held)), "every message that had its end"
    assert cutter.rest() == []


def test_a_message_that_does_not_end_is_handed_out_line_by_line():
    cutter = BlockCutter(lone_cr=False)
    lines = [line for _ in range(1000) for line in cutter.feed(b"x" * 99 + b"\n")]
    assert len(lines) > 600
    assert cutter.held <= MAX_RECORD
