"""A journal, the live view over it and its page, without a server; and the same page as prometheus_client writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, UnknownMetricFamily
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from telemetry.events import Decoded
from telemetry.exporters.family import Family, Histogram
from telemetry.exporters.prometheus import Pages
from telemetry.health import Health
from telemetry.journal import Journal, Unit
from telemetry.live import Live
from telemetry.metrics_view import MetricsView
from telemetry.rules import names_of


class Room:
    """Events come in, time passes, the page is asked for."""

    def __init__(self, folder, sites, now_us: int) -> None:
        self.sites, self.now_us = sites, now_us
        self.journal = Journal(folder)
        self.journal.ensure([name for site in sites for name in names_of(site)])
        self.live = Live(self.journal, sites, clock=lambda: self.now_us / 1e6)
        self.live.load()
        self.health, self.pages = Health(), Pages()

    def happen(self, events, source: str = "s/x") -> None:
        self.live.refresh([self.journal.commit([Unit(source, Decoded(list(events)), self.now_us)]).columns])

    def view(self, **more) -> MetricsView:
        given = {"latest_us": {}, "connected": lambda _site, _name: None, "earlier": self.journal.tally(), **more}
        return MetricsView(
            version="1",
            sites={code: site for site, code in self.live.codes.items()},
            configured=self.sites,
            names=self.journal.names,
            snapshot=self.live.snapshot,
            health=self.health,
            at_us=self.now_us,
            calendar=self.live.calendar,
            **given,
        )

    def page(self, **more) -> dict[tuple, float]:
        """Samples: (name, *labels) → value, labels in the order of their names."""
        return samples(self.pages.render(self.view(**more)))


def samples(page: bytes, *, openmetrics: bool = False) -> dict[tuple, float]:
    """What prometheus_client reads in a page."""
    return {
        (s.name, *(value for _, value in sorted(s.labels.items()))): s.value
        for family in parsed(page, openmetrics=openmetrics)
        for s in family.samples
    }


def parsed(page: bytes, *, openmetrics: bool) -> Iterable:
    read = openmetrics_parser.text_string_to_metric_families if openmetrics else text_string_to_metric_families
    return read(page.decode())


class ByClient:
    """The families of a page as prometheus_client's own, to be encoded by it."""

    def __init__(self, families: Iterable[Family | Histogram]) -> None:
        self._families = [family for family in families if family.there.any()]
        self._openmetrics = False

    def collect(self):
        return [_by_client(family, openmetrics=self._openmetrics) for family in self._families]

    def page(self, *, openmetrics: bool) -> bytes:
        self._openmetrics = openmetrics
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_openmetrics(registry) if openmetrics else generate_latest(registry)


def _by_client(family: Family | Histogram, *, openmetrics: bool):
    names = family.labels.names
    if isinstance(family, Histogram):
        out = HistogramMetricFamily(family.name, family.text, labels=names)
        for labels, there, upto, ms in zip(family.labels.rows, family.there, family.upto, family.sum_ms, strict=False):
            if there:
                edges = [*(str(float(e)) for e in family.edges), "+Inf"]
                out.add_metric(labels, [*zip(edges, upto.tolist(), strict=True)], ms / 1000)
        return out
    out = (CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily)(
        family.name, family.text, labels=names
    )
    if openmetrics and family.shares_name:
        out = UnknownMetricFamily(f"{family.name}_total", family.text, labels=names)
    for labels, there, value in zip(family.labels.rows, family.there, family.values, strict=False):
        if there:
            out.add_metric(labels, value / 1000 if family.thousandths else value)
    return out


def only(page: Mapping[tuple, float], name: str) -> dict[tuple, float]:
    """The samples of one metric, by their labels."""
    return {tuple(labels): value for (metric, *labels), value in page.items() if metric == name}
