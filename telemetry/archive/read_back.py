"""Sealed records read back: as columns for the core, and as events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpis.columns import I64, MISSING, Columns
from telemetry.archive.record import FIELDS, SCHEMA, Told
from telemetry.events import EVENT_TYPES, Event


def columns_of(tables: Sequence[pa.Table], code: Callable[[str], int]) -> Columns:
    """Records as the core reads them, in the order of the journal; `code` gives the code of a name."""
    table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    codes = {name: _codes(table[name], code) for name in ("site", "unit", "party", "source")}
    cols = Columns(
        seq=_numbers(table["seq"]),
        time_us=_numbers(table["time_us"]),
        site=codes["site"].astype(np.int32),
        type=_codes(table["type"], lambda name: EVENT_TYPES[name].code if name else 0).astype(np.int16),
        unit=codes["unit"].astype(np.int32),
        contact=table["contact_hash"].to_numpy(),
        party=codes["party"].astype(np.int32),
        caller=_codes(table["person"], _token),
        a=_numbers(table["a"]),
        b=_numbers(table["b"]),
        c=_numbers(table["c"]),
        source=codes["source"].astype(np.int32),
    )
    return cols.take(np.argsort(cols.seq, kind="stable"))


def told_of(table: pa.Table) -> Iterator[Told]:
    """(seq, received_us, event) of each record, in the order of the table. What was not sealed is empty."""
    columns = (table.column(name).to_pylist() for name in FIELDS)
    for values in zip(*columns, strict=True):
        row = dict(zip(FIELDS, values, strict=True))
        seq, received_us, person = row.pop("seq"), row.pop("received_us"), row.pop("person")
        given: dict[str, Any] = {"id": ""} | {name: value for name, value in row.items() if value is not None}
        yield seq, received_us, Event(**given, caller=_token(person or ""))


def _numbers(column: pa.ChunkedArray) -> I64:
    out: I64 = pc.fill_null(column, MISSING).to_numpy()
    return out


def _codes(column: pa.ChunkedArray, code: Callable[[str], int]) -> I64:
    """A code for each text, asked for once a text; that of "" where there is none."""
    coded = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.combine_chunks()
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.chunk(0)
    table = np.array([*(code(text) for text in coded.dictionary.to_pylist()), code("")], np.int64)
    out: I64 = table[pc.fill_null(coded.indices, len(table) - 1).to_numpy()]
    return out


def _token(text: str) -> int:
    """A caller's token, as the journal's columns have it."""
    n = int(text, 16) if text else 0
    return n - 2**64 if n >= 2**63 else n
