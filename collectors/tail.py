"""Log files, followed through every way of rotating them, and read whole for an import.

Rename and create, rename chains, delete and create and swapped links lose nothing and repeat nothing.
Copying and truncating loses what is written between the copy and the truncation; it is noticed, not mended.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import time
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from collectors.base import Batch, NotConnected
from collectors.lines import LineCutter
from collectors.rotation import HEAD, TAIL, Opened, Place, find, fits, newer, open_log, stat_log
from telemetry.events import Gap

_BLOCK = 256 * 1024
_FILES_AHEAD = 128


class Tail:
    """A log file as a collector: batches of its lines, from where the cursor says to where the writer is.

    Two seconds are enough to leave a rotated file: it is left only once its successor holds something, so
    the writer has already changed over, and only another process could still be writing to the old one.
    """

    def __init__(
        self,
        *,
        name: str,
        site: str,
        path: Path,
        poll_s: float = 0.25,
        idle_s: float = 2.0,
        max_batch_bytes: int = 64 * 1024,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._site = site
        self._path = path
        self._poll_s = poll_s
        self._idle_s = idle_s
        self._block = max_batch_bytes
        self._clock = clock
        self._monotonic = monotonic
        self._file: Opened | None = None
        self._ahead: list[Opened] = []
        self._forget()

    # The file being read. The cursor stands after its last complete line, reading may stand further on.
    _at: int
    _head: bytes
    _tail: bytes
    _before: bytes
    """The last bytes read: what a later read must find still there."""
    _drained: tuple[int, int] | None
    """Size and time of writing when everything was read; None while there is more."""
    _grown_s: float
    _cut: bool
    _is_copy: bool
    _restarts: bool

    async def connect(self, cursor: str) -> None:
        try:
            if cursor:
                await self._go_on(Place.load(cursor))
            else:
                self._release()
                self._mtime_ns = round(self._clock() * 1e9)
                self._begin(open_log(self._path))
                self._told = False
        except OSError as error:
            raise NotConnected(f"{self._path}: {error}") from error

    async def batches(self) -> AsyncIterator[Batch]:
        """A first batch without lines makes the place known before anything is read: no rotation escapes it."""
        while True:
            try:
                batch = self._read() or await self._turn()
            except OSError as error:
                raise NotConnected(f"{self._path}: {error}") from error
            if batch:
                yield batch
            else:
                more = self._file is not None and self._drained is None
                await asyncio.sleep(0 if more else self._poll_s)

    async def aclose(self) -> None:
        self._release()

    def _read(self) -> Batch | None:
        """Lines that are there now. A block begins with the last bytes read, so a change under us shows."""
        if self._gaps or not self._told:
            return self._batch([])
        if self._file is None:
            return None
        facts = os.fstat(self._file.fd)
        now = (facts.st_size, facts.st_mtime_ns)
        if self._cut or now == self._drained:
            return None
        known = len(self._before)
        block = os.pread(self._file.fd, known + self._block, self._at - known)
        if not block.startswith(self._before):
            self._cut = True
            return None
        self._mtime_ns = facts.st_mtime_ns
        self._drained = now if len(block) < known + self._block else None
        fresh = block[known:]
        if not fresh:
            return None
        self._grown_s = self._monotonic()
        lines = self._cutter.feed(fresh)
        self._at += len(fresh)
        self._head += fresh[: HEAD - len(self._head)]
        if lines:
            self._tail = block[: len(block) - self._cutter.held][-TAIL:]
        self._before = block[-TAIL:]
        return self._batch(lines) if lines else None

    async def _turn(self) -> Batch | None:
        """At the end of what there is: notice truncation and rotation; leave the old file when it is finished."""
        if self._cut:
            await self._go_on(self._place(), cut=True)
            return None
        log = stat_log(self._path)
        last = self._ahead[-1] if self._ahead else self._file
        if last is None or (log is not None and (log.st_dev, log.st_ino) != (last.dev, last.ino)):
            await self._look_ahead()
        if not self._ahead or self._drained_is_stale():
            return None
        if self._file is not None:
            if not self._finished(self._file):
                return None
            if self._cutter.held:  # its writer is gone: this line will not get its end any more
                lines = self._cutter.rest()
                self._tail = self._before
                return self._batch(lines)
            # Once more: a log that is copied and truncated keeps its inode, only its copies show.
            if not await self._look_ahead() or self._drained_is_stale():
                return None
            facts = os.fstat(self._file.fd)
            self._done.append((self._file.dev, self._file.ino, facts.st_mtime_ns, facts.st_size))
            os.close(self._file.fd)
            self._since_s.pop(self._file, None)
        place, new = self._place(), self._ahead.pop(0)
        self._begin(new)
        if place.offset and fits(new.fd, place):  # written anew with what was read already, as rsync and editors do
            self._resume(new, place)
        return None

    def _drained_is_stale(self) -> bool:
        """Whether the file changed since it was last read to its end."""
        if self._file is None:
            return False
        facts = os.fstat(self._file.fd)
        return (facts.st_size, facts.st_mtime_ns) != self._drained

    def _finished(self, file: Opened) -> bool:
        """Whether a successor holds something, and nothing has come here for `idle_s` since there is one.

        Idle by the file's own time, so that a chain of old files is not waited for one by one; or by what
        was seen, so that a wrong clock cannot hold up the log.
        """
        if not any(os.fstat(other.fd).st_size for other in self._ahead):
            return False
        if self._is_copy:
            return True
        now = self._monotonic()
        idle_s = max(now - self._grown_s, self._clock() - os.fstat(file.fd).st_mtime)
        return min(idle_s, now - self._since_s.get(file, now)) >= self._idle_s

    async def _look_ahead(self) -> bool:
        """Hold every newer file open, in order: all of them, or none if one was renamed just now."""
        held = {(file.dev, file.ino): file for file in (self._file, *self._ahead) if file}
        opened: list[Opened] = []
        ahead: list[Opened] = []
        for path, facts in (await asyncio.to_thread(newer, self._path, self._mtime_ns))[:_FILES_AHEAD]:
            if (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size) in self._done:
                continue
            file = held.get((facts.st_dev, facts.st_ino))
            if file is None:
                try:
                    file = open_log(path)
                except OSError:
                    for other in opened:
                        os.close(other.fd)
                    raise
                if file is None or (file.dev, file.ino) != (facts.st_dev, facts.st_ino):
                    for other in (*opened, *([file] if file else [])):
                        os.close(other.fd)
                    return False
                opened.append(file)
            if file is not self._file:
                ahead.append(file)
        # What is held and was not found has been deleted or packed meanwhile: it is older than what was found.
        self._ahead = [file for file in self._ahead if file not in ahead] + ahead
        for file in (self._file, *self._ahead[:-1]):
            if file is not None:
                self._since_s.setdefault(file, self._monotonic())
        return True

    async def _go_on(self, place: Place, *, cut: bool = False) -> None:
        """Take up reading at a place; what cannot be found again is a gap, and all that is newer follows."""
        self._release()
        self._mtime_ns = place.mtime_ns
        if not self._path.parent.is_dir():
            raise NotConnected(f"{self._path.parent} is not there")
        where, file, replaced = await self._find(place)
        cut = cut or replaced
        if cut or (file is None and place.ino):
            kind = "truncated" if cut else "rotated_away"
            rest = f"the rest is read from {where}" if where else "what followed there is lost"
            detail = f"{self._path}: read up to byte {place.offset}; {rest}"
            now_us = round(self._clock() * 1e6)
            from_us = min(place.mtime_ns // 1000, now_us)
            self._gaps.append(Gap(self._site, self.name, kind, from_us, now_us, detail))
        self._begin(file)
        if file is not None:
            self._is_copy = cut and (file.dev, file.ino) != (place.dev, place.ino)
            self._resume(file, place)

    def _resume(self, file: Opened, place: Place) -> None:
        """Go on in this file where the place says."""
        self._restarts = place.offset == 0
        self._at = place.offset
        self._head = os.pread(file.fd, min(HEAD, place.offset), 0)
        self._tail = self._before = os.pread(file.fd, min(TAIL, place.offset), max(0, place.offset - TAIL))

    async def _find(self, place: Place) -> tuple[Path | None, Opened | None, bool]:
        """The file of a place, open; renamed in between, it is looked for again."""
        for _ in range(8):
            where, replaced = await asyncio.to_thread(find, self._path, place)
            file = open_log(where) if where else None
            if where is None or (file is not None and fits(file.fd, place)):
                return where, file, replaced
            if file is not None:
                os.close(file.fd)
        raise NotConnected(f"{self._path}: files are renamed all the time")

    def _begin(self, file: Opened | None) -> None:
        """Read this file from its beginning; None waits for one."""
        self._file = file
        self._cutter = LineCutter()
        self._cut = self._is_copy = False
        self._restarts = True
        self._at = 0
        self._head = self._tail = self._before = b""
        self._drained = None
        self._grown_s = self._monotonic()

    def _release(self) -> None:
        for file in (self._file, *self._ahead):
            if file is not None:
                os.close(file.fd)
        self._forget()

    def _forget(self) -> None:
        self._ahead = []
        self._begin(None)
        self._gaps: list[Gap] = []
        self._told = True
        self._mtime_ns = 0
        self._since_s: dict[Opened, float] = {}
        self._done: deque[tuple[int, int, int, int]] = deque(maxlen=_FILES_AHEAD)

    def _batch(self, lines: list[bytes]) -> Batch:
        gaps, self._gaps, self._told = self._gaps, [], True
        restarts = bool(lines) and self._restarts
        self._restarts = self._restarts and not lines
        return Batch(lines, _nothing_to_tell, self._place().dump(), gaps, restarts)

    def _place(self) -> Place:
        if self._file is None:
            return Place(0, 0, 0, self._mtime_ns)
        offset = self._at - self._cutter.held
        head = sha256(self._head[:offset]).hexdigest()
        return Place(self._file.dev, self._file.ino, offset, self._mtime_ns, head, sha256(self._tail).hexdigest())


def _nothing_to_tell() -> None:
    """A file forgets nothing; the cursor is committed with the lines."""


class Read(NamedTuple):
    """Lines of a whole file, and how much of the file (as it lies on the disk) they bring us to."""

    lines: list[bytes]
    done_bytes: int
    total_bytes: int


MAX_WHOLE = 16 * 1024 * 1024
"""Longest document that is read as one."""


def read_whole(path: Path) -> bytes:
    """A file as one record, packed with gzip or not. Raises OSError, also for a damaged .gz and for one that is too long."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            data = (gzip.GzipFile(fileobj=raw) if packed else raw).read(MAX_WHOLE + 1)
        except (EOFError, zlib.error) as error:
            raise OSError(f"{path}: {error}") from error
    if len(data) > MAX_WHOLE:
        raise OSError(f"{path}: longer than {MAX_WHOLE} bytes")
    return data


def read_lines(path: Path, *, block: int = 4 * _BLOCK) -> Iterator[Read]:
    """All lines of a file, packed with gzip or not, a block at a time. Raises OSError, also for a damaged .gz."""
    with path.open("rb") as raw:
        total = os.fstat(raw.fileno()).st_size
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        source = gzip.GzipFile(fileobj=raw) if packed else raw
        cutter = LineCutter()
        try:
            while data := source.read(block):
                yield Read(cutter.feed(data), min(raw.tell(), total), total)
        except (EOFError, zlib.error) as error:
            raise OSError(f"{path}: {error}") from error
        if rest := cutter.rest():
            yield Read(rest, total, total)
