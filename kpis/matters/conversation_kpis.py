"""The KPIs of conversations: formulas over the measures of conversations.py, and their words."""

from __future__ import annotations

from kpis.matters.conversations import AGES
from kpis.model import KPI, Better, By, Kind, row
from kpis.tickets.ticket_words import HOURS

_CLOCK = ("channels.clock", *HOURS)
_STANDARD = ("channels.reply_minutes", "changes")
_SLA = (*_STANDARD, *_CLOCK)
_ONLINE = ("Q18.1", "Q6.6")
_CLOCK_EN = (
    "time by the clock of the channel: every hour, or service hours where it says so; whole milliseconds, rounded down"
)
_LONGEST_EN = ", of which more than 268,435,455 (8.5 years) are shown as so many"
_LONGEST_TH = "เกิน 268,435,455 วินาที (8.5 ปี) แสดงเท่านั้น"
_CLOCK_TH = "นับเวลาตามที่ช่องทางกำหนด (ทุกชั่วโมง หรือเฉพาะเวลาทำการ) เป็นมิลลิวินาทีปัดลง"


def _count(
    name: str, *words: str, numerator: str = "", unit: str = "conversations", by: By = By.UNIT,
    better: Better = Better.NONE, criteria: tuple[str, ...] = _ONLINE, settings: tuple[str, ...] = (),
) -> KPI:  # fmt: skip
    return row(
        words, name=name, kind=Kind.COUNT, unit=unit, by=by, coverage="conversations", criteria=criteria,
        settings=settings, better=better, numerator=numerator or name,
    )  # fmt: skip


_COUNTS = (
    _count(
        "conversations",
        "Conversations",
        "การสนทนาออนไลน์",
        "Contacts of a site with an event by the citizen (conversation.opened or conversation.message), at the first such event and under the "
        "channel that it names, else the first channel that any event of the conversation names; what happened after the cut-off is not read",
        "การสนทนาที่ประชาชนติดต่อเข้ามา นับ ณ เวลาที่ประชาชนเขียนครั้งแรก ไม่นับเหตุการณ์หลังวันตัดยอด",
    ),
    _count(
        "conversations_beginning_unknown",
        "Conversations of unknown beginning",
        "การสนทนาที่ไม่ทราบจุดเริ่มต้น",
        "Contacts without any event by the citizen, at their first event, under the channel that it names, else the first that any of their events names; in no other figure",
        "การสนทนาที่ไม่มีข้อความจากประชาชน นับ ณ เหตุการณ์แรก ไม่นำไปคิดค่าอื่น",
    ),
    _count(
        "conversations_replied_before",
        "Conversations with a reply before their beginning",
        "การสนทนาที่มีคำตอบก่อนประชาชนติดต่อ",
        "Conversations with a conversation.replied, not automatic, before the citizen's first event; that is no reply to it, the next one is",
        "การสนทนาที่เจ้าหน้าที่เขียนก่อนประชาชนติดต่อครั้งแรก ข้อความนั้นไม่นับเป็นคำตอบ",
    ),
    _count(
        "conversations_replied",
        "Conversations replied to",
        "การสนทนาที่ตอบแล้ว",
        "Conversations with a conversation.replied, not automatic, since the citizen's first event, at any time up to the cut-off",
        "การสนทนาที่เจ้าหน้าที่ตอบแล้ว (ไม่นับการตอบอัตโนมัติ) ภายในวันตัดยอด",
    ),
    _count(
        "conversations_not_yet_due",
        "Conversations not yet due",
        "การสนทนาที่ยังไม่ถึงกำหนดตอบ",
        "Conversations of channels with a standard that have no reply by a person and whose time is not over at the cut-off",
        "การสนทนาที่ยังไม่ได้ตอบและยังไม่เกินเวลามาตรฐาน ณ วันตัดยอด",
        settings=_SLA,
    ),
    _count(
        "conversations_without_target",
        "Conversations without a standard",
        "การสนทนาในช่องทางที่ไม่มีมาตรฐานเวลา",
        "Conversations of channels for which no longest time to a reply was in force when they began",
        "การสนทนาในช่องทางที่ไม่ได้กำหนดเวลาตอบไว้ในขณะนั้น",
        settings=_STANDARD,
    ),
    _count(
        "conversations_never_answered",
        "Conversations never answered",
        "การสนทนาที่ปิดโดยไม่ได้ตอบ",
        "Conversations closed at the cut-off without any reply by a person since they began",
        "การสนทนาที่ปิดแล้วโดยเจ้าหน้าที่ไม่เคยตอบ (ไม่นับการตอบอัตโนมัติ)",
        better=Better.LOWER,
    ),
    _count(
        "conversations_waiting",
        "Conversations waiting for a reply",
        "การสนทนาที่รอคำตอบ",
        "Conversations that at the cut-off are not closed and have no reply by a person since they began",
        "การสนทนาที่ยังไม่ปิดและเจ้าหน้าที่ยังไม่ตอบ ณ วันตัดยอด",
        better=Better.LOWER,
    ),
    _count(
        "conversations_waiting_overdue",
        "Conversations waiting beyond the standard",
        "การสนทนาที่รอคำตอบเกินมาตรฐาน",
        f"Conversations waiting at the cut-off for longer than their channel's standard; {_CLOCK_EN}",
        f"การสนทนาที่รอคำตอบเกินเวลามาตรฐานของช่องทาง ณ วันตัดยอด {_CLOCK_TH}",
        better=Better.LOWER,
        settings=_SLA,
    ),
    _count(
        "conversations_closed",
        "Conversations closed",
        "การสนทนาที่ปิดแล้ว",
        "Conversations whose last conversation.closed since they began has no conversation.reopened after it",
        "การสนทนาที่ปิดแล้วและไม่ได้เปิดใหม่ ณ วันตัดยอด",
    ),
    _count(
        "conversations_reopened",
        "Conversations reopened",
        "การสนทนาที่เปิดใหม่",
        "Conversations with a conversation.reopened since they began",
        "การสนทนาที่เปิดใหม่หลังปิดไปแล้ว",
        better=Better.LOWER,
        criteria=("Q20.2", "S5"),
    ),
    _count(
        "conversations_without_disposition",
        "Conversations closed without a disposition",
        "การสนทนาที่ปิดโดยไม่ระบุผล",
        "Conversations whose last conversation.closed since they began has no disposition of 1 to 3",
        "การสนทนาที่การปิดครั้งสุดท้ายไม่ได้ระบุผลการดำเนินการ",
        criteria=("Q20.2",),
    ),
    _count(
        "conversation_messages",
        "Messages of citizens",
        "ข้อความจากประชาชน",
        "Events conversation.opened and conversation.message, at the beginning of their conversation",
        "จำนวนข้อความจากประชาชน นับ ณ เวลาเริ่มการสนทนา",
        unit="messages",
    ),
    _count(
        "conversation_replies",
        "Replies of people",
        "คำตอบของเจ้าหน้าที่",
        "Events conversation.replied that are not automatic, at the beginning of their conversation",
        "จำนวนคำตอบของเจ้าหน้าที่ นับ ณ เวลาเริ่มการสนทนา",
        unit="messages",
    ),
    _count(
        "conversation_automatic_replies",
        "Automatic replies",
        "คำตอบอัตโนมัติ",
        "Events conversation.replied with automatic 1, at the beginning of their conversation; never a reply in any other figure",
        "จำนวนคำตอบอัตโนมัติ นับ ณ เวลาเริ่มการสนทนา ไม่ถือเป็นการตอบกลับในค่าอื่น",
        unit="messages",
    ),
    _count(
        "conversations_outside_hours",
        "Conversations outside service hours",
        "การสนทนาที่เริ่มนอกเวลาทำการ",
        "Conversations that began at an instant that is no service hour (official hours and declared windows); none where no hours are declared",
        "การสนทนาที่ประชาชนเริ่มติดต่อนอกเวลาทำการและนอกช่วงเวลาที่ประกาศ",
        settings=HOURS,
    ),
    _count(
        "conversation_users_per_month",
        "Persons who wrote, by month",
        "ผู้ใช้บริการออนไลน์ รายเดือน",
        "Distinct tokens of persons by site and local calendar month, at the first conversation of the month; the token is that of the "
        "first event of the conversation that names a person",
        "จำนวนผู้ใช้บริการออนไลน์ที่ไม่ซ้ำกันในแต่ละเดือนของศูนย์ นับ ณ การสนทนาครั้งแรกของเดือน",
        numerator="conversation_users",
        by=By.SITE,
        unit="users",
        criteria=("R3.2",),
    ),
    _count(
        "conversation_users_per_month_by_channel",
        "Persons who wrote, by month and channel",
        "ผู้ใช้บริการออนไลน์ รายเดือนและรายช่องทาง",
        "Distinct tokens of persons by site, channel and local calendar month, at the first conversation of the month on the channel; who uses "
        "two channels counts on both",
        "จำนวนผู้ใช้บริการที่ไม่ซ้ำกันในแต่ละเดือนของแต่ละช่องทาง ผู้ใช้สองช่องทางนับทั้งสองช่องทาง",
        numerator="conversation_users_of_unit",
        unit="users",
        criteria=("R3.2",),
    ),
    _count(
        "conversations_without_user",
        "Conversations of unknown persons",
        "การสนทนาที่ไม่ทราบตัวผู้ใช้",
        "Conversations none of whose events names a person; not among the persons of a month",
        "การสนทนาที่ไม่มีรหัสผู้ใช้ ไม่นับในจำนวนผู้ใช้บริการรายเดือน",
        criteria=("R3.2",),
    ),
)

KPIS: tuple[KPI, ...] = (
    *_COUNTS,
    KPI(
        name="reply_within_target_rate",
        kind=Kind.RATIO,
        unit="ratio",
        coverage="conversations",
        criteria=_ONLINE,
        settings=_SLA,
        better=Better.HIGHER,
        numerator="conversations_replied_in_time",
        denominator="conversations_with_target",
        label_en="Replied within the standard",
        label_th="ร้อยละการตอบกลับภายในมาตรฐาน",
        definition_en="Conversations whose first reply by a person came within the longest time in force for their channel when they began ÷ conversations "
        f"of channels with such a time that were replied to, or whose time was over at the cut-off; {_CLOCK_EN}",
        definition_th=f"การสนทนาที่เจ้าหน้าที่ตอบครั้งแรกภายในเวลามาตรฐานของช่องทาง ÷ การสนทนาในช่องทางที่มีมาตรฐานซึ่งตอบแล้ว หรือเกินเวลามาตรฐานแล้ว ณ วันตัดยอด {_CLOCK_TH}",
        excludes_en="Not yet due at the cut-off: conversations_not_yet_due; no standard: conversations_without_target",
        excludes_th="ไม่รวมที่ยังไม่ถึงกำหนด และช่องทางที่ไม่มีมาตรฐาน ซึ่งนับแยก",
    ),
    *(
        KPI(
            name=f"reply_seconds_{name}",
            kind=Kind.QUANTILE,
            unit="seconds",
            coverage="conversations",
            criteria=_ONLINE,
            settings=_CLOCK,
            better=Better.LOWER,
            histogram="conversation_reply_s",
            q=q,
            label_en=f"Time to the first reply, {en}",
            label_th=f"เวลาจนตอบกลับครั้งแรก {th}",
            definition_en=f"{en} (nearest rank) of the times from the citizen's first event to the first reply by a person, in seconds rounded up{_LONGEST_EN}; {_CLOCK_EN}",
            definition_th=f"{th} (ลำดับใกล้สุด) ของเวลาตั้งแต่ประชาชนเขียนครั้งแรกจนเจ้าหน้าที่ตอบครั้งแรก เป็นวินาทีปัดขึ้น {_LONGEST_TH} {_CLOCK_TH}",
            excludes_en="Conversations without a reply by a person at the cut-off",
            excludes_th="ไม่รวมการสนทนาที่เจ้าหน้าที่ยังไม่ตอบ",
        )
        for name, q, en, th in (("p50", 0.5, "median", "มัธยฐาน"), ("p90", 0.9, "90th percentile", "เปอร์เซ็นไทล์ที่ 90"))
    ),
    KPI(
        name="conversations_waiting_by_age",
        kind=Kind.HISTOGRAM,
        unit="conversations",
        coverage="conversations",
        criteria=_ONLINE,
        denominator="conversations_waiting",
        bins=tuple((name.replace("_", " "), f"conversations_waiting_{name}") for name in AGES),
        label_en="Conversations waiting, by age",
        label_th="การสนทนาที่รอคำตอบ จำแนกตามระยะเวลาที่รอ",
        definition_en="Conversations waiting at the cut-off by the time since they began, every hour counted; each bin from its first to below its last limit",
        definition_th="การสนทนาที่รอคำตอบ ณ วันตัดยอด จำแนกตามเวลาที่ผ่านไปนับทุกชั่วโมง",
    ),
    KPI(
        name="conversation_handled_seconds_mean",
        kind=Kind.MEAN,
        unit="seconds",
        coverage="conversations",
        criteria=_ONLINE,
        better=Better.LOWER,
        numerator="conversation_handled_ms",
        denominator="conversations_closed",
        per=1000,
        label_en="Time to close, mean",
        label_th="เวลาจนปิดการสนทนา เฉลี่ย",
        definition_en="From the citizen's first event to the last conversation.closed, every hour counted, in whole milliseconds rounded down; mean over closed conversations",
        definition_th="ตั้งแต่ประชาชนเขียนครั้งแรกจนปิดครั้งสุดท้าย นับทุกชั่วโมง เฉลี่ยต่อการสนทนาที่ปิดแล้ว",
    ),
    KPI(
        name="conversation_handled_seconds_p50",
        kind=Kind.QUANTILE,
        unit="seconds",
        coverage="conversations",
        criteria=_ONLINE,
        better=Better.LOWER,
        histogram="conversation_handled_s",
        q=0.5,
        label_en="Time to close, median",
        label_th="เวลาจนปิดการสนทนา มัธยฐาน",
        definition_en=f"Median (nearest rank) of the times from the citizen's first event to the last conversation.closed of closed conversations, every hour counted, in whole milliseconds rounded down, then seconds rounded up{_LONGEST_EN}",
        definition_th=f"มัธยฐาน (ลำดับใกล้สุด) ของเวลาตั้งแต่ประชาชนเขียนครั้งแรกจนปิดครั้งสุดท้าย นับทุกชั่วโมง เป็นวินาทีปัดขึ้น {_LONGEST_TH}",
    ),
    KPI(
        name="conversation_resolution_rate",
        kind=Kind.RATIO,
        unit="ratio",
        coverage="conversations",
        criteria=("Q20.2",),
        better=Better.HIGHER,
        numerator="conversations_resolved",
        denominator="conversations_with_disposition",
        label_en="First-contact resolution of conversations by disposition",
        label_th="อัตราการให้บริการสำเร็จในการติดต่อครั้งแรก ทางออนไลน์",
        definition_en="Conversations whose last conversation.closed has the disposition 1 (done) and that were never reopened ÷ "
        "conversations whose last conversation.closed has a disposition of 1 to 3",
        definition_th="การสนทนาที่ปิดโดยระบุว่าแล้วเสร็จและไม่เคยเปิดใหม่ ÷ การสนทนาที่การปิดครั้งสุดท้ายระบุผลการดำเนินการ",
        excludes_en="Closed without a disposition: conversations_without_disposition; never closed",
        excludes_th="ไม่รวมการสนทนาที่ปิดโดยไม่ระบุผล (นับแยก) และที่ยังไม่เคยปิด",
    ),
)
