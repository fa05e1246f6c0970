"""What happened, as a source told it: the event, the table of its types, and its JSON forms.

Everything that enters the service becomes an `Event`; everything that cannot becomes a `Rejected`;
known silence becomes a `Gap`. Collectors and formats know these three and nothing else of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

MISSING = -(2**63)
"""Value of a numeric slot that the source did not give. Missing is never 0."""

UNKNOWN = -1
"""Value of a duration that the source cannot tell and that must not be taken from the times of its events either,
such as the wait in a log that only says when a call began and ended."""

BY_HAND = "by-hand"
"""Source of what people tell, after the site's id; no device and no log may have this name."""
VOIDED = "correction.voided"

MAX_NAME = 64
"""Longest unit, contact, party or id, in UTF-8 bytes; contacts are hashed as 64 bytes."""


class Event(NamedTuple):
    """One thing that happened at one site. Immutable; a correction is a new event.

    `source` and `id` together are its identity: the same pair is the same event. `a`, `b`, `c` are the
    numbers of its type, named by `EVENT_TYPES[type].slots`; durations are milliseconds.
    """

    site: str
    source: str
    id: str
    type: str
    time_us: int
    """When it happened, microseconds since 1970 UTC. Logs of whole seconds carry the order of their
    lines within a second in the microseconds, so that order survives sorting."""
    unit: str = ""
    contact: str = ""
    party: str = ""
    """Who acted: a counter, or an agent (which privacy turns into a pseudonym before the journal)."""
    person: str = ""
    """The number of the caller, or of whom the centre called, as the source gave it. Never stored: privacy turns it
    into `caller`."""
    a: int = MISSING
    b: int = MISSING
    c: int = MISSING
    caller: int = 0
    """Keyed token of the person; 0 when the number is withheld or unknown."""
    extra: str = ""
    """Canonical JSON of whatever else the source said and the type has no slot for; often empty."""


class Rejected(NamedTuple):
    """A record that could not be read: kept with its reason, counted, acknowledged."""

    reason: str
    """One of `REJECT_REASONS`: a metric counts by it."""
    detail: str
    """What a person needs to find and fix it: place, value, expectation."""
    raw: bytes
    site: str = ""
    source: str = ""


class Gap(NamedTuple):
    """Time, or a run of sequence numbers, for which a source is known to be silent or incomplete."""

    site: str
    source: str
    kind: str
    """`truncated`, `rotated_away`, `sequence`, `silence`, `downtime`, `clock_step`, `overflow`, `damaged`."""
    from_us: int
    to_us: int
    detail: str = ""


@dataclass(slots=True)
class Decoded:
    """What a format made of one run of records."""

    events: list[Event] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    ignored: int = 0
    """Well-formed records that say nothing this product uses; counted, not kept."""

    def join(self, more: Decoded) -> Decoded:
        """Take in what was made of the records that follow; itself."""
        self.events += more.events
        self.rejected += more.rejected
        self.gaps += more.gaps
        self.ignored += more.ignored
        return self


REJECT_REASONS: dict[str, str] = {
    "not_json": "payload is not one JSON object in UTF-8",
    "too_large": "record is larger than its limit",
    "bad_topic": "topic is not gecc/v1/<site>/<device>/<kind>",
    "unknown_site": "no site of this id in the configuration",
    "unknown_device": "no device of this id at the site",
    "unknown_type": "no event type of this name",
    "unknown_unit": "no service or queue of this id at the site",
    "bad_field": "a field has the wrong type, a wrong value, or is missing",
    "no_identity": "neither id, nor boot and seq, nor time: a repeat could not be told from a new event",
    "bad_time": "time cannot be read or has no zone",
    "time_out_of_range": "time of a live source is more than 7 days old or 5 minutes ahead",
    "retained": "an event was published with the retain flag; only status may be retained",
    "wrong_format": "the log is of another format than the one configured",
    "bad_credentials": "the sender's token or signature is not the one of its source",
    "malformed_line": "line does not have the form of its log",
    "line_too_long": "line is longer than 64 KiB",
}


class EventType(NamedTuple):
    """One row of the vocabulary. `code` is what the journal stores: never reuse or change one."""

    code: int
    slots: tuple[str, ...] = ()
    """Names of the numbers in `Event.a`, `.b`, `.c`, with their unit."""
    needs: tuple[str, ...] = ()
    """Event fields that must not be empty."""
    party_is: str = "counter"
    """`counter` or `agent`: an agent's name becomes a pseudonym before the journal."""
    meaning: str = ""


_T = ("contact",)
_TU = ("contact", "unit")
_CQ = ("contact", "unit")

EVENT_TYPES: dict[str, EventType] = {
    # Tickets of a queue kiosk: contact is the ticket, unit the service, party the counter.
    "ticket.issued": EventType(10, ("priority",), _TU, meaning="ticket printed; the wait begins"),
    "ticket.called": EventType(11, (), _T, meaning="called to a counter; the first call ends the wait"),
    "ticket.recalled": EventType(12, (), _T, meaning="called again"),
    "ticket.started": EventType(13, (), _T, meaning="the person is at the counter; service begins"),
    "ticket.held": EventType(14, (), _T, meaning="service interrupted, the ticket stays open"),
    "ticket.transferred": EventType(15, (), _TU, meaning="sent on; unit is the new service, the person waits again"),
    "ticket.finished": EventType(16, ("disposition",), _T, meaning="service ended; 1 done, 2 referred, 3 must return"),
    "ticket.no_show": EventType(17, (), _T, meaning="called and did not come"),
    "ticket.cancelled": EventType(18, (), _T, meaning="withdrawn before service"),
    "ticket.reactivated": EventType(19, (), _T, meaning="a no-show or cancelled ticket waits again"),
    "ticket.triaged": EventType(
        26, ("outcome",), _T, meaning="screened at the reception point; 1 ready, 2 papers missing, 3 referred"
    ),
    # Conversations on an online channel: contact is the conversation, unit the channel (email, chat, line, facebook).
    "conversation.opened": EventType(20, (), _TU, "agent", "a citizen wrote first; the wait for a reply begins"),
    "conversation.message": EventType(21, (), _T, "agent", "the citizen wrote again"),
    "conversation.replied": EventType(22, ("automatic",), _T, "agent", "the centre answered; 1 when a machine did"),
    "conversation.assigned": EventType(23, (), _T, "agent", "given to an agent"),
    "conversation.closed": EventType(24, ("disposition",), _T, "agent", "ended; 1 done, 2 referred, 3 must return"),
    "conversation.reopened": EventType(25, (), _T, "agent", "opened again after it was closed"),
    # Counters.
    "counter.opened": EventType(30, (), ("party",)),
    "counter.closed": EventType(31, (), ("party",)),
    # Votes: one press, or one answer of a questionnaire.
    "vote.cast": EventType(40, ("score", "scale_max", "question"), (), meaning="1 is worst, scale_max best"),
    "vote.dropped": EventType(
        41, ("score", "scale_max", "why"), (), meaning="a press that is no vote; 1 bounced, 2 retained, 3 replayed"
    ),
    # Calls: contact is the call id, unit the queue, party the agent.
    "call.did": EventType(50, (), ("contact",), "agent", "reached a number, before any queue"),
    "call.entered": EventType(51, ("position", "test", "caller_previous_epoch"), _CQ, "agent", "entered a queue"),
    "call.ring_no_answer": EventType(52, ("ring_ms",), _CQ, "agent", "one phone rang in vain"),
    "call.ring_cancelled": EventType(53, ("ring_ms",), _CQ, "agent", "ringing when the caller went; no agent's fault"),
    "call.connected": EventType(
        54, ("wait_ms", "ring_ms"), _CQ, "agent", "a person answered; ring of the last attempt"
    ),
    "call.completed": EventType(55, ("wait_ms", "talk_ms", "ended_by_agent"), _CQ, "agent"),
    "call.transferred": EventType(56, ("wait_ms", "talk_ms"), _CQ, "agent", "answered, then sent on"),
    "call.abandoned": EventType(57, ("wait_ms", "position"), _CQ, "agent", "the caller hung up waiting"),
    "call.timed_out": EventType(58, ("wait_ms", "position"), _CQ, "agent", "given up by the queue's time limit"),
    "call.no_agent": EventType(59, ("wait_ms", "position"), _CQ, "agent", "dropped: no agent left in the queue"),
    "call.left_by_key": EventType(60, ("wait_ms", "position"), _CQ, "agent", "the caller chose another way by key"),
    "call.withdrawn": EventType(61, ("wait_ms", "position"), _CQ, "agent", "taken out of the queue by the system"),
    "call.system_drop": EventType(62, (), _CQ, "agent", "dropped: channels incompatible"),
    "call.agent_dumped": EventType(63, (), _CQ, "agent", "the agent refused after the announcement; waiting goes on"),
    "call.turned_away_empty": EventType(
        64, (), _CQ, "agent", "refused: no agent in the queue (written by the dialplan)"
    ),
    "call.turned_away_full": EventType(65, (), _CQ, "agent", "refused or diverted: the queue was full"),
    "call.turned_away_closed": EventType(66, (), _CQ, "agent", "refused: the queue was closed"),
    "call.wrap_up_started": EventType(67, ("wrap_ms",), ("unit",), "agent"),
    "call.outbound": EventType(68, ("", "talk_ms"), ("contact",), "agent", "a call that the centre placed"),
    "call.held": EventType(
        69, ("hold_ms",), _CQ, "agent", "time on hold of a conversation, part of its talk; 0 is none"
    ),
    "call.voicemail": EventType(70, (), ("contact",), "agent", "went to voicemail, whatever else became of it"),
    # Agents: party is the agent, unit the queue ("" for all queues).
    "agent.added": EventType(80, ("paused",), ("party",), "agent", "given a queue; 1 when at a pause from the start"),
    "agent.removed": EventType(81, (), ("party",), "agent"),
    "agent.paused": EventType(82, (), ("party",), "agent"),
    "agent.unpaused": EventType(83, (), ("party",), "agent"),
    "agent.paused_all": EventType(84, (), ("party",), "agent", "followed by one agent.paused a queue"),
    "agent.unpaused_all": EventType(85, (), ("party",), "agent", "followed by one agent.unpaused a queue"),
    "agent.logged_in": EventType(86, (), ("party",), "agent"),
    "agent.logged_out": EventType(87, ("login_ms",), ("party",), "agent"),
    "agent.setting_changed": EventType(88, ("value",), ("party",), "agent", "penalty, ring-in-use"),
    # Devices and sources.
    "device.online": EventType(90, ("utc_offset_ms", "clock_synced"), ("party",)),
    "device.offline": EventType(91, (), ("party",)),
    "device.heartbeat": EventType(92, ("utc_offset_ms", "clock_synced"), ("party",)),
    "source.restarted": EventType(95, (), (), meaning="the PBX began anew: every call still open is censored"),
    "source.reloaded": EventType(96, (), (), meaning="configuration reload or rotation seam"),
    "gap.reported": EventType(97, ("lost",), (), meaning="a device says it lost this many events"),
    # By hand only; see telemetry.corrections.
    "correction.voided": EventType(98, ("seq",), (), meaning="the event at this journal offset counts no more"),
    # Cases: complaints, and work that does not end at once. Contact is the case, unit its service.
    "case.opened": EventType(
        100, ("kind", "due_ms"), _T, "agent", "received; 1 complaint, 2 request, 3 suggestion, 4 praise; due_ms is when"
    ),
    "case.acknowledged": EventType(101, (), _T, "agent", "the citizen was told that it has been received"),
    "case.assigned": EventType(102, ("due_ms",), _T, "agent", "given to somebody, or its date was set"),
    "case.forwarded": EventType(103, (), _T, "agent", "sent to another agency"),
    "case.step_started": EventType(104, ("step", "due_ms"), _T, "agent"),
    "case.step_finished": EventType(105, ("step",), _T, "agent"),
    "case.notified": EventType(106, (), _T, "agent", "the citizen was told how it stands"),
    "case.looked_up": EventType(107, (), _T, "agent", "the citizen looked how it stands"),
    "case.settled": EventType(108, ("result",), _T, "agent", "1 settled, 2 rejected with reasons, 3 withdrawn"),
    "case.reopened": EventType(109, (), _T, "agent", "opened again after it was settled"),
}

ALIASES: dict[str, str] = {
    # Other names in use for the same thing; the journal holds the one on the right.
    "ticket.noshow": "ticket.no_show",
    "service.started": "ticket.started",
    "service.ended": "ticket.finished",
    "service.finished": "ticket.finished",
    "triage.ended": "ticket.triaged",
    "feedback.pressed": "vote.cast",
    "csat.vote": "vote.cast",
    "complaint.opened": "case.opened",
    "complaint.settled": "case.settled",
}

QUESTIONS: dict[str, int] = {
    # What a vote is about: its slot `question`, where MISSING is overall. Never reuse or change a code.
    "overall": 0,
    # The parts of a service.
    "steps_and_time": 1,
    "staff": 2,
    "place": 3,
    "information": 4,
    "outcome": 5,
    # Whether all was settled at this first contact: 1 no, 2 yes, of a scale of 2.
    "resolved": 6,
    # The six topics of a survey of needs.
    "service_types": 7,
    "days_hours": 8,
    "place_of_service": 9,
    "access": 10,
    "facilities": 11,
    "awareness": 12,
}

TYPE_OF_CODE: dict[int, str] = {row.code: name for name, row in EVENT_TYPES.items()}


def canonical_json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """`value` as the one JSON text that stands for it: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def slots(event: Event) -> dict[str, int]:
    """The numbers of an event under the names that its type gives them; missing ones left out."""
    names = EVENT_TYPES[event.type].slots
    return {n: v for n, v in zip(names, (event.a, event.b, event.c), strict=False) if n and v != MISSING}


def to_cloudevent(event: Event) -> dict[str, Any]:
    """The event as a CloudEvents 1.0 JSON object (specversion, id, source, type, time, subject, data)."""
    out: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/{event.site}/{event.source}",
        "type": f"th.gecc.{event.type}",
        "time": datetime.fromtimestamp(event.time_us / 1e6, UTC)
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z"),
        "datacontenttype": "application/json",
    }
    if event.contact:
        out["subject"] = event.contact
    data: dict[str, Any] = dict(slots(event))
    for key in ("unit", "party"):
        if getattr(event, key):
            data[key] = getattr(event, key)
    if event.caller:
        data["caller"] = f"{event.caller & (2**64 - 1):016x}"
    if event.extra:
        data["extra"] = json.loads(event.extra)
    out["data"] = data
    return out
