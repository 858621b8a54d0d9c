"""What spans and logs by OpenTelemetry's GenAI and MCP conventions say."""

from __future__ import annotations

from typing import Any

import pytest
from reading import picked, row, unmapped
from telemetry import log, logs, span, spans

JUDGED = ("decision", "decision_basis", "outcome")
CALL = {"mcp__method__name": "tools/call", "gen_ai__tool__name": "f"}


def read(_kind: int = 2, _failed: str | None = None, **values: Any) -> dict[str, Any]:
    """Return the row of one span."""
    return row("otel_genai", spans("x", span("n", _kind, _failed, **values), service__name="agent"))


@pytest.mark.parametrize(
    ("values", "column", "value"),
    [
        ({"mcp__tool__name": "f"}, "tool_name", "f"),
        ({"tool__name": "f"}, "tool_name", "f"),
        ({"tool_name": "f"}, "tool_name", "f"),
        ({"mcp__request__id": 7}, "jsonrpc_id", "7"),
        ({"mcp__method": "tools/list"}, "mcp_method", "tools/list"),
        ({"rpc__system": "mcp", "rpc__method": "tools/list"}, "mcp_method", "tools/list"),
        ({"mcp__prompt__name": "p"}, "prompt_name", "p"),
        ({"mcp__session_id": "s"}, "session_id", "s"),
        ({"http__status_code": 500}, "http_status", 500),
        ({"enduser__id": "ann"}, "user_id", "ann"),
        ({"network__transport": "pipe"}, "transport", "stdio"),
        ({"network__transport": "tcp"}, "transport", "streamable_http"),
    ],
)
def test_older_names_are_read(values: dict[str, Any], column: str, value: Any) -> None:
    """Products write names the conventions have left behind."""
    assert read(**values)[column] == value


def test_two_names_of_one_thing_are_both_kept() -> None:
    """The newer name stands; an older one that says otherwise is not lost."""
    found = read(gen_ai__tool__name="new", mcp__tool__name="old")
    assert (found["tool_name"], unmapped(found)["/attributes/mcp.tool.name"]) == ("new", "old")


def test_rpc_of_another_system_is_no_mcp() -> None:
    """rpc.method is MCP's only where rpc.system says so."""
    found = read(rpc__system="grpc", rpc__method="Get")
    assert (found.get("mcp_method"), unmapped(found)["/attributes/rpc.method"]) == (None, "Get")


@pytest.mark.parametrize(
    ("values", "judged"),
    [
        ({"gen_ai__agent__tool__disposition": "allow"}, ("allow", "explicit", "success")),
        ({"gen_ai__agent__tool__disposition": "simulate"}, ("observe", "explicit", "success")),
        ({"gen_ai__agent__tool__disposition": "deny"}, ("deny", "explicit", "denied")),
        ({"http__response__status_code": 401}, ("deny", "strong", "denied")),
        ({"http__response__status_code": 403}, ("deny", "strong", "denied")),
        ({"error__type": "403"}, ("deny", "strong", "denied")),
        ({"error__type": "tool_error"}, ("unknown", None, "tool_error")),
        ({"error__type": "-32602"}, ("unknown", None, "protocol_error")),
        ({"rpc__response__status_code": "-32603"}, ("unknown", None, "protocol_error")),
        ({"error__type": "timeout"}, ("unknown", None, "timeout")),
        ({"error__type": "ValueError"}, ("unknown", None, "tool_error")),
        ({"http__response__status_code": 502}, ("unknown", None, "transport_error")),
        ({"_failed": "boom"}, ("unknown", None, "tool_error")),
        ({}, ("unknown", None, "success")),
    ],
)
def test_what_a_span_decides(values: dict[str, Any], judged: tuple[str | None, ...]) -> None:
    """A decision is stated by disposition or implied by 401 and 403; an error's kind by error.type."""
    assert picked(read(**CALL, **values), *JUDGED) == judged


def test_an_inferred_error_says_so() -> None:
    """An exception's name does not tell whether the tool or the way to it failed."""
    assert read(**CALL, error__type="ValueError")["parse_warnings"] == ["error_kind_inferred"]


def test_a_log_proves_no_success() -> None:
    """Only of spans do the conventions ask that errors be set."""
    found = row("otel_genai", logs("x", log("done", mcp__method__name="tools/call")))
    assert picked(found, "outcome", "evidence_kind") == ("unknown", "otel_log")


@pytest.mark.parametrize(("kind", "server", "vantage"), [(2, "agent", "server"), (3, None, "client")])
def test_a_servers_span_names_its_server(kind: int, server: str | None, vantage: str) -> None:
    """The service that emits a server's span is the server; a client's service is not."""
    assert picked(read(kind, **CALL), "server_name", "vantage") == (server, vantage)


def test_content_is_read_as_text_or_structure() -> None:
    """Arguments may be JSON text or a map; results too."""
    found = read(**CALL, gen_ai__tool__call__arguments='{"n":1}', gen_ai__tool__call__result=["a"])
    assert picked(found, "arguments", "result") == ('{"n":1}', b'["a"]')


def test_times_and_ids_of_a_span() -> None:
    """A span has its start, its length and its ids."""
    found = read()
    assert picked(found, "event_time", "duration_ms", "trace_id", "span_id") == (
        1787306400000000, 12.5, "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")  # fmt: skip
