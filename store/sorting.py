"""The order of rows in a data file, worked out on codes of the keys and not on the rows themselves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Places = NDArray[np.int64]


def sorted_places(keys: Sequence[pa.ChunkedArray]) -> Places:
    """Return where the rows stand when sorted by the keys, the first key first; nulls come first, ties stay."""
    return np.lexsort([_ranks(key) for key in reversed(keys)])


def runs(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the bounds of each run of equal values."""
    cuts = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return list(itertools.pairwise(cuts))


def numbers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return times, days and integers as numbers in the same order; nulls are less than all."""
    width = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
    whole = column.combine_chunks().cast(width).cast(pa.int64())
    found: NDArray[np.int64] = pc.fill_null(whole, _LEAST).to_numpy(zero_copy_only=False)
    return found


_LEAST = int(np.iinfo(np.int64).min)


def _ranks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a number for each value that orders as the value does."""
    if not (pa.types.is_dictionary(column.type) or pa.types.is_string(column.type)):
        return numbers(column)
    coded = whole(column if pa.types.is_dictionary(column.type) else column.dictionary_encode())
    words = coded.dictionary
    ranks = np.zeros(len(words) + 1, dtype=np.int64)  # the last is that of null
    ranks[pc.array_sort_indices(words).to_numpy()] = np.arange(1, len(words) + 1)
    found: NDArray[np.int64] = ranks[pc.fill_null(coded.indices, len(words)).to_numpy()]
    return found


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece; a coded one with one dictionary."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks()
