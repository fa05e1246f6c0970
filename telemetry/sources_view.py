"""What is known of each device and log of a site, for `/v1/sources`: from the board's sources and what was counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from telemetry.health import SourceHealth
from telemetry.settings import Device, Site
from telemetry.web.service import SourceNow, SourceRow


class DeviceFacts(Protocol):
    """What the decoder of devices knows beside events; see `collectors.devices`."""

    @property
    def received(self) -> int: ...
    @property
    def rejected(self) -> Mapping[str, int]: ...
    @property
    def sequence_missing(self) -> int | None: ...
    @property
    def clock_offset_us(self) -> int | None: ...
    @property
    def clock_flagged(self) -> bool: ...
    @property
    def dropped(self) -> tuple[int, int, int]: ...


def source_rows(
    site: Site,
    now: Sequence[SourceNow],
    *,
    facts: Callable[[Iterable[str]], Mapping[str, DeviceFacts]],
    state: Callable[[str], tuple[str, int] | None],
    health: Mapping[str, SourceHealth],
    now_ms: int,
    lag_us: Mapping[str, int],
) -> list[SourceRow]:
    """Rows in the order of the board's. `state` says what a device last told of itself, and since when (µs);
    `lag_us` the receipt minus the time of the newest message of each."""
    devices = {d.id: d for d in site.devices}
    logs = {s.id: s for s in site.sources}
    known = facts([f"{site.id}/{d}" for d in devices])
    out: list[SourceRow] = []
    for row in now:
        name, last = f"{site.id}/{row['id']}", row["last_event_ms"]
        device = devices.get(row["id"])
        common: SourceRow = {
            "id": row["id"],
            "kind": row["kind"],
            "convention": device.convention if device else None,
            "format": None if device else logs[row["id"]].format,
            "state": row["state"],
            "since_ms": None,
            "last_event_ms": last,
            "lag_s": None if last is None else max(0.0, (now_ms - last) / 1000),
            "delay_s": lag_us[name] / 1e6 if name in lag_us else None,
            "received": 0,
            "rejected": {},
            "sequence_missing": None,
            "clock_offset_ms": None,
            "clock_flagged": False,
            "dropped": None,
        }
        out.append(
            _of_device(common, device, known[name], state(name)) if device else _of_log(common, health.get(name))
        )
    return out


def _of_device(row: SourceRow, device: Device, it: DeviceFacts, said: tuple[str, int] | None) -> SourceRow:
    offset = it.clock_offset_us
    bounced, retained, replayed = it.dropped
    return {
        **row,
        "since_ms": said[1] // 1000 if said else None,
        "received": it.received,
        "rejected": dict(it.rejected),
        "sequence_missing": it.sequence_missing,
        "clock_offset_ms": None if offset is None else round(offset / 1000),
        "clock_flagged": it.clock_flagged,
        "dropped": {"bounced": bounced, "retained": retained, "replayed": replayed} if device.presses else None,
    }


def _of_log(row: SourceRow, health: SourceHealth | None) -> SourceRow:
    if health is None:
        return row
    return {**row, "received": health.received, "rejected": dict(health.rejected)}
