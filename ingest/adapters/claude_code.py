"""Claude Code's own telemetry: OTLP logs as JSON, one export request per line, or single flattened records.

It is the client's side: what the user or their settings decided, and what came of the calls that were made.
A rejected call has a tool_decision and no tool_result. Every value may come as text, booleans too.

`user.id` is a random id of the installation, and names a person only with `identity.source=gateway-oidc`.
Tools of MCP servers the user configured are all called "mcp_tool", a placeholder and no name: server and
tool are in `tool_parameters`, where the user lets details be logged. `event.sequence` counts per process;
it is kept in `unmapped`, as every attribute without a column, under `/attributes/` or `/resource/`.

A log record of another product is read as that product's; where this format is chosen by name it becomes kind
`other`, under its own `service.name`. Spans (beta tracing) are kept as kind `other`: they repeat what the events say,
and lend them their trace.

It is the client's word, not the gateway's. Sessions here are Claude Code's and share no id with a gateway's.

To switch it on: on the machines that run it, or in their managed settings, send telemetry to an OpenTelemetry
Collector whose file exporter writes JSON (its default), one export a line:

    export CLAUDE_CODE_ENABLE_TELEMETRY=1 OTEL_LOGS_EXPORTER=otlp
    export OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317
    export OTEL_LOG_TOOL_DETAILS=1   # else every tool of a configured server is just "mcp_tool"
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.attributes import Attributes, as_json
from ingest.fields import merge, transpose
from ingest.mcp import TRANSPORTS, span_of, split_client_name, trace_of
from ingest.otlp import Telemetry, read_all
from ingest.parsed import Parsed
from ingest.wire import claude_code as wire

SUMMARY = "Claude Code telemetry (OTLP logs as JSON)"
OTLP_NAMES = (wire.PREFIX, "com.anthropic.claude_code")


def parse(records: Sequence[bytes]) -> Parsed:
    """Read export requests and flattened records; one record may make many rows."""
    return read_all(records, read)


def read(logs: Sequence[Telemetry]) -> Parsed:
    """Read log records and spans, one row each."""
    names = [wire.event_name(log.name) for log in logs]
    at = Attributes(
        [
            {} if n is None else {**log.resource, **log.attributes} if log.resource else log.attributes
            for n, log in zip(names, logs, strict=True)
        ]
    )
    columns: dict[str, Sequence[Any]] = {
        **{column: at.texts(key) for column, key in wire.TEXTS.items()},
        **{column: at.integers(key) for column, key in wire.INTEGERS.items()},
        "duration_ms": [
            d if d is not None else log.duration_ms
            for d, log in zip(at.numbers("duration_ms"), logs, strict=True)
        ],
        **_envelope(logs, names, at),
        **_people(names, at),
        **_target(names, at),
        **_judgement(names, at),
    }
    columns["session_kind"] = ["app_session" if session else None for session in columns["session_id"]]
    columns["parse_warnings"] = _warnings(logs, names, columns, at)
    columns["unmapped"] = _unmapped(logs, names, at)
    columns["evidence_kind"] = ["span" if log.is_span else "otel_log" for log in logs]
    return Parsed(columns, {"vantage": "client"}, rows=len(logs))


def _envelope(logs: Sequence[Telemetry], names: Sequence[str | None], at: Attributes) -> dict[str, Any]:
    times = [log.time for log in logs]
    for row, stamp in enumerate(at.texts("event.timestamp")):
        if times[row] is None and stamp is not None:
            times[row] = wire.microseconds(stamp)
            if times[row] is None:
                at.keep(row, "event.timestamp", stamp)
    at.take("service.name")
    for row, (said, name) in enumerate(zip(at.take("event.name"), names, strict=True)):
        if name is not None and (name not in wire.TOLD or said not in (name, None)):
            at.keep(row, "event.name", name if said is None else said)
    services = [_service(log) for log in logs]
    return {
        "event_time": times,
        "recorded_time": [None if log.is_span else log.observed for log in logs],
        "source_system": [
            "claude_code" if n is not None else s or "unknown" for n, s in zip(names, services, strict=True)
        ],
        "event_kind": [wire.KINDS.get(n or "", "other") for n in names],
        "trace_id": [trace_of(log.trace_id) for log in logs],
        "span_id": [span_of(log.span_id) for log in logs],
    }


def _service(log: Telemetry) -> str | None:
    service = log.resource.get("service.name")
    return service if isinstance(service, str) else None


def _unmapped(logs: Sequence[Telemetry], names: Sequence[str | None], at: Attributes) -> list[bytes | None]:
    """Return what has no column: of another product's record everything, its name too."""
    left = at.rest([log.attributes for log in logs], [log.resource for log in logs])
    for row, (log, name) in enumerate(zip(logs, names, strict=True)):
        if name is None:
            whole = {"/name": log.name, **{"/attributes/" + k: v for k, v in log.attributes.items()}}
            left[row] = as_json(whole | {"/resource/" + k: v for k, v in log.resource.items()})
        if log.trace_id and trace_of(log.trace_id) is None:
            left[row] = merge(left[row], as_json({"/traceId": log.trace_id}))
        if log.span_id and span_of(log.span_id) is None:
            left[row] = merge(left[row], as_json({"/spanId": log.span_id}))
        if log.rest is not None:
            left[row] = merge(log.rest, left[row])
    return left


def _people(names: Sequence[str | None], at: Attributes) -> dict[str, Any]:
    ids, emails = at.texts("user.id"), at.texts("user.email")
    verified = [s == "gateway-oidc" for s in at.peek("identity.source")]
    versions, releases = at.texts("app.version"), at.texts("service.version")
    return {
        "user_id": ids,
        "user_id_kind": [
            "none" if i is None else "idp_sub" if v else "install_id"
            for i, v in zip(ids, verified, strict=True)
        ],
        "user_assurance": [
            "proxy_asserted" if i and v else "self_reported" if e else "unknown"
            for i, v, e in zip(ids, verified, emails, strict=True)
        ],
        "user_groups": at.lists("user.groups"),
        "client_name": [None if n is None else "claude-code" for n in names],
        "client_version": [v or r for v, r in zip(versions, releases, strict=True)],
        "client_identity_source": ["none" if n is None else "product" for n in names],
    }


def _target(names: Sequence[str | None], at: Attributes) -> dict[str, Any]:
    tools, inputs, servers = at.texts("tool_name"), at.texts("tool_input"), at.texts("server_name")
    named, arguments = _parameters(at, inputs)
    split = [split_client_name(t) if t else (None, None) for t in tools]
    placeholder = [t == wire.PLACEHOLDER for t in tools]
    servers = [s or n or p for s, (n, _), (p, _) in zip(servers, named, split, strict=True)]
    transports = at.texts("transport_type")
    at.keep_unless("transport_type", transports, TRANSPORTS)
    is_mcp = [s == "mcp" for s in at.peek("tool_source")]
    return {
        "tool_name_exposed": [None if p else t for t, p in zip(tools, placeholder, strict=True)],
        "tool_name": [
            n or (None if p else t) for (_, n), (_, t), p in zip(named, split, placeholder, strict=True)
        ],
        "server_name": servers,
        "mcp_method": [
            "tools/call" if n in wire.CALLS and (p or m or (t and s)) else None
            for n, p, m, t, s in zip(names, placeholder, is_mcp, tools, servers, strict=True)
        ],
        "transport": [TRANSPORTS.get(t, "unknown") if t else None for t in transports],
        "arguments": arguments,
    }


def _parameters(
    at: Attributes, inputs: Sequence[str | None]
) -> tuple[list[tuple[str | None, str | None]], list[str | None]]:
    """Return server and tool as tool_parameters name them, and the arguments.

    tool_parameters stands for the arguments where it holds more than the names and there is no tool_input.
    """
    named: list[tuple[str | None, str | None]] = []
    arguments = list(inputs)
    for row, text in enumerate(at.texts("tool_parameters")):
        if text is None:
            named.append((None, None))
            continue
        try:
            names = wire.DECODE_NAMES(text)
        except msgspec.MsgspecError:
            names = wire.NO_NAMES
        named.append((names.mcp_server_name or None, names.mcp_tool_name or None))
        if _only_names(text):
            continue
        if arguments[row] is None:
            arguments[row] = text
        else:
            at.keep(row, "tool_parameters", text)
    return named, arguments


@lru_cache(maxsize=2048)
def _only_names(text: str) -> bool:
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw]).keys() <= wire.NAMES
    except msgspec.MsgspecError:
        return False


def _judgement(names: Sequence[str | None], at: Attributes) -> dict[str, Any]:
    said, types, done = at.texts("decision"), at.texts("decision_type"), at.texts("success")
    at.keep_unless("decision", said, wire.DECISIONS)
    at.keep_unless("decision_type", types, wire.DECISIONS)
    at.keep_unless("success", done, ("true", "false"))
    facts = zip(
        names,
        said,
        types,
        at.texts("source"),
        at.texts("decision_source"),
        done,
        at.peek("status"),
        at.peek("status_code"),
        at.peek("error_type"),
        strict=True,
    )
    verdicts = transpose(
        [
            _verdict(n, d or t, s or ds, ok, status, code, error)
            for n, d, t, s, ds, ok, status, code, error in facts
        ],
        5,
    )
    whys = (at.texts("error"), at.peek("error_code"), at.peek("error_type"), at.peek("error_category"))
    methods = at.texts("auth_method")
    at.keep_unless("auth_method", methods, wire.AUTH_METHODS)
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_reason": verdicts[2],
        "decision_basis": verdicts[3],
        "outcome": verdicts[4],
        "error_message": [
            text or code or kind or category for text, code, kind, category in zip(*whys, strict=True)
        ],
        "auth_method": [wire.AUTH_METHODS.get(m, "unknown") if m else None for m in methods],
    }


@lru_cache(maxsize=4096)
def _verdict(
    name: str | None,
    said: str | None,
    source: str | None,
    ok: str | None,
    status: str | None,
    code: str | None,
    error: str | None,
) -> tuple[str, str | None, str | None, str | None, str]:
    """Return decision, who decided, reason, basis and outcome."""
    outcome = _outcome(name, ok, status, code, error)
    if name in wire.CALLS and said in wire.DECISIONS:
        decision = wire.DECISIONS[said]
        outcome = "denied" if decision == "deny" else "unknown" if name == "tool_decision" else outcome
        return decision, wire.SOURCES.get(source or "", "unknown"), source, "explicit", outcome
    if name == "auth" and ok == "false" and code in ("401", "403"):
        return "deny", "authn", None, "strong", "denied"
    return "unknown" if name in wire.CALLS or name is None else "not_evaluated", None, None, None, outcome


def _outcome(
    name: str | None, ok: str | None, status: str | None, code: str | None, error: str | None
) -> str:
    if name in wire.DONE:
        return "success"
    if name == "mcp_server_connection":
        return {"connected": "success", "failed": "transport_error"}.get(status or "", "unknown")
    if name == "api_error":
        return "timeout" if code in ("408", "504") else "transport_error"
    if name == "tool_result" and ok == "false":
        return "timeout" if error is not None and "timeout" in error.lower() else "tool_error"
    if name == "auth" and ok == "false":
        return "protocol_error"
    return "success" if ok == "true" else "unknown"


def _warnings(
    logs: Sequence[Telemetry], names: Sequence[str | None], columns: dict[str, Sequence[Any]], at: Attributes
) -> list[list[str] | None]:
    found: list[list[str] | None] = [None] * len(names)
    rows = zip(logs, names, columns["tool_name"], columns["mcp_method"], columns["arguments"], strict=True)
    for row, (log, name, tool, method, arguments) in enumerate(rows):
        words = [] if name is not None else ["other_product"]
        if method is not None and tool is None:
            words.append("tool_name_withheld")
        if arguments is not None and len(arguments) >= wire.CUT:
            words.append("values_may_be_cut")
        if row in at.wrong:
            words.append("wrong_type")
        if log.dropped:
            words.append("attributes_dropped")
        if words:
            found[row] = words
    return found
