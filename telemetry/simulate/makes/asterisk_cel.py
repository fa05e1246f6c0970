"""Asterisk as cel_custom writes channel events: the sample's columns, seconds since 1970 with microseconds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from itertools import count

from telemetry.simulate.makes import Attempt, Call, Written

_LIMIT_S = 600
"""The queue's time limit, where the call did not reach it."""


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:  # noqa: ARG001 (it writes seconds since 1970)
    """The lines of these calls, in the order of their times."""
    numbers = count(500_000)
    out = [line for call in calls for line in _lines(call, numbers)]
    return sorted(out, key=lambda line: line.time_us)


class _Channel:
    """A channel's columns; `says` writes a line of it."""

    def __init__(self, call: Call, name: str, number: str, unique: str) -> None:
        self._call, self.name, self._number, self.unique = call, name, number, unique

    def says(
        self, at_us: int, kind: str, app: str = "", data: str = "", exten: str = "", extra: object = None
    ) -> Written:
        call = self._call
        cells = [
            kind, f"{at_us // 1_000_000}.{at_us % 1_000_000:06d}", "", self._number, self._number, "", call.did,
            exten or call.did, "from-trunk" if self.unique == call.id else "agents", self.name, app, data, "3", "",
            self.unique, call.id, "", "", "", json.dumps(extra, separators=(",", ":")) if extra is not None else "",
        ]  # fmt: skip
        return Written(at_us, (",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n").encode())


def _lines(call: Call, numbers: Iterator[int]) -> Iterator[Written]:
    caller = _Channel(call, f"PJSIP/trunk-{next(numbers):08x}", call.number, call.id)
    waited_s = call.end_us // 1_000_000 - call.arrival_us // 1_000_000
    queue = "Queue", f"{call.queue},c,,,{waited_s if call.outcome == 'timed_out' else _LIMIT_S}"
    yield caller.says(call.arrival_us, "CHAN_START")
    yield caller.says(call.arrival_us, "ANSWER", "Answer")
    yield caller.says(call.arrival_us, "APP_START", *queue)
    source = caller.name if call.outcome == "abandoned" else "dialplan/builtin"
    for attempt in call.attempts:
        number = next(numbers)
        leg = _Channel(call, f"PJSIP/{attempt.extension}-{number:08x}", "", f"{attempt.from_us // 1_000_000}.{number}")
        if call.ended_by:
            source = leg.name if call.ended_by == "agent" else caller.name
        yield leg.says(attempt.from_us, "CHAN_START", exten="s")
        if attempt.answered:
            yield from _talk(call, attempt, caller, leg, queue)
            hung_up = {"hangupcause": 16, "hangupsource": "" if call.transferred_to else source, "dialstatus": ""}
            yield leg.says(call.end_us, "HANGUP", "AppQueue", "(Outgoing Line)", extra=hung_up)
            yield leg.says(call.end_us, "CHAN_END", "AppQueue", "(Outgoing Line)")
        else:
            cancelled = {"hangupcause": 16, "hangupsource": "", "dialstatus": ""}
            yield leg.says(attempt.until_us, "HANGUP", "AppQueue", "(Outgoing Line)", extra=cancelled)
            yield leg.says(attempt.until_us, "CHAN_END", "AppQueue", "(Outgoing Line)")
    exten = "0" if call.outcome == "left_by_key" else ""
    yield caller.says(call.end_us, "APP_END", *queue, exten=exten)
    ended = {"hangupcause": 16, "hangupsource": source, "dialstatus": ""}
    yield caller.says(call.end_us, "HANGUP", exten=exten, extra=ended)
    yield caller.says(call.end_us, "CHAN_END", exten=exten)
    yield caller.says(call.end_us, "LINKEDID_END", exten=exten)


def _talk(call: Call, attempt: Attempt, caller: _Channel, leg: _Channel, queue: tuple[str, str]) -> Iterator[Written]:
    """From the answer of the person until they part."""
    bridge = {"bridge_id": f"bridge-{leg.unique}", "bridge_technology": "simple_bridge"}
    yield leg.says(attempt.until_us, "ANSWER", "AppQueue", "(Outgoing Line)")
    yield leg.says(attempt.until_us, "BRIDGE_ENTER", "AppQueue", "(Outgoing Line)", extra=bridge)
    yield caller.says(attempt.until_us, "BRIDGE_ENTER", *queue, extra=bridge)
    if call.transferred_to:
        to = {"extension": call.transferred_to, "context": "agents", "transferee_channel_uniqueid": call.id}
        yield leg.says(call.end_us, "BLINDTRANSFER", "AppQueue", "(Outgoing Line)", extra=to)
    yield leg.says(call.end_us, "BRIDGE_EXIT", "AppQueue", "(Outgoing Line)", extra=bridge)
    yield caller.says(call.end_us, "BRIDGE_EXIT", *queue, extra=bridge)
