"""Counts the headline figures of calls again: what verify_figures.py does for everything else.

A call is all that one call id did; a way is its passage through one queue. Durations are milliseconds, None is not known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

S, DAY_US, MISSING = 1_000_000, 86_400_000_000, -(2**63)
REFUSED = ("call.turned_away_empty", "call.turned_away_full", "call.turned_away_closed")
EXITS = ("call.abandoned", "call.timed_out", "call.no_agent", "call.left_by_key", "call.withdrawn", "call.system_drop", *REFUSED)  # fmt: skip
TALKED = ("call.completed", "call.transferred")
RINGING = ("call.ring_no_answer", "call.ring_cancelled", "call.agent_dumped")
PASSAGE = frozenset(("call.entered", "call.connected", *RINGING, *TALKED, *EXITS))
Event: TypeAlias = Any  # those of verify_figures.py
Centre: TypeAlias = Any


class Stint(NamedTuple):
    """One way of a call through a queue."""

    begin: int
    outcome: str
    wait: int | None
    ring: int | None
    rung_in_vain: int
    tokens: frozenset[int]
    test: bool


class Call(NamedTuple):
    time: int
    outcome: str
    wait: int | None
    ring: int | None
    tokens: frozenset[int]
    inside: bool
    offered: bool


def best_logs(events: Sequence[Event], systems: dict[str, list[Any]]) -> list[Event]:
    """Where several logs tell of one telephone system, of each call the best of them that knows it; and no call that a
    better log, which was there, does not know."""
    told: dict[tuple[str, str], list[Event]] = defaultdict(list)
    times: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for e in events:
        if e.source in systems:
            system, rank, followed = systems[e.source]
            times[system][rank].append(e.time)
            if e.contact and (e.type == "call.did" or e.type in PASSAGE):
                told[system, e.contact].append(e)
    followed = {(system, rank) for system, rank, followed in systems.values() if followed}
    dropped: set[int] = set()
    for (system, _), of_call in told.items():
        best, begin = min(systems[e.source][1] for e in of_call), min(e.time for e in of_call)
        before = after = False
        for rank, at in times[system].items():
            i = bisect_right(at, begin)
            if rank < best:
                before = before or (i > 0 and begin - at[i - 1] <= DAY_US // 2)
                after = after or (system, rank) in followed or (i < len(at) and at[i] - begin <= DAY_US // 2)
        dropped |= {e.seq for e in of_call if (before and after) or systems[e.source][1] != best}
    return [e for e in events if e.seq not in dropped]


def known(*slots: int) -> int | None:
    """The sum of durations that are told; None where none is."""
    told = [x for x in slots if x >= 0]
    return sum(told) if told else None


def stint(rows: Sequence[Event]) -> Stint:
    def first(*types: str) -> Event | None:
        return next((e for e in rows if e.type in types), None)

    entered, connect, leave = first("call.entered"), first("call.connected"), first(*EXITS)
    answer = first("call.connected", *TALKED)
    if leave:  # a log may write one for each telephone that rang: the longest wait is the caller's
        leave = max((e for e in rows if e.type == leave.type), key=lambda e: e.a)
    told = connect or answer or leave
    begin, wait = (entered or rows[0]).time, None
    if told:
        wait, talked = known(told.a), (known(told.b) or 0) if told.type in TALKED else 0
        if not entered:
            begin = told.time - ((wait or 0) + talked) * 1000
        elif wait is None and told.a != -1:  # -1: the log cannot know, and its times do not tell
            wait = known((told.time - begin + 500) // 1000 - talked)
    in_vain, last = [0], None
    for e in rows[: rows.index(connect)] if connect else rows:
        if e.type == "call.ring_no_answer" and e.a >= 0:  # telephones that rang at once count their longest
            at_once = last is not None and e.time // S - last <= 1
            in_vain[-1:] = [max(in_vain[-1], e.a)] if at_once else [in_vain[-1], e.a]
            last = e.time // S
    token = int(entered.person, 16) if entered and entered.person else 0
    alias = entered.c % 2**64 if entered and entered.c != MISSING else 0
    tokens = frozenset({token, alias} - {0}) if token else frozenset[int]()
    outcome = "answered" if answer else leave.type if leave else "open"
    ring = known(connect.b) if connect else None
    return Stint(begin, outcome, wait, ring, sum(in_vain), tokens, entered is not None and entered.b == 1)


def last_heard(events: list[Event]) -> int:
    return max((e.time for e in events if e.type.startswith(("call.", "agent.", "source."))), default=0)


def calls(events: list[Event], centre: Centre) -> list[Call]:
    of_call: dict[str, list[Event]] = defaultdict(list)
    for e in best_logs(events, centre.systems):
        if e.type in PASSAGE and e.contact:
            of_call[e.contact].append(e)
    heard = last_heard(events)
    restarts = [e.time for e in events if e.type == "source.restarted"]
    return [call(rows, centre, heard, max(restarts, default=0)) for rows in of_call.values()]


def call(rows: Sequence[Event], centre: Centre, heard: int, restart: int) -> Call:
    """The k-th entry of a queue opens the k-th way through it; a refusal stands by itself, once a queue."""
    ways: dict[str, list[list[Event]]] = defaultdict(list)
    refused: dict[str, list[Event]] = {}
    for e in rows:
        if e.type in REFUSED:
            refused.setdefault(e.unit, [e])
            continue
        of = ways[e.unit]
        if not of or (e.type == "call.entered" and any(x.type == e.type for x in of[-1])):
            of.append([])
        of[-1].append(e)
    found = [(stint(way), way[0]) for of in ways.values() for way in of]
    found += [(Stint(e.time, e.type, 0, None, 0, frozenset(), test=False), e) for (e,) in refused.values()]
    stints = [s for s, _ in sorted(found, key=lambda x: (x[0].begin, x[1].time, x[1].seq))]
    answered = next((i for i, s in enumerate(stints) if s.outcome == "answered"), None)
    until = stints if answered is None else stints[: answered + 1]
    wait = None if any(s.wait is None for s in until) else sum(s.wait or 0 for s in until)
    outcome, arrival, ring = stints[-1].outcome, stints[0].begin, None
    if answered is not None:
        outcome, ring = "answered", stints[answered].ring
        clock = centre.on(arrival)["ring_clock"]
        if clock == "queue":
            ring = wait
        elif clock == "agent_total" and ring is not None:
            ring += sum(s.rung_in_vain for s in until)
    elif outcome == "open" and (heard - stints[-1].begin > 4 * 3600 * S or restart > stints[-1].begin):
        outcome = "unknown"
    test = any(s.test for s in stints)
    inside = not test and centre.is_open(arrival)
    offered = inside and (centre.declares_hours or any(s.outcome != REFUSED[2] for s in stints))
    tokens = frozenset[int]() if test else next((s.tokens for s in stints if s.tokens), frozenset[int]())
    return Call(arrival, outcome, wait, ring, tokens, inside, offered)


def figures(events: list[Event], centre: Centre) -> Iterator[tuple[str, Any]]:
    everyone = calls(events, centre)
    by_token: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for c in everyone:
        for token in c.tokens:
            by_token[token].append(((c.time + 500) // 1000, c.offered))
    heard = last_heard(events)

    def around(c: Call, begin: int, end: int) -> Iterator[bool]:
        """The calls of this caller from `begin` to `end` milliseconds after it: whether they were offered."""
        t = (c.time + 500) // 1000
        return (offered for token in c.tokens for u, offered in by_token[token] if begin <= u - t <= end)

    mine = [c for c in everyone if c.inside and centre.counts(c.time)]
    offered = [c for c in mine if c.offered]
    first = [c for c in offered if not any(around(c, -DAY_US // 1000, -1))]
    answered = [c for c in mine if c.outcome == "answered"]
    lost = {id(c) for c in offered if c.outcome not in ("answered", "call.left_by_key", "open")}
    rings = [(c.ring, round(centre.on(c.time)["ring_cycle_s"] * 1000)) for c in answered if c.ring is not None]
    windows = [(c, round(centre.on(c.time)["fcr_window_s"] * 1000)) for c in answered if c.tokens]
    eligible = [(c, window) for c, window in windows if (c.time + 500) // 1000 + window <= (heard + 500) // 1000]

    def level(us: int) -> int:
        return centre.in_force(centre.on(us)["service_level_s"], us, lambda x: x["service_level_s"], 1000) or 0

    in_time = [c for c in answered if c.wait is not None and c.wait <= level(c.time)]
    yield "calls_offered", [len(offered), len(offered), len(offered)]
    yield "abandoned_call_rate", ratio(len(lost), len(offered))
    yield "first_attempt_lost_rate", ratio(sum(id(c) in lost for c in first), len(first))
    yield "answered_within_3_rings_rate", ratio(sum(ms < 3 * cycle for ms, cycle in rings), len(rings))
    yield "service_level_rate", ratio(len(in_time), len(offered))
    resolved = sum(not any(True for _ in around(c, 1, window)) for c, window in eligible)
    yield "first_contact_resolution_rate", ratio(resolved, len(eligible))


def ratio(part: int, whole: int) -> list[Any]:
    return [part / whole if whole else None, part, whole]
