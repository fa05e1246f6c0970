"""Periods, figures and words of evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from telemetry.evidence.model import (
    KpiRow,
    Series,
    Target,
    fiscal_quarter,
    fiscal_quarter_of,
    fiscal_year,
    fiscal_year_of,
    last_days,
    month,
)
from telemetry.evidence.wording import Say, thai_digits
from telemetry.ledger import KINDS
from telemetry.text import words
from tests.evidence.sample import CUT_OFF, kpis

TH, EN = Say("th"), Say("en")


def test_the_fiscal_year_of_a_buddhist_year_begins_in_the_october_before():
    period = fiscal_year(2569)
    assert (period.first, period.last, period.days) == (date(2025, 10, 1), date(2026, 9, 30), 365)
    assert fiscal_year(2567).days == 366


def test_quarters_and_months_fill_the_fiscal_year_without_a_gap():
    ends = [fiscal_quarter(2569, q) for q in (1, 2, 3, 4)]
    assert [p.first for p in ends] == [date(2025, 10, 1), date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1)]
    assert ends[-1].last == fiscal_year(2569).last
    assert month(2025, 12).last == date(2025, 12, 31)
    assert month(2024, 2).last == date(2024, 2, 29)
    with pytest.raises(ValueError, match="1 to 4"):
        fiscal_quarter(2569, 5)


def test_a_day_knows_its_fiscal_year_and_quarter():
    assert [
        (fiscal_year_of(d), fiscal_quarter_of(d)) for d in (date(2025, 9, 30), date(2025, 10, 1), date(2026, 1, 1))
    ] == [
        (2568, 4),
        (2569, 1),
        (2569, 2),
    ]


def test_ninety_days_are_ninety_with_the_last_one():
    period = last_days(date(2026, 3, 1), 90)
    assert (period.first, period.days) == (date(2025, 12, 2), 90)


@pytest.mark.parametrize(("n", "unit", "hidden"), [(0, "calls", False), (1, "calls", True), (4, "ratio", True), (5, "ratio", False), (3, "days", False)])  # fmt: skip
def test_one_to_four_people_are_hidden_and_things_are_not(n, unit, hidden):
    row = KpiRow("k", "K", unit, "none", float(n), n)
    assert row.hidden is hidden
    assert (TH.result(row) == "< 5") is hidden


def test_a_hidden_cell_of_a_chart_tells_no_value():
    series = Series("s", (0.25, 0.5, None), (4, 5, 0))
    assert [series.shown(i) for i in range(3)] == [None, 0.5, None]
    assert [series.hides(i) for i in range(3)] == [True, False, False]


def test_dates_are_of_the_buddhist_era_in_thai_and_of_the_common_era_in_english():
    day = date(2025, 11, 20)
    assert TH.day(day) == "20 พฤศจิกายน 2568"
    assert thai_digits(TH.day(day)) == "๒๐ พฤศจิกายน ๒๕๖๘"
    assert EN.day(day) == "20 November 2025"
    assert TH.moment(CUT_OFF) == "20 พฤศจิกายน 2569 เวลา 09.05 น."
    assert EN.moment(CUT_OFF) == "20 November 2026 09:05"
    assert (TH.hour(8), EN.hour(23)) == ("08.00 – 09.00 น.", "23:00 – 00:00")


def test_periods_have_their_official_names():
    assert TH.period(fiscal_year(2569)) == "ปีงบประมาณ พ.ศ. 2569 (1 ตุลาคม 2568 – 30 กันยายน 2569)"
    assert TH.period_name(fiscal_quarter(2569, 2)) == "ไตรมาสที่ 2 ปีงบประมาณ พ.ศ. 2569"
    assert TH.period_name(month(2025, 11)) == "เดือนพฤศจิกายน พ.ศ. 2568"
    assert EN.period_name(month(2025, 11)) == "November 2025"
    assert EN.period_name(fiscal_year(2569)) == "fiscal year 2026 (BE 2569)"
    assert TH.period_name(last_days(date(2026, 3, 1))) == "90 วันล่าสุด"


def test_thai_digits_leave_names_as_they_are():
    assert thai_digits("ร้อยละ 80 ใน 15 นาที ข้อ 20.2") == "ร้อยละ ๘๐ ใน ๑๕ นาที ข้อ ๒๐.๒"
    same = "answered_within_3_rings SHA-256 P90 ISO/IEC-27001 04_raw/calls.csv K7QM-2R4X"
    assert thai_digits(same) == same


def test_targets_are_written_as_an_official_writes_them():
    assert TH.target("ratio", "higher", 0.8) == "ไม่น้อยกว่าร้อยละ 80"
    assert TH.target("ratio", "lower", 0.05) == "ไม่เกินร้อยละ 5"
    assert TH.target("percent", "higher", 80.0, beyond=True) == "มากกว่าร้อยละ 80"
    assert TH.target("seconds", "lower", 1200.0) == "ไม่เกิน 20 นาที"
    assert EN.target("ratio", "lower", 0.055) == "at most 5.5%"
    assert EN.target("ratio", "none", 0.5) == EN.target("ratio", "lower", None) == "not set"


def test_targets_that_changed_are_all_told_with_their_days():
    row = kpis("th")[0]
    assert TH.goal(row) == ["ไม่น้อยกว่าร้อยละ 90", "ไม่น้อยกว่าร้อยละ 92 (ตั้งแต่ 1 ม.ค. 2569)"]
    assert TH.goal(replace(row, targets=())) == ["ไม่ได้กำหนด"]


def test_rounding_never_makes_a_missed_target_look_reached():
    row = KpiRow("k", "K", "ratio", "lower", 0.05004, 19_160, ci_low=0.047, ci_high=0.0532, targets=(Target(0.05),))
    assert (EN.result(row), EN.interval(row)) == ("5.004%", "4.700 – 5.320")
    assert EN.result(replace(row, value=0.05)) == "5.0%"


def test_what_is_not_known_is_no_data_and_never_nought():
    row = KpiRow("k", "K", "ratio", "lower", None, 0)
    assert (TH.result(row), TH.interval(row), TH.verdict(row)) == ("ไม่มีข้อมูล", "–", "–")
    assert EN.value("seconds", float("nan")) == "no data"


def test_durations_and_counts_have_their_units():
    assert [TH.value("seconds", s) for s in (45.0, 74.2, 1200.0, 3725.0)] == ["45 วินาที", "1 นาที 14 วินาที", "20 นาที", "1 ชั่วโมง 2 นาที"]  # fmt: skip
    assert (EN.value("calls", 19160.0), EN.value("number", 4.25, 2)) == ("19,160 calls", "4.25")


def test_both_languages_have_the_same_words():
    th, en = words("th", "evidence"), words("en", "evidence")
    assert th.keys() == en.keys()
    assert all(th[key].strip() and en[key].strip() for key in th)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_gap_has_words(kind):
    assert TH(f"gap_{kind}") != EN(f"gap_{kind}")


@pytest.mark.parametrize(
    ("unit", "said"),
    [("calls", "1: 162 · 2: 5 · 3: < 5 · 4: 0"), ("events", "1: 162 · 2: 5 · 3: 4 · 4: 0")],
)
def test_a_group_of_few_people_is_not_told_in_the_row_of_a_distribution_either(unit, said):
    row = replace(kpis("en")[0], unit=unit, value=None, n=171, bins=(("1", 162), ("2", 5), ("3", 4), ("4", 0)))
    assert EN.result(row) == said
