"""The hall: who is called where, who waits before one, and what becomes of one's own ticket."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from telemetry.board import Boards
from telemetry.config import Device, Service, Site
from telemetry.events import Decoded, Event
from telemetry.hall import DONE_US, MOST_CALLS, SHOWN_US, Halls
from telemetry.journal import Journal, Unit
from telemetry.live import Live
from telemetry.rules import names_of

MINUTE_US = 60_000_000
NINE_US = int(datetime(2026, 11, 18, 2, tzinfo=UTC).timestamp() * 1e6)
"""Nine o'clock in Bangkok."""
SITE = Site(
    id="nonthaburi",
    services=(
        Service(id="idcard", name_th="บัตรประชาชน", name_en="ID card", target_minutes=10),
        Service(id="civil"),
        Service(id="hotline"),
    ),
    devices=(Device(id="kiosk"),),
)


class Room:
    """A journal, the live view and its hall; minutes count from nine o'clock."""

    def __init__(self, folder) -> None:
        self.journal = Journal(folder)
        self.journal.ensure(names_of(SITE))
        self.now_us = NINE_US
        self.live = Live(self.journal, [SITE], clock=lambda: self.now_us / 1e6)
        self.live.load()
        self.halls = Halls(self.journal, {SITE.id: SITE}, self.live)
        self.n = 0

    def say(self, minute: float, kind: str, ticket: str, *, service: str = "", counter: str = "", **more) -> None:
        self.n += 1
        at = NINE_US + round(minute * MINUTE_US)
        event = Event(
            SITE.id, f"{SITE.id}/kiosk", f"b:{self.n:06}", f"ticket.{kind}", at, service, ticket, counter, **more
        )
        self.live.add(self.journal.commit([Unit("mqtt", Decoded([event]), at)]).columns)

    def at(self, minute: float) -> Room:
        self.now_us = NINE_US + round(minute * MINUTE_US)
        self.live.refresh(self.live._take_pending(), everything=True)
        return self

    @property
    def hall(self):
        return self.halls.hall(SITE.id, self.now_us)

    def ticket(self, label: str):
        return self.halls.ticket(SITE.id, label, self.now_us)

    @property
    def board(self):
        boards = Boards(
            self.journal, {SITE.id: SITE}, connected=lambda *_: None, last_event_us={f"{SITE.id}/kiosk": self.now_us}
        )
        return boards.board(SITE.id, self.live.snapshot, self.now_us)

    def waiting(self) -> dict[str, int]:
        return {line["unit"]: line["waiting"] for line in self.hall["lines"]}

    def calls(self) -> list[tuple[str, str | None]]:
        return [(call["ticket"], call["counter"]) for call in self.hall["calls"]]


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path)
    yield made
    made.journal.close()


def test_a_centre_without_tickets_says_that_it_has_no_data(room):
    hall = room.at(0).hall
    assert (hall["told"], hall["calls"], hall["lines"]) == (False, [], [])
    assert room.ticket("A001")["standing"] == "unknown"


def test_who_waits_in_the_hall_is_who_waits_on_the_wallboard(room):
    for n in range(7):
        room.say(n, "issued", f"A{n}", service="idcard" if n % 3 else "civil", a=0)
    room.say(7, "called", "A1", counter="2")
    room.say(8, "transferred", "A1", service="civil")
    room.say(8, "cancelled", "A2")
    room.at(9)
    board = {u["unit"]: u["tickets_waiting"] for u in room.board["units"]}
    assert room.waiting() == {"idcard": 2, "civil": 4}
    assert {unit: board[unit] for unit in room.waiting()} == room.waiting()
    assert "hotline" not in room.waiting(), "a service that never gave a ticket has no line"


def test_the_newest_call_of_each_counter_is_shown_newest_first(room):
    for n, counter in enumerate(("1", "2", "1", "3")):
        room.say(n, "issued", f"A{n}", service="idcard", a=0)
        room.say(10 + n, "called", f"A{n}", counter=counter)
    assert room.at(14).calls() == [("A3", "3"), ("A2", "1"), ("A1", "2")]
    call = room.hall["calls"][0]
    assert (call["name_th"], call["name_en"], call["called_ms"]) == (
        "บัตรประชาชน", "ID card", (NINE_US + 13 * MINUTE_US) // 1000,
    )  # fmt: skip


def test_a_ticket_that_is_called_again_is_another_call(room):
    room.say(0, "issued", "A1", service="idcard", a=0)
    room.say(1, "called", "A1", counter="1")
    key = room.at(2).hall["calls"][0]["key"]
    room.say(3, "recalled", "A1", counter="1")
    assert room.at(4).hall["calls"][0]["key"] != key


def test_what_is_over_leaves_the_screen(room):
    for n, end in enumerate(("finished", "no_show", "transferred", "")):
        room.say(n, "issued", f"A{n}", service="idcard", a=0)
        room.say(n + 5, "called", f"A{n}", counter=str(n))
        if end:
            room.say(10, end, f"A{n}", counter=str(n), service="civil" if end == "transferred" else "")
    assert sorted(room.at(11).calls()) == [("A0", "0"), ("A3", "3")]
    assert room.at(6 + DONE_US / MINUTE_US).calls() == [("A3", "3")]
    assert room.at(9 + SHOWN_US / MINUTE_US).calls() == []


def test_no_more_calls_than_can_be_read_are_shown(room):
    for n in range(MOST_CALLS + 4):
        room.say(n, "issued", f"A{n}", service="idcard", a=0)
        room.say(20 + n, "called", f"A{n}", counter=str(n))
    assert room.at(40).calls()[0] == (f"A{MOST_CALLS + 3}", str(MOST_CALLS + 3))
    assert len(room.calls()) == MOST_CALLS


def test_those_before_ones_own_ticket_are_counted_by_line_priority_and_order(room):
    for n, (service, priority) in enumerate((("idcard", 0), ("civil", 0), ("idcard", 0), ("idcard", 1), ("idcard", 0))):
        room.say(n, "issued", f"A{n}", service=service, a=priority)
    room.at(6)
    assert [room.ticket(f"A{n}")["ahead"] for n in range(5)] == [1, 0, 2, 0, 3]
    room.say(7, "called", "A3", counter="1")
    assert [room.at(8).ticket(f"A{n}")["ahead"] for n in (0, 2, 4)] == [0, 1, 2]


def test_ones_own_ticket_is_found_in_small_letters_and_with_spaces(room):
    room.say(0, "issued", "A012", service="idcard", a=0)
    found = room.at(1).ticket(" a012 ")
    assert (found["ticket"], found["standing"], found["name_en"]) == ("A012", "waiting", "ID card")


@pytest.mark.parametrize("label", ["A999", "'; drop table event; --", "ก" * 500, "\udcff", "a\0b", "<script>"])
def test_a_ticket_that_is_not_there_is_unknown_and_nothing_else(room, label):
    room.say(0, "issued", "A012", service="idcard", a=0)
    assert room.at(1).ticket(label)["standing"] == "unknown"


def test_what_became_of_a_ticket_is_told(room):
    ends = {"A1": "waiting", "A2": "called", "A3": "served", "A4": "missed", "A5": "withdrawn"}
    for ticket in ends:
        room.say(0, "issued", ticket, service="idcard", a=0)
    for ticket in ("A2", "A3", "A4"):
        room.say(5, "called", ticket, counter="4")
    room.say(6, "finished", "A3")
    room.say(7, "no_show", "A4")
    room.say(7, "cancelled", "A5")
    room.at(8)
    assert {ticket: room.ticket(ticket)["standing"] for ticket in ends} == ends
    called = room.ticket("A2")
    assert (called["counter"], called["called_ms"]) == ("4", (NINE_US + 5 * MINUTE_US) // 1000)
    assert room.ticket("A1")["counter"] is None


def test_a_number_of_yesterday_is_not_todays(room):
    room.say(-1440, "issued", "A001", service="idcard", a=0)
    assert room.at(1).ticket("A001")["standing"] == "unknown"


def test_a_wait_is_estimated_once_a_line_has_been_called_and_not_before(room):
    for n in range(30):
        room.say(n, "issued", f"A{n:02}", service="idcard", a=0)
    line = room.at(30).hall["lines"][0]
    assert (line["waiting"], line["from_minutes"], line["to_minutes"]) == (30, None, None)
    for n in range(20):
        room.say(30 + 2 * n, "called", f"A{n:02}", counter="1")
    line = room.at(70).hall["lines"][0]
    assert line["waiting"] == 10
    assert 0 < line["from_minutes"] <= 22 <= line["to_minutes"], "ten people at two minutes each, and one's own call"
    first, last = room.ticket("A20"), room.ticket("A29")
    assert first["from_minutes"] == 0
    assert first["to_minutes"] < last["to_minutes"]


def test_the_pace_is_learnt_from_the_days_before(room):
    for day in range(5):
        for n in range(40):
            room.say(-1440 * (day + 1) + n, "issued", f"A{n:02}", service="idcard", a=0)
            room.say(-1440 * (day + 1) + 5 + 1.5 * n, "called", f"A{n:02}", counter="1")
    for n in range(6):
        room.say(n, "issued", f"A{n:02}", service="idcard", a=0)
    line = room.at(7).hall["lines"][0]
    assert line["from_minutes"] <= 10 <= line["to_minutes"] <= 30


def test_nothing_is_made_anew_while_nothing_happens(room):
    room.say(0, "issued", "A1", service="idcard", a=0)
    hall = room.at(1).hall
    assert room.halls.kept(SITE.id, room.now_us) is hall is room.hall
    room.say(1, "called", "A1", counter="1")
    room.at(1)
    assert room.halls.kept(SITE.id, room.now_us) is None
    assert room.hall is not hall
