"""Criteria as data: the lists that come with the product, and lists that a centre imports in the same form.

A list is a CSV file (UTF-8) of items and, beside it, a TOML file of parts, gates and levels. Which KPIs show an item is
said by the table of KPIs; a list whose ids are others says it itself, in a column `kpis`.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from kpis.results import KPIS

STANDARDS = ("gecc-2562", "gecc-2565", "opdc-2559")
"""The lists that come with the product. Of gecc-2565 there is the structure; its items are not in any public document."""
EVIDENCE = {
    "D": "direct",
    "D*": "direct_with_case_system",
    "P": "partly",
    "N": "document",
}
"""What telemetry can show of an item: all of it, all of it once a case system sends events, a part, or nothing."""
KINDS = ("physical", "basic", "advanced", "outcome", "item")
NEEDED = ("id", "text_th", "evidence")
COLUMNS = (
    *("id", "kind", "points", "heading_th", "text_th", "summary_en", "evidence"),
    *("events", "formula", "target", "source", "kpis"),
)
MOST_BYTES = 4 * 1024 * 1024


class CatalogueError(ValueError):
    """A list cannot be used; the text names every place in it and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Item:
    """One criterion, in the words of its standard."""

    id: str
    kind: str
    points: int | None
    """None where the standard does not print them."""
    heading_th: str
    text_th: str
    summary_en: str
    evidence: str
    """A key of `EVIDENCE`."""
    formula: str
    target: str
    source: str
    """Document and line that it was read from."""
    kpis: tuple[str, ...]
    """In the order of the table of KPIs."""

    @property
    def shown(self) -> str:
        """`direct`, `direct_with_case_system`, `partly`, or `document`: what telemetry shows of it."""
        return EVIDENCE[self.evidence]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a standard, and what must be met of it."""

    kind: str
    items: int
    points: int | None
    gate: str
    note: str


@dataclass(frozen=True, slots=True)
class Level:
    """What a sum of points is called, both ends included."""

    name_th: str
    colour_th: str
    from_: int
    to: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One list with its structure."""

    name: str
    revision: str
    source: str
    items: tuple[Item, ...]
    """In the order of the standard; empty where its wording must be imported."""
    parts: tuple[Part, ...]
    levels: tuple[Level, ...]

    def item(self, id_: str) -> Item:
        """KeyError for an id that the list does not have."""
        for item in self.items:
            if item.id == id_:
                return item
        raise KeyError(id_)

    def supported(self) -> tuple[Item, ...]:
        """The items that telemetry shows something of."""
        return tuple(item for item in self.items if item.evidence != "N" and item.kpis)


def catalogue(standard: str = STANDARDS[0], items: Path | None = None) -> Catalogue:
    """A standard of ours, with its own items or with those of a file. CatalogueError says what is wrong with the file."""
    if standard not in STANDARDS:
        raise CatalogueError(f"no standard {standard!r}; there are {', '.join(STANDARDS)}")
    folder = resources.files("telemetry.evidence") / "criteria"
    structure = tomllib.loads((folder / f"{standard}.toml").read_text(encoding="utf-8"))
    if items is not None:
        listed = read_items(_text_of(items), str(items))
    else:
        ours = folder / f"{standard}.csv"
        listed = read_items(ours.read_text(encoding="utf-8"), ours.name) if ours.is_file() else ()
    return Catalogue(
        name=standard,
        revision=structure["revision"],
        source=structure["source"],
        items=listed,
        parts=tuple(_part(row) for row in structure["part"]),
        levels=tuple(Level(r["name_th"], r["colour_th"], r["from"], r["to"]) for r in structure.get("level", ())),
    )


def read_items(text: str, where: str) -> tuple[Item, ...]:
    """The items of a list; CatalogueError names every line and column that is wrong, not only the first."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    problems: list[str] = []
    items: list[Item] = []
    try:
        columns = list(reader.fieldnames or ())
        problems += _columns(columns)
        if not problems:
            seen: set[str] = set()
            for row in reader:
                found = list(_problems(row, seen))
                problems += [f"line {reader.line_num}: {one}" for one in found]
                if not found:
                    items.append(_item(row))
                seen.add(row["id"].strip() if row["id"] else "")
    except csv.Error as problem:
        problems.append(f"line {reader.line_num}: {problem}")
    if not problems and not items:
        problems.append("no items")
    if problems:
        raise CatalogueError("\n".join(f"{where}: {one}" for one in problems))
    return tuple(items)


def kpis_of(id_: str) -> tuple[str, ...]:
    """The KPIs that are evidence for an item by the table of KPIs."""
    return tuple(name for name, kpi in KPIS.items() if id_ in kpi.criteria)


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CatalogueError(f"{path}: larger than {MOST_BYTES // 1024 // 1024} MiB, so it is no list of criteria")
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise CatalogueError(f"{path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise CatalogueError(f"{path}: byte {problem.start}: not UTF-8; save it as CSV UTF-8") from problem


def _columns(columns: list[str]) -> Iterator[str]:
    for name in NEEDED:
        if name not in columns:
            yield f"line 1: column {name} is missing"
    for name in columns:
        if name not in COLUMNS:
            yield f"line 1: unknown column {name!r}; a list has {', '.join(COLUMNS)}"
        elif columns.count(name) > 1:
            yield f"line 1: column {name} stands there twice"


def _problems(row: dict[Any, Any], seen: Iterable[str]) -> Iterator[str]:
    if None in row or None in row.values():
        yield "more or fewer fields than columns"
        return
    id_ = row["id"].strip()
    if not id_:
        yield "id is empty"
    elif id_ in seen:
        yield f"id {id_} stands there twice"
    if not row["text_th"].strip():
        yield "text_th is empty"
    if row["evidence"].strip() not in EVIDENCE:
        yield f"evidence: expected one of {', '.join(EVIDENCE)}, got {row['evidence']!r}"
    kind = row.get("kind", "").strip()
    if kind and kind not in KINDS:
        yield f"kind: expected one of {', '.join(KINDS)}, got {kind!r}"
    points = row.get("points", "").strip()
    if points and not (points.isascii() and points.isdigit() and len(points) < 4):
        yield f"points: expected a whole number, got {points!r}"
    for name in row.get("kpis", "").split():
        if name not in KPIS:
            yield f"kpis: no KPI {name!r}; `gecc definitions` lists them"


def _item(row: dict[str, str]) -> Item:
    points, own = row.get("points", "").strip(), set(row.get("kpis", "").split())
    id_ = row["id"].strip()
    return Item(
        id=id_,
        kind=row.get("kind", "").strip() or "item",
        points=int(points) if points else None,
        heading_th=row.get("heading_th", "").strip(),
        text_th=row["text_th"].strip(),
        summary_en=row.get("summary_en", "").strip(),
        evidence=row["evidence"].strip(),
        formula=row.get("formula", "").strip(),
        target=row.get("target", "").strip(),
        source=row.get("source", "").strip(),
        kpis=tuple(name for name in KPIS if name in own) if own else kpis_of(id_),
    )


def _part(row: dict[str, Any]) -> Part:
    each = row.get("points_each")
    points = row.get("points", None if each is None else each * row["items"])
    return Part(row["kind"], row["items"], points, row.get("gate", ""), row.get("note", ""))
