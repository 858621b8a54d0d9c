"""What an Obot audit event says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lakes import ask, record, take_in
from reading import parse, picked, row, unmapped

from store.lake import Lake

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def event(
    outcome: dict[str, Any] | None = None, details: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """Return a tool call by a user, with changes."""
    return {
        "id": 87,
        "timestamp": {"occurredAt": "2026-08-21T10:00:00Z", "source": "server"},
        "eventType": "mcp_call",
        "actor": {"actorType": "user", "id": "3"},
        "action": {"operation": "tools/call", "name": "search"},
        "target": {
            "targetType": "mcp_tool",
            "name": "search",
            "parent": {"targetType": "mcp_server", "id": "ms1", "name": "GitHub"},
        },
        "outcome": {"status": "success", "httpStatus": 200} | (outcome or {}),
        "details": details or {},
    } | changes


def hooked(*statuses: str) -> dict[str, Any]:
    """Return details with webhooks that answered so."""
    return {"webhookStatuses": [{"name": "dlp", "status": status, "message": "why"} for status in statuses]}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"status": "denied", "httpStatus": 403}, ("deny", "strong", "acl", "denied")),
        ({"status": "denied", "httpStatus": 401}, ("deny", "strong", "authn", "denied")),
        ({"status": "denied", "httpStatus": None}, ("deny", "strong", "unknown", "denied")),
        ({"status": "timeout", "httpStatus": 504}, ("unknown", None, None, "timeout")),
        ({"status": "unknown", "httpStatus": None}, ("unknown", None, None, "unknown")),
        ({"status": "failure", "httpStatus": 502}, ("unknown", None, None, "transport_error")),
        ({"status": "failure", "httpStatus": 400}, ("unknown", None, None, "protocol_error")),
        ({}, ("unknown", None, None, "success")),
    ],
)
def test_status_becomes_decision_and_outcome(
    outcome: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    """Obot's status is taken as it is; an unmatched request stays unknown."""
    assert picked(row("obot", event(outcome)), *JUDGED) == expected


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("ok", "rejected"), ("deny", "explicit", "webhook", "denied")),
        (("503 Service Unavailable",), ("deny", "explicit", "webhook", "denied")),
        (("ok", "mutated"), ("modify", "explicit", "webhook", "success")),
        (("ok", "200 OK"), ("allow", "explicit", "webhook", "success")),
        ((), ("unknown", None, None, "success")),
    ],
)
def test_webhooks_decide(statuses: tuple[str, ...], expected: tuple[str | None, ...]) -> None:
    """One webhook that did not pass denies; one that changed the message modifies."""
    assert picked(row("obot", event(details=hooked(*statuses))), *JUDGED) == expected


def test_mutated_payload_modifies() -> None:
    """`mutated` tells of a change even where the webhooks' answers are not listed."""
    found = row(
        "obot", event(details={"request": {"body": {"name": "search", "arguments": {}}, "mutated": True}})
    )
    assert picked(found, "decision", "arguments") == ("modify", b"{}")


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        ({"actorType": "user", "id": "3"}, ("3", "local_id", "verified", None)),
        ({"actorType": "user", "id": "3", "credentialID": "key-9"}, ("3", "local_id", "verified", "key-9")),
        ({"actorType": "credential", "id": "key-9"}, (None, "none", "unknown", "key-9")),
        ({"actorType": "device", "id": "dev-5"}, (None, "none", "unknown", None)),
        ({"actorType": "unknown"}, (None, "none", "unknown", None)),
    ],
)
def test_only_a_user_is_a_person(actor: dict[str, str], expected: tuple[str | None, ...]) -> None:
    """A key or a device never becomes a user id."""
    found = row("obot", event(actor=actor))
    assert picked(found, "user_id", "user_id_kind", "user_assurance", "credential_id") == expected


def test_reported_person_is_self_reported() -> None:
    """The local user name a device reports is an OS user and no more."""
    found = row(
        "obot", event(actor={"actorType": "device", "id": "d"}, details={"device": {"localUsername": "ann"}})
    )
    assert picked(found, "user_id", "user_id_kind", "user_assurance") == ("ann", "os_user", "self_reported")


@pytest.mark.parametrize(
    ("request_body", "response_body"),
    [
        ({"name": "search", "arguments": {"q": 1}}, {"isError": True}),
        (
            {"jsonrpc": "2.0", "id": 9, "params": {"name": "search", "arguments": {"q": 1}}},
            {"jsonrpc": "2.0", "id": 9, "result": {"isError": True}},
        ),
    ],
)
def test_bodies_are_params_or_messages(request_body: dict[str, Any], response_body: dict[str, Any]) -> None:
    """Bodies are read with and without their JSON-RPC envelope, and overrule `success`."""
    found = row(
        "obot", event(details={"request": {"body": request_body}, "response": {"body": response_body}})
    )
    assert picked(found, "arguments", "result", "outcome") == (
        b'{"q": 1}',
        b'{"isError": true}',
        "tool_error",
    )


def test_local_agent_body_is_the_input() -> None:
    """A local agent's body is the tool's input itself, whatever its keys."""
    body = {"params": {"a": 1}}
    found = row("obot", event(eventType="local_agent_tool_call", details={"request": {"body": body}}))
    assert picked(found, "arguments", "vantage", "mcp_method") == (b'{"params": {"a": 1}}', "client", None)


def test_withheld_payload_is_marked() -> None:
    """Bodies withheld from the exporter are not the same as none."""
    assert row("obot", event(details={"payloadRedacted": True}))["parse_warnings"] == ["payload_redacted"]


def test_unknown_field_is_kept() -> None:
    """A field of a newer release is set aside, beside known ones without a column."""
    found = row("obot", event(details={"device": {"hostname": "h"}, "novel": 1}, region="eu"))
    assert unmapped(found) == {"/details/novel": 1, "/region": "eu", "/details/device/hostname": "h"}


def test_wrong_type_is_rejected_with_its_path() -> None:
    """One bad event is named by its path and harms no other."""
    parsed = parse("obot", event(), event({"httpStatus": "x"}), event())
    assert parsed.record == [0, 2]
    assert [r.record for r in parsed.rejects] == [1]
    assert "$.outcome.httpStatus" in parsed.rejects[0].reason


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE, SPAN = PARENT.split("-")[1:3]


@pytest.mark.parametrize(
    ("request_part", "expected"),
    [
        ({"headers": {"Traceparent": [PARENT]}}, (TRACE, SPAN)),
        ({"headers": {"Mcp-Method": ["tools/call"], "traceparent": [PARENT, "other"]}}, (TRACE, SPAN)),
        ({"headers": {"Traceparent": ["x"]}, "body": {"_meta": {"traceparent": PARENT}}}, (TRACE, SPAN)),
        ({"headers": {"Traceparent": []}}, (None, None)),
        ({"headers": {"Traceparent": ["none"]}}, (None, None)),
        ({"headers": "Traceparent"}, (None, None)),
        ({}, (None, None)),
    ],
)  # fmt: skip
def test_a_trace_is_read_from_body_or_headers(
    request_part: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    """The trace of a call is that of the message, or else that of the request which carried it."""
    assert picked(row("obot", event(details={"request": request_part})), "trace_id", "span_id") == expected


def test_a_trace_ties_a_call_to_its_other_witnesses(lake: Lake) -> None:
    """A call through Obot and the span its client reports are one call, whatever names the person has."""
    details = {
        "request": {"headers": {"Traceparent": [PARENT]}},
        "trace": {"sessionID": "s", "requestID": "1"},
    }
    through = json.dumps(event(details=details)).encode()
    client = record(event_time="2026-08-21T10:00:00Z", tool_name="search", trace_id=TRACE, span_id=SPAN)
    take_in(lake, [through, client])
    found = ask(lake, "SELECT witnesses, join_rules, sources FROM exchanges('-infinity', 'infinity')")
    assert found == [(2, ["trace_span"], ["native", "obot"])]
