"""Service levels and waits of calls."""

from __future__ import annotations

from kpis.calls.call_words import CALLS, LEFT_OUT_EN, LEFT_OUT_TH, count, mean, ratio, seconds
from kpis.model import KPI, Better, Kind

_LEVEL = ("service_level_s",)
_SHORT = ("service_level_s", "short_abandon_s")
_UNKNOWN = (
    f"{LEFT_OUT_EN}; answered calls of unknown wait (answered_wait_unknown)",
    f"{LEFT_OUT_TH} และสายที่รับซึ่งไม่ทราบเวลารอ (answered_wait_unknown)",
)
_NO_EXIT = (
    f"{LEFT_OUT_EN}; calls that entered no queue, that still wait, or whose wait is not known",
    f"{LEFT_OUT_TH} สายที่ไม่ได้เข้าคิว กำลังรอ หรือไม่ทราบเวลารอ",
)
_WITHIN_EN = "within {service_level_s} s, that second included; an unknown wait is not within"
_WITHIN_TH = "ภายใน {service_level_s} วินาที (รวมวินาทีนั้น) ไม่ทราบเวลารอถือว่าไม่ทัน"
_Q = (
    ("p50", 0.5, "Median", "มัธยฐาน"),
    ("p90", 0.9, "90th percentile", "เปอร์เซ็นไทล์ที่ 90"),
    ("p95", 0.95, "95th percentile", "เปอร์เซ็นไทล์ที่ 95"),
)

KPIS: tuple[KPI, ...] = (
    ratio(
        "service_level_rate",
        ("answered_within_target", "calls_offered"),
        ("Service level", "ระดับการให้บริการทางโทรศัพท์"),
        (
            (
                f"Answered {_WITHIN_EN} ÷ offered. The wait is that of all queues up to the answer; the limit is the one in force "
                "when the call arrived"
            ),
            f"สายที่รับ{_WITHIN_TH} ÷ สายเข้า เวลารอรวมทุกคิวจนมีผู้รับ ใช้เกณฑ์ที่มีผลเมื่อสายเข้า",
        ),
        better=Better.HIGHER,
        settings=_LEVEL,
        wall=4,
    ),
    ratio(
        "service_level_asterisk_rate",
        ("answered_within_target", "calls_answered"),
        ("Service level, Asterisk's first", "ระดับการให้บริการ สูตรแรกของ Asterisk"),
        (f"Answered {_WITHIN_EN} ÷ answered (ServicelevelPerf)", f"สายที่รับ{_WITHIN_TH} ÷ สายที่รับ (ServicelevelPerf)"),
        better=Better.HIGHER,
        settings=_LEVEL,
    ),
    ratio(
        "service_level_asterisk2_rate",
        ("answered_or_abandoned_within_target", "calls_answered_or_abandoned"),
        ("Service level, Asterisk's second", "ระดับการให้บริการ สูตรที่สองของ Asterisk"),
        (
            f"(Answered + abandoned by the caller {_WITHIN_EN}) ÷ (answered + abandoned by the caller) (ServicelevelPerf2)",
            f"(สายที่รับ + สายที่ผู้โทรวาง {_WITHIN_TH}) ÷ (สายที่รับ + สายที่ผู้โทรวาง) (ServicelevelPerf2)",
        ),
        better=Better.HIGHER,
        settings=_LEVEL,
    ),
    ratio(
        "service_level_genesys_rate",
        ("answered_within_target", "calls_answered_or_abandoned_not_short"),
        ("Service level, as Genesys has it", "ระดับการให้บริการ สูตรของ Genesys"),
        (
            (
                f"Answered {_WITHIN_EN} ÷ (answered + abandoned by the caller after {{short_abandon_s}} s or more); calls that left "
                "by key, timed out or were dropped are in neither; an abandoned call of unknown wait is not short"
            ),
            (
                f"สายที่รับ{_WITHIN_TH} ÷ (สายที่รับ + สายที่ผู้โทรวางเมื่อรอตั้งแต่ {{short_abandon_s}} วินาที) "
                "ไม่นับสายที่กดปุ่มออก หมดเวลารอ หรือถูกตัด สายที่วางโดยไม่ทราบเวลารอไม่ถือเป็นสายสั้น"
            ),
        ),
        better=Better.HIGHER,
        settings=_SHORT,
    ),
    ratio(
        "service_level_excluding_short_rate",
        ("answered_within_target", "calls_not_short"),
        ("Service level, short calls left out", "ระดับการให้บริการ ไม่รวมสายสั้น"),
        (
            f"Answered {_WITHIN_EN} ÷ (offered − abandoned by the caller before {{short_abandon_s}} s)",
            f"สายที่รับ{_WITHIN_TH} ÷ (สายเข้า − สายที่ผู้โทรวางก่อน {{short_abandon_s}} วินาที)",
        ),
        better=Better.HIGHER,
        settings=_SHORT,
    ),
    mean(
        "asa_seconds",
        ("answered_wait_ms", "answered_wait_known"),
        ("Average speed of answer", "เวลาเฉลี่ยก่อนรับสาย"),
        (
            (
                "Mean wait of answered calls, from entering the first queue to the answer; waits of several queues add up. The wait in "
                "a queue is the wait_ms of its answer, or of the end of the conversation where no answer is logged, or of its exit; "
                "where that is missing or below −1, the time from the entry (less the talk_ms where the end tells it), to the nearest "
                "millisecond; −1 and times below 0 are unknown"
            ),
            (
                "เวลารอเฉลี่ยของสายที่รับ ตั้งแต่เข้าคิวจนมีผู้รับ หากผ่านหลายคิวให้รวมกัน เวลารอในคิวคือ wait_ms ของการรับ "
                "หรือของการสิ้นสุดสนทนาหากไม่มีบันทึกการรับ หรือของการออกจากคิว หากไม่มีหรือต่ำกว่า −1 ให้ใช้เวลานับจากเข้าคิว (หัก talk_ms "
                "หากใช้เวลาสิ้นสุด) ปัดเป็นมิลลิวินาที ค่า −1 และเวลาที่ติดลบถือว่าไม่ทราบ"
            ),
        ),
        better=Better.LOWER,
        excludes=_UNKNOWN,
    ),
    *(
        seconds(
            f"call_wait_seconds_{name}",
            Kind.QUANTILE,
            q,
            "call_wait_s",
            (f"Wait of answered calls, {en}", f"เวลารอสาย {th}"),
            (
                f"{en} (nearest rank) of the waits of answered calls, in seconds rounded up",
                f"{th} (ลำดับใกล้สุด) ของเวลารอของสายที่รับ เป็นวินาทีปัดขึ้น",
            ),
            excludes=_UNKNOWN,
        )
        for name, q, en, th in _Q
    ),
    count(
        "answered_wait_unknown",
        ("Answered calls of unknown wait", "สายที่รับซึ่งไม่ทราบเวลารอ"),
        (
            "Answered calls of which no source tells how long the caller waited in one of the queues up to the answer",
            "สายที่รับซึ่งไม่มีแหล่งข้อมูลใดบอกเวลารอในคิวใดคิวหนึ่งจนมีผู้รับ",
        ),
        criteria=("Q15.2",),
    ),
    mean(
        "call_wait_all_seconds_mean",
        ("exit_wait_ms", "exit_wait_known"),
        ("Wait until answer or exit, mean", "เวลารอจนรับหรือออกจากคิว เฉลี่ย"),
        (
            (
                "Mean wait of every call that entered a queue, until it was answered or, where nobody answered, left its last "
                "queue; waits of several queues add up"
            ),
            "เวลารอเฉลี่ยของทุกสายที่เข้าคิว จนมีผู้รับ หรือจนออกจากคิวสุดท้ายหากไม่มีผู้รับ หากผ่านหลายคิวให้รวมกัน",
        ),
        better=Better.LOWER,
        excludes=_NO_EXIT,
    ),
    *(
        seconds(
            f"call_wait_all_seconds_{name}",
            Kind.QUANTILE,
            q,
            "call_wait_s",
            (f"Wait until answer or exit, {en.lower()}", f"เวลารอจนรับหรือออกจากคิว {th}"),
            (
                (
                    f"{en} (nearest rank) of the waits of every call that entered a queue, until the answer or the exit, in seconds "
                    "rounded up"
                ),
                f"{th} (ลำดับใกล้สุด) ของเวลารอของทุกสายที่เข้าคิว จนมีผู้รับหรือออกจากคิว เป็นวินาทีปัดขึ้น",
            ),
            censored="call_left_s",
            excludes=_NO_EXIT,
        )
        for name, q, en, th in (*_Q, ("max", 1.0, "Longest", "นานที่สุด"))
    ),
    *(
        seconds(
            f"call_virtual_wait_seconds_{name}",
            Kind.SURVIVAL,
            q,
            "call_wait_s",
            (f"Virtual wait, {en.lower()}", f"เวลารอเสมือน {th}"),
            (
                (
                    f"{en} of the wait that callers would have had if nobody had left, by Kaplan and Meier: answered calls are known "
                    "ends, calls that left the queues unanswered are censored at their wait; whole seconds rounded up. At each second "
                    "with d answers, r is the number of calls of both kinds of that many seconds or more, and S is multiplied by "
                    "(r − d) ÷ r; the figure is the first second with an answer where S ≤ "
                    f"{round(1 - q, 2):g} × (1 + 10⁻⁹); none where S never falls so far"
                ),
                (
                    f"{th} ของเวลารอหากไม่มีผู้ใดออกจากคิวก่อน ตามวิธี Kaplan–Meier สายที่รับเป็นเวลาที่ทราบ "
                    "สายที่ออกจากคิวโดยไม่มีผู้รับเป็นข้อมูลตัดปลาย เป็นวินาทีปัดขึ้น แต่ละวินาทีที่มีการรับ d สาย ให้ r เป็นจำนวนสายทั้งสองแบบที่รออย่างน้อยเท่านั้น "
                    f"แล้วคูณ S ด้วย (r − d) ÷ r ค่าที่ได้คือวินาทีแรกที่มีการรับและ S ≤ {round(1 - q, 2):g} × (1 + 10⁻⁹) หาก S ไม่ลดถึงจะไม่มีค่า"
                ),
            ),
            censored="call_left_s",
            excludes=_NO_EXIT,
        )
        for name, q, en, th in _Q[:2]
    ),
    mean(
        "talk_seconds_mean",
        ("talk_ms", "answered_talk_known"),
        ("Mean talk time", "เวลาสนทนาเฉลี่ย"),
        (
            "Talk time of all passages of a call, holding included, mean over answered calls whose talk time is known",
            "เวลาสนทนารวมทุกช่วงของสาย รวมช่วงพักสาย เฉลี่ยต่อสายที่รับซึ่งทราบเวลาสนทนา",
        ),
        better=Better.NONE,
        excludes=(
            f"{LEFT_OUT_EN}; answered calls whose talk time nobody tells",
            f"{LEFT_OUT_TH} และสายที่รับซึ่งไม่ทราบเวลาสนทนา",
        ),
    ),
    mean(
        "aht_seconds_mean",
        ("handle_ms", "answered_talk_known"),
        ("Average handle time", "เวลาจัดการสายเฉลี่ย"),
        (
            (
                "(Talk time of answered calls whose talk time is known + wrap-ups told of, begun in service hours) ÷ these calls. "
                "Time on hold is part of talk and not added to it (hold_seconds_mean). A wrap-up counts in its own unit and instant; without "
                "any this is the mean talk time"
            ),
            (
                "(เวลาสนทนาของสายที่รับซึ่งทราบเวลาสนทนา + เวลาสรุปงานหลังวางสายที่มีบันทึกและเริ่มในเวลาให้บริการ) ÷ จำนวนสายดังกล่าว "
                "เวลาพักสายรวมอยู่ในเวลาสนทนาแล้วและไม่บวกเพิ่ม (hold_seconds_mean) เวลาสรุปงานนับตามหน่วยและเวลาของตน หากไม่มีบันทึกจะเท่ากับเวลาสนทนาเฉลี่ย"
            ),
        ),
        better=Better.NONE,
        criteria=(*CALLS, "Q5.1"),
    ),
    mean(
        "wrap_up_seconds_mean",
        ("wrap_up_ms", "wrap_ups_known"),
        ("Mean wrap-up", "เวลาสรุปงานหลังวางสายเฉลี่ย"),
        (
            "Mean length of the wrap-ups that began in service hours and whose length is told",
            "เวลาเฉลี่ยของการสรุปงานหลังวางสายที่เริ่มในเวลาให้บริการและมีบันทึกระยะเวลา",
        ),
        better=Better.NONE,
        criteria=(*CALLS, "Q5.1"),
        excludes=("Wrap-ups outside service hours, or of unknown length", "การสรุปงานนอกเวลาให้บริการหรือไม่ทราบระยะเวลา"),
    ),
)
