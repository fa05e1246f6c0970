"""Gauges of the page: today's figures of each site, kept between pages; only sites that changed are evaluated again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kpis.blocks import Seconds
from kpis.columns import I64, QUARTERS_A_DAY, Bool
from kpis.cube import Block, Cube, select
from kpis.model import KPI, By, Kind
from kpis.results import KPIS, evaluate
from kpis.rollup import roll_up
from telemetry.exporters.declared import kpis_with_targets
from telemetry.exporters.family import SITE, Family, Labels
from telemetry.metric_names import today_n_name, today_name
from telemetry.settings import Site

ALWAYS = ("calls_offered", "tickets_issued", "votes")
"""Counts of today that are shown where there is nothing to count yet."""
_SHOWN = [kpi for kpi in KPIS.values() if kpi.by is not By.AGENT and (kpi.wall or kpi.kind is not Kind.HISTOGRAM)]
"""No figure is shown that names a person; histograms only where the wallboard has them."""


class Today:
    """The figures of all sites."""

    def __init__(self, sites: Mapping[int, str], configured: Sequence[Site]) -> None:
        self._codes = np.array(sorted(sites), np.int64)
        self._labels = Labels(SITE, [(sites[code],) for code in self._codes.tolist()])
        self._bins = Labels(("site", "bin"))
        n = len(self._codes)
        self._values = {kpi.name: np.full(n, np.nan) for kpi in _SHOWN}
        self._counts = {
            (kpi.name, label): np.zeros(n, np.int64) for kpi in _SHOWN for label, _ in kpi.bins if kpi.kind is Kind.HISTOGRAM
        }  # fmt: skip
        judged = {kpi.name for kpi in kpis_with_targets(configured)}
        self._n = {kpi.name: np.zeros(n, np.int64) for kpi in _SHOWN if kpi.wall or kpi.name in judged}
        self._parts: list[_Part] = []

    def take(self, codes: Sequence[int], cube: Cube, days: Mapping[int, int]) -> None:
        """The open days of these sites, in the order of their codes, which may have changed; `days` are their local
        days."""
        self._parts.append(_Part(codes, cube, days))

    def settle(self) -> None:
        """Evaluate what was taken since the last time."""
        if not self._parts:
            return
        parts, self._parts = self._parts, []
        codes = np.concatenate([part.codes for part in parts])
        n, at = len(codes), np.searchsorted(self._codes, codes)
        firsts = np.cumsum([0, *(len(part.codes) for part in parts)]).tolist()
        sums: dict[str, I64] = {}
        seconds: dict[str, list[Seconds]] = {}
        for part, first in zip(parts, firsts, strict=False):
            for name, values in part.sums.items():
                sums.setdefault(name, np.zeros(n, np.int64))[first : first + len(values)] = values
            for name, h in part.seconds.items():
                seconds.setdefault(name, []).append(Seconds(h.cell + first, h.second, h.count))
        together = {name: _joined(of) for name, of in seconds.items()}
        for kpi in _SHOWN:
            result = evaluate(kpi, sums, together, n)
            if kpi.name in self._n:
                self._n[kpi.name][at] = result.n
            for label, counts in result.bins.items():
                self._counts[kpi.name, label][at] = counts
            value = result.value
            if kpi.kind is Kind.COUNT and kpi.name not in ALWAYS:
                # A count is 0 where its family has anything to tell of that day.
                told = np.concatenate([part.told(kpi.numerator) for part in parts])
                value = np.where(told, value, np.nan)
            self._values[kpi.name][at] = value / 1000 if kpi.name.endswith("_ms") else value

    def families(self) -> Iterator[Family]:
        """The figures that are shown now."""
        everywhere = np.ones(len(self._codes), np.bool_)
        for kpi in _SHOWN:
            if kpi.name in self._n:
                text = f"Contacts behind today's figure: {kpi.label_en}"
                yield Family(today_n_name(kpi), "gauge", text, self._labels, self._n[kpi.name], everywhere)
            if kpi.kind is Kind.HISTOGRAM:
                yield self._histogram(kpi)
            else:
                values = self._values[kpi.name]
                yield Family(
                    today_name(kpi), "gauge", f"Today: {kpi.label_en}", self._labels, values, ~np.isnan(values)
                )

    def _histogram(self, kpi: KPI) -> Family:
        """A sample for each bin."""
        places = [self._bins.place((*row, label)) for label, _ in kpi.bins for row in self._labels.rows]
        values, there = np.zeros(len(self._bins), np.int64), np.zeros(len(self._bins), np.bool_)
        values[places] = np.concatenate([self._counts[kpi.name, label] for label, _ in kpi.bins])
        there[places] = True
        return Family(today_name(kpi), "gauge", f"Today: {kpi.label_en}", self._bins, values, there)


class _Part:
    """Some sites' today, rolled up."""

    def __init__(self, codes: Sequence[int], cube: Cube, days: Mapping[int, int]) -> None:
        self.codes = np.array(codes, np.int64)
        today = np.array([days.get(code, -1) for code in codes], np.int64)
        n = len(codes)
        index = np.zeros(int(self.codes.max(initial=0)) + 1, np.int64)
        index[self.codes] = np.arange(n)

        def is_today(block: Block) -> Bool:
            out: Bool = block.quarter // QUARTERS_A_DAY == today[index[block.site]]
            return out

        cube = select(cube, is_today)
        places: dict[str, I64] = {}
        self._told: dict[str, str] = {}
        """Measure → the block that tells of it."""
        self._there = {"": np.zeros(n, np.bool_)}
        for name, block in cube.blocks.items():
            at = places[name] = index[block.site]
            self._told.update(dict.fromkeys((*block.tallies.names, *block.amounts.names), name))
            self._there[name] = np.bincount(at, minlength=n) > 0
        self.sums, self.seconds = roll_up(cube, places, n)

    def told(self, measure: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which sites have anything of that kind."""
        return self._there[self._told.get(measure, "")]


def _joined(parts: Sequence[Seconds]) -> Seconds:
    cell, second, count = (np.concatenate([getattr(h, what) for h in parts]) for what in ("cell", "second", "count"))
    return Seconds(cell, second, count)
