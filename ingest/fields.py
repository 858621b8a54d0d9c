"""What adapters share to declare fields, and to keep those that have no column."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Annotated, Any

import msgspec

Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that fits its column: a larger one is rejected by its path and not met first by the table."""

ABSENT = msgspec.Raw(b"")
"""The default of every raw field, one object, so that presence is a test of identity."""

_NULL = msgspec.Raw(b"null")

Unmapped = Sequence[bytes | None]


def raws(values: Iterable[msgspec.Raw]) -> list[bytes | None]:
    """Return the bytes of each raw field, None where it is absent."""
    return [None if value is ABSENT else bytes(value) or None for value in values]


def unknown(texts: Iterable[str | None], known: Container[str]) -> list[msgspec.Raw]:
    """Return the texts that are not among the known ones as raw fields, for `leftovers` to keep."""
    return [ABSENT if not text or text in known else msgspec.Raw(msgspec.json.encode(text)) for text in texts]


def unless(texts: Iterable[str | None], taken: Iterable[object]) -> list[msgspec.Raw]:
    """Return the texts whose row has nothing in the column they were meant for, for `leftovers` to keep."""
    return [
        ABSENT if not text or value is not None else msgspec.Raw(msgspec.json.encode(text))
        for text, value in zip(texts, taken, strict=True)
    ]


def spare(
    pointer: str, parts: Sequence[Any], kind: type[msgspec.Struct], without: Container[str] = ()
) -> dict[str, list[msgspec.Raw]]:
    """Return the raw fields of structs of one kind, which are those without a column, under their pointers."""
    return {
        f"{pointer}/{wire}": list(map(attrgetter(name), parts))
        for name, wire in _raw_fields(kind)
        if name not in without
    }


@cache
def _raw_fields(kind: type[msgspec.Struct]) -> list[tuple[str, str]]:
    return [(f.name, f.encode_name) for f in msgspec.structs.fields(kind) if f.default is ABSENT]


def leftovers(
    found: Unmapped | None, rows: int, fields: Mapping[str, list[msgspec.Raw]]
) -> list[bytes | None] | None:
    """Return `unmapped` with the fields that are known but have no column, under their JSON pointers.

    `found` is what the decoder set aside. None says that no row has anything left over.
    """
    parts: dict[int, list[bytes]] = {}
    for pointer, values in fields.items():
        absent = values.count(ABSENT)
        if absent == rows or absent + values.count(_NULL) == rows:
            continue
        head = msgspec.json.encode(pointer) + b":"
        for row, value in enumerate(values):
            if value is not ABSENT and (raw := bytes(value)) not in (b"", b"null"):
                parts.setdefault(row, []).append(head + raw)
    if not parts:
        return None if found is None else list(found)
    merged: list[bytes | None] = [None] * rows if found is None else list(found)
    for row, texts in parts.items():
        merged[row] = merge(merged[row], b"{" + b",".join(texts) + b"}")
    return merged


def merge(*objects: bytes | None) -> bytes | None:
    """Return one JSON object of the members of several."""
    members = [o[1:-1] for o in objects if o is not None and len(o) > 2]
    return b"{" + b",".join(members) + b"}" if members else None


def filled(columns: Mapping[str, Sequence[Any] | None]) -> dict[str, Sequence[Any]]:
    """Return the columns that hold anything."""
    return {name: values for name, values in columns.items() if values is not None}


def transpose(rows: Sequence[tuple[Any, ...]], width: int) -> list[tuple[Any, ...]]:
    """Turn one tuple per row into one tuple per column, also when there are no rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
