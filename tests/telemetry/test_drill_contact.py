"""One contact: all of its events and no one else's, what was derived of it, and nothing of a person."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from telemetry.drill import drill
from telemetry.drill_contact import contact
from telemetry.drill_view import contact_view, drill_view
from telemetry.events import Decoded, Event
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from telemetry.settings import Service, Site

SITE = Site(id="bkk", services=(Service(id="idcard", name_th="บัตร", name_en="ID cards", target_minutes=10),))
CALLER = 0x1B4E81B59E2F03A7


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Bangkok")).timestamp() * 1e6)


def event(type_: str, at: str, name: str, source: str = "kiosk", **more) -> Event:
    fact = {"unit": "idcard", "contact": name, **more}
    return Event(site="bkk", source=f"bkk/{source}", id="", type=type_, time_us=us(at), **fact)


def kept(folder, *events: Event) -> JournalReader:
    journal = Journal(folder)
    journal.ensure(["bkk", "other", "idcard"])
    journal.commit(
        [Unit("x", Decoded([e._replace(id=f"{i:04}") for i, e in enumerate(events)]), us("2026-11-21T18:00"))]
    )
    journal.close()
    return JournalReader(folder)


def visit(day: str, name: str = "A001", wait: str = "09:05") -> list[Event]:
    return [
        event("ticket.issued", f"{day}T09:00", name, a=0),
        event("ticket.called", f"{day}T{wait}", name, unit="", party="3"),
        event("ticket.started", f"{day}T{wait}:30", name, unit="", party="3"),
        event("ticket.finished", f"{day}T09:20", name, unit="", party="3", a=1),
    ]


def test_a_ticket_is_one_number_of_one_day(tmp_path):
    journal = kept(tmp_path, *visit("2026-11-19"), *visit("2026-11-20", wait="09:15"), *visit("2026-11-20", "A002"))
    for key in (5, 8):
        found = contact(journal, SITE, key)
        assert [told.seq for told in found.events] == [5, 6, 7, 8]
        assert (found.kind, found.name) == ("ticket", "A001")
        (whole,) = found.passages
        assert (whole.derived["ticket_wait_ms"], whole.derived["service_ms"], whole.outcome) == (900, 270, "ticket_2")


def test_the_same_number_issued_again_that_day_is_another_ticket(tmp_path):
    again = [e._replace(time_us=e.time_us + 3_600_000_000) for e in visit("2026-11-20")]
    journal = kept(tmp_path, *visit("2026-11-20"), *again)
    assert [t.seq for t in contact(journal, SITE, 2).events] == [1, 2, 3, 4]
    assert [t.seq for t in contact(journal, SITE, 6).events] == [5, 6, 7, 8]


def test_a_call_is_followed_over_midnight_with_its_queues(tmp_path):
    call = {"source": "pbx", "caller": CALLER}
    journal = kept(
        tmp_path,
        event("call.entered", "2026-11-19T23:59:30", "c1", **call, a=1),
        event("call.connected", "2026-11-20T00:00:10", "c1", source="pbx", a=40_000, b=12_000, party="agent-77"),
        event("call.completed", "2026-11-20T00:01:10", "c1", source="pbx", a=40_000, b=60_000, party="agent-77"),
        event("call.entered", "2026-11-19T23:59:31", "c2", **call, a=2),
    )
    found = contact(journal, SITE, 3)
    assert [t.seq for t in found.events] == [1, 2, 3]
    assert {p.family: p.derived for p in found.passages} == {
        "calls": {"wait_ms": 40, "ring_ms": 12, "talk_ms": 60, "call_rings": 3},
        "stints": {"queue_wait_ms": 40},
    }
    counts = {kpi.name: counts for kpi, counts in found.figures}
    assert counts["abandoned_call_rate"] is False
    assert counts["answered_within_3_rings_rate"] is True
    assert counts["calls_answered"] is None


def test_a_conversation_is_followed_over_months(tmp_path):
    journal = kept(
        tmp_path,
        event("conversation.opened", "2026-03-01T10:00", "k", unit="line", source="line"),
        event("conversation.replied", "2026-03-01T10:08", "k", unit="line", source="line", a=0, party="agent-9"),
        event("conversation.message", "2026-09-01T10:00", "k", unit="line", source="line"),
    )
    found = contact(journal, SITE, 3)
    assert [t.seq for t in found.events] == [1, 2, 3]
    assert [p.derived.get("conversation_reply_s") for p in found.passages if p.family == "conversations"] == [480]


def test_a_press_of_a_button_stands_for_itself(tmp_path):
    journal = kept(
        tmp_path,
        event("vote.cast", "2026-11-20T10:00", "", a=4, b=5),
        event("vote.cast", "2026-11-20T10:01", "", a=1, b=5),
    )
    found = contact(journal, SITE, 2)
    assert [t.seq for t in found.events] == [2]
    assert {kpi.name: counts for kpi, counts in found.figures}["satisfaction_rate"] is False


@pytest.mark.parametrize("key", [0, -1, 99])
def test_what_the_journal_does_not_hold_is_not_found(tmp_path, key):
    with pytest.raises(KeyError):
        contact(kept(tmp_path, *visit("2026-11-20")), SITE, key)


def test_what_is_of_another_site_is_not_found(tmp_path):
    journal = kept(tmp_path, visit("2026-11-20")[0]._replace(site="other", source="other/kiosk"), *visit("2026-11-20"))
    with pytest.raises(KeyError):
        contact(journal, SITE, 1)
    assert [t.seq for t in contact(journal, SITE, 2).events] == [2, 3, 4, 5]


def test_every_contact_of_a_list_can_be_opened_and_counts_in_the_figure(tmp_path):
    journal = kept(tmp_path, *visit("2026-11-20"), *visit("2026-11-20", "A002", "09:15"))
    asked = "ticket_wait_within_target_rate", "2026-11-20", "2026-11-21"
    for part, expected in (("numerator", {"A001"}), ("rest", {"A002"}), ("denominator", {"A001", "A002"})):
        rows = drill(journal, SITE, *asked, part=part).rows
        found = [contact(journal, SITE, row.seq) for row in rows]
        assert {c.name for c in found} == expected
        for one in found:
            counts = {kpi.name: counts for kpi, counts in one.figures}
            assert counts[asked[0]] is (one.name == "A001")


def test_no_token_of_a_caller_and_no_id_of_a_call_leaves_the_journal(tmp_path):
    journal = kept(
        tmp_path,
        event("call.entered", "2026-11-20T09:00", "call-0812345678", source="pbx", a=1, c=CALLER, caller=CALLER),
        event(
            "call.abandoned", "2026-11-20T09:01", "call-0812345678", source="pbx", a=60_000, extra='{"name":"Somchai"}'
        ),
    )
    listed = drill_view(
        journal, SITE, "calls_lost", "2026-11-20", "2026-11-21", unit=None, part=None, page=1, now_us=0, lang="en"
    )
    opened = contact_view(journal, SITE, 1, now_us=0, lang="en")
    assert len(listed["rows"]) == 1
    assert len(opened["events"]) == 2
    for said in (repr(listed), repr(opened)):
        assert not [word for word in (str(CALLER), f"{CALLER:x}", "0812345678", "Somchai", "call-0") if word in said]
