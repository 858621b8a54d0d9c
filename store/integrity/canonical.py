"""The bytes of a row that are hashed: the same whatever file, compression, library or order of columns it comes from.

A row is its fields that are not null, in the order of their names, each as

    tag        3 bytes: the first of SHA-256(name), so that a column added later changes no older row
    length     4 bytes, big-endian
    value      text: UTF-8; bytes: as they are; integer, day, time (microseconds since 1970, UTC): 8 bytes, big-endian,
               two's complement; number: IEEE 754, 8 bytes, big-endian; list: its elements one after the other,
               integers in 8 bytes each, a text with its length in 4 bytes before it, ff ff ff ff for a null text, the
               members of a structure in the order of the schema as texts

All of it is done a column at a time: hashing is the cost, not this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from store.integrity.hashing import SIZE, fixed, sha256_each, spans

PIECE = 8192
"""Rows joined together: what they make stays in the processor's cache."""
PART_BYTES = 128 << 20
"""Rows whose columns are worked on together hold at most about this much."""
_NOTHING = pa.scalar(
    b"", pa.binary()
)  # a scalar once made: PyArrow needs 0.2 ms a call to make one of a bytes object
_NULL_TEXT = pa.scalar(b"\xff\xff\xff\xff", pa.binary())
_TAG = 3


def tag(name: str) -> bytes:
    """Return the tag under which a column stands in the encoding."""
    return sha256(name.encode()).digest()[:_TAG]


class Encoder:
    """The encoding of some columns of a table, made piece by piece, each row's after what is to come before it."""

    def __init__(self, before: pa.Array, columns: Mapping[str, pa.Array]) -> None:
        fields = [part for name in sorted(columns) for part in _field(tag(name), columns[name])]
        self._parts = [before, *fields]
        self._rows = len(before)

    def pieces(self) -> Iterator[pa.Array]:
        """Yield one byte string for each row, in pieces."""
        for start in range(0, self._rows, PIECE):
            yield joined([_plain(part.slice(start, PIECE)) for part in self._parts])


def joined(parts: Sequence[pa.Array]) -> pa.Array:
    """Join byte strings row by row; nulls are left out."""
    return pc.binary_join_element_wise(*parts, _NOTHING, null_handling="skip")


def digests(messages: pa.Array) -> pa.Array:
    """Return the SHA-256 of each byte string; none is null."""
    return fixed(np.frombuffer(sha256_each(messages), dtype=np.uint8).reshape(-1, SIZE))


def parts(rows: pa.Table) -> Iterator[dict[str, pa.Array]]:
    """Yield the columns of a table in parts that fit into memory beside what is made of them."""
    whole = rows.unify_dictionaries()
    step = max(1, PART_BYTES // max(1, whole.nbytes // max(1, whole.num_rows)))
    for start in range(0, whole.num_rows, step):
        part = whole.slice(start, step)
        yield {name: _single(part[name]) for name in part.column_names}


def _single(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _plain(part: pa.Array) -> pa.Array:
    return part.dictionary.take(part.indices) if pa.types.is_dictionary(part.type) else part


def _field(name: bytes, column: pa.Array) -> list[pa.Array]:
    """Return the parts that make a field in each row: nothing where it is null."""
    if column.null_count == len(column):
        return []
    kind = column.type
    if pa.types.is_dictionary(kind):
        if len(column.dictionary) > len(column):
            return _field(name, column.cast(kind.value_type))
        words = joined([*_field(name, column.dictionary), pa.repeat(_NOTHING, len(column.dictionary))])
        return [pa.DictionaryArray.from_arrays(column.indices, words)]
    if pa.types.is_list(kind):
        column = listed(column)
    elif not (pa.types.is_string(kind) or pa.types.is_binary(kind)):
        return [_number(name, column)]
    column = column.cast(pa.binary())
    return [_heads(name, column), column]


def _heads(name: bytes, column: pa.Array) -> pa.Array:
    offsets, _ = spans(column)
    heads = np.empty((len(column), len(name) + 4), dtype=np.uint8)
    heads[:, : len(name)] = np.frombuffer(name, dtype=np.uint8)
    heads[:, len(name) :] = np.diff(offsets).astype(">u4").view(np.uint8).reshape(-1, 4)
    return fixed(heads, _validity(column))


def _number(name: bytes, column: pa.Array) -> pa.Array:
    head = name + (8).to_bytes(4, "big")
    field = np.empty((len(column), len(head) + 8), dtype=np.uint8)
    field[:, : len(head)] = np.frombuffer(head, dtype=np.uint8)
    field[:, len(head) :] = _big_endian(column).reshape(-1, 8)
    return fixed(field, _validity(column))


def _big_endian(column: pa.Array) -> NDArray[np.uint8]:
    """Return integers, days, times and numbers in 8 bytes each."""
    if pa.types.is_floating(column.type):
        numbers = pc.fill_null(column, pa.scalar(0, column.type)).to_numpy(zero_copy_only=False).astype(">f8")
    else:
        zero = pa.scalar(0, pa.int64())
        numbers = pc.fill_null(whole_number(column), zero).to_numpy(zero_copy_only=False).astype(">i8")
    found: NDArray[np.uint8] = numbers.view(np.uint8)
    return found


def whole_number(column: pa.Array) -> pa.Array:
    """Return integers, days and times as integers of 64 bits."""
    return (column.cast(pa.int32()) if pa.types.is_date32(column.type) else column).cast(pa.int64())


def _validity(column: pa.Array) -> pa.Buffer | None:
    """Return the bitmap of what is not null, None where nothing is null."""
    if not column.null_count:
        return None
    return pa.py_buffer(np.packbits(column.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))


def listed(column: pa.Array) -> pa.Array:
    """Return lists as byte strings of their elements."""
    lengths = pc.fill_null(pc.list_value_length(column), pa.scalar(0, pa.int32())).to_numpy(
        zero_copy_only=False
    )
    ends = np.zeros(len(column) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    flat = column.flatten()
    if pa.types.is_integer(flat.type):
        if flat.null_count:
            raise ValueError("a list of integers holds a null")
        offsets, data = (ends * 8).astype(np.int32), pa.py_buffer(_big_endian(flat))
    else:
        starts, data = spans(_elements(flat))
        offsets = starts[ends]
    buffers = [_validity(column), pa.py_buffer(offsets), data]
    return pa.Array.from_buffers(pa.binary(), len(column), buffers)


def _elements(flat: pa.Array) -> pa.Array:
    texts = flat.flatten() if pa.types.is_struct(flat.type) else [flat]
    parts: list[pa.Array] = []
    for text in texts:
        plain = text.cast(pa.binary())
        parts += [pc.fill_null(_heads(b"", plain), _NULL_TEXT), plain]
    return joined([*parts, pa.repeat(_NOTHING, len(flat))])
