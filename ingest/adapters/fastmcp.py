"""FastMCP's own telemetry: spans (OTLP), and the JSON lines of its StructuredLoggingMiddleware.

It is the server's side, seen from within the server: whether a tool failed is known here, whether a gateway refused
is not, and there is no decision. `enduser.id` is the id of the OAuth CLIENT in the access token and not the human,
whom a span does not name: it is `client_oauth_id`, and `enduser.scope` are the token's scopes. The tool's name is an
attribute in newer releases and part of `fastmcp.component.key` (tool:NAME@version) in older ones. Spans named
"delegate ..." are a server's own steps inside a call, kept as kind `other`.

The middleware's lines name no session, user or client, and older releases' no time either. A call has two lines: its
end (request_success, request_error) is the event; request_start, which says nothing that the end does not, is kept as
kind `other` so that a call does not count twice. Arguments are there with include_payloads. A line must be bare JSON:
give the logger a formatter that writes the message alone.

To switch it on: run the server under opentelemetry-instrument with OTEL_EXPORTER_OTLP_ENDPOINT, or add
StructuredLoggingMiddleware(include_payloads=True).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, transpose
from ingest.genai import attributes_of, leftover
from ingest.genai import columns as conventional
from ingest.jsonrpc import NO_REQUEST, request
from ingest.mcp import METHOD_KINDS
from ingest.otlp import Telemetry, is_request, read_all
from ingest.parsed import Parsed, together
from ingest.wire import fastmcp as wire

SUMMARY = "FastMCP server spans (OTLP) and StructuredLoggingMiddleware lines"
SIGNATURES = tuple({"event": event, "method": None, "source": None} for event in wire.EVENTS)
OTLP_NAMES = ("fastmcp",)

Raw = msgspec.Raw
_NAMED = {"tool": "tool_name", "prompt": "prompt_name"}


def parse(records: Sequence[bytes]) -> Parsed:
    """Read the middleware's lines, one per record, and export requests of spans."""
    sent = [i for i, record in enumerate(records) if is_request(record)]
    if not sent:
        return _lines(records)
    lines = sorted(set(range(len(records))) - set(sent))
    spans = (sent, read_all([records[i] for i in sent], read))
    return together([spans, (lines, _lines([records[i] for i in lines]))] if lines else [spans])


def _lines(records: Sequence[bytes]) -> Parsed:
    decoded = decode(records, wire.Line)
    events = decoded.events
    asked = [NO_REQUEST if e.payload is ABSENT else request(e.payload) for e in events]
    verdicts = transpose([_verdict(e.event, e.method) for e in events], 2)
    tools = [a.target if e.method == "tools/call" else None for e, a in zip(events, asked, strict=True)]
    sizes = [e.response_size if isinstance(e.response_size, int) else None for e in events]
    rest = {
        "/event": [ABSENT if e.event in wire.EVENTS[1:] else _raw(e.event) for e in events],
        "/source": [ABSENT if bytes(e.source) == b'"client"' else e.source for e in events],
        "/type": [ABSENT if bytes(e.type) in (b'"request"', b'"notification"') else e.type for e in events],
        "/error_type": [_raw(e.error_type) if e.error_type else ABSENT for e in events],
        "/response_size": [
            _raw(e.response_size) if isinstance(e.response_size, str) else ABSENT for e in events
        ],
        "/payload_type": [e.payload_type for e in events],
        "/payload_length": [e.payload_length for e in events],
        "/payload_tokens": [e.payload_tokens for e in events],
        "/result_type": [e.result_type for e in events],
        "/estimated_tokens": [e.estimated_tokens for e in events],
    }
    columns: dict[str, Any] = {
        "event_time": [e.timestamp or None for e in events],
        "event_kind": verdicts[0],
        "mcp_method": [e.method or None for e in events],
        "tool_name": tools,
        "tool_name_exposed": tools,
        "resource_uri": [a.target if e.method == "resources/read" else None for e, a in
                         zip(events, asked, strict=True)],
        "prompt_name": [a.target if e.method == "prompts/get" else None for e, a in
                        zip(events, asked, strict=True)],
        "client_name": [a.client_name for a in asked],
        "client_version": [a.client_version for a in asked],
        "client_identity_source": ["client_info" if a.client_name else "none" for a in asked],
        "protocol_version": [a.protocol_version for a in asked],
        "trace_id": [a.trace_id for a in asked],
        "span_id": [a.span_id for a in asked],
        "outcome": verdicts[1],
        "error_message": [e.error or e.error_message or e.error_type or None for e in events],
        "duration_ms": [e.duration_ms for e in events],
        "response_bytes": sizes,
        "arguments": [a.arguments for a in asked],
        "parse_warnings": [["truncated_json"] if a.cut else None for a in asked],
        "unmapped": leftovers(decoded.unmapped, len(events), rest),
    }  # fmt: skip
    constants = {"source_system": "fastmcp", "evidence_kind": "text_log", "vantage": "server",
                 "decision": "unknown"}  # fmt: skip
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


@lru_cache(maxsize=1024)
def _verdict(event: str, method: str | None) -> tuple[str, str]:
    """Return kind and outcome."""
    kind = METHOD_KINDS.get(method or "", "notification" if (method or "").startswith("notif") else "other")
    if event == "request_success":
        return kind, "success"
    if event == "request_error":
        return kind, "tool_error" if kind == "tool_call" else "protocol_error"
    return "other", "unknown"


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))


def read(items: Sequence[Telemetry]) -> Parsed:
    """Read spans, one row each."""
    at = attributes_of(items)
    found = conventional(items, at, users=("user.id",))
    clients, scopes, servers = (
        at.texts("enduser.id"),
        at.texts("enduser.scope"),
        at.texts("fastmcp.server.name"),
    )
    systems = found["server_name"]
    found |= {
        "client_oauth_id": clients,
        "scopes": [s.split() or None if s else None for s in scopes],
        "server_name": [
            s or (n if item.kind == "server" else None)
            for s, n, item in zip(servers, systems, items, strict=True)
        ],
        "client_identity_source": [
            "oauth_client_id" if c else source
            for c, source in zip(clients, found["client_identity_source"], strict=True)
        ],
        "vantage": ["client" if item.kind == "client" else "server" for item in items],
    }
    _from_component(at.peek("fastmcp.component.key"), found)
    told = [m is not None for m in found["mcp_method"]]
    leftover(items, at, found, told)
    found["source_system"] = ["fastmcp"] * len(items)
    return Parsed(found, rows=len(items))


def _from_component(keys: Sequence[str | None], found: dict[str, Any]) -> None:
    """Fill names from `tool:NAME@version`, which older releases give alone."""
    columns = {name: list(found[name]) for name in _NAMED.values()}
    for row, (key, method) in enumerate(zip(keys, found["mcp_method"], strict=True)):
        kind, separator, name = (key or "").partition(":")
        column = _NAMED.get(kind)
        if separator and column and method is not None and columns[column][row] is None:
            columns[column][row] = name.rpartition("@")[0] or name or None
    found |= columns | {"tool_name_exposed": columns["tool_name"]}
