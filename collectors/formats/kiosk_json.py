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

Numbers that are missing in `<boot>:<seq>`, or in the `sequence` of CloudEvents, are gaps: see `tracks`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from collectors.base import Message
from collectors.formats.cloudevents import (
    No,
    extra_text,
    json_object,
    of_other,
    padded,
    placed,
    said_of,
    time_of,
    type_of,
    unwrapped,
)
from collectors.formats.kiosk_fields import DEVICE_TYPES, KINDS, ONLY_TYPE, Said, decoder, words
from collectors.formats.tracks import Tracks
from collectors.rfc3339 import time_us
from telemetry.events import MAX_NAME, MISSING, QUESTIONS, Decoded, Event, Rejected

MAX_PAYLOAD = 64 * 1024
OLDEST_US = 7 * 86_400_000_000
AHEAD_US = 300_000_000
_YES_OR_NO = QUESTIONS["resolved"]
"""Its scale is 2 where a message does not say; that of the others is the device's."""


class DeviceRow(NamedTuple):
    """One device as this format needs it."""

    kind: str = "kiosk"
    unit: str = ""
    """Unit of its events where a message names none."""
    counter: str = ""
    """Counter of its events where a message names none."""
    scale_max: int = 5
    convention: str = "gecc"
    """What follows is for devices of other conventions: see `presses`."""
    topic: str = ""
    presses: Mapping[str, int] = {}
    debounce_s: float = 0.8


class SiteRow(NamedTuple):
    """One site as this format needs it."""

    devices: Mapping[str, DeviceRow]
    units: frozenset[str] = frozenset()
    """Services and queues of the site; empty: any unit is taken."""


class KioskJson:
    """Decoder of `Message`s of all sites. Keeps the last known state of each device."""

    def __init__(self, *, sites: Mapping[str, SiteRow]) -> None:
        self._sites = sites
        self._routes: dict[str, Route] = {}  # only of devices that exist, so that it cannot grow for ever
        self._states: dict[str, tuple[str, int]] = {}  # device's source → state, and when it began in µs
        self._dumped = ""
        self.tracks = Tracks()

    def state(self, source: str) -> tuple[str, int] | None:
        """A device's last known state, `online` or `offline`, and since when (µs); None when it never said."""
        return self._states.get(source)

    def received(self) -> dict[str, int]:
        """Messages of each device since we started."""
        out: dict[str, int] = {}
        for route in self._routes.values():
            out[route.source] = out.get(route.source, 0) + route.received
        return out

    def feed(self, records: Sequence[Message], received_us: int) -> Decoded:
        out = Decoded()
        append = out.events.append
        routes = self._routes
        for topic, payload, retained, _, _ in records:
            route = routes.get(topic)
            try:
                if route is None:
                    route = self._route(topic)
                route.received += 1
                if len(payload) > MAX_PAYLOAD:
                    raise No("too_large", f"{len(payload)} bytes, limit {MAX_PAYLOAD}")  # noqa: TRY301
                if route.decode is None:
                    change = self._status(route, payload, received_us)
                    if change:
                        append(change)
                    else:
                        out.ignored += 1
                elif retained and not payload:
                    out.ignored += 1  # the clearing of what was retained by mistake
                elif retained:
                    raise No("retained", "only status may be retained")  # noqa: TRY301
                else:
                    try:
                        append(_exactly(route, route.decode, payload, received_us))
                    except _INEXACT:
                        append(_carefully(route, payload, received_us))
            except No as no:
                out.rejected.append(rejected(no, topic, payload, route))
        if out.events:
            out.gaps = self.tracks.end_batch(out.events, received_us)
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

    def _route(self, topic: str) -> Route:
        match topic.split("/"):
            case ["gecc", "v1", site, device, kind] if kind in KINDS:
                row = self._sites.get(site)
            case _:
                raise No("bad_topic", f"not gecc/v1/<site>/<device>/<kind>, kind one of {' '.join(KINDS)}")
        if row is None:
            raise No("unknown_site", f"no site {site!r}")
        if device not in row.devices:
            raise No("unknown_device", f"no device {device!r} at {site}")
        self._routes[topic] = route = Route(topic, site, device, kind, row, self.tracks)
        return route

    def _status(self, route: Route, payload: bytes, received_us: int) -> Event | None:
        """The event of a change of state; None for a repeat, and for the clearing of a retained status."""
        word = payload.strip().lower()
        if not word:
            return None
        given = {"state": word.decode()} if word in (b"online", b"offline") else json_object(payload)
        state = given.pop("state", None)
        if not isinstance(state, str) or state.lower() not in ("online", "offline"):
            raise No("bad_field", f"$.state: {state!r}, expected online or offline")
        state = state.lower()
        numbers = ("utc_offset_ms", "clock_synced") if state == "online" else ()
        said = said_of(f"device.{state}", {key: given.pop(key) for key in numbers if key in given})
        last_state, last_us = self._states.get(route.source, ("", 0))
        # Two changes can come at once: each begins later than the one before, and so has an id of its own
        # (unless the clock was set back).
        us = last_us + 1 if received_us <= last_us < received_us + AHEAD_US else received_us
        event = _event(route, said, "", f"status:{us}", us, us, extra_text(given))
        if state == last_state:
            return None
        self._states[route.source] = (state, us)
        self._dumped = ""
        return event


class Route:
    """What a topic stands for."""

    __slots__ = (
        *("_own", "counter", "decode", "device", "kind", "received", "scale_max", "site", "source", "topic", "track"),
        *("tracks", "unit", "units"),
    )

    def __init__(self, topic: str, site: str, device: str, kind: str, row: SiteRow, tracks: Tracks) -> None:
        it = row.devices[device]
        self.topic, self.site, self.device, self.kind, self.source = topic, site, device, kind, f"{site}/{device}"
        self.unit, self.counter, self.scale_max, self.units = it.unit, it.counter, it.scale_max, row.units
        self.decode: Callable[[bytes], Any] | None = None if kind == "status" else decoder(kind)
        self.received = 0
        self._own = (device, f"/{device}", self.source)
        self.tracks, self.track = tracks, tracks.of(site, self.source)

    def owns(self, source: str) -> bool:
        """Whether a CloudEvent's `source` means this device."""
        return source in self._own or source.endswith(f"/{self.source}")


class _Inexact(Exception):  # noqa: N818 - a fork in the way
    """Not what the quick way is for; the careful way decides."""


_INEXACT = (_Inexact, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _exactly(route: Route, decode: Callable[[bytes], Any], payload: bytes, received_us: int) -> Event:
    """The event of a message that says what it may and nothing else: one decode in C, few steps in Python.

    Whatever is less plain, or wrong, is left to `_carefully`; where both answer, they answer the same.
    """
    said: Said
    if b'"specversion"' in payload:
        cloud = _cloud(payload)
        said, contact, time = cloud.data, cloud.subject, cloud.time
        boot, seq = "", -1
        if said.contact:
            if contact:
                raise _Inexact
            contact = said.contact
        ident = padded(cloud.id)
        if cloud.source and not route.owns(cloud.source):
            ident = of_other(cloud.source, ident)
    else:
        said = decode(payload)
        contact, time = said.contact, said.time
        boot, seq = said.boot, said.seq
        if boot and seq >= 0 and not said.id:
            ident = f"{boot}:{seq:010d}"
        elif said.id and not boot and seq < 0:
            ident = padded(said.id)
        else:
            raise _Inexact
        if said.time_ms != MISSING:
            raise _Inexact
    us = received_us
    if time:
        try:
            us = time_us(time)
        except ValueError:
            raise No("bad_time", f"$.time: {time!r}, expected RFC 3339 with zone") from None
    track = route.track
    if seq == track.expect and boot == track.boot:
        track.expect = seq + 1
        track.us = us
    elif boot != track.unjudged:
        track.saw(boot, seq, us, received_us)
    return _event(route, said, contact, ident, us, received_us, "")


def _cloud(payload: bytes) -> Any:
    return decoder("cloud")(payload)


def _carefully(route: Route, payload: bytes, received_us: int) -> Event:
    """The event of any readable message, or `No` with the reason."""
    given = json_object(payload)
    extra: dict[str, Any] = {}
    if "specversion" in given:
        type_, given, extra = unwrapped(given, DEVICE_TYPES)
        foreign = extra.pop("source", "")
        foreign = "" if route.owns(foreign) else foreign
    else:
        type_, foreign = _plain_type(route.kind, given), ""
    known = placed(type_, given, extra)
    said = said_of(type_, known)
    us = time_of(said, received_us)
    if said.id:
        ident = padded(said.id)
        ident = of_other(foreign, ident) if foreign else ident
    elif said.boot and said.seq >= 0:
        ident = f"{known.pop('boot')}:{known.pop('seq'):010d}"
    elif said.time or said.time_ms != MISSING:
        digest = hashlib.blake2b(route.topic.encode() + b"\0" + payload, digest_size=8).hexdigest()
        ident = f"{us // 1000}.{digest}"
    else:
        # A sequence number alone starts again at each restart of the device.
        raise No("no_identity", "neither id, nor boot and seq, nor time")
    if said.boot and said.seq >= 0:
        route.track.saw(said.boot, said.seq, us, received_us)
        route.tracks.urgent |= ident != f"{said.boot}:{said.seq:010d}"
    elif isinstance(number := extra.get("sequence"), str) and number.isdecimal() and len(number) < 19:
        route.tracks.of(route.site, route.source, "sequence").saw(
            f"sequence of {foreign}", int(number), us, received_us
        )
    extra |= {key: known[key] for key in ("boot", "seq") if key in known}
    return _event(route, said, said.contact, ident, us, received_us, extra_text(extra))


def _plain_type(kind: str, given: dict[str, Any]) -> str:
    """The type that a plain message names, or the only one of its kind."""
    if kind == "event":
        return type_of(given.pop("type", None), "$.type", DEVICE_TYPES)
    name = given.pop("event", None)
    if name is None and kind in ONLY_TYPE:
        return ONLY_TYPE[kind]
    family = "device" if kind == "heartbeat" else kind
    whole = f"{family}.{name}" if isinstance(name, str) and "." not in name else name
    type_ = type_of(whole, "$.event", DEVICE_TYPES)
    if not type_.startswith(f"{family}."):
        raise No("unknown_type", f"$.event: {name!r} is not for topics of kind {kind}")
    return type_


def _event(route: Route, said: Said, contact: str, ident: str, us: int, received_us: int, extra: str) -> Event:
    """The checked event: everything that a struct cannot check is checked here, for both ways."""
    unit, party, person = said.unit or route.unit, said.party, said.person
    a, b, c = said.a, +said.b, said.c  # + makes a yes or no its number
    type_ = said.type_
    if said.at_counter and not party:
        party = route.counter
    if said.special:
        if type_ == "vote.cast":
            c = QUESTIONS.get(c, c)
            if b == MISSING:
                b = 2 if c == _YES_OR_NO else route.scale_max
            if a > b:
                raise No("bad_field", f"$.score: {a}, expected 1 to {b}")
        else:
            party = route.device
    if not (received_us - OLDEST_US <= us <= received_us + AHEAD_US):
        raise No("time_out_of_range", f"{(us - received_us) / 1e6:+.0f} s from receipt, expected -7 d to +300 s")
    names = f"{contact}{unit}{party}{person}{ident}"
    if not (names.isascii() and names.isprintable() and len(ident) <= MAX_NAME):
        for name, value in (("contact", contact), ("unit", unit), ("party", party), ("person", person), ("id", ident)):
            # In this order: a lone surrogate is not printable, and has no UTF-8 to measure.
            if not value.isprintable() or len(value.encode()) > MAX_NAME:
                shown = "a number" if name == "person" else repr(value)
                raise No("bad_field", f"{name}: {shown}, expected at most {MAX_NAME} bytes, all printable")
    if unit not in route.units and unit and route.units:
        raise No("unknown_unit", f"no service or queue {unit!r} at {route.site}")
    if (said.needs_contact and not contact) or (said.needs_unit and not unit) or (said.needs_party and not party):
        needs = (said.needs_contact, said.needs_unit, said.needs_party)
        raise No("bad_field", f"{type_} needs {' and '.join(itertools.compress(words(type_), needs))}")
    return _new_event(
        Event, (route.site, route.source, ident, type_, us, unit, contact, party, person, a, b, +c, 0, extra)
    )


_new_event: Callable[[type[Event], tuple[Any, ...]], Event] = tuple.__new__  # half the time of Event(...)


def rejected(no: No, topic: str, payload: bytes, route: Route | None) -> Rejected:
    detail = f"{topic}: {no}"[:120]
    detail = detail if detail.isprintable() else repr(detail)[1:-1]
    raw = payload[:4096] if no.reason == "too_large" else payload
    return Rejected(no.reason, detail, raw, route.site if route else "", route.source if route else "")
