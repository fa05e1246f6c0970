"""Rows of figures as a report has them, and the same by hour of the day; charts of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, cast

import numpy as np

from kpis.columns import QUARTERS_A_DAY
from kpis.model import KPI, Kind
from kpis.results import KPIS, evaluate
from kpis.rollup import labelled, roll_up
from telemetry.evidence.counted import Counted, Row
from telemetry.evidence.model import Better, Chart, KpiRow, Series, Target, Verdict
from telemetry.settings import Channel, Service, Site
from telemetry.text import words

Say = Callable[..., str]


def label(kpi: KPI, lang: str) -> str:
    return kpi.label_th if lang == "th" else kpi.label_en


def unit_names(site: Site, lang: str) -> dict[str, str]:
    """Id → name of services and channels."""
    both: list[Service | Channel] = [*site.services, *site.channels]
    return {x.id: (x.name_th if lang == "th" else x.name_en) or x.id for x in both}


def kpi_row(row: Row, lang: str, **more: Any) -> KpiRow:
    """A row of `figures.rows_of`."""
    kpi = KPIS[row["kpi"]]
    bins = row["value"] if kpi.kind is Kind.HISTOGRAM else None
    return KpiRow(
        kpi=kpi.name,
        label=label(kpi, lang),
        unit=kpi.unit,
        better=cast("Better", str(kpi.better)),
        value=None if kpi.kind is Kind.HISTOGRAM else row["value"],
        n=row["n"],
        numerator=row["numerator"],
        denominator=row["denominator"],
        ci_low=row["ci_low"],
        ci_high=row["ci_high"],
        bins=tuple((bins or {}).items()),
        targets=_targets(row),
        beyond=kpi.beyond,
        coverage=row["coverage"],
        verdict=cast("Verdict | None", row["verdict"]),
        **more,
    )


def months(rows: Iterable[Row], names: Iterable[str], lang: str) -> list[KpiRow]:
    """Rows by month: the days of each are set."""
    wanted, place = set(names), {name: i for i, name in enumerate(KPIS)}
    ordered = sorted((r for r in rows if r["kpi"] in wanted), key=lambda row: (place[row["kpi"]], row["from"]))
    return [
        kpi_row(
            row, lang, first=date.fromisoformat(row["from"][:10]),
            last=date.fromisoformat(row["to"][:10]) - timedelta(days=1),
        )
        for row in ordered
    ]  # fmt: skip


def by_unit(rows: Iterable[Row], site: Site, names: Iterable[str], lang: str) -> list[KpiRow]:
    """Rows service by service, channel by channel."""
    wanted, called = set(names), unit_names(site, lang)
    told = (row for row in rows if row["kpi"] in wanted and row["unit"] and row["n"])
    return [kpi_row(row, lang, of=called.get(row["unit"], row["unit"])) for row in told]


def hours(counted: Counted, names: Sequence[str], lang: str) -> list[KpiRow]:
    """By hour of the day, over all days: `hour` is set. Without targets: those are of whole periods."""
    found, places = labelled(counted.cube, lambda block: block.quarter % QUARTERS_A_DAY // 4)
    sums, seconds = roll_up(counted.cube, places, len(found))
    out = []
    for name in names:
        kpi = KPIS[name]
        r = evaluate(kpi, sums, seconds, len(found))
        for i, hour in enumerate(found.tolist()):
            value = None if np.isnan(r.value[i]) else float(r.value[i])
            if r.n[i]:
                out.append(KpiRow(name, label(kpi, lang), kpi.unit, "none", value, int(r.n[i]), hour=hour))
    return out


def chart_of(
    row: KpiRow, monthly: Mapping[str, Sequence[KpiRow]], lang: str, month_of: Callable[[date], str]
) -> Chart | None:
    """A picture of a figure: its course by month against its targets, or the bars of a histogram; None where there is
    nothing to see."""
    text = words(lang, "scorecard")
    if row.bins and row.n and not row.hidden:
        counts = tuple(float(n) for _, n in row.bins)
        series = Series(row.label, counts, tuple(n for _, n in row.bins))
        return Chart(
            "bars", row.label, row.unit, tuple(name for name, _ in row.bins), (series,), labels_name=text["group"]
        )
    course = [one for one in monthly.get(row.kpi, ()) if one.first]
    if len(course) < 2 or not any(one.n for one in course):
        return None
    targets = tuple(one.target for one in course)
    title = text["chart_month_target" if row.target is not None else "chart_month"].format(label=row.label)
    return Chart(
        "lines",
        title,
        row.unit,
        tuple(month_of(one.first) for one in course if one.first),
        (Series(row.label, tuple(one.value for one in course), tuple(one.n for one in course)),),
        labels_name=text["month"],
        targets=targets if any(t is not None for t in targets) else (),
    )


def _targets(row: Row) -> tuple[Target, ...]:
    told = row.get("targets") or [{"value": row["target"], "since": row["target_since"], "why": ""}]
    return tuple(
        Target(one["value"], date.fromisoformat(one["since"]) if one["since"] else None, one.get("why", ""))
        for one in told
        if one["value"] is not None
    )
