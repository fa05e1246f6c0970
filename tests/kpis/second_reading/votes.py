"""Votes, from their definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import ClassVar

from telemetry.config import Site
from telemetry.events import MISSING, QUESTIONS, Event
from tests.kpis.second_reading.base import Contact, Contacts, Value, count, local, mean, quarter, ratio

DIMENSIONS = ("steps_and_time", "staff", "place", "information", "outcome")
TOPICS = ("service_types", "days_hours", "place_of_service", "access", "facilities", "awareness")
UNITS = 3_603_600
SHORT = 3
"""Scales up to this length have one level of the satisfied."""


@dataclass
class Vote(Contact):
    about: str
    """Its question."""
    score: int
    scale: int
    bounced: bool
    linkable: bool
    linked: bool

    @property
    def satisfied(self) -> bool:
        levels = 1 if self.scale <= SHORT else 2
        return self.score > self.scale - levels


@dataclass
class Point(Contact):
    """A source with votes, once a day or once a month."""

    by: ClassVar[str] = "device"


@dataclass
class Counter(Contact):
    """A counter on a day on which it finished a ticket."""

    by: ClassVar[str] = "counter"
    voted: bool


def read(events: Sequence[Event], site: Site, _contacts: Contacts) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time."""
    presses = [e for e in events if e.type == "vote.cast" and question(e) and 1 <= e.a <= e.b and 2 <= e.b <= 100]
    bounced = bounces(presses, round(site.vote_pause_s * 1_000_000))
    counted = [e for e, again in zip(presses, bounced, strict=True) if not again]
    finished = [e for e in events if e.type == "ticket.finished"]
    return {
        "votes": [vote(e, again, finished, site) for e, again in zip(presses, bounced, strict=True)],
        "invalid": [here(e, site) for e in events if e.type == "vote.cast" and e not in presses],
        "dropped": [here(e, site) for e in events if e.type == "vote.dropped"],
        "questionnaires": [
            here(e, site) for e in first_of(counted, lambda e: (e.contact, day(e, site))) if e.contact
        ],
        "point_days": [point(e, site) for e in first_of(counted, lambda e: (e.source, day(e, site)))],
        "point_months": [point(e, site) for e in first_of(counted, lambda e: (e.source, day(e, site).replace(day=1)))],
        "vote_counters": list(counter_days(counted, finished, site)),
    }  # fmt: skip


def question(e: Event) -> str:
    """Its name; "" for one that nobody knows."""
    names = {code: name for name, code in QUESTIONS.items()}
    return "overall" if e.c == MISSING else names.get(e.c, "")


def bounces(presses: Sequence[Event], pause_us: int) -> list[bool]:
    """Of each whether it follows the press before at that button too closely; only presses, without a contact, do."""
    last: dict[tuple[str, str, str, str], int] = {}
    out = []
    for e in presses:
        button = e.source, e.party, e.unit, question(e)
        out.append(not e.contact and button in last and e.time_us - last[button] < pause_us)
        if not e.contact:
            last[button] = e.time_us
    return out


def vote(e: Event, bounced: bool, finished: Sequence[Event], site: Site) -> Vote:
    if e.contact:
        linked = any(t.contact == e.contact and day(t, site) == day(e, site) for t in finished)
    else:
        before_us = round(site.vote_link_s * 1_000_000)
        linked = any(t.party == e.party and 0 <= e.time_us - t.time_us <= before_us for t in finished)
    linkable = bool(e.contact or e.party)
    place = site.id, e.unit, quarter(site, e.time_us)
    return Vote(*place, question(e), e.a, e.b, bounced, linkable, linkable and linked)


def here(e: Event, site: Site) -> Contact:
    return Contact(site.id, e.unit, quarter(site, e.time_us))


def point(e: Event, site: Site) -> Point:
    return Point(site.id, e.source, quarter(site, e.time_us))


def day(e: Event, site: Site) -> date:
    return local(site, e.time_us).date()


def first_of(events: Iterable[Event], key: Callable[[Event], object]) -> list[Event]:
    """The first event of each key."""
    found: dict[object, Event] = {}
    for e in events:
        found.setdefault(key(e), e)
    return list(found.values())


def counter_days(counted: Sequence[Event], finished: Sequence[Event], site: Site) -> Iterator[Counter]:
    voted = {(e.party, day(e, site)) for e in counted}
    for e in first_of([t for t in finished if t.party], lambda t: (t.party, day(t, site))):
        yield Counter(site.id, e.party, quarter(site, e.time_us), (e.party, day(e, site)) in voted)


def on(c: Contacts, *about: str) -> list[Vote]:
    return [v for v in c["votes"] if v.about in (about or ("overall",)) and not v.bounced]


def share(of: Sequence[Vote], keep: Callable[[Vote], bool]) -> Value:
    return ratio([keep(v) for v in of], of)


def mean_percent(of: Iterable[Vote]) -> Value:
    """Shares of the best score are counted in whole 3,603,600ths."""
    return mean(Fraction(100 * (v.score * UNITS // v.scale), UNITS) for v in of)


def bins(counts: dict[str, int]) -> Value:
    return Value(None, sum(counts.values()), bins=counts)


def by_scale(c: Contacts) -> Value:
    scales = defaultdict(int)
    for v in on(c):
        scales[str(v.scale) if v.scale in (2, 3, 4, 5, 10) else "other"] += 1
    return bins({name: scales[name] for name in ("2", "3", "4", "5", "10", "other")})


def five_levels(c: Contacts) -> Value:
    scores = [v.score for v in on(c) if v.scale == 5]
    return bins({str(level): scores.count(level) for level in range(1, 6)})


def resolved(c: Contacts) -> list[Vote]:
    return [v for v in on(c, "resolved") if v.scale == 2]


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "votes": lambda c: count(on(c)),
    "votes_bounced": lambda c: count(v.bounced for v in c["votes"]),
    "votes_dropped": lambda c: count(c["dropped"]),
    "votes_invalid": lambda c: count(c["invalid"]),
    "questionnaires": lambda c: count(c["questionnaires"]),
    "vote_point_days": lambda c: count(c["point_days"]),
    "vote_points_in_month": lambda c: count(c["point_months"]),
    "satisfaction_rate": lambda c: share(on(c), lambda v: v.satisfied),
    "satisfaction_top_rate": lambda c: share(on(c), lambda v: v.score == v.scale),
    "satisfaction_bottom_rate": lambda c: share(on(c), lambda v: v.score == 1),
    "satisfaction_rate_for_results": lambda c: share(on(c), lambda v: v.satisfied),
    "satisfaction_mean_percent": lambda c: mean_percent(on(c)),
    "votes_by_scale": by_scale,
    "votes_of_five_levels": five_levels,
    "satisfaction_response_rate": lambda c: ratio(on(c), [t.served for t in c["tickets"]]),
    "votes_linked_rate": lambda c: ratio([v.linked for v in on(c)], [v.linkable for v in on(c)]),
    "service_points_with_votes_rate": lambda c: ratio([d.voted for d in c["vote_counters"]], c["vote_counters"]),
    **{f"answers_{name}": lambda c, name=name: count(on(c, name)) for name in DIMENSIONS},
    **{f"satisfaction_mean_percent_{name}": lambda c, name=name: mean_percent(on(c, name)) for name in DIMENSIONS},
    **{
        f"satisfaction_rate_{name}": lambda c, name=name: share(on(c, name), lambda v: v.satisfied)
        for name in DIMENSIONS
    },
    "first_contact_resolution_rate_by_survey": lambda c: share(resolved(c), lambda v: v.score == 2),
    "answers_resolved_other_scale": lambda c: count(v.scale != 2 for v in on(c, "resolved")),
    "needs_answers_by_topic": lambda c: bins({name: len(on(c, name)) for name in TOPICS}),
}
