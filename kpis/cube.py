"""The cube: measures summed per site, unit and local quarter of an hour, in whole numbers.

Whole numbers make every sum exact and independent of order: merge(a, b) equals merge(b, a), and any roll-up equals
the same computation from scratch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kpis.columns import I64, QUARTER_US, U64, Zones
from kpis.model import Facts

_SITE_BITS, _UNIT_BITS, _QUARTER_BITS = 20, 20, 24
_BIN_BITS = 24
_LONGEST_S = (1 << _BIN_BITS) - 1


@dataclass(frozen=True, slots=True)
class Cube:
    """Cells in the order of their keys. `sums[m][i]` is measure m of cell i."""

    key: U64
    """site | unit | quarter, packed; quarters are of local time since 1970."""
    sums: Mapping[str, I64]
    seconds: Mapping[str, Seconds]

    def __len__(self) -> int:
        return len(self.key)

    @property
    def site(self) -> I64:
        return (self.key >> np.uint64(_UNIT_BITS + _QUARTER_BITS)).astype(np.int64)

    @property
    def unit(self) -> I64:
        return ((self.key >> np.uint64(_QUARTER_BITS)) & np.uint64((1 << _UNIT_BITS) - 1)).astype(np.int64)

    @property
    def quarter(self) -> I64:
        return (self.key & np.uint64((1 << _QUARTER_BITS) - 1)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Seconds:
    """A histogram per cell, sparse: entry i is `count[i]` contacts of `second[i]` whole seconds in cell `cell[i]`.

    Entries are in the order of (cell, second). Exact to the second at any length.
    """

    cell: I64
    second: I64
    count: I64


def pack(site: I64, unit: I64, quarter: I64) -> U64:
    """The key of a cell."""
    upper = np.left_shift(site.astype(np.uint64), np.uint64(_UNIT_BITS + _QUARTER_BITS))
    middle = np.left_shift(unit.astype(np.uint64), np.uint64(_QUARTER_BITS))
    return np.bitwise_or(np.bitwise_or(upper, middle), quarter.astype(np.uint64))


def build(facts: Sequence[Facts], zones: Zones) -> Cube:
    """The cube of these facts."""
    keys = [
        pack(f.site.astype(np.int64), f.unit.astype(np.int64), zones.to_local(f.arrival_us, f.site) // QUARTER_US)
        for f in facts
    ]
    cells, where = np.unique(np.concatenate([np.empty(0, np.uint64), *keys]), return_inverse=True)
    sums: dict[str, I64] = {}
    seconds: dict[str, Seconds] = {}
    at = 0
    for f, key in zip(facts, keys, strict=True):
        cell = where[at : at + len(key)]
        at += len(key)
        for name, value in f.counts.items():
            sums[name] = _sum(cell, value.astype(np.int64), len(cells))
        for name, value in f.seconds.items():
            there = value >= 0
            seconds[name] = _collect(
                cell[there].astype(np.int64), np.minimum(value[there], _LONGEST_S), np.ones(int(there.sum()), np.int64)
            )
    return Cube(cells, sums, seconds)


def merge(cubes: Sequence[Cube]) -> Cube:
    """One cube that holds the sums of all."""
    if len(cubes) == 1:
        return cubes[0]
    cells, where = np.unique(np.concatenate([np.empty(0, np.uint64), *(c.key for c in cubes)]), return_inverse=True)
    parts = np.split(where, np.cumsum([len(c) for c in cubes])[:-1]) if cubes else []
    names = dict.fromkeys(name for c in cubes for name in c.sums)
    histograms = dict.fromkeys(name for c in cubes for name in c.seconds)
    sums = {
        name: sum(
            (_sum(cell, c.sums[name], len(cells)) for c, cell in zip(cubes, parts, strict=True) if name in c.sums),
            start=np.zeros(len(cells), np.int64),
        )
        for name in names
    }
    return Cube(
        cells,
        sums,
        {
            name: _collect(
                *(
                    np.concatenate(column)
                    for column in zip(
                        *(
                            (cell[c.seconds[name].cell].astype(np.int64), c.seconds[name].second, c.seconds[name].count)
                            for c, cell in zip(cubes, parts, strict=True)
                            if name in c.seconds
                        ),
                        strict=True,
                    )
                )
            )
            for name in histograms
        },
    )


def roll_up(cube: Cube, group: I64, n: int) -> tuple[dict[str, I64], dict[str, Seconds]]:
    """Sums and histograms of `n` groups of cells; `group[i]` is the group of cell i, negative to leave it out."""
    there = group >= 0
    sums = {name: _sum(group[there], value[there], n) for name, value in cube.sums.items()}
    seconds = {}
    for name, h in cube.seconds.items():
        to = group[h.cell] if len(h.cell) else np.empty(0, np.int64)
        kept = to >= 0
        seconds[name] = _collect(to[kept], h.second[kept], h.count[kept])
    return sums, seconds


def quantile(h: Seconds, n_groups: int, q: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Nearest-rank quantile of each group, seconds; NaN for an empty group."""
    out = np.full(n_groups, np.nan)
    if not len(h.cell):
        return out
    running = np.cumsum(h.count)
    first = np.searchsorted(h.cell, np.arange(n_groups), side="left")
    after = np.searchsorted(h.cell, np.arange(n_groups), side="right")
    some = after > first
    before = np.where(first > 0, running[np.maximum(first, 1) - 1], 0)[some]
    n = running[after[some] - 1] - before
    rank = np.maximum(np.ceil(q * n - 1e-9).astype(np.int64), 1)
    out[some] = h.second[np.searchsorted(running, before + rank, side="left")]
    return out


def _sum(cell: I64, value: I64, n: int) -> I64:
    """Sums per cell in whole numbers throughout: bincount would add doubles, which are exact to 2**53 only."""
    out = np.zeros(n, np.int64)
    np.add.at(out, cell, value)
    return out


def _collect(cell: I64, second: I64, count: I64) -> Seconds:
    """Entries of equal (cell, second) added up, in order."""
    if not len(cell):
        nothing = np.empty(0, np.int64)
        return Seconds(nothing, nothing, nothing)
    key, where = np.unique((cell << _BIN_BITS) | second, return_inverse=True)
    return Seconds(key >> _BIN_BITS, key & _LONGEST_S, _sum(where, count, len(key)))
