"""What is sent, how much of it at once, and what is not sent again."""

from __future__ import annotations

import pytest

from telemetry.config import Site
from telemetry.exporters.influxdb_store import MOST_POINTS
from tests.telemetry.influxdb_room import DAY_US, NOON_US, SITE, Room, S, issued, nothing_due, same, tickets, until
from tests.telemetry.influxdb_tools import FakeStore, parse


@pytest.fixture
def fake():
    with FakeStore() as store:
        yield store


@pytest.fixture
def room(tmp_path, fake):
    room = Room(tmp_path, (SITE,), NOON_US + 6 * 3600 * S, store=fake)
    yield room
    room.close()


def test_no_call_has_more_than_five_thousand_points_and_a_day_that_has_more_is_done_after_its_last(room, fake):
    units = [f"q{n}" for n in range(28)]
    events = tickets(0, 96 * 28, NOON_US - 36 * 3600 * S, units, 900 * S // 28)
    room.commit(*events)
    room.pass_time(2 * DAY_US)
    seen = []

    def answer(lines):
        seen.append(len(lines))
        return (503, {}, "") if len(seen) == 3 else (204, {}, "")

    fake.answer = answer
    until(room, lambda: nothing_due(room))
    assert max(seen) <= MOST_POINTS < sum(seen)
    assert issued(room) == 96 * 28


def test_units_that_nobody_declared_have_tags_up_to_a_number_and_share_one_beyond(room, fake):
    odd = ["a b", "c,d", "e=f", 'g"h', "ไทย", "back\\slash\\", "i\\"]
    strange = [*odd, *(f"q{n}" for n in range(100))]
    room.journal.ensure(odd)
    room.commit(*tickets(0, len(strange) * 2, units=strange, apart_us=S))
    until(room, lambda: nothing_due(room))
    tags = {dict(tags).get("unit") for _, tags, _ in fake.points}
    assert len(tags) <= 50 + 2
    assert {"a b", "c,d", "e=f", 'g"h', "ไทย", "back_slash_", "i_", "other"} <= tags
    assert issued(room) == len(strange) * 2
    again = {parse(line)[0] for call in fake.calls for line in call}
    room.exporter.close()
    room.open()
    room.commit(*tickets(1000, 5, units=strange[90:], apart_us=S))
    room.pass_time(120 * S)
    until(room, lambda: nothing_due(room))
    assert {parse(line)[0] for call in fake.calls for line in call} == again, "after a restart the same tags"


def test_what_did_not_change_is_not_sent_again_and_what_is_no_more_becomes_zero(room, fake):
    room.commit(*tickets(0, 20))
    until(room, lambda: nothing_due(room))
    calls = len(fake.calls)
    room.exporter.close()
    room.open()
    room.settle()
    room.pass_time(DAY_US)
    room.settle()
    assert issued(room) == 20
    changed = {parse(line)[0][0] for call in fake.calls[calls:] for line in call}
    assert "gecc_callers" not in changed
    room.exporter.close()
    room.open((Site(id="bkk", timezone="Asia/Tokyo", services=SITE.services),))
    room.settle()
    assert issued(room) == 20
    same(room)
    room.exporter.close()
    room.open((Site(id="bkk", timezone="Asia/Kathmandu", services=SITE.services),))
    room.settle()
    assert issued(room) == 20
    same(room)


def test_another_bucket_or_a_new_site_gets_everything_and_another_journal_is_compared(room, fake, tmp_path):
    room.commit(*tickets(0, 20, NOON_US - 40 * DAY_US), *tickets(20, 20))
    room.open((Site(id="other"),))
    room.settle()
    assert issued(room) == 0
    room.exporter.close()
    room.open((Site(id="other"), SITE))
    room.settle()
    assert issued(room) == 40
    room.journal.close()
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    room.exporter.close()
    fresh = Room(tmp_path, (SITE,), room.now_us, store=fake)
    fresh.commit(*tickets(0, 7))
    fresh.settle()
    assert issued(fresh) == 7, "what the other journal had is zero"
    same(fresh)
    fresh.exporter.close()
    fresh.journal.close()
    fake.points.clear()
    (tmp_path / "influxdb.db").unlink()
    last = Room(tmp_path, (SITE,), room.now_us, store=fake)
    last.settle()
    assert issued(last) == 7, "without its own file everything is sent again"
    last.close()


def test_a_file_of_its_own_that_cannot_be_used_stops_nothing_else(room, tmp_path, caplog):
    (tmp_path / "influxdb.db").write_bytes(b"this is no database, whatever its name says" * 100)
    room.commit(*tickets(0, 10))
    assert room.exporter.step() == 60
    assert (room.exporter.status.up, dict(room.exporter.status.failures)) == (False, {"disk": 1})
    (tmp_path / "influxdb.db").unlink()
    until(room, lambda: nothing_due(room))
    assert issued(room) == 10


def test_years_of_the_past_stream_in_without_starving_today(room, fake):
    room.commit(*tickets(0, 5))
    until(room, lambda: nothing_due(room))
    old = [e for day in range(200) for e in tickets(1000 + day * 2, 2, NOON_US - (day + 30) * DAY_US)]
    room.commit(*old)
    room.pass_time(61 * S)
    room.commit(*tickets(5, 5))
    calls = len(fake.calls)
    until(room, lambda: len(fake.calls) > calls)
    assert room.store.total("tickets_issued", NOON_US // S - 3600) == 10, "today is in the first call"
    until(room, lambda: nothing_due(room))
    room.settle()
    assert issued(room) == 410
    assert len(fake.calls) - calls < 20
    room.settle()
    same(room)
