"""JSON objects to which anyone may add members: what we know of them as structs, the rest kept under pointers.

A struct for this takes unknown members without complaint; its `_Strict` twin, made here, does not, and is tried
first: where it fits, nothing is left over and one decoding was enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec

from ingest.decode import Decoded, decode, is_text, one_object_each
from ingest.fields import ABSENT, merge

Raw = msgspec.Raw
T = TypeVar("T", bound=msgspec.Struct)

_items = msgspec.json.Decoder(dict[str, Raw])
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode_open(records: Sequence[bytes], kind: type[T]) -> Decoded[T]:
    """Decode records of a format whose operators add members of their own; what does not fit is rejected by name."""
    strict: type[T] = _strict(kind)
    names = _names(kind)
    joined = b"\n".join(records)
    if one_object_each(records) and is_text(joined):
        try:
            events = _lines(strict).decode_lines(joined)
            if len(events) == len(records):
                return Decoded(events)
        except _BAD:
            pass
        try:
            events = _lines(kind).decode_lines(joined)
            if len(events) == len(records):
                return Decoded(events, unmapped=[_rest(i, names, "") for i in _items.decode_lines(joined)])
        except _BAD:
            pass
    return decode(records, strict, lists=True)


def open_objects(
    values: Sequence[Raw], kind: type[T], nothing: T, pointer: str
) -> tuple[list[T], list[bytes | None]]:
    """Return each raw value as a struct, `nothing` where it is no such object, and JSON of what the struct lacks.

    A value that does not fit is left over whole.
    """
    twin: type[T] = _strict(kind)
    strict, loose, names = _lines(twin), _lines(kind), _names(kind)
    found: list[T] = []
    rest: list[bytes | None] = []
    head = msgspec.json.encode(pointer) + b":"
    for value in values:
        left: bytes | None = None
        item = nothing
        if value is not ABSENT and (raw := bytes(value)) not in (b"null", b"{}"):
            try:
                item = strict.decode(raw)
            except _BAD:
                try:
                    item, left = loose.decode(raw), _rest(_items.decode(raw), names, pointer)
                except _BAD:
                    left = b"{" + head + raw + b"}"
        found.append(item)
        rest.append(left)
    return found, rest


def loosely(values: Sequence[Raw], kind: type[T], nothing: T) -> list[T]:
    """Return each raw value as a struct, `nothing` where it is no such object; what the struct lacks is not told."""
    decode_one = _lines(kind).decode
    found = []
    for value in values:
        try:
            found.append(nothing if value is ABSENT else decode_one(value))
        except _BAD:
            found.append(nothing)
    return found


def merged(rows: Sequence[bytes | None] | None, *others: Sequence[bytes | None]) -> list[bytes | None] | None:
    """Merge objects row by row; None when no row has anything."""
    parts = [other for other in others if any(other)]
    if not parts:
        return None if rows is None else list(rows)
    columns = parts if rows is None else [rows, *parts]
    return [merge(*row) for row in zip(*columns, strict=True)]


def _rest(items: dict[str, Raw], names: frozenset[str], pointer: str) -> bytes | None:
    if items.keys() <= names:
        return None
    left = {f"{pointer}/{k}": raw for k, raw in items.items() if k not in names}
    return msgspec.json.encode(left) if left else None


@cache
def _lines(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


@cache
def _strict(kind: type[T]) -> type[T]:
    twin: Any = msgspec.defstruct(
        f"{kind.__name__}Strict",
        (),
        bases=(kind,),
        module=kind.__module__,
        forbid_unknown_fields=True,
        gc=False,
    )
    return twin  # type: ignore[no-any-return]


@cache
def _names(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(f.encode_name for f in msgspec.structs.fields(kind))
