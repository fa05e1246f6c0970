"""The web application: pages, API, stream, metrics and health, over one `Service`: GET only. What is sent to us goes to
the `Inbox`: POST only. Errors are JSON."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Final, get_args

from aiohttp import hdrs, web

from telemetry.web import large, pages
from telemetry.web.asking import bad as _bad
from telemetry.web.asking import language as _language
from telemetry.web.asking import one as _one
from telemetry.web.asking import only as _only
from telemetry.web.asking import site_of
from telemetry.web.definitions_page import definitions_page
from telemetry.web.inbox import MAX_BODY, Inbox
from telemetry.web.manager_routes import ManagerPages
from telemetry.web.runbooks_page import runbooks
from telemetry.web.screen_routes import Screens
from telemetry.web.service import BusyError, By, Service, SiteInfo
from telemetry.web.serving import SECURITY_HEADERS, Runner, serve
from telemetry.web.stream import Streams

__all__ = ["Runner", "make_app", "serve"]

log = logging.getLogger(__name__)

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def make_app(
    service: Service, *, inbox: Inbox | None = None, heartbeat_s: float = 15.0, blocked_s: float = 10.0
) -> web.Application:
    """The application over `service`. It starts nothing and keeps no state but its open streams."""
    routes = _Routes(service, heartbeat_s, blocked_s)
    app = web.Application(middlewares=[_errors_as_json], client_max_size=MAX_BODY)
    for path, handler in routes.table().items():
        app.router.add_get(path, handler, allow_head=False)
    if inbox is not None:
        inbox.add_to(app)
    app.on_response_prepare.append(_secure)
    app.on_shutdown.append(routes.streams.close)
    return app


class _Routes:
    """The handlers. Each reads its arguments, asks the service and writes the answer."""

    def __init__(self, service: Service, heartbeat_s: float, blocked_s: float) -> None:
        self._service = service
        self._static = _static_files()
        digest = hashlib.sha256()
        for name, (body, _kind, _etag) in sorted(self._static.items()):
            digest.update(name.encode() + b"\0" + body)
        self._page = digest.hexdigest()[:16]
        self.streams = Streams(service, dumps, page=self._page, heartbeat_s=heartbeat_s, blocked_s=blocked_s)
        self._screens = Screens(service, self.streams, self._page)

    def table(self) -> dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
        """Every route there is."""
        return {
            "/": self.page,
            "/v1/board": self.board,
            "/v1/stream": self.stream,
            "/v1/kpis": self.kpis,
            "/v1/sources": self.sources,
            "/v1/staffing": self.staffing,
            "/v1/definitions": self.definitions,
            "/definitions": self.definitions_page,
            "/runbooks": runbooks,
            **self._screens.table(),
            **ManagerPages(self._service, self._page).table(),
            "/metrics": self.metrics,
            "/healthz": self.health,
            "/readyz": self.ready,
            "/favicon.ico": self.favicon,
            "/static/{name}": self.static,
        }

    async def page(self, request: web.Request) -> web.Response:
        lang = _language(request, "th")
        sites = self._service.sites()
        if len(sites) == 1 or _one(request, "site"):
            text = pages.wallboard(self._site(request), lang, now_ms=self._service.now_ms(), page=self._page)
        else:
            text = pages.choose(sites, lang)
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def board(self, request: web.Request) -> web.Response:
        _only(request, "site")
        return _json(await self._service.board_soon(self._site(request).id))

    async def sources(self, request: web.Request) -> web.Response:
        _only(request, "site")
        site = self._site(request)
        await self._service.board_soon(site.id)  # which is what takes time of them
        return _json(self._service.sources(site.id))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        _only(request, "site")
        return await self.streams.respond(request, self._site(request).id)

    async def kpis(self, request: web.Request) -> web.Response:
        _only(request, "site", "from", "to", "by", "lang")
        by = _one(request, "by") or "total"
        known: tuple[By, ...] = get_args(By)
        if by not in known:
            raise _bad(f"by must be one of: {', '.join(known)}")
        site = self._site(request)
        period = _one(request, "from") or None, _one(request, "to") or None
        try:
            return _json(await self._service.kpis(site.id, *period, known[known.index(by)], _language(request, "en")))
        except ValueError as error:
            raise _bad(str(error)) from error
        except KeyError as error:
            raise web.HTTPNotFound(text="unknown site") from error
        except BusyError as error:
            raise web.HTTPServiceUnavailable(text=str(error), headers={hdrs.RETRY_AFTER: "2"}) from error

    async def definitions(self, request: web.Request) -> web.Response:
        _only(request, "site", "lang")
        return _json(self._service.definitions(self._site(request).id, _language(request, "en")))

    async def definitions_page(self, request: web.Request) -> web.Response:
        _only(request, "site", "lang")
        site, lang = self._site(request), _language(request, "th")
        text = definitions_page(site, self._service.definitions(site.id, lang), lang)
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def staffing(self, request: web.Request) -> web.Response:
        _only(request, "site", "unit", "weeks", "what_if", "lang")
        site, weeks = self._site(request), _one(request, "weeks") or "4"
        if not (weeks.isascii() and weeks.isdigit() and len(weeks) < 4):
            raise _bad("weeks must be a whole number")
        asked = _one(request, "unit") or None, int(weeks), _one(request, "what_if") or None
        try:
            return _json(await self._service.staffing(site.id, *asked, _language(request, "en")))
        except ValueError as error:
            raise _bad(str(error)) from error
        except BusyError as error:
            raise web.HTTPServiceUnavailable(text=str(error), headers={hdrs.RETRY_AFTER: "2"}) from error

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        body, kind = await self._service.metrics(request.headers.get(hdrs.ACCEPT, ""))
        return await large.send(request, body, {"Content-Type": kind, "Cache-Control": "no-store"})

    async def health(self, _request: web.Request) -> web.Response:
        return _json(self._service.health())

    async def ready(self, _request: web.Request) -> web.Response:
        ready, facts = self._service.ready()
        return _json(facts, status=200 if ready else 503)

    async def favicon(self, request: web.Request) -> web.Response:
        return self._file(request, "favicon.svg")

    async def static(self, request: web.Request) -> web.Response:
        return self._file(request, request.match_info["name"])

    def _file(self, request: web.Request, name: str) -> web.Response:
        if name not in self._static:
            raise web.HTTPNotFound
        body, kind, etag = self._static[name]
        headers = {"Content-Type": kind, "ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get(hdrs.IF_NONE_MATCH) == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)

    def _site(self, request: web.Request) -> SiteInfo:
        return site_of(request, self._service)


def dumps(value: object) -> str:
    """`value` as JSON; what is not a number stands as null, because it means that there is no data."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        text=dumps(value), status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        own = error.text if error.text and not error.text.startswith(f"{error.status}:") else error.reason.lower()
        response = _json({"error": own}, error.status)
        for name in (hdrs.ALLOW, hdrs.RETRY_AFTER):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response
    except Exception:
        log.exception("%s failed", request.path)
        return _json({"error": "internal error"}, 500)


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SECURITY_HEADERS)
    response.headers.popall(hdrs.SERVER, None)


def _static_files() -> dict[str, tuple[bytes, str, str]]:
    """Name → body, content type, ETag. Read once: what is not in the table does not exist for a reader."""
    files: dict[str, tuple[bytes, str, str]] = {}
    for entry in resources.files("telemetry.web").joinpath("static").iterdir():
        kind = _TYPES.get(entry.name.rpartition(".")[2])
        if kind is not None:
            body = entry.read_bytes()
            files[entry.name] = (body, kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
    return files
