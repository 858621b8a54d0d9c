"""What Kong's log object with `ai.mcp` says, and into how many rows it falls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")
PERSON = {"id": "c-1", "name": "ann", "identifier": "consumer"}
GROUP = {"id": "g-1", "name": "admin", "identifier": "consumer_group"}


def line(
    rpc: list[dict[str, Any]] | None = None,
    audit: list[dict[str, Any]] | None = None,
    status: int = 200,
    **changes: Any,
) -> dict[str, Any]:
    """Return a log object with requests and decisions, with changes."""
    mcp = {"mcp_session_id": "s-1", "rpc": rpc, "audit": audit}
    return {
        "request": {"id": "2f69", "method": "POST", "uri": "/mcp"},
        "response": {"status": status, "size": 5030},
        "client_ip": "203.0.113.9",
        "started_at": 1791190800000,
        "service": {"id": "s-1", "name": "orders"},
        "ai": {"mcp": {k: v for k, v in mcp.items() if v is not None}},
    } | changes


def call(tool: str = "list_orders", **changes: Any) -> dict[str, Any]:
    """Return a tool call, with changes."""
    return {"id": "2", "method": "tools/call", "latency": 6, "tool_name": tool} | changes


def decided(
    name: str = "list_orders", action: str = "allow", primitive: str = "tool", **changes: Any
) -> dict[str, Any]:
    """Return a decision, with changes."""
    return {"primitive_name": name, "primitive": primitive, "action": action, "consumer": PERSON} | changes


def answer(*, failed: bool) -> dict[str, str]:
    """Return the payload of an answered call, as JSON text."""
    asked = {"jsonrpc": "2.0", "id": 2, "params": {"name": "list_orders", "arguments": {"q": 1}}}
    return {
        "request": json.dumps(asked),
        "response": json.dumps({"jsonrpc": "2.0", "id": 2, "result": {"isError": failed}}),
    }


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (line([call()], [decided()]), ("allow", "explicit", "acl", "unknown")),
        (line([], [decided(action="deny")]), ("deny", "explicit", "acl", "denied")),
        (line([call()], [decided(action="deny")]), ("deny", "explicit", "acl", "denied")),
        (line([], [decided(action="audit")]), ("unknown", None, None, "unknown")),
        (line(status=401), ("deny", "strong", "authn", "denied")),
        (line(status=403), ("deny", "strong", "acl", "denied")),
        (line([call()], status=429), ("deny", "strong", "rate_limit", "denied")),
        (line([call(error="no route")]), ("unknown", None, None, "protocol_error")),
        (line([call()], status=502), ("unknown", None, None, "transport_error")),
        (line([call()], status=504), ("unknown", None, None, "timeout")),
        (line([call()]), ("unknown", None, None, "unknown")),
    ],
)
def test_decision_and_outcome(record: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    """A decision in the log is explicit; without one the status implies it."""
    assert picked(row("kong", record), *JUDGED) == expected


def test_requests_find_their_decisions_by_name_and_order() -> None:
    """Each request takes the decision of its name, each other request of the kind the next that is left."""
    audits = [
        decided("get_user", scope="b"),
        decided("list_orders", scope="a"),
        decided("file:///x", primitive="resource", scope="r"),
    ]
    rpcs = [call("list_orders"), call("get_user"), {"id": "4", "method": "resources/read"}]
    parsed = parse("kong", line(rpcs, audits), line([call()]))
    assert parsed.record == [0, 0, 0, 1]
    assert parsed.columns["decision_reason"] == ["a", "b", "r", None]
    assert parsed.columns["tool_name"] == ["list_orders", "get_user", None, "list_orders"]
    assert parsed.columns["resource_uri"] == [None, None, "file:///x", None]


def test_decisions_beside_a_list_are_no_calls() -> None:
    """What a list was filtered by is decided, and nobody called it."""
    parsed = parse("kong", line([{"id": "1", "method": "tools/list"}], [decided(action="deny")]))
    assert parsed.columns["event_kind"] == ["tool_list", "tool_decision"]
    assert list(parsed.columns["decision"]) == ["unknown", "deny"]


@pytest.mark.parametrize(
    ("payload", "outcome", "warnings"),
    [
        (None, "unknown", ["result_success_unproven"]),
        (answer(failed=False), "success", None),
        (answer(failed=True), "tool_error", None),
    ],
)
def test_only_the_result_proves_success(
    payload: dict[str, str] | None, outcome: str, warnings: list[str] | None
) -> None:
    """Without payloads nobody saw whether the tool failed."""
    found = row("kong", line([call(payload=payload) if payload else call()]))
    assert picked(found, "outcome", "parse_warnings") == (outcome, warnings)


def test_an_error_may_be_text_or_an_object() -> None:
    """Both forms name what went wrong, the second with its code."""
    found = row("kong", line([call(error={"code": -32602, "message": "Unknown tool: x"})]))
    assert picked(found, "jsonrpc_error_code", "error_message") == (-32602, "Unknown tool: x")
    assert row("kong", line([call(error="upstream timed out")]))["error_message"] == "upstream timed out"


def test_a_consumer_group_is_no_person() -> None:
    """A decision for a group names the group; the consumer Kong authenticated is the user."""
    columns = ("user_id", "user_name", "user_groups", "user_assurance")
    assert picked(row("kong", line([], [decided(consumer=GROUP)])), *columns) == (
        None, None, ["admin"], "unknown",
    )  # fmt: skip
    assert picked(row("kong", line([], [decided()])), *columns) == ("c-1", "ann", None, "verified")
    known = line([], [decided(consumer=GROUP)], consumer={"id": "c-2", "username": "bob"})
    assert picked(row("kong", known), *columns) == ("c-2", "bob", ["admin"], "verified")


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (line(), "http_request"),
        (line(request={"id": "1", "method": "DELETE"}), "session_close"),
        (line(ai={"proxy": {}}), "model_call"),
        (line([{"id": "1", "method": "initialize"}]), "session_open"),
    ],
)
def test_a_line_without_calls_is_one_row(record: dict[str, Any], kind: str) -> None:
    """No line is lost for having nothing of MCP in it."""
    assert row("kong", record)["event_kind"] == kind


def test_unknown_fields_are_kept_at_their_place() -> None:
    """Fields of a newer release stay, also inside a request or decision; the line's own go with its first row."""
    parsed = parse("kong", line([call(cached=True), call()], [decided(rule="r4")], team="payments"))
    first, second = parsed.columns["unmapped"]
    kept = json.loads(first)
    assert (kept["/team"], kept["/ai/mcp/rpc/0/cached"], kept["/ai/mcp/audit/0/rule"]) == (
        "payments",
        True,
        "r4",
    )
    assert second is None
    assert unmapped(row("kong", line([call()])))["/request/uri"] == "/mcp"


def test_wrong_type_is_rejected_with_its_path() -> None:
    """A line with one bad request is rejected whole, and harms no other."""
    parsed = parse("kong", line([call()]), line([call(), call(latency="6ms")]), line([call()]))
    assert parsed.record == [0, 2]
    assert "$.ai.mcp.rpc[1].latency" in parsed.rejects[0].reason
