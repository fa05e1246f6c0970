"""Engines that answer the same question: times taken in turn, answers compared, memory measured in processes apart."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

CORE = "the core"


class Engine:
    """Has a method for each question, without arguments; its answer becomes comparable by `plain`."""

    def plain(self, question: str, answer: Any) -> np.ndarray:
        raise NotImplementedError


def take_turns(engines: Mapping[str, Engine], question: str, runs: int) -> dict[str, float]:
    """Seconds of each, median of some runs by turns, after one to compare the answers."""
    first: np.ndarray | None = None
    for name, engine in engines.items():
        answer = engine.plain(question, getattr(engine, question)())
        if first is None:
            first = answer
        assert first.shape == answer.shape, (question, name, first.shape, answer.shape)
        wrong = np.flatnonzero((first != answer).any(axis=1))
        assert not len(wrong), (question, name, len(wrong), first[wrong[:1]], answer[wrong[:1]])
    took: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(runs):
        for name, engine in engines.items():
            gc.collect()
            began = time.perf_counter()
            answer = getattr(engine, question)()
            took[name].append(time.perf_counter() - began)
            del answer
    return {name: statistics.median(times) for name, times in took.items()}


def memory_mb(*, peak: bool = False) -> float:
    """Memory that this process holds, or held at the most; NaN without /proc, which a bare root may not have."""
    return _status("VmHWM" if peak else "VmRSS")


def print_peak(ask: Callable[[], object]) -> None:
    """Print how much more memory, MB, this process holds at the most while it answers than before."""
    gc.collect()
    before = _status("VmRSS")
    with suppress(FileNotFoundError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    answer = ask()
    print(_status("VmHWM") - before)
    del answer


def peak_mb(script: str, engine: str, question: str, folder: str) -> float:
    """What a process of its own prints."""
    command = [sys.executable, script, "--memory", engine, question, folder]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _status(name: str) -> float:
    with suppress(FileNotFoundError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1000
    return float("nan")


def table(
    words: str, seconds: Mapping[str, float], memory: Mapping[str, float], *, goal: float, floor: tuple[str, float]
) -> str:
    """The measurements as text."""
    faster = min(s for name, s in seconds.items() if not name.startswith(CORE))
    least = min(mb for name, mb in memory.items() if not name.startswith(CORE))
    ratio, part = faster / seconds[CORE], memory[CORE] / least
    lines = [f"\n{words}", f"  {'':20}{'s':>9}{'x the core':>12}{'extra MB':>10}"]
    for name, s in seconds.items():
        lines.append(f"  {name:20}{s:>9.3f}{s / seconds[CORE]:>12.1f}{memory[name]:>10.0f}")
    lines.append(f"  {'floor':20}{floor[1]:>9.3f}{floor[1] / seconds[CORE]:>12.2f}{'':10}  {floor[0]}")
    lines.append(
        f"  {ratio:.1f} times as fast as the faster of the others (goal {goal:g}); {part:.2f} of the memory of the smaller"
        " (goal 2); answers equal"
    )
    return "\n".join(lines)
