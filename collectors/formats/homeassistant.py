"""Event entities as Home Assistant takes them by MQTT, whoever publishes them.

`topic` is the entity's state topic, as its discovery message names it, or the beginning that it shares with its
availability: `<topic>` and `<topic>/state` carry `{"event_type":"press",…}`, `<topic>/availability` and `<topic>/status`
online or offline (beside the state topic where that ends in `/state`). The press is the `event_type`. Payload and topics
that a template changes cannot be read. There is no time and no identity in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collectors.base import Message
from collectors.formats.channels import Channel, text_at, there
from collectors.formats.cloudevents import No, json_object
from collectors.formats.presses import Buttons
from telemetry.events import Decoded

AVAILABILITY = ("availability", "status")


class HomeAssistant(Buttons):
    convention = "homeassistant"

    def bases(self, topic: str) -> Mapping[str, str]:
        return {topic.removesuffix("/state"): ""}

    def filters(self, topic: str) -> Sequence[str]:
        base = topic.removesuffix("/state")
        own = [topic] if topic != base else [base, f"{base}/state"]
        return [*own, *(f"{base}/{part}" for part in AVAILABILITY)]

    def heard(self, channel: Channel, part: str, message: Message, received_us: int, out: Decoded) -> None:
        if part in AVAILABILITY:
            self.said(channel, part, there(message.payload), received_us, out)
        elif part in ("", "state"):
            kind = text_at(json_object(message.payload), "event_type")
            if not kind:
                raise No("bad_field", "$.event_type is missing")
            self.press(channel, [kind], message, received_us, out, via=part)
        else:
            out.ignored += 1
