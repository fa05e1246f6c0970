"""Calls that the centre placed (`call.outbound`), and which of them call back a citizen whose call was lost."""

from __future__ import annotations

import numpy as np

from kpis.calls.repeats import DAY_MS
from kpis.columns import I32, I64, Bool, Columns, empty, group, pair, rows_where
from kpis.model import Facts

OUTBOUND = 68


def outbound(cols: Columns, site: I64, when_ms: I64, tokens: tuple[I64, I64], lost: Bool) -> dict[str, Facts]:
    """One row for each call id, at the instant and in the unit of its first event; several logs may tell of one call, and
    the longest talk they tell counts. The other arguments are about the calls of citizens.

    A call-back is a call to a token of a caller whose call at the site was lost at most 24 h before.
    """
    rows = rows_where((cols.type == OUTBOUND) & (cols.contact != 0))
    ev = cols.take(rows[np.lexsort((rows, cols.time_us[rows]))]) if len(rows) else empty()
    g = group(pair(ev.site.astype(np.uint64), ev.contact))
    first = g.order[g.starts]
    talk = np.maximum.reduceat(ev.b[g.order], g.starts) if len(g) else np.empty(0, np.int64)
    token = ev.caller[g.order[g.starts]]
    if len(g) and ev.caller.any():
        told = rows_where(ev.caller[g.order] != 0)[::-1]
        token[g.of_row[told]] = ev.caller[g.order[told]]  # the first that names whom it called
    at_ms = (ev.time_us[first] + 500) // 1000
    return {
        "outbound": Facts(
            site=ev.site[first],
            unit=ev.unit[first],
            arrival_us=ev.time_us[first],
            counts={
                "calls_outbound": np.ones(len(g), np.bool_),
                "calls_outbound_answered": talk > 0,
                "outbound_talk_ms": np.maximum(talk, 0),
                "calls_outbound_number_unknown": token == 0,
                "calls_back": _after_a_loss(ev.site[first], at_ms, token, site, when_ms, tokens, lost),
            },
            state={"seq": ev.seq[first]},
        )
    }


def _after_a_loss(
    site: I32, at_ms: I64, token: I64, call_site: I64, when_ms: I64, tokens: tuple[I64, I64], lost: Bool
) -> Bool:
    """Which of the calls placed follow, within 24 h, a lost call of the same token at the same site."""
    out = np.zeros(len(site), np.bool_)
    if not token.any():
        return out
    missed = [rows_where(lost & (of != 0)) for of in tokens]
    keys = [
        pair(call_site[rows].astype(np.uint64), of[rows].view(np.uint64))
        for rows, of in zip(missed, tokens, strict=True)
    ]
    times = [when_ms[rows] for rows in missed]
    placed = rows_where(token != 0)
    keys.append(pair(site[placed].astype(np.uint64), token[placed].view(np.uint64)))
    times.append(at_ms[placed])
    key, t = np.concatenate(keys), np.concatenate(times)
    is_placed = np.arange(len(key)) >= len(key) - len(placed)
    order = np.lexsort((is_placed, t, key))  # of one instant the loss comes first
    last = np.maximum.accumulate(np.where(is_placed[order], -1, np.arange(len(order))))
    mine = rows_where(is_placed[order])
    before = last[mine]
    loss, back = order[np.maximum(before, 0)], order[mine]
    out[placed[back - (len(key) - len(placed))]] = (
        (before >= 0) & (key[loss] == key[back]) & (t[back] - t[loss] <= DAY_MS)
    )
    return out
