"""What devices say on a broker that nobody has configured yet: which convention it is, and what its presses are called."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from collectors.base import Message
from collectors.formats.sparkplug_wire import WireError, payload

_INPUT = re.compile(r"(button|switch)\d{1,2}", re.IGNORECASE)


class Heard(NamedTuple):
    """One press, or another message that shows how a device speaks."""

    convention: str
    topic: str
    """For the device's setting `topic`; of the own profile the whole topic."""
    press: str
    """For its setting `presses`; "" where scores come by themselves, or nothing was pressed."""


def overheard(message: Message) -> list[Heard]:
    """What a message shows; nothing where it is of no convention that is known."""
    topic = message.topic
    own = re.fullmatch(r"gecc/v1/[^/]+/[^/]+/[a-z]+", topic)
    if own:
        return [Heard("gecc", topic, "")]
    if topic.startswith("spBv1.0/"):
        return _sparkplug(topic, message.payload)
    said = _object(message.payload)
    return next((found for rule in _RULES if (found := rule(topic, message.payload, said))), [])


def _object(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _shelly(topic: str, _data: bytes, said: dict[str, Any]) -> list[Heard]:
    first = re.fullmatch(r"(.+)/input_event/(\d+)", topic)
    if first:
        return [Heard("shelly", first[1], f"{first[2]}/{said.get('event', '')}")] if said.get("event") else []
    if not topic.endswith("/events/rpc") or not isinstance(said.get("params"), dict):
        return []
    events = [e for e in said["params"].get("events", ()) if isinstance(e, dict)]
    pushes = [e for e in events if str(e.get("event", "")).endswith("_push")]
    return [Heard("shelly", topic.removesuffix("/events/rpc"), f"{e.get('component')}/{e['event']}") for e in pushes]


def _tasmota(topic: str, _data: bytes, said: dict[str, Any]) -> list[Heard]:
    found = re.fullmatch(r"stat/(.+)/(\w+)", topic)
    if not found:
        return []
    rows = {found[2]: said} if _INPUT.fullmatch(found[2]) else said
    actions = [
        (name, next((v for k, v in row.items() if k.lower() == "action"), None))
        for name, row in rows.items()
        if _INPUT.fullmatch(name) and isinstance(row, dict)
    ]
    return [Heard("tasmota", found[1], f"{name.capitalize()}/{action}") for name, action in actions if action]


def _esphome(topic: str, data: bytes, said: dict[str, Any]) -> list[Heard]:
    found = re.fullmatch(r"(.+)/(binary_sensor|event)/([^/]+)/state", topic)
    if not found:
        return []
    if found[2] == "binary_sensor":
        return [Heard("esphome", found[1], found[3] if data.strip().upper() == b"ON" else "")]
    kind = said.get("event_type") or data.decode("utf-8", "replace")
    return [Heard("esphome", found[1], f"{found[3]}/{kind}")]


def _cloud(topic: str, _data: bytes, said: dict[str, Any]) -> list[Heard]:
    return [Heard("cloudevents_mqtt", topic, "")] if "specversion" in said else []


def _homeassistant(topic: str, _data: bytes, said: dict[str, Any]) -> list[Heard]:
    kind = said.get("event_type")
    return [Heard("homeassistant", topic, kind)] if isinstance(kind, str) and kind else []


def _zigbee(topic: str, data: bytes, said: dict[str, Any]) -> list[Heard]:
    base, slash, last = topic.rpartition("/")
    if slash and last in ("action", "click") and not said:
        press = data.decode("utf-8", "replace").strip()
        return [Heard("zigbee2mqtt", base, press)] if press else []
    if "linkquality" not in said and "action" not in said and "click" not in said:
        return []
    press = said.get("action") or said.get("click") or ""
    return [Heard("zigbee2mqtt", topic, press if isinstance(press, str) else "")]


_RULES: tuple[Callable[[str, bytes, dict[str, Any]], list[Heard]], ...] = (
    _shelly,
    _tasmota,
    _esphome,
    _cloud,
    _homeassistant,
    _zigbee,
)


def _sparkplug(topic: str, data: bytes) -> list[Heard]:
    parts = topic.split("/")
    if len(parts) not in (4, 5) or parts[2] not in ("NBIRTH", "DBIRTH", "NDATA", "DDATA"):
        return []
    place = "/".join([*parts[:2], *parts[3:]])
    try:
        names: Iterable[str] = [metric.name for metric in payload(data).metrics if metric.name]
    except WireError:
        return []
    return [Heard("sparkplug_b", place, name) for name in names if name != "bdSeq"] or [Heard("sparkplug_b", place, "")]
