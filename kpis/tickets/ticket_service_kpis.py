"""The KPIs of tickets at the counter: way, service, result, passages through services."""

from __future__ import annotations

from kpis.model import KPI, Better, Words
from kpis.tickets.ticket_words import (
    DAY_OVER_EN,
    DAY_OVER_TH,
    IN_MS_EN,
    IN_MS_TH,
    NO_SHOW,
    OFFICIAL_HOURS,
    SERVICE_LEFT_OUT_EN,
    SERVICE_LEFT_OUT_TH,
    count,
    ratio,
    seconds_mean,
    seconds_ranked,
)

_LEG_EN = (
    "a leg goes from the last start since the leg before, where none was pressed from the last call or recall, to finished, "
    f"transferred or held, {IN_MS_EN}"
)
_LEG_TH = f"ช่วงบริการหนึ่งเริ่มจากการกดเริ่มครั้งสุดท้ายหลังช่วงก่อน หากไม่ได้กดให้ใช้การเรียกครั้งสุดท้าย จนสิ้นสุด โอน หรือพักบริการ {IN_MS_TH}"
_WALK = Words(
    "Way to the counter",
    "เวลาเดินถึงเคาน์เตอร์",
    f"From the call or recall that directly precedes the first start of a ticket to that start, {IN_MS_EN}",
    f"ตั้งแต่การเรียกหรือเรียกซ้ำที่อยู่ก่อนหน้าการเริ่มครั้งแรกของบัตรโดยตรง จนถึงการเริ่มนั้น {IN_MS_TH}",
    "Tickets never started (tickets_called_not_started), and those whose first start follows another event or none",
    "บัตรที่ไม่เคยเริ่ม (นับไว้ใน tickets_called_not_started) และบัตรที่การเริ่มครั้งแรกตามหลังเหตุการณ์อื่นหรือไม่มีเหตุการณ์ก่อน",
)
_SERVICE = Words(
    "Service time",
    "ระยะเวลาให้บริการ",
    f"All legs of a ticket added up; {_LEG_EN}",
    f"รวมทุกช่วงของบัตรคิว; {_LEG_TH}",
    SERVICE_LEFT_OUT_EN,
    SERVICE_LEFT_OUT_TH,
)
_STAY = Words(
    "Whole stay",
    "ระยะเวลาทั้งหมดที่อยู่ในศูนย์",
    f"From the issue of a ticket to its last finish, {IN_MS_EN}",
    f"ตั้งแต่ออกบัตรคิวจนสิ้นสุดบริการครั้งสุดท้าย {IN_MS_TH}",
    "Tickets without issue, never finished, finished last before their issue, or with a forgotten end (tickets_service_forgotten)",
    "บัตรที่ไม่มีข้อมูลการออกบัตร ไม่เคยสิ้นสุดบริการ สิ้นสุดก่อนออกบัตร หรือลืมกดสิ้นสุดบริการ (นับไว้ใน tickets_service_forgotten)",
)
_DISPOSED_OUT = (
    "Tickets finished without disposition (tickets_without_disposition), and those never finished",
    "บัตรที่สิ้นสุดโดยไม่ระบุผล (นับไว้ใน tickets_without_disposition) และบัตรที่ไม่เคยสิ้นสุดบริการ",
)

_COUNTER: tuple[KPI, ...] = (
    seconds_mean(
        "ticket_walk_seconds_mean",
        ("P5", "J5.1"),
        "ticket_walk_ms",
        "tickets_with_walk",
        _WALK._replace(label_en="Way to the counter, mean", label_th="เวลาเดินถึงเคาน์เตอร์เฉลี่ย"),
    ),
    *seconds_ranked("ticket_walk_seconds", ("p95",), ("P5", "J5.1"), "ticket_walk_s", _WALK),
    seconds_mean(
        "service_seconds_mean",
        ("P5", "Q8.1", "J5.2", "S4"),
        "service_ms",
        "tickets_with_service_time",
        _SERVICE._replace(label_en="Mean service time", label_th="ระยะเวลาให้บริการเฉลี่ย"),
        better=Better.NONE,
    ),
    *seconds_ranked(
        "service_seconds", ("p50", "p90"), ("P5", "Q8.1", "J5.2", "S4"), "service_s", _SERVICE, better=Better.NONE
    ),
    count(
        "tickets_service_forgotten",
        ("Q15.2",),
        Words(
            "Services that nobody ended",
            "บัตรคิวที่ลืมกดสิ้นสุดบริการ",
            f"Tickets with a leg of more than 4 hours, or on a local day that is over with a start that no finish, transfer, hold, "
            f"no-show or cancellation follows; {_LEG_EN}; {DAY_OVER_EN}",
            f"บัตรคิวที่มีช่วงบริการนานกว่า 4 ชั่วโมง หรือวันสิ้นสุดแล้วแต่หลังการเริ่มไม่มีการสิ้นสุด โอน พัก ไม่มา หรือยกเลิก; {_LEG_TH}; "
            f"{DAY_OVER_TH}",
        ),
        better=Better.LOWER,
    ),
    seconds_mean(
        "ticket_stay_seconds_mean",
        ("P5", "Q4.1"),
        "ticket_stay_ms",
        "tickets_with_stay",
        _STAY._replace(label_en="Mean whole stay", label_th="ระยะเวลาทั้งหมดที่อยู่ในศูนย์เฉลี่ย"),
    ),
    *seconds_ranked("ticket_stay_seconds", ("p50", "p90"), ("P5", "Q4.1"), "ticket_stay_s", _STAY),
    count(
        "tickets_called_not_started",
        ("Q4.1", "Q15.2"),
        Words(
            "Called but never started",
            "บัตรคิวที่เรียกแล้วไม่เคยกดเริ่ม",
            "Tickets with a call or recall and no start, no no-shows ({no_show_calls} calls over {no_show_s} s, or marked) and not "
            "cancelled after the last re-activation or finish (a mark of not having come after these outweighs it), that were "
            f"finished or whose local day is over; {DAY_OVER_EN}",
            "บัตรคิวที่เรียกแล้วแต่ไม่มีการกดเริ่ม ไม่ใช่ผู้ไม่มา (เรียก {no_show_calls} ครั้งในเวลา {no_show_s} วินาที หรือระบุว่าไม่มา) "
            "และไม่ได้ยกเลิกหลังคืนสถานะหรือสิ้นสุดครั้งสุดท้าย (เว้นแต่ระบุว่าไม่มาหลังจากนั้น) ซึ่งสิ้นสุดบริการแล้วหรือวันนั้นสิ้นสุดแล้ว "
            f"{DAY_OVER_TH}",
        ),
        better=Better.LOWER,
        settings=NO_SHOW,
    ),
    count(
        "tickets_walk_direct",
        ("P11",),
        Words(
            "Served without a ticket",
            "ผู้รับบริการที่ไม่ได้รับบัตรคิว",
            "Numbers started or finished on a local day without any issue",
            "หมายเลขที่เริ่มหรือสิ้นสุดบริการในวันนั้นโดยไม่มีการออกบัตร",
        ),
    ),
    count(
        "tickets_served_outside_official",
        ("P1",),
        Words(
            "Served outside official hours",
            "ผู้รับบริการนอกเวลาราชการ",
            "Tickets finished whose service began outside official hours: with the first start, where none was pressed the first "
            "call, where neither is told the first finish; none at a centre that declares no hours",
            "บัตรคิวที่ให้บริการเสร็จ ซึ่งเริ่มบริการนอกเวลาราชการ นับจากการกดเริ่มครั้งแรก หากไม่มีใช้การเรียกครั้งแรก หากไม่มีอีกใช้การสิ้นสุดครั้งแรก "
            "ศูนย์ที่ไม่ประกาศเวลาทำการเป็นศูนย์เสมอ",
        ),
        settings=OFFICIAL_HOURS,
    ),
    ratio(
        "ticket_fcr_rate_by_disposition",
        ("Q4.1", "J2.3"),
        "tickets_done",
        "tickets_disposed",
        Words(
            "Settled at the first contact, by disposition",
            "อัตราการให้บริการสำเร็จในการติดต่อครั้งแรก ตามผลที่เคาน์เตอร์",
            "Tickets whose last finish has disposition 1 (done) ÷ those where it has 1 (done), 2 (referred) or 3 (must return)",
            "บัตรคิวที่การสิ้นสุดครั้งสุดท้ายระบุผล 1 (แล้วเสร็จ) ÷ บัตรคิวที่ระบุผล 1 (แล้วเสร็จ) 2 (ส่งต่อ) หรือ 3 (ต้องมาใหม่)",
            *_DISPOSED_OUT,
        ),
    ),
    ratio(
        "ticket_one_stop_rate",
        ("J2.3", "Q4.1"),
        "tickets_done_at_one_counter",
        "tickets_disposed",
        Words(
            "Done at one stop",
            "สัดส่วนงานบริการเบ็ดเสร็จ ณ จุดเดียว",
            "Tickets whose last finish has disposition 1 (done) and that were never transferred ÷ those where it has 1, 2 or 3",
            "บัตรคิวที่การสิ้นสุดครั้งสุดท้ายระบุผล 1 (แล้วเสร็จ) และไม่เคยโอน ÷ บัตรคิวที่ระบุผล 1 2 หรือ 3",
            *_DISPOSED_OUT,
        ),
    ),
    count(
        "tickets_disposed",
        ("J2.3",),
        Words(
            "Tickets with a disposition",
            "บัตรคิวที่ระบุผลการให้บริการ",
            "Tickets whose last finish has disposition 1 (done), 2 (referred) or 3 (must return)",
            "บัตรคิวที่การสิ้นสุดครั้งสุดท้ายระบุผล 1 (แล้วเสร็จ) 2 (ส่งต่อ) หรือ 3 (ต้องมาใหม่)",
        ),
    ),
    count(
        "tickets_without_disposition",
        ("J2.3", "Q15.2"),
        Words(
            "Tickets finished without disposition",
            "บัตรคิวที่สิ้นสุดโดยไม่ระบุผล",
            "Tickets whose last finish has none of the dispositions 1, 2, 3",
            "บัตรคิวที่การสิ้นสุดครั้งสุดท้ายไม่ได้ระบุผล 1 2 หรือ 3",
        ),
    ),
)


_PASSAGE_EN = (
    "a passage begins with the first event of a ticket that is not only screened (it counts at the ticket's moment and for its "
    "service) and with each transfer to another service than its issue or transfer before named (it counts at the transfer, for "
    "that service)"
)
_PASSAGE_TH = (
    "ช่วงการรับบริการเริ่มเมื่อเริ่มบัตร (ไม่นับบัตรที่มีแต่การคัดกรอง นับตามเวลาและงานบริการของบัตร) และเมื่อโอนไปงานบริการที่ต่างจากการออกบัตรหรือการโอนครั้งก่อน "
    "(นับตามเวลาโอนและงานที่รับโอน)"
)

_PASSAGES: tuple[KPI, ...] = (
    count(
        "service_passages",
        ("Q2.3", "J8.2"),
        Words(
            "Passages through services",
            "จำนวนครั้งการรับบริการรายงาน",
            f"How often a ticket came to a service, transfers included; {_PASSAGE_EN}",
            f"จำนวนครั้งที่บัตรคิวเข้ารับบริการแต่ละงาน รวมการโอน; {_PASSAGE_TH}",
        ),
        unit="number",
    ),
    ratio(
        "service_within_manual_rate",
        ("Q8.1", "S4"),
        "services_within_manual_time",
        "services_with_manual_time",
        Words(
            "Served within the manual's time",
            "ให้บริการแล้วเสร็จภายในเวลาตามคู่มือ",
            "Passages whose service time is at most the minutes that the manual gave for the service when they began ÷ passages that "
            "are over, have a service time and a time in the manual. A passage is over when the ticket moved on or was finished in "
            f"it; its service time is that of the legs that began in it: {_LEG_EN}; {_PASSAGE_EN}",
            "ช่วงการรับบริการที่ใช้เวลาไม่เกินเวลาตามคู่มือ ณ เวลาเริ่มช่วง ÷ ช่วงที่จบแล้ว มีเวลาให้บริการ และมีเวลาตามคู่มือ ช่วงจบเมื่อโอนไปงานอื่นหรือ"
            f"มีการสิ้นสุดในช่วงนั้น เวลาให้บริการคือผลรวมช่วงบริการที่เริ่มในช่วงนั้น: {_LEG_TH}; {_PASSAGE_TH}",
            "Passages with a leg of more than 4 hours, without any leg, not over, or of services without a time in the manual",
            "ช่วงที่มีช่วงบริการนานกว่า 4 ชั่วโมง ไม่มีช่วงบริการ ยังไม่จบ หรืองานที่คู่มือไม่กำหนดเวลา",
        ),
        settings=("services.service_minutes", "changes"),
    ),
)

KPIS: tuple[KPI, ...] = (*_COUNTER, *_PASSAGES)
