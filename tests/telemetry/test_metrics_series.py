"""No message makes series: labels come from the configuration and the first units of a site."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime

import pytest

from collectors.base import Message
from collectors.devices import Devices
from collectors.formats import FORMATS
from collectors.formats.kiosk_json import DeviceRow, SiteRow
from collectors.formats.options import Options
from telemetry.events import Decoded
from telemetry.exporters.places import MOST_UNITS, OTHER
from telemetry.journal import Unit
from telemetry.settings import Device, Service, Site
from tests.telemetry.metrics_room import Room, only

FEW, MANY = 3_000, 100_000
NOW_US = int(time.time() // 86_400 * 86_400 + 43_200) * 1_000_000
SITES = [
    Site(id="s", timezone="UTC", services=(Service(id="idcard"),), devices=(Device(id="k1"),)),
    Site(id="free", timezone="UTC", devices=(Device(id="k1"),)),
]


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path, SITES, NOW_US)
    yield room
    room.journal.close()


def messages(rng: random.Random, n: int, boot: str):
    """Tickets of any site, device and service: a tenth comes from the centre's own kiosk."""
    when = datetime.fromtimestamp(NOW_US / 1e6 - 60, UTC).isoformat()
    for i in range(n):
        site, device = (f"site-{rng.random()}", f"dev-{rng.random()}")
        if i % 4 == 0:
            site, device = "free", "k1"
        elif i % 4 == 1:
            site = "s"
        elif i % 4 == 2:
            site, device = "s", "k1"
        said = {
            "event": "issued",
            "ticket": f"A{i}",
            "service": f"u{rng.random()}",
            "boot": boot,
            "seq": i + 1,
            "time": when,
        }
        yield Message(f"gecc/v1/{site}/{device}/ticket", json.dumps(said).encode())


def calls(rng: random.Random, n: int):
    """A queue log whose every line names another queue, call and agent."""
    second = NOW_US // 1_000_000 - 600
    for i in range(n):
        kind = ("ENTERQUEUE||0801234567|1", "CONNECT|5|x|3", "ABANDON|1|1|7", "PAUSE")[i % 4]
        yield f"{second}|{i}.{n}.{rng.random()}|q{rng.random()}|SIP/a{rng.random()}|{kind}".encode()


def take(room: Room, n: int, boot: str) -> int:
    """As the pipeline does, of one batch; how many events came of it."""
    rng = random.Random(n)
    rows = {s.id: SiteRow(devices={"k1": DeviceRow("kiosk")}, units=frozenset(x.id for x in s.services)) for s in SITES}
    kiosks = Devices(sites=rows)
    log = FORMATS["asterisk_queue_log"].make(site="free", source="free/pbx", options=Options(timezone="UTC"))
    told: list[Decoded] = [
        kiosks.feed(list(messages(rng, n // 2, boot)), NOW_US),
        log.feed(list(calls(rng, n // 2)), NOW_US),
    ]
    for name, decoded in zip(("mqtt", "free/pbx"), told, strict=True):
        room.live.add(room.journal.commit([Unit(name, decoded, NOW_US)]).columns)
        room.health.source(name).events += len(decoded.events)
        for no in decoded.rejected:
            room.health.source(name).rejected[no.reason] += 1
            room.health.refused[no.source or name] += 1
    room.live.refresh(room.live._take_pending())
    latest = {e.source: e.time_us for decoded in told for e in decoded.events}
    room.page_now = room.page(latest_us=latest, earlier={})
    return sum(len(decoded.events) for decoded in told)


def test_a_hundred_thousand_names_in_messages_leave_the_series_as_they_are(room):
    assert take(room, FEW, "b1") > FEW // 4
    before = room.page_now
    assert take(room, MANY, "b2") > MANY // 4
    after = room.page_now
    assert after.keys() == before.keys()
    assert len(after) < 10_000
    issued = only(after, "gecc_tickets_issued_total")
    units = [unit for site, unit in issued if site == "free"]
    assert len(units) <= MOST_UNITS + 1
    assert issued["free", OTHER] > MANY // 10
    assert {site for site, _ in issued} == {"free"}, "a centre that declares its services has no other ones"
    offered = only(after, "gecc_calls_offered_total")
    assert sum(offered.values()) == (FEW + MANY) * 3 // 8


def test_what_a_centre_declares_has_its_own_series_however_many_others_came_before(room):
    take(room, FEW, "b1")
    line = f"{NOW_US // 1_000_000 - 60}|x.1|idcard|NONE|ENTERQUEUE||0801234567|1".encode()
    log = FORMATS["asterisk_queue_log"].make(site="s", source="s/pbx", options=Options(timezone="UTC"))
    room.happen(log.feed([line], NOW_US).events)
    assert only(room.page(), "gecc_calls_offered_total")["s", "idcard"] == 1
