"""Charts: what is painted is what the table says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telemetry.evidence.chart_table import numbers
from telemetry.evidence.charts import FILLS, FOOT, HEIGHT, WIDTH, ceiling, picture, scale_of
from telemetry.evidence.model import Chart, Series
from telemetry.evidence.to_pdf import Printer
from telemetry.evidence.wording import Say
from tests.evidence.sample import charts, report

EN, TH = Say("en"), Say("th")
KINDS = ("lines", "bars", "grouped", "stacked", "across", "map")


def bars(values, n=(), unit="calls", **more) -> Chart:
    labels = tuple(str(i + 1) for i in range(len(values)))
    return Chart("bars", "Title", unit, labels, (Series("s", tuple(values), tuple(n)),), labels_name="label", **more)


def marks(chart, kind):
    return [m for m in picture(chart, EN).marks if m[0] == kind]


def words(chart):
    return [m[5] if m[0] == "b" else m[4] for m in picture(chart, EN).marks if m[0] in "tb"]


def test_a_bar_is_as_high_as_its_value():
    drawn = marks(bars((50, 100, 25)), "r")
    heights = [h for _, _, _, _, h, _ in drawn]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.03) == pytest.approx(4 * heights[2], abs=0.05)
    assert all(y + h == pytest.approx(HEIGHT - FOOT, abs=0.02) for _, _, y, _, h, _ in drawn)


@pytest.mark.parametrize("chart", charts("en"), ids=lambda c: c.kind)
def test_nothing_is_painted_beside_the_paper(chart):
    told = picture(chart, EN)
    for mark in told.marks:
        if mark[0] == "r":
            assert (
                mark[1] >= 0
                and mark[1] + mark[3] <= WIDTH + 0.1
                and mark[2] >= -0.1
                and mark[2] + mark[4] <= told.height
            )
        elif mark[0] in ("l", "m"):
            assert 0 <= mark[1] <= WIDTH and -4 <= mark[2] <= told.height


@pytest.mark.parametrize("lang", ["th", "en"])
@pytest.mark.parametrize("i", range(8))
def test_the_table_under_a_chart_has_every_value_of_it(lang, i):
    say, chart = Say(lang), charts(lang)[i]
    scale, told = scale_of(chart, say), numbers(chart, say)
    cells = {cell for row in told.rows for cell in row}
    assert len({len(row) for row in (told.head, *told.rows)}) == 1
    for series in chart.series:
        for k in range(len(series.values)):
            value = series.shown(k)
            if value is not None:
                assert any(cell.split(" / ")[0] == scale.show(value) for cell in cells)
    assert set(chart.labels) <= {*told.head, *(row[0] for row in told.rows)}


def test_fewer_than_five_are_neither_painted_nor_listed():
    chart = bars((0.25, 0.5), (4, 5), unit="ratio")
    assert [m[5] for m in marks(chart, "r")] == ["solid"]
    assert "< 5" in words(chart)
    assert "25.0" not in words(chart)
    assert not any("25" in cell or cell == "4" for row in numbers(chart, EN).rows for cell in row)


def test_what_is_not_known_is_a_gap_in_the_line_and_a_dash():
    chart = replace(bars((1, 2, None, 3, 4)), kind="lines")
    assert len([m for m in marks(chart, "l") if m[5] == "l0"]) == 2
    assert len(marks(chart, "m")) == 4
    assert words(chart).count("–") == 1
    assert "–" in numbers(chart, EN).rows[0]


def test_lines_and_bars_differ_without_their_colours():
    for chart in charts("en"):
        entries = [entry["swatch"] for entry in picture(chart, EN).legend]
        assert len({tuple(e) for e in entries}) == len(entries)
        if chart.kind in ("grouped", "stacked"):
            assert {m[5] for m in marks(chart, "r")} >= set(FILLS[: len(chart.series)])


def test_a_target_that_changes_is_a_step_with_both_numbers():
    drawn = [m for m in marks(charts("en")[0], "l") if m[5] == "target"]
    assert len(drawn) == 12
    assert len({m[2] for m in drawn}) == 2
    assert [m[4] for m in marks(charts("en")[0], "t") if m[6] == "goal"] == ["6", "5"]


def test_shares_of_a_whole_end_at_the_whole():
    drawn = [m for m in marks(charts("en")[5], "r") if m[4] == 15]
    first = [m for m in drawn if m[2] == drawn[0][2]]
    assert len(first) == 5
    assert first[-1][1] + first[-1][3] == pytest.approx(WIDTH - 28, abs=0.1)


def test_the_busiest_cell_of_a_map_is_the_darkest():
    chart = Chart(
        "map", "t", "number", ("8", "9"), (Series("mon", (10.0, 30.0), beside=(5.0, 3.0)),), beside_words="open"
    )
    light, dark = (m[5] for m in marks(chart, "r"))
    assert int(light[1:], 16) > int(dark[1:], 16)


@pytest.mark.parametrize(
    ("values", "top"), [((), 1), ((0,), 1), ((0.03,), 0.04), ((7,), 8), ((100,), 100), ((101,), 200)]
)
def test_a_scale_ends_on_a_round_number(values, top):
    assert ceiling(values) == pytest.approx(top)


def test_long_waits_are_in_minutes_and_shares_in_percent():
    assert scale_of(bars((300,), unit="seconds"), EN).show(300) == "5.0"
    assert scale_of(bars((45,), unit="seconds"), EN).words == "seconds"
    assert scale_of(bars((0.5,), unit="ratio"), TH).words == "ร้อยละ"


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_without_any_value_is_painted_empty(kind):
    chart = replace(bars((None, None)), kind=kind)
    assert not [m for m in marks(chart, "r") if kind != "map"]
    assert numbers(chart, EN).rows


def test_a_chart_is_told_in_words_for_whoever_cannot_see_it():
    assert picture(charts("en")[0], EN).alt.startswith("Lost calls by month against at most 5%. Line chart.")


def test_a_chart_alone_is_an_svg_that_is_the_same_every_time():
    chart = charts("th")[3]
    first, again = (Printer(report("th")).svg(chart) for _ in range(2))
    assert first == again
    assert first.startswith(b"<svg")
    assert b"<image" not in first
    assert b"<text" not in first
