"""3CX as it writes CDR records: its full list of fields, CRLF, wall-clock times of the PBX."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from telemetry.simulate.makes import Call, Written

_REASONS = {"answered": "src_participant_terminated", "abandoned": "src_participant_terminated", "timed_out": "polling"}


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:
    """One record a call, when it ends. A caller who chose another way by key is one who hung up."""
    calls = sorted(calls, key=lambda call: call.end_us)
    return [Written(call.end_us, _record(call, call.serial, zone)) for call in calls]


def _record(call: Call, number: int, zone: tzinfo) -> bytes:
    agent = next((a for a in call.attempts if a.answered), None) if call.outcome == "answered" else None
    last = agent.extension if agent else ""
    reason = _REASONS.get(
        call.outcome, "src_participant_terminated" if call.outcome == "left_by_key" else "no_destinations"
    )
    if agent and call.ended_by == "agent":
        reason = "dst_participant_terminated"
    seconds = call.end_us // 1_000_000 - (call.answer_us if agent else call.arrival_us) // 1_000_000
    chain = [call.number, f"Ext.{call.queue}", *([f"Ext.{last}"] if last else [])]
    missed = [f"Ext.{a.extension}" for a in call.attempts if not a.answered]
    cells = [
        f"Call {number}", f"{call.arrival_us // 1_000_000:016X}_{number}", _clock(seconds),
        _local(call.arrival_us, zone), _local(call.answer_us, zone) if agent else "", _local(call.end_us, zone),
        reason, call.number, f"Ext.{call.queue}", "10000", call.queue, call.did,
        "ReplacedDst" if call.transferred_to else "", f"Ext.{last}" if last else "", last, "", "", "", "",
        "Chain: " + "".join(f"{one};" for one in chain), "external_line", "queue", "extension" if agent else "queue",
        "", "", agent.agent if agent else "", ";".join(missed),
    ]  # fmt: skip
    return (",".join(cells) + "\r\n").encode()


def _local(time_us: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, zone).strftime("%Y/%m/%d %H:%M:%S")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
