"""One leg as mod_json_cdr writes it, or as the event of its channel does: the fields that are read, and what they mean.

The caller's leg and the legs of telephones are told apart by the originating leg that only the latter have, and by the
side that mod_callcenter notes in them. A caller stands where he was when he was first put through: dialplans send him
on, and both legs remember that place and the number that he dialled before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from collectors.formats.freeswitch_bodies import plain
from collectors.formats.freeswitch_calls import Leg, Passage, S, us_of
from collectors.formats.reading import MAX_DIGITS, Unreadable, name_of
from telemetry.events import MISSING

Value = str | int | float | bool | None


class Variables(msgspec.Struct):
    """The channel variables that are read; all others are skipped."""

    uuid: Value = ""
    direction: Value = ""
    start_uepoch: Value = ""
    start_epoch: Value = ""
    answer_uepoch: Value = ""
    answer_epoch: Value = ""
    bridge_uepoch: Value = ""
    bridge_epoch: Value = ""
    progress_uepoch: Value = ""
    progress_epoch: Value = ""
    progress_media_uepoch: Value = ""
    progress_media_epoch: Value = ""
    end_uepoch: Value = ""
    end_epoch: Value = ""
    hangup_cause: Value = ""
    hold_accum_ms: Value = ""
    last_app: Value = ""
    last_arg: Value = ""
    voicemail_action: Value = ""
    originate_disposition: Value = ""
    originating_leg_uuid: Value = ""
    originator: Value = ""
    bridge_uuid: Value = ""
    dialed_user: Value = ""
    caller_id_number: Value = ""
    destination_number: Value = ""
    rdnis: Value = ""
    sip_from_user: Value = ""
    cc_side: Value = ""
    cc_queue: Value = ""
    cc_queue_joined_epoch: Value = ""
    cc_queue_answered_epoch: Value = ""
    cc_queue_terminated_epoch: Value = ""
    cc_queue_canceled_epoch: Value = ""
    cc_cause: Value = ""
    cc_cancel_reason: Value = ""
    cc_exit_key: Value = ""
    cc_agent: Value = ""
    cc_agent_type: Value = ""
    cc_member_uuid: Value = ""
    cc_member_session_uuid: Value = ""


class _Profile(msgspec.Struct):
    uuid: Value = ""
    caller_id_number: Value = ""
    destination_number: Value = ""
    rdnis: Value = ""
    originator: _Originator | None = None
    originatee: _Originatee | None = None


class _Originator(msgspec.Struct):
    originator_caller_profiles: list[_Profile] = []


class _Originatee(msgspec.Struct):
    originatee_caller_profiles: list[_Profile] = []


class _Times(msgspec.Struct):
    created_time: Value = ""
    progress_time: Value = ""
    progress_media_time: Value = ""
    answered_time: Value = ""
    bridged_time: Value = ""
    hangup_time: Value = ""


class _Flow(msgspec.Struct):
    caller_profile: _Profile = msgspec.field(default_factory=_Profile)
    times: _Times = msgspec.field(default_factory=_Times)


class _Channel(msgspec.Struct):
    direction: Value = ""


class Document(msgspec.Struct):
    """A CDR as far as it is read; an event has none of it, but a name or an action."""

    variables: Variables | None = None
    channel_data: _Channel | None = None
    callflow: list[_Flow] = []
    event: Value = msgspec.field(default=None, name="Event-Name")
    action: Value = msgspec.field(default=None, name="CC-Action")


_NO_PROFILE = _Profile()
_PLACES = {
    (name, factor): place
    for name in _Times.__struct_fields__
    for factor, place in (
        (1, f"variables, microseconds {name.removesuffix('_time')}"),
        (S, f"variables, seconds {name.removesuffix('_time')}"),
        (0, f"callflow.times.{name}"),
    )
}
"""Where a moment stands, as a reject names it."""


def leg_of(cdr: Document) -> Leg | None:
    """The leg that a CDR tells of; None where it does not say when it ended."""
    v, flows = cdr.variables or Variables(), cdr.callflow
    end_us = _moment(v.end_uepoch, v.end_epoch, flows, "hangup_time")
    start_us = _moment(v.start_uepoch, v.start_epoch, flows[::-1], "created_time")
    if MISSING in (start_us, end_us):
        return None
    first = flows[-1].caller_profile if flows else _NO_PROFILE
    uuid = name_of(text(v.uuid) or text(first.uuid), "uuid")
    if not uuid:
        raise Unreadable("no_identity", "variables.uuid: missing")
    there = _where(flows)
    origin = _origin(there) or next((o for f in flows if (o := _origin(f.caller_profile)) is not None), None)
    of = text(v.originating_leg_uuid) or text(v.originator) or text(origin.uuid if origin else "")
    side, session = text(v.cc_side), text(v.cc_member_session_uuid)
    agents = side == "agent" or (side != "member" and session not in ("", uuid))
    if agents:
        of = session
        if not of:
            raise Unreadable("bad_field", "cc_member_session_uuid: missing in an agent's leg")
    is_telephone = of not in ("", uuid)
    if is_telephone:
        met = origin or there
        device = text(v.cc_agent) if agents else text(there.destination_number) or text(v.dialed_user)
    else:
        met, of = there, ""
        device = _called(there, text(v.bridge_uuid)) or text(v.dialed_user)
    caller = origin.caller_id_number if origin else first.caller_id_number or v.caller_id_number or v.sip_from_user
    direction = text(cdr.channel_data.direction if cdr.channel_data else "") or text(v.direction)
    disposition, cause = text(v.originate_disposition), text(v.hangup_cause)
    application = text(v.last_app)
    progress_us = _moment(v.progress_uepoch, v.progress_epoch, flows, "progress_time")
    if progress_us == MISSING:
        progress_us = _moment(v.progress_media_uepoch, v.progress_media_epoch, flows, "progress_media_time")
    return Leg(
        uuid,
        start_us,
        end_us,
        _moment(v.answer_uepoch, v.answer_epoch, flows, "answered_time"),
        _moment(v.bridge_uepoch, v.bridge_epoch, flows, "bridged_time"),
        progress_us,
        direction == "outbound",
        name_of(of, "originating_leg_uuid"),
        text(caller),
        text(met.destination_number) or text(v.destination_number),
        text(met.rdnis) or text(v.rdnis),
        device,
        # The application that called the telephones says why nobody answered; the leg itself ends in good order.
        disposition if disposition not in ("", "SUCCESS") and not is_telephone else cause,
        bool(disposition) or application == "bridge",
        application == "voicemail" or _fusion_voicemail(v, application),
        text(v.cc_agent_type) == "uuid-standby",
        _passage(v, is_caller=not is_telephone) if text(v.cc_queue) and (agents or not is_telephone) else None,
        int(held)
        if (held := text(v.hold_accum_ms)).isascii() and held.isdigit() and len(held) < MAX_DIGITS
        else MISSING,
    )


def _fusion_voicemail(v: Variables, application: str) -> bool:
    """Whether a script of FusionPBX takes a message; with the action `check` it plays them to their owner."""
    return application == "lua" and text(v.last_arg) == "app.lua voicemail" and text(v.voicemail_action) != "check"


def _passage(v: Variables, *, is_caller: bool) -> Passage:
    joined, answered, ended, cancelled = (
        us if us == MISSING else us // S
        for us in (
            us_of(text(v.cc_queue_joined_epoch), S, "cc_queue_joined_epoch"),
            us_of(text(v.cc_queue_answered_epoch), S, "cc_queue_answered_epoch"),
            us_of(text(v.cc_queue_terminated_epoch), S, "cc_queue_terminated_epoch"),
            us_of(text(v.cc_queue_canceled_epoch), S, "cc_queue_canceled_epoch"),
        )
    )
    if joined == MISSING and is_caller:
        raise Unreadable("bad_field", "cc_queue_joined_epoch: missing beside cc_queue")
    # A caller who passed several queues carries the marks of those before: only what came after joining is of this one.
    left = ended if answered >= joined else cancelled
    member, agent = name_of(text(v.cc_member_uuid), "cc_member_uuid"), text(v.cc_agent)
    key = text(v.cc_exit_key)[:1]
    return Passage(text(v.cc_queue), member, joined, answered, left, text(v.cc_cause), text(v.cc_cancel_reason), agent, key)  # fmt: skip


def _where(flows: list[_Flow]) -> _Profile:
    """Where the caller was when he was first put through; where he was last, if he never was. The newest stands first."""
    for flow in reversed(flows):
        if text(flow.times.bridged_time) not in ("", "0"):
            return flow.caller_profile
    return flows[0].caller_profile if flows else _NO_PROFILE


def _origin(profile: _Profile) -> _Profile | None:
    found = profile.originator.originator_caller_profiles if profile.originator else ()
    return found[0] if found else None


def _called(profile: _Profile, uuid: str) -> str:
    """The number of the telephone that was put through; of the last one that was called, where that is not told."""
    found = profile.originatee.originatee_caller_profiles if profile.originatee else []
    mine = [one for one in found if text(one.uuid) == uuid] or found
    return text(mine[-1].destination_number) if mine else ""


def _moment(micros: Value, seconds: Value, flows: Sequence[_Flow], of_flow: str) -> int:
    """A moment of a leg: as its variables say it, else as the first of these passages through the dialplan does."""
    us = us_of(text(micros), 1, _PLACES[of_flow, 1])
    if us == MISSING:
        us = us_of(text(seconds), S, _PLACES[of_flow, S])
    if us == MISSING:
        for flow in flows:
            us = us_of(text(getattr(flow.times, of_flow)), 1, _PLACES[of_flow, 0])
            if us != MISSING:
                break
    return us


def text(value: Value) -> str:
    """A variable as text, its URL-encoding undone."""
    if isinstance(value, str):
        return plain(value) if "%" in value else value
    return "" if value is None else str(value)


def document_of(headers: Mapping[str, str]) -> Document:
    """A channel's event as the CDR of the same channel."""
    get = headers.get
    fields = {name: get(f"variable_{name}", "") for name in Variables.__struct_fields__}
    other = _Profile(
        get("Other-Leg-Unique-ID", ""),
        get("Other-Leg-Caller-ID-Number", ""),
        get("Other-Leg-Destination-Number", ""),
        get("Other-Leg-RDNIS", ""),
    )
    kind = get("Other-Type", "")
    profile = _Profile(
        get("Unique-ID", ""),
        get("Caller-Caller-ID-Number", ""),
        get("Caller-Destination-Number", ""),
        get("Caller-RDNIS", ""),
        _Originator([other]) if kind == "originator" else None,
        _Originatee([other]) if kind == "originatee" else None,
    )
    channel = "Caller-Channel-"
    times = _Times(
        get(f"{channel}Created-Time", ""),
        get(f"{channel}Progress-Time", ""),
        get(f"{channel}Progress-Media-Time", ""),
        get(f"{channel}Answered-Time", ""),
        get(f"{channel}Bridged-Time", ""),
        get(f"{channel}Hangup-Time", ""),
    )
    return Document(Variables(**fields), _Channel(get("Call-Direction", "")), [_Flow(profile, times)])
