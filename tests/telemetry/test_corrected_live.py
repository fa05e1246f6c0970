"""A correction takes its effect at once where figures are kept in memory or elsewhere: live figures, InfluxDB, the pages."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kpis.columns import DAY_US, QUARTERS_A_DAY
from kpis.cube import within
from kpis.results import GROUPS
from telemetry.drill_view import contact_view
from telemetry.events import VOIDED, Decoded, Event, canonical_json
from telemetry.figures import query, rows_of
from telemetry.journal import Unit
from telemetry.live import day_of
from telemetry.voided import source_of
from telemetry.web.drill_page import contact_page
from tests.kpis import worlds
from tests.telemetry.influxdb_room import NOON_US, SITE, tickets
from tests.telemetry.influxdb_room import Room as Store
from tests.telemetry.influxdb_room import same as points_are_the_figures
from tests.telemetry.test_live import BANGKOK, HOUR_US, MIDNIGHT_US, MINUTE_US, World, turn

OF_SOURCES = {kpi.name for kpi in GROUPS["presence"]}
BY, WHY = "หัวหน้าช่องบริการ", "พิมพ์ซ้ำ <b>"
SAID = canonical_json({"by": BY, "why": WHY, "at": "2026-11-21T00:00:00.000000Z", "signature": "x"})


def void_of(journal, seq, name=None):
    e = journal.event(seq)
    name = name or f"void-{seq}-{journal.ends()[0]}"
    return Event(e.site, source_of(e.site), name, VOIDED, e.time_us, e.unit, e.contact, a=seq, extra=SAID)


def commit(world, *events):
    for e in events:
        world.live.add(world.journal.commit([Unit(e.source, Decoded([e]), world.clock.us)]).columns)


def said_live(world, day):
    code = world.live.codes["bkk"]
    quarters = day * QUARTERS_A_DAY, (day + 1) * QUARTERS_A_DAY
    cube = within(world.live.snapshot.sites[code], quarters)
    return {r["kpi"]: r for r in rows_of(cube, BANGKOK, quarters, by="total", names=world.journal.names)}


def same(world, day):
    live = said_live(world, day)
    asked = {
        r["kpi"]: r
        for r in query(world.journal, BANGKOK, f"{day_of(day)}", f"{day_of(day + 1)}", now_us=world.clock.us)
    }
    names = [k for k in asked if k not in OF_SOURCES]
    assert [(k, live[k]["value"], live[k]["n"]) for k in names] == [
        (k, asked[k]["value"], asked[k]["n"]) for k in names
    ]
    return asked["tickets_issued"]["value"]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "data", MIDNIGHT_US + 10 * HOUR_US)
    yield made
    made.stop()


def test_voids_adds_and_what_is_taken_back_are_in_the_next_figures_of_today_and_yesterday(world):
    today = world.live.snapshot.today[world.live.codes["bkk"]]
    for n in range(6):
        world.ticket("bkk", world.clock.us - (n % 3) * HOUR_US - (n // 3) * DAY_US)
    turn(world)
    assert (same(world, today), same(world, today - 1)) == (3, 3)
    commit(world, void_of(world.journal, 1), void_of(world.journal, 7))
    turn(world)
    assert (same(world, today), same(world, today - 1)) == (2, 2)
    by_hand = Event("bkk", "bkk/by-hand", "a", "ticket.issued", world.clock.us - MINUTE_US, "idcard", "H1", extra=SAID)
    commit(world, by_hand)
    turn(world)
    assert same(world, today) == 3
    commit(world, void_of(world.journal, 13))
    turn(world)
    assert same(world, today) == 4  # the void of the first is void
    world.stop()
    world.start()
    assert (same(world, today), same(world, today - 1)) == (4, 2)


def test_an_event_and_its_void_may_come_at_once_and_in_between_others(world):
    today = world.live.snapshot.today[world.live.codes["bkk"]]
    world.ticket("bkk", world.clock.us - HOUR_US)
    commit(world, void_of(world.journal, 1))
    world.ticket("bkk", world.clock.us - HOUR_US)
    turn(world)
    assert same(world, today) == 1
    world.ticket("bkk", world.clock.us - HOUR_US)
    turn(world)
    assert same(world, today) == 2


def test_a_conversation_that_began_long_ago_and_was_none_leaves_the_backlog(world):
    code = world.live.codes["bkk"]
    opened = Event("bkk", "bkk/crm", "c", "case.opened", world.clock.us - 40 * DAY_US, "tax", "case-1", a=1)
    commit(world, opened)
    world.stop()
    world.start()
    cubes = [block.measure("complaints") for block in world.live.snapshot.matters[code].blocks.values()]
    assert sum(int(v.sum()) for v in cubes if v is not None) == 1
    commit(world, void_of(world.journal, 1))
    turn(world)
    assert not world.live.snapshot.matters[code].blocks


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_in_whatever_order_live_says_what_the_journal_says(world, seed):
    dice = random.Random(seed)
    today = world.live.snapshot.today[world.live.codes["bkk"]]
    for _ in range(12):
        for _ in range(dice.randrange(4)):
            world.ticket(dice.choice(["bkk", "ldn"]), world.clock.us - dice.randrange(30) * HOUR_US)
        last = world.journal.ends()[0]
        for seq in dice.sample(range(1, last + 1), min(last, dice.randrange(3))):
            commit(world, void_of(world.journal, seq))  # a void too; one that is void already changes nothing
        if dice.random() < 0.15:
            world.stop()
            world.start()
        world.clock.us += MINUTE_US
        turn(world)
        same(world, today)
        same(world, today - 1)


# -- InfluxDB


def test_points_follow_a_void_also_to_the_days_that_what_was_voided_stood_on(tmp_path):
    store = Store(tmp_path, [SITE], NOON_US + DAY_US)
    due_us = NOON_US - 5 * DAY_US
    store.commit(*tickets(0, 6), *tickets(10, 4, NOON_US - 9 * DAY_US))
    store.commit(
        Event("bkk", "bkk/crm", "o1", "case.opened", NOON_US - 30 * DAY_US, "tax", "c1", a=1, b=due_us // 1000),
        Event("bkk", "bkk/crm", "o2", "case.opened", NOON_US - 29 * DAY_US, "tax", "c2", a=1, b=due_us // 1000),
    )
    store.settle()
    points_are_the_figures(store, 3)
    for seq in (1, 14, 21):
        store.commit(void_of(store.journal, seq))
        store.settle()
        points_are_the_figures(store, 3)
    store.commit(void_of(store.journal, 23))
    store.settle()
    points_are_the_figures(store, 3)
    store.close()


@settings(deadline=None, max_examples=5, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(st.data())
def test_after_any_stream_of_events_and_voids_the_points_are_the_figures(tmp_path_factory, data):
    world = data.draw(worlds.worlds())
    dice = random.Random(data.draw(st.integers(0, 2**32)))
    likely = [e for e in world.events if not e.type.startswith("call.") or max(e.a, e.b) < 40_000_000]
    events = [e._replace(id=f"{i:06}") for i, e in enumerate(likely)]
    end_us = max((e.time_us for e in events), default=NOON_US)
    store = Store(
        tmp_path_factory.mktemp("store"), world.sites, end_us - dice.choice([0, DAY_US // 3, DAY_US, 4 * DAY_US])
    )
    try:
        while events:
            store.commit(*events[: (n := dice.randrange(1, 12))])
            events = events[n:]
            last = store.journal.ends()[0]
            for seq in dice.sample(range(1, last + 1), min(last, dice.randrange(3))):
                store.commit(void_of(store.journal, seq))
            for _ in range(dice.randrange(12)):
                store.mono += store.exporter.step() + dice.choice([0, 10, 100])
            store.pass_time(dice.choice([0, MINUTE_US, HOUR_US]))
        store.now_us = max(store.now_us, end_us) + dice.choice([0, HOUR_US, DAY_US, 9 * DAY_US])
        for _ in range(2):
            store.settle()
            store.pass_time(DAY_US)
        store.settle()
        points_are_the_figures(store)
    finally:
        store.close()


# -- the page of a contact


def test_a_voided_event_is_shown_struck_with_who_and_why(world):
    world.ticket("bkk", world.clock.us - HOUR_US)
    again = world.journal.event(1)._replace(id="again", time_us=world.clock.us - HOUR_US + MINUTE_US)
    commit(world, again, void_of(world.journal, 1, "x"))
    commit(world, void_of(world.journal, world.journal.ends()[0], "y"))  # by mistake: taken back
    commit(world, void_of(world.journal, 3, "z"))
    by_hand = Event("bkk", "bkk/by-hand", "f", "ticket.finished", world.clock.us, "", "A1", "2", a=1, extra=SAID)
    commit(world, by_hand)
    for key in (1, 3, 7):
        view = contact_view(world.journal, BANGKOK, key, now_us=world.clock.us, lang="th")
        assert [(e["seq"], e["voided"], e["by"]) for e in view["events"]] == [
            (1, False, ""), (3, True, BY), (2, False, ""), (7, False, BY),
        ]  # fmt: skip
        assert view["name"] == "A1"
    page = contact_page(BANGKOK, view, "th")
    assert page.count("<del>") == 1
    assert all(f"#{seq}<" in page for seq in (1, 2, 3, 7))  # what `gecc correct void` takes
    assert page.count(BY) == 2
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "เจ้าหน้าที่บันทึกเอง" in page
    void = contact_view(world.journal, BANGKOK, 6, now_us=world.clock.us, lang="th")
    assert [(e["type"], e["by"], e["numbers"]) for e in void["events"]] == [(VOIDED, BY, {"seq": 3})]
