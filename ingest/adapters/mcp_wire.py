"""Raw MCP traffic: JSON-RPC messages as a proxy or a stdio tap recorded them, one line each.

A line is an envelope, `{"time": RFC 3339, "direction": "client_to_server" or "server_to_client", "session_id",
"connection", "server", "peer", "transport", "status", "headers": {...}, "message": ...}`, of which only `direction`
and `message` are needed: a message is an object, an array (a batch of MCP 2025-03-26, which becomes a row for each
message), or either as text. `session_id` is the value of the Mcp-Session-Id header (`headers` are read for it too),
`connection` the recorder's own name of a connection, `server` the server's name, `peer` the client's address, `status`
the HTTP status; an answer without a body may name the request it answers by `id`. A bare message or batch without an
envelope is read as well, and what GitHub's MCP gateway writes to rpc-messages.jsonl (`timestamp`, `direction` OUT or
IN, `server_id`, `payload`), whose DIFC_FILTERED lines tell what its guard took out of an answer.

Both eras of the protocol are read. Up to 2025-11-25 `initialize` opens a session, names client and server, and its
answer brings the session id. MCP 2026-07-28 has no session: the client says who it is in every request's `_meta`, the
server in every result's, and Mcp-Method and Mcp-Name stand in the headers; where a header contradicts the message,
the message stands (warning header_mismatch). What client and server say of themselves is no proof.

A request takes outcome, result and duration from its answer where that follows it in the same piece of some hundred
lines: the first with its JSON-RPC id in the same session or connection, going the other way. The answer's own row is
of kind `other`, with the request's method, so that a call counts once; answers far from their request stay to be
linked by session and id. Without session and connection only the id is left to go by, which two clients may share.

A wire tells no user, and a decision only by HTTP 401 and 403: a denial with strong basis. Headers that carry
credentials are not kept.

To switch it on: let your proxy or stdio wrapper write such lines; keep bodies whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ingest.attributes import as_json
from ingest.fields import ABSENT, filled, merge, transpose
from ingest.genai import instant
from ingest.jsonrpc import NO_REQUEST, NO_RESPONSE, Request, Response, request, response
from ingest.mcp import METHOD_KINDS, TRANSPORTS, host_of, trace_parent
from ingest.parsed import Parsed
from ingest.wire import mcp_wire as wire

SUMMARY = "raw MCP JSON-RPC traffic, recorded (envelopes, bare messages, batches)"
SIGNATURES = (
    {"jsonrpc": "2.0"},
    {"message": None, "direction": None},
    {"payload": None, "direction": None, "server_id": None},
    {"type": "DIFC_FILTERED", "server_id": None, "tool_name": None},
)

_TO_SERVER = frozenset({"client_to_server", "out", "c2s", "request"})
_TO_CLIENT = frozenset({"server_to_client", "in", "s2c", "response"})
_READ = frozenset({"mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name", "user-agent", "x-request-id",
                   "traceparent"})  # fmt: skip
_SECRET = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key"})
_FILTERED = "DIFC_FILTERED"


def recognises(line: bytes) -> bool:
    """Tell a bare batch of messages."""
    return line.lstrip()[:1] == b"[" and b'"jsonrpc"' in line


def parse(records: Sequence[bytes]) -> Parsed:
    """Read recorded lines; a batch makes a row of each of its messages."""
    found = wire.read(records)
    messages = found.messages
    asked = [request(m.raw) if m.head.method is not None else NO_REQUEST for m in messages]
    answers = [
        response(m.raw) if m.head.method is None and m.raw is not ABSENT else NO_RESPONSE for m in messages
    ]
    sides = [_side(m.line.direction) for m in messages]
    sessions = [m.line.session_id or m.headers.get("mcp-session-id") for m in messages]
    pairs = wire.pairs(messages, sides, sessions)
    columns: dict[str, Any] = {
        **_told(messages, asked, sessions),
        **_target(messages, asked),
        **_judgement(messages, answers),
        "arguments": [a.arguments for a in asked],
        "result": [a.result for a in answers],
        "duration_ms": [None] * len(messages),
    }
    columns["parse_warnings"] = _warnings(messages, asked, answers)
    columns["unmapped"] = [merge(rest, _rest(m)) for rest, m in zip(found.unmapped, messages, strict=True)]
    for row, answer in pairs.items():
        _lend(columns, row, answer)
    constants = {"source_system": "mcp_wire", "evidence_kind": "access_log", "vantage": "gateway"}
    return Parsed(filled(columns), constants, found.record, found.rejects, len(messages))


@lru_cache(maxsize=64)
def _side(direction: str | None) -> str | None:
    said = (direction or "").lower()
    return "server" if said in _TO_SERVER else "client" if said in _TO_CLIENT else None


def _lend(columns: dict[str, Any], row: int, answer: int) -> None:
    """Give a request what its answer says, and the answer the request's method and target."""
    for name in ("outcome", "decision", "decision_source", "decision_basis", "http_status", "result",
                 "jsonrpc_error_code", "error_message"):  # fmt: skip
        columns[name][row] = columns[name][answer]
    for name in ("session_id", "session_kind", "server_name", "protocol_version"):
        if columns[name][row] is None:
            columns[name][row] = columns[name][answer]
    for name in (
        "mcp_method",
        "tool_name",
        "tool_name_exposed",
        "resource_uri",
        "prompt_name",
        "server_name",
    ):
        columns[name][answer] = columns[name][row]
    began, ended = (columns["event_time"][place] for place in (row, answer))
    start, end = instant((began or "")[:64]), instant((ended or "")[:64])
    if start is not None and end is not None and end >= start:
        columns["duration_ms"][row] = (end - start) / 1000
    if columns["decision"][answer] == "deny":  # the request's row is the denial: it must not count twice
        columns["decision"][answer], columns["decision_basis"][answer] = "unknown", None
        columns["decision_source"][answer] = None


def _told(
    messages: Sequence[wire.Message], asked: Sequence[Request], sessions: Sequence[str | None]
) -> dict[str, Any]:
    lines = [m.line for m in messages]
    parents = transpose([trace_parent(m.headers.get("traceparent")) for m in messages], 2)
    agents = [m.headers.get("user-agent") for m in messages]
    return {
        "event_time": [line.time or line.timestamp or None for line in lines],
        "session_id": [s or None for s in sessions],
        "session_kind": ["mcp" if s else None for s in sessions],
        "jsonrpc_id": [None if m.head.id in (None, "") else str(m.head.id) for m in messages],
        "http_request_id": [m.headers.get("x-request-id") for m in messages],
        "trace_id": [a.trace_id or t for a, t in zip(asked, parents[0], strict=True)],
        "span_id": [a.span_id or s for a, s in zip(asked, parents[1], strict=True)],
        "client_name": [a.client_name for a in asked],
        "client_version": [a.client_version for a in asked],
        "client_identity_source": [
            "client_info" if a.client_name else "user_agent" if u else "none"
            for a, u in zip(asked, agents, strict=True)
        ],
        "user_agent": agents,
        "client_address": [host_of(line.peer) if line.peer else None for line in lines],
    }


def _target(messages: Sequence[wire.Message], asked: Sequence[Request]) -> dict[str, Any]:
    methods = [m.head.method or _header(m, "mcp-method") for m in messages]
    targets = [
        a.target or _header(m, "mcp-name") or m.line.tool_name for a, m in zip(asked, messages, strict=True)
    ]
    filtered = [m.line.type == _FILTERED for m in messages]
    tools = [
        t if k == "tools/call" or f else None for t, k, f in zip(targets, methods, filtered, strict=True)
    ]
    infos = [
        wire.server_of(bytes(m.raw)) if m.head.result is ABSENT else wire.server_of(bytes(m.head.result))
        for m in messages
    ]
    names = [
        (i.meta.server.name if i.meta and i.meta.server else None) or (i.server.name if i.server else None)
        for i in infos
    ]
    return {
        "event_kind": [
            "tool_decision" if f else _kind(k) if m.head.method is not None or m.raw is ABSENT else "other"
            for k, f, m in zip(methods, filtered, messages, strict=True)
        ],
        "mcp_method": methods,
        "tool_name_exposed": tools,
        "tool_name": list(tools),
        "resource_uri": [t if (k or "").startswith("resources/") else None for t, k in
                         zip(targets, methods, strict=True)],
        "prompt_name": [t if k == "prompts/get" else None for t, k in zip(targets, methods, strict=True)],
        "server_name": [
            m.line.server or m.line.server_id or n or None for m, n in zip(messages, names, strict=True)
        ],
        "protocol_version": [
            a.protocol_version or m.headers.get("mcp-protocol-version") or i.protocol or None
            for a, m, i in zip(asked, messages, infos, strict=True)
        ],
        "transport": [
            TRANSPORTS.get(m.line.transport, "unknown") if m.line.transport else None for m in messages
        ],
    }  # fmt: skip


def _header(message: wire.Message, name: str) -> str | None:
    value = message.headers.get(name)
    return None if value is None else wire.header_text(value) or None


@lru_cache(maxsize=1024)
def _kind(method: str | None) -> str:
    if method is None:
        return "http_request"
    return METHOD_KINDS.get(method, "notification" if method.startswith("notifications/") else "other")


def _judgement(messages: Sequence[wire.Message], answers: Sequence[Response]) -> dict[str, Any]:
    verdicts = transpose(
        [
            _verdict(m.line.status, a.outcome, m.line.type == _FILTERED, m.head.method)
            for m, a in zip(messages, answers, strict=True)
        ],
        4,
    )
    return {
        "decision": list(verdicts[0]),
        "decision_source": list(verdicts[1]),
        "decision_basis": list(verdicts[2]),
        "decision_reason": [m.line.reason or None for m in messages],
        "outcome": list(verdicts[3]),
        "http_status": [m.line.status for m in messages],
        "jsonrpc_error_code": [a.code for a in answers],
        "error_message": [a.message for a in answers],
    }


@lru_cache(maxsize=1024)
def _verdict(
    status: int | None, outcome: str | None, filtered: bool, method: str | None
) -> tuple[str, str | None, str | None, str]:
    """Return decision, who decided, basis and outcome."""
    if filtered:
        return "modify", "guardrail", "explicit", "unknown"
    if status in (401, 403):
        return "deny", "authn" if status == 401 else "unknown", "strong", "denied"
    if outcome is not None:
        return "unknown", None, None, outcome
    if status is not None and status >= 400:
        ending = (
            "timeout" if status in (408, 504) else "transport_error" if status >= 500 else "protocol_error"
        )
        return "unknown", None, None, ending
    if method is not None and method.startswith("notifications/"):
        return "not_evaluated", None, None, "success"
    return "unknown", None, None, "unknown"


def _warnings(
    messages: Sequence[wire.Message], asked: Sequence[Request], answers: Sequence[Response]
) -> list[list[str] | None]:
    found: list[list[str] | None] = []
    for message, req, res in zip(messages, asked, answers, strict=True):
        words = ["truncated_json"] if req.cut or res.cut else []
        if message.headers and message.head.method is not None:
            method, name = _header(message, "mcp-method"), _header(message, "mcp-name")
            if (method and method != message.head.method) or (name and req.target and name != req.target):
                words.append("header_mismatch")
        if message.line.direction is not None and _side(message.line.direction) is None:
            words.append("unknown_direction")
        found.append(words or None)
    return found


def _rest(message: wire.Message) -> bytes | None:
    """Return what has no column: the connection, other headers, and a direction or type not known."""
    line = message.line
    if line is wire.NO_LINE or not (line.connection or line.headers or line.direction or line.type):
        return None
    left: dict[str, Any] = {
        f"/headers/{name}": value
        for name, value in (line.headers or {}).items()
        if name.lower() not in _READ and name.lower() not in _SECRET
    }
    if line.connection:
        left["/connection"] = line.connection
    if line.direction and _side(line.direction) is None:
        left["/direction"] = line.direction
    if line.type and line.type not in ("REQUEST", "RESPONSE", _FILTERED):
        left["/type"] = line.type
    return as_json(left) if left else None
