"""Who may send, how often, and how a signed request is told from a forged or repeated one. Pure; the clock is given.

A token is 256 random bits, so its bare SHA-256 is enough: there is nothing to guess that a slow hash would slow down.

A signed request carries `Gecc-Timestamp` (seconds since 1970), `Gecc-Nonce` (16 to 64 of A-Z a-z 0-9 . _ -) and
`Gecc-Signature: v1=<hex>`, the HMAC-SHA256 under the shared key of

    <timestamp> "." <nonce> "." <METHOD> "." <path> "." <body>

where the path has no query and the body is as it is sent. The key is the content of its file without the line end.
Nonces are remembered in memory: what was taken before a restart and comes again after it is not refused, and counts as
the duplicates that its events are.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Final, Generic, TypeVar

Owner = TypeVar("Owner")

CLOCK_S: Final = 300
"""How far a signed request's time may be from ours."""
MOST_NONCES: Final = 20_000
"""Nonces remembered of one source: beyond them nothing signed is taken, because a repeat could not be told."""
LEAST_KEY: Final = 32
_HASH = re.compile(r"[0-9a-f]{64}")
_NONCE = re.compile(r"[A-Za-z0-9._-]{16,64}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})", re.ASCII)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The request is not taken: an HTTP status and why."""

    def __init__(self, status: int, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.retry_after_s = status, why, retry_after_s


def new_token() -> str:
    """A fresh token, to be shown once."""
    return f"gecc_{secrets.token_urlsafe(32)}"


def hashed(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def presented(authorization: str) -> str:
    """The token of an `Authorization` header: a Bearer's, or a Basic's password (all that some PBXs can send).
    "" when there is none."""
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""


class Tokens(Generic[Owner]):
    """Whose token it is."""

    def __init__(self, rows: Iterable[tuple[str, Owner]]) -> None:
        """Hash and owner of each token; ValueError for what is no hash, and for a token of two owners."""
        self._rows: dict[str, Owner] = {}
        for given, owner in rows:
            kept = given.lower()
            if not _HASH.fullmatch(kept):
                raise ValueError(f"token_sha256: {given!r} is not 64 hexadecimal digits, as `gecc token` prints them")
            if self._rows.setdefault(kept, owner) is not owner:
                raise ValueError(f"token_sha256: {given[:8]}… stands at two sources; each needs a token of its own")

    def owner(self, token: str) -> Owner | None:
        """Compares with every hash: the time it takes says nothing of which."""
        mine = hashed(token)
        found = None
        for kept, owner in self._rows.items():
            if hmac.compare_digest(kept, mine):
                found = owner
        return found if token else None


class Buckets:
    """A token bucket for each of many keys: `burst` at once, then `rate` a second. Forgets whom it has not seen for
    longest, once they are more than `most`."""

    def __init__(self, *, rate: float, burst: float, most: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._most, self._clock = rate, burst, most, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Take one: 0 when there was one, else after how many seconds there will be."""
        now = self._clock()
        left, at = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        taken = left >= 1
        self._left[key] = (left - 1 if taken else left, now)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return 0.0 if taken else (1 - left) / self._rate


class Signatures:
    """The signed requests of one source. `clock` is the time since 1970, as senders know it."""

    def __init__(self, key: bytes, *, clock: Callable[[], float], most: int = MOST_NONCES) -> None:
        if wrong := wrong_key(key):
            raise ValueError(wrong)
        self._key, self._clock, self._most = key, clock, most
        self._seen: OrderedDict[str, float] = OrderedDict()  # nonce → until when its request would be in time

    def check(self, headers: Mapping[str, str], method: str, path: str, body: bytes) -> str:
        """The nonce of a request that is genuine, in time and new; it is used up. Else `Refused`."""
        timestamp, nonce = headers.get("Gecc-Timestamp", ""), headers.get("Gecc-Nonce", "")
        given = _SIGNATURE.fullmatch(headers.get("Gecc-Signature", ""))
        if not (given and _TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce)):
            raise Refused(
                401, "needs Gecc-Timestamp, Gecc-Nonce (16 to 64 letters and digits) and Gecc-Signature: v1=…"
            )
        signed = f"{timestamp}.{nonce}.{method}.{path}.".encode() + body
        if not hmac.compare_digest(hmac.new(self._key, signed, sha256).hexdigest(), given[1]):
            raise Refused(401, "the signature is not that of this request")
        now = self._clock()
        if abs(now - int(timestamp)) > CLOCK_S:
            raise Refused(401, f"Gecc-Timestamp is more than {CLOCK_S} s from the time here")
        self._forget(now)
        if nonce in self._seen:
            raise Refused(409, "this Gecc-Nonce was used before")
        if len(self._seen) >= self._most:
            raise Refused(429, "too many signed requests", 1 + next(iter(self._seen.values())) - now)
        # Remembered for the longest that any request may be in time from now on, so that the first to go is first in line.
        self._seen[nonce] = now + 2 * CLOCK_S
        return nonce

    def give_back(self, nonce: str) -> None:
        """Nothing of its request was kept: the very same one may come again."""
        self._seen.pop(nonce, None)

    def _forget(self, now: float) -> None:
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)


def read_key(content: bytes) -> bytes:
    """The key in a file: its content without the line end."""
    return content.rstrip(b"\r\n")


def wrong_key(content: bytes) -> str:
    """What is wrong with the key in a file, "" when nothing is."""
    size = len(read_key(content))
    return f"hmac_key_file: a key of {size} bytes, expected {LEAST_KEY} at least" if size < LEAST_KEY else ""
