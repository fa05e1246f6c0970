"""Tickets: events → tickets (one person's one visit to one counter service) → measures → KPIs.

A ticket is one number issued on one local day; the same number issued again is another ticket. It belongs to the
service it was issued for and to the moment of issue.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kpis.columns import (
    DAY_US,
    I64,
    MISSING,
    Bool,
    Columns,
    Zones,
    bring_together,
    first_row,
    last_row,
    mix,
    pair,
    pick,
    total,
)
from kpis.model import KPI, Better, Facts, Kind, Rules

# Codes of telemetry.events.EVENT_TYPES; a test holds the two tables together.
ISSUED, CALLED, RECALLED, STARTED, HELD, TRANSFERRED, FINISHED, NO_SHOW, CANCELLED, REACTIVATED = range(10, 20)

Rows = npt.NDArray[np.intp]

WAITING, TAKEN, SERVED, MISSED, WITHDRAWN = range(5)
"""Where a ticket stands after its last event; a taken one was called or is being served."""


def contacts(cols: Columns, rules: Rules, zones: Zones) -> Facts:
    """The tickets among these events, whatever order the events are in."""
    ev = cols.take((cols.type >= ISSUED) & (cols.type <= REACTIVATED) & (cols.contact != 0))
    day = (zones.to_local(ev.time_us, ev.site) // DAY_US).astype(np.uint64)
    ev, g = bring_together(ev, mix(pair(ev.site.astype(np.uint64), ev.contact), day))
    issued = ev.type == ISSUED
    seen = np.cumsum(issued)
    k = np.maximum(seen - (seen[g.starts] - issued[g.starts])[g.of_row], 1)
    new = np.ones(len(ev), np.bool_)
    new[1:] = (g.of_row[1:] != g.of_row[:-1]) | (k[1:] != k[:-1])
    at = np.flatnonzero(new)

    t, kind = ev.time_us, ev.type
    issue_row = first_row(issued, at)
    issue = pick(t, issue_row)
    called_row = first_row((kind == CALLED) | (kind == STARTED), at)
    called = pick(t, called_row)
    finished = first_row(kind == FINISHED, at) < len(ev)
    missed = last_row(kind == NO_SHOW, at)
    again = last_row((kind == REACTIVATED) | (kind == STARTED) | (kind == FINISHED), at)
    cancelled = last_row(kind == CANCELLED, at)
    no_show = missed > again
    withdrawn = (cancelled > again) & ~no_show

    both = (issue != MISSING) & (called != MISSING)
    wait_ms = np.where(both, (called - issue) // 1000, MISSING)
    backwards = both & (wait_ms < 0)
    known = both & ~backwards
    site = ev.site[at].astype(np.int64)
    unit = ev.unit[np.where(issue_row < len(ev), issue_row, at)].astype(np.int64)
    target = _targets(site, unit, rules)
    service_ms, served_legs = _service(ev, at)
    moved = last_row(kind == TRANSFERRED, at)
    taken = last_row((kind == CALLED) | (kind == RECALLED) | (kind == STARTED), at)
    reopened = np.maximum(moved, last_row(kind == REACTIVATED, at))
    standing = np.select(
        [no_show, withdrawn, reopened > np.maximum(taken, last_row(kind == FINISHED, at)), finished, taken >= 0],
        [MISSED, WITHDRAWN, WAITING, SERVED, TAKEN],
        WAITING,
    )
    return Facts(
        site=ev.site[at],
        unit=unit.astype(np.int32),
        arrival_us=np.where(issue != MISSING, issue, t[at]),
        counts={
            "tickets_issued": issue != MISSING,
            "tickets_served": finished,
            "tickets_no_show": no_show & ~finished,
            "tickets_cancelled": withdrawn & ~finished,
            "tickets_called": known,
            "ticket_wait_invalid": backwards,
            "ticket_wait_ms": np.where(known, wait_ms, 0),
            "tickets_with_target": known & (target != MISSING),
            "tickets_within_target": known & (target != MISSING) & (wait_ms <= target),
            "service_ms": service_ms,
            "tickets_with_service_time": served_legs > 0,
        },
        seconds={"ticket_wait_s": np.where(known, -(-wait_ms // 1000), -1)},
        state={
            "standing": standing.astype(np.int64),
            "waiting_since_us": np.where(moved >= 0, pick(t, moved), np.where(issue != MISSING, issue, t[at])),
            "waiting_unit": np.where(moved >= 0, pick(ev.unit.astype(np.int64), moved), unit),
            "taken_us": pick(t, taken),
            "taken_seq": pick(ev.seq, taken),
        },
    )


def _targets(site: I64, unit: I64, rules: Rules) -> I64:
    """Declared longest wait of each ticket's service, MISSING where none is declared."""
    declared = sorted((s << 32 | u, ms) for (s, u), ms in rules.ticket_target_ms.items())
    keys, targets = (np.array(column, np.int64) for column in (zip(*declared, strict=True) if declared else ((), ())))
    place = np.searchsorted(keys, key := site << 32 | unit)
    found = place < len(keys)
    found[found] = keys[place[found]] == key[found]
    out = np.full(len(site), MISSING, np.int64)
    out[found] = targets[place[found]]
    return out


def _service(ev: Columns, at: Rows) -> tuple[I64, I64]:
    """Service time of each ticket and how many legs it is made of.

    A leg ends with finished, transferred or held. It began with the last start since the leg before; where the
    start was never pressed, with the last call. A leg with neither has no time.
    """
    n = len(ev)
    row = np.arange(n)
    start_of = np.repeat(at, np.diff(np.append(at, n)))
    ends = (ev.type == FINISHED) | (ev.type == TRANSFERRED) | (ev.type == HELD)

    def latest_before(mask: Bool) -> Rows:
        return np.concatenate([[-1], np.maximum.accumulate(np.where(mask, row, -1))])[:n]

    floor = np.maximum(latest_before(ends), start_of - 1)
    started, called = latest_before(ev.type == STARTED), latest_before((ev.type == CALLED) | (ev.type == RECALLED))
    began = np.where(started > floor, started, np.where(called > floor, called, -1))
    leg = ends & (began >= 0)
    ms = np.where(leg, (ev.time_us - ev.time_us[np.maximum(began, 0)]) // 1000, 0)
    return total(ms, at), total(leg.astype(np.int64), at)


KPIS: tuple[KPI, ...] = (
    KPI(
        name="tickets_issued",
        kind=Kind.COUNT,
        unit="tickets",
        numerator="tickets_issued",
        label_en="Tickets issued",
        label_th="บัตรคิวที่ออก",
        definition_en="Queue tickets printed",
        definition_th="บัตรคิวที่ออกให้ผู้รับบริการ",
    ),
    KPI(
        name="tickets_served",
        kind=Kind.COUNT,
        unit="tickets",
        numerator="tickets_served",
        label_en="Tickets served",
        label_th="ผู้รับบริการที่ให้บริการเสร็จ",
        definition_en="Tickets whose service ended",
        definition_th="บัตรคิวที่ให้บริการเสร็จสิ้น",
    ),
    KPI(
        name="tickets_no_show",
        kind=Kind.COUNT,
        unit="tickets",
        better=Better.LOWER,
        numerator="tickets_no_show",
        label_en="No-shows",
        label_th="ไม่มาตามคิว",
        definition_en="Tickets called that were marked as not come, and were not served later",
        definition_th="บัตรคิวที่เรียกแล้วไม่มา และไม่ได้รับบริการภายหลัง",
    ),
    KPI(
        name="ticket_wait_seconds_mean",
        kind=Kind.MEAN,
        unit="seconds",
        better=Better.LOWER,
        numerator="ticket_wait_ms",
        denominator="tickets_called",
        per=1000,
        label_en="Mean waiting time",
        label_th="ระยะเวลารอคอยเฉลี่ย",
        definition_en="From issue to the first call, mean over tickets called",
        definition_th="ตั้งแต่ออกบัตรคิวจนเรียกครั้งแรก เฉลี่ยต่อบัตรคิวที่เรียก",
    ),
    *(
        KPI(
            name=f"ticket_wait_seconds_{name}",
            kind=Kind.QUANTILE,
            unit="seconds",
            better=Better.LOWER,
            histogram="ticket_wait_s",
            q=q,
            wall=wall,
            label_en=f"Waiting time, {en}",
            label_th=f"ระยะเวลารอคอย {th}",
            definition_en=f"{en} (nearest rank) of the waits from issue to the first call, in seconds rounded up",
            definition_th=f"{th} (ลำดับใกล้สุด) ของเวลารอตั้งแต่ออกบัตรคิวจนเรียกครั้งแรก เป็นวินาทีปัดขึ้น",
        )
        for name, q, wall, en, th in (
            ("p50", 0.5, 0, "median", "มัธยฐาน"),
            ("p90", 0.9, 5, "90th percentile", "เปอร์เซ็นไทล์ที่ 90"),
        )
    ),
    KPI(
        name="ticket_wait_within_target_rate",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.HIGHER,
        numerator="tickets_within_target",
        denominator="tickets_with_target",
        wall=6,
        label_en="Called within the declared time",
        label_th="เรียกภายในเวลาที่ประกาศ",
        definition_en="Tickets first called within their service's declared minutes ÷ tickets called of services that declare them",
        definition_th="บัตรคิวที่เรียกครั้งแรกภายในเวลาที่งานบริการประกาศ ÷ บัตรคิวที่เรียกของงานที่ประกาศเวลาไว้",
    ),
    KPI(
        name="service_seconds_mean",
        kind=Kind.MEAN,
        unit="seconds",
        numerator="service_ms",
        denominator="tickets_with_service_time",
        per=1000,
        label_en="Mean service time",
        label_th="ระยะเวลาให้บริการเฉลี่ย",
        definition_en="From start to end of service, all counters of a ticket together; where the start was not pressed, from the last call",
        definition_th="ตั้งแต่เริ่มจนสิ้นสุดบริการ รวมทุกเคาน์เตอร์ของบัตรคิว หากไม่ได้กดเริ่มให้นับจากการเรียกครั้งสุดท้าย",
    ),
)
