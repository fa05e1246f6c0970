"""Time stamps of a third party (RFC 3161) over checkpoints: who holds our key still cannot date a seal back.

A stamp stands beside the sealed folder (`<day>.tsr`), not in it, because it may come later: an authority that does not
answer keeps no day from being sealed. `openssl ts -verify -data checkpoint.txt -in <day>.tsr -CAfile …` checks it without us.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from hashlib import sha512
from pathlib import Path

from rfc3161_client import PKIStatus, TimestampRequestBuilder, TimeStampResponse, decode_timestamp_response

from telemetry.archive.store import CHECKPOINT, SealedDay, sync

TIMEOUT_S = 20.0
MOST_BYTES = 64 * 1024


class StampError(Exception):
    """An authority gave no stamp; the text says which and why."""


def stamp_file(day: SealedDay) -> Path:
    """Where the stamp of a sealed day stands."""
    return day.folder.with_name(f"{day.folder.name}.tsr")


def stamp(day: SealedDay, url: str, *, timeout_s: float = TIMEOUT_S) -> Path:
    """Ask the authority at `url` for a stamp over the day's checkpoint, and keep it. StampError when there is none."""
    text = (day.folder / CHECKPOINT).read_bytes()
    request = TimestampRequestBuilder().data(text).build()
    asked = urllib.request.Request(  # noqa: S310  the scheme is checked where the setting is read
        url, request.as_bytes(), {"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=timeout_s) as answer:  # noqa: S310
            raw = answer.read(MOST_BYTES + 1)
    except OSError as problem:
        if isinstance(problem, urllib.error.HTTPError):
            problem.close()
        raise StampError(f"{url}: {problem}") from problem
    response = _read(raw, url)
    told = response.tst_info
    if told.nonce != request.nonce or not _stamps(response, text):
        raise StampError(f"{url}: the stamp is of something else")
    path = stamp_file(day)
    half = path.with_name(f".half-{path.name}")
    with half.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)
    sync(path.parent)
    return path


def stamped(day: SealedDay) -> TimeStampResponse | None:
    """The stamp of a sealed day if it is of its checkpoint, None where there is none; StampError where it is of another.
    Whether its authority is to be trusted is the business of whoever has the authority's certificate."""
    path = stamp_file(day)
    if not path.exists():
        return None
    response = _read(path.read_bytes(), str(path))
    if not _stamps(response, (day.folder / CHECKPOINT).read_bytes()):
        raise StampError(f"{path}: is the stamp of another checkpoint")
    return response


def _read(raw: bytes, where: str) -> TimeStampResponse:
    try:
        if len(raw) > MOST_BYTES:
            raise ValueError("too long")  # noqa: TRY301
        response = decode_timestamp_response(raw)
    except ValueError as problem:
        raise StampError(f"{where}: not a time stamp: {problem}") from problem
    if PKIStatus(response.status) not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
        raise StampError(f"{where}: refused: {', '.join(response.status_string) or PKIStatus(response.status).name}")
    return response


def _stamps(response: TimeStampResponse, text: bytes) -> bool:
    return bytes(response.tst_info.message_imprint.message) == sha512(text).digest()
