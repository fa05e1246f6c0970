"""What the page says of the configuration: who is who, and what is in force today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from kpis.columns import QUARTERS_A_DAY
from kpis.model import KPI, By, Kind
from kpis.results import KPIS
from telemetry.exporters.family import SITE, SITE_UNIT, Family, Labels, Row, of_rows
from telemetry.metric_names import target_name
from telemetry.rules import REPLY_MINUTES
from telemetry.settings import Change, Site
from telemetry.verdicts import targets_in

EPOCH = date(1970, 1, 1)
MAY_HAVE_A_TARGET = {k.name: k for k in KPIS.values() if k.kind is not Kind.HISTOGRAM and k.by is not By.AGENT}
"""The KPIs that have a gauge of today."""


class Declared:
    """The families, kept while they are the same: for a day at the most."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites = sites
        self._days: Mapping[str, date] = {}
        self._kept: list[Family] = []
        self._seen = -1
        self._replies: list[Family] = []

    def families(self, days: Mapping[str, date], seen: Sequence[tuple[str, ...]]) -> list[Family]:
        """All of them. `days` is each site's local day; `seen`, which only grows, are (site, unit) of which anything was
        ever told: of the standard's channels only those are shown that a site has."""
        if days != self._days:
            self._days, self._seen = days, -1
            self._kept = list(self._of_sites([(s, days[s.id]) for s in self._sites if s.id in days]))
        if len(seen) != self._seen:
            self._seen, there = len(seen), set(seen)
            replies = [
                ((s.id, unit), minutes * 60)
                for s in self._sites
                if s.id in days
                for unit, minutes in reply_minutes(s, days[s.id]).items()
                if (s.id, unit) in there or any(unit == channel.id for channel in s.channels)
            ]
            text = "Longest time to the first reply that the centre or the standard has declared"
            self._replies = [of_rows("gecc_reply_target_seconds", "gauge", text, Labels(SITE_UNIT), replies)]
        return [*self._kept, *self._replies]

    def _of_sites(self, today: Sequence[tuple[Site, date]]) -> Iterator[Family]:
        yield _site_info(self._sites)
        yield _unit_info(self._sites)
        yield from _targets(today)
        text = "Fewer contacts than this give no verdict"
        yield of_rows("gecc_verdict_min_n", "gauge", text, Labels(SITE), [((s.id,), s.min_n) for s in self._sites])
        waits = [
            ((s.id, unit), minutes * 60) for s, day in today for unit, minutes in ticket_minutes(s, day).items()
        ]  # fmt: skip
        text = "Longest wait of a ticket that the centre has declared"
        yield of_rows("gecc_ticket_wait_target_seconds", "gauge", text, Labels(SITE_UNIT), waits)


def ticket_minutes(site: Site, day: date) -> dict[str, float]:
    """Service → longest wait in force on a day."""
    out = {s.id: s.target_minutes for s in site.services if s.target_minutes is not None}
    for change in _changes(site, day):
        out.update(change.target_minutes)
    return out


def reply_minutes(site: Site, day: date) -> dict[str, float]:
    """Channel → longest time to a reply in force on a day."""
    out = dict(REPLY_MINUTES)
    out.update({c.id: c.reply_minutes for c in site.channels if c.reply_minutes is not None})
    for change in _changes(site, day):
        out.update(change.reply_minutes)
    return out


def _changes(site: Site, day: date) -> list[Change]:
    return sorted((c for c in site.changes if c.since <= day), key=lambda c: c.since)


def kpis_with_targets(sites: Sequence[Site]) -> list[KPI]:
    """Those for which the standard or any of the sites has ever set one."""
    own = {name for s in sites for named in (s.targets, *(c.targets for c in s.changes)) for name in named}
    return [kpi for name, kpi in MAY_HAVE_A_TARGET.items() if kpi.target is not None or name in own]


def _targets(today: Sequence[tuple[Site, date]]) -> Iterator[Family]:
    for kpi in kpis_with_targets([site for site, _ in today]):
        size = 1e-3 if kpi.name.endswith("_ms") else 1
        rows: list[Row] = []
        for site, day in today:
            first = (day - EPOCH).days * QUARTERS_A_DAY
            value = targets_in(kpi, site, first, first + QUARTERS_A_DAY)[-1].value
            if value is not None:
                rows.append(((site.id,), value * size))
        yield of_rows(target_name(kpi), "gauge", f"Target in force today: {kpi.label_en}", Labels(SITE), rows)


def _site_info(sites: Sequence[Site]) -> Family:
    labels = Labels(("site", "province", "organisation", "name_th", "name_en"))
    rows = [((s.id, s.province, s.organisation, s.name_th or s.id, s.name_en or s.id), 1) for s in sites]
    return of_rows("gecc_site_info", "gauge", "The centre's names, province and organisation; always 1", labels, rows)


def _unit_info(sites: Sequence[Site]) -> Family:
    rows: list[Row] = []
    for s in sites:
        for kind, named in (("service", s.services), ("channel", s.channels)):
            rows += [((s.id, x.id, kind, x.name_th or x.id, x.name_en or x.id), 1) for x in named]
        for kind, plain in (("device", s.devices), ("source", s.sources)):
            rows += [((s.id, x.id, kind, x.id, x.id), 1) for x in plain]
    labels = Labels(("site", "unit", "kind", "name_th", "name_en"))
    text = "Names of what the site has; kind is service, channel, device or source; always 1"
    return of_rows("gecc_unit_info", "gauge", text, labels, rows)
