"""`gecc kpis`: the figures of one site, or of all, site by site: no more than one site's events are in memory at once."""

from __future__ import annotations

import csv
import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from kpis.results import KPIS
from telemetry.commands.common import load, settings_of
from telemetry.figures import query
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site

COLUMNS = (
    "kpi", "site", "unit", "from", "to", "value", "numerator", "denominator", "n", "ci_low", "ci_high", "target",
    "target_since", "coverage", "verdict", "definition",
)  # fmt: skip
"""Of a CSV, whatever rows there are; of targets that changed within the period it says the last."""

Row = dict[str, Any]


def kpis(args: Namespace) -> int:
    """gecc kpis"""
    data, sites = _sites(args)
    rows = _rows(JournalReader(data), sites, args)
    show = {"json": _json, "csv": _csv}.get(args.format)
    if show is not None:
        show(rows)
    elif len(sites) == 1 and args.site is not None:
        _table([row for of in rows for row in of], args.lang)
    else:
        _list(rows)
    return 0


def _sites(args: Namespace) -> tuple[Any, Sequence[Site]]:
    """The data folder and the sites asked for: all of the configuration where none is named."""
    if args.site is not None:
        settings, site = settings_of(args)
        return settings.data, [site]
    file = args.config or args.data / "gecc.toml"
    if not args.config and not file.exists():
        raise ValueError(f"--site: which one? There is no {file} that names the sites")
    return args.data, load(file).sites


def _rows(journal: JournalReader, sites: Sequence[Site], args: Namespace) -> Iterator[list[Row]]:
    now_us = time.time_ns() // 1000
    for site in sites:
        try:
            yield query(journal, site, args.first, args.last, now_us=now_us, by=args.by, lang=args.lang)
        except ValueError as problem:
            if len(sites) == 1 or not str(problem).startswith("from: the data ends"):
                raise
            print(f"{site.id}: {problem}", file=sys.stderr)


def _json(rows: Iterator[list[Row]]) -> None:
    comma = "[\n "
    for row in (row for of in rows for row in of):
        print(comma, end="")
        sys.stdout.write(json.dumps(row, ensure_ascii=False, indent=1).replace("\n", "\n "))
        comma = ",\n "
    print("[]" if comma.startswith("[") else "\n]")


def _csv(rows: Iterator[list[Row]]) -> None:
    out = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\r\n", extrasaction="ignore")
    out.writeheader()
    for of in rows:
        out.writerows({k: _cell(v) for k, v in row.items()} for row in of)


def _cell(value: Any) -> Any:
    """A cell of a CSV; a name of a queue that a spreadsheet would take for a formula has a quote before it."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def _list(rows: Iterator[list[Row]]) -> None:
    """Many sites: one line a site and figure, those without data left out."""
    for of in rows:
        for r in of:
            if r["value"] is not None and (r["value"] or r["n"]):
                place = "" if r["unit"] is None else f" / {r['unit'] or '-'}"
                when = f"  {r['from'][:16]} – {r['to'][:16]}"
                print(f"{r['site'] + place:28} {_line(r)}{when}")


def _line(r: Row) -> str:
    kpi = KPIS[r["kpi"]]
    line = f"{r['kpi']:44} {_shown(r['value'], kpi.unit):>12}  n={r['n']}"
    if r["ci_low"] is not None:
        line += f"  95 % {_shown(r['ci_low'], kpi.unit)} – {_shown(r['ci_high'], kpi.unit)}"
    if r["verdict"]:
        line += f"  target {_shown(r['target'], kpi.unit)}: {r['verdict'].replace('_', ' ')}"
    return line


def _table(rows: list[Row], lang: str) -> None:
    """One site: one line a figure, the definitions once below."""
    places: dict[tuple[Any, ...], list[Row]] = {}
    for r in rows:
        places.setdefault((r["unit"], r["from"], r["to"]), []).append(r)
    for (unit, first, last), of in places.items():
        where = of[0]["site"] if unit is None else f"{of[0]['site']} / {unit or '-'}"
        print(f"\n{where}   {first} – {last}")
        for r in of:
            print(f"  {_line(r)}")
    print("\n" + ("นิยาม" if lang == "th" else "Definitions"))
    for name, definition in {r["kpi"]: r["definition"] for r in rows}.items():
        kpi = KPIS[name]
        print(f"  {name} ({kpi.label_th if lang == 'th' else kpi.label_en}): {definition}")


def _shown(value: Any, unit: str) -> str:
    if value is None:
        return "no data"
    if isinstance(value, dict):
        return " ".join(f"{k}:{v}" for k, v in value.items())
    if unit == "ratio":
        return f"{value:.1%}"
    if unit in ("seconds", "percent"):
        return f"{value:.1f} {'%' if unit == 'percent' else 's'}"
    return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"
