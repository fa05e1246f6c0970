"""The words of the core: facts with measures go in, KPIs are formulas over their sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from kpis.calendar import Calendar
from kpis.columns import I32, I64, Bool
from kpis.declared import Steps, steps


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
    SURVIVAL = "survival"
    """Kaplan-Meier quantile over a histogram of whole seconds and one of those that were censored."""


class By(StrEnum):
    """What the `unit` of a KPI's facts is."""

    UNIT = "unit"
    """A queue, service or channel."""
    AGENT = "agent"
    """A person's pseudonym; shown in the order of names, never ranked."""
    COUNTER = "counter"
    DEVICE = "device"
    """A device or another source of events."""
    SITE = "site"
    """Nothing: the figure is of the whole centre."""


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
    """`calls`, `tickets`, `votes`, …, or `ratio`, `seconds`, `percent`, `number`."""
    by: By = By.UNIT
    coverage: str = ""
    """Whose presence it needs to be judged: `calls`, `tickets`, `votes`, `conversations`, `cases`; "" needs none."""
    criteria: tuple[str, ...] = ()
    """Items of the standard that it is evidence for, such as `Q20.2`."""
    settings: tuple[str, ...] = ()
    """Settings of a site that change it, as gecc.toml names them."""
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
    """QUANTILE, SURVIVAL: the histogram it is read from."""
    censored: str = ""
    """SURVIVAL: the histogram of contacts that left before it could be known; QUANTILE: one that is read with the other."""
    q: float = 0.0
    target: float | None = None
    beyond: bool = False
    """The target itself does not keep the standard: the figure must be beyond it."""
    wall: int = 0
    """Place on the wallboard; 0 is not on it."""
    label_en: str
    label_th: str
    definition_en: str
    definition_th: str
    excludes_en: str = ""
    """What is left out, if anything, and where that is counted."""
    excludes_th: str = ""


class Words(NamedTuple):
    """What a row says: label and definition in both languages, and what is left out."""

    label_en: str
    label_th: str
    definition_en: str
    definition_th: str
    excludes_en: str = ""
    excludes_th: str = ""


def row(words: Sequence[str], **fields: Any) -> KPI:
    """A row of `words`, in the order of `Words`."""
    return KPI(**fields, **Words(*words)._asdict())


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
    fcr_window_us: Mapping[int, int]
    service_level_ms: Steps = field(default_factory=steps)
    """By site: answered within it is in time."""
    ticket_target_ms: Steps = field(default_factory=steps)
    """By (site, unit), as `declared.place` makes the key: declared longest wait."""
    service_target_ms: Steps = field(default_factory=steps)
    """By (site, unit): the time for the service in the centre's manual."""
    reply_target_ms: Steps = field(default_factory=steps)
    """By (site, channel): the longest time to the first reply."""
    reply_in_service_hours: Mapping[tuple[int, int], bool] = field(default_factory=dict)
    """(site, channel) → whether only service hours count towards a reply; not where it is missing."""
    no_show_calls: Mapping[int, int] = field(default_factory=dict)
    no_show_ms: Mapping[int, int] = field(default_factory=dict)
    """Called that often over that time and never started is a no-show."""
    vote_pause_us: Mapping[int, int] = field(default_factory=dict)
    """Presses at one button closer together than this are one vote."""
    vote_link_us: Mapping[int, int] = field(default_factory=dict)
    """A press at a counter so long after the end of a service there is that ticket's."""
    silent_ms: Mapping[int, int] = field(default_factory=dict)
    """A device that sends heartbeats and has said nothing for this long is not up; 15 minutes where not given."""
    services: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Site → units that it declares as services."""
    categories: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """(site, unit) → `mission`, `information` or `complaint`."""
    window_units: Mapping[str, int] = field(default_factory=dict)
    """Declared extra window → the unit that its figures are shown under; 0 where not given."""
    calendar: Calendar = field(default_factory=Calendar)
    as_of_us: Mapping[int, int] = field(default_factory=dict)
    """Site → the cut-off for what is still open; where not given, the last event of the site in the columns."""
    end_us: Mapping[int, int] = field(default_factory=dict)
    """Site → time of its last known PBX event; where not given, the last one in the columns."""
    tellers: Mapping[int, Teller] = field(default_factory=dict)
    """Source → which telephone system it tells of, and how well; sources that are not here tell of their own."""
    by_hand: frozenset[int] = frozenset()
    """Sources of what people told afterwards: it counts, and says nothing of any device or log."""


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
    """What is not added up: the live views and the drill-down read it. Where a row is one contact or event, `seq` is the
    journal offset of an event of it."""
    by: By = By.UNIT
    """What `unit` is."""
    weight: I64 | None = None
    """How many contacts each row stands for in its histograms; one where it is None."""
