"""What /metrics is made of, gathered from the parts of the service at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kpis.cube import Cube
from telemetry.config import Site
from telemetry.events import REJECT_REASONS
from telemetry.exporters.prometheus import places_of
from telemetry.exporters.view import WaitingNow
from telemetry.health import Health
from telemetry.live import Snapshot

MOST_UNITS = 50
"""Units of a site beyond those it declares that have labels of their own; the rest together are `other`."""


@dataclass(frozen=True, slots=True)
class MetricsView:
    """One moment of the service; see `telemetry.exporters.view.View`."""

    version: str
    sites: Mapping[int, str]
    configured: Sequence[Site]
    names: Sequence[str]
    snapshot: Snapshot
    health: Health
    earlier: Mapping[tuple[str, str], int]
    """The journal's tally when the service started."""
    latest_us: Mapping[str, int]
    """Source → time of its last event."""
    connected: Callable[[str, str], bool | None]
    at_us: int
    shown: dict[tuple[str, tuple[str, str]], float]
    """Counter and labels → what was last shown: an outcome may be revised, a counter may not go down."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Device's source → numbers that never came; of devices that number their messages."""
    offsets_us: Mapping[str, int] = field(default_factory=dict)
    """Device's source → receipt minus its own time; of devices that give times."""

    def now_us(self) -> int:
        return self.at_us

    def counted(self) -> Cube:
        return self.snapshot.counted

    def labels(self) -> Mapping[tuple[int, int], tuple[str, str]]:
        """(site, unit) codes → the labels they are counted under.

        Queues are named by whoever configures the PBX: without a limit a mistake there would fill the scraper's memory.
        The first that were ever seen keep their names, so that no counter changes its place.
        """
        declared = {(site.id, service.id) for site in self.configured for service in site.services}
        cubes = self.counted(), self.matters()
        seen = {place for cube in cubes for place in places_of(cube) if place[0] in self.sites}
        seen |= {(s, u) for s, units in self.snapshot.waiting.items() for u in units}
        out: dict[tuple[int, int], tuple[str, str]] = {}
        others: dict[int, int] = {}
        for s, u in sorted(seen):
            site, unit = self.sites[s], self.names[u]
            if unit and (site, unit) not in declared:
                others[s] = others.get(s, 0) + 1
                unit = unit if others[s] <= MOST_UNITS else "other"
            out[s, u] = site, unit
        return out

    def today(self) -> Cube:
        return self.snapshot.all_today

    def matters(self) -> Cube:
        return self.snapshot.all_matters

    def waiting(self) -> Iterable[WaitingNow]:
        labels = self.labels()
        rows: dict[tuple[str, str], WaitingNow] = {}
        for code, units in self.snapshot.waiting.items():
            for unit, w in units.items():
                one = WaitingNow(*labels[code, unit], w.tickets, w.tickets_since_us, w.calls, w.calls_since_us)
                had = rows.get(labels[code, unit])
                rows[labels[code, unit]] = one if had is None else had.joined(one)
        return rows.values()

    def up(self) -> Iterable[tuple[str, str, bool]]:
        for site in self.configured:
            for name in [*(d.id for d in site.devices), *(s.id for s in site.sources)]:
                there = self.connected(site.id, name)
                if there is not None:
                    yield site.id, name, there
        for name, source in self.health.sources.items():
            if "/" not in name:  # serves all sites
                yield "", name, source.connected

    def sequence_missing(self) -> Iterable[tuple[str, str, int]]:
        return [(*_site_and_device(source), n) for source, n in self.missing.items()]

    def clock_offsets(self) -> Iterable[tuple[str, str, float]]:
        return [(*_site_and_device(source), us / 1e6) for source, us in self.offsets_us.items()]

    def tallies(self) -> Mapping[str, float]:
        events, duplicates, ignored = (self._total(what) for what in ("events", "duplicates", "ignored"))
        return {
            "records_received": events + duplicates + ignored + sum(self.rejects().values()),
            "events": events,
            "duplicates": duplicates,
            "records_ignored": ignored,
            "commits": self.health.commits,
            "commit_seconds": self.health.commit_seconds,
        }

    def _total(self, what: str) -> int:
        before = sum(n for (_, key), n in self.earlier.items() if key == what)
        since: int = sum(getattr(s, what) for s in self.health.sources.values())
        return before + since

    def rejects(self) -> Mapping[str, int]:
        out = dict.fromkeys(REJECT_REASONS, 0)
        for (_, what), n in self.earlier.items():
            if what.startswith("rejected:"):
                reason = what.removeprefix("rejected:")
                out[reason] = out.get(reason, 0) + n
        for source in self.health.sources.values():
            for reason, n in source.rejected.items():
                out[reason] += n
        return out

    def last_event_us(self) -> Mapping[str, int]:
        out: dict[str, int] = {}
        for source, t in self.latest_us.items():
            site = source.split("/", 1)[0]
            if site in self.sites.values():
                out[site] = max(out.get(site, 0), t)
        return out


def _site_and_device(source: str) -> tuple[str, str]:
    site, _, device = source.partition("/")
    return site, device
