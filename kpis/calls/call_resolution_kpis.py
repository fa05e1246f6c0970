"""First-contact resolution of calls, by the window in which nobody calls again."""

from __future__ import annotations

from kpis.calls.call_words import CALLS, LEFT_OUT_EN, LEFT_OUT_TH, SCOPE, count, ratio
from kpis.model import KPI, Better

_FCR = ("fcr_window_s",)
_NOT_ELIGIBLE = (
    f"{LEFT_OUT_EN}; calls of unknown number (fcr_excluded_unknown_caller); calls whose window is not over (fcr_excluded_window_open)",
    f"{LEFT_OUT_TH} สายที่ไม่ทราบหมายเลข (fcr_excluded_unknown_caller) และสายที่ยังไม่ครบระยะเวลา (fcr_excluded_window_open)",
)
_REPEAT_EN = (
    "A later call is any of the same number to this centre in (t, t + {fcr_window}], answered or not, at any hour, tests left out, "
    "times to the nearest millisecond; calls that the centre placed are none. The number of a call is that of its first entry that "
    "names one; around a change of the privacy key an entry names two, and one in common is the same number"
)
_REPEAT_TH = (
    "สายที่โทรมาอีกคือสายจากหมายเลขเดิมถึงศูนย์นี้ในช่วง (t, t + {fcr_window}] ไม่ว่ารับหรือไม่และไม่ว่าเวลาใด ไม่รวมสายทดสอบ "
    "เทียบเป็นมิลลิวินาทีที่ใกล้ที่สุด ไม่นับสายที่ศูนย์โทรออก หมายเลขของสายคือหมายเลขแรกที่ระบุเมื่อเข้าคิว "
    "ช่วงเปลี่ยนกุญแจความเป็นส่วนตัวมีสองรหัส หากตรงกันรหัสใดรหัสหนึ่งถือเป็นหมายเลขเดียวกัน"
)

KPIS: tuple[KPI, ...] = (
    ratio(
        "first_contact_resolution_rate",
        ("fcr_resolved", "fcr_eligible"),
        ("First-contact resolution", "การให้บริการสำเร็จในการติดต่อครั้งแรก"),
        (
            (
                f"Answered calls with no later call ÷ answered calls of a known number whose {{fcr_window}} are over at the last event "
                f"of the telephone system. {_REPEAT_EN}"
            ),
            f"สายที่รับซึ่งไม่มีสายโทรมาอีก ÷ สายที่รับซึ่งทราบหมายเลขและครบ {{fcr_window}} แล้วเมื่อถึงเหตุการณ์ล่าสุดของระบบโทรศัพท์ {_REPEAT_TH}",
        ),
        better=Better.HIGHER,
        settings=_FCR,
        criteria=(*CALLS, "Q6.4"),
        excludes=_NOT_ELIGIBLE,
    ),
    ratio(
        "first_contact_resolution_rate_of_first_contacts",
        ("fcr_first_contacts_resolved", "fcr_first_contacts"),
        ("First-contact resolution, of first contacts", "การให้บริการสำเร็จในการติดต่อครั้งแรก เฉพาะการติดต่อแรก"),
        (
            (
                "The same over calls that begin a chain of contacts: eligible calls with no answered call of the same number to this "
                f"centre, at any hour, in [t − {{fcr_window}}, t). A lost call before is no contact and does not count against it. {_REPEAT_EN}"
            ),
            (
                "เช่นเดียวกัน แต่นับเฉพาะสายที่เริ่มการติดต่อ คือไม่มีสายที่รับจากหมายเลขเดิมถึงศูนย์นี้ ไม่ว่าเวลาใด ในช่วง "
                f"[t − {{fcr_window}}, t) สายหลุดก่อนหน้าไม่นับเป็นการติดต่อ {_REPEAT_TH}"
            ),
        ),
        better=Better.HIGHER,
        settings=_FCR,
        criteria=(*CALLS, "Q6.4"),
        excludes=_NOT_ELIGIBLE,
    ),
    count(
        "fcr_eligible",
        ("Calls judged for first-contact resolution", "สายที่ใช้ประเมินการติดต่อครั้งแรก"),
        (
            "Answered calls of a known number whose {fcr_window} are over at the last event of the telephone system",
            "สายที่รับซึ่งทราบหมายเลขและครบ {fcr_window} แล้วเมื่อถึงเหตุการณ์ล่าสุดของระบบโทรศัพท์",
        ),
        settings=(*_FCR, *SCOPE),
        excludes=_NOT_ELIGIBLE,
    ),
    count(
        "fcr_excluded_unknown_caller",
        ("Not judged: unknown number", "ไม่ประเมิน: ไม่ทราบหมายเลข"),
        (
            "Answered calls whose number is withheld or unknown in every entry",
            "สายที่รับซึ่งปกปิดหรือไม่ทราบหมายเลขทุกครั้งที่เข้าคิว",
        ),
        measure="answered_caller_unknown",
        criteria=("Q20.2", "Q15.2"),
    ),
    count(
        "fcr_excluded_window_open",
        ("Not judged yet", "ยังไม่ครบเวลาประเมิน"),
        (
            "Answered calls of a known number whose {fcr_window} are not over at the last event of the telephone system",
            "สายที่รับซึ่งทราบหมายเลขแต่ยังไม่ครบ {fcr_window} เมื่อถึงเหตุการณ์ล่าสุดของระบบโทรศัพท์",
        ),
        measure="fcr_window_open",
        settings=(*_FCR, *SCOPE),
    ),
)
