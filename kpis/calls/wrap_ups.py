"""Wrap-ups: the work of an agent after a call, which adds to the time that calls take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kpis.columns import I64, Bool, Columns, rows_where
from kpis.model import Facts, Rules

WRAP_UP = 67
NO_CALL = -1
"""The outcome of a row that is no call but a wrap-up, and of a call that is out of scope."""


def with_wrap_ups(calls: Facts, cols: Columns, rules: Rules) -> Facts:
    """The calls, and a row for each wrap-up, which names an agent and a unit but no call: it counts in its own unit, when
    it begins in service hours."""
    rows = rows_where(cols.type == WRAP_UP)
    n, m = len(calls.site), len(rows)
    if not m:
        none = np.zeros(n, np.bool_)
        more: dict[str, Bool | I64] = {"wrap_ups": none, "wrap_ups_known": none, "wrap_up_ms": np.zeros(n, np.int64)}
        return replace(calls, counts={**calls.counts, **more})
    inside = rules.calendar.is_open(cols.time_us[rows], cols.site[rows])
    known = inside & (cols.a[rows] >= 0)
    told_ms = np.where(known, cols.a[rows], 0)
    own: dict[str, Bool | I64] = {
        "wrap_ups": inside, "wrap_ups_known": known, "wrap_up_ms": told_ms, "handle_ms": told_ms
    }  # fmt: skip

    none_of = {kind: (np.zeros(n, kind), np.zeros(m, kind)) for kind in (np.dtype(np.bool_), np.dtype(np.int64))}

    def both(name: str) -> Bool | I64:  # of one type whether there are wrap-ups or not
        kind = (calls.counts if name in calls.counts else own)[name].dtype
        no_call, no_wrap_up = none_of[kind]
        return np.concatenate([calls.counts.get(name, no_call), own.get(name, no_wrap_up)])

    def filled(values: Mapping[str, I64], fill: int) -> dict[str, I64]:
        return {name: np.concatenate([of, np.full(m, fill)]) for name, of in values.items()}

    return Facts(
        site=np.concatenate([calls.site, cols.site[rows]]),
        unit=np.concatenate([calls.unit, cols.unit[rows]]),
        arrival_us=np.concatenate([calls.arrival_us, cols.time_us[rows]]),
        counts={name: both(name) for name in dict.fromkeys((*calls.counts, *own))},
        seconds=filled(calls.seconds, -1),
        state={**filled(calls.state, NO_CALL), "seq": np.concatenate([calls.state["seq"], cols.seq[rows]])},
    )
