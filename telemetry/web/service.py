"""What the pages need of the rest of the product, and the JSON they hand out. Nothing else is known here.

Missing is None everywhere (NaN is sent as null too); times are milliseconds since 1970 UTC (`_ms`) or
ISO 8601 with offset; ratios are 0..1, percents 0..100, durations seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, Protocol, TypedDict

from telemetry.web.screens import Glance, Hall, OwnTicket

Verdict = Literal["met", "not_met", "insufficient_data"]
UnitKind = Literal["ratio", "seconds", "percent", "count", "histogram"]
BetterWord = Literal["higher", "lower", "none"]
By = Literal[
    "total", "unit", "agent", "counter", "device", "half_hour", "hour", "day", "month", "quarter", "fiscal_year"
]


class BusyError(Exception):
    """Too much is being asked at once; the same question may be asked again."""


class SiteInfo(Protocol):
    """A service centre as a reader sees it; a configured site fits as it is."""

    @property
    def id(self) -> str: ...
    @property
    def name_th(self) -> str: ...
    @property
    def name_en(self) -> str: ...
    @property
    def timezone(self) -> str: ...


class SiteName(TypedDict):
    id: str
    name_th: str
    name_en: str


class Now(TypedDict):
    """Who waits. None is "not known" (no such source); nobody waiting is 0 with a `since` of None."""

    tickets_waiting: int | None
    longest_ticket_wait_since_ms: int | None
    calls_waiting: int | None
    longest_call_wait_since_ms: int | None


class UnitNow(Now):
    unit: str
    name_th: str
    name_en: str
    target_minutes: float | None
    last_called: str | None
    last_counter: str | None


class Bin(TypedDict):
    """One bar of a histogram row: `label` is shown as it is; `over` marks a bar beyond the target."""

    label: str
    count: int
    over: NotRequired[bool]


TodayRow = TypedDict(
    "TodayRow",
    {
        "kpi": str,
        "label_th": str,
        "label_en": str,
        "definition_th": str,
        "definition_en": str,
        "unit_kind": UnitKind,
        "value": float | None,
        "numerator": float | None,
        "denominator": float | None,
        "n": int,
        "ci_low": float | None,
        "ci_high": float | None,
        "target": float | None,
        "better": BetterWord,
        "verdict": Verdict | None,
        "from": str,
        "to": str,
        "bins": NotRequired[list[Bin]],  # of a histogram; its `value` is the one figure to show beside it
    },
)


class Hour(TypedDict):
    hour: int
    tickets_issued: int
    calls_offered: int
    calls_lost: int


class SourceNow(TypedDict):
    id: str
    kind: Literal["kiosk", "button", "counter", "log", "mqtt"]
    state: Literal["online", "offline", "silent", "unknown"]
    last_event_ms: int | None


class Dropped(TypedDict):
    """Presses of a button that were none."""

    bounced: int
    retained: int
    replayed: int


class SourceRow(TypedDict):
    """One device or log. `lag_s` is the age of its last event, `delay_s` the receipt of the newest minus its own time.
    Counts of messages and rejects are since the start of the service."""

    id: str
    kind: Literal["kiosk", "button", "counter", "log", "mqtt"]
    convention: str | None
    format: str | None
    state: Literal["online", "offline", "silent", "unknown"]
    since_ms: int | None
    last_event_ms: int | None
    lag_s: float | None
    delay_s: float | None
    received: int
    rejected: dict[str, int]
    sequence_missing: int | None
    clock_offset_ms: int | None
    clock_flagged: bool
    dropped: Dropped | None


class Board(TypedDict):
    """The wallboard of one site at one moment. Never changed after it was handed out."""

    version: int
    as_of_ms: int
    day: str
    timezone: str
    site: SiteName
    now: Now
    units: list[UnitNow]
    today: list[TodayRow]
    hours: list[Hour]
    sources: list[SourceNow]


class TargetThen(TypedDict):
    """A target as it was declared from a day on; `since` None is from the beginning."""

    since: str | None
    value: float | None
    why: str


KpiRow = TypedDict(
    "KpiRow",
    {
        "kpi": str,
        "site": str,
        "unit": str,
        "from": str,
        "to": str,
        "value": float | None,
        "numerator": float | None,
        "denominator": float | None,
        "n": int,
        "ci_low": float | None,
        "ci_high": float | None,
        "target": float | None,
        "target_since": str | None,
        "targets": NotRequired[list[TargetThen]],  # where it changed within the period
        "coverage": float | None,
        "verdict": Verdict | None,
        "definition": str,
    },
)


class DefinitionRow(TypedDict):
    """One KPI explained, in one language; `facts` are headings and words in the order of reading."""

    kpi: str
    label: str
    group: str
    definition: str
    facts: list[tuple[str, str]]
    criteria: tuple[str, ...]


class Service(Protocol):
    """What the pages ask for. What is not awaited must return at once."""

    def now_ms(self) -> int:
        """The clock that `as_of_ms` and every `since` were read from; screens follow it, not their own."""
        ...

    def sites(self) -> Sequence[SiteInfo]: ...

    def board(self, site_id: str) -> Board:
        """The newest snapshot; KeyError for an unknown site."""
        ...

    async def board_soon(self, site_id: str) -> Board:
        """The same, made where nothing waits for it: a first board of a version takes milliseconds."""
        ...

    async def hall(self, site_id: str) -> Hall:
        """Who is called where, and how long the lines are; KeyError for an unknown site."""
        ...

    async def ticket(self, site_id: str, label: str) -> OwnTicket:
        """One ticket of today; KeyError for an unknown site."""
        ...

    async def glance(self, site_id: str) -> Glance:
        """What counter staff need beside the board; KeyError for an unknown site."""
        ...

    def sources(self, site_id: str) -> list[SourceRow]:
        """What is known of each device and log; KeyError for an unknown site."""
        ...

    async def changed(self, site_id: str, last_version: int) -> int:
        """Wait until the snapshot's version is another than `last_version`; may be cancelled at any time."""
        ...

    async def kpis(self, site_id: str, from_: str | None, to: str | None, by: By, lang: str) -> list[KpiRow]:
        """Rows over `from_`..`to` as the reader wrote them (None: not given), definitions in `lang`. ValueError says
        what is wrong with them, BusyError that others are being answered."""
        ...

    def definitions(self, site_id: str, lang: str) -> list[DefinitionRow]:
        """Every KPI with the rules of the site; KeyError for an unknown site."""
        ...

    async def staffing(
        self, site_id: str, unit: str | None, weeks: int, what_if: str | None, lang: str
    ) -> dict[str, Any]:
        """Who is needed when, and who will come (`telemetry.staffing_view`). ValueError says what is wrong with the
        question, BusyError that others are being answered."""
        ...

    async def manager(self, site_id: str, from_: str | None, to: str | None, lang: str) -> dict[str, Any]:
        """Today against target, the course of the last weeks, the worst half-hours of a period
        (`telemetry.manager`). ValueError and BusyError as above."""
        ...

    async def drill(
        self, site_id: str, kpi: str, from_: str | None, to: str | None, *, unit: str | None, part: str | None,
        page: int, lang: str,
    ) -> dict[str, Any]:  # fmt: skip
        """The contacts behind a figure (`telemetry.drill_view`). KeyError for an unknown KPI; ValueError and BusyError as
        above."""
        ...

    async def contact(self, site_id: str, key: int, lang: str) -> dict[str, Any]:
        """One contact and its events (`telemetry.drill_view`). KeyError where the site has none of that key, BusyError as
        above."""
        ...

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """Exposition body and its content type, for an Accept header."""
        ...

    def health(self) -> dict[str, Any]: ...

    def ready(self) -> tuple[bool, dict[str, Any]]: ...
