"""gecc evidence: packs that an assessor can check, built from sealed days; and the lists of criteria."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from telemetry import crashpoints
from telemetry.archive.store import ArchiveError, Store
from telemetry.commands.common import VERSION, load, settings_of
from telemetry.commands.progress import Progress
from telemetry.evidence import asked as periods
from telemetry.evidence import pack
from telemetry.evidence.catalogue import Catalogue, catalogue
from telemetry.evidence.checker import verify as checker
from telemetry.evidence.counted import count
from telemetry.evidence.period import Period
from telemetry.evidence.scorecard import Asked, Scorecard
from telemetry.evidence.sealed import sealed


def evidence_build(args: Namespace) -> int:
    """gecc evidence build; 0 done, 1 the archive is damaged or the disk fails, 2 wrong arguments."""
    from telemetry.evidence.contents import documents  # noqa: PLC0415  what sets documents takes long to import

    sites = _sites(args)
    standard = catalogue(args.standard, args.criteria)
    item = _item(args, standard)
    store = Store(args.data)
    shares: dict[str, float] = {}
    with Progress(enabled=not args.json) as progress, _damaged(progress):
        period = _period(args, store, sites)
        if len(sites) > 1:
            from telemetry.commands.evidence_centres import build  # noqa: PLC0415  as above

            return build(args, sites, period, standard, progress)
        (site,) = sites
        with _share(shares, "read"):
            found = sealed(
                store, site, period.first, period.last, provisional=args.provisional,
                at=lambda done, of, day: progress.at(done, of, str(day)),
            )  # fmt: skip
        with _share(shares, "figures"):
            counted = count(found)
        told = {"preset": args.preset, "item": item, "lang": args.lang, "standard": standard.name}
        with _share(shares, "records"):
            data = pack.data_of(found, counted, store, version=VERSION, asked=told)
        with _share(shares, "figures"):
            request = Asked(period, args.lang, args.preset, item)
            report = Scorecard(found, counted, standard, request, data.hash, data.code).report()
        with _share(shares, "documents"):
            made = documents(report, args.preset, at=lambda name: progress.at(0, 0, name))
        del counted
        with _share(shares, "zip"):
            top = f"GECC_{site}_{period.first}_{period.last}_{data.code}"
            hash_ = pack.write(
                args.out, top, data, made, store, crashpoint=crashpoints.from_environment(),
                at=lambda done, of: progress.at(done, of, args.out.name),
            )  # fmt: skip
    result = {
        "file": str(args.out), "sha256": hash_, "manifest_sha256": data.hash, "check_code": data.code,
        "checkpoint": found.chain[-1].checkpoint.hash, "first": str(period.first), "last": str(period.last),
        "provisional": bool(found.unsealed), "documents": sorted(made),
    }  # fmt: skip
    if args.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
        return 0
    if found.unsealed:
        print(f"PROVISIONAL: {len(found.unsealed)} days of the period are not sealed yet")
    print(f"{args.out}: {period.first} to {period.last}, {len(made)} documents")
    print(f"check code {data.code}   manifest {data.hash}")
    if args.shares:
        whole = sum(shares.values())
        print("  ".join(f"{name} {s:.1f} s ({s / whole:.0%})" for name, s in shares.items()))
    return 0


def evidence_verify(args: Namespace) -> int:
    """gecc evidence verify; 0 everything is right, 1 something is not."""
    lines: list[str] = []
    try:
        files = checker.open_pack(args.file)
    except Exception as problem:  # noqa: BLE001  whatever was done to it
        files, lines = {}, [f"WRONG The pack can be read: {problem}"]
    keys = [checker.SIGNATURE.key_of(key) for key in args.key]
    ours = not lines and checker.verify(files, args.expect, lines.append, keys) and _seals_fit(files, lines)
    alone = not lines[-1].startswith("WRONG") and _alone(args.file, args.expect, keys, lines)
    good = ours and alone
    if args.json:
        print(json.dumps({"file": str(args.file), "good": good, "checks": lines}, ensure_ascii=False, indent=1))
    else:
        print(*lines, sep="\n")
        print(f"{args.file}: {'good' if good else 'NOT good'}")
    return 0 if good else 1


def evidence_criteria(args: Namespace) -> int:
    """gecc evidence criteria: the items of a list and what shows them."""
    found = catalogue(args.standard, args.criteria)
    if args.json:
        print(json.dumps([{**asdict(i), "shown": i.shown} for i in found.items], ensure_ascii=False, indent=1))
        return 0
    for item in found.items:
        print(f"{item.id}\t{item.shown}\t{' '.join(item.kpis) or '-'}\t{item.text_th}")
    return 0


def _sites(args: Namespace) -> list[str]:
    """The centres that are asked for: those named, or all of the data folder for the preset `ministry`. ValueError where
    that is not allowed, or where one is not known."""
    named: list[str] = list(dict.fromkeys(args.site))
    if args.preset != "ministry" and len(named) != 1:
        raise ValueError(f"--site: expected one centre for --preset {args.preset}, got {len(named) or 'none'}")
    if not named:
        file = args.config or args.data / "gecc.toml"
        named = [site.id for site in load(file).sites] if file.exists() else Store(args.data).sites()
        if not named:
            raise ValueError(f"--site: no day of any centre is sealed in {args.data}")
    for site in named:
        settings_of(Namespace(**{**vars(args), "site": site}))
    return sorted(named)


def _period(args: Namespace, store: Store, sites: Sequence[str]) -> Period:
    ways: dict[str, Callable[[], Period]] = {
        "fiscal_year": lambda: periods.of_fiscal_year(args.fiscal_year),
        "quarter": lambda: periods.of_quarter(args.quarter),
        "month": lambda: periods.of_month(args.month),
        "last_90_days": lambda: periods.of_last_days(min(_newest(store, site) for site in sites)),
        "first": lambda: periods.of_span(args.first, args.last),
        "last": lambda: periods.of_span(args.first, args.last),
    }
    given = [name for name in ways if getattr(args, name)]
    if not given and args.preset == "surprise-check":
        given = ["last_90_days"]
    if len(given) != 1 and given != ["first", "last"]:
        raise ValueError("give one period: --fiscal-year, --quarter, --month, --last-90-days, or --from and --to")
    return ways[given[0]]()


def _newest(store: Store, site: str) -> date:
    days = [one.checkpoint.day for one in store.days(site)]
    if not days:
        raise ValueError(f"{site}: no day is sealed yet; `gecc seal --site {site}` seals those that are due")
    return max(days)


def _item(args: Namespace, standard: Catalogue) -> str:
    """The item of the preset `criterion`; ValueError for one that there is not, or that no figure shows."""
    item: str = args.item
    if args.preset != "criterion":
        if item:
            raise ValueError(f"--item: goes with --preset criterion, got {args.preset!r}")
        return ""
    shown = [one.id for one in standard.supported()]
    if item not in shown:
        raise ValueError(f"--item: expected an item that figures show ({', '.join(shown)}), got {item!r}")
    return item


@contextmanager
def _damaged(progress: Progress) -> Iterator[None]:
    """A damaged archive ends the command with 1, as a full disk does."""
    try:
        yield
    except ArchiveError as problem:
        progress.close()
        raise OSError(str(problem)) from problem


@contextmanager
def _share(shares: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    shares[name] = shares.get(name, 0.0) + time.perf_counter() - start


def _alone(file: Path, expect: list[str], keys: list[str], lines: list[str]) -> bool:
    """What our copy of the pack's checker says in a process of its own, without anything installed."""
    with tempfile.TemporaryDirectory(prefix="gecc-verify-") as folder:
        for name, content in pack.checker().items():
            (Path(folder) / name).write_bytes(content)
        told = [word for name, of in (("--expect", expect), ("--key", keys)) for one in of for word in (name, one)]
        done = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-I", "-S", str(Path(folder) / "verify.py"), str(file.absolute()), *told],
            capture_output=True, check=False, text=True, encoding="utf-8", errors="replace", env={},
        )  # fmt: skip
    good = done.returncode == 0
    lines.append(
        "OK    verify.py alone says the same" if good else f"WRONG verify.py alone: {done.stdout}{done.stderr}"
    )
    return good


def _seals_fit(files: dict[str, Any], lines: list[str]) -> bool:
    """The same seals by the code that made them: the Parquet files hold the records that were sealed."""
    try:
        with tempfile.TemporaryDirectory(prefix="gecc-verify-") as folder:
            n = pack.check_seals(files, Path(folder))
    except (ArchiveError, OSError, ValueError) as problem:
        lines.append(f"WRONG Parquet files: {problem}")
        return False
    lines.append(f"OK    Parquet files hold the records that were sealed: {n} days")
    return True
