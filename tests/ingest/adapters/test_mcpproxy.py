"""What a record of mcpproxy's activity log says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def record(**changes: Any) -> dict[str, Any]:
    """Return a tool call, with changes."""
    return {
        "id": "01JFXYZ123ABC",
        "type": "tool_call",
        "source": "mcp",
        "server_name": "github",
        "tool_name": "search_code",
        "arguments": {"q": 1},
        "status": "success",
        "timestamp": "2026-10-05T09:00:00Z",
        "session_id": "s-1",
        "request_id": "r-1",
        "metadata": {"client_name": "claude-code", "client_version": "2.1"},
    } | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("unknown", None, None, "success")),
        ({"status": "blocked"}, ("deny", "explicit", "policy_engine", "denied")),
        ({"status": "rejected"}, ("deny", "explicit", "rate_limit", "denied")),
        (
            {"type": "policy_decision", "status": "blocked", "metadata": {"decision": "blocked"}},
            ("deny", "explicit", "policy_engine", "denied"),
        ),
        (
            {"type": "policy_decision", "status": "warned", "metadata": {"decision": "warned"}},
            ("observe", "explicit", "policy_engine", "unknown"),
        ),
        ({"status": "error"}, ("unknown", None, None, "unknown")),
        ({"status": "error", "response": '{"isError":true}'}, ("unknown", None, None, "tool_error")),
        ({"status": "done"}, ("unknown", None, None, "unknown")),
    ],
)
def test_status_becomes_decision_and_outcome(
    changes: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    """The proxy's own refusals are explicit; an error without its answer is of no known kind."""
    assert picked(row("mcpproxy", record(**changes)), *JUDGED) == expected


def test_the_reason_is_the_policys_or_the_limits() -> None:
    """Why a call was refused is in the metadata, and each kind of refusal has its own place for it."""
    blocked = record(type="policy_decision", status="blocked", metadata={"reason": "quarantined"})
    rejected = record(status="rejected", metadata={"rejection_reason": "queue_full"})
    assert row("mcpproxy", blocked)["decision_reason"] == "quarantined"
    assert row("mcpproxy", rejected)["decision_reason"] == "queue_full"


def test_the_mirror_of_a_call_is_kept_and_not_counted() -> None:
    """A call through call_tool_* leaves two records: one call, one denial at most, and nothing is dropped."""
    metadata = {"internal_tool_name": "call_tool_write", "target_server": "github", "target_tool": "push"}
    mirror = record(type="internal_tool_call", tool_name="call_tool_write", metadata=metadata)
    found = row("mcpproxy", mirror)
    assert picked(found, "event_kind", "event_class", "tool_name", "tool_name_exposed", "parse_warnings") == (
        "other", "client_event", "push", "call_tool_write", ["duplicate_pair"],
    )  # fmt: skip
    refused = row("mcpproxy", mirror | {"status": "blocked"})
    assert picked(refused, "decision", "event_class") == ("deny", "client_event")


def test_the_proxys_own_tools_are_calls() -> None:
    """A tool of the proxy itself has no other record."""
    found = row("mcpproxy", record(type="internal_tool_call", tool_name="retrieve_tools"))
    assert picked(found, "event_kind", "parse_warnings") == ("tool_call", None)


def test_who_called_is_taken_out_of_the_arguments() -> None:
    """The proxy writes the caller into the arguments; the client never sent that."""
    arguments = {"q": 1, "_auth_auth_type": "agent", "_auth_agent_name": "ci", "_auth_token_prefix": "mcp_ab"}
    found = row("mcpproxy", record(arguments=arguments))
    assert picked(found, "arguments", "agent_name", "credential_id", "auth_method", "user_id") == (
        b'{"q":1}', "ci", "mcp_ab", "api_key", None,
    )  # fmt: skip


def test_a_user_nobody_signed_in_is_self_reported() -> None:
    """Without the proxy's mark a client may have written the name itself."""
    claimed = row("mcpproxy", record(arguments={"_auth_user_id": "root"}, user_id="root"))
    assert picked(claimed, "user_id", "user_assurance") == ("root", "self_reported")
    signed = row("mcpproxy", record(arguments={"_auth_auth_type": "user", "_auth_user_id": "u9"}))
    assert picked(signed, "user_id", "user_assurance") == ("u9", "verified")
    bare = row("mcpproxy", record(arguments=None, user_id="u9"))
    assert picked(bare, "user_id", "user_assurance") == ("u9", "unknown")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"intent": {"operation_type": "destructive"}, "tool_variant": "call_tool_read"}, "destructive"),
        ({"tool_variant": "call_tool_write"}, "write"),
        ({"intent": "anything"}, None),
        ({}, None),
    ],
)
def test_the_intent_gives_the_operation(metadata: dict[str, Any], expected: str | None) -> None:
    """What the agent says it means to do comes before the tool it did it with."""
    assert picked(row("mcpproxy", record(metadata=metadata)), "operation_class") == (expected,)


def test_a_work_session_outlives_its_transport() -> None:
    """The transport's session is the session, the work session the conversation."""
    found = row("mcpproxy", record(work_session_id="ws-1"))
    assert picked(found, "session_id", "session_kind", "conversation_id") == ("s-1", "mcp", "ws-1")
    alone = row("mcpproxy", record(work_session_id="ws-1", session_id=None))
    assert picked(alone, "session_id", "session_kind") == ("ws-1", "work_session")


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("prompt_get", "prompt_get"),
        ("quarantine_change", "policy_change"),
        ("config_change", "entity_change"),
        ("credential_broker", "token_exchange"),
        ("system_start", "other"),
        ("teleport", "other"),
    ],
)
def test_type_becomes_kind(type_: str, kind: str) -> None:
    """Each type has its kind; an unknown one is kept."""
    assert row("mcpproxy", record(type=type_))["event_kind"] == kind


def test_what_is_not_known_is_kept() -> None:
    """Members of the metadata without a column stay, as do fields of a newer release."""
    metadata = {
        "client_name": "cursor",
        "content_trust": "untrusted",
        "sensitive_data_detection": {"categories": ["email"]},
    }
    found = row("mcpproxy", record(metadata=metadata, type="teleport", region="eu"))
    assert found["sensitive_categories"] == ["email"]
    kept = unmapped(found)
    assert (kept["/metadata/content_trust"], kept["/type"], kept["/region"]) == (
        "untrusted",
        "teleport",
        "eu",
    )


def test_metadata_that_is_none_is_kept_whole() -> None:
    """Metadata of another shape costs no record."""
    assert unmapped(row("mcpproxy", record(metadata=["a"]))) == {"/metadata": ["a"]}


def test_a_missing_status_is_rejected_by_name() -> None:
    """One bad record is named by its field and harms no other."""
    parsed = parse("mcpproxy", record(), {k: v for k, v in record().items() if k != "status"}, record())
    assert parsed.record == [0, 2]
    assert "`status`" in parsed.rejects[0].reason
