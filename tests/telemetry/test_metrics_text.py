"""The page is written in bulk: it is the one that prometheus_client would have written, sample for sample."""

from __future__ import annotations

import random
import subprocess

import numpy as np
import pytest

from telemetry.events import Event
from telemetry.exporters.family import Family, Labels, of_rows
from telemetry.exporters.prometheus import Pages, negotiated
from telemetry.exporters.text import Text
from telemetry.settings import Channel, Device, Service, Site
from tests.servers import need
from tests.telemetry.metrics_room import ByClient, Room, parsed, samples

NOON_US = 1_795_262_400_000_000
"""21 November 2026, 12:00 UTC."""
MINUTE_US = 60_000_000
ODD = 'a"b\\c\nd%d {x="y"},=\u0e01\u0e33%'
"""What a name can hold that means something on the page."""
SITES = [
    Site(id=site, timezone="UTC", name_th="ศูนย์บริการ", name_en=ODD, province=f"จังหวัด{i}", services=(Service(id="idcard", target_minutes=15),),
         channels=(Channel(id="line"), Channel(id=ODD)), devices=(Device(id="k1"),))
    for i, site in enumerate(("one", "two", "three"))
]  # fmt: skip


def day(site: str, rng: random.Random, n: int = 40) -> list[Event]:
    """Calls, tickets, votes, conversations and complaints of some hours."""
    out: list[Event] = []

    def tell(kind: str, at_us: int, unit: str = "", contact: str = "", **more) -> None:
        out.append(Event(site, f"{site}/x", f"{len(out):06}", kind, at_us, unit, contact, **more))

    for i in range(n):
        t, wait = NOON_US - rng.randrange(1, 300) * MINUTE_US, rng.randrange(1, 900)
        queue, service = rng.choice(("info", ODD)), rng.choice(("idcard", ODD))
        tell("call.entered", t, queue, f"c{i}")
        if rng.random() < 0.8:
            done = t + wait * 100_000
            tell("call.connected", done, queue, f"c{i}", party="agent-1", a=wait * 100, b=rng.randrange(30_000))
            tell("call.completed", done + MINUTE_US, queue, f"c{i}", party="agent-1", a=wait * 100, b=60_000)
        else:
            tell("call.abandoned", t + wait * 100_000, queue, f"c{i}", a=wait * 100)
        tell("ticket.issued", t, service, f"t{i}")
        if i % 3:
            tell("ticket.called", t + wait * 1_000_000, "", f"t{i}", party="counter-1")
            tell("ticket.finished", t + wait * 1_000_000 + MINUTE_US, "", f"t{i}", party="counter-1")
        tell("vote.cast", t, service, a=rng.randrange(1, 6), b=5)
        tell("conversation.opened", t, rng.choice(("line", ODD)), f"k{i}")
        if i % 2:
            tell("conversation.replied", t + wait * 1_000_000, "", f"k{i}", a=0)
        tell("case.opened", t, service, f"p{i}", a=1)
    return [e for e in out if e.time_us <= NOON_US]


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path, SITES, NOON_US)
    for site in SITES:
        room.happen(day(site.id, random.Random(site.id)))
    yield room
    room.journal.close()


@pytest.mark.parametrize("openmetrics", [False, True])
def test_the_page_is_the_one_that_prometheus_client_writes(room, openmetrics):
    page = room.pages.render(room.view(), openmetrics=openmetrics)
    theirs = ByClient(room.pages.families(room.view())).page(openmetrics=openmetrics)
    ours = samples(page, openmetrics=openmetrics)
    assert ours == samples(theirs, openmetrics=openmetrics)
    assert len(ours) > 1000
    assert any(ODD in labels for _, *labels in ours)
    about = [
        [(f.name, f.type, f.documentation) for f in parsed(text, openmetrics=openmetrics)] for text in (page, theirs)
    ]
    assert about[0] == about[1]


def test_a_sample_stands_in_the_same_line_but_for_how_its_number_is_written(room):
    ours, theirs = room.pages.render(room.view()), ByClient(room.pages.families(room.view())).page(openmetrics=False)
    before = [
        [line.rpartition(" ")[0] for line in page.decode().split("\n") if line[:1] != "#"] for page in (ours, theirs)
    ]
    assert before[0] == before[1]


def test_prometheus_finds_nothing_wrong_with_it(room):
    checked = subprocess.run(
        [need("promtool"), "check", "metrics"], input=room.pages.render(room.view()), capture_output=True
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_page_of_sites_that_changed_since_the_last_is_that_of_all_sites_anew(room):
    for i in range(6):
        site = SITES[i % 3].id
        more = [e._replace(id=f"{i}:{e.id}", contact=e.contact and f"{i}:{e.contact}", unit=e.unit and f"{e.unit}{i % 2}")
                for e in day(site, random.Random(i), 15)]  # fmt: skip
        room.happen(more)
        room.now_us += 7 * MINUTE_US
        kept, anew = samples(room.pages.render(room.view())), samples(Pages().render(room.view()))
        assert kept == anew


def test_what_is_made_ready_before_the_page_is_the_page(room):
    room.pages.render(room.view())
    before = room.live.snapshot
    room.happen([e._replace(id=f"more:{e.id}", contact=f"more:{e.contact}") for e in day("two", random.Random(7), 15)])
    room.pages.take_up(lambda: room.live.snapshot)
    kept, anew = samples(room.pages.render(room.view())), samples(Pages().render(room.view()))
    assert kept == anew
    room.pages.take_up(lambda: before)
    assert samples(room.pages.render(room.view())) == anew, "nothing goes back to what was said earlier"


def test_the_next_day_begins_with_no_figures_and_the_counters_go_on(room):
    before = room.page()
    room.now_us += 14 * 3600 * 1_000_000
    room.live.refresh([])
    after, anew = room.page(), samples(Pages().render(room.view()))
    assert after == anew
    assert before["gecc_today_calls_offered", "one"] == 40
    assert after["gecc_today_calls_offered", "one"] == 0
    assert {
        k: (v, after.get(k)) for k, v in before.items() if k[0].endswith(("_total", "_bucket")) and after.get(k, -1) < v
    } == {}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, b"0"), (-0.5, b"-0.5"), (1e300, b"1e+300"), (0.1 + 0.2, b"0.30000000000000004"), (2.0**52, b"4503599627370496"),
     (float("inf"), b"+Inf"), (float("nan"), b"NaN")],
)  # fmt: skip
def test_a_number_loses_nothing(value, shown):
    lines = Text().of(of_rows("x", "gauge", "", Labels(()), [((), value)]), openmetrics=False)[1]
    assert lines == b"x " + shown + b"\n"


def test_thousandths_are_written_as_they_are():
    values = np.array([0, 1, 10, 999, 1000, 123_456_789_012_345])
    labels = Labels(("site",), [(str(i),) for i in range(6)])
    lines = Text().of(
        Family("x", "counter", "", labels, values, np.ones(6, bool), thousandths=True), openmetrics=False
    )[1]
    shown = [line.split()[1] for line in lines.splitlines()]
    assert shown == [b"0.000", b"0.001", b"0.010", b"0.999", b"1.000", b"123456789012.345"]
    assert [float(x) for x in shown] == [v / 1000 for v in values.tolist()]


def test_a_sample_that_goes_away_leaves_no_line():
    text, labels = Text(), Labels(("site",), [("a",), ("b",)])
    both = Family("x", "gauge", "", labels, np.array([1, 2]), np.array([True, True]))
    one = Family("x", "gauge", "", labels, np.array([1, 2]), np.array([False, True]))
    none = Family("x", "gauge", "", labels, np.array([1, 2]), np.array([False, False]))
    assert text.of(both, openmetrics=False)[1] == b'x{site="a"} 1\nx{site="b"} 2\n'
    assert text.of(one, openmetrics=False)[1] == b'x{site="b"} 2\n'
    assert text.of(none, openmetrics=False) == []
    assert text.of(both, openmetrics=False)[1] == b'x{site="a"} 1\nx{site="b"} 2\n'


@pytest.mark.parametrize(
    ("accept", "openmetrics", "content_type"),
    [
        ("", False, "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", True,
         "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("application/openmetrics-text;version=1.0.0;escaping=dots", True,
         "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", False,
         "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
    ],
)  # fmt: skip
def test_a_scraper_gets_the_form_that_it_asks_for(accept, openmetrics, content_type):
    assert negotiated(accept) == (openmetrics, content_type)
