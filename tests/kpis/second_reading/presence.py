"""Presence of sources, devices, and how well data came, from their definitions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, NamedTuple

from telemetry.config import Site
from telemetry.events import MISSING, Event
from tests.kpis.kept import NOTHING, Kept
from tests.kpis.second_reading import hours
from tests.kpis.second_reading.base import Contact, Contacts, Value, quarter, quotient, total
from tests.kpis.second_reading.call_sources import LOGS
from tests.kpis.second_reading.hours import Span
from tests.kpis.second_reading.known import Known, known_of, together

OF_TELEPHONES = ("call.wrap_up_started", "call.outbound")
"""They tell of no call that came."""
KINDS = ("calls", "tickets", "votes", "conversations", "cases")
CLOCK_OFF_MS = 2000


@dataclass
class OfDevice(Contact):
    by: ClassVar[str] = "device"


@dataclass
class Cover(OfDevice):
    """A teller of one kind of contact, on one local day; milliseconds."""

    kind: str
    expected: int
    covered: int


@dataclass
class Up(OfDevice):
    """A device on one local day."""

    expected: int
    up: int


@dataclass
class Incident(OfDevice):
    repair: int | None


@dataclass
class Lost(OfDevice):
    missing: int
    reported: int


@dataclass
class Clock(OfDevice):
    """What a device told of its clock in a quarter of an hour."""

    offset: int | None
    """The largest, ahead or behind, in milliseconds."""
    off: bool


@dataclass
class Came(OfDevice):
    """What came of a source in a quarter of an hour."""

    events: int
    duplicates: int | None
    rejected: int
    ahead: int
    lag_ms: int


@dataclass
class Late(OfDevice):
    s: int
    n: int


def read(
    events: Sequence[Event], site: Site, _contacts: Contacts, kept: Kept = NOTHING, as_of_us: int | None = None
) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time."""
    of = kept.of(site.id)
    known = known_of(events, site, kept, as_of_us)
    by_source = defaultdict(list)
    for e in events:
        by_source[e.source].append(e)
    devices = (
        [] if known is None else [Device(source, by_source[source], of, known) for source in devices_of(events, of)]
    )
    return {
        "covers": [] if known is None else list(covers(by_source, of, known)),
        "ups": [up for device in devices for up in device.days()],
        "incidents": [incident for device in devices for incident in device.incidents()],
        "losses": [
            *(Lost(site.id, g.source, quarter(site, g.from_us), g.lost, 0) for g in of.gaps),
            *(lost(e, site) for e in events if e.type == "gap.reported"),
        ],
        "clocks": list(clocks(by_source, site)),
        "came": [Came(site.id, t.source, quarter(site, t.quarter_us), *t[3:]) for t in of.tallies],
        "late": [Late(site.id, x.source, quarter(site, x.quarter_us), x.s, x.n) for x in of.lags],
    }


# -- coverage


def kind_of(e: Event) -> str:
    """Which kind of contact it tells of."""
    word = e.type.split(".")[0]
    return (
        f"{word}s" if word in ("call", "ticket", "vote", "conversation", "case") and e.type not in OF_TELEPHONES else ""
    )


def service_of(known: Known, span: Span) -> list[Span]:
    """The service time of an interval."""
    if not hours.declares(known.site):
        return [span] if span[0] < span[1] else []
    parts = [x for day in hours.days(known.site, *span) for x in hours.service(known.site, day)]
    cut = [(max(a, span[0]), min(b, span[1])) for a, b in parts]
    return [(a, b) for a, b in cut if a < b]


def length_us(spans: Iterable[Span]) -> int:
    return sum(b - a for a, b in spans)


def both(x: Iterable[Span], y: Iterable[Span]) -> list[Span]:
    """The time that lies in the one and in the other."""
    found = [(max(a, c), min(b, d)) for a, b in x for c, d in y]
    return [(a, b) for a, b in found if a < b]


def covers(by_source: dict[str, list[Event]], kept: Kept, known: Known) -> Iterator[Cover]:
    told = {(kind_of(e), source) for source, rows in by_source.items() for e in rows}
    told |= {(t.kind, t.source) for t in kept.told}
    tellers: dict[tuple[str, object], set[str]] = defaultdict(set)
    for kind, source in told:
        if kind in KINDS:
            one_system = kind == "calls" and source in LOGS
            tellers[kind, LOGS[source].system if one_system else source].add(source)
    misses = {source: missing_of(source, rows, kept, known) for source, rows in by_source.items()}
    spoke = {source: {known.day(e.time_us) for e in rows} for source, rows in by_source.items()}
    for (kind, _), sources in tellers.items():
        best = min(sources, key=lambda source: LOGS[source].rank if source in LOGS else 0)
        for day in known.days:
            service = service_of(known, known.edges(day))
            present = [source for source in sources if day in spoke.get(source, ())]
            missing = service
            for source in present:
                missing = both(missing, misses[source])
            expected = length_us(service) // 1000
            covered = (length_us(service) - length_us(missing)) // 1000 if present else 0
            if expected:
                yield Cover(known.site.id, best, quarter(known.site, known.edges(day)[0]), kind, expected, covered)


def missing_of(source: str, rows: Sequence[Event], kept: Kept, known: Known) -> list[Span]:
    """When something of this source is known to be missing: in a gap, and after it was told offline."""
    lines = lines_of(rows)
    off = [
        (line.ms * 1000, min(until, known.cut_us // 1000) * 1000)
        for line, until in zip(lines, [*(x.ms for x in lines[1:]), known.cut_us // 1000], strict=False)
        if line.offline
    ]
    return together([*off, *((g.from_us, g.to_us) for g in kept.gaps if g.source == source)])


# -- devices


class Line(NamedTuple):
    """A word of a device. Times are whole milliseconds, rounded down; at one millisecond an offline comes last."""

    ms: int
    offline: bool


def lines_of(events: Iterable[Event]) -> list[Line]:
    return sorted(Line(e.time_us // 1000, e.type == "device.offline") for e in events)


def devices_of(events: Iterable[Event], kept: Kept) -> set[str]:
    said = {e.source for e in events if e.type.startswith("device.")}
    return said | {t.source for t in kept.told if t.kind in ("device", "heartbeat")}


class Device:
    """When it was up. One that was heard of before what is looked at begins, and that sends heartbeats, is taken as down
    from there until its next word."""

    def __init__(self, source: str, events: Sequence[Event], kept: Kept, known: Known) -> None:
        self.source, self.known = source, known
        told = [t for t in kept.told if t.source == source]
        beats = any(e.type == "device.heartbeat" for e in events) or any(t.kind == "heartbeat" for t in told)
        silent = round(known.site.silent_s * 1000)
        lines = lines_of(events)
        self.since = min([t.since_us // 1000 for t in told] + [line.ms for line in lines])
        self.cut = known.cut_us // 1000
        begin = kept.from_us // 1000
        if self.since < begin:
            lines = sorted([Line(begin, offline=beats), *lines], key=lambda line: line.ms)
        self.words = [line.ms for line in lines]
        down = []
        for line, until in zip(lines, [*self.words[1:], self.cut], strict=False):
            if line.offline:
                down.append((line.ms, min(until, self.cut)))
            elif beats:
                down.append((line.ms + silent, min(until, self.cut)))
        self.down = together(down)

    def service_ms(self, spans: Iterable[Span]) -> int:
        return length_us(x for a, b in spans for x in service_of(self.known, (a * 1000, b * 1000))) // 1000

    def days(self) -> Iterator[Up]:
        site = self.known.site
        for day in self.known.days:
            begin, end = (us // 1000 for us in self.known.edges(day))
            span = max(begin, self.since), end
            expected = self.service_ms([span])
            down = self.service_ms(both([span], self.down))
            if expected:
                yield Up(site.id, self.source, quarter(site, begin * 1000), expected, expected - down)

    def incidents(self) -> Iterator[Incident]:
        site = self.known.site
        for a, b in self.down:
            repair = self.service_ms([(a, b)])
            if repair:
                yield Incident(site.id, self.source, quarter(site, a * 1000), repair if b in self.words else None)


# -- what came


def lost(e: Event, site: Site) -> Lost:
    return Lost(site.id, e.source, quarter(site, e.time_us), 0, 0 if e.a == MISSING else e.a)


def clocks(by_source: dict[str, list[Event]], site: Site) -> Iterator[Clock]:
    told: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for source, rows in by_source.items():
        for e in rows:
            if e.type in ("device.online", "device.heartbeat") and (e.a != MISSING or e.b != MISSING):
                told[source, quarter(site, e.time_us)].append(e)
    for (source, at), rows in told.items():
        offset = max((abs(e.a) for e in rows if e.a != MISSING), default=None)
        off = (offset is not None and offset > CLOCK_OFF_MS) or any(e.b == 0 for e in rows)
        yield Clock(site.id, source, at, offset, off)


# -- figures


def share(part: Iterable[int], whole: Iterable[int]) -> Value:
    """Of whole numbers, told with its numerator."""
    k, n = sum(part), sum(whole)
    return Value(float(Fraction(k, n)) if n else None, n, k)


def coverage(*kinds: str) -> Callable[[Contacts], Value]:
    def of(c: Contacts) -> Value:
        mine = [x for x in c["covers"] if not kinds or x.kind in kinds]
        return share([x.covered for x in mine], [x.expected for x in mine])

    return of


def repairs(c: Contacts) -> Value:
    over = [x.repair for x in c["incidents"] if x.repair is not None]
    return quotient(sum(over), len(over), per=1000)


def delay(percent: int) -> Callable[[Contacts], Value]:
    """Nearest rank over events."""

    def of(c: Contacts) -> Value:
        late = Counter()
        for x in c["late"]:
            late[x.s] += x.n
        n = sum(late.values())
        rank, so_far = -(-percent * n // 100), 0
        for s in sorted(late):
            so_far += late[s]
            if so_far >= rank and n:
                return Value(float(s), n)
        return Value(None, 0)

    return of


def offsets(c: Contacts) -> Value:
    told = sorted(-(-x.offset // 1000) for x in c["clocks"] if x.offset is not None)
    return Value(float(told[-(-len(told) // 2) - 1]) if told else None, len(told))


def repeated(c: Contacts) -> Value:
    came = [x for x in c["came"] if x.duplicates is not None]
    return share([x.duplicates for x in came], [x.events + x.duplicates for x in came])


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "completeness_rate": coverage(),
    **{f"coverage_{kind}_rate": coverage(kind) for kind in KINDS},
    "device_availability_rate": lambda c: share([x.up for x in c["ups"]], [x.expected for x in c["ups"]]),
    "device_incidents": lambda c: total(1 for _ in c["incidents"]),
    "device_repair_seconds_mean": repairs,
    "freshness_seconds_mean": lambda c: quotient(
        sum(x.lag_ms for x in c["came"]), sum(x.events - x.ahead for x in c["came"]), per=1000
    ),
    "freshness_seconds_p50": delay(50),
    "freshness_seconds_p95": delay(95),
    "validity_rate": lambda c: share([x.events for x in c["came"]], [x.events + x.rejected for x in c["came"]]),
    "duplicates_rate": repeated,
    "sequence_missing": lambda c: total(x.missing for x in c["losses"]),
    "events_lost_reported": lambda c: total(x.reported for x in c["losses"]),
    "clock_offset_seconds_p50": offsets,
    "clock_off_rate": lambda c: share([x.off for x in c["clocks"]], [1 for _ in c["clocks"]]),
}
