"""Many lines of a Panasonic KX log at once: those that show the pattern that holds, over a trunk, with a usual code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from collectors.formats.clock import Clock
from collectors.formats.eights import I64, U8, Bool, Words, clock_seconds, word_of
from collectors.formats.panasonic_layouts import LAYOUTS, Row, called, dialled
from collectors.formats.scan import Cells, cut
from telemetry.events import MISSING

_BLANK, _COLON, _APOSTROPHE, _LESS, _I, _A, _P, _M, _MORE = b" :'<IAPM>"
_SLASHES, _AT_SLASHES = word_of(b"\0\0/\0\0/\0\0"), word_of(b"\0\0\xff\0\0\xff\0\0")
_OTHER_COLON = word_of(b"\0\0\0\0\0\x1d\0\0")
"""Makes a colon of the apostrophe in `00:02'31`."""
_SEEN_AS = word_of(b"\0\0\0\0\0:00")
"""Stands for the seconds of a time of day that has none."""
_FIVE = word_of(b"\xff\xff\xff\xff\xff")


class PanasonicScan:
    """The codes of the log, ready to be looked up."""

    def __init__(self, codes: Iterable[str]) -> None:
        known = sorted({code for code in codes if not code or (code.isascii() and code.isupper() and code.isalnum())})
        written = {code.ljust(width): code for code in known for width in range(len(code), 4)}
        self._codes, self._meant = Words(written), list(written.values())

    def scan(
        self, lines: Sequence[bytes], pattern: str, clock: Clock, near_us: int
    ) -> tuple[Cells, tuple[I64 | U8, ...]] | None:
        """Time, ring, duration, whether it came in, code, and where the line begins."""
        cells, layout = cut(lines, ord("\n"), 1, quotes=False), LAYOUTS[pattern]
        if cells is None:
            return None
        text, eight = cells.text, cells.eight
        begin, end = cells.bounds(0)
        length = end - begin
        cells.plain &= length >= layout.duration.stop
        # What is too short is looked at where it is safe, and not believed.
        begin = np.where(cells.plain, begin, 0)
        for other in LAYOUTS.values():
            at = begin + other.duration.start
            if other is layout:
                break
            shorter = length <= other.duration.start + 5
            cells.plain &= shorter | (text[at + 2] != _COLON) | (text[at + 5] != _APOSTROPHE)
        talk, good = clock_seconds(eight[at] ^ _OTHER_COLON)
        day_us = cells.days(begin, cells.plain, clock, size=8, near_us=near_us)
        cells.plain &= good & (day_us >= 0) & ((eight[begin] & _AT_SLASHES) == _SLASHES) & (text[begin + 8] == _BLANK)
        time_s, good = _time_of_day(cells, begin + 9)
        cells.plain &= good
        trunk = begin + layout.trunk.start
        cells.plain &= (text[trunk] != _BLANK) | (text[trunk + 1] != _BLANK)
        comes_in = _coming_in(cells, begin + layout.dial.start, begin + layout.dial.stop)
        ring = np.full(cells.rows, MISSING)
        if layout.ring:
            seconds, good, none = _ring(cells, begin + layout.ring.start)
            cells.plain &= good | none | ~comes_in
            ring = np.where(comes_in & ~none, seconds * 1000, MISSING)
        size = np.minimum(np.maximum(length - layout.code.start, 0), layout.code.stop - layout.code.start)
        code = self._codes.find(eight, np.where(size > 0, begin + layout.code.start, 0), size)
        cells.plain &= code >= 0
        return cells, (day_us + time_s * 1_000_000, ring, talk * 1000, comes_in.view(np.uint8), code, begin)

    def told(self, text: str, row: tuple[int, ...], pattern: str) -> tuple[int, Row]:
        """The time of a plain line, and its columns."""
        time_us, ring_ms, talk_ms, comes_in, code, at = row
        layout = LAYOUTS[pattern]
        did = caller = ""
        dial = text[at + layout.dial.start : at + layout.dial.stop]
        if comes_in:
            did, caller = dialled(dial, layout)
        else:
            caller = called(dial)
        return time_us, Row(
            "in" if comes_in else "out",
            "",
            "",
            text[at + 17 : at + 22].strip(),
            text[at + layout.trunk.start : at + layout.trunk.stop].strip(),
            did,
            caller,
            ring_ms,
            talk_ms,
            self._meant[code],
        )


def _time_of_day(cells: Cells, at: I64) -> tuple[I64, Bool]:
    """`07:52PM`, or `19:52` and blanks, in seconds since midnight."""
    word, half, last = cells.eight[at] & _FIVE, cells.text[at + 5], cells.text[at + 6]
    seconds, good = clock_seconds(word | _SEEN_AS)
    halves = ((half == _A) | (half == _P)) & (last == _M)
    good &= (halves & (seconds >= 3600) & (seconds < 13 * 3600)) | ((half == _BLANK) & (last == _BLANK))
    seconds = np.where(halves & (seconds >= 12 * 3600), seconds - 12 * 3600, seconds)
    return np.where(half == _P, seconds + 12 * 3600, seconds), good


def _coming_in(cells: Cells, dial: I64, dial_end: I64) -> Bool:
    """Which lines have `<I>` among what was dialled; a line that has it elsewhere or twice is not plain."""
    text = cells.text
    found = np.flatnonzero((text[:-1] == _LESS) & (text[1:] == _I))
    comes_in = np.zeros(cells.rows, np.bool_)
    if len(found):
        row = np.searchsorted(cells.bounds(0)[0], found, side="right") - 1
        well = (found >= dial[row]) & (found + 3 <= dial_end[row]) & (text[found + 2] == _MORE)
        comes_in[row[well]] = True
        cells.plain[row[~well]] = False
        cells.plain[row[1:][row[1:] == row[:-1]]] = False
    return comes_in


def _ring(cells: Cells, at: I64) -> tuple[I64, Bool, Bool]:
    """`0'29` in seconds, which cells have that form, and which are blank."""
    one, mark, tens, ones = (cells.text[at + n] for n in range(4))
    none = (one == _BLANK) & (mark == _BLANK) & (tens == _BLANK) & (ones == _BLANK)
    minutes, high, low = (digit - np.uint8(48) for digit in (one, tens, ones))
    good = (minutes < 10) & (mark == _APOSTROPHE) & (high < 6) & (low < 10)
    return minutes.astype(np.int64) * 60 + high * np.uint8(10) + low, good, none
