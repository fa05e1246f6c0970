"""Many lines of a queue_log at once: where their cells are, and their numbers, checked, in NumPy.

What is plain is found here; a line with anything unusual in it is left to be read by itself, with words for what is
wrong. Both ways make the same events: a test holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from collectors.formats.eights import I64, LAST, U64, WORD, ZEROS, Words, eight_digits, ten_digits
from collectors.formats.queue_log_rows import ADDED, ATTENDED_OTHER, EVENT, Row
from collectors.formats.scan import unspoilt
from telemetry.events import MAX_NAME, MISSING

CELLS = 11
"""Cells of a line that are located; no event has more that matter."""
_NOWHERE = CELLS
_EPOCH_DIGITS = 10
_LINE_END, _PIPE = 10, 124
_FRONT = b"0" * 8
"""Stands before the first line, so that eight bytes that end anywhere can be taken."""
_MARGIN = bytes(WORD + 16)
_BACK = b"|" * CELLS + _MARGIN
"""Stands behind the last, so that they can be taken from anywhere, and that it has as many cells as any other."""
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
        self._words = Words(rows)
        singly = [row in (ADDED, ATTENDED_OTHER) or len(row.says) > 1 for row in rows.values()]
        self._places = np.array([SINGLY if alone else n for n, alone in enumerate(singly)] + [IGNORED])
        # A cell ends where these say, and begins behind the end of the one before.
        facts = [
            (
                row.a or _NOWHERE, row.a_unit, row.b or _NOWHERE, row.b_unit, row.person or _NOWHERE,
                (row.says[0][1] if row.says else 0) or _NOWHERE,
                row.hidden[0] - 1 if row.hidden else row.width - 1,
                row.hidden[-1] if row.hidden else row.width - 1,
                row.width - 1,
                row.width - 2 if row.hidden else 0,
            )
            for row in rows.values()
        ]  # fmt: skip
        self._facts = np.array([*facts, facts[0]], np.int64).T

    def scan(self, lines: Sequence[bytes]) -> Scan:
        """The lines; where one of them holds a line end, more than were given."""
        data = b"\n".join([_FRONT, *lines, _BACK])
        text = np.frombuffer(data, np.uint8, len(data) - len(_MARGIN))
        is_end = text == _LINE_END
        marks = np.flatnonzero(is_end | (text == _PIPE))
        at_end = np.flatnonzero(is_end[marks])
        edges = marks[at_end]
        starts, line_ends = edges[:-1] + 1, edges[1:]
        # The eight bytes from any place on, as one number: digits and names are read eight at a time.
        eight: U64 = np.ndarray((len(data) - 8,), "<u8", data, strides=(1,))
        ends = line_ends.copy()
        shorter = np.flatnonzero(_is_end[text[ends - 1]])
        while len(shorter := shorter[(ends[shorter] > starts[shorter]) & _is_end[text[ends[shorter] - 1]]]):
            ends[shorter] -= 1

        first = at_end[:-1] + 1

        def end_of(cell: I64 | int) -> I64:
            at: I64 = first + cell
            np.minimum(marks.take(at, out=at), ends, out=at)
            return at

        call, queue, agent, before_name, name_end = (end_of(k) for k in range(EVENT + 1))
        plain = (before_name < ends) & (call - starts == _EPOCH_DIGITS)
        plain &= unspoilt(text[: edges[-1] + 1], edges)
        epoch, good = ten_digits(eight, starts)
        plain &= good & (epoch >= self._epochs[0]) & (epoch < self._epochs[1])
        length = np.minimum(np.maximum(name_end - before_name - 1, 0), WORD + 1)
        row = self._words.find(eight, before_name + 1, length)
        place = self._places[row]
        place[length > WORD] = SINGLY
        a, a_unit, b, b_unit, person, said, hide, resume, last, least = self._facts.take(row, axis=1)

        def number(cell: I64, unit: I64) -> I64:
            end = end_of(cell)
            length = np.where(cell == _NOWHERE, 0, end - end_of(cell - 1) - 1)
            keep = LAST[np.clip(length, 0, 8)]
            value, good = eight_digits((eight[end - 8] & keep) | (ZEROS & ~keep))
            np.logical_and(plain, good & (length <= 8), out=plain)
            return np.where(length > 0, value * unit, MISSING)

        def bounds(cell: I64) -> tuple[I64, I64]:
            begin = end_of(cell - 1) + 1
            begin[cell == _NOWHERE] = 0
            return begin, end_of(cell)

        a_value, b_value = number(a, a_unit), number(b, b_unit)
        plain &= (queue - call <= MAX_NAME) & (end_of(least) < ends)
        columns = (
            np.where(plain, place, SINGLY),
            epoch,
            call + 1,
            queue,
            agent,
            before_name,
            end_of(hide),
            end_of(resume),
            end_of(last),
            *bounds(person),
            *bounds(said),
            a_value,
            b_value,
        )
        return Scan(data, *columns)
