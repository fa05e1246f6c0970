"""Mosquitto as it is shipped, with accounts and certificates made by the shipped commands; and clients of it."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from telemetry.__main__ import main
from tests.servers import NOBODY, Server, need

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "deploy" / "mosquitto" / "mosquitto.conf"
PATIENCE_S = 60.0
CENTRE = """
[[sites]]
id = "nonthaburi"
[[sites.services]]
id = "idcard"
[[sites.devices]]
id = "kiosk-1"
[[sites.devices]]
id = "kiosk-2"
[[sites.devices]]
id = "button-1"
kind = "button"
convention = "zigbee2mqtt"
topic = "zigbee2mqtt/counter 1"
presses = { single = 5, double = 1 }
[[sites]]
id = "bang-yai"
[[sites.devices]]
id = "kiosk-1"
"""


def owner() -> list[str]:
    """Servers of tests run as nobody where the tests run as root."""
    return ["--owner", str(NOBODY)] if os.geteuid() == 0 else []


class Broker(Server):
    """`config` is what the commands made, `data` what the broker keeps."""

    def __init__(self, centre: str = CENTRE, *, without: Sequence[str] = ()) -> None:
        """`without`: settings that are left out, to show what they are there for."""
        self._without = without
        super().__init__(self._command)
        self.config, self.data = self.folder / "config", self.folder / "data"
        self.config.mkdir()
        self.data.mkdir()
        if owner():
            shutil.chown(self.data, NOBODY, NOBODY)
        self.toml = self.folder / "gecc.toml"
        self.toml.write_text(centre, "utf-8")
        assert (
            main(["broker", "certificates", "--out", str(self.config), "--host", "gecc.example.go.th", *owner()]) == 0
        )
        self.accounts()

    def accounts(self, *more: str) -> None:
        """gecc broker accounts"""
        out = ["--config", str(self.toml), "--out", str(self.config)]
        assert main(["broker", "accounts", *out, *owner(), *more]) == 0

    def _command(self, port: int, folder: Path) -> list[str]:
        shipped = CONF.read_text("utf-8")
        text = shipped.replace("/mosquitto/config/", f"{self.config}/mosquitto/").replace(
            "/mosquitto/data/", f"{self.data}/"
        )
        assert text.count("\nlistener 8883\n") == 1
        text = text.replace("\nlistener 8883\n", f"\nlistener {port} 127.0.0.1\n")
        kept = [line for line in text.splitlines() if line.split(" ")[0] not in self._without]
        assert len(text.splitlines()) - len(kept) == len(self._without)
        (folder / "mosquitto.conf").write_text("\n".join(kept) + "\n")
        return [need("mosquitto"), "-c", str(folder / "mosquitto.conf")]

    def reload(self) -> None:
        """Have accounts and rules read anew; by the loop that answers a client, not by a process that still begins."""
        with self.client("gecc"):
            self.process.send_signal(signal.SIGHUP)

    def password(self, account: str) -> str:
        return (self.config / "passwords" / account.replace("/", ".")).read_text().strip()

    def context(self, ca: Path | None = None) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=ca or self.config / "ca.crt")

    def client(self, account: str, password: str | None = None, **options) -> Client:
        return Client(self, account, self.password(account) if password is None else password, **options)


class Client:
    """One connection of one account; `got` holds what it was sent, `retained` what of it the broker had kept."""

    def __init__(
        self, broker: Broker, account: str | None, password: str, *, v5: bool = True, id_: str = "", keep: bool = False,
    ) -> None:  # fmt: skip
        version = mqtt.MQTTv5 if v5 else mqtt.MQTTv311
        self._mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=id_, protocol=version, reconnect_on_failure=False
        )
        self.got: list[tuple[str, bytes]] = []
        self.retained: dict[str, bytes] = {}
        self.answer = self.goodbye = ""
        self._news = threading.Condition()
        self._codes: dict[int, str] = {}
        self._mqtt.on_connect = lambda _c, _u, _f, reason, _p: self._tell(answer=str(reason))
        self._mqtt.on_disconnect = lambda _c, _u, _f, reason, _p: self._tell(goodbye=str(reason))
        self._mqtt.on_publish = lambda _c, _u, mid, reason, _p: self._tell(mid, str(reason))
        self._mqtt.on_subscribe = lambda _c, _u, mid, reasons, _p: self._tell(mid, str(reasons[0]))
        self._mqtt.on_message = lambda _c, _u, message: self._take(message)
        if account is not None:
            self._mqtt.username_pw_set(account, password)
        self._mqtt.tls_set_context(broker.context())
        options = {}
        if v5 and keep:
            options = {"clean_start": False, "properties": Properties(PacketTypes.CONNECT)}
            options["properties"].SessionExpiryInterval = 3600
        self._mqtt.connect("localhost", broker.port, **options)
        self._mqtt.loop_start()
        self._wait(lambda: self.answer, "no answer to CONNECT")

    def _tell(self, mid: int = 0, reason: str = "", answer: str = "", goodbye: str = "") -> None:
        with self._news:
            self.goodbye = goodbye or self.goodbye
            if mid:
                self._codes[mid] = reason
            self.answer = answer or self.answer
            self._news.notify_all()

    def _take(self, message: mqtt.MQTTMessage) -> None:
        with self._news:
            self.got.append((message.topic, message.payload))
            if message.retain:
                self.retained[message.topic] = message.payload
            self._news.notify_all()

    def _wait(self, what, why: str) -> None:
        with self._news:
            assert self._news.wait_for(what, PATIENCE_S), why

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> str:
        """The broker's word on it."""
        mid = self._mqtt.publish(topic, payload, qos=1, retain=retain).mid
        self._wait(lambda: mid in self._codes or self.goodbye, f"no PUBACK for {topic}")
        return self._codes.get(mid) or self.goodbye

    def subscribe(self, topic: str) -> str:
        mid = self._mqtt.subscribe(topic, qos=1)[1]
        self._wait(lambda: mid in self._codes, f"no SUBACK for {topic}")
        return self._codes[mid]

    def wait_for(self, topic: str) -> bytes:
        """The payload of the first message there."""
        self._wait(lambda: any(t == topic for t, _ in self.got), f"nothing came on {topic}: {self.got}")
        return next(payload for t, payload in self.got if t == topic)

    def wait_until(self, what, why: str) -> None:
        """`what(self)` comes true as messages come."""
        self._wait(lambda: what(self), why)

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()
        self._mqtt._reset_sockets()  # paho leaves them to be found as garbage

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def broker(centre: str = CENTRE, **options) -> Iterator[Broker]:
    """A running one."""
    with Broker(centre, **options) as it:
        yield it
