"""Rows that leave a batch: the hashes of their subtrees stay, so that the root and the others' proofs do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from store.integrity import merkle
from store.integrity.streams import Key, trees
from store.tables.integrity import RETIRED_LEAVES


@dataclass(frozen=True)
class Node:
    """The hash over `leaves` consecutive leaves from `first` on: a power of two of them, `first` a multiple of it."""

    first: int
    leaves: int
    hash: bytes


Known = Mapping[Key, Sequence[Node]]
Leaves = NDArray[np.uint8]


def nodes(
    rows: pa.Table, gone: pa.Array, known: Known, removal: str, reason: str, moment: datetime
) -> pa.Table:
    """Return the rows of `retired_leaves` to append before a commit removes the rows for which `gone` is true.

    `rows` are all rows the lake still holds of the batches concerned, with `streams.COLUMNS`; rows without a leaf are
    passed over. `known` are the nodes of earlier removals (`read`). `removal` is a fresh random name: the commit's
    note says `"retired": removal`, and until a commit does, the nodes count for nothing.
    """
    sealed = rows["leaf_hash"].is_valid()
    rows, gone = rows.filter(sealed), pa.chunked_array([gone]).filter(sealed).combine_chunks()
    made = []
    for key, places, hashes in trees(rows):
        removed = gone.take(pa.array(places)).to_numpy(zero_copy_only=False)
        slots = free(known.get(key, ()), len(places))[removed]
        kept = np.frombuffer(hashes, np.uint8).reshape(-1, merkle.SIZE)[removed].tobytes()
        made += [_row(key, node, removal, reason, moment) for node in _blocks(slots, kept)]
    return pa.Table.from_pylist(made, RETIRED_LEAVES.schema)


def read(table: pa.Table, removals: Collection[str]) -> dict[Key, list[Node]]:
    """Return the nodes of each tree from rows of `retired_leaves`, of removals that took place."""
    found: dict[Key, list[Node]] = {}
    for row in table.to_pylist():
        if row["removal"] in removals:
            key = (row["batch_id"], row["source_topic"], row["source_partition"])
            found.setdefault(key, []).append(Node(row["first_leaf"], row["leaves"], row["hash"]))
    return found


def removals(entries: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of the removals that took place, from the log's entries."""
    return {name for entry in entries if (name := entry.get("note", {}).get("retired")) is not None}


def free(known: Sequence[Node], rows: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the places in their tree of rows that are left beside the nodes."""
    size = rows + sum(node.leaves for node in known)
    taken = np.zeros(size, dtype=np.bool_)
    for node in known:
        taken[node.first : node.first + node.leaves] = True
    return np.flatnonzero(~taken)


def root(hashes: bytes, known: Sequence[Node]) -> bytes:
    """Return the root of a tree of which some leaves are only known by the hashes over them.

    ValueError when the nodes lap over each other or reach beyond the tree.
    """
    if not known:
        return merkle.root(hashes)
    leaves, inside = _spread(hashes, known)
    return _over(leaves, inside, 0, len(leaves))


def inclusions(hashes: bytes, known: Sequence[Node], indexes: Sequence[int]) -> list[list[bytes]]:
    """Return the audit paths of leaves of such a tree, given by their places in it."""
    if not known:
        return merkle.inclusions(hashes, indexes)
    leaves, inside = _spread(hashes, known)
    return [_path(leaves, inside, index) for index in indexes]


def _path(leaves: Leaves, known: Sequence[Node], index: int) -> list[bytes]:
    path, start, end = [], 0, len(leaves)
    while end - start > 1:
        split = _split(start, end)
        if index < split:
            path.append(_over(leaves, known, split, end))
            end = split
        else:
            path.append(_over(leaves, known, start, split))
            start = split
    return path[::-1]


def _spread(hashes: bytes, known: Sequence[Node]) -> tuple[Leaves, list[Node]]:
    """Return the leaves that are there at their places in the tree, and the nodes in order."""
    rows = len(hashes) // merkle.SIZE
    slots = free(known, rows)
    if len(slots) != rows:
        raise ValueError("retired leaves overlap")
    leaves = np.zeros((rows + sum(node.leaves for node in known), merkle.SIZE), dtype=np.uint8)
    leaves[slots] = np.frombuffer(hashes, np.uint8).reshape(-1, merkle.SIZE)
    return leaves, sorted(known, key=lambda node: node.first)


def _split(start: int, end: int) -> int:
    return start + (1 << (end - start - 1).bit_length() - 1)


def _over(leaves: Leaves, known: Sequence[Node], start: int, end: int) -> bytes:
    inside = [node for node in known if node.first < end and node.first + node.leaves > start]
    if not inside:
        return merkle.root(leaves[start:end].tobytes())
    if inside[0].first == start and inside[0].leaves == end - start:
        return inside[0].hash
    if end - start == 1:
        raise ValueError("retired leaves are no subtree")
    split = _split(start, end)
    return merkle.node(_over(leaves, inside, start, split), _over(leaves, inside, split, end))


def _blocks(slots: np.ndarray[Any, np.dtype[np.int64]], hashes: bytes) -> Iterator[Node]:
    """Yield the fewest nodes that cover the places: each a whole subtree of the tree they are in."""
    at = 0
    while at < len(slots):
        first, size = int(slots[at]), 1
        while (
            first % (2 * size) == 0
            and at + 2 * size <= len(slots)
            and int(slots[at + 2 * size - 1]) == first + 2 * size - 1
        ):
            size *= 2
        yield Node(first, size, merkle.root(hashes[at * merkle.SIZE : (at + size) * merkle.SIZE]))
        at += size


def _row(key: Key, node: Node, removal: str, reason: str, moment: datetime) -> dict[str, Any]:
    batch, topic, partition = key
    return {
        "batch_id": batch, "source_topic": topic, "source_partition": partition, "first_leaf": node.first,
        "leaves": node.leaves, "hash": node.hash, "removal": removal, "reason": reason, "retired_time": moment,
        "retired_date": moment.date(),
    }  # fmt: skip
