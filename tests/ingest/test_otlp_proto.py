"""Protobuf becomes the OTLP JSON the official encoder would write, one log record or span at a time."""

from __future__ import annotations

import base64
import math
from typing import Any

import msgspec
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_harness import logs

from ingest import otlp_json, otlp_proto
from ingest.adapters import claude_code

TRACE, SPAN = bytes(range(16)), bytes(range(8))
_IDS = {"traceId", "spanId", "parentSpanId"}


def official(message: Any, names: otlp_json.Names) -> list[Any]:
    """Return what the official encoder makes of a request, ids as OTLP wants them, cut into elements."""
    whole = MessageToDict(message, use_integers_for_enums=True)
    cut = []
    for group in whole.get(names.groups, []):
        for scoped in group.get(names.scopes, []):
            for element in scoped.get(names.elements, []):
                alone = {**scoped, names.elements: [_hex(element)]}
                cut.append({names.groups: [{**group, names.scopes: [alone]}]})
    return cut


def _hex(value: Any) -> Any:
    if isinstance(value, list):
        return [_hex(item) for item in value]
    if isinstance(value, dict):
        return {k: base64.b64decode(v).hex() if k in _IDS else _hex(v) for k, v in value.items()}
    return value


def bare(value: Any) -> Any:
    """Leave out empty lists, which both may write or not."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items() if v != []}
    return value


def decoded(records: list[bytes]) -> list[Any]:
    """Return records as values."""
    return [msgspec.json.decode(record) for record in records]


def fill(pairs: Any) -> None:
    """Add an attribute of each kind."""
    values: dict[str, dict[str, Any]] = {
        "text": {"string_value": 'é "quoted" \n\u2028'}, "empty": {"string_value": ""},
        "whole": {"int_value": -(2**63)},
        "yes": {"bool_value": True}, "no": {"bool_value": False}, "part": {"double_value": 0.1},
        "nan": {"double_value": math.nan}, "up": {"double_value": math.inf}, "down": {"double_value": -math.inf},
        "bytes": {"bytes_value": b"\x00\xff"}, "none": {},
    }  # fmt: skip
    for key, value in values.items():
        pairs.add(key=key, value=AnyValue(**value))
    inner = pairs.add(key="list").value.array_value.values
    inner.add(string_value="a")
    inner.add(int_value=1)
    inner.add().kvlist_value.values.add(key="k").value.string_value = "v"
    pairs.add(key="no list").value.array_value.SetInParent()


def full_logs() -> ExportLogsServiceRequest:
    """Return a request in which every field is set, and one in which none is."""
    request = ExportLogsServiceRequest()
    for _ in range(2):
        group = request.resource_logs.add(schema_url="https://a")
        fill(group.resource.attributes)
        group.resource.dropped_attributes_count = 1
        scoped = group.scope_logs.add(schema_url="https://b")
        scoped.scope.name, scoped.scope.version, scoped.scope.dropped_attributes_count = "s", "1", 2
        fill(scoped.scope.attributes)
        for event in ("a", "b"):
            record = scoped.log_records.add(
                time_unix_nano=2**63, observed_time_unix_nano=1, severity_number=9, severity_text="INFO",
                dropped_attributes_count=3, flags=1, trace_id=TRACE, span_id=SPAN, event_name=event,
            )  # fmt: skip
            record.body.string_value = "body"
            fill(record.attributes)
    request.resource_logs.add().scope_logs.add().log_records.add()
    return request


def full_spans() -> ExportTraceServiceRequest:
    """Return a request with a span in which every field is set, and one in which few are."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(schema_url="https://a")
    fill(group.resource.attributes)
    scoped = group.scope_spans.add()
    scoped.scope.name = "s"
    span = scoped.spans.add(
        trace_id=TRACE, span_id=SPAN, trace_state="a=b", parent_span_id=SPAN, flags=257, name="n", kind=2,
        start_time_unix_nano=1, end_time_unix_nano=2, dropped_attributes_count=1, dropped_events_count=2,
        dropped_links_count=3,
    )  # fmt: skip
    fill(span.attributes)
    fill(span.events.add(time_unix_nano=1, name="e", dropped_attributes_count=1).attributes)
    link = span.links.add(
        trace_id=TRACE, span_id=SPAN, trace_state="c=d", flags=1, dropped_attributes_count=1
    )
    fill(link.attributes)
    span.status.message, span.status.code = "failed", 2
    scoped.spans.add(trace_id=TRACE, span_id=SPAN).status.SetInParent()
    return request


def test_log_records_are_what_the_official_encoder_writes() -> None:
    """Every field and every kind of value, of several resources and scopes, one record each."""
    request = full_logs()
    found = decoded(otlp_proto.log_records(request.SerializeToString()))
    assert bare(found) == bare(official(request, otlp_json.LOGS))


def test_spans_are_what_the_official_encoder_writes() -> None:
    """Every field of a span, its events, its links and its status."""
    request = full_spans()
    found = decoded(otlp_proto.spans(request.SerializeToString()))
    assert bare(found) == bare(official(request, otlp_json.SPANS))


@pytest.mark.parametrize(("kind", "full"), [(LogRecord, full_logs), (Span, full_spans)])
def test_no_field_is_forgotten(kind: Any, full: Any) -> None:
    """Each field the installed classes know is in the requests the tests above compare."""
    elements = {
        LogRecord: lambda r: r.resource_logs[0].scope_logs[0].log_records[0],
        Span: lambda r: r.resource_spans[0].scope_spans[0].spans[0],
    }
    set_ = {field.name for field, _ in elements[kind](full()).ListFields()}
    assert {field.name for field in kind.DESCRIPTOR.fields} == set_


def test_one_record_at_a_time_gives_the_rows_of_the_whole() -> None:
    """The adapter makes the same rows of records cut apart, from protobuf or JSON, as of the request in JSON."""
    request = logs(5)
    whole = msgspec.json.encode(MessageToDict(request))
    apart = [otlp_proto.log_records(request.SerializeToString()), otlp_json.split(whole, otlp_json.LOGS)]
    expected = claude_code.parse([whole])
    assert expected.rows == 5
    for records in apart:
        parsed = claude_code.parse(records)
        assert (parsed.columns, parsed.rejects) == (expected.columns, [])


def test_the_same_bytes_give_the_same_records() -> None:
    """Records are their own identity: what is sent again must come out again."""
    body = full_logs().SerializeToString()
    assert otlp_proto.log_records(body) == otlp_proto.log_records(body)


def test_a_body_cut_short_is_refused() -> None:
    """Wherever protobuf is cut, it is no request."""
    body = logs(3).SerializeToString()
    for end in range(1, len(body)):
        with pytest.raises(ValueError, match="protobuf"):
            otlp_proto.log_records(body[:end])


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoders(body: bytes) -> None:
    """Any bytes are a request or a ValueError."""
    for decode in (otlp_proto.log_records, otlp_proto.spans, otlp_proto.either, otlp_json.either):
        try:
            assert all(isinstance(record, bytes) for record in decode(body))
        except ValueError:
            continue


def test_what_a_message_holds_is_seen() -> None:
    """Logs, spans and neither are told apart by their content, though they begin alike."""
    assert otlp_proto.either(full_logs().SerializeToString()) == otlp_proto.log_records(
        full_logs().SerializeToString()
    )
    assert otlp_proto.either(full_spans().SerializeToString()) == otlp_proto.spans(
        full_spans().SerializeToString()
    )
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="requests", unit="1")
    metric.gauge.data_points.add()
    for value in (metrics.SerializeToString(), b"\n{}", b"", ExportLogsServiceRequest().SerializeToString()):
        with pytest.raises(ValueError, match=r"neither|protobuf"):
            otlp_proto.either(value)


def test_json_is_copied_as_it_was_sent() -> None:
    """Fields nobody knows stay, at every level, and line ends go."""
    body = b"""{
      "new": 1, "resourceLogs": [{"resource": {"x": 1}, "later": {}, "scopeLogs": [
        {"scope": {"name": "s"}, "schemaUrl": "u", "logRecords": [{"a": 1}, {"b": "x\\ny"}]},
        {"logRecords": null}]}]}"""
    found = otlp_json.split(body, otlp_json.LOGS)
    assert [msgspec.json.decode(record) for record in found] == [
        {
            "resourceLogs": [
                {
                    "resource": {"x": 1},
                    "later": {},
                    "scopeLogs": [{"scope": {"name": "s"}, "schemaUrl": "u", "logRecords": [element]}],
                }
            ]
        }
        for element in ({"a": 1}, {"b": "x\ny"})
    ]
    assert not any(b"\n" in record for record in found)
