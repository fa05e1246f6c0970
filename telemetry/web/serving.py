"""Listening: an aiohttp runner with our limits, whose every answer is ours, even to bytes that are not HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

_ACCESS_LOG = logging.getLogger("telemetry.web.access")
_ACCESS_LOG.setLevel(logging.CRITICAL)  # who looked at what is nobody's business unless someone turns it on

KEEPALIVE_S = 15.0
"""Also the time that a fresh connection has to send the whole head of its first request."""
SHUTDOWN_S = 3.0
LINGER_S = 2.0
"""For how long a body that nobody wants is let through, so that its sender gets to read our answer."""

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "font-src 'self'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Runner:
    """A listening application. `address` is what it is really bound to."""

    address: tuple[str, int]
    runner: web.AppRunner

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def aclose(self) -> None:
        """Stop listening and end what is open."""
        await self.runner.cleanup()


async def serve(app: web.Application, host: str, port: int) -> Runner:
    """Listen on `host`:`port` (0: any free port). OSError when it cannot."""
    runner = _AppRunner(app)
    await runner.setup()
    try:
        await _Site(runner, host, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    bound = runner.addresses[0]
    return Runner((bound[0], bound[1]), runner)


class _Site(web.TCPSite):
    """Listens only once its server is known here: asyncio leaves one open whose start is cancelled half-way."""

    __slots__ = ()

    async def start(self) -> None:
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        self._server = it = await loop.create_server(
            server, self._host, self._port, backlog=self._backlog, start_serving=False
        )
        await it.start_serving()


class _RequestHandler(web.RequestHandler):
    """Answers what never became a request (aiohttp's own answer names its version and quotes the bytes)."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes the sender's bytes, so it is not passed on
    ) -> web.StreamResponse:
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log_exception("Error handling request", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer is already sent")
        text = json.dumps({"error": HTTPStatus(status).phrase.lower()})
        # aiohttp adds its version where Server is missing, and no signal runs without a route.
        headers = {**SECURITY_HEADERS, "Server": "gecc"}
        response = web.Response(status=status, text=text, content_type="application/json", headers=headers)
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _RequestHandler(
            self,
            loop=asyncio.get_running_loop(),
            access_log=_ACCESS_LOG,
            keepalive_timeout=KEEPALIVE_S,
            lingering_time=LINGER_S,
        )


class _AppRunner(web.AppRunner):
    def __init__(self, app: web.Application) -> None:
        super().__init__(app, shutdown_timeout=SHUTDOWN_S)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory)
