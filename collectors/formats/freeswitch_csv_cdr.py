"""FreeSWITCH mod_cdr_csv: one row a leg, by the `example` template that it comes with or by a template of one's own.

`columns` names the columns of another template as its variables are called; a header line does the same. A template
that has `bridge_epoch` (or `_uepoch`, `_stamp`), or `cc_queue`, is read as the JSON CDR is. The example template has
neither, so `pattern` says which legs `legs` in cdr_csv.conf.xml lets through:

- `a`: callers. A row that names a B leg was answered by a person; how soon, the row does not tell. One that was answered
  and names none met a machine. Nothing is held back.
- `b`: telephones. Each row is a call; it rang from start to answer.
- `ab`, and where nothing is said: both. A row that names no B leg may itself be one: it is held back until a caller's
  row names it, or a row ends 10 s away, so that a call in a queue is one call and rings as its agent's telephone did.
  An unanswered row is a telephone that rang in vain where a caller's row of the same number spans it. One whose account
  code is the number that it called is a telephone for certain, and never a call by itself.

Rows of one uuid are one call. Of what they tell alike the first counts, and an answer counts before a loss.
Times are wall clock. Where a spreadsheet took the seconds away the durations, which it left, tell ringing and talk, and
`extra` of the arrival says that it is known to the minute.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from collectors.base import Guess
from collectors.formats.clock import Clock
from collectors.formats.freeswitch_calls import NO_FAULT, Calls, Leg, S, digest
from collectors.formats.freeswitch_document import leg_of
from collectors.formats.freeswitch_rows import EXAMPLE, NEEDED, Row, Template, rang_in
from collectors.formats.options import Options
from collectors.formats.reading import Csv, Unreadable, name_of, shown
from collectors.formats.scanned import Scan, ScannedFormat, mark_of
from telemetry.events import MISSING, UNKNOWN, Event

PATTERNS = ("", "a", "b", "ab")
NEAR_US = 10 * S
"""Rows of one call are written together: a held row is no leg of a row that ends this far away."""
_HELD = 64
_MINUTE = '{"precision":"minute"}'


class FreeswitchCsvCdr(ScannedFormat):
    """Decoder of one cdr-csv. Ids depend on uuids and units alone."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        given = self._options
        self._calls = Calls(site, source, given)
        self._clock = Clock(given.timezone, era=given.era, order=given.date_order or "ymd")
        self._stamps = {"": MISSING}
        self._splits = given.delimiter or ","
        self._mark = mark_of(self._splits)
        self.load("")

    def restart(self) -> None:
        """Another file may have other columns; its rows go on with the calls of the one before."""
        self._take(self._options.columns or EXAMPLE)
        self._csv = Csv(self._splits)

    def dump(self) -> str:
        rows = [
            [row if self.internal(row.caller) else row._replace(caller="") for row in kept]
            for kept in (self._held, self._callers)
        ]
        state = [self._template.columns, self._csv.held.decode("latin-1"), rows, self._calls.dump()]
        return json.dumps(state, separators=(",", ":"))

    def load(self, state: str) -> None:
        self.restart()
        columns, held, (rows, callers), calls = json.loads(state) if state else ((), "", ((), ()), "")
        self._csv.held = held.encode("latin-1")
        self._held, self._callers = [Row(*r) for r in rows], [Row(*r) for r in callers]
        self._calls.load(calls)
        if columns:
            self._take(columns)

    def _take(self, columns: Sequence[str]) -> None:
        self._template = Template(columns, self._clock)

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:  # noqa: ARG002 (it dates itself)
        cells = self._csv.row(line)
        if cells is None or (len(cells) == 1 and not cells[0].strip()):
            return ()
        if "uuid" in cells and "hangup_cause" in cells:
            self._take([name.strip().lstrip("\ufeff") for name in cells])
            return ()
        if not self._template.like_json:
            return self._told(self._template.row(cells))
        leg = leg_of(self._template.document(cells))
        return self._calls.leg(leg) if leg is not None else ()

    def _shape(self) -> object:
        return None if self._csv.held or self._template.like_json or not self._mark else self._template

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:  # noqa: ARG002 (its years have four digits)
        return self._template.scan(lines, self._mark)

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:  # noqa: ARG002
        return self._told(self._template.told(text, row))

    # Which rows are one call.

    def _told(self, row: Row) -> list[Event]:
        pattern = self._options.pattern
        if pattern == "b":
            return self._telephone_alone(row)
        if pattern == "a":
            return self._caller(row)
        if not row.telephone:
            self._calls.number(row.dest, "")  # what is wrong is said of this row, not of the one that lets it go
        out = self._let_go(row.end_us)
        if any(held.uuid == row.uuid for held in self._held):
            return out  # the same row once more
        caller = next((c for c in self._callers if c.bleg == row.uuid or rang_in(row, c)), None)
        if caller is not None:
            return out + self._telephone(row, caller)
        # The caller's row of a call that nobody answered names no telephone: those that rang within it tell it.
        legs = [held for held in self._held if held.uuid == row.bleg or rang_in(held, row)]
        may_be_leg = not legs and not row.bleg
        whose = next((n for n, held in enumerate(self._held) if may_be_leg and rang_in(row, held)), None)
        if whose is not None:
            caller = self._held[whose] = self._held[whose]._replace(tried=True)
            return out + self._telephone(row, caller)
        self._held = [held for held in self._held if held not in legs]
        if row.bleg:
            self._callers = [*self._callers[1 - _HELD :], row]
            out += self._caller(row)
        else:
            self._held.append(row._replace(tried=bool(legs)))
            if len(self._held) > _HELD:
                out += self._alone(self._held.pop(0))
        return out + [event for leg in legs for event in self._telephone(leg, row)]

    def _let_go(self, now_us: int) -> list[Event]:
        """Held rows that no row will name any more were callers; telephones that rang in vain wait for theirs."""
        if any(abs(now_us - caller.end_us) >= NEAR_US for caller in self._callers):
            self._callers = [caller for caller in self._callers if abs(now_us - caller.end_us) < NEAR_US]
        over = [held for held in self._held if not held.telephone and abs(now_us - held.end_us) >= NEAR_US]
        if not over:
            return []
        self._held = [held for held in self._held if held not in over]
        return [event for held in over for event in self._alone(held)]

    def _alone(self, row: Row) -> list[Event]:
        return [] if row.telephone else self._caller(row)

    def flush(self) -> list[Event]:
        """What is held back, for those who know that the log has ended."""
        held, self._held = self._held, []
        return [event for row in held for event in self._alone(row)]

    # What a row says.

    def _caller(self, row: Row) -> list[Event]:
        unit = self._calls.number(row.dest, "")
        leg = self._leg(row)
        if not row.bleg or row.answer_us == MISSING or self.internal(row.caller):
            return _dated(self._calls.leg(leg), row)
        key = digest(row.uuid, unit)
        entered = self._calls.event("call.entered", f"{key}.e", row.start_us, unit, row.uuid, person=row.caller)
        ended = self._calls.event("call.completed", f"{key}.c", row.end_us, unit, row.uuid, UNKNOWN, MISSING)
        return _dated([entered, ended], row)

    def _telephone_alone(self, row: Row) -> list[Event]:
        """A row that is all that is known of a call: a telephone rang, and somebody answered it or nobody did."""
        leg = self._leg(row)._replace(rang=True)
        if row.answer_us == MISSING or self.internal(row.caller):
            return _dated(self._calls.leg(leg), row)
        at_us = row.start_us + row.ring_s * S
        leg = leg._replace(answer_us=at_us, bridge_us=at_us, end_us=at_us + row.talk_s * S, device=row.dest)
        return _dated(self._calls.leg(leg), row)

    def _telephone(self, row: Row, caller: Row) -> list[Event]:
        """The row of a telephone that rang for a caller's."""
        if self.internal(caller.caller):
            return []
        unit, call, agent = self._calls.number(caller.dest, ""), caller.uuid, name_of(row.dest, "destination_number")
        key = digest(call, unit, row.uuid)
        if row.answer_us == MISSING:
            kind = "call.ring_cancelled" if row.cause in NO_FAULT else "call.ring_no_answer"
            ring = (row.end_us - row.start_us) // 1000
            return [self._calls.event(kind, f"{key}.r", row.end_us, unit, call, ring, party=agent)]
        at_us = row.start_us + row.ring_s * S
        wait = max(at_us - caller.start_us, 0) // 1000
        return [
            self._calls.event("call.connected", f"{key}.b", at_us, unit, call, wait, row.ring_s * 1000, party=agent),
            self._calls.event(
                "call.completed", f"{key}.c", row.end_us, unit, call, wait, row.talk_s * 1000, party=agent
            ),
        ]

    def _leg(self, row: Row) -> Leg:
        """A row as the leg of a caller who reached nobody; the centre's own calls were put through when answered."""
        rang = row.tried or row.answer_us == MISSING
        through = row.answer_us if row.bleg or self.internal(row.caller) else MISSING
        return Leg(row.uuid, row.start_us, row.end_us, row.answer_us, through, caller=row.caller, reached=row.dest, cause=row.cause, rang=rang)  # fmt: skip


def _dated(events: list[Event], row: Row) -> list[Event]:
    """The events, the arrival with how precisely its time is known."""
    if not row.coarse or not events:
        return events
    return [events[0]._replace(extra=events[0].extra or _MINUTE), *events[1:]]


def problems(options: Options) -> list[str]:
    """What is wrong in the settings of a source."""
    out = []
    if options.pattern not in PATTERNS:
        out.append(f"pattern: {shown(options.pattern)}, expected a, b or ab, as `legs` in cdr_csv.conf.xml")
    if options.columns and (missing := [name for name in NEEDED if name not in options.columns]):
        out.append(f"columns: {' and '.join(missing)} missing")
    return out


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Whether these are rows of the example template: three times, two durations, a cause in capitals, a uuid."""
    reader, good, rows = Csv(), 0, 0
    uuids: set[str] = set()
    blegs: set[str] = set()
    for line in lines:
        try:
            cells = reader.row(line.rstrip(b"\r\n"))
        except Unreadable:
            cells = []
        if cells is None or cells == [""]:
            continue
        rows += 1
        if "hangup_cause" in cells and "uuid" in cells:
            return Guess(1.0, "FreeSWITCH CDR (mod_cdr_csv) with a header", {})
        if len(cells) < 12 or not _is_example(cells):
            continue
        good += 1
        uuids.add(cells[10])
        blegs.add(cells[11])
    if not good:
        return None
    if not uuids.isdisjoint(blegs):
        pattern, what = "ab", "callers' and telephones' legs; a call rings as the telephone's row says"
    elif blegs != {""}:
        pattern, what = "a", "callers' legs, which carry no ring time"
    else:
        pattern, what = (
            "a",
            "legs that name no other: callers' that met machines, or telephones' (then pattern is \"b\")",
        )
    return Guess(good / rows, f"FreeSWITCH CDR (mod_cdr_csv, example template) of {what}", {"pattern": pattern})


def _is_example(cells: Sequence[str]) -> bool:
    cause, uuid = cells[9], cells[10]
    numbers = all(c.isascii() and c.isdigit() for c in cells[7:9])
    times = all(":" in c for c in (cells[4], cells[6]))
    return numbers and times and cause.replace("_", "").isalnum() and cause.isupper() and len(uuid) == 36 and uuid.count("-") == 4  # fmt: skip
