"""Closing days while the service runs, and letting them leave the journal: nobody has to think of it, and nothing waits
for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from telemetry.archive.checkpoint import FIRST
from telemetry.archive.retention import leaving
from telemetry.archive.seal import seal
from telemetry.archive.signing import SigningError
from telemetry.archive.store import ArchiveError, SealedDay, Store, locked
from telemetry.archive.timestamp import StampError, stamp, stamp_file
from telemetry.config import Config
from telemetry.gone import Leaving
from telemetry.journal import DiskFullError, Journal
from telemetry.journal_reader import JournalError, JournalReader
from telemetry.ledger import Ledger

log = logging.getLogger("gecc.seal")

STAMPED_LATER = 30
"""A seal is stamped as long as it is one of so many newest: an authority may be away for some days."""
EVERY_S = 3600.0
"""How often it is looked which days are due."""


class Sealing:
    """Seals the days of all sites of a configuration as they become due."""

    def __init__(
        self,
        config: Config,
        *,
        version: str,
        clock: Callable[[], float] = time.time,
        crashpoint: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._config = config
        self._version = version
        self._clock = clock
        self._store = Store(config.data, crashpoint=crashpoint)
        self._last: dict[str, tuple[str, str]] = {}
        self._problems: dict[str, str] = {}
        self._stopped = False

    async def run(self, journal: Journal, in_writer: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        """Seal for ever; what cannot be sealed is told and tried again. When it is cancelled the day at hand is finished.
        `in_writer` runs what writes to the journal."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="seal")
        run = partial(asyncio.get_running_loop().run_in_executor, thread)
        try:
            while True:
                await run(self.once)
                if self._config.archive.keep_days:
                    leaving = self.leaving()
                    while (one := await run(next, leaving, None)) is not None:
                        if not await in_writer(partial(journal.let_go, one)):
                            break
                    with suppress(DiskFullError):
                        await in_writer(partial(journal.forget_rejects, self.kept_from_us()))
                await asyncio.sleep(EVERY_S)
        finally:
            self._stopped = True
            thread.shutdown(wait=False, cancel_futures=True)

    def once(self) -> int:
        """Seal what is due now; how many days that were. A site whose archive is damaged does not keep others waiting."""
        journal = JournalReader(self._config.data)
        done = 0
        try:
            with locked(self._config.data):
                for site in self._config.sites:
                    try:
                        for one in seal(
                            journal, self._store, [site], now_us=int(self._clock() * 1e6), version=self._version,
                            ledger=Ledger(journal), grace_s=self._config.archive.seal_after_h * 3600,
                        ):  # fmt: skip
                            self._sealed(one)
                            done += 1
                            if self._stopped:
                                return done
                        self._problems.pop(site.id, None)
                        self._stamp(site.id)
                    except (ArchiveError, SigningError, JournalError) as problem:
                        self._failed(site.id, str(problem))
            self._problems.pop("", None)
        except OSError as problem:
            self._failed("", str(problem))
        return done

    def leaving(self) -> Iterator[Leaving]:
        """What is to leave the journal now; a site of which something is not as it was sealed does not keep others."""
        journal = JournalReader(self._config.data)
        for site in self._config.sites:
            try:
                yield from leaving(journal, self._store, site, int(self._clock() * 1e6), self._config.archive.keep_days)
                self._problems.pop(f"{site.id} journal", None)
            except (ArchiveError, SigningError, JournalError, OSError) as problem:
                self._failed(f"{site.id} journal", str(problem), "days do not leave the journal")

    def kept_from_us(self) -> int:
        """What came before then is not kept in the journal."""
        return int((self._clock() - self._config.archive.keep_days * 86_400) * 1e6)

    def _stamp(self, site: str) -> None:
        """Ask for the time stamps that are still missing of the newest seals."""
        url = self._config.archive.timestamp_url
        missing = [d for d in self._store.days(site)[-STAMPED_LATER:] if not stamp_file(d).exists()] if url else []
        try:
            for day in missing:
                stamp(day, url)
                if self._stopped:
                    return
            self._problems.pop(f"{site} time stamp", None)
        except StampError as problem:
            self._failed(f"{site} time stamp", str(problem))

    def health(self) -> dict[str, Any]:
        """The newest seal of each site since the start, and what cannot be sealed and why."""
        return {
            "last": {site: {"day": day, "checkpoint": hash_} for site, (day, hash_) in self._last.items()},
            "problems": dict(self._problems),
        }

    def _sealed(self, one: SealedDay) -> None:
        c = one.checkpoint
        self._last[c.site] = (one.folder.name, c.hash)
        if c.previous == FIRST:
            log.info("%s: the first day is sealed: %s", c.site, c.day)

    def _failed(self, site: str, problem: str, what: str = "days are not sealed") -> None:
        if self._problems.get(site) != problem:
            log.error("%s: %s: %s", site or "archive", what, problem)
        self._problems[site] = problem
