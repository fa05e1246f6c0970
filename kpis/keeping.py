"""Facts of a centre that stay as they are while a day goes on: a tick makes anew what its events and the clock can change.

Most ticks bring an event or two. What is made of other types of events is what it was, as long as no time that it waits
for has come; `READS` says what each part is made of, and a test holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from kpis.blocks import Block
from kpis.columns import DAY_US, I64, Bool, Columns, Zones
from kpis.model import Facts, Rules

_T = TypeVar("_T")


def _types(*codes: Iterable[int]) -> Bool:
    out = np.zeros(128, np.bool_)
    for some in codes:
        out[list(some)] = True
    return out


_PBX, _TICKETS, _COUNTERS, _VOTES, _FINISHED = (*range(50, 90), 95, 96), (*range(10, 20), 26), (30, 31), (40, 41), (16,)
_HANDLED = (52, 54, 55, 56, 67, 68)
READS: dict[str, Bool] = {
    "agents": _types(_HANDLED),
    "agent_time": _types(_PBX),
    "calls": _types(_PBX),
    "tickets": _types(_TICKETS),
    "votes": _types(_VOTES, _FINISHED),
    "counters": _types(_TICKETS, _COUNTERS),
    "counter_words": _types(_TICKETS, _COUNTERS),
    "cover": _types(_HANDLED, _TICKETS),
    "conversations": _types(range(20, 26)),
    "cases": _types(range(100, 110)),
    "demand": _types(),
}
"""Part → types of events that it is made of; none, where it is made of other parts alone. What is not here is made anew
each time."""
_OF_ANY = ("agents", "agent_time", "calls", "cover")
"""Where several sources tell of one call, these depend on whether a source told anything."""
_BIT = {part: 1 << i for i, part in enumerate(READS)}
_CHANGES = np.bitwise_or.reduce([types * np.int64(_BIT[part]) for part, types in READS.items()])
"""Type of an event → the parts that it changes, as bits."""
_ALL_OF_ANY = sum(_BIT[part] for part in _OF_ANY)
_AS_OF = "as_of_us"
_RULES = tuple(f.name for f in fields(Rules) if f.name != _AS_OF)


class _Part(NamedTuple):
    made: Any
    besides: Hashable
    """What else it depends on."""
    from_us: int
    until_us: int | None
    """Made at one cut-off, it is the same at those before the other, which may be the same one; None: at any."""


NEVER = 2**62


def ahead(part: str, cols: Columns, as_of_us: int) -> int:
    """When the cut-off comes to the first event of a part that lies behind it."""
    rows = READS[part][cols.type] & (cols.time_us > as_of_us)
    return int(cols.time_us[rows].min(initial=NEVER))


class Same:
    """Some things, equal to others only if they are the very same ones."""

    def __init__(self, *things: object) -> None:
        self._things = things

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and all(a is b for a, b in zip(self._things, other._things, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(map(id, self._things)))


@dataclass(slots=True)
class Kept:
    """What was made of a site's events, for when more of them have come. Rules may differ in their cut-off alone."""

    day: int = -1
    """Local day of the cut-off."""
    as_of_us: int = 0
    """The cut-off."""
    _seq: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    _of: tuple[Any, ...] = ()
    """Rules and zones that it was made by."""
    _made: dict[str, _Part] = field(default_factory=dict)
    _sums: dict[str, tuple[Facts, Any]] = field(default_factory=dict)
    _blocks: dict[str, tuple[list[Any], Block]] = field(default_factory=dict)

    def take_up(self, cols: Columns, rules: Rules, zones: Zones) -> None:
        """Let go of what these events change: all where they are not those of before and some more, or of a site without a
        cut-off."""
        n = len(self._seq)
        of = (zones, *(getattr(rules, name) for name in _RULES))
        same = len(of) == len(self._of) and all(a is b for a, b in zip(of, self._of, strict=True))
        known = len(cols) > 0 and (cols.site == cols.site[0]).all() and int(cols.site[0]) in rules.as_of_us
        if same and known and n <= len(cols) and np.array_equal(cols.seq[:n], self._seq):
            changed = int(np.bitwise_or.reduce(_CHANGES[cols.type[n:]]))
            if rules.tellers and n < len(cols):
                changed |= _ALL_OF_ANY
            if changed:
                for part in [part for part in self._made if changed & _BIT[part]]:
                    del self._made[part]
        else:
            self._made.clear()
        self._seq, self._of, self.day, self.as_of_us = np.empty(0, np.int64), (), -1, 0
        if known:
            self._seq, self._of, self.as_of_us = cols.seq, of, rules.as_of_us[int(cols.site[0])]
            self.day = int(zones.to_local(np.array([self.as_of_us], np.int64), cols.site[:1])[0]) // DAY_US

    def part(
        self, name: str, make: Callable[[], _T], besides: Hashable = None, until_us: Callable[[_T], int] | None = None
    ) -> _T:
        """A part as it was made last, where it is still that; else made now. `besides` is what else it depends on, and
        `until_us` says before which cut-off it stays what it is; without it at any."""
        known = self.known(name, besides)
        if known is not None:
            return cast("_T", known)
        made = make()
        self.put(name, made, besides, None if until_us is None or not self._of else until_us(made))
        return made

    def known(self, name: str, besides: Hashable = None) -> Any | None:
        """A part as it was made last, where it is still that."""
        kept = self._made.get(name)
        if kept is None or kept.besides != besides:
            return None
        same = kept.until_us is None or kept.from_us <= self.as_of_us < kept.until_us or kept.from_us == self.as_of_us
        return kept.made if same else None

    def put(self, name: str, made: Any, besides: Hashable, until_us: int | None) -> None:
        """Keep a part as it is now; `until_us` as of `part`."""
        self._made[name] = _Part(made, besides, self.as_of_us, until_us)

    def sums(self, family: str, facts: Facts) -> Any | None:
        """What was kept of these very facts."""
        kept = self._sums.get(family)
        return kept[1] if kept is not None and kept[0] is facts else None

    def keep(self, family: str, facts: Facts, sums: Any) -> None:
        """Keep what was added up of these facts."""
        self._sums[family] = facts, sums

    def block(self, name: str, sums: list[Any], make: Callable[[], Block]) -> Block:
        """The block that was made of these very sums, else one made now."""
        kept = self._blocks.get(name)
        if kept is None or len(kept[0]) != len(sums) or any(a is not b for a, b in zip(kept[0], sums, strict=True)):
            kept = self._blocks[name] = sums, make()
        return kept[1]
