"""What agentgateway's access log says, as JSON and as text."""

from __future__ import annotations

from typing import Any

import pytest
from reading import ADAPTERS, parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")
UNKNOWN_TOOL = {"mcp.error.code": -32602, "mcp.error.message": "Unknown tool: x", "reason": "MCP"}


def line(**changes: Any) -> dict[str, Any]:
    """Return a JSON line of a tool call, with changes whose names have __ for a dot."""
    return {
        "level": "info",
        "time": "2026-08-21T10:00:00Z",
        "scope": "request",
        "src.addr": "192.0.2.7:51522",
        "http.status": 200,
        "protocol": "mcp",
        "mcp.method.name": "tools/call",
        "mcp.target": "github",
        "gen_ai.tool.name": "search",
    } | {key.replace("__", "."): value for key, value in changes.items()}


def text(pairs: str) -> bytes:
    """Return a text line."""
    return f"2026-08-21T10:00:00Z\tinfo\trequest {pairs}".encode()


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        ("JwtAuth", "authn"),
        ("Oidc", "authn"),
        ("BasicAuth", "authn"),
        ("APIKeyAuth", "authn"),
        ("Authorization", "acl"),
        ("ExtAuth", "acl"),
        ("RateLimit", "rate_limit"),
        ("Guardrail", "guardrail"),
    ],
)
def test_reason_states_the_denial(reason: str, source: str) -> None:
    """The gateway names what refused: an explicit denial."""
    found = row("agentgateway", line(http__status=403, reason=reason))
    assert picked(found, *JUDGED) == ("deny", "explicit", source, "denied")


def test_judge_that_failed_is_no_denial() -> None:
    """A 5xx of the authorization service stopped the call without deciding it."""
    found = row("agentgateway", line(http__status=500, reason="ExtAuth"))
    assert picked(found, *JUDGED) == ("error", "explicit", "acl", "denied")


@pytest.mark.parametrize("kind", ["tool", "prompt", "resource"])
def test_hidden_by_mcp_rules_is_weak(kind: str) -> None:
    """MCP rules answer as if the thing did not exist: a denial by guess."""
    found = row(
        "agentgateway", line(http__status=400, **UNKNOWN_TOOL | {"mcp.error.message": f"Unknown {kind}: x"})
    )
    assert picked(found, *JUDGED) == ("deny", "weak", "acl", "denied")


@pytest.mark.parametrize(
    "changes",
    [{"mcp.error.message": "bad field"}, {"reason": "UpstreamFailure"}, {"mcp.error.code": -32601}],
)
def test_other_errors_are_no_denial(changes: dict[str, Any]) -> None:
    """All three marks of a hidden denial are needed."""
    found = row("agentgateway", line(http__status=400, **UNKNOWN_TOOL | changes))
    assert picked(found, "decision", "outcome") == ("unknown", "protocol_error")


@pytest.mark.parametrize("status", [401, 403])
def test_status_without_reason_is_the_servers_denial(status: int) -> None:
    """The gateway leaves the reason out for what came from upstream."""
    assert picked(row("agentgateway", line(http__status=status)), *JUDGED) == (
        "deny",
        "strong",
        "server",
        "denied",
    )


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"reason": "Timeout", "http.status": 504}, "timeout"),
        ({"reason": "NoHealthyBackend", "http.status": 503}, "transport_error"),
        ({"http.status": 502}, "transport_error"),
        ({"http.status": 404, "reason": "NotFound"}, "protocol_error"),
        ({"mcp.error.code": -32603}, "protocol_error"),
        ({"mcp.method.name": "tools/list"}, "success"),
        ({}, "unknown"),
        ({"mcp.tool.result": {"content": []}}, "success"),
        ({"mcp.tool.result": {"isError": True}}, "tool_error"),
    ],
)
def test_outcome(changes: dict[str, Any], outcome: str) -> None:
    """A tool call's 2xx proves nothing, for the gateway does not look into results."""
    assert row("agentgateway", line(**changes))["outcome"] == outcome


@pytest.mark.parametrize(
    ("exposed", "bare"),
    [("github_search", "search"), ("github__search", "search"), ("search", "search"), ("github_", "github_")],
)
def test_target_prefix_is_removed(exposed: str, bare: str) -> None:
    """The tool keeps its exposed name beside the one without the target."""
    found = row("agentgateway", line(gen_ai__tool__name=exposed))
    assert picked(found, "tool_name_exposed", "tool_name") == (exposed, bare)


@pytest.mark.parametrize(
    ("address", "host"),
    [("192.0.2.7:51522", "192.0.2.7"), ("[2001:db8::7]:443", "2001:db8::7"), ("2001:db8::7", "2001:db8::7")],
)
def test_port_is_cut_off(address: str, host: str) -> None:
    """client_address is the host alone."""
    assert row("agentgateway", line(src__addr=address))["client_address"] == host


def test_subject_is_verified_and_its_absence_unknown() -> None:
    """A JWT subject was checked by the gateway; without one nobody is named."""
    columns = ("user_id", "user_id_kind", "user_assurance", "auth_method")
    assert picked(row("agentgateway", line(jwt__sub="ann")), *columns) == (
        "ann",
        "idp_sub",
        "verified",
        "oauth_jwt",
    )
    assert picked(row("agentgateway", line()), *columns) == (None, "none", "unknown", None)


def test_trace_ids_are_hex_or_nothing() -> None:
    """Nothing but hex reaches the trace columns, which are taken to hold no free text."""
    found = row("agentgateway", line(trace__id="sk-not-a-trace", span__id="00F067AA0BA902B7"))
    assert picked(found, "trace_id", "span_id") == (None, "00f067aa0ba902b7")
    assert unmapped(found) == {"/trace.id": "sk-not-a-trace"}


def test_site_defined_fields_are_kept() -> None:
    """Fields an operator added by CEL are set aside, those of any type."""
    found = row("agentgateway", line(**{"request.headers.x-team": "blue", "mine": {"a": [1]}}))
    assert unmapped(found) == {"/request.headers.x-team": "blue", "/mine": {"a": [1]}}


def test_text_and_json_read_alike() -> None:
    """The default text form gives the same row as the JSON form."""
    as_text = text(
        "src.addr=192.0.2.7:51522 http.status=400 protocol=mcp mcp.method.name=tools/call mcp.target=github "
        'gen_ai.tool.name=search mcp.error.code=-32602 mcp.error.message="Unknown tool: x" reason=MCP'
    )
    as_json = line(http__status=400, **UNKNOWN_TOOL)
    assert row("agentgateway", as_text) == row("agentgateway", as_json)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ('"two words"', "two words"),
        ("two words", "two words"),
        (r'"say \"no\" a=b"', 'say "no" a=b'),
        (r'"\u{1f512}\n"', "\N{LOCK}\n"),
        ('"a=b c=d"', "a=b c=d"),
        ('{"a": "} b=c"}', '{"a": "} b=c"}'),
        ('""', None),
    ],
)
def test_text_values(value: str, meant: str | None) -> None:
    """Quoted values take escapes, and what looks like a key inside quotes or JSON is none."""
    found = row("agentgateway", text(f"http.status=200 error={value} duration=3ms"))
    assert picked(found, "error_message", "duration_ms", "http_status") == (meant, 3.0, 200)


def test_repeated_field_does_not_overrule() -> None:
    """A value forged into the line's end does not take the place of the gateway's own, and is marked."""
    found = row("agentgateway", text("jwt.sub=ann gen_ai.tool.name=x jwt.sub=admin"))
    assert picked(found, "user_id", "parse_warnings") == ("ann", ["repeated_field"])
    assert unmapped(found) == {"/jwt.sub#2": "admin"}


@pytest.mark.parametrize(
    ("duration", "milliseconds"),
    [("12ms", 12.0), ("1.2s", 1200.0), ("3µs", 0.003), ("1m2.5s", 62500.0), ("soon", None)],
)
def test_durations(duration: str, milliseconds: float | None) -> None:
    """Every unit becomes milliseconds; what is no duration is kept and marked."""
    found = row("agentgateway", line(duration=duration))
    assert found.get("duration_ms") == (pytest.approx(milliseconds) if milliseconds is not None else None)
    assert ("bad_duration" in found["parse_warnings"]) == (milliseconds is None)


def test_wrong_type_is_rejected_with_its_path() -> None:
    """One bad line is named by its path and harms no other, in either form."""
    parsed = parse(
        "agentgateway", line(), line(http__status="x"), text("http.status=200"), b"noise", text("noise")
    )
    assert parsed.record == [0, 2]
    assert [r.record for r in parsed.rejects] == [1, 3, 4]
    assert "$.http.status" in parsed.rejects[0].reason


def test_text_lines_are_recognised_by_level_and_scope() -> None:
    """Other log lines of the gateway are not taken for requests."""
    recognises = ADAPTERS["agentgateway"].recognises
    assert recognises is not None
    assert recognises(text("a=b"))
    assert not recognises(b"2026-08-21T10:00:00Z\tinfo\tproxy started")
    assert not recognises(b"request a=b")
