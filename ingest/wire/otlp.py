"""OTLP in JSON as structs: export requests of logs and of traces, and single records already flattened."""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.fields import ABSENT

Raw = msgspec.Raw


class Strict(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    """A part of the request."""


class Value(Strict):
    """A value of any kind: the one field that is there tells which."""

    string_value: str | None = None
    int_value: int | str | None = None
    bool_value: bool | None = None
    double_value: float | str | None = None
    bytes_value: str | None = None
    array_value: Array | None = None
    kvlist_value: Pairs | None = None


class Attribute(Strict):
    """A name and its value."""

    key: str
    value: Value | None = None


class Array(Strict):
    """A list of values."""

    values: list[Value] = []


class Pairs(Strict):
    """A map of values."""

    values: list[Attribute] = []


class Resource(Strict):
    """What emitted the telemetry."""

    attributes: list[Attribute] = []
    dropped_attributes_count: int | None = None
    entity_refs: Raw = ABSENT


class Scope(Strict):
    """Which library of the emitter did."""

    name: str | None = None
    version: str | None = None
    attributes: list[Attribute] = []
    dropped_attributes_count: int | None = None


class Log(Strict):
    """A log record."""

    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    body: Value | None = None
    attributes: list[Attribute] = []
    dropped_attributes_count: int | None = None
    flags: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None
    unknown: Raw = ABSENT


class Status(Strict):
    """How a span ended; the code is a number, or its name."""

    code: int | str | None = None
    message: str | None = None


class SpanEvent(Strict):
    """Something that happened during a span."""

    time_unix_nano: int | str | None = None
    name: str | None = None
    attributes: list[Attribute] = []
    dropped_attributes_count: int | None = None


class Span(Strict):
    """A span."""

    name: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    trace_state: str | None = None
    flags: int | None = None
    kind: int | str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[Attribute] = []
    dropped_attributes_count: int | None = None
    events: list[SpanEvent] = []
    dropped_events_count: int | None = None
    links: Raw = ABSENT
    dropped_links_count: int | None = None
    status: Status | None = None
    unknown: Raw = ABSENT


class ScopeLogs(Strict):
    """The log records of one scope."""

    scope: Scope | None = None
    log_records: list[Log] = []
    schema_url: str | None = None
    unknown: Raw = ABSENT


class ScopeSpans(Strict):
    """The spans of one scope."""

    scope: Scope | None = None
    spans: list[Span] = []
    schema_url: str | None = None
    unknown: Raw = ABSENT


class ResourceLogs(Strict):
    """The log records of one emitter."""

    resource: Resource | None = None
    scope_logs: list[ScopeLogs] = []
    schema_url: str | None = None
    unknown: Raw = ABSENT


class ResourceSpans(Strict):
    """The spans of one emitter."""

    resource: Resource | None = None
    scope_spans: list[ScopeSpans] = []
    schema_url: str | None = None
    unknown: Raw = ABSENT


class Line(Strict):
    """An export request of logs or traces, or one flattened log record or span (name and attributes)."""

    resource_logs: list[ResourceLogs] | None = None
    resource_spans: list[ResourceSpans] | None = None
    name: str | None = None
    attributes: dict[str, Any] | None = None
    resource: dict[str, Any] | None = None
    scope: dict[str, Any] | None = None
    body: str | None = None
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    kind: int | str | None = None
    status: dict[str, Any] | None = None
    flags: int | None = None


BELOW: dict[Any, tuple[str, Any]] = {
    ResourceLogs: ("scopeLogs", ScopeLogs),
    ScopeLogs: ("logRecords", Log),
    ResourceSpans: ("scopeSpans", ScopeSpans),
    ScopeSpans: ("spans", Span),
}
"""What each part holds a list of."""
KNOWN = {
    kind: frozenset(f.encode_name for f in msgspec.structs.fields(kind)) - {"unknown"}
    for kind in (ResourceLogs, ScopeLogs, Log, ResourceSpans, ScopeSpans, Span)
}
KINDS: dict[int | str | None, str] = {
    number: name
    for place, name in enumerate(("internal", "server", "client", "producer", "consumer"), 1)
    for number in (place, f"SPAN_KIND_{name.upper()}", name.upper())
}
ERRORS = frozenset({2, "2", "STATUS_CODE_ERROR", "ERROR"})
FINE = frozenset({1, "1", "STATUS_CODE_OK", "OK"})
