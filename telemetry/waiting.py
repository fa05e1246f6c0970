"""Who waits now, in each queue and service of each site, what is due, and how many counters are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kpis.blocks import pack
from kpis.calls import stints
from kpis.calls.calls import LONGEST_WAIT_US
from kpis.columns import DAY_US, I64, MISSING, Zones, group, rows_where
from kpis.model import Facts
from kpis.tickets import tickets


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits in one unit, and what was called last."""

    tickets: int = 0
    tickets_since_us: int | None = None
    calls: int = 0
    calls_since_us: int | None = None
    called_seq: int | None = None
    """Journal offset of the newest call of a ticket."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What else stands open at a site now."""

    reply_due_us: Mapping[int, int] = field(default_factory=dict)
    """Channel → until when the first that waits there is to be answered, where that is declared."""
    counters: int | None = None
    """Counters that are open; None where none has told of it."""
    complaints_due_us: tuple[int, ...] = ()
    """Dates of the complaints that are open and have one, in their order."""


def standing_in(facts: Mapping[str, Facts]) -> dict[int, Standing]:
    """Site code → what these facts say of it; sites of which they say nothing are not there."""
    talks, words, cases = facts["conversations"], facts["counter_words"], facts["cases"]
    due_us = talks.state["reply_due_us"]
    waits = due_us != MISSING
    first = _oldest(talks.site[waits], talks.unit[waits].astype(np.int64), due_us[waits])
    out: dict[int, Standing] = {}
    codes = rows_where(np.bincount(words.site))
    counters = np.bincount(words.site, words.state["open_now"])[codes].astype(np.int64)
    tell = dict(zip(codes.tolist(), counters.tolist(), strict=True))
    dated = cases.state["complaint_due_us"] != MISSING
    dates = [*zip(cases.site[dated].tolist(), cases.state["complaint_due_us"][dated].tolist(), strict=True)]
    for site in {*tell, *(place[0] for place in first), *(at for at, _ in dates)}:
        due = {unit: us for (at, unit), (_, us) in first.items() if at == site}
        out[site] = Standing(due, tell.get(site), tuple(sorted(us for at, us in dates if at == site)))
    return out


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
    called = rows_where(now & (t.state["taken_us"] != MISSING))
    newest = called[t.state["taken_us"][called].argsort(kind="stable")]
    none = np.zeros(len(newest), np.int64)
    g = group(pack(t.site[newest].astype(np.int64), none, t.state["waiting_unit"][newest]))
    newest = newest[g.order[np.append(g.starts[1:], len(newest))[: len(g)] - 1]]
    places = zip(t.site[newest].tolist(), t.state["waiting_unit"][newest].tolist(), strict=True)
    called_by = dict(zip(places, t.state["taken_seq"][newest].tolist(), strict=True))
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
