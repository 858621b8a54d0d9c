"""SHA-256 of many short messages at once, by DataFusion's kernel where there are enough of them.

Python's `hashlib` takes 0.6 µs to begin and end a message, several times what the processor needs to hash one of a
hundred bytes; DataFusion goes through an Arrow column in Rust with the processor's SHA instructions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from uuid import uuid4

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SIZE = 32
MANY = 2_000
"""Messages from which a query costs less than it saves."""
_SETTINGS = {"datafusion.execution.target_partitions": "1", "datafusion.execution.batch_size": str(1 << 16)}


Kernel = Callable[[pa.Array], bytes]


def sha256_each(messages: pa.Array) -> bytes:
    """Return the SHA-256 of each byte string, one after the other in one run of bytes. None may be null."""
    if messages.null_count:
        raise ValueError("a message is null")
    found = (_kernel() if len(messages) >= MANY else _one_by_one)(messages)
    if len(found) != len(messages) * SIZE:
        raise RuntimeError(f"{len(found)} bytes are not the hashes of {len(messages)} messages")
    return found


def spans(texts: pa.Array) -> tuple[NDArray[np.int32], pa.Buffer]:
    """Return where each of some byte strings begins and ends, and the bytes."""
    _, offsets, data = texts.buffers()
    data = pa.py_buffer(b"") if data is None else data
    if offsets is None:
        return np.zeros(1, dtype=np.int32), data
    return np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1], data


def fixed(matrix: NDArray[np.uint8], valid: pa.Buffer | None = None) -> pa.Array:
    """Return the rows of a matrix as byte strings, null where the bitmap `valid` says so."""
    rows, width = matrix.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    data = pa.py_buffer(np.ascontiguousarray(matrix))
    return pa.Array.from_buffers(pa.binary(), rows, [valid, pa.py_buffer(offsets), data])


def _one_by_one(messages: pa.Array) -> bytes:
    offsets, data = spans(messages)
    view = memoryview(data)
    return b"".join([sha256(view[a:b]).digest() for a, b in pairwise(offsets.tolist())])


@functools.cache
def _kernel() -> Kernel:
    """Return DataFusion's function, or the loop where it is not installed (the extra `fast`).

    Loading waits until it is needed: it takes longer than a small commit.
    """
    try:
        from datafusion import SessionConfig, SessionContext, col
        from datafusion.functions import sha256 as each
    except ImportError:
        return _one_by_one
    context = SessionContext(SessionConfig(_SETTINGS))
    hashed = each(col("message")).alias("hash")

    def run(messages: pa.Array) -> bytes:
        name = uuid4().hex  # of its own: threads may hash at once
        try:
            rows = pa.table([messages], names=["message"])
            batches = context.from_arrow(rows, name).select(hashed).collect()
        finally:
            context.deregister_table(name)  # the context would hold the rows for ever
        return b"".join(_contents(batch.column(0)) for batch in batches)

    return run


def _contents(hashes: pa.Array) -> bytes:
    offsets, data = spans(hashes.cast(pa.binary()))
    return bytes(memoryview(data)[offsets[0] : offsets[-1]])
