"""The tree is RFC 6962's: published vectors, and a naive tree made from the definition."""

from __future__ import annotations

import itertools
import os
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.integrity import merkle

ENTRIES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Of the reference implementation of Certificate Transparency, which every log is tested with."""


def naive(entries: list[bytes]) -> bytes:
    """Return MTH(D[n]) as RFC 6962, 2.1 defines it."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\0" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return sha256(b"\1" + naive(entries[:split]) + naive(entries[split:])).digest()


def hashes(entries: list[bytes]) -> bytes:
    """Return the leaf hashes of entries as one run."""
    return b"".join(map(merkle.leaf, entries))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_published_vectors(size: int) -> None:
    """Any other tree would be our own, and nobody could check it."""
    assert merkle.root(hashes(ENTRIES[:size])).hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    """RFC 6962, 2.1."""
    assert merkle.root(b"") == sha256(b"").digest()


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_the_root_is_the_one_of_the_definition(entries: list[bytes]) -> None:
    """The fast way and the recursive definition agree at every size."""
    assert merkle.root(hashes(entries)) == naive(entries)


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data())
def test_every_leaf_has_a_proof_and_no_other_has_it(entries: list[bytes], data: st.DataObject) -> None:
    """A path leads to the root from its own leaf, and from no other leaf, index or size."""
    index = data.draw(st.integers(0, len(entries) - 1))
    every, root = hashes(entries), naive(entries)
    path = merkle.inclusion(every, index)
    leaf = merkle.leaf(entries[index])
    assert merkle.root_of(leaf, index, len(entries), path) == root
    assert merkle.root_of(os.urandom(32), index, len(entries), path) != root
    for wrong in ([*path, leaf], path[:-1] if path else [leaf]):
        with pytest.raises(ValueError, match=r"path|leaf"):
            merkle.root_of(leaf, index, len(entries), wrong)
    with pytest.raises(ValueError, match="no leaf"):
        merkle.root_of(leaf, len(entries), len(entries), path)


def test_consistency_holds_between_all_sizes_and_breaks_with_any_bit() -> None:
    """A proof is accepted for the trees it is of, and for no other root, size or path."""
    entries = [bytes([n]) for n in range(20)]
    for old, new in itertools.combinations(range(1, 21), 2):
        first, second = naive(entries[:old]), naive(entries[:new])
        proof = merkle.consistency(hashes(entries[:new]), old)
        assert merkle.consistent(old, new, first, second, proof)
        assert not merkle.consistent(old, new, second, second, proof)
        assert not merkle.consistent(old, new, first, first, proof)
        assert not merkle.consistent(old, new, first, second, [*proof, first])
        assert not merkle.consistent(old, new, first, second, proof[:-1])
        for place in range(len(proof)):
            broken = [*proof[:place], bytes(32), *proof[place + 1 :]]
            assert not merkle.consistent(old, new, first, second, broken)


def test_a_log_is_consistent_with_itself_only() -> None:
    """Equal sizes need equal roots and no proof; nothing is consistent with a tree of nothing."""
    assert merkle.consistent(3, 3, b"a", b"a", [])
    assert not merkle.consistent(3, 3, b"a", b"b", [])
    assert not merkle.consistent(0, 3, b"a", b"b", [b"c"])
    assert not merkle.consistent(4, 3, b"a", b"b", [b"c"])
