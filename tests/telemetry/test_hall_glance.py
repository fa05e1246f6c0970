"""What counter staff see beside the board: who waits online and until when, and which complaints are due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from telemetry.config import Service, Site
from telemetry.events import Decoded, Event
from telemetry.glance import glance
from telemetry.journal import Journal, Unit
from telemetry.live import Live
from telemetry.rules import names_of
from telemetry.settings import Channel

HOUR_US = 3_600_000_000
NOW_US = int(datetime(2026, 11, 18, 3, tzinfo=UTC).timestamp() * 1e6)
SITE = Site(
    id="nonthaburi",
    services=(Service(id="damrong"),),
    channels=(Channel(id="line", name_th="ไลน์", reply_minutes=15), Channel(id="email", reply_minutes=1440)),
)


@pytest.fixture
def seen(tmp_path):
    """What staff see at ten o'clock after these events: (hours ago, type, unit, contact, more)."""
    journal = Journal(tmp_path)
    journal.ensure(names_of(SITE))
    live = Live(journal, [SITE], clock=lambda: NOW_US / 1e6)

    def of(*told):
        events = [
            Event(SITE.id, f"{SITE.id}/crm", f"e{n:04}", kind, NOW_US - round(hours * HOUR_US), unit, contact, **more)
            for n, (hours, kind, unit, contact, more) in enumerate(told)
        ]
        journal.commit([Unit("crm", Decoded(events), NOW_US)])
        live.load()
        return glance(SITE, live.snapshot, journal, NOW_US)

    yield of
    journal.close()


def complaint(hours, name, due_h=None):
    return (
        hours,
        "case.opened",
        "damrong",
        name,
        {"a": 1} | ({"b": (NOW_US + due_h * HOUR_US) // 1000} if due_h else {}),
    )


def test_a_centre_without_channels_and_complaints_has_no_data_and_no_zeros(seen):
    assert seen() == {"replies": [], "complaints": None}


def test_the_first_that_waits_on_a_channel_says_until_when(seen):
    rows = seen(
        (0.5, "conversation.opened", "line", "a", {}),
        (0.1, "conversation.opened", "line", "b", {}),
        (0.2, "conversation.opened", "line", "c", {}),
        (0.15, "conversation.replied", "line", "c", {"party": "x"}),
        (3, "conversation.opened", "email", "d", {}),
        (2, "conversation.replied", "email", "d", {"party": "x"}),
        (1, "conversation.opened", "web", "e", {}),
    )["replies"]
    assert [(r["unit"], r["waiting"], r["overdue"], r["first_due_ms"]) for r in rows] == [
        ("line", 2, 1, (NOW_US - HOUR_US // 4) // 1000),
        ("email", 0, 0, None),
        ("web", 1, 0, None),
    ]
    assert rows[0]["name_th"] == "ไลน์"


def test_complaints_are_late_or_due_within_a_day_or_merely_open(seen):
    found = seen(
        complaint(400, "late", -3), complaint(300, "soon", 23), complaint(90, "later", 25), complaint(5, "undated"),
        complaint(99, "settled", -1), (2, "case.settled", "damrong", "settled", {"a": 1}),
        (60, "case.opened", "damrong", "request", {"a": 2, "b": (NOW_US - HOUR_US) // 1000}),
    )["complaints"]  # fmt: skip
    assert found == {"open": 4, "overdue": 1, "due_soon": 1}


def test_a_date_that_was_moved_is_the_one_that_counts(seen):
    moved = (1, "case.assigned", "damrong", "k", {"a": (NOW_US + 3 * HOUR_US) // 1000})
    assert seen(complaint(99, "k", -1), moved)["complaints"] == {"open": 1, "overdue": 0, "due_soon": 1}


def test_all_settled_is_none_open_and_not_no_data(seen):
    settled = (2, "case.settled", "damrong", "k", {"a": 1})
    assert seen(complaint(99, "k", 9), settled)["complaints"] == {"open": 0, "overdue": 0, "due_soon": 0}
