"""What a device may say in a message of the gecc/v1 profile: one struct a type, made from the table of event types.

msgspec decodes and checks a whole payload in C against these; nothing below knows topics, time or identity.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Protocol, Union

import msgspec
from msgspec import Meta

from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, QUESTIONS

KINDS = ("event", "ticket", "counter", "vote", "call", "agent", "gap", "status", "heartbeat")
"""Last level of a topic."""

ONLY_TYPE = {"vote": "vote.cast", "gap": "gap.reported", "heartbeat": "device.heartbeat"}
"""Kinds of one type: their plain messages need not name it."""

DEVICE_TYPES = {
    # A device's state is what `status` tells, and the rest of the vocabulary is for the logs of a PBX.
    name: row
    for name, row in EVENT_TYPES.items()
    if name.partition(".")[0] in KINDS or name in ONLY_TYPE.values()
}
"""The types that a device may send."""

_PHONE_WORDS = ("call", "queue", "agent")
_TICKET_WORDS = ("ticket", "service", "counter")
_OTHER_WORDS = {"conversation": ("conversation", "channel", "agent"), "case": ("case", "service", "agent")}

_Name = Annotated[str, Meta(max_length=MAX_NAME)]
_Given = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
_Boot = Annotated[str, Meta(min_length=1, max_length=40)]
_Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_YesNo = Union[bool, Annotated[int, Meta(ge=0, le=1)]]  # noqa: UP007 - as an object, for msgspec
_Number = Annotated[int, Meta(ge=0, le=10**15)]
_Signed = Annotated[int, Meta(ge=-(10**15), le=10**15)]
_NUMBERS: dict[str, Any] = {
    "priority": Annotated[int, Meta(ge=0, le=99)],
    "disposition": Annotated[int, Meta(ge=1, le=3)],
    "outcome": Annotated[int, Meta(ge=1, le=3)],
    "kind": Annotated[int, Meta(ge=1, le=4)],
    "result": Annotated[int, Meta(ge=1, le=3)],
    "automatic": _YesNo,
    "score": Annotated[int, Meta(ge=1, le=100)],
    "scale_max": Annotated[int, Meta(ge=2, le=100)],
    "question": Union[Annotated[int, Meta(ge=0, le=max(QUESTIONS.values()))], Literal[tuple(QUESTIONS)]],  # noqa: UP007
    "utc_offset_ms": _Signed,
    "value": _Signed,
    "clock_synced": _YesNo,
    "ended_by_agent": _YesNo,
}
_REQUIRED = ("score", "lost")
_NOT_SAID = ("", "caller_previous_epoch")  # slots that no device fills


class Said(Protocol):
    """A decoded message. "" and MISSING stand for what it does not say, -1 for no `seq`."""

    type_: str
    needs_contact: bool
    needs_unit: bool
    needs_party: bool
    at_counter: bool
    special: bool
    contact: str
    unit: str
    party: str
    person: str
    boot: str
    seq: int
    time: str
    time_ms: int
    id: str
    a: int
    b: int
    c: Any
    """A number; a question may stand here by its name."""


def words(type_: str) -> tuple[str, str, str]:
    """What messages of this type call contact, unit and party."""
    if type_.startswith(("call.", "agent.")):
        return _PHONE_WORDS
    return _OTHER_WORDS.get(type_.partition(".")[0], _TICKET_WORDS)


def struct(type_: str, *, inside: bool = False, tag: tuple[str, str] | None = None, first: Sequence[Any] = ()) -> Any:
    """The struct of a type; `inside` a CloudEvent it has no time and no identity of its own."""
    row = EVENT_TYPES[type_]
    contact, unit, party = words(type_)
    constants: dict[str, Any] = {
        "type_": type_,
        "needs_contact": "contact" in row.needs,
        "needs_unit": "unit" in row.needs,
        "needs_party": "party" in row.needs,
        "at_counter": row.party_is == "counter",
        "special": type_.startswith(("vote.", "device.")),
    }
    rename = {"contact": contact, "unit": unit, "party": party, "person": "caller"}
    fields: list[Any] = [*first, ("contact", _Name, ""), ("unit", _Name, ""), ("party", _Name, "")]
    if not inside:
        fields += [("boot", _Boot, ""), ("seq", _Seq, -1), ("time", _Given, "")]
    for letter, slot in zip("abc", (*row.slots, "", "", "")[:3], strict=True):
        if slot in _NOT_SAID:
            constants[letter] = MISSING
            continue
        rename[letter] = slot
        number = _NUMBERS.get(slot, _Number)
        fields.append((letter, number) if slot in _REQUIRED else (letter, number, MISSING))
    fields.append(("person", _Name, ""))
    if not inside:
        fields += [("id", _Given, ""), ("time_ms", _Number, MISSING)]
    return _closed(type_.replace(".", "_"), fields, tag, namespace=constants, rename=rename)


@functools.cache
def decoder(kind: str) -> Callable[[bytes], Any]:
    """Decode of the payloads of a kind that say exactly what they may; of CloudEvents for kind `cloud`."""
    made: list[Any]
    if kind in ONLY_TYPE:
        word = ONLY_TYPE[kind].partition(".")[2]
        made = [struct(ONLY_TYPE[kind], first=[("event", Literal[word], word)])]
    elif kind == "cloud":
        made = [_envelope(type_) for type_ in DEVICE_TYPES]
    elif kind == "event":
        made = [struct(type_, tag=("type", type_)) for type_ in DEVICE_TYPES]
    else:
        made = [struct(t, tag=("event", t.partition(".")[2])) for t in DEVICE_TYPES if t.startswith(f"{kind}.")]
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(Union[tuple(made)]).decode  # noqa: UP007
    return decode


@functools.cache
def struct_and_names(type_: str) -> tuple[Any, frozenset[str]]:
    """Struct of a type and the names its fields have in a message."""
    made = struct(type_)
    return made, frozenset(made.__struct_encode_fields__)


def _envelope(type_: str) -> Any:
    """A CloudEvent of this type, with what its `data` may say inside."""
    fields = [
        ("specversion", Literal["1.0"]),
        ("id", _Given),
        ("source", str, ""),
        ("time", _Given, ""),
        ("subject", _Name, ""),
        ("datacontenttype", Literal["application/json"], "application/json"),
        ("data", struct(type_, inside=True)),
    ]
    return _closed("cloud", fields, ("type", f"th.gecc.{type_}"))


def _closed(name: str, fields: Sequence[Any], tag: tuple[str, str] | None, **more: Any) -> Any:
    """A struct that takes these fields and no other."""
    if tag:
        more |= {"tag_field": tag[0], "tag": tag[1]}
    return msgspec.defstruct(name, fields, kw_only=True, gc=False, forbid_unknown_fields=True, **more)
