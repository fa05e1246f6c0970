"""A parent that has imported everything and forks one `gecc run` after the other: a life costs a fork, not a start.

Says one line of JSON about each life that ends. On SIGTERM the last life is asked to go, and the parent goes with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from collectors.base import Batch
from collectors.mqtt import MqttCollector
from telemetry import app, commands
from telemetry.commands.common import load
from telemetry.exporters import influxdb
from telemetry.exporters.influxdb_sending import Sending

BORN_S = 0.3
"""A life that is asked to go before it listens for signals dies of it, as any program would."""


class AcknowledgesAtReceipt(MqttCollector):
    """The known-bad control: what every client library does when left alone."""

    async def batches(self) -> Any:
        async for batch in super().batches():
            batch.ack()
            yield Batch(batch.records, lambda: None)


class DoneBeforeWritten(Sending):
    """The known-bad control: what is to be sent is done with before the store has it."""

    def send(self, changes: Any) -> None:
        with self._state.transaction():
            for change in changes:
                self._state.set_written(change.site, change.day, change.written, self._now_s)
                self._state.done(change.site, change.day)
        super().send(changes)


def live(config: Path) -> None:
    """One life: what `gecc run` does."""
    settings = load(config)
    asyncio.run(app.run(settings, started=commands._announce))


def main() -> None:
    parser = argparse.ArgumentParser(description="one life of the service after the other")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--early-ack", action="store_true", help="the control that must lose something")
    parser.add_argument(
        "--done-early", action="store_true", help="the control of the exporter that must lose something"
    )
    parser.add_argument("--believe", action="store_true", help="what a store said it has is not given to it again")
    parser.add_argument("--signal", type=int, default=0, help="sent to each life at a random moment; 0 is never")
    parser.add_argument("--seconds", type=float, nargs=2, default=(0.05, 0.4), help="least and most of such a life")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if args.early_ack:
        app.MqttCollector = AcknowledgesAtReceipt  # type: ignore[misc]
    if args.done_early:
        influxdb.Sending = DoneBeforeWritten  # type: ignore[misc]
    if args.believe or args.done_early:
        influxdb.DOUBTED_S = -1e9
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    code = 0
    while not stopping:
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            try:
                live(args.config)
            except BaseException:
                logging.getLogger("lives").exception("life ended")
                logging.shutdown()
                os._exit(1)
            os._exit(0)
        due = began + random.uniform(*args.seconds) if args.signal else float("inf")
        asked = False
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            now = time.monotonic()
            if not asked and (stopping and now > began + BORN_S):
                asked = True
                os.kill(child, signal.SIGTERM)
            elif not asked and now > due:
                asked = True
                os.kill(child, args.signal)
            time.sleep(0.002)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"code": code, "seconds": round(time.monotonic() - began, 3)}), flush=True)
    sys.exit(0 if code in (0, -signal.SIGKILL) else 1)


if __name__ == "__main__":
    main()
