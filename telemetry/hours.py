"""From declared hours to the core's calendar: days of the week, holidays, half days and extra windows → instants."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from kpis.calendar import Calendar, Hours, Plan, hours
from kpis.columns import I64
from telemetry.settings import Site, Window

FIRST, LAST = date(2015, 1, 1), date(2045, 12, 31)
"""Days that calendars are made for."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NOT_OF_OFFICES = ("National Labor Day", "National Children's Day")
"""Public holidays on which government offices are open, or would be."""

Span = tuple[int, int]
"""Minutes of a day, from and to."""


def calendar_of(sites: Sequence[Site], code: Callable[[str], int]) -> Calendar:
    """The calendar of these sites; those without declared hours are not in it."""
    plans: list[Plan] = []
    index: dict[object, int] = {}
    of_site: dict[int, int] = {}
    for site in sites:
        if not site.hours and not site.other_hours:
            continue
        declared = (
            site.timezone, tuple(site.hours.items()), site.lunch, site.holidays, site.closed, site.open,
            tuple(site.other_hours.items()), site.windows,
        )  # fmt: skip
        if declared not in index:
            index[declared] = len(plans)
            plans.append(_plan(*declared))
        of_site[code(site.id)] = index[declared]
    return Calendar(of_site, tuple(plans))


def problems(site: Site) -> Iterable[tuple[str, str]]:
    """(setting, what is wrong) of the texts that say hours and days."""
    texts: list[tuple[str, Callable[[str], object], str]] = []
    for days, span in site.hours.items():
        texts += [(f"hours.{days}", days_of, days), (f"hours.{days}", spans_of, span)]
    if site.lunch:
        texts.append(("lunch", spans_of, site.lunch))
    for day, span in site.other_hours.items():
        texts.append((f"other_hours.{day}", date.fromisoformat, day))
        if span:
            texts.append((f"other_hours.{day}", spans_of, span))
    for i, window in enumerate(site.windows):
        texts += [(f"windows[{i}].days", days_of, window.days), (f"windows[{i}].hours", spans_of, window.hours)]
    for at, read, text in texts:
        try:
            read(text)
        except ValueError as problem:
            yield at, str(problem)


def days_of(text: str) -> frozenset[int]:
    """Days of the week, Monday 0: `mon-fri`, `sat`, `mon,wed`. ValueError says what is wrong."""
    out: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = part.strip().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"expected days such as mon-fri or sat,sun, got {text!r}")
        a, b = DAYS.index(first), DAYS.index(last or first)
        if b < a:
            raise ValueError(f"expected the days of a week in their order, got {text!r}")
        out.update(range(a, b + 1))
    return frozenset(out)


def spans_of(text: str) -> tuple[Span, ...]:
    """Spans of a day in minutes: `08:30-16:30`, several with a comma. ValueError says what is wrong."""
    out: list[Span] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*([01]?\d|2[0-4])[:.]([0-5]\d)\s*[-–]\s*([01]?\d|2[0-4])[:.]([0-5]\d)\s*", part)
        a, b = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
        if not found or b <= a or b > 1440 or (out and a < out[-1][1]):
            raise ValueError(f"expected hours such as 08:30-16:30, one after another, got {text!r}")
        out.append((a, b))
    return tuple(out)


@lru_cache(maxsize=64)
def _plan(
    zone: str, week: tuple[tuple[str, str], ...], lunch: str, country: str, closed: tuple[date, ...],
    opened: tuple[date, ...], other: tuple[tuple[str, str], ...], windows: tuple[Window, ...],
) -> Plan:  # fmt: skip
    by_weekday = {d: spans_of(span) for days, span in week for d in days_of(days)}
    by_date = {date.fromisoformat(d): spans_of(span) if span else () for d, span in other}
    pause = spans_of(lunch) if lunch else ()
    free = (public_holidays(country) - set(opened)) | set(closed)
    official: list[tuple[date, Span]] = []
    breaks: list[tuple[date, Span]] = []
    extra: dict[str, list[tuple[date, Span]]] = {w.id: [] for w in windows}
    allowed = [(w, days_of(w.days), spans_of(w.hours)) for w in windows]
    day = FIRST
    while day <= LAST:
        is_free = day in free and day not in by_date
        today = () if is_free else by_date.get(day, by_weekday.get(day.weekday(), ()))
        official += [(day, span) for span in today]
        breaks += [(day, span) for span in pause if today]
        for w, weekdays, spans in allowed:
            in_force = (w.since or FIRST) <= day <= (w.until or LAST)
            if day.weekday() in weekdays and in_force and (w.on_holidays or day not in free) and day not in closed:
                extra[w.id] += [(day, span) for span in spans]
        day += timedelta(days=1)
    main = _hours(official, zone)
    of_windows = [(name, _hours(spans, zone)) for name, spans in extra.items()]
    midnights = np.array(
        [_instant(day, 0, zone) for day, _ in (*official, *itertools.chain(*extra.values()))], np.int64
    )
    together = _union([main, *(h for _, h in of_windows)], midnights)
    return Plan(together, main, _hours(breaks, zone), tuple((name, h) for name, h in of_windows))


def _hours(spans: Sequence[tuple[date, Span]], zone: str) -> Hours:
    """Local spans as instants; of hours that the clocks skip or repeat the first reading counts."""
    local = [(day, a, b) for day, (a, b) in spans]
    starts = np.array([_instant(day, a, zone) for day, a, _ in local], np.int64)
    ends = np.array([_instant(day, b, zone) for day, _, b in local], np.int64)
    return _union([hours(starts, ends)], starts[[a == 0 for _, a, _ in local]])


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _instant(day: date, minutes: int, zone: str) -> int:
    there = datetime.combine(day, time(), _zone(zone)) + timedelta(minutes=minutes)  # wall-clock arithmetic
    return int(there.astimezone(UTC).timestamp()) * 1_000_000


def _union(parts: Sequence[Hours], midnights: I64) -> Hours:
    """All of them together; what touches is one, but for hours of two days."""
    start = np.concatenate([np.empty(0, np.int64), *(h.start_us for h in parts)])
    end = np.concatenate([np.empty(0, np.int64), *(h.end_us for h in parts)])
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    keep = end > start
    start, end = start[keep], end[keep]
    if not len(start):
        return hours()
    reach = np.maximum.accumulate(end)
    new = np.ones(len(start), np.bool_)
    new[1:] = (start[1:] > reach[:-1]) | ((start[1:] == reach[:-1]) & np.isin(start[1:], midnights))
    at = np.flatnonzero(new)
    return hours(start[at], np.maximum.reduceat(end, at))


@cache
def public_holidays(country: str) -> frozenset[date]:
    """Days on which the country's government offices are closed, substitution days included."""
    if not country:
        return frozenset()
    years = range(FIRST.year, LAST.year + 1)
    found: Mapping[date, str] = holidays.country_holidays(country, years=years, categories=("public", "government"))
    return frozenset(
        day for day, names in found.items() if any(name not in _NOT_OF_OFFICES for name in names.split("; "))
    )
