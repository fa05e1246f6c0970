"""What CloudEvents say and how it becomes fields of an event, whatever brought them: MQTT, HTTP, files.

Field by field and without haste; nothing here knows topics, sources of the configuration, or what time is acceptable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from typing import Any

import msgspec

from collectors.formats.kiosk_fields import Said, struct_and_names, words
from collectors.rfc3339 import time_us
from telemetry.events import ALIASES, MAX_NAME, MISSING, canonical_json

MAX_EXTRA = 1024
MAX_DEPTH = 4

PLACES = {"contact": 0, "ticket": 0, "call": 0, "unit": 1, "service": 1, "queue": 1, "party": 2}
"""Names that stand for contact, unit and party beside those that the type has for them."""

PERSONAL = {
    # Who a person is has one place, `caller`; under any of these names a value is not kept.
    *("agent", "ani", "caller", "caller_id", "callerid", "cid", "citizen_id", "cli", "clid", "clerk", "email"),
    *("first_name", "id_card", "last_name", "mobile", "msisdn", "name", "officer", "operator", "passport", "person"),
    *("phone", "phone_number", "pid", "staff", "tel", "telephone", "user", "username"),
}


class No(Exception):  # noqa: N818 - an answer, not a fault
    """This record becomes a reject."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def json_object(payload: bytes) -> dict[str, Any]:
    """The payload's JSON object without its nulls."""
    try:
        given = msgspec.json.decode(payload)
    except msgspec.ValidationError as error:  # well-formed, but a number beyond all use
        raise No("bad_field", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise No("not_json", str(error)) from None
    except RecursionError:
        raise No("not_json", "nested too deeply") from None
    if not isinstance(given, dict):
        raise No("not_json", f"a JSON {type(given).__name__}, expected one object")
    return {key: value for key, value in given.items() if value is not None}


def type_of(name: object, place: str, types: Container[str], sender: str = "a device") -> str:
    """The event type that a sender names; it must be one of `types`."""
    if not isinstance(name, str):
        raise No("bad_field", f"{place}: {name!r}, expected the name of an event type")
    type_ = name.removeprefix("th.gecc.")
    type_ = ALIASES.get(type_, type_)
    if type_ not in types:
        raise No("unknown_type", f"{place}: {name!r} is no type that {sender} sends")
    return type_


def unwrapped(
    given: dict[str, Any], types: Container[str], sender: str = "a device"
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Type, plain fields and other attributes (`source` always among them) of a CloudEvent."""
    if given.pop("specversion") != "1.0":
        raise No("bad_field", "$.specversion: expected 1.0")
    type_ = type_of(given.pop("type", None), "$.type", types, sender)
    if "id" not in given:
        raise No("no_identity", "$.id: a CloudEvent needs one")
    for key, start in (("datacontenttype", "application/json"), ("source", "")):
        if not isinstance(given.setdefault(key, start), str) or not given[key].startswith(start):
            raise No("bad_field", f"$.{key}: {given[key]!r}, expected {start or 'text'}")
    data = given.pop("data", {})
    if not isinstance(data, dict) or "data_base64" in given:
        raise No("bad_field", "$.data: expected a JSON object")
    fields = {"id": given.pop("id")}
    if "time" in given:
        fields["time"] = given.pop("time")
    if "subject" in given:
        fields[words(type_)[0]] = given.pop("subject")
    extra = {key: value for key, value in given.items() if key not in ("datacontenttype", "dataschema", "sequencetype")}
    for key, value in data.items():
        if value is not None:
            target = extra if key in ("id", "time", "time_ms", "boot", "seq") else fields
            if target.setdefault(key, value) != value:
                raise No("bad_field", f"$.data.{key}: {value!r}, but {target[key]!r} outside data")
    return type_, fields, extra


def placed(type_: str, given: Mapping[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """The fields that the type knows, under its own names; the others go to `extra`."""
    _, names = struct_and_names(type_)
    own_words = words(type_)
    known: dict[str, Any] = {}
    for key, value in given.items():
        place = 2 if key == own_words[2] else PLACES.get(key)
        name = key if place is None else own_words[place]
        if name not in names:
            extra[key] = value
        elif known.setdefault(name, value) != value:
            raise No("bad_field", f"$.{key}: {value!r}, but {known[name]!r} under another name")
    return known


def said_of(type_: str, known: dict[str, Any]) -> Said:
    """The fields, checked."""
    try:
        said: Said = msgspec.convert(known, struct_and_names(type_)[0])
    except msgspec.ValidationError as error:
        place = str(error).rpartition("`$.")[2].rstrip("`")
        value = f" ({known[place]!r})" if place in known and place != "caller" else ""
        raise No("bad_field", f"{error}{value}") from None
    return said


def time_of(said: Said, received_us: int) -> int:
    """When it happened: what it says, the time of receipt when it says nothing."""
    us = received_us
    if said.time:
        try:
            us = time_us(said.time)
        except ValueError:
            raise No("bad_time", f"$.time: {said.time!r}, expected RFC 3339 with zone") from None
    if said.time_ms != MISSING:
        if said.time and us // 1000 != said.time_ms:
            raise No("bad_time", f"$.time_ms: {said.time_ms}, but time {said.time}")
        us = us if said.time else said.time_ms * 1000
    return us


def padded(ident: str) -> str:
    """`x:12` → `x:0000000012`; anything else as it is."""
    head, _, number = ident.rpartition(":")
    if head and number.isdecimal() and number.isascii() and len(number) < 20:
        return f"{head}:{int(number):010d}"
    return ident


def of_other(source: str, ident: str) -> str:
    """An id that another producer behind this source gave: its source before it, as a hash when too long."""
    whole = f"{source} {ident}"
    if len(whole.encode()) <= MAX_NAME:
        return whole
    return f"{hashlib.blake2b(source.encode(), digest_size=8).hexdigest()} {ident}"


def extra_text(given: dict[str, Any]) -> str:
    """What has no place of its own, as canonical JSON; "" for nothing."""
    if not given:
        return ""
    text = canonical_json(impersonal(given, MAX_DEPTH))
    if len(text.encode()) > MAX_EXTRA:
        raise No("bad_field", f"{len(text)} characters of fields unknown here, limit {MAX_EXTRA} bytes")
    return text


def impersonal(value: Any, depth: int) -> Any:
    """`value` without what stands under a name of `PERSONAL`."""
    if isinstance(value, (dict, list)) and not depth:
        raise No("bad_field", f"fields nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        return {
            key: "withheld" if key.lower() in PERSONAL else impersonal(one, depth - 1) for key, one in value.items()
        }
    if isinstance(value, list):
        return [impersonal(one, depth - 1) for one in value]
    return value
