"""A report as data: what stands in the documents, tables and workbook of evidence, before anything is laid out.

Everything here is frozen and holds no person: agents and counters stand by labels, and what counts fewer than `LEAST`
contacts is `hidden`. Free words (labels, definitions, reasons) are in the report's language already; numbers, dates,
verdicts and states are values, which the renderers put into words. What is not known is None, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Final, Literal

from telemetry.evidence.found import ClockOffset, Count, Coverage, Gap, Origin, Quality, SealState
from telemetry.evidence.period import (
    Holiday,
    Period,
    fiscal_quarter,
    fiscal_quarter_of,
    fiscal_year,
    fiscal_year_of,
    last_days,
    month,
)
from telemetry.evidence.rows import LEAST, OF_THINGS, Better, Chart, KpiRow, Series, Target, Verdict

__all__ = [
    "GROUPS",
    "LEAST",
    "OF_THINGS",
    "Better",
    "Centre",
    "Chart",
    "ClockOffset",
    "Count",
    "Coverage",
    "DefinitionRow",
    "Gap",
    "Gate",
    "Holiday",
    "IndexRow",
    "KpiRow",
    "Mark",
    "Memo",
    "Now",
    "Origin",
    "Period",
    "Quality",
    "Report",
    "SealState",
    "Series",
    "Sheet",
    "Surprise",
    "Target",
    "TargetRow",
    "Verdict",
    "fiscal_quarter",
    "fiscal_quarter_of",
    "fiscal_year",
    "fiscal_year_of",
    "last_days",
    "month",
]

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
GROUPS: Final = ("tickets", "calls", "votes", "conversations", "cases")
"""Groups of the table of KPIs that have a sheet of their own in the workbook."""


@dataclass(frozen=True, slots=True)
class Centre:
    """Who the report is about."""

    id: str
    name: str
    organisation: str = ""
    province: str = ""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One piece of evidence in the index."""

    item: str
    title: str
    kind: Literal["direct", "direct_with_case_system", "partly", "document"]
    file: str = ""
    """Name in the pack; "" where there is none."""
    pages: int | None = None
    state: Literal["met", "not_met", "insufficient_data", "shown", "document_needed", "attached"] = "document_needed"


@dataclass(frozen=True, slots=True)
class Gate:
    """One part of the standard: what is asked and what telemetry says of it. The centre's own assessment, not a decision."""

    part: str
    items: int
    supported: int
    met: int
    not_met: int
    insufficient: int
    points: int | None = None
    points_met: int | None = None
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The evidence for one item of the standard."""

    item: str
    """As the standard prints it, such as `๒๐.๒`; `file` is made from `id`."""
    id: str
    heading: str
    text: str
    """The item in full, in the words of the standard."""
    kind: Literal["direct", "direct_with_case_system", "partly", "document"]
    rows: tuple[KpiRow, ...]
    charts: tuple[Chart, ...] = ()
    summary: str = ""
    """The item in English, where the report is in English."""
    declared: tuple[str, ...] = ()
    """What the centre declared as its standard: document, date."""
    method: tuple[str, ...] = ()
    exclusions: tuple[Count, ...] = ()
    limits: tuple[str, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    gaps: tuple[Gap, ...] = ()
    origins: tuple[Origin, ...] = ()

    @property
    def file(self) -> str:
        """Its name in a pack, in letters that every unpacker writes alike."""
        plain = self.id if _PLAIN.fullmatch(self.id) else f"item-{sha256(self.id.encode()).hexdigest()[:8]}"
        return f"02_criteria/{plain}.pdf"


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A target of a KPI with the days it is in force, both included; None is open."""

    kpi: str
    label: str
    unit: str
    better: Better
    value: float | None
    first: date | None
    last: date | None
    why: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class DefinitionRow:
    """A KPI explained; `facts` are (heading, words) in the order of reading."""

    kpi: str
    label: str
    group: str
    definition: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Memo:
    """The month's memorandum. Names and numbers of the office are filled in by hand where empty."""

    to: str
    subject: str
    office: str = ""
    number: str = ""
    paragraphs: tuple[str, ...] = ()
    """What is to be said beside the figures; the opening and closing words are the form's own."""
    rows: tuple[KpiRow, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class Now:
    """One line of what is so at this moment: tickets waiting, counters open."""

    label: str
    words: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Surprise:
    """For a check without notice: what is now, and the last 90 days."""

    at: datetime
    now: tuple[Now, ...]
    rows: tuple[KpiRow, ...]
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """What ties a page to its pack. The hash is that of the manifest of what the documents are made from (records, gaps,
    settings, targets), which is known before any page is; the documents' own hashes stand in the pack's manifest."""

    code: str
    """Short, to be read out: `ABCD-1234`."""
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told of one centre and period."""

    lang: str
    centre: Centre
    period: Period
    cut_off: datetime
    """With its zone. Nothing that came later is in here; the documents bear this time."""
    provisional: bool
    mark: Mark
    standard: str
    """Name, revision and source of the list of items, in words."""
    index: tuple[IndexRow, ...] = ()
    gates: tuple[Gate, ...] = ()
    summary: tuple[KpiRow, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    monthly: tuple[KpiRow, ...] = ()
    """By month: `first` and `last` are set."""
    hourly: tuple[KpiRow, ...] = ()
    """By hour of the day: `hour` is set."""
    groups: tuple[tuple[str, tuple[KpiRow, ...]], ...] = ()
    """A key of `GROUPS` and its rows: the whole centre, then service by service (`of`)."""
    quality: Quality = field(default_factory=Quality)
    seal: SealState | None = None
    targets: tuple[TargetRow, ...] = ()
    definitions: tuple[DefinitionRow, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    """What made it: (name, version)."""
    memo: Memo | None = None
    surprise: Surprise | None = None

    def rows(self) -> Iterator[KpiRow]:
        """Every figure in it."""
        yield from self.summary
        for sheet in self.sheets:
            yield from sheet.rows
        yield from self.monthly
        yield from self.hourly
        for _, rows in self.groups:
            yield from rows
