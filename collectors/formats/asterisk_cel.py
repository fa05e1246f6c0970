"""Asterisk CEL as cel_custom writes it: one CSV line an event of a channel, in the columns of Asterisk's sample or others.

Columns come from `columns`, or from a header line, else they are the sample's. Times are seconds since 1970 with
microseconds (Asterisk's default) or wall clock; of wall clocks of whole seconds the microseconds of an event carry the
order of the lines. `asterisk_cel_calls` makes calls of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from operator import itemgetter

from collectors.base import Guess
from collectors.formats.asterisk_cel_calls import HANDLERS, Calls
from collectors.formats.asterisk_cel_tree import Row
from collectors.formats.asterisk_channels import BOM, YEARS_S, S, time_us, zone_of
from collectors.formats.clock import Clock
from collectors.formats.eights import Words
from collectors.formats.options import Options
from collectors.formats.reading import Csv, Unreadable, malformed, shown
from collectors.formats.scan import cut
from collectors.formats.scanned import Scan, ScannedFormat, mark_of
from telemetry.events import Event

SAMPLE = (
    "eventtype", "eventtime", "cid_name", "cid_num", "cid_ani", "cid_rdnis", "cid_dnid", "exten", "context", "channame",
    "appname", "appdata", "amaflags", "accountcode", "uniqueid", "linkedid", "peer", "userfield", "userdeftype",
    "eventextra",
)  # fmt: skip
"""The order of Asterisk's sample cel_custom.conf, under the names that its database modules give the columns."""
_ALIASES = {
    "channel": "channame",
    "type": "eventtype",
    "time": "eventtime",
    "extra": "eventextra",
    "bridgepeer": "peer",
}
_READ = ("eventtype", "eventtime", "cid_num", "exten", "channame", "appname", "appdata", "uniqueid", "linkedid", "eventextra")  # fmt: skip
_NEEDED = ("eventtype", "eventtime", "channame", "appname", "appdata", "uniqueid", "linkedid")
_LEAST = SAMPLE.index("linkedid") + 1
"""Columns of the sample without which nothing can be told; older ones end earlier than the newest."""
TYPES = frozenset((
    "CHAN_START", "CHAN_END", "HANGUP", "ANSWER", "APP_START", "APP_END", "BRIDGE_ENTER", "BRIDGE_EXIT", "PARK_START",
    "PARK_END", "BLINDTRANSFER", "ATTENDEDTRANSFER", "PICKUP", "FORWARD", "LINKEDID_END", "USER_DEFINED",
    "LOCAL_OPTIMIZE", "LOCAL_OPTIMIZE_BEGIN", "STREAM_BEGIN", "STREAM_END", "DTMF",
))  # fmt: skip
_IDLE = frozenset(name.encode() for name in TYPES - HANDLERS.keys())
_KINDS = (*HANDLERS, *sorted(TYPES - HANDLERS.keys()))
_WORDS = Words(_KINDS)
_EPOCH, _WALL = len("1795226446.000000"), len("2026-11-21 09:00:46")
"""How long times are that are read many at once."""
_NO_STAMP = "\0"  # no line holds it


class Cel(ScannedFormat):
    """Decoder of one channel event log. Ids depend on the call alone, not on file, offset or division into batches."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        told = self._options
        self._clock = Clock(told.timezone, era=told.era, order=told.date_order or "ymd")
        self._delimiter = told.delimiter or ","
        self._mark = mark_of(self._delimiter)
        self._between = f'"{self._delimiter}"'
        self._csv = Csv(self._delimiter)
        self._calls = Calls(site, source, self.unit, self.internal, self.called)
        self._stamp, self._base_us, self._whole, self._count = _NO_STAMP, 0, False, 0
        self.load("")

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:
        if line[:1] == BOM[:1]:
            line = line.removeprefix(BOM)
        if line[1 : line.find(b'"', 1)] in _IDLE and self._columns is SAMPLE and not self._csv.held:
            return ()
        cells = self._plain(line)
        if cells is None:
            cells = self._csv.row(line)
            if cells is None or cells == [""]:
                return ()
            if b"eventt" in line.lower() and _is_header(cells):
                self._lay_out(cells)
                return ()
            if self._least <= len(cells) < self._width:
                cells += [""] * (self._width - len(cells))
        if len(cells) != self._width:
            raise Unreadable("malformed_line", f"{len(cells)} columns, expected {self._width}")
        if self._lacking:
            cells.append("")
        row: Row = tuple.__new__(Row, self._pick(cells))
        if row.kind not in HANDLERS:
            if row.kind not in TYPES:
                self._time(row.time, received_us)  # a name of the user's own, if this is an event at all
            return ()
        us = self._time(row.time, received_us)
        if not row.uid or not row.lid:
            raise Unreadable("bad_field", f"uniqueid {shown(row.uid)}, linkedid {shown(row.lid)}, expected both")
        return self._calls.take(row, us, seconds=self._whole)

    def _shape(self) -> object:
        return None if self._csv.held or not self._mark else self._columns

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:  # noqa: ARG002 (its years have four digits)
        """Kind and time, and whether all cells are in quotes, which only the last one holds more of."""
        cells = cut(lines, self._mark, 0 if self._columns is SAMPLE else self._width)
        if cells is None or not self._least <= cells.width <= self._width or cells.mentions(b"eventt"):
            return None
        at = [place if place < cells.width else -1 for place in self._places]
        begin, end = cells.bounds(at[1])
        length = end - begin
        if not cells.rows or length[0] == _EPOCH:
            us = cells.micros(at[1])
            cells.plain &= (us >= YEARS_S[0] * S) & (us < YEARS_S[1] * S)
        else:
            us = cells.stamp(at[1], self._clock)
            cells.plain &= length == _WALL
        kind = cells.word(at[0], _WORDS)
        for place in at[2:9]:
            cells.bounds(place)
        cells.bounds(at[9], escaped=True)
        cells.plain &= (kind >= 0) & (cells.length(at[7]) > 0) & (cells.length(at[8]) > 0)
        return cells, (kind, us, cells.all_quoted(cells.width == self._width))

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:  # noqa: ARG002
        kind, us, all_quoted = row
        if kind >= len(HANDLERS):
            return ()
        if all_quoted:
            found = line.rstrip(b"\r\n").decode()[1:-1].split(self._between, self._width - 1)
            if '"' in found[-1]:
                found[-1] = found[-1].replace('""', '"')
        else:
            found = self._csv.row(line.rstrip(b"\r\n")) or []
            found += [""] * (self._width - len(found))
        if self._lacking:
            found.append("")
        told: Row = tuple.__new__(Row, self._pick(found))
        if told.time != self._stamp:
            self._stamp, self._base_us, self._whole, self._count = told.time, us, len(told.time) == _WALL, 0
        elif self._whole:
            self._count += 1
        return self._calls.take(told, self._base_us + min(self._count, S - 1), seconds=self._whole)

    def _plain(self, line: bytes) -> list[str] | None:
        """The cells where every column is quoted, and none but the last holds quotes; else None."""
        if line[:1] != b'"' or self._csv.held or not line.isascii():
            return None
        text = line.decode("ascii")
        cells = text[1:-1].split(self._between, self._width - 1)
        last = cells[-1]
        if len(cells) != self._width or text.count('"') != 2 * self._width + last.count('"') or text[-1] != '"':
            return None
        if last:
            cells[-1] = plain = last.replace('""', "\0")
            if '"' in plain:
                return None
            cells[-1] = plain.replace("\0", '"')
        return cells

    def _time(self, text: str, received_us: int) -> int:
        if text == self._stamp:
            if self._whole:
                self._count += 1
            return self._base_us + min(self._count, S - 1)
        self._base_us, self._whole = time_us(text, "eventtime", self._clock, received_us)
        self._stamp, self._count = text, 0
        return self._base_us

    def _lay_out(self, columns: Sequence[str]) -> None:
        """Take these to be the columns from now on."""
        names = [_known(name) for name in columns]
        if lacking := [name for name in _NEEDED if name not in names]:
            raise malformed("columns", ",".join(columns), f"{', '.join(lacking)} as well")
        self._columns = SAMPLE if tuple(columns) == SAMPLE else tuple(columns)
        self._width = len(names)
        self._least = _LEAST if self._columns is SAMPLE else self._width
        self._lacking = any(name not in names for name in _READ)
        self._places = [names.index(name) if name in names else -1 for name in _READ]
        self._pick = itemgetter(*self._places)

    def restart(self) -> None:
        """Calls go on over a rotation; a cell that the last file left open does not."""
        self._csv = Csv(self._delimiter)

    def dump(self) -> str:
        stamp = [self._stamp, self._base_us, self._whole, self._count]
        state = [self._calls.dump(), list(self._columns), self._csv.held.decode("latin-1"), stamp]
        return json.dumps(state, separators=(",", ":"))

    def load(self, state: str) -> None:
        """Take up a `dump`; "" begins anew."""
        calls, columns, held, stamp = json.loads(state) if state else ([], [], "", [_NO_STAMP, 0, False, 0])
        self._calls = Calls(self._site, self._source, self.unit, self.internal, self.called)
        self._calls.load(calls)
        self._csv = Csv(self._delimiter)
        self._csv.held = held.encode("latin-1")
        self._lay_out(columns or self._options.columns or SAMPLE)
        self._stamp, self._base_us, self._whole, self._count = stamp


def _known(name: str) -> str:
    name = name.strip().lower()
    return _ALIASES.get(name, name)


def _is_header(cells: Sequence[str]) -> bool:
    return {"eventtype", "eventtime", "uniqueid"} <= {_known(cell) for cell in cells}


def problems(options: Options) -> Sequence[str]:
    """What is wrong in the columns that are said."""
    names = [_known(name) for name in options.columns]
    return [f"columns: {name} is missing" for name in _NEEDED if options.columns and name not in names]


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Whether these are channel events: an event's name first, or in a column of its own."""
    rows = [row for line in lines if (row := _row_of(line))]
    named = [row for row in rows if len(row) >= len(_NEEDED) and not _ONLY_HERE.isdisjoint(row)]
    if not named:
        return None
    events = [row for row in rows if len(row) >= len(_NEEDED) and not TYPES.isdisjoint(row)]
    sure = len(events) / len(rows)
    if any(_is_header(row) for row in rows):
        return Guess(0.9, f"Asterisk channel events (cel_custom, columns named by a header), with {_stamps(events)}")
    if not events:
        return None
    if not any(row[0] in TYPES and len(row) >= _LEAST for row in events):
        return Guess(sure * 0.8, "Asterisk channel events in an order of their own: say which columns they have")
    queued = any("AppQueue" in row for row in events)
    unseen = queued and not any("APP_START" in row and "Queue" in row for row in events)
    apps = "; Queue is not among the apps of its cel.conf, so that calls which were lost are not told" if unseen else ""
    first = [(row[1], row[14]) for row in events if row[0] == "CHAN_START" and len(row) >= _LEAST]
    return Guess(sure, f"Asterisk channel events (cel_custom), with {_stamps(events)}{apps}", zone_of(first))


_ONLY_HERE = TYPES - {"ANSWER", "HANGUP", "FORWARD", "PICKUP"} | {"eventtype"}
"""Names that no other log has in a cell of their own."""


def _stamps(events: Sequence[Sequence[str]]) -> str:
    fine = any("." in cell and cell[:4].isdigit() for row in events for cell in row[:2])
    return "microseconds" if fine else "times of whole seconds: rings are known to the second"


def _row_of(line: bytes) -> list[str]:
    try:
        return Csv().row(line.removeprefix(BOM).rstrip(b"\r\n")) or []
    except Unreadable:
        return [""]
