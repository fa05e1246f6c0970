"""The whole service on a folder of its own: started, killed, asked for its figures, and its journal read."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

from telemetry.events import Event
from telemetry.journal_reader import JournalReader

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
START_S, STOP_S = 60.0, 40.0
CENTRE = """
[[sites]]
id = "nonthaburi"
[[sites.services]]
id = "idcard"
target_minutes = 10
[[sites.services]]
id = "civil"
[[sites.devices]]
id = "kiosk-1"
[[sites.devices]]
id = "kiosk-2"
[[sites.devices]]
id = "button-1"
kind = "button"
"""
"""A centre with two services, two kiosks and a button."""


def wait_until(what: Callable[[], T], why: str, seconds: float = 60.0) -> T:
    """The first true answer; AssertionError with `why` and the last answer when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"{why}: still {answer!r} after {seconds:g} s"
        time.sleep(0.02)
    return answer


def good_once(measure: Callable[[int], str], times: int = 4) -> None:
    """A measurement that others on this machine may spoil: one of so many must have nothing to say against it."""
    told = []
    for n in range(times):
        if not (problem := measure(n)):
            return
        told.append(problem)
    raise AssertionError("; ".join(told))


def write_config(
    folder: Path, sites: str = CENTRE, *, mqtt_port: int | None = None, receive_maximum: int = 100
) -> Path:
    """gecc.toml in `folder`, whose journal lies in `folder`/data; the web takes a free port."""
    mqtt = f"[mqtt]\nhost = '127.0.0.1'\nport = {mqtt_port}\nreceive_maximum = {receive_maximum}\n" if mqtt_port else ""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gecc.toml"
    file.write_text(f"data = 'data'\n[web]\nport = 0\n{mqtt}{sites}", "utf-8")
    return file


def noon_zone() -> str:
    """A time zone in which it is about noon: what a test spreads over some hours stays within one day."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def fetch(url: str) -> str:
    """The page, whatever its status."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


class Process:
    """A program that writes to a log of its own. It can be started again on the same folder."""

    def __init__(self, folder: Path, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.folder = folder
        self.log_file = folder / "log"
        self._argv, self._env = argv, env
        self._log_from = 0
        self.process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> str:
        """What it has written since it was last started."""
        with self.log_file.open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        self._log_from = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self._argv, cwd=ROOT, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"} | self._env, text=True,
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self, number: int) -> int:
        """Send a signal and wait; its exit code. One that does not go is killed and is an error."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)
            raise AssertionError(f"did not go within {STOP_S:g} s of signal {number}: {self.log[-3000:]}") from None

    def stop(self) -> int:
        return self.end(signal.SIGTERM)

    def kill(self) -> int:
        return self.end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_alive():
            self.kill()


class Gecc(Process):
    """`gecc run` on a configuration; entered, it is ready."""

    def __init__(self, config: Path, env: Mapping[str, str] | None = None) -> None:
        super().__init__(config.parent, [sys.executable, "-m", "telemetry", "run", "--config", str(config)], env or {})
        self.data = config.parent / "data"

    def start(self, *, ready: bool = True) -> Self:
        """Start it, and wait until its web answers and, if asked, until it says that it is ready."""
        self.launch()
        wait_until(lambda: "listening on" in self.log or not self.is_alive(), "does not listen", START_S)
        assert self.is_alive(), self.log
        if ready:
            wait_until(lambda: "problems" in (t := fetch(f"{self.url}/readyz")) and not _lacks(t), self.log, START_S)
        return self

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    @property
    def url(self) -> str:
        return self.log.rsplit("listening on ", 1)[1].split()[0]

    def json(self, path: str, **query: str) -> Any:
        return json.loads(fetch(f"{self.url}{path}?{urlencode(query)}"))

    def figures(self, **query: str) -> dict[str, dict[str, Any]]:
        """KPI → its row, of /v1/kpis without groups."""
        return {row["kpi"]: row for row in self.json("/v1/kpis", **query)}

    def metrics(self) -> dict[str, float]:
        return metrics(fetch(f"{self.url}/metrics"))


class Lives(Process):
    """The service, again and again: see tests.service.lives."""

    def __init__(self, config: Path, *options: str, crash: str = "") -> None:
        argv = [sys.executable, "-m", "tests.service.lives", "--config", str(config), *options]
        super().__init__(config.parent, argv, {"GECC_CRASHPOINT": crash})
        self.loses = "--early-ack" in options

    def ended(self) -> list[int]:
        """Exit codes so far."""
        return [json.loads(line)["code"] for line in self.log.splitlines() if line.startswith('{"code"')]


def _lacks(text: str) -> list[str]:
    facts = json.loads(text)
    return [*facts["problems"], *facts["not_connected"]]


def metrics(page: str) -> dict[str, float]:
    """Series as they are written (name and labels) → value."""
    rows = (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def journal_events(data: Path) -> list[Event]:
    """Every event of a journal, in its order."""
    if not (data / "journal.db").exists():
        return []
    reader, out, last = JournalReader(data), [], 0
    while page := reader.read(last, 20_000):
        last = page[-1][0]
        out += [event for _, _, event in page]
    return out


def stored(data: Path) -> int:
    """How many events a journal holds; cheap enough to be asked all the time."""
    with closing(sqlite3.connect(f"file:{data / 'journal.db'}?mode=ro", uri=True, timeout=10)) as db:
        return int(db.execute("SELECT count(*) FROM event").fetchone()[0])


def tally(data: Path, what: str) -> int:
    """How many `events`, `duplicates`, `rejected:<reason>` the journal has counted."""
    return sum(n for (_, kind), n in JournalReader(data).tally().items() if kind == what)
