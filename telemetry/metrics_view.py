"""What /metrics is made of, gathered from the parts of the service at one moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kpis.calendar import Calendar
from telemetry.config import Site
from telemetry.events import REJECT_REASONS
from telemetry.exporters.view import SourceNow
from telemetry.health import Health
from telemetry.live import Snapshot


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
    missing: Mapping[str, int] = field(default_factory=dict)
    """Device's source → numbers that never came; of devices that number their messages."""
    offsets_us: Mapping[str, int] = field(default_factory=dict)
    """Device's source → receipt minus its own time; of devices that give times."""
    calendar: Calendar = field(default_factory=Calendar)
    folder: Path | None = None
    """Where the journal lies."""
    others: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    """What other exporters say of themselves: see `exporters.standing.EXPORTED`."""

    def now_us(self) -> int:
        return self.at_us

    def up(self) -> Iterable[tuple[str, str, bool]]:
        for site in self.configured:
            for name in _names_here(site):
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
        ours = frozenset(self.sites.values())
        for source, t in self.latest_us.items():
            site = source.split("/", 1)[0]
            if site in ours:
                out[site] = max(out.get(site, 0), t)
        return out

    def service_open(self) -> Iterable[tuple[str, bool]]:
        codes = np.array(list(self.sites), np.int64)
        is_open = self.calendar.is_open(np.full(len(codes), self.at_us), codes)
        return zip(self.sites.values(), is_open.tolist(), strict=True)

    def sources_now(self) -> Iterable[SourceNow]:
        here = [(s.id, x, f"{s.id}/{x}") for s in self.configured for x in _names_here(s)]
        everywhere = [("", name, name) for name in self.health.sources if "/" not in name]
        for site, unit, name in here + everywhere:
            rejected = self.earlier.get((name, "refused"), 0) + self.health.refused.get(name, 0)
            yield SourceNow(site, unit, self.latest_us.get(name), self.health.lag_us.get(name), rejected)

    def disk(self) -> tuple[int, int] | None:
        if self.folder is None:
            return None
        try:
            usage = shutil.disk_usage(self.folder)
        except OSError:
            return None
        return usage.free, usage.total

    def exported(self) -> Mapping[str, float | Mapping[str, float]]:
        return self.others


def _names_here(site: Site) -> list[str]:
    """Its devices and sources."""
    return [*(d.id for d in site.devices), *(s.id for s in site.sources)]


def _site_and_device(source: str) -> tuple[str, str]:
    site, _, device = source.partition("/")
    return site, device
