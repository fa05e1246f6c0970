"""Counters of the page: what the cubes of all sites add up to under the page's labels.

Kept between pages: only sites that changed since the last one are added up again. Counters are whole numbers here, and
what was shown is never followed by less: a call that timed out may be answered yet, a no-show may come back; the counter
waits, it does not go down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from kpis.blocks import SECOND_BITS, WHICH_BITS, add_rows
from kpis.columns import I64, Bool
from kpis.cube import NOTHING, Block, Cube
from kpis.results import KPIS
from telemetry.closed_days import counted
from telemetry.exporters.family import Family, Histogram
from telemetry.exporters.places import Places
from telemetry.metric_names import measures, metric_name

EDGES: dict[str, tuple[str, str, tuple[int, ...], str]] = {
    # histogram of the core → metric, measure of its sum in ms, edges in seconds, help
    "call_ring_s": ("gecc_call_ring_seconds", "ring_ms", (5, 10, 15, 18, 20, 30, 60), "Ring time of answered calls"),
    "call_wait_s": (
        "gecc_call_wait_seconds",
        "answered_wait_ms",
        (5, 10, 15, 20, 30, 60, 120, 300, 600),
        "Wait of answered calls",
    ),
    "ticket_wait_s": (
        "gecc_ticket_wait_seconds",
        "ticket_wait_ms",
        (5, 10, 15, 20, 60, 300, 600, 900, 1800, 2700, 3600, 7200),
        "Wait of tickets from issue to the first call",
    ),
}
MEASURES = measures()
_ROW = {name: i for i, name in enumerate(dict.fromkeys((*MEASURES, *(name for _, name, _, _ in EDGES.values()))))}
_HISTOGRAMS = frozenset(metric for metric, *_ in EDGES.values())
_PARTS = [
    [_ROW[m] for m in (kpi.numerator, kpi.denominator, *(m for _, m in kpi.bins)) if m in _ROW] for kpi in KPIS.values()
]
"""The measures of each KPI."""


class Sums:
    """Sums of all measures, and of the histograms by their edges, for each place; added to, or begun anew, by sites."""

    def __init__(self) -> None:
        self.measures = np.zeros((len(_ROW), 0), np.int64)
        self.known = np.zeros(len(_ROW), np.bool_)
        """Which measures any cell had, be it 0: what is told of a counter is in no cell that is shown here."""
        self.buckets = {name: np.zeros((0, len(edges) + 1), np.int64) for name, (_, _, edges, _) in EDGES.items()}

    def grow(self, n: int) -> None:
        """Room for so many places."""
        more = n - self.measures.shape[1]
        if more > 0:
            self.measures = np.pad(self.measures, ((0, 0), (0, more)))
            self.buckets = {name: np.pad(of, ((0, more), (0, 0))) for name, of in self.buckets.items()}

    def forget(self, places: Bool) -> None:
        """These begin anew."""
        self.measures[:, places[: self.measures.shape[1]]] = 0
        for of in self.buckets.values():
            of[places[: len(of)]] = 0

    def add(self, cube: Cube, places: Places) -> None:
        """The cells of a cube, of families that counters show."""
        for block in counted(cube).blocks.values():
            place = places.of(block.site, block.unit)
            self.grow(len(places.labels))
            there = np.zeros(self.measures.shape[1], np.bool_)
            there[place[place >= 0]] = True
            found = np.flatnonzero(there)
            local = np.where(place < 0, -1, (np.cumsum(there) - 1)[place])
            for table in (block.tallies, block.amounts):
                columns, rows = _columns(table.names)
                self.known[rows] = True
                if len(columns) and len(found):
                    added = add_rows(table.rows, local, len(found))
                    self.measures[np.ix_(rows, found)] += added[:, columns].T
            self._add_histograms(block, place)

    def _add_histograms(self, block: Block, place: I64) -> None:
        h = block.seconds
        low = np.uint64((1 << SECOND_BITS) - 1)
        wanted = [(i, name) for i, name in enumerate(h.names) if name in EDGES]
        if not wanted or not len(h.entry):
            return
        which = (h.entry >> np.uint64(SECOND_BITS)).astype(np.uint8) & np.uint8((1 << WHICH_BITS) - 1)
        for i, name in wanted:
            rows = np.flatnonzero(which == i)
            entry, of = h.entry[rows], self.buckets[name]
            to = place[(entry >> np.uint64(WHICH_BITS + SECOND_BITS)).view(np.int64)]
            edge = np.searchsorted(EDGES[name][2], (entry & low).view(np.int64), side="left")
            kept = to >= 0
            np.add.at(of.reshape(-1), (to * of.shape[1] + edge)[kept], h.count[rows][kept].astype(np.int64))


@lru_cache(64)
def _columns(names: tuple[str, ...]) -> tuple[I64, I64]:
    """Columns of a table that have a counter, and the rows that these are."""
    both = [(i, _ROW[name]) for i, name in enumerate(names) if name in _ROW]
    columns, rows = np.array(both, np.int64).reshape(-1, 2).T.copy()
    return columns, rows


class Totals:
    """All counters of the page."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._open, self._closed, self._shown = Sums(), Sums(), Sums()
        self._closed_cube = NOTHING
        self._some = self._told = np.zeros((len(_ROW), 0), np.bool_)

    def take(self, codes: Sequence[int], cube: Cube) -> None:
        """These sites' open days, which may have changed."""
        self._open.forget(self._places.of_sites(codes))
        self._open.add(cube, self._places)

    def close(self, cube: Cube) -> None:
        """The days before."""
        if cube is not self._closed_cube:
            self._closed, self._closed_cube = Sums(), cube
            self._closed.add(cube, self._places)

    def families(self) -> Iterator[Family | Histogram]:
        """The counters that are shown now."""
        n = len(self._places.labels)
        for of in (self._open, self._closed, self._shown):
            of.grow(n)
        shown, labels = self._shown, self._places.labels
        np.maximum(shown.measures, self._open.measures + self._closed.measures, out=shown.measures)
        shown.known |= self._open.known | self._closed.known
        told = self._tell(shown.measures != 0)
        for i, (name, kpi) in enumerate(MEASURES.items()):
            in_ms = name.endswith("_ms")
            per = kpi.per if name == kpi.numerator and not in_ms else 1
            yield Family(
                metric_name(name), "counter", f"{kpi.label_en}: {name}", labels,
                shown.measures[i] if per == 1 else shown.measures[i] / per, told[i],
                thousandths=in_ms, shares_name=metric_name(name) in _HISTOGRAMS,
            )  # fmt: skip
        for name, (metric, sum_name, edges, text) in EDGES.items():
            upto = np.cumsum(self._open.buckets[name] + self._closed.buckets[name], axis=1)
            np.maximum(shown.buckets[name], upto, out=shown.buckets[name])
            there = shown.buckets[name][:, -1] > 0
            ms = shown.measures[_ROW[sum_name]]
            yield Histogram(metric, text, labels, edges, shown.buckets[name], ms, there)

    def _tell(self, some: Bool) -> Bool:
        """Which samples are shown: those of which any part of a figure that uses it is not 0, so that a ratio has both its
        parts, and what a centre does not have adds no series."""
        if not np.array_equal(some, self._some):
            self._some, self._told = some, np.zeros_like(some)
            for parts in _PARTS:
                if parts:
                    self._told[parts] |= some[parts].any(axis=0)
        return self._told & self._shown.known[:, np.newaxis]
