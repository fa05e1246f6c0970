"""What is known of the data behind figures, as data: coverage, gaps, clocks, seals, and where figures come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Count:
    """A reason and how many."""

    reason: str
    n: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of its expected time a source told of."""

    source: str
    kind: str
    expected_s: float
    covered_s: float
    day: date | None = None
    """None is the whole period."""

    @property
    def share(self) -> float | None:
        return self.covered_s / self.expected_s if self.expected_s > 0 else None


@dataclass(frozen=True, slots=True)
class Gap:
    """One row of the ledger of gaps."""

    kind: str
    """A kind of `telemetry.ledger.KINDS`."""
    source: str
    first_us: int | None = None
    last_us: int | None = None
    day: date | None = None
    n: int | None = None
    detail: str = ""
    who: str = ""
    """Of a correction: the role that made it, never a name."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where figures come from: the source, and the rows of the raw data that stand for it."""

    source: str
    kind: str
    version: str = ""
    file: str = ""
    rows: str = ""
    """Such as `1–18,204`."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far the clock of a source was from ours."""

    source: str
    p50_ms: float | None
    p95_ms: float | None
    steps: int


@dataclass(frozen=True, slots=True)
class Quality:
    """What must be known before a figure is trusted."""

    coverage: tuple[Coverage, ...] = ()
    """By source; with `day` by source and day as well."""
    gaps: tuple[Gap, ...] = ()
    rejected: tuple[Count, ...] = ()
    late: tuple[Count, ...] = ()
    """By source, events that came later than an hour after they happened."""
    clocks: tuple[ClockOffset, ...] = ()
    corrections: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealState:
    """What of the period is sealed."""

    days: int
    amendments: int
    first: date | None
    last: date | None
    checkpoint: str = ""
    """SHA-256 of the last checkpoint, hex."""
    open_days: tuple[date, ...] = ()
    """Days of the period that are not sealed: the report is provisional."""
