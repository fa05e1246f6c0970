"""A source may forget only what has been committed, whatever happens in between."""

from __future__ import annotations

import asyncio
import time

import pytest

from kpis.columns import concat
from telemetry import pipeline as module
from telemetry.events import Decoded, Gap
from telemetry.journal import DiskFullError, JournalError, Unit
from telemetry.pipeline import Reads, _join, _split
from tests.telemetry.pipeline_room import NOW_US, Format, Room, Source, event


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.04)
    monkeypatch.setattr(module, "FULL_DISK_PAUSE_S", 0.02)
    made = Room(tmp_path)
    yield made
    made.pipeline.close()
    made.journal.close()


async def until(what, seconds=30.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.005)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_what_is_acknowledged_has_been_committed_and_is_in_the_live_figures(room):
    async def main():
        source = Source([1, 2, -3], [4])
        async with room.running(source):
            await until(lambda: len(source.acknowledged) == 2)
        assert room.stored() == [1, 2, 4]
        assert len(concat(room.live)) == 3
        assert [raw for *_, raw in room.journal.rejects()] == [b"-3"]

    run(main())


def test_nothing_is_acknowledged_before_its_commit_returns(room):
    async def main():
        source = Source([1])
        seen = []
        room.before_commit = lambda: (time.sleep(0.1), seen.append(list(source.acknowledged)))
        async with room.running(source):
            await until(lambda: source.acknowledged)
        assert seen == [[]]

    run(main())


def test_a_batch_without_anything_in_it_is_acknowledged_and_its_cursor_kept(room):
    async def main():
        source = Source([-1])
        async with room.running(source):
            await until(lambda: source.acknowledged)
        assert _split(room.journal.cursor("mqtt")) == ("after -1", "-1")

    run(main())


def test_while_the_disk_is_full_nothing_is_acknowledged_and_then_everything_once(room):
    async def main():
        source, other = Source([1, 2], [3]), Source([10], name="a/pbx")
        refused = []

        def full():
            if len(refused) < 5:
                refused.append(1)
                raise DiskFullError("full")

        room.before_commit = full
        async with room.running(source, other):
            await until(lambda: len(refused) == 4)
            assert (source.acknowledged, other.acknowledged) == ([], [])
            assert room.health.ready()[1]["problems"][0].startswith("the disk is full")
            await until(lambda: len(source.acknowledged) == 2 and other.acknowledged)
        assert sorted(room.stored()) == [1, 2, 3, 10]
        assert room.health.storing

    run(main())


def test_a_disk_that_fails_ends_the_commits_and_nothing_is_acknowledged(room):
    async def main():
        source = Source([1])

        def fail():
            raise JournalError("disk I/O error")

        room.before_commit = fail
        async with room.running(source) as (commits, _):
            with pytest.raises(JournalError, match="I/O error"):
                await commits
            await asyncio.sleep(0.05)
        assert (source.acknowledged, room.stored()) == ([], [])

    run(main())


def test_asked_to_stop_it_commits_and_acknowledges_what_it_has_read_and_reads_no_more(room):
    async def main():
        source = Source([1], [2], [3])
        began = asyncio.Event()
        loop = asyncio.get_running_loop()
        room.before_commit = lambda: (loop.call_soon_threadsafe(began.set), time.sleep(0.1))
        async with room.running(source) as (_, reading):
            await began.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert (source.acknowledged, source.unacknowledged) == ([[1]], [[2], [3]])
            assert source.closed
        assert room.stored() == [1]

    run(main())


def test_what_was_not_acknowledged_comes_again_and_counts_once(room):
    async def main():
        source = Source([1, 2], ends=True)
        ack, source.ack = source.ack, lambda _records: None  # lost on its way
        async with room.running(source):
            await until(lambda: source.connections == 3)
            source.ack = ack
            await until(lambda: source.acknowledged)
        assert room.stored() == [1, 2]
        assert len(concat(room.live)) == 2
        assert room.health.source("mqtt").duplicates >= 4

    run(main())


def test_each_connection_is_given_the_committed_cursor_and_the_format_its_state(room):
    async def main():
        decoder, source = Format(), Source([1, 2], [3], ends=True)
        async with room.running(source, decoder=decoder):
            await until(lambda: source.connections == 2)
        assert source.cursors[:2] == ["", "after 3"]
        assert decoder.loaded[:2] == ["", "6"]

    run(main())


def test_a_state_of_a_batch_that_was_not_committed_is_forgotten_with_it(room):
    async def main():
        decoder, source = Format(), Source([5], ends=True)
        async with room.running(source, decoder=decoder):
            await until(lambda: source.connections >= 2)
        decoder.sum = 999
        again = Source(name="mqtt")
        async with room.running(again, decoder=decoder):
            await until(lambda: again.connections)
        assert decoder.sum == 5

    run(main())


@pytest.mark.parametrize(
    ("cursor", "state"), [("", ""), ("12", ""), ("", "x"), ("a:b", '{"c":"1:2"}'), ("é", "5:"), ("9:", ":")]
)
def test_cursor_and_state_come_back_as_they_were(cursor, state):
    assert _split(_join(cursor, state)) == (cursor, state)


def test_sources_that_are_ready_together_share_a_commit(room):
    async def main():
        room.before_commit = lambda: time.sleep(0.05)
        sources = [Source([n], name=f"s{n}") for n in range(20)]
        async with room.running(*sources):
            await until(lambda: all(s.acknowledged for s in sources))
        assert sum(room.commits) == 20
        assert len(room.commits) < 10

    run(main())


def test_a_source_that_is_away_is_tried_again_and_holds_up_nobody(room):
    async def main():
        away, here = Source([1], name="away"), Source([2], name="here")
        away.refuse = 1_000_000
        async with room.running(away, here):
            await until(lambda: here.acknowledged and len(away.cursors) >= 6)
            assert room.health.sources["away"].problem == "nobody there"
            assert not room.health.ready()[0]
            assert room.health.ready()[1]["not_connected"] == {"away": "nobody there"}
            tried, away.refuse = len(away.cursors), 0
            await until(lambda: away.acknowledged)
            assert room.health.sources["away"].connected
        assert len(away.cursors) == tried + 1
        assert away.closed >= tried, "what a failed attempt opened is closed"

    run(main())


def test_an_event_ahead_of_the_clock_is_refused_where_the_format_cannot_know_the_time(room):
    class Ahead(Format):
        def feed(self, records, received_us):
            return Decoded([event(n, NOW_US + n * 1_000_000, "a/pbx") for n in records])

    async def main():
        source = Source([-1_000_000, 0, 300, 301, 86_400], name="a/pbx")
        async with room.running(source, decoder=Ahead(), refuse_future=True):
            await until(lambda: source.acknowledged)
        assert room.stored() == [-1_000_000, 0, 300]
        assert [(source, reason) for source, reason, *_ in room.journal.rejects()] == [
            ("a/pbx", "time_out_of_range")
        ] * 2

    run(main())


def test_gaps_that_a_source_knows_of_are_committed_with_the_batch(room):
    async def main():
        source = Source([1])
        source.gaps = [Gap("a", "mqtt", "truncated", 1, 2, "x")]
        async with room.running(source):
            await until(lambda: source.acknowledged)
        assert room.journal.gaps() == [("mqtt", "truncated", 1, 2, "x")]

    run(main())


class Notes(Format):
    """Notes when its records came, and how many at once."""

    def __init__(self):
        super().__init__()
        self.came, self.sizes = [], []

    def feed(self, records, received_us):
        self.came.append(received_us)
        self.sizes.append(len(records))
        return super().feed(records, received_us)


def test_when_a_batch_says_when_it_came_that_is_what_the_decoder_and_the_journal_are_told(room):
    async def main():
        kept, now = Source([1, -2], name="kept"), Source([3], name="now")
        kept.received_us = NOW_US - 3_600_000_000
        notes = Notes()
        async with room.running(kept, now, decoder=notes):
            await until(lambda: kept.acknowledged and now.acknowledged)
        assert sorted(notes.came) == [kept.received_us, NOW_US]
        came = {e.id: us for _, us, e in room.journal.read(0)}
        assert came == {"b:0000000001": kept.received_us, "b:0000000003": NOW_US}
        assert [row[1] for row in room.journal.rejects_after(0)] == [kept.received_us]

    run(main())


def test_a_source_that_pours_leaves_room_for_others_between_its_records(room, monkeypatch):
    monkeypatch.setattr(module, "FEWEST_AT_ONCE", 10)
    monkeypatch.setattr(module, "MOST_AT_ONCE", 10)

    async def main():
        much, notes = Source(list(range(95)), name="much"), Notes()
        async with room.running(much, decoder=notes):
            await until(lambda: much.acknowledged)
        assert notes.sizes == [10] * 9 + [5]
        assert room.stored() == list(range(95))
        assert room.commits == [1], "they are committed as one, with their cursor"
        assert _split(room.journal.cursor("much")) == ("after 94", str(sum(range(95))))

    run(main())


def test_a_slow_source_gives_way_after_fewer_records(room):
    class Slow(Notes):
        def feed(self, records, received_us):
            time.sleep(0.0005 * len(records))
            return super().feed(records, received_us)

    async def main():
        much, notes = Source(list(range(200)), list(range(200, 400)), name="much"), Slow()
        async with room.running(much, decoder=notes):
            await until(lambda: room.stored() == list(range(400)))
        assert notes.sizes == [200] + [50] * 4

    run(main())


@pytest.mark.parametrize(
    ("before", "now", "cursor", "state"),
    [
        (("tail", "a"), ("tail", "a"), "after 1", "1"),
        (("tail", "a"), ("tail", "b"), "", ""),
        (("tail", "a"), ("folder", "a"), "", ""),
        (("tail", "a", "x"), ("tail", "a", "y"), "after 1", ""),
        (("stream", "a"), ("stream", "b"), "after 1", ""),
        (("stream", "a"), ("tail", "a"), "", ""),
        (None, ("tail", "asterisk_queue_log"), "after 1", "1"),
        (None, ("tail", "a"), "", ""),
        (("tail", "a"), None, "after 1", "1"),
    ],
)
def test_what_another_reader_left_is_of_no_use_when_the_settings_of_a_source_were_changed(
    room, before, now, cursor, state
):
    async def main():
        kept = (Reads(*before).text() + "\n" if before else "") + _join("after 1", "1")
        room.journal.commit([Unit("mqtt", Decoded(), NOW_US, kept)])
        room.pipeline.reads = {"mqtt": Reads(*now)} if now else {}
        source, decoder = Source([2]), Format()
        async with room.running(source, decoder=decoder):
            await until(lambda: source.acknowledged)
        assert (source.cursors, decoder.loaded) == ([cursor], [state])
        text = room.journal.cursor("mqtt")
        assert text.partition("\n")[0] == Reads(*now).text() if now else "\n" not in text

    run(main())


def test_counts_of_health_are_those_of_the_journal(room):
    async def main():
        source = Source([1, 2, 2, -1], [3], [1])
        async with room.running(source):
            await until(lambda: len(source.acknowledged) == 3)
        health, tally = room.health.source("mqtt"), room.journal.tally()
        assert (health.received, health.events, health.duplicates) == (6, 3, 2)
        assert (tally["mqtt", "events"], tally["mqtt", "duplicates"]) == (3, 2)
        assert health.rejected == {"not_json": 1}
        assert tally["mqtt", "rejected:not_json"] == 1
        assert room.health.commits == len(room.commits)

    run(main())


def test_a_commit_asked_for_after_the_end_is_not_waited_for_for_ever(room):
    async def main():
        async with room.running():
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(room.pipeline.commit(Unit("x", Decoded(), NOW_US)), 30)

    run(main())
