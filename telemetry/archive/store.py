"""The folder of sealed days of one data folder: written whole or not at all, read with everything checked.

archive/signing.key, minisign.pub
archive/<site>/<year>/<day>[.<amendment>]/  events.parquet contacts.parquet gaps.json settings.json
                                            checkpoint.txt checkpoint.txt.minisig
archive/<site>/chain.txt                    one line a checkpoint: its hash, day, amendment
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from telemetry.archive import merkle, record
from telemetry.archive.checkpoint import FIRST, NAME, Checkpoint, CheckpointError, read_checkpoint
from telemetry.archive.signing import PUBLIC_FILE, Signer, SigningError, check, read_public

EVENTS, CONTACTS, GAPS, SETTINGS = "events.parquet", "contacts.parquet", "gaps.json", "settings.json"
CHECKPOINT, SIGNATURE, CHAIN = NAME, "checkpoint.txt.minisig", "chain.txt"
_HALF = ".half-"
"""Beginning of the names of folders that are still being written."""


class ArchiveError(Exception):
    """A sealed day is damaged, missing or forged; the text names the file and what does not fit."""


@dataclass(frozen=True, slots=True)
class SealedDay:
    """One folder of the archive."""

    folder: Path
    checkpoint: Checkpoint


class Store:
    """The archive of one data folder."""

    def __init__(self, data: Path, *, crashpoint: Callable[[str], None] = lambda _point: None) -> None:
        self.folder = data / "archive"
        self._crashpoint = crashpoint

    def sites(self) -> list[str]:
        """Ids of the sites that have sealed days."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def days(self, site: str) -> list[SealedDay]:
        """The seals of a site in the order in which they were made; ArchiveError where the chain is broken."""
        found: dict[str, SealedDay] = {}
        for folder in self._folders(site):
            path = folder / CHECKPOINT
            try:
                checkpoint = read_checkpoint(path.read_bytes())
            except (OSError, CheckpointError) as problem:
                raise ArchiveError(f"{path}: {problem}") from problem
            if checkpoint.site != site or folder.name != name_of(checkpoint.day, checkpoint.amendment):
                raise ArchiveError(f"{path}: is the checkpoint of another day")
            if checkpoint.previous in found:
                raise ArchiveError(f"{path}: {found[checkpoint.previous].folder.name} has the same one before: a fork")
            found[checkpoint.previous] = SealedDay(folder, checkpoint)
        out: list[SealedDay] = []
        before = FIRST
        while before in found:
            out.append(found.pop(before))
            before = out[-1].checkpoint.hash
        if found:
            lost = next(iter(found.values()))
            raise ArchiveError(f"{lost.folder}: the checkpoint before it is missing or was changed")
        return out

    def write(
        self, checkpoint: Checkpoint, events: bytes, contacts: bytes, gaps: bytes, settings: bytes, signer: Signer
    ) -> SealedDay:
        """Write one sealed day: after a crash all of it is there, or nothing."""
        year = self.folder / checkpoint.site / str(checkpoint.day.year)
        name = name_of(checkpoint.day, checkpoint.amendment)
        half = year / f"{_HALF}{name}"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        text = checkpoint.text()
        files: Mapping[str, bytes] = {
            EVENTS: events,
            CONTACTS: contacts,
            GAPS: gaps,
            SETTINGS: settings,
            CHECKPOINT: text,
            SIGNATURE: signer.sign(text, checkpoint.comment),
        }
        for file, content in files.items():
            _write(half / file, content)
            self._crashpoint("seal_file")
        sync(half)
        self._crashpoint("before_seal")
        half.rename(year / name)
        sync(year)
        sync(year.parent)
        self._crashpoint("after_seal")
        return SealedDay(year / name, checkpoint)

    def write_chain(self, site: str, days: list[SealedDay]) -> None:
        """The list of checkpoints, for people and for mail; the checkpoints themselves are the chain."""
        lines = [f"{d.checkpoint.hash} {d.checkpoint.day} {d.checkpoint.amendment}\n" for d in days]
        path = self.folder / site / CHAIN
        _write(path.with_name(f"{_HALF}{CHAIN}"), "".join(lines).encode())
        path.with_name(f"{_HALF}{CHAIN}").rename(path)
        sync(path.parent)

    def verify(self, site: str, days: list[SealedDay] | None = None) -> Iterator[SealedDay]:
        """Check the seals of a site one after another, signatures and every record; ArchiveError at the first that is
        not as it was sealed."""
        public = self.public()
        for day in self.days(site) if days is None else days:
            self.check(day, public)
            yield day

    def public(self) -> tuple[bytes, bytes]:
        """The archive's public key and its id."""
        path = self.folder / PUBLIC_FILE
        try:
            return read_public(path.read_bytes())
        except (OSError, SigningError) as problem:
            raise ArchiveError(f"{path}: {problem}") from problem

    def check_files(self, day: SealedDay, public: tuple[bytes, bytes], *, only_checkpoint: bool = False) -> None:
        """ArchiveError where the checkpoint of a sealed day, or one of its files, is not as it was sealed."""
        c, folder = day.checkpoint, day.folder
        try:
            text = (folder / CHECKPOINT).read_bytes()
            comment = check(text, (folder / SIGNATURE).read_bytes(), public)
        except (OSError, SigningError) as problem:
            raise ArchiveError(f"{folder / SIGNATURE}: {problem}") from problem
        if text != c.text() or comment != c.comment:
            raise ArchiveError(f"{folder / SIGNATURE}: is the signature of another day")
        if only_checkpoint:
            return
        for name, expected in ((EVENTS, c.file), (CONTACTS, c.contacts), (GAPS, c.gaps), (SETTINGS, c.settings)):
            try:
                found = sha256((folder / name).read_bytes()).hexdigest()
            except OSError as problem:
                raise ArchiveError(f"{folder / name}: {problem.strerror}") from problem
            if found != expected:
                raise ArchiveError(f"{folder / name}: was changed after it was sealed")

    def check(self, day: SealedDay, public: tuple[bytes, bytes]) -> pa.Table:
        """The events of a sealed day, if everything of it is as it was sealed, record by record; else ArchiveError."""
        self.check_files(day, public)
        c, folder = day.checkpoint, day.folder
        table = self.events(day)
        leaves = [merkle.leaf(record.record(row)) for row in record.rows_of(table)]
        if len(leaves) != c.events or merkle.root(leaves).hex() != c.root:
            raise ArchiveError(f"{folder / EVENTS}: its records are not those that were sealed")
        return table

    def events(self, day: SealedDay) -> pa.Table:
        """The events of a sealed day as columns; ArchiveError where the file cannot be read."""
        path = day.folder / EVENTS
        try:
            table = pq.read_table(path)
            return table.select(record.SCHEMA.names).cast(record.SCHEMA)
        except (OSError, pa.ArrowException, KeyError, ValueError) as problem:
            raise ArchiveError(f"{path}: {problem}") from problem

    def _folders(self, site: str) -> Iterator[Path]:
        for year in sorted((self.folder / site).glob("[0-9][0-9][0-9][0-9]")):
            yield from sorted(path for path in year.iterdir() if path.is_dir() and not path.name.startswith(_HALF))


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the archive of a data folder: two that seal at once would write two chains. BlockingIOError when it is held."""
    folder = data / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise BlockingIOError(f"{folder}: another process seals days here just now") from problem
        yield


def name_of(day: date, amendment: int) -> str:
    """Name of the folder of a day, or of an amendment to it."""
    return f"{day}.{amendment}" if amendment else f"{day}"


def parquet(table: pa.Table) -> bytes:
    """The file of a table; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", version="2.6", write_statistics=False, store_schema=True)
    return bytes(sink.getvalue())


def sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
