"""A Kong line taken apart: one row for each JSON-RPC request and each access decision that is no request's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

import msgspec

from ingest.fields import ABSENT
from ingest.wire import kong as wire

PRIMITIVES = {"tool": "tools/call", "resource": "resources/read", "prompt": "prompts/get"}
_LISTS = frozenset({"tools/list", "resources/list", "resources/templates/list", "prompts/list"})
T = TypeVar("T", bound=msgspec.Struct)
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(slots=True)
class Parties:
    """Who and what a line is about: the parts of it that Kong fills from its configuration."""

    consumer: wire.Consumer
    service: wire.Entity
    route: wire.Entity
    credential: wire.Credential


@dataclass(slots=True)
class Row:
    """One row: its line, and its request and its decision, either of which may be missing.

    `first` says that it is its line's first; `listed`, that its decision stands beside a list.
    """

    line: wire.Line
    parties: Parties
    place: int
    first: bool
    rpc: wire.Rpc | None
    audit: wire.Audit | None
    listed: bool = False


def rows_of(lines: Sequence[wire.Line]) -> list[Row]:
    """Return the rows of all lines, in order; each line has at least one."""
    return [row for place, line in enumerate(lines) for row in _rows(line, place)]


def _rows(line: wire.Line, place: int) -> Iterator[Row]:
    """Pair the line's requests with their decisions."""
    parties = Parties(
        _part(line.consumer, wire.NO_CONSUMER),
        _part(line.service, wire.NO_ENTITY),
        _part(line.route, wire.NO_ENTITY),
        _part(line.authenticated_entity, wire.NO_CREDENTIAL),
    )
    mcp = line.ai.mcp
    rpcs = (mcp.rpc if mcp else None) or []
    audits = list((mcp.audit if mcp else None) or [])
    first = True
    for rpc in rpcs:
        yield Row(line, parties, place, first, rpc, _taken(rpc, audits) if audits else None)
        first = False
    for audit in audits:
        listed = any(rpc.method in _LISTS for rpc in rpcs)
        yield Row(line, parties, place, first, None, audit, listed)
        first = False
    if first:
        yield Row(line, parties, place, first, None, None)


def _taken(rpc: wire.Rpc, audits: list[wire.Audit]) -> wire.Audit | None:
    """Take the decision that is this request's out of those that are left."""
    for place, audit in enumerate(audits):
        same_kind = PRIMITIVES.get(audit.primitive or "") == rpc.method
        if same_kind and (rpc.tool_name is None or audit.primitive_name in (None, rpc.tool_name)):
            return audits.pop(place)
    return None


def _part(raw: msgspec.Raw, nothing: T) -> T:
    if raw is ABSENT:
        return nothing
    text = bytes(raw)
    read = _read if len(text) <= _REMEMBERED else _read.__wrapped__
    return read(text, type(nothing)) or nothing


_REMEMBERED = 4096
"""Bytes of a part up to which it is remembered, so that no log can fill the memory."""


@lru_cache(maxsize=4096)
def _read(raw: bytes, kind: Any) -> Any:
    """Return a part of the configuration, which many lines repeat; None for what is no such part."""
    try:
        return _decoder(kind).decode(raw)
    except _BAD:
        return None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
