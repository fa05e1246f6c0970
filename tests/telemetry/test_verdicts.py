"""What a figure is judged by: the target in force, enough contacts, and enough of the time told of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from kpis.results import KPIS, verdict
from telemetry.config import Service, Site
from telemetry.events import Decoded, Event, Gap
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from telemetry.settings import Change
from telemetry.verdicts import targets_in

RATE = "ticket_wait_within_target_rate"
SITE = Site(
    id="bkk",
    services=(Service(id="idcard", target_minutes=10),),
    hours={"mon-fri": "08:30-16:30"},
    targets={RATE: 0.9},
    changes=(
        Change(since=date(2026, 11, 20), why="order 12/2569", targets={RATE: 0.8}),
        Change(since=date(2026, 11, 18), why="order 11/2569", targets={RATE: 0.7, "satisfaction_rate": 0.9}),
        Change(since=date(2026, 11, 24), targets={RATE: 0.6}),
    ),
)


def us(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=ZoneInfo("Asia/Bangkok")).timestamp() * 1e6)


def day(n: int) -> int:
    """First local quarter of a day of November 2026."""
    return (date(2026, 11, n) - date(1970, 1, 1)).days * 96


@pytest.mark.parametrize(
    ("first", "last", "values"),
    [
        (17, 18, [0.9]),
        (17, 19, [0.9, 0.7]),
        (18, 19, [0.7]),
        (18, 20, [0.7]),
        (19, 21, [0.7, 0.8]),
        (1, 30, [0.9, 0.7, 0.8, 0.6]),
        (25, 30, [0.6]),
    ],
)
def test_a_target_is_in_force_from_its_day_on(first, last, values):
    assert [t.value for t in targets_in(KPIS[RATE], SITE, day(first), day(last))] == values


def test_the_standards_number_holds_until_a_centre_declares_another():
    kpi = KPIS["satisfaction_rate"]
    assert [t.value for t in targets_in(kpi, SITE, day(10), day(11))] == [kpi.target]
    assert [(t.value, t.since) for t in targets_in(kpi, SITE, day(10), day(19))] == [
        (kpi.target, None),
        (0.9, date(2026, 11, 18)),
    ]


def journal(folder, days, gaps=(), n=40):
    """Tickets called in time on these days, the last at 16:30."""
    opened = Journal(folder)
    opened.ensure(["bkk", "idcard"])
    events = []
    for d in days:
        for i in range(n):
            at = us(f"{d:02} 16:30") - (n - i) * 60_000_000
            for j, kind in enumerate(("ticket.issued", "ticket.called")):
                events.append(
                    Event("bkk", "bkk/k", f"{d:02}:{2 * i + j:06}", kind, at + j * 60_000_000, "idcard", f"A{i}")
                )
    opened.commit([Unit("mqtt", Decoded(events, gaps=list(gaps)), us("25 00:00"))])
    opened.close()
    return JournalReader(folder)


def row(of, first, last, site=SITE, by="total"):
    rows = [r for r in query(of, site, f"2026-11-{first:02}", f"2026-11-{last:02}", by=by) if r["kpi"] == RATE]
    return rows[0] if by == "total" else rows


def test_a_row_says_the_target_of_its_last_day_and_all_that_were_in_force(tmp_path):
    of = journal(tmp_path, [17, 18, 19, 20])
    r = row(of, 17, 21)
    assert (r["target"], r["target_since"]) == (0.8, "2026-11-20")
    assert r["targets"] == [
        {"since": None, "value": 0.9, "why": ""},
        {"since": "2026-11-18", "value": 0.7, "why": "order 11/2569"},
        {"since": "2026-11-20", "value": 0.8, "why": "order 12/2569"},
    ]
    r = row(of, 17, 18)
    assert (r["target"], r["target_since"], "targets" in r) == (0.9, None, False)


def test_a_silent_day_lowers_the_coverage_and_leaves_the_verdict_open(tmp_path):
    of = journal(tmp_path, [17, 18, 20])
    assert [(r["coverage"], r["verdict"]) for r in (row(of, 17, 19), row(of, 17, 21))] == [
        (1, "met"),
        (0.75, "insufficient_data"),
    ]
    patient = replace(SITE, min_coverage=0.75)
    assert row(of, 17, 21, patient)["verdict"] == "met"


def test_a_recorded_gap_lowers_the_coverage(tmp_path):
    of = journal(tmp_path, [17, 18], [Gap("bkk", "bkk/k", "silence", us("17 08:30"), us("17 09:30"))])
    r = row(of, 17, 18)
    assert (r["coverage"], r["verdict"]) == (0.875, "insufficient_data")


def test_an_hour_has_the_coverage_of_its_day(tmp_path):
    of = journal(tmp_path, [17, 18], [Gap("bkk", "bkk/k", "silence", us("17 08:30"), us("17 09:30"))])
    hours = [r["coverage"] for r in row(of, 17, 18, by="hour") if r["n"]]
    assert set(hours) == {0.875}


def test_where_nothing_is_expected_nothing_is_known_and_nothing_stands_in_the_way(tmp_path):
    of = journal(tmp_path, [21, 22])  # a weekend
    r = row(of, 21, 23)
    assert (r["coverage"], r["verdict"]) == (None, "met")


def test_fewer_contacts_than_the_site_wants_are_not_enough(tmp_path):
    of = journal(tmp_path, [17], n=20)
    assert row(of, 17, 18)["verdict"] == "insufficient_data"
    assert row(of, 17, 18, replace(SITE, min_n=20))["verdict"] == "met"


def test_coverage_decides_only_where_it_is_known():
    kpi = KPIS[RATE]
    for coverage, said in ((0.94, "insufficient_data"), (0.95, "met"), (np.nan, "met")):
        assert verdict(kpi, 0.9, 30, 0.8, min_n=30, coverage=coverage, min_coverage=0.95) == said
