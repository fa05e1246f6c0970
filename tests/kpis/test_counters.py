"""Counters, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kpis.results import facts_of
from kpis.staff import counter_hours
from telemetry.events import EVENT_TYPES, Event
from tests.kpis import worlds
from tests.kpis.made import SITE, T0, figures, ticket
from tests.kpis.worlds import S, World, names_of

DAY, HOUR = 86_400, 3_600_000


def words(text, counter="c1", site=SITE, start=T0):
    """`0 opened, 600 closed` of one counter."""
    said = (step.split() for step in text.split(","))
    return [Event(site.id, "hall", "", f"counter.{w}", (start + float(t)) * S, party=counter) for t, w in said]


def at(counter, events):
    return [e._replace(party="" if e.type == "ticket.issued" else counter) for e in events]


LATER = [Event(SITE.id, "kiosk", "", "device.heartbeat", (T0 + 2 * DAY) * S, party="kiosk")]
"""Something of another day, so that the days before are over."""


@pytest.mark.parametrize(
    ("name", "code"), [("counter.opened", counter_hours.OPENED), ("counter.closed", counter_hours.CLOSED)]
)
def test_a_code_is_that_of_the_vocabulary(name, code):
    assert EVENT_TYPES[name].code == code


def test_a_counter_is_open_from_its_word_to_its_word():
    f = figures(words("0 opened, 3600 closed, 7200 opened, 9000 closed") + words("60 opened, 120 closed", "c2") + LATER)
    assert f.counter_open_told_ms == 3_600_000 + 1_800_000 + 60_000
    c2 = figures(words("0 opened, 60 closed") + words("60 opened, 120 closed", "c2") + LATER, unit="c2")
    assert (c2.counter_open_told_ms, len(c2.cells)) == (60_000, 1)


def test_open_time_is_cut_where_local_quarters_begin():
    assert len(figures(words("600 opened, 2000 closed") + LATER, unit="c1").cells) == 3  # 10:10 to 10:33:20


def test_a_counter_left_open_was_open_until_its_last_word_or_work_of_the_day():
    work = at("c1", ticket("600 issued, 1200 called, 1260 started, 1800 finished"))
    f = figures(words("0 opened") + work + LATER)
    assert (f.counter_open_told_ms, f.counters_never_closed) == (1_800_000, 1)


def test_a_counter_left_open_without_any_work_was_not_open():
    f = figures(words("0 opened") + LATER)
    assert (f.counter_open_told_ms, f.counters_never_closed, f.measures["counter_openings"]) == (0, 1, 1)


def test_no_counter_stays_open_over_midnight():
    f = figures(words("0 opened, 86400 closed") + at("c1", ticket("0 issued, 60 called, 90 finished")) + LATER)
    assert (f.counter_open_told_ms, f.counters_never_closed, f.counter_closed_unopened) == (90_000, 1, 1)


def test_on_the_day_of_the_latest_data_an_open_counter_is_open_until_then():
    f = figures([*words("0 opened"), LATER[0]._replace(time_us=(T0 + 3000) * S)])
    assert (f.counter_open_told_ms, f.counters_never_closed) == (3_000_000, 0)


def test_a_cut_off_that_is_given_comes_before_the_latest_data():
    world = World(tuple(words("0 opened") + LATER), (SITE,))
    names = names_of(world)
    rules, zones = worlds.rules_and_zones(world, names)
    rules = replace(rules, as_of_us={names.code(SITE.id): (T0 + 60) * S})
    told = facts_of(worlds.columns_of(world.events, names), rules, zones)["counters"]
    assert np.sum(told.counts["counter_open_told_ms"]) == 60_000


def test_words_that_contradict_each_other_are_counted_and_change_nothing():
    f = figures(words("0 closed, 60 opened, 90 opened, 120 closed, 180 closed, 240 closed") + LATER)
    assert f.counter_open_told_ms == 60_000
    assert (f.counter_closed_unopened, f.counter_opened_twice, f.counter_closed_twice) == (1, 1, 2)


def test_work_at_a_counter_that_said_it_was_closed_is_counted_the_edges_are_open():
    events = words("60 opened, 120 closed")
    events += at("c1", ticket("0 issued, 60 called, 90 recalled, 120 started, 121 finished"))
    events += at("c2", ticket("0 issued, 1 called, 2 finished", "A002"))  # tells of no day: not known
    f = figures(sorted(events + LATER, key=lambda e: e.time_us))
    assert f.counter_work_while_closed == 1
    assert figures(events[::-1]).counter_work_while_closed == 1


def test_quarters_at_work_are_inferred_and_stand_beside_what_is_told():
    told = words("0 opened, 3600 closed") + at("c1", ticket("0 issued, 60 called, 100 finished"))
    silent = at("c2", ticket("0 issued, 899 called, 901 recalled, 1800 finished", "A002"))
    f = figures(told + silent + LATER)
    assert (f.counter_active_quarters, f.counter_active_quarters_untold) == (3, 2)
    assert f.counter_open_told_ms == HOUR


def test_each_counter_has_its_own_part_of_a_ticket():
    events = at("c1", ticket("0 issued, 100 called, 110 started, 200 transferred tax"))
    events += at("c2", ticket("300 called, 310 started, 320 held, 400 started, 450 finished"))
    c1, c2 = (figures(events, unit=name) for name in ("c1", "c2"))
    assert (c1.counter_service_seconds_mean, c1.counter_tickets_finished) == (90, 0)
    assert (c2.counter_service_seconds_mean, c2.counter_tickets_finished) == (60, 1)
    assert c1.counter_start_not_pressed_rate == c2.counter_start_not_pressed_rate == 0


def test_an_end_that_names_no_counter_belongs_to_the_one_that_began():
    events = at("c1", ticket("0 issued, 100 called, 110 started, 200 finished"))
    f = figures([*events[:-1], events[-1]._replace(party="")], unit="c1")
    assert (f.counter_tickets_finished, f.counter_service_seconds_mean) == (1, 90)
    nobody = [e._replace(party="") for e in events]
    f = figures(nobody)
    assert (f.counter_tickets_finished, f.tickets_finished_counter_unnamed, f.counter_service_seconds_mean) == (
        0,
        1,
        None,
    )


def test_a_service_whose_end_was_forgotten_has_no_time():
    f = figures(at("c1", ticket("0 issued, 100 called, 110 started, 14511 finished")))
    assert (f.counter_service_seconds_mean, f.measures["counter_tickets_forgotten"]) == (None, 1)


def test_called_and_never_started_is_counted_where_it_was_called():
    events = at("c1", ticket("0 issued, 100 called, 130 recalled")) + at(
        "c2", ticket("200 called, 210 started, 300 finished")
    )
    c1, c2 = (figures(events, unit=name) for name in ("c1", "c2"))
    assert (c1.counter_tickets_not_started, c1.counter_not_started_rate) == (1, 1)
    assert (c2.counter_tickets_not_started, c2.counter_not_started_rate) == (0, 0)


def test_a_start_that_was_not_pressed_is_no_call_in_vain():
    f = figures(at("c1", ticket("0 issued, 100 called, 300 finished")))
    assert (f.counter_tickets_not_started, f.counter_start_not_pressed_rate, f.counter_service_seconds_mean) == (
        0,
        1,
        200,
    )


def test_load_is_the_work_that_arrived_over_the_time_that_counters_were_open():
    events = words("0 opened, 3600 closed") + words("0 opened, 1800 closed", "c2")
    events += at("c1", ticket("0 issued, 60 called, 960 finished")) + at(
        "c2", ticket("30 issued, 60 called, 960 finished", "A002")
    )
    f = figures(events + LATER)
    assert f.counter_load_told == pytest.approx(1800 / 5400)
    assert f.arrivals_per_open_counter_hour == pytest.approx(2 / 1.5)
    assert f.counter_load_active == pytest.approx(1800 / (4 * 900))
    assert f.arrivals_per_active_counter_hour == pytest.approx(2)


def test_days_on_which_no_counter_told_stay_out_of_its_load_and_idle_days_out_of_the_other():
    told = words("0 opened, 3600 closed") + at("c1", ticket("0 issued, 60 called, 960 finished"))
    untold = at("c1", ticket("0 issued, 60 called, 960 finished", start=T0 + DAY))
    nobody = ticket("0 issued", start=T0 + 3 * DAY)
    f = figures(told + untold + nobody)
    assert (f.arrivals_per_open_counter_hour, f.counter_load_told) == (1, 0.25)
    assert f.measures["tickets_issued_counters_active"] == 2


def test_cover_counts_counters_and_agents_that_served_a_service_in_the_month():
    events = at("c1", ticket("0 issued, 60 called, 90 finished"))
    events += at("c2", ticket("0 issued, 60 called, 90 transferred tax, 120 called, 150 finished", "A002"))
    f = figures(events)
    assert (f.cross_cover_rate, f.measures["services_served_in_month"], f.counter_services_mean) == (0, 2, 1)
    answer = Event(SITE.id, "pbx", "", "call.connected", (T0 + 300) * S, "tax", "call-1", "Boon")
    f = figures([*events, answer])
    assert (f.cross_cover_rate, f.counter_services_mean, f.agent_services_mean) == (0.5, 1, 1)
    assert figures([*events, answer], unit="tax").cross_cover_rate == 1


def test_a_ticket_that_was_called_and_sent_on_shows_no_skill():
    events = at("c1", ticket("0 issued, 60 called, 90 no_show")) + at(
        "c2", ticket("0 issued, 60 started, 90 transferred tax", "A002")
    )
    assert figures(events).cross_cover_rate is None


def test_a_new_month_begins_at_local_midnight():
    january_ends = 1_769_878_800  # 2026-01-31 17:00Z, when February begins in Bangkok
    events = at("c1", ticket("-120 issued, -60 called, -1 finished", start=january_ends))
    events += at("c1", ticket("0 issued, 1 called, 2 finished", start=january_ends))
    assert figures(events).measures["services_served_in_month"] == 2
