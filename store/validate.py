"""Column-wise checks of canonical rows: enums, lengths and plausible times, a whole batch at a time."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from store.events import BY_NAME, Column

OLDEST = timedelta(days=800)
"""An event older than this at ingest has an implausible clock: it would open a partition nobody looks into."""
NEWEST = timedelta(days=1)
"""An event further in the future than this has an implausible clock: no time zone is that far off."""


@dataclass(frozen=True)
class Invalid:
    """A row that breaks the schema, and how."""

    row: int
    reason: str


def invalid_enums(columns: dict[str, pa.Array]) -> list[Invalid]:
    """Return the rows that hold a word their column does not know."""
    found = []
    for name, values in columns.items():
        column = BY_NAME.get(name)
        if column is None or not column.enum:
            continue
        if (
            pa.types.is_dictionary(values.type)
            and pc.all(pc.is_in(values.dictionary, _allowed(column))).as_py()
        ):
            continue
        wrong = pc.and_(values.is_valid(), pc.invert(pc.is_in(values, _allowed(column))))
        if pc.any(wrong).as_py():
            rows = np.flatnonzero(wrong.to_numpy(zero_copy_only=False))
            found += [Invalid(int(row), _advice(column, values[int(row)].as_py())) for row in rows]
    return found


def cut_long(name: str, values: pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """Cut texts longer than their column allows; returns the column and the rows that were cut."""
    limit = BY_NAME[name].max_chars
    if pa.types.is_dictionary(values.type):
        words, long = cut_long(name, values.dictionary)
        if not len(long):
            return values, long
        rows = np.isin(pc.fill_null(values.indices, -1).to_numpy(), long)
        return pa.DictionaryArray.from_arrays(values.indices, words), np.flatnonzero(rows)
    if values.nbytes <= limit or not len(values):
        return values, _NO_ROWS
    lengths = np.diff(
        np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    )
    if lengths.max(initial=0) <= limit:
        return values, _NO_ROWS
    long = np.flatnonzero(pc.fill_null(pc.greater(pc.utf8_length(values), limit), fill_value=False))
    return pc.utf8_slice_codeunits(values, 0, limit) if len(long) else values, long


def implausible(event_time: pa.Array, now: datetime) -> NDArray[np.bool_]:
    """Say for each row whether its clock cannot be right."""
    micros = event_time.cast(pa.int64()).to_numpy(zero_copy_only=False)
    instant = int(now.timestamp() * 1_000_000)
    odd: NDArray[np.bool_] = (micros < instant - OLDEST // _MICROSECOND) | (
        micros > instant + NEWEST // _MICROSECOND
    )
    return odd


_MICROSECOND = timedelta(microseconds=1)
_NO_ROWS = np.empty(0, dtype=np.int64)


@cache
def _allowed(column: Column) -> pa.Array:
    return pa.array(column.enum, pa.string())


def _advice(column: Column, word: str) -> str:
    near = difflib.get_close_matches(word, column.enum, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(column.enum)}"
    return f"{column.name}: unknown value {word[:64]!r}{hint}"
