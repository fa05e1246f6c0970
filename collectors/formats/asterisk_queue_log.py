"""Asterisk `queue_log`: `epoch|callid|queue|agent|EVENT|data…`, one line an event, whole seconds of UTC.

The table says what each event means and where its numbers stand; the class below it reads any row.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice

from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, Decoded, Event, Rejected, canonical_json

MAX_LINE = 64 * 1024
SECONDS_KEPT = 4096
"""Distinct seconds whose lines are counted at once: how far lines may stand out of order."""
_SECONDS_CARRIED = 4
_LINES_CARRIED = 256
"""What `dump` takes along: Asterisk appends in order, so that only the newest seconds can still grow."""
_NAMES_KEPT = 4096
_YEARS = (946_684_800, 4_102_444_800)  # 2000-01-01 and 2100-01-01
_LINES_A_SECOND = 1_000_000
_MAX_DIGITS = 12

_CALLID, _QUEUE, _AGENT, _EVENT, _DATA = 1, 2, 3, 4, 5  # columns; data0 is the first after the event
_NO_CALL = frozenset((b"", b"NONE", b"REALTIME", b"MANAGER", b"CLI"))
_DIGEST = blake2b(digest_size=8)
_At = tuple[int, ...]
_S, _MS, _COUNT = 1000, 1, 1  # what one of the column is in its slot


@dataclass(frozen=True, slots=True)
class _Row:
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
) -> _Row:
    """A row from data columns counted from 0 after the event, as Asterisk's documentation counts them."""
    (a_at, a_unit), (b_at, b_unit) = ((_DATA + at[0], at[1]) if at else (0, 0) for at in (a, b))
    says = tuple((key, _DATA + at) for key, at in texts.items())
    hides = tuple(_DATA + at for at in hidden)
    width = 1 + max(_EVENT, a_at, b_at, *(at for _, at in says))
    needs = (need in EVENT_TYPES[type_].needs for need in ("contact", "unit", "party"))
    return _Row(
        type_, a_at, a_unit, b_at, b_unit, _DATA + person[0] if person else 0, says, extra, hides, width, *needs
    )


_BLIND = _row("call.transferred", (2, _S), (3, _S), hidden=(0, 1), extra='{"transfer":"blind"}')
_ATTENDED_OTHER = _row("call.transferred", extra='{"transfer":"attended"}')
_ATTENDED_TO = _row("call.transferred", (2, _S), (3, _S), hidden=(1,), extra='{"transfer":"attended"}')
_ATTENDED = {
    b"BRIDGE": _ATTENDED_TO,
    b"APP": _ATTENDED_TO,
    # Six values: realtime tables hold the last two in data5 as `talk|position`, which reads the same.
    b"LINK": _row("call.transferred", (3, _S), (4, _S), hidden=(1, 2), extra='{"transfer":"attended"}'),
}

_ROWS: dict[bytes, _Row] = {
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
    b"ATTENDEDTRANSFER": _ATTENDED_OTHER,
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
    b"ADDMEMBER": _row("agent.added", state=0),
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

_ENDED_BY_AGENT = {b"COMPLETEAGENT": 1, b"COMPLETECALLER": 0}


class _UnreadableError(Exception):
    """This line cannot be read: a reason of `REJECT_REASONS` and what a person needs to find it."""


class QueueLog:
    """Decoder of one queue_log. Ids depend on the lines alone, not on file, offset or division into batches."""

    def __init__(self, *, site: str, source: str) -> None:
        self._site = site
        self._source = source
        self._names: dict[bytes, str] = {}
        # Of each second, how often each line came, by its digest; "" counts them all.
        self._seconds: OrderedDict[int, dict[str, int]] = OrderedDict()
        self.load("")

    def feed(self, records: Sequence[bytes], received_us: int) -> Decoded:  # noqa: ARG002 (a log dates itself)
        out = Decoded()
        if self._restarts and records:
            self._forget(records[0])
        nul = b"\0" in b"".join(records)  # looked for once a batch: it is rare, and costs as much as a column
        for line in records:
            try:
                event = self._event(line, nul)
            except _UnreadableError as why:
                reason, detail = why.args
                out.rejected.append(Rejected(reason, detail, line, self._site, self._source))
                continue
            if event is None:
                out.ignored += 1
            else:
                out.events.append(event)
        return out

    def restart(self) -> None:
        """A line that stood in the file before as well is that line again, not another like it. Only where the new file
        goes on in the very second that the old one ended in, equal lines go on being counted."""
        self._restarts = True

    def _forget(self, first: bytes) -> None:
        self._restarts = False
        newest = max(self._seconds, default=-1)
        goes_on = first.split(b"|", 1)[0] == str(newest).encode()
        kept = {newest: self._seconds[newest]} if goes_on else {}
        self._seconds.clear()
        self._seconds.update(kept)
        self._epoch_text = b"|"

    def dump(self) -> str:
        """The counts of the newest seconds: what a line appended next could equal."""
        newest = islice(reversed(self._seconds.items()), _SECONDS_CARRIED)
        state = [[epoch, seen[""], list(islice(reversed(seen.items()), _LINES_CARRIED))] for epoch, seen in newest]
        return json.dumps(state, separators=(",", ":")) if state else ""

    def load(self, state: str) -> None:
        """Take up a `dump`; "" begins anew."""
        self._seconds.clear()
        for epoch, lines, seen in reversed(json.loads(state) if state else []):
            self._seconds[epoch] = {"": lines, **dict(reversed(seen))}
        self._epoch_text = b"|"  # no column holds it
        self._restarts = False

    def _event(self, line: bytes, may_hold_nul: bool) -> Event | None:
        """The event of one line; None where its event is not of this vocabulary."""
        if len(line) > MAX_LINE:
            raise _UnreadableError("line_too_long", f"line is longer than {MAX_LINE} bytes")
        if may_hold_nul and b"\0" in line:
            raise _UnreadableError("malformed_line", "line holds NUL bytes, as after a loss of power")
        cells = line.rstrip(b"\r|").split(b"|")
        if len(cells) <= _EVENT:
            raise _UnreadableError("malformed_line", f"{len(cells)} columns, at least 5 expected")
        if cells[0] != self._epoch_text:
            self._turn_to(cells[0])
        name = cells[_EVENT]
        row = _ROWS.get(name)
        if row is _ATTENDED_OTHER and len(cells) > _DATA:
            row = _ATTENDED.get(cells[_DATA], row)
        if row is None:
            return None

        agent = cells[_AGENT]
        contact = "" if cells[_CALLID] in _NO_CALL else _text(cells, _CALLID, MAX_NAME)
        unit = self._names.get(cells[_QUEUE]) or self._name(cells, _QUEUE)
        party = "" if agent == b"NONE" else self._names.get(agent) or self._name(cells, _AGENT)
        if (row.needs_contact and not contact) or (row.needs_unit and not unit) or (row.needs_party and not party):
            raise _UnreadableError("bad_field", _what_is_missing(cells, row, contact, unit))
        a = _number(cells, row.a, row.a_unit) if row.a else MISSING
        b = _number(cells, row.b, row.b_unit) if row.b else MISSING
        c = _ENDED_BY_AGENT.get(name, MISSING)
        person = _text(cells, row.person, MAX_LINE) if row.person else ""
        extra = _extra(cells, row) if row.says else row.extra

        seen = self._seen
        lines = seen[""]
        if lines >= _LINES_A_SECOND:
            raise _UnreadableError("malformed_line", f"more than {_LINES_A_SECOND} lines in this second")
        digest = _digest(cells, row)
        ordinal = seen.get(digest, 0)
        seen[digest] = ordinal + 1
        seen[""] = lines + 1
        id_ = f"{self._id_prefix}{digest}.{ordinal}"
        time_us = self._begin_us + lines
        # Event(...) itself would cost a Python call a line.
        return tuple.__new__(
            Event,
            (self._site, self._source, id_, row.type, time_us, unit, contact, party, person, a, b, c, 0, extra),
        )

    def _turn_to(self, text: bytes) -> None:
        """Make the second of this epoch the current one and the newest to be kept."""
        epoch = int(text) if text.isdigit() and len(text) <= _MAX_DIGITS else -1
        if not _YEARS[0] <= epoch < _YEARS[1]:
            wrong = f"column 1: {_shown(text)} is no epoch between the years 2000 and 2100"
            raise _UnreadableError("malformed_line", wrong)
        seen = self._seconds.get(epoch)
        if seen is None:
            seen = self._seconds[epoch] = {"": 0}
            if len(self._seconds) > SECONDS_KEPT:
                self._seconds.popitem(last=False)
        else:
            self._seconds.move_to_end(epoch)
        self._seen = seen
        self._epoch_text = text
        self._begin_us = epoch * 1_000_000
        self._id_prefix = f"{epoch:010d}."  # ten digits, so that ids sort by time

    def _name(self, cells: list[bytes], at: int) -> str:
        """The name in a column, remembered: a log has few queues and agents."""
        if cells[at] in (b"", b"NONE"):
            return ""
        if len(self._names) >= _NAMES_KEPT:
            self._names.clear()
        name = self._names[cells[at]] = _text(cells, at, MAX_NAME)
        return name


def _text(cells: list[bytes], at: int, most: int) -> str:
    """A column as text: UTF-8, else the Thai code page that older systems write. "" where there is none.

    Each column by itself: Asterisk cuts some texts in the middle of a character, which must not change the others.
    """
    if at >= len(cells):
        return ""
    cell = cells[at]
    try:
        text = cell.decode()
        size = len(cell)
    except UnicodeDecodeError:
        try:
            text = cell.decode("cp874")
        except UnicodeDecodeError:
            raise _UnreadableError(
                "malformed_line", f"column {at + 1}: {_shown(cell)} is neither UTF-8 nor CP874"
            ) from None
        size = len(text.encode())
    if size > most:
        raise _UnreadableError("bad_field", f"column {at + 1}: {_shown(cell)} is longer than {most} bytes of UTF-8")
    return text


def _number(cells: list[bytes], at: int, unit: int) -> int:
    """The number in a column, times its unit; MISSING where older versions do not write it."""
    cell = cells[at] if at < len(cells) else b""
    if cell.isdigit() and len(cell) <= _MAX_DIGITS:
        return int(cell) * unit
    if not cell:
        return MISSING
    raise _UnreadableError("malformed_line", f"column {at + 1}: {_shown(cell)} is not a whole number from 0 up")


def _what_is_missing(cells: list[bytes], row: _Row, contact: str, unit: str) -> str:
    at = _CALLID if row.needs_contact and not contact else _QUEUE if row.needs_unit and not unit else _AGENT
    return f"column {at + 1}: {row.type} needs {('a call id', 'a queue', 'an agent')[at - 1]}, not {_shown(cells[at])}"


def _extra(cells: list[bytes], row: _Row) -> str:
    said = {key: text for key, at in row.says if (text := _text(cells, at, MAX_LINE))}
    return canonical_json(said) if said else ""


def _digest(cells: list[bytes], row: _Row) -> str:
    """What tells a line from others of its second, and tells nobody who called or who served.

    Numbers of people and names of agents are few enough to be tried one by one against a hash without a
    key, so they stay out of it; lines that differ in nothing else are told apart by their order.
    """
    cells[_AGENT] = b""
    for at in row.hidden:
        if at < len(cells):
            cells[at] = b""
    digest = _DIGEST.copy()
    digest.update(b"|".join(cells[_CALLID : row.width]))
    return digest.hexdigest()


def _shown(cell: bytes) -> str:
    return repr(cell[:40])[1:]
