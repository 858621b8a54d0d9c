"""The root of each stream's rows of a commit, computed from the rows wherever they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from store.integrity import merkle
from store.sorting import runs, sorted_places, whole

ORDER = ("batch_id", "source_topic", "source_partition", "source_offset", "sub_index")
COLUMNS = (*ORDER, "leaf_hash")
"""What a root is computed from."""


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
    sealed = rows.select(COLUMNS).filter(rows["leaf_hash"].is_valid())
    if not sealed.num_rows:
        return []
    places = in_order(sealed)
    columns = {name: whole(sealed[name]) for name in ORDER[:3]}
    offsets = whole(sealed["source_offset"]).to_numpy()[places]
    hashes = leaf_bytes(sealed, places)
    found = []
    for start, end in streams(sealed, places):
        at = int(places[start])
        batch, topic, partition = (columns[name][at].as_py() for name in ORDER[:3])
        tree = merkle.root(hashes[start * merkle.SIZE : end * merkle.SIZE])
        first, last = int(offsets[start]), int(offsets[end - 1])
        found.append(StreamRoot(batch, topic, partition, first, last, end - start, tree))
    return found


def in_order(rows: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return where the rows stand in order of batch, stream, offset and place in the record."""
    return sorted_places([rows[name] for name in ORDER])


def streams(rows: pa.Table, places: np.ndarray[Any, np.dtype[np.int64]]) -> list[tuple[int, int]]:
    """Return the bounds, in that order, of each stream of each batch."""
    codes = np.zeros(len(places), dtype=np.int64)
    for name in ORDER[:3]:
        coded = (
            whole(rows[name])
            if pa.types.is_dictionary(rows[name].type)
            else whole(rows[name]).dictionary_encode()
        )
        indices = coded.indices.to_numpy().astype(np.int64)[places]
        codes += np.concatenate([[0], np.cumsum(np.diff(indices) != 0)])
    return runs(codes)


def leaf_bytes(rows: pa.Table, places: np.ndarray[Any, np.dtype[np.int64]]) -> bytes:
    """Return the leaves of the rows at some places as one run of bytes."""
    taken = whole(rows["leaf_hash"]).cast(pa.binary()).take(pa.array(places)).cast(pa.binary(merkle.SIZE))
    return bytes(taken.buffers()[1])[: len(places) * merkle.SIZE]
