"""What every log of lines needs: the loop over lines, text of any encoding, numbers, CSV, and equal lines told apart."""

from __future__ import annotations

import csv
import json
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from itertools import islice

from collectors.formats.clock import HOURS_AND_MINUTES, SECONDS
from collectors.formats.options import Options
from telemetry.events import MAX_NAME, MISSING, Decoded, Event, Rejected

MAX_LINE = 64 * 1024
MAX_DIGITS = 12
CR_ALONE = "line: carriage returns within; its lines end in CR alone, expected LF, or CR and LF"
_MOST_SAID = 400
"""Characters of a detail."""
_JOINED_LINES = 64
"""A quoted field may hold this many line ends; more, and the quote was never meant to be one."""


class Unreadable(Exception):  # noqa: N818  an answer, not a fault
    """This record becomes a reject: a reason of `REJECT_REASONS`, and place, value and expectation for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = (detail if detail.isprintable() else repr(detail)[1:-1])[:_MOST_SAID]


def malformed(place: str, value: object, expected: str) -> Unreadable:
    """A field that cannot be read."""
    return Unreadable("malformed_line", f"{place}: {shown(value)}, expected {expected}")


def shown(value: object) -> str:
    """A value as a detail shows it: short."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return repr(text[:40])


class LineFormat:
    """Base of the decoders of logs: `_read` makes one line's events, or raises `Unreadable`.

    `_read` returns () for a line that is well-formed and says nothing here. A subclass with state of its own
    extends `restart`, `dump` and `load`.
    """

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        self._site, self._source = site, source
        self._options = options or Options()

    def feed(self, records: Sequence[bytes], received_us: int) -> Decoded:
        out = Decoded()
        read, take, ignored = self._read, out.events.extend, 0
        lines, sound = _all_sound(records)
        for n, line in enumerate(lines):
            try:
                events = read(line if sound else self._sound(line), received_us)
            except Unreadable as why:
                out.rejected.append(Rejected(why.reason, why.detail, records[n], self._site, self._source))
                continue
            if events:
                take(events)
            else:
                ignored += 1
        out.ignored = ignored
        return out

    def _sound(self, line: bytes) -> bytes:
        """The line without its carriage return, if it may be read at all."""
        if len(line) > MAX_LINE:
            raise Unreadable("line_too_long", f"line is longer than {MAX_LINE} bytes")
        if b"\0" in line:
            raise Unreadable("malformed_line", "line holds NUL bytes, as after a loss of power")
        return line.rstrip(b"\r\n")

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:
        raise NotImplementedError

    def restart(self) -> None:
        """The next line is the first of another file."""

    def dump(self) -> str:
        return ""

    def load(self, state: str) -> None:
        """Nothing to take up."""

    def unit(self, name: str) -> str:
        """The unit that a queue or number of the log stands for."""
        return self._options.units.get(name, name)

    def internal(self, number: str) -> bool:
        """Whether a number is one of the centre's own extensions."""
        return number.isdigit() and 0 < len(number) <= self._options.internal_digits

    def called(self, number: str) -> str:
        """Whom the centre called, as callers are told: see `whom_called`."""
        return whom_called(number, self._options)


def whom_called(number: str, options: Options) -> str:
    """The number outside that the centre called, without the digits that get a line; "" for one of its own."""
    number, prefix = number.strip(), options.outside_prefix
    if prefix and number.startswith(prefix) and len(number) - len(prefix) > options.internal_digits:
        number = number.removeprefix(prefix)
    return "" if number.isdigit() and len(number) <= options.internal_digits else number


def _all_sound(records: Sequence[bytes]) -> tuple[Sequence[bytes], bool]:
    """The lines as they are read, and whether all may be: looked at together, since nearly always all may."""
    whole = b"".join(records)
    if b"\0" in whole or (len(whole) > MAX_LINE and max(map(len, records)) > MAX_LINE):
        return records, False
    if b"\r" in whole or b"\n" in whole:
        return [line.rstrip(b"\r\n") for line in records], True
    return records, True


def text_of(cell: bytes, place: str) -> str:
    """UTF-8, else the Thai code page that older systems write (CP874, which holds TIS-620)."""
    try:
        return cell.decode()
    except UnicodeDecodeError:
        try:
            return cell.decode("cp874")
        except UnicodeDecodeError:
            raise malformed(place, cell, "UTF-8 or CP874") from None


def name_of(text: str, place: str) -> str:
    """A name fit for a column of names: printable and at most 64 bytes."""
    text = text.strip()
    if not text.isprintable() or len(text if text.isascii() else text.encode()) > MAX_NAME:
        raise Unreadable("bad_field", f"{place}: {shown(text)}, expected at most {MAX_NAME} bytes, all printable")
    return text


def whole_of(text: str, place: str, times: int = 1) -> int:
    """A whole number from 0 up, times a unit; MISSING where there is none."""
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text) * times
    if not text:
        return MISSING
    raise malformed(place, text, "a whole number from 0 up")


def clock_ms(text: str, place: str) -> int:
    """`HH:MM:SS`, `MM:SS`, `H:MM'SS` or `M'SS` as milliseconds; MISSING where there is none."""
    if len(text) == 8 and text[:6] in HOURS_AND_MINUTES and text[6:] in SECONDS:
        return (HOURS_AND_MINUTES[text[:6]] + SECONDS[text[6:]]) * 1000
    parts = text.strip().replace("'", ":").split(":")
    if parts == [""]:
        return MISSING
    if len(parts) not in (2, 3) or not all(p.isascii() and p.isdigit() and len(p) < 6 for p in parts):
        raise malformed(place, text, "a duration such as 00:01:30")
    *larger, seconds = (int(p) for p in parts)
    if seconds > 59 or (len(larger) == 2 and larger[1] > 59):
        raise malformed(place, text, "a duration such as 00:01:30")
    return ((larger[0] * 60 + larger[1] if len(larger) == 2 else larger[0]) * 60 + seconds) * 1000


class Csv:
    """Rows of CSV from lines: quoted cells may hold the delimiter, doubled quotes and line ends."""

    def __init__(self, delimiter: str = ",") -> None:
        self._delimiter = delimiter
        self._waiting: list[str] = []
        self._begin()
        self.held = b""
        """Lines of a row that is not complete; part of a decoder's state."""

    def row(self, line: bytes) -> list[str] | None:
        """The cells of a row; None while a quoted cell goes on in the next line."""
        if not self.held and b'"' not in line:
            if line.isascii():
                return line.decode("ascii").split(self._delimiter)
            return self._texts(line.decode("latin-1").split(self._delimiter))
        whole = self.held + b"\n" + line if self.held else line
        self._waiting.append(whole.decode("latin-1"))
        try:
            cells: list[str] = next(self._reader)
        except csv.Error as problem:
            self._begin()
            if "unexpected end of data" not in str(problem):
                self.held = b""
                told = CR_ALONE if "new-line" in str(problem) else f"no CSV: {problem}"
                raise Unreadable("malformed_line", told) from None
            self.held = whole
            if len(whole) > MAX_LINE or whole.count(b"\n") > _JOINED_LINES:
                self.held = b""
                raise Unreadable("malformed_line", "a quoted cell that does not end") from None
            return None
        self.held = b""
        return cells if whole.isascii() else self._texts(cells)

    def _begin(self) -> None:
        """A reader of what waits, which ends where it wants more than one line."""
        self._waiting[:] = [""]
        lines, blanks = iter(self._waiting.pop, ""), self._delimiter != " "  # some write blanks after commas
        self._reader = csv.reader(lines, delimiter=self._delimiter, strict=True, skipinitialspace=blanks)

    @staticmethod
    def _texts(cells: list[str]) -> list[str]:
        """Cells by themselves: a name cut in the middle of a character must not change the others."""
        return [c if c.isascii() else text_of(c.encode("latin-1"), f"column {n}") for n, c in enumerate(cells, 1)]


class Ordinals:
    """Tells equal records of one second (or minute) apart by counting them, over restarts and repeats of a file.

    Logs without an identity of their own may rightly hold two equal lines. `count` says how many equal ones came
    before in the same instant of the same file; a file that is read again gives the same numbers again.
    """

    KEPT = 4096
    _CARRIED, _RECORDS_CARRIED = 4, 256

    def __init__(self) -> None:
        self._instants: OrderedDict[int, dict[str, int]] = OrderedDict()
        self._restarted = False

    def count(self, instant: int, what: bytes) -> tuple[str, int, int]:
        """Digest of the record, how many equal ones came before it, and how many of any kind, in its instant."""
        if self._restarted:
            self._restarted = False
            newest = max(self._instants, default=-1)
            kept = {newest: self._instants[newest]} if newest == instant else {}
            self._instants.clear()
            self._instants.update(kept)
        seen = self._instants.get(instant)
        if seen is None:
            seen = self._instants[instant] = {"": 0}
            if len(self._instants) > self.KEPT:
                self._instants.popitem(last=False)
        else:
            self._instants.move_to_end(instant)
        digest = blake2b(what, digest_size=8).hexdigest()
        before, any_before = seen.get(digest, 0), seen[""]
        seen[digest] = before + 1
        seen[""] = any_before + 1
        return digest, before, any_before

    def restart(self) -> None:
        """The next record is the first of another file: what stood before as well is that record again. Only where
        the new file goes on in the very instant that the old one ended in, equal records go on being counted."""
        self._restarted = True

    def dump(self) -> str:
        """The counts of the newest instants: what a record appended next could equal."""
        newest = islice(reversed(self._instants.items()), self._CARRIED)
        state = [[at, seen[""], list(islice(reversed(seen.items()), self._RECORDS_CARRIED))] for at, seen in newest]
        return json.dumps(state, separators=(",", ":")) if state else ""

    def load(self, state: str) -> None:
        self._instants.clear()
        for at, records, seen in reversed(json.loads(state) if state else []):
            self._instants[at] = {"": records, **dict(reversed(seen))}
        self._restarted = False
