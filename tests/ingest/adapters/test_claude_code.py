"""What Claude Code's telemetry says, in export requests and as flattened records."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")
NAMES = '{"mcp_server_name":"github","mcp_tool_name":"delete_repo"}'


def flat(name: str, **attributes: Any) -> dict[str, Any]:
    """Return a flattened record; attribute names have __ for a dot."""
    return {
        "name": f"claude_code.{name}",
        "attributes": {"event.timestamp": "2026-08-21T10:00:00.001Z"}
        | {key.replace("__", "."): value for key, value in attributes.items()},
    }


def log(name: str, **changes: Any) -> dict[str, Any]:
    """Return a log record of an export request."""
    return {
        "timeUnixNano": "1787306400000001999",
        "body": {"stringValue": f"claude_code.{name}"},
        "attributes": [{"key": "session.id", "value": {"stringValue": "s-1"}}],
    } | changes


def export(*logs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an export request."""
    resource = {"attributes": [{"key": "service.version", "value": {"stringValue": "2.1.0"}}]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": list(logs)}]} | changes]}


@pytest.mark.parametrize(
    ("source", "who"),
    [
        ("config", "config"),
        ("hook", "hook"),
        ("user_permanent", "user_prompt"),
        ("user_temporary", "user_prompt"),
        ("user_abort", "user_prompt"),
        ("user_reject", "user_prompt"),
        ("novel", "unknown"),
    ],
)
@pytest.mark.parametrize(
    ("said", "decision", "outcome"), [("accept", "allow", "unknown"), ("reject", "deny", "denied")]
)
def test_tool_decision_is_explicit(source: str, who: str, said: str, decision: str, outcome: str) -> None:
    """The client states decision and source; an accepted call's outcome comes in another record."""
    found = row("claude_code", flat("tool_decision", decision=said, source=source))
    assert picked(found, *JUDGED) == (decision, "explicit", who, outcome)


@pytest.mark.parametrize(
    ("attributes", "outcome"),
    [
        ({"success": "true"}, "success"),
        ({"success": True}, "success"),
        ({"success": "false"}, "tool_error"),
        ({"success": "false", "error_type": "timeout"}, "timeout"),
        ({}, "unknown"),
    ],
)
def test_tool_result_outcome(attributes: dict[str, Any], outcome: str) -> None:
    """Success comes as text or boolean, without a warning for either."""
    found = row("claude_code", flat("tool_result", tool_name="Read", **attributes))
    assert picked(found, "outcome", "parse_warnings") == (outcome, None)


def test_install_id_is_no_identity() -> None:
    """user.id is the installation's, unless a gateway's sign-in put the subject there."""
    columns = ("user_id", "user_id_kind", "user_assurance")
    assert picked(row("claude_code", flat("x", user__id="9f")), *columns) == ("9f", "install_id", "unknown")
    signed_in = flat("x", user__id="ann", identity__source="gateway-oidc")
    assert picked(row("claude_code", signed_in), *columns) == ("ann", "idp_sub", "proxy_asserted")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"tool_name": "mcp_tool", "tool_parameters": NAMES}, (None, "delete_repo", "github")),
        ({"tool_name": "mcp__github__delete_repo"}, ("mcp__github__delete_repo", "delete_repo", "github")),
        ({"tool_name": "mcp_tool"}, (None, None, None)),
        ({"tool_name": "Bash"}, ("Bash", "Bash", None)),
    ],
)
def test_tool_names(attributes: dict[str, str], expected: tuple[str | None, ...]) -> None:
    """The placeholder is no tool's name; the names come from the parameters or the prefix."""
    found = row("claude_code", flat("tool_result", **attributes))
    assert picked(found, "tool_name_exposed", "tool_name", "server_name") == expected


def test_parameters_are_arguments_only_when_they_hold_any() -> None:
    """Parameters that only name the tool are no arguments."""
    more = '{"bash_command":"ls"}'
    assert "arguments" not in row("claude_code", flat("tool_result", tool_parameters=NAMES))
    assert row("claude_code", flat("tool_result", tool_parameters=more))["arguments"] == more
    both = row("claude_code", flat("tool_result", tool_parameters=more, tool_input="{}"))
    assert both["arguments"] == "{}"
    assert unmapped(both) == {"/attributes/tool_parameters": more}


def test_export_becomes_a_row_per_log_record() -> None:
    """One line makes many rows, in order, each knowing its line."""
    parsed = parse(
        "claude_code", export(log("tool_result"), log("auth")), flat("user_prompt"), export(log("x"))
    )
    assert parsed.record == [0, 0, 1, 2]
    assert parsed.columns["event_kind"] == ["tool_call", "authn", "user_prompt", "other"]


def test_times_are_whole_microseconds() -> None:
    """Both ways to tell the time end in one unit, so that the column has one type."""
    parsed = parse("claude_code", export(log("x")), flat("x"), flat("x", event__timestamp="now"))
    assert parsed.columns["event_time"] == [1787306400000001, 1787306400001000, None]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"intValue": "5"}, 5),
        ({"intValue": 5}, 5),
        ({"doubleValue": 0.5}, 0.5),
        ({"boolValue": False}, False),
        ({"arrayValue": {"values": [{"stringValue": "a"}]}}, ["a"]),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}}, {"k": 1}),
    ],
)
def test_any_value(value: dict[str, Any], plain: object) -> None:
    """Every kind of OTLP value comes out plain."""
    found = row("claude_code", export(log("x", attributes=[{"key": "a", "value": value}])))
    assert unmapped(found)["/attributes/a"] == plain


def test_other_products_keep_their_name() -> None:
    """A record of another product is neither lost nor taken for Claude Code's."""
    found = row("claude_code", export({"body": {"stringValue": "codex.tool_decision"}}))
    assert picked(found, "source_system", "event_kind", "client_name") == ("unknown", "other", None)
    assert unmapped(found)["/name"] == "codex.tool_decision"


def test_trace_ids_are_hex_or_nothing() -> None:
    """Nothing but hex reaches the trace columns, which are taken to hold no free text."""
    good, bad = "4BF92F3577B34DA6A3CE929D0E0E4736", "sk-not-a-trace"
    parsed = parse("claude_code", export(log("auth", traceId=good, spanId=""), log("auth", traceId=bad)))
    assert parsed.columns["trace_id"] == [good.lower(), None]
    assert parsed.columns["span_id"] == [None, None]
    assert unmapped({"unmapped": parsed.columns["unmapped"][1]}) == {"/traceId": bad}


def test_unknown_fields_are_kept_on_their_row() -> None:
    """Fields unknown to us inside an export request go to the rows they belong to."""
    parsed = parse("claude_code", export(log("auth", novel=1), log("auth"), extra=2))
    kept = [unmapped({"unmapped": value}) for value in parsed.columns["unmapped"]]
    assert [(k.get("/novel"), k.get("/extra")) for k in kept] == [(1, 2), (None, 2)]


def test_value_that_does_not_fit_its_column_is_kept() -> None:
    """One odd attribute costs neither the record nor its value."""
    found = row("claude_code", flat("tool_result", duration_ms="soon", session__id=5))
    assert picked(found, "duration_ms", "session_id", "parse_warnings") == (None, "5", ["wrong_type"])
    assert unmapped(found) == {"/attributes/duration_ms": "soon"}


def test_wrong_type_is_rejected_with_its_path() -> None:
    """A line that is no export request is named by its path and harms no other."""
    bad = export(log("x", attributes=[{"key": 5}]))
    parsed = parse("claude_code", flat("x"), bad, flat("x"), {"resourceLogs": []}, {"name": "claude_code.x"})
    assert parsed.record == [0, 2]
    assert [r.record for r in parsed.rejects] == [1, 3, 4]
    assert "logRecords[0].attributes[0].key" in parsed.rejects[0].reason
