"""What the pages ask of the running service, answered off the event loop where it takes time: see `web.service.Service`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from telemetry import staffing, staffing_view
from telemetry.board import Boards
from telemetry.config import Config, Site
from telemetry.definitions import definition_rows
from telemetry.drill_view import contact_view, drill_view
from telemetry.figures import query
from telemetry.glance import glance
from telemetry.hall import Halls
from telemetry.health import Health
from telemetry.journal_reader import JournalReader
from telemetry.live import Live
from telemetry.manager import Managers
from telemetry.sources_view import DeviceFacts, source_rows
from telemetry.web.screens import Glance, Hall, OwnTicket
from telemetry.web.service import Board, BusyError, By, DefinitionRow, KpiRow, SourceRow

_T = TypeVar("_T")

MOST_QUERIES = 8


class Devices(Protocol):
    """What is known of devices beside their events; see `collectors.devices`."""

    def facts(self, names: Iterable[str]) -> Mapping[str, DeviceFacts]: ...
    def state(self, name: str) -> tuple[str, int] | None: ...


class Answers:
    """The answers of one service."""

    def __init__(
        self,
        config: Config,
        *,
        journal: JournalReader,
        live: Live,
        boards: Boards,
        devices: Devices,
        health: Health,
        metrics: Callable[[str], Awaitable[tuple[bytes, str]]],
        told: Callable[[], Mapping[str, Any]],
        clock: Callable[[], float],
    ) -> None:
        """`metrics` makes the page for an Accept header; `told` is what `health` says beside the sources."""
        self._config = config
        self._sites = {s.id: s for s in config.sites}
        self._journal, self._live, self._boards, self._devices = journal, live, boards, devices
        self._health, self._told, self._clock = health, told, clock
        self._metrics = metrics
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="query")
        """Long questions have a thread of their own: the live figures must not wait for them."""
        self._screens = ThreadPoolExecutor(2, thread_name_prefix="screens")
        """What many screens ask for again and again does not wait for long questions, nor ingest for it."""
        self._halls = Halls(journal, self._sites, live)
        self._managers = Managers(journal, clock)
        self._asked = 0

    def close(self) -> None:
        """Leave what was not yet begun."""
        self._queries.shutdown(wait=False, cancel_futures=True)
        self._screens.shutdown(wait=False, cancel_futures=True)

    def now_us(self) -> int:
        return int(self._clock() * 1e6)

    def now_ms(self) -> int:
        return int(self._clock() * 1e3)

    def sites(self) -> Sequence[Site]:
        return self._config.sites

    def board(self, site_id: str) -> Board:
        return self._boards.board(site_id, self._live.snapshot, self.now_us())

    async def board_soon(self, site_id: str) -> Board:
        return await self._on_screens(self.board, site_id)

    def sources(self, site_id: str) -> list[SourceRow]:
        return source_rows(
            self._sites[site_id],
            self.board(site_id)["sources"],
            facts=self._devices.facts,
            state=self._devices.state,
            health=self._health.sources,
            now_ms=self.now_ms(),
            lag_us=self._health.lag_us,
        )

    async def hall(self, site_id: str) -> Hall:
        kept = self._halls.kept(site_id, self.now_us())
        return kept if kept is not None else await self._on_screens(self._halls.hall, site_id, self.now_us())

    async def ticket(self, site_id: str, label: str) -> OwnTicket:
        return await self._on_screens(self._halls.ticket, site_id, label, self.now_us())

    async def glance(self, site_id: str) -> Glance:
        site = self._sites[site_id]
        return await self._on_screens(glance, site, self._live.snapshot, self._journal, self.now_us())

    async def _on_screens(self, work: Callable[..., _T], *args: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._screens, work, *args)

    async def changed(self, site_id: str, last_version: int) -> int:
        return await self._live.changed(self._live.codes[site_id], last_version)

    async def kpis(self, site_id: str, from_: str | None, to: str | None, by: By, lang: str) -> list[KpiRow]:
        site = self._sites[site_id]
        ask = partial(query, self._journal, site, from_, to, now_us=self.now_us(), by=by, lang=lang)
        rows: list[Any] = await self._answer(ask)
        return rows

    async def staffing(
        self, site_id: str, unit: str | None, weeks: int, what_if: str | None, lang: str
    ) -> dict[str, Any]:
        site, change = self._sites[site_id], staffing.what_if(what_if) if what_if else None

        def work() -> dict[str, Any]:
            needs = staffing.staffing(self._journal, site, now_us=self.now_us(), unit=unit, weeks=weeks)
            return staffing_view.report(needs, site, lang, change)

        return await self._answer(work)

    async def manager(self, site_id: str, from_: str | None, to: str | None, lang: str) -> dict[str, Any]:
        site = self._sites[site_id]
        return await self._answer(partial(self._managers.view, site, from_, to, self.now_us(), lang))

    async def drill(
        self, site_id: str, kpi: str, from_: str | None, to: str | None, *, unit: str | None, part: str | None,
        page: int, lang: str,
    ) -> dict[str, Any]:  # fmt: skip
        site = self._sites[site_id]
        ask = partial(drill_view, self._journal, site, kpi, from_, to, unit=unit, part=part, page=page, lang=lang)
        return await self._answer(partial(ask, now_us=self.now_us()))

    async def contact(self, site_id: str, key: int, lang: str) -> dict[str, Any]:
        site = self._sites[site_id]
        return await self._answer(partial(contact_view, self._journal, site, key, now_us=self.now_us(), lang=lang))

    async def _answer(self, work: Callable[[], _T]) -> _T:
        """The answer to a long question, in its turn."""
        if self._asked >= MOST_QUERIES:
            raise BusyError("too many questions at once; ask again in a moment")
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._queries, work)
        finally:
            self._asked -= 1

    def definitions(self, site_id: str, lang: str) -> list[DefinitionRow]:
        return definition_rows(lang, self._sites[site_id])

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        return await self._metrics(accept)

    def health(self) -> dict[str, Any]:
        return {
            "status": "ok",
            "commits": self._health.commits,
            **self._told(),
            "sources": {
                name: {
                    "connected": s.connected,
                    "problem": s.problem,
                    "received": s.received,
                    "rejected": dict(s.rejected),
                }
                for name, s in self._health.sources.items()
            },
        }

    def ready(self) -> tuple[bool, dict[str, Any]]:
        return self._health.ready()
