"""What several commands need: the version, the names that exist, and the settings of a data folder."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from collectors.devices import CONVENTIONS
from collectors.formats import FORMATS
from kpis.results import KPIS
from telemetry import config
from telemetry.config import Config, ConfigError, Site
from telemetry.journal_reader import JournalReader
from telemetry.sources import name_of
from telemetry.web.credentials import wrong_key

VERSION = version("gecc-telemetry")
UNITS = {name: kpi.unit for name, kpi in KPIS.items()}


def load(file: Path) -> Config:
    """A configuration, checked against everything that exists."""
    settings = config.load(file, formats=FORMATS, kpis=UNITS, conventions=CONVENTIONS)
    short = [
        f"{file}: {name_of(source, site)}: {problem}"
        for site in settings.sites
        for source in site.sources
        if source.hmac_key_file is not None and (problem := wrong_key(source.hmac_key_file.read_bytes()))
    ]
    if short:
        raise ConfigError(short)
    return settings


def settings_of(args: Namespace, *, make: bool = False) -> tuple[Config, Site]:
    """The configuration of a data folder and the site asked for. Without a file the site has the defaults."""
    file = args.config or args.data / "gecc.toml"
    if args.config or file.exists():
        settings = load(file)
        settings = replace(settings, data=args.data)
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
