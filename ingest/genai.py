"""OpenTelemetry's GenAI and MCP conventions, their older names too, as columns of the event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ingest.attributes import Attributes, as_json
from ingest.fields import merge, transpose
from ingest.mcp import METHOD_KINDS, TRANSPORTS, host_of, span_of, trace_of
from ingest.otlp import Telemetry

TEXTS = {
    "resource_uri": ("mcp.resource.uri",),
    "prompt_name": ("gen_ai.prompt.name", "mcp.prompt.name"),
    "protocol_version": ("mcp.protocol.version", "mcp.protocol_version"),
    "jsonrpc_id": ("jsonrpc.request.id", "mcp.request.id"),
    "tool_call_id": ("gen_ai.tool.call.id",),
    "conversation_id": ("gen_ai.conversation.id",),
    "user_email": ("user.email",),
    "user_name": ("user.full_name", "user.name"),
    "client_version": ("mcp.client.version",),
    "user_agent": ("user_agent.original",),
    "agent_id": ("gen_ai.agent.id",),
    "agent_name": ("gen_ai.agent.name",),
    "model_name": ("gen_ai.request.model",),
    "model_provider": ("gen_ai.provider.name", "gen_ai.system"),
    "source_instance": ("service.instance.id",),
}
_OPERATIONS = {
    "execute_tool": "tool_call",
    "chat": "model_call",
    "text_completion": "model_call",
    "generate_content": "model_call",
    "embeddings": "model_call",
}
_DISPOSITIONS = {"allow": "allow", "simulate": "observe", "deny": "deny"}
_NETWORKS = {"pipe": "stdio", "stdio": "stdio", "tcp": "streamable_http", "quic": "streamable_http"}
_TIMEOUTS = frozenset({"timeout", "TimeoutError", "408", "504", "asyncio.TimeoutError"})


def attributes_of(items: Sequence[Telemetry]) -> Attributes:
    """Return the items' attributes over those of their resources."""
    return Attributes(
        [{**item.resource, **item.attributes} if item.resource else item.attributes for item in items]
    )


def envelope(items: Sequence[Telemetry]) -> dict[str, Any]:
    """Return times, trace and evidence of spans and log records."""
    return {
        "event_time": [item.time if item.time is not None else item.observed for item in items],
        "recorded_time": [None if item.is_span else item.observed for item in items],
        "trace_id": [trace_of(item.trace_id) for item in items],
        "span_id": [span_of(item.span_id) for item in items],
        "evidence_kind": ["span" if item.is_span else "otel_log" for item in items],
    }


def columns(
    items: Sequence[Telemetry], at: Attributes, users: Sequence[str] = ("user.id", "enduser.id")
) -> dict[str, Any]:
    """Return what the conventions tell; what is left over is taken last (see `leftover`)."""
    found: dict[str, Any] = {column: at.first(*keys) for column, keys in TEXTS.items()}
    found |= envelope(items)
    found |= _target(items, at)
    found |= _people(at, users)
    found |= _judgement(items, at, found)
    found |= {
        "arguments": at.documents("gen_ai.tool.call.arguments", "mcp.tool.arguments"),
        "result": at.documents("gen_ai.tool.call.result", "mcp.tool.result"),
        "duration_ms": [item.duration_ms for item in items],
        "request_bytes": at.integers("http.request.body.size"),
        "response_bytes": at.integers("http.response.body.size"),
    }
    return found


def _target(items: Sequence[Telemetry], at: Attributes) -> dict[str, Any]:
    methods = at.first("mcp.method.name", "mcp.method")
    systems = at.peek("rpc.system")
    if "mcp" in systems:
        at.take("rpc.system")
        at.keep_unless("rpc.system", systems, ("mcp",))
        spoken = at.texts("rpc.method")
        methods = [m or (r if s == "mcp" else None) for m, r, s in zip(methods, spoken, systems, strict=True)]
        for row, (said, system) in enumerate(zip(spoken, systems, strict=True)):
            if said is not None and system != "mcp":
                at.keep(row, "rpc.method", said)
    operations = at.texts("gen_ai.operation.name")
    at.keep_unless("gen_ai.operation.name", operations, _OPERATIONS)
    tools = at.first("gen_ai.tool.name", "mcp.tool.name", "tool.name", "tool_name")
    services = at.peek("rpc.service")
    servers = at.first("mcp.server.name", "server.name")
    emitters = at.texts("service.name")
    kinds = [
        _kind(m, o, t is not None, h is not None)
        for m, o, t, h in zip(methods, operations, tools, at.peek("http.request.method"), strict=True)
    ]
    sessions, apps = at.first("mcp.session.id", "mcp.session_id"), at.texts("session.id")
    at.keep_unless("session.id", [a if s and a else None for s, a in zip(sessions, apps, strict=True)], ())
    networks = at.first("network.transport", "mcp.transport")
    known = {**TRANSPORTS, **_NETWORKS}
    at.keep_unless("network.transport", networks, known)
    return {
        "mcp_method": methods,
        "event_kind": kinds,
        "tool_name_exposed": tools,
        "tool_name": tools,
        "server_name": [
            s or (r if y == "mcp" else None) or (e if m and item.kind == "server" else None)
            for s, r, y, e, m, item in zip(servers, services, systems, emitters, methods, items, strict=True)
        ],
        "source_system": [e or "otel_generic" for e in emitters],
        "vantage": ["server" if item.kind == "server" else "client" for item in items],
        "transport": [None if n is None else known.get(n, "unknown") for n in networks],
        "session_id": [s or a for s, a in zip(sessions, apps, strict=True)],
        "session_kind": [
            "mcp" if s else "app_session" if a else None for s, a in zip(sessions, apps, strict=True)
        ],
    }


@lru_cache(maxsize=1024)
def _kind(method: str | None, operation: str | None, has_tool: bool, is_http: bool) -> str:
    if method:
        return METHOD_KINDS.get(method, "notification" if method.startswith("notifications/") else "other")
    if operation is None and (has_tool or is_http):
        return "tool_call" if has_tool else "http_request"
    return _OPERATIONS.get(operation or "", "other")


def _people(at: Attributes, users: Sequence[str]) -> dict[str, Any]:
    ids, hashes = at.first(*users), at.peek("user.hash")
    clients = at.first("mcp.client.name")
    addresses = at.texts("client.address")
    return {
        "user_id": [i or h for i, h in zip(ids, hashes, strict=True)],
        "user_id_kind": [
            "local_id" if i else "hash" if h else "none" for i, h in zip(ids, hashes, strict=True)
        ],
        "user_assurance": [
            "self_reported" if i or h else "unknown" for i, h in zip(ids, hashes, strict=True)
        ],
        "user_groups": at.lists("user.roles"),
        "client_name": clients,
        "client_identity_source": [
            "client_info" if c else "user_agent" if u else "none"
            for c, u in zip(clients, at.peek("user_agent.original"), strict=True)
        ],
        "client_address": [host_of(a) if a else None for a in addresses],
    }


def _judgement(items: Sequence[Telemetry], at: Attributes, found: Mapping[str, Any]) -> dict[str, Any]:
    said = at.texts("gen_ai.agent.tool.disposition")
    at.keep_unless("gen_ai.agent.tool.disposition", said, _DISPOSITIONS)
    errors = at.texts("error.type")
    statuses = at.integers("http.response.status_code")
    if any(key in at.present for key in ("http.status_code", "http.status")):
        older = [a if a is not None else b for a, b in
                 zip(at.integers("http.status_code"), at.integers("http.status"), strict=True)]  # fmt: skip
        statuses = [s if s is not None else o for s, o in zip(statuses, older, strict=True)]
    codes = [
        _code(c, e)
        for c, e in zip(at.first("rpc.response.status_code", "jsonrpc.error.code"), errors, strict=True)
    ]
    facts = zip(said, errors, statuses, codes, found["event_kind"], items, strict=True)
    verdicts = transpose(
        [verdict(d, e, s, c, k, i.is_span, i.failed or False) for d, e, s, c, k, i in facts], 5
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "parse_warnings": [None if w is None else [w] for w in verdicts[4]],
        "http_status": statuses,
        "jsonrpc_error_code": codes,
        "error_message": [
            item.message or (None if error == "tool_error" else error)
            for item, error in zip(items, errors, strict=True)
        ],
    }


def _code(code: str | None, error: str | None) -> int | None:
    """Return a JSON-RPC error code, from its attribute or from error.type, which repeats it."""
    for text in (code, error):
        if text and text.removeprefix("-").isdigit() and text.isascii() and len(text) < 12:
            number = int(text)
            if number < 0 or (text is code and number != 0):
                return number
    return None


@lru_cache(maxsize=4096)
def verdict(
    said: str | None,
    error: str | None,
    status: int | None,
    code: int | None,
    kind: str,
    is_span: bool,
    failed: bool,
) -> tuple[str, str | None, str | None, str, str | None]:
    """Return decision, who decided, basis, outcome and a warning."""
    if said == "deny":
        return "deny", "unknown", "explicit", "denied", None
    if status is None and error in ("401", "403"):
        status = int(error)
    if status in (401, 403):
        return "deny", "authn" if status == 401 else "unknown", "strong", "denied", None
    outcome, warning = _ending(error, status, code, kind, is_span, failed)
    if said in _DISPOSITIONS:
        return _DISPOSITIONS[said or ""], "unknown", "explicit", outcome, warning
    return "unknown", None, None, outcome, warning


def _ending(
    error: str | None, status: int | None, code: int | None, kind: str, is_span: bool, failed: bool
) -> tuple[str, str | None]:
    if error in _TIMEOUTS or status in (408, 504):
        return "timeout", None
    if error == "tool_error":
        return "tool_error", None
    if code is not None:
        return "protocol_error", None
    if status is not None and status >= 400:
        return "transport_error" if status >= 500 else "protocol_error", None
    if error is not None or failed:
        return "tool_error" if kind == "tool_call" else "protocol_error", "error_kind_inferred"
    return ("success" if is_span else "unknown"), None


def leftover(
    items: Sequence[Telemetry],
    at: Attributes,
    found: dict[str, Any],
    told: Sequence[bool],
    names: Sequence[str] | None = None,
) -> None:
    """Add `unmapped` and the warnings; `told` says of which items the columns tell the name."""
    left = at.rest([item.attributes for item in items], [item.resource for item in items])
    warnings = found["parse_warnings"]
    for row, (item, known) in enumerate(zip(items, told, strict=True)):
        parts: dict[str, Any] = {}
        if not known and (name := names[row] if names else item.name):
            parts["/name"] = name
        if item.body and item.body != item.name:
            parts["/body"] = item.body
        if item.trace_id and found["trace_id"][row] is None:
            parts["/traceId"] = item.trace_id
        if item.span_id and found["span_id"][row] is None:
            parts["/spanId"] = item.span_id
        if parts or item.rest is not None:
            left[row] = merge(item.rest, as_json(parts) if parts else None, left[row])
        words = ["wrong_type"] * (row in at.wrong) + ["attributes_dropped"] * bool(item.dropped)
        if words:
            warnings[row] = [*(warnings[row] or []), *words]
    found["unmapped"] = left


def event_names(items: Sequence[Telemetry], at: Attributes, prefix: str) -> list[str]:
    """Return what a product calls its events, its prefix taken off: the attribute first, for a body may be prose."""
    said = at.texts("event.name")
    return [
        (item.name if item.is_span or s is None else s).removeprefix(prefix)
        for s, item in zip(said, items, strict=True)
    ]


def stamped(items: Sequence[Telemetry], at: Attributes) -> list[int | None]:
    """Return each item's time: its own, else `event.timestamp`, else when it was observed."""
    times: list[int | None] = []
    for row, (item, stamp) in enumerate(zip(items, at.texts("event.timestamp"), strict=True)):
        time = item.time
        if time is None and stamp is not None and (time := instant(stamp[:64])) is None:
            at.keep(row, "event.timestamp", stamp)
        times.append(item.observed if time is None else time)
    return times


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1024)
def instant(text: str) -> int | None:
    """Return an RFC 3339 time in microseconds since 1970, UTC where it names no offset."""
    try:
        moment = datetime.fromisoformat(text)
        return (
            (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH
        ) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
