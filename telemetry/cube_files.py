"""Cubes as Arrow tables and Parquet files that any tool reads.

One row a family, site, unit and quarter of an hour of local time, with names instead of codes: a column of whole numbers
for each measure, empty in the rows of other families, and one for each histogram, a list of {second, count}. Every column
says its unit in its metadata. The same cube and names give the same bytes, whoever writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kpis.blocks import Block, Cube, Histograms, Table, narrow, pack, pack_entry
from kpis.columns import I64
from kpis.model import By
from kpis.votes.satisfaction import SCALE_UNITS

VERSION = "1"
_QUARTER_MS = 900_000
_NAME = pa.dictionary(pa.int32(), pa.string())
_HISTOGRAM = pa.list_(
    pa.struct([pa.field("second", pa.int32(), nullable=False), pa.field("count", pa.int64(), nullable=False)])
)
_PLACE = (
    pa.field("family", _NAME, nullable=False, metadata={"meaning": "what its rows count: calls, tickets, votes, …"}),
    pa.field("site", _NAME, nullable=False, metadata={"meaning": "service centre"}),
    pa.field(
        "unit", _NAME, nullable=False, metadata={"meaning": "queue, service, channel, agent, counter or device; see by"}
    ),
    pa.field("by", _NAME, nullable=False, metadata={"meaning": "what unit is"}),
    pa.field(
        "start",
        pa.timestamp("ms"),
        nullable=False,
        metadata={"meaning": "begin of the cell, wall-clock time at the site"},
    ),
)


class CubeFileError(ValueError):
    """A file that is no cube, or not whole; the text says which file and what is wrong with it."""


def write(cube: Cube, path: Path, names: Sequence[str]) -> None:
    """The cube as a Parquet file; `names` are the texts of its codes."""
    pq.write_table(to_arrow(cube, names), path, compression="zstd", compression_level=3, use_dictionary=True)


def read(path: Path, code: Callable[[str], int]) -> Cube:
    """The cube of a file that `write` made, in the codes of whoever reads it; CubeFileError when it is none."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as problem:
        raise CubeFileError(f"{path}: cannot be read as Parquet: {problem}") from problem
    try:
        return from_arrow(table, code)
    except CubeFileError as problem:
        raise CubeFileError(f"{path}: {problem}") from problem


def to_arrow(cube: Cube, names: Sequence[str]) -> pa.Table:
    """The cube as one table, families in the order of their names."""
    families = dict(sorted(cube.blocks.items()))
    n = len(cube)
    blocks = list(families.values())
    site, unit, quarter = (_joined([getattr(b, what) for b in blocks]) for what in ("site", "unit", "quarter"))
    sizes = [len(b) for b in blocks]
    texts = np.array([*names, ""], dtype=object)
    columns: list[pa.Array] = [
        _dictionary(np.repeat(np.arange(len(families)), sizes), list(families)),
        _dictionary(*_recoded(site, texts)),
        _dictionary(*_recoded(unit, texts)),
        _dictionary(np.repeat(np.arange(len(families)), sizes), [str(b.by) for b in blocks]),
        pa.array(quarter * _QUARTER_MS, pa.timestamp("ms")),
    ]
    fields: list[pa.Field] = list(_PLACE)
    begin = 0
    for block in blocks:
        for table in (block.tallies, block.amounts):
            for i, name in enumerate(table.names):
                fields.append(
                    pa.field(name, pa.int64(), metadata={"unit": unit_of(name), "family": _family(families, block)})
                )
                columns.append(_padded(pa.array(table.rows[:, i].astype(np.int64)), begin, n))
        for i, name in enumerate(block.seconds.names):
            fields.append(
                pa.field(name, _HISTOGRAM, metadata={"unit": "contacts a second", "family": _family(families, block)})
            )
            columns.append(_padded(_lists(block, i), begin, n))
        begin += len(block)
    schema = pa.schema(
        fields, metadata={"gecc.cube": VERSION, "gecc.families": json.dumps(_families(families), sort_keys=True)}
    )
    return pa.Table.from_arrays(columns, schema=schema)


def from_arrow(table: pa.Table, code: Callable[[str], int]) -> Cube:
    """The cube of a table that `to_arrow` made."""
    metadata = table.schema.metadata or {}
    version = metadata.get(b"gecc.cube", b"").decode()
    if version != VERSION:
        raise CubeFileError(
            "it is no cube" if not version else f"its version is {version}, this program reads {VERSION}"
        )
    families = json.loads(metadata[b"gecc.families"])
    told = {name for of in families.values() for name in (*of["tallies"], *of["amounts"], *of["histograms"])}
    missing = [name for name in (*(f.name for f in _PLACE), *sorted(told)) if name not in table.column_names]
    if missing:
        raise CubeFileError(f"it has no column {', '.join(missing)}")
    which, texts = _words(table["family"])
    site, unit = (_coded(table[what], code) for what in ("site", "unit"))
    quarter = table["start"].cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy() // _QUARTER_MS
    out: dict[str, Block] = {}
    for name, of in families.items():
        rows = np.flatnonzero(which == (texts.index(name) if name in texts else -1))
        key = pack(site[rows], unit[rows], quarter[rows])
        order = np.argsort(key, kind="stable")
        rows = rows[order]
        taken = table.take(pa.array(rows))
        tallies, amounts = (_table(taken, of[what]) for what in ("tallies", "amounts"))
        out[name] = Block(By(of["by"]), key[order], tallies, amounts, _histograms(taken, of["histograms"]))
    return Cube(out)


def unit_of(measure: str) -> str:
    """The unit of a measure, which its name ends with unless it counts."""
    if measure.endswith("_ms"):
        return "milliseconds"
    return f"1/{SCALE_UNITS} of the best score" if measure.endswith("points") else "count"


def _family(families: Mapping[str, Block], block: Block) -> str:
    return next(name for name, b in families.items() if b is block)


def _families(families: Mapping[str, Block]) -> dict[str, Any]:
    return {
        name: {
            "by": str(b.by),
            "tallies": list(b.tallies.names),
            "amounts": list(b.amounts.names),
            "histograms": list(b.seconds.names),
        }
        for name, b in families.items()
    }


def _joined(parts: list[I64]) -> I64:
    return np.concatenate([np.empty(0, np.int64), *parts])


def _recoded(codes: I64, texts: Any) -> tuple[I64, list[str]]:
    """The codes as places in the list of the texts that occur, which is in the order of the alphabet."""
    found, where = np.unique(codes, return_inverse=True)
    said = [str(texts[c]) for c in found]
    order = sorted(range(len(said)), key=said.__getitem__)
    place = np.empty(len(said), np.int64)
    place[order] = np.arange(len(said))
    return place[where], [said[i] for i in order]


def _dictionary(place: I64, texts: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), pa.array(texts, pa.string()))


def _padded(values: pa.Array, begin: int, n: int) -> pa.ChunkedArray:
    """These values from row `begin` on, nothing in the other rows."""
    return pa.chunked_array(
        [pa.nulls(begin, values.type), values, pa.nulls(n - begin - len(values), values.type)], values.type
    ).combine_chunks()


def _lists(block: Block, which: int) -> pa.Array:
    h = block.seconds
    rows = np.flatnonzero(h.which == which)
    edges = np.searchsorted(h.cell[rows], np.arange(len(block) + 1)).astype(np.int32)
    entries = pa.StructArray.from_arrays(
        [pa.array(h.second[rows].astype(np.int32)), pa.array(h.count[rows].astype(np.int64))],
        fields=list(_HISTOGRAM.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(edges), entries, type=_HISTOGRAM)


def _words(column: pa.ChunkedArray) -> tuple[I64, list[str]]:
    """The texts that occur, and which of them each row has."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    words = column.unify_dictionaries().combine_chunks()
    return words.indices.to_numpy(zero_copy_only=False).astype(np.int64), words.dictionary.to_pylist()


def _coded(column: pa.ChunkedArray, code: Callable[[str], int]) -> I64:
    which, texts = _words(column)
    codes = [code(text) for text in texts]
    unknown = [text for text, c in zip(texts, codes, strict=True) if c < 0]
    if unknown:
        raise CubeFileError(f"it names {unknown[0]!r}, which is not known here")
    return np.array(codes, np.int64)[which] if len(which) else which


def _table(taken: pa.Table, names: list[str]) -> Table:
    rows = np.zeros((len(taken), len(names)), np.int64)
    for i, name in enumerate(names):
        if taken[name].null_count:
            raise CubeFileError(f"column {name} has rows without a number")
        rows[:, i] = taken[name].to_numpy()
    return Table(tuple(names), narrow(rows))


def _histograms(taken: pa.Table, names: list[str]) -> Histograms:
    entry, count = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for which, name in enumerate(names):
        lists = taken[name].combine_chunks()
        lengths = np.diff(lists.offsets.to_numpy()) if len(lists) else np.empty(0, np.int32)
        flat = lists.flatten()
        cell = np.repeat(np.arange(len(lengths)), lengths)
        entry.append(pack_entry(cell, np.full(len(cell), which), flat.field("second").to_numpy().astype(np.int64)))
        count.append(flat.field("count").to_numpy().astype(np.int64))
    whole = np.concatenate(entry)
    order = np.argsort(whole, kind="stable")
    return Histograms(tuple(names), whole[order], narrow(np.concatenate(count)[order]))
