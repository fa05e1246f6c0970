"""How rows of ticket KPIs are written: what they have in common, said once."""

from __future__ import annotations

from kpis.model import KPI, Better, Kind, Words

HOURS = ("hours", "other_hours", "windows", "holidays", "closed", "open")
"""Settings that say when a centre is open."""
OFFICIAL_HOURS = tuple(name for name in HOURS if name != "windows")
NO_SHOW = ("no_show_calls", "no_show_s")

DAY_OVER_EN = "a day is over when the cut-off, else the centre's last event of any kind, lies on a later one"
DAY_OVER_TH = "วันถือว่าสิ้นสุดเมื่อเวลาตัดยอด (หรือเหตุการณ์ล่าสุดของศูนย์) อยู่ในวันถัดไป"
IN_MS_EN = "in whole milliseconds rounded down"
IN_MS_TH = "เป็นมิลลิวินาทีเต็มปัดลง"
FIRST_WAIT_EN = (
    "wait: from issue to the first call or start; where the ticket was issued outside service hours and called at or after "
    "the next opening, from that opening"
)
FIRST_WAIT_TH = (
    "เวลารอ: ตั้งแต่ออกบัตรคิวจนเรียกครั้งแรก (หรือเริ่มให้บริการ) หากออกบัตรนอกเวลาให้บริการและเรียกหลังเปิดรอบถัดไป ให้นับตั้งแต่เวลาเปิด"
)
WAIT_EN = f"{FIRST_WAIT_EN}; {IN_MS_EN}"
WAIT_TH = f"{FIRST_WAIT_TH}; {IN_MS_TH}"
WAIT_LEFT_OUT_EN = "Tickets without issue or without call, and those called before their issue (ticket_wait_invalid)"
WAIT_LEFT_OUT_TH = "บัตรที่ไม่มีข้อมูลการออกบัตรหรือไม่ได้เรียก และบัตรที่เรียกก่อนเวลาออกบัตร (นับไว้ใน ticket_wait_invalid)"
SERVICE_LEFT_OUT_EN = (
    "Tickets with a service that nobody ended (tickets_service_forgotten), and those without any leg: none ended, or with "
    "neither start nor call before"
)
SERVICE_LEFT_OUT_TH = (
    "บัตรที่ลืมกดสิ้นสุดบริการ (นับไว้ใน tickets_service_forgotten) และบัตรที่ไม่มีช่วงบริการ คือไม่มีช่วงที่จบ หรือไม่มีทั้งการเริ่มและการเรียกก่อนจบ"
)


def count(
    name: str, criteria: tuple[str, ...], words: Words, *, unit: str = "tickets", better: Better = Better.NONE,
    settings: tuple[str, ...] = (),
) -> KPI:  # fmt: skip
    """A number of tickets, or of what happened to them; the measure has the name of the row."""
    return KPI(
        name=name, kind=Kind.COUNT, unit=unit, coverage="tickets", criteria=criteria, settings=settings, better=better,
        numerator=name, **words._asdict(),
    )  # fmt: skip


def ratio(
    name: str, criteria: tuple[str, ...], numerator: str, denominator: str, words: Words, *,
    better: Better = Better.HIGHER, settings: tuple[str, ...] = (), wall: int = 0,
) -> KPI:  # fmt: skip
    """A share of tickets."""
    return KPI(
        name=name, kind=Kind.RATIO, unit="ratio", coverage="tickets", criteria=criteria, settings=settings,
        better=better, numerator=numerator, denominator=denominator, wall=wall, **words._asdict(),
    )  # fmt: skip


def seconds_mean(
    name: str, criteria: tuple[str, ...], numerator: str, denominator: str, words: Words, *,
    better: Better = Better.LOWER, settings: tuple[str, ...] = (),
) -> KPI:  # fmt: skip
    """Milliseconds ÷ tickets, in seconds."""
    return KPI(
        name=name, kind=Kind.MEAN, unit="seconds", coverage="tickets", criteria=criteria, settings=settings,
        better=better, numerator=numerator, denominator=denominator, per=1000, **words._asdict(),
    )  # fmt: skip


_RANKS = {
    "p50": (0.5, "median", "มัธยฐาน"),
    "p90": (0.9, "90th percentile", "เปอร์เซ็นไทล์ที่ 90"),
    "p95": (0.95, "95th percentile", "เปอร์เซ็นไทล์ที่ 95"),
    "longest": (1.0, "longest", "นานที่สุด"),
}


def seconds_ranked(
    name: str, ranks: tuple[str, ...], criteria: tuple[str, ...], histogram: str, words: Words, *,
    better: Better = Better.LOWER, settings: tuple[str, ...] = (), wall: tuple[str, int] = ("", 0),
) -> tuple[KPI, ...]:  # fmt: skip
    """Quantiles of one histogram of whole seconds; `words` define what is ranked."""
    rows = []
    for rank in ranks:
        q, en, th = _RANKS[rank]
        of = words._replace(
            label_en=f"{words.label_en}, {en}",
            label_th=f"{words.label_th} {th}",
            definition_en=f"{en[0].upper()}{en[1:]} (nearest rank) in whole seconds rounded up; {words.definition_en}",
            definition_th=f"{th} (ลำดับใกล้สุด) เป็นวินาทีปัดขึ้น; {words.definition_th}",
        )
        rows.append(
            KPI(
                name=f"{name}_{rank}", kind=Kind.QUANTILE, unit="seconds", coverage="tickets", criteria=criteria,
                settings=settings, better=better, histogram=histogram, q=q, wall=wall[1] if rank == wall[0] else 0,
                **of._asdict(),
            )
        )  # fmt: skip
    return tuple(rows)
