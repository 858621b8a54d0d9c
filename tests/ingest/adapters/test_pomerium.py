"""What Pomerium's two log lines say."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "decision_reason", "outcome")


def check(**changes: Any) -> dict[str, Any]:
    """Return an authorize check that allowed a call, with changes."""
    return {
        "level": "info",
        "service": "authorize",
        "request-id": "r-1",
        "host": "github.mcp.acme.example",
        "session-id": "s-1",
        "user": "auth0|ann",
        "email": "ann@acme.example",
        "route-id": "rt-3",
        "mcp-method": "tools/call",
        "mcp-tool": "search_code",
        "mcp-tool-parameters": {"q": 1},
        "allow": True,
        "allow-why-true": ["email-ok", "mcp-tool-ok"],
        "deny": False,
        "deny-why-false": [],
        "time": "2026-10-05T09:00:00Z",
        "message": "authorize check",
    } | {name.replace("_", "-"): value for name, value in changes.items()}


def http(status: int = 200, details: str = "via_upstream", **changes: Any) -> dict[str, Any]:
    """Return the HTTP request's line, with changes."""
    return {
        "service": "envoy",
        "request-id": "r-1",
        "authority": "github.mcp.acme.example",
        "user-agent": "claude-code/2.1",
        "duration": 131.5,
        "size": 5030,
        "response-code": status,
        "response-code-details": details,
        "time": "2026-10-05T09:00:01Z",
        "message": "http-request",
    } | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("allow", "explicit", "policy_engine", "email-ok, mcp-tool-ok", "unknown")),
        (
            {"allow": False, "allow_why_false": ["mcp-tool-unauthorized"]},
            ("deny", "explicit", "policy_engine", "mcp-tool-unauthorized", "denied"),
        ),
        (
            {"allow": False, "allow_why_false": ["user-unauthenticated"]},
            ("deny", "explicit", "authn", "user-unauthenticated", "denied"),
        ),
        (
            {"deny": True, "deny_why_true": ["reject"]},
            ("deny", "explicit", "policy_engine", "reject", "denied"),
        ),
        ({"allow": None, "deny": None}, ("unknown", None, None, None, "unknown")),
    ],
)
def test_the_decision_is_allow_and_not_deny(
    changes: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    """A rule that denies overrules one that allows, and the reason is that of the rule that decided."""
    assert picked(row("pomerium", check(**changes)), *JUDGED) == expected


def test_the_route_is_the_policy() -> None:
    """The check names the route whose policy decided, and the server by its host."""
    found = row("pomerium", check())
    assert picked(found, "policy_id", "server_name", "arguments", "session_kind") == (
        "rt-3", "github.mcp.acme.example", b'{"q": 1}', "gateway_session",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "details", "expected"),
    [
        (200, "via_upstream", ("unknown", None, None, None, "success")),
        (403, "via_upstream", ("deny", "strong", "server", None, "denied")),
        (401, "direct_response", ("deny", "strong", "unknown", "direct_response", "denied")),
        (404, "via_upstream", ("unknown", None, None, None, "protocol_error")),
        (503, "upstream_reset", ("unknown", None, None, None, "transport_error")),
        (504, "response_timeout", ("unknown", None, None, None, "timeout")),
        (0, "downstream_remote_disconnect", ("unknown", None, None, None, "cancelled")),
    ],
)
def test_the_requests_outcome_is_its_status(
    status: int, details: str, expected: tuple[str | None, ...]
) -> None:
    """The request line alone is an HTTP request, judged by its status."""
    found = row("pomerium", http(status, details))
    assert picked(found, *JUDGED) == expected
    assert found["event_kind"] == "http_request"


def test_both_streams_count_one_call_and_one_denial() -> None:
    """Check and request share the request's id; the refusal is the check's."""
    parsed = parse("pomerium", check(allow=False), http(403, "ext_authz_denied"))
    columns = parsed.columns
    assert columns["http_request_id"] == ["r-1", "r-1"]
    assert columns["event_kind"] == ["tool_call", "http_request"]
    assert list(columns["decision"]) == ["deny", "deny"]
    assert list(columns["event_class"]) == [None, "client_event"]
    assert columns["vantage"] == ["policy_engine", "gateway"]


def test_without_the_mcp_fields_no_tool_is_claimed() -> None:
    """A check whose operator logs no MCP fields is no call."""
    plain = {k: v for k, v in check().items() if not k.startswith("mcp-")}
    assert picked(row("pomerium", plain), "event_kind", "tool_name", "mcp_method") == ("other", None, None)


def test_a_token_in_the_log_is_dropped() -> None:
    """The ID token is a credential: its claims are read, itself is neither stored nor left over."""
    claims = {"iss": "https://idp.acme.example/", "azp": "cli", "jti": "j-1", "department": "R&D"}
    found = row("pomerium", check(id_token="eyJ.eyJ.", id_token_claims=claims))
    assert picked(found, "user_issuer", "client_oauth_id", "credential_id", "parse_warnings") == (
        "https://idp.acme.example/", "cli", "j-1", ["token_in_log"],
    )  # fmt: skip
    assert unmapped(found) == {"/id-token-claims/department": "R&D"}


def test_an_impersonator_stays_the_user() -> None:
    """Who acts as another is the one who acts."""
    found = row("pomerium", check(impersonate_user_id="auth0|bob"))
    assert picked(found, "user_id", "parse_warnings") == ("auth0|ann", ["impersonated"])
    assert unmapped(found) == {"/impersonate-user-id": "auth0|bob"}


def test_a_service_account_is_a_credential() -> None:
    """A machine's account is told apart from a person's session."""
    found = row("pomerium", check(service_account_id="sa-1", session_id=None))
    assert picked(found, "credential_id", "credential_kind", "session_kind") == (
        "sa-1",
        "service_account",
        None,
    )


def test_a_logged_body_names_client_and_protocol() -> None:
    """MCP 2026-07-28 tells them in each request, so the body does where it is logged."""
    body = (
        '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","arguments":{"q":2},"_meta":'
        '{"io.modelcontextprotocol/clientInfo":{"name":"inspector","version":"1"},'
        '"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}'
    )
    plain = {k: v for k, v in check(body=body).items() if k != "mcp-tool-parameters"}
    found = row("pomerium", plain)
    assert picked(found, "client_name", "protocol_version", "jsonrpc_id", "arguments") == (
        "inspector", "2026-07-28", "7", b'{"q":2}',
    )  # fmt: skip


def test_other_messages_are_rejected() -> None:
    """The rest of Pomerium's log is neither of the two streams."""
    parsed = parse("pomerium", check(), {"service": "envoy", "message": "starting listener"})
    assert parsed.record == [0]
    assert "$.message" in parsed.rejects[0].reason
