"""A week of the simulated centre as events: what its devices publish and its PBX logs, decoded."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

from collectors.base import Message
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.kiosk_json import DeviceRow, KioskJson, SiteRow
from telemetry.config import Service, Site
from telemetry.simulate import simulate_day
from telemetry.simulate.plan import AGENTS, COUNTERS, KIOSKS, SERVICES
from tests.kpis.worlds import World

ZONE = "Asia/Bangkok"
MONDAY = date(2026, 11, 16)
SITE = Site(
    id="demo",
    services=tuple(Service(id=s.id, target_minutes=s.target_min, service_minutes=s.mean_min) for s in SERVICES),
    hours={"mon-fri": "08:30-16:00"},
    lunch="12:00-13:00",
)
DEVICES = {
    **{f"kiosk-{n + 1}": DeviceRow("kiosk") for n in range(KIOSKS)},
    **{f"{kind}-{n + 1}": DeviceRow(kind) for kind in ("counter", "button") for n in range(COUNTERS)},
}


@cache
def week(days: int = 5, visitors: int = 120, calls: int = 60, counters: int = 2) -> World:
    """Some working days of a small centre, the first a Monday; there are more visitors than its counters can serve at once."""
    kiosks = KioskJson(sites={SITE.id: SiteRow(DEVICES)})
    pbx, events = QueueLog(site=SITE.id, source="pbx"), []
    tokens: dict[str, int] = {}
    for n in range(days):
        day = simulate_day(
            site=SITE.id, day=MONDAY + timedelta(days=n), timezone=ZONE, seed=n, agents=AGENTS, counters=counters,
            visitors=visitors, calls=calls,
        )  # fmt: skip
        received_us = day.actions[-1].time_us
        sent = [day.message(a) for a in day.actions if a.device]
        messages = [Message(m.topic, m.payload, m.retain) for m in sent]
        lines = [day.log_line(a).rstrip("\n").encode() for a in day.actions if a.line]
        for decoded in (kiosks.feed(messages, received_us), pbx.feed(lines, received_us)):
            assert not decoded.rejected
            events += [e._replace(person="", caller=token(e.person, tokens)) for e in decoded.events]
    return World(tuple(sorted(events, key=lambda e: e.time_us)), (SITE,))


def token(person: str, tokens: dict[str, int]) -> int:
    """Callers are known by whole numbers; 0 is nobody."""
    return tokens.setdefault(person, len(tokens) + 1) if person else 0
