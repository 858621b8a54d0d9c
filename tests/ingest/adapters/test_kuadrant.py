"""What Kuadrant's audit lines say, the router's and the access log's."""

from __future__ import annotations

from typing import Any

import pytest
from reading import ADAPTERS, parse, picked, row, unmapped

from ingest.catalog import Detector

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def text(status: str = "200", session: str = "jti:7d1f", user: str = "ann", more: str = "") -> bytes:
    """Return a line of the router."""
    return (
        f'time=2026-08-21T10:00:00Z level=INFO msg="tool call" audit=true user={user} tool=gh_delete_repo '
        f"server=mcp/gh status={status} request_id=r-1 session={session}{more}"
    ).encode()


def access(**fields: Any) -> dict[str, Any]:
    """Return a line of the access log."""
    return {
        "timestamp": "2026-08-21T10:00:00Z", "response_code": 200, "mcp_method": "tools/call",
        "mcp_tool_name": "delete_repo", "mcp_server_name": "gh", "mcp_user_id": "ann",
    } | fields  # fmt: skip


@pytest.mark.parametrize(
    ("status", "judged"),
    [
        (401, ("deny", "strong", "authn", "denied")),
        (403, ("deny", "strong", "unknown", "denied")),
        (200, ("unknown", None, None, "unknown")),
        (404, ("unknown", None, None, "protocol_error")),
        (502, ("unknown", None, None, "transport_error")),
        (504, ("unknown", None, None, "timeout")),
    ],
)
def test_a_status_tells_a_denial(status: int, judged: tuple[str | None, ...]) -> None:
    """401 and 403 deny with strong basis, in either log; a success proves nothing about the tool."""
    assert picked(row("kuadrant", text(str(status))), *JUDGED) == judged
    assert picked(row("kuadrant", access(response_code=status)), *JUDGED) == judged
    assert picked(row("kuadrant", access(response_code=str(status))), *JUDGED) == judged


def test_the_user_is_not_verified() -> None:
    """The router reads a token's subject without checking it."""
    columns = ("user_id", "user_id_kind", "user_assurance")
    assert picked(row("kuadrant", text()), *columns) == ("ann", "idp_sub", "self_reported")
    assert picked(row("kuadrant", text(user='""')), *columns) == (None, "none", "unknown")


def test_a_token_id_is_credential_and_session() -> None:
    """A session given as jti names the token; one given as a hash names nothing more."""
    columns = ("session_id", "session_kind", "credential_id", "auth_method")
    assert picked(row("kuadrant", text()), *columns) == ("jti:7d1f", "gateway_session", "7d1f", "oauth_jwt")
    assert picked(row("kuadrant", text(session="sha256:9f")), *columns) == ("sha256:9f", "mcp", None, None)


def test_the_prefix_of_the_server_is_taken_off() -> None:
    """The router's tool carries its server's prefix, the server its namespace."""
    found = row("kuadrant", text())
    assert picked(found, "tool_name_exposed", "tool_name", "server_name") == (
        "gh_delete_repo", "delete_repo", "mcp/gh")  # fmt: skip


def test_a_dash_is_nothing() -> None:
    """Envoy writes "-" where it has nothing to say."""
    found = row("kuadrant", access(mcp_user_id="-", mcp_agent_id="-", traceparent="-", mcp_tool_params="-"))
    assert picked(found, "user_id", "agent_id", "trace_id", "arguments") == (None, None, None, None)
    assert unmapped(found) == {}


def test_a_repeated_field_is_kept_beside_the_first() -> None:
    """A second user may be forged by whoever chose a quoted value: the first stands."""
    found = row("kuadrant", text(more=" user=mallory"))
    assert picked(found, "user_id", "parse_warnings") == (
        "ann",
        ["result_success_unproven", "repeated_field"],
    )
    assert unmapped(found) == {"/user#2": "mallory"}


def test_lines_are_recognised_by_their_kind() -> None:
    """Text by level, message and audit=true; JSON by its keys; other logfmt is not Kuadrant's."""
    detect = Detector(ADAPTERS).formats
    assert detect([text()]) == ["kuadrant"]
    assert detect([text().replace(b"audit=true", b"audit=false")]) == [None]


def test_a_wrong_type_is_rejected_by_name() -> None:
    """The field that does not fit is named, and harms no neighbour."""
    parsed = parse("kuadrant", text(), access(mcp_user_id=7), b"", text())
    assert (list(parsed.record or []), [r.record for r in parsed.rejects]) == ([0, 3], [1, 2])
    assert "mcp_user_id" in parsed.rejects[0].reason
