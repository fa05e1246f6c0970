"""What a journal keeps beside the events of a world, by names: made by strategies, read by the core and by the oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from kpis.heard import CALLS, CASES, CONVERSATIONS, DEVICE, HEARTBEAT, OTHER, TICKETS, VOTES, Heard
from telemetry.events import MISSING

KINDS = {
    "other": OTHER,
    "calls": CALLS,
    "tickets": TICKETS,
    "votes": VOTES,
    "conversations": CONVERSATIONS,
    "cases": CASES,
    "device": DEVICE,
    "heartbeat": HEARTBEAT,
}


class Told(NamedTuple):
    """A source told of a kind, and since when."""

    site: str
    source: str
    kind: str
    since_us: int


class Gap(NamedTuple):
    site: str
    source: str
    from_us: int
    to_us: int
    lost: int


class Tally(NamedTuple):
    """What came of a source in a quarter of an hour."""

    site: str
    source: str
    quarter_us: int
    events: int
    duplicates: int | None
    rejected: int
    ahead: int
    lag_ms: int


class Lag(NamedTuple):
    """So many events of that quarter of an hour were so late."""

    site: str
    source: str
    quarter_us: int
    s: int
    n: int


@dataclass(frozen=True)
class Kept:
    from_us: int = -(2**62)
    to_us: int = 2**62
    told: tuple[Told, ...] = ()
    gaps: tuple[Gap, ...] = ()
    tallies: tuple[Tally, ...] = ()
    lags: tuple[Lag, ...] = ()

    @property
    def first_us(self) -> dict[str, int]:
        """Site → its first event ever, where that is kept."""
        return {site: min(t.since_us for t in self.told if t.site == site) for site in {t.site for t in self.told}}

    def of(self, site: str) -> Kept:
        """What is kept of one site."""
        return replace(self, **{name: tuple(row for row in getattr(self, name) if row.site == site) for name in TABLES})

    def names(self) -> list[str]:
        return [name for table in TABLES for row in getattr(self, table) for name in row[:2]]

    def shifted(self, by_us: int) -> Kept:
        def moved(row):
            return row._replace(**{x: getattr(row, x) + by_us for x in row._fields if x.endswith("_us")})

        tables = {name: tuple(moved(row) for row in getattr(self, name)) for name in TABLES}
        return Kept(self.from_us + by_us, self.to_us + by_us, **tables)

    def heard(self, code: Callable[[str], int]) -> Heard:
        """The same as the core has it."""
        arrays = {}
        for table, prefix in TABLES.items():
            rows = getattr(self, table)
            for name in ROWS[table]._fields:
                values = [value(getattr(row, name), name, code) for row in rows]
                dtype = np.int32 if name in ("site", "source") else np.int64
                arrays[f"{prefix}_{name}"] = np.array(values, dtype)
        return Heard(self.from_us, self.to_us, {code(site): us for site, us in self.first_us.items()}, **arrays)


def value(x: str | int | None, name: str, code: Callable[[str], int]) -> int:
    if x is None:
        return MISSING
    return code(x) if name in ("site", "source") else KINDS[x] if name == "kind" else x


TABLES = {"told": "told", "gaps": "gap", "tallies": "tally", "lags": "lag"}
"""Field of Kept → prefix of its columns in Heard."""
ROWS = {"told": Told, "gaps": Gap, "tallies": Tally, "lags": Lag}
assert {f.name for f in fields(Heard)} >= {f"{TABLES[t]}_{name}" for t, row in ROWS.items() for name in row._fields}
NOTHING = Kept()
