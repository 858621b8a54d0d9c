"""metamcp's request audit: a row of its table mcp_request_audit_logs as JSON, one for each tools/call.

Only tool calls are in it, without arguments and results by design; lists, prompts and resources leave no row.
There is no word for a denial: a refused call is an ERROR like any other, so its decision is `not_evaluated`
and its outcome `unknown`, with the warning error_kind_unknown: the row does not tell a refusal from a failing
tool, server or network. SUCCESS is metamcp's own word; whether it counts a result with `isError` as one is not
known, and the outcome is taken as given.

A key's owner is whose key it is and not who calls with it (`key_owner`). When a key, user or server is deleted
the database empties the reference in its old rows: a row without a user may be that, not an anonymous call.

To switch it on: releases with pull request 288 (May 2026) write the table by themselves. Export it, oldest
first, one row a line: `psql -Atc "copy (select row_to_json(t) from mcp_request_audit_logs t order by created_at)
to stdout"`. Rows keep their uuid, so exports may overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ingest.decode import decode
from ingest.fields import filled, leftovers, transpose, unknown
from ingest.mcp import without_prefix
from ingest.parsed import Parsed
from ingest.wire import metamcp as wire

SUMMARY = "metamcp request audit (rows of mcp_request_audit_logs as JSON)"
SIGNATURES = (
    {"endpoint_name": None, "auth_method": None, "tool_name": None, "status": None},
    {"endpoint_name": None, "tool_name": None, "status": None, "created_at": None},
)

_AUTH = {"api_key": "api_key", "oauth": "oauth_opaque", "none": "none", "anonymous": "anonymous"}
_OUTCOMES = {"SUCCESS": "success", "ERROR": "unknown"}


def parse(records: Sequence[bytes]) -> Parsed:
    """Read audit rows, one per record."""
    decoded = decode(records, wire.Row)
    rows = decoded.events
    people = transpose([_person(r.api_key_user_id, r.oauth_user_id, r.auth_method) for r in rows], 3)
    tools = [r.tool_name or None for r in rows]
    columns: dict[str, Any] = {
        "event_time": [r.created_at or None for r in rows],
        "native_event_id": [r.uuid or None for r in rows],
        "user_id": people[0],
        "user_id_kind": people[1],
        "user_assurance": people[2],
        "auth_method": [_AUTH.get(r.auth_method, "unknown") if r.auth_method else None for r in rows],
        "credential_id": [r.api_key_uuid or None for r in rows],
        "credential_kind": ["static_key" if r.api_key_uuid else None for r in rows],
        "session_id": [r.session_id or None for r in rows],
        "session_kind": ["mcp" if r.session_id else None for r in rows],
        "gateway_name": [r.endpoint_name or None for r in rows],
        "server_name": [r.mcp_server_name or None for r in rows],
        "server_id": [r.mcp_server_uuid or None for r in rows],
        "tool_name_exposed": tools,
        "tool_name": [
            without_prefix(t, r.mcp_server_name) if t and r.mcp_server_name else t
            for t, r in zip(tools, rows, strict=True)
        ],
        "outcome": [_OUTCOMES.get(r.status, "unknown") for r in rows],
        "error_message": [r.error_message or None for r in rows],
        "duration_ms": [r.duration_ms for r in rows],
        "parse_warnings": [_WARNINGS.get(r.status, ["unknown_outcome"]) for r in rows],
    }
    rest = {
        "/namespace_uuid": [r.namespace_uuid for r in rows],
        "/auth_method": unknown([r.auth_method for r in rows], _AUTH),
        "/status": unknown([r.status for r in rows], _OUTCOMES),
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(rows), rest)
    return Parsed(filled(columns), _CONSTANTS, decoded.record, decoded.rejects, len(rows))


_WARNINGS: dict[str, list[str] | None] = {"SUCCESS": None, "ERROR": ["error_kind_unknown"]}
_CONSTANTS = {
    "source_system": "metamcp",
    "evidence_kind": "audit_event",
    "vantage": "gateway",
    "event_kind": "tool_call",
    "mcp_method": "tools/call",
    "decision": "not_evaluated",
    "client_identity_source": "none",
}


@lru_cache(maxsize=8192)
def _person(owner: str | None, user: str | None, auth: str | None) -> tuple[str | None, str, str]:
    """Return id, kind and assurance: who signed in, else who owns the key."""
    if user:
        return user, "local_id", "verified"
    if owner:
        return owner, "key_owner", "inferred"
    if auth in ("none", "anonymous"):
        return None, "anonymous", "anonymous"
    return None, "none", "unknown"
