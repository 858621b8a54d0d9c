"""The Merkle tree of RFC 6962, section 2.1: roots, inclusion and consistency proofs, and checking them.

Hashes come and go as one run of bytes, 32 for each: a tree over a commit's rows has hundreds of thousands of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from store.integrity import hashing
from store.integrity.hashing import fixed, sha256_each

SIZE = hashing.SIZE
EMPTY = sha256(b"").digest()


def leaf(entry: bytes) -> bytes:
    """Return the hash of an entry."""
    return sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


def root(hashes: bytes) -> bytes:
    """Return the root over leaf hashes, or over the roots of whole subtrees of one size; the last may be smaller."""
    if not hashes:
        return EMPTY
    while len(hashes) > SIZE:
        hashes = _parents(hashes)
    return hashes


def _parents(hashes: bytes) -> bytes:
    """Return the level above: pairs are hashed, a last one without a partner goes up as it is."""
    pairs = len(hashes) // (2 * SIZE)
    messages = np.ones((pairs, 1 + 2 * SIZE), dtype=np.uint8)
    messages[:, 1:] = np.frombuffer(hashes, np.uint8, pairs * 2 * SIZE).reshape(pairs, 2 * SIZE)
    return sha256_each(fixed(messages)) + hashes[pairs * 2 * SIZE :]


def inclusion(hashes: bytes, index: int) -> list[bytes]:
    """Return the audit path of a leaf, from its sibling up."""
    return inclusions(hashes, [index])[0]


def inclusions(hashes: bytes, indexes: Sequence[int]) -> list[list[bytes]]:
    """Return the audit paths of some leaves of one tree."""
    places, paths = list(indexes), [list[bytes]() for _ in indexes]
    while len(hashes) > SIZE:
        for at, place in enumerate(places):
            sibling = (place ^ 1) * SIZE
            if sibling < len(hashes):
                paths[at].append(hashes[sibling : sibling + SIZE])
            places[at] = place // 2
        hashes = _parents(hashes)
    return paths


def root_of(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an audit path leads to (RFC 9162, 2.1.3.2). ValueError for a path of the wrong length."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    last, found = size - 1, leaf_hash
    for step in path:
        if last == 0:
            raise ValueError("the path is too long")
        if index & 1 or index == last:
            found = node(step, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = node(found, step)
        index, last = index >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return found


def consistency(hashes: bytes, old: int) -> list[bytes]:
    """Return the proof that a tree of the first `old` leaves is a beginning of this one (RFC 6962, 2.1.2)."""
    return _subproof(hashes, old, whole=True)


def _subproof(hashes: bytes, old: int, *, whole: bool) -> list[bytes]:
    size = len(hashes) // SIZE
    if old == size:
        return [] if whole else [root(hashes)]
    split = 1 << (size - 1).bit_length() - 1
    left, right = hashes[: split * SIZE], hashes[split * SIZE :]
    if old <= split:
        return [*_subproof(left, old, whole=whole), root(right)]
    return [*_subproof(right, old - split, whole=False), root(left)]


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether a proof shows that the tree of `old` leaves is a beginning of that of `new` (RFC 9162, 2.1.4.2)."""
    if old == new:
        return old_root == new_root and not proof
    if not 0 < old < new:
        return False
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not steps:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            before, after = node(step, before), node(step, after)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            after = node(after, step)
        first, last = first >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
