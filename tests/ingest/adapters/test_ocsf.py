"""What OCSF's API Activity says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def event(**fields: Any) -> dict[str, Any]:
    """Return a tool call."""
    return {
        "class_uid": 6003, "time": 1787306400000, "metadata": {"product": {"name": "acme"}},
        "api": {"operation": "delete_repo", "service": {"name": "gh"}}, "message_context": {"service": "github"},
        "status_id": 1,
    } | fields  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "judged"),
    [
        ({"action_id": 1}, ("allow", "explicit", "unknown", "success")),
        ({"action_id": 2}, ("deny", "explicit", "unknown", "denied")),
        ({"action_id": 3}, ("observe", "explicit", "unknown", "success")),
        ({"action_id": 4}, ("modify", "explicit", "unknown", "success")),
        ({"action_id": 2, "policy": {"uid": "p"}}, ("deny", "explicit", "policy_engine", "denied")),
        ({"disposition_id": 2}, ("deny", "explicit", "unknown", "denied")),
        ({"disposition_id": 26}, ("deny", "explicit", "unknown", "denied")),
        ({"http_response": {"code": 401}}, ("deny", "strong", "authn", "denied")),
        ({"http_response": {"code": 403}}, ("deny", "strong", "unknown", "denied")),
        ({"http_response": {"code": 503}}, ("unknown", None, None, "transport_error")),
        ({"status_id": 2}, ("unknown", None, None, "tool_error")),
        ({"status_id": 0}, ("unknown", None, None, "unknown")),
        ({}, ("unknown", None, None, "success")),
    ],
)
def test_what_was_decided(fields: dict[str, Any], judged: tuple[str | None, ...]) -> None:
    """Actions and dispositions are explicit; a code of 401 or 403 alone is strong."""
    assert picked(row("ocsf", event(**fields)), *JUDGED) == judged


def test_an_operation_is_a_method_or_a_tool() -> None:
    """Only an event of the AI profile speaks of tools: clouds write the same class for any API."""
    columns = ("event_kind", "mcp_method", "tool_name", "server_name")
    assert picked(row("ocsf", event()), *columns) == ("tool_call", "tools/call", "delete_repo", "github")
    listed = event(api={"operation": "tools/list"})
    assert picked(row("ocsf", listed), *columns) == ("tool_list", "tools/list", None, "github")
    cloud = row(
        "ocsf", event(message_context=None, api={"operation": "CreateBucket", "service": {"name": "s3"}})
    )
    assert picked(cloud, *columns) == ("other", None, None, "s3")
    assert unmapped(cloud)["/api/operation"] == "CreateBucket"


def test_client_and_credential_are_apart() -> None:
    """The OAuth client, the name a client gives itself, and the credential have a column each."""
    actor = {"app_uid": "c-7", "app_name": "claude", "user": {"uid": "ann"},
             "session": {"issuer": "https://idp", "credential_uid": "j"}}  # fmt: skip
    found = row("ocsf", event(actor=actor))
    assert picked(found, "client_oauth_id", "client_name", "user_id", "user_issuer", "credential_id") == (
        "c-7", "claude", "ann", "https://idp", "j")  # fmt: skip
    assert picked(found, "user_id_kind", "user_assurance", "client_identity_source") == (
        "idp_sub", "unknown", "oauth_client_id")  # fmt: skip


def test_what_has_no_column_is_kept() -> None:
    """Known fields without a column and unknown ones are both kept."""
    found = row("ocsf", event(severity_id=4, novel=1, src_endpoint={"ip": "10.0.0.7", "port": 5}))
    assert unmapped(found) == {"/novel": 1, "/severity_id": 4, "/src_endpoint/port": 5}


def test_a_wrong_type_is_rejected_by_name() -> None:
    """The field that does not fit is named."""
    (reject,) = parse("ocsf", event(time="today")).rejects
    assert "$.time" in reject.reason
