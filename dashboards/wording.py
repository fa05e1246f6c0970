"""What a panel says of itself in one language: the KPI's own name and definition, and how the panel forms it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from dashboards.panels import Head
from kpis.model import KPI, Kind
from telemetry.figures import define
from telemetry.settings import Site
from telemetry.text import words

ANY_SITE = Site(id="any")
"""Whose rules stand in definitions here: dashboards serve every centre, whatever it has declared."""
UNITS = {"ratio": "percentunit", "percent": "percent", "seconds": "s", "milliseconds": "s"}
"""Unit of a KPI → Grafana's; whatever is counted is shown in full."""
COUNTED = "locale"


@dataclass(frozen=True)
class Words:
    """One language."""

    lang: str

    @cached_property
    def text(self) -> Mapping[str, str]:
        return words(self.lang, "dashboards")

    @cached_property
    def groups(self) -> Mapping[str, str]:
        return words(self.lang, "definitions")

    def __getitem__(self, key: str) -> str:
        return self.text[key]

    def label(self, kpi: KPI) -> str:
        return kpi.label_th if self.lang == "th" else kpi.label_en

    def bin(self, label: str) -> str:
        """The name of a part of a distribution; numbers name themselves."""
        return self.text.get(f"bin_{label}", label)

    def about(self, kpi: KPI, how: str) -> str:
        """Definition, what it leaves out, its criteria, and how the panel forms it."""
        excludes = define(kpi, ANY_SITE, self.lang, excludes=True)
        parts = [
            define(kpi, ANY_SITE, self.lang),
            self["leaves_out"].format(what=excludes) if excludes else "",
            self["evidence"].format(criteria=", ".join(kpi.criteria)) if kpi.criteria else "",
            self[f"how_{how}"],
            self["own_rules"] if kpi.settings else "",
        ]
        return "\n\n".join(part for part in parts if part)

    def head(self, kpi: KPI, how: str, title: str = "") -> Head:
        """The head of a panel that shows this KPI."""
        return Head(title or self.label(kpi), self.about(kpi, how), unit_of(kpi), self["no_data"], decimals_of(kpi))

    def panel(self, key: str, unit: str, decimals: int | None = None, kpi: KPI | None = None, how: str = "") -> Head:
        """The head of a panel that is named and explained in the text file; with a KPI its definition stands first."""
        about = self[f"{key}_about"]
        if kpi is not None:
            about = f"{define(kpi, ANY_SITE, self.lang)}\n\n{about}"
        if how:
            about = f"{about}\n\n{self[f'how_{how}']}"
        return Head(self[key], about, unit, self["no_data"], decimals)


def unit_of(kpi: KPI) -> str:
    return UNITS.get(kpi.unit, COUNTED)


def decimals_of(kpi: KPI) -> int | None:
    if kpi.unit in ("ratio", "percent"):
        return 1
    return 0 if kpi.kind in (Kind.COUNT, Kind.HISTOGRAM) and unit_of(kpi) == COUNTED else None
