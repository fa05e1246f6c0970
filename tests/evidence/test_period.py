"""The period of a pack: what may be asked, and what the seals must hold of it."""

from __future__ import annotations

import json
from datetime import date

import pytest

from telemetry.archive.seal import declared
from telemetry.archive.store import ArchiveError, Store
from telemetry.evidence import asked
from telemetry.evidence.counted import count
from telemetry.evidence.quality_of import quality_of, with_days
from telemetry.evidence.sealed import PeriodError, sealed
from telemetry.evidence.terms import terms_of
from tests.archive.conftest import Room, at, visit
from tests.evidence.conftest import CENTRE, some_days


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (asked.of_fiscal_year("2569"), date(2025, 10, 1), date(2026, 9, 30)),
        (asked.of_quarter("2569/2"), date(2026, 1, 1), date(2026, 3, 31)),
        (asked.of_month("2569-02"), date(2026, 2, 1), date(2026, 2, 28)),
        (asked.of_month("2026-02"), date(2026, 2, 1), date(2026, 2, 28)),
        (asked.of_last_days(date(2026, 3, 31)), date(2026, 1, 1), date(2026, 3, 31)),
        (asked.of_span("2026-03-01", "2026-03-02"), date(2026, 3, 1), date(2026, 3, 1)),
    ],
)
def test_a_period_is_the_days_that_its_words_mean(period, first, last):
    assert (period.first, period.last) == (first, last)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (asked.of_fiscal_year, "2026"), (asked.of_fiscal_year, "69"), (asked.of_fiscal_year, "๒๕๖๙"), (asked.of_quarter, "2569/5"),
        (asked.of_quarter, "2569"), (asked.of_month, "2569-13"), (asked.of_month, "มี.ค."), (asked.of_month, ""),
    ],
)  # fmt: skip
def test_words_that_could_mean_two_things_are_refused_with_an_example(ask, text):
    with pytest.raises(ValueError, match=r"^--[a-z-]+: expected .* such as 2569"):
        ask(text)


@pytest.mark.parametrize(("first", "last"), [("2026-03-01", None), (None, "2026-03-01"), ("2026-03-02", "2026-03-02"), ("1 Mar", "2026-03-02")])  # fmt: skip
def test_a_span_needs_two_days_one_after_the_other(first, last):
    with pytest.raises(ValueError, match=r"--(from|to)"):
        asked.of_span(first, last)


def test_holidays_and_service_days_of_a_period_are_told():
    days = [(date(2026, 3, d), json.loads(declared(CENTRE, date(2026, 3, d)))) for d in range(2, 20)]
    period = with_days(asked.of_month("2026-03"), terms_of(days), "th")
    assert period.service_days == 21
    assert [(h.day, h.name) for h in period.holidays] == [(date(2026, 3, 3), "วันมาฆบูชา")]


# -- what the seals hold


def test_days_that_are_not_sealed_are_listed_and_a_provisional_pack_knows_them(centre):
    with pytest.raises(PeriodError, match="not sealed yet: 2026-03-07 to 2026-03-08; --provisional"):
        sealed(centre.store, "lab", date(2026, 3, 2), date(2026, 3, 8))
    found = sealed(centre.store, "lab", date(2026, 3, 2), date(2026, 3, 8), provisional=True)
    assert [d.day for d in found.unsealed] == [7, 8]


def test_a_period_that_began_before_the_centre_had_data_is_no_provisional_one(centre):
    found = sealed(centre.store, "lab", date(2026, 2, 27), date(2026, 3, 6))
    assert (found.first.day, found.unsealed) == (27, [])
    (said,) = [n for n in quality_of(found, "en").notes if "begin on" in n]
    assert "2026-03-02" in said


def test_a_period_without_any_sealed_day_is_refused_even_provisionally(centre):
    with pytest.raises(PeriodError, match="none of the days"):
        sealed(centre.store, "lab", date(2025, 1, 1), date(2025, 1, 2), provisional=True)
    with pytest.raises(PeriodError, match="no day is sealed yet"):
        sealed(centre.store, "other", date(2026, 3, 2), date(2026, 3, 3))


@pytest.mark.parametrize("name", ["events.parquet", "contacts.parquet", "gaps.json", "settings.json", "checkpoint.txt"])
def test_a_tampered_file_of_a_sealed_day_is_named(tmp_path, name):
    room = Room(tmp_path / "data")
    some_days(room, days=(2, 3))
    room.seal(at(7), sites=(CENTRE,))
    path = room.store.days("lab")[0].folder / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"2026-03-02", b"2026-03-12") if name == "checkpoint.txt" else content[:-1] + b"?")
    with pytest.raises(ArchiveError, match=r"2026-03-0[23]"):
        sealed(Store(room.data), "lab", date(2026, 3, 2), date(2026, 3, 3))
    room.journal.close()


def test_figures_are_those_of_what_was_sealed_and_not_of_what_came_later(tmp_path):
    room = Room(tmp_path / "data")
    some_days(room, days=(2, 3))
    room.seal(at(7), sites=(CENTRE,))
    room.take(visit(2, 70), at(8))

    def issued():
        return count(sealed(room.store, "lab", date(2026, 3, 2), date(2026, 3, 3))).summary()["tickets_issued"][
            "counted"
        ]

    assert issued() == [12, 12, 12]
    room.seal(at(8, 1), sites=(CENTRE,))
    assert issued() == [13, 13, 13]
    room.journal.close()


def test_the_rules_are_those_that_were_sealed(centre):
    found = sealed(centre.store, "lab", date(2026, 3, 2), date(2026, 3, 4))
    for name in ("hours", "services", "min_n", "fcr_window_s", "name_th", "timezone"):
        assert getattr(found.site, name) == getattr(CENTRE, name), name
