"""Cisco Unified CM call detail records: CSV whose first line names the columns; one record a leg of a call.

Columns are found by name, since every release adds some; the header holds for its file. Records of one
(cluster, call manager, call id) are one call. Times are seconds since 1970 UTC, and 0 or nothing is no time. The wait
runs from origination to connect, with dialling and queue in it, and no column tells the ringing by itself. A call
belongs to its hunt pilot, else to the number that was called first. What a machine answered (voicemail, announcer)
nobody answered; what voicemail did went there. A call that a machine was called for is no call of a queue. What follows a transfer is a passage of
its own, unless it leads out of the centre; conference bridges say nothing new of the caller.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from collectors.base import Guess
from collectors.formats.eights import Words
from collectors.formats.options import Options
from collectors.formats.reading import Csv, Unreadable, malformed, name_of, whole_of
from collectors.formats.scan import cut
from collectors.formats.scanned import Scan, ScannedFormat
from collectors.formats.whole_calls import Whole, events_of
from telemetry.events import MISSING, UNKNOWN, Event, canonical_json


class _Row(NamedTuple):
    """The cells that are read, by what they are; the column names follow in `_COLUMNS`."""

    kind: str
    manager: str
    call: str
    cluster: str
    origination: str
    connect: str
    disconnect: str
    duration: str
    calling: str
    original: str
    final: str
    device: str
    pilot: str
    orig_cause: str
    dest_cause: str
    orig_leg: str
    dest_leg: str
    queued: str
    queue_wait: str
    reason: str
    redirected_by: str
    joined_by: str
    ended_by: str


_COLUMNS: tuple[tuple[str, ...], ...] = (
    ("cdrRecordType",),
    ("globalCallID_callManagerId",),
    ("globalCallID_callId",),
    ("globalCallId_ClusterID",),
    ("dateTimeOrigination",),
    ("dateTimeConnect",),
    ("dateTimeDisconnect",),
    ("duration",),
    ("callingPartyNumber",),
    ("originalCalledPartyNumber",),
    ("finalCalledPartyNumber",),
    ("destDeviceName",),
    ("huntPilotDN",),
    ("origCause_value",),
    ("destCause_value",),
    ("origLegCallIdentifier",),
    ("destLegIdentifier", "destLegCallIdentifier"),
    ("wasCallQueued",),
    ("totalWaitTimeInQueue",),
    ("lastRedirectRedirectReason",),
    ("lastRedirectRedirectOnBehalfOf",),
    ("joinOnBehalfOf",),
    ("destCallTerminationOnBehalfOf",),
)
_NEEDED = (*_COLUMNS[:3], *_COLUMNS[4:11])
_NAME = dict(zip(_Row._fields, (names[0] for names in _COLUMNS), strict=True))
_TYPES = ("INTEGER", "VARCHAR", "UNIQUEIDENTIFIER")
_YEARS = (946_684_800, 4_102_444_800)  # 2000-01-01 and 2100-01-01
_LONGEST_S = 7 * 86_400
_EXTRAS_KEPT = 256
_CALL, _QUALITY = "1", "2"
_ONE = Words((_CALL,))
_CONFERENCE, _TRANSFER = "4", "10"  # features, as the …OnBehalfOf columns number them
_BRIDGE = "b00"  # begins the number of a conference bridge
_UNITY = "CiscoUM"
_MACHINES = (_UNITY, "ANN_", "MOH_", "IVR_", "CFB_")
_SPLIT = "393216"  # the leg was cut off to be joined to another
_BY_REASON = {"818": "no_agent", "834": "full", "850": "timed_out"}  # native call queuing sent the caller elsewhere
_BY_CAUSE = {
    "0": "abandoned",
    "16": "abandoned",
    "31": "abandoned",
    "17": "full",  # busy
    "18": "timed_out",
    "19": "timed_out",  # rang, and nobody answered
    "20": "no_agent",
    "27": "no_agent",  # not registered
    _SPLIT: "open",
}
_LOST = ("call.abandoned", "call.timed_out", "call.no_agent", "call.system_drop", "call.turned_away_full")
_ENOUGH = 20
"""So many answered calls and not one lost: lost calls are not logged."""


class CucmCdr(ScannedFormat):
    """Decoder of one source of CDR files. Ids depend on the call, its legs and its times alone."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        told = self._options.fields.get("machines", "")
        self._voicemail = _names(self._options.fields.get("voicemail", ""))
        self._machines = (*_names(told), *self._voicemail)
        self.restart()

    def restart(self) -> None:
        """The next line names the columns of another file."""
        self._names: list[str] = []
        self._csv = Csv()

    def dump(self) -> str:
        if not self._names and not self._csv.held:
            return ""
        return json.dumps([self._names, self._csv.held.decode("latin-1")], separators=(",", ":"))

    def load(self, state: str) -> None:
        self.restart()
        if state:
            names, held = json.loads(state)
            self._csv.held = held.encode("latin-1")
            self._take(names)

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:  # noqa: ARG002 (it dates itself)
        cells = self._cells(line)
        if cells is None:
            return ()
        first = cells[0].strip().lstrip("\ufeff").strip('"')
        if first.lower() == "cdrrecordtype":
            self._take([first, *(name.strip() for name in cells[1:])])
            return ()
        if first.startswith(_TYPES) or (len(cells) == 1 and not first):
            return ()
        if not self._names:
            raise Unreadable("malformed_line", "no header line (cdrRecordType,…) stands before it in its file")
        if len(cells) != self._width:
            raise Unreadable("malformed_line", f"{len(cells)} columns, {self._width} in the header of its file")
        if first == _QUALITY:
            return ()
        if first != _CALL:
            raise malformed("cdrRecordType", first, "1 (CDR) or 2 (CMR)")
        if self._lacking:
            raise Unreadable("malformed_line", f"the header of its file has no column {', '.join(self._lacking)}")
        cells.append("")  # what a column that the header lacks points to
        whole = self._whole(_Row._make(self._pick(cells)))
        return events_of(self._site, self._source, whole) if whole else ()

    def _shape(self) -> object:
        return None if self._csv.held or not self._names or self._lacking else self._names

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:  # noqa: ARG002 (its years have four digits)
        """Times, duration and wait; the texts are cut out of the line itself, of which most are read."""
        cells = cut(lines, ord(","), self._width)
        if cells is None:
            return None
        at = dict(zip(_Row._fields, self._at, strict=True))
        for place in self._at:
            cells.bounds(place)
        begin, answer, end = (cells.epoch(at[name]) for name in ("origination", "connect", "disconnect"))
        talk = cells.whole(at["duration"])
        queue = cells.whole(at["queue_wait"]) if at["queue_wait"] >= 0 else np.full(cells.rows, MISSING)
        for seconds in (begin, answer, end):
            cells.plain &= (seconds == 0) | ((seconds >= _YEARS[0]) & (seconds < _YEARS[1]))
        cells.plain &= (begin > 0) & ((answer == 0) | (answer >= begin)) & (talk <= _LONGEST_S)
        cells.plain &= (end == 0) | (end >= np.maximum(begin, answer))
        cells.plain &= cells.word(0, _ONE) == 0
        cells.plain &= cells.digits(at["manager"]) & cells.digits(at["call"])
        return cells, (begin, answer, end, talk, queue)

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:  # noqa: ARG002
        begin, answer, end, talk_s, queue_s = row
        cells = self._cells(line.rstrip(b"\r\n")) or []
        cells.append("")
        whole = self._passage(_Row._make(self._pick(cells)), begin, answer, end, talk_s, queue_s)
        return events_of(self._site, self._source, whole) if whole else ()

    def _cells(self, line: bytes) -> list[str] | None:
        """The cells without their quotes; None while a row goes on in the next line."""
        if not self._csv.held and self._names and line.isascii():
            # Cisco quotes every text, and next to none of them holds a comma: where the count is right, none does.
            cells = line.decode("ascii").replace('"', "").split(",")
            if len(cells) == self._width and line.count(b'"') % 2 == 0:
                return cells
        return self._csv.row(line)

    def _take(self, names: list[str]) -> None:
        """These are the columns from here on."""
        self._names, self._width = names, len(names)
        at = {name.lower(): n for n, name in reversed(list(enumerate(names)))}
        found = [next((at[n.lower()] for n in names if n.lower() in at), -1) for names in _COLUMNS]
        self._at, self._pick = found, itemgetter(*found)
        self._devices = found[_Row._fields.index("device")] >= 0
        self._lacking = [names[0] for names in _NEEDED if not any(n.lower() in at for n in names)]

    def _whole(self, row: _Row) -> Whole | None:
        """The passage of a call that a record tells; None where it says nothing of one."""
        begin = _time_s(row.origination, "origination")
        answer, end = _time_s(row.connect, "connect"), _time_s(row.disconnect, "disconnect")
        talk_s = _number(row.duration, "duration")
        if talk_s > _LONGEST_S:
            raise malformed("duration", row.duration, f"no more than {_LONGEST_S} seconds")
        if not begin:
            raise malformed("dateTimeOrigination", row.origination, "seconds since 1970")
        if (answer and answer < begin) or (end and end < max(begin, answer)):
            raise Unreadable("malformed_line", f"times go backwards: origination {begin}, connect {answer}, end {end}")
        if not row.manager.isdigit() or not row.call.isdigit():
            raise malformed("globalCallID_callId", f"{row.manager} {row.call}", "two whole numbers")
        return self._passage(row, begin, answer, end, talk_s)

    def _passage(
        self, row: _Row, begin: int, answer: int, end: int, talk_s: int, queue_s: int | None = None
    ) -> Whole | None:
        """The same of a record whose times are known."""
        cluster = f"@{row.cluster[:32]}" if row.cluster else ""
        call = name_of(f"{row.manager}.{row.call}{cluster}", "globalCallID")
        told = bool(answer or end)  # else nobody knows how long the caller stayed
        end = end or (answer + max(talk_s, 0) if answer else begin)
        leg = f"{row.orig_leg}.{row.dest_leg}"
        begin_us = begin * 1_000_000
        if self.internal(row.calling):
            placed = Whole(call, "", begin_us, "", end * 1_000_000, leg=leg)
            return self._placed(row, placed, talk_s if answer else MISSING)
        if row.final[:3] == _BRIDGE or row.joined_by == _CONFERENCE:
            return None
        goes_on = _TRANSFER in (row.joined_by, row.redirected_by)
        number = (row.pilot or (row.final if goes_on else row.original or row.final)).strip()
        if not number or (goes_on and not row.pilot and not self._ours(number)):
            return None
        unit = name_of(self.unit(number), "originalCalledPartyNumber")
        if number in self._machines:
            return Whole(
                call, unit, begin_us, "did", end * 1_000_000, voicemail=bool(answer) and self._mail(row, number)
            )
        wait_s = (answer or end) - begin
        queue_s = _number(row.queue_wait, "queue_wait") if queue_s is None else queue_s
        if row.queued == "1":
            wait_s = min(max(wait_s, queue_s), end - begin)
        wait_ms = wait_s * 1000 if told and row.joined_by != _TRANSFER else UNKNOWN
        met_us = begin_us + wait_s * 1_000_000
        if answer and not self._machine(row):
            agent = row.final if row.final != row.pilot and self.internal(row.final) else row.device
            talk_ms = min(talk_s, end - begin - wait_s) * 1000 if talk_s >= 0 else MISSING
            transferred = row.ended_by == _TRANSFER or (row.ended_by != _CONFERENCE and row.dest_cause == _SPLIT)
            return Whole(
                call, unit, begin_us, "answered", end * 1_000_000, wait_ms, MISSING, talk_ms,
                name_of(agent, "destDeviceName"), row.calling, met_us, _ended_by_agent(row), transferred, leg,
            )  # fmt: skip
        outcome = _BY_REASON.get(row.reason) or ("timed_out" if answer and row.queued != "1" else _by_cause(row))
        return Whole(
            call,
            unit,
            begin_us,
            outcome,
            met_us,
            wait_ms,
            caller=row.calling,
            leg=leg,
            extra=_extra(row.orig_cause, row.dest_cause, row.reason),
            voicemail=bool(answer) and self._mail(row, row.final),
        )

    def _placed(self, row: _Row, whole: Whole, talk_s: int) -> Whole | None:
        """A call of one of the centre's telephones: outbound where it leads outside."""
        if not row.final or self._ours(row.final) or not row.final.lstrip("+").isdigit():
            return None
        talk_ms = talk_s * 1000 if talk_s >= 0 else MISSING
        agent, called = name_of(row.calling, "callingPartyNumber"), self.called(row.final)
        return whole._replace(outcome="outbound", agent=agent, talk_ms=talk_ms, caller=called)

    def _ours(self, number: str) -> bool:
        return self.internal(number) or number in self._options.units or number in self._machines

    def _mail(self, row: _Row, number: str) -> bool:
        """Whether what answered is voicemail: a port of Unity, or what the settings name."""
        return row.device.startswith((_UNITY, *self._voicemail)) or number in self._voicemail

    def _machine(self, row: _Row) -> bool:
        """Whether what answered is no person: a voicemail port, an announcement, the queue's music, nothing at all."""
        if row.device.startswith(_MACHINES) or row.final in self._machines:
            return True
        if self._machines and row.device.startswith(self._machines):
            return True
        return row.queued == "1" and self._devices and not row.device


def _names(told: str) -> tuple[str, ...]:
    return tuple(name for one in told.split(",") if (name := one.strip()))


def _time_s(text: str, which: str) -> int:
    """Seconds since 1970; 0 where there is none."""
    if text in ("", "0"):
        return 0
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) == 10 else 0
    if not _YEARS[0] <= seconds < _YEARS[1]:
        raise malformed(_NAME[which], text, "seconds since 1970, between the years 2000 and 2100")
    return seconds


def _number(text: str, which: str) -> int:
    return whole_of(text, _NAME[which])


def _by_cause(row: _Row) -> str:
    """How a call that nobody answered ended: 16 on the caller's side is a caller who hung up, whatever the other says."""
    if row.orig_cause == "16":
        return "abandoned"
    cause = row.dest_cause if row.dest_cause not in ("", "0", "16") else row.orig_cause or "0"
    return _BY_CAUSE.get(cause, "system_drop")


def _ended_by_agent(row: _Row) -> int:
    """The side that cleared carries the cause 16, the other 0."""
    sides = (row.orig_cause, row.dest_cause)
    return 0 if sides == ("16", "0") else 1 if sides == ("0", "16") else MISSING


@lru_cache(_EXTRAS_KEPT)
def _extra(orig_cause: str, dest_cause: str, reason: str) -> str:
    """Why a call was lost, in Cisco's own numbers."""
    told = {"orig_cause": orig_cause, "dest_cause": dest_cause, "redirect_reason": reason}
    said = {k: int(v) for k, v in told.items() if v.isascii() and v.isdigit() and len(v) < 11 and v != "0"}
    return canonical_json(said) if said else ""


def problems(options: Options) -> list[str]:
    """What is wrong in the settings."""
    known = ("machines", "voicemail")
    return [
        f'fields."{key}" is not known; CUCM takes machines and voicemail' for key in options.fields if key not in known
    ]


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Whether a header that begins with cdrRecordType stands there; what of the calls its sample leaves out."""
    texts = (line.strip().removeprefix(b"\xef\xbb\xbf").replace(b'"', b"").lower() for line in lines)
    first = next((text for text in texts if text.startswith(b"cdrrecordtype,globalcallid")), b"")
    if not first:
        return None
    header = first.decode("latin-1").split(",")
    if "datetimeorigination" not in header:
        return Guess(0.9, "Cisco CUCM call management records (cmr_…), which tell of voice quality; calls are in cdr_…")
    log = CucmCdr(site="?", source="?")
    found = log.feed(lines, 0).events
    answered, lost = (sum(e.type in types for e in found) for types in (("call.connected",), _LOST))
    what = "Cisco CUCM call detail records, which carry no ring time by itself: a wait includes dialling and the queue"
    if "huntpilotdn" not in header:
        what += "; no huntPilotDN column, so that a call belongs to the number called first"
    if answered >= _ENOUGH and not lost:
        what += (
            f"; {answered} answered calls and not one lost: the service parameter 'CDR Log Calls with Zero Duration"
            " Flag' is probably off, and lost calls are missing"
        )
    return Guess(1.0, what)
