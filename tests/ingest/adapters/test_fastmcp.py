"""What FastMCP's spans and middleware lines say."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped
from telemetry import span, spans


def line(event: str, **fields: Any) -> dict[str, Any]:
    """Return a line of the middleware."""
    return {"event": event, "method": "tools/call", "source": "client",
            "payload": '{"name":"forecast","arguments":{"city":"Rome"}}'} | fields  # fmt: skip


def test_enduser_is_the_client_and_not_the_human() -> None:
    """enduser.id is the OAuth client of the token: a span names no human."""
    found = row(
        "otlp",
        spans("fastmcp", span(mcp__method__name="tools/call", enduser__id="c-1", enduser__scope="a b")),
    )
    assert picked(found, "client_oauth_id", "user_id", "scopes", "client_identity_source", "source_format") == (
        "c-1", None, ["a", "b"], "oauth_client_id", "fastmcp")  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [
        {"mcp__method__name": "tools/call", "gen_ai__tool__name": "forecast"},
        {"mcp__method__name": "tools/call", "fastmcp__component__key": "tool:forecast@"},
        {"rpc__system": "mcp", "rpc__method": "tools/call", "fastmcp__component__key": "tool:forecast"},
        {"mcp__method__name": "tools/call", "fastmcp__component__key": "tool:forecast@v2"},
    ],
)
def test_the_tool_is_named_by_every_release(values: dict[str, str]) -> None:
    """The tool's name is an attribute, or part of the component's key."""
    found = row("otlp", spans("fastmcp", span(fastmcp__server__name="Weather", **values)))
    assert picked(found, "event_kind", "tool_name", "server_name", "vantage") == (
        "tool_call", "forecast", "Weather", "server")  # fmt: skip


@pytest.mark.parametrize(
    ("error", "outcome"), [("tool_error", "tool_error"), ("ToolError", "tool_error"), (None, "success")]
)
def test_a_failed_tool(error: str | None, outcome: str) -> None:
    """A server knows whether its tool failed."""
    values = {} if error is None else {"error__type": error, "_failed": "no such city"}
    found = row("otlp", spans("fastmcp", span(mcp__method__name="tools/call", **values)))
    assert picked(found, "outcome", "error_message") == (outcome, None if error is None else "no such city")


def test_a_call_of_two_lines_counts_once() -> None:
    """The end is the event; its beginning says nothing that the end does not."""
    parsed = parse("fastmcp", line("request_start"), line("request_success"))
    assert list(parsed.columns["event_kind"]) == ["other", "tool_call"]
    assert list(parsed.columns["outcome"]) == ["unknown", "success"]


@pytest.mark.parametrize(
    ("method", "outcome"), [("tools/call", "tool_error"), ("resources/read", "protocol_error")]
)
def test_an_error_line(method: str, outcome: str) -> None:
    """Both ways to tell an error end in one column."""
    old = row("fastmcp", line("request_error", method=method, error="boom"))
    new = row("fastmcp", line("request_error", method=method, error_type="ValueError", error_message="boom"))
    assert (
        picked(old, "outcome", "error_message")
        == picked(new, "outcome", "error_message")
        == (outcome, "boom")
    )


def test_a_line_gives_tool_and_arguments() -> None:
    """The payload is the request's params as JSON text."""
    found = row("fastmcp", line("request_success", response_size=12, duration_ms=1.5))
    assert picked(found, "tool_name", "arguments", "response_bytes", "duration_ms", "user_assurance") == (
        "forecast", b'{"city":"Rome"}', 12, 1.5, None)  # fmt: skip
    assert unmapped(found) == {}


def test_spans_and_lines_may_be_mixed() -> None:
    """A file with both keeps the order, and each record its own reject."""
    good = spans("fastmcp", span(mcp__method__name="tools/call"))
    parsed = parse("fastmcp", line("request_success"), good, line("request_error", method=5), good, b"{}")
    assert parsed.record == [0, 1, 3]
    assert list(parsed.columns["evidence_kind"]) == ["text_log", "span", "span"]
    assert [r.record for r in parsed.rejects] == [2, 4]
