"""Gate22's tool call log: rows of its Postgres table, one JSON object each.

A row is written for a call that was made. It tells nothing of list and other requests, of refusals, of the client
application, or of how the user was known; so the decision is unknown. `status` is Gate22's word; where the result is
there it overrules a success, for a result with `isError` counts as one.

A call may come through the meta tool that finds and executes tools (`via_execute_tool`): the name the client sent is
then the meta tool's and stands in `tool_name_exposed`, while `tool_name` is what was executed, without the server's
name in front. The arguments are the executed tool's; those in the raw JSON-RPC payload are read only where they are
missing. A session is Gate22's own.

To switch it on: export the table with `COPY (SELECT row_to_json(t) FROM mcp_tool_call_logs t) TO STDOUT`, or page its
API into a file, one row a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, raws, transpose
from ingest.jsonrpc import NO_REQUEST, NO_RESPONSE, Request, Response, request, response
from ingest.mcp import without_prefix
from ingest.parsed import Parsed
from ingest.wire import gate22 as wire

SUMMARY = "Gate22 MCP tool call log (JSON rows)"
SIGNATURES = ({"bundle_name": None, "mcp_tool_name": None, "via_execute_tool": None, "status": None},)

Raw = msgspec.Raw
_STATUSES = {
    "success": "success",
    "error": "tool_error",
    "failure": "tool_error",
    "failed": "tool_error",
    "timeout": "timeout",
}


def parse(records: Sequence[bytes]) -> Parsed:
    """Read tool calls, one per record."""
    decoded = decode(records, wire.Row)
    events = decoded.events
    asked = [NO_REQUEST if e.payload is ABSENT else request(e.payload) for e in events]
    answered = [NO_RESPONSE if e.result is ABSENT else response(e.result) for e in events]
    columns = _occasion(events, asked) | _target(events, asked) | _ended(events, asked, answered)
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), _rest(events))
    constants = {
        "source_system": "gate22",
        "evidence_kind": "audit_event",
        "vantage": "gateway",
        "event_kind": "tool_call",
        "mcp_method": "tools/call",
        "user_assurance": "unknown",
        "decision": "unknown",
    }
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _occasion(events: Sequence[wire.Row], asked: Sequence[Request]) -> dict[str, Any]:
    """Return when it was, who and what asked, and by which ids it is known."""
    return {
        "event_time": [e.started_at or e.created_at or None for e in events],
        "recorded_time": [e.created_at or e.ended_at or None for e in events],
        "native_event_id": [e.id or None for e in events],
        "org_id": [e.organization_id or None for e in events],
        "user_id": [e.user_id or None for e in events],
        "user_id_kind": ["local_id" if e.user_id else "none" for e in events],
        "client_name": [a.client_name for a in asked],
        "client_version": [a.client_version for a in asked],
        "client_identity_source": ["client_info" if a.client_name else "none" for a in asked],
        "session_id": [e.session_id or None for e in events],
        "session_kind": ["gateway_session" if e.session_id else None for e in events],
        "http_request_id": [e.request_id or None for e in events],
        "jsonrpc_id": [a.jsonrpc_id for a in asked],
        "trace_id": [a.trace_id for a in asked],
        "span_id": [a.span_id for a in asked],
        "protocol_version": [a.protocol_version for a in asked],
    }


def _target(events: Sequence[wire.Row], asked: Sequence[Request]) -> dict[str, Any]:
    """Return which tool of which server was called, and with what."""
    tools = [e.tool_name or a.target for e, a in zip(events, asked, strict=True)]
    given = raws([e.arguments for e in events])
    return {
        "gateway_name": [e.bundle_name or None for e in events],
        "server_name": [e.server_name or None for e in events],
        "server_id": [e.server_id or None for e in events],
        "tool_name_exposed": [a.target or e.tool_name or None for e, a in zip(events, asked, strict=True)],
        "tool_name": [
            without_prefix(t, e.server_name) if t and e.server_name else t or None
            for t, e in zip(tools, events, strict=True)
        ],
        "arguments": [
            g if g not in (None, b"null", b'""') else a.arguments for g, a in zip(given, asked, strict=True)
        ],
    }


def _ended(
    events: Sequence[wire.Row], asked: Sequence[Request], answered: Sequence[Response]
) -> dict[str, Any]:
    """Return what came of it."""
    outcomes, warnings = transpose(
        [_ending(e.status, r.outcome) for e, r in zip(events, answered, strict=True)], 2
    )
    return {
        "outcome": outcomes,
        "jsonrpc_error_code": [r.code for r in answered],
        "error_message": [r.message for r in answered],
        "duration_ms": [e.duration_ms for e in events],
        "result": [r.result for r in answered],
        "parse_warnings": [
            [*w, *["truncated_json"] * a.cut] or None for w, a in zip(warnings, asked, strict=True)
        ],
    }


def _rest(events: Sequence[wire.Row]) -> dict[str, list[Any]]:
    """Return what no column takes, by its place in the record."""
    return {
        "/status": [ABSENT if e.status.lower() in _STATUSES else _raw(e.status) for e in events],
        "/bundle_id": [e.bundle_id for e in events],
        "/mcp_tool_id": [e.tool_id for e in events],
        "/mcp_server_configuration_name": [e.configuration_name for e in events],
        "/mcp_server_configuration_id": [e.configuration_id for e in events],
        "/via_execute_tool": [_raw(value=True) if e.via_execute_tool else ABSENT for e in events],
    }


@lru_cache(maxsize=256)
def _ending(status: str, proven: str | None) -> tuple[str, tuple[str, ...]]:
    """Return outcome and warnings."""
    outcome = _STATUSES.get(status.lower())
    if outcome is None:
        return proven if proven not in (None, "success") else "unknown", ("unknown_outcome",)
    return proven or outcome if outcome == "success" else outcome, ()


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
