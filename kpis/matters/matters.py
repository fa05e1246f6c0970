"""Matters: what conversations and cases have in common. They stay open for days, and are looked at as of a cut-off.

A matter is one contact name at one site, however long it lasts. What happened after the cut-off is not read: the
cut-off of a site is what the rules say, else the site's last event of any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from kpis.columns import (
    DAY_US,
    I32,
    I64,
    U64,
    Bool,
    Columns,
    Zones,
    bring_together,
    empty,
    first_row,
    group,
    mix,
    pair,
    pick,
    rows_where,
    total,
)
from kpis.declared import Told
from kpis.keeping import NEVER
from kpis.model import By, Facts, Rules

Rows = npt.NDArray[np.intp]
_MOST = np.uint64(2**64 - 1)


@dataclass(frozen=True, slots=True)
class Matters:
    """Events of one family, brought together by matter and in time order within each."""

    ev: Columns
    at: Rows
    """Where each matter begins."""
    of_row: Rows
    """Matter of each event."""
    site: I32
    contact: U64
    as_of_us: I64
    """The cut-off of each matter."""

    def __len__(self) -> int:
        return len(self.at)

    def first(self, rows: Bool) -> Rows:
        """The first of `rows` of each matter; `len(ev)` where it has none."""
        return first_row(rows, self.at)

    def number(self, rows: Bool) -> I64:
        """How many of `rows` each matter has."""
        return total(rows.astype(np.int64), self.at)

    def has(self, rows: Bool) -> Bool:
        return self.first(rows) < len(self.ev)

    def time(self, rows: Rows) -> I64:
        """Times of one row a matter; MISSING where it has none."""
        return pick(self.ev.time_us, rows)

    def unit(self, begin: Rows) -> I32:
        """The unit that the event at `begin` names, else the first that any event of the matter names; 0 for none."""
        named = pick(self.ev.unit.astype(np.int64), begin)
        other = pick(self.ev.unit.astype(np.int64), self.first(self.ev.unit != 0))
        return np.maximum(np.where(named > 0, named, other), 0).astype(np.int32)

    def caller(self) -> I64:
        """Token of the first event that names a person; 0 where none does."""
        known = self.first(self.ev.caller != 0)
        return np.where(known < len(self.ev), pick(self.ev.caller, known), 0)


def matters(cols: Columns, first: int, last: int, rules: Rules) -> Matters:
    """The matters of the events with codes from `first` to `last`."""
    ev = cols.take(rows_where((cols.type >= first) & (cols.type <= last) & (cols.contact != 0)))
    ends = {**_last_events(cols, ev.site, rules.as_of_us), **rules.as_of_us}
    read = ev.time_us <= Told(ev.site)(ends)
    if not read.all():
        ev = ev.take(read)
    ev, g = bring_together(ev, pair(ev.site.astype(np.uint64), ev.contact))
    site = ev.site[g.starts]
    return Matters(ev, g.starts, g.of_row, site, ev.contact[g.starts], Told(site)(ends))


@cache
def nothing(family: Callable[[Matters, Rules, Zones], dict[str, Facts]]) -> dict[str, Facts]:
    """What a family makes of no matters: most centres have none of a kind, and it is made once."""
    none, never = Rules({}, {}, {}, {}), np.zeros(1, np.int64)
    return family(matters(empty(), 0, 0, none), none, Zones({}, (never,), (never,)))


def _last_events(cols: Columns, sites: I32, told: Mapping[int, int]) -> Mapping[int, int]:
    """Time of the last event of each of `sites` that is not in `told`."""
    unknown = [code for code in rows_where(np.bincount(sites)).tolist() if code not in told]
    if not unknown:
        return {}
    last = np.full(int(cols.site.max()) + 1, -(2**63), np.int64)
    np.maximum.at(last, cols.site, cols.time_us)
    return {code: int(last[code]) for code in unknown}


def stays_until(as_of_us: int, ages: Sequence[tuple[I64, tuple[int, ...]]], dates: Sequence[I64]) -> int:
    """Until when facts as of that instant stay as they are if no event comes: until the next of these ages is reached, or
    the first of these dates, which are still to come, has come."""
    edges = [(begin_us[:, np.newaxis] + np.array(edges_us)).ravel() for begin_us, edges_us in ages]
    least = [int(of[of > as_of_us].min(initial=NEVER)) for of in edges]
    return min([*least, *(int(of.min(initial=NEVER)) for of in dates)], default=NEVER)


def milliseconds(from_us: I64, to_us: I64, known: Bool) -> I64:
    """Whole milliseconds from one instant to another, rounded down; 0 where not known."""
    return np.where(known, to_us - from_us, 0) // 1000


def seconds(ms: I64, known: Bool) -> I64:
    """Whole seconds rounded up for a histogram; -1 leaves a row out."""
    return np.where(known, -(-ms // 1000), -1)


def between(age_us: I64, rows: Bool, edges_us: tuple[int, ...]) -> list[Bool]:
    """`rows` by age: below the first edge, from each edge to below the next, from the last edge on."""
    place = np.searchsorted(np.array(edges_us, np.int64), age_us, side="right")
    return [rows & (place == i) for i in range(len(edges_us) + 1)]


def local_day(time_us: I64, site: I32, zones: Zones) -> I64:
    """Days since 1970 on the site's calendar."""
    return zones.to_local(time_us, site) // DAY_US


def users(
    m: Matters, begun: Bool, unit: I32, begin_us: I64, zones: Zones, name: str
) -> tuple[dict[str, Bool], dict[str, Facts]]:
    """Distinct persons a local calendar month: measures of the matters, by unit; and facts of the whole site.

    A person counts once a month, with the first matter begun in it; of matters begun at one instant any one counts.
    """
    caller = m.caller()
    known = begun & (caller != 0)
    month = local_day(begin_us, m.site, zones).view("M8[D]").astype("M8[M]").astype(np.uint64)
    person = mix(pair(m.site.astype(np.uint64), caller.view(np.uint64)), month)
    here = _earliest(mix(person, unit.astype(np.uint64)), begin_us, m.contact, known)
    anywhere = rows_where(_earliest(person, begin_us, m.contact, known))
    of_site = Facts(
        site=m.site[anywhere],
        unit=np.zeros(len(anywhere), np.int32),
        arrival_us=begin_us[anywhere],
        counts={f"{name}_users": np.ones(len(anywhere), np.bool_)},
        state={"seq": m.ev.seq[m.at[anywhere]]},
        by=By.SITE,
    )
    return {f"{name}_users_of_unit": here, f"{name}s_without_user": begun & ~known}, {f"{name}_users": of_site}


def _earliest(key: U64, time_us: I64, tie: U64, among: Bool) -> Bool:
    """One of `among` for each key: the earliest, of those at one instant the one whose `tie` is least."""
    out = np.zeros(len(key), np.bool_)
    rows = rows_where(among)
    if not len(rows):
        return out
    g = group(key[rows])
    rows = rows[g.order]
    earliest = time_us[rows] == np.minimum.reduceat(time_us[rows], g.starts)[g.of_row]
    ties = np.where(earliest, tie[rows], _MOST)
    least = ties == np.minimum.reduceat(ties, g.starts)[g.of_row]
    out[rows[earliest & least]] = True
    return out
