"""Figures and pictures as data: what is told of a KPI, and charts whose tables are made from the same values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

LEAST: Final = 5
"""A cell of people that counts fewer than this, and not none, is not told."""
OF_THINGS: Final = frozenset(
    {"days", "counters", "services", "events", "incidents", "points", "messages", "steps", "milliseconds", "quarters"}
)
"""Units of counts that are not of people: they are told however small."""
Verdict = Literal["met", "not_met", "insufficient_data"]
Better = Literal["higher", "lower", "none"]


@dataclass(frozen=True, slots=True)
class Target:
    """A target with the first day it is in force; None is from the beginning."""

    value: float | None
    since: date | None = None
    why: str = ""
    """Where it was decided."""


@dataclass(frozen=True, slots=True)
class KpiRow:
    """One figure with everything it is judged by. Numbers are those of the rows of figures, not rounded."""

    kpi: str
    label: str
    unit: str
    """`ratio` (0..1), `percent` (0..100), `seconds`, or what it counts."""
    better: Better
    value: float | None
    n: int
    numerator: float | None = None
    denominator: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    bins: tuple[tuple[str, int], ...] = ()
    """Of a histogram: its value is these counts."""
    targets: tuple[Target, ...] = ()
    """In force in the period, the one it is judged by last."""
    beyond: bool = False
    """The target itself does not keep the standard."""
    coverage: float | None = None
    verdict: Verdict | None = None
    """None where nothing is to be judged."""
    first: date | None = None
    last: date | None = None
    """Days of the figure, both included, where they are not those of the report."""
    hour: int | None = None
    """Hour of the day that it is of."""
    of: str = ""
    """Service, channel, counter or agent by label; "" is the whole centre."""

    @property
    def target(self) -> float | None:
        return self.targets[-1].value if self.targets else None

    @property
    def hidden(self) -> bool:
        """Too few people to be told."""
        return self.unit not in OF_THINGS and 0 < self.n < LEAST


@dataclass(frozen=True, slots=True)
class Series:
    """One line, one kind of bar, one part of a stack, or one row of a map. As many values as the chart has labels."""

    name: str
    values: tuple[float | None, ...]
    n: tuple[int | None, ...] = ()
    """Contacts behind each value: fewer than `LEAST` are hidden, in the picture and in its table."""
    beside: tuple[float | None, ...] = ()
    """Of a map: the number under each value, such as open counters under arrivals."""

    def shown(self, i: int) -> float | None:
        """The value, None where it is not known or is hidden."""
        return None if self.hides(i) else self.values[i]

    def hides(self, i: int) -> bool:
        n = self.n[i] if i < len(self.n) else None
        return n is not None and 0 < n < LEAST


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and, from the same values, the table under it.

    `lines`: months against a target; `bars`: one series of bars; `grouped`: several; `stacked`: shares of a whole, a bar a
    label; `across`: a bar a label from left to right, each with its own target; `map`: a row a series, shaded by value
    ÷ what stands beside it.
    """

    kind: Literal["lines", "bars", "grouped", "stacked", "across", "map"]
    title: str
    unit: str
    """Of the values, as of a row."""
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    labels_name: str = ""
    """What the labels are: month, hour, channel."""
    unit_words: str = ""
    """What stands on the axis: calls, minutes; "" takes the words of the unit."""
    beside_words: str = ""
    """Of a map: what stands beside."""
    targets: tuple[float | None, ...] = ()
    """One for each label; of one number all along the chart."""
    target_words: str = ""
    change: int | None = None
    """Index of the label from which something is new, marked by a line; `change_words` say what."""
    change_words: str = ""
    note: str = ""
