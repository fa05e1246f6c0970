"""One metric of the page with its samples, before it is text, and the labels that they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kpis.columns import F64, I64, Bool

SITE = ("site",)
SITE_UNIT = ("site", "unit")

Row = tuple[tuple[str, ...], float]
"""Values of the labels, and of the sample."""


class Labels:
    """The label sets that samples have, each with a place. Families share them, so that each is written once; they only
    grow."""

    def __init__(self, names: Sequence[str], rows: Iterable[tuple[str, ...]] = ()) -> None:
        self.names = tuple(names)
        self.rows: list[tuple[str, ...]] = []
        """Values, in the order of `names`."""
        self.texts: list[bytes] = []
        """The same as they stand on the page, without the braces, and with each % doubled."""
        self._order = sorted(range(len(self.names)), key=lambda i: self.names[i])
        self._place: dict[tuple[str, ...], int] = {}
        for row in rows:
            self.place(row)

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, values: tuple[str, ...]) -> int:
        """The place of these values, made at first sight."""
        place = self._place.get(values)
        if place is None:
            place = self._place[values] = len(self.rows)
            self.rows.append(values)
            pairs = (f'{self.names[i]}="{escaped(values[i])}"' for i in self._order)
            self.texts.append(",".join(pairs).replace("%", "%%").encode())
        return place


def escaped(value: str) -> str:
    """A label's value between quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@dataclass(frozen=True, slots=True)
class Family:
    """A gauge or a counter."""

    name: str
    """Of a counter without _total."""
    kind: str
    """`gauge` or `counter`."""
    text: str
    labels: Labels
    values: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    """One for each place of the labels."""
    there: Bool
    """Which places have a sample."""
    thousandths: bool = False
    """The values are whole numbers of a thousandth, and none is below zero."""
    shares_name: bool = False
    """A histogram has the name of this counter: in OpenMetrics, where _total is no part of a name, it is of no known kind."""


@dataclass(frozen=True, slots=True)
class Histogram:
    name: str
    text: str
    labels: Labels
    edges: tuple[int, ...]
    upto: I64
    """By place: how many lie at or below each edge, and, in the last column, how many there are."""
    sum_ms: I64
    there: Bool
    kind: str = field(default="histogram", init=False)


def of_rows(name: str, kind: str, text: str, labels: Labels, rows: Iterable[Row]) -> Family:
    """A gauge or a counter from single samples."""
    of = {labels.place(values): value for values, value in rows}
    values = np.zeros(len(labels))
    there = np.zeros(len(labels), np.bool_)
    places = list(of)
    values[places] = list(of.values())
    there[places] = True
    return Family(name, kind, text, labels, values, there)


def single(name: str, kind: str, text: str, value: float) -> Family:
    """A gauge or a counter without labels."""
    return of_rows(name, kind, text, Labels(()), [((), value)])


def whole(values: F64 | I64) -> bool:
    """Whether all are whole numbers that an int64 holds."""
    return bool(((values == np.floor(values)) & (np.abs(values) < 2.0**53)).all())
