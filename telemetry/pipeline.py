"""Runs every collector for ever: connect, decode, commit, acknowledge, and back off when a source is away.

A batch is acknowledged only after the commit that holds its events and rejects has returned, by the connection that
delivered it. Batches of all sources that are ready at once share one transaction; nothing waits for one to fill.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from kpis.columns import Columns
from telemetry.events import Decoded, Rejected, canonical_json, to_cloudevent
from telemetry.health import Health
from telemetry.journal import Committed, DiskFullError, Journal, Unit

log = logging.getLogger("gecc.pipeline")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
FULL_DISK_PAUSE_S = 2.0
AHEAD_US = 5 * 60 * 1_000_000
TURN_S = 0.005
FEWEST_AT_ONCE, MOST_AT_ONCE = 50, 1000
"""Records are decoded as many at once as take about so long, by the pace of the source's last ones; then others have
their turn."""


class Reads(NamedTuple):
    """What can take up a source's cursor, and what its decoder's state."""

    way: str
    format: str
    layout: str = "-"
    """Of the settings that say where in a record what stands."""

    def goes_on(self, before: Reads) -> bool:
        """Whether a cursor of before can be taken up. A file that was read as something else was not understood: it is
        read again. A stream cannot be."""
        return self.way == before.way and (self.way == STREAM or self.format == before.format)

    def text(self) -> str:
        return " ".join(self)


STREAM = "stream"
EARLIER = Reads("tail", "asterisk_queue_log")
"""Every log, before this was kept."""


class _Decoder(Protocol):
    def feed(self, records: Any, received_us: int) -> Decoded: ...
    def dump(self) -> str: ...
    def load(self, state: str) -> None: ...
    def restart(self) -> None: ...


class Pipeline:
    """All sources of one journal. `run_source` and `run_commits` are tasks for one TaskGroup."""

    def __init__(
        self,
        journal: Journal,
        *,
        protect: Callable[[Decoded], None],
        committed: Callable[[Columns], None],
        health: Health,
        not_connected: type[Exception],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._protect = protect
        self._committed = committed
        self._health = health
        self._not_connected = not_connected
        self._clock = clock
        self._waiting: list[tuple[Unit, asyncio.Future[int]]] = []
        self._under_way: list[tuple[Unit, asyncio.Future[int]]] = []
        self._ended = False
        self._wake = asyncio.Event()
        self._pace_s: dict[str, float] = {}
        """Source → what it took to decode one record of late."""
        self.reads: dict[str, Reads] = {}
        """How sources are read, for those where that can be set."""
        self.latest_us: dict[str, int] = {}
        """Source → time of the last event it brought."""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")

    async def run_source(self, collector: Any, decoder: _Decoder, *, refuse_future: bool = False) -> None:
        """Read one source for ever. With `refuse_future` events ahead of our clock are rejected here, for formats that
        cannot know the time; their past is taken, however long ago: a log that is followed can have waited."""
        name = collector.name
        health = self._health.source(name)
        pause = FIRST_PAUSE_S
        while True:
            try:
                await collector.connect(self.resume(name, decoder))
                if not health.connected:
                    log.info("%s: connected", name)
                health.connected, health.problem = True, ""
                async for batch in collector.batches():
                    work = asyncio.ensure_future(self.take(name, decoder, batch, refuse_future=refuse_future))
                    try:
                        await asyncio.shield(work)
                        pause = FIRST_PAUSE_S  # it is there for good only when something came of it
                    except asyncio.CancelledError:
                        await work  # what was read is committed and acknowledged before we go
                        raise
            except self._not_connected as problem:
                if health.connected or not health.problem:
                    log.warning("%s: not connected: %s", name, problem)
                health.connected, health.problem = False, str(problem)
            finally:
                health.connected = False
                await collector.aclose()
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311  jitter, not a secret
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def resume(self, name: str, decoder: _Decoder) -> str:
        """Give a decoder its state of the last commit; the cursor of then is for its collector. What was left by others,
        before the source's settings were changed, is of no use to them."""
        before, cursor, state = _sorted_out(self._journal.cursor(name))
        now = self.reads.get(name)
        if now is not None and before is not None and before != now:
            begins = not now.goes_on(before)
            where = "is read from its beginning" if begins else "goes on where it was"
            log.warning("%s: is %s now and was %s; it %s", name, now.text(), before.text(), where)
            cursor, state = "" if begins else cursor, ""
        decoder.load(state)
        return cursor

    async def take(
        self, name: str, decoder: _Decoder, batch: Any, *, refuse_future: bool = False
    ) -> tuple[Decoded, int]:
        """Decode, protect, commit, acknowledge and count one batch: what became of it, and how many events were new.
        Its decoder is called before this gives way, unless that takes longer than `TURN_S`; once called, let it end: what is
        committed is to be counted."""
        now_us = int(self._clock() * 1e6)
        if batch.restarts:
            decoder.restart()
        received_us = batch.received_us or now_us
        decoded, many = Decoded(), len(batch.records)
        size = max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, int(TURN_S / self._pace_s.get(name, 1e-6))))
        for begin in range(0, max(1, many), size):
            if begin:
                await asyncio.sleep(0)
            began = time.perf_counter()
            records = batch.records[begin : begin + size] if many > size else batch.records
            part = decoder.feed(records, received_us)
            if refuse_future:
                refuse_future_events(part, now_us)
            self._protect(part)
            decoded = part if not begin else decoded.join(part)
            self._pace_s[name] = max(1e-7, (time.perf_counter() - began) / max(1, len(records)))
        decoded.gaps.extend(batch.gaps)
        reads = self.reads.get(name)
        cursor = (f"{reads.text()}\n" if reads else "") + _join(batch.cursor, decoder.dump())
        new = await self.commit(Unit(name, decoded, received_us, cursor))
        batch.ack()
        for source, time_us in {e.source: e.time_us for e in decoded.events}.items():
            if time_us >= self.latest_us.get(source, 0):
                self.latest_us[source], self._health.lag_us[source] = time_us, received_us - time_us
        self._count(name, len(batch.records), decoded, new)
        return decoded, new

    def _count(self, name: str, received: int, decoded: Decoded, new: int) -> None:
        health = self._health.source(name)
        health.received += received
        health.events += new
        health.duplicates += len(decoded.events) - new
        health.ignored += decoded.ignored
        for r in decoded.rejected:
            health.rejected[r.reason] += 1
            self._health.refused[r.source or name] += 1

    async def commit(self, unit: Unit) -> int:
        """Store one unit together with whatever else waits; how many of its events were new."""
        if self._ended:
            raise asyncio.CancelledError("the journal is closed")
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, done))
        self._wake.set()
        return await done

    async def run_commits(self) -> None:
        """Commit what waits, for ever. Raises JournalError when the disk cannot be trusted any more. When it ends, for
        whatever reason, nobody is left waiting for a commit that will not come."""
        try:
            await self._commit_for_ever()
        finally:
            self._ended = True
            for _, done in self._waiting + self._under_way:
                done.cancel()

    async def _commit_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            taken, self._waiting = self._waiting, []
            if not taken:
                continue
            self._under_way = taken
            began = time.perf_counter()
            result = await asyncio.shield(loop.run_in_executor(self._writer, self._commit, [u for u, _ in taken]))
            if result is None:
                self._health.storing = False
                self._waiting = taken + self._waiting
                self._wake.set()
                await asyncio.sleep(FULL_DISK_PAUSE_S)
                continue
            self._health.storing = True
            self._health.commits += 1
            self._health.commit_seconds += time.perf_counter() - began
            if len(result.columns):
                self._committed(result.columns)
            for (_, done), new in zip(taken, result.new, strict=True):
                if not done.done():
                    done.set_result(new)

    def _commit(self, units: list[Unit]) -> Committed | None:
        try:
            return self._journal.commit(units)
        except DiskFullError as problem:
            log.error("%s: events wait at their sources until there is room", problem)  # noqa: TRY400
            return None

    async def in_writer(self, work: Callable[[], Any]) -> Any:
        """Run something that writes to the journal where all writing happens."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    def close(self) -> None:
        """End the writer thread after what it is doing."""
        self._writer.shutdown(wait=True)


def refuse_future_events(decoded: Decoded, now_us: int) -> None:
    """Turn events ahead of our clock into rejects, in place: nothing that is recorded can have happened later."""
    limit_us = now_us + AHEAD_US
    ahead = [e for e in decoded.events if e.time_us > limit_us]
    if ahead:
        decoded.events = [e for e in decoded.events if e.time_us <= limit_us]
        decoded.rejected += [
            Rejected(
                "time_out_of_range",
                f"{e.type} at {e.time_us // 1_000_000} (seconds since 1970) is more than 5 minutes ahead of this machine",
                canonical_json(to_cloudevent(e._replace(person=""))).encode(),
                e.site,
                e.source,
            )
            for e in ahead
        ]


def _sorted_out(text: str) -> tuple[Reads | None, str, str]:
    """Whose cursor and state these are, and both; None where nothing was kept."""
    if not text:
        return None, "", ""
    before = EARLIER
    if text[0].isalpha():
        said, _, text = text.partition("\n")
        before = Reads(*said.split(" "))
    return before, *_split(text)


def _join(cursor: str, state: str) -> str:
    return f"{len(cursor)}:{cursor}{state}" if cursor or state else ""


def _split(text: str) -> tuple[str, str]:
    if not text:
        return "", ""
    size, rest = text.split(":", 1)
    return rest[: int(size)], rest[int(size) :]
