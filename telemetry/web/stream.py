"""Server-sent events: each open board gets the newest snapshot of its site, and never a queue of old ones."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from aiohttp import web

from telemetry.web.service import Board, Service

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
        self._frames: dict[str, tuple[Board, bytes]] = {}
        self._open: set[asyncio.Task[object]] = set()

    async def respond(self, request: web.Request, site_id: str) -> web.StreamResponse:
        """Serve one stream until its reader goes. Whatever Last-Event-ID says, the newest board comes at once."""
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
            await self._feed(request, response, site_id)
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

    async def _feed(self, request: web.Request, response: web.StreamResponse, site_id: str) -> None:
        transport = request.transport
        if transport is None:
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        board, frame = self._frame(site_id)
        await self._send(response, transport, b"retry: %d\n\n" % RETRY_MS + frame + self._beat())
        while True:
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await self._service.changed(site_id, board["version"])
            except TimeoutError:
                await self._send(response, transport, self._beat())
                continue
            board, frame = self._frame(site_id)
            await self._send(response, transport, frame)

    async def _send(self, response: web.StreamResponse, transport: asyncio.WriteTransport, data: bytes) -> None:
        """Send, and wait until the reader took it; only then is the next snapshot chosen."""
        async with asyncio.timeout(self._blocked_s):
            await response.write(data)
            while transport.get_write_buffer_size():
                if transport.is_closing():
                    raise ConnectionResetError
                await asyncio.sleep(0.05)

    def _frame(self, site_id: str) -> tuple[Board, bytes]:
        """The newest board as an event; encoded once, however many screens show it."""
        board = self._service.board(site_id)
        kept = self._frames.get(site_id)
        if kept is None or kept[0] is not board:
            # JSON has no raw line ends, so one data line is always enough.
            text = f"id: {board['version']}\ndata: {self._dumps(board)}\n\n"
            kept = self._frames[site_id] = (board, text.encode())
        return kept

    def _beat(self) -> bytes:
        """Sign of life: a comment for proxies, an event for the page (scripts cannot see comments)."""
        data = self._dumps({"now_ms": self._service.now_ms(), "page": self._page})
        return f": beat\nevent: beat\ndata: {data}\n\n".encode()
