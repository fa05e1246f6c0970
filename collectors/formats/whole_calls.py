"""Calls that a log tells whole, in one record or a few: the events that such a record stands for.

The ids depend on the call and its queue alone, not on the record, so that the records of one call make one
`call.entered` between them, whichever comes first, and a record that is read again makes nothing new. Where one
record says that nobody answered and another that somebody did, the core lets the answer count.
"""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from telemetry.events import MISSING, UNKNOWN, Event

_DIGEST = blake2b(digest_size=8)
EXITS = {
    "abandoned": "call.abandoned",
    "timed_out": "call.timed_out",
    "no_agent": "call.no_agent",
    "left_by_key": "call.left_by_key",
    "withdrawn": "call.withdrawn",
    "system_drop": "call.system_drop",
    "full": "call.turned_away_full",
    "empty": "call.turned_away_empty",
    "closed": "call.turned_away_closed",
}


class Whole(NamedTuple):
    """One passage of one call, as a record tells it. Durations are milliseconds: MISSING is left to the times of the
    events, UNKNOWN is neither told nor to be taken from times."""

    call: str
    """What tells the call from every other of the site; the same in all records of the call."""
    unit: str
    arrival_us: int
    outcome: str
    """`answered`, `open` (nothing more is known), `did` (reached a number or a machine, no queue), `outbound`, or a key
    of `EXITS`."""
    end_us: int
    wait_ms: int = UNKNOWN
    ring_ms: int = MISSING
    """Ringing of the attempt that was answered."""
    talk_ms: int = MISSING
    agent: str = ""
    caller: str = ""
    """Of an outbound call: whom it was placed to."""
    answer_us: int = MISSING
    """When a person answered; where it is missing, arrival and wait say it."""
    ended_by_agent: int = MISSING
    transferred: bool = False
    leg: str = ""
    """What tells this record from others of the same call and unit; "" where the call has only one."""
    extra: str = ""
    hold_ms: int = MISSING
    """Time on hold of an answered call, part of its talk; 0 where the record says that there was none."""
    voicemail: bool = False


def events_of(site: str, source: str, whole: Whole) -> list[Event]:
    """The events of a record, in the order in which they happened."""
    (call, unit, arrival_us, outcome, end_us, wait_ms, ring_ms, talk_ms, agent, caller, answer_us, by, transferred, leg,
     extra, hold_ms, voicemail) = whole  # fmt: skip
    # Neither digest says who called or who served. Ids sort by time.
    digest = _DIGEST.copy()
    digest.update(f"{call}\0{unit}".encode())
    second = f"{arrival_us // 1_000_000:010d}"
    place = f"{second}.{digest.hexdigest()}"
    beside = []
    if voicemail:
        since_us = arrival_us if outcome == "did" else max(end_us, arrival_us)
        beside = [
            event((site, source, f"{place}.v", "call.voicemail", since_us, unit, call, "", "", _M, _M, _M, 0, ""))
        ]
    if outcome == "did":
        return [
            event((site, source, f"{place}.d", "call.did", arrival_us, unit, call, "", "", _M, _M, _M, 0, "")),
            *beside,
        ]
    if outcome in _REFUSED:
        type_ = EXITS[outcome]
        return [
            event((site, source, f"{place}.x", type_, arrival_us, unit, call, "", "", _M, _M, _M, 0, extra)),
            *beside,
        ]
    digest.update(f"\0{leg}".encode())
    this = f"{second}.{digest.hexdigest()}"
    ring_ms, talk_ms = (ring_ms if ring_ms >= 0 else _M), (talk_ms if talk_ms >= 0 else _M)
    if outcome == "outbound":
        return [event((site, source, f"{this}.o", "call.outbound", end_us, unit, call, agent, caller, _M, talk_ms, _M, 0, extra))]  # fmt: skip
    entered = event((site, source, f"{place}.e", "call.entered", arrival_us, unit, call, "", caller, _M, _M, _M, 0, ""))
    end_us = max(end_us, arrival_us)
    if outcome == "answered":
        if answer_us == MISSING:
            answer_us = arrival_us + max(wait_ms, 0) * 1000
        answer_us = min(max(answer_us, arrival_us), end_us)
        ended = "call.completed"
        if transferred:
            ended, by = "call.transferred", _M
        if hold_ms >= 0:
            beside.append(
                event((site, source, f"{this}.h", "call.held", end_us, unit, call, agent, "", hold_ms, _M, _M, 0, ""))
            )
        return [
            entered,
            event((site, source, f"{this}.a", "call.connected", answer_us, unit, call, agent, "", wait_ms, ring_ms, _M, 0, "")),
            event((site, source, f"{this}.c", ended, end_us, unit, call, agent, "", wait_ms, talk_ms, by, 0, extra)),
            *beside,
        ]  # fmt: skip
    if outcome == "open":
        return [entered]
    if outcome == "system_drop":
        wait_ms = _M
    type_ = EXITS[outcome]
    return [
        entered,
        event((site, source, f"{this}.x", type_, end_us, unit, call, agent, "", wait_ms, _M, _M, 0, extra)),
        *beside,
    ]


_M = MISSING
_REFUSED = frozenset(("full", "empty", "closed"))
event = partial(tuple.__new__, Event)
"""An event of all its fields in their order: Event(...) itself would be a Python call and their names for each."""
