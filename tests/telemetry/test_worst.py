"""The worst half-hours are those of the figures, and the reason is what the numbers say; what they do not say is unknown."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from telemetry.events import Decoded, Event
from telemetry.figures import period_of, query
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from telemetry.settings import Service, Site
from telemetry.worst import Half, worst

SITE = Site(id="bkk", services=(Service(id="idcard", target_minutes=10),), hours={"mon-fri": "08:30-16:30"})
LAST = date(2026, 11, 20)
"""A Friday; what happens on it stands out from the Fridays before."""


def us(day: date, at: str) -> int:
    return int(datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=ZoneInfo("Asia/Bangkok")).timestamp() * 1e6)


class Centre:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, type_: str, time_us: int, source: str = "kiosk", **more) -> None:
        self.events.append(
            Event(site="bkk", source=f"bkk/{source}", id=f"{len(self.events):06}", type=type_, time_us=time_us, **more)
        )

    def counters(self, day: date, *counters: str) -> None:
        for c in counters:
            self.add("counter.opened", us(day, "08:30"), party=c)
            self.add("counter.closed", us(day, "16:30"), party=c)

    def tickets(self, day: date, at: str, n: int, wait_s: int = 60, service_s: int = 300, name: str = "A") -> None:
        for i in range(n):
            t = us(day, at) + i * 1_000_000
            contact = f"{name}{at}{i}"
            self.add("ticket.issued", t, unit="idcard", contact=contact, a=0)
            self.add("ticket.called", t + wait_s * 1_000_000, contact=contact, party="1")
            self.add("ticket.started", t + wait_s * 1_000_000 + 1, contact=contact, party="1")
            self.add("ticket.finished", t + (wait_s + service_s) * 1_000_000 + 1, contact=contact, party="1", a=1)

    def lost(self, day: date, at: str, n: int) -> None:
        for i in range(n):
            fact = {"unit": "info", "contact": f"c{day}{at}{i}"}
            self.add("call.entered", us(day, at) + i * 1_000_000, "pbx", **fact, a=1)
            self.add("call.abandoned", us(day, at) + (i + 30) * 1_000_000, "pbx", **fact, a=30_000)

    def kept(self, folder) -> JournalReader:
        journal = Journal(folder)
        journal.ensure(["bkk", "idcard", "info"])
        journal.commit([Unit("x", Decoded(self.events), 0)])
        journal.close()
        return JournalReader(folder)


def usual(centre: Centre, weeks: int = 5, counters: tuple[str, ...] = ("1", "2", "3")) -> None:
    """Fridays with four tickets at 10:00, each for five minutes."""
    for k in range(1, weeks + 1):
        day = LAST - timedelta(weeks=k)
        centre.counters(day, *counters)
        centre.tickets(day, "10:00", 4)


def found(journal: JournalReader, **more) -> list[Half]:
    return worst(journal, SITE, period_of(journal, SITE, str(LAST), str(LAST + timedelta(days=1))), **more)


def test_twice_the_people_and_one_counter_of_three(tmp_path):
    centre = Centre()
    usual(centre)
    centre.counters(LAST, "1")
    centre.tickets(LAST, "10:00", 8, wait_s=1200)
    (half,) = found(centre.kept(tmp_path))
    assert (half.late, half.with_target, half.lost, half.of) == (8, 8, 0, "tickets")
    assert half.reasons == ("servers", "arrivals")
    assert (half.arrivals.here, half.arrivals.usual, half.arrivals.days) == (8, 4, 4)  # of five, one is a holiday
    assert (half.servers.here, half.servers.usual) == (1, 3)
    assert half.handle_s.here == half.handle_s.usual == pytest.approx(300, abs=1)


def test_work_that_took_longer_than_usual(tmp_path):
    centre = Centre()
    usual(centre)
    centre.counters(LAST, "1", "2", "3")
    centre.tickets(LAST, "10:00", 4, wait_s=700, service_s=900)
    (half,) = found(centre.kept(tmp_path))
    assert half.reasons == ("handle",)
    assert half.handle_s.ratio == pytest.approx(3, abs=0.01)


def test_a_line_that_stood_there_already(tmp_path):
    centre = Centre()
    usual(centre)
    for k in range(1, 6):
        centre.tickets(LAST - timedelta(weeks=k), "10:30", 2)
    centre.counters(LAST, "1", "2", "3")
    centre.tickets(LAST, "10:00", 4, wait_s=2400)
    centre.tickets(LAST, "10:30", 2, wait_s=900)
    halves = {half.quarter % 96: half for half in found(centre.kept(tmp_path))}
    assert halves[42].reasons == ("line",)
    assert (halves[42].line.here, halves[42].line.usual) == (4, 0)


def test_what_was_as_usual_is_said_to_be_so(tmp_path):
    centre = Centre()
    usual(centre)
    centre.counters(LAST, "1", "2", "3")
    centre.tickets(LAST, "10:00", 4, wait_s=700)
    assert [half.reasons for half in found(centre.kept(tmp_path))] == [("usual",)]


def test_without_counters_that_tell_and_without_other_days_the_reason_is_unknown(tmp_path):
    centre = Centre()
    centre.tickets(LAST, "10:00", 4, wait_s=700)
    (half,) = found(centre.kept(tmp_path))
    assert half.reasons == ("unknown",)
    assert (half.arrivals.usual, half.servers.here, half.servers.usual, half.handle_s.usual) == (None,) * 4


def test_a_counter_that_is_still_open_counts_as_open(tmp_path):
    centre = Centre()
    usual(centre)
    centre.add("counter.opened", us(LAST, "08:30"), party="1")
    centre.tickets(LAST, "10:00", 4, wait_s=700)
    (half,) = found(centre.kept(tmp_path), now_us=us(LAST, "11:00"))
    assert half.servers.here == 1


def test_a_half_hour_that_is_not_over_is_not_judged(tmp_path):
    centre = Centre()
    usual(centre)
    centre.tickets(LAST, "10:00", 4, wait_s=700)
    journal = centre.kept(tmp_path)
    assert found(journal, now_us=us(LAST, "10:29")) == []
    assert len(found(journal, now_us=us(LAST, "10:31"))) == 1


def test_lost_calls_and_late_tickets_are_those_of_the_figures_by_half_hour(tmp_path):
    centre = Centre()
    usual(centre)
    for at, late, lost in (("09:00", 3, 2), ("09:30", 0, 6), ("11:00", 5, 0), ("13:30", 1, 1)):
        centre.tickets(LAST, at, late, wait_s=900)
        centre.lost(LAST, at, lost)
    journal = centre.kept(tmp_path)
    halves = found(journal)
    assert [half.people for half in halves] == [6, 5, 5, 2]
    assert [half.of for half in halves] == ["calls", "tickets", "tickets", "tickets"]
    rows = query(journal, SITE, str(LAST), str(LAST + timedelta(days=1)), by="half_hour")
    late = {
        r["from"][11:16]: r["denominator"] - r["numerator"]
        for r in rows
        if r["kpi"] == "ticket_wait_within_target_rate"
    }
    lost = {r["from"][11:16]: r["value"] for r in rows if r["kpi"] == "calls_lost"}
    for half in halves:
        minutes = half.quarter % 96 * 15
        at = f"{minutes // 60:02}:{minutes % 60:02}"
        assert (half.late, half.lost) == (late[at], lost[at])


def test_no_more_than_were_asked_for_and_the_worst_first(tmp_path):
    centre = Centre()
    for i, hour in enumerate(range(9, 16)):
        centre.lost(LAST, f"{hour:02}:00", i + 1)
    journal = centre.kept(tmp_path)
    assert [half.lost for half in found(journal, most=3)] == [7, 6, 5]


def test_a_period_that_is_too_long_is_refused(tmp_path):
    centre = Centre()
    centre.lost(LAST, "09:00", 1)
    journal = centre.kept(tmp_path)
    with pytest.raises(ValueError, match="400 days at most"):
        worst(journal, SITE, period_of(journal, SITE, "2024-01-01", "2026-01-01"))


def test_a_site_without_any_data_has_no_worst_half_hour(tmp_path):
    assert found(Centre().kept(tmp_path)) == []
