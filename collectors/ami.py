"""Asterisk Manager Interface: its stream of events, line by line, as a log of it would hold them.

The password never crosses the wire: the log-in answers a challenge. A PING that nothing comes back for is a lost peer.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collectors.base import NotConnected
from collectors.replay import BlockCutter
from collectors.spooled import Keepalive, Spooled

_BANNER = b"Asterisk Call Manager/"
_STATE = ("QueueStatus", "CoreShowChannels")
"""What is asked for at once, so that calls in progress are known."""
_LONGEST_ANSWER = 64


class AmiCollector(Spooled):
    """Events of one Asterisk. `events` are the classes that it is asked for; the user must be allowed to read them."""

    def __init__(
        self,
        *,
        name: str,
        site: str,
        spool: Path,
        address: str,
        username: str,
        password: str,
        events: str = "system,call,agent,dialplan,user",
        ping_s: float = 15.0,
        silent_s: float = 40.0,
        keepalive: Keepalive = Keepalive(),  # noqa: B008  a tuple
        connect_s: float = 10.0,
        steady_s: float = 5.0,
        beat_s: float = 60.0,
        clock: Callable[[], float] = time.time,
        spool_options: dict[str, Any] | None = None,
    ) -> None:
        if any(set(text) & set("\r\n\0") for text in (username, password, events)):
            raise ValueError("a name or password of the Manager Interface holds no line ends")
        super().__init__(
            name=name,
            site=site,
            peer=address,
            spool=spool,
            lone_cr=False,
            new_file=True,
            cutter=BlockCutter,
            keepalive=keepalive,
            silent_s=silent_s,
            connect_s=connect_s,
            steady_s=steady_s,
            beat_s=beat_s,
            clock=clock,
            spool_options=spool_options,
        )
        self._address = address
        self._username, self._password, self._events = username, password, events
        self._ping_s = ping_s

    async def _reach(self) -> None:
        reader, writer = await self._connected(self._address)
        try:
            async with asyncio.timeout(self._connect_s):
                await self._log_in(reader, writer)
        except asyncio.IncompleteReadError as error:
            raise NotConnected(f"{self._address}: closed by the other end during the log-in") from error
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise NotConnected(f"{self._address}: the answer to the log-in is too long") from error
        for action in _STATE:
            _send(writer, Action=action, ActionID=f"gecc-{action}")
        self._begin()
        self._start(self._hear(reader, writer, last=True), "connection")
        self._start(self._ping(writer), "ping")

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        banner = await reader.readline()
        if not banner.startswith(_BANNER):
            raise NotConnected(f"{self._address} is no Asterisk Manager Interface: it says {banner[:60]!r}")
        _send(writer, Action="Challenge", AuthType="MD5")
        challenge = (await self._answer(reader)).get("challenge", "")
        key = hashlib.md5((challenge + self._password).encode(), usedforsecurity=False).hexdigest()
        _send(writer, Action="Login", AuthType="MD5", Username=self._username, Key=key, Events=self._events)
        await self._answer(reader)

    async def _answer(self, reader: asyncio.StreamReader) -> dict[str, str]:
        """The next response, with small letters; events before it are let go. NotConnected if it is no success."""
        while True:
            answer: dict[str, str] = {}
            while line := (await reader.readuntil(b"\n")).decode(errors="replace").rstrip("\r\n"):
                name, _, value = line.partition(":")
                if len(answer) < _LONGEST_ANSWER:
                    answer[name.strip().lower()] = value.strip()
            if "response" in answer:
                break
        if answer["response"].lower() != "success":
            message = answer.get("message", answer["response"])
            raise NotConnected(f"{self._address} refused {self._username}: {message}")
        return answer

    async def _ping(self, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            await asyncio.sleep(self._ping_s)
            _send(writer, Action="Ping", ActionID="gecc-Ping")


def _send(writer: asyncio.StreamWriter, **fields: str) -> None:
    if not writer.is_closing():
        writer.write("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n")
