"""The KPIs of votes on the service over all: formulas over the measures of satisfaction.py, and their words."""

from __future__ import annotations

from kpis.model import KPI, Better, By, Kind, row
from kpis.votes.satisfaction import LEVELS, SCALE_UNITS, SCALES

_OVERALL_EN = "Votes on the service over all"
_OVERALL_TH = "ผลประเมินความพึงพอใจโดยรวม"
_NOT_VOTES_EN = "Bounced presses, dropped presses and invalid votes, counted apart; answers to other questions"
_NOT_VOTES_TH = "ไม่รวมการกดซ้ำ การกดที่ไม่นับ และผลที่ไม่ถูกต้อง (นับแยก) และคำตอบในประเด็นอื่น"
TOP_EN = "the top two levels (of a scale of 2 or 3 levels the top one)"
TOP_TH = "สองระดับบนสุด (แบบ 2 หรือ 3 ระดับ: ระดับบนสุด)"
PAUSE = ("vote_pause_s",)


def count(
    name: str, *words: str, criteria: tuple[str, ...] = ("Q7.2",), settings: tuple[str, ...] = (), by: By = By.UNIT,
    unit: str = "votes",
) -> KPI:  # fmt: skip
    return row(
        words, name=name, kind=Kind.COUNT, unit=unit, by=by, coverage="votes", criteria=criteria, settings=settings,
        numerator=name,
    )  # fmt: skip


_COUNTS = (
    count(
        "votes",
        "Votes",
        "จำนวนผู้ประเมิน",
        f"{_OVERALL_EN}: events vote.cast without a question, or with the question overall, whose score is 1 to scale_max "
        "and scale_max 2 to 100; at a button a press closer than {vote_pause_s} s to the press before there is none",
        f"จำนวน{_OVERALL_TH} คือการกดปุ่มหรือคำตอบที่ไม่ระบุประเด็นหรือระบุว่าโดยรวม ซึ่งคะแนนอยู่ในช่วง 1 ถึงคะแนนสูงสุด "
        "(2 ถึง 100 ระดับ) การกดปุ่มเดิมห่างจากครั้งก่อนไม่ถึง {vote_pause_s} วินาทีไม่นับ",
        criteria=("P13", "Q7.2"),
        settings=PAUSE,
    ),
    count(
        "votes_bounced",
        "Presses that bounced",
        "การกดปุ่มซ้ำ",
        "Valid presses (votes without a contact, on any question) less than {vote_pause_s} s after the press before of the same "
        "site, source, counter, unit and question, whether or not that one counted; of one instant the one stored later",
        "การกดที่ถูกต้องและไม่มีรหัสแบบสอบถามหรือบัตรคิว ซึ่งห่างจากการกดครั้งก่อนที่ปุ่มเดิม (ศูนย์ อุปกรณ์ เคาน์เตอร์ งานบริการ "
        "และประเด็นเดียวกัน) ไม่ถึง {vote_pause_s} วินาที ไม่ว่าครั้งก่อนจะนับหรือไม่",
        settings=PAUSE,
    ),
    count(
        "votes_dropped",
        "Presses that are no votes",
        "การกดที่ไม่นับเป็นการประเมิน",
        "Presses that the device's reader dropped: bounced within a moment, kept by the broker or sent again (vote.dropped); "
        "never counted as votes",
        "การกดที่ระบบรับข้อมูลตัดออก: กดซ้ำในทันที ข้อความเก่าที่ค้างอยู่ หรือที่ส่งซ้ำ ไม่นับเป็นการประเมิน",
    ),
    count(
        "votes_invalid",
        "Invalid votes",
        "ผลประเมินที่ไม่ถูกต้อง",
        "Events vote.cast whose score is not 1 to scale_max, whose scale_max is not 2 to 100, or whose question is not known",
        "การประเมินที่คะแนนไม่อยู่ในช่วง 1 ถึงคะแนนสูงสุด จำนวนระดับไม่อยู่ในช่วง 2 ถึง 100 หรือประเด็นไม่เป็นที่รู้จัก",
    ),
    count(
        "questionnaires",
        "Questionnaires answered",
        "จำนวนแบบสอบถามที่ตอบ",
        "Distinct contacts of votes on any question, by site and local day, at the first vote of each; "
        "votes without a contact are presses of buttons",
        "จำนวนรหัสแบบสอบถามหรือบัตรคิวที่ไม่ซ้ำกันในแต่ละวัน ไม่รวมการกดปุ่มที่ไม่มีรหัส",
        criteria=("R1.1",),
    ),
    count(
        "vote_point_days",
        "Points with votes, by day",
        "จุดประเมินที่มีผู้ประเมิน รายวัน",
        "Sources with at least one vote on any question, once for each local day, at the first vote of the day",
        "อุปกรณ์หรือแบบประเมินที่มีผู้ประเมินอย่างน้อยหนึ่งครั้งในวันนั้น นับวันละหนึ่งครั้งต่อจุด",
        criteria=("P13",),
        settings=PAUSE,
        by=By.DEVICE,
        unit="points",
    ),
    count(
        "vote_points_in_month",
        "Points with votes, by month",
        "จุดประเมินที่มีผู้ประเมิน รายเดือน",
        "Sources with at least one vote on any question, once for each local calendar month, at the first vote of the month",
        "อุปกรณ์หรือแบบประเมินที่มีผู้ประเมินอย่างน้อยหนึ่งครั้งในเดือนนั้น นับเดือนละหนึ่งครั้งต่อจุด",
        criteria=("P13",),
        settings=PAUSE,
        by=By.DEVICE,
        unit="points",
    ),
)

_SHARES = (
    (
        "satisfaction_rate", "votes_satisfied", Better.HIGHER, 0.80, 7, ("Q7.2", "S5"),
        "Satisfied", "ร้อยละผู้พึงพอใจ (สองระดับบน)", f"{_OVERALL_EN} in {TOP_EN}", f"{_OVERALL_TH}ใน{TOP_TH}",
    ),
    (
        "satisfaction_top_rate", "votes_top", Better.HIGHER, None, 0, ("Q7.2",),
        "Best level", "ร้อยละผู้ประเมินระดับสูงสุด", f"{_OVERALL_EN} with the best score", f"{_OVERALL_TH}ในระดับสูงสุด",
    ),
    (
        "satisfaction_bottom_rate", "votes_bottom", Better.LOWER, None, 0, ("Q7.2",),
        "Worst level", "ร้อยละผู้ประเมินระดับต่ำสุด", f"{_OVERALL_EN} with the score 1", f"{_OVERALL_TH}ในระดับต่ำสุด (1)",
    ),
)  # fmt: skip


def mean(
    name: str, points: str, votes: str, target: float | None, criteria: tuple[str, ...],
    label: tuple[str, str], definition: tuple[str, str], wall: int = 0,
) -> KPI:  # fmt: skip
    return KPI(
        name=name,
        kind=Kind.MEAN,
        unit="percent",
        coverage="votes",
        criteria=criteria,
        settings=PAUSE,
        better=Better.HIGHER,
        numerator=points,
        denominator=votes,
        times=100,
        per=SCALE_UNITS,
        target=target,
        wall=wall,
        label_en=label[0],
        label_th=label[1],
        definition_en=f"{definition[0]}: mean of score ÷ best score × 100; not comparable between scales of different length. Each score ÷ best score "
        f"is rounded down to a whole {SCALE_UNITS:,}th, which is exact for scales of up to 16 levels",
        definition_th=f"{definition[1]} ค่าเฉลี่ยของคะแนน ÷ คะแนนสูงสุด × 100 ไม่ควรเทียบระหว่างแบบประเมินที่จำนวนระดับต่างกัน "
        f"คะแนน ÷ คะแนนสูงสุดของแต่ละคนปัดลงเป็นเศษส่วนของ {SCALE_UNITS:,} ซึ่งตรงพอดีสำหรับแบบประเมินไม่เกิน 16 ระดับ",
        excludes_en=_NOT_VOTES_EN if votes == "votes" else "",
        excludes_th=_NOT_VOTES_TH if votes == "votes" else "",
    )


KPIS: tuple[KPI, ...] = (
    *_COUNTS,
    *(
        KPI(
            name=name,
            kind=Kind.RATIO,
            unit="ratio",
            coverage="votes",
            criteria=criteria,
            settings=PAUSE,
            better=better,
            numerator=measure,
            denominator="votes",
            target=target,
            wall=wall,
            label_en=label_en,
            label_th=label_th,
            definition_en=f"{part_en} ÷ votes on the service over all",
            definition_th=f"{part_th} ÷ {_OVERALL_TH}ทั้งหมด",
            excludes_en=_NOT_VOTES_EN,
            excludes_th=_NOT_VOTES_TH,
        )
        for name, measure, better, target, wall, criteria, label_en, label_th, part_en, part_th in _SHARES
    ),
    KPI(
        name="satisfaction_rate_for_results",
        kind=Kind.RATIO,
        unit="ratio",
        coverage="votes",
        criteria=("R1.1",),
        settings=PAUSE,
        better=Better.HIGHER,
        numerator="votes_satisfied",
        denominator="votes",
        target=0.80,
        beyond=True,
        label_en="Satisfied, judged as a result",
        label_th="ร้อยละผู้พึงพอใจ (เกณฑ์ผลลัพธ์ เกินร้อยละ 80)",
        definition_en=f"{_OVERALL_EN} in {TOP_EN} ÷ votes on the service over all; the figure must be above its target, not equal to it",
        definition_th=f"{_OVERALL_TH}ใน{TOP_TH} ÷ {_OVERALL_TH}ทั้งหมด โดยต้องเกินค่าเป้าหมาย ไม่ใช่เท่ากับค่าเป้าหมาย",
        excludes_en=_NOT_VOTES_EN,
        excludes_th=_NOT_VOTES_TH,
    ),
    mean(
        "satisfaction_mean_percent", "vote_points", "votes", 85.0, ("J8.4", "Q7.2", "S5"),
        ("Satisfaction, mean score", "ความพึงพอใจเฉลี่ย"), (_OVERALL_EN, _OVERALL_TH), wall=8,
    ),
    KPI(
        name="votes_by_scale",
        kind=Kind.HISTOGRAM,
        unit="votes",
        coverage="votes",
        criteria=("Q7.2",),
        settings=PAUSE,
        denominator="votes",
        bins=(*((str(scale), f"votes_scale_{scale}") for scale in SCALES), ("other", "votes_scale_other")),
        label_en="Votes by length of scale",
        label_th="ผู้ประเมินจำแนกตามจำนวนระดับ",
        definition_en=f"{_OVERALL_EN} by the number of levels of their scale (scale_max)",
        definition_th=f"{_OVERALL_TH} จำแนกตามจำนวนระดับของแบบประเมิน",
    ),
    KPI(
        name="votes_of_five_levels",
        kind=Kind.HISTOGRAM,
        unit="votes",
        coverage="votes",
        criteria=("Q7.2", "R1.1"),
        settings=PAUSE,
        denominator="votes_scale_5",
        bins=tuple((str(level), f"votes_five_{level}") for level in LEVELS),
        label_en="Votes on five levels",
        label_th="ผลประเมินแบบ 5 ระดับ",
        definition_en=f"{_OVERALL_EN} on a scale of five levels, by score",
        definition_th=f"{_OVERALL_TH}แบบ 5 ระดับ จำแนกตามคะแนน",
    ),
    KPI(
        name="satisfaction_response_rate",
        kind=Kind.RATIO,
        unit="ratio",
        coverage="votes",
        criteria=("P13", "Q7.2"),
        settings=PAUSE,
        better=Better.HIGHER,
        numerator="votes",
        denominator="tickets_served",
        label_en="Response rate",
        label_th="อัตราการตอบแบบประเมิน",
        definition_en="Votes on the service over all ÷ tickets served; above 100 % when people vote more than once or without a ticket",
        definition_th="จำนวนที่ประเมินโดยรวม ÷ ผู้รับบริการที่ให้บริการเสร็จ เกินร้อยละ 100 ได้หากกดซ้ำหรือไม่มีบัตรคิว",
    ),
    KPI(
        name="votes_linked_rate",
        kind=Kind.RATIO,
        unit="ratio",
        coverage="votes",
        criteria=("Q7.2",),
        settings=("vote_link_s", "vote_pause_s"),
        numerator="votes_linked",
        denominator="votes_linkable",
        label_en="Votes of a ticket",
        label_th="ผลประเมินที่โยงกับบัตรคิวได้",
        definition_en="Votes on the service over all that are a ticket's ÷ those that name a counter or a contact. One with a contact is "
        "a ticket's when a ticket of that number was finished at the site on the same local day; one without, when a ticket "
        "was finished at its counter at the same instant or at most {vote_link_s} s before",
        definition_th="ผลประเมินโดยรวมที่โยงกับบัตรคิวได้ ÷ ผลประเมินโดยรวมที่ระบุเคาน์เตอร์หรือรหัส หากระบุรหัส ต้องเป็นบัตรคิวที่ให้บริการเสร็จในวันเดียวกัน "
        "หากไม่ระบุ ต้องมีบัตรคิวที่ให้บริการเสร็จ ณ เคาน์เตอร์นั้นก่อนกดไม่เกิน {vote_link_s} วินาที",
        excludes_en="Votes that name neither a counter nor a contact",
        excludes_th="ไม่รวมผลประเมินที่ไม่ระบุทั้งเคาน์เตอร์และรหัส",
    ),
    KPI(
        name="service_points_with_votes_rate",
        kind=Kind.RATIO,
        unit="ratio",
        by=By.COUNTER,
        coverage="votes",
        criteria=("P13",),
        settings=PAUSE,
        better=Better.HIGHER,
        numerator="service_point_days_with_votes",
        denominator="service_point_days",
        label_en="Service points with votes",
        label_th="ร้อยละจุดบริการที่มีผู้ประเมิน",
        definition_en="Counters with at least one vote (on any question, naming that counter) on a local day ÷ counters where a ticket was finished "
        "on that day, summed over the days; each counter and day stands at its first finished ticket",
        definition_th="จุดบริการที่มีผู้ประเมินอย่างน้อยหนึ่งครั้งในวันนั้น ÷ จุดบริการที่ให้บริการเสร็จอย่างน้อยหนึ่งบัตรคิวในวันนั้น รวมทุกวัน",
        excludes_en="Votes that name no counter, and counters that finished no ticket that day",
        excludes_th="ไม่รวมผลประเมินที่ไม่ระบุจุดบริการ และจุดบริการที่ไม่มีบัตรคิวเสร็จในวันนั้น",
    ),
)  # fmt: skip
