"""Conversations, from their definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading.base import Contact, Contacts, Value, count, local, nearest_rank, quarter, ratio, seconds
from tests.kpis.second_reading.hours import is_open, service_us

STANDARD = {"email": 24 * 60, "chat": 15, "line": 15, "facebook": 60}
"""Minutes to the first reply, where a centre says nothing else."""
MINUTE_US = 60_000_000
AGES = {
    "under 15 min": 15,
    "15 to 60 min": 60,
    "1 to 4 h": 4 * 60,
    "4 to 24 h": 24 * 60,
    "1 to 3 days": 3 * 24 * 60,
    "3 days or more": None,
}
"""Label → minutes that it stays below."""


@dataclass
class Conversation(Contact):
    begin_us: int
    person: int
    messages: int
    replies: int
    automatic: int
    replied_before: bool
    reply: int | None
    """To the first reply by a person, by the clock of the channel."""
    target: int | None
    over: bool
    """The standard's time has passed at the cut-off, by the clock of the channel."""
    age_us: int
    closed: bool
    handled: int | None
    reopened: bool
    was_closed: bool
    disposition: int | None
    outside: bool

    @property
    def waiting(self) -> bool:
        return self.reply is None and not self.closed

    @property
    def judged(self) -> bool:
        return self.target is not None and (self.reply is not None or self.over)

    @property
    def in_time(self) -> bool:
        return self.target is not None and self.reply is not None and self.reply <= self.target

    @property
    def told(self) -> bool:
        return self.disposition is not None


@dataclass
class User(Contact):
    """A person's first contact in a month at the site, under no unit."""

    by: ClassVar[str] = "site"


def read(events: Sequence[Event], site: Site, _contacts: Contacts) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time, as of the last of them."""
    by_contact = matters(events, "conversation.")
    begun = {name: rows for name, rows in by_contact.items() if any(map(is_citizens, rows))}
    found = [conversation(rows, site, events[-1].time_us) for rows in begun.values()]
    return {
        "conversations": found,
        "conversations_unknown": [
            Contact(site.id, unit_of(rows, 0), quarter(site, rows[0].time_us))
            for name, rows in by_contact.items()
            if name not in begun
        ],
        "conversation_users": users(found, site),
        "conversation_users_of_unit": users_of_unit(found, site),
    }


def matters(events: Iterable[Event], prefix: str) -> dict[str, list[Event]]:
    """Name → its events in the order of time."""
    out = defaultdict(list)
    for e in events:
        if e.type.startswith(prefix) and e.contact:
            out[e.contact].append(e)
    return out


def unit_of(rows: Sequence[Event], begin: int) -> str:
    """What its beginning names, else the first that any event names."""
    return rows[begin].unit or next((e.unit for e in rows if e.unit), "")


def person_of(rows: Iterable[Event]) -> int:
    return next((e.caller for e in rows if e.caller), 0)


def month(us: int, site: Site) -> tuple[int, int]:
    there = local(site, us)
    return there.year, there.month


def firsts(found: Iterable, key: Callable[[object], Hashable]) -> list:  # type: ignore[type-arg]
    """Of those with a person the first of each key."""
    out = {}
    for x in sorted(found, key=lambda x: x.begin_us):
        if x.person:
            out.setdefault(key(x), x)
    return list(out.values())


def users(found: Iterable, site: Site) -> list[User]:  # type: ignore[type-arg]
    of_month = firsts(found, lambda x: (x.person, month(x.begin_us, site)))
    return [User(site.id, "", x.quarter) for x in of_month]


def users_of_unit(found: Iterable, site: Site) -> list[Contact]:  # type: ignore[type-arg]
    of_month = firsts(found, lambda x: (x.person, x.unit, month(x.begin_us, site)))
    return [Contact(site.id, x.unit, x.quarter) for x in of_month]


def is_citizens(e: Event) -> bool:
    return e.type in ("conversation.opened", "conversation.message")


def is_reply(e: Event) -> bool:
    return e.type == "conversation.replied" and e.a != 1


def target_ms(site: Site, channel: str, begin_us: int) -> int | None:
    """The longest time to a reply in force then."""
    minutes = STANDARD.get(channel)
    for declared in site.channels:
        if declared.id == channel and declared.reply_minutes is not None:
            minutes = declared.reply_minutes
    for change in sorted(site.changes, key=lambda change: change.since):
        since = datetime.combine(change.since, datetime.min.time(), ZoneInfo(site.timezone))
        if channel in change.reply_minutes and since.timestamp() * 1e6 <= begin_us:
            minutes = change.reply_minutes[channel]
    return None if minutes is None else round(minutes * 60_000)


def conversation(rows: Sequence[Event], site: Site, as_of: int) -> Conversation:
    at = next(i for i, e in enumerate(rows) if is_citizens(e))
    begin_us, channel, since = rows[at].time_us, unit_of(rows, at), rows[at:]
    only_service = any(declared.id == channel and declared.clock == "service" for declared in site.channels)

    def clock_ms(until_us: int) -> int:
        us = service_us(site, begin_us, until_us) if only_service else until_us - begin_us
        return us // 1000

    target = target_ms(site, channel, begin_us)
    reply = next((e for e in since if is_reply(e)), None)
    closes = [i for i, e in enumerate(since) if e.type == "conversation.closed"]
    last = closes[-1] if closes else None
    closed = last is not None and not any(e.type == "conversation.reopened" for e in since[last:])
    return Conversation(
        site=site.id,
        unit=channel,
        quarter=quarter(site, begin_us),
        begin_us=begin_us,
        person=person_of(rows),
        messages=sum(map(is_citizens, rows)),
        replies=sum(map(is_reply, rows)),
        automatic=sum(e.type == "conversation.replied" and e.a == 1 for e in rows),
        replied_before=any(map(is_reply, rows[:at])),
        reply=clock_ms(reply.time_us) if reply else None,
        target=target,
        over=target is not None and clock_ms(as_of) > target,
        age_us=as_of - begin_us,
        closed=closed,
        handled=(since[last].time_us - begin_us) // 1000 if last is not None and closed else None,
        reopened=any(e.type == "conversation.reopened" for e in since),
        was_closed=last is not None,
        disposition=since[last].a if last is not None and since[last].a in (1, 2, 3) else None,
        outside=not is_open(site, begin_us),
    )


def of(c: Contacts) -> list[Conversation]:
    return c["conversations"]


def whole(n: int) -> Value:
    return Value(float(n), n, n)


def waiting_by_age(c: Contacts) -> Value:
    out = dict.fromkeys(AGES, 0)
    for x in of(c):
        if x.waiting:
            out[next(age for age, below in AGES.items() if below is None or x.age_us < below * MINUTE_US)] += 1
    return Value(None, sum(out.values()), bins=out)


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "conversations": lambda c: count(of(c)),
    "conversations_beginning_unknown": lambda c: count(c["conversations_unknown"]),
    "conversations_replied_before": lambda c: count(x.replied_before for x in of(c)),
    "conversations_replied": lambda c: count(x.reply is not None for x in of(c)),
    "conversations_not_yet_due": lambda c: count(x.target is not None and not x.judged for x in of(c)),
    "conversations_without_target": lambda c: count(x.target is None for x in of(c)),
    "conversations_never_answered": lambda c: count(x.closed and x.reply is None for x in of(c)),
    "conversations_waiting": lambda c: count(x.waiting for x in of(c)),
    "conversations_waiting_overdue": lambda c: count(x.waiting and x.over for x in of(c)),
    "conversations_closed": lambda c: count(x.closed for x in of(c)),
    "conversations_reopened": lambda c: count(x.reopened for x in of(c)),
    "conversations_without_disposition": lambda c: count(x.was_closed and not x.told for x in of(c)),
    "conversation_messages": lambda c: whole(sum(x.messages for x in of(c))),
    "conversation_replies": lambda c: whole(sum(x.replies for x in of(c))),
    "conversation_automatic_replies": lambda c: whole(sum(x.automatic for x in of(c))),
    "conversations_outside_hours": lambda c: count(x.outside for x in of(c)),
    "conversation_users_per_month": lambda c: count(c["conversation_users"]),
    "conversation_users_per_month_by_channel": lambda c: count(c["conversation_users_of_unit"]),
    "conversations_without_user": lambda c: count(not x.person for x in of(c)),
    "reply_within_target_rate": lambda c: ratio([x.in_time for x in of(c)], [x.judged for x in of(c)]),
    "reply_seconds_p50": lambda c: nearest_rank(50, (x.reply for x in of(c))),
    "reply_seconds_p90": lambda c: nearest_rank(90, (x.reply for x in of(c))),
    "conversations_waiting_by_age": waiting_by_age,
    "conversation_handled_seconds_mean": lambda c: seconds(x.handled for x in of(c)),
    "conversation_handled_seconds_p50": lambda c: nearest_rank(50, (x.handled for x in of(c))),
    "conversation_resolution_rate": lambda c: ratio(
        [x.disposition == 1 and not x.reopened for x in of(c)], [x.told for x in of(c)]
    ),
}
