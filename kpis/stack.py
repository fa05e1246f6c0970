"""Facts of several kinds of rows in one table: a cube of few tables is built faster than one of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kpis.columns import I32, I64, Bool
from kpis.model import By, Facts


class Part(NamedTuple):
    """Rows of one kind, with the measures that only they have."""

    site: I32 | I64
    unit: I32 | I64
    at_us: I64
    counts: Mapping[str, Bool | I64]
    seconds: Mapping[str, I64] = {}


def nothing(tallies: Sequence[str] = (), amounts: Sequence[str] = (), seconds: Sequence[str] = ()) -> Part:
    """No rows, with these measures: some that are true or false, some that are numbers, and histograms."""
    none = np.empty(0, np.int64)
    return Part(
        none, none, none, dict.fromkeys(tallies, none != 0) | dict.fromkeys(amounts, none), dict.fromkeys(seconds, none)
    )


def stack(parts: Sequence[Part], by: By) -> Facts:
    """The parts one below another; a row is 0 in the measures, and not in the histograms, of other parts."""
    edges = [0]
    for part in parts:
        edges.append(edges[-1] + len(part.at_us))
    named = [(part, name) for part in parts for name in part.counts]
    tallies = np.zeros((len(named), edges[-1]), np.bool_)
    amounts = np.zeros((len(named), edges[-1]), np.int64)
    counts = {
        name: (tallies if part.counts[name].dtype.kind == "b" else amounts)[i] for i, (part, name) in enumerate(named)
    }
    seconds = {name: np.full(edges[-1], -1, np.int64) for part in parts for name in part.seconds}
    for part, begin, end in zip(parts, edges, edges[1:], strict=False):
        if begin < end:
            for table, values in ((counts, part.counts), (seconds, part.seconds)):
                for name, value in values.items():
                    table[name][begin:end] = value
    return Facts(
        site=np.concatenate([p.site for p in parts], dtype=np.int32, casting="same_kind"),
        unit=np.concatenate([p.unit for p in parts], dtype=np.int32, casting="same_kind"),
        arrival_us=np.concatenate([p.at_us for p in parts]),
        counts=counts,
        seconds=seconds,
        by=by,
    )
