"""From the settings of a sealed day back to a site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from telemetry.settings import Change, Channel, Service, Site, Window

_ROWS: Mapping[str, type[Any]] = {"services": Service, "channels": Channel, "windows": Window, "changes": Change}
_DATES = ("since", "until")


def site_of(declared: Mapping[str, Any]) -> Site:
    """The site that a sealed day declares. What this version does not know is left out; what it knew not yet has defaults."""
    known: dict[str, Any] = _known(Site, declared)
    for name, of in _ROWS.items():
        if name in known:
            known[name] = tuple(of(**_known(of, row)) for row in known[name])
    for name in ("closed", "open"):
        known[name] = tuple(date.fromisoformat(day) for day in known.get(name, ()))
    return Site(**known)


def _known(of: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    out = {f.name: row[f.name] for f in fields(of) if f.name in row}
    return out | {name: date.fromisoformat(out[name]) for name in _DATES if out.get(name)}
