"""Everything that is generated, as relative path → text: dashboards in two languages, and the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from dashboards import (
    criteria,
    devices,
    layout,
    online,
    province,
    queue,
    rules,
    satisfaction,
    service,
    telephones,
    today,
)
from dashboards.layout import Board
from dashboards.wording import Words
from telemetry.text import LANGUAGES

BOARDS: tuple[Callable[[Words], Board], ...] = (
    today.board, telephones.board, queue.board, satisfaction.board, online.board, criteria.board, devices.board,
    province.board, service.board,
)  # fmt: skip
GRAFANA = "grafana"


def files() -> dict[str, str]:
    """All of them; the same table of KPIs gives the same bytes."""
    return {**grafana(), **rules.files()}


def grafana() -> dict[str, str]:
    """One folder a language: Grafana makes folders of them."""
    out = {}
    for lang in LANGUAGES:
        w = Words(lang)
        for make in BOARDS:
            board = make(w)
            out[f"{GRAFANA}/{lang}/{board.key}.json"] = layout.text(board, w)
    return out


def write(folder: Path, made: Mapping[str, str]) -> list[Path]:
    """Write them below a folder, over what was there; the paths that were written."""
    written = []
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        written.append(path)
    return written
