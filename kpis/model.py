"""The words of the core: facts with measures go in, KPIs are formulas over their sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from kpis.columns import I32, I64, Bool


class Kind(StrEnum):
    """What a KPI is, and with it how it is computed and shown."""

    COUNT = "count"
    RATIO = "ratio"
    """Numerator / denominator, 0..1, with its Wilson interval."""
    MEAN = "mean"
    """Scaled numerator / denominator."""
    QUANTILE = "quantile"
    """Nearest rank over a histogram of whole seconds."""
    HISTOGRAM = "histogram"
    """The counts of several measures."""


class Better(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class KPI:
    """One row: a formula over measures, its target in the standard, and its words.

    The definitions may name rules of the site in braces ({ring_cycle_s}); they are filled in with every result.
    """

    name: str
    kind: Kind
    unit: str
    """`calls`, `tickets`, `votes`, `ratio`, `seconds`, `percent`."""
    better: Better = Better.NONE
    numerator: str = ""
    denominator: str = ""
    times: int = 1
    per: int = 1
    """The value is numerator × times / (denominator × per): whole numbers, so that it is rounded once."""
    bins: tuple[tuple[str, str], ...] = ()
    """HISTOGRAM: (label, measure) pairs."""
    within: tuple[str, ...] = ()
    """HISTOGRAM: the labels that keep the standard."""
    histogram: str = ""
    """QUANTILE: the histogram it is read from."""
    q: float = 0.0
    target: float | None = None
    wall: int = 0
    """Place on the wallboard; 0 is not on it."""
    label_en: str
    label_th: str
    definition_en: str
    definition_th: str


class Teller(NamedTuple):
    """One source among those that tell of one telephone system."""

    system: int
    """Equal for sources of one system of one site."""
    rank: int
    """1 tells best."""
    followed: bool = False
    """It is read as it is written, so that what it does not hold has not happened there."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a site declares, by site code; everything that changes a figure and is printed with it."""

    ring_cycle_ms: Mapping[int, int]
    ring_clock: Mapping[int, str]
    short_abandon_ms: Mapping[int, int]
    service_level_ms: Mapping[int, int]
    fcr_window_us: Mapping[int, int]
    ticket_target_ms: Mapping[tuple[int, int], int]
    """(site, unit) → declared longest wait."""
    end_us: Mapping[int, int] = field(default_factory=dict)
    """Site → time of its last known PBX event; where not given, the last one in the columns."""
    tellers: Mapping[int, Teller] = field(default_factory=dict)
    """Source → which telephone system it tells of, and how well; sources that are not here tell of their own."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Contacts (or stints, or votes) as rows, with what may be added up about each.

    A row belongs to the site, unit and instant in `site`, `unit` and `arrival_us`.
    """

    site: I32
    unit: I32
    arrival_us: I64
    counts: Mapping[str, Bool | I64]
    """Measure → 1, 0 or a whole number for each row; MISSING is not allowed here."""
    seconds: Mapping[str, I64] = field(default_factory=dict)
    """Histogram → whole seconds of each row (rounded up); negative: the row is not in it."""
    state: Mapping[str, I64] = field(default_factory=dict)
    """What is not added up: the live views and the drill-down read it."""
