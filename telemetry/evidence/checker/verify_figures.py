"""Counts the headline figures of an evidence pack again, from its records alone and by the definitions printed in it.

Nothing here is shared with the program that made the pack. Times are microseconds (us) since 1970 UTC, durations
milliseconds (ms). What the centre declared, its service hours, its local time and which logs tell of one telephone system
come from the settings sealed with each day.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import accumulate
from typing import Any, NamedTuple

S, DAY_US, MISSING = 1_000_000, 86_400_000_000, -(2**63)
REPLY_MINUTES = {"email": 1440, "chat": 15, "line": 15, "facebook": 60}  # the standard's, where none is declared
QUESTIONS = range(13)
UNITS = 3_603_600  # shares of a best score are counted in whole parts of this


class Event(NamedTuple):
    """A record in the order of time; `seq` tells which came first of one instant."""

    time: int
    seq: int
    source: str
    type: str
    unit: str
    contact: str
    party: str
    person: str
    a: int
    b: int
    c: int


def event(r: dict[str, str]) -> Event:
    """Of the fields of a record as text; what is not there is empty or missing."""
    texts = [sys.intern(r.get(k, "")) for k in ("source", "type", "unit", "contact", "party", "person")]
    return Event._make([int(r["time_us"]), int(r["seq"]), *texts, *[int(r.get(k) or MISSING) for k in "abc"]])


def voided(events: list[Event]) -> set[int]:
    """Seqs of what counts no more by hand; a void may itself be voided by a later one."""
    gone = set[int]()
    for void in sorted((e for e in events if e.type == "correction.voided"), key=lambda e: -e.seq):
        gone |= set() if void.seq in gone else {void.a}
    return gone


def counting(events: list[Event]) -> list[Event]:
    """Without what was voided, and without the voids."""
    gone = voided(events)
    return [e for e in events if e.type != "correction.voided" and e.seq not in gone]


class Centre:
    """What holds at the centre, by day: its local time, its hours, what it declared."""

    def __init__(self, first: str, last: str, days: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """`days` are all days of the records, each with the settings sealed with it."""
        epoch = date(1970, 1, 1).toordinal()
        self.period = range(*(date.fromisoformat(x).toordinal() - epoch for x in (first, last)))
        self.period = range(self.period.start, self.period.stop + 1)
        self.first = date.fromisoformat(days[0][0]).toordinal() - epoch
        changes = ([c for c in s["changes"] if c["since"] <= day] for day, s in days)
        self.settings = [(s, sorted(of, key=lambda c: c["since"])) for (_, s), of in zip(days, changes, strict=True)]
        told = [s["in_force"] for _, s in days]
        self.days = [x["day"] for x in told]
        self.zone: list[list[int]] = [one for x in told for one in x["zone"]]
        self.systems = told[-1]["systems"]
        self.declares_hours = any(x["hours"] for x in told)
        self.hours: list[list[int]] = [s for x in told for s in (x["hours"]["service"] if x["hours"] else [x["day"]])]
        self.opens = [a for a, _ in self.hours]
        self.before = [0, *accumulate(b - a for a, b in self.hours)]

    def day(self, us: int) -> int:
        """The local day, counted from 1970."""
        return (us + self.zone[max(bisect_right(self.zone, [us, 2**62]) - 1, 0)][1]) // DAY_US

    def edges(self, day: int) -> tuple[int, int]:
        """When a day of the records begins and ends."""
        begin, end = self.days[day - self.first]
        return begin, end

    def declared(self, day: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The settings of a day, and what they declare anew until then, in order."""
        return self.settings[min(max(day - self.first, 0), len(self.settings) - 1)]

    def on(self, us: int) -> dict[str, Any]:
        """The settings of the day of an instant."""
        return self.declared(self.day(us))[0]

    def counts(self, us: int) -> bool:
        return self.day(us) in self.period

    def is_open(self, us: int) -> bool:
        i = bisect_right(self.opens, us)
        return not self.declares_hours or (i > 0 and us < self.hours[i - 1][1])

    def next_open(self, us: int) -> int:
        i = bisect_right(self.opens, us)
        return us if self.is_open(us) or i == len(self.opens) else self.opens[i]

    def service_us(self, from_us: int, to_us: int) -> int:
        """Time of service hours from one instant to another."""

        def until(us: int) -> int:
            i = bisect_right(self.opens, us)
            return self.before[i] - (max(self.hours[i - 1][1] - us, 0) if i else 0)

        return max(until(to_us) - until(from_us) if self.declares_hours else to_us - from_us, 0)

    def in_force(self, base: float | None, us: int, new: Callable[[Any], float | None], times: int) -> int | None:
        """A declared limit as it was in force on a day, in milliseconds; `times` is what a unit of it has of them."""
        for change in self.declared(self.day(us))[1]:
            base = base if new(change) is None else new(change)
        return None if base is None else round(base * times)

    def minutes(self, of: str, name: str, unit: str, us: int, base: float | None = None) -> int | None:
        """The same of a service or channel."""
        base = next((x[name] for x in self.on(us)[of] if x["id"] == unit and x[name] is not None), base)
        return self.in_force(base, us, lambda change: change[name].get(unit), 60_000)


def of_tickets(events: list[Event], centre: Centre) -> Iterator[tuple[str, Any]]:
    """A ticket is one number of one local day, from its issue on."""
    found: dict[tuple[str, int], list[list[Event]]] = defaultdict(list)
    for e in events:
        if e.type.startswith("ticket.") and e.contact:
            of = found[e.contact, centre.day(e.time)]
            if not of or (e.type == "ticket.issued" and any(x.type == e.type for x in of[-1])):
                of.append([])
            of[-1].append(e)
    issued, served, waits, within = 0, 0, list[int](), list[bool]()
    for rows in (ticket for of in found.values() for ticket in of):
        issue = next((e for e in rows if e.type == "ticket.issued"), None)
        if not centre.counts((issue or rows[0]).time):
            continue
        issued, served = issued + (issue is not None), served + any(e.type == "ticket.finished" for e in rows)
        called = next((e for e in rows if e.type in ("ticket.called", "ticket.started")), None)
        if issue and called and called.time >= issue.time:
            opening = centre.next_open(issue.time)
            waits.append((called.time - (opening if opening <= called.time else issue.time)) // 1000)
            target = centre.minutes("services", "target_minutes", issue.unit, issue.time)
            within += [waits[-1] <= target] if target is not None else []
    yield "tickets_issued", [issued, issued, issued]
    yield "ticket_wait_seconds_p50", nearest_rank(50, waits)
    yield "ticket_wait_seconds_p90", nearest_rank(90, waits)
    yield "ticket_wait_within_target_rate", ratio(sum(within), len(within))
    yield from of_votes(events, centre, served)


def of_votes(events: list[Event], centre: Centre, served: int) -> Iterator[tuple[str, Any]]:
    """Presses at one button that follow each other too closely are one vote."""
    last = dict[tuple[str, str, str, int], int]()
    votes = []
    for e in events:
        about = 0 if e.c == MISSING else e.c
        if e.type != "vote.cast" or about not in QUESTIONS or not (1 <= e.a <= e.b and 2 <= e.b <= 100):
            continue
        button = e.source, e.party, e.unit, about
        pause = round(centre.on(e.time)["vote_pause_s"] * S)
        again = not e.contact and button in last and e.time - last[button] < pause
        if not e.contact:
            last[button] = e.time
        if about == 0 and not again and centre.counts(e.time):
            votes.append(e)
    satisfied = sum(e.a > e.b - (1 if e.b <= 3 else 2) for e in votes)
    shares = sum(e.a * UNITS // e.b for e in votes)
    yield "satisfaction_rate", ratio(satisfied, len(votes))
    yield "satisfaction_mean_percent", [100 * shares / (UNITS * n) if (n := len(votes)) else None, None, n]
    yield "satisfaction_response_rate", ratio(len(votes), served)


def of_conversations(events: list[Event], centre: Centre) -> Iterator[tuple[str, Any]]:
    """A conversation begins with what the citizen writes first; a machine's answer is no reply."""
    told, in_time, judged = by_contact(events, "conversation."), 0, 0
    for rows in told.values():
        at = next((i for i, e in enumerate(rows) if e.type in ("conversation.opened", "conversation.message")), None)
        if at is None or not centre.counts(rows[at].time):
            continue
        channel, begin = next((e.unit for e in (rows[at], *rows) if e.unit), ""), rows[at].time
        service = any(x["id"] == channel and x["clock"] == "service" for x in centre.on(begin)["channels"])
        reply = next((e.time for e in rows[at:] if e.type == "conversation.replied" and e.a != 1), None)
        target = centre.minutes("channels", "reply_minutes", channel, begin, REPLY_MINUTES.get(channel))
        until = events[-1].time if reply is None else reply  # the cut-off where nobody has replied yet
        waited = (centre.service_us(begin, until) if service else until - begin) // 1000
        if target is not None and (reply is not None or waited > target):
            judged, in_time = judged + 1, in_time + (reply is not None and waited <= target)
    yield "reply_within_target_rate", ratio(in_time, judged)


def of_cases(events: list[Event], centre: Centre) -> Iterator[tuple[str, Any]]:
    """Complaints received in the period; settled is what stands so at the cut-off, with reasons rejected included."""
    complaints, settled = 0, 0
    for rows in by_contact(events, "case.").values():
        at = next((i for i, e in enumerate(rows) if e.type == "case.opened"), None)
        if at is None or not centre.counts(rows[at].time):
            continue
        since = rows[at:]
        kind = next((e.a for e in since if e.type == "case.opened" and e.a in (1, 2, 3, 4)), None)
        last = next((e for e in reversed(since) if e.type in ("case.settled", "case.reopened")), None)
        end = last if last is not None and last.type == "case.settled" else None
        if kind == 1 and not (end and end.a == 3):  # withdrawn complaints are in neither
            complaints, settled = complaints + 1, settled + (end is not None)
    yield "complaints_settled_rate", ratio(settled, complaints)


def by_contact(events: list[Event], prefix: str) -> dict[str, list[Event]]:
    out: dict[str, list[Event]] = defaultdict(list)
    for e in events:
        if e.type.startswith(prefix) and e.contact:
            out[e.contact].append(e)
    return out


def ratio(part: int, whole: int) -> list[Any]:
    """Value, numerator, n."""
    return [part / whole if whole else None, part, whole]


def nearest_rank(percent: int, waits: Sequence[int]) -> list[Any]:
    """The smallest whole second that at least `percent` of the waits (in milliseconds) do not exceed."""
    seconds = sorted(-(-ms // 1000) for ms in waits)
    return [seconds[-(-percent * len(seconds) // 100) - 1] if seconds else None, None, len(seconds)]


def figures(events: list[Event], centre: Centre) -> Iterator[tuple[str, Any]]:
    """Name → [value, numerator, n] of everything but calls; events in the order of time."""
    for family in (of_tickets, of_conversations, of_cases):
        yield from family(events, centre)
