"""The files that Prometheus or vmalert reads: recording rules and alerts, the same on every machine."""

from __future__ import annotations

from typing import Any

import yaml

from dashboards import alerts, rules_recording

_HEAD = "# Made by `gecc dashboards build` from the table of KPIs and dashboards/alerts.py; changes here are lost.\n"


def files() -> dict[str, str]:
    """Path below dashboards/generated → YAML."""
    return {
        "prometheus/recording.yml": _yaml(rules_recording.groups()),
        "prometheus/alerts.yml": _yaml(alerts.groups()),
    }


def _yaml(groups: list[dict[str, Any]]) -> str:
    return _HEAD + yaml.safe_dump({"groups": groups}, allow_unicode=True, sort_keys=False, width=1_000_000)
