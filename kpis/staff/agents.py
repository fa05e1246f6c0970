"""Agents: what each handled, by pseudonym and never ranked. How their time went is in agent_time.py.

An answer of a call by an agent is one call handled, however often another one follows. It belongs to the agent and to
the moment of the answer: the k-th `call.connected` of (call, queue, agent) begins the k-th, and what stands before the
first (a log that starts mid-call) belongs to the first. An answer whose connect was lost was as long before its first end
as that tells.
"""

from __future__ import annotations

import numpy as np

from kpis.calls.sources import tell_apart
from kpis.calls.stints import COMPLETED, CONNECTED, RING_NO_ANSWER, TRANSFERRED
from kpis.columns import I64, Bool, Columns, first_row, group, mix, pair, pick, rows_where, total
from kpis.intervals import Rows, in_time
from kpis.keeping import Kept
from kpis.model import By, Facts, Rules
from kpis.staff import agent_kpis, agent_time

# Codes of telemetry.events.EVENT_TYPES; a test holds the two tables together.
WRAP_UP, OUTBOUND = 67, 68
REFUSED_MS = 1000
"""A telephone that rang no longer than this was out of reach, or refused the call; nobody was slow to answer it."""

_TALK = np.zeros(128, np.bool_)
_TALK[[CONNECTED, COMPLETED, TRANSFERRED]] = True
_WORK = _TALK.copy()
_WORK[[RING_NO_ANSWER, WRAP_UP, OUTBOUND]] = True

KPIS = agent_kpis.KPIS


def contacts(cols: Columns, rules: Rules, kept: Kept) -> dict[str, Facts]:
    """What agents did, and where their time went. Calls that several sources tell of count once (`kpis.calls.sources`)."""
    work = kept.part("agents", lambda: _work(tell_apart(cols, rules.tellers)[0]))
    return {"agents": work, "agent_time": kept.part("agent_time", lambda: agent_time.contacts(cols, rules, work))}


def _work(cols: Columns) -> Facts:
    """One row for each call handled, telephone that rang in vain, wrap-up, and call placed.

    A call placed counts once, however many sources tell of it, and the longest talk they tell is its.
    """
    rows = rows_where(_WORK[cols.type])
    kind, named, called = cols.type[rows], cols.party[rows] != 0, cols.contact[rows] != 0
    rows = in_time(cols, rows[np.where(_TALK[kind], called, named & (called | (kind != OUTBOUND)))])
    kind, site, agent = cols.type[rows], cols.site[rows], cols.party[rows]
    what = np.where(_TALK[kind], CONNECTED, kind).astype(np.uint64)
    unit = np.where(kind == OUTBOUND, 0, cols.unit[rows]).astype(np.uint64)
    whose = agent.astype(np.uint64) << np.uint64(32) | unit << np.uint64(8) | what
    g = group(mix(pair(site.astype(np.uint64), cols.contact[rows]), whose))
    rows = rows[g.order]
    kind = cols.type[rows]
    connected = kind == CONNECTED
    entries = np.cumsum(connected)
    k = np.maximum(entries - (entries[g.starts] - connected[g.starts])[g.of_row], 1)
    new = (kind == RING_NO_ANSWER) | (kind == WRAP_UP)
    new[1:] |= (g.of_row[1:] != g.of_row[:-1]) | (k[1:] != k[:-1])
    new[:1] = True
    at = rows_where(new)
    return _facts(cols, rows, at, connected)


def _facts(cols: Columns, rows: Rows, at: Rows, connected: Bool) -> Facts:
    """The rows of the cube: each of the events `rows` from one of `at` up to the next."""
    n, first = len(rows), rows[at]
    kind, b, time_us = cols.type[rows], cols.b[rows], cols.time_us[first]
    sent_on = kind == TRANSFERRED
    done = sent_on | (kind == COMPLETED)
    connect, ended = first_row(connected, at), first_row(done, at)
    transferred, talk = total(sent_on.astype(np.int64), at) > 0, total(np.where(done & (b > 0), b, 0), at)
    talk_known = total((done & (b >= 0)).astype(np.int64), at) > 0
    placed_talk = np.maximum.reduceat(np.where(kind == OUTBOUND, b, -1), at) if len(at) else at
    kind, a, party = kind[at], cols.a[first], cols.party[first]
    talked, placed, rang, wrapped = _TALK[kind], kind == OUTBOUND, kind == RING_NO_ANSWER, kind == WRAP_UP
    by_agent = talked & (party != 0)
    wrap = np.where(wrapped, a, -1)
    busy = np.where(talk_known, talk, np.maximum(np.maximum(placed_talk, wrap), 0))
    # What only its end tells of began before it: the first end, where there are several.
    back_ms = np.where(placed, busy, np.where(talked & (connect >= n), np.maximum(pick(b, ended), 0), 0))
    began_us = np.where(talked & (connect < n), pick(cols.time_us[rows], connect), time_us)
    began_us -= np.minimum(back_ms, agent_time.LONGEST_MS) * 1000
    refused = rang & (a >= 0) & (a <= REFUSED_MS)
    talk_known &= by_agent
    return Facts(
        by=By.AGENT,
        site=cols.site[first],
        unit=party,
        arrival_us=began_us,
        counts={
            "agent_calls": by_agent,
            "agent_calls_unnamed": talked & ~by_agent,
            "agent_calls_talk_known": talk_known,
            "agent_talk_ms": _where(talk_known, talk),
            "agent_handle_ms": _where(talk_known, talk) + _where(wrap >= 0, wrap),
            "agent_calls_transferred": by_agent & transferred,
            "agent_wraps_known": wrap >= 0,
            "agent_wrap_ms": _where(wrap >= 0, wrap),
            "agent_rings_unanswered": rang & ~refused,
            "agent_rings_refused": refused,
            "agent_calls_placed": placed,
            "agent_placed_talk_known": placed_talk >= 0,
            "agent_placed_talk_ms": _where(placed_talk >= 0, placed_talk),
        },
        state={
            "busy_ms": np.where(party != 0, busy, 0),
            "queue": cols.unit[first].astype(np.int64),
            "seq": cols.seq[first],
        },
    )


def _where(there: Bool, value: I64) -> I64:
    return np.where(there, value, 0)
