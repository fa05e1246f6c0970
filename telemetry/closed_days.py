"""The days that are over, as one total a site and unit: what counters show that go on over midnight and restarts.

Units are queues, services and channels; what is told of persons, counters and devices is no counter. Of histograms only
those are kept that /metrics shows: the others would grow for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kpis.blocks import Histograms, Table, narrow
from kpis.columns import I64
from kpis.cube import NOTHING, Block, Cube, merge, pack, rekey
from kpis.model import By

COUNTED = (By.UNIT, By.SITE)
HISTOGRAMS = frozenset({"call_ring_s", "call_wait_s", "ticket_wait_s"})


def counted(cube: Cube) -> Cube:
    """The families that counters show."""
    return Cube({family: block for family, block in cube.blocks.items() if block.by in COUNTED})


def totals(cubes: Sequence[Cube]) -> Cube:
    """The cubes as one with a single cell a site and unit."""
    kept = [Cube({f: _kept(b) for f, b in counted(cube).blocks.items()}) for cube in cubes]
    return merge(
        [rekey(cube, lambda block: pack(block.site, block.unit, np.zeros(len(block), np.int64))) for cube in kept]
    )


def _kept(block: Block) -> Block:
    h = block.seconds
    rows = np.isin(h.which, [i for i, name in enumerate(h.names) if name in HISTOGRAMS])
    return Block(block.by, block.key, block.tallies, block.amounts, Histograms(h.names, h.entry[rows], h.count[rows]))


def closed_note(cube: Cube, upto: Mapping[int, int]) -> object:
    """The totals and the first day of each site that is not in them, as JSON."""
    return {
        "upto": {str(site): day for site, day in upto.items()},
        "families": {f: _note(b) for f, b in cube.blocks.items()},
    }


def closed_from(note: object) -> tuple[Cube, dict[int, int]]:
    """The same again. A note of an earlier version, which knew no families, is none: its counters begin anew."""
    if not isinstance(note, dict) or "families" not in note:
        return NOTHING, {}
    cube = Cube({family: _block(block) for family, block in note["families"].items()})
    return cube, {int(site): day for site, day in note["upto"].items()}


def _note(block: Block) -> object:
    h = block.seconds
    return {
        "by": str(block.by),
        "key": block.key.tolist(),
        "tallies": {name: v.tolist() for name, v in zip(block.tallies.names, block.tallies.rows.T, strict=True)},
        "amounts": {name: v.tolist() for name, v in zip(block.amounts.names, block.amounts.rows.T, strict=True)},
        "histograms": list(h.names),
        "entry": h.entry.tolist(),
        "count": h.count.tolist(),
    }


def _block(note: Mapping[str, Any]) -> Block:
    key = np.array(note["key"], np.uint64)
    tallies, amounts = (_table(note[name], len(key)) for name in ("tallies", "amounts"))
    h = Histograms(
        tuple(note["histograms"]),
        np.array(note["entry"], np.uint64),
        narrow(np.array(note["count"], np.int64)),
    )
    return Block(By(note["by"]), key, tallies, amounts, h)


def _table(columns: Mapping[str, list[int]], n: int) -> Table:
    rows: I64 = np.array(list(columns.values()), np.int64).reshape(len(columns), n).T
    return Table(tuple(columns), narrow(rows))
