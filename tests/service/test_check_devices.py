"""`gecc check-source mqtt://…`: buttons that nobody has configured are recognised by what they publish."""

from __future__ import annotations

import json
import threading
import time
import tomllib
from pathlib import Path

import pytest

from collectors.base import Message
from collectors.devices import CONVENTIONS
from collectors.overheard import overheard
from telemetry.__main__ import main
from telemetry.config import load
from tests.publisher import Publisher
from tests.servers import mosquitto

CASES = Path(__file__).parents[1] / "formats"
PRESSED = {
    "zigbee2mqtt/Hall/Button 1": (b'{"action":"1_single","linkquality":98}', "zigbee2mqtt", "1_single"),
    "zigbee2mqtt/Hall/Button 2/action": (b"hold", "zigbee2mqtt", "hold"),
    "shellies/shellybutton1-A1/input_event/0": (b'{"event":"SS","event_cnt":3}', "shelly", "0/SS"),
    "shellyplus/events/rpc": (
        b'{"method":"NotifyEvent","params":{"events":[{"component":"input:0","event":"single_push"}]}}',
        "shelly",
        "input:0/single_push",
    ),
    "stat/desk/RESULT": (b'{"Button1":{"Action":"SINGLE"}}', "tasmota", "Button1/SINGLE"),
    "stat/desk2/BUTTON2": (b'{"ACTION":"DOUBLE"}', "tasmota", "Button2/DOUBLE"),
    "esp1/binary_sensor/happy/state": (b"ON", "esphome", "happy"),
    "ha/event/door": (b'{"event_type":"press"}', "homeassistant", "press"),
    "gecc/v1/s/k1/vote": (b'{"score":5}', "gecc", ""),
    "any/topic": (b'{"specversion":"1.0","type":"th.gecc.vote.cast"}', "cloudevents_mqtt", ""),
}


@pytest.mark.parametrize("topic", PRESSED)
def test_a_press_is_recognised_by_topic_and_payload(topic):
    data, convention, press = PRESSED[topic]
    assert [(one.convention, one.press) for one in overheard(Message(topic, data))] == [(convention, press)]


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[1]", b"null", b'{"a":', b"{}" * 9000])
@pytest.mark.parametrize("topic", [*PRESSED, "x", "spBv1.0/g/NDATA/e", "spBv1.0/g/NDATA/e/d", "a//b"])
def test_whatever_is_published_nothing_is_raised(topic, data):
    assert all(one.convention in CONVENTIONS for one in overheard(Message(topic, data)))


def test_the_settings_that_are_printed_are_good_ones(tmp_path, capsys):
    with mosquitto() as broker:

        def press():
            time.sleep(0.7)
            with Publisher(broker.port) as publisher:
                for topic, (data, _, _) in PRESSED.items():
                    publisher.publish(topic, [data])

        thread = threading.Thread(target=press)
        thread.start()
        assert main(["check-source", f"mqtt://127.0.0.1:{broker.port}/%23", "--seconds", "2"]) == 0
        thread.join()
    out = capsys.readouterr().out
    block = "\n".join(line.strip() for line in out[out.index("Settings to paste") :].splitlines()[1:])
    assert len(tomllib.loads(block)["sites"]["devices"]) == len(PRESSED) - 1
    (tmp_path / "gecc.toml").write_text(f"[[sites]]\nid = 's'\n{block}\n", "utf-8")
    devices = load(tmp_path / "gecc.toml", conventions=CONVENTIONS).sites[0].devices
    assert {d.convention for d in devices} == {convention for _, convention, _ in PRESSED.values()} - {"gecc"}


def test_a_broker_that_says_nothing_known_is_told_so(capsys):
    with mosquitto() as broker:
        assert main(["check-source", f"mqtt://127.0.0.1:{broker.port}/nothing", "--seconds", "0.5", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"messages": 0, "devices": [], "unknown": []}
