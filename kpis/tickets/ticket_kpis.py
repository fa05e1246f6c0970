"""The KPIs of tickets: formulas over the measures of tickets.py, and their words. Who comes first
is in ticket_line_kpis.py, what happens at the counter in ticket_service_kpis.py."""

from __future__ import annotations

from kpis.model import KPI, Better, Words
from kpis.tickets import ticket_line_kpis, ticket_service_kpis
from kpis.tickets.ticket_words import (
    DAY_OVER_EN,
    DAY_OVER_TH,
    FIRST_WAIT_EN,
    FIRST_WAIT_TH,
    HOURS,
    IN_MS_EN,
    IN_MS_TH,
    NO_SHOW,
    WAIT_EN,
    WAIT_LEFT_OUT_EN,
    WAIT_LEFT_OUT_TH,
    WAIT_TH,
    count,
    ratio,
    seconds_mean,
    seconds_ranked,
)

_LEFT_OUT = (WAIT_LEFT_OUT_EN, WAIT_LEFT_OUT_TH)

_COUNTS: tuple[KPI, ...] = (
    count(
        "tickets_issued",
        ("P5", "Q4.1", "J8.1"),
        Words(
            "Tickets issued",
            "บัตรคิวที่ออก",
            "Queue tickets printed. A ticket is one number of the centre on one local day, from its issue on; the same number "
            "issued again is another ticket; events before the first issue belong to the first. Its events stand in the order "
            "of time, those of one instant as they were received. It counts for the service and at the moment of its issue, "
            "where that is lost of its first event",
            "บัตรคิวที่ออกให้ผู้รับบริการ หนึ่งบัตรคือหมายเลขหนึ่งของศูนย์ในหนึ่งวันนับตั้งแต่ออกบัตร ออกหมายเลขเดิมซ้ำนับเป็นบัตรใหม่ "
            "เหตุการณ์ก่อนการออกบัตรครั้งแรกเป็นของบัตรแรก เหตุการณ์เรียงตามเวลา หากเวลาเดียวกันเรียงตามที่ได้รับ นับตามงานบริการและเวลาที่ออกบัตร หากไม่มีข้อมูลการออกบัตรให้ใช้เหตุการณ์แรก",
        ),
    ),
    count(
        "tickets_served",
        ("Q4.1", "J8.1"),
        Words("Tickets served", "ผู้รับบริการที่ให้บริการเสร็จ", "Tickets whose service ended", "บัตรคิวที่ให้บริการเสร็จสิ้น"),
    ),
    count(
        "tickets_no_show",
        ("Q4.1", "P11"),
        Words(
            "No-shows",
            "ไม่มาตามคิว",
            "Tickets never finished that either were marked as not come, with neither re-activation nor start after it, or were "
            "called (calls and recalls since the last transfer or re-activation) at least {no_show_calls} times with at least "
            "{no_show_s} s between the first and the last of these, never started, and not cancelled after the last re-activation",
            "บัตรคิวที่ไม่ได้รับบริการจนเสร็จ ซึ่งเจ้าหน้าที่ระบุว่าไม่มาและไม่มีการคืนสถานะหรือเริ่มให้บริการภายหลัง หรือเรียกตั้งแต่ "
            "{no_show_calls} ครั้งขึ้นไป (รวมเรียกซ้ำ นับหลังการโอนหรือคืนสถานะครั้งสุดท้าย) โดยครั้งแรกกับครั้งสุดท้ายห่างกันไม่น้อยกว่า "
            "{no_show_s} วินาที ไม่เคยเริ่มให้บริการ และไม่ได้ยกเลิกหลังคืนสถานะครั้งสุดท้าย",
        ),
        better=Better.LOWER,
        settings=NO_SHOW,
    ),
    count(
        "tickets_no_show_implied",
        ("Q4.1",),
        Words(
            "No-shows that nobody marked",
            "ไม่มาตามคิวโดยไม่ได้กดระบุ",
            "Of the no-shows those known only from their calls ({no_show_calls} over {no_show_s} s) and not from a mark",
            "ผู้ไม่มาตามคิวที่ทราบจากจำนวนครั้งที่เรียก ({no_show_calls} ครั้ง ในเวลา {no_show_s} วินาที) โดยไม่ได้กดระบุ",
        ),
        better=Better.LOWER,
        settings=NO_SHOW,
    ),
    ratio(
        "ticket_no_show_rate",
        ("Q4.1", "P11"),
        "tickets_no_show",
        "tickets_called_at_all",
        Words(
            "No-show rate",
            "อัตราไม่มาตามคิว",
            "No-shows ÷ tickets with any call, recall or mark of not having come (no-shows: {no_show_calls} calls over "
            "{no_show_s} s, or marked)",
            "ผู้ไม่มาตามคิว ÷ บัตรคิวที่มีการเรียก เรียกซ้ำ หรือระบุว่าไม่มา (ไม่มา: เรียก {no_show_calls} ครั้งในเวลา {no_show_s} "
            "วินาที หรือเจ้าหน้าที่ระบุ)",
            "Tickets never called: tickets_left, tickets_cancelled",
            "บัตรที่ไม่เคยเรียก (นับไว้ใน tickets_left และ tickets_cancelled)",
        ),
        better=Better.LOWER,
        settings=NO_SHOW,
    ),
    count(
        "tickets_left",
        ("Q4.1",),
        Words(
            "Left without service",
            "ออกบัตรแล้วไม่ได้เรียกจนสิ้นวัน",
            "Tickets issued on a local day that is over, with no call, recall, start, finish or mark of not having come, and not "
            f"cancelled after the last re-activation; {DAY_OVER_EN}",
            "บัตรคิวที่ออกในวันที่สิ้นสุดแล้ว โดยไม่มีการเรียก เรียกซ้ำ เริ่ม สิ้นสุด หรือระบุว่าไม่มา และไม่ได้ยกเลิกหลังคืนสถานะครั้งสุดท้าย "
            f"{DAY_OVER_TH}",
        ),
        better=Better.LOWER,
    ),
    ratio(
        "ticket_left_rate",
        ("Q4.1",),
        "tickets_left",
        "tickets_issued_day_over",
        Words(
            "Left without service, share",
            "อัตราออกบัตรแล้วไม่ได้เรียก",
            f"Tickets left without service ÷ tickets issued, both on days that are over; {DAY_OVER_EN}",
            f"บัตรคิวที่ไม่ได้เรียกจนสิ้นวัน ÷ บัตรคิวที่ออก เฉพาะวันที่สิ้นสุดแล้ว {DAY_OVER_TH}",
            "Tickets of a day that is not over",
            "บัตรของวันที่ยังไม่สิ้นสุด",
        ),
        better=Better.LOWER,
    ),
    count(
        "tickets_cancelled",
        ("Q4.1",),
        Words(
            "Tickets cancelled",
            "บัตรคิวที่ยกเลิก",
            "Tickets cancelled, not started, finished or re-activated after it, never finished, and not marked as not come "
            "after their last start or re-activation",
            "บัตรคิวที่ยกเลิกโดยไม่มีการเริ่ม สิ้นสุด หรือคืนสถานะภายหลัง ไม่เคยให้บริการเสร็จ และไม่ได้ระบุว่าไม่มาหลังการเริ่มหรือคืนสถานะครั้งสุดท้าย",
        ),
    ),
    count(
        "ticket_recalls",
        ("Q4.1",),
        Words(
            "Recalls",
            "จำนวนครั้งที่เรียกซ้ำ",
            "Recalls, and calls of a ticket directly after another call or recall of it (no other event of it between)",
            "การเรียกซ้ำ และการเรียกบัตรเดิมต่อจากการเรียกครั้งก่อนโดยไม่มีเหตุการณ์อื่นของบัตรนั้นคั่น",
        ),
        unit="number",
    ),
    count(
        "ticket_reactivations",
        ("Q4.1",),
        Words(
            "Re-activations",
            "จำนวนครั้งที่คืนสถานะบัตรคิว",
            "Times that a no-show or cancelled ticket was made to wait again",
            "จำนวนครั้งที่บัตรซึ่งไม่มาหรือยกเลิกแล้วถูกคืนสถานะให้รอใหม่",
        ),
        unit="number",
    ),
    count(
        "tickets_transferred",
        ("Q4.1", "J4.1"),
        Words(
            "Tickets transferred", "บัตรคิวที่โอน", "Tickets transferred at least once", "บัตรคิวที่โอนไปยังจุดอื่นอย่างน้อยหนึ่งครั้ง"
        ),
    ),
    count(
        "ticket_transfers_to_other_service",
        ("Q4.1",),
        Words(
            "Transfers to another service",
            "จำนวนครั้งที่โอนไปงานบริการอื่น",
            "Transfers that name another service than the ticket's issue or transfer before; with none before it is not counted",
            "การโอนที่ระบุงานบริการต่างจากการออกบัตรหรือการโอนครั้งก่อนของบัตรนั้น หากไม่มีครั้งก่อนไม่นับ",
        ),
        unit="number",
    ),
    count(
        "tickets_before_opening",
        ("P1", "Q4.1"),
        Words(
            "Tickets from before opening",
            "บัตรคิวที่ออกก่อนเวลาเปิด",
            "Tickets issued outside service hours and first called or started at or after the next opening: they wait from it",
            "บัตรคิวที่ออกนอกเวลาให้บริการและเรียกหลังเปิดรอบถัดไป ซึ่งนับเวลารอตั้งแต่เวลาเปิด",
        ),
        settings=HOURS,
    ),
    count(
        "ticket_wait_invalid",
        ("Q15.2",),
        Words(
            "Tickets called before their issue",
            "บัตรคิวที่เรียกก่อนเวลาออกบัตร",
            "Tickets whose first call or start is earlier than their issue: clocks disagree; they have no wait",
            "บัตรคิวที่เวลาเรียกหรือเริ่มครั้งแรกเร็วกว่าเวลาออกบัตร เนื่องจากนาฬิกาไม่ตรงกัน จึงไม่มีเวลารอ",
        ),
        better=Better.LOWER,
    ),
)

_WHOLE = Words(
    "All waits of a ticket together",
    "ระยะเวลารอคอยรวมทุกจุดของบัตรคิว",
    "The first wait, and after it every time from a transfer or re-activation of a ticket that does not wait already to "
    f"its next call or start, added up and then taken {IN_MS_EN}; {FIRST_WAIT_EN}",
    "เวลารอครั้งแรก รวมกับทุกช่วงตั้งแต่โอนหรือคืนสถานะ (ขณะไม่ได้รออยู่แล้ว) จนเรียกหรือเริ่มครั้งถัดไป "
    f"รวมแล้วจึงคิด{IN_MS_TH}; {FIRST_WAIT_TH}",
    "Tickets without a first wait, and those of which a later wait ended otherwise (hold, finish, no-show, cancellation) "
    "or did not end",
    "บัตรที่ไม่มีเวลารอครั้งแรก และบัตรที่การรอครั้งต่อมาจบโดยไม่ได้เรียก (พักบริการ สิ้นสุด ไม่มา ยกเลิก) หรือยังไม่จบ",
)

_WAITS: tuple[KPI, ...] = (
    seconds_mean(
        "ticket_wait_seconds_mean",
        ("Q4.1",),
        "ticket_wait_ms",
        "tickets_called",
        Words(
            "Mean waiting time",
            "ระยะเวลารอคอยเฉลี่ย",
            f"Mean over tickets called; {WAIT_EN}",
            f"เฉลี่ยต่อบัตรคิวที่เรียก; {WAIT_TH}",
            *_LEFT_OUT,
        ),
        settings=HOURS,
    ),
    *seconds_ranked(
        "ticket_wait_seconds",
        ("p50", "p90", "p95", "longest"),
        ("Q4.1",),
        "ticket_wait_s",
        Words("Waiting time", "ระยะเวลารอคอย", WAIT_EN, WAIT_TH, *_LEFT_OUT),
        settings=HOURS,
        wall=("p90", 5),
    ),
    ratio(
        "ticket_wait_within_target_rate",
        ("Q4.1", "S4"),
        "tickets_within_target",
        "tickets_with_target",
        Words(
            "Called within the declared time",
            "เรียกภายในเวลาที่ประกาศ",
            f"Tickets that waited at most the minutes their service had declared when they were issued ÷ tickets called of services "
            f"that had declared any; {WAIT_EN}",
            f"บัตรคิวที่รอไม่เกินเวลาที่งานบริการประกาศไว้ ณ เวลาออกบัตร ÷ บัตรคิวที่เรียกของงานที่ประกาศเวลาไว้; {WAIT_TH}",
            *_LEFT_OUT,
        ),
        settings=("services.target_minutes", "changes", *HOURS),
        wall=6,
    ),
    seconds_mean(
        "ticket_whole_wait_seconds_mean",
        ("Q4.1",),
        "ticket_whole_wait_ms",
        "tickets_whole_wait_known",
        _WHOLE._replace(label_en="All waits of a ticket together, mean", label_th="ระยะเวลารอคอยรวมทุกจุดเฉลี่ย"),
        settings=HOURS,
    ),
    *seconds_ranked(
        "ticket_whole_wait_seconds",
        ("p90",),
        ("Q4.1",),
        "ticket_whole_wait_s",
        _WHOLE._replace(label_en="All waits of a ticket together", label_th="ระยะเวลารอคอยรวมทุกจุด"),
        settings=HOURS,
    ),
)


KPIS: tuple[KPI, ...] = (*_COUNTS, *_WAITS, *ticket_line_kpis.KPIS, *ticket_service_kpis.KPIS)
