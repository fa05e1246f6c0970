"""What `gecc check-source` finds out about a log: what it is, how it is written, what is in it, what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from collectors.base import Guess, HoldsBack
from collectors.formats import FORMATS
from collectors.formats.options import Options
from telemetry.config import Site, source_from
from telemetry.events import Event, Rejected
from telemetry.privacy import redact
from telemetry.sources import decoder_of

TRIED = 5000
"""Records that are enough to find out zone and era."""
TRIED_BY_ZONE = 200
_HOUR_US = 3_600_000_000
_NEAR_US = 10 * 60 * 1_000_000
_EPOCH_ID = re.compile(r"(?:^|-)(1\d{9})\.\d+$")
"""Asterisk's ids of channels begin with the second of their beginning, in UTC."""

Records = Callable[[], Iterable[bytes]]
"""The records of the log, from the beginning each time."""


@dataclass
class Seen:
    """What one reading of a log brought."""

    settings: dict[str, Any]
    """Of `[[sites.sources]]`, as it was read."""
    records: int = 0
    ignored: int = 0
    events: list[Event] = field(default_factory=list)
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    """Number of the record, from 1, and why it cannot be read."""
    what: str = ""
    sure: float = 0.0
    others: list[str] = field(default_factory=list)
    """What else it could be."""
    notes: list[str] = field(default_factory=list)
    """How zone and era were found, and what is doubtful."""


def look(
    found: Sequence[tuple[str, Guess]],
    records: Records,
    *,
    said: Mapping[str, Any],
    site: Site,
    received_us: int,
    written_us: int,
) -> Seen:
    """Read a log as the first of `found` (formats with what they made of it) and what is `said` about it.

    `written_us` is about when its newest record was written. ConfigError says what the settings get wrong.
    """
    name, guess = found[0]
    row = FORMATS[name]
    settings: dict[str, Any] = {**guess.settings, **said, "format": name}
    notes: list[str] = []

    def first() -> Iterator[bytes]:
        return islice(records(), TRIED)

    lacking = [need for need in row.needs if need != "timezone" and not settings.get(need)]
    if lacking:
        return _unread(settings, guess, records, lacking)
    if "timezone" in row.takes and "timezone" not in {**guess.settings, **said}:
        settings["timezone"] = "UTC"
    if "era" in row.takes and "era" not in said:
        notes += _find_era(settings, first, site, received_us)
    if "timezone" in row.takes and "timezone" not in {**guess.settings, **said}:
        dated_ids = row.system == "asterisk"
        tried = _read(settings, first, site, received_us)
        east_h = 0
        if dated_ids and not tried.events:  # each time is too far from the one in its id
            east_h, tried = _nearer(settings, first, site, received_us)
        zone, why = _zone(tried.events, written_us, site, east_h=east_h, dated_ids=dated_ids)
        settings["timezone"] = zone or site.timezone
        notes.append(why if zone else f"{why}; {site.timezone} stands below as the centre's own: make sure of it")
        if settings["timezone"] == site.timezone and "timezone" not in row.needs:
            del settings["timezone"]
    seen = _read(settings, records, site, received_us)
    if seen.ignored and not seen.events and "internal_digits" in row.takes:
        digits = settings.get("internal_digits", Options().internal_digits)
        notes.append(
            f"none of it is a call of a citizen: numbers of up to {digits} digits are extensions (internal_digits)"
        )
    seen.what, seen.sure, seen.notes = _blanked(guess.what or name), guess.sure, notes
    seen.others = [f"{_blanked(other.what)} (format {n})" for n, other in found[1:] if other.sure > guess.sure / 2]
    return seen


def _unread(settings: dict[str, Any], guess: Guess, records: Records, lacking: Sequence[str]) -> Seen:
    """What can be said of a log that must be described by hand before anything of it can be read."""
    seen = Seen(settings, records=sum(1 for _ in records()), what=_blanked(guess.what), sure=guess.sure)
    told = " and ".join(lacking)
    seen.notes.append(f"nothing of it can be read before {told} says what stands where: see deploy/pbx/any-other.md")
    return seen


def _nearer(settings: dict[str, Any], first: Records, site: Site, received_us: int) -> tuple[int, Seen]:
    """Hours east of UTC at which most of the log's times can be read, and that reading."""
    few = list(islice(first(), TRIED_BY_ZONE))
    readings = {
        hours: _read({**settings, "timezone": f"Etc/GMT{-hours:+d}"}, lambda: few, site, received_us)
        for hours in range(-12, 15)
        if hours
    }
    return max(readings.items(), key=lambda one: len(one[1].events))


def _read(settings: dict[str, Any], records: Records, site: Site, received_us: int) -> Seen:
    source = source_from({"id": "check", **settings}, Path(), FORMATS)
    decoder = decoder_of(source, site)
    seen = Seen(settings)
    for number, record in enumerate(records(), 1):
        decoded = decoder.feed([record], received_us)
        seen.records = number
        seen.ignored += decoded.ignored
        seen.events += decoded.events
        seen.rejected += [(number, r._replace(detail=_blanked(r.detail))) for r in decoded.rejected]
    if isinstance(decoder, HoldsBack):
        seen.events += decoder.flush()
    return seen


def _blanked(text: str) -> str:
    """A text for people, without the number of anybody that a log may have brought into it."""
    return redact(text.encode("utf-8", "backslashreplace")).decode()


def _find_era(settings: dict[str, Any], first: Records, site: Site, received_us: int) -> list[str]:
    """Set the era by what can be read: years of one era are out of range in the other."""
    readings = {era: _read({**settings, "era": era}, first, site, received_us) for era in ("ce", "be")}
    good = {era: len(seen.events) for era, seen in readings.items()}
    if good["ce"] and good["be"]:
        if len(_read({**settings, "era": "auto"}, first, site, received_us).events) <= good["ce"]:
            return []  # years of two digits, or none, are of either
        settings["era"] = "auto"
        return ['its years are of the Common and of the Buddhist Era: era = "auto" tells them apart line by line']
    if good["be"]:
        settings["era"] = "be"
        return ["its years are of the Buddhist Era"]
    return []


def _zone(events: Sequence[Event], written_us: int, site: Site, *, east_h: int, dated_ids: bool) -> tuple[str, str]:
    """The probable zone of times that were read as so many hours east of UTC, "" where it cannot be told, and why."""
    if not events:
        return "", "no time could be read"
    entered = (e for e in events if e.type == "call.entered")
    began = [(e.time_us, int(m[1])) for e in entered if (m := _EPOCH_ID.search(e.contact))]
    if began and dated_ids:
        ahead_us = median(t - s * 1_000_000 for t, s in began) + east_h * _HOUR_US
        why = "its call ids hold the time in UTC, {hours:+g} h from the log's: {name}"
    else:
        ahead_us = max(e.time_us for e in events) - written_us
        why = "its newest time is {hours:+g} h from when it was written, in UTC: probably {name}"
    hours = round(ahead_us / _HOUR_US * 2) / 2
    here = datetime.fromtimestamp(written_us / 1e6, ZoneInfo(site.timezone)).utcoffset() or timedelta()
    near = abs(ahead_us - hours * _HOUR_US) <= _NEAR_US
    name = ""
    if near and hours == here.total_seconds() / 3600:
        name = site.timezone
    elif near and hours == 0:
        name = "UTC"
    elif near and hours.is_integer() and -12 <= hours <= 14:
        name = f"Etc/GMT{-hours:+.0f}"
        if not (began and dated_ids):  # one file in three that was copied much later looks like that
            return (
                "",
                f"its newest time is {hours:+g} h from when the file was written: an old copy, or it is of {name}",
            )
    if not name:
        return "", "the time zone cannot be told: its newest record is not from when the file was last written"
    return name, why.format(hours=hours, name=name)
