"""Charts are whole SVG with a title, show a gap where nothing is known, and hold no style, no script and no foreign markup."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest

from telemetry.web import svg

EVIL = '"><script>alert(1)</script>'
DAYS = ["mon", "tue", "wed", "thu"]


def parsed(text):
    return ET.fromstring(text)


def classes(text, tag):
    return [el.get("class") for el in parsed(text).iter(tag)]


MADE = [
    lambda words, values: svg.bars(values, DAYS, title=words, desc=words, target=2.0, over=[False, True, False, True]),
    lambda words, values: svg.lines([(words, values), ("b", values)], DAYS, title=words, desc=words, target=2.0),
    lambda words, values: svg.band(values, values, values, DAYS, title=words, desc=words),
    lambda words, values: svg.sparkline(values, title=words, target=2.0),
]


@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0, 4.0], [None] * 4, [0.0] * 4, [1.0, None, math.nan, math.inf]])
def test_every_chart_is_one_picture_with_a_name(make, values):
    chart = parsed(make(EVIL, values))
    assert (chart.tag, chart.get("role")) == ("svg", "img")
    assert chart.find("title").text == EVIL
    assert not [el for el in chart.iter() if "style" in el.attrib or el.tag in ("script", "style")]
    places = [
        v for el in chart.iter() for k, v in el.attrib.items() if k in ("x", "y", "x1", "y1", "x2", "y2", "cx", "cy")
    ]
    assert all(-1 <= float(v.removesuffix("%")) <= 101 for v in places)


def test_what_is_not_known_is_a_gap_and_not_nothing():
    assert len(classes(svg.bars([1.0, None, 0.0, 2.0], DAYS, title="", desc=""), "rect")) == 3
    drawn = svg.lines([("a", [1.0, 2.0, None, 3.0])], DAYS, title="", desc="")
    assert classes(drawn, "line").count("line s1") == 1
    assert classes(drawn, "circle") == ["line s1 alone"]


def test_a_bar_beyond_the_target_differs_in_more_than_colour():
    assert classes(svg.bars([1.0, 2.0], ["a", "b"], title="", desc="", over=[False, True]), "rect") == [
        "bar",
        "bar over",
    ]


def test_the_higher_value_stands_higher():
    low, high = parsed(svg.bars([1.0, 3.0], ["a", "b"], title="", desc="")).iter("rect")
    assert float(low.get("y")[:-1]) > float(high.get("y")[:-1])
    for bar in (low, high):
        assert float(bar.get("y")[:-1]) + float(bar.get("height")[:-1]) == pytest.approx(svg.FOOT)


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (0.03, 0.04), (0.9, 1.0), (1, 1), (7, 8), (11, 20), (950, 1000), (1001, 2000)]
)
def test_a_scale_ends_at_a_round_number(most, top):
    assert svg.ceiling([None, most]) == pytest.approx(top)


def test_a_table_tells_the_numbers_and_is_reached_by_keyboard():
    text = svg.table(["day", "n"], [[EVIL, "1,204"]], caption=EVIL)
    box = parsed(text)
    assert (box.get("tabindex"), box.get("role"), box.get("aria-label")) == ("0", "region", EVIL)
    assert [el.text for el in box.iter("td")] == ["1,204"]
    assert [el.get("scope") for el in box.iter("th")] == ["col", "col", "row"]


def test_each_line_of_a_legend_is_drawn_as_it_is_in_the_chart():
    text = svg.legend(["one", EVIL])
    assert classes(text, "line") == ["line s1", "line s2"]
    assert EVIL in "".join(parsed(text).itertext())
