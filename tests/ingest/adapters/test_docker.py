"""What a decision of Docker's policy says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def event(**changes: Any) -> dict[str, Any]:
    """Return the decision to let a tool be called, with changes."""
    return {
        "trigger": "invoke",
        "target_type": "tool",
        "server_name": "github",
        "tool_name": "search_code",
        "result": "allowed",
        "outcome_reason": "policy_rule",
        "client_name": "claude-ai",
        "timestamp": "2026-10-05T09:00:00Z",
    } | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("allow", "explicit", "policy_engine", "unknown")),
        ({"result": "denied"}, ("deny", "explicit", "policy_engine", "denied")),
        (
            {"result": "denied", "outcome_reason": "policy_error"},
            ("error", "explicit", "policy_engine", "denied"),
        ),
        ({"result": "escalated"}, ("unknown", None, None, "unknown")),
    ],
)
def test_result_becomes_decision(changes: dict[str, str], expected: tuple[str | None, ...]) -> None:
    """The decision is explicit, and what came of an allowed call is never claimed."""
    assert picked(row("docker", event(**changes)), *JUDGED) == expected


def test_a_call_blocked_by_a_failing_policy_counts_as_a_denial() -> None:
    """Nobody denied it, but it did not go through either."""
    found = row("docker", event(result="denied", outcome_reason="policy_error", reason="timed out"))
    assert picked(found, "event_class", "decision_reason") == ("denial", "timed out")
    assert row("docker", event()).get("event_class") is None


@pytest.mark.parametrize(
    ("trigger", "target", "expected"),
    [
        ("invoke", "tool", ("tool_call", "tools/call")),
        ("prompt", "prompt", ("prompt_get", "prompts/get")),
        ("load", "server", ("server_connection", None)),
        ("load", "tool", ("tool_decision", None)),
        ("sample", "model", ("other", None)),
    ],
)
def test_trigger_becomes_kind(trigger: str, target: str, expected: tuple[str | None, ...]) -> None:
    """Only an invocation is a call: loading decides what may be offered."""
    found = row("docker", event(trigger=trigger, target_type=target))
    assert picked(found, "event_kind", "mcp_method") == expected


def test_nobody_is_verified() -> None:
    """An actor that something filled in is named, without saying that anyone checked."""
    found = row("docker", event(actor_type="user", actor_id="u-1", org_id="acme"))
    assert picked(found, "user_id", "user_id_kind", "user_assurance") == ("u-1", "local_id", "unknown")
    machine = row("docker", event(actor_type="service", actor_id="svc-1"))
    assert picked(machine, "user_id", "user_id_kind") == (None, "none")
    assert unmapped(machine) == {"/actor_type": "service", "/actor_id": "svc-1"}


def test_what_is_not_known_is_kept() -> None:
    """Values and fields of a newer release stay in their row."""
    found = row("docker", event(trigger="sample", transport="carrier-pigeon", approver="bob"))
    assert unmapped(found) == {"/approver": "bob", "/trigger": "sample", "/transport": "carrier-pigeon"}
    assert picked(found, "transport", "parse_warnings") == ("unknown", ["unknown_event_type"])


def test_a_missing_result_is_rejected_by_name() -> None:
    """An event that decides nothing is no event."""
    parsed = parse("docker", event(), {k: v for k, v in event().items() if k != "result"})
    assert [(r.record, "`result`" in r.reason) for r in parsed.rejects] == [(1, True)]
