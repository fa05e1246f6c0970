"""The KPIs of cases: formulas over the measures of cases.py and case_steps.py, and their words."""

from __future__ import annotations

from kpis.matters.cases import AGES
from kpis.model import KPI, Better, By, Kind, row

_KINDS = ("complaint", "request", "suggestion", "praise", "untold")
_COMPLAINTS = ("Q8.2", "Q8.3")
_END_EN = "ended: no case.reopened follows the last case.settled since the receipt, and its result is not 3; rejected with reasons (2) is an end"
_END_TH = "ยุติ คือปิดเรื่องแล้วและไม่ได้เปิดใหม่ รวมการไม่รับพร้อมชี้แจงเหตุผล ไม่รวมการถอนเรื่อง"
_WITHDRAWN_EN = "Withdrawn: counted apart"
_WITHDRAWN_TH = "ไม่รวมเรื่องที่ถอน ซึ่งนับแยก"
_DUE_EN = "the date in force is the last due_ms of case.opened and case.assigned, compared in whole milliseconds"
_DUE_TH = "กำหนดแล้วเสร็จคือวันที่แจ้งครั้งสุดท้าย"


def _count(
    name: str, *words: str, criteria: tuple[str, ...] = ("Q8.2",), numerator: str = "", unit: str = "cases",
    by: By = By.UNIT, better: Better = Better.NONE,
) -> KPI:  # fmt: skip
    return row(
        words, name=name, kind=Kind.COUNT, unit=unit, by=by, coverage="cases", criteria=criteria, better=better,
        numerator=numerator or name,
    )  # fmt: skip


def _ratio(
    name: str, numerator: str, denominator: str, *words: str, criteria: tuple[str, ...],
    better: Better = Better.HIGHER, target: float | None = None,
    excludes: tuple[str, str] = (_WITHDRAWN_EN, _WITHDRAWN_TH),
) -> KPI:  # fmt: skip
    return row(
        (*words, *excludes), name=name, kind=Kind.RATIO, unit="ratio", coverage="cases", criteria=criteria,
        better=better, numerator=numerator, denominator=denominator, target=target,
    )  # fmt: skip


def _times(
    name: str, histogram: str, criteria: tuple[str, ...], label: tuple[str, str], definition: tuple[str, str]
) -> tuple[KPI, ...]:
    """Median and 90th percentile."""
    return tuple(
        KPI(
            name=f"{name}_seconds_{short}",
            kind=Kind.QUANTILE,
            unit="seconds",
            coverage="cases",
            criteria=criteria,
            better=Better.LOWER,
            histogram=histogram,
            q=q,
            label_en=f"{label[0]}, {en}",
            label_th=f"{label[1]} {th}",
            definition_en=f"{en} (nearest rank) of the times {definition[0]}; every hour counts; whole milliseconds rounded down, then seconds rounded up, "
            "of which more than 268,435,455 (8.5 years) are shown as so many",
            definition_th=f"{th} (ลำดับใกล้สุด) ของเวลา{definition[1]} นับทุกชั่วโมง เป็นวินาทีปัดขึ้น เกิน 268,435,455 วินาที (8.5 ปี) แสดงเท่านั้น",
        )
        for short, q, en, th in (
            ("p50", 0.5, "median", "มัธยฐาน"),
            ("p90", 0.9, "90th percentile", "เปอร์เซ็นไทล์ที่ 90"),
        )
    )


def _ages(name: str, criteria: tuple[str, ...], en: str, th: str) -> KPI:
    return KPI(
        name=f"{name}_open_by_age",
        kind=Kind.HISTOGRAM,
        unit="cases",
        coverage="cases",
        criteria=criteria,
        denominator=f"{name}_open",
        bins=tuple((age.replace("_", " "), f"{name}_open_{age}") for age in AGES),
        label_en=f"Open {en}, by age",
        label_th=f"{th}ที่ยังไม่ยุติ จำแนกตามอายุเรื่อง",
        definition_en=f"Open {en} at the cut-off by the time since their receipt in days of 24 hours; each bin from its first to below its last limit",
        definition_th=f"{th}ที่ยังไม่ยุติ ณ วันตัดยอด จำแนกตามเวลานับจากวันรับเรื่อง (วันละ 24 ชั่วโมง)",
    )


_COMPLAINT_ROWS: tuple[KPI, ...] = (
    _ratio(
        "complaints_settled_rate", "complaints_settled", "complaints",
        "Complaints settled", "ร้อยละข้อร้องเรียนที่ยุติ",
        f"Complaints ended by the cut-off ÷ complaints received. {_END_EN}",
        f"ข้อร้องเรียนที่ยุติ ณ วันตัดยอด ÷ ข้อร้องเรียนที่ได้รับ โดย{_END_TH}",
        criteria=("Q8.3",), target=0.80,
    ),
    _count(
        "complaints", "Complaints received", "ข้อร้องเรียนที่ได้รับ",
        "Cases whose first case.opened with a kind of 1 to 4 says 1 (complaint), at their receipt, without those withdrawn",
        "เรื่องที่รับเป็นข้อร้องเรียน นับ ณ วันรับเรื่อง ไม่รวมเรื่องที่ถอน", criteria=(*_COMPLAINTS, "S7"),
    ),
    _count(
        "complaints_settled", "Complaints brought to an end", "ข้อร้องเรียนที่ยุติ", f"Complaints {_END_EN}",
        f"ข้อร้องเรียนที่ยุติ โดย{_END_TH}", criteria=_COMPLAINTS,
    ),
    _count(
        "complaints_rejected", "Complaints rejected with reasons", "ข้อร้องเรียนที่ไม่รับพร้อมชี้แจงเหตุผล",
        "Complaints ended whose last case.settled has the result 2; they are among those settled",
        "ข้อร้องเรียนที่ยุติโดยไม่รับพร้อมชี้แจงเหตุผล นับรวมอยู่ในที่ยุติ", criteria=_COMPLAINTS,
    ),
    _count(
        "complaints_withdrawn", "Complaints withdrawn", "ข้อร้องเรียนที่ถอนเรื่อง",
        "Complaints that no case.reopened follows after the last case.settled, whose result is 3; in no other figure of complaints",
        "ข้อร้องเรียนที่ผู้ร้องถอนเรื่อง ไม่นับในค่าอื่น", criteria=_COMPLAINTS,
    ),
    _count(
        "complaints_open", "Complaints still open", "ข้อร้องเรียนที่ยังไม่ยุติ", f"Complaints not ended at the cut-off. {_END_EN}",
        "ข้อร้องเรียนที่ยังไม่ยุติ ณ วันตัดยอด", criteria=_COMPLAINTS, better=Better.LOWER,
    ),
    _ages("complaints", _COMPLAINTS, "complaints", "ข้อร้องเรียน"),
    _count(
        "complaints_overdue", "Complaints open beyond their date", "ข้อร้องเรียนที่ยังไม่ยุติและเกินกำหนด",
        f"Complaints open at the cut-off whose date was before it; {_DUE_EN}", f"ข้อร้องเรียนที่ยังไม่ยุติและเกินกำหนด ณ วันตัดยอด {_DUE_TH}",
        better=Better.LOWER,
    ),
    _count(
        "complaints_settled_late", "Complaints settled after their date", "ข้อร้องเรียนที่ยุติเกินกำหนด",
        f"Complaints ended later than their date; {_DUE_EN}", f"ข้อร้องเรียนที่ยุติหลังกำหนด {_DUE_TH}", better=Better.LOWER,
    ),
    _ratio(
        "complaints_settled_by_due_rate", "complaints_settled_by_due", "complaints_due",
        "Complaints settled by their date", "ร้อยละข้อร้องเรียนที่ยุติภายในกำหนด",
        f"Complaints ended not later than their date ÷ complaints whose date is in the period and that are ended or overdue at the cut-off, "
        f"each at its date; {_DUE_EN}",
        f"ข้อร้องเรียนที่ยุติภายในกำหนด ÷ ข้อร้องเรียนที่ครบกำหนดในช่วงเวลาและยุติแล้วหรือเกินกำหนด นับ ณ วันครบกำหนด {_DUE_TH}",
        criteria=("Q8.2", "S4"),
        excludes=("Open and not yet due; without a date; withdrawn", "ไม่รวมเรื่องที่ยังไม่ถึงกำหนด ไม่มีกำหนด หรือถอนเรื่อง"),
    ),
    _ratio(
        "complaints_acknowledged_rate", "complaints_acknowledged", "complaints",
        "Complaints acknowledged", "ร้อยละข้อร้องเรียนที่แจ้งรับเรื่องแล้ว",
        "Complaints with a case.acknowledged since the receipt ÷ complaints received", "ข้อร้องเรียนที่แจ้งผู้ร้องว่าได้รับเรื่องแล้ว ÷ ข้อร้องเรียนที่ได้รับ",
        criteria=("Q8.2",),
    ),
    *_times(
        "complaint_acknowledge", "complaint_acknowledge_s", ("Q8.2",), ("Complaints, time to acknowledge", "เวลาจนแจ้งรับข้อร้องเรียน"),
        ("from the receipt of complaints to the first case.acknowledged since", "ตั้งแต่รับข้อร้องเรียนจนแจ้งรับเรื่อง"),
    ),
    *_times(
        "complaint_settle", "complaint_settle_s", ("Q8.2",), ("Complaints, time to settle", "เวลาจนข้อร้องเรียนยุติ"),
        ("from the receipt of complaints that are ended to their last case.settled", "ตั้งแต่รับข้อร้องเรียนจนยุติครั้งสุดท้าย"),
    ),
)  # fmt: skip

_CASE_ROWS: tuple[KPI, ...] = (
    _count(
        "cases_received", "Cases received", "เรื่องที่ได้รับ", "Contacts of a site with a case.opened, of any kind, at the first of them, under the "
        "service that it names, else the first that any event of the case names; what happened after the cut-off is not read",
        "เรื่องทุกประเภทที่รับไว้ นับ ณ วันรับเรื่อง ไม่นับเหตุการณ์หลังวันตัดยอด", criteria=("Q4.5", "J2.2", "S7"),
    ),
    KPI(
        name="cases_by_kind", kind=Kind.HISTOGRAM, unit="cases", coverage="cases", criteria=("Q8.2", "S7"), denominator="cases_received",
        bins=tuple((kind, f"cases_of_kind_{kind}") for kind in _KINDS),
        label_en="Cases by kind", label_th="เรื่องจำแนกตามประเภท",
        definition_en="Cases received by the kind that the first case.opened with a kind of 1 to 4 says; untold where none does",
        definition_th="เรื่องที่ได้รับ จำแนกเป็นข้อร้องเรียน คำขอ ข้อเสนอแนะ คำชม และไม่ระบุ",
    ),
    _count(
        "cases", "Cases to be settled", "เรื่องที่ต้องดำเนินการ",
        "Cases received that are neither suggestions nor praise and not withdrawn; all figures of cases below are of these",
        "เรื่องที่ได้รับ ไม่รวมข้อเสนอแนะ คำชม และเรื่องที่ถอน", criteria=("Q4.5", "J2.2", "J2.3"),
    ),
    _count(
        "cases_receipt_unknown", "Cases of unknown receipt", "เรื่องที่ไม่ทราบวันรับ", "Contacts with events of cases and no case.opened, at their first event, under the "
        "service that it names, else the first that any event of the case names; in no other figure but steps",
        "เรื่องที่ไม่มีเหตุการณ์รับเรื่อง นับ ณ เหตุการณ์แรก ไม่นำไปคิดค่าอื่นนอกจากขั้นตอน",
    ),
    _count(
        "cases_with_events_before_receipt", "Cases with events before their receipt", "เรื่องที่มีเหตุการณ์ก่อนวันรับเรื่อง",
        "Cases received that have an event before their first case.opened; those events are not read",
        "เรื่องที่มีเหตุการณ์ก่อนการรับเรื่อง เหตุการณ์นั้นไม่นำมาคิด",
    ),
    _count(
        "cases_withdrawn", "Cases withdrawn", "เรื่องที่ถอน", "Cases of any kind that no case.reopened follows after the last case.settled, whose result is 3",
        "เรื่องทุกประเภทที่ผู้ยื่นถอน",
    ),
    _ratio(
        "cases_settled_rate", "cases_settled", "cases", "Cases settled", "ร้อยละเรื่องที่ยุติ", f"Cases ended by the cut-off ÷ cases to be settled. {_END_EN}",
        f"เรื่องที่ยุติ ณ วันตัดยอด ÷ เรื่องที่ต้องดำเนินการ โดย{_END_TH}", criteria=("J2.2", "S4"),
    ),
    _count("cases_open", "Cases still open", "เรื่องที่ยังไม่ยุติ", f"Cases to be settled not ended at the cut-off. {_END_EN}", "เรื่องที่ต้องดำเนินการและยังไม่ยุติ ณ วันตัดยอด",
           criteria=("Q4.5", "J2.2"), better=Better.LOWER),
    _ages("cases", ("Q4.5", "J2.2"), "cases", "เรื่อง"),
    _count("cases_overdue", "Cases open beyond their date", "เรื่องที่ยังไม่ยุติและเกินกำหนด", f"Cases open at the cut-off whose date was before it; {_DUE_EN}",
           f"เรื่องที่ยังไม่ยุติและเกินกำหนด ณ วันตัดยอด {_DUE_TH}", criteria=("S4",), better=Better.LOWER),
    _count("cases_settled_late", "Cases settled after their date", "เรื่องที่ยุติเกินกำหนด", f"Cases ended later than their date; {_DUE_EN}",
           f"เรื่องที่ยุติหลังกำหนด {_DUE_TH}", criteria=("S4",), better=Better.LOWER),
    _count("cases_due_moved", "Cases whose date was put off", "เรื่องที่เลื่อนกำหนด", "Cases whose date in force is later than the first that was told",
           "เรื่องที่กำหนดแล้วเสร็จครั้งสุดท้ายช้ากว่าครั้งแรก", criteria=("S4",), better=Better.LOWER),
    _count("cases_due_impossible", "Cases with an impossible date", "เรื่องที่กำหนดแล้วเสร็จเป็นไปไม่ได้",
           "Cases whose date in force is before their receipt or more than 18,300 days after it; they count as without a date",
           "เรื่องที่กำหนดแล้วเสร็จก่อนวันรับเรื่องหรือเกิน 18,300 วัน ถือว่าไม่มีกำหนด", criteria=("S4",)),
    _ratio(
        "cases_settled_by_due_rate", "cases_settled_by_due", "cases_due", "Cases settled by their date", "ร้อยละเรื่องที่ยุติภายในกำหนด",
        f"Cases ended not later than their date ÷ cases whose date is in the period and that are ended or overdue at the cut-off, each at its date; {_DUE_EN}",
        f"เรื่องที่ยุติภายในกำหนด ÷ เรื่องที่ครบกำหนดในช่วงเวลาและยุติแล้วหรือเกินกำหนด นับ ณ วันครบกำหนด {_DUE_TH}", criteria=("S4", "Q8.1"),
        excludes=("Open and not yet due; without a date; withdrawn", "ไม่รวมเรื่องที่ยังไม่ถึงกำหนด ไม่มีกำหนด หรือถอนเรื่อง"),
    ),
    *_times(
        "request_settle", "request_settle_s", ("S4", "Q8.1"), ("Requests, time to settle", "เวลาจนคำขอแล้วเสร็จ"),
        ("from the receipt of cases to be settled that are no complaints to their last case.settled, of those ended", "ตั้งแต่รับคำขอจนแล้วเสร็จครั้งสุดท้าย"),
    ),
    _ratio(
        "one_stop_rate", "requests_same_day", "requests_same_day_known", "Settled on the day of receipt", "ร้อยละงานที่ให้บริการเบ็ดเสร็จในวันเดียว",
        "Requests (cases to be settled that are no complaints) ended, with their last case.settled on the local day of the receipt ÷ requests that are ended, or whose local day of receipt "
        "is over at the cut-off",
        "คำขอที่แล้วเสร็จในวันที่รับเรื่อง ÷ คำขอที่แล้วเสร็จหรือพ้นวันที่รับเรื่องแล้ว ณ วันตัดยอด", criteria=("J2.3",),
    ),
    _ratio(
        "cases_reopened_rate", "cases_reopened", "cases", "Cases reopened", "ร้อยละเรื่องที่เปิดใหม่", "Cases with a case.reopened since the receipt ÷ cases to be settled",
        "เรื่องที่เปิดใหม่หลังปิดแล้ว ÷ เรื่องที่ต้องดำเนินการ", criteria=("S5",), better=Better.LOWER,
    ),
    _count("cases_forwarded", "Cases forwarded", "เรื่องที่ส่งต่อ", "Cases with a case.forwarded since the receipt", "เรื่องที่ส่งต่อไปยังหน่วยงานอื่น", criteria=("J2.2",)),
    _ratio(
        "cases_forwarded_settled_rate", "cases_forwarded_settled", "cases_forwarded", "Forwarded cases settled", "ร้อยละเรื่องส่งต่อที่ยุติ",
        f"Forwarded cases ended by the cut-off ÷ forwarded cases. {_END_EN}", f"เรื่องที่ส่งต่อและยุติแล้ว ณ วันตัดยอด ÷ เรื่องที่ส่งต่อ โดย{_END_TH}", criteria=("J2.2",),
    ),
    *_times(
        "case_forward", "case_forward_s", ("J2.2",), ("Time to forward", "เวลาจนส่งต่อเรื่อง"),
        ("from the receipt of cases to the first case.forwarded since", "ตั้งแต่รับเรื่องจนส่งต่อครั้งแรก"),
    ),
    _ratio(
        "cases_with_status_notice_rate", "cases_lasting_with_notice", "cases_lasting", "Told how their case stands", "ร้อยละเรื่องที่แจ้งสถานะให้ผู้รับบริการทราบ",
        "Of the cases to be settled that were not ended on the local day of their receipt (that day being over at the cut-off, or the case ended later): those with at least one "
        "case.notified since the receipt ÷ all of them",
        "ในเรื่องที่ต้องดำเนินการซึ่งไม่แล้วเสร็จในวันที่รับเรื่อง (พ้นวันนั้นแล้ว ณ วันตัดยอด หรือแล้วเสร็จภายหลัง): เรื่องที่แจ้งสถานะอย่างน้อยหนึ่งครั้ง ÷ ทั้งหมด", criteria=("Q4.5",),
    ),
    KPI(
        name="case_lookups_mean", kind=Kind.MEAN, unit="number", coverage="cases", criteria=("Q4.5", "R3.2"), numerator="case_lookups", denominator="cases",
        label_en="Look-ups per case", label_th="จำนวนครั้งที่ตรวจสอบสถานะต่อเรื่อง", definition_en="Events case.looked_up since the receipt, up to the cut-off ÷ cases to be settled",
        definition_th="จำนวนครั้งที่ผู้รับบริการตรวจสอบสถานะ ÷ เรื่องที่ต้องดำเนินการ", excludes_en=_WITHDRAWN_EN, excludes_th=_WITHDRAWN_TH,
    ),
    _count("cases_looked_up", "Cases looked up", "เรื่องที่มีการตรวจสอบสถานะ", "Cases to be settled with a case.looked_up since the receipt", "เรื่องที่ผู้รับบริการเข้าตรวจสอบสถานะ",
           criteria=("Q4.5", "R3.2")),
)  # fmt: skip

_STEP_ROWS: tuple[KPI, ...] = (
    _ratio(
        "case_steps_in_time_rate", "case_steps_in_time", "case_steps_due", "Steps in time", "ร้อยละขั้นตอนที่เสร็จภายในกำหนด",
        "Steps finished not later than the last due_ms of their case.step_started ÷ steps with such a date that are finished, or whose date is before the cut-off. "
        "A step is one number of a step of one case, at its first start; it is finished with its last case.step_finished since; "
        "a date before that start or more than 18,300 days after it is none",
        "ขั้นตอนที่เสร็จภายในกำหนด ÷ ขั้นตอนที่มีกำหนดและเสร็จแล้วหรือเกินกำหนด ณ วันตัดยอด", criteria=("S6",),
        excludes=("Steps without a date, not yet due, or never started", "ไม่รวมขั้นตอนที่ไม่มีกำหนด ยังไม่ถึงกำหนด หรือไม่มีเหตุการณ์เริ่ม"),
    ),
    _count("case_steps_started", "Steps started", "ขั้นตอนที่เริ่มแล้ว", "Steps (one number of a step of one case) with a case.step_started, at the first, under the unit that it names, "
           "else the case's", "ขั้นตอนของเรื่องที่เริ่มดำเนินการ นับ ณ การเริ่มครั้งแรก", criteria=("S6",), unit="steps"),
    _count("case_steps_never_started", "Steps finished and never started", "ขั้นตอนที่เสร็จโดยไม่มีการเริ่ม", "Steps with a case.step_finished and no case.step_started, at the first finish, under the unit that it "
           "names, else the case's", "ขั้นตอนที่มีเหตุการณ์เสร็จแต่ไม่มีเหตุการณ์เริ่ม นับ ณ การเสร็จครั้งแรก ตามหน่วยงานที่ระบุในเหตุการณ์นั้น หรือของเรื่อง", criteria=("S6",), unit="steps"),
    *_times(
        "case_step", "case_step_s", ("S6",), ("Time of a step", "เวลาของขั้นตอน"),
        ("from the first start of steps to their last finish since", "ตั้งแต่เริ่มขั้นตอนครั้งแรกจนเสร็จครั้งสุดท้าย"),
    ),
    _count(
        "case_users_per_month", "Persons with cases, by month", "ผู้ยื่นเรื่อง รายเดือน", "Distinct tokens of persons by site and local calendar month, at the first case received in the month; the token is "
        "that of the first event of the case that names a person", "จำนวนผู้ยื่นเรื่องที่ไม่ซ้ำกันในแต่ละเดือนของศูนย์ นับ ณ เรื่องแรกของเดือน",
        criteria=("R3.2",), numerator="case_users", by=By.SITE, unit="users",
    ),
    _count(
        "case_users_per_month_by_service", "Persons with cases, by month and service", "ผู้ยื่นเรื่อง รายเดือนและรายงานบริการ",
        "Distinct tokens of persons by site, service and local calendar month, at the first case of the service received in the month",
        "จำนวนผู้ยื่นเรื่องที่ไม่ซ้ำกันในแต่ละเดือนของแต่ละงานบริการ", criteria=("R3.2",), numerator="case_users_of_unit", unit="users",
    ),
    _count("cases_without_user", "Cases of unknown persons", "เรื่องที่ไม่ทราบตัวผู้ยื่น", "Cases received none of whose events names a person; not among the persons of a month",
           "เรื่องที่ไม่มีรหัสผู้ยื่น ไม่นับในจำนวนผู้ยื่นเรื่องรายเดือน", criteria=("R3.2",)),
)  # fmt: skip

KPIS: tuple[KPI, ...] = (*_COMPLAINT_ROWS, *_CASE_ROWS, *_STEP_ROWS)
