"""A centre's day of 5,000 events of every kind, for the measurements of cubes and of the live view."""

from __future__ import annotations

import telemetry  # isort: skip  # noqa: F401  before NumPy: it chooses the faster sort

from dataclasses import fields

import numpy as np

from kpis.columns import DAY_US, I64, MISSING, Columns
from telemetry.config import Service, Site

H = 3600 * 1_000_000
NAMES = ("idcard", "tax", "visit", "info", "help", "line", "email", *(f"agent-{i}" for i in range(12)),
         *(f"counter-{i}" for i in range(6)), "kiosk", "pbx", "buttons", "web")  # fmt: skip
CODE = {name: code for code, name in enumerate(NAMES, 1)}


def site(i: int) -> Site:
    return Site(
        id=f"centre-{i}",
        services=(Service(id="idcard", target_minutes=30.0), Service(id="tax")),
        hours={"mon-sun": "08:30-16:30"},
        lunch="12:00-13:00",
    )


def day(code: int, opens_us: int, rng: np.random.Generator, size: float = 1.0) -> Columns:
    """Events of the site of this code from its opening on, 5,000 of them, in journal order."""
    parts: list[list[I64]] = []

    def told(
        time_us, kind, unit="", party="", source="pbx", *, contact=0, a=MISSING, b=MISSING, c=MISSING, who=0
    ) -> None:
        unit, party = (CODE.get(x, 0) if isinstance(x, str) else x for x in (unit, party))
        values = (time_us, kind, contact, unit, party, a, b, c, who, CODE[source])
        parts.append([np.broadcast_to(np.asarray(v), len(time_us)) for v in values])

    def some(n: float, until: int = 8 * H) -> I64:
        return opens_us + np.sort(rng.integers(0, until, int(n * size)))

    def names(n: int) -> np.ndarray:
        return rng.integers(1, 2**64, n, np.uint64)

    def one_of(n: int, *words: str) -> I64:
        return rng.choice([CODE[w] for w in words], n)

    counters = [f"counter-{i}" for i in range(6)]
    agents = [f"agent-{i}" for i in range(12)]
    t = some(480, 7 * H)
    n = len(t)
    ticket, service, counter = names(n), one_of(n, "idcard", "tax", "visit"), one_of(n, *counters)
    called = t + rng.integers(20, 1500, n) * 1_000_000
    started = called + rng.integers(5, 60, n) * 1_000_000
    done, came = started + rng.integers(60, 900, n) * 1_000_000, rng.random(n) < 0.95
    told(t, 10, service, source="kiosk", contact=ticket, a=0)
    told(called, 11, service, counter, "kiosk", contact=ticket)
    told(called[~came] + 60_000_000, 17, service[~came], counter[~came], "kiosk", contact=ticket[~came])
    told(started[came], 13, service[came], counter[came], "kiosk", contact=ticket[came])
    told(done[came], 16, service[came], counter[came], "kiosk", contact=ticket[came], a=1)
    t = some(480)
    n = len(t)
    call, queue, agent = names(n), one_of(n, "info", "help"), one_of(n, *agents)
    wait, ring, talk = rng.integers(1, 90, n), rng.integers(1, 18, n) * 1000, rng.integers(20, 600, n)
    ok, rang = rng.random(n) < 0.85, rng.random(n) < 0.3
    end, over = t + wait * 1_000_000, t + (wait + talk) * 1_000_000
    told(t, 51, queue, contact=call, a=1, who=rng.integers(1, 200, n) * 0x1E3779B97F4A7)
    told(t[rang] + wait[rang] * 500_000, 52, queue[rang], agent[rang], contact=call[rang], a=5000)
    told(end[ok], 54, queue[ok], agent[ok], contact=call[ok], a=(wait * 1000)[ok], b=ring[ok])
    told(over[ok], 55, queue[ok], agent[ok], contact=call[ok], a=(wait * 1000)[ok], b=(talk * 1000)[ok], c=0)
    told(end[~ok], 57, queue[~ok], contact=call[~ok], a=(wait * 1000)[~ok], b=1)
    t = some(250)
    n = len(t)
    told(t, 40, one_of(n, "idcard", "tax"), one_of(n, *counters), "buttons", a=rng.integers(1, 6, n), b=5)
    t = some(60, 6 * H)
    n = len(t)
    chat, channel = names(n), one_of(n, "line", "email")
    told(t, 20, channel, source="web", contact=chat)
    told(t + rng.integers(60, 3600, n) * 1_000_000, 22, channel, one_of(n, *agents), "web", contact=chat, a=0)
    told(t + 2 * H, 24, channel, source="web", contact=chat, a=1)
    t = some(12, 4 * H)
    case = names(len(t))
    told(t, 100, source="web", contact=case, a=1)
    told(t + H, 101, source="web", contact=case)
    told(t + 3 * H, 108, source="web", contact=case, a=1)
    told(opens_us + np.arange(12), 86, "info", np.array([CODE[a] for a in agents]))
    t = some(150)
    busy = one_of(len(t), *agents)
    told(t, 82, "info", busy)
    told(t + 300_000_000, 83, "info", busy)
    told(opens_us + np.arange(6), 30, "", np.array([CODE[c] for c in counters]), "kiosk")
    told(opens_us + 8 * H + np.arange(6), 31, "", np.array([CODE[c] for c in counters]), "kiosk")
    told(opens_us + np.arange(0, 8 * H, 60_000_000), 92, "", CODE["kiosk"], "kiosk", a=0, b=1)
    time_us, kind, contact, unit, party, a, b, c, who, source = (np.concatenate(x) for x in zip(*parts, strict=True))
    order = np.argsort(time_us, kind="stable")
    m = len(order)
    columns = (np.arange(1, m + 1), time_us, np.full(m, code), kind, unit, contact, party, who, a, b, c, source)
    dtypes = ("i8", "i8", "i4", "i2", "i4", "u8", "i4", "i8", "i8", "i8", "i8", "i4")
    return Columns(*(np.ascontiguousarray(v[order], t) for v, t in zip(columns, dtypes, strict=True)))


def later(events: Columns, days: int) -> Columns:
    """The same day some days later; calls and tickets are other ones."""
    moved = {f.name: getattr(events, f.name) for f in fields(Columns)}
    moved["time_us"] = events.time_us + days * DAY_US
    moved["contact"] = np.where(events.contact == 0, np.uint64(0), events.contact + np.uint64(days))
    return Columns(**moved)
