"""Avaya IP Office as it writes SMDR: 30 fields, CRLF, durations rounded up, one line a segment when that ends.

Callers who give up by key or are given up by the hunt group go to voicemail; it does not tell the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from telemetry.simulate.makes import Call, Written

_TO_VOICEMAIL = frozenset(("timed_out", "left_by_key"))
_IN_VOICEMAIL_S = 20
_AFTER_TRANSFER_S = 60
_TAIL = 13
_LINES = 8


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:
    """The segments of these calls in the order in which they end."""
    out = [w for call in calls for w in _segments(call, 1_000_000_000 + call.serial, zone)]
    return sorted(out, key=lambda w: w.time_us)


def _segments(call: Call, number: int, zone: tzinfo) -> list[Written]:
    answered = next((a for a in call.attempts if a.answered), None) if call.outcome == "answered" else None
    if answered:
        ours = (f"E{answered.extension}", answered.agent)
        talk_s = _up(call.end_us - call.answer_us)
        first = _line(
            call, number, zone, talk_s, _up(call.answer_us - call.arrival_us), ours, bool(call.transferred_to)
        )
        if not call.transferred_to:
            return [Written(call.end_us, first)]
        other = (f"E{call.transferred_to}", f"Extn{call.transferred_to}")
        second = _line(call, number, zone, _AFTER_TRANSFER_S, 0, other, to_come=False)
        return [Written(call.end_us, first), Written(call.end_us + _AFTER_TRANSFER_S * 1_000_000, second)]
    rang_s = _up(call.end_us - call.arrival_us)
    if call.outcome in _TO_VOICEMAIL:
        line = _line(call, number, zone, _IN_VOICEMAIL_S, rang_s, ("V9501", "VM Channel 1"), to_come=False)
        return [Written(call.end_us + _IN_VOICEMAIL_S * 1_000_000, line)]
    last = call.attempts[-1] if call.attempts else None
    ours = (f"E{last.extension}", last.agent) if last else ("V8000", "U1 0.0")
    return [Written(call.end_us, _line(call, number, zone, 0, rang_s, ours, to_come=False))]


def _line(
    call: Call, number: int, zone: tzinfo, connected_s: int, ring_s: int, ours: tuple[str, str], to_come: bool
) -> bytes:
    start = datetime.fromtimestamp(call.arrival_us // 1_000_000, zone).strftime("%Y/%m/%d %H:%M:%S")
    connected = f"{connected_s // 3600:02d}:{connected_s // 60 % 60:02d}:{connected_s % 60:02d}"
    line = number % _LINES + 1
    cells = [
        start, connected, str(ring_s), call.number, "I", call.queue, call.did, "", "0", str(number), str(int(to_come)),
        *ours, f"T{9000 + line}", f"Line {line}.1", "0", "0", *[""] * _TAIL,
    ]  # fmt: skip
    return (",".join(cells) + "\r\n").encode()


def _up(duration_us: int) -> int:
    """Whole seconds, rounded up."""
    return -(-duration_us // 1_000_000)
