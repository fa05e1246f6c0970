"""gecc definitions: every KPI explained, for a centre or with the standard's own rules."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict

from telemetry import definitions as of
from telemetry.commands.common import load


def definitions(args: Namespace) -> int:
    """gecc definitions"""
    site = of.ANY_SITE
    if args.config:
        sites = {s.id: s for s in load(args.config).sites}
        if args.site not in sites and (args.site or len(sites) > 1):
            raise ValueError(f"--site: expected one of {', '.join(sites)}")
        site = sites[args.site] if args.site else next(iter(sites.values()))
    elif args.site:
        raise ValueError("--site: give --config with it; it holds the rules of the site")
    if args.format == "json":
        json.dump([asdict(row) for row in of.definitions(args.lang, site)], sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        print(of.markdown(args.lang, site))
    return 0
