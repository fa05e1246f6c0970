"""What /metrics is made of: the composition root gathers it, the exporter shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from kpis.cube import Cube


@dataclass(frozen=True, slots=True)
class WaitingNow:
    site: str
    unit: str
    tickets: int
    tickets_since_us: int | None
    calls: int
    calls_since_us: int | None

    def joined(self, other: WaitingNow) -> WaitingNow:
        """Both under the labels of the first."""
        tickets = [t for t in (self.tickets_since_us, other.tickets_since_us) if t is not None]
        calls = [t for t in (self.calls_since_us, other.calls_since_us) if t is not None]
        return WaitingNow(
            self.site,
            self.unit,
            self.tickets + other.tickets,
            min(tickets, default=None),
            self.calls + other.calls,
            min(calls, default=None),
        )


class View(Protocol):
    """What the page is made of; the composition root gathers it."""

    @property
    def version(self) -> str: ...
    @property
    def sites(self) -> Mapping[int, str]:
        """Site code → id, of the configured sites."""

    def labels(self) -> Mapping[tuple[int, int], tuple[str, str]]:
        """(site, unit) codes → labels; several may share them."""

    @property
    def shown(self) -> dict[tuple[str, tuple[str, str]], float]:
        """Counter and labels → what was last shown; kept between pages."""

    def now_us(self) -> int: ...
    def counted(self) -> Cube:
        """Everything since the journal began, of families whose units may be labels; cells of any time."""

    def today(self) -> Cube:
        """Today of every site."""

    def matters(self) -> Cube:
        """Conversations and cases of any day, as they stand now."""

    def waiting(self) -> Iterable[WaitingNow]: ...
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
