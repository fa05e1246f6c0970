"""Cells, numbers, times and words of many lines at once are those that reading them one by one gives."""

from __future__ import annotations

import csv
import random

import numpy as np
import pytest

from collectors.formats.clock import Clock
from collectors.formats.eights import Words, clock_seconds, eight_digits, ten_digits
from collectors.formats.scan import cut
from telemetry.events import MISSING

COMMA = ord(",")


def texts(cells, column, **how):
    begin, end = cells.bounds(column, **how)
    return [cells.data[b:e] for b, e in zip(begin.tolist(), end.tolist(), strict=True)]


def eight_of(texts_):
    data = b"".join(text.ljust(16, b"\0") for text in texts_) + bytes(16)
    return np.ndarray((len(data) - 8,), "<u8", data, strides=(1,)), np.arange(len(texts_)) * 16


def test_cells_in_quotes_may_hold_the_delimiter_and_doubled_quotes_are_found():
    cells = cut([b'a,"b,c",d', b'"","x",""', b'e,"f""g",h'], COMMA)
    assert texts(cells, 0) == [b"a", b"", b"e"]
    assert texts(cells, 2) == [b"d", b"", b"h"]
    assert cells.plain.all()
    assert texts(cells, 1, escaped=True) == [b"b,c", b"x", b'f""g']
    cells = cut([b'a,"b,c",d', b'e,"f""g",h'], COMMA)
    cells.bounds(1)
    assert cells.plain.tolist() == [True, False]


def test_plain_lines_are_cut_as_the_csv_module_cuts_them_whatever_stands_beside_them():
    rng = random.Random(3)
    lines = ["".join(rng.choice('",,ab ') for _ in range(rng.randrange(1, 14))).encode() for _ in range(20_000)]
    found = 0
    for width in range(1, 6):
        cells = cut(lines, COMMA, width)
        columns = [texts(cells, k, escaped=True) for k in range(width)]
        for row, line, *got in zip(cells.plain.tolist(), cells.lines.tolist(), *columns, strict=True):
            if row:
                text = lines[line].decode()
                expected = (
                    next(csv.reader([text], strict=True, skipinitialspace=True)) if '"' in text else text.split(",")
                )
                assert [one.decode().replace('""', '"') for one in got] == expected
                found += 1
    assert found > 3000


def test_a_cell_of_very_many_quotes_is_not_taken_for_one_of_few():
    many = b'a,"' + b'""' * 64 + b'",b'
    cells = cut([many, b'a,"c",b'], COMMA)
    cells.bounds(1)
    assert cells.plain.tolist() == [False, True]


def test_only_whole_numbers_of_up_to_eight_digits_are_read():
    cells = cut([b"0,1", b"12345678,1", b",1", b"007,1", b"123456789,1", b"-1,1", b"1.5,1", b"1 ,1", b"x,1"], COMMA)
    assert cells.whole(0, 10)[:4].tolist() == [0, 123456780, MISSING, 70]
    assert cells.plain.tolist() == [True] * 4 + [False] * 5


@pytest.mark.parametrize("era", ["ce", "auto"])
def test_wall_clocks_are_those_of_the_clock(era):
    clock = Clock("Asia/Bangkok", era=era)
    given = ["2026-11-21 09:00:46", "2026/02/28 23:59:59", "2569-11-21 00:00:00", "2026-02-30 09:00:00", "2026-11-21 24:00:00",
             "2026-11-21T09:00:00", "2026-11-21 9:00:00", "", "21/11/2026 09:00:00", "2026-11-21 09:60:00"]  # fmt: skip
    cells = cut([f"{one},".encode() for one in given], COMMA)
    for one, us, plain in zip(given, cells.stamp(0, clock).tolist(), cells.plain.tolist(), strict=True):
        if plain:
            assert us == (clock.us(one) if one else MISSING)
    assert cells.plain.tolist() == [True, True, era == "auto", False, False, False, False, True, False, False]


def test_days_on_which_the_clock_is_changed_are_left_to_be_read_singly():
    cells = cut([b"2026-03-29 09:00:00,", b"2026-03-31 09:00:00,"], COMMA)
    cells.stamp(0, Clock("Europe/Berlin"))
    assert cells.plain.tolist() == [False, True]


def test_digits_and_times_of_day_are_told_from_anything_near_them():
    near = [b"12345678", b"1234567:", b"1234567/", b"12:34:56", b"23:59:59", b"24:00:00", b"12-34-56", b"1a:34:56"]
    eight, at = eight_of(near)
    value, good = eight_digits(eight[at])
    assert (value[good].tolist(), good.tolist()) == ([12345678], [True] + [False] * 7)
    seconds, good = clock_seconds(eight[at])
    assert (seconds[good].tolist(), good.tolist()) == ([45296, 86399], [False] * 3 + [True] * 2 + [False] * 3)
    eight, at = eight_of([b"1795226446", b"17952264a6", b"0000000001", b":795226446"])
    value, good = ten_digits(eight, at)
    assert (value[good].tolist(), good.tolist()) == ([1795226446, 1], [True, False, True, False])


def test_words_are_found_by_all_their_letters_and_no_others_are():
    known = [f"word{n}" for n in range(60)] + ["", "sixteen letters.", "seventeen letters"]
    eight, at = eight_of([one.encode()[:16] for one in known] + [b"word", b"word600", b"WORD1"])
    lengths = np.array([min(len(one), 17) for one in known] + [4, 7, 5])
    assert Words(known).find(eight, at, lengths).tolist() == [*range(62), -1, -1, -1, -1]
