"""From a source's settings to what reads it: its decoder, its collector, and its place among others of its kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from functools import partial
from hashlib import blake2b
from pathlib import Path

from collectors.ami import AmiCollector
from collectors.base import Collector, Decoder
from collectors.formats import FORMATS
from collectors.formats.options import Options
from collectors.spool_files import SUFFIX
from collectors.tail import Tail
from collectors.tcp import PanasonicLogin, TcpCollector
from collectors.watch import Watch
from telemetry.config import Site, Source
from telemetry.pipeline import STREAM, Reads

_NO_LAYOUT = repr(((), "", "", []))


def name_of(source: Source, site: Site) -> str:
    """The source's name in the journal."""
    return f"{site.id}/{source.id}"


def options_of(source: Source, site: Site) -> Options:
    """How the log is written; a time zone that is not said is the site's."""
    said = {f.name: getattr(source, f.name) for f in fields(Options)}
    return Options(**{**said, "timezone": source.timezone or site.timezone})


def decoder_of(source: Source, site: Site) -> Decoder:
    """A new decoder for the source."""
    return FORMATS[source.format].make(site=site.id, source=name_of(source, site), options=options_of(source, site))


def reads_of(source: Source) -> Reads:
    """Whose cursors and states of its the journal keeps."""
    ways = {"tail": source.tail, "folder": source.folder, "http": source.http}
    way = next((name for name, said in ways.items() if said), STREAM)
    said = repr((source.columns, source.delimiter, source.pattern, sorted(source.fields.items())))
    return Reads(way, source.format, blake2b(said.encode(), digest_size=6).hexdigest() if said != _NO_LAYOUT else "-")


def teller_of(source: Source, site: Site) -> tuple[str, int, bool] | None:
    """Which telephone system it tells of, how well, and whether it is followed; None where no other could tell of it."""
    row = FORMATS[source.format]
    if not row.system:
        return None
    return f"{site.id}/{row.system}/{source.pbx}", row.rank, source.tail is not None


def collector_of(source: Source, site: Site, data: Path) -> Collector:
    """What brings the source's records, for every way but HTTP, which comes by itself."""
    name = name_of(source, site)
    if source.tail is not None:
        return Tail(name=name, site=site.id, path=source.tail)
    if source.folder is not None:
        whole = FORMATS[source.format].records == "documents"
        return Watch(name=name, site=site.id, folder=source.folder, pattern=source.files, whole=whole)
    spool = data.joinpath("spool", site.id, source.id)
    password = password_of(source)
    if source.ami:
        return AmiCollector(
            name=name, site=site.id, spool=spool, address=source.ami, username=source.username, password=password
        )
    login = partial(PanasonicLogin, password) if source.password_file is not None else None
    return TcpCollector(name=name, site=site.id, spool=spool, connect=source.connect, listen=source.listen, login=login)


def left_spools(data: Path, sites: Iterable[Site]) -> list[Path]:
    """Spools that hold something, with the callers' numbers in it, and belong to no source any more."""
    used = {data.joinpath("spool", x.id, s.id) for x in sites for s in x.sources if s.connect or s.listen or s.ami}
    return sorted({file.parent for file in data.glob(f"spool/*/*/*{SUFFIX}")} - used)


def password_of(source: Source) -> str:
    """The password from its file, without the line end; "" where there is none."""
    if source.password_file is None:
        return ""
    return source.password_file.read_text("utf-8-sig").rstrip("\r\n")
