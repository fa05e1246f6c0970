"""What each command of `gecc` does, once its arguments are read."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from telemetry import app, simulate
from telemetry.commands.common import VERSION, load
from telemetry.commands.importing import IMPORTED, import_files
from telemetry.commands.print_kpis import kpis
from telemetry.evidence.asked import PRESETS
from telemetry.evidence.catalogue import STANDARDS
from telemetry.web.credentials import hashed, new_token

__all__ = [
    "IMPORTED",
    "PRESETS",
    "STANDARDS",
    "VERSION",
    "config_check",
    "demo",
    "import_files",
    "kpis",
    "run",
    "token",
]


def run(args: Namespace) -> int:
    """gecc run"""
    settings = load(args.config)
    asyncio.run(app.run(settings, started=_announce))
    return 0


def demo(args: Namespace) -> int:
    """gecc demo: everything in one process, in a temporary folder, on free ports."""
    for name in ("amqtt", "transitions", "mqtt"):  # the broker's own talk; ours says what matters
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="gecc-demo-") as folder:
        asyncio.run(_demo(Path(folder), args.seed, args.speed, args.pbx, args.buttons))
    return 0


async def _demo(folder: Path, seed: int, speed: float, pbx: str, buttons: str) -> None:
    from telemetry.demo import embedded_broker  # noqa: PLC0415  amqtt takes half a second to import

    stop = asyncio.Event()
    log = folder / "pbx"
    if pbx in simulate.MAKES and simulate.MAKES[pbx].documents:
        log.mkdir()
    else:
        log.touch()
    async with embedded_broker() as port:
        file = folder / "gecc.toml"
        file.write_text(simulate.demo_config_toml("demo", port, 0, log, pbx, buttons), "utf-8")
        settings = load(file)
        ready: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

        async def feed() -> None:
            host, web_port = await ready
            print(f"Wallboard   http://{host}:{web_port}/  (English: /?lang=en)")
            print(f"Figures     http://{host}:{web_port}/v1/kpis?site=demo")
            print(f"Prometheus  http://{host}:{web_port}/metrics")
            print(f"MQTT broker 127.0.0.1:{port}   data {folder}")
            print("Ctrl-C ends the demo and removes its data.", flush=True)
            await simulate.run_demo_feed(
                host="127.0.0.1", port=port, mqtt_version="3.1.1", site_id="demo", pbx=pbx, pbx_log=log, buttons=buttons,
                seed=seed, speed=speed, stop=stop,
            )  # fmt: skip

        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(feed())
            await app.run(settings, stop=stop, started=lambda host, port: ready.set_result((host, port)))
            feeding.cancel()


def token(_args: Namespace) -> int:
    """gecc token"""
    fresh = new_token()
    print(f"token        {fresh}", f"token_sha256 {hashed(fresh)}", sep="\n")
    print(
        "The token goes to the sender and is shown only now; the hash goes to its source in gecc.toml.", file=sys.stderr
    )
    return 0


def config_check(args: Namespace) -> int:
    """gecc config check"""
    settings = load(args.file)
    devices, sources = (sum(len(getattr(s, what)) for s in settings.sites) for what in ("devices", "sources"))
    print(f"{args.file}: good ({len(settings.sites)} sites, {devices} devices, {sources} sources)")
    return 0


def _announce(host: str, port: int) -> None:
    logging.getLogger("gecc").info("listening on http://%s:%s", host, port)
