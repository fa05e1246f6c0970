"""The pages that are written here and stay current by themselves: hall, staff, sources; and staffing, which is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import hdrs, web

from telemetry.text import words
from telemetry.web import pages
from telemetry.web.asking import language, one, only, site_of
from telemetry.web.hall_page import hall_page
from telemetry.web.service import BusyError, Service, SiteInfo
from telemetry.web.sources_page import sources_page
from telemetry.web.staff_page import staff_page
from telemetry.web.staffing_page import question, staffing_page
from telemetry.web.stream import Streams

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Asked = Callable[[web.Request, SiteInfo, str], Awaitable[web.Response]]
MOST_DIGITS: Final = 3


class Screens:
    """Their handlers. `page` names this version of the pages and their scripts."""

    def __init__(self, service: Service, streams: Streams, page: str) -> None:
        self._service, self._streams, self._page = service, streams, page

    def table(self) -> dict[str, Handler]:
        """Every route of them."""
        return {
            "/hall": self._of_site(self.hall, "ticket"),
            "/staff": self._of_site(self.staff),
            "/sources": self._of_site(self.sources),
            "/staffing": self._of_site(self.staffing, "unit", "weeks", "day", "time", "change"),
            "/v1/changes": self.changes,
        }

    def _of_site(self, answer: Asked, *names: str) -> Handler:
        """Ask for the site where there are several and none is named."""

        async def handler(request: web.Request) -> web.Response:
            only(request, "site", "lang", *names)
            lang = language(request, "th")
            if not one(request, "site") and len(self._service.sites()) != 1:
                return html(pages.choose(self._service.sites(), lang))
            return await answer(request, site_of(request, self._service), lang)

        return handler

    async def changes(self, request: web.Request) -> web.StreamResponse:
        only(request, "site")
        return await self._streams.respond(request, site_of(request, self._service).id, versions_only=True)

    async def hall(self, request: web.Request, site: SiteInfo, lang: str) -> web.Response:
        label = one(request, "ticket").strip()
        own = await self._service.ticket(site.id, label) if label else None
        hall = await self._service.hall(site.id)
        return html(hall_page(site, lang, hall, own, now_ms=self._service.now_ms(), page=self._page))

    async def staff(self, _request: web.Request, site: SiteInfo, lang: str) -> web.Response:
        board, glance = await self._service.board_soon(site.id), await self._service.glance(site.id)
        return html(staff_page(site, lang, board, glance, now_ms=self._service.now_ms(), version=self._page))

    async def sources(self, _request: web.Request, site: SiteInfo, lang: str) -> web.Response:
        await self._service.board_soon(site.id)  # which is what takes time of them
        rows, (_, facts) = self._service.sources(site.id), self._service.ready()
        lost = facts.get("not_connected", {}).items()
        problems = {
            name.removeprefix(f"{site.id}/"): why
            for name, why in lost
            if "/" not in name or name.startswith(f"{site.id}/")
        }
        return html(sources_page(site, lang, rows, problems, now_ms=self._service.now_ms(), version=self._page))

    async def staffing(self, request: web.Request, site: SiteInfo, lang: str) -> web.Response:
        asked = {name: one(request, name) for name in ("unit", "weeks", "day", "time", "change")}
        board, w = await self._service.board_soon(site.id), words(lang, "screens")
        units = [(u["unit"], u[f"name_{lang}"]) for u in board["units"]]  # type: ignore[literal-required]
        told, problem, status = None, "", 200
        try:
            weeks = _whole(asked["weeks"] or "4")
            change = question(asked["day"], asked["time"] or "10:00", asked["change"])
            told = await self._service.staffing(site.id, asked["unit"] or None, weeks, change, lang)
        except ValueError as error:
            problem, status = w["staffing_problem"].format(why=error), 400
        except BusyError:
            problem, status = w["staffing_busy"], 503
        answer = html(staffing_page(site, lang, told, units, asked, problem), status)
        if status == 503:
            answer.headers[hdrs.RETRY_AFTER] = "2"
        return answer


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise ValueError(f"weeks: {text[:20]!r}")
    return int(text)


def html(text: str, status: int = 200) -> web.Response:
    """A page that nobody keeps."""
    return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})
