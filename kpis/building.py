"""From facts to the cells of a cube: the rows of all families are sorted once, and added up family by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from kpis.blocks import (
    SECOND_BITS,
    WHICH_BITS,
    Block,
    Cube,
    Histograms,
    Index,
    Table,
    Whole,
    add_entries,
    cells_of,
    distinct,
    narrow,
    one_of,
    pack,
    pack_entry,
)
from kpis.columns import I64, QUARTER_US, U64, Bool, Zones, rows_where
from kpis.keeping import Kept
from kpis.model import By, Facts

_BOOL = np.dtype(np.bool_)
_LANES = (
    *((int(np.iinfo(t).max), np.dtype(t)) for t in (np.uint8, np.uint16, np.uint32)),
    (2**63 - 1, np.dtype(np.int64)),
)
_TOGETHER = {
    **dict.fromkeys(("calls", "stints", "unqueued", "reached", "outbound"), "calls"),
    **dict.fromkeys(("conversations", "cases", "cases_due", "case_steps"), "matters"),
}
"""Families by unit that have a block of their own; those of one block should meet in the same cells."""


def block_of(family: str, by: By) -> str:
    """The block that a family's facts are counted in."""
    return _TOGETHER.get(family, str(by)) if by is By.UNIT else str(by)


def build(facts: Mapping[str, Facts], zones: Zones, kept: Kept | None = None) -> Cube:
    """The cube of these facts by family: one sort brings the rows of all families together by cell. What was `kept` of the
    very same facts is not added up again."""
    names: dict[str, list[str]] = {}
    sums: dict[str, _Sums] = {}
    for family, f in facts.items():
        names.setdefault(block_of(family, f.by), []).append(family)
        if kept is not None and (known := kept.sums(family, f)) is not None:
            sums[family] = known
    fresh = {family: f for family, f in facts.items() if family not in sums} if sums else facts
    rows = _Rows(fresh, zones)
    for family, f in fresh.items():
        sums[family] = _sums(f, rows.part[family])
        if kept is not None:
            kept.keep(family, f, sums[family])
    blocks: dict[str, Block] = {}
    for name, of in names.items():
        make = partial(_block, facts[of[0]].by, parts := [sums[family] for family in of])
        blocks[name] = make() if kept is None else kept.block(name, parts, make)
    return Cube(blocks)


def beside(cubes: Sequence[Cube]) -> Cube:
    """Cubes of different measures in one: what a cell has not in one of them is 0 there."""
    names = dict.fromkeys(name for cube in cubes for name in cube.blocks)
    return Cube({name: _beside([cube.blocks[name] for cube in cubes if name in cube.blocks]) for name in names})


def _beside(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    full = [block.key for block in blocks if len(block.key)]
    key = full[0] if len(full) == 1 else distinct(full)
    places = [key.searchsorted(block.key) for block in blocks]
    tallies, amounts = _Columns(), _Columns()
    entries, counts, first = [np.empty(0, np.uint64)], [np.empty(0, np.uint8)], 0
    for b, place in zip(blocks, places, strict=True):
        for columns, table in ((tallies, b.tallies), (amounts, b.amounts)):
            columns.add(list(table.names), table.rows if table.rows.size else None, place)
        if len(b.seconds.entry):
            entries.append(_moved(b.seconds.entry, place, first))
            counts.append(b.seconds.count)
        first += len(b.seconds.names)
    names = one_of(tuple(name for b in blocks for name in b.seconds.names))
    entry, count = np.concatenate(entries), np.concatenate(counts)
    if len(entries) > 2:
        order = entry.argsort(kind="stable")  # some ascending runs one after another
        entry, count = entry[order], count[order]
    return Block(
        blocks[0].by, key, tallies.table(len(key)), amounts.table(len(key)), Histograms(names, entry, narrow(count))
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one family: which cells there are, and which rows are in each."""

    key: U64
    order: Index
    """The rows, by cell."""
    starts: Index
    """Where each cell begins in that order."""
    cell: Index
    """Cell of each row."""


class _Rows:
    """The rows of all families, brought together by family and cell."""

    def __init__(self, facts: Mapping[str, Facts], zones: Zones) -> None:
        full = {family: f for family, f in facts.items() if len(f.site)}
        nothing = np.empty(0, np.intp)
        self.part = dict.fromkeys(facts, _Part(np.empty(0, np.uint64), nothing, nothing, nothing))
        if not full:
            return
        sizes = [len(f.site) for f in full.values()]
        site, unit, arrival_us = (
            np.concatenate([getattr(f, what) for f in full.values()], dtype=np.int64)
            for what in ("site", "unit", "arrival_us")
        )
        key = pack(site, unit, zones.to_local(arrival_us, site) // QUARTER_US)
        g = cells_of(key, np.repeat(np.arange(len(full), dtype=np.uint64), sizes))
        cells, cell = key[g.order[g.starts]], np.empty(len(key), np.intp)
        cell[g.order] = g.of_row
        edges = np.cumsum([0, *sizes])
        first = np.searchsorted(g.starts, edges).tolist()
        rows = edges.tolist()
        for i, family in enumerate(full):
            a, b, c, d = rows[i], rows[i + 1], first[i], first[i + 1]
            self.part[family] = _Part(cells[c:d], g.order[a:b] - a, g.starts[c:d] - a, cell[a:b] - c)


@dataclass(frozen=True, slots=True)
class _Sums:
    """A family added up by cell: its names, and what stands under them; None where it has no rows."""

    key: U64
    ones: list[str]
    tallies: Whole | None
    others: list[str]
    amounts: Whole | None
    seconds: tuple[str, ...]
    entry: U64 | None
    """Entries of its histograms, as `pack_entry` makes them, its cells and histograms counted from 0; in any order, …"""
    count: I64 | None
    """… and how many contacts each is, where that is not 1."""


def _sums(f: Facts, part: _Part) -> _Sums:
    ones = {name: values for name, values in f.counts.items() if values.dtype is _BOOL}
    more = len(ones) < len(f.counts)
    others = {name: values for name, values in f.counts.items() if name not in ones} if more else {}
    some = len(part.key) > 0
    return _Sums(
        part.key,
        list(ones),
        _tally(list(ones.values()), part) if some and ones else None,
        list(others),
        _amount(list(others.values()), part) if some and others else None,
        tuple(f.seconds),
        *(_entries(f, part.cell) if some and f.seconds else (None, None)),
    )


def _block(by: By, sums: Sequence[_Sums]) -> Block:
    full = [of.key for of in sums if len(of.key)]
    key = full[0] if len(full) == 1 else distinct(full)
    places = [key.searchsorted(of.key) for of in sums]
    tallies, amounts = _Columns(), _Columns()
    for of, place in zip(sums, places, strict=True):
        tallies.add(of.ones, of.tallies, place)
        amounts.add(of.others, of.amounts, place)
    return Block(by, key, tallies.table(len(key)), amounts.table(len(key)), _histograms(sums, places))


class _Columns:
    """Columns of several families side by side; a family's are 0 in the cells that it does not have."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._parts: list[tuple[int, Whole, Index]] = []

    def add(self, names: list[str], rows: Whole | None, place: Index) -> None:
        """A family's columns, and the cells that its rows are of; None where it has no rows."""
        if rows is not None:
            self._parts.append((len(self._names), rows, place))
        self._names += names

    def table(self, n: int) -> Table:
        """All of them, with `n` rows."""
        dtype = np.result_type(*(rows.dtype for _, rows, _ in self._parts)) if self._parts else np.uint8
        out = np.zeros((n, len(self._names)), dtype)
        for first, rows, place in self._parts:
            out[place, first : first + rows.shape[1]] = rows
        return Table(one_of(tuple(self._names)), out)


def _tally(values: Sequence[Bool | I64], part: _Part) -> Whole:
    """How often each value holds in each cell. Neighbouring counters are added up as one word of 64 bits: they are as
    wide as the fullest cell needs, so that none flows over into the next."""
    n, starts = len(part.order), part.starts
    most = n if n <= _LANES[0][0] else max(int((starts[1:] - starts[:-1]).max(initial=0)), n - int(starts[-1]))
    lane = next(dtype for largest, dtype in _LANES if most <= largest)
    in_word = 8 // lane.itemsize
    rows = np.zeros((n, -(-len(values) // in_word) * in_word), lane)
    rows[:, : len(values)] = np.array(values).view(np.uint8).T
    words = rows.view(np.uint64).take(part.order, axis=0)
    return np.add.reduceat(words, starts, axis=0).view(lane)[:, : len(values)]


def _amount(values: Sequence[Bool | I64], part: _Part) -> Whole:
    rows = np.empty((len(part.order), len(values)), np.int64)
    rows[:] = np.array(values).T
    return narrow(np.add.reduceat(rows.take(part.order, axis=0), part.starts, axis=0))


def _entries(f: Facts, cell: Index) -> tuple[U64, I64 | None]:
    values = np.array(list(f.seconds.values()))
    there = values >= 0 if f.weight is None else (values >= 0) & (f.weight > 0)
    entry = pack_entry(cell, np.arange(len(values))[:, np.newaxis], values)[there]
    return entry, None if f.weight is None else np.broadcast_to(f.weight, values.shape)[there]


def _histograms(sums: Sequence[_Sums], places: Sequence[Index]) -> Histograms:
    names = one_of(tuple(name for of in sums for name in of.seconds))
    entries, counts, first = [], [], 0
    weighed = any(of.count is not None for of in sums)
    for of, place in zip(sums, places, strict=True):
        if of.entry is not None:
            entries.append(_moved(of.entry, place, first))
            if weighed:
                counts.append(np.ones(len(of.entry), np.int64) if of.count is None else of.count)
        first += len(of.seconds)
    if not entries:
        return Histograms(names, np.empty(0, np.uint64), np.empty(0, np.uint8))
    entry = np.concatenate(entries)
    if weighed:
        entry, count = add_entries(entry, np.concatenate(counts))
        return Histograms(names, entry, narrow(count))
    entry.sort()
    new = np.ones(len(entry), np.bool_)
    np.not_equal(entry[1:], entry[:-1], out=new[1:])
    ends = np.append(rows_where(new), len(entry))
    return Histograms(names, entry[ends[:-1]], narrow(ends[1:] - ends[:-1]))


def _moved(entry: U64, place: Index, first: int) -> U64:
    """The entries with `place[cell]` for their cells, their histograms counted from `first`."""
    by = (place - np.arange(len(place))) << (WHICH_BITS + SECOND_BITS) | first << SECOND_BITS
    return entry + by.view(np.uint64).take((entry >> np.uint64(WHICH_BITS + SECOND_BITS)).view(np.int64))
