"""The events of FreeSWITCH's mod_callcenter (`callcenter::info`): a call in its queue, as it happens.

Their times are whole seconds since 1970; `Event-Date-Timestamp`, where it is sent along, says the moment in
microseconds. An agent's ringing is answered − called; LOSE_RACE and ORIGINATOR_CANCEL are no agent's fault. A caller
who is taken back to the place that he had left (`member-queue-resume`) goes on in his first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from collectors.formats.freeswitch_calls import NO_FAULT, Calls, Passage, S, digest, us_of
from collectors.formats.reading import Unreadable, name_of, shown
from telemetry.events import MISSING, Event

_Headers = Mapping[str, str]


def callcenter(calls: Calls, headers: _Headers) -> Sequence[Event]:
    """The events of one `callcenter::info` event; none for what agents do and for counts."""
    action = headers.get("CC-Action", "")
    read = _ACTIONS.get(action)
    if read is None:
        return ()
    calls.told_by_events = True
    member = name_of(headers.get("CC-Member-UUID", ""), "CC-Member-UUID")
    session = name_of(headers.get("CC-Member-Session-UUID", ""), "CC-Member-Session-UUID")
    queue = headers.get("CC-Queue", "")
    if not session or not queue:
        raise Unreadable("bad_field", f"{action} needs CC-Queue and CC-Member-Session-UUID")
    p = Passage(queue, member, _seconds(headers, "CC-Member-Joined-Time"), agent=headers.get("CC-Agent", ""))
    return read(calls, headers, p, calls.call_of(member, session))


def _joined(calls: Calls, headers: _Headers, p: Passage, call: str) -> list[Event]:
    at_us = _stamp(headers)
    joined_s = at_us // S if at_us != MISSING else _seconds(headers, "variable_cc_queue_joined_epoch")
    if joined_s == MISSING:
        raise Unreadable("bad_time", "Event-Date-Timestamp: missing, nothing else says when the caller joined")
    return [calls.entered(p._replace(joined_s=joined_s), call, _caller(headers), at_us)]


def _bridged(calls: Calls, headers: _Headers, p: Passage, call: str) -> list[Event]:
    answered_s = _needed(headers, "CC-Agent-Answered-Time")
    return [_connected(calls, headers, p, call, answered_s, _stamp(headers))]


def _parted(calls: Calls, headers: _Headers, p: Passage, call: str) -> list[Event]:
    """The conversation is over; where the caller had gone before it began there was none."""
    if headers.get("CC-Agent-Bridged") == "false":
        return []
    answered_s, end_s = _needed(headers, "CC-Agent-Answered-Time"), _needed(headers, "CC-Bridge-Terminated-Time")
    wait, talk = _from_to(p.joined_s, answered_s, "wait"), _from_to(answered_s, end_s, "conversation")
    return [calls.completed(p, call, end_s, wait, talk, _stamp(headers))]


def _in_vain(calls: Calls, headers: _Headers, p: Passage, call: str) -> list[Event]:
    called_s, until_s = _seconds(headers, "CC-Agent-Called-Time"), _needed(headers, "CC-Agent-Aborted-Time")
    ring = _from_to(called_s, until_s, "ringing")
    # Telephones that ring together fall silent together: only the number of the event tells them apart.
    number = f"{headers.get('Core-UUID', '')}.{headers.get('Event-Sequence', '')}"
    unit, agent = calls.queue(p.queue, "CC-Queue"), name_of(p.agent, "CC-Agent")
    at_us = _stamp(headers)
    kind = "call.ring_cancelled" if headers.get("CC-Hangup-Cause") in NO_FAULT else "call.ring_no_answer"
    id_ = f"{digest(call, unit, p.member, f'{called_s}.{until_s}.{number}')}.r"
    return [calls.event(kind, id_, until_s * S + 1 if at_us == MISSING else at_us, unit, call, ring, party=agent)]


def _ended(calls: Calls, headers: _Headers, p: Passage, call: str) -> list[Event]:
    """The caller left the queue: all of the passage once more, for those who hear of nothing else."""
    at_us, left_s = _stamp(headers), _needed(headers, "CC-Member-Leaving-Time")
    cause = headers.get("CC-Cause", "")
    wait_all = _from_to(p.joined_s, left_s, "stay in the queue")
    out = [] if p.joined_s == MISSING else [calls.entered(p, call, _caller(headers))]
    if cause == "Terminated":
        answered_s = _needed(headers, "CC-Agent-Answered-Time")
        connected = _connected(calls, headers, p, call, answered_s, MISSING)
        talk = _from_to(answered_s, left_s, "conversation")
        return [*out, connected, calls.completed(p, call, left_s, connected.a, talk, at_us)]
    if cause != "Cancel":
        raise Unreadable("bad_field", f"CC-Cause: {shown(cause)}, expected Terminated or Cancel")
    p = p._replace(
        reason=headers.get("CC-Cancel-Reason", ""), key=headers.get("variable_cc_exit_key", ""), cause="cancel"
    )
    left = calls.left(p, call, left_s, at_us)
    return [*out, left._replace(a=wait_all)]


def _nothing(calls: Calls, headers: _Headers, p: Passage, call: str) -> list[Event]:  # noqa: ARG001  one of several
    return []


_ACTIONS: dict[str, Callable[[Calls, _Headers, Passage, str], list[Event]]] = {
    "member-queue-start": _joined,
    "member-queue-resume": _joined,
    "agent-offering": _nothing,  # its telephone is going to ring; what becomes of it, the others tell
    "bridge-agent-start": _bridged,
    "bridge-agent-end": _parted,
    "bridge-agent-fail": _in_vain,
    "member-queue-end": _ended,
}


def _connected(calls: Calls, headers: _Headers, p: Passage, call: str, answered_s: int, at_us: int) -> Event:
    called_s = _seconds(headers, "CC-Agent-Called-Time")  # 0 for an agent whose line stays open: nothing rang
    wait, ring = _from_to(p.joined_s, answered_s, "wait"), _from_to(called_s, answered_s, "ringing")
    unit, agent = calls.queue(p.queue, "CC-Queue"), name_of(p.agent, "CC-Agent")
    at_us = answered_s * S + 2 if at_us == MISSING else at_us
    id_ = f"{digest(call, unit, p.member)}.a"
    return calls.event("call.connected", id_, at_us, unit, call, wait, ring, party=agent)


def _caller(headers: _Headers) -> str:
    return (
        headers.get("CC-Member-CID-Number") or headers.get("Caller-Caller-ID-Number") or headers.get("Caller-ANI", "")
    )


def _stamp(headers: _Headers) -> int:
    return us_of(headers.get("Event-Date-Timestamp", ""), 1, "Event-Date-Timestamp")


def _seconds(headers: _Headers, name: str) -> int:
    at_us = us_of(headers.get(name, ""), S, name)
    return at_us if at_us == MISSING else at_us // S


def _needed(headers: _Headers, name: str) -> int:
    seconds = _seconds(headers, name)
    if seconds == MISSING:
        raise Unreadable("bad_field", f"{name}: missing in {headers.get('CC-Action', '')}")
    return seconds


def _from_to(from_s: int, to_s: int, what: str) -> int:
    if from_s == MISSING:
        return MISSING
    if to_s < from_s:
        raise Unreadable("bad_field", f"{what}: ends at {to_s}, before it begins at {from_s}")
    return (to_s - from_s) * 1000
