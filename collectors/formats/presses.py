"""The common ground of every convention that tells of pressed buttons: what is a vote, and what is none.

A convention reads messages and names presses; here a press becomes an event. `presses` of a device maps names to scores;
several devices may share a topic, each with presses of its own. A press that nobody maps is ignored. Of the others:
- what the broker had kept is dropped as retained, what the convention knows to be old as replayed;
- the same press told on another topic within `debounce_s` is the same press, and ignored;
- the same press on the same topic within `debounce_s` of the last vote is dropped as bounced;
- all else is a vote.
What is dropped becomes `vote.dropped`: counted apart, never silent.

How long two presses lie apart is told by their receipt, or by the device's clock where both have its time and that says
more: they may have waited at the broker and come at once. Without a time of their own one of them counts then.

Identity: what the device gives (a number, a trusted time), else the moment of receipt. A press without identity that the
broker sends again cannot be told from a new one by what it says. But a broker marks what it sends again, it does so at
once on a new connection, and only with what was not acknowledged: so a marked message equal to a press of the last two
batches before the connection was lost is that press, once. Those are part of the state that is committed with the events.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from zlib import crc32

from collectors.base import Message
from collectors.formats.channels import Channel, Press, Row, since_last
from collectors.formats.cloudevents import No
from collectors.formats.kiosk_json import SiteRow
from collectors.formats.tracks import Tracks
from telemetry.events import MISSING, Decoded, Event, Rejected

MAX_PAYLOAD = 64 * 1024
OLDEST_US = 7 * 86_400_000_000
AHEAD_US = 300_000_000
BOUNCED, RETAINED, REPLAYED = 1, 2, 3
AGAIN_US = 2_000_000
"""A press with the same time of its device after this long is the old one told anew, not a second one of that second."""
MOST_TOPICS = 10_000
BEHIND_US = 2_000_000
"""For so long after a connection what comes may have waited at the broker."""


class Buttons:
    """Decoder of the devices of one convention, of all sites. A convention overrides what stands first."""

    convention = ""
    fold = False
    """Names of presses are the same in capitals."""

    def bases(self, topic: str) -> Mapping[str, str]:
        """Beginning of topics → its name here, for a device whose configured topic this is."""
        return {topic: ""}

    @abstractmethod
    def filters(self, topic: str) -> Sequence[str]:
        """What to subscribe to for a device whose configured topic this is."""

    @abstractmethod
    def heard(self, channel: Channel, part: str, message: Message, received_us: int, out: Decoded) -> None:
        """Read one message. `part` is the name of its topic's beginning and whatever follows that."""

    def connected_anew(self) -> None:
        """The connection to the broker is new: something may have been missed."""

    # What is common to all.

    def __init__(self, *, sites: Mapping[str, SiteRow]) -> None:
        rows: dict[str, list[Row]] = defaultdict(list)
        for site, it in sites.items():
            for device, row in it.devices.items():
                if row.convention == self.convention and row.topic:
                    rows[row.topic.strip("/")].append(Row(site, device, f"{site}/{device}", row))
        self.channels = {topic: Channel(topic, those, fold=self.fold) for topic, those in rows.items()}
        self.tracks = Tracks()
        self._bases = {
            base: (channel, name)
            for topic, channel in self.channels.items()
            for base, name in self.bases(topic).items()
        }
        self._routes: dict[str, tuple[list[Channel], str]] = {}
        self._of_source = {row.source: channel for channel in self.channels.values() for row in channel.rows}
        self._recent: list[list[str]] = []
        self._again: Counter[str] = Counter()
        self._new_since_us = 0
        self.changed = False

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        return list(dict.fromkeys(one for topic in self.channels for one in self.filters(topic)))

    def state(self, source: str) -> tuple[str, int] | None:
        """A device's last known state, `online` or `offline`, and since when (µs); None when it never said."""
        channel = self._of_source.get(source)
        return channel.states if channel else None

    def received(self) -> dict[str, int]:
        return {source: channel.received for source, channel in self._of_source.items()}

    def dropped(self, source: str) -> list[int]:
        """Presses of a device that were bounced, retained, replayed."""
        channel = self._of_source.get(source)
        return channel.dropped.get(source, [0, 0, 0]) if channel else [0, 0, 0]

    def knows(self, topic: str) -> bool:
        """Whether a topic belongs to one of its devices."""
        return bool(self._route(topic)[0])

    def feed(self, records: Sequence[Message], received_us: int) -> Decoded:
        out = Decoded()
        self._new_since_us = self._new_since_us or received_us
        if any(self._recent):
            self.changed = True
        self._recent = [*self._recent[-1:], []]
        for message in records:
            channels, part = self._route(message.topic)
            if not channels:
                out.rejected.append(_rejected(No("unknown_device", "no device has this topic"), message, None))
            for channel in channels:
                channel.received += 1
                try:
                    if len(message.payload) > MAX_PAYLOAD:
                        raise No("too_large", f"{len(message.payload)} bytes, limit {MAX_PAYLOAD}")  # noqa: TRY301
                    if message.payload:
                        self.heard(channel, part, message, received_us, out)
                    else:
                        out.ignored += 1  # the clearing of what was retained
                except No as no:
                    out.rejected.append(_rejected(no, message, channel))
        out.gaps = self.tracks.end_batch((), received_us)
        return out

    @property
    def unsettled(self) -> bool:
        """Whether the next batch changes what is known even if it brings nothing."""
        return any(self._recent)

    def restart(self) -> None:
        """Messages come in no files."""

    def reconnected(self) -> None:
        """What was told last may be told again."""
        self._again = Counter(digest for batch in self._recent for digest in batch)
        self._new_since_us = 0
        self.connected_anew()

    def dump(self) -> str:
        channels = {topic: kept for topic, channel in self.channels.items() if (kept := channel.dump())}
        kept = {"channels": channels, "tracks": self.tracks.dump(), "recent": self._recent if any(self._recent) else []}
        self.changed = self.tracks.changed = False
        return json.dumps(kept, separators=(",", ":")) if any(kept.values()) else ""

    def load(self, state: str) -> None:
        kept = json.loads(state or "{}")
        for topic, channel in self.channels.items():
            channel.load(kept.get("channels", {}).get(topic, {}))
        self.tracks.load(kept.get("tracks", {}))
        self._recent = kept.get("recent", [])
        self.reconnected()

    def _route(self, topic: str) -> tuple[list[Channel], str]:
        known = self._routes.get(topic)
        if known is None:
            known = self.locate(topic)
            if len(self._routes) > MOST_TOPICS:
                self._routes.clear()
            if known[0]:
                self._routes[topic] = known
        return known

    def locate(self, topic: str) -> tuple[list[Channel], str]:
        """The channels of a topic and what part of theirs it is: the longest beginning that is known counts."""
        base = topic
        while True:
            found = self._bases.get(base)
            if found:
                channel, name = found
                return [channel], "/".join(filter(None, (name, topic[len(base) + 1 :])))
            base, slash, _ = base.rpartition("/")
            if not slash:
                return [], ""

    # What conventions call.

    def press(
        self,
        channel: Channel,
        names: Sequence[str],
        message: Message,
        received_us: int,
        out: Decoded,
        *,
        via: str,
        at_us: int = MISSING,
        ident: str = "",
        why: int = 0,
        counted: bool = False,
    ) -> bool:
        """A press, by the first of its names that somebody maps; whether it is a vote.

        `via` is the topic that told it, `at_us` the device's time, `ident` an id of its own; `why` says that it is no
        vote. `counted`: the device tells each press apart by itself, so that none is bounced.
        """
        folded = [name.casefold() for name in names] if self.fold else names
        name = next((name for name in folded if name in channel.presses), None)
        if name is None:
            out.ignored += 1
            return False
        press = channel.presses[name]
        if press.score > press.row.row.scale_max:
            raise No("bad_field", f"{name}: score {press.score}, expected 1 to {press.row.row.scale_max}")
        told = f"{crc32(message.payload, crc32(message.topic.encode('utf-8', 'replace'))):08x} {name}"
        if message.dup and self._again[told]:
            self._again[told] -= 1
            out.ignored += 1
            return False
        why = RETAINED if message.retained else why
        last = channel.last.get(name)
        if not why and last and not counted:
            since = since_last(last, at_us, received_us)
            if 0 <= since < press.row.row.debounce_s * 1e6:
                if via not in last[2]:
                    last[2].append(via)
                    self._tell(told)
                    out.ignored += 1
                    return False
                why = BOUNCED
                if channel.bounced_too(name, via, at_us, received_us, press.row.row.debounce_s):
                    self._tell(told)
                    out.ignored += 1
                    return False
        if not why:
            channel.last[name] = [received_us, at_us, [via]]
        self._tell(told)
        us = at_us if received_us - OLDEST_US <= at_us <= received_us + AHEAD_US else received_us
        out.events.append(self._event(channel, press, received_us, us, ident, why))
        return not why

    def behind(self, received_us: int) -> bool:
        """Whether the connection is so new that messages may have waited: their times of receipt say little."""
        return 0 <= received_us - self._new_since_us < BEHIND_US

    def _tell(self, told: str) -> None:
        self._recent[-1].append(told)
        self.changed = True

    def _event(self, channel: Channel, press: Press, received_us: int, us: int, ident: str, why: int) -> Event:
        site, _, source, row = press.row
        if not ident:
            ident = f"press:{self.moment(channel, received_us)}"
        elif why:
            ident = f"{ident}~{why}"
        if why:
            channel.dropped.setdefault(source, [0, 0, 0])[why - 1] += 1
        type_, c = ("vote.dropped", why) if why else ("vote.cast", MISSING)
        return Event(
            site, source, ident, type_, us, row.unit, "", row.counter, "", press.score, row.scale_max, c, 0, press.extra
        )

    def moment(self, channel: Channel, received_us: int) -> int:
        """The time of receipt, or a little later: a moment of its own on this channel."""
        last = channel.id_us
        channel.id_us = last + 1 if received_us <= last < received_us + AHEAD_US else received_us
        return channel.id_us

    def said(self, channel: Channel, voice: str, there: bool, received_us: int, out: Decoded) -> bool:
        """One voice says whether the device is there. A change of its state becomes an event of each device; whether
        there was one."""
        if channel.voices.get(voice) is not there:
            channel.voices[voice] = there
            self.changed = True
        state = "online" if all(channel.voices.values()) else "offline"
        if channel.states is not None and channel.states[0] == state:
            out.ignored += 1
            return False
        us = self.moment(channel, received_us)
        channel.states = (state, us)
        out.events += [
            Event(row.site, row.source, f"status:{us}", f"device.{state}", us, row.row.unit, "", row.device)
            for row in channel.rows
        ]
        return True


def _rejected(no: No, message: Message, channel: Channel | None) -> Rejected:
    detail = f"{message.topic}: {no}"[:120]
    detail = detail if detail.isprintable() else repr(detail)[1:-1]
    raw = message.payload[:4096] if no.reason == "too_large" else message.payload
    row = channel.rows[0] if channel else None
    return Rejected(no.reason, detail, raw, row.site if row else "", row.source if row else "")
