"""Call records by TCP: we connect to the PBX or its serial adapter, or it connects to us."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from collectors.base import NotConnected
from collectors.spooled import BLOCK, Keepalive, Spooled, host_and_port

log = logging.getLogger("gecc.tcp")

_LONGEST_DIALOGUE = 4096
_TELNET = re.compile(rb"\xff\xfa.*?\xff\xf0|\xff[\xfb-\xfe].|\xff[\xf0-\xf9]", re.DOTALL)
"""What telnet says beside the text: negotiations and commands."""


_PROMPT_ALONE = re.compile(rb"[*\s]*[->] *")


class Login(Protocol):
    """A dialogue before the first record. Sans-I/O: bytes in, answers and records out."""

    ready: bool
    """All is said from our side."""
    done: bool
    """What comes from here on are records."""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What to answer, and what of this is records already. Raises `NotConnected` when we are refused."""


class PanasonicLogin:
    """KX series: the prompt `-`, our `SMDR`, `Enter Password:`, the password, which comes back as `*` or not at all."""

    def __init__(self, password: str, command: str = "SMDR") -> None:
        self._password, self._command = password.encode(), command.encode()
        self._echo = re.compile(rb"\A *(?:\*+|%b)? *(?:\r\n?|\n)" % re.escape(self._password))
        self._said = b""
        self._asked = False
        self.ready = self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        self._said = _TELNET.sub(b"", self._said + data)
        if not self.ready:
            return self._dialogue(), b""
        records = self._echo.sub(b"", self._said, count=1)
        if not records.strip(b"*\r\n \0") or self._password.startswith(self._said):
            return b"", b""
        if _PROMPT_ALONE.fullmatch(records) or b"assword" in records:
            raise NotConnected("the PBX refused the password")
        self.done, self._said = True, b""
        return b"", records

    def _dialogue(self) -> bytes:
        if self._asked and re.search(rb"password: *\Z", self._said, re.IGNORECASE):
            self.ready, self._said = True, b""
            return self._password + b"\r\n"
        if not self._asked and re.search(rb"[->] *\Z", self._said):
            self._asked, self._said = True, b""
            return self._command + b"\r\n"
        if len(self._said) > _LONGEST_DIALOGUE:
            raise NotConnected(f"the PBX does not ask for a log-in: it says {self._said[:60]!r}")
        return b""


class TcpCollector(Spooled):
    """Lines that a PBX writes to TCP, as client (`connect`) or server (`listen`). Lines end with CR, LF or CR LF.

    A server takes up to `most_peers` connections at once, each with its own lines, and listens for ever. `login` makes
    the dialogue of one connection. `silent_s` gives up connections that say nothing for so long; None leaves it to the
    keepalive, as a PBX may have nothing to say all night.
    """

    def __init__(
        self,
        *,
        name: str,
        site: str,
        spool: Path,
        connect: str = "",
        listen: str = "",
        login: Callable[[], Login] | None = None,
        most_peers: int = 4,
        keepalive: Keepalive = Keepalive(),  # noqa: B008  a tuple
        silent_s: float | None = None,
        connect_s: float = 10.0,
        refusal_s: float = 1.0,
        steady_s: float = 5.0,
        beat_s: float = 60.0,
        clock: Callable[[], float] = time.time,
        spool_options: dict[str, Any] | None = None,
    ) -> None:
        if bool(connect) == bool(listen):
            raise ValueError("either connect or listen")
        super().__init__(
            name=name,
            site=site,
            peer=connect or f"listening on {listen}",
            spool=spool,
            lone_cr=True,
            new_file=bool(connect),
            keepalive=keepalive,
            silent_s=silent_s,
            connect_s=connect_s,
            steady_s=steady_s,
            beat_s=beat_s,
            clock=clock,
            spool_options=spool_options,
        )
        self._connect, self._listen = connect, listen
        self._login = login
        self._most_peers, self._refusal_s = most_peers, refusal_s
        self._server: asyncio.Server | None = None
        self._refused = False

    @property
    def port(self) -> int:
        """Where we listen; 0 while we do not."""
        port: int = self._server.sockets[0].getsockname()[1] if self._server else 0
        return port

    async def aclose(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await super().aclose()

    async def _reach(self) -> None:
        if self._listen:
            host, port = host_and_port(self._listen)
            # It listens only once it is ours: asyncio leaves a server open whose start is cancelled half-way.
            self._server = await asyncio.start_server(self._accept, host, port, limit=BLOCK, start_serving=False)
            await self._server.start_serving()
            self._begin()
            return
        reader, writer = await self._connected(self._connect)
        login = self._login() if self._login else None
        first = await self._log_in(login, reader, writer) if login else b""
        passes = (lambda data: login.feed(data)[1] if not login.done else data) if login else None
        self._begin()
        self._start(self._hear(reader, writer, last=True, first=first, passes=passes), "connection")

    async def _log_in(self, login: Login, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Say what is to be said; then wait a little for a refusal. What came of the records by then."""
        try:
            async with asyncio.timeout(self._connect_s):
                while not login.ready:
                    answer, first = login.feed(await _some(reader))
                    writer.write(answer)
                    await writer.drain()
                    if first:
                        return first
        except TimeoutError:
            raise NotConnected(f"{self._connect}: the log-in was not asked for within {self._connect_s:g} s") from None
        try:
            async with asyncio.timeout(self._refusal_s):
                while not login.done:
                    if first := login.feed(await _some(reader))[1]:
                        return first
        except TimeoutError:
            pass  # no call has ended meanwhile
        return b""

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or len(self._writers) >= self._most_peers:
            if not self._refused:
                log.warning("%s: more than %d connections at once are refused", self.name, self._most_peers)
            self._refused = True
            writer.transport.abort()
            return
        self._refused = False
        self._holds(writer)
        self._start(self._hear(reader, writer, last=False), "connection")


async def _some(reader: asyncio.StreamReader) -> bytes:
    if data := await reader.read(BLOCK):
        return data
    raise NotConnected("closed by the other end during the log-in")
