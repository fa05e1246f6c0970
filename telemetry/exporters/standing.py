"""What the page says of this moment: open or closed, how each device and source does, the service itself, the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from telemetry.exporters.family import SITE, SITE_UNIT, Family, Labels, of_rows, single
from telemetry.exporters.view import View

TALLIES: dict[str, str] = {
    "records_received": "Messages and lines that came in",
    "events": "New events stored",
    "duplicates": "Events that came again and were not counted twice",
    "records_ignored": "Well-formed records of kinds that this product does not use",
    "commits": "Transactions that stored them",
    "commit_seconds": "Time spent in these transactions",
}
EXPORTED: dict[str, tuple[str, str, str]] = {
    # metric as Prometheus shows it → kind, help, name of its label
    "gecc_influxdb_up": ("gauge", "1 while the store takes what it is given", ""),
    "gecc_influxdb_behind_events": ("gauge", "Events of the journal that the store has not had yet", ""),
    "gecc_influxdb_points_total": ("counter", "Points that the store has taken", ""),
    "gecc_influxdb_set_aside_total": ("counter", "Points that the store refused and that were set aside", ""),
    "gecc_influxdb_failures_total": ("counter", "Calls to the store that failed, by reason", "reason"),
}
"""Metrics of other exporters, which the composition root hands over; see `View.exported`."""


class Standing:
    """The families; their labels are kept between pages."""

    def __init__(self) -> None:
        self._sites, self._sources, self._reasons = Labels(SITE), Labels(SITE_UNIT), Labels(("reason",))

    def families(self, view: View) -> Iterator[Family]:
        """All of them, as they are now."""
        info = Labels(("version",))
        yield of_rows("gecc_build_info", "gauge", "Version of the running service", info, [((view.version,), 1)])
        yield from self._of_sites(view)
        yield from self._of_devices(view)
        yield from self._of_sources(view)
        for name, value in view.tallies().items():
            yield single(f"gecc_{name}", "counter", TALLIES[name], value)
        rejects = [((reason,), n) for reason, n in sorted(view.rejects().items())]
        yield of_rows("gecc_rejected", "counter", "Records that could not be read, by reason", self._reasons, rejects)
        disk = view.disk()
        if disk is not None:
            free, size = disk
            yield single("gecc_disk_free_bytes", "gauge", "Room that is left where the journal lies", free)
            yield single("gecc_disk_size_bytes", "gauge", "Size of the file system where the journal lies", size)
        yield from _exported(view.exported())

    def _of_sites(self, view: View) -> Iterator[Family]:
        last = [((site,), us / 1e6) for site, us in view.last_event_us().items()]
        text = "Time of the site's last event"
        yield of_rows("gecc_last_event_timestamp_seconds", "gauge", text, self._sites, last)
        is_open = [((site,), float(is_open)) for site, is_open in view.service_open()]
        text = "1 within the centre's service hours, else 0"
        yield of_rows("gecc_service_open", "gauge", text, self._sites, is_open)
        standing = view.snapshot.standing
        counters = [
            ((site,), n) for code, site in view.sites.items() if code in standing and (n := standing[code].counters) is not None
        ]  # fmt: skip
        text = "Counters that are open now, where devices tell of them"
        yield of_rows("gecc_counters_open", "gauge", text, self._sites, counters)

    def _of_devices(self, view: View) -> Iterator[Family]:
        up = [((site, unit), float(there)) for site, unit, there in view.up()]
        text = "1 while the device or source is connected"
        yield of_rows("gecc_device_up", "gauge", text, self._sources, up)
        missing = [((site, unit), n) for site, unit, n in view.sequence_missing()]
        text = "Numbers of the device's messages that never came"
        yield of_rows("gecc_device_sequence_missing", "counter", text, self._sources, missing)
        offsets = [((site, unit), seconds) for site, unit, seconds in view.clock_offsets()]
        text = "Receipt minus the device's own time, median"
        yield of_rows("gecc_device_clock_offset_seconds", "gauge", text, self._sources, offsets)

    def _of_sources(self, view: View) -> Iterator[Family]:
        sources = [((s.site, s.unit), s) for s in view.sources_now()]
        last = [(label, s.last_event_us / 1e6) for label, s in sources if s.last_event_us is not None]
        text = "Time of the last event that the device or source told of"
        yield of_rows("gecc_source_last_event_timestamp_seconds", "gauge", text, self._sources, last)
        lag = [(label, s.lag_us / 1e6) for label, s in sources if s.lag_us is not None]
        text = "Receipt of its newest records minus the time of what they tell of"
        yield of_rows("gecc_source_lag_seconds", "gauge", text, self._sources, lag)
        rejected = [(label, s.rejected) for label, s in sources]
        text = "Records of the device or source that could not be read; site is empty for what cannot be blamed on one"
        yield of_rows("gecc_source_rejected", "counter", text, self._sources, rejected)


def _exported(values: Mapping[str, float | Mapping[str, float]]) -> Iterator[Family]:
    for metric, value in values.items():
        kind, text, label = EXPORTED[metric]
        name = metric.removesuffix("_total")
        if isinstance(value, Mapping):
            yield of_rows(name, kind, text, Labels((label,)), [((of,), n) for of, n in value.items()])
        else:
            yield single(name, kind, text, value)
