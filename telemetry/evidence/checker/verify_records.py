"""Records as they were sealed: a line of CSV is canonical JSON again, its hash a leaf of the Merkle tree of RFC 9162."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from hashlib import sha256

FIELDS = ["seq", "site", "source", "id", "type", "time_us", "received_us", "unit", "contact", "party", "person", "a", "b", "c"]  # fmt: skip
NUMBERS = {"seq", "time_us", "received_us", "a", "b", "c"}


def rows(content: bytes) -> Iterator[tuple[str, bytes, list[str]]]:
    """(seal, leaf, values of FIELDS) of each line; ValueError for another form."""
    quoted = json.encoder.encode_basestring
    order = [(FIELDS.index(name), f'"{name}":', name in NUMBERS) for name in sorted(FIELDS)]
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=""), strict=True)
    if next(lines) != ["seal", "local_time", *FIELDS]:
        raise ValueError("other columns")
    for seal, _, *values in lines:
        if len(values) != len(FIELDS):
            raise ValueError("a line of another length")
        told = [key + (values[i] if number else quoted(values[i])) for i, key, number in order if values[i]]
        yield seal, sha256(("\0{" + ",".join(told) + "}").encode()).digest(), values


def root(level: list[bytes]) -> bytes:
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0] if level else sha256().digest()


def proves(record: bytes, index: int, size: int, path: list[str], expected: str) -> bool:
    """RFC 9162, 2.1.3.2: the path leads from the record to the root."""
    last, hash_, inside = size - 1, sha256(b"\0" + record).digest(), 0 <= index < size
    for sibling in map(bytes.fromhex, path):
        inside = inside and last > 0
        left = index % 2 == 1 or index == last
        hash_ = sha256(b"\1" + (sibling + hash_ if left else hash_ + sibling)).digest()
        while left and index and index % 2 == 0:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    return inside and last == 0 and hash_.hex() == expected
