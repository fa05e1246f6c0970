"""Which sealed days leave the journal, and the proof that each may: its file is as it was sealed, and what the journal holds
of that day is what the file holds, record by record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from kpis.columns import I64
from telemetry.archive import merkle
from telemetry.archive.record import Recorder, in_order, record
from telemetry.archive.seal import hidden_key
from telemetry.archive.signing import Signer
from telemetry.archive.store import ArchiveError, SealedDay, Store
from telemetry.gone import Leaving
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site


def leaving(journal: JournalReader, store: Store, site: Site, now_us: int, keep_days: int) -> Iterator[Leaving]:
    """The sealed days of a site that ended more than `keep_days` ago and are still in the journal, in the order of their
    seals, each proven; none where that is 0. Raises ArchiveError at the first that is not as it was sealed."""
    if not keep_days:
        return
    today = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(ZoneInfo(site.timezone)).date()
    left = journal.left(site.id)
    for day in store.days(site.id):
        if day.checkpoint.day < today - timedelta(days=keep_days) and day.folder.name not in left:
            yield _proven(journal, store, day)


def _proven(journal: JournalReader, store: Store, day: SealedDay) -> Leaving:
    table = store.check(day, store.public())
    seqs: I64 = table.column("seq").to_numpy()
    recorder = Recorder(hidden_key(Signer(store.folder), day.checkpoint.site))
    held = in_order(journal.held(seqs.tolist()))
    root = merkle.root([merkle.leaf(record(recorder.row(*told))) for told in held]).hex()
    if root != day.checkpoint.root:
        raise ArchiveError(f"{day.folder}: the journal holds other events of that day than were sealed: it stays there")
    return Leaving(day.checkpoint.site, day.folder.name, day.checkpoint.file, seqs)
