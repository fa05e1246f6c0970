"""Numbers, durations, dates and verdicts as people read them, for pages that are made here: static/format.js in Python."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final

from telemetry.text import words

_SHAPES: Final = {
    "met": "M4 12.5l5.2 5.3L20 6.5",
    "not_met": "M5.5 5.5l13 13M18.5 5.5l-13 13",
    "insufficient_data": "M5 12h.01M12 12h.01M19 12h.01",
}
_KINDS: Final = ("ratio", "seconds", "percent")


def value(kind: str, number: float | None, lang: str, digits: int = 1) -> str:
    """A figure in its unit: `ratio`, `percent`, `seconds` (as 0:45, 14:32, 1:02:14), or any other number."""
    if number is None or not math.isfinite(number):
        return words(lang)["no_data"]
    if kind == "ratio":
        return f"{number * 100:,.{digits}f}%"
    if kind == "percent":
        return f"{number:,.{digits}f}%"
    if kind == "seconds":
        return stopwatch(number)
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def value_and_target(kind: str, number: float | None, target: float | None, lang: str) -> tuple[str, str | None]:
    """Both, with more digits where rounding would make a missed target look reached."""
    for digits in (1, 2, 3):
        shown, aim = value(kind, number, lang, digits), None if target is None else value(kind, target, lang, digits)
        if shown != aim or number == target:
            break
    return shown, aim


def unit_word(kind: str, number: float | None, lang: str) -> str:
    """The word that stands small beside a duration."""
    if kind != "seconds" or number is None:
        return ""
    return words(lang)["unit_hours" if number >= 3600 else "unit_minutes"]


def stopwatch(seconds: float) -> str:
    """0:45, 14:32, 1:02:14."""
    s = max(0, round(seconds))
    hours, minutes = s // 3600, s % 3600 // 60
    return f"{hours}:{minutes:02}:{s % 60:02}" if hours else f"{minutes}:{s % 60:02}"


def count(number: float) -> str:
    """A number with its thousands apart."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def day(at: datetime, lang: str, *, weekday: bool = False) -> str:
    """21 พ.ย. 2569, 21 Nov 2026."""
    text = words(lang)
    short = text["date_short"].format(
        day=at.day, month_short=text["months_short"].split("|")[at.month - 1], year=at.year + int(text["year_offset"])
    )
    if not weekday:
        return short
    return f"{text['weekdays'].split('|')[at.isoweekday() % 7]} {short}"


def clock(at: datetime, lang: str, *, seconds: bool = False) -> str:
    """09.30 น., 09:30."""
    key = "clock_seconds" if seconds else "clock"
    return _whole(words(lang)[key].format(h=f"{at.hour:02}", m=f"{at.minute:02}", s=f"{at.second:02}"))


def _whole(text: str) -> str:
    """A time is not broken over lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def moment(at: datetime, lang: str, *, seconds: bool = False) -> str:
    """A day and a time."""
    return f"{day(at, lang)} {clock(at, lang, seconds=seconds)}"


def period(first: datetime, last: datetime, lang: str, *, weekday: bool = False) -> str:
    """From `first` to before `last`: whole days by their dates, both included; else with times."""
    if first.time() == last.time() == time():
        until = last - timedelta(days=1)
        return day(first, lang) if until <= first else f"{day(first, lang)} – {day(until, lang)}"
    if first.date() == last.date():
        text = words(lang)
        a, b = (text["period_clock"].format(h=f"{t.hour:02}", m=f"{t.minute:02}") for t in (first, last))
        return f"{day(first, lang, weekday=weekday)} {_whole(text['period_day'].format(**{'from': a, 'to': b}))}"
    return f"{moment(first, lang)} – {moment(last, lang)}"


def row_period(row: Mapping[str, Any], lang: str) -> str:
    """The period of a row of figures."""
    return period(datetime.fromisoformat(row["from"]), datetime.fromisoformat(row["to"]), lang)


def goal(better: str, kind: str, target: float | None, lang: str, shown: str | None = None) -> str:
    """The target in words; `shown` is how it is written where that is decided already."""
    if target is None:
        return words(lang)["no_target"]
    key = {"higher": "target_at_least", "lower": "target_at_most"}.get(better, "target_plain")
    return words(lang)[key].format(t=shown or value(kind, target, lang))


def verdict(word: str | None, lang: str) -> str:
    """HTML of a verdict: a mark of its own shape and a word; "" where there is none."""
    if word not in _SHAPES:
        return ""
    return (
        f'<span class="verdict {word}"><svg class="mark" viewBox="0 0 24 24" aria-hidden="true">'
        f'<path d="{_SHAPES[word]}"/></svg>{html.escape(words(lang)[word])}</span>'
    )


def kind_of(unit: str) -> str:
    """How the figures of a KPI of that unit are written."""
    return unit if unit in _KINDS else "count"
