"""What ContextForge's SIEM events and table rows say."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")
AT = "2026-10-05T09:00:00+00:00"


def siem(
    event_type: str, source: str = "audit", context: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """Return a SIEM event, with changes."""
    return {
        "schema_version": "1.0",
        "event_id": "evt_1",
        "timestamp": AT,
        "event_type": event_type,
        "severity": "HIGH",
        "description": "what happened",
        "source": {"service": "mcpgateway", "instance_id": "pod-1", "event_source": source},
        "actor": {"user_id": "ann@acme.example", "user_email": "[REDACTED]", "client_ip": "unknown"},
        "context": context or {},
        "action_taken": "denied",
    } | changes


def permission(*, granted: bool, **changes: Any) -> dict[str, Any]:
    """Return a row of permission_audit_log, with changes."""
    return {
        "id": 7,
        "timestamp": AT,
        "user_email": "ann@acme.example",
        "permission": "tools.execute",
        "granted": granted,
    } | changes


def security(event_type: str, **changes: Any) -> dict[str, Any]:
    """Return a row of security_events, with changes."""
    return {
        "id": "ab",
        "timestamp": AT,
        "event_type": event_type,
        "severity": "HIGH",
        "threat_score": 0.7,
        "description": "why",
        "user_id": "bob",
    } | changes


def entry(message: str, context: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a row of structured_log_entries, with changes."""
    return {
        "id": "cd",
        "timestamp": AT,
        "level": "INFO",
        "component": "tool_service",
        "message": message,
        "is_security_event": False,
        "context": context,
    } | changes


def trail(*, success: bool, **changes: Any) -> dict[str, Any]:
    """Return a row of audit_trails, with changes."""
    return {
        "id": "ef",
        "timestamp": AT,
        "action": "delete_tool",
        "resource_type": "tool",
        "resource_name": "search",
        "user_id": "ann",
        "requires_review": False,
        "success": success,
    } | changes


def usage(status: int = 200, **changes: Any) -> dict[str, Any]:
    """Return a row of token_usage_logs, with changes."""
    return {
        "id": 9,
        "timestamp": AT,
        "token_jti": "j-1",
        "user_email": "ann@acme.example",
        "status_code": status,
        "blocked": False,
    } | changes


def invoked(error: str | None = None) -> dict[str, Any]:
    """Return the context of a logged tool call."""
    return {
        "resource_type": "tool",
        "resource_action": "invoke",
        "custom_fields": {"tool_name": "search", "error_message": error},
    }


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (permission(granted=True), ("allow", "explicit", "acl", "unknown")),
        (permission(granted=False), ("deny", "explicit", "acl", "denied")),
        (security("authorization_failure"), ("deny", "explicit", "acl", "denied")),
        (security("authentication_failure"), ("deny", "explicit", "authn", "denied")),
        (security("authentication_success"), ("allow", "explicit", "authn", "success")),
        (security("rate_limit_exceeded"), ("deny", "explicit", "rate_limit", "denied")),
        (security("injection_attempt", action_taken="blocked"), ("deny", "explicit", "guardrail", "denied")),
        (
            security("data_exfiltration", action_taken="flagged"),
            ("observe", "explicit", "guardrail", "unknown"),
        ),
        (security("anomalous_behavior", action_taken="denied"), ("unknown", None, None, "unknown")),
        (siem("authorization_failure", "security"), ("deny", "explicit", "acl", "denied")),
        (usage(), ("unknown", None, None, "success")),
        (usage(403), ("deny", "strong", "acl", "denied")),
        (
            usage(401, blocked=True, block_reason="revoked_or_expired"),
            ("deny", "explicit", "authn", "denied"),
        ),
        (trail(success=True), ("unknown", None, None, "success")),
        (trail(success=False), ("unknown", None, None, "unknown")),
        (entry("done", {"response_status_code": 403}), ("deny", "strong", "acl", "denied")),
    ],
)
def test_decision_and_outcome(record: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    """Permission checks, refusals by name and blocked tokens are explicit, a status implies, a failure says nothing."""
    assert picked(row("contextforge", record), *JUDGED) == expected


def test_denied_is_said_of_anything_that_failed() -> None:
    """An audit event with action_taken "denied" is no denial, unless its status says so."""
    found = row("contextforge", siem("audit_delete_tool", context={"success": False}))
    assert picked(found, *JUDGED, "parse_warnings") == (
        "unknown", None, None, "unknown", ["error_kind_unknown"],
    )  # fmt: skip
    refused = row("contextforge", siem("audit_delete_tool", context={"success": False, "status_code": 403}))
    assert picked(refused, *JUDGED) == ("deny", "strong", "acl", "denied")


@pytest.mark.parametrize(
    ("message", "error", "outcome"),
    [
        ("Tool 'search' invoked successfully", None, "success"),
        ("Tool 'search' invocation failed", None, "tool_error"),
        ("Tool 'search' invocation failed", "HTTP 502", "unknown"),
    ],
)
def test_a_tool_call_is_a_log_entry(message: str, error: str | None, outcome: str) -> None:
    """An answer with isError leaves no error text, an exception does."""
    found = row("contextforge", entry(message, invoked(error)))
    assert picked(found, "event_kind", "tool_name", "outcome", "error_message") == (
        "tool_call", "search", outcome, error,
    )  # fmt: skip


def test_a_search_result_names_the_tool_in_its_message() -> None:
    """The log search leaves the context out; the message still tells the tool, quotes and all."""
    found = row("contextforge", entry("Tool 'it's' invoked successfully"))
    assert picked(found, "event_kind", "tool_name", "outcome") == ("tool_call", "it's", "success")
    other = row("contextforge", entry("Tool 'x' invoked successfully", component="gateway_service"))
    assert picked(other, "event_kind", "tool_name", "outcome") == ("other", None, "unknown")


@pytest.mark.parametrize(
    ("action", "kind", "operation"),
    [
        ("delete_tool", "entity_change", "destructive"),
        ("bulk_create_tools", "entity_change", "write"),
        ("set_tool_state", "entity_change", "write"),
        ("view_prompt", "other", "read"),
        ("frobnicate", "other", "unknown"),
    ],
)
def test_the_audit_trail_is_about_changes(action: str, kind: str, operation: str) -> None:
    """A change of a tool is no call of it."""
    found = row("contextforge", trail(success=True, action=action))
    assert picked(found, "event_kind", "operation_class") == (kind, operation)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (siem("audit_x"), ("ann@acme.example", "ann@acme.example", "email", "verified")),
        (trail(success=True), ("ann", None, "local_id", "verified")),
        (trail(success=True, user_id="anonymous"), (None, None, "anonymous", "anonymous")),
        (permission(granted=True, user_email=None), (None, None, "none", "unknown")),
        (security("authentication_failure"), ("bob", None, "local_id", "self_reported")),
        (usage(401, blocked=True), ("ann@acme.example", "ann@acme.example", "email", "inferred")),
    ],
)
def test_who_it_was_and_how_sure(record: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    """A failed sign-in only claims a user; a refused token has an owner who may not have been there."""
    found = row("contextforge", record)
    assert picked(found, "user_id", "user_email", "user_id_kind", "user_assurance") == expected


def test_rows_counted_from_one_in_every_gateway_stay_apart() -> None:
    """The same number in two tables, or at two times, is not the same row."""
    ids = {
        row("contextforge", r)["native_event_id"]
        for r in (
            permission(granted=True),
            usage(id=7),
            permission(granted=True, timestamp="2026-10-06T09:00:00Z"),
        )
    }
    assert len(ids) == 3


def test_what_is_not_known_is_kept() -> None:
    """Fields of a newer release stay, also what anyone adds to the context."""
    context = {"success": True, "ticket": "OPS-1", "custom_fields": {"tool_name": "x", "team": "pay"}}
    found = row("contextforge", siem("audit_x", context=context, region="eu"))
    kept = unmapped(found)
    assert (kept["/context/ticket"], kept["/context/custom_fields/team"], kept["/region"]) == (
        "OPS-1",
        "pay",
        "eu",
    )


def test_wrong_type_and_no_shape_are_rejected() -> None:
    """What is of no shape says which fields would have told it."""
    parsed = parse(
        "contextforge",
        permission(granted=True),
        permission(granted=True) | {"granted": "yes"},
        {"timestamp": AT},
    )
    assert parsed.record == [0]
    assert "$.granted" in parsed.rejects[0].reason
    assert "of no known shape" in parsed.rejects[1].reason
