"""Charts as text: SVG without script and without `style`, drawn by attributes and the classes of static/pages.css.

Places are percentages of the box and letters have the size of the page's, so that a chart may be of any width and height
while its words stay readable. What is not known (None, NaN) is a gap, never 0. Numbers are told again by a `table` beside
the chart: the picture is for the eye only.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from typing import Final, TypeGuard

Value = float | None
Show = Callable[[float], str]

TOP, FOOT, SIDE = 9.0, 84.0, 1.0
"""Where the plot lies, in percent of the height and of the width: words of the scale stand in it, labels below it."""
MOST_LABELS: Final = 9
FEW_BARS: Final = 5
"""Fewer stand in the middle, no wider than these."""


def plain(value: float) -> str:
    """A number as it is, without decimals that say nothing."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}"


def bars(
    values: Sequence[Value], labels: Sequence[str], *, title: str, desc: str, target: float | None = None,
    over: Sequence[bool] | None = None, kind: str = "", show: Show = plain,
) -> str:  # fmt: skip
    """A bar for each value; those that are `over` are hollow as well as of another colour. `kind` is one more class."""
    top = ceiling([*values, target])
    slot = (100 - 2 * SIDE) / max(len(values), FEW_BARS)
    first = 50 - slot * len(values) / 2
    out = [_scale(top, show)]
    for i, value in enumerate(values):
        if _known(value):
            y = _y(max(value, 0), top)
            cls = "bar over" if over is not None and over[i] else "bar"
            out.append(
                f'<rect class="{cls}" x="{first + slot * (i + 0.16):.2f}%" width="{slot * 0.68:.2f}%" y="{y:.2f}%" '
                f'height="{FOOT - y:.2f}%"><title>{_e(_label(labels, i))}: {_e(show(value))}</title></rect>'
            )
    out += [_target(target, top, show), _labels(labels, [first + slot * (i + 0.5) for i in range(len(values))])]
    return _chart(f"bars {kind}".strip(), title, desc, out)


def lines(
    series: Sequence[tuple[str, Sequence[Value]]], labels: Sequence[str], *, title: str, desc: str,
    target: float | None = None, show: Show = plain,
) -> str:  # fmt: skip
    """A line for each series, which differ in colour and in dashes: classes `s1`, `s2`, …; see `legend`."""
    top = ceiling([v for _, values in series for v in values] + [target])
    out = [_scale(top, show)]
    for k, (_, values) in enumerate(series, 1):
        out.append(_line([v if _known(v) else None for v in values], top, f"line s{k}"))
    out += [_target(target, top, show), _labels(labels, _places(len(labels)))]
    return _chart("lines", title, desc, out)


def band(
    low: Sequence[Value], mid: Sequence[Value], high: Sequence[Value], labels: Sequence[str], *, title: str, desc: str,
    target: float | None = None, show: Show = plain,
) -> str:  # fmt: skip
    """A range from low to high around a line; where either end is not known there is no range."""
    top = ceiling([*low, *mid, *high, target])
    x = _places(len(mid), 0)
    runs: list[list[int]] = []
    for i, ends in enumerate(zip(low, high, strict=True)):
        if _known(ends[0]) and _known(ends[1]):
            if runs and runs[-1][-1] == i - 1:
                runs[-1].append(i)
            else:
                runs.append([i])
    areas = []
    for run in runs:
        there = [f"{x[i]:.2f} {_of(high[i], top):.2f}" for i in run]
        back = [f"{x[i]:.2f} {_of(low[i], top):.2f}" for i in reversed(run)]
        areas.append(f'<path class="range" d="M{" L".join(there + back)}Z"/>')
    out = [_scale(top, show), _plot("".join(areas)), _line(mid, top, "line s1"), _target(target, top, show)]
    return _chart("band", title, desc, [*out, _labels(labels, _places(len(labels)))])


def sparkline(values: Sequence[Value], *, title: str, target: float | None = None) -> str:
    """The course of a figure without a scale: only up and down, and on which side of its target."""
    known = [v for v in (*values, target) if _known(v)]
    least, most = (min(known), max(known)) if known else (0.0, 1.0)
    room = most - least
    x = _places(len(values), 2)

    def y(v: float) -> float:
        return 88 - (v - least) / room * 76 if room else 50.0

    out = []
    if _known(target):
        out.append(f'<line class="target" x1="0%" x2="100%" y1="{y(target):.2f}%" y2="{y(target):.2f}%"/>')
    out += _segments(values, x, y, "line")
    last = next((i for i in range(len(values) - 1, -1, -1) if _known(values[i])), None)
    if last is not None:
        out.append(f'<circle class="last" cx="{x[last]:.2f}%" cy="{y(values[last] or 0.0):.2f}%" r="3"/>')
    return f'<svg class="spark" role="img"><title>{_e(title)}</title>{"".join(out)}</svg>'


def legend(names: Sequence[str]) -> str:
    """Which line is whose, for `lines` of the same series."""
    return '<ul class="legend">' + "".join(
        f'<li><svg class="swatch" aria-hidden="true"><line class="line s{k}" x1="0" x2="100%" y1="50%" y2="50%"/></svg>'
        f"{_e(name)}</li>"
        for k, name in enumerate(names, 1)
    ) + "</ul>"  # fmt: skip


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str) -> str:
    """The numbers of a chart; the first cell of a row names it."""
    top = "".join(f'<th scope="col">{_e(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{_e(row[0])}</th>{"".join(f"<td>{_e(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{_e(caption)}"><table class="numbers">'
        f"<caption>{_e(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def ceiling(values: Sequence[Value]) -> float:
    """A round number that is at least the greatest of these and divides well into the lines of a scale."""
    most = max((v for v in values if _known(v)), default=0.0)
    if most <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(most))
    return next(k * step for k in (1, 2, 4, 6, 8, 10, 20) if k * step >= most * (1 - 1e-12))


def _known(value: Value) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _of(value: Value, top: float) -> float:
    """Percent of the plot's height from above."""
    return 100 - 100 * min(max(value or 0.0, 0.0) / top, 1.0)


def _y(value: float, top: float) -> float:
    return TOP + (FOOT - TOP) * _of(value, top) / 100


def _places(n: int, side: float = SIDE) -> list[float]:
    return [side + (100 - 2 * side) * (i / (n - 1) if n > 1 else 0.5) for i in range(n)]


def _line(values: Sequence[Value], top: float, cls: str) -> str:
    return "".join(_segments(values, _places(len(values)), lambda v: _y(v, top), cls))


def _segments(values: Sequence[Value], x: Sequence[float], y: Callable[[float], float], cls: str) -> list[str]:
    """Lines between neighbours that are both known; a dot for what is known and has no neighbour."""
    out = []
    for i, value in enumerate(values):
        if not _known(value):
            continue
        before, after = (values[j] if 0 <= j < len(values) else None for j in (i - 1, i + 1))
        if _known(after):
            out.append(
                f'<line class="{cls}" x1="{x[i]:.2f}%" y1="{y(value):.2f}%" x2="{x[i + 1]:.2f}%" y2="{y(after):.2f}%"/>'
            )
        elif not _known(before):
            out.append(f'<circle class="{cls} alone" cx="{x[i]:.2f}%" cy="{y(value):.2f}%" r="2.5"/>')
    return out


def _plot(content: str) -> str:
    """A box that stretches with the chart, for shapes that percentages cannot say."""
    return (
        f'<svg x="{SIDE}%" y="{TOP}%" width="{100 - 2 * SIDE}%" height="{FOOT - TOP}%" viewBox="0 0 100 100" '
        f'preserveAspectRatio="none">{content}</svg>'
    )


def _scale(top: float, show: Show) -> str:
    out = []
    for value in (0.0, top / 2, top):
        y = _y(value, top)
        out.append(f'<line class="{"grid" if value else "axis"}" x1="0%" x2="100%" y1="{y:.2f}%" y2="{y:.2f}%"/>')
        if value:
            out.append(f'<text class="tick" x="0.5%" y="{y:.2f}%" dy="-0.25em">{_e(show(value))}</text>')
    return "".join(out)


def _target(target: float | None, top: float, show: Show) -> str:
    if not _known(target):
        return ""
    y = _y(target, top)
    return (
        f'<line class="target" x1="0%" x2="100%" y1="{y:.2f}%" y2="{y:.2f}%"/>'
        f'<text class="tick strong" x="99.5%" y="{y:.2f}%" dy="-0.25em" text-anchor="end">{_e(show(target))}</text>'
    )


def _labels(labels: Sequence[str], x: Sequence[float]) -> str:
    """Not more than there is room for; on a narrow screen every second of them (class `minor`) is left out."""
    every = max(1, math.ceil(len(labels) / MOST_LABELS))
    out = []
    for nth, i in enumerate(range(0, len(labels), every)):
        anchor = "start" if x[i] < 4 else "end" if x[i] > 96 else "middle"
        cls = "tick minor" if nth % 2 else "tick"
        out.append(f'<text class="{cls}" x="{x[i]:.2f}%" y="97%" text-anchor="{anchor}">{_e(labels[i])}</text>')
    return "".join(out)


def _label(labels: Sequence[str], i: int) -> str:
    return labels[i] if i < len(labels) else ""


def _chart(cls: str, title: str, desc: str, content: Sequence[str]) -> str:
    return (
        f'<svg class="chart {_e(cls)}" role="img"><title>{_e(title)}</title><desc>{_e(desc)}</desc>'
        f"{''.join(content)}</svg>"
    )


def _e(text: str) -> str:
    return html.escape(text)
