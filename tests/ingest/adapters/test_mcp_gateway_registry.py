"""What the three kinds of record of the MCP gateway registry say."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")
WHO = {"username": "ann", "auth_method": "oauth2", "provider": "keycloak", "credential_type": "bearer_token"}


def called(response: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return an MCP record, with changes."""
    return {
        "timestamp": "2026-10-05T09:00:00Z",
        "log_type": "mcp_server_access",
        "request_id": "r-1",
        "identity": WHO,
        "mcp_server": {"name": "github", "path": "/github"},
        "mcp_request": {"method": "tools/call", "tool_name": "get_issue", "jsonrpc_id": "3"},
        "mcp_response": {"status": "success", "duration_ms": 12.5} | (response or {}),
    } | changes


def asked(status: int = 200, decision: str | None = None, operation: str = "list") -> dict[str, Any]:
    """Return an API record."""
    return {
        "timestamp": "2026-10-05T09:00:00Z",
        "log_type": "registry_api_access",
        "request_id": "r-2",
        "identity": WHO,
        "request": {"method": "GET", "path": "/api/servers", "client_ip": "203.0.113.9"},
        "response": {"status_code": status, "duration_ms": 4},
        "action": {"operation": operation, "resource_type": "server"},
        "authorization": {"decision": decision, "required_permission": "servers:write"} if decision else None,
    }


def minted(**changes: Any) -> dict[str, Any]:
    """Return a record of a minted token, with changes."""
    return {
        "timestamp": "2026-10-05T09:00:00Z",
        "log_type": "token_mint",
        "request_id": "r-3",
        "username_hash": "user_1a2b3c4d",
        "auth_method": "oauth2",
        "outcome": "success",
    } | changes


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (asked(decision="ALLOW"), ("allow", "explicit", "acl", "success")),
        (asked(403, "DENY"), ("deny", "explicit", "acl", "denied")),
        (asked(decision="NOT_REQUIRED"), ("not_evaluated", None, None, "success")),
        (asked(403), ("deny", "strong", "acl", "denied")),
        (asked(401), ("deny", "strong", "authn", "denied")),
        (asked(decision="MAYBE"), ("unknown", None, None, "success")),
        (asked(502), ("unknown", None, None, "transport_error")),
        (called(), ("unknown", None, None, "success")),
        (called({"status": "error", "error_code": -32602}), ("unknown", None, None, "protocol_error")),
        (called({"status": "error"}), ("unknown", None, None, "unknown")),
        (called({"status": "timeout"}), ("unknown", None, None, "timeout")),
        (minted(), ("not_evaluated", None, None, "success")),
        (
            minted(outcome="failure", failure_reason="rate_limited"),
            ("deny", "explicit", "rate_limit", "denied"),
        ),
        (minted(outcome="failure", failure_reason="provider_error"), ("unknown", None, None, "unknown")),
    ],
)
def test_decision_and_outcome(record: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    """API records state the decision; an MCP record's error is an error, even where it was a refusal."""
    assert picked(row("mcp_gateway_registry", record), *JUDGED) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (called(), ("ann", "local_id", "verified", "keycloak")),
        (called(identity=WHO | {"subject": "sub-1"}), ("sub-1", "idp_sub", "verified", "keycloak")),
        (
            called(identity=WHO | {"username": "ann@acme.example"}),
            ("ann@acme.example", "email", "verified", "keycloak"),
        ),
        (
            called(identity={"username": "anonymous", "auth_method": "anonymous"}),
            (None, "anonymous", "anonymous", None),
        ),
        (minted(), ("user_1a2b3c4d", "hash", "verified", None)),
        (minted(auth_method="network-trusted"), ("user_1a2b3c4d", "hash", "proxy_asserted", None)),
        (minted(username="ann", provider="okta"), ("ann", "local_id", "verified", "okta")),
    ],
)
def test_the_best_name_is_the_user(record: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    """The token's subject comes before the user name, and that before a hash that two people can share."""
    found = row("mcp_gateway_registry", record)
    assert picked(found, "user_id", "user_id_kind", "user_assurance", "user_issuer") == expected


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (called(), "tool_call"),
        (called(mcp_request={"method": "tools/list"}), "tool_list"),
        (asked(operation="delete"), "entity_change"),
        (asked(operation="login"), "authn"),
        (asked(), "http_request"),
        (minted(), "token_mint"),
    ],
)
def test_record_becomes_kind(record: dict[str, Any], kind: str) -> None:
    """What was done says what kind of event it is."""
    assert row("mcp_gateway_registry", record)["event_kind"] == kind


def test_requests_of_one_http_request_are_told_apart() -> None:
    """Two MCP requests may share a request id, and both stay."""
    one = row("mcp_gateway_registry", called())
    other = row("mcp_gateway_registry", called(mcp_request={"method": "tools/list", "jsonrpc_id": "4"}))
    assert one["native_event_id"] != other["native_event_id"]
    assert one["http_request_id"] == other["http_request_id"]


def test_an_application_is_known_by_its_id() -> None:
    """The application the identity provider knows is the OAuth client; groups and scopes are as they were."""
    found = row(
        "mcp_gateway_registry", called(identity=WHO | {"app_id": "app-1", "groups": ["dev"], "scopes": ["a"]})
    )
    assert picked(found, "client_oauth_id", "client_identity_source", "user_groups", "scopes") == (
        "app-1", "oauth_client_id", ["dev"], ["a"],
    )  # fmt: skip


def test_what_is_not_known_is_kept() -> None:
    """Fields of a newer release stay, at their place."""
    found = row(
        "mcp_gateway_registry", called({"status": "cancelled"}, risk=1, identity=WHO | {"tenant_id": "t"})
    )
    assert unmapped(found) == {"/risk": 1, "/mcp_response/status": "cancelled", "/identity/tenant_id": "t"}
    assert found["parse_warnings"] == ["unknown_outcome"]


def test_wrong_type_is_rejected_with_its_path() -> None:
    """One bad record is named by its path and harms no other."""
    parsed = parse("mcp_gateway_registry", called(), called({"error_code": "x"}), minted())
    assert parsed.record == [0, 2]
    assert "$.mcp_response.error_code" in parsed.rejects[0].reason
