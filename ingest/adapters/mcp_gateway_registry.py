"""The agentic-community MCP gateway registry's audit log: MCP calls, API requests and minted tokens, as JSON.

`log_type` says which. An MCP record (mcp_server_access) says how a request ended but not what was decided: an
error is an error even where it was a refusal, so its decision is `unknown`. An API record (registry_api_access)
states ALLOW, DENY or NOT_REQUIRED; without it, 401 and 403 are a denial with strong basis. There are no
arguments or results, and whether `success` counts a result with `isError` is not known: the status is taken as
given. An error without a JSON-RPC code has the outcome `unknown` and the warning error_kind_unknown.

The user is the token's `subject` where the record has it (newer releases, never in API records), else the user
name, which in older records may itself be an opaque id. A token_mint record of an older release has only a hash
of the name, cut to 32 bits: it groups, but two people can share one. `app_id` is the application the identity
provider knows. Credentials are masked by the registry. The client is otherwise known by its User-Agent only.

To switch it on: set `AUDIT_LOG_ENABLED=true` on the registry with MongoDB or DocumentDB, where all three kinds go
into one collection, and download it as JSONL from the audit page of the admin console. A record the database did
not take is in the registry's own log only, as "AUDIT RECORD DROPPED".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, transpose, unknown, unless
from ingest.mcp import TRANSPORTS, client_source, host_of, kind_of, trace_of
from ingest.parsed import Parsed
from ingest.wire import mcp_gateway_registry as wire

SUMMARY = "MCP gateway registry audit log (JSON lines)"
SIGNATURES = (
    {"log_type": "mcp_server_access", "mcp_request": None},
    {"log_type": "registry_api_access", "identity": None},
    {"log_type": "token_mint", "request_id": None},
)

_CHANGES = frozenset({"create", "update", "delete", "toggle", "rate", "register"})
_DECISIONS = {"ALLOW": "allow", "DENY": "deny", "NOT_REQUIRED": "not_evaluated"}
_STATUSES = frozenset({"success", "error", "timeout"})
_ASSURANCE = {"oauth2": "verified", "jwt_bearer": "verified", "network-trusted": "proxy_asserted"}
_CREDENTIALS = {"session_cookie": "session", "bearer_token": "oauth_access_token"}
_DENIERS = {401: "authn", 403: "acl", 429: "rate_limit"}


def parse(records: Sequence[bytes]) -> Parsed:
    """Read records of the three kinds in any mixture, one per record."""
    decoded = decode(records, wire.Record)
    events = decoded.events
    columns = {
        "event_time": [e.timestamp or None for e in events],
        "native_event_id": [_identity(e) for e in events],
        "source_instance": [e.instance_id or None for e in events],
        "http_request_id": [e.request_id or None for e in events],
        "trace_id": [trace_of(e.correlation_id) for e in events],
        **_people(events),
        **_target(events),
        **_judgement(events),
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), _unnamed(events, columns))
    constants = {"source_system": "mcpgw_registry", "evidence_kind": "audit_event", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _identity(event: wire.Record) -> str | None:
    """Return what tells a record from every other: one HTTP request may carry several MCP requests."""
    if not event.request_id:
        return None
    asked = event.mcp_request
    within = "" if asked is None or asked.jsonrpc_id is None else f":{asked.jsonrpc_id}"
    return f"{event.log_type}:{event.request_id}{within}"


def _people(events: Sequence[wire.Record]) -> dict[str, Any]:
    ids = [e.identity or wire.NO_IDENTITY for e in events]
    people = transpose(
        [
            _person(
                i.subject or e.subject,
                i.username or e.username,
                e.username_hash,
                i.auth_method or e.auth_method,
                i.credential_type,
            )
            for i, e in zip(ids, events, strict=True)
        ],
        4,
    )
    names = [i.username or e.username or None for i, e in zip(ids, events, strict=True)]
    clients = [i.app_id or e.app_id or None for i, e in zip(ids, events, strict=True)]
    requests = [e.request or wire.NO_REQUEST for e in events]
    return {
        "user_id": people[0],
        "user_name": [n if user else None for n, user in zip(names, people[0], strict=True)],
        "user_email": [
            n if user and n and "@" in n else None for n, user in zip(names, people[0], strict=True)
        ],
        "user_id_kind": people[1],
        "user_assurance": people[2],
        "auth_method": people[3],
        "user_issuer": [
            (i.provider or e.provider or None) if user else None
            for i, e, user in zip(ids, events, people[0], strict=True)
        ],
        "user_groups": [i.groups or None for i in ids],
        "scopes": [i.scopes or e.requested_scopes or None for i, e in zip(ids, events, strict=True)],
        "credential_kind": [_CREDENTIALS.get(i.credential_type or "") for i in ids],
        "user_agent": [r.user_agent or None for r in requests],
        "client_oauth_id": clients,
        "client_identity_source": [
            "oauth_client_id" if c else client_source(None, r.user_agent)
            for c, r in zip(clients, requests, strict=True)
        ],
        "client_address": [host_of(r.client_ip) if r.client_ip else None for r in requests],
    }


@lru_cache(maxsize=8192)
def _person(
    subject: str | None, name: str | None, digest: str | None, auth: str | None, credential: str | None
) -> tuple[str | None, str, str, str | None]:
    """Return id, kind, assurance and how they authenticated."""
    method: str | None = "oauth_jwt" if auth in ("oauth2", "jwt_bearer") else "unknown" if auth else None
    if auth == "anonymous":
        return None, "anonymous", "anonymous", "anonymous"
    if credential == "session_cookie":
        method = "session_cookie"
    assurance = _ASSURANCE.get(auth or "", "unknown")
    if subject:
        return subject, "idp_sub", assurance, method
    if name:
        return name, "email" if "@" in name else "local_id", assurance, method
    if digest:
        return digest, "hash", assurance, method
    return None, "none", "unknown", method


def _target(events: Sequence[wire.Record]) -> dict[str, Any]:
    asked = [e.mcp_request or wire.NO_MCP_REQUEST for e in events]
    servers = [e.mcp_server or wire.NO_SERVER for e in events]
    actions = [e.action or wire.NO_ACTION for e in events]
    return {
        "event_kind": [
            _kind(e.log_type, r.method, a.operation) for e, r, a in zip(events, asked, actions, strict=True)
        ],
        "mcp_method": [r.method or None for r in asked],
        "tool_name_exposed": [r.tool_name or None for r in asked],
        "tool_name": [r.tool_name or None for r in asked],
        "resource_uri": [r.resource_uri or None for r in asked],
        "server_name": [s.name or None for s in servers],
        "server_id": [s.path or None for s in servers],
        "session_id": [r.mcp_session_id or None for r in asked],
        "session_kind": ["mcp" if r.mcp_session_id else None for r in asked],
        "transport": [TRANSPORTS.get(r.transport, "unknown") if r.transport else None for r in asked],
        "jsonrpc_id": [None if r.jsonrpc_id in (None, "") else str(r.jsonrpc_id) for r in asked],
    }


@lru_cache(maxsize=1024)
def _kind(log_type: str, method: str | None, operation: str | None) -> str:
    if log_type == wire.MCP:
        return kind_of(method)
    if log_type == wire.MINT:
        return "token_mint"
    if operation in ("login", "logout"):
        return "authn"
    return "entity_change" if operation in _CHANGES else "http_request"


def _judgement(events: Sequence[wire.Record]) -> dict[str, Any]:
    answers = [e.mcp_response or wire.NO_MCP_RESPONSE for e in events]
    responses = [e.response or wire.NO_RESPONSE for e in events]
    decided = [e.authorization or wire.NO_AUTHORIZATION for e in events]
    verdicts = transpose(
        [_verdict(e, a, r, d) for e, a, r, d in zip(events, answers, responses, decided, strict=True)], 5
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "parse_warnings": [[w] if w else None for w in verdicts[4]],
        "decision_reason": [
            (e.failure_reason or None) if d == "deny" else None
            for e, d in zip(events, verdicts[0], strict=True)
        ],
        "required_scopes": [[d.required_permission] if d.required_permission else None for d in decided],
        "http_status": [r.status_code for r in responses],
        "jsonrpc_error_code": [a.error_code for a in answers],
        "error_message": [
            a.error_message or e.failure_reason or None for a, e in zip(answers, events, strict=True)
        ],
        "duration_ms": [
            a.duration_ms if a.duration_ms is not None else r.duration_ms
            for a, r in zip(answers, responses, strict=True)
        ],
        "request_bytes": [(e.request or wire.NO_REQUEST).content_length for e in events],
        "response_bytes": [r.content_length for r in responses],
    }


_Verdict = tuple[str, str | None, str | None, str, str | None]


def _verdict(
    event: wire.Record, answer: wire.McpResponse, response: wire.HttpResponse, decided: wire.Authorization
) -> _Verdict:
    """Return decision, who decided, basis, outcome and a warning."""
    if event.log_type == wire.MCP:
        return _called(answer.status, answer.error_code)
    if event.log_type == wire.MINT:
        return _minted(event.outcome, event.failure_reason)
    return _asked(decided.decision, response.status_code)


@lru_cache(maxsize=1024)
def _called(status: str | None, code: int | None) -> _Verdict:
    if status == "error":
        if code is not None:
            return "unknown", None, None, "protocol_error", None
        return "unknown", None, None, "unknown", "error_kind_unknown"
    outcome = status if status in ("success", "timeout") else "unknown"
    return "unknown", None, None, outcome, None if status in _STATUSES else "unknown_outcome"


@lru_cache(maxsize=256)
def _minted(outcome: str | None, reason: str | None) -> _Verdict:
    if outcome == "failure" and reason == "rate_limited":
        return "deny", "rate_limit", "explicit", "denied", None
    if outcome == "success":
        return "not_evaluated", None, None, "success", None
    return (
        "unknown",
        None,
        None,
        "unknown",
        "error_kind_unknown" if outcome == "failure" else "unknown_outcome",
    )


@lru_cache(maxsize=1024)
def _asked(decision: str | None, status: int | None) -> _Verdict:
    if decision == "DENY":
        return "deny", "acl", "explicit", "denied", None
    if status in _DENIERS and decision != "ALLOW":
        return "deny", _DENIERS[status], "strong", "denied", None
    known = _DECISIONS.get(decision or "", "unknown")
    outcome = "unknown" if not status else "success" if status < 400 else "protocol_error"
    if status in (408, 504):
        outcome = "timeout"
    elif status and status >= 500:
        outcome = "transport_error"
    allowed = known == "allow"
    warning = None if decision is None or decision in _DECISIONS else "unknown_decision"
    return known, "acl" if allowed else None, "explicit" if allowed else None, outcome, warning


def _unnamed(events: Sequence[wire.Record], columns: dict[str, Any]) -> dict[str, Any]:
    """Return the fields without a column, and those whose value has none."""
    ids = [e.identity or wire.NO_IDENTITY for e in events]
    servers = [e.mcp_server or wire.NO_SERVER for e in events]
    requests = [e.request or wire.NO_REQUEST for e in events]
    actions = [e.action or wire.NO_ACTION for e in events]
    decided = [e.authorization or wire.NO_AUTHORIZATION for e in events]
    hashes = [e.username_hash for e in events]
    nowhere = [None] * len(events)
    return {
        "/correlation_id": unless([e.correlation_id for e in events], columns["trace_id"]),
        "/identity/is_admin": [_TRUE if i.is_admin else ABSENT for i in ids],
        "/identity/credential_hint": [i.credential_hint for i in ids],
        "/mcp_server/version": [s.version for s in servers],
        "/mcp_server/proxy_target": [s.proxy_target for s in servers],
        "/mcp_response/status": unknown(
            [(e.mcp_response or wire.NO_MCP_RESPONSE).status for e in events], _STATUSES
        ),
        "/request/method": [r.method for r in requests],
        "/request/path": [r.path for r in requests],
        "/request/query_params": [ABSENT if r.query_params == _EMPTY else r.query_params for r in requests],
        "/request/forwarded_for": unless([r.forwarded_for for r in requests], nowhere),
        "/action/operation": unless([a.operation for a in actions], nowhere),
        "/action/resource_type": unless([a.resource_type for a in actions], nowhere),
        "/action/resource_id": unless([a.resource_id for a in actions], nowhere),
        "/action/description": [a.description for a in actions],
        "/action/idp_skip_reason": [a.idp_skip_reason for a in actions],
        "/action/metadata": [ABSENT if a.metadata == _EMPTY else a.metadata for a in actions],
        "/authorization/decision": unknown([d.decision for d in decided], _DECISIONS),
        "/authorization/evaluated_scopes": [
            msgspec.Raw(msgspec.json.encode(d.evaluated_scopes)) if d.evaluated_scopes else ABSENT
            for d in decided
        ],
        **{f"/identity/{name}": list(map(attrgetter(name), ids)) for name in wire.CLAIMED},
        **{f"/{name}": list(map(attrgetter(name), events)) for name in (*wire.CLAIMED, *wire.MINTED)},
        "/username_hash": unless(hashes, [k if k == "hash" else None for k in columns["user_id_kind"]]),
    }


_TRUE, _EMPTY = msgspec.Raw(b"true"), msgspec.Raw(b"{}")
