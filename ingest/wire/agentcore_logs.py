"""AgentCore's vended log lines: bodies in Java's text of a map, and calls told in two lines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, spare
from ingest.javamap import parse as java_map
from ingest.jsonrpc import NO_REQUEST, NO_RESPONSE, Response, request, response
from ingest.mcp import METHOD_KINDS, span_of, trace_of
from ingest.parsed import Parsed
from ingest.times import of_number
from ingest.wire import agentcore as wire

Raw = msgspec.Raw
_SEPARATOR = "___"
_AUTH_ERROR = -32001
_text = msgspec.json.Decoder(str)
_any = msgspec.json.Decoder()
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_LENT = (
    "outcome",
    "decision",
    "decision_source",
    "decision_basis",
    "result",
    "jsonrpc_error_code",
    "error_message",
)


@lru_cache(maxsize=8192)
def split_target(tool: str | None) -> tuple[str | None, str | None]:
    """Return the target, which is the server, and the tool of `target___tool`."""
    server, separator, bare = (tool or "").partition(_SEPARATOR)
    return (server, bare) if separator and server and bare else (None, tool)


def parse_logs(records: Sequence[bytes]) -> Parsed:
    """Read vended log lines, one per record."""
    decoded = decode(records, wire.Log)
    events = decoded.events
    bodies = [e.body or wire.NO_LOG_BODY for e in events]
    read = [(_message(b.request_body), _message(b.response_body)) for b in bodies]
    asked = [NO_REQUEST if q[0] is ABSENT else request(q[0]) for q, _ in read]
    answers = [NO_RESPONSE if r[0] is ABSENT else _answer(*r) for _, r in read]
    methods = [None if q[0] is ABSENT else wire.method_of(q[0]) for q, _ in read]
    verdicts = [_verdict(b.is_error, a.outcome, a.code) for b, a in zip(bodies, answers, strict=True)]
    tools = [a.target if m == "tools/call" else None for a, m in zip(asked, methods, strict=True)]
    split = [split_target(t) for t in tools]
    columns: dict[str, Any] = {
        "event_time": [None if e.event_timestamp is None else of_number(e.event_timestamp / 1000) for e in events],
        "event_kind": [METHOD_KINDS.get(m, "other") if m else "other" for m in methods],
        "mcp_method": methods,
        "org_id": [e.account_id or None for e in events],
        "client_name": [a.client_name for a in asked],
        "client_version": [a.client_version for a in asked],
        "client_identity_source": ["client_info" if a.client_name else "none" for a in asked],
        "protocol_version": [a.protocol_version for a in asked],
        "http_request_id": [e.request_id or None for e in events],
        "jsonrpc_id": [a.jsonrpc_id for a in asked],
        "trace_id": [trace_of(e.trace_id) for e in events],
        "span_id": [span_of(e.span_id) for e in events],
        "gateway_name": [e.resource_arn.rpartition("/")[2] or None for e in events],
        "source_instance": [e.resource_arn or None for e in events],
        "server_name": [server for server, _ in split],
        "tool_name": [tool for _, tool in split],
        "tool_name_exposed": tools,
        "decision": [v[0] for v in verdicts],
        "decision_source": [v[1] for v in verdicts],
        "decision_basis": [v[2] for v in verdicts],
        "outcome": [v[3] for v in verdicts],
        "jsonrpc_error_code": [a.code for a in answers],
        "error_message": [a.message or (b.log if b.is_error else None) or None for a, b in
                          zip(answers, bodies, strict=True)],
        "arguments": [a.arguments for a in asked],
        "result": [a.result for a in answers],
        "parse_warnings": [_warnings(q, r) for q, r in read],
    }  # fmt: skip
    _lend(columns, [q[0] is not ABSENT for q, _ in read], [r[0] is not ABSENT for _, r in read])
    rest = spare("/body", bodies, wire.LogBody, without=("request_body", "response_body"))
    rest |= {
        "/body/log": [
            Raw(msgspec.json.encode(b.log)) if b.log and not b.is_error else ABSENT for b in bodies
        ],
        "/trace_id": [_unfit(e.trace_id, trace_of(e.trace_id)) for e in events],
        "/span_id": [_unfit(e.span_id, span_of(e.span_id)) for e in events],
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), rest)
    constants = {"source_system": "agentcore", "evidence_kind": "text_log", "vantage": "gateway",
                 "user_assurance": "unknown"}  # fmt: skip
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _unfit(text: str | None, value: str | None) -> Raw:
    return ABSENT if value is not None or not text else Raw(msgspec.json.encode(text))


def _message(body: Raw) -> tuple[Raw, str]:
    """Return a body as JSON, and how it came: "", java_map_body or truncated_json (then it stays text)."""
    raw = bytes(body)
    if raw in (b"", b"null", b'""'):
        return ABSENT, ""
    if raw[:1] != b'"':
        return body, ""
    try:
        text = _text.decode(raw).strip()
        _any.decode(text)
    except UnicodeEncodeError:
        return body, "truncated_json"
    except _BAD:
        found = java_map(text)
        return (
            (body, "truncated_json") if found is None else (Raw(msgspec.json.encode(found)), "java_map_body")
        )
    return Raw(text.encode()), ""


def _answer(body: Raw, how: str) -> Response:
    """Read an answer; in a likeness `isError` and `code` are text."""
    if how != "java_map_body":
        return response(body)
    value = _any.decode(body)
    result, error = value.get("result"), value.get("error")
    if isinstance(result, dict) and isinstance(result.get("isError"), str):
        result["isError"] = result["isError"] == "true"
    if isinstance(error, dict) and isinstance(code := error.get("code"), str):
        digits = code.removeprefix("-")
        error["code"] = int(code) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None
    for key in ("result", "error"):
        if value.get(key) == "null":
            del value[key]
    return response(Raw(msgspec.json.encode(value)))


def _verdict(
    is_error: bool | None, outcome: str | None, code: int | None
) -> tuple[str, str | None, str | None, str]:
    """Return decision, who decided, basis and outcome."""
    if code == _AUTH_ERROR:
        return "deny", "authn", "strong", "denied"
    if outcome is None:
        return "unknown", None, None, "protocol_error" if is_error else "unknown"
    return "unknown", None, None, "tool_error" if is_error and outcome == "success" else outcome


def _warnings(asked: tuple[Raw, str], answered: tuple[Raw, str]) -> list[str] | None:
    return sorted({how for _, how in (asked, answered) if how}) or None


def _lend(columns: dict[str, Any], asks: Sequence[bool], answers: Sequence[bool]) -> None:
    """Give the line with a request what the line with its answer says, by their request id."""
    waiting: dict[str, int] = {}
    for row, (id_, asking, answering) in enumerate(
        zip(columns["http_request_id"], asks, answers, strict=True)
    ):
        if id_ is None or (asking and answering):
            continue
        if asking:
            waiting[id_] = row
        elif answering and (request_row := waiting.pop(id_, None)) is not None:
            for name in _LENT:
                columns[name][request_row] = columns[name][row]
            for name in ("mcp_method", "tool_name", "tool_name_exposed", "server_name", "jsonrpc_id"):
                columns[name][row] = columns[name][request_row]
            if columns["decision"][row] == "deny":  # the request's row is the denial: it must not count twice
                columns["decision"][row], columns["decision_source"][row] = "unknown", None
                columns["decision_basis"][row] = None
