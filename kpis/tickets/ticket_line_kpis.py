"""The KPIs of the line and of the reception point: fairness, priority, triage."""

from __future__ import annotations

from kpis.model import KPI, Kind, Words
from kpis.tickets.ticket_words import (
    HOURS,
    IN_MS_EN,
    IN_MS_TH,
    WAIT_EN,
    WAIT_LEFT_OUT_EN,
    WAIT_LEFT_OUT_TH,
    WAIT_TH,
    count,
    ratio,
    seconds_mean,
    seconds_ranked,
)


def _class(name: str, label: tuple[str, str], which: tuple[str, str]) -> tuple[KPI, ...]:
    """Waits of one class of priority."""
    words = Words(
        f"Waiting time of {label[0]} tickets",
        f"ระยะเวลารอคอยของ{label[1]}",
        f"Of tickets issued with {which[0]}; {WAIT_EN}",
        f"เฉพาะบัตรที่ออกโดยระบุ{which[1]}; {WAIT_TH}",
        f"{WAIT_LEFT_OUT_EN}; tickets whose priority is not told (tickets_priority_unknown)",
        f"{WAIT_LEFT_OUT_TH} และบัตรที่ไม่ได้ระบุลำดับความสำคัญ (นับไว้ใน tickets_priority_unknown)",
    )
    of = words._replace(label_en=f"Mean waiting time of {label[0]} tickets", label_th=f"ระยะเวลารอคอยเฉลี่ยของ{label[1]}")
    return (
        seconds_mean(
            f"ticket_wait_{name}_seconds_mean", ("P11", "Q4.1"), f"ticket_wait_{name}_ms", f"tickets_{name}_called", of,
            settings=HOURS,
        ),
        *seconds_ranked(
            f"ticket_wait_{name}_seconds", ("p90",), ("P11", "Q4.1"), f"ticket_wait_{name}_s", words, settings=HOURS
        ),
    )  # fmt: skip


_LINE_EN = (
    "A ticket stands in the line of its centre, service, priority (one number, or not told) and local day from its issue to "
    "its first event other than issue, triage and re-activation. It is called ahead when its line is left by its call or "
    "start, not before its issue, and at that instant a ticket of the line that was issued strictly earlier"
)
_LINE_TH = (
    "บัตรอยู่ในแถวเดียวกันเมื่อเป็นศูนย์ งานบริการ ลำดับความสำคัญ (เลขเดียวกันหรือไม่ระบุ) และวันเดียวกัน ตั้งแต่ออกบัตรจนถึงเหตุการณ์แรกที่ไม่ใช่"
    "การออกบัตร คัดกรอง หรือคืนสถานะ ถือว่าเรียกข้ามคิวเมื่อออกจากแถวด้วยการเรียกหรือเริ่มไม่ก่อนเวลาออกบัตร และขณะนั้นมีบัตรในแถวที่ออกก่อน"
)

_LINE: tuple[KPI, ...] = (
    ratio(
        "queue_fairness_rate",
        ("P11",),
        "tickets_called_in_order",
        "tickets_called_from_line",
        Words(
            "Fairness of the queue",
            "ความเป็นธรรมของคิว",
            "1 − tickets called ahead of an earlier one ÷ tickets called or started out of their line. "
            + _LINE_EN
            + " stands in "
            "it still: leaves it at a strictly later instant or never",
            "1 − บัตรที่เรียกข้ามคิว ÷ บัตรที่ออกจากแถวด้วยการเรียกหรือเริ่ม "
            + _LINE_TH
            + "และยังอยู่ในแถว คือออกจากแถวภายหลังหรือไม่ออกเลย",
            "Tickets without issue, called before it, or that left their line otherwise (no-show, cancellation, transfer, recall "
            "without a call, hold, finish)",
            "บัตรที่ไม่มีข้อมูลการออกบัตร เรียกก่อนออกบัตร หรือออกจากแถวด้วยเหตุอื่น (ไม่มา ยกเลิก โอน เรียกซ้ำโดยไม่มีการเรียก พัก สิ้นสุด)",
        ),
    ),
    ratio(
        "queue_fairness_rate_among_called",
        ("P11",),
        "tickets_called_in_order_of_gone",
        "tickets_called_from_line",
        Words(
            "Fairness of the queue among those who left it",
            "ความเป็นธรรมของคิวเมื่อเทียบกับบัตรที่ออกจากแถวแล้ว",
            "As the fairness of the queue, but nobody is called ahead of a ticket that never leaves its line (such as of a person "
            "who went away unseen): " + _LINE_EN + " leaves it at a strictly later instant",
            "เช่นเดียวกับความเป็นธรรมของคิว แต่ไม่นับการข้ามบัตรที่ไม่เคยออกจากแถว (เช่น ผู้ที่กลับไปเอง) "
            + _LINE_TH
            + "และออกจากแถวภายหลัง",
            "Tickets without issue, called before it, or that left their line otherwise",
            "บัตรที่ไม่มีข้อมูลการออกบัตร เรียกก่อนออกบัตร หรือออกจากแถวด้วยเหตุอื่น",
        ),
    ),
    count(
        "tickets_priority",
        ("P11",),
        Words(
            "Tickets with priority",
            "บัตรคิวที่มีลำดับความสำคัญ",
            "Tickets issued with a priority of 1 or more",
            "บัตรคิวที่ออกโดยระบุลำดับความสำคัญตั้งแต่ 1 ขึ้นไป",
        ),
    ),
    count(
        "tickets_priority_unknown",
        ("P11", "Q15.2"),
        Words(
            "Tickets whose priority is not told",
            "บัตรคิวที่ไม่ได้ระบุลำดับความสำคัญ",
            "Tickets issued without any priority, not even 0",
            "บัตรคิวที่ออกโดยไม่ได้ระบุลำดับความสำคัญ แม้แต่ 0",
        ),
    ),
    *_class("priority", ("priority", "บัตรที่มีลำดับความสำคัญ"), ("a priority of 1 or more", "ลำดับความสำคัญตั้งแต่ 1")),
    *_class("ordinary", ("ordinary", "บัตรทั่วไป"), ("priority 0", "ลำดับความสำคัญ 0")),
)


def _wait(name: str, label: tuple[str, str], which: tuple[str, str]) -> KPI:
    """Mean wait of tickets with or without triage."""
    return seconds_mean(
        f"ticket_wait_{name}_seconds_mean",
        ("P12",),
        f"ticket_wait_{name}_ms",
        f"tickets_{name}_called",
        Words(
            f"Mean waiting time {label[0]} triage",
            f"ระยะเวลารอคอยเฉลี่ยของบัตรที่{label[1]}",
            f"Mean over tickets called, {which[0]}; {WAIT_EN}",
            f"เฉลี่ยต่อบัตรคิวที่เรียก {which[1]}; {WAIT_TH}",
            WAIT_LEFT_OUT_EN,
            WAIT_LEFT_OUT_TH,
        ),
        settings=HOURS,
    )


_TRIAGE: tuple[KPI, ...] = (
    count(
        "triages",
        ("P12", "P5"),
        Words(
            "People screened at the reception point",
            "ผู้รับบริการที่ผ่านการคัดกรอง ณ จุดแรกรับ",
            "Tickets (or numbers without issue) with at least one triage",
            "บัตรคิว (รวมหมายเลขที่ไม่มีการออกบัตร) ที่มีการคัดกรองอย่างน้อยหนึ่งครั้ง",
        ),
    ),
    KPI(
        name="triage_outcomes",
        kind=Kind.HISTOGRAM,
        unit="tickets",
        coverage="tickets",
        criteria=("P12",),
        bins=(
            ("ready", "triages_ready"),
            ("papers_missing", "triages_papers_missing"),
            ("referred", "triages_referred"),
            ("not_told", "triages_outcome_unknown"),
        ),
        denominator="triages",
        label_en="Outcomes of triage",
        label_th="ผลการคัดกรอง",
        definition_en="Tickets by the outcome of their last triage: 1 ready, 2 papers missing, 3 referred, anything else not told",
        definition_th="บัตรคิวตามผลการคัดกรองครั้งสุดท้าย: 1 พร้อม 2 เอกสารไม่ครบ 3 ส่งต่อ นอกนั้นไม่ระบุ",
    ),
    ratio(
        "ticket_triage_rate",
        ("P12",),
        "tickets_triaged",
        "tickets_issued",
        Words(
            "Tickets with triage",
            "สัดส่วนบัตรคิวที่ผ่านการคัดกรอง",
            "Tickets issued that have a triage ÷ tickets issued",
            "บัตรคิวที่ออกและมีการคัดกรอง ÷ บัตรคิวที่ออก",
            "Numbers screened and never issued: triages less tickets triaged",
            "หมายเลขที่คัดกรองแล้วไม่ได้ออกบัตร คือผลต่างจากจำนวนผู้ผ่านการคัดกรอง",
        ),
    ),
    _wait("triaged", ("with", "ผ่านการคัดกรอง"), ("with a triage at any time", "ที่มีการคัดกรอง")),
    _wait("untriaged", ("without", "ไม่ผ่านการคัดกรอง"), ("without any triage", "ที่ไม่มีการคัดกรอง")),
    seconds_mean(
        "triage_to_issue_seconds_mean",
        ("P5", "P12", "J5.1"),
        "triage_to_issue_ms",
        "tickets_triaged_before_issue",
        Words(
            "From triage to ticket, mean",
            "ระยะเวลาเฉลี่ยจากคัดกรองถึงออกบัตรคิว",
            f"From the first triage of a ticket to its issue, {IN_MS_EN}",
            f"ตั้งแต่การคัดกรองครั้งแรกของบัตรจนถึงการออกบัตร {IN_MS_TH}",
            "Tickets first screened after their issue, and those without triage or without issue",
            "บัตรที่คัดกรองครั้งแรกหลังออกบัตร และบัตรที่ไม่มีการคัดกรองหรือไม่มีข้อมูลการออกบัตร",
        ),
    ),
)

KPIS: tuple[KPI, ...] = (*_LINE, *_TRIAGE)
