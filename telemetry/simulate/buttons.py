"""The buttons of the simulated centre as devices of each convention: what they publish, and their rows in gecc.toml.

A day says a button's actions in the project's own words; here they become the topics and payloads of a convention, with
its births and availability. Nothing is remembered between actions: whatever is numbered takes its number from the action.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from telemetry.simulate.day import Action, Day, Message

OWN = "gecc"
SCORES = range(1, 6)
UNTIMED_SPEED = 20.0
"""At more, two people who press the same button one after the other are within its bounce."""


class Said(NamedTuple):
    """An action of one button, as every convention needs it."""

    site: str
    device: str
    kind: str
    """`status`, `heartbeat` or `vote`."""
    time_us: int
    data: Mapping[str, Any]

    @property
    def time_ms(self) -> int:
        return self.time_us // 1000

    @property
    def name(self) -> str:
        return f"{self.site}-{self.device}"


class Convention(NamedTuple):
    """How a make tells what was pressed."""

    topic: Callable[[str, str], str]
    """Site, device → `topic` of its row in gecc.toml."""
    presses: Mapping[str, int]
    """Its `presses`."""
    told: Callable[[Said], list[Message]]
    timed: bool = True
    """Its messages have a time. Else a press is told when it happens, or never."""


def settings(convention: str, site: str, device: str) -> dict[str, Any]:
    """Of `[[sites.devices]]`, beside id, kind, counter and scale."""
    if convention == OWN:
        return {}
    it = BUTTONS[convention]
    presses = {"presses": dict(it.presses)} if it.presses else {}
    return {"convention": convention, "topic": it.topic(site, device), **presses}


def messages(day: Day, action: Action, convention: str = OWN, shift_us: int = 0) -> list[Message]:
    """What a device publishes for an action; the buttons in the words of their convention."""
    if convention == OWN or not action.device.startswith("button"):
        return [day.message(action, shift_us)]
    said = Said(day.site, action.device, action.kind, action.time_us + shift_us, action.said)
    return BUTTONS[convention].told(said)


def is_lost(action: Action, convention: str, now_us: int) -> bool:
    """Whether nobody can be told of it any more: a press of a while ago, of buttons that tell no times."""
    late = convention != OWN and not BUTTONS[convention].timed and now_us - action.time_us > 1_000_000
    return late and action.kind == "vote" and action.device.startswith("button")


def _json(topic: str, said: Mapping[str, Any], *, retain: bool = False) -> Message:
    return Message(topic, json.dumps(said, separators=(",", ":")).encode(), retain)


def _zigbee2mqtt(said: Said) -> list[Message]:
    base = f"zigbee2mqtt/{said.site}/{said.device}"
    report = {"battery": 100, "last_seen": said.time_ms, "linkquality": 131, "voltage": 3000}
    if said.kind == "status":
        bridge = [_json("zigbee2mqtt/bridge/state", {"state": "online"}, retain=True)]
        return [
            *(bridge if said.device == "button-1" else ()),
            _json(f"{base}/availability", {"state": said.data["state"]}, retain=True),
        ]
    if said.kind != "vote":
        return [_json(base, report)]
    action = f"{said.data['score']}_single"
    return [_json(base, {"action": action, **report}), Message(f"{base}/action", action.encode(), retain=False)]


def _shelly(said: Said) -> list[Message]:
    """Gen2: the halves of the press, and then the press."""
    if said.kind == "status":
        return [Message(f"{said.name}/online", b"true" if said.data["state"] == "online" else b"false", retain=True)]
    if said.kind != "vote":
        return []
    press = next(name for name, score in _SHELLY.items() if score == said.data["score"])
    component, _, push = press.partition("/")
    notice = {"src": said.name, "dst": f"{said.name}/events", "method": "NotifyEvent"}
    out = []
    for event, ago_ms in (("btn_down", 300), ("btn_up", 200), (push, 0)):
        ts = (said.time_ms - ago_ms) / 1000
        one = {"component": component, "id": int(component[-1]), "event": event, "ts": ts}
        params = {"ts": ts, "events": [one]}
        out.append(_json(f"{said.name}/events/rpc", {**notice, "params": params}))
    return out


_SHELLY: Mapping[str, int] = {
    **{f"input:{4 - score}/single_push": score for score in (4, 3, 2, 1)},
    "input:0/double_push": 5,
}
"""It has four inputs: the best score is the first one, pushed twice."""


def _tasmota(said: Said) -> list[Message]:
    if said.kind == "status":
        return [Message(f"tele/{said.name}/LWT", said.data["state"].title().encode(), retain=True)]
    if said.kind != "vote":
        return [_json(f"tele/{said.name}/STATE", {"POWER": "OFF", "Wifi": {"RSSI": 82}})]
    return [_json(f"stat/{said.name}/RESULT", {f"Button{said.data['score']}": {"Action": "SINGLE"}})]


def _esphome(said: Said) -> list[Message]:
    """Binary sensors, whose states are kept: on while it is pressed."""

    def state(score: int, word: bytes) -> Message:
        return Message(f"{said.name}/binary_sensor/score_{score}/state", word, retain=True)

    if said.kind == "status":
        birth = Message(f"{said.name}/status", said.data["state"].encode(), retain=True)
        return [birth, *(state(score, b"OFF") for score in SCORES)]
    if said.kind != "vote":
        return []
    return [state(said.data["score"], b"ON"), state(said.data["score"], b"OFF")]


def _homeassistant(said: Said) -> list[Message]:
    if said.kind == "status":
        return [Message(f"{said.name}/availability", said.data["state"].encode(), retain=True)]
    if said.kind != "vote":
        return []
    return [_json(f"{said.name}/state", {"event_type": f"press_{said.data['score']}"})]


def _cloudevents(said: Said) -> list[Message]:
    """In structured mode, which every version of MQTT has room for."""
    topic = f"city/{said.site}/{said.device}"
    if said.kind == "status":
        return [_json(f"{topic}/status", said.data, retain=True)]
    data = {key: value for key, value in said.data.items() if key not in ("boot", "seq")}
    event = {
        "specversion": "1.0",
        "id": f"{said.data['boot']}:{said.data['seq']}",
        "source": f"/{said.site}/{said.device}",
        "type": "th.gecc.vote.cast" if said.kind == "vote" else "th.gecc.device.heartbeat",
        "time": datetime.fromtimestamp(said.time_us / 1e6, UTC).isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
        "data": data,
    }
    return [_json(f"{topic}/{said.kind}", event)]


def _sparkplug(said: Said) -> list[Message]:
    """An edge node without devices: NBIRTH with every metric and bdSeq, then NDATA, numbered from 0 to 255."""
    if said.kind == "status":
        metrics = [
            _metric("bdSeq", said.time_ms, 0),
            *(_metric(f"Buttons/{n}", said.time_ms, value=False) for n in SCORES),
        ]
        return [Message(f"spBv1.0/{said.site}/NBIRTH/{said.device}", _payload(said.time_ms, 0, metrics), retain=False)]
    metrics = [_metric(f"Buttons/{said.data['score']}", said.time_ms, value=True)] if said.kind == "vote" else []
    body = _payload(said.time_ms, said.data["seq"] % 256, metrics)
    return [Message(f"spBv1.0/{said.site}/NDATA/{said.device}", body, retain=False)]


def _metric(name: str, time_ms: int, value: int | bool) -> bytes:
    """A boolean is transient: it is true for the moment of the press, and its falling is not told."""
    kind = _number(4, 11) + _number(14, value) if isinstance(value, bool) else _number(4, 8) + _number(11, value)
    return _text(1, name.encode()) + _number(3, time_ms) + (_number(6, 1) if value is True else b"") + kind


def _payload(time_ms: int, seq: int, metrics: list[bytes]) -> bytes:
    return _number(1, time_ms) + b"".join(_text(2, metric) for metric in metrics) + _number(3, seq)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _named(site: str, device: str) -> str:
    return f"{site}-{device}"


BUTTONS: dict[str, Convention] = {
    "zigbee2mqtt": Convention(
        lambda site, device: f"zigbee2mqtt/{site}/{device}", {f"{n}_single": n for n in SCORES}, _zigbee2mqtt
    ),
    "shelly": Convention(_named, _SHELLY, _shelly),
    "tasmota": Convention(_named, {f"Button{n}/SINGLE": n for n in SCORES}, _tasmota, timed=False),
    "esphome": Convention(_named, {f"score_{n}": n for n in SCORES}, _esphome, timed=False),
    "homeassistant": Convention(_named, {f"press_{n}": n for n in SCORES}, _homeassistant, timed=False),
    "sparkplug_b": Convention(
        lambda site, device: f"spBv1.0/{site}/{device}", {f"Buttons/{n}": n for n in SCORES}, _sparkplug
    ),
    "cloudevents_mqtt": Convention(lambda site, device: f"city/{site}/{device}", {}, _cloudevents),
}
"""Beside `OWN`, the project's own profile."""
