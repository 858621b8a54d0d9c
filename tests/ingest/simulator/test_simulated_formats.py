"""Each format has the fields its gateway writes, with the gateway's own traps."""

from __future__ import annotations

import re

from fleet_logs import Logs, client_records

_TEXT_LINE = re.compile(rb"^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z\tinfo\trequest gateway=")


def test_toolhive_writes_slog_keys(logs: Logs) -> None:
    """ToolHive's lines have slog's snake_case keys, data for a share of them, and no session id."""
    records = logs.records("toolhive")
    assert all(r["level"] == "AUDIT" and r["msg"] == "audit_event" and r["audit_id"] for r in records)
    assert {True, False} == {"data" in record for record in records}
    assert not any("session" in key for record in records for key in record)
    assert {"success", "denied", "error"} == {record["outcome"] for record in records}


def test_toolhive_logs_failed_tools_as_success(logs: Logs) -> None:
    """A result with isError is logged as success, as ToolHive does."""
    failed = [
        r
        for r in logs.records("toolhive")
        if '"isError": true' in str(r).replace("True", "true").replace("'", '"')
    ]
    assert failed
    assert {"success"} == {record["outcome"] for record in failed}


def test_agentgateway_mixes_text_and_json(logs: Logs) -> None:
    """Lines are the default text form, tab-separated, or JSON with scope request."""
    lines = logs.lines("agentgateway")
    text = [line for line in lines if line[:1] != b"{"]
    assert 0 < len(text) < len(lines)
    assert all(_TEXT_LINE.match(line) for line in text)
    assert all(record["protocol"] == "mcp" for record in logs.records("agentgateway"))


def test_agentgateway_hides_denied_tools(logs: Logs) -> None:
    """A call refused by MCP rules reads as an unknown tool with status 400."""
    denied = [record for record in logs.records("agentgateway") if record.get("reason") == "MCP"]
    assert denied
    assert all(str(r["http.status"]) == "400" and str(r["mcp.error.code"]) == "-32602" for r in denied)
    assert all(r["mcp.error.message"].startswith("Unknown tool: ") for r in denied)


def test_obot_cuts_times_and_redacts_some_payloads(logs: Logs) -> None:
    """Obot's events have numbers as ids, times of whole seconds, and bodies only where not redacted."""
    records = logs.records("obot")
    assert len({record["id"] for record in records}) == len(records)
    assert all(len(record["timestamp"]["occurredAt"]) == len("2026-10-01T00:00:00Z") for record in records)
    assert {True, False} == {record["details"]["payloadRedacted"] for record in records}
    assert all(("request" in r["details"]) != r["details"]["payloadRedacted"] for r in records)


def test_claude_code_writes_batches_of_otlp(logs: Logs) -> None:
    """A line holds one export request of one or more records, booleans are strings, sequences grow."""
    requests = logs.records("claude_code")
    sizes = [len(r["resourceLogs"][0]["scopeLogs"][0]["logRecords"]) for r in requests]
    assert max(sizes) > 1
    records = list(client_records(logs))
    assert {"true", "false"} >= {record["success"] for record in records if "success" in record}
    assert {"user_prompt", "tool_decision", "tool_result", "mcp_server_connection", "api_request"} == {
        record["event.name"] for record in records
    }
    last: dict[str, int] = {}
    for record in records:
        session, number = record["session.id"], int(record["event.sequence"])
        assert number > last.get(session, 0)
        last[session] = number


def test_native_records_are_of_the_promised_size(logs: Logs) -> None:
    """Native records are between 0.9 and 1.3 kB on average, so that sizes can be told from counts."""
    lines = logs.lines("native")
    assert 900 < sum(map(len, lines)) / len(lines) < 1300


def test_absent_facts_are_left_out(logs: Logs) -> None:
    """No native record states a fact as an empty text."""
    assert not [r for r in logs.records("native") if any(value == "" for value in r.values())]
