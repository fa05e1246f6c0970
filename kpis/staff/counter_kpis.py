"""The KPIs of counters: formulas over the measures of counters.py and counter_hours.py, and their words."""

from __future__ import annotations

from kpis.model import KPI, Better, By, Kind, row

QUARTER_MS = 900_000
HOUR_MS = 3_600_000


def _count(name: str, unit: str, criteria: tuple[str, ...], *words: str, better: Better = Better.NONE) -> KPI:
    return row(
        words, name=name, kind=Kind.COUNT, unit=unit, by=By.COUNTER, coverage="tickets", criteria=criteria,
        better=better, numerator=name,
    )  # fmt: skip


def _of_site(
    name: str, unit: str, criteria: tuple[str, ...], of: tuple[str, str], *words: str, times: int = 1, per: int = 1
) -> KPI:
    return row(
        words, name=name, kind=Kind.MEAN, unit=unit, by=By.SITE, coverage="tickets", criteria=criteria,
        numerator=of[0], denominator=of[1], times=times, per=per,
    )  # fmt: skip


_UNTOLD_EN = "Tickets of local days on which no counter of the centre told that it opened"
_UNTOLD_TH = "บัตรคิวของวันที่ไม่มีช่องบริการใดแจ้งเปิด"
_IDLE_EN = "Tickets of local days on which no counter called, started or finished any"
_IDLE_TH = "บัตรคิวของวันที่ไม่มีช่องบริการใดเรียก เริ่ม หรือจบบริการ"

KPIS: tuple[KPI, ...] = (
    _count(
        "counter_open_told_ms",
        "milliseconds",
        ("Q5.1", "Q5.2"),
        "Counters open, as they tell it",
        "เวลาที่ช่องบริการแจ้งว่าเปิด",
        "From counter.opened to the next counter.closed of the same local day; one not closed that day until the last that the "
        "counter told or did (as in counter_work_while_closed) that day, or, on the day of the latest data, until that",
        "ตั้งแต่ counter.opened จนถึง counter.closed ถัดไปในวันเดียวกัน หากไม่ปิดในวันนั้นนับถึงการแจ้งหรืองานสุดท้ายของช่องบริการ (ตาม counter_work_while_closed) ในวันนั้น "
        "หรือถึงข้อมูลล่าสุดหากเป็นวันของข้อมูลล่าสุด",
        "Counters that tell nothing: counter_active_quarters",
        "ช่องบริการที่ไม่แจ้ง ดู counter_active_quarters",
    ),
    _count(
        "counter_active_quarters",
        "quarters",
        ("Q5.1", "Q5.2"),
        "Counters at work, in quarters of an hour",
        "ช่องบริการที่ทำงาน (ช่วง 15 นาที)",
        "Quarters of an hour in which a counter called, started or finished a ticket (recalls not; whose a finish is that names "
        "none: counter_tickets_finished), each counter's by itself: inferred from work, not told",
        "จำนวนช่วง 15 นาทีที่ช่องบริการเรียก เริ่ม หรือจบบัตรคิว (ไม่นับการเรียกซ้ำ การจบที่ไม่ระบุช่องตาม counter_tickets_finished) แยกแต่ละช่องบริการ อนุมานจากงาน ไม่ใช่การแจ้งเปิด",
    ),
    _count(
        "counter_active_quarters_untold",
        "quarters",
        (),
        "Counters at work on days they did not tell of",
        "ช่องบริการที่ทำงานในวันที่ไม่แจ้งเปิด (ช่วง 15 นาที)",
        "Those of counter_active_quarters on local days on which that counter never told that it opened",
        "ส่วนของ counter_active_quarters ในวันที่ช่องบริการนั้นไม่เคยแจ้งเปิด",
    ),
    _count(
        "counters_never_closed",
        "counters",
        (),
        "Counters left open",
        "ช่องบริการที่ลืมปิด",
        "counter.opened of a counter that was not open, without a counter.closed later that local day, the day of the latest data not "
        "counted; at the opening",
        "counter.opened ของช่องบริการที่ไม่ได้เปิดอยู่ ซึ่งไม่มี counter.closed ภายหลังในวันเดียวกัน ไม่นับวันของข้อมูลล่าสุด นับ ณ เวลาเปิด",
        better=Better.LOWER,
    ),
    _count(
        "counter_opened_twice",
        "events",
        (),
        "Counters opened while open",
        "การแจ้งเปิดซ้ำ",
        "counter.opened after a counter.opened of that local day without a counter.closed between; changes nothing",
        "counter.opened หลัง counter.opened ในวันเดียวกันโดยไม่มี counter.closed คั่น ไม่มีผลต่อเวลาเปิด",
        better=Better.LOWER,
    ),
    _count(
        "counter_closed_twice",
        "events",
        (),
        "Counters closed while closed",
        "การแจ้งปิดซ้ำ",
        "counter.closed after a counter.closed of that local day without a counter.opened between; changes nothing",
        "counter.closed หลัง counter.closed ในวันเดียวกันโดยไม่มี counter.opened คั่น ไม่มีผลต่อเวลาเปิด",
        better=Better.LOWER,
    ),
    _count(
        "counter_closed_unopened",
        "events",
        (),
        "Counters closed that never opened",
        "การแจ้งปิดโดยไม่เคยเปิด",
        "counter.closed without any counter.opened or counter.closed before it that local day; changes nothing",
        "counter.closed ที่ไม่มี counter.opened หรือ counter.closed ก่อนหน้าในวันเดียวกัน ไม่มีผลต่อเวลาเปิด",
        better=Better.LOWER,
    ),
    _count(
        "counter_work_while_closed",
        "events",
        (),
        "Work at counters that said they were closed",
        "งานของช่องบริการขณะแจ้งว่าปิด",
        "Calls, recalls, starts, holds, transfers, ends and no-shows of tickets at a counter outside the time of counter_open_told_ms "
        "(its first and last moment are inside; one not closed that day is open for the rest of it), on local days on which that counter told that it opened",
        "การเรียก เรียกซ้ำ เริ่ม พัก ส่งต่อ จบ และไม่มา ของบัตรคิวที่ช่องบริการนอกเวลา counter_open_told_ms (รวมขณะแรกและขณะสุดท้าย หากไม่ปิดในวันนั้นถือว่าเปิดตลอดที่เหลือ) "
        "ในวันที่ช่องบริการนั้นแจ้งเปิด",
        better=Better.LOWER,
    ),
    _count(
        "counter_tickets_finished",
        "tickets",
        ("Q4.4", "Q5.1"),
        "Tickets finished at the counter",
        "บัตรคิวที่ช่องบริการให้บริการเสร็จ",
        "Tickets with a ticket.finished at the counter, each once a counter, at what the counter first did with the ticket (as in "
        "counter_work_while_closed). A finish, transfer or hold that names no counter is the one's that the last start since the "
        "finish, transfer or hold before names, where no start was pressed the last call or recall",
        "บัตรคิวที่มี ticket.finished ที่ช่องบริการ นับหนึ่งครั้งต่อช่องบริการ ณ สิ่งแรกที่ช่องนั้นทำกับบัตร (ตาม counter_work_while_closed) การจบ ส่งต่อ หรือพักที่ไม่ระบุช่อง "
        "เป็นของช่องที่การเริ่มล่าสุดหลังการจบ ส่งต่อ หรือพักครั้งก่อนระบุ หากไม่กดเริ่ม ใช้การเรียกหรือเรียกซ้ำล่าสุด",
        "Ends for which no counter is named: tickets_finished_counter_unnamed",
        "การจบที่ไม่ระบุช่องบริการ นับใน tickets_finished_counter_unnamed",
    ),
    _count(
        "tickets_finished_counter_unnamed",
        "tickets",
        (),
        "Tickets finished, counter not named",
        "บัตรคิวที่เสร็จโดยไม่ระบุช่องบริการ",
        "Tickets with a ticket.finished that is no counter's by counter_tickets_finished, each once, at the first of these",
        "บัตรคิวที่มี ticket.finished ซึ่งไม่เป็นของช่องบริการใดตามนิยาม counter_tickets_finished นับหนึ่งครั้งต่อบัตร ณ ครั้งแรก",
    ),
    KPI(
        name="counter_service_seconds_mean",
        kind=Kind.MEAN,
        unit="seconds",
        by=By.COUNTER,
        coverage="tickets",
        criteria=("Q4.4",),
        numerator="counter_service_ms",
        denominator="counter_tickets_timed",
        per=1000,
        label_en="Mean service time by counter",
        label_th="ระยะเวลาให้บริการเฉลี่ยรายช่องบริการ",
        definition_en="Service time of each ticket at each counter: its legs there, each from the last start, or where none was pressed the last call or recall, since the "
        "finish, transfer or hold before to its own finish, transfer or hold (whose it is: counter_tickets_finished); mean over the tickets that have any; at what the counter first did with the ticket. Spread is to be seen, nobody is ranked",
        definition_th="ระยะเวลาให้บริการของบัตรคิวแต่ละใบที่แต่ละช่องบริการ คือแต่ละช่วงตั้งแต่การเริ่มครั้งล่าสุด (หากไม่กดเริ่ม นับจากการเรียกหรือเรียกซ้ำครั้งล่าสุด) หลังการจบ ส่งต่อ หรือพักครั้งก่อน จนจบ ส่งต่อ หรือพัก (เป็นของช่องใดตาม counter_tickets_finished) "
        "เฉลี่ยต่อบัตรคิวที่มีเวลา ณ สิ่งแรกที่ช่องนั้นทำกับบัตร แสดงความแตกต่างโดยไม่จัดอันดับ",
        excludes_en="Ends before which the ticket was neither started nor called, tickets with a leg of more than 4 hours there, and ends that are no counter's",
        excludes_th="การจบที่ไม่มีการเริ่มหรือเรียกก่อน บัตรที่มีช่วงให้บริการที่ช่องนั้นเกิน 4 ชั่วโมง และการจบที่ไม่เป็นของช่องบริการใด",
    ),
    _count(
        "counter_tickets_not_started",
        "tickets",
        ("Q5.1",),
        "Called to the counter, never started",
        "เรียกแล้วไม่เริ่มบริการ",
        "Tickets called or recalled to the counter and neither started, finished, transferred nor held there: people who did not come, "
        "and calls that hide idle time; each once a counter",
        "บัตรคิวที่ช่องบริการเรียกหรือเรียกซ้ำ แต่ไม่เริ่ม จบ ส่งต่อ หรือพักที่ช่องนั้น คือผู้ไม่มา หรือการเรียกโดยไม่ได้ให้บริการ นับหนึ่งครั้งต่อช่องบริการ",
    ),
    KPI(
        name="counter_not_started_rate",
        kind=Kind.RATIO,
        unit="ratio",
        by=By.COUNTER,
        coverage="tickets",
        criteria=("Q5.1",),
        better=Better.LOWER,
        numerator="counter_tickets_not_started",
        denominator="counter_tickets_called",
        label_en="Share of tickets called and never started",
        label_th="สัดส่วนบัตรคิวที่เรียกแล้วไม่เริ่มบริการ",
        definition_en="counter_tickets_not_started ÷ tickets called or recalled to the counter",
        definition_th="counter_tickets_not_started ÷ บัตรคิวที่ช่องบริการเรียกหรือเรียกซ้ำ",
    ),
    KPI(
        name="counter_start_not_pressed_rate",
        kind=Kind.RATIO,
        unit="ratio",
        by=By.COUNTER,
        coverage="tickets",
        better=Better.LOWER,
        numerator="counter_starts_not_pressed",
        denominator="counter_tickets_ended",
        label_en="Share of services whose start was not pressed",
        label_th="สัดส่วนบริการที่ไม่ได้กดเริ่ม",
        definition_en="Of the tickets finished or transferred at the counter, those without a ticket.started there; their time is counted from the last call",
        definition_th="ในบัตรคิวที่จบหรือส่งต่อที่ช่องบริการ สัดส่วนที่ไม่มี ticket.started ที่ช่องนั้น ซึ่งนับเวลาจากการเรียกครั้งสุดท้าย",
    ),
    _of_site(
        "arrivals_per_open_counter_hour",
        "tickets",
        ("Q5.1", "Q5.2"),
        ("tickets_issued_counters_told", "counter_open_told_ms"),
        "Arrivals for each hour of an open counter",
        "ผู้มารับบริการต่อชั่วโมงที่ช่องบริการเปิด",
        "Tickets issued ÷ hours that counters told they were open (counter_open_told_ms of all counters)",
        "บัตรคิวที่ออก ÷ ชั่วโมงที่ช่องบริการทุกช่องแจ้งว่าเปิด (counter_open_told_ms)",
        _UNTOLD_EN,
        _UNTOLD_TH,
        times=HOUR_MS,
    ),
    _of_site(
        "arrivals_per_active_counter_hour",
        "tickets",
        ("Q5.1", "Q5.2"),
        ("tickets_issued_counters_active", "counter_active_quarters"),
        "Arrivals for each hour of a counter at work",
        "ผู้มารับบริการต่อชั่วโมงที่ช่องบริการทำงาน",
        "Tickets issued ÷ (counter_active_quarters of all counters ÷ 4): for centres whose counters do not tell when they are open",
        "บัตรคิวที่ออก ÷ (counter_active_quarters ทุกช่อง ÷ 4) สำหรับศูนย์ที่ช่องบริการไม่แจ้งเวลาเปิด",
        _IDLE_EN,
        _IDLE_TH,
        times=4,
    ),
    _of_site(
        "counter_load_told",
        "ratio",
        ("Q5.1",),
        ("work_counters_told_ms", "counter_open_told_ms"),
        "Load of open counters",
        "ภาระงานของช่องบริการที่เปิด",
        "Service time of tickets (all counters of a ticket together; legs as in counter_service_seconds_mean, whosever they are, those of more than 4 hours left out), by the quarter in which the ticket was issued (or first told of) ÷ "
        "counter_open_told_ms of all counters: arrivals × mean service time ÷ staffed time; above 1 where work waits",
        "เวลาให้บริการของบัตรคิว (รวมทุกช่องบริการ ช่วงให้บริการตาม counter_service_seconds_mean ไม่รวมช่วงที่เกิน 4 ชั่วโมง) ตามช่วง 15 นาทีที่ออกบัตร (หรือที่พบครั้งแรก) ÷ counter_open_told_ms ทุกช่อง "
        "เท่ากับผู้มารับบริการ × เวลาให้บริการเฉลี่ย ÷ เวลาที่มีเจ้าหน้าที่ เกิน 1 เมื่องานค้าง",
        _UNTOLD_EN,
        _UNTOLD_TH,
    ),
    _of_site(
        "counter_load_active",
        "ratio",
        ("Q5.1",),
        ("work_counters_active_ms", "counter_active_quarters"),
        "Load of counters at work",
        "ภาระงานของช่องบริการที่ทำงาน",
        "Service time of tickets, as in counter_load_told ÷ (counter_active_quarters of all counters × 15 minutes)",
        "เวลาให้บริการของบัตรคิว ตาม counter_load_told ÷ (counter_active_quarters ทุกช่อง × 15 นาที)",
        _IDLE_EN,
        _IDLE_TH,
        per=QUARTER_MS,
    ),
)
