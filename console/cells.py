"""Arrow values as text and as JSON: times in UTC as RFC 3339, bytes as hex, no NaN, integers exact."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
_RFC3339 = "%Y-%m-%dT%H:%M:%SZ"


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column is one of numbers: right-aligned in a table, never quoted in CSV."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column's text was written by someone else and may mean something to what shows it."""
    plain = is_number(kind) or pa.types.is_boolean(kind) or pa.types.is_temporal(kind)
    return not plain and not is_bytes(kind)


def is_bytes(kind: pa.DataType) -> bool:
    """Tell whether a column holds bytes."""
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    )


def as_text(column: pa.Array) -> pa.Array:
    """Return a column as strings, null where there is no value or no number."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return _times(column)
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(column), column, None).cast(pa.string())
    if pa.types.is_nested(kind):
        return pa.array([_as_json(value) for value in as_json(column)], pa.string())
    if is_bytes(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind) or _is_foreign(kind):
        return pa.array([None if v is None else str(v) for v in as_json(column)], pa.string())
    return column.cast(pa.string())


def as_json(column: pa.Array) -> list[Any]:
    """Return a column as Python values that `ENCODER` writes as they should read."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_json(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        values: list[Any] = _times(column).to_pylist()
        return values
    change = _change(kind)
    values = column.to_pylist()
    return values if change is None else [None if v is None else change(v) for v in values]


def json_rows(batch: pa.RecordBatch) -> Iterable[dict[str, Any]]:
    """Yield the rows of a batch as objects; a repeated column name is numbered."""
    names = distinct(batch.schema.names)
    for values in zip(*(as_json(column) for column in batch.columns), strict=True):
        yield dict(zip(names, values, strict=True))


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names with repeats numbered: a, a_2."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _times(column: pa.Array) -> pa.Array:
    """Return times as RFC 3339 in UTC; a time without zone is UTC, as everywhere in the lake."""
    text = pc.strftime(column.cast(pa.timestamp(column.type.unit)), _RFC3339)
    return pc.replace_substring_regex(text, r"\.0+Z$", "Z")


def _as_json(value: Any) -> str | None:
    return None if value is None else ENCODER.encode(value).decode()


def _is_foreign(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType)


def _change(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """Return what has to be done to a value of this type before msgspec writes it, None when nothing."""
    if pa.types.is_map(kind):
        return _map_change(kind)
    if pa.types.is_struct(kind):
        return _struct_change(kind)
    if pa.types.is_nested(kind) and hasattr(kind, "value_type"):
        inner = _change(kind.value_type)
        return None if inner is None else lambda value: [None if v is None else inner(v) for v in value]
    return next((change for test, change in _SCALARS if test(kind)), None)


def _interval(value: Any) -> str:
    return f"{value.months} months {value.days} days {value.nanoseconds / 1e9:g} seconds"


def _time(value: Any) -> str:
    text: str = value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return text.replace(".000000Z", "Z")


_SCALARS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]], ...] = (
    (is_bytes, lambda value: value.hex()),
    (_is_foreign, lambda value: value.hex() if isinstance(value, bytes) else str(value)),
    (pa.types.is_interval, _interval),
    (pa.types.is_timestamp, _time),
)


def _map_change(kind: pa.DataType) -> Callable[[Any], Any]:
    inner = _change(kind.item_type) or (lambda value: value)
    return lambda pairs: {str(key): None if v is None else inner(v) for key, v in pairs}


def _struct_change(kind: pa.DataType) -> Callable[[Any], Any] | None:
    inner = {f.name: c for f in (kind.field(i) for i in range(kind.num_fields)) if (c := _change(f.type))}
    if not inner:
        return None
    return lambda value: {k: inner[k](v) if v is not None and k in inner else v for k, v in value.items()}
