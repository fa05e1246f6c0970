"""/metrics: a view over one snapshot.

Counters are the numerators and denominators, so that any ratio can be formed over any period; they count what came from
the day before the service first ran and go on over restarts, but take nothing from imports of the past. Gauges `gecc_today_<kpi>` are today's figures of a site as the wallboard
shows them; a figure without data has no sample. Labels are site and unit only (unit: a queue, service, device or
source), from the configuration and the PBX's queues; never a caller, ticket or agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kpis.cube import Cube, roll_up
from kpis.model import KPI, Kind
from kpis.results import KPIS, evaluate

SITE_UNIT = ("site", "unit")
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
DECIDED_LATER = ("fcr_",)
"""Measures known only when a window of days is over: no counter of the open days can carry them."""


@dataclass(frozen=True, slots=True)
class WaitingNow:
    site: str
    unit: str
    tickets: int
    tickets_since_us: int | None
    calls: int
    calls_since_us: int | None

    def joined(self, other: WaitingNow) -> WaitingNow:
        """Both under the labels of the first."""
        tickets = [t for t in (self.tickets_since_us, other.tickets_since_us) if t is not None]
        calls = [t for t in (self.calls_since_us, other.calls_since_us) if t is not None]
        return WaitingNow(
            self.site,
            self.unit,
            self.tickets + other.tickets,
            min(tickets, default=None),
            self.calls + other.calls,
            min(calls, default=None),
        )


class View(Protocol):
    """What the page is made of; the composition root gathers it."""

    @property
    def version(self) -> str: ...
    @property
    def sites(self) -> Mapping[int, str]:
        """Site code → id, of the configured sites."""

    def labels(self) -> Mapping[tuple[int, int], tuple[str, str]]:
        """(site, unit) codes → labels; several may share them."""

    @property
    def shown(self) -> dict[tuple[str, tuple[str, str]], float]:
        """Counter and labels → what was last shown; kept between pages."""

    def now_us(self) -> int: ...
    def counted(self) -> Cube:
        """Everything since the journal began; cells of any time."""

    def today(self) -> Cube:
        """Today of every site."""

    def waiting(self) -> Iterable[WaitingNow]: ...
    def up(self) -> Iterable[tuple[str, str, bool]]:
        """(site, device or source, is it there)."""

    def sequence_missing(self) -> Iterable[tuple[str, str, int]]:
        """(site, device, numbers of its messages that never came)."""

    def clock_offsets(self) -> Iterable[tuple[str, str, float]]:
        """(site, device, seconds by which its clock is slow)."""

    def tallies(self) -> Mapping[str, float]:
        """Counter name (without gecc_ and _total) → value, of the service itself."""

    def rejects(self) -> Mapping[str, int]:
        """Reason → how many since the journal began."""

    def last_event_us(self) -> Mapping[str, int]:
        """Site → time of its last event."""


TALLIES: dict[str, str] = {
    "records_received": "Messages and lines that came in",
    "events": "New events stored",
    "duplicates": "Events that came again and were not counted twice",
    "records_ignored": "Well-formed records of kinds that this product does not use",
    "commits": "Transactions that stored them",
    "commit_seconds": "Time spent in these transactions",
}


def render(view: View, accept: str) -> tuple[bytes, str]:
    """The page and its content type for a scraper's Accept header."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(view))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Page(Collector):
    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterable[Metric]:
        view = self._view
        info = GaugeMetricFamily("gecc_build_info", "Version of the running service", labels=("version",))
        info.add_metric((view.version,), 1)
        yield info
        yield from _counters(view)
        yield from _today(view)
        yield from _waiting(view)
        up = GaugeMetricFamily("gecc_device_up", "1 while the device or source is connected", labels=SITE_UNIT)
        for site, unit, there in view.up():
            up.add_metric((site, unit), float(there))
        yield up
        missing = CounterMetricFamily(
            "gecc_device_sequence_missing", "Numbers of the device's messages that never came", labels=SITE_UNIT
        )
        for site, unit, n in view.sequence_missing():
            missing.add_metric((site, unit), n)
        yield missing
        offset = GaugeMetricFamily(
            "gecc_device_clock_offset_seconds", "Receipt minus the device's own time, median", labels=SITE_UNIT
        )
        for site, unit, seconds in view.clock_offsets():
            offset.add_metric((site, unit), seconds)
        yield offset
        last = GaugeMetricFamily("gecc_last_event_timestamp_seconds", "Time of the site's last event", labels=("site",))
        for site, t in view.last_event_us().items():
            last.add_metric((site,), t / 1e6)
        yield last
        for name, value in view.tallies().items():
            yield CounterMetricFamily(f"gecc_{name}", TALLIES[name], value=value)
        rejected = CounterMetricFamily("gecc_rejected", "Records that could not be read, by reason", labels=("reason",))
        for reason, n in sorted(view.rejects().items()):
            rejected.add_metric((reason,), n)
        yield rejected


def measures() -> dict[str, KPI]:
    """The measures that have a counter, each with the first KPI that uses it."""
    out: dict[str, KPI] = {}
    for kpi in KPIS.values():
        for name in (kpi.numerator, kpi.denominator, *(m for _, m in kpi.bins)):
            if name and not name.startswith(DECIDED_LATER):
                out.setdefault(name, kpi)
    return out


def metric_name(measure: str) -> str:
    """A measure's counter, without _total: milliseconds are shown as seconds."""
    return f"gecc_{measure.removesuffix('_ms')}_seconds" if measure.endswith("_ms") else f"gecc_{measure}"


def _counters(view: View) -> Iterable[Metric]:
    cube = view.counted()
    place = np.left_shift(np.right_shift(cube.key, np.uint64(24)), np.uint64(24))
    keys, where = np.unique(place, return_inverse=True)
    places, known = Cube(keys, {}, {}), view.labels()
    of_place = [known.get(p) for p in zip(places.site.tolist(), places.unit.tolist(), strict=True)]
    labels = list(dict.fromkeys(label for label in of_place if label is not None))
    index = {label: i for i, label in enumerate(labels)}
    group = np.array([-1 if label is None else index[label] for label in of_place], np.int64)[where]
    sums, seconds = roll_up(cube, group, len(labels))
    for name, kpi in measures().items():
        family = CounterMetricFamily(metric_name(name), f"{kpi.label_en}: {name}", labels=SITE_UNIT)
        per = kpi.per if name == kpi.numerator else 1
        for label, value in zip(labels, sums.get(name, np.zeros(len(labels), np.int64)).tolist(), strict=True):
            # A call that timed out may be answered yet, a no-show may come back: the counter waits, it does not go down.
            view.shown[name, label] = max(value / per, view.shown.get((name, label), 0))
            family.add_metric(label, view.shown[name, label])
        yield family
    for name, (metric, sum_name, edges, text) in EDGES.items():
        histogram = HistogramMetricFamily(metric, text, labels=SITE_UNIT)
        h = seconds.get(name)
        total = sums.get(sum_name)
        for i, label in enumerate(labels):
            if h is None or total is None:
                continue
            low, high = np.searchsorted(h.cell, (i, i + 1))
            if low == high:
                continue
            running = np.concatenate([[0], np.cumsum(h.count[low:high])])
            upto = running[np.searchsorted(h.second[low:high], edges, side="right")]
            buckets = [(str(float(e)), float(n)) for e, n in zip(edges, upto, strict=True)]
            histogram.add_metric(label, [*buckets, ("+Inf", float(running[-1]))], sum_value=total[i] * 1e-3)
        yield histogram


def _today(view: View) -> Iterable[Metric]:
    cube = view.today()
    codes = sorted(view.sites)
    group = np.searchsorted(codes, cube.site).astype(np.int64)
    sums, seconds = roll_up(cube, group, len(codes))
    for kpi in KPIS.values():
        if kpi.kind is Kind.HISTOGRAM:
            continue
        family = GaugeMetricFamily(f"gecc_today_{kpi.name}", f"Today: {kpi.label_en}", labels=("site",))
        for code, value in zip(codes, evaluate(kpi, sums, seconds, len(codes)).value.tolist(), strict=True):
            if value == value:  # noqa: PLR0124  not NaN
                family.add_metric((view.sites[code],), value)
        yield family


_GAUGES: tuple[tuple[str, str, Callable[[WaitingNow, int], float]], ...] = (
    ("gecc_tickets_waiting", "Tickets issued and not yet called", lambda w, _: w.tickets),
    ("gecc_calls_waiting", "Calls in the queue now", lambda w, _: w.calls),
    ("gecc_longest_ticket_wait_seconds", "Longest wait of a ticket now", lambda w, now: _age(w.tickets_since_us, now)),
    ("gecc_longest_call_wait_seconds", "Longest wait of a call now", lambda w, now: _age(w.calls_since_us, now)),
)


def _age(since_us: int | None, now_us: int) -> float:
    return 0.0 if since_us is None else max(0.0, (now_us - since_us) / 1e6)


def _waiting(view: View) -> Iterable[Metric]:
    rows, now = list(view.waiting()), view.now_us()
    for name, text, value in _GAUGES:
        family = GaugeMetricFamily(name, text, labels=SITE_UNIT)
        for row in rows:
            family.add_metric((row.site, row.unit), value(row, now))
        yield family
