"""Rings until a person answered: the standard's "not more than 3 rings"."""

from __future__ import annotations

from kpis.calls.call_words import CALLS, LEFT_OUT_EN, LEFT_OUT_TH, SCOPE, ratio, seconds
from kpis.model import KPI, Better, Kind

_RULES = ("ring_cycle_s", "ring_clock")
_TOGETHER_EN = (
    "Of attempts in vain, those logged within a second of the one before rang together and count their longest; others add up, and "
    "to them the ring of the answer"
)
_TOGETHER_TH = "การเรียกที่ไม่มีผู้รับซึ่งบันทึกห่างกันไม่เกิน 1 วินาทีถือว่าดังพร้อมกันและนับครั้งที่นานที่สุด นอกนั้นรวมกัน แล้วรวมกับเวลาที่ดังจนรับ"
_RINGS_EN = "Seconds of ringing: {ring_clock}; rings = floor(seconds / {ring_cycle_s} s) + 1"
_RINGS_TH = "เวลาที่โทรศัพท์ดัง: {ring_clock} จำนวนครั้ง = ปัดลง(วินาที ÷ {ring_cycle_s}) + 1"
_UNKNOWN_EN = "answered calls whose ring time is not known (calls answered − n)"
_UNKNOWN_TH = "สายที่รับซึ่งไม่ทราบเวลาที่ดัง (สายที่รับ − n)"
_LEFT_OUT = (f"{LEFT_OUT_EN}; {_UNKNOWN_EN}", f"{LEFT_OUT_TH} และ{_UNKNOWN_TH}")

KPIS: tuple[KPI, ...] = (
    KPI(
        name="rings_to_answer",
        kind=Kind.HISTOGRAM,
        unit="calls",
        coverage="calls",
        criteria=CALLS,
        settings=(*_RULES, *SCOPE),
        denominator="calls_ring_known",
        bins=(("1", "rings_1"), ("2", "rings_2"), ("3", "rings_3"), ("4", "rings_4"), ("5+", "rings_5_or_more")),
        within=("1", "2", "3"),
        wall=3,
        label_en="Rings to answer",
        label_th="จำนวนครั้งที่โทรศัพท์ดัง",
        definition_en=f"Answered calls by rings until a person answered. {_RINGS_EN}. {_TOGETHER_EN}",
        definition_th=f"สายที่รับ จำแนกตามจำนวนครั้งที่ดังก่อนเจ้าหน้าที่รับ {_RINGS_TH} {_TOGETHER_TH}",
        excludes_en=_LEFT_OUT[0],
        excludes_th=_LEFT_OUT[1],
    ),
    ratio(
        "answered_within_3_rings_rate",
        ("answered_within_3_rings", "calls_ring_known"),
        ("Answered within 3 rings", "รับสายเมื่อดังไม่เกิน 3 ครั้ง"),
        (
            f"Answered calls with at most 3 rings ÷ answered calls whose ring time is known. {_RINGS_EN}",
            f"สายที่รับโดยดังไม่เกิน 3 ครั้ง ÷ สายที่รับและทราบเวลาที่ดัง {_RINGS_TH}",
        ),
        better=Better.HIGHER,
        settings=_RULES,
        excludes=_LEFT_OUT,
        wall=1,
    ),
    ratio(
        "answered_within_3_rings_rate_of_offered",
        ("answered_within_3_rings", "calls_offered"),
        ("Answered within 3 rings, of all offered", "รับสายเมื่อดังไม่เกิน 3 ครั้ง ต่อสายเข้าทั้งหมด"),
        (
            f"Answered calls with at most 3 rings ÷ offered calls; a call of unknown ring time is not within. {_RINGS_EN}",
            f"สายที่รับโดยดังไม่เกิน 3 ครั้ง ÷ สายเข้าทั้งหมด สายที่ไม่ทราบเวลาที่ดังไม่นับว่าอยู่ในเกณฑ์ {_RINGS_TH}",
        ),
        better=Better.HIGHER,
        settings=_RULES,
    ),
    ratio(
        "answered_within_3_rings_rate_last_attempt",
        ("answered_within_3_rings_last_attempt", "calls_ring_last_known"),
        ("Answered within 3 rings, last attempt", "รับสายภายใน 3 ครั้ง นับครั้งสุดท้ายที่เรียก"),
        (
            "As answered within 3 rings, but only the ringing of the phone that answered counts; ring cycle {ring_cycle_s} s",
            "เช่นเดียวกับรับสายภายใน 3 ครั้ง แต่นับเฉพาะเครื่องที่รับสาย รอบการดัง {ring_cycle_s} วินาที",
        ),
        better=Better.HIGHER,
        settings=("ring_cycle_s",),
        excludes=_LEFT_OUT,
    ),
    *(
        ratio(
            f"answered_within_3_rings_rate_{cycle}s",
            (f"answered_within_{3 * cycle}_s_of_ringing", "calls_ring_known"),
            (f"Answered within 3 rings of {cycle} s", f"รับสายเมื่อดังไม่เกิน 3 ครั้ง รอบละ {cycle} วินาที"),
            (
                (
                    f"Answered calls that rang less than {3 * cycle} s ÷ answered calls whose ring time is known: 3 rings of {cycle} s, "
                    "whatever the centre's own cycle. Seconds of ringing: {ring_clock}"
                ),
                (
                    f"สายที่รับซึ่งดังน้อยกว่า {3 * cycle} วินาที ÷ สายที่รับและทราบเวลาที่ดัง คือดัง 3 ครั้ง รอบละ {cycle} วินาที "
                    "โดยไม่ขึ้นกับรอบที่ศูนย์กำหนด เวลาที่โทรศัพท์ดัง: {ring_clock}"
                ),
            ),
            better=Better.HIGHER,
            settings=("ring_clock",),
            excludes=_LEFT_OUT,
        )
        for cycle in (5, 6)
    ),
    seconds(
        "rings_to_answer_max",
        Kind.QUANTILE,
        1.0,
        "call_rings",
        ("Most rings to answer", "จำนวนครั้งที่ดังมากที่สุดก่อนรับสาย"),
        (
            f"Most rings of any answered call whose ring time is known. {_RINGS_EN}",
            f"จำนวนครั้งที่ดังมากที่สุดของสายที่รับและทราบเวลาที่ดัง {_RINGS_TH}",
        ),
        settings=_RULES,
        unit="number",
        excludes=_LEFT_OUT,
    ),
)
