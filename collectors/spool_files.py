"""The files of a spool: frames numbered without end, in files named by the number of their first frame.

Everything here blocks and runs in threads. A frame counts if its checksum fits and its number belongs into its file:
what a failed write left behind a file's good end is told from its repetition by the name of the next file.
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

DATA, GAP = 0, 1
"""Kinds of frames that a spool knows; its owner may use others from 2 on."""
MAX_DATA = 256 * 1024
SUFFIX = ".spool"

_HEAD = struct.Struct("<4sIBIQqI")
_MAGIC = b"\xa5GSP"


class Frame(NamedTuple):
    """One thing that came, or happened."""

    seq: int
    time_us: int
    kind: int
    stream: int
    """Connection that it came by."""
    data: bytes

    def dump(self) -> bytes:
        head = (_MAGIC, len(self.data), self.kind, self.stream, self.seq, self.time_us)
        return _HEAD.pack(*head, _checksum(head, self.data)) + self.data


class Lost(NamedTuple):
    """What a frame of kind GAP tells. A time of 0 is not known: what stands before and behind it tells."""

    kind: str
    from_us: int
    to_us: int
    detail: str

    def frame(self, seq: int = 0, time_us: int = 0) -> Frame:
        return Frame(seq, time_us or self.to_us, GAP, 0, json.dumps(self).encode())

    @classmethod
    def load(cls, data: bytes) -> Lost:
        return cls(*json.loads(data))


def _checksum(head: tuple[bytes, int, int, int, int, int], data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(_HEAD.pack(*head, 0)))


def _frame_at(block: bytes, at: int) -> tuple[Frame, int] | None:
    """The frame that stands there whole, and where it ends."""
    if len(block) < at + _HEAD.size:
        return None
    magic, size, kind, stream, seq, time_us, checksum = _HEAD.unpack_from(block, at)
    start, end = at + _HEAD.size, at + _HEAD.size + size
    if magic != _MAGIC or size > MAX_DATA or len(block) < end:
        return None
    data = block[start:end]
    if _checksum((magic, size, kind, stream, seq, time_us), data) != checksum:
        return None
    return Frame(seq, time_us, kind, stream, data), end


def parse(block: bytes) -> tuple[list[tuple[Frame, int]], int]:
    """The frames in a block, each with the place where it ends; and where the bytes that are none begin for good."""
    frames: list[tuple[Frame, int]] = []
    at = good = 0
    while 0 <= at < len(block):
        found = _frame_at(block, at)
        if found is None:
            at = block.find(_MAGIC, at + 1)
        else:
            frames.append(found)
            at = good = found[1]
    return frames, good


class Files:
    """The files of one spool. Of the methods that change something one runs at a time."""

    def __init__(
        self, folder: Path, segment_bytes: int, segment_s: float, sync: Callable[[int], None] = os.fdatasync
    ) -> None:
        self._folder = folder
        self._segment_bytes, self._segment_s = segment_bytes, segment_s
        self._begun_s = 0.0
        self._sync = sync
        self._fd = -1
        self._read_to = (0, 0, 0)
        """File, place in it and number of the frame there: where reading stopped."""
        self.sizes: dict[int, int] = {}
        """First frame of each file → its good bytes, in order."""

    def path(self, first: int) -> Path:
        return self._folder / f"{first:020d}{SUFFIX}"

    def open(self, after: int) -> tuple[int, Lost | None]:
        """The number of the next frame, and the tail that a crash tore. `after` is the first frame that is still needed."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        names = sorted(int(path.stem) for path in self._folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())
        self.sizes = {first: self.path(first).stat().st_size for first in names}
        self._read_to = (0, 0, 0)
        following, torn = after, None
        while names:
            path = self.path(names[-1])
            block = path.read_bytes()
            frames, good = parse(block)
            if good < len(block):
                os.truncate(path, good)
                from_us = frames[-1][0].time_us if frames else 0
                what = (
                    f"{path.name}: its last {len(block) - good} bytes had not been written whole when the service ended"
                )
                torn = Lost("damaged", from_us, 0, what)
            if frames:
                self.sizes[names[-1]] = good
                following = max(after, frames[-1][0].seq + 1)
                break
            path.unlink()
            del self.sizes[names.pop()]
        self.delete(after, following)
        return following, torn

    def write(self, first: int, block: bytes) -> None:
        """Append and sync. After an error nothing more goes into that file: nobody knows what its pages hold."""
        now_s = time.monotonic()
        if self._fd >= 0:
            size = self.sizes[next(reversed(self.sizes))]
            if size >= self._segment_bytes or now_s - self._begun_s >= self._segment_s:
                self.end_file()
        try:
            if self._fd < 0:
                self._fd = os.open(self.path(first), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
                self.sizes[first] = 0
                self._begun_s = now_s
                self._sync_folder()
            current = next(reversed(self.sizes))
            at = self.sizes[current]
            rest = memoryview(block)
            while rest:
                done = os.pwrite(self._fd, rest, at)
                at, rest = at + done, rest[done:]
            self._sync(self._fd)
        except OSError:
            if self._fd >= 0:
                with suppress(OSError):
                    os.ftruncate(self._fd, self.sizes[next(reversed(self.sizes))])
            self.end_file()
            raise
        self.sizes[current] = at

    def delete(self, before: int, following: int | None) -> None:
        """Delete the files whose frames are all before `before`; the newest only when told which frame follows it."""
        names = list(self.sizes)
        for first, then in zip(names, [*names, following][1:], strict=True):
            if then is None or then > before:
                return
            if first == names[-1]:
                self.end_file()
            with suppress(FileNotFoundError):
                self.path(first).unlink()
            del self.sizes[first]

    def read(self, seq: int, end: int) -> list[Frame]:
        """The frames from `seq` on, before `end`, of the first file that has any.

        Frames that should be there and are not come as one of kind GAP that bears the last of their numbers.
        """
        names = list(self.sizes)
        begin = max(0, bisect_right(names, seq) - 1)
        for first, then in zip(names[begin:], [*names, end][begin + 1 :], strict=True):
            stopped, at, number = self._read_to
            if (stopped, number) != (first, seq):
                at = 0
            found, place = self._read_file(first, at, seq, min(then, end))
            if found:
                self._read_to = (first, place, found[-1].seq + 1)
                return found
        if not seq or seq >= end:
            return []
        return [Lost("damaged", 0, 0, f"{self._folder.name}: {end - seq} frames are lost").frame(end - 1)]

    def _read_file(self, first: int, at: int, seq: int, end: int) -> tuple[list[Frame], int]:
        path = self.path(first)
        try:
            with path.open("rb") as file:
                file.seek(at)
                block = file.read()
        except FileNotFoundError:
            return [], at
        found: list[Frame] = []
        place, before_us = 0, 0
        for frame, stands_to in parse(block)[0]:
            if frame.seq >= end:
                break
            if frame.seq >= seq:
                if seq and frame.seq > seq:
                    what = f"{path.name}: {frame.seq - seq} frames behind byte {at + place} cannot be read"
                    found.append(Lost("damaged", before_us, frame.time_us, what).frame(frame.seq - 1))
                found.append(frame)
                seq = frame.seq + 1
            place, before_us = stands_to, frame.time_us
        return found, at + place

    def end_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _sync_folder(self) -> None:
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
