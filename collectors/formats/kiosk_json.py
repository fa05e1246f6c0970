"""Kiosks, counter terminals and buttons that speak the project's own MQTT profile.

Topic `gecc/v1/<site>/<device>/<kind>`. Payload, on every kind but `status`:
- a structured CloudEvent 1.0, known by its `specversion`: `type` `th.gecc.<type>`, `subject` the ticket or
  call, the rest in `data`; any event type on any kind; or
- plain JSON for small hardware: `{"event":"issued","ticket":"A012","service":"idcard","boot":"k7","seq":12,
  "time":"2026-11-21T09:00:00+07:00"}`. The kind is the first half of the type; on kind `event` the whole
  type stands in `type`. `vote`, `gap` and `heartbeat` need no `event`.

Identity (`Event.id`; `Event.source` is `<site>/<device>` of the topic, since the topic is what the broker's
access list protects): `id`, else `<boot>:<seq>`, else with a time `<milliseconds>.<hash of topic and payload>`.
An id of the form `x:number` is brought to ten digits, so that ids sort by sequence and the same event has one
id in every form. A CloudEvent whose `source` is neither missing nor this device's (`<device>`,
`<site>/<device>`, or a URI that ends in `/<site>/<device>`) has its `source` before its id.

Time: `time` (RFC 3339 with zone) or `time_ms`; without either the time of receipt. `null` says nothing, like a
field left out. Of a key given twice the last counts (to find it would cost more than all other checks).
Fields without a place of their own are kept in `extra`, but never who a person is.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from collectors.base import Message
from collectors.formats.kiosk_fields import DEVICE_TYPES, KINDS, ONLY_TYPE, Said, decoder, struct_and_names, words
from collectors.rfc3339 import time_us
from telemetry.events import ALIASES, MAX_NAME, MISSING, Decoded, Event, Rejected, canonical_json

MAX_PAYLOAD = 64 * 1024
MAX_EXTRA = 1024
MAX_DEPTH = 4
OLDEST_US = 7 * 86_400_000_000
AHEAD_US = 300_000_000

_NAMES = {"contact": 0, "ticket": 0, "call": 0, "unit": 1, "service": 1, "queue": 1, "party": 2}
_PERSONAL = {
    # Who a person is has one place, `caller`; under any of these names a value is not kept.
    *("agent", "ani", "caller", "caller_id", "callerid", "cid", "citizen_id", "cli", "clid", "clerk", "email"),
    *("first_name", "id_card", "last_name", "mobile", "msisdn", "name", "officer", "operator", "passport", "person"),
    *("phone", "phone_number", "pid", "staff", "tel", "telephone", "user", "username"),
}


class DeviceRow(NamedTuple):
    """One device as this format needs it."""

    kind: str = "kiosk"
    unit: str = ""
    """Unit of its events where a message names none."""
    counter: str = ""
    """Counter of its events where a message names none."""
    scale_max: int = 5


class SiteRow(NamedTuple):
    """One site as this format needs it."""

    devices: Mapping[str, DeviceRow]
    units: frozenset[str] = frozenset()
    """Services and queues of the site; empty: any unit is taken."""


class KioskJson:
    """Decoder of `Message`s of all sites. Keeps the last known state of each device."""

    def __init__(self, *, sites: Mapping[str, SiteRow]) -> None:
        self._sites = sites
        self._routes: dict[str, _Route] = {}  # only of devices that exist, so that it cannot grow for ever
        self._states: dict[str, tuple[str, int]] = {}  # device's source → state, and when it began in µs
        self._dumped = ""

    def state(self, source: str) -> tuple[str, int] | None:
        """A device's last known state, `online` or `offline`, and since when (µs); None when it never said."""
        return self._states.get(source)

    def feed(self, records: Sequence[Message], received_us: int) -> Decoded:
        out = Decoded()
        append = out.events.append
        routes = self._routes
        for topic, payload, retained in records:
            route = routes.get(topic)
            try:
                if route is None:
                    route = self._route(topic)
                if len(payload) > MAX_PAYLOAD:
                    raise _No("too_large", f"{len(payload)} bytes, limit {MAX_PAYLOAD}")  # noqa: TRY301
                if route.decode is None:
                    change = self._status(route, payload, received_us)
                    if change:
                        append(change)
                    else:
                        out.ignored += 1
                elif retained and not payload:
                    out.ignored += 1  # the clearing of what was retained by mistake
                elif retained:
                    raise _No("retained", "only status may be retained")  # noqa: TRY301
                else:
                    try:
                        append(_exactly(route, route.decode, payload, received_us))
                    except _INEXACT:
                        append(_carefully(route, payload, received_us))
            except _No as no:
                out.rejected.append(_rejected(no, topic, payload, route))
        return out

    def restart(self) -> None:
        """Messages come in no files."""

    def dump(self) -> str:
        if not self._dumped and self._states:
            self._dumped = json.dumps(self._states, sort_keys=True, separators=(",", ":"))
        return self._dumped

    def load(self, state: str) -> None:
        self._states = {source: (was, us) for source, (was, us) in json.loads(state or "{}").items()}
        self._dumped = state

    def _route(self, topic: str) -> _Route:
        match topic.split("/"):
            case ["gecc", "v1", site, device, kind] if kind in KINDS:
                row = self._sites.get(site)
            case _:
                raise _No("bad_topic", f"not gecc/v1/<site>/<device>/<kind>, kind one of {' '.join(KINDS)}")
        if row is None:
            raise _No("unknown_site", f"no site {site!r}")
        if device not in row.devices:
            raise _No("unknown_device", f"no device {device!r} at {site}")
        self._routes[topic] = route = _Route(topic, site, device, kind, row)
        return route

    def _status(self, route: _Route, payload: bytes, received_us: int) -> Event | None:
        """The event of a change of state; None for a repeat, and for the clearing of a retained status."""
        word = payload.strip().lower()
        if not word:
            return None
        given = {"state": word.decode()} if word in (b"online", b"offline") else _object(payload)
        state = given.pop("state", None)
        if not isinstance(state, str) or state.lower() not in ("online", "offline"):
            raise _No("bad_field", f"$.state: {state!r}, expected online or offline")
        state = state.lower()
        numbers = ("utc_offset_ms", "clock_synced") if state == "online" else ()
        said = _said(f"device.{state}", {key: given.pop(key) for key in numbers if key in given})
        last_state, last_us = self._states.get(route.source, ("", 0))
        # Two changes can come at once: each begins later than the one before, and so has an id of its own
        # (unless the clock was set back).
        us = last_us + 1 if received_us <= last_us < received_us + AHEAD_US else received_us
        event = _event(route, said, "", f"status:{us}", us, us, _extra(given))
        if state == last_state:
            return None
        self._states[route.source] = (state, us)
        self._dumped = ""
        return event


class _Route:
    """What a topic stands for."""

    __slots__ = ("_own", "counter", "decode", "device", "kind", "scale_max", "site", "source", "topic", "unit", "units")

    def __init__(self, topic: str, site: str, device: str, kind: str, row: SiteRow) -> None:
        it = row.devices[device]
        self.topic, self.site, self.device, self.kind, self.source = topic, site, device, kind, f"{site}/{device}"
        self.unit, self.counter, self.scale_max, self.units = it.unit, it.counter, it.scale_max, row.units
        self.decode: Callable[[bytes], Any] | None = None if kind == "status" else decoder(kind)
        self._own = (device, f"/{device}", self.source)

    def owns(self, source: str) -> bool:
        """Whether a CloudEvent's `source` means this device."""
        return source in self._own or source.endswith(f"/{self.source}")


class _No(Exception):  # noqa: N818 - an answer, not a fault
    """This message becomes a reject."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class _Inexact(Exception):  # noqa: N818 - a fork in the way
    """Not what the quick way is for; the careful way decides."""


_INEXACT = (_Inexact, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _exactly(route: _Route, decode: Callable[[bytes], Any], payload: bytes, received_us: int) -> Event:
    """The event of a message that says what it may and nothing else: one decode in C, few steps in Python.

    Whatever is less plain, or wrong, is left to `_carefully`; where both answer, they answer the same.
    """
    said: Said
    if b'"specversion"' in payload:
        cloud = _cloud(payload)
        said, contact, time = cloud.data, cloud.subject, cloud.time
        if said.contact:
            if contact:
                raise _Inexact
            contact = said.contact
        ident = _padded(cloud.id)
        if cloud.source and not route.owns(cloud.source):
            ident = _of_other(cloud.source, ident)
    else:
        said = decode(payload)
        contact, time = said.contact, said.time
        if said.boot and said.seq >= 0 and not said.id:
            ident = f"{said.boot}:{said.seq:010d}"
        elif said.id and not said.boot and said.seq < 0:
            ident = _padded(said.id)
        else:
            raise _Inexact
        if said.time_ms != MISSING:
            raise _Inexact
    us = received_us
    if time:
        try:
            us = time_us(time)
        except ValueError:
            raise _No("bad_time", f"$.time: {time!r}, expected RFC 3339 with zone") from None
    return _event(route, said, contact, ident, us, received_us, "")


def _cloud(payload: bytes) -> Any:
    return decoder("cloud")(payload)


def _carefully(route: _Route, payload: bytes, received_us: int) -> Event:
    """The event of any readable message, or `_No` with the reason."""
    given = _object(payload)
    extra: dict[str, Any] = {}
    if "specversion" in given:
        type_, given, extra = _unwrapped(given)
        foreign = extra.pop("source", "")
        foreign = "" if route.owns(foreign) else foreign
    else:
        type_, foreign = _plain_type(route.kind, given), ""
    _, names = struct_and_names(type_)
    own_words = words(type_)
    known: dict[str, Any] = {}
    for key, value in given.items():
        place = 2 if key == own_words[2] else _NAMES.get(key)
        name = key if place is None else own_words[place]
        if name not in names:
            extra[key] = value
        elif known.setdefault(name, value) != value:
            raise _No("bad_field", f"$.{key}: {value!r}, but {known[name]!r} under another name")
    said = _said(type_, known)

    us = received_us
    if said.time:
        try:
            us = time_us(said.time)
        except ValueError:
            raise _No("bad_time", f"$.time: {said.time!r}, expected RFC 3339 with zone") from None
    if said.time_ms != MISSING:
        if said.time and us // 1000 != said.time_ms:
            raise _No("bad_time", f"$.time_ms: {said.time_ms}, but time {said.time}")
        us = us if said.time else said.time_ms * 1000

    if said.id:
        ident = _padded(said.id)
        ident = _of_other(foreign, ident) if foreign else ident
    elif said.boot and said.seq >= 0:
        ident = f"{known.pop('boot')}:{known.pop('seq'):010d}"
    elif said.time or said.time_ms != MISSING:
        digest = hashlib.blake2b(route.topic.encode() + b"\0" + payload, digest_size=8).hexdigest()
        ident = f"{us // 1000}.{digest}"
    else:
        # A sequence number alone starts again at each restart of the device.
        raise _No("no_identity", "neither id, nor boot and seq, nor time")
    extra |= {key: known[key] for key in ("boot", "seq") if key in known}
    return _event(route, said, said.contact, ident, us, received_us, _extra(extra))


def _unwrapped(given: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Type, plain fields and other attributes (`source` always among them) of a CloudEvent."""
    if given.pop("specversion") != "1.0":
        raise _No("bad_field", "$.specversion: expected 1.0")
    type_ = _type(given.pop("type", None), "$.type")
    if "id" not in given:
        raise _No("no_identity", "$.id: a CloudEvent needs one")
    for key, start in (("datacontenttype", "application/json"), ("source", "")):
        if not isinstance(given.setdefault(key, start), str) or not given[key].startswith(start):
            raise _No("bad_field", f"$.{key}: {given[key]!r}, expected {start or 'text'}")
    data = given.pop("data", {})
    if not isinstance(data, dict) or "data_base64" in given:
        raise _No("bad_field", "$.data: expected a JSON object")
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
                raise _No("bad_field", f"$.data.{key}: {value!r}, but {target[key]!r} outside data")
    return type_, fields, extra


def _plain_type(kind: str, given: dict[str, Any]) -> str:
    """The type that a plain message names, or the only one of its kind."""
    if kind == "event":
        return _type(given.pop("type", None), "$.type")
    name = given.pop("event", None)
    if name is None and kind in ONLY_TYPE:
        return ONLY_TYPE[kind]
    family = "device" if kind == "heartbeat" else kind
    type_ = _type(f"{family}.{name}" if isinstance(name, str) and "." not in name else name, "$.event")
    if not type_.startswith(f"{family}."):
        raise _No("unknown_type", f"$.event: {name!r} is not for topics of kind {kind}")
    return type_


def _type(name: object, place: str) -> str:
    if not isinstance(name, str):
        raise _No("bad_field", f"{place}: {name!r}, expected the name of an event type")
    type_ = name.removeprefix("th.gecc.")
    type_ = ALIASES.get(type_, type_)
    if type_ not in DEVICE_TYPES:
        raise _No("unknown_type", f"{place}: {name!r} is no type that a device sends")
    return type_


def _object(payload: bytes) -> dict[str, Any]:
    """The payload's JSON object without its nulls."""
    try:
        given = msgspec.json.decode(payload)
    except msgspec.ValidationError as error:  # well-formed, but a number beyond all use
        raise _No("bad_field", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _No("not_json", str(error)) from None
    except RecursionError:
        raise _No("not_json", "nested too deeply") from None
    if not isinstance(given, dict):
        raise _No("not_json", f"a JSON {type(given).__name__}, expected one object")
    return {key: value for key, value in given.items() if value is not None}


def _said(type_: str, known: dict[str, Any]) -> Said:
    try:
        said: Said = msgspec.convert(known, struct_and_names(type_)[0])
    except msgspec.ValidationError as error:
        place = str(error).rpartition("`$.")[2].rstrip("`")
        value = f" ({known[place]!r})" if place in known and place != "caller" else ""
        raise _No("bad_field", f"{error}{value}") from None
    return said


def _padded(ident: str) -> str:
    """`x:12` → `x:0000000012`; anything else as it is."""
    head, _, number = ident.rpartition(":")
    if head and number.isdecimal() and number.isascii() and len(number) < 20:
        return f"{head}:{int(number):010d}"
    return ident


def _of_other(source: str, ident: str) -> str:
    """An id that another producer behind this device gave: its source before it, as a hash when too long."""
    whole = f"{source} {ident}"
    if len(whole.encode()) <= MAX_NAME:
        return whole
    return f"{hashlib.blake2b(source.encode(), digest_size=8).hexdigest()} {ident}"


def _event(route: _Route, said: Said, contact: str, ident: str, us: int, received_us: int, extra: str) -> Event:
    """The checked event: everything that a struct cannot check is checked here, for both ways."""
    unit, party, person = said.unit or route.unit, said.party, said.person
    a, b = said.a, +said.b  # + makes a yes or no its number
    type_ = said.type_
    if said.at_counter and not party:
        party = route.counter
    if said.special:
        if type_ == "vote.cast":
            b = route.scale_max if b == MISSING else b
            if a > b:
                raise _No("bad_field", f"$.score: {a}, expected 1 to {b}")
        else:
            party = route.device
    if not (received_us - OLDEST_US <= us <= received_us + AHEAD_US):
        raise _No("time_out_of_range", f"{(us - received_us) / 1e6:+.0f} s from receipt, expected -7 d to +300 s")
    names = f"{contact}{unit}{party}{person}{ident}"
    if not (names.isascii() and names.isprintable() and len(ident) <= MAX_NAME):
        for name, value in (("contact", contact), ("unit", unit), ("party", party), ("person", person), ("id", ident)):
            # In this order: a lone surrogate is not printable, and has no UTF-8 to measure.
            if not value.isprintable() or len(value.encode()) > MAX_NAME:
                shown = "a number" if name == "person" else repr(value)
                raise _No("bad_field", f"{name}: {shown}, expected at most {MAX_NAME} bytes, all printable")
    if unit not in route.units and unit and route.units:
        raise _No("unknown_unit", f"no service or queue {unit!r} at {route.site}")
    if (said.needs_contact and not contact) or (said.needs_unit and not unit) or (said.needs_party and not party):
        needs = (said.needs_contact, said.needs_unit, said.needs_party)
        raise _No("bad_field", f"{type_} needs {' and '.join(itertools.compress(words(type_), needs))}")
    return _new_event(
        Event, (route.site, route.source, ident, type_, us, unit, contact, party, person, a, b, +said.c, 0, extra)
    )


_new_event: Callable[[type[Event], tuple[Any, ...]], Event] = tuple.__new__  # half the time of Event(...)


def _extra(given: dict[str, Any]) -> str:
    """What has no place of its own, as canonical JSON; "" for nothing."""
    if not given:
        return ""
    text = canonical_json(_impersonal(given, MAX_DEPTH))
    if len(text.encode()) > MAX_EXTRA:
        raise _No("bad_field", f"{len(text)} characters of fields unknown here, limit {MAX_EXTRA} bytes")
    return text


def _impersonal(value: Any, depth: int) -> Any:
    if isinstance(value, (dict, list)) and not depth:
        raise _No("bad_field", f"fields nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        return {
            key: "withheld" if key.lower() in _PERSONAL else _impersonal(one, depth - 1) for key, one in value.items()
        }
    if isinstance(value, list):
        return [_impersonal(one, depth - 1) for one in value]
    return value


def _rejected(no: _No, topic: str, payload: bytes, route: _Route | None) -> Rejected:
    detail = f"{topic}: {no}"[:120].encode("utf-8", "backslashreplace").decode()
    raw = payload[:4096] if no.reason == "too_large" else payload
    return Rejected(no.reason, detail, raw, route.site if route else "", route.source if route else "")
