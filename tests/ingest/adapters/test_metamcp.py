"""What a row of metamcp's audit table says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped


def audit(**changes: Any) -> dict[str, Any]:
    """Return a call with an API key, with changes."""
    return {
        "uuid": "7d0c0000-0000-4000-8000-000000000001",
        "endpoint_name": "dev",
        "session_id": "s-1",
        "auth_method": "api_key",
        "api_key_uuid": "key-1",
        "api_key_user_id": "u3",
        "oauth_user_id": None,
        "mcp_server_name": "github",
        "tool_name": "github__search_code",
        "status": "SUCCESS",
        "duration_ms": 12,
        "created_at": "2026-10-05T09:00:00Z",
    } | changes


@pytest.mark.parametrize(
    ("status", "outcome", "warnings"),
    [
        ("SUCCESS", "success", None),
        ("ERROR", "unknown", ["error_kind_unknown"]),
        ("PENDING", "unknown", ["unknown_outcome"]),
    ],
)
def test_status_decides_nothing(status: str, outcome: str, warnings: list[str] | None) -> None:
    """A refused call is an error like any other: no decision is read into it."""
    found = row("metamcp", audit(status=status, error_message="forbidden"))
    expected = ("not_evaluated", None, outcome, warnings)
    assert picked(found, "decision", "decision_basis", "outcome", "parse_warnings") == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("u3", "key_owner", "inferred")),
        ({"oauth_user_id": "u8", "api_key_user_id": None}, ("u8", "local_id", "verified")),
        ({"api_key_user_id": None, "api_key_uuid": None}, (None, "none", "unknown")),
        ({"api_key_user_id": None, "auth_method": "none"}, (None, "anonymous", "anonymous")),
    ],
)
def test_a_keys_owner_is_not_its_user(changes: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    """Whose key it is and who signed in are told apart; a deleted key leaves no anonymous call behind."""
    assert picked(row("metamcp", audit(**changes)), "user_id", "user_id_kind", "user_assurance") == expected


def test_tool_loses_the_servers_prefix() -> None:
    """The name as the client sent it is kept beside."""
    found = row("metamcp", audit())
    assert picked(found, "tool_name", "tool_name_exposed") == ("search_code", "github__search_code")


def test_what_is_not_known_is_kept() -> None:
    """Values and columns of a newer release stay in their row."""
    found = row("metamcp", audit(status="PENDING", auth_method="passkey", params_hash="00ff"))
    assert unmapped(found) == {"/params_hash": "00ff", "/auth_method": "passkey", "/status": "PENDING"}


def test_wrong_type_is_rejected_with_its_path() -> None:
    """One bad row is named by its column and harms no other."""
    parsed = parse("metamcp", audit(), audit(duration_ms="12ms"), audit())
    assert parsed.record == [0, 2]
    assert "$.duration_ms" in parsed.rejects[0].reason
