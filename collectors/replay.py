"""Frames of a spool → batches of lines, each connection's lines apart, and the silences between connections.

Everything that is handed out follows from the frames and the cursor alone, so a restart goes on exactly there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from collectors.base import Batch
from collectors.lines import MAX_RECORD
from collectors.spool_files import DATA, GAP, Frame, Lost
from telemetry.events import Gap

BEGAN, OPENED, CLOSED, ALIVE = 2, 3, 4, 5
"""Kinds of frames beside the spool's own: we began, a connection opened or closed, and all is well though quiet."""

TOGETHER_US = 10_000
"""Lines of one batch came within this time: some formats have no other time than that."""
_BATCH_BYTES = 256 * 1024

_AFTER_CR, _SKIPPING = 1, 2


class StreamCutter:
    """Cuts a stream into lines that end with LF, CR LF or, if `lone_cr`, CR alone.

    A line that is too long is handed out cut as soon as it is, and its rest is skipped: nothing grows while it goes on.
    """

    def __init__(self, *, lone_cr: bool, flags: int = 0) -> None:
        self._lone_cr = lone_cr
        self._begun = b""
        self._after_cr = bool(flags & _AFTER_CR)
        self._skipping = bool(flags & _SKIPPING)

    @property
    def flags(self) -> int:
        """What must be known beside the bytes of the line begun to go on at its beginning."""
        return _AFTER_CR * self._after_cr + _SKIPPING * self._skipping

    @property
    def held(self) -> int:
        """Bytes of the line begun."""
        return len(self._begun)

    def feed(self, block: bytes) -> list[bytes]:
        if self._lone_cr:
            after_cr, self._after_cr = self._after_cr, block.endswith(b"\r")
            block = block[1:] if after_cr and block.startswith(b"\n") else block
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *others = block.split(b"\n")
        if self._skipping:
            if not others:
                return []
            self._skipping = False
            lines = others
        else:
            lines = [self._begun + first, *others]
        self._begun = lines.pop()
        if not self._lone_cr:
            lines = [line.removesuffix(b"\r") for line in lines]
        if lines and max(map(len, lines)) > MAX_RECORD:
            lines = [line[:MAX_RECORD] for line in lines]
        if len(self._begun) > MAX_RECORD:
            lines.append(self._begun[:MAX_RECORD])
            self._begun, self._skipping = b"", True
        return lines

    def rest(self) -> list[bytes]:
        """The line begun, taken as it is: nothing more of it comes."""
        lines = [self._begun.removesuffix(b"\r")] if self._begun else []
        self._begun, self._after_cr, self._skipping = b"", False, False
        return lines


class BlockCutter(StreamCutter):
    """Hands lines out only up to the last empty one, for messages of several lines: what stands between two batches
    is then never a part of one, and no caller's number waits in a decoder's state."""

    def feed(self, block: bytes) -> list[bytes]:
        data = self._begun + block
        end = max(data.rfind(b"\n\n") + 2, data.rfind(b"\n\r\n") + 3)
        if end < 3 and len(data) <= MAX_RECORD and not self._skipping:
            self._begun = data
            return []
        if self._skipping:
            return super().feed(block)
        self._begun = b""
        if end < 3:
            return super().feed(data)  # longer than any message: line by line
        lines = super().feed(data[:end])
        self._begun = data[end:]
        return lines

    def rest(self) -> list[bytes]:
        """Nothing: a message that was cut off tells nothing for sure, and would wait for its end where it is kept."""
        super().rest()
        return []


@dataclass(slots=True)
class _Stream:
    """One connection: its cutter, and where the line begun begins."""

    cutter: StreamCutter
    seq: int
    offset: int


@dataclass(slots=True)
class Replay:
    """Reads frames on from a cursor."""

    name: str
    site: str
    peer: str
    """For people: what is at the other end."""
    lone_cr: bool
    new_file: bool
    """A connection is the only one and begins as a file begins."""
    forget: Callable[[int], None]
    """Told, when a batch is acknowledged, before which frame nothing is needed any more."""
    cutter: type[StreamCutter] = StreamCutter

    first: int = 0
    """The first frame that is needed to go on from the cursor: earlier than `at` where a line had begun."""
    at: int = 0
    """Every frame before this has been read."""
    seen_us: int = 0
    """When the source was last known to be heard."""
    lost_us: int = 0
    """Since when it may have said what nobody heard; 0 when it is heard."""
    fresh: bool = False
    """The next line is the first of a connection."""
    _why: str = ""
    _streams: dict[int, _Stream] = field(default_factory=dict)
    _lines: list[bytes] = field(default_factory=list)
    _bytes: int = 0
    _since_us: int = 0
    _gaps: list[Gap] = field(default_factory=list)
    _due: bool = False

    def load(self, cursor: str) -> None:
        if cursor:
            facts = json.loads(cursor)
            self.at, self.seen_us, self.lost_us = facts["at"], facts["seen_us"], facts["lost_us"]
            self.fresh, self._why = facts["fresh"], facts["why"]
            for stream, (seq, offset, flags) in facts["streams"].items():
                self._streams[int(stream)] = _Stream(self.cutter(lone_cr=self.lone_cr, flags=flags), seq, offset)
            self.first = min([self.at, *(stream.seq for stream in self._streams.values())])

    def dump(self) -> str:
        streams = {
            number: (s.seq, s.offset, s.cutter.flags) if s.cutter.held else (self.at, 0, s.cutter.flags)
            for number, s in self._streams.items()
        }
        facts = {
            "at": self.at,
            "seen_us": self.seen_us,
            "lost_us": self.lost_us,
            "why": self._why if self.lost_us else "",
            "fresh": self.fresh,
            "streams": streams,
        }
        return json.dumps(facts, separators=(",", ":"))

    def feed(self, frames: Iterable[Frame]) -> list[Batch]:
        """The batches of these frames. Frames before the cursor only bring back the beginnings of lines."""
        batches: list[Batch] = []
        for frame in frames:
            if frame.kind == DATA:
                apart = abs(frame.time_us - self._since_us) > TOGETHER_US or self._bytes >= _BATCH_BYTES
                if self._lines and apart:
                    batches.append(self._batch())
                self._data(frame)
            elif frame.seq >= self.at:
                if frame.kind == OPENED and self._lines:
                    batches.append(self._batch())
                self._happened(frame)
            self.at = max(self.at, frame.seq + 1)
        if self._lines or self._due:
            batches.append(self._batch())
        return batches

    def _data(self, frame: Frame) -> None:
        stream = self._streams.get(frame.stream)
        if stream is None:
            if frame.seq < self.at:
                return
            stream = self._open(frame.stream, frame.seq)
        if frame.seq < stream.seq:
            return
        block = frame.data[stream.offset :] if frame.seq == stream.seq else frame.data
        before = stream.cutter.held
        lines = stream.cutter.feed(block)
        held = stream.cutter.held
        if not before or held != before + len(block):  # else the line that was begun goes on
            stream.seq, stream.offset = frame.seq, len(frame.data) - held
        self._add(lines, frame.time_us)
        self.seen_us = max(self.seen_us, frame.time_us)

    def _happened(self, frame: Frame) -> None:
        if frame.kind == OPENED:
            self._open(frame.stream, frame.seq + 1)
            self.fresh = self.new_file
            if self.lost_us:
                self._silence(frame.time_us)
            self.seen_us = max(self.seen_us, frame.time_us)
        elif frame.kind == CLOSED:
            facts = json.loads(frame.data)
            self._end(frame, [self._streams.pop(frame.stream)] if frame.stream in self._streams else [])
            if facts["lost"]:
                self.lost_us = min(self.lost_us or facts["since_us"], facts["since_us"])
                self._why = facts["why"]
        elif frame.kind == BEGAN:
            self._end(frame, list(self._streams.values()))
            self._streams.clear()
            if not self.lost_us and self.seen_us:
                self.lost_us, self._why = self.seen_us, "the service did not run"
        elif frame.kind == ALIVE:
            self.seen_us = max(self.seen_us, frame.time_us)
            self._due = True
        elif frame.kind == GAP:
            lost = Lost.load(frame.data)
            from_us = lost.from_us or self.seen_us
            self._gaps.append(Gap(self.site, self.name, lost.kind, from_us, max(from_us, lost.to_us), lost.detail))
            self._end(frame, list(self._streams.values()))
            for number in self._streams:  # the lines go on somewhere in their middle
                self._open(number, frame.seq + 1, _SKIPPING)
            self._due = True

    def _open(self, number: int, seq: int, flags: int = 0) -> _Stream:
        stream = self._streams[number] = _Stream(self.cutter(lone_cr=self.lone_cr, flags=flags), seq, 0)
        return stream

    def _end(self, frame: Frame, streams: list[_Stream]) -> None:
        for stream in streams:
            self._add(stream.cutter.rest(), frame.time_us)

    def _add(self, lines: list[bytes], time_us: int) -> None:
        if lines:
            self._since_us = self._since_us if self._lines else time_us
            self._lines += lines
            self._bytes += sum(map(len, lines))

    def _silence(self, to_us: int) -> None:
        """One gap from when it was last heard, however often it came and went since without saying anything."""
        from_us, self.lost_us = self.lost_us, 0
        if self._gaps and self._gaps[-1].kind == "silence":
            from_us = min(from_us, self._gaps.pop().from_us)
        why = f" ({self._why})" if self._why else ""
        detail = f"{self.peer}: not heard{why}; what it wrote meanwhile is lost"
        self._gaps.append(Gap(self.site, self.name, "silence", min(from_us, to_us), to_us, detail))

    def _batch(self) -> Batch:
        lines, self._lines, self._bytes = self._lines, [], 0
        gaps, self._gaps, self._due = self._gaps, [], False
        restarts = self.fresh and bool(lines)
        self.fresh = self.fresh and not lines
        needed = min([self.at, *(s.seq for s in self._streams.values() if s.cutter.held)])
        return Batch(lines, partial(self.forget, needed), self.dump(), gaps, restarts, self._since_us if lines else 0)
