"""gecc seal: close the days that are due and let old ones leave the journal, or check what was sealed."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from contextlib import closing
from errno import ENOSPC
from itertools import chain
from typing import Any

from telemetry import crashpoints
from telemetry.archive.retention import leaving
from telemetry.archive.seal import seal as seal_days
from telemetry.archive.store import ArchiveError, SealedDay, Store, locked
from telemetry.commands.common import VERSION, settings_of
from telemetry.commands.progress import Progress
from telemetry.config import Config, Site
from telemetry.journal import Journal, JournalInUseError
from telemetry.journal_reader import JournalReader
from telemetry.ledger import Ledger


def seal(args: Namespace) -> int:
    """gecc seal; 0 done, 1 the archive is damaged or the disk fails, 2 wrong arguments."""
    settings, site = settings_of(args)
    store = Store(args.data, crashpoint=crashpoints.from_environment())
    done: list[SealedDay] = []
    left = 0
    with Progress(enabled=not args.json) as progress:
        try:
            if args.verify:
                days = store.days(site.id)
                for one in store.verify(site.id, days):
                    done.append(one)
                    progress.at(len(done), len(days), str(one.checkpoint.day))
            else:
                journal = JournalReader(args.data)
                with locked(args.data):
                    for one in seal_days(
                        journal, store, [site], now_us=int(time.time() * 1e6), version=VERSION,
                        ledger=Ledger(journal), grace_s=settings.archive.seal_after_h * 3600,
                    ):  # fmt: skip
                        done.append(one)
                        progress.at(len(done), 0, str(one.checkpoint.day))
                left = _let_go(settings, site, store, progress)
        except ArchiveError as problem:
            progress.close()
            print(f"gecc: {problem}", file=sys.stderr)
            return 1
    if args.json:
        json.dump([_row(one) for one in done], sys.stdout, ensure_ascii=False, indent=1)
        print()
        return 0
    if left:
        print(f"{site.id}: the events of {left} days have left the journal for their sealed files")
    for one in done if not args.verify else done[-1:]:
        print(one.checkpoint.day, f"amendment {one.checkpoint.amendment}", one.checkpoint.events, one.checkpoint.hash)
    print(f"{site.id}: {len(done)} {'seals checked, all as they were made' if args.verify else 'days sealed'}")
    return 0


def _let_go(settings: Config, site: Site, store: Store, progress: Progress) -> int:
    """Let sealed days leave the journal; how many. A service that runs on it does so itself."""
    days = leaving(JournalReader(settings.data), store, site, int(time.time() * 1e6), settings.archive.keep_days)
    first = next(days, None)
    if first is None:
        return 0
    try:
        with closing(Journal(settings.data, crashpoint=crashpoints.from_environment())) as journal:
            for n, one in enumerate(chain([first], days), 1):
                if not journal.let_go(one):
                    raise OSError(ENOSPC, "no room on the disk", str(journal.path))
                progress.at(n, 0, one.day)
    except JournalInUseError:
        return 0
    return n


def _row(one: SealedDay) -> dict[str, Any]:
    c = one.checkpoint
    return {"day": str(c.day), "amendment": c.amendment, "events": c.events, "root": c.root, "checkpoint": c.hash}
