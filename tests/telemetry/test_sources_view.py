"""The rows of /v1/sources, from the board's sources and what was counted."""

from __future__ import annotations

from collectors.devices import DeviceFacts
from telemetry.config import Device, Site, Source
from telemetry.health import SourceHealth
from telemetry.sources_view import source_rows

NOW_MS = 1_795_230_000_000
SITE = Site(
    id="s",
    devices=(Device(id="b1", kind="button", convention="shelly", topic="x", presses={"S": 5}), Device(id="k1")),
    sources=(Source(id="pbx", format="asterisk_queue_log"),),
)
FACTS = {
    "s/b1": DeviceFacts(9, {"bad_field": 1}, 2, 2_400_000, (3, 1, 0)),
    "s/k1": DeviceFacts(0, {}, None, None, (0, 0, 0)),
}


def rows():
    now = [
        {"id": "b1", "kind": "button", "state": "online", "last_event_ms": NOW_MS - 1500},
        {"id": "k1", "kind": "kiosk", "state": "unknown", "last_event_ms": None},
        {"id": "pbx", "kind": "log", "state": "silent", "last_event_ms": NOW_MS + 5},
    ]
    health = SourceHealth(received=7)
    health.rejected["malformed_line"] += 2
    return source_rows(
        SITE,
        now,
        facts=lambda sources: {source: FACTS[source] for source in sources},
        state={"s/b1": ("online", 5_000)}.get,
        health={"s/pbx": health},
        now_ms=NOW_MS,
        lag_us={"s/b1": 250_000},
    )


def test_a_device_shows_what_it_lost_dropped_and_how_its_clock_goes():
    assert rows()[0] == {
        "id": "b1",
        "kind": "button",
        "convention": "shelly",
        "format": None,
        "state": "online",
        "since_ms": 5,
        "last_event_ms": NOW_MS - 1500,
        "lag_s": 1.5,
        "delay_s": 0.25,
        "received": 9,
        "rejected": {"bad_field": 1},
        "sequence_missing": 2,
        "clock_offset_ms": 2400,
        "clock_flagged": True,
        "dropped": {"bounced": 3, "retained": 1, "replayed": 0},
    }


def test_what_is_not_known_is_none_and_never_0():
    row = rows()[1]
    unknown = ("since_ms", "last_event_ms", "lag_s", "delay_s", "sequence_missing", "clock_offset_ms", "dropped")
    assert [row[key] for key in unknown] == [None] * len(unknown)


def test_a_log_shows_its_format_and_what_was_refused():
    row = rows()[2]
    assert (row["format"], row["convention"], row["received"]) == ("asterisk_queue_log", None, 7)
    assert (row["rejected"], row["lag_s"]) == ({"malformed_line": 2}, 0)
