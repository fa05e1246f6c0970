"""The events that Asterisk's manager interface sends, with `timestampevents = yes`: blocks of lines, CRLF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from telemetry.simulate.makes import Attempt, Call, Written

_BANNER = (b"Asterisk Call Manager/9.0.0", b"Response: Success", b"Message: Authentication accepted", b"")
_STATUS = {"timed_out": "TIMEOUT", "no_agent": "LEAVEEMPTY", "answered": "CONTINUE"}
_Fields = dict[str, object]


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:  # noqa: ARG001 (its times are of UTC)
    """Line by line, in the order in which a connection receives them."""
    blocks = sorted((block for call in calls for block in _blocks(call)), key=lambda block: block[0])
    out = [Written(blocks[0][0], line + b"\r\n") for line in _BANNER] if blocks else []
    for time_us, event, fields in blocks:
        said = {
            "Event": event,
            "Privilege": "call,all",
            "Timestamp": f"{time_us // 1_000_000}.{time_us % 1_000_000:06d}",
        }
        lines = [f"{key}: {value}" for key, value in (said | fields).items()]
        out += [Written(time_us, f"{line}\r\n".encode()) for line in (*lines, "")]
    return out


def _blocks(call: Call) -> Iterator[tuple[int, str, _Fields]]:
    """Time, event and values of what happens to one call."""
    caller: _Fields = {
        "Channel": f"PJSIP/trunk-{call.id.rpartition('.')[2]}",
        "CallerIDNum": call.number or "<unknown>",
        "Exten": call.did,
        "Uniqueid": call.id,
        "Linkedid": call.id,
    }
    queue = {"Queue": call.queue}
    yield call.arrival_us, "Newchannel", caller
    yield call.arrival_us, "Newexten", caller | {"Application": "Queue", "AppData": f"{call.queue},c,,,300"}
    yield call.arrival_us, "QueueCallerJoin", caller | queue | {"Position": call.position, "Count": call.position}
    for number, attempt in enumerate(call.attempts, 1):
        yield from _attempt(call, attempt, caller | queue | _agent(call, attempt, number))
    left_us = call.end_us if call.outcome != "answered" else call.answer_us
    if call.outcome not in ("answered", "left_by_key"):
        if call.outcome == "abandoned":
            yield left_us, "HangupRequest", caller
        wait_s = _seconds(call.arrival_us, left_us)
        yield left_us, "QueueCallerAbandon", caller | queue | {"Position": call.position, "HoldTime": wait_s}
    if call.outcome != "answered":
        yield left_us, "QueueCallerLeave", caller | queue | {"Position": call.position, "Count": 0}
    if call.outcome == "left_by_key":
        yield left_us, "Newexten", caller | {"Exten": "0", "Application": "VoiceMail", "AppData": "100"}
    if call.outcome in _STATUS:
        yield call.end_us, "VarSet", caller | {"Variable": "QUEUESTATUS", "Value": _STATUS[call.outcome]}
    yield call.end_us, "Hangup", caller | {"Cause": 16, "Cause-txt": "Normal Clearing"}


def _agent(call: Call, attempt: Attempt, number: int) -> _Fields:
    channel = f"{attempt.from_us // 1_000_000}.{call.id.rpartition('.')[2]}0{number}"
    interface = f"PJSIP/{attempt.extension}"
    return {
        "DestChannel": f"{interface}-{number:08x}",
        "DestUniqueid": channel,
        "DestLinkedid": call.id,
        "Interface": interface,
        "MemberName": attempt.agent,
    }


def _attempt(call: Call, attempt: Attempt, fields: _Fields) -> Iterator[tuple[int, str, _Fields]]:
    yield attempt.from_us, "AgentCalled", fields
    if not attempt.answered:
        ring_ms = (attempt.until_us - attempt.from_us) // 1000
        yield attempt.until_us, "AgentRingNoAnswer", fields | {"RingTime": ring_ms}
        return
    yield call.answer_us, "QueueCallerLeave", fields | {"Position": call.position, "Count": 0}
    hold_s, ring_s = _seconds(call.arrival_us, call.answer_us), _seconds(attempt.from_us, call.answer_us)
    yield call.answer_us, "AgentConnect", fields | {"HoldTime": hold_s, "RingTime": ring_s}
    talk_s = _seconds(call.answer_us, call.end_us)
    reason = "transfer" if call.transferred_to else call.ended_by
    yield call.end_us, "AgentComplete", fields | {"HoldTime": hold_s, "TalkTime": talk_s, "Reason": reason}


def _seconds(from_us: int, until_us: int) -> int:
    return until_us // 1_000_000 - from_us // 1_000_000
