"""Days of a centre and its contacts of every kind, from their definitions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import ClassVar

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.kept import NOTHING, Kept
from tests.kpis.second_reading import hours
from tests.kpis.second_reading.base import (
    Contact,
    Contacts,
    Value,
    count,
    local,
    nearest_rank,
    quarter,
    quotient,
    ratio,
)
from tests.kpis.second_reading.hours import Span
from tests.kpis.second_reading.known import Known, known_of, together

ONLINE = {"email", "chat", "line", "facebook"}
KINDS = ("tickets", "calls", "conversations", "cases")
CATEGORIES = ("mission", "information", "complaint")
PARTS = ("lunch", "peak", "rest")
WORK = ("ticket.called", "ticket.started", "ticket.finished", "call.connected")
DONE = ("ticket.finished", "call.completed", "call.transferred")


@dataclass
class OfSite(Contact):
    by: ClassVar[str] = "site"


@dataclass
class Break(OfSite):
    """A lunch break, or a declared window, of one local day."""

    kept: bool
    """Somebody worked in it; it was served."""


@dataclass
class ServiceDay(OfSite):
    visitors: int
    services: int


@dataclass
class PeakHour(OfSite):
    arrivals: int


@dataclass
class Month(OfSite):
    declared: int


@dataclass
class Arrival(Contact):
    """A contact of any kind."""

    kind: str
    begin_us: int
    wait: int | None
    """Of a ticket to its first call, of an answered call."""
    category: str | None
    online: bool
    outside: bool
    parts: frozenset[str]
    """Which of lunch, peak and rest it came in."""


def read(
    events: Sequence[Event], site: Site, contacts: Contacts, kept: Kept = NOTHING, as_of_us: int | None = None
) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time."""
    known = known_of(events, site, kept, as_of_us)
    if known is None:
        return {}
    arrivals = list(arrivals_of(contacts, site))
    peaks = peaks_of(arrivals, site)
    for a in arrivals:
        a.parts = frozenset(parts_of(a, site, peaks))
    return {
        "lunch_days": list(lunch_days(events, known)),
        "window_days": list(window_days(events, known)),
        "window_services": list(window_services(events, site)),
        "service_days": list(service_days(contacts["tickets"], known)),
        "peak_hours": [PeakHour(site.id, "", quarter(site, first), n) for first, n in peaks.values()],
        "arrivals": arrivals,
        **service_months(arrivals, site),
    }


# -- breaks and windows


def within(known: Known, span: Span) -> bool:
    return known.begin_us <= span[0] and span[1] <= known.stop_us


def any_in(events: Iterable[Event], types: Sequence[str], span: Span) -> bool:
    return any(e.type in types and span[0] <= e.time_us < span[1] for e in events)


def lunch_days(events: Sequence[Event], known: Known) -> Iterator[Break]:
    """One of each local day: what lies within counts, and stands where the first of it begins."""
    for day in known.days:
        breaks = [span for span in together(hours.lunch(known.site, day)) if within(known, span)]
        if breaks:
            covered = any(any_in(events, WORK, s) or open_through(events, known, day, s) for s in breaks)
            yield Break(known.site.id, "", quarter(known.site, breaks[0][0]), covered)


def open_through(events: Sequence[Event], known: Known, day: date, span: Span) -> bool:
    """A counter was opened on that day, not after the break began, and not closed before it ended. Of one instant the
    closing comes first."""
    for opened in events:
        if opened.type == "counter.opened" and known.day(opened.time_us) == day and opened.time_us <= span[0]:
            closings = [
                e.time_us for e in events
                if e.type == "counter.closed" and e.party == opened.party and e.time_us > opened.time_us
            ]  # fmt: skip
            if not any(closed < span[1] for closed in closings):
                return True
    return False


def window_days(events: Sequence[Event], known: Known) -> Iterator[Break]:
    for day in known.days:
        of_window = defaultdict(list)
        for name, span in hours.windows(known.site, day):
            of_window[name].append(span)
        for of in of_window.values():
            if spans := [span for span in together(of) if within(known, span)]:
                served = any(any_in(events, DONE, span) for span in spans)
                yield Break(known.site.id, "", quarter(known.site, spans[0][0]), served)


def window_services(events: Sequence[Event], site: Site) -> Iterator[Contact]:
    """Of each ticket number the first finish of a local day outside official hours."""
    seen = set()
    for e in events:
        if e.type == "ticket.finished" and e.contact and not hours.is_official(site, e.time_us):
            day = local(site, e.time_us).date()
            if (e.contact, day) not in seen:
                seen.add((e.contact, day))
                within_windows = [name for name, (a, b) in hours.windows(site, day) if a <= e.time_us < b]
                yield Contact(site.id, (within_windows or [""])[0], quarter(site, e.time_us))


def service_days(tickets: Iterable[Contact], known: Known) -> Iterator[ServiceDay]:
    site = known.site
    issued = Counter(known.day(t.arrival_us) for t in tickets if t.issued)
    for day in known.days:
        begin, _ = known.edges(day)
        openings = [a for a, _ in hours.service(site, day)] if hours.declares(site) else [begin]
        if openings and openings[0] <= known.stop_us:
            yield ServiceDay(site.id, "", quarter(site, openings[0]), issued[day], len({s.id for s in site.services}))


# -- contacts of every kind


def arrivals_of(contacts: Contacts, site: Site) -> Iterator[Arrival]:
    of_kind = {
        "tickets": [(t, t.arrival_us, t.wait) for t in contacts["tickets"] if t.issued],
        "calls": [(c, c.arrival_us, c.wait if c.answered else None) for c in contacts["calls"] if c.offered],
        "conversations": [(v, v.begin_us, None) for v in contacts["conversations"]],
        "cases": [(k, k.begin_us, None) for k in contacts["cases"]],
    }
    online = ONLINE | {channel.id for channel in site.channels}
    for kind, found in of_kind.items():
        for c, begin_us, wait in found:
            declared = next((s.category for s in site.services if s.id == c.unit), None)
            yield Arrival(
                site.id,
                c.unit,
                quarter(site, begin_us),
                kind,
                begin_us,
                wait,
                category="complaint" if kind == "cases" and c.kind == "complaint" else declared,
                online=kind == "conversations" or (kind == "cases" and c.unit in online),
                outside=not hours.is_official(site, begin_us),
                parts=frozenset(),
            )


def hour_of(site: Site, us: int) -> datetime:
    return local(site, us).replace(minute=0, second=0, microsecond=0)


def peaks_of(arrivals: Iterable[Arrival], site: Site) -> dict[datetime, tuple[int, int]]:
    """The busiest full hour of each local day → its first contact, and how many it has."""
    by_hour = defaultdict(list)
    for a in arrivals:
        if a.kind in ("tickets", "calls"):
            by_hour[hour_of(site, a.begin_us)].append(a.begin_us)
    peaks: dict[date, datetime] = {}
    for hour in sorted(by_hour):
        best = peaks.setdefault(hour.date(), hour)
        if len(by_hour[hour]) > len(by_hour[best]):
            peaks[hour.date()] = hour
    return {hour: (min(by_hour[hour]), len(by_hour[hour])) for hour in peaks.values()}


def parts_of(a: Arrival, site: Site, peaks: dict[datetime, tuple[int, int]]) -> Iterator[str]:
    if a.kind not in ("tickets", "calls"):
        return
    lunch = any(x <= a.begin_us < y for x, y in hours.lunch(site, local(site, a.begin_us).date()))
    peak = hour_of(site, a.begin_us) in peaks
    yield from ("lunch",) * lunch + ("peak",) * peak + ("rest",) * (not lunch and not peak)


def service_months(arrivals: Sequence[Arrival], site: Site) -> dict[str, list[Contact]]:
    """Each declared service at its first contact of a local month, and the declared ones at the centre's first."""
    declared = {s.id for s in site.services}
    used: dict[tuple[date, str], int] = {}
    months: dict[date, int] = {}
    for a in sorted(arrivals, key=lambda a: a.begin_us):
        month = local(site, a.begin_us).date().replace(day=1)
        months.setdefault(month, a.quarter)
        if a.unit in declared:
            used.setdefault((month, a.unit), a.quarter)
    return {
        "services_used": [OfSite(site.id, "", at) for at in used.values()],
        "service_months": [Month(site.id, "", at, len(declared)) for at in months.values()],
    }


# -- figures


def used_rate(c: Contacts) -> Value:
    k, n = len(c["services_used"]), sum(m.declared for m in c["service_months"])
    return Value(float(Fraction(k, n)) if n else None, n, k)


def waits(c: Contacts, kind: str, part: str) -> list[int | None]:
    return [a.wait for a in c["arrivals"] if a.kind == kind and part in a.parts]


def outside_by_kind(c: Contacts) -> Value:
    kinds = [a.kind for a in c["arrivals"] if a.outside]
    return Value(None, len(kinds), bins={kind: kinds.count(kind) for kind in KINDS})


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "lunch_covered_rate": lambda c: ratio([d.kept for d in c["lunch_days"]], c["lunch_days"]),
    **{
        f"{kind}_wait_{part}_seconds_p90": lambda c, of=f"{kind}s", part=part: nearest_rank(90, waits(c, of, part))
        for kind in ("ticket", "call")
        for part in PARTS
    },
    "peak_hour_arrivals_mean": lambda c: quotient(sum(p.arrivals for p in c["peak_hours"]), len(c["peak_hours"])),
    "window_days_served_rate": lambda c: ratio([d.kept for d in c["window_days"]], c["window_days"]),
    "services_outside_official": lambda c: count(c["window_services"]),
    "visitors_per_day": lambda c: quotient(sum(d.visitors for d in c["service_days"]), len(c["service_days"])),
    "visitors_per_service": lambda c: quotient(
        sum(d.visitors for d in c["service_days"] if d.services), sum(d.services for d in c["service_days"])
    ),
    "services_used_rate": used_rate,
    "contacts": lambda c: count(c["arrivals"]),
    **{
        f"contacts_{name}": lambda c, name=name: count(a.category == name for a in c["arrivals"]) for name in CATEGORIES
    },
    "contacts_without_category": lambda c: count(a.category is None for a in c["arrivals"]),
    "online_share_rate": lambda c: ratio([a.online for a in c["arrivals"]], c["arrivals"]),
    "contacts_outside_official_rate": lambda c: ratio([a.outside for a in c["arrivals"]], c["arrivals"]),
    "contacts_outside_official_by_kind": outside_by_kind,
}
