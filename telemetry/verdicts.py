"""What a figure is judged by: the target in force, whether there is enough of it, and how much of the time was told of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol

import numpy as np

from kpis.columns import F64, I64, QUARTERS_A_DAY
from kpis.cube import Cube, block_of
from kpis.model import KPI, By
from telemetry.settings import Site

_EPOCH = date(1970, 1, 1)
KINDS = ("calls", "tickets", "votes", "conversations", "cases")


class Target(NamedTuple):
    """A target as it is declared from a day on."""

    value: float | None
    since: date | None
    """None: from the beginning."""
    why: str = ""


class Terms(Protocol):
    """What figures are judged by, by date."""

    def on(self, day: date) -> Site:
        """What was declared for a day."""
        ...

    def targets(self, kpi: KPI, first: int, last: int) -> list[Target]:
        """As `targets_in` gives them."""
        ...


@dataclass(frozen=True, slots=True)
class Declared:
    """What a site declares now, for all days."""

    site: Site

    def on(self, _day: date) -> Site:
        return self.site

    def targets(self, kpi: KPI, first: int, last: int) -> list[Target]:
        return targets_in(kpi, self.site, first, last)


def day_before(quarter: int) -> date:
    """The last day of what ends at a local quarter."""
    return _EPOCH + timedelta(days=(quarter - 1) // QUARTERS_A_DAY)


def targets_in(kpi: KPI, site: Site, first: int, last: int) -> list[Target]:
    """The targets in force in the quarters first <= q < last, the last one's last; without any, one that is None.

    What a centre sets itself stands above the standard's; what it declares anew, from its day on, above what was before.
    """
    ends = _EPOCH + timedelta(days=max(last - 1, first) // QUARTERS_A_DAY)
    begins = _EPOCH + timedelta(days=first // QUARTERS_A_DAY)
    out = [Target(site.targets.get(kpi.name, kpi.target), None)]
    for change in sorted(site.changes, key=lambda c: c.since):
        new = change.targets.get(kpi.name)
        if new is None or change.since > ends:
            continue
        if change.since <= begins:
            out = []
        if out and out[-1].since == change.since:
            out.pop()
        out.append(Target(new, change.since, change.why))
    return out


def shown(targets: list[Target]) -> dict[str, Any]:
    """What a row says of its target: the one in force on its last day, since when, and, where it changed within the row's
    period, all of them."""
    last = targets[-1]
    row: dict[str, Any] = {"target": last.value, "target_since": last.since.isoformat() if last.since else None}
    if len(targets) > 1:
        row["targets"] = [
            {"since": t.since.isoformat() if t.since else None, "value": t.value, "why": t.why} for t in targets
        ]
    return row


class Coverage:
    """How much of the service time of each local day the sources told of, for one site."""

    def __init__(self, cube: Cube) -> None:
        """The cube holds this site's cells of whole days."""
        block = cube.blocks.get(block_of("presence", By.DEVICE))
        day = block.quarter // QUARTERS_A_DAY if block is not None else np.empty(0, np.int64)
        order = np.argsort(day, kind="stable")
        self._day = day[order]
        self._sums: dict[str, tuple[I64, I64]] = {}
        for kind in KINDS:
            if block is None:
                break
            covered, expected = block.measure(f"coverage_{kind}_ms"), block.measure(f"coverage_{kind}_expected_ms")
            if covered is not None and expected is not None:
                self._sums[kind] = _running(covered[order]), _running(expected[order])

    def of(self, kind: str, edges: list[tuple[int, int]]) -> F64:
        """The share of each period of quarters first <= q < last, by the whole local days that it touches; NaN where
        nothing is expected, or nothing is known."""
        out = np.full(len(edges), np.nan)
        if kind in self._sums and edges:
            first, last = np.array(edges, np.int64).T
            a = np.searchsorted(self._day, first // QUARTERS_A_DAY)
            b = np.searchsorted(self._day, -(-last // QUARTERS_A_DAY))
            covered, expected = (running[b] - running[a] for running in self._sums[kind])
            some = expected > 0
            out[some] = covered[some] / expected[some]
        return out


def _running(values: I64) -> I64:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
