"""agentgateway's request access log, as JSON (LOG_FORMAT=json) or as its default key=value text.

A denial is stated by `reason` where the gateway itself refused. MCP rules hide a tool instead: HTTP 400
with -32602 "Unknown tool", the same as for a tool that does not exist, hence a denial with weak basis. A
401 or 403 without a reason came from upstream.

The gateway sees JSON-RPC errors but not `isError` in a result, so a tool call that ended with 2xx has the
outcome `unknown`, with the warning result_success_unproven, unless the operator logs `mcp.tool.result`.

Operators add fields by CEL expression under names of their own: those named like the expression and known
here (`jwt.*`, `mcp.tool.*`, `user_agent.original`) get their column, the rest goes to `unmapped` with the
transport details that have no column. A mapping file gives them columns too.

To switch it on: the access log goes to stdout by default, as text; `LOG_FORMAT=json` makes it JSON. Add what it
leaves out by CEL expression and name each field like its expression: `jwt.email`, `jwt.jti`, `jwt.azp`,
`mcp.tool.arguments`, `mcp.tool.result`, `user_agent.original`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.attributes import as_json
from ingest.durations import milliseconds
from ingest.fields import ABSENT, filled, leftovers, raws, transpose
from ingest.genai import envelope
from ingest.jsonrpc import NO_RESPONSE, response
from ingest.mcp import METHOD_KINDS, host_of, span_of, trace_of, without_prefix
from ingest.otlp import Telemetry
from ingest.parsed import Parsed
from ingest.wire import agentgateway as wire

SUMMARY = "agentgateway request access log (JSON or key=value text)"
SIGNATURES = (
    {"scope": "request", "time": None, "src.addr": None},
    {"scope": "request", "time": None, "http.status": None},
    {"scope": "request", "time": None, "mcp.method.name": None},
)
OTLP_NAMES = ("agentgateway",)

_REFUSALS = {
    "JwtAuth": "authn",
    "Oidc": "authn",
    "BasicAuth": "authn",
    "APIKeyAuth": "authn",
    "Authorization": "acl",
    "ExtAuth": "acl",
    "RateLimit": "rate_limit",
    "Guardrail": "guardrail",
}
_FAILURES = {
    "Timeout": "timeout",
    "NoHealthyBackend": "transport_error",
    "Internal": "transport_error",
    "ExtProc": "transport_error",
    "UpstreamFailure": "transport_error",
    "NotFound": "protocol_error",
    "InvalidRequest": "protocol_error",
}
_PROTOCOL_KINDS = {"llm": "model_call", "http": "http_request", "mcp": "other", "a2a": "other"}
_HIDDEN = ("Unknown tool", "Unknown prompt", "Unknown resource")
_INVALID_PARAMS = -32602


def recognises(line: bytes) -> bool:
    """Tell a text line by its level and scope, which follow the time."""
    _, _, rest = line.partition(b"\t")
    level, _, rest = rest.partition(b"\t")
    return level in (b"info", b"warn", b"error", b"debug", b"trace") and rest.startswith(b"request ")


def parse(records: Sequence[bytes]) -> Parsed:
    """Read access log lines, JSON and text in any mixture, one per record."""
    decoded, repeated = wire.read(records)
    events = decoded.events
    answers = [NO_RESPONSE if e.result is ABSENT else response(e.result) for e in events]
    durations = [milliseconds(e.duration) if e.duration else None for e in events]
    rows = range(len(events)) if decoded.record is None else decoded.record
    columns = {
        "event_time": [e.time or None for e in events],
        **_people(events),
        **_target(events),
        **_judgement(events, [a.outcome for a in answers]),
        "duration_ms": durations,
        "arguments": raws([e.arguments for e in events]),
        "result": [a.result for a in answers],
    }
    columns["parse_warnings"] = _warnings(
        columns["parse_warnings"], [record in repeated for record in rows], durations, events
    )
    unfit = {
        "/duration": _unfit([e.duration for e in events], durations),
        "/trace.id": _unfit([e.trace_id for e in events], columns["trace_id"]),
        "/span.id": _unfit([e.span_id for e in events], columns["span_id"]),
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), unfit)
    constants = {"source_system": "agentgateway", "evidence_kind": "access_log", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def read(items: Sequence[Telemetry]) -> Parsed:
    """Read access log records and spans sent as OTLP, whose attributes are a line's fields."""
    own = {"scope": "request", "level": "info"}
    parsed = parse([as_json({k: v for k, v in i.attributes.items() if v is not None} | own) for i in items])
    kept = range(len(items)) if parsed.record is None else parsed.record
    rows = [items[place] for place in kept]
    sent = envelope(rows)
    for name, values in sent.items():
        written = parsed.columns.get(name, [None] * len(rows)) if name in ("trace_id", "span_id") else values
        parsed.columns[name] = [w if w is not None else v for w, v in zip(written, values, strict=True)]
    durations = parsed.columns.get("duration_ms", [None] * len(rows))
    parsed.columns["duration_ms"] = [
        d if d is not None else item.duration_ms for d, item in zip(durations, rows, strict=True)
    ]
    return parsed


def _unfit(texts: Sequence[str | None], values: Sequence[Any]) -> list[msgspec.Raw]:
    """Return the texts that gave their column no value."""
    return [
        ABSENT if value is not None or not text else msgspec.Raw(msgspec.json.encode(text))
        for text, value in zip(texts, values, strict=True)
    ]


def _warnings(
    found: Sequence[list[str] | None],
    repeated: Sequence[bool],
    durations: Sequence[float | None],
    events: Sequence[wire.Line],
) -> list[list[str] | None]:
    rows = zip(found, repeated, durations, events, strict=True)
    return [
        [*(words or []), *["repeated_field"] * twice, *["bad_duration"] * (d is None and bool(e.duration))]
        or None
        if twice or d is None
        else words
        for words, twice, d, e in rows
    ]


def _people(events: Sequence[wire.Line]) -> dict[str, Any]:
    clients = [e.azp or e.client_id or None for e in events]
    people = [bool(e.subject) for e in events]
    return {
        "user_id": [e.subject or None for e in events],
        "user_issuer": [e.issuer or None for e in events],
        "user_email": [e.email or None for e in events],
        "user_name": [e.person or None for e in events],
        "user_id_kind": ["idp_sub" if known else "none" for known in people],
        "user_assurance": ["verified" if known else "unknown" for known in people],
        "client_oauth_id": clients,
        "client_identity_source": [
            "oauth_client_id" if c else "user_agent" if e.user_agent else "none"
            for c, e in zip(clients, events, strict=True)
        ],
        "user_agent": [e.user_agent or None for e in events],
        "client_address": [host_of(e.address) if e.address else None for e in events],
        "auth_method": [
            "oauth_jwt" if known else "spiffe" if e.identity else None
            for known, e in zip(people, events, strict=True)
        ],
        "credential_id": [e.token_id or e.identity or None for e in events],
        "credential_kind": [
            "oauth_access_token" if e.token_id else "certificate" if e.identity else None for e in events
        ],
    }


def _target(events: Sequence[wire.Line]) -> dict[str, Any]:
    methods = [e.method or e.old_method or None for e in events]
    return {
        "event_kind": [_kind(m, e.protocol, e.http_method) for m, e in zip(methods, events, strict=True)],
        "mcp_method": methods,
        "gateway_name": [e.gateway or None for e in events],
        "server_name": [e.target or None for e in events],
        "tool_name_exposed": [e.tool or None for e in events],
        "tool_name": [
            without_prefix(e.tool, e.target) if e.tool and e.target else e.tool or None for e in events
        ],
        "resource_uri": [e.resource_uri or None for e in events],
        "prompt_name": [e.prompt or None for e in events],
        "session_id": [e.session_id or None for e in events],
        "session_kind": ["mcp" if e.session_id else None for e in events],
        "trace_id": [trace_of(e.trace_id) for e in events],
        "span_id": [span_of(e.span_id) for e in events],
        "http_request_id": [e.request_id or None for e in events],
        "model_name": [e.model or None for e in events],
        "model_provider": [e.provider or None for e in events],
    }


@lru_cache(maxsize=4096)
def _kind(method: str | None, protocol: str | None, http_method: str | None) -> str:
    if method:
        return METHOD_KINDS.get(method, "notification" if method.startswith("notifications/") else "other")
    if protocol == "mcp" and http_method == "DELETE":
        return "session_close"
    return _PROTOCOL_KINDS.get(protocol or "http", "other")


def _judgement(events: Sequence[wire.Line], proven: Sequence[str | None]) -> dict[str, Any]:
    hidden = [
        e.error_code == _INVALID_PARAMS and e.mcp_error is not None and e.mcp_error.startswith(_HIDDEN)
        for e in events
    ]
    methods = [e.method or e.old_method for e in events]
    verdicts = transpose(
        [
            _verdict(e.reason, e.http_status, e.error_code is not None, h, m == "tools/call", p)
            for e, h, m, p in zip(events, hidden, methods, proven, strict=True)
        ],
        5,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "decision_reason": [e.reason or None for e in events],
        "outcome": verdicts[3],
        "http_status": [e.http_status for e in events],
        "jsonrpc_error_code": [e.error_code for e in events],
        "error_message": [e.mcp_error or e.error or None for e in events],
        "parse_warnings": [None if v is None else [v] for v in verdicts[4]],
    }


_Verdict = tuple[str, str | None, str | None, str, str | None]


@lru_cache(maxsize=4096)
def _verdict(
    reason: str | None, status: int | None, failed: bool, hidden: bool, is_call: bool, proven: str | None
) -> _Verdict:
    """Return decision, who decided, basis, outcome and a warning."""
    if reason in _REFUSALS:
        if status is not None and status >= 500:
            return "error", _REFUSALS[reason], "explicit", "denied", None
        return "deny", _REFUSALS[reason], "explicit", "denied", None
    if reason == "MCP" and hidden:
        return "deny", "acl", "weak", "denied", None
    if status in (401, 403):
        return "deny", "server" if reason is None else "unknown", "strong", "denied", None
    outcome, warning = _ending(reason, status, failed, is_call, proven)
    return "unknown", None, None, outcome, warning


def _ending(
    reason: str | None, status: int | None, failed: bool, is_call: bool, proven: str | None
) -> tuple[str, str | None]:
    if reason == "Timeout" or status in (408, 504):
        return "timeout", None
    if failed:
        return "protocol_error", None
    if reason in _FAILURES:
        return _FAILURES[reason], None
    if status is None:
        return "unknown", None
    if status >= 400:
        return "transport_error" if status >= 500 else "protocol_error", None
    if proven is not None:
        return proven, None
    return ("unknown", "result_success_unproven") if is_call else ("success", None)
