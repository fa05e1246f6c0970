"""Which period is asked for and what of it, from the words of a command line; years of the Buddhist Era where they can be nothing else."""

from __future__ import annotations

import re
from datetime import date, timedelta

from telemetry.evidence.period import Period, fiscal_quarter, fiscal_year, last_days, month

BUDDHIST = 2400
"""A year from here on is of the Buddhist Era."""
LAST_DAYS = 90
PRESETS = ("full", "criterion", "surprise-check", "monthly", "ministry")
"""What may be asked of a period."""


def year_be(text: str) -> int:
    """A fiscal year such as 2569. ValueError for anything else, a Christian year too: which of two would be meant?"""
    if not re.fullmatch(r"2[4-6]\d\d", text):
        raise ValueError(f"--fiscal-year: expected a year of the Buddhist Era such as 2569, got {text!r}")
    return int(text)


def of_fiscal_year(text: str) -> Period:
    return fiscal_year(year_be(text))


def of_quarter(text: str) -> Period:
    """A quarter of a fiscal year: 2569/2."""
    found = re.fullmatch(r"(2[4-6]\d\d)/([1-4])", text)
    if not found:
        raise ValueError(f"--quarter: expected fiscal year and quarter such as 2569/2, got {text!r}")
    return fiscal_quarter(int(found[1]), int(found[2]))


def of_month(text: str) -> Period:
    """A month: 2569-03 or 2026-03."""
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if not found:
        raise ValueError(f"--month: expected a month such as 2569-03 or 2026-03, got {text!r}")
    year = int(found[1])
    return month(year - 543 if year >= BUDDHIST else year, int(found[2]))


def of_last_days(newest: date) -> Period:
    """The 90 days up to the newest sealed one."""
    return last_days(newest, LAST_DAYS)


def of_span(first: str | None, last: str | None) -> Period:
    """From a day to before another, as everywhere on the command line."""
    if not first or not last:
        raise ValueError("--from, --to: both are needed")
    days = []
    for name, text in (("--from", first), ("--to", last)):
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            raise ValueError(f"{name}: expected a date such as 2026-03-01, got {text!r}") from None
    if days[1] <= days[0]:
        raise ValueError("--to: must be later than --from; that day is not in the period")
    return Period("span", days[0], days[1] - timedelta(days=1))
