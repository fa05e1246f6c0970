"""Wall-clock times of logs → microseconds since 1970 UTC: zone, era and order of dates are told, never guessed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_THAI_DIGITS = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")
_THAI_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("ม.ค.", "มกราคม"), ("ก.พ.", "กุมภาพันธ์"), ("มี.ค.", "มีนาคม"), ("เม.ย.", "เมษายน"), ("พ.ค.", "พฤษภาคม"),
            ("มิ.ย.", "มิถุนายน"), ("ก.ค.", "กรกฎาคม"), ("ส.ค.", "สิงหาคม"), ("ก.ย.", "กันยายน"), ("ต.ค.", "ตุลาคม"),
            ("พ.ย.", "พฤศจิกายน"), ("ธ.ค.", "ธันวาคม"),
        ),
        1,
    )
    for name in names
}  # fmt: skip
_DATE = re.compile(r"(\d{1,4})([-/. ])(\d{1,2}|[^\d\s/-]{3,12})\2(\d{1,4})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)? ?([AaPp][Mm]?)?")
_ORDERS = {"ymd": (0, 1, 2), "dmy": (2, 1, 0), "mdy": (2, 0, 1)}
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_BUDDHIST = 543
_BUDDHIST_FROM = 2400
_DATES_KEPT = 4096
_EPOCH = date(1970, 1, 1)
_DAY_US = 86_400 * 1_000_000
HOURS_AND_MINUTES = {f"{h:02d}:{m:02d}:": (h * 60 + m) * 60 for h in range(24) for m in range(60)}
"""`09:00:` → seconds since midnight."""
SECONDS = {f"{s:02d}": s for s in range(60)}
_MINUTES_KEPT = 4096
_SHOWN = 40
"""Characters of a text that a reject names."""


class Clock:
    """Reads the times of one log. Its results are cached by date: a log has few."""

    def __init__(self, zone: str, *, era: str = "ce", order: str = "ymd") -> None:
        """`era` is ce, be or auto (years above 2400 are Buddhist Era); `order` ymd, dmy or mdy. A year of four
        digits that stands first is a year in any order."""
        self._zone: tzinfo = UTC if zone in ("UTC", "Etc/UTC") else ZoneInfo(zone)
        self._era, self._order = era, _ORDERS[order]
        self._days: dict[str | tuple[str, int], tuple[date, int | None]] = {}
        self._minutes: dict[str, int] = {}
        """`2026-11-21 09:00:` and its like, the beginnings of times that have been read."""

    def us(self, text: str, near_us: int = 0) -> int:
        """`2026-11-21 09:00:00.25` and its like. ValueError says what is wrong. Years of two digits need `near_us`,
        a time that the right one is close to; a local time that occurs twice is its first."""
        minute_us, second = self._minutes.get(text[:-2]), SECONDS.get(text[-2:])
        if minute_us is not None and second is not None:
            return minute_us + second * 1_000_000
        day, _, time = text.partition(" ")
        if (at := text.find("T")) > 0 and not time:
            day, time = text[:at], text[at + 1 :]
        found_us = self.at(day, time, near_us)
        # Of other days a second does not tell the minute, or the day around tells the century.
        if (
            second is not None
            and time[:-2] in HOURS_AND_MINUTES
            and day in self._days
            and self._days[day][1] is not None
        ):
            if len(self._minutes) >= _MINUTES_KEPT:
                self._minutes.clear()
            self._minutes[text[:-2]] = found_us - second * 1_000_000
        return found_us

    def at(self, day: str, time: str, near_us: int = 0) -> int:
        """The same with the date and the time of day apart."""
        known = self._days.get(day) or self._days.get((day, near_us // _DAY_US))
        if known is None:
            known = self._day(day, near_us)
        when, offset_s = known
        seconds, micros = _time_of_day(time)
        if offset_s is None:
            return self._slowly(when, seconds) * 1_000_000 + micros
        return ((when - _EPOCH).days * 86400 + seconds - offset_s) * 1_000_000 + micros

    def midnight(self, day: str, near_us: int = 0) -> int:
        """When a day begins, if its clock is not changed around then; -1 where that, or the day, cannot be told."""
        if " " in day:
            return -1
        try:
            known = self._days.get(day) or self._days.get((day, near_us // _DAY_US)) or self._day(day, near_us)
        except ValueError:
            return -1
        when, offset_s = known
        return -1 if offset_s is None else ((when - _EPOCH).days * 86400 - offset_s) * 1_000_000

    def _day(self, text: str, near_us: int) -> tuple[date, int | None]:
        plain = text.strip().translate(_THAI_DIGITS)
        match = _DATE.fullmatch(plain)
        if match is None:
            raise ValueError(f"{text[:_SHOWN]!r} is no date")
        parts = [match[1], match[3], match[4]]
        year, month, day = (parts[0], parts[1], parts[2]) if len(parts[0]) == 4 else (parts[i] for i in self._order)
        if len(year) not in (2, 4):
            raise ValueError(f"{text[:_SHOWN]!r}: a year has two or four digits; check date_order")
        months = int(month) if month.isdigit() else _THAI_MONTHS.get(month, 0)
        if not day.isdigit():
            raise ValueError(f"{text[:_SHOWN]!r} is no date")
        number = self._year(int(year), text) if len(year) == 4 else _near_year(int(year), months, int(day), near_us)
        try:
            when = date(number, months, int(day))
        except ValueError:
            raise ValueError(f"{text[:_SHOWN]!r} is no day of the calendar; check date_order") from None
        noon = datetime(number, months, int(day), tzinfo=self._zone)
        edges = {(noon + timedelta(hours=h)).utcoffset() for h in (-3, 0, 6, 12, 18, 27)}
        offset = edges.pop()
        known = (when, None if edges or offset is None else round(offset.total_seconds()))
        if len(self._days) >= _DATES_KEPT:
            self._days.clear()
        # Of two digits, only the day around tells the century.
        self._days[text if len(year) == 4 else (text, near_us // _DAY_US)] = known
        return known

    def _year(self, year: int, text: str) -> int:
        if self._era == "be" or (self._era == "auto" and year > _BUDDHIST_FROM):
            year -= _BUDDHIST
        if _FIRST_YEAR <= year < _LAST_YEAR:
            return year
        hint = ""
        if year > _BUDDHIST_FROM:
            hint = '; it looks like Buddhist Era: set era = "be" or "auto"'
        elif self._era == "be":
            hint = '; it looks like Common Era: set era = "ce" or "auto"'
        raise ValueError(f"{text[:_SHOWN]!r}: no year between {_FIRST_YEAR} and {_LAST_YEAR}{hint}")

    def _slowly(self, when: date, seconds: int) -> int:
        local = datetime(when.year, when.month, when.day) + timedelta(seconds=seconds)  # noqa: DTZ001  the log's own
        return round(local.replace(tzinfo=self._zone).timestamp())


def _near_year(year: int, month: int, day: int, near_us: int) -> int:
    """The year of two digits, of the Common or the Buddhist Era, whose day is the nearest."""
    if not near_us:
        raise ValueError(f"a year of two digits ({year:02d}) and nothing to tell its century")
    near = (datetime.fromtimestamp(near_us / 1e6, UTC)).date()

    def away(candidate: int) -> float:
        if not _FIRST_YEAR <= candidate < _LAST_YEAR:
            return float("inf")
        try:
            return abs((date(candidate, month, day) - near).days)
        except ValueError:
            return float("inf")

    return min((2000 + year, 2500 + year - _BUDDHIST), key=away)


def _time_of_day(text: str) -> tuple[int, int]:
    """Seconds since midnight, and microseconds."""
    if text[:6] in HOURS_AND_MINUTES and text[6:] in SECONDS:
        return HOURS_AND_MINUTES[text[:6]] + SECONDS[text[6:]], 0
    match = _TIME.fullmatch(text.strip().translate(_THAI_DIGITS))
    if match is None:
        raise ValueError(f"{text[:_SHOWN]!r} is no time of day")
    h, m, s = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[5]:
        if not 1 <= h <= 12:
            raise ValueError(f"{text[:_SHOWN]!r} is no time of day")
        h = h % 12 + (12 if match[5][0] in "Pp" else 0)
    if h > 23 or m > 59 or s > 59:
        raise ValueError(f"{text[:_SHOWN]!r} is no time of day")
    return h * 3600 + m * 60 + s, int((match[4] or "0").ljust(6, "0")[:6])
