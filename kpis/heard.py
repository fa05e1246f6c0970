"""What a journal knows of its sources beside their events: gaps, refusals, repeats, and how late events came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from kpis.columns import I32, I64

OTHER, CALLS, TICKETS, VOTES, CONVERSATIONS, CASES, DEVICE, HEARTBEAT = range(8)
"""What an event tells of."""

KIND_OF_TYPE: npt.NDArray[np.int64] = np.zeros(128, np.int64)
"""Event type → one of these."""
KIND_OF_TYPE[[*range(50, 67), 69, 70]] = CALLS
KIND_OF_TYPE[[*range(10, 20), 26]] = TICKETS
KIND_OF_TYPE[40:42] = VOTES
KIND_OF_TYPE[20:26] = CONVERSATIONS
KIND_OF_TYPE[100:110] = CASES
KIND_OF_TYPE[90:92] = DEVICE
KIND_OF_TYPE[92] = HEARTBEAT


def _i32() -> I32:
    return np.empty(0, np.int32)


def _i64() -> I64:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known beside the events of [from_us, to_us). Arrays of one prefix are of one length; sites and sources
    are the journal's codes, quarters the instants at which quarters of an hour of receipt begin (UTC)."""

    from_us: int = -(2**62)
    to_us: int = 2**62
    first_us: Mapping[int, int] = field(default_factory=dict)
    """Site → time of its first event ever."""

    told_site: I32 = field(default_factory=_i32)
    """Which source ever told of which kind, and since when."""
    told_source: I32 = field(default_factory=_i32)
    told_kind: I64 = field(default_factory=_i64)
    told_since_us: I64 = field(default_factory=_i64)

    gap_site: I32 = field(default_factory=_i32)
    """Times of which something is known to be missing."""
    gap_source: I32 = field(default_factory=_i32)
    gap_from_us: I64 = field(default_factory=_i64)
    gap_to_us: I64 = field(default_factory=_i64)
    gap_lost: I64 = field(default_factory=_i64)
    """Numbers of a device's own count that never came; 0 for gaps of other kinds."""

    tally_site: I32 = field(default_factory=_i32)
    """What came in a quarter of an hour."""
    tally_source: I32 = field(default_factory=_i32)
    tally_quarter_us: I64 = field(default_factory=_i64)
    tally_events: I64 = field(default_factory=_i64)
    tally_duplicates: I64 = field(default_factory=_i64)
    """MISSING for the time before this was kept."""
    tally_rejected: I64 = field(default_factory=_i64)
    tally_ahead: I64 = field(default_factory=_i64)
    """Events, among `tally_events`, whose own time is later than their receipt."""
    tally_lag_ms: I64 = field(default_factory=_i64)
    """From happening to receipt, of the other ones together."""

    lag_site: I32 = field(default_factory=_i32)
    """The same times as a histogram: `lag_n` events were `lag_s` late, as `lag_seconds` rounds it."""
    lag_source: I32 = field(default_factory=_i32)
    lag_quarter_us: I64 = field(default_factory=_i64)
    lag_s: I64 = field(default_factory=_i64)
    lag_n: I64 = field(default_factory=_i64)


NOTHING = Heard()


def joined(parts: Sequence[Heard]) -> Heard:
    """What is known of several sites apart, taken together."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NOTHING
    columns = [f.name for f in fields(Heard) if f.name not in ("from_us", "to_us", "first_us")]
    return Heard(
        max(p.from_us for p in parts),
        max(p.to_us for p in parts),
        {site: us for p in parts for site, us in p.first_us.items()},
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in columns},
    )


def lag_seconds(lag_us: I64) -> I64:
    """Microseconds from happening to receipt as seconds: rounded up to whole seconds as far as a minute, to whole
    minutes as far as an hour, to whole hours as far as a day, to whole days beyond."""
    s = -(-lag_us // 1_000_000)
    step = np.select([s <= 60, s <= 3600, s <= 86_400], [1, 60, 3600], 86_400)
    out: I64 = -(-s // step) * step
    return out


def lag_second(lag_us: int) -> int:
    """The same of one."""
    s = -(-lag_us // 1_000_000)
    step = 1 if s <= 60 else 60 if s <= 3600 else 3600 if s <= 86_400 else 86_400
    return -(-s // step) * step
