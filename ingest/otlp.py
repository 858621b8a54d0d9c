"""OTLP logs in JSON: each ExportLogsServiceRequest becomes flat log records with plain attribute values.

A line may also be one log record already flattened: a name and an object of attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingest.decode import decode, parse_object
from ingest.fields import ABSENT, merge
from ingest.parsed import Reject

Raw = msgspec.Raw
_MAX_DEPTH = 32
_INTEGER = re.compile(r"-?\d{1,25}", re.ASCII)


class _Strict(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    """A part of the request."""


class _Value(_Strict):
    string_value: str | None = None
    int_value: int | str | None = None
    bool_value: bool | None = None
    double_value: float | str | None = None
    bytes_value: str | None = None
    array_value: _Array | None = None
    kvlist_value: _Pairs | None = None


class _Attribute(_Strict):
    key: str
    value: _Value | None = None


class _Array(_Strict):
    values: list[_Value] = []


class _Pairs(_Strict):
    values: list[_Attribute] = []


class _Resource(_Strict):
    attributes: list[_Attribute] = []
    dropped_attributes_count: int | None = None
    entity_refs: Raw = ABSENT


class _Scope(_Strict):
    name: str | None = None
    version: str | None = None
    attributes: list[_Attribute] = []
    dropped_attributes_count: int | None = None


class _Log(_Strict):
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    body: _Value | None = None
    attributes: list[_Attribute] = []
    dropped_attributes_count: int | None = None
    flags: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None
    unknown: Raw = ABSENT


class _ScopeLogs(_Strict):
    scope: _Scope | None = None
    log_records: list[_Log] = []
    schema_url: str | None = None
    unknown: Raw = ABSENT


class _ResourceLogs(_Strict):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] = []
    schema_url: str | None = None
    unknown: Raw = ABSENT


class _Line(_Strict):
    """An ExportLogsServiceRequest, or one flattened record (name and attributes)."""

    resource_logs: list[_ResourceLogs] | None = None
    name: str | None = None
    attributes: dict[str, Any] | None = None
    resource: dict[str, Any] | None = None
    body: str | None = None
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    trace_id: str | None = None
    span_id: str | None = None


class Log(msgspec.Struct, gc=False):
    """One log record: times in microseconds, plain attribute values, `rest` the JSON of unknown fields."""

    name: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    time: int | None
    observed: int | None
    trace_id: str | None
    span_id: str | None
    dropped: int | None = None
    rest: bytes | None = None


@dataclass
class Logs:
    """Flat records of a batch; `record[i]` is the line that log i came from."""

    logs: list[Log] = field(default_factory=list)
    record: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def log_records(records: Sequence[bytes]) -> Logs:
    """Flatten every line, in order; a line that does not fit, or holds no log record, is rejected whole."""
    decoded = decode(records, _Line)
    indices = range(len(records)) if decoded.record is None else decoded.record
    unknown = decoded.unmapped or [None] * len(decoded.events)
    lines = dict(zip(indices, zip(decoded.events, unknown, strict=True), strict=True))
    failed = {reject.record: reject for reject in decoded.rejects}
    for index in failed.keys() - lines.keys():
        if (line := _with_unknown(records[index])) is not None:
            lines[index] = (line, None)
    out = Logs()
    for index in range(len(records)):
        found = lines.get(index)
        if found is None:
            out.rejects.append(failed[index])
            continue
        try:
            logs = _flatten(*found)
        except ValueError as error:
            out.rejects.append(Reject(index, str(error)))
            continue
        out.logs += logs
        out.record += [index] * len(logs)
    return out


def _flatten(line: _Line, unknown: bytes | None) -> list[Log]:
    if line.resource_logs is None:
        return [_single(line, unknown)]
    logs: list[Log] = []
    for group in line.resource_logs:
        resource = plain(group.resource.attributes) if group.resource else {}
        for scoped in group.scope_logs:
            rest = merge(unknown, bytes(group.unknown) or None, bytes(scoped.unknown) or None)
            logs += [_log(log, resource, rest) for log in scoped.log_records]
    if not logs:
        raise ValueError("no log records in `$.resourceLogs`")
    return logs


def _log(log: _Log, resource: dict[str, Any], rest: bytes | None) -> Log:
    attributes = plain(log.attributes)
    name = log.event_name or (log.body.string_value if log.body else None) or attributes.get("event.name")
    if log.unknown is not ABSENT:
        rest = merge(rest, bytes(log.unknown))
    return Log(
        name if isinstance(name, str) else "",
        attributes,
        resource,
        _microseconds(log.time_unix_nano, "timeUnixNano"),
        _microseconds(log.observed_time_unix_nano, "observedTimeUnixNano"),
        log.trace_id,
        log.span_id,
        log.dropped_attributes_count,
        rest,
    )


def _single(line: _Line, unknown: bytes | None) -> Log:
    if line.name is None or line.attributes is None:
        raise ValueError("Object has neither `resourceLogs` nor `name` and `attributes` - at `$`")
    return Log(
        line.name,
        line.attributes,
        line.resource or {},
        _microseconds(line.time_unix_nano, "timeUnixNano"),
        _microseconds(line.observed_time_unix_nano, "observedTimeUnixNano"),
        line.trace_id,
        line.span_id,
        rest=unknown,
    )


def plain(attributes: Iterable[_Attribute]) -> dict[str, Any]:
    """Return attributes as a dict of plain values; ValueError names the one that is none."""
    return {
        a.key: a.value.string_value
        if a.value is not None and a.value.string_value is not None
        else _plain(a.value, a.key, 0)
        for a in attributes
    }


def _plain(value: _Value | None, key: str, depth: int) -> Any:
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


def _microseconds(nanoseconds: int | str | None, key: str) -> int | None:
    """Return the time in microseconds; None for zero, which OTLP writes for unknown."""
    if nanoseconds is None:
        return None
    value = _integer(nanoseconds, key) if isinstance(nanoseconds, str) else nanoseconds
    return value // 1000 if 0 < value < _LATEST else None


_KNOWN = {
    kind: frozenset(f.encode_name for f in msgspec.structs.fields(kind)) - {"unknown"}
    for kind in (_ResourceLogs, _ScopeLogs, _Log)
}
_BELOW: dict[Any, tuple[str, Any]] = {
    _ResourceLogs: ("scopeLogs", _ScopeLogs),
    _ScopeLogs: ("logRecords", _Log),
}
_request = msgspec.json.Decoder(_Line)


def _with_unknown(raw: bytes) -> _Line | None:
    """Decode a request whose parts hold unknown fields, kept in `unknown`; None when that does not help."""
    try:
        line = {key: msgspec.json.decode(value) for key, value in parse_object(raw).items()}
        groups = line.get("resourceLogs")
        if not isinstance(groups, list):
            return None
        line["resourceLogs"] = [_apart(group, _ResourceLogs) for group in groups]
        return _request.decode(msgspec.json.encode(line))
    except (ValueError, RecursionError, OverflowError):
        return None


def _apart(part: Any, kind: Any) -> Any:
    if not isinstance(part, dict):
        return part
    known = {key: value for key, value in part.items() if key in _KNOWN[kind] and value is not None}
    unknown = {f"/{key}": value for key, value in part.items() if key not in _KNOWN[kind]}
    if unknown:
        known["unknown"] = unknown
    list_name, inner = _BELOW.get(kind, ("", None))
    if isinstance(items := known.get(list_name), list):
        known[list_name] = [_apart(item, inner) for item in items]
    return known
