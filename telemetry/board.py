"""The wallboard's JSON of one site, from one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import QUARTERS_A_DAY
from kpis.cube import Cube
from kpis.model import Kind
from kpis.results import KPIS
from kpis.rollup import Places, roll_up
from telemetry.config import Site
from telemetry.figures import define, rows_of
from telemetry.journal_reader import JournalReader
from telemetry.live import Snapshot, day_of
from telemetry.waiting import Waiting
from telemetry.web.service import Board, Hour, SourceNow, TodayRow, UnitNow

SILENT_AFTER_US = 15 * 60 * 1_000_000
"""A source that has sent nothing for this long is shown as silent, with its age."""

MOST_OTHERS = 6
"""Units that a site does not declare and that still have a row."""

WALL = {k.name: k for k in sorted((k for k in KPIS.values() if k.wall), key=lambda k: k.wall)}


class Boards:
    """Boards of one journal's sites; each is made when asked for and kept until its site's next version."""

    def __init__(
        self,
        journal: JournalReader,
        sites: Mapping[str, Site],
        *,
        connected: Callable[[str, str], bool | None],
        last_event_us: Mapping[str, int],
    ) -> None:
        """`connected(site, device or source)` is None where nothing is known; `last_event_us` goes by source."""
        self._journal = journal
        self._sites = sites
        self._connected = connected
        self._last_event_us = last_event_us
        self._event = lru_cache(4096)(journal.event)
        self._made: dict[str, tuple[int, int, Board]] = {}

    def board(self, site_id: str, snapshot: Snapshot, now_us: int) -> Board:
        """The site's board; KeyError for an unknown site."""
        site = self._sites[site_id]
        version, second = snapshot.version.get(self._journal.code(site_id), 0), now_us // 1_000_000
        made = self._made.get(site_id)
        if made is None or made[:2] != (version, second):
            made = (version, second, self._make(site, snapshot, version, now_us))
            self._made[site_id] = made
        return made[2]

    def _make(self, site: Site, snapshot: Snapshot, version: int, now_us: int) -> Board:
        code = self._journal.code(site.id)
        cube = snapshot.of_today(code)
        first = snapshot.today[code] * QUARTERS_A_DAY
        quarters = (first, first + QUARTERS_A_DAY)
        waiting = snapshot.waiting.get(code, {})
        has_tickets = any(f"{site.id}/{d.id}" in self._last_event_us for d in site.devices)
        has_calls = any(f"{site.id}/{s.id}" in self._last_event_us for s in site.sources) or bool(
            any(
                (offered := block.measure("calls_offered")) is not None and offered.any()
                for block in cube.blocks.values()
            )
        )
        rows = rows_of(cube, site, quarters, by="total", names=self._journal.names, kpis=WALL)
        units = [
            self._unit(site, unit, waiting.get(unit, Waiting()), has_tickets=has_tickets, has_calls=has_calls)
            for unit in self._units(site, waiting)
        ]
        as_of = datetime.fromtimestamp(now_us / 1e6, ZoneInfo(site.timezone)).isoformat(timespec="minutes")
        return Board(
            version=version,
            as_of_ms=now_us // 1000,
            day=day_of(snapshot.today[code]).isoformat(),
            timezone=site.timezone,
            site={"id": site.id, "name_th": site.name_th or site.id, "name_en": site.name_en or site.id},
            now={
                "tickets_waiting": sum(w.tickets for w in waiting.values()) if has_tickets else None,
                "longest_ticket_wait_since_ms": _first(w.tickets_since_us for w in waiting.values()),
                "calls_waiting": sum(w.calls for w in waiting.values()) if has_calls else None,
                "longest_call_wait_since_ms": _first(w.calls_since_us for w in waiting.values()),
            },
            units=units,
            today=[_today({**row, "to": as_of}, site) for row in sorted(rows, key=lambda r: WALL[r["kpi"]].wall)],
            hours=_hours(cube, first),
            sources=[*self._sources(site, now_us)],
        )

    def _units(self, site: Site, waiting: Mapping[int, Waiting]) -> list[int]:
        """The declared ones, and of the others those where most wait; a ticket whose service is unknown has no row."""
        declared = [self._journal.code(s.id) for s in site.services]
        others = {u: w for u, w in waiting.items() if u not in declared and self._journal.names[u]}
        most = sorted(others, key=lambda u: (-others[u].tickets - others[u].calls, u))[:MOST_OTHERS]
        return [*declared, *sorted(most)]

    def _unit(self, site: Site, unit: int, w: Waiting, *, has_tickets: bool, has_calls: bool) -> UnitNow:
        name = self._journal.names[unit]
        service = next((s for s in site.services if s.id == name), None)
        called = self._event(w.called_seq) if w.called_seq is not None else None
        return {
            "unit": name,
            "name_th": (service and service.name_th) or name,
            "name_en": (service and service.name_en) or name,
            "tickets_waiting": w.tickets if has_tickets else None,
            "longest_ticket_wait_since_ms": _first([w.tickets_since_us]),
            "calls_waiting": w.calls if has_calls else None,
            "longest_call_wait_since_ms": _first([w.calls_since_us]),
            "target_minutes": service.target_minutes if service else None,
            "last_called": called.contact if called else None,
            "last_counter": (called.party or None) if called else None,
        }

    def _sources(self, site: Site, now_us: int) -> Any:
        for kind, name in [*((d.kind, d.id) for d in site.devices), *(("log", s.id) for s in site.sources)]:
            last = self._last_event_us.get(f"{site.id}/{name}")
            there = self._connected(site.id, name)
            state = "unknown" if there is None and last is None else "online"
            if there is False:
                state = "offline"
            elif last is not None and now_us - last > SILENT_AFTER_US:
                state = "silent"
            yield SourceNow(id=name, kind=kind, state=state, last_event_ms=None if last is None else last // 1000)  # type: ignore[typeddict-item]


def _first(times_us: Any) -> int | None:
    known = [t for t in times_us if t is not None]
    return min(known) // 1000 if known else None


def _today(row: dict[str, Any], site: Site) -> TodayRow:
    kpi = WALL[row["kpi"]]
    out: dict[str, Any] = {
        **{k: v for k, v in row.items() if k not in ("site", "unit", "definition")},
        "label_th": kpi.label_th,
        "label_en": kpi.label_en,
        "definition_th": define(kpi, site, "th"),
        "definition_en": define(kpi, site, "en"),
        "unit_kind": kpi.unit if kpi.unit in ("ratio", "seconds", "percent") else "count",
        "better": str(kpi.better),
    }
    if kpi.kind is Kind.HISTOGRAM:
        bins = row["value"] or {label: 0 for label, _ in kpi.bins}
        out["unit_kind"] = "histogram"
        out["bins"] = [{"label": label, "count": n, "over": label not in kpi.within} for label, n in bins.items()]
        out["value"] = None
    return out  # type: ignore[return-value]


def _hours(cube: Cube, first: int) -> list[Hour]:
    hour: Places = {family: (block.quarter - first) // 4 for family, block in cube.blocks.items()}
    sums, _ = roll_up(cube, hour, 24)
    none = np.zeros(24, np.int64)
    columns = [sums.get(name, none).tolist() for name in ("tickets_issued", "calls_offered", "calls_lost")]
    busy = [h for h in range(24) if any(c[h] for c in columns)]
    return [
        {"hour": h, "tickets_issued": columns[0][h], "calls_offered": columns[1][h], "calls_lost": columns[2][h]}
        for h in range(min([8, *busy]), max([16, *busy]) + 1)
    ]
