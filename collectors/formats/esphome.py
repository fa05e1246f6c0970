"""ESPHome buttons: binary sensors, and event entities.

`topic` is the device's prefix. `<prefix>/binary_sensor/<id>/state` turns ON when the button is pressed: the press is `<id>`
(or `<id>/ON`). `<prefix>/event/<id>/state` names its type, plain or as `{"event_type":…}`: the press is `<id>/<type>`, or
the type alone.

States are retained unless the configuration says otherwise, and sent anew after each connect. So ON is a press only as a
change: not what the broker had kept, not the first state within ten seconds of the device's birth, and not ON after ON.
`<prefix>/status` is birth and will. ESPHome sends no times.
"""

from __future__ import annotations

from collections.abc import Sequence

from collectors.base import Message
from collectors.formats.channels import Channel, text_at, there, word_of
from collectors.formats.cloudevents import No, json_object
from collectors.formats.presses import REPLAYED, Buttons
from telemetry.events import Decoded

BIRTH_US = 10_000_000
MOST_SENSORS = 256


class Esphome(Buttons):
    convention = "esphome"

    def filters(self, topic: str) -> Sequence[str]:
        return [f"{topic}/binary_sensor/+/state", f"{topic}/event/+/state", f"{topic}/status"]

    def connected_anew(self) -> None:
        for channel in self.channels.values():
            channel.notes.pop("on", None)  # it may have been released while nobody listened

    def heard(self, channel: Channel, part: str, message: Message, received_us: int, out: Decoded) -> None:
        match part.split("/"):
            case ["status"]:
                it_is = there(message.payload)
                if it_is and not message.retained:
                    channel.notes["born"] = [received_us, []]
                self.said(channel, "status", it_is, received_us, out)
            case ["binary_sensor", name, "state"]:
                self._sensor(channel, name, message, received_us, out)
            case ["event", name, "state"]:
                if message.payload.lstrip().startswith(b"{"):
                    kind = text_at(json_object(message.payload), "event_type")
                else:
                    kind = word_of(message.payload)
                if not kind:
                    raise No("bad_field", "$.event_type is missing")
                why = REPLAYED if self._first(channel, f"event {name[:64]}", received_us) else 0
                self.press(channel, [f"{name}/{kind}", kind], message, received_us, out, via="event", why=why)
            case _:
                out.ignored += 1

    def _sensor(self, channel: Channel, name: str, message: Message, received_us: int, out: Decoded) -> None:
        word = word_of(message.payload).upper()
        if word not in ("ON", "OFF"):
            raise No("bad_field", f"{word[:40]!r}: expected ON or OFF")
        if not {name, f"{name}/ON"} & channel.presses.keys():
            out.ignored += 1
            return
        first = self._first(channel, name, received_us)
        on = channel.notes.setdefault("on", [])
        was_on = name in on
        if word == "OFF":
            if was_on and not message.retained:
                on.remove(name)
                self.changed = True
            out.ignored += 1
            return
        if not was_on and not message.retained:
            on.append(name)
            self.changed = True
        last = channel.last.get(name) or channel.last.get(f"{name}/ON")
        again = was_on and not (last and self._bounces(channel, name, received_us - last[0]))
        why = REPLAYED if first or again else 0
        self.press(channel, [f"{name}/ON", name], message, received_us, out, via="state", why=why)

    @staticmethod
    def _bounces(channel: Channel, name: str, since_us: int) -> bool:
        press = channel.presses.get(f"{name}/ON") or channel.presses.get(name)
        return press is not None and 0 <= since_us < press.row.row.debounce_s * 1e6

    @staticmethod
    def _first(channel: Channel, name: str, received_us: int) -> bool:
        """Whether this is the state that an entity sends because the device has just connected."""
        born = channel.notes.get("born")
        if not born or not 0 <= received_us - born[0] < BIRTH_US:
            channel.notes.pop("born", None)
            return False
        if name in born[1] or len(born[1]) >= MOST_SENSORS:
            return False
        born[1].append(name)
        return True
