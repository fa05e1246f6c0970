"""Drop folders: every file that matches is read once, whole, and read on where it grows. Packed files are unpacked.

Names that begin with a dot and names of unfinished copies are left alone, and so are sub-folders.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from collectors.base import Batch, NotConnected
from collectors.watch_files import Folder
from telemetry.events import Gap

_DOCUMENT_BYTES = 1024 * 1024
"""Documents of one batch, if there are several."""
_T = TypeVar("_T")


class Watch:
    """A folder as a collector. A file is taken when it has not changed for `settle_s`.

    With `whole` each file is one record of up to 16 MiB. The cursor knows the `most_known` files that changed last, and
    of those before them that they are done. Looking takes at most a twentieth of the time, however much nobody clears.
    """

    def __init__(
        self,
        *,
        name: str,
        site: str,
        folder: Path,
        pattern: str = "*",
        whole: bool = False,
        poll_s: float = 2.0,
        settle_s: float = 2.0,
        most_known: int = 1000,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._site, self._path, self._whole, self._poll_s = site, folder, whole, poll_s
        self._clock, self._monotonic = clock, monotonic
        self._new_folder = partial(Folder, folder, pattern, settle_s, most_known, self._tell)
        self._folder = self._new_folder()
        self._gaps: list[Gap] = []
        self._work: asyncio.Future[Any] | None = None

    async def connect(self, cursor: str) -> None:
        await self.aclose()
        self._folder, self._gaps = self._new_folder(), []
        self._folder.load(cursor)
        await self._ready()

    async def batches(self) -> AsyncIterator[Batch]:
        while True:
            began_s = self._monotonic()
            names = await self._ready()
            pause_s = max(self._poll_s, 20 * (self._monotonic() - began_s))
            if self._whole:
                at = 0
                while at < len(names):
                    documents, count = await self._in_thread(self._folder.documents, names[at:], _DOCUMENT_BYTES)
                    at += count
                    if documents:
                        yield self._batch(documents, restarts=True)
            else:
                for name in names:
                    last = not await self._in_thread(self._folder.open, name)
                    while not last:
                        lines, restarts, last = await self._in_thread(self._folder.lines, name)
                        if lines:
                            yield self._batch(lines, restarts=restarts)
            if self._gaps or names:
                yield self._batch([], restarts=False)
            await asyncio.sleep(pause_s)

    async def aclose(self) -> None:
        if self._work is not None:
            await asyncio.wait([self._work])
            if not self._work.cancelled():
                self._work.exception()  # seen: nobody may be waiting any more
        self._work = None
        self._folder.close()

    async def _ready(self) -> list[str]:
        try:
            return await self._in_thread(self._folder.ready, self._monotonic(), self._clock())
        except OSError as error:
            raise NotConnected(f"{self._path}: {error.strerror or error}") from error

    async def _in_thread(self, work: Callable[..., _T], *args: Any) -> _T:
        """Run something that blocks. It is not cancelled: `aclose` waits for it."""
        future = asyncio.ensure_future(asyncio.to_thread(work, *args))
        self._work = future
        return await asyncio.shield(future)

    def _batch(self, records: list[bytes], *, restarts: bool) -> Batch:
        gaps, self._gaps = self._gaps, []
        return Batch(records, _nothing_to_tell, self._folder.dump(), gaps, restarts)

    def _tell(self, kind: str, mtime_ns: int, detail: str) -> None:
        time_us = mtime_ns // 1000
        self._gaps.append(Gap(self._site, self.name, kind, time_us, time_us, f"{self._path}: {detail}"))


def _nothing_to_tell() -> None:
    """A folder forgets nothing; the cursor is committed with the lines."""
