"""OTLP in JSON: each export request becomes flat records, spans and logs alike, with plain attribute values.

A line may also be one record already flattened: a name and an object of attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingest.attributes import as_json
from ingest.decode import decode, parse_object
from ingest.fields import ABSENT, merge
from ingest.otlp_values import elapsed, hex_id, microseconds, plain
from ingest.parsed import Parsed, Reject
from ingest.wire import otlp as wire


class Telemetry(msgspec.Struct, gc=False):
    """One log record or span: times in microseconds, plain attribute values, `rest` the JSON of unknown fields.

    Of a span `time` is its start and `ended` its end; `kind` and `failed` are a span's only. `name` is the span's
    name, or what the log record calls its event: by its event name, its body, or an attribute, in this order.
    """

    name: str
    scope: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    time: int | None
    observed: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    dropped: int | None = None
    rest: bytes | None = None
    is_span: bool = False
    kind: str | None = None
    failed: bool | None = None
    message: str | None = None
    duration_ms: float | None = None
    body: str | None = None


@dataclass
class Flat:
    """The records of a batch of lines; `record[i]` is the line that item i came from."""

    items: list[Telemetry] = field(default_factory=list)
    record: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


Reader = Callable[[Sequence[Telemetry]], Parsed]
"""Makes one row of each record of one product; what it cannot read it rejects by its place."""


def read_all(records: Sequence[bytes], read: Reader) -> Parsed:
    """Read every record of every line by one reader, whichever product it is of."""
    flat = flatten(records)
    parsed = read(flat.items)
    parsed.record = flat.record
    parsed.rejects = flat.rejects
    return parsed


def is_request(record: bytes) -> bool:
    """Tell an export request from the other lines a product writes."""
    head = record[:64]
    return b'"resourceSpans"' in head or b'"resourceLogs"' in head


def flatten(records: Sequence[bytes]) -> Flat:
    """Flatten every line, in order; a line that does not fit, or holds no record, is rejected whole."""
    decoded = decode(records, wire.Line)
    indices = range(len(records)) if decoded.record is None else decoded.record
    unknown = decoded.unmapped or [None] * len(decoded.events)
    lines = dict(zip(indices, zip(decoded.events, unknown, strict=True), strict=True))
    failed = {reject.record: reject for reject in decoded.rejects}
    for index in failed.keys() - lines.keys():
        if (line := _with_unknown(records[index])) is not None:
            lines[index] = (line, None)
    out = Flat()
    for index in range(len(records)):
        found = lines.get(index)
        if found is None:
            out.rejects.append(failed[index])
            continue
        try:
            items = _flatten(*found)
        except ValueError as error:
            out.rejects.append(Reject(index, str(error)))
            continue
        out.items += items
        out.record += [index] * len(items)
    return out


def _flatten(line: wire.Line, unknown: bytes | None) -> list[Telemetry]:
    if line.resource_logs is None and line.resource_spans is None:
        return [_single(line, unknown)]
    items: list[Telemetry] = []
    for logs in line.resource_logs or ():
        resource = plain(logs.resource.attributes) if logs.resource else {}
        for scoped in logs.scope_logs:
            name = (scoped.scope.name if scoped.scope else None) or ""
            rest = merge(unknown, bytes(logs.unknown) or None, bytes(scoped.unknown) or None)
            items += [_log(log, name, resource, rest) for log in scoped.log_records]
    for group in line.resource_spans or ():
        resource = plain(group.resource.attributes) if group.resource else {}
        for within in group.scope_spans:
            name = (within.scope.name if within.scope else None) or ""
            rest = merge(unknown, bytes(group.unknown) or None, bytes(within.unknown) or None)
            items += [_span(span, name, resource, rest) for span in within.spans]
    if not items:
        raise ValueError("no log records or spans in `$.resourceLogs` or `$.resourceSpans`")
    return items


def _log(log: wire.Log, scope: str, resource: dict[str, Any], rest: bytes | None) -> Telemetry:
    attributes = plain(log.attributes)
    body = log.body.string_value if log.body else None
    name = log.event_name or body or attributes.get("event.name")
    if log.unknown is not ABSENT:
        rest = merge(rest, bytes(log.unknown))
    return Telemetry(
        name if isinstance(name, str) else "",
        scope,
        attributes,
        resource,
        microseconds(log.time_unix_nano, "timeUnixNano"),
        microseconds(log.observed_time_unix_nano, "observedTimeUnixNano"),
        hex_id(log.trace_id),
        hex_id(log.span_id),
        log.dropped_attributes_count,
        rest,
        body=body,
    )


def _span(span: wire.Span, scope: str, resource: dict[str, Any], rest: bytes | None) -> Telemetry:
    code, message = (span.status.code, span.status.message) if span.status else (None, None)
    left: dict[str, Any] = {}
    if span.parent_span_id:
        left["/parentSpanId"] = span.parent_span_id
    for event in span.events:
        told = plain(event.attributes)
        said = told.get("exception.message")
        if event.name == "exception" and isinstance(said, str) and said and message in (None, "", said):
            message = said
        else:
            left.setdefault("/events", []).append({"name": event.name, "attributes": told})
    own = (as_json(left) if left else None, bytes(span.links) and b'{"/links":' + bytes(span.links) + b"}")
    rest = merge(rest, *(part or None for part in own), bytes(span.unknown) or None)
    began, ended = span.start_time_unix_nano, span.end_time_unix_nano
    return Telemetry(
        span.name or "",
        scope,
        plain(span.attributes),
        resource,
        microseconds(began, "startTimeUnixNano"),
        microseconds(ended, "endTimeUnixNano"),
        hex_id(span.trace_id),
        hex_id(span.span_id),
        span.dropped_attributes_count,
        rest,
        is_span=True,
        kind=wire.KINDS.get(span.kind),
        failed=_failed(code),
        message=message or None,
        duration_ms=elapsed(began, ended),
    )


def _single(line: wire.Line, unknown: bytes | None) -> Telemetry:
    if line.name is None or line.attributes is None:
        raise ValueError(
            "Object has neither `resourceLogs`, `resourceSpans` nor `name` and `attributes` - at `$`"
        )
    is_span = line.start_time_unix_nano is not None
    scope, resource, status = line.scope or {}, line.resource or {}, line.status or {}
    inner = resource.get("attributes")
    code, message = status.get("code"), status.get("message")
    scope_name = scope.get("name")
    return Telemetry(
        line.name,
        scope_name if isinstance(scope_name, str) else "",
        line.attributes,
        inner if isinstance(inner, dict) else resource,
        microseconds(line.start_time_unix_nano, "startTimeUnixNano")
        if is_span
        else microseconds(line.time_unix_nano, "timeUnixNano"),
        microseconds(line.end_time_unix_nano, "endTimeUnixNano")
        if is_span
        else microseconds(line.observed_time_unix_nano, "observedTimeUnixNano"),
        hex_id(line.trace_id),
        hex_id(line.span_id),
        rest=merge(unknown, as_json({"/parentSpanId": line.parent_span_id}) if line.parent_span_id else None),
        is_span=is_span,
        kind=wire.KINDS.get(line.kind),
        failed=_failed(code if isinstance(code, int | str) else None),
        message=message if isinstance(message, str) and message else None,
        duration_ms=elapsed(line.start_time_unix_nano, line.end_time_unix_nano),
        body=line.body,
    )


def _failed(code: int | str | None) -> bool | None:
    return True if code in wire.ERRORS else False if code in wire.FINE else None


_request = msgspec.json.Decoder(wire.Line)
_TOPS = {"resourceLogs": wire.ResourceLogs, "resourceSpans": wire.ResourceSpans}


def _with_unknown(raw: bytes) -> wire.Line | None:
    """Decode a request whose parts hold unknown fields, kept in `unknown`; None when that does not help."""
    try:
        line = {key: msgspec.json.decode(value) for key, value in parse_object(raw).items()}
        for name, kind in _TOPS.items():
            if name in line:
                line[name] = [_apart(group, kind) for group in line[name]]
        return _request.decode(msgspec.json.encode(line)) if _TOPS.keys() & line else None
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None


def _apart(part: Any, kind: Any) -> Any:
    if not isinstance(part, dict):
        return part
    known = {key: value for key, value in part.items() if key in wire.KNOWN[kind] and value is not None}
    unknown = {f"/{key}": value for key, value in part.items() if key not in wire.KNOWN[kind]}
    if unknown:
        known["unknown"] = unknown
    list_name, inner = wire.BELOW.get(kind, ("", None))
    if isinstance(items := known.get(list_name), list):
        known[list_name] = [_apart(item, inner) for item in items]
    return known
