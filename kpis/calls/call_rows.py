"""Calls as rows of what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from kpis.calls.call_chain import Chain
from kpis.calls.stints import TURNED_AWAY_CLOSED
from kpis.columns import I32, I64, MISSING, U64, Bool
from kpis.model import Rules


@dataclass(frozen=True, slots=True)
class CallRows:
    """What the stints of each call say together; columns of equal length. A number that is not known is MISSING."""

    call: U64
    """A hash that names each call; ascending only where all events were read at once."""
    site: I32
    unit: I32
    arrival_us: I64
    since_us: I64
    """When its last stint began."""
    test: Bool
    met_open: Bool
    """It met a queue that was not closed."""
    outcome: npt.NDArray[np.int16]
    """Without regard to calls that were cut off."""
    wait_ms: I64
    ring_last_ms: I64
    ring_tried_ms: I64
    talk_ms: I64
    """0 where the call was not answered or its end not told."""
    caller: I64
    """0 where it is withheld or unknown, and of tests."""
    alias: I64


NAMES = tuple(f.name for f in fields(CallRows))
"""The columns."""


def joined(parts: Sequence[CallRows]) -> CallRows:
    """The parts one after another."""
    return CallRows(*(np.concatenate([getattr(part, name) for part in parts]) for name in NAMES))


def rows_of(chain: Chain) -> CallRows:
    """The rows of a chain's calls."""
    s, first = chain.s, chain.first
    test = chain.any(s.test)
    caller, alias = callers(chain, test)
    return CallRows(
        call=s.call,
        site=s.site[first].astype(np.int32),
        unit=s.unit[first].astype(np.int32),
        arrival_us=s.enter_us[first],
        since_us=s.enter_us[chain.last],
        test=test,
        met_open=chain.any(s.outcome != TURNED_AWAY_CLOSED),
        outcome=chain.outcome().astype(np.int16),
        wait_ms=chain.wait_ms(),
        ring_last_ms=chain.at(s.ring_last_ms, chain.first_answer),
        ring_tried_ms=chain.total(s.ring_tried_ms, chain.until),
        talk_ms=np.where(chain.first_answer < len(s.of), chain.total(s.talk_ms), 0),
        caller=caller,
        alias=alias,
    )


def callers(chain: Chain, test: Bool) -> tuple[I64, I64]:
    """The token of each call and its alias, 0 where it is withheld or unknown; `test` calls have none."""
    s, first = chain.s, chain.first
    caller, alias = s.caller[first], s.caller_alias[first]
    nameless = caller == 0
    if len(chain.more) and nameless.any():  # the line of a refusal names no caller: another stint may
        named = np.where(nameless, chain.first_where(s.caller != 0), first)
        caller, alias = chain.at(s.caller, named, 0), chain.at(s.caller_alias, named, 0)
    alias[(caller == 0) | test] = 0
    caller[test] = 0
    return caller, alias


_CLOCKS = {"agent_total": 0, "agent_last": 1, "queue": 2}


def clocks(rules: Rules) -> dict[int, int]:
    """Site → its clock, as `ring_ms` takes it."""
    return {site: _CLOCKS[clock] for site, clock in rules.ring_clock.items()}


def ring_ms(last_ms: I64, tried_ms: I64, wait_ms: I64, clock: I64) -> I64:
    """How long a call rang by its site's clock: 0 all attempts, 1 the last one, 2 the whole wait."""
    total = np.where(last_ms == MISSING, MISSING, last_ms + tried_ms)
    return np.select([clock == 1, clock == 2], [last_ms, wait_ms], total) if clock.any() else total
