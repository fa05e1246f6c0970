"""What the service knows of itself: what came, what became of it, and whether it may be relied on now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace


@dataclass(slots=True)
class SourceHealth:
    """One source since the service started; counts of earlier runs are in the journal's tally."""

    connected: bool = False
    problem: str = ""
    """Why it is not connected, as its collector said."""
    received: int = 0
    events: int = 0
    duplicates: int = 0
    ignored: int = 0
    rejected: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(slots=True)
class Health:
    """Counters that the pipeline writes and the views read; all on the event loop."""

    sources: dict[str, SourceHealth] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Device or source → its records that could not be read since the service started; of what no device is to blame for,
    the source that brought it."""
    lag_us: dict[str, int] = field(default_factory=dict)
    """Device or source → receipt of its newest record, minus the time of what it tells of."""
    commits: int = 0
    commit_seconds: float = 0.0
    storing: bool = True
    """False while the disk is full: nothing is acknowledged, everything waits."""
    started: bool = False

    def source(self, name: str) -> SourceHealth:
        """The health of a source, made at first sight."""
        return self.sources.setdefault(name, SourceHealth())

    def copy(self) -> Health:
        """The same numbers, which another thread may read."""
        sources = {name: replace(s, rejected=dict(s.rejected)) for name, s in self.sources.items()}
        return replace(self, sources=sources, refused=dict(self.refused), lag_us=dict(self.lag_us))

    def ready(self) -> tuple[bool, dict[str, object]]:
        """Whether events are being taken and kept, and what stands in the way."""
        lost = {name: s.problem or "not connected" for name, s in self.sources.items() if not s.connected}
        problems: list[str] = [] if self.storing else ["the disk is full: nothing is acknowledged until there is room"]
        if not self.started:
            problems.append("starting")
        return not problems and not lost, {"problems": problems, "not_connected": lost}
