"""Envoy AI Gateway's access log: JSON lines with the MCP keys of its documentation, of now and of early releases.

One MCP call makes two kinds of lines. The front line is the client's HTTP request: it has the session and the
client's address and User-Agent, but neither method nor tool. Behind it, one line for each backend asked has
method, tool and `mcp.provider.name`, but the gateway's own User-Agent and address. A line is the MCP event its
method names; a line without method is an `http_request`, so that a call counts once. Both have the same
x-request-id. A list or `initialize` that fans out to several backends is one row each.

A call refused at the front (401, 403: JWT, authorization of the route or tool) never reaches a backend: it is
an `http_request` that was denied, and no line says which tool it asked for. On a backend line 401 and 403 are
the server's, if it was reached. The flag RL or UAEX states that Envoy refused; a bare status is a strong basis.
The body is not seen: a tool call with 2xx is `unknown`, with the warning result_success_unproven.

There is no user unless the operator copies a claim into a header and logs it as `user.id`, `user.email` or
`user.name`: it is then as good as the header (`proxy_asserted`). Other keys of the operator's stay in
`unmapped`. The session is the one in the request, so none on `initialize`, and none at all in MCP 2026-07-28.

To switch it on: in the EnvoyProxy resource set `spec.telemetry.accessLog.settings[].format` to JSON with the
keys of the page "Access Logs With AI/LLM/MCP Metadata", at least start_time, response_code, response_flags,
response_code_details, duration, x-request-id, `jsonrpc.request.id`, `mcp.session.id`, `mcp.method.name`,
`mcp.tool.name` and `mcp.provider.name`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from ingest.fields import filled, leftovers, transpose, unless
from ingest.mcp import client_source, host_of, kind_of, trace_of, without_prefix
from ingest.opened import decode_open
from ingest.parsed import Parsed
from ingest.wire import envoy as wire

SUMMARY = "Envoy AI Gateway access log (JSON with MCP keys)"
SIGNATURES = (
    {"jsonrpc.request.id": None, "mcp.method.name": None, "response_code": None},
    {"mcp.method.name": None, "mcp.provider.name": None, "response_code": None},
    {"mcp_method": None, "mcp_backend": None, "response_code": None},
)

_PROXY_AGENT = "Go-http-client"
_TIMEOUTS = frozenset({"UT", "SI", "DT", "UMSDR"})
_CANCELLED = frozenset({"DC", "DR"})
_NUMBERS = ("response_code", "duration", "bytes_received", "bytes_sent")


def parse(records: Sequence[bytes]) -> Parsed:
    """Read access log lines, one per record."""
    decoded = decode_open(records, wire.Line)
    lines = decoded.events
    columns = {
        "event_time": [e.start_time or None for e in lines],
        **_people(lines),
        **_target(lines),
        **_judgement(lines),
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(lines), _unnamed(lines, columns))
    constants = {"source_system": "envoy_aigw", "evidence_kind": "access_log", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(lines))


def _people(lines: Sequence[wire.Line]) -> dict[str, Any]:
    behind = [bool(e.provider or e.old_provider) for e in lines]
    agents = [
        None if b and e.user_agent and e.user_agent.startswith(_PROXY_AGENT) else e.user_agent or None
        for b, e in zip(behind, lines, strict=True)
    ]
    known = [bool(e.user_id or e.user_email or e.user_name) for e in lines]
    return {
        "user_id": [e.user_id or None for e in lines],
        "user_email": [e.user_email or None for e in lines],
        "user_name": [e.user_name or None for e in lines],
        "user_id_kind": ["idp_sub" if e.user_id else "none" for e in lines],
        "user_assurance": ["proxy_asserted" if k else "unknown" for k in known],
        "user_agent": agents,
        "client_identity_source": [client_source(None, a) for a in agents],
        "client_address": [
            _address(b, e.remote, e.forwarded_for) for b, e in zip(behind, lines, strict=True)
        ],
    }


def _address(behind: bool, remote: str | None, forwarded: str | None) -> str | None:
    """Return the client's address, which behind the gateway is only in the header."""
    first = (forwarded or "").split(",")[0].strip()
    address = first if behind else remote or first
    return host_of(address) if address and address != "-" else None


def _target(lines: Sequence[wire.Line]) -> dict[str, Any]:
    methods = [e.mcp_method or e.old_mcp_method or None for e in lines]
    models = [e.model or e.old_model or None for e in lines]
    servers = [e.provider or e.old_provider or None for e in lines]
    tools = [e.tool or e.old_tool or None for e in lines]
    ids = [e.jsonrpc_id if e.jsonrpc_id is not None else e.old_jsonrpc_id for e in lines]
    sessions = [e.session_id or e.old_session_id or None for e in lines]
    return {
        "event_kind": [
            kind_of(m) if m else "model_call" if llm else "http_request"
            for m, llm in zip(methods, models, strict=True)
        ],
        "mcp_method": methods,
        "server_name": servers,
        "tool_name_exposed": tools,
        "tool_name": [without_prefix(t, s) if t and s else t for t, s in zip(tools, servers, strict=True)],
        "resource_uri": [e.resource_uri or e.old_resource_uri or None for e in lines],
        "model_name": models,
        "model_provider": [e.model_provider or None for e in lines],
        "session_id": sessions,
        "session_kind": ["mcp" if s else None for s in sessions],
        "jsonrpc_id": [None if i in (None, "") else str(i) for i in ids],
        "http_request_id": [e.request_id or None for e in lines],
        "trace_id": [trace_of(e.trace_id) for e in lines],
    }


def _judgement(lines: Sequence[wire.Line]) -> dict[str, Any]:
    statuses = [_integer(e.response_code) or None for e in lines]
    verdicts = transpose(
        [
            _verdict(
                status,
                e.response_flags,
                (e.response_code_details or "").split("{", 1)[0].split("[", 1)[0],
                ("server" if e.upstream_host else "unknown") if e.provider or e.old_provider else None,
                (e.mcp_method or e.old_mcp_method) == "tools/call",
            )
            for status, e in zip(statuses, lines, strict=True)
        ],
        5,
    )
    details = [_stated(e.response_code_details) for e in lines]
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "decision_reason": [
            why if d == "deny" else None for d, why in zip(verdicts[0], details, strict=True)
        ],
        "outcome": verdicts[3],
        "http_status": statuses,
        "error_message": [
            (e.upstream_transport_failure_reason or why) if o in _FAILED else None
            for o, why, e in zip(verdicts[3], details, lines, strict=True)
        ],
        "duration_ms": [_number(e.duration) for e in lines],
        "request_bytes": [_integer(e.bytes_received) for e in lines],
        "response_bytes": [_integer(e.bytes_sent) for e in lines],
        "parse_warnings": [[v] if v else None for v in verdicts[4]],
    }


def _stated(details: str | None) -> str | None:
    """Return what the details say beyond that the answer came from behind."""
    return None if details in (None, "", "-", "via_upstream") else details


_FAILED = frozenset({"protocol_error", "transport_error", "timeout", "cancelled"})


@lru_cache(maxsize=4096)
def _verdict(
    status: int | None,
    flags: str | None,
    details: str,
    behind: str | None,
    is_call: bool,
) -> tuple[str, str | None, str | None, str, str | None]:
    """Return decision, who decided, basis, outcome and a warning; `behind` is who refuses on a backend line."""
    raised = frozenset((flags or "").replace("-", "").split(","))
    if "RL" in raised or details == "request_rate_limited":
        return "deny", "rate_limit", "explicit", "denied", None
    if status == 429:
        return "deny", "rate_limit", "strong", "denied", None
    if status in (401, 403):
        source = behind or ("authn" if status == 401 or "jwt" in details else "acl")
        return "deny", source, "explicit" if "UAEX" in raised else "strong", "denied", None
    outcome, warning = _ending(status, raised, is_call=is_call)
    return "unknown", None, None, outcome, warning


def _ending(status: int | None, raised: frozenset[str], *, is_call: bool) -> tuple[str, str | None]:
    if raised & _CANCELLED:
        return "cancelled", None
    if raised & _TIMEOUTS or status in (408, 504):
        return "timeout", None
    if status is None:
        return "unknown", None
    if status >= 400:
        return "transport_error" if status >= 500 else "protocol_error", None
    return ("unknown", "result_success_unproven") if is_call else ("success", None)


@lru_cache(maxsize=8192)
def _number(value: float | str | None) -> float | None:
    """Return a number that may have come as text, None for what is none (Envoy writes - for what it lacks)."""
    try:
        number = float(value) if value is not None else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _integer(value: float | str | None) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and abs(number) < 2**53 else None


def _unnamed(lines: Sequence[wire.Line], columns: dict[str, Any]) -> dict[str, Any]:
    """Return the fields without a column, and those whose value has none."""
    failed = columns["outcome"]
    nowhere = [None] * len(lines)
    return {
        **{pointer: list(map(attrgetter(name), lines)) for pointer, name in wire.APART.items()},
        "/response_flags": unless(
            [None if e.response_flags == "-" else e.response_flags for e in lines], nowhere
        ),
        "/response_code_details": unless(
            [
                None if o in _FAILED or o == "denied" else _stated(e.response_code_details)
                for o, e in zip(failed, lines, strict=True)
            ],
            nowhere,
        ),
        "/upstream_transport_failure_reason": unless(
            [e.upstream_transport_failure_reason for e in lines], columns["error_message"]
        ),
        "/upstream_host": unless([e.upstream_host for e in lines], nowhere),
        "/upstream_cluster": unless([e.upstream_cluster for e in lines], nowhere),
        "/route_name": unless([None if e.upstream_cluster else e.route_name for e in lines], nowhere),
        "/trace_id": unless([e.trace_id for e in lines], columns["trace_id"]),
        **{
            f"/{name}": unless(
                [None if (v := getattr(e, name)) in (None, "-") else str(v) for e in lines],
                columns[_COLUMNS[name]],
            )
            for name in _NUMBERS
        },
    }


_COLUMNS = {
    "response_code": "http_status",
    "duration": "duration_ms",
    "bytes_received": "request_bytes",
    "bytes_sent": "response_bytes",
}
