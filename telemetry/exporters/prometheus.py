"""/metrics: a view over one snapshot.

Counters are the numerators and denominators, so that any ratio can be formed over any period; they count what came from
the day before the service first ran and go on over restarts, but take nothing from imports of the past. Gauges `gecc_today_<kpi>` are today's figures of a site as the wallboard
shows them; a figure without data has no sample. Labels are site and unit only (unit: a queue, service, device or
source), from the configuration and the PBX's queues; never a caller, ticket or agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kpis.columns import I64, Bool
from kpis.cube import Cube
from kpis.model import KPI, By, Kind
from kpis.results import KPIS, evaluate
from kpis.rollup import roll_up
from telemetry.exporters.view import View, WaitingNow

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
STANDING = (
    "conversations_waiting", "conversations_not_yet_due", "cases_open", "cases_overdue", "complaints_open", "complaints_overdue",
)  # fmt: skip
"""Beginnings of measures that say how things stand, and go up and down: no counters."""
BACKLOG = {
    "conversations_waiting": "Conversations that wait for a reply, whenever they began",
    "conversations_waiting_overdue": "Conversations that have waited for a reply longer than the standard allows",
    "cases_open": "Cases that are not settled, whenever they were received",
    "cases_overdue": "Cases that are not settled and whose date is past",
}
"""Measures that are gauges of what stands open now."""
ALWAYS = ("calls_offered", "tickets_issued", "votes")
"""Counts of today that are shown where there is nothing to count yet."""


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
        yield from _backlog(view)
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
    """The measures that have a counter, each with the first KPI that uses it. What is told of a person, a counter or a
    device has none: no label may name one."""
    out: dict[str, KPI] = {}
    for kpi in KPIS.values():
        if kpi.by not in (By.UNIT, By.SITE):
            continue
        for name in (kpi.numerator, kpi.denominator, *(m for _, m in kpi.bins)):
            if name and not name.startswith((*DECIDED_LATER, *STANDING)):
                out.setdefault(name, kpi)
    return out


def metric_name(measure: str) -> str:
    """A measure's counter, without _total: milliseconds are shown as seconds."""
    return f"gecc_{_plain(measure)}"


def today_name(kpi: KPI) -> str:
    """A KPI's gauge: milliseconds are shown as seconds."""
    return f"gecc_today_{_plain(kpi.name)}"


_WORDS = {"hours": "hour", "days": "day", "counter": "counters", "s": "seconds", "ms": "seconds"}
"""What a metric's name would be taken for its unit or its type by, and what stands there instead."""


def _plain(name: str) -> str:
    return "_".join(_WORDS.get(word, word) for word in name.split("_"))


def places_of(cube: Cube) -> set[tuple[int, int]]:
    """(site, unit) of every cell."""
    seen: set[tuple[int, int]] = set()
    for block in cube.blocks.values():
        key = np.unique(block.site << 20 | block.unit)
        seen.update(zip((key >> 20).tolist(), (key & 0xFFFFF).tolist(), strict=True))
    return seen


def _told(sums: Mapping[str, I64], n: int) -> dict[str, Bool]:
    """Measure → which labels have a sample of it: those where any part of a figure that uses it is not 0, so that a ratio
    has both its parts, and what a centre does not have adds no series."""
    out: dict[str, Bool] = {}
    for kpi in KPIS.values():
        parts = [m for m in (kpi.numerator, kpi.denominator, *(m for _, m in kpi.bins)) if m in sums]
        some = np.zeros(n, np.bool_)
        for m in parts:
            some |= sums[m] != 0
        for m in parts:
            out[m] = out[m] | some if m in out else some
    return out


def _counters(view: View) -> Iterable[Metric]:
    known = view.labels()
    cube = view.counted()
    labels = list(dict.fromkeys(known.values()))
    index = {label: i for i, label in enumerate(labels)}
    codes = sorted(known)
    keys, group = (
        np.array([s << 20 | u for s, u in codes], np.int64),
        np.array([index[known[c]] for c in codes], np.int64),
    )
    places: dict[str, I64] = {}
    for name, block in cube.blocks.items():
        place = block.site << 20 | block.unit
        at = np.minimum(np.searchsorted(keys, place), max(len(keys) - 1, 0))
        places[name] = np.where(keys[at] == place, group[at], -1) if len(keys) else np.full(len(place), -1)
    sums, seconds = roll_up(cube, places, len(labels))
    there = _told(sums, len(labels))
    for name, kpi in measures().items():
        family = CounterMetricFamily(metric_name(name), f"{kpi.label_en}: {name}", labels=SITE_UNIT)
        per = 1000 if name.endswith("_ms") else kpi.per if name == kpi.numerator else 1
        for i in np.flatnonzero(there[name]).tolist() if name in there else ():
            label, value = labels[i], int(sums[name][i])
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
    places: dict[str, I64] = {}
    there: dict[str, set[int]] = {}
    for name, block in cube.blocks.items():
        places[name] = np.searchsorted(codes, block.site)
        mine = set(np.unique(places[name]).tolist())
        there.update(dict.fromkeys((*block.tallies.names, *block.amounts.names), mine))
    sums, seconds = roll_up(cube, places, len(codes))
    for kpi in KPIS.values():
        if kpi.kind is Kind.HISTOGRAM or kpi.by is By.AGENT:
            continue
        family = GaugeMetricFamily(today_name(kpi), f"Today: {kpi.label_en}", labels=("site",))
        size = 1e-3 if kpi.name.endswith("_ms") else 1
        always = kpi.kind is not Kind.COUNT or kpi.name in ALWAYS
        for i, (code, value) in enumerate(
            zip(codes, evaluate(kpi, sums, seconds, len(codes)).value.tolist(), strict=True)
        ):
            # A count is 0 where its family has anything to tell of that day.
            if value == value and (always or i in there.get(kpi.numerator, ())):  # noqa: PLR0124  not NaN
                family.add_metric((view.sites[code],), value * size)
        yield family


def _backlog(view: View) -> Iterable[Metric]:
    known, cube = view.labels(), view.matters()
    for name, text in BACKLOG.items():
        family = GaugeMetricFamily(f"gecc_{name}", text, labels=SITE_UNIT)
        rows: dict[tuple[str, str], int] = {}
        for block in cube.blocks.values():
            values = block.measure(name)
            if values is None:
                continue
            for site, unit, n in zip(block.site.tolist(), block.unit.tolist(), values.tolist(), strict=True):
                if (site, unit) in known:
                    rows[known[site, unit]] = rows.get(known[site, unit], 0) + n
        for label, n in rows.items():
            family.add_metric(label, n)
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
