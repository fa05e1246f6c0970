"""Passages of calls through queues, from the contract of the core: what each was, how long it waited and rang."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from telemetry.config import Site
from telemetry.events import UNKNOWN, Event
from tests.kpis.second_reading.base import milliseconds, number, quarter
from tests.kpis.second_reading.call import Stint
from tests.kpis.second_reading.call_sources import EXITS, PASSAGE, REFUSALS, TALKED


def stints_of(events: Sequence[Event], site: Site) -> dict[str, list[Stint]]:
    """Call id → its passages in order. The k-th entry of a call in a queue opens its k-th passage; what stands
    before the first entry belongs to the first. A refusal is no passage: it stands by itself, once a queue."""
    passages: dict[tuple[str, str], list[list[tuple[int, Event]]]] = defaultdict(list)
    refused: dict[tuple[str, str], tuple[int, Event]] = {}
    for order, e in enumerate(events):
        key = e.contact, e.unit
        if e.type not in PASSAGE or not e.contact:
            continue
        if e.type in REFUSALS:
            refused.setdefault(key, (order, e))
            continue
        mine = passages[key]
        if not mine or (e.type == "call.entered" and any(x.type == "call.entered" for _, x in mine[-1])):
            mine.append([])
        mine[-1].append((order, e))
    out: dict[str, list[Stint]] = defaultdict(list)
    for (contact, _), of_queue in passages.items():
        out[contact] += [stint_of(rows, site) for rows in of_queue]
    for (contact, unit), (order, e) in refused.items():
        out[contact].append(Stint(site.id, unit, quarter(site, e.time_us), e.time_us, order, e.type, wait=0))
    for of_call in out.values():
        of_call.sort(key=lambda s: (s.enter_us, s.order))
    return out


def stint_of(rows: Sequence[tuple[int, Event]], site: Site) -> Stint:
    events = [e for _, e in rows]

    def first(*types: str) -> Event | None:
        return next((e for e in events if e.type in types), None)

    entered, connect = first("call.entered"), first("call.connected")
    answer, leave = first("call.connected", *TALKED), first(*EXITS)
    if leave:  # a log may write an exit for each telephone that rang: the longest wait is the caller's
        leave = max((e for e in events if e.type == leave.type), key=lambda e: e.a)
    told = connect or answer or leave
    enter_us, wait = times(events, entered, told)
    return Stint(
        site=site.id,
        unit=events[0].unit,
        quarter=quarter(site, enter_us),
        enter_us=enter_us,
        order=rows[0][0],
        outcome="answered" if answer else leave.type if leave else "open",
        wait=wait,
        ring_last=not_below_0(connect.b) if connect else None,
        ring_tried=rung_in_vain(events[: events.index(connect)] if connect else events),
        talk=sum_of_known(not_below_0(e.b) for e in events if e.type in TALKED),
        sent_on=first("call.transferred") is not None,
        caller=entered.caller if entered else 0,
        alias=(number(entered.c) or 0) if entered else 0,
        test=entered is not None and entered.b == 1,
    )


def times(events: Sequence[Event], entered: Event | None, told: Event | None) -> tuple[int, int | None]:
    """When the passage began and how long it waited, by its entry and the event that tells of its end: what the PBX
    says, else the time between the two. An end of a conversation comes that much later than the answer."""
    talked_before = (not_below_0(told.b) or 0) if told and told.type in TALKED else 0
    said = not_below_0(told.a) if told else None  # of a clock that went back it says nothing
    if not told:
        return (entered or events[0]).time_us, None
    if not entered:
        return told.time_us - ((said or 0) + talked_before) * 1000, said
    if said is not None or told.a == UNKNOWN:
        return entered.time_us, said
    measured = milliseconds(told.time_us - entered.time_us) - talked_before
    return entered.time_us, measured if measured >= 0 else None


def not_below_0(slot: int) -> int | None:
    """A duration that is told: neither missing nor below 0."""
    return slot if slot >= 0 else None


def sum_of_known(values: Iterable[int | None]) -> int | None:
    known = [v for v in values if v is not None]
    return sum(known) if known else None


def rung_in_vain(events: Sequence[Event]) -> int:
    """Attempts within a second of the one before rang in parallel and count their longest; others add up."""
    attempts: list[list[int]] = []
    last_second = None
    for e in events:
        if e.type == "call.ring_no_answer" and e.a >= 0:
            second = e.time_us // 1_000_000
            if last_second is None or second - last_second > 1:
                attempts.append([])
            attempts[-1].append(e.a)
            last_second = second
    return sum(max(attempt) for attempt in attempts)
