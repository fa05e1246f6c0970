"""Calls that were put on hold, and calls that went to voicemail (`kpis.calls.told_besides`)."""

from __future__ import annotations

from kpis.calls.call_words import CALLS, LEFT_OUT_EN, LEFT_OUT_TH, count, mean, ratio
from kpis.model import KPI, Better

_ANY_HOUR = ("Nothing: calls at any hour count", "ไม่มี นับทุกเวลา")
_TALKED = (*CALLS, "Q5.1")
_HOLD_UNKNOWN = (
    f"{LEFT_OUT_EN}; answered calls of which no log tells the hold: calls_answered less calls_hold_known",
    f"{LEFT_OUT_TH} และสายที่รับซึ่งไม่มีบันทึกใดบอกเวลาพักสาย คือ calls_answered ลบ calls_hold_known",
)

HOLD: tuple[KPI, ...] = (
    mean(
        "hold_seconds_mean",
        ("hold_ms", "calls_hold_known"),
        ("Mean time on hold", "เวลาพักสายเฉลี่ย"),
        (
            (
                "Time on hold ÷ answered calls whose hold is told; a call that was never put on hold counts as 0. Of each call the "
                "hold_ms (0 or more) of its call.held events are added up; where several sources tell them, the greatest sum of one "
                "source counts. It is part of the talk time and not added to aht_seconds_mean"
            ),
            (
                "เวลาพักสาย ÷ สายที่รับซึ่งมีบันทึกเวลาพักสาย สายที่ไม่ถูกพักนับเป็น 0 แต่ละสายรวม hold_ms (ตั้งแต่ 0) ของเหตุการณ์ call.held "
                "ทุกครั้ง หากมีหลายแหล่งบันทึกใช้ผลรวมของแหล่งที่มากที่สุด เวลานี้เป็นส่วนหนึ่งของเวลาสนทนาและไม่บวกเพิ่มใน aht_seconds_mean"
            ),
        ),
        better=Better.LOWER,
        criteria=_TALKED,
        excludes=_HOLD_UNKNOWN,
    ),
    ratio(
        "calls_held_rate",
        ("calls_held", "calls_hold_known"),
        ("Answered calls put on hold", "สัดส่วนสายที่ถูกพักสาย"),
        (
            "Answered calls that were on hold for more than 0 ms ÷ answered calls whose hold is told (see hold_seconds_mean)",
            "สายที่รับและถูกพักสายนานกว่า 0 มิลลิวินาที ÷ สายที่รับซึ่งมีบันทึกเวลาพักสาย (ดู hold_seconds_mean)",
        ),
        better=Better.LOWER,
        criteria=_TALKED,
        excludes=_HOLD_UNKNOWN,
    ),
    count(
        "calls_hold_known",
        ("Answered calls, hold told", "สายที่รับซึ่งทราบเวลาพักสาย"),
        (
            "Answered calls with a call.held event that gives a hold_ms of 0 or more",
            "สายที่รับซึ่งมีเหตุการณ์ call.held ที่ระบุ hold_ms ตั้งแต่ 0",
        ),
        criteria=(*_TALKED, "Q15.2"),
    ),
)

VOICEMAIL: tuple[KPI, ...] = (
    count(
        "calls_to_voicemail",
        ("Calls to voicemail", "สายที่เข้าระบบฝากข้อความ"),
        (
            (
                "Offered calls of which any log says, by call.voicemail, that they went to voicemail. They stay what else they are: "
                "one that nobody answered is lost and in every figure of lost calls"
            ),
            (
                "สายเข้าซึ่งมีบันทึกใด ๆ (call.voicemail) ระบุว่าเข้าระบบฝากข้อความเสียง สายเหล่านี้ไม่ถูกตัดออกจากตัวเลขอื่น "
                "สายที่ไม่มีผู้รับยังเป็นสายหลุดและอยู่ในตัวเลขสายหลุดทุกรายการ"
            ),
        ),
    ),
    count(
        "calls_lost_to_voicemail",
        ("Lost calls that went to voicemail", "สายหลุดที่เข้าระบบฝากข้อความ"),
        (
            "Lost calls that went to voicemail: among calls_lost, not beside it",
            "สายหลุดที่เข้าระบบฝากข้อความเสียง เป็นส่วนหนึ่งของ calls_lost ไม่ได้แยกออก",
        ),
    ),
    count(
        "calls_outside_hours_to_voicemail",
        ("Calls outside hours to voicemail", "สายนอกเวลาที่เข้าระบบฝากข้อความ"),
        (
            "Calls outside service hours (calls_outside_hours) that went to voicemail",
            "สายที่โทรเข้านอกเวลาให้บริการ (calls_outside_hours) และเข้าระบบฝากข้อความเสียง",
        ),
        excludes=_ANY_HOUR,
    ),
    count(
        "calls_did_to_voicemail",
        ("Calls to voicemail past all queues", "สายที่เข้าระบบฝากข้อความโดยไม่ผ่านคิว"),
        (
            "Calls that reached a number of the centre and no queue (calls_did_without_entry) and went to voicemail; any hour counts",
            "สายที่โทรถึงหมายเลขของศูนย์แต่ไม่เข้าคิว (calls_did_without_entry) และเข้าระบบฝากข้อความเสียง นับทุกเวลา",
        ),
        settings=(),
        excludes=_ANY_HOUR,
    ),
)

KPIS: tuple[KPI, ...] = (*HOLD, *VOICEMAIL)
