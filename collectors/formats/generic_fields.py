"""The mapping that `generic_csv` reads a log by: a flat table of texts, checked as a whole before the first line.

Places say where a value stands: `4` is the fourth column, `"1:10"` the first ten characters, anything else the name of
a column in the header. Words (`outcome.NOANSWER`) say what a value means, units (`talk_in`) how a duration is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PLACES = (
    "start", "date", "time", "end", "answered_at", "duration", "wait", "ring", "talk", "hold", "direction", "internal", "caller",
    "called", "unit", "agent", "call", "outcome",
)  # fmt: skip
DURATIONS = ("duration", "wait", "ring", "talk", "hold")
TIMES_IN = ("local", "epoch", "epoch_ms")
DURATIONS_IN = ("s", "ms", "min", "clock")
DATE_IS = ("start", "end")
WORDS: dict[str, tuple[str, ...]] = {
    "direction": ("in", "out", "internal"),
    "internal": ("yes", "no"),
    "outcome": (
        "answered", "abandoned", "timed_out", "no_agent", "left_by_key", "withdrawn", "system_drop", "full", "empty",
        "closed", "voicemail", "ignore",
    ),
}  # fmt: skip
_MOST = 4096
"""Columns, or characters of a line."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping as it is read. Each place is a column's name, its number from 0, or a slice of the line."""

    names: Mapping[str, str]
    numbers: Mapping[str, int]
    slices: Mapping[str, slice]
    words: Mapping[str, Mapping[str, str]]
    """By field: word, in small letters → what it means; `*` is every other."""
    durations_in: Mapping[str, str]
    times_in: str
    ends: bool
    """Whether `date` and `time` are those of the end of the call."""
    unit_is: str
    skip: tuple[str, ...]
    """Beginnings of lines that say nothing, such as titles and rulers."""

    @property
    def placed(self) -> frozenset[str]:
        return frozenset((*self.names, *self.numbers, *self.slices))


def mapped(fields: Mapping[str, str]) -> tuple[Mapped, list[str]]:
    """The mapping, and everything that is wrong in it: one sentence each."""
    wrong: list[str] = []
    names: dict[str, str] = {}
    numbers: dict[str, int] = {}
    slices: dict[str, slice] = {}
    words: dict[str, dict[str, str]] = {field: {} for field in WORDS}
    durations_in = dict.fromkeys(DURATIONS, "s")
    skip: list[str] = []
    for key, value in fields.items():
        field, dot, word = key.partition(".")
        if key in PLACES:
            _place(key, value.strip(), names, numbers, slices, wrong)
        elif dot and field in WORDS:
            if value not in WORDS[field]:
                wrong.append(f'fields."{key}": {value!r}, expected one of {", ".join(WORDS[field])}')
            words[field][word.strip().lower()] = value
        elif key.endswith("_in") and (which := key.removesuffix("_in")) in DURATIONS:
            _one_of(key, value, DURATIONS_IN, wrong)
            durations_in[which] = value
        elif key == "times_in":
            _one_of(key, value, TIMES_IN, wrong)
        elif key == "date_is":
            _one_of(key, value, DATE_IS, wrong)
        elif field == "skip":
            skip.append(value)
        elif key != "unit_is":
            wrong.append(f'fields."{key}" is not known; places are {", ".join(PLACES)}')
    found = Mapped(
        names,
        numbers,
        slices,
        words,
        durations_in,
        fields.get("times_in", "local"),
        fields.get("date_is") == "end",
        fields.get("unit_is", ""),
        tuple(skip),
    )
    return found, wrong + _whole(found, fields)


def _place(
    key: str, value: str, names: dict[str, str], numbers: dict[str, int], slices: dict[str, slice], wrong: list[str]
) -> None:
    first, colon, last = value.partition(":")
    if value.isascii() and value.isdigit():
        if not 1 <= int(value) <= _MOST:
            wrong.append(f"fields.{key}: column {value}, but columns are counted from 1")
        numbers[key] = int(value) - 1
    elif colon and first.isascii() and first.isdigit() and last.isascii() and last.isdigit():
        if not 1 <= int(first) <= int(last) <= _MOST:
            wrong.append(f"fields.{key}: characters {value}, but they are counted from 1, the first before the last")
        slices[key] = slice(int(first) - 1, int(last))
    elif value:
        names[key] = value
    else:
        wrong.append(f"fields.{key} is empty, expected a column's name, its number, or from:to")


def _one_of(key: str, value: str, allowed: tuple[str, ...], wrong: list[str]) -> None:
    if value not in allowed:
        wrong.append(f"fields.{key}: {value!r}, expected one of {', '.join(allowed)}")


def _whole(m: Mapped, fields: Mapping[str, str]) -> list[str]:
    """What only shows when all fields are seen together."""
    at, wrong = m.placed, []
    if m.slices and (m.names or m.numbers):
        wrong.append("fields: character positions and columns are mixed; a log is either of fixed width or delimited")
    if "start" in at and ("date" in at or "time" in at):
        wrong.append("fields: start is date and time in one place; give either start, or date and time")
    if ("date" in at) != ("time" in at):
        wrong.append(f"fields.{'time' if 'date' in at else 'date'} is missing: date and time only work together")
    began = "start" in at or ("date" in at and not m.ends)
    if not began and not ({"end", "date"} & at and {"duration", "talk"} & at):
        wrong.append(
            "fields: nothing tells when a call began: give start, or date and time, or end and duration or talk"
        )
    if "date_is" in fields and "date" not in at:
        wrong.append("fields.date_is: say also where date and time stand")
    if m.ends and "end" in at:
        wrong.append("fields: end stands in two places; give either end, or date and time with date_is")
    if not {"outcome", "answered_at", "talk"} & at:
        wrong.append("fields: nothing tells whether a call was answered: give outcome, answered_at or talk")
    if not {"unit", "called"} & at and not m.unit_is:
        wrong.append("fields: nothing tells the queue: give unit, called, or its name itself as unit_is")
    if m.times_in != "local" and "date" in at:
        wrong.append("fields: times since 1970 stand in one place; give start, not date and time")
    for field, meanings in m.words.items():
        if field in at and not meanings:
            wrong.append(
                f'fields.{field} stands for words: say what each means, as in "{field}.WORD" = "{WORDS[field][0]}"'
            )
        if meanings and field not in at:
            wrong.append(f'fields."{field}.…": say also where {field} stands')
    wrong += [
        f"fields.{key}: say also where {key[:-3]} stands"
        for key in fields
        if key[:-3] in DURATIONS and key[-3:] == "_in" and key[:-3] not in at
    ]
    return wrong
