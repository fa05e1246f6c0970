"""What was made of a day's events when it was sealed: one row a contact (call, ticket, vote, conversation, case, …) with
what it adds to each measure. So a figure of that day can be traced to its contacts for as long as the seal is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from kpis.columns import DAY_US, QUARTERS_A_DAY
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


def contacts_of(journal: JournalReader, site: Site, days: Sequence[date], now_us: int) -> dict[date, pa.Table]:
    """The contacts that arrived on these local days, as they stand now; of each day in the order of family, arrival and
    offset. What lies around a day is read once for all of them."""
    first, last = (min(days) - _EPOCH).days, (max(days) - _EPOCH).days + 1
    tables: dict[date, list[pa.Table]] = {day: [] for day in days}
    for _, facts, zones in site_facts(journal, site, (first * QUARTERS_A_DAY, last * QUARTERS_A_DAY), now_us):
        for family, f in sorted(facts.items()):
            if "seq" not in f.state or f.by not in (By.UNIT, By.SITE):
                continue
            local = zones.to_local(f.arrival_us, f.site) // DAY_US
            for day, of_day in tables.items():
                there = np.flatnonzero(local == (day - _EPOCH).days)
                if len(there):
                    of_day.append(_table(family, f, there, journal.names))
    return {
        day: pa.concat_tables(of_day).cast(SCHEMA) if of_day else SCHEMA.empty_table() for day, of_day in tables.items()
    }


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
