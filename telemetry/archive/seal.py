"""Closing days: which are due, what goes into each, and the seal itself.

A day is due when its grace for late events is over. Days follow each other without a hole, so a day on which nothing was
heard is sealed as such. Events of a sealed day that came after its seal go into its next amendment.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa

from telemetry.archive import merkle
from telemetry.archive.checkpoint import FIRST, Checkpoint
from telemetry.archive.contacts import contacts_of
from telemetry.archive.in_force import in_force
from telemetry.archive.record import Recorder, Told, in_order, record, table_of
from telemetry.archive.signing import Signer
from telemetry.archive.store import SealedDay, Store, parquet
from telemetry.events import canonical_json
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site

GRACE_S = 72 * 3600.0
"""How long a day stays open for events that come late."""
_NOT_DECLARED = ("sources", "devices", "test_numbers")
"""Settings that are no part of a site's declaration: secrets and numbers stand in them."""


Row = tuple[dict[str, Any], str]
"""The fields of a record, and what its contact is called in the journal."""


class Ledger(Protocol):
    """What is known to be missing of a local day of a site: rows of canonical JSON values."""

    def __call__(self, site: Site, day: date) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Due:
    """One day of a site that can be sealed."""

    site: Site
    day: date
    amendment: int
    after: int
    """Events after this journal offset; 0 for the day itself."""


def due(
    journal: JournalReader, store: Store, site: Site, now_us: int, upto: int, grace_s: float = GRACE_S
) -> list[Due]:
    """The days of a site that are to be sealed of what the journal holds up to offset `upto`, in their order: late events
    of days that are sealed already first."""
    sealed = store.days(site.id)
    last: dict[date, int] = {}
    looked_at = 0
    for one in sealed:
        last[one.checkpoint.day] = one.checkpoint.amendment
        looked_at = max(looked_at, one.checkpoint.journal)
    zone = ZoneInfo(site.timezone)
    end = datetime.fromtimestamp(now_us / 1e6 - grace_s, UTC).astimezone(zone).date()
    late = sorted({_day(t, zone) for t in journal.times_after(site.id, looked_at, upto)} & last.keys())
    out = [Due(site, day, last[day] + 1, looked_at) for day in late]
    span = journal.span(site.id)
    if span is not None:
        day = min([_day(span[0], zone), *last])
        while day < end:
            if day not in last:
                out.append(Due(site, day, 0, 0))
            day += timedelta(days=1)
    return out


def seal(
    journal: JournalReader,
    store: Store,
    sites: Sequence[Site],
    *,
    now_us: int,
    version: str,
    ledger: Ledger,
    grace_s: float = GRACE_S,
    told: Callable[[SealedDay], None] = lambda _day: None,
) -> Iterator[SealedDay]:
    """Seal what is due of these sites; each sealed day as soon as it is safe. ArchiveError where the chain of a site is
    broken, OSError where the disk is full: what was sealed before stays."""
    upto = journal.ends()[0]
    for site in sites:
        chain = store.days(site.id)
        days = due(journal, store, site, now_us, upto, grace_s)
        if not days:
            continue
        signer = Signer(store.folder)
        recorder = Recorder(hidden_key(signer, site.id))
        previous = chain[-1].checkpoint.hash if chain else FIRST
        for month in _months(days):
            events = _by_day(journal, site, month, upto)
            contacts = contacts_of(journal, site, [one.day for one in month], now_us)
            for one in month:
                rows = _rows(recorder, events.get((one.day, one.after), []))
                if one.amendment and not (rows := _not_sealed(store, chain, one.day, rows)):
                    continue
                done = _seal_one(
                    store, signer, one, rows, contacts[one.day], journal.note("tellers"),
                    now_us=now_us, version=version, upto=upto, previous=previous, gaps=ledger(site, one.day),
                )  # fmt: skip
                chain.append(done)
                previous = done.checkpoint.hash
                told(done)
                yield done
        store.write_chain(site.id, chain)


def hidden_key(signer: Signer, site: str) -> bytes:
    """The key that hides names of conversations and cases of a site."""
    return hmac.new(signer.secret, f"names of {site}".encode(), sha256).digest()


def declared(site: Site, day: date, tellers: object = None) -> bytes:
    """What a site declares, and what that means on a day (`in_force`), as the bytes that are sealed. `tellers` is the
    journal's note of which logs tell of one telephone system."""
    told = {f.name: _plain(getattr(site, f.name)) for f in fields(site) if f.name not in _NOT_DECLARED}
    return canonical_json({**told, "in_force": in_force(site, day, tellers)}).encode()


def _seal_one(
    store: Store, signer: Signer, one: Due, told: list[Row], contacts: pa.Table, tellers: object, *,
    now_us: int, version: str, upto: int, previous: str, gaps: Sequence[Mapping[str, Any]],
) -> SealedDay:  # fmt: skip
    rows = [row for row, _ in told]
    file = parquet(table_of(rows, [contact for _, contact in told]))
    derived = parquet(contacts)
    ledger = canonical_json([dict(row) for row in gaps]).encode()
    settings = declared(one.site, one.day, tellers)
    checkpoint = Checkpoint(
        site=one.site.id,
        day=one.day,
        amendment=one.amendment,
        events=len(rows),
        root=merkle.root([merkle.leaf(record(row)) for row in rows]).hex(),
        file=sha256(file).hexdigest(),
        contacts=sha256(derived).hexdigest(),
        gaps=sha256(ledger).hexdigest(),
        settings=sha256(settings).hexdigest(),
        journal=upto,
        code=version,
        previous=previous,
        sealed_us=now_us // 1_000_000 * 1_000_000,
    )
    return store.write(checkpoint, file, derived, ledger, settings, signer)


def _rows(recorder: Recorder, events: list[Told]) -> list[Row]:
    return [(recorder.row(*told), told[2].contact) for told in in_order(events)]


def _not_sealed(store: Store, chain: Sequence[SealedDay], day: date, rows: list[Row]) -> list[Row]:
    """Those that no seal of the day holds: a journal that was put back from an old copy is told once more what came after
    that copy, and the seals know of it."""
    known: set[tuple[str, str]] = set()
    for one in chain:
        if one.checkpoint.day == day:
            table = store.events(one).select(["source", "id"])
            known.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return [row for row in rows if (row[0].get("source"), row[0].get("id")) not in known]


def _months(days: Sequence[Due]) -> Iterator[list[Due]]:
    """Some days at a time: those of one month, and amendments apart."""
    run: list[Due] = []
    for one in days:
        if run and (one.day.year, one.day.month, one.after) != (run[0].day.year, run[0].day.month, run[0].after):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _by_day(journal: JournalReader, site: Site, days: Sequence[Due], upto: int) -> dict[tuple[date, int], list[Told]]:
    zone, after = ZoneInfo(site.timezone), days[0].after
    first, last = min(one.day for one in days), max(one.day for one in days)
    from_us, to_us = (_midnight(day, zone) for day in (first, last + timedelta(days=1)))
    out: dict[tuple[date, int], list[Told]] = defaultdict(list)
    for told in journal.told(site.id, from_us, to_us, after, upto):
        out[_day(told[2].time_us, zone), after].append(told)
    return out


def _midnight(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000


def _day(time_us: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(zone).date()


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (tuple, list, frozenset)):
        return [_plain(one) for one in value]
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value
