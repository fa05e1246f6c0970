"""Cubes to rows that people and programs read: the one list behind the API, the command, the wallboard and /metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import DAY_US, I64, QUARTER_US, QUARTERS_A_DAY
from kpis.cube import Cube, roll_up
from kpis.model import KPI, Kind
from kpis.results import KPIS, cube_of, evaluate, verdict, within
from telemetry.config import Site
from telemetry.journal_reader import JournalReader
from telemetry.rules import rules_of, zones_of

BY = ("total", "unit", "hour", "day", "month")
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

_FARTHEST_ZONE_US = 14 * 3_600_000_000
"""No local time is further from UTC."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local wall-clock time, whose zone is added when it is shown


def rows_of(
    cube: Cube, site: Site, quarters: tuple[int, int], *, by: str, names: Sequence[str], lang: str = "en",
    kpis: Mapping[str, KPI] = KPIS,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row a KPI and group. The cube holds this site's cells of `quarters` (local, first <= q < last) only.

    Groups without any contact have no rows, but a total always has them, with null where there is no data.
    """
    group, labels = _groups(cube, quarters, by, names)
    sums, seconds = roll_up(cube, group, len(labels))
    rows = []
    for kpi in kpis.values():
        r = evaluate(kpi, sums, seconds, len(labels))
        definition = define(kpi, site, lang)
        target = site.targets.get(kpi.name, kpi.target)
        for i, (unit, first, last) in enumerate(labels):
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
                    "target": target,
                    "verdict": verdict(kpi, float(r.value[i]), int(r.n[i]), target),
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
    rules, zones = rules_of([site], journal.code, tellers=journal.tellers()), zones_of([site], journal.code)
    code = np.array([max(journal.code(site.id), 0)], np.int32)
    span = journal.span(site.id)
    local = [int(zones.to_local(np.array([t], np.int64), code)[0]) for t in (span or (now_us, now_us))]
    start = _quarter(first, "from") if first else local[0] // DAY_US * QUARTERS_A_DAY
    end = _quarter(last, "to") if last else (local[1] // DAY_US + 1) * QUARTERS_A_DAY
    if end <= start:
        if not last:
            raise ValueError(
                f"from: the data ends before it, on {_EPOCH + timedelta(days=(end - 1) // QUARTERS_A_DAY):%Y-%m-%d}"
            )
        raise ValueError("to: must be later than from; the period ends before it")
    if span is None:
        cube = Cube(np.empty(0, np.uint64), {}, {})
    else:
        # A day around the cohort, whatever its zone, for calls that cross midnight and for what other logs tell of them
        # (kpis.sources looks half a day around a call), and the window of repeat calls.
        margin, window = DAY_US + _FARTHEST_ZONE_US, round(site.fcr_window_s * 1e6)
        lowest, highest = (
            max(span[0], start * QUARTER_US - margin),
            min(span[1] + 1, end * QUARTER_US + margin + window),
        )
        cols = journal.columns([site.id], lowest, max(highest, lowest))
        heard = journal.last_heard([site.id])
        cube = within(cube_of(cols, replace(rules, end_us=heard), zones), (start, end))
    return rows_of(cube, site, (start, end), by=by, names=journal.names, lang=lang)


def define(kpi: KPI, site: Site, lang: str) -> str:
    """The KPI's definition with the site's own rules in it."""
    text = kpi.definition_th if lang == "th" else kpi.definition_en
    rules = {k: f"{v:g}" if isinstance(v, float) else v for k, v in asdict(site).items() if isinstance(v, str | float)}
    words = {"ring_clock": RING_CLOCK[lang][site.ring_clock], "fcr_window": _span(site.fcr_window_s, lang)}
    return text.format(**{**rules, **words})


def _groups(
    cube: Cube, quarters: tuple[int, int], by: str, names: Sequence[str]
) -> tuple[I64, list[tuple[str | None, int, int]]]:
    first, last = quarters
    if by == "total":
        return np.zeros(len(cube), np.int64), [(None, first, last)]
    if by == "unit":
        codes, group = np.unique(cube.unit, return_inverse=True)
        return group.astype(np.int64), [(names[c], first, last) for c in codes]
    if by == "month":
        day = (cube.quarter // QUARTERS_A_DAY).astype("datetime64[D]")
        months, group = np.unique(day.astype("datetime64[M]"), return_inverse=True)
        edges = [(m.astype("datetime64[D]").astype(int), (m + 1).astype("datetime64[D]").astype(int)) for m in months]
        labels = [(max(int(a) * QUARTERS_A_DAY, first), min(int(b) * QUARTERS_A_DAY, last)) for a, b in edges]
    else:
        size = 4 if by == "hour" else QUARTERS_A_DAY
        steps, group = np.unique(cube.quarter // size, return_inverse=True)
        labels = [(max(int(s) * size, first), min((int(s) + 1) * size, last)) for s in steps]
    return group.astype(np.int64), [(None, a, b) for a, b in labels]


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
