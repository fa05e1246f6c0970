"""Caller numbers and agents' names become keyed tokens before they reach the journal.

A phone number has too little in it for a bare hash: all Thai numbers can be tried in minutes. So the key is
everything: 32 random bytes in a file of mode 0600, made at first start. Caller keys change by epoch; for the first
days of an epoch a call carries its token under the key before as well, so that repeat calls are found across the
change, and when those days are over the old key is destroyed: older tokens can then be tied to nobody.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from telemetry.events import EVENT_TYPES, Decoded, Event, Rejected, canonical_json

EPOCH_US = 365 * 86_400_000_000
MOST_AGENTS = 10_000
"""Agents remembered at once."""
TEST = 1
"""Slot `test` of an entry from one of its site's test numbers; missing in any other."""
OVERLAP_US = 31 * 86_400_000_000
"""How long both keys live; at least the longest window of first-contact resolution (30 days)."""

KEY_BYTES = 32

_WITHHELD = frozenset(
    (
        "",
        "anonymous",
        "restricted",
        "unknown",
        "unavailable",
        "private",
        "withheld",
        "asterisk",
        "<unknown>",
        "s",
        "none",
    )
)
_JUNK = re.compile(r"[\s().\-/]")
_APART = rb"(?:\) ?|[ -])?"
_NUMBER = re.compile(
    rb"(?<!\d)(?<!\d\.)(?:(?:\+|00)(?:" + _APART + rb"\d){8,15}|(?:66|0)(?:" + _APART + rb"\d){8,9})(?!\d)"
)
_DELIMITED = rb"[^\s\"'<>()\[\]{},;:=|\\@"
_ADDRESS = re.compile(  # no quantifier can give back what it took: a long reject is read once
    rb"(?<!" + _DELIMITED + rb"])" + _DELIMITED + rb"]++@(?:" + _DELIMITED + rb".]++\.)++" + _DELIMITED + rb".]++"
    rb"|\bU[0-9a-f]{32}\b"
)
"""An e-mail address, or a LINE user."""
_IDENTITY = re.compile(r"([a-z][a-z0-9]{1,15}):(.+)", re.IGNORECASE | re.DOTALL)
_PHONE_SCHEMES = frozenset(("sip", "sips", "tel", "h323", "iax", "iax2"))


def identity(person: str) -> str:
    """The one form of who a person is outside the telephone network: `line:u4af49…`, `email:a@b.c`; "" for a number."""
    found = _IDENTITY.fullmatch(person.strip()) if ":" in person else None
    if not found or found[1].lower() in _PHONE_SCHEMES:
        return ""
    scheme, name = found[1].lower().replace("mailto", "email"), found[2].strip().lower()
    return "" if name in _WITHHELD else f"{scheme}:{name}"


def normal_form(number: str) -> str:
    """A caller number in its one form ("0812345678", "+4412..."), "" when withheld or not a number.

    +66, 0066 and 66 before a Thai number become 0; what follows an @ is dropped; blanks and dashes do not count.
    """
    text = _JUNK.sub("", number.strip().strip('"').split("@", 1)[0]).removeprefix("sip:").removeprefix("tel:")
    if text.lower() in _WITHHELD:
        return ""
    for prefix in ("+66", "0066"):
        if text.startswith(prefix):
            text = "0" + text[len(prefix) :].removeprefix("0")
    if text.startswith("66") and len(text) in (10, 11):
        text = "0" + text[2:]
    if text.startswith("00"):
        text = "+" + text[2:]
    digits = text.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or not digits.strip("0"):
        return ""
    return text


@lru_cache(8192)
def _one_form(person: str) -> str:
    return identity(person) or normal_form(person)


def redact(raw: bytes) -> bytes:
    """`raw` with whatever looks like a Thai or international phone number, an e-mail address or a LINE user blanked,
    for rejects that are kept."""
    return _ADDRESS.sub(_blanked, _NUMBER.sub(_blanked, raw))


def _blanked(found: re.Match[bytes]) -> bytes:
    return b"x" * len(found.group())


def is_personal(text: str) -> bool:
    raw = text.encode()
    return bool(_NUMBER.search(raw) or _ADDRESS.search(raw))


@lru_cache(1024)
def _redact_extra(extra: str) -> str:
    """The same for the fields that an event's source added: one JSON text stays one."""
    if not is_personal(extra):
        return extra
    return canonical_json(_blank(json.loads(extra)))


def _blank(value: Any) -> Any:
    if isinstance(value, dict):
        return {_blank(key): _blank(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_blank(one) for one in value]
    if isinstance(value, str):
        return redact(value.encode()).decode()
    return "withheld" if is_personal(str(value)) else value


@dataclass(slots=True)
class _Epoch:
    from_us: int
    key: bytes


class Pseudonyms:
    """The tokens of one data folder; the same number has the same token for as long as its key lives.

    Entries of calls from the test numbers of their site are marked: what the journal has of them is only that.
    """

    def __init__(self, key_file: Path, now_us: int, test_numbers: Mapping[str, Collection[str]] | None = None) -> None:
        self._file = key_file
        self._tests = {
            site: frozenset(map(_one_form, numbers)) - {""} for site, numbers in (test_numbers or {}).items()
        }
        if not key_file.exists():
            first = {"from_us": now_us, "key": secrets.token_hex(KEY_BYTES)}
            self._write({"agents": secrets.token_hex(KEY_BYTES), "callers": [first]})
        try:
            kept = json.loads(key_file.read_text())
            self._agent_key = _key(kept["agents"])
            self._epochs = [_Epoch(int(e["from_us"]), _key(e["key"])) for e in kept["callers"]]
            self._epochs[0]
        except (ValueError, LookupError, TypeError) as problem:
            raise OSError(
                f"{key_file}: damaged; put back a copy of it (without one, remove it: callers of before are then strangers)"
            ) from problem
        self._agents: dict[tuple[str, str], str] = {}

    def _write(self, kept: object) -> None:
        fresh = self._file.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as out:
            json.dump(kept, out)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._file)

    def rotate(self, now_us: int) -> None:
        """Begin a new epoch when the current one is a year old; destroy the key before it when the overlap is over."""
        epochs = list(self._epochs)
        if now_us - epochs[-1].from_us >= EPOCH_US:
            epochs.append(_Epoch(now_us, secrets.token_bytes(KEY_BYTES)))
        if len(epochs) > 1 and now_us - epochs[-1].from_us > OVERLAP_US:
            epochs = epochs[-1:]
        if epochs != self._epochs:
            callers = [{"from_us": e.from_us, "key": e.key.hex()} for e in epochs]
            self._write({"agents": self._agent_key.hex(), "callers": callers})  # no token of a key that is not kept
            self._epochs = epochs

    def caller(self, number: str, time_us: int) -> tuple[int, int]:
        """Token of a number, or of another identity of a person, at that time and, in the first days of an epoch, its token under the key before.

        0 stands for a withheld number; 0 as second token for none. The oldest key there is serves all times
        before it (logs imported from the past).
        """
        normal = _one_form(number)
        if not normal:
            return 0, 0
        at = len(self._epochs) - 1
        while at > 0 and time_us < self._epochs[at].from_us:
            at -= 1
        current = _token(normal, self._epochs[at].key)
        if at > 0 and time_us - self._epochs[at].from_us <= OVERLAP_US:
            return current, _token(normal, self._epochs[at - 1].key)
        return current, 0

    def agent(self, site: str, name: str) -> str:
        """The agent's pseudonym: stable, and of no use outside its site."""
        known = self._agents.get((site, name))
        if known is None:
            if len(self._agents) > MOST_AGENTS:
                self._agents.clear()
            digest = blake2b(f"{site}\0{name}".encode(), key=self._agent_key, person=b"gecc-agent", digest_size=5)
            known = self._agents[site, name] = f"agent-{digest.hexdigest()}"
        return known

    def protect(self, decoded: Decoded) -> None:
        """Replace, in place, everything that names a person: callers, agents, numbers inside rejects and extra fields."""
        protect = self._protect
        decoded.events = [
            protect(e) if e.person or e.extra or (e.party and _IS_AGENT[e.type]) else e for e in decoded.events
        ]
        if decoded.rejected:
            decoded.rejected = [
                Rejected(r.reason, redact(r.detail.encode()).decode(), redact(r.raw), r.site, r.source)
                for r in decoded.rejected
            ]

    def _protect(self, e: Event) -> Event:
        site, source, id_, type_, time_us, unit, contact, party, person, a, b, c, _, extra = e
        caller = 0
        if person:
            caller, alias = self.caller(person, time_us)
            if type_ == "call.entered":
                c = alias or c
                if (tests := self._tests.get(site)) and _one_form(person) in tests:
                    b = TEST
        if party and _IS_AGENT[type_]:
            party = self._agents.get((site, party)) or self.agent(site, party)
        if extra:
            extra = _redact_extra(extra)
        return _event((site, source, id_, type_, time_us, unit, contact, party, "", a, b, c, caller, extra))


PSEUDONYM = re.compile(r"agent-[0-9a-f]{10}")
"""What `Pseudonyms.agent` makes of a name."""
_event = partial(tuple.__new__, Event)
"""Event(...) itself would cost more than all of the above."""
_IS_AGENT = {name: row.party_is == "agent" for name, row in EVENT_TYPES.items()}


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("a key of another length")
    return key


def _token(normal: str, key: bytes) -> int:
    digest = blake2b(normal.encode(), key=key, person=b"gecc-caller", digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True) or 1
