"""When a site is open, from what it declares: day by day, with no more than the clock on the wall."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from telemetry.config import Site
from telemetry.hours import public_holidays
from tests.kpis.second_reading.base import local

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST, LAST = date(2015, 1, 1), date(2045, 12, 31)
"""Hours are declared for these days and no others."""
Span = tuple[int, int]
"""From and to in microseconds since 1970, the end not included."""


def declares(site: Site) -> bool:
    return bool(site.hours or site.other_hours)


def is_weekday(text: str, day: date) -> bool:
    """Whether `mon-fri`, `sat`, or `mon,wed` holds this day."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        if DAYS.index(first) <= day.weekday() <= DAYS.index(last or first):
            return True
    return False


def instant(site: Site, day: date, minutes: int) -> int:
    there = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return int(there.replace(tzinfo=ZoneInfo(site.timezone)).timestamp()) * 1_000_000


def spans(site: Site, day: date, text: str) -> list[Span]:
    """Of `08:30-12:00,13:00-16:30` on this day."""
    if not FIRST <= day <= LAST:
        return []
    out = []
    for part in filter(None, text.split(",")):
        first, last = ([int(x) for x in end.split(":")] for end in part.split("-"))
        a, b = (instant(site, day, h * 60 + m) for h, m in (first, last))
        if a < b:
            out.append((a, b))
    return out


def is_free(site: Site, day: date) -> bool:
    """A holiday, or a day on which it is closed."""
    return day in site.closed or (day in public_holidays(site.holidays) and day not in site.open)


def official(site: Site, day: date) -> list[Span]:
    other = {date.fromisoformat(text): hours for text, hours in site.other_hours.items()}
    if day in other:
        return spans(site, day, other[day])
    if is_free(site, day):
        return []
    of_day = [hours for days, hours in site.hours.items() if is_weekday(days, day)]
    return spans(site, day, of_day[-1]) if of_day else []


def lunch(site: Site, day: date) -> list[Span]:
    """The lunch breaks of a day that has official hours."""
    return spans(site, day, site.lunch) if official(site, day) else []


def windows(site: Site, day: date) -> list[tuple[str, Span]]:
    """The declared extra windows of a day."""
    out = []
    for w in site.windows:
        in_force = (w.since is None or w.since <= day) and (w.until is None or day <= w.until)
        free = day in site.closed or (is_free(site, day) and not w.on_holidays)
        if in_force and is_weekday(w.days, day) and not free:
            out += [(w.id, span) for span in spans(site, day, w.hours)]
    return out


def service(site: Site, day: date) -> list[Span]:
    """Official hours and windows of a day together, ascending and apart."""
    out: list[Span] = []
    for a, b in sorted([*official(site, day), *(span for _, span in windows(site, day))]):
        if out and a <= out[-1][1]:
            out[-1] = out[-1][0], max(b, out[-1][1])
        else:
            out.append((a, b))
    return out


def days(site: Site, from_us: int, to_us: int) -> Iterator[date]:
    """The local days that [from_us, to_us] touches, and one more at each end."""
    day, last = (local(site, t).date() + timedelta(days=d) for t, d in ((from_us, -1), (to_us, 1)))
    while day <= last:
        yield day
        day += timedelta(days=1)


def is_open(site: Site, time_us: int) -> bool:
    """Whether it is a service hour; every hour is one where none are declared."""
    if not declares(site):
        return True
    return any(a <= time_us < b for day in days(site, time_us, time_us) for a, b in service(site, day))


def is_official(site: Site, time_us: int) -> bool:
    """The same of official hours, without windows."""
    if not declares(site):
        return True
    return any(a <= time_us < b for day in days(site, time_us, time_us) for a, b in official(site, day))


def next_open(site: Site, time_us: int) -> int:
    """The instant itself where it is a service hour, else the next opening; the instant too where none follows."""
    if is_open(site, time_us):
        return time_us
    day = local(site, time_us).date() - timedelta(days=1)
    while day <= LAST:
        later = [a for a, _ in service(site, day) if a > time_us]
        if later:
            return later[0]
        day += timedelta(days=1)
    return time_us


def service_us(site: Site, from_us: int, to_us: int) -> int:
    """Microseconds of service hours from one instant to another."""
    if not declares(site):
        return max(to_us - from_us, 0)
    parts = [span for day in days(site, from_us, to_us) for span in service(site, day)]
    return sum(max(min(b, to_us) - max(a, from_us), 0) for a, b in parts)
