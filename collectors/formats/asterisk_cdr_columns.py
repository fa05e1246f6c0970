"""Columns of Asterisk's call records: the widths of Master.csv, a header, or as told; and how to know such a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from collectors.base import Guess
from collectors.formats.asterisk_channels import BOM, made_us, zone_of
from collectors.formats.options import Options
from collectors.formats.reading import Csv, Unreadable, malformed
from telemetry.events import MISSING

_BASE = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer",
    "end", "duration", "billsec", "disposition", "amaflags",
)  # fmt: skip
_MORE = ("peeraccount", "linkedid", "sequence")
_LAYOUTS: dict[str, tuple[str, ...]] = {
    "": _BASE,
    "u": (*_BASE, "uniqueid"),
    "f": (*_BASE, "userfield"),
    "uf": (*_BASE, "uniqueid", "userfield"),
    "m": (*_BASE, *_MORE),
    "um": (*_BASE, "uniqueid", *_MORE),
    "fm": (*_BASE, "userfield", *_MORE),
    "ufm": (*_BASE, "uniqueid", "userfield", *_MORE),
}
"""Master.csv by what cdr.conf adds: u loguniqueid, f loguserfield, m newcdrcolumns."""
_BY_WIDTH = {16: ("",), 17: ("u", "f"), 18: ("uf",), 19: ("m",), 20: ("um", "fm"), 21: ("ufm",)}
_READ = (
    "src", "dst", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end", "duration", "billsec",
    "disposition", "uniqueid", "linkedid", "sequence",
)  # fmt: skip
_NEEDED = ("src", "dst", "dstchannel", "lastapp", "start", "duration", "disposition")
_ALIASES = {"calldate": "start", "lastapplication": "lastapp"}


class Record(NamedTuple):
    """The columns of one record that are read, "" where its log has none."""

    src: str
    dst: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    start: str
    answer: str
    end: str
    duration: str
    billsec: str
    disposition: str
    uniqueid: str
    linkedid: str
    sequence: str


class Layout(NamedTuple):
    """Where the columns of a record stand."""

    names: tuple[str, ...]
    pick: Callable[[Sequence[str]], tuple[str, ...]]
    """Of a record with an empty cell added: the columns of `Record`."""
    places: tuple[int, ...]
    """Of the columns of `Record`; -1 where there is none."""
    numbers: tuple[int, ...]
    """Columns that hold a channel's number in every record of Master.csv."""
    says_answer: bool


LOST = {
    "NO ANSWER": "abandoned",
    "CANCEL": "abandoned",
    "BUSY": "no_agent",
    "FAILED": "no_agent",
    "CONGESTION": "no_agent",
    "ANSWERED": "abandoned",
}
"""How a direct call was lost; ANSWERED is here a dialplan's answer with no telephone behind it."""


def _name(cell: str) -> str:
    name = cell.strip().lower()
    return _ALIASES.get(name, name)


def is_header(cells: Sequence[str]) -> bool:
    return {"start", "disposition"} <= {_name(cell) for cell in cells}


def layout_of(columns: Sequence[str]) -> Layout:
    """A record of these columns; Unreadable where one is missing without which nothing can be told."""
    names = tuple(_name(cell) for cell in columns)
    if lacking := [name for name in _NEEDED if name not in names]:
        raise malformed("columns", ",".join(columns), f"{', '.join(lacking)} as well")
    places = tuple(names.index(name) if name in names else -1 for name in _READ)
    numbers = tuple(names.index(name) for name in ("uniqueid", "linkedid") if name in names)
    return Layout(names, itemgetter(*places), places, numbers, "answer" in names)


_MASTER = {kind: layout_of(columns) for kind, columns in _LAYOUTS.items()}
_OF_WIDTH = {width: [_MASTER[kind] for kind in kinds] for width, kinds in _BY_WIDTH.items()}


def usual_master(width: int) -> Layout | None:
    """The Master.csv that records of so many columns nearly always are of: `of_master` takes it first."""
    return next(iter(_OF_WIDTH.get(width, ())), None)


def of_master(cells: Sequence[str]) -> Layout:
    """Which Master.csv this is a record of, by how many columns there are and what stands in them. Empty columns at its
    end that no width of Master.csv explains are none."""
    wrong, width = -1, len(cells)
    while True:
        for layout in _OF_WIDTH.get(width, ()):
            if width < len(cells) and not (layout.numbers and cells[14] in LOST):
                continue
            unlike = next((n for n in layout.numbers if made_us(cells[n]) == MISSING), -1)
            if unlike < 0:
                return layout
            wrong = unlike if width == len(cells) else wrong
        if width <= len(_BASE) + 1 or cells[width - 1]:
            break
        width -= 1
    if wrong < 0:
        raise Unreadable("malformed_line", f"{len(cells)} columns, expected the 16 to 21 of Master.csv; or say columns")
    raise malformed(f"column {wrong + 1}", cells[wrong], "a channel's number such as 1795254207.29; or say columns")


def problems(options: Options) -> Sequence[str]:
    """What is wrong in the columns that are said."""
    names = {_name(name) for name in options.columns}
    return [f"columns: {name} is missing" for name in _NEEDED if options.columns and name not in names]


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Whether these are call records: a disposition where Master.csv has it, or under a header."""
    rows = [row for line in lines if (row := _row_of(line))]
    for delimiter in (",", ";", "\t"):
        named = (_row_of(line, delimiter) for line in lines) if delimiter != "," else rows
        if header := next((row for row in named if is_header(row) and "lastapp" in map(_name, row)), None):
            what = f"Asterisk call records (cdr_custom, {len(header)} columns named by a header){_CANNOT}"
            return Guess(0.9, what, {} if delimiter == "," else {"delimiter": delimiter})
    master = [row for row in rows if 16 <= len(row) <= 21 and row[14] in LOST]
    if len(master) * 2 > len(rows):
        width = len(master[0])
        joined = "" if width > 16 else "; without channel numbers, so that the records of one call cannot be joined"
        what = f"Asterisk call records (Master.csv, {width} columns){_CANNOT}{joined}"
        return Guess(len(master) / len(rows), what, zone_of([(row[9], cell) for row in master for cell in row[16:]]))
    sample = [row for row in rows if 15 <= len(row) <= 21 and row[13] in LOST]
    if len(sample) * 2 > len(rows):
        columns = _SAMPLE[: len(sample[0])]
        if len(columns) == len(sample[0]):
            settings = {"columns": list(columns), **zone_of([(row[8], cell) for row in sample for cell in row[16:]])}
            return Guess(0.9 * len(sample) / len(rows), f"Asterisk call records (cdr_custom){_CANNOT}", settings)
    own = [row for row in rows if not LOST.keys().isdisjoint(row) and not _APPS.isdisjoint(row)]
    if len(own) * 2 > len(rows):
        what = f"Asterisk call records (cdr_custom) in an order of their own{_CANNOT}; say which columns they have"
        return Guess(0.8 * len(own) / len(rows), what)
    return None


_APPS = {"Queue", "Dial", "Hangup", "Playback", "BackGround", "VoiceMail"}
_CANNOT = ", which tell neither how long a call waited in a queue nor how long telephones rang there"
_SAMPLE = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
    "duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "sequence",
)  # fmt: skip
"""The order of Asterisk's sample cdr_custom.conf."""


def _row_of(line: bytes, delimiter: str = ",") -> list[str]:
    try:
        return Csv(delimiter).row(line.removeprefix(BOM).rstrip(b"\r\n")) or []
    except Unreadable:
        return [""]
