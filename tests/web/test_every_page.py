"""Every page of the running service in a real browser: both languages, every width, the keyboard alone, and names that
attack. One service and one browser for all of it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from telemetry.web.layout import PAGES
from tests.web.browsing import Visit, chromium
from tests.web.centre import AT_A_CENTRE, CENTRE, running

WIDTHS = (320, 768, 1366, 1920, 3840)
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
    "<link rel=stylesheet href=http://127.0.0.1:1/x>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:1'>",
    "<base href=http://127.0.0.1:1/>",
    "<form action=//127.0.0.1:1><button>x</button></form>",
    "<math><mtext><img src onerror=alert(19)></mtext></math>",
    "<!--<img src=x onerror=alert(20)>-->",
    "{{constructor.constructor('alert(21)')()}}",
    "${alert(22)}",
    "&lt;script&gt;alert(24)&lt;/script&gt;",
    "{kind}{id}{state}$title%s%(x)d",
    "__proto__",
    "constructor",
    "\u202egnp.exe",
    "</title><script>alert(28)</script>",
    "</textarea><script>alert(29)</script>",
    "</style><script>alert(30)</script>",
    "</noscript><script>alert(31)</script>",
    "--><script>alert(32)</script>",
    "]]><script>alert(33)</script>",
    "<ScRiPt>alert(34)</sCrIpT>",
    "<script/src=//127.0.0.1:1/x></script>",
    "<<script>alert(36)//<</script>",
    "<img/src='x'/onerror=alert(37)>",
    '<img src="x" onerror="&#97;lert(38)">',
    "<svg/onload=alert`39`>",
    "<svg><animate onbegin=alert(40) attributeName=x>",
    "<svg><use href=//127.0.0.1:1/x#y></svg>",
    "<video><source onerror=alert(42)></video>",
    "<audio src=x onerror=alert(43)>",
    "<input autofocus onfocus=alert(44)>",
    "<select autofocus onfocus=alert(45)>",
    "<marquee onstart=alert(46)>",
    "<object data=javascript:alert(47)>",
    "<embed src=//127.0.0.1:1/x>",
    "<template><script>alert(49)</script></template>",
    "<p style=background:url(//127.0.0.1:1/x)>",
    '\\"};alert(51);//',
    "';alert(52);//",
    "\\u003cscript\\u003ealert(53)\\u003c/script\\u003e",
    "%3Cscript%3Ealert(54)%3C/script%3E",
    "+ADw-script+AD4-alert(55)+ADw-/script+AD4-",
    "<xss id=x tabindex=1 onfocusin=alert(56)>",
    "<a id=words></a><a id=live></a>",
    "<img name=getElementById><img name=body>",
    "?lang=en&site=x#<script>alert(59)</script>",
    "ก็่้<b>ำ</b>\u200b\ufeff<script>alert(60)</script>",
]

_CUT = """
[...document.querySelectorAll("body *")].filter((el) => {
  const style = getComputedStyle(el);
  return style.overflowX === "hidden" && !el.closest(".unseen, svg, thead") && el.scrollWidth > el.clientWidth + 1 && el.clientWidth > 2;
}).map((el) => el.outerHTML.slice(0, 120))
"""
_INTERACTIVE = """
() => {
  window.asked = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [tabindex="0"]')]
    .filter((el) => el.checkVisibility() && !el.disabled);
  document.activeElement.blur();
  return window.asked.length;
}
"""
_FOCUSED = """
() => {
  const el = document.activeElement;
  if (!el || el === document.body) return null;
  const style = getComputedStyle(el);
  const seen = (style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
  return { at: window.asked.indexOf(el), seen, what: el.outerHTML.slice(0, 100) };
}
"""
_ATTACKED = """
(document) => [...document.querySelectorAll("*")].filter((el) => [...el.attributes].some((a) => a.name.startsWith("on")
  || /^\\s*javascript:/i.test(a.value) && a.name !== "value" && !a.name.startsWith("data-") && !a.name.startsWith("aria-"))
  || el.matches("iframe, base, object, embed, marquee, math, video, audio, xss, template, img"))
  .map((el) => el.outerHTML.slice(0, 160))
"""
_FETCHED = f"""
async (paths) => Promise.all(paths.map(async (path) => {{
  const page = new DOMParser().parseFromString(await (await fetch(path)).text(), "text/html");
  return [page.body.textContent, ({_ATTACKED})(page)];
}}))
"""
"""What a browser reads out of these pages, without going to each."""


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    with running(tmp_path_factory.mktemp("centre") / "data", PAYLOADS, days=26) as box:
        yield box


@pytest.fixture(scope="module")
def browser():
    with chromium() as it:
        yield it


@pytest.fixture
def visit(browser, centre):
    with Visit(browser, centre.url) as it:
        yield it


def paths(visit: Visit, site: str, lang: str = "th") -> list[str]:
    """Every page of a site, and those that lead on from them."""
    here = urlencode({"site": site, "lang": lang})
    out = [f"{address.removeprefix('./')}?{here}" for address in PAGES.values()]
    out += [f"hall?{here}&ticket=A030", f"hall?{here}&ticket=nowhere"]
    if site == CENTRE.id:
        out.append(f"staffing?{here}&unit=idcard&day=mon&time=10:00&change=%2B1")
    visit.open(f"manager?{here}")
    drills = visit.links("drill")
    if drills:
        visit.open(drills[0])
        out += [drills[0], *visit.links("contact")[:1]]
    visit.open(f"?{here}")
    return out


@pytest.mark.parametrize("lang", ["th", "en"])
def test_every_page_fits_every_width_in_its_language_and_fetches_nothing_from_elsewhere(visit, lang):
    wrong: list[str] = []
    found = paths(visit, CENTRE.id, lang)
    for path in [*found, f"?lang={lang}"]:
        status = visit.open(path)
        if status != 200:
            wrong.append(f"{path}: {status}")
            continue
        if visit.page.locator("html").get_attribute("lang") != lang:
            wrong.append(f"{path}: is not in {lang}")
        if path == found[0]:
            visit.page.locator("html[data-version]").wait_for(state="attached")
        for width in WIDTHS:
            visit.page.set_viewport_size({"width": width, "height": 900})
            beyond = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if beyond > 0:
                wrong.append(f"{path} at {width}: {beyond} px beyond the screen")
            wrong += [f"{path} at {width}: cut off: {what}" for what in visit.page.evaluate(_CUT)]
    assert wrong == []
    assert visit.misdeeds() == []


def test_every_page_is_used_with_the_keyboard_alone(visit):
    wrong: list[str] = []
    for path in paths(visit, CENTRE.id):
        visit.open(path)
        page = visit.page
        if path.startswith("?"):
            page.wait_for_selector("a.label")  # the wallboard's figures, which its script shows when they have come
        asked = page.evaluate(_INTERACTIVE)
        reached: set[int] = set()
        seen: set[int] = set()  # of a field of several parts any of them may show it
        for _ in range(min(asked, 400) + 40):  # a date has several places
            page.keyboard.press("Tab")
            now = page.evaluate(_FOCUSED)
            if now is None:
                break
            if now["at"] in reached and now["at"] == min(reached):
                break
            reached.add(now["at"])
            seen |= {now["at"]} if now["seen"] else set()
        what = page.evaluate("window.asked.map((el) => el.outerHTML.slice(0, 120))")
        wrong += [f"{path}: the focus is not seen on {what[i]}" for i in sorted(reached - seen) if 0 <= i < asked]
        wrong += [f"{path}: not reached by Tab: {what[i]}" for i in sorted(set(range(asked)) - reached)]
        summary = page.locator("summary:visible").first
        if summary.count():
            before = summary.evaluate("(el) => el.parentElement.open")
            summary.focus()
            page.keyboard.press("Enter")
            if summary.evaluate("(el) => el.parentElement.open") == before:
                wrong.append(f"{path}: Enter does not open {summary.inner_text()!r}")
    assert wrong == []


def test_sixty_attacks_in_names_of_tickets_counters_agents_services_and_centres_are_shown_as_text(visit, centre):
    assert len(set(PAYLOADS)) == 60
    assert all(len(p.encode()) <= 64 for p in PAYLOADS)
    wrong: list[str] = []

    def look(path: str, texts: list[str]) -> None:
        status = visit.open(path)
        if status not in {200, 400}:
            wrong.append(f"{path}: {status}")
        if path.startswith("?site"):
            visit.page.locator("html[data-version]").wait_for(state="attached")
        shown = visit.page.evaluate("document.body.textContent")
        wrong.extend(f"{path}: {text!r} is not shown as it is" for text in texts if text not in shown)
        wrong.extend(f"{path}: became an element: {what}" for what in visit.page.evaluate(f"({_ATTACKED})(document)"))

    look("?lang=en", PAYLOADS)
    for k in range(0, len(PAYLOADS), AT_A_CENTRE):
        some, site = PAYLOADS[k : k + AT_A_CENTRE], f"x{k // AT_A_CENTRE}"
        for path in paths(visit, site, "en")[:-1]:
            name = path.split("?")[0]
            look(path, some if name in {"", "hall", "staff"} and "ticket=" not in path else [])
    own = ["hall?" + urlencode({"site": CENTRE.id, "lang": "en", "ticket": p}) for p in PAYLOADS]
    for p, path, (text, attacked) in zip(PAYLOADS, own, visit.page.evaluate(_FETCHED, own), strict=True):
        wrong += [f"{path} does not show {p!r}"] * (p not in text) + [
            f"{path}: became an element: {it}" for it in attacked
        ]
    for p, path in [*zip(PAYLOADS, own, strict=True)][::12]:
        look(path, [p])
    visit.open("hall?site=x0")
    visit.page.wait_for_timeout(2600)  # it is fetched again, and what it shows is put in place
    assert wrong == []
    assert visit.dialogs == []
    assert visit.misdeeds() == []
