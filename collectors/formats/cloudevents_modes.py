"""The three ways in which HTTP carries CloudEvents, brought to one: JSON objects that hold the whole event."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec


class Body(NamedTuple):
    """What one request carries."""

    records: list[bytes]
    batch: bool


def split(headers: Sequence[tuple[str, str]], body: bytes) -> Body | None:
    """The events of an HTTP request, one JSON object each; None for a content type that carries no CloudEvents."""
    kind, _, more = _one(headers, "content-type").partition(";")
    kind = kind.strip().lower()
    if (charset := re.search(r"charset\s*=\s*\"?([\w.-]+)", more)) and charset[1].lower() not in ("utf-8", "us-ascii"):
        return None
    if kind == "application/cloudevents+json":
        return Body([body], batch=False)
    if kind == "application/cloudevents-batch+json":
        events = _batch(body)
        return Body([body], batch=False) if events is None else Body(events, batch=True)
    attributes = [(n.lower()[3:], _attribute(v)) for n, v in headers if n.lower().startswith("ce-")]
    if not any(name == "specversion" for name, _ in attributes) or not (kind == "" or _is_json(kind)):
        return None
    event: dict[str, Any] = dict(attributes)
    if len(event) < len(attributes):
        event["specversion"] = "of a header that is given twice"
    if body:
        try:
            event |= {"datacontenttype": "application/json", "data": msgspec.json.decode(body)}
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            event["data"] = "not JSON"
    return Body([msgspec.json.encode(event)], batch=False)


def _one(headers: Sequence[tuple[str, str]], name: str) -> str:
    return next((v for n, v in headers if n.lower() == name), "")


def _is_json(kind: str) -> bool:
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _attribute(value: str) -> str:
    """A header's value as text: quotes undone, then percent-encoding; what is wrongly encoded stays as it is."""
    text = re.sub(r"\\(.)", r"\1", value[1:-1]) if len(value) > 1 and value[0] == value[-1] == '"' else value
    with suppress(UnicodeDecodeError):
        text = unquote(text, errors="strict")
    return text.encode("utf-8", "replace").decode()


_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _batch(body: bytes) -> list[bytes] | None:
    try:
        return [bytes(one) for one in _array(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
