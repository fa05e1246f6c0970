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
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from collectors.formats import FORMATS
from collectors.tail import read_lines
from kpis.results import KPIS
from telemetry import app, config, simulate
from telemetry.config import Config, Site
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from telemetry.pipeline import refuse_future_events
from telemetry.privacy import Pseudonyms

VERSION = version("gecc-telemetry")
LINE_FORMATS = frozenset(name for name, row in FORMATS.items() if row.records == "lines")
MOST_SHOWN = 20
"""Rejects that an import prints; all of them are kept in the journal."""
UNITS = {name: kpi.unit for name, kpi in KPIS.items()}


def run(args: Namespace) -> int:
    """gecc run"""
    settings = _load(args.config)
    asyncio.run(app.run(settings, started=_announce))
    return 0


def demo(args: Namespace) -> int:
    """gecc demo: everything in one process, in a temporary folder, on free ports."""
    for name in ("amqtt", "transitions", "mqtt"):  # the broker's own talk; ours says what matters
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="gecc-demo-") as folder:
        asyncio.run(_demo(Path(folder), args.seed, args.speed))
    return 0


async def _demo(folder: Path, seed: int, speed: float) -> None:
    from telemetry.demo import embedded_broker  # noqa: PLC0415  amqtt takes half a second to import

    stop = asyncio.Event()
    log = folder / "queue_log"
    log.touch()
    async with embedded_broker() as port:
        file = folder / "gecc.toml"
        file.write_text(simulate.demo_config_toml("demo", port, 0, log), "utf-8")
        settings = _load(file)
        ready: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

        async def feed() -> None:
            host, web_port = await ready
            print(f"Wallboard   http://{host}:{web_port}/  (English: /?lang=en)")
            print(f"Figures     http://{host}:{web_port}/v1/kpis?site=demo")
            print(f"Prometheus  http://{host}:{web_port}/metrics")
            print(f"MQTT broker 127.0.0.1:{port}   data {folder}")
            print("Ctrl-C ends the demo and removes its data.", flush=True)
            await simulate.run_demo_feed(
                host="127.0.0.1", port=port, mqtt_version="3.1.1", site_id="demo", queue_log=log, seed=seed, speed=speed,
                stop=stop,
            )  # fmt: skip

        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(feed())
            await app.run(settings, stop=stop, started=lambda host, port: ready.set_result((host, port)))
            feeding.cancel()


def import_files(args: Namespace) -> int:
    """gecc import"""
    settings, site = _settings(args, make=True)
    source = args.source or next((s.id for s in site.sources if s.format == args.format), args.format)
    name = f"{site.id}/{source}"
    journal = Journal(settings.data)
    try:
        journal.ensure([x for s in settings.sites for x in (s.id, *(service.id for service in s.services))])
        pseudonyms = Pseudonyms(settings.data / "keys.json", time.time_ns() // 1000)
        decoder = FORMATS[args.format].make(site=site.id, source=name)
        lines = events = duplicates = rejected = ignored = 0
        for batch, first in _with_progress(args.files):
            if first:
                decoder.restart()
            decoded = decoder.feed(batch, time.time_ns() // 1000)
            refuse_future_events(decoded, time.time_ns() // 1000)
            pseudonyms.protect(decoded)
            new = journal.commit([Unit(name, decoded, time.time_ns() // 1000)]).new[0]
            lines += len(batch)
            events += new
            duplicates += len(decoded.events) - new
            rejected += len(decoded.rejected)
            ignored += decoded.ignored
            for r in decoded.rejected[: max(0, MOST_SHOWN - rejected + len(decoded.rejected))]:
                print(f"rejected: {r.reason}: {r.detail}: {r.raw[:80]!r}", file=sys.stderr)
        journal.pack()
    finally:
        journal.close()
    print(f"lines {lines}, events {events}, duplicates {duplicates}, rejects {rejected}, ignored {ignored}")
    return 1 if rejected and not events + duplicates + ignored else 0  # nothing was readable: the wrong file, or format


def kpis(args: Namespace) -> int:
    """gecc kpis"""
    settings, site = _settings(args)
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


def config_check(args: Namespace) -> int:
    """gecc config check"""
    settings = _load(args.file)
    devices, sources = (sum(len(getattr(s, what)) for s in settings.sites) for what in ("devices", "sources"))
    print(f"{args.file}: good ({len(settings.sites)} sites, {devices} devices, {sources} sources)")
    return 0


def _load(file: Path) -> Config:
    return config.load(file, formats=LINE_FORMATS, kpis=UNITS)


def _settings(args: Namespace, *, make: bool = False) -> tuple[Config, Site]:
    """The configuration of a data folder and the site asked for. Without a file the site has the defaults."""
    file = args.config or args.data / "gecc.toml"
    if args.config or file.exists():
        settings = _load(file)
        settings = Config(data=args.data, web=settings.web, mqtt=settings.mqtt, sites=settings.sites)
    else:
        settings = config.without_file(args.data, args.site)
        if not make and JournalReader(args.data).span(args.site) is None:
            raise ValueError(f"--site: no events of a site {args.site!r} in {args.data}")
    site = next((s for s in settings.sites if s.id == args.site), None)
    if site is None:
        raise ValueError(
            f"--site: no site {args.site!r} in {file}; there are {', '.join(s.id for s in settings.sites)}"
        )
    return settings, site


def _announce(host: str, port: int) -> None:
    logging.getLogger("gecc").info("listening on http://%s:%s", host, port)


def _with_progress(files: list[Path]) -> Iterator[tuple[list[bytes], bool]]:
    """The lines of all files; on a terminal a bar says how far it is."""
    for file in files:
        if not file.is_file():
            raise OSError(f"{file}: {'is a folder' if file.is_dir() else 'no such file'}")
    bar, shown = sys.stderr.isatty(), 0.0
    for i, file in enumerate(files):
        for n, part in enumerate(read_lines(file)):
            yield part.lines, n == 0
            if bar and time.monotonic() - shown > 0.1:
                shown = time.monotonic()
                done = part.done_bytes / max(part.total_bytes, 1)
                print(
                    f"\r{file.name} ({i + 1}/{len(files)}) [{'#' * round(done * 30):30}] {done:4.0%}",
                    end="",
                    file=sys.stderr,
                )
    if bar:
        print("\r\x1b[K", end="", file=sys.stderr)


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
