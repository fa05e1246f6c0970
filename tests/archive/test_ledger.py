"""The ledger of gaps: what was missing, late, refused or repeated on a day is told, and nothing else."""

from __future__ import annotations

import pytest

from telemetry.config import Device, Site
from telemetry.events import Decoded, Event, Gap, Rejected
from telemetry.journal import Unit
from telemetry.ledger import KINDS, Ledger
from tests.archive.conftest import LAB, at, day, visit


def of(room, number, site=LAB):
    return Ledger(room.journal)(site, day(number))


def kinds(rows):
    return {row["kind"] for row in rows}


def test_a_day_on_which_all_was_well_has_nothing_but_its_coverage(room):
    for hour in range(24):
        room.take(visit(2, 0, hour=hour))
    room.take(visit(3, 0))
    rows = of(room, 2)
    assert kinds(rows) <= {"coverage", "silence"}
    assert all(0 <= row["covered_ms"] <= row["expected_ms"] for row in rows if row["kind"] == "coverage")


def test_a_gap_is_told_on_every_day_that_it_touches_and_at_its_site_only(room):
    gap = Gap("lab", "lab/pbx", "truncated", at(2, 23), at(3, 1), "rotated while away")
    other = Gap("other", "other/pbx", "damaged", at(2, 12), at(2, 12), "")
    room.journal.commit([Unit("lab/pbx", Decoded(gaps=[gap, other]), at(3, 2))])
    room.take(visit(2, 0))
    told = {"kind": "truncated", "source": "lab/pbx", "from_us": at(2, 23), "to_us": at(3, 1), "detail": "rotated while away"}  # fmt: skip
    for number, there in ((1, False), (2, True), (3, True), (4, False)):
        assert (told in of(room, number)) is there
        assert "damaged" not in kinds(of(room, number))


def test_refused_records_are_counted_by_source_and_reason(room):
    bad = [Rejected("malformed_line", "line 7", b"x", "lab", "lab/pbx")] * 3
    room.journal.commit([Unit("lab/pbx", Decoded(rejected=bad), at(2, 10))])
    room.take(visit(2, 0))
    rejected = [row for row in of(room, 2) if row["kind"] == "rejected"]
    assert rejected == [{"kind": "rejected", "source": "lab/pbx", "n": 3, "detail": "malformed_line"}]
    assert "rejected" not in kinds(of(room, 3))


def test_late_and_repeated_events_are_told_on_the_day_that_they_came(room):
    room.take(visit(2, 0), at(3, 12))
    room.take(visit(2, 0), at(3, 13))
    rows = {row["kind"]: row for row in of(room, 3) if row["kind"] in ("late", "repeated")}
    assert rows["late"]["n"] == rows["repeated"]["n"] == 5
    assert rows["late"]["detail"] == "up to 172800 s"  # 26 h and some, in whole days
    assert not {"late", "repeated"} & kinds(of(room, 2))


def test_callers_who_reached_no_queue_are_told_by_queue(room):
    refused = Event("lab", "lab/pbx", "1", "call.turned_away_full", at(2, 10), "idcard", "c1")
    room.take([refused, refused._replace(id="2", contact="c2")])
    told = [row for row in of(room, 2) if row["kind"] == "turned_away"]
    assert told == [{"kind": "turned_away", "source": "", "unit": "idcard", "n": 2, "detail": "turned_away_full"}]


def test_a_device_that_was_silent_in_service_hours_is_told_with_how_long(room):
    site = Site(id="lab", hours={"mon-fri": "08:30-16:30"}, devices=(Device(id="kiosk", kind="kiosk"),))
    for number in range(3):
        room.take(visit(2, number))  # 2026-03-02 is a Monday; from nine on, then nothing more
    room.take(visit(4, 0))
    rows = of(room, 2, site) + of(room, 4, site)
    coverage = [row for row in rows if row["kind"] == "coverage"]
    silence = [row for row in rows if row["kind"] == "silence"]
    assert coverage
    for row in coverage:
        missing = [s["n"] for s in silence if s["source"] == row["source"]]
        assert row["covered_ms"] == row["expected_ms"] or row["expected_ms"] - row["covered_ms"] in missing


@pytest.mark.parametrize("number", [2, 3])
def test_rows_come_in_one_order_and_are_of_the_kinds_that_we_name(room, number):
    room.take(visit(2, 0), at(3, 12))
    bad = [Rejected("malformed_line", "", b"x", "lab", "lab/pbx"), Rejected("bad_time", "", b"x", "lab", "lab/pbx")]
    room.journal.commit([Unit("lab/pbx", Decoded(rejected=bad), at(2, 10))])
    rows = of(room, number)
    assert rows == of(room, number)
    assert [KINDS.index(row["kind"]) for row in rows] == sorted(KINDS.index(row["kind"]) for row in rows)


def test_a_site_of_which_nothing_is_known_has_no_rows(room):
    assert of(room, 2, Site(id="other")) == []
