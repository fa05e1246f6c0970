"""From facts to the cells of a cube: the rows of all families are sorted once, and added up family by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kpis.blocks import (
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
from kpis.model import By, Facts

_TOGETHER = {
    **dict.fromkeys(("calls", "stints", "unqueued", "reached", "outbound"), "calls"),
    **dict.fromkeys(("conversations", "cases", "cases_due", "case_steps"), "matters"),
}
"""Families by unit that have a block of their own; those of one block should meet in the same cells."""


def block_of(family: str, by: By) -> str:
    """The block that a family's facts are counted in."""
    return _TOGETHER.get(family, str(by)) if by is By.UNIT else str(by)


def build(facts: Mapping[str, Facts], zones: Zones) -> Cube:
    """The cube of these facts by family: one sort brings the rows of all families together by cell."""
    names: dict[str, list[str]] = {}
    for family, f in facts.items():
        names.setdefault(block_of(family, f.by), []).append(family)
    rows = _Rows(facts, zones)
    return Cube({name: _block([facts[f] for f in of], [rows.part[f] for f in of]) for name, of in names.items()})


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


def _block(facts: Sequence[Facts], parts: Sequence[_Part]) -> Block:
    full = [part.key for part in parts if len(part.key)]
    key = full[0] if len(full) == 1 else distinct(full)
    places = [np.searchsorted(key, part.key) if len(part.key) else part.cell for part in parts]
    tallies, amounts = _Columns(), _Columns()
    for f, part, place in zip(facts, parts, places, strict=True):
        ones = [name for name, v in f.counts.items() if v.dtype.kind == "b"]
        others = [name for name, v in f.counts.items() if v.dtype.kind != "b"] if len(ones) < len(f.counts) else []
        values = f.counts if len(place) else {}
        tallies.add(ones, _tally([values[name] for name in ones], part) if values and ones else None, place)
        amounts.add(others, _amount([values[name] for name in others], part) if values and others else None, place)
    cells = [place[part.cell] for place, part in zip(places, parts, strict=True)]
    return Block(facts[0].by, key, tallies.table(len(key)), amounts.table(len(key)), _histograms(facts, cells))


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
    most = max(int((starts[1:] - starts[:-1]).max(initial=0)), n - int(starts[-1]))
    lane = next((np.dtype(t) for t in (np.uint8, np.uint16, np.uint32) if most <= np.iinfo(t).max), np.dtype(np.int64))
    in_word = 8 // lane.itemsize
    rows = np.zeros((n, -(-len(values) // in_word) * in_word), lane)
    rows[:, : len(values)] = np.array(values).T
    words = rows.view(np.uint64).take(part.order, axis=0)
    return np.add.reduceat(words, starts, axis=0).view(lane)[:, : len(values)]


def _amount(values: Sequence[Bool | I64], part: _Part) -> Whole:
    rows = np.empty((len(part.order), len(values)), np.int64)
    rows[:] = np.array(values).T
    return narrow(np.add.reduceat(rows.take(part.order, axis=0), part.starts, axis=0))


def _histograms(facts: Sequence[Facts], cells: Sequence[Index]) -> Histograms:
    names = one_of(tuple(name for f in facts for name in f.seconds))
    entries, counts, first = [], [], 0
    weighed = any(f.weight is not None and len(f.weight) for f in facts)
    for f, cell in zip(facts, cells, strict=True):
        if f.seconds and len(cell):
            values = np.array(list(f.seconds.values()))
            which, row = np.nonzero(values >= 0 if f.weight is None else (values >= 0) & (f.weight > 0))
            entries.append(pack_entry(cell[row], which + first, values[which, row]))
            if weighed:
                counts.append(np.ones(len(row), np.int64) if f.weight is None else f.weight[row])
        first += len(f.seconds)
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
