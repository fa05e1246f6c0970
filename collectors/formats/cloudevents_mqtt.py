"""CloudEvents 1.0 on MQTT topics of the device's own choice, in both content modes.

`topic` and all below it belong to the device. Structured mode: the event is the payload, a JSON object; so it is when the
Content Type begins with `application/cloudevents`, and always with MQTT 3.1.1. Binary mode (MQTT 5): the attributes are
User Properties, the Content Type is that of the data, and the payload is the data. `<topic>/status` takes `online` and
`offline`. All else (types, identity, time, checks) is as in the project's own profile; see `kiosk_json`.

Several devices may share a topic: then the event's `source` says which of them it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from collectors.base import Message
from collectors.formats.cloudevents import No
from collectors.formats.kiosk_json import KioskJson, Route, SiteRow, rejected
from telemetry.events import Decoded

MOST_TOPICS = 10_000
_CONTENT_TYPE, _USER_PROPERTY = 0x03, 0x26
_FIXED = {0x01: 1, 0x02: 4, 0x23: 2}
"""Length of the values of the other properties that a PUBLISH may have (0x0B is a number of any length)."""


class _Source(msgspec.Struct):
    source: str = ""


class CloudEventsMqtt(KioskJson):
    convention = "cloudevents_mqtt"

    def __init__(self, *, sites: Mapping[str, SiteRow]) -> None:
        super().__init__(sites=sites)
        self._at: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for site, it in sites.items():
            for device, row in it.devices.items():
                if row.convention == self.convention and row.topic:
                    self._at[row.topic.strip("/").removesuffix("/#")].append((site, device))

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        return [f"{topic}/#" for topic in self._at]

    def knows(self, topic: str) -> bool:
        """Whether a topic belongs to one of its devices."""
        return bool(self._base(topic))

    def feed(self, records: Sequence[Message], received_us: int) -> Decoded:
        if len(self._routes) > MOST_TOPICS:
            self._routes.clear()
        out = Decoded()
        ready: list[Message] = []
        for message in records:
            try:
                ready.append(self._ready(message))
            except No as no:
                out.rejected.append(rejected(no, message.topic, message.payload, self._first(message.topic)))
        fed = super().feed(ready, received_us)
        out.events, out.gaps, out.ignored = fed.events, fed.gaps, fed.ignored
        out.rejected += fed.rejected
        return out

    def _ready(self, message: Message) -> Message:
        """The message in structured mode, on a topic that stands for one device."""
        base = self._base(message.topic)
        if not base:
            raise No("unknown_device", "no device has this topic")
        if not message.payload and not message.properties:
            self._route_of(message.topic, *self._at[base][0], "event")
            return message
        if message.topic == f"{base}/status" and b'"specversion"' not in message.payload:
            self._route_of(message.topic, *self._at[base][0], "status")
            return message
        payload = message.payload
        content_type, given = _properties(message.properties)
        if "specversion" in given and not content_type.startswith("application/cloudevents"):
            payload = _structured(content_type, given, payload)
        elif b'"specversion"' not in payload:
            raise No("bad_field", "$.specversion: expected 1.0")
        site, device = self._device(base, payload)
        topic = message.topic if len(self._at[base]) == 1 else f"{message.topic} ({site}/{device})"
        self._route_of(topic, site, device, "event")
        return Message(topic, payload, message.retained)

    def _base(self, topic: str) -> str:
        """The longest configured beginning of a topic."""
        while topic:
            if topic in self._at:
                return topic
            topic = topic.rpartition("/")[0]
        return ""

    def _device(self, base: str, payload: bytes) -> tuple[str, str]:
        """Whose event it is; where several share the topic, by its `source`."""
        those = self._at[base]
        if len(those) == 1:
            return those[0]
        try:
            source = msgspec.json.decode(payload, type=_Source).source
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            source = ""
        for site, device in those:
            if source in (device, f"/{device}") or source.endswith(f"{site}/{device}"):
                return site, device
        raise No("unknown_device", f"$.source: {source[:40]!r} is none of the devices of this topic")

    def _first(self, topic: str) -> Route | None:
        base = self._base(topic)
        return self._route_of(f"{topic} ", *self._at[base][0], "event") if base else None

    def _route_of(self, topic: str, site: str, device: str, kind: str) -> Route:
        route = self._routes.get(topic)
        if route is None:
            route = self._routes[topic] = Route(topic, site, device, kind, self._sites[site], self.tracks)
        return route


def _structured(content_type: str, given: Mapping[str, Any], data: bytes) -> bytes:
    """An event in binary mode as the JSON object of structured mode."""
    whole: dict[str, Any] = dict(given)
    if content_type:
        whole["datacontenttype"] = content_type
    if data:
        try:
            whole["data"] = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise No("not_json", f"the data: {error}") from None
    return msgspec.json.encode(whole)


def _properties(data: bytes) -> tuple[str, dict[str, str]]:
    """Content Type and User Properties of a PUBLISH."""
    content_type = ""
    given: dict[str, str] = {}
    try:
        for name, value in _each(data):
            if name is None:
                content_type = value
            elif given.setdefault(name, value) != value:
                raise No("bad_field", f"{name[:40]}: given twice, as {given[name][:40]!r} and {value[:40]!r}")
    except (IndexError, UnicodeDecodeError, KeyError):
        raise No("bad_field", "the properties of the message cannot be read") from None
    return content_type, given


def _each(data: bytes) -> Iterator[tuple[str | None, str]]:
    at = 0
    while at < len(data):
        kind = data[at]
        at += 1
        if kind == _USER_PROPERTY:
            name, at = _text(data, at)
            value, at = _text(data, at)
            yield name, value
        elif kind == _CONTENT_TYPE:
            value, at = _text(data, at)
            yield None, value
        elif kind in (0x08, 0x09):
            at += 2 + (data[at] << 8 | data[at + 1])
        elif kind == 0x0B:
            while data[at] > 127:
                at += 1
            at += 1
        else:
            at += _FIXED[kind]


def _text(data: bytes, at: int) -> tuple[str, int]:
    begin = at + 2
    end = begin + (data[at] << 8 | data[at + 1])
    if end > len(data):
        raise IndexError
    return data[begin:end].decode(), end
