"""3CX CDR: one record a call, its fields and their order chosen by the administrator; a file or a TCP stream.

The order of the fields comes from `columns`, or from a header line; else it is 3CX's full list. A record may begin
with `Call `, its chain with `Chain: `. Types and reasons are read in the spelling of every version
(`ExternalLine`, `external_line`). A call is answered when a person was the last to have it: what a queue, a digital
receptionist or voicemail took is not. The answer time is that of whatever took the call first, so that a wait is told
only where no machine stood before the agent. Agents who were polled in vain are named, without times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from collectors.base import Guess
from collectors.formats.clock import Clock
from collectors.formats.options import Options
from collectors.formats.reading import Csv, Unreadable, clock_ms, malformed, name_of
from collectors.formats.scan import cut
from collectors.formats.scanned import Scan, ScannedFormat, mark_of
from collectors.formats.whole_calls import Whole, event, events_of
from telemetry.events import MISSING, UNKNOWN, Event, canonical_json

ALL_COLUMNS = (
    "historyid", "callid", "duration", "time-start", "time-answered", "time-end", "reason-terminated", "from-no", "to-no",
    "from-dn", "to-dn", "dial-no", "reason-changed", "final-number", "final-dn", "bill-code", "bill-rate", "bill-cost",
    "bill-name", "chain", "from-type", "to-type", "final-type", "from-dispname", "to-dispname", "final-dispname",
    "missed-queue-calls",
)  # fmt: skip


class _Row(NamedTuple):
    """The cells that are read: the columns of the same names, `-` for `_`."""

    historyid: str
    callid: str
    duration: str
    time_start: str
    time_answered: str
    time_end: str
    reason_terminated: str
    from_no: str
    to_no: str
    from_dn: str
    to_dn: str
    dial_no: str
    reason_changed: str
    final_number: str
    final_dn: str
    chain: str
    from_type: str
    to_type: str
    final_type: str
    missed_queue_calls: str


_QUEUES = ("queue", "ringgroup")
_VOICEMAIL = "voicemail"
_MACHINES = (
    _VOICEMAIL, "ivr", "fax", "conference", "confplace", "parking", "park", "script", "callflow", "specialmenu", "custom",
)  # fmt: skip
_OUTSIDE = ("externalline", "line", "provider", "outboundrule", "bridge")
_BY_REASON = {
    word: outcome
    for outcome, words in {
        "abandoned": ("terminatedbysrc", "srcparticipantterminated", "cancelled"),
        "timed_out": ("noanswer", "timeout", "polling", "redirected"),
        "full": ("busy", "linebusy"),
        "no_agent": ("nodestinations", "notregistered"),
        "system_drop": ("failed", "rejected", "noroute", "notfound", "servererror", "licenselimitreached"),
    }.items()
    for word in words
}
_LONGEST_WORD = 64
_SRC_ENDED = ("terminatedbysrc", "srcparticipantterminated")
_DST_ENDED = ("terminatedbydst", "dstparticipantterminated")
_CALL_ID, _STAMP = re.compile(rb"[0-9A-Fa-f]{16}_\d+"), re.compile(rb"\d{4}[/-]\d\d[/-]\d\d \d\d:\d\d:\d\d")
_DURATION = re.compile(rb"\d\d:\d\d:\d\d(\.\d+)?")


class ThreeCx(ScannedFormat):
    """Decoder of one 3CX CDR file or stream. Ids depend on the call and its times alone."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        o = self._options
        self._clock = Clock(o.timezone, era=o.era, order=o.date_order or "ymd")
        self._wrong = problems(o)
        self._mark = mark_of(o.delimiter or ",")
        self.restart()

    def restart(self) -> None:
        """Until a header says otherwise the columns are those of the settings."""
        self._csv = Csv(self._options.delimiter or ",")
        self._take(self._options.columns or ALL_COLUMNS)

    def dump(self) -> str:
        header = list(self._names) if self._names != (self._options.columns or ALL_COLUMNS) else []
        if not header and not self._csv.held:
            return ""
        return json.dumps([header, self._csv.held.decode("latin-1")], separators=(",", ":"))

    def load(self, state: str) -> None:
        self.restart()
        if state:
            names, held = json.loads(state)
            self._csv.held = held.encode("latin-1")
            self._take(names or self._names)

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:
        cells = self._csv.row(line.lstrip(b"\xef\xbb\xbf"))
        if cells is None or (len(cells) == 1 and not cells[0].strip()):
            return ()
        if cells[0][:5] == "Call ":
            cells[0] = cells[0][5:]
        if b"time-start" in line.lower():
            self._take([c.strip().lower() for c in cells])
            return ()
        if self._wrong:
            raise Unreadable("bad_field", self._wrong[0])
        width, given = self._width, len(cells)
        if not self._least <= given <= width + 1 or (given > width and cells[-1].strip()):
            raise Unreadable("malformed_line", f"{given} columns, {width} expected; check columns")
        if given <= width:
            cells += [""] * (width + 1 - given)  # the last is what a missing column points to
        row = _Row._make(self._pick(cells))
        return self._events(row, self._whole(row, received_us))

    def _shape(self) -> object:
        return None if self._csv.held or self._wrong or not self._mark else self._names

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:  # noqa: ARG002 (its years have four digits)
        """The times and the duration; the texts are cut out of the line itself, of which most are read."""
        cells = cut(lines, self._mark)
        if cells is None or not self._least <= cells.width <= self._width or cells.mentions(b"time-start"):
            return None
        at = [place if place < cells.width else -1 for place in self._at]
        for place in at:
            cells.bounds(place)
        start, answer, end = (np.maximum(cells.stamp(place, self._clock), 0) for place in at[3:6])
        took = cells.clock(at[2]) if at[2] >= 0 else np.full(cells.rows, MISSING)
        cells.plain &= (start > 0) & ((answer == 0) | (answer >= start))
        cells.plain &= (end == 0) | (end >= np.maximum(start, answer))
        return cells, (start, answer, end, np.where(took >= 0, took * 1000, MISSING))

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:  # noqa: ARG002
        cells = self._csv.row(line.rstrip(b"\r\n")) or [""]
        if cells[0][:5] == "Call ":
            cells[0] = cells[0][5:]
        cells += [""] * (self._width + 1 - len(cells))
        record = _Row._make(self._pick(cells))
        return self._events(record, self._passage(record, *row))

    def _events(self, row: _Row, whole: Whole | None) -> Sequence[Event]:
        if whole is None:
            return ()
        events = events_of(self._site, self._source, whole)
        polled = _agents(row.missed_queue_calls) if events[0].type == "call.entered" else []
        if polled:
            events[1:1] = [_in_vain(events[0], n, agent) for n, agent in enumerate(polled)]
        return events

    def _take(self, names: Sequence[str]) -> None:
        """These are the columns from here on."""
        self._names, self._width = tuple(names), len(names)
        at = self._at = [names.index(c) if (c := f.replace("_", "-")) in names else -1 for f in _Row._fields]
        self._pick = itemgetter(*at)
        self._least = max(at[:6]) + 1  # later ones are left out at the end of a record where they are empty

    def _time(self, text: str, place: str, received_us: int) -> int:
        """Microseconds since 1970; 0 where there is none."""
        text = text.strip()
        if not text:
            return 0
        try:
            return self._clock.us(text, received_us)
        except ValueError as problem:
            raise Unreadable("malformed_line", f"{place}: {problem}") from None

    def _whole(self, row: _Row, received_us: int) -> Whole | None:
        """The passage of a call that a record tells; None where it says nothing of one."""
        start = self._time(row.time_start, "time-start", received_us)
        answer = self._time(row.time_answered, "time-answered", received_us)
        end = self._time(row.time_end, "time-end", received_us)
        took_ms = clock_ms(row.duration.partition(".")[0], "duration")
        if not start:
            raise malformed("time-start", row.time_start, "the time when the call began")
        if (answer and answer < start) or (end and end < max(start, answer)):
            raise Unreadable("malformed_line", "times go backwards: time-start, time-answered, time-end")
        return self._passage(row, start, answer, end, took_ms)

    def _passage(self, row: _Row, start: int, answer: int, end: int, took_ms: int) -> Whole | None:
        """The same of a record whose times are known."""
        ended = bool(end) or took_ms >= 0
        end = end or max(start, answer) + max(took_ms, 0) * 1000
        call = name_of(row.historyid or row.callid, "historyid")
        if not call:
            raise malformed("historyid", row.historyid, "what tells the call from every other")
        from_, to, last = (_plain(t[:_LONGEST_WORD]) for t in (row.from_type, row.to_type, row.final_type))
        leg = row.callid if row.historyid else ""
        if from_ == "extension" or (not from_ and self._extension(row.from_no)):
            return self._placed(row, Whole(call, "", start, "", end, leg=leg), answer if ended else 0, to or last)
        number = self._number(row, to, last)
        if not number:
            return None
        unit, caller = name_of(self.unit(number), "to-dn"), _bare(row.from_no)
        party = last or ("" if _bare(row.final_dn or row.final_number) else to)
        reason = _plain(row.reason_terminated[:_LONGEST_WORD])
        changed = _plain(row.reason_changed[:_LONGEST_WORD])
        by_machine = party in _MACHINES or party in _QUEUES
        if answer and not by_machine:
            # In the second of its arrival no agent takes a call out of a queue: that was the queue itself.
            told = to not in _MACHINES and (to == "extension" or answer - start >= 1_000_000)
            direct = to == last == "extension" and row.to_dn == row.final_dn and not changed
            agent = _bare(row.final_dn or row.final_number or (number if to == "extension" else ""))
            wait_ms = (answer - start) // 1000
            return Whole(
                call, unit, start, "answered", end,
                wait_ms if told else UNKNOWN,
                wait_ms if direct else MISSING,
                (end - answer) // 1000 if told and ended else MISSING,
                name_of(agent, "final-dn"), caller, answer,
                1 if reason in _DST_ENDED else 0 if reason in _SRC_ENDED else MISSING,
                leg=leg,
            )  # fmt: skip
        if to in _MACHINES and party in _MACHINES and number not in self._options.units:
            return Whole(call, unit, start, "did", end, voicemail=bool(answer) and party == _VOICEMAIL)
        outcome, waited_us = _BY_REASON.get(reason, "abandoned"), end - start
        if reason in _DST_ENDED or (answer and party in _MACHINES):
            outcome = "timed_out"
        if answer and party in _MACHINES:  # voicemail and its like took what nobody answered
            waited_us, end = answer - start, answer
        unknown = (to in _MACHINES or waited_us < 1_000_000) if answer else not ended
        wait_ms = UNKNOWN if unknown else waited_us // 1000
        return Whole(call, unit, start, outcome, end, wait_ms, caller=caller, leg=leg, extra=_extra(reason, changed),
                     voicemail=bool(answer) and party == _VOICEMAIL)  # fmt: skip

    def _number(self, row: _Row, to: str, last: str) -> str:
        """The queue or number that a call belongs to: its queue, else what `units` names of its way, else where it went."""
        if to in _QUEUES:
            return _bare(row.to_dn or row.to_no)
        if last in _QUEUES:
            return _bare(row.final_dn or row.final_number)
        if self._options.units:
            for one in (*_chain(row.chain), _bare(row.to_dn), _bare(row.dial_no)):
                if one in self._options.units:
                    return one
        return _bare(row.to_dn or row.to_no or row.dial_no)

    def _placed(self, row: _Row, whole: Whole, answer: int, to: str) -> Whole | None:
        """A call of one of the centre's telephones: outbound where it leads outside."""
        number = _bare(row.to_no or row.dial_no or row.to_dn)
        if to not in _OUTSIDE if to else self._extension(row.to_no or number) or not number:
            return None
        talk_ms = (whole.end_us - answer) // 1000 if answer else MISSING
        agent = name_of(_bare(row.from_dn or row.from_no), "from-dn")
        return whole._replace(outcome="outbound", agent=agent, talk_ms=talk_ms, caller=self.called(number))

    def _extension(self, number: str) -> bool:
        return number.startswith("Ext.") or self.internal(number)


@lru_cache(4096)
def _plain(word: str) -> str:
    """A type or reason in the one spelling of the tables."""
    word = word.strip().replace("_", "").replace(" ", "").lower()
    return "ringgroup" if word.startswith("ringgroup") else word


@lru_cache(4096)
def _extra(reason: str, changed: str) -> str:
    said = {"reason": reason, "changed": changed}
    extra = {k: v for k, v in said.items() if v.isascii() and v.isalpha()}
    return canonical_json(extra) if extra else ""


def _bare(number: str) -> str:
    return number.strip().removeprefix("Ext.")


def _chain(text: str) -> list[str]:
    """Everything that the call passed, in order."""
    return [_bare(one) for one in text.removeprefix("Chain:").strip().replace("'", ";").split(";") if one.strip()]


def _agents(text: str) -> list[str]:
    if not text.strip():
        return []
    parts = re.split(r"[;,\s]+", text.removeprefix("Chain:"))
    return [name_of(_bare(one), "missed-queue-calls") for one in parts if one]


def _in_vain(entered: Event, n: int, agent: str) -> Event:
    """One agent's telephone that rang in vain; 3CX does not say for how long."""
    site, source, id_, _, time_us, unit, contact, *_ = entered
    id_ = f"{id_.removesuffix('.e')}.r{n}"
    at_us, none = time_us + n + 1, MISSING
    return event((site, source, id_, "call.ring_no_answer", at_us, unit, contact, agent, "", none, none, none, 0, ""))


def problems(options: Options) -> list[str]:
    """What is wrong in the list of columns."""
    names = options.columns or ALL_COLUMNS
    out = [f"columns: 3CX has no field {name!r}" for name in names if name not in ALL_COLUMNS and name not in ("", "-")]
    out += [
        f"columns: {name!r} stands twice"
        for name in sorted({n for n in names if names.count(n) > 1 and n in ALL_COLUMNS})
    ]
    out += [f"columns: {name!r} is missing" for name in ("time-start", "time-answered") if name not in names]
    if "historyid" not in names and "callid" not in names:
        out.append("columns: 'historyid' is missing, so that a call could not be told from another")
    return out


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Whether these are records of 3CX: its call ids, chains and times; whether in the order of its full list."""
    texts = [line.strip().lstrip(b"\xef\xbb\xbf") for line in lines if line.strip()]
    header = bool(texts) and b"time-start" in texts[0].lower() and not _STAMP.search(texts[0])
    rows = texts[1:] if header else texts
    good = sum(
        bool(_CALL_ID.search(t)) + (b"Chain:" in t) + t.startswith(b"Call ") >= 1 and bool(_STAMP.search(t))
        for t in rows
    )
    if not good and not header:
        return None
    what = (
        "3CX call detail records, which do not say whether their times are UTC or local (set timezone, and compare the"
        " newest call with a clock), and carry no ring time for calls of queues"
    )
    delimiter = next((d for d in (b",", b";", b"\t", b"|") if rows and rows[0].count(d) > 4), b",")
    settings: dict[str, object] = {} if delimiter == b"," else {"delimiter": delimiter.decode()}
    cells = rows[0].removeprefix(b"Call ").split(delimiter) if rows else []
    usual = len(cells) > 5 and bool(_DURATION.fullmatch(cells[2])) and bool(_STAMP.fullmatch(cells[3]))
    if not header and not usual:
        what += "; its fields are not in the usual order: put those of columns into the order in which 3CX lists them"
        settings["columns"] = list(ALL_COLUMNS)
    return Guess(1.0 if header else good / len(rows), what, settings)
