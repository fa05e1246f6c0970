"""The KPIs of agents and of who can serve what: formulas over the measures of agents.py, agent_time.py and cover.py.

Lists show agents in the order of their pseudonyms: spread is to be seen, nobody is ranked, so no row has a better side.
"""

from __future__ import annotations

from kpis.model import KPI, Better, By, Kind, row


def _count(name: str, unit: str, criteria: tuple[str, ...], *words: str) -> KPI:
    return row(
        words, name=name, kind=Kind.COUNT, unit=unit, by=By.AGENT, coverage="calls", criteria=criteria, numerator=name
    )


def _mean(
    name: str, unit: str, criteria: tuple[str, ...], of: tuple[str, str], words: tuple[str, ...],
    *, times: int = 1, per: int = 1, by: By = By.AGENT, coverage: str = "calls",
) -> KPI:  # fmt: skip
    return row(
        words, name=name, kind=Kind.MEAN, unit=unit, by=by, coverage=coverage, criteria=criteria, numerator=of[0],
        denominator=of[1], times=times, per=per,
    )  # fmt: skip


_TALK_UNTOLD_EN = "Calls whose talk time the telephone system does not tell; agent_calls counts them"
_TALK_UNTOLD_TH = "สายที่ตู้สาขาไม่บอกเวลาสนทนา ซึ่งนับอยู่ใน agent_calls"
_PLACES_EN = (
    "Signed in to a queue, or to all (a word that names no queue): from an agent.added or agent.logged_in (not paused, unless "
    "agent.added tells paused 1), or an agent.paused or agent.unpaused of a queue, until agent.removed or agent.logged_out "
    "there, the next restart of the telephone system, the last that was heard from it, or 24 hours after the last of these "
    "words there, whichever is first; a word on all queues that is no sign-in holds at each of the agent's queues too, but a "
    "pause of all, or its end, signs nobody in and prolongs nothing"
)
_PLACES_TH = (
    "เข้าระบบในคิวหนึ่ง หรือทุกคิว (เหตุการณ์ที่ไม่ระบุคิว): ตั้งแต่ agent.added หรือ agent.logged_in (ไม่พัก เว้นแต่ agent.added บอก paused เป็น 1) "
    "หรือ agent.paused หรือ agent.unpaused ของคิวใดคิวหนึ่ง จนถึง agent.removed หรือ agent.logged_out ของที่นั้น การเริ่มใหม่ของตู้สาขา "
    "ข้อมูลสุดท้ายจากตู้สาขา หรือครบ 24 ชั่วโมงหลังเหตุการณ์ดังกล่าวครั้งล่าสุดของที่นั้น แล้วแต่อย่างใดถึงก่อน เหตุการณ์ของทุกคิวที่ไม่ใช่การเข้าระบบมีผลกับทุกคิวของเจ้าหน้าที่ด้วย "
    "แต่การพักหรือเลิกพักทุกคิวไม่ถือเป็นการเข้าระบบและไม่ต่อเวลา"
)

KPIS: tuple[KPI, ...] = (
    _count(
        "agent_calls",
        "calls",
        ("Q20.3",),
        "Calls handled",
        "สายที่เจ้าหน้าที่รับ",
        "Answers of calls by the agent, at the moment of the answer: each call.connected of (call, queue, agent); where there is none, the first end of a conversation, at that end less the talk time that it tells, 24 hours at most; tests and calls outside service hours are in it; a call that several agents answer one after another is one for each",
        "จำนวนครั้งที่เจ้าหน้าที่รับสาย ณ เวลาที่รับ: call.connected แต่ละครั้งของ (สาย คิว เจ้าหน้าที่) หากไม่มีเลย ใช้การสิ้นสุดสนทนาครั้งแรก ณ เวลานั้นลบเวลาสนทนาที่บอก (ไม่เกิน 24 ชั่วโมง) รวมสายทดสอบและสายนอกเวลาให้บริการ "
        "สายที่เจ้าหน้าที่หลายคนรับต่อกันนับให้ทุกคน",
        "Answers that name no agent: agent_calls_unnamed",
        "การรับสายที่ไม่ระบุเจ้าหน้าที่ นับใน agent_calls_unnamed",
    ),
    _count(
        "agent_calls_unnamed",
        "calls",
        (),
        "Answers that name no agent",
        "การรับสายที่ไม่ระบุเจ้าหน้าที่",
        "Answers of calls, as in agent_calls, whose events name no agent; they are nobody's",
        "การรับสายตามนิยามของ agent_calls ที่ไม่ระบุเจ้าหน้าที่ ไม่นับเป็นของผู้ใด",
    ),
    _mean(
        "agent_talk_seconds_mean",
        "seconds",
        ("Q4.4", "Q20.3"),
        ("agent_talk_ms", "agent_calls_talk_known"),
        (
            "Mean talk time by agent",
            "เวลาสนทนาเฉลี่ยรายเจ้าหน้าที่",
            "Talk time told by call.completed and call.transferred ÷ calls handled whose talk time is told",
            "เวลาสนทนาที่ call.completed และ call.transferred บอก ÷ สายที่เจ้าหน้าที่รับซึ่งทราบเวลาสนทนา",
            _TALK_UNTOLD_EN,
            _TALK_UNTOLD_TH,
        ),
        per=1000,
    ),
    _mean(
        "agent_wrap_seconds_mean",
        "seconds",
        ("Q20.3",),
        ("agent_wrap_ms", "agent_wraps_known"),
        (
            "Mean wrap-up time by agent",
            "เวลาสรุปงานหลังวางสายเฉลี่ยรายเจ้าหน้าที่",
            "wrap_ms of call.wrap_up_started that name an agent, mean over those that tell it",
            "wrap_ms ของ call.wrap_up_started ที่ระบุเจ้าหน้าที่ เฉลี่ยเฉพาะที่บอกเวลา",
        ),
        per=1000,
    ),
    _mean(
        "agent_handle_seconds_mean",
        "seconds",
        ("Q5.1", "Q20.3"),
        ("agent_handle_ms", "agent_calls_talk_known"),
        (
            "Mean handle time by agent",
            "เวลาให้บริการต่อสายเฉลี่ยรายเจ้าหน้าที่",
            "(Talk time + wrap-up time told) ÷ calls handled whose talk time is told; wrap-up is in it only where it is told",
            "(เวลาสนทนา + เวลาสรุปงานที่ทราบ) ÷ สายที่เจ้าหน้าที่รับซึ่งทราบเวลาสนทนา รวมเวลาสรุปงานเฉพาะที่ระบบบอก",
            _TALK_UNTOLD_EN,
            _TALK_UNTOLD_TH,
        ),
        per=1000,
    ),
    _count(
        "agent_calls_transferred",
        "calls",
        ("Q20.1",),
        "Calls handled and sent on",
        "สายที่รับแล้วโอนต่อ",
        "Calls handled (agent_calls) with a call.transferred, at the moment of the answer",
        "สายที่เจ้าหน้าที่รับ (agent_calls) ซึ่งมี call.transferred ณ เวลาที่รับ",
    ),
    KPI(
        name="agent_transfer_rate",
        kind=Kind.RATIO,
        unit="ratio",
        by=By.AGENT,
        coverage="calls",
        criteria=("Q20.1",),
        numerator="agent_calls_transferred",
        denominator="agent_calls",
        label_en="Share of calls sent on, by agent",
        label_th="สัดส่วนสายที่โอนต่อรายเจ้าหน้าที่",
        definition_en="agent_calls_transferred ÷ agent_calls",
        definition_th="agent_calls_transferred ÷ agent_calls",
    ),
    _count(
        "agent_rings_unanswered",
        "rings",
        ("Q20.3",),
        "Telephones that rang in vain",
        "โทรศัพท์ดังแต่ไม่รับ",
        "call.ring_no_answer of the agent after more than 1 s of ringing, or of a time that is not told; one call can be several",
        "call.ring_no_answer ของเจ้าหน้าที่ที่ดังเกิน 1 วินาที หรือไม่บอกเวลา หนึ่งสายนับได้หลายครั้ง",
        "Ringing for 1 s or less: agent_rings_refused; ringing when the caller hung up (call.ring_cancelled) is no agent's",
        "ดังไม่เกิน 1 วินาที นับใน agent_rings_refused ส่วนการดังขณะผู้โทรวางสาย (call.ring_cancelled) ไม่นับเป็นของเจ้าหน้าที่",
    ),
    _count(
        "agent_rings_refused",
        "rings",
        (),
        "Telephones out of reach or refusing",
        "โทรศัพท์ติดต่อไม่ได้หรือปฏิเสธสาย",
        "call.ring_no_answer of the agent after 0 to 1,000 ms of ringing",
        "call.ring_no_answer ของเจ้าหน้าที่ที่ดัง 0 ถึง 1,000 มิลลิวินาที",
    ),
    _count(
        "agent_calls_placed",
        "calls",
        (),
        "Calls placed",
        "สายที่เจ้าหน้าที่โทรออก",
        "call.outbound that name the agent, one for each (call, agent), at its end less its talk time, 24 hours at most; where several tell of it, the first end and the longest talk",
        "call.outbound ที่ระบุเจ้าหน้าที่ นับหนึ่งต่อ (สาย เจ้าหน้าที่) ณ เวลาสิ้นสุดลบเวลาสนทนา (ไม่เกิน 24 ชั่วโมง) "
        "หากหลายแหล่งบอก ใช้เวลาสิ้นสุดแรกและเวลาสนทนาที่นานที่สุด",
    ),
    _count(
        "agent_signed_in_ms",
        "milliseconds",
        ("Q5.1",),
        "Time signed in",
        "เวลาที่เข้าระบบ",
        _PLACES_EN,
        _PLACES_TH,
        "Agents of whom no such word is told have no time of any kind: unknown, not 0",
        "เจ้าหน้าที่ที่ไม่มีเหตุการณ์ดังกล่าวไม่มีเวลาใด ๆ คือไม่ทราบ ไม่ใช่ 0",
    ),
    _count(
        "agent_available_ms",
        "milliseconds",
        ("Q5.1",),
        "Time available",
        "เวลาที่พร้อมรับสาย",
        "Signed in (agent_signed_in_ms), not paused in at least one queue that the agent is signed in to (where there is none: not paused in all), and not busy (agent_busy_ms)",
        "เข้าระบบ (agent_signed_in_ms) ไม่พักอย่างน้อยหนึ่งคิวที่เข้าระบบอยู่ (หากไม่มีคิวใด: ไม่พักของทุกคิว) และไม่ได้ติดงาน (agent_busy_ms)",
    ),
    _count(
        "agent_paused_ms",
        "milliseconds",
        ("Q5.1",),
        "Time paused",
        "เวลาที่พัก",
        "Signed in (agent_signed_in_ms), paused in every queue that the agent is signed in to (where there is none: paused in all), and not busy (agent_busy_ms)",
        "เข้าระบบ (agent_signed_in_ms) พักทุกคิวที่เข้าระบบอยู่ (หากไม่มีคิวใด: พักของทุกคิว) และไม่ได้ติดงาน (agent_busy_ms)",
    ),
    _count(
        "agent_busy_ms",
        "milliseconds",
        ("Q5.1",),
        "Time busy",
        "เวลาที่ติดงาน",
        "Signed in (agent_signed_in_ms) and in a conversation (from the answer for the talk time told), in wrap-up (for the time told) or in "
        "a call placed (for the talk time told, until its end); each for 24 hours at most, and what overlaps counts once",
        "เข้าระบบ (agent_signed_in_ms) และกำลังสนทนา (ตั้งแต่รับสายตามเวลาสนทนาที่บอก) สรุปงาน (ตามเวลาที่บอก) หรือโทรออก (ตามเวลาสนทนาจนสิ้นสุด) "
        "แต่ละช่วงไม่เกิน 24 ชั่วโมง เวลาที่ซ้อนกันนับครั้งเดียว",
        "Busy while no word tells that the agent is signed in: agent_busy_untold_ms",
        "ติดงานขณะไม่ทราบว่าเข้าระบบ นับใน agent_busy_untold_ms",
    ),
    _count(
        "agent_busy_untold_ms",
        "milliseconds",
        (),
        "Time busy, not known to be signed in",
        "เวลาที่ติดงานโดยไม่ทราบว่าเข้าระบบ",
        "Conversations, wrap-up and calls placed, as in agent_busy_ms, outside agent_signed_in_ms",
        "การสนทนา สรุปงาน และโทรออก ตามนิยาม agent_busy_ms ที่อยู่นอก agent_signed_in_ms",
    ),
    _mean(
        "agent_occupancy",
        "ratio",
        ("Q5.1",),
        ("agent_busy_ms", "agent_busy_or_available_ms"),
        (
            "Occupancy",
            "อัตราการใช้เวลาของเจ้าหน้าที่",
            "agent_busy_ms ÷ (agent_busy_ms + agent_available_ms); parts of one time, so never above 1",
            "agent_busy_ms ÷ (agent_busy_ms + agent_available_ms) เป็นส่วนของเวลาเดียวกันจึงไม่เกิน 1",
            "Time paused, and all time of agents of whom nothing is told",
            "เวลาที่พัก และเวลาทั้งหมดของเจ้าหน้าที่ที่ไม่ทราบสถานะ",
        ),
    ),
    _mean(
        "agent_services_mean",
        "services",
        ("Q6.3", "J4.1"),
        ("agent_services", "agents_in_month"),
        (
            "Services for each agent",
            "จำนวนงานบริการต่อเจ้าหน้าที่รับสาย",
            "Queues in which an agent answered a call (agent_calls) in a local calendar month, mean over the agents of the months; ask for whole months",
            "จำนวนคิวที่เจ้าหน้าที่รับสาย (agent_calls) ในเดือนปฏิทิน เฉลี่ยต่อเจ้าหน้าที่ต่อเดือน ควรดูเป็นเดือนเต็ม",
        ),
    ),
    _mean(
        "counter_services_mean",
        "services",
        ("Q6.3", "J4.1"),
        ("counter_services", "counters_in_month"),
        (
            "Services for each counter",
            "จำนวนงานบริการต่อช่องบริการ",
            "Services of which a counter, standing for its staff, finished a ticket (counter_tickets_finished, at each finish) in a local calendar month, mean over the counters; the service is the one that the ticket was last issued for or transferred to, where neither names one that of the finish; whole months",
            "จำนวนงานที่ช่องบริการให้บริการเสร็จ (counter_tickets_finished ณ การจบแต่ละครั้ง ของงานที่ออกบัตรหรือโอนไปล่าสุด หากไม่ระบุใช้งานที่การจบระบุ) ในเดือนปฏิทิน เฉลี่ยต่อช่องบริการต่อเดือน ควรดูเป็นเดือนเต็ม ใช้ช่องบริการแทนเจ้าหน้าที่ประจำช่อง",
        ),
        by=By.COUNTER,
        coverage="tickets",
    ),
    KPI(
        name="cross_cover_rate",
        kind=Kind.RATIO,
        unit="ratio",
        coverage="tickets",
        criteria=("Q6.3", "J4.1"),
        better=Better.HIGHER,
        numerator="services_with_cover",
        denominator="services_served_in_month",
        label_en="Services that more than one can serve",
        label_th="งานบริการที่เจ้าหน้าที่ทำแทนกันได้",
        definition_en="Services and queues that at least two served in a local calendar month ÷ those that anybody served. An agent serves "
        "by answering a call of the queue (agent_calls); a counter, which stands for its staff, by finishing a ticket of the service (as in counter_services_mean). The first "
        "counts at the first time somebody serves in the month, the second at the first time another does; ask for whole months",
        definition_th="งานบริการและคิวที่มีผู้ให้บริการตั้งแต่สองรายในเดือนปฏิทิน ÷ งานที่มีผู้ให้บริการ เจ้าหน้าที่ให้บริการเมื่อรับสายของคิว (agent_calls) ช่องบริการ "
        "(แทนเจ้าหน้าที่ประจำช่อง) ให้บริการเมื่อจบบัตรคิวของงาน (ตาม counter_services_mean) นับรายแรก ณ ครั้งแรกของเดือน และรายที่สอง ณ ครั้งแรกที่มีรายอื่น ควรดูเป็นเดือนเต็ม",
        excludes_en="Answers that name no agent or no queue, and tickets that name no counter or no service",
        excludes_th="การรับสายที่ไม่ระบุเจ้าหน้าที่หรือคิว และบัตรคิวที่ไม่ระบุช่องบริการหรืองาน",
    ),
)
