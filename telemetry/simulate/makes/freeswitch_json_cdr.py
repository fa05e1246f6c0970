"""FreeSWITCH as mod_json_cdr writes calls of mod_callcenter: one document a leg, values of variables URL-encoded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import tzinfo
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid5

from telemetry.simulate.makes import Attempt, Call, Written

_REASON = {
    "abandoned": "BREAK_OUT",
    "timed_out": "TIMEOUT",
    "no_agent": "NO_AGENT_TIMEOUT",
    "left_by_key": "EXIT_WITH_KEY",
}


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:  # noqa: ARG001 (it writes seconds since 1970)
    """The legs of these calls, each when it ends."""
    out = [one for call in calls for one in _legs(call)]
    return sorted(out, key=lambda one: one.time_us)


def leg_uuid(*parts: str) -> str:
    """The same uuid for the same leg, as simulated days must repeat."""
    return str(uuid5(NAMESPACE_OID, " ".join(parts)))


def _legs(call: Call) -> list[Written]:
    return [*(_telephone(call, n, attempt) for n, attempt in enumerate(call.attempts)), _caller(call)]


def _caller(call: Call) -> Written:
    joined, left = call.arrival_us // 1_000_000, call.end_us // 1_000_000
    queue = {
        "cc_side": "member",
        "cc_queue": f"{call.queue}@default",
        "cc_queue_joined_epoch": joined,
        "cc_member_uuid": leg_uuid(call.id, "member"),
    }
    if call.outcome == "answered":
        agent = next(a.agent for a in call.attempts if a.answered)
        told = {"cc_queue_answered_epoch": call.answer_us // 1_000_000, "cc_queue_terminated_epoch": left}
        queue |= {"cc_cause": "answered", "cc_agent": agent, **told}
    else:
        queue |= {"cc_cause": "cancel", "cc_cancel_reason": _REASON[call.outcome], "cc_queue_canceled_epoch": left}
        queue |= {"cc_exit_key": "1"} if call.outcome == "left_by_key" else {}
    times = {"start": call.arrival_us, "answer": call.arrival_us, "bridge": max(call.answer_us, 0), "end": call.end_us}
    variables = {"direction": "inbound", **_epochs(times), "hangup_cause": "NORMAL_CLEARING", **queue}
    return _document(call, leg_uuid(call.id), "inbound", variables, call.queue, times)


def _telephone(call: Call, n: int, attempt: Attempt) -> Written:
    gone = not attempt.answered and attempt.until_us >= call.end_us
    until = call.end_us if attempt.answered else attempt.until_us
    answer = attempt.until_us if attempt.answered else 0
    times = {
        "start": attempt.from_us,
        "progress": attempt.from_us,
        "answer": answer,
        "bridge": answer,
        "end": until,
    }
    cause = "NORMAL_CLEARING" if attempt.answered else "ORIGINATOR_CANCEL" if gone else "NO_ANSWER"
    variables = {
        "direction": "outbound",
        **_epochs(times),
        "hangup_cause": cause,
        "dialed_user": attempt.extension,
        "cc_side": "agent",
        "cc_queue": f"{call.queue}@default",
        "cc_queue_joined_epoch": call.arrival_us // 1_000_000,
        "cc_member_uuid": leg_uuid(call.id, "member"),
        "cc_member_session_uuid": leg_uuid(call.id),
        "cc_agent": attempt.agent,
        "cc_agent_type": "callback",
    }
    return _document(call, leg_uuid(call.id, str(n)), "outbound", variables, attempt.extension, times)


def _epochs(times: dict[str, int]) -> dict[str, int]:
    out: dict[str, int] = {}
    for name, us in times.items():
        out |= {f"{name}_epoch": us // 1_000_000, f"{name}_uepoch": us}
    return out


def _document(call: Call, uuid: str, direction: str, variables: dict[str, object], to: str, times: dict[str, int]) -> Written:  # fmt: skip
    profile = {
        "caller_id_number": call.number or "anonymous",
        "rdnis": call.did,
        "destination_number": to,
        "uuid": uuid,
    }
    flow = {
        "created_time": str(times["start"]),
        "answered_time": str(times["answer"]),
        "bridged_time": str(times["bridge"]),
        "hangup_time": str(times["end"]),
    }
    document = {
        "core-uuid": "b8bd1a29-6b9c-4b6c-8f6e-6f1f0f5f5d10",
        "switchname": "pbx",
        "channel_data": {"state": "CS_REPORTING", "direction": direction, "state_number": "11"},
        "variables": {name: quote(str(value), safe="") for name, value in {"uuid": uuid, **variables}.items()},
        "callflow": [{"dialplan": "XML", "profile_index": "1", "caller_profile": profile, "times": flow}],
    }
    return Written(times["end"], json.dumps(document, separators=(",", ":")).encode() + b"\n")
