"""What the generated dashboards ask for, read from their JSON alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from dashboards import build


@cache
def texts() -> dict[str, str]:
    """Path → text of every dashboard."""
    return build.grafana()


@cache
def boards() -> dict[str, dict[str, Any]]:
    return {name: json.loads(text) for name, text in texts().items()}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All but rows, those in folded rows too."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def rows(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] == "row"]


@dataclass(frozen=True)
class Asked:
    """One query of one panel."""

    board: str
    panel: str
    expr: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.board}: {self.panel}: {self.expr}"


def asked() -> list[Asked]:
    return [
        Asked(name, panel["title"], target["expr"], target.get("instant", False))
        for name, board in boards().items()
        for panel in panels(board)
        for target in panel["targets"]
    ]


def variables(board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {v["name"]: v for v in board["templating"]["list"]}
