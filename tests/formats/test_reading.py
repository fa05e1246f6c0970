"""What the tools that all logs of lines share promise: what they remember and what they do at once changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats.clock import Clock
from collectors.formats.reading import Csv, LineFormat, Unreadable

NEAR_US = 1_795_226_400_000_000
DAYS = st.sampled_from(
    (
        "2026-11-21",
        "21/11/2026",
        "21/11/69",
        "29/02/07",
        "2569-2-9",
        "2026-03-29",
        "21 พ.ย. 2569",
        "2026-13-01",
        "x",
        "",
    )
)
TIMES = st.sampled_from(
    (
        "09:00:00",
        "09:00:59",
        "9:00",
        "09:00",
        "02:30:00",
        "24:00:00",
        "09:00:60",
        "09:00:00.25",
        "9:05 PM",
        "๐๙:๐๐:๐๐",
        "",
    )
)


def result(clock, text):
    try:
        return clock.us(text, NEAR_US)
    except ValueError as problem:
        return str(problem)


@given(
    st.lists(st.builds("{}{}{}".format, DAYS, st.sampled_from((" ", "T", "  ", "")), TIMES), max_size=30),
    st.sampled_from(("Asia/Bangkok", "Europe/Berlin", "UTC")),
    st.sampled_from(("ymd", "dmy")),
)
@settings(deadline=None)
def test_a_clock_reads_a_time_alike_whatever_it_has_read_before(texts, zone, order):
    clock = Clock(zone, era="auto", order=order)
    assert [result(clock, text) for text in texts] == [result(Clock(zone, era="auto", order=order), t) for t in texts]


def test_a_day_that_only_another_century_has_is_no_day():
    with pytest.raises(ValueError, match="no day of the calendar"):
        Clock("Asia/Bangkok", order="dmy").us("29/02/07 13:03:00", NEAR_US)


CELLS = st.lists(st.text('ab,;" \n\r', max_size=6), min_size=1, max_size=5)


@given(st.lists(CELLS, min_size=1, max_size=6), st.sampled_from((",", ";")))
@settings(deadline=None)
def test_csv_is_read_as_it_was_written_however_many_lines_a_cell_has(rows, delimiter):
    reader, out = Csv(delimiter), []
    for row in rows:
        text = delimiter.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row)
        for line in text.encode().split(b"\n"):
            cells = reader.row(line)
            if cells is not None:
                out.append(cells)
    assert out == rows


class Echo(LineFormat):
    """Ignores what it can read."""

    def _read(self, line, received_us):
        if b"no" in line:
            raise Unreadable("bad_field", f"no\x1b: {line!r}")
        assert not line.endswith((b"\r", b"\n"))
        return ()


@given(st.lists(st.sampled_from((b"a", b"a\r", b"no", b"no\r", b"\0", b"x" * 70_000, b"")), max_size=9))
@settings(deadline=None)
def test_lines_that_come_together_are_sound_or_not_as_if_each_came_alone(lines):
    alone = [Echo(site="s", source="t").feed([line], 0) for line in lines]
    together = Echo(site="s", source="t").feed(lines, 0)
    assert together.rejected == [no for got in alone for no in got.rejected]
    assert together.ignored == sum(got.ignored for got in alone)
    assert all(no.detail.isprintable() for no in together.rejected)
