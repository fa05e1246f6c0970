"""Families to the text that a scraper reads, in its two forms: Prometheus' own and OpenMetrics.

The same as prometheus_client writes, sample for sample, in a fraction of the time: the lines of a family are one
template, whose numbers are put in at once, and a family in which nothing changed since the last page keeps its text.
"""

from __future__ import annotations

from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from prometheus_client.utils import floatToGoString

from telemetry.exporters.family import Family, Histogram, whole

_LABELS = b"\0"
"""Stands where the labels come, in the template of a histogram."""


class _Made(NamedTuple):
    numbers: Any
    """What the lines were made of."""
    there: Any
    lines: bytes


class Text:
    """The text of families, by name; what was made is kept until it changes."""

    def __init__(self) -> None:
        self._made: dict[str, _Made] = {}

    def of(self, family: Family | Histogram, *, openmetrics: bool) -> list[bytes]:
        """The family's lines, with those that say what it is; nothing where it has no sample."""
        lines = self._lines(family)
        return [head(family, openmetrics=openmetrics), lines] if lines else []

    def _lines(self, family: Family | Histogram) -> bytes:
        numbers, there = _numbers(family), family.there
        made = self._made.get(family.name)
        if made is None or not (np.array_equal(made.there, there) and _same(made.numbers, numbers)):
            lines = _of_histogram(family, numbers) if isinstance(family, Histogram) else _of_one(family, numbers)
            made = self._made[family.name] = _Made(numbers, there.copy(), lines)
        return made.lines


def head(family: Family | Histogram, *, openmetrics: bool) -> bytes:
    """What it is."""
    text = family.text.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        text = text.replace('"', r"\"")
    name, kind = family.name, family.kind
    if kind == "counter" and openmetrics and isinstance(family, Family) and family.shares_name:
        name, kind = f"{name}_total", "unknown"
    elif kind == "counter" and not openmetrics:
        name = f"{name}_total"
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n".encode()


def _same(a: Any, b: Any) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b)


def _numbers(family: Family | Histogram) -> Any:
    """The numbers of all samples in the order of the lines; a row for each place that has any."""
    if isinstance(family, Histogram):
        upto, ms = family.upto[family.there], family.sum_ms[family.there]
        return np.column_stack([upto, upto[:, -1], ms // 1000, ms % 1000])
    values = family.values[family.there]
    if family.thousandths:
        return np.column_stack([values // 1000, values % 1000])
    return values.astype(np.int64) if values.dtype.kind == "f" and whole(values) else values


def _of_one(family: Family, numbers: Any) -> bytes:
    if not len(numbers):
        return b""
    name = (f"{family.name}_total" if family.kind == "counter" else family.name).encode()
    form = b"%d.%03d" if family.thousandths else b"%r" if numbers.dtype.kind == "f" else b"%d"
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        form, numbers = b"%b", np.array([_go(x) for x in numbers.tolist()])
    if not family.labels.names:
        template = name + b" " + form + b"\n"
    else:
        begin, end = name + b"{", b"} " + form + b"\n"
        template = begin + (end + begin).join(compress(family.labels.texts, family.there.tolist())) + end
    return template % tuple(numbers.ravel().tolist())


def _go(value: float) -> bytes:
    return str(floatToGoString(value)).encode()  # type: ignore[no-untyped-call]


def _of_histogram(family: Histogram, numbers: Any) -> bytes:
    name = family.name.encode()
    edges = [*(str(float(e)).encode() for e in family.edges), b"+Inf"]
    buckets = [name + b'_bucket{le="' + edge + b'",' + _LABELS + b"} %d\n" for edge in edges]
    one = b"".join([*buckets, name, b"_count{", _LABELS, b"} %d\n", name, b"_sum{", _LABELS, b"} %d.%03d\n"])
    template = b"".join([one.replace(_LABELS, text) for text in compress(family.labels.texts, family.there.tolist())])
    return template % tuple(numbers.ravel().tolist())
