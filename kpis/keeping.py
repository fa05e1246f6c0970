"""Facts of a centre that stay as they are while a day goes on: a tick makes anew what its events and the clock can change.

Most ticks bring an event or two. What is made of other types of events, and does not depend on the time that has passed,
is what it was; `READS` says what each part is made of, and a test holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

import numpy as np

from kpis.columns import DAY_US, I64, Bool, Columns, Zones
from kpis.model import Facts, Rules

_T = TypeVar("_T")


def _types(*codes: Iterable[int]) -> Bool:
    out = np.zeros(128, np.bool_)
    for some in codes:
        out[list(some)] = True
    return out


_PBX, _TICKETS, _COUNTERS, _VOTES, _FINISHED = (*range(50, 90), 95, 96), (*range(10, 20), 26), (30, 31), (40, 41), (16,)
READS: dict[str, Bool] = {
    "agents": _types(_PBX),
    "calls": _types(_PBX),
    "tickets": _types(_TICKETS),
    "votes": _types(_VOTES, _FINISHED),
    "counters": _types(_TICKETS, _COUNTERS),
    "cover": _types(_PBX, _TICKETS),
}
"""Part → types of events that it is made of. What is not here is made anew each time."""
_OF_ANY = ("agents", "calls", "cover")
"""Where several sources tell of one call, these depend on whether a source told anything."""
_AS_OF = "as_of_us"
_RULES = tuple(f.name for f in fields(Rules) if f.name != _AS_OF)


@dataclass(slots=True)
class Kept:
    """What was made of a site's events, for when more of them have come. Rules may differ in their cut-off alone."""

    day: int = -1
    """Local day of the cut-off."""
    _seq: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    _of: tuple[Any, ...] = ()
    """Rules and zones that it was made by."""
    _made: dict[str, tuple[Hashable, Any]] = field(default_factory=dict)
    _sums: dict[str, tuple[Facts, Any]] = field(default_factory=dict)

    def take_up(self, cols: Columns, rules: Rules, zones: Zones) -> None:
        """Let go of what these events change: all where they are not those of before and some more, or of a site without a
        cut-off."""
        n = len(self._seq)
        of = (zones, *(getattr(rules, name) for name in _RULES))
        same = len(of) == len(self._of) and all(a is b for a, b in zip(of, self._of, strict=True))
        known = len(cols) > 0 and (cols.site == cols.site[0]).all() and int(cols.site[0]) in rules.as_of_us
        if same and known and n <= len(cols) and np.array_equal(cols.seq[:n], self._seq):
            fresh = cols.type[n:]
            for part in list(self._made):
                if READS[part][fresh].any() or (part in _OF_ANY and rules.tellers and len(fresh)):
                    del self._made[part]
        else:
            self._made.clear()
        self._seq, self._of, self.day = np.empty(0, np.int64), (), -1
        if known:
            self._seq, self._of = cols.seq, of
            as_of_us = np.array([rules.as_of_us[int(cols.site[0])]], np.int64)
            self.day = int(zones.to_local(as_of_us, cols.site[:1])[0]) // DAY_US

    def part(self, name: str, make: Callable[[], _T], besides: Hashable = None) -> _T:
        """A part as it was made last, where it is still that; else made now. `besides` is what else it depends on."""
        kept = self._made.get(name)
        if kept is not None and kept[0] == besides:
            return cast("_T", kept[1])
        made = make()
        self._made[name] = besides, made
        return made

    def sums(self, family: str, facts: Facts) -> Any | None:
        """What was kept of these very facts."""
        kept = self._sums.get(family)
        return kept[1] if kept is not None and kept[0] is facts else None

    def keep(self, family: str, facts: Facts, sums: Any) -> None:
        """Keep what was added up of these facts."""
        self._sums[family] = facts, sums
