"""Which file is which, when logs are renamed, copied, truncated and deleted under the reader.

A name says nothing, and an inode little: a file system gives the inode of a deleted log to the next one.
What was read tells: the hash of a file's beginning and of the bytes before the place that was reached.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

HEAD = 1024
TAIL = 256
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip", ".tmp", ".part")
_ROTATED = re.compile(r"[._-][0-9][0-9TZ:._-]*")
"""What rotation puts behind a log's name: .1, .1767236400, -20260101, -20260101-0300."""
_TRIES = 8
_NOTHING = sha256().hexdigest()


class _RenamedError(Exception):
    """A file was renamed or deleted between the listing and the look at it."""


class Place(NamedTuple):
    """How far a log was read: all lines before `offset` of the file that these facts fit."""

    dev: int
    ino: int
    """0: no file yet; every file written since `mtime_ns` is new."""
    offset: int
    mtime_ns: int
    """When the file was last written, as known then. What was rotated in after it is not older."""
    head: str = _NOTHING
    """Hash of the first HEAD bytes, or of the first `offset` if that is less."""
    tail: str = _NOTHING
    """Hash of the last TAIL bytes before `offset`, or of all."""

    def dump(self) -> str:
        return json.dumps(self._asdict(), separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Place:
        return cls(**json.loads(text))


class Opened(NamedTuple):
    """A log held open, so that it can be read to its end whatever becomes of its name, and its inode stays its own."""

    fd: int
    dev: int
    ino: int


def open_log(path: Path) -> Opened | None:
    """The file at `path`, or None where there is none. Raises OSError for what is no regular file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe of this name must not block the service
    except FileNotFoundError:
        return None
    facts = os.fstat(fd)
    if not stat.S_ISREG(facts.st_mode):
        os.close(fd)
        raise OSError(f"{path} is not a regular file")
    return Opened(fd, facts.st_dev, facts.st_ino)


def fits(fd: int, place: Place) -> bool:
    """Whether the content up to the place is what was read there."""
    return (
        os.fstat(fd).st_size >= place.offset
        and sha256(os.pread(fd, min(HEAD, place.offset), 0)).hexdigest() == place.head
        and sha256(os.pread(fd, min(TAIL, place.offset), max(0, place.offset - TAIL))).hexdigest() == place.tail
    )


def find(path: Path, place: Place) -> tuple[Path | None, bool]:
    """Where the file of `place` is now, by whatever name; and whether its inode now holds something else.

    The same inode is asked first, then the name itself, then the longest file that fits: a copy made
    before a truncation holds what was written between the last read and the copy. Raises OSError when
    files are renamed faster than they can be looked at: not found must mean that it is not there.
    """
    for _ in range(_TRIES):
        with suppress(_RenamedError):
            return _find(path, place)
    raise OSError(f"{path}: files are renamed all the time")


def _find(path: Path, place: Place) -> tuple[Path | None, bool]:
    log = stat_log(path)
    around = _listing(path)
    if log is not None:
        around.setdefault(path, log)
    cut = False
    fitting: list[tuple[bool, int, int, Path]] = []
    for other, facts in around.items():
        same = (facts.st_dev, facts.st_ino) == (place.dev, place.ino)
        if place.offset == 0:
            if same:  # nothing read of it yet: there is no content to go by
                return other, False
            continue
        if not same and (facts.st_size < place.offset or not other.name.startswith(path.name)):
            continue
        try:
            opened = open_log(other)
        except OSError:
            if same:
                raise
            continue  # somebody else's file
        if opened is None:
            raise _RenamedError
        try:
            if (opened.dev, opened.ino) != (facts.st_dev, facts.st_ino):
                raise _RenamedError
            matches = fits(opened.fd, place)
        finally:
            os.close(opened.fd)
        if matches and same:
            return other, False
        if matches:
            fitting.append((other == path, facts.st_size, facts.st_mtime_ns, other))
        cut = cut or same
    return (max(fitting)[-1] if fitting else None), cut


def newer(path: Path, since_ns: int) -> list[tuple[Path, os.stat_result]]:
    """The log and its rotated files written since, oldest first, the log itself last."""
    log = stat_log(path)
    rotated = [
        (other, facts)
        for other, facts in _listing(path).items()
        if facts.st_mtime_ns >= since_ns
        and other.name.startswith(path.name)
        and _ROTATED.fullmatch(other.name[len(path.name) :])
        and (log is None or (facts.st_dev, facts.st_ino) != (log.st_dev, log.st_ino))
    ]
    # Equal times of writing: a chain renames its oldest file first.
    rotated.sort(key=lambda found: (found[1].st_mtime_ns, found[1].st_ctime_ns))
    return [*rotated, (path, log)] if log is not None else rotated


def stat_log(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _listing(path: Path) -> dict[Path, os.stat_result]:
    """Regular, uncompressed files where the log stands (and where it points). Listed until two listings agree.

    A file renamed during a listing may be missing from it.
    """
    before: dict[Path, os.stat_result] | None = None
    for _ in range(_TRIES):
        listing: dict[Path, os.stat_result] = {}
        for folder in {path.parent, path.resolve().parent}:
            try:
                entries = list(os.scandir(folder))
            except FileNotFoundError:
                continue
            for entry in entries:
                if entry.name.endswith(_PACKED):
                    continue
                try:
                    facts = entry.stat()
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(facts.st_mode):
                    listing[folder / entry.name] = facts
        if before is not None and _names(before) == _names(listing):
            return listing
        before = listing
    return listing


def _names(listing: dict[Path, os.stat_result]) -> set[tuple[Path, int, int]]:
    return {(path, facts.st_dev, facts.st_ino) for path, facts in listing.items()}
