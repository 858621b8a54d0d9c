"""Values of OTLP in JSON made plain: attributes, times, durations and ids."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ingest.wire import otlp as wire

_MAX_DEPTH = 32
_INTEGER = re.compile(r"-?\d{1,25}", re.ASCII)


def plain(attributes: Iterable[wire.Attribute]) -> dict[str, Any]:
    """Return attributes as a dict of plain values; ValueError names the one that is none."""
    return {
        a.key: a.value.string_value
        if a.value is not None and a.value.string_value is not None
        else _plain(a.value, a.key, 0)
        for a in attributes
    }


def _plain(value: wire.Value | None, key: str, depth: int) -> Any:
    if value is None:
        return None
    if value.int_value is not None:
        return _integer(value.int_value, key)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return _float(value.double_value, key)
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested more than {_MAX_DEPTH} levels deep - at `{key}`")
    if value.array_value is not None:
        return [_plain(item, key, depth + 1) for item in value.array_value.values]
    if value.kvlist_value is not None:
        return {a.key: _plain(a.value, key, depth + 1) for a in value.kvlist_value.values}
    return value.string_value if value.string_value is not None else value.bytes_value


def _integer(value: int | str, key: str) -> int:
    """Return the integer, which protobuf's JSON writes as text; ValueError for any other text."""
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError(f"wrong type: {value!r:.40} is no integer - at `{key}`")
    return int(value)


def _float(value: float | str, key: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ValueError(f"wrong type: {value!r:.40} is no number - at `{key}`") from error


_LATEST = 2**64


def microseconds(nanoseconds: int | str | None, key: str) -> int | None:
    """Return the time in microseconds; None for zero, which OTLP writes for unknown."""
    if nanoseconds is None:
        return None
    value = _integer(nanoseconds, key) if isinstance(nanoseconds, str) else nanoseconds
    return value // 1000 if 0 < value < _LATEST else None


def elapsed(began: int | str | None, ended: int | str | None) -> float | None:
    """Return milliseconds; None where an end is missing or before the start."""
    if not began or not ended:
        return None
    between = _integer(ended, "endTimeUnixNano") - _integer(began, "startTimeUnixNano")
    return between / 1e6 if 0 <= between < _LATEST else None


def hex_id(text: str | None) -> str | None:
    """Return a trace or span id as it is, or in hex where it came in base64, as protobuf's own JSON has it."""
    return text if text is None or len(text) not in (12, 24) else _from_base64(text)


@lru_cache(maxsize=8192)
def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text
