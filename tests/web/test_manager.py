"""The manager's pages over a real journal: the figures of /v1/kpis, a way from each to its contacts, in two languages, on any
screen, without script, and safe whatever names devices send."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from telemetry.drill_view import contact_view, drill_view
from telemetry.events import EVENT_TYPES, Decoded, Event
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from telemetry.manager import Managers, shown_kpis
from telemetry.settings import Device, Service, Site
from telemetry.text import LANGUAGES, words
from telemetry.web import say

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ZONE = ZoneInfo("Asia/Bangkok")
NOW = datetime(2026, 11, 20, 13, 40, tzinfo=ZONE)
NOW_US = int(NOW.timestamp() * 1e6)
EVIL = '"><img src=x onerror=alert(1)>'
SITE = Site(
    id="bkk", name_th="ศูนย์ราชการสะดวก บางรัก", name_en="GECC Bang Rak", min_n=5,
    services=(
        Service(id="idcard", name_th="บัตรประชาชน", name_en=f"ID cards {EVIL}", target_minutes=10),
        Service(id="info", name_th="สอบถาม", name_en="Information"),
    ),
    hours={"mon-fri": "08:30-16:30"}, devices=(Device(id="kiosk", kind="kiosk"),),
)  # fmt: skip


def events():
    """Four working weeks: tickets, some too late, votes, calls, some lost; one ticket and one counter of hostile name."""
    out = []

    def add(type_, at, source="kiosk", **more):
        time_us = int(at.timestamp() * 1e6)
        if time_us <= NOW_US:
            out.append(
                Event(site="bkk", source=f"bkk/{source}", id=f"{len(out):06}", type=type_, time_us=time_us, **more)
            )

    for k in range(28, -1, -1):
        day = NOW.replace(hour=9, minute=0) - timedelta(days=k)
        for i in range(8):
            at, name = day + timedelta(minutes=7 * i), f"A00{i}" if i or k else EVIL[:60]
            add("ticket.issued", at, unit="idcard", contact=name, a=0)
            add("ticket.called", at + timedelta(minutes=15 if i < k % 4 else 4), contact=name, party="3" if i else EVIL)
            add("ticket.started", at + timedelta(minutes=16), contact=name, party="3")
            add("ticket.finished", at + timedelta(minutes=21), contact=name, party="3", a=1)
            add(
                "vote.cast",
                at + timedelta(minutes=21),
                "button",
                unit="idcard",
                contact="",
                party="3",
                a=5 - i % 3,
                b=5,
            )
            call = {"source": "pbx", "unit": "info", "contact": f"c{k}-{i}"}
            add("call.entered", at, **call, a=1, caller=77)
            end = "call.abandoned" if i == 3 else "call.connected"
            add(end, at + timedelta(seconds=12), **call, a=12_000, b=12_000)
    return sorted(out, key=lambda e: e.time_us)


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    journal.ensure(["bkk", "idcard", "info"])
    journal.commit([Unit("x", Decoded(events()), NOW_US)])
    journal.close()
    return JournalReader(folder)


class Centre:
    """What the pages ask of a service, over one journal; time stands still."""

    def __init__(self, journal, site=SITE):
        self._journal, self._site, self._managers = journal, site, Managers(journal, NOW.timestamp)

    def now_ms(self):
        return NOW_US // 1000

    def sites(self):
        return [self._site]

    async def changed(self, _site, last):
        if last != -1:
            await asyncio.sleep(3600)
        return 1

    async def manager(self, _site, first, last, lang):
        return self._managers.view(self._site, first, last, NOW_US, lang)

    async def drill(self, _site, kpi, first, last, **more):
        return drill_view(self._journal, self._site, kpi, first, last, now_us=NOW_US, **more)

    async def contact(self, _site, key, lang):
        return contact_view(self._journal, self._site, key, now_us=NOW_US, lang=lang)


class Page(HTMLParser):
    """Elements with their attributes and the text of the page; every element is closed by its own end."""

    VOID = frozenset(("meta", "link", "input", "br", "line", "path", "rect", "circle"))

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID or (self.open and self.open[-1] == tag):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def of(self, tag, **attributes):
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in attributes.items())]


@pytest.fixture
def get(journal, web_kit):
    def fetch(path, site=SITE):
        async def ask():
            async with web_kit.running(Centre(journal, site)) as app, app.http.get(path) as answer:
                return answer.status, await answer.text(), answer.headers

        return asyncio.run(ask())

    return fetch


def test_today_and_the_period_are_the_rows_of_the_api(journal):
    view = Managers(journal, NOW.timestamp).view(SITE, "2026-11-02", "2026-11-14", NOW_US, "en")
    today = {r["kpi"]: r for r in query(journal, SITE, "2026-11-20", "2026-11-21", now_us=NOW_US)}
    period = {r["kpi"]: r for r in query(journal, SITE, "2026-11-02", "2026-11-14", now_us=NOW_US)}
    days = {
        (r["kpi"], r["from"][:10]): r["value"]
        for r in query(journal, SITE, "2026-10-24", "2026-11-21", now_us=NOW_US, by="day")
    }
    cards = [card for of in view["groups"] for card in of["kpis"]]
    assert {c["kpi"] for c in cards} == {k.name for of in shown_kpis(SITE).values() for k in of}
    for card in cards:
        assert card["today"] == today[card["kpi"]]
        assert card["period"] == period[card["kpi"]]
        assert [d["value"] for d in card["days"]] == [days.get((card["kpi"], d["day"])) for d in card["days"]]
        assert len(card["days"]) == 28


def test_a_view_is_made_once_a_moment_however_many_ask(journal):
    made, now = [], [0.0]
    managers = Managers(journal, lambda: now[0])
    managers._asked(5, "x", lambda: made.append(1))
    now[0] = 4.9
    managers._asked(5, "x", lambda: made.append(1))
    assert len(made) == 1
    now[0] = 5.1
    managers._asked(5, "x", lambda: made.append(1))
    now[0] = 1.0  # a clock that was set back
    managers._asked(5, "x", lambda: made.append(1))
    assert len(made) == 3


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_says_value_target_verdict_n_interval_period_and_definition(get, lang):
    status, text, headers = get(f"/manager?lang={lang}")
    page = Page(text)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.of("html") == [{"lang": lang}]
    expected = {
        "en": [
            "12.5%",
            "Not met",
            "Target at most 5.0%",
            "n = 8",
            "95% confidence interval: 2.2% to 47.1%",
            "20 Nov 2026",
        ],
        "th": [
            "12.5%",
            "ไม่ผ่าน",
            "ค่าเป้าหมาย ไม่เกิน 5.0%",
            "n = 8",
            "ช่วงความเชื่อมั่นร้อยละ 95: 2.2% ถึง 47.1%",
            "20 พ.ย. 2569",
        ],
    }[lang]
    assert [word for word in expected if word not in page.text] == []
    assert len(page.of("svg", role="img")) > 8
    assert len(page.of("details")) == len(page.of("li", **{"class": "kpi"}))


def test_the_worst_half_hours_say_why_and_lead_to_their_contacts(get):
    page = Page(get("/manager?lang=en&from=2026-11-01")[1])
    assert "3 of 5 tickets" in page.text
    assert "usually" in page.text
    asked = [parse_qs(urlsplit(a["href"]).query) for a in page.of("a") if a["href"].startswith("drill?")]
    late = [q for q in asked if q.get("part") == ["rest"]]
    assert late
    status, text, _ = get("/drill?" + "&".join(f"{k}={v[0]}" for k, v in late[0].items()))
    assert status == 200
    assert len(re.findall(r'href="contact\?', text)) == 3


def test_every_link_of_the_pages_leads_somewhere(get):
    seen, due = set(), ["manager?lang=th"]
    while due:
        path = due.pop()
        name = path.partition("?")[0]
        if (name, "kpi=ticket_wait" in path) in seen:
            continue
        seen.add((name, "kpi=ticket_wait" in path))
        status, text, _ = get(f"/{path}")
        assert status == 200, path
        links = [
            a["href"] for a in Page(text).of("a") if a["href"].partition("?")[0] in ("manager", "drill", "contact")
        ]
        due += links
    assert {name for name, _ in seen} == {"manager", "drill", "contact"}


def test_a_list_has_as_many_contacts_as_the_figure_says_and_each_can_be_opened(get):
    status, text, _ = get("/drill?lang=en&kpi=calls_offered&from=2026-11-01&to=2026-11-21")
    page = Page(text)
    n = int(re.search(r"n = (\d+) in all", page.text)[1])
    assert (status, n) == (200, 15 * 8)
    keys = []
    for number in (1, 2, 3):
        text = get(f"/drill?lang=en&kpi=calls_offered&from=2026-11-01&to=2026-11-21&page={number}")[1]
        keys += re.findall(r"contact\?site=bkk&amp;lang=en&amp;key=(\d+)", text)
    assert len(set(keys)) == len(keys) == n
    status, text, _ = get(f"/contact?lang=en&key={keys[3]}")
    assert status == 200
    assert [
        word for word in ("the caller hung up waiting", "Wait 0:12 min", "pbx") if word not in Page(text).text
    ] == []


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/drill", 400, "kpi is missing"),
        ("/drill?kpi=best_employee", 404, "unknown kpi"),
        ("/drill?kpi=calls_lost&from=yesterday", 400, "from: expected a date"),
        ("/drill?kpi=calls_lost&from=2026-11-20&to=2026-11-01", 400, "must be later"),
        ("/drill?kpi=calls_lost&unit=nowhere", 400, "unit: nothing is known"),
        ("/drill?kpi=calls_lost&part=half", 400, "part: expected one of"),
        ("/drill?kpi=calls_lost&page=0", 400, "page: there are"),
        ("/drill?kpi=calls_lost&page=x", 400, "page must be a whole number"),
        ("/drill?kpi=calls_lost&pages=2", 400, "unknown argument"),
        ("/drill?kpi=case_users_per_month&unit=idcard", 400, "whole centre"),
        ("/contact?key=99999999", 404, "no such contact"),
        ("/contact", 400, "key must be a whole number"),
        ("/manager?from=soon", 400, "from: expected a date"),
        ("/manager?from=2020-01-01", 400, "400 days at most"),
        ("/manager?site=other", 404, "unknown site"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(get, path, status, says):
    answer = get(path)
    assert answer[0] == status
    assert says in answer[1]


def test_names_of_devices_and_services_are_never_markup(get):
    for path in ("/manager?lang=en", "/drill?lang=en&kpi=tickets_issued&from=2026-11-20&to=2026-11-21"):
        page = Page(get(path)[1])
        assert page.of("img") == []
    key = next(parse_qs(urlsplit(a["href"]).query)["key"][0] for a in page.of("a") if a["href"].startswith("contact?"))
    page = Page(get(f"/contact?lang=en&key={key}")[1])
    assert page.of("img") == []
    assert EVIL in page.text  # it is there, as text
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]


def test_nothing_on_the_pages_needs_what_the_policy_forbids(get):
    for path in ("/manager", "/drill?kpi=rings_to_answer&from=2026-11-01", "/contact?key=3"):
        status, text, headers = get(path)
        page = Page(text)
        assert status == 200
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert not [tag for tag, a in page.elements if "style" in a or tag == "style"]
        assert [a for a in page.of("script") if "src" not in a] == []


def test_every_word_that_an_event_may_need_is_there():
    for lang in LANGUAGES:
        text = words(lang, "manager")
        assert set(EVENT_TYPES) <= set(text)
        assert [key for key, value in text.items() if not value.strip()] == []
    assert set(words("th", "manager")) == set(words("en", "manager"))
    assert set(words("th", "layout")) == set(words("en", "layout"))


def test_a_missed_target_never_looks_reached():
    assert say.value_and_target("ratio", 0.79996, 0.8, "en") == ("79.996%", "80.000%")
    assert say.value_and_target("ratio", 0.8, 0.8, "en") == ("80.0%", "80.0%")
    assert say.value("seconds", 3734, "th") == "1:02:14"
    assert say.value("count", None, "th") == "ไม่มีข้อมูล"


# -- in a browser


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None or not Path(CHROMIUM).exists():
        missing = "no Chromium here: install the package `chromium`, or name the program in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def shown(browser, journal, web_kit):
    """Opens a page of a fresh service, and remembers whatever should not have happened on it."""
    with web_kit.running_in_thread(lambda: Centre(journal)) as app:
        contexts = []

        def open_page(path, width=1366, height=768, **options):
            context = browser.new_context(viewport={"width": width, "height": height}, **options)
            contexts.append(context)
            page = context.new_page()
            page.wrong = []
            page.on("console", lambda message: page.wrong.append(message.text))
            page.on("pageerror", lambda error: page.wrong.append(str(error)))
            page.on("dialog", lambda dialog: (page.wrong.append(dialog.message), dialog.dismiss()))
            page.goto(f"{app.url}/{path}")
            return page

        yield open_page
        for context in contexts:
            context.close()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_page_is_wider_than_its_screen_and_none_breaks_the_policy(shown, lang):
    for path in ("manager?", "drill?kpi=ticket_wait_seconds_p90&from=2026-11-01&", "contact?key=3&"):
        page = shown(f"{path}lang={lang}")
        for width in (320, 768, 1366, 1920, 3840):
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert (path, width, wide) == (path, width, 0)
        assert page.wrong == []


def test_the_pages_say_the_same_without_script(shown):
    with_script, without = (shown("manager?lang=en", java_script_enabled=on) for on in (True, False))
    assert with_script.locator("main").inner_text() == without.locator("main").inner_text()


def test_by_keyboard_alone_a_reader_passes_the_links_opens_a_definition_and_goes_to_the_contacts(shown):
    page = shown("manager?lang=en")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.localName") == "summary":
            break
    page.keyboard.press("Enter")
    assert page.locator("li.kpi details[open]").count() == 1
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.locator("li.kpi details[open] a", has_text="contacts").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/drill?**")
    assert "Contacts of" in page.title()
