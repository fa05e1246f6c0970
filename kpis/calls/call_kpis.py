"""The KPIs of calls: formulas over the measures of calls.py, and their words. The volumes and what was lost are here."""

from __future__ import annotations

from kpis.calls import call_more_kpis, call_resolution_kpis, call_ring_kpis, call_wait_kpis
from kpis.calls.call_words import count, ratio
from kpis.model import KPI, Better

_ANY_HOUR = ("Tests (calls_test)", "สายทดสอบ (calls_test)")

VOLUMES: tuple[KPI, ...] = (
    count(
        "calls_offered",
        ("Calls offered", "สายเข้าทั้งหมด"),
        (
            (
                "Calls that arrived in service hours and reached a queue, or were refused by a full or empty one; at a centre that "
                "declares its hours also those that met only a closed queue. One call id is one call, however many queues it "
                "passes; it arrives with its first entry or refusal and belongs to that queue"
            ),
            (
                "สายที่โทรเข้าในเวลาให้บริการและเข้าคิว หรือถูกปฏิเสธเพราะคิวเต็มหรือไม่มีเจ้าหน้าที่ "
                "ศูนย์ที่กำหนดเวลาให้บริการไว้ให้นับสายที่พบแต่คิวปิดด้วย นับหนึ่งสายต่อหนึ่งหมายเลขการโทร แม้ผ่านหลายคิว โดยนับที่คิวแรกเมื่อแรกเข้า"
            ),
        ),
        criteria=("Q20.2", "Q20.3", "Q5.1"),
    ),
    count(
        "calls_answered",
        ("Calls answered", "สายที่รับ"),
        ("Calls that a person answered in any of their queues", "สายที่มีเจ้าหน้าที่รับไม่ว่าในคิวใด"),
    ),
    count(
        "calls_abandoned",
        ("Calls abandoned by the caller", "สายที่ผู้โทรวางก่อนรับ"),
        (
            "Calls never answered whose last passage ended with the caller hanging up",
            "สายที่ไม่มีผู้รับ และช่วงสุดท้ายผู้โทรวางสายเอง",
        ),
    ),
    count(
        "calls_timed_out",
        ("Calls given up by the queue", "สายที่หมดเวลารอ"),
        (
            "Calls never answered whose last passage ended at the queue's time limit",
            "สายที่ไม่มีผู้รับ และช่วงสุดท้ายครบเวลาที่คิวกำหนด",
        ),
    ),
    count(
        "calls_no_agent",
        ("Calls dropped: no agent", "สายหลุดเพราะไม่มีเจ้าหน้าที่"),
        (
            "Calls never answered whose last passage ended because no agent was left in the queue",
            "สายที่ไม่มีผู้รับ และช่วงสุดท้ายสิ้นสุดเพราะไม่มีเจ้าหน้าที่อยู่ในคิว",
        ),
    ),
    count(
        "calls_left_by_key",
        ("Calls left by key", "สายที่กดปุ่มออกจากคิว"),
        (
            (
                "Calls never answered whose caller left the last queue by key for another way, such as a call-back or a voice "
                "message; neither answered nor lost"
            ),
            "สายที่ไม่มีผู้รับและผู้โทรกดปุ่มออกจากคิวสุดท้ายไปใช้ช่องทางอื่น เช่น ขอให้โทรกลับหรือฝากข้อความ ไม่นับว่ารับหรือหลุด",
        ),
    ),
    count(
        "calls_lost",
        ("Calls lost", "สายหลุด"),
        (
            "Offered − answered − left by key, without those still waiting",
            "สายเข้า − สายที่รับ − สายที่กดปุ่มออก โดยไม่รวมสายที่กำลังรอ",
        ),
        better=Better.LOWER,
    ),
    count(
        "calls_outcome_unknown",
        ("Calls of unknown end", "สายที่ไม่ทราบผล"),
        (
            (
                "Calls never answered and without an end in their last passage, which began before a restart of the PBX or more "
                "than 4 hours before the last event of it; counted as lost"
            ),
            "สายที่ไม่มีผู้รับและไม่พบการสิ้นสุดของช่วงสุดท้าย ซึ่งเริ่มก่อนตู้สาขาเริ่มใหม่ หรือก่อนเหตุการณ์ล่าสุดของตู้สาขาเกิน 4 ชั่วโมง นับเป็นสายหลุด",
        ),
        criteria=("Q20.2", "Q20.3", "Q15.2"),
    ),
)

LOSSES: tuple[KPI, ...] = (
    ratio(
        "abandoned_call_rate",
        ("calls_lost", "calls_offered"),
        ("Abandoned-call rate", "อัตราสายหลุด"),
        (
            "Lost ÷ offered, where lost = offered − answered − left by key − still waiting; no short call is left out",
            "สายหลุด ÷ สายเข้า โดยสายหลุด = สายเข้า − สายที่รับ − สายที่กดปุ่มออก − สายที่กำลังรอ ไม่ตัดสายสั้นออก",
        ),
        better=Better.LOWER,
        target=0.05,
        wall=2,
    ),
    ratio(
        "abandoned_call_rate_plain",
        ("calls_abandoned", "calls_offered"),
        ("Abandoned by the caller", "อัตราผู้โทรวางสายก่อนรับ"),
        ("Abandoned by the caller ÷ offered", "สายที่ผู้โทรวางก่อนรับ ÷ สายเข้า"),
        better=Better.LOWER,
    ),
    ratio(
        "abandoned_call_rate_excluding_short",
        ("calls_abandoned_not_short", "calls_not_short"),
        ("Abandoned, short calls left out", "อัตราผู้โทรวางสาย ไม่รวมสายสั้น"),
        (
            (
                "Abandoned by the caller after {short_abandon_s} s or more ÷ (offered − abandoned before {short_abandon_s} s); an "
                "abandoned call of unknown wait is not short"
            ),
            (
                "สายที่ผู้โทรวางเมื่อรอตั้งแต่ {short_abandon_s} วินาที ÷ (สายเข้า − สายที่วางก่อน {short_abandon_s} วินาที) "
                "สายที่วางโดยไม่ทราบเวลารอไม่ถือเป็นสายสั้น"
            ),
        ),
        better=Better.LOWER,
        settings=("short_abandon_s",),
    ),
    ratio(
        "first_attempt_lost_rate",
        ("calls_first_attempts_lost", "calls_first_attempts"),
        ("Lost on first attempt", "อัตราสายหลุดในการติดต่อครั้งแรก"),
        (
            (
                "Lost first attempts ÷ first attempts. A first attempt is an offered call with no other offered call of the same "
                "caller at this centre in the 24 h before it: none at a time u with t − 24 h ≤ u < t, times to the "
                "millisecond. Each call of an unknown caller is one"
            ),
            (
                "สายหลุดที่เป็นการติดต่อครั้งแรก ÷ การติดต่อครั้งแรกทั้งหมด การติดต่อครั้งแรกคือสายเข้าซึ่งผู้โทรรายเดียวกันไม่มีสายเข้าอื่นที่ศูนย์นี้ใน 24 "
                "ชั่วโมงก่อนหน้า (เวลา u ที่ t − 24 ชั่วโมง ≤ u < t เทียบเป็นมิลลิวินาที) สายที่ไม่ทราบผู้โทรนับเป็นการติดต่อครั้งแรกทุกสาย"
            ),
        ),
        better=Better.LOWER,
        target=0.05,
    ),
    count(
        "calls_first_attempts",
        ("First attempts", "สายติดต่อครั้งแรก"),
        (
            (
                "Offered calls with no other offered call of the same caller at this centre in [t − 24 h, t); each call of an "
                "unknown caller is one"
            ),
            "สายเข้าซึ่งผู้โทรรายเดียวกันไม่มีสายเข้าอื่นที่ศูนย์นี้ในช่วง [t − 24 ชั่วโมง, t) สายที่ไม่ทราบผู้โทรนับทุกสาย",
        ),
    ),
    count(
        "calls_first_attempts_caller_unknown",
        ("First attempts of unknown callers", "สายติดต่อครั้งแรกที่ไม่ทราบผู้โทร"),
        (
            "Offered calls whose number is withheld or unknown: each counts as a first attempt, for nobody can tell",
            "สายเข้าที่ปกปิดหรือไม่ทราบหมายเลข นับเป็นการติดต่อครั้งแรกทุกสายเพราะไม่อาจทราบได้",
        ),
        criteria=("Q20.2", "Q15.2"),
    ),
)

APART: tuple[KPI, ...] = (
    count(
        "calls_outside_hours",
        ("Calls outside service hours", "สายที่โทรเข้านอกเวลาให้บริการ"),
        (
            (
                "Calls that arrived when the centre was closed, those that met only a closed queue among them; 0 at a centre that "
                "declares no hours. They are in no other figure of calls"
            ),
            "สายที่โทรเข้าเมื่อศูนย์ปิด รวมสายที่พบแต่คิวปิด ศูนย์ที่ไม่ได้กำหนดเวลาให้บริการมีค่าเป็น 0 ไม่นำไปรวมในตัวเลขอื่นของสายโทรศัพท์",
        ),
        excludes=_ANY_HOUR,
    ),
    count(
        "calls_outside_hours_answered",
        ("Calls outside hours, answered", "สายนอกเวลาที่รับ"),
        ("Calls outside service hours that a person answered", "สายที่โทรเข้านอกเวลาให้บริการและมีเจ้าหน้าที่รับ"),
        excludes=_ANY_HOUR,
    ),
    count(
        "calls_outside_hours_lost",
        ("Calls outside hours, not answered", "สายนอกเวลาที่ไม่ได้รับ"),
        (
            "Calls outside service hours that were neither answered nor left by key nor are still waiting",
            "สายที่โทรเข้านอกเวลาให้บริการซึ่งไม่มีผู้รับ ไม่ได้กดปุ่มออก และไม่ได้กำลังรอ",
        ),
        excludes=_ANY_HOUR,
    ),
    ratio(
        "calls_outside_hours_lost_rate",
        ("calls_outside_hours_lost", "calls_outside_hours"),
        ("Not answered, outside hours", "อัตราสายนอกเวลาที่ไม่ได้รับ"),
        (
            "Calls outside service hours that were lost ÷ calls outside service hours",
            "สายนอกเวลาให้บริการที่ไม่ได้รับ ÷ สายนอกเวลาให้บริการทั้งหมด",
        ),
        better=Better.NONE,
        excludes=_ANY_HOUR,
    ),
    count(
        "calls_before_opening",
        ("Calls before opening, answered after", "สายที่โทรก่อนเปิดและรับเมื่อเปิดแล้ว"),
        (
            (
                "Calls outside service hours whose caller waited until the next opening or longer and was answered: arrival + wait "
                "is at or after it"
            ),
            "สายที่โทรเข้านอกเวลาให้บริการและรอจนถึงเวลาเปิดครั้งถัดไปหรือนานกว่าแล้วมีผู้รับ",
        ),
        excludes=_ANY_HOUR,
    ),
    count(
        "calls_test",
        ("Test calls", "สายทดสอบ"),
        (
            "Calls with an entry from one of the centre's test numbers, at any hour; they are in no other figure",
            "สายที่โทรจากหมายเลขทดสอบของศูนย์ ไม่ว่าเวลาใด ไม่นำไปรวมในตัวเลขอื่น",
        ),
        settings=("test_numbers",),
        criteria=("Q15.2",),
        excludes=("", ""),
    ),
)

KPIS: tuple[KPI, ...] = (
    *VOLUMES, *LOSSES, *APART, *call_ring_kpis.KPIS, *call_wait_kpis.KPIS, *call_resolution_kpis.KPIS, *call_more_kpis.KPIS,
)  # fmt: skip
