"""The native format: any canonical column by its name, plus raw `arguments`, `result` and `session_id`.

One JSON object per line. This is what a home-made gateway should write, and what every export of ours reads back.
Times are RFC 3339 text. `arguments` and `result` may be JSON or text; the raw session id is stored only as its
keyed hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from ingest.decode import decode
from ingest.parsed import Parsed
from store.events import COLUMNS

SUMMARY = "canonical column names plus raw arguments, result and session_id"
SIGNATURES = ({"event_time": None, "event_kind": None}, {"event_time": None, "event_class": None},
              {"event_time": None, "tool_name": None}, {"event_time": None, "mcp_method": None})  # fmt: skip

_OURS = frozenset({
    "event_id", "ingest_time", "event_date", "source_format", "sub_index", "raw_sha256", "source_topic",
    "source_partition", "source_offset", "session_key", "args_json", "args_keys", "args_hmac", "result_hmac",
    "args_leaves", "result_leaves", "args_shingles", "result_shingles", "redactions", "leaf_hash", "unmapped",
    "args_state", "result_state", "parse_warnings", "args_addresses",
})  # fmt: skip
"""Columns the lake fills itself: a record that claims them keeps the claim in `unmapped`."""

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
    if c.name not in _OURS
}
_RAW = ("arguments", "result")

_FIELDS: dict[str, tuple[Any, Any]] = {
    **{name: (kind | None, None) for name, kind in _CANONICAL.items()},
    "session_id": (str | None, None),
    **{name: (msgspec.Raw, msgspec.Raw(b"")) for name in _RAW},
}
_in_use: set[str] = set()
"""Fields seen so far: a struct of these decodes twice as fast as one of all, and means the same."""


@cache
def _struct(names: frozenset[str]) -> type[Any]:
    fields = [(name, *_FIELDS[name]) for name in _FIELDS if name in names]
    return msgspec.defstruct("Event", fields, forbid_unknown_fields=True, gc=False)


def parse(records: Sequence[bytes]) -> Parsed:
    """Read canonical JSON objects, one per record."""
    usual = _struct(frozenset({"event_time", "tool_name", *_in_use}))
    decoded = decode(records, usual, _struct(frozenset(_FIELDS)))
    if not decoded.events:
        return Parsed({}, rejects=decoded.rejects)
    fields = type(decoded.events[0]).__struct_fields__
    columns: dict[str, Sequence[Any]] = dict(
        zip(fields, zip(*map(attrgetter(*fields), decoded.events), strict=True), strict=True)
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
