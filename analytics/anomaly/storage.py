"""A model as one Arrow table of named arrays, and back: no code in it, and no value of any event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, cast, get_type_hints

import numpy as np
import pyarrow as pa

from analytics.anomaly.model import Model

FORM = 3
SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("whole", pa.large_list(pa.int64())),
        ("real", pa.large_list(pa.float64())),
        ("text", pa.large_list(pa.string())),
    ],
    metadata={b"tooltrail.anomaly": str(FORM).encode()},
)


def to_arrow(model: Model) -> pa.Table:
    """Return a model as rows of (name, numbers or texts)."""
    rows = [{"name": name, **held} for name, held in _flat("", model)]
    return pa.Table.from_pylist(rows, SCHEMA)


def from_arrow(table: pa.Table) -> Model:
    """Return the model that a table holds. ValueError when another version wrote it: train again."""
    form = (table.schema.metadata or {}).get(b"tooltrail.anomaly", b"none").decode()
    if form != str(FORM):
        raise ValueError(f"this is a model of form {form}, and form {FORM} is read: train it again")
    held = {}
    for name, *columns in zip(*(table[column] for column in SCHEMA.names), strict=True):
        (held[name.as_py()],) = (values.values for values in columns if values.is_valid)
    return cast(Model, _built("", Model, held))


def _flat(path: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each array of a tree of dataclasses with its path."""
    if is_dataclass(value):
        for field in fields(value):
            yield from _flat(f"{path}.{field.name}" if path else field.name, getattr(value, field.name))
    elif isinstance(value, tuple):
        yield path, {"text": list(value)}
    elif isinstance(value, np.ndarray):
        yield path, {"real" if value.dtype.kind == "f" else "whole": value}
    else:
        yield path, {"real" if isinstance(value, float) else "whole": [value]}


def _built(path: str, kind: Any, held: dict[str, Any]) -> Any:
    """Return the value of a type from the arrays under a path."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        made: Any = kind
        return made(**{
            field.name: _built(f"{path}.{field.name}" if path else field.name, hints[field.name], held)
            for field in fields(kind)
        })  # fmt: skip
    values = held[path]
    if values.type == pa.string():
        return tuple(values.to_pylist())
    return kind(values[0].as_py()) if kind in (int, float) else values.to_numpy()
