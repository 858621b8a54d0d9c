"""What Gemini CLI's telemetry says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import picked, row, unmapped
from telemetry import log, logs

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def event(name: str, **values: Any) -> dict[str, Any]:
    """Return an export of one event, whose body is prose."""
    return logs("gemini-cli", log("Tool call: x. Decision: y.", event__name=name, **values))


@pytest.mark.parametrize(
    ("values", "judged"),
    [
        ({"decision": "accept", "success": True}, ("allow", "explicit", "user_prompt", "success")),
        ({"decision": "auto_accept", "success": True}, ("allow", "explicit", "config", "success")),
        ({"decision": "modify", "success": True}, ("modify", "explicit", "user_prompt", "success")),
        ({"decision": "reject", "success": False}, ("deny", "explicit", "user_prompt", "denied")),
        ({"decision": "reject", "success": True}, ("deny", "explicit", "user_prompt", "denied")),
        ({"decision": "accept", "success": False}, ("allow", "explicit", "user_prompt", "tool_error")),
        ({"error_type": "policy_violation"}, ("deny", "explicit", "policy_engine", "denied")),
        ({"success": "true"}, ("unknown", None, None, "success")),
    ],
)
def test_one_record_tells_decision_and_outcome(
    values: dict[str, Any], judged: tuple[str | None, ...]
) -> None:
    """Accept and auto_accept allow, modify modifies, reject denies whatever success says."""
    assert (
        picked(row("gemini_cli", event("gemini_cli.tool_call", function_name="f", **values)), *JUDGED)
        == judged
    )


@pytest.mark.parametrize(
    "name", ["get_issue", "github__get_issue", "mcp_github_get_issue", "github_get_issue"]
)
def test_the_server_is_taken_off_the_name(name: str) -> None:
    """However the tool is prefixed, it is one tool."""
    found = row("gemini_cli", event("gemini_cli.tool_call", function_name=name, mcp_server_name="github"))
    assert picked(found, "tool_name", "tool_name_exposed", "server_name") == ("get_issue", name, "github")


def test_an_installation_is_no_person() -> None:
    """The id of the installation names no one; an e-mail is the account's own word."""
    columns = ("user_id", "user_id_kind", "user_assurance")
    assert picked(row("gemini_cli", event("gemini_cli.config", installation__id="i")), *columns) == (
        "i", "install_id", "unknown")  # fmt: skip
    known = event("gemini_cli.config", user__email="ann@example.com")
    assert row("gemini_cli", known)["user_assurance"] == "self_reported"


def test_an_event_without_a_kind_keeps_its_name() -> None:
    """What the kind does not tell is kept."""
    found = row("gemini_cli", event("gemini_cli.slash_command", command="mcp"))
    assert picked(found, "event_kind", "decision") == ("other", "not_evaluated")
    assert unmapped(found)["/name"] == "slash_command"
