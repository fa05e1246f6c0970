"""What a cube is made of: blocks of cells, and how rows of whole numbers are added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from kpis.columns import I64, U64, Groups, group, rows_where
from kpis.model import By

Index = npt.NDArray[np.intp]
Whole = npt.NDArray[Any]
"""Whole numbers in the narrowest of uint8, uint16, uint32 and int64 that holds them all."""

QUARTER_BITS, UNIT_BITS = 24, 20
"""The 20 bits above them are the site."""
WHICH_BITS, SECOND_BITS = 6, 28
"""The 30 bits above them are the cell."""
LONGEST_S = (1 << SECOND_BITS) - 1
"""The longest time that a histogram tells apart: eight and a half years."""
_NARROW = ((np.uint8, (1 << 8) - 1), (np.uint16, (1 << 16) - 1), (np.uint32, (1 << 32) - 1))
_AT_ONCE = 1024
"""Rows that are widened and added up at once, so that they stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Table:
    """Sums of several measures: `rows[i, m]` is measure m of cell i."""

    names: tuple[str, ...]
    rows: Whole


@dataclass(frozen=True, slots=True)
class Histograms:
    """Histograms of every cell, sparse: entry i is `count[i]` contacts of so many whole seconds. Exact at any length."""

    names: tuple[str, ...]
    entry: U64
    """cell | histogram | second, packed, ascending."""
    count: Whole

    @property
    def cell(self) -> I64:
        """Which cell each entry belongs to."""
        return (self.entry >> np.uint64(WHICH_BITS + SECOND_BITS)).view(np.int64)

    @property
    def which(self) -> I64:
        """Which of `names` each entry belongs to."""
        return ((self.entry >> np.uint64(SECOND_BITS)) & np.uint64((1 << WHICH_BITS) - 1)).view(np.int64)

    @property
    def second(self) -> I64:
        return (self.entry & np.uint64(LONGEST_S)).view(np.int64)


@dataclass(frozen=True, slots=True)
class Seconds:
    """One histogram of several groups, sparse: entry i is `count[i]` contacts of `second[i]` whole seconds in group
    `cell[i]`.

    Entries are in the order of (cell, second). Exact to the second at any length.
    """

    cell: I64
    second: I64
    count: I64


@dataclass(frozen=True, slots=True)
class Block:
    """Cells of facts of one kind, in the order of their keys."""

    by: By
    """What its units are."""
    key: U64
    """site | quarter | unit, packed; quarters are of local time since 1970."""
    tallies: Table
    """The measures that are 1 or 0 for one contact."""
    amounts: Table
    """The other ones."""
    seconds: Histograms

    def __len__(self) -> int:
        return len(self.key)

    @property
    def site(self) -> I64:
        return (self.key >> np.uint64(QUARTER_BITS + UNIT_BITS)).view(np.int64)

    @property
    def quarter(self) -> I64:
        return ((self.key >> np.uint64(UNIT_BITS)) & np.uint64((1 << QUARTER_BITS) - 1)).view(np.int64)

    @property
    def unit(self) -> I64:
        return (self.key & np.uint64((1 << UNIT_BITS) - 1)).view(np.int64)

    @property
    def names(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Of the tallies, the amounts and the histograms."""
        return self.tallies.names, self.amounts.names, self.seconds.names

    def measure(self, name: str) -> I64 | None:
        """A measure of each cell; None where the block has none of this name."""
        for table in (self.tallies, self.amounts):
            if name in table.names:
                return table.rows[:, table.names.index(name)].astype(np.int64)
        return None


@dataclass(frozen=True, slots=True)
class Cube:
    """Blocks by name. They differ in what their units are; a contact has a cell in one of them only."""

    blocks: Mapping[str, Block]

    def __len__(self) -> int:
        return sum(len(block) for block in self.blocks.values())

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of all measures."""
        return tuple(n for b in self.blocks.values() for table in (b.tallies, b.amounts) for n in table.names)

    @property
    def histograms(self) -> tuple[str, ...]:
        """The names of all histograms."""
        return tuple(n for b in self.blocks.values() for n in b.seconds.names)


NOTHING = Cube({})


@lru_cache(256)
def one_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same names as one object, so that many blocks share it and are quickly seen to be alike."""
    return names


def pack(site: I64, unit: I64, quarter: I64) -> U64:
    """The key of a cell."""
    upper = np.left_shift(site.astype(np.uint64), np.uint64(QUARTER_BITS + UNIT_BITS))
    middle = np.left_shift(quarter.astype(np.uint64), np.uint64(UNIT_BITS))
    return np.bitwise_or(np.bitwise_or(upper, middle), unit.astype(np.uint64))


def pack_entry(cell: I64, which: I64, second: I64) -> U64:
    """The entry of a histogram; longer times count with the longest that it tells apart."""
    upper = np.left_shift(cell, WHICH_BITS + SECOND_BITS)
    both = np.bitwise_or(upper, np.left_shift(which, SECOND_BITS))
    return np.bitwise_or(both, np.minimum(second, LONGEST_S)).astype(np.uint64)


def ascending(key: U64) -> bool:
    """Whether the keys are in order and each is there once."""
    return bool((key[1:] > key[:-1]).all())


def cells_of(key: U64, family: U64 | None = None) -> Groups:
    """Rows brought together by cell, in the order of the keys; by family first, where there are families."""
    if not len(key):
        return group(key)
    quarter = (key >> np.uint64(UNIT_BITS)) & np.uint64((1 << QUARTER_BITS) - 1)
    unit, site = key & np.uint64((1 << UNIT_BITS) - 1), key >> np.uint64(QUARTER_BITS + UNIT_BITS)
    # What lies before the first and behind the last is cut out of each part, so that one sort has room for the rows.
    low, width = _packed([unit, quarter, site] if family is None else [unit, quarter, site, family])
    if width > 64:
        rank = np.unique(key, return_inverse=True)[1].astype(np.uint64)
        low, width = _packed([rank] if family is None else [rank, family])
    return group(low << np.uint64(min(64 - width, 63)))


def _packed(parts: Sequence[U64]) -> tuple[U64, int]:
    """The parts side by side, the first one lowest, and how many bits they take."""
    low, width = np.zeros(len(parts[0]), np.uint64), 0
    for part in parts:
        first = part.min()
        low |= (part - first) << np.uint64(min(width, 63))
        width += int(part.max() - first).bit_length()
    return low, width


def distinct(keys: Sequence[U64]) -> U64:
    """The keys that occur, in their order."""
    both = np.concatenate([np.empty(0, np.uint64), *keys])
    both.sort()
    new = np.ones(len(both), np.bool_)
    np.not_equal(both[1:], both[:-1], out=new[1:])
    return both[new]


def narrow(rows: Whole) -> Whole:
    """The same numbers in as few bytes as hold them."""
    if not rows.size:
        return rows.astype(np.uint8)
    if rows.min() >= 0:
        most = int(rows.max())
        for dtype, largest in _NARROW:
            if most <= largest:
                return rows.astype(dtype)
    return rows


def add_rows(rows: Whole, of: I64, n: int) -> I64:
    """Sums of `n` groups of rows, exact; `of[i]` is the group of row i, negative to leave it out."""
    if n == 1 and not of.any():
        return _all_rows(rows)[np.newaxis]
    out = np.zeros((n, rows.shape[1]), np.int64)
    wide = np.uint32 if rows.dtype.itemsize <= 2 else np.int64  # holds the sum of as many as are added up at once
    for first in range(0, len(of), _AT_ONCE):
        to, part = of[first : first + _AT_ONCE], rows[first : first + _AT_ONCE]
        if (to[1:] < to[:-1]).any():
            order = to.argsort(kind="stable")
            to, part = to[order], part.take(order, axis=0)
        if to[0] < 0:
            kept = int(np.searchsorted(to, 0))
            to, part = to[kept:], part[kept:]
        if len(to):
            new = np.ones(len(to), np.bool_)
            np.not_equal(to[1:], to[:-1], out=new[1:])
            starts = rows_where(new)
            out[to[starts]] += np.add.reduceat(part.astype(wide), starts, axis=0, dtype=wide)
    return out


def _all_rows(rows: Whole) -> I64:
    """The sum of all rows. Narrow numbers are added up as words of 64 bits, every other number of a word at a time, so that
    each has room for what the next one leaves empty: several times faster than widening them first."""
    size, measures = rows.dtype.itemsize, rows.shape[1]
    out, done = np.zeros(measures, np.int64), 0
    if size <= 4 and measures and rows.flags.c_contiguous:
        side_by_side, bits = 64 // size, np.uint64(8 * size)
        wide, low = np.dtype(f"u{2 * size}"), np.uint64(_EVERY_OTHER[size])
        at_once = side_by_side << 8  # 256 words, each number at most 2**bits - 1: none flows over into the next
        done = len(rows) // side_by_side * side_by_side
        lanes = np.empty(side_by_side * measures, np.int64)
        for first in range(0, done, at_once):
            words = rows[first : min(first + at_once, done)].reshape(-1, side_by_side * measures).view(np.uint64)
            lanes[0::2] = np.add.reduce(words & low, axis=0).view(wide)
            lanes[1::2] = np.add.reduce((words >> bits) & low, axis=0).view(wide)
            out += lanes.reshape(side_by_side, measures).sum(axis=0)
    for first in range(done, len(rows), _AT_ONCE):
        out += rows[first : first + _AT_ONCE].sum(axis=0, dtype=np.int64)
    return out


_EVERY_OTHER = {1: 0x00FF00FF00FF00FF, 2: 0x0000FFFF0000FFFF, 4: 0x00000000FFFFFFFF}


def add_entries(entry: U64, count: Whole) -> tuple[U64, I64]:
    """Equal entries added up, in order."""
    if ascending(entry):
        return entry, count.astype(np.int64)
    g = group(entry << np.uint64(min(64 - int(entry.max()).bit_length(), 63)))
    return entry[g.order[g.starts]], np.add.reduceat(count[g.order].astype(np.int64), g.starts)
