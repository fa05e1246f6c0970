"""What the measurements of the KPI core are made with: calls and queue events of many centres, from a seed.

Everything is made in the order of a journal, so that any size can be made part by part, again and again alike.
"""

from __future__ import annotations

import telemetry  # isort: skip  # noqa: F401  before NumPy: it chooses the faster sort

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np

from kpis.calls.by_day import Calls
from kpis.columns import DAY_US, I64, MISSING, Columns, Zones
from kpis.declared import ALWAYS, steps
from kpis.model import Rules

SITES, DAYS = 500, 365
BEGIN_US = 1_767_200_400_000_000
"""Midnight of 2026-01-01 in Bangkok."""
CYCLE_MS, LIMIT_MS, WINDOW_MS, SHORT_MS = 5000, 20_000, 7 * 86_400_000, 5000
ZONE_US = 7 * 3600 * 1_000_000
_OPENS_S, _OPEN_S = 30_600, 28_800


def rules(sites: int = SITES) -> Rules:
    """Centres that all declare the same and are always open."""
    codes = range(1, sites + 1)
    return Rules(
        ring_cycle_ms=dict.fromkeys(codes, CYCLE_MS),
        ring_clock=dict.fromkeys(codes, "agent_total"),
        short_abandon_ms=dict.fromkeys(codes, SHORT_MS),
        fcr_window_us=dict.fromkeys(codes, WINDOW_MS * 1000),
        service_level_ms=steps((code, ALWAYS, LIMIT_MS) for code in codes),
    )


def replaced(of: Rules, end_us: int) -> Rules:
    """The rules with one time until which the calls of all centres are known."""
    return replace(of, end_us=dict.fromkeys(of.ring_cycle_ms, end_us))


def zones(sites: int = SITES) -> Zones:
    return Zones(dict.fromkeys(range(1, sites + 1), 0), (np.array([-(2**62)]),), (np.array([ZONE_US]),))


def _arrivals(rng: np.random.Generator, n: int, first_day: int, last_day: int) -> I64:
    """Whole seconds in the opening hours of days, ascending."""
    day = rng.integers(first_day, last_day, n) * 86_400
    return np.sort(BEGIN_US // 1_000_000 + day + rng.integers(_OPENS_S, _OPENS_S + _OPEN_S, n))


def _callers(rng: np.random.Generator, site: I64, n_sites: int) -> I64:
    """Tokens: a centre's calls come from two citizens for five calls, and every seventh call is of somebody who called in
    the last days; every twelfth number is withheld. `site` is in order of time."""
    n = len(site)
    by_site = np.argsort(site, kind="stable")
    who = rng.integers(0, max(2, n * 2 // 5 // n_sites), n)
    recent = np.maximum(np.arange(n) - rng.integers(1, 300, n), 0)
    again = (rng.random(n) < 1 / 7) & (site[by_site][recent] == site[by_site])
    who[again] = who[recent[again]]
    out = np.empty(n, np.int64)
    out[by_site] = who
    token = np.random.default_rng(5).integers(1, 2**63, (n_sites + 1, int(out.max(initial=0)) + 1))[site, out]
    token[rng.random(n) < 1 / 12] = 0
    return token


def calls(n: int = 10_000_000, *, sites: int = SITES, days: int = DAYS, seed: int = 1) -> tuple[Calls, I64]:
    """Calls in the order of their arrival, and their callers."""
    rng = np.random.default_rng(seed)
    arrival = _arrivals(rng, n, 0, days) * 1_000_000
    arrival += rng.integers(0, 1000, n) * 1000
    arrival.sort()
    site = rng.integers(1, sites + 1, n, dtype=np.int32)
    fate = rng.random(n, dtype=np.float32)
    answered, lost = fate < 0.92, fate >= 0.93
    ring = rng.exponential(8000, n).astype(np.int64)
    made = Calls(
        site=site,
        arrival_us=arrival,
        answered=answered,
        lost=lost,
        wait_ms=rng.exponential(18_000, n).astype(np.int64),
        ring_ms=np.where(answered & (rng.random(n, dtype=np.float32) < 0.98), ring, MISSING),
    )
    return made, _callers(rng, site.astype(np.int64), sites)


def _events(rng: np.random.Generator, n: int, first_day: int, last_day: int, sites: int) -> Columns:
    """The queue events of `n` calls: every way to end, transfers, phones that rang in vain; of some calls one is lost."""
    start = _arrivals(rng, n, first_day, last_day)
    site = rng.integers(1, sites + 1, n).astype(np.int32)
    unit = (1000 + rng.integers(0, 3, n)).astype(np.int32)
    contact = rng.integers(1, 2**64, n, np.uint64)
    caller = _callers(rng, site.astype(np.int64), sites)
    fate = rng.random(n)
    wait, ring, talk = rng.integers(0, 60, n), rng.integers(0, 20, n) * 1000, rng.integers(5, 300, n)
    answered = fate < 0.90
    exit_ = np.where(fate < 0.96, 57, rng.integers(58, 63, n))
    sent = answered & (rng.random(n) < 0.03)
    nothing, one = np.full(n, MISSING), np.ones(n, np.int64)
    on = (1000 + (unit - 999) % 3).astype(np.int32)
    then = start + wait + talk
    parts: list[list[I64]] = []
    gone = np.where(rng.random(n) < 0.02, rng.integers(0, 9, n), -1)

    def told(mask, time_s, code, a=nothing, b=nothing, to=unit, who=None) -> None:
        rows = np.flatnonzero(mask & (gone != len(parts)))
        code = np.broadcast_to(code, n)
        who = np.zeros(n, np.int64) if who is None else who
        parts.append([rows, *(x[rows] for x in (time_s, code, a, b, to, who))])

    told(start > 0, start, 51, one, who=caller)
    told(answered & (rng.random(n) < 0.1), start + np.maximum(wait - 1, 0), 52, np.full(n, 15_000))
    told(answered, start + wait, 54, wait * 1000, ring)
    told(answered & ~sent, then, 55, wait * 1000, talk * 1000)
    told(sent, then, 56, wait * 1000, talk * 1000)
    told(sent, then, 51, one, to=on, who=caller)
    told(sent, then + 7, 54, np.full(n, 7000), ring, to=on)
    told(sent, then + 7 + talk, 55, np.full(n, 7000), talk * 1000, to=on)
    told(~answered, start + wait, exit_, wait * 1000, one)
    row, time_s, code, a, b, to, who = (np.concatenate(x) for x in zip(*parts, strict=True))
    order = np.argsort(time_s, kind="stable")
    row, time_us, m = row[order], time_s[order] * 1_000_000, len(order)
    place = np.arange(m) - np.maximum.accumulate(np.where(np.diff(time_us, prepend=-1) != 0, np.arange(m), 0))
    return Columns(
        seq=np.arange(m),
        time_us=time_us + place,  # lines of one second, in the order they were written
        site=site[row],
        type=code[order].astype(np.int16),
        unit=to[order].astype(np.int32),
        contact=contact[row],
        party=np.zeros(m, np.int32),
        caller=who[order],
        a=a[order],
        b=b[order],
        c=np.full(m, MISSING),
        source=np.ones(m, np.int32),
    )


def events(n_calls: int = 10_000_000, *, sites: int = SITES, days: int = DAYS, seed: int = 2) -> Iterator[Columns]:
    """The interleaved queue events of a year's calls, some days at a time, as a journal would give them back."""
    edges = np.linspace(0, days, max(1, min(days, n_calls // 250_000)) + 1).astype(int).tolist()
    seq = 1
    for i, (first, last) in enumerate(pairwise(edges)):
        done, upto = (n_calls * day // days for day in (first, last))
        part = _events(np.random.default_rng((seed, i)), upto - done, first, last, sites)
        part.seq[:] += seq
        seq += len(part)
        yield part


def gathered(parts: Iterator[Columns], n: int) -> Columns:
    """At most `n` events of the parts as one, in memory for no more than twice their longest part beside."""
    out: Columns | None = None
    at = 0
    for part in parts:
        if out is None:
            out = Columns(*(np.empty(n, getattr(part, f.name).dtype) for f in fields(Columns)))
        m = min(len(part), n - at)
        for f in fields(Columns):
            getattr(out, f.name)[at : at + m] = getattr(part, f.name)[:m]
        at += m
    assert out is not None
    return out.take(slice(0, at))


assert BEGIN_US % DAY_US == DAY_US - ZONE_US
