"""Numbers, dates, targets and verdicts as an official writes them: Buddhist Era in Thai, CE in English.

Tables and charts have Arabic digits; running text in Thai has Thai ones (`thai_digits`). A figure is written with more
digits where rounding would put it on the wrong side of its target, or onto it.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Final

from telemetry.evidence.period import Period, fiscal_quarter_of, fiscal_year_of
from telemetry.evidence.rows import LEAST, OF_THINGS, KpiRow, Target
from telemetry.text import words

_DIGITS: Final = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")
_NAMES: Final = re.compile(r"[A-Za-z0-9_./:\\<>=@#%+-]*[A-Za-z_][A-Za-z0-9_./:\\<>=@#%+-]*|[0-9]+")
_PLAIN_UNITS: Final = ("number", "ratio", "percent", "seconds")
MOST_DIGITS: Final = 4


def thai_digits(text: str) -> str:
    """Thai digits for Arabic ones, but in names: what holds a Latin letter, such as P90, SHA-256 or a file's path, stays."""
    return _NAMES.sub(lambda m: m[0].translate(_DIGITS) if m[0].isdigit() else m[0], text)


class Say:
    """The words of one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._text = words(lang, "evidence")
        self._units = words(lang, "definitions")
        self._year = int(self._text["year_offset"])
        self._months = self._text["months"].split("|")
        self._short = self._text["months_short"].split("|")

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key with its values; KeyError for a key that we do not have."""
        text = self._text[key]
        return text.format(**values) if values else text

    def day(self, day: date) -> str:
        """20 พฤศจิกายน 2568, 20 November 2025."""
        return self("date_long", day=day.day, month=self._months[day.month - 1], year=day.year + self._year)

    def day_short(self, day: date) -> str:
        """20 พ.ย. 2568, 20 Nov 2025."""
        return self("date_long", day=day.day, month=self._short[day.month - 1], year=day.year + self._year)

    def month(self, day: date) -> str:
        """พ.ย. 68, Nov ’25: for the labels of charts."""
        return self("month_year", month=self._short[day.month - 1], year=f"{(day.year + self._year) % 100:02}")

    def moment(self, at: datetime) -> str:
        """A day and a time of day."""
        return self("clock_full", date=self.day(at), clock=self("clock", h=f"{at.hour:02}", m=f"{at.minute:02}"))

    def hour(self, hour: int) -> str:
        """08.00 – 09.00 น., 08:00 – 09:00."""
        first, last = (self("clock", h=f"{h:02}", m="00") for h in (hour, (hour + 1) % 24))
        return self("from_to", first=first.removesuffix(" น."), last=last)

    def span(self, first: date, last: date, *, short: bool = False) -> str:
        say = self.day_short if short else self.day
        return say(first) if first == last else self("from_to", first=say(first), last=say(last))

    def period_name(self, period: Period) -> str:
        """What a period is called: ปีงบประมาณ พ.ศ. 2569, quarter 1 of fiscal year 2026 (BE 2569)."""
        be = period.last.year + 543 if period.kind == "month" else fiscal_year_of(period.last)
        return self(
            f"period_{period.kind}",
            year=be - 543,
            year_be=be,
            quarter=fiscal_quarter_of(period.last),
            month=self._months[period.last.month - 1],
            days=period.days,
        )

    def period(self, period: Period, *, short: bool = False) -> str:
        """Its name and its days."""
        span = self.span(period.first, period.last, short=short)
        return self("period_full", name=self.period_name(period), span=span)

    def unit(self, unit: str) -> str:
        """What a unit is called: สาย, calls; "" for a bare number."""
        if unit in ("ratio", "percent"):
            return self("percent_unit")
        if unit == "seconds":
            return self("seconds")
        return "" if unit == "number" else self._units.get(f"unit_{unit}", unit)

    def value(self, unit: str, value: float | None, digits: int = 1) -> str:
        """A figure in its unit."""
        if value is None or not math.isfinite(value):
            return self("no_data")
        if unit in ("ratio", "percent"):
            return self("percent", v=f"{value * (100 if unit == 'ratio' else 1):,.{digits}f}")
        if unit == "seconds":
            return self._duration(value, digits)
        text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.{digits}f}"
        return text if unit in _PLAIN_UNITS else self("count_of", v=text, unit=self.unit(unit))

    def bare(self, unit: str, value: float | None, digits: int = 1) -> str:
        """The same without its unit; durations in seconds."""
        if value is None or not math.isfinite(value):
            return self("not_judged")
        scaled = value * 100 if unit == "ratio" else value
        whole = unit not in ("ratio", "percent", "seconds") and float(scaled).is_integer()
        return f"{scaled:,.0f}" if whole else f"{scaled:,.{digits}f}"

    def n(self, n: int, *, hidden: bool = False) -> str:
        return self("hidden") if hidden else f"{n:,}"

    def result(self, row: KpiRow) -> str:
        """The value of a row; a histogram's counts; `< 5` where it is of too few people."""
        if row.hidden:
            return self("hidden")
        if row.bins:
            of_people = row.unit not in OF_THINGS
            return " · ".join(f"{label}: {self.n(n, hidden=of_people and 0 < n < LEAST)}" for label, n in row.bins)
        return self.value(row.unit, row.value, digits_of(row))

    def interval(self, row: KpiRow) -> str:
        if row.hidden or row.ci_low is None or row.ci_high is None:
            return self("not_judged")
        digits = digits_of(row)
        return self(
            "interval", low=self.bare(row.unit, row.ci_low, digits), high=self.bare(row.unit, row.ci_high, digits)
        )

    def goal(self, row: KpiRow) -> list[str]:
        """The targets in force, one a line, the last one last."""
        named = [t for t in row.targets if t.value is not None]
        if not named or row.better == "none":
            return [self("target_none")]
        if len(row.targets) == 1:
            return [self._goal(row, named[-1])]
        return [
            self("target_since", t=self._goal(row, t), date=self.day_short(t.since)) if t.since else self._goal(row, t)
            for t in named
        ]

    def _goal(self, row: KpiRow, target: Target) -> str:
        return self.target(row.unit, row.better, target.value, beyond=row.beyond)

    def target(self, unit: str, better: str, value: float | None, *, beyond: bool = False) -> str:
        """ไม่เกินร้อยละ 5, at most 5%."""
        if value is None or better == "none":
            return self("target_none")
        digits = next(d for d in range(MOST_DIGITS + 1) if d == MOST_DIGITS or _exact(unit, value, d))
        words = self.value(unit, value, digits)
        joined = words if not words[0].isdigit() or self.lang != "th" else f" {words}"
        return self(f"target_{better}{'_beyond' if beyond else ''}", t=joined)

    def verdict(self, row: KpiRow) -> str:
        return self(row.verdict) if row.verdict else self("not_judged")

    def _duration(self, seconds: float, digits: int) -> str:
        if seconds < 60:
            text = f"{seconds:.{digits}f}"
            return self("only_seconds", s=text.rstrip("0").rstrip(".") if "." in text else text)
        whole = round(seconds)
        hours, minutes, left = whole // 3600, whole % 3600 // 60, whole % 60
        if hours:
            return self("hours_minutes", h=hours, m=minutes) if minutes else self("only_hours", h=hours)
        return self("minutes_seconds", m=minutes, s=left) if left else self("only_minutes", m=minutes)


def digits_of(row: KpiRow) -> int:
    """So many decimals that the value does not look like its target, or beyond it, when it is not."""
    scale = 100 if row.unit == "ratio" else 1
    value, target = row.value, row.target
    if value is None or target is None or value == target:
        return 1
    for digits in range(1, MOST_DIGITS):
        if round(value * scale, digits) != round(target * scale, digits):
            return digits
    return MOST_DIGITS


def _exact(unit: str, value: float, digits: int) -> bool:
    scaled = value * 100 if unit == "ratio" else value
    return math.isclose(round(scaled, digits), scaled, rel_tol=1e-12, abs_tol=1e-12)
