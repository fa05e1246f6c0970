"""What a passage through a queue and a call are, for the second reading."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.kpis.second_reading.base import Contact
from tests.kpis.second_reading.call_sources import REFUSALS


@dataclass
class Stint(Contact):
    enter_us: int
    order: int
    """Place of its first event in time: decides between passages entered at one instant."""
    outcome: str
    """`answered`, `open`, or the event that ended it."""
    wait: int | None = None
    ring_last: int | None = None
    ring_tried: int = 0
    talk: int | None = None
    sent_on: bool = False
    caller: int = 0
    alias: int = 0
    test: bool = False
    inside: bool = True
    """Its call is one that the figures are over."""
    of_test: bool = False
    """Its call is a test."""

    @property
    def refused(self) -> bool:
        return self.outcome in REFUSALS


@dataclass
class Call(Contact):
    arrival_us: int
    stints: list[Stint]
    outcome: str
    """`answered`, `open`, `unknown`, or the event that ended the last passage."""
    inside: bool
    """It came in service hours and is no test."""
    test: bool
    offered: bool
    wait: int | None
    ring: int | None
    """By the site's clock, of an answered call."""
    ring_last: int | None
    talk: int | None
    short: bool
    in_time: bool
    """Answered or not, its wait is known and within the limit in force."""
    early: bool
    """It came before an opening and waited until it or longer."""
    rings: int | None
    rings_last: int | None
    tokens: frozenset[int] = field(default_factory=frozenset)
    hold: int | None = None
    voicemail: bool = False
    window_over: bool = False
    repeated: bool = False
    """Its caller called again within the window."""
    continues: bool = False
    """A call of its caller was answered in the window before it."""
    tried_before: bool = False
    """An offered call of its caller came in the 24 h before it."""

    @property
    def answered(self) -> bool:
        return self.outcome == "answered"

    @property
    def missed(self) -> bool:
        """Nobody answered, the caller chose no other way, and waits no more."""
        return self.outcome not in ("answered", "call.left_by_key", "open")

    @property
    def lost(self) -> bool:
        return self.offered and self.missed

    @property
    def outside(self) -> bool:
        return not self.inside and not self.test

    @property
    def eligible(self) -> bool:
        return self.answered and bool(self.tokens) and self.window_over

    @property
    def entries(self) -> int:
        return sum(not s.refused for s in self.stints)

    @property
    def sent_on(self) -> int | None:
        """Which of its stints is the first that ended with the call being sent on."""
        return next((i for i, s in enumerate(self.stints) if s.sent_on), None)
