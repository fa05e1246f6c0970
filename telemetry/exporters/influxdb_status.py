"""What the exporter to InfluxDB says of itself, on /metrics and /healthz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Status:
    """What it says of itself."""

    up: bool = True
    """Until a call fails."""
    problem: str = ""
    behind_events: int = 0
    points: int = 0
    """That the store has taken, since the service started."""
    set_aside: int = 0
    """That it refused, since the first."""
    failures: Mapping[str, int] = field(default_factory=dict)

    def metrics(self) -> dict[str, float | Mapping[str, float]]:
        """For /metrics."""
        return {
            "gecc_influxdb_up": float(self.up),
            "gecc_influxdb_behind_events": self.behind_events,
            "gecc_influxdb_points_total": self.points,
            "gecc_influxdb_set_aside_total": self.set_aside,
            "gecc_influxdb_failures_total": dict(self.failures),
        }

    def health(self) -> dict[str, Any]:
        """For /healthz."""
        return {
            "up": self.up, "problem": self.problem, "behind_events": self.behind_events, "set_aside": self.set_aside,
        }  # fmt: skip
