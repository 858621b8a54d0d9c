"""OCSF API Activity (class 6003), with the profiles ai_operation, security_control and trace.

OCSF has no class for MCP. `api.operation` is read as the MCP method where it is one, and else, where the event has an
ai_operation profile, as the name of the tool that was called; without either the event is of kind `other`, for API
Activity is also what clouds write of any API. The server is `message_context.service`, or `api.service.name`.
`actor.app_uid` is the OAuth client, `actor.app_name` and `message_context.application` what the client calls itself.

The decision is `action_id` (allowed, denied, observed, modified) or a disposition of Blocked or Unauthorized, and
explicit; without them an HTTP or API code of 401 or 403 is a denial with strong basis. `status_id` tells success from
failure and not the kind of failure: that is inferred (warning error_kind_inferred). A user is as good as the product
that wrote it, which an event does not tell: the assurance is `unknown`. Times are milliseconds.

To switch it on: have the product or pipeline that speaks OCSF write one JSON event a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, raws, transpose
from ingest.mcp import METHOD_KINDS, span_of, trace_of
from ingest.parsed import Parsed
from ingest.times import of_number
from ingest.wire import ocsf as wire
from ingest.wire.ocsf_rest import unnamed

SUMMARY = "OCSF API Activity 6003 (profiles ai_operation, security_control, trace)"
SIGNATURES = ({"class_uid": 6003, "metadata": None},)

Raw = msgspec.Raw
_resources = msgspec.json.Decoder(list[wire.Resource])


def parse(records: Sequence[bytes]) -> Parsed:
    """Read API activities, one per record."""
    decoded = decode(records, wire.Event)
    events = decoded.events
    apis = [e.api or wire.Api() for e in events]
    asked = [a.request or wire.Request() for a in apis]
    answers = [a.response or wire.Response() for a in apis]
    metas = [e.metadata or wire.Metadata() for e in events]
    actors = [e.actor or wire.Actor() for e in events]
    columns: dict[str, Any] = {
        **_envelope(events, metas),
        **_people(events, actors),
        **_target(events, apis, metas),
        **_judgement(events, answers),
        "http_request_id": [
            (e.http_request.uid if e.http_request else None) or m.correlation_uid or None
            for e, m in zip(events, metas, strict=True)
        ],
        "jsonrpc_id": [a.uid or None for a in asked],
        "arguments": raws([a.data for a in asked]),
        "result": raws([a.data for a in answers]),
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), unnamed(events, actors, apis))
    constants = {"evidence_kind": "audit_event", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _envelope(events: Sequence[wire.Event], metas: Sequence[wire.Metadata]) -> dict[str, Any]:
    products = [m.product or wire.Product() for m in metas]
    traces = [e.trace or wire.Trace() for e in events]
    return {
        "event_time": [_millis(e.time) or e.time_dt or None for e in events],
        "recorded_time": [_millis(m.logged_time) for m in metas],
        "native_event_id": [m.uid or None for m in metas],
        "source_system": [p.name or "ocsf" for p in products],
        "source_instance": [p.uid or None for p in products],
        "trace_id": [trace_of(t.uid) for t in traces],
        "span_id": [span_of(t.span.uid) if t.span else None for t in traces],
    }


def _millis(value: int | None) -> str | None:
    return None if value is None else of_number(value / 1000)


def _people(events: Sequence[wire.Event], actors: Sequence[wire.Actor]) -> dict[str, Any]:
    users = [a.user or wire.User() for a in actors]
    sessions = [a.session or wire.Session() for a in actors]
    contexts = [e.context or wire.Context() for e in events]
    clients = [a.app_name or wire.name_of(c.application) for a, c in zip(actors, contexts, strict=True)]
    agents = [e.agent or wire.Agent() for e in events]
    return {
        "user_id": [u.uid or None for u in users],
        "user_name": [u.full_name or u.name or None for u in users],
        "user_email": [u.email_addr or None for u in users],
        "user_groups": [[n for g in u.groups if (n := g.name or g.uid)] or None for u in users],
        "org_id": [u.org.uid or u.org.name or None if u.org else None for u in users],
        "user_issuer": [s.issuer or None for s in sessions],
        "user_id_kind": [
            ("idp_sub" if s.issuer else "local_id") if u.uid else "none"
            for u, s in zip(users, sessions, strict=True)
        ],
        "user_assurance": ["unknown"] * len(users),
        "client_oauth_id": [a.app_uid or None for a in actors],
        "client_name": clients,
        "client_identity_source": [
            "oauth_client_id" if a.app_uid else "client_info" if c else "none"
            for a, c in zip(actors, clients, strict=True)
        ],
        "user_agent": [e.http_request.user_agent or None if e.http_request else None for e in events],
        "client_address": [e.src.ip or None if e.src else None for e in events],
        "credential_id": [s.credential_uid or None for s in sessions],
        "session_id": [c.uid or s.uid or None for c, s in zip(contexts, sessions, strict=True)],
        "session_kind": [
            "conversation" if c.uid else "gateway_session" if s.uid else None
            for c, s in zip(contexts, sessions, strict=True)
        ],
        "agent_id": [a.uid or None for a in agents],
        "agent_name": [a.name or None for a in agents],
        "model_name": [e.model.name or None if e.model else None for e in events],
        "model_provider": [e.model.ai_provider or None if e.model else None for e in events],
    }


def _target(
    events: Sequence[wire.Event], apis: Sequence[wire.Api], metas: Sequence[wire.Metadata]
) -> dict[str, Any]:
    placed = transpose(
        [
            _place(a.operation, bool(e.context or e.agent or "ai_operation" in m.profiles))
            for e, a, m in zip(events, apis, metas, strict=True)
        ],
        3,
    )
    resources = [_named(e.resources) for e in events]
    tools = [
        (t or r) if m == "tools/call" else None
        for t, m, r in zip(placed[2], placed[1], resources, strict=True)
    ]
    return {
        "event_kind": placed[0],
        "mcp_method": placed[1],
        "tool_name": tools,
        "tool_name_exposed": tools,
        "resource_uri": [
            r if m == "resources/read" else None for r, m in zip(resources, placed[1], strict=True)
        ],
        "prompt_name": [r if m == "prompts/get" else None for r, m in zip(resources, placed[1], strict=True)],
        "server_name": [
            (wire.name_of(e.context.service) if e.context else None)
            or (a.service.name if a.service else None)
            or (e.dst.svc_name or e.dst.name or e.dst.hostname if e.dst else None)
            or None
            for e, a in zip(events, apis, strict=True)
        ],
        "server_id": [
            (a.service.uid if a.service else None) or (e.dst.uid if e.dst else None) or None
            for e, a in zip(events, apis, strict=True)
        ],
        "operation_class": [wire.OPERATIONS.get(e.activity_id or 0) for e in events],
    }


@lru_cache(maxsize=8192)
def _place(operation: str | None, of_ai: bool) -> tuple[str, str | None, str | None]:
    """Return kind, MCP method and tool."""
    if operation in METHOD_KINDS:
        return METHOD_KINDS[operation], operation, None
    if operation and of_ai:
        return "tool_call", "tools/call", operation
    return "other", None, None


def _named(resources: Raw) -> str | None:
    """Return the name of the first resource, or its id."""
    try:
        first = None if resources is ABSENT else next(iter(_resources.decode(resources)), None)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return first.name or first.uid or None if first is not None else None


def _judgement(events: Sequence[wire.Event], answers: Sequence[wire.Response]) -> dict[str, Any]:
    statuses = [e.http_response.code if e.http_response else None for e in events]
    codes = [a.code if a.code is not None and a.code < 0 else None for a in answers]
    verdicts = transpose(
        [
            _verdict(
                e.action_id,
                e.disposition_id,
                e.status_id,
                h if h is not None else a.code,
                a.error,
                bool(e.policy),
            )
            for e, h, a in zip(events, statuses, answers, strict=True)
        ],
        5,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "parse_warnings": [None if w is None else [w] for w in verdicts[4]],
        "decision_reason": [
            e.status_detail or e.disposition or None if v in ("deny", "observe", "modify") else None
            for e, v in zip(events, verdicts[0], strict=True)
        ],
        "policy_id": [e.policy.uid or e.policy.name or None if e.policy else None for e in events],
        "policy_version": [e.policy.version or None if e.policy else None for e in events],
        "http_status": [
            h if h is not None else a.code if a.code is not None and a.code >= 100 else None
            for h, a in zip(statuses, answers, strict=True)
        ],
        "jsonrpc_error_code": codes,
        "error_message": [a.error_message or a.error or None for a in answers],
        "duration_ms": [None if e.duration is None else float(e.duration) for e in events],
        "response_bytes": [e.http_response.length if e.http_response else None for e in events],
    }


@lru_cache(maxsize=4096)
def _verdict(
    action: int | None,
    disposition: int | None,
    status: int | None,
    code: int | None,
    error: str | None,
    by_policy: bool,
) -> tuple[str, str | None, str | None, str, str | None]:
    """Return decision, who decided, basis, outcome and a warning."""
    who = "policy_engine" if by_policy else "unknown"
    said = wire.ACTIONS.get(action or 0)
    if said == "deny" or (said is None and disposition in wire.REFUSALS):
        return "deny", who, "explicit", "denied", None
    if said is None and code in (401, 403):
        return "deny", "authn" if code == 401 else who, "strong", "denied", None
    outcome, warning = _ending(status, code, error)
    return (said, who, "explicit", outcome, warning) if said else ("unknown", None, None, outcome, warning)


def _ending(status: int | None, code: int | None, error: str | None) -> tuple[str, str | None]:
    if code in (408, 504):
        return "timeout", None
    if code is not None and (code < 0 or code >= 400):
        return "transport_error" if code >= 500 else "protocol_error", None
    if status == 2 or error == "tool_error":
        return "tool_error", None if error == "tool_error" else "error_kind_inferred"
    return ("success" if status == 1 else "unknown"), None
