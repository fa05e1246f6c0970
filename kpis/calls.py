"""Calls: stints → calls (one caller's one attempt) → measures → KPIs.

A call is one call id. It belongs to its first queue and to its arrival; a passage through a further queue only adds
to its `queue_entries`. The `queue_passages` belong to the queue that was passed. A call that met only a closed queue is not offered.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kpis.columns import I64, MISSING, Bool, Columns, first_row, group, mix, pick, total
from kpis.model import KPI, Better, Facts, Kind, Rules
from kpis.stints import (
    ABANDONED,
    ANSWERED,
    CENSORED,
    LEFT_BY_KEY,
    NO_AGENT,
    OPEN,
    TIMED_OUT,
    TURNED_AWAY_CLOSED,
    TURNED_AWAY_EMPTY,
    TURNED_AWAY_FULL,
    Stints,
    stints,
)

RESTARTED = 95
LONGEST_WAIT_US = 4 * 3600 * 1_000_000
"""A call open longer than this, or open when its PBX restarted, is censored: it was cut off or its end was lost."""

_PBX = np.zeros(128, np.bool_)
_PBX[50:90] = True
_PBX[95:97] = True
_CLOCKS = {"agent_total": 0, "agent_last": 1, "queue": 2}
_TURNED_AWAY = (TURNED_AWAY_EMPTY, TURNED_AWAY_FULL, TURNED_AWAY_CLOSED)


def last_heard(cols: Columns) -> dict[int, int]:
    """Site → time of its last event from any PBX source: until then its calls are known."""
    rows = _PBX[cols.type]
    site, t = cols.site[rows], cols.time_us[rows]
    return {int(s): int(t[site == s].max()) for s in np.unique(site)}


def contacts(cols: Columns, rules: Rules) -> tuple[Facts, Facts]:
    """The calls and the stints among these events, whatever order the events are in."""
    passages = stints(cols)
    ends = {**last_heard(cols), **rules.end_us}
    return _calls(passages, rules, ends, cols.take(cols.type == RESTARTED)), _stint_facts(passages)


def _calls(s: Stints, rules: Rules, ends: Mapping[int, int], restarts: Columns) -> Facts:
    order = np.lexsort((s.seq, s.enter_us))
    g = group(s.call[order])
    order, at, of = order[g.order], g.starts, g.of_row
    last = np.append(at[1:], len(order))[: len(at)] - 1
    site, unit, arrival = s.site[order][at], s.unit[order][at], s.enter_us[order][at]

    first_answer = first_row(s.answered[order], at)
    answered = first_answer < len(order)
    until_answer = np.arange(len(order)) <= first_answer[of]
    outcomes, wait = s.outcome[order], s.wait_ms[order]
    untold = until_answer & (wait == MISSING)
    wait_ms = total(np.where(until_answer & (wait != MISSING), wait, 0), at)
    wait_ms[total(untold.astype(np.int64), at) > 0] = MISSING
    wait_known = answered & (wait_ms != MISSING)

    outcome = np.where(answered, ANSWERED, outcomes[last])
    outcome[(outcome == OPEN) & _cut_off(site, s.enter_us[order][last], ends, restarts)] = CENSORED
    offered = total((outcomes != TURNED_AWAY_CLOSED).astype(np.int64), at) > 0
    abandoned, left = outcome == ABANDONED, outcome == LEFT_BY_KEY
    short = abandoned & (wait_ms != MISSING) & (wait_ms < of_site(site, rules.short_abandon_ms))

    ring_last = pick(s.ring_last_ms[order], first_answer)
    tried = total(np.where(until_answer, s.ring_tried_ms[order], 0), at)
    clock = of_site(site, {k: _CLOCKS[v] for k, v in rules.ring_clock.items()})
    ring_total = np.where(ring_last == MISSING, MISSING, ring_last + tried)
    ring = np.select([clock == 1, clock == 2], [ring_last, wait_ms], ring_total)
    ring_known, ring_last_known = answered & (ring != MISSING), answered & (ring_last != MISSING)
    cycle = of_site(site, rules.ring_cycle_ms)
    rings = np.where(ring_known, ring // cycle + 1, 0)
    rings_last = np.where(ring_last_known, ring_last // cycle + 1, 0)

    named = first_row(s.caller[order] != 0, at)
    caller, alias = (np.where(named < len(order), pick(x[order], named), 0) for x in (s.caller, s.caller_alias))
    eligible, repeated = _repeats(site, arrival, caller, alias, rules, ends)
    eligible &= answered
    return Facts(
        site=site.astype(np.int32),
        unit=unit.astype(np.int32),
        arrival_us=arrival,
        counts={
            "calls_offered": offered,
            "calls_answered": answered,
            "calls_abandoned": abandoned,
            "calls_timed_out": outcome == TIMED_OUT,
            "calls_no_agent": outcome == NO_AGENT,
            "calls_left_by_key": left,
            "calls_lost": offered & ~answered & ~left & (outcome != OPEN),
            "calls_not_short": offered & ~short,
            "calls_abandoned_not_short": abandoned & ~short,
            "calls_outcome_unknown": outcome == CENSORED,
            "queue_entries": total((~np.isin(outcomes, _TURNED_AWAY)).astype(np.int64), at),
            "calls_ring_known": ring_known,
            "calls_ring_last_known": ring_last_known,
            **{f"rings_{r}": rings == r for r in range(1, 5)},
            "rings_5_or_more": rings >= 5,
            "answered_within_3_rings": ring_known & (rings <= 3),
            "answered_within_3_rings_last_attempt": ring_last_known & (rings_last <= 3),
            "answered_within_target": wait_known & (wait_ms <= of_site(site, rules.service_level_ms)),
            "answered_wait_known": wait_known,
            "answered_wait_ms": np.where(wait_known, wait_ms, 0),
            "ring_ms": np.where(ring_known, ring, 0),
            "talk_ms": np.where(answered, total(s.talk_ms[order], at), 0),
            "fcr_eligible": eligible,
            "fcr_resolved": eligible & ~repeated,
            "answered_caller_unknown": answered & (caller == 0),
        },
        seconds={
            "call_wait_s": np.where(wait_known, -(-wait_ms // 1000), -1),
            "call_ring_s": np.where(ring_known, -(-ring // 1000), -1),
        },
        state={"outcome": outcome, "waiting_since_us": s.enter_us[order][last], "waiting_unit": s.unit[order][last]},
    )


def of_site(site: I64, table: Mapping[int, int]) -> I64:
    """`table[site]` for each row."""
    codes, where = np.unique(site, return_inverse=True)
    return np.array([table[int(c)] for c in codes], np.int64)[where]


def _cut_off(site: I64, since_us: I64, ends: Mapping[int, int], restarts: Columns) -> Bool:
    """Which open calls cannot still be waiting: too old by the site's last event, or their PBX began anew since."""
    out: Bool = since_us < of_site(site, ends) - LONGEST_WAIT_US
    for code in np.unique(restarts.site):
        out |= (site == code) & (since_us < restarts.time_us[restarts.site == code].max())
    return out


def _repeats(
    site: I64, arrival: I64, caller: I64, alias: I64, rules: Rules, ends: Mapping[int, int]
) -> tuple[Bool, Bool]:
    """For each call: is its window over and its caller known; and did the caller reach the site again within it.

    Window method of first-contact resolution: a later call in (t, t + window], answered or not, is a repeat.
    Around a change of the privacy key a call carries two tokens (`alias` is under the key before); two calls are
    the same caller's when any token is the same. Times are taken to the millisecond: the microseconds of a log of
    whole seconds are the order of its lines, and must not decide at the edges of the window.
    """
    when, end, window = (
        (us + 500) // 1000 for us in (arrival, of_site(site, ends), of_site(site, rules.fcr_window_us))
    )
    known = caller != 0
    eligible = known & (when + window <= end)
    repeated = np.zeros(len(site), np.bool_)
    rows = np.concatenate([np.flatnonzero(known), np.flatnonzero(alias != 0)])
    token = np.concatenate([caller[known], alias[alias != 0]]).view(np.uint64)
    by_time = np.argsort(when[rows], kind="stable")
    rows, token = rows[by_time], token[by_time]
    g = group(mix(token, site[rows].astype(np.uint64)))
    rows, of = rows[g.order], g.of_row
    t = when[rows]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (of[1:] != of[:-1]) | (t[1:] != t[:-1])
    later = np.append(np.flatnonzero(new)[1:], len(rows))[np.cumsum(new) - 1]  # first row of a later instant
    there = later < len(rows)
    later[~there] = 0
    again = there & (of[later] == of) & (t[later] - t <= window[rows])
    repeated[rows[again]] = True
    return eligible, repeated


def _stint_facts(s: Stints) -> Facts:
    told = (s.wait_ms != MISSING) & (s.answered | (s.outcome == ABANDONED))
    return Facts(
        site=s.site.astype(np.int32),
        unit=s.unit.astype(np.int32),
        arrival_us=s.enter_us,
        counts={
            "queue_passages": ~np.isin(s.outcome, _TURNED_AWAY),
            "queue_passages_answered": s.answered,
            "queue_passages_abandoned": s.outcome == ABANDONED,
            "queue_wait_known": told,
            "queue_wait_ms": np.where(told, s.wait_ms, 0),
            "turned_away_empty": s.outcome == TURNED_AWAY_EMPTY,
            "turned_away_full": s.outcome == TURNED_AWAY_FULL,
            "turned_away_closed": s.outcome == TURNED_AWAY_CLOSED,
        },
    )


_RINGS_EN = "Ring seconds by the clock {ring_clock}; rings = floor(seconds / {ring_cycle_s} s) + 1"
_RINGS_TH = "วินาทีที่โทรศัพท์ดังตามวิธีนับ {ring_clock}; จำนวนครั้ง = ปัดลง(วินาที ÷ {ring_cycle_s}) + 1"


def _count(name: str, label_en: str, label_th: str, definition_en: str, definition_th: str) -> KPI:
    return KPI(
        name=name,
        kind=Kind.COUNT,
        unit="calls",
        numerator=name,
        label_en=label_en,
        label_th=label_th,
        definition_en=definition_en,
        definition_th=definition_th,
    )


KPIS: tuple[KPI, ...] = (
    _count(
        "calls_offered",
        "Calls offered",
        "สายเข้าทั้งหมด",
        "Calls that reached a queue, or were refused by a full or empty one; one call id is one call, however many queues it passes",
        "สายที่เข้าคิวหรือถูกปฏิเสธเพราะคิวเต็มหรือไม่มีเจ้าหน้าที่ นับหนึ่งสายต่อหนึ่งหมายเลขการโทร แม้ผ่านหลายคิว",
    ),
    _count("calls_answered", "Calls answered", "สายที่รับ", "Calls that a person answered", "สายที่มีเจ้าหน้าที่รับ"),
    _count(
        "calls_abandoned",
        "Calls abandoned by the caller",
        "สายที่ผู้โทรวางก่อนรับ",
        "Calls whose caller hung up before any answer",
        "สายที่ผู้โทรวางสายก่อนมีผู้รับ",
    ),
    _count(
        "calls_timed_out",
        "Calls given up by the queue",
        "สายที่หมดเวลารอ",
        "Calls that ended unanswered at the queue's time limit",
        "สายที่ไม่มีผู้รับจนครบเวลาที่คิวกำหนด",
    ),
    _count(
        "calls_no_agent",
        "Calls dropped: no agent",
        "สายหลุดเพราะไม่มีเจ้าหน้าที่",
        "Calls that ended unanswered because no agent was left in the queue",
        "สายที่สิ้นสุดเพราะไม่มีเจ้าหน้าที่อยู่ในคิว",
    ),
    _count(
        "calls_left_by_key",
        "Calls left by key",
        "สายที่กดปุ่มออกจากคิว",
        "Calls whose caller chose another way by key; neither answered nor lost",
        "สายที่ผู้โทรกดปุ่มเลือกช่องทางอื่น ไม่นับว่ารับหรือหลุด",
    ),
    _count(
        "calls_lost",
        "Calls lost",
        "สายหลุด",
        "Offered − answered − left by key, without those still waiting",
        "สายเข้า − สายที่รับ − สายที่กดปุ่มออก โดยไม่รวมสายที่กำลังรอ",
    ),
    _count(
        "calls_outcome_unknown",
        "Calls of unknown end",
        "สายที่ไม่ทราบผล",
        "Calls cut off by a restart of the PBX, or open for more than 4 hours; counted as lost",
        "สายที่ถูกตัดเพราะตู้สาขาเริ่มใหม่ หรือค้างเกิน 4 ชั่วโมง นับเป็นสายหลุด",
    ),
    KPI(
        name="abandoned_call_rate",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.LOWER,
        numerator="calls_lost",
        denominator="calls_offered",
        target=0.05,
        wall=2,
        label_en="Abandoned-call rate",
        label_th="อัตราสายหลุด",
        definition_en="Lost ÷ offered, where lost = offered − answered − left by key; no short call is left out",
        definition_th="สายหลุด ÷ สายเข้า โดยสายหลุด = สายเข้า − สายที่รับ − สายที่กดปุ่มออก ไม่ตัดสายสั้นออก",
    ),
    KPI(
        name="abandoned_call_rate_plain",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.LOWER,
        numerator="calls_abandoned",
        denominator="calls_offered",
        label_en="Abandoned by the caller",
        label_th="อัตราผู้โทรวางสายก่อนรับ",
        definition_en="Abandoned by the caller ÷ offered",
        definition_th="สายที่ผู้โทรวางก่อนรับ ÷ สายเข้า",
    ),
    KPI(
        name="abandoned_call_rate_excluding_short",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.LOWER,
        numerator="calls_abandoned_not_short",
        denominator="calls_not_short",
        label_en="Abandoned, short calls left out",
        label_th="อัตราผู้โทรวางสาย ไม่รวมสายสั้น",
        definition_en="Abandoned after {short_abandon_s} s or more ÷ (offered − abandoned before {short_abandon_s} s)",
        definition_th="สายที่ผู้โทรวางเมื่อรอตั้งแต่ {short_abandon_s} วินาที ÷ (สายเข้า − สายที่วางก่อน {short_abandon_s} วินาที)",
    ),
    KPI(
        name="rings_to_answer",
        kind=Kind.HISTOGRAM,
        unit="calls",
        denominator="calls_ring_known",
        bins=(("1", "rings_1"), ("2", "rings_2"), ("3", "rings_3"), ("4", "rings_4"), ("5+", "rings_5_or_more")),
        within=("1", "2", "3"),
        wall=3,
        label_en="Rings to answer",
        label_th="จำนวนครั้งที่โทรศัพท์ดัง",
        definition_en=f"Answered calls by rings until a person answered. {_RINGS_EN}",
        definition_th=f"สายที่รับ จำแนกตามจำนวนครั้งที่ดังก่อนเจ้าหน้าที่รับ {_RINGS_TH}",
    ),
    KPI(
        name="answered_within_3_rings_rate",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.HIGHER,
        numerator="answered_within_3_rings",
        denominator="calls_ring_known",
        wall=1,
        label_en="Answered within 3 rings",
        label_th="รับสายภายใน 3 ครั้ง",
        definition_en=f"Answered calls with at most 3 rings ÷ answered calls whose ring time is known. {_RINGS_EN}",
        definition_th=f"สายที่รับโดยดังไม่เกิน 3 ครั้ง ÷ สายที่รับและทราบเวลาที่ดัง {_RINGS_TH}",
    ),
    KPI(
        name="answered_within_3_rings_rate_last_attempt",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.HIGHER,
        numerator="answered_within_3_rings_last_attempt",
        denominator="calls_ring_last_known",
        label_en="Answered within 3 rings, last attempt",
        label_th="รับสายภายใน 3 ครั้ง นับครั้งสุดท้ายที่เรียก",
        definition_en="As answered within 3 rings, but only the ringing of the phone that answered counts; ring cycle {ring_cycle_s} s",
        definition_th="เช่นเดียวกับรับสายภายใน 3 ครั้ง แต่นับเฉพาะเครื่องที่รับสาย รอบการดัง {ring_cycle_s} วินาที",
    ),
    KPI(
        name="service_level_rate",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.HIGHER,
        numerator="answered_within_target",
        denominator="calls_offered",
        wall=4,
        label_en="Service level",
        label_th="ระดับการให้บริการทางโทรศัพท์",
        definition_en="Answered within {service_level_s} s of entering the queue ÷ offered",
        definition_th="สายที่รับภายใน {service_level_s} วินาทีนับจากเข้าคิว ÷ สายเข้า",
    ),
    KPI(
        name="asa_seconds",
        kind=Kind.MEAN,
        unit="seconds",
        better=Better.LOWER,
        numerator="answered_wait_ms",
        denominator="answered_wait_known",
        per=1000,
        label_en="Average speed of answer",
        label_th="เวลาเฉลี่ยก่อนรับสาย",
        definition_en="Mean wait of answered calls, from entering the first queue to the answer; waits of several queues add up",
        definition_th="เวลารอเฉลี่ยของสายที่รับ ตั้งแต่เข้าคิวจนมีผู้รับ หากผ่านหลายคิวให้รวมกัน",
    ),
    *(
        KPI(
            name=f"call_wait_seconds_{name}",
            kind=Kind.QUANTILE,
            unit="seconds",
            better=Better.LOWER,
            histogram="call_wait_s",
            q=q,
            label_en=f"Wait of answered calls, {en}",
            label_th=f"เวลารอสาย {th}",
            definition_en=f"{en} (nearest rank) of the waits of answered calls, in whole seconds",
            definition_th=f"{th} (ลำดับใกล้สุด) ของเวลารอของสายที่รับ เป็นวินาทีเต็ม",
        )
        for name, q, en, th in (("p50", 0.5, "Median", "มัธยฐาน"), ("p90", 0.9, "90th percentile", "เปอร์เซ็นไทล์ที่ 90"))
    ),
    KPI(
        name="talk_seconds_mean",
        kind=Kind.MEAN,
        unit="seconds",
        numerator="talk_ms",
        denominator="calls_answered",
        per=1000,
        label_en="Mean talk time",
        label_th="เวลาสนทนาเฉลี่ย",
        definition_en="Talk time of all passages of a call, mean over answered calls",
        definition_th="เวลาสนทนารวมทุกช่วงของสาย เฉลี่ยต่อสายที่รับ",
    ),
    KPI(
        name="first_contact_resolution_rate",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.HIGHER,
        numerator="fcr_resolved",
        denominator="fcr_eligible",
        label_en="First-contact resolution",
        label_th="การให้บริการสำเร็จในการติดต่อครั้งแรก",
        definition_en="Answered calls with no later call of the same number to this centre within {fcr_window} ÷ answered calls of a known number whose {fcr_window} are over",
        definition_th="สายที่รับซึ่งหมายเลขเดิมไม่โทรมาอีกภายใน {fcr_window} ÷ สายที่รับซึ่งทราบหมายเลขและครบ {fcr_window} แล้ว",
    ),
    _count(
        "queue_entries",
        "Queue entries",
        "จำนวนครั้งที่เข้าคิว",
        "Passages through any queue of the calls that first reached this queue; transfers add to it",
        "จำนวนครั้งที่เข้าคิวทั้งหมดของสายที่เข้าคิวนี้เป็นคิวแรก รวมการโอนต่อ",
    ),
    _count(
        "queue_passages",
        "Passages through this queue",
        "จำนวนครั้งที่ผ่านคิวนี้",
        "Passages through this queue, transfers from other queues included",
        "จำนวนครั้งที่สายเข้าคิวนี้ รวมสายโอนจากคิวอื่น",
    ),
    _count(
        "queue_passages_answered",
        "Passages answered",
        "ผ่านคิวนี้แล้วมีผู้รับ",
        "Passages through this queue that were answered in it",
        "จำนวนครั้งที่เข้าคิวนี้และมีผู้รับ",
    ),
    _count(
        "queue_passages_abandoned",
        "Passages abandoned",
        "ผ่านคิวนี้แล้ววางสาย",
        "Passages through this queue that the caller ended by hanging up",
        "จำนวนครั้งที่เข้าคิวนี้แล้วผู้โทรวางสาย",
    ),
    KPI(
        name="queue_wait_seconds_mean",
        kind=Kind.MEAN,
        unit="seconds",
        better=Better.LOWER,
        numerator="queue_wait_ms",
        denominator="queue_wait_known",
        per=1000,
        label_en="Mean wait in this queue",
        label_th="เวลารอเฉลี่ยในคิวนี้",
        definition_en="Mean wait of the passages through this queue that were answered or abandoned",
        definition_th="เวลารอเฉลี่ยของการเข้าคิวนี้ที่มีผู้รับหรือผู้โทรวางสาย",
    ),
    *(
        _count(name, en, th, f"{en}, as the dialplan logged them", f"{th} ตามที่แผนการโทรบันทึก")
        for name, en, th in (
            ("turned_away_empty", "Calls refused: no agent", "สายที่ถูกปฏิเสธเพราะไม่มีเจ้าหน้าที่"),
            ("turned_away_full", "Calls refused or diverted: queue full", "สายที่ถูกปฏิเสธเพราะคิวเต็ม"),
            ("turned_away_closed", "Calls to a closed queue", "สายที่เข้ามาเมื่อคิวปิด"),
        )
    ),
)
