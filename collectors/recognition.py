"""What an unknown log looks like, and whether a log is what its settings say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from collectors.base import Decoder, Guess
from collectors.formats import FORMATS
from telemetry.events import Decoded, Rejected

SAMPLE = 100
"""Records from the beginning that are enough to know a format by."""
_SURE, _UNSURE = 0.6, 0.2
_JUDGED_AFTER = 20
_LINE_JUDGED = 2048
"""Bytes of a line that are enough to know it by."""


def guesses(records: Sequence[bytes], *, kind: str = "lines") -> list[tuple[str, Guess]]:
    """The formats of this kind of records that these look like, the surest first."""
    found = [
        (name, guess)
        for name, row in FORMATS.items()
        if row.records == kind and row.recognise is not None and (guess := row.recognise(records)) is not None
    ]
    return sorted(found, key=lambda one: -one[1].sure)


def is_wrong(name: str, records: Sequence[bytes]) -> str | None:
    """A sentence when these records are clearly of another format than `name`; None when they may be of it."""
    most = _LINE_JUDGED if FORMATS[name].records == "lines" else None
    records = [r[:most] for r in islice(records, SAMPLE) if r.strip()]
    if not records:
        return None
    found = guesses(records, kind=FORMATS[name].records)
    own = next((guess.sure for other, guess in found if other == name), 0.0)
    best, guess = found[0] if found else (name, Guess(0.0, ""))
    if best == name or own >= _UNSURE or guess.sure < _SURE:
        return None
    return f"this is not {name}; it looks like {guess.what} (format {best})"


class Watched:
    """A decoder that says once a file when the file is of another format than its settings say.

    The lines stay the rejects that they are: nothing is lost when the settings were wrong.
    """

    def __init__(self, decoder: Decoder, name: str, *, site: str, source: str) -> None:
        self._decoder, self._name, self._site, self._source = decoder, name, site, source
        self._first: list[bytes] | None = []
        """The records so far, none of which was understood; None when the file has been judged."""

    def feed(self, records: Sequence[Any], received_us: int) -> Decoded:
        out = self._decoder.feed(records, received_us)
        if self._first is not None:
            self._judge(records, out)
        return out

    def _judge(self, records: Sequence[bytes], out: Decoded) -> None:
        first = self._first or []
        first += records[: SAMPLE - len(first)]
        self._first = first
        if out.events:
            self._first = None
        elif len(first) >= _JUDGED_AFTER:
            self._first = None
            if wrong := is_wrong(self._name, first):
                out.rejected.append(Rejected("wrong_format", wrong, first[0], self._site, self._source))

    def restart(self) -> None:
        self._first = []
        self._decoder.restart()

    def dump(self) -> str:
        return self._decoder.dump()

    def load(self, state: str) -> None:
        self._decoder.load(state)
