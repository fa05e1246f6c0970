"""Signatures in the form of minisign, by Ed25519 as RFC 8032 has it, in whole numbers. `minisign -V` says the same."""

from __future__ import annotations

import base64
import json
from hashlib import blake2b, sha256, sha512
from pathlib import Path
from typing import Any

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]
"""X, Y, Z, T of a point x = X/Z, y = Y/Z, T = XY/Z."""
ZERO = (0, 1, 1, 0)
UNTRUSTED = b"untrusted comment: signature of gecc-telemetry"


def add(p: Point, q: Point) -> Point:
    """RFC 8032, 5.1.4; right for equal points too."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * D * p[3] * q[3] % P, 2 * p[2] * q[2]
    e, f, g, h = (b - a) % P, (d - c) % P, (d + c) % P, (b + a) % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def point(data: bytes) -> Point | None:
    """The point that these bytes stand for, in their one form; None where they are none."""
    if len(data) != 32:
        return None
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x % 2 != sign else x
    return x, y, 1, x * y % P


def bytes_of(p: Point) -> bytes:
    by_z = pow(p[2], -1, P)
    return (p[1] * by_z % P | (p[0] * by_z % P % 2) << 255).to_bytes(32, "little")


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or ZERO


def fits(key: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032, 5.1.7."""
    whose, s = point(key), int.from_bytes(signature[32:], "little")
    if whose is None or len(signature) != 64 or s >= L:
        return False
    h = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % L
    minus = (P - whose[0], whose[1], 1, P - whose[3])
    terms, total = (ZERO, BASE, minus, add(BASE, minus)), ZERO
    for i in range(L.bit_length() - 1, -1, -1):  # s * BASE - h * whose, both at once
        total = add(total, total)
        if which := (s >> i & 1) + 2 * (h >> i & 1):
            total = add(total, terms[which])
    return bytes_of(total) == signature[:32]


def key(public: bytes) -> tuple[str, str, str]:
    """A public key as it is told: its line, its id as minisign writes it, and the SHA-256 of its 32 bytes."""
    line = public.decode().splitlines()[1]
    packed = base64.b64decode(line, validate=True)
    return line, packed[2:10][::-1].hex().upper(), sha256(packed[10:]).hexdigest()


def key_of(told: str) -> str:
    """A key that somebody was told, as it is compared: the line of a file, an id, or a fingerprint in one piece."""
    if Path(told).is_file():
        return Path(told).read_text("utf-8").splitlines()[1]
    plain = told.replace(" ", "").replace(":", "")
    return {16: plain.upper(), 64: plain.lower()}.get(len(plain), told)


def problem(public: bytes, message: bytes, signature: bytes, comment: str) -> str:
    """What is wrong with a .minisig file under a message; "" where it is good and its trusted comment is this one."""
    try:
        key = base64.b64decode(public.splitlines()[1], validate=True)
        _, first, _, second = signature.splitlines()
        raw, over = (base64.b64decode(x, validate=True) for x in (first, second))
    except (IndexError, ValueError) as wrong:
        return f"not in the form of minisign: {wrong}"
    lines = (UNTRUSTED, base64.b64encode(raw), b"trusted comment: " + comment.encode(), base64.b64encode(over))
    if signature != b"".join(line + b"\n" for line in lines) or raw[:2] != b"ED" or key[:2] != b"Ed" or len(key) != 42:
        return "not of this file, or not in its one form"
    if raw[2:10] != key[2:10]:
        return "signed with another key"
    right = fits(key[10:], blake2b(message).digest(), raw[10:]) and fits(key[10:], raw[10:] + comment.encode(), over)
    return "" if right else "the signature does not fit"


def of_corrections(public: bytes, by_hand: list[dict[str, str]], ledger: list[dict[str, Any]]) -> str:
    """What is wrong with the records (fields as text) that were told by hand: each is signed, with who, why and when, as
    some row of the ledgers says."""
    told = {row["seq"]: row for row in ledger if row["kind"] == "correction"}
    for record in by_hand:
        numbers = {k: int(record[k]) for k in ("time_us", "a", "b", "c") if record[k]}
        texts = {k: v for k, v in record.items() if v and k not in ("seq", "id", "received_us")}
        row = told.get(int(record["seq"]), {})
        said = texts | numbers | {k: row[k] for k in ("by", "why", "at") if k in row}
        message = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        comment = f"site={record['site']} correction={sha256(message).hexdigest()[:32]}"
        if wrong := problem(public, message, row["signature"].encode(), comment) if row else "no ledger says by whom":
            return f"record {record['seq']}, told by hand: {wrong}"
    return ""
