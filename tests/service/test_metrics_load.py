"""A country's page: 500 centres are scraped while events come in, and neither waits for the other."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import urllib.request

import pytest

from telemetry.events import Decoded, Event
from telemetry.journal import Journal, Unit
from tests.service.harness import Gecc, good_once, metrics, noon_zone, wait_until, write_config

SITES, SERIES = 500, 20_000
PAGE_S, ANSWER_S = 0.25, 0.5
TOKEN = "gecc_" + "t" * 43
UNITS = ("idcard", "tax")


def sites() -> str:
    hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
    sender = f"[[sites.sources]]\nid = 'crm'\nformat = 'cloudevents_http'\nhttp = true\ntoken_sha256 = ['{hashed}']\n"
    services = "".join(f"[[sites.services]]\nid = '{unit}'\ntarget_minutes = 30\n" for unit in UNITS)
    kiosk = "[[sites.devices]]\nid = 'kiosk'\n"
    one = f"timezone = '{noon_zone()}'\nprovince = 'p'\n{services}{kiosk}"
    return "".join(f"[[sites]]\nid = 's{i}'\n{one}{'' if i else sender}" for i in range(SITES))


def morning(now_us: int) -> list[Event]:
    """Some tickets, votes and calls of every centre."""
    out = []
    for i in range(SITES):
        for n in range(12):
            site, unit, t = f"s{i}", UNITS[n % 2], now_us - (20 - n) * 60_000_000 + i
            for kind, at, more in (
                ("ticket.issued", t, {"unit": unit, "contact": f"A{n}"}),
                ("ticket.called", t + (30 + i % 7) * 1_000_000, {"contact": f"A{n}", "party": f"c{n % 3}"}),
                ("ticket.finished", t + 300_000_000, {"contact": f"A{n}", "party": f"c{n % 3}"}),
                ("vote.cast", t + 301_000_000, {"unit": unit, "a": 1 + (n + i) % 5, "b": 5}),
                ("call.entered", t, {"unit": "hotline", "contact": f"k{n}"}),
                (
                    "call.connected",
                    t + 9_000_000,
                    {"unit": "hotline", "contact": f"k{n}", "party": "a1", "a": 9000, "b": 4000},
                ),
            ):
                out.append(Event(site, f"{site}/x", f"{n}:{kind}", kind, at, **more))
    return out


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("country")
    config = write_config(folder, sites())
    (folder / "data").mkdir()
    journal, now_us = Journal(folder / "data"), int(time.time() * 1e6)
    journal.commit([Unit("x", Decoded(morning(now_us)), now_us)])
    journal.close()
    with Gecc(config) as running:
        yield running


def post(service: Gecc, ident: str) -> float:
    """Tell of one ticket; seconds until the answer, which comes when it is on the disk."""
    said = {"specversion": "1.0", "id": ident, "source": "crm", "type": "th.gecc.ticket.issued", "subject": ident,
            "data": {"service": "idcard"}}  # fmt: skip
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/cloudevents+json"}
    asked = urllib.request.Request(f"{service.url}/v1/events", json.dumps(said).encode(), headers)
    began = time.perf_counter()
    with urllib.request.urlopen(asked, timeout=20) as answer:
        assert json.loads(answer.read())["accepted"] == 1
    return time.perf_counter() - began


def scrape(service: Gecc, accept: str) -> tuple[float, bytes]:
    began = time.perf_counter()
    with urllib.request.urlopen(
        urllib.request.Request(f"{service.url}/metrics", headers={"Accept": accept}), timeout=20
    ) as answer:
        page = answer.read()
    return time.perf_counter() - began, page


def test_a_page_of_500_centres_is_quick_and_nobody_who_tells_of_something_waits_for_it(service):
    _, page = scrape(service, "")
    before = metrics(page.decode())
    assert len(before) > SERIES
    name = 'gecc_tickets_issued_total{site="s0",unit="idcard"}'
    told = 0

    def measured(n: int) -> str:
        nonlocal told
        pages: list[float] = []
        over = threading.Event()

        def scraper() -> None:
            while not over.wait(1.05):  # a page is made once a second
                pages.append(scrape(service, "")[0])
                scrape(service, "application/openmetrics-text;version=1.0.0")

        scraping = threading.Thread(target=scraper)
        scraping.start()
        answers = []
        while len(pages) < 4 and len(answers) < 2000:
            answers.append(post(service, f"n{n}-{len(answers)}"))
            time.sleep(0.01)
        over.set()
        scraping.join()
        told += len(answers)
        answers.sort()
        good = min(pages) < PAGE_S and answers[int(len(answers) * 0.99)] < ANSWER_S
        return "" if good else f"pages {pages}, answers {answers[-10:]}"

    good_once(measured)
    wait_until(lambda: service.metrics()[name] == before[name] + told, "every ticket is counted", 30)
