"""What the page says of the configuration and of this moment: who is who, what is in force, what is due, who is silent."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest

from collectors.base import Batch, NotConnected
from kpis.results import KPIS
from telemetry.events import Decoded, Event, Rejected
from telemetry.metric_names import target_name, today_n_name
from telemetry.pipeline import Pipeline
from telemetry.settings import Change, Channel, Device, Service, Site, Source
from tests.telemetry.metrics_room import Room, only


def at(day: int, hour: int, minute: int = 0) -> int:
    """An instant of November 2026, UTC; the 20th is a Friday."""
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000


SITE = Site(
    id="s", timezone="UTC", name_th="ศูนย์", province="นนทบุรี", organisation="กรม", holidays="", hours={"mon-fri": "08:00-16:00"},
    services=(Service(id="idcard", name_en="Identity cards", target_minutes=30),),
    channels=(Channel(id="line", reply_minutes=60, clock="service"), Channel(id="email", reply_minutes=120)),
    devices=(Device(id="k1"),), sources=(Source(id="pbx", format="asterisk_queue_log"),),
    targets={"calls_offered": 100, "satisfaction_rate": 0.9},
    changes=(Change(since=date(2026, 11, 20), targets={"satisfaction_rate": 0.95}, target_minutes={"idcard": 20}, reply_minutes={"email": 90}),
             Change(since=date(2026, 11, 21), target_minutes={"idcard": 10})),
    min_n=12,
)  # fmt: skip
BARE = Site(id="bare", timezone="UTC")


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path, [SITE, BARE], at(20, 10))
    yield room
    room.journal.close()


def tell(kind: str, at_us: int, unit: str = "", contact: str = "", **more) -> Event:
    return Event("s", "s/x", f"{kind}:{at_us}:{contact}:{more.get('party', '')}", kind, at_us, unit, contact, **more)


def test_who_is_who_stands_in_the_words_of_the_configuration(room):
    page = room.page()
    assert only(page, "gecc_site_info") == {
        ("s", "ศูนย์", "กรม", "นนทบุรี", "s"): 1,
        ("bare", "bare", "", "", "bare"): 1,
    }
    assert only(page, "gecc_unit_info") == {
        ("service", "Identity cards", "idcard", "s", "idcard"): 1,
        ("channel", "line", "line", "s", "line"): 1,
        ("channel", "email", "email", "s", "email"): 1,
        ("device", "k1", "k1", "s", "k1"): 1,
        ("source", "pbx", "pbx", "s", "pbx"): 1,
    }
    assert only(page, "gecc_verdict_min_n") == {("s",): 12, ("bare",): 30}


def test_targets_are_those_in_force_today(room):
    page = room.page()
    assert only(page, target_name(KPIS["satisfaction_rate"])) == {("s",): 0.95, ("bare",): 0.8}
    assert only(page, target_name(KPIS["calls_offered"])) == {("s",): 100}
    assert only(page, "gecc_ticket_wait_target_seconds") == {("s", "idcard"): 1200}
    assert only(page, "gecc_reply_target_seconds") == {("s", "line"): 3600, ("s", "email"): 5400}
    room.now_us = at(21, 0)
    room.live.refresh([])
    assert only(room.page(), "gecc_ticket_wait_target_seconds") == {("s", "idcard"): 600}


def test_a_channel_of_the_standard_has_its_time_where_anybody_uses_it(room):
    room.happen([tell("conversation.opened", at(20, 9), "facebook", "k1")])
    assert only(room.page(), "gecc_reply_target_seconds")["s", "facebook"] == 3600


def test_behind_each_figure_that_has_a_target_stands_how_many_it_is_of(room):
    assert only(room.page(), today_n_name(KPIS["satisfaction_rate"])) == {("s",): 0, ("bare",): 0}
    room.happen([tell("vote.cast", at(20, 9, i), "idcard", a=5, b=5, party=f"p{i}") for i in range(3)])
    assert only(room.page(), today_n_name(KPIS["satisfaction_rate"])) == {("s",): 3, ("bare",): 0}
    assert only(room.page(), today_n_name(KPIS["calls_offered"])) == {("s",): 0, ("bare",): 0}


@pytest.mark.parametrize(
    ("day", "hour", "minute", "is_open"),
    [(20, 7, 59, 0), (20, 8, 0, 1), (20, 15, 59, 1), (20, 16, 0, 0), (21, 10, 0, 0)],
)
def test_a_centre_is_open_in_its_service_hours_and_always_where_it_declares_none(room, day, hour, minute, is_open):
    room.now_us = at(day, hour, minute)
    assert only(room.page(), "gecc_service_open") == {("s",): is_open, ("bare",): 1}


def test_counters_are_counted_as_they_open_and_close_where_they_tell_of_it(room):
    assert only(room.page(), "gecc_counters_open") == {}
    room.happen([tell("counter.opened", at(20, 8, i), party=f"c{i}") for i in range(3)])
    assert only(room.page(), "gecc_counters_open") == {("s",): 3}
    room.happen([tell("counter.closed", at(20, 9), party="c1"), tell("counter.opened", at(20, 9), party="c0")])
    assert only(room.page(), "gecc_counters_open") == {("s",): 2}
    room.now_us = at(21, 1)
    room.live.refresh([], everything=True)
    assert only(room.page(), "gecc_counters_open") == {("s",): 0}, "nothing stays open over midnight"


def due(room) -> dict:
    return only(room.page(), "gecc_reply_due_seconds")


def overdue(room) -> float:
    return only(room.page(), "gecc_conversations_waiting_overdue").get(("s", "line"), 0)


def test_a_reply_is_due_by_the_clock_of_its_channel(room):
    room.happen([tell("conversation.opened", at(20, 9), unit, f"k-{unit}") for unit in ("line", "email", "fax")])
    assert due(room) == {("s", "line"): 0, ("s", "email"): 30 * 60}, "no standard, no time"
    room.now_us = at(20, 10, 5)
    assert due(room) == {("s", "line"): -5 * 60, ("s", "email"): 25 * 60}
    room.happen([tell("conversation.replied", at(20, 10, 4), "", "k-line", a=0)])
    assert due(room) == {("s", "email"): 25 * 60}


def test_hours_in_which_the_centre_is_closed_do_not_count_where_only_service_hours_do(room):
    room.now_us = at(20, 15, 45)
    room.happen([tell("conversation.opened", at(20, 15, 40), "line", "k1")])
    monday = at(23, 8, 40)
    assert due(room) == {("s", "line"): (monday - room.now_us) / 1e6}
    room.now_us = monday
    room.live.refresh([], everything=True)
    assert (due(room), overdue(room)) == ({("s", "line"): 0}, 0)
    room.now_us = monday + 1000
    room.live.refresh([], everything=True)
    assert (due(room), overdue(room)) == ({("s", "line"): -0.001}, 1)


def test_a_time_that_ends_with_the_day_is_passed_when_the_next_begins(room):
    room.now_us = at(20, 15, 59)
    room.happen([tell("conversation.opened", at(20, 15), "line", "k1")])
    assert due(room) == {("s", "line"): (at(23, 8) - room.now_us) / 1e6}
    room.now_us = at(22, 12)
    room.live.refresh([], everything=True)
    assert overdue(room) == 0


def test_the_first_that_waits_is_the_one_that_is_due(room):
    room.happen([tell("conversation.opened", at(20, 9, minute), "email", f"k{minute}") for minute in (40, 10, 30)])
    assert due(room) == {("s", "email"): 40 * 60}


def test_complaints_stand_open_until_they_are_settled_and_overdue_from_their_date(room):
    when = at(20, 9, 30) // 1000
    room.happen(
        [tell("case.opened", at(20, 8), "idcard", f"p{i}", a=1, b=when if i else at(25, 0) // 1000) for i in range(3)]
    )
    room.happen([tell("case.opened", at(20, 8), "idcard", "r1", a=2)])
    page = room.page()
    assert only(page, "gecc_complaints_open") == {("s", "idcard"): 3}
    assert only(page, "gecc_complaints_overdue") == {("s", "idcard"): 2}
    room.happen([tell("case.settled", at(20, 9, 59), "", "p1", a=1)])
    assert only(room.page(), "gecc_complaints_overdue") == {("s", "idcard"): 1}


class Format:
    """Records are the events themselves, or what was refused of them."""

    def feed(self, records, received_us):
        refused = [r for r in records if isinstance(r, Rejected)]
        return Decoded([r for r in records if isinstance(r, Event)], refused)

    def dump(self):
        return ""

    load = restart = lambda self, *_: None


def taken(room, name: str, *batches) -> None:
    """The pipeline takes these batches of a source."""

    async def run() -> None:
        pipeline = Pipeline(
            room.journal, protect=lambda _: None, committed=room.live.add, health=room.health,
            not_connected=NotConnected, clock=lambda: room.now_us / 1e6,
        )  # fmt: skip
        commits = asyncio.create_task(pipeline.run_commits())
        for batch in batches:
            await pipeline.take(name, Format(), Batch(batch, lambda: None))
        room.latest_us = pipeline.latest_us
        commits.cancel()
        with suppress(asyncio.CancelledError):
            await commits
        pipeline.close()

    asyncio.run(run())
    room.live.refresh(room.live._take_pending())


def test_how_late_a_source_tells_is_that_of_its_newest_record(room):
    first, newest = tell("device.online", at(20, 9), party="k1"), tell("device.online", at(20, 9, 58), party="k1")
    of_device = [e._replace(source="s/k1") for e in (first, newest)]
    taken(room, "mqtt", of_device[1:], of_device[:1])
    page = room.page(latest_us=room.latest_us)
    assert only(page, "gecc_source_lag_seconds") == {("s", "k1"): 120}, "what comes late of earlier is not its newest"
    assert only(page, "gecc_source_last_event_timestamp_seconds") == {("s", "k1"): at(20, 9, 58) / 1e6}


def test_what_cannot_be_read_is_counted_where_it_is_to_blame_on(room):
    room.journal.ensure(["s/k1"])
    refused = [Rejected("bad_field", "", b"", "s", "s/k1")] * 3 + [Rejected("unknown_site", "", b"")] * 2
    taken(room, "mqtt", refused)
    taken(room, "s/pbx", [Rejected("malformed_line", "", b"", "s", "s/pbx")])
    expected = {("s", "k1"): 3, ("s", "pbx"): 1, ("", "mqtt"): 2}
    assert only(room.page(earlier={}), "gecc_source_rejected_total") == expected
    earlier = room.journal.tally()
    room.health.refused.clear()
    after = only(room.page(earlier=earlier), "gecc_source_rejected_total")
    assert after == expected, "a restart forgets none"
    assert sum(after.values()) == sum(n for (_, what), n in earlier.items() if what.startswith("rejected:"))


def test_room_on_the_disk_is_told(room, tmp_path):
    page = room.page(folder=tmp_path)
    assert 0 < page["gecc_disk_free_bytes",] <= page["gecc_disk_size_bytes",]
    assert not only(room.page(folder=tmp_path / "gone"), "gecc_disk_free_bytes")


def test_other_exporters_say_how_they_do_on_the_same_page(room):
    page = room.page(
        others={"gecc_influxdb_up": 1, "gecc_influxdb_points_total": 7, "gecc_influxdb_failures_total": {"refused": 2}}
    )
    assert page["gecc_influxdb_up",] == 1
    assert page["gecc_influxdb_points_total",] == 7
    assert page["gecc_influxdb_failures_total", "refused"] == 2
