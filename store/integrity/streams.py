"""The root of each stream's rows of a commit, computed from the rows wherever they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from store.integrity import merkle
from store.sorting import runs, sorted_places, whole

ORDER = ("batch_id", "source_topic", "source_partition", "source_offset", "sub_index")
COLUMNS = (*ORDER, "leaf_hash")
"""What a root is computed from."""

Places = NDArray[np.int64]
Key = tuple[str, str, int]
"""Batch, topic and partition of a tree."""


@dataclass(frozen=True)
class StreamRoot:
    """The RFC 6962 root over one stream's rows of one commit, in order of offset and place in the record."""

    batch: str
    topic: str
    partition: int
    first: int
    last: int
    rows: int
    root: bytes

    def claim(self) -> dict[str, Any]:
        """Return what the log says of it; the commit is named beside it."""
        return {
            "topic": self.topic, "partition": self.partition, "first": self.first, "last": self.last,
            "rows": self.rows, "root": self.root.hex(),
        }  # fmt: skip


def roots(rows: pa.Table) -> list[StreamRoot]:
    """Return the root of each (batch, stream) among sealed rows; rows without a leaf are left out."""
    return [
        StreamRoot(*key, first, last, len(hashes) // merkle.SIZE, merkle.root(hashes))
        for key, first, last, hashes in leaves(rows)
    ]


def leaves(rows: pa.Table) -> Iterator[tuple[Key, int, int, bytes]]:
    """Yield of each (batch, stream) among sealed rows its key, first and last offset, and leaves in order.

    Where these are the same, so are the roots, at none of the cost of hashing.
    """
    sealed = rows.select(COLUMNS).filter(rows["leaf_hash"].is_valid())
    for key, places, hashes in trees(sealed):
        offsets = pc.min_max(sealed["source_offset"].take(pa.array(places)))
        yield key, offsets["min"].as_py(), offsets["max"].as_py(), hashes


def trees(rows: pa.Table) -> Iterator[tuple[Key, Places, bytes]]:
    """Yield the tree of each batch and stream: its key, where its rows stand in order, and their leaves."""
    if not rows.num_rows:
        return
    places = sorted_places([rows[name] for name in ORDER])
    hashes = _leaf_bytes(rows, places)
    columns = [whole(rows[name]) for name in ORDER[:3]]
    for start, end in _streams(columns, places):
        batch, topic, partition = (column[int(places[start])].as_py() for column in columns)
        yield (batch, topic, partition), places[start:end], hashes[start * merkle.SIZE : end * merkle.SIZE]


def _streams(columns: Sequence[pa.Array], places: Places) -> list[tuple[int, int]]:
    """Return the bounds, in that order, of each stream of each batch."""
    changes = np.zeros(len(places), dtype=np.int64)
    for column in columns:
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes = coded.indices.to_numpy().astype(np.int64)[places]
        changes[1:] += np.diff(codes) != 0
    return runs(np.cumsum(changes))


def _leaf_bytes(rows: pa.Table, places: Places) -> bytes:
    taken = whole(rows["leaf_hash"]).take(pa.array(places)).cast(pa.binary(merkle.SIZE))
    return bytes(taken.buffers()[1])[: len(places) * merkle.SIZE]
