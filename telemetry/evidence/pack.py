"""The pack: one zip with the evidence, everything that it is made from, and the means to check it without us.

`manifest.json` says what the documents are made from: the records, the seals, and the headline figures with what they are
judged by. Its hash stands on every page. `SHA256SUMS` lists every file, documents too. Both are signed with the key of the
archive, and so is the zip as a whole, in its comment.
The same archive and the same question give the same bytes.
"""

from __future__ import annotations

import base64
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from importlib import resources
from pathlib import Path
from typing import Any, Final

from telemetry.archive.checkpoint import read_checkpoint
from telemetry.archive.signing import PUBLIC_FILE, Signer
from telemetry.archive.store import CHECKPOINT, EVENTS, ArchiveError, SealedDay, Store, sync
from telemetry.events import canonical_json
from telemetry.evidence.checker import verify_centres
from telemetry.evidence.counted import Counted
from telemetry.evidence.records import SEALED, csv_files, earlier, sealed_files, told_before
from telemetry.evidence.sealed import Sealed

FORM: Final = "gecc-evidence 2"
MANIFEST, SUMS, MINISIG, READ_ME = "manifest.json", "SHA256SUMS", ".minisig", "READ_ME.txt"
CHECKER: Final = (
    "verify.py", "verify_calls.py", "verify_centres.py", "verify_figures.py", "verify_records.py", "verify_seals.py",
    "verify_signature.py", "verify_verdicts.py", "verify_words.py", "verify_zip.py",
)  # fmt: skip
PACKED: Final = (".parquet", ".pdf", ".xlsx", ".png")
"""Files that hold packed data already."""
_SEALED_FILE: Final = re.compile(rf"{SEALED}(\d{{4}}-\d\d-\d\d(?:\.\d+)?)/([a-z]+\.[a-z.]+)")
_SITE: Final = re.compile(r"[a-z0-9-]{1,32}")
_END: Final = 22
"""Length of the end of a zip, whose last two bytes are the length of its comment."""
_THEN: Final = (1980, 1, 1, 0, 0, 0)
Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Data:
    """The half of a pack that the documents are made from."""

    files: Files
    """Records and seals."""
    manifest: bytes
    comment: str
    """The trusted comment of both signatures."""

    @property
    def hash(self) -> str:
        return sha256(self.manifest).hexdigest()

    @property
    def code(self) -> str:
        """What stands on pages beside the whole hash, short enough to be read out: `ABCD-2345`."""
        return code_of(self.hash)


def code_of(manifest_sha256: str) -> str:
    """40 bits of a hash as people read them: A to Z and 2 to 7."""
    code = base64.b32encode(bytes.fromhex(manifest_sha256)[:5]).decode()
    return f"{code[:4]}-{code[4:]}"


def data_of(found: Sealed, counted: Counted, store: Store, *, version: str, asked: Mapping[str, str]) -> Data:
    """Records, seals and manifest. `asked` is what else changes the documents: preset, language, standard."""
    files = dict([*csv_files(found, counted), *sealed_files(found)])
    manifest: dict[str, Any] = {
        "form": FORM,
        "code": version,
        "site": found.site.id,
        "first": str(found.first),
        "last": str(found.last),
        "records": [str(day) for day in found.records],
        "cut_off_us": counted.span_us[1],
        "checkpoint": found.chain[-1].checkpoint.hash,
        "unsealed": [str(day) for day in found.unsealed],
        "asked": dict(asked),
        "summary": counted.summary(),
        "earlier": earlier(found, store),
        "told": told_before(found, store),
        "files": {name: sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    return Data(files, manifest_text(manifest), f"site={found.site.id} first={found.first} last={found.last}")


def manifest_text(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as it is signed: canonical JSON, its parts each on a line."""
    rows = ",\n".join(
        f"{canonical_json([name])[1:-1]}:{canonical_json([value])[1:-1]}" for name, value in manifest.items()
    )
    return f"{{\n{rows}\n}}\n".encode()


def write(
    out: Path, top: str, data: Data, documents: Mapping[str, bytes], store: Store, *,
    crashpoint: Callable[[str], None] = lambda _point: None, at: Callable[[int, int], None] = lambda _done, _of: None,
) -> str:  # fmt: skip
    """Write the zip, whole or not at all; the hash of it. OSError where the disk fails: then nothing stands there."""
    signer, files = Signer(store.folder), signed_files(data, {**documents, **checker()}, store)
    half = out.with_name(f".{out.name}.half")
    try:
        with half.open("w+b") as file:
            write_zip(file, top, files.items(), signer, data.comment, crashpoint, at)
            file.flush()
            os.fsync(file.fileno())
        crashpoint("before_pack")
        half.replace(out)
        sync(out.absolute().parent)
        crashpoint("after_pack")
    except OSError:
        half.unlink(missing_ok=True)
        raise
    with out.open("rb") as file:
        return sha256_of(file)


def signed_files(data: Data, documents: Mapping[str, bytes], store: Store) -> Files:
    """Everything of a pack: the documents, what they are made from, and the lists of both with their signatures."""
    signer = Signer(store.folder)
    files: Files = {**documents, **data.files, MANIFEST: data.manifest}
    files["minisign.pub"] = (store.folder / PUBLIC_FILE).read_bytes()
    files[MANIFEST + MINISIG] = signer.sign(data.manifest, data.comment)
    files[SUMS] = "".join(
        f"{sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())
    ).encode()
    files[SUMS + MINISIG] = signer.sign(files[SUMS], data.comment)
    return files


def checker() -> Files:
    """The programs that check a pack, and how to call them."""
    ours = resources.files("telemetry.evidence") / "checker"
    return {name: (ours / name).read_bytes() for name in (*CHECKER, READ_ME)}


def sha256_of(file: Any) -> str:
    """Hash of a file that is too large to be read at once."""
    hash_ = sha256()
    while block := file.read(1 << 20):
        hash_.update(block)
    return hash_.hexdigest()


def write_zip(
    file: Any, top: str, files: Iterable[tuple[str, bytes]], signer: Signer, comment: str,
    crashpoint: Callable[[str], None] = lambda _point: None, at: Callable[[int, int], None] = lambda _done, _of: None,
) -> None:  # fmt: skip
    """The zip in its one form, signed as a whole, into an empty file that can be read."""
    ordered = sorted(files)
    with zipfile.ZipFile(file, "w") as z:
        for done, (name, content) in enumerate(ordered):
            at(done, len(ordered))
            info = zipfile.ZipInfo(f"{top}/{name}", _THEN)
            info.create_system, info.external_attr = 3, 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if name.endswith(PACKED) else zipfile.ZIP_DEFLATED
            z.writestr(info, content, compresslevel=6)
            crashpoint("pack_file")
    _sign(file, signer, comment)


def _sign(file: Any, signer: Signer, comment: str) -> None:
    """Sign the whole zip, as its own comment: what can be written in two ways, packed data above all, was written so."""
    end = file.seek(-_END, os.SEEK_END)
    file.seek(0)
    hash_ = blake2b()
    while block := file.read(min(1 << 20, end - file.tell())):
        hash_.update(block)
    signature = signer.sign_hash(hash_.digest(), comment)
    file.seek(-2, os.SEEK_END)
    file.write(len(signature).to_bytes(2, "little") + signature)


def check_seals(files: Mapping[str, bytes], scratch: Path) -> int:
    """Check the sealed days of a pack, or of each centre's part, as the archive checks its own; how many. ArchiveError where
    one does not fit. Names are looked at before anything is written below `scratch`."""
    parts = verify_centres.parts(files) or {json.loads(files[MANIFEST])["site"]: dict(files)}
    days = [day for site, of in parts.items() for day in _unpacked(site, of, scratch / "archive")]
    (scratch / "archive").mkdir(exist_ok=True)
    (scratch / "archive" / PUBLIC_FILE).write_bytes(files["minisign.pub"])
    store = Store(scratch)
    public = store.public()
    for one in days:
        store.check(one, public)
    return len(days)


def _unpacked(site: str, files: Mapping[str, bytes], folder: Path) -> Iterator[SealedDay]:
    if not _SITE.fullmatch(site):
        raise ArchiveError(f"{site!r}: not the id of a centre")
    for name, content in files.items():
        found = _SEALED_FILE.fullmatch(name)
        if found and f"{SEALED}{found[1]}/{EVENTS}" in files:
            path = folder / site / found[1][:4] / found[1] / found[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if found[2] == CHECKPOINT:
                yield SealedDay(path.parent, read_checkpoint(content))
