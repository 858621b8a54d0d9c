"""From the values adapters give, piece by piece, to Arrow columns of a whole block.

Texts are joined with NULs, which costs a third of making an Arrow array of them, and cut apart again by column and
block. What does not go that way (a text with a NUL in it, a value that is no text) goes the slow, exact one. Texts
that repeat become codes, so that checks, redaction, sorting and Parquet look at each word once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.times import parse_times
from store.datafile import FRESH
from store.events import BY_NAME, TEXT, TIME
from store.validate import Invalid

CODED = frozenset(name for name, c in BY_NAME.items() if c.type == TEXT and name not in FRESH)
"""Text columns that are held as codes and words (Arrow dictionaries)."""
CODES = pa.dictionary(pa.int32(), TEXT)

_SEPARATOR, _NULL = "\0", "\1"
_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError)


class Columns:
    """Canonical columns of a block in the making. Values that do not fit become null and are noted as invalid."""

    def __init__(self, invalid: list[Invalid]) -> None:
        self._invalid = invalid
        self._parts: dict[str, list[tuple[int, int, bytes | pa.Array]]] = {}

    def add(self, name: str, values: Sequence[Any] | pa.Array, row: int) -> None:
        """Take in one piece of a column: its values, and the row the first one stands in."""
        rows = len(values)
        if isinstance(values, pa.Array):
            part = values if values.type == BY_NAME[name].type else values.cast(BY_NAME[name].type)
        elif rows == 0 or (values[0] is None and values.count(None) == rows):
            return
        else:
            joined = _joined(values) if BY_NAME[name].type in (TEXT, TIME) else None
            part = self._array(name, values, row) if joined is None else joined
        self._parts.setdefault(name, []).append((row, rows, part))

    def constant(self, name: str, value: Any, row: int, rows: int) -> None:
        """Take in one value for a piece of a column, unless the piece has values of its own."""
        parts = self._parts.get(name)
        if rows and not (parts and parts[-1][0] == row):
            self.add(name, [value] * rows, row)

    def arrays(self, rows: int) -> dict[str, pa.Array]:
        """Return the columns of the block, those without any value left out."""
        found = {name: self._whole(name, parts, rows) for name, parts in self._parts.items()}
        return {name: array for name, array in found.items() if array.null_count < rows}

    def _array(self, name: str, values: Sequence[Any], row: int) -> pa.Array:
        kind = BY_NAME[name].type
        if kind == TIME:
            return self._times(name, values, row)
        try:
            return pa.array(values, kind)
        except _UNFIT:
            fitting = [_fitting(name, value, row + i, self._invalid) for i, value in enumerate(values)]
            return pa.array(fitting, kind)

    def _times(self, name: str, values: Sequence[Any], row: int) -> pa.Array:
        parsed, wrong = parse_times(values)
        for i in wrong:
            self._invalid.append(Invalid(row + i, f"{name}: not an RFC 3339 time: {str(values[i])[:64]!r}"))
        return parsed

    def _whole(self, name: str, parts: list[tuple[int, int, bytes | pa.Array]], rows: int) -> pa.Array:
        kind = BY_NAME[name].type
        if all(isinstance(part, bytes) for _, _, part in parts):
            texts = _cut(_blob(parts, rows))
            if name in CODED:
                return _coded(texts)
            plain = _plain(texts)
            return self._times(name, plain, 0) if kind == TIME else plain
        pieces, at = [], 0
        for row, size, part in parts:
            pieces.append(pa.nulls(row - at, kind))
            plain = _plain(_cut(part + b"\0")) if isinstance(part, bytes) else part
            pieces.append(self._times(name, plain, row) if kind == TIME and plain.type == TEXT else plain)
            at = row + size
        whole = pa.concat_arrays([*pieces, pa.nulls(rows - at, kind)])
        return whole.dictionary_encode() if name in CODED else whole


def _fitting(name: str, value: Any, row: int, invalid: list[Invalid]) -> Any:
    try:
        pa.scalar(value, BY_NAME[name].type)
    except _UNFIT as error:
        invalid.append(Invalid(row, f"{name}: {str(error)[:200]}"))
        return None
    return value


# --- texts, joined and cut --------------------------------------------------------------------------------------


def _joined(values: Sequence[Any]) -> bytes | None:
    """Return texts and nulls as UTF-8 with NULs between; None when they cannot be told apart again."""
    nulls = 0
    try:
        text = _SEPARATOR.join(values)
    except TypeError:
        nulls = values.count(None)
        try:
            text = _SEPARATOR.join([_NULL if value is None else value for value in values])
        except TypeError:
            return None
    try:
        joined = text.encode()
    except UnicodeEncodeError:
        return None
    return joined if joined.count(b"\0") == len(values) - 1 and joined.count(b"\1") == nulls else None


def _blob(parts: list[tuple[int, int, bytes | pa.Array]], rows: int) -> bytes:
    """Return the pieces of a column as one, each text ended by a NUL; what no piece covers is null."""
    pieces: list[bytes] = []
    at = 0
    for row, size, part in parts:
        pieces += [b"\1\0" * (row - at), part, b"\0"]
        at = row + size
    return b"".join([*pieces, b"\1\0" * (rows - at)])


def _cut(blob: bytes) -> pa.Array:
    """Return the texts of a blob, each still with its NUL."""
    ends = np.flatnonzero(np.frombuffer(blob, dtype=np.uint8) == 0)
    offsets = np.zeros(len(ends) + 1, dtype=np.int32)
    np.add(ends, 1, out=offsets[1:], casting="unsafe")
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(blob))


def _plain(texts: pa.Array) -> pa.Array:
    plain = pc.ascii_rtrim(texts, characters=_SEPARATOR)
    null = pc.equal(plain, _NULL)
    return pc.if_else(null, pa.scalar(None, TEXT), plain) if pc.any(null).as_py() else plain


def _coded(texts: pa.Array) -> pa.DictionaryArray:
    coded = texts.dictionary_encode()
    words = pc.ascii_rtrim(coded.dictionary, characters=_SEPARATOR)
    null = pc.index(words, _NULL).as_py()
    if null < 0:
        return pa.DictionaryArray.from_arrays(coded.indices, words)
    codes = coded.indices.to_numpy()
    absent = codes == null
    indices = pa.array(codes - (codes > null), pa.int32(), mask=absent)
    return pa.DictionaryArray.from_arrays(indices, pa.concat_arrays([words[:null], words[null + 1 :]]))


# --- codes ------------------------------------------------------------------------------------------------------


def repeated(word: str, rows: int) -> pa.DictionaryArray:
    """Return a coded column that holds one word everywhere."""
    return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), pa.array([word], TEXT))


def decoded(column: pa.Array) -> pa.Array:
    """Return a text column as plain texts."""
    return column.cast(TEXT) if column.type == CODES else column


def listed(column: pa.Array) -> list[str | None]:
    """Return a text column as a list, with each word of a coded one made once."""
    if column.type != CODES:
        return list(column.to_pylist())
    words = [*column.dictionary.to_pylist(), None]
    return [words[code] for code in pc.fill_null(column.indices, -1).to_numpy().tolist()]


def rows_with(column: pa.DictionaryArray, words: Sequence[int]) -> dict[int, list[int]]:
    """Return the rows that hold each of some words, which are given by their codes."""
    codes = pc.fill_null(column.indices, -1).to_numpy()
    return {word: np.flatnonzero(codes == word).tolist() for word in words}
