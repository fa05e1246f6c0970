"""Many lines of a mapped log at once: its times, durations and words, by the mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collectors.formats.clock import Clock
from collectors.formats.eights import I64, Words
from collectors.formats.generic_fields import DURATIONS, WORDS, Mapped
from collectors.formats.scan import Cells, cut
from telemetry.events import MISSING

_S = 1_000_000
_TEXTS = ("caller", "called", "unit", "agent", "call")
_NO_WORD = "\N{REPLACEMENT CHARACTER}"  # no plain line holds it


class MappedScan:
    """A mapping, ready for many lines. What it says of a line is what reading it singly says."""

    def __init__(
        self, map_: Mapped, clock: Clock, *, ms: Mapping[str, int], longest_ms: int, years_us: tuple[int, int]
    ) -> None:
        self._map, self._clock = map_, clock
        self._ms, self._longest_ms, self._years_us = ms, longest_ms, years_us
        self._skip = tuple(text.encode() for text in map_.skip)
        self._first = next((name for name in map_.names.values()), "")
        self._words: dict[str, Words] = {}
        self.meanings: dict[str, list[str]] = {}
        for field, meanings in map_.words.items():
            written = {
                form: meaning
                for word, meaning in meanings.items()
                if word != "*" and word.isascii()
                for form in (word, word.upper(), word.capitalize())
            } or {_NO_WORD: ""}
            self._words[field], self.meanings[field] = Words(written), list(written.values())

    def scan(self, lines: Sequence[bytes], mark: int, at: Mapping[str, int]) -> tuple[Cells, tuple[I64, ...]] | None:
        """Start, answer, end, wait, ring, talk, duration, hold; which direction, internal and outcome; bounds of the texts."""
        cells = cut(lines, mark)
        if cells is None or cells.width <= max(at.values(), default=0):
            return None
        none = np.full(cells.rows, MISSING)
        answer, end = (self._time(cells, at[name]) if name in at else none for name in ("answered_at", "end"))
        if "date" in at:
            start = cells.day(at["date"], self._clock) + cells.clock(at["time"]) * _S
            cells.plain &= cells.length(at["time"]) > 0
        else:
            start = self._time(cells, at["start"]) if "start" in at else none
        took, wait, ring, talk, hold = (
            self._duration(cells, name, at[name]) if name in at else none for name in DURATIONS
        )
        self._find_begin(cells, at, start, end, took, np.maximum(wait, talk))
        found = []
        for field in WORDS:
            word = cells.word(at[field], self._words[field]) if field in at else none
            cells.plain &= (word >= 0) | (word == MISSING)
            found.append(word)
        if self._skip:
            said = lines if cells.lines is None else [lines[n] for n in cells.lines.tolist()]
            cells.plain &= ~np.array([line.startswith(self._skip) for line in said], np.bool_)
        if self._first:
            cells.plain &= ~cells.folded(at[self._first_field()], self._first.encode())
        texts = [bound for name in _TEXTS for bound in cells.bounds(at.get(name, -1))]
        return cells, (start, answer, end, wait, ring, talk, took, hold, *found, *texts)

    def told(self, text: str, row: tuple[int, ...], at: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
        """Of a plain line the texts of its fields, and what its words mean."""
        texts = dict.fromkeys(at, "")
        for name, begin, end in zip(_TEXTS, row[11::2], row[12::2], strict=True):
            if name in at:
                texts[name] = text[begin:end].strip()
        words = [
            self.meanings[field][number] if number != MISSING else ""
            for field, number in zip(WORDS, row[8:11], strict=True)
        ]
        return texts, words

    def _first_field(self) -> str:
        return next(iter(self._map.names))

    def _find_begin(self, cells: Cells, at: Mapping[str, int], start: I64, end: I64, took: I64, part: I64) -> None:
        """Nothing is plain of which not even the beginning is told."""
        ends_us = start if self._map.ends else end
        by_end = (ends_us != MISSING) & ((took >= 0) | ((part >= 0) & ("start" not in at)))
        cells.plain &= by_end if self._map.ends else (start != MISSING) | by_end

    def _time(self, cells: Cells, column: int) -> I64:
        if self._map.times_in == "local":
            return cells.stamp(column, self._clock)
        us = cells.long(column) * (1000 if self._map.times_in == "epoch_ms" else _S)
        none = cells.length(column) == 0
        cells.plain &= none | ((us >= self._years_us[0]) & (us < self._years_us[1]))
        return np.where(none, MISSING, us)

    def _duration(self, cells: Cells, field: str, column: int) -> I64:
        unit = self._map.durations_in[field]
        ms = cells.clock(column, 1000) if unit == "clock" else cells.whole(column, self._ms[unit])
        cells.plain &= ms <= self._longest_ms
        return ms
