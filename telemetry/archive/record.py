"""The sealed record: one event as the bytes that are hashed, without free text.

A record is canonical JSON of what figures are made from. Who acted and who called stand there as the journal has them,
as keyed pseudonyms. Names that foreign systems give their conversations and cases may be addresses: they become keyed
hashes, also where a void repeats them. What a source said beyond the vocabulary (`extra`) is not sealed.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa

from kpis.columns import hash_names
from telemetry.events import MISSING, Event, canonical_json
from telemetry.privacy import is_personal

FIELDS: dict[str, pa.DataType] = {
    "seq": pa.int64(),
    "site": pa.dictionary(pa.int32(), pa.string()),
    "source": pa.dictionary(pa.int32(), pa.string()),
    "id": pa.string(),
    "type": pa.dictionary(pa.int32(), pa.string()),
    "time_us": pa.int64(),
    "received_us": pa.int64(),
    "unit": pa.dictionary(pa.int32(), pa.string()),
    "contact": pa.string(),
    "party": pa.dictionary(pa.int32(), pa.string()),
    "person": pa.string(),
    "a": pa.int64(),
    "b": pa.int64(),
    "c": pa.int64(),
}
"""Fields of a record and the types of their columns; a missing field is null there."""
BESIDE = {"contact_hash": pa.uint64()}
"""Columns that are no part of the record: what the core knows a contact by."""
SCHEMA = pa.schema([*FIELDS.items(), *BESIDE.items()])
_HIDDEN = ("conversation.", "case.", "correction.")
_NUMBERS = ("seq", "time_us", "received_us", "a", "b", "c")
Told = tuple[int, int, Event]
"""(seq, received_us, event), as the journal gives them."""


class Recorder:
    """Makes records of one site's events."""

    def __init__(self, key: bytes) -> None:
        """`key` hides the names of conversations and cases; the same key gives the same hash."""
        self._key = key

    def row(self, seq: int, received_us: int, event: Event) -> dict[str, Any]:
        """The fields of a record; missing ones are left out."""
        hidden = event.type.startswith(_HIDDEN)
        out: dict[str, Any] = {
            "seq": seq,
            "site": event.site,
            "source": event.source,
            "id": self._told(event.id, hidden=hidden),
            "type": event.type,
            "time_us": event.time_us,
            "received_us": received_us,
            "unit": event.unit,
            "contact": self._told(event.contact, hidden=hidden),
            "party": event.party,
            "person": f"{event.caller & (2**64 - 1):016x}" if event.caller else "",
        }
        out = {name: value for name, value in out.items() if value != ""}
        out.update((name, value) for name in "abc" if (value := getattr(event, name)) != MISSING)
        return out

    def _told(self, text: str, *, hidden: bool) -> str:
        if not text or not (hidden or is_personal(text)):
            return text
        return hmac.new(self._key, text.encode(), sha256).hexdigest()[:16]


def record(row: dict[str, Any]) -> bytes:
    """The bytes that are hashed."""
    return canonical_json(row).encode()


def in_order(told: Iterable[Told]) -> list[Told]:
    """Events in the order of their records: time, source, id, as the journal has them."""
    return sorted(told, key=lambda one: (one[2].time_us, one[2].source, one[2].id))


def table_of(rows: list[dict[str, Any]], contacts: list[str]) -> pa.Table:
    """Records as columns; `contacts` are the names in the journal, for the core's hash of them."""
    columns = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in FIELDS.items()}
    hashes = hash_names([name.encode() for name in contacts]) if contacts else np.empty(0, np.uint64)
    return pa.table({**columns, "contact_hash": pa.array(hashes, pa.uint64())}, schema=SCHEMA)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The fields of every record of a table, in its order."""
    columns = {name: table.column(name).to_pylist() for name in FIELDS}
    return [
        {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
        for values in zip(*columns.values(), strict=True)
    ]


def read_record(data: bytes) -> dict[str, Any]:
    """A record's fields; ValueError when the bytes are not those of any record."""
    row = json.loads(data)
    if not isinstance(row, dict) or not FIELDS.keys() >= row.keys() or record(row) != data:
        raise ValueError("not a record in its one form")
    if any(isinstance(row.get(name), bool) or not isinstance(row.get(name, 0), int) for name in _NUMBERS):
        raise ValueError("a number is none")
    return row
