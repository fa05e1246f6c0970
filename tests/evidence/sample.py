"""A made report with everything that a document can hold, in both languages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from telemetry.evidence.model import (
    Centre,
    Chart,
    ClockOffset,
    Count,
    Coverage,
    DefinitionRow,
    Gap,
    Gate,
    Holiday,
    IndexRow,
    KpiRow,
    Mark,
    Memo,
    Now,
    Origin,
    Quality,
    Report,
    SealState,
    Series,
    Sheet,
    Surprise,
    Target,
    TargetRow,
    fiscal_year,
)
from telemetry.evidence.wording import Say

BANGKOK = timezone(timedelta(hours=7))
CUT_OFF = datetime(2026, 11, 20, 9, 5, tzinfo=BANGKOK)
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ITEM_TH = (
    "๒๐.๒ มีมาตรฐานในการให้บริการของ Call Center โดยเจ้าหน้าที่รับโทรศัพท์เมื่อโทรศัพท์ดังไม่เกิน ๓ ครั้ง "
    "สายหลุดไปไม่สามารถรับได้ในการติดต่อครั้งแรกไม่เกินร้อยละ ๕ และการให้บริการได้สำเร็จในการติดต่อครั้งแรก "
    "ณ จุดเดียวไม่น้อยกว่าร้อยละ ๘๐ ที่ ปี่ ปี้ น้ำ ผู้ ก็ ฐุ ญุ ครั้งแรก ประจำปี"
)
MONTHS = tuple(date(2025 + m // 12, m % 12 + 1, 1) for m in range(9, 21))


def words(lang: str, th: str, en: str) -> str:
    return th if lang == "th" else en


def kpis(lang: str) -> tuple[KpiRow, ...]:
    def w(th: str, en: str) -> str:
        return words(lang, th, en)

    return (
        KpiRow(
            "answered_within_3_rings_rate", w("สัดส่วนสายที่รับภายใน ๓ ครั้ง", "Answered within three rings"), "ratio",
            "higher", 0.93412, 18204, numerator=17005, denominator=18204, ci_low=0.9304, ci_high=0.9377,
            targets=(Target(0.9), Target(0.92, date(2026, 1, 1), w("คำสั่งที่ ๑๒/๒๕๖๙", "order 12/2569"))),
            coverage=0.9931, verdict="met",
        ),
        KpiRow(
            "abandoned_call_rate", w("อัตราสายหลุดในการติดต่อครั้งแรก", "Calls lost"), "ratio", "lower", 0.05004, 19160,
            numerator=959, denominator=19160, ci_low=0.047, ci_high=0.0532, targets=(Target(0.05),), coverage=0.9931,
            verdict="not_met",
        ),
        KpiRow(
            "first_contact_resolution_rate",
            w("อัตราการให้บริการสำเร็จในการติดต่อครั้งแรก", "First-contact resolution"),
            "ratio", "higher", 0.84, 25, numerator=21, denominator=25, ci_low=0.653, ci_high=0.936,
            targets=(Target(0.8),), coverage=0.9931, verdict="insufficient_data",
        ),
        KpiRow(
            "call_wait_seconds_p90", w("ระยะเวลารอสาย เปอร์เซ็นไทล์ที่ ๙๐", "Waiting time, P90"), "seconds", "lower", 74.0,
            18204, targets=(Target(60.0),), coverage=0.9931, verdict="not_met",
        ),
        KpiRow("calls_offered", w("สายเข้าทั้งหมด", "Calls offered"), "calls", "none", 19160.0, 19160),
        KpiRow("vote_mean", w("คะแนนเฉลี่ย", "Mean score"), "number", "higher", None, 0, targets=(Target(4.0),)),
        KpiRow("few", w("กลุ่มที่มีผู้รับบริการน้อย", "A group of few"), "ratio", "higher", 1.0, 4, ci_low=0.5, ci_high=1.0),
    )  # fmt: skip


def charts(lang: str) -> tuple[Chart, ...]:
    say = Say(lang)

    def w(th: str, en: str) -> str:
        return words(lang, th, en)

    months = tuple(say.month(m) for m in MONTHS)
    hours = tuple(f"{h:02}" for h in range(8, 18))
    lost = (0.041, 0.047, 0.052, 0.062, 0.049, None, 0.038, 0.036, 0.051, 0.5, 0.033, 0.031)
    n = (1510, 1402, 1603, 1822, 1400, 0, 1650, 1700, 1555, 4, 1610, 1498)
    return (
        Chart(
            "lines", w("อัตราสายหลุดรายเดือน เทียบค่าเป้าหมายไม่เกินร้อยละ ๕", "Lost calls by month against at most 5%"),
            "ratio", months, (Series(w("อัตราสายหลุด", "lost calls"), lost, n),), labels_name=w("เดือน", "month"),
            targets=(0.06,) * 3 + (0.05,) * 9, change=3, change_words=w("เปิดใช้ตู้สาขาใหม่", "new PBX"),
        ),
        Chart(
            "bars", w("จำนวนครั้งที่โทรศัพท์ดังก่อนรับสาย", "Rings before the answer"), "calls",
            ("1", "2", "3", "4", "5+"), (Series(w("สายที่รับ", "answered calls"), (9010, 5207, 2788, 840, 359)),),
            labels_name=w("จำนวนครั้งที่ดัง", "rings"),
        ),
        Chart(
            "bars", w("อัตราสายหลุดจำแนกตามชั่วโมง", "Lost calls by hour"), "ratio", hours,
            (Series(w("อัตราสายหลุด", "lost calls"),
                    (0.02, 0.04, 0.071, 0.08, 0.095, 0.06, 0.03, 0.03, 0.025, 0.25), (900,) * 9 + (4,)),),
            labels_name=w("ชั่วโมง", "hour"), targets=(0.05,) * 10,
        ),
        Chart(
            "lines", w("ระยะเวลารอคอย (มัธยฐานและเปอร์เซ็นไทล์ที่ ๙๐) รายเดือน", "Waiting time (median and P90) by month"),
            "seconds", months,
            (
                Series(w("มัธยฐาน", "median"), (312, 330, 342, 401, 380, 310, 295, 288, 305, 322, 300, 290), (2000,) * 12),
                Series("P90", (1210, 1190, 1330, 1601, 1480, 1170, 1050, 1020, 1100, 1190, 1010, 980), (2000,) * 12),
            ),
            labels_name=w("เดือน", "month"), targets=(1200.0,) * 12,
        ),
        Chart(
            "map", w("ผู้รับบริการและช่องบริการที่เปิด จำแนกตามช่วงเวลา", "Arrivals and open counters by hour"), "number",
            hours,
            tuple(
                Series(day, tuple(6.0 + 3 * ((h * 7 + d) % 9) for h in range(10)), (50,) * 9 + (3,),
                       beside=tuple(float(2 + (h % 3)) for h in range(10)))
                for d, day in enumerate(w("จันทร์ อังคาร พุธ พฤหัสบดี ศุกร์", "Mon Tue Wed Thu Fri").split())
            ),
            labels_name=w("วัน", "day"), unit_words=w("ผู้รับบริการต่อชั่วโมง", "arrivals an hour"),
            beside_words=w("ช่องบริการที่เปิด", "open counters"),
        ),
        Chart(
            "stacked", w("ระดับความพึงพอใจ จำแนกตามประเด็น", "Satisfaction by question"), "ratio",
            (
                w("ความสุภาพของเจ้าหน้าที่ผู้ให้บริการ", "Courtesy of staff"), w("ความรวดเร็ว", "Speed"),
                w("ความชัดเจนของข้อมูลที่ได้รับและขั้นตอน", "Clearness of information and steps"),
            ),
            tuple(
                Series(name, values, (410, 405, 398))
                for name, values in zip(
                    w("มากที่สุด มาก ปานกลาง น้อย น้อยที่สุด", "very-good good fair poor very-poor").split(),
                    ((0.52, 0.41, 0.45), (0.31, 0.33, 0.3), (0.1, 0.16, 0.15), (0.05, 0.06, 0.06), (0.02, 0.04, 0.04)),
                    strict=True,
                )
            ),
            labels_name=w("ประเด็น", "question"),
        ),
        Chart(
            "across", w("ร้อยละการตอบกลับภายในมาตรฐาน จำแนกตามช่องทาง", "Replies within the standard by channel"), "ratio",
            ("LINE", "Facebook", w("ไปรษณีย์อิเล็กทรอนิกส์", "E-mail"), w("กระดานถาม–ตอบ", "Web board")),
            (Series(w("ภายในมาตรฐาน", "within the standard"), (0.96, 0.88, 0.71, None), (820, 412, 133, 0)),),
            labels_name=w("ช่องทาง", "channel"), targets=(0.9, 0.9, 0.8, None),
        ),
        Chart(
            "grouped", w("ข้อร้องเรียนที่รับและที่ยุติ รายเดือน", "Complaints received and settled by month"), "cases", months,
            (
                Series(w("รับ", "received"), (12, 9, 14, 17, 8, 11, 3, 9, 10, 12, 7, 6), (12, 9, 14, 17, 8, 11, 3, 9, 10, 12, 7, 6)),
                Series(w("ยุติ", "settled"), (10, 9, 12, 15, 11, 10, 6, 8, 9, 12, 8, 6), (10, 9, 12, 15, 11, 10, 6, 8, 9, 12, 8, 6)),
            ),
            labels_name=w("เดือน", "month"),
        ),
    )  # fmt: skip


def sheet(lang: str) -> Sheet:
    def w(th: str, en: str) -> str:
        return words(lang, th, en)

    return Sheet(
        item="๒๐.๒", id="Q20.2", heading=w("มาตรฐานในการให้บริการของ Call Center", "Standard of the call centre"), text=ITEM_TH,
        kind="direct", rows=kpis(lang), charts=charts(lang),
        summary="The call centre answers within three rings, loses at most 5% and resolves at least 80% at first contact.",
        declared=(w("ประกาศศูนย์ ฉบับที่ ๒ ลงวันที่ ๑ ตุลาคม ๒๕๖๘", "Announcement 2 of 1 October 2025"),),
        method=(
            w(
                "สัดส่วนสายที่รับภายใน 3 ครั้ง คือ จำนวนสายที่รับภายใน 3 รอบสัญญาณ หารด้วยจำนวนสายที่รับและทราบจำนวนครั้งที่ดัง "
                "(answered_within_3_rings ÷ calls_ring_known) หนึ่งรอบสัญญาณเท่ากับ 5 วินาที",
                "Calls answered within three rings ÷ answered calls whose rings are known "
                "(answered_within_3_rings ÷ calls_ring_known). One ring is 5 seconds.",
            ),
            w("สายหลุด คือ สายที่วางก่อนมีผู้รับในเวลาให้บริการ", "A call is lost when it ends unanswered in service hours."),
        ),
        exclusions=(Count(w("สายทดสอบ", "test calls"), 12), Count(w("สายนอกเวลาให้บริการ", "calls outside hours"), 1304)),
        limits=(w("ไม่ทราบหมายเลขผู้โทรร้อยละ 3.2 ของสาย", "The caller is unknown in 3.2% of calls."),),
        coverage=(Coverage("pbx-1", w("ตู้สาขาโทรศัพท์", "PBX"), 7_200_000, 7_150_320),),
        gaps=(
            Gap("downtime", "pbx-1", day=date(2026, 3, 4), n=None, detail=w("09.10 – 10.25 น.", "09:10 – 10:25")),
            Gap("turned_away", "", day=date(2026, 3, 5), n=7, detail=w("คิวเต็ม", "queue was full")),
        ),
        origins=(Origin("pbx-1", w("บันทึกคิว Asterisk", "Asterisk queue_log"), "20.5", "04_ข้อมูลดิบ/calls.csv", "1–96,410"),),
    )  # fmt: skip


def report(lang: str = "th", *, provisional: bool = False) -> Report:
    def w(th: str, en: str) -> str:
        return words(lang, th, en)

    period = fiscal_year(2569)
    rows = kpis(lang)
    one = sheet(lang)
    holidays = (Holiday(date(2025, 10, 13), w("วันนวมินทรมหาราช", "King Bhumibol Memorial Day")),
                Holiday(date(2025, 12, 5), w("วันพ่อแห่งชาติ", "Father's Day")))  # fmt: skip
    day_coverage = tuple(
        Coverage(source, w("เครื่องออกบัตรคิว", "kiosk"), 28_800, 28_800 - 1_000 * (m % 3), month)
        for source in ("kiosk-1", "counter-2")
        for m, month in enumerate(MONTHS)
    )
    return Report(
        lang=lang,
        centre=Centre("chiangmai", w("ศูนย์ราชการสะดวกจังหวัดเชียงใหม่", "Chiang Mai Service Centre"),
                      w("ที่ทำการปกครองจังหวัดเชียงใหม่", "Provincial Administration"), w("เชียงใหม่", "Chiang Mai")),
        period=type(period)(period.kind, period.first, period.last, 243, holidays),
        cut_off=CUT_OFF,
        provisional=provisional,
        mark=Mark("K7QM-2R4X", HASH),
        standard=w("เกณฑ์การรับรองมาตรฐานศูนย์ราชการสะดวก พ.ศ. 2562", "GECC certification criteria, BE 2562"),
        index=(
            IndexRow("๒๐.๒", one.heading, "direct", "02_รายเกณฑ์/Q20.2.pdf", 4, "not_met"),
            IndexRow("๔.๑", w("การจัดลำดับขั้นตอนการบริการที่ง่าย", "Easy order of steps"), "partly", "02_รายเกณฑ์/Q4.1.pdf", 3, "met"),
            IndexRow("๑.๒", w("ระบบขนส่งที่เข้าถึงสถานที่บริการ", "Public transport"), "document"),
            IndexRow("๖.๔", w("ความพึงพอใจ", "Satisfaction"), "direct", "02_รายเกณฑ์/Q6.4.pdf", 2, "insufficient_data"),
        ),
        gates=(Gate(w("เกณฑ์ขั้นพื้นฐาน", "Basic criteria"), 30, 12, 9, 1, 2, 30, 9, w("ต้องผ่านทุกข้อ", "all of them")),),
        summary=rows,
        sheets=(one,),
        monthly=tuple(
            KpiRow("calls_offered", w("สายเข้าทั้งหมด", "Calls offered"), "calls", "none", 1500.0 + i, 1500 + i, first=m,
                   last=m + timedelta(days=27))
            for i, m in enumerate(MONTHS)
        ),
        hourly=tuple(
            KpiRow("calls_offered", w("สายเข้าทั้งหมด", "Calls offered"), "calls", "none", 100.0 + h, 100 + h, hour=h)
            for h in range(8, 17)
        ),
        groups=(("calls", rows), ("tickets", (rows[3],))),
        quality=Quality(
            coverage=(Coverage("kiosk-1", w("เครื่องออกบัตรคิว", "kiosk"), 7_200_000, 7_150_320), *day_coverage),
            gaps=one.gaps * 40,
            rejected=(Count(w("เวลาอ่านไม่ได้", "unreadable time"), 3),),
            late=(Count("pbx-1", 120),),
            clocks=(ClockOffset("kiosk-1", 120.0, 840.5, 1), ClockOffset("pbx-1", None, None, 0)),
            corrections=(Gap("correction", "kiosk-1", day=date(2026, 2, 2), detail=w("ยกเลิกบัตรซ้ำ", "ticket doubled"),
                             who=w("หัวหน้าช่องบริการ", "head of counters"), why=w("พิมพ์ซ้ำ", "printed twice")),),
            notes=(w("ปุ่มประเมินเป็นการเลือกตอบโดยสมัครใจ ไม่ใช่การสุ่มตัวอย่าง", "Votes are by choice, not a random sample."),),
        ),
        seal=SealState(365, 2, period.first, period.last, HASH, (date(2026, 9, 30),) if provisional else ()),
        targets=(
            TargetRow("abandoned_call_rate", rows[1].label, "ratio", "lower", 0.06, None, date(2025, 12, 31), ""),
            TargetRow("abandoned_call_rate", rows[1].label, "ratio", "lower", 0.05, date(2026, 1, 1), None,
                      w("คำสั่งที่ ๑๒/๒๕๖๙", "order 12/2569")),
        ),
        definitions=tuple(
            DefinitionRow(row.kpi, row.label, w("สายโทรศัพท์", "Calls"), one.method[0],
                          ((w("สูตร", "Formula"), "calls_lost ÷ calls_offered"), (w("หน่วย", "Unit"), say_unit(lang, row.unit))))
            for row in rows
        ),
        versions=(("gecc-telemetry", "0.1.0"), ("typst", "0.15.2")),
        memo=Memo(w("ผู้ว่าราชการจังหวัดเชียงใหม่", "The Governor"), w("รายงานผลการให้บริการประจำเดือน", "Monthly results"),
                  paragraphs=(w("สายหลุดเกินค่าเป้าหมาย 1 เดือน เพราะตู้สาขาขัดข้อง 75 นาที",
                                "Calls lost were beyond the target in one month because the PBX failed for 75 minutes."),),
                  rows=rows[:4], charts=charts(lang)[:1]),
        surprise=Surprise(CUT_OFF, (Now(w("ผู้รับบริการที่รออยู่", "People waiting"), "14"), Now(w("ช่องบริการที่เปิด", "Open counters"), "3")),
                          rows[:4], charts(lang)[3:6]),
    )  # fmt: skip


def say_unit(lang: str, unit: str) -> str:
    return Say(lang).unit(unit)


assert CUT_OFF.astimezone(UTC).hour == 2
