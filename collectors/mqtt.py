"""MQTT, in only: a persistent session, QoS 1, acknowledged when the pipeline says so and not before.

aiomqtt 2.5.1 with its packet reader replaced costs 1.1 µs of processor a message; as it comes 50 µs, and
3.0.0a1 6.5 µs. That alpha speaks MQTT 5 only and keeps its queue over a reconnect: its late acknowledgements
took 49 of 50 unread messages from the next session. `tests/bench/mqtt_readers.py` measures all of them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collectors.base import Batch, NotConnected
from collectors.mqtt_connection import Connection
from collectors.mqtt_packets import MAX_PACKET


class MqttCollector:
    """Messages of an MQTT broker, each at least once, for as long as its session lasts.

    `client_id` names the session: two collectors with the same one throw each other out. On `topics` a message is
    `retained` if it was published so, on `other_topics` only if the broker kept it: what a device of our own profile
    must not do is the habit of others, whose live messages count all the same. MQTT 3.1.1 knows the second way only.
    """

    def __init__(
        self,
        *,
        name: str,
        host: str,
        port: int = 1883,
        version: str = "5",
        client_id: str = "gecc-telemetry",
        username: str = "",
        password: str = "",
        tls_context: ssl.SSLContext | None = None,
        topics: Sequence[str] = ("gecc/v1/+/+/+",),
        other_topics: Sequence[str] = (),
        receive_maximum: int = 1000,
        session_expiry_s: int = 7 * 86400,
        keepalive: int = 15,
        max_batch: int = 1000,
        crashpoint: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._topics, self._other_topics = tuple(topics), tuple(other_topics)
        self._max_batch = max_batch
        self._connection: Connection | None = None
        options: dict[str, Any] = {
            "hostname": host,
            "port": port,
            "identifier": client_id,
            "username": username or None,
            "password": password or None,
            "tls_context": tls_context,
            "keepalive": keepalive,
            "socket_options": ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
        }
        if version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = session_expiry_s
            properties.ReceiveMaximum = receive_maximum
            properties.MaximumPacketSize = MAX_PACKET
            options |= {"protocol": aiomqtt.ProtocolVersion.V5, "clean_start": False, "properties": properties}
        else:
            options |= {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": False}
        self._new_connection = partial(Connection, crashpoint, **options)

    @property
    def session_present(self) -> bool:
        """Whether the broker had kept our session when we last connected; without it, a gap is possible."""
        return self._connection is not None and self._connection.session_present

    async def connect(self, cursor: str = "") -> None:  # noqa: ARG002  # the broker keeps our place
        """Open a new connection and subscribe on it."""
        await self.aclose()
        self._connection = connection = self._new_connection()
        try:
            await connection.open(self._topics, self._other_topics)
        except (aiomqtt.MqttError, OSError) as exc:
            connection.fail(str(exc))
            raise NotConnected(str(exc)) from exc
        except BaseException:
            connection.fail("given up")
            raise

    async def batches(self) -> AsyncIterator[Batch]:
        """What has come, as it comes. What was read before the connection broke is still handed out."""
        connection = self._connection
        if connection is None:
            raise NotConnected("not connected")
        while (batch := await connection.take(self._max_batch)) is not None:
            yield batch
        raise NotConnected(connection.lost)

    async def aclose(self) -> None:
        """Disconnect; the broker keeps the session and whatever was not acknowledged."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
