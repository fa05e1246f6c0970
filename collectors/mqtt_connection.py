"""One connection of aiomqtt 2.5.1, with its packet reader replaced by one that reads whole blocks."""

# aiomqtt and paho offer no public way to a manual acknowledgement: their versions are pinned.
# ruff: noqa: SLF001

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import aiomqtt
from paho.mqtt.client import Client as Paho
from paho.mqtt.subscribeoptions import SubscribeOptions

from collectors.base import Batch
from collectors.mqtt_packets import Inbox

BLOCK = 256 * 1024
"""Most bytes read from the socket at once."""
BLOCKS = 16
"""Most TLS records read in one turn of the loop."""
SUBSCRIPTIONS = 100
"""Most topics of one SUBSCRIBE."""
CONNECT_S = 5.0
CLOSE_S = 1.0

_PUBREL, _PUBCOMP, _DISCONNECT = 0x60, b"\x70\x02", b"\xe0\x00"


class Connection(aiomqtt.Client):
    """One network connection, used once: what it delivered is acknowledged to it or to nobody."""

    session_present = False
    lost: str | None = None
    """Why the connection is gone; None while it lives."""

    def __init__(self, crashpoint: Callable[[str], None] | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        paho = self._client
        paho.manual_ack_set(True)  # before connecting: a broker may deliver right behind its CONNACK
        paho.connect_timeout = CONNECT_S
        paho._ssl_wrap_socket = self._handshake  # type: ignore[method-assign]
        self._crashpoint = crashpoint
        self._v5 = int(paho.protocol) == aiomqtt.ProtocolVersion.V5
        self._inbox = Inbox(properties=self._v5, other=self._on_packet)
        self._waiter: asyncio.Future[None] | None = None
        self._taking = False
        self._watching = False
        self._heard = self._pinged = time.monotonic()

    async def open(self, topics: Sequence[str], other_topics: Sequence[str] = ()) -> None:
        """Connect and subscribe with QoS 1: each time anew, which heals a lost session and changed topics."""
        assert self._client._manual_ack
        await self.__aenter__()
        wish: Any = 1
        other: Any = 1
        if self._v5:  # show what was retained, and send retained messages only to a new subscription
            wish = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=1)
            other = SubscribeOptions(qos=1, retainHandling=1)
        wishes = [*((topic, wish) for topic in topics), *((topic, other) for topic in other_topics)]
        for i in range(0, len(wishes), SUBSCRIPTIONS):
            granted = await self.subscribe(wishes[i : i + SUBSCRIPTIONS])
            for (topic, _), code in zip(wishes[i:], granted, strict=False):
                if getattr(code, "value", code) != 1:
                    raise aiomqtt.MqttError(f"subscription to {topic}: {code}")

    async def take(self, limit: int) -> Batch | None:
        """All that has come, up to `limit`, waiting only for the first; None when lost and nothing is left."""
        inbox = self._inbox
        self._taking = True
        await asyncio.sleep(0)  # a broker that always has more must not keep the loop to itself
        if self.lost is None and len(inbox.messages) < limit:
            self._read()
        while not inbox.messages:
            if self.lost is not None:
                return None
            self._watch_reads()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        messages, acks = inbox.messages, inbox.acks
        inbox.messages, inbox.acks = messages[limit:], acks[limit:]
        if inbox.messages:
            messages, acks = messages[:limit], acks[:limit]
        return Batch(messages, partial(self._acknowledge, acks))

    async def close(self) -> None:
        """Say goodbye, which keeps the session, and close the socket."""
        try:
            if self._client._sock is not None:
                self._taking = False
                self._watch_reads()
                # Sent as plain bytes: paho would close at once, and closing a socket that holds unread
                # messages resets it, which can cost the acknowledgements just written. The broker closes.
                self._write(_DISCONNECT)
                await asyncio.wait((self._disconnected,), timeout=CLOSE_S)
        finally:
            self.fail("closed")

    def fail(self, reason: str) -> None:
        """Close the socket whatever the state, and let everyone who waits know why."""
        if self.lost is None:
            self.lost = reason
        self._client._sock_close()
        waiting: list[asyncio.Future[Any]] = [self._connected, *self._pending_subscribes.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(aiomqtt.MqttError(reason))
                future.exception()  # seen: nobody may be waiting any more
        if not self._disconnected.done():
            self._disconnected.set_result(None)
        self._wake()

    # Writing.

    def _acknowledge(self, acks: list[bytes]) -> None:
        if self._client._sock is None:
            return
        if self._crashpoint is not None:
            half = len(acks) // 2
            self._write(b"".join(acks[:half]))
            self._crashpoint("between_acks")
            acks = acks[half:]
        self._write(b"".join(acks))

    def _write(self, data: bytes) -> None:
        """Send ready packets in one go, behind whatever paho has still to send."""
        if data:
            self._client._out_packet.append(
                {"command": 0, "mid": 0, "qos": 1, "pos": 0, "to_process": len(data), "packet": data, "info": None}
            )
            self._client.loop_write()

    # Reading. The socket is watched while somebody waits. Behind a batch in hand at most one block is read:
    # the rest gathers in the kernel and comes as one block, and a flood stays in the broker's own queue.

    def _watch_reads(self) -> None:
        sock = self._client._sock
        if not self._watching and isinstance(sock, socket.socket):
            self._watching = True
            self._loop.add_reader(sock, self._readable)

    def _readable(self) -> None:
        sock = self._client._sock
        if self._taking and self._waiter is None and self._inbox.messages and isinstance(sock, socket.socket):
            self._watching = False
            self._loop.remove_reader(sock)
        else:
            self._read()

    def _read(self) -> None:
        sock = self._client._sock
        assert isinstance(sock, socket.socket)
        try:
            for _ in range(BLOCKS):
                block = sock.recv(BLOCK)
                if not block:
                    self.fail("closed by the broker")
                    return
                self._heard = time.monotonic()
                self._inbox.feed(block)
                # A TLS socket gives one record at a time, and select does not see those it has decrypted.
                if self.lost is not None or not isinstance(sock, ssl.SSLSocket):
                    break
            else:
                self._loop.call_soon(self._read_on)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except Exception as exc:  # noqa: BLE001  # whatever paho makes of a broken packet, the connection is over
            self.fail(f"{type(exc).__name__}: {exc}")
        if self._inbox.messages:
            self._wake()

    def _read_on(self) -> None:
        if self.lost is None:
            self._readable()

    def _on_packet(self, head: int, body: bytes) -> bool:
        """Everything but messages is rare and paho's to handle."""
        paho = self._client
        if head & 0xF0 == _PUBREL:
            self._write(_PUBCOMP + body[:2])
            return paho._sock is not None
        paho._in_packet = {
            "command": head,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(body),
            "packet": bytearray(body),
            "to_process": 0,
            "pos": 0,
        }
        if rc := paho._packet_handle():
            paho._loop_rc_handle(rc)
        return paho._sock is not None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _misc_loop(self) -> None:
        """Ping when a direction has been quiet, and give up a broker before two keepalives of silence."""
        paho = self._client
        while paho._sock is not None:
            keepalive = paho._keepalive or self._keepalive  # a broker of MQTT 5 may have set its own
            before = time.monotonic()
            await asyncio.sleep(tick := min(1.0, keepalive / 8))
            now = time.monotonic()
            if now - before > 2 * tick + 1:
                self._heard = now  # it was we who were not there
            if self._watching and now - self._heard >= 1.75 * keepalive:
                self.fail(f"no sign of life for {now - self._heard:.0f} s")
            elif now - max(self._pinged, min(self._heard, paho._last_msg_out)) >= 0.75 * keepalive:
                self._pinged = now
                paho._send_pingreq()

    # What paho and aiomqtt call.

    def _handshake(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """TLS over a new socket, closed when that fails: paho would leave it open."""
        context = self._client._ssl_context
        assert context is not None
        wrapped = context.wrap_socket(tcp_sock, server_hostname=self._hostname, do_handshake_on_connect=False)
        try:
            wrapped.settimeout(CONNECT_S)
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped

    def _on_connect(self, *args: Any, **kwargs: Any) -> None:
        self.session_present = args[2].session_present
        super()._on_connect(*args, **kwargs)

    def _on_disconnect(self, *args: Any, **_kwargs: Any) -> None:
        self.fail(str(args[3]))

    def _on_socket_open(self, client: Paho, userdata: Any, sock: Any) -> None:  # noqa: ARG002
        # Called in the thread that connects; the collector may have given up meanwhile.
        self._loop.call_soon_threadsafe(self._watch, sock)

    def _watch(self, sock: socket.socket) -> None:
        if self.lost is not None:
            self._client._sock_close()
        elif self._client._sock is sock:
            self._watch_reads()
            self._misc_task = self._loop.create_task(self._misc_loop(), name="mqtt keepalive")

    def _on_socket_register_write(self, client: Paho, userdata: Any, sock: Any) -> None:  # noqa: ARG002
        # Checked when it runs: the number of a socket closed meanwhile may already be another's.
        self._loop.call_soon_threadsafe(self._watch_writes, sock)

    def _watch_writes(self, sock: socket.socket) -> None:
        if self._client._sock is sock and self._client._registered_write:
            self._loop.add_writer(sock, self._client.loop_write)
