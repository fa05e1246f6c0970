"""What /metrics is made of: the composition root gathers it, the exporter shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kpis.cube import Cube
from telemetry.settings import Site


class WaitingNow(Protocol):
    """Who waits in one unit; the times are None where nobody does."""

    @property
    def tickets(self) -> int: ...
    @property
    def tickets_since_us(self) -> int | None: ...
    @property
    def calls(self) -> int: ...
    @property
    def calls_since_us(self) -> int | None: ...


class StandingNow(Protocol):
    """What else stands open at a site."""

    @property
    def reply_due_us(self) -> Mapping[int, int]:
        """Channel → until when the first that waits there is to be answered, where that is declared."""

    @property
    def counters(self) -> int | None:
        """Counters that are open; None where none has told of it."""


class SnapshotNow(Protocol):
    """What the open days say, by site code."""

    @property
    def version(self) -> Mapping[int, int]:
        """Only grows."""

    @property
    def sites(self) -> Mapping[int, Cube]:
        """Yesterday and today."""

    @property
    def matters(self) -> Mapping[int, Cube]:
        """Conversations and cases of any day, as they stand now."""

    @property
    def today(self) -> Mapping[int, int]:
        """Local day, days since 1970."""

    @property
    def waiting(self) -> Mapping[int, Mapping[int, WaitingNow]]:
        """By unit code."""

    @property
    def standing(self) -> Mapping[int, StandingNow]: ...
    @property
    def closed(self) -> Cube:
        """The days before, of all sites; one cell a site and unit."""


@dataclass(frozen=True, slots=True)
class SourceNow:
    """A device or source, or, with site "", what serves all."""

    site: str
    unit: str
    last_event_us: int | None
    lag_us: int | None
    """Receipt minus time of its newest records; None while none came since the service started."""
    rejected: int


class View(Protocol):
    """What the page is made of; the composition root gathers it."""

    @property
    def version(self) -> str: ...
    @property
    def sites(self) -> Mapping[int, str]:
        """Site code → id, of the configured sites."""

    @property
    def configured(self) -> Sequence[Site]: ...
    @property
    def names(self) -> Sequence[str]:
        """What codes mean."""

    @property
    def snapshot(self) -> SnapshotNow: ...
    def now_us(self) -> int: ...
    def service_open(self) -> Iterable[tuple[str, bool]]:
        """(site, is it within its service hours)."""

    def up(self) -> Iterable[tuple[str, str, bool]]:
        """(site, device or source, is it there)."""

    def sequence_missing(self) -> Iterable[tuple[str, str, int]]:
        """(site, device, numbers of its messages that never came)."""

    def clock_offsets(self) -> Iterable[tuple[str, str, float]]:
        """(site, device, seconds by which its clock is slow)."""

    def tallies(self) -> Mapping[str, float]:
        """Counter name (without gecc_ and _total) → value, of the service itself."""

    def rejects(self) -> Mapping[str, int]:
        """Reason → how many since the journal began."""

    def last_event_us(self) -> Mapping[str, int]:
        """Site → time of its last event."""

    def sources_now(self) -> Iterable[SourceNow]: ...
    def disk(self) -> tuple[int, int] | None:
        """Bytes free and in all where the journal lies; None where that cannot be told."""

    def exported(self) -> Mapping[str, float | Mapping[str, float]]:
        """Metrics of other exporters, of those in `standing.EXPORTED`: a value, or one by its label."""
