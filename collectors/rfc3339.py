"""RFC 3339 text → microseconds since 1970 UTC: strict, zone required, fast for the times of live devices."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MINUTE = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):", re.ASCII)
_REST = re.compile(r"([0-5]\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII)
_KEEP = 20_000  # texts remembered of each half, before both are forgotten

_minutes: dict[str, int] = {}
_rests: dict[str, int] = {}


def time_us(text: str) -> int:
    """Microseconds since 1970 UTC; ValueError for anything but a full RFC 3339 time with its zone.

    Digits beyond the microsecond are cut. A leap second (`:60`) is an error, as nothing here could hold it.
    """
    # Messages of one time share the minute, and few devices differ in zone: both halves are remembered.
    try:
        return _minutes[text[:17]] + _rests[text[17:]]
    except KeyError:
        return _minute_us(text[:17]) + _rest_us(text[17:])


def _minute_us(text: str) -> int:
    found = _MINUTE.fullmatch(text)
    if not found:
        raise ValueError(text)
    year, month, day, hour, minute = map(int, found.groups())
    us = int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000
    if len(_minutes) >= _KEEP:
        _minutes.clear()
    _minutes[text] = us
    return us


def _rest_us(text: str) -> int:
    found = _REST.fullmatch(text)
    if not found:
        raise ValueError(text)
    second, fraction, sign, hours, minutes = found.groups()
    us = int(second) * 1_000_000 + int((fraction or "0")[:6].ljust(6, "0"))
    if sign:
        offset_us = (int(hours) * 60 + int(minutes)) * 60_000_000
        us += offset_us if sign == "-" else -offset_us
    if len(_rests) >= _KEEP:
        _rests.clear()
    _rests[text] = us
    return us
