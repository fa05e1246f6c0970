"""Asterisk Manager Interface: the events of a manager connection as they came, live or in a log of it.

Records are single lines; blocks of `Key: Value` end with an empty line. Banner, responses, and events that are not in
the table say nothing here; channel events (CEL) and call records (Cdr) that are sent this way have formats of their
own and only tell the time. How events are dated stands in `ami_stream`, what they mean for calls in
`ami_queues` and `ami_phones`.

What ended a wait: `QUEUESTATUS` (TIMEOUT, LEAVEEMPTY, WITHDRAW) after `QueueCallerAbandon`, else the end of the
caller's channel: abandoned. A caller who left the queue without either and goes on in the dialplan left by key. That
and callers turned away (FULL, JOINEMPTY) need the class `dialplan`; without it such ends carry `"why":"untold"`.
`AgentConnect` gives wait and ring in whole seconds, `AgentRingNoAnswer` the ring in milliseconds. A telephone that was
ringing when the caller went is not told. `Hold` and `Unhold` of an agent's channel make the time on hold of a
conversation that was heard from its beginning to its end; a caller who reaches VoiceMail went there. A call that a number dials to telephones without a queue is a passage through that
number; its wait is what lies between its events.

`FullyBooted` comes at every log-in; Asterisk began anew where its Uptime says so, or channels are counted from 0 again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from collectors.base import Guess
from collectors.formats.ami_open import Block, Now
from collectors.formats.ami_phones import PhoneCalls
from collectors.formats.ami_queues import QueueCalls
from collectors.formats.ami_stream import Blocks, StreamClock, epoch_of, fields, sound, value_of
from collectors.formats.options import Options
from collectors.formats.reading import LineFormat, Ordinals, Unreadable, malformed, name_of, whole_of
from telemetry.events import MISSING, Decoded, Event, Rejected, canonical_json

_RESTART_US = 120 * 1_000_000
_OLDEST_BOOT_US = 946_684_800_000_000  # 2000-01-01
_CHANNELS_BACK = 50
"""Channels are not told in strict order; a number this much smaller is of another life of Asterisk."""
_RAW_KEPT = 8192


class Calls(QueueCalls, PhoneCalls):
    """Both together."""


_OF_CALLS: dict[bytes, Callable[[Calls, Block, Now], Sequence[Event]]] = {
    b"Newchannel": Calls.newchannel,
    b"Newexten": Calls.newexten,
    b"Newstate": Calls.state,
    b"VarSet": Calls.varset,
    b"DialBegin": Calls.dialled,
    b"DialEnd": Calls.dial_ended,
    b"BridgeEnter": Calls.bridged,
    b"HangupRequest": Calls.asked_to_hang_up,
    b"Hangup": Calls.hangup,
    b"BlindTransfer": Calls.transferred,
    b"AttendedTransfer": Calls.transferred,
    b"Hold": Calls.hold,
    b"Unhold": Calls.hold,
    b"QueueCallerJoin": Calls.joined,
    b"QueueCallerLeave": Calls.left,
    b"QueueCallerAbandon": Calls.gave_up,
    b"QueueEntry": Calls.found_waiting,
    b"AgentConnect": Calls.connected,
    b"AgentComplete": Calls.completed,
    b"AgentRingNoAnswer": Calls.rang_in_vain,
    b"AgentDump": Calls.dumped,
}
_ONLY_WITH: dict[bytes, tuple[bytes, bytes]] = {
    # The most frequent events say something here only with one of these lines.
    b"VarSet": (b"\nVariable: QUEUESTATUS\n", b"\nVariable: QUEUEWAIT\n"),
    b"Newstate": (b"\nChannelState: 5\n", b"\nChannelState: 5\n"),
}
_APPS = (b"\nApplication: Queue\n", b"\nApplication: VoiceMail\n")
_OF_AGENTS: dict[bytes, str] = {
    b"QueueMemberAdded": "agent.added",
    b"QueueMemberRemoved": "agent.removed",
    b"QueueMemberPause": "agent.paused",
    b"QueueMemberPaused": "agent.paused",
    b"QueueMemberPenalty": "agent.setting_changed",
    b"QueueMemberRinginuse": "agent.setting_changed",
    b"AgentLogin": "agent.logged_in",
    b"AgentLogoff": "agent.logged_out",
}
_PAUSED = {"0": 0, "1": 1}
_TIMES = frozenset((b"Newchannel", b"CEL", b"SuccessfulAuth", b"ChallengeSent", b"InvalidPassword", b"RTCPSent"))
_LIFE = frozenset((b"FullyBooted", b"Shutdown"))
_READ = _TIMES | _LIFE | _OF_CALLS.keys() | _OF_AGENTS.keys()


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Whether these are lines of a manager connection: its banner, or events with a privilege."""
    text = b"\n".join(lines).replace(b"\r\n", b"\n")
    banner = text.startswith(b"Asterisk Call Manager/")
    if not banner and b"\nPrivilege: " not in text:
        return None
    keyed = sum(b":" in line or not line.strip() for line in lines) / max(len(lines), 1)
    dated = b"\nTimestamp: " in text
    what = "events of the Asterisk Manager Interface" + (
        "" if dated else ", which carry no time of their own: dated to the second by the channels that begin"
    )
    return Guess(1.0 if banner else keyed * 0.9, what)


class AsteriskAmi(LineFormat):
    """See the module. State: the open calls, the clock, and the lines of a block that has not ended."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        self._blocks = Blocks()
        self._calls = Calls(site, source, self.unit, self.internal, self.called)
        self._ordinals = Ordinals()
        self._clock = StreamClock()
        self._begin()

    def _begin(self) -> None:
        self._blocks.held = b""
        self._calls.clear()
        self._clock = StreamClock()
        self._booted_us, self._newest_channel = 0, (0, 0)
        self._shut_down = False

    def restart(self) -> None:
        """Another connection: of a live one only the block that was cut off is forgotten, and its calls go on. Another
        log, or the same one again, is read as if it were the first."""
        self._blocks.held = b""
        self._ordinals.restart()
        self._calls.deaf()
        if not self._clock.live:
            self._begin()

    def dump(self) -> str:
        """Besides the open calls, the block that has not ended; it may hold a caller's number until its end came."""
        life = [self._booted_us, *self._newest_channel, self._shut_down]
        held = self._blocks.held.decode("latin-1")
        state = [held, self._clock.dump(), life, self._calls.dump(), self._ordinals.dump()]
        return json.dumps(state, separators=(",", ":"))

    def load(self, state: str) -> None:
        self._begin()
        self._ordinals = Ordinals()
        if not state:
            return
        held, clock, life, calls, ordinals = json.loads(state)
        self._blocks.held = held.encode("latin-1")
        self._clock.load(clock)
        self._booted_us, epoch, number, self._shut_down = life
        self._newest_channel = (epoch, number)
        self._calls.load(calls)
        self._ordinals.load(ordinals)

    def feed(self, records: Sequence[bytes], received_us: int) -> Decoded:
        out = Decoded()
        blocks = self._blocks.add(list(records))
        odd = self._blocks.odd
        for block in blocks:
            end = block.find(b"\n", 7)
            name = block[7:end] if end > 0 else block[7:]
            if name not in _READ and not odd and block.startswith(b"Event: "):
                out.ignored += 1
                continue
            try:
                whole = sound(block) if odd else block.lstrip(b"\n")
                if not whole:
                    continue
                events = self._block(whole, received_us)
            except Unreadable as why:
                raw = block[:_RAW_KEPT].lstrip(b"\n")
                out.rejected.append(Rejected(why.reason, why.detail, raw, self._site, self._source))
                continue
            if events:
                out.events.extend(events)
            else:
                out.ignored += 1
        return out

    def _block(self, block: bytes, received_us: int) -> Sequence[Event]:
        if not block.startswith(b"Event: "):
            if b":" not in block.split(b"\n", 1)[0]:
                raise Unreadable("malformed_line", f"{block[:40]!r}: expected Event: or Response:")
            return ()
        name = block[7:].split(b"\n", 1)[0]
        if name in _TIMES and not self._clock.live:
            self._clock.hear(name, block, received_us)
        of_call = _OF_CALLS.get(name)
        only_with = _ONLY_WITH.get(name)
        if only_with and only_with[0] not in block and only_with[1] not in block:
            return ()
        if name == b"Newexten" and not (any(app in block for app in _APPS) or self._goes_on(block)):
            return ()
        if of_call:
            values = fields(block)

            def now(at_least_us: int = 0) -> int:
                return self._clock.now(values, received_us, at_least_us)

            out = self._channel_counted(values, received_us) if name == b"Newchannel" else []
            return [*out, *of_call(self._calls, values, now)]
        if name in _OF_AGENTS:
            return self._agent(_OF_AGENTS[name], fields(block), received_us)
        return self._life(fields(block), received_us) if name in _LIFE else ()

    def _goes_on(self, block: bytes) -> bool:
        """Whether a step of the dialplan says how a caller left a queue."""
        return self._calls.unsettled(value_of(block, b"Uniqueid"), value_of(block, b"Linkedid"))

    def _agent(self, type_: str, b: Block, received_us: int) -> Sequence[Event]:
        party = name_of(b.get("MemberName") or b.get("Interface") or b.get("Agent") or "", "MemberName")
        if not party:
            raise Unreadable("bad_field", f"{b['Event']}: expected a MemberName")
        extra: dict[str, str] = {}
        a = MISSING
        if type_ == "agent.paused":
            type_ = "agent.paused" if b.get("Paused") == "1" else "agent.unpaused"
            extra = {"reason": b.get("PausedReason") or b.get("Reason", "")}
        elif type_ == "agent.setting_changed":
            what = "Penalty" if b["Event"] == "QueueMemberPenalty" else "Ringinuse"
            extra = {"setting": "penalty" if what == "Penalty" else "ring_in_use"}
            a = whole_of(b.get(what, ""), what)
        elif type_ == "agent.logged_out":
            a = whole_of(b.get("Logintime") or b.get("LoginTime") or "", "Logintime", 1000)
        unit = self.unit(name_of(b.get("Queue", ""), "Queue"))
        at_us = self._clock.now(b, received_us)
        second = at_us // 1_000_000
        digest, before, _ = self._ordinals.count(second, f"{type_}\0{unit}\0{a}".encode())
        if type_ == "agent.added":  # no part of the id, which was there before the number was read
            a = _PAUSED.get(b.get("Paused", ""), MISSING)
        said = {key: text for key, text in extra.items() if text}
        id_ = f"{second:010d}.{digest}.{before}"
        extra_text = canonical_json(said) if said else ""
        return [Event(self._site, self._source, id_, type_, at_us, unit, party=party, a=a, extra=extra_text)]

    def _life(self, b: Block, received_us: int) -> Sequence[Event]:
        """`FullyBooted` and `Shutdown`: did Asterisk begin anew since the last log-in?"""
        if b["Event"] == "Shutdown":
            self._shut_down = True
            return ()
        if not self._clock.told and "Timestamp" not in b:
            return ()
        now_us = self._clock.now(b, received_us)
        uptime_s = whole_of(b.get("Uptime", ""), "Uptime")
        booted_us = now_us - max(uptime_s, 0) * 1_000_000
        if booted_us < _OLDEST_BOOT_US:
            raise malformed("Uptime", uptime_s, "seconds since Asterisk started, after the year 2000")
        anew = self._shut_down
        if uptime_s != MISSING:
            anew = anew or 0 < self._booted_us < booted_us - _RESTART_US
            self._booted_us = booted_us
        return self._began_anew(booted_us) if anew else ()

    def _channel_counted(self, b: Block, received_us: int) -> Sequence[Event]:
        channel = b.get("Uniqueid", "")
        epoch, number = epoch_of(channel), channel.rpartition(".")[2]
        if not epoch or not (number.isascii() and number.isdigit() and len(number) < 12):
            return ()
        newest, count = self._newest_channel
        if epoch >= newest:
            self._newest_channel = (epoch, int(number))
            if int(number) + _CHANNELS_BACK < count:
                return self._began_anew(self._clock.now(b, received_us))
        return ()

    def _began_anew(self, at_us: int) -> Sequence[Event]:
        self._calls.clear()
        self._shut_down = False
        self._newest_channel = (self._newest_channel[0], -1)
        return [Event(self._site, self._source, f"{at_us // 1_000_000:010d}.boot", "source.restarted", at_us)]
