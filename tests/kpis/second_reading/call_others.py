"""What there is of telephones beside calls in queues: numbers that were reached, wrap-ups, calls that the centre placed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading.base import Contact, milliseconds, quarter
from tests.kpis.second_reading.call import Call
from tests.kpis.second_reading.hours import is_open

DAY_MS = 86_400_000


@dataclass
class Reached(Contact):
    counts: bool
    answered: bool


@dataclass
class Unqueued(Contact):
    voicemail: bool


@dataclass
class WrapUp(Contact):
    inside: bool
    wrap: int | None


@dataclass
class Placed(Contact):
    talk: int
    """0 where none is told."""
    token: int
    back: bool


def reached_of(events: Sequence[Event], site: Site, calls: Mapping[str, Call]) -> list[Reached]:
    """Calls of which the log says that they reached a number of the centre, by the first event that says so."""
    out: dict[str, Reached] = {}
    for e in events:
        if e.type != "call.did" or not e.contact or e.contact in out:
            continue
        call = calls.get(e.contact)
        counts = call.inside if call else is_open(site, e.time_us)
        place = site.id, e.unit, quarter(site, e.time_us)
        out[e.contact] = Reached(*place, counts, answered=counts and call is not None and call.answered)
    return list(out.values())


def unqueued_of(
    events: Sequence[Event], elsewhere: Sequence[Event], site: Site, calls: Mapping[str, Call]
) -> dict[str, list[Contact]]:
    """Calls that reached a number and met no queue, by the first event that says so; and those that only a lesser log
    knows: at their first event, in the first queue that one of them names."""
    numbers: dict[str, Unqueued] = {}
    mail = at_voicemail(events)
    for e in events:
        if e.type == "call.did" and e.contact and e.contact not in calls:
            numbers.setdefault(e.contact, Unqueued(site.id, e.unit, quarter(site, e.time_us), e.contact in mail))
    others: dict[str, list[Event]] = defaultdict(list)
    for e in sorted(elsewhere, key=lambda e: e.time_us):
        others[e.contact].append(e)
    only = []
    for of_call in others.values():
        queues = [e for e in of_call if e.type != "call.did"]
        only.append(Contact(site.id, (queues or of_call)[0].unit, quarter(site, of_call[0].time_us)))
    return {"did_without_entry": list(numbers.values()), "only_in_other_log": only}


def at_voicemail(events: Sequence[Event]) -> set[str]:
    """Calls of which any log says that they went to voicemail."""
    return {e.contact for e in events if e.type == "call.voicemail" and e.contact}


def holds_of(events: Sequence[Event]) -> dict[str, int]:
    """Call id → time on hold, as the source tells it that tells most; not there where none tells."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for e in events:
        if e.type == "call.held" and e.contact and e.a >= 0:
            sums[e.contact, e.source] += e.a
    out: dict[str, int] = {}
    for (contact, _), ms in sums.items():
        out[contact] = max(ms, out.get(contact, 0))
    return out


def wrap_ups_of(events: Sequence[Event], site: Site) -> list[WrapUp]:
    return [
        WrapUp(site.id, e.unit, quarter(site, e.time_us), is_open(site, e.time_us), e.a if e.a >= 0 else None)
        for e in events
        if e.type == "call.wrap_up_started"
    ]


def placed_of(events: Sequence[Event], site: Site, calls: Iterable[Call]) -> list[Placed]:
    """One for each call id, by its first event. Its talk is the longest that is told, whom it called the first that is."""
    lost = [(milliseconds(call.arrival_us), call.tokens) for call in calls if call.missed]
    told: dict[str, list[Event]] = defaultdict(list)
    for e in events:
        if e.type == "call.outbound" and e.contact:
            told[e.contact].append(e)
    out = []
    for of_call in told.values():
        first = of_call[0]
        token = next((e.caller for e in of_call if e.caller), 0)
        t = milliseconds(first.time_us)
        back = any(token in tokens and 0 <= t - u <= DAY_MS for u, tokens in lost)
        talk = max(0, *(e.b for e in of_call))
        out.append(Placed(site.id, first.unit, quarter(site, first.time_us), talk, token, back))
    return out
