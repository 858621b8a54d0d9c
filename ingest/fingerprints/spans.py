"""Pieces of a byte buffer, and the runs of bytes they are found by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAF_CHARS = 8

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Spans:
    """Pieces of a byte buffer: which document each is from, where it starts, and how long it is."""

    document: Ints
    start: Ints
    length: Ints

    def where(self, mask: NDArray[np.bool_]) -> Spans:
        """Return the spans the mask keeps."""
        return Spans(self.document[mask], self.start[mask], self.length[mask])


def runs(mask: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Return start and length of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return edges[0::2], edges[1::2] - edges[0::2]


def translate(buffer: Bytes, table: bytes) -> Bytes:
    """Map every byte by a table: bytes.translate is several times faster than indexing."""
    return np.frombuffer(buffer.tobytes().translate(table), dtype=np.uint8)
