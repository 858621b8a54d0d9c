"""The fields of records, wherever they are nested, with some values of each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ingest.mapping.parser import logfmt_object, objects_of
from ingest.mapping.paths import Path

_DEEPEST = 4
_VALUES = 8
CONTENT = ("arguments", "args", "input", "tool_input", "result", "output", "response")
"""Names of objects that are content: what is in them is no field of the record."""


def is_logfmt(raw: bytes) -> bool:
    """Say whether a record is key=value text rather than JSON."""
    if raw.lstrip()[:1] in (b"{", b"["):
        return False
    with contextlib.suppress(ValueError):
        return bool(logfmt_object(raw))
    return False


def leaves(records: Sequence[bytes]) -> dict[Path, list[Any]]:
    """Return every field of the records by its path, with its first few values; arrays and content are values."""
    kind = "logfmt" if records and is_logfmt(records[0]) else "json"
    objects, _, _ = objects_of(records, kind)
    found: dict[Path, list[Any]] = {}
    for item in objects:
        with contextlib.suppress(msgspec.MsgspecError, RecursionError):
            for path, value in _walk({key: msgspec.json.decode(raw) for key, raw in item.items()}, ()):
                values = found.setdefault(path, [])
                if value is not None and value not in values and len(values) < _VALUES:
                    values.append(value)
    return found


def _is_content(key: str, value: Mapping[str, Any]) -> bool:
    return key in CONTENT or (key == "params" and "arguments" not in value)


def _walk(value: Mapping[str, Any], at: Path) -> Iterator[tuple[Path, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and len(at) + 1 < _DEEPEST and not _is_content(key, inner):
            yield from _walk(inner, (*at, key))
        else:
            yield (*at, key), inner
