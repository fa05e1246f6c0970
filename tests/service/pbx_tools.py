"""What the tests of connected PBXs share: one that talks beside the test, a day of calls, and what is left on the disk."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from telemetry.simulate import Day, simulate_day
from telemetry.simulate.makes import Call, Written
from telemetry.simulate.makes.table import MAKES
from tests.collectors.tcp_tools import Pbx


class Playing:
    """A PBX of `tests.collectors.tcp_tools`, served by a thread of its own."""

    def __init__(self, make: Callable[[], Pbx]) -> None:
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def __enter__(self) -> Self:
        self._thread.start()

        async def begin() -> Pbx:
            return await self._make().__aenter__()

        self.pbx: Any = self._do(begin())
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):
            self._do(self.pbx.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def port(self) -> int:
        return self.pbx.port

    def say(self, data: bytes) -> int:
        """To whoever is connected, or connects next; the how manieth connection that is."""

        async def say() -> int:
            await self.pbx.say(data)
            return self.pbx.connections

        return self._do(say())

    def hang_up(self) -> None:
        self._do(self.pbx.hang_up())


@contextmanager
def calling(port: int):
    """A PBX that connects to us: a function that writes. It tries until we listen."""
    deadline = time.monotonic() + 60
    while True:
        try:
            sock = socket.create_connection(("127.0.0.1", port), timeout=10)
            break
        except OSError:
            assert time.monotonic() < deadline, "nobody listens"
            time.sleep(0.05)
    with sock:
        yield sock.sendall


def evening() -> tuple[str, datetime]:
    """A time zone in which it is about eight in the evening: today's offices are closed, and today is not over."""
    offset = (20 - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-offset:+d}", datetime.now(UTC) + timedelta(hours=offset)


def todays_calls(number: int, *, seed: int = 7) -> tuple[Day, str]:
    """A day on the telephone that is over, and the zone in which it is today's."""
    zone, now = evening()
    day = simulate_day(site="x", day=now.date(), timezone=zone, seed=seed, visitors=0, calls=number)
    assert day.actions[-1].time_us < time.time() * 1e6, "the simulated day is not over"
    return day, zone


def calls_of(day: Day) -> list[Call]:
    return [action.call for action in day.actions if action.call is not None]


def log_of(day: Day) -> bytes:
    """queue_log of the day."""
    return "".join(Day.log_line(action) for action in day.actions if action.line).encode()


def records(format_: str, calls: Iterable[Call], zone: str) -> list[Written]:
    """What a make writes of them."""
    return MAKES[format_].written(list(calls), ZoneInfo(zone))


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by its name there. Files that go away meanwhile are left out."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):
            if path.is_file():
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def spooled(data: Path) -> bytes:
    """Whatever lies in the spools of a data folder."""
    return b"".join(block for name, block in bytes_of(data).items() if name.endswith(".spool"))
