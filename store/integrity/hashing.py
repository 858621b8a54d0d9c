"""SHA-256 of many short messages at once: by compiled code (`kernel.c`), or by Python where that was not built.

Python's `hashlib` takes 0.6 µs to begin and end a message, several times what the processor needs to hash one of a
hundred bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

try:
    from store.integrity import kernel
except ImportError:  # it was installed without a compiler, or the processor has no SHA instructions
    HAS_KERNEL = False
else:
    HAS_KERNEL = True

SIZE = 32


class Kind(IntEnum):
    """What the field of a row is made from."""

    NUMBER = 0
    BYTES = 1
    CODED = 2
    NUMBERS = 3
    TEXTS = 4


class Words(NamedTuple):
    """A column as the compiled code takes it (`Column` of kernel.c): numbers, and addresses of Arrow buffers."""

    kind: Kind
    tag: int = -1
    valid: int = 0
    bit: int = 0
    rows: int = 0
    items: int = 0
    bytes: int = 0
    item_valid: int = 0
    item_bit: int = 0


def hash_rows(columns: Sequence[Words], rows: int, longest: int) -> NDArray[np.uint8]:
    """Return the SHA-256 of each row's fields, 32 bytes a row; none has more than `longest` bytes.

    What the addresses lead to must live until this returns: the compiled code trusts them.
    """
    found = np.empty((rows, SIZE), dtype=np.uint8)
    kernel.hash_rows(np.array(columns, dtype=np.int64), longest, found)
    return found


def sha256_each(messages: pa.Array) -> bytes:
    """Return the SHA-256 of each byte string, one after the other in one run of bytes. None may be null."""
    if messages.null_count:
        raise ValueError("a message is null")
    if not HAS_KERNEL or not len(messages):
        return _one_by_one(messages)
    offsets, data = spans(messages)
    column = Words(Kind.BYTES, rows=offsets.ctypes.data, bytes=data.address)
    return hash_rows([column], len(messages), int(np.diff(offsets).max())).tobytes()


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
