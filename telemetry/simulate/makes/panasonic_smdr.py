"""Panasonic KX as it writes SMDR in pattern A: pages of 60 lines, month/day/year, whole minutes of the end of a call.

It knows no queue limits and no keys: whoever was not answered is NA.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from telemetry.simulate.makes import Call, Written

_HEADER = (
    "  Date     Time    Ext CO        Dial Number        Ring Duration  Acc code  CD",
    "-" * 79,
)
_LINES_A_PAGE = 60
_TRUNKS = 8
_GROUP = "601"
"""Floating extension of the group: what a call that nobody took was ringing."""
_AFTER_TRANSFER_S = 60
_LONGEST_RING_S = 599


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:
    """The lines of these calls in the order in which they end, with the headers between."""
    records = [w for trunk, call in enumerate(calls) for w in _records(call, trunk % _TRUNKS + 1, zone)]
    out: list[Written] = []
    for n, record in enumerate(sorted(records, key=lambda w: w.time_us)):
        if n % _LINES_A_PAGE == 0:
            out += [Written(record.time_us, f"{line}\r\n".encode()) for line in ("", *_HEADER)]
        out.append(record)
    return out


def _records(call: Call, trunk: int, zone: tzinfo) -> list[Written]:
    answered = next((a for a in call.attempts if a.answered), None) if call.outcome == "answered" else None
    dial = f"<D>{call.did}<I>{call.number}"
    ring_s = (call.answer_us if answered else call.end_us) // 1_000_000 - call.arrival_us // 1_000_000
    if not answered:
        return [_line(call.end_us, zone, _GROUP, trunk, dial, ring_s, 0, "NA")]
    talk_s = call.end_us // 1_000_000 - call.answer_us // 1_000_000
    code = "TR" if call.transferred_to else ""
    out = [_line(call.end_us, zone, answered.extension, trunk, dial, ring_s, talk_s, code)]
    if call.transferred_to:
        end_us = call.end_us + _AFTER_TRANSFER_S * 1_000_000
        out.append(_line(end_us, zone, call.transferred_to, trunk, dial, 0, _AFTER_TRANSFER_S, ""))
    return out


def _line(end_us: int, zone: tzinfo, ext: str, trunk: int, dial: str, ring_s: int, talk_s: int, code: str) -> Written:
    at = datetime.fromtimestamp(end_us // 1_000_000, zone).strftime("%m/%d/%y %I:%M%p")
    ring_s = min(ring_s, _LONGEST_RING_S)
    ring = f"{ring_s // 60}'{ring_s % 60:02d}"
    talk = f"{talk_s // 3600:02d}:{talk_s // 60 % 60:02d}'{talk_s % 60:02d}"
    line = f"{at} {ext:>5} {trunk:02d} {dial[:25]:25} {ring} {talk} {'':10} {code}"
    return Written(end_us, f"{line.rstrip()}\r\n".encode())
