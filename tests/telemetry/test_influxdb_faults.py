"""A store that is away, slow, wrong or dying: nothing is lost, nothing is skipped, and what it refuses stands aside."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from telemetry.exporters import influxdb
from tests.telemetry.influxdb_room import DAY_US, NOON_US, SITE, Room, S, issued, nothing_due, same, tickets, until
from tests.telemetry.influxdb_tools import FakeStore


@pytest.fixture
def fake():
    with FakeStore() as store:
        yield store


@pytest.fixture
def room(tmp_path, fake):
    room = Room(tmp_path, (SITE,), NOON_US + 6 * 3600 * S, store=fake)
    yield room
    room.close()


def test_events_become_points_of_their_quarter_with_whole_numbers_in_their_own_unit(room):
    room.commit(*tickets(0, 40))
    until(room, lambda: nothing_due(room))
    key = ("gecc_tickets", (("site", "bkk"), ("unit", "idcard")), NOON_US // S)
    fields = room.store.points[key]
    assert (fields["tickets_issued"], fields["ticket_wait_ms"]) == (8, sum(range(0, 15, 2)) * 1000)
    assert [fields[f"ticket_wait_s_le_{s}"] for s in (5, 10, 15, 7200)] == [3, 6, 8, 8]
    assert fields["ticket_wait_s_count"] == 8
    assert issued(room) == 40
    assert {at % 900 for _, _, at in room.store.points} == {0}
    room.settle()
    same(room)


def test_after_an_hours_outage_every_point_is_there_and_nobody_was_hurried(room, fake):
    room.commit(*tickets(0, 10))
    until(room, lambda: nothing_due(room))
    fake.stop()
    room.commit(*tickets(10, 10))
    tries, began = [], room.mono
    while room.mono - began < 3600:
        failed = dict(room.exporter.status.failures)
        wait = room.exporter.step()
        if room.exporter.status.failures != failed:
            tries.append(wait)
        room.pass_time(int(max(wait, 0.01) * S))
        if len(tries) == 20:
            room.commit(*tickets(20, 10, NOON_US - 3 * DAY_US))
    assert (room.exporter.status.up, issued(room)) == (False, 10)
    assert room.exporter.status.behind_events == 40
    assert max(tries) <= 60
    assert 0.4 < tries[0] <= 1
    assert 55 < len(tries) < 150, "about once a minute, from a second on"
    assert set(room.exporter.status.failures) == {"connection"}
    fake.start()
    assert until(room, lambda: nothing_due(room)) < 120
    assert (room.exporter.status.up, room.exporter.status.behind_events, issued(room)) == (True, 0, 30)
    room.settle()
    same(room)


def test_a_wrong_token_stops_everything_with_one_alarm_until_it_is_mended(room, fake, caplog):
    fake.token = "right"
    room.commit(*tickets(0, 10))
    began = room.mono
    until(room, lambda: room.exporter.status.failures.get("401", 0) >= 4)
    assert 800 < room.mono - began < 1600, "tried again every few minutes only"
    assert room.exporter.status.behind_events == 20
    assert room.exporter.status.health()["problem"].startswith("401: unauthorized access")
    said = [r for r in caplog.records if r.levelname == "ERROR"]
    assert len(said) == 1
    token = room.folder / "token"
    token.write_text("right\n")
    with pytest.MonkeyPatch.context() as patch:  # the file that is read anew
        patch.setenv("GECC_INFLUXDB_TOKEN", "right")
        until(room, lambda: nothing_due(room))
    assert (room.exporter.status.up, issued(room)) == (True, 10)
    assert "right" not in caplog.text


@pytest.mark.parametrize("status", [403, 404, 301, 200, 405])
def test_an_answer_that_is_no_stores_is_never_taken_for_success_and_nothing_is_skipped(room, fake, status):
    fake.answer = lambda _lines: (status, {}, "<html>hello</html>")
    room.commit(*tickets(0, 10))
    until(room, lambda: sum(room.exporter.status.failures.values()) >= 2)
    assert (room.exporter.status.up, room.exporter.status.behind_events) == (False, 20)
    fake.answer = lambda _lines: (204, {}, "")
    until(room, lambda: nothing_due(room))
    assert (issued(room), room.exporter.status.set_aside) == (10, 0)


def test_a_page_of_a_proxy_that_says_400_to_everything_sets_no_point_aside(room, fake):
    fake.answer = lambda _lines: (400, {}, "<html>400 The plain HTTP request was sent to HTTPS port</html>")
    room.commit(*tickets(0, 10))
    until(room, lambda: room.exporter.status.failures.get("400", 0) >= 2)
    assert len(fake.calls) == 2
    fake.answer = lambda _lines: (204, {}, "")
    until(room, lambda: nothing_due(room))
    assert (issued(room), room.exporter.status.set_aside) == (10, 0)


@pytest.mark.parametrize(
    ("status", "asked"), [(503, ""), (429, "240"), (503, "Fri, 20 Nov 2999 00:00:00 GMT"), (500, "nonsense")]
)
def test_a_store_that_is_busy_is_asked_again_when_it_says(room, fake, status, asked):
    fake.answer = lambda _lines: (status, {"Retry-After": asked} if asked else {}, '{"message":"later"}')
    room.commit(*tickets(0, 10))
    times = []
    while len(times) < 4:
        failed = sum(room.exporter.status.failures.values())
        wait = room.exporter.step()
        room.pass_time(int(max(wait, 0.001) * S))
        if sum(room.exporter.status.failures.values()) > failed:
            times.append(wait)
    least, most = {"240": (240, 240), "": (0.5, 60), "nonsense": (0.5, 60)}.get(asked, (600, 600))
    assert all(least <= wait <= most for wait in times), times
    fake.answer = lambda _lines: (204, {}, "")
    until(room, lambda: nothing_due(room))
    assert (issued(room), dict(room.exporter.status.failures)) == (10, {str(status): 4})


@pytest.mark.parametrize("status", [400, 422, 413])
def test_one_point_that_is_refused_stands_aside_with_its_reason_and_the_rest_goes_on(room, fake, status):
    def bad(line: str) -> bool:
        return line.startswith("gecc_tickets,site=bkk,unit=civil ") and line.endswith(f" {NOON_US // S}")

    def answer(lines):
        if any(map(bad, lines)):
            return status, {}, '{"code":"invalid","message":"field type conflict"}'
        return 204, {}, ""

    fake.answer = answer
    room.commit(*tickets(0, 60))
    until(room, lambda: nothing_due(room))
    state = room.exporter._state
    ((line, reason),) = state.aside()
    assert bad(line)
    assert reason == f"{status}: field type conflict"
    assert room.exporter.status.metrics()["gecc_influxdb_set_aside_total"] == 1
    assert (room.exporter.status.up, issued(room)) == (True, 60 - 7)
    calls = len(fake.calls)
    room.pass_time(120 * S)
    room.commit(*tickets(60, 2, NOON_US + 3600 * S))
    until(room, lambda: nothing_due(room))
    assert len(fake.calls) == calls + 1, "the same point is not tried again and again"
    fake.answer = lambda _lines: (204, {}, "")
    room.pass_time(120 * S)
    room.commit(*tickets(63, 1, NOON_US))
    until(room, lambda: nothing_due(room))
    assert issued(room) == 63
    assert state.aside() == []
    room.settle()
    same(room)


@pytest.mark.parametrize("believed", [False, True])
def test_what_a_store_had_taken_just_before_it_was_killed_is_given_to_it_again(room, fake, monkeypatch, believed):
    if believed:
        monkeypatch.setattr(influxdb, "DOUBTED_S", -1e9)
    room.commit(*tickets(0, 10))
    until(room, lambda: nothing_due(room))
    room.pass_time(100 * S)
    fake.stop()
    fake.points.clear()  # it had said 204, and had them in memory
    room.commit(*tickets(10, 1, NOON_US + 3600 * S))
    until(room, lambda: room.exporter.status.failures)
    fake.start()
    until(room, lambda: nothing_due(room))
    room.settle()
    assert issued(room) == (11 if not believed else 1)


def test_each_night_the_days_that_ended_are_given_again_whole(room, fake):
    room.commit(*tickets(0, 10))
    until(room, lambda: nothing_due(room))
    fake.points.clear()  # killed and back while nothing was sent
    room.pass_time(DAY_US)
    room.settle()
    assert issued(room) == 10


def test_a_slow_store_runs_into_the_time_limit_and_its_late_write_changes_nothing(room, fake):
    fake.slow_s = 2.6
    room.commit(*tickets(0, 10))
    until(room, lambda: room.exporter.status.failures.get("timeout", 0) >= 1)
    fake.slow_s = 0
    until(room, lambda: nothing_due(room))
    time.sleep(0.8)
    assert issued(room) == 10
    room.settle()
    same(room)


def test_a_store_that_dies_in_the_middle_of_its_answer_gets_the_same_points_again(room, fake):
    def answer(lines):
        if len(fake.calls) <= 3:
            fake.take(lines)
            return None
        return 204, {}, ""

    fake.answer = answer
    room.commit(*tickets(0, 10))
    until(room, lambda: nothing_due(room))
    assert fake.calls[0] == fake.calls[1]
    assert dict(room.exporter.status.failures) == {"connection": 3}
    assert issued(room) == 10


def test_a_host_that_takes_connections_and_never_answers_holds_up_only_its_own_thread(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        store = FakeStore()
        store.port = silent.getsockname()[1]
        room = Room(tmp_path, (SITE,), NOON_US, store=store)
        room.commit(*tickets(0, 10))

        def work() -> None:
            until(room, lambda: room.exporter.status.failures.get("timeout", 0) >= 1)
            room.exporter.close()

        waits = threading.Thread(target=work)
        waits.start()
        took = []
        for n in range(1, 40):
            began = time.monotonic()
            room.commit(*tickets(n * 20, 1))
            took.append(time.monotonic() - began)
            time.sleep(0.01)
        waits.join(20)
        assert sorted(took)[20] < 0.2
        room.close()
