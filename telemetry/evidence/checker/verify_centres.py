"""The table of a pack of several centres: a row for each centre and figure, as the centres' own parts have them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

TABLE, FOLDER = "03_ministry.csv", "centres/"
LEAST = 5  # what counts fewer people is not told
COLUMNS = ("value", "numerator", "n", "ci_low", "ci_high", "target", "verdict", "coverage", "provisional", "manifest_sha256")  # fmt: skip


def parts(files: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Centre → the files of its own part."""
    out: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        if name.startswith(FOLDER):
            site, inner = name[len(FOLDER) :].split("/", 1)
            out.setdefault(site, {})[inner] = content
    return out


def check(site: str, part: Any, whole: Any, checks: Iterable[str]) -> None:
    """That a centre's part is right in itself, and is the one that the whole names."""
    told, listed = part.manifest, whole.manifest
    same = all(told[x] == listed[x] for x in ("first", "last")) and told["site"] == site
    if (
        not same
        or part.hash != listed["centres"].get(site)
        or part.files["minisign.pub"] != whole.files["minisign.pub"]
    ):
        raise ValueError(f"{site}: not of this pack")
    for name in checks:
        try:
            getattr(part, name)()
        except Exception as problem:
            raise ValueError(f"{site}: {name}: {problem}") from problem
    part.events.clear()  # there may be many centres


def difference(table: bytes, centres: Mapping[str, Any]) -> str:
    """What the table says otherwise than the manifests of the centres; "" where nothing."""
    rows = list(csv.DictReader(io.TextIOWrapper(io.BytesIO(table), "utf-8-sig", newline=""), strict=True))
    expected = [(site, name) for site, part in centres.items() for name in part.manifest["summary"]]
    if sorted((row["centre"], row["kpi"]) for row in rows) != sorted(expected):
        return "not one row a centre and figure"
    for row in rows:
        part = centres[row["centre"]]
        ends = {"from": part.manifest["first"], "to": part.manifest["last"]}
        told = dict(zip(COLUMNS, cells(part.manifest["summary"][row["kpi"]], part), strict=True)) | ends
        for name, cell in told.items():
            if row[name] != cell:
                return (
                    f"{row['centre']}, {row['kpi']}, {name}: the table says {row[name]!r}, the centre's part {cell!r}"
                )
    return ""


def cells(figure: Mapping[str, Any], part: Any) -> list[str]:
    value, numerator, n = figure["counted"]
    numbers = [value, numerator, n, *(figure["interval"] or [None, None])]
    if 0 < n < LEAST:
        numbers = [None, None, f"< {LEAST}", None, None]
    more = [
        figure["targets"][-1][0],
        figure["verdict"],
        figure["coverage"],
        str(bool(part.manifest["unsealed"])).lower(),
    ]
    return ["" if x is None else repr(x) if isinstance(x, float) else str(x) for x in (*numbers, *more, part.hash)]
