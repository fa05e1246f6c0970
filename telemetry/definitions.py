"""Every KPI explained from its own row: formula, unit, source, exclusions, settings. One list behind the page, the API,
the command and the committed documents, so that no place can say it otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kpis.columns import Zones, empty
from kpis.model import KPI, Better, Kind
from kpis.results import GROUPS, KPIS, facts_of
from telemetry.figures import define
from telemetry.rules import rules_of
from telemetry.settings import Site
from telemetry.text import words
from telemetry.web.service import DefinitionRow

ANY_SITE = Site(id="any")
"""Whose rules stand in a definition where no centre is meant: the standard's and the field's."""


_GROUP_OF = {kpi.name: group for group, rows in GROUPS.items() for kpi in rows}
_SOURCE_OF = {
    family: source
    for source, families_ in {
        "calls": ("calls", "stints", "unqueued", "reached", "outbound"),
        "agents": ("agents", "agent_time", "cover_agents"),
        "tickets": ("tickets", "ticket_passages"),
        "counters": (
            "counters", "counter_words", "counter_activity", "counter_visits", "counter_load", "cover_counters",
        ),
        "cover": ("cover",),
        "votes": ("votes", "answers", "vote_points", "service_points"),
        "conversations": ("conversations", "conversation_users"),
        "cases": ("cases", "cases_due", "case_steps", "case_users"),
        "days": ("days", "windows"),
        "contacts": ("contacts",),
        "presence": ("presence", "delays"),
    }.items()
    for family in families_
}  # fmt: skip
"""Family of facts → what it is made from."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One KPI in one language. Texts that do not apply are empty."""

    name: str
    label: str
    group: str
    """Heading that it stands under."""
    formula: str
    """Over measures; the definition says in words what they count."""
    definition: str
    unit: str
    of: str
    """What it can be shown for one by one: service or queue, person, counter, device, or the centre only."""
    source: str
    """Events that it is made from."""
    excludes: str
    settings: Mapping[str, str]
    """Setting → its value at the site."""
    criteria: tuple[str, ...]
    target: str
    better: str


def definitions(lang: str, site: Site = ANY_SITE) -> list[Definition]:
    """All KPIs in the order of the table."""
    return [_definition(kpi, site, lang) for kpi in KPIS.values()]


def _definition(kpi: KPI, site: Site, lang: str) -> Definition:
    text = words(lang, "definitions")
    target = site.targets.get(kpi.name, kpi.target)
    return Definition(
        name=kpi.name,
        label=kpi.label_th if lang == "th" else kpi.label_en,
        group=text[f"group_{_GROUP_OF[kpi.name]}"],
        formula=formula(kpi, text),
        definition=define(kpi, site, lang),
        unit=text.get(f"unit_{kpi.unit}", kpi.unit),
        of=text[f"by_{kpi.by}"],
        source=" · ".join(dict.fromkeys(text[f"source_{_SOURCE_OF[families()[m]]}"] for m in _measures(kpi))),
        excludes=define(kpi, site, lang, excludes=True) or text["excludes_nothing"],
        settings={name: _shown(site, name) for name in kpi.settings},
        criteria=kpi.criteria,
        target="" if target is None or kpi.better is Better.NONE else _target(kpi, target),
        better=text[f"better_{kpi.better}"],
    )


def formula(kpi: KPI, text: Mapping[str, str]) -> str:
    """The formula over measures and histograms, as they are named in cubes and exports."""
    if kpi.kind is Kind.COUNT:
        return kpi.numerator
    if kpi.kind is Kind.HISTOGRAM:
        return f"{', '.join(f'{label}: {measure}' for label, measure in kpi.bins)} (n = {kpi.denominator})"
    if kpi.kind is Kind.QUANTILE:
        both = " + ".join(name for name in (kpi.histogram, kpi.censored) if name)
        return text["formula_quantile"].format(percent=f"{100 * kpi.q:g}", histogram=both)
    if kpi.kind is Kind.SURVIVAL:
        return text["formula_survival"].format(
            percent=f"{100 * kpi.q:g}", histogram=kpi.histogram, censored=kpi.censored
        )
    above = kpi.numerator if kpi.times == 1 else f"{kpi.numerator} × {kpi.times:,}"
    below = kpi.denominator if kpi.per == 1 else f"({kpi.denominator} × {kpi.per:,})"
    return f"{above} ÷ {below}"


def _measures(kpi: KPI) -> list[str]:
    """The measures and histograms of a KPI, the one that says what it is about first."""
    named = (kpi.numerator, *(m for _, m in kpi.bins), kpi.histogram, kpi.denominator, kpi.censored)
    return [name for name in named if name]


@cache
def families() -> Mapping[str, str]:
    """Measure or histogram → the family of facts that yields it."""
    zones = Zones({}, (empty().time_us,), (empty().time_us,))
    facts = facts_of(empty(), rules_of([], lambda _: -1), zones)
    return {name: family for family, of in facts.items() for name in (*of.counts, *of.seconds)}


def _shown(site: Site, name: str) -> str:
    """A setting's value as a reader takes it; what stands in tables below the site is named only."""
    value: Any = getattr(site, name.split(".", maxsplit=1)[0], "")
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, tuple):
        return ", ".join(getattr(v, "id", str(v)) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _target(kpi: KPI, target: float) -> str:
    sign = "≤" if kpi.better is Better.LOWER else "≥"
    if kpi.unit == "ratio":
        return f"{sign} {target * 100:g} %"
    return f"{sign} {target:g}{' %' if kpi.unit == 'percent' else ''}"


def definition_rows(lang: str, site: Site = ANY_SITE) -> list[DefinitionRow]:
    """The list as the API and the page hand it out."""
    text = words(lang, "definitions")
    return [
        DefinitionRow(
            kpi=row.name, label=row.label, group=row.group, definition=row.definition, facts=facts(row, text),
            criteria=row.criteria,
        )
        for row in definitions(lang, site)
    ]  # fmt: skip


def markdown(lang: str, site: Site = ANY_SITE) -> str:
    """The list as one Markdown document."""
    text = words(lang, "definitions")
    out = [f"# {text['title']}", "", text["intro"], ""]
    group = ""
    for row in definitions(lang, site):
        if row.group != group:
            group = row.group
            out += [f"## {group}", ""]
        out += [f"### {row.label}", "", f"`{row.name}`", "", row.definition, ""]
        out += [f"- {name}: {value}" for name, value in facts(row, text)] + [""]
    return "\n".join(out)


def facts(row: Definition, text: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is said of a KPI beside its definition: (heading, words), in the order of reading."""
    settings = ", ".join(f"{k} = {v}" if v else k for k, v in row.settings.items())
    rows = [
        ("formula", row.formula),
        ("unit", row.unit),
        ("target", row.target),
        ("better", row.better),
        ("source", row.source),
        ("excludes", row.excludes),
        ("settings", settings),
        ("of", row.of),
        ("criteria", ", ".join(row.criteria)),
    ]
    return [(text[f"head_{name}"], value) for name, value in rows if value]
