"""Tables for people as CSV: what a spreadsheet and a program read."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.evidence.tables import Column, Share, Table, tables
from telemetry.evidence.to_csv import table_csv
from tests.evidence.sample import report


def table(*cells) -> Table:
    return Table("t", "t", tuple(Column(f"c{i}", 10) for i in range(len(cells))), (cells,))


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))


def test_a_file_begins_with_its_mark_and_ends_lines_with_cr_lf():
    data = table_csv(table("ก", 1))
    assert data == "\ufeffc0,c1\r\nก,1\r\n".encode()


@pytest.mark.parametrize(
    "text", ['=cmd|"/c calc"!A0', "@SUM(A1)", "+1", "-1", "\t=1", "\r=1", " =1", "＝1", "\u200b=1"]
)
def test_words_that_would_run_get_an_apostrophe(text):
    assert read(table_csv(table(text)))[1] == [f"'{text}"]


@pytest.mark.parametrize("text", ["–", "ร้อยละ 5", "< 5", "{=1}", "http://example.org", "a=b"])
def test_other_words_stay_as_they_are(text):
    assert read(table_csv(table(text)))[1] == [text]


def test_numbers_dates_and_shares_are_for_programs():
    assert read(table_csv(table(-3, -0.1, Share(0.93412), date(2025, 10, 1), None, float("nan"))))[1] == [
        "-3", "-0.1", "0.93412", "2025-10-01", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize("lang", ["th", "en"])
def test_a_day_stands_there_as_iso_and_in_words_of_the_buddhist_era(lang):
    monthly = next(t for t in tables(report(lang)) if t.key == "monthly")
    head, first, *_ = read(table_csv(monthly))
    assert first[1] == "2025-10-01"
    assert "2568" in first[2]
    assert len(head) == len(first)


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), min_size=2, max_size=5
    )
)
def test_any_words_come_back_with_at_most_an_apostrophe_and_never_as_a_formula(texts):
    back = read(table_csv(table(*texts)))[1]
    assert [b.removeprefix("'") if b != t else b for b, t in zip(back, texts, strict=True)] == texts
    assert not any(b[:1] in tuple("=+@\t\r") for b in back)
    assert not any(b.startswith("-") and b != "-" for b in back)
