"""Unit tests of rules by promtool: written from rows here, run by the very engine that evaluates them in the field."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dashboards import alerts
from tests.servers import need

QUICK = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
GECC_URL = "http://gecc.example:8080"


def check(
    rules: str, tests: Sequence[Mapping[str, Any]], *, every: str = "1m", order: Sequence[str] = ()
) -> tuple[bool, str]:
    """Whether promtool finds every test of these rules right, and what it says."""
    program = need("promtool")
    with tempfile.TemporaryDirectory() as folder:
        path, cases = Path(folder, "rules.yml"), Path(folder, "tests.yml")
        path.write_text(rules)
        document: dict[str, Any] = {"rule_files": [str(path)], "evaluation_interval": every, "tests": list(tests)}
        if order:
            document["group_eval_order"] = list(order)
        cases.write_text(yaml.dump(document, Dumper=QUICK, allow_unicode=True, width=1_000_000))
        run = subprocess.run([program, "test", "rules", str(cases)], capture_output=True, text=True, timeout=200)
    return run.returncode == 0, run.stdout + run.stderr


@cache
def only(name: str, kpi: str = "") -> str:
    """The alert of this name, of this KPI: an engine that works out no other is quick."""
    every = (r for g in alerts.groups() for r in g["rules"])
    return as_file([r for r in every if r["alert"] == name and r["labels"].get("kpi", "") == kpi])


def as_file(chosen: Sequence[Mapping[str, Any]]) -> str:
    """Rules as one group."""
    return yaml.dump({"groups": [{"name": "tested", "rules": list(chosen)}]}, Dumper=QUICK, allow_unicode=True)


def series(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"series": name, "values": text} for name, text in values.items()]
