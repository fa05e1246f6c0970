"""The files of a drop folder: which are ready, which are known, and how each is read. Everything here blocks.

Which file is known is told by its content, as for followed logs: a file that was replaced is a new one; one that grew,
or was packed after it was read, is not.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import stat
import zlib
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from collectors.lines import LineCutter

MAX_DOCUMENT = 16 * 1024 * 1024
_BLOCK = 64 * 1024
_HEAD, _TAIL = 1024, 256
_UNFINISHED_NAMES = (".tmp", ".part", ".partial", ".filepart")
_BEING_READ, _UNREADABLE = -1, -2


class Known(NamedTuple):
    """What is known of a file: how it lay there when it was read, and how far its content was."""

    size: int
    """As it lies on the disk; `_BEING_READ` while it is being read, `_UNREADABLE` when it could not be."""
    mtime_ns: int
    ctime_ns: int
    length: int
    """How much of its content was read; `digest` is of the beginning of that and of its end."""
    begin: int
    """Where its last line begins if that has no end; else `length`."""
    digest: str


class Reading:
    """One file being read. Blocks; runs in a thread."""

    def __init__(self, path: Path, known: Known | None) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._raw = os.fdopen(fd, "rb")
        self._facts = os.fstat(fd)
        self._head = self._tail = b""
        self._length = 0
        self._cutter = LineCutter()
        self.restarts, self.replaced, self.nothing_new = True, False, False
        self._problem: Exception | None = None
        try:
            packed = self._raw.read(2) == b"\x1f\x8b"
            self._raw.seek(0)
            self._content = gzip.GzipFile(fileobj=self._raw) if packed else self._raw
            if known is not None:
                self._go_on(known)
        except BaseException:
            self._raw.close()
            raise

    _content: Any
    """What reads the file, unpacked."""

    def _go_on(self, known: Known) -> None:
        head = self._content.read(min(_HEAD, known.length))
        self._content.seek(max(0, known.length - _TAIL))
        tail = self._content.read(min(_TAIL, known.length))
        self.replaced = _digest(head, tail) != known.digest
        if self.replaced:
            self._content.seek(0)
            return
        self.restarts = known.length == 0
        self.nothing_new = known.size >= 0 and not self._content.read(1)
        self._content.seek(max(0, known.begin - _TAIL))
        self._tail = self._content.read(min(_TAIL, known.begin))
        self._head, self._length = head[: known.begin], known.begin

    def lines(self) -> tuple[list[bytes], bool]:
        """More lines, and whether these were the last. The last line needs no end: the file is whole."""
        parts: list[bytes] = []
        size, last = 0, False
        while size < _BLOCK and not last and self._problem is None:
            try:
                part = self._content.read1(_BLOCK - size)
            except (OSError, EOFError, zlib.error) as error:
                self._problem = error  # told when what came before it has been handed out
            else:
                parts.append(part)
                size, last = size + len(part), not part
        if self._problem is not None and not size:
            raise self._problem
        block = b"".join(parts)
        self._length += len(block)
        self._head += block[: _HEAD - len(self._head)]
        self._tail = (self._tail + block)[-_TAIL:]
        lines = self._cutter.feed(block)
        if not last:
            return lines, False
        self._unended = self._cutter.held
        return lines + self._cutter.rest(), True

    def document(self) -> bytes:
        """The whole content, as one record. OSError where it is too large."""
        self._content.seek(0)
        content: bytes = self._content.read(MAX_DOCUMENT + 1)
        if len(content) > MAX_DOCUMENT:
            raise OSError(f"is larger than {MAX_DOCUMENT} bytes")
        self._length, self._head, self._tail = len(content), content[:_HEAD], content[-_TAIL:]
        return content

    _unended = 0

    def known(self, *, finished: bool) -> Known:
        facts = self._facts
        size = facts.st_size if finished else _BEING_READ
        begin = self._length - (self._unended if finished else self._cutter.held)
        digest = _digest(self._head, self._tail)
        return Known(size, facts.st_mtime_ns, facts.st_ctime_ns, self._length, begin, digest)

    def as_before(self, known: Known) -> Known:
        """What was known, of a file that lies there differently and holds the same."""
        facts = self._facts
        return known._replace(size=facts.st_size, mtime_ns=facts.st_mtime_ns, ctime_ns=facts.st_ctime_ns)

    def close(self) -> None:
        self._raw.close()


def _digest(head: bytes, tail: bytes) -> str:
    return sha256(head + b"\0" + tail).hexdigest()[:16]


class Folder:
    """What is known of the files of a folder, and the one that is being read."""

    def __init__(
        self, path: Path, pattern: str, settle_s: float, most_known: int, tell: Callable[[str, int, str], None]
    ) -> None:
        self._path, self._pattern, self._settle_s, self._most_known = path, pattern, settle_s, most_known
        self._tell = tell
        """Told of gaps: kind, when the file was written, what happened."""
        self.reading: Reading | None = None
        self._known: dict[str, Known] = {}
        self._done_until_ns = 0
        """Files of which nothing is known are done if they changed no later than this."""
        self._waiting: dict[str, tuple[int, int, float]] = {}
        """Files that are not read: their size, time of writing, and since when both are as they are."""

    def load(self, cursor: str) -> None:
        if cursor:
            facts = json.loads(cursor)
            self._done_until_ns = facts["done_until_ns"]
            self._known = {name: Known(*row) for name, row in facts["known"].items()}

    def dump(self) -> str:
        return json.dumps({"done_until_ns": self._done_until_ns, "known": self._known}, separators=(",", ":"))

    def ready(self, now_s: float, wall_s: float) -> list[str]:
        """Files to be read now: first the one begun, then by name as people count, then by time of writing. OSError."""
        there: dict[str, os.stat_result] = {}
        waiting: dict[str, tuple[int, int, float]] = {}
        names: list[str] = []
        with os.scandir(self._path) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(".") or name.endswith(_UNFINISHED_NAMES) or not fnmatchcase(name, self._pattern):
                    continue
                with suppress(FileNotFoundError):
                    facts = entry.stat()
                    if stat.S_ISREG(facts.st_mode):
                        there[name] = facts
        for name, facts in there.items():
            if self._is_done(name, facts):
                continue
            size, mtime_ns, since_s = self._waiting.get(name, (-1, -1, now_s))
            if (size, mtime_ns) != (facts.st_size, facts.st_mtime_ns):
                since_s = now_s
            waiting[name] = (facts.st_size, facts.st_mtime_ns, since_s)
            if max(now_s - since_s, wall_s - facts.st_mtime) >= self._settle_s:
                names.append(name)
        self._waiting = waiting
        self._forget_gone(there)
        self._forget_oldest(min((there[name].st_ctime_ns for name in waiting), default=2**63))
        return sorted(names, key=lambda name: (not self._is_begun(name), _natural(name), there[name].st_mtime_ns, name))

    def _is_begun(self, name: str) -> bool:
        return name in self._known and self._known[name].size == _BEING_READ

    def _is_done(self, name: str, facts: os.stat_result) -> bool:
        known = self._known.get(name)
        if known is None:
            return facts.st_ctime_ns <= self._done_until_ns
        if known.size == _UNREADABLE:
            return known.ctime_ns == facts.st_ctime_ns
        return (known.size, known.mtime_ns) == (facts.st_size, facts.st_mtime_ns)

    def _forget_gone(self, there: dict[str, os.stat_result]) -> None:
        for name in [name for name in self._known if name not in there]:
            if f"{name}.gz" in self._waiting:
                continue  # packed: what is known of it tells what to skip
            known = self._known.pop(name)
            if known.size == _BEING_READ:
                self._tell("rotated_away", known.mtime_ns, f"{name} went away when {known.begin} bytes of it were read")

    def _forget_oldest(self, first_waiting_ns: int) -> None:
        """Keep the cursor small. Nothing that waits may look done by it."""
        by_age = sorted(self._known, key=lambda name: self._known[name].ctime_ns)
        for name in by_age[: -self._most_known]:
            if self._known[name].ctime_ns >= first_waiting_ns or self._is_begun(name):
                return
            self._done_until_ns = max(self._done_until_ns, self._known.pop(name).ctime_ns)

    def open(self, name: str) -> bool:
        """Begin `reading` a file, or go on with it; False when there is nothing new in it or it cannot be read."""
        unpacked = name.removesuffix(".gz")
        known = self._known.get(name) or self._known.get(unpacked)
        if known is not None and not known.digest:
            known = None
        try:
            self.reading = reading = Reading(self._path / name, known)
        except FileNotFoundError:
            return False
        except (OSError, EOFError, zlib.error) as error:
            self.unreadable(name, error)
            return False
        if reading.replaced and known is not None and known.size == _BEING_READ:
            self._tell("rotated_away", known.mtime_ns, f"{name} was replaced when {known.begin} bytes of it were read")
        elif name not in self._known and known is not None and known.size == _BEING_READ:
            self._known[unpacked] = known._replace(size=_UNREADABLE)  # it is read on here
        if reading.nothing_new and known is not None:
            self._known[name] = reading.as_before(known)
            self.close()
            return False
        return True

    def lines(self, name: str) -> tuple[list[bytes], bool, bool]:
        """More lines of the file opened last; whether they are its first; whether there are no more. It is closed then.

        A damaged file ends where it is damaged.
        """
        reading = self.reading
        assert reading is not None
        try:
            lines, last = reading.lines()
        except (OSError, EOFError, zlib.error) as error:
            self.unreadable(name, error)
            return [], False, True
        self._known[name] = reading.known(finished=last)
        restarts = bool(lines) and reading.restarts
        reading.restarts = reading.restarts and not lines
        if last:
            self.close()
        return lines, restarts, last

    def documents(self, names: list[str], most_bytes: int) -> tuple[list[bytes], int]:
        """The whole contents of these files, or of as many as `most_bytes` allow; and how many files that are."""
        documents: list[bytes] = []
        count = taken = 0
        for name in names:
            count += 1
            if self.open(name) and self.reading is not None:
                try:
                    documents.append(self.reading.document())
                    self._known[name] = self.reading.known(finished=True)
                    taken += len(documents[-1])
                    self.close()
                except (OSError, EOFError, zlib.error) as error:
                    self.unreadable(name, error)
            if taken >= most_bytes:
                break
        return documents, count

    def unreadable(self, name: str, error: Exception) -> None:
        """Tell it once. The file is tried again when something about it changes, from where it could be read."""
        reading = self.reading
        self.close()
        try:
            facts = (self._path / name).stat()
        except OSError:
            return
        before = reading.known(finished=False) if reading is not None else Known(0, 0, 0, 0, 0, "")
        self._known[name] = before._replace(size=_UNREADABLE, mtime_ns=facts.st_mtime_ns, ctime_ns=facts.st_ctime_ns)
        self._tell("damaged", facts.st_mtime_ns, f"{name}: {error}")

    def close(self) -> None:
        if self.reading is not None:
            self.reading.close()
            self.reading = None


def _natural(name: str) -> list[str | int]:
    """So that log2 comes before log10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
