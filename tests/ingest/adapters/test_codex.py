"""What Codex's telemetry says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import picked, row, unmapped
from telemetry import log, logs

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def event(name: str, **values: Any) -> dict[str, Any]:
    """Return an export of one event, named the way Codex does: by an attribute."""
    return logs("codex_otel", log(None, event__name=f"codex.{name}", **values), service__name="codex_cli_rs")


@pytest.mark.parametrize(
    ("said", "decision", "outcome"),
    [
        ("approved", "allow", "unknown"),
        ("approvedforsession", "allow", "unknown"),
        ("approved_execpolicy_amendment", "allow", "unknown"),
        ("denied", "deny", "denied"),
        ("abort", "deny", "denied"),
        ("reject", "deny", "denied"),
        ("timed_out", "deny", "denied"),
    ],
)
@pytest.mark.parametrize(
    ("source", "who"),
    [
        ("user", "user_prompt"),
        ("config", "config"),
        ("automated_reviewer", "policy_engine"),
        ("new", "unknown"),
    ],
)
def test_tool_decision_is_explicit(said: str, decision: str, outcome: str, source: str, who: str) -> None:
    """The client states decision and source; an approval's outcome comes in another record."""
    found = row("codex", event("tool_decision", tool_name="shell", decision=said, source=source))
    assert picked(found, *JUDGED) == (decision, "explicit", who, outcome)


def test_an_unknown_decision_is_kept() -> None:
    """A word that is not known decides nothing and is not lost."""
    found = row("codex", event("tool_decision", decision="pondered"))
    assert picked(found, *JUDGED) == ("unknown", None, None, "unknown")
    assert unmapped(found) == {"/attributes/decision": "pondered"}


@pytest.mark.parametrize(
    ("success", "outcome"), [("true", "success"), ("false", "tool_error"), ("", "unknown")]
)
def test_tool_result(success: str, outcome: str) -> None:
    """Numbers and booleans come as text; arguments and output as they were."""
    found = row("codex", event("tool_result", tool_name="get_issue", mcp_server="github", success=success,
                               duration_ms="120", arguments='{"n":1}', output="Issue 1"))  # fmt: skip
    assert picked(found, "outcome", "duration_ms", "server_name", "mcp_method", "arguments", "result") == (
        outcome, 120.0, "github", "tools/call", '{"n":1}', "Issue 1")  # fmt: skip


def test_the_server_may_stand_in_the_name() -> None:
    """Older releases give the server in the tool's name only; a built-in tool has none."""
    columns = ("tool_name_exposed", "tool_name", "server_name", "mcp_method")
    named = event("tool_decision", tool_name="mcp__github__delete_repo")
    assert picked(row("codex", named), *columns) == (
        "mcp__github__delete_repo", "delete_repo", "github", "tools/call")  # fmt: skip
    assert picked(row("codex", event("tool_decision", tool_name="shell")), *columns) == (
        "shell",
        "shell",
        None,
        None,
    )


def test_a_conversation_is_the_session() -> None:
    """Codex has no other session."""
    found = row("codex", event("user_prompt", conversation__id="c-1"))
    assert picked(found, "session_id", "session_kind", "conversation_id") == ("c-1", "conversation", "c-1")


def test_an_account_is_self_reported() -> None:
    """What the client says of its account no one has checked."""
    found = row(
        "codex", event("user_prompt", user__account_id="a", user__email="ann@example.com", auth_mode="ApiKey")
    )
    assert picked(found, "user_id", "user_id_kind", "user_assurance", "auth_method") == (
        "a", "local_id", "self_reported", "api_key")  # fmt: skip
