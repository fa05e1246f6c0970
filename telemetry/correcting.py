"""The folder `corrections` of a data folder: signed corrections wait there until whoever writes the journal takes them in.

A correction is written whole or not at all, and its file goes when its event is on the disk. Its event's identity is made
from what was signed, so that one that is read again after a crash counts once. One that cannot be taken in is put aside in
`refused`, with the reason beside it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from telemetry.archive.signing import Signer
from telemetry.archive.store import sync
from telemetry.corrections import CorrectionError, check_content, read
from telemetry.events import Decoded
from telemetry.journal import Unit
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site

log = logging.getLogger("gecc.corrections")

FOLDER, REFUSED = "corrections", "refused"
SUFFIX = ".json"
LARGEST = 16 * 1024
EVERY_S = 1.0
MOST_TOLD = 20
"""Refused corrections that are told of; all of them stay in their folder."""


def waiting(data: Path) -> list[Path]:
    """The files that are to be taken in, in the order of their names: those are their times."""
    try:
        return sorted(Path(x.path) for x in os.scandir(data / FOLDER) if x.name.endswith(SUFFIX) and x.name[0] != ".")
    except FileNotFoundError:
        return []


def refused(path: Path) -> Path:
    """Where the reason stands if a file was refused."""
    return path.parent / REFUSED / f"{path.name}.txt"


def put(data: Path, name: str, text: str) -> Path:
    """Write a correction to be taken in: after a crash it is there, or not."""
    folder = data / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}{SUFFIX}"
    _write(path, text.encode())
    return path


class Correcting:
    """Takes in what waits, for the one process that writes the journal."""

    def __init__(
        self, data: Path, journal: JournalReader, sites: Sequence[Site], *, clock: Callable[[], float],
        crashpoint: Callable[[str], None] = lambda _point: None,
    ) -> None:  # fmt: skip
        self._data, self._journal, self._clock, self._crashpoint = data, journal, clock, crashpoint
        self._sites = {site.id: site for site in sites}
        self._taken = 0
        self._refused: dict[str, str] = {}
        self._problem = ""

    async def run(self, commit: Callable[[Unit], Awaitable[object]]) -> None:
        """Take in for ever; nothing in a file and no failing disk can end this."""
        while True:
            for path in await asyncio.to_thread(waiting, self._data):
                unit = await self._tried(self.read, path)
                if isinstance(unit, Unit):
                    await commit(unit)
                    self._crashpoint("after_correction")
                    await self._tried(self.done, path)
            await asyncio.sleep(EVERY_S)

    async def _tried(self, work: Callable[[Path], Any], path: Path) -> Any:
        try:
            done = await asyncio.to_thread(work, path)
        except Exception as problem:  # noqa: BLE001  whatever it is, the service goes on and tries again
            if self._problem != str(problem):
                log.error("%s: %s; tried again", path, problem)  # noqa: TRY400
            self._problem = str(problem)
            return None
        self._problem = ""
        return done

    def read(self, path: Path) -> Unit | None:
        """What is to be committed for a file; None where it was refused, or is in the journal already. OSError and
        JournalError leave it where it is."""
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST + 1)
            if len(raw) > LARGEST:
                raise CorrectionError("not a correction: too large")
            one = read(raw.decode())
            site = self._sites.get(one.event.site)
            if site is None:
                raise CorrectionError(f"site: no site {one.event.site[:64]!r} here")
            event = one.as_event(Signer(self._data / "archive"))
            if self._journal.offset(event.source, event.id) is not None:
                self.done(path)
                return None
            now_us = int(self._clock() * 1e6)
            check_content(one, self._journal, site, now_us)
        except ValueError as problem:  # CorrectionError, or bytes that are no text
            self._refuse(path, str(problem))
            return None
        return Unit(event.source, Decoded([event]), now_us)

    def done(self, path: Path) -> None:
        """The file's event is on the disk."""
        path.unlink()
        sync(path.parent)
        self._taken += 1

    def health(self) -> dict[str, Any]:
        """How many were taken in since the start, what was refused and why, and what keeps others waiting."""
        return {
            "taken": self._taken,
            "refused": dict(self._refused),
            **({"problem": self._problem} if self._problem else {}),
        }

    def _refuse(self, path: Path, reason: str) -> None:
        log.error("%s: refused: %s", path, reason)
        self._refused[path.name] = reason
        if len(self._refused) > MOST_TOLD:
            del self._refused[next(iter(self._refused))]
        why = refused(path)
        why.parent.mkdir(mode=0o700, exist_ok=True)
        _write(why, f"{reason}\n".encode())
        path.replace(why.parent / path.name)
        sync(path.parent)


def _write(path: Path, content: bytes) -> None:
    half = path.with_name(f".{path.name}")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    sync(path.parent)
