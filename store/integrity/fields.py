"""Arrow columns as the compiled code takes them: addresses of their buffers, nothing copied that need not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from store.integrity.canonical import listed, tag, whole_number
from store.integrity.hashing import Kind, Words, fixed, hash_rows, spans

_HEAD = 7
"""Bytes of a tag and a length."""


@dataclass(frozen=True)
class Field:
    """A column for the compiled code, the most bytes it makes in a row, and what must live meanwhile."""

    words: Words
    longest: int
    alive: tuple[Any, ...]


def hashed(before: pa.Array, columns: Mapping[str, pa.Array]) -> pa.Array:
    """Return the SHA-256 of each row: of what is to come before it, and of its columns in the order of their names."""
    there = [name for name in sorted(columns) if columns[name].null_count < len(before)]
    fields = [_bytes(-1, before), *(_field(name, columns[name]) for name in there)]
    longest = sum(field.longest for field in fields)
    return fixed(hash_rows([field.words for field in fields], len(before), longest))


def _field(name: str, column: pa.Array) -> Field:
    kind, head = column.type, int.from_bytes(tag(name), "little")
    if pa.types.is_dictionary(kind):
        return _coded(head, column)
    if pa.types.is_list(kind):
        return _elements(head, column) or _bytes(head, listed(column))
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return _bytes(head, column)
    numbers = column.cast(pa.float64()) if pa.types.is_floating(kind) else whole_number(column)
    words = Words(Kind.NUMBER, head, *_validity(numbers), _address(numbers, 8))
    return Field(words, _HEAD + 8, (numbers,))


def _coded(head: int, column: pa.Array) -> Field:
    texts, codes = column.dictionary, column.indices.cast(pa.int32())
    offsets, data = spans(texts)
    there = (offsets.ctypes.data, data.address, *_validity(texts))
    words = Words(Kind.CODED, head, *_validity(codes), _address(codes, 4), *there)
    return Field(words, _most(offsets) + _HEAD, (codes, texts, offsets, data))


def _bytes(head: int, column: pa.Array) -> Field:
    offsets, data = spans(column)
    words = Words(Kind.BYTES, head, *_validity(column), rows=offsets.ctypes.data, bytes=data.address)
    return Field(words, _most(offsets) + _HEAD, (column, offsets, data))


def _elements(head: int, column: pa.Array) -> Field | None:
    """Return lists of integers or texts; None for others, and for integers among which one is null."""
    items, valid = column.values, _validity(column)
    ends = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    if pa.types.is_integer(items.type) and not items.null_count:
        items = items.cast(pa.int64())
        words = Words(Kind.NUMBERS, head, *valid, ends.ctypes.data, _address(items, 8))
        return Field(words, 8 * _most(ends) + _HEAD, (ends, items))
    if pa.types.is_string(items.type):
        offsets, data = spans(items)
        bytes_there = (offsets.ctypes.data, data.address, *_validity(items))
        words = Words(Kind.TEXTS, head, *valid, ends.ctypes.data, *bytes_there)
        longest = int((np.diff(offsets[ends]) + 4 * np.diff(ends)).max()) + _HEAD
        return Field(words, longest, (ends, items, offsets, data))
    return None


def _address(column: pa.Array, width: int) -> int:
    buffer = column.buffers()[1]
    return 0 if buffer is None else int(buffer.address) + width * int(column.offset)


def _validity(column: pa.Array) -> tuple[int, int]:
    """Return the address of the bitmap of what is not null, 0 where nothing is null, and the bit it begins at."""
    return (column.buffers()[0].address, column.offset) if column.null_count else (0, 0)


def _most(offsets: NDArray[np.int32]) -> int:
    return int(np.diff(offsets).max())
