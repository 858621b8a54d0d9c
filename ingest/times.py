"""Times as gateways write them, a column at a time, into UTC microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from store.events import TIME


def parse_times(values: Sequence[str | int | None] | pa.StringArray) -> tuple[pa.Array, list[int]]:
    """Return the column, and the rows whose value is no time (null in the column).

    Takes RFC 3339 text, with any number of fractional digits and any offset, or integer microseconds since 1970.
    Text without an offset is taken as UTC, as every gateway that leaves it out means it. Where both kinds stand in
    one column, the numbers are read by way of text.
    """
    if isinstance(values, pa.StringArray):
        return _parse_texts(values)
    if len(set(map(type, values)) - {type(None)}) > 1:
        values = [_text(v) or str(v) if isinstance(v, int) else v for v in values]
    known = next((v for v in values if v is not None), None)
    if known is None:
        return pa.nulls(len(values), TIME), []
    if isinstance(known, int):
        fitting = [v if v is None or _EARLIEST <= int(v) <= _LATEST else None for v in values]
        wrong = [row for row, value in enumerate(values) if value is not None and fitting[row] is None]
        return pa.array(fitting, pa.int64()).cast(TIME), wrong
    return _parse_texts(pa.array(values, pa.string()))


def _parse_texts(text: pa.StringArray) -> tuple[pa.Array, list[int]]:
    for unit in ("us", "ns"):
        try:
            parsed = pc.cast(text, pa.timestamp(unit, tz="UTC"))
            column = pc.cast(parsed, TIME, safe=False)
            return (column, []) if _in_calendar(column) else _one_by_one(text.to_pylist())
        except pa.ArrowInvalid:
            continue
    return _one_by_one(text.to_pylist())


_EARLIEST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_LATEST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 1_000_000 + 999_999


def _in_calendar(column: pa.Array) -> bool:
    """Say whether all times are of the years 1 to 9999: an offset can push one over, and nothing later can read it."""
    bounds = pc.min_max(column.cast(pa.int64()))
    least, greatest = bounds["min"].as_py(), bounds["max"].as_py()
    return bool(least >= _EARLIEST and greatest <= _LATEST)


def _one_by_one(values: Sequence[str | int | None]) -> tuple[pa.Array, list[int]]:
    parsed: list[datetime | None] = []
    wrong = []
    for row, value in enumerate(values):
        moment = _parse(value) if isinstance(value, str) else None
        if moment is None and value is not None:
            wrong.append(row)
        parsed.append(moment)
    return pa.array(parsed, TIME), wrong


def _parse(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        return None
    try:
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return None


@lru_cache(maxsize=8192)
def of_number(value: float) -> str | None:
    """Return a number of seconds, or of milli-, micro- or nanoseconds by its size, since 1970 as RFC 3339 text.

    None for one that is no time of this era (1970 to 5138).
    """
    for largest, each in ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1)):
        if abs(value) < largest:
            return _text(round(value * each)) if value > 0 else None
    return _text(int(value) // 1000) if value < 1e20 else None


def _text(microseconds: int) -> str | None:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        return None
