"""What LiteLLM's logging payload says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")
CALL = {"name": "github-get_issue", "arguments": {"n": 1}, "result": {"content": []}, "mcp_server_name": "github",
        "namespaced_tool_name": "github/get_issue"}  # fmt: skip


def payload(call: Any = CALL, metadata: Any = None, **fields: Any) -> dict[str, Any]:
    """Return a logging payload of a tool call."""
    return {"id": "l-1", "call_type": "call_mcp_tool", "startTime": 1787306400.5, "endTime": 1787306400.75,
            "status": "success", "metadata": {"mcp_tool_call_metadata": call, **(metadata or {})}} | fields  # fmt: skip


def failure(code: str, **fields: Any) -> dict[str, Any]:
    """Return the payload of a failed call."""
    return payload(
        CALL | {"result": None}, status="failure", error_information={"error_code": code}, **fields
    )


@pytest.mark.parametrize(
    ("record", "judged"),
    [
        (failure("401"), ("deny", "strong", "authn", "denied")),
        (failure("403"), ("deny", "strong", "unknown", "denied")),
        (failure("500"), ("unknown", None, None, "tool_error")),
        (failure("504"), ("unknown", None, None, "timeout")),
        (failure("", status_fields={"guardrail_status": "guardrail_intervened"}),
         ("deny", "explicit", "guardrail", "denied")),
        (payload(status_fields={"guardrail_status": "guardrail_intervened"}),
         ("modify", "explicit", "guardrail", "success")),
        (payload(CALL | {"result": {"isError": True}}), ("unknown", None, None, "tool_error")),
        (payload(), ("unknown", None, None, "success")),
    ],
)  # fmt: skip
def test_what_was_decided(record: dict[str, Any], judged: tuple[str | None, ...]) -> None:
    """A failure with 401 or 403 denies; a guardrail denies what failed and modified what did not."""
    assert picked(row("litellm", record), *JUDGED) == judged


def test_the_owner_of_a_key_is_inferred() -> None:
    """A key's owner need not be who is there; without one the caller's word is taken as that."""
    columns = ("user_id", "user_id_kind", "user_assurance")
    owned = payload(metadata={"user_api_key_user_id": "ann"}, end_user="cust")
    assert picked(row("litellm", owned), *columns) == ("ann", "key_owner", "inferred")
    assert picked(row("litellm", payload(end_user="cust")), *columns) == ("cust", "local_id", "self_reported")


def test_names_times_and_content() -> None:
    """The server's prefix is taken off, times are seconds, and content is raw."""
    found = row("litellm", payload())
    names = picked(found, "tool_name_exposed", "tool_name", "server_name", "arguments", "duration_ms")
    assert names == ("github/get_issue", "get_issue", "github", b'{"n": 1}', 250.0)
    assert found["event_time"] == "2026-08-21T10:00:00.500000+00:00"


def test_prompts_are_not_taken_in() -> None:
    """Of a model call there is who, when and which model, and nothing that was said."""
    found = row("litellm", payload(None, call_type="acompletion", model="m", messages=[{"content": "secret plan"}],
                                   response={"choices": ["secret answer"]}))  # fmt: skip
    assert picked(found, "event_kind", "model_name", "mcp_method") == ("model_call", "m", None)
    assert "secret" not in repr(found)
    assert unmapped(found) == {"/call_type": "acompletion"}


def test_a_wrong_type_is_rejected_by_name() -> None:
    """The field that does not fit is named with its path."""
    (reject,) = parse("litellm", payload(CALL | {"name": []})).rejects
    assert "$.metadata.mcp_tool_call_metadata.name" in reject.reason
