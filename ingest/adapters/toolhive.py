"""ToolHive's audit middleware: one slog JSON line per MCP request, and vMCP workflow events.

`success` means that the HTTP status was 2xx, nothing more: only the first 512 bytes of a body that starts
with a brace are looked at, so an answer framed as server-sent events, a longer error and every `isError`
result are logged as success. The outcome is therefore `unknown`, with the warning result_success_unproven,
unless the line carries the response (which is read) or the event has no JSON-RPC answer to hide an error
in.

A denial names neither its status nor its reason, so who denied (authentication or policy) is unknown. vMCP
releases up to 0.38 answered a denied call with "tool 'x' not found" and -32602: that is a denial with weak
basis. `subjects.client_*` are token claims and not what the client said of itself. A line tells nothing of
sessions.

To switch it on: the audit middleware, `audit: {enabled: true}` in the manifest of an MCPServer, MCPRemoteProxy or
VirtualMCPServer. In the audit configuration, `includeRequestData` and `includeResponseData` (off by default) add
arguments and results. Raise `maxDataSize`, which is 1024 bytes: a larger request is left out whole, a larger
response is cut. Lines go to stdout, or to `logFile`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, transpose
from ingest.jsonrpc import NO_REQUEST, NO_RESPONSE, Request, Response, request, response
from ingest.mcp import METHOD_KINDS, TRANSPORTS, host_of
from ingest.parsed import Parsed
from ingest.wire import toolhive as wire

SUMMARY = "ToolHive audit log (slog JSON lines)"
SIGNATURES = ({"msg": "audit_event", "audit_id": None},)

Raw = msgspec.Raw


_BY_METHOD = frozenset({"mcp_request", "mcp_notification"})
_ENDED = {
    "vmcp_workflow_failed": "tool_error",
    "vmcp_workflow_step_failed": "tool_error",
    "vmcp_workflow_timed_out": "timeout",
}
_OUTCOMES = {
    "denied": "denied",
    "failure": "protocol_error",
    "error": "transport_error",
    "application_error": "protocol_error",
}
_NO_ANSWER = frozenset({"sse_connection", "mcp_notification", "mcp_roots_list_changed", "http_request"})
_NOT_FOUND = re.compile(r"(?:tool|resource|prompt) '.*' not found", re.DOTALL)
_INVALID_PARAMS = -32602
_ZERO = Raw(b"0")
_DEFAULT_ENDPOINTS = frozenset({None, "", "/", "/mcp", "/sse", "/messages"})


def parse(records: Sequence[bytes]) -> Parsed:
    """Read audit lines, one per record."""
    decoded = decode(records, wire.Line)
    events = decoded.events
    targets = [e.target or wire.NO_TARGET for e in events]
    extras = [(e.metadata or wire.NO_METADATA).extra or wire.NO_EXTRA for e in events]
    data = [e.data or wire.NO_DATA for e in events]
    asked = [NO_REQUEST if d.request is ABSENT else request(d.request) for d in data]
    answered = [NO_RESPONSE if d.response is ABSENT else response(d.response) for d in data]
    columns = {
        **_envelope(events),
        **_people(events, asked),
        **_target(events, targets, extras),
        **_judgement(events, extras, asked, answered),
        "arguments": [a.arguments for a in asked],
        "result": [a.result for a in answered],
        "unmapped": leftovers(decoded.unmapped, len(events), _unnamed(events, targets, extras)),
    }
    constants = {"source_system": "toolhive", "evidence_kind": "audit_event", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _envelope(events: Sequence[wire.Line]) -> dict[str, Any]:
    return {
        "event_time": [e.logged_at or e.time or None for e in events],
        "recorded_time": [e.time or None for e in events],
        "native_event_id": [e.audit_id or None for e in events],
        "source_instance": [e.component or None for e in events],
    }


def _people(events: Sequence[wire.Line], asked: Sequence[Request]) -> dict[str, Any]:
    subjects = [e.subjects or wire.NO_SUBJECTS for e in events]
    sources = [e.source or wire.NO_SOURCE for e in events]
    extras = [s.extra or wire.NO_SOURCE_EXTRA for s in sources]
    people = transpose([_person(s.user, s.user_id) for s in subjects], 4)
    claimed = [bool(s.client_name or s.client_version) for s in subjects]
    return {
        "user_id": people[0],
        "user_name": people[1],
        "user_id_kind": people[2],
        "user_assurance": people[3],
        "delegation": _delegations(events),
        "client_name": [
            s.client_name or (None if c else a.client_name)
            for s, c, a in zip(subjects, claimed, asked, strict=True)
        ],
        "client_version": [
            s.client_version or (None if c else a.client_version)
            for s, c, a in zip(subjects, claimed, asked, strict=True)
        ],
        "client_identity_source": [
            "token_claim"
            if c
            else "client_info"
            if a.client_name
            else "user_agent"
            if x.user_agent
            else "none"
            for c, a, x in zip(claimed, asked, extras, strict=True)
        ],
        "user_agent": [x.user_agent or None for x in extras],
        "http_request_id": [x.request_id or None for x in extras],
        "client_address": [host_of(s.value) if s.value and s.type == "network" else None for s in sources],
    }


@lru_cache(maxsize=8192)
def _person(user: str | None, user_id: str | None) -> tuple[str | None, str | None, str, str]:
    """Return id, name, kind and assurance; the middleware writes "anonymous" where no one signed in."""
    name = user or None
    if user_id == "anonymous" or (not user_id and user == "anonymous"):
        return None, None, "anonymous", "anonymous"
    if user_id:
        return user_id, None if user == "anonymous" else name, "idp_sub", "verified"
    return None, name, "none", "unknown"


def _delegations(events: Sequence[wire.Line]) -> list[Any] | None:
    if not any(e.delegation for e in events):
        return None
    chains = [e.delegation.chain if e.delegation else None for e in events]
    return [
        [{"iss": a.get("iss") or None, "sub": a.get("sub") or None} for a in c] if c else None for c in chains
    ]


def _target(
    events: Sequence[wire.Line], targets: Sequence[wire.Target], extras: Sequence[wire.Extra]
) -> dict[str, Any]:
    tools = [t.tool_name or (t.name if t.type == "tool" else None) or None for t in targets]
    methods = [m if (m := t.method) and (m in METHOD_KINDS or "/" in m) else None for t in targets]
    return {
        "event_kind": [
            METHOD_KINDS.get(m or "", wire.KINDS.get(e.type, "other"))
            if e.type in _BY_METHOD or e.type not in wire.KINDS
            else wire.KINDS[e.type]
            for e, m in zip(events, methods, strict=True)
        ],
        "mcp_method": methods,
        "tool_name": tools,
        "tool_name_exposed": tools,
        "resource_uri": [t.name or None if t.type == "resource" else None for t in targets],
        "prompt_name": [t.name or None if t.type == "prompt" else None for t in targets],
        "gateway_name": [
            (e.component or None) if x.backend_name else None for e, x in zip(events, extras, strict=True)
        ],
        "server_name": [
            x.backend_name or (None if e.component == "toolhive-api" else e.component or None)
            for e, x in zip(events, extras, strict=True)
        ],
        "transport": [TRANSPORTS.get(x.transport, "unknown") if x.transport else None for x in extras],
    }


def _judgement(
    events: Sequence[wire.Line],
    extras: Sequence[wire.Extra],
    asked: Sequence[Request],
    answered: Sequence[Response],
) -> dict[str, Any]:
    codes = [
        x.jsonrpc_error_code if x.jsonrpc_error_code is not None else a.code
        for x, a in zip(extras, answered, strict=True)
    ]
    messages = [x.jsonrpc_error_message or a.message for x, a in zip(extras, answered, strict=True)]
    hidden = [
        c == _INVALID_PARAMS and _NOT_FOUND.match(m or "") is not None
        for c, m in zip(codes, messages, strict=True)
    ]
    verdicts = transpose(
        [_verdict(e.outcome, e.type, a.outcome, h) for e, a, h in zip(events, answered, hidden, strict=True)],
        5,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "jsonrpc_error_code": codes,
        "error_message": messages,
        "duration_ms": [x.duration_ms for x in extras],
        "response_bytes": [x.response_size_bytes for x in extras],
        "jsonrpc_id": [a.jsonrpc_id for a in asked],
        "protocol_version": [a.protocol_version for a in asked],
        "trace_id": [a.trace_id for a in asked],
        "span_id": [a.span_id for a in asked],
        "parse_warnings": _warnings(events, asked, answered, verdicts[4]),
    }


@lru_cache(maxsize=4096)
def _verdict(
    outcome: str, type_: str, proven: str | None, hidden_denial: bool
) -> tuple[str, str | None, str | None, str, tuple[str, ...]]:
    """Return decision, who decided, basis, outcome and warnings."""
    warnings = () if type_ in wire.KINDS else ("unknown_event_type",)
    if outcome == "denied":
        return "deny", "unknown", "strong", "denied", warnings
    if hidden_denial:
        return "deny", "unknown", "weak", "denied", warnings
    if type_ in _ENDED:
        return "unknown", None, None, _ENDED[type_], warnings
    if outcome == "success":
        if proven:
            return "unknown", None, None, proven, warnings
        if type_ in _NO_ANSWER or type_.startswith("vmcp_"):
            return "unknown", None, None, "success", warnings
        return "unknown", None, None, "unknown", (*warnings, "result_success_unproven")
    if outcome not in _OUTCOMES:
        warnings = (*warnings, "unknown_outcome")
    return "unknown", None, None, _OUTCOMES.get(outcome, "unknown"), warnings


def _warnings(
    events: Sequence[wire.Line],
    asked: Sequence[Request],
    answered: Sequence[Response],
    judged: Sequence[tuple[str, ...]],
) -> list[list[str] | None]:
    found: list[list[str] | None] = [list(w) if w else None for w in judged]
    for row, (event, req, res) in enumerate(zip(events, asked, answered, strict=True)):
        words = ["truncated_json"] if req.cut or res.cut else []
        if event.delegation is not None:
            words += ["delegation_truncated"] * event.delegation.truncated
            words += ["delegation_malformed"] * event.delegation.malformed
        if words:
            found[row] = [*(found[row] or []), *words]
    return found


def _unnamed(
    events: Sequence[wire.Line], targets: Sequence[wire.Target], extras: Sequence[wire.Extra]
) -> dict[str, list[Raw]]:
    """Return the fields that are known but have no column."""
    delegations = [e.delegation or wire.NO_DELEGATION for e in events]
    return {
        "/type": [ABSENT if e.type in wire.KINDS else _raw(e.type) for e in events],
        "/outcome": [
            ABSENT if e.outcome == "success" or e.outcome in _OUTCOMES else _raw(e.outcome) for e in events
        ],
        "/source": [
            _raw({"type": s.type, "value": s.value})
            if (s := e.source) and s.value and s.type != "network"
            else ABSENT
            for e in events
        ],
        "/delegation/omitted": [ABSENT if d.omitted == _ZERO else d.omitted for d in delegations],
        "/delegation/malformedReason": [d.reason for d in delegations],
        "/target/endpoint": [
            ABSENT if t.endpoint in _DEFAULT_ENDPOINTS else _raw(t.endpoint) for t in targets
        ],
        "/target/name": [
            _raw(t.name) if t.name and t.type not in ("tool", "resource", "prompt") else ABSENT
            for t in targets
        ],
        "/target/workflow_id": [t.workflow_id for t in targets],
        "/target/workflow_name": [t.workflow_name for t in targets],
        "/target/step_id": [t.step_id for t in targets],
        "/target/step_type": [t.step_type for t in targets],
        "/metadata/extra/transport": [
            _raw(x.transport) if x.transport and x.transport not in TRANSPORTS else ABSENT for x in extras
        ],
        "/metadata/extra/retry_count": [x.retry_count for x in extras],
        "/metadata/extra/step_count": [x.step_count for x in extras],
        "/metadata/extra/timeout_ms": [x.timeout_ms for x in extras],
    }


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
