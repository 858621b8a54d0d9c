"""Kuadrant MCP Gateway's audit lines: the router's (audit=true, as text or JSON), and Envoy's JSON access log.

The router logs tools/call and nothing else. What an AuthPolicy refuses never reaches it: no line proves nothing, and
only a status of 401 or 403 is a denial, with strong basis. The access log (`spec.audit`) has every MCP method, an
agent and, with parameterLogging, the arguments, cut at 1024 bytes; "-" there stands for nothing.

The user is the subject of a token the router has read but not verified, or a header or the W3C baggage of the client:
`self_reported`. It is worth more only with an AuthPolicy in front, which a line does not tell. The session is given as
`jti:...` or `sha256:...` by the router, so that the two logs do not join by it; the id of a token (jti) is also the
`credential_id`. The tool's name is the prefixed one in the router's lines. A 2xx says that the HTTP exchange went
well, so a tool call's outcome is `unknown` (warning result_success_unproven).

To switch it on: `spec.audit: {}` in the MCPGatewayExtension, with parameterLogging: Enabled for arguments; the lines
go to the gateway pods' stdout.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.fields import ABSENT, filled, leftovers, transpose
from ingest.mcp import METHOD_KINDS, trace_parent, without_prefix
from ingest.parsed import Parsed
from ingest.wire import kuadrant as wire

SUMMARY = "Kuadrant MCP Gateway audit lines (text or JSON) and access log"
SIGNATURES = (
    {"audit": True, "tool": None, "server": None, "msg": None},
    {"mcp_method": None, "mcp_tool_name": None, "mcp_server_name": None, "response_code": None},
)

Raw = msgspec.Raw
_NOTHING = frozenset({None, "", "-"})


def recognises(line: bytes) -> bool:
    """Tell the router's text line."""
    return wire.is_audit_text(line)


def parse(records: Sequence[bytes]) -> Parsed:
    """Read audit lines of both kinds, in any mixture, one per record."""
    decoded, repeated = wire.read(records)
    events = decoded.events
    rows = range(len(events)) if decoded.record is None else decoded.record
    statuses = [_number(e.status if e.status is not None else e.response_code) for e in events]
    durations = [_real(e.duration_ms) for e in events]
    columns: dict[str, Any] = {
        "event_time": [_said(e.time) or _said(e.timestamp) for e in events],
        "http_request_id": [_said(e.request_id) for e in events],
        **_people(events),
        **_target(events),
        **_judgement(events, statuses),
        "duration_ms": durations,
        "request_bytes": [_number(e.bytes_received) for e in events],
        "response_bytes": [_number(e.bytes_sent) for e in events],
        "arguments": [_said(e.mcp_tool_params) for e in events],
    }
    columns["parse_warnings"] = [
        [*(w or ()), *["repeated_field"] * (r in repeated)] or None
        for w, r in zip(columns["parse_warnings"], rows, strict=True)
    ]
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), _rest(events, statuses, durations))
    constants = {"source_system": "kuadrant", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _said(text: str | None) -> str | None:
    return None if text in _NOTHING else text


@lru_cache(maxsize=4096)
def _number(value: int | str | None) -> int | None:
    if isinstance(value, str):
        digits = value.removeprefix("-")
        value = int(value) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    return value if value is not None and -(2**63) <= value < 2**63 else None


@lru_cache(maxsize=4096)
def _real(value: float | str | None) -> float | None:
    if isinstance(value, str):
        return float(value) if value.isascii() and value.replace(".", "", 1).isdigit() else None
    return value


def _people(events: Sequence[wire.Line]) -> dict[str, Any]:
    users = [_said(e.user) or _said(e.mcp_user_id) for e in events]
    sessions = [_said(e.session) or _said(e.mcp_session_id) for e in events]
    tokens = [s[4:] or None if s is not None and s.startswith("jti:") else None for s in sessions]
    return {
        "user_id": users,
        "user_id_kind": [
            ("idp_sub" if _said(e.user) else "local_id") if u else "none"
            for e, u in zip(events, users, strict=True)
        ],
        "user_assurance": ["self_reported" if u else "unknown" for u in users],
        "agent_id": [_said(e.mcp_agent_id) for e in events],
        "client_identity_source": ["none"] * len(events),
        "session_id": sessions,
        "session_kind": [None if s is None else "gateway_session" if t else "mcp" for s, t in
                         zip(sessions, tokens, strict=True)],
        "credential_id": tokens,
        "credential_kind": ["oauth_access_token" if t else None for t in tokens],
        "auth_method": ["oauth_jwt" if t else None for t in tokens],
    }  # fmt: skip


def _target(events: Sequence[wire.Line]) -> dict[str, Any]:
    methods = [_said(e.mcp_method) or ("tools/call" if e.audit else None) for e in events]
    tools = [_said(e.tool) or _said(e.mcp_tool_name) for e in events]
    servers = [_said(e.server) or _said(e.mcp_server_name) for e in events]
    traces = transpose([trace_parent(_said(e.traceparent)) for e in events], 2)
    return {
        "event_kind": [_kind(m) for m in methods],
        "mcp_method": methods,
        "tool_name_exposed": tools,
        "tool_name": [
            without_prefix(t, s.rpartition("/")[2]) if t and s else t
            for t, s in zip(tools, servers, strict=True)
        ],
        "server_name": servers,
        "trace_id": traces[0],
        "span_id": traces[1],
        "evidence_kind": ["text_log" if e.audit else "access_log" for e in events],
    }


@lru_cache(maxsize=256)
def _kind(method: str | None) -> str:
    if method is None:
        return "http_request"
    return METHOD_KINDS.get(method, "notification" if method.startswith("notifications/") else "other")


def _judgement(events: Sequence[wire.Line], statuses: Sequence[int | None]) -> dict[str, Any]:
    calls = [bool(e.audit) or e.mcp_method == "tools/call" for e in events]
    verdicts = transpose([_verdict(s, c) for s, c in zip(statuses, calls, strict=True)], 5)
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "parse_warnings": [None if w is None else [w] for w in verdicts[4]],
        "http_status": statuses,
    }


@lru_cache(maxsize=1024)
def _verdict(status: int | None, is_call: bool) -> tuple[str, str | None, str | None, str, str | None]:
    """Return decision, who decided, basis, outcome and a warning."""
    if status in (401, 403):
        return "deny", "authn" if status == 401 else "unknown", "strong", "denied", None
    if status is None or status <= 0:
        return "unknown", None, None, "unknown", None
    if status >= 400:
        ending = (
            "timeout" if status in (408, 504) else "transport_error" if status >= 500 else "protocol_error"
        )
        return "unknown", None, None, ending, None
    return ("unknown", None, None, "unknown", "result_success_unproven") if is_call else (
        "unknown", None, None, "success", None)  # fmt: skip


def _rest(
    events: Sequence[wire.Line], statuses: Sequence[int | None], durations: Sequence[float | None]
) -> dict[str, list[Raw]]:
    """Return what has no column, and what did not fit its own."""
    return {
        "/msg": [ABSENT if e.msg in (None, "tool call") else _raw(e.msg) for e in events],
        "/path": [ABSENT if bytes(e.path) == b'"/mcp"' else e.path for e in events],
        "/method": [ABSENT if bytes(e.method) == b'"POST"' else e.method for e in events],
        "/upstream_host": [ABSENT if bytes(e.upstream_host) == b'"-"' else e.upstream_host for e in events],
        "/status": [
            ABSENT if s is not None or (said := e.status or e.response_code) in _NOTHING else _raw(said)
            for e, s in zip(events, statuses, strict=True)
        ],
        "/duration_ms": [
            ABSENT if d is not None or e.duration_ms in _NOTHING else _raw(e.duration_ms)
            for e, d in zip(events, durations, strict=True)
        ],
        "/traceparent": [
            ABSENT
            if e.traceparent in _NOTHING
            or (trace_parent(e.traceparent)[0] and trace_parent(e.traceparent)[1])
            else _raw(e.traceparent)
            for e in events
        ],
    }


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
