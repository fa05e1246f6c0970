"""The hall as citizens see it: who is called where, how many wait before one, and how long that will take.

Who waits is what the wallboard counts. How long is a range in which four of five waits have lain (`kpis.tickets.queue_wait`), learnt
from the days before; it is rounded outwards, so that it promises no more than is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import Final

import numpy as np

from kpis.columns import DAY_US, I64, MISSING, Columns, Zones, hash_names
from kpis.model import Rules
from kpis.tickets import tickets
from kpis.tickets.queue_wait import MOST_DAYS, Lines, Waits, waits_of
from kpis.tickets.ticket_legs import legs_of
from kpis.tickets.ticket_story import ISSUED, story_of
from telemetry.board import MOST_OTHERS
from telemetry.config import Site
from telemetry.events import MAX_NAME
from telemetry.journal_reader import JournalReader
from telemetry.live import Live
from telemetry.rules import rules_of, zones_of
from telemetry.web.screens import Hall, HallCall, HallLine, Named, OwnTicket, Range, Standing

MOST_CALLS: Final = 8
SHOWN_US = 60 * 60_000_000
"""The last call of a counter is shown for so long …"""
DONE_US = 10 * 60_000_000
"""… and for so long where its service is over."""
FRESH_US = 5_000_000
"""A hall without any new event is computed again after this time: waits go on."""
STEP_MINUTES, COARSE_MINUTES, COARSE_FROM_MINUTES = 5, 15, 60
_STANDING: Mapping[int, Standing] = {
    tickets.WAITING: "waiting", tickets.TAKEN: "called", tickets.SERVED: "served", tickets.MISSED: "missed",
    tickets.WITHDRAWN: "withdrawn",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Today:
    """The tickets of one site's day. Arrays have a number for each ticket."""

    version: int
    at_us: int
    contact: np.ndarray[tuple[int], np.dtype[np.uint64]]
    standing: I64
    unit: I64
    since_us: I64
    priority: I64
    taken_us: I64
    taken_seq: I64
    counter: I64
    waits: Waits

    def ahead(self, i: int) -> int:
        """How many stand before this ticket in its line."""
        same = (self.standing == tickets.WAITING) & (self.unit == self.unit[i])
        first = (self.priority > self.priority[i]) | (
            (self.priority == self.priority[i]) & (self.since_us < self.since_us[i])
        )
        return int(np.count_nonzero(same & first))


class Halls:
    """The halls of one journal's sites. Each is made when somebody looks, in the thread that asks."""

    def __init__(self, journal: JournalReader, sites: Mapping[str, Site], live: Live) -> None:
        self._journal, self._sites, self._live = journal, sites, live
        self._declared = {s.id: (rules_of([s], journal.code), zones_of([s], journal.code)) for s in sites.values()}
        self._event = lru_cache(4096)(journal.event)
        self._locks = {site: Lock() for site in sites}
        self._lines: dict[str, tuple[int, Lines]] = {}
        """Site → the day for which its lines were learnt, and they."""
        self._today: dict[str, _Today] = {}
        self._made: dict[str, Hall] = {}

    def kept(self, site_id: str, now_us: int) -> Hall | None:
        """The hall where it was made just now and nothing has happened since; at once."""
        made = self._made.get(site_id)
        version = self._live.snapshot.version.get(self._journal.code(site_id), 0)
        fresh = made is not None and made["version"] == version and 0 <= now_us - made["as_of_ms"] * 1000 < FRESH_US
        return made if fresh else None

    def hall(self, site_id: str, now_us: int) -> Hall:
        """The hall; KeyError for an unknown site."""
        site = self._sites[site_id]
        with self._locks[site_id]:
            day = self._of_today(site, now_us)
            made = self._made.get(site_id)
            if made is None or (made["version"], made["as_of_ms"]) != (day.version, day.at_us // 1000):
                made = self._made[site_id] = self._make(site, day)
        return made

    def ticket(self, site_id: str, label: str, now_us: int) -> OwnTicket:
        """One ticket of today, as it is printed or in capitals; KeyError for an unknown site."""
        site = self._sites[site_id]
        with self._locks[site_id]:
            day = self._of_today(site, now_us)
            for name in dict.fromkeys((label.strip(), label.strip().upper())):
                if name and len(name.encode(errors="replace")) <= MAX_NAME:
                    found = np.flatnonzero(day.contact == hash_names([name.encode(errors="replace")])[0])
                    if len(found):
                        return self._own(site, day, name, int(found[np.argmax(day.since_us[found])]))
        return {
            "ticket": label.strip(), "standing": "unknown", "ahead": None, "counter": None, "called_ms": None, "unit": "",
            "name_th": "", "name_en": "", "from_minutes": None, "to_minutes": None,
        }  # fmt: skip

    def _own(self, site: Site, day: _Today, name: str, i: int) -> OwnTicket:
        standing = _STANDING.get(int(day.standing[i]), "unknown")
        waits, taken = standing == "waiting", standing in {"called", "served", "missed"}
        ahead = day.ahead(i) if waits else None
        counter, called_us = int(day.counter[i]), int(day.taken_us[i])
        return {
            "ticket": name, "standing": standing, "ahead": ahead,
            "counter": (self._journal.names[counter] or None) if taken else None,
            "called_ms": called_us // 1000 if taken and called_us != MISSING else None,
            **self._named(site, self._journal.names[int(day.unit[i])]),
            **(self._range(site, day, int(day.unit[i]), ahead) if ahead is not None else _shown(math.nan, math.nan)),
        }  # fmt: skip

    def _make(self, site: Site, day: _Today) -> Hall:
        lines = [self._line(site, day, unit) for unit in self._units(site, day)]
        calls = [self._call(site, day, i) for i in self._called(day)]
        told = bool(len(day.standing) or lines)
        return {"version": day.version, "as_of_ms": day.at_us // 1000, "told": told, "calls": calls, "lines": lines}

    def _units(self, site: Site, day: _Today) -> list[int]:
        """The declared services that give tickets, and of the others those where most wait."""
        waiting = day.unit[day.standing == tickets.WAITING]
        known = {*np.unique(day.unit).tolist(), *self._lines[site.id][1].units}
        declared = [self._journal.code(s.id) for s in site.services]
        others = [u for u in np.unique(waiting).tolist() if u not in declared and self._journal.names[u]]
        others.sort(key=lambda u: (-int(np.count_nonzero(waiting == u)), u))
        return [*(u for u in declared if u in known), *sorted(others[:MOST_OTHERS])]

    def _line(self, site: Site, day: _Today, unit: int) -> HallLine:
        name = self._journal.names[unit]
        waiting = int(np.count_nonzero((day.standing == tickets.WAITING) & (day.unit == unit)))
        target = next((s.target_minutes for s in site.services if s.id == name), None)
        row: HallLine = {
            **self._named(site, name), "waiting": waiting, "target_minutes": target,
            **self._range(site, day, unit, waiting),
        }  # fmt: skip
        return row

    def _called(self, day: _Today) -> list[int]:
        """The last ticket of each counter, newest first; a ticket without a counter stands by itself."""
        age = day.at_us - day.taken_us
        there = (day.taken_us != MISSING) & (age < SHOWN_US) & (day.standing == tickets.TAKEN)
        there |= (day.standing == tickets.SERVED) & (day.taken_us != MISSING) & (age < DONE_US)
        rows = np.flatnonzero(there)
        out: list[int] = []
        seen: set[int] = set()
        for i in rows[np.argsort(-day.taken_us[rows], kind="stable")].tolist():
            counter = int(day.counter[i])
            if counter == 0 or counter not in seen:
                seen.add(counter)
                out.append(i)
        return out[:MOST_CALLS]

    def _call(self, site: Site, day: _Today, i: int) -> HallCall:
        seq = int(day.taken_seq[i])
        event = self._event(seq)
        return {
            "key": str(seq),
            "ticket": event.contact if event else "",
            "counter": self._journal.names[int(day.counter[i])] or None,
            **self._named(site, self._journal.names[int(day.unit[i])]),
            "called_ms": int(day.taken_us[i]) // 1000,
        }

    def _named(self, site: Site, unit: str) -> Named:
        service = next((s for s in site.services if s.id == unit), None)
        return {
            "unit": unit,
            "name_th": (service and service.name_th) or unit,
            "name_en": (service and service.name_en) or unit,
        }

    def _range(self, site: Site, day: _Today, unit: int, ahead: int) -> Range:
        lines = self._lines[site.id][1]
        low, high = lines.ranges(day.waits, unit, day.at_us, np.array([ahead], np.int64))
        return _shown(float(low[0]), float(high[0]))

    def _of_today(self, site: Site, now_us: int) -> _Today:
        snapshot, code = self._live.snapshot, self._journal.code(site.id)
        version = snapshot.version.get(code, 0)
        kept = self._today.get(site.id)
        if kept is not None and kept.version == version and 0 <= now_us - kept.at_us < FRESH_US:
            return kept
        rules, zones = self._declared[site.id]
        cols = self._live.columns_of(site.id)
        today = int(zones.to_local(np.array([now_us], np.int64), np.array([code], np.int32))[0] // DAY_US)
        if site.id not in self._lines or self._lines[site.id][0] != today:
            before = self._journal.columns([site.id], now_us - (MOST_DAYS + 2) * DAY_US, now_us + DAY_US)
            local = zones.to_local(before.time_us, before.site) // DAY_US
            earlier = waits_of(story_of(before.take(local < today), zones), zones)
            self._lines[site.id] = today, Lines(earlier, zones, code)
        local = zones.to_local(cols.time_us, cols.site) // DAY_US
        made = _today(cols.take(local == today), replace(rules, as_of_us={code: now_us}), zones, version, now_us)
        self._today[site.id] = made
        return made


def _today(cols: Columns, rules: Rules, zones: Zones, version: int, now_us: int) -> _Today:
    s = story_of(cols, zones)
    facts = tickets.contacts(cols, rules, zones, s, legs_of(s))["tickets"]
    order = np.argsort(cols.seq, kind="stable")
    seqs = cols.seq[order]

    def row_of(seq: I64) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        return order[np.minimum(np.searchsorted(seqs, seq), max(len(seqs) - 1, 0))] if len(seqs) else order[:0]

    first, taken = s.first(ISSUED), facts.state["taken_seq"]
    issued = first < len(s.kind)
    priority = np.where(issued, s.a[np.minimum(first, len(s.kind) - 1)], MISSING) if len(s.kind) else first
    return _Today(
        version=version,
        at_us=now_us,
        contact=cols.contact[row_of(s.seq[s.at])],
        standing=facts.state["standing"],
        unit=facts.state["waiting_unit"],
        since_us=facts.state["waiting_since_us"],
        priority=np.where(priority == MISSING, 0, priority),
        taken_us=facts.state["taken_us"],
        taken_seq=taken,
        counter=np.where(taken != MISSING, cols.party[row_of(taken)], 0).astype(np.int64),
        waits=waits_of(s, zones),
    )


def _shown(low_s: float, high_s: float) -> Range:
    """Rounded outwards to steps that claim no more than is known."""
    if not (math.isfinite(low_s) and math.isfinite(high_s)):
        return {"from_minutes": None, "to_minutes": None}
    step = STEP_MINUTES if high_s <= COARSE_FROM_MINUTES * 60 else COARSE_MINUTES
    low, high = math.floor(low_s / 60 / step) * step, math.ceil(high_s / 60 / step) * step
    return {"from_minutes": low, "to_minutes": max(high, low + step)}
