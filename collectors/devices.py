"""Everything that devices say by MQTT: each topic to the decoder of its convention, and what is known of each device.

The project's own profile is the rule and takes the short way: a batch without a topic of another convention is decoded
as it is. State is one text of all decoders. What decides over votes is part of every commit that changes it, and so is a
numbering that begins; where numbers stand in the ids, they change with every message, so they are written at most once a
second, and what came since is looked up in the journal at the next start (`catch_up`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from collectors.base import Message
from collectors.formats.cloudevents_mqtt import CloudEventsMqtt
from collectors.formats.esphome import Esphome
from collectors.formats.homeassistant import HomeAssistant
from collectors.formats.kiosk_json import KioskJson, SiteRow
from collectors.formats.presses import Buttons
from collectors.formats.shelly import Shelly
from collectors.formats.sparkplug_b import SparkplugB
from collectors.formats.tasmota import Tasmota
from collectors.formats.tracks import OFF_US, Tracks
from collectors.formats.zigbee2mqtt import Zigbee2Mqtt
from telemetry.events import Decoded

OWN = "gecc/v1/"
OWN_TOPICS = ("gecc/v1/+/+/+",)
SAVE_US = 1_000_000

BUTTONS: dict[str, type[Buttons]] = {
    one.convention: one for one in (Zigbee2Mqtt, Shelly, Tasmota, Esphome, HomeAssistant, SparkplugB)
}
CONVENTIONS = ("gecc", *BUTTONS, CloudEventsMqtt.convention)
"""Names that the `convention` of a device may have."""


class DeviceFacts(NamedTuple):
    """What is known of one device beside its events; counts of messages are since the start of the service."""

    received: int
    rejected: Mapping[str, int]
    sequence_missing: int | None
    """None where it does not number its messages."""
    clock_offset_us: int | None
    """Receipt minus the device's own time; None where it gave too few times."""
    dropped: tuple[int, int, int]
    """Presses that were bounced, retained, replayed."""

    @property
    def clock_flagged(self) -> bool:
        return self.clock_offset_us is not None and abs(self.clock_offset_us) > OFF_US


class Devices:
    """Decoder of `Message`s of all devices of all sites."""

    def __init__(self, *, sites: Mapping[str, SiteRow]) -> None:
        used = {row.convention for site in sites.values() for row in site.devices.values()}
        self._own = KioskJson(sites=sites)
        self._clouds = CloudEventsMqtt(sites=sites) if CloudEventsMqtt.convention in used else None
        self._buttons = {name: make(sites=sites) for name, make in BUTTONS.items() if name in used}
        self._rejected: dict[str, Counter[str]] = defaultdict(Counter)
        self._ids: Callable[[str, str, str], Iterable[tuple[str, int]]] | None = None
        self._saved = ""
        self._saved_us = self._now_us = 0
        self._own_state = self._clouds_state = ""

    @property
    def other_topics(self) -> list[str]:
        """What to subscribe to beside `OWN_TOPICS`."""
        topics = [one for buttons in self._buttons.values() for one in buttons.topics]
        return list(dict.fromkeys([*topics, *(self._clouds.topics if self._clouds else ())]))

    def catch_up(self, ids: Callable[[str, str, str], Iterable[tuple[str, int]]]) -> None:
        """At the next `load`, ask `ids(source, from, below)` for (id, time in µs) of what was stored since the dump."""
        self._ids = ids

    def feed(self, records: Sequence[Message], received_us: int) -> Decoded:
        self._now_us = received_us
        if not self._buttons and not self._clouds:
            out = self._own.feed(records, received_us)
        else:
            out = self._feed_all(records, received_us)
        for no in out.rejected:
            if no.source:
                self._rejected[no.source][no.reason] += 1
        return out

    def _feed_all(self, records: Sequence[Message], received_us: int) -> Decoded:
        others = [m for m in records if m[0][:8] != OWN]
        own = [m for m in records if m[0][:8] == OWN] if others else records
        out = self._own.feed(own, received_us)
        taken: dict[str, list[Message]] = defaultdict(list)
        for message in others:
            knowing = [name for name, it in self._buttons.items() if it.knows(message.topic)]
            if self._clouds and self._clouds.knows(message.topic):
                knowing.append(CloudEventsMqtt.convention)
            for name in knowing or [""]:
                taken[name].append(message)
        for name, it in self._buttons.items():
            if name in taken or it.unsettled:
                out.join(it.feed(taken[name], received_us))
        if self._clouds and CloudEventsMqtt.convention in taken:
            out.join(self._clouds.feed(taken[CloudEventsMqtt.convention], received_us))
        if "" in taken:
            out.join(self._own.feed(taken[""], received_us))  # which names what is wrong with the topic
        return out

    def restart(self) -> None:
        """Messages come in no files."""

    def dump(self) -> str:
        """The state, "" while there is nothing new to keep."""
        own = self._own.dump()
        clouds = self._clouds.dump() if self._clouds else ""
        if (
            own == self._own_state
            and clouds == self._clouds_state
            and not any(b.changed for b in self._buttons.values())
            and not any(t.urgent for t in self._numbered())
        ):
            due = not 0 <= self._now_us - self._saved_us < SAVE_US
            if not (due and any(t.moved() for t in self._tracks())):
                return ""
        self._own_state, self._clouds_state, self._saved_us = own, clouds, self._now_us
        kept: dict[str, Any] = {
            "states": json.loads(own or "{}"),
            "clouds": json.loads(clouds or "{}"),
            "tracks": self._own.tracks.dump(),
            "cloud_tracks": self._clouds.tracks.dump() if self._clouds else {},
            "buttons": {name: text for name, b in self._buttons.items() if (text := b.dump())},
        }
        self._saved = json.dumps(kept, separators=(",", ":")) if any(kept.values()) else ""
        return self._saved

    def load(self, state: str) -> None:
        """Take up a dump; the one that was made here last changes nothing, for what is known here is newer."""
        if state != self._saved or not self._saved:
            kept = json.loads(state or "{}")
            if "states" not in kept:  # as it was before there were other conventions
                kept = {"states": kept}
            self._own_state = (
                json.dumps(kept["states"], sort_keys=True, separators=(",", ":")) if kept["states"] else ""
            )
            self._own.load(self._own_state)
            self._own.tracks.load(kept.get("tracks", {}))
            if self._clouds:
                clouds = kept.get("clouds")
                self._clouds_state = json.dumps(clouds, sort_keys=True, separators=(",", ":")) if clouds else ""
                self._clouds.load(self._clouds_state)
                self._clouds.tracks.load(kept.get("cloud_tracks", {}))
            if self._ids is not None:
                for tracks in self._numbered():
                    tracks.catch_up(self._ids, self._now_us)
            for name, buttons in self._buttons.items():
                buttons.load(kept.get("buttons", {}).get(name, ""))
            self._saved = state
        for buttons in self._buttons.values():
            buttons.reconnected()

    def state(self, source: str) -> tuple[str, int] | None:
        """A device's last known state, `online` or `offline`, and since when (µs); None when it never said."""
        for one in (self._own, self._clouds, *self._buttons.values()):
            said = one.state(source) if one else None
            if said is not None:
                return said
        return None

    def facts(self, sources: Iterable[str]) -> dict[str, DeviceFacts]:
        """What is known of these devices."""
        received, missing = Counter(self._own.received()), Counter[str]()
        for one in (self._clouds, *self._buttons.values()):
            received.update(one.received() if one else {})
        for tracks in self._tracks():
            missing.update(tracks.missing())
        return {source: self._facts(source, received[source], missing.get(source)) for source in sources}

    def _facts(self, source: str, received: int, missing: int | None) -> DeviceFacts:
        offsets = [us for t in self._tracks() if (us := t.clock_offset_us(source)) is not None]
        dropped = [b.dropped(source) for b in self._buttons.values()]
        return DeviceFacts(
            received=received,
            rejected=dict(self._rejected.get(source, {})),
            sequence_missing=missing,
            clock_offset_us=offsets[0] if offsets else None,
            dropped=(sum(d[0] for d in dropped), sum(d[1] for d in dropped), sum(d[2] for d in dropped)),
        )

    def _tracks(self) -> list[Tracks]:
        return [*self._numbered(), *(b.tracks for b in self._buttons.values())]

    def _numbered(self) -> list[Tracks]:
        """Those whose numbers change with every message."""
        return [self._own.tracks, *([self._clouds.tracks] if self._clouds else [])]
