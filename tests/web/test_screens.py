"""The screens for citizens, for counter staff, for devices and for staffing: what they say, and that they say it at once."""

from __future__ import annotations

import asyncio
import re
import string
from contextlib import suppress
from functools import partial

import pytest

from telemetry.events import REJECT_REASONS
from telemetry.text import LANGUAGES, words
from telemetry.web import screen_words
from telemetry.web.sources_page import troubles
from tests.web.browsing import Visit, chromium

SITE = "amphoe-mueang"
MINUTE_MS = 60_000
LINE = {
    "unit": "A", "name_th": "ทะเบียนราษฎร", "name_en": "Civil registration", "waiting": 3, "target_minutes": 15,
    "from_minutes": 10, "to_minutes": 25,
}  # fmt: skip
CALL = {
    "key": "7",
    "ticket": "A042",
    "counter": "3",
    "unit": "A",
    "name_th": "ทะเบียนราษฎร",
    "name_en": "Civil registration",
}


def read(web_kit, path, service=None):
    """Status, and the words of the page without its tags."""

    async def case():
        async with web_kit.running(service or web_kit.FakeService()) as app, app.http.get(path) as answer:
            return answer.status, await answer.text()

    status, page = asyncio.run(case())
    return status, " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture
def service(web_kit):
    it = web_kit.FakeService()
    it.halls[SITE] = {"calls": [{**CALL, "called_ms": it.clock_ms - MINUTE_MS}], "lines": [LINE]}
    return it


def test_the_hall_says_whom_to_come_where_and_how_long_it_takes(web_kit, service):
    _, text = read(web_kit, "/hall", service)
    assert "A042 ช่อง 3 ทะเบียนราษฎร" in text
    assert "ทะเบียนราษฎร 3 ประมาณ 10–25 นาที" in text
    _, text = read(web_kit, "/hall?lang=en", service)
    assert "Civil registration 3 about 10–25 minutes" in text


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((None, None), "cannot be told yet"),
        ((0, 5), "up to 5 minutes"),
        ((5, 90), "about 5–90 minutes"),
        ((45, 135), "about 45 min to 2 h 15 min"),
        ((0, 120), "up to 2 h"),
    ],
)
def test_a_wait_is_a_range_and_what_is_not_known_is_no_number(web_kit, service, ends, said):
    service.halls[SITE]["lines"] = [{**LINE, "from_minutes": ends[0], "to_minutes": ends[1]}]
    assert f"Civil registration 3 {said}" in read(web_kit, "/hall?lang=en", service)[1]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"standing": "waiting", "ahead": 5, "from_minutes": 10, "to_minutes": 25}, "มีคิวก่อนหน้าท่าน 5 คิว เวลารอนับจากนี้: ประมาณ 10–25 นาที"),
        ({"standing": "waiting", "ahead": 0, "from_minutes": 0, "to_minutes": 5}, "ท่านเป็นคิวถัดไป เวลารอนับจากนี้: ไม่เกิน 5 นาที"),
        ({"standing": "waiting", "ahead": 9}, "มีคิวก่อนหน้าท่าน 9 คิว เวลารอนับจากนี้: ยังประมาณไม่ได้"),
        ({"standing": "called", "counter": "3"}, "ขอเชิญที่ช่อง 3"),
        ({"standing": "called"}, "เรียกคิวของท่านแล้ว"),
        ({"standing": "served"}, "ได้รับบริการแล้ว"),
        ({"standing": "missed"}, "จุดแรกรับ"),
        ({"standing": "withdrawn"}, "ถูกยกเลิก"),
        ({}, "ไม่พบบัตรคิว A123 ในวันนี้"),
    ],
)  # fmt: skip
def test_ones_own_ticket_is_told_kindly_whatever_became_of_it(web_kit, service, own, said):
    service.tickets["A123"] = own
    status, text = read(web_kit, "/hall?ticket=A123", service)
    assert status == 200
    assert said in text


def test_the_glance_says_who_is_over_and_near_the_declared_limit(web_kit, service):
    board = service.boards[SITE]
    for unit, minutes in zip(board["units"], (16, 13, 5), strict=False):
        unit.update(target_minutes=15, longest_ticket_wait_since_ms=service.clock_ms - minutes * MINUTE_MS)
    service.glances[SITE] = {
        "replies": [
            {"unit": "line", "name_th": "ไลน์", "name_en": "LINE", "waiting": 2, "overdue": 1, "first_due_ms": service.clock_ms - 3 * MINUTE_MS},
            {"unit": "email", "name_th": "", "name_en": "E-mail", "waiting": 4, "overdue": 0, "first_due_ms": service.clock_ms + 4 * MINUTE_MS},
            {"unit": "web", "name_th": "", "name_en": "Web", "waiting": 1, "overdue": 0, "first_due_ms": None},
            {"unit": "chat", "name_th": "", "name_en": "Chat", "waiting": 0, "overdue": 0, "first_due_ms": None},
        ],
        "complaints": {"open": 6, "overdue": 2, "due_soon": 1},
    }  # fmt: skip
    _, text = read(web_kit, "/staff?lang=en", service)
    assert "Civil registration over the limit 9 16 min 15 min" in text
    assert "National identity card near the limit 11 13 min 15 min" in text
    assert "Family registration 2 5 min 15 min" in text
    assert "LINE 2 late by 3 min" in text
    assert "E-mail 4 First is due in 4 min" in text
    assert "Web 1 no standard declared" in text
    assert "Chat 0 All answered" in text
    assert "Overdue 2 Due within 24 hours 1 Open 6" in text


def test_the_glance_shows_no_data_as_no_data_and_names_nobody(web_kit, service):
    board = service.boards[SITE]
    board["now"] = dict.fromkeys(board["now"])
    for unit in board["units"]:
        unit["tickets_waiting"] = None
    _, text = read(web_kit, "/staff", service)
    assert text.count("ไม่มีข้อมูล") == 4
    for counter in {unit["last_counter"] for unit in board["units"]} - {None}:
        assert f"ช่อง {counter}" not in text


def source(web_kit, **facts):
    service = web_kit.FakeService()
    (row,) = service.boards[SITE]["sources"][:1]
    service.boards[SITE]["sources"] = [
        {**row, "id": "well", "state": "online"},
        {**row, "id": "bad", "state": "online", "last_event_ms": service.clock_ms - 90_000, **facts},
    ]
    return service


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"state": "offline", "delay_s": 61.0}, "Delay on the way 1 min"),
        ({"state": "offline"}, "Disconnected Last event"),
        ({"state": "silent"}, "Press it or print a test ticket"),
        ({"state": "unknown", "last_event_ms": None}, "Last event never"),
        ({"rejected": {"bad_time": 3, "retained": 1}}, "4 time unreadable or without zone: 3 published with the retain flag: 1"),
        ({"sequence_missing": 17}, "Sequence numbers missing 17"),
        ({"clock_offset_ms": 125_000, "clock_flagged": True}, "Clock slow by 2 min"),
        ({"clock_offset_ms": -7200_000, "clock_flagged": True}, "clock wrong"),
    ],
)  # fmt: skip
def test_a_source_in_trouble_stands_first_and_says_what_to_do(web_kit, facts, said):
    _, text = read(web_kit, "/sources?lang=en", source(web_kit, **facts))
    assert "1 of 2 need attention" in text
    assert said in text
    assert text.index(" bad ") < text.index(" well ")
    assert text.split(" well ")[0].count("Nothing to do.") == 0
    assert text.split(" well ")[1].count("Nothing to do.") == 1


def test_without_the_broker_the_broker_is_named_and_not_every_cable(web_kit):
    service = source(web_kit, state="offline")
    service.ready = lambda: (False, {"problems": [], "not_connected": {"mqtt": "connection refused"}})
    _, text = read(web_kit, "/sources?lang=en", service)
    assert "The message broker (MQTT) is not connected" in text
    assert "connection refused" in text
    assert "network cable" not in text


def test_a_clock_that_is_right_and_presses_that_were_no_votes_are_no_trouble(web_kit):
    facts = {"clock_offset_ms": 40, "dropped": {"bounced": 3, "retained": 0, "replayed": 1}}
    _, text = read(web_kit, "/sources?lang=en", source(web_kit, **facts))
    assert "All 2 devices and sources are well" in text
    assert "right within a second" in text
    assert "bounced 3 · kept by the broker 0 · sent again 1" in text


def test_every_reason_of_a_reject_has_its_words_in_both_languages():
    for lang in LANGUAGES:
        assert {f"reject_{reason}" for reason in REJECT_REASONS} <= set(words(lang, "screens"))


def test_troubles_are_told_the_worst_first():
    row = {"state": "silent", "rejected": {"bad_time": 1}, "clock_flagged": True, "sequence_missing": 4}
    assert troubles(row) == ["rejected", "clock", "silent", "missing"]
    assert (
        troubles({"state": "online", "rejected": {"bad_time": 0}, "clock_flagged": False, "sequence_missing": None})
        == []
    )


def test_a_staffing_question_is_put_together_from_the_form(web_kit):
    service = web_kit.FakeService()
    status, _ = read(web_kit, f"/staffing?site={SITE}&unit=A&weeks=2&day=mon&time=10:30&change=%2B1&lang=en", service)
    assert (status, service.asked) == (200, [(SITE, "A", 2, "mon 10:30 +1", "en")])
    read(web_kit, "/staffing", service)
    assert service.asked[1] == (SITE, None, 4, None, "th")


@pytest.mark.parametrize("asked", ["weeks=x", "weeks=9999", "weeks=-1"])
def test_a_staffing_question_that_cannot_be_answered_is_told_on_the_page(web_kit, asked):
    status, text = read(web_kit, f"/staffing?lang=en&{asked}")
    assert status == 400
    assert "This question cannot be answered: weeks" in text


@pytest.mark.parametrize("path", ["/hall", "/staff", "/sources", "/staffing"])
def test_where_there_are_several_centres_one_is_chosen_first(web_kit, path):
    other = web_kit.board()
    other["site"] = {"id": "second", "name_th": "", "name_en": "Second <b>office</b>"}
    service = web_kit.FakeService(web_kit.board(), other)
    assert "เลือกศูนย์บริการ" in read(web_kit, path, service)[1]
    assert read(web_kit, f"{path}?site=second", service)[0] == 200
    assert read(web_kit, f"{path}?site=nowhere", service)[0] == 404
    assert read(web_kit, f"{path}?site=second&nonsense=1", service)[0] == 400


def test_both_languages_have_the_same_words_and_blanks():
    def blanks(text):
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

    th, en = words("th", "screens"), words("en", "screens")
    assert set(th) == set(en)
    assert [key for key in th if blanks(th[key]) != blanks(en[key]) or not th[key].strip()] == []


def test_no_duration_is_told_more_exactly_than_a_screen_needs():
    say = screen_words.Say("en", type("Site", (), {"timezone": "Asia/Bangkok"})())
    told = {
        0: "0 s",
        59_999: "59 s",
        60_000: "1 min",
        90 * MINUTE_MS: "90 min",
        91 * MINUTE_MS: "1 h 31 min",
        4 * 86_400_000: "4 d",
    }
    assert {ms: say.age(ms) for ms in told} == told


@pytest.fixture(scope="module")
def browser():
    with chromium() as it:
        yield it


def test_a_new_call_reaches_an_open_hall_screen_within_two_seconds_and_draws_the_eye(browser, web_kit):
    sync_api = pytest.importorskip("playwright.sync_api")

    def later(ticket, _board):
        call = {**CALL, "key": ticket, "ticket": ticket, "called_ms": app.service.clock_ms}
        app.service.halls[SITE]["calls"].insert(0, call)

    with web_kit.running_in_thread(web_kit.FakeService) as app:
        app.service.halls[SITE] = {"calls": [{**CALL, "called_ms": app.service.clock_ms}], "lines": [LINE]}
        with Visit(browser, app.url) as visit:
            visit.open("hall?lang=en")
            visit.page.locator("html[data-version='1']").wait_for(state="attached")
            visit.page.locator("#ticket").fill("A12")
            first = visit.page.locator(".calls li").first
            for ticket in ("B007", "B008", "B009", ""):  # a busy machine may be late once or twice
                assert ticket, "no new call was there within two seconds"
                app.call(app.service.push(partial(later, ticket)))
                with suppress(sync_api.TimeoutError):
                    visit.page.locator(".calls li", has_text=ticket).wait_for(timeout=2000)
                    break
            assert ticket in first.inner_text()
            assert first.get_attribute("data-fresh") == ""
            assert first.evaluate("(el) => getComputedStyle(el).animationDuration") == "1s", (
                "one pulse a second, not three"
            )
            assert visit.page.locator("#ticket").input_value() == "A12", "what is being typed stays"
            assert visit.misdeeds() == []


def test_nothing_moves_where_movement_is_refused(browser, web_kit):
    with web_kit.running_in_thread(web_kit.FakeService) as app:
        app.service.halls[SITE] = {"calls": [{**CALL, "called_ms": app.service.clock_ms}], "lines": [LINE]}
        with Visit(browser, app.url, reduced_motion="reduce") as visit:
            visit.open("hall?lang=en")
            first = visit.page.locator(".calls li").first
            first.evaluate("(el) => { el.dataset.fresh = ''; }")
            assert first.evaluate("(el) => getComputedStyle(el).animationName") == "none"
            assert first.evaluate("(el) => getComputedStyle(el).borderLeftColor") == "rgb(243, 208, 107)"


def test_the_screens_are_complete_without_script(browser, web_kit):
    with web_kit.running_in_thread(web_kit.FakeService) as app:
        app.service.halls[SITE] = {"calls": [{**CALL, "called_ms": app.service.clock_ms}], "lines": [LINE]}
        with Visit(browser, app.url, java_script_enabled=False) as visit:
            for path, text in (("hall", "A042"), ("staff", "ทะเบียนราษฎร"), ("sources", "kiosk-1"), ("staffing", "How")):
                visit.open(path)
                assert text in visit.page.locator("main").inner_text()


def test_a_lost_connection_is_told_on_a_screen_that_is_written_by_the_service(browser, web_kit):
    with web_kit.running_in_thread(web_kit.FakeService) as app:
        visit = Visit(browser, app.url)
        visit.open("hall?lang=en")
        visit.page.locator("html[data-version='1']").wait_for(state="attached")
        assert not visit.page.locator("#lost").is_visible()
    with visit:
        visit.page.locator("#lost").wait_for(timeout=60_000)
        assert "Connection lost" in visit.page.locator("#lost").inner_text()
