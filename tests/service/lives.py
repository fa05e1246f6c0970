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

BORN_S = 0.2
"""How long it usually takes until a life listens: where it takes longer, lives last so much longer."""


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


def live(config: Path, born: int) -> None:
    """One life: what `gecc run` does. It writes to `born` when it listens."""

    def started(host: str, port: int) -> None:
        commands._announce(host, port)
        os.write(born, b".")

    settings = load(config)
    asyncio.run(app.run(settings, started=started))


def heard(told: int) -> bool:
    """Whether a life has said that it listens."""
    try:
        return bool(os.read(told, 1))
    except BlockingIOError:
        return False


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
    code, late_s = 0, 0.0
    while not stopping:
        began = time.monotonic()
        told, born = os.pipe()
        os.set_blocking(told, False)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            try:
                live(args.config, born)
            except BaseException:
                logging.getLogger("lives").exception("life ended")
                logging.shutdown()
                os._exit(1)
            os._exit(0)
        os.close(born)
        due = began + late_s + random.uniform(*args.seconds) if args.signal else float("inf")
        asked = lives = False
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            now = time.monotonic()
            if not lives and heard(told):
                lives, late_s = True, max(0.0, now - began - BORN_S)
                if args.signal == signal.SIGTERM:
                    due = now + random.uniform(*args.seconds)
            # A life that is asked to go before it listens for signals dies of it, as any program would.
            if not asked and lives and stopping:
                asked = True
                os.kill(child, signal.SIGTERM)
            elif not asked and now > due and (lives or args.signal == signal.SIGKILL):
                asked, late_s = True, late_s if lives else late_s + BORN_S / 2
                os.kill(child, args.signal)
            time.sleep(0.002)
        os.close(told)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"code": code, "seconds": round(time.monotonic() - began, 3)}), flush=True)
    sys.exit(0 if code in (0, -signal.SIGKILL) else 1)


if __name__ == "__main__":
    main()
