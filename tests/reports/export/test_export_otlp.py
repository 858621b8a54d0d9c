"""Events as OTLP log records: OpenTelemetry's names, and an id by which a repeat is known."""

from __future__ import annotations

import json
from typing import Any

from lakes import NOON, rows_of
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from reports.export.otlp import KEY, request


def one(*, as_ocsf: bool = False, **event: Any) -> LogRecord:
    """Return one event as a log record."""
    made = request(rows_of(event).to_batches()[0], as_ocsf=as_ocsf)
    log: LogRecord = made.resource_logs[0].scope_logs[0].log_records[0]
    return log


def attributes(log: LogRecord) -> dict[str, Any]:
    """Return a record's attributes as plain values."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value") or "") for a in log.attributes}


def test_names_are_those_of_opentelemetry() -> None:
    """What semantic conventions name has their name, the rest our own under a prefix."""
    log = one(tool_name="read_file", mcp_method="tools/call", http_status=200, policy_id="p", event_time=NOON)
    told = attributes(log)
    assert (told["gen_ai.tool.name"], told["mcp.method.name"], told["http.response.status_code"]) == (
        "read_file",
        "tools/call",
        200,
    )
    assert (told["tooltrail.policy_id"], told[KEY]) == ("p", f"{0:032x}")
    assert (log.time_unix_nano, log.event_name) == (int(NOON.timestamp()) * 10**9, "mcp.tool_call")


def test_traces_are_kept_in_the_records_own_fields() -> None:
    """A backend joins logs to spans by the record's ids."""
    log = one(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7")
    assert (log.trace_id.hex(), log.span_id.hex()) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert one().trace_id == b""


def test_a_denial_is_a_warning() -> None:
    """Severity tells refusals from the rest."""
    assert (one(event_class="denial").severity_text, one().severity_text) == ("WARN", "INFO")


def test_as_ocsf_the_body_is_the_whole_record() -> None:
    """A SIEM that takes OCSF finds it as the body's text, with the id beside it."""
    log = one(as_ocsf=True, tool_name="read_file")
    assert json.loads(log.body.string_value)["api"]["operation"] == "read_file"
    assert set(attributes(log)) == {KEY}
