"""Many delimited lines at once: where their cells are, and their numbers, times and words, checked, in NumPy.

What is plain is found here; a line with anything unusual in it is left to be read by itself, with words for what is
wrong. A line is plain by itself, whatever stands beside it. Both ways make the same events: tests hold them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from collectors.formats.clock import Clock
from collectors.formats.eights import (
    FIRST,
    I64,
    LAST,
    U8,
    U64,
    WORD,
    ZEROS,
    Bool,
    Words,
    clock_seconds,
    eight_digits,
    ten_digits,
    word_of,
)
from telemetry.events import MISSING

_MOST_BYTES = 8192
_MOST_DIGITS = 8
_LINE_END, _QUOTE, _BLANK = 10, 34, 32
_FRONT = b"0" * 8
"""Stands before the first line, so that eight bytes that end anywhere can be taken."""
_BACK = bytes(160)
"""Stands behind the last, so that they can be taken from anywhere in it, and from where a longer one would have some."""
_MOST_MARKS = 127
"""Quotes in a cell, and delimiters within them."""
_S = 1_000_000
_ONES = np.uint64(0x0101010101010101)


class Cells:
    """The lines of one width as columns. `plain` says which of them, as far as they have been looked at, are plain."""

    def __init__(self, data: bytes, ends: I64, begins: I64, quotes: U8 | None, plain: Bool) -> None:
        self.data, self.plain = data, plain
        self.text: U8 = np.frombuffer(data, np.uint8)
        self.eight: U64 = np.ndarray((len(data) - 8,), "<u8", data, strides=(1,))
        self._ends, self._begins, self._quotes = ends, begins, quotes
        self.rows, self.width = ends.shape
        self.lines: I64 | None = None
        """Which of the lines these are; None where they are all."""
        self._known: dict[int, tuple[I64, I64]] = {}

    def bounds(self, column: int, *, escaped: bool = False) -> tuple[I64, I64]:
        """Where the cells begin and end, without their quotes; nowhere, in a column less than 0. A cell that holds quotes
        is not plain, unless `escaped`: then it is as it stands, with each of them twice."""
        if column < 0:
            nowhere = np.zeros(self.rows, np.int64)
            return nowhere, nowhere
        if column not in self._known:
            begin, end = self._begins[:, column], self._ends[:, column]
            if self._quotes is not None:
                quotes = self._quotes[:, column]
                quoted = quotes > 0
                begin, end = begin + quoted, end - quoted
                if not escaped:
                    self.plain &= quotes < 3
            else:
                begin = np.ascontiguousarray(begin)
            self._known[column] = begin, end
        return self._known[column]

    def all_quoted(self, is_so: bool) -> Bool:
        """In which lines every cell is in quotes, and none but the last holds any; none, if `is_so` is not."""
        if self._quotes is None or not is_so:
            return np.zeros(self.rows, np.bool_)
        all_quoted: Bool = (self._quotes[:, :-1] == 2).all(axis=1) & (self._quotes[:, -1] > 0)
        return all_quoted

    def mentions(self, word: bytes) -> bool:
        """Whether any of the lines may hold this, in letters of any size. `data` tells it of one size."""
        return bytes(byte | 32 for byte in word) in (self.text | np.uint8(32)).tobytes()

    def length(self, column: int) -> I64:
        begin, end = self.bounds(column)
        return end - begin

    def begins(self, column: int, letters: Iterable[str]) -> Bool:
        """Which cells begin with one of these."""
        begin, end = self.bounds(column)
        first = self.text[begin]
        found = np.zeros(self.rows, np.bool_)
        for letter in letters:
            found |= first == ord(letter)
        return found & (end > begin)

    def digits(self, column: int, skipped: int = 0) -> Bool:
        """Which cells are 1 to 16 digits, behind so many other bytes."""
        begin, end = self.bounds(column)
        length = end - begin - skipped
        some = np.minimum(np.maximum(length, 0), 16)
        low, high = LAST[np.minimum(some, 8)], LAST[np.maximum(some - 8, 0)]
        _, good = eight_digits((self.eight[end - 8] & low) | (ZEROS & ~low))
        if (some > 8).any():
            before = np.maximum(end - 16, 0)
            good &= eight_digits((self.eight[before] & high) | (ZEROS & ~high))[1]
        return good & (length > 0) & (length <= 16)

    def whole(self, column: int, times: int = 1) -> I64:
        """Whole numbers of up to eight digits; MISSING where there is none."""
        begin, end = self.bounds(column)
        length = end - begin
        keep = LAST[np.minimum(length, _MOST_DIGITS)]
        value, good = eight_digits((self.eight[end - 8] & keep) | (ZEROS & ~keep))
        self.plain &= good & (length <= _MOST_DIGITS)
        return np.where(length > 0, value * times, MISSING)

    def long(self, column: int) -> I64:
        """Whole numbers of up to 16 digits; nothing that counts where there is none."""
        _, end = self.bounds(column)
        length = self.length(column)
        keep, above = LAST[np.minimum(length, 8)], LAST[np.minimum(np.maximum(length - 8, 0), 8)]
        low, good = eight_digits((self.eight[end - 8] & keep) | (ZEROS & ~keep))
        high, good_high = eight_digits((self.eight[np.maximum(end - 16, 0)] & above) | (ZEROS & ~above))
        self.plain &= good & good_high & (length <= 16)
        return high * 100_000_000 + low

    def folded(self, column: int, word: bytes) -> Bool:
        """Which cells may be this word, in letters of any size."""
        begin, _ = self.bounds(column)
        fold, length = np.uint64(0x2020202020202020), min(len(word), 8)
        mask = FIRST[length]
        same: Bool = ((self.eight[begin] | fold) & mask) == ((word_of(word[:8]) | fold) & mask)
        return same

    def epoch(self, column: int) -> I64:
        """Seconds since 1970 of ten digits; 0 where there is none or "0"."""
        begin, end = self.bounds(column)
        length = end - begin
        seconds, good = ten_digits(self.eight, begin)
        none = (length == 0) | ((length == 1) & (self.text[begin] == 48))
        self.plain &= none | (good & (length == 10))
        return np.where(none, 0, seconds)

    def micros(self, column: int) -> I64:
        """Seconds since 1970 of ten digits with six more behind a point, as microseconds."""
        begin, end = self.bounds(column)
        seconds, good = ten_digits(self.eight, begin)
        part, good_part = eight_digits((self.eight[begin + 9] & LAST[6]) | (ZEROS & ~LAST[6]))
        self.plain &= good & good_part & (end - begin == 17) & (self.text[begin + 10] == 46)
        return seconds * _S + part

    def channel(self, column: int) -> I64:
        """The seconds since 1970 in the number of a channel, `1795226446.12`."""
        begin, end = self.bounds(column)
        seconds, good = ten_digits(self.eight, begin)
        length = end - begin - 11
        keep = LAST[np.minimum(np.maximum(length, 0), _MOST_DIGITS)]
        _, good_number = eight_digits((self.eight[end - 8] & keep) | (ZEROS & ~keep))
        self.plain &= good & good_number & (length > 0) & (length <= _MOST_DIGITS) & (self.text[begin + 10] == 46)
        return seconds

    def stamp(self, column: int, clock: Clock) -> I64:
        """Wall clocks such as `2026-11-21 09:00:00`, as microseconds since 1970 UTC; MISSING where there is none."""
        begin, end = self.bounds(column)
        length = end - begin
        some = length == 19
        self.plain &= (some & (self.text[begin + 10] == _BLANK)) | (length == 0)
        day_us = self.days(begin, some, clock)
        seconds, good = clock_seconds(self.eight[begin + 11])
        self.plain &= good & (day_us >= 0) | (length == 0)
        return np.where(some, day_us + seconds * _S, MISSING)

    def day(self, column: int, clock: Clock) -> I64:
        """Dates such as `21/11/2569` as the microseconds since 1970 UTC in which they begin."""
        begin, end = self.bounds(column)
        some = end - begin == 10
        day_us = self.days(begin, some, clock)
        self.plain &= some & (day_us >= 0)
        return day_us

    def clock(self, column: int, times: int = 1) -> I64:
        """`hh:mm:ss` in seconds; MISSING where there is none."""
        begin, end = self.bounds(column)
        length = end - begin
        seconds, good = clock_seconds(self.eight[begin])
        self.plain &= (good & (length == 8)) | (length == 0)
        return np.where(length == 0, MISSING, seconds * times)

    def word(self, column: int, words: Words) -> I64:
        """The numbers of the words in a column; -1 for what is none of them."""
        begin, end = self.bounds(column)
        return words.find(self.eight, begin, np.minimum(end - begin, WORD + 1))

    def days(self, begin: I64, some: Bool, clock: Clock, *, size: int = 10, near_us: int = 0) -> I64:
        """When the days of 8 to 16 bytes begin, by what the clock says of each stretch of equal ones; -1 where it does
        not, and where `some` is not."""
        if not some.all():
            out = np.full(len(begin), -1)
            at = np.flatnonzero(some)
            if len(at):
                out[at] = self.days(begin[at], some[at], clock, size=size, near_us=near_us)
            return out
        head, tail = self.eight[begin], self.eight[begin + size - 8]
        turns = np.empty(len(begin), np.bool_)
        turns[:1] = True
        np.not_equal(head[1:], head[:-1], out=turns[1:])
        turns[1:] |= tail[1:] != tail[:-1]
        at = np.flatnonzero(turns)
        known: dict[bytes, int] = {}
        found = []
        for place in begin[at].tolist():
            text = self.data[place : place + size]
            if text not in known:
                known[text] = clock.midnight(text.decode("latin-1"), near_us)
            found.append(known[text])
        return np.repeat(np.array(found, np.int64), np.diff(at, append=len(begin)))


def cut(lines: Sequence[bytes], delimiter: int, width: int = 0, *, quotes: bool = True) -> Cells | None:
    """The lines of so many cells, or of the width that most of them have. None where a line holds a line end. Without
    `quotes` they are characters like others."""
    data = b"\n".join([_FRONT, *lines, _BACK])
    if b"\r" in data:
        data = b"\n".join([_FRONT, *(line.rstrip(b"\r\n") for line in lines), _BACK])
    text = np.frombuffer(data, np.uint8, len(data) - len(_BACK))
    is_mark = text == _LINE_END
    if np.count_nonzero(is_mark) != len(lines) + 1:
        return None
    is_mark |= text == delimiter
    quoted: U8 | None = None
    broken: I64 | None = None
    if quotes and b'"' in data:
        marks, quoted, broken = _outside_quotes(text, is_mark)
    else:
        marks = np.flatnonzero(is_mark)
    count = len(lines)
    guessed = (len(marks) - 1) // count
    if len(marks) == guessed * count + 1 and (width in (0, guessed)) and (text[marks[::guessed]] == _LINE_END).all():
        ends, begins = marks[1:].reshape(count, guessed), (marks[:-1] + 1).reshape(count, guessed)
        quoted = None if quoted is None else quoted.reshape(count, guessed)
        chosen, edges = None, marks[::guessed]
    else:
        at_end = np.flatnonzero(text[marks] == _LINE_END)
        widths, edges = np.diff(at_end), marks[at_end]
        width = width or int(np.bincount(widths).argmax())
        chosen = np.flatnonzero(widths == width)
        places = at_end[chosen][:, None] + np.arange(1, width + 1)
        ends, begins = marks[places], marks[places - 1] + 1
        quoted = None if quoted is None else quoted[places - 1]
    plain = unspoilt(text, edges, marks if delimiter < _BLANK else None)
    if broken is not None and len(broken):
        plain[np.minimum(np.searchsorted(edges, broken), count) - 1] = False
    cells = Cells(data, ends, begins, quoted, plain if chosen is None else plain[chosen])
    cells.lines = chosen
    return cells


def _outside_quotes(text: U8, is_mark: Bool) -> tuple[I64, U8, I64]:
    """Places of line ends, and of delimiters that no quotes enclose; how many quotes stand before each since the last;
    and places in lines whose quotes are not where a writer of CSV puts them."""
    all_marks = np.flatnonzero(is_mark | (text == _QUOTE))
    kinds = text[all_marks]
    is_quote, is_end = kinds == _QUOTE, kinds == _LINE_END
    before = _counted(is_quote)
    open_ = (before & np.uint8(1)).view(np.bool_)
    broken = []
    at_end = np.flatnonzero(is_end)
    if (open_at_end := open_[at_end]).any():  # what a line leaves open ends with it
        inherited = np.concatenate([[False], open_at_end[:-1]])
        broken.append(all_marks[at_end[open_at_end != inherited]])
        open_ ^= np.repeat(inherited, np.diff(at_end, prepend=-1))
    beside = np.empty(len(all_marks), np.bool_)
    beside[-1] = True
    np.equal(all_marks[1:] - all_marks[:-1], 1, out=beside[:-1])
    # A quote opens behind a mark and closes before one; two together stand for one within quotes.
    wrong = is_quote & ~open_ & ~beside
    wrong[1:] |= is_quote[1:] & open_[1:] & ~beside[:-1]
    broken.append(all_marks[np.flatnonzero(wrong)])
    real = np.flatnonzero(is_end | ~(is_quote | open_))
    marks = all_marks[real]
    quotes = np.diff(before[real]) & np.uint8(_MOST_MARKS)
    broken.append(marks[1:][np.diff(real) > _MOST_MARKS])
    # Behind a delimiter blanks are passed over, but only in a line that has quotes.
    broken.append(marks[:-1][text[marks[:-1] + 1] == _BLANK] + 1)
    return marks, quotes, np.concatenate(broken)


def _counted(flags: Bool) -> U8:
    """How many there have been up to each, itself with it; less multiples of 128."""
    padded = np.zeros((len(flags) + 7) // 8 * 8, np.uint8)
    padded[: len(flags)] = flags
    each = padded.view(np.uint64) * _ONES  # in each byte, those in it and in the seven at most before it
    before = np.cumsum(each >> np.uint64(56))
    before -= each >> np.uint64(56)
    return (each + (before & np.uint64(_MOST_MARKS)) * _ONES).view(np.uint8)[: len(flags)]


def unspoilt(text: U8, edges: I64, tabs: I64 | None = None) -> Bool:
    """Which lines are printable ASCII, and of a length that a line may have."""
    sound: Bool = np.diff(edges) <= _MOST_BYTES
    spoilt = (text - np.uint8(32)) > 94
    if np.count_nonzero(spoilt) > len(edges):  # the line ends themselves are not printable
        spoilt[edges if tabs is None else tabs] = False
        sound[np.minimum(np.searchsorted(edges, np.flatnonzero(spoilt)), len(sound)) - 1] = False
    return sound
