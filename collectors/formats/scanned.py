"""The loop over lines of formats that look at many lines at once, and read by itself each that is not plain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from collectors.formats.eights import I64, U8, Bool
from collectors.formats.reading import LineFormat, Unreadable
from collectors.formats.scan import Cells
from telemetry.events import Decoded, Event, Rejected

MANY = 64
"""Fewer lines are not worth looking at together."""
AT_ONCE = 4096
_ODD = frozenset('" \r\n\0')

Scan = tuple[Cells, tuple[I64 | Bool | U8, ...]]
"""Lines as cells, and the columns of those that are plain."""


class ScannedFormat(LineFormat):
    """Base of the formats whose plain lines are read by `_tell` from what `_scan` found, and all others by `_read`.

    What lines mean may depend on some that stood before, such as a header: `_shape` is what it depends on.
    """

    def feed(self, records: Sequence[bytes], received_us: int) -> Decoded:
        if len(records) < MANY:
            return super().feed(records, received_us)
        out = super().feed(records[:1], received_us)  # it may name the columns
        at = 1
        while at < len(records):
            shape = self._shape()
            lines = records[at : at + (MANY if shape is None else AT_ONCE)]
            at += len(lines)
            scan = self._scan(lines, received_us) if shape is not None and len(lines) >= MANY else None
            if scan is None:
                out.join(super().feed(lines, received_us))
            else:
                self._feed_scanned(lines, scan, shape, received_us, out)
        return out

    def _feed_scanned(self, lines: Sequence[bytes], scan: Scan, shape: object, received_us: int, out: Decoded) -> None:
        text, take, ignored, holds = scan[0].data.decode("latin-1"), out.events.extend, 0, True
        read, tell = self._read, self._tell
        plain, rows = _plain_rows(*scan, len(lines))
        for line, is_plain in zip(lines, plain, strict=True):
            try:
                row = next(rows) if is_plain else None
                if row is not None and holds:
                    events = tell(line, text, row)
                else:
                    events = read(self._sound(line), received_us)
                    holds = self._shape() == shape
            except Unreadable as why:
                out.rejected.append(Rejected(why.reason, why.detail, line, self._site, self._source))
                holds = holds and self._shape() == shape
                continue
            if events:
                take(events)
            else:
                ignored += 1
        out.ignored += ignored

    def _shape(self) -> object:
        """What the columns of the next line are by; None where it cannot be plain, as in the middle of a cell."""
        raise NotImplementedError

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:
        """What of these lines is plain, as they are read by the present shape; None where they have to be read singly."""
        raise NotImplementedError

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:
        """The same as `_read` of a plain line: `row` is of the columns of the scan, with places in `text`."""
        raise NotImplementedError


def mark_of(delimiter: str) -> int:
    """A delimiter as the byte that lines may be cut at; 0 where they may not."""
    return ord(delimiter) if len(delimiter) == 1 and delimiter.isascii() and delimiter not in _ODD else 0


def _plain_rows(cells: Cells, columns: tuple[I64 | Bool | U8, ...], count: int) -> tuple[Sequence[bool], Iterator[Any]]:
    """Of each line whether it is plain, and the rows of those that are."""
    plain = cells.plain
    if plain.all():
        chosen = cells.lines
    else:
        at = np.flatnonzero(plain)
        columns = tuple(column[at] for column in columns)
        chosen = at if cells.lines is None else cells.lines[at]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    if chosen is None:
        return [True] * count, rows
    are_plain = np.zeros(count, np.bool_)
    are_plain[chosen] = True
    return are_plain.tolist(), rows
