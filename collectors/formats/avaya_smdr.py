"""Avaya IP Office SMDR: comma-separated without quoting, one line a segment of a call, written when the segment ends.

- Fields are counted from the left: 17 in old releases, up to 37 in new ones; none of the tail is required. The log
  cannot quote, so that a comma in a name shifts what follows: the device of the second party is looked for.
- Call Start (local time of the system) and Call ID are the same in all segments of a call; Continuation 1 says that
  another follows. A call of which the last segment never comes stays open.
- Ring Time is arrival to answer, queueing included, rounded up to whole seconds: it is the caller's wait. It is one
  telephone's ring as well only where the first segment was answered by the very extension that was called; in a hunt
  group that cannot be told. Where an attendant or voicemail answered first, the wait for a person is not told.
- Answered is a segment with a connected, held or parked time and a person in it. A last segment that only voicemail
  answered ends as `timed_out`: the system gave up on finding a person, and the call went to voicemail.
- The unit is the Called Number (the target: hunt group or extension), else the Dialled Number, else the line; where
  `units` names the Dialled Number and not the Called one, it decides. Talk includes hold and park, which are the time
  on hold.
- Outbound calls count once, with their last segment. Those that forwarding or twinning made (External Targeting
  Cause) are nobody's calls and are ignored, as internal calls are.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from collectors.base import Guess
from collectors.formats.clock import Clock
from collectors.formats.eights import Words
from collectors.formats.options import Options
from collectors.formats.reading import (
    CR_ALONE,
    Unreadable,
    clock_ms,
    malformed,
    name_of,
    shown,
    text_of,
    whole_of,
)
from collectors.formats.scan import cut
from collectors.formats.scanned import Scan, ScannedFormat
from collectors.formats.whole_calls import Whole, events_of
from telemetry.events import MISSING, UNKNOWN, Event

(_START, _CONNECTED, _RING, _CALLER, _DIRECTION, _CALLED, _DIALLED, _ACCOUNT, _INTERNAL, _CALL_ID, _CONTINUED,
 _DEVICE_1, _NAME_1, _DEVICE_2, _NAME_2, _HOLD, _PARK) = range(17)  # fmt: skip
_FEWEST = 17
_CAUSE = 27
"""External Targeting Cause, where the release writes it."""
_SECONDS_A_DAY = 86_400
_CALLS_KEPT = 1024
"""Calls with segments to come that are remembered at once."""
_TEXTS_KEPT = 4096
_MAX_ID = 20
_DEVICES = frozenset("ETVU")
_DIRECTIONS, _FLAGS = Words("OI"), Words("01")
_TEXTS = (_CALLER, _CALLED, _DIALLED, _CALL_ID, _DEVICE_1, _NAME_1, _DEVICE_2, _NAME_2)
_BY_MACHINE = '{"answered_by":"machine"}'


class _Before(NamedTuple):
    """What the earlier segments of a call told."""

    segments: int = 0
    elapsed_ms: int = 0
    talk_ms: int = 0
    machine: bool = False
    served: bool = False
    """By a person."""
    unit: str = ""


_NOTHING = _Before()


class _Party(NamedTuple):
    """Who took part in a segment on our side, and over which line."""

    agent: str
    extension: str
    machine: bool
    line: str


class _Asked(NamedTuple):
    """The numbers of who called and of where the call went, as they stand there."""

    caller: str
    called: str
    dialled: str


class _Times(NamedTuple):
    arrival_us: int
    ring_ms: int
    talk_ms: int
    """With hold and park."""
    hold_ms: int
    """Hold and park."""


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Whether these are segments of calls: a date with slashes, a direction and two flags where they must be."""
    texts = (line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n") for line in lines)
    rows = [text.split(b",") for text in texts if text.strip() and b"Call Start" not in text[:20]]
    good = [c for c in rows if _looks_right(c)]
    if not good:
        return None
    most = max(len(c) for c in good)
    what = f"Avaya IP Office SMDR of {most} fields, whose ring time is the caller's wait, not one telephone's ring"
    buddhist = sum(c[_START][:4] > b"2400" for c in good)
    settings = {"era": "be" if buddhist == len(good) else "auto"} if buddhist else {}
    return Guess(len(good) / len(rows), what, settings)


def _looks_right(cells: Sequence[bytes]) -> bool:
    return (
        len(cells) >= _FEWEST
        and cells[_START][4:5] == cells[_START][7:8] == b"/"
        and cells[_CONNECTED][2:3] == b":"
        and cells[_DIRECTION] in (b"I", b"O")
        and cells[_CONTINUED] in (b"0", b"1")
    )


class AvayaSmdr(ScannedFormat):
    """Decoder of one SMDR. Remembers calls of which a segment is to come, at most 1024."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        self._clock = Clock(self._options.timezone, era=self._options.era)
        self._calls: OrderedDict[str, _Before] = OrderedDict()

    def restart(self) -> None:
        self._calls.clear()

    def dump(self) -> str:
        return json.dumps(self._calls, separators=(",", ":"), ensure_ascii=False) if self._calls else ""

    def load(self, state: str) -> None:
        self._calls = OrderedDict((call, _Before(*told)) for call, told in json.loads(state or "{}").items())

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:  # noqa: ARG002 (its years have four digits)
        if b"\r" in line:
            raise Unreadable("malformed_line", CR_ALONE)
        cells = line.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split(",")
        if len(cells) < _FEWEST:
            if not line.strip():
                return ()
            raise Unreadable("malformed_line", f"line: {len(cells)} fields, expected {_FEWEST} to 37")
        if "id" in cells[_CALL_ID].lower() and not any(map(str.isdigit, cells[_START])):
            return ()  # names of columns, Avaya's or those of a collector before us
        arrival_us = self._arrival(cells[_START])
        inbound = _flag(cells, _DIRECTION, "I", "O")
        last = _flag(cells, _CONTINUED, "0", "1")
        internal = _flag(cells, _INTERNAL, "1", "0")
        number = cells[_CALL_ID]
        if not (number.isascii() and number.isdigit() and len(number) <= _MAX_ID):
            raise malformed("field 10 (call id)", number, "a number")
        second = _second_party(cells)
        ring_ms, hold_ms = _whole_seconds(cells[_RING], "field 3 (ring time)"), _hold_ms(cells, second)
        talk_ms = _connected_ms(cells[_CONNECTED]) + hold_ms
        if internal or (not inbound and len(cells) > _CAUSE and cells[_CAUSE].strip()):
            return ()
        party = _party(cells[_DEVICE_1], ",".join(cells[_NAME_1:second]), cells[second], cells[second + 1])
        asked = _Asked(cells[_CALLER], cells[_CALLED], cells[_DIALLED])
        times = _Times(arrival_us, ring_ms, talk_ms, hold_ms)
        return self._segment(number, asked, party, times, inbound=inbound, last=last)

    def _shape(self) -> object:
        return self

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:  # noqa: ARG002 (its years have four digits)
        """Times and flags, whether the segment tells nothing, and the texts."""
        cells = cut(lines, ord(","), quotes=False)
        if cells is None or cells.width < _FEWEST:
            return None
        arrival = cells.stamp(_START, self._clock)
        connected = cells.clock(_CONNECTED)
        ring, hold, park = (cells.whole(place) for place in (_RING, _HOLD, _PARK))
        inbound, continued = cells.word(_DIRECTION, _DIRECTIONS), cells.word(_CONTINUED, _FLAGS)
        internal = cells.word(_INTERNAL, _FLAGS)
        device = cells.length(_DEVICE_2) == 0
        device |= cells.digits(_DEVICE_2, 1) & cells.begins(_DEVICE_2, _DEVICES)
        cells.plain &= (arrival >= 0) & (connected >= 0) & (hold >= 0) & device & cells.digits(_CALL_ID)
        cells.plain &= (inbound >= 0) & (continued >= 0) & (internal >= 0)
        cells.plain &= np.maximum(np.maximum(ring, hold), park) <= _SECONDS_A_DAY
        nothing = internal == 1
        if cells.width > _CAUSE:
            nothing |= (inbound == 0) & (cells.length(_CAUSE) > 0)
            cells.plain &= ~cells.begins(_CAUSE, " ")
        ring_ms = np.where(ring >= 0, ring * 1000, MISSING)
        hold_ms = (hold + np.maximum(park, 0)) * 1000
        texts = [bound for place in _TEXTS for bound in cells.bounds(place)]
        return cells, (nothing, arrival, ring_ms, connected * 1000 + hold_ms, hold_ms, inbound, continued, *texts)

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:  # noqa: ARG002
        nothing, arrival_us, ring_ms, talk_ms, hold_ms, inbound, continued, *bounds = row
        if nothing:
            return ()
        caller, called, dialled, number, device_1, name_1, device_2, name_2 = (
            text[begin:end] for begin, end in zip(bounds[::2], bounds[1::2], strict=True)
        )
        party, asked = _party(device_1, name_1, device_2, name_2), _Asked(caller, called, dialled)
        times = _Times(arrival_us, ring_ms, talk_ms, hold_ms)
        return self._segment(number, asked, party, times, inbound=inbound == 1, last=continued == 0)

    def _segment(
        self, number: str, asked: _Asked, party: _Party, times: _Times, *, inbound: bool, last: bool
    ) -> Sequence[Event]:
        """What a segment of a call with the outside tells."""
        arrival_us, ring_ms, talk_ms, _ = times
        call = f"{arrival_us // 1_000_000}.{number}"
        before = self._calls.pop(call, _NOTHING)
        tell = self._inbound if inbound else self._outbound
        whole = tell(asked, call, before, party, times, last=last)
        if not last:
            there = talk_ms > 0
            self._keep(
                call,
                _Before(
                    before.segments + 1,
                    before.elapsed_ms + max(ring_ms, 0) + talk_ms,
                    before.talk_ms + talk_ms,
                    before.machine or (there and party.machine),
                    before.served or (there and not party.machine),
                    whole.unit,
                ),
            )
        if whole.outcome == "outbound":
            return events_of(self._site, self._source, whole) if last else ()
        if before.served and whole.outcome != "answered":
            return ()
        return events_of(self._site, self._source, whole)

    def _outbound(
        self, asked: _Asked, call: str, before: _Before, party: _Party, times: _Times, *, last: bool
    ) -> Whole:
        end_us = times.arrival_us + (before.elapsed_ms + max(times.ring_ms, 0) + times.talk_ms) * 1000
        talk_ms = before.talk_ms + times.talk_ms
        return Whole(
            call, "", times.arrival_us, "outbound", end_us, talk_ms=talk_ms, agent=party.agent,
            caller=self.called(_text(asked.called.strip() or asked.dialled, "field 6 (called number)")), transferred=not last,
        )  # fmt: skip

    def _inbound(self, asked: _Asked, call: str, before: _Before, party: _Party, times: _Times, *, last: bool) -> Whole:
        arrival_us, ring_ms, talk_ms, hold_ms = times
        told = ring_ms != MISSING and not before.machine and not before.served
        answer_us = arrival_us + (before.elapsed_ms + max(ring_ms, 0)) * 1000
        answered = talk_ms > 0 and not party.machine
        direct = answered and not before.segments and party.extension == asked.called.strip() != ""
        outcome = "open"
        if answered:
            outcome = "answered"
        elif last:
            outcome = "timed_out" if talk_ms else "abandoned"
        return Whole(
            call,
            before.unit or self._unit(asked.called, asked.dialled, party.line),
            arrival_us,
            outcome,
            answer_us + talk_ms * 1000 if answered else answer_us,
            before.elapsed_ms + ring_ms if told else UNKNOWN,
            ring_ms if direct else MISSING,
            talk_ms if answered else MISSING,
            party.agent if answered else "",
            _text(asked.caller, "field 4 (caller)").split("@", 1)[0].strip(),
            answer_us,
            transferred=not last,
            leg=str(before.segments),
            extra=_BY_MACHINE if outcome == "timed_out" else "",
            hold_ms=hold_ms,
            voicemail=outcome == "timed_out",
        )

    def _keep(self, call: str, before: _Before) -> None:
        self._calls[call] = before
        began = int(call.split(".", maxsplit=1)[0])
        while len(self._calls) > _CALLS_KEPT or int(next(iter(self._calls)).split(".")[0]) < began - _SECONDS_A_DAY:
            self._calls.popitem(last=False)

    def _arrival(self, text: str) -> int:
        try:
            return self._clock.us(text)
        except ValueError as wrong:
            raise Unreadable("bad_time", f"field 1 (call start): {wrong}") from None

    def _unit(self, called: str, dialled: str, line: str) -> str:
        called, dialled = _name(called, "field 6 (called number)"), _name(dialled, "field 7 (dialled number)")
        name = dialled if dialled in self._options.units and called not in self._options.units else called or dialled
        name = name or line
        if not name:
            raise Unreadable("bad_field", "fields 6, 7, 12, 14: no number and no line, expected where the call came in")
        return self.unit(name)


def _flag(cells: Sequence[str], at: int, yes: str, no: str) -> bool:
    cell = cells[at]
    if cell == yes:
        return True
    if cell == no:
        return False
    raise Unreadable("bad_field", f"field {at + 1}: {shown(cell)}, expected {yes} or {no}")


def _text(cell: str, place: str) -> str:
    """A cell by itself: a name in another encoding, or cut in the middle of a character, must not change the others."""
    return cell if cell.isascii() else text_of(cell.encode("latin-1"), place)


@lru_cache(_TEXTS_KEPT)
def _name(cell: str, place: str) -> str:
    return name_of(_text(cell, place), place)


@lru_cache(_TEXTS_KEPT)
def _whole_seconds(text: str, place: str) -> int:
    """As milliseconds; no call rings, waits or talks for more than a day."""
    value = whole_of(text.strip(), place)
    if value > _SECONDS_A_DAY:
        raise Unreadable("bad_field", f"{place}: {shown(text)}, expected seconds, at most a day")
    return value if value == MISSING else value * 1000


@lru_cache(_TEXTS_KEPT)
def _connected_ms(text: str) -> int:
    place = "field 2 (connected time)"
    value = clock_ms(text, place)
    if value == MISSING or value > _SECONDS_A_DAY * 1000:
        raise malformed(place, text, "HH:MM:SS, at most a day")
    return value


def _second_party(cells: Sequence[str]) -> int:
    """Where the device of the second party stands: a comma in the first one's name moves it."""
    for at in range(_DEVICE_2, min(_DEVICE_2 + 3, len(cells) - 3)):
        cell = cells[at].strip()
        if not cell or (cell[0] in _DEVICES and cell[1:].isdigit()):
            return at
    return _DEVICE_2


def _hold_ms(cells: Sequence[str], second: int) -> int:
    """Hold and park."""
    at = second + _HOLD - _DEVICE_2
    if not cells[at].isdigit() and at + 2 < len(cells) and cells[at + 1].isdigit() and cells[at + 2].isdigit():
        at += 1  # a comma in the second name
    hold_ms = _whole_seconds(cells[at], "field 16 (hold time)")
    park_ms = _whole_seconds(cells[at + 1], "field 17 (park time)") if at + 1 < len(cells) else MISSING
    return max(hold_ms, 0) + max(park_ms, 0)


@lru_cache(_TEXTS_KEPT)
def _party(device_1: str, name_1: str, device_2: str, name_2: str) -> _Party:
    sides = ((device_1.strip(), name_1), (device_2.strip(), name_2))
    machine = any(device.startswith("V9") or name.startswith("VM Channel") for device, name in sides)
    line = next((device for device, _ in sides if device.startswith("T")), "")
    for device, name in sides:
        if device.startswith("E"):
            agent = _name(name, "name of a party") or _name(device, "device of a party")
            return _Party(agent, device[1:], machine, _name(line, "line"))
    return _Party("", "", machine or any(device.startswith("V") for device, _ in sides), _name(line, "line"))
