"""Events as OpenTelemetry log records, under OpenTelemetry's own names where it has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from reports.export import ocsf
from store.events import COLUMNS

SCOPE = "tooltrail"
KEY = "log.record.uid"
"""The attribute that holds event_id, by which a receiver knows a record that came twice."""

_IN_THE_RECORD = frozenset({"event_id", "event_time", "recorded_time", "event_date", "trace_id", "span_id"})
NAMES = {
    column.name: column.follows.removeprefix("OTel ")
    if column.follows.startswith("OTel ") and " " not in column.follows.removeprefix("OTel ")
    else f"tooltrail.{column.name}"
    for column in COLUMNS
    if column.name not in _IN_THE_RECORD
}
"""The attribute of each column."""


def request(batch: pa.RecordBatch, *, as_ocsf: bool = False) -> ExportLogsServiceRequest:
    """Return a batch of events as one export request; as OCSF the body is the JSON text of API Activity."""
    made = ExportLogsServiceRequest()
    logs = made.resource_logs.add()
    logs.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value=SCOPE)))
    scope = logs.scope_logs.add()
    scope.scope.name = SCOPE
    bodies = ocsf.records(batch) if as_ocsf else iter(())
    for row in ocsf.with_times_as_text(batch).to_pylist():
        body = msgspec.json.encode(next(bodies)).decode() if as_ocsf else None
        scope.log_records.append(_log(row, body))
    return made


def _log(row: Mapping[str, Any], body: str | None) -> LogRecord:
    denied = row["event_class"] == "denial"
    recorded = row["recorded_time_us"]
    log = LogRecord(
        time_unix_nano=max(row["event_time_us"], 0) * 1000,
        observed_time_unix_nano=(row["ingest_time_us"] if recorded is None else max(recorded, 0)) * 1000,
        severity_number=SeverityNumber.SEVERITY_NUMBER_WARN
        if denied
        else SeverityNumber.SEVERITY_NUMBER_INFO,
        severity_text="WARN" if denied else "INFO",
        event_name=f"mcp.{row['event_kind']}",
        body=AnyValue(string_value=ocsf.message(row) if body is None else body),
        trace_id=bytes.fromhex(row["trace_id"] or ""),
        span_id=bytes.fromhex(row["span_id"] or ""),
    )
    log.attributes.append(KeyValue(key=KEY, value=AnyValue(string_value=row["event_id"])))
    if body is None:
        log.attributes.extend(_attributes(row))
    return log


def _attributes(row: Mapping[str, Any]) -> Iterator[KeyValue]:
    for column, name in NAMES.items():
        value = row.get(column)
        if value is not None:
            yield KeyValue(key=name, value=_value(value))


def _value(value: Any) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=item) for item in value]))
    return AnyValue(string_value=msgspec.json.encode(value).decode())
