"""What every source has in common that is heard once: sockets are read always, into the spool; batches come out of it.

Reading a socket waits for the disk at most, never for parsing or committing. What came before a connection was lost is
handed out before that is told; what came before a restart, before the source is even reachable again.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from collectors.base import Batch, NotConnected
from collectors.replay import ALIVE, BEGAN, CLOSED, OPENED, Replay, StreamCutter
from collectors.spool import Spool
from collectors.spool_files import Frame

BLOCK = 64 * 1024
_AT_ONCE = 32 * 1024
"""Bytes after which lines are handed out: a PBX that pours must leave room for others between its batches."""


class Keepalive(NamedTuple):
    """When the kernel gives up a connection whose other end does not answer."""

    idle_s: int = 20
    interval_s: int = 10
    probes: int = 3

    @property
    def total_s(self) -> int:
        return self.idle_s + self.interval_s * self.probes

    def set(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, self.idle_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, self.interval_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, self.probes)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self.total_s * 1000)


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of host:port, or of [address]:port."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


class Spooled:
    """A collector of one source's connections. What makes them is `_reach`, of those who inherit this."""

    def __init__(
        self,
        *,
        name: str,
        site: str,
        peer: str,
        spool: Path,
        lone_cr: bool,
        new_file: bool,
        cutter: type[StreamCutter] = StreamCutter,
        keepalive: Keepalive,
        silent_s: float | None,
        connect_s: float,
        steady_s: float,
        beat_s: float,
        clock: Callable[[], float],
        spool_options: dict[str, Any] | None,
    ) -> None:
        self.name = name
        self._site, self._peer = site, peer
        self._lone_cr, self._new_file = lone_cr, new_file
        self._keepalive, self._silent_s, self._connect_s = keepalive, silent_s, connect_s
        self._steady_s, self._beat_s = steady_s, beat_s
        self._clock = clock
        self._cutter = cutter
        self._spool = Spool(spool, clock=clock, **(spool_options or {}))
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._heard_us: dict[int, int] = {}
        self._connections = 0
        self._over = "not connected"
        self._ready: list[Batch] = []
        self._frames: list[Frame] = []
        self._replay = self._new_replay()

    _over: str
    """Why nothing more comes; "" while it may."""
    _heard_us: dict[int, int]
    """When each open connection last brought something."""

    @property
    def peers(self) -> int:
        """How many connections are open just now."""
        return len(self._heard_us)

    async def connect(self, cursor: str) -> None:
        await self.aclose()
        self._replay = self._new_replay()
        self._replay.load(cursor)
        self._next, self._connections = self._replay.first, 0
        try:
            await self._spool.open(self._next)
            self._over = ""
            try:
                await self._reach()
            except (NotConnected, OSError, UnicodeError) as error:  # the last of a host name that cannot be one
                self._over = str(error) or type(error).__name__
                while not self._ready:
                    if not await self._read_spool():
                        raise
        except (OSError, UnicodeError) as error:
            await self.aclose()
            raise NotConnected(f"{self._peer}: {str(error) or 'no answer'}") from error
        except BaseException:
            await self.aclose()
            raise
        if not self._over:
            self._start(self._beat(), "beat")

    async def batches(self) -> AsyncIterator[Batch]:
        while True:
            while self._ready:
                yield self._ready.pop(0)
            over = self._over if self._spool.settled else ""
            if not await self._read_spool():
                if over:
                    raise NotConnected(over)
                await self._spool.moved()

    async def aclose(self) -> None:
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        self._over = self._over or "closed"
        if tasks:
            await asyncio.wait(tasks)
        for writer in list(self._writers):
            await self._hang_up(writer)
        self._ready, self._frames = [], []
        await self._spool.aclose()

    async def _reach(self) -> None:
        """Connect, or begin to listen: `_begin`, and `_hear` for each connection. Raises OSError or NotConnected."""
        raise NotImplementedError

    def _new_replay(self) -> Replay:
        return Replay(
            self.name, self._site, self._peer, self._lone_cr, self._new_file, self._spool.forget, self._cutter
        )

    async def _read_spool(self) -> bool:
        """Take more out of the spool; whether there was more."""
        try:
            frames = self._frames or await self._spool.read(self._next)
        except OSError as error:
            raise NotConnected(f"{self._spool.folder} cannot be read: {error}") from error
        if not frames:
            return False
        count = size = 0
        while count < len(frames) and size < _AT_ONCE:
            size += len(frames[count].data)
            count += 1
        self._next = frames[count - 1].seq + 1
        self._frames = frames[count:]
        self._ready += self._replay.feed(frames[:count])
        return True

    def _now_us(self) -> int:
        return round(self._clock() * 1e6)

    def _start(self, work: Coroutine[Any, Any, None], what: str) -> None:
        task = asyncio.create_task(work, name=f"{self.name} {what}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begin(self) -> None:
        """From here on nothing is left of earlier connections."""
        self._spool.append(self._now_us(), b"", kind=BEGAN)

    async def _connected(self, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = host_and_port(address)
        async with asyncio.timeout(self._connect_s):
            reader, writer = await asyncio.open_connection(host, port, limit=BLOCK)
        self._holds(writer)
        return reader, writer

    def _holds(self, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._keepalive.set(writer.get_extra_info("socket"))

    async def _hear(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        last: bool,
        first: bytes = b"",
        passes: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Read a connection into the spool until it ends. `first` came before; `passes` gives what is worth keeping.

        With the `last` connection all is over. Where the PBX connects to us, an end in order is no loss: it comes again
        when it has something to say.
        """
        self._connections = stream = self._connections + 1
        self._heard_us[stream] = self._now_us()
        self._spool.append(self._heard_us[stream], b"", kind=OPENED, stream=stream)
        why, lost, since_us = "the service ended", True, 0
        try:
            if first:
                self._spool.append(self._heard_us[stream], first, stream=stream)
            while block := await self._block(reader):
                self._heard_us[stream] = now_us = self._now_us()
                if data := passes(block) if passes else block:
                    self._spool.append(now_us, data, stream=stream)
                    await self._spool.room()
            why, lost, since_us = "closed by the other end", last, self._now_us()
        except (NotConnected, OSError) as error:
            why = str(error) or type(error).__name__
        finally:
            facts = {"since_us": since_us or self._proven_us(stream), "why": why, "lost": lost}
            self._spool.append(self._now_us(), json.dumps(facts).encode(), kind=CLOSED, stream=stream)
            del self._heard_us[stream]
            if last:
                self._over = self._over or f"{self._peer}: {why}"
            self._spool.wake()
            await self._hang_up(writer)

    async def _block(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(self._silent_s) as limit:
                return await reader.read(BLOCK)
        except TimeoutError:
            if limit.expired():
                raise NotConnected(f"no sign of life for {self._silent_s:g} s") from None
            raise

    def _proven_us(self, stream: int) -> int:
        """When this connection was last known to live: when it spoke, or answered a keepalive that it had to answer."""
        heard_us = self._heard_us[stream]
        if self._silent_s is not None:
            return heard_us
        doubt_us = (self._keepalive.total_s + self._keepalive.interval_s) * 1_000_000
        return max(heard_us, self._now_us() - doubt_us)

    async def _beat(self) -> None:
        """Say now and then that it is quiet but heard: so much less is unknown after a crash."""
        await asyncio.sleep(self._steady_s)
        while self._over == "":
            proven_us = min(map(self._proven_us, self._heard_us), default=self._now_us())
            self._spool.append(proven_us, b"", kind=ALIVE)
            await asyncio.sleep(self._beat_s)

    async def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        """Close a socket at once; what is left to send is for nobody."""
        self._writers.discard(writer)
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
