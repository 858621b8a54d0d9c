"""What recorded MCP traffic says, of both eras of the protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest
from reading import ADAPTERS, parse, picked, row, unmapped

from ingest.catalog import Detector

OUT, IN = "client_to_server", "server_to_client"
META = {"io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2"},
        "io.modelcontextprotocol/protocolVersion": "2026-07-28"}  # fmt: skip


def ask(id_: Any = 1, method: str = "tools/call", **params: Any) -> dict[str, Any]:
    """Return a request."""
    return {
        "jsonrpc": "2.0",
        "id": id_,
        "method": method,
        "params": params or {"name": "f", "arguments": {"n": 1}},
    }


def answer(id_: Any = 1, **fields: Any) -> dict[str, Any]:
    """Return a response."""
    return {"jsonrpc": "2.0", "id": id_, **(fields or {"result": {"content": []}})}


def line(message: Any, direction: str = OUT, second: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a recorded line."""
    return {"time": f"2026-08-21T10:00:{second:02}Z", "direction": direction, "message": message} | fields


def columns(*records: Any) -> dict[str, list[Any]]:
    """Return the columns of records that are all read."""
    parsed = parse("mcp_wire", *records)
    assert parsed.rejects == []
    return {name: list(values) for name, values in parsed.columns.items()}


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ({"result": {"content": []}}, "success"),
        ({"result": {"content": [], "isError": True}}, "tool_error"),
        ({"result": {"resultType": "input_required"}}, "input_required"),
        ({"error": {"code": -32602, "message": "Unknown tool"}}, "protocol_error"),
    ],
)
def test_a_request_takes_its_answer(reply: dict[str, Any], outcome: str) -> None:
    """The call's row has outcome and duration; the answer's is no second call, and knows the method."""
    found = columns(line(ask(), session_id="s"), line(answer(**reply), IN, 2, session_id="s"))
    assert found["outcome"] == [outcome, outcome]
    assert found["event_kind"] == ["tool_call", "other"]
    assert found["mcp_method"] == ["tools/call", "tools/call"]
    assert found["duration_ms"] == [2000.0, None]


@pytest.mark.parametrize(
    "reply",
    [
        line(answer(), IN, session_id="other"),
        line(answer(2), IN, session_id="s"),
        line(answer(), OUT, session_id="s"),
        line(answer("1x"), IN, session_id="s"),
    ],
)
def test_an_answer_is_of_its_session_and_direction(reply: dict[str, Any]) -> None:
    """JSON-RPC ids are unique within a session only, and a server's requests have ids of their own."""
    assert columns(line(ask(), session_id="s"), reply)["outcome"][0] == "unknown"


def test_concurrent_calls_find_their_own_answers() -> None:
    """Answers come in any order; the same id in two sessions is two calls."""
    found = columns(
        line(ask(1), session_id="a"), line(ask(2), session_id="a"), line(ask(1), session_id="b"),
        line(answer(1, error={"code": -1, "message": "b"}), IN, session_id="b"),
        line(answer(2, error={"code": -2, "message": "a2"}), IN, session_id="a"),
        line(answer(1, error={"code": -3, "message": "a1"}), IN, session_id="a"),
    )  # fmt: skip
    assert found["jsonrpc_error_code"][:3] == [-3, -2, -1]


@pytest.mark.parametrize(("status", "who"), [(401, "authn"), (403, "unknown")])
def test_a_status_denies_once(status: int, who: str) -> None:
    """401 and 403 deny with strong basis; told on the request, the denial is not told again on the answer."""
    alone = row("mcp_wire", line(None, IN, status=status))
    assert picked(alone, "decision", "decision_basis", "decision_source", "outcome") == (
        "deny",
        "strong",
        who,
        "denied",
    )
    found = columns(line(ask(3), session_id="s"), line(None, IN, status=status, id=3, session_id="s"))
    assert found["decision"] == ["deny", "unknown"]


def test_initialize_names_client_server_and_session() -> None:
    """Up to 2025-11-25 the first exchange says who speaks, and its answer brings the session."""
    hello = ask(
        0, "initialize", protocolVersion="2025-06-18", clientInfo={"name": "inspector", "version": "1"}
    )
    reply = answer(0, result={"protocolVersion": "2025-06-18", "serverInfo": {"name": "github"}})
    found = columns(line(hello, connection="k"), line(reply, IN, connection="k", session_id="s"))
    assert [found[n][0] for n in ("event_kind", "client_name", "server_name", "session_id", "protocol_version")] == [
        "session_open", "inspector", "github", "s", "2025-06-18"]  # fmt: skip


def test_2026_has_no_session() -> None:
    """Since 2026-07-28 each request says who the client is, each result who the server is."""
    reply = answer(6, result={"_meta": {"io.modelcontextprotocol/serverInfo": {"name": "github"}}})
    headers = {"Mcp-Method": "tools/call", "Mcp-Name": "f", "MCP-Protocol-Version": "2026-07-28"}
    asked = line(ask(6, name="f", _meta=META), connection="k", headers=headers)
    found = columns(asked, line(reply, IN, connection="k"))
    assert [found[n][0] for n in ("client_name", "server_name", "protocol_version", "tool_name", "outcome")] == [
        "claude-code", "github", "2026-07-28", "f", "success"]  # fmt: skip
    assert found["session_id"] == [None, None]
    assert "parse_warnings" not in found or found["parse_warnings"] == [None, None]


@pytest.mark.parametrize(
    ("headers", "warned"),
    [
        ({"Mcp-Name": "g"}, True),
        ({"mcp-method": "tools/list"}, True),
        ({"Mcp-Name": "=?base64?Zg==?="}, False),
        ({"MCP-METHOD": ["tools/call"], "Mcp-Name": "f"}, False),
    ],
)
def test_the_message_stands_against_a_header(headers: dict[str, Any], warned: bool) -> None:
    """A header that says otherwise than the message is told: a gateway may have judged by it."""
    found = row("mcp_wire", line(ask(), headers=headers))
    assert picked(found, "tool_name", "mcp_method") == ("f", "tools/call")
    assert ("header_mismatch" in (found.get("parse_warnings") or [])) is warned


def test_a_batch_makes_a_row_of_each_message() -> None:
    """A batch of 2025-03-26, in an envelope or bare, is as many events as it has messages."""
    batch = [ask(4, "tools/list"), ask(5), {"jsonrpc": "2.0", "method": "notifications/cancelled"}]
    replies = [answer(5, result={"isError": True}), answer(4, result={"tools": []})]
    parsed = parse("mcp_wire", line(batch), json.dumps(replies).encode(), line(json.dumps(batch)))
    assert parsed.record == [0, 0, 0, 1, 1, 2, 2, 2]
    assert list(parsed.columns["event_kind"])[:3] == ["tool_list", "tool_call", "cancel"]


def test_bare_messages_pair_by_id() -> None:
    """Where a recorder says nothing else, the id is all there is."""
    found = columns(ask(8), answer(8))
    assert (found["outcome"], found["event_kind"]) == (["success", "success"], ["tool_call", "other"])


def test_githubs_recorder_is_read() -> None:
    """rpc-messages.jsonl has its own envelope, and lines of what its guard took out."""
    asked = {
        "timestamp": "2026-08-21T10:00:00Z",
        "direction": "OUT",
        "type": "REQUEST",
        "server_id": "gh",
        "payload": ask(),
    }
    reply = asked | {"direction": "IN", "type": "RESPONSE", "payload": answer(result={"isError": True})}
    found = columns(asked, reply)
    assert (found["outcome"][0], found["server_name"]) == ("tool_error", ["gh", "gh"])
    kept = {
        "timestamp": "2026-08-21T10:00:00Z",
        "type": "DIFC_FILTERED",
        "server_id": "gh",
        "tool_name": "t",
        "reason": "r",
    }
    filtered = row("mcp_wire", kept)
    assert picked(filtered, "event_kind", "decision", "decision_source", "decision_reason") == (
        "tool_decision", "modify", "guardrail", "r")  # fmt: skip


def test_credentials_in_headers_are_not_kept() -> None:
    """A recorder may have written what authenticates the caller."""
    found = row(
        "mcp_wire", line(ask(), headers={"Authorization": "Bearer abc", "Cookie": "a=b", "X-Other": "1"})
    )
    assert unmapped(found) == {"/headers/X-Other": "1"}


def test_lines_are_recognised() -> None:
    """Bare messages, batches and envelopes are told by their top level."""
    records = [ask(), [ask()], line(ask()), {"payload": ask(), "direction": "OUT", "server_id": "x"}]
    found = Detector(ADAPTERS).formats([json.dumps(record).encode() for record in records])
    assert found == ["mcp_wire"] * 4


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (line({"jsonrpc": "2.0", "id": 1}), "$.message"),
        (line("{cut"), "$.message"),
        (line([]), "a batch of 0 messages"),
        (line([ask(), 5]), "$.message"),
        (line(ask(), status="ok"), "$.status"),
        (line(None), "neither a message nor a status"),
        (b"[", "not JSON"),
    ],
)
def test_what_is_no_message_is_rejected(record: Any, reason: str) -> None:
    """The reason says where, and the neighbours are read."""
    parsed = parse("mcp_wire", ask(1), record, ask(2))
    assert (parsed.record, [r.record for r in parsed.rejects]) == ([0, 2], [1])
    assert reason in parsed.rejects[0].reason
