"""The routes of the manager's page, of what is behind a figure, and of one contact. Long questions wait in their line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import hdrs, web

from telemetry.web.asking import bad, language, one, only, site_of
from telemetry.web.drill_page import contact_page, drill_page
from telemetry.web.manager_page import manager_page
from telemetry.web.pages import choose
from telemetry.web.service import BusyError, Service

_T = TypeVar("_T")


class ManagerPages:
    """The handlers. `page` names this version of the pages and their scripts."""

    def __init__(self, service: Service, page: str) -> None:
        self._service, self._page = service, page

    def table(self) -> dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
        """Every route of these pages."""
        return {"/manager": self.manager, "/drill": self.drill, "/contact": self.contact}

    async def manager(self, request: web.Request) -> web.Response:
        only(request, "site", "lang", "from", "to")
        lang = language(request, "th")
        if not one(request, "site") and len(self._service.sites()) != 1:
            return _html(choose(self._service.sites(), lang))
        site = site_of(request, self._service)
        period = one(request, "from") or None, one(request, "to") or None
        view = await _answered(self._service.manager(site.id, *period, lang))
        return _html(manager_page(site, view, lang, version=self._page))

    async def drill(self, request: web.Request) -> web.Response:
        only(request, "site", "lang", "kpi", "from", "to", "unit", "part", "page")
        site, lang = site_of(request, self._service), language(request, "th")
        asked = {name: one(request, name) or None for name in ("from", "to", "unit", "part")}
        kpi, number = one(request, "kpi"), _whole(one(request, "page") or "1", "page")
        if not kpi:
            raise bad("kpi is missing")
        view = await _answered(
            self._service.drill(
                site.id, kpi, asked["from"], asked["to"], unit=asked["unit"], part=asked["part"], page=number, lang=lang
            ),
            unknown="unknown kpi",
        )
        return _html(drill_page(site, view, lang))

    async def contact(self, request: web.Request) -> web.Response:
        only(request, "site", "lang", "key")
        site, lang = site_of(request, self._service), language(request, "th")
        key = _whole(one(request, "key"), "key")
        return _html(
            contact_page(
                site, await _answered(self._service.contact(site.id, key, lang), unknown="no such contact"), lang
            )
        )


async def _answered(question: Awaitable[_T], unknown: str = "unknown site") -> _T:
    """The answer; what is wrong with the question is said by the status that belongs to it."""
    try:
        return await question
    except ValueError as error:
        raise bad(str(error)) from error
    except KeyError as error:
        raise web.HTTPNotFound(text=unknown) from error
    except BusyError as error:
        raise web.HTTPServiceUnavailable(text=str(error), headers={hdrs.RETRY_AFTER: "2"}) from error


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise bad(f"{name} must be a whole number")
    return int(text)


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})
