"""A running service over a journal of its own: six weeks of a small centre, this morning up to 10:40, and a second centre
whose every name is an attack. The clock stands still, so that each page is the same each time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from collectors.base import Message
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.kiosk_json import DeviceRow, KioskJson, SiteRow
from telemetry.app import run
from telemetry.config import Config, Device, Service, Site, Source
from telemetry.events import Decoded, Event, Rejected
from telemetry.journal import Journal, Unit
from telemetry.settings import Channel, Web
from telemetry.simulate import simulate_day
from telemetry.simulate.plan import HOTLINE, KIOSKS, SERVICES

ZONE = "Asia/Bangkok"
TODAY = date(2026, 11, 18)
NOW = datetime(2026, 11, 18, 10, 40, tzinfo=ZoneInfo(ZONE))
NOW_US = int(NOW.timestamp() * 1e6)
MINUTE_US = 60_000_000
COUNTERS, VISITORS, CALLS = 4, 190, 110
AT_A_CENTRE = 20
"""Attacks at one centre."""
CENTRE = Site(
    id="sathit",
    name_th="ที่ว่าการอำเภอเมืองสาธิต",
    name_en="Mueang Sathit District Office",
    hours={"mon-fri": "08:30-16:30"},
    services=(
        *(Service(id=s.id, name_th=s.name_th, name_en=s.name_en, target_minutes=s.target_min) for s in SERVICES),
        Service(id=HOTLINE, name_th="สายด่วนอำเภอ", name_en="District hotline"),
    ),
    channels=(
        Channel(id="line", name_th="ไลน์", name_en="LINE", reply_minutes=15),
        Channel(id="email", name_th="อีเมล", name_en="E-mail", reply_minutes=1440),
    ),
    devices=(
        *(Device(id=f"kiosk-{n}") for n in range(1, KIOSKS + 1)),
        *(Device(id=f"counter-{n}", kind="counter", counter=str(n)) for n in range(1, COUNTERS + 1)),
        *(Device(id=f"button-{n}", kind="button", counter=str(n)) for n in range(1, COUNTERS + 1)),
    ),
    sources=(Source(id="pbx", format="asterisk_queue_log", tail=Path("/nonexistent/queue_log")),),
)


def before(days: int = 30) -> list[date]:
    """So many working days before today, in their order."""
    found = [d for n in range(1, 2 * days) if (d := TODAY - timedelta(days=n)).weekday() < 5]
    return sorted(found[:days])


@cache
def morning_and_before(days: int = 30) -> tuple[Event, ...]:
    """What the simulated centre told, up to now, in the order of time."""
    devices = {d.id: DeviceRow(d.kind, counter=d.counter) for d in CENTRE.devices}
    kiosks, pbx = KioskJson(sites={CENTRE.id: SiteRow(devices)}), QueueLog(site=CENTRE.id, source="pbx")
    events: list[Event] = []
    for day in [*before(days), TODAY]:
        it = simulate_day(
            site=CENTRE.id,
            day=day,
            timezone=ZONE,
            seed=day.toordinal(),
            counters=COUNTERS,
            visitors=VISITORS,
            calls=CALLS,
        )
        actions = [a for a in it.actions if a.time_us < NOW_US]
        messages = [Message(m.topic, m.payload, m.retain) for m in (it.message(a) for a in actions if a.device)]
        lines = [it.log_line(a).rstrip("\n").encode() for a in actions if a.line]
        for decoded in (kiosks.feed(messages, actions[-1].time_us), pbx.feed(lines, actions[-1].time_us)):
            assert not decoded.rejected
            events += [e._replace(person="") for e in decoded.events]
    return tuple(sorted(events, key=lambda e: e.time_us))


def matters() -> list[Event]:
    """Who writes and complains: three LINE messages wait, one of them too long; a complaint is late, one is due today."""
    told = (
        ("conversation.opened", "line", "c1", 22, {}), ("conversation.opened", "line", "c2", 12, {}),
        ("conversation.opened", "line", "c3", 3, {}), ("conversation.opened", "email", "c4", 300, {}),
        ("conversation.replied", "email", "c4", 200, {"party": "somying"}),
        ("case.opened", "damrongdhama", "k1", 20 * 1440, {"a": 1, "b": (NOW_US - 1440 * MINUTE_US) // 1000}),
        ("case.opened", "damrongdhama", "k2", 3 * 1440, {"a": 1, "b": (NOW_US + 240 * MINUTE_US) // 1000}),
        ("case.opened", "damrongdhama", "k3", 1440, {"a": 1, "b": (NOW_US + 9000 * MINUTE_US) // 1000}),
    )  # fmt: skip
    return [
        Event(CENTRE.id, f"{CENTRE.id}/helpdesk", f"m{n}", type_, NOW_US - minutes * MINUTE_US, unit, contact, **more)
        for n, (type_, unit, contact, minutes, more) in enumerate(told)
    ]


def attacked(payloads: Sequence[str]) -> tuple[tuple[Site, ...], list[Event]]:
    """Centres of which each has `AT_A_CENTRE` services, each named, ticketed and called at a counter by one of the payloads; and
    the events that say so. All are centres named by a payload."""
    sites, events = [], []
    for k in range(0, len(payloads), AT_A_CENTRE):
        some = payloads[k : k + AT_A_CENTRE]
        site = f"x{k // AT_A_CENTRE}"
        services = tuple(Service(id=p, name_th=p, name_en=p, target_minutes=5) for p in some)
        channels = tuple(Channel(id=p, name_th=p, name_en=p, reply_minutes=5) for p in some)
        devices = (Device(id="kiosk-1"),)
        sites.append(
            Site(id=site, name_th=some[0], name_en=some[-1], services=services, channels=channels, devices=devices)
        )
        for i, p in enumerate(some):
            at = NOW_US - (20 - i) * MINUTE_US
            say = {"site": site, "source": f"{site}/kiosk-1", "unit": p}
            events += [
                Event(id=f"t{i}:1", type="ticket.issued", time_us=at, contact=p, a=0, **say),
                Event(id=f"t{i}:2", type="ticket.called", time_us=at + MINUTE_US, contact=p, party=p, **say),
                Event(id=f"w{i}:1", type="ticket.issued", time_us=at, contact=f"w{p}"[:60], a=0, **say),
                Event(id=f"q{i}:1", type="call.entered", time_us=at, contact=f"call{i}", **say),
                Event(id=f"q{i}:2", type="call.connected", time_us=at + 9_000_000, contact=f"call{i}", party=p, a=9000, b=4000, **say),
                Event(id=f"c{i}:1", type="conversation.opened", time_us=at, contact=f"conv{i}", **say),
            ]  # fmt: skip
    sites += [Site(id=f"n{n}", name_th=p, name_en=p) for n, p in enumerate(payloads)]
    return tuple(sites), events


@contextmanager
def running(folder: Path, payloads: Sequence[str] = (), *, days: int = 30) -> Iterator[SimpleNamespace]:
    """The service in a thread of its own: `url`, and the centres' `sites`."""
    bad_sites, bad_events = attacked(payloads)
    sites = (CENTRE, *bad_sites)
    journal = Journal(folder)
    rejected = [Rejected("bad_field", "ticket: expected text", b"{}", CENTRE.id, f"{CENTRE.id}/kiosk-2")]
    journal.commit([Unit("mqtt", Decoded([*morning_and_before(days), *matters(), *bad_events], rejected), NOW_US)])
    journal.close()
    box, up = SimpleNamespace(sites=sites, url=""), threading.Event()

    async def main() -> None:
        box.loop, box.stop = asyncio.get_running_loop(), asyncio.Event()

        def started(host: str, port: int) -> None:
            box.url = f"http://{host}:{port}"
            up.set()

        config = Config(data=folder, web=Web(port=0), sites=sites)
        await run(config, stop=box.stop, started=started, clock=NOW.timestamp)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert up.wait(30), "the service did not start"
        yield box
    finally:
        box.loop.call_soon_threadsafe(box.stop.set)
        thread.join(20)
