"""Local days as instants: over which days a site is looked at, and intervals cut at their edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kpis.columns import DAY_US, I32, I64, Columns, Zones, rows_where
from kpis.heard import Heard
from kpis.model import Rules

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Spans:
    """From when until when each site is known. Sites are in the order of their codes."""

    site: I32
    first_us: I64
    """Its first event."""
    cut_us: I64
    """The cut-off: where none is given, its last event."""
    from_us: int
    to_us: int
    """What is known lies between these two, for all sites."""

    @property
    def begin_us(self) -> I64:
        """From when on each site is looked at."""
        return np.maximum(self.first_us, self.from_us)

    @property
    def stop_us(self) -> I64:
        """Until when each site is looked at."""
        return np.minimum(self.cut_us, self.to_us)

    def of(self, site: I32 | I64) -> Rows:
        """Index of each site, all of which are known."""
        if len(self.site) < 2:
            return np.zeros(len(site), np.intp)
        return place_of(site, self.site, int(self.site[-1]) + 1)


def spans(cols: Columns, rules: Rules, heard: Heard) -> Spans:
    """The spans of all sites that have events, or are heard of."""
    if len(cols) and (cols.site == cols.site[0]).all():
        present = cols.site[:1].astype(np.intp)
    else:
        present = np.flatnonzero(np.bincount(cols.site)) if len(cols) else np.empty(0, np.intp)
    silent = set(heard.first_us) - set(present.tolist())
    codes = np.union1d(present, np.array(list(silent), np.intp)) if silent else present
    first, last = np.full(len(codes), 2**62, np.int64), np.full(len(codes), -(2**62), np.int64)
    if len(codes) == 1 and len(cols):
        first[0], last[0] = cols.time_us.min(), cols.time_us.max()
    elif len(cols):
        where = place_of(cols.site, codes, int(codes[-1]) + 1)
        np.minimum.at(first, where, cols.time_us)
        np.maximum.at(last, where, cols.time_us)
    for i, code in enumerate(codes.tolist()):
        first[i] = min(int(first[i]), heard.first_us.get(code, 2**62))
        last[i] = rules.as_of_us.get(code, max(int(last[i]), int(first[i])))
    return Spans(codes.astype(np.int32), first, last, heard.from_us, heard.to_us)


def day_start(day: I64, site: I32, zones: Zones) -> I64:
    """The instant at which each local day begins: midnight, or where the clocks go over midnight, when they do."""
    wall = day * DAY_US
    if len(zones.starts_us) == 1 and len(zones.offsets_us[0]) == 1:
        return np.subtract(wall, zones.offsets_us[0])
    near = 2 * wall - zones.to_local(wall, site)
    out: I64 = wall - (zones.to_local(near, site) - near)
    early = zones.to_local(out, site) < wall
    if early.any():
        out[early] = (wall - (zones.to_local(out, site) - out))[early]
    return out


def distinct(key: I64 | I32, size: int) -> I64:
    """The different ones of keys from 0 to below `size`, ascending."""
    if _is_sparse(len(key), size):
        return np.unique(key).astype(np.int64)
    there = np.zeros(size, np.bool_)
    there[key] = True
    return rows_where(there)


def place_of(key: Rows | I32 | I64, known: Rows | I32 | I64, size: int) -> Rows:
    """Index of each key among the `known` ones, which ascend from 0 to below `size`; it is one of them."""
    if _is_sparse(len(key), size):
        return known.searchsorted(key)
    table = np.zeros(size, np.intp)
    table[known] = np.arange(len(known))
    return table.take(key)


def _is_sparse(n: int, size: int) -> bool:
    """Whether a table of that size costs more than sorting so many keys."""
    return size > 16 * n + 4096


def spread(n: I64) -> tuple[Rows, I64]:
    """Row i `n[i]` times over: (which row, how manieth of it from 0)."""
    if len(n) == 1:
        offset = np.arange(n[0])
        return np.zeros_like(offset), offset
    owner = np.arange(len(n)).repeat(n)
    return owner, np.arange(len(owner)) - (np.cumsum(n) - n)[owner]


@dataclass(frozen=True, slots=True)
class Days:
    """The local days of each site, one after another, from its first event to its cut-off."""

    first: I64
    """Of each site: its first day, since 1970, …"""
    n: I64
    """… how many there are, …"""
    base: I64
    """… and the row of the first one."""
    of: Rows
    """Of each row: the index of its site, …"""
    site: I32
    start_us: I64
    end_us: I64
    """… and the day as instants, that of the cut-off only as far as it."""

    def row(self, index: Rows | I64, day: I64) -> I64:
        """The row of a site's day; -1 where it has none."""
        offset = day - self.first[index]
        return np.where((offset >= 0) & (offset < self.n[index]), self.base[index] + offset, -1)


def days_of(known: Spans, zones: Zones) -> Days:
    """All days of these spans, within what is known."""
    first = zones.to_local(known.begin_us, known.site) // DAY_US
    n = np.maximum(zones.to_local(known.stop_us, known.site) // DAY_US - first + 1, 0)
    of, offset = spread(n)
    site, day = known.site[of], first[of] + offset
    start = day_start(day, site, zones)
    end = np.minimum(day_start(day + 1, site, zones), known.cut_us[of])
    return Days(first, n, np.cumsum(n) - n, of, site, start, end)


def cut(a_us: I64, b_us: I64, index: Rows | I64, days: Days, known: Spans, zones: Zones) -> tuple[Rows, I64, I64, I64]:
    """Intervals [a, b) of sites, cut at the edges of local days: (which interval, row of the day, from, to). What lies
    outside of the days is left out."""
    site = known.site[index]
    begins = zones.to_local(a_us, site) // DAY_US
    many = np.where(b_us > a_us, zones.to_local(b_us - 1, site) // DAY_US - begins + 1, 0)
    owner, offset = spread(np.maximum(many, 0))
    row = days.row(index[owner], begins[owner] + offset)
    there = row >= 0
    owner, row = owner[there], row[there]
    a, b = np.maximum(a_us[owner], days.start_us[row]), np.minimum(b_us[owner], days.end_us[row])
    some = b > a
    return owner[some], row[some], a[some], b[some]
