"""Corrections by hand: who may say what, and the signature under it.

There are two acts. A void says that an event counts no more, an add tells one that no source told; what was wrong is
replaced by both. Nothing that was told is changed, and a void is taken back by voiding it. A correction names the role of
who makes it, never a name, and why. It is signed with the key of the archive, so only who may read that key can make one.
What is signed is what will be sealed: the record of its event without `seq`, `id` and `received_us`, and `by`, `why`, `at`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from telemetry.archive.record import Recorder
from telemetry.archive.seal import hidden_key
from telemetry.archive.signing import Signer
from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, QUESTIONS, UNKNOWN, VOIDED, Event, canonical_json
from telemetry.journal_reader import JournalReader
from telemetry.privacy import PSEUDONYM, is_personal
from telemetry.rules import names_of
from telemetry.settings import Site
from telemetry.voided import source_of, voids_of

LONGEST = {"by": 60, "why": 200}
"""Characters."""
ADDED = {
    name: row
    for name, row in EVENT_TYPES.items()
    if name.startswith(("ticket.", "conversation.", "counter.", "call.", "agent.", "case.")) or name == "vote.cast"
}
"""The types that can be told by hand: what people and the centre did. What devices and logs say of themselves cannot."""
AHEAD_US = 300_000_000
OF_PERSONS = ("", "test", "caller_previous_epoch")
"""Slots that only a caller's number could fill."""
_RANGES = {
    "priority": (0, 99), "disposition": (1, 3), "outcome": (1, 3), "kind": (1, 4), "result": (1, 3), "automatic": (0, 1),
    "score": (1, 100), "scale_max": (2, 100), "question": (0, max(QUESTIONS.values())), "ended_by_agent": (0, 1),
}  # fmt: skip
_NUMBER = (UNKNOWN, 10**15)
_TEXTS, _WHOLE = ("unit", "contact", "party"), ("a", "b", "c")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class CorrectionError(ValueError):
    """A correction that cannot be; the text says what is wrong with it."""


@dataclass(frozen=True)
class Correction:
    """One correction. `event` has no `id` and no `extra` yet."""

    event: Event
    by: str
    why: str
    at: str
    """When it was made, UTC: what is said again at another time is another correction."""
    signature: str = ""

    @cached_property
    def text(self) -> str:
        """The file in which it waits to be taken in."""
        e = self.event
        said: dict[str, Any] = {"site": e.site, "type": e.type, "time_us": e.time_us}
        said |= {name: getattr(e, name) for name in _TEXTS if getattr(e, name)}
        said |= {name: getattr(e, name) for name in _WHOLE if getattr(e, name) != MISSING}
        return canonical_json(said | {"by": self.by, "why": self.why, "at": self.at, "signature": self.signature})

    def signed(self, signer: Signer) -> Correction:
        """The same with a signature."""
        message = self._message(signer)
        return replace(self, signature=signer.sign(message, _comment(self.event.site, message)).decode())

    def as_event(self, signer: Signer) -> Event:
        """The event that the journal keeps; CorrectionError where the signature is not of this key and statement. The same
        statement is the same event, however often it comes."""
        if not compare_digest(self.signature.encode(), self.signed(signer).signature.encode()):  # it has one form
            raise CorrectionError("not signed with the key of this archive")
        extra = canonical_json({"by": self.by, "why": self.why, "at": self.at, "signature": self.signature})
        return self.event._replace(id=_id(self._message(signer)), extra=extra)

    def _message(self, signer: Signer) -> bytes:
        row = Recorder(hidden_key(signer, self.event.site)).row(0, 0, self.event)
        said = {name: value for name, value in row.items() if name not in ("seq", "received_us")}
        return canonical_json(said | {"by": self.by, "why": self.why, "at": self.at}).encode()


def void(journal: JournalReader, site: Site, seq: int, *, by: str, why: str, now_us: int) -> Correction:
    """The event at a journal offset counts no more; CorrectionError where there is none, or it does not count already."""
    told = journal.event(seq)
    if told is None or told.site != site.id:
        raise CorrectionError(f"#{seq}: {site.id} has no event at this journal offset")
    event = Event(site.id, source_of(site.id), "", VOIDED, told.time_us, unit=told.unit, contact=told.contact, a=seq)
    return _checked(Correction(event, by.strip(), why.strip(), _now(now_us)), journal, site, now_us)


def add(journal: JournalReader, site: Site, event: Event, *, by: str, why: str, now_us: int) -> Correction:
    """An event that no source told; CorrectionError says why it cannot be one."""
    event = event._replace(site=site.id, source=source_of(site.id), id="", extra="")
    return _checked(Correction(event, by.strip(), why.strip(), _now(now_us)), journal, site, now_us)


def read(text: str) -> Correction:
    """The correction of a file; CorrectionError for anything that is not its one form."""
    try:
        said = json.loads(text)
        event = Event(
            said["site"], source_of(said["site"]), "", said["type"], said["time_us"],
            **{name: said[name] for name in (*_TEXTS, *_WHOLE) if name in said},
        )  # fmt: skip
        out = Correction(event, said["by"], said["why"], said["at"], said["signature"])
        texts = (event.site, event.type, event.unit, event.contact, event.party, out.by, out.why, out.at, out.signature)
        numbers = (event.time_us, event.a, event.b, event.c)
        good = all(isinstance(x, str) for x in texts) and all(type(x) is int and -(2**63) <= x < 2**63 for x in numbers)
        if not good or out.text != text:
            raise ValueError("not in its one form")  # noqa: TRY301
        out.text.encode()
    except (ValueError, LookupError, TypeError, RecursionError) as problem:
        raise CorrectionError(f"not a correction: {problem}") from problem
    return out


def check_content(one: Correction, journal: JournalReader, site: Site, now_us: int) -> None:
    """CorrectionError where a correction cannot be taken in now, whoever signed it."""
    for name, longest in LONGEST.items():
        text: str = getattr(one, name)
        if not text or text != text.strip() or not text.isprintable() or len(text) > longest:
            raise CorrectionError(f"{name}: expected one line of 1 to {longest} characters")
        if is_personal(text):
            raise CorrectionError(f"{name}: holds the number or the address of a person")
    if not _AT.fullmatch(one.at):
        raise CorrectionError("at: not a time in UTC")
    e = one.event
    if e.type == VOIDED:
        _check_void(e, journal, site)
    else:
        _check_add(e, journal, site, now_us)


def _checked(one: Correction, journal: JournalReader, site: Site, now_us: int) -> Correction:
    check_content(one, journal, site, now_us)
    return one


def _check_void(e: Event, journal: JournalReader, site: Site) -> None:
    told = journal.event(e.a) if e.a > 0 else None
    if told is None or told.site != site.id:
        raise CorrectionError(f"#{e.a}: {site.id} has no event at this journal offset")
    if (told.time_us, told.unit, told.contact) != (e.time_us, e.unit, e.contact) or (e.party, e.b, e.c) != (
        "",
        MISSING,
        MISSING,
    ):
        raise CorrectionError(f"#{e.a}: is another event than the one that the correction means")
    by = voids_of(journal.columns([site.id], e.time_us, e.time_us + 1, voided=True)).get(e.a)
    if by is not None:
        raise CorrectionError(f"#{e.a}: is voided already, by #{by}; void that one to take it back")


def _check_add(e: Event, journal: JournalReader, site: Site, now_us: int) -> None:
    row = ADDED.get(e.type)
    if row is None:
        raise CorrectionError(f"type: {e.type[:MAX_NAME]!r} cannot be told by hand; {', '.join(ADDED)} can")
    if not 0 < e.time_us <= now_us + AHEAD_US:
        raise CorrectionError("time: is not past")
    for name in row.needs:
        if not getattr(e, name):
            raise CorrectionError(f"{name}: {e.type} needs one")
    is_agent = row.party_is == "agent" and e.party != ""
    if is_agent and not PSEUDONYM.fullmatch(e.party):
        raise CorrectionError("party: expected an agent's pseudonym")
    for name in _TEXTS[:2] if is_agent else _TEXTS:  # a pseudonym may look like a number
        text = getattr(e, name)
        if text != text.strip() or not text.isprintable() or len(text.encode()) > MAX_NAME or is_personal(text):
            raise CorrectionError(f"{name}: expected up to {MAX_NAME} bytes, and no number or address of a person")
    known = set(names_of(site)) - {site.id}
    if e.unit and site.services and not e.type.startswith(("call.", "agent.", "counter.")) and e.unit not in known:
        raise CorrectionError(
            f"unit: {site.id} has no service or channel {e.unit!r}; there are {', '.join(sorted(known))}"
        )
    _check_numbers(e, row.slots)
    voids = voids_of(journal.columns([site.id], e.time_us, e.time_us + 1, voided=True))
    for seq, _, other in journal.by_hand(site.id, e.time_us, e.time_us + 1):
        if seq not in voids and other._replace(id="", extra="") == e:
            raise CorrectionError(f"this was added already, as #{seq}; give another time if it happened twice")


def _check_numbers(e: Event, slots: tuple[str, ...]) -> None:
    for name, value in zip((*slots, "", "", "")[:3], (e.a, e.b, e.c), strict=True):
        low, high = _RANGES.get(name, _NUMBER)
        if value != MISSING and (name in OF_PERSONS or not low <= value <= high):
            raise CorrectionError(f"{name or 'a number more'}: not for {e.type}, or outside of {low} to {high}")
    if e.type == "vote.cast" and not 1 <= e.a <= e.b:
        raise CorrectionError("score, scale_max: a vote needs both, score up to scale_max")


def _comment(site: str, message: bytes) -> str:
    return f"site={site} correction={_id(message)}"


def _id(message: bytes) -> str:
    return sha256(message).hexdigest()[:32]


def _now(now_us: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=now_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
