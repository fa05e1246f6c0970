"""Devices of other conventions at a real broker: what it had kept is no vote, what is published with the flag is one."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.servers import mosquitto
from tests.service.harness import Gecc, journal_events, wait_until, write_config

SITE = """
[[sites]]
id = "nonthaburi"
[[sites.devices]]
id = "hall"
kind = "button"
convention = "zigbee2mqtt"
topic = "zigbee2mqtt/Hall/Button 1"
presses = { single = 5, double = 1 }
counter = "1"
[[sites.devices]]
id = "door"
kind = "button"
convention = "esphome"
topic = "door"
presses = { good = 4 }
scale_max = 4
[[sites.devices]]
id = "lobby"
convention = "cloudevents_mqtt"
topic = "city/lobby"
"""
PRESS = b'{"action":"single","battery":100}'


class Device:
    """Publishes and waits until the broker has it."""

    def __init__(self, port: int) -> None:
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def say(
        self, topic: str, payload: bytes, *, retain: bool = False, attributes: dict[str, str] | None = None
    ) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        if attributes:
            properties.ContentType = "application/json"
            properties.UserProperty = list(attributes.items())
        self.client.publish(topic, payload, qos=1, retain=retain, properties=properties).wait_for_publish(60)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        self.client._reset_sockets()  # paho leaves them to be found as garbage


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_presses_of_other_conventions_become_votes_once_over_a_kill(tmp_path, version):
    with mosquitto() as broker:
        device = Device(broker.port)
        device.say("zigbee2mqtt/Hall/Button 1", PRESS, retain=True)
        device.say("door/binary_sensor/good/state", b"ON", retain=True)
        device.say("door/status", b"online", retain=True)
        config = write_config(tmp_path, SITE, mqtt_port=broker.port)
        config.write_text(config.read_text().replace("[mqtt]", f"[mqtt]\nversion = '{version}'"))
        data = tmp_path / "data"

        def told() -> Counter:
            return Counter(
                (e.source.partition("/")[2], e.type, e.c if e.type == "vote.dropped" else 0)
                for e in journal_events(data)
            )

        with Gecc(config) as gecc:
            start = {("hall", "vote.dropped", 2): 1, ("door", "vote.dropped", 2): 1, ("door", "device.online", 0): 1}
            wait_until(lambda: told() == start, "what the broker had kept is dropped")
            device.say("zigbee2mqtt/Hall/Button 1", PRESS, retain=True)
            device.say("zigbee2mqtt/Hall/Button 1/action", b"single")
            device.say("door/binary_sensor/good/state", b"OFF", retain=True)
            device.say("door/binary_sensor/good/state", b"ON", retain=True)
            ticket = {
                "specversion": "1.0",
                "id": "t1",
                "source": "lobby",
                "type": "th.gecc.ticket.issued",
                "subject": "A1",
            }
            if version == "5":
                device.say("city/lobby/tickets", b'{"service":"idcard"}', attributes=ticket)
            else:
                device.say("city/lobby/tickets", json.dumps({**ticket, "data": {"service": "idcard"}}).encode())
            all_ = start | {("hall", "vote.cast", 0): 1, ("door", "vote.cast", 0): 1, ("lobby", "ticket.issued", 0): 1}
            wait_until(lambda: told() == all_, "presses and the ticket are taken")
            rows = {row["id"]: row for row in gecc.json("/v1/sources")}
            assert rows["hall"]["dropped"] == {"bounced": 0, "retained": 1, "replayed": 0}
            assert (rows["door"]["state"], rows["door"]["convention"], rows["lobby"]["dropped"]) == (
                "online",
                "esphome",
                None,
            )
            gecc.kill()
            device.say("zigbee2mqtt/Hall/Button 1/action", b"double")
            gecc.start()
            wait_until(lambda: told()["hall", "vote.cast", 0] == 2, "the press of meanwhile")
            assert told() - Counter({("hall", "vote.dropped", 2): 1, ("door", "vote.dropped", 2): 1}) <= Counter(
                all_
            ) + Counter({("hall", "vote.cast", 0): 1})
            assert {row["id"]: row for row in gecc.json("/v1/sources")}["hall"]["dropped"]["retained"] >= 1
        device.close()
