"""The staffing of a centre as JSON: the answer of /v1/staffing and of `gecc staffing --json`, from which the table is made.

null is what is not known. Times are seconds, shares 0..1, `n` always says out of how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kpis.columns import I64, MISSING
from kpis.staffing.erlang import Queue
from kpis.staffing.forecast import Errors
from kpis.staffing.halfhours import A_DAY, A_WEEK, HALF_US
from telemetry.config import Site
from telemetry.hours import DAYS
from telemetry.staffing import HALL, LEAST_DAYS, Change, Need
from telemetry.text import words

METHOD = ("needed", "arrivals", "handle", "patience", "present", "hall", "forecast")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local wall-clock time, whose zone is added when it is shown


def report(needs: Sequence[Need], site: Site, lang: str, change: Change | None = None) -> dict[str, Any]:
    """Everything that is known. With a `change` also what callers would meet with so many more or fewer."""
    w = words(lang, "staffing")
    return {
        "site": site.id,
        "state": "ok" if any(_any_enough(need) for need in needs) else "insufficient_data",
        "hours_declared": bool(site.hours or site.other_hours),
        "least_days": LEAST_DAYS,
        "least_n": site.min_n,
        "units": [_unit(need, site) for need in needs],
        "what_if": [row for need in needs for row in _asked(need, change)] if change else [],
        "method": [w[f"method_{name}"].format(days=LEAST_DAYS, n=site.min_n) for name in METHOD],
    }


def _any_enough(need: Need) -> bool:
    return bool(need.enough().any())


def _unit(need: Need, site: Site) -> dict[str, Any]:
    s = need.slots
    least = max(site.min_n, 1)
    handled, gave_up = int(s.handled.sum()), int(s.gave_up.sum())
    there = np.where(np.isnan(need.present), -1, np.rint(np.nan_to_num(need.present))).astype(np.int64)
    met = need.met_with(there)
    zone = ZoneInfo(site.timezone)
    goal = need.goal
    return {
        "kind": need.kind,
        "unit": None if need.unit == HALL else need.unit,
        "from": _iso(need.from_us, zone),
        "to": _iso(need.to_us, zone),
        "days": _service_days(need),
        "silent_days": need.silent_days,
        "n": int(s.arrivals.sum()),
        "goal": None if goal is None else {"within_seconds": goal.within_s, "share": goal.share},
        "handle_seconds": int(s.handle_ms.sum()) / 1000 / handled if handled >= least else None,
        "handle_n": handled,
        "patience_seconds": int(s.wait_ms.sum()) / 1000 / gave_up if gave_up >= least else None,
        "patience_n": gave_up,
        "waited_n": int(s.waited.sum()),
        "slots": [_slot(need, i, there, met) for i in range(A_WEEK) if s.days[i]],
        "forecast": _forecast(need, zone),
    }


def _service_days(need: Need) -> int:
    """Days on which the unit's busiest half-hour was service time, added up over the week."""
    return int(need.slots.days.reshape(7, A_DAY).max(axis=1).sum())


def _slot(need: Need, i: int, there: I64, met: Queue) -> dict[str, Any]:
    s = need.slots
    known = bool(need.enough()[i])
    return {
        "day": DAYS[i // A_DAY],
        "time": _time(i),
        "days": int(s.days[i]),
        "n": int(s.arrivals[i]),
        "arrivals": float(s.arrivals[i] / s.days[i]),
        "handle_seconds": _number(need.handle_s[i]),
        "handle_n": int(need.handle_n[i]),
        "patience_seconds": _number(need.patience_s[i]),
        "patience_n": int(need.patience_n[i]),
        "load": _number(need.load[i]) if known else None,
        "state": need.state(i),
        "needed": _whole(need.needed, i),
        "present": _number(need.present[i]),
        "met": _met(need, i, int(there[i]), met) if known and there[i] >= 0 else None,
    }


def _met(need: Need, i: int, servers: int, q: Queue) -> dict[str, Any]:
    """What callers meet with so many; without steady state there are no numbers."""
    steady = not np.isnan(q.wait_s[i])
    return {
        "servers": servers,
        "state": "ok" if steady else "overload",
        "within": _number(q.within[i]) if need.goal else None,
        "wait_seconds": _number(q.wait_s[i]),
        "abandoned": _number(q.abandoned[i]) if np.isfinite(need.patience_s[i]) else None,
        "occupancy": _number(q.occupancy[i]),
    }


def _asked(need: Need, change: Change) -> list[dict[str, Any]]:
    out = []
    days = range(7) if change.day is None else (change.day,)
    told = ~np.isnan(need.present)
    for i in (day * A_DAY + change.half for day in days):
        if not need.slots.days[i]:
            continue
        now = round(float(need.present[i])) if told[i] else _whole(need.needed, i)
        row: dict[str, Any] = {
            "kind": need.kind, "unit": None if need.unit == HALL else need.unit, "day": DAYS[i // A_DAY],
            "time": _time(i), "n": int(need.slots.arrivals[i]), "days": int(need.slots.days[i]), "state": need.state(i),
            "compared_with": "present" if told[i] else "needed", "now": None, "then": None,
        }  # fmt: skip
        if now is not None and need.enough()[i]:
            for name, servers in (("now", now), ("then", max(now + change.more, 0))):
                row[name] = _met(need, i, servers, need.met_with(np.full(A_WEEK, servers, np.int64)))
        out.append(row)
    return out


def _forecast(need: Need, zone: ZoneInfo) -> dict[str, Any]:
    f = need.coming
    known = f.method != "none"
    opened = np.flatnonzero(need.coming_open_us > 0)
    return {
        "method": f.method,
        "weeks_of_data": f.weeks,
        "back_test": None if not known else {
            "origins": f.origins, "n": f.n, "level": _errors(f.level), "naive": _errors(f.naive),
        },
        "days": [
            {
                "date": (_EPOCH + timedelta(days=need.coming_first // A_DAY + d)).date().isoformat(),
                "arrivals": _number(f.day_mean[d]), "low": _number(f.day_low[d]), "high": _number(f.day_high[d]),
                **_most(need, d),
            }
            for d in sorted({int(i) // A_DAY for i in opened})
        ] if known else [],
        "half_hours": [
            {
                "from": _local(need.coming_first + int(i), zone),
                "arrivals": _number(f.mean[i]), "low": _number(f.low[i]), "high": _number(f.high[i]),
                "needed": _whole(need.coming_needed, int(i)),
            }
            for i in opened
        ] if known else [],
    }  # fmt: skip


def _most(need: Need, day: int) -> dict[str, Any]:
    """The most that one half-hour of the day needs, and which; null unless all of the day is known."""
    of_day = slice(day * A_DAY, (day + 1) * A_DAY)
    needed = need.coming_needed[of_day]
    if (needed == MISSING)[need.coming_open_us[of_day] > 0].any():
        return {"most_needed": None, "at": None}
    return {"most_needed": int(needed.max()), "at": _time(int(needed.argmax()))}


def _errors(e: Errors | None) -> dict[str, Any] | None:
    if e is None:
        return None
    return {"mae": _number(e.mae), "mase": _number(e.mase), "rmsse": _number(e.rmsse), "bias": _number(e.bias)}


def _number(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def _whole(values: I64, i: int) -> int | None:
    return None if values[i] == MISSING else int(values[i])


def _time(half: int) -> str:
    return f"{half % A_DAY // 2:02}:{half % 2 * 30:02}"


def _iso(us: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).astimezone(zone).isoformat()


def _local(half: int, zone: ZoneInfo) -> str:
    return (_EPOCH + timedelta(microseconds=half * HALF_US)).replace(tzinfo=zone).isoformat()
