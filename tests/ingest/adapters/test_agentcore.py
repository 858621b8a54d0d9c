"""What AgentCore's CloudTrail events, vended logs and spans say."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped
from telemetry import span, spans

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")
ARN = "arn:aws:bedrock-agentcore:eu-west-1:1:gateway/gw-1"


def event(answer: Any = None, status: int | None = 200, **fields: Any) -> dict[str, Any]:
    """Return a data event of a tool call."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "gh___f", "arguments": "REDACTED"},
    }
    return {
        "eventSource": "bedrock-agentcore.amazonaws.com", "eventName": "InvokeGateway", "eventID": "e-1",
        "eventTime": "2026-08-21T10:00:00Z", "userIdentity": {"accountId": "anonymous"},
        "requestParameters": {"body": body},
        "responseElements": {"statusCode": status, "body": answer or {"result": {"isError": False}}},
    } | fields  # fmt: skip


def vended(**body: Any) -> dict[str, Any]:
    """Return a vended log line."""
    return {"resource_arn": ARN, "event_timestamp": 1787306400000, "body": body, "request_id": "r-1"}


def error(code: int) -> dict[str, Any]:
    """Return a JSON-RPC error."""
    return {"error": {"code": code, "message": "no"}}


@pytest.mark.parametrize(
    ("answer", "status", "judged"),
    [
        (None, 401, ("deny", "strong", "authn", "denied")),
        (None, 403, ("deny", "strong", "unknown", "denied")),
        (error(-32001), 200, ("deny", "strong", "authn", "denied")),
        (error(-32001), None, ("deny", "strong", "authn", "denied")),
        (error(-32602), 200, ("unknown", None, None, "protocol_error")),
        ({"result": {"isError": True}}, 200, ("unknown", None, None, "tool_error")),
        ({"result": {"isError": False}}, 200, ("unknown", None, None, "success")),
    ],
)
def test_a_data_event_tells_a_denial(answer: Any, status: int | None, judged: tuple[Any, ...]) -> None:
    """401, 403 and -32001 deny with strong basis; isError is a tool's error."""
    assert picked(row("agentcore", event(answer, status)), *JUDGED) == judged


def test_anonymous_is_no_anonymous_user() -> None:
    """Of a caller with a JWT the account is called anonymous: the human is in the claims."""
    claims = {
        "sub": "ann",
        "iss": "https://idp",
        "jti": "j",
        "client_id": "c",
        "scope": "a b",
        "exp": 1787310000,
    }
    found = row("agentcore", event(additionalEventData={"jwt": {"claims": claims}, "targetId": "T"}))
    assert picked(found, "user_id", "user_issuer", "user_assurance", "client_oauth_id", "credential_id", "scopes") == (
        "ann", "https://idp", "verified", "c", "j", ["a", "b"])  # fmt: skip
    assert picked(found, "expires_at", "auth_method") == ("2026-08-21T11:00:00+00:00", "oauth_jwt")
    nobody = row("agentcore", event())
    assert picked(nobody, "user_id", "user_id_kind", "user_assurance") == (None, "none", "unknown")


def test_what_is_redacted_is_absent() -> None:
    """REDACTED is no argument and no result, and is said to be missing."""
    found = row("agentcore", event({"result": {"isError": False, "content": "REDACTED"}}))
    assert picked(found, "arguments", "result", "parse_warnings") == (None, None, ["payload_redacted"])


def test_the_target_is_the_server() -> None:
    """A tool's name carries its target."""
    found = row("agentcore", event(resources=[{"type": "AWS::BedrockAgentCore::Gateway", "ARN": ARN}]))
    assert picked(found, "server_name", "tool_name", "tool_name_exposed", "gateway_name") == (
        "gh", "f", "gh___f", "gw-1")  # fmt: skip


def test_a_file_is_read_event_by_event() -> None:
    """A delivered file makes a row of each event; one that does not fit rejects the file, and says which."""
    other = event(eventSource="s3.amazonaws.com", eventName="GetObject")
    change = event(eventName="CreateGatewayTarget", responseElements=None)
    parsed = parse(
        "agentcore",
        {"Records": [event(), change, other]},
        event(),
        {"Records": [event(), event(eventName=5)]},
    )
    assert parsed.record == [0, 0, 0, 1]
    assert list(parsed.columns["event_kind"]) == ["tool_call", "entity_change", "other", "tool_call"]
    assert list(parsed.columns["source_system"]) == ["agentcore", "agentcore", "aws", "agentcore"]
    (reject,) = parsed.rejects
    assert (reject.record, "eventName" in reject.reason, "$.Records[1]" in reject.reason) == (2, True, True)


def test_a_java_map_is_read_as_a_likeness() -> None:
    """Vended bodies quote nothing: what is read back is text, and said to be a likeness."""
    asked = "{id=1, jsonrpc=2.0, method=tools/call, params={name=gh___f, arguments={n=7, t=a, b, l=[x, y]}}}"
    found = row("agentcore", vended(requestBody=asked))
    assert picked(found, "tool_name", "arguments", "parse_warnings") == (
        "f", b'{"n":"7","t":"a, b","l":["x","y"]}', ["java_map_body"])  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "judged"),
    [
        ("{jsonrpc=2.0, id=1, error={code=-32001, message=no}}", ("deny", "strong", "authn", "denied")),
        ("{jsonrpc=2.0, id=1, result={isError=true, content=[]}}", ("unknown", None, None, "tool_error")),
        ("{jsonrpc=2.0, id=1, result={isError=false}, error=null}", ("unknown", None, None, "success")),
    ],
)
def test_the_request_takes_its_answer(answer: str, judged: tuple[str | None, ...]) -> None:
    """Two lines of one request id are one call, told by the first; the denial counts once."""
    asked = vended(requestBody='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"gh___f"}}')
    parsed = parse("agentcore", asked, vended(responseBody=answer), vended(log="done"))
    assert tuple(parsed.columns.get(name, [None])[0] for name in JUDGED) == judged
    assert list(parsed.columns["event_kind"]) == ["tool_call", "other", "other"]
    assert list(parsed.columns["decision"])[1:] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("values", "judged"),
    [
        ({"authorization_decision": "ALLOW"}, ("allow", "explicit", "policy_engine", "unknown")),
        ({"authorization_decision": "DENY"}, ("deny", "explicit", "policy_engine", "denied")),
        (
            {"authorization_decision": "DENY", "mode": "LOG_ONLY"},
            ("observe", "explicit", "policy_engine", "unknown"),
        ),
    ],
)
def test_a_policy_span_states_the_decision(values: dict[str, str], judged: tuple[str, ...]) -> None:
    """A policy engine's span is explicit; in LOG_ONLY it only observes."""
    named = {f"aws__agentcore__policy__{key}": value for key, value in values.items()}
    found = row("otlp", spans("x", span("policy", 1, **named)))
    assert picked(found, *JUDGED, "source_format", "vantage") == (*judged, "agentcore", "policy_engine")


def test_the_gateways_own_span_is_the_call() -> None:
    """The call of the target repeats it, and does not count again."""
    values = {
        "tool__name": "gh___f",
        "latency_ms": 41.5,
        "overhead_latency_ms": 3,
        "jsonrpc__error__code": -32001,
    }
    parsed = parse("agentcore", spans("x", span("tools/call", 2, **values), span("tools/call", 3, **values)))
    assert list(parsed.columns["event_kind"]) == ["tool_call", "other"]
    assert (parsed.columns["duration_ms"][0], parsed.columns["decision"][0]) == (41.5, "deny")


def test_a_request_that_cannot_be_read_back_stays_text() -> None:
    """A body cut anywhere is kept as it is."""
    found = row("agentcore", vended(requestBody="{id=1, method=tools/ca"))
    assert picked(found, "event_kind", "parse_warnings") == ("other", ["truncated_json"])
    assert "tools/ca" in str(found["arguments"])
    assert unmapped(found) == {}
