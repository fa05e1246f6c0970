"""Votes: one press of a satisfaction button or one answer of a questionnaire → measures → KPIs."""

from __future__ import annotations

import numpy as np

from kpis.columns import Columns
from kpis.model import KPI, Better, Facts, Kind

VOTE, DROPPED = 40, 41
SCALE_UNITS = 1_163_962_800
"""Least common multiple of 1..20 and 100: score / scale is whole in these units for every usual scale."""


def contacts(cols: Columns) -> Facts:
    """The votes among these events. The satisfied are the top two of a scale of 4 or more, the top one of 2 or 3."""
    pressed = (cols.type == VOTE) & (cols.a >= 1) & (cols.b >= 2) & (cols.a <= cols.b)
    ev = cols.take(pressed | (cols.type == DROPPED))
    vote = ev.type == VOTE
    satisfied = vote & (ev.a >= ev.b - (ev.b >= 4))
    return Facts(
        site=ev.site,
        unit=ev.unit,
        arrival_us=ev.time_us,
        counts={
            "votes": vote,
            "votes_satisfied": satisfied,
            "vote_points": np.where(vote, ev.a, 0) * SCALE_UNITS // np.maximum(ev.b, 1),
            "votes_dropped": ~vote,
        },
    )


KPIS: tuple[KPI, ...] = (
    KPI(
        name="votes",
        kind=Kind.COUNT,
        unit="votes",
        numerator="votes",
        label_en="Votes",
        label_th="จำนวนผู้ประเมิน",
        definition_en="Presses of satisfaction buttons and answers of questionnaires",
        definition_th="จำนวนครั้งที่กดปุ่มประเมินหรือตอบแบบประเมิน",
    ),
    KPI(
        name="votes_dropped",
        kind=Kind.COUNT,
        unit="votes",
        numerator="votes_dropped",
        label_en="Presses that are no votes",
        label_th="การกดที่ไม่นับเป็นการประเมิน",
        definition_en="Presses that bounced, were kept by the broker or sent again; never counted as votes",
        definition_th="การกดปุ่มซ้ำในทันที หรือข้อความเก่าที่ส่งซ้ำ ไม่นับเป็นการประเมิน",
    ),
    KPI(
        name="satisfaction_rate",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.HIGHER,
        numerator="votes_satisfied",
        denominator="votes",
        target=0.80,
        wall=7,
        label_en="Satisfied",
        label_th="ร้อยละผู้พึงพอใจ (สองระดับบน)",
        definition_en="Votes in the top two levels ÷ votes (scales of 2 or 3 levels: the top level)",
        definition_th="จำนวนที่ประเมินสองระดับบนสุด ÷ จำนวนที่ประเมิน (แบบ 2 หรือ 3 ระดับ: ระดับบนสุด)",
    ),
    KPI(
        name="satisfaction_mean_percent",
        kind=Kind.MEAN,
        unit="percent",
        better=Better.HIGHER,
        numerator="vote_points",
        denominator="votes",
        times=100,
        per=SCALE_UNITS,
        target=85.0,
        wall=8,
        label_en="Satisfaction, mean score",
        label_th="ความพึงพอใจเฉลี่ย",
        definition_en="Mean of score ÷ best score × 100; not comparable between scales of different length",
        definition_th="ค่าเฉลี่ยของคะแนน ÷ คะแนนสูงสุด × 100 ไม่ควรเทียบระหว่างแบบประเมินที่จำนวนระดับต่างกัน",
    ),
    KPI(
        name="satisfaction_response_rate",
        kind=Kind.RATIO,
        unit="ratio",
        better=Better.HIGHER,
        numerator="votes",
        denominator="tickets_served",
        label_en="Response rate",
        label_th="อัตราการตอบแบบประเมิน",
        definition_en="Votes ÷ tickets served; above 100 % when people vote more than once or without a ticket",
        definition_th="จำนวนที่ประเมิน ÷ ผู้รับบริการที่ให้บริการเสร็จ เกินร้อยละ 100 ได้หากกดซ้ำหรือไม่มีบัตรคิว",
    ),
)
