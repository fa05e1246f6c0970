"""Sparkplug B: buttons behind an edge node or gateway of a plant system.

`topic` is `spBv1.0/<group>/<edge>`, or `spBv1.0/<group>/<edge>/<device>`: the message type stands between group and edge.
The press is the metric's name (`Buttons/1`), by name or by the alias that the birth gave it:
- a boolean that turns true is a press; a transient one is a press each time it is true;
- an integer that grows by n is n presses, up to 100; one that goes down has started anew;
- a text is the press `<metric>/<text>`, or the metric's own.
The values of a birth are where counting begins, never presses.

`is_historical` marks what an edge kept while it was offline: these are real presses, only late. They count at their own
time and are compared with other historical values only; without a time of their own they are dropped as replayed. A
metric with a time is known by it: the same one sent again is the same press.

NBIRTH and DBIRTH say that a device is there, NDEATH and DDEATH that it is not; an NDEATH whose bdSeq is not the one of the
last birth is the will of a session that is over. `seq` goes from 0 to 255 round and round over all messages of an edge
node, its other devices too; a number missing there is a gap of each device of that node, for nobody knows whose it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from collectors.base import Message
from collectors.formats.channels import Channel
from collectors.formats.cloudevents import No
from collectors.formats.kiosk_json import SiteRow
from collectors.formats.presses import REPLAYED, Buttons
from collectors.formats.sparkplug_wire import Metric, Payload, WireError, payload
from telemetry.events import MISSING, Decoded

MOST_PRESSES = 100
TYPES = ("NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA")


class SparkplugB(Buttons):
    convention = "sparkplug_b"

    def __init__(self, *, sites: Mapping[str, SiteRow]) -> None:
        super().__init__(sites=sites)
        self._nodes: dict[tuple[str, str], list[Channel]] = defaultdict(list)
        for topic, channel in self.channels.items():
            self._nodes[_address(topic)[:2]].append(channel)

    def bases(self, topic: str) -> Mapping[str, str]:  # noqa: ARG002  topics are located by their parts
        return {}

    def filters(self, topic: str) -> Sequence[str]:
        group, edge, _ = _address(topic)
        return [f"spBv1.0/{group}/+/{edge}/#"]

    def locate(self, topic: str) -> tuple[list[Channel], str]:
        match topic.split("/"):
            case ["spBv1.0", group, type_, edge, *device] if len(device) < 2:
                return self._nodes.get((group, edge), []), f"{type_}/{''.join(device)}"
        return [], ""

    def heard(self, channel: Channel, part: str, message: Message, received_us: int, out: Decoded) -> None:
        type_, _, device = part.partition("/")
        if type_ not in TYPES or (type_[0] == "D") != bool(device):
            out.ignored += 1
            return
        try:
            said = payload(message.payload)
        except WireError as error:
            raise No("bad_field", f"not a Sparkplug B payload: {error}") from None
        own = _address(channel.topic)[2]
        if message.retained and type_.endswith("BIRTH"):
            raise No("retained", "a birth must not be retained")
        if type_ == "NDEATH":
            self._died(channel, said, received_us, out)
            return
        if not message.retained:
            self._count(channel, type_, said, received_us)
        if type_ == "NBIRTH":
            kept: dict[str, Any] = {key: channel.notes[key] for key in ("seq", "values") if key in channel.notes}
            channel.notes = kept | {"bdSeq": _bd_seq(said)}
            self.changed = True
        if device != own:
            self._other(channel, type_, received_us, out)
            return
        if type_ == "DDEATH":
            self.said(channel, "device", False, received_us, out)
        elif type_.endswith("BIRTH"):
            self._born(channel, said)
            if own:
                channel.voices["node"] = True
            self.said(channel, "device", True, received_us, out)
        else:
            self._data(channel, said, message, received_us, out)

    def _other(self, channel: Channel, type_: str, received_us: int, out: Decoded) -> None:
        """A message of the node, or of another device of it."""
        if type_ == "NBIRTH" and channel.voices.get("node") is False:
            channel.voices["device"] = False  # until its own birth, which follows
            self.said(channel, "node", True, received_us, out)
        else:
            out.ignored += 1

    def _died(self, channel: Channel, said: Payload, received_us: int, out: Decoded) -> None:
        session, born = _bd_seq(said), channel.notes.get("bdSeq")
        if session is not None and born is not None and session != born:
            out.ignored += 1
            return
        self.said(channel, "node" if _address(channel.topic)[2] else "device", False, received_us, out)

    def _count(self, channel: Channel, type_: str, said: Payload, received_us: int) -> None:
        """`seq` of 0..255 as a number that goes on, so that missing ones can be told from late ones."""
        if said.seq is None or not 0 <= said.seq < 256:
            return
        for row in channel.rows:
            track = self.tracks.of(row.site, row.source)
            following = track.next
            if type_ == "NBIRTH" or following < 0:
                start = channel.notes["seq"] = channel.notes.get("seq", 0) + (row is channel.rows[0])
                track.saw(f"start {start}", 256 + said.seq, received_us, received_us)
                continue
            ahead = (said.seq - following) % 256
            number = following + ahead if ahead < 128 else following + ahead - 256
            track.saw(track.boot, number, received_us, received_us)

    def _born(self, channel: Channel, said: Payload) -> None:
        """Aliases of the metrics that somebody maps, and the values that counting begins with."""
        names = {name.rpartition("/")[0] for name in channel.presses} | channel.presses.keys()
        mine = [m for m in said.metrics if m.name in names]
        channel.notes["aliases"] = {str(m.alias): m.name for m in mine if m.alias is not None}
        channel.notes["kept"] = channel.notes.get("values", {})  # what an edge kept begins where it was last heard
        channel.notes["values"] = {m.name: m.value for m in mine if not m.historical}
        self.changed = True

    def _data(self, channel: Channel, said: Payload, message: Message, received_us: int, out: Decoded) -> None:
        unknown: list[int] = []
        told = len(out.events) + out.ignored
        for metric in said.metrics:
            name = metric.name
            if name is None and metric.alias is not None:
                name = channel.notes.get("aliases", {}).get(str(metric.alias))
                if name is None and "aliases" not in channel.notes:
                    unknown.append(metric.alias)
            if name is not None:
                self._metric(channel, name, metric, said, message, received_us, out)
        if told == len(out.events) + out.ignored and not unknown:
            out.ignored += 1
        if unknown:
            raise No("bad_field", f"alias {unknown[0]}: no birth was seen that explains it")

    def _metric(
        self,
        channel: Channel,
        name: str,
        metric: Metric,
        said: Payload,
        message: Message,
        received_us: int,
        out: Decoded,
    ) -> None:
        names, presses = self._presses(channel, name, metric)
        if not presses or not any(one in channel.presses for one in names):
            return
        time_ms = metric.time_ms if metric.time_ms is not None else None if metric.historical else said.time_ms
        at_us = time_ms * 1000 if time_ms is not None and time_ms < 2**50 else MISSING
        why = REPLAYED if metric.historical and at_us == MISSING else 0
        if at_us != MISSING and not metric.historical:
            for row in channel.rows:
                self.tracks.offset(row.source, received_us - at_us)
        by_count = isinstance(metric.value, int) and not isinstance(metric.value, bool)
        for n in range(presses):
            ident = ""
            if at_us != MISSING:
                which = f"{names[0]} {metric.value if by_count else ''} {n}"
                ident = f"{time_ms}.{crc32(which.encode('utf-8', 'replace')):08x}"
            self.press(
                channel,
                names,
                message,
                received_us,
                out,
                via="metric",
                at_us=at_us,
                ident=ident,
                why=why,
                counted=by_count or metric.historical,
            )

    def _presses(self, channel: Channel, name: str, metric: Metric) -> tuple[list[str], int]:
        """What a value says was pressed, and how often."""
        value, names = metric.value, [name]
        if isinstance(value, str):
            return [f"{name}/{value}", name], 1 if value else 0
        if value is None or name not in channel.presses:
            return names, 0
        values: dict[str, Any] = channel.notes.setdefault("kept" if metric.historical else "values", {})
        before = values.get(name)
        values[name] = value
        self.changed = True
        if isinstance(value, bool):
            return names, int(value and (metric.transient or before is not True))
        if not isinstance(before, int) or isinstance(before, bool):
            return names, 0  # where the counting begins is not known
        if value - before > MOST_PRESSES:
            raise No("bad_field", f"{name}: from {before} to {value}, expected at most {MOST_PRESSES} presses at once")
        return names, max(0, value - before)


def _address(topic: str) -> tuple[str, str, str]:
    """Group, edge node and device of a configured topic."""
    parts = topic.removeprefix("spBv1.0/").split("/")
    group, edge, device = [*parts, "", "", ""][:3]
    return group, edge, device


def _bd_seq(said: Payload) -> int | None:
    return next((m.value for m in said.metrics if m.name == "bdSeq" and isinstance(m.value, int)), None)
