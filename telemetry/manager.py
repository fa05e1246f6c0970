"""The manager's page of a site as data: today against target, the course of the last weeks, the worst half-hours and why.

Every figure is a row of `figures.query`, so that it is the one of /v1/kpis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from kpis.columns import QUARTERS_A_DAY
from kpis.model import KPI, Better
from kpis.results import GROUPS
from telemetry.drill import local_iso, quarter_text
from telemetry.figures import define, period_of, query
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site
from telemetry.worst import LEAST_DAYS, Half, worst

TREND_DAYS: Final = 28
FRESH_S, COURSE_S = 5.0, 120.0
"""For how long today's figures, and those of longer periods, are good for whoever else asks the same."""
MOST_KEPT: Final = 64


class Managers:
    """The views of one journal's sites; each is kept for a moment, so that many screens cost what one does. For one
    thread at a time."""

    def __init__(self, journal: JournalReader, clock: Callable[[], float]) -> None:
        self._journal, self._clock = journal, clock
        self._kept: dict[tuple[Any, ...], tuple[float, Any]] = {}

    def view(self, site: Site, first: str | None, last: str | None, now_us: int, lang: str) -> dict[str, Any]:
        """Everything on the page. `first` and `last` are those of the longer period, `last` not included; without them it
        is the last four weeks. ValueError says what is wrong with them."""
        today = datetime.fromtimestamp(now_us / 1e6, ZoneInfo(site.timezone)).date()
        end = today + timedelta(days=1)
        since = first or str(today - timedelta(days=TREND_DAYS - 1))
        until = last or str(end)
        shown = shown_kpis(site)
        of_day = self._asked(
            FRESH_S,
            ("day", site.id, str(today), lang),
            lambda: _rows(self._journal, site, str(today), str(end), now_us, lang),
        )
        course = self._asked(
            COURSE_S, ("course", site.id, since, until, str(today)),
            lambda: _course(self._journal, site, since, until, today, now_us),
        )  # fmt: skip
        return {
            "as_of": local_iso(now_us, site),
            "course_as_of": course["as_of"],
            "from": since,
            "to": until,
            "today": str(today),
            "tomorrow": str(end),
            "min_n": site.min_n,
            "least_days": LEAST_DAYS,
            "groups": [
                {"group": group, "kpis": [_card(kpi, site, lang, of_day, course) for kpi in rows]}
                for group, rows in shown.items()
            ],
            "worst": course["worst"],
        }

    def _asked(self, seconds: float, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        now = self._clock()
        kept = self._kept.get(key)
        if kept is None or not 0 <= now - kept[0] < seconds:
            kept = (now, make())
            self._kept.pop(key, None)
            self._kept[key] = kept
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return kept[1]


def shown_kpis(site: Site) -> dict[str, list[KPI]]:
    """What is on the page, by group: figures with a target at this site, and those of the wallboard."""
    aimed = {name for change in site.changes for name in change.targets} | set(site.targets)
    out = {
        group: [
            k for k in rows if k.wall or (k.better is not Better.NONE and (k.target is not None or k.name in aimed))
        ]
        for group, rows in GROUPS.items()
    }
    return {group: rows for group, rows in out.items() if rows}


def _rows(
    journal: JournalReader, site: Site, first: str, last: str, now_us: int, lang: str
) -> dict[str, dict[str, Any]]:
    names = {kpi.name for of in shown_kpis(site).values() for kpi in of}
    rows = query(journal, site, first, last, now_us=now_us, lang=lang)
    return {row["kpi"]: row for row in rows if row["kpi"] in names}


def _course(journal: JournalReader, site: Site, since: str, until: str, today: date, now_us: int) -> dict[str, Any]:
    first = str(today - timedelta(days=TREND_DAYS - 1))
    by_day: dict[str, dict[str, Any]] = {}
    names = {kpi.name for of in shown_kpis(site).values() for kpi in of}
    for row in query(journal, site, first, str(today + timedelta(days=1)), now_us=now_us, by="day"):
        if row["kpi"] not in names:
            continue
        by_day.setdefault(row["kpi"], {})[row["from"][:10]] = row
    period = period_of(journal, site, since, until, now_us)
    return {
        "as_of": local_iso(now_us, site),
        "days": [str(today - timedelta(days=TREND_DAYS - 1 - i)) for i in range(TREND_DAYS)],
        "by_day": by_day,
        "period": _rows(journal, site, since, until, now_us, "en"),
        "worst": [_half(half, site) for half in worst(journal, site, period, now_us=now_us)],
    }


def _card(
    kpi: KPI, site: Site, lang: str, of_day: Mapping[str, Any], course: Mapping[str, Any]
) -> dict[str, Any]:  # fmt: skip
    days = course["by_day"].get(kpi.name, {})
    return {
        "kpi": kpi.name,
        "label": kpi.label_th if lang == "th" else kpi.label_en,
        "definition": define(kpi, site, lang),
        "excludes": define(kpi, site, lang, excludes=True),
        "unit": kpi.unit,
        "better": str(kpi.better),
        "within": list(kpi.within),
        "bins": [label for label, _ in kpi.bins],
        "today": of_day[kpi.name],
        "period": course["period"][kpi.name],
        "days": [
            {"day": d, "value": row["value"] if row else None, "n": row["n"] if row else 0}
            for d, row in ((d, days.get(d)) for d in course["days"])
        ],
    }


def _half(half: Half, site: Site) -> dict[str, Any]:
    begin, end = quarter_text(half.quarter), quarter_text(half.quarter + 2)
    day = half.quarter // QUARTERS_A_DAY * QUARTERS_A_DAY
    return {**asdict(half), "people": half.people, "from": begin, "to": end, "day": quarter_text(day), "site": site.id}
