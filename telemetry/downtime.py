"""When the service itself was away, and when its clock was set: told in the journal as gaps of every site, so that no
figure of that time is taken for whole."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from telemetry.events import Decoded, Gap
from telemetry.journal import DiskFullError, Journal, Unit

log = logging.getLogger("gecc.downtime")

FIRST_S = 10.0
EVERY_S = 30.0
"""How often it is noted that the service is there."""
AWAY_US = 90_000_000
"""Away for longer than this is told; a restart is not."""
STEP_US = 2_000_000
"""The clock went otherwise than time by more than this."""
NOTE = "alive_us"


class Presence:
    """Notes that the service is there, and tells of the times at which it was not."""

    def __init__(
        self,
        journal: Journal,
        sites: Sequence[str],
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._sites = sites
        self._clock, self._steady = clock, steady
        self._began_us = int(clock() * 1e6)
        self._last: tuple[int, float] | None = None
        """Wall clock and steady clock when it was last looked."""

    async def run(self, in_writer: Callable[[Callable[[], None]], Awaitable[object]]) -> None:
        """Look for ever; `in_writer` runs what writes to the journal."""
        await asyncio.sleep(FIRST_S)  # what waits at the start is more urgent
        while True:
            try:
                await in_writer(self.look)
            except DiskFullError as problem:
                log.error("%s: that the service is there cannot be noted", problem)  # noqa: TRY400
            await asyncio.sleep(EVERY_S)

    def look(self) -> None:
        """Note the time, and whatever there is to tell since it was noted last."""
        now_us, steady = int(self._clock() * 1e6), self._steady()
        if self._last is None:
            kept = self._journal.note(NOTE)
            away_us = self._began_us - kept if isinstance(kept, int) else 0
            if isinstance(kept, int) and away_us > AWAY_US:
                self._tell("downtime", kept, self._began_us, f"the service was away for {away_us // 1_000_000} s")
            elif isinstance(kept, int) and -away_us > STEP_US:
                self._tell("clock_step", self._began_us, kept, f"the clock was set back by {-away_us // 1_000_000} s")
        else:
            before_us, before = self._last
            step_us = now_us - before_us - round((steady - before) * 1e6)
            if abs(step_us) > STEP_US:
                ahead = "ahead" if step_us > 0 else "back"
                first, last = sorted((before_us, now_us))
                self._tell("clock_step", first, last, f"the clock was set {ahead} by {abs(step_us) // 1_000_000} s")
        self._last = now_us, steady
        self._journal.set_note(NOTE, now_us)

    def _tell(self, kind: str, from_us: int, to_us: int, detail: str) -> None:
        log.warning("%s", detail)
        gap = partial(Gap, kind=kind, from_us=from_us, to_us=to_us, detail=detail)
        units = [
            Unit(f"{site}/service", Decoded(gaps=[gap(site=site, source=f"{site}/service")]), int(self._clock() * 1e6))
            for site in self._sites
        ]
        self._journal.commit(units)
