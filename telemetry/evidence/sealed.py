"""The sealed days that a pack is made from: which ones a period takes, checked against their seals, as columns for the core.

Figures of a period need what lies around it: a caller's other calls, a month's first contact, the reply that came later.
So the days around it are read too, as far as they are sealed, and of conversations and cases everything before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpis.heard import CASES, CONVERSATIONS, KIND_OF_TYPE, OTHER, Heard
from telemetry.archive.store import GAPS, SETTINGS, ArchiveError, SealedDay, Store
from telemetry.events import BY_HAND, EVENT_TYPES, VOIDED
from telemetry.evidence.terms import SealedTerms, terms_of
from telemetry.in_memory import Names
from telemetry.settings import Site

AROUND_DAYS = 32
"""So many days before and after a period count for it: the longest window of first-contact resolution (30 days), the month
that the period begins in, and two for zones and for calls over midnight."""
MATTERS = [name for name, kind in EVENT_TYPES.items() if KIND_OF_TYPE[kind.code] in (CONVERSATIONS, CASES)]
_LOST_TIME = ("truncated", "rotated_away", "sequence", "silence", "downtime", "clock_step", "overflow", "damaged")
"""Kinds of the ledger that are a time of which something is missing."""


class PeriodError(ValueError):
    """A pack of this period cannot be made; the text says which days are missing and what helps."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Everything of the archive that counts for one site and period."""

    first: date
    last: date
    chain: list[SealedDay]
    """Every seal of the site, in the order in which they were made."""
    inside: list[SealedDay]
    """Those whose records are in the pack."""
    records: tuple[date, date]
    """First and last day of these."""
    unsealed: list[date]
    """Days of the period that are not sealed yet; those before the first seal of all are before there was any data."""
    terms: SealedTerms
    """What was in force on the days of these."""
    tables: list[pa.Table]
    """Records of each of `inside`."""
    earlier: list[tuple[SealedDay, pa.Table]]
    """Conversations and cases of the days before, and what was voided then."""
    told: dict[tuple[str, int], int]
    """(source, kind) → time of its first event among all sealed records."""
    told_before: dict[tuple[str, int], SealedDay]
    """Those of none of `tables`, each with a seal that shows it."""
    gaps: dict[date, list[dict[str, Any]]]
    """The ledger of each day in `records`, by its newest seal."""
    corrections: list[tuple[date, dict[str, Any]]]
    """Day and row of what was corrected by hand, as all the seals of the records say it."""

    @property
    def site(self) -> Site:
        """As the newest of these days declares it."""
        return self.terms.site


def sealed(
    store: Store, site: str, first: date, last: date, *, provisional: bool = False,
    at: Callable[[int, int, date], None] = lambda _done, _of, _day: None,
) -> Sealed:  # fmt: skip
    """What the archive has of the local days first to last. ArchiveError where anything was changed, PeriodError where days
    are not sealed; `at` is told of the days as they are read."""
    chain = store.days(site)
    days = {one.checkpoint.day for one in chain}
    if not days:
        raise PeriodError(f"{site}: no day is sealed yet; `gecc seal --site {site}` seals those that are due")
    period = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    begins = min(days)
    unsealed = [day for day in period if day not in days and day > begins]
    if not days.intersection(period):
        raise PeriodError(
            f"{site}: none of the days {first} to {last} is sealed; sealed are {min(days)} to {max(days)}"
        )
    if unsealed and not provisional:
        raise PeriodError(f"not sealed yet: {', '.join(_runs(unsealed))}; --provisional makes a pack that says so")
    around = timedelta(days=AROUND_DAYS)
    records = max(first - around, min(days)), min(last + around, max(days))
    public = store.public()
    inside, tables = list[SealedDay](), list[pa.Table]()
    earlier, told = list[tuple[SealedDay, pa.Table]](), dict[tuple[str, int], int]()
    gaps, declared = dict[date, list[dict[str, Any]]](), dict[date, dict[str, Any]]()
    shown, told_inside = dict[tuple[str, int], SealedDay](), set[tuple[str, int]]()
    corrections = dict[int, tuple[date, dict[str, Any]]]()
    for done, one in enumerate(chain):
        day = one.checkpoint.day
        at(done, len(chain), day)
        if day > records[1]:
            store.check_files(one, public, only_checkpoint=True)
            continue
        store.check_files(one, public)
        table = store.events(one)
        if len(table) != one.checkpoint.events:
            raise ArchiveError(f"{one.folder}: has not as many records as were sealed")
        pairs = _first_told(told, table)
        if day < records[0]:
            shown = dict.fromkeys(pairs, one) | shown
            matters = table.filter(pc.is_in(table["type"].cast(pa.string()), pa.array([*MATTERS, VOIDED])))
            if len(matters):
                earlier.append((one, matters))
            continue
        inside.append(one)
        tables.append(table)
        told_inside |= pairs
        gaps[day] = json.loads((one.folder / GAPS).read_bytes())
        corrections |= {row["seq"]: (day, row) for row in gaps[day] if row["kind"] == "correction"}
        if not one.checkpoint.amendment:
            declared[day] = json.loads((one.folder / SETTINGS).read_bytes())
    terms, before = terms_of(sorted(declared.items())), {x: one for x, one in shown.items() if x not in told_inside}
    by_hand = [corrections[seq] for seq in sorted(corrections)]
    return Sealed(first, last, chain, inside, records, unsealed, terms, tables, earlier, told, before, gaps, by_hand)


def heard_of(found: Sealed, names: Names, site: int, span_us: tuple[int, int]) -> Heard:
    """What the seals say beside the records: who ever told of what, and the times of which something is missing."""
    told = sorted((names.code(source), kind, us) for (source, kind), us in found.told.items())
    lost = [
        (names.code(row["source"]), row["from_us"], row["to_us"], _number(row) if row["kind"] == "sequence" else 0)
        for rows in _once(found.gaps.values())
        for row in rows
    ]
    t, g = np.array(told, np.int64).reshape(-1, 3).T, np.array(sorted(lost), np.int64).reshape(-1, 4).T
    return Heard(
        *span_us,
        {site: int(t[2].min())} if told else {},
        told_site=np.full(len(told), site, np.int32), told_source=t[0].astype(np.int32), told_kind=t[1].copy(),
        told_since_us=t[2].copy(),
        gap_site=np.full(len(lost), site, np.int32), gap_source=g[0].astype(np.int32), gap_from_us=g[1].copy(),
        gap_to_us=g[2].copy(), gap_lost=g[3].copy(),
    )  # fmt: skip


def _once(ledgers: Any) -> Iterator[list[dict[str, Any]]]:
    """A gap over midnight stands in the ledgers of both days; it is one."""
    seen: set[str] = set()
    for rows in ledgers:
        new = {json.dumps(row, sort_keys=True): row for row in rows if row["kind"] in _LOST_TIME and "from_us" in row}
        yield [row for key, row in new.items() if key not in seen]
        seen |= new.keys()


def _number(row: dict[str, Any]) -> int:
    """How many a device's own count has lost: its gap begins with the number."""
    word = str(row.get("detail", "")).split(" ")[0]
    return int(word) if word.isdecimal() else 0


def _first_told(told: dict[tuple[str, int], int], table: pa.Table) -> set[tuple[str, int]]:
    """Take in when each source told of what; the pairs of this table."""
    out = set[tuple[str, int]]()
    pairs = table.select(["source", "type", "time_us"]).group_by(["source", "type"], use_threads=False)
    for source, type_, us in zip(*pairs.aggregate([("time_us", "min")]).to_pydict().values(), strict=True):
        kind = OTHER if source.endswith(f"/{BY_HAND}") else int(KIND_OF_TYPE[EVENT_TYPES[type_].code])
        key = source, kind
        told[key] = min(us, told.get(key, us))
        out.add(key)
    return out


def _runs(days: Sequence[date]) -> list[str]:
    """Days as they are listed: those in a row as one."""
    out: list[list[date]] = []
    for day in days:
        if out and day - out[-1][-1] == timedelta(days=1):
            out[-1].append(day)
        else:
            out.append([day])
    return [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in out]
