"""KPIs of presence and of the quality of data; the measures are in presence.py, coverage.py and devices.py."""

from __future__ import annotations

from kpis.model import KPI, Better, By, Kind

_CALENDAR = ("hours", "lunch", "holidays", "closed", "open", "other_hours", "windows")
_SOURCES_EN = (
    "For each source that ever told of {of} and each local day from the site's first event to the cut-off: expected is the "
    "service time of that day (the whole day where no hours are declared; the last day as far as the cut-off); covered is 0 "
    "on a day on which the source told nothing at all, else the expected time less recorded gaps and less the time after "
    "a device was told offline until its next event, as in device availability; both in whole milliseconds, rounded down. "
    "An event tells of the kind that its type begins with; wrap-ups and calls that the centre placed tell of none"
)
_SOURCES_TH = (
    "สำหรับแต่ละแหล่งข้อมูลที่เคยส่งข้อมูล{of}และแต่ละวันตั้งแต่เหตุการณ์แรกของศูนย์ถึงเวลาตัดข้อมูล: เวลาที่คาดหวังคือเวลาให้บริการของวันนั้น "
    "(ทั้งวันหากไม่ประกาศเวลา) เวลาที่ครอบคลุมเป็น 0 ในวันที่แหล่งข้อมูลไม่ส่งข้อมูลใดเลย มิฉะนั้นคือเวลาที่คาดหวังหักช่วงที่บันทึกว่าไม่มีข้อมูลและช่วงที่อุปกรณ์ออฟไลน์ ทั้งสองเป็นมิลลิวินาทีปัดลง "
    "เหตุการณ์เป็นข้อมูลของประเภทตามคำขึ้นต้นของชนิดเหตุการณ์ ยกเว้นเวลาสรุปงานหลังสายและสายที่ศูนย์โทรออก"
)
_KINDS = (
    ("calls", "calls", "สายโทรศัพท์"),
    ("tickets", "tickets", "บัตรคิว"),
    ("votes", "votes", "การประเมินความพึงพอใจ"),
    ("conversations", "conversations", "บทสนทนาออนไลน์"),
    ("cases", "cases", "เรื่องที่รับ"),
)
_OF_RECEIPT_EN = "Counted in the quarter of an hour in which they came, by source"
_OF_RECEIPT_TH = "นับตามช่วง 15 นาทีที่ได้รับข้อมูล จำแนกตามแหล่งข้อมูล"
_LATE_EN = (
    "Seconds rounded up, above a minute to whole minutes, above an hour to whole hours, above a day to whole days. "
    + _OF_RECEIPT_EN
)
_LATE_TH = "เป็นวินาทีปัดขึ้น เกินหนึ่งนาทีปัดเป็นนาที เกินหนึ่งชั่วโมงปัดเป็นชั่วโมง เกินหนึ่งวันปัดเป็นวัน " + _OF_RECEIPT_TH
_AHEAD_EN = "Events whose own time is later than their receipt"
_AHEAD_TH = "ไม่นับเหตุการณ์ที่เวลาอยู่หลังเวลาที่ได้รับ"


def _share(name: str, part: str, whole: str, **more: object) -> KPI:
    """A share of time: no sample, so it has no interval."""
    return KPI(
        name=name, kind=Kind.MEAN, unit="ratio", by=By.DEVICE, better=Better.HIGHER, numerator=part, denominator=whole,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


KPIS: tuple[KPI, ...] = (
    _share(
        "completeness_rate",
        "coverage_ms",
        "coverage_expected_ms",
        criteria=("Q15.2",),
        settings=_CALENDAR,
        label_en="Completeness of data",
        label_th="ความครบถ้วนของข้อมูล",
        definition_en="Service time that the sources told of ÷ service time, over calls, tickets, votes, conversations and cases together. "
        + _SOURCES_EN.format(of="one of these kinds")
        + ". Sources of one telephone system are one for calls: a moment is missing only where each of them that told anything that day misses it",
        definition_th="เวลาให้บริการที่มีข้อมูล ÷ เวลาให้บริการ รวมสายโทรศัพท์ บัตรคิว การประเมิน บทสนทนา และเรื่องที่รับ "
        + _SOURCES_TH.format(of="ประเภทใดประเภทหนึ่ง"),
        excludes_en="Sources that never told anything",
        excludes_th="ไม่นับแหล่งข้อมูลที่ไม่เคยส่งข้อมูล",
    ),
    *(
        _share(
            f"coverage_{kind}_rate",
            f"coverage_{kind}_ms",
            f"coverage_{kind}_expected_ms",
            criteria=("Q15.2",),
            settings=_CALENDAR,
            label_en=f"Coverage of {en}",
            label_th=f"ความครอบคลุมของข้อมูล{th}",
            definition_en=f"Service time that the sources of {en} told of ÷ service time. "
            + _SOURCES_EN.format(of=en)
            + (
                ". Sources of one telephone system are one: a moment is missing only where each of them that told anything that day misses it"
                if kind == "calls"
                else ""
            ),
            definition_th=f"เวลาให้บริการที่มีข้อมูล{th} ÷ เวลาให้บริการ "
            + _SOURCES_TH.format(of=th)
            + (" แหล่งข้อมูลของตู้สาขาเดียวกันนับเป็นหนึ่ง" if kind == "calls" else ""),
            excludes_en="Sources that never told anything of them",
            excludes_th="ไม่นับแหล่งข้อมูลที่ไม่เคยส่งข้อมูลประเภทนี้",
        )
        for kind, en, th in _KINDS
    ),
    _share(
        "device_availability_rate",
        "device_up_ms",
        "device_expected_ms",
        criteria=("Q14.2", "Q16.1", "P11", "P13"),
        settings=("silent_s", *_CALENDAR),
        label_en="Device availability in service hours",
        label_th="ความพร้อมใช้งานของอุปกรณ์ในเวลาให้บริการ",
        definition_en="Service time in which devices were up ÷ service time since the first event of each device, until the cut-off. A device is a source that ever sent a device.* event. It is down from a device.offline until its next event; and, if it ever sent a heartbeat, from {silent_s} s after any event of it until the next. Times are whole milliseconds, rounded down; of one millisecond an offline comes last",
        definition_th="เวลาให้บริการที่อุปกรณ์ใช้งานได้ ÷ เวลาให้บริการนับจากเหตุการณ์แรกของอุปกรณ์ถึงเวลาตัดข้อมูล ถือว่าใช้ไม่ได้ตั้งแต่แจ้งออฟไลน์จนมีเหตุการณ์ถัดไป และเมื่ออุปกรณ์ที่ส่งสัญญาณชีพเงียบเกิน {silent_s} วินาที เวลาเป็นมิลลิวินาทีปัดลง หากเกิดในมิลลิวินาทีเดียวกันถือว่าออฟไลน์อยู่หลังสุด",
        excludes_en="Telephone logs and other sources without device events; their coverage is its own figure",
        excludes_th="ไม่นับแหล่งข้อมูลที่ไม่ใช่อุปกรณ์ ซึ่งมีความครอบคลุมแสดงแยกไว้",
    ),
    KPI(
        name="device_incidents",
        kind=Kind.COUNT,
        unit="incidents",
        by=By.DEVICE,
        criteria=("Q14.2", "Q16.1"),
        settings=("silent_s", *_CALENDAR),
        better=Better.LOWER,
        numerator="device_incidents",
        label_en="Device failures",
        label_th="เหตุขัดข้องของอุปกรณ์",
        definition_en="Times in which a device was down, as in device availability, with at least one millisecond of service time in them; times that touch are one; each stands where it began",
        definition_th="จำนวนครั้งที่อุปกรณ์ใช้งานไม่ได้ในเวลาให้บริการ ช่วงที่ต่อเนื่องกันนับเป็นครั้งเดียว นับ ณ เวลาที่เริ่ม",
        excludes_en="Down times wholly outside service hours, such as devices switched off at night",
        excludes_th="ไม่นับช่วงที่ใช้งานไม่ได้นอกเวลาให้บริการ เช่น ปิดเครื่องตอนกลางคืน",
    ),
    KPI(
        name="device_repair_seconds_mean",
        kind=Kind.MEAN,
        unit="seconds",
        by=By.DEVICE,
        criteria=("Q14.2",),
        settings=("silent_s", *_CALENDAR),
        better=Better.LOWER,
        numerator="device_repair_ms",
        denominator="device_incidents_over",
        per=1000,
        label_en="Mean time to repair",
        label_th="เวลาเฉลี่ยในการแก้ไขอุปกรณ์ขัดข้อง",
        definition_en="Service time from the beginning of a device failure to the device's next event, mean over failures that are over",
        definition_th="เวลาให้บริการตั้งแต่อุปกรณ์ขัดข้องจนกลับมาใช้งาน เฉลี่ยต่อเหตุที่แก้ไขแล้ว",
        excludes_en="Failures that last at the cut-off; they count as failures",
        excludes_th="ไม่นับเหตุที่ยังไม่สิ้นสุด ณ เวลาตัดข้อมูล ซึ่งนับอยู่ในเหตุขัดข้อง",
    ),
    KPI(
        name="freshness_seconds_mean",
        kind=Kind.MEAN,
        unit="seconds",
        by=By.DEVICE,
        criteria=("Q15.2",),
        better=Better.LOWER,
        numerator="delay_ms",
        denominator="events_timed",
        per=1000,
        label_en="Delay of data, mean",
        label_th="ความล่าช้าของข้อมูลเฉลี่ย",
        definition_en="From when an event happened to when it was received, mean over events taken. " + _OF_RECEIPT_EN,
        definition_th="ตั้งแต่เกิดเหตุการณ์จนได้รับข้อมูล เฉลี่ยต่อเหตุการณ์ที่รับ " + _OF_RECEIPT_TH,
        excludes_en=_AHEAD_EN,
        excludes_th=_AHEAD_TH,
    ),
    *(
        KPI(
            name=f"freshness_seconds_{name}",
            kind=Kind.QUANTILE,
            unit="seconds",
            by=By.DEVICE,
            criteria=("Q15.2",),
            better=Better.LOWER,
            histogram="delay_s",
            q=q,
            label_en=f"Delay of data, {en}",
            label_th=f"ความล่าช้าของข้อมูล {th}",
            definition_en=f"{en[0].upper()}{en[1:]} (nearest rank) of the time from when an event happened to when it was received, over events taken. {_LATE_EN}",
            definition_th=f"{th} (ลำดับใกล้สุด) ของเวลาตั้งแต่เกิดเหตุการณ์จนได้รับข้อมูล {_LATE_TH}",
            excludes_en=_AHEAD_EN,
            excludes_th=_AHEAD_TH,
        )
        for name, q, en, th in (("p50", 0.5, "median", "มัธยฐาน"), ("p95", 0.95, "95th percentile", "เปอร์เซ็นไทล์ที่ 95"))
    ),
    KPI(
        name="validity_rate",
        kind=Kind.RATIO,
        unit="ratio",
        by=By.DEVICE,
        criteria=("Q15.2",),
        better=Better.HIGHER,
        numerator="events_taken",
        denominator="records_read",
        label_en="Valid data",
        label_th="ความถูกต้องของข้อมูล",
        definition_en="Events taken ÷ (events taken + records refused). " + _OF_RECEIPT_EN,
        definition_th="เหตุการณ์ที่รับ ÷ (เหตุการณ์ที่รับ + รายการที่ปฏิเสธ) " + _OF_RECEIPT_TH,
        excludes_en="Repeats, and well-formed records that say nothing of use; refused records of no known site",
        excludes_th="ไม่นับข้อมูลซ้ำ รายการที่ไม่เกี่ยวข้อง และรายการที่ปฏิเสธซึ่งไม่ทราบศูนย์",
    ),
    KPI(
        name="duplicates_rate",
        kind=Kind.RATIO,
        unit="ratio",
        by=By.DEVICE,
        criteria=("Q15.2",),
        better=Better.LOWER,
        numerator="events_repeated",
        denominator="events_received",
        label_en="Repeated data",
        label_th="สัดส่วนข้อมูลซ้ำ",
        definition_en="Events that were known already ÷ events received, known ones included; none is counted twice anywhere. "
        + _OF_RECEIPT_EN,
        definition_th="เหตุการณ์ที่ได้รับซ้ำ ÷ เหตุการณ์ที่ได้รับทั้งหมด ข้อมูลซ้ำไม่ถูกนับซ้ำในตัวชี้วัดใด " + _OF_RECEIPT_TH,
        excludes_en="The time before repeats were kept by quarter of an hour",
        excludes_th="ไม่นับช่วงเวลาก่อนมีการบันทึกข้อมูลซ้ำ",
    ),
    KPI(
        name="sequence_missing",
        kind=Kind.COUNT,
        unit="events",
        by=By.DEVICE,
        criteria=("Q15.2",),
        better=Better.LOWER,
        numerator="sequence_missing",
        label_en="Numbers missing from sequences",
        label_th="ลำดับข้อมูลที่ขาดหาย",
        definition_en="Numbers of the devices' own count that never came, at the time of the last event before the hole",
        definition_th="ลำดับที่ของอุปกรณ์ซึ่งไม่เคยได้รับ นับ ณ เวลาของเหตุการณ์สุดท้ายก่อนช่วงที่ขาด",
    ),
    KPI(
        name="events_lost_reported",
        kind=Kind.COUNT,
        unit="events",
        by=By.DEVICE,
        criteria=("Q15.2",),
        better=Better.LOWER,
        numerator="events_lost_reported",
        label_en="Events that devices say they lost",
        label_th="เหตุการณ์ที่อุปกรณ์แจ้งว่าสูญหาย",
        definition_en="Sum of the numbers in gap.reported events; one without a number adds nothing",
        definition_th="ผลรวมจำนวนเหตุการณ์ที่อุปกรณ์แจ้งว่าสูญหาย",
    ),
    KPI(
        name="clock_offset_seconds_p50",
        kind=Kind.QUANTILE,
        unit="seconds",
        by=By.DEVICE,
        criteria=("Q15.2",),
        better=Better.LOWER,
        histogram="clock_offset_s",
        q=0.5,
        label_en="Clock offset, median",
        label_th="ความคลาดเคลื่อนของนาฬิกา มัธยฐาน",
        definition_en="Median (nearest rank), over devices and local quarters of an hour in which one told its offset in device.online or device.heartbeat, of the largest offset that it told, ahead or behind, in seconds rounded up",
        definition_th="มัธยฐาน (ลำดับใกล้สุด) ของความคลาดเคลื่อนมากที่สุดที่อุปกรณ์แจ้งในแต่ละช่วง 15 นาที ไม่ว่าเร็วหรือช้า เป็นวินาทีปัดขึ้น",
        excludes_en="Sources that do not tell their offset",
        excludes_th="ไม่นับแหล่งข้อมูลที่ไม่แจ้งความคลาดเคลื่อน",
    ),
    KPI(
        name="clock_off_rate",
        kind=Kind.RATIO,
        unit="ratio",
        by=By.DEVICE,
        criteria=("Q15.2",),
        better=Better.LOWER,
        numerator="clock_quarters_off",
        denominator="clock_quarters",
        label_en="Quarter-hours with a clock off",
        label_th="สัดส่วนช่วงเวลาที่นาฬิกาคลาดเคลื่อน",
        definition_en="Quarters of an hour in which a device told an offset of more than 2 s, or that its clock is not synchronised ÷ quarters of an hour in which it told either its offset or whether it is synchronised",
        definition_th="ช่วง 15 นาทีที่อุปกรณ์แจ้งว่านาฬิกาคลาดเคลื่อนเกิน 2 วินาทีหรือไม่ได้ปรับเทียบ ÷ ช่วง 15 นาทีที่อุปกรณ์แจ้งสถานะนาฬิกา",
        excludes_en="Sources that tell neither",
        excludes_th="ไม่นับแหล่งข้อมูลที่ไม่แจ้งสถานะนาฬิกา",
    ),
)
