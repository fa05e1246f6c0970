"""MQTT, out: retained messages that stand at a broker as they are wanted, for as long as this runs.

It has a connection of its own, so that nothing of it can delay what is collected. What it publishes can be said again at
any time: after a lost connection everything is, and nothing is kept meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

import aiomqtt

log = logging.getLogger("gecc.mqtt")

LONGEST_PAUSE_S = 30.0
GOODBYE_S = 1.0


class MqttPublisher:
    """Says `online` on `status_topic` while it is connected; the broker says `offline` there when it is not."""

    def __init__(
        self,
        *,
        host: str,
        port: int = 1883,
        version: str = "5",
        client_id: str,
        username: str = "",
        password: str = "",
        tls_context: ssl.SSLContext | None = None,
        status_topic: str,
        listen: Sequence[str] = (),
        period_s: float = 2.0,
        keepalive: int = 15,
    ) -> None:
        self._status, self._listen, self._period_s = status_topic, tuple(listen), period_s
        self._options: dict[str, Any] = {
            "hostname": host,
            "port": port,
            "identifier": client_id,
            "username": username or None,
            "password": password or None,
            "tls_context": tls_context,
            "keepalive": keepalive,
            "protocol": aiomqtt.ProtocolVersion.V5 if version == "5" else aiomqtt.ProtocolVersion.V311,
            "will": aiomqtt.Will(status_topic, b"offline", qos=1, retain=True),
        }
        self._wanted: Mapping[str, bytes] = {}
        self._again = asyncio.Event()

    async def run(
        self,
        wanted: Callable[[], Mapping[str, bytes]],
        *,
        ours: Callable[[str, bytes], Collection[str]] = lambda _topic, _payload: (),
        repeat: tuple[str, bytes] = ("", b""),
    ) -> None:
        """Publish what `wanted` says, asked every period, until cancelled.

        Of each message that is heard, `ours` names the topics that we once published with it: those that are wanted no
        more are emptied. The message `repeat` asks for everything anew.
        """
        pause_s, told = 1.0, False
        while True:
            try:
                async with _Client(**self._options) as client, asyncio.TaskGroup() as tasks:
                    self._wanted = wanted()
                    hearing = tasks.create_task(self._hear(client, ours, repeat), name="hear")
                    try:
                        for topic in self._listen:
                            await client.subscribe(topic, qos=1)
                        pause_s, told = 1.0, False
                        await self._publish(client, wanted)
                    finally:
                        hearing.cancel()
            except* (aiomqtt.MqttError, OSError) as group:
                if not told:
                    log.warning("cannot publish: %s; trying again", group.exceptions[0])
                told = True
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _publish(self, client: aiomqtt.Client, wanted: Callable[[], Mapping[str, bytes]]) -> None:
        published: dict[str, bytes] = {}
        online = False
        try:
            while True:
                self._wanted = now = wanted()
                if self._again.is_set():
                    self._again.clear()
                    published, online = {}, False
                for topic in published.keys() - now.keys():
                    await client.publish(topic, b"", qos=1, retain=True)
                for topic, payload in now.items():
                    if published.get(topic) != payload:
                        await client.publish(topic, payload, qos=1, retain=True)
                published = dict(now)
                if not online:
                    await client.publish(self._status, b"online", qos=1, retain=True)
                    online = True
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._period_s):  # wait_for of 3.11 can lose a cancellation
                        await self._again.wait()
        except asyncio.CancelledError:
            with suppress(aiomqtt.MqttError, TimeoutError):  # an orderly goodbye has no will
                await client.publish(self._status, b"offline", qos=1, retain=True, timeout=GOODBYE_S)
            raise

    async def _hear(
        self,
        client: aiomqtt.Client,
        ours: Callable[[str, bytes], Collection[str]],
        repeat: tuple[str, bytes],
    ) -> None:
        async for message in client.messages:
            topic, payload = str(message.topic), message.payload
            if not isinstance(payload, bytes):
                continue
            if (topic, payload) == repeat:
                self._again.set()
            for left in ours(topic, payload):
                if left not in self._wanted:
                    await client.publish(left, b"", qos=1, retain=True)


class _Client(aiomqtt.Client):
    """Lets go of its socket when its start fails or is cancelled, also of one that its thread opens only then."""

    _given_up = False

    async def __aenter__(self) -> Self:
        try:
            return await super().__aenter__()
        except BaseException:
            self._given_up = True
            self._loop.call_soon(self._let_go)  # behind what is due for this socket already
            raise

    def _on_socket_open(self, *args: Any) -> None:
        super()._on_socket_open(*args)
        self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        if self._given_up:
            self._client._sock_close()  # noqa: SLF001  aiomqtt has no way to say it
