"""What Gate22's tool call log says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped


def call(**fields: Any) -> dict[str, Any]:
    """Return a row of the log."""
    return {
        "id": "c-1", "bundle_name": "eng", "mcp_server_name": "GITHUB", "mcp_tool_name": "GITHUB__GET_ISSUE",
        "status": "success", "via_execute_tool": False, "duration_ms": 12, "created_at": "2026-08-21T10:00:01Z",
        "jsonrpc_payload": {"jsonrpc": "2.0", "id": 7, "method": "tools/call",
                            "params": {"name": "GITHUB__GET_ISSUE", "arguments": {"n": 1}}},
    } | fields  # fmt: skip


@pytest.mark.parametrize(
    ("status", "result", "outcome"),
    [
        ("success", {"content": []}, "success"),
        ("success", {"content": [], "isError": True}, "tool_error"),
        ("error", {}, "tool_error"),
        ("timeout", {}, "timeout"),
        ("abandoned", {}, "unknown"),
    ],
)
def test_the_result_overrules_a_success(status: str, result: dict[str, Any], outcome: str) -> None:
    """A result with isError is no success, whatever the status; an unknown status is kept."""
    found = row("gate22", call(status=status, result=result))
    assert picked(found, "outcome", "decision") == (outcome, "unknown")
    assert unmapped(found).get("/status") == ("abandoned" if status == "abandoned" else None)


def test_the_executed_tool_is_named_apart_from_the_meta_tool() -> None:
    """Through the meta tool the client sends another name than that of what ran."""
    payload = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "EXECUTE_TOOL", "arguments": {}},
    }
    found = row("gate22", call(via_execute_tool=True, jsonrpc_payload=payload, arguments='{"n":2}'))
    names = picked(found, "tool_name_exposed", "tool_name", "arguments")
    assert names == ("EXECUTE_TOOL", "GET_ISSUE", b'"{\\"n\\":2}"')
    assert unmapped(found) == {"/via_execute_tool": True}


def test_the_payload_stands_in_for_missing_arguments() -> None:
    """Arguments are read from the JSON-RPC message where the column is empty."""
    assert row("gate22", call(arguments=None))["arguments"] == b'{"n": 1}'


def test_a_wrong_type_is_rejected_by_name() -> None:
    """The field that does not fit is named."""
    (reject,) = parse("gate22", call(duration_ms="long")).rejects
    assert "duration_ms" in reject.reason
