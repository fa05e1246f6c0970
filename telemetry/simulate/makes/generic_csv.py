"""A make that nobody heard of: CSV with a header, Buddhist years, semicolons; SETTINGS is the mapping that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from telemetry.simulate.makes import Call, Written

SETTINGS: dict[str, Any] = {
    "era": "be",
    "date_order": "dmy",
    "delimiter": ";",
    "fields": {
        "date": "Date",
        "time": "Time",
        "call": "Call No",
        "caller": "Caller",
        "unit": "Queue",
        "agent": "Agent",
        "wait": "Wait",
        "ring": "Ring",
        "talk": "Talk",
        "talk_in": "clock",
        "outcome": "Result",
        "outcome.ANS": "answered",
        "outcome.ABD": "abandoned",
        "outcome.TMO": "timed_out",
        "outcome.NOA": "no_agent",
        "outcome.KEY": "left_by_key",
    },
}
_HEADER = "Date;Time;Call No;Caller;Queue;Agent;Wait;Ring;Talk;Result\n"
_RESULTS = {"answered": "ANS", "abandoned": "ABD", "timed_out": "TMO", "no_agent": "NOA", "left_by_key": "KEY"}


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:
    """A header and one record a call, when it ends."""
    calls = sorted(calls, key=lambda call: call.end_us)
    out = [Written(calls[0].end_us if calls else 0, _HEADER.encode())]
    return out + [Written(call.end_us, _record(call, zone)) for call in calls]


def _record(call: Call, zone: tzinfo) -> bytes:
    agent = next((a for a in call.attempts if a.answered), None) if call.outcome == "answered" else None
    came = datetime.fromtimestamp(call.arrival_us // 1_000_000, zone)
    wait = (call.answer_us if agent else call.end_us) // 1_000_000 - call.arrival_us // 1_000_000
    ring = str((agent.until_us - agent.from_us) // 1_000_000) if agent else ""
    talk = (call.end_us - call.answer_us) // 1_000_000 if agent else 0
    cells = [
        f"{came:%d/%m}/{came.year + 543}", f"{came:%H:%M:%S}", call.id, call.number or "-", call.queue,
        agent.agent if agent else "", str(wait), ring, f"{talk // 3600:02d}:{talk // 60 % 60:02d}:{talk % 60:02d}",
        _RESULTS[call.outcome],
    ]  # fmt: skip
    return (";".join(cells) + "\n").encode()
