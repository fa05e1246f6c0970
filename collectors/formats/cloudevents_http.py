"""CloudEvents 1.0 as web systems send them: conversations, cases, votes, tickets, calls.

A record is one event as a JSON object (structured mode); `cloudevents_modes` brings what HTTP carries in headers (binary
mode) or as an array (batch mode) to that form. `subject` is the conversation, case, ticket or call; `data` the rest by the names
of the type's slots. Beside the numbers, words are taken: see `WORDS`; `due` is `due_ms` as RFC 3339.

Identity: `id`, with the event's `source` before it unless that means this very source (`<source>`, `<site>/<source>`,
or a URI that ends in `/<site>/<source>`). A `source` of the form `<site>/…` of another site is refused: it is another
sender's event, or another sender's token.

Time: `time`, however long ago (histories are sent this way too), not more than 5 minutes ahead; the time of receipt
where it is missing.

Who a person is stands in `person` (or `caller`) and nowhere else: a telephone number, an e-mail address, or
`<channel>:<identity>` such as `line:U4af49…`. Ids and subjects that are a person's number or address are refused. Of
conversations and cases only numbers and codes are kept beside what has a place: text that people wrote is not.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from collectors.base import Guess
from collectors.formats.cloudevents import (
    PERSONAL,
    No,
    extra_text,
    json_object,
    of_other,
    padded,
    placed,
    said_of,
    time_of,
    unwrapped,
)
from collectors.formats.kiosk_fields import Said, words
from collectors.formats.options import Options
from collectors.rfc3339 import time_us
from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, QUESTIONS, Decoded, Event, Rejected, canonical_json

MAX_EVENT = 64 * 1024
MAX_PERSON = 320
AHEAD_US = 300_000_000
EARLIEST_US = 946_684_800_000_000  # 2000: a time before it is a clock that was never set
LONGEST_DUE_MS = 50 * 366 * 86_400_000
"""A date due later than this was written in the Buddhist Era."""

CHANNELS = frozenset(("email", "chat", "line", "facebook"))
"""Units that need not be declared: the channels of conversations."""

_FAMILIES = ("ticket", "conversation", "counter", "call", "agent", "case")
TYPES = {n: row for n, row in EVENT_TYPES.items() if n.partition(".")[0] in _FAMILIES or n == "vote.cast"}
"""The types that may be sent."""

WORDS: Mapping[str, Mapping[str, int]] = {
    "kind": {"complaint": 1, "request": 2, "suggestion": 3, "praise": 4},
    "result": {"settled": 1, "rejected": 2, "withdrawn": 3},
    "disposition": {"done": 1, "referred": 2, "must_return": 3},
    "outcome": {"ready": 1, "papers_missing": 2, "referred": 3},
    "question": QUESTIONS,
}
"""Slots that may be said in words."""

_COMPLAINTS = ("complaint.opened", "th.gecc.complaint.opened")  # the type says the kind
_WRITTEN = ("conversation.", "case.")
_SENSITIVE = PERSONAL | {
    *("address", "body", "content", "customer", "customer_id", "display_name", "facebook_id", "from", "line_id"),
    *(
        "line_user_id",
        "message",
        "psid",
        "recipient",
        "sender",
        "sender_id",
        "text",
        "title",
        "to",
        "user_id",
        "userid",
    ),
}
_CODE = re.compile(r"[A-Za-z0-9_.:/+-]{1,64}", re.ASCII)
_TELEPHONE = re.compile(r"\+?[0-9 ().\-/]{2,24}", re.ASCII)
_CHANNEL_IDENTITY = re.compile(r"[A-Za-z][A-Za-z0-9]{1,15}:\S.*", re.ASCII)
_ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
_UNTOLD = frozenset(("", "anonymous", "private", "restricted", "unknown", "withheld", "unavailable"))
_LOOKS = (
    (re.compile(r"[^\s@]@[^\s@]+\.[^\s@]"), "an e-mail address"),
    (
        re.compile(r"(?<![0-9A-Za-z.])(?:(?:\+|00)[1-9]\d{7,14}|(?:66|0)[1-9]\d{7,8})(?![0-9A-Za-z])", re.ASCII),
        "a telephone number",
    ),
    (  # in the groups that people write; other digits with dashes are numbers of cases
        re.compile(
            r"(?<![0-9A-Za-z.-])\(?0(?:[689]\d\)?[ -]\d{3}[ -]\d{4}|[689][ -]\d{4}[ -]\d{4}|[2-7]\d?\)?[ -]\d{3}[ -]\d{3,4})(?![0-9A-Za-z-])",
            re.ASCII,
        ),
        "a telephone number",
    ),
    (re.compile(r"(?<![0-9A-Za-z])U[0-9a-f]{32}(?![0-9A-Za-z])", re.ASCII), "a LINE user"),
)
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9A-Za-z])", re.ASCII | re.IGNORECASE
)
"""Its last part may be digits only: one in thirty thousand would be a number abroad."""
_WITHHELD = "withheld"


def recognise(documents: Sequence[bytes]) -> Guess | None:
    """Whether these are CloudEvents as JSON objects."""
    try:
        good = sum("specversion" in json_object(one) for one in documents)
    except No:
        return None
    return Guess(good / len(documents), "CloudEvents 1.0, structured JSON") if good else None


class CloudEventsHttp:
    """Decoder of one source. Keeps nothing from one event to the next."""

    def __init__(
        self,
        *,
        site: str,
        source: str,
        options: Options | None = None,
        units: frozenset[str] = frozenset(),
        sites: frozenset[str] = frozenset(),
    ) -> None:
        """`units` are the site's own, empty: any is taken; `sites` all that there are."""
        self._site, self._source = site, source
        self._renamed = options.units if options else {}
        self._units = units | CHANNELS if units else units
        self._others = sites - {site}
        name = source.removeprefix(f"{site}/")
        self._own = ("", name, f"{site}/{name}")

    def feed(self, records: Sequence[bytes], received_us: int) -> Decoded:
        out = Decoded()
        for record in records:
            try:
                try:
                    out.events.append(self._event(record, received_us))
                except RecursionError:
                    raise No("not_json", "nested too deeply") from None
            except No as no:
                detail = str(no)[:200].encode("utf-8", "backslashreplace").decode()
                out.rejected.append(Rejected(no.reason, detail, _kept(record), self._site, self._source))
        return out

    def restart(self) -> None:
        """Each record stands for itself."""

    def dump(self) -> str:
        return ""

    def load(self, state: str) -> None:
        """There is none."""

    def _event(self, record: bytes, received_us: int) -> Event:
        if len(record) > MAX_EVENT:
            raise No("too_large", f"{len(record)} bytes, limit {MAX_EVENT}")
        given = json_object(record)
        if "specversion" not in given:
            raise No("bad_field", "$.specversion: expected 1.0")
        if not isinstance(given.get("subject", ""), str):
            raise No("bad_field", "$.subject: expected text")
        named = given.get("type")
        type_, fields, extra = unwrapped(given, TYPES, "a sender")
        if named in _COMPLAINTS:
            fields.setdefault("kind", "complaint")
        claimed = extra.pop("source", "")
        self._is_ours(claimed, fields.pop("site", self._site))
        person = _person(fields)
        _in_numbers(fields)
        known = placed(type_, fields, extra)
        said = said_of(type_, known)
        us = time_of(said, received_us)
        if not EARLIEST_US <= us <= received_us + AHEAD_US:
            raise No("time_out_of_range", f"$.time: {said.time}, expected 2000 to now (Common Era) and 5 minutes more")
        ident = self._identity(said.id, claimed)
        self._check(said, ident, us)
        unit = self._renamed.get(said.unit, said.unit)
        if unit and self._units and unit not in self._units:
            raise No("unknown_unit", f"no service or queue {unit!r} at {self._site}")
        extra |= {key: known[key] for key in ("boot", "seq") if key in known}
        return Event(
            *(self._site, self._source, ident, type_, us, unit, said.contact, said.party, person),
            *(+said.a, +said.b, +said.c),  # + makes a yes or no its number
            extra=extra_text(_codes(extra, coded=type_.startswith(_WRITTEN))),
        )

    def _is_ours(self, claimed: str, site: object) -> None:
        parts = [part for part in re.split(r"[/:]", claimed) if part]
        named = parts[-2] if len(parts) > 1 else parts[0] if parts else ""
        if named in self._others:
            raise No("bad_credentials", f"$.source: of site {named!r}, but the token is {self._source}'s")
        if site != self._site:
            raise No("bad_credentials", f"$.data.site: expected {self._site!r}, whose token it is")

    def _identity(self, ident: str, claimed: str) -> str:
        _not_of_a_person("$.id", ident)
        ident = padded(ident)
        if claimed in self._own or claimed.endswith(f"/{self._own[2]}"):
            return ident
        if any(looks.search(claimed) for looks, _ in _LOOKS):
            claimed = blake2b(claimed.encode(), digest_size=8).hexdigest()
        whole = of_other(claimed, ident)
        return whole if len(whole.encode()) <= MAX_NAME else blake2b(whole.encode(), digest_size=16).hexdigest()

    def _check(self, said: Said, ident: str, us: int) -> None:
        """Everything that a struct cannot check."""
        contact, unit, party = words(said.type_)
        for name, value in ((contact, said.contact), (unit, said.unit), (party, said.party), ("id", ident)):
            # In this order: a lone surrogate is not printable, and has no UTF-8 to measure.
            if not value.isprintable() or len(value.encode()) > MAX_NAME:
                raise No("bad_field", f"{name}: expected at most {MAX_NAME} bytes, all printable")
        _not_of_a_person(f"$.subject ({contact})", said.contact)
        _not_of_a_person(f"$.data.{unit}", said.unit)
        if EVENT_TYPES[said.type_].party_is == "counter":  # an agent becomes a pseudonym
            _not_of_a_person(f"$.data.{party}", said.party)
        needs = (said.needs_contact, said.needs_unit, said.needs_party)
        if not all(itertools.compress((said.contact, said.unit, said.party), needs)):
            raise No("bad_field", f"{said.type_} needs {' and '.join(itertools.compress(words(said.type_), needs))}")
        if said.type_ == "vote.cast" and not said.a <= said.b:
            raise No("bad_field", f"$.data.scale_max: needed, not below the score of {said.a}")
        slots = EVENT_TYPES[said.type_].slots
        if "due_ms" in slots:
            due_ms = (said.a, said.b)[slots.index("due_ms")]
            if due_ms != MISSING and abs(due_ms - us // 1000) > LONGEST_DUE_MS:
                raise No("bad_field", f"$.data.due: {due_ms} ms is 50 years away; years are Common Era")


def _person(fields: dict[str, Any]) -> str:
    """Who it is, taken out of `fields`. The value is never told: details are read by people."""
    given = [fields.pop(key) for key in ("person", "caller") if key in fields]
    if not given:
        return ""
    person = given[0].strip() if isinstance(given[0], str) else None
    if person is None or given[0] != given[-1] or len(person.encode("utf-8", "replace")) > MAX_PERSON:
        raise No("bad_field", f"$.data.person: expected one text of up to {MAX_PERSON} bytes")
    if person.lower() in _UNTOLD:
        return ""
    if not person.isprintable():
        raise No("bad_field", "$.data.person: expected printable characters")
    if _TELEPHONE.fullmatch(person) or _CHANNEL_IDENTITY.fullmatch(person):
        return person
    if _ADDRESS.fullmatch(person):
        return f"email:{person}"
    expected = "a telephone number, an e-mail address, or channel:identity such as line:U123"
    raise No("bad_field", f"$.data.person: expected {expected}")


def _in_numbers(fields: dict[str, Any]) -> None:
    """Words become the numbers of their slots, `due` becomes `due_ms`."""
    for slot, known in WORDS.items():
        if isinstance(word := fields.get(slot), str):
            if word not in known:
                raise No("bad_field", f"$.data.{slot}: {word!r}, expected one of: {', '.join(known)}")
            fields[slot] = known[word]
    due = fields.pop("due", None)
    if due is not None:
        try:
            due_ms = time_us(due) // 1000 if isinstance(due, str) else None
        except ValueError:
            due_ms = None
        if due_ms is None:
            raise No("bad_field", f"$.data.due: {due!r}, expected RFC 3339 with zone")
        if fields.setdefault("due_ms", due_ms) != due_ms:
            raise No("bad_field", f"$.data.due_ms: {fields['due_ms']!r}, but due {due}")


def _not_of_a_person(place: str, text: str) -> None:
    text = _UUID.sub("uuid", text)
    for looks, what in _LOOKS:
        if looks.search(text):
            raise No("bad_field", f"{place}: looks like {what}; send an id of your own, and who it is as person")


def _codes(value: Any, *, coded: bool) -> Any:
    """`value` without what names people; `coded`: and of its texts only those that are codes."""
    if isinstance(value, dict):
        return {k: _WITHHELD if k.lower() in _SENSITIVE else _codes(v, coded=coded) for k, v in value.items()}
    if isinstance(value, list):
        return [_codes(one, coded=coded) for one in value]
    return _WITHHELD if coded and isinstance(value, str) and not _CODE.fullmatch(value) else value


def _kept(record: bytes) -> bytes:
    """A record that could not be read, as it is kept: without what names people where it can be told."""
    try:
        kept = canonical_json(_codes(json_object(record), coded=False)).encode("utf-8", "backslashreplace")
    except (No, RecursionError, ValueError):
        kept = record
    return kept[: MAX_EVENT if len(record) <= MAX_EVENT else 4096]
