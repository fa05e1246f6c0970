"""gecc evidence build --preset ministry of several centres: one pack, one row a centre and KPI."""

from __future__ import annotations

import json
from argparse import Namespace

from telemetry import crashpoints
from telemetry.archive.store import Store
from telemetry.commands.common import VERSION
from telemetry.commands.progress import Progress
from telemetry.evidence import pack
from telemetry.evidence.catalogue import Catalogue
from telemetry.evidence.centres import Part, documents, part_of, whole_of
from telemetry.evidence.counted import count
from telemetry.evidence.period import Period
from telemetry.evidence.sealed import PeriodError, sealed


def build(args: Namespace, sites: list[str], period: Period, standard: Catalogue, progress: Progress) -> int:
    """Build it; 0 done. PeriodError names every centre that has days of the period not sealed."""
    store, parts, problems = Store(args.data), list[Part](), list[str]()
    told = {"preset": args.preset, "item": "", "lang": args.lang, "standard": standard.name}
    for done, site in enumerate(sites):
        progress.at(done, len(sites), site)
        try:
            found = sealed(store, site, period.first, period.last, provisional=args.provisional)
        except PeriodError as problem:
            problems.append(str(problem))
            continue
        counted = count(found)
        data = pack.data_of(found, counted, store, version=VERSION, asked=told)
        parts.append(part_of(found, counted, data, store, period, args.lang))
    if problems:
        raise PeriodError("\n".join(problems))
    whole = whole_of(parts, version=VERSION, asked=told)
    made = documents(parts, whole, f"{standard.name} · {standard.source}")
    hash_ = pack.write(
        args.out, f"GECC_centres_{period.first}_{period.last}_{whole.code}", whole, made, store,
        crashpoint=crashpoints.from_environment(), at=lambda done, of: progress.at(done, of, args.out.name),
    )  # fmt: skip
    open_ones = [part.report.centre.id for part in parts if part.report.provisional]
    if args.json:
        result = {
            "file": str(args.out), "sha256": hash_, "manifest_sha256": whole.hash, "check_code": whole.code,
            "centres": {part.report.centre.id: {"manifest_sha256": part.manifest, "checkpoint": part.checkpoint} for part in parts},
            "first": str(period.first), "last": str(period.last), "provisional": bool(open_ones), "documents": sorted(made),
        }  # fmt: skip
        print(json.dumps(result, ensure_ascii=False, indent=1))
        return 0
    if open_ones:
        print(f"PROVISIONAL: days of the period are not sealed yet of {', '.join(open_ones)}")
    print(f"{args.out}: {period.first} to {period.last}, {len(parts)} centres")
    print(f"check code {whole.code}   manifest {whole.hash}")
    return 0
