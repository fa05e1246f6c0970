"""Cubes to groups: sums and histograms of any groups of cells, over all families alike, and quantiles of histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kpis.blocks import SECOND_BITS, Block, Cube, Histograms, Seconds, add_entries, add_rows
from kpis.columns import F64, I64, U64, group, rows_where
from kpis.cube import side_by_side
from kpis.each import Each

_AT_ONCE = 1 << 18
"""Entries that are worked on at once."""
_CUBES_AT_ONCE = 256


Places = Mapping[str, I64]
"""Family → the group of each of its cells, negative to leave a cell out."""


def labelled(cube: Cube, label: Callable[[Block], I64]) -> tuple[I64, Places]:
    """The labels that cells of any family have, ascending, and which of them each cell has.

    A negative label leaves a cell out.
    """
    each = {family: label(block) for family, block in cube.blocks.items()}
    found = np.unique(np.concatenate([np.empty(0, np.int64), *each.values()]))
    found = found[found >= 0]
    return found, {f: np.where(mine < 0, -1, np.searchsorted(found, mine)) for f, mine in each.items()}


def one_group(cube: Cube) -> Places:
    """All cells together."""
    return {family: np.zeros(len(block), np.int64) for family, block in cube.blocks.items()}


def roll_up(cube: Cube, places: Places, n: int, each: Each = map) -> tuple[dict[str, I64], dict[str, Seconds]]:
    """Sums and histograms of `n` groups of cells; `each` may be the map of a pool of threads."""

    def added(family: str) -> tuple[list[tuple[str, I64]], dict[str, Seconds]]:
        block, to = cube.blocks[family], places[family]
        told = [(table.names, add_rows(table.rows, to, n)) for table in (block.tallies, block.amounts)]
        return [(m, rows[:, i]) for names, rows in told for i, m in enumerate(names)], _histograms(block.seconds, to, n)

    sums: dict[str, I64] = {}
    seconds: dict[str, Seconds] = {}
    for measures, histograms in each(added, cube.blocks):
        for name, values in measures:
            sums[name] = sums[name] + values if name in sums else values
        seconds.update(histograms)
    return sums, seconds


def roll_up_all(
    cubes: Sequence[Cube], place: Callable[[Block], I64], n: int, each: Each = map
) -> tuple[dict[str, I64], dict[str, Seconds]]:
    """Sums and histograms of `n` groups of the cells of many cubes: as of all in one, without ever putting more together
    than the processor's cache holds. `each` may be the map of a pool of threads."""

    def some(first: int) -> tuple[dict[str, I64], dict[str, Seconds]]:
        cells = side_by_side(cubes[first : first + _CUBES_AT_ONCE])
        return roll_up(cells, {name: place(block) for name, block in cells.blocks.items()}, n)

    sums: dict[str, I64] = {}
    parts: dict[str, list[Seconds]] = {}
    for added, seconds in each(some, range(0, len(cubes), _CUBES_AT_ONCE)):
        for name, values in added.items():
            sums[name] = sums[name] + values if name in sums else values
        for name, h in seconds.items():
            parts.setdefault(name, []).append(h)
    return sums, {name: _added(of) for name, of in parts.items()}


def _added(parts: Sequence[Seconds]) -> Seconds:
    cell, second, count = (np.concatenate([getattr(h, what) for h in parts]) for what in ("cell", "second", "count"))
    entry, total = add_entries(((cell << SECOND_BITS) | second).astype(np.uint64), count)
    key = entry.view(np.int64)
    return Seconds(key >> SECOND_BITS, key & ((1 << SECOND_BITS) - 1), total)


def _histograms(h: Histograms, to: I64, n: int) -> dict[str, Seconds]:
    """Entries of equal (histogram, group, second) added up, in order."""
    longest = int(h.second.max(initial=0)) + 1
    slots = len(h.names) * n * longest
    if slots <= 2 * len(h.entry) + (1 << 16):
        key, count = _dense(h, to, n, longest, slots)
    else:
        key, count = _sparse(h, to, n, longest)
    group_of, second = key // longest, key % longest
    edge = np.searchsorted(group_of, np.arange(len(h.names) + 1) * n).tolist()
    return {
        name: Seconds(group_of[a:b] - i * n, second[a:b], count[a:b])
        for i, (name, a, b) in enumerate(zip(h.names, edge[:-1], edge[1:], strict=True))
    }


def _dense(h: Histograms, to: I64, n: int, longest: int, slots: int) -> tuple[I64, I64]:
    out = np.zeros(slots, np.int64)
    alone, whole = n == 1 and not to.any(), bool((to >= 0).all())
    for first in range(0, len(h.entry), _AT_ONCE):
        part = Histograms(h.names, h.entry[first : first + _AT_ONCE], h.count[first : first + _AT_ONCE])
        slot, count = part.which, part.count
        if not alone:
            place = to[part.cell]
            slot = slot * n + place
        slot = slot * longest + part.second
        if not whole:
            slot, count = slot[place >= 0], count[place >= 0]
        np.add.at(out, slot, count.astype(np.int64))
    key = rows_where(out)
    return key, out[key]


def _sparse(h: Histograms, to: I64, n: int, longest: int) -> tuple[I64, I64]:
    place, count = to[h.cell], h.count
    key = (h.which * n + place) * longest + h.second
    if (place < 0).any():
        key, count = key[place >= 0], count[place >= 0]
    if not len(key):
        return key, key
    if int(count.sum(dtype=np.int64)) > 2 * len(key):
        g = group(_upper(key))
        return key[g.order[g.starts]], np.add.reduceat(count.astype(np.int64)[g.order], g.starts)
    # Most stand for one contact: so many keys, in few bytes, are sorted in a fraction of the time.
    each = np.repeat(key.astype(np.uint32 if len(h.names) * n * longest < 1 << 32 else np.uint64), count)
    each.sort()
    new = np.ones(len(each), np.bool_)
    np.not_equal(each[1:], each[:-1], out=new[1:])
    ends = np.append(rows_where(new), len(each))
    return each[ends[:-1]].astype(np.int64), np.diff(ends)


def _upper(key: I64) -> U64:
    """The keys without the zeros before them, so that grouping them needs one sort."""
    return key.astype(np.uint64) << np.uint64(min(64 - int(key.max()).bit_length(), 63))


def quantile(h: Seconds, n_groups: int, q: float) -> F64:
    """Nearest-rank quantile of each group, seconds, the longest where q is 1; NaN for an empty group."""
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
