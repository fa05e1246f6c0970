"""The promises of every collector, and what a test needs to play its source and the pipeline behind it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from collectors.base import NotConnected


class Journal:
    """The pipeline's memory: what was committed, the cursor committed with it, and the gaps.

    `run` does as the pipeline does: connects, takes batches, commits, acknowledges; comes again when the source is lost.
    A crash drops the collector after a batch was taken and before it was committed; a new one goes on from the cursor.
    """

    def __init__(self, make, between=()) -> None:
        """`between` are records that only stand between others."""
        self.make, self.between = make, between
        self.cursor = ""
        self.records: list = []
        self.gaps: list = []
        self.batches: list = []
        self.restarts: list[int] = []
        self.received_us: list[int] = []
        self.problems: list[str] = []
        self.collector = None
        self.connected = False

    async def run(self, done, *, crash_at=None, within=60.0, ack_at_receipt=False):
        """Until `done()`; or until the `crash_at`-th batch with records, which is lost as in a crash."""
        end = time.monotonic() + within
        taken = 0
        while not done():
            collector = self.collector = self.make()
            batches = None
            try:
                async with asyncio.timeout(max(0, end - time.monotonic())):
                    await collector.connect(self.cursor)
                    self.connected = True
                    batches = aiter(collector.batches())
                    while not done():
                        batch = await self._next(batches, done)
                        if batch is None:
                            break
                        taken += bool(batch.records)
                        if ack_at_receipt:
                            batch.ack()
                            self.cursor = batch.cursor
                        if crash_at is not None and taken >= crash_at:
                            return self
                        self._commit(batch)
                        if not ack_at_receipt:
                            batch.ack()
            except NotConnected as problem:
                self.connected = False
                self.problems.append(str(problem))
                await asyncio.sleep(0.01)
            except TimeoutError:
                raise AssertionError(
                    f"not done after {within} s: {self.records[-5:]}, {self.gaps}, {self.problems}"
                ) from None
            finally:
                self.connected = False
                if batches is not None:
                    await batches.aclose()
                await collector.aclose()
                await collector.aclose()
        return self

    async def _next(self, batches, done):
        """The next batch; None when all is done while waiting for it."""
        waiting = asyncio.ensure_future(anext(batches))
        try:
            while not waiting.done():
                if done():
                    return None
                await asyncio.wait([waiting], timeout=0.01)
            return waiting.result()
        finally:
            if not waiting.done():
                waiting.cancel()
                with suppress(asyncio.CancelledError, NotConnected, StopAsyncIteration):
                    await waiting

    def _commit(self, batch):
        self.batches.append(batch)
        if batch.restarts:
            self.restarts.append(len(self.records))
        records = [r for r in batch.records if r not in self.between]
        self.records += records
        self.received_us += [batch.received_us] * len(records)
        self.gaps += batch.gaps
        self.cursor = batch.cursor

    def has(self, count: int):
        return lambda: len(self.records) >= count


def on_disk(folder) -> bytes:
    """What is in the files of a folder, as far as they stay while they are read."""
    out = b""
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        with suppress(FileNotFoundError):
            out += path.read_bytes()
    return out


async def quiet(seconds: float = 0.15) -> None:
    await asyncio.sleep(seconds)


def until(seconds: float):
    """`done` for Journal.run: after so long."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
