"""FreeSWITCH mod_json_cdr, pushed by HTTP or as files, and the events of mod_callcenter and of channels beside it.

A record is one body: a JSON document, several of them one a line or in an array, a form field `cdr=` (URL-encoded or
base64), or an event of the event socket as `Key: value` lines or as JSON. Values of variables may be URL-encoded.
Times are microseconds or seconds since 1970; 0 is never. A document that comes again is the same call: ids depend on
uuids. What a leg is stands in `freeswitch_document`, what legs and queues make of a call in `freeswitch_calls`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from collectors.base import Guess
from collectors.formats.freeswitch_bodies import documents, key_values
from collectors.formats.freeswitch_calls import Calls
from collectors.formats.freeswitch_document import Document, document_of, leg_of, text
from collectors.formats.freeswitch_events import callcenter
from collectors.formats.options import Options
from collectors.formats.reading import Unreadable
from telemetry.events import Decoded, Event, Rejected

_Kind = TypeVar("_Kind")
_document = msgspec.json.Decoder(Document)
_headers = msgspec.json.Decoder(dict[str, Any])
_SHOWN = 1024
"""Of a body that cannot be unpacked: what is encoded, numbers of people cannot be blanked in."""
_ENDED = "CHANNEL_HANGUP_COMPLETE"


class FreeswitchJsonCdr:
    """Decoder of one FreeSWITCH. Ids depend on uuids alone, and what one record adds to another does not depend on
    their order, but for callers who are taken back to their place in a queue."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        self._site, self._source = site, source
        self._calls = Calls(site, source, options or Options())

    def feed(self, records: Sequence[bytes], received_us: int) -> Decoded:  # noqa: ARG002 (it dates itself)
        out = Decoded()
        for body in records:
            try:
                found = list(documents(body))
                for document in found:
                    self._one(document, out)
                out.ignored += not found
            except Unreadable as why:
                out.rejected.append(Rejected(why.reason, why.detail, body[:_SHOWN], self._site, self._source))
        return out

    def restart(self) -> None:
        """Every document is a file of its own: nothing ends with one."""

    def dump(self) -> str:
        return self._calls.dump()

    def load(self, state: str) -> None:
        self._calls.load(state)

    def _one(self, document: bytes, out: Decoded) -> None:
        try:
            events = self._read(document)
        except Unreadable as why:
            out.rejected.append(Rejected(why.reason, why.detail, document, self._site, self._source))
            return
        out.events.extend(events)
        out.ignored += not events

    def _read(self, document: bytes) -> Sequence[Event]:
        if not document.startswith(b"{"):
            return self._event(key_values(document))
        cdr = decoded(document)
        if cdr.variables is None:
            headers = _decoded(_headers, document)
            return self._event(_scalars(headers))
        leg = leg_of(cdr)
        return self._calls.leg(leg) if leg is not None else ()

    def _event(self, headers: Mapping[str, str]) -> Sequence[Event]:
        if "CC-Action" in headers:
            return callcenter(self._calls, headers)
        if not headers.get("Event-Name"):
            raise Unreadable("bad_field", "neither variables of a CDR nor the Event-Name of an event")
        if headers["Event-Name"] != _ENDED:
            return ()
        leg = leg_of(document_of(headers))
        return self._calls.leg(leg) if leg is not None else ()


def decoded(document: bytes) -> Document:
    """A JSON document as far as it is read; Unreadable where it is none, or a field of another kind."""
    return _decoded(_document, document)


def _decoded(decoder: msgspec.json.Decoder[_Kind], document: bytes) -> _Kind:
    try:
        return decoder.decode(document)
    except msgspec.ValidationError as problem:
        raise Unreadable("bad_field", str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Unreadable("not_json", str(problem)) from None


def _scalars(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name: text(value) for name, value in headers.items() if not isinstance(value, list | dict)}


def recognise(records: Sequence[bytes]) -> Guess | None:
    """Whether the first document, or the one that these lines make, is a CDR of FreeSWITCH or one of its events."""
    for body in (records[0] if records else b"", b"\n".join(records)):
        try:
            what = _kind(_names(next(documents(body), b"{}")))
        except (Unreadable, msgspec.DecodeError, RecursionError):
            continue
        if what:
            return Guess(1.0, what)
    return None


def _names(document: bytes) -> dict[str, Any]:
    if document.startswith(b"{"):
        return msgspec.json.decode(document, type=dict[str, Any])
    return dict(key_values(document))


def _kind(names: Mapping[str, Any]) -> str:
    if "CC-Action" in names:
        return "an event of FreeSWITCH's mod_callcenter, of whole seconds"
    if "Event-Name" in names and any(name.startswith(("Caller-", "variable_")) for name in names):
        return "an event of a channel of FreeSWITCH, which shows no telephone that rang in vain"
    if "variables" not in names or not names.keys() & {"core-uuid", "channel_data", "callflow"}:
        return ""
    variables = names["variables"]
    if isinstance(variables, dict) and "cc_queue" in variables:
        return "FreeSWITCH JSON CDR (mod_json_cdr) of a call in a queue; only the agents' legs carry its ring time"
    return "FreeSWITCH JSON CDR (mod_json_cdr) of a call without a queue"
