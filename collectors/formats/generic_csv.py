"""Any other make's log, delimited or of fixed width, by a mapping that its integrator writes (see generic_fields).

One record is one call, or with `call` mapped one passage of it. Where the log has no number for its calls, equal
records of a second are told apart by counting them. A record that the mapping does not explain is rejected, naming
field, place and value: nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from collectors.base import Guess
from collectors.formats.clock import Clock
from collectors.formats.generic_fields import PLACES, mapped
from collectors.formats.generic_scan import MappedScan
from collectors.formats.options import Options
from collectors.formats.panasonic_layouts import with_year
from collectors.formats.reading import (
    Csv,
    Ordinals,
    Unreadable,
    clock_ms,
    name_of,
    shown,
    text_of,
    whole_of,
)
from collectors.formats.scanned import Scan, ScannedFormat, mark_of
from collectors.formats.whole_calls import Whole, events_of
from telemetry.events import MISSING, UNKNOWN, Event

_MS = {"s": 1000, "ms": 1, "min": 60_000}
_LONGEST_MS = 7 * 86_400_000
_SLACK_MS = 2000
"""Times and durations are rounded apart from each other."""
_YEARS_US = (946_684_800_000_000, 4_102_444_800_000_000)  # 2000-01-01 and 2100-01-01
_NO_YEAR = 5
"""Characters of a day and month that no year follows."""
_BOM = b"\xef\xbb\xbf"


class _Told(NamedTuple):
    """The times of a record in microseconds and its durations in milliseconds."""

    start: int
    answer: int
    end: int
    wait: int
    ring: int
    talk: int
    took: int
    hold: int


class GenericCsv(ScannedFormat):
    """Decoder of one log by its mapping."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        o = self._options
        self._order = o.date_order or "ymd"
        self._clock = Clock(o.timezone, era=o.era, order=self._order)
        self._map, self._wrong = mapped(o.fields)
        self._skip = tuple(text.encode() for text in self._map.skip)
        self._header = {name.lower() for name in self._map.names.values()}
        self._first = next(((field, name.lower()) for field, name in self._map.names.items()), ("", ""))
        self._places = {field: self._place(field) for field in PLACES}
        self._ordinals = Ordinals()
        self._mark = mark_of(o.delimiter or ",")
        self._many = MappedScan(self._map, self._clock, ms=_MS, longest_ms=_LONGEST_MS, years_us=_YEARS_US)
        self._forget()

    def _forget(self) -> None:
        self._csv = Csv(self._options.delimiter or ",")
        self._at: dict[str, int] | None = None if self._header else dict(self._map.numbers)

    def restart(self) -> None:
        """The next line is the first of another file, which has a header of its own if any."""
        self._forget()
        self._ordinals.restart()

    def dump(self) -> str:
        header, held, ordinals = self._at if self._header else None, self._csv.held, self._ordinals.dump()
        if not header and not held and not ordinals:
            return ""
        return json.dumps([header, held.decode("latin-1"), ordinals], separators=(",", ":"))

    def load(self, state: str) -> None:
        header, held, ordinals = json.loads(state) if state else (None, "", "")
        self._forget()
        self._at = header or self._at
        self._csv.held = held.encode("latin-1")
        self._ordinals.load(ordinals)

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:
        if self._wrong:
            raise Unreadable("bad_field", self._wrong[0])
        line = line.removeprefix(_BOM)
        if not line.strip() or (self._skip and line.startswith(self._skip)):
            return ()
        row = self._cells(line)
        if row is None:
            return ()
        whole = self._whole(row, received_us)
        return events_of(self._site, self._source, whole) if whole else ()

    def _shape(self) -> object:
        return None if self._csv.held or self._wrong or self._map.slices or not self._mark else self._at

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:  # noqa: ARG002 (its years have four digits)
        return self._many.scan(lines, self._mark, self._at or {})

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:  # noqa: ARG002
        texts, (direction, internal, outcome) = self._many.told(text, row, self._at or {})
        if outcome == "ignore" or direction == "internal" or internal == "yes":
            return ()
        whole = self._passage(texts, outcome, direction, _Told(*row[:8]))
        return events_of(self._site, self._source, whole) if whole else ()

    def _cells(self, line: bytes) -> dict[str, str] | None:
        """The text of each mapped field; None for a header, or while a row goes on in the next line."""
        if self._map.slices:
            text = text_of(line, "line")
            return {field: text[where].strip() for field, where in self._map.slices.items()}
        cells = self._csv.row(line)
        if cells is None:
            return None
        if self._header and self._is_header(cells):
            at = {cell.strip().lower(): n for n, cell in reversed(list(enumerate(cells)))}
            self._at = {field: at[name.lower()] for field, name in self._map.names.items()} | dict(self._map.numbers)
            return None
        if self._at is None:
            lacking = sorted(self._header - {cell.strip().lower() for cell in cells})
            raise Unreadable("malformed_line", f"no header with the columns {', '.join(lacking)} stands before it")
        if len(cells) <= max(self._at.values(), default=0):
            expected = 1 + max(self._at.values(), default=0)
            raise Unreadable("malformed_line", f"{len(cells)} columns, at least {expected} expected")
        return {field: cells[n].strip() for field, n in self._at.items()}

    def _is_header(self, cells: list[str]) -> bool:
        if self._at is not None:  # logs that were put together may hold it again
            field, name = self._first
            at = self._at[field]
            if at >= len(cells) or cells[at].strip().lower() != name:
                return False
        return self._header <= {cell.strip().lower() for cell in cells}

    def _place(self, field: str) -> str:
        """A field and where it stands, as a reject names it."""
        m = self._map
        if field in m.slices:
            return f"{field} (characters {m.slices[field].start + 1}:{m.slices[field].stop})"
        return f"{field} (column {m.names.get(field) or m.numbers.get(field, -1) + 1})"

    def _bad(self, field: str, value: str, expected: str) -> Unreadable:
        return Unreadable("bad_field", f"{self._place(field)}: {shown(value)}, expected {expected}")

    def _time(self, row: dict[str, str], field: str, received_us: int) -> int:
        """Microseconds since 1970; MISSING where there is none."""
        text = row.get(field, "")
        if not text:
            return MISSING
        if self._map.times_in == "local":
            try:
                return self._clock.us(text, received_us)
            except ValueError as problem:
                raise Unreadable("malformed_line", f"{self._place(field)}: {problem}") from None
        times = 1000 if self._map.times_in == "epoch_ms" else 1_000_000
        at_us = int(text) * times if text.isascii() and text.isdigit() and len(text) < 16 else -1
        if not _YEARS_US[0] <= at_us < _YEARS_US[1]:
            raise self._bad(field, text, f"{self._map.times_in} between the years 2000 and 2100")
        return at_us

    def _start(self, row: dict[str, str], received_us: int) -> int:
        if "date" not in self._map.placed:
            return self._time(row, "start", received_us)
        try:
            day = row["date"]
            if len(day) <= _NO_YEAR and day.count("/") == 1 and self._order != "ymd":
                day = with_year(day, self._order, received_us)
            return self._clock.at(day, row["time"], received_us)
        except ValueError as problem:
            raise Unreadable("malformed_line", f"{self._place('date')}, {self._place('time')}: {problem}") from None

    def _ms(self, row: dict[str, str], field: str) -> int:
        """A duration; MISSING where there is none."""
        text, unit = row.get(field, ""), self._map.durations_in[field]
        if not text:
            return MISSING
        try:
            ms = clock_ms(text, field) if unit == "clock" else whole_of(text, field, _MS[unit])
        except Unreadable:
            hint = f'; set {field}_in = "clock"' if ":" in text or "'" in text else ""
            written = "a clock such as 00:01:30" if unit == "clock" else f"a whole number of {unit} from 0 up{hint}"
            raise self._bad(field, text, written) from None
        if ms > _LONGEST_MS:
            raise self._bad(field, text, f"no more than {_LONGEST_MS // 1000} s; look at {field}_in")
        return ms

    def _word(self, row: dict[str, str], field: str) -> str:
        """What the word in a field means; "" where the field is not mapped."""
        if field not in row:
            return ""
        words = self._map.words[field]
        meaning = words.get(row[field].lower()) or words.get("*", "")
        if not meaning:
            known = ", ".join(sorted(word for word in words if word))
            raise self._bad(
                field, row[field], f'one of {known}; say what it means by "{field}.{shown(row[field])[1:-1]}"'
            )
        return meaning

    def _whole(self, row: dict[str, str], received_us: int) -> Whole | None:
        """The passage that a record tells; None where it says nothing of a citizen's call."""
        outcome, direction = self._word(row, "outcome"), self._word(row, "direction")
        if outcome == "ignore" or direction == "internal" or self._word(row, "internal") == "yes":
            return None
        start, answer = self._start(row, received_us), self._time(row, "answered_at", received_us)
        end = self._time(row, "end", received_us)
        told = _Told(
            start, answer, end, *(self._ms(row, field) for field in ("wait", "ring", "talk", "duration", "hold"))
        )
        return self._passage(row, outcome, direction, told)

    def _passage(self, row: dict[str, str], outcome: str, direction: str, told: _Told) -> Whole | None:
        """The same of a record whose times, durations and words are known."""
        start, answer, end, wait, ring, talk, took, hold = told
        if self._map.ends:
            start, end = MISSING, start
        from_end = start == MISSING
        if from_end and end != MISSING:
            parts = max(wait, 0) + max(talk, 0) if "start" not in row and max(wait, talk) >= 0 else MISSING
            lasted = took if took >= 0 else parts
            start = end - lasted * 1000 if lasted >= 0 else MISSING
        if start == MISSING:
            field = next(field for field in ("start", "end", "date") if field in row)
            expected = "a duration beside it that tells" if self._map.ends else "the time"
            raise self._bad(field, row[field], f"{expected} when the call began")
        self._check(start, answer, end, took, {"wait": wait, "ring": ring, "talk": talk, "hold": hold})
        if took < 0 and end != MISSING and not from_end:
            took = (end - start) // 1000
        if end == MISSING:
            talked_from = answer if answer != MISSING else start + max(wait, 0) * 1000
            end = start + took * 1000 if took >= 0 else talked_from + max(talk, 0) * 1000
        answered = outcome == "answered" or (not outcome and (answer != MISSING or talk > 0))
        outcome = outcome or ("answered" if answered else "abandoned")
        if wait < 0:
            wait = _wait(start, answer, took, talk, answered=answered)
        if answered and talk < 0 <= took:
            talk = (end - answer) // 1000 if answer != MISSING else max(took - wait, 0) if wait >= 0 else MISSING
        if direction == "out" or (not direction and self.internal(row.get("caller", ""))):
            if direction != "out" and (not row.get("called") or self.internal(row["called"])):
                return None
            outcome = "outbound"
        name = row.get("unit", "") or (outcome != "outbound" and row.get("called", "")) or self._map.unit_is
        unit = name_of(self.unit(name), self._places["unit" if "unit" in row else "called"])
        if not unit and outcome != "outbound":
            raise self._bad("unit" if "unit" in row else "called", name, "the queue or number of the call")
        call, leg = self._identity(row, start, f"{end}.{outcome}.{wait}.{ring}.{talk}", unit)
        agent, caller = name_of(row.get("agent", ""), self._places["agent"]), row.get("caller", "")
        if outcome == "outbound":
            caller = self.called(row.get("called", ""))
        mail, outcome = outcome == "voicemail", "timed_out" if outcome == "voicemail" else outcome
        return Whole(
            call,
            unit,
            start,
            outcome,
            end,
            wait,
            ring,
            talk,
            agent,
            caller,
            answer,
            leg=leg,
            hold_ms=hold,
            voicemail=mail,
        )

    def _check(self, start: int, answer: int, end: int, took: int, parts: dict[str, int]) -> None:
        """Times in their order, and no part longer than the whole."""
        for field, at in (("answered_at", answer), ("end", end)):
            if at != MISSING and at < max(start, answer if field == "end" else start):
                raise Unreadable("bad_field", f"{self._place(field)}: before the call began or was answered")
        longest = took if took >= 0 else (end - start) // 1000 if end != MISSING else MISSING
        for field, ms in parts.items():
            if longest >= 0 and ms > longest + _SLACK_MS:
                raise self._bad(field, f"{ms / 1000:g} s", f"no more than the {longest / 1000:g} s of the whole call")

    def _identity(self, row: dict[str, str], start: int, told: str, unit: str) -> tuple[str, str]:
        """What tells the call from others, and the record from others of the call."""
        if row.get("call"):
            if row["call"] == row.get("caller"):
                raise Unreadable("bad_field", f"{self._places['call']}: it is the caller's number, so it tells no call")
            return name_of(row["call"], self._places["call"]), told
        # Neither who called nor who served: they are few enough to be tried one by one.
        digest, before, _ = self._ordinals.count(start // 1_000_000, f"{start}.{told}.{unit}".encode())
        return f"{start // 1_000_000:010d}.{digest}.{before}", ""


def _wait(start: int, answer: int, took: int, talk: int, *, answered: bool) -> int:
    """The wait in milliseconds where no column tells it, from what the others tell."""
    if not answered:
        return took if took >= 0 else UNKNOWN
    if answer != MISSING:
        return (answer - start) // 1000
    return max(took - talk, 0) if min(took, talk) >= 0 else UNKNOWN


def problems(options: Options) -> list[str]:
    """What is wrong in the mapping."""
    return mapped(options.fields)[1]


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """A last resort: some delimited log, and the names or first values of its columns to map."""
    texts = [line.strip().removeprefix(_BOM) for line in lines if line.strip()]
    for delimiter in (b",", b";", b"\t", b"|"):
        counts = [text.count(delimiter) for text in texts]
        if len(texts) > 1 and counts[0] > 1 and sum(n == counts[0] for n in counts) > 0.8 * len(texts):
            first = texts[0].decode("utf-8", "replace").split(delimiter.decode())
            columns = ", ".join(f"{n} {cell.strip().strip(chr(34))[:24]!r}" for n, cell in enumerate(first[:24], 1))
            settings = {"delimiter": delimiter.decode(), "fields": {}}
            return Guess(
                0.05, f"a delimited log of a make unknown here, to be mapped by hand: columns {columns}", settings
            )
    return None
