"""What must be known of the data before a figure is trusted, from the sealed ledgers of the period's days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from telemetry.evidence.model import Count, Coverage, Gap, Holiday, Origin, Period, Quality, SealState
from telemetry.evidence.records import RECORDS
from telemetry.evidence.sealed import AROUND_DAYS, Sealed
from telemetry.evidence.terms import SealedTerms
from telemetry.hours import days_of, public_holidays
from telemetry.settings import Site
from telemetry.text import words

_NO_GAPS = ("coverage", "rejected", "late", "repeated", "correction")
"""Kinds of the ledger that are told in tables of their own, or need none."""


def quality_of(found: Sealed, lang: str) -> Quality:
    """Of the days of the period; what stands in the ledgers of two days is told once."""
    text = words(lang, "scorecard")
    ledgers = [(day, found.gaps[day]) for day in sorted(found.gaps) if found.first <= day <= found.last]
    rejected, late = defaultdict[str, int](int), defaultdict[str, int](int)
    days, whole = list[Coverage](), defaultdict[str, list[int]](lambda: [0, 0])
    gaps = dict[tuple[Any, ...], Gap]()
    for day, rows in ledgers:
        for row in rows:
            kind, source = row["kind"], row["source"]
            if kind == "coverage":
                expected, covered = row["expected_ms"], row["covered_ms"]
                days.append(Coverage(source, text["coverage_kind"], expected / 1000, covered / 1000, day))
                whole[source][0] += expected
                whole[source][1] += covered
            elif kind == "rejected":
                rejected[row["detail"]] += row["n"]
            elif kind == "late":
                late[source] += row["n"]
            elif kind not in _NO_GAPS:
                one = _gap(row, day)
                gaps.setdefault((one.kind, one.source, one.first_us, one.last_us or day, one.detail), one)
    notes = [text["note_votes"], text["note_around"].format(days=AROUND_DAYS)]
    begins = min(one.checkpoint.day for one in found.chain)
    if begins > found.first:
        notes.append(text["note_begins"].format(day=begins))
    if changed := found.terms.changed(found.first, found.last):
        notes.append(text["note_changed"].format(days=", ".join(map(str, changed))))
    if found.unsealed:
        notes.append(text["note_unsealed"].format(days=", ".join(map(str, found.unsealed))))
    totals = [Coverage(s, text["coverage_kind"], a / 1000, b / 1000) for s, (a, b) in sorted(whole.items())]
    return Quality(
        coverage=(*totals, *days),
        gaps=tuple(gaps.values()),
        rejected=tuple(Count(reason, n) for reason, n in sorted(rejected.items())),
        late=tuple(Count(source, n) for source, n in sorted(late.items())),
        corrections=tuple(
            _correction(row, day, lang) for day, row in found.corrections if found.first <= day <= found.last
        ),
        notes=tuple(notes),
    )


def seal_of(found: Sealed) -> SealState:
    """What of the period is sealed."""
    own = [one.checkpoint for one in found.inside if found.first <= one.checkpoint.day <= found.last]
    days = sorted({c.day for c in own})
    return SealState(
        days=len(days), amendments=sum(c.amendment > 0 for c in own), first=days[0] if days else None,
        last=days[-1] if days else None, checkpoint=found.chain[-1].checkpoint.hash, open_days=tuple(found.unsealed),
    )  # fmt: skip


def origins_of(found: Sealed, lang: str) -> tuple[Origin, ...]:
    """The sources of the records of the period, and how many records each told."""
    told = defaultdict[str, int](int)
    for one, table in zip(found.inside, found.tables, strict=True):
        if found.first <= one.checkpoint.day <= found.last:
            counts = table["source"].combine_chunks().value_counts()
            for row in counts.to_pylist():
                told[row["values"]] += row["counts"]
    kind = words(lang, "scorecard")["source_kind"]
    return tuple(
        Origin(source, kind, file=f"{RECORDS}events-*.csv", rows=f"{n:,}") for source, n in sorted(told.items())
    )


def with_days(period: Period, terms: SealedTerms, lang: str) -> Period:
    """The period with its service days and the holidays on which no service was due."""
    site, calendar = terms.site, terms.calendar(lambda _name: 0)
    if not calendar.of_site:
        return period
    zone = ZoneInfo(site.timezone)
    starts = calendar.plans[0].service.start_us
    edges = [int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) * 1_000_000 for d in (period.first, period.last + timedelta(days=1))]  # fmt: skip
    opened = {
        datetime.fromtimestamp(us / 1e6, zone).date()
        for us in starts[(starts >= edges[0]) & (starts < edges[1])].tolist()
    }
    free = tuple(one for one in _free(period, site, lang) if one.day not in opened)
    return Period(period.kind, period.first, period.last, len(opened), free)


def _free(period: Period, site: Site, lang: str) -> Iterator[Holiday]:
    """Public holidays, and other days on which it is closed, that would have hours."""
    weekdays = frozenset[int]().union(*(days_of(days) for days in site.hours))
    names = _names(site.holidays, period, lang)
    public = public_holidays(site.holidays) - set(site.open)
    for n in range(period.days):
        day = period.first + timedelta(days=n)
        if day.weekday() in weekdays and (day in public or day in site.closed):
            yield Holiday(day, names.get(day, ""))


def _names(country: str, period: Period, lang: str) -> dict[date, str]:
    if not country:
        return {}
    years = range(period.first.year, period.last.year + 1)
    language = "th" if lang == "th" else "en_US"
    return dict(holidays.country_holidays(country, years=years, categories=("public", "government"), language=language))


def _correction(row: dict[str, Any], day: date, lang: str) -> Gap:
    """What was voided or added, in words; numbers are journal offsets, as the records have them."""
    act, _, type_ = str(row["detail"]).partition(" ")
    what = words(lang, "manager").get(type_, type_)
    detail = words(lang, "scorecard")[f"correction_{act}"].format(what=what, type=type_, seq=row.get("of", row["seq"]))
    return Gap("correction", row["source"], row["from_us"], row["to_us"], day, None, detail, row["by"], row["why"])


def _gap(row: dict[str, Any], day: date) -> Gap:
    detail = " ".join(str(row[name]) for name in ("unit", "detail") if row.get(name))
    return Gap(
        kind=row["kind"], source=row["source"], first_us=row.get("from_us"), last_us=row.get("to_us"), day=day,
        n=row.get("n"), detail=detail, who=str(row.get("who", "")), why=str(row.get("why", "")),
    )  # fmt: skip


__all__ = ["origins_of", "quality_of", "seal_of", "with_days"]
