"""The wallboard in a real browser: what a person sees, in both languages, on every size of screen."""

import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "<svg onload=alert(4)>",
    "<svg><script>alert(5)</script></svg>",
    '"><script>alert(6)</script>',
    "' onmouseover='alert(7)",
    '" onfocus="alert(8)" autofocus="',
    "<iframe src=javascript:alert(9)>",
    "<a href=javascript:alert(10)>x</a>",
    "javascript:alert(11)",
    "<body onload=alert(12)>",
    "<details open ontoggle=alert(13)>",
    "<style>@import 'http://127.0.0.1:1/x.css'</style>",
    "<link rel=stylesheet href=http://127.0.0.1:1/x.css>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:1/'>",
    "<base href=http://127.0.0.1:1/>",
    "<form action=http://127.0.0.1:1/><button>x</button></form>",
    "<math><mtext><img src onerror=alert(19)></mtext></math>",
    "<!--<img src=x onerror=alert(20)>-->",
    "{{constructor.constructor('alert(21)')()}}",
    "${alert(22)}",
    "\u2028alert(23)\u2029",
    "&lt;script&gt;alert(24)&lt;/script&gt;",
    "{kind}{id}{state}$title%s",
    "__proto__",
    "constructor",
    "\u202egnp.exe",
]


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None or not Path(CHROMIUM).exists():
        missing = "no Chromium here: install the package `chromium`, or name the program in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield chromium
        chromium.close()


class Screen:
    """A page that remembers everything which should not have happened on it."""

    def __init__(self, browser, url, width=1366, height=768, **options):
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page = self.context.new_page()
        self.console, self.dialogs, self.requests = [], [], []
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(url)
        try:
            self.version(1)
        except BaseException as error:
            self.context.close()
            raise AssertionError(f"nothing was drawn: {self.console}") from error

    def version(self, number):
        """Wait until the snapshot of this version is drawn."""
        self.page.locator(f'html[data-version="{number}"]').wait_for(state="attached", timeout=60_000)

    def text(self, selector):
        return " ".join(self.page.locator(selector).inner_text().split())

    def eventually(self, selector, words, seconds=60):
        deadline = time.monotonic() + seconds
        while words not in self.text(selector):
            assert time.monotonic() < deadline, f"{words!r} is not in {self.text(selector)!r}"
            self.page.wait_for_timeout(50)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.fixture
def screen(browser, web_kit):
    """Opens a screen on a fresh service: `shown, app = screen("?lang=en")`."""

    def open_screen(query="", make_service=web_kit.FakeService, **options):
        app = opened.enter_context(web_kit.running_in_thread(make_service))
        return opened.enter_context(Screen(browser, f"{app.url}/{query}", **options)), app

    with ExitStack() as opened:
        yield open_screen


def test_a_thai_reader_sees_the_morning_in_thai(screen):
    shown, _ = screen()
    assert shown.page.locator("html").get_attribute("lang") == "th"
    assert shown.text("#date") == "วันเสาร์ที่ 21 พฤศจิกายน พ.ศ. 2569"
    assert shown.text("#clock") == "09.41 น."
    assert shown.text("#tickets-waiting") == "คิวที่รอเรียก 23 คิว"
    assert shown.text("#sources-line") == "คีออสก์ kiosk-1 เงียบ 12 นาที"
    assert shown.text("#kpis li:nth-child(2)") == (
        "สัดส่วนคิวที่เรียกภายในเวลามาตรฐาน 92.7% ผ่าน ค่าเป้าหมาย ไม่น้อยกว่า 90.0% n = 164"
    )
    assert "ไม่ผ่าน" in shown.text("#kpis li:nth-child(3)")
    assert "ข้อมูลไม่เพียงพอ" in shown.text("#kpis li:nth-child(6)")
    assert shown.console == []


def test_an_english_reader_sees_the_same_in_english(screen):
    shown, _ = screen("?lang=en")
    assert shown.page.locator("html").get_attribute("lang") == "en"
    assert shown.text("#date") == "Saturday 21 November 2026"
    assert shown.text("#clock") == "09:41"
    assert shown.text("#sources-line") == "Kiosk kiosk-1 silent 12 min"
    assert shown.text("#kpis li:nth-child(3)") == "Abandoned-call rate 6.5% Not met Target at most 5.0% n = 62"
    assert shown.text("#period") == "21 Nov 2026 00:00–09:41"
    assert shown.console == []


def test_the_board_updates_by_itself(screen):
    shown, app = screen("?lang=en")
    app.call(app.service.push(lambda board: board["now"].update(tickets_waiting=24)))
    shown.version(2)
    assert shown.text("#tickets-waiting .number") == "24"


def test_the_longest_wait_grows_by_the_services_clock_not_the_screens(screen):
    def waited_s() -> int:
        minutes, seconds = map(int, shown.text("#longest-ticket-wait .number").split(":"))
        return minutes * 60 + seconds

    began, begin_s = time.monotonic(), 17 * 60 + 48
    shown, _ = screen("?lang=en")
    first = waited_s()
    assert begin_s <= first <= begin_s + 2 + time.monotonic() - began
    shown.page.wait_for_timeout(2100)
    assert first + 2 <= waited_s() <= begin_s + 4 + time.monotonic() - began


def test_missing_is_never_zero(screen, web_kit):
    def nothing(board):
        board["now"] = dict.fromkeys(board["now"])
        for row in board["today"]:
            row.update(value=None, verdict=None, n=0)

    shown, app = screen("?lang=en")
    app.call(app.service.push(nothing))
    shown.version(2)
    for tile in ("tickets-waiting", "longest-ticket-wait", "calls-waiting", "longest-call-wait"):
        assert shown.text(f"#{tile} .figure") == "No data"
    assert set(shown.page.locator("#kpis .value").all_inner_texts()) == {"No data"}


def test_nobody_waiting_is_not_the_same_as_no_data(screen):
    def empty(board):
        board["now"].update(tickets_waiting=0, longest_ticket_wait_since_ms=None)

    shown, app = screen("?lang=en")
    app.call(app.service.push(empty))
    shown.version(2)
    assert shown.text("#tickets-waiting .figure") == "0 tickets"
    assert shown.text("#longest-ticket-wait .figure") == "Nobody waiting"


def test_rounding_never_makes_a_missed_target_look_reached(screen):
    shown, app = screen("?lang=en")
    app.call(app.service.push(lambda board: board["today"][2].update(value=0.0503)))
    shown.version(2)
    assert "5.03% Not met Target at most 5.00%" in shown.text("#kpis li:nth-child(3)")


def test_an_hour_of_waiting_is_told_in_hours(screen):
    shown, _ = screen()
    assert shown.text("#units tr:nth-child(4) .wait").startswith("1:02:")


def test_a_service_over_its_target_is_marked_in_words(screen):
    shown, _ = screen()
    marked = shown.page.locator("#units th", has=shown.page.locator(".over:visible"))
    assert [" ".join(text.split()) for text in marked.all_inner_texts()] == ["บัตรประจำตัวประชาชน เกินค่าเป้าหมาย"]


def test_every_definition_can_be_read(screen, web_kit):
    shown, _ = screen()
    shown.page.locator("#kpis a").first.click()
    for row in web_kit.board()["today"]:
        assert row["definition_th"] in shown.text("#definitions")
        assert (
            shown.page.get_by_role("link", name=row["label_th"], exact=True).get_attribute("title")
            == row["definition_th"]
        )
    assert "ช่วงความเชื่อมั่นร้อยละ 95: 2.5% ถึง 15.5%" in shown.text("#definitions")


def test_a_new_figure_needs_no_change_of_the_page(screen):
    def add(board):
        new = {"kpi": "never_heard_of", "label_en": "A new figure", "unit_kind": "seconds", "value": 61, "target": 60}
        board["today"].append({**board["today"][0], **new, "verdict": "not_met"})

    shown, app = screen("?lang=en")
    app.call(app.service.push(add))
    shown.version(2)
    assert shown.text("#kpis li:last-child") == "A new figure 1:01 Not met Target at most 1:00 n = 164"


def test_a_lost_connection_is_told_and_mended(browser, web_kit):
    with web_kit.running_in_thread(web_kit.FakeService) as app:
        shown = Screen(browser, f"{app.url}/?lang=en")
        port = app.port
    shown.eventually("#lost", "Connection lost, reconnecting. What you see was received")
    assert shown.text("#tickets-waiting .number") == "23"

    def later():
        board = web_kit.board()
        board["version"] = 7
        board["now"]["tickets_waiting"] = 5
        return web_kit.FakeService(board)

    with web_kit.running_in_thread(later, port=port), shown:
        shown.eventually("#tickets-waiting .number", "5")
        assert not shown.page.locator("#lost").is_visible()


@pytest.mark.parametrize("width", [320, 1366, 1920, 3840])
@pytest.mark.parametrize("lang", ["th", "en"])
def test_nothing_is_wider_than_the_screen(screen, lang, width):
    shown, _ = screen(f"?lang={lang}", width=width, height=width * 9 // 16 if width > 700 else 640)
    shown.page.locator("summary").click()
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    cut = """[...document.querySelectorAll("h1, h2, h3, p, th, td, li, dt, span, small")]
        .filter((el) => !el.closest(".unseen, thead") && el.scrollWidth > el.clientWidth + 1
                        && getComputedStyle(el).display !== "inline")
        .map((el) => el.textContent)"""
    assert shown.page.evaluate(cut) == []
    assert shown.console == []


def test_a_usual_centre_fits_on_one_wall_screen_without_scrolling(screen):
    shown, _ = screen(width=1920, height=1080)
    assert shown.page.evaluate("document.documentElement.scrollHeight") <= 1080


def test_names_are_text_and_never_markup(screen, web_kit):
    def hostile():
        board = web_kit.board()
        board["site"].update(name_th=" ".join(PAYLOADS), name_en=" ".join(PAYLOADS))
        unit, row, source = board["units"][0], board["today"][0], board["sources"][0]
        board["units"] = [
            {**unit, "unit": p, "name_th": p, "name_en": p, "last_called": p, "last_counter": p} for p in PAYLOADS
        ]
        texts = ("kpi", "label_th", "label_en", "definition_th", "definition_en", "verdict", "better", "from")
        board["today"] = [{**row, **dict.fromkeys(texts, p)} for p in PAYLOADS]
        board["today"] += [
            {**row, "kpi": f"bins {p}", "unit_kind": "histogram", "bins": [{"label": p, "count": 1}]} for p in PAYLOADS
        ]
        board["sources"] = [{**source, "id": p, "kind": p} for p in PAYLOADS]
        return web_kit.FakeService(board)

    shown, app = screen("", hostile)
    shown.page.locator("summary").click()
    shown.page.wait_for_timeout(300)
    assert shown.page.locator("#units th > span:first-child").all_text_contents() == PAYLOADS
    assert shown.dialogs == []
    assert [url for url in shown.requests if not url.startswith(app.url)] == []
    assert (
        shown.page.locator("#board :is(script, img, iframe, link, style, form, math, a[href^=javascript])").count() == 0
    )
    assert shown.console == []


def test_reduced_motion_is_respected(screen):
    shown, _ = screen(reduced_motion="reduce")
    assert shown.page.evaluate("getComputedStyle(document.querySelector('main')).transitionDuration") in ("0s", "")
