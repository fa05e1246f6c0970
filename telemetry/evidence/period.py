"""The days that a report is about, and the Thai fiscal year that they are cut by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class Holiday:
    day: date
    name: str


@dataclass(frozen=True, slots=True)
class Period:
    """The local days first to last, both included, and what they are called."""

    kind: Literal["fiscal_year", "quarter", "month", "last_days", "span"]
    first: date
    last: date
    service_days: int | None = None
    """Days with service hours; None where the centre declares none."""
    holidays: tuple[Holiday, ...] = ()
    """Public holidays and other closed days on which no service was due."""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def fiscal_year(year_be: int) -> Period:
    """The Thai fiscal year of a Buddhist year: October of the year before to September."""
    year = year_be - 543
    return Period("fiscal_year", date(year - 1, 10, 1), date(year, 9, 30))


def fiscal_quarter(year_be: int, quarter: int) -> Period:
    """Quarter 1 to 4 of a fiscal year; the first is October to December."""
    if quarter not in range(1, 5):
        raise ValueError(f"quarter: expected 1 to 4, got {quarter}")
    months = (year_be - 543) * 12 - 3 + (quarter - 1) * 3
    return Period("quarter", _first_of(months), date.fromordinal(_first_of(months + 3).toordinal() - 1))


def month(year: int, number: int) -> Period:
    """A calendar month, its year in CE."""
    months = year * 12 + number - 1
    return Period("month", _first_of(months), date.fromordinal(_first_of(months + 1).toordinal() - 1))


def last_days(last: date, days: int = 90) -> Period:
    """So many days up to a day, which is one of them."""
    return Period("last_days", date.fromordinal(last.toordinal() - days + 1), last)


def fiscal_year_of(day: date) -> int:
    """The Buddhist year of the fiscal year that a day is in."""
    return day.year + 543 + (day.month >= 10)


def fiscal_quarter_of(day: date) -> int:
    return (day.month - 10) % 12 // 3 + 1


def _first_of(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)
