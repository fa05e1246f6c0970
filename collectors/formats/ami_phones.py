"""What the events of channels mean for a call: its arrival, its end, and telephones dialled without a queue."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.formats.ami_open import (
    DONE,
    RINGING,
    TALKING,
    WAITING,
    WITH_AGENT,
    Block,
    Call,
    Now,
    OpenCalls,
    between_ms,
    channel_id,
    put,
)
from collectors.formats.reading import name_of
from telemetry.events import MISSING, Event, canonical_json

_NO_NUMBER = frozenset(("", "s"))


class PhoneCalls(OpenCalls):
    """Every method takes an event's values and the clock, and gives events."""

    def newchannel(self, b: Block, now: Now) -> Sequence[Event]:
        channel = channel_id(b.get("Uniqueid", ""))
        if b.get("Linkedid", channel) != channel:
            return ()
        exten, dialled = b.get("Exten", ""), name_of(b.get("Exten", ""), "Exten")
        kind = "in"
        if self._internal(b.get("CallerIDNum", "")):
            kind = "out" if exten.lstrip("+").isdigit() and not self._internal(exten) else "internal"
        told = kind == "in" and dialled not in _NO_NUMBER
        out = [self._event("call.did", now(), channel, self._unit(dialled))] if told else []
        self._open(channel, Call(kind, self._unit(dialled) if kind == "in" else "", channel))
        return out

    def dialled(self, b: Block, now: Now) -> Sequence[Event]:
        contact, leg = self._contact_of(b), b.get("DestUniqueid", "")
        call = self._calls.get(contact)
        if call is None or call.kind == "internal" or b.get("DestChannel", "").startswith("Local/"):
            return ()
        if call.kind == "out":
            put(call.rings, leg, 0)
            return ()
        if call.answered or call.phase in (WAITING, WITH_AGENT) or not call.number:
            return ()
        out = list(self._settled(contact, call, now, b.get("Exten", "")))
        if call.phase != RINGING:
            out.append(self._entered(contact, call, RINGING, call.number, now(), b.get("CallerIDNum", "")))
        call.picked_up = []
        put(call.rings, leg, 0)
        return out

    def state(self, b: Block, now: Now) -> Sequence[Event]:
        """`Newstate` of a telephone: it rings."""
        call = self._calls.get(b.get("Linkedid", ""))
        channel = b.get("Uniqueid", "")
        if call and call.rings.get(channel) == 0:
            call.rings[channel] = now()
        return ()

    def dial_ended(self, b: Block, now: Now) -> Sequence[Event]:
        contact, leg = self._contact_of(b), b.get("DestUniqueid", "")
        call = self._calls.get(contact)
        if call is None or leg not in call.rings:
            return ()
        device = name_of(b.get("DestChannel", "").rpartition("-")[0], "DestChannel")
        at_us = now()
        since_us, status = call.rings.pop(leg), b.get("DialStatus", "")
        if status == "ANSWER" and call.kind == "out":
            put(call.talks, leg, [call.place, at_us, 0])
        elif status == "ANSWER":
            call.picked_up = [leg, device, since_us]
        if status == "ANSWER" or call.answered or call.picked_up or call.kind == "out":
            return ()
        call.status = status
        ring_ms = between_ms(since_us, at_us)
        type_ = "call.ring_cancelled" if status in ("CANCEL", "ABORT") else "call.ring_no_answer"
        return [self._event(type_, at_us, contact, call.place, device, ring_ms, leg=leg)]

    def bridged(self, b: Block, now: Now) -> Sequence[Event]:
        """`BridgeEnter` of the caller: who picked up is connected."""
        found = self._own(b)
        if not found or found[1].phase != RINGING or not found[1].picked_up:
            return ()
        contact, call = found
        at_us = now()
        leg, device, since_us = call.picked_up
        call.phase, call.answered, call.picked_up = TALKING, True, []
        self._talks(call, leg, call.place, at_us)
        ring_ms = between_ms(since_us, at_us)
        return [self._event("call.connected", at_us, contact, call.place, device, MISSING, ring_ms, leg=leg)]

    def asked_to_hang_up(self, b: Block, now: Now) -> Sequence[Event]:  # noqa: ARG002 (as the others)
        channel = b.get("Uniqueid", "")
        call = self._calls.get(self._contact_of(b))
        if call and channel == call.channel:
            call.hung_up = True
        elif call and channel in call.talks and not call.hung_up:
            call.agent_hung_up = True
        return ()

    def transferred(self, b: Block, now: Now) -> Sequence[Event]:
        """`BlindTransfer` and `AttendedTransfer` by a telephone without a queue; of a queue's, AgentComplete tells."""
        who = "Transferer" if b["Event"] == "BlindTransfer" else "OrigTransferer"
        contact, leg = b.get(f"{who}Linkedid", ""), b.get(f"{who}Uniqueid", "")
        call = self._calls.get(contact)
        if call is None or call.phase != TALKING or leg not in call.talks or b.get("Result") != "Success":
            return ()
        how = "blind" if b["Event"] == "BlindTransfer" else "attended"
        at_us = now()
        unit, since_us, _ = call.talks.pop(leg)
        call.phase = DONE
        talk_ms, extra = between_ms(since_us, at_us), canonical_json({"transfer": how})
        held = self._held(contact, call, leg, unit, at_us)
        return [
            self._event("call.transferred", at_us, contact, unit, "", MISSING, talk_ms, leg=leg, extra=extra),
            *held,
        ]

    def hangup(self, b: Block, now: Now) -> Sequence[Event]:
        channel, contact = b.get("Uniqueid", ""), self._contact_of(b)
        call = self._calls.get(contact)
        if call is None:
            return ()
        out: list[Event] = []
        if channel not in (call.channel, contact):
            call.rings.pop(channel, None)
            if call.phase == TALKING and channel in call.talks:
                out += self._talked(contact, call, channel, now())
            return out
        if call.kind == "out":
            at_us = now()
            since = [since_us for _, since_us, _ in call.talks.values()]
            talk_ms = between_ms(min(since), at_us) if since else MISSING
            party = name_of(b.get("CallerIDNum", ""), "CallerIDNum")
            numbers = (self._called(b.get(key, "")) for key in ("Exten", "ConnectedLineNum"))
            person = next((n for n in numbers if n.lstrip("+").isdigit()), "")
            out.append(self._event("call.outbound", at_us, contact, "", party, MISSING, talk_ms, person=person))
            call.talks.clear()
        elif call.phase == TALKING:
            at_us = now()
            for leg in list(call.talks):
                out += self._talked(contact, call, leg, at_us)
        else:
            out += self._settled(contact, call, now, ends=True)
        call.gone = True
        self._forget(contact, call)
        return out

    def _talked(self, contact: str, call: Call, leg: str, at_us: int) -> list[Event]:
        unit, since_us, _ = call.talks.pop(leg)
        by_agent = 1 if call.agent_hung_up else 0 if call.hung_up else MISSING
        call.phase = DONE
        talk_ms = between_ms(since_us, at_us)
        done = self._event("call.completed", at_us, contact, unit, "", MISSING, talk_ms, by_agent, leg=leg)
        return [done, *self._held(contact, call, leg, unit, at_us)]
