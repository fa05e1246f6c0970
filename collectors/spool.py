"""Bytes of sources that cannot send again: on the disk before anything is made of them.

What is committed is deleted, with the callers' numbers that it holds, when its file ends, which it does after
`segment_s` and `segment_bytes`, or when nothing came for `idle_s`.

While the disk is slow, `room` lets the reader of a socket wait. While it is full, or the spool has its largest size,
sockets are read on: up to `waiting_bytes` wait in memory, what comes beyond them is lost, counted to the byte, and told
as a gap "overflow" once there is room. Not reading would leave the loss to the PBX, which tells nobody.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from collectors.spool_files import DATA, MAX_DATA, Files, Frame, Lost

log = logging.getLogger("gecc.spool")

_FRAME_BYTES = 100
"""What a frame costs in memory beside its bytes, about."""


class Spool:
    """One source's frames: taken at once, on the disk a little later, and readable from then on."""

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = 1024 * 1024,
        segment_s: float = 10.0,
        most_bytes: int = 1024 * 1024 * 1024,
        waiting_bytes: int = 1024 * 1024,
        retry_s: float = 1.0,
        idle_s: float = 5.0,
        clock: Callable[[], float] = time.time,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self.folder = folder
        self._files = Files(folder, segment_bytes, segment_s, sync)
        self._most_bytes, self._waiting_bytes = most_bytes, waiting_bytes
        self._retry_s, self._idle_s = retry_s, idle_s
        self._clock = clock
        self._writer: asyncio.Task[None] | None = None
        self._start(1, 0)

    def _start(self, following: int, forgotten: int) -> None:
        self._waiting: list[Frame] = []
        self._waits = 0
        self._following = self.end = max(1, following)
        self._forgotten = forgotten
        self._lost: tuple[int, int, int] | None = None
        self._came_s = time.monotonic()
        self._closing = False
        self.problem = ""
        self._wake, self._moved = asyncio.Event(), asyncio.Event()

    _following: int
    """Number of the next frame taken."""
    _waits: int
    """Bytes that are not on the disk yet."""
    _lost: tuple[int, int, int] | None
    """From when to when how many bytes were dropped; while there is such a loss everything is."""
    end: int
    """Every frame before this number is on the disk."""
    problem: str
    """Why nothing can be written just now; "" when it can."""

    async def open(self, after: int) -> None:
        """Find what an earlier run left. `after` is the first frame still needed, 0 all there are. Raises OSError."""
        await self.aclose()
        following, torn = await asyncio.to_thread(self._files.open, after)
        self._start(following, after)
        if torn is not None:
            log.warning("%s: %s", self.folder, torn.detail)
            now_us = round(self._clock() * 1e6)
            self._take(torn._replace(from_us=torn.from_us or now_us, to_us=now_us).frame())
        self._writer = asyncio.create_task(self._write_for_ever(), name=f"spool {self.folder.name}")

    def append(self, time_us: int, data: bytes, *, kind: int = DATA, stream: int = 0) -> None:
        """Take a frame. Never waits and never fails; bytes that the disk has refused for long are dropped, and told."""
        for at in range(0, max(1, len(data)), MAX_DATA):
            part = data[at : at + MAX_DATA]
            full = self.problem and self._waits + len(part) > self._waiting_bytes
            if full or (kind == DATA and self._lost is not None):
                from_us, _, count = self._lost or (time_us, 0, 0)
                self._lost = (from_us, time_us, count + len(part))
            else:
                self._take(Frame(0, time_us, kind, stream, part))

    def _take(self, frame: Frame) -> None:
        self._waiting.append(frame._replace(seq=self._following))
        self._waits += len(frame.data) + _FRAME_BYTES
        self._following += 1
        self._came_s = time.monotonic()
        self._wake.set()

    async def room(self) -> None:
        """Wait while more is on its way to the disk than memory should hold; not for a disk that takes nothing."""
        while self._waits > self._waiting_bytes and not self.problem and not self._closing:
            await self.moved()

    async def moved(self) -> None:
        """Wait until more has come to the disk, or cannot."""
        self._moved.clear()
        await self._moved.wait()

    def wake(self) -> None:
        """Let everyone who waits in `moved` look again."""
        self._moved.set()

    @property
    def settled(self) -> bool:
        """Whether everything that was taken is on the disk."""
        return self.end == self._following

    async def read(self, seq: int) -> list[Frame]:
        """Frames that are on the disk from this number on, as many as one file holds; [] if there are none yet."""
        if max(1, seq) >= self.end:
            return []
        return await asyncio.to_thread(self._files.read, seq, self.end)

    def forget(self, before: int) -> None:
        """Everything before this frame is committed elsewhere."""
        self._forgotten = max(self._forgotten, before)
        self._wake.set()

    async def aclose(self) -> None:
        """Bring to the disk what can be brought there, and let go of the files."""
        self._closing = True
        self._wake.set()
        self._moved.set()
        if self._writer is not None:
            await asyncio.shield(self._writer)
            self._writer = None

    async def _write_for_ever(self) -> None:
        """In groups: whatever came while the last one was synced goes to the disk at once."""
        try:
            while True:
                if self._waiting:
                    await self._write(self._waiting)
                if self._closing and (self.problem or not self._waiting):
                    break
                if self.problem:
                    await self._pause(self._retry_s)
                elif not self._waiting:
                    await self._pause(await self._tidy())
            await self._tidy()
        finally:
            if self._waiting:
                log.error("%s: %d bytes could not be written and are lost: %s", self.folder, self._waits, self.problem)
            self._files.end_file()

    async def _write(self, group: list[Frame]) -> None:
        block = b"".join(frame.dump() for frame in group)
        count = len(group)
        try:
            if sum(self._files.sizes.values()) + len(block) > self._most_bytes:
                raise OSError(f"{self.folder} holds as much as it may")  # noqa: TRY301  as full as a full disk
            await asyncio.to_thread(self._files.write, group[0].seq, block)
        except OSError as problem:
            if not self.problem:
                log.error("%s: %s; what comes waits in memory, then is lost", self.folder, problem)  # noqa: TRY400
            self.problem = str(problem)
            await self._tidy()
        else:
            self.problem = ""
            self.end = group[count - 1].seq + 1
            self._waiting = self._waiting[count:]
            self._waits = sum(len(frame.data) + _FRAME_BYTES for frame in self._waiting)
            if self._lost is not None:
                (from_us, to_us, lost), self._lost = self._lost, None
                what = f"{self.folder.name}: {lost} bytes found room neither on the disk nor in memory"
                self._take(Lost("overflow", from_us, to_us, what).frame())
        self.wake()

    async def _tidy(self) -> float | None:
        """Delete what is committed; how many seconds until the newest file may go too, None if it may not."""
        names = list(self._files.sizes)
        everything = bool(names) and self._forgotten >= self.end
        left_s = self._came_s + self._idle_s - time.monotonic()
        newest_too = everything and (left_s <= 0 or self._closing or self.problem != "")
        if newest_too or (len(names) > 1 and names[1] <= self._forgotten):
            with suppress(OSError):
                await asyncio.to_thread(self._files.delete, self._forgotten, self.end if newest_too else None)
        return left_s if everything and not newest_too else None

    async def _pause(self, most_s: float | None) -> None:
        """Until there is something to do, or the time is over; with a problem only closing is something to do."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._wake.wait()
                while self.problem and not self._closing:
                    self._wake.clear()
                    await self._wake.wait()
        self._wake.clear()
