"""`gecc check-source`: look at a file or a live source without keeping anything of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from collectors.ami import AmiCollector
from collectors.base import Collector, Guess
from collectors.formats import FORMATS
from collectors.recognition import SAMPLE, guesses
from collectors.tail import read_lines, read_whole
from collectors.tcp import PanasonicLogin, TcpCollector
from telemetry.commands.check_devices import check_devices
from telemetry.commands.importing import settings_from
from telemetry.commands.listening import heard_within
from telemetry.commands.look_report import as_json, as_text
from telemetry.commands.looking import Records, Seen, look
from telemetry.config import Site
from telemetry.privacy import redact

LIVE = ("tcp", "tcp-listen", "ami")
"""Schemes of sources that are listened to: tcp://host:port, tcp-listen://address:port, ami://user@host:port."""


_NO_LOGS = {
    b"\xff\xfe": "it is text in UTF-16: save it as UTF-8 first",
    b"\xfe\xff": "it is text in UTF-16: save it as UTF-8 first",
    b"PK\x03\x04": "it is a ZIP archive or an Excel workbook: unpack it, or save it as CSV, first",
}


def check_source(args: Namespace) -> int:
    """gecc check-source: 0 when something of it could be read, 1 when nothing."""
    site = Site(id="check", timezone=args.timezone)
    where = str(args.source)
    url = urlsplit(where)
    if url.scheme == "mqtt":
        return check_devices(url, args.seconds, as_json=args.json)
    if url.scheme in LIVE:
        records = asyncio.run(_listen(url, args.seconds))
        written_us = time.time_ns() // 1000
        found = _forced(args.format) or guesses(records[:SAMPLE])
        again: Records = lambda: iter(records)  # noqa: E731
    else:
        file = Path(where)
        if not file.is_file():
            raise OSError(f"{file}: {'is a folder' if file.is_dir() else 'no such file'}")
        written_us = file.stat().st_mtime_ns // 1000
        found, again = _file(file, args.format)
    if not found:
        print(f"{where}: {_unknown(again())}", file=sys.stderr)
        return 1
    seen = look(
        found, again, said=settings_from(args.set), site=site, received_us=time.time_ns() // 1000, written_us=written_us
    )
    if args.json:
        json.dump(as_json(seen, site, where), sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        print(*as_text(seen, site, where, args.rejects), sep="\n")
    return 0 if seen.events or _said_nothing(seen) else 1


def _said_nothing(seen: Seen) -> bool:
    return seen.records > 0 and not seen.rejected


def _forced(name: str | None) -> list[tuple[str, Guess]]:
    return [(name, Guess(1.0, f"what was said: {name}"))] if name else []


def _file(file: Path, forced: str | None) -> tuple[list[tuple[str, Guess]], Records]:
    """What a file looks like, and how to read it from the beginning."""

    def lines() -> Iterator[bytes]:
        for part in read_lines(file):
            yield from part.lines

    def document() -> Iterator[bytes]:
        yield read_whole(file)

    kinds = ["documents"] if forced and FORMATS[forced].records == "documents" else ["lines"]
    if forced:
        return _forced(forced), document if kinds == ["documents"] else lines
    first = list(islice((line for line in lines() if line.strip()), SAMPLE))
    by_lines = guesses(first) if first else []
    by_whole = []
    with suppress(OSError):  # too long for one document
        by_whole = guesses([next(document())], kind="documents") if first else []
    if by_whole and (not by_lines or by_whole[0][1].sure >= by_lines[0][1].sure):
        return by_whole, document
    return by_lines, lines


def _unknown(records: Iterable[bytes]) -> str:
    first = list(islice((r for r in records if r.strip()), 3))
    if not first:
        return "there is nothing in it"
    for begins, told in _NO_LOGS.items():
        if first[0].startswith(begins):
            return told
    shown = "; ".join(repr(redact(r[:80])[:60])[1:] for r in first)
    return f"none of the formats {', '.join(n for n, row in FORMATS.items() if row.recognise)} looks like this: {shown}"


async def _listen(url: SplitResult, seconds: float) -> list[bytes]:
    """Whatever comes within these seconds. It is kept in a temporary folder for as long."""
    with tempfile.TemporaryDirectory(prefix="gecc-check-") as folder:
        announcement = f"listening to {url.hostname}:{url.port} for {seconds:g} s ..."
        return await heard_within(seconds, _collector(url, Path(folder)), announcement)


def _collector(url: SplitResult, folder: Path) -> Collector:
    if not url.hostname or not url.port:
        raise ValueError(f"{url.geturl()}: expected {url.scheme}://host:port")
    address = f"[{url.hostname}]:{url.port}" if ":" in url.hostname else f"{url.hostname}:{url.port}"
    password = os.environ.get("GECC_SOURCE_PASSWORD", "")
    given: dict[str, Any] = {"name": "check", "site": "check", "spool": folder}
    if url.scheme == "ami":
        return AmiCollector(**given, address=address, username=unquote(url.username or ""), password=password)
    if url.scheme == "tcp-listen":
        return TcpCollector(**given, listen=address)
    login = (lambda: PanasonicLogin(password)) if password else None
    return TcpCollector(**given, connect=address, login=login)
