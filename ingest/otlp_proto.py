"""OTLP export requests in protobuf become records: each log record or span alone, as OTLP JSON with its resource.

One record is an export request of one element, `{"resourceLogs":[{"resource":…,"scopeLogs":[…]}]}`, so it means the
same wherever it stands, and a sender that groups differently when it tries again still sends the same records. The
JSON is OTLP's own: 64-bit integers as text, ids as hex, enums as numbers, what has its default left out.
Source: opentelemetry-proto 1.x and "JSON Protobuf Encoding" of the OTLP specification.

The official classes decode; the walk from them to JSON is ours, because json_format takes ten times as long.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Json = dict[str, Any]

_encode = msgspec.json.Encoder().encode
_TRACE_ID, _SPAN_ID = 16, 8
_OPENING = 0x0A
"""The first byte of every request that is not empty: field 1, a message."""


def log_records(body: bytes) -> list[bytes]:
    """Return the log records of an ExportLogsServiceRequest; ValueError if it is none."""
    return list(_logs(_parsed(ExportLogsServiceRequest(), body)))


def spans(body: bytes) -> list[bytes]:
    """Return the spans of an ExportTraceServiceRequest; ValueError if it is none."""
    return list(_spans(_parsed(ExportTraceServiceRequest(), body)))


def either(value: bytes) -> list[bytes]:
    """Return what a message on a topic holds, log records or spans; ValueError if it holds neither.

    Both requests begin alike, and a field of another type is only an unknown field to the decoder: what tells
    them apart is that a span has a trace id of 16 bytes and a span id of 8 in its first two fields.
    """
    try:
        request = _parsed(ExportTraceServiceRequest(), value)
    except ValueError:
        request = None
    if request is not None and _has_spans(request):
        return list(_spans(request))
    logs = _parsed(ExportLogsServiceRequest(), value)
    if not _has_logs(logs):
        raise ValueError("it holds neither log records nor spans")
    return list(_logs(logs))


def looks_encoded(value: bytes) -> bool:
    """Say whether bytes may be an export request in protobuf; `either` tells."""
    return len(value) > 2 and value[0] == _OPENING


def stand_in(body: bytes) -> bytes:
    """Return what is kept of a body that does not decode: its length and digest.

    Secrets known by the name of their field cannot be found in broken protobuf, so its bytes may not be kept.
    """
    return f"{len(body)} bytes of protobuf, not kept: sha256 {sha256(body).hexdigest()}".encode()


def _parsed(message: Any, body: bytes) -> Any:
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise ValueError(f"not an OTLP request in protobuf: {str(error).rpartition(': ')[2]}") from error
    return message


def _has_spans(request: Any) -> bool:
    first = next((s for r in request.resource_spans for g in r.scope_spans for s in g.spans), None)
    return first is not None and len(first.trace_id) == _TRACE_ID and len(first.span_id) == _SPAN_ID


def _has_logs(request: Any) -> bool:
    """Say whether the first record has something that a metric, read as a log record, cannot have."""
    first = next((x for r in request.resource_logs for g in r.scope_logs for x in g.log_records), None)
    return first is not None and bool(
        first.time_unix_nano or first.observed_time_unix_nano or first.severity_number or first.attributes
    )


def _logs(request: Any) -> Iterator[bytes]:
    for group in request.resource_logs:
        for scoped in group.scope_logs:
            before, after = _around(group, scoped, b"Logs", b"logRecords")
            for record in scoped.log_records:
                yield before + _encode(_log(record)) + after


def _spans(request: Any) -> Iterator[bytes]:
    for group in request.resource_spans:
        for scoped in group.scope_spans:
            before, after = _around(group, scoped, b"Spans", b"spans")
            for span in scoped.spans:
                yield before + _encode(_span(span)) + after


def _around(group: Any, scoped: Any, kind: bytes, elements: bytes) -> tuple[bytes, bytes]:
    """Return what stands before and after an element: its resource and its scope, written once for all of them."""
    resource = {"attributes": _attributes(group.resource.attributes)}
    _count(resource, "droppedAttributesCount", group.resource.dropped_attributes_count)
    outer: Json = {"resource": resource} if group.HasField("resource") else {}
    _text(outer, "schemaUrl", group.schema_url)
    inner: Json = {"scope": _scope(scoped.scope)} if scoped.HasField("scope") else {}
    _text(inner, "schemaUrl", scoped.schema_url)
    before = b'{"resource%b":[%b"scope%b":[%b"%b":[' % (kind, _open(outer), kind, _open(inner), elements)
    return before, b"]}]}]}"


def _open(fields: Json) -> bytes:
    """Return an object without its end, to go on from."""
    return _encode(fields)[:-1] + b"," if fields else b"{"


def _scope(scope: Any) -> Json:
    out: Json = {}
    _text(out, "name", scope.name)
    _text(out, "version", scope.version)
    if scope.attributes:
        out["attributes"] = _attributes(scope.attributes)
    _count(out, "droppedAttributesCount", scope.dropped_attributes_count)
    return out


def _log(record: Any) -> Json:
    out: Json = {}
    _time(out, "timeUnixNano", record.time_unix_nano)
    _time(out, "observedTimeUnixNano", record.observed_time_unix_nano)
    _count(out, "severityNumber", record.severity_number)
    _text(out, "severityText", record.severity_text)
    if record.HasField("body"):
        out["body"] = _value(record.body)
    out["attributes"] = _attributes(record.attributes)
    _count(out, "droppedAttributesCount", record.dropped_attributes_count)
    _count(out, "flags", record.flags)
    _id(out, "traceId", record.trace_id)
    _id(out, "spanId", record.span_id)
    _text(out, "eventName", record.event_name)
    return out


def _span(span: Any) -> Json:
    out: Json = {}
    _id(out, "traceId", span.trace_id)
    _id(out, "spanId", span.span_id)
    _text(out, "traceState", span.trace_state)
    _id(out, "parentSpanId", span.parent_span_id)
    _count(out, "flags", span.flags)
    _text(out, "name", span.name)
    _count(out, "kind", span.kind)
    _time(out, "startTimeUnixNano", span.start_time_unix_nano)
    _time(out, "endTimeUnixNano", span.end_time_unix_nano)
    out["attributes"] = _attributes(span.attributes)
    _count(out, "droppedAttributesCount", span.dropped_attributes_count)
    if span.events:
        out["events"] = [_event(event) for event in span.events]
    _count(out, "droppedEventsCount", span.dropped_events_count)
    if span.links:
        out["links"] = [_link(link) for link in span.links]
    _count(out, "droppedLinksCount", span.dropped_links_count)
    if span.HasField("status"):
        status: Json = {}
        _text(status, "message", span.status.message)
        _count(status, "code", span.status.code)
        out["status"] = status
    return out


def _event(event: Any) -> Json:
    out: Json = {}
    _time(out, "timeUnixNano", event.time_unix_nano)
    _text(out, "name", event.name)
    out["attributes"] = _attributes(event.attributes)
    _count(out, "droppedAttributesCount", event.dropped_attributes_count)
    return out


def _link(link: Any) -> Json:
    out: Json = {}
    _id(out, "traceId", link.trace_id)
    _id(out, "spanId", link.span_id)
    _text(out, "traceState", link.trace_state)
    out["attributes"] = _attributes(link.attributes)
    _count(out, "droppedAttributesCount", link.dropped_attributes_count)
    _count(out, "flags", link.flags)
    return out


# --- values -----------------------------------------------------------------------------------------------------


def _text(out: Json, name: str, text: str) -> None:
    if text:
        out[name] = text


def _count(out: Json, name: str, number: int) -> None:
    if number:
        out[name] = number


def _time(out: Json, name: str, nanoseconds: int) -> None:
    if nanoseconds:
        out[name] = str(nanoseconds)


def _id(out: Json, name: str, raw: bytes) -> None:
    if raw:
        out[name] = raw.hex()


def _attributes(pairs: Iterable[Any]) -> list[Json]:
    return [
        {"key": pair.key, "value": {"stringValue": text} if (text := value.string_value) else _value(value)}
        for pair in pairs
        for value in (pair.value,)
    ]


def _value(value: Any) -> Json:
    which = value.WhichOneof("value")
    if which == "string_value":
        return {"stringValue": value.string_value}
    kind = _KINDS.get(which)
    return {} if kind is None else {kind[0]: kind[1](value)}


def _double(value: Any) -> float | str:
    number: float = value.double_value
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


_KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "int_value": ("intValue", lambda value: str(value.int_value)),
    "bool_value": ("boolValue", lambda value: value.bool_value),
    "double_value": ("doubleValue", _double),
    "bytes_value": ("bytesValue", lambda value: b64encode(value.bytes_value).decode()),
    "array_value": ("arrayValue", lambda value: {"values": [_value(v) for v in value.array_value.values]}),
    "kvlist_value": ("kvlistValue", lambda value: {"values": _attributes(value.kvlist_value.values)}),
}
