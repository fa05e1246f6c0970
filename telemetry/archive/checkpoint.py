"""The checkpoint of a sealed day: a few lines of text that commit to everything of it, and to the checkpoint before.

It can be mailed, printed or read out; signed in the form of minisign, it is checked without us.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

NAME = "checkpoint.txt"
HEADER = "gecc-checkpoint 1"
FIRST = "0" * 64
"""What the first checkpoint of a site names as the one before."""
_FORMS = {
    "site": r"[a-z0-9-]{1,32}",
    "day": r"\d{4}-\d{2}-\d{2}",
    "amendment": r"0|[1-9]\d{0,5}",
    "events": r"0|[1-9]\d{0,11}",
    "root": r"[0-9a-f]{64}",
    "file": r"[0-9a-f]{64}",
    "contacts": r"[0-9a-f]{64}",
    "gaps": r"[0-9a-f]{64}",
    "settings": r"[0-9a-f]{64}",
    "journal": r"0|[1-9]\d{0,17}",
    "code": r"[0-9A-Za-z.+-]{1,40}",
    "previous": r"[0-9a-f]{64}",
    "sealed": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z",
}
"""Names of the lines in their order, and what stands behind each."""


class CheckpointError(ValueError):
    """A text is no checkpoint; it says which line."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one seal commits to."""

    site: str
    day: date
    amendment: int
    """0 is the day itself; n holds only what came after seal n - 1."""
    events: int
    root: str
    """Merkle root of the records, hex."""
    file: str
    """SHA-256 of the file of events, hex: a copy of it can be checked without reading Parquet."""
    contacts: str
    gaps: str
    settings: str
    """The same of the files beside it."""
    journal: int
    """Newest journal offset that was looked at: later events of the day go into an amendment."""
    code: str
    previous: str
    """SHA-256 of the site's checkpoint before, hex."""
    sealed_us: int

    def text(self) -> bytes:
        """The file."""
        sealed = datetime.fromtimestamp(self.sealed_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        values = {name: getattr(self, name) for name in _FORMS if name != "sealed"}
        lines = [HEADER, *(f"{name} {value}" for name, value in values.items()), f"sealed {sealed}"]
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def hash(self) -> str:
        """What the next checkpoint names as the one before."""
        return sha256(self.text()).hexdigest()

    @property
    def comment(self) -> str:
        """The trusted comment of its signature."""
        return f"site={self.site} day={self.day} amendment={self.amendment}"


def read_checkpoint(data: bytes) -> Checkpoint:
    """The checkpoint of a file; CheckpointError for anything that is not its one form."""
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as problem:
        raise CheckpointError(f"byte {problem.start}: not ASCII") from problem
    if lines[0] != HEADER or lines[-1] != "" or len(lines) != len(_FORMS) + 2:
        raise CheckpointError("not a checkpoint of this form")
    values: dict[str, str] = {}
    for number, (line, (name, form)) in enumerate(zip(lines[1:], _FORMS.items(), strict=False), 2):
        key, _, value = line.partition(" ")
        if key != name or not re.fullmatch(form, value):
            raise CheckpointError(f"line {number}: expected {name}, got {line[:80]!r}")
        values[name] = value
    try:
        sealed = datetime.strptime(values["sealed"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return Checkpoint(
            site=values["site"],
            day=date.fromisoformat(values["day"]),
            amendment=int(values["amendment"]),
            events=int(values["events"]),
            root=values["root"],
            file=values["file"],
            contacts=values["contacts"],
            gaps=values["gaps"],
            settings=values["settings"],
            journal=int(values["journal"]),
            code=values["code"],
            previous=values["previous"],
            sealed_us=int(sealed.timestamp()) * 1_000_000,
        )
    except ValueError as problem:
        raise CheckpointError(str(problem)) from problem


def looked_upto(archive: Path) -> int:
    """The newest journal offset that a seal of this archive has looked at, by the newest day of each site; 0 where there is
    none. What cannot be read is passed over: whoever reads the archive itself tells of that."""
    newest = 0
    for site in archive.glob("*/"):
        with suppress(OSError, ValueError):  # no year yet, no day yet, no checkpoint
            year = max(path for path in site.iterdir() if path.name.isdecimal())
            day = max(name for name in os.listdir(year) if not name.startswith("."))  # noqa: PTH208  there are many
            newest = max(newest, read_checkpoint((year / day / NAME).read_bytes()).journal)
    return newest
