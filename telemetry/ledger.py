"""The ledger of gaps: what is known to be missing, late, refused or repeated of a local day of a site, and how much of its
service hours each source told of. What an assessor must know before trusting a figure, so it is sealed with the day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import I64, MISSING, QUARTER_US, QUARTERS_A_DAY, Bool
from kpis.cube import Cube, block_of
from kpis.model import By
from telemetry.cubes import site_cube
from telemetry.events import VOIDED
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site

LATE_S: Final = 3600
"""Events that came later than this after they happened are told of."""
TURNED_AWAY: Final = ("turned_away_empty", "turned_away_full", "turned_away_closed", "calls_did_without_entry")
"""Measures of callers who reached a number of the centre and no queue."""
KINDS: Final = (
    "truncated", "rotated_away", "sequence", "silence", "downtime", "clock_step", "overflow", "damaged",
    "rejected", "late", "repeated", "turned_away", "coverage", "correction",
)  # fmt: skip
_EPOCH = date(1970, 1, 1)


class Ledger:
    """The ledger of one journal. Rows are JSON values: `kind`, `source`, and what the kind needs of `from_us`, `to_us`, `n`,
    `unit`, `detail`, `expected_ms`, `covered_ms`, and of a correction `seq`, `of`, `by`, `why`, `at`, `signature`."""

    def __init__(self, journal: JournalReader) -> None:
        self._journal = journal

    def __call__(self, site: Site, day: date) -> list[dict[str, Any]]:
        """The rows of one local day, in a fixed order; none where nothing is missing and nothing was expected."""
        zone = ZoneInfo(site.timezone)
        span_us = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
        first = (day - _EPOCH).days * QUARTERS_A_DAY
        cube = site_cube(self._journal, site, (first, first + QUARTERS_A_DAY), span_us[1], far=False)
        rows = [
            *self._gaps(site, span_us),
            *self._rejected(site, span_us),
            *self._received(site, span_us),
            *_turned_away(cube, self._journal.names),
            *_coverage(cube, self._journal.names),
            *self._corrections(site, span_us),
        ]
        return sorted(
            rows, key=lambda r: (KINDS.index(r["kind"]), r["source"], r.get("from_us", 0), str(sorted(r.items())))
        )

    def _gaps(self, site: Site, span_us: tuple[int, int]) -> Iterator[dict[str, Any]]:
        for source, kind, from_us, to_us, detail in self._journal.gaps_of(site.id, *span_us):
            yield {"kind": kind, "source": source, "from_us": from_us, "to_us": to_us, "detail": detail}

    def _corrections(self, site: Site, span_us: tuple[int, int]) -> Iterator[dict[str, Any]]:
        """What was voided or added by hand of that day, whenever that was said: `seq` is the correction's own journal
        offset, `of` that of the event which it voids."""
        for seq, _, event in self._journal.by_hand(site.id, *span_us):
            voided = self._journal.event(event.a) if event.type == VOIDED else None
            act = f"void {voided.type}" if voided else f"add {event.type}"
            row = {"kind": "correction", "source": event.source, "from_us": event.time_us, "to_us": event.time_us}
            of = {"of": event.a} if voided else {}
            yield {**row, "seq": seq, **of, "detail": act, **json.loads(event.extra)}

    def _rejected(self, site: Site, span_us: tuple[int, int]) -> Iterator[dict[str, Any]]:
        for source, reason, n in self._journal.rejected(site.id, *span_us):
            yield {"kind": "rejected", "source": source, "n": n, "detail": reason}

    def _received(self, site: Site, span_us: tuple[int, int]) -> Iterator[dict[str, Any]]:
        """What came on that day late, or again."""
        heard, names = self._journal.heard([site.id], *span_us), self._journal.names
        at = _within(heard.tally_quarter_us, span_us) & (heard.tally_duplicates != MISSING)
        for source, n in _sums(heard.tally_source[at], heard.tally_duplicates[at]):
            yield {"kind": "repeated", "source": names[source], "n": n}
        late = _within(heard.lag_quarter_us, span_us) & (heard.lag_s > LATE_S)
        for source, n in _sums(heard.lag_source[late], heard.lag_n[late]):
            longest = int(heard.lag_s[late & (heard.lag_source == source)].max())
            yield {"kind": "late", "source": names[source], "n": n, "detail": f"up to {longest} s"}


def _turned_away(cube: Cube, names: list[str]) -> Iterator[dict[str, Any]]:
    for block in cube.blocks.values():
        for measure in TURNED_AWAY if block.by is By.UNIT else ():
            values = block.measure(measure)
            if values is not None:
                for unit, n in _sums(block.unit, values):
                    yield {"kind": "turned_away", "source": "", "unit": names[unit], "n": n, "detail": measure}


def _coverage(cube: Cube, names: list[str]) -> Iterator[dict[str, Any]]:
    """How much of the service hours each source told of, where it was expected to."""
    block = cube.blocks.get(block_of("presence", By.DEVICE))
    if block is None:
        return
    expected, covered = block.measure("coverage_expected_ms"), block.measure("coverage_ms")
    if expected is None or covered is None:
        return
    told = dict(_sums(block.unit, covered))
    for source, ms in _sums(block.unit, expected):
        heard = told.get(source, 0)
        yield {"kind": "coverage", "source": names[source], "expected_ms": ms, "covered_ms": heard}
        if heard < ms:
            yield {"kind": "silence", "source": names[source], "n": ms - heard, "detail": "ms of service hours"}


def _sums(key: Any, values: I64) -> list[tuple[int, int]]:
    """(key, sum) of those that are not 0, by key."""
    codes, where = np.unique(key, return_inverse=True)
    sums = np.bincount(where, weights=values, minlength=len(codes)).astype(np.int64)
    return [(int(k), int(n)) for k, n in zip(codes, sums, strict=True) if n]


def _within(quarter_us: I64, span_us: tuple[int, int]) -> Bool:
    out: Bool = (quarter_us + QUARTER_US > span_us[0]) & (quarter_us < span_us[1])
    return out


def _midnight(day: date, zone: ZoneInfo) -> int:
    there = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    return round(there.timestamp()) * 1_000_000
