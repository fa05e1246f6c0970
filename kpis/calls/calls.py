"""Calls: stints → calls (one caller's one attempt) → measures. Their KPIs are in call_kpis.py and its neighbours.

A call is one call id. It belongs to its first queue and to its arrival; a passage through a further queue only adds
to its `queue_entries`. The `queue_passages` belong to the queue that was passed. Figures are over the calls in scope
(`kpis.calls.call_scope`). A call that met only a closed queue is not offered, unless its centre declares its hours and it came
within them: then the queue should have been open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kpis.calls.call_chain import Chain
from kpis.calls.call_rows import callers, clocks, ring_ms
from kpis.calls.call_scope import Scope, apart, scope_of
from kpis.calls.outbound import outbound
from kpis.calls.reached import reached
from kpis.calls.repeats import History, histories
from kpis.calls.sources import tell_apart
from kpis.calls.stints import (
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
from kpis.calls.told_besides import Besides, told_besides
from kpis.calls.wrap_ups import NO_CALL, with_wrap_ups
from kpis.columns import I64, MISSING, Bool, Columns, rows_where
from kpis.declared import Told
from kpis.model import Facts, Rules

RESTARTED = 95
LONGEST_WAIT_US = 4 * 3600 * 1_000_000
"""A call open longer than this, or open when its PBX restarted, is censored: it was cut off or its end was lost."""

_PBX = np.zeros(128, np.bool_)
_PBX[50:90] = True
_PBX[95:97] = True
_REFUSAL = np.zeros(128, np.bool_)
_REFUSAL[[TURNED_AWAY_EMPTY, TURNED_AWAY_FULL, TURNED_AWAY_CLOSED]] = True


def last_heard(cols: Columns) -> dict[int, int]:
    """Site → time of its last event from any PBX source: until then its calls are known."""
    rows = rows_where(_PBX[cols.type])
    if not len(rows):
        return {}
    site, time_us = cols.site[rows], cols.time_us[rows]
    first, last = int(site.min()), int(site.max())
    if first == last:
        return {last: int(time_us.max())}
    latest = np.full(last + 1, MISSING)
    if np.all(time_us[1:] >= time_us[:-1]):
        latest[site] = time_us  # of several assignments to one place the last stays
    else:
        np.maximum.at(latest, site, time_us)
    codes = rows_where(latest != MISSING)
    return dict(zip(codes.tolist(), latest[codes].tolist(), strict=True))


def contacts(cols: Columns, rules: Rules) -> dict[str, Facts]:
    """Among these events, whatever order they are in: the `calls`, the `stints`, the calls that came to the centre but to
    no queue (`unqueued`), those that `reached` one of its numbers, and those that it placed (`outbound`). Calls that
    several sources tell of count once (`kpis.calls.sources`)."""
    ends = {**last_heard(cols), **rules.end_us}
    cols, elsewhere = tell_apart(cols, rules.tellers)
    chain = Chain(stints(cols))
    calls = _calls(chain, rules, ends, cols)
    lost = (calls.outcome != ANSWERED) & (calls.outcome != LEFT_BY_KEY) & (calls.outcome != OPEN)
    besides = told_besides(cols, chain.s.call)
    facts = _facts(chain, calls, besides, rules)
    return {
        "calls": with_wrap_ups(facts, cols, rules),
        "stints": _stint_facts(chain.s, calls.scope),
        **reached(
            cols,
            chain.s.call,
            calls.outcome == ANSWERED,
            calls.scope.inside,
            elsewhere,
            rules.calendar,
            besides.at_voicemail,
        ),
        **outbound(cols, calls.site, calls.when_ms, (calls.caller, calls.alias), lost),
    }


@dataclass(frozen=True, slots=True)
class _Calls:
    """What each call was, in scope or not."""

    site: I64
    told: Told
    arrival_us: I64
    when_ms: I64
    scope: Scope
    outcome: I64
    wait_ms: I64
    offered: Bool
    """It is one of the calls that the figures are over."""
    caller: I64
    alias: I64
    history: History
    window_over: Bool
    """All of its window of repeat calls is known."""


def _calls(chain: Chain, rules: Rules, ends: Mapping[int, int], cols: Columns) -> _Calls:
    s, first, last = chain.s, chain.first, chain.last
    site, arrival = s.site[first], s.enter_us[first]
    told = Told(site)
    outcome = chain.outcome()
    waiting = rows_where(outcome == OPEN)
    if len(waiting):
        outcome[waiting[cut_off(site[waiting], s.enter_us[last[waiting]], ends, cols)]] = CENSORED

    test = chain.any(s.test)
    scope = scope_of(site, arrival, test, rules.calendar)
    offered = chain.any(s.outcome != TURNED_AWAY_CLOSED)
    if not offered.all():
        offered |= rules.calendar.declared(site)
    offered &= scope.inside

    caller, alias = callers(chain, test)
    when, end, window = ((us + 500) // 1000 for us in (arrival, told(ends), told(rules.fcr_window_us)))
    history = histories(site, when, (caller, alias), window, outcome == ANSWERED, offered)
    return _Calls(
        site,
        told,
        arrival,
        when,
        scope,
        outcome,
        chain.wait_ms(),
        offered,
        caller,
        alias,
        history,
        when + window <= end,
    )


def _facts(chain: Chain, c: _Calls, besides: Besides, rules: Rules) -> Facts:
    s, told, wait_ms, history = chain.s, c.told, c.wait_ms, c.history
    outcome = c.outcome if c.scope.all_inside else np.where(c.scope.inside, c.outcome, NO_CALL)
    answered, abandoned, left = outcome == ANSWERED, outcome == ABANDONED, outcome == LEFT_BY_KEY
    wait_told = wait_ms != MISSING
    wait_known = answered & wait_told
    short = abandoned & wait_told & (wait_ms < told(rules.short_abandon_ms))
    not_short = abandoned & ~short
    within_target = wait_told & (wait_ms <= told.at(rules.service_level_ms, c.arrival_us))
    in_time, gone_in_time = answered & within_target, abandoned & within_target
    lost = c.offered & ~answered & ~left & (outcome != OPEN)

    entries = chain.total(~_REFUSAL[s.outcome])
    exited = wait_told & (entries > 0) & (outcome != NO_CALL)
    left_s = exited & ~answered
    if not c.scope.all_inside:
        entries[~c.scope.inside] = 0
    wait_s = -(-wait_ms // 1000)

    ring_last = chain.at(s.ring_last_ms, chain.first_answer)
    ring = ring_ms(ring_last, chain.total(s.ring_tried_ms, chain.until), wait_ms, told(clocks(rules)))
    ring_known, ring_last_known = answered & (ring != MISSING), answered & (ring_last != MISSING)
    cycle = told(rules.ring_cycle_ms)
    rings = np.where(ring_known, ring // np.maximum(cycle, 1) + 1, 0)

    talk_ms = np.where(answered, chain.total(s.talk_ms), 0)
    talk_known = answered & chain.any(s.talk_known)
    sent, on, served = chain.transfers()
    if not c.scope.all_inside:
        sent, on, served = (x & c.scope.inside for x in (sent, on, served))
    known = answered & (c.caller != 0)
    eligible = known & c.window_over
    first_attempt = c.offered & ~history.tried_before
    first_contact = eligible & ~history.continued
    return Facts(
        site=c.site.astype(np.int32),
        unit=s.unit[chain.first].astype(np.int32),
        arrival_us=c.arrival_us,
        counts={
            "calls_offered": c.offered,
            "calls_answered": answered,
            "calls_abandoned": abandoned,
            "calls_timed_out": outcome == TIMED_OUT,
            "calls_no_agent": outcome == NO_AGENT,
            "calls_left_by_key": left,
            "calls_lost": lost,
            "calls_not_short": c.offered & ~short,
            "calls_abandoned_not_short": not_short,
            "calls_outcome_unknown": outcome == CENSORED,
            "queue_entries": entries,
            **apart(c.scope, c.site, c.arrival_us, c.outcome, wait_ms, rules.calendar),
            "calls_first_attempts": first_attempt,
            "calls_first_attempts_lost": first_attempt & lost,
            "calls_first_attempts_caller_unknown": c.offered & (c.caller == 0),
            "calls_ring_known": ring_known,
            "calls_ring_last_known": ring_last_known,
            **{f"rings_{r}": rings == r for r in range(1, 5)},
            "rings_5_or_more": rings >= 5,
            "answered_within_3_rings": ring_known & (rings <= 3),
            "answered_within_3_rings_last_attempt": ring_last_known & (ring_last < 3 * cycle),
            "answered_within_15_s_of_ringing": ring_known & (ring < 15_000),
            "answered_within_18_s_of_ringing": ring_known & (ring < 18_000),
            "answered_within_target": in_time,
            "answered_or_abandoned_within_target": in_time | gone_in_time,
            "calls_answered_or_abandoned": answered | abandoned,
            "calls_answered_or_abandoned_not_short": answered | not_short,
            "answered_wait_known": wait_known,
            "answered_wait_unknown": answered & ~wait_told,
            "answered_wait_ms": np.where(wait_known, wait_ms, 0),
            "exit_wait_known": exited,
            "exit_wait_ms": np.where(exited, wait_ms, 0),
            "ring_ms": np.where(ring_known, ring, 0),
            "talk_ms": talk_ms,
            "answered_talk_known": talk_known,
            "handle_ms": np.where(talk_known, talk_ms, 0),
            **besides.measures(c.offered, answered, lost, c.scope.outside),
            "calls_transferred": sent,
            "calls_transferred_to_queue": on,
            "calls_transferred_elsewhere": sent & ~on,
            "calls_transferred_answered": served,
            "fcr_eligible": eligible,
            "fcr_resolved": eligible & ~history.repeated,
            "fcr_first_contacts": first_contact,
            "fcr_first_contacts_resolved": first_contact & ~history.repeated,
            "fcr_window_open": known & ~c.window_over,
            "answered_caller_unknown": answered & (c.caller == 0),
        },
        seconds={
            "call_wait_s": np.where(wait_known, wait_s, -1),
            "call_left_s": np.where(left_s, wait_s, -1),
            "call_ring_s": np.where(ring_known, -(-ring // 1000), -1),
            "call_rings": np.where(ring_known, rings, -1),
        },
        state={
            "outcome": c.outcome,
            "caller": c.caller,
            "wait_ms": wait_ms,
            "waiting_since_us": s.enter_us[chain.last],
            "waiting_unit": s.unit[chain.last],
            "seq": s.seq[chain.first],
        },
    )


def cut_off(site: I64, since_us: I64, ends: Mapping[int, int], cols: Columns) -> Bool:
    """Which open calls cannot still be waiting: too old by the site's last event, or their PBX began anew since."""
    out: Bool = since_us < Told(site)(ends) - LONGEST_WAIT_US
    rows = rows_where(cols.type == RESTARTED)
    if len(rows):
        restarts = cols.take(rows)
        for code in np.unique(restarts.site):
            out |= (site == code) & (since_us < restarts.time_us[restarts.site == code].max())
    return out


def _stint_facts(s: Stints, scope: Scope) -> Facts:
    """Passages follow the scope of their call. Refusals are counted whenever they came, tests left out: they are what
    the log says of callers who met no queue, beside the calls of the trunk."""
    outcome = s.outcome if scope.all_inside else np.where(scope.inside[s.of], s.outcome, NO_CALL)
    refused = s.outcome if scope.all_inside else np.where(scope.test[s.of], NO_CALL, s.outcome)
    told = (s.wait_ms != MISSING) & ((outcome == ANSWERED) | (outcome == ABANDONED))
    return Facts(
        site=s.site.astype(np.int32),
        unit=s.unit.astype(np.int32),
        arrival_us=s.enter_us,
        counts={
            "queue_passages": ~_REFUSAL[outcome] & (outcome != NO_CALL),
            "queue_passages_answered": outcome == ANSWERED,
            "queue_passages_abandoned": outcome == ABANDONED,
            "queue_wait_known": told,
            "queue_wait_ms": np.where(told, s.wait_ms, 0),
            "turned_away_empty": refused == TURNED_AWAY_EMPTY,
            "turned_away_full": refused == TURNED_AWAY_FULL,
            "turned_away_closed": refused == TURNED_AWAY_CLOSED,
        },
        state={"seq": s.seq},
    )
