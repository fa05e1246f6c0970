"""From a site's configuration to what the core computes with: rules and zones by the journal's codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import I64, Zones
from kpis.model import Rules, Teller
from telemetry.config import Site


def rules_of(
    sites: Sequence[Site],
    code: Callable[[str], int],
    end_us: Mapping[int, int] | None = None,
    tellers: Mapping[int, Teller] | None = None,
) -> Rules:
    """The rules of these sites."""
    by = {code(s.id): s for s in sites}
    return Rules(
        ring_cycle_ms={c: round(s.ring_cycle_s * 1000) for c, s in by.items()},
        ring_clock={c: s.ring_clock for c, s in by.items()},
        short_abandon_ms={c: round(s.short_abandon_s * 1000) for c, s in by.items()},
        service_level_ms={c: round(s.service_level_s * 1000) for c, s in by.items()},
        fcr_window_us={c: round(s.fcr_window_s * 1e6) for c, s in by.items()},
        ticket_target_ms={
            (c, code(service.id)): round(service.target_minutes * 60_000)
            for c, s in by.items()
            for service in s.services
            if service.target_minutes is not None
        },
        end_us=end_us or {},
        tellers=tellers or {},
    )


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
    """Instants from 1990 to 2070 at which the zone's offset changes (found to the minute), and the offsets."""
    where = ZoneInfo(zone)

    def offset(t: datetime) -> timedelta:
        return t.astimezone(where).utcoffset() or timedelta()

    t, end = datetime(1990, 1, 1, tzinfo=UTC), datetime(2070, 1, 1, tzinfo=UTC)
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
