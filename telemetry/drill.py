"""From a figure to what is behind it: the contacts (calls, tickets, votes, conversations, cases) of its numerator and of
its denominator, one by one. They are the rows that the figure itself adds up, so they cannot be others.

A contact is named by the journal offset of an event of it: no token of a person, no number and no words of people come out
here. Figures of time (how long counters were open, agents signed in, devices up) have no contacts behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import I64, QUARTER_US, Bool
from kpis.cube import NOTHING, build, merge, within
from kpis.days import demand
from kpis.model import KPI, Facts, Kind
from kpis.results import KPIS
from telemetry.cubes import site_facts
from telemetry.definitions import families
from telemetry.figures import UNITS, period_of, rows_of, whole_days
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site

A_PAGE: Final = 50
ALL, OF_IT, REST = "denominator", "numerator", "rest"
"""Parts of a figure: what it is out of, what it counts of that, what it does not; and of a histogram `bin:<its label>`."""
NO_CONTACTS = {
    **dict.fromkeys(("agent_time", "counters", "counter_activity"), "time"),
    **dict.fromkeys(("presence", "delays"), "device"),
    "days": "days",
    **dict.fromkeys(("cover", "cover_agents", "cover_counters"), "cover"),
    **dict.fromkeys(("vote_points", "service_points"), "points"),
}
"""Family whose rows are no contacts → what they are instead: a word of the page says why there is no list."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local wall-clock time, whose zone is added when it is shown


@dataclass(frozen=True, slots=True)
class Row:
    """One contact of a part of a figure."""

    seq: int
    """Journal offset of an event of it; -1 where it is not known."""
    at_us: int
    unit: str
    amount: int
    """What it adds to the part, in the units of the measure: 1 of things that are counted; see `in_unit`."""
    counts: bool | None
    """Whether it is in the numerator; None where that is no question."""
    outcome: str
    """What became of it, as a word of the page; "" where its family does not say."""


@dataclass(frozen=True, slots=True)
class Drill:
    """A part of a figure."""

    kpi: KPI
    unit: str | None
    period: tuple[int, int]
    figure: dict[str, Any]
    """The row of `figures.query`."""
    part: str
    parts: Mapping[str, int]
    """Part → how many contacts it has."""
    why_none: str
    """Where there are no contacts behind it: the key in `NO_CONTACTS`' words; else ""."""
    total: int
    """Of all amounts of the part."""
    page: int
    rows: list[Row]
    """Those of the page: longest or most first, else in the order of time."""

    @property
    def pages(self) -> int:
        return max(1, -(-self.parts.get(self.part, 0) // A_PAGE))


def drill(
    journal: JournalReader, site: Site, kpi: str, first: str | None, last: str | None, *, unit: str | None = None,
    part: str | None = None, page: int = 1, now_us: int = 0, lang: str = "en",
) -> Drill:  # fmt: skip
    """The contacts behind a figure of a period, as `figures.query` takes it. KeyError for a KPI that there is not,
    ValueError says what else is wrong with the question."""
    row = KPIS[kpi]
    if unit is not None and row.by not in UNITS:
        raise ValueError("unit: this figure is of the whole centre")
    if unit is not None and (not unit or journal.code(unit) < 0):
        raise ValueError(f"unit: nothing is known of {unit[:64]!r}")
    named = parts_of(row)
    wanted = part or (OF_IT if OF_IT in named else ALL)
    if wanted not in named:
        raise ValueError(f"part: expected one of {', '.join(named)}, got {wanted[:64]!r}")
    period = period_of(journal, site, first, last, now_us)
    cubes, found = [], {name: _Part() for name in named}
    for piece, facts, zones in site_facts(journal, site, whole_days(period), now_us):
        cubes.append(within(build(facts, zones), piece))
        edges = max(piece[0], period[0]), min(piece[1], period[1])
        for name, of in named.items():
            for chosen in _chosen(row, name, of, facts):
                local = zones.to_local(chosen.facts.arrival_us, chosen.facts.site) // QUARTER_US
                there = chosen.rows & (local >= edges[0]) & (local < edges[1])
                if unit is not None:
                    there &= chosen.facts.unit == journal.code(unit)
                found[name].add(chosen, np.flatnonzero(there), keep=name == wanted)
    days = merge(cubes) if cubes else NOTHING
    by = "total" if unit is None else str(row.by)
    made = rows_of(
        within(days, period), site, period, by=by, names=journal.names, lang=lang, kpis={kpi: row}, days=days
    )
    figure = next((r for r in made if r["unit"] == unit), {})
    shown = found[wanted]
    if not 1 <= page <= max(1, -(-shown.n // A_PAGE)):
        raise ValueError(f"page: there are {max(1, -(-shown.n // A_PAGE))}")
    why = next((NO_CONTACTS[f] for f in families_of(row, wanted) if f in NO_CONTACTS), "")
    return Drill(
        kpi=row, unit=unit, period=period, figure=figure, part=wanted, parts={n: p.n for n, p in found.items()},
        why_none=why, total=shown.total, page=page,
        rows=[] if why else shown.page(page, journal.names, most_first=is_measured(row)),
    )  # fmt: skip


def parts_of(kpi: KPI) -> dict[str, tuple[str, ...]]:
    """The parts that a figure has → the measures or histograms that say what is in them."""
    if kpi.kind is Kind.COUNT:
        return {OF_IT: (kpi.numerator,)}
    if kpi.kind is Kind.HISTOGRAM:
        return {ALL: (kpi.denominator,), **{f"bin:{label}": (measure,) for label, measure in kpi.bins}}
    if kpi.kind in (Kind.QUANTILE, Kind.SURVIVAL):
        return {ALL: tuple(name for name in (kpi.histogram, kpi.censored) if name)}
    both: dict[str, tuple[str, ...]] = {OF_IT: (kpi.numerator,), ALL: (kpi.denominator,)}
    same = families()[kpi.numerator] == families()[kpi.denominator]
    return both | ({REST: (kpi.denominator,)} if kpi.kind is Kind.RATIO and same else {})


def in_unit(kpi: KPI, amount: int) -> float:
    """An amount in the figure's own unit."""
    return amount * kpi.times / kpi.per if kpi.kind is Kind.MEAN else float(amount)


def local_iso(us: int, site: Site) -> str:
    """An instant in the site's local time."""
    return datetime.fromtimestamp(us / 1e6, ZoneInfo(site.timezone)).isoformat(timespec="seconds")


def quarter_text(quarter: int) -> str:
    """A local quarter of an hour as the argument of a question."""
    return (_EPOCH + timedelta(microseconds=quarter * QUARTER_US)).isoformat(timespec="minutes")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Rows of one family for one part."""

    facts: Facts
    rows: Bool
    amount: I64
    counts: Bool | None
    seq: I64
    outcome: tuple[str, I64] | None


def _chosen(kpi: KPI, part: str, names: tuple[str, ...], facts: Mapping[str, Facts]) -> Iterator[_Chosen]:
    for name in names:
        family = families()[name]
        f = facts.get(family)
        if f is None:
            continue
        if kpi.kind in (Kind.QUANTILE, Kind.SURVIVAL):
            amount = f.seconds[name]
            rows, counts = amount >= 0, None
        else:
            amount = f.counts[name].astype(np.int64)
            rows, counts = amount != 0, None
            if part in (ALL, REST) and kpi.numerator in f.counts:
                counts = f.counts[kpi.numerator] != 0
                if part == REST:
                    rows &= ~counts
                elif kpi.kind is Kind.MEAN:
                    amount, counts = f.counts[kpi.numerator].astype(np.int64), None
        yield _Chosen(f, rows, amount, counts, _seq(family, f, facts), _outcome(family, f))


def _seq(family: str, f: Facts, facts: Mapping[str, Facts]) -> I64:
    if family == "contacts":
        return demand.seqs(facts)
    return f.state.get("seq", np.full(len(f.site), -1, np.int64))


def _outcome(family: str, f: Facts) -> tuple[str, I64] | None:
    if family == "calls":
        return "call", f.state["outcome"]
    return ("ticket", f.state["standing"]) if family == "tickets" else None


class _Part:
    """What is found of a part, piece by piece."""

    def __init__(self) -> None:
        self.n, self.total = 0, 0
        self._kept: list[tuple[_Chosen, np.ndarray[Any, np.dtype[np.intp]]]] = []

    def add(self, chosen: _Chosen, rows: np.ndarray[Any, np.dtype[np.intp]], *, keep: bool) -> None:
        weight = chosen.facts.weight
        self.n += len(rows) if weight is None else int(weight[rows].sum())
        self.total += int(chosen.amount[rows].sum())
        if keep and len(rows):
            self._kept.append((chosen, rows))

    def page(self, number: int, names: list[str], *, most_first: bool) -> list[Row]:
        if not self._kept:
            return []
        amount, at_us, seq = (
            np.concatenate(of)
            for of in zip(*((c.amount[r], c.facts.arrival_us[r], c.seq[r]) for c, r in self._kept), strict=True)
        )
        order = np.lexsort((seq, at_us, -amount if most_first else np.zeros(len(amount), np.int64)))
        edges = np.cumsum([0, *(len(rows) for _, rows in self._kept)])
        out = []
        for i in order[(number - 1) * A_PAGE : number * A_PAGE].tolist():
            k = int(np.searchsorted(edges, i, side="right")) - 1
            chosen, rows = self._kept[k]
            at = int(rows[i - edges[k]])
            out.append(
                Row(
                    seq=int(seq[i]),
                    at_us=int(at_us[i]),
                    unit=names[int(chosen.facts.unit[at])],
                    amount=int(amount[i]),
                    counts=None if chosen.counts is None else bool(chosen.counts[at]),
                    outcome=f"{chosen.outcome[0]}_{int(chosen.outcome[1][at])}" if chosen.outcome else "",
                )
            )
        return out


def families_of(kpi: KPI, part: str) -> list[str]:
    """The families whose rows are in a part."""
    return [families()[name] for name in parts_of(kpi)[part]]


def is_measured(kpi: KPI) -> bool:
    """Whether a contact of it has a number of its own (a time, points, how often), and not only is one."""
    return kpi.kind in (Kind.QUANTILE, Kind.SURVIVAL, Kind.MEAN) or (
        kpi.kind is Kind.COUNT and kpi.unit in ("number", "messages")
    )
