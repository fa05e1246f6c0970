"""What legs of FreeSWITCH say of calls: shared by its JSON and CSV records and the events of mod_callcenter.

A caller's leg, the legs of the telephones that rang for it, and the events of its queue are one call: the uuid of the
caller's leg. Each of them adds what it alone knows, under ids that do not depend on which came first: the caller's leg
the arrival and the end, a telephone's leg its ringing, a queue's events all of it. What two of them tell alike has one
id, so that it is kept once. A member of a queue who hung up and is taken back to his place goes on in his first call.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from hashlib import blake2b
from typing import Any, NamedTuple

from collectors.formats.options import Options
from collectors.formats.reading import Unreadable, name_of, shown, whom_called
from telemetry.events import MISSING, UNKNOWN, Event, canonical_json

S = 1_000_000
_YEARS = (946_684_800 * S, 4_102_444_800 * S)  # 2000 and 2100
_UNITS_KEPT = 1024
_MEMBERS_KEPT = 128
"""Members who hung up and may be taken back; mod_callcenter itself forgets them after a minute, or some."""

EXIT_OF_REASON = {
    "BREAK_OUT": "call.abandoned",  # what a plain hang-up yields
    "NONE": "call.abandoned",  # hung up while an agent's telephone was being connected
    "TIMEOUT": "call.timed_out",
    "NO_AGENT_TIMEOUT": "call.no_agent",
    "EXIT_WITH_KEY": "call.left_by_key",
}
_EXIT_OF_CAUSE = {
    "": "call.abandoned",
    "NONE": "call.abandoned",
    "NORMAL_CLEARING": "call.abandoned",
    "NORMAL_UNSPECIFIED": "call.abandoned",
    "ORIGINATOR_CANCEL": "call.abandoned",
    "NO_ANSWER": "call.timed_out",
    "NO_USER_RESPONSE": "call.timed_out",
    "ALLOTTED_TIMEOUT": "call.timed_out",
    "PROGRESS_TIMEOUT": "call.timed_out",
    "USER_BUSY": "call.turned_away_full",
    "NORMAL_CIRCUIT_CONGESTION": "call.turned_away_full",
    "SWITCH_CONGESTION": "call.turned_away_full",
    "USER_NOT_REGISTERED": "call.no_agent",
    "SUBSCRIBER_ABSENT": "call.no_agent",
}
_IN_ORDER = frozenset(("", "NONE", "NORMAL_CLEARING"))
_NO_SUCH_NUMBER = frozenset(("UNALLOCATED_NUMBER", "NO_ROUTE_DESTINATION", "INVALID_NUMBER_FORMAT"))
NO_FAULT = frozenset(("LOSE_RACE", "ORIGINATOR_CANCEL", "PICKED_OFF"))
"""Why a telephone stopped ringing that says nothing of its agent: another was faster, or the caller went."""


class Passage(NamedTuple):
    """One passage through a queue. Seconds since 1970, MISSING for never."""

    queue: str
    member: str
    joined_s: int
    answered_s: int = MISSING
    left_s: int = MISSING
    """When the conversation ended, or the caller left unanswered."""
    cause: str = ""
    reason: str = ""
    agent: str = ""
    key: str = ""


class Leg(NamedTuple):
    """One channel that has ended. Times in microseconds, MISSING for never."""

    uuid: str
    start_us: int
    end_us: int
    answer_us: int = MISSING
    bridge_us: int = MISSING
    progress_us: int = MISSING
    outbound: bool = False
    """FreeSWITCH placed it."""
    of: str = ""
    """The caller's leg that it was placed for; "" for a leg of its own."""
    caller: str = ""
    """Of a telephone's leg: the number that called the caller's."""
    reached: str = ""
    dialled: str = ""
    """Where the caller was when a telephone was called, and the number that he had dialled before."""
    device: str = ""
    cause: str = ""
    rang: bool = False
    """Telephones were called for it."""
    voicemail: bool = False
    standby: bool = False
    """An agent's line that stays open for many callers: its times are not theirs."""
    passage: Passage | None = None
    hold_ms: int = MISSING
    """How long this side had put the other on hold."""


class Calls:
    """Makes events of legs and passages; `dump` and `load` carry what one record must know of those before."""

    def __init__(self, site: str, source: str, options: Options) -> None:
        self._site, self._source, self._options = site, source, options
        self._first_calls: OrderedDict[str, str] = OrderedDict()
        self._units: dict[str, str] = {}
        self.told_by_events = False
        """The source forwards the events of mod_callcenter: they alone tell which telephones rang in vain."""

    def dump(self) -> str:
        if not self._first_calls and not self.told_by_events:
            return ""
        return json.dumps([self.told_by_events, list(self._first_calls.items())], separators=(",", ":"))

    def load(self, state: str) -> None:
        told, members = json.loads(state) if state else (False, [])
        self.told_by_events, self._first_calls = told, OrderedDict(members)

    def call_of(self, member: str, session: str) -> str:
        """The call that this member of a queue is in: the one that he first came with."""
        return self._first_calls.get(member, session)

    def hung_up(self, member: str, call: str) -> None:
        """The member left; should he come back under the same name, it is this call that goes on."""
        if member and member not in self._first_calls:
            self._first_calls[member] = call
            if len(self._first_calls) > _MEMBERS_KEPT:
                self._first_calls.popitem(last=False)

    def queue(self, name: str, place: str) -> str:
        """The unit of a queue: as it is mapped, with or without its domain, else its full name."""
        units, short = self._options.units, name.partition("@")[0]
        return self._unit(units.get(name) or units.get(short) or name, place)

    def number(self, reached: str, dialled: str) -> str:
        """The unit of a number: the first of the two that is mapped, else what the caller dialled."""
        units = self._options.units
        return self._unit(units.get(reached) or units.get(dialled) or dialled or reached, "destination_number")

    def _unit(self, name: str, place: str) -> str:
        known = self._units.get(name)
        if known is None:
            known = name_of(name, place)
            if not known:
                raise Unreadable("bad_field", f"{place}: {shown(name)}, expected a name or a number")
            if len(self._units) >= _UNITS_KEPT:
                self._units.clear()
            self._units[name] = known
        return known

    def internal(self, number: str) -> bool:
        return number.isdigit() and 0 < len(number) <= self._options.internal_digits

    def event(self, kind: str, id_: str, time_us: int, unit: str, call: str, *numbers: int, party: str = "", person: str = "", extra: str = "") -> Event:  # fmt: skip
        a, b, *_ = (*numbers, MISSING, MISSING)
        return Event(self._site, self._source, id_, kind, time_us, unit, call, party, person, a, b, extra=extra)

    # What a leg says.

    def leg(self, leg: Leg) -> list[Event]:
        """The events of a leg; none where it is no citizen's call."""
        if leg.end_us < leg.start_us:
            raise Unreadable("bad_field", f"end: {leg.end_us} is before the start, {leg.start_us}")
        if leg.of and leg.of != leg.uuid:
            return self._telephone(leg)
        if leg.passage is not None:
            return self._with_voicemail(leg, self._queued(leg, leg.passage))
        if leg.outbound or self.internal(leg.caller):
            return self._placed(leg)
        return self._with_voicemail(leg, self._unqueued(leg))

    def _unqueued(self, leg: Leg) -> list[Event]:
        if leg.bridge_us != MISSING:
            return self._bridged(leg, leg.start_us)
        unit = self.number(leg.reached, leg.dialled)
        if leg.cause in _NO_SUCH_NUMBER:
            return []
        if not leg.rang:  # a machine took it, or nothing did
            extra = '{"to":"voicemail"}' if leg.voicemail else ""
            return [self.event("call.did", f"{digest(leg.uuid)}.d", leg.start_us, unit, leg.uuid, extra=extra)]
        return self.lost(leg, unit)

    def _with_voicemail(self, leg: Leg, events: list[Event]) -> list[Event]:
        if not leg.voicemail or not events:
            return events
        unit, call = events[0].unit, events[0].contact
        return [*events, self.event("call.voicemail", f"{digest(leg.uuid)}.v", leg.end_us, unit, call)]

    def lost(self, leg: Leg, unit: str) -> list[Event]:
        """A call for which telephones rang and nobody answered: why, as its cause says."""
        kind = "call.timed_out" if leg.voicemail else _EXIT_OF_CAUSE.get(leg.cause, "call.system_drop")
        key = digest(leg.uuid, unit)
        said = {"cause": leg.cause} | ({"to": "voicemail"} if leg.voicemail else {})
        entered = self.event("call.entered", f"{key}.e", leg.start_us, unit, leg.uuid, person=leg.caller)
        waits = kind not in ("call.turned_away_full", "call.system_drop")
        # How long the telephones rang before a machine took a message, nothing tells.
        numbers = (UNKNOWN if leg.voicemail else ms(leg.end_us - leg.start_us),) if waits else ()
        gone = self.event(kind, f"{key}.x", leg.end_us, unit, leg.uuid, *numbers, extra=canonical_json(said))
        return [gone._replace(time_us=leg.start_us)] if kind == "call.turned_away_full" else [entered, gone]

    def _placed(self, leg: Leg) -> list[Event]:
        """A call that the centre placed, or one between its extensions, which is nobody's."""
        if self.internal(leg.reached) or not leg.reached.removeprefix("+").isdigit():
            return []
        if leg.bridge_us > leg.end_us:
            raise Unreadable("bad_field", f"bridge: {leg.bridge_us} is after the end, {leg.end_us}")
        talk = ms(leg.end_us - leg.bridge_us) if leg.bridge_us != MISSING else MISSING
        party = name_of(leg.caller, "caller_id_number") if self.internal(leg.caller) else ""
        id_ = f"{digest(leg.uuid)}.o"
        person = whom_called(leg.reached, self._options)
        return [self.event("call.outbound", id_, leg.end_us, "", leg.uuid, MISSING, talk, party=party, person=person)]

    def _bridged(self, leg: Leg, since_us: int) -> list[Event]:
        """A caller who was put through to a telephone. The leg knows the ringing when nothing answered before."""
        unit, agent = self.number(leg.reached, leg.dialled), name_of(leg.device, "device")
        key, bridge = digest(leg.uuid, unit), leg.bridge_us
        wait = ms(bridge - since_us)
        direct = since_us == leg.start_us and leg.answer_us != MISSING and abs(leg.answer_us - bridge) < S
        ring = ms(leg.answer_us - leg.start_us) if direct else MISSING
        talk = ms(leg.end_us - bridge)
        odd = {} if leg.cause in _IN_ORDER else {"cause": leg.cause}
        held: dict[str, Any] = {"hold_ms": leg.hold_ms} if leg.hold_ms > 0 else {}
        said = canonical_json(odd | held) if odd or held else ""
        if min(wait, talk) < 0 or (direct and ring < 0):
            raise Unreadable(
                "bad_field", f"bridge: {bridge} or answer: {leg.answer_us} is before the start or after the end"
            )
        return [
            self.event("call.entered", f"{key}.e", since_us, unit, leg.uuid, person=leg.caller),
            self.event("call.connected", f"{key}.a", bridge, unit, leg.uuid, wait, ring, party=agent),
            self.event("call.completed", f"{key}.c", leg.end_us, unit, leg.uuid, wait, talk, party=agent, extra=said),
        ]

    def _queued(self, leg: Leg, p: Passage) -> list[Event]:
        """The caller's leg of a passage through a queue. Its own answer is the queue's, so it says no ringing."""
        call = self.call_of(p.member, leg.uuid)
        left_s = p.left_s if p.left_s >= p.joined_s else max(leg.end_us // S, p.joined_s)
        out = [self.entered(p, call, leg.caller)]
        if p.answered_s >= p.joined_s:
            # Taken back to his place he has waited since he first came, which this leg does not know.
            wait = (p.answered_s - p.joined_s) * 1000 if call == leg.uuid else MISSING
            return [
                *out,
                self.completed(p, call, max(left_s, p.answered_s), wait, max(left_s - p.answered_s, 0) * 1000),
            ]
        if p.cause == "answered":
            return [*out, self.completed(p, call, left_s, UNKNOWN, MISSING)]
        out.append(self.left(p, call, left_s))
        if leg.bridge_us != MISSING and leg.bridge_us >= left_s * S and call == leg.uuid:
            out += self._bridged(leg, left_s * S)  # the dialplan put him through to somebody else
        return out

    def _telephone(self, leg: Leg) -> list[Event]:
        """The leg of a telephone that rang for a caller: the only one that knows how long."""
        p, call = leg.passage, leg.of
        if leg.standby:
            return []
        if p is not None:
            call = self.call_of(p.member, call)
            unit = self.queue(p.queue, "cc_queue")
        elif self.internal(leg.caller) or not self.internal(leg.device):
            return []
        else:
            unit = self.number(leg.reached, leg.dialled)
        agent = name_of(leg.device, "agent")
        key = digest(call, unit, leg.uuid)
        answered = leg.answer_us != MISSING and (leg.bridge_us != MISSING or leg.cause not in NO_FAULT)
        until = leg.answer_us if answered else leg.end_us
        ring = ms(until - (leg.progress_us if leg.progress_us != MISSING else leg.start_us))
        if ring < 0:
            raise Unreadable("bad_field", f"answer: {leg.answer_us} is before the telephone rang")
        if answered:
            wait = MISSING
            if p is not None and p.joined_s != MISSING and call == leg.of:
                wait = max(until // S - p.joined_s, 0) * 1000
            connected = self.event("call.connected", f"{key}.b", until, unit, call, wait, ring, party=agent)
            if leg.hold_ms < 0:
                return [connected]
            return [connected, self.event("call.held", f"{key}.h", leg.end_us, unit, call, leg.hold_ms, party=agent)]
        if p is not None and self.told_by_events:
            return []
        kind = "call.ring_cancelled" if leg.cause in NO_FAULT else "call.ring_no_answer"
        return [self.event(kind, f"{key}.r", until, unit, call, ring, party=agent)]

    # What a passage says: whole seconds, with the order of things in the microseconds.

    def entered(self, p: Passage, call: str, caller: str, time_us: int = MISSING) -> Event:
        unit = self.queue(p.queue, "cc_queue")
        time_us = p.joined_s * S if time_us == MISSING else time_us
        return self.event("call.entered", f"{digest(call, unit, p.member)}.e", time_us, unit, call, person=caller)

    def completed(self, p: Passage, call: str, end_s: int, wait: int, talk: int, time_us: int = MISSING) -> Event:
        unit, agent = self.queue(p.queue, "cc_queue"), name_of(p.agent, "cc_agent")
        time_us = end_s * S + 3 if time_us == MISSING else time_us
        id_ = f"{digest(call, unit, p.member)}.c"
        return self.event("call.completed", id_, time_us, unit, call, wait, talk, party=agent)

    def left(self, p: Passage, call: str, left_s: int, time_us: int = MISSING) -> Event:
        kind = EXIT_OF_REASON.get(p.reason or "BREAK_OUT")
        if kind is None:
            raise Unreadable("bad_field", f"cc_cancel_reason: {shown(p.reason)} is none of {', '.join(EXIT_OF_REASON)}")
        self.hung_up(p.member, call)
        unit = self.queue(p.queue, "cc_queue")
        time_us = left_s * S + 3 if time_us == MISSING else time_us
        extra = canonical_json({"key": p.key}) if p.key and kind == "call.left_by_key" else ""
        id_, wait = f"{digest(call, unit, p.member)}.x", (left_s - p.joined_s) * 1000
        return self.event(kind, id_, time_us, unit, call, wait, extra=extra)


def digest(*parts: str) -> str:
    """Of a call and its place; says neither who called nor who served."""
    return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def ms(duration_us: int) -> int:
    return (duration_us + 500) // 1000


def us_of(text: str, factor: int, place: str) -> int:
    """A moment in microseconds (factor 1) or seconds; MISSING for none and for 0, which is never."""
    if not text or text == "0":
        return MISSING
    if text.isascii() and text.isdigit() and len(text) <= 18:
        moment = int(text) * factor
        if _YEARS[0] <= moment < _YEARS[1]:
            return moment
        if not moment:
            return MISSING
    raise Unreadable("bad_field", f"{place}: {shown(text)} is no time between the years 2000 and 2100")
