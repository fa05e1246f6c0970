"""From cubes to points in line protocol: per site, unit and local quarter of an hour the sums of every measure.

A point is a function of its cell and of nothing else: the same cell always has the same measurement, tags and timestamp,
so that sending it again replaces it. Fields are whole numbers under the names of the measures, in their unit (`_ms`), and
the cumulated counts of the declared histograms (`call_wait_s_le_20`, of all `call_wait_s_count`); they are sums, so that
any roll-up of points is exact. A point has every field of its measurement.

Left out are families whose units are persons, counters or devices, and what says how things stand (see STANDING).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from kpis.blocks import Block
from kpis.columns import I64, QUARTERS_A_DAY, empty
from kpis.cube import Cube
from kpis.model import By
from kpis.results import facts_of
from telemetry.config import Site
from telemetry.exporters.totals import EDGES
from telemetry.metric_names import STANDING
from telemetry.rules import rules_of, zones_of

VERSION = 1
"""Of what is written here; another one is sent anew."""
QUARTER_S = 900
_MEASUREMENTS = {
    "gecc_calls": ("calls", "stints", "unqueued", "reached", "outbound"),
    "gecc_tickets": ("tickets", "ticket_passages"),
    "gecc_votes": ("votes", "answers"),
    "gecc_conversations": ("conversations",),
    "gecc_cases": ("cases", "cases_due", "case_steps"),
    "gecc_contacts": ("contacts", "windows"),
    "gecc_days": ("days", "counter_load"),
    "gecc_months": ("cover",),
    "gecc_site_months": ("conversation_users", "case_users"),
}
"""Measurement → the families of facts that it tells of, all of units or all of the site."""
_ELSEWHERE = {"fcr_": "gecc_callers", "services_used": "gecc_site_months", "services_declared": "gecc_site_months"}
"""Beginnings of measures that stand elsewhere than the rest of their family: they take more than days to compute."""
FAR = frozenset({"gecc_callers", "gecc_months", "gecc_site_months"})
"""Measurements that need what callers did weeks before and after, or what was first in a month; the others need only
what happened around their day."""
COUNTED = (By.UNIT, By.SITE)
_ESCAPED = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local wall-clock time


class Series(NamedTuple):
    """What points that replace one another have in common beside the timestamp. An empty unit is no tag."""

    measurement: str
    unit: str


class Point(NamedTuple):
    series: Series
    at: int
    """Begin of the quarter of an hour in UTC, in quarters since 1970."""
    fields: str
    day: int
    """Local day of its cell, days since 1970."""

    def hash(self) -> int:
        """Of its fields: equal points need not be sent again."""
        return int.from_bytes(blake2b(self.fields.encode(), digest_size=8).digest()) | 1


@dataclass(frozen=True, slots=True)
class Shape:
    """One measurement."""

    measurement: str
    by: By
    measures: tuple[str, ...]
    histograms: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """In the order of a point."""
        edges = (f"{name}_le_{edge}" for name in self.histograms for edge in EDGES[name][2])
        return (*self.measures, *edges, *(f"{name}_count" for name in self.histograms))


@cache
def shapes() -> tuple[Shape, ...]:
    """Every measurement, with its fields, as the core's families have them."""
    nobody = Site(id="nobody")
    facts = facts_of(empty(), rules_of([nobody], lambda _: 0), zones_of([nobody], lambda _: 0))
    of_family = {family: name for name, families in _MEASUREMENTS.items() for family in families}
    found: dict[tuple[str, By], tuple[list[str], list[str]]] = {}
    for family, f in facts.items():
        if f.by not in COUNTED:
            continue
        for measure in f.counts:
            if not measure.startswith(STANDING):
                elsewhere = next((m for begin, m in _ELSEWHERE.items() if measure.startswith(begin)), None)
                found.setdefault((elsewhere or of_family[family], f.by), ([], []))[0].append(measure)
        for name in f.seconds:
            if name in EDGES:
                found.setdefault((of_family[family], f.by), ([], []))[1].append(name)
    return tuple(Shape(name, by, tuple(m), tuple(h)) for (name, by), (m, h) in found.items())


def points(cube: Cube, label: Callable[[int], str], zone: str, *, far: bool = True) -> Iterator[Point]:
    """The points of one site's cells, which are those that are not all 0; `label` is the tag of a unit's code, several may
    share one. Without `far` only those of measurements that the days around suffice for."""
    for block in cube.blocks.values():
        if block.by not in COUNTED or not len(block):
            continue
        codes, of = np.unique(block.unit, return_inverse=True)
        texts = [label(int(code)) for code in codes.tolist()]
        labels = sorted(set(texts))
        place = np.array([labels.index(text) for text in texts], np.int64)[of]
        keys, group = np.unique(block.quarter * len(labels) + place, return_inverse=True)
        quarters = (keys // len(labels)).tolist()
        unit = [labels[i] for i in (keys % len(labels)).tolist()]
        at = _instants(quarters, zone)
        for shape in shapes():
            if shape.by is block.by and (far or shape.measurement not in FAR):
                rows = _rows(block, shape, group, len(keys))
                if rows is None:
                    continue
                template = _template(shape.fields)
                for i in np.flatnonzero(rows.any(axis=1)).tolist():
                    fields = template % tuple(rows[i].tolist())
                    yield Point(Series(shape.measurement, unit[i]), at[i], fields, quarters[i] // QUARTERS_A_DAY)


def zeros(series: Series) -> str:
    """The fields of a point whose cell is no more."""
    fields = next(shape.fields for shape in shapes() if shape.measurement == series.measurement)
    return _template(fields) % ((0,) * len(fields))


def line(site: str, point: Point) -> str:
    """The point in line protocol; its timestamp is in seconds."""
    series = point.series
    tags = f",site={tag(site)}" + (f",unit={tag(series.unit)}" if series.unit else "")
    return f"{series.measurement}{tags} {point.fields} {point.at * QUARTER_S}"


def tag(value: str) -> str:
    """A tag's value as it stands in a line. `clean` values come back as they were."""
    return value.translate(_ESCAPED)


def clean(value: str) -> str:
    """The value without what line protocol cannot hold in a tag: control characters, and backslashes, which would escape
    what follows them."""
    return "".join("_" if c == "\\" or not c.isprintable() else c for c in value)


@cache
def _template(fields: Sequence[str]) -> str:
    return ",".join(f"{name}=%di" for name in fields)


def _rows(block: Block, shape: Shape, group: I64, n: int) -> I64 | None:
    """The fields of each group of cells; None where the block knows none of them."""
    columns, found = [], False
    for name in shape.measures:
        values = block.measure(name)
        found |= values is not None
        columns.append(np.zeros(len(block), np.int64) if values is None else values)
    out = np.zeros((n, len(shape.fields)), np.int64)
    if columns:
        np.add.at(out[:, : len(columns)], group, np.column_stack(columns))
    h, i, last = block.seconds, len(columns), len(shape.fields) - len(shape.histograms)
    for k, name in enumerate(shape.histograms):
        edges = EDGES[name][2]
        if name in h.names:
            rows = h.which == h.names.index(name)
            cell, second, count = group[h.cell[rows]], h.second[rows], h.count[rows].astype(np.int64)
            for edge in edges:
                np.add.at(out[:, i], cell[second <= edge], count[second <= edge])
                i += 1
            np.add.at(out[:, last + k], cell, count)
            found = True
        else:
            i += len(edges)
    return out if found else None


def _instants(quarters: Sequence[int], zone: str) -> list[int]:
    """The first instant at which each local quarter of an hour begins, in quarters since 1970."""
    where, known = ZoneInfo(zone), {}
    for quarter in set(quarters):
        local = (_EPOCH + timedelta(minutes=15 * quarter)).replace(tzinfo=where)
        known[quarter] = int(local.astimezone(UTC).timestamp()) // QUARTER_S
    return [known[quarter] for quarter in quarters]
