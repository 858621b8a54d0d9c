"""The native format: any canonical column by its name, plus raw `arguments`, `result` and `session_id`.

One JSON object per line. This is what a home-made gateway should write, and what every export of ours reads back.
`event_time` and one of `event_kind`, `event_class`, `tool_name` and `mcp_method` make a record recognised. Times are
RFC 3339 text. `arguments` and `result` may be JSON or text: they are fingerprinted, and `arguments` kept after
redaction. The raw session id is stored only as its keyed hash.

To switch it on: write such lines. Give `native_event_id` if you have one: it makes a second delivery known as such.
Leave out what you do not know: null has a meaning, and so has a word such as `unknown`; `""` has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import pyarrow as pa
from msgspec.structs import astuple

from ingest.canonical import FILLED_BY_LAKE
from ingest.decode import decode
from ingest.parsed import Parsed
from store.events import COLUMNS

SUMMARY = "canonical column names plus raw arguments, result and session_id"
SIGNATURES = ({"event_time": None, "event_kind": None}, {"event_time": None, "event_class": None},
              {"event_time": None, "tool_name": None}, {"event_time": None, "mcp_method": None})  # fmt: skip

_PYTHON: dict[Any, Any] = {
    pa.string(): str,
    pa.int64(): int,
    pa.float64(): float,
    pa.list_(pa.string()): list[str],
    pa.timestamp("us", tz="UTC"): str,
}


class _Actor(msgspec.Struct, gc=False):
    iss: str | None = None
    sub: str | None = None


_CANONICAL = {
    c.name: (list[_Actor] if c.name == "delegation" else _PYTHON[c.type])
    for c in COLUMNS
    if c.name not in FILLED_BY_LAKE
}
_RAW = ("arguments", "result")

_FIELDS: dict[str, tuple[Any, Any]] = {
    **{name: (kind | None, None) for name, kind in _CANONICAL.items()},
    "session_id": (str | None, None),
    **{name: (msgspec.Raw, msgspec.Raw(b"")) for name in _RAW},
}
FIELDS = frozenset(_FIELDS)
_in_use: set[str] = set()
"""Fields seen so far: a struct of these decodes twice as fast as one of all, and means the same."""


@cache
def _struct(names: frozenset[str]) -> type[Any]:
    fields = [(name, *_FIELDS[name]) for name in _FIELDS if name in names]
    return msgspec.defstruct("Event", fields, forbid_unknown_fields=True, gc=False)


def parse(records: Sequence[bytes]) -> Parsed:
    """Read canonical JSON objects, one per record."""
    usual = _struct(frozenset({"event_time", "tool_name", *_in_use}))
    decoded = decode(records, usual, _struct(FIELDS))
    if not decoded.events:
        return Parsed({}, rejects=decoded.rejects)
    fields = type(decoded.events[0]).__struct_fields__
    columns: dict[str, Sequence[Any]] = dict(
        zip(fields, zip(*map(astuple, decoded.events), strict=True), strict=True)
    )
    if len(fields) == len(_FIELDS):
        _in_use.update(n for n, values in columns.items() if n in _RAW or values.count(None) < len(values))
    for name in _RAW:
        if name in columns:
            columns[name] = [bytes(raw) or None for raw in columns[name]]
    if "delegation" in columns:
        columns["delegation"] = [None if d is None else [{"iss": a.iss, "sub": a.sub} for a in d]
                                 for d in columns["delegation"]]  # fmt: skip
    if decoded.unmapped is not None:
        columns["unmapped"] = decoded.unmapped
    return Parsed(columns, record=decoded.record, rejects=decoded.rejects, rows=len(decoded.events))
