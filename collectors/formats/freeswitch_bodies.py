"""The documents in a body that FreeSWITCH sends or writes, whatever it is wrapped in."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import msgspec

from collectors.formats.reading import Unreadable, text_of

MAX_DOCUMENT = 1024 * 1024
_SHORT = 128
"""Values of so many characters, such as the names of queues, come again and again."""
_array = msgspec.json.Decoder(list[msgspec.Raw])


def plain(value: str) -> str:
    """A value with its URL-encoding undone."""
    if "%" not in value:
        return value
    return _short(value) if len(value) <= _SHORT else text_of(unquote_to_bytes(value), "a URL-encoded value")


@lru_cache(4096)
def _short(value: str) -> str:
    return text_of(unquote_to_bytes(value), "a URL-encoded value")


def documents(body: bytes) -> Iterator[bytes]:
    """The documents of a body, each as JSON or as the lines of an event."""
    if len(body) > MAX_DOCUMENT:
        raise Unreadable("too_large", f"{len(body)} bytes, at most {MAX_DOCUMENT} expected")
    body = body.strip().removeprefix(b"\xef\xbb\xbf")
    if not body.startswith((b"{", b"[")):
        body = _unpacked(body)
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            body = text_of(body, "the document").encode()
    if body.startswith(b"["):
        try:
            yield from (bytes(one) for one in _array.decode(body))
        except (msgspec.DecodeError, RecursionError) as problem:
            raise Unreadable("not_json", str(problem)) from None
    elif body.startswith(b"{"):
        first = body.find(b"\n")
        if first < 0 or not _whole(body[:first]):
            yield body
            return
        lines = [line for line in body.split(b"\n") if line.strip()]
        if all(_whole(line) for line in lines):
            yield from (line.strip() for line in lines)
        else:
            yield body
    else:
        yield from (one for one in body.replace(b"\r\n", b"\n").split(b"\n\n") if one.strip())


def key_values(text: bytes) -> dict[str, str]:
    """The headers of an event; of one that stands twice, the first."""
    out: dict[str, str] = {}
    for line in text.split(b"\n"):
        key, colon, value = line.rstrip(b"\r").partition(b": ")
        if not colon:
            if line.strip() and not line.rstrip().endswith(b":"):
                raise Unreadable(
                    "malformed_line", f"{line[:40]!r}: neither JSON, nor a form, nor `Key: value` of an event"
                )
            continue
        out.setdefault(text_of(key, "a header's name"), plain(text_of(value, "a header")))
    return out


def _whole(line: bytes) -> bool:
    """Whether a line is a document by itself, and not one of a document that is written over several."""
    line = line.strip()
    return line.startswith(b"{") and line.endswith(b"}")


def _unpacked(body: bytes) -> bytes:
    """The document of a form; anything else as it is."""
    at = 0 if body.startswith(b"cdr=") else body.find(b"&cdr=") + 1
    if at == 0 and not body.startswith(b"cdr="):
        return unquote_to_bytes(body) if body.startswith((b"%7B", b"%7b", b"%5B", b"%5b")) else body
    value = body[at + 4 :].split(b"&", 1)[0]
    found = unquote_to_bytes(value).strip()
    if found.startswith((b"{", b"[")):
        return found
    try:
        # A form's blank was a plus sign; FreeSWITCH breaks long lines and pads with what follows its buffer.
        return b64decode(found.replace(b"\n", b"").replace(b"\r", b"").replace(b" ", b"+"), validate=True).strip(
            b"\0 \n"
        )
    except (binascii.Error, ValueError):
        raise Unreadable("not_json", "cdr=: neither URL-encoded JSON nor base64") from None
