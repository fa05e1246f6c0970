"""What was made of a day's events when it was sealed: one row a contact (call, ticket, vote, conversation, case, …) with
what it adds to each measure. So a figure of that day can be traced to its contacts for as long as the seal is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from kpis.columns import QUARTER_US, QUARTERS_A_DAY
from kpis.model import By, Facts
from telemetry.cubes import site_facts
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site

_MEASURES = pa.map_(pa.dictionary(pa.int32(), pa.string()), pa.int64())
SCHEMA = pa.schema(
    {
        "family": pa.dictionary(pa.int32(), pa.string()),
        "seq": pa.int64(),
        "unit": pa.dictionary(pa.int32(), pa.string()),
        "arrival_us": pa.int64(),
        "measures": _MEASURES,
        "seconds": _MEASURES,
    }
)
"""`seq` is the journal offset of an event of it; `measures` holds what is not 0, `seconds` its places in histograms."""
_EPOCH = date(1970, 1, 1)


def contacts_of(journal: JournalReader, site: Site, day: date, now_us: int) -> pa.Table:
    """The contacts that arrived on a local day, as they stand now; in the order of family, arrival and offset."""
    first = (day - _EPOCH).days * QUARTERS_A_DAY
    tables = []
    for _, facts, zones in site_facts(journal, site, (first, first + QUARTERS_A_DAY), now_us):
        for family, f in sorted(facts.items()):
            if "seq" not in f.state or f.by not in (By.UNIT, By.SITE):
                continue
            local = zones.to_local(f.arrival_us, f.site) // QUARTER_US
            there = (local >= first) & (local < first + QUARTERS_A_DAY)
            tables.append(_table(family, f, np.flatnonzero(there), journal.names))
    return pa.concat_tables(tables).cast(SCHEMA) if tables else SCHEMA.empty_table()


def _table(family: str, f: Facts, rows: np.ndarray[tuple[int], np.dtype[np.intp]], names: list[str]) -> pa.Table:
    rows = rows[np.lexsort((f.state["seq"][rows], f.arrival_us[rows]))]
    return pa.table(
        {
            "family": pa.array([family] * len(rows), pa.string()),
            "seq": pa.array(f.state["seq"][rows]),
            "unit": pa.array([names[u] for u in f.unit[rows].tolist()], pa.string()),
            "arrival_us": pa.array(f.arrival_us[rows]),
            "measures": _map(f.counts, rows, 0),
            "seconds": _map(f.seconds, rows, -1),
        }
    )


def _map(
    columns: Mapping[str, np.ndarray[Any, Any]], rows: np.ndarray[tuple[int], np.dtype[np.intp]], missing: int
) -> pa.Array:
    """Row by row, the columns that are greater than `missing`, or other than 0 where that is it."""
    names = sorted(columns)
    table = np.empty((len(rows), len(names)), np.int64)
    for i, name in enumerate(names):
        table[:, i] = columns[name][rows]
    told = table != 0 if missing == 0 else table > missing
    offsets = np.concatenate([[0], np.cumsum(told.sum(axis=1))])
    keys = pa.array(names, pa.string()).take(pa.array(np.nonzero(told)[1]))
    return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys, pa.array(table[told]))
