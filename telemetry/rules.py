"""From a site's configuration to what the core computes with: rules and zones by the journal's codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import I64, Zones
from kpis.declared import ALWAYS, Steps, steps
from kpis.model import Rules, Teller
from telemetry.hours import calendar_of
from telemetry.settings import Change, Channel, Site
from telemetry.voided import source_of

REPLY_MINUTES = {"email": 1440.0, "chat": 15.0, "line": 15.0, "facebook": 60.0}
"""The standard's examples: the longest time to a first reply, where a centre declares no other."""


def rules_of(
    sites: Sequence[Site],
    code: Callable[[str], int],
    end_us: Mapping[int, int] | None = None,
    tellers: Mapping[int, Teller] | None = None,
    as_of_us: Mapping[int, int] | None = None,
) -> Rules:
    """The rules of these sites."""
    by = {code(s.id): s for s in sites}
    channels = {c: _channels(s) for c, s in by.items()}
    return Rules(
        ring_cycle_ms={c: round(s.ring_cycle_s * 1000) for c, s in by.items()},
        ring_clock={c: s.ring_clock for c, s in by.items()},
        short_abandon_ms={c: round(s.short_abandon_s * 1000) for c, s in by.items()},
        fcr_window_us={c: round(s.fcr_window_s * 1e6) for c, s in by.items()},
        service_level_ms=steps(_service_levels(by)),
        ticket_target_ms=_by_unit(_minutes(by, "target_minutes"), code),
        service_target_ms=_by_unit(_minutes(by, "service_minutes"), code),
        reply_target_ms=_by_unit(_replies(by, channels), code),
        reply_in_service_hours={
            (c, code(channel.id)): channel.clock == "service" for c, of in channels.items() for channel in of
        },
        no_show_calls={c: s.no_show_calls for c, s in by.items()},
        no_show_ms={c: round(s.no_show_s * 1000) for c, s in by.items()},
        vote_pause_us={c: round(s.vote_pause_s * 1e6) for c, s in by.items()},
        vote_link_us={c: round(s.vote_link_s * 1e6) for c, s in by.items()},
        silent_ms={c: round(s.silent_s * 1000) for c, s in by.items()},
        services={c: frozenset(code(x.id) for x in s.services) for c, s in by.items()},
        categories={(c, code(x.id)): x.category for c, s in by.items() for x in s.services},
        window_units={w.id: code(w.id) for s in sites for w in s.windows},
        calendar=calendar_of(sites, code),
        as_of_us=as_of_us or {},
        end_us=end_us or {},
        tellers=tellers or {},
        by_hand=by_hand(sites, code),
    )


def by_hand(sites: Sequence[Site], code: Callable[[str], int]) -> frozenset[int]:
    """The sources of what people told at these sites, as far as they ever told anything."""
    return frozenset(c for s in sites if (c := code(source_of(s.id))) >= 0)


def names_of(site: Site) -> list[str]:
    """What a journal must have codes for before any event names it: the site, its services, channels and windows."""
    of_channels, of_windows = (x.id for x in _channels(site)), (x.id for x in site.windows)
    return [site.id, *(service.id for service in site.services), *of_channels, *of_windows]


def _channels(site: Site) -> list[Channel]:
    """The site's channels, and those of the standard that it does not declare itself."""
    own = {channel.id: channel for channel in site.channels}
    return [*own.values(), *(Channel(id=name) for name in REPLY_MINUTES if name not in own)]


def since_us(site: Site, change: Change) -> int:
    """The instant from which a change is in force: the beginning of its day at the site."""
    there = datetime.combine(change.since, time(), ZoneInfo(site.timezone))
    return int(there.timestamp()) * 1_000_000


def _service_levels(by: Mapping[int, Site]) -> Iterator[tuple[int, int, int]]:
    for c, site in by.items():
        yield c, ALWAYS, round(site.service_level_s * 1000)
        for change in site.changes:
            if change.service_level_s is not None:
                yield c, since_us(site, change), round(change.service_level_s * 1000)


_Declared = Iterator[tuple[int, str, int, float]]
"""Site code, unit, from when, minutes."""


def _by_unit(rows: _Declared, code: Callable[[str], int]) -> Steps:
    """The rows of units that have a code; what no event has ever named needs none."""
    known = ((site, code(unit), from_us, round(minutes * 60_000)) for site, unit, from_us, minutes in rows)
    return steps((site << 32 | unit, from_us, ms) for site, unit, from_us, ms in known if site >= 0 and unit >= 0)


def _minutes(by: Mapping[int, Site], name: str) -> _Declared:
    for c, site in by.items():
        for service in site.services:
            if (declared := getattr(service, name)) is not None:
                yield c, service.id, ALWAYS, declared
        for change in site.changes:
            for unit, minutes in getattr(change, name).items():
                yield c, unit, since_us(site, change), minutes


def _replies(by: Mapping[int, Site], channels: Mapping[int, Sequence[Channel]]) -> _Declared:
    for c, site in by.items():
        for channel in channels[c]:
            minutes = channel.reply_minutes or REPLY_MINUTES.get(channel.id)
            if minutes is not None:
                yield c, channel.id, ALWAYS, minutes
        for change in site.changes:
            for unit, minutes in change.reply_minutes.items():
                yield c, unit, since_us(site, change), minutes


def zones_of(sites: Sequence[Site], code: Callable[[str], int]) -> Zones:
    """The local times of these sites."""
    names = sorted({s.timezone for s in sites}) or ["UTC"]
    steps = [_steps(name) for name in names]
    return Zones(
        of_site={code(s.id): names.index(s.timezone) for s in sites},
        starts_us=tuple(s for s, _ in steps),
        offsets_us=tuple(o for _, o in steps),
    )


@cache
def _steps(zone: str) -> tuple[I64, I64]:
    """Instants from 1990 to 2110 at which the zone's offset changes (found to the minute), and the offsets: dates due lie
    up to 50 years ahead."""
    where = ZoneInfo(zone)

    def offset(t: datetime) -> timedelta:
        return t.astimezone(where).utcoffset() or timedelta()

    t, end = datetime(1990, 1, 1, tzinfo=UTC), datetime(2110, 1, 1, tzinfo=UTC)
    starts, offsets = [-(2**62)], [offset(t)]
    while t < end:
        after = t + timedelta(days=7)
        if offset(after) != offsets[-1]:
            low, high = t, after
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
            high = high.replace(second=0, microsecond=0)
            starts.append(int(high.timestamp()) * 1_000_000)
            offsets.append(offset(after))
        t = after
    return np.array(starts, np.int64), np.array([round(o.total_seconds() * 1e6) for o in offsets], np.int64)
