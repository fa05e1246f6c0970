"""The second reading of days and presence against the core: on a week of the simulated centre, on a real telephone day in
small as two logs tell it, and at centres that are open round the clock or whose clocks change at midnight."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.config import Service, Site
from telemetry.settings import Window
from tests.kpis import worlds_days
from tests.kpis.kept import Gap, Kept, Told
from tests.kpis.second_reading import all as oracle
from tests.kpis.second_reading import days, presence
from tests.kpis.simulated import SITE, week
from tests.kpis.test_properties import agree, by_place, everything, plain, results
from tests.kpis.test_second_reading_calls import two_logs
from tests.kpis.worlds import S, World, cube, names_of

OURS = {**days.KPIS, **presence.KPIS}
HOUR_US = 3600 * S
ROUND_THE_CLOCK = Site(
    id="bangrak",
    hours={"mon-fri": "00:00-24:00"},
    lunch="12:00-12:30,12:30-13:00,23:30-24:00",
    windows=(
        Window(id="early", days="sat,sun", hours="00:00-12:00", on_holidays=True),
        Window(id="all", days="sat,sun", hours="00:00-24:00"),
    ),
    services=(Service(id="tax"),),
)
HAVANA = Site(
    id="havana",
    timezone="America/Havana",
    holidays="",
    silent_s=0.0,
    hours={"mon-sun": "00:00-02:00,22:00-24:00"},
    lunch="00:30-01:30",
    windows=(Window(id="noon", days="mon-sun", hours="11:30-12:00,12:30-13:00"),),
)
CAIRO = Site(id="cairo", timezone="Africa/Cairo", services=(Service(id="idcard"), Service(id="tax")))
SITES = (ROUND_THE_CLOCK, HAVANA, CAIRO)
STARTS = (
    1_773_037_800 * S,  # 2026-03-09: a Monday, the day after Havana's clocks went forward at midnight
    1_775_800_000 * S,  # 2026-04-10: days of holidays in Bangkok
    1_776_970_000 * S,  # 2026-04-23: the eve of Cairo's clocks going forward at midnight
    1_793_307_300 * S,  # 2026-10-29: the eve of their going back at midnight, and Havana's after that
)
slow = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


@st.composite
def whole_days(draw):
    start_us = draw(st.sampled_from(STARTS))
    events = [e for site in SITES for rows in draw(worlds_days.days_of(start_us, site)) for e in rows]
    events.sort(key=lambda e: e.time_us)
    kept = draw(worlds_days.kept(start_us, SITES, events))
    return World(tuple(worlds_days.seen(events, kept)), SITES, kept)


def same(world):
    """The values of the core, which are those of the second reading in total, at each place and in each quarter."""
    names, contacts, of = names_of(world), oracle.read(world.events, world.sites, world.kept), cube(world)

    def compare(rows, found, where):
        agree({name: row for name, row in rows.items() if name in OURS}, found, where)

    total = everything(of)
    compare(total, contacts, "total")
    for place, rows in by_place(of, names.texts).items():
        compare(rows, contacts.where(lambda c, at=place: (c.by, c.site, c.unit) == at), place)
    quarters, rows = results(of, lambda block: block.quarter)
    for i, quarter in enumerate(quarters):
        here = contacts.where(lambda c, q=quarter: c.quarter == q)
        compare({name: plain(rows[name], i) for name in OURS}, here, quarter)
    return total


@pytest.fixture(scope="module")
def simulated():
    """A week of which a kiosk and a button lost hours, a log its Tuesday, with an evening that is served and one that is not."""
    site = replace(SITE, windows=(Window(id="evening", days="mon,wed", hours="16:00-17:00"), Window(id="late", days="mon-fri", hours="20:00-20:30")))  # fmt: skip
    events = week().events
    first = {}
    for e in events:
        first.setdefault((e.source, worlds_days.kind_of(e)), e.time_us)
    tuesday = (events[0].time_us // (24 * HOUR_US) + 1) * 24 * HOUR_US  # at 7 in the morning
    noon = tuesday - 19 * HOUR_US
    return World(
        tuple(e for e in events if not (e.source == "pbx" and tuesday <= e.time_us < tuesday + 12 * HOUR_US)),
        (site,),
        Kept(
            told=tuple(Told(site.id, *place, us) for place, us in first.items()),
            gaps=(Gap(site.id, "demo/kiosk-1", noon, noon + 2 * HOUR_US, 7), Gap(site.id, "demo/button-1", noon + HOUR_US, noon + 40 * HOUR_US, 0)),
        ),
    )  # fmt: skip


def test_a_simulated_week_says_the_same_of_its_days_and_sources_to_both_readings(simulated):
    total = same(simulated)
    for name in ("lunch_covered_rate", "contacts", "visitors_per_day", "services_used_rate", "sequence_missing"):
        assert total[name][0] > 0, name
    for name in ("completeness_rate", "coverage_calls_rate", "coverage_votes_rate", "window_days_served_rate"):
        assert 0 < total[name][0] < 1, name


def test_a_real_telephone_day_says_the_same_of_its_days_and_sources_to_both_readings():
    world, site = two_logs()
    gap = Gap(site.id, "bangrak-log", world.events[0].time_us, world.events[-1].time_us, 0)
    total = same(replace(world, kept=Kept(gaps=(gap,))))
    assert total["coverage_calls_rate"][0] == 1, "what one log misses the other one tells"


@slow
@given(whole_days())
def test_round_the_clock_and_over_changes_of_clocks_days_say_the_same_to_both_readings(world):
    same(world)
