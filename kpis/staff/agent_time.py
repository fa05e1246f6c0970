"""Where the time of agents went: signed in, and of that busy, available and paused. Milliseconds, cut at quarters.

What is known of an agent comes from words about a place: a queue, or all of them (unit ""; `agent.paused_all` and
`agent.unpaused_all` are about all whatever their unit). At a place:

- `agent.added` and `agent.logged_in` sign in, not paused, but where `agent.added` says so (its slot `paused` is 1);
  `agent.removed` and `agent.logged_out` sign out;
- `agent.paused` and `agent.unpaused` of a queue say that the agent is signed in there and whether paused: a PBX pauses
  nobody else, and members that are part of its configuration are never added;
- a word about all queues, other than one that signs in, holds at each queue that any event names for the agent too;
  a pause of all queues signs nobody in.

A place is signed in until the next word there, the site's next `source.restarted`, the last that was heard from its PBX,
or 24 hours after the last word that says so, whichever is first. An agent is signed in while any place is; open while
any queue that is signed in is not paused (where no queue is: while "all" is not paused). Then, of an agent's time:

- busy: signed in and in a conversation, in wrap-up of told length, or in a call placed, each taken for 24 hours at most;
- available: open and not busy; paused: signed in, not open and not busy;
- busy while no word tells of the agent counts apart. What nobody tells is no time of any kind, least of all available.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kpis.calls.calls import RESTARTED, last_heard
from kpis.calls.sources import words_once
from kpis.columns import I32, I64, U64, Bool, Columns, group, mix, pair, rows_where
from kpis.declared import Told
from kpis.intervals import Rows, in_time, pieces, repeated, to_ms
from kpis.model import By, Facts, Rules

# Codes of telemetry.events.EVENT_TYPES; a test holds the two tables together.
ADDED, REMOVED, PAUSED, UNPAUSED, PAUSED_ALL, UNPAUSED_ALL, LOGGED_IN, LOGGED_OUT = range(80, 88)
LONGEST_MS = 24 * 3600 * 1000
"""What was told of an agent is not believed for longer: a log-out that was lost must not last for ever."""

_IN, _IN_PAUSED, _OUT, _PAUSE, _UNPAUSE = 1, 2, 3, 4, 5
_KIND = np.zeros(128, np.int8)
_KIND[[ADDED, LOGGED_IN]] = _IN
_KIND[[REMOVED, LOGGED_OUT]] = _OUT
_KIND[[PAUSED, PAUSED_ALL]] = _PAUSE
_KIND[[UNPAUSED, UNPAUSED_ALL]] = _UNPAUSE
_HEARD = _KIND > 0
_HEARD[RESTARTED] = True


@dataclass(frozen=True, slots=True)
class _Spans:
    """Stretches [from_ms, to_ms) of agents, and what holds in each: one row of `holds` a state."""

    site: I32
    party: I32
    from_ms: I64
    to_ms: I64
    holds: Bool
    """5 rows: signed in to a queue; to one and not paused; to all; to all and not paused; busy."""


def contacts(cols: Columns, rules: Rules, work: Facts) -> Facts:
    """The time of every agent that these events tell of; `work` is what they did, as agents.py has it."""
    told = _told(cols, rules)
    rows = rows_where(work.state["busy_ms"])
    begun = to_ms(work.arrival_us[rows])
    busy = np.zeros((5, len(rows)), np.bool_)
    busy[4] = True
    until = begun + np.minimum(work.state["busy_ms"][rows], LONGEST_MS)
    return _facts(_together(told, _Spans(work.site[rows], work.unit[rows], begun, until, busy)))


def _together(a: _Spans, b: _Spans) -> _Spans:
    return _Spans(
        np.concatenate([a.site, b.site]),
        np.concatenate([a.party, b.party]),
        np.concatenate([a.from_ms, b.from_ms]),
        np.concatenate([a.to_ms, b.to_ms]),
        np.concatenate([a.holds, b.holds], axis=1),
    )


def _facts(s: _Spans) -> Facts:
    """Every span's edges in the order of time, agent by agent; between two of them nothing changes."""
    n = len(s.site)
    edge = np.concatenate([s.from_ms, s.to_ms])
    order = np.argsort(edge, kind="stable")
    agent = pair(s.site.astype(np.uint64), s.party.astype(np.uint64))
    order = order[group(np.concatenate([agent, agent])[order]).order]
    change = s.holds.astype(np.int32)
    in_queue, open_queue, in_all, open_all, busy = (
        np.cumsum(np.concatenate([change, -change], axis=1)[:, order], axis=1) > 0
    )
    signed_in = in_queue | in_all
    is_open = np.where(in_queue, open_queue, open_all)
    row = rows_where((signed_in | busy)[:-1])  # never the last of an agent, where every span has ended
    of, begin, end = pieces(edge[order[row]], edge[order[row + 1]])
    row = row[of]
    whose = order[row] % max(n, 1)
    ms = end - begin

    def time(there: Bool) -> I64:
        return np.where(there[row], ms, 0)

    return Facts(
        by=By.AGENT,
        site=s.site[whose],
        unit=s.party[whose],
        arrival_us=begin * 1000,
        counts={
            "agent_signed_in_ms": time(signed_in),
            "agent_busy_ms": time(signed_in & busy),
            "agent_available_ms": time(is_open & ~busy),
            "agent_busy_or_available_ms": time((signed_in & busy) | (is_open & ~busy)),
            "agent_paused_ms": time(signed_in & ~is_open & ~busy),
            "agent_busy_untold_ms": time(busy & ~signed_in),
        },
    )


def _told(cols: Columns, rules: Rules) -> _Spans:
    """The places of agents, signed in from word to word."""
    rows = rows_where(_HEARD[cols.type])
    rows = rows[(cols.type[rows] == RESTARTED) | (cols.party[rows] != 0)]
    rows = in_time(cols, words_once(cols, rows, rules.tellers))
    site = cols.site[rows]
    if len(rows) and np.any(site != site[0]):
        rows = rows[np.argsort(site, kind="stable")]
        site = cols.site[rows]
    type_, party, units, time = cols.type[rows], cols.party[rows], cols.unit[rows], to_ms(cols.time_us[rows])
    restart, kind = type_ == RESTARTED, _KIND[type_]
    kind[(type_ == ADDED) & (cols.a[rows] == 1)] = _IN_PAUSED
    limit = _until(site, restart, time, _ends(cols, site, rules))
    of_all = (units == 0) | (type_ == PAUSED_ALL) | (type_ == UNPAUSED_ALL)
    agent = pair(site.astype(np.uint64), party.astype(np.uint64))
    row, unit = _places(rows_where(~restart), agent, kind, units, of_all)

    g = group(mix(pair(agent[row], unit.astype(np.uint64)), np.cumsum(restart)[row].astype(np.uint64)))
    row, unit = row[g.order], unit[g.order]
    kind, t = kind[row], time[row]
    at = np.arange(len(row))
    tells = (kind <= _OUT) | ~of_all[row]  # whether the agent is signed in there
    last = np.maximum.accumulate(np.where(tells, at, -1)) if len(at) else at
    known = last >= g.starts[g.of_row]
    until = np.minimum(limit[row], t[last] + LONGEST_MS)
    same = g.of_row[1:] == g.of_row[:-1]
    until[:-1][same] = np.minimum(until[:-1], t[1:])[same]
    keep = known & (kind[last] != _OUT) & (until > t)
    queue, is_open = unit[keep] != 0, (kind[keep] == _IN) | (kind[keep] == _UNPAUSE)
    return _Spans(
        site[row[keep]],
        party[row[keep]],
        t[keep],
        until[keep],
        np.stack([queue, queue & is_open, ~queue, ~queue & is_open, np.zeros_like(queue)]),
    )


def _ends(cols: Columns, site: I32, rules: Rules) -> Mapping[int, int]:
    """Site → when its PBX was last heard of."""
    known = rules.end_us and all(code in rules.end_us for code in rows_where(np.bincount(site)).tolist())
    return rules.end_us if known or not len(site) else {**last_heard(cols), **rules.end_us}


def _until(site: I32, restart: Bool, time: I64, ends: Mapping[int, int]) -> I64:
    """For each row the next restart of its site, or else the last that was heard there. Rows are site by site."""
    n = len(site)
    out = to_ms(Told(site)(ends))
    following = np.minimum.accumulate(np.where(restart, np.arange(n), n)[::-1])[::-1]
    rows = rows_where(following < n)
    rows = rows[site[following[rows]] == site[rows]]
    out[rows] = time[following[rows]]
    return out


def _places(
    words: Rows, agent: U64, kind: np.ndarray[tuple[int], np.dtype[np.int8]], unit: I32, of_all: Bool
) -> tuple[Rows, I32]:
    """(row, unit) of every word at every place where it holds, in the order of rows."""
    own = np.where(of_all, 0, unit)[words].astype(np.int32)
    spread = words[of_all[words] & (kind[words] >= _OUT)]
    named = words[~of_all[words]]
    if not len(spread) or not len(named):
        return words, own
    g = group(pair(agent[named], unit[named].astype(np.uint64)))
    place = named[g.order[g.starts]]
    place = place[np.argsort(agent[place])]
    first = np.searchsorted(agent[place], agent[spread], side="left")
    of, k = repeated(np.searchsorted(agent[place], agent[spread], side="right") - first)
    row = np.concatenate([words, spread[of]])
    order = np.argsort(row, kind="stable")
    return row[order], np.concatenate([own, unit[place[first[of] + k]]])[order]
