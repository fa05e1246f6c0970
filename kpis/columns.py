"""Event columns, and the grouping and hashing helpers that everything else in this package is written with.

Arrays are one-dimensional and of equal length unless a docstring says otherwise. Times are microseconds since
1970 UTC, durations milliseconds, both int64; a number that a source did not give is `MISSING`, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]

MISSING = -(2**63)
UNKNOWN = -1
"""A duration that its source cannot tell and that must not be taken from times either."""
DAY_US = 86_400_000_000
QUARTER_US = 900_000_000
QUARTERS_A_DAY = 96


@dataclass(frozen=True, slots=True)
class Columns:
    """Events as columns, in journal order. Names (sites, units, parties) are the journal's integer codes."""

    seq: I64
    time_us: I64
    site: I32
    type: npt.NDArray[np.int16]
    unit: I32
    contact: U64
    """64-bit hash of the contact's name; 0 when the event has none."""
    party: I32
    caller: I64
    """Keyed token of the caller; 0 when withheld or unknown."""
    a: I64
    b: I64
    c: I64
    source: I32
    """Who told it: several sources may tell of one call."""

    def __len__(self) -> int:
        return len(self.seq)

    def take(self, index: npt.NDArray[np.intp] | Bool | slice) -> Columns:
        """The rows that `index` (positions, mask or slice) selects."""
        if isinstance(index, np.ndarray) and index.dtype == np.bool_:
            index = index.nonzero()[0]
        return Columns(*[column[index] for column in _all(self)])


DTYPES: dict[str, np.dtype[np.generic]] = {
    "seq": np.dtype(np.int64),
    "time_us": np.dtype(np.int64),
    "site": np.dtype(np.int32),
    "type": np.dtype(np.int16),
    "unit": np.dtype(np.int32),
    "contact": np.dtype(np.uint64),
    "party": np.dtype(np.int32),
    "caller": np.dtype(np.int64),
    "a": np.dtype(np.int64),
    "b": np.dtype(np.int64),
    "c": np.dtype(np.int64),
    "source": np.dtype(np.int32),
}
"""The columns and their types, in the order of `Columns`; a row takes 74 bytes."""
_all = attrgetter(*DTYPES)
"""All columns of `Columns`."""


def empty() -> Columns:
    """No events."""
    return Columns(*(np.empty(0, dtype) for dtype in DTYPES.values()))


def concat(parts: Sequence[Columns]) -> Columns:
    """The parts one after another."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty()
    return Columns(*(np.concatenate([getattr(p, name) for p in parts]) for name in DTYPES))


@dataclass(frozen=True, slots=True)
class Zones:
    """Local time of every site: for each zone the instants where its offset changes, and the offsets."""

    of_site: dict[int, int]
    """Site code → index of its zone."""
    starts_us: tuple[I64, ...]
    offsets_us: tuple[I64, ...]

    def to_local(self, time_us: I64, site: I32 | I64) -> I64:
        """Wall-clock microseconds since the local 1970-01-01, for each row."""
        if len(self.starts_us) == 1:
            return self._shift(time_us, 0)
        out = time_us.copy()
        for code in np.unique(site):
            rows = site == code
            out[rows] = self._shift(time_us[rows], self.of_site[int(code)])
        return out

    def _shift(self, time_us: I64, zone: int) -> I64:
        starts, offsets = self.starts_us[zone], self.offsets_us[zone]
        zone_at = np.zeros(1, np.intp) if len(offsets) == 1 else np.searchsorted(starts, time_us, side="right") - 1
        return np.add(time_us, offsets[zone_at])


_WORDS = 8
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_SEED = np.uint64(0x243F6A8885A308D3)


def mix(h: U64, w: U64 | np.uint64) -> U64:
    """Fold `w` into the running 64-bit hash `h`, elementwise."""
    h = np.bitwise_xor(h, w)
    h *= _MULTIPLIER
    h ^= h >> _SHIFT
    return h


def pair(a: U64, b: U64) -> U64:
    """64-bit hash of two numbers, however small."""
    return mix(mix(a, _SEED), b)


def hash_names(names: Sequence[bytes]) -> U64:
    """64-bit hash of each name (at most 64 bytes, no trailing NUL); 0 for the empty name and for nothing else."""
    words = np.array(names, dtype="S64").view(np.uint64).reshape(len(names), _WORDS)
    h = np.full(len(names), _SEED)
    for i in range(_WORDS):
        h = mix(h, words[:, i])
    h[h == 0] = 1
    h[words[:, 0] == 0] = 0
    return h


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows brought together by key: `order` sorts them, `starts` is where each group begins in that order."""

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    of_row: npt.NDArray[np.intp]
    """Group number of each row of the sorted order; non-decreasing."""

    def __len__(self) -> int:
        return len(self.starts)

    def slices(self) -> list[slice]:
        """Where each group lies in the sorted order."""
        edges = [*self.starts.tolist(), len(self.order)]
        return [slice(a, b) for a, b in pairwise(edges)]


def group(key: U64) -> Groups:
    """Bring equal keys together, rows of one key staying in the order they have.

    Groups are in the order of their keys.
    """
    n = len(key)
    if n == 0:
        nothing = np.empty(0, np.intp)
        return Groups(nothing, nothing, nothing)
    order = key.argsort(kind="stable") if n <= _FEW else _order(key)
    by_key = key.take(order)
    new = np.empty(n, np.bool_)
    new[0] = True
    np.not_equal(by_key[1:], by_key[:-1], out=new[1:])
    of_row = new.cumsum()
    of_row -= 1
    return Groups(order, new.nonzero()[0], of_row)


_FEW = 1024
"""So few rows are sorted by themselves as fast as any other way."""


def _order(key: U64) -> npt.NDArray[np.intp]:
    """The rows in the order of their keys, those of one key in the order they have.

    One in-place sort of (upper key bits | row number): several times faster than a stable argsort. The few rows whose
    different keys share the upper bits are sorted again.
    """
    n = len(key)
    low = np.uint64((1 << (n - 1).bit_length()) - 1)
    upper = key & ~low
    upper |= np.arange(n, dtype=np.uint64)
    upper.sort()
    order = (upper & low).view(np.intp)
    upper &= ~low
    by_key = key.take(order)
    mixed = (upper[1:] == upper[:-1]) & (by_key[1:] != by_key[:-1])
    if mixed.any():
        shared = np.unique(upper[1:][mixed])
        first, last = (np.searchsorted(upper, shared, side) for side in ("left", "right"))
        size = last - first
        rows = np.repeat(last - np.cumsum(size), size) + np.arange(size.sum())
        order[rows] = order[rows[np.lexsort((by_key[rows], upper[rows]))]]
    return order


def absent(key: U64, among: U64) -> Bool:
    """For each key (a hash: its lowest bit is not looked at) whether `among` does not hold it.

    One in-place sort of both, then a lookup of the absent ones alone: several times faster than `np.isin` where
    few are absent.
    """
    tag = np.uint64(1)
    both = np.concatenate([among & ~tag, key | tag])
    both.sort()
    first = np.ones(len(both), np.bool_)
    np.not_equal(both[1:] | tag, both[:-1] | tag, out=first[1:])
    missing = both[first & ((both & tag) == tag)]
    bits, out = np.uint64(44), np.zeros(len(key), np.bool_)
    slots = np.zeros(1 << 20, np.bool_)
    slots[missing >> bits] = True
    likely = np.flatnonzero(slots[key >> bits])
    out[likely] = np.isin(key[likely] | tag, missing)
    return out


def distinct(key: U64) -> U64:
    """The different keys, ascending."""
    key = np.sort(key)
    new = np.ones(len(key), np.bool_)
    np.not_equal(key[1:], key[:-1], out=new[1:])
    return key[new]


def among(key: U64, ascending: U64) -> Bool:
    """Which keys are in `ascending`."""
    if not len(ascending):
        return np.zeros(len(key), np.bool_)
    out: Bool = ascending.take(ascending.searchsorted(key), mode="clip") == key
    return out


def bring_together(cols: Columns, key: U64) -> tuple[Columns, Groups]:
    """The rows grouped by `key`, in time order within each group; rows of one instant stay in journal order.

    A journal is almost in time order, so time is only checked; rows are sorted by it when a group is found wrong.
    """
    g = group(key)
    together = cols.take(g.order)
    backwards = together.time_us[1:] < together.time_us[:-1]
    if backwards.any() and np.any(backwards & (g.of_row[1:] == g.of_row[:-1])):
        by_time = np.argsort(cols.time_us, kind="stable")
        g = group(key[by_time])
        together = cols.take(by_time[g.order])
    return together, g


def rows_where(mask: Bool | npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.intp]:
    """The rows that it holds for; `np.flatnonzero` without what that costs of a few thousand rows."""
    return (mask if mask.dtype == np.bool_ else mask != 0).nonzero()[0]  # of whole numbers it takes four times as long


def first_row(mask: Bool, starts: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """For each group, the first row where `mask` holds; `len(mask)` where none does."""
    n = len(mask)
    return np.minimum.reduceat(np.where(mask, np.arange(n), n), starts) if len(starts) else np.empty(0, np.intp)


def last_row(mask: Bool, starts: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """For each group, the last row where `mask` holds; -1 where none does."""
    return (
        np.maximum.reduceat(np.where(mask, np.arange(len(mask)), -1), starts) if len(starts) else np.empty(0, np.intp)
    )


def pick(values: I64, rows: npt.NDArray[np.intp]) -> I64:
    """`values[rows]`, MISSING where a row is out of range (what `first_row` and `last_row` give for none)."""
    if not len(values):
        return np.full(len(rows), MISSING, np.int64)
    out = values.take(rows, mode="clip")
    np.putmask(out, rows.view(np.uint64) >= len(values), MISSING)  # seen so, -1 too is behind the last
    return out


def total(values: I64, starts: npt.NDArray[np.intp]) -> I64:
    """Sum of each group."""
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0, np.int64)
