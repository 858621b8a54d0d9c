"""What a line of Envoy AI Gateway's access log says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def front(**changes: Any) -> dict[str, Any]:
    """Return the line of a client's HTTP request, with changes."""
    return {
        "start_time": "2026-10-05T09:00:00.123Z",
        "response_code": 200,
        "response_flags": "-",
        "response_code_details": "via_upstream",
        "duration": 12,
        "user-agent": "claude-code/2.1",
        "x-forwarded-for": "203.0.113.9",
        "x-request-id": "r-1",
        "downstream_remote_address": "203.0.113.9:51522",
        "jsonrpc.request.id": None,
        "mcp.session.id": "s-1",
        "mcp.method.name": None,
        "mcp.tool.name": None,
        "mcp.provider.name": None,
    } | changes


def behind(**changes: Any) -> dict[str, Any]:
    """Return the line of the gateway's request to a backend, with changes."""
    return front(**{
        "user-agent": "Go-http-client/1.1",
        "downstream_remote_address": "127.0.0.1:58124",
        "mcp.session.id": None,
        "jsonrpc.request.id": "3",
        "mcp.method.name": "tools/call",
        "mcp.tool.name": "search_code",
        "mcp.provider.name": "github",
        "upstream_host": "198.51.100.66:443",
    } | changes)  # fmt: skip


def test_front_and_backend_line_are_one_call() -> None:
    """Of the two lines only the one that names the method is the call; both have the request's id."""
    columns = ("event_kind", "tool_name", "session_id", "client_address", "user_agent", "http_request_id")
    assert picked(row("envoy", front()), *columns) == (
        "http_request", None, "s-1", "203.0.113.9", "claude-code/2.1", "r-1",
    )  # fmt: skip
    assert picked(row("envoy", behind()), *columns) == (
        "tool_call", "search_code", None, "203.0.113.9", None, "r-1",
    )  # fmt: skip


def test_the_gateways_own_address_is_no_client() -> None:
    """Behind the gateway the peer is the gateway."""
    assert picked(row("envoy", behind(**{"x-forwarded-for": None})), "client_address") == (None,)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"response_code": 401}, ("deny", "strong", "authn", "denied")),
        ({"response_code": 403}, ("deny", "strong", "acl", "denied")),
        (
            {"response_code": 403, "response_code_details": "jwt_authn_access_denied{Audiences}"},
            ("deny", "strong", "authn", "denied"),
        ),
        ({"response_code": 403, "response_flags": "UAEX"}, ("deny", "explicit", "acl", "denied")),
        ({"response_code": 429, "response_flags": "RL"}, ("deny", "explicit", "rate_limit", "denied")),
        ({"response_code": 429}, ("deny", "strong", "rate_limit", "denied")),
        ({"response_code": 503}, ("unknown", None, None, "transport_error")),
        ({"response_code": 504, "response_flags": "UT"}, ("unknown", None, None, "timeout")),
        ({"response_code": 0, "response_flags": "DC"}, ("unknown", None, None, "cancelled")),
        ({"response_code": 400}, ("unknown", None, None, "protocol_error")),
        ({"response_code": "-"}, ("unknown", None, None, "unknown")),
        ({}, ("unknown", None, None, "success")),
    ],
)
def test_status_and_flags_become_decision_and_outcome(
    changes: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    """A flag states that Envoy refused; a bare status only implies it."""
    assert picked(row("envoy", front(**changes)), *JUDGED) == expected


@pytest.mark.parametrize(("host", "source"), [("198.51.100.66:443", "server"), (None, "unknown")])
def test_behind_the_gateway_the_server_refuses(host: str | None, source: str) -> None:
    """A 403 on a backend line came from the server, if it was reached."""
    found = row("envoy", behind(response_code=403, upstream_host=host))
    assert picked(found, *JUDGED) == ("deny", "strong", source, "denied")


def test_the_answer_is_not_seen() -> None:
    """A tool call with 2xx is no proven success."""
    found = row("envoy", behind())
    assert picked(found, "outcome", "parse_warnings") == ("unknown", ["result_success_unproven"])


def test_a_user_is_as_good_as_the_header() -> None:
    """Nobody is a user unless the operator logs a header, and then nobody is verified."""
    assert picked(row("envoy", front()), "user_id", "user_assurance") == (None, "unknown")
    found = row("envoy", front(**{"user.id": "ann"}))
    assert picked(found, "user_id", "user_assurance") == ("ann", "proxy_asserted")


def test_keys_of_the_first_releases_are_read() -> None:
    """The keys of the documentation's first edition mean the same."""
    old = {"mcp_method": "tools/call", "mcp_backend": "context7", "mcp_request_id": "3", "response_code": 200}
    found = row("envoy", old)
    assert picked(found, "event_kind", "server_name", "jsonrpc_id") == ("tool_call", "context7", "3")


def test_an_operators_keys_are_kept_whatever_the_neighbours() -> None:
    """Keys of their own stay in `unmapped`, alone as beside lines that are rejected."""
    alone = parse("envoy", behind(team="payments", tier=None))
    beside = parse("envoy", behind(team="payments", tier=None), behind(response_code={}))
    assert alone.columns["unmapped"][0] == beside.columns["unmapped"][0]
    assert unmapped(row("envoy", behind(team="payments")))["/team"] == "payments"
    assert [r.record for r in beside.rejects] == [1]


def test_numbers_may_come_as_text() -> None:
    """A text format writes numbers in quotes, and a dash for what it lacks."""
    found = row("envoy", front(duration="1200", bytes_sent="-", response_code="200"))
    assert picked(found, "duration_ms", "response_bytes", "http_status") == (1200.0, None, 200)


def test_wrong_type_is_rejected_with_its_path() -> None:
    """One bad line is named by its key and harms no other."""
    parsed = parse("envoy", front(), front(**{"mcp.tool.name": {"a": 1}}), front())
    assert parsed.record == [0, 2]
    assert "$.mcp.tool.name" in parsed.rejects[0].reason
