"""Server-sent events: each open board gets the newest snapshot of its site, and never a queue of old ones."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from telemetry.web.service import Service

log = logging.getLogger(__name__)

RETRY_MS = 2000
MAX_STREAMS = 2000
SEND_BUFFER = 64 * 1024
"""Bytes that the kernel may hold for one reader: what is sent later is newer."""


class Streams:
    """All open streams. A reader that takes nothing for `blocked_s` is dropped; it will come back by itself."""

    def __init__(
        self,
        service: Service,
        dumps: Callable[[object], str],
        *,
        page: str,
        heartbeat_s: float = 15.0,
        blocked_s: float = 10.0,
    ) -> None:
        self._service = service
        self._dumps = dumps
        self._page = page
        self._heartbeat_s = heartbeat_s
        self._blocked_s = blocked_s
        self._frames: dict[str, tuple[int, bytes]] = {}
        """Site → version and event of its newest board."""
        self._making: dict[str, asyncio.Lock] = {}
        self._open: set[asyncio.Task[object]] = set()

    async def respond(self, request: web.Request, site_id: str, *, versions_only: bool = False) -> web.StreamResponse:
        """Serve one stream until its reader goes. Whatever Last-Event-ID says, the newest board comes at once; with
        `versions_only` its version alone, for pages that are then fetched."""
        if len(self._open) >= MAX_STREAMS:
            raise web.HTTPServiceUnavailable(text="too many open streams", headers={"Retry-After": "5"})
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await response.prepare(request)
            await self._feed(request, response, site_id, self._version if versions_only else self._frame)
        except (ConnectionResetError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # a polite close would wait for the reader that does not read
        except Exception:
            # Headers are out, so the reader cannot be told more than by an end; its browser comes back.
            log.exception("stream of site %s broke", site_id)
        finally:
            self._open.discard(task)
        return response

    async def close(self, _app: web.Application | None = None) -> None:
        """End every stream, so that a shutdown does not wait for screens that stay open for weeks."""
        for task in list(self._open):
            task.cancel()

    async def _feed(
        self,
        request: web.Request,
        response: web.StreamResponse,
        site_id: str,
        frame_of: Callable[[str, int], Awaitable[tuple[int, bytes]]],
    ) -> None:
        transport = request.transport
        if transport is None:
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        version, frame = await frame_of(site_id, await self._service.changed(site_id, -1))
        await self._send(response, transport, b"retry: %d\n\n" % RETRY_MS + frame + self._beat())
        while True:
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    newest = await self._service.changed(site_id, version)
            except TimeoutError:
                await self._send(response, transport, self._beat())
                continue
            version, frame = await frame_of(site_id, newest)
            await self._send(response, transport, frame)

    async def _send(self, response: web.StreamResponse, transport: asyncio.WriteTransport, data: bytes) -> None:
        """Send, and wait until the reader took it; only then is the next snapshot chosen."""
        async with asyncio.timeout(self._blocked_s):
            await response.write(data)
            while transport.get_write_buffer_size():
                if transport.is_closing():
                    raise ConnectionResetError
                await asyncio.sleep(0.05)

    async def _frame(self, site_id: str, version: int) -> tuple[int, bytes]:
        """The newest board as an event, of this version or a later one: made once, however many screens show it."""
        async with self._making.setdefault(site_id, asyncio.Lock()):
            kept = self._frames.get(site_id)
            if kept is None or kept[0] < version:
                board = await self._service.board_soon(site_id)
                # JSON has no raw line ends, so one data line is always enough.
                text = f"id: {board['version']}\ndata: {self._dumps(board)}\n\n"
                kept = self._frames[site_id] = (board["version"], text.encode())
        return kept

    async def _version(self, _site_id: str, version: int) -> tuple[int, bytes]:
        return version, f'id: {version}\ndata: {{"version":{version}}}\n\n'.encode()

    def _beat(self) -> bytes:
        """Sign of life: a comment for proxies, an event for the page (scripts cannot see comments)."""
        data = self._dumps({"now_ms": self._service.now_ms(), "page": self._page})
        return f": beat\nevent: beat\ndata: {data}\n\n".encode()
