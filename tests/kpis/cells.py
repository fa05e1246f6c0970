"""Small cubes written by hand, and what any cube holds as Python values that can be compared."""

from __future__ import annotations

import numpy as np

from kpis.columns import Zones
from kpis.cube import Cube
from kpis.model import Facts
from kpis.rollup import one_group, roll_up

UTC = Zones({}, (np.array([-(2**62)]),), (np.array([0]),))
QUARTER_US = 900_000_000


def facts(site, unit, quarter, counts, seconds=None, **more):
    """Rows from plain lists."""
    return Facts(
        np.array(site, np.int32),
        np.array(unit, np.int32),
        np.array(quarter, np.int64) * QUARTER_US,
        {name: np.array(v) for name, v in counts.items()},
        {name: np.array(v, np.int64) for name, v in (seconds or {}).items()},
        **more,
    )


def total(cube):
    sums, seconds = roll_up(cube, one_group(cube), 1)
    return {name: int(v[0]) for name, v in sums.items()}, {
        name: dict(zip(h.second.tolist(), h.count.tolist(), strict=True)) for name, h in seconds.items()
    }


def cells(of: Cube):
    """Everything that a cube holds, as Python values: family → (site, unit, quarter) → measures and histograms."""
    out = {}
    for family, block in of.blocks.items():
        names = (*block.tallies.names, *block.amounts.names)
        values = np.hstack([block.tallies.rows, block.amounts.rows]).tolist()
        keys = list(zip(block.site.tolist(), block.unit.tolist(), block.quarter.tolist(), strict=True))
        assert keys == sorted(set(keys), key=lambda key: (key[0], key[2], key[1])), "in the order of keys"
        out[family] = {key: dict(zip(names, row, strict=True)) for key, row in zip(keys, values, strict=True)}
        h = block.seconds
        assert (np.diff(h.entry.astype(np.int64)) > 0).all(), "in the order of entries"
        for c, w, second, n in zip(h.cell.tolist(), h.which.tolist(), h.second.tolist(), h.count.tolist(), strict=True):
            out[family][keys[c]].setdefault(h.names[w], {})[second] = n
    return out


def same_cells(a: Cube, b: Cube):
    assert cells(a) == cells(b)
