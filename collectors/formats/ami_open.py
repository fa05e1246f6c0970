"""The open calls of one Asterisk, and what the events about them have in common.

A call is known by its arrival channel. It is in one passage at a time: waiting in a queue, with an agent, or ringing at
telephones that a number dials without a queue.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

from collectors.formats.ami_stream import epoch_of
from collectors.formats.reading import Unreadable, malformed, name_of
from telemetry.events import MISSING, Event, canonical_json

_T = TypeVar("_T")
CALLS_KEPT = 2000
_KEPT_S = 6 * 3600
_KEPT_OF_A_CALL = 64
_NOBODY = frozenset(("", "<unknown>"))


WAITING, EXITED, LEFT, WITH_AGENT, RINGING, TALKING, DONE = (
    "waiting",
    "exited",
    "left",
    "agent",
    "ringing",
    "talking",
    "",
)
"""`EXITED`: out of the queue unanswered, `LEFT`: out of it by an answer or by key; which, the next event says."""

_UNTOLD = '{"why":"untold"}'
BUSY = frozenset(("BUSY", "CONGESTION", "CHANUNAVAIL"))


@dataclass(slots=True)
class Call:
    """One open call."""

    kind: str
    """`in`, `out` or `internal`."""
    number: str
    """What the caller dialled, as a unit; "" where the centre itself dialled: that is somebody's number."""
    channel: str
    """The channel that waits in a queue; the arrival channel where there is none."""
    phase: str = DONE
    place: str = ""
    """Unit of the passage."""
    since_us: int = 0
    """When the passage began."""
    queue: str = ""
    """The queue that the dialplan named last."""
    begun: dict[str, int] = field(default_factory=dict)
    """Passages so far, by unit; refusals under the unit after a `!`."""
    exit_us: int = 0
    wait_ms: int = MISSING
    position: int = MISSING
    hung_up: bool = False
    """The caller asked for the end."""
    agent_hung_up: bool = False
    answered: bool = False
    status: str = ""
    """How the last telephone dialled without a queue ended."""
    rings: dict[str, int] = field(default_factory=dict)
    """Telephones dialled without a queue: channel → ringing since; 0 not yet."""
    picked_up: list[Any] = field(default_factory=list)
    """The one of them that was picked up: its channel, device, and ringing since. It answers when it is bridged."""
    talks: dict[str, list[Any]] = field(default_factory=dict)
    """Conversations: the agent's channel → unit, since when, and what it cannot outlast (0 nothing)."""
    holds: dict[str, list[int]] = field(default_factory=dict)
    """Of conversations that were heard from their beginning: the agent's channel → milliseconds on hold so far, and
    since when it is now (0 it is not)."""
    gone: bool = False
    """The caller's channel has ended; a conversation's end is still to be told."""


Block = dict[str, str]


class Now(Protocol):
    """The clock at one event; `at_least_us` is what durations that the event tells say of its time."""

    def __call__(self, at_least_us: int = 0) -> int: ...


class OpenCalls:
    """What is known of the calls of one PBX; those who read events extend it. It can be dumped at any time."""

    def __init__(
        self,
        site: str,
        source: str,
        unit: Callable[[str], str],
        internal: Callable[[str], bool],
        called: Callable[[str], str],
    ) -> None:
        self._site, self._source, self._unit, self._internal, self._called = site, source, unit, internal, called
        self._calls: OrderedDict[str, Call] = OrderedDict()

    def dump(self) -> list[Any]:
        return [[contact, *astuple(call)] for contact, call in self._calls.items()]

    def load(self, state: list[Any]) -> None:
        self._calls = OrderedDict((contact, Call(*rest)) for contact, *rest in state)

    def unsettled(self, *channels: str) -> bool:
        """Whether one of these is a call out of its queue, of which is not known yet how."""
        return any((call := self._calls.get(c)) is not None and call.phase in (LEFT, EXITED) for c in channels)

    def clear(self) -> None:
        self._calls.clear()

    def deaf(self) -> None:
        """The connection was lost: what was put on hold meanwhile was not heard."""
        for call in self._calls.values():
            call.holds.clear()

    def hold(self, b: Block, now: Now) -> Sequence[Event]:
        """`Hold` and `Unhold` of an agent's channel; the caller's own says nothing of the centre."""
        call, leg = self._calls.get(self._contact_of(b)), b.get("Uniqueid", "")
        if call is None or leg not in call.holds:
            return ()
        told_ms, since_us = call.holds[leg]
        if b["Event"] == "Hold":
            call.holds[leg][1] = since_us or now()
        elif since_us:  # some channels tell of the end alone, over and over
            call.holds[leg] = [told_ms + between_ms(since_us, now()), 0]
        return ()

    def _talks(self, call: Call, leg: str, unit: str, at_us: int) -> None:
        put(call.talks, leg, [unit, at_us, 0])
        put(call.holds, leg, [0, 0])

    def _held(self, contact: str, call: Call, leg: str, unit: str, at_us: int, party: str = "") -> list[Event]:
        """The time on hold of a conversation that ended."""
        if leg not in call.holds:
            return []
        told_ms, since_us = call.holds.pop(leg)
        hold_ms = told_ms + (between_ms(since_us, at_us) if since_us else 0)
        return [self._event("call.held", at_us, contact, unit, party, hold_ms, leg=leg)]

    def _settled(self, contact: str, call: Call, now: Now, exten: str = "", *, ends: bool = False) -> Sequence[Event]:
        """The end of a passage that nothing told of but what came next: the call goes on, or ends."""
        told = bool(call.queue)  # the dialplan's events come, so that QUEUESTATUS would have come
        if call.phase == EXITED:
            if ends and (told or call.hung_up):
                return [self._exit("call.abandoned", contact, call)]
            return [self._exit("call.timed_out", contact, call, _UNTOLD)]
        if call.phase == LEFT:
            if ends and told:
                return [self._exit("call.system_drop", contact, call, _UNTOLD)]
            key = canonical_json({"key": exten}) if len(exten) == 1 and exten in "0123456789*#" else ""
            return [self._exit("call.left_by_key", contact, call, _UNTOLD if ends else key)]
        if call.phase == RINGING and ends:
            type_ = "call.no_agent" if call.status in BUSY else "call.timed_out"
            call.exit_us, call.wait_ms, call.position = now(), MISSING, MISSING
            return [self._exit("call.abandoned" if call.hung_up else type_, contact, call)]
        return ()

    def _exit(self, type_: str, contact: str, call: Call, extra: str = "") -> Event:
        slots = () if type_ == "call.system_drop" else (call.wait_ms, call.position)
        call.phase = DONE
        leg = f"{call.begun.get(call.place, 1)}"
        return self._event(type_, call.exit_us, contact, call.place, "", *slots, leg=leg, extra=extra)

    def _entered(
        self, contact: str, call: Call, phase: str, unit: str, at_us: int, number: str, position: int = MISSING
    ) -> Event:
        put(call.begun, unit, call.begun.get(unit, 0) + 1)
        call.since_us = at_us
        call.phase, call.place, call.wait_ms, call.position = phase, unit, MISSING, position
        person = "" if number in _NOBODY else number
        return self._event("call.entered", at_us, contact, unit, a=position, person=person, leg=f"{call.begun[unit]}")

    def _contact_of(self, b: Block) -> str:
        channel = b.get("Uniqueid", "")
        return channel if channel in self._calls else b.get("Linkedid", channel)

    def _of(self, b: Block) -> tuple[str, Call]:
        """The call of an event, begun now where its arrival was not seen."""
        contact = channel_id(self._contact_of(b))
        call = self._calls.get(contact)
        if call is None:
            number = self._unit(name_of(b.get("Exten", ""), "Exten"))
            call = self._open(contact, Call("in", number, b.get("Uniqueid", contact)))
        return contact, call

    def _own(self, b: Block) -> tuple[str, Call] | None:
        """The call whose caller's channel an event is of."""
        contact = self._contact_of(b)
        call = self._calls.get(contact)
        return (contact, call) if call and b.get("Uniqueid") in (contact, call.channel) else None

    def _open(self, contact: str, call: Call) -> Call:
        self._calls[contact] = call
        oldest = next(iter(self._calls))
        while len(self._calls) > CALLS_KEPT or 0 < epoch_of(oldest) < epoch_of(contact) - _KEPT_S:
            del self._calls[oldest]
            oldest = next(iter(self._calls))
        return call

    def _forget(self, contact: str, call: Call) -> None:
        if call.gone and not call.talks:
            self._calls.pop(contact, None)

    def _event(
        self, type_: str, at_us: int, contact: str, unit: str, party: str = "", a: int = MISSING, b: int = MISSING,
        c: int = MISSING, *, person: str = "", leg: str = "", extra: str = "",
    ) -> Event:  # fmt: skip
        """The id depends on the call and what happened to it alone: a stream that is read again, or a second reader
        of the same PBX, gives the same."""
        digest = blake2b(f"{contact}\0{unit}\0{type_}\0{leg}".encode(), digest_size=8).hexdigest()
        id_ = f"{epoch_of(contact):010d}.{digest}"
        return Event(self._site, self._source, id_, type_, at_us, unit, contact, party, person, a, b, c, extra=extra)


def put(of: dict[str, _T], key: str, value: _T) -> None:
    """Keep a value, and no more of them than a call can have."""
    of[key] = value
    if len(of) > _KEPT_OF_A_CALL:
        del of[next(iter(of))]


def after(since_us: int, duration_ms: int) -> int:
    """What a difference of whole seconds says: the second in which something ended."""
    return since_us // 1_000_000 * 1_000_000 + duration_ms * 1000 if since_us and duration_ms >= 0 else 0


def between_ms(since_us: int, until_us: int) -> int:
    return max(until_us - since_us, 0) // 1000 if since_us else MISSING


def channel_id(channel: str) -> str:
    name = name_of(channel, "Uniqueid")
    if not name:
        raise malformed("Uniqueid", channel, "the id of a channel, such as 1795254206.26")
    return name


def named(b: Block, key: str) -> str:
    name = name_of(b.get(key, ""), key)
    if not name:
        raise Unreadable("bad_field", f"{b['Event']}: expected a {key}")
    return name
