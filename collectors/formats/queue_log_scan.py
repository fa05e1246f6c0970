"""Many lines of a queue_log at once: where their cells are, and their numbers, checked, in NumPy.

What is plain is found here; a line with anything unusual in it is left to be read by itself, with words for what is
wrong. Both ways make the same events: a test holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from collectors.formats.queue_log_rows import ATTENDED_OTHER, EVENT, Row
from telemetry.events import MAX_NAME, MISSING

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

CELLS = 11
"""Cells of a line that are located; no event has more that matter."""
_NOWHERE = CELLS
_NAME = 16
"""Bytes of an event's name that are looked up; the few of longer ones are read by themselves."""
_EPOCH_DIGITS = 10
_MOST_BYTES = 8192
_LINE_END, _PIPE = 10, 124
_FRONT = b"0" * 8
"""Stands before the first line, so that eight bytes that end anywhere can be taken."""
_BACK = bytes(_NAME + 16)
"""Stands behind the last, so that they can be taken from anywhere."""
_ZEROS = np.uint64(0x3030303030303030)
_ZERO, _BYTE = np.uint64(0x30), np.uint64(0xFF)
_FIRST = np.array([(1 << 8 * min(n, 8)) - 1 for n in range(_NAME + 2)], np.uint64)
_SECOND = np.array([(1 << 8 * min(max(n - 8, 0), 8)) - 1 for n in range(_NAME + 2)], np.uint64)
_LAST = np.array([((1 << 64) - 1) ^ ((1 << 8 * (8 - n)) - 1) for n in range(9)], np.uint64)
"""Masks of the bytes of a name of so many in its first word and its second, and of the last 0 to 8 of a word."""
_is_end = np.zeros(256, np.bool_)
_is_end[list(b"|\r")] = True


SINGLY, IGNORED = -1, -2
"""Places of lines that have to be read by themselves, and of those whose event is not in the table."""


class Scan(NamedTuple):
    """Lines as columns, with places in `data`."""

    data: bytes
    place: I64
    """Of the event in the table; or SINGLY, or IGNORED."""
    epoch: I64
    call: I64
    """Where the call id begins; it ends with `call_end`, the queue with `queue_end`, the agent with `agent_end`."""
    call_end: I64
    queue_end: I64
    agent_end: I64
    hide: I64
    """Where the cells begin that the id does not cover, and where it goes on, up to `end`."""
    resume: I64
    end: I64
    person: I64
    """Where the caller's number begins and ends; nowhere, where a line has none."""
    person_end: I64
    text: I64
    """Where the text that is kept begins and ends; nowhere, where a line has none."""
    text_end: I64
    a: I64
    b: I64


class Scanner:
    """The table of events, ready to be looked up by the bytes of their names."""

    def __init__(self, rows: Mapping[bytes, Row], *, epochs: tuple[int, int]) -> None:
        """`epochs` are the first second that is believed, and the one after the last."""
        self._epochs = epochs
        short = {name.ljust(_NAME, b"\0"): place for place, name in enumerate(rows) if len(name) <= _NAME}
        words = np.frombuffer(b"".join(short), np.uint64).reshape(len(short), -1)
        hashes = _hash(*words.T)
        order = np.argsort(hashes)
        self._names, self._hashes, self._order = (
            words[order].T.copy(),
            hashes[order],
            np.array(list(short.values()))[order],
        )
        # The cell before each and itself, so that a text runs from the end of the one to the end of the other.
        facts = [
            (
                *_from_to(row.a), row.a_unit, *_from_to(row.b), row.b_unit, *_from_to(row.person),
                *_from_to(row.says[0][1] if row.says else 0),
                row.hidden[0] - 1 if row.hidden else row.width - 1,
                row.hidden[-1] if row.hidden else row.width - 1,
                row.width - 1,
                row.width - 2 if row.hidden else 0,
                row is ATTENDED_OTHER or len(row.says) > 1,
            )
            for row in rows.values()
        ]  # fmt: skip
        self._facts = np.array(facts, np.int64).T

    def scan(self, lines: Sequence[bytes]) -> Scan:
        """The lines; where one of them holds a line end, more than were given."""
        data = b"\n".join([_FRONT, *lines, _BACK])
        text = np.frombuffer(data, np.uint8, len(data) - len(_BACK))
        marks = np.flatnonzero((text == _PIPE) | (text == _LINE_END))
        at_end = np.flatnonzero(text[marks] == _LINE_END)
        edges = marks[at_end]
        starts, line_ends = edges[:-1] + 1, edges[1:]
        # The eight bytes from any place on, as one number: digits and names are read eight at a time.
        eight = np.ndarray((len(data) - 8,), "<u8", data, strides=(1,))
        ends = line_ends.copy()
        shorter = np.flatnonzero(_is_end[text[ends - 1]])
        while len(shorter := shorter[(ends[shorter] > starts[shorter]) & _is_end[text[ends[shorter] - 1]]]):
            ends[shorter] -= 1

        first = at_end[:-1] + 1
        padded = np.concatenate([marks, np.full(CELLS, len(data))])
        cells = np.empty((CELLS + 1, len(starts)), np.int64)
        for k in range(CELLS):
            np.minimum(padded[first + k], ends, out=cells[k])
        cells[_NOWHERE] = -1
        plain = (cells[EVENT - 1] < ends) & (cells[0] - starts == _EPOCH_DIGITS)
        plain &= _unspoilt(text, starts, line_ends)

        high, high_good = _eight_digits(eight[starts])
        last_two = eight[starts + 8]
        tens, ones = (last_two & _BYTE) - _ZERO, (last_two >> np.uint64(8) & _BYTE) - _ZERO
        plain &= high_good & (tens < 10) & (ones < 10)
        row = self._rows(eight, cells[EVENT - 1] + 1, cells[EVENT])
        facts = self._facts.take(np.maximum(row, 0), axis=1)
        a, a_end, a_unit, b, b_end, b_unit, person, person_end, said, said_end, hide, resume, last, least, singly = (
            facts
        )

        def end_of(cell: I64) -> I64:
            return flat.take(cell * len(starts) + every)

        def number(before: I64, cell: I64, unit: I64) -> I64:
            out = np.full(len(starts), MISSING, np.int64)
            begin, end = end_of(before) + 1, end_of(cell)
            told = np.flatnonzero(end > begin)
            end, length = end[told], (end - begin)[told]
            keep = _LAST[np.minimum(length, 8)]
            value, good = _eight_digits((eight[end - 8] & keep) | (_ZEROS & ~keep))
            out[told] = value * unit[told]
            plain[told[~good | (length > 8)]] = False
            return out

        flat, every = cells.ravel(), np.arange(len(starts))
        a_value, b_value = number(a, a_end, a_unit), number(b, b_end, b_unit)
        epoch = high * 100 + (tens * np.uint64(10) + ones).astype(np.int64)
        plain &= (epoch >= self._epochs[0]) & (epoch < self._epochs[1]) & (cells[1] - cells[0] <= MAX_NAME)
        plain &= (singly == 0) & (end_of(least) < ends)
        columns = (
            np.where(plain, row, SINGLY),
            epoch,
            cells[0] + 1,
            *cells[1:4],
            end_of(hide),
            end_of(resume),
            end_of(last),
            end_of(person) + 1,
            end_of(person_end),
            end_of(said) + 1,
            end_of(said_end),
            a_value,
            b_value,
        )
        return Scan(data, *columns)

    def _rows(self, eight: U64, begin: I64, end: I64) -> I64:
        """Places in the table; IGNORED where the name is not in it, SINGLY where it is too long to tell."""
        length = np.minimum(np.maximum(end - begin, 0), _NAME + 1)
        words = [eight[begin] & _FIRST[length], eight[begin + 8] & _SECOND[length]]
        place = np.minimum(np.searchsorted(self._hashes, _hash(*words)), len(self._hashes) - 1)
        same = (self._names[0][place] == words[0]) & (self._names[1][place] == words[1])
        return np.where(length > _NAME, SINGLY, np.where(same, self._order[place], IGNORED))


def _from_to(cell: int) -> tuple[int, int]:
    return (cell - 1, cell) if cell else (_NOWHERE, _NOWHERE)


def _unspoilt(text: npt.NDArray[np.uint8], starts: I64, line_ends: I64) -> Bool:
    """Which lines are printable ASCII, and of a length that a line may have."""
    sound: Bool = line_ends - starts <= _MOST_BYTES
    spoilt = (text - np.uint8(32)) > 94
    if np.count_nonzero(spoilt) > len(line_ends) + 1:  # the line ends themselves are not printable
        spoilt[starts - 1] = spoilt[line_ends] = False
        odd = np.flatnonzero(spoilt)
        sound[np.minimum(np.searchsorted(line_ends, odd), len(sound) - 1)] = False
    return sound


def _eight_digits(word: U64) -> tuple[I64, Bool]:
    """The number that eight bytes spell, the first byte the lowest of the word; and whether all are digits."""
    upper = np.uint64(0xF0F0F0F0F0F0F0F0)
    good = ((word & upper) == _ZEROS) & (((word + np.uint64(0x0606060606060606)) & upper) == _ZEROS)
    w = word - _ZEROS
    w = w * np.uint64(10) + (w >> np.uint64(8))  # pairs, in every second byte
    pairs = w & np.uint64(0x000000FF000000FF)
    others = (w >> np.uint64(16)) & np.uint64(0x000000FF000000FF)
    value = pairs * np.uint64(0x000F424000000064) + others * np.uint64(0x0000271000000001)
    return (value >> np.uint64(32)).astype(np.int64), good


def _hash(*words: U64) -> U64:
    out = np.zeros(len(words[0]), np.uint64)
    for word in words:
        out = (out ^ word) * np.uint64(0x9E3779B97F4A7C15)
        out ^= out >> np.uint64(29)
    return out
