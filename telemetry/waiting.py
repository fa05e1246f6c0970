"""Who waits now, in each queue and service of each site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kpis import stints, tickets
from kpis.calls import LONGEST_WAIT_US
from kpis.columns import DAY_US, I64, MISSING, Zones
from kpis.model import Facts


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits in one unit, and what was called last."""

    tickets: int = 0
    tickets_since_us: int | None = None
    calls: int = 0
    calls_since_us: int | None = None
    called_seq: int | None = None
    """Journal offset of the newest call of a ticket."""


def waiting_in(
    facts: Mapping[str, Facts], today: Mapping[int, int], now_us: int, zones: Zones
) -> dict[int, dict[int, Waiting]]:
    """Site code → unit code → who waits there, of these facts."""
    out: dict[int, dict[int, Waiting]] = {}
    t, c = facts["tickets"], facts["calls"]
    now = zones.to_local(t.arrival_us, t.site) // DAY_US == by_site_table(t.site.astype(np.int64), today)
    in_line = now & (t.state["standing"] == tickets.WAITING)
    tickets_by = _oldest(t.site[in_line], t.state["waiting_unit"][in_line], t.state["waiting_since_us"][in_line])
    ringing = (c.state["outcome"] == stints.OPEN) & (c.state["waiting_since_us"] > now_us - LONGEST_WAIT_US)
    calls_by = _oldest(c.site[ringing], c.state["waiting_unit"][ringing], c.state["waiting_since_us"][ringing])
    called = now & (t.state["taken_us"] != MISSING)
    newest = np.argsort(t.state["taken_us"][called], kind="stable")
    called_by = dict(
        zip(
            zip(t.site[called][newest].tolist(), t.state["waiting_unit"][called][newest].tolist(), strict=True),
            t.state["taken_seq"][called][newest].tolist(),
            strict=True,
        )
    )
    for site, unit in {*tickets_by, *calls_by, *called_by}:
        n_t, since_t = tickets_by.get((site, unit), (0, None))
        n_c, since_c = calls_by.get((site, unit), (0, None))
        out.setdefault(site, {})[unit] = Waiting(n_t, since_t, n_c, since_c, called_by.get((site, unit)))
    return out


def by_site_table(site: I64, table: Mapping[int, int]) -> I64:
    """`table[site]` for each row, 0 where it has none."""
    if len(site) and site.min() == site.max():
        return np.full(len(site), table.get(int(site[0]), 0), np.int64)
    codes, where = np.unique(site, return_inverse=True)
    return np.array([table.get(int(c), 0) for c in codes], np.int64)[where]


def _oldest(
    site: np.ndarray[tuple[int], np.dtype[np.int32]], unit: I64, since: I64
) -> dict[tuple[int, int], tuple[int, int]]:
    """(site, unit) → how many, and the earliest since."""
    out: dict[tuple[int, int], tuple[int, int]] = {}
    for s, u, t in zip(site.tolist(), unit.tolist(), since.tolist(), strict=True):
        n, first = out.get((s, u), (0, t))
        out[s, u] = (n + 1, min(first, t))
    return out
