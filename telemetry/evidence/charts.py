"""Charts as shapes at places, in points: what the template paints, and the table that stands under every chart.

A picture is a list of marks: `["l", x1, y1, x2, y2, stroke]` a line, `["r", x, y, w, h, fill]` a bar, `["m", x, y, shape]` a
point, `["t", x, y, side, words, size, tone]` one line of words whose middle is at y, `["b", x, y, w, h, side, words, size]`
words in a box. Nothing is told by colour alone: lines differ in dashes and points, bars in patterns, cells in their numbers.
What is not known is a gap with a dash, what is hidden is `< 5`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from telemetry.evidence.fonts import printable
from telemetry.evidence.rows import Chart
from telemetry.evidence.typst_text import cut
from telemetry.evidence.wording import Say

WIDTH: Final = 467.0
"""Between the margins of the page."""
LEFT, RIGHT, TOP, FOOT = 34.0, 6.0, 24.0, 20.0
HEIGHT: Final = 164.0
NAMES_WIDE: Final = 128.0
"""Room for names at the left of bars that lie."""
FILLS: Final = ("solid", "hatch", "pale", "dots", "hollow", "cross")
POINTS: Final = ("disc", "box", "kite", "ring")
SHADES: Final = ("#ffffff", "#e3edf6", "#bcd4ea", "#8fb5d9", "#4f86b9", "#1f4e79")
"""Of a map, from the least to the most."""
SIZE: Final = 11.0
LETTER: Final = 4.2
"""Width of one, about."""
LOOSE: Final = 0.8
"""Labels that fill more of their room than this are written smaller."""
Mark = list[Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as it is painted."""

    width: float
    height: float
    marks: list[Mark]
    legend: list[dict[str, Any]]
    alt: str


@dataclass(frozen=True, slots=True)
class Scale:
    """How the values of a chart are written: times `times`, in `words`, with so many digits."""

    times: float
    words: str
    digits: int

    def show(self, value: float) -> str:
        return f"{value * self.times:,.{self.digits}f}"


def scale_of(chart: Chart, say: Say) -> Scale:
    """Shares in percent, long times in minutes, counts as they are."""
    values = [v for s in chart.series for i in range(len(s.values)) if (v := s.shown(i)) is not None]
    if chart.unit in ("ratio", "percent"):
        return Scale(100 if chart.unit == "ratio" else 1, chart.unit_words or say("percent_unit"), 1)
    if chart.unit == "seconds":
        long = max(values, default=0) >= 120
        return Scale(1 / 60 if long else 1, say("minutes") if long else say("seconds"), 1)
    whole = all(float(v).is_integer() for v in values)
    return Scale(1, chart.unit_words or say.unit(chart.unit), 0 if whole else 1)


def picture(chart: Chart, say: Say) -> Picture:
    """The chart painted in the words of a language."""
    scale = scale_of(chart, say)
    paint = {"lines": _lines, "bars": _bars, "grouped": _bars, "stacked": _lying, "across": _lying, "map": _map}[
        chart.kind
    ]
    marks, height = paint(chart, scale, say)
    shape = say(
        f"chart_{chart.kind}",
        series=", ".join(s.name for s in chart.series),
        unit=scale.words,
        beside=chart.beside_words,
    )
    alt = printable(say("chart_alt", title=chart.title, shape=shape))
    return Picture(WIDTH, height, marks, _legend(chart, say), alt)


def ceiling(values: Sequence[float]) -> float:
    """A round number that is at least the greatest of these."""
    most = max(values, default=0.0)
    if most <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(most))
    return next(k * step for k in (1, 2, 4, 5, 6, 8, 10, 20) if k * step >= most * (1 - 1e-12))


def _top(chart: Chart, scale: Scale) -> float:
    """The end of the scale, in shown units."""
    values = [v for s in chart.series for i in range(len(s.values)) if (v := s.shown(i)) is not None]
    top = ceiling([v * scale.times for v in (*values, *(t for t in chart.targets if t is not None))])
    return min(top, 100.0) if chart.unit in ("ratio", "percent") and top > 80 else top


def _frame(chart: Chart, scale: Scale, top: float) -> list[Mark]:
    """The scale with its lines, labels below, and where something is new."""
    marks: list[Mark] = [["t", 0, 8, "l", printable(scale.words), SIZE, ""]]
    for part in range(5):
        y = _y(top * part / 4, top)
        marks.append(["l", LEFT, y, WIDTH - RIGHT, y, "grid" if part else "axis"])
        marks.append(["t", LEFT - 5, y, "r", tick(top * part / 4), SIZE, ""])
    room = max(map(wide_of, chart.labels), default=0) * LETTER / _slot(chart)
    every, loose = max(1, math.ceil(room)), room < LOOSE
    marks += [
        ["t", _x(chart, i), HEIGHT - FOOT + 10, "c", printable(chart.labels[i]), SIZE if loose else SIZE - 1.5, ""]
        for i in range(0, len(chart.labels), every)
    ]
    if chart.change is not None:
        x = _x(chart, chart.change) - _slot(chart) / 2
        marks.append(["l", x, TOP, x, HEIGHT - FOOT, "change"])
        marks.append(["t", x + 3, TOP + 6, "l", printable(chart.change_words), SIZE, ""])
    return marks


def tick(value: float) -> str:
    """A number of a scale, without decimals that say nothing."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def wide_of(text: str) -> int:
    """Letters that take room: Thai marks above and below do not."""
    return sum(1 for c in text if not (c == "\u0e31" or "\u0e34" <= c <= "\u0e3a" or "\u0e47" <= c <= "\u0e4e"))


def _slot(chart: Chart) -> float:
    return (WIDTH - LEFT - RIGHT) / max(len(chart.labels), 1)


def _x(chart: Chart, i: int) -> float:
    return round(LEFT + _slot(chart) * (i + 0.5), 2)


def _y(value: float, top: float) -> float:
    return round(TOP + (HEIGHT - FOOT - TOP) * (1 - min(max(value / top, 0), 1)), 2)


def _lines(chart: Chart, scale: Scale, say: Say) -> tuple[list[Mark], float]:
    top = _top(chart, scale)
    marks = [*_frame(chart, scale, top), *_targets(chart, scale, top)]
    for k, series in enumerate(chart.series):
        known = [series.shown(i) for i in range(len(chart.labels))]
        at = [None if v is None else _y(v * scale.times, top) for v in known]
        for i, (one, two) in enumerate(pairwise(at)):
            if one is not None and two is not None:
                marks.append(["l", _x(chart, i), one, _x(chart, i + 1), two, f"l{k % 4}"])
        marks += [["m", _x(chart, i), y, POINTS[k % 4]] for i, y in enumerate(at) if y is not None]
        for i, y in enumerate(at):
            if y is None and k == 0:
                marks.append(_missing(chart, i, say, _x(chart, i)))
    return marks, HEIGHT


def _bars(chart: Chart, scale: Scale, say: Say) -> tuple[list[Mark], float]:
    top, many = _top(chart, scale), len(chart.series)
    marks = _frame(chart, scale, top)
    wide = _slot(chart) * 0.72 / many
    for k, series in enumerate(chart.series):
        for i in range(len(chart.labels)):
            x = _x(chart, i) + (k - many / 2) * wide
            value = series.shown(i)
            if value is None:
                marks.append(_missing(chart, i, say, x + wide / 2, k))
                continue
            y = _y(value * scale.times, top)
            marks.append(["r", round(x, 2), y, round(wide, 2), round(HEIGHT - FOOT - y, 2), FILLS[k % 6]])
            if wide >= 13:
                marks.append(["t", round(x + wide / 2, 2), y - 6, "c", scale.show(value), SIZE - 0.5, ""])
    return marks + _targets(chart, scale, top), HEIGHT


def _missing(chart: Chart, i: int, say: Say, x: float, k: int = 0) -> Mark:
    words = say("hidden") if chart.series[k].hides(i) else "–"
    return ["t", round(x, 2), HEIGHT - FOOT - 7, "c", words, SIZE if len(chart.series) == 1 else SIZE - 3, ""]


def _targets(chart: Chart, scale: Scale, top: float) -> list[Mark]:
    """The target in steps, a dashed line over each label that it is in force at, with its number where it begins."""
    marks: list[Mark] = []
    last: float | None = None
    half = _slot(chart) / 2
    for i, target in enumerate(chart.targets):
        if target is not None:
            y = _y(target * scale.times, top)
            marks.append(["l", _x(chart, i) - half, y, _x(chart, i) + half, y, "target"])
            if target != last:
                marks.append(["t", _x(chart, i) - half + 2, y - 7, "l", f"{target * scale.times:g}", SIZE, "goal"])
        last = target
    return marks


def _lying(chart: Chart, scale: Scale, say: Say) -> tuple[list[Mark], float]:
    """Bars from left to right, one a label: side by side from zero, or shares of a whole one after the other."""
    thick, pitch = 15.0, 27.0
    left, stacked = NAMES_WIDE + 6, chart.kind == "stacked"
    top = 100.0 if stacked or chart.unit in ("ratio", "percent") else _top(chart, scale)
    foot = 6 + pitch * len(chart.labels)

    def x_of(value: float) -> float:
        return round(left + (WIDTH - RIGHT - 22 - left) * min(value / top, 1), 2)

    marks: list[Mark] = []
    for part in range(5):
        x = x_of(top * part / 4)
        marks.append(["l", x, 2, x, foot, "grid" if part else "axis"])
        marks.append(["t", x, foot + 9, "c", tick(top * part / 4), SIZE, ""])
    marks.append(["t", 0, foot + 9, "l", printable(scale.words), SIZE, ""])
    for i, label in enumerate(chart.labels):
        y = 6 + pitch * i + (pitch - thick) / 2 - 2
        marks.append(["b", 0, y + thick / 2 - pitch / 2, NAMES_WIDE, pitch, "r", cut(label), SIZE])
        at = 0.0
        for k, series in enumerate(chart.series if stacked else chart.series[:1]):
            value = series.shown(i)
            if value is None:
                if k == 0:
                    words = say("hidden") if series.hides(i) else "–"
                    marks.append(["t", left + 5, y + thick / 2, "l", words, SIZE, ""])
                continue
            x, end = x_of(at), x_of(at + value * scale.times)
            marks.append(["r", x, y, round(end - x, 2), thick, FILLS[k % 6]])
            if not stacked:
                within = end - x > 34
                place = [x + 4 if within else end + 4, y + thick / 2, "l"]
                marks.append(["t", *place, scale.show(value), SIZE, "light" if within else ""])
            elif end - x >= 26:
                marks.append(_inside((x + end) / 2, y + thick / 2, scale.show(value), FILLS[k % 6]))
                if FILLS[k % 6] not in ("solid", "pale", "hollow"):
                    marks.insert(-1, ["r", round((x + end) / 2 - 12, 2), y + 2, 24, thick - 4, "hollow"])
            at += value * scale.times
        target = chart.targets[i] if i < len(chart.targets) else None
        if target is not None:
            x = x_of(target * scale.times)
            marks.append(["l", x, y - 4, x, y + thick + 4, "goal"])
    return marks, foot + 18


def _inside(x: float, y: float, words: str, fill: str) -> Mark:
    return ["t", round(x, 2), y, "c", words, SIZE - 0.5, "light" if fill == "solid" else ""]


def _map(chart: Chart, scale: Scale, say: Say) -> tuple[list[Mark], float]:
    """A row a series; a cell is the darker, the more there is for each of what stands beside it."""
    high, left, top = 25.0, 70.0, 18.0
    wide = (WIDTH - left) / max(len(chart.labels), 1)
    loads = [[_load(s.shown(i), s.beside[i] if i < len(s.beside) else None) for i in range(len(chart.labels))]
             for s in chart.series]  # fmt: skip
    most = max((v for row in loads for v in row if v is not None), default=0.0) or 1.0
    marks: list[Mark] = [
        ["t", round(left + wide * (i + 0.5), 2), 8, "c", printable(label), SIZE, ""]
        for i, label in enumerate(chart.labels)
    ]
    for j, series in enumerate(chart.series):
        y = top + high * j
        marks.append(["b", 0, y, left - 6, high, "r", cut(series.name), SIZE])
        for i in range(len(chart.labels)):
            x, load = round(left + wide * i, 2), loads[j][i]
            value, beside = series.shown(i), series.beside[i] if i < len(series.beside) else None
            level = 0 if load is None else min(int(load / most * (len(SHADES) - 1) + 0.999), len(SHADES) - 1)
            marks.append(["r", x, y, round(wide, 2), high, SHADES[level]])
            tone = "light" if level >= 4 else ""
            words = say("hidden") if series.hides(i) else "–" if value is None else scale.show(value)
            marks.append(["t", round(x + wide / 2, 2), y + 7.5, "c", words, SIZE - 1, tone])
            if beside is not None and not series.hides(i):
                marks.append(["t", round(x + wide / 2, 2), y + 17.5, "c", f"{beside:,.3g}", SIZE - 1, tone])
    return marks, top + high * len(chart.series) + 2


def _load(value: float | None, beside: float | None) -> float | None:
    if value is None:
        return None
    return value if beside is None else value / beside if beside > 0 else None


def _legend(chart: Chart, say: Say) -> list[dict[str, Any]]:
    """Which bar or line is whose, and the target; nothing for what needs no telling apart."""
    out: list[dict[str, Any]] = []
    if chart.kind == "map":
        return out
    if len(chart.series) > 1 or chart.kind == "lines":
        for k, series in enumerate(chart.series):
            swatch = ["line", f"l{k % 4}", POINTS[k % 4]] if chart.kind == "lines" else ["fill", FILLS[k % 6]]
            out.append({"name": printable(series.name), "swatch": swatch})
    if any(t is not None for t in chart.targets):
        stroke = "target" if chart.kind != "across" else "goal"
        out.append({"name": printable(chart.target_words or say("legend_target")), "swatch": ["line", stroke, ""]})
    return out
