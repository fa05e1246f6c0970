"""The page of /metrics: made once for each snapshot and second that somebody asks, from what was made ready before."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from telemetry.exporters import prometheus
from telemetry.live import Live
from telemetry.metrics_view import MetricsView

log = logging.getLogger("gecc.metrics")

SCRAPED_S, UNASKED_S = 300.0, 60.0
"""After so long without a scrape the next one is made ready only so often: it may still come."""


class Scrapes:
    """The pages of one service."""

    def __init__(self, live: Live, view: Callable[[], Awaitable[MetricsView]], *, clock: Callable[[], float]) -> None:
        """`view` gathers one moment of the service, on the event loop."""
        self._live, self._view, self._clock = live, view, clock
        self._pages = prometheus.Pages()
        self._scraped_s = -SCRAPED_S
        """When /metrics was last asked for, …"""
        self._ready_s = -UNASKED_S
        """… and when what it is made of was last taken up."""
        self._moment: tuple[int, object] = (0, None)
        """The second and the snapshot of the last page, …"""
        self._made: dict[bool, asyncio.Future[bytes]] = {}
        """… and the page in each form."""

    async def page(self, accept: str) -> tuple[bytes, str]:
        """The page of this second and snapshot; several scrapers share it."""
        self._scraped_s = time.monotonic()
        openmetrics, content_type = prometheus.negotiated(accept)
        second, snapshot = int(self._clock()), self._live.snapshot
        if second != self._moment[0] or snapshot is not self._moment[1]:
            self._moment, self._made = (second, snapshot), {}
        if openmetrics not in self._made:
            self._made[openmetrics] = asyncio.ensure_future(self._render(openmetrics=openmetrics))
        return await asyncio.shield(self._made[openmetrics]), content_type

    async def take_up(self) -> None:
        """Make ready for whoever scrapes: one page at the start, then each snapshot, or some of them while nobody asks."""
        await self._ready(self._render(openmetrics=False))
        while True:
            await self._live.refreshed()
            now_s = time.monotonic()
            if now_s - self._scraped_s < SCRAPED_S or now_s - self._ready_s >= UNASKED_S:
                await self._ready(asyncio.to_thread(self._pages.take_up, lambda: self._live.snapshot))

    async def _ready(self, making: Awaitable[object]) -> None:
        try:
            await making
        except Exception:
            log.exception("/metrics could not be made ready")  # whoever asks for it is told again
        self._ready_s = time.monotonic()

    async def _render(self, *, openmetrics: bool) -> bytes:
        return await asyncio.to_thread(self._pages.render, await self._view(), openmetrics=openmetrics)
