"""Decode JSON records into typed structs, fast when all is well and exact about what is wrong when not.

The fast way decodes many lines in one call and refuses unknown fields. A record the fast way refuses is taken
alone: nulls are dropped, unknown fields are set aside in `unmapped`, and what still does not fit is rejected
with the JSON path of the offending field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec

from ingest.parsed import Reject

MAX_DEPTH = 64
"""Deeper nesting than this is rejected: no gateway nests so, and every recursive reader after us has a limit."""

T = TypeVar("T", bound=msgspec.Struct)


@dataclass
class Decoded(Generic[T]):
    """Structs in record order; `record[i]` is the record event i came from, None when all records decoded."""

    events: list[T]
    record: list[int] | None = None
    unmapped: list[bytes | None] | None = None
    warnings: list[list[str] | None] | None = None
    rejects: list[Reject] = field(default_factory=list)


def decode(
    records: Sequence[bytes], kind: type[T], whole: type[T] | None = None, *, lists: bool = False
) -> Decoded[T]:
    """Decode every record that fits `kind` (a struct that forbids unknown fields); reject the rest by name.

    `whole` is the struct to fall back to when `kind` has only the fields that are usually there. With `lists`,
    fields unknown to the structs in a list are set aside too; without, they make the record a reject.
    """
    if not one_object_each(records):
        return _one_by_one(records, whole or kind, lists=lists)
    joined = b"\n".join(records)
    if not is_text(joined):
        return _one_by_one(records, whole or kind, lists=lists)
    for struct in (kind,) if whole is None or whole is kind else (kind, whole):
        try:
            events = _lines(struct).decode_lines(joined)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if len(events) == len(records):
            return Decoded(events)
    return _one_by_one(records, whole or kind, lists=lists)


def one_object_each(records: Sequence[bytes]) -> bool:
    """Say whether each record can be one whole object, so that no two of them can pass for one when joined.

    To the decoder a line end is only white space: `{"a":` and `1}` on two lines would be one object to it. Where
    each begins with { and ends with }, as many objects as records means one in each.
    """
    try:
        return set(map(_first, records)) == _OPENING and set(map(_last, records)) == _CLOSING
    except IndexError:
        return False


def is_text(raw: bytes) -> bool:
    """Say whether the bytes are UTF-8, which the decoder does not ask of the fields it leaves raw."""
    try:
        return raw.isascii() or bool(raw.decode())
    except UnicodeDecodeError:
        return False


_first, _last = itemgetter(0), itemgetter(-1)
_OPENING, _CLOSING = {ord("{")}, {ord("}")}


def _one_by_one(records: Sequence[bytes], kind: type[T], *, lists: bool) -> Decoded[T]:
    out: Decoded[T] = Decoded([], [], [], [])
    assert out.record is not None
    assert out.unmapped is not None
    assert out.warnings is not None
    decoder = _lines(kind)
    for index, raw in enumerate(records):
        unmapped: bytes | None = None
        warnings: list[str] = []
        try:
            raw.decode()
            event = decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            try:
                event, unmapped, warnings = decode_leniently(raw, kind, lists=lists)
            except ValueError as error:
                out.rejects.append(Reject(index, str(error)))
                continue
        out.events.append(event)
        out.record.append(index)
        out.unmapped.append(unmapped)
        out.warnings.append(warnings or None)
    return out


def decode_leniently(raw: bytes, kind: type[T], *, lists: bool = False) -> tuple[T, bytes | None, list[str]]:
    """Return the struct, the JSON of fields it does not know, and warnings; ValueError says what does not fit."""
    value = parse_object(raw)
    unknown: dict[str, Any] = {}
    known = _prune(value, kind, "", unknown, lists)
    try:
        event = msgspec.json.decode(msgspec.json.encode(known), type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"wrong type: {_short(str(error))}") from error
    return event, msgspec.json.encode(unknown) if unknown else None, []


def _short(fault: str) -> str:
    """Return a decoder's fault with its path and without most of the value it quotes, however long that is."""
    return fault if len(fault) <= 300 else f"{fault[:180]}…{fault[-100:]}"


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse one JSON object whose values are left raw below the first level; ValueError tells what is wrong."""
    if not raw.strip():
        raise ValueError("empty record")
    if (depth := _depth(raw)) > MAX_DEPTH:
        raise ValueError(f"nested {depth} levels deep, more than {MAX_DEPTH}")
    try:
        raw.decode()
        value = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    except msgspec.ValidationError as error:
        raise ValueError(f"not a JSON object: {error}") from error
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    return dict(value)


def _prune(
    value: dict[str, Any], kind: type[msgspec.Struct], path: str, unknown: dict[str, Any], lists: bool
) -> dict[str, Any]:
    """Keep the fields `kind` knows, without nulls, and move the rest to `unknown` under their JSON pointer."""
    fields = _fields(kind)
    known: dict[str, Any] = {}
    for name, item in value.items():
        spot = f"{path}/{name}"
        if name not in fields:
            unknown[spot] = item
            continue
        if bytes(item) == b"null":
            continue
        inner = fields[name]
        known[name] = item if inner is None else _pruned(item, inner, spot, unknown, lists)
    return known


def _pruned(item: Any, kind: type[msgspec.Struct], spot: str, unknown: dict[str, Any], lists: bool) -> Any:
    """Prune an object, or each object of a list; anything else stays, for the decoder to judge."""
    first = bytes(item)[:1]
    if first == b"{":
        return _prune(msgspec.json.decode(item, type=dict[str, msgspec.Raw]), kind, spot, unknown, lists)
    if first == b"[" and lists:
        elements = msgspec.json.decode(item, type=list[msgspec.Raw])
        return [_pruned(e, kind, f"{spot}/{i}", unknown, lists) for i, e in enumerate(elements)]
    return item


@cache
def _lines(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct] | None]:
    """Map each field's wire name to the struct it or its elements hold, or None when it holds no struct."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return {f.encode_name: _struct_of(f.type) for f in info.fields}


def _struct_of(info: msgspec.inspect.Type) -> type[msgspec.Struct] | None:
    if isinstance(info, msgspec.inspect.StructType):
        return info.cls
    if isinstance(info, msgspec.inspect.ListType):
        return _struct_of(info.item_type)
    if isinstance(info, msgspec.inspect.UnionType):
        return next((s for t in info.types if (s := _struct_of(t)) is not None), None)
    return None


_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def _depth(raw: bytes) -> int:
    """Return how deep arrays and objects nest, reading brackets outside strings only."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for token in _STRUCTURE.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest
