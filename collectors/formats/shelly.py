"""Shelly buttons and inputs, Gen1 and Gen2+.

`topic` is the device's own: `shellies/shellybutton1-A1B2C3` (Gen1), or its MQTT prefix (Gen2+).

Gen1: `<topic>/input_event/<n>` with `{"event":"S","event_cnt":7}`: S, SS, SSS or L. It is published again with whatever else
the device publishes, so `event_cnt` says which press it is: the number seen last, or one of the last eight again within a
minute, is the same press and replayed; a lower one says that the device has started anew; a jump is a gap. A press is
`S` on any input, or `0/S`. A button that sleeps disconnects after each press: once it has told its battery, or is named
as such a model, its last will says nothing.

Gen2+: `<topic>/events/rpc` with `NotifyEvent`. A press is `single_push` on any input, or `input:0/single_push`; `btn_down`
and `btn_up` are halves of one and ignored. `ts` counts from the start until the clock is set, so it is trusted, and
identifies a press, only when it is a time of today's world.

Both: `<topic>/online` with true or false.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from collectors.base import Message
from collectors.formats.channels import Channel, text_at, there
from collectors.formats.cloudevents import No, json_object
from collectors.formats.presses import AGAIN_US, REPLAYED, Buttons
from telemetry.events import MISSING, Decoded

RECENT = 8
RECENT_US = 60_000_000
SLEEPING = ("shellybutton1", "shellyht", "shellydw", "shellyflood")
SET_CLOCK_S = 1_600_000_000
MOST_INPUTS = 16


class Shelly(Buttons):
    convention = "shelly"

    def filters(self, topic: str) -> Sequence[str]:
        return [f"{topic}/{part}" for part in ("input_event/+", "events/rpc", "online", "sensor/battery")]

    def heard(self, channel: Channel, part: str, message: Message, received_us: int, out: Decoded) -> None:
        match part.split("/"):
            case ["input_event", number]:
                self._gen1(channel, number, message, received_us, out)
            case ["events", "rpc"]:
                self._gen2(channel, message, received_us, out)
            case ["online"]:
                it_is = there(message.payload)
                if it_is or not self._sleeps(channel):
                    self.said(channel, "online", it_is, received_us, out)
                else:
                    out.ignored += 1
            case ["sensor", "battery"]:
                self.changed = self.changed or not channel.notes.get("battery")
                channel.notes["battery"] = True
                out.ignored += 1
            case _:
                out.ignored += 1

    @staticmethod
    def _sleeps(channel: Channel) -> bool:
        return bool(channel.notes.get("battery")) or channel.topic.rpartition("/")[2].startswith(SLEEPING)

    def _gen1(self, channel: Channel, number: str, message: Message, received_us: int, out: Decoded) -> None:
        given = json_object(message.payload)
        event, count = text_at(given, "event"), given.get("event_cnt", -1)
        if not isinstance(count, int) or isinstance(count, bool) or not -1 <= count < 2**53:
            raise No("bad_field", f"$.event_cnt: {str(count)[:40]!r}, expected a whole number")
        if not number.isdecimal() or not number.isascii() or int(number[:20]) >= MOST_INPUTS:
            raise No("bad_field", f"input {number[:20]!r}, expected 0 to {MOST_INPUTS - 1}")
        if not event:
            out.ignored += 1  # nothing was pressed since it started
            return
        ident, why = "", 0
        if count >= 0:
            start, times = self._counted(channel, number, count, message, received_us)
            if times > 1:
                out.ignored += 1  # one press is told once to be replayed, however often it is
                return
            ident, why = f"{number}.{start}:{count:010d}", REPLAYED if times else 0
        names = [f"{number}/{event}", event]
        # What waited at the broker comes all at once: then only the count tells presses apart.
        counted = count >= 0 and self.behind(received_us)
        self.press(channel, names, message, received_us, out, via="input_event", ident=ident, why=why, counted=counted)

    def _counted(
        self, channel: Channel, number: str, count: int, message: Message, received_us: int
    ) -> tuple[int, int]:
        """Which start of the device this count belongs to, and how often it was seen before."""
        # [[count, receipt µs, times seen], … the last ones], and when the device last began to count anew
        seen, start = channel.notes.setdefault(f"input {number}", [[], received_us])
        again = next((one for one in seen if one[0] == count), None)
        same = again is not None and (
            count == seen[-1][0] or message.dup or 0 <= received_us - again[1] < RECENT_US or message.retained
        )
        if not same and not message.retained:
            if seen and count <= seen[-1][0]:
                start, seen = received_us, []
            seen = [*seen[1 - RECENT :], [count, received_us, 0]]
            channel.notes[f"input {number}"] = [seen, start]
            row = channel.rows[0]
            self.tracks.of(row.site, row.source, f"input-{number}").saw(str(start), count, received_us, received_us)
        self.changed = True
        if not same or again is None:
            return start, 0
        again[2] += 1
        return start, again[2]

    def _gen2(self, channel: Channel, message: Message, received_us: int, out: Decoded) -> None:
        given = json_object(message.payload)
        if given.get("method") != "NotifyEvent":
            out.ignored += 1
            return
        params = given.get("params")
        events = params.get("events") if isinstance(params, dict) else None
        if not isinstance(params, dict) or not isinstance(events, list):
            raise No("bad_field", "$.params.events: expected an array")
        out.ignored += not events
        for one in events:
            if not isinstance(one, dict):
                raise No("bad_field", f"$.params.events: {str(one)[:40]!r}, expected objects")
            component, event = text_at(one, "component"), text_at(one, "event")
            if event in ("", "btn_down", "btn_up"):
                out.ignored += 1
                continue
            at_us = _set_clock_us(one.get("ts", params.get("ts")))
            names, ident, why = [f"{component}/{event}", event], "", 0
            if at_us != MISSING:
                ident = f"{at_us // 1000}.{crc32(names[0].encode('utf-8', 'replace')):08x}"
                row = channel.rows[0]
                self.tracks.offset(row.source, received_us - at_us)
            last = next((channel.last[name] for name in names if name in channel.last), None)
            if last and at_us != MISSING and at_us == last[1] and received_us - last[0] >= AGAIN_US:
                why = REPLAYED
            self.press(channel, names, message, received_us, out, via="rpc", at_us=at_us, ident=ident, why=why)


def _set_clock_us(ts: Any) -> int:
    """A time of a clock that was set, in µs; else MISSING."""
    if isinstance(ts, (int, float)) and not isinstance(ts, bool) and SET_CLOCK_S < ts < 2**33:
        return int(ts * 1e6)
    return MISSING
