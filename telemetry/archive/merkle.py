"""Merkle trees as RFC 9162 hashes them: one root for any number of records, and a short proof for each."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

EMPTY = sha256().digest()
"""Root of no records."""


def leaf(record: bytes) -> bytes:
    """Hash of one record."""
    return sha256(b"\x00" + record).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash of leaf hashes in their order (RFC 9162, 2.1.1)."""
    if not leaves:
        return EMPTY
    level = list(leaves)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        # Joining neighbours level by level gives the tree of the RFC: its left part is the largest power of two.
        level = [node(a, b) for a, b in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0]


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Hashes that lead from leaf `index` to the root, nearest first; IndexError outside."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"record {index} of {len(leaves)}")
    out: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        other = index ^ 1
        if other < len(level):
            out.append(level[other])
        odd = level[-1:] if len(level) % 2 else []
        level = [node(a, b) for a, b in zip(level[::2], level[1::2], strict=False)] + odd
        index //= 2
    return out


def proves(record: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Whether `path` shows that `record` is number `index` of `size` under the root `expected` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, hash_ = index, size - 1, leaf(record)
    for sibling in path:
        if last == 0:
            return False
        if at % 2 or at == last:
            hash_ = node(sibling, hash_)
            while not at % 2 and at:
                at, last = at >> 1, last >> 1
        else:
            hash_ = node(hash_, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and hash_ == expected
