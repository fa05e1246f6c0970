"""Where the columns of a Panasonic SMDR stand, in every pattern, and which pattern a line has.

Columns are characters of a line that is one byte a character (TIS-620) or has been UTF-8 already; offsets from 0.
A, B and C are those of the KX series; DBS is that of the DBS 576 and ICX, whose format 2 and 3 have a ring time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from collectors.formats.reading import Unreadable, clock_ms, shown
from telemetry.events import MISSING


class Row(NamedTuple):
    """One line of the log, whatever its pattern."""

    kind: str
    """`in`, `out`, or "" for what is no call over a trunk."""
    day: str
    time: str
    extension: str
    trunk: str
    did: str
    """What the caller dialled, where the log says it."""
    caller: str
    """The caller's number, or the one that the centre dialled; "" where it is withheld, unknown or cut off."""
    ring_ms: int
    talk_ms: int
    code: str


class Layout(NamedTuple):
    """Columns of one pattern of the KX series; `ring` is None where it is not printed."""

    trunk: slice
    dial: slice
    ring: slice | None
    duration: slice
    code: slice
    lacks: str
    """For people, what it cannot tell; after its name."""


_DAY, _TIME, _EXTENSION = slice(0, 8), slice(9, 16), slice(17, 22)
_NO_RING = "which carries no ring time"
LAYOUTS: dict[str, Layout] = {
    "A": Layout(slice(23, 25), slice(26, 51), slice(52, 56), slice(57, 65), slice(77, 80), "whose times have no seconds"),
    "B": Layout(slice(23, 25), slice(26, 46), None, slice(47, 55), slice(78, 81), _NO_RING),
    "C": Layout(slice(23, 27), slice(28, 78), slice(79, 83), slice(84, 92), slice(116, 119), "whose times have no seconds"),
}  # fmt: skip
LACKS = {pattern: layout.lacks for pattern, layout in LAYOUTS.items()} | {"DBS": "whose dates have no year"}
_DBS_RING = (slice(103, 108), slice(97, 102))
"""Of format 2 and of format 3."""
_DBS_CALLER = slice(77, 93)
_DBS_KINDS = dict.fromkeys("IDNShtA", "in") | dict.fromkeys("OLHT", "out") | dict.fromkeys("FW", "")
"""F forwards an incoming call to the outside, W calls another PBX of the centre: nobody's calls to count."""
_TALKED = re.compile(r"\d\d/\d\d/\d\d .{8,80}?(\d\d:\d\d'\d\d)", re.ASCII)
OTHERS = "KX-TA, TEA, TEB, TEM, TES and old KX-TD print columns of their own"
_HIDDEN, _DIGITS = frozenset(".X"), re.compile(r"\+?\d+", re.ASCII)
"""Marks of secret and privacy dialling, in place of digits."""
_AHEAD = timedelta(days=2)
"""Of zones, and of a clock that is ahead."""
_SHORTEST_NUMBER = 4
_WHOLE_NUMBER = 9
"""Digits of a Thai number: one that fills its column and has fewer may be cut off."""


def pattern_of(text: str) -> str:
    """The pattern that a line itself shows; "" where it does not."""
    if _is_dbs(text):
        return "DBS"
    for pattern, layout in LAYOUTS.items():
        at = layout.duration.start
        if text[at + 2 : at + 3] == ":" and text[at + 5 : at + 6] == "'":
            return pattern
    for pattern, layout in LAYOUTS.items():  # no duration: where ring or code stand
        ring = text[layout.ring] if layout.ring else ""
        if ring[1:2] == "'" or (len(text) == layout.code.start + 2 and text[layout.code].isalpha()):
            return pattern
    return ""


def pattern_of_header(text: str) -> str:
    """The pattern that the header of a page announces; "" for anything else."""
    words = text.lower().split()
    if words[:2] != ["date", "time"] or "co" not in words:
        return ""
    if "ring" not in words:
        return "B" if "cost" in words else ""
    if "cost" in words:
        return "C"
    return "C" if len(text.rstrip()) > 100 else "A"


def displaced(text: str) -> str:
    """Where a duration stands in a line that is of none of the patterns; "" in any other line."""
    found = _TALKED.match(text)
    return f"columns {found.start(1) + 1} to {found.end(1)}" if found and not pattern_of(text) else ""


def is_page(text: str) -> bool:
    """Whether it belongs to the page or the log-in, not to the log: blank lines, rules, headers, prompts, echoes."""
    plain = text.strip()
    if not plain.strip("-=_") or plain[:4].lower() == "date":
        return True
    plain = plain.lstrip("->").lstrip().lower()
    return plain.startswith("enter password") or plain == "smdr"


def _is_dbs(text: str) -> bool:
    return text[4:5] == "/" and text[1:2] == " " and text[10:11] == text[13:14] == text[19:20] == ":"


def is_record(text: str) -> bool:
    """Whether a line begins as a record does."""
    return (text[2:3] == text[5:6] == "/" and ":" in text[10:14]) or _is_dbs(text)


def row_of(text: str, pattern: str) -> Row:
    """The columns of a record."""
    return _dbs(text) if pattern == "DBS" else _kx(text, LAYOUTS[pattern])


def _kx(text: str, layout: Layout) -> Row:
    trunk, dial = text[layout.trunk].strip(), text[layout.dial]
    kind, did, caller, ring_ms = "out", "", "", MISSING
    if not trunk:
        kind = ""  # intercom, log-in, reminders, doors and sensors
    elif "<I" in dial:
        kind = "in"
        did, caller = dialled(dial, layout)
        if layout.ring:  # of outgoing calls long numbers may run into it
            ring_ms = _duration(text[layout.ring], layout.ring)
    else:
        caller = called(dial)
    code = text[layout.code].strip()
    if kind and not (len(code) <= 3 and (not code or (code.isascii() and code.isalnum()))):
        raise _wrong(layout.code, code, "a condition code of two letters")
    return Row(
        kind,
        text[_DAY],
        text[_TIME].strip(),
        text[_EXTENSION].strip(),
        trunk,
        did,
        caller,
        ring_ms,
        _duration(text[layout.duration], layout.duration) if kind else MISSING,
        code.upper(),
    )


def dialled(dial: str, layout: Layout) -> tuple[str, str]:
    """Of a call that comes in: the number that it reached, and the caller's."""
    at = dial.find("<I")
    end = dial.find(">", at) + 1
    did = dial[:at].strip().removeprefix("<D>").strip()
    cut = len(dial.rstrip()) == layout.dial.stop - layout.dial.start
    return did, _number(dial[end or at + 2 :].strip(), cut=cut)


def called(dial: str) -> str:
    """The number that the centre dialled: the longest run of digits, without the code of another PBX before it, what
    follows a pause, and marks. Where part of it is hidden, nobody."""
    if not _HIDDEN.isdisjoint(dial):
        return ""
    return max(_DIGITS.findall(dial.rpartition("=")[2]), key=len, default="")


def _dbs(text: str) -> Row:
    code = text[0]
    kind = _DBS_KINDS.get(code)
    if kind is None:
        raise _wrong(slice(0, 1), code, "a condition code of the DBS and ICX")
    dialled, caller = text[36:60].strip(), text[_DBS_CALLER].strip()
    ring_ms = MISSING
    if kind == "in":
        at = next((at for at in _DBS_RING if text[at][2:3] == ":"), None)
        ring_ms = _duration(text[at], at) if at else MISSING
    trunk = text[31:35].strip().lstrip("*")
    return Row(
        kind,
        text[2:7],
        text[8:16],
        text[26:30].strip(),
        trunk,
        dialled.removeprefix("I") if kind == "in" else "",
        _number(caller, cut=False) if kind == "in" else called(dialled),
        ring_ms,
        _duration(text[17:25], slice(17, 25)),
        code,
    )


def _number(who: str, *, cut: bool) -> str:
    """The number of a caller who may be named before or after it."""
    who = who.removeprefix("+")
    for number in (who[: len(who) - len(who.lstrip("0123456789"))], who[len(who.rstrip("0123456789")) :]):
        if len(number) >= _SHORTEST_NUMBER:
            return "" if cut and len(number) < _WHOLE_NUMBER else number
    return ""


def _duration(cell: str, at: slice) -> int:
    if not cell or cell.isspace():
        return MISSING
    try:
        return _duration_ms(cell)
    except Unreadable:
        raise _wrong(at, cell, "a duration") from None


@lru_cache(4096)
def _duration_ms(cell: str) -> int:
    return clock_ms(cell, "")


def _wrong(at: slice, cell: str, expected: str) -> Unreadable:
    return Unreadable(
        "malformed_line", f"columns {at.start + 1} to {at.stop}: {shown(cell.strip())}, expected {expected}"
    )


def majority(texts: Sequence[str]) -> tuple[str, int]:
    """The pattern that most of the lines show, and how many are lines of it or show none."""
    shown_by = [pattern_of_header(t) or _shown(t) for t in texts]
    counts = {pattern: shown_by.count(pattern) for pattern in LACKS}
    best = max(counts, key=lambda pattern: counts[pattern])
    return best, counts[best] and counts[best] + shown_by.count("any")


def _shown(text: str) -> str:
    if not is_record(text) or displaced(text):
        return ""
    return pattern_of(text) or "any"


def order_of(texts: Sequence[str]) -> tuple[str, str]:
    """The order of dates where it is not the make's own, and for people what the lines leave open."""
    firsts, seconds, thirds = ({t[at : at + 2] for t in texts if is_record(t) and t[5:6] == "/"} for at in (0, 3, 6))
    highest = [max((d for d in part if d.isdigit()), default="") for part in (firsts, seconds, thirds)]
    if highest[0] > "31" or (highest[0] > "12" and highest[2] <= "31" and len(thirds) > len(firsts)):
        return "ymd", ""
    if highest[0] > "12":
        sure = highest[2] > "31" or len(firsts) > len(thirds)
        return "dmy", "" if sure else "; whether its dates begin with the day or the year, these lines do not show"
    if highest[1] > "12":
        return "", ""
    return "", "; whether its dates begin with the day or the month, these lines do not show"


def with_year(day: str, order: str, near_us: int) -> str:
    """A day and month in the year in which they are nearest to a time, and not after it: logs tell of the past."""
    first, _, second = day.partition("/")
    if not (first.isascii() and second.isascii() and first.isdigit() and second.isdigit()):
        raise ValueError(f"{day!r} is no day and month")
    if not near_us:
        raise ValueError(f"{day!r} has no year and nothing tells it")
    month, of_month = (int(second), int(first)) if order == "dmy" else (int(first), int(second))
    near = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=near_us)).date()
    found = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            found.append(date(year, month, of_month))
        except ValueError:
            continue
    if not found:
        raise ValueError(f"{day!r} is no day of the calendar; check date_order")
    past = [when for when in found if when <= near + _AHEAD] or found
    return min(past, key=lambda when: abs((when - near).days)).isoformat()
