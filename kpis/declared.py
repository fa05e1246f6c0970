"""What centres declare, looked up for each contact: numbers by site or unit, as they were in force when it arrived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from kpis.columns import I32, I64, MISSING, rows_where

ALWAYS = -(2**62)
"""In force from the beginning."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Numbers by key, each in force from an instant on. Rows are in the order of (key, from_us)."""

    key: I64
    from_us: I64
    value: I64

    def at(self, key: I64, time_us: I64) -> I64:
        """The number in force for each (key, instant); MISSING where none is."""
        if not np.any(self.key[1:] == self.key[:-1]):
            return self._at_of_one(key, time_us)
        out = np.full(len(key), MISSING, np.int64)
        first = np.searchsorted(self.key, key, side="left")
        count = np.searchsorted(self.key, key, side="right") - first
        for version in range(int(count.max(initial=0))):
            there = rows_where(count > version)
            row = first[there] + version
            begun = self.from_us[row] <= time_us[there]
            out[there[begun]] = self.value[row[begun]]
        return out

    def _at_of_one(self, key: I64, time_us: I64) -> I64:
        """The same where no key has more than one number."""
        if not len(self.key):
            return np.full(len(key), MISSING, np.int64)
        row = np.minimum(self.key.searchsorted(key), len(self.key) - 1)
        return np.where((self.key[row] == key) & (self.from_us[row] <= time_us), self.value[row], MISSING)


def steps(rows: Iterable[tuple[int, int, int]] = ()) -> Steps:
    """From (key, from_us, value), in any order; of two at one instant the later in `rows` counts."""
    last = {(key, from_us): value for key, from_us, value in rows}
    table = np.array([(*where, value) for where, value in sorted(last.items())], np.int64).reshape(-1, 3)
    return Steps(table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy())


def place(site: I32 | I64, unit: I32 | I64) -> I64:
    """One key for a unit of a site."""
    return site.astype(np.int64) << 32 | unit.astype(np.int64)


class Told:
    """What tables by site say for each row; the sites of the rows are looked up once."""

    def __init__(self, site: I32 | I64) -> None:
        self._site = site
        self._codes: list[int] = rows_where(np.bincount(site)).tolist()
        """Site codes are small: a table of them costs less than sorting the rows."""

    def __call__(self, table: Mapping[int, int], default: int | None = None) -> I64:
        """`table[site]` of each row; KeyError for a site that is not there, unless there is a default."""
        if default is None:
            return self._spread([table[c] for c in self._codes])
        return self._spread([table.get(c, default) for c in self._codes])

    def at(self, numbers: Steps, time_us: I64) -> I64:
        """The number of each row's site in force at its instant; MISSING where none is."""
        if np.any(numbers.key[1:] == numbers.key[:-1]) or np.any(numbers.from_us > ALWAYS):
            return numbers.at(self._site.astype(np.int64), time_us)
        always = dict(zip(numbers.key.tolist(), numbers.value.tolist(), strict=True))
        return self(always, MISSING)

    def _spread(self, values: list[int]) -> I64:
        if len(values) == 1:
            return np.full(len(self._site), values[0], np.int64)
        by_code = np.zeros(max(self._codes, default=-1) + 1, np.int64)
        by_code[self._codes] = values
        return by_code[self._site]
