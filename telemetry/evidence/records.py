"""Raw data of a pack: every sealed record as a line of CSV, by month, and the sealed files as they lie in the archive."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kpis.heard import KIND_OF_TYPE
from kpis.presence.coverage import KINDS
from telemetry.archive import merkle
from telemetry.archive.record import FIELDS, record, rows_of
from telemetry.archive.store import CHECKPOINT, CONTACTS, EVENTS, GAPS, SETTINGS, SIGNATURE, SealedDay, Store, name_of
from telemetry.events import EVENT_TYPES, VOIDED
from telemetry.evidence.counted import Counted
from telemetry.evidence.sealed import MATTERS, Sealed

RECORDS, SEALED = "04_records/", "04_sealed/"
BOM = b"\xef\xbb\xbf"


def csv_files(found: Sealed, counted: Counted) -> Iterator[tuple[str, bytes]]:
    """(name, content) month by month: UTF-8 with its mark, CRLF; the order of lines of a seal is that of its records."""
    months: dict[str, list[pa.Table]] = {}
    for one, table in sorted(zip(found.inside, found.tables, strict=True), key=lambda x: _order(x[0])):
        c = one.checkpoint
        seal = pa.array([name_of(c.day, c.amendment)] * len(table), pa.string())
        local = counted.local_seconds(table["time_us"].to_numpy()).astype("datetime64[s]")
        plain = [
            table[name].cast(kind.value_type if pa.types.is_dictionary(kind) else kind) for name, kind in FIELDS.items()
        ]
        columns = [seal, pa.array(np.asarray(local)), *plain]
        months.setdefault(f"{c.day:%Y-%m}", []).append(pa.table(columns, ["seal", "local_time", *FIELDS]))
    options = pyarrow.csv.WriteOptions(eol="\r\n", quoting_header="none")
    for month, tables in months.items():
        sink = io.BytesIO(BOM)
        sink.seek(len(BOM))
        pyarrow.csv.write_csv(pa.concat_tables(tables), sink, options)
        yield f"{RECORDS}events-{month}.csv", sink.getvalue()


def sealed_files(found: Sealed) -> Iterator[tuple[str, bytes]]:
    """Of every seal its checkpoint and signature; of those inside all files."""
    inside = {one.folder for one in found.inside}
    for one in found.chain:
        more = (EVENTS, CONTACTS, GAPS, SETTINGS) if one.folder in inside else ()
        for name in (CHECKPOINT, SIGNATURE, *more):
            yield f"{SEALED}{one.folder.name}/{name}", (one.folder / name).read_bytes()


def earlier(found: Sealed, store: Store) -> list[list[Any]]:
    """[seal, index, record, path] of each record of a conversation or case that began before the records and goes on in
    them, and of what voids one, with the proof that it was sealed."""
    going_on: set[str] = set()
    for table in found.tables:
        going_on |= {name for name in _matters(table) if name is not None}
    out: list[list[Any]] = []
    told: set[int] = set()
    for one, table in found.earlier:  # in the order in which they were sealed: a void comes after what it voids
        named = zip(table["contact"].to_pylist(), table["type"].to_pylist(), strict=True)
        if not any(contact in going_on or type_ == VOIDED for contact, type_ in named):
            continue
        rows = rows_of(store.events(one))
        going: list[int] = []
        for i in sorted(range(len(rows)), key=lambda i: rows[i]["seq"]):
            row = rows[i]
            if row["a"] in told if row["type"] == VOIDED else row["type"] in MATTERS and row.get("contact") in going_on:
                told.add(row["seq"])
                going.append(i)
        out += _proved(one, rows, going)
    return out


def told_before(found: Sealed, store: Store) -> list[list[Any]]:
    """The same of one record for each source and kind of contact that it told of before the records and not in them: it was
    expected to tell on, and coverage counts it."""
    out: list[list[Any]] = []
    for (source, kind), one in sorted(found.told_before.items()):
        if kind in KINDS:
            rows = rows_of(store.events(one))
            of = [
                i
                for i, r in enumerate(rows)
                if (r["source"], KIND_OF_TYPE[EVENT_TYPES[r["type"]].code]) == (source, kind)
            ]
            out += _proved(one, rows, of[:1])
    return out


def _proved(one: SealedDay, rows: list[dict[str, Any]], which: Iterable[int]) -> Iterator[list[Any]]:
    leaves = [merkle.leaf(record(row)) for row in rows]
    for i in which:
        yield [one.folder.name, i, record(rows[i]).decode(), [sibling.hex() for sibling in merkle.proof(leaves, i)]]


def _matters(table: pa.Table) -> list[str | None]:
    found: list[str | None] = table.filter(pc.is_in(table["type"].cast(pa.string()), pa.array(MATTERS)))[
        "contact"
    ].to_pylist()
    return found


def _order(one: SealedDay) -> tuple[int, int]:
    return one.checkpoint.day.toordinal(), one.checkpoint.amendment
