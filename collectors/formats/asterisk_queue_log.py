"""Asterisk `queue_log`: `epoch|callid|queue|agent|EVENT|data…`, one line an event, whole seconds of UTC.

The table in `queue_log_rows` says what each event means and where its numbers stand; the class below reads any row.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import islice

from collectors.base import Guess
from collectors.formats.options import Options
from collectors.formats.queue_log_rows import (
    ADDED,
    AGENT,
    ATTENDED,
    ATTENDED_OTHER,
    CALLID,
    DATA,
    ENDED_BY_AGENT,
    EVENT,
    NO_CALL,
    PAUSED_WHEN_ADDED,
    QUEUE,
    ROWS,
    Row,
)
from collectors.formats.queue_log_scan import IGNORED, Scan, Scanner
from collectors.formats.whole_calls import event
from telemetry.events import MAX_NAME, MISSING, Decoded, Event, Rejected, canonical_json

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
_NO_NAMES = {b"": "", b"NONE": ""}
_DIGEST = blake2b(digest_size=8)
_SCANNER = Scanner(ROWS, epochs=_YEARS)
_TABLE = [(row, ENDED_BY_AGENT.get(name, MISSING)) for name, row in ROWS.items()]
_MANY = 64
"""Fewer lines are not worth looking at together."""
_AT_ONCE = 32_768
_BARS = (b"", b"|", b"||")
_BOM = b"\xef\xbb\xbf"


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Whether these are lines of a queue_log: an epoch first, and an event of the table fifth."""
    cells = [line.rstrip(b"\r\n").split(b"|") for line in lines if line.strip()]
    good = sum(len(c) > EVENT and c[0].isdigit() and c[EVENT].isalnum() and c[EVENT].isupper() for c in cells)
    return Guess(good / len(cells), "Asterisk queue_log") if good else None


class _UnreadableError(Exception):
    """This line cannot be read: a reason of `REJECT_REASONS` and what a person needs to find it."""


class QueueLog:
    """Decoder of one queue_log. Ids depend on the lines alone, not on file, offset or division into batches."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:  # noqa: ARG002 (it dates itself)
        self._site = site
        self._source = source
        self._names = dict(_NO_NAMES)
        # Of each second, how often each line came, by its digest; "" counts them all.
        self._seconds: OrderedDict[int, dict[str, int]] = OrderedDict()
        self.load("")

    def feed(self, records: Sequence[bytes], received_us: int) -> Decoded:  # noqa: ARG002 (a log dates itself)
        out = Decoded()
        if self._restarts and records:
            self._forget(records[0])
        for at in range(0, len(records), _AT_ONCE):
            lines = records[at : at + _AT_ONCE]
            scan = _SCANNER.scan(lines) if len(lines) >= _MANY else None
            if scan is not None and len(scan.place) == len(lines):
                self._read_many(lines, scan, out)
            else:  # few, or one of them holds a line end
                for line in lines:
                    self._read_one(line, out)
        return out

    def _read_one(self, line: bytes, out: Decoded) -> None:
        try:
            event = self._event(line.removeprefix(_BOM))
        except _UnreadableError as why:
            reason, detail = why.args
            out.rejected.append(Rejected(reason, detail, line, self._site, self._source))
            return
        if event is None:
            out.ignored += 1
        else:
            out.events.append(event)

    def _read_many(self, lines: Sequence[bytes], scan: Scan, out: Decoded) -> None:
        """The same as `_read_one` for each line, with the cells of all plain lines found at once."""
        data, *columns = scan
        site, source, add, names, hasher_of = self._site, self._source, out.events.append, self._names, _DIGEST.copy
        current = -1
        for line, (
            place,
            epoch,
            at,
            call_end,
            queue_end,
            agent_end,
            hide,
            resume,
            end,
            who,
            who_end,
            say,
            say_end,
            a,
            b,
        ) in zip(lines, zip(*(column.tolist() for column in columns), strict=True), strict=True):
            unit, party = names.get(data[call_end + 1 : queue_end]), names.get(data[queue_end + 1 : agent_end])
            if place < 0 or unit is None or party is None:
                if place == IGNORED:
                    out.ignored += 1
                else:
                    self._read_one(line, out)
                    current, names = -1, self._names
                continue
            if epoch != current:
                self._turn_to(epoch, data[at - 11 : at - 1])
                current, seen, prefix, begin_us = epoch, self._seen, self._id_prefix, self._begin_us
            row, ended_by = _TABLE[place]
            call, count = data[at:call_end], seen[""]
            contact = "" if call in NO_CALL else call.decode()
            if (
                (not contact and row.needs_contact)
                or (not unit and row.needs_unit)
                or (not party and row.needs_party)
                or count >= _LINES_A_SECOND
            ):
                self._read_one(line, out)  # it says what is missing
                continue
            what = data[at : queue_end + 1] + data[agent_end:hide]
            if hide != end:
                what += _BARS[len(row.hidden)] + data[resume:end]
            hasher = hasher_of()
            hasher.update(what)
            digest = hasher.hexdigest()
            ordinal = seen.get(digest, 0)
            seen[digest] = ordinal + 1
            seen[""] = count + 1
            person = data[who:who_end].decode() if who else ""
            extra = _said(row, data[say:say_end].decode()) if say else row.extra
            id_ = f"{prefix}{digest}.{ordinal}"
            time_us = begin_us + count
            add(event((site, source, id_, row.type, time_us, unit, contact, party, person, a, b, ended_by, 0, extra)))

    def restart(self) -> None:
        """A line that stood in the file before as well is that line again, not another like it. Only where the new file
        goes on in the very second that the old one ended in, equal lines go on being counted."""
        self._restarts = True

    def _forget(self, first: bytes) -> None:
        self._restarts = False
        newest = max(self._seconds, default=-1)
        goes_on = newest >= 0 and first.split(b"|", 1)[0] == str(newest).encode()
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

    def _event(self, line: bytes) -> Event | None:
        """The event of one line; None where its event is not of this vocabulary."""
        if len(line) > MAX_LINE:
            raise _UnreadableError("line_too_long", f"line is longer than {MAX_LINE} bytes")
        if b"\0" in line:
            raise _UnreadableError("malformed_line", "line holds NUL bytes, as after a loss of power")
        cells = line.rstrip(b"\r|").split(b"|")
        if len(cells) <= EVENT:
            raise _UnreadableError("malformed_line", f"{len(cells)} columns, at least 5 expected")
        turns = cells[0] != self._epoch_text
        epoch = _epoch(cells[0]) if turns else 0
        name = cells[EVENT]
        row = ROWS.get(name)
        if row is ATTENDED_OTHER and len(cells) > DATA:
            row = ATTENDED.get(cells[DATA], row)
        if row is None:
            return None
        if turns:
            self._turn_to(epoch, cells[0])

        agent = cells[AGENT]
        contact = "" if cells[CALLID] in NO_CALL else _text(cells, CALLID, MAX_NAME)
        unit = self._names.get(cells[QUEUE]) or self._name(cells, QUEUE)
        party = "" if agent == b"NONE" else self._names.get(agent) or self._name(cells, AGENT)
        if (row.needs_contact and not contact) or (row.needs_unit and not unit) or (row.needs_party and not party):
            raise _UnreadableError("bad_field", _what_is_missing(cells, row, contact, unit))
        a = _number(cells, row.a, row.a_unit) if row.a else MISSING
        b = _number(cells, row.b, row.b_unit) if row.b else MISSING
        c = ENDED_BY_AGENT.get(name, MISSING)
        person = _text(cells, row.person, MAX_LINE) if row.person else ""
        extra = _extra(cells, row) if row.says else row.extra
        if row is ADDED:
            a = PAUSED_WHEN_ADDED.get(cells[DATA] if len(cells) > DATA else b"", MISSING)
            extra = extra if a == MISSING else ""

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

    def _turn_to(self, epoch: int, text: bytes) -> None:
        """Make the second of this epoch, which stands so in the log, the current one and the newest to be kept."""
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
            self._names = dict(_NO_NAMES)
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
    if most == MAX_NAME and not text.isprintable():
        raise _UnreadableError("bad_field", f"column {at + 1}: {_shown(cell)} is not printable")
    if size > most:
        raise _UnreadableError("bad_field", f"column {at + 1}: {_shown(cell)} is longer than {most} bytes of UTF-8")
    return text


def _epoch(cell: bytes) -> int:
    epoch = int(cell) if cell.isdigit() and len(cell) <= _MAX_DIGITS else -1
    if not _YEARS[0] <= epoch < _YEARS[1]:
        wrong = f"column 1: {_shown(cell)} is no epoch between the years 2000 and 2100"
        raise _UnreadableError("malformed_line", wrong)
    return epoch


def _number(cells: list[bytes], at: int, unit: int) -> int:
    """The number in a column, times its unit; MISSING where older versions do not write it."""
    cell = cells[at] if at < len(cells) else b""
    if cell.isdigit() and len(cell) <= _MAX_DIGITS:
        return int(cell) * unit
    if not cell:
        return MISSING
    raise _UnreadableError("malformed_line", f"column {at + 1}: {_shown(cell)} is not a whole number from 0 up")


def _what_is_missing(cells: list[bytes], row: Row, contact: str, unit: str) -> str:
    at = CALLID if row.needs_contact and not contact else QUEUE if row.needs_unit and not unit else AGENT
    return f"column {at + 1}: {row.type} needs {('a call id', 'a queue', 'an agent')[at - 1]}, not {_shown(cells[at])}"


@lru_cache(4096)
def _said(row: Row, text: str) -> str:
    return canonical_json({row.says[0][0]: text}) if text else ""


def _extra(cells: list[bytes], row: Row) -> str:
    said = {key: text for key, at in row.says if (text := _text(cells, at, MAX_LINE))}
    return canonical_json(said) if said else ""


def _digest(cells: list[bytes], row: Row) -> str:
    """What tells a line from others of its second, and tells nobody who called or who served.

    Numbers of people and names of agents are few enough to be tried one by one against a hash without a
    key, so they stay out of it; lines that differ in nothing else are told apart by their order.
    """
    cells[AGENT] = b""
    for at in row.hidden:
        if at < len(cells):
            cells[at] = b""
    digest = _DIGEST.copy()
    digest.update(b"|".join(cells[CALLID : row.width]))
    return digest.hexdigest()


def _shown(cell: bytes) -> str:
    return repr(cell[:40])[1:]
