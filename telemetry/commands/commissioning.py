"""What a commissioning test finds out about a device: what came of it, which figures it moved, and what is wrong. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from collectors.formats.tracks import OFF_US
from telemetry.config import Device, Site
from telemetry.events import Event

TESTED = {"kiosk": ("ticket.issued", "tickets_issued"), "button": ("vote.cast", "votes")}
"""Kind of device → the event that a test is made of, and the figure that it counts in."""
PLACES = ("journal", "/v1/kpis", "/metrics", "/v1/board")
"""Where a figure is looked up; the board says it of the whole site and of today only."""
TODAY_ONLY = "/v1/board"
QUARTER_US = 900_000_000
DROPPED = ("bounced", "retained", "replayed")
_NUMBERED = re.compile(r"(.*):(\d{10})", re.DOTALL)

Said = Mapping[str, float | None]
"""Unit, "" for none and "*" for the whole site → a figure; None where the place does not say it."""
WHOLE = "*"


@dataclass(slots=True)
class Trace:
    """One test ticket or press on its way; times in µs."""

    seq: int
    received_us: int
    event: Event
    called_us: int | None = None
    finished_us: int | None = None
    missed: bool = False

    @property
    def has_time(self) -> bool:
        """Whether the device gave a time; else that of receipt stands in the event."""
        return self.event.time_us != self.received_us

    @property
    def offset_us(self) -> int:
        return self.received_us - self.event.time_us

    def quarter(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The quarter of an hour that it counts in."""
        begin_s = self.event.time_us // QUARTER_US * 900
        return datetime.fromtimestamp(begin_s, zone), datetime.fromtimestamp(begin_s + 900, zone)


@dataclass(frozen=True, slots=True)
class Refused:
    """Equal rejects: `own` when they are the device's, else of no known device."""

    own: bool
    reason: str
    detail: str
    n: int


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so. `values` are what its sentence needs."""

    name: str
    """`count`, `twice`, `figures`, `rejected`, `missing`, `clock`."""
    passed: bool
    values: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""
    """Which sentence, where passed and failed are not all."""


@dataclass(slots=True)
class Moved:
    """A figure before and after, and what it should have grown by."""

    place: str
    of: str
    before: float | None
    after: float | None
    expected: int

    @property
    def difference(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def is_right(self) -> bool:
        return self.difference == self.expected


@dataclass(slots=True)
class Commissioning:
    """A test as it goes on, and its results."""

    site: Site
    device: Device
    count: int
    began_us: int
    ended_us: int = 0
    early: str = ""
    """`ended_early` or `time_over` when it ended before everything had come."""
    traces: list[Trace] = field(default_factory=list)
    others: list[Event] = field(default_factory=list)
    """Events of the same type that other devices of the site sent meanwhile."""
    heard: list[Event] = field(default_factory=list)
    """All events of the device."""
    dropped: Counter[str] = field(default_factory=Counter)
    refusals: Counter[tuple[bool, str, str]] = field(default_factory=Counter)
    """(own, reason, detail) → how many."""
    gaps: list[str] = field(default_factory=list)
    repeated: int = 0
    before: Mapping[str, Said] = field(default_factory=dict)
    after: Mapping[str, Said] = field(default_factory=dict)
    board_days: tuple[str, str] = ("", "")
    """The day of the board before and after."""
    last_news_us: int = 0

    @property
    def source(self) -> str:
        return f"{self.site.id}/{self.device.id}"

    @property
    def type(self) -> str:
        return TESTED[self.device.kind][0]

    @property
    def kpi(self) -> str:
        return TESTED[self.device.kind][1]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.site.timezone)

    @property
    def topic(self) -> str:
        """Where its messages are expected."""
        return self.device.topic or f"gecc/v1/{self.site.id}/{self.device.id}/{self.type.partition('.')[0]}"

    def take(self, seq: int, received_us: int, event: Event) -> None:
        """The next event of the journal."""
        if event.site != self.site.id:
            return
        if event.source == self.source:
            self.heard.append(event)
            if event.type == "vote.dropped":
                self.dropped[DROPPED[event.c - 1]] += 1
            if event.type == self.type:
                self.traces.append(Trace(seq, received_us, event))
                self.last_news_us = received_us
                return
        elif event.type == self.type:
            self.others.append(event)
        if event.type.startswith("ticket.") and event.contact:
            self._follow(received_us, event)

    def _follow(self, received_us: int, event: Event) -> None:
        """What a counter made of one of the tickets."""
        trace = next((t for t in reversed(self.traces) if t.event.contact == event.contact), None)
        if trace is None:
            return
        if event.type in ("ticket.called", "ticket.started") and trace.called_us is None:
            trace.called_us = event.time_us
        elif event.type == "ticket.finished":
            trace.finished_us = event.time_us
        elif event.type in ("ticket.no_show", "ticket.cancelled"):
            trace.missed = True
        self.last_news_us = received_us

    def refuse(self, source: str, reason: str, detail: str) -> None:
        """The next reject of the journal; those of other known devices are not ours."""
        if source in (self.source, ""):
            self.refusals[source != "", reason, detail] += 1

    def gaps_of(self, gaps: Iterable[tuple[str, str, int, int, str]]) -> list[str]:
        """Which of these new gaps of the journal are of the test: not what the device's last start had left open."""
        first_us = min((e.time_us for e in self.heard), default=None)
        mine = (g for g in gaps if g[:2] == (self.source, "sequence"))
        return [detail for _, _, _, to_us, detail in mine if first_us is not None and to_us >= first_us]

    # What follows from it.

    @property
    def refused(self) -> list[Refused]:
        return [Refused(*what, n) for what, n in sorted(self.refusals.items(), reverse=True)]

    @property
    def called(self) -> int:
        return sum(t.called_us is not None for t in self.traces)

    @property
    def finished(self) -> int:
        return sum(t.finished_us is not None or t.missed for t in self.traces)

    @property
    def clock_offset_us(self) -> int | None:
        """Median of receipt minus device time; None where it gives no times."""
        offsets = [t.offset_us for t in self.traces if t.has_time]
        return int(median(offsets)) if offsets else None

    def twice(self) -> list[str]:
        """Ticket numbers that came as more than one event of a day."""
        numbers = Counter((t.event.contact, self._day(t.event)) for t in self.traces if t.event.contact)
        return list(dict.fromkeys(number for (number, _), n in numbers.items() if n > 1))

    def of_another_day(self) -> int:
        return sum(self._day(t.event).isoformat() != self.board_days[1] for t in self.traces)

    def _day(self, event: Event) -> date:
        return datetime.fromtimestamp(event.time_us // 1_000_000, self.zone).date()

    def moved(self) -> list[Moved]:
        """Every figure with its difference: of the site, and of the units that the test was for."""
        all_ = self._counting([*(t.event for t in self.traces), *self.others])
        today = [e for e in all_ if self._day(e).isoformat() == self.board_days[1]]
        units = [WHOLE, *sorted({t.event.unit for t in self.traces})]
        out = []
        for place in PLACES:
            before, after = self.before.get(place, {}), self.after.get(place, {})
            if place == TODAY_ONLY and self.board_days[0] != self.board_days[1]:
                before = after = {}  # it began anew at midnight
            for unit in units:
                if place == TODAY_ONLY and unit != WHOLE:
                    continue
                there = today if place == TODAY_ONLY else all_
                expected = sum(unit in (WHOLE, e.unit) for e in there)
                out.append(Moved(place, unit, _value(before, unit), _value(after, unit), expected))
        return out

    def _counting(self, events: Sequence[Event]) -> list[Event]:
        """Those that a figure counts: of presses of one button closer together than the site's pause, the first."""
        if self.type != "vote.cast":
            return list(events)
        out: list[Event] = []
        last_us: dict[tuple[str, ...], int] = {}
        for e in sorted(events, key=lambda e: e.time_us):
            button = e.source, e.party, e.unit, str(e.c)
            if e.contact or e.time_us - last_us.get(button, -(2**62)) >= round(self.site.vote_pause_s * 1e6):
                out.append(e)
            last_us[button] = e.time_us
        return out

    def checks(self) -> list[Check]:
        n, moved, missing = len(self.traces), self.moved(), [*missing_numbers(self.heard), *self.gaps]
        own = sum(r.n for r in self.refused if r.own)
        out = [Check("count", n == self.count, {"n": n, "count": self.count})]
        if self.type == "ticket.issued":
            out.append(Check("twice", not (twice := self.twice()), {"which": ", ".join(twice)}))
        for place in PLACES:
            wrong = [m for m in moved if m.place == place and not m.is_right and not self._is_over_midnight(m)]
            out.append(Check("figures", not wrong, {"place": place, "wrong": wrong}))
        out.append(Check("rejected", not own, {"n": own}))
        out.append(Check("missing", not missing, {"which": ", ".join(missing)}))
        offset_us = self.clock_offset_us
        shown = {} if offset_us is None else {"offset": f"{offset_us / 1e6:+.1f}"}
        right = offset_us is None or abs(offset_us) <= OFF_US
        out.append(Check("clock", right, shown, "none" if offset_us is None else ""))
        return out

    def _is_over_midnight(self, moved: Moved) -> bool:
        return moved.place == TODAY_ONLY and self.board_days[0] != self.board_days[1]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks())

    def remarks(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What is good to know and makes nothing wrong: name of its sentence, and what that needs."""
        out: list[tuple[str, Mapping[str, Any]]] = [(self.early, {})] if self.early else []
        counted = {"repeated": self.repeated, **{name: self.dropped[name] for name in DROPPED}}
        out += [(name, {"n": n}) for name, n in counted.items() if n]
        if len(self.traces) < self.count:
            out.append(("expects", {"topic": self.topic}))
            if self.others:
                who = Counter(e.source.partition("/")[2] for e in self.others)
                out.append(("others", {"which": ", ".join(f"{name} {n}" for name, n in who.items())}))
        if other := self.of_another_day():
            out.append(("other_day", {"n": other}))
        return out


def is_settled(test: Commissioning) -> bool:
    """Whether every figure says what it should."""
    return all(check.passed for check in test.checks() if check.name == "figures")


def missing_numbers(events: Iterable[Event]) -> list[str]:
    """Numbers that a device left out between the first and the last that came, as "k7: 3-5"; of devices whose numbers
    go up by one more often than not."""
    lanes: dict[str, set[int]] = defaultdict(set)
    for event in events:
        lane, number = _number_of(event)
        if number >= 0:
            lanes[lane].add(number)
    out = []
    for lane, numbers in lanes.items():
        ordered = sorted(numbers)
        holes = [(a + 1, b - 1) for a, b in pairwise(ordered) if b - a > 1]
        if len(holes) < len(ordered) - 1 - len(holes):
            shown = ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in holes)
            out += [f"{lane}: {shown}"] if holes else []
    return out


def _number_of(event: Event) -> tuple[str, int]:
    if found := _NUMBERED.fullmatch(event.id):
        return found[1], int(found[2])
    if '"sequence"' in event.extra:
        number = json.loads(event.extra).get("sequence")
        if isinstance(number, str) and number.isascii() and number.isdecimal():
            return "sequence", int(number)
    return "", -1


def _value(said: Said, unit: str) -> float | None:
    return said.get(unit, 0 if said else None)


def doubled(received: int | None, stored: Sequence[Event], refused: int, duplicates: int) -> int:
    """Messages of the device that came again: at most what it sent beyond what was kept, and at most the `duplicates`
    that all devices of the broker had together; `received` is None where the service does not say it."""
    return duplicates if received is None else max(0, min(duplicates, received - len(stored) - refused))
