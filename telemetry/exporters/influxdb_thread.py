"""Work that is done step by step in a thread of its own, which nobody waits for long."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

log = logging.getLogger("gecc.influxdb")

STOP_S = 2.0
"""A step that is under way when the service ends gets so long; it may wait for an answer."""
FAILED_S = 60.0


async def in_a_thread(step: Callable[[], float], close: Callable[[], None]) -> None:
    """Call `step` again after as many seconds as it returns, and `close` at the end, until cancelled."""
    stop = threading.Event()

    def work() -> None:
        pause = 0.0
        while not stop.wait(pause):
            try:
                pause = step()
            except Exception:
                log.exception("tried again in a minute")
                pause = FAILED_S
        close()

    thread = threading.Thread(target=work, name="influxdb", daemon=True)
    thread.start()
    try:
        await asyncio.Event().wait()
    finally:
        stop.set()
        for _ in range(int(STOP_S / 0.02)):
            if not thread.is_alive():
                break
            await asyncio.sleep(0.02)
