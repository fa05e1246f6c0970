"""Gauges of the page: who waits in each unit now, what stands open there, and what is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kpis.columns import I64, Bool
from kpis.cube import Cube
from kpis.model import Kind
from kpis.results import KPIS
from telemetry.exporters.family import Family
from telemetry.exporters.places import Places
from telemetry.exporters.view import StandingNow, WaitingNow
from telemetry.metric_names import STANDING, metric_name

NEVER = 2**62
BACKLOG = {
    "conversations_waiting": "Conversations that wait for a reply, whenever they began",
    "conversations_waiting_overdue": "Conversations that have waited for a reply longer than the standard allows",
    "cases_open": "Cases that are not settled, whenever they were received",
    "cases_overdue": "Cases that are not settled and whose date is past",
    "complaints_open": "Complaints that are not settled, whenever they were received",
    "complaints_overdue": "Complaints that are not settled and whose date is past",
} | {
    measure: f"{kpi.label_en}: {label}"
    for kpi in KPIS.values()
    if kpi.kind is Kind.HISTOGRAM and kpi.denominator.startswith(STANDING)
    for label, measure in kpi.bins
}
"""Measures that are gauges of what stands open now."""


class Waiting:
    """The gauges of all sites, kept between pages: only sites that changed are looked at again."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._waits = np.zeros(0, np.bool_)
        """Places at which anybody waits, or has waited in the open days."""
        self._matters = np.zeros(0, np.bool_)
        self._number = {name: np.zeros(0, np.int64) for name in ("tickets", "calls", *BACKLOG)}
        self._since = {name: np.zeros(0, np.int64) for name in ("tickets", "calls", "reply")}
        """The earliest, by place; NEVER where there is none."""

    def take(
        self,
        codes: Sequence[int],
        waiting: Mapping[int, Mapping[int, WaitingNow]],
        standing: Mapping[int, StandingNow],
        matters: Cube,
    ) -> None:
        """What stands at these sites, which may have changed."""
        for block in matters.blocks.values():
            self._places.of(block.site, block.unit)
        units = [(code, unit, w) for code in codes for unit, w in waiting.get(code, {}).items()]
        dues = [
            (code, unit, us) for code in codes if code in standing for unit, us in standing[code].reply_due_us.items()
        ]
        at, due_at = self._of([u[:2] for u in units]), self._of([d[:2] for d in dues])
        self._forget(self._places.of_sites(codes))
        self._waits[at] = True
        for name, number, since in (
            ("tickets", [w.tickets for *_, w in units], [w.tickets_since_us for *_, w in units]),
            ("calls", [w.calls for *_, w in units], [w.calls_since_us for *_, w in units]),
        ):
            np.add.at(self._number[name], at, number)
            np.minimum.at(self._since[name], at, [NEVER if us is None else us for us in since])
        np.minimum.at(self._since["reply"], due_at, [us for *_, us in dues])
        for block in matters.blocks.values():
            place = self._places.of(block.site, block.unit)
            self._matters[place] = True
            for name in BACKLOG:
                values = block.measure(name)
                if values is not None:
                    np.add.at(self._number[name], place, values)

    def families(self, now_us: int) -> Iterator[Family]:
        """The gauges at that moment."""
        self._grow()
        for name, text in (("tickets", "Tickets issued and not yet called"), ("calls", "Calls in the queue now")):
            yield self._gauge(f"gecc_{name}_waiting", text, self._number[name], self._waits)
        for name, one in (("tickets", "ticket"), ("calls", "call")):
            age = np.where(self._since[name] == NEVER, 0, np.maximum(now_us - self._since[name], 0)) / 1e6
            yield self._gauge(f"gecc_longest_{one}_wait_seconds", f"Longest wait of a {one} now", age, self._waits)
        for name, text in BACKLOG.items():
            yield self._gauge(metric_name(name), text, self._number[name], self._matters)
        due = self._since["reply"]
        text = "Until the first waiting conversation passes its standard; negative: it is late"
        yield self._gauge("gecc_reply_due_seconds", text, (due - now_us) / 1e6, due != NEVER)

    def _gauge(self, name: str, text: str, values: I64 | np.ndarray, there: Bool) -> Family:
        return Family(name, "gauge", text, self._places.labels, values, there)

    def _of(self, keys: Sequence[tuple[int, int]]) -> I64:
        both = np.array(keys, np.int64).reshape(-1, 2)
        return self._places.of(both[:, 0], both[:, 1])

    def _forget(self, places: Bool) -> None:
        self._grow()
        self._waits[places] = self._matters[places] = False
        for number in self._number.values():
            number[places] = 0
        for since in self._since.values():
            since[places] = NEVER

    def _grow(self) -> None:
        more = len(self._places.labels) - len(self._waits)
        if more > 0:
            self._waits, self._matters = np.pad(self._waits, (0, more)), np.pad(self._matters, (0, more))
            self._number = {name: np.pad(of, (0, more)) for name, of in self._number.items()}
            self._since = {name: np.pad(of, (0, more), constant_values=NEVER) for name, of in self._since.items()}
