"""Merkle trees: the vectors of Certificate Transparency, and every proof of every small tree."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.archive import merkle

CT_RECORDS = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots of the first n records, the test vectors of the reference implementation."""


@pytest.mark.parametrize("n", range(9))
def test_roots_are_those_of_certificate_transparency(n):
    assert merkle.root([merkle.leaf(r) for r in CT_RECORDS[:n]]).hex() == CT_ROOTS[n]


def by_the_letter(leaves):
    """The tree hash as RFC 9162 writes it down."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node(by_the_letter(leaves[:k]), by_the_letter(leaves[k:]))


@pytest.mark.parametrize("n", range(1, 70))
def test_the_root_is_the_one_of_the_letter_and_every_record_can_be_proved_in_its_place_only(n):
    records = [b"%d" % i for i in range(n)]
    leaves = [merkle.leaf(r) for r in records]
    root = merkle.root(leaves)
    assert root == by_the_letter(leaves)
    for i, record in enumerate(records):
        path = merkle.proof(leaves, i)
        assert merkle.proves(record, i, n, path, root)
        assert not merkle.proves(b"other", i, n, path, root)
        assert n == 1 or not merkle.proves(record, (i + 1) % n, n, path, root)
        assert not merkle.proves(record, i, n, [*path, root], root)
        assert not path or not merkle.proves(record, i, n, path[:-1], root)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_another_record_order_or_count_has_another_root(records, data):
    leaves = [merkle.leaf(r) for r in records]
    i = data.draw(st.integers(0, len(records) - 1))
    other = data.draw(st.binary(max_size=8).filter(lambda r: r != records[i]))
    assert merkle.root([*leaves[:i], merkle.leaf(other), *leaves[i + 1 :]]) != merkle.root(leaves)
    assert merkle.root(leaves[:i] + leaves[i + 1 :]) != merkle.root(leaves)
    assert merkle.root([*leaves, merkle.leaf(other)]) != merkle.root(leaves)


def test_a_node_is_never_taken_for_a_record():
    leaves = [merkle.leaf(b"a"), merkle.leaf(b"b")]
    assert merkle.root([merkle.leaf(leaves[0] + leaves[1])]) != merkle.root(leaves)


def test_a_record_that_is_not_there_cannot_be_proved():
    with pytest.raises(IndexError):
        merkle.proof([merkle.leaf(b"a")], 1)
    assert not merkle.proves(b"a", 1, 1, [], merkle.leaf(b"a"))
    assert not merkle.proves(b"a", -1, 1, [], merkle.leaf(b"a"))
