"""One call that several sources tell of counts once.

A telephone system may be told of by several logs: Asterisk's queue_log, its channel events, its manager interface and
its call records. They name a call alike and see different things of it. The rule:

1. Of one call, only the events of the best source that knows it count (`Teller.rank`, 1 first).
2. A call that only a lesser source knows counts where the better ones were silent: no event of theirs within 12 hours
   before it, or none within 12 hours after it unless they are still followed. Else the better source would have told
   of it, had it been offered there: it is set aside and shown as `calls_only_in_other_log`.
3. A word about an agent (agent.*), or a restart, that a lesser source tells is the better one's where that tells the same
   of the same agent and queue at most 10 seconds (of the clock, fractions left out) before or after; else it counts.

What is told of a call beside its passages (`kpis.calls.told_besides`) counts from any source.

So a live connection that was lost is filled by the log of the same calls, and no call is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kpis.columns import I32, I64, Bool, Columns, group, pair
from kpis.intervals import Rows
from kpis.model import Teller

NEAR_US = 12 * 3600 * 1_000_000
SAME_WORD_S = 10
_FIRST, _LAST = 50, 66
"""Codes of the events that tell of a caller's call: from reaching a number to being refused."""


def tell_apart(cols: Columns, tellers: Mapping[int, Teller]) -> tuple[Columns, Columns]:
    """The events that count, and those of calls that only a lesser source knows (see above)."""
    nothing = np.zeros(len(cols), np.bool_)
    known = _several(cols.source, tellers)
    if not known:
        return cols, cols.take(nothing)

    system, rank = _placed(cols.source, known)
    rows = np.flatnonzero((system >= 0) & (cols.type >= _FIRST) & (cols.type <= _LAST) & (cols.contact != 0))
    g = group(pair(system[rows].astype(np.uint64), cols.contact[rows]))
    rows = rows[g.order]
    if not len(rows):
        return cols, cols.take(nothing)
    best = np.minimum.reduceat(rank[rows], g.starts)
    arrival = np.minimum.reduceat(cols.time_us[rows], g.starts)
    aside = _known_better(system[rows][g.starts], best, arrival, cols.time_us, system, rank, known)
    drop, set_aside = nothing, nothing.copy()
    drop[rows] = (rank[rows] > best[g.of_row]) | aside[g.of_row]
    set_aside[rows] = aside[g.of_row] & (rank[rows] == best[g.of_row])
    return cols.take(~drop), cols.take(set_aside)


def words_once(cols: Columns, words: Rows, tellers: Mapping[int, Teller]) -> Rows:
    """Of the rows of words about agents, and of restarts, those that count, in the order they have (see above)."""
    known = _several(cols.source[words], tellers)
    if not known:
        return words
    system, rank = _placed(cols.source[words], known)
    what = cols.unit[words].astype(np.uint64) << np.uint64(8) | cols.type[words].astype(np.uint64)
    g = group(pair(pair(system.astype(np.uint64), cols.party[words].astype(np.uint64)), what))
    second = np.empty(len(words), np.int64)
    second[g.order] = g.of_row << 32
    second += cols.time_us[words] // 1_000_000
    counts = np.ones(len(words), np.bool_)
    for r in np.unique(rank).tolist():
        better, mine = np.sort(second[(system >= 0) & (rank < r)]), np.flatnonzero((system >= 0) & (rank == r))
        until = np.searchsorted(better, second[mine] + SAME_WORD_S, side="right")
        counts[mine] = until == np.searchsorted(better, second[mine] - SAME_WORD_S)
    return words[counts]


def _several(source: I32, tellers: Mapping[int, Teller]) -> dict[int, Teller]:
    """The sources among these of systems that several tell of, not equally well."""
    there = np.flatnonzero(np.bincount(source)).tolist() if tellers and len(source) else []
    known = {code: tellers[code] for code in there if code in tellers}
    ranks: dict[int, set[int]] = {}
    for teller in known.values():
        ranks.setdefault(teller.system, set()).add(teller.rank)
    return {code: teller for code, teller in known.items() if len(ranks[teller.system]) > 1}


def _placed(source: I32, known: Mapping[int, Teller]) -> tuple[I64, I64]:
    """System and rank of each row; -1 and 0 of those that no others tell of."""
    size = max(int(source.max()), *known) + 1
    system, rank = np.full(size, -1, np.int64), np.zeros(size, np.int64)
    for code, teller in known.items():
        system[code], rank[code] = teller.system, teller.rank
    return system[source], rank[source]


def _known_better(
    call_system: I64, best: I64, arrival: I64, time_us: I64, system: I64, rank: I64, tellers: Mapping[int, Teller]
) -> Bool:
    """For each call: whether a better source than its best was there at that time and does not know it."""
    out = np.zeros(len(best), np.bool_)
    for of, r in {(int(s), int(b)) for s, b in zip(call_system, best, strict=True)}:
        calls = np.flatnonzero((call_system == of) & (best == r))
        better = np.sort(time_us[(system == of) & (rank < r)])
        if not len(better):
            continue
        at = np.searchsorted(better, arrival[calls], side="right")
        before = (at > 0) & (arrival[calls] - better[np.maximum(at - 1, 0)] <= NEAR_US)
        after = (at < len(better)) & (better[np.minimum(at, len(better) - 1)] - arrival[calls] <= NEAR_US)
        if any(t.system == of and t.rank < r and t.followed for t in tellers.values()):
            after = np.ones(len(calls), np.bool_)
        out[calls] = before & after
    return out
