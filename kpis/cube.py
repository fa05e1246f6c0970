"""The cube: measures summed per site, local quarter of an hour and unit, in whole numbers.

Families of facts whose units are of one kind share a block: their cells are the same, and a cube of few blocks is built,
merged and rolled up in few operations.

Whole numbers make every sum exact and independent of order: merge(a, b) equals merge(b, a), and any roll-up equals
the same computation from scratch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kpis.blocks import (
    NOTHING,
    QUARTER_BITS,
    SECOND_BITS,
    UNIT_BITS,
    WHICH_BITS,
    Block,
    Cube,
    Histograms,
    Seconds,
    Table,
    add_entries,
    add_rows,
    ascending,
    cells_of,
    narrow,
    one_of,
    pack,
    pack_entry,
)
from kpis.building import block_of, build
from kpis.columns import QUARTERS_A_DAY, U64, Bool, rows_where
from kpis.each import Each

__all__ = [
    "NOTHING",
    "Block",
    "Cube",
    "Seconds",
    "block_of",
    "build",
    "by_site",
    "coarsen",
    "merge",
    "pack",
    "rekey",
    "select",
    "side_by_side",
    "since",
    "within",
]


_BLOCKS_AT_ONCE = 256


def merge(cubes: Sequence[Cube], each: Each = map) -> Cube:
    """One cube that holds the sums of all; `each` may be the map of a pool of threads.

    Cubes that lie one behind the other (days of a site, or sites) are only put together, without sorting.
    """
    return cubes[0] if len(cubes) == 1 else _by_family(cubes, _merged, each)


def side_by_side(cubes: Sequence[Cube]) -> Cube:
    """The cells of all in any order, those of the same key apart: enough for whoever only adds them up."""
    return _by_family(cubes, _beside, map)


def _by_family(cubes: Sequence[Cube], join: Callable[[list[Block]], Block], each: Each) -> Cube:
    families = dict.fromkeys(family for cube in cubes for family in cube.blocks)
    parts = ([cube.blocks[family] for cube in cubes if family in cube.blocks] for family in families)
    return Cube(dict(zip(families, each(join, parts), strict=True)))


def _merged(blocks: list[Block]) -> Block:
    full = sorted((block for block in blocks if len(block.key)), key=_first_key)
    whole = _beside(full + [block for block in blocks if not len(block.key)])
    return whole if ascending(whole.key) else _regrouped(whole, whole.key)


def _beside(blocks: list[Block]) -> Block:
    ones, others, histograms = blocks[0].names
    if not all(b.tallies.names is ones and b.amounts.names is others and b.seconds.names is histograms for b in blocks):
        found = {block.names for block in blocks}
        names = [one_of(tuple(sorted({name for of in found for name in of[i]}))) for i in range(3)]
        blocks = [_named(block, names) for block in blocks] if len(found) > 1 else blocks
    full = [block for block in blocks if len(block.key)]
    if len(full) < 2:
        return (full or blocks)[0]
    first = full[0]
    return Block(
        first.by,
        np.concatenate([block.key for block in full]),
        Table(first.tallies.names, np.concatenate([block.tallies.rows for block in full])),
        Table(first.amounts.names, np.concatenate([block.amounts.rows for block in full])),
        _chained(full),
    )


def _first_key(block: Block) -> int:
    return int(block.key[0])


def _named(block: Block, names: Sequence[tuple[str, ...]]) -> Block:
    """The block with these names of tallies, amounts and histograms; what it does not have is 0 in its cells."""
    h, place = block.seconds, np.array([names[2].index(name) for name in block.seconds.names], np.int64)
    which = place[h.which] if len(h.entry) else h.which
    entry, count = add_entries(pack_entry(h.cell, which, h.second), h.count)
    tables = [_widened(table, of) for table, of in zip((block.tallies, block.amounts), names, strict=False)]
    return Block(block.by, block.key, tables[0], tables[1], Histograms(names[2], entry, narrow(count)))


def _widened(table: Table, names: tuple[str, ...]) -> Table:
    rows = np.zeros((len(table.rows), len(names)), table.rows.dtype)
    rows[:, [names.index(name) for name in table.names]] = table.rows
    return Table(names, rows)


def _chained(blocks: Sequence[Block]) -> Histograms:
    """The entries of all blocks, whose cells are counted on."""
    entry = np.concatenate([block.seconds.entry for block in blocks])
    at, cell, shift = 0, 0, np.uint64(WHICH_BITS + SECOND_BITS)
    for first in range(0, len(blocks), _BLOCKS_AT_ONCE):
        some = blocks[first : first + _BLOCKS_AT_ONCE]
        cells = np.cumsum([cell, *(len(block.key) for block in some)])
        sizes = [len(block.seconds.entry) for block in some]
        begin, at, cell = at, at + sum(sizes), int(cells[-1])
        if begin < at:
            entry[begin:at] += np.repeat(cells[:-1].astype(np.uint64) << shift, sizes)
    return Histograms(blocks[0].seconds.names, entry, np.concatenate([block.seconds.count for block in blocks]))


def rekey(cube: Cube, key_of: Callable[[Block], U64]) -> Cube:
    """The cells under other keys; those that get the same key are one."""
    return Cube({family: _regrouped(block, key_of(block)) for family, block in cube.blocks.items()})


def coarsen(cube: Cube, quarters: int = QUARTERS_A_DAY) -> Cube:
    """Cells of that many quarters, a day's where left out: what a year of many sites is kept as."""
    return rekey(cube, lambda block: pack(block.site, block.unit, block.quarter // quarters * quarters))


def _regrouped(block: Block, key: U64) -> Block:
    """The block with these keys for its cells, which may be in any order and equal."""
    if not len(key):
        return block
    g = cells_of(key)
    of = np.empty(len(key), np.int64)
    of[g.order] = g.of_row
    h = block.seconds
    entry, count = h.entry, h.count
    if len(entry):
        low = h.entry & np.uint64((1 << (WHICH_BITS + SECOND_BITS)) - 1)
        entry, total = add_entries((of[h.cell].astype(np.uint64) << np.uint64(WHICH_BITS + SECOND_BITS)) | low, h.count)
        count = narrow(total)

    def together(table: Table) -> Table:
        same = len(g) == len(key)
        return Table(
            table.names, table.rows.take(g.order, axis=0) if same else narrow(add_rows(table.rows, of, len(g)))
        )

    tables = together(block.tallies), together(block.amounts)
    return Block(block.by, key[g.order[g.starts]], tables[0], tables[1], Histograms(h.names, entry, count))


def select(cube: Cube, keep: Callable[[Block], Bool]) -> Cube:
    """The cells that `keep` holds for."""
    return Cube({family: _kept(block, keep(block)) for family, block in cube.blocks.items()})


def within(cube: Cube, quarters: tuple[int, int]) -> Cube:
    """The cells of quarters first <= quarter < last (local quarters of an hour since 1970)."""
    return select(cube, lambda block: (block.quarter >= quarters[0]) & (block.quarter < quarters[1]))


def _kept(block: Block, keep: Bool) -> Block:
    if keep.all():
        return block
    h = block.seconds
    cell = h.cell
    rows = keep[cell]
    new = np.cumsum(keep) - 1
    return Block(
        block.by,
        block.key[keep],
        Table(block.tallies.names, block.tallies.rows[keep]),
        Table(block.amounts.names, block.amounts.rows[keep]),
        Histograms(h.names, pack_entry(new[cell[rows]], h.which[rows], h.second[rows]), h.count[rows]),
    )


def since(cube: Cube, site: int, quarter: int) -> Cube:
    """The cells of that quarter and later, of a cube that holds one site's: cells are in the order of time there."""
    first = np.uint64(site << (QUARTER_BITS + UNIT_BITS) | quarter << UNIT_BITS)
    kept = {}
    for family, block in cube.blocks.items():
        at = int(block.key.searchsorted(first))
        kept[family] = _kept(block, np.arange(len(block)) >= at) if at else block
    return Cube(kept)


def by_site(cube: Cube) -> dict[int, Cube]:
    """Each site's part, as a cube of its own."""
    low = np.uint64(QUARTER_BITS + UNIT_BITS)
    ends = {int(key >> low) for block in cube.blocks.values() if len(block.key) for key in block.key[[0, -1]]}
    if len(ends) == 1:
        return {ends.pop(): cube}
    parts: dict[int, dict[str, Block]] = {}
    for family, block in cube.blocks.items():
        site = block.site
        first = rows_where(np.diff(site, prepend=-1))
        edges = [*first.tolist(), len(site)]
        h, shift = block.seconds, np.uint64(WHICH_BITS + SECOND_BITS)
        entries = np.searchsorted(h.entry, np.array(edges, np.uint64) << shift).tolist()
        for i, code in enumerate(site[first].tolist()):
            a, b, e, f = edges[i], edges[i + 1], entries[i], entries[i + 1]
            parts.setdefault(code, {})[family] = Block(
                block.by,
                block.key[a:b].copy(),
                Table(block.tallies.names, block.tallies.rows[a:b].copy()),
                Table(block.amounts.names, block.amounts.rows[a:b].copy()),
                Histograms(h.names, h.entry[e:f] - np.uint64(a << int(shift)), h.count[e:f].copy()),
            )
    return {code: Cube(blocks) for code, blocks in parts.items()}
