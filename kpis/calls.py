"""Calls: stints → calls (one caller's one attempt) → measures. Their KPIs are in call_kpis.py.

A call is one call id. It belongs to its first queue and to its arrival; a passage through a further queue only adds
to its `queue_entries`. The `queue_passages` belong to the queue that was passed. A call that met only a closed queue is not offered.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kpis.columns import I64, MISSING, Bool, Columns, absent, concat, first_row, group, pair, pick, total
from kpis.model import Facts, Rules
from kpis.sources import tell_apart
from kpis.stints import (
    ABANDONED,
    ANSWERED,
    CENSORED,
    LEFT_BY_KEY,
    NO_AGENT,
    OPEN,
    TIMED_OUT,
    TURNED_AWAY_CLOSED,
    TURNED_AWAY_EMPTY,
    TURNED_AWAY_FULL,
    Stints,
    stints,
)

REACHED, RESTARTED = 50, 95
LONGEST_WAIT_US = 4 * 3600 * 1_000_000
"""A call open longer than this, or open when its PBX restarted, is censored: it was cut off or its end was lost."""

_PBX = np.zeros(128, np.bool_)
_PBX[50:90] = True
_PBX[95:97] = True
_CLOCKS = {"agent_total": 0, "agent_last": 1, "queue": 2}
_TURNED_AWAY = (TURNED_AWAY_EMPTY, TURNED_AWAY_FULL, TURNED_AWAY_CLOSED)


def last_heard(cols: Columns) -> dict[int, int]:
    """Site → time of its last event from any PBX source: until then its calls are known."""
    rows = _PBX[cols.type]
    codes, of = np.unique(cols.site[rows], return_inverse=True)
    latest = np.zeros(len(codes), np.int64)
    np.maximum.at(latest, of, cols.time_us[rows])
    return dict(zip(codes.tolist(), latest.tolist(), strict=True))


def contacts(cols: Columns, rules: Rules) -> tuple[Facts, Facts, Facts]:
    """The calls, the stints, and the calls that reached the centre but no queue, among these events, whatever order the
    events are in. Calls that several sources tell of count once (`kpis.sources`)."""
    ends = {**last_heard(cols), **rules.end_us}
    cols, elsewhere = tell_apart(cols, rules.tellers)
    passages = stints(cols)
    calls = _calls(passages, rules, ends, cols.take(cols.type == RESTARTED))
    return calls, _stint_facts(passages), _unqueued(cols, passages, elsewhere)


def _calls(s: Stints, rules: Rules, ends: Mapping[int, int], restarts: Columns) -> Facts:
    order = np.lexsort((s.seq, s.enter_us))
    g = group(s.call[order])
    order, at, of = order[g.order], g.starts, g.of_row
    last = np.append(at[1:], len(order))[: len(at)] - 1
    site, unit, arrival = s.site[order][at], s.unit[order][at], s.enter_us[order][at]
    told = _Told(site)

    first_answer = first_row(s.answered[order], at)
    answered = first_answer < len(order)
    until_answer = np.arange(len(order)) <= first_answer[of]
    outcomes, wait = s.outcome[order], s.wait_ms[order]
    untold = until_answer & (wait == MISSING)
    wait_ms = total(np.where(until_answer & (wait != MISSING), wait, 0), at)
    wait_ms[total(untold.astype(np.int64), at) > 0] = MISSING
    wait_known = answered & (wait_ms != MISSING)

    outcome = np.where(answered, ANSWERED, outcomes[last])
    outcome[(outcome == OPEN) & _cut_off(site, told, s.enter_us[order][last], ends, restarts)] = CENSORED
    offered = total((outcomes != TURNED_AWAY_CLOSED).astype(np.int64), at) > 0
    abandoned, left = outcome == ABANDONED, outcome == LEFT_BY_KEY
    short = abandoned & (wait_ms != MISSING) & (wait_ms < told(rules.short_abandon_ms))

    ring_last = pick(s.ring_last_ms[order], first_answer)
    tried = total(np.where(until_answer, s.ring_tried_ms[order], 0), at)
    clock = told({k: _CLOCKS[v] for k, v in rules.ring_clock.items()})
    ring_total = np.where(ring_last == MISSING, MISSING, ring_last + tried)
    ring = np.select([clock == 1, clock == 2], [ring_last, wait_ms], ring_total)
    ring_known, ring_last_known = answered & (ring != MISSING), answered & (ring_last != MISSING)
    cycle = told(rules.ring_cycle_ms)
    rings = np.where(ring_known, ring // cycle + 1, 0)
    rings_last = np.where(ring_last_known, ring_last // cycle + 1, 0)

    named = first_row(s.caller[order] != 0, at)
    caller, alias = (np.where(named < len(order), pick(x[order], named), 0) for x in (s.caller, s.caller_alias))
    eligible, repeated = _repeats(site, told, arrival, caller, alias, rules, ends)
    eligible &= answered
    return Facts(
        site=site.astype(np.int32),
        unit=unit.astype(np.int32),
        arrival_us=arrival,
        counts={
            "calls_offered": offered,
            "calls_answered": answered,
            "calls_abandoned": abandoned,
            "calls_timed_out": outcome == TIMED_OUT,
            "calls_no_agent": outcome == NO_AGENT,
            "calls_left_by_key": left,
            "calls_lost": offered & ~answered & ~left & (outcome != OPEN),
            "calls_not_short": offered & ~short,
            "calls_abandoned_not_short": abandoned & ~short,
            "calls_outcome_unknown": outcome == CENSORED,
            "queue_entries": total((~np.isin(outcomes, _TURNED_AWAY)).astype(np.int64), at),
            "calls_ring_known": ring_known,
            "calls_ring_last_known": ring_last_known,
            **{f"rings_{r}": rings == r for r in range(1, 5)},
            "rings_5_or_more": rings >= 5,
            "answered_within_3_rings": ring_known & (rings <= 3),
            "answered_within_3_rings_last_attempt": ring_last_known & (rings_last <= 3),
            "answered_within_target": wait_known & (wait_ms <= told(rules.service_level_ms)),
            "answered_wait_known": wait_known,
            "answered_wait_ms": np.where(wait_known, wait_ms, 0),
            "ring_ms": np.where(ring_known, ring, 0),
            "talk_ms": np.where(answered, total(s.talk_ms[order], at), 0),
            "answered_talk_known": answered & (total(s.talk_known[order].astype(np.int64), at) > 0),
            "fcr_eligible": eligible,
            "fcr_resolved": eligible & ~repeated,
            "answered_caller_unknown": answered & (caller == 0),
        },
        seconds={
            "call_wait_s": np.where(wait_known, -(-wait_ms // 1000), -1),
            "call_ring_s": np.where(ring_known, -(-ring // 1000), -1),
        },
        state={
            "outcome": outcome,
            "caller": caller,
            "wait_ms": wait_ms,
            "waiting_since_us": s.enter_us[order][last],
            "waiting_unit": s.unit[order][last],
        },
    )


def _unqueued(cols: Columns, passages: Stints, elsewhere: Columns) -> Facts:
    """Calls that are not offered: those that reached a number and no queue, and those that only a lesser log knows."""
    reached = cols.take((cols.type == REACHED) & (cols.contact != 0))
    unqueued = absent(pair(reached.site.astype(np.uint64), reached.contact), passages.call)
    reached, elsewhere = reached.take(unqueued), elsewhere.take(elsewhere.contact != 0)
    ev = concat([reached, elsewhere])
    is_elsewhere = np.arange(len(ev)) >= len(reached)
    g = group(pair(ev.site.astype(np.uint64), ev.contact))
    # The first event by time says when and where; of one instant an entry into a queue before the number dialled.
    order = np.lexsort((ev.type == REACHED, ev.time_us))
    first = np.full(len(g), len(ev), np.int64)
    of_event = np.empty(len(ev), np.int64)
    of_event[g.order] = g.of_row
    first[of_event[order[::-1]]] = order[::-1]
    entered = np.full(len(g), -1, np.int64)
    rows = order[ev.type[order] != REACHED][::-1]
    entered[of_event[rows]] = rows
    at = np.where(entered >= 0, entered, first)
    return Facts(
        site=ev.site[at],
        unit=ev.unit[at],
        arrival_us=ev.time_us[first],
        counts={"calls_did_without_entry": ~is_elsewhere[at], "calls_only_in_other_log": is_elsewhere[at]},
    )


class _Told:
    """What tables by site say for each row; the sites of the rows are looked up once."""

    def __init__(self, site: I64) -> None:
        self._codes, self._where = np.unique(site, return_inverse=True)

    def __call__(self, table: Mapping[int, int]) -> I64:
        return np.array([table[int(c)] for c in self._codes], np.int64)[self._where]


def _cut_off(site: I64, told: _Told, since_us: I64, ends: Mapping[int, int], restarts: Columns) -> Bool:
    """Which open calls cannot still be waiting: too old by the site's last event, or their PBX began anew since."""
    out: Bool = since_us < told(ends) - LONGEST_WAIT_US
    for code in np.unique(restarts.site):
        out |= (site == code) & (since_us < restarts.time_us[restarts.site == code].max())
    return out


def _repeats(
    site: I64, told: _Told, arrival: I64, caller: I64, alias: I64, rules: Rules, ends: Mapping[int, int]
) -> tuple[Bool, Bool]:
    """For each call: is its window over and its caller known; and did the caller reach the site again within it.

    Window method of first-contact resolution: a later call in (t, t + window], answered or not, is a repeat.
    Around a change of the privacy key a call carries two tokens (`alias` is under the key before); two calls are
    the same caller's when any token is the same. Times are taken to the millisecond: the microseconds of a log of
    whole seconds are the order of its lines, and must not decide at the edges of the window.
    """
    when, end, window = ((us + 500) // 1000 for us in (arrival, told(ends), told(rules.fcr_window_us)))
    known = caller != 0
    eligible = known & (when + window <= end)
    repeated = np.zeros(len(site), np.bool_)
    rows = np.concatenate([np.flatnonzero(known), np.flatnonzero(alias != 0)])
    token = np.concatenate([caller[known], alias[alias != 0]]).view(np.uint64)
    by_time = np.argsort(when[rows], kind="stable")
    rows, token = rows[by_time], token[by_time]
    g = group(pair(site[rows].astype(np.uint64), token))
    rows, of = rows[g.order], g.of_row
    t = when[rows]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (of[1:] != of[:-1]) | (t[1:] != t[:-1])
    later = np.append(np.flatnonzero(new)[1:], len(rows))[np.cumsum(new) - 1]  # first row of a later instant
    there = later < len(rows)
    later[~there] = 0
    again = there & (of[later] == of) & (t[later] - t <= window[rows])
    repeated[rows[again]] = True
    return eligible, repeated


def _stint_facts(s: Stints) -> Facts:
    told = (s.wait_ms != MISSING) & (s.answered | (s.outcome == ABANDONED))
    return Facts(
        site=s.site.astype(np.int32),
        unit=s.unit.astype(np.int32),
        arrival_us=s.enter_us,
        counts={
            "queue_passages": ~np.isin(s.outcome, _TURNED_AWAY),
            "queue_passages_answered": s.answered,
            "queue_passages_abandoned": s.outcome == ABANDONED,
            "queue_wait_known": told,
            "queue_wait_ms": np.where(told, s.wait_ms, 0),
            "turned_away_empty": s.outcome == TURNED_AWAY_EMPTY,
            "turned_away_full": s.outcome == TURNED_AWAY_FULL,
            "turned_away_closed": s.outcome == TURNED_AWAY_CLOSED,
        },
    )
