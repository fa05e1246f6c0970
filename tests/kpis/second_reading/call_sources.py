"""Several logs of one telephone system: of each call the best that knows it counts, and what only a lesser one knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from telemetry.events import Event


class Log(NamedTuple):
    system: int
    rank: int
    """1 tells best."""
    followed: bool
    """What it does not hold by now has not happened there."""


LOGS = {
    "bangrak-log": Log(1, 1, followed=False),
    "bangrak-cel": Log(1, 2, followed=False),
    "bangrak-cdr": Log(1, 4, followed=False),
    "berlin-log": Log(2, 1, followed=True),
    "berlin-cel": Log(2, 2, followed=False),
}
"""The sources of the worlds that tell of one system; every other one tells of its own."""

REFUSALS = ("call.turned_away_empty", "call.turned_away_full", "call.turned_away_closed")
EXITS = (
    "call.abandoned",
    "call.timed_out",
    "call.no_agent",
    "call.left_by_key",
    "call.withdrawn",
    "call.system_drop",
    *REFUSALS,
)
TALKED = ("call.completed", "call.transferred")
PASSAGE = (
    "call.entered",
    "call.ring_no_answer",
    "call.ring_cancelled",
    "call.connected",
    "call.agent_dumped",
    *TALKED,
    *EXITS,
)
HALF_A_DAY_US = 12 * 3600 * 1_000_000


def tell_apart(events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """The events that count, and those of the best source of each call that only a lesser source knows."""
    told: dict[tuple[int, str], list[int]] = defaultdict(list)
    for i, e in enumerate(events):
        if e.source in LOGS and e.contact and (e.type == "call.did" or e.type in PASSAGE):
            told[LOGS[e.source].system, e.contact].append(i)
    dropped: set[int] = set()
    elsewhere: list[Event] = []
    for (system, _), places in told.items():
        best = min(LOGS[events[i].source].rank for i in places)
        of_best = [i for i in places if LOGS[events[i].source].rank == best]
        if missing_from_better(events, system, best, min(events[i].time_us for i in places)):
            dropped.update(places)
            elsewhere += [events[i] for i in of_best]
        else:
            dropped.update(set(places) - set(of_best))
    return [e for i, e in enumerate(events) if i not in dropped], elsewhere


def missing_from_better(events: Sequence[Event], system: int, rank: int, arrival_us: int) -> bool:
    """A better source was there when the call arrived: it told of anything within 12 hours before, and within 12 hours
    after or it is still followed."""
    better = [e for e in events if e.source in LOGS and LOGS[e.source].system == system and LOGS[e.source].rank < rank]
    before = any(0 <= arrival_us - e.time_us <= HALF_A_DAY_US for e in better)
    after = any(0 < e.time_us - arrival_us <= HALF_A_DAY_US or LOGS[e.source].followed for e in better)
    return before and after
