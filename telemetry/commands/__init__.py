"""What each command of `gecc` does, once its arguments are read."""

from __future__ import annotations

import asyncio
import csv
import json
import logging
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from kpis.results import KPIS
from telemetry import app, simulate
from telemetry.commands.check_source import check_source
from telemetry.commands.commission import commission
from telemetry.commands.common import VERSION, load, settings_of
from telemetry.commands.importing import IMPORTED, import_files
from telemetry.figures import query
from telemetry.journal_reader import JournalReader
from telemetry.web.credentials import hashed, new_token

__all__ = [
    "IMPORTED",
    "VERSION",
    "check_source",
    "commission",
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


def kpis(args: Namespace) -> int:
    """gecc kpis"""
    settings, site = settings_of(args)
    rows = query(
        JournalReader(settings.data),
        site,
        args.first,
        args.last,
        now_us=time.time_ns() // 1000,
        by=args.by,
        lang=args.lang,
    )
    if args.format == "json":
        json.dump(rows, sys.stdout, ensure_ascii=False, indent=1)
        print()
    elif args.format == "csv":
        out = csv.DictWriter(sys.stdout, list(rows[0]) if rows else ["kpi"], lineterminator="\r\n")
        out.writeheader()
        out.writerows({k: _cell(v) for k, v in row.items()} for row in rows)
    else:
        _table(rows, args.lang)
    return 0


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


def _cell(value: Any) -> Any:
    """A cell of a CSV; a name of a queue that a spreadsheet would take for a formula has a quote before it."""
    if isinstance(value, dict):
        return json.dumps(value)
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def _table(rows: list[dict[str, Any]], lang: str) -> None:
    """Rows for people: one line each, the definitions once below."""
    for place in dict.fromkeys((r["unit"], r["from"], r["to"]) for r in rows):
        unit, first, last = place
        where = rows[0]["site"] if unit is None else f"{rows[0]['site']} / {unit or '-'}"
        print(f"\n{where}   {first} – {last}")
        for r in rows:
            if (r["unit"], r["from"], r["to"]) == place:
                kpi = KPIS[r["kpi"]]
                line = f"  {r['kpi']:44} {_shown(r['value'], kpi.unit):>12}  n={r['n']}"
                if r["ci_low"] is not None:
                    line += f"  95 % {_shown(r['ci_low'], kpi.unit)} – {_shown(r['ci_high'], kpi.unit)}"
                if r["verdict"]:
                    line += f"  target {_shown(r['target'], kpi.unit)}: {r['verdict'].replace('_', ' ')}"
                print(line)
    print("\n" + ("นิยาม" if lang == "th" else "Definitions"))
    for name, definition in {r["kpi"]: r["definition"] for r in rows}.items():
        kpi = KPIS[name]
        print(f"  {name} ({kpi.label_th if lang == 'th' else kpi.label_en}): {definition}")


def _shown(value: Any, unit: str) -> str:
    if value is None:
        return "no data"
    if isinstance(value, dict):
        return " ".join(f"{k}:{v}" for k, v in value.items())
    if unit == "ratio":
        return f"{value:.1%}"
    return (
        f"{value:g}" if unit in ("calls", "tickets", "votes") else f"{value:.1f}{' %' if unit == 'percent' else ' s'}"
    )
