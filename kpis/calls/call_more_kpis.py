"""Transfers, passages through queues, refusals, and calls that the centre placed."""

from __future__ import annotations

from kpis.calls import call_hold_kpis
from kpis.calls.call_words import LEFT_OUT_EN, LEFT_OUT_TH, count, mean, ratio
from kpis.model import KPI, Better

_TRANSFER = ("Q19.2", "Q20.1")
_ANY_HOUR = ("Nothing: calls at any hour count", "ไม่มี นับทุกเวลา")
_NO_TESTS = ("Tests (calls_test); any hour counts", "สายทดสอบ (calls_test) นับทุกเวลา")

TRANSFERS: tuple[KPI, ...] = (
    count(
        "calls_transferred",
        ("Calls transferred", "สายที่ส่งต่อ"),
        (
            "Calls of which at least one conversation ended with the call being sent on",
            "สายที่การสนทนาอย่างน้อยหนึ่งช่วงสิ้นสุดด้วยการส่งต่อ",
        ),
        criteria=_TRANSFER,
    ),
    count(
        "calls_transferred_elsewhere",
        ("Transfers of unknown end", "สายที่ส่งต่อซึ่งไม่ทราบผล"),
        (
            (
                "Transferred calls without any passage or refusal after that of their first transfer: sent to a telephone or out of "
                "the centre, where nobody tells whether they were answered"
            ),
            "สายที่ส่งต่อครั้งแรกแล้วไม่พบการเข้าคิวหรือถูกปฏิเสธอีก คือส่งไปยังเครื่องโทรศัพท์หรือออกนอกศูนย์ จึงไม่ทราบว่ามีผู้รับหรือไม่",
        ),
        criteria=_TRANSFER,
    ),
    ratio(
        "transfer_success_rate",
        ("calls_transferred_answered", "calls_transferred_to_queue"),
        ("Transfers answered", "อัตราการส่งต่อสำเร็จ"),
        (
            (
                "Transferred calls that a person answered in a passage that began after the one of their first transfer ÷ transferred "
                "calls with any passage or refusal after it"
            ),
            "สายที่ส่งต่อแล้วมีเจ้าหน้าที่รับในช่วงที่เริ่มหลังช่วงที่ส่งต่อครั้งแรก ÷ สายที่ส่งต่อแล้วเข้าคิวหรือถูกปฏิเสธอีก",
        ),
        better=Better.HIGHER,
        criteria=_TRANSFER,
        excludes=(
            f"{LEFT_OUT_EN}; calls sent elsewhere than to a queue (calls_transferred_elsewhere)",
            f"{LEFT_OUT_TH} และสายที่ส่งต่อไปที่อื่นนอกจากคิว (calls_transferred_elsewhere)",
        ),
    ),
    count(
        "calls_reached_number",
        ("Calls to a number of the centre", "สายที่โทรถึงหมายเลขของศูนย์"),
        (
            (
                "Calls of which the log says that they reached a number of the centre, before any queue or menu, by the instant and "
                "unit of the first such event (call.did); one that met no queue counts when that event is in service hours, any other "
                "when its call arrived in them and is no test"
            ),
            (
                "สายที่บันทึกระบุว่าโทรถึงหมายเลขของศูนย์ก่อนเข้าคิวหรือเมนู นับตามเวลาและหน่วยของเหตุการณ์แรก (call.did) "
                "สายที่ไม่เข้าคิวนับเมื่อเหตุการณ์นั้นอยู่ในเวลาให้บริการ สายที่เข้าคิวนับเมื่อสายเข้าในเวลาและไม่ใช่สายทดสอบ"
            ),
        ),
        criteria=_TRANSFER,
    ),
    ratio(
        "calls_reached_number_answered_rate",
        ("calls_reached_number_answered", "calls_reached_number"),
        ("Answered by a person, of calls to a number", "สัดส่วนสายที่ได้พูดกับเจ้าหน้าที่"),
        (
            "Calls that reached a number of the centre and were answered by a person ÷ calls that reached a number of the centre",
            "สายที่โทรถึงหมายเลขของศูนย์และมีเจ้าหน้าที่รับ ÷ สายที่โทรถึงหมายเลขของศูนย์",
        ),
        better=Better.HIGHER,
        criteria=_TRANSFER,
    ),
)

PASSAGES: tuple[KPI, ...] = (
    count(
        "queue_entries",
        ("Queue entries", "จำนวนครั้งที่เข้าคิว"),
        (
            "Passages through any queue of the calls that first reached this queue; transfers add to it",
            "จำนวนครั้งที่เข้าคิวทั้งหมดของสายที่เข้าคิวนี้เป็นคิวแรก รวมการโอนต่อ",
        ),
    ),
    count(
        "queue_passages",
        ("Passages through this queue", "จำนวนครั้งที่ผ่านคิวนี้"),
        (
            (
                "Passages through this queue, transfers from other queues included, by their own beginning; a passage is in service "
                "hours when its call arrived in them"
            ),
            "จำนวนครั้งที่สายเข้าคิวนี้ รวมสายโอนจากคิวอื่น นับตามเวลาที่เข้าคิวนั้น ถือว่าอยู่ในเวลาให้บริการเมื่อสายโทรเข้าในเวลา",
        ),
    ),
    count(
        "queue_passages_answered",
        ("Passages answered", "ผ่านคิวนี้แล้วมีผู้รับ"),
        ("Passages through this queue that were answered in it", "จำนวนครั้งที่เข้าคิวนี้และมีผู้รับ"),
    ),
    count(
        "queue_passages_abandoned",
        ("Passages abandoned", "ผ่านคิวนี้แล้ววางสาย"),
        ("Passages through this queue that the caller ended by hanging up", "จำนวนครั้งที่เข้าคิวนี้แล้วผู้โทรวางสาย"),
    ),
    mean(
        "queue_wait_seconds_mean",
        ("queue_wait_ms", "queue_wait_known"),
        ("Mean wait in this queue", "เวลารอเฉลี่ยในคิวนี้"),
        (
            "Mean wait of the passages through this queue that were answered or abandoned, where it is known",
            "เวลารอเฉลี่ยของการเข้าคิวนี้ที่มีผู้รับหรือผู้โทรวางสาย เฉพาะที่ทราบเวลารอ",
        ),
        better=Better.LOWER,
    ),
    *(
        count(
            name,
            (en, th),
            (
                f"{en}, as the dialplan logged them: of each call and queue the first refusal of any kind, at any hour",
                f"{th} ตามที่แผนการโทรบันทึก แต่ละสายและคิวนับการปฏิเสธครั้งแรกไม่ว่าแบบใด ทุกเวลา",
            ),
            settings=("test_numbers",),
            excludes=_NO_TESTS,
        )
        for name, en, th in (
            ("turned_away_empty", "Calls refused: no agent", "สายที่ถูกปฏิเสธเพราะไม่มีเจ้าหน้าที่"),
            ("turned_away_full", "Calls refused or diverted: queue full", "สายที่ถูกปฏิเสธเพราะคิวเต็ม"),
            ("turned_away_closed", "Calls to a closed queue", "สายที่เข้ามาเมื่อคิวปิด"),
        )
    ),
    count(
        "calls_did_without_entry",
        ("Calls that reached no queue", "สายที่โทรถึงแต่ไม่เข้าคิว"),
        (
            (
                "Calls that reached a number of the centre and entered no queue: turned away by a full or empty one without a "
                "record of it, or gone during the announcement; not offered; any hour counts"
            ),
            (
                "สายที่โทรถึงหมายเลขของศูนย์แต่ไม่เข้าคิว เช่น คิวเต็มหรือไม่มีเจ้าหน้าที่โดยไม่มีบันทึก หรือวางสายระหว่างเสียงตอบรับ "
                "ไม่นับเป็นสายเข้า นับทุกเวลา"
            ),
        ),
        settings=(),
        excludes=_ANY_HOUR,
    ),
    count(
        "calls_only_in_other_log",
        ("Calls that only another log knows", "สายที่พบเฉพาะในบันทึกอื่น"),
        (
            (
                "Calls that a lesser log of the same telephone system tells of and the better one, present at the time, does not: "
                "refused by a full or empty queue, or put through without one; not offered; any hour counts. Present: the better logs "
                "told of anything within 12 h before the first event of the call, and within 12 h after it or are still read as they "
                "are written. It counts at the first event that its best log tells, in the first queue that this log names"
            ),
            (
                "สายที่พบในบันทึกรองของตู้สาขาเดียวกัน แต่ไม่พบในบันทึกหลักซึ่งทำงานอยู่ในเวลานั้น เช่น คิวเต็ม หรือต่อสายโดยไม่ผ่านคิว "
                "ไม่นับเป็นสายเข้า นับทุกเวลา บันทึกหลักทำงานอยู่หมายถึงมีเหตุการณ์ใด ๆ ภายใน 12 ชั่วโมงก่อนเหตุการณ์แรกของสาย "
                "และภายใน 12 ชั่วโมงหลังจากนั้นหรือยังอ่านต่อเนื่องอยู่ นับตามเวลาของเหตุการณ์แรกและคิวแรกในบันทึกรองที่ดีที่สุด"
            ),
        ),
        settings=(),
        criteria=("Q20.2", "Q15.2"),
        excludes=_ANY_HOUR,
    ),
)

PLACED: tuple[KPI, ...] = (
    count(
        "calls_outbound",
        ("Calls placed by the centre", "สายที่ศูนย์โทรออก"),
        (
            (
                "Calls that the centre placed to numbers outside, at any hour, by the instant and unit of the first event that tells of "
                "them (the end of the call in most logs); they are no calls of citizens and in no other figure"
            ),
            (
                "สายที่ศูนย์โทรออกไปยังหมายเลขภายนอก ทุกเวลา นับตามเวลาและหน่วยของเหตุการณ์แรกที่บันทึก (บันทึกส่วนใหญ่คือเวลาสิ้นสุดสาย) "
                "ไม่ใช่สายของประชาชนและไม่รวมในตัวเลขอื่น"
            ),
        ),
        settings=(),
        excludes=_ANY_HOUR,
    ),
    count(
        "calls_outbound_answered",
        ("Calls placed and answered", "สายที่โทรออกและมีผู้รับ"),
        (
            "Calls that the centre placed of which any log tells a talk time above 0",
            "สายที่ศูนย์โทรออกซึ่งมีบันทึกใดระบุเวลาสนทนามากกว่า 0",
        ),
        settings=(),
        excludes=_ANY_HOUR,
    ),
    count(
        "calls_back",
        ("Calls back after a lost call", "สายที่ศูนย์โทรกลับหลังสายหลุด"),
        (
            (
                "Calls that the centre placed to the number of a citizen whose call to it, at any hour, arrived 0 to 24 h before and was "
                "neither answered nor left by key nor still waits; to the nearest millisecond, tests left out. Only calls whose log "
                "names whom they were placed to can be known as such; of several names the first counts"
            ),
            (
                "สายที่ศูนย์โทรออกไปยังหมายเลขที่มีสายเข้าภายใน 24 ชั่วโมงก่อนหน้า ไม่ว่าเวลาใด ซึ่งไม่มีผู้รับ ไม่ได้กดปุ่มออก และไม่ได้กำลังรอ "
                "เทียบเป็นมิลลิวินาทีที่ใกล้ที่สุด ไม่รวมสายทดสอบ ทราบได้เฉพาะเมื่อบันทึกระบุหมายเลขปลายทาง หากระบุหลายหมายเลขใช้หมายเลขแรก"
            ),
        ),
        settings=("test_numbers",),
        excludes=(
            "Calls placed to a number that is not told (calls_outbound_number_unknown)",
            "สายที่ไม่ทราบหมายเลขปลายทาง (calls_outbound_number_unknown)",
        ),
    ),
    count(
        "calls_outbound_number_unknown",
        ("Calls placed, number not told", "สายที่โทรออกซึ่งไม่ทราบหมายเลข"),
        (
            "Calls that the centre placed of which no log tells to whom; whether they call somebody back is not known",
            "สายที่ศูนย์โทรออกซึ่งไม่มีบันทึกหมายเลขปลายทาง จึงไม่ทราบว่าเป็นการโทรกลับหรือไม่",
        ),
        settings=(),
        criteria=("Q15.2",),
        excludes=_ANY_HOUR,
    ),
)

KPIS: tuple[KPI, ...] = (*TRANSFERS, *call_hold_kpis.KPIS, *PASSAGES, *PLACED)
