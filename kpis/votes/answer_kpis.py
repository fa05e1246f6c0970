"""The KPIs of questionnaires: votes on the parts of a service, on first-contact resolution, and on people's needs."""

from __future__ import annotations

from kpis.model import KPI, Better, Kind
from kpis.votes.satisfaction import DIMENSIONS, TOPICS
from kpis.votes.satisfaction_kpis import PAUSE, TOP_EN, TOP_TH, count, mean

_WORDS = {
    "steps_and_time": ("steps and time", "ขั้นตอนและระยะเวลาการให้บริการ"),
    "staff": ("staff", "เจ้าหน้าที่ผู้ให้บริการ"),
    "place": ("place and facilities", "สถานที่และสิ่งอำนวยความสะดวก"),
    "information": ("information", "การให้ข้อมูลข่าวสาร"),
    "outcome": ("result of the service", "ผลการให้บริการ"),
    "service_types": ("types of services", "ประเภทงานบริการ"),
    "days_hours": ("days and hours", "วันและเวลาเปิดให้บริการ"),
    "place_of_service": ("place of service", "สถานที่ให้บริการ"),
    "access": ("ease of access", "ความยากง่ายในการเข้าถึงจุดบริการ"),
    "facilities": ("facilities", "สิ่งอำนวยความสะดวกที่สำคัญ"),
    "awareness": ("awareness of information", "การรับรู้ข้อมูลข่าวสาร"),
}
_MEANS = {"steps_and_time": (85.0, ("J8.3", "R1.1", "S4"))}
"""Dimensions with a target in the standard, and what they are evidence for; the others have neither."""


def _dimension(name: str) -> tuple[KPI, KPI, KPI]:
    """Number, mean and top-two share of one part of the service."""
    en, th = _WORDS[name]
    target, criteria = _MEANS.get(name, (None, ("R1.1",)))
    of = (f"Votes with the question {name}", f"ผลประเมินในประเด็น{th}")
    return (
        count(
            f"answers_{name}",
            f"Votes on {en}",
            f"จำนวนผู้ประเมินประเด็น{th}",
            f"{of[0]}, valid and not bounced",
            f"จำนวน{of[1]} ไม่รวมการกดซ้ำและผลที่ไม่ถูกต้อง",
            criteria=criteria,
            settings=PAUSE,
        ),
        mean(
            f"satisfaction_mean_percent_{name}", f"answers_{name}_points", f"answers_{name}", target, criteria,
            (f"Satisfaction with {en}, mean score", f"ความพึงพอใจเฉลี่ยต่อ{th}"), of,
        ),
        KPI(
            name=f"satisfaction_rate_{name}",
            kind=Kind.RATIO,
            unit="ratio",
            coverage="votes",
            criteria=criteria,
            settings=PAUSE,
            better=Better.HIGHER,
            numerator=f"answers_{name}_satisfied",
            denominator=f"answers_{name}",
            label_en=f"Satisfied with {en}",
            label_th=f"ร้อยละผู้พึงพอใจต่อ{th} (สองระดับบน)",
            definition_en=f"{of[0]} in {TOP_EN} ÷ all of them",
            definition_th=f"{of[1]}ใน{TOP_TH} ÷ {of[1]}ทั้งหมด",
        ),
    )  # fmt: skip


KPIS: tuple[KPI, ...] = (
    *(kpi for name in DIMENSIONS for kpi in _dimension(name)),
    KPI(
        name="first_contact_resolution_rate_by_survey",
        kind=Kind.RATIO,
        unit="ratio",
        coverage="votes",
        criteria=("Q20.2",),
        settings=PAUSE,
        better=Better.HIGHER,
        numerator="answers_resolved_yes",
        denominator="answers_resolved",
        label_en="First-contact resolution by survey",
        label_th="อัตราการให้บริการสำเร็จในการติดต่อครั้งแรก จากแบบสอบถาม",
        definition_en="Answers 2 (yes) ÷ answers 1 and 2 to the question resolved (was it settled at this first contact), on its scale of 2",
        definition_th="จำนวนที่ตอบว่าสำเร็จในการติดต่อครั้งนี้ (2) ÷ จำนวนที่ตอบคำถามนี้ (1 หรือ 2) แบบ 2 ระดับ",
        excludes_en="Answers to it on another scale: answers_resolved_other_scale",
        excludes_th="ไม่รวมคำตอบที่ใช้จำนวนระดับอื่น ซึ่งนับแยกไว้",
    ),
    count(
        "answers_resolved_other_scale",
        "Answers on resolution of another scale",
        "คำตอบเรื่องความสำเร็จที่ใช้จำนวนระดับอื่น",
        "Valid answers to the question resolved whose scale_max is not 2; in no rate",
        "คำตอบเรื่องความสำเร็จในการติดต่อครั้งแรกที่ไม่ได้ใช้แบบ 2 ระดับ ไม่นำไปคิดอัตรา",
        criteria=("Q20.2",),
        settings=PAUSE,
    ),
    KPI(
        name="needs_answers_by_topic",
        kind=Kind.HISTOGRAM,
        unit="votes",
        coverage="votes",
        criteria=("Q1.1",),
        settings=PAUSE,
        denominator="answers_needs",
        bins=tuple((name, f"answers_{name}") for name in TOPICS),
        label_en="Answers to the survey of needs",
        label_th="คำตอบแบบสำรวจความต้องการ จำแนกตามประเด็น",
        definition_en="Valid answers to the six topics of a survey of needs: "
        + ", ".join(_WORDS[name][0] for name in TOPICS),
        definition_th="จำนวนคำตอบที่ถูกต้องใน 6 ประเด็น ได้แก่ " + " ".join(_WORDS[name][1] for name in TOPICS),
    ),
)
