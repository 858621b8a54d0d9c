"""Kong's log object with `ai.mcp`: what its AI MCP Proxy saw of one HTTP request, as any logging plugin writes it.

One line may hold many JSON-RPC requests (`rpc`) and access decisions (`audit`): each request is a row, with the
decision of the same primitive and name, else the next of its kind. A denied call has a decision and no request,
and is a row of its own; so are decisions beside a list, which filter what is shown (kind `tool_decision`). The
rest of the line, and what has no column, is with the first of its rows.

A tool call without an error is a success only if `log_payloads` shows its result; else it is `unknown`, with the
warning result_success_unproven. `error` in a request is a JSON-RPC error. Without any decision 401, 403 and 429
are a denial with strong basis, by another plugin or the server. The decision may name a consumer group: that is
a group and no person. Client name and version are not logged. Header values are kept, their secrets taken out.

To switch it on: in the ai-mcp-proxy plugin set `config.logging.log_statistics` (3.12), `log_audits` (3.13) and,
to see arguments and results, `log_payloads`; add a logging plugin: file-log, http-log, kafka-log or another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from ingest.fields import ABSENT, filled, leftovers, transpose, unknown, unless
from ingest.jsonrpc import NO_REQUEST, NO_RESPONSE, Request, Response, request, response
from ingest.mcp import client_source, host_of, kind_of, trace_of
from ingest.opened import decode_open, loosely
from ingest.parsed import Parsed
from ingest.wire import kong as wire
from ingest.wire.kong_rows import PRIMITIVES, Row, rows_of

SUMMARY = "Kong AI MCP Proxy log (log object with ai.mcp)"
SIGNATURES = (
    {"ai": None, "request": None, "response": None, "started_at": None},
    {"ai": None, "request": None, "response": None, "client_ip": None},
)

Raw = msgspec.Raw

_ACTIONS = {"allow", "deny"}
_DENIERS = {401: "authn", 403: "acl", 429: "rate_limit"}
_CONSTANTS = {"source_system": "kong", "evidence_kind": "access_log", "vantage": "gateway"}


def parse(records: Sequence[bytes]) -> Parsed:
    """Read log objects, one per record, into one row for each thing that happened in it."""
    decoded = decode_open(records, wire.Line)
    rows = rows_of(decoded.events)
    asked = [_asked(r.rpc) for r in rows]
    answered = [_answered(r.rpc) for r in rows]
    headers = loosely([_http(r.line).headers for r in rows], wire.Headers, wire.NO_HEADERS)
    columns = {
        **_envelope(rows, headers),
        **_people(rows, headers, asked),
        **_target(rows, asked, headers),
        **_judgement(rows, answered),
        "arguments": [a.arguments for a in asked],
        "result": [a.result for a in answered],
    }
    found = decoded.unmapped
    spread = None if found is None else [found[r.place] if r.first else None for r in rows]
    columns["unmapped"] = leftovers(spread, len(rows), _unnamed(rows, columns))
    places = range(len(records)) if decoded.record is None else decoded.record
    return Parsed(filled(columns), _CONSTANTS, [places[r.place] for r in rows], decoded.rejects, len(rows))


def _http(line: wire.Line) -> wire.Request:
    return line.request or wire.NO_REQUEST


def _asked(rpc: wire.Rpc | None) -> Request:
    payload = rpc.payload if rpc else None
    return NO_REQUEST if payload is None or payload.request is ABSENT else request(payload.request)


def _answered(rpc: wire.Rpc | None) -> Response:
    if rpc is None:
        return NO_RESPONSE
    payload = rpc.payload
    seen = NO_RESPONSE if payload is None or payload.response is ABSENT else response(payload.response)
    error = bytes(rpc.error)
    if error in (b"", b"null", b'""') or seen.outcome == "protocol_error":
        return seen
    if error[:1] == b'"':
        return Response(seen.result, "protocol_error", seen.code, msgspec.json.decode(error, type=str))
    return response(Raw(b'{"jsonrpc":"2.0","error":' + error + b"}"))


def _envelope(rows: Sequence[Row], headers: Sequence[wire.Headers]) -> dict[str, Any]:
    sessions = [(mcp.mcp_session_id or None) if (mcp := r.line.ai.mcp) else None for r in rows]
    traces = loosely([r.line.trace_id for r in rows], wire.Trace, wire.NO_TRACE)
    return {
        "event_time": [None if (t := r.line.started_at) is None else t * 1000 for r in rows],
        "native_event_id": [_http(r.line).id or None for r in rows],
        "http_request_id": [_http(r.line).id or None for r in rows],
        "trace_id": [trace_of(t.w3c) for t in traces],
        "session_id": sessions,
        "session_kind": ["mcp" if s else None for s in sessions],
        "user_agent": [h.user_agent or None for h in headers],
        "client_address": [host_of(r.line.client_ip) if r.line.client_ip else None for r in rows],
        "gateway_name": [r.line.workspace_name or None for r in rows],
    }


def _people(rows: Sequence[Row], headers: Sequence[wire.Headers], asked: Sequence[Request]) -> dict[str, Any]:
    people = transpose([_person(r.parties.consumer, r.audit.consumer if r.audit else None) for r in rows], 4)
    keys = [r.parties.credential.id or None for r in rows]
    return {
        "user_id": people[0],
        "user_name": people[1],
        "user_groups": people[2],
        "user_assurance": people[3],
        "user_id_kind": ["local_id" if i else "none" for i in people[0]],
        "credential_id": keys,
        "credential_kind": ["unknown" if key else None for key in keys],
        "client_name": [a.client_name for a in asked],
        "client_version": [a.client_version for a in asked],
        "client_identity_source": [
            client_source(a.client_name, h.user_agent) for a, h in zip(asked, headers, strict=True)
        ],
    }


def _person(
    consumer: wire.Consumer, named: wire.Named | None
) -> tuple[str | None, str | None, list[str] | None, str]:
    """Return id, name, groups and assurance: the consumer Kong authenticated, else whom the decision names."""
    group = named is not None and named.identifier == "consumer_group"
    groups = [named.name] if named is not None and group and named.name else None
    if consumer.id or consumer.username:
        return consumer.id or None, consumer.username or None, groups, "verified"
    if named is not None and not group and (named.id or named.name):
        return named.id or None, named.name or None, None, "verified"
    return None, None, groups, "unknown"


def _target(rows: Sequence[Row], asked: Sequence[Request], headers: Sequence[wire.Headers]) -> dict[str, Any]:
    methods = [
        (r.rpc.method or None) if r.rpc else PRIMITIVES.get(r.audit.primitive or "") if r.audit else None
        for r in rows
    ]
    names = [
        (r.rpc.tool_name if r.rpc else None) or (r.audit.primitive_name if r.audit else None) for r in rows
    ]
    tools = [n or None if m == "tools/call" else None for n, m in zip(names, methods, strict=True)]
    ids = [r.rpc.id if r.rpc else None for r in rows]
    return {
        "event_kind": [
            "tool_decision"
            if r.listed
            else kind_of(m)
            if m
            else _kind(_http(r.line).method, r.line.ai.mcp is not None)
            for r, m in zip(rows, methods, strict=True)
        ],
        "mcp_method": [None if r.listed else m for r, m in zip(rows, methods, strict=True)],
        "server_name": [_named(r.parties.service) or _named(r.parties.route) for r in rows],
        "tool_name_exposed": tools,
        "tool_name": tools,
        "resource_uri": [
            n or None if m == "resources/read" else None for n, m in zip(names, methods, strict=True)
        ],
        "prompt_name": [
            n or None if m == "prompts/get" else None for n, m in zip(names, methods, strict=True)
        ],
        "jsonrpc_id": [a.jsonrpc_id if i in (None, "") else str(i) for a, i in zip(asked, ids, strict=True)],
        "protocol_version": [
            a.protocol_version or h.protocol or None for a, h in zip(asked, headers, strict=True)
        ],
    }


def _named(entity: wire.Entity) -> str | None:
    return entity.name or entity.id or None


@lru_cache(maxsize=64)
def _kind(method: str | None, mcp: bool) -> str:
    if not mcp:
        return "model_call"
    return "session_close" if method == "DELETE" else "http_request"


def _judgement(rows: Sequence[Row], answered: Sequence[Response]) -> dict[str, Any]:
    latencies = loosely([r.line.latencies for r in rows], wire.Latencies, wire.NO_LATENCIES)
    replies = [r.line.response or wire.NO_RESPONSE for r in rows]
    verdicts = transpose(
        [
            _verdict(
                r.audit.action if r.audit else None,
                reply.status,
                a.outcome,
                (r.rpc.method or "") if r.rpc else None,
                r.listed,
            )
            for r, reply, a in zip(rows, replies, answered, strict=True)
        ],
        5,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "decision_reason": [(r.audit.scope or None) if r.audit else None for r in rows],
        "outcome": verdicts[3],
        "http_status": [reply.status for reply in replies],
        "jsonrpc_error_code": [a.code for a in answered],
        "error_message": [a.message or None for a in answered],
        "duration_ms": [
            r.rpc.latency if r.rpc else None if r.audit else whole.request
            for r, whole in zip(rows, latencies, strict=True)
        ],
        "request_bytes": [_http(r.line).size if r.first else None for r in rows],
        "response_bytes": [
            (r.rpc.response_body_size if r.rpc else None if r.audit else reply.size)
            for r, reply in zip(rows, replies, strict=True)
        ],
        "parse_warnings": [
            [*([w] if w else []), *["truncated_json"] * a.cut] or None
            for w, a in zip(verdicts[4], answered, strict=True)
        ],
    }


@lru_cache(maxsize=4096)
def _verdict(
    action: str | None,
    status: int | None,
    proven: str | None,
    method: str | None,
    listed: bool,
) -> tuple[str, str | None, str | None, str, str | None]:
    """Return decision, who decided, basis, outcome and a warning; `method` is None where there is no request."""
    if action == "deny":
        return "deny", "acl", "explicit", "denied", None
    if action is None and status in _DENIERS:
        return "deny", _DENIERS[status], "strong", "denied", None
    outcome, warning = (
        ("unknown", None) if listed else _ending(status, proven, method, decided=action is not None)
    )
    if action == "allow":
        return "allow", "acl", "explicit", outcome, warning
    return "unknown", None, None, outcome, warning if action is None else "unknown_decision"


def _ending(
    status: int | None, proven: str | None, method: str | None, *, decided: bool
) -> tuple[str, str | None]:
    if proven is not None:
        return proven, None
    if status in (408, 504):
        return "timeout", None
    if status is not None and status >= 400:
        return "transport_error" if status >= 500 else "protocol_error", None
    if method == "tools/call" or (method is None and decided):
        return "unknown", "result_success_unproven"
    return "success" if status or method else "unknown", None


def _unnamed(rows: Sequence[Row], columns: dict[str, Any]) -> dict[str, list[Raw]]:
    """Return the fields without a column, those of the line with its first row."""
    lines = [r.line if r.first else _NOTHING_MORE for r in rows]
    https = [_http(r.line) if r.first else wire.NO_REQUEST for r in rows]
    nowhere = [None] * len(rows)
    named = [r.audit.consumer if r.audit else None for r in rows]
    groups = columns["user_groups"]
    return {
        "/request/method": unless([h.method for h in https], nowhere),
        "/request/uri": [h.uri for h in https],
        "/request/url": [h.url for h in https],
        "/request/querystring": [ABSENT if h.querystring == _EMPTY else h.querystring for h in https],
        "/request/headers": [h.headers for h in https],
        "/request/tls": [h.tls for h in https],
        "/response/headers": [(e.response or wire.NO_RESPONSE).headers for e in lines],
        **{f"/{name}": list(map(attrgetter(name), lines)) for name in _APART},
        "/route/name": unless(
            [_named(r.parties.route) if r.first and _named(r.parties.service) else None for r in rows],
            nowhere,
        ),
        "/consumer/custom_id": unless(
            [r.parties.consumer.custom_id if r.first else None for r in rows], nowhere
        ),
        "/ai/mcp/audit/action": unknown([r.audit.action if r.audit else None for r in rows], _ACTIONS),
        "/ai/mcp/audit/primitive": unknown(
            [r.audit.primitive if r.audit else None for r in rows], PRIMITIVES
        ),
        "/ai/mcp/audit/consumer/id": unless(
            [n.id if n and g else None for n, g in zip(named, groups, strict=True)], nowhere
        ),
    }


_EMPTY = Raw(b"{}")
_NOTHING_MORE = wire.Line(wire.Ai())
_APART = ("tries", "source", "upstream_uri", "upstream_status", "workspace", "consumer_groups")
