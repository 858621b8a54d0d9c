"""What a ToolHive audit line says, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def line(**changes: Any) -> dict[str, Any]:
    """Return a successful tool call with top-level changes."""
    return {
        "time": "2026-08-21T10:00:00.1Z",
        "level": "AUDIT",
        "msg": "audit_event",
        "audit_id": "a-1",
        "type": "mcp_tool_call",
        "logged_at": "2026-08-21T10:00:00Z",
        "outcome": "success",
        "component": "github-mcp",
        "source": {"type": "network", "value": "192.0.2.7"},
        "subjects": {"user": "Ann Lee", "user_id": "auth0|ann"},
        "target": {"endpoint": "/mcp", "method": "tools/call", "name": "search", "type": "tool"},
        "metadata": {"extra": {"duration_ms": 3, "transport": "http"}},
    } | changes


def failing(code: int, message: str) -> dict[str, Any]:
    """Return the metadata of a JSON-RPC error."""
    return {"extra": {"jsonrpc_error_code": code, "jsonrpc_error_message": message}}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("denied", ("deny", "strong", "unknown", "denied")),
        ("failure", ("unknown", None, None, "protocol_error")),
        ("error", ("unknown", None, None, "transport_error")),
        ("application_error", ("unknown", None, None, "protocol_error")),
        ("success", ("unknown", None, None, "unknown")),
        ("improbable", ("unknown", None, None, "unknown")),
    ],
)
def test_outcome_becomes_decision_and_outcome(outcome: str, expected: tuple[str | None, ...]) -> None:
    """A denial is strong but does not tell 401 from 403; success proves no success of the tool."""
    assert picked(row("toolhive", line(outcome=outcome)), *JUDGED) == expected


def test_success_without_the_answer_is_marked() -> None:
    """A reader must see why a call logged as success has no outcome."""
    assert row("toolhive", line())["parse_warnings"] == ["result_success_unproven"]


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ({"jsonrpc": "2.0", "id": 1, "result": {"content": []}}, "success"),
        ({"jsonrpc": "2.0", "id": 1, "result": {"isError": True}}, "tool_error"),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "boom"}}, "protocol_error"),
        ({"jsonrpc": "2.0", "id": 1, "result": {"resultType": "input_required"}}, "input_required"),
        ('event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"isError":true}}\n\n', "tool_error"),
        ('{"jsonrpc":"2.0","id":1,"result":{"isErr', "unknown"),
    ],
)
def test_the_answer_decides_when_it_is_there(response: object, outcome: str) -> None:
    """An answer in the record overrules `success`, framed as server-sent events or not."""
    assert row("toolhive", line(data={"response": response}))["outcome"] == outcome


def test_hidden_vmcp_denial_is_weak() -> None:
    """Old vMCP answered a denied call like one of an unknown tool: that is a guess and says so."""
    found = row(
        "toolhive", line(outcome="application_error", metadata=failing(-32602, "tool 'x' not found: no"))
    )
    assert picked(found, *JUDGED) == ("deny", "weak", "unknown", "denied")


def test_other_invalid_params_are_no_denial() -> None:
    """-32602 alone denies nothing."""
    found = row("toolhive", line(outcome="application_error", metadata=failing(-32602, "missing field")))
    assert picked(found, *JUDGED) == ("unknown", None, None, "protocol_error")


@pytest.mark.parametrize(
    "subjects", [{"user": "anonymous"}, {"user": "Anonymous User", "user_id": "anonymous"}]
)
def test_anonymous_is_no_user(subjects: dict[str, str]) -> None:
    """The placeholder "anonymous" never becomes a user id."""
    found = row("toolhive", line(subjects=subjects))
    assert picked(found, "user_id", "user_name", "user_assurance") == (None, None, "anonymous")


def test_client_of_the_token_is_not_client_info() -> None:
    """client_* of the subjects are token claims and are named so, whatever the body says."""
    meta = {"io.modelcontextprotocol/clientInfo": {"name": "other", "version": "9"}}
    found = row(
        "toolhive",
        line(
            subjects={"user_id": "ann", "client_name": "desk"},
            data={"request": {"jsonrpc": "2.0", "id": 1, "params": {"name": "search", "_meta": meta}}},
        ),
    )
    assert picked(found, "client_name", "client_version", "client_identity_source") == (
        "desk",
        None,
        "token_claim",
    )


def test_backend_is_the_server_of_a_virtual_one() -> None:
    """Where vMCP names the backend, its own component is the gateway."""
    found = row("toolhive", line(component="team", metadata={"extra": {"backend_name": "github"}}))
    assert picked(found, "gateway_name", "server_name") == ("team", "github")


def test_cut_request_is_passed_on_as_text() -> None:
    """A body cut anywhere is kept and marked."""
    found = row("toolhive", line(outcome="denied", data={"request": '{"jsonrpc":"2.0","par'}))
    assert picked(found, "arguments", "parse_warnings") == ('{"jsonrpc":"2.0","par', ["truncated_json"])


def test_unknown_field_is_kept() -> None:
    """A field of a newer release is set aside under its JSON pointer, at any depth."""
    found = row("toolhive", line(region="eu", target={"endpoint": "/mcp", "type": "tool", "shard": 3}))
    assert unmapped(found) == {"/region": "eu", "/target/shard": 3}


def test_wrong_type_is_rejected_with_its_path() -> None:
    """One bad record is named by its path and harms no other."""
    parsed = parse("toolhive", line(), line(metadata={"extra": {"duration_ms": "x"}}), line(audit_id="a-3"))
    assert parsed.record == [0, 2]
    assert [r.record for r in parsed.rejects] == [1]
    assert "$.metadata.extra.duration_ms" in parsed.rejects[0].reason


def test_two_objects_in_one_record_do_not_shift_the_next() -> None:
    """A record that holds two objects must not lend one to an empty neighbour."""
    one = line()
    parsed = parse("toolhive", b'{"audit_id":"x","type":"t","outcome":"o"}\n' * 2, b"", one)
    assert parsed.record == [2]
    assert [r.record for r in parsed.rejects] == [0, 1]
