"""Ways to spoil a true record: what wires, disks, copying by hand and people who mean harm do to logs and messages."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

_NUMBER = re.compile(rb"\d+")
_YEAR = re.compile(rb"(?<!\d)(?:20\d\d)(?!\d)")
_DELIMITERS = (b",", b"|", b";", b":", b" ", b"\t", b'"', b"=", b"&")
_NUMBERS = (
    b"-1", b"-0", b"0", b"00", b"1e9", b"1.5", b"NaN", b"Infinity", b"2147483648", b"9" * 12, b"9" * 15, b"9" * 19,
    b"18446744073709551616", b"9" * 4400, "๑๒๓".encode(), "²".encode(), b"0812345678", b"+66812345678",
)  # fmt: skip
_ERAS = (b"2569", b"2400", b"1969", b"1999", b"2100", b"0000", b"9999", b"69", b"2569-02-29", "๒๕๖๙".encode())
_JUNK = (
    b"", b'"', b'""', b"'", b"\\", b"\0", b"\r", b"\n", b"\r\n", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b[0m",
    "\N{PARAGRAPH SEPARATOR}".encode(), "สายด่วน".encode("cp874"), "สายด่วน".encode(), b"\xb9\xe8\xdb", b"{", b"}", b"[", b"<I>", b"Call ",
    b"cdrRecordType", b"time-start", b"disposition", b"null", b"true", b"\\ud800", b"\\u0000", b"%00", b"%",
)  # fmt: skip
_DEEP = (b"[" * 3000, b'{"a":' * 3000, b'{"a":' * 200 + b"1" + b"}" * 200)
_LONG = (b"x" * 70_000, b"9" * 70_000, b"," * 5000, b'"' * 4001, b"a" * 65)


def spoilt(rng: random.Random, record: bytes, others: Sequence[bytes]) -> bytes:
    """The record after one, two or three accidents; now and then none. `others` are true records beside it."""
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 2, 3))):
        record = rng.choice(_WAYS)(rng, record, others)
    return record


def _flip(rng: random.Random, record: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(record) + 1)
    return record[:at] + bytes((rng.randrange(256),)) + record[at + 1 :]


def _cut(rng: random.Random, record: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = sorted((rng.randrange(len(record) + 1), rng.randrange(len(record) + 1)))
    return rng.choice((record[:begin], record[end:], record[:begin] + record[end:]))


def _splice(rng: random.Random, record: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    return record[: rng.randrange(len(record) + 1)] + other[rng.randrange(len(other) + 1) :]


def _cells(rng: random.Random, record: bytes, others: Sequence[bytes]) -> bytes:
    """Cells repeated, removed, exchanged, emptied, or taken over from another record."""
    delimiter = max(rng.sample(_DELIMITERS, 4), key=record.count)
    cells, other = record.split(delimiter), rng.choice(others).split(delimiter)
    at, way = rng.randrange(len(cells)), rng.randrange(5)
    if way == 0:
        cells[at:at] = [cells[at]] * rng.choice((1, 1, 2, 40))
    elif way == 1:
        del cells[at : at + rng.choice((1, 1, 3))]
    elif way == 2:
        to = rng.randrange(len(cells))
        cells[at], cells[to] = cells[to], cells[at]
    elif way == 3:
        cells[at] = b""
    else:
        cells[at] = rng.choice(other)
    return delimiter.join(cells)


def _number(rng: random.Random, record: bytes, _: Sequence[bytes]) -> bytes:
    found = list(_NUMBER.finditer(record))
    if not found:
        return record
    one = rng.choice(found)
    near = str(max(int(one[0][:15]) + rng.choice((-1, 1, -3600, 3600, 10**6)), -9)).encode()
    return record[: one.start()] + rng.choice((*_NUMBERS, near, near, near, near)) + record[one.end() :]


def _era(rng: random.Random, record: bytes, _: Sequence[bytes]) -> bytes:
    return _YEAR.sub(rng.choice(_ERAS), record, count=rng.choice((0, 1)))


def _junk(rng: random.Random, record: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(record) + 1)
    return record[:at] + rng.choice(_JUNK) + record[at + rng.choice((0, 0, 1, 4)) :]


def _big(rng: random.Random, record: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(record) + 1)
    return record[:at] + rng.choice(_LONG + _DEEP) + record[at:] if rng.random() < 0.04 else record


def _noise(rng: random.Random, record: bytes, _: Sequence[bytes]) -> bytes:
    return rng.randbytes(rng.randrange(100)) if rng.random() < 0.2 else record


_WAYS = (_flip, _flip, _cut, _splice, _cells, _cells, _number, _number, _era, _junk, _junk, _big, _noise)
