"""Cubes to rows that people and programs read: the one list behind the API, the command, the wallboard and /metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import DAY_US, QUARTER_US, QUARTERS_A_DAY
from kpis.cube import Cube, within
from kpis.model import KPI, By, Kind
from kpis.results import KPIS, evaluate, verdict
from kpis.rollup import Places, labelled, one_group, roll_up
from telemetry.config import Site
from telemetry.cubes import site_cube
from telemetry.journal_reader import JournalReader
from telemetry.periods import STEPS
from telemetry.rules import zones_of
from telemetry.verdicts import Coverage, Declared, Terms, day_before, shown

UNITS = (By.UNIT, By.AGENT, By.COUNTER, By.DEVICE)
BY = ("total", *map(str, UNITS), *STEPS)
"""By what units are, only the figures that are told of such units are shown; in total and over time all are."""
RING_CLOCK = {
    "en": {
        "agent_total": "all attempts to reach an agent",
        "agent_last": "the phone that answered",
        "queue": "the whole wait in the queue",
    },
    "th": {
        "agent_total": "รวมทุกครั้งที่เรียกเจ้าหน้าที่",
        "agent_last": "เฉพาะเครื่องที่รับสาย",
        "queue": "เวลารอทั้งหมดในคิว",
    },
}
"""What counts as ringing, in words; the keys are those of the configuration."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local wall-clock time, whose zone is added when it is shown


def rows_of(
    cube: Cube, site: Site, quarters: tuple[int, int], *, by: str, names: Sequence[str], lang: str = "en",
    kpis: Mapping[str, KPI] = KPIS, days: Cube | None = None, terms: Terms | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row a KPI and group. The cube holds this site's cells of `quarters` (local, first <= q < last) only; `days` those
    of all days that they touch, where that is more. `terms` is what they are judged by, where that is not what the site
    declares now.

    Groups without any contact have no rows, but a total always has them, with null where there is no data.
    """
    places, labels = _groups(cube, quarters, by, names)
    sums, seconds = roll_up(cube, places, len(labels))
    coverage = Coverage(cube if days is None else days)
    edges = [(first, last) for _, first, last in labels]
    terms = terms or Declared(site)
    judged_by = [terms.on(day_before(last)) for _, last in edges]
    rows = []
    for kpi in kpis.values():
        if by in UNITS and kpi.by != by:
            continue
        told = coverage.of(kpi.coverage, edges)
        r = evaluate(kpi, sums, seconds, len(labels))
        definition = define(kpi, site, lang)
        for i, (unit, first, last) in enumerate(labels):
            targets = terms.targets(kpi, first, last)
            value = _value(kpi, r.value[i], r.n[i], {k: int(v[i]) for k, v in r.bins.items()})
            rows.append(
                {
                    "kpi": kpi.name,
                    "site": site.id,
                    "unit": unit,
                    "from": _iso(first, site),
                    "to": _iso(last, site),
                    "value": value,
                    "numerator": _number(r.numerator[i] * kpi.times / kpi.per),
                    "denominator": _number(r.denominator[i]),
                    "n": int(r.n[i]),
                    "ci_low": _number(r.ci_low[i]),
                    "ci_high": _number(r.ci_high[i]),
                    **shown(targets),
                    "coverage": _number(told[i]),
                    "verdict": verdict(
                        kpi,
                        float(r.value[i]),
                        int(r.n[i]),
                        targets[-1].value,
                        min_n=judged_by[i].min_n,
                        coverage=float(told[i]),
                        min_coverage=judged_by[i].min_coverage,
                    ),
                    "definition": definition,
                }
            )
    return sorted(rows, key=lambda row: (row["from"], row["unit"] or ""))


def query(
    journal: JournalReader, site: Site, first: str | None, last: str | None, *, now_us: int = 0, by: str = "total", lang: str = "en"
) -> list[dict[str, Any]]:  # fmt: skip
    """The rows of a site over a period; ValueError says what is wrong with the arguments.

    `first` and `last` are dates or date-times (on a quarter of an hour) of the site's local time, `last` not included;
    without them the period is that of the data, and where there is none the day of `now_us`.
    """
    if by not in BY:
        raise ValueError(f"by: expected one of {', '.join(BY)}, got {by!r}")
    start, end = period_of(journal, site, first, last, now_us)
    days = site_cube(journal, site, whole_days((start, end)), now_us)
    cube = within(days, (start, end))
    return rows_of(cube, site, (start, end), by=by, names=journal.names, lang=lang, days=days)


def period_of(
    journal: JournalReader, site: Site, first: str | None, last: str | None, now_us: int = 0
) -> tuple[int, int]:  # fmt: skip
    """The local quarters first <= q < last that a question is about (see `query`)."""
    days = _days_of_data(journal, site, now_us) if not (first and last) else (0, 0)
    start = _quarter(first, "from") if first else days[0] * QUARTERS_A_DAY
    end = _quarter(last, "to") if last else (days[1] + 1) * QUARTERS_A_DAY
    if end <= start:
        if not last:
            raise ValueError(
                f"from: the data ends before it, on {_EPOCH + timedelta(days=(end - 1) // QUARTERS_A_DAY):%Y-%m-%d}"
            )
        raise ValueError("to: must be later than from; the period ends before it")
    return start, end


def _days_of_data(journal: JournalReader, site: Site, now_us: int) -> tuple[int, int]:
    """The local days of the site's first and last event; of now where it has none."""
    zones = zones_of([site], journal.code)
    code = np.array([max(journal.code(site.id), 0)], np.int32)
    first, last = journal.span(site.id) or (now_us, now_us)
    a, b = (int(zones.to_local(np.array([t], np.int64), code)[0]) // DAY_US for t in (first, last))
    return a, b


def whole_days(quarters: tuple[int, int]) -> tuple[int, int]:
    """The quarters of all local days that these touch."""
    return quarters[0] // QUARTERS_A_DAY * QUARTERS_A_DAY, -(-quarters[1] // QUARTERS_A_DAY) * QUARTERS_A_DAY


def define(kpi: KPI, site: Site, lang: str, *, excludes: bool = False) -> str:
    """The KPI's definition, or what it leaves out, with the site's own rules in it."""
    texts = (kpi.excludes_en, kpi.excludes_th) if excludes else (kpi.definition_en, kpi.definition_th)
    text = texts[lang == "th"]
    own = ((f.name, getattr(site, f.name)) for f in fields(site))
    rules = {k: f"{v:g}" if isinstance(v, float) else v for k, v in own if isinstance(v, str | float | int)}
    words = {"ring_clock": RING_CLOCK[lang][site.ring_clock], "fcr_window": _span(site.fcr_window_s, lang)}
    return text.format(**{**rules, **words})


def _groups(
    cube: Cube, quarters: tuple[int, int], by: str, names: Sequence[str]
) -> tuple[Places, list[tuple[str | None, int, int]]]:
    first, last = quarters
    if by == "total":
        return one_group(cube), [(None, first, last)]
    if by in UNITS:
        codes, places = labelled(cube, lambda block: block.unit if block.by == by else np.full(len(block), -1))
        return places, [(names[c], first, last) for c in codes]
    step = STEPS[by]
    steps, places = labelled(cube, lambda block: step.of(block.quarter))
    return places, [(None, max(step.begin(s), first), min(step.begin(s + 1), last)) for s in steps.tolist()]


def _value(kpi: KPI, value: float, n: int, bins: dict[str, int]) -> Any:
    if kpi.kind is Kind.HISTOGRAM:
        return bins if n else None
    return _number(value)


def _number(x: float) -> float | int | None:
    if np.isnan(x):
        return None
    return int(x) if float(x).is_integer() and abs(x) < 2**53 else float(x)


def _quarter(text: str, name: str) -> int:
    try:
        t = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: expected a date like 2026-11-21 or 2026-11-21T09:00, got {text!r}") from None
    if t.tzinfo is not None:
        raise ValueError(f"{name}: give the site's local time without a zone, got {text!r}")
    us = (t - _EPOCH) // timedelta(microseconds=1)
    if us % QUARTER_US:
        raise ValueError(f"{name}: expected a quarter of an hour (:00, :15, :30, :45), got {text!r}")
    return us // QUARTER_US


def _iso(quarter: int, site: Site) -> str:
    return (_EPOCH + timedelta(microseconds=quarter * QUARTER_US)).replace(tzinfo=ZoneInfo(site.timezone)).isoformat()


def _span(seconds: float, lang: str) -> str:
    for size, en, th in ((86400, "days", "วัน"), (3600, "hours", "ชั่วโมง"), (60, "minutes", "นาที")):
        if seconds % size == 0:
            return f"{seconds / size:g} {th if lang == 'th' else en}"
    return f"{seconds:g} {'วินาที' if lang == 'th' else 'seconds'}"
