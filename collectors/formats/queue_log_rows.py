"""What each event of a queue_log means, and where its numbers stand."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.events import EVENT_TYPES

CALLID, QUEUE, AGENT, EVENT, DATA = 1, 2, 3, 4, 5  # columns; data0 is the first after the event
NO_CALL = frozenset((b"", b"NONE", b"REALTIME", b"MANAGER", b"CLI"))
_At = tuple[int, ...]
_S, _MS, _COUNT = 1000, 1, 1  # what one of the column is in its slot


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the log. Columns are counted from the line's start; 0 is none."""

    type: str
    a: int
    a_unit: int
    b: int
    b_unit: int
    person: int
    says: tuple[tuple[str, int], ...]
    """Texts kept in `extra`, each under its key; else `extra` is what the event's name alone says."""
    extra: str
    hidden: tuple[int, ...]
    width: int
    """The id covers the columns before `width` that are not `hidden`, and never the agent."""
    needs_contact: bool
    needs_unit: bool
    needs_party: bool


def _row(
    type_: str, a: _At = (), b: _At = (), *, person: _At = (), hidden: _At = (), extra: str = "", **texts: int
) -> Row:
    """A row from data columns counted from 0 after the event, as Asterisk's documentation counts them."""
    (a_at, a_unit), (b_at, b_unit) = ((DATA + at[0], at[1]) if at else (0, 0) for at in (a, b))
    says = tuple((key, DATA + at) for key, at in texts.items())
    hides = tuple(DATA + at for at in hidden)
    width = 1 + max(EVENT, a_at, b_at, *(at for _, at in says))
    needs = (need in EVENT_TYPES[type_].needs for need in ("contact", "unit", "party"))
    return Row(type_, a_at, a_unit, b_at, b_unit, DATA + person[0] if person else 0, says, extra, hides, width, *needs)


_BLIND = _row("call.transferred", (2, _S), (3, _S), hidden=(0, 1), extra='{"transfer":"blind"}')
ATTENDED_OTHER = _row("call.transferred", extra='{"transfer":"attended"}')
_ATTENDED_TO = _row("call.transferred", (2, _S), (3, _S), hidden=(1,), extra='{"transfer":"attended"}')
ATTENDED = {
    b"BRIDGE": _ATTENDED_TO,
    b"APP": _ATTENDED_TO,
    # Six values: realtime tables hold the last two in data5 as `talk|position`, which reads the same.
    b"LINK": _row("call.transferred", (3, _S), (4, _S), hidden=(1, 2), extra='{"transfer":"attended"}'),
}

ADDED = _row("agent.added", state=0)
PAUSED_WHEN_ADDED = {b"": 0, b"PAUSED": 1}
"""What the text of ADDMEMBER is in its slot; any other stays a text."""

ROWS: dict[bytes, Row] = {
    # Calls. Waits and talks are whole seconds; only RINGNOANSWER and RINGCANCELED are milliseconds.
    b"DID": _row("call.did"),
    b"ENTERQUEUE": _row("call.entered", (2, _COUNT), person=(1,), hidden=(0, 1)),
    b"RINGNOANSWER": _row("call.ring_no_answer", (0, _MS)),
    b"RINGCANCELED": _row("call.ring_cancelled", (0, _MS)),
    b"CONNECT": _row("call.connected", (0, _S), (2, _S)),
    b"COMPLETEAGENT": _row("call.completed", (0, _S), (1, _S)),
    b"COMPLETECALLER": _row("call.completed", (0, _S), (1, _S)),
    b"BLINDTRANSFER": _BLIND,
    b"TRANSFER": _BLIND,
    b"ATTENDEDTRANSFER": ATTENDED_OTHER,
    b"ABANDON": _row("call.abandoned", (2, _S), (0, _COUNT)),
    b"EXITWITHTIMEOUT": _row("call.timed_out", (2, _S), (0, _COUNT)),
    b"EXITEMPTY": _row("call.no_agent", (2, _S), (0, _COUNT)),
    b"LEAVEEMPTY": _row("call.no_agent", (2, _S), (0, _COUNT)),
    b"EXITWITHKEY": _row("call.left_by_key", (3, _S), (1, _COUNT), key=0),
    b"WITHDRAW": _row("call.withdrawn", (2, _S), (0, _COUNT)),
    b"SYSCOMPAT": _row("call.system_drop"),
    b"AGENTDUMP": _row("call.agent_dumped"),
    b"OUTCALL": _row("call.outbound", b=(1, _S), status=0),
    b"WRAPUPSTART": _row("call.wrap_up_started", (0, _S)),
    # Callers turned away: app_queue writes no line for them, a dialplan may.
    b"JOINEMPTY": _row("call.turned_away_empty"),
    b"FULL": _row("call.turned_away_full"),
    b"DIVERT_CA_RATIO": _row("call.turned_away_full", extra='{"by":"agents"}'),
    b"DIVERT_HOLDTIME": _row("call.turned_away_full", extra='{"by":"wait"}'),
    b"DIVERT_WAITTIME": _row("call.turned_away_full", extra='{"by":"wait"}'),
    b"CLOSED": _row("call.turned_away_closed"),
    # Agents. PAUSEALL is followed by one PAUSE a queue.
    b"ADDMEMBER": ADDED,
    b"REMOVEMEMBER": _row("agent.removed"),
    b"PAUSE": _row("agent.paused", reason=0),
    b"UNPAUSE": _row("agent.unpaused", reason=0),
    b"PAUSEALL": _row("agent.paused_all", reason=0),
    b"UNPAUSEALL": _row("agent.unpaused_all", reason=0),
    b"PENALTY": _row("agent.setting_changed", (0, _COUNT), extra='{"setting":"penalty"}'),
    b"RINGINUSE": _row("agent.setting_changed", (0, _COUNT), extra='{"setting":"ring_in_use"}'),
    b"AGENTLOGIN": _row("agent.logged_in", hidden=(0,)),
    b"AGENTLOGOFF": _row("agent.logged_out", (1, _S), hidden=(0,)),
    b"AGENTCALLBACKLOGIN": _row("agent.logged_in", hidden=(0,)),
    b"AGENTCALLBACKLOGOFF": _row("agent.logged_out", (1, _S), hidden=(0,), reason=2),
    # The log itself.
    b"QUEUESTART": _row("source.restarted"),
    b"CONFIGRELOAD": _row("source.reloaded"),
}

ENDED_BY_AGENT = {b"COMPLETEAGENT": 1, b"COMPLETECALLER": 0}
