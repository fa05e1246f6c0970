"""Cases, from their definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from telemetry.config import Site
from telemetry.events import MISSING, Event
from tests.kpis.second_reading.base import Contact, Contacts, Value, count, local, nearest_rank, quarter, ratio
from tests.kpis.second_reading.conversations import matters, person_of, unit_of, users, users_of_unit

DAY_US = 86_400_000_000
LONGEST_MS = 18_300 * DAY_US // 1000
MOST_SECONDS = 268_435_455
KINDS = {1: "complaint", 2: "request", 3: "suggestion", 4: "praise"}
AGES = {"under 7 days": 7, "7 to 15 days": 15, "15 to 30 days": 30, "30 to 60 days": 60, "60 days or more": None}
"""Label → days that it stays below."""


@dataclass
class Case(Contact):
    begin_us: int
    as_of_us: int
    days: tuple[date, date | None, date]
    """Local days of the receipt, of the end (None while it is open), and of the cut-off."""
    kind: str
    person: int
    events_before: bool
    end_us: int | None
    result: int | None
    reopened: bool
    due_ms: int | None
    """The date in force; None too where it is impossible."""
    due_moved: bool
    due_impossible: bool
    acknowledged: int | None
    forwarded: int | None
    """To the first, in milliseconds."""
    notified: bool
    looked_up: int

    @property
    def withdrawn(self) -> bool:
        return self.end_us is not None and self.result == 3

    @property
    def counted(self) -> bool:
        return self.kind in ("complaint", "request", "untold") and not self.withdrawn

    @property
    def complaint(self) -> bool:
        return self.counted and self.kind == "complaint"

    @property
    def request(self) -> bool:
        return self.counted and self.kind != "complaint"

    @property
    def ended(self) -> bool:
        return self.end_us is not None

    @property
    def settle(self) -> int | None:
        return None if self.end_us is None else (self.end_us - self.begin_us) // 1000

    @property
    def late(self) -> bool:
        return self.end_us is not None and self.due_ms is not None and self.end_us // 1000 > self.due_ms

    @property
    def overdue(self) -> bool:
        return self.end_us is None and self.due_ms is not None and self.due_ms < self.as_of_us // 1000

    @property
    def same_day(self) -> bool:
        return self.days[1] == self.days[0]

    @property
    def over(self) -> bool:
        """The day of the receipt is over at the cut-off."""
        return self.days[2] > self.days[0]

    @property
    def lasting(self) -> bool:
        return not self.same_day and (self.ended or self.over)


@dataclass
class Due(Contact):
    """A case that is ended or overdue, at its date."""

    complaint: bool
    in_time: bool


@dataclass
class Step(Contact):
    started: bool
    due: bool
    in_time: bool
    time: int | None


def read(events: Sequence[Event], site: Site, _contacts: Contacts) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time, as of the last of them."""
    of = matters(events, "case.")
    received = {name: rows for name, rows in of.items() if any(is_opening(e) for e in rows)}
    as_of = events[-1].time_us if events else 0
    found = [case(rows, site, as_of) for rows in received.values()]
    return {
        "cases": found,
        "cases_unknown": [
            Contact(site.id, unit_of(rows, 0), quarter(site, rows[0].time_us))
            for name, rows in of.items()
            if name not in received
        ],
        "cases_due": [due_of(x, site) for x in found if x.counted and x.due_ms is not None and (x.ended or x.overdue)],
        "case_steps": [step for rows in of.values() for step in steps_of(rows, site, as_of)],
        "case_users": users(found, site),
        "case_users_of_unit": users_of_unit(found, site),
    }


def is_opening(e: Event) -> bool:
    return e.type == "case.opened"


def case(rows: Sequence[Event], site: Site, as_of: int) -> Case:
    at = next(i for i, e in enumerate(rows) if is_opening(e))
    begin_us, since = rows[at].time_us, rows[at:]

    def first(name: str) -> int | None:
        return next(((e.time_us - begin_us) // 1000 for e in since if e.type == name), None)

    settled = next((i for i in reversed(range(len(since))) if since[i].type == "case.settled"), None)
    if settled is not None and any(e.type == "case.reopened" for e in since[settled:]):
        settled = None
    end = None if settled is None else since[settled]
    told = [e.b if is_opening(e) else e.a for e in since if e.type in ("case.opened", "case.assigned")]
    told = [due for due in told if due != MISSING]
    possible = bool(told) and begin_us // 1000 <= told[-1] <= begin_us // 1000 + LONGEST_MS
    return Case(
        site=site.id,
        unit=unit_of(rows, at),
        quarter=quarter(site, begin_us),
        begin_us=begin_us,
        as_of_us=as_of,
        days=(day(site, begin_us), day(site, end.time_us) if end else None, day(site, as_of)),
        kind=next((KINDS[e.a] for e in since if is_opening(e) and e.a in KINDS), "untold"),
        person=person_of(rows),
        events_before=at > 0,
        end_us=end.time_us if end else None,
        result=end.a if end else None,
        reopened=any(e.type == "case.reopened" for e in since),
        due_ms=told[-1] if possible else None,
        due_moved=possible and told[-1] > told[0],
        due_impossible=bool(told) and not possible,
        acknowledged=first("case.acknowledged"),
        forwarded=first("case.forwarded"),
        notified=first("case.notified") is not None,
        looked_up=sum(e.type == "case.looked_up" for e in since),
    )


def day(site: Site, us: int) -> date:
    return local(site, us).date()


def due_of(x: Case, site: Site) -> Due:
    return Due(site.id, x.unit, quarter(site, x.due_ms * 1000), x.complaint, x.ended and not x.late)


def steps_of(rows: Sequence[Event], site: Site, as_of: int) -> list[Step]:
    """Of one case, received or not."""
    by_number = defaultdict(list)
    for e in rows:
        if e.type in ("case.step_started", "case.step_finished") and e.a != MISSING:
            by_number[e.a].append(e)
    begin = next((i for i, e in enumerate(rows) if is_opening(e)), 0)
    return [step_of(of_number, unit_of(rows, begin), site, as_of) for of_number in by_number.values()]


def step_of(rows: Sequence[Event], unit_of_case: str, site: Site, as_of: int) -> Step:
    at = next((i for i, e in enumerate(rows) if e.type == "case.step_started"), None)
    begin = rows[at or 0]
    finishes = [] if at is None else [e for e in rows[at:] if e.type == "case.step_finished"]
    told = [] if at is None else [e.b for e in rows[at:] if e.type == "case.step_started" and e.b != MISSING]
    begin_ms, as_of_ms = begin.time_us // 1000, as_of // 1000
    dated = bool(told) and begin_ms <= told[-1] <= begin_ms + LONGEST_MS
    finish = finishes[-1] if finishes else None
    return Step(
        site=site.id,
        unit=begin.unit or unit_of_case,
        quarter=quarter(site, begin.time_us),
        started=at is not None,
        due=dated and (finish is not None or told[-1] < as_of_ms),
        in_time=dated and finish is not None and finish.time_us // 1000 <= told[-1],
        time=(finish.time_us - begin.time_us) // 1000 if finish else None,
    )


def of(c: Contacts) -> list[Case]:
    return [x for x in c["cases"] if x.counted]


def complaints(c: Contacts) -> list[Case]:
    return [x for x in c["cases"] if x.complaint]


def requests(c: Contacts) -> list[Case]:
    return [x for x in c["cases"] if x.request]


def by_kind(c: Contacts) -> Value:
    kinds = [x.kind for x in c["cases"]]
    return Value(None, len(kinds), bins={kind: kinds.count(kind) for kind in (*KINDS.values(), "untold")})


def open_by_age(cases: Iterable[Case]) -> Value:
    out = dict.fromkeys(AGES, 0)
    for x in cases:
        if not x.ended:
            age_us = x.as_of_us - x.begin_us
            out[next(age for age, below in AGES.items() if below is None or age_us < below * DAY_US)] += 1
    return Value(None, sum(out.values()), bins=out)


def times(name: str, of: Callable[[Contacts], Iterable[int | None]]) -> dict[str, Callable[[Contacts], Value]]:
    """Median and 90th percentile, of times up to the longest that are told apart."""

    def rank(percent: int) -> Callable[[Contacts], Value]:
        return lambda c: nearest_rank(percent, (None if t is None else min(t, MOST_SECONDS * 1000) for t in of(c)))

    return {f"{name}_seconds_p50": rank(50), f"{name}_seconds_p90": rank(90)}


def settled_by_due(c: Contacts) -> Value:
    return ratio([x.in_time for x in c["cases_due"]], c["cases_due"])


def complaints_settled_by_due(c: Contacts) -> Value:
    mine = [x for x in c["cases_due"] if x.complaint]
    return ratio([x.in_time for x in mine], mine)


def forwarded(c: Contacts) -> list[Case]:
    return [x for x in of(c) if x.forwarded is not None]


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "complaints_settled_rate": lambda c: ratio([x.ended for x in complaints(c)], complaints(c)),
    "complaints": lambda c: count(complaints(c)),
    "complaints_settled": lambda c: count(x.ended for x in complaints(c)),
    "complaints_rejected": lambda c: count(x.ended and x.result == 2 for x in complaints(c)),
    "complaints_withdrawn": lambda c: count(x.withdrawn and x.kind == "complaint" for x in c["cases"]),
    "complaints_open": lambda c: count(not x.ended for x in complaints(c)),
    "complaints_open_by_age": lambda c: open_by_age(complaints(c)),
    "complaints_overdue": lambda c: count(x.overdue for x in complaints(c)),
    "complaints_settled_late": lambda c: count(x.late for x in complaints(c)),
    "complaints_settled_by_due_rate": complaints_settled_by_due,
    "complaints_acknowledged_rate": lambda c: ratio(
        [x.acknowledged is not None for x in complaints(c)], complaints(c)
    ),
    **times("complaint_acknowledge", lambda c: [x.acknowledged for x in complaints(c)]),
    **times("complaint_settle", lambda c: [x.settle for x in complaints(c)]),
    "cases_received": lambda c: count(c["cases"]),
    "cases_by_kind": by_kind,
    "cases": lambda c: count(of(c)),
    "cases_receipt_unknown": lambda c: count(c["cases_unknown"]),
    "cases_with_events_before_receipt": lambda c: count(x.events_before for x in c["cases"]),
    "cases_withdrawn": lambda c: count(x.withdrawn for x in c["cases"]),
    "cases_settled_rate": lambda c: ratio([x.ended for x in of(c)], of(c)),
    "cases_open": lambda c: count(not x.ended for x in of(c)),
    "cases_open_by_age": lambda c: open_by_age(of(c)),
    "cases_overdue": lambda c: count(x.overdue for x in of(c)),
    "cases_settled_late": lambda c: count(x.late for x in of(c)),
    "cases_due_moved": lambda c: count(x.due_moved for x in of(c)),
    "cases_due_impossible": lambda c: count(x.due_impossible for x in of(c)),
    "cases_settled_by_due_rate": settled_by_due,
    **times("request_settle", lambda c: [x.settle for x in requests(c)]),
    "one_stop_rate": lambda c: ratio(
        [x.ended and x.same_day for x in requests(c)], [x.ended or x.over for x in requests(c)]
    ),
    "cases_reopened_rate": lambda c: ratio([x.reopened for x in of(c)], of(c)),
    "cases_forwarded": lambda c: count(forwarded(c)),
    "cases_forwarded_settled_rate": lambda c: ratio([x.ended for x in forwarded(c)], forwarded(c)),
    **times("case_forward", lambda c: [x.forwarded for x in forwarded(c)]),
    "cases_with_status_notice_rate": lambda c: ratio(
        [x.lasting and x.notified for x in of(c)], [x.lasting for x in of(c)]
    ),
    "case_lookups_mean": lambda c: Value(
        sum(x.looked_up for x in of(c)) / len(of(c)) if of(c) else None, len(of(c))
    ),
    "cases_looked_up": lambda c: count(x.looked_up for x in of(c)),
    "case_steps_in_time_rate": lambda c: ratio([x.in_time for x in c["case_steps"]], [x.due for x in c["case_steps"]]),
    "case_steps_started": lambda c: count(x.started for x in c["case_steps"]),
    "case_steps_never_started": lambda c: count(not x.started for x in c["case_steps"]),
    **times("case_step", lambda c: [x.time for x in c["case_steps"]]),
    "case_users_per_month": lambda c: count(c["case_users"]),
    "case_users_per_month_by_service": lambda c: count(c["case_users_of_unit"]),
    "cases_without_user": lambda c: count(not x.person for x in c["cases"]),
}  # fmt: skip
