"""A source, a format and a journal that do as they are told: what the tests of the pipeline are written with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from collectors.base import Batch, NotConnected
from telemetry.events import Decoded, Event, Gap, Rejected
from telemetry.health import Health
from telemetry.journal import Journal, JournalError
from telemetry.pipeline import Pipeline

NOW_S = 1_795_000_000.0
NOW_US = int(NOW_S * 1e6)


def event(n: int, at_us: int = NOW_US, source: str = "a/k1") -> Event:
    return Event("a", source, f"b:{n:010}", "ticket.issued", at_us, "idcard", f"A{n}")


class Format:
    """Records are numbers; one below zero cannot be read. Its state is the sum of all it has seen."""

    def __init__(self, source: str = "a/k1") -> None:
        self.source, self.sum, self.loaded = source, 0, []

    def feed(self, records, received_us):
        out = Decoded([event(n, source=self.source) for n in records if n >= 0])
        out.rejected = [Rejected("not_json", "", b"%d" % n, "a", self.source) for n in records if n < 0]
        self.sum += sum(records)
        return out

    def dump(self):
        return str(self.sum)

    def load(self, state):
        self.loaded.append(state)
        self.sum = int(state or 0)


class Source:
    """Hands out what it is given, in batches; keeps what is not acknowledged, and hands it out again on reconnecting."""

    def __init__(self, *batches, name="mqtt", ends=False) -> None:
        self.name, self.unacknowledged, self.ends = name, list(batches), ends
        self.acknowledged: list = []
        self.connections, self.closed, self.cursors = 0, 0, []
        self.more = asyncio.Event()
        self.refuse = 0
        self.gaps: list[Gap] = []
        self.received_us = 0

    async def connect(self, cursor):
        self.cursors.append(cursor)
        if self.refuse:
            self.refuse -= 1
            raise NotConnected("nobody there")
        self.connections += 1

    async def batches(self) -> AsyncIterator[Batch]:
        for records in list(self.unacknowledged):
            yield Batch(
                records, lambda records=records: self.ack(records), f"after {records[-1]}", self.gaps,
                received_us=self.received_us,
            )  # fmt: skip
        if self.ends:
            raise NotConnected("lost")
        await self.more.wait()

    def ack(self, records):
        self.unacknowledged.remove(records)
        self.acknowledged.append(records)

    async def aclose(self):
        self.closed += 1


class Room:
    """A pipeline over a journal whose commit can be made to fail."""

    def __init__(self, folder) -> None:
        self.journal = Journal(folder)
        self.health = Health()
        self.live = []
        self.before_commit = lambda: None
        self.commits: list[int] = []
        commit = self.journal.commit

        def watched(units):
            self.before_commit()
            done = commit(units)
            self.commits.append(len(units))
            return done

        self.journal.commit = watched
        self.pipeline = Pipeline(
            self.journal, protect=lambda decoded: None, committed=self.live.append, health=self.health,
            not_connected=NotConnected, clock=lambda: NOW_S,
        )  # fmt: skip

    @asynccontextmanager
    async def running(self, *sources, decoder=None, **options):
        tasks = [asyncio.create_task(self.pipeline.run_commits())]
        tasks += [asyncio.create_task(self.pipeline.run_source(s, decoder or Format(), **options)) for s in sources]
        self.tasks = tasks
        try:
            yield tasks
        finally:
            for task in reversed(tasks):
                task.cancel()
                with suppress(asyncio.CancelledError, JournalError):
                    await task

    def stored(self) -> list[int]:
        return [int(e.id[2:]) for _, _, e in self.journal.read(0, 10_000)]
