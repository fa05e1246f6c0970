"""What the events of queues and of the dialplan mean for a call.

What kind of end a wait had, the interface does not say in the event that tells of it (`QueueCallerAbandon` comes for
every kind): that is told by what follows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from collectors.formats.ami_open import (
    DONE,
    EXITED,
    LEFT,
    RINGING,
    WAITING,
    WITH_AGENT,
    Block,
    Call,
    Now,
    OpenCalls,
    after,
    named,
    put,
)
from collectors.formats.reading import Unreadable, malformed, name_of, whole_of
from telemetry.events import MISSING, Event

_LONGEST_WAIT_S = 86_400
_ENDS = {
    "TIMEOUT": "call.timed_out",
    "LEAVEEMPTY": "call.no_agent",
    "LEAVEUNAVAIL": "call.no_agent",
    "WITHDRAW": "call.withdrawn",
}
_REFUSALS = {
    "FULL": "call.turned_away_full",
    "JOINEMPTY": "call.turned_away_empty",
    "JOINUNAVAIL": "call.turned_away_empty",
}


class QueueCalls(OpenCalls):
    """Every method takes an event's values and the clock, and gives events."""

    def newexten(self, b: Block, now: Now) -> Sequence[Event]:
        found = self._own(b)
        if not found:
            return ()
        contact, call = found
        if b.get("Application") == "Queue":
            call.queue = b.get("AppData", "").split(",", 1)[0].strip()
        out = list(self._settled(contact, call, now, b.get("Exten", ""))) if call.phase in (LEFT, EXITED) else []
        if b.get("Application") == "VoiceMail" and call.kind == "in":
            out.append(self._event("call.voicemail", now(), contact, call.place or call.number))
        return out

    def varset(self, b: Block, now: Now) -> Sequence[Event]:
        found = self._own(b)
        if not found:
            return ()
        contact, call = found
        value = b.get("Value", "")
        if b["Variable"] == "QUEUEWAIT":
            if call.phase in (WAITING, LEFT) and value:
                call.wait_ms = whole_of(value, "QUEUEWAIT", 1000)
            return ()
        if value in _ENDS and call.phase in (WAITING, EXITED, LEFT):
            if call.phase == WAITING:
                call.exit_us = now()
            return [self._exit(_ENDS[value], contact, call)]
        if value not in _REFUSALS:
            return ()
        if not call.queue:
            raise Unreadable("bad_field", f"QUEUESTATUS {value}: expected a Newexten of Queue() before it")
        unit = self._unit(name_of(call.queue, "AppData"))
        at_us = now()
        nth = call.begun.get("!" + unit, 0) + 1
        put(call.begun, "!" + unit, nth)
        return [self._event(_REFUSALS[value], at_us, contact, unit, leg=f"{nth}")]

    def joined(self, b: Block, now: Now) -> Sequence[Event]:
        contact, call = self._of(b)
        unit, position = self._unit(named(b, "Queue")), whole_of(b.get("Position", ""), "Position")
        out = list(self._settled(contact, call, now, ends=call.phase == RINGING))
        at_us = now()
        for talk in call.talks.values():
            talk[2] = talk[2] or at_us - 1
        call.channel = b.get("Uniqueid", contact)
        return [*out, self._entered(contact, call, WAITING, unit, at_us, b.get("CallerIDNum", ""), position)]

    def found_waiting(self, b: Block, now: Now) -> Sequence[Event]:
        """`QueueEntry`, the answer to QueueStatus: a caller who may have joined before we were connected."""
        contact, call = self._of(b)
        unit, position = self._unit(named(b, "Queue")), whole_of(b.get("Position", ""), "Position")
        waited_s = whole_of(b.get("Wait", ""), "Wait")
        if (call.phase == WAITING and call.place == unit) or waited_s == MISSING:
            return ()
        if waited_s > _LONGEST_WAIT_S:
            raise malformed("Wait", waited_s, f"at most {_LONGEST_WAIT_S} s")
        at_us = now() - waited_s * 1_000_000
        return [self._entered(contact, call, WAITING, unit, at_us, b.get("CallerIDNum", ""), position)]

    def gave_up(self, b: Block, now: Now) -> Sequence[Event]:
        """`QueueCallerAbandon`: out of the queue unanswered, in whichever way."""
        _, call = self._of(b)
        unit, position = self._unit(named(b, "Queue")), whole_of(b.get("Position", ""), "Position")
        wait_ms = whole_of(b.get("HoldTime", ""), "HoldTime", 1000)
        call.exit_us = now(after(call.since_us, wait_ms))
        call.phase, call.place, call.wait_ms, call.position = EXITED, unit, wait_ms, position
        call.begun.setdefault(unit, 1)
        return ()

    def left(self, b: Block, now: Now) -> Sequence[Event]:
        _, call = self._of(b)
        if call.phase == WAITING:
            call.exit_us = now()
            call.phase, call.position = LEFT, whole_of(b.get("Position", ""), "Position")
        return ()

    def connected(self, b: Block, now: Now) -> Sequence[Event]:
        contact, call, unit, party, leg = self._agent(b)
        wait_ms, ring_ms = (whole_of(b.get(key, ""), key, 1000) for key in ("HoldTime", "RingTime"))
        at_us = now(after(call.since_us, wait_ms))
        call.phase, call.place, call.answered, call.wait_ms = WITH_AGENT, unit, True, wait_ms
        self._talks(call, leg, unit, at_us)
        return [self._event("call.connected", at_us, contact, unit, party, wait_ms, ring_ms, leg=leg)]

    def completed(self, b: Block, now: Now) -> Sequence[Event]:
        wait_ms, talk_ms = (whole_of(b.get(key, ""), key, 1000) for key in ("HoldTime", "TalkTime"))
        contact, call, unit, party, leg = self._agent(self._with_channels(b, wait_ms))
        leg = leg or next((leg for leg, talk in call.talks.items() if talk[0] == unit), "")
        reason = b.get("Reason", "")
        _, since_us, latest_us = call.talks.pop(leg, (unit, 0, 0))
        at_us = now(after(since_us, talk_ms))
        if call.phase == WITH_AGENT and not call.talks:
            call.phase = DONE
        at_us = min(at_us, latest_us or at_us)
        held = self._held(contact, call, leg, unit, at_us, party)
        self._forget(contact, call)
        type_ = "call.transferred" if reason == "transfer" else "call.completed"
        by_agent = {"agent": 1, "caller": 0}.get(reason, MISSING)
        return [self._event(type_, at_us, contact, unit, party, wait_ms, talk_ms, by_agent, leg=leg), *held]

    def rang_in_vain(self, b: Block, now: Now) -> Sequence[Event]:
        contact, _, unit, party, leg = self._agent(b)
        ring_ms = whole_of(b.get("RingTime", ""), "RingTime")
        return [self._event("call.ring_no_answer", now(), contact, unit, party, ring_ms, leg=leg)]

    def dumped(self, b: Block, now: Now) -> Sequence[Event]:
        contact, call, unit, party, leg = self._agent(b)
        out = [self._event("call.agent_dumped", now(), contact, unit, party, leg=leg)]
        call.phase, call.place = WAITING, unit
        return out

    def _with_channels(self, b: Block, wait_ms: int) -> Block:
        """An AgentComplete that comes after its channels have ended does not name them: then it is of the one call
        with a conversation in this queue that has ended, is not told yet, and waited as long."""
        if b.get("Uniqueid"):
            return b
        channel = b.get("DestLinkedid", "")
        if not channel:
            unit = self._unit(named(b, "Queue"))
            fits = [
                contact
                for contact, call in self._calls.items()
                if call.gone and call.wait_ms in (wait_ms, MISSING) and any(t[0] == unit for t in call.talks.values())
            ]
            if len(fits) != 1:
                raise Unreadable(
                    "bad_field", f"AgentComplete names no channel: expected to fit one call, not {len(fits)}"
                )
            channel = fits[0]
        return {**b, "Uniqueid": channel}

    def _agent(self, b: Block) -> tuple[str, Call, str, str, str]:
        contact, call = self._of(b)
        party = name_of(b.get("MemberName", "") or b.get("Interface", ""), "MemberName")
        return contact, call, self._unit(named(b, "Queue")), party, b.get("DestUniqueid", "")
