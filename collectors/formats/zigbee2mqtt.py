"""Zigbee2MQTT: buttons and remotes of any make behind a Zigbee coordinator.

`topic` is the device's own, base and friendly name as they are (`zigbee2mqtt/Hall/Button 1`; any base, names with `/`).
A press is an `action` (once `click`) in the JSON of that topic, and the plain text of `<topic>/action` (`/click`): whatever
of these arrives, one press is one. An empty action or null says that nothing is pressed.

A JSON that carries the action of an earlier press once more is dropped as replayed where that can be told: its
`last_seen` is still that of the press; it is the first after the bridge came back; or what changed since is only what
devices report by themselves (battery, voltage, firmware), and the action was never cleared in between.

The device is there if neither `<topic>/availability` nor `<base>/bridge/state` says otherwise; where the base ends and the
name begins cannot be told, so every beginning of the topic is listened at. `last_seen` is the host's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.base import Message
from collectors.formats.channels import Channel, there, word_of
from collectors.formats.cloudevents import No, json_object
from collectors.formats.presses import AGAIN_US, REPLAYED, Buttons
from collectors.rfc3339 import time_us
from telemetry.events import MISSING, Decoded

REPORTED = ("battery", "battery_low", "device_temperature", "update", "update_available", "voltage")
"""What a device reports without being touched."""

BRIDGE_US = 60_000_000
"""How long after its start the bridge may publish what it remembers."""


class Zigbee2Mqtt(Buttons):
    convention = "zigbee2mqtt"

    def filters(self, topic: str) -> Sequence[str]:
        own = [topic, *(f"{topic}/{part}" for part in ("action", "click", "availability"))]
        return [*own, *(f"{base}/bridge/state" for base in _beginnings(topic))]

    def locate(self, topic: str) -> tuple[list[Channel], str]:
        base, slash, rest = topic.partition("/bridge/")
        if slash:
            return [c for name, c in self.channels.items() if name.startswith(f"{base}/")], f"bridge/{rest}"
        return super().locate(topic)

    def heard(self, channel: Channel, part: str, message: Message, received_us: int, out: Decoded) -> None:
        if part == "":
            self._json(channel, message, received_us, out)
        elif part in ("action", "click"):
            action = word_of(message.payload)
            if action in ("", "null"):
                out.ignored += 1
            else:
                self.press(channel, [action], message, received_us, out, via="plain")
        elif part == "availability":
            self.said(channel, part, there(message.payload), received_us, out)
        elif part == "bridge/state":
            it_is = there(message.payload)
            if it_is and channel.voices.get("bridge") is False and not message.retained:
                channel.notes["bridge_us"] = received_us
            self.said(channel, "bridge", it_is, received_us, out)
        else:
            out.ignored += 1

    def _json(self, channel: Channel, message: Message, received_us: int, out: Decoded) -> None:
        given = json_object(message.payload)
        actions = [given[key] for key in ("action", "click") if given.get(key)]
        for action in actions:
            if not isinstance(action, str):
                raise No("bad_field", f"$.action: {str(action)[:40]!r}, expected text")
        at_us = _last_seen(given)
        if message.retained:  # of some time or other: nothing follows from it
            self.press(channel, actions, message, received_us, out, via="json", at_us=at_us)
            return
        notes = channel.notes
        reported = {key: str(given[key])[:200] for key in REPORTED if key in given}
        changed = reported != notes.get("reported", reported)
        if changed or "reported" not in notes:
            notes["reported"] = reported
            self.changed = True
        if not actions:
            cleared = b'"action"' in message.payload or b'"click"' in message.payload  # "" or null
            if cleared and notes.pop("held", ""):
                self.changed = True
            out.ignored += 1
            return
        why = 0
        for action in actions:
            last = channel.last.get(action)
            if last and received_us - last[0] >= self._wait_us(channel, action):
                same_time = at_us != MISSING and at_us == last[1] and received_us - last[0] >= AGAIN_US
                woken = 0 <= received_us - notes.get("bridge_us", -BRIDGE_US) < BRIDGE_US
                if same_time or woken or (changed and notes.get("held") == action):
                    why = REPLAYED
        notes.pop("bridge_us", None)
        self.press(channel, actions, message, received_us, out, via="json", at_us=at_us, why=why)
        notes["held"] = actions[0]

    @staticmethod
    def _wait_us(channel: Channel, action: str) -> float:
        press = channel.presses.get(action)
        return press.row.row.debounce_s * 1e6 if press else 0


def _beginnings(topic: str) -> list[str]:
    levels = topic.split("/")
    return ["/".join(levels[:n]) for n in range(1, len(levels))]


def _last_seen(given: Mapping[str, Any]) -> int:
    """µs; MISSING where it is not given, or not in a form with a zone."""
    value = given.get("last_seen")
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**14:
        return value * 1000
    if isinstance(value, str):
        try:
            return time_us(value)
        except ValueError:
            return MISSING
    return MISSING
